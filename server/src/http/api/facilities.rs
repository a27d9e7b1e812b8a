//! `/api/v1/facilities…`: the ledger for programs, its import and export, and where terminals stand.

use axum::Json as AsJson;
use axum::body::Bytes;
use axum::extract::{FromRequest, Path, Request};
use axum::http::StatusCode;
use axum::response::Response;
use kaishin_domain::access::Permission;
use kaishin_domain::facility::sheet::Remark;
use kaishin_domain::facility::{Code10, Field, Kept, Prefecture};
use kaishin_domain::id::{ImportId, TerminalId};
use kaishin_domain::time::Time;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{Answer, Because, Caller, Problem, Query, body, id, terminals::or_api};
use crate::app::facilities::imports::{self, Import, ImportRecord, Plan, Seen, State, Upload};
use crate::app::facilities::{self, Edits, Item, Resident, Where};
use crate::app::{AppError, Cx, Kind};
use crate::http::ledger_query::Wanted;
use crate::http::routes::{Needs, Routes};
use crate::index::Row;

/// 230,000 rows in UTF-8 are some 60 MB.
pub const MOST_BYTES: usize = 128 * 1024 * 1024;

pub fn routes() -> Routes {
    let needs = Needs::Permission;
    Routes::new()
        .get("/api/v1/facilities", needs(Permission::ViewFleet), list)
        .get("/api/v1/facilities.csv", needs(Permission::ViewFleet), csv)
        .get("/api/v1/facilities.xlsx", needs(Permission::ViewFleet), xlsx)
        .get("/api/v1/facilities/imports", needs(Permission::ImportLedger), imports)
        .post_file(
            "/api/v1/facilities/import",
            needs(Permission::ImportLedger),
            MOST_BYTES,
            import,
        )
        .get(
            "/api/v1/facilities/imports/{id}",
            needs(Permission::ImportLedger),
            import_state,
        )
        .post(
            "/api/v1/facilities/imports/{id}/run",
            needs(Permission::ImportLedger),
            run,
        )
        .post(
            "/api/v1/facilities/imports/{id}/undo",
            needs(Permission::ImportLedger),
            undo,
        )
        .get("/api/v1/facilities/{code10}", needs(Permission::ViewFleet), get)
        .put("/api/v1/facilities/{code10}", needs(Permission::EditFacilities), put)
        .patch("/api/v1/facilities/{code10}", needs(Permission::EditFacilities), patch)
        .post(
            "/api/v1/facilities/{code10}/rename",
            needs(Permission::EditFacilities),
            rename,
        )
        .post(
            "/api/v1/terminals/{id}/facility",
            needs(Permission::EditFacilities),
            attach,
        )
}

pub async fn list(Caller(cx): Caller, Query(wanted): Query<Wanted>) -> Answer {
    let page = wanted.page(&cx).await?;
    Ok(AsJson(json!({
        "items": page.items.iter().map(item).collect::<Vec<_>>(),
        "total": page.total,
        "next": page.next,
    })))
}

pub async fn csv(Caller(cx): Caller, Query(wanted): Query<Wanted>) -> Result<Response, Problem> {
    Ok(wanted.csv(&cx).await?)
}

pub async fn xlsx(Caller(cx): Caller, Query(wanted): Query<Wanted>) -> Result<Response, Problem> {
    Ok(wanted.xlsx(&cx).await?)
}

fn about(kept: &Kept) -> Map<String, Json> {
    let mut answer = match serde_json::to_value(&kept.facility) {
        Ok(Json::Object(fields)) => fields,
        Ok(_) | Err(_) => Map::new(),
    };
    let place = kept.facility.prefecture.map(Prefecture::words);
    answer.insert("prefecture_name".into(), json!(place));
    answer.insert("check_digit_fits".into(), json!(kept.facility.code.check_digit_fits()));
    answer.insert("revision".into(), json!(kept.revision));
    answer.insert("created_at".into(), json!(kept.created_at.rfc3339()));
    answer.insert("updated_at".into(), json!(kept.updated_at.rfc3339()));
    answer
}

fn item(item: &Item) -> Json {
    let mut answer = about(&item.kept);
    answer.insert("terminals".into(), json!(item.terminals));
    answer.insert("online".into(), json!(item.online));
    answer.insert("faults".into(), json!(item.faults));
    answer.insert("conflict".into(), json!(item.conflict));
    Json::Object(answer)
}

