//! `/facilities/ledger`: importing a ledger. Choose a file, see what every row would do, write it, watch it, take it back.

use askama::Template;
use axum::extract::{FromRequest, Multipart, Path, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use kaishin_domain::access::Permission;
use kaishin_domain::facility::Field;
use kaishin_domain::facility::sheet::{Remark, Severity};
use kaishin_domain::time::Time;
use serde::Deserialize;

use super::facilities::told;
use super::parts::{Badge, Pair, Problem, badge};
use super::{Page, Place, Shown, announced, show};
use crate::app::AppError;
use crate::app::facilities::imports::{self, Import, ImportCounts, ImportRecord, Plan, Seen, State, Told, Upload};
use crate::http::auth::Visitor;
use crate::http::failure::{Failure, Filled, Wished};
use crate::http::query::address;
use crate::http::routes::{Needs, Routes};

/// The same as for programs.
const MOST_BYTES: usize = 128 * 1024 * 1024;
/// So many rows on one page of a preview.
const ROWS: usize = 100;

pub fn routes() -> Routes {
    let needs = Needs::Permission(Permission::ImportLedger);
    Routes::new()
        .get("/facilities/ledger", needs, choose)
        .post_file("/facilities/ledger", needs, MOST_BYTES, upload)
        .get("/facilities/ledger/{id}", needs, look)
        .post("/facilities/ledger/{id}/run", needs, run)
        .post("/facilities/ledger/{id}/undo", needs, undo)
}

async fn choose(visitor: Visitor) -> Shown {
    let (cx, page) = visitor.at(Place::Facilities);
    let records = imports::recent(&cx).await?;
    Ok(show(StatusCode::OK, &choose_view(page, &records, None)))
}

fn choose_view(page: Page, records: &[ImportRecord], problem: Option<Problem>) -> ChooseView {
    ChooseView {
        columns: Field::ALL
            .into_iter()
            .map(|field| Pair {
                name: page.of(&field.words()).to_owned(),
                value: field.name().to_owned(),
            })
            .collect(),
        records: records.iter().map(|record| line(&page, record)).collect(),
        problem,
        page,
    }
}

fn line(page: &Page, record: &ImportRecord) -> RecordLine {
    RecordLine {
        href: format!("/facilities/ledger/{}", record.id),
        at: record.at,
        by: record.actor.clone(),
        file: record.file_name.clone(),
        counts: counts(page, record.counts),
        state: match &record.undone {
            Some(_) => badge("warn", page.t("ledger-undone")),
            None => badge("good", page.t("ledger-done")),
        },
    }
}

fn counts(page: &Page, counts: ImportCounts) -> Vec<Pair> {
    [
        ("ledger-rows", counts.rows),
        ("ledger-added", counts.added),
        ("ledger-changed", counts.changed),
        ("ledger-same", counts.same),
        ("ledger-refused", counts.refused),
        ("ledger-warned", counts.warned),
    ]
    .into_iter()
    .map(|(key, count)| Pair {
        name: page.t(key),
        value: page.count(&count),
    })
    .collect()
}

async fn upload(visitor: Visitor, request: Request) -> Shown {
    let (cx, _) = visitor.at(Place::Facilities);
    imports::may(&cx)?;
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| broken())?;
    let mut upload = Upload::default();
    while let Some(part) = form.next_field().await.map_err(|_| broken())? {
        match part.name().unwrap_or_default() {
            "clear" => upload.clear = true,
            "strict" => upload.strict = true,
            "file" => {
                upload.file_name = part.file_name().unwrap_or_default().to_owned();
                upload.bytes = part.bytes().await.map_err(|_| broken())?.to_vec();
            }
            _ => {}
        }
    }
    let import = imports::begin(&cx, upload)?;
    Ok(Redirect::to(&format!("/facilities/ledger/{}", import.id)).into_response())
}

fn broken() -> Failure {
    Failure(AppError::invalid(
        "E-LEDGER-32",
        "ファイルを受け取れませんでした。128MB以内のファイルを選び直してください。",
        "The file did not arrive. Choose a file of at most 128 MB.",
    ))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    /// Which verdicts to show: `new`, `changed`, `same`, `refused`, `warned`.
    only: String,
    page: usize,
    done: String,
}

async fn look(visitor: Visitor, Path(text): Path<String>, Wished(wanted): Wished<Wanted>) -> Shown {
    let (cx, mut page) = visitor.at(Place::Facilities);
    page.done = announced(&wanted.done);
    let id = text.parse().map_err(|_| broken_address())?;
    let seen = imports::seen(&cx, id).await?;
    let kept = imports::kept(&cx, id).await?;
    let view = match &seen {
        Seen::Live(import) => live(page, import, kept.as_ref(), &wanted),
        Seen::Kept(record, remarks) => archived(page, record, remarks, &wanted),
    };
    Ok(show(StatusCode::OK, &view))
}

