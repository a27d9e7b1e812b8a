//! All terminals by column: what changes them. Questions are in `select` and `answer`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use kaishin_domain::expr::{
    Attribute, Field, SEARCHED_FACTS, SEVERITIES, Standing, Subject, UNIQUE_FACTS, search_lines, searched,
};
use kaishin_proto::fact::{self, Fact, Type};
use kaishin_proto::id::TerminalId;
use kaishin_proto::time::{Span, Time};
use kaishin_proto::value::Value;
use roaring::{MultiOps, RoaringBitmap};

use super::column::{Dictionary, Moments, Sets, collect};
use super::entry::{Facility, Work, gravity_of};
use super::finder::Finder;
use super::jobs::Jobs;
use super::ledger::Ledger;
use super::search::Search;
use super::stay::{Stay, meeting};
use super::{Entry, Flags, Presence, Row};

pub(super) struct Fleet {
    pub slots: HashMap<TerminalId, u32>,
    /// Per slot; what stands in a free slot means nothing.
    pub ids: Vec<TerminalId>,
    free: Vec<u32>,
    pub all: RoaringBitmap,
    pub hostname: Dictionary,
    pub institution: Dictionary,
    pub facts: Vec<(&'static Fact, Column)>,
    /// Where a fact's column is.
    places: HashMap<&'static str, usize>,
    /// In the order of `Attribute::ALL`.
    pub facility: Vec<Dictionary>,
    pub ledger: Ledger,
    /// Per slot where in the ledger the facility is that it stands in.
    place: Vec<u32>,
    pub jobs: Jobs,
    /// What people type to find one terminal; what its facility is found by stands once in the ledger.
    pub finder: Finder,
    pub revoked: RoaringBitmap,
    pub duplicate: RoaringBitmap,
    pub incompatible: RoaringBitmap,
    pub faults: BTreeMap<String, RoaringBitmap>,
    /// How grave a rule's faults are.
    severity_of: BTreeMap<String, &'static str>,
    /// Per slot how many faults are open.
    pub fault_count: Vec<u16>,
    pub online: RoaringBitmap,
    /// Per slot; only that of one who is online means anything.
    online_since: Vec<Time>,
    /// Per slot; `NEVER` for one that never came.
    pub last_seen: Vec<Time>,
    dirty: BTreeSet<TerminalId>,
    pub search: Search,
}

pub(super) const NEVER: Time = Time(i64::MIN);
/// In no facility of the ledger.
const NOWHERE: u32 = u32::MAX;

pub(super) enum Column {
    Values(Dictionary),
    Sets(Sets),
    Times(Moments),
    Durations(Moments),
}

impl Column {
    fn of(fact: &Fact) -> Column {
        match fact.kind {
            Type::Time => Column::Times(Moments::default()),
            Type::Duration => Column::Durations(Moments::default()),
            Type::List | Type::Table => Column::Sets(Sets::default()),
            Type::Truth | Type::Number | Type::Text | Type::Version | Type::Size => {
                Column::Values(Dictionary::default())
            }
        }
    }

    fn set(&mut self, slot: u32, value: Option<Value>) {
        match self {
            Column::Values(values) => values.set(slot, value),
            Column::Sets(sets) => sets.set(slot, value),
            Column::Times(moments) | Column::Durations(moments) => moments.set(slot, value),
        }
    }

    fn get(&self, slot: u32) -> Option<Value> {
        match self {
            Column::Values(values) => values.get(slot),
            Column::Sets(sets) => sets.whole.get(slot),
            Column::Times(moments) => {
                let time = moments.at(slot).map(|at| Value::Time(Time(at)));
                time.or_else(|| moments.unknown(slot))
            }
            Column::Durations(moments) => {
                let span = moments.at(slot).map(|at| Value::Duration(Span(at)));
                span.or_else(|| moments.unknown(slot))
            }
        }
    }
}

impl Default for Fleet {
    fn default() -> Fleet {
        let indexed = || fact::all().filter(|fact| fact.indexed);
        Fleet {
            slots: HashMap::new(),
            ids: Vec::new(),
            free: Vec::new(),
            all: RoaringBitmap::new(),
            hostname: Dictionary::default(),
            institution: Dictionary::default(),
            facts: indexed().map(|fact| (fact, Column::of(fact))).collect(),
            places: indexed().zip(0..).map(|(fact, place)| (fact.key, place)).collect(),
            facility: Attribute::ALL.iter().map(|_| Dictionary::default()).collect(),
            ledger: Ledger::default(),
            place: Vec::new(),
            finder: Finder::default(),
            jobs: Jobs::default(),
            revoked: RoaringBitmap::new(),
            duplicate: RoaringBitmap::new(),
            incompatible: RoaringBitmap::new(),
            faults: BTreeMap::new(),
            severity_of: BTreeMap::new(),
            fault_count: Vec::new(),
            online: RoaringBitmap::new(),
            online_since: Vec::new(),
            last_seen: Vec::new(),
            dirty: BTreeSet::new(),
            search: Search::default(),
        }
    }
}

fn put(bitmap: &mut RoaringBitmap, slot: u32, here: bool) {
    if here {
        bitmap.insert(slot);
    } else {
        bitmap.remove(slot);
    }
}

impl Fleet {
    pub fn column(&self, key: &str) -> Option<&Column> {
        self.facts.get(*self.places.get(key)?).map(|(_, column)| column)
    }