fn resident(one: &Resident) -> Json {
    let entry = one.row.as_ref().map(|row| &row.entry);
    json!({
        "id": one.id,
        "hostname": entry.map(|entry| &entry.hostname),
        "online": one.row.as_ref().is_some_and(Row::online),
        "faults": entry.map(|entry| &entry.faults),
        "facility": one.facility.as_ref().map(|facility| facility.code),
        "standing": one.standing,
        "claims": claims(one),
    })
}

fn claims(one: &Resident) -> Vec<Json> {
    let claims = one.said.claims().into_iter();
    claims
        .map(|(claim, code)| json!({ "by": claim, "code": code }))
        .collect()
}

/// Where a terminal stands and who says so: part of its own answer.
pub fn of_terminal(cx: &Cx, id: TerminalId) -> Json {
    let one = facilities::resident(cx, id);
    json!({
        "code": one.facility.as_ref().map(|facility| facility.code),
        "name": one.facility.as_ref().map(|facility| facility.name.as_ref()),
        "standing": one.standing,
        "claims": claims(&one),
        "by_hand": one.said.by_hand.as_ref().map(|hand| json!({
            "code": hand.code, "at": hand.at.rfc3339(), "by": hand.by, "reason": hand.reason,
        })),
    })
}

pub async fn get(Caller(cx): Caller, Path(text): Path<String>) -> Answer {
    let code = facilities::current(&cx, &text)?;
    whole(&cx, code).await
}

async fn whole(cx: &Cx, code: Code10) -> Answer {
    let detail = facilities::get(cx, code).await?;
    let mut answer = about(&detail.kept);
    let codes: Vec<Json> = detail
        .earlier
        .iter()
        .map(|old| {
            json!({
                "code": old.code,
                "from": old.used_from.map(Time::rfc3339),
                "until": old.used_until.map(Time::rfc3339),
                "reason": old.reason,
            })
        })
        .collect();
    answer.insert("codes".into(), json!(codes));
    answer.insert("terminals".into(), detail.terminals.iter().map(resident).collect());
    answer.insert("claimed".into(), detail.claimed.iter().map(resident).collect());
    Ok(AsJson(Json::Object(answer)))
}

/// What an answer says beside the fields: whoever sends an answer back need not take it out.
const ANSWERED: [&str; 10] = [
    "prefecture_name",
    "check_digit_fits",
    "created_at",
    "updated_at",
    "codes",
    "terminals",
    "claimed",
    "online",
    "faults",
    "conflict",
];

/// Fields by name, beside the revision that the caller saw and a reason.
#[derive(Debug, Deserialize)]
struct Written {
    revision: Option<u32>,
    #[serde(default)]
    reason: String,
    #[serde(flatten)]
    fields: Map<String, Json>,
}

impl Written {
    fn edits(&self) -> Result<Edits, AppError> {
        let mut edits = Edits::new();
        for (name, value) in &self.fields {
            if ANSWERED.contains(&name.as_str()) {
                continue;
            }
            let field = Field::named(name).ok_or_else(|| not_a_field(name))?;
            let text = match value {
                Json::Null => None,
                Json::String(text) => Some(text.clone()),
                Json::Bool(truth) => Some(truth.to_string()),
                Json::Number(number) => Some(number.to_string()),
                Json::Array(texts) => {
                    // A telephone number is answered with its digits beside it.
                    let written = |one: &'_ Json| one.as_str().or_else(|| one["raw"].as_str()).map(str::to_owned);
                    let texts: Option<Vec<String>> = texts.iter().map(written).collect();
                    Some(texts.ok_or_else(|| not_a_field(name))?.join(" / "))
                }
                Json::Object(_) => return Err(not_a_field(name)),
            };
            edits.push((field, text));
        }
        Ok(edits)
    }
}

fn not_a_field(name: &str) -> AppError {
    let known: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
    AppError::invalid(
        "E-FACILITY-05",
        format!("「{name}」は台帳の項目でないか、値の形が違います。"),
        format!("{name:?} is no field of the ledger, or its value has the wrong shape."),
    )
    .with(json!({ "field": name, "expected": known }))
}

pub async fn patch(Caller(cx): Caller, Path(text): Path<String>, bytes: Bytes) -> Answer {
    let code = facilities::to_edit(&cx, &text)?;
    let written: Written = body(&bytes)?;
    facilities::edit(&cx, code, written.revision, written.edits()?, or_api(&written.reason)).await?;
    whole(&cx, code).await
}

