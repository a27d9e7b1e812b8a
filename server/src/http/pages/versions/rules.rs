//! `/versions/rules`: every rule in force, what it asks, where a manual demands it, and what helps.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use kaishin_domain::access::Permission;
use kaishin_domain::expr::Field;
use kaishin_domain::rule::{Contradiction, Rule, Severity};

use super::super::parts::{Badge, badge};
use super::super::{Page, Place, Shown, show};
use crate::app::rules;
use crate::http::auth::Visitor;
use crate::http::failure::{Failure, nothing_here};
use crate::http::query::address;
use crate::http::routes::{Needs, Routes};

pub fn routes() -> Routes {
    let needs = Needs::Permission(Permission::ViewFleet);
    Routes::new()
        .get("/versions/rules", needs, list)
        .get("/versions/rules/{id}", needs, one)
}

async fn list(visitor: Visitor) -> Shown {
    let (cx, page) = visitor.at(Place::Versions);
    let rows = rules::list(&cx)?.into_iter().map(|(rule, open)| row(&page, rule, open));
    let view = View {
        tab: "rules",
        rows: rows.collect(),
        asleep: cx.app.rules.asleep().to_vec(),
        blind: cx.app.rules.blind().to_vec(),
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

async fn one(visitor: Visitor, Path(id): Path<String>) -> Shown {
    let (cx, page) = visitor.at(Place::Versions);
    let found = rules::list(&cx)?.into_iter().find(|(rule, _)| rule.id == id);
    let Some((rule, open)) = found else {
        return Err(Failure(nothing_here()));
    };
    Ok(show(StatusCode::OK, &RuleView::of(page, rule, open)))
}

fn severity(page: &Page, rule: &Rule) -> Badge {
    match rule.severity {
        Severity::Serious => badge("bad", page.t("weight-grave")),
        Severity::Warning => badge("warn", page.t("weight-mild")),
        Severity::Notice => badge("", page.t("weight-note")),
    }
}

fn row(page: &Page, rule: &Rule, open: u64) -> Row {
    Row {
        id: rule.id.clone(),
        title: page.of(&rule.title).to_owned(),
        severity: severity(page, rule),
        citation: page.of(&rule.citation).to_owned(),
        disputed: rule.contradiction.is_some(),
        open,
        href: address("/terminals", &[("q", &format!("fault:{}", rule.id))]),
    }
}

struct Row {
    id: String,
    title: String,
    severity: Badge,
    citation: String,
    disputed: bool,
    open: u64,
    href: String,
}

#[derive(Template)]
#[template(path = "rules.html")]
struct View {
    page: Page,
    tab: &'static str,
    rows: Vec<Row>,
    asleep: Vec<String>,
    blind: Vec<String>,
}

impl View {
    fn disputed(&self) -> String {
        self.page.of(&Contradiction::label()).to_owned()
    }
}

#[derive(Template)]
#[template(path = "rule.html")]
struct RuleView {
    page: Page,
    tab: &'static str,
    row: Row,
    explanation: String,
    expected: String,
    evidence: Vec<(String, &'static str)>,
    applies: String,
    condition: String,
    unique: bool,
    /// What the manuals say against each other, and the other's place.
    dispute: Option<(String, String)>,
    label: String,
    remedy: Option<String>,
    procedure: Option<String>,
}

impl RuleView {
    fn of(page: Page, rule: &Rule, open: u64) -> RuleView {
        let named = |key: &'static str| {
            let name = Field::find(key).map_or(key, |field| page.lang.choose(field.ja(), field.en()));
            (name.to_owned(), key)
        };
        let dispute = rule.contradiction.as_ref();
        RuleView {
            tab: "rules",
            row: row(&page, rule, open),
            explanation: page.of(&rule.explanation).to_owned(),
            expected: page.of(&rule.expected).to_owned(),
            evidence: rule.all_evidence().map(named).collect(),
            applies: rule.applies.to_string(),
            condition: rule.fault.to_string(),
            unique: rule.unique,
            dispute: dispute.map(|found| {
                let with = found.with.words();
                (page.of(&found.words).to_owned(), page.of(&with).to_owned())
            }),
            label: page.of(&Contradiction::label()).to_owned(),
            remedy: rule.remedy.map(|remedy| page.of(&remedy.title()).to_owned()),
            procedure: rule.procedure.as_ref().map(|found| page.of(&found.name).to_owned()),
            page,
        }
    }
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;

    use super::super::super::sample;
    use super::*;
    use crate::app::rules::InForce;
    use crate::http::words::Lang;
    use kaishin_domain::rule::OwnRules;

    #[test]
    fn every_rule_renders_in_both_languages_with_its_citation() {
        let pack = crate::app::Rules::new(InForce::built_in(), OwnRules::default());
        for lang in Lang::ALL {
            let page = sample::page(lang, Some(Role::Viewer), Some(Place::Versions));
            let rows = pack.rules().iter().take(20).map(|rule| row(&page, rule, 3));
            let view = View {
                tab: "rules",
                rows: rows.collect(),
                asleep: vec!["edge-old".into()],
                blind: pack.blind().to_vec(),
                page: page.clone(),
            };
            let html = sample::check(&view);
            assert!(
                html.contains("<code class=\"nowrap\">distribution-auto-update-on-pro</code>"),
                "{html}"
            );
            assert!(
                html.contains("/versions/rules/oqs-face-old") || html.contains("/versions/rules/edge-"),
                "{html}"
            );
            for rule in pack.rules() {
                let html = sample::check(&RuleView::of(page.clone(), rule, 3));
                assert!(html.contains(&rule.id), "{}", rule.id);
            }
        }
    }
}
