//! One field of every terminal: which value stands in which slot, and which slots have which value.

mod numbers;
mod overlap;
mod ranks;
mod sets;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{PoisonError, RwLock};

use kaishin_domain::expr::{Field, Literal, Op, Term, Truth3, fold, folded};
use kaishin_proto::time::Time;
use kaishin_proto::value::Value;
use roaring::{MultiOps, RoaringBitmap};

use super::cursor::SortKey;

use numbers::Numbers;
pub(super) use overlap::Overlap;
pub(super) use ranks::{Ranks, first_of};
pub(super) use sets::Sets;

const NONE: u32 = u32::MAX;
/// Why nothing is known of what nobody told.
pub(super) const NOT_REPORTED: &str = "not_reported";
/// So many values are looked through for one that contains a text; of more, only beginnings are found.
const FEW_VALUES: usize = if cfg!(test) { 3 } else { 2_048 };
/// From so many values on, one pass over the slots is cheaper than joining the values' sets. Tests take both ways.
const MANY_VALUES: usize = if cfg!(test) { 2 } else { 16 };

/// Each different value is held once.
#[derive(Default)]
pub(super) struct Dictionary {
    /// Per slot the number of its value.
    of: Numbers,
    held: Vec<Held>,
    /// Values that no slot has any more; they keep their number until the dictionary is rebuilt.
    dead: usize,
    /// From the hash of what makes values equal to the first of them.
    chains: HashMap<u32, u32>,
    hasher: RandomState,
    known: RoaringBitmap,
    ranks: RwLock<Ranks>,
}

struct Held {
    value: Kept,
    slots: Slots,
    next_in_chain: u32,
}

/// A value in a third of the room: nearly all different values are texts.
enum Kept {
    Text(Box<str>),
    Other(Box<Value>),
}

impl Kept {
    fn new(value: Value) -> Kept {
        if let Value::Text(text) = value {
            return Kept::Text(text.into_boxed_str());
        }
        Kept::Other(Box::new(value))
    }

    fn value(&self) -> Value {
        match self {
            Kept::Text(text) => Value::Text(text.to_string()),
            Kept::Other(value) => (**value).clone(),
        }
    }

    /// Written alike, not only equal: `1.2` and `1.2.0` are equal versions but two values.
    fn is(&self, other: &Value) -> bool {
        match (self, other) {
            (Kept::Text(text), Value::Text(other)) => **text == **other,
            (Kept::Text(_), _) => false,
            (Kept::Other(value), other) => match (&**value, other) {
                (Value::Version(one), Value::Version(other)) => one.0 == other.0,
                (one, other) => one == other,
            },
        }
    }

    /// Whether a filter takes the two for the same.
    fn equals(&self, other: &Kept) -> bool {
        match (self, other) {
            (Kept::Text(one), Kept::Text(other)) => folded(one).eq(folded(other)),
            (Kept::Other(one), Kept::Other(other)) => one == other,
            (Kept::Text(_), Kept::Other(_)) | (Kept::Other(_), Kept::Text(_)) => false,
        }
    }

    fn answers(&self, term: &Term, now: Time) -> Truth3 {
        match self {
            Kept::Text(text) => term.of_text(Some(text)),
            Kept::Other(value) => match term.field() {
                Field::Facility(attribute) => term.of_attribute(attribute, Some(value)),
                Field::Fact(_)
                | Field::Id
                | Field::Hostname
                | Field::Institution
                | Field::Online
                | Field::LastSeen
                | Field::State
                | Field::Fault
                | Field::Severity
                | Field::Job
                | Field::JobState
                | Field::JobOf(_) => term.of_value(Some(value), now),
            },
        }
    }

    fn key(&self) -> SortKey {
        match self {
            Kept::Text(text) => SortKey::text(text),
            Kept::Other(value) => SortKey::of(value),
        }
    }

    fn is_unknown(&self) -> bool {
        matches!(self, Kept::Other(value) if value.is_unknown())
    }
}

/// Most values of a serial number have one slot: a bitmap for each would cost more than the fleet.
enum Slots {
    None,
    One(u32),
    Many(Box<RoaringBitmap>),
}