/// What is not said becomes unknown; a facility that is not there yet is made.
pub async fn put(Caller(cx): Caller, Path(text): Path<String>, bytes: Bytes) -> Answer {
    let code: Code10 = text.parse().map_err(|_| facilities::no_such_facility())?;
    let written: Written = body(&bytes)?;
    let mut edits = written.edits()?;
    edits.retain(|(field, _)| *field != Field::Code);
    let reason = or_api(&written.reason);
    match facilities::to_edit(&cx, &text) {
        Ok(code) => {
            for field in Field::ALL {
                let left_out = field != Field::Code && !edits.iter().any(|(told, _)| *told == field);
                if left_out {
                    edits.push((field, None));
                }
            }
            facilities::edit(&cx, code, written.revision, edits, reason).await?;
            whole(&cx, code).await
        }
        Err(error) if error.kind != Kind::NotFound => Err(error.into()),
        Err(_) => {
            facilities::create(&cx, code, edits, reason).await?;
            whole(&cx, code).await
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renamed {
    to: Code10,
    #[serde(default)]
    reason: String,
}

pub async fn rename(Caller(cx): Caller, Path(text): Path<String>, bytes: Bytes) -> Answer {
    let code = facilities::to_edit(&cx, &text)?;
    let renamed: Renamed = body(&bytes)?;
    let to = facilities::rename(&cx, code, renamed.to, or_api(&renamed.reason)).await?;
    whole(&cx, to).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Attached {
    /// None: it stands in no facility.
    code: Option<Code10>,
    /// Token and terminal count again.
    as_reported: bool,
    reason: String,
}

pub async fn attach(Caller(cx): Caller, Path(text): Path<String>, bytes: Bytes) -> Answer {
    let id = id(&text)?;
    let attached: Attached = body(&bytes)?;
    let to = match (attached.as_reported, attached.code) {
        (true, _) => Where::AsReported,
        (false, Some(code)) => Where::In(code),
        (false, None) => Where::Nowhere,
    };
    facilities::attach(&cx, id, to, or_api(&attached.reason)).await?;
    Ok(AsJson(of_terminal(&cx, id)))
}

#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct HowToImport {
    /// Nothing is written unless it is asked for.
    dry_run: bool,
    strict: bool,
    clear: bool,
    /// False: the answer comes at once, and `imports/{id}` tells the rest.
    wait: bool,
    name: String,
}

impl Default for HowToImport {
    fn default() -> Self {
        HowToImport {
            dry_run: true,
            strict: false,
            clear: false,
            wait: true,
            name: String::new(),
        }
    }
}

pub async fn import(
    Caller(cx): Caller,
    Query(how): Query<HowToImport>,
    request: Request,
) -> Result<(StatusCode, AsJson<Json>), Problem> {
    imports::may(&cx)?;
    let bytes = match Bytes::from_request(request, &()).await {
        Ok(bytes) => bytes,
        Err(rejection) => return Err(broken(rejection.status()).into()),
    };
    let upload = Upload {
        file_name: how.name,
        bytes: bytes.into(),
        clear: how.clear,
        strict: how.strict,
    };
    let import = imports::begin(&cx, upload)?;
    if !how.wait {
        if !how.dry_run {
            let (cx, import) = (cx.clone(), import.clone());
            tokio::spawn(async move {
                if imports::settled(&cx, &import).await.is_ok() {
                    // Whoever asks for the import's state hears why not.
                    let _ = imports::carry_out(&cx, import.id);
                }
            });
        }
        return Ok((StatusCode::ACCEPTED, AsJson(progress(&import))));
    }
    let mut plan = imports::settled(&cx, &import).await?;
    if !how.dry_run {
        imports::carry_out(&cx, import.id).map_err(|error| with_rows(error, import.id, &plan))?;
        plan = imports::settled(&cx, &import).await?;
    }
    let mut answer = report(&plan);
    answer.insert("id".into(), json!(import.id));
    answer.insert("dry_run".into(), json!(how.dry_run));
    answer.insert("written".into(), json!(!how.dry_run && !plan.writes.is_empty()));
    Ok((StatusCode::OK, AsJson(Json::Object(answer))))
}

fn broken(status: StatusCode) -> AppError {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return AppError::invalid(
            "E-LEDGER-30",
            "台帳のファイルは128MB以内にしてください。",
            "A ledger's file may have at most 128 MB.",
        );
    }
    AppError::invalid(
        "E-LEDGER-31",
        "ファイルが途中で途切れました。もう一度送ってください。",
        "The file broke off. Send it again.",
    )
}

/// Counts, and a verdict for each row of which there is something to say.
/// Why nothing was written, with the rows that it is for.
fn with_rows(error: AppError, import: ImportId, plan: &Plan) -> AppError {
    let mut rows = report(plan);
    rows.insert("id".into(), json!(import));
    rows.insert("counts".into(), json!(plan.counts));
    error.with(Json::Object(rows))
}

fn report(plan: &Plan) -> Map<String, Json> {
    let mut answer = Map::new();
    let counts = plan.counts;
    for (name, count) in [
        ("rows", counts.rows),
        ("added", counts.added),
        ("changed", counts.changed),
        ("same", counts.same),
        ("refused", counts.refused),
        ("warned", counts.warned),
    ] {
        answer.insert(name.into(), json!(count));
    }
    answer.insert("encoding".into(), json!(plan.format.name()));
    answer.insert("sha256".into(), json!(plan.hash));
    let columns: Vec<&str> = plan.fields.iter().map(|field| field.name()).collect();
    answer.insert("columns".into(), json!(columns));
    answer.insert("verdicts".into(), plan.remarks.iter().map(verdict).collect());
    answer
}

fn verdict(remark: &Remark) -> Json {
    json!({
        "line": remark.line,
        "column": remark.column,
        "value": remark.value,
        "verdict": remark.severity,
        "code": remark.code,
        "reason": remark.words.en,
        "reason_ja": remark.words.ja,
    })
}

fn progress(import: &Import) -> Json {
    let state = import.state();
    let plan = state.plan();
    let total = match &state {
        State::Writing(plan) => Some(plan.writes.len() as u64),
        State::Reading | State::Ready(_) | State::Done(_) | State::Failed(_) => None,
    };
    let mut answer = plan.map(|plan| report(plan)).unwrap_or_default();
    answer.insert("id".into(), json!(import.id));
    answer.insert("state".into(), json!(state.name()));
    answer.insert("done".into(), json!(import.done()));
    answer.insert("total".into(), json!(total));
    if let State::Failed(error) = &state {
        let problem = json!({ "code": error.code, "reason": error.words.en, "reason_ja": error.words.ja });
        answer.insert("error".into(), problem);
    }
    Json::Object(answer)
}

fn kept(record: &ImportRecord) -> Json {
    json!({
        "id": record.id,
        "state": "done",
        "at": record.at.rfc3339(),
        "by": record.actor,
        "file": record.file_name,
        "sha256": record.file_hash,
        "encoding": record.encoding,
        "counts": record.counts,
        "undone": record.undone.as_ref().map(|undone| json!({
            "at": undone.at.rfc3339(), "by": undone.by, "rows": undone.rows, "kept": undone.kept,
        })),
    })
}

pub async fn imports(Caller(cx): Caller) -> Answer {
    let records = imports::recent(&cx).await?;
    Ok(AsJson(json!({ "items": records.iter().map(kept).collect::<Vec<_>>() })))
}

pub async fn import_state(Caller(cx): Caller, Path(text): Path<String>) -> Answer {
    Ok(AsJson(match imports::seen(&cx, id(&text)?).await? {
        Seen::Live(import) => progress(&import),
        Seen::Kept(record, remarks) => {
            let mut answer = kept(&record);
            answer["verdicts"] = remarks.iter().map(verdict).collect();
            answer
        }
    }))
}

/// Writes what a dry run has read.
pub async fn run(Caller(cx): Caller, Path(text): Path<String>) -> Answer {
    let import = imports::carry_out(&cx, id(&text)?)?;
    imports::settled(&cx, &import).await?;
    Ok(AsJson(progress(&import)))
}

pub async fn undo(Caller(cx): Caller, Path(text): Path<String>, bytes: Bytes) -> Answer {
    let because: Because = body(&bytes)?;
    let import = id(&text)?;
    let taken = imports::undo(&cx, import, or_api(&because.reason)).await?;
    Ok(AsJson(json!({ "id": import, "rows": taken.rows, "kept": taken.kept })))
}
