//! Restarts the terminal once, at a moment that suits the people there.

use super::restart::{announce, back, go, note, went};
use super::{Acted, Around, Failed, Probed, Repeat, Step};
use crate::governor::{self, Seen, Verdict};
use crate::os::{Os, Read};
use kaishin_proto::preview::{Change, Preview};

pub const STEPS: &[Step] = &[
    Step {
        name: "note",
        repeat: Repeat::Idempotent,
    },
    Step {
        name: "announce",
        repeat: Repeat::Idempotent,
    },
    Step {
        name: "restart",
        repeat: Repeat::Once,
    },
    Step {
        name: "back",
        repeat: Repeat::Idempotent,
    },
];

pub fn act(step: &str, os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
    match step {
        "note" => note(os, around),
        "announce" => announce(os, around),
        "restart" => go(os),
        "back" => back(os, around, around.story.of("note")),
        _ => Err(Failed::no_such_step(step)),
    }
}

pub fn probe(step: &str, os: &dyn Os, around: &Around) -> Probed {
    match step {
        "restart" => went(os, around.story.of("note")),
        _ => Probed::Uncertain(format!("{step} leaves no trace to look for")),
    }
}

/// A restart is always a change; what is in its way now is told with it.
pub fn preview(os: &dyn Os, around: &Around) -> Read<Preview> {
    let boot = os.boot().id?;
    let preview = Preview::of([Change::new("boot", boot, "a new one")]);
    let seen = Seen::of(os, &around.about, around.now, around.story.consented);
    Ok(match governor::may_disrupt(&seen) {
        Verdict::Go => preview,
        Verdict::Wait { why, .. } => preview.because(why.to_string()),
    })
}

#[cfg(test)]
mod tests;
