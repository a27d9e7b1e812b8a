//! Adapters stop answering ARP while the machine sleeps: `*PMARPOffload` becomes "0" on those that the profile names.

use super::Around;
use super::setting::{Plan, Want};
use crate::facts::network::{ARP_OFFLOAD, ArpOffload, adapters, same_name};
use crate::os::{Os, Read, RegistryValue};

pub fn plan(os: &dyn Os, around: &Around) -> Read<Plan> {
    let named = &around.about.profile.arp.adapters;
    let mut wants = Vec::new();
    for adapter in adapters(os)? {
        let meant = named.iter().any(|name| same_name(name, &adapter.name));
        if meant && adapter.arp_offload != ArpOffload::NotApplicable {
            wants.push(Want::machine(os, &adapter.key, ARP_OFFLOAD, RegistryValue::text("0")));
        }
    }
    if wants.is_empty() {
        return Ok(Plan::NotApplicable(
            "no adapter here is one of those named that have the setting".to_owned(),
        ));
    }
    Plan::of(wants)
}

#[cfg(test)]
mod tests {
    use super::super::act;
    use super::super::setting::tests::{around, puts_right, survives_a_sick_machine};
    use super::*;
    use crate::facts::network::CLASS;
    use crate::facts::tests::sim;
    use crate::os::Hive;
    use crate::os::sim::Sim;
    use crate::words;
    use kaishin_proto::remedy::Remedy;

    const HKLM: Hive = Hive::LocalMachine;

    /// Adapters by number: name, and the setting where the driver has it.
    fn with(found: &[(&str, Option<&str>)]) -> Sim {
        let sim = sim();
        sim.remove_key(HKLM, CLASS);
        for (number, (name, setting)) in found.iter().enumerate() {
            let key = format!("{CLASS}\\{number:04}");
            sim.poke(HKLM, &key, "DriverDesc", Some(RegistryValue::text(name)));
            if let Some(setting) = setting {
                let parameter = format!(r"{key}\Ndi\Params\{ARP_OFFLOAD}");
                sim.poke(HKLM, &parameter, "default", Some(RegistryValue::text("1")));
                sim.poke(HKLM, &key, ARP_OFFLOAD, Some(RegistryValue::text(setting)));
            }
        }
        sim
    }

    fn laptop() -> Sim {
        let named = around().about.profile.arp.adapters.clone();
        with(&[
            (&named[0], Some("1")),
            (&named[1], Some("1")),
            ("Some other NIC", Some("1")),
        ])
    }

    #[test]
    fn the_named_adapters_end_without_it_and_others_are_left_alone() {
        let sim = laptop();
        puts_right(Remedy::ArpOffloadOff, &sim);
        let other = sim.peek(HKLM, &format!("{CLASS}\\0002"), ARP_OFFLOAD);
        assert_eq!(other, Some(RegistryValue::text("1")));
    }

    #[test]
    fn a_machine_without_such_an_adapter_is_not_meant() {
        let named = around().about.profile.arp.adapters.clone();
        for sim in [with(&[("Some other NIC", Some("1"))]), with(&[(&named[0], None)])] {
            let failed = act(Remedy::ArpOffloadOff, "read-before", &sim, &around()).unwrap_err();
            assert_eq!(failed.code, words::JOB_NOT_APPLICABLE);
        }
    }

    #[test]
    fn a_sick_machine_is_told_and_the_next_try_ends_right() {
        survives_a_sick_machine(Remedy::ArpOffloadOff, laptop);
    }
}
