//! The index without any index: every question is asked of every terminal. What the real one is compared with.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use kaishin_domain::expr::{Attribute, Expr, Field, SEVERITIES, Standing, Subject, UNIQUE_FACTS, job_items};
use kaishin_proto::fact;
use kaishin_proto::id::TerminalId;
use kaishin_proto::time::Time;
use kaishin_proto::value::Value;

use super::cursor::SortKey;
use super::entry::{gravity_of, value_words};
use super::stay::Stay;
use super::{Counts, Cursor, Entry, Facets, Facility, Page, Presence, Row, Sort, Work};

#[derive(Default)]
pub(super) struct Fleet {
    rows: BTreeMap<TerminalId, Row>,
    dirty: BTreeSet<TerminalId>,
    severity_of: BTreeMap<String, &'static str>,
    pub ledger: BTreeMap<String, Facility>,
    /// What each of those is found by.
    pub lines: BTreeMap<String, String>,
}

/// A row with what its facility is found by.
struct Found<'a>(&'a Row, &'a str);

impl Subject for Found<'_> {
    fn id(&self) -> TerminalId {
        self.0.id()
    }
    fn hostname(&self) -> &str {
        self.0.hostname()
    }
    fn institution(&self) -> Option<&str> {
        self.0.institution()
    }
    fn online(&self) -> bool {
        self.0.online()
    }
    fn last_seen(&self) -> Option<Time> {
        self.0.last_seen()
    }
    fn stands(&self, standing: Standing) -> bool {
        self.0.stands(standing)
    }
    fn faults(&self) -> Vec<&str> {
        self.0.faults()
    }
    fn fact(&self, key: &str) -> Option<Cow<'_, Value>> {
        self.0.fact(key)
    }
    fn shares(&self, key: &str) -> Option<bool> {
        self.0.shares(key)
    }
    fn severities(&self) -> Vec<&str> {
        self.0.severities()
    }
    fn facility(&self, attribute: Attribute) -> Option<Cow<'_, Value>> {
        self.0.facility(attribute)
    }
    fn facility_lines(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.1)
    }
    fn jobs(&self) -> Vec<(&str, &str)> {
        self.0.jobs()
    }
}

fn tidy(entry: &mut Entry) {
    entry
        .facts
        .retain(|key, value| fact::find(key).is_some_and(|fact| fact.indexed && fact.kind.holds(value)));
    entry.faults.sort();
    entry.faults.dedup();
    entry.facility.clear();
    entry.jobs = Work::kept(std::mem::take(&mut entry.jobs));
}

impl Fleet {
    /// As the rules see it now.
    fn seen(&self, row: &Row) -> Row {
        let faults = &row.entry.faults;
        let grave = |severity: &&&str| faults.iter().any(|rule| self.severity_of.get(rule) == Some(severity));
        let code = row.entry.institution.as_deref().unwrap_or_default();
        let entry = Entry {
            facility: self.ledger.get(code).cloned().unwrap_or_default(),
            ..row.entry.clone()
        };
        let shared = |key: &&&str| {
            let own = row.entry.facts.get(**key).filter(|value| !value.is_unknown());
            let stay = |row: &Row| Stay::of(row.online_since, row.entry.last_seen);
            let others = self
                .rows
                .values()
                .filter(|other| other.entry.id != row.entry.id && !other.entry.flags.revoked)
                .filter(|other| stay(other).meets(stay(row)));
            own.is_some_and(|own| {
                others
                    .into_iter()
                    .any(|other| other.entry.facts.get(**key) == Some(own))
            })
        };
        Row {
            shared: UNIQUE_FACTS.iter().filter(shared).copied().collect(),
            entry,
            severities: SEVERITIES.iter().filter(grave).copied().collect(),
            ..row.clone()
        }
    }