fn broken_address() -> Failure {
    Failure(AppError::not_found(
        "E-INPUT-02",
        "この番号のものは見つかりません。",
        "There is nothing with this id.",
    ))
}

fn bare(page: Page, href: String, file: String, state: Badge) -> LookView {
    LookView {
        href,
        file,
        state,
        topic: None,
        progress: None,
        counts: Vec::new(),
        about: Vec::new(),
        chips: Vec::new(),
        rows: Vec::new(),
        next_href: None,
        first_href: None,
        may_run: false,
        blocked: false,
        may_undo: false,
        undone: None,
        problem: None,
        page,
    }
}

fn live(page: Page, import: &Import, kept: Option<&ImportRecord>, wanted: &Wanted) -> LookView {
    let state = import.state();
    let kind = match &state {
        State::Reading | State::Writing(_) => "busy",
        State::Ready(_) => "",
        State::Done(_) => "good",
        State::Failed(_) => "bad",
    };
    let word = page.t(&format!("ledger-state-{}", state.name()));
    let mut view = bare(
        page,
        format!("/facilities/ledger/{}", import.id),
        import.file_name.clone(),
        badge(kind, word),
    );
    let running = matches!(state, State::Reading | State::Writing(_));
    view.topic = running.then(|| format!("import:{}", import.id));
    view.progress = running.then(|| Progress {
        done: import.done(),
        total: match &state {
            State::Writing(plan) => Some(plan.writes.len() as u64),
            State::Reading | State::Ready(_) | State::Done(_) | State::Failed(_) => None,
        },
    });
    if let State::Failed(error) = &state {
        view.problem = Some(view.page.problem(error));
    }
    if let Some(plan) = state.plan() {
        view.counts = counts(&view.page, plan.counts);
        view.about = about(&view.page, plan.format.name(), &plan.hash);
        judged(&mut view, plan, wanted);
        let ready = matches!(state, State::Ready(_));
        view.blocked = ready && import.strict && plan.counts.refused > 0;
        view.may_run = ready && !view.blocked && !plan.writes.is_empty();
    }
    if let Some(record) = kept {
        taken_back(&mut view, record);
    }
    view
}

fn archived(page: Page, record: &ImportRecord, remarks: &[Remark], wanted: &Wanted) -> LookView {
    let word = page.t("ledger-done");
    let href = format!("/facilities/ledger/{}", record.id);
    let mut view = bare(page, href, record.file_name.clone(), badge("good", word));
    view.counts = counts(&view.page, record.counts);
    view.about = about(&view.page, &record.encoding, &record.file_hash);
    let matching: Vec<&Remark> = remarks
        .iter()
        .filter(|remark| wanted.only.is_empty() || wanted.only == only(remark))
        .collect();
    let only = [
        ("", "chip-all"),
        ("refused", "ledger-refused"),
        ("warned", "ledger-warned"),
    ];
    let from = leaf(&mut view, wanted, &only, matching.len());
    let shown = matching.into_iter().skip(from).take(ROWS);
    view.rows = shown.map(|remark| row_of(&view.page, remark)).collect();
    taken_back(&mut view, record);
    view
}

