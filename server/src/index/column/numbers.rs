//! Per slot a number, in as few bytes as the largest needs: most fields have a handful of values.

use roaring::RoaringBitmap;

use super::NONE;
use crate::index::column::collect;

pub(super) enum Numbers {
    One(Vec<u8>),
    Two(Vec<u16>),
    Four(Vec<u32>),
}

impl Default for Numbers {
    fn default() -> Numbers {
        Numbers::One(Vec::new())
    }
}

fn widened<A: Copy + Into<u32>, B: Copy + TryFrom<u32>>(of: &[A], none: u32, new_none: B) -> Vec<B> {
    let wide = |number: &A| {
        let number: u32 = (*number).into();
        if number == none {
            new_none
        } else {
            B::try_from(number).unwrap_or(new_none)
        }
    };
    of.iter().map(wide).collect()
}

fn put<T: Copy>(of: &mut Vec<T>, slot: usize, none: T, number: T) {
    if of.len() <= slot {
        of.resize(slot + 1, none);
    }
    of[slot] = number;
}

fn counted<T: Copy + Into<u32>>(of: &[T], selection: &RoaringBitmap, counts: &mut [u64]) {
    for slot in selection {
        let number = of.get(slot as usize).copied().map_or(NONE, Into::into);
        if let Some(count) = counts.get_mut(number as usize) {
            *count += 1;
        }
    }
}

fn among<T: Copy + Into<u32>>(of: &[T], chosen: &[bool]) -> RoaringBitmap {
    collect(of.len(), |slot| {
        let number: u32 = of[slot].into();
        chosen.get(number as usize).copied().unwrap_or(false)
    })
}

impl Numbers {
    /// `NONE` where nothing stands.
    pub fn get(&self, slot: u32) -> u32 {
        let at = slot as usize;
        match self {
            Numbers::One(of) => of
                .get(at)
                .filter(|number| **number != u8::MAX)
                .map_or(NONE, |number| u32::from(*number)),
            Numbers::Two(of) => of
                .get(at)
                .filter(|number| **number != u16::MAX)
                .map_or(NONE, |number| u32::from(*number)),
            Numbers::Four(of) => of.get(at).copied().unwrap_or(NONE),
        }
    }

    pub fn set(&mut self, slot: u32, number: u32) {
        let at = slot as usize;
        match self {
            Numbers::One(of) if number == NONE => put(of, at, u8::MAX, u8::MAX),
            Numbers::Two(of) if number == NONE => put(of, at, u16::MAX, u16::MAX),
            Numbers::One(of) => match u8::try_from(number) {
                Ok(number) if number != u8::MAX => put(of, at, u8::MAX, number),
                Ok(_) | Err(_) => {
                    *self = Numbers::Two(widened(of, u32::from(u8::MAX), u16::MAX));
                    self.set(slot, number);
                }
            },
            Numbers::Two(of) => match u16::try_from(number) {
                Ok(number) if number != u16::MAX => put(of, at, u16::MAX, number),
                Ok(_) | Err(_) => {
                    *self = Numbers::Four(widened(of, u32::from(u16::MAX), NONE));
                    self.set(slot, number);
                }
            },
            Numbers::Four(of) => put(of, at, NONE, number),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Numbers::One(of) => of.len(),
            Numbers::Two(of) => of.len(),
            Numbers::Four(of) => of.len(),
        }
    }

    /// How many of the selected slots have each of the first `values` numbers.
    pub fn count(&self, selection: &RoaringBitmap, values: usize) -> Vec<u64> {
        let mut counts = vec![0; values];
        match self {
            Numbers::One(of) => counted(of, selection, &mut counts),
            Numbers::Two(of) => counted(of, selection, &mut counts),
            Numbers::Four(of) => counted(of, selection, &mut counts),
        }
        counts
    }

    /// The slots whose number is chosen.
    pub fn among(&self, chosen: &[bool]) -> RoaringBitmap {
        match self {
            Numbers::One(of) => among(of, chosen),
            Numbers::Two(of) => among(of, chosen),
            Numbers::Four(of) => among(of, chosen),
        }
    }

    pub fn bytes(&self) -> usize {
        match self {
            Numbers::One(of) => of.capacity(),
            Numbers::Two(of) => 2 * of.capacity(),
            Numbers::Four(of) => 4 * of.capacity(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_growing_wider() {
        let mut numbers = Numbers::default();
        let known = [0, 1, 254, 255, 256, 65_534, 65_535, 70_000];
        for (slot, number) in (0_u32..).zip(known) {
            numbers.set(2 * slot, number);
            numbers.set(2 * slot + 1, NONE);
            for (slot, number) in (0..=slot).zip(known) {
                assert_eq!((numbers.get(2 * slot), numbers.get(2 * slot + 1)), (number, NONE));
            }
        }
        assert_eq!((numbers.get(100), numbers.len()), (NONE, 16));
        let mut chosen = vec![false; 70_001];
        chosen[255] = true;
        chosen[70_000] = true;
        assert_eq!(numbers.among(&chosen), RoaringBitmap::from([6, 14]));
        assert_eq!(numbers.count(&RoaringBitmap::from([0, 1, 2, 6]), 256)[..2], [1, 1]);
    }
}
