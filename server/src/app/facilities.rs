//! Facilities as people see and change them: the list, one of them, its codes, and which terminals stand in it. Ledgers
//! come in through `imports` and go out through `export`.

mod attach;
mod export;
pub mod imports;
mod sheet_file;

use std::collections::BTreeSet;
use std::sync::Arc;

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::audit::Entry;
use kaishin_domain::facility::{Attachment, Code10, EarlierCode, Facility, Field, Kept, Standing};
use kaishin_domain::id::TerminalId;
use kaishin_domain::time::Time;
use serde_json::{Map, Value as Json, json};

pub use attach::{Where, attach, reported};
pub use export::{CsvEncoding, CsvFile};

use super::error::AppError;
use super::ledger::{Asked, Listed, Order};
use super::{Change, Cx, ledger, terminals};
use crate::index;
use crate::store::ImportRecord;

/// So many rows may stand on one page of the list.
pub const MOST_ROWS: usize = 500;

/// One page of the list.
#[derive(Clone, Debug)]
pub struct Page {
    pub items: Vec<Item>,
    pub total: u64,
    /// The next page begins after this one.
    pub next: Option<Code10>,
}

#[derive(Clone, Debug)]
pub struct Item {
    pub kept: Kept,
    pub terminals: u64,
    pub online: u64,
    /// Open faults of its terminals.
    pub faults: u64,
    pub conflict: bool,
}

pub async fn list(cx: &Cx, asked: &Asked<'_>, after: Option<Code10>, limit: usize) -> Result<Page, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let found = cx.app.ledger.find(asked).facilities;
    let total = found.len();
    let from = match after {
        None => 0,
        Some(code) => match found.iter().position(|one| one.code == code) {
            Some(at) => at + 1,
            // It is gone since: in the usual order its place is known all the same.
            None if asked.order == Order::Code && !asked.descending => found.partition_point(|one| one.code < code),
            None => return Err(list_changed()),
        },
    };
    let codes: Vec<Code10> = found.iter().skip(from).take(limit).map(|one| one.code).collect();
    let next = codes.last().copied().filter(|_| from + codes.len() < total);
    Ok(Page {
        items: items(cx, &codes).await?,
        total: total as u64,
        next,
    })
}

/// In the order of the codes; one that was deleted in between is left out.
async fn items(cx: &Cx, codes: &[Code10]) -> Result<Vec<Item>, AppError> {
    let mut kept = cx.app.store.facilities(codes).await?;
    let place = |code: Code10| codes.iter().position(|one| *one == code);
    kept.sort_by_key(|one| place(one.facility.code));
    Ok(kept.into_iter().map(|kept| item(cx, kept)).collect())
}

fn item(cx: &Cx, kept: Kept) -> Item {
    let terminals = cx.app.ledger.terminals(kept.facility.code);
    let mut item = Item {
        kept,
        terminals: terminals.len() as u64,
        online: 0,
        faults: 0,
        conflict: false,
    };
    for id in terminals {
        item.conflict |= cx.app.ledger.standing(id) == Standing::Conflict;
        if let Some(row) = cx.app.index.get(id) {
            item.online += u64::from(row.online());
            item.faults += row.entry.faults.len() as u64;
        }
    }
    item
}

/// The same for somebody who wants to change it.
pub fn to_edit(cx: &Cx, text: &str) -> Result<Code10, AppError> {
    cx.require(Permission::EditFacilities, Scope::Fleet)?;
    current(cx, text)
}

/// Everything that the question finds, whole: for files.
async fn all(cx: &Cx, asked: &Asked<'_>) -> Result<Vec<Facility>, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let codes: Vec<Code10> = cx
        .app
        .ledger
        .find(asked)
        .facilities
        .iter()
        .map(|one| one.code)
        .collect();
    let mut facilities = Vec::with_capacity(codes.len());
    for part in codes.chunks(2_000) {
        let mut kept = cx.app.store.facilities(part).await?;
        let places: std::collections::HashMap<Code10, usize> =
            part.iter().enumerate().map(|(at, code)| (*code, at)).collect();
        kept.sort_by_key(|one| places.get(&one.facility.code).copied());
        facilities.extend(kept.into_iter().map(|one| one.facility));
    }
    Ok(facilities)
}

