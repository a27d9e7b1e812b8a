//! A dictionary's values in sorted order, made when first asked for and mended as values come.

use std::collections::BinaryHeap;
use std::sync::{PoisonError, RwLockReadGuard};

use kaishin_proto::id::TerminalId;
use roaring::RoaringBitmap;

use super::{Dictionary, Kept, NONE, Slots};
use crate::index::cursor::SortKey;

/// Up to so many rows are kept in a heap; for more, everything is sorted.
const HEAP: usize = 2_048;
/// After so many values that nothing selected has, it is quicker to sort. Tests take both ways.
const PATIENCE: usize = if cfg!(test) { 5 } else { 8_192 };

#[derive(Default)]
pub(in crate::index) struct Ranks {
    pub(super) order: Vec<u32>,
    /// Per value number its place; equal sort keys share one. `NONE` sorts last.
    pub(super) rank: Vec<u32>,
}

impl Ranks {
    /// Odd, so that there is room between two values.
    pub fn place(&self, number: u32) -> Option<u64> {
        let rank = *self.rank.get(number as usize)?;
        (rank != NONE).then(|| 2 * u64::from(rank) + 1)
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The values from a place on, those of one place together, upwards or downwards.
    fn groups(&self, descending: bool, from: Option<u64>) -> impl Iterator<Item = (u64, &[u32])> {
        let place = |number: &u32| self.place(*number).unwrap_or(u64::MAX);
        let mut rest: &[u32] = match from {
            None => &self.order,
            Some(from) if descending => &self.order[..self.order.partition_point(|number| place(number) <= from)],
            Some(from) => &self.order[self.order.partition_point(|number| place(number) < from)..],
        };
        std::iter::from_fn(move || {
            let edge = if descending { rest.last() } else { rest.first() };
            let here = place(edge?);
            let alike = |number: &&u32| place(number) == here;
            let group;
            if descending {
                let many = rest.iter().rev().take_while(alike).count();
                (rest, group) = rest.split_at(rest.len() - many);
            } else {
                let many = rest.iter().take_while(alike).count();
                (group, rest) = rest.split_at(many);
            }
            Some((here, group))
        })
    }
}

impl Dictionary {
    /// The value's place in the order, as sort keys are compared with; none sorts last.
    pub fn sort_place(&self, ranks: &Ranks, slot: u32) -> Option<u64> {
        ranks.place(self.of.get(slot))
    }

    /// Where a key that may be held no more would stand: between two values or on one.
    pub fn place_of_key(&self, ranks: &Ranks, key: &SortKey) -> Option<u64> {
        let at = ranks.order.partition_point(|number| self.key(*number) < *key);
        let number = ranks.order.get(at);
        match number {
            Some(number) if self.key(*number) == *key => ranks.place(*number),
            Some(number) => ranks.place(*number).map(|place| place - 1),
            None => Some(2 * ranks.order.len() as u64 + 2),
        }
    }

    /// The sorted order, brought up to date.
    pub fn ranks(&self) -> RwLockReadGuard<'_, Ranks> {
        let ranks = self.ranks.read().unwrap_or_else(PoisonError::into_inner);
        if ranks.rank.len() == self.held.len() {
            return ranks;
        }
        drop(ranks);
        self.mend(&mut self.ranks.write().unwrap_or_else(PoisonError::into_inner));
        // Values come only while nobody asks, so that what was mended is still whole.
        self.ranks.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn mend(&self, ranks: &mut Ranks) {
        let (seen, held) = (ranks.rank.len(), self.held.len());
        let numbers = u32::try_from(seen).unwrap_or(NONE)..u32::try_from(held).unwrap_or(NONE);
        let mut fresh: Vec<u32> = numbers.filter(|number| self.key(*number) != SortKey::None).collect();
        fresh.sort_by_cached_key(|number| self.key(*number));
        ranks.order = self.merged(&ranks.order, &fresh);
        ranks.rank = vec![NONE; held];
        let mut rank = 0;
        for at in 0..ranks.order.len() {
            let number = ranks.order[at];
            let again = at > 0 && self.equal_keys(ranks.order[at - 1], number);
            rank += u32::from(at > 0 && !again);
            ranks.rank[number as usize] = rank;
        }
    }

    fn equal_keys(&self, one: u32, other: u32) -> bool {
        match (&self.held[one as usize].value, &self.held[other as usize].value) {
            // Different texts have different keys.
            (Kept::Text(_), Kept::Text(_)) => false,
            (one, other) => one.key() == other.key(),
        }
    }

    fn merged(&self, order: &[u32], fresh: &[u32]) -> Vec<u32> {
        let mut merged = Vec::with_capacity(order.len() + fresh.len());
        let mut rest = order;
        for number in fresh {
            let key = self.key(*number);
            let at = rest.partition_point(|other| self.key(*other) <= key);
            merged.extend_from_slice(&rest[..at]);
            merged.push(*number);
            rest = &rest[at..];
        }
        merged.extend_from_slice(rest);
        merged
    }

    /// The first `most` slots of a selection in sorted order, met along the order instead of by sorting the selection:
    /// the larger the selection, the sooner they are met. `after` is a place and an id on it. None where the selection
    /// lies so far along the order that it is better sorted.
    pub fn walk(
        &self,
        ranks: &Ranks,
        selection: &RoaringBitmap,
        descending: bool,
        after: Option<(Option<u64>, TerminalId)>,
        ids: &[TerminalId],
        most: usize,
    ) -> Option<Vec<(TerminalId, u32)>> {
        let mut found: Vec<(TerminalId, u32)> = Vec::new();
        let row = |slot: u32| (ids[slot as usize], slot);
        let from = after.and_then(|(place, _)| place);
        let in_the_tail = after.is_some() && from.is_none();
        let groups = ranks.groups(descending, from).take_while(|_| !in_the_tail);
        for (met, (place, numbers)) in groups.enumerate() {
            let rest = most - found.len();
            if rest == 0 {
                return Some(found);
            }
            if met > PATIENCE + 8 * found.len() {
                return None;
            }
            let here = numbers
                .iter()
                .flat_map(|number| self.slots_in(*number, selection))
                .map(row);
            let later = |(id, _): &(TerminalId, u32)| from != Some(place) || after.is_none_or(|(_, after)| *id > after);
            found.extend(first_of(here.filter(later), rest));
        }
        let rest = most - found.len();
        let valueless = selection - &self.known;
        let later = |(id, _): &(TerminalId, u32)| !in_the_tail || after.is_none_or(|(_, after)| *id > after);
        found.extend(first_of(valueless.iter().map(row).filter(later), rest));
        Some(found)
    }

    fn slots_in(&self, number: u32, selection: &RoaringBitmap) -> Vec<u32> {
        match &self.held[number as usize].slots {
            Slots::None => Vec::new(),
            Slots::One(slot) if selection.contains(*slot) => vec![*slot],
            Slots::One(_) => Vec::new(),
            Slots::Many(many) => (&**many & selection).iter().collect(),
        }
    }
}

/// The `most` smallest, in order.
pub(in crate::index) fn first_of<T: Ord + Copy>(rows: impl Iterator<Item = T>, most: usize) -> Vec<T> {
    if most > HEAP {
        let mut all: Vec<T> = rows.collect();
        all.sort_unstable();
        all.truncate(most);
        return all;
    }
    let mut heap: BinaryHeap<T> = BinaryHeap::with_capacity(most + 1);
    for row in rows {
        if heap.len() < most {
            heap.push(row);
        } else if let Some(mut largest) = heap.peek_mut()
            && row < *largest
        {
            *largest = row;
        }
    }
    heap.into_sorted_vec()
}
