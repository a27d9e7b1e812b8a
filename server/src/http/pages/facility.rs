//! `/facilities/{code10}`: one facility. Whom to call and when, how it is connected, its terminals, its codes, and what was
//! done to it; and the forms that change it.

mod edit;

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use kaishin_domain::access::Permission;
use kaishin_domain::facility::{Code10, Field, Standing};
use kaishin_domain::rule::Severity;
use kaishin_domain::time::Time;
use serde::Deserialize;
use serde_json::Value as Json;

use super::facilities::told;
use super::parts::{Badge, Pair, Problem, badge, pair, presence};
use super::{Page, Place, Shown, announced, show};
use crate::app::facilities::{self, Detail, Happened, Resident, Where};
use crate::app::{AppError, Cx, Kind};
use crate::http::auth::Visitor;
use crate::http::failure::{Failure, Filled, Wished};
use crate::http::routes::{Needs, Routes};

pub fn routes() -> Routes {
    let (view, edits) = (
        Needs::Permission(Permission::ViewFleet),
        Needs::Permission(Permission::EditFacilities),
    );
    Routes::new()
        .get("/facilities/{code10}", view, open)
        .get("/facilities/{code10}/edit", edits, edit::form)
        .post("/facilities/{code10}/edit", edits, edit::save)
        .post("/facilities/{code10}/rename", edits, rename)
        .post("/facilities/{code10}/attach", edits, attach)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    done: String,
}

async fn open(visitor: Visitor, Path(text): Path<String>, Wished(wanted): Wished<Wanted>) -> Shown {
    let (cx, mut page) = visitor.at(Place::Facilities);
    let code = facilities::current(&cx, &text)?;
    if code.to_string() != text {
        return Ok(Redirect::to(&format!("/facilities/{code}")).into_response());
    }
    page.done = announced(&wanted.done);
    shown(&cx, page, code, None).await
}

async fn shown(cx: &Cx, page: Page, code: Code10, problem: Option<Problem>) -> Shown {
    let detail = facilities::get(cx, code).await?;
    let timeline = facilities::timeline(cx, code, 30).await?;
    let status = if problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let mut view = view(page, &detail, &timeline, problem);
    for row in view.terminals.iter_mut().chain(&mut view.claimed) {
        row.faults = faults(cx, &view.page, &row.rules);
    }
    Ok(show(status, &view))
}

/// The worst first, in the words of their rules.
fn faults(cx: &Cx, page: &Page, ids: &[String]) -> Vec<Badge> {
    let mut rules: Vec<_> = ids.iter().map(|id| (cx.app.rules.rule(id), id)).collect();
    rules.sort_by_key(|(_, id)| *id);
    let named = rules.into_iter().map(|(rule, id)| {
        let kind = match rule.map(|rule| rule.severity) {
            Some(Severity::Serious) => "bad",
            Some(Severity::Warning) => "warn",
            Some(Severity::Notice) | None => "",
        };
        badge(
            kind,
            rule.map_or_else(|| id.clone(), |rule| page.of(&rule.title).to_owned()),
        )
    });
    let mut named: Vec<Badge> = named.collect();
    named.sort_by_key(|one| match one.kind {
        "bad" => 0,
        "warn" => 1,
        _ => 2,
    });
    named
}

/// What can be mended on the spot is said on the page; the rest is an error of its own.
fn on_the_page(page: &Page, error: AppError) -> Result<Problem, Failure> {
    match error.kind {
        Kind::Invalid | Kind::Conflict | Kind::NotFound => Ok(page.problem(&error)),
        Kind::Unknown | Kind::Denied | Kind::TooMany | Kind::Internal => Err(Failure(error)),
    }
}

fn view(page: Page, detail: &Detail, timeline: &[Happened], problem: Option<Problem>) -> View {
    let of = &detail.kept.facility;
    let pairs = |fields: &[Field]| {
        fields
            .iter()
            .map(|field| Told {
                name: page.of(&field.words()).to_owned(),
                value: told(&page, of, *field),
            })
            .collect()
    };
    let mut flags = Vec::new();
    if !of.code.check_digit_fits() {
        flags.push(badge("warn", page.t("facility-check-digit")));
    }
    if detail
        .terminals
        .iter()
        .chain(&detail.claimed)
        .any(|one| one.standing == Standing::Conflict)
    {
        flags.push(badge("warn", page.t("facility-state-conflict")));
    }
    View {
        href: format!("/facilities/{}", of.code),
        topic: format!("facility:{}", of.code),
        code: of.code.to_string(),
        name: of.name.clone(),
        kana: of.kana.clone().unwrap_or_default(),
        flags,
        who: pairs(&[
            Field::Phones,
            Field::Contact,
            Field::Hours,
            Field::Prefecture,
            Field::Address,
        ]),
        how: pairs(&[
            Field::Kind,
            Field::Carrier,
            Field::Topology,
            Field::Line,
            Field::Provider,
            Field::Reader,
            Field::UpdateChoice,
            Field::SharedReceipt,
        ]),
        notes: of.notes.clone(),
        terminals: detail.terminals.iter().map(|one| terminal(&page, one)).collect(),
        claimed: detail.claimed.iter().map(|one| terminal(&page, one)).collect(),
        codes: detail
            .earlier
            .iter()
            .map(|old| Code {
                code: old.code.to_string(),
                from: old.used_from,
                until: old.used_until,
                reason: old.reason.clone(),
            })
            .collect(),
        timeline: timeline.iter().map(|one| event(&page, one)).collect(),
        may_edit: page.may(Permission::EditFacilities),
        problem,
        page,
    }
}

