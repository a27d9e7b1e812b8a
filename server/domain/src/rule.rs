//! Faults as data: a rule says when it applies, what is wrong, by which fact that is seen and what helps.
//!
//! A missing or unknown fact never passes. Rules come from a pack, which is data that is read and checked as a whole;
//! nothing here knows where a pack is kept or how verdicts are stored.

mod constants;
mod pack;
#[cfg(test)]
mod tests;

use kaishin_proto::time::Time;
use kaishin_proto::value::{Reason, Unknown, Value};
use serde::{Deserialize, Serialize};

pub(crate) use constants::{Constants, Filled};
pub use pack::{BadPack, OwnRules, RulePack};

use crate::expr::{Expr, Field, Literal, Subject, Truth3};
use crate::remedy::Remedy;
use crate::words::Words;

/// The worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Qualification checks fail or are about to.
    Serious,
    /// To be put right soon.
    Warning,
    Notice,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Severity::Serious => "serious",
            Severity::Warning => "warning",
            Severity::Notice => "notice",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Kebab case; stable, as filters and histories name it.
    pub id: String,
    pub severity: Severity,
    pub title: Words,
    /// For a clerk on the phone.
    pub explanation: Words,
    /// In one line; `source` has it in its parts.
    pub citation: Words,
    pub source: Citation,
    /// Where the manuals do not agree with each other.
    pub contradiction: Option<Contradiction>,
    pub applies: Expr,
    pub fault: Expr,
    /// A fault only where another terminal has the same evidence.
    pub unique: bool,
    /// The fact that shows it.
    pub evidence: &'static str,
    /// Facts that can show it in its place.
    pub other_evidence: Vec<&'static str>,
    pub expected: Words,
    pub remedy: Option<Remedy>,
    /// What a person does where no remedy helps.
    pub procedure: Option<Procedure>,
}

/// Where a manual demands it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Citation {
    pub manual: Words,
    pub procedure: Words,
    /// As the manual numbers it; empty where it does not.
    pub step: String,
}

impl Citation {
    pub fn words(&self) -> Words {
        // A number alone would tell nobody what it counts.
        let numbered = !self.step.is_empty() && self.step.chars().all(|c| c.is_ascii_digit());
        let join = |manual: &str, procedure: &str, before: &str| {
            let before = if numbered { before } else { "" };
            format!("{manual} {procedure} {before}{}", self.step)
                .trim_end()
                .to_owned()
        };
        Words::new(
            join(&self.manual.ja, &self.procedure.ja, "手順"),
            join(&self.manual.en, &self.procedure.en, "step "),
        )
    }
}

/// The other manual, and what of the two is right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contradiction {
    pub words: Words,
    pub with: Citation,
}

