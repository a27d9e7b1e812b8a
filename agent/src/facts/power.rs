//! Whether Windows really shuts down.

use kaishin_proto::convert::Facts;

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
    ]
}

/// Absent means on: Windows ships with fast startup enabled.
pub fn fast_startup(os: &dyn Os) -> Read<bool> {
    match os.registry_get(Hive::LocalMachine, SESSION_POWER, HIBERBOOT)? {
        Some(value) => Ok(value.as_u32()? != 0),
        None => Ok(true),
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
    use super::super::tests::sim;
    use super::*;
    use crate::os::{RegistryKind, RegistryValue};
    use kaishin_proto::value::Reason;

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
            sim.poke(Hive::LocalMachine, SESSION_POWER, HIBERBOOT, value.clone());
            assert_eq!(fast_startup(&sim).map_err(|error| error.reason), expected, "{value:?}");
        }
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
            on_battery: Err(crate::os::OsError::not_supported("no battery")),
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