fn terminal(page: &Page, one: &Resident) -> TerminalRow {
    let row = one.row.as_ref();
    let hostname = row
        .map(|row| row.entry.hostname.clone())
        .filter(|name| !name.is_empty());
    let kind = match one.standing {
        Standing::Conflict | Standing::Unlisted => "warn",
        Standing::None | Standing::Attached | Standing::Overruled => "",
    };
    TerminalRow {
        id: one.id.to_string(),
        href: format!("/terminals/{}", one.id),
        hostname: hostname.unwrap_or_else(|| one.id.to_string()),
        state: presence(page, row.is_some_and(|row| row.online())),
        seen: row.and_then(|row| row.online_since.or(row.entry.last_seen)),
        rules: row.map(|row| row.entry.faults.clone()).unwrap_or_default(),
        faults: Vec::new(),
        standing: badge(kind, page.of(&one.standing.words())),
        claims: one
            .said
            .claims()
            .iter()
            .map(|(claim, code)| {
                let code = code.map_or_else(|| page.t("facility-nowhere"), |code| code.to_string());
                format!("{}: {code}", page.of(&claim.words()))
            })
            .collect(),
        decided: one.said.by_hand.as_ref().map(|hand| Pair {
            name: format!("{} {}", page.when(&hand.at), hand.by),
            value: hand.reason.clone(),
        }),
    }
}

fn event(page: &Page, one: &Happened) -> Event {
    match one {
        Happened::Import(record) => Event {
            at: record.at,
            what: page.t("timeline-import"),
            by: record.actor.clone(),
            reason: record.file_name.clone(),
            href: page
                .may(Permission::ImportLedger)
                .then(|| format!("/facilities/ledger/{}", record.id)),
            changes: Vec::new(),
        },
        Happened::Audit(entry) => Event {
            at: entry.at,
            what: match entry.action.as_str() {
                "facility.edit" => page.t("timeline-edit"),
                "facility.create" => page.t("timeline-create"),
                "facility.rename" => page.t("timeline-rename"),
                "facility.merge" => page.t("timeline-merge"),
                "terminal.attach" => page.t("timeline-attach"),
                other => other.to_owned(),
            },
            by: entry.actor.clone(),
            reason: entry.reason.clone(),
            href: page
                .may(Permission::ViewAudit)
                .then(|| format!("/audit?target={}", entry.target)),
            changes: changes(page, &entry.before, &entry.after),
        },
    }
}

/// Field by field, before and after, as the audit log has it.
fn changes(page: &Page, before: &str, after: &str) -> Vec<Pair> {
    let read = |text: &str| serde_json::from_str::<BTreeMap<String, Json>>(text).unwrap_or_default();
    let (before, after) = (read(before), read(after));
    let text = |value: Option<&Json>| match value {
        Some(Json::String(text)) => text.clone(),
        Some(Json::Null) | None => page.t("not-known"),
        Some(other @ (Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_))) => other.to_string(),
    };
    let changed = after
        .iter()
        .filter(|(key, value)| before.get(*key) != Some(value) && !value.is_null());
    changed
        .filter_map(|(key, value)| {
            let name = match Field::named(key) {
                Some(field) => page.of(&field.words()).to_owned(),
                None => key.clone(),
            };
            pair(name, format!("{} → {}", text(before.get(key)), text(Some(value))))
        })
        .collect()
}

#[derive(Debug, Deserialize)]
struct Renamed {
    #[serde(default)]
    to: String,
    #[serde(default)]
    reason: String,
}

async fn rename(visitor: Visitor, Path(text): Path<String>, Filled(asked): Filled<Renamed>) -> Shown {
    let (cx, page) = visitor.at(Place::Facilities);
    let code = facilities::to_edit(&cx, &text)?;
    let renamed = match Code10::read(&asked.to) {
        Ok((to, _)) => facilities::rename(&cx, code, to, &asked.reason).await,
        Err(bad) => {
            let bad = kaishin_domain::facility::BadField::Code(bad);
            let words = bad.words();
            Err(AppError::invalid(bad.code(), words.ja, words.en))
        }
    };
    match renamed {
        Ok(to) => Ok(Redirect::to(&format!("/facilities/{to}?done=facility-renamed")).into_response()),
        Err(error) => {
            let problem = on_the_page(&page, error)?;
            shown(&cx, page, code, Some(problem)).await
        }
    }
}

