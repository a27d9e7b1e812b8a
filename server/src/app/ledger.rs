//! The ledger in memory: every facility's filterable attributes and search text, the codes that lead to it, and which
//! terminals stand in it. Filled from the database at the start and after every write; the database is the truth.

mod answer;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kaishin_domain::facility::{
    Attachment, Code10, EarlierCode, Hours, Kept, Kind, Line, Prefecture, Standing, Topology, UpdateChoice,
};
use kaishin_domain::id::TerminalId;

pub use answer::{Asked, Found, Narrow, Order, State, YesNo};

use super::{App, Change, Wake};
use crate::store::StoreError;

/// How many rows are read at once when the ledger is filled.
const PAGE: u32 = 5_000;

/// What of a facility is asked of all of them at once. The rest is read when one is looked at.
#[derive(Debug, PartialEq, Eq)]
pub struct Listed {
    pub code: Code10,
    pub name: Box<str>,
    pub kana: Option<Box<str>>,
    pub kind: Option<Kind>,
    pub prefecture: Option<Prefecture>,
    pub address: Option<Box<str>>,
    pub carrier: Option<Arc<str>>,
    pub line: Option<Line>,
    pub provider: Option<Arc<str>>,
    pub topology: Option<Topology>,
    pub reader: Option<Arc<str>>,
    pub hours: Option<Arc<Hours>>,
    pub update_choice: Option<UpdateChoice>,
    pub shared_receipt: Option<bool>,
    /// What it is found by, as keys, a line each.
    pub search: Box<str>,
}

#[derive(Default)]
struct Inner {
    listed: BTreeMap<Code10, Arc<Listed>>,
    /// Codes of the past, and where they lead today.
    earlier: HashMap<Code10, EarlierCode>,
    /// The same the other way round.
    earlier_of: HashMap<Code10, BTreeSet<Code10>>,
    said: HashMap<TerminalId, Attachment>,
    /// By the code in force as it was said, which may be an old one or in no ledger.
    standing_in: HashMap<Code10, BTreeSet<TerminalId>>,
    texts: HashSet<Arc<str>>,
    hours: HashMap<String, Arc<Hours>>,
}

/// A handle: clones see the same ledger.
#[derive(Clone, Default)]
pub struct Ledger(Arc<RwLock<Inner>>);

impl Inner {
    fn interned(&mut self, text: Option<&String>) -> Option<Arc<str>> {
        let text = text?.as_str();
        if let Some(known) = self.texts.get(text) {
            return Some(known.clone());
        }
        let new: Arc<str> = text.into();
        self.texts.insert(new.clone());
        Some(new)
    }

    fn put(&mut self, kept: &Kept) {
        let of = &kept.facility;
        let hours = of.hours.as_ref().map(|hours| {
            let shared = self.hours.entry(hours.to_string());
            shared.or_insert_with(|| Arc::new(hours.clone())).clone()
        });
        let listed = Listed {
            code: of.code,
            name: of.name.as_str().into(),
            kana: of.kana.as_deref().map(Into::into),
            kind: of.kind,
            prefecture: of.prefecture,
            address: of.address.as_deref().map(Into::into),
            carrier: self.interned(of.carrier.as_ref()),
            line: of.line,
            provider: self.interned(of.provider.as_ref()),
            topology: of.topology,
            reader: self.interned(of.reader.as_ref()),
            hours,
            update_choice: of.update_choice,
            shared_receipt: of.shared_receipt,
            search: of.search_lines(&self.earlier_of(of.code)).join("\n").into(),
        };
        self.listed.insert(of.code, Arc::new(listed));
    }

    /// Where a code leads today; None where no ledger knows it.
    fn current(&self, code: Code10) -> Option<Code10> {
        if self.listed.contains_key(&code) {
            return Some(code);
        }
        let leads_to = self.earlier.get(&code)?.facility;
        self.listed.contains_key(&leads_to).then_some(leads_to)
    }

