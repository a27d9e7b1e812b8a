//! `/terminals/{id}/jobs/dry-run`: what a remedy would do to a terminal as it is now, asked of the terminal while the person
//! waits. A page of its own for who comes by the link; pages that offer a remedy take its middle part into themselves.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use kaishin_domain::id::TerminalId;
use kaishin_domain::remedy::{Class, Remedy};
use kaishin_proto::evidence;

use super::job::Wanted;
use super::parts::{Badge, badge};
use super::{Page, Place, Shown, show};
use crate::app::dry_run::{self, DryRun, Verdict};
use crate::app::{Kind, terminals};
use crate::http::api::id;
use crate::http::auth::Visitor;
use crate::http::failure::{Failure, Wished};
use crate::http::routes::{Needs, Routes};
use kaishin_domain::access::Permission;

pub fn routes() -> Routes {
    Routes::new().get(
        "/terminals/{id}/jobs/dry-run",
        // Which of the two permissions it needs depends on the remedy, as for ordering it.
        Needs::Permission(Permission::RefreshFacts),
        told,
    )
}

async fn told(visitor: Visitor, Path(text): Path<String>, Wished(wanted): Wished<Wanted>) -> Shown {
    let (cx, page) = visitor.at(Place::Terminals);
    let id: TerminalId = id(&text)?;
    let remedy = wanted.remedy()?;
    let told = match dry_run::ask(&cx, id, remedy).await {
        Ok(told) => told,
        // Said in its place: the page around it stays as it is.
        Err(error) if error.kind == Kind::TooMany => DryRun {
            verdict: Verdict::Unknown,
            changes: Vec::new(),
            reason: Some(error.words),
        },
        Err(error) => return Err(Failure(error)),
    };
    let detail = terminals::get(&cx, id).await?;
    let changes = told
        .changes
        .iter()
        .map(|one| page.of(&evidence::change(one)).to_owned())
        .collect();
    let (verdict, sentence, reason) = match (told.verdict, by_itself(remedy)) {
        (Verdict::AlreadyFine, Some(sentence)) => {
            (badge("", page.t("verdict-changes-nothing")), page.t(sentence), None)
        }
        (verdict, _) => (
            self::verdict(&page, verdict),
            page.t(&format!("dry-run-{}", slug(verdict))),
            told.reason.map(|words| page.of(&words).to_owned()),
        ),
    };
    let view = View {
        href: format!("/terminals/{id}"),
        hostname: detail.terminal.machine.hostname,
        remedy: page.of(&remedy.spelled()).to_owned(),
        verdict,
        sentence,
        changes,
        reason,
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

/// What never changes anything by itself is not "already as it should be" for that; how it is said.
fn by_itself(remedy: Remedy) -> Option<&'static str> {
    if matches!(remedy, Remedy::NotifyStaff { .. }) {
        return Some("dry-run-only-shows");
    }
    if matches!(remedy, Remedy::Guided(_)) && remedy.about().facts.is_empty() {
        return Some("dry-run-by-person");
    }
    (remedy.class() == Class::Read).then_some("dry-run-only-reads")
}

fn slug(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::WouldChange => "would-change",
        Verdict::AlreadyFine => "already-fine",
        Verdict::NotApplicable => "not-applicable",
        Verdict::Offline => "offline",
        Verdict::Unknown => "unknown",
    }
}

fn verdict(page: &Page, verdict: Verdict) -> Badge {
    let kind = match verdict {
        Verdict::WouldChange => "busy",
        Verdict::AlreadyFine => "good",
        Verdict::NotApplicable => "",
        Verdict::Offline | Verdict::Unknown => "warn",
    };
    badge(kind, page.t(&format!("verdict-{}", slug(verdict))))
}

#[derive(Template)]
#[template(path = "dry_run.html")]
struct View {
    page: Page,
    href: String,
    hostname: String,
    remedy: String,
    verdict: Badge,
    sentence: String,
    changes: Vec<String>,
    reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;

    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    #[test]
    fn what_changes_nothing_by_itself_is_not_called_as_it_should_be() {
        for (remedy, said) in [
            (Remedy::ConnectionCheck, Some("dry-run-only-reads")),
            (Remedy::by_name("notify-staff").unwrap(), Some("dry-run-only-shows")),
            (
                Remedy::by_name("card-reader-power-cycle").unwrap(),
                Some("dry-run-by-person"),
            ),
            (Remedy::by_name("display-scale").unwrap(), None),
            (Remedy::FastStartupOff, None),
        ] {
            assert_eq!(by_itself(remedy), said);
        }
    }

    #[test]
    fn every_verdict_renders_in_both_languages() {
        for lang in Lang::ALL {
            for told in [
                Verdict::WouldChange,
                Verdict::AlreadyFine,
                Verdict::NotApplicable,
                Verdict::Offline,
                Verdict::Unknown,
            ] {
                let page = sample::page(lang, Some(Role::Desk), Some(Place::Terminals));
                let html = sample::check(&View {
                    href: "/terminals/x".into(),
                    hostname: "UKETSUKE-01<i>".into(),
                    remedy: "アクティブ時間を設定する".into(),
                    verdict: verdict(&page, told),
                    sentence: page.t(&format!("dry-run-{}", slug(told))),
                    changes: vec!["開始：8 → 7<i>".into()],
                    reason: Some("ポリシー<i>".into()),
                    page,
                });
                assert!(html.contains("id=\"told\"") && !html.contains("<i>"));
            }
        }
    }
}
