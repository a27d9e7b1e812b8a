//! The set-up checklist of a terminal: the set-up manual's twelve operations, which of them a terminal needs, what the
//! agent sees of each, and what a person has said. What the agent sees wins over what was said.

mod operations;

use serde::{Deserialize, Serialize};

use crate::rule::{Outcome, Verdict};
use crate::time::Time;
use crate::value::Value;
use crate::words::Words;

pub use operations::OPERATIONS;

/// Japanese, English.
pub type Pair = (&'static str, &'static str);

/// One of the manual's twelve operations.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    pub number: u8,
    pub title: Pair,
    /// The operation is for terminals of which this is true.
    pub asks: Option<Question>,
    pub items: &'static [Item],
}

/// One thing to have done.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// Stable, as marks are kept by it.
    pub id: &'static str,
    pub title: Pair,
    /// Manual, operation, step.
    pub citation: Pair,
    /// The rules that decide; without one a person says.
    pub rules: &'static [&'static str],
    /// Of what such a rule finds, only what has this in its name is meant.
    pub of: Option<&'static str>,
    /// Only where the answer is this one.
    pub asks: Option<(Question, bool)>,
    /// What the manuals say differently.
    pub at_odds: Option<Pair>,
}

/// What the manual asks before it says what is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Without it, A does not apply.
    FaceReader,
    /// With it, B is needed.
    Smartphone,
    /// Without it, C does not apply.
    ReceiptLink,
    /// Restart and updates by schedule, or by hand.
    AutomaticPower,
}

impl Question {
    pub const ALL: [Question; 4] = [
        Question::FaceReader,
        Question::Smartphone,
        Question::ReceiptLink,
        Question::AutomaticPower,
    ];

    /// Marks keep answers under this name.
    pub fn id(self) -> &'static str {
        match self {
            Question::FaceReader => "ask-face-reader",
            Question::Smartphone => "ask-smartphone",
            Question::ReceiptLink => "ask-receipt-link",
            Question::AutomaticPower => "ask-automatic-power",
        }
    }

    /// The manual's letter.
    pub fn letter(self) -> &'static str {
        match self {
            Question::FaceReader => "A",
            Question::Smartphone => "B",
            Question::ReceiptLink => "C",
            Question::AutomaticPower => "",
        }
    }

    pub fn words(self) -> Words {
        let (ja, en) = match self {
            Question::FaceReader => (
                "顔認証付きカードリーダーを使いますか",
                "Is a face-recognition card reader used?",
            ),
            Question::Smartphone => (
                "スマートフォンに入れたマイナンバーカードで資格確認をしますか",
                "Are cards in smartphones used for the check?",
            ),
            Question::ReceiptLink => (
                "レセコンなどのシステムとファイルで連携しますか",
                "Are files exchanged with a receipt computer or another system?",
            ),
            Question::AutomaticPower => (
                "電源のオン・オフ（再起動と更新）を自動で行いますか",
                "Do restart and updates run by schedule?",
            ),
        };
        Words::new(ja, en)
    }

    pub fn find(id: &str) -> Option<Question> {
        Question::ALL.into_iter().find(|question| question.id() == id)
    }
}

/// What a person said: an item done, a question answered; without a value it was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub item: String,
    pub value: Option<bool>,
    /// Counts the changes; the next one must know it.
    pub version: i64,
    pub at: Time,
    pub by: String,
    pub reason: String,
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub rule: String,
    pub title: Words,
    pub expected: Words,
    /// The fact and what it was.
    pub found: Option<(&'static str, Value)>,
}

/// What the agent sees of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// No rule looks at it.
    Nothing,
    /// The rules that look at it do not apply to this terminal.
    NotHere,
    Pass(Vec<Finding>),
    Fault(Vec<Finding>),
    Unknown(Vec<Words>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// Seen by the agent.
    Seen,
    /// Said by a person.
    Said,
    Wrong,
    /// The agent should see it and does not.
    Unknown,
    Open,
    NotApplicable,
    /// The question has no answer yet.
    Asked(Question),
}

#[derive(Clone, Debug)]
pub struct Line {
    pub item: &'static Item,
    pub seen: Seen,
    pub mark: Option<Mark>,
    pub stand: Stand,
}

impl Line {
    /// A person may say what the agent does not see.
    pub fn takes_a_tick(&self) -> bool {
        matches!(self.seen, Seen::Nothing | Seen::Unknown(_))
            && !matches!(self.stand, Stand::NotApplicable | Stand::Asked(_))
    }

    /// Somebody said that it is done, and the agent sees that it is not.
    pub fn is_contradicted(&self) -> bool {
        self.stand == Stand::Wrong && self.mark.as_ref().is_some_and(|mark| mark.value == Some(true))
    }
}

#[derive(Clone, Debug)]
pub struct Part {
    pub operation: &'static Operation,
    pub lines: Vec<Line>,
}

