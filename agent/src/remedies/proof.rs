//! The facts read again at the end of a remedy: they are what the server judges the terminal by, so a success goes with facts that
//! could be read.

use kaishin_proto::convert::value_from_wire;
use kaishin_proto::v1;
use kaishin_proto::value::{Reason, Unknown, Value};

use super::{Around, Failed};
use crate::facts;
use crate::os::Os;
use crate::words;

/// These sections, as they are now. A machine that fails is asked once more; `facts` that still cannot be read prove nothing.
pub fn observe(sections: &[String], facts: &[&str], os: &dyn Os, around: &Around) -> Result<Vec<v1::Section>, Failed> {
    let look = || facts::observe(sections, os, &around.about, around.now);
    let mut observed = look();
    if unreadable(&observed).next().is_none() {
        return Ok(observed);
    }
    observed = look();
    let unproven = unreadable(&observed).find(|(key, _)| facts.contains(&key.as_str()));
    match unproven {
        None => Ok(observed),
        Some((key, why)) => Err(Failed {
            code: words::JOB_UNREADABLE,
            detail: format!("{key} cannot be read again: {}", why.detail),
        }),
    }
}

/// Of facts that list what is wrong, what this one still lists: "tasks.restart_forbidden 04:00".
pub fn still(sections: &[v1::Section], key: &str) -> Option<String> {
    let mut facts = sections.iter().flat_map(|section| &section.facts);
    let fact = facts.find(|fact| fact.key == key)?;
    let Value::List(wrong) = value_from_wire(fact.value.clone()) else {
        return None;
    };
    (!wrong.is_empty()).then(|| format!("{key} {}", wrong.join(", ")))
}

/// What this machine has and does not tell; what it does not have is no failure.
fn unreadable(sections: &[v1::Section]) -> impl Iterator<Item = (String, Unknown)> {
    let facts = sections.iter().flat_map(|section| &section.facts);
    facts.filter_map(|fact| {
        let Value::Unknown(unknown) = value_from_wire(fact.value.clone()) else {
            return None;
        };
        match unknown.reason {
            Reason::Failed | Reason::NoPermission | Reason::Damaged => Some((fact.key.clone(), unknown)),
            Reason::NotSupported | Reason::NotFound => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::sim;
    use crate::os::OsError;
    use crate::remedies::setting::tests::around;

    const KEY: &str = "power.fast_startup";

    #[test]
    fn a_machine_that_fails_once_is_asked_again_and_one_that_goes_on_failing_proves_nothing() {
        let sections = ["power".to_owned()];
        let calls = {
            let sim = sim();
            let before = sim.calls();
            facts::observe(&sections, &sim, &around().about, around().now);
            sim.calls() - before
        };
        for call in 1..=calls {
            let sim = sim();
            sim.fail_call(call, OsError::failed("a sick disk"));
            let observed = observe(&sections, &[KEY], &sim, &around()).expect("the second look");
            assert_eq!(unreadable(&observed).count(), 0, "call {call}");
        }
        let sim = sim();
        for call in 1..=2 * calls {
            sim.fail_call(call, OsError::failed("a sick disk"));
        }
        let failed = observe(&sections, &[KEY], &sim, &around()).unwrap_err();
        assert_eq!(failed.code, words::JOB_UNREADABLE);
        assert!(
            failed.detail.contains(KEY) && failed.detail.contains("a sick disk"),
            "{failed:?}"
        );
    }
}
