//! `/terminals/{id}`: what is wrong now, worst first, and the work on it; `/terminals/{id}/faults`: what every rule says.

use askama::Template;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use kaishin_domain::expr::Field;
use kaishin_domain::remedy::{Class, Remedy};
use kaishin_domain::rule::{Outcome, Rule, Severity, judge};
use kaishin_domain::time::Time;
use kaishin_domain::value::Value;

use super::jobs::{JobView, jobs_of, why_not_cancel};
use super::{Answer, Badge, Cx, Head, Link, Page, Tab, Visitor, Why, head, opened, show, shown};
use crate::app::calls;
use crate::app::terminals::{FaultRow as Fault, TerminalDetail};
use crate::http::pages::parts::badge;

/// The first page is about now.
const JOBS: usize = 3;

pub async fn now(visitor: Visitor, Path(text): Path<String>, headers: HeaderMap) -> Answer {
    let (cx, page, detail) = opened(visitor, &text, &headers).await?;
    let open = detail.jobs.iter().filter(|job| !job.is_final()).count();
    let latest = &detail.jobs[..detail.jobs.len().min(JOBS.max(open))];
    let view = NowView {
        faults: faults(&cx, &page, &detail),
        jobs: jobs_of(&cx, &page, latest).await?,
        more_jobs: detail.jobs.len() > latest.len(),
        told: told(&detail),
        head: head(&cx, &page, &detail, Tab::Now),
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

pub async fn all(visitor: Visitor, Path(text): Path<String>, headers: HeaderMap) -> Answer {
    let (cx, page, detail) = opened(visitor, &text, &headers).await?;
    let view = AllView {
        faults: faults(&cx, &page, &detail),
        checks: checks(&cx, &page, &detail),
        told: told(&detail),
        head: head(&cx, &page, &detail, Tab::Faults),
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

/// When the terminal last told something.
fn told(detail: &TerminalDetail) -> Option<Time> {
    detail.sections.iter().map(|section| section.received_at).max()
}

fn faults(cx: &Cx, page: &Page, detail: &TerminalDetail) -> Vec<FaultRow> {
    let severity = |fault: &Fault| {
        cx.app
            .rules
            .rule(&fault.rule)
            .map_or(Severity::Notice, |rule| rule.severity)
    };
    let mut open: Vec<&Fault> = detail.faults.iter().collect();
    open.sort_by_key(|fault| (severity(fault), fault.opened_at));
    let href = format!("/terminals/{}", detail.terminal.id);
    open.into_iter()
        .map(|fault| fault_row(cx, page, &href, fault))
        .collect()
}

fn weight(page: &Page, severity: Severity) -> Badge {
    match severity {
        Severity::Serious => badge("bad", page.t("weight-grave")),
        Severity::Warning => badge("warn", page.t("weight-mild")),
        Severity::Notice => badge("", page.t("weight-note")),
    }
}

fn fault_row(cx: &Cx, page: &Page, href: &str, fault: &Fault) -> FaultRow {
    let rule = cx.app.rules.rule(&fault.rule);
    let of = |words: fn(&Rule) -> &kaishin_domain::words::Words| {
        rule.map_or_else(String::new, |rule| page.of(words(rule)).to_owned())
    };
    FaultRow {
        slug: fault.rule.clone(),
        name: rule.map_or_else(|| fault.rule.clone(), |rule| page.of(&rule.title).to_owned()),
        explanation: of(|rule| &rule.explanation),
        citation: of(|rule| &rule.citation),
        weight: weight(page, rule.map_or(Severity::Notice, |rule| rule.severity)),
        expected: page.of(&fault.expected).to_owned(),
        found: told_as(page, fault, rule, &fault.found),
        before: fault.before.as_ref().map(|before| told_as(page, fault, rule, before)),
        at_odds: rule.and_then(|rule| rule.contradiction.as_ref()).map(|other| {
            let with = other.with.words();
            page.lang.with(
                "at-odds-with",
                &[("words", &page.of(&other.words)), ("with", &page.of(&with))],
            )
        }),
        since: fault.opened_at,
        same_href: crate::http::query::address("/terminals", &[("q", &format!("fault:{}", fault.rule))]),
        same: cx.app.index.counts().by_fault.get(&fault.rule).copied().unwrap_or(0),
        remedy: rule
            .and_then(|rule| rule.remedy)
            .map(|remedy| remedy_link(page, href, remedy)),
        // What only looks would change nothing, which says nothing of the fault.
        dry_run: rule
            .and_then(|rule| rule.remedy)
            .filter(|remedy| remedy.class() != Class::Read)
            .map(|remedy| asked(&format!("{href}/jobs/dry-run"), remedy)),
        procedure: rule
            .and_then(|rule| rule.procedure.as_ref())
            .map(|procedure| page.of(&procedure.name).to_owned()),
        guide: rule.and_then(|rule| {
            let named = rule.procedure.as_ref().map(|procedure| procedure.slug.as_str());
            let slug = named.or_else(|| rule.remedy.map(Remedy::name))?;
            Some(calls::guide(&cx.app, slug)?.slug.clone())
        }),
    }
}

/// A value of the fact that the fault was found by.
fn told_as(page: &Page, fault: &Fault, rule: Option<&Rule>, value: &Value) -> String {
    let key = fault
        .evidence
        .as_deref()
        .or(rule.map(|rule| rule.evidence))
        .unwrap_or("");
    named(page, rule, key, value)
}

/// With the name of the fact where the value alone does not say what it is: a yes or no, or one of several facts.
fn named(page: &Page, rule: Option<&Rule>, key: &str, value: &Value) -> String {
    let told = shown(page.lang, key, value).line(page.lang);
    let several = rule.is_some_and(|rule| rule.all_evidence().count() > 1);
    match Field::find(key).filter(|_| several || matches!(value, Value::Truth(_))) {
        Some(field) => {
            let name = page.lang.choose(field.ja(), field.en());
            format!("{name}{}{told}", page.lang.choose("：", ": "))
        }
        None => told,
    }
}

fn remedy_link(page: &Page, href: &str, remedy: Remedy) -> Link {
    Link {
        href: asked(&format!("{href}/jobs/new"), remedy),
        name: page.of(&remedy.title()).to_owned(),
    }
}

/// The address with the remedy and its parameters.
pub fn asked(path: &str, remedy: Remedy) -> String {
    let mut asked = vec![("remedy".to_owned(), remedy.name().to_owned())];
    asked.extend(remedy.params().into_iter().map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name, text)
    }));
    let asked: Vec<(&str, &str)> = asked
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    crate::http::query::address(path, &asked)
}

/// Every rule of the pack, the worst verdicts first.
fn checks(cx: &Cx, page: &Page, detail: &TerminalDetail) -> Vec<Check> {
    let Some(row) = &detail.row else { return Vec::new() };
    let mut checks: Vec<(u8, Check)> = judge(&cx.app.rules, row, cx.now())
        .into_iter()
        .map(|verdict| {
            let (order, state, note) = match &verdict.outcome {
                Outcome::Fault { found, evidence, .. } => (
                    0,
                    badge("bad", page.t("check-fault")),
                    named(page, Some(verdict.rule), evidence, found),
                ),
                Outcome::Unknown { why } => (
                    1,
                    badge("warn", page.t("check-unknown")),
                    page.of(&why.words()).to_owned(),
                ),
                Outcome::Pass => (2, badge("good", page.t("check-pass")), String::new()),
                Outcome::NotApplicable => (3, badge("", page.t("check-not-applicable")), String::new()),
            };
            let check = Check {
                name: page.of(&verdict.rule.title).to_owned(),
                expected: page.of(&verdict.rule.expected).to_owned(),
                citation: page.of(&verdict.rule.citation).to_owned(),
                state,
                note,
            };
            (order, check)
        })
        .collect();
    checks.sort_by_key(|(order, _)| *order);
    checks.into_iter().map(|(_, check)| check).collect()
}

struct FaultRow {
    slug: String,
    name: String,
    weight: Badge,
    explanation: String,
    citation: String,
    expected: String,
    found: String,
    /// What it was before it became so.
    before: Option<String>,
    /// What the manuals say differently.
    at_odds: Option<String>,
    since: Time,
    /// How many terminals have it, this one among them.
    same: u64,
    same_href: String,
    remedy: Option<Link>,
    /// Where it is asked what the remedy would change.
    dry_run: Option<String>,
    /// What a person does where no remedy helps.
    procedure: Option<String>,
    /// What a clinic can be led through on the phone.
    guide: Option<String>,
}

struct Check {
    name: String,
    expected: String,
    citation: String,
    state: Badge,
    note: String,
}

#[derive(Template)]
#[template(path = "terminal_now.html")]
struct NowView {
    page: Page,
    head: Head,
    faults: Vec<FaultRow>,
    jobs: Vec<JobView>,
    more_jobs: bool,
    told: Option<Time>,
}

impl NowView {
    fn why_not_cancel(&self) -> Option<&Why> {
        why_not_cancel(&self.head, &self.jobs)
    }
}

#[derive(Template)]
#[template(path = "terminal_faults.html")]
struct AllView {
    page: Page,
    head: Head,
    faults: Vec<FaultRow>,
    checks: Vec<Check>,
    told: Option<Time>,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;

    use super::super::jobs;
    use super::super::samples::{self, AT};
    use super::super::{commands, why};
    use super::*;
    use crate::http::pages::sample;
    use crate::http::words::Lang;

    fn fault() -> FaultRow {
        FaultRow {
            slug: "fast-startup-on".into(),
            name: "高速スタートアップが有効".into(),
            explanation: "夜間の更新が適用されません。<i>".into(),
            citation: "セットアップ手順書".into(),
            weight: badge("bad", "重大"),
            expected: "無効".into(),
            found: "有効".into(),
            before: Some("無効<i>".into()),
            at_odds: Some("資料により異なります。".into()),
            since: AT,
            same: 12_483,
            same_href: "/terminals?q=x".into(),
            remedy: Some(Link {
                href: "/terminals/x/jobs/new?remedy=fast-startup-off".into(),
                name: "高速スタートアップを無効にする".into(),
            }),
            dry_run: Some("/terminals/x/jobs/dry-run?remedy=fast-startup-off".into()),
            procedure: None,
            guide: Some("restart".into()),
        }
    }

    fn view(lang: Lang, role: Role) -> NowView {
        let page = samples::page(lang, role);
        NowView {
            head: samples::head(&page),
            faults: vec![fault()],
            jobs: vec![jobs::sample()],
            more_jobs: true,
            told: Some(AT),
            page,
        }
    }

    #[test]
    fn the_page_renders_in_both_languages() {
        for lang in Lang::ALL {
            let html = sample::check(&view(lang, Role::Admin));
            assert!(html.contains("/revoke") && html.contains("12,483") && !html.contains("<i>"));
            let page = samples::page(lang, Role::Admin);
            let html = sample::check(&AllView {
                head: samples::head(&page),
                faults: vec![fault()],
                checks: vec![Check {
                    name: "再起動<i>".into(),
                    expected: "3日以内".into(),
                    citation: "手順書".into(),
                    state: badge("warn", page.t("check-unknown")),
                    note: "まだ報告されていません".into(),
                }],
                told: Some(AT),
                page,
            });
            assert!(!html.contains("<i>"));
        }
    }

    #[test]
    fn who_may_only_look_sees_what_there_is_and_why_it_is_not_for_them() {
        for lang in Lang::ALL {
            let html = sample::check(&view(lang, Role::Viewer));
            for way in ["/revoke", "/release", "/cancel", "/jobs/new"] {
                assert!(!html.contains(&format!("{way}\"")), "{way}");
            }
            assert!(!html.contains("jobs/new"));
            for why in ["why-work", "why-revoke", "why-cancel"] {
                let (told, pointed) = (format!("id=\"{why}\""), format!("aria-describedby=\"{why}\""));
                assert_eq!(html.matches(&told).count(), 1, "{why}");
                assert!(html.contains(&pointed), "{why}");
            }
        }
    }

    #[test]
    fn a_revoked_terminal_says_once_why_nothing_can_be_done() {
        let mut view = view(Lang::En, Role::Admin);
        let revoked = why("why-revoked", Some(view.page.t("denied-revoked")));
        view.head.held = false;
        view.head.cannot.work = revoked.clone();
        view.head.cannot.revoke = revoked;
        view.head.commands = commands(&view.page, &view.head.href, &view.head.cannot);
        let html = sample::check(&view);
        assert_eq!(html.matches("id=\"why-revoked\"").count(), 1);
        assert!(!html.contains("/revoke\""));
    }

    #[test]
    fn all_is_well_is_told_apart_from_nothing_known() {
        for (told, words) in [(Some(AT), "No faults found"), (None, "No facts received yet")] {
            let html = sample::check(&NowView {
                faults: vec![],
                told,
                ..view(Lang::En, Role::Desk)
            });
            assert!(html.contains(words), "{words}");
        }
    }
}