    pub fn attribute(&self, attribute: Attribute) -> &Dictionary {
        &self.facility[attribute as usize]
    }

    fn slot_for(&mut self, id: TerminalId) -> u32 {
        if let Some(slot) = self.slots.get(&id) {
            return *slot;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.ids.push(id);
            self.fault_count.push(0);
            self.place.push(NOWHERE);
            self.online_since.push(NEVER);
            self.last_seen.push(NEVER);
            u32::try_from(self.ids.len() - 1).unwrap_or(u32::MAX)
        });
        self.ids[slot as usize] = id;
        self.last_seen[slot as usize] = NEVER;
        self.slots.insert(id, slot);
        self.all.insert(slot);
        slot
    }

    pub fn upsert(&mut self, mut entry: Entry) {
        let slot = self.slot_for(entry.id);
        let seen = &mut self.last_seen[slot as usize];
        *seen = (*seen).max(entry.last_seen.unwrap_or(NEVER));
        for (fact, column) in &mut self.facts {
            column.set(slot, sound(fact, entry.facts.remove(fact.key)));
        }
        self.hostname.set(slot, Some(Value::Text(entry.hostname)));
        self.institution.set(slot, entry.institution.map(Value::Text));
        self.put_flags(slot, entry.flags);
        self.put_faults(slot, &entry.faults);
        self.put_facility(slot);
        self.jobs.put(slot, entry.jobs);
        self.put_search(slot);
    }

    pub fn set_section(&mut self, id: TerminalId, section: &str, facts: &[(String, Value)]) -> bool {
        let Some(slot) = self.slots.get(&id).copied() else {
            return false;
        };
        let of_section = |fact: &Fact| fact.key.split_once('.').is_some_and(|(name, _)| name == section);
        for (fact, column) in self.facts.iter_mut().filter(|(fact, _)| of_section(fact)) {
            // As in a map, the last of two wins.
            let value = facts.iter().rfind(|(key, _)| key == fact.key);
            column.set(slot, sound(fact, value.map(|(_, value)| value.clone())));
        }
        if SEARCHED_FACTS
            .iter()
            .any(|key| key.split_once('.').is_some_and(|(name, _)| name == section))
        {
            self.put_search(slot);
        }
        true
    }

    /// A facility is new in the ledger, or another than before: so are the terminals that stand in it.
    pub fn put_ledger(&mut self, facility: &kaishin_domain::facility::Facility) {
        self.ledger.put(facility);
        self.refresh_ledger(&facility.code.to_string());
    }

    pub fn remove_ledger(&mut self, code: kaishin_domain::facility::Code10) {
        self.ledger.remove(code);
        self.refresh_ledger(&code.to_string());
    }

    fn refresh_ledger(&mut self, code: &str) {
        for slot in self.institution.having_text(code) {
            self.put_facility(slot);
            self.put_search(slot);
        }
    }

    pub fn set_job(&mut self, id: TerminalId, work: Work) -> bool {
        let slot = self.slots.get(&id).copied();
        slot.inspect(|slot| self.jobs.change(*slot, work)).is_some()
    }