pub async fn csv(cx: &Cx, asked: &Asked<'_>, fields: &[Field], encoding: CsvEncoding) -> Result<CsvFile, AppError> {
    Ok(export::csv(&all(cx, asked).await?, fields, encoding))
}

/// The characters that the same file would lack in CP932, each once.
pub async fn unmappable(cx: &Cx, asked: &Asked<'_>, fields: &[Field]) -> Result<BTreeSet<char>, AppError> {
    Ok(csv(cx, asked, fields, CsvEncoding::Cp932).await?.unmappable)
}

pub async fn xlsx(cx: &Cx, asked: &Asked<'_>, fields: &[Field]) -> Result<Vec<u8>, AppError> {
    export::xlsx(&all(cx, asked).await?, fields)
}

/// One facility with all that belongs to it.
#[derive(Clone, Debug)]
pub struct Detail {
    pub kept: Kept,
    pub earlier: Vec<EarlierCode>,
    pub terminals: Vec<Resident>,
    /// Terminals that stand elsewhere, though somebody says that they stand here.
    pub claimed: Vec<Resident>,
}

/// A terminal and where it stands.
#[derive(Clone, Debug)]
pub struct Resident {
    pub id: TerminalId,
    pub row: Option<index::Row>,
    pub said: Attachment,
    pub standing: Standing,
    /// Where it stands now.
    pub facility: Option<Arc<Listed>>,
}

pub fn resident(cx: &Cx, id: TerminalId) -> Resident {
    let ledger = &cx.app.ledger;
    Resident {
        id,
        row: cx.app.index.get(id),
        said: ledger.said(id),
        standing: ledger.standing(id),
        facility: ledger.of_terminal(id),
    }
}

/// A terminal by its id, or by a computer name that only one has.
pub fn terminal_called(cx: &Cx, text: &str) -> Result<TerminalId, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let filter = terminals::parse_filter(&cx.app, &format!("hostname:\"{}\"", text.replace(['"', '\\'], "")))?;
    let found = cx.app.index.query(&filter, index::Sort::default(), None, 2, cx.now());
    match found.items.as_slice() {
        [one] => Ok(one.entry.id),
        [] => Err(AppError::no_such_terminal()),
        _ => Err(AppError::invalid(
            "E-FACILITY-06",
            "同じコンピューター名の端末が複数あります。端末IDで指定してください。",
            "Several terminals have this computer name. Give the terminal's id instead.",
        )),
    }
}

/// Where a code leads today, as it stands in an address.
pub fn current(cx: &Cx, text: &str) -> Result<Code10, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let code: Code10 = text.parse().map_err(|_| no_such_facility())?;
    cx.app.ledger.current(code).ok_or_else(no_such_facility)
}

pub async fn get(cx: &Cx, code: Code10) -> Result<Detail, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let (store, ledger) = (&cx.app.store, &cx.app.ledger);
    let code = ledger.current(code).ok_or_else(no_such_facility)?;
    let kept = store.facility(code).await?.ok_or_else(no_such_facility)?;
    let mut terminals: Vec<Resident> = ledger.terminals(code).into_iter().map(|id| resident(cx, id)).collect();
    // The one to look at first stands first, as a search means it.
    terminals.sort_by_key(|one| {
        let urgency = one.row.as_ref().map_or((0, 0), index::Row::urgency);
        (std::cmp::Reverse(urgency), one.standing != Standing::Conflict, one.id)
    });
    Ok(Detail {
        kept,
        earlier: ledger.earlier_codes(code),
        terminals,
        claimed: ledger.claimed(code).into_iter().map(|id| resident(cx, id)).collect(),
    })
}

/// What happened to a facility.
#[derive(Clone, Debug)]
pub enum Happened {
    Audit(Entry),
    Import(ImportRecord),
}

impl Happened {
    pub fn at(&self) -> Time {
        match self {
            Happened::Audit(entry) => entry.at,
            Happened::Import(record) => record.at,
        }
    }
}

