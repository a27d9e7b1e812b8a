//! How many slots a selection has in common with each of many sets.

use std::cell::OnceCell;

use roaring::RoaringBitmap;

/// So many of 65,536 slots are kept as a sorted list, more as bits.
const LISTED: u64 = 4_096;

/// A selection so many times smaller is looked up slot by slot.
const FEW: u64 = 16;

pub(in crate::index) struct Overlap<'a> {
    selection: &'a RoaringBitmap,
    bits: OnceCell<Vec<u64>>,
}

impl<'a> Overlap<'a> {
    pub fn of(selection: &'a RoaringBitmap) -> Overlap<'a> {
        Overlap {
            selection,
            bits: OnceCell::new(),
        }
    }

    /// Two lists would be walked beside each other, with every step a guess: one of them is looked up as bits instead.
    pub fn count(&self, slots: &RoaringBitmap) -> u64 {
        if !(is_listed(self.selection) && is_listed(slots)) {
            return self.selection.intersection_len(slots);
        }
        if self.selection.len() * FEW < slots.len() {
            let both = self.selection.iter().filter(|slot| slots.contains(*slot));
            return both.count() as u64;
        }
        let bits = self.bits.get_or_init(|| bits(self.selection));
        let is_there = |slot: u32| bits.get(slot as usize / 64).map_or(0, |word| word >> (slot % 64) & 1);
        slots.iter().map(is_there).sum()
    }
}

fn is_listed(slots: &RoaringBitmap) -> bool {
    let parts = slots.max().map_or(0, |last| u64::from(last >> 16) + 1);
    slots.len() <= LISTED * parts
}

fn bits(slots: &RoaringBitmap) -> Vec<u64> {
    let len = slots.max().map_or(0, |last| last as usize / 64 + 1);
    let mut bits = vec![0; len];
    for slot in slots {
        bits[slot as usize / 64] |= 1_u64 << (slot % 64);
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_what_is_in_both_however_many_there_are() {
        let every = |step: usize, until: u32| (0..until).step_by(step).collect::<RoaringBitmap>();
        let sets = [
            RoaringBitmap::new(),
            every(1, 200_000),
            every(7, 150_000),
            every(64, 200_000),
            every(97, 70_000),
            RoaringBitmap::from([0, 63, 64, 65_535, 65_536, 199_999, 250_000]),
        ];
        for selection in &sets {
            let overlap = Overlap::of(selection);
            for set in &sets {
                assert_eq!(overlap.count(set), (selection & set).len());
            }
        }
        assert!(is_listed(&sets[3]) && !is_listed(&sets[2]), "both ways are taken");
    }
}
