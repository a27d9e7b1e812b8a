//! `/`: is the fleet healthy, what is wrong with it and where, what changed today, what runs now.

mod figures;

use askama::Template;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use kaishin_domain::access::Permission;
use kaishin_domain::facility::Prefecture;
use kaishin_domain::rule::Severity;
use kaishin_domain::time::Time;

use super::charts::{Area, Bar, Counted, Line, Sample, Tiles, csv, line, pareto, tiles};
use super::parts::{Empty, JobLine, Link, job_state};
use super::{Page, Place, Shown, show};
use crate::app::overview::{self, Glance};
use crate::app::{Cx, terminals};
use crate::http::auth::Visitor;
use crate::http::failure::{Failure, nothing_here};
use crate::http::query::address;
use crate::http::routes::{Needs, Routes};
use crate::index::Counts;
use figures::{Change, Version, changes, empty, versions};

/// So many faults are shown at once.
const WORST: usize = 12;

pub fn routes() -> Routes {
    let needs = Needs::Permission(Permission::ViewFleet);
    Routes::new()
        .get("/", needs, overview)
        .get("/overview/csv/{chart}", needs, chart_csv)
}

async fn overview(visitor: Visitor) -> Shown {
    let (cx, page) = visitor.at(Place::Overview);
    let overview = terminals::overview(&cx).await?;
    let glance = overview::glance(&cx).await?;
    let counts = &overview.counts;
    let areas = areas(&glance);
    let mut faults = faults(&cx, &page, counts);
    // What runs stands first; what is recent and runs stands there once.
    let running = &glance.today.running;
    let recent = overview.recent_jobs.iter();
    let recent = recent.filter(|job| running.iter().all(|other| other.id != job.id));
    let view = View {
        tiles: [
            tile(
                "",
                page.t("count-terminals"),
                counts.terminals,
                String::new(),
                "/terminals",
            ),
            tile(
                "good",
                page.t("count-online"),
                counts.online,
                share(&page, counts.online, counts),
                "/terminals?q=online%3Ayes",
            ),
            tile(
                if counts.offline > 0 { "warn" } else { "" },
                page.t("count-offline"),
                counts.offline,
                share(&page, counts.offline, counts),
                "/terminals?q=online%3Ano",
            ),
            tile(
                if counts.faulty > 0 { "bad" } else { "" },
                page.t("count-faulty"),
                counts.faulty,
                share(&page, counts.faulty, counts),
                "/terminals?q=fault%3A*",
            ),
        ]
        .into_iter()
        .chain(pending(&page, overview.pending))
        .collect(),
        more_faults: faults.split_off(faults.len().min(WORST)),
        faults,
        faults_empty: empty(&page, counts),
        map: (!areas.is_empty()).then(|| {
            tiles(&page, &areas, |prefecture| {
                in_prefecture(prefecture, glance.places.by_ledger)
            })
        }),
        unplaced: glance.places.unknown,
        presence: presence(&page, &glance),
        versions: versions(&page, &glance.versions, counts.terminals),
        changes: changes(&cx, &page, &glance.today),
        since: glance.today.since,
        waiting: glance.today.jobs.waiting,
        under_way: glance.today.jobs.under_way,
        jobs: running
            .iter()
            .chain(recent)
            .map(|job| job_line(&cx, &page, job))
            .collect(),
        terminals: counts.terminals,
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

fn share(page: &Page, part: u64, counts: &Counts) -> String {
    page.share(&part, &counts.terminals)
}

fn tile(kind: &'static str, name: String, count: u64, note: String, href: &'static str) -> Tile {
    Tile {
        kind,
        name,
        count,
        note,
        href,
    }
}

fn pending(page: &Page, count: u64) -> Option<Tile> {
    let note = if count > 0 {
        page.t("count-pending-note")
    } else {
        String::new()
    };
    let kind = if count > 0 { "warn" } else { "" };
    page.may(Permission::ViewPending)
        .then(|| tile(kind, page.t("count-pending"), count, note, "/enrolment/pending"))
}

fn faults(cx: &Cx, page: &Page, counts: &Counts) -> Vec<Bar> {
    let counted = counts.by_fault.iter().filter(|(_, count)| **count > 0);
    let counted = counted.map(|(id, count)| {
        let rule = cx.app.rules.rule(id);
        Counted {
            name: rule.map_or_else(|| id.clone(), |rule| page.of(&rule.title).to_owned()),
            href: address("/terminals", &[("q", &format!("fault:{id}"))]),
            slug: id.clone(),
            count: *count,
            kind: match rule.map(|rule| rule.severity) {
                Some(Severity::Serious) => "bad",
                Some(Severity::Warning) => "warn",
                Some(Severity::Notice) | None => "",
            },
        }
    });
    pareto(page, counted.collect(), counts.terminals)
}

fn in_prefecture(prefecture: Prefecture, by_ledger: bool) -> String {
    let q = if by_ledger {
        format!("facility.prefecture:{}", prefecture.words().ja)
    } else {
        let number = prefecture.number();
        format!("institution:{number:02}* OR institution:{}*", number + 50)
    };
    address("/terminals", &[("q", &q)])
}

fn areas(glance: &Glance) -> Vec<Area> {
    let known = glance.places.known.iter();
    known
        .map(|place| Area {
            prefecture: place.prefecture,
            terminals: place.terminals,
            faulty: place.faulty,
            offline: place.offline,
        })
        .collect()
}

fn presence(page: &Page, glance: &Glance) -> Line {
    let samples: Vec<Sample> = glance
        .presence
        .iter()
        .map(|one| Sample {
            at: one.at,
            count: one.online,
            of: one.terminals,
        })
        .collect();
    line(page, &samples, glance.presence_since, page.now, overview::SAMPLED)
}

fn job_line(cx: &Cx, page: &Page, job: &kaishin_domain::job::Job) -> JobLine {
    JobLine {
        remedy: page.of(&job.remedy.spelled()).to_owned(),
        hostname: match cx.app.index.get(job.terminal) {
            Some(row) if !row.entry.hostname.is_empty() => row.entry.hostname,
            Some(_) | None => job.terminal.to_string(),
        },
        terminal_href: format!("/terminals/{}", job.terminal),
        state: job_state(page, job),
        at: job.created_at,
    }
}

/// Each chart as a table for spreadsheets.
async fn chart_csv(visitor: Visitor, Path(chart): Path<String>) -> Shown {
    let (cx, page) = visitor.at(Place::Overview);
    let text = match chart.as_str() {
        "faults" => {
            let counts = terminals::overview(&cx).await?.counts;
            let bars = faults(&cx, &page, &counts).into_iter();
            csv(
                "fault,title,terminals,share,cumulative",
                bars.map(|bar| vec![bar.slug, bar.name, bar.count.to_string(), bar.share, bar.sum]),
            )
        }
        "prefectures" => {
            let glance = overview::glance(&cx).await?;
            let places = glance.places.known.clone().into_iter();
            let numbers =
                |place: &overview::Place| [place.terminals, place.faulty, place.offline].map(|n| n.to_string());
            csv(
                "prefecture,name,terminals,faulty,offline",
                places.map(|place| {
                    let (number, words) = (place.prefecture.number(), place.prefecture.words());
                    let mut row = vec![format!("{number:02}"), page.of(&words).to_owned()];
                    row.extend(numbers(&place));
                    row
                }),
            )
        }
        "presence" => {
            let samples = overview::glance(&cx).await?.presence.into_iter();
            csv(
                "at,terminals,online,faulty",
                samples.map(|one| {
                    vec![
                        one.at.in_japan(),
                        one.terminals.to_string(),
                        one.online.to_string(),
                        one.faulty.to_string(),
                    ]
                }),
            )
        }
        "versions" => {
            let glance = overview::glance(&cx).await?;
            let rows: Vec<Vec<String>> = glance
                .versions
                .iter()
                .flat_map(|of| {
                    let values = of.values.iter().map(|(value, count)| (value.as_str(), *count));
                    let rest = [("(other)", of.others), ("(unknown)", of.unknown)]
                        .into_iter()
                        .filter(|(_, count)| *count > 0);
                    values
                        .chain(rest)
                        .map(|(value, count)| vec![of.field.to_owned(), value.to_owned(), count.to_string()])
                        .collect::<Vec<_>>()
                })
                .collect();
            csv("fact,value,terminals", rows.into_iter())
        }
        _ => return Err(Failure(nothing_here())),
    };
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{chart}.csv\""),
        ),
    ];
    Ok((headers, text).into_response())
}

