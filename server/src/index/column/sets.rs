//! A field that holds several texts: lists, and tables by their cells. For each text the slots that have it.

use std::collections::{BTreeMap, BTreeSet};

use kaishin_proto::value::Value;
use roaring::RoaringBitmap;

use super::Dictionary;
use crate::index::entry::value_words;

#[derive(Default)]
pub(in crate::index) struct Sets {
    /// The values as they were told.
    pub whole: Dictionary,
    items: BTreeMap<Box<str>, RoaringBitmap>,
}

impl Sets {
    pub fn set(&mut self, slot: u32, value: Option<Value>) {
        let items = |value: Option<&Value>| -> BTreeSet<String> {
            value.map(value_words).unwrap_or_default().into_iter().collect()
        };
        if self.whole.is(slot, value.as_ref()) {
            return;
        }
        let (old, new) = (items(self.whole.get(slot).as_ref()), items(value.as_ref()));
        self.whole.set(slot, value);
        for gone in old.difference(&new) {
            if let Some(slots) = self.items.get_mut(gone.as_str()) {
                slots.remove(slot);
                if slots.is_empty() {
                    self.items.remove(gone.as_str());
                }
            }
        }
        for come in new.difference(&old) {
            self.items.entry(come.as_str().into()).or_default().insert(slot);
        }
    }

    pub fn items(&self) -> impl Iterator<Item = (&str, &RoaringBitmap)> {
        self.items.iter().map(|(item, slots)| (&**item, slots))
    }

    pub fn bytes(&self) -> usize {
        let items = self.items.iter();
        let items = items.map(|(item, slots)| item.len() + slots.serialized_size() + 48);
        self.whole.bytes() + items.sum::<usize>()
    }
}
