//! Windows shuts down for real, so that the daily restart is one: `HiberbootEnabled` becomes 0.

use super::setting::{Plan, Want};
use crate::facts::power::{HIBERBOOT, SESSION_POWER};
use crate::os::{Os, Read, RegistryValue};

pub fn plan(os: &dyn Os) -> Read<Plan> {
    Plan::of([want(os)])
}

pub fn want(os: &dyn Os) -> Read<Want> {
    Want::machine(os, SESSION_POWER, HIBERBOOT, RegistryValue::dword(0))
}

#[cfg(test)]
mod tests {
    use super::super::setting::tests::{puts_right, survives_a_sick_machine};
    use super::*;
    use crate::facts::tests::sim;
    use crate::os::Hive;
    use crate::os::sim::Sim;
    use kaishin_proto::remedy::Remedy;

    fn with(value: Option<RegistryValue>) -> Sim {
        let sim = sim();
        sim.poke(Hive::LocalMachine, SESSION_POWER, HIBERBOOT, value);
        sim
    }

    #[test]
    fn fast_startup_ends_off_whatever_it_was() {
        for before in [None, Some(RegistryValue::dword(1)), Some(RegistryValue::text("1"))] {
            puts_right(Remedy::FastStartupOff, &with(before));
        }
    }

    #[test]
    fn a_sick_machine_is_told_and_the_next_try_ends_right() {
        survives_a_sick_machine(Remedy::FastStartupOff, || with(Some(RegistryValue::dword(1))));
    }
}
