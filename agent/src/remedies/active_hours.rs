//! The hours in which Windows does not restart for updates, set as a person would in Settings. Where a policy says them,
//! Windows looks at nothing else, and neither is anything else written.

use super::setting::{Plan, Want};
use crate::facts::update::{POLICY, SETTINGS};
use crate::os::{Hive, Os, Read, RegistryValue};

pub fn plan(os: &dyn Os, start: u8, end: u8) -> Read<Plan> {
    let policy = os.registry_get(Hive::LocalMachine, POLICY, "SetActiveHours")?;
    if policy.map(|set| set.as_u32()).transpose()? == Some(1) {
        return Ok(Plan::NotApplicable("a policy says the active hours here".to_owned()));
    }
    let hour = |name, hour: u8| Want::machine(os, SETTINGS, name, RegistryValue::dword(hour.into()));
    Plan::of([
        // Windows would move them again by itself.
        Want::machine(os, SETTINGS, "SmartActiveHoursState", RegistryValue::dword(2)),
        hour("ActiveHoursStart", start),
        hour("ActiveHoursEnd", end),
    ])
}

#[cfg(test)]
mod tests {
    use kaishin_proto::remedy::Remedy;
    use kaishin_proto::value::Value;

    use super::super::act;
    use super::super::setting::tests::{around, carry_out, puts_right, survives_a_sick_machine};
    use super::*;
    use crate::facts::tests::{sim, value};
    use crate::os::sim::Sim;
    use crate::words;

    const HKLM: Hive = Hive::LocalMachine;
    const NIGHT: Remedy = Remedy::ActiveHours { start: 7, end: 19 };

    fn with(start: Option<u32>) -> Sim {
        let sim = sim();
        sim.remove_key(HKLM, SETTINGS);
        sim.poke(HKLM, SETTINGS, "ActiveHoursStart", start.map(RegistryValue::dword));
        sim
    }

    #[test]
    fn the_hours_are_set_and_windows_does_not_move_them() {
        for start in [None, Some(9), Some(23)] {
            puts_right(NIGHT, &with(start));
        }
        let sim = with(Some(9));
        carry_out(NIGHT, &sim);
        let found = ["update.active_start", "update.active_end", "update.active_automatic"].map(|key| value(&sim, key));
        assert_eq!(found, [Value::Number(7), Value::Number(19), Value::Truth(false)]);
    }

    #[test]
    fn hours_of_a_policy_are_left_to_the_policy() {
        let sim = with(Some(9));
        sim.poke(HKLM, POLICY, "SetActiveHours", Some(RegistryValue::dword(1)));
        let failed = act(NIGHT, "read-before", &sim, &around()).unwrap_err();
        assert_eq!(failed.code, words::JOB_NOT_APPLICABLE);
    }

    #[test]
    fn a_sick_machine_is_told_and_the_next_try_ends_right() {
        survives_a_sick_machine(NIGHT, || with(Some(9)));
    }
}
