//! Read everything again and report it. Changes nothing.

use super::{Around, Done, Failed, Repeat, Step};
use crate::facts;
use crate::os::Os;

pub const STEPS: &[Step] = &[Step {
    name: "observe",
    repeat: Repeat::Idempotent,
}];

pub fn act(step: &str, os: &dyn Os, around: &Around) -> Result<Done, Failed> {
    if step != "observe" {
        return Err(Failed::no_such_step(step));
    }
    let names: Vec<String> = facts::names().map(str::to_owned).collect();
    let observed = facts::observe(&names, os, &around.about, around.now);
    Ok(Done {
        evidence: format!("{} sections", observed.len()),
        observed,
        ..Done::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::Story;
    use super::*;
    use crate::facts::tests::{about, sim};
    use kaishin_proto::time::Time;

    #[test]
    fn every_section_is_observed() {
        let around = Around {
            about: about(),
            now: Time(5),
            story: Story::default(),
            told: crate::remedies::Told::default(),
        };
        let done = act("observe", &sim(), &around).unwrap();
        let names: Vec<_> = done.observed.iter().map(|section| section.name.as_str()).collect();
        assert_eq!(names, facts::names().collect::<Vec<_>>());
        assert!(act("tidy-up", &sim(), &around).is_err());
    }
}