    /// How grave each rule's faults are: another rule pack may see it otherwise.
    pub fn set_severities(&mut self, of: impl IntoIterator<Item = (String, &'static str)>) {
        self.severity_of = of.into_iter().collect();
    }

    pub fn set_faults(&mut self, id: TerminalId, rules: &[String]) -> bool {
        let slot = self.slots.get(&id).copied();
        slot.inspect(|slot| self.put_faults(*slot, rules)).is_some()
    }

    pub fn set_flags(&mut self, id: TerminalId, flags: Flags) -> bool {
        let slot = self.slots.get(&id).copied();
        slot.inspect(|slot| self.put_flags(*slot, flags)).is_some()
    }

    pub fn set_hostname(&mut self, id: TerminalId, hostname: &str) -> bool {
        let slot = self.slots.get(&id).copied();
        slot.inspect(|slot| {
            self.hostname.set(*slot, Some(Value::Text(hostname.to_owned())));
            self.put_search(*slot);
        })
        .is_some()
    }

    pub fn set_institution(&mut self, id: TerminalId, institution: Option<&str>) -> bool {
        let slot = self.slots.get(&id).copied();
        slot.inspect(|slot| {
            let value = institution.map(|code| Value::Text(code.to_owned()));
            self.institution.set(*slot, value);
            self.put_facility(*slot);
            self.put_search(*slot);
        })
        .is_some()
    }

    pub fn remove(&mut self, id: TerminalId) -> bool {
        let Some(slot) = self.slots.remove(&id) else {
            return false;
        };
        self.dirty.remove(&id);
        self.all.remove(slot);
        self.online.remove(slot);
        for (_, column) in &mut self.facts {
            column.set(slot, None);
        }
        self.hostname.set(slot, None);
        self.institution.set(slot, None);
        self.put_flags(slot, Flags::default());
        self.put_faults(slot, &[]);
        self.put_facility(slot);
        self.jobs.put(slot, Vec::new());
        self.search.set(slot, None);
        self.finder.set(slot, &[]);
        self.free.push(slot);
        true
    }

    fn put_flags(&mut self, slot: u32, flags: Flags) {
        put(&mut self.revoked, slot, flags.revoked);
        put(&mut self.duplicate, slot, flags.duplicate);
        put(&mut self.incompatible, slot, flags.incompatible);
    }

    fn put_faults(&mut self, slot: u32, rules: &[String]) {
        for rule in rules {
            if !self.faults.contains_key(rule) {
                self.faults.insert(rule.clone(), RoaringBitmap::new());
            }
        }
        let mut count = 0;
        for (rule, slots) in &mut self.faults {
            let open = rules.contains(rule);
            put(slots, slot, open);
            count += u16::from(open);
        }
        self.fault_count[slot as usize] = count;
        self.faults.retain(|_, slots| !slots.is_empty());
    }

    /// What the ledger says of the facility that it stands in.
    fn put_facility(&mut self, slot: u32) {
        let place = self.institution.text(slot).and_then(|code| self.ledger.place(code));
        self.place[slot as usize] = place.unwrap_or(NOWHERE);
        let card = place.and_then(|place| self.ledger.at(place));
        let mut facility = card.map(|card| card.attributes()).unwrap_or_default();
        for (attribute, column) in Attribute::ALL.into_iter().zip(&mut self.facility) {
            column.set(slot, facility.remove(&attribute));
        }
    }

    fn put_search(&mut self, slot: u32) {
        let at = At(self, slot);
        let (text, lines) = (searched(&at), search_lines(&at));
        self.search.set(slot, Some(&text));
        self.finder.set(slot, &lines);
    }

    pub fn place_of(&self, slot: u32) -> Option<u32> {
        self.place.get(slot as usize).copied().filter(|place| *place != NOWHERE)
    }

    /// The terminals that stand in facilities of the ledger.
    pub fn standing_in(&self, places: &RoaringBitmap) -> RoaringBitmap {
        let Some(most) = places.max() else {
            return RoaringBitmap::new();
        };
        let mut wanted = vec![false; most as usize + 1];
        for place in places {
            wanted[place as usize] = true;
        }
        let is_wanted = |slot: usize| wanted.get(self.place[slot] as usize) == Some(&true);
        collect(self.place.len(), is_wanted)
    }

    // ---- presence

    pub fn set_online(&mut self, id: TerminalId, at: Time) -> bool {
        let Some(slot) = self.slots.get(&id).copied() else {
            return false;
        };
        let seen = &mut self.last_seen[slot as usize];
        *seen = (*seen).max(at);
        if !self.online.insert(slot) {
            return false;
        }
        self.online_since[slot as usize] = at;
        self.dirty.insert(id);
        true
    }

    pub fn set_offline(&mut self, id: TerminalId, at: Time) -> bool {
        let Some(slot) = self.slots.get(&id).copied() else {
            return false;
        };
        if !self.online.remove(slot) {
            return false;
        }
        let seen = &mut self.last_seen[slot as usize];
        *seen = (*seen).max(at);
        self.dirty.insert(id);
        true
    }

    pub fn touch_online(&mut self, at: Time) {
        for slot in &self.online {
            let seen = &mut self.last_seen[slot as usize];
            *seen = (*seen).max(at);
            self.dirty.insert(self.ids[slot as usize]);
        }
    }

    pub fn take_dirty_presence(&mut self) -> Vec<Presence> {
        let dirty = std::mem::take(&mut self.dirty);
        dirty.into_iter().filter_map(|id| self.presence(id)).collect()
    }

    pub fn mark_dirty_presence(&mut self, ids: impl IntoIterator<Item = TerminalId>) {
        let known = ids.into_iter().filter(|id| self.slots.contains_key(id));
        self.dirty.extend(known);
    }

    pub fn presence(&self, id: TerminalId) -> Option<Presence> {
        let slot = *self.slots.get(&id)?;
        Some(Presence {
            id,
            online_since: self.online_since(slot),
            last_seen: self.last_seen(slot),
        })
    }

    fn online_since(&self, slot: u32) -> Option<Time> {
        self.online.contains(slot).then(|| self.online_since[slot as usize])
    }

    fn last_seen(&self, slot: u32) -> Option<Time> {
        Some(self.last_seen[slot as usize]).filter(|seen| *seen != NEVER)
    }

    // ---- rows

    pub fn get(&self, id: TerminalId) -> Option<Row> {
        self.row(*self.slots.get(&id)?, None)
    }

    pub fn row_of(&self, id: TerminalId, columns: &[Field]) -> Option<Row> {
        self.row(*self.slots.get(&id)?, Some(columns))
    }

    pub fn hostname(&self, id: TerminalId) -> Option<&str> {
        self.hostname.text(*self.slots.get(&id)?)
    }

    pub fn flags(&self, slot: u32) -> Flags {
        Flags {
            revoked: self.revoked.contains(slot),
            duplicate: self.duplicate.contains(slot),
            incompatible: self.incompatible.contains(slot),
        }
    }

    /// Who has a fault so grave.
    pub fn with_severity(&self, severity: &str) -> RoaringBitmap {
        let so_grave = |rule: &String| self.severity_of.get(rule).is_some_and(|of| *of == severity);
        let faults = self.faults.iter().filter(|(rule, _)| so_grave(rule));
        faults.map(|(_, slots)| slots).union()
    }

    /// Of several terminals the one with the most is looked at first: how grave its gravest fault is, then how many it has.
    pub fn urgency(&self, slot: u32) -> (i64, u64) {
        let count = self.fault_count[slot as usize];
        if count == 0 {
            return (0, 0);
        }
        let open = self.faults.iter().filter(|(_, slots)| slots.contains(slot));
        let gravity = open.map(|(rule, _)| self.severity_of.get(rule).map_or(0, |severity| gravity_of(severity)));
        (gravity.max().unwrap_or(0), u64::from(count))
    }

    /// A terminal with all that is known of it, or only with these columns' facts.
    pub fn row(&self, slot: u32, columns: Option<&[Field]>) -> Option<Row> {
        let facts: BTreeMap<String, Value> = match columns {
            None => {
                let all = self.facts.iter();
                all.filter_map(|(fact, column)| Some((fact.key.to_owned(), column.get(slot)?)))
                    .collect()
            }
            Some(columns) => columns
                .iter()
                .filter_map(|field| Some((field.name().to_owned(), self.column(field.name())?.get(slot)?)))
                .collect(),
        };
        let open = || self.faults.iter().filter(|(_, slots)| slots.contains(slot));
        let grave = |severity: &&&str| open().any(|(rule, _)| self.severity_of.get(rule) == Some(severity));
        let facility = Attribute::ALL.into_iter().zip(&self.facility);
        let entry = Entry {
            id: *self.ids.get(slot as usize)?,
            hostname: self.hostname.text(slot).unwrap_or_default().to_owned(),
            institution: self.institution.text(slot).map(str::to_owned),
            flags: self.flags(slot),
            last_seen: self.last_seen(slot),
            facts,
            faults: open().map(|(rule, _)| rule.clone()).collect(),
            facility: facility
                .filter_map(|(attribute, column)| Some((attribute, column.get(slot)?)))
                .collect::<Facility>(),
            jobs: self.jobs.of(slot).to_vec(),
        };
        let told = UNIQUE_FACTS
            .iter()
            .filter_map(|key| Some((*key, self.column(key)?.get(slot)?)));
        let stay = self.stay(slot);
        let shared = told.filter(|(key, value)| self.others_have((Some(slot), stay), key, value));
        Some(Row {
            shared: shared.map(|(key, _)| key).collect(),
            entry,
            online_since: self.online_since(slot),
            severities: SEVERITIES.iter().filter(grave).copied().collect(),
        })
    }

    pub fn value(&self, id: TerminalId, key: &str) -> Option<Value> {
        self.column(key)?.get(*self.slots.get(&id)?)
    }

    pub fn shared(&self, entry: &Entry) -> Vec<&'static str> {
        let slot = self.slots.get(&entry.id).copied();
        let told = UNIQUE_FACTS
            .iter()
            .filter_map(|key| Some((*key, entry.facts.get(*key)?)));
        let stay = slot.map_or(Stay::of(None, entry.last_seen), |slot| self.stay(slot));
        let shared = told.filter(|(key, value)| self.others_have((slot, stay), key, value));
        shared.map(|(key, _)| key).collect()
    }

