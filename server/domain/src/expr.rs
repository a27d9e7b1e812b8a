//! The one language for filters and rules: what an operator types, what a rule says, what an index answers.
//!
//! Logic has three values: a missing fact is *unknown*, and neither a condition nor its opposite then holds. No clock
//! here: "now" is an argument. Nothing in this room knows how terminals are stored or indexed.

mod complete;
mod error;
mod field;
mod grammar;
mod literal;
mod parse;
mod term;

use std::borrow::Cow;
use std::fmt;

use kaishin_proto::id::TerminalId;
use kaishin_proto::time::Time;
use kaishin_proto::value::Value;

use crate::fold::{Word, search_key};
pub use crate::fold::{fold, folded, narrow};
pub use complete::{Completion, Part, Suggestion, complete};
pub use error::{ParseError, Problem};
pub use field::{Attribute, Field, JOB_STATES, Kind, OPEN, SEVERITIES, Standing, is_open};
pub use grammar::{EXAMPLES, grammar};
pub use literal::{Literal, Phrase};
pub use term::{Op, Term, job_items};

/// A condition on a terminal. `And` and `Or` hold two or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    Always,
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    /// The word, as `search_key` sees it, stands in the terminal's name, model, serial number or institution code or in what
    /// its facility is found by, or its id begins with it.
    Text(Phrase),
    Term(Term),
}

/// Kleene's three values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth3 {
    False,
    Unknown,
    True,
}

impl Truth3 {
    pub fn is_true(self) -> bool {
        self == Truth3::True
    }
}

impl std::ops::Not for Truth3 {
    type Output = Truth3;
    fn not(self) -> Truth3 {
        match self {
            Truth3::False => Truth3::True,
            Truth3::Unknown => Truth3::Unknown,
            Truth3::True => Truth3::False,
        }
    }
}

impl From<bool> for Truth3 {
    fn from(truth: bool) -> Truth3 {
        if truth { Truth3::True } else { Truth3::False }
    }
}

/// A terminal as an expression sees it.
pub trait Subject {
    fn id(&self) -> TerminalId;
    fn hostname(&self) -> &str;
    fn institution(&self) -> Option<&str>;
    fn online(&self) -> bool;
    fn last_seen(&self) -> Option<Time>;
    fn stands(&self, standing: Standing) -> bool;
    /// The rules of its open faults.
    fn faults(&self) -> Vec<&str>;
    fn fact(&self, key: &str) -> Option<Cow<'_, Value>>;
    /// Whether another terminal has the same value of that fact; none where nobody has looked.
    fn shares(&self, _key: &str) -> Option<bool> {
        None
    }
    /// How grave these faults are.
    fn severities(&self) -> Vec<&str> {
        Vec::new()
    }
    /// Of the facility it stands in; without one everything is unknown.
    fn facility(&self, _: Attribute) -> Option<Cow<'_, Value>> {
        None
    }
    /// What that facility is found by, as keys, a line each.
    fn facility_lines(&self) -> Cow<'_, str> {
        match self.facility(Attribute::Name).as_deref() {
            Some(Value::Text(name)) => Cow::Owned(search_key(name)),
            Some(_) | None => Cow::Borrowed(""),
        }
    }
    /// Remedy and state of its open jobs and of the last job of each remedy.
    fn jobs(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }
}

/// The facts that no two terminals may share.
pub const UNIQUE_FACTS: [&str; 1] = ["certificates.thumbprint"];

/// The facts that a bare word is looked for in, beside name and institution code.
pub const SEARCHED_FACTS: [&str; 2] = ["hardware.model", "hardware.serial"];

impl Expr {
    /// Reads a filter or a rule's condition: only what is indexed may be asked for. Empty text is every terminal.
    pub fn parse(text: &str) -> Result<Expr, ParseError> {
        parse::parse(text)
    }

    pub fn all(mut of: Vec<Expr>) -> Expr {
        if of.len() > 1 {
            return Expr::And(of);
        }
        of.pop().unwrap_or(Expr::Always)
    }

    /// Of nothing: nothing holds.
    pub fn any(mut of: Vec<Expr>) -> Expr {
        if of.len() > 1 {
            return Expr::Or(of);
        }
        of.pop().unwrap_or_else(|| Expr::Not(Box::new(Expr::Always)))
    }

    /// The condition that a field has exactly this text, whatever characters are in it.
    pub fn equals(field: Field, text: &str) -> Option<Expr> {
        let literal = Literal::read(field.kind(), text, true)?;
        let op = if text.contains(['*', '＊']) {
            Op::Equal
        } else {
            Op::Has
        };
        Term::new(field, op, literal).map(Expr::Term)
    }

    pub fn is_unknown(field: Field) -> Option<Expr> {
        Term::new(field, Op::Has, Literal::Unknown).map(Expr::Term)
    }

    pub fn is_absent(field: Field) -> Option<Expr> {
        Term::new(field, Op::Has, Literal::Absent).map(Expr::Term)
    }

    /// Every comparison in it, denied ones too.
    pub fn each_term(&self, see: &mut impl FnMut(&Term)) {
        match self {
            Expr::Always | Expr::Text(_) => {}
            Expr::And(of) | Expr::Or(of) => of.iter().for_each(|expr| expr.each_term(see)),
            Expr::Not(expr) => expr.each_term(see),
            Expr::Term(term) => see(term),
        }
    }

