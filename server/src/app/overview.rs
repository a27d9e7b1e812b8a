//! The fleet at a glance: where its faults are, how many terminals were online this week, what changed today.
//!
//! What is asked of the database, or takes a walk through the fleet, is remembered for a moment: pages that look all
//! the time share one answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::expr::{Expr, Field};
use kaishin_domain::facility::Prefecture;
use kaishin_domain::job::Job;
use kaishin_domain::time::{Span, Time};

use super::{App, AppError, Cx};
pub use crate::store::{JobCounts, PresenceSample};

/// How often the fleet is counted, and how long the counts are kept.
pub const SAMPLED: Span = Span::minutes(5);
pub const SHOWN: Span = Span::days(7);
const KEPT: Span = Span::days(35);

/// How long a glance is good for.
const GOOD_FOR: Span = Span::seconds(2);
/// The same of what costs a walk through the fleet.
const AREAS_GOOD_FOR: Span = Span::seconds(10);
const RUNNING: u32 = 8;
/// Different values of a version that are shown.
const VERSIONS: usize = 5;

/// More different values than there are facilities.
const EVERY: usize = 1_000_000;

/// What the versions of are worth a glance.
const VERSION_FACTS: [&str; 5] = [
    "agent.version",
    "edge.version",
    "edge.delegate.version",
    "oqs.distribution.version",
    "os.build",
];

/// The terminals of one prefecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub prefecture: Prefecture,
    pub terminals: u64,
    pub faulty: u64,
    pub offline: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    pub known: Vec<Place>,
    /// Terminals of which nobody knows where they stand.
    pub unknown: u64,
    /// From the ledger; otherwise from what the institution codes say of themselves.
    pub by_ledger: bool,
}

/// How one version is distributed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    pub field: &'static str,
    pub values: Vec<(String, u64)>,
    pub unknown: u64,
    pub others: u64,
}

#[derive(Clone, Debug)]
pub struct Today {
    pub since: Time,
    /// Per rule.
    pub opened: Vec<(String, u64)>,
    pub closed: Vec<(String, u64)>,
    pub new_terminals: u64,
    pub jobs: JobCounts,
    pub running: Vec<Job>,
}

#[derive(Clone, Debug)]
pub struct Glance {
    pub today: Arc<Today>,
    pub places: Arc<Places>,
    pub versions: Arc<Vec<Versions>>,
    /// The last seven days, and now.
    pub presence: Vec<PresenceSample>,
    pub presence_since: Time,
}

/// Answers that are good for a moment.
#[derive(Default)]
pub struct Remembered {
    today: Mutex<Option<(Time, Arc<Today>)>>,
    places: Mutex<Option<(Time, Arc<Places>)>>,
    versions: Mutex<Option<(Time, Arc<Vec<Versions>>)>>,
    presence: Mutex<Option<(Time, Arc<Vec<PresenceSample>>)>>,
}

fn remembered<T>(cell: &Mutex<Option<(Time, Arc<T>)>>, now: Time, good_for: Span) -> Option<Arc<T>> {
    let cell = cell.lock().unwrap_or_else(PoisonError::into_inner);
    let (at, value) = cell.as_ref()?;
    (*at <= now && now < *at + good_for).then(|| value.clone())
}

fn remember<T>(cell: &Mutex<Option<(Time, Arc<T>)>>, now: Time, value: T) -> Arc<T> {
    let value = Arc::new(value);
    *cell.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, value.clone()));
    value
}

/// When the day of that moment began in Japan, which knows no summer time.
pub fn midnight(at: Time) -> Time {
    const DAY: i64 = Span::days(1).0;
    const AHEAD: i64 = Span::hours(9).0;
    Time((at.micros() + AHEAD).div_euclid(DAY) * DAY - AHEAD)
}

pub async fn glance(cx: &Cx) -> Result<Glance, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let now = cx.now();
    let mut presence = presence(&cx.app, now).await?.as_ref().clone();
    presence.push(count(&cx.app, now));
    Ok(Glance {
        today: today(&cx.app, now).await?,
        places: places(&cx.app, now),
        versions: versions(&cx.app, now),
        presence,
        presence_since: now - SHOWN,
    })
}

async fn today(app: &App, now: Time) -> Result<Arc<Today>, AppError> {
    let cell = &app.overview.today;
    if let Some(known) = remembered(cell, now, GOOD_FOR) {
        return Ok(known);
    }
    let (since, store) = (midnight(now), &app.store);
    let [opened, closed] = store.fault_changes(since).await?;
    let today = Today {
        since,
        opened,
        closed,
        new_terminals: store.terminals_new_since(since).await?,
        jobs: store.job_counts(since).await?,
        running: store.jobs_under_way(RUNNING).await?,
    };
    Ok(remember(cell, now, today))
}

async fn presence(app: &App, now: Time) -> Result<Arc<Vec<PresenceSample>>, AppError> {
    let cell = &app.overview.presence;
    match remembered(cell, now, AREAS_GOOD_FOR) {
        Some(known) => Ok(known),
        None => Ok(remember(cell, now, app.store.presence_since(now - SHOWN).await?)),
    }
}