impl Contradiction {
    /// How it is marked wherever it is shown.
    pub fn label() -> Words {
        Words::new("資料間で不一致", "The manuals disagree")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Procedure {
    /// Kebab case.
    pub slug: String,
    pub name: Words,
}

impl Rule {
    pub fn all_evidence(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.evidence).chain(self.other_evidence.iter().copied())
    }

    /// The terminals whose open faults are not what the rule would say: time alone can make it so, or a new pack. Of a rule
    /// that looks at other terminals too, those alone that close.
    pub fn unsettled(&self) -> Expr {
        let not = |expr: Expr| Expr::Not(Box::new(expr));
        let open = Field::find("fault").and_then(|field| Expr::equals(field, &self.id));
        // It is sound for every rule that was read; without it nothing would be unsettled.
        let open = open.unwrap_or(Expr::any(Vec::new()));
        let dark = Expr::all(self.all_evidence().map(|key| self.is_dark(key)).collect());
        let opens = vec![
            self.applies.clone(),
            self.fault.clone(),
            not(dark.clone()),
            not(open.clone()),
        ];
        let closes = Expr::all(vec![open, self.lets_go()]);
        if self.unique {
            return closes;
        }
        Expr::any(vec![Expr::all(opens), closes])
    }

    /// What the rule looked at is not there any more: an account that was deleted, a program that was removed. It does not
    /// pass, but there is nothing left that a fault could be about.
    pub fn is_gone(&self, subject: &(impl Subject + ?Sized), now: Time) -> bool {
        self.lets_go().evaluate(subject, now).is_true()
    }

    /// What closes its fault: it does not apply, or nothing that is there is wrong. What could not be read closes none.
    fn lets_go(&self) -> Expr {
        let not = |expr: Expr| Expr::Not(Box::new(expr));
        let unread = |key: &str| {
            let Some(field) = Field::find(key) else {
                return Expr::Always;
            };
            let unknown = Expr::is_unknown(field).unwrap_or(Expr::Always);
            Expr::is_absent(field).map_or(unknown.clone(), |absent| Expr::all(vec![unknown, not(absent)]))
        };
        let unread = Expr::all(self.all_evidence().map(unread).collect());
        let clean = Expr::all(vec![not(of_what_is_there(&self.fault, true)), not(unread)]);
        Expr::any(vec![not(of_what_is_there(&self.applies, true)), clean])
    }

    /// Whether a piece of its evidence is not known. What was looked for in vain is known, to a rule that asks for that.
    fn is_dark(&self, key: &str) -> Expr {
        let Some(field) = Field::find(key) else {
            return Expr::Always;
        };
        let unknown = Expr::is_unknown(field).unwrap_or(Expr::Always);
        match Expr::is_absent(field) {
            Some(absent) if self.asks_for_absence(field) => Expr::all(vec![unknown, Expr::Not(Box::new(absent))]),
            Some(_) | None => unknown,
        }
    }

    fn asks_for_absence(&self, field: Field) -> bool {
        let mut asks = false;
        self.fault.each_term(&mut |term| {
            asks |= term.field() == field && *term.literal() == Literal::Absent;
        });
        asks
    }
}

/// The condition, in which a comparison of what was looked for in vain counts against it: below a denial as true, else as
/// false. So it is false wherever only what is absent keeps it from being known.
fn of_what_is_there(expr: &Expr, upright: bool) -> Expr {
    let each = |of: &[Expr]| of.iter().map(|expr| of_what_is_there(expr, upright)).collect();
    match expr {
        Expr::Always | Expr::Text(_) => expr.clone(),
        Expr::And(of) => Expr::all(each(of)),
        Expr::Or(of) => Expr::any(each(of)),
        Expr::Not(expr) => Expr::Not(Box::new(of_what_is_there(expr, !upright))),
        Expr::Term(term) => match Expr::is_absent(term.field()) {
            // Both are known of what is absent.
            _ if matches!(term.literal(), Literal::Absent | Literal::Unknown) => expr.clone(),
            Some(absent) if upright => Expr::all(vec![expr.clone(), Expr::Not(Box::new(absent))]),
            Some(absent) => Expr::any(vec![expr.clone(), absent]),
            None => expr.clone(),
        },
    }
}

/// What one rule says of one terminal.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict<'a> {
    pub rule: &'a Rule,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Pass,
    Fault {
        expected: Words,
        found: Value,
        /// The fact that was found so.
        evidence: &'static str,
    },
    /// Neither pass nor fault: it opens no fault, and closes none unless what the rule looked at is gone.
    Unknown {
        why: Why,
    },
    NotApplicable,
}

/// What would have to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    pub field: &'static str,
    /// As the agent gave it; none if it never reported the fact.
    pub unknown: Option<Unknown>,
}

impl Why {
    pub fn words(&self) -> Words {
        let (ja, en) = Field::find(self.field).map_or((self.field, self.field), |field| (field.ja(), field.en()));
        let (why_ja, why_en) = match self.unknown.as_ref().map(|unknown| unknown.reason) {
            None => ("まだ報告されていません", "not reported yet"),
            Some(Reason::NotSupported) => ("この端末では読み取れません", "cannot be read on this terminal"),
            Some(Reason::NoPermission) => ("読み取る権限がありません", "no permission to read it"),
            Some(Reason::NotFound) => ("見つかりません", "not found"),
            Some(Reason::Damaged) => ("壊れていて読めません", "damaged"),
            Some(Reason::Failed) => ("読み取りに失敗しました", "reading failed"),
        };
        Words::new(format!("{ja}: {why_ja}"), format!("{en}: {why_en}"))
    }
}