    pub fn evaluate(&self, subject: &(impl Subject + ?Sized), now: Time) -> Truth3 {
        match self {
            Expr::Always => Truth3::True,
            Expr::And(of) => {
                let mut least = Truth3::True;
                for expr in narrowing(of) {
                    least = least.min(expr.evaluate(subject, now));
                    if least == Truth3::False {
                        break;
                    }
                }
                least
            }
            Expr::Or(of) => {
                let mut most = Truth3::False;
                for expr in of {
                    most = most.max(expr.evaluate(subject, now));
                    if most == Truth3::True {
                        break;
                    }
                }
                most
            }
            Expr::Not(expr) => !expr.evaluate(subject, now),
            Expr::Text(phrase) => {
                let word = Word::new(phrase.raw());
                let own = search_lines(subject).iter().any(|line| word.is_in(line));
                Truth3::from(
                    own || subject.facility_lines().lines().any(|line| word.is_in(line))
                        || word.key().is_empty()
                        || id_begins_with(subject.id(), phrase.folded()),
                )
            }
            Expr::Term(term) => term.evaluate(subject, now),
        }
    }

    /// The fields that it asks about.
    pub fn fields(&self) -> Vec<Field> {
        let mut fields = Vec::new();
        self.collect_fields(&mut fields);
        fields
    }

    fn collect_fields(&self, into: &mut Vec<Field>) {
        match self {
            Expr::Always | Expr::Text(_) => {}
            Expr::And(of) | Expr::Or(of) => of.iter().for_each(|expr| expr.collect_fields(into)),
            Expr::Not(expr) => expr.collect_fields(into),
            Expr::Term(term) => {
                if !into.contains(&term.field()) {
                    into.push(term.field());
                }
            }
        }
    }
}

/// The parts that say something together: words of law say nothing beside other words.
pub fn narrowing(of: &[Expr]) -> impl Iterator<Item = &Expr> {
    let is_law = |expr: &Expr| matches!(expr, Expr::Text(word) if Word::new(word.raw()).is_law());
    let named = of.iter().any(|expr| matches!(expr, Expr::Text(_)) && !is_law(expr));
    of.iter().filter(move |expr| !(named && is_law(expr)))
}

/// What bare words are looked for in of the terminal itself, each as a key.
pub fn search_lines(subject: &(impl Subject + ?Sized)) -> Vec<String> {
    let mut lines = vec![
        search_key(subject.hostname()),
        subject.institution().map(search_key).unwrap_or_default(),
    ];
    for key in SEARCHED_FACTS {
        if let Some(Value::Text(fact)) = subject.fact(key).as_deref() {
            lines.push(search_key(fact));
        }
    }
    lines
}

/// The texts that are often compared with patterns: folded, one line each, so that no piece spans two of them.
pub fn searched(subject: &(impl Subject + ?Sized)) -> String {
    let mut text = fold(subject.hostname());
    text.push('\n');
    text.push_str(&subject.institution().map(fold).unwrap_or_default());
    for key in SEARCHED_FACTS {
        text.push('\n');
        if let Some(Value::Text(fact)) = subject.fact(key).as_deref() {
            text.push_str(&fold(fact));
        }
    }
    text.push('\n');
    if let Some(Value::Text(name)) = subject.facility(Attribute::Name).as_deref() {
        text.push_str(&fold(name));
    }
    text
}

/// Shorter beginnings of ids are digits that occur everywhere and mean something else.
pub const SHORTEST_ID: usize = 8;

pub fn id_begins_with(id: TerminalId, folded: &str) -> bool {
    folded.len() >= SHORTEST_ID && id.to_string().starts_with(folded)
}

impl fmt::Display for Expr {
    /// The canonical form, which reads back as the same expression.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Always => f.write_str("*"),
            Expr::And(of) => write_joined(f, of, " "),
            Expr::Or(of) => write_joined(f, of, " OR "),
            Expr::Not(expr) => {
                f.write_str("-")?;
                write_inner(f, expr)
            }
            Expr::Text(words) => {
                let raw = words.raw();
                let everything = matches!(raw, "*" | "＊");
                let special = everything || parse::keyword_meant(raw).is_some() || raw.starts_with('-');
                literal::write_word(f, raw, special)
            }
            Expr::Term(term) => write!(f, "{term}"),
        }
    }
}

fn write_joined(f: &mut fmt::Formatter<'_>, of: &[Expr], between: &str) -> fmt::Result {
    for (n, expr) in of.iter().enumerate() {
        if n > 0 {
            f.write_str(between)?;
        }
        write_inner(f, expr)?;
    }
    Ok(())
}

fn write_inner(f: &mut fmt::Formatter<'_>, expr: &Expr) -> fmt::Result {
    match expr {
        Expr::And(_) | Expr::Or(_) => write!(f, "({expr})"),
        Expr::Always | Expr::Not(_) | Expr::Text(_) | Expr::Term(_) => write!(f, "{expr}"),
    }
}

#[cfg(test)]
mod tests;