/// Newest first, under all the codes that it has had. Whoever may see a facility may see what was done to it.
pub async fn timeline(cx: &Cx, code: Code10, limit: u32) -> Result<Vec<Happened>, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let store = &cx.app.store;
    let earlier = cx.app.ledger.earlier_codes(code);
    let mut all = Vec::new();
    for code in std::iter::once(code).chain(earlier.into_iter().map(|old| old.code)) {
        let target = format!("facility:{code}");
        let entries = store.audit_recent(i64::MAX, limit, None, Some(&target)).await?;
        // A new code is written down under both: it is told once, under the new one.
        let told_there = |entry: &Entry| {
            let moved = matches!(entry.action.as_str(), "facility.rename" | "facility.merge");
            let to = serde_json::from_str::<Json>(&entry.after).unwrap_or_default();
            moved && to["code"] != json!(code)
        };
        all.extend(
            entries
                .into_iter()
                .filter(|entry| !told_there(entry))
                .map(Happened::Audit),
        );
        let imports = store.imports_touching(code, limit).await?;
        all.extend(imports.into_iter().map(Happened::Import));
    }
    all.sort_by_key(|one| std::cmp::Reverse(one.at()));
    all.truncate(limit as usize);
    Ok(all)
}

/// What somebody writes by hand: field and text, None to make it unknown.
pub type Edits = Vec<(Field, Option<String>)>;

fn edited(was: &Facility, edits: &Edits) -> Result<Facility, AppError> {
    let mut is = was.clone();
    for (field, text) in edits {
        let done = match text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            Some(_) if *field == Field::Code => continue,
            Some(text) => field.put(&mut is, text),
            None => field.clear(&mut is),
        };
        done.map_err(|bad| {
            let words = bad.words();
            let label = field.words();
            AppError::invalid(
                bad.code(),
                format!("{}: {}", label.ja, words.ja),
                format!("{}: {}", label.en, words.en),
            )
            .with(json!({ "field": field.name() }))
        })?;
    }
    Ok(is)
}

/// How fields were and are, for the audit log.
fn told(of: &Facility, fields: &[Field]) -> Json {
    let pairs: Map<String, Json> = fields
        .iter()
        .map(|field| (field.name().to_owned(), json!(field.text(of))))
        .collect();
    Json::Object(pairs)
}

/// Changes what is told, if nobody changed it since the revision that the caller saw.
pub async fn edit(cx: &Cx, code: Code10, seen: Option<u32>, edits: Edits, reason: &str) -> Result<Kept, AppError> {
    cx.require(Permission::EditFacilities, Scope::Fleet)?;
    let app = &cx.app;
    let code = app.ledger.current(code).ok_or_else(no_such_facility)?;
    let was = app.store.facility(code).await?.ok_or_else(no_such_facility)?;
    if seen.is_some_and(|seen| seen != was.revision) {
        return Err(changed_meanwhile());
    }
    let facility = edited(&was.facility, &edits)?;
    let fields = facility.differences(&was.facility);
    if fields.is_empty() {
        return Ok(was);
    }
    let is = Kept {
        revision: was.revision + 1,
        created_at: was.created_at,
        updated_at: cx.now(),
        facility,
    };
    let (before, after) = (told(&was.facility, &fields), told(&is.facility, &fields));
    let event = cx.event("facility.edit", format!("facility:{code}"), reason, before, after);
    let row = is.clone();
    app.store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.update_facility(&row).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    ledger::put(app, [&is]);
    app.bus.changed(Change::Facility(code));
    app.bus.changed(Change::Audit);
    Ok(is)
}

/// A facility that no ledger brought.
pub async fn create(cx: &Cx, code: Code10, edits: Edits, reason: &str) -> Result<Kept, AppError> {
    cx.require(Permission::EditFacilities, Scope::Fleet)?;
    let app = &cx.app;
    if app.ledger.current(code).is_some() {
        return Err(taken());
    }
    let facility = edited(&Facility::new(code, ""), &edits)?;
    if facility.name.is_empty() {
        return Err(edited(&facility, &vec![(Field::Name, None)])
            .err()
            .unwrap_or_else(taken));
    }
    let kept = Kept {
        facility,
        revision: 1,
        created_at: cx.now(),
        updated_at: cx.now(),
    };
    let after = told(&kept.facility, &Field::ALL);
    let event = cx.event("facility.create", format!("facility:{code}"), reason, Json::Null, after);
    let row = kept.clone();
    app.store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.put_facilities(&[row]).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    ledger::put(app, [&kept]);
    app.bus.changed(Change::Facility(code));
    app.bus.changed(Change::Audit);
    Ok(kept)
}

