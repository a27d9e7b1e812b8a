//! Answers: pages in order, facets, counts.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::sync::RwLockReadGuard;

use kaishin_domain::expr::{Expr, Field, SEVERITIES, Standing, fold};
use kaishin_domain::fold::{Query, Word};
use kaishin_proto::id::TerminalId;
use kaishin_proto::time::Time;
use roaring::{MultiOps, RoaringBitmap};

use super::column::{Dictionary, Moments, NOT_REPORTED, Overlap, Ranks, first_of};
use super::cursor::SortKey;
use super::entry::{gravity_of, value_words};
use super::finder::{Rank, best_of};
use super::fleet::{Column, Fleet, NEVER};
use super::{Card, Counts, Cursor, Facets, Page, Row, Sort};

/// One thing that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hit {
    Facility {
        card: Card,
        /// How many terminals stand in it, are online, and have open faults.
        terminals: u64,
        online: u64,
        faulty: u64,
        /// The one to look at first: with the gravest fault, and of those the one with the most.
        worst: Option<TerminalId>,
    },
    Terminal(Box<Row>),
}

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
    /// The worst first.
    Severity([RoaringBitmap; SEVERITIES.len()]),
}

fn worst(sets: &[RoaringBitmap; SEVERITIES.len()], slot: u32) -> i64 {
    let found = SEVERITIES.iter().zip(sets).find(|(_, slots)| slots.contains(slot));
    found.map_or(0, |(severity, _)| gravity_of(severity))
}

/// Signed to unsigned in the same order, away from both ends.
fn place(number: i64) -> u64 {
    (number.cast_unsigned() ^ (1 << 63)).clamp(1, u64::MAX - 2)
}

