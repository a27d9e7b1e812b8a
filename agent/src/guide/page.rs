//! What the page shows at one moment and how that changes: a question, then the work, then its end. Pure.

use std::sync::Arc;

use kaishin_proto::id::JobId;
use kaishin_proto::remedy::{Remedy, StepAbout};
use kaishin_proto::time::Time;
use kaishin_proto::words::Words;
use subtle::ConstantTimeEq as _;
use tokio::sync::{oneshot, watch};

use super::{Answer, How, Progress, StepState};
use crate::remedies::{Told, guided};

pub type Shared = Arc<watch::Sender<Page>>;

pub struct Page {
    pub job: JobId,
    pub remedy: Remedy,
    pub phase: Phase,
    pub steps: Vec<Row>,
    pub told: Told,
}

pub struct Row {
    pub about: StepAbout,
    pub state: StepState,
    pub evidence: String,
}

impl Row {
    pub fn is_under_way(&self) -> bool {
        matches!(self.state, StepState::Doing | StepState::Waiting)
    }
}

pub enum Phase {
    Asked(Asked),
    Working,
    Ended { succeeded: bool, words: Words },
    Declined,
    Later,
    TimedOut,
    Withdrawn,
}

pub struct Asked {
    pub until: Time,
    pub failures: u32,
    pub code: Option<String>,
    pub said: oneshot::Sender<Answer>,
}

/// Why not, or not now. A closed list: nothing that somebody types here goes anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Why {
    pub id: &'static str,
    pub ja: &'static str,
    pub en: &'static str,
}

const CLOSING: &str = "closing";

pub const LATER: &[Why] = &[
    Why {
        id: "patient",
        ja: "患者さんの対応中",
        en: "serving a patient",
    },
    Why {
        id: CLOSING,
        ja: "受付が終わってからがよい",
        en: "better after closing",
    },
    Why {
        id: "doctor",
        ja: "先生に確認が必要",
        en: "the doctor must be asked",
    },
    Why {
        id: "other",
        ja: "その他",
        en: "another reason",
    },
];

pub const NO: &[Why] = &[
    Why {
        id: "unknown",
        ja: "頼んだ覚えがない",
        en: "nobody here asked for this",
    },
    Why {
        id: "doctor",
        ja: "先生に確認が必要",
        en: "the doctor must be asked",
    },
    Why {
        id: "other",
        ja: "その他",
        en: "another reason",
    },
];

impl Why {
    pub fn find(of: &[Why], id: &str) -> Option<Why> {
        of.iter().find(|why| why.id == id).copied()
    }

    /// For the record, which both kinds of reader see.
    fn told(self) -> String {
        format!("{} / {}", self.ja, self.en)
    }
}

/// What the person does on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Yes,
    No(Why),
    Later(Why),
    /// A step, by its name.
    Tick(String),
}

impl Page {
    pub fn asking(job: JobId, remedy: Remedy, asked: Asked) -> Page {
        Page {
            job,
            remedy,
            phase: Phase::Asked(asked),
            steps: rows(remedy),
            told: Told::default(),
        }
    }

    /// Without a question: the answer was given before, and the page is shown once more.
    pub fn working(job: JobId, remedy: Remedy) -> Page {
        Page {
            job,
            remedy,
            phase: Phase::Working,
            steps: rows(remedy),
            told: Told::default(),
        }
    }

    /// Nothing more will happen on it.
    pub fn is_over(&self) -> bool {
        !matches!(self.phase, Phase::Asked(_) | Phase::Working)
    }

    /// Whether it was still to be said. Whoever says it twice is not heard twice.
    pub fn hear(&mut self, said: Said) -> bool {
        if matches!(self.phase, Phase::Working) {
            return self.hear_while_working(said);
        }
        if !matches!(self.phase, Phase::Asked(_)) {
            return false;
        }
        let (phase, answer) = match said {
            Said::Tick(_) => return false,
            Said::Yes => (Phase::Working, Answer::Yes { how: How::Button }),
            Said::No(why) => (Phase::Declined, Answer::No { reason: why.told() }),
            Said::Later(why) => {
                let (reason, after_hours) = (why.told(), why.id == CLOSING);
                (Phase::Later, Answer::Later { reason, after_hours })
            }
        };
        self.answer(phase, answer)
    }

    /// Only what is for the person to do, and only the step that is its turn.
    fn hear_while_working(&mut self, said: Said) -> bool {
        match said {
            Said::Tick(step) => {
                let its_turn = self.steps.iter().any(|row| row.about.id == step && row.is_under_way());
                let news =
                    its_turn && guided::is_ticked_by_hand(self.remedy, &step) && !self.told.ticked.contains(&step);
                if news {
                    self.told.ticked.push(step);
                }
                news
            }
            Said::Later(why) if matches!(self.remedy, Remedy::Guided(_)) && self.told.later.is_none() => {
                self.told.later = Some(why.told());
                true
            }
            Said::Later(_) | Said::Yes | Said::No(_) => false,
        }
    }

    /// As [`super::Guide::try_code`] tells. Takes as long for a wrong code as for the right one.
    pub fn try_code(&mut self, code: &str) -> Option<bool> {
        let Phase::Asked(asked) = &self.phase else {
            return None;
        };
        let right = asked
            .code
            .as_ref()
            .is_some_and(|shown| shown.as_bytes().ct_eq(code.as_bytes()).into());
        if right {
            self.answer(Phase::Working, Answer::Yes { how: How::Code });
        }
        Some(right)
    }

    fn answer(&mut self, phase: Phase, answer: Answer) -> bool {
        match std::mem::replace(&mut self.phase, phase) {
            // Nobody listens any more where the question was taken away in this very moment.
            Phase::Asked(asked) => asked.said.send(answer).is_ok(),
            Phase::Working
            | Phase::Ended { .. }
            | Phase::Declined
            | Phase::Later
            | Phase::TimedOut
            | Phase::Withdrawn => false,
        }
    }

    /// Nobody waits for an answer any more.
    pub fn take_away(&mut self, now: Time) -> bool {
        let Phase::Asked(asked) = &self.phase else {
            return false;
        };
        self.phase = if now >= asked.until {
            Phase::TimedOut
        } else {
            Phase::Withdrawn
        };
        true
    }

    /// Work goes on only after a yes.
    pub fn take(&mut self, progress: Progress) -> bool {
        if matches!(self.phase, Phase::Asked(_)) || self.is_over() {
            return false;
        }
        if !progress.steps.is_empty() {
            let row = |(about, state, evidence)| Row { about, state, evidence };
            self.steps = progress.steps.into_iter().map(row).collect();
        }
        if let Some((succeeded, words)) = progress.ended {
            self.phase = Phase::Ended { succeeded, words };
        }
        true
    }
}

fn rows(remedy: Remedy) -> Vec<Row> {
    let row = |about: &StepAbout| Row {
        about: *about,
        state: StepState::Open,
        evidence: String::new(),
    };
    remedy.about().steps.iter().map(row).collect()
}
