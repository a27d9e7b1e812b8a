//! Windows takes its time from the server that the terminal's profile names, and from no other.

use super::Around;
use super::setting::{Plan, Want};
use crate::facts::time::PARAMETERS;
use crate::os::{Os, Read, RegistryValue};

pub fn plan(os: &dyn Os, around: &Around) -> Read<Plan> {
    let server = &around.about.profile.time.server;
    // Asked at Windows' own intervals, as a client.
    let list = RegistryValue::text(&format!("{server},0x9"));
    Plan::of([
        Want::machine(os, PARAMETERS, "NtpServer", list),
        Want::machine(os, PARAMETERS, "Type", RegistryValue::text("NTP")),
    ])
}

#[cfg(test)]
mod tests {
    use kaishin_proto::remedy::Remedy;

    use super::super::setting::tests::{puts_right, survives_a_sick_machine};
    use super::*;
    use crate::facts::tests::sim;
    use crate::os::Hive;
    use crate::os::sim::Sim;

    fn with(server: Option<&str>, kind: &str) -> Sim {
        let sim = sim();
        sim.poke(
            Hive::LocalMachine,
            PARAMETERS,
            "NtpServer",
            server.map(RegistryValue::text),
        );
        sim.poke(Hive::LocalMachine, PARAMETERS, "Type", Some(RegistryValue::text(kind)));
        sim
    }

    #[test]
    fn the_server_of_the_profile_is_the_only_source() {
        for server in [
            None,
            Some("time.windows.com,0x9"),
            Some("ntp.base.oqs-pdl.org,0x9 time.windows.com,0x8"),
        ] {
            puts_right(Remedy::TimeSource, &with(server, "NTP"));
        }
        puts_right(Remedy::TimeSource, &with(Some("ntp.base.oqs-pdl.org,0x9"), "NoSync"));
    }

    #[test]
    fn a_sick_machine_is_told_and_the_next_try_ends_right() {
        survives_a_sick_machine(Remedy::TimeSource, || with(None, "NT5DS"));
    }
}
