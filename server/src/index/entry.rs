//! What goes into the index and what comes out: plain data.

use std::borrow::Cow;
use std::collections::BTreeMap;

use kaishin_domain::expr::{Field, Literal, Standing, Subject};
use kaishin_proto::id::TerminalId;
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
        }
    }
}

/// One terminal as the index knows it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub entry: Entry,
    /// Since when it is online.
    pub online_since: Option<Time>,
}

impl Row {
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
}

/// By what a list is ordered. Terminals without a value come last, whichever the direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub field: Field,
    pub descending: bool,
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
    /// Different values beyond those listed.
    pub more: u64,
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
    pub(super) fn most_frequent(mut counted: Vec<(String, SortKey, u64)>, most: usize, unknown: u64) -> Facets {
        counted.sort_by(|one, other| {
            other
                .2
                .cmp(&one.2)
                .then_with(|| (&one.1, &one.0).cmp(&(&other.1, &other.0)))
        });
        let more = counted.len().saturating_sub(most) as u64;
        counted.truncate(most);
        let values = counted.into_iter().map(|(words, _, count)| (words, count)).collect();
        Facets { values, unknown, more }
    }
}

/// A value as an expression takes it; none for what is unknown or has too many values to count.
pub(super) fn value_words(value: &Value) -> Vec<String> {
    match value {
        Value::Truth(truth) => vec![if *truth { "yes" } else { "no" }.to_owned()],
        Value::Number(number) => vec![number.to_string()],
        Value::Text(text) => vec![text.clone()],
        Value::Version(version) => vec![version.to_string()],
        Value::Size(size) => vec![Literal::Size(*size).to_string()],
        Value::List(items) => {
            let mut items = items.clone();
            items.sort();
            items.dedup();
            items
        }
        Value::Time(_) | Value::Duration(_) | Value::Table(_) | Value::Unknown(_) => Vec::new(),
    }
}
