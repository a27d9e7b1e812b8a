//! Importing a ledger: read it, say what each row would do, and write all of it at once; and taking an import back.
//!
//! An import lives in memory while it is read, looked at and written, so that its progress can be watched; what it did
//! is a record in the database, written in the same transaction as the facilities.

mod plan;
mod undo;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::facility::Code10;
use kaishin_domain::facility::sheet::Remark;
use kaishin_domain::id::ImportId;
use kaishin_domain::time::{Span, Time};
use serde_json::{Value as Json, json};

pub use crate::store::{ImportCounts, ImportRecord};
pub use plan::{Plan, Told, Write};
pub use undo::{TakenBack, undo};

use crate::app::{App, AppError, Change, Cx, Kind, ledger};
use crate::store::{ImportRow, StoreError};

/// Imports that are being read, looked at or written; a few, since each holds its whole file.
const MOST_AT_ONCE: usize = 4;
/// One that nobody carries on with is forgotten.
const FORGOTTEN_AFTER: Span = Span::minutes(30);
/// Remarks beyond this are counted but not kept with the import's record.
const MOST_REMARKS: u32 = 20_000;

#[derive(Clone, Debug, Default)]
pub struct Upload {
    pub file_name: String,
    pub bytes: Vec<u8>,
    /// An empty cell makes what was known unknown.
    pub clear: bool,
    /// One refused row refuses the file.
    pub strict: bool,
}

/// All imports of this process that are under way or were lately.
#[derive(Clone, Default)]
pub struct Imports(Arc<Mutex<BTreeMap<ImportId, Arc<Import>>>>, Heard);

/// The imports, written or taken back, that this process's memory follows.
type Heard = Arc<Mutex<Option<BTreeSet<(ImportId, bool)>>>>;

pub struct Import {
    pub id: ImportId,
    pub by: String,
    pub begun: Time,
    pub file_name: String,
    pub strict: bool,
    done: Arc<AtomicU64>,
    state: Mutex<State>,
}

#[derive(Clone, Debug)]
pub enum State {
    Reading,
    /// Read and judged: nothing is written yet.
    Ready(Arc<Plan>),
    Writing(Arc<Plan>),
    /// Written, if there was anything to write.
    Done(Arc<Plan>),
    Failed(Arc<AppError>),
}

impl State {
    pub fn name(&self) -> &'static str {
        match self {
            State::Reading => "reading",
            State::Ready(_) => "ready",
            State::Writing(_) => "writing",
            State::Done(_) => "done",
            State::Failed(_) => "failed",
        }
    }

    pub fn plan(&self) -> Option<&Arc<Plan>> {
        match self {
            State::Ready(plan) | State::Writing(plan) | State::Done(plan) => Some(plan),
            State::Reading | State::Failed(_) => None,
        }
    }
}

impl Import {
    pub fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Rows that are through, in what is being done now.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn becomes(&self, app: &App, state: State) {
        self.done.store(0, Ordering::Relaxed);
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        app.bus.changed(Change::Import(self.id));
    }

    /// From ready to writing, once: two who press the button at once write it once.
    fn take(&self, app: &App) -> Option<Arc<Plan>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State::Ready(plan) = &*state else { return None };
        let plan = plan.clone();
        self.done.store(0, Ordering::Relaxed);
        *state = State::Writing(plan.clone());
        drop(state);
        app.bus.changed(Change::Import(self.id));
        Some(plan)
    }
}

impl Imports {
    /// Another process need not tell us of this one.
    fn hear(&self, id: ImportId, undone: bool) {
        let mut heard = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = heard.as_mut() {
            known.insert((id, undone));
        }
    }

    /// Of what was written, what this process did not do. The first time all of it counts as known.
    fn unheard(&self, records: &[ImportRecord]) -> Vec<ImportId> {
        let mut heard = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        let all = records.iter().map(|record| (record.id, record.undone.is_some()));
        match heard.as_mut() {
            None => {
                *heard = Some(all.collect());
                Vec::new()
            }
            Some(known) => all.filter(|one| known.insert(*one)).map(|(id, _)| id).collect(),
        }
    }

    fn get(&self, id: ImportId) -> Option<Arc<Import>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn add(&self, import: Arc<Import>, now: Time) -> Result<(), AppError> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let busy = |one: &Import| matches!(one.state(), State::Reading | State::Writing(_));
        all.retain(|_, one| busy(one) || now.since(one.begun) < FORGOTTEN_AFTER);
        while all.len() >= MOST_AT_ONCE {
            let Some(oldest) = all.iter().find(|(_, one)| !busy(one)).map(|(id, _)| *id) else {
                return Err(AppError::new(
                    Kind::TooMany,
                    "E-LEDGER-25",
                    "ほかの台帳の取り込みが続いています。終わってからもう一度お試しください。",
                    "Other ledgers are being imported. Try again when they are done.",
                ));
            };
            all.remove(&oldest);
        }
        all.insert(import.id, import);
        Ok(())
    }
}