impl Slots {
    fn insert(&mut self, slot: u32) {
        match self {
            Slots::None => *self = Slots::One(slot),
            Slots::One(one) => *self = Slots::Many(Box::new([*one, slot].into_iter().collect())),
            Slots::Many(many) => {
                many.insert(slot);
            }
        }
    }

    fn remove(&mut self, slot: u32) {
        match self {
            Slots::None | Slots::One(_) => *self = Slots::None,
            Slots::Many(many) => {
                many.remove(slot);
                if many.is_empty() {
                    *self = Slots::None;
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Slots::None)
    }

    fn len(&self) -> u64 {
        match self {
            Slots::None => 0,
            Slots::One(_) => 1,
            Slots::Many(many) => many.len(),
        }
    }

    fn count_in(&self, selection: &RoaringBitmap, overlap: &Overlap<'_>) -> u64 {
        match self {
            Slots::None => 0,
            Slots::One(slot) => u64::from(selection.contains(*slot)),
            Slots::Many(many) => overlap.count(many),
        }
    }
}

impl Dictionary {
    pub fn get(&self, slot: u32) -> Option<Value> {
        self.kept(slot).map(Kept::value)
    }

    pub fn text(&self, slot: u32) -> Option<&str> {
        match self.kept(slot) {
            Some(Kept::Text(text)) => Some(text),
            Some(Kept::Other(_)) | None => None,
        }
    }

    fn kept(&self, slot: u32) -> Option<&Kept> {
        self.held.get(self.of.get(slot) as usize).map(|held| &held.value)
    }

    /// The slots that have just this text.
    pub fn having_text(&self, text: &str) -> Vec<u32> {
        let hash = self.hash(|feed| folded(text).for_each(|c| feed(u64::from(c))));
        let first = self.chains.get(&hash).copied().unwrap_or(NONE);
        let is = |number: &u32| matches!(&self.held[*number as usize].value, Kept::Text(held) if **held == *text);
        match self
            .chain(first)
            .find(is)
            .map(|number| &self.held[number as usize].slots)
        {
            None | Some(Slots::None) => Vec::new(),
            Some(Slots::One(slot)) => vec![*slot],
            Some(Slots::Many(many)) => many.iter().collect(),
        }
    }

    /// Whether just that stands there.
    pub fn is(&self, slot: u32, value: Option<&Value>) -> bool {
        match (self.kept(slot), value) {
            (None, None) => true,
            (Some(kept), Some(value)) => kept.is(value),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    pub fn set(&mut self, slot: u32, value: Option<Value>) {
        if self.is(slot, value.as_ref()) {
            return;
        }
        let old = self.of.get(slot);
        if let Some(held) = self.held.get_mut(old as usize) {
            held.slots.remove(slot);
            self.dead += usize::from(held.slots.is_empty());
        }
        let known = value.as_ref().is_some_and(|value| !value.is_unknown());
        let number = match value {
            None => NONE,
            Some(value) => {
                let number = self.number_of(value);
                let slots = &mut self.held[number as usize].slots;
                self.dead -= usize::from(slots.is_empty());
                slots.insert(slot);
                number
            }
        };
        self.of.set(slot, number);
        if known {
            self.known.insert(slot);
        } else {
            self.known.remove(slot);
        }
        if self.dead > 1_024 && self.dead > self.held.len() / 2 {
            self.rebuild();
        }
    }

    /// Half of a hash: what collides is told apart along the chain.
    fn hash(&self, feed: impl FnOnce(&mut dyn FnMut(u64))) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        feed(&mut |part| part.hash(&mut hasher));
        (hasher.finish() >> 32) as u32
    }

    /// The number of a value, a new one if it was not held; new ones count as dead until a slot has them.
    fn number_of(&mut self, value: Value) -> u32 {
        let hash = self.hash(|feed| feed_value(&value, feed));
        let first = self.chains.get(&hash).copied().unwrap_or(NONE);
        let held = self
            .chain(first)
            .find(|number| self.held[*number as usize].value.is(&value));
        if let Some(number) = held {
            return number;
        }
        let number = u32::try_from(self.held.len()).unwrap_or(NONE);
        self.held.push(Held {
            value: Kept::new(value),
            slots: Slots::None,
            next_in_chain: first,
        });
        self.chains.insert(hash, number);
        self.dead += 1;
        number
    }

    fn chain(&self, first: u32) -> impl Iterator<Item = u32> + '_ {
        let next = |number: &u32| self.held.get(*number as usize).map(|held| held.next_in_chain);
        std::iter::successors(Some(first), next).take_while(|number| *number != NONE)
    }

    fn rebuild(&mut self) {
        let old = std::mem::take(self);
        self.hasher = old.hasher.clone();
        for slot in 0..u32::try_from(old.of.len()).unwrap_or(NONE) {
            self.set(slot, old.get(slot));
        }
    }

    pub fn known(&self) -> &RoaringBitmap {
        &self.known
    }

    /// The slots of a value that more than one has.
    pub fn several(&self) -> impl Iterator<Item = &RoaringBitmap> + '_ {
        self.held
            .iter()
            .filter(|held| !held.value.is_unknown())
            .filter_map(|held| match &held.slots {
                Slots::Many(slots) => Some(&**slots),
                Slots::None | Slots::One(_) => None,
            })
    }

    /// Whether a slot that passes has exactly this value.
    pub fn any_has(&self, value: &Value, passes: impl Fn(u32) -> bool) -> bool {
        let hash = self.hash(|feed| feed_value(value, feed));
        let first = self.chains.get(&hash).copied().unwrap_or(NONE);
        let number = self
            .chain(first)
            .find(|number| self.held[*number as usize].value.is(value));
        match number.map(|number| &self.held[number as usize].slots) {
            None | Some(Slots::None) => false,
            Some(Slots::One(slot)) => passes(*slot),
            Some(Slots::Many(slots)) => slots.iter().any(passes),
        }
    }

    /// How many different values it holds.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// The slots of which the term is just that.
    pub fn select(&self, term: &Term, wanted: bool, all: &RoaringBitmap, now: Time) -> RoaringBitmap {
        let wanted3 = Truth3::from(wanted);
        if *term.literal() == Literal::Unknown {
            let unknown = term.of_unknown() == wanted3;
            return if unknown { all - &self.known } else { self.known.clone() };
        }
        if let Some(hash) = self.hash_of_equals(term) {
            let differs = term.op() == Op::NotEqual;
            let first = self.chains.get(&hash).copied().unwrap_or(NONE);
            let same = Truth3::from(!differs);
            let equal = self
                .chain(first)
                .filter(|number| self.held[*number as usize].value.answers(term, now) == same);
            let equal = self.union(&equal.collect::<Vec<u32>>());
            return if wanted == differs { &self.known - equal } else { equal };
        }
        let fits = |held: &Held| !held.slots.is_empty() && held.value.answers(term, now) == wanted3;
        let fitting: Vec<u32> = (0_u32..)
            .zip(&self.held)
            .filter(|(_, held)| fits(held))
            .map(|(number, _)| number)
            .collect();
        self.union(&fitting)
    }

    /// As `select` for a text with wildcards, of which only these slots can be true.
    pub fn select_among(&self, term: &Term, wanted: bool, candidates: &RoaringBitmap, now: Time) -> RoaringBitmap {
        let fits = |slot: &u32| self.kept(*slot).is_some_and(|kept| kept.answers(term, now).is_true());
        let like: RoaringBitmap = candidates.iter().filter(fits).collect();
        if wanted { like } else { &self.known - like }
    }

    fn union(&self, numbers: &[u32]) -> RoaringBitmap {
        if numbers.len() <= MANY_VALUES {
            let mut ones = RoaringBitmap::new();
            let mut many = Vec::new();
            for number in numbers {
                match &self.held[*number as usize].slots {
                    Slots::None => {}
                    Slots::One(slot) => {
                        ones.insert(*slot);
                    }
                    Slots::Many(slots) => many.push(&**slots),
                }
            }
            many.push(&ones);
            return many.union();
        }
        let mut chosen = vec![false; self.held.len()];
        for number in numbers {
            chosen[*number as usize] = true;
        }
        self.of.among(&chosen)
    }

    /// Where a term asks for one value, the hash under which that value's chain begins.
    fn hash_of_equals(&self, term: &Term) -> Option<u32> {
        let equality = matches!(term.op(), Op::Has | Op::Equal | Op::NotEqual) && !term.is_pattern();
        let several = term.field().kind() == kaishin_domain::expr::Kind::Several;
        if !equality || several {
            return None;
        }
        let value = match term.literal() {
            Literal::Text(phrase) => {
                return Some(self.hash(|feed| phrase.folded().chars().for_each(|c| feed(u64::from(c)))));
            }
            Literal::Truth(truth) => Value::Truth(*truth),
            Literal::Number(number) => Value::Number(*number),
            Literal::Version(version) => Value::Version(version.clone()),
            Literal::Size(size) => Value::Size(*size),
            Literal::Unknown
            | Literal::Absent
            | Literal::Time(_)
            | Literal::Day(_)
            | Literal::Age(_)
            | Literal::Duration(_)
            | Literal::Standing(_) => return None,
        };
        Some(self.hash(|feed| feed_value(&value, feed)))
    }

    /// Each value with how many of the selected slots have it; of unknown ones nothing.
    pub fn tally(&self, selection: &RoaringBitmap) -> Vec<(u32, u64)> {
        let by_set = |count: &dyn Fn(&Slots) -> u64| {
            let each = (0_u32..).zip(&self.held);
            each.map(|(number, held)| (number, count(&held.slots))).collect()
        };
        let few = MANY_VALUES * if selection.len() > self.known.len() / 3 { 16 } else { 1 };
        let counted: Vec<(u32, u64)> = if self.known.is_subset(selection) {
            by_set(&Slots::len)
        } else if self.held.len() <= few {
            let overlap = Overlap::of(selection);
            by_set(&|slots| slots.count_in(selection, &overlap))
        } else {
            (0_u32..).zip(self.of.count(selection, self.held.len())).collect()
        };
        let shown = |(number, count): &(u32, u64)| *count > 0 && !self.held[*number as usize].value.is_unknown();
        counted.into_iter().filter(shown).collect()
    }

    /// What a filter takes for the same is counted together, under the spelling that most have: `ＮＴＴ` and `NTT` are one
    /// value, and so are `1.2` and `1.2.0`.
    pub fn together(&self, tally: Vec<(u32, u64)>) -> Vec<(u32, u64)> {
        // Equal values stand in one chain: the oldest of them there stands for all.
        let oldest = |(number, _): &(u32, u64)| {
            let own = &self.held[*number as usize];
            let same = |other: &u32| self.held[*other as usize].value.equals(&own.value);
            let oldest = self.chain(own.next_in_chain).filter(same).last()?;
            Some((*number, oldest))
        };
        let later: BTreeMap<u32, u32> = tally.iter().filter_map(oldest).collect();
        if later.is_empty() {
            return tally;
        }
        let first: BTreeSet<u32> = later.values().copied().collect();
        let mut spellings: BTreeMap<u32, Vec<(u32, u64)>> = BTreeMap::new();
        let mut counted = Vec::with_capacity(tally.len());
        for (number, count) in tally {
            let one = later.get(&number).or_else(|| first.get(&number));
            match one {
                Some(one) => spellings.entry(*one).or_default().push((number, count)),
                None => counted.push((number, count)),
            }
        }
        counted.extend(spellings.into_values().filter_map(|alike| {
            let words = |number: u32| super::entry::value_words(&self.value(number)).pop();
            let place = |(number, count): &(u32, u64)| (Reverse(*count), self.key(*number), words(*number));
            let (usual, _) = alike.iter().min_by_key(|one| place(one))?;
            Some((*usual, alike.iter().map(|(_, count)| count).sum()))
        }));
        counted
    }

    /// How many of the selected slots have nothing known, by why; first those of which nothing was told.
    pub fn reasons(&self, selection: &RoaringBitmap) -> Vec<(&'static str, u64)> {
        let dark = selection - &self.known;
        if dark.is_empty() {
            return Vec::new();
        }
        let overlap = Overlap::of(&dark);
        let mut untold = dark.len();
        let mut reasons: BTreeMap<&'static str, u64> = BTreeMap::new();
        for held in &self.held {
            if let Kept::Other(value) = &held.value
                && let Value::Unknown(unknown) = &**value
            {
                let count = held.slots.count_in(&dark, &overlap);
                untold -= count;
                *reasons.entry(unknown.reason.name()).or_default() += count;
            }
        }
        reasons.insert(NOT_REPORTED, untold);
        reasons.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    /// The values that begin with a folded text, or contain it where they are few; with how many slots have each. What a
    /// filter takes for the same is one of them.
    pub fn values(&self, typed: &str, most: usize) -> Vec<(Value, u64)> {
        let shown = |number: u32| {
            let held = self.held.get(number as usize)?;
            let shown = !held.slots.is_empty() && !held.value.is_unknown();
            shown.then(|| (number, held.slots.len()))
        };
        let valued = |(number, count): (u32, u64)| (self.value(number), count);
        if self.held.len() <= FEW_VALUES {
            let all = (0..self.held.len()).filter_map(|number| shown(u32::try_from(number).ok()?));
            let like = |(value, _): &(Value, u64)| {
                super::entry::value_words(value)
                    .iter()
                    .any(|words| fold(words).contains(typed))
            };
            let together = self.together(all.collect()).into_iter().map(valued);
            let mut found: Vec<(Value, u64)> = together.filter(like).collect();
            found.sort_by_key(|(_, count)| u64::MAX - count);
            found.truncate(most);
            return found;
        }
        let ranks = self.ranks();
        let folded = |number: u32| match self.key(number) {
            SortKey::Text(folded, _) => Some(folded),
            SortKey::Number(_) | SortKey::Version(_) | SortKey::None => None,
        };
        let before = |number: &u32| folded(*number).is_some_and(|folded| folded.as_str() < typed);
        let from = ranks.order.partition_point(before);
        let begins = |number: &u32| folded(*number).is_some_and(|folded| folded.starts_with(typed));
        let mut found: Vec<(Value, u64)> = Vec::new();
        let candidates = ranks.order[from..].iter().copied().take_while(begins);
        let mut candidates = candidates.filter_map(shown).peekable();
        // Spellings of one value stand side by side.
        while found.len() < most
            && let Some(first) = candidates.next()
        {
            let one = folded(first.0);
            let mut alike = vec![first];
            while let Some(next) = candidates.next_if(|(number, _)| folded(*number) == one) {
                alike.push(next);
            }
            found.extend(self.together(alike).into_iter().map(valued));
        }
        found.truncate(most);
        found
    }

    pub fn value(&self, number: u32) -> Value {
        self.held[number as usize].value.value()
    }

    pub fn key(&self, number: u32) -> SortKey {
        self.held[number as usize].value.key()
    }

    pub fn key_at(&self, slot: u32) -> SortKey {
        self.kept(slot).map_or(SortKey::None, Kept::key)
    }

    /// An estimate of the bytes it holds.
    pub fn bytes(&self) -> usize {
        let held = self.held.iter().map(|held| {
            let value = match &held.value {
                Kept::Text(text) => text.len() + 8,
                Kept::Other(value) => size_of::<Value>() + weight(value),
            };
            let slots = match &held.slots {
                Slots::None | Slots::One(_) => 0,
                Slots::Many(many) => many.serialized_size() + size_of::<RoaringBitmap>(),
            };
            value + slots + size_of::<Held>()
        });
        let ranks = self.ranks.read().unwrap_or_else(PoisonError::into_inner);
        held.sum::<usize>()
            + self.of.bytes()
            + 4 * (ranks.order.capacity() + ranks.rank.capacity())
            + 9 * self.chains.capacity()
            + self.known.serialized_size()
    }
}

/// An estimate of what a value holds beside itself.
fn weight(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len() + 8,
        Value::Version(version) => version.0.len() + 8,
        Value::List(items) => items.iter().map(|item| item.len() + 32).sum(),
        Value::Table(table) => table.rows.iter().flatten().map(|cell| cell.len() + 32).sum(),
        Value::Unknown(unknown) => unknown.detail.len(),
        Value::Truth(_) | Value::Number(_) | Value::Time(_) | Value::Duration(_) | Value::Size(_) => 0,
    }
}

/// What values that a term takes as equal have in common.
fn feed_value(value: &Value, feed: &mut dyn FnMut(u64)) {
    let mut texts = |items: &mut dyn Iterator<Item = &String>| {
        for item in items {
            item.bytes().for_each(|byte| feed(u64::from(byte)));
            feed(u64::MAX);
        }
    };
    match value {
        Value::Text(text) => folded(text).for_each(|c| feed(u64::from(c))),
        Value::Version(version) => {
            let parts: Vec<u64> = version.0.split('.').map(|part| part.parse().unwrap_or(0)).collect();
            let end = parts.iter().rposition(|part| *part != 0).map_or(0, |at| at + 1);
            parts[..end].iter().for_each(|part| feed(*part));
        }
        Value::Truth(truth) => feed(u64::from(*truth)),
        Value::Number(number) => feed(number.cast_unsigned()),
        Value::Time(time) => feed(time.0.cast_unsigned()),
        Value::Duration(span) => feed(span.0.cast_unsigned()),
        Value::Size(size) => feed(*size),
        Value::List(items) => texts(&mut items.iter()),
        Value::Table(table) => texts(&mut table.rows.iter().flatten()),
        Value::Unknown(unknown) => {
            texts(&mut [unknown.reason.name().to_owned(), unknown.detail.clone()].iter());
        }
    }
}

/// The slots below `len` that pass.
pub(super) fn collect(len: usize, mut passes: impl FnMut(usize) -> bool) -> RoaringBitmap {
    let mut bytes = vec![0_u8; len.div_ceil(8)];
    for (n, byte) in bytes.iter_mut().enumerate() {
        for bit in 0..8.min(len - n * 8) {
            *byte |= u8::from(passes(n * 8 + bit)) << bit;
        }
    }
    RoaringBitmap::from_lsb0_bytes(0, &bytes)
}

/// A field in which nearly every value is different and comparisons are by size: moments and durations.
#[derive(Default)]
pub(super) struct Moments {
    at: Vec<i64>,
    known: RoaringBitmap,
    unknowns: Dictionary,
}

impl Moments {
    pub fn set(&mut self, slot: u32, value: Option<Value>) {
        let place = slot as usize;
        if self.at.len() <= place {
            self.at.resize(place + 1, 0);
        }
        let (at, unknown) = match value {
            Some(Value::Time(time)) => (Some(time.0), None),
            Some(Value::Duration(span)) => (Some(span.0), None),
            unknown => (None, unknown),
        };
        self.at[place] = at.unwrap_or(0);
        if at.is_some() {
            self.known.insert(slot);
        } else {
            self.known.remove(slot);
        }
        self.unknowns.set(slot, unknown);
    }

