//! The index without any index: every question is asked of every terminal. What the real one is compared with.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use kaishin_domain::expr::{Expr, Field, Standing};
use kaishin_proto::fact;
use kaishin_proto::id::TerminalId;
use kaishin_proto::time::Time;
use kaishin_proto::value::Value;

use super::cursor::SortKey;
use super::{Counts, Cursor, Entry, Facets, Page, Presence, Row, Sort};

#[derive(Default)]
pub(super) struct Fleet {
    rows: BTreeMap<TerminalId, Row>,
    dirty: BTreeSet<TerminalId>,
}

fn tidy(entry: &mut Entry) {
    entry
        .facts
        .retain(|key, value| fact::find(key).is_some_and(|fact| fact.indexed && fact.kind.holds(value)));
    entry.faults.sort();
    entry.faults.dedup();
}

impl Fleet {
    pub fn upsert(&mut self, mut entry: Entry) {
        tidy(&mut entry);
        let old = self.rows.get(&entry.id);
        let online_since = old.and_then(|row| row.online_since);
        entry.last_seen = entry.last_seen.max(old.and_then(|row| row.entry.last_seen));
        self.rows.insert(entry.id, Row { entry, online_since });
    }

    pub fn change(&mut self, id: TerminalId, how: impl FnOnce(&mut Entry)) -> bool {
        let Some(row) = self.rows.get_mut(&id) else {
            return false;
        };
        how(&mut row.entry);
        tidy(&mut row.entry);
        true
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

    pub fn mark_dirty_presence(&mut self, ids: impl IntoIterator<Item = TerminalId>) {
        let known = ids.into_iter().filter(|id| self.rows.contains_key(id));
        self.dirty.extend(known);
    }

    pub fn presence(&self, id: TerminalId) -> Option<Presence> {
        self.rows.get(&id).map(|row| Presence {
            id,
            online_since: row.online_since,
            last_seen: row.entry.last_seen,
        })
    }

    pub fn get(&self, id: TerminalId) -> Option<Row> {
        self.rows.get(&id).cloned()
    }

    fn matching<'a>(&'a self, expr: &'a Expr, now: Time) -> impl Iterator<Item = &'a Row> {
        self.rows.values().filter(move |row| expr.evaluate(*row, now).is_true())
    }

    pub fn query(&self, expr: &Expr, sort: Sort, after: Option<&Cursor>, limit: usize, now: Time) -> Page {
        let mut found: Vec<(SortKey, &Row)> = self
            .matching(expr, now)
            .map(|row| (sort_key(row, sort.field), row))
            .collect();
        let total = found.len() as u64;
        found.sort_by(|one, other| order(sort, (&one.0, one.1.entry.id), (&other.0, other.1.entry.id)));
        if let Some(after) = after {
            found.retain(|(key, row)| order(sort, (key, row.entry.id), (&after.key, after.id)).is_gt());
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|(key, row)| Cursor {
            key: key.clone(),
            id: row.entry.id,
        });
        let items = found.into_iter().map(|(_, row)| row.clone()).collect();
        Page { items, total, next }
    }

    pub fn count(&self, expr: &Expr, now: Time) -> u64 {
        self.matching(expr, now).count() as u64
    }

    pub fn ids(&self, expr: &Expr, now: Time) -> Vec<TerminalId> {
        self.matching(expr, now).map(|row| row.entry.id).collect()
    }

    pub fn facets(&self, expr: &Expr, field: Field, most: usize, now: Time) -> Facets {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let mut unknown = 0;
        for row in self.matching(expr, now) {
            let shown = facet_words(row, field);
            if shown.is_empty() && field != Field::Fault {
                unknown += 1;
            }
            for words in shown {
                *counts.entry(words).or_default() += 1;
            }
        }
        let mut values: Vec<(String, u64)> = counts.into_iter().collect();
        values.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        let more = values.len().saturating_sub(most) as u64;
        values.truncate(most);
        Facets { values, unknown, more }
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
        Field::Id => SortKey::None,
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

fn facet_words(row: &Row, field: Field) -> Vec<String> {
    match field {
        Field::Id => vec![row.entry.id.to_string()],
        Field::Hostname => vec![row.entry.hostname.clone()],
        Field::Institution => row.entry.institution.clone().into_iter().collect(),
        Field::Online => vec![if row.online() { "yes" } else { "no" }.to_owned()],
        // Moments are as many as terminals: no facet.
        Field::LastSeen => Vec::new(),
        Field::State => Standing::ALL
            .into_iter()
            .filter(|standing| row.entry.flags.stands(*standing))
            .map(|standing| standing.name().to_owned())
            .collect(),
        Field::Fault => row.entry.faults.clone(),
        Field::Fact(fact) => row.entry.facts.get(fact.key).map_or_else(Vec::new, value_words),
    }
}

/// A value as an expression takes it; none for what is unknown or has too many values to count.
pub(super) fn value_words(value: &Value) -> Vec<String> {
    match value {
        Value::Truth(truth) => vec![if *truth { "yes" } else { "no" }.to_owned()],
        Value::Number(number) => vec![number.to_string()],
        Value::Text(text) => vec![text.clone()],
        Value::Version(version) => vec![version.to_string()],
        Value::Size(size) => vec![kaishin_domain::expr::Literal::Size(*size).to_string()],
        Value::List(items) => {
            let mut items = items.clone();
            items.sort();
            items.dedup();
            items
        }
        Value::Time(_) | Value::Duration(_) | Value::Table(_) | Value::Unknown(_) => Vec::new(),
    }
}