#[derive(Debug, Deserialize)]
struct Attached {
    #[serde(default)]
    terminal: String,
    /// `nowhere` or `reported`; in this facility otherwise.
    #[serde(default)]
    to: String,
    #[serde(default)]
    reason: String,
}

async fn attach(visitor: Visitor, Path(text): Path<String>, Filled(asked): Filled<Attached>) -> Shown {
    let (cx, page) = visitor.at(Place::Facilities);
    let code = facilities::to_edit(&cx, &text)?;
    let to = match asked.to.as_str() {
        "nowhere" => Where::Nowhere,
        "reported" => Where::AsReported,
        _ => Where::In(code),
    };
    let attached = match facilities::terminal_called(&cx, asked.terminal.trim()) {
        Ok(id) => facilities::attach(&cx, id, to, &asked.reason).await.map(drop),
        Err(error) => Err(error),
    };
    match attached {
        Ok(()) => Ok(Redirect::to(&format!("/facilities/{code}?done=attached")).into_response()),
        Err(error) => {
            let problem = on_the_page(&page, error)?;
            shown(&cx, page, code, Some(problem)).await
        }
    }
}

#[derive(Template)]
#[template(path = "facility.html")]
struct View {
    page: Page,
    href: String,
    topic: String,
    code: String,
    name: String,
    kana: String,
    flags: Vec<Badge>,
    who: Vec<Told>,
    how: Vec<Told>,
    notes: Option<String>,
    terminals: Vec<TerminalRow>,
    claimed: Vec<TerminalRow>,
    codes: Vec<Code>,
    timeline: Vec<Event>,
    may_edit: bool,
    problem: Option<Problem>,
}

/// What is not known says so.
struct Told {
    name: String,
    value: Option<String>,
}

struct TerminalRow {
    id: String,
    href: String,
    hostname: String,
    state: Badge,
    seen: Option<Time>,
    /// Of its open faults, before they have their words.
    rules: Vec<String>,
    faults: Vec<Badge>,
    standing: Badge,
    claims: Vec<String>,
    decided: Option<Pair>,
}

struct Code {
    code: String,
    from: Option<Time>,
    until: Option<Time>,
    reason: String,
}

struct Event {
    at: Time,
    what: String,
    by: String,
    reason: String,
    href: Option<String>,
    changes: Vec<Pair>,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_domain::facility::{Attachment, ByHand, EarlierCode, Facility, Kept};
    use kaishin_domain::id::TerminalId;

    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    fn detail() -> Detail {
        let mut facility = Facility::new("0110113719".parse().expect("a code"), "<i>さくら医院");
        Field::Hours.put(&mut facility, "月-金 9:00-12:00").expect("hours");
        let resident = |n: u8, standing: Standing| Resident {
            id: TerminalId::new(Time(0), [n; 10]),
            row: None,
            said: Attachment {
                by_token: Some(facility.code),
                reported: None,
                by_hand: Some(ByHand {
                    code: None,
                    at: Time(5),
                    by: "tanaka".into(),
                    reason: "撤去".into(),
                }),
            },
            standing,
            facility: None,
        };
        Detail {
            terminals: vec![resident(1, Standing::Attached), resident(2, Standing::Conflict)],
            claimed: vec![resident(3, Standing::Overruled)],
            earlier: vec![EarlierCode {
                code: "0110113701".parse().expect("a code"),
                facility: facility.code,
                used_from: None,
                used_until: Some(Time(1)),
                reason: "移転".into(),
            }],
            kept: Kept {
                facility,
                revision: 3,
                created_at: Time(0),
                updated_at: Time(0),
            },
        }
    }

    #[test]
    fn the_page_renders_in_both_languages_and_says_what_is_not_known() {
        for lang in Lang::ALL {
            for role in [Role::Viewer, Role::Admin] {
                let page = sample::page(lang, Some(role), Some(Place::Facilities));
                let html = sample::check(&view(page, &detail(), &[], None));
                assert!(html.contains("class=\"unknown\"") && !html.contains("<i>"));
                assert_eq!(html.contains("/attach"), role == Role::Admin);
            }
        }
    }

    #[test]
    fn the_log_tells_each_field_before_and_after() {
        let page = sample::page(Lang::Ja, None, None);
        let told = changes(
            &page,
            r#"{"name":"旧","notes":null}"#,
            r#"{"name":"新","notes":"裏口"}"#,
        );
        let lines: Vec<String> = told
            .iter()
            .map(|pair| format!("{}: {}", pair.name, pair.value))
            .collect();
        assert_eq!(lines[0], "名称: 旧 → 新");
        assert!(lines[1].ends_with("→ 裏口"));
        assert!(changes(&page, "null", "not json").is_empty());
    }
}
