//! Where the terminal takes its time from, and how far off it is by our own measure.

use kaishin_proto::convert::Facts;
use kaishin_proto::time::Span;

use super::{About, row, span, text};
use crate::os::{Hive, Os, OsError, Read};

pub const PARAMETERS: &str = r"SYSTEM\CurrentControlSet\Services\W32Time\Parameters";
const ZONE: &str = r"SYSTEM\CurrentControlSet\Control\TimeZoneInformation";
/// Finer than this is the line's jitter, and would look like a change each time.
const GRAIN: i64 = 100_000;

pub fn collect(os: &dyn Os, about: &About) -> Facts {
    let source = machine_text(os, PARAMETERS, "NtpServer").map(|servers| hosts(&servers).join(" "));
    let offset = offset(os, &about.profile.time.server, source.as_deref().unwrap_or_default());
    vec![
        row("time.source", text(source)),
        row("time.type", text(machine_text(os, PARAMETERS, "Type"))),
        row("time.offset", span(offset)),
        row("time.zone", text(machine_text(os, ZONE, "TimeZoneKeyName"))),
    ]
}

fn machine_text(os: &dyn Os, key: &str, name: &str) -> Read<String> {
    let absent = || OsError::not_found(format!("HKLM\\{key}\\{name} is absent"));
    let value = os.registry_get(Hive::LocalMachine, key, name)?.ok_or_else(absent)?;
    let text = value.as_text()?;
    if text.is_empty() { Err(absent()) } else { Ok(text) }
}

/// `ntp.example,0x9 time.windows.com,0x8`: hosts with flags that do not matter here.
fn hosts(servers: &str) -> Vec<&str> {
    let hosts = servers.split_whitespace().filter_map(|entry| entry.split(',').next());
    hosts.filter(|host| !host.is_empty()).collect()
}

/// By the server that terminals should ask; where that is out of reach, by those that this one does ask.
fn offset(os: &dyn Os, wanted: &str, source: &str) -> Read<Span> {
    let first = match os.clock_offset(wanted) {
        Ok(offset) => return Ok(rounded(offset)),
        Err(error) => error,
    };
    let others = source
        .split(' ')
        .filter(|host| !host.is_empty() && *host != wanted)
        .take(2);
    for host in others {
        if let Ok(offset) = os.clock_offset(host) {
            return Ok(rounded(offset));
        }
    }
    Err(first)
}

fn rounded(offset: Span) -> Span {
    Span((offset.0 + GRAIN / 2).div_euclid(GRAIN) * GRAIN)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{reason, sim, value};
    use super::*;
    use crate::os::{RegistryKind, RegistryValue};
    use kaishin_proto::value::{Reason, Value};

    fn set(sim: &crate::os::sim::Sim, servers: RegistryValue) {
        sim.poke(Hive::LocalMachine, PARAMETERS, "NtpServer", Some(servers));
    }

    #[test]
    fn servers_are_named_without_their_flags() {
        let sim = sim();
        set(
            &sim,
            RegistryValue::text("ntp.base.oqs-pdl.org,0x9  time.windows.com,0x8 ,"),
        );
        let found = value(&sim, "time.source");
        assert_eq!(found, Value::Text("ntp.base.oqs-pdl.org time.windows.com".into()));
    }

    #[test]
    fn the_offset_is_ours_to_measure_and_without_any_server_unknown() {
        let sim = sim();
        sim.cut_off(&[]);
        sim.set_behind(Span::millis(-93_049));
        assert_eq!(value(&sim, "time.offset"), Value::Duration(Span::seconds(-93)));
        set(&sim, RegistryValue::text("time.windows.com,0x9"));
        sim.cut_off(&["ntp.base.oqs-pdl.org"]);
        assert_eq!(value(&sim, "time.offset"), Value::Duration(Span::seconds(-93)));
        sim.cut_off(&["ntp.base.oqs-pdl.org", "time.windows.com"]);
        assert_eq!(reason(&value(&sim, "time.offset")), Some(Reason::Failed));
    }

    #[test]
    fn damaged_and_denied_values_are_unknown() {
        let sim = sim();
        set(&sim, RegistryValue::new(RegistryKind::SZ, vec![0x00, 0xd8, 0x41]));
        assert_eq!(reason(&value(&sim, "time.source")), Some(Reason::Damaged));
        set(&sim, RegistryValue::text(""));
        assert_eq!(reason(&value(&sim, "time.source")), Some(Reason::NotFound));
        sim.deny(Hive::LocalMachine, ZONE);
        assert_eq!(reason(&value(&sim, "time.zone")), Some(Reason::NoPermission));
    }
}
