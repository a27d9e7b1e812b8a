//! The boot that the terminal lives in, and whether it waits for the next.

use kaishin_proto::convert::Facts;

use super::{About, row, text, time, truth};
use crate::os::{Hive, Os, Read};

const WINDOWS_UPDATE: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired";
const SERVICING: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending";

pub fn collect(os: &dyn Os, _: &About) -> Facts {
    let boot = os.boot();
    vec![
        row("boot.time", time(boot.time)),
        row("boot.id", text(boot.id)),
        row("boot.restart_pending", truth(restart_pending(os))),
    ]
}

/// Windows makes one of these keys and removes it at the restart; their mere presence is the message.
pub fn restart_pending(os: &dyn Os) -> Read<bool> {
    for key in [WINDOWS_UPDATE, SERVICING] {
        if os.registry_list(Hive::LocalMachine, key)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::super::tests::sim;
    use super::*;
    use crate::os::RegistryValue;
    use kaishin_proto::value::Reason;

    #[test]
    fn a_key_left_by_update_or_servicing_is_a_pending_restart() {
        for key in [WINDOWS_UPDATE, SERVICING] {
            let sim = sim();
            sim.reboot();
            assert_eq!(restart_pending(&sim), Ok(false));
            sim.poke(Hive::LocalMachine, key, "", Some(RegistryValue::text("")));
            assert_eq!(restart_pending(&sim), Ok(true));
            sim.deny(Hive::LocalMachine, key);
            assert_eq!(restart_pending(&sim).unwrap_err().reason, Reason::NoPermission);
        }
    }
}