/// Chips and the ways to other pages, for so many rows; where the page begins.
fn leaf(view: &mut LookView, wanted: &Wanted, only: &[(&'static str, &str)], rows: usize) -> usize {
    let from = wanted.page.saturating_mul(ROWS);
    let to = |only: &str, number: usize| {
        let number = if number == 0 { String::new() } else { number.to_string() };
        address(&view.href, &[("only", only), ("page", &number)])
    };
    let chips = only.iter().map(|(only, key)| Chip {
        href: to(only, 0),
        word: view.page.t(key),
        here: wanted.only == *only,
    });
    let chips = chips.collect();
    let first = (from > 0).then(|| to(&wanted.only, 0));
    let next = (rows > from.saturating_add(ROWS)).then(|| to(&wanted.only, wanted.page + 1));
    view.chips = chips;
    view.first_href = first;
    view.next_href = next;
    from
}

fn taken_back(view: &mut LookView, record: &ImportRecord) {
    match &record.undone {
        None => view.may_undo = true,
        Some(undone) => {
            view.state = badge("warn", view.page.t("ledger-undone"));
            let counts = view
                .page
                .t2("ledger-undone-counts", "rows", undone.rows, "kept", undone.kept);
            view.undone = Some(format!("{} {}: {counts}", view.page.when(&undone.at), undone.by));
        }
    }
}

fn about(page: &Page, encoding: &str, hash: &str) -> Vec<Pair> {
    vec![
        Pair {
            name: page.t("ledger-encoding"),
            value: encoding.to_uppercase(),
        },
        Pair {
            name: "SHA-256".to_owned(),
            value: hash.chars().take(16).collect(),
        },
    ]
}

fn only(remark: &Remark) -> &'static str {
    match remark.severity {
        Severity::Refused => "refused",
        Severity::Warned => "warned",
    }
}

fn row_of(page: &Page, remark: &Remark) -> RowView {
    let verdict = match remark.severity {
        Severity::Refused => badge("bad", page.t("ledger-refused")),
        Severity::Warned => badge("warn", page.t("ledger-warned")),
    };
    RowView {
        only: only(remark),
        line: remark.line,
        code: String::new(),
        name: String::new(),
        verdict,
        says: vec![Says {
            code: remark.code.clone(),
            column: remark.column.clone().unwrap_or_default(),
            value: remark.value.clone(),
            text: page.of(&remark.words).to_owned(),
        }],
        changes: Vec::new(),
    }
}

/// One page of the rows, in the file's order: what became of each, and what is said of it.
fn judged(view: &mut LookView, plan: &Plan, wanted: &Wanted) {
    let rows = all_rows(plan);
    let matching: Vec<&(u64, &'static str, Option<usize>)> = rows
        .iter()
        .filter(|(line, only, _)| match wanted.only.as_str() {
            "" => true,
            "warned" => *only != "refused" && has_remark(plan, *line),
            wanted => *only == wanted,
        })
        .collect();
    let only = [
        ("", "chip-all"),
        ("new", "ledger-added"),
        ("changed", "ledger-changed"),
        ("same", "ledger-same"),
        ("refused", "ledger-refused"),
        ("warned", "ledger-warned"),
    ];
    let from = leaf(view, wanted, &only, matching.len());
    let page = &view.page;
    view.rows = matching
        .into_iter()
        .skip(from)
        .take(ROWS)
        .map(|(line, only, write)| judged_row(page, plan, *line, only, *write))
        .collect();
}

/// Line, verdict, and the place of its write: rows whose code did not read among the others.
fn all_rows(plan: &Plan) -> Vec<(u64, &'static str, Option<usize>)> {
    let mut rows: Vec<(u64, &'static str, Option<usize>)> = plan
        .told
        .iter()
        .map(|(line, _, told)| match told {
            Told::New(at) => (*line, "new", Some(*at)),
            Told::Changed(at) => (*line, "changed", Some(*at)),
            Told::Same => (*line, "same", None),
            Told::Refused => (*line, "refused", None),
        })
        .collect();
    let known: std::collections::HashSet<u64> = rows.iter().map(|(line, _, _)| *line).collect();
    let unread = plan
        .remarks
        .iter()
        .map(|remark| remark.line)
        .filter(|line| !known.contains(line));
    let mut unread: Vec<u64> = unread.collect();
    unread.dedup();
    // Line 1 holds the titles: what is said of them is a warning.
    rows.extend(
        unread
            .into_iter()
            .map(|line| (line, if line == 1 { "title" } else { "refused" }, None)),
    );
    rows.sort_unstable_by_key(|(line, _, _)| *line);
    rows
}

fn remarks(plan: &Plan, line: u64) -> &[Remark] {
    let from = plan.remarks.partition_point(|remark| remark.line < line);
    let to = plan.remarks.partition_point(|remark| remark.line <= line);
    plan.remarks.get(from..to).unwrap_or_default()
}

fn has_remark(plan: &Plan, line: u64) -> bool {
    !remarks(plan, line).is_empty()
}

fn judged_row(page: &Page, plan: &Plan, line: u64, only: &'static str, write: Option<usize>) -> RowView {
    let write = write.and_then(|at| plan.writes.get(at));
    let code = plan.told.binary_search_by_key(&line, |(line, _, _)| *line).ok();
    let code = code
        .and_then(|at| plan.told.get(at))
        .map(|(_, code, _)| code.to_string());
    let verdict = match only {
        "new" => badge("good", page.t("ledger-added")),
        "changed" => badge("busy", page.t("ledger-changed")),
        "same" => badge("", page.t("ledger-same")),
        "title" => badge("warn", page.t("ledger-warned")),
        _ => badge("bad", page.t("ledger-refused")),
    };
    let unknown = || page.t("not-known");
    let changes = write.filter(|_| only == "changed").map(|write| {
        let before = |field: Field| write.before.as_ref().and_then(|before| told(page, before, field));
        write
            .fields
            .iter()
            .map(|field| Pair {
                name: page.of(&field.words()).to_owned(),
                value: format!(
                    "{} → {}",
                    before(*field).unwrap_or_else(unknown),
                    told(page, &write.after.facility, *field).unwrap_or_else(unknown)
                ),
            })
            .collect()
    });
    RowView {
        only,
        line,
        code: code.unwrap_or_default(),
        name: write.map(|write| write.after.facility.name.clone()).unwrap_or_default(),
        verdict,
        says: remarks(plan, line)
            .iter()
            .flat_map(|remark| row_of(page, remark).says)
            .collect(),
        changes: changes.unwrap_or_default(),
    }
}

async fn run(visitor: Visitor, Path(text): Path<String>) -> Shown {
    let (cx, _) = visitor.at(Place::Facilities);
    let id = text.parse().map_err(|_| broken_address())?;
    imports::carry_out(&cx, id)?;
    Ok(Redirect::to(&format!("/facilities/ledger/{id}")).into_response())
}

#[derive(Debug, Deserialize)]
struct Because {
    #[serde(default)]
    reason: String,
}

async fn undo(visitor: Visitor, Path(text): Path<String>, Filled(because): Filled<Because>) -> Shown {
    let (cx, _) = visitor.at(Place::Facilities);
    let id = text.parse().map_err(|_| broken_address())?;
    imports::undo(&cx, id, &because.reason).await?;
    Ok(Redirect::to(&format!("/facilities/ledger/{id}?done=import-undone")).into_response())
}

#[derive(Template)]
#[template(path = "ledger.html")]
struct ChooseView {
    page: Page,
    columns: Vec<Pair>,
    records: Vec<RecordLine>,
    problem: Option<Problem>,
}

struct RecordLine {
    href: String,
    at: Time,
    by: String,
    file: String,
    counts: Vec<Pair>,
    state: Badge,
}

#[derive(Template)]
#[template(path = "ledger_import.html")]
struct LookView {
    page: Page,
    href: String,
    file: String,
    state: Badge,
    topic: Option<String>,
    progress: Option<Progress>,
    counts: Vec<Pair>,
    about: Vec<Pair>,
    chips: Vec<Chip>,
    rows: Vec<RowView>,
    first_href: Option<String>,
    next_href: Option<String>,
    may_run: bool,
    /// It was to be all or nothing, and some rows are refused.
    blocked: bool,
    may_undo: bool,
    undone: Option<String>,
    problem: Option<Problem>,
}

struct Progress {
    done: u64,
    total: Option<u64>,
}

struct Chip {
    href: String,
    word: String,
    here: bool,
}

struct RowView {
    only: &'static str,
    line: u64,
    code: String,
    name: String,
    verdict: Badge,
    says: Vec<Says>,
    changes: Vec<Pair>,
}

struct Says {
    code: String,
    column: String,
    value: String,
    text: String,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_domain::id::ImportId;
    use kaishin_domain::words::Words;

    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    fn record() -> ImportRecord {
        ImportRecord {
            id: ImportId::new(Time(0), [0; 10]),
            at: Time(5),
            actor: "tanaka".into(),
            file_name: "<i>台帳.csv".into(),
            file_hash: "ab".repeat(32),
            encoding: "cp932".into(),
            counts: ImportCounts::default(),
            undone: None,
        }
    }

    #[test]
    fn the_pages_render_in_both_languages() {
        for lang in Lang::ALL {
            let page = || sample::page(lang, Some(Role::Author), Some(Place::Facilities));
            let html = sample::check(&choose_view(page(), &[record()], None));
            assert!(html.contains("multipart/form-data") && !html.contains("<i>"));
            let remark = Remark {
                line: 7,
                column: Some("種別".into()),
                value: "<i>銭湯".into(),
                severity: Severity::Refused,
                code: "E-LEDGER-07".into(),
                words: Words::new("選べません", "no choice"),
            };
            let html = sample::check(&archived(
                page(),
                &record(),
                std::slice::from_ref(&remark),
                &Wanted::default(),
            ));
            assert!(html.contains("E-LEDGER-07") && html.contains("/undo") && !html.contains("<i>"));
            let many: Vec<Remark> = (2..=20_001).map(|line| Remark { line, ..remark.clone() }).collect();
            let last = Wanted {
                only: "refused".into(),
                page: 199,
                ..Wanted::default()
            };
            let view = archived(page(), &record(), &many, &last);
            assert_eq!(
                view.rows.last().map(|row| row.line),
                Some(20_001),
                "the last one is reached"
            );
            assert!(view.next_href.is_none() && view.rows.len() == ROWS);
            let mut view = bare(page(), "/x".into(), "a.csv".into(), badge("busy", "読み取り中"));
            view.topic = Some("import:x".into());
            view.progress = Some(Progress {
                done: 3,
                total: Some(9),
            });
            let html = sample::check(&view);
            assert!(html.contains("<progress") && html.contains("import:x"));
        }
    }
}
