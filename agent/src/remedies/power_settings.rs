//! The terminal stays awake, and Windows shuts down for real: sleep is never on its own account, on mains and on battery, and
//! fast startup is off.

use kaishin_proto::time::Span;
use kaishin_proto::value::Reason;

use super::fast_startup_off;
use super::setting::{Plan, Want};
use super::state::State;
use crate::os::{Os, Read, Supply};

const NEVER: Span = Span(0);

pub fn plan(os: &dyn Os) -> Read<Plan> {
    let sleep = os.sleep_after();
    let mut wants = Vec::new();
    for supply in [Supply::PluggedIn, Supply::OnBattery] {
        match (sleep.of(supply), supply) {
            (Ok(after), _) => {
                let state = |after| State::Sleep { supply, after };
                wants.push(Ok(Want::between(state(after), state(NEVER))));
            }
            // A machine without a battery has no such setting.
            (Err(error), Supply::OnBattery)
                if error.reason == Reason::NotSupported || error.reason == Reason::NotFound => {}
            (Err(error), _) => return Err(error),
        }
    }
    wants.push(fast_startup_off::want(os));
    Plan::of(wants)
}

#[cfg(test)]
mod tests {
    use kaishin_proto::remedy::Remedy;

    use super::super::act;
    use super::super::setting::tests::{around, puts_right, survives_a_sick_machine};
    use super::*;
    use crate::facts::power::{HIBERBOOT, SESSION_POWER};
    use crate::facts::tests::sim;
    use crate::os::sim::Sim;
    use crate::os::{Hive, OsError, RegistryValue, Sleep};

    fn with(plugged_in: Read<Span>, on_battery: Read<Span>, hiberboot: u32) -> Sim {
        let sim = sim();
        sim.set_sleep(Sleep { plugged_in, on_battery });
        let value = Some(RegistryValue::dword(hiberboot));
        sim.poke(Hive::LocalMachine, SESSION_POWER, HIBERBOOT, value);
        sim
    }

    fn sleeper() -> Sim {
        with(Ok(Span::minutes(30)), Ok(Span::minutes(15)), 1)
    }

    #[test]
    fn the_terminal_ends_awake_whatever_it_was() {
        puts_right(Remedy::PowerSettings, &sleeper());
        puts_right(Remedy::PowerSettings, &with(Ok(NEVER), Ok(Span::minutes(15)), 0));
        puts_right(Remedy::PowerSettings, &with(Ok(NEVER), Ok(NEVER), 1));
        let sim = with(Ok(Span::minutes(30)), Err(OsError::not_found("no battery")), 0);
        puts_right(Remedy::PowerSettings, &sim);
        assert!(sim.sleep_after().on_battery.is_err(), "what is not there is not set");
    }

    #[test]
    fn where_sleep_cannot_be_told_nothing_is_changed() {
        for (plugged_in, on_battery) in [
            (Err(OsError::not_supported("no power plans")), Ok(NEVER)),
            (Ok(NEVER), Err(OsError::failed("a sick driver"))),
        ] {
            let sim = with(plugged_in, on_battery, 1);
            for step in ["read-before", "write-registry", "verify"] {
                assert!(act(Remedy::PowerSettings, step, &sim, &around()).is_err());
            }
            assert_eq!(sim.writes(), 0);
        }
    }

    #[test]
    fn a_sick_machine_is_told_and_the_next_try_ends_right() {
        survives_a_sick_machine(Remedy::PowerSettings, sleeper);
    }
}