#[derive(Template)]
#[template(path = "overview.html")]
struct View {
    page: Page,
    tiles: Vec<Tile>,
    terminals: u64,
    faults: Vec<Bar>,
    /// The rest of them, folded away.
    more_faults: Vec<Bar>,
    faults_empty: Empty,
    map: Option<Tiles>,
    /// Terminals without a known prefecture.
    unplaced: u64,
    presence: Line,
    versions: Vec<Version>,
    changes: Vec<Change>,
    since: Time,
    waiting: u64,
    under_way: u64,
    jobs: Vec<JobLine>,
}

struct Tile {
    kind: &'static str,
    name: String,
    count: u64,
    note: String,
    href: &'static str,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_domain::time::Span;

    use super::super::parts::badge;
    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    fn view(lang: Lang, terminals: u64) -> View {
        let page = sample::page(lang, Some(Role::Desk), Some(Place::Overview));
        let counts = Counts {
            terminals,
            ..Counts::default()
        };
        let counted = |slug: &str, count| Counted {
            name: format!("<i>{slug}</i>"),
            slug: slug.into(),
            href: "/terminals?q=x".into(),
            count,
            kind: "bad",
        };
        let now = page.now;
        let samples: Vec<Sample> = (0..2016)
            .map(|n| Sample {
                at: now - Span::days(7) + Span::minutes(5 * n),
                count: terminals / 2,
                of: terminals,
            })
            .collect();
        let areas: Vec<Area> = Prefecture::all()
            .map(|prefecture| Area {
                prefecture,
                terminals: 4_893,
                faulty: u64::from(prefecture.number()) * 40,
                offline: 7,
            })
            .collect();
        let job = JobLine {
            remedy: "最新の情報を取得".into(),
            hostname: "UKETSUKE-01<i>".into(),
            terminal_href: "/terminals/x".into(),
            state: badge("good", "完了"),
            at: now,
        };
        View {
            tiles: vec![tile(
                "good",
                page.t("count-online"),
                terminals,
                "50.0%".into(),
                "/terminals",
            )],
            terminals,
            more_faults: pareto(&page, vec![counted("disk-low", 1)], terminals),
            faults: pareto(
                &page,
                (0..40)
                    .filter(|_| terminals > 0)
                    .map(|n| counted(&format!("rule-{n}"), n))
                    .collect(),
                terminals,
            ),
            faults_empty: empty(&page, &counts),
            map: (terminals > 0).then(|| tiles(&page, &areas, |prefecture| in_prefecture(prefecture, true))),
            unplaced: 3,
            presence: line(&page, &samples, now - Span::days(7), now, Span::minutes(5)),
            versions: vec![Version {
                name: "エージェント".into(),
                bars: pareto(&page, vec![counted("0.1.0", 3)], terminals),
                unknown: 2,
            }],
            changes: vec![Change {
                words: "不具合の検出".into(),
                count: 3,
                kind: "bad",
                href: "/terminals?q=x".into(),
                parts: vec![("高速<i>".into(), 3)],
                others: 3,
            }],
            since: now,
            waiting: 3,
            under_way: 1,
            jobs: vec![job],
            page,
        }
    }

    #[test]
    fn the_page_renders_in_both_languages() {
        for lang in Lang::ALL {
            let html = view(lang, 230_000).render().expect("the template renders");
            assert!(html.contains("230,000") && html.contains("aria-current=\"page\"") && !html.contains("<i>"));
            assert!(
                !html.contains("Unknown localization") && !html.contains(" style="),
                "{html}"
            );
            // The largest page of all: with a week's line, every prefecture and forty rules.
            assert!(html.len() < 90_000, "{} bytes", html.len());
        }
    }

    #[test]
    fn an_empty_fleet_says_what_to_do_first() {
        let html = sample::check(&view(Lang::En, 0));
        assert!(html.contains("Issue an enrolment token"));
    }
}
