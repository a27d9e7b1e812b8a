//! Answers: pages in order, facets, counts.

use std::collections::BTreeMap;
use std::sync::RwLockReadGuard;

use kaishin_domain::expr::{Expr, Field, Standing};
use kaishin_proto::id::TerminalId;
use kaishin_proto::time::Time;
use kaishin_proto::value::Value;
use roaring::RoaringBitmap;

use super::column::{Dictionary, Moments, Ranks, first_of};
use super::cursor::SortKey;
use super::entry::value_words;
use super::fleet::{Column, Fleet, NEVER};
use super::{Counts, Cursor, Facets, Page, Sort};

/// A selection of at least one in so many is paged through along the order; a smaller one is sorted.
const DENSE: u64 = 8;

/// A field as lists are sorted by it: each slot's place in a number. Later than `u64::MAX - 1` is only "no value".
enum Order<'a> {
    None,
    Values(&'a Dictionary, RwLockReadGuard<'a, Ranks>),
    Moments(&'a Moments),
    Seen(&'a Fleet),
    Online(&'a RoaringBitmap),
    Gravity(&'a Fleet),
    Faults(&'a [u16]),
}

/// Signed to unsigned in the same order, away from both ends.
fn place(number: i64) -> u64 {
    (number.cast_unsigned() ^ (1 << 63)).clamp(1, u64::MAX - 2)
}

impl<'a> Order<'a> {
    fn of(fleet: &'a Fleet, field: Field) -> Order<'a> {
        match field {
            Field::Id => Order::None,
            Field::Hostname => Order::Values(&fleet.hostname, fleet.hostname.ranks()),
            Field::Institution => Order::Values(&fleet.institution, fleet.institution.ranks()),
            Field::Online => Order::Online(&fleet.online),
            Field::LastSeen => Order::Seen(fleet),
            Field::State => Order::Gravity(fleet),
            Field::Fault => Order::Faults(&fleet.fault_count),
            Field::Fact(fact) => match fleet.facts.iter().find(|(held, _)| held.key == fact.key) {
                None => Order::None,
                Some((_, Column::Values(values))) => Order::Values(values, values.ranks()),
                Some((_, Column::Times(moments) | Column::Durations(moments))) => Order::Moments(moments),
            },
        }
    }

    fn place(&self, slot: u32) -> Option<u64> {
        match self {
            Order::None => None,
            Order::Values(values, ranks) => values.sort_place(ranks, slot),
            Order::Moments(moments) => moments.at(slot).map(place),
            Order::Seen(fleet) => match fleet.last_seen[slot as usize] {
                _ if fleet.online.contains(slot) => Some(place(i64::MAX)),
                NEVER => None,
                at => Some(place(at.0)),
            },
            Order::Online(online) => Some(place(i64::from(online.contains(slot)))),
            Order::Gravity(fleet) => Some(place(i64::from(fleet.flags(slot).gravity()))),
            Order::Faults(counts) => Some(place(i64::from(counts[slot as usize]))),
        }
    }

    fn place_of_key(&self, key: &SortKey) -> Option<u64> {
        match (self, key) {
            (_, SortKey::None) | (Order::None, _) => None,
            (Order::Values(values, ranks), key) => values.place_of_key(ranks, key),
            (_, SortKey::Number(number)) => i64::try_from(*number).ok().map(place),
            (_, SortKey::Text(..) | SortKey::Version(_)) => None,
        }
    }

    fn key(&self, slot: u32) -> SortKey {
        let number = |number: i64| SortKey::Number(i128::from(number));
        match self {
            Order::None => SortKey::None,
            Order::Values(values, _) => values.key_at(slot),
            Order::Moments(moments) => moments.at(slot).map_or(SortKey::None, number),
            Order::Seen(fleet) => match fleet.last_seen[slot as usize] {
                _ if fleet.online.contains(slot) => number(i64::MAX),
                NEVER => SortKey::None,
                at => number(at.0),
            },
            Order::Online(online) => number(i64::from(online.contains(slot))),
            Order::Gravity(fleet) => number(i64::from(fleet.flags(slot).gravity())),
            Order::Faults(counts) => number(i64::from(counts[slot as usize])),
        }
    }
}

impl Fleet {
    pub fn query(&self, expr: &Expr, sort: Sort, after: Option<&Cursor>, limit: usize, now: Time) -> Page {
        self.page(&self.select(expr, true, now), sort, after, limit)
    }

    pub fn page(&self, selection: &RoaringBitmap, sort: Sort, after: Option<&Cursor>, limit: usize) -> Page {
        let order = Order::of(self, sort.field);
        let after = after.map(|after| (order.place_of_key(&after.key), after.id));
        let most = limit.saturating_add(1);
        let dense = selection.len() * DENSE > self.all.len();
        let walked = match &order {
            Order::Values(values, ranks) if dense && !ranks.is_empty() => {
                values.walk(ranks, selection, sort.descending, after, &self.ids, most)
            }
            Order::Values(..)
            | Order::None
            | Order::Moments(_)
            | Order::Seen(_)
            | Order::Online(_)
            | Order::Gravity(_)
            | Order::Faults(_) => None,
        };
        let mut first = walked.unwrap_or_else(|| self.sorted(selection, &order, sort.descending, after, most));
        let more = first.len() > limit;
        first.truncate(limit);
        let next = first.last().filter(|_| more).map(|(id, slot)| Cursor {
            key: order.key(*slot),
            id: *id,
        });
        Page {
            items: first.iter().filter_map(|(_, slot)| self.row(*slot)).collect(),
            total: selection.len(),
            next,
        }
    }

    fn sorted(
        &self,
        selection: &RoaringBitmap,
        order: &Order<'_>,
        descending: bool,
        after: Option<(Option<u64>, TerminalId)>,
        most: usize,
    ) -> Vec<(TerminalId, u32)> {
        let turned = |place: Option<u64>| match place {
            None => u64::MAX,
            Some(place) if descending => u64::MAX - 1 - place,
            Some(place) => place,
        };
        let after = after.map(|(place, id)| (turned(place), id));
        let rows = selection
            .iter()
            .map(|slot| (turned(order.place(slot)), self.ids[slot as usize], slot))
            .filter(|(place, id, _)| after.is_none_or(|after| (*place, *id) > after));
        let first = first_of(rows, most).into_iter();
        first.map(|(_, id, slot)| (id, slot)).collect()
    }

    pub fn count(&self, expr: &Expr, now: Time) -> u64 {
        self.select(expr, true, now).len()
    }

    pub fn ids(&self, expr: &Expr, now: Time) -> Vec<TerminalId> {
        let selection = self.select(expr, true, now);
        let mut ids: Vec<TerminalId> = selection.iter().map(|slot| self.ids[slot as usize]).collect();
        ids.sort_unstable();
        ids
    }

    pub fn facets(&self, selection: &RoaringBitmap, field: Field, most: usize) -> Facets {
        let of_sets = |sets: &mut dyn Iterator<Item = (String, u64)>| {
            let counted = sets.filter(|(_, count)| *count > 0).map(|(words, count)| {
                let key = SortKey::text(&words);
                (words, key, count)
            });
            Facets::most_frequent(counted.collect(), most, 0)
        };
        match field {
            Field::Id => Facets::default(),
            Field::Hostname => self.facets_of_values(&self.hostname, selection, most),
            Field::Institution => self.facets_of_values(&self.institution, selection, most),
            Field::LastSeen => {
                let away = selection - &self.online;
                let never = away.iter().filter(|slot| self.last_seen[*slot as usize] == NEVER);
                Facets::most_frequent(Vec::new(), most, never.count() as u64)
            }
            Field::Online => {
                let online = self.online.intersection_len(selection);
                let counts = [("yes".to_owned(), online), ("no".to_owned(), selection.len() - online)];
                of_sets(&mut counts.into_iter())
            }
            Field::State => of_sets(&mut Standing::ALL.into_iter().map(|standing| {
                let count = self.with_standing(standing).intersection_len(selection);
                (standing.name().to_owned(), count)
            })),
            Field::Fault => {
                let faults = self.faults.iter();
                of_sets(&mut faults.map(|(rule, slots)| (rule.clone(), slots.intersection_len(selection))))
            }
            Field::Fact(fact) => match self.facts.iter().find(|(held, _)| held.key == fact.key) {
                None => Facets::most_frequent(Vec::new(), most, selection.len()),
                Some((_, Column::Values(values))) => self.facets_of_values(values, selection, most),
                Some((_, Column::Times(moments) | Column::Durations(moments))) => {
                    let unknown = selection.len() - moments.known().intersection_len(selection);
                    Facets::most_frequent(Vec::new(), most, unknown)
                }
            },
        }
    }

    fn facets_of_values(&self, values: &Dictionary, selection: &RoaringBitmap, most: usize) -> Facets {
        let unknown = selection.len() - values.known().intersection_len(selection);
        let mut tally = values.tally(selection);
        // A column holds values of one kind beside the unknown ones.
        let first = tally.first().map(|(number, _)| values.value(*number));
        if let Some(Value::List(_)) = first {
            let mut items: BTreeMap<String, u64> = BTreeMap::new();
            for (number, count) in tally {
                for words in value_words(&values.value(number)) {
                    *items.entry(words).or_default() += count;
                }
            }
            let keyed = items
                .into_iter()
                .map(|(words, count)| (words.clone(), SortKey::text(&words), count));
            return Facets::most_frequent(keyed.collect(), most, unknown);
        }
        if let Some(Value::Table(_)) = first {
            tally.clear();
        }
        let all = tally.len();
        // Only candidates are spelled out: a serial number has as many values as there are terminals.
        if all > 4 * most {
            let ranks = values.ranks();
            let place = |number: u32| ranks.place(number).unwrap_or(u64::MAX);
            let rows = tally
                .iter()
                .map(|(number, count)| (u64::MAX - count, place(*number), *number));
            let last = first_of(rows, most.max(1))
                .last()
                .map(|(count, place, _)| (*count, *place));
            tally.retain(|(number, count)| last.is_some_and(|last| (u64::MAX - count, place(*number)) <= last));
        }
        let hidden = all - tally.len();
        let worded = tally.into_iter().filter_map(|(number, count)| {
            let words = value_words(&values.value(number)).pop()?;
            Some((words, values.key(number), count))
        });
        let mut facets = Facets::most_frequent(worded.collect(), most, unknown);
        facets.more += hidden as u64;
        facets
    }

    pub fn counts(&self) -> Counts {
        let any_fault = self
            .faults
            .values()
            .fold(RoaringBitmap::new(), |any, slots| any | slots);
        let by_fault = self.faults.iter().map(|(rule, slots)| (rule.clone(), slots.len()));
        Counts {
            terminals: self.all.len(),
            online: self.online.len(),
            offline: self.all.len() - self.online.len(),
            active: self.with_standing(Standing::Active).len(),
            revoked: self.revoked.len(),
            duplicate: self.duplicate.len(),
            incompatible: self.incompatible.len(),
            faults: self.faults.values().map(RoaringBitmap::len).sum(),
            faulty: any_fault.len(),
            by_fault: by_fault.collect(),
        }
    }

    /// Makes the sorted orders before somebody waits for them.
    pub fn prepare(&self) {
        drop(self.hostname.ranks());
        drop(self.institution.ranks());
        for (_, column) in &self.facts {
            if let Column::Values(values) = column {
                drop(values.ranks());
            }
        }
    }
}
