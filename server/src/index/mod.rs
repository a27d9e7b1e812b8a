//! The fleet in memory: filters, counts, facets and search over every terminal, and who is online.
//!
//! The database is the truth for all but presence; the index is rebuilt from it at the start. Pure and synchronous: no
//! SQL, no runtime, no clock. Its answers equal those of `Expr::evaluate` asked of each terminal, but that a facility's code
//! of the past means the code it has today.

mod answer;
mod column;
mod cursor;
mod entry;
mod finder;
mod fleet;
mod jobs;
mod ledger;
#[cfg(test)]
mod naive;
mod search;
mod select;
mod stay;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kaishin_domain::expr::{Expr, Field};
use kaishin_domain::facility::Code10;
use kaishin_proto::id::TerminalId;
use kaishin_proto::time::Time;
use kaishin_proto::value::Value;

pub use answer::Hit;
pub use cursor::{BadCursor, Cursor};
pub use entry::{Counts, Entry, Facets, Facility, Flags, Page, Presence, Row, Sort, Work};

pub use finder::Rank;
use fleet::Fleet;
pub use ledger::Card;

/// One question: which terminals, in which order, and how their fields are distributed.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub expr: &'a Expr,
    pub sort: Sort,
    pub after: Option<&'a Cursor>,
    pub limit: usize,
    /// Which facts the rows are to have; none is all.
    pub columns: Option<&'a [Field]>,
    pub facets: &'a [Field],
    /// How many values of each facet.
    pub most: usize,
}

/// A handle: clones see the same fleet.
#[derive(Clone, Default)]
pub struct Index(Arc<RwLock<Fleet>>);

impl Index {
    pub fn new() -> Index {
        Index::default()
    }

    fn read(&self) -> RwLockReadGuard<'_, Fleet> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Fleet> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- what changes it

    /// Puts a terminal in or in the place of what was known of it. Presence stays; `last_seen` never goes back.
    pub fn upsert(&self, entry: Entry) {
        self.write().upsert(entry);
    }

    /// Many at once, as at the start; the lock is given up in between.
    pub fn upsert_all(&self, entries: impl IntoIterator<Item = Entry>) {
        for entry in entries {
            self.write().upsert(entry);
        }
    }

    /// Makes the sorted orders before the first list waits for them.
    pub fn prepare(&self) {
        self.read().prepare();
    }

    /// The facts of one section, whole: what is not named is no longer known. False for an unknown terminal.
    pub fn set_section(&self, id: TerminalId, section: &str, facts: &[(String, Value)]) -> bool {
        self.write().set_section(id, section, facts)
    }

    /// The rules of all its open faults.
    pub fn set_faults(&self, id: TerminalId, rules: &[String]) -> bool {
        self.write().set_faults(id, rules)
    }