    fn say(&mut self, terminal: TerminalId, said: Attachment) {
        let before = self.said.get(&terminal).and_then(Attachment::code);
        let now = said.code();
        if let Some(code) = before.filter(|_| before != now)
            && let Some(standing) = self.standing_in.get_mut(&code)
        {
            standing.remove(&terminal);
            if standing.is_empty() {
                self.standing_in.remove(&code);
            }
        }
        if let Some(code) = now {
            self.standing_in.entry(code).or_default().insert(terminal);
        }
        if said.is_empty() {
            self.said.remove(&terminal);
        } else {
            self.said.insert(terminal, said);
        }
    }

    fn earlier_of(&self, facility: Code10) -> Vec<Code10> {
        self.earlier_of.get(&facility).into_iter().flatten().copied().collect()
    }

    fn codes_of(&self, facility: Code10) -> Vec<Code10> {
        let mut codes = vec![facility];
        codes.extend(self.earlier_of(facility));
        codes
    }

    fn put_earlier(&mut self, earlier: EarlierCode) {
        self.forget_earlier(earlier.code);
        self.earlier_of
            .entry(earlier.facility)
            .or_default()
            .insert(earlier.code);
        self.earlier.insert(earlier.code, earlier);
    }

    fn forget_earlier(&mut self, code: Code10) -> Option<EarlierCode> {
        let old = self.earlier.remove(&code)?;
        if let Some(codes) = self.earlier_of.get_mut(&old.facility) {
            codes.remove(&code);
            if codes.is_empty() {
                self.earlier_of.remove(&old.facility);
            }
        }
        Some(old)
    }
}

impl Ledger {
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn put_all<'a>(&self, kept: impl IntoIterator<Item = &'a Kept>) {
        let mut inner = self.write();
        for one in kept {
            inner.put(one);
        }
    }

    pub fn remove(&self, code: Code10) {
        self.write().listed.remove(&code);
    }

    /// A facility is found by its codes of the past from the next time that it is put in.
    pub fn put_earlier(&self, earlier: EarlierCode) {
        self.write().put_earlier(earlier);
    }

    pub fn forget_earlier(&self, code: Code10) {
        self.write().forget_earlier(code);
    }

    /// Codes that led to one facility lead to another.
    pub fn move_earlier(&self, from: Code10, to: Code10) {
        let mut inner = self.write();
        for code in inner.earlier_of(from) {
            if let Some(old) = inner.forget_earlier(code) {
                inner.put_earlier(EarlierCode { facility: to, ..old });
            }
        }
    }

    pub fn say(&self, terminal: TerminalId, said: Attachment) {
        self.write().say(terminal, said);
    }

    pub fn len(&self) -> usize {
        self.read().listed.len()
    }

    pub fn is_empty(&self) -> bool {
        self.read().listed.is_empty()
    }

    /// Where a code leads today, old codes included.
    pub fn current(&self, code: Code10) -> Option<Code10> {
        self.read().current(code)
    }

    /// By its code of today.
    pub fn get(&self, code: Code10) -> Option<Arc<Listed>> {
        self.read().listed.get(&code).cloned()
    }

    /// All of them, in order of code: pointers only.
    pub fn all(&self) -> Vec<Arc<Listed>> {
        self.read().listed.values().cloned().collect()
    }

    pub fn earlier_codes(&self, facility: Code10) -> Vec<EarlierCode> {
        let inner = self.read();
        let codes = inner.earlier_of(facility);
        let mut codes: Vec<EarlierCode> = codes
            .iter()
            .filter_map(|code| inner.earlier.get(code))
            .cloned()
            .collect();
        codes.sort_by_key(|old| (old.used_until, old.code));
        codes
    }

    /// What was said of where a terminal stands.
    pub fn said(&self, terminal: TerminalId) -> Attachment {
        self.read().said.get(&terminal).cloned().unwrap_or_default()
    }

    /// How a terminal stands to the ledger.
    pub fn standing(&self, terminal: TerminalId) -> Standing {
        let inner = self.read();
        let said = inner.said.get(&terminal);
        said.map_or(Standing::None, |said| said.standing(|code| inner.current(code)))
    }

    /// The facility that a terminal stands in; None where there is none in the ledger.
    pub fn of_terminal(&self, terminal: TerminalId) -> Option<Arc<Listed>> {
        let inner = self.read();
        let code = inner.said.get(&terminal)?.code()?;
        inner.listed.get(&inner.current(code)?).cloned()
    }

    /// The terminals in a facility, by whichever of its codes they were attached.
    pub fn terminals(&self, facility: Code10) -> Vec<TerminalId> {
        let inner = self.read();
        let codes = inner.codes_of(facility);
        let mut found: Vec<TerminalId> = codes
            .iter()
            .filter_map(|code| inner.standing_in.get(code))
            .flatten()
            .copied()
            .collect();
        found.sort_unstable();
        found
    }

    /// Terminals that stand elsewhere although somebody says that they stand here.
    pub fn claimed(&self, facility: Code10) -> Vec<TerminalId> {
        let inner = self.read();
        let mut found: Vec<TerminalId> = inner
            .said
            .iter()
            .filter(|(_, said)| {
                let settled = |code: Code10| inner.current(code).unwrap_or(code);
                said.code().map(settled) != Some(facility)
                    && said
                        .claims()
                        .iter()
                        .any(|(_, code)| code.map(settled) == Some(facility))
            })
            .map(|(terminal, _)| *terminal)
            .collect();
        found.sort_unstable();
        found
    }

    /// How many terminals each standing has.
    pub fn standings(&self) -> BTreeMap<Standing, u64> {
        let inner = self.read();
        let mut counts = BTreeMap::new();
        for said in inner.said.values() {
            *counts.entry(said.standing(|code| inner.current(code))).or_default() += 1;
        }
        counts
    }
}