impl<'a> Order<'a> {
    fn of(fleet: &'a Fleet, field: Field) -> Order<'a> {
        match field {
            // A terminal's jobs have no order among them.
            Field::Id | Field::Job | Field::JobState | Field::JobOf(_) => Order::None,
            Field::Hostname => Order::Values(&fleet.hostname, fleet.hostname.ranks()),
            Field::Institution => Order::Values(&fleet.institution, fleet.institution.ranks()),
            Field::Online => Order::Online(&fleet.online),
            Field::LastSeen => Order::Seen(fleet),
            Field::State => Order::Gravity(fleet),
            Field::Fault => Order::Faults(&fleet.fault_count),
            Field::Severity => Order::Severity(SEVERITIES.map(|severity| fleet.with_severity(severity))),
            Field::Facility(attribute) => {
                let values = fleet.attribute(attribute);
                Order::Values(values, values.ranks())
            }
            Field::Fact(fact) => match fleet.column(fact.key) {
                None => Order::None,
                Some(Column::Values(values)) => Order::Values(values, values.ranks()),
                Some(Column::Sets(sets)) => Order::Values(&sets.whole, sets.whole.ranks()),
                Some(Column::Times(moments) | Column::Durations(moments)) => Order::Moments(moments),
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
            Order::Severity(sets) => Some(place(worst(sets, slot))),
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
            Order::Severity(sets) => number(worst(sets, slot)),
        }
    }
}

impl Fleet {
    pub fn query(&self, expr: &Expr, sort: Sort, after: Option<&Cursor>, limit: usize, now: Time) -> Page {
        self.page(&self.select(expr, true, now), sort, after, limit, None)
    }

    pub fn page(
        &self,
        selection: &RoaringBitmap,
        sort: Sort,
        after: Option<&Cursor>,
        limit: usize,
        columns: Option<&[Field]>,
    ) -> Page {
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
            | Order::Faults(_)
            | Order::Severity(_) => None,
        };
        let mut first = walked.unwrap_or_else(|| self.sorted(selection, &order, sort.descending, after, most));
        let more = first.len() > limit;
        first.truncate(limit);
        let last = first.last().filter(|_| more);
        let next = last.map(|(id, slot)| Cursor::at(sort, order.key(*slot), *id));
        Page {
            items: first.iter().filter_map(|(_, slot)| self.row(*slot, columns)).collect(),
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

    pub fn in_order(&self, expr: &Expr, sort: Sort, now: Time) -> Vec<TerminalId> {
        let selection = self.select(expr, true, now);
        let all = usize::try_from(selection.len()).unwrap_or(usize::MAX);
        let sorted = self.sorted(&selection, &Order::of(self, sort.field), sort.descending, None, all);
        sorted.into_iter().map(|(id, _)| id).collect()
    }

    pub fn facets(&self, selection: &RoaringBitmap, field: Field, most: usize) -> Facets {
        match field {
            Field::Id => Facets::default(),
            Field::Hostname => facets_of_values(&self.hostname, selection, most),
            Field::Institution => facets_of_values(&self.institution, selection, most),
            Field::Facility(attribute) => facets_of_values(self.attribute(attribute), selection, most),
            Field::LastSeen => {
                let away = selection - &self.online;
                let never = away.iter().filter(|slot| self.last_seen[*slot as usize] == NEVER);
                Facets::default().with_unknown(some(NOT_REPORTED, never.count() as u64))
            }
            Field::Online => {
                let online = self.online.intersection_len(selection);
                facets_of_counts([("yes", online), ("no", selection.len() - online)].into_iter(), most)
            }
            Field::State => {
                let sets = Standing::ALL.map(|standing| (standing.name(), self.with_standing(standing)));
                facets_of_sets(sets.iter().map(|(name, slots)| (*name, slots)), selection, most)
            }
            Field::Fault => {
                let faults = self.faults.iter().map(|(rule, slots)| (rule.as_str(), slots));
                facets_of_sets(faults, selection, most)
            }
            Field::Severity => {
                let sets = SEVERITIES.map(|severity| (severity, self.with_severity(severity)));
                facets_of_sets(sets.iter().map(|(name, slots)| (*name, slots)), selection, most)
            }
            Field::Job | Field::JobState | Field::JobOf(_) => {
                let items = self.jobs.items(field);
                facets_of_sets(items.iter().map(|(item, slots)| (*item, slots)), selection, most)
            }
            Field::Fact(fact) => match self.column(fact.key) {
                None => Facets::default().with_unknown(some(NOT_REPORTED, selection.len())),
                Some(Column::Values(values)) => facets_of_values(values, selection, most),
                Some(Column::Sets(sets)) => {
                    facets_of_items(sets.items(), selection, most).with_unknown(sets.whole.reasons(selection))
                }
                Some(Column::Times(moments) | Column::Durations(moments)) => {
                    Facets::default().with_unknown(moments.reasons(selection))
                }
            },
        }
    }

    pub fn find(&self, text: &str, most: usize) -> Vec<Hit> {
        let query = Query::read(text);
        let mut found: Vec<(Rank, bool, u32)> = Vec::new();
        for words in query.readings() {
            for (hits, terminal) in [
                (self.ledger.finder.find(words, most), false),
                (self.terminals(words, most), true),
            ] {
                found.extend(hits.into_iter().map(|(rank, place)| (rank, terminal, place)));
            }
        }
        found.sort_unstable();
        let mut seen = HashSet::new();
        found.retain(|(_, terminal, place)| seen.insert((*terminal, *place)));
        found.truncate(most);
        let hit = |(_, terminal, place): (Rank, bool, u32)| {
            if terminal {
                let columns = Field::find("hardware.serial")
                    .into_iter()
                    .chain(Field::find("hardware.model"));
                return self
                    .row(place, Some(&columns.collect::<Vec<_>>()))
                    .map(|row| Hit::Terminal(Box::new(row)));
            }
            self.ledger.at(place).map(|card| self.facility_hit(card))
        };
        found.into_iter().filter_map(hit).collect()
    }

    /// Terminals by what they say of themselves, of which some words may be their facility's.
    fn terminals(&self, words: &[Word], most: usize) -> Vec<(Rank, u32)> {
        if words.len() < 2 {
            return self.finder.find(words, most);
        }
        let own: Vec<RoaringBitmap> = words.iter().map(|word| self.finder.having(word)).collect();
        let mut all = own.iter().union();
        for word in words.iter().zip(own) {
            if all.is_empty() {
                return Vec::new();
            }
            all &= word.1 | self.standing_in(&self.ledger.finder.having(word.0));
        }
        let rank = |slot: u32, word: &Word| {
            let place = self.place_of(slot);
            let of_place = place.and_then(|place| self.ledger.finder.rank(place, word));
            self.finder.rank(slot, word).into_iter().chain(of_place).min()
        };
        let answers = |slot: u32| {
            let ranks = words.iter().map(|word| rank(slot, word));
            Some((ranks.collect::<Option<Vec<_>>>()?.into_iter().max()?, slot))
        };
        best_of([all], most, answers)
    }

    fn facility_hit(&self, card: &Card) -> Hit {
        let slots = self.institution.having_text(&card.code.to_string());
        let faults = |slot: &&u32| self.fault_count[**slot as usize];
        Hit::Facility {
            card: card.clone(),
            terminals: slots.len() as u64,
            online: slots.iter().filter(|slot| self.online.contains(**slot)).count() as u64,
            faulty: slots.iter().filter(|slot| faults(slot) > 0).count() as u64,
            worst: slots
                .iter()
                .map(|slot| (self.urgency(*slot), Reverse(self.ids[*slot as usize])))
                .max()
                .map(|(_, id)| id.0),
        }
    }

    /// The values of a field that begin with what was typed, and how many terminals have each.
    pub fn values(&self, field: Field, typed: &str, most: usize) -> Vec<(String, u64)> {
        let of = |values: &Dictionary| {
            let found = values.values(typed, most).into_iter();
            found
                .filter_map(|(value, count)| Some((value_words(&value).pop()?, count)))
                .collect()
        };
        let among = |facets: Facets| {
            let mut values = facets.values;
            values.retain(|(words, _)| fold(words).contains(typed));
            values.truncate(most);
            values
        };
        match field {
            Field::Id => Vec::new(),
            Field::Hostname => of(&self.hostname),
            Field::Institution => of(&self.institution),
            Field::Facility(attribute) => of(self.attribute(attribute)),
            Field::Fact(fact) => match self.column(fact.key) {
                Some(Column::Values(values)) => of(values),
                Some(Column::Sets(_) | Column::Times(_) | Column::Durations(_)) | None => {
                    among(self.facets(&self.all, field, usize::MAX))
                }
            },
            Field::LastSeen
            | Field::Online
            | Field::State
            | Field::Fault
            | Field::Severity
            | Field::Job
            | Field::JobState
            | Field::JobOf(_) => among(self.facets(&self.all, field, usize::MAX)),
        }
    }

    pub fn counts(&self) -> Counts {
        let any_fault = self.faults.values().union();
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
        for values in &self.facility {
            drop(values.ranks());
        }
    }
}

fn some(reason: &'static str, count: u64) -> Vec<(&'static str, u64)> {
    if count > 0 { vec![(reason, count)] } else { Vec::new() }
}

fn facets_of_counts<'a>(counts: impl Iterator<Item = (&'a str, u64)>, most: usize) -> Facets {
    let counted = counts.filter(|(_, count)| *count > 0);
    let keyed = counted.map(|(words, count)| (words.to_owned(), SortKey::text(words), count));
    Facets::most_frequent(keyed.collect(), most)
}

fn facets_of_sets<'a>(
    sets: impl Iterator<Item = (&'a str, &'a RoaringBitmap)>,
    selection: &RoaringBitmap,
    most: usize,
) -> Facets {
    let overlap = Overlap::of(selection);
    facets_of_counts(sets.map(|(words, slots)| (words, overlap.count(slots))), most)
}

