//! One comparison: a field, an operator, a value; and whether a terminal's value answers to it.

use std::cmp::Ordering;
use std::fmt;

use kaishin_proto::time::Time;
use kaishin_proto::value::{Reason, Value};

use super::field::{Attribute, Field, JOB_STATES, Kind, OPEN, SEVERITIES, is_open};
use super::literal::{Literal, Phrase, write_word};
use super::{Subject, Truth3};
use crate::facility;
use crate::fold::{fold, folded};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// `:`, for texts with `*` as a wildcard, for several texts: one of them.
    Has,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Op {
    pub const ALL: [Op; 7] = [
        Op::Has,
        Op::Equal,
        Op::NotEqual,
        Op::Less,
        Op::LessOrEqual,
        Op::Greater,
        Op::GreaterOrEqual,
    ];

    pub(super) fn fits(self, kind: Kind) -> bool {
        match self {
            Op::Has | Op::Equal | Op::NotEqual => true,
            Op::Less | Op::LessOrEqual | Op::Greater | Op::GreaterOrEqual => match kind {
                Kind::Number | Kind::Version | Kind::Time | Kind::Duration | Kind::Size => true,
                Kind::Truth | Kind::Text | Kind::Several | Kind::Standing => false,
            },
        }
    }

    pub fn accepts(self, order: Ordering) -> bool {
        match self {
            Op::Has | Op::Equal => order.is_eq(),
            Op::NotEqual => order.is_ne(),
            Op::Less => order.is_lt(),
            Op::LessOrEqual => order.is_le(),
            Op::Greater => order.is_gt(),
            Op::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Op::Has => ":",
            Op::Equal => "=",
            Op::NotEqual => "!=",
            Op::Less => "<",
            Op::LessOrEqual => "<=",
            Op::Greater => ">",
            Op::GreaterOrEqual => ">=",
        })
    }
}

/// Field, operator and value that fit each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    field: Field,
    op: Op,
    literal: Literal,
}

impl Term {
    /// None where they do not fit.
    pub fn new(field: Field, op: Op, literal: Literal) -> Option<Term> {
        let kind = field.kind();
        let literal = settled(field, literal);
        let fits = literal.fits(kind)
            && match literal {
                // Ages are never exactly so many seconds, and unknown is neither less nor more.
                Literal::Age(_) => !matches!(op, Op::Has | Op::Equal | Op::NotEqual),
                Literal::Unknown => !is_of_many(field) && matches!(op, Op::Has | Op::Equal | Op::NotEqual),
                // Only what was looked for can be missing.
                Literal::Absent => matches!(field, Field::Fact(_)) && matches!(op, Op::Has | Op::Equal | Op::NotEqual),
                Literal::Truth(_)
                | Literal::Number(_)
                | Literal::Text(_)
                | Literal::Version(_)
                | Literal::Time(_)
                | Literal::Day(_)
                | Literal::Duration(_)
                | Literal::Size(_)
                | Literal::Standing(_) => op.fits(kind),
            }
            && one_of_the_choices(field, op, &literal);
        fits.then_some(Term { field, op, literal })
    }

    pub fn field(&self) -> Field {
        self.field
    }
    pub fn op(&self) -> Op {
        self.op
    }
    pub fn literal(&self) -> &Literal {
        &self.literal
    }

    pub fn evaluate(&self, subject: &(impl Subject + ?Sized), now: Time) -> Truth3 {
        match self.field {
            Field::Id => self.of_text(Some(&subject.id().to_string())),
            Field::Hostname => self.of_text(Some(subject.hostname())),
            Field::Institution => self.of_text(subject.institution()),
            Field::Online => self.of_truth(Some(subject.online())),
            Field::LastSeen => {
                // Who is here is being seen.
                let seen = if subject.online() {
                    Some(now)
                } else {
                    subject.last_seen()
                };
                self.of_time(seen, now)
            }
            Field::State => self.of_standing(|standing| subject.stands(standing)),
            Field::Fault => self.of_several(Some(subject.faults().into_iter())),
            Field::Severity => self.of_several(Some(subject.severities().into_iter())),
            Field::Job | Field::JobState | Field::JobOf(_) => {
                let jobs = subject.jobs();
                let items = jobs
                    .iter()
                    .flat_map(|(remedy, state)| job_items(self.field, remedy, state));
                self.of_several(Some(items))
            }
            Field::Facility(attribute) => self.of_attribute(attribute, subject.facility(attribute).as_deref()),
            Field::Fact(fact) => self.of_value(subject.fact(fact.key).as_deref(), now),
        }
    }