#[derive(Clone, Debug)]
pub struct Checklist {
    /// Each question with its answer and who gave it.
    pub answers: Vec<(Question, Option<Mark>)>,
    pub parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub wrong: u64,
    pub open: u64,
    pub not_applicable: u64,
}

impl Checklist {
    pub fn progress(&self) -> Progress {
        let mut progress = Progress::default();
        for line in self.parts.iter().flat_map(|part| &part.lines) {
            match line.stand {
                Stand::Seen | Stand::Said => progress.done += 1,
                Stand::Wrong => progress.wrong += 1,
                Stand::Unknown | Stand::Open | Stand::Asked(_) => progress.open += 1,
                Stand::NotApplicable => progress.not_applicable += 1,
            }
        }
        progress
    }

    pub fn line(&self, item: &str) -> Option<&Line> {
        self.parts
            .iter()
            .flat_map(|part| &part.lines)
            .find(|line| line.item.id == item)
    }
}

/// The whole list as it stands. Pure: same verdicts and marks, same list.
pub fn checklist(verdicts: &[Verdict<'_>], marks: &[Mark]) -> Checklist {
    let mark = |id: &str| marks.iter().find(|mark| mark.item == id).cloned();
    let answer = |question: Question| mark(question.id()).and_then(|mark| mark.value);
    let part = |operation: &'static Operation| {
        let line = |item: &'static Item| {
            let (seen, mark) = (seen(item, verdicts), mark(item.id));
            let needs = operation
                .asks
                .map(|question| (question, true))
                .into_iter()
                .chain(item.asks);
            let stand = applies(needs, answer).unwrap_or_else(|| stand(&seen, mark.as_ref()));
            Line {
                item,
                seen,
                mark,
                stand,
            }
        };
        Part {
            operation,
            lines: operation.items.iter().map(line).collect(),
        }
    };
    Checklist {
        answers: Question::ALL.map(|question| (question, mark(question.id()))).into(),
        parts: OPERATIONS.iter().map(part).collect(),
    }
}

/// Why it is not to be done here, or not yet known; none if it is.
fn applies(needs: impl Iterator<Item = (Question, bool)>, answer: impl Fn(Question) -> Option<bool>) -> Option<Stand> {
    let mut asked = None;
    for (question, wanted) in needs {
        match answer(question) {
            Some(given) if given == wanted => {}
            Some(_) => return Some(Stand::NotApplicable),
            None => asked = asked.or(Some(Stand::Asked(question))),
        }
    }
    asked
}

fn seen(item: &Item, verdicts: &[Verdict<'_>]) -> Seen {
    let looking = verdicts
        .iter()
        .filter(|verdict| item.rules.contains(&verdict.rule.id.as_str()));
    let (mut passed, mut faults, mut unknown, mut any) = (Vec::new(), Vec::new(), Vec::new(), false);
    for verdict in looking {
        any = true;
        let finding = |found: Option<(&'static str, Value)>| Finding {
            rule: verdict.rule.id.clone(),
            title: verdict.rule.title.clone(),
            expected: verdict.rule.expected.clone(),
            found,
        };
        match &verdict.outcome {
            Outcome::Pass => passed.push(finding(None)),
            Outcome::Fault { found, evidence, .. } => match meant(item, found) {
                Some(found) => faults.push(finding(Some((*evidence, found)))),
                None => passed.push(finding(None)),
            },
            Outcome::Unknown { why } => {
                let words = why.words();
                if !unknown.contains(&words) {
                    unknown.push(words);
                }
            }
            Outcome::NotApplicable => {}
        }
    }
    if !faults.is_empty() {
        Seen::Fault(faults)
    } else if !unknown.is_empty() {
        Seen::Unknown(unknown)
    } else if !passed.is_empty() {
        Seen::Pass(passed)
    } else if any {
        Seen::NotHere
    } else {
        Seen::Nothing
    }
}

/// What of it the item is about.
fn meant(item: &Item, found: &Value) -> Option<Value> {
    match (item.of, found) {
        (Some(word), Value::List(all)) => {
            let of: Vec<String> = all.iter().filter(|name| name.contains(word)).cloned().collect();
            (!of.is_empty()).then_some(Value::List(of))
        }
        (_, found) => Some(found.clone()),
    }
}

fn stand(seen: &Seen, mark: Option<&Mark>) -> Stand {
    let said = mark.is_some_and(|mark| mark.value == Some(true));
    match seen {
        Seen::Fault(_) => Stand::Wrong,
        Seen::Pass(_) => Stand::Seen,
        Seen::Nothing | Seen::Unknown(_) if said => Stand::Said,
        Seen::Unknown(_) => Stand::Unknown,
        Seen::Nothing => Stand::Open,
        Seen::NotHere => Stand::NotApplicable,
    }
}

#[cfg(test)]
mod tests;