    pub fn at(&self, slot: u32) -> Option<i64> {
        self.known.contains(slot).then(|| self.at[slot as usize])
    }

    pub fn unknown(&self, slot: u32) -> Option<Value> {
        self.unknowns.get(slot)
    }

    pub fn reasons(&self, selection: &RoaringBitmap) -> Vec<(&'static str, u64)> {
        self.unknowns.reasons(&(selection - &self.known))
    }

    /// The slots of which the term is just that; `answer` says what it is of a known value.
    pub fn select(
        &self,
        term: &Term,
        wanted: bool,
        all: &RoaringBitmap,
        answer: impl Fn(i64) -> Truth3,
    ) -> RoaringBitmap {
        let wanted = Truth3::from(wanted);
        if *term.literal() == Literal::Unknown {
            let unknown = term.of_unknown() == wanted;
            return if unknown { all - &self.known } else { self.known.clone() };
        }
        let known = collect(self.at.len(), |slot| answer(self.at[slot]) == wanted) & &self.known;
        if *term.literal() == Literal::Absent {
            return known | self.unknowns.select(term, wanted.is_true(), all, Time(0));
        }
        known
    }

    pub fn bytes(&self) -> usize {
        8 * self.at.capacity() + self.known.serialized_size() + self.unknowns.bytes()
    }
}