    /// A fact's value; missing, and of another kind than the catalogue says, is unknown.
    pub fn of_value(&self, value: Option<&Value>, now: Time) -> Truth3 {
        let kind = self.field.kind();
        match value {
            Some(Value::Unknown(unknown)) if self.literal == Literal::Absent => match unknown.reason {
                Reason::NotFound => self.turned(true),
                Reason::NotSupported | Reason::NoPermission | Reason::Damaged | Reason::Failed => Truth3::Unknown,
            },
            None | Some(Value::Unknown(_)) => self.of_unknown(),
            Some(Value::Truth(truth)) if kind == Kind::Truth => self.of_truth(Some(*truth)),
            Some(Value::Number(number)) if kind == Kind::Number => {
                if let Literal::Number(other) = &self.literal {
                    self.ordered(number.cmp(other))
                } else {
                    self.known()
                }
            }
            Some(Value::Text(text)) if kind == Kind::Text => self.of_text(Some(text)),
            Some(Value::Version(version)) if kind == Kind::Version => {
                if let Literal::Version(other) = &self.literal {
                    self.ordered(version.cmp(other))
                } else {
                    self.known()
                }
            }
            Some(Value::Time(time)) if kind == Kind::Time => self.of_time(Some(*time), now),
            Some(Value::Duration(span)) if kind == Kind::Duration => {
                if let Literal::Duration(other) = &self.literal {
                    self.ordered(span.cmp(other))
                } else {
                    self.known()
                }
            }
            Some(Value::Size(size)) if kind == Kind::Size => {
                if let Literal::Size(other) = &self.literal {
                    self.ordered(size.cmp(other))
                } else {
                    self.known()
                }
            }
            Some(Value::List(items)) if kind == Kind::Several => {
                self.of_several(Some(items.iter().map(String::as_str)))
            }
            Some(Value::Table(table)) if kind == Kind::Several => {
                self.of_several(Some(table.rows.iter().flatten().map(String::as_str)))
            }
            Some(
                Value::Truth(_)
                | Value::Number(_)
                | Value::Text(_)
                | Value::Version(_)
                | Value::Time(_)
                | Value::Duration(_)
                | Value::Size(_)
                | Value::List(_)
                | Value::Table(_),
            ) => self.of_unknown(),
        }
    }

    pub fn of_attribute(&self, attribute: Attribute, value: Option<&Value>) -> Truth3 {
        match (attribute, value) {
            (Attribute::SharedReceipt, Some(Value::Truth(truth))) => self.of_truth(Some(*truth)),
            (
                Attribute::Code
                | Attribute::Name
                | Attribute::Kind
                | Attribute::Prefecture
                | Attribute::Carrier
                | Attribute::Line
                | Attribute::Provider
                | Attribute::Topology
                | Attribute::Reader
                | Attribute::UpdateChoice,
                Some(Value::Text(text)),
            ) => self.of_text(Some(text)),
            (_, _) => self.of_unknown(),
        }
    }

    pub fn of_text(&self, text: Option<&str>) -> Truth3 {
        match (text, &self.literal) {
            (None, _) => self.of_unknown(),
            (Some(text), Literal::Text(words)) => self.turned(self.matches(text, words)),
            (Some(_), _) => self.known(),
        }
    }

    pub fn of_truth(&self, truth: Option<bool>) -> Truth3 {
        match (truth, &self.literal) {
            (None, _) => self.of_unknown(),
            (Some(truth), Literal::Truth(other)) => self.turned(truth == *other),
            (Some(_), _) => self.known(),
        }
    }

    pub fn of_time(&self, time: Option<Time>, now: Time) -> Truth3 {
        match time {
            None => self.of_unknown(),
            Some(time) => match self.literal.order_time(time, now) {
                Some(order) => self.ordered(order),
                None => self.known(),
            },
        }
    }

    pub fn of_standing(&self, stands: impl Fn(super::Standing) -> bool) -> Truth3 {
        if let Literal::Standing(standing) = &self.literal {
            return self.turned(stands(*standing));
        }
        self.known()
    }

    pub fn of_several<'a>(&self, items: Option<impl Iterator<Item = &'a str>>) -> Truth3 {
        match (items, &self.literal) {
            (None, _) => self.of_unknown(),
            (Some(mut items), Literal::Text(words)) => self.turned(items.any(|item| self.matches(item, words))),
            (Some(_), _) => self.known(),
        }
    }

    /// Nothing is known: only a question for just that has an answer.
    pub fn of_unknown(&self) -> Truth3 {
        if self.literal == Literal::Unknown {
            return self.turned(true);
        }
        Truth3::Unknown
    }

    /// Something is known, and the question was whether nothing is or nothing is there.
    fn known(&self) -> Truth3 {
        if matches!(self.literal, Literal::Unknown | Literal::Absent) {
            return self.turned(false);
        }
        Truth3::Unknown
    }

    fn matches(&self, text: &str, words: &Phrase) -> bool {
        if self.is_pattern() {
            return like(&fold(text), words.folded());
        }
        folded(text).eq(words.folded().chars())
    }

    /// Whether the text is compared with wildcards.
    pub fn is_pattern(&self) -> bool {
        matches!(&self.literal, Literal::Text(words) if self.op == Op::Has && words.folded().contains('*'))
    }

    fn ordered(&self, order: Ordering) -> Truth3 {
        Truth3::from(self.op.accepts(order))
    }

    fn turned(&self, equal: bool) -> Truth3 {
        Truth3::from(equal != (self.op == Op::NotEqual))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.field.name(), self.op)?;
        // In quotes, so that it is not taken for the short word that it looks like.
        if let Literal::Text(words) = &self.literal
            && short_for(self.field, words.raw()).is_some()
        {
            return write_word(f, words.raw(), true);
        }
        write!(f, "{}", self.literal)
    }
}