/// Every rule's verdict, in the order of the pack.
pub fn judge<'a>(pack: &'a RulePack, subject: &(impl Subject + ?Sized), now: Time) -> Vec<Verdict<'a>> {
    let verdict = |rule: &'a Rule| Verdict {
        rule,
        outcome: outcome(rule, subject, now),
    };
    pack.rules().iter().map(verdict).collect()
}

fn outcome(rule: &Rule, subject: &(impl Subject + ?Sized), now: Time) -> Outcome {
    match rule.applies.evaluate(subject, now) {
        Truth3::False => return Outcome::NotApplicable,
        Truth3::Unknown => {
            let why = missing(&rule.applies, rule, subject);
            return Outcome::Unknown { why };
        }
        Truth3::True => {}
    }
    let holds = match (rule.fault.evaluate(subject, now), rule.unique) {
        (Truth3::True, true) => {
            let shares = subject.shares(rule.evidence);
            shares.map_or(Truth3::Unknown, Truth3::from)
        }
        (holds, _) => holds,
    };
    match (holds, found(rule, subject, now)) {
        (Truth3::True, Some((evidence, found))) => Outcome::Fault {
            expected: rule.expected.clone(),
            found,
            evidence,
        },
        (Truth3::False, Some(_)) => Outcome::Pass,
        // Whatever the condition says: without its evidence nobody can be shown why.
        (Truth3::Unknown | Truth3::True | Truth3::False, _) => Outcome::Unknown {
            why: missing(&rule.fault, rule, subject),
        },
    }
}

/// The evidence: of several facts the first of which a part of the condition holds, else the first that is known.
fn found(rule: &Rule, subject: &(impl Subject + ?Sized), now: Time) -> Option<(&'static str, Value)> {
    let known = rule.all_evidence().filter_map(|key| {
        let (value, field) = (subject.fact(key)?, Field::find(key)?);
        let absent = matches!(&*value, Value::Unknown(unknown) if unknown.reason == Reason::NotFound);
        let bright = !value.is_unknown() || absent && rule.asks_for_absence(field);
        bright.then(|| (key, field, value.into_owned()))
    });
    let known: Vec<(&'static str, Field, Value)> = known.collect();
    let shows = |field: Field| {
        let mut holds = false;
        rule.fault.each_term(&mut |term| {
            holds |= term.field() == field && term.evaluate(subject, now).is_true();
        });
        holds
    };
    let telling = known.iter().find(|(_, field, _)| known.len() > 1 && shows(*field));
    let (key, _, value) = telling.or(known.first())?;
    Some((key, value.clone()))
}

/// The first thing that the condition asks about and nobody knows; the evidence if all seems known.
fn missing(condition: &Expr, rule: &Rule, subject: &(impl Subject + ?Sized)) -> Why {
    let mut first: Option<Why> = None;
    condition.each_term(&mut |term| {
        if first.is_none() {
            first = unknown(term.field(), subject);
        }
    });
    first.unwrap_or(Why {
        field: rule.evidence,
        unknown: None,
    })
}

/// Why a field is not known, if it is not.
fn unknown(field: Field, subject: &(impl Subject + ?Sized)) -> Option<Why> {
    let unknown = match field {
        Field::Fact(fact) => match subject.fact(fact.key).as_deref() {
            None => None,
            Some(Value::Unknown(unknown)) => Some(unknown.clone()),
            Some(value) if fact.kind.holds(value) => return None,
            Some(_) => Some(Unknown {
                reason: Reason::Damaged,
                detail: String::new(),
            }),
        },
        Field::Institution if subject.institution().is_none() => None,
        Field::LastSeen if subject.last_seen().is_none() && !subject.online() => None,
        Field::Facility(attribute) if subject.facility(attribute).is_none() => None,
        Field::Id
        | Field::Hostname
        | Field::Institution
        | Field::Online
        | Field::LastSeen
        | Field::State
        | Field::Fault
        | Field::Severity
        | Field::Job
        | Field::JobState
        | Field::JobOf(_)
        | Field::Facility(_) => return None,
    };
    let field = field.name();
    Some(Why { field, unknown })
}
