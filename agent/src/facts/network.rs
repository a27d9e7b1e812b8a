//! Network adapters, and whether they answer ARP while the machine sleeps: on some models that makes the network slow or
//! lose it. Adapters are the driver's subkeys of the network class; what a driver cannot do it does not name.

use kaishin_proto::convert::Facts;
use kaishin_proto::value::{Reason, Table, Value};

use super::{About, list, row, text};
use crate::os::{Hive, Links, Os, OsError, Read};

pub const CLASS: &str = r"SYSTEM\CurrentControlSet\Control\Class\{4D36E972-E325-11CE-BFC1-08002BE10318}";
pub const ARP_OFFLOAD: &str = "*PMARPOffload";
/// More than these are no machine of a clinic.
const MOST: usize = 64;
/// Bits of a driver's `Characteristics`: made by software, or not to be seen by people.
const VIRTUAL: u32 = 0x1;
const HIDDEN: u32 = 0x8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// Below [`CLASS`].
    pub key: String,
    pub name: String,
    pub arp_offload: ArpOffload,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArpOffload {
    On,
    Off,
    /// The driver has no such setting.
    NotApplicable,
}

pub fn collect(os: &dyn Os, about: &About) -> Facts {
    let adapters = adapters(os);
    let wanted = &about.profile.arp.adapters;
    let on = adapters.as_ref().map_err(OsError::clone).map(|adapters| {
        let on = adapters.iter().filter(|adapter| adapter.arp_offload == ArpOffload::On);
        on.map(|adapter| adapter.name.clone()).collect()
    });
    vec![
        row(
            "network.adapters",
            adapters.map_or_else(Value::from, |found| table(&found, wanted)),
        ),
        row("network.arp_offload", list(on)),
        row(
            "network.connection",
            text(os.links().map(|links| connection(links).to_owned())),
        ),
    ]
}

fn connection(links: Links) -> &'static str {
    match (links.wired, links.wireless) {
        (true, true) => "both",
        (true, false) => "wired",
        (false, true) => "wireless",
        (false, false) => "none",
    }
}

/// The machine's real adapters.
pub fn adapters(os: &dyn Os) -> Read<Vec<Adapter>> {
    let absent = || OsError::not_found(format!("HKLM\\{CLASS} is absent"));
    let class = os.registry_list(Hive::LocalMachine, CLASS)?.ok_or_else(absent)?;
    let mut adapters = Vec::new();
    // Four digits; `Properties` beside them is closed even to administrators.
    let numbered = class
        .subkeys
        .iter()
        .filter(|name| name.len() == 4 && name.bytes().all(|digit| digit.is_ascii_digit()));
    for number in numbered.take(MOST) {
        adapters.extend(adapter(os, &format!("{CLASS}\\{number}"))?);
    }
    Ok(adapters)
}

fn adapter(os: &dyn Os, key: &str) -> Read<Option<Adapter>> {
    let get = |name: &str| os.registry_get(Hive::LocalMachine, key, name);
    let Some(name) = get("DriverDesc")? else {
        return Ok(None);
    };
    if let Some(kind) = get("Characteristics")?
        && kind.as_u32()? & (VIRTUAL | HIDDEN) != 0
    {
        return Ok(None);
    }
    Ok(Some(Adapter {
        key: key.to_owned(),
        name: name.as_text()?,
        arp_offload: arp_offload(os, key)?,
    }))
}

fn arp_offload(os: &dyn Os, key: &str) -> Read<ArpOffload> {
    let parameter = format!(r"{key}\Ndi\Params\{ARP_OFFLOAD}");
    if os.registry_list(Hive::LocalMachine, &parameter)?.is_none() {
        return Ok(ArpOffload::NotApplicable);
    }
    // Absent means what the driver says it means.
    let set = os.registry_get(Hive::LocalMachine, key, ARP_OFFLOAD)?;
    let value = match set {
        Some(value) => Some(value),
        None => os.registry_get(Hive::LocalMachine, &parameter, "default")?,
    };
    let value = value.ok_or_else(|| OsError::new(Reason::NotFound, format!("{parameter} has no default")))?;
    match value.as_text()?.as_str() {
        "0" => Ok(ArpOffload::Off),
        "1" => Ok(ArpOffload::On),
        other => Err(OsError::damaged(format!("{ARP_OFFLOAD} is {other:?}"))),
    }
}

/// Case and spaces do not count: drivers of one adapter do not agree on them.
pub fn same_name(left: &str, right: &str) -> bool {
    let plain = |name: &str| -> String {
        let letters = name.chars().filter(|letter| !letter.is_whitespace());
        letters.flat_map(char::to_lowercase).collect()
    };
    plain(left) == plain(right)
}