    /// Facilities are new in the ledger, or others than before: so are the terminals that stand in them.
    pub fn put_facilities<'a>(&self, facilities: impl IntoIterator<Item = &'a kaishin_domain::facility::Facility>) {
        for facility in facilities {
            self.write().put_ledger(facility);
        }
    }

    /// The codes that a facility had before: it is found by them from the next time that it is put in.
    pub fn set_earlier_codes(&self, facility: Code10, codes: &[Code10]) {
        self.write().ledger.set_earlier(facility, codes);
    }

    pub fn remove_facility(&self, code: Code10) {
        self.write().remove_ledger(code);
    }

    /// A job of it is new, or in another state.
    pub fn set_job(&self, id: TerminalId, work: Work) -> bool {
        self.write().set_job(id, work)
    }

    /// How grave the faults of each rule are.
    pub fn set_severities(&self, of: impl IntoIterator<Item = (String, &'static str)>) {
        self.write().set_severities(of);
    }

    pub fn set_flags(&self, id: TerminalId, flags: Flags) -> bool {
        self.write().set_flags(id, flags)
    }

    pub fn set_hostname(&self, id: TerminalId, hostname: &str) -> bool {
        self.write().set_hostname(id, hostname)
    }

    pub fn set_institution(&self, id: TerminalId, institution: Option<&str>) -> bool {
        self.write().set_institution(id, institution)
    }

    pub fn remove(&self, id: TerminalId) -> bool {
        self.write().remove(id)
    }

    // ---- presence

    /// True if it was not online before. An unknown terminal is not.
    pub fn set_online(&self, id: TerminalId, at: Time) -> bool {
        self.write().set_online(id, at)
    }

    /// True if it was online before.
    pub fn set_offline(&self, id: TerminalId, at: Time) -> bool {
        self.write().set_offline(id, at)
    }

    /// Everyone who is online was seen now and is to be written: before a stop, and now and then against a crash.
    pub fn touch_online(&self, at: Time) {
        self.write().touch_online(at);
    }

    /// Who came or went since the last call.
    pub fn take_dirty_presence(&self) -> Vec<Presence> {
        self.write().take_dirty_presence()
    }

    /// Gives back what could not be written.
    pub fn mark_dirty_presence(&self, ids: impl IntoIterator<Item = TerminalId>) {
        self.write().mark_dirty_presence(ids);
    }

    pub fn presence(&self, id: TerminalId) -> Option<Presence> {
        self.read().presence(id)
    }

    pub fn is_online(&self, id: TerminalId) -> bool {
        self.presence(id)
            .is_some_and(|presence| presence.online_since.is_some())
    }

    // ---- questions

    pub fn get(&self, id: TerminalId) -> Option<Row> {
        self.read().get(id)
    }

    pub fn hostname(&self, id: TerminalId) -> Option<String> {
        self.read().hostname(id).map(str::to_owned)
    }

    /// The best `most` facilities and terminals for what somebody types, best first.
    pub fn find(&self, text: &str, most: usize) -> Vec<Hit> {
        self.read().find(text, most)
    }

    /// The values of a field that begin with a folded text, or contain it, with how many terminals have each.
    pub fn values(&self, field: Field, typed: &str, most: usize) -> Vec<(String, u64)> {
        self.read().values(field, typed, most)
    }

    pub fn query(&self, expr: &Expr, sort: Sort, after: Option<&Cursor>, limit: usize, now: Time) -> Page {
        self.read().query(expr, sort, after, limit, now)
    }

    pub fn count(&self, expr: &Expr, now: Time) -> u64 {
        self.read().count(expr, now)
    }

    /// All that match, in the order of their ids.
    pub fn ids(&self, expr: &Expr, now: Time) -> Vec<TerminalId> {
        self.read().ids(expr, now)
    }

    /// All that match, as a list shows them.
    pub fn in_order(&self, expr: &Expr, sort: Sort, now: Time) -> Vec<TerminalId> {
        self.read().in_order(expr, sort, now)
    }

    /// Those of them that are still there.
    pub fn rows(&self, ids: &[TerminalId], columns: &[Field]) -> Vec<Row> {
        let fleet = self.read();
        ids.iter().filter_map(|id| fleet.row_of(*id, columns)).collect()
    }

    /// The `most` frequent values of a field among those that match.
    pub fn facets(&self, expr: &Expr, field: Field, most: usize, now: Time) -> Facets {
        let fleet = self.read();
        fleet.facets(&fleet.select(expr, true, now), field, most)
    }

    /// A page and facets of one moment, for the price of one selection.
    pub fn explore(&self, asked: &Asked<'_>, now: Time) -> (Page, Vec<Facets>) {
        let fleet = self.read();
        let selection = fleet.select(asked.expr, true, now);
        let facets = asked.facets.iter();
        let facets = facets
            .map(|field| fleet.facets(&selection, *field, asked.most))
            .collect();
        let page = fleet.page(&selection, asked.sort, asked.after, asked.limit, asked.columns);
        (page, facets)
    }

    /// What one fact of a terminal is.
    pub fn value(&self, id: TerminalId, key: &str) -> Option<Value> {
        self.read().value(id, key)
    }

    /// Of the facts that no two terminals may share, those of which another has this terminal's value.
    pub fn shared(&self, entry: &Entry) -> Vec<&'static str> {
        self.read().shared(entry)
    }

    /// The terminals that share a fact which no two may share.
    pub fn sharing(&self, key: &str) -> Vec<TerminalId> {
        self.read().sharing(key)
    }

    pub fn counts(&self) -> Counts {
        self.read().counts()
    }

    /// An estimate of the memory it takes.
    pub fn bytes(&self) -> usize {
        self.read().bytes()
    }
}

#[cfg(test)]
mod tests;