/// An import as one looks at it: under way, or long done.
pub enum Seen {
    Live(Arc<Import>),
    Kept(Box<ImportRecord>, Vec<Remark>),
}

/// For whoever is about to take a large file in: first whether its sender may import at all.
pub fn may(cx: &Cx) -> Result<(), AppError> {
    cx.require(Permission::ImportLedger, Scope::Fleet)
}

/// Begins to read a file; what comes of it is seen with `seen`.
pub fn begin(cx: &Cx, upload: Upload) -> Result<Arc<Import>, AppError> {
    cx.require(Permission::ImportLedger, Scope::Fleet)?;
    let (app, now) = (cx.app.clone(), cx.now());
    let import = Arc::new(Import {
        id: ImportId::new(now, app.entropy.bytes()),
        by: cx.actor.name.clone(),
        begun: now,
        file_name: upload.file_name.chars().filter(|c| !c.is_control()).take(200).collect(),
        strict: upload.strict,
        done: Arc::default(),
        state: Mutex::new(State::Reading),
    });
    app.imports.add(import.clone(), now)?;
    let reading = import.clone();
    tokio::spawn(async move {
        let told = plan::read(&app, upload, &reading.done).await;
        let state = match told {
            Ok(plan) => State::Ready(Arc::new(plan)),
            Err(error) => State::Failed(Arc::new(error)),
        };
        reading.becomes(&app, state);
    });
    Ok(import)
}

/// Waits until the file is read, or until it is written if that was asked for.
pub async fn settled(cx: &Cx, import: &Import) -> Result<Arc<Plan>, AppError> {
    let mut changes = cx.app.changes();
    loop {
        match import.state() {
            State::Ready(plan) | State::Done(plan) => return Ok(plan),
            State::Failed(error) => return Err(again(&error)),
            State::Reading | State::Writing(_) => {}
        }
        // Lagging is a wake-up too.
        let _ = changes.recv().await;
    }
}

/// The same error for another who asks.
fn again(error: &AppError) -> AppError {
    let words = error.words.clone();
    AppError::new(error.kind, error.code, words.ja, words.en).with(error.detail.clone())
}

/// Writes what was read: all of it or nothing, but for what others changed since it was read.
pub fn carry_out(cx: &Cx, id: ImportId) -> Result<Arc<Import>, AppError> {
    cx.require(Permission::ImportLedger, Scope::Fleet)?;
    let app = cx.app.clone();
    let import = app.imports.get(id).ok_or_else(no_such_import)?;
    if let State::Ready(plan) = import.state()
        && import.strict
        && plan.counts.refused > 0
    {
        return Err(AppError::invalid(
            "E-LEDGER-24",
            format!(
                "取り込めない行が{}行あるため、何も書き込みませんでした。台帳を直してください。",
                plan.counts.refused
            ),
            format!(
                "{} rows were refused, so nothing was written. Mend the ledger.",
                plan.counts.refused
            ),
        )
        .with(json!({ "counts": plan.counts })));
    }
    let plan = import.take(&app).ok_or_else(|| {
        AppError::conflict(
            "E-LEDGER-26",
            "この取り込みはすでに書き込み中か、終わっています。",
            "This import is being written already, or done.",
        )
    })?;
    let (writing, cx) = (import.clone(), cx.clone());
    tokio::spawn(async move {
        let written = write(&cx, &writing, plan).await;
        let state = match written {
            Ok(plan) => State::Done(plan),
            Err(error) => State::Failed(Arc::new(error)),
        };
        writing.becomes(&app, state);
    });
    Ok(import)
}

/// In parts, so that nothing waits long for the rest; but all of it is one transaction.
const PART: usize = 500;

/// So often what others change at the same moment is left out before the import gives up.
const TRIES: u32 = 5;

/// What was written: the rows of facilities that somebody changed since the preview are left out and told, so that one
/// edit at a busy desk does not undo the work on all the others.
async fn write(cx: &Cx, import: &Import, mut plan: Arc<Plan>) -> Result<Arc<Plan>, AppError> {
    let mut overtaken = plan::moved(&cx.app, &plan);
    for _ in 0..TRIES {
        if !overtaken.is_empty() {
            if import.strict {
                return Err(changed_since(&plan, &overtaken));
            }
            plan = Arc::new(plan.without(&overtaken));
        }
        import.done.store(0, Ordering::Relaxed);
        match write_all(cx, import, &plan).await {
            Ok(()) => return Ok(plan),
            Err(error) if error.code == LOST => overtaken = plan::overtaken(&cx.app, &plan).await?,
            Err(error) => return Err(error),
        }
    }
    Err(changed_since(&plan, &overtaken))
}

/// As the store tells that a facility is no longer as it was read.
const LOST: &str = "E-STORE-01";