    pub fn set_severities(&mut self, of: impl IntoIterator<Item = (String, &'static str)>) {
        self.severity_of = of.into_iter().collect();
    }

    pub fn upsert(&mut self, mut entry: Entry) {
        tidy(&mut entry);
        let old = self.rows.get(&entry.id);
        let online_since = old.and_then(|row| row.online_since);
        entry.last_seen = entry.last_seen.max(old.and_then(|row| row.entry.last_seen));
        let severities = Vec::new();
        self.rows.insert(
            entry.id,
            Row {
                entry,
                online_since,
                severities,
                shared: Vec::new(),
            },
        );
    }

    pub fn change(&mut self, id: TerminalId, how: impl FnOnce(&mut Entry)) -> bool {
        let Some(row) = self.rows.get_mut(&id) else {
            return false;
        };
        how(&mut row.entry);
        tidy(&mut row.entry);
        true
    }

    pub fn set_section(&mut self, id: TerminalId, section: &str, facts: &[(String, Value)]) -> bool {
        self.change(id, |entry| {
            let of_section = |key: &str| key.split_once('.').is_some_and(|(name, _)| name == section);
            entry.facts.retain(|key, _| !of_section(key));
            let fresh = facts.iter().filter(|(key, _)| of_section(key)).cloned();
            entry.facts.extend(fresh);
        })
    }

    pub fn remove(&mut self, id: TerminalId) -> bool {
        self.dirty.remove(&id);
        self.rows.remove(&id).is_some()
    }

    pub fn set_online(&mut self, id: TerminalId, at: Time) -> bool {
        let Some(row) = self.rows.get_mut(&id) else {
            return false;
        };
        row.entry.last_seen = row.entry.last_seen.max(Some(at));
        if row.online_since.is_some() {
            return false;
        }
        row.online_since = Some(at);
        self.dirty.insert(id);
        true
    }

    pub fn set_offline(&mut self, id: TerminalId, at: Time) -> bool {
        let Some(row) = self.rows.get_mut(&id) else {
            return false;
        };
        if row.online_since.take().is_none() {
            return false;
        }
        row.entry.last_seen = row.entry.last_seen.max(Some(at));
        self.dirty.insert(id);
        true
    }

    pub fn touch_online(&mut self, at: Time) {
        for (id, row) in &mut self.rows {
            if row.online_since.is_some() {
                row.entry.last_seen = row.entry.last_seen.max(Some(at));
                self.dirty.insert(*id);
            }
        }
    }

    pub fn take_dirty_presence(&mut self) -> Vec<Presence> {
        let dirty = std::mem::take(&mut self.dirty);
        dirty.into_iter().filter_map(|id| self.presence(id)).collect()
    }

    pub fn presence(&self, id: TerminalId) -> Option<Presence> {
        self.rows.get(&id).map(|row| Presence {
            id,
            online_since: row.online_since,
            last_seen: row.entry.last_seen,
        })
    }

    pub fn get(&self, id: TerminalId) -> Option<Row> {
        self.rows.get(&id).map(|row| self.seen(row))
    }

    fn matching<'a>(&'a self, expr: &'a Expr, now: Time) -> impl Iterator<Item = Row> {
        let rows = self.rows.values().map(|row| self.seen(row));
        rows.filter(move |row| {
            let code = row.entry.institution.as_deref().unwrap_or_default();
            let lines = self.lines.get(code).map_or("", String::as_str);
            expr.evaluate(&Found(row, lines), now).is_true()
        })
    }

    pub fn query(&self, expr: &Expr, sort: Sort, after: Option<&Cursor>, limit: usize, now: Time) -> Page {
        let mut found: Vec<(SortKey, Row)> = self
            .matching(expr, now)
            .map(|row| (sort_key(&row, sort.field), row))
            .collect();
        let total = found.len() as u64;
        found.sort_by(|one, other| order(sort, (&one.0, one.1.entry.id), (&other.0, other.1.entry.id)));
        if let Some(after) = after {
            found.retain(|(key, row)| order(sort, (key, row.entry.id), (&after.key, after.id)).is_gt());
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().filter(|_| more);
        let next = last.map(|(key, row)| Cursor::at(sort, key.clone(), row.entry.id));
        let items = found.into_iter().map(|(_, row)| row).collect();
        Page { items, total, next }
    }

    pub fn ids(&self, expr: &Expr, now: Time) -> Vec<TerminalId> {
        self.matching(expr, now).map(|row| row.entry.id).collect()
    }

    pub fn facets(&self, expr: &Expr, field: Field, most: usize, now: Time) -> Facets {
        /// How many have a value in any spelling, and in each.
        type Spelled = (u64, BTreeMap<String, (SortKey, u64)>);
        let mut counts: BTreeMap<SortKey, Spelled> = BTreeMap::new();
        let mut reasons: BTreeMap<&'static str, u64> = BTreeMap::new();
        for row in self.matching(expr, now) {
            if let Some(reason) = unknown(&row, field) {
                *reasons.entry(reason).or_default() += 1;
            }
            let mut values = BTreeSet::new();
            for (words, key) in facet_words(&row, field) {
                let value = match &key {
                    SortKey::Text(folded, _) => SortKey::Text(folded.clone(), String::new()),
                    SortKey::Number(_) | SortKey::Version(_) | SortKey::None => key.clone(),
                };
                let (all, spellings) = counts.entry(value.clone()).or_default();
                *all += u64::from(values.insert(value));
                spellings.entry(words).or_insert((key, 0)).1 += 1;
            }
        }
        let counted = counts.into_values().filter_map(|(all, spellings)| {
            let usual = |(words, (key, count)): &(&String, &(SortKey, u64))| {
                (std::cmp::Reverse(*count), key.clone(), (*words).clone())
            };
            let (words, (key, _)) = spellings.iter().min_by_key(usual)?;
            Some((words.clone(), key.clone(), all))
        });
        Facets::most_frequent(counted.collect(), most).with_unknown(reasons.into_iter().collect())
    }

    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for row in self.rows.values() {
            let flags = row.entry.flags;
            counts.terminals += 1;
            counts.online += u64::from(row.online());
            counts.active += u64::from(flags.stands(Standing::Active));
            counts.revoked += u64::from(flags.revoked);
            counts.duplicate += u64::from(flags.duplicate);
            counts.incompatible += u64::from(flags.incompatible);
            counts.faults += row.entry.faults.len() as u64;
            counts.faulty += u64::from(!row.entry.faults.is_empty());
            for rule in &row.entry.faults {
                *counts.by_fault.entry(rule.clone()).or_default() += 1;
            }
        }
        counts.offline = counts.terminals - counts.online;
        counts
    }
}

