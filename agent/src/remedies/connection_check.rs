//! Tries the places that the profile names once more and tells of each by itself. Changes nothing.

use kaishin_proto::value::Value;

use super::{Acted, Around, Cure, Done, Failed, Preview, Read, Step};
use crate::facts;
use crate::os::Os;

pub struct ConnectionCheck;

impl Cure for ConnectionCheck {
    fn steps(&self) -> &'static [Step] {
        const { &[Step::again("reach")] }
    }

    fn act(&self, step: &str, os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
        match step {
            "reach" => Ok(reach(os, around).into()),
            _ => Err(Failed::no_such_step(step)),
        }
    }

    fn preview(&self, _: &dyn Os, _: &Around) -> Read<Preview> {
        Ok(Preview::only_reads())
    }
}

fn reach(os: &dyn Os, around: &Around) -> Done {
    let observed = facts::observe(&["connectivity".to_owned()], os, &around.about, around.now);
    let mut facts = observed.iter().flat_map(|section| &section.facts);
    let checks = facts
        .find(|fact| fact.key == "connectivity.checks")
        .map(|fact| kaishin_proto::convert::value_from_wire(fact.value.clone()));
    Done {
        evidence: told(checks.as_ref()),
        observed,
        ..Done::default()
    }
}

/// "verification (hweb.example:443): NOT reached, timed out; time (ntp.example:123): reached".
fn told(checks: Option<&Value>) -> String {
    let Some(Value::Table(table)) = checks else {
        return "no place could be tried".to_owned();
    };
    let line = |row: &Vec<String>| {
        let cell = |at: usize| row.get(at).map_or("", String::as_str);
        let outcome = if cell(3) == "yes" {
            "reached".to_owned()
        } else {
            format!("NOT reached, {}", cell(4))
        };
        format!("{} ({}): {outcome}", cell(0), cell(2))
    };
    // What is wrong first: whoever reads it aloud may stop there.
    let reached = |row: &&Vec<String>| row.get(3).is_some_and(|cell| cell == "yes");
    let (fine, wrong): (Vec<_>, Vec<_>) = table.rows.iter().partition(reached);
    let lines: Vec<String> = wrong.into_iter().chain(fine).map(line).collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use super::super::setting::tests::around;
    use super::*;
    use crate::facts::tests::sim;
    use crate::os::OsError;

    #[test]
    fn every_place_is_told_by_itself_and_what_is_wrong_first() {
        let sim = sim();
        sim.cut_off(&["hweb.oqs.onshikaku.org"]);
        let done = reach(&sim, &around());
        let lines: Vec<&str> = done.evidence.split("; ").collect();
        assert_eq!(lines.len(), around().about.profile.checks.len());
        let wrong = "verification (hweb.oqs.onshikaku.org:443): NOT reached, ";
        assert!(lines[0].starts_with(wrong), "{lines:?}");
        assert!(lines[1..].iter().all(|line| line.ends_with(": reached")), "{lines:?}");
        assert_eq!((done.observed.len(), sim.writes()), (1, 0));
    }

    #[test]
    fn a_machine_that_cannot_ask_says_so() {
        let sim = sim();
        sim.fail_call(1, OsError::not_supported("no network"));
        let done = reach(&sim, &around());
        assert!(done.evidence.contains("NOT reached, no network"), "{done:?}");
        assert!(ConnectionCheck.act("ping", &sim, &around()).is_err());
    }
}