/// Items that a filter takes for the same are one, spelled as most have it.
fn facets_of_items<'a>(
    items: impl Iterator<Item = (&'a str, &'a RoaringBitmap)>,
    selection: &RoaringBitmap,
    most: usize,
) -> Facets {
    let overlap = Overlap::of(selection);
    let mut alike: BTreeMap<String, Vec<(&str, &RoaringBitmap)>> = BTreeMap::new();
    for (words, slots) in items {
        alike.entry(fold(words)).or_default().push((words, slots));
    }
    let counted = alike.into_values().filter_map(|spellings| {
        let each = spellings
            .iter()
            .map(|(words, slots)| (overlap.count(slots), Reverse(*words)));
        let (count, Reverse(words)) = each.max()?;
        if spellings.len() == 1 {
            return Some((words, count));
        }
        // A terminal that has two of the spellings counts once.
        let together = spellings.iter().map(|(_, slots)| *slots).union();
        Some((words, overlap.count(&together)))
    });
    facets_of_counts(counted, most)
}

fn facets_of_values(values: &Dictionary, selection: &RoaringBitmap, most: usize) -> Facets {
    let mut tally = values.together(values.tally(selection));
    let all = tally.len();
    let sum = |tally: &[(u32, u64)]| tally.iter().map(|(_, count)| count).sum::<u64>();
    let total = sum(&tally);
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
    let (hidden, hidden_total) = (all - tally.len(), total - sum(&tally));
    let worded = tally.into_iter().filter_map(|(number, count)| {
        let words = value_words(&values.value(number)).pop()?;
        Some((words, values.key(number), count))
    });
    let mut facets = Facets::most_frequent(worded.collect(), most);
    facets.more += hidden as u64;
    facets.other += hidden_total;
    facets.with_unknown(values.reasons(selection))
}