    fn stay(&self, slot: u32) -> Stay {
        Stay::of(self.online_since(slot), self.last_seen(slot))
    }

    /// Terminals that are not trusted any more do not count, nor those whose place another took.
    fn others_have(&self, (slot, stay): (Option<u32>, Stay), key: &str, value: &Value) -> bool {
        let Some(Column::Values(values)) = self.column(key) else {
            return false;
        };
        let counts = |other: u32| Some(other) != slot && !self.revoked.contains(other) && stay.meets(self.stay(other));
        !value.is_unknown() && values.any_has(value, counts)
    }

    pub fn sharing(&self, key: &str) -> Vec<TerminalId> {
        let Some(Column::Values(values)) = self.column(key) else {
            return Vec::new();
        };
        let here = values.several().map(|slots| slots - &self.revoked);
        let meeting = here.flat_map(|slots| {
            let stays = slots.iter().map(|slot| (self.stay(slot), slot));
            meeting(stays.collect())
        });
        meeting.map(|slot| self.ids[slot as usize]).collect()
    }

    /// An estimate of the bytes that the columns, the search text and the maps hold.
    pub fn bytes(&self) -> usize {
        let columns = self.facts.iter().map(|(_, column)| match column {
            Column::Values(values) => values.bytes(),
            Column::Sets(sets) => sets.bytes(),
            Column::Times(moments) | Column::Durations(moments) => moments.bytes(),
        });
        let faults = self.faults.values().map(RoaringBitmap::serialized_size);
        let per_slot = size_of::<TerminalId>() + 2 * size_of::<Time>() + size_of::<u16>() + size_of::<u32>();
        columns.sum::<usize>()
            + faults.sum::<usize>()
            + self.hostname.bytes()
            + self.institution.bytes()
            + self.facility.iter().map(Dictionary::bytes).sum::<usize>()
            + self.ledger.bytes()
            + self.finder.bytes()
            + self.jobs.bytes()
            + self.search.bytes()
            + self.ids.capacity() * per_slot
            + self.slots.capacity() * (size_of::<TerminalId>() + 8)
    }
}