fn under_new_code(was: &Kept, there: Option<Kept>, to: Code10, now: Time) -> Kept {
    let renamed = || Kept {
        facility: Facility {
            code: to,
            ..was.facility.clone()
        },
        ..was.clone()
    };
    let is = there.unwrap_or_else(renamed);
    Kept {
        revision: is.revision + 1,
        updated_at: now,
        ..is
    }
}

/// The facility has a new code; the old one leads to it from now on. Where the new code has a facility already, that one says
/// what it said and takes over the codes and terminals. Either way it is another than before: nothing that goes by what
/// somebody saw earlier, such as taking an import back, may touch it.
pub async fn rename(cx: &Cx, from: Code10, to: Code10, reason: &str) -> Result<Code10, AppError> {
    cx.require(Permission::EditFacilities, Scope::Fleet)?;
    let reason = cx.reason(reason)?;
    let (app, now) = (&cx.app, cx.now());
    let was = app.store.facility(from).await?.ok_or_else(no_such_facility)?;
    let there = app.ledger.current(to);
    if from == to || there.is_some_and(|there| there != to && there != from) {
        return Err(taken());
    }
    let there = app.store.facility(to).await?;
    let merged = there.is_some();
    let is = under_new_code(&was, there, to, now);
    let earlier = EarlierCode {
        code: from,
        facility: to,
        used_from: None,
        used_until: Some(now),
        reason: reason.clone(),
    };
    let action = if merged { "facility.merge" } else { "facility.rename" };
    let before = told(&was.facility, &Field::ALL);
    let events = [from, to].map(|code| {
        cx.event(
            action,
            format!("facility:{code}"),
            &reason,
            before.clone(),
            json!({ "code": to }),
        )
    });
    let (row, code) = (is.clone(), earlier.clone());
    app.store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.delete_facility(from, was.revision).await?;
                if merged {
                    tx.update_facility(&row).await?;
                } else if tx.facility(to).await?.is_some() {
                    return Err(changed_meanwhile());
                } else {
                    tx.put_facilities(&[row]).await?;
                }
                tx.move_earlier_codes(from, to).await?;
                tx.forget_earlier_code(to).await?;
                tx.put_earlier_code(&code).await?;
                for event in events {
                    tx.audit(event).await?;
                }
                Ok(())
            })
        })
        .await?;
    app.ledger.move_earlier(from, to);
    app.ledger.forget_earlier(to);
    app.ledger.put_earlier(earlier);
    ledger::remove(app, from);
    ledger::put(app, [&is]);
    let code = to.to_string();
    for terminal in app.ledger.terminals(to) {
        app.index.set_institution(terminal, Some(&code));
    }
    app.bus.changed(Change::Facility(from));
    app.bus.changed(Change::Facility(to));
    app.bus.changed(Change::Audit);
    Ok(to)
}

pub fn no_such_facility() -> AppError {
    AppError::not_found(
        "E-FACILITY-01",
        "このコードの医療機関等は台帳にありません。コードを確かめるか、台帳を取り込んでください。",
        "No facility in the ledger has this code. Check the code, or import the ledger.",
    )
}

fn list_changed() -> AppError {
    AppError::conflict(
        "E-FACILITY-04",
        "一覧がその間に変わりました。最初のページから開き直してください。",
        "The list has changed meanwhile. Start again from the first page.",
    )
}

fn changed_meanwhile() -> AppError {
    AppError::conflict(
        "E-FACILITY-02",
        "ほかの人がこの医療機関等を変更しました。画面を開き直して、もう一度入力してください。",
        "Somebody else changed this facility. Open it again and enter your change anew.",
    )
}

fn taken() -> AppError {
    AppError::conflict(
        "E-FACILITY-03",
        "このコードはすでに使われています。別のコードにしてください。",
        "This code is in use already. Choose another one.",
    )
}
