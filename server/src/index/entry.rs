//! What goes into the index and what comes out: plain data.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use kaishin_domain::expr::{Attribute, Field, Literal, SEVERITIES, Standing, Subject, is_open};
use kaishin_proto::id::{JobId, TerminalId};
use kaishin_proto::time::Time;
use kaishin_proto::value::Value;

use super::cursor::SortKey;

/// One terminal as it is put in. Of the facts the index keeps those that the catalogue marks as indexed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: TerminalId,
    pub hostname: String,
    pub institution: Option<String>,
    pub flags: Flags,
    /// When it was last here; of a terminal that is online, when it came.
    pub last_seen: Option<Time>,
    pub facts: BTreeMap<String, Value>,
    /// The rules of its open faults.
    pub faults: Vec<String>,
    /// What the ledger says of the facility that it stands in; what is not known is not named. Comes out only: what goes in
    /// is the institution's code.
    pub facility: Facility,
    /// Its open jobs and the last of each remedy.
    pub jobs: Vec<Work>,
}

pub type Facility = BTreeMap<Attribute, Value>;

/// A job as a terminal is found by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Work {
    pub id: JobId,
    pub remedy: &'static str,
    pub state: &'static str,
}

impl Work {
    pub fn is_open(&self) -> bool {
        is_open(self.state)
    }

    /// Those that count, in their order: open ones, and the last of each remedy.
    pub(super) fn kept(mut works: Vec<Work>) -> Vec<Work> {
        works.sort_unstable();
        let last: BTreeMap<&str, JobId> = works.iter().map(|work| (work.remedy, work.id)).collect();
        works.retain(|work| is_open(work.state) || last.get(work.remedy) == Some(&work.id));
        works
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    pub revoked: bool,
    pub duplicate: bool,
    pub incompatible: bool,
}

impl Flags {
    pub fn stands(self, standing: Standing) -> bool {
        match standing {
            Standing::Active => self == Flags::default(),
            Standing::Revoked => self.revoked,
            Standing::Duplicate => self.duplicate,
            Standing::Incompatible => self.incompatible,
        }
    }
}

impl Flags {
    /// The worst last: what a list is sorted by.
    pub(super) fn gravity(self) -> u8 {
        u8::from(self.incompatible) | u8::from(self.duplicate) << 1 | u8::from(self.revoked) << 2
    }
}

impl Entry {
    pub fn new(id: TerminalId, hostname: impl Into<String>) -> Entry {
        Entry {
            id,
            hostname: hostname.into(),
            institution: None,
            flags: Flags::default(),
            last_seen: None,
            facts: BTreeMap::new(),
            faults: Vec::new(),
            facility: Facility::new(),
            jobs: Vec::new(),
        }
    }
}

/// One terminal as the index knows it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub entry: Entry,
    /// Since when it is online.
    pub online_since: Option<Time>,
    /// How grave its faults are, the worst first.
    pub severities: Vec<&'static str>,
    /// Of the facts that no two terminals may share, those that this one shares.
    pub shared: Vec<&'static str>,
}

impl Row {
    /// Of several terminals the one with the most is looked at first: how grave its gravest fault is, then how many it has.
    pub fn urgency(&self) -> (i64, u64) {
        let gravity = self.severities.first().map_or(0, |severity| gravity_of(severity));
        (gravity, self.entry.faults.len() as u64)
    }

    pub fn online(&self) -> bool {
        self.online_since.is_some()
    }
}

impl Subject for Row {
    fn id(&self) -> TerminalId {
        self.entry.id
    }
    fn hostname(&self) -> &str {
        &self.entry.hostname
    }
    fn institution(&self) -> Option<&str> {
        self.entry.institution.as_deref()
    }
    fn online(&self) -> bool {
        self.online_since.is_some()
    }
    fn last_seen(&self) -> Option<Time> {
        self.entry.last_seen
    }
    fn stands(&self, standing: Standing) -> bool {
        self.entry.flags.stands(standing)
    }
    fn faults(&self) -> Vec<&str> {
        self.entry.faults.iter().map(String::as_str).collect()
    }
    fn fact(&self, key: &str) -> Option<Cow<'_, Value>> {
        self.entry.facts.get(key).map(Cow::Borrowed)
    }
    fn shares(&self, key: &str) -> Option<bool> {
        let known = self.entry.facts.get(key).is_some_and(|value| !value.is_unknown());
        known.then(|| self.shared.contains(&key))
    }
    fn severities(&self) -> Vec<&str> {
        self.severities.clone()
    }
    fn facility(&self, attribute: Attribute) -> Option<Cow<'_, Value>> {
        self.entry.facility.get(&attribute).map(Cow::Borrowed)
    }
    fn jobs(&self) -> Vec<(&str, &str)> {
        self.entry.jobs.iter().map(|work| (work.remedy, work.state)).collect()
    }
}