/// One slot, seen without taking the terminal out of its columns.
struct At<'a>(&'a Fleet, u32);

impl Subject for At<'_> {
    fn id(&self) -> TerminalId {
        self.0.ids[self.1 as usize]
    }
    fn hostname(&self) -> &str {
        self.0.hostname.text(self.1).unwrap_or_default()
    }
    fn institution(&self) -> Option<&str> {
        self.0.institution.text(self.1)
    }
    fn online(&self) -> bool {
        self.0.online.contains(self.1)
    }
    fn last_seen(&self) -> Option<Time> {
        self.0.last_seen(self.1)
    }
    fn stands(&self, standing: Standing) -> bool {
        self.0.flags(self.1).stands(standing)
    }
    fn faults(&self) -> Vec<&str> {
        let open = self.0.faults.iter().filter(|(_, slots)| slots.contains(self.1));
        open.map(|(rule, _)| rule.as_str()).collect()
    }
    fn fact(&self, key: &str) -> Option<Cow<'_, Value>> {
        self.0.column(key)?.get(self.1).map(Cow::Owned)
    }
    fn severities(&self) -> Vec<&str> {
        let has = |severity: &&&str| self.0.with_severity(severity).contains(self.1);
        SEVERITIES.iter().filter(has).copied().collect()
    }
    fn facility(&self, attribute: Attribute) -> Option<Cow<'_, Value>> {
        self.0.attribute(attribute).get(self.1).map(Cow::Owned)
    }
    fn jobs(&self) -> Vec<(&str, &str)> {
        self.0
            .jobs
            .of(self.1)
            .iter()
            .map(|work| (work.remedy, work.state))
            .collect()
    }
}

/// Of another kind than the catalogue says is as good as missing.
fn sound(fact: &Fact, value: Option<Value>) -> Option<Value> {
    value.filter(|value| fact.kind.holds(value))
}