fn order(sort: Sort, one: (&SortKey, TerminalId), other: (&SortKey, TerminalId)) -> Ordering {
    let by_key = match (one.0, other.0) {
        (SortKey::None, _) | (_, SortKey::None) => one.0.cmp(other.0),
        (one, other) if sort.descending => other.cmp(one),
        (one, other) => one.cmp(other),
    };
    by_key.then_with(|| one.1.cmp(&other.1))
}

fn sort_key(row: &Row, field: Field) -> SortKey {
    match field {
        Field::Id | Field::Job | Field::JobState | Field::JobOf(_) => SortKey::None,
        Field::Severity => {
            let worst = row.severities.first().map_or(0, |severity| gravity_of(severity));
            SortKey::Number(i128::from(worst))
        }
        Field::Facility(attribute) => row.entry.facility.get(&attribute).map_or(SortKey::None, SortKey::of),
        Field::Hostname => SortKey::text(&row.entry.hostname),
        Field::Institution => row.entry.institution.as_deref().map_or(SortKey::None, SortKey::text),
        Field::Online => SortKey::Number(i128::from(row.online())),
        // Who is here was seen later than all who are not.
        Field::LastSeen => match (row.online(), row.entry.last_seen) {
            (true, _) => SortKey::Number(i128::from(i64::MAX)),
            (false, Some(at)) => SortKey::Number(i128::from(at.0)),
            (false, None) => SortKey::None,
        },
        Field::State => SortKey::Number(i128::from(row.entry.flags.gravity())),
        Field::Fault => SortKey::Number(row.entry.faults.len() as i128),
        Field::Fact(fact) => row.entry.facts.get(fact.key).map_or(SortKey::None, SortKey::of),
    }
}

fn unknown(row: &Row, field: Field) -> Option<&'static str> {
    let untold = |untold: bool| untold.then_some("not_reported");
    match field {
        Field::Institution => untold(row.entry.institution.is_none()),
        Field::LastSeen => untold(!row.online() && row.entry.last_seen.is_none()),
        Field::Fact(fact) => match row.entry.facts.get(fact.key) {
            None => untold(true),
            Some(Value::Unknown(unknown)) => Some(unknown.reason.name()),
            Some(_) => None,
        },
        Field::Facility(attribute) => untold(!row.entry.facility.contains_key(&attribute)),
        Field::Id
        | Field::Hostname
        | Field::Online
        | Field::State
        | Field::Fault
        | Field::Severity
        | Field::Job
        | Field::JobState
        | Field::JobOf(_) => None,
    }
}

fn facet_words(row: &Row, field: Field) -> Vec<(String, SortKey)> {
    let texts = |texts: &[String]| {
        let keyed = texts.iter().map(|text| (text.clone(), SortKey::text(text)));
        keyed.collect::<Vec<_>>()
    };
    match field {
        // As many as terminals: no facet.
        Field::Id | Field::LastSeen => Vec::new(),
        Field::Hostname => texts(std::slice::from_ref(&row.entry.hostname)),
        Field::Institution => texts(row.entry.institution.as_slice()),
        Field::Online => texts(&[if row.online() { "yes" } else { "no" }.to_owned()]),
        Field::State => Standing::ALL
            .into_iter()
            .filter(|standing| row.entry.flags.stands(*standing))
            .flat_map(|standing| texts(&[standing.name().to_owned()]))
            .collect(),
        Field::Fault => texts(&row.entry.faults),
        Field::Severity => texts(
            &row.severities
                .iter()
                .map(|&severity| severity.to_owned())
                .collect::<Vec<_>>(),
        ),
        Field::Job | Field::JobState | Field::JobOf(_) => {
            let jobs = row.entry.jobs.iter();
            let items = jobs.flat_map(|work| job_items(field, work.remedy, work.state));
            let items: BTreeSet<String> = items.map(str::to_owned).collect();
            texts(&items.into_iter().collect::<Vec<_>>())
        }
        Field::Facility(attribute) => {
            let value = row.entry.facility.get(&attribute);
            let words = value.map(value_words).unwrap_or_default();
            words
                .into_iter()
                .map(|words| (words, SortKey::of(value.unwrap_or(&Value::Number(0)))))
                .collect()
        }
        Field::Fact(fact) => match row.entry.facts.get(fact.key) {
            None => Vec::new(),
            Some(value @ (Value::List(_) | Value::Table(_))) => texts(&value_words(value)),
            Some(value) => value_words(value)
                .into_iter()
                .map(|words| (words, SortKey::of(value)))
                .collect(),
        },
    }
}