/// Facilities have been written: memory follows, here and in the index.
pub(super) fn put<'a>(app: &App, kept: impl IntoIterator<Item = &'a Kept> + Clone) {
    app.ledger.put_all(kept.clone());
    for one in kept.clone() {
        let code = one.facility.code;
        let earlier = app.ledger.read().earlier_of(code);
        if !earlier.is_empty() {
            app.index.set_earlier_codes(code, &earlier);
        }
    }
    app.index.put_facilities(kept.into_iter().map(|one| &one.facility));
    app.bus.wake(Wake::Sites);
}

pub(super) fn remove(app: &App, code: Code10) {
    app.ledger.remove(code);
    app.index.remove_facility(code);
    app.bus.wake(Wake::Sites);
}

/// The code under which a facility is known today; a code that no ledger knows stays as it is.
pub(super) fn today(app: &App, code: &str) -> String {
    let current = code.parse().ok().and_then(|code| app.ledger.current(code));
    current.map_or_else(|| code.to_owned(), |code| code.to_string())
}

/// Fills the ledger from the database.
pub async fn rebuild(app: &App) -> Result<u64, StoreError> {
    for earlier in app.store.earlier_codes().await? {
        app.ledger.put_earlier(earlier);
    }
    let mut after = None;
    loop {
        let page = app.store.facilities_after(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.facility.code);
        put(app, &page);
    }
    let mut after = None;
    loop {
        let page = app.store.attachments_after(after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        for (terminal, said) in page {
            app.ledger.say(terminal, said);
        }
    }
    Ok(app.ledger.len() as u64)
}

/// What was said of a terminal has been written: memory and pages follow.
pub(super) fn said(app: &App, terminal: TerminalId, said: Attachment) {
    let before = app.ledger.of_terminal(terminal);
    let code = said.code().map(|code| today(app, &code.to_string()));
    app.ledger.say(terminal, said);
    app.index.set_institution(terminal, code.as_deref());
    let after = app.ledger.of_terminal(terminal);
    for facility in before.iter().chain(after.iter().filter(|_| before != after)) {
        app.bus.changed(Change::Facility(facility.code));
    }
    if before != after {
        app.bus.wake(Wake::Site(terminal));
    }
    app.bus.changed(Change::Terminal(terminal));
}