fn changed_since(plan: &Plan, overtaken: &HashSet<Code10>) -> AppError {
    let of = plan.writes.iter().map(|write| &write.after.facility);
    let named: Vec<&str> = of
        .filter(|facility| overtaken.contains(&facility.code))
        .take(3)
        .map(|facility| facility.name.as_str())
        .collect();
    AppError::conflict(
        "E-LEDGER-37",
        format!(
            "確認のあとに、ほかの人が医療機関等を変更したため（{}）、何も書き込みませんでした。ファイルを選び直して、もう一度確かめてください。",
            named.join("、")
        ),
        format!(
            "Facilities were changed after the preview ({}), so nothing was written. Choose the file again and look at what it would change now.",
            named.join(", ")
        ),
    )
}

async fn write_all(cx: &Cx, import: &Import, plan: &Arc<Plan>) -> Result<(), AppError> {
    if plan.writes.is_empty() {
        return Ok(());
    }
    let record = record(cx, import, plan);
    let (id, rows, done) = (import.id, plan.clone(), import.done.clone());
    cx.app.imports.hear(id, false);
    let event = cx.event(
        "ledger.import",
        format!("import:{id}"),
        "",
        Json::Null,
        summary(&record),
    );
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.insert_import(&record).await?;
                for part in rows.writes.chunks(PART) {
                    let after: Vec<_> = part.iter().map(|write| write.after.clone()).collect();
                    tx.put_facilities(&after).await?;
                    let before: Vec<_> = part.iter().map(Write::row).collect();
                    tx.insert_import_rows(id, &before).await?;
                    done.fetch_add(part.len() as u64, Ordering::Relaxed);
                }
                let kept = rows.remarks.len().min(MOST_REMARKS as usize);
                tx.insert_import_remarks(id, &rows.remarks[..kept]).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    for part in plan.writes.chunks(PART) {
        ledger::put(&cx.app, part.iter().map(|write| &write.after));
        tokio::task::yield_now().await;
    }
    cx.app.bus.changed(Change::Facilities);
    cx.app.bus.changed(Change::Audit);
    Ok(())
}

fn record(cx: &Cx, import: &Import, plan: &Plan) -> ImportRecord {
    ImportRecord {
        id: import.id,
        at: cx.now(),
        actor: cx.actor.name.clone(),
        file_name: import.file_name.clone(),
        file_hash: plan.hash.clone(),
        encoding: plan.format.name().to_owned(),
        counts: plan.counts,
        undone: None,
    }
}

fn summary(record: &ImportRecord) -> Json {
    json!({ "file": record.file_name, "sha256": record.file_hash, "encoding": record.encoding, "counts": record.counts })
}

impl Write {
    fn row(&self) -> ImportRow {
        ImportRow {
            code: self.after.facility.code,
            line: self.line,
            revision: self.after.revision,
            before: self.before.clone(),
        }
    }
}

/// An import under way, or what is kept of one that is done.
pub async fn seen(cx: &Cx, id: ImportId) -> Result<Seen, AppError> {
    cx.require(Permission::ImportLedger, Scope::Fleet)?;
    if let Some(import) = cx.app.imports.get(id) {
        return Ok(Seen::Live(import));
    }
    let record = cx.app.store.import(id).await?.ok_or_else(no_such_import)?;
    let remarks = cx.app.store.import_remarks(id, 0, MOST_REMARKS).await?;
    Ok(Seen::Kept(Box::new(record), remarks))
}

/// What is kept of an import, taken back or not.
pub async fn kept(cx: &Cx, id: ImportId) -> Result<Option<ImportRecord>, AppError> {
    cx.require(Permission::ImportLedger, Scope::Fleet)?;
    Ok(cx.app.store.import(id).await?)
}

/// Newest first.
pub async fn recent(cx: &Cx) -> Result<Vec<ImportRecord>, AppError> {
    cx.require(Permission::ImportLedger, Scope::Fleet)?;
    Ok(cx.app.store.imports(50).await?)
}

/// How many facilities are read again at once.
const AGAIN: u32 = 1_000;

/// Another process may have imported (the command line beside a running server): memory follows.
pub async fn notice(app: &App) -> Result<usize, StoreError> {
    let unheard = app.imports.unheard(&app.store.imports(50).await?);
    for id in &unheard {
        let mut after = None;
        loop {
            let rows = app.store.import_rows_after(*id, after, AGAIN).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.code);
            let codes: Vec<_> = rows.iter().map(|row| row.code).collect();
            let kept = app.store.facilities(&codes).await?;
            ledger::put(app, &kept);
            let there: BTreeSet<_> = kept.iter().map(|one| one.facility.code).collect();
            for gone in codes.into_iter().filter(|code| !there.contains(code)) {
                ledger::remove(app, gone);
            }
            tokio::task::yield_now().await;
        }
        app.bus.changed(Change::Facilities);
    }
    Ok(unheard.len())
}

fn no_such_import() -> AppError {
    AppError::not_found(
        "E-LEDGER-27",
        "この取り込みは見つかりません。一覧から選び直すか、もう一度ファイルを選んでください。",
        "There is no such import. Choose one from the list, or choose the file again.",
    )
}
