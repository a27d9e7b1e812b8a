//! Windows shuts down for real, so that the daily restart is one: `HiberbootEnabled` becomes 0.

use super::{Around, Before, Done, Failed, Probed, Repeat, Step};
use crate::facts;
use crate::facts::power::{HIBERBOOT, SESSION_POWER, fast_startup};
use crate::os::{Hive, Os, RegistryValue};
use crate::words;

const READ_BEFORE: &str = "read-before";
const WRITE: &str = "write-registry";
const VERIFY: &str = "verify";

pub const STEPS: &[Step] = &[
    Step {
        name: READ_BEFORE,
        repeat: Repeat::Idempotent,
    },
    Step {
        name: WRITE,
        repeat: Repeat::Probe,
    },
    Step {
        name: VERIFY,
        repeat: Repeat::Idempotent,
    },
];

pub fn act(step: &str, os: &dyn Os, around: &Around) -> Result<Done, Failed> {
    match step {
        READ_BEFORE => read_before(os),
        WRITE => write(os),
        VERIFY => verify(os, around),
        _ => Err(Failed::no_such_step(step)),
    }
}

pub fn probe(step: &str, os: &dyn Os) -> Probed {
    if step != WRITE {
        return Probed::Uncertain(format!("{step} leaves no trace to look for"));
    }
    match current(os) {
        Ok(Some(value)) if value == RegistryValue::dword(0) => Probed::Done(format!("{HIBERBOOT} is 0")),
        Ok(value) => Probed::NotDone(format!("{HIBERBOOT} is {}", shown(value.as_ref()))),
        Err(failed) => Probed::Uncertain(failed.detail),
    }
}

fn current(os: &dyn Os) -> Result<Option<RegistryValue>, Failed> {
    Ok(os.registry_get(Hive::LocalMachine, SESSION_POWER, HIBERBOOT)?)
}

fn shown(value: Option<&RegistryValue>) -> String {
    value.map_or_else(|| "absent".to_owned(), RegistryValue::shown)
}

fn read_before(os: &dyn Os) -> Result<Done, Failed> {
    let value = current(os)?;
    Ok(Done {
        evidence: format!("{HIBERBOOT} {}", shown(value.as_ref())),
        undo: vec![Before {
            hive: Hive::LocalMachine,
            key: SESSION_POWER.to_owned(),
            name: HIBERBOOT.to_owned(),
            value,
        }],
        observed: Vec::new(),
    })
}

fn write(os: &dyn Os) -> Result<Done, Failed> {
    let before = current(os)?;
    os.registry_set(Hive::LocalMachine, SESSION_POWER, HIBERBOOT, &RegistryValue::dword(0))?;
    Ok(Done {
        evidence: format!("{HIBERBOOT} {} -> 0", shown(before.as_ref())),
        ..Done::default()
    })
}

/// Success is what is seen again, not that the write returned.
fn verify(os: &dyn Os, around: &Around) -> Result<Done, Failed> {
    let observed = facts::observe(&["power".to_owned()], os, &around.about, around.now);
    if fast_startup(os)? {
        return Err(Failed {
            code: words::JOB_NOT_VERIFIED,
            detail: format!("{HIBERBOOT} reads as on after it was written"),
        });
    }
    Ok(Done {
        evidence: "power.fast_startup is off".to_owned(),
        undo: Vec::new(),
        observed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::{about, sim};
    use crate::os::{OsError, sim::Sim};
    use kaishin_proto::time::Time;

    const HKLM: Hive = Hive::LocalMachine;

    fn around() -> Around {
        Around {
            about: about(),
            now: Time(5),
        }
    }

    fn with(value: Option<RegistryValue>) -> Sim {
        let sim = sim();
        sim.poke(HKLM, SESSION_POWER, HIBERBOOT, value);
        sim
    }

    #[test]
    fn fast_startup_ends_off_whatever_it_was_and_the_undo_record_knows_what_it_was() {
        for before in [None, Some(RegistryValue::dword(1)), Some(RegistryValue::text("1"))] {
            let sim = with(before.clone());
            let looked = act(READ_BEFORE, &sim, &around()).unwrap();
            assert_eq!(looked.undo[0].value, before);
            assert!(matches!(probe(WRITE, &sim), Probed::NotDone(_)));
            act(WRITE, &sim, &around()).unwrap();
            assert!(matches!(probe(WRITE, &sim), Probed::Done(_)));
            let verified = act(VERIFY, &sim, &around()).unwrap();
            assert_eq!(verified.observed[0].name, "power");
            assert_eq!(sim.peek(HKLM, SESSION_POWER, HIBERBOOT), Some(RegistryValue::dword(0)));
        }
    }

    #[test]
    fn a_value_that_does_not_stay_written_is_a_failure() {
        let sim = with(Some(RegistryValue::dword(0)));
        act(WRITE, &sim, &around()).unwrap();
        sim.poke(HKLM, SESSION_POWER, HIBERBOOT, Some(RegistryValue::dword(1)));
        assert_eq!(act(VERIFY, &sim, &around()).unwrap_err().code, words::JOB_NOT_VERIFIED);
    }

    #[test]
    fn what_the_machine_denies_is_told_with_its_code() {
        let sim = with(None);
        sim.deny(HKLM, SESSION_POWER);
        for step in [READ_BEFORE, WRITE, VERIFY] {
            assert_eq!(
                act(step, &sim, &around()).unwrap_err().code,
                words::JOB_NO_PERMISSION,
                "{step}"
            );
        }
        assert!(matches!(probe(WRITE, &sim), Probed::Uncertain(_)));
        sim.allow(HKLM, SESSION_POWER);
        sim.fail_call(2, OsError::failed("a sick disk"));
        assert_eq!(act(WRITE, &sim, &around()).unwrap_err().code, words::JOB_MACHINE_FAILED);
    }
}
