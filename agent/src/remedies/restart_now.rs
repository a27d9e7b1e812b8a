//! Restarts the terminal once, at a moment that suits the people there.

use super::restart::{announce, back, go, note, went};
use super::{Acted, Around, Cure, Failed, Probed, Step, Story, Touch, no_trace};
use crate::governor::{self, Seen, Verdict};
use crate::os::{Os, Read};
use kaishin_proto::preview::{Change, Preview};

const STEPS: &[Step] = &[
    Step::again("note"),
    Step::again("announce"),
    Step::once("restart"),
    Step::again("back"),
];

pub struct RestartNow;

impl Cure for RestartNow {
    fn steps(&self) -> &'static [Step] {
        STEPS
    }

    fn act(&self, step: &str, os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
        match step {
            "note" => note(os, around),
            "announce" => announce(os, around, around.story.of("note")),
            "restart" => go(os, around.story.of("note")),
            "back" => back(os, around, around.story.of("note")),
            _ => Err(Failed::no_such_step(step)),
        }
    }

    fn touch(&self, step: &str, _: &Story) -> Touch {
        if step == "restart" {
            Touch::Restarts
        } else {
            Touch::Looks
        }
    }

    fn probe(&self, step: &str, os: &dyn Os, around: &Around) -> Probed {
        match step {
            "restart" => went(os, around.story.of("note")),
            _ => no_trace(step),
        }
    }

    /// A restart is always a change; what is in its way now is told with it.
    fn preview(&self, os: &dyn Os, around: &Around) -> Read<Preview> {
        let boot = os.boot().id?;
        let preview = Preview::of([Change::new("boot", boot, "a new one")]);
        let seen = Seen::of(
            os,
            &around.about,
            around.now,
            around.story.consented,
            around.story.trust,
        );
        Ok(match governor::may_disrupt(&seen) {
            Verdict::Go => preview,
            Verdict::Wait { why, .. } => preview.because(why.to_string()),
        })
    }
}

#[cfg(test)]
mod tests;
