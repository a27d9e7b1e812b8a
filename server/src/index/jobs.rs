//! The jobs that terminals are found by: those that are open, and the last of each remedy.

use std::collections::{BTreeMap, HashMap};

use kaishin_domain::expr::{Field, job_items};
use roaring::RoaringBitmap;

use super::entry::Work;

#[derive(Default)]
pub(super) struct Jobs {
    of: HashMap<u32, Vec<Work>>,
    sets: BTreeMap<(&'static str, &'static str), RoaringBitmap>,
}

impl Jobs {
    pub fn of(&self, slot: u32) -> &[Work] {
        self.of.get(&slot).map_or(&[], Vec::as_slice)
    }

    /// All that there are of a terminal.
    pub fn put(&mut self, slot: u32, works: Vec<Work>) {
        for work in self.of.remove(&slot).unwrap_or_default() {
            let key = (work.remedy, work.state);
            if let Some(slots) = self.sets.get_mut(&key) {
                slots.remove(slot);
                if slots.is_empty() {
                    self.sets.remove(&key);
                }
            }
        }
        let works = Work::kept(works);
        for work in &works {
            self.sets.entry((work.remedy, work.state)).or_default().insert(slot);
        }
        if !works.is_empty() {
            self.of.insert(slot, works);
        }
    }

    /// One of them is new or changed.
    pub fn change(&mut self, slot: u32, work: Work) {
        let mut works = self.of(slot).to_vec();
        works.retain(|other| other.id != work.id);
        works.push(work);
        self.put(slot, works);
    }

    /// What terminals are found by in a field about jobs.
    pub fn items(&self, field: Field) -> BTreeMap<&str, RoaringBitmap> {
        let mut items: BTreeMap<&str, RoaringBitmap> = BTreeMap::new();
        for ((remedy, state), slots) in &self.sets {
            for item in job_items(field, remedy, state) {
                *items.entry(item).or_default() |= slots;
            }
        }
        items
    }

    pub fn bytes(&self) -> usize {
        let works = self.of.values().map(|works| works.capacity() * size_of::<Work>() + 40);
        works.sum::<usize>() + self.sets.values().map(RoaringBitmap::serialized_size).sum::<usize>()
    }
}
