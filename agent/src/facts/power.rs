//! Whether Windows really shuts down.

use kaishin_proto::convert::Facts;
use kaishin_proto::value::Reason;

use super::{About, row, span, truth};
use crate::os::{Hive, Os, Read};

pub const SESSION_POWER: &str = r"SYSTEM\CurrentControlSet\Control\Session Manager\Power";
pub const HIBERBOOT: &str = "HiberbootEnabled";
const POWER: &str = r"SYSTEM\CurrentControlSet\Control\Power";

pub fn collect(os: &dyn Os, _: &About) -> Facts {
    let sleep = os.sleep_after();
    vec![
        row("power.fast_startup", truth(fast_startup(os))),
        row("power.hibernate", truth(hibernate(os))),
        row("power.sleep_ac", span(sleep.plugged_in)),
        row("power.sleep_dc", span(sleep.on_battery)),
        row("power.on_battery", truth(os.on_battery())),
    ]
}

/// Absent means on: Windows ships with fast startup enabled. It is a kind of hibernation, though: where that is switched off, the
/// setting stays as it was, but has no effect, and no screen shows it.
pub fn fast_startup(os: &dyn Os) -> Read<bool> {
    let value = os.registry_get(Hive::LocalMachine, SESSION_POWER, HIBERBOOT)?;
    let is_set = value.map(|value| value.as_u32()).transpose()? != Some(0);
    if !is_set {
        return Ok(false);
    }
    match hibernate(os) {
        Err(error) if error.reason == Reason::NotFound => Ok(true),
        can => can,
    }
}

fn hibernate(os: &dyn Os) -> Read<bool> {
    for name in ["HibernateEnabled", "HibernateEnabledDefault"] {
        if let Some(value) = os.registry_get(Hive::LocalMachine, POWER, name)? {
            return Ok(value.as_u32()? != 0);
        }
    }
    Err(crate::os::OsError::not_found(
        "Windows does not say whether it can hibernate",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{reason, sim, value};
    use super::*;
    use crate::os::sim::Sim;
    use crate::os::{RegistryKind, RegistryValue};
    use kaishin_proto::clock::Clock;

    #[test]
    fn fast_startup_is_what_the_registry_says_and_on_where_it_says_nothing() {
        let cases = [
            (Some(RegistryValue::dword(0)), Ok(false)),
            (Some(RegistryValue::dword(1)), Ok(true)),
            (None, Ok(true)),
            (Some(RegistryValue::text("0")), Err(Reason::Damaged)),
            (
                Some(RegistryValue::new(RegistryKind::DWORD, vec![])),
                Err(Reason::Damaged),
            ),
        ];
        for (value, expected) in cases {
            let sim = sim();
            sim.poke(
                Hive::LocalMachine,
                POWER,
                "HibernateEnabled",
                Some(RegistryValue::dword(1)),
            );
            sim.poke(Hive::LocalMachine, SESSION_POWER, HIBERBOOT, value.clone());
            assert_eq!(fast_startup(&sim).map_err(|error| error.reason), expected, "{value:?}");
        }
    }

    #[test]
    fn without_hibernation_there_is_no_fast_startup_whatever_its_setting_says() {
        let number = |number| Some(RegistryValue::dword(number));
        let odd = Some(RegistryValue::text("off"));
        for (hiberboot, hibernate, expected) in [
            (number(1), number(0), Ok(false)),
            (None, number(0), Ok(false)),
            (None, number(1), Ok(true)),
            // Nobody has said that it cannot.
            (None, None, Ok(true)),
            (number(1), odd.clone(), Err(Reason::Damaged)),
            (number(0), odd, Ok(false)),
        ] {
            let sim = sim();
            sim.poke(Hive::LocalMachine, SESSION_POWER, HIBERBOOT, hiberboot.clone());
            sim.poke(Hive::LocalMachine, POWER, "HibernateEnabled", hibernate.clone());
            let found = fast_startup(&sim).map_err(|error| error.reason);
            assert_eq!(found, expected, "{hiberboot:?} {hibernate:?}");
        }
    }

    #[test]
    fn a_desktop_has_no_setting_for_its_battery_and_a_portable_has() {
        let mut seen = std::collections::BTreeSet::new();
        for n in 0..60 {
            let sim = Sim::new(1, n, Clock::manual(kaishin_proto::time::Time(1_800_000_000_000_000)));
            let model = sim.machine().model.unwrap();
            let portable = ["ThinkPad", "LIFEBOOK"].iter().any(|name| model.starts_with(name));
            let told = value(&sim, "power.sleep_dc");
            assert_eq!(reason(&told), (!portable).then_some(Reason::NotFound), "{model}");
            assert!(!value(&sim, "power.sleep_ac").is_unknown());
            seen.insert(portable);
        }
        assert_eq!(seen.len(), 2);
    }

    #[test]
    fn what_the_terminal_runs_on_is_told_as_it_is_now() {
        let sim = sim();
        for on_battery in [false, true] {
            sim.set_on_battery(on_battery);
            let told = value(&sim, "power.on_battery");
            assert_eq!(told, kaishin_proto::value::Value::Truth(on_battery));
        }
        let linux = crate::os::linux::Linux::new("/nowhere");
        assert_eq!(reason(&value(&linux, "power.on_battery")), Some(Reason::NotSupported));
    }

    #[test]
    fn hibernation_falls_back_on_the_default_and_is_else_unknown() {
        let sim = sim();
        sim.poke(Hive::LocalMachine, POWER, "HibernateEnabled", None);
        assert_eq!(hibernate(&sim).unwrap_err().reason, Reason::NotFound);
        sim.poke(
            Hive::LocalMachine,
            POWER,
            "HibernateEnabledDefault",
            Some(RegistryValue::dword(1)),
        );
        assert_eq!(hibernate(&sim), Ok(true));
    }

    #[test]
    fn sleep_is_told_for_mains_and_battery_each_by_itself() {
        let sim = sim();
        sim.set_sleep(crate::os::Sleep {
            plugged_in: Ok(kaishin_proto::time::Span::minutes(30)),
            on_battery: Err(crate::os::OsError::not_found("no battery")),
        });
        let facts = collect(&sim, &super::super::tests::about());
        let value = |key: &str| facts.iter().find(|(found, _)| found == key).unwrap().1.clone();
        let half_an_hour = kaishin_proto::time::Span::minutes(30);
        assert_eq!(
            value("power.sleep_ac"),
            kaishin_proto::value::Value::Duration(half_an_hour)
        );
        assert!(value("power.sleep_dc").is_unknown());
    }
}
