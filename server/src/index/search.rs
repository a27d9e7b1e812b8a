//! Very many short texts end to end in one buffer: reading it through for a word takes a few milliseconds for a quarter of a
//! million of them, for two characters as well as for twenty.

use roaring::RoaringBitmap;

const NONE: u32 = u32::MAX;
/// So many texts are first looked at as one.
const AT_ONCE: usize = 32;

#[derive(Default)]
pub(super) struct Search {
    text: String,
    /// In the order of the buffer.
    places: Vec<Place>,
    /// Per slot the number of its place.
    of: Vec<u32>,
    dead: usize,
}

#[derive(Clone, Copy)]
struct Place {
    start: usize,
    slot: u32,
}

impl Search {
    /// Puts a slot's text in; none takes it out.
    pub fn set(&mut self, slot: u32, text: Option<&str>) {
        if self.of.len() <= slot as usize {
            self.of.resize(slot as usize + 1, NONE);
        }
        let old = self.of[slot as usize];
        if old != NONE {
            if text == Some(self.text_at(old as usize)) {
                return;
            }
            self.places[old as usize].slot = NONE;
            self.of[slot as usize] = NONE;
            self.dead += 1;
        }
        if let Some(text) = text {
            self.of[slot as usize] = u32::try_from(self.places.len()).unwrap_or(NONE);
            self.places.push(Place {
                start: self.text.len(),
                slot,
            });
            self.text.push_str(text);
        }
        if self.dead > 1_024 && self.dead > self.places.len() / 2 {
            self.rebuild();
        }
    }

    /// A slot's text; none has none.
    pub fn get(&self, slot: u32) -> Option<&str> {
        let place = *self.of.get(slot as usize)?;
        (place != NONE).then(|| self.text_at(place as usize))
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.places.len() - self.dead
    }

    fn text_at(&self, place: usize) -> &str {
        let end = self.places.get(place + 1).map_or(self.text.len(), |next| next.start);
        &self.text[self.places[place].start..end]
    }

    fn rebuild(&mut self) {
        let old = std::mem::take(self);
        for (number, place) in old.places.iter().enumerate() {
            if place.slot != NONE {
                self.set(place.slot, Some(old.text_at(number)));
            }
        }
    }

    /// The slots whose text has the word in it. The word is folded, as the texts are.
    pub fn select(&self, word: &str) -> RoaringBitmap {
        let mut found = vec![0_u8; self.of.len().div_ceil(8)];
        for (chunk, places) in self.places.chunks(AT_ONCE).enumerate() {
            let first = chunk * AT_ONCE;
            let next = self.places.get(first + places.len());
            let end = next.map_or(self.text.len(), |next| next.start);
            if !self.text[places[0].start..end].contains(word) {
                continue;
            }
            for (number, place) in (first..).zip(places) {
                if place.slot != NONE && self.text_at(number).contains(word) {
                    found[place.slot as usize / 8] |= 1 << (place.slot % 8);
                }
            }
        }
        RoaringBitmap::from_lsb0_bytes(0, &found)
    }

    pub fn bytes(&self) -> usize {
        self.text.capacity() + self.places.capacity() * size_of::<Place>() + 4 * self.of.capacity()
    }
}