fn versions(app: &App, now: Time) -> Arc<Vec<Versions>> {
    let cell = &app.overview.versions;
    if let Some(known) = remembered(cell, now, GOOD_FOR) {
        return known;
    }
    let fields = VERSION_FACTS.into_iter().filter_map(Field::find);
    let versions = fields.map(|field| {
        let facets = app.index.facets(&Expr::Always, field, VERSIONS, now);
        Versions {
            field: field.name(),
            others: {
                let shown: u64 = facets.values.iter().map(|(_, count)| count).sum();
                let all = app.index.counts().terminals;
                all.saturating_sub(shown + facets.unknown)
            },
            values: facets.values,
            unknown: facets.unknown,
        }
    });
    let versions = versions.filter(|versions| !versions.values.is_empty()).collect();
    remember(cell, now, versions)
}

fn places(app: &App, now: Time) -> Arc<Places> {
    let cell = &app.overview.places;
    if let Some(known) = remembered(cell, now, AREAS_GOOD_FOR) {
        return known;
    }
    let narrowed = ["fault:*", "online:no"]
        .into_iter()
        .filter_map(|text| Expr::parse(text).ok());
    let asked: Vec<Expr> = [Expr::Always].into_iter().chain(narrowed).collect();
    let ledger = Field::find("facility.prefecture").filter(|field| field.indexed());
    let by = |field: Field| {
        asked
            .iter()
            .map(|expr| by_prefecture(app, expr, field, now))
            .collect::<Vec<_>>()
    };
    let from_ledger = ledger
        .map(by)
        .filter(|counted| counted.iter().any(|counted| !counted.known.is_empty()));
    let by_ledger = from_ledger.is_some();
    let counted = from_ledger.unwrap_or_else(|| by(Field::Institution));
    let of = |at: usize, prefecture| {
        counted
            .get(at)
            .and_then(|counted| counted.known.get(&prefecture))
            .copied()
    };
    let place = |prefecture| {
        Some(Place {
            prefecture,
            terminals: of(0, prefecture)?,
            faulty: of(1, prefecture).unwrap_or(0),
            offline: of(2, prefecture).unwrap_or(0),
        })
    };
    let places = Places {
        known: Prefecture::all().filter_map(place).collect(),
        unknown: counted.first().map_or(0, |counted| counted.unknown),
        by_ledger,
    };
    remember(cell, now, places)
}

struct Counted {
    known: BTreeMap<Prefecture, u64>,
    unknown: u64,
}

fn by_prefecture(app: &App, expr: &Expr, field: Field, now: Time) -> Counted {
    let facets = app.index.facets(expr, field, EVERY, now);
    let mut counted = Counted {
        known: BTreeMap::new(),
        unknown: facets.unknown,
    };
    for (value, count) in facets.values {
        let prefecture = if matches!(field, Field::Institution) {
            prefecture_of(&value)
        } else {
            Prefecture::read(&value)
        };
        match prefecture {
            Some(prefecture) => *counted.known.entry(prefecture).or_default() += count,
            None => counted.unknown += count,
        }
    }
    counted
}

/// What an institution code says of itself.
fn prefecture_of(code: &str) -> Option<Prefecture> {
    let digits = code.get(..2).filter(|_| code.len() == 10)?;
    Prefecture::from_code(digits.parse().ok()?)
}

fn count(app: &App, now: Time) -> PresenceSample {
    let counts = app.index.counts();
    PresenceSample {
        at: now,
        terminals: counts.terminals,
        online: counts.online,
        faulty: counts.faulty,
    }
}

/// Keeps how many are online now. An empty fleet leaves no trace.
pub async fn sample(app: &App) -> Result<(), AppError> {
    let now = app.now();
    let sample = count(app, now);
    if sample.terminals == 0 {
        return Ok(());
    }
    app.store
        .write::<_, AppError, _>(move |tx| Box::pin(async move { Ok(tx.sample_presence(sample, now - KEPT).await?) }))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_in_japan() {
        let noon = Time(1_795_151_100_000_000);
        assert_eq!(midnight(noon).rfc3339(), "2026-11-19T15:00:00Z");
        assert_eq!(midnight(midnight(noon)), midnight(noon));
        assert_eq!(midnight(midnight(noon) - Span(1)), midnight(noon) - Span::days(1));
    }

    #[test]
    fn a_code_says_where_a_facility_stands() {
        for (code, prefecture) in [
            ("0112345678", Some(1)),
            ("1312345678", Some(13)),
            ("9712345678", Some(47)),
            ("4812345678", None),
            ("0012345678", None),
            ("9812345678", None),
            ("131234567", None),
            ("東京", None),
        ] {
            assert_eq!(prefecture_of(code).map(Prefecture::number), prefecture, "{code}");
        }
    }

    #[test]
    fn a_glance_is_good_for_a_moment() {
        let cell = Mutex::new(None);
        remember(&cell, Time(0), 1);
        assert_eq!(
            remembered(&cell, Time(0) + GOOD_FOR - Span(1), GOOD_FOR).as_deref(),
            Some(&1)
        );
        assert_eq!(remembered(&cell, Time(0) + GOOD_FOR, GOOD_FOR), None);
        // A clock that was put back makes nothing last for ever.
        assert_eq!(remembered(&cell, Time(-1), GOOD_FOR), None);
    }
}
