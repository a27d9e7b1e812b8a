//! Read everything again and report it. Changes nothing.

use super::{Acted, Around, Cure, Done, Failed, Preview, Read, Step};
use crate::facts;
use crate::os::Os;

pub struct RefreshFacts;

impl Cure for RefreshFacts {
    fn steps(&self) -> &'static [Step] {
        const { &[Step::again("observe")] }
    }

    fn act(&self, step: &str, os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
        match step {
            "observe" => Ok(observe(os, around).into()),
            _ => Err(Failed::no_such_step(step)),
        }
    }

    fn preview(&self, _: &dyn Os, _: &Around) -> Read<Preview> {
        Ok(Preview::only_reads())
    }
}

fn observe(os: &dyn Os, around: &Around) -> Done {
    let names: Vec<String> = facts::names().map(str::to_owned).collect();
    let observed = facts::observe(&names, os, &around.about, around.now);
    Done {
        evidence: format!("{} sections", observed.len()),
        observed,
        ..Done::default()
    }
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
        let done = observe(&sim(), &around);
        let names: Vec<_> = done.observed.iter().map(|section| section.name.as_str()).collect();
        assert_eq!(names, facts::names().collect::<Vec<_>>());
        assert!(RefreshFacts.act("tidy-up", &sim(), &around).is_err());
    }
}