fn table(adapters: &[Adapter], wanted: &[String]) -> Value {
    let line = |adapter: &Adapter| {
        let arp = match adapter.arp_offload {
            ArpOffload::On => "on",
            ArpOffload::Off => "off",
            ArpOffload::NotApplicable => "not_applicable",
        };
        let named = wanted.iter().any(|name| same_name(name, &adapter.name));
        let named = if named { "yes" } else { "no" };
        vec![
            adapter.name.chars().take(120).collect(),
            arp.to_owned(),
            named.to_owned(),
        ]
    };
    Value::Table(Table {
        columns: ["adapter", "arp_offload", "named"].map(str::to_owned).to_vec(),
        rows: adapters.iter().map(line).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{listed, reason, sim, value};
    use super::*;
    use crate::os::sim::Sim;
    use crate::os::{RegistryKind, RegistryValue};

    fn key(rest: &str) -> String {
        format!(r"{CLASS}\{rest}")
    }

    fn put(sim: &Sim, at: &str, name: &str, value: &str) {
        sim.poke(Hive::LocalMachine, &key(at), name, Some(RegistryValue::text(value)));
    }

    /// Nothing but what the test puts there.
    fn bare() -> Sim {
        let sim = sim();
        sim.remove_key(Hive::LocalMachine, CLASS);
        sim
    }

    #[test]
    fn offload_is_what_is_set_or_else_what_the_driver_says_it_is() {
        let sim = bare();
        for (number, name) in ["0000", "0001", "0002", "0003"]
            .into_iter()
            .zip(["set on", "set off", "default", "without"])
        {
            put(&sim, number, "DriverDesc", name);
            if name != "without" {
                put(&sim, &format!(r"{number}\Ndi\params\*pmarpoffload"), "default", "1");
            }
        }
        put(&sim, "0000", ARP_OFFLOAD, "1");
        put(&sim, "0001", ARP_OFFLOAD, "0");
        // Left by a driver that is gone: nobody reads it any more.
        put(&sim, "0003", ARP_OFFLOAD, "1");
        put(&sim, "0004", "DriverDesc", "WAN Miniport (IP)");
        let hidden = RegistryValue::dword(0x29);
        sim.poke(Hive::LocalMachine, &key("0004"), "Characteristics", Some(hidden));
        put(&sim, "Properties", "DriverDesc", "no adapter");
        assert_eq!(listed(&sim, "network.arp_offload"), ["set on", "default"]);
        let Value::Table(table) = value(&sim, "network.adapters") else {
            panic!()
        };
        let offload: Vec<_> = table.rows.iter().map(|row| row[1].as_str()).collect();
        assert_eq!(offload, ["on", "off", "on", "not_applicable"]);
    }

    #[test]
    fn a_driver_is_known_by_its_letters() {
        assert!(same_name(
            "Realtek PCIe GbE Family Controller",
            "realtek  pcie gbe family controller "
        ));
        assert!(same_name(
            "Intel(R) Wi-Fi 6 AX201 160MHz",
            "Intel(R) Wi-Fi 6 AX201 160 MHz"
        ));
        assert!(!same_name(
            "Realtek PCIe GbE Family Controller",
            "Realtek PCIe GbE Family Controller #2"
        ));
    }

    #[test]
    fn one_adapter_that_cannot_be_read_makes_the_list_unknown() {
        let odd = [
            RegistryValue::new(RegistryKind::SZ, vec![0x31]),
            RegistryValue::text("on"),
            RegistryValue::dword(1),
        ];
        for odd in odd {
            let sim = bare();
            put(&sim, "0000", "DriverDesc", "Realtek");
            put(&sim, &format!(r"0000\Ndi\Params\{ARP_OFFLOAD}"), "default", "1");
            sim.poke(Hive::LocalMachine, &key("0000"), ARP_OFFLOAD, Some(odd));
            assert_eq!(reason(&value(&sim, "network.arp_offload")), Some(Reason::Damaged));
        }
        let sim = bare();
        assert_eq!(reason(&value(&sim, "network.arp_offload")), Some(Reason::NotFound));
        put(&sim, "0000", "DriverDesc", "Realtek");
        put(&sim, &format!(r"0000\Ndi\Params\{ARP_OFFLOAD}"), "ParamDesc", "ARP");
        assert_eq!(reason(&value(&sim, "network.arp_offload")), Some(Reason::NotFound));
        sim.deny(Hive::LocalMachine, &key("0000"));
        assert_eq!(reason(&value(&sim, "network.adapters")), Some(Reason::NoPermission));
    }

    #[test]
    fn a_terminal_may_be_connected_both_ways() {
        let sim = sim();
        for (wired, wireless, expected) in [
            (true, true, "both"),
            (true, false, "wired"),
            (false, true, "wireless"),
            (false, false, "none"),
        ] {
            sim.set_links(Links { wired, wireless });
            assert_eq!(value(&sim, "network.connection"), Value::Text(expected.into()));
        }
        sim.fail_call(1, OsError::failed("adapters"));
        assert_eq!(reason(&value(&sim, "network.adapters")), Some(Reason::Failed));
    }
}
