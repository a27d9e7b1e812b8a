//! `/`: is the fleet healthy, what is wrong with it, what was done lately.

use askama::Template;
use axum::http::StatusCode;
use kaishin_domain::access::Permission;

use super::parts::{JobLine, job_state};
use super::{Page, Place, Shown, show};
use crate::app::terminals;
use crate::http::auth::Visitor;
use crate::http::query::address;
use crate::http::routes::{Needs, Routes};

pub fn routes() -> Routes {
    Routes::new().get("/", Needs::Permission(Permission::ViewFleet), overview)
}

async fn overview(visitor: Visitor) -> Shown {
    let (cx, page) = visitor.at(Place::Overview);
    let overview = terminals::overview(&cx).await?;
    let rule = |(id, count): (&String, &u64)| RuleRow {
        name: match cx.app.rules.rule(id) {
            Some(rule) => page.of(&rule.title).to_owned(),
            None => id.clone(),
        },
        href: address("/terminals", &[("q", &format!("fault:{id}"))]),
        slug: id.clone(),
        count: *count,
    };
    let mut rules: Vec<RuleRow> = overview
        .counts
        .by_fault
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(rule)
        .collect();
    rules.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.slug.cmp(&other.slug)));
    let job = |job: &kaishin_domain::job::Job| JobLine {
        remedy: page.of(&job.remedy.title()).to_owned(),
        hostname: match cx.app.index.get(job.terminal) {
            Some(row) => row.entry.hostname,
            None => job.terminal.to_string(),
        },
        terminal_href: format!("/terminals/{}", job.terminal),
        state: job_state(&page, job),
        at: job.created_at,
    };
    let view = View {
        terminals: overview.counts.terminals,
        online: overview.counts.online,
        offline: overview.counts.offline,
        pending: overview.pending,
        faults: overview.counts.faults,
        may_see_pending: page.may(Permission::ViewPending),
        online_href: address("/terminals", &[("q", "online:yes")]),
        offline_href: address("/terminals", &[("q", "online:no")]),
        rules,
        jobs: overview.recent_jobs.iter().map(job).collect(),
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

#[derive(Template)]
#[template(path = "overview.html")]
struct View {
    page: Page,
    terminals: u64,
    online: u64,
    offline: u64,
    pending: u64,
    faults: u64,
    may_see_pending: bool,
    online_href: String,
    offline_href: String,
    rules: Vec<RuleRow>,
    jobs: Vec<JobLine>,
}

/// One fault and how many terminals have it.
struct RuleRow {
    name: String,
    slug: String,
    count: u64,
    href: String,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_domain::time::Time;

    use super::super::parts::badge;
    use super::super::{Place, sample};
    use super::*;
    use crate::http::words::Lang;

    fn view(lang: Lang, terminals: u64) -> View {
        View {
            page: sample::page(lang, Some(Role::Desk), Some(Place::Overview)),
            terminals,
            online: terminals / 2,
            offline: terminals - terminals / 2,
            pending: 2,
            faults: 3,
            may_see_pending: true,
            online_href: "/terminals?q=online%3Ayes".into(),
            offline_href: "/terminals?q=online%3Ano".into(),
            rules: if terminals == 0 {
                vec![]
            } else {
                vec![RuleRow {
                    name: "<i>高速スタートアップが有効</i>".into(),
                    slug: "fast-startup-on".into(),
                    count: 3,
                    href: "/terminals?q=fault%3Afast-startup-on".into(),
                }]
            },
            jobs: vec![JobLine {
                remedy: "最新の情報を取得".into(),
                hostname: "UKETSUKE-01<i>".into(),
                terminal_href: "/terminals/x".into(),
                state: badge("good", "完了"),
                at: Time(1_795_151_000_000_000),
            }],
        }
    }

    #[test]
    fn the_page_renders_in_both_languages() {
        for lang in Lang::ALL {
            let html = sample::check(&view(lang, 12_483));
            assert!(html.contains("12,483") && html.contains("aria-current=\"page\"") && !html.contains("<i>"));
        }
    }

    #[test]
    fn an_empty_fleet_says_what_to_do_first() {
        assert!(sample::check(&view(Lang::En, 0)).contains("Issue an enrolment token"));
    }
}