/// The names of severities, the worst first, each with the place by which lists are sorted.
pub(super) fn gravity_of(severity: &str) -> i64 {
    let at = SEVERITIES.iter().position(|known| *known == severity);
    at.map_or(0, |at| (SEVERITIES.len() - at) as i64)
}

/// By what a list is ordered. Terminals without a value come last, whichever the direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub field: Field,
    pub descending: bool,
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.descending { "-" } else { "" }, self.field.name())
    }
}

impl Default for Sort {
    fn default() -> Sort {
        Sort {
            field: Field::Hostname,
            descending: false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub items: Vec<Row>,
    /// How many match in all.
    pub total: u64,
    /// Where the next page starts; none on the last.
    pub next: Option<super::Cursor>,
}

/// How many of the matching terminals have which value, the most frequent first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// The value as it is shown and as an expression takes it.
    pub values: Vec<(String, u64)>,
    pub unknown: u64,
    /// Why, for those.
    pub reasons: Vec<(&'static str, u64)>,
    /// Different values beyond those listed, and how often these occur.
    pub more: u64,
    pub other: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub terminals: u64,
    pub online: u64,
    pub offline: u64,
    pub active: u64,
    pub revoked: u64,
    pub duplicate: u64,
    pub incompatible: u64,
    /// Open faults in all, and the terminals that have any.
    pub faults: u64,
    pub faulty: u64,
    /// Terminals per open fault's rule.
    pub by_fault: BTreeMap<String, u64>,
}

/// A terminal came or went: what the database is told in batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    pub id: TerminalId,
    /// Since when it is online; none if it is not.
    pub online_since: Option<Time>,
    pub last_seen: Option<Time>,
}

impl Facets {
    pub(super) fn most_frequent(mut counted: Vec<(String, SortKey, u64)>, most: usize) -> Facets {
        counted.sort_by(|one, other| {
            other
                .2
                .cmp(&one.2)
                .then_with(|| (&one.1, &one.0).cmp(&(&other.1, &other.0)))
        });
        let rest = counted.get(most..).unwrap_or_default();
        let (more, other) = (rest.len() as u64, rest.iter().map(|(_, _, count)| count).sum());
        counted.truncate(most);
        let values = counted.into_iter().map(|(words, _, count)| (words, count)).collect();
        Facets {
            values,
            more,
            other,
            ..Facets::default()
        }
    }

    pub(super) fn with_unknown(self, reasons: Vec<(&'static str, u64)>) -> Facets {
        Facets {
            unknown: reasons.iter().map(|(_, count)| count).sum(),
            reasons,
            ..self
        }
    }
}

/// A value as an expression takes it: of a list its items, of a table its cells; none for what is unknown or has too many
/// values to count.
pub(super) fn value_words(value: &Value) -> Vec<String> {
    let distinct = |mut items: Vec<String>| {
        items.sort();
        items.dedup();
        items
    };
    match value {
        Value::Truth(truth) => vec![if *truth { "yes" } else { "no" }.to_owned()],
        Value::Number(number) => vec![number.to_string()],
        Value::Text(text) => vec![text.clone()],
        Value::Version(version) => vec![version.to_string()],
        Value::Size(size) => vec![Literal::Size(*size).to_string()],
        Value::List(items) => distinct(items.clone()),
        Value::Table(table) => distinct(table.rows.iter().flatten().cloned().collect()),
        Value::Time(_) | Value::Duration(_) | Value::Unknown(_) => Vec::new(),
    }
}