/// Of these a terminal has any number, and it is always known which.
pub(super) fn is_of_many(field: Field) -> bool {
    matches!(
        field,
        Field::Fault | Field::Severity | Field::Job | Field::JobState | Field::JobOf(_)
    )
}

/// What a short word after `fault` or `job` stands for: `fault:any`, `fault:serious`, `job:open`.
pub(super) enum Short {
    /// Any of them.
    Any,
    Of(Field),
}

pub(super) fn short_for(field: Field, word: &str) -> Option<Short> {
    let word = fold(word);
    let word = word.trim();
    let (fault, job) = (field == Field::Fault, field == Field::Job);
    if (fault || job) && word == "any" {
        return Some(Short::Any);
    }
    if fault && SEVERITIES.contains(&word) {
        return Some(Short::Of(Field::Severity));
    }
    (job && (word == OPEN || JOB_STATES.contains(&word))).then_some(Short::Of(Field::JobState))
}

/// What a job is found by in one of the fields about jobs.
pub fn job_items<'a>(field: Field, remedy: &'a str, state: &'a str) -> impl Iterator<Item = &'a str> {
    let own = match field {
        Field::JobOf(of) => of == remedy,
        Field::Job | Field::JobState => true,
        Field::Fact(_)
        | Field::Id
        | Field::Hostname
        | Field::Institution
        | Field::Online
        | Field::LastSeen
        | Field::State
        | Field::Fault
        | Field::Severity
        | Field::Facility(_) => false,
    };
    let item = if field == Field::Job { remedy } else { state };
    let open = own && field != Field::Job && is_open(state);
    own.then_some(item).into_iter().chain(open.then_some(OPEN))
}

/// Where the ledger has a closed list of words, what people say instead is read as well: `prefecture:tokyo`.
fn settled(field: Field, literal: Literal) -> Literal {
    // What the ledger does not have is not known: nobody has said that there is none.
    if literal == Literal::Absent && matches!(field, Field::Facility(_) | Field::Institution | Field::LastSeen) {
        return Literal::Unknown;
    }
    let (Field::Facility(attribute), Literal::Text(words)) = (field, &literal) else {
        return literal;
    };
    let said = words.raw();
    let meant = match attribute {
        Attribute::Kind => facility::Kind::read(said).map(|kind| kind.name().to_owned()),
        Attribute::Line => facility::Line::read(said).map(|line| line.name().to_owned()),
        Attribute::Topology => facility::Topology::read(said).map(|topology| topology.name().to_owned()),
        Attribute::UpdateChoice => facility::UpdateChoice::read(said).map(|choice| choice.name().to_owned()),
        Attribute::Prefecture => facility::Prefecture::read(said).map(|prefecture| prefecture.words().ja),
        Attribute::Code
        | Attribute::Name
        | Attribute::Carrier
        | Attribute::Provider
        | Attribute::Reader
        | Attribute::SharedReceipt => None,
    };
    meant.map_or(literal, |meant| Literal::Text(Phrase::new(meant)))
}

fn one_of_the_choices(field: Field, op: Op, literal: &Literal) -> bool {
    match (field.choices(), literal) {
        (Some(choices), Literal::Text(words)) => {
            let pattern = op == Op::Has && words.folded().contains('*');
            pattern || choices.contains(&words.folded())
        }
        (_, _) => true,
    }
}

/// Whether a text is like a pattern in which `*` stands for anything: the pieces occur in their order.
fn like(text: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(pieces.next().unwrap_or("")) else {
        return false;
    };
    let mut last = None;
    for piece in pieces {
        if let Some(between) = last.replace(piece) {
            match rest.find(between) {
                Some(at) => rest = &rest[at + between.len()..],
                None => return false,
            }
        }
    }
    last.map_or(rest.is_empty(), |end| rest.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (text, pattern, fits) in [
            ("uketsuke-01", "uketsuke*", true),
            ("uketsuke-01", "*01", true),
            ("uketsuke-01", "*tsu*-*1", true),
            ("uketsuke-01", "*", true),
            ("", "*", true),
            ("aba", "ab*ba", false),
            ("abba", "ab*ba", true),
            ("kaikei-01", "uketsuke*", false),
            ("a", "a**", true),
            ("xaxbx", "x*b", false),
        ] {
            assert_eq!(like(text, pattern), fits, "{text} {pattern}");
        }
    }
}
