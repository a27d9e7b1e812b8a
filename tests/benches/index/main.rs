//! The fleet index at its full size and with the full catalogue, beside the same questions asked of SQLite alone, in one run;
//! then a real server on the same fleet: how long it takes to start, and how long a search takes over HTTP.
//!
//! `cargo bench -p kaishin-tests --bench index [-- --terminals N --rounds N]` prints one JSON object; with `--alone 1` that of
//! the index by itself, within a minute. Each question is a
//! filter with its count, its first page in order with the usual columns, and five facets; each search is what somebody
//! types while the phone rings. It needs about 5 GB of disk while it runs.

mod fleet;
mod rival;
mod server;

use std::collections::BTreeMap;
use std::io::Write;

use kaishin::index::{Asked, Index, Sort};
use kaishin_domain::expr::{Expr, Field};
use kaishin_domain::facility::Facility;
use kaishin_domain::rule::{RulePack, Severity};
use kaishin_proto::clock::Clock;
use kaishin_proto::id::TerminalId;
use kaishin_proto::profile::Profile;
use kaishin_proto::time::Span;
use kaishin_proto::value::Value;
use serde_json::{Value as Json, json};

use fleet::{Machines, NOW, ledger};
use rival::Rival;

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

type Failed = Box<dyn std::error::Error>;

const FACETS: [&str; 5] = [
    "fault",
    "facility.prefecture",
    "hardware.model",
    "os.build",
    "edge.version",
];
/// What the page shows unless somebody says otherwise.
const COLUMNS: [&str; 8] = [
    "hostname",
    "facility.name",
    "online",
    "fault",
    "hardware.model",
    "os.version",
    "agent.version",
    "last_seen",
];

/// An expression, how the list is sorted, and the same condition and order for SQLite.
const QUESTIONS: &[(&str, &str, &str, &str)] = &[
    ("", "hostname", "1", "hostname"),
    ("online:yes", "hostname", "online = 1", "hostname"),
    (
        "online:no last_seen>7d",
        "last_seen",
        "online = 0 AND last_seen < $7d",
        "last_seen",
    ),
    (
        "fault:fast-startup-on online:yes",
        "-hostname",
        "online = 1 AND faults LIKE '% fast-startup-on %'",
        "hostname DESC",
    ),
    ("fault.severity:serious", "-fault", "serious = 1", "length(faults) DESC"),
    (
        "facility.prefecture:東京都 fault:any",
        "facility.name",
        "prefecture = '東京都' AND faults <> '  '",
        "facility_name",
    ),
    (
        "update.mode:automatic facility.update_choice:manual",
        "hostname",
        "update_mode = 'automatic' AND update_choice = 'manual'",
        "hostname",
    ),
    (
        "edge.delegate.version<2.0.0.0 online:yes",
        "edge.delegate.version",
        "delegate < 2000000000000 AND online = 1",
        "delegate",
    ),
    (
        "tasks.missing:OqsRestart OR facility.code:unknown",
        "institution",
        "missing LIKE '% OqsRestart %' OR facility_name IS NULL",
        "institution",
    ),
    (
        "facility.name:*内科* -fault:fast-startup-on",
        "facility.name",
        "facility_name LIKE '%内科%' AND faults NOT LIKE '% fast-startup-on %'",
        "facility_name",
    ),
    (
        "power.fast_startup:yes os.revision<4000 os.build:17763",
        "hardware.serial",
        "fast_startup = 1 AND revision < 4000 AND build = 17763",
        "serial",
    ),
    ("hostname:*-0012*", "hostname", "hostname LIKE '%-0012%'", "hostname"),
    (
        "boot.time>3d -fault:fast-startup-on",
        "boot.time",
        "boot_time < $3d AND faults NOT LIKE '% fast-startup-on %'",
        "boot_time",
    ),
    (
        "power.fast_startup:unknown state:active",
        "institution",
        "fast_startup IS NULL AND revoked = 0",
        "institution",
    ),
    (
        "os.version<10.0.18000 online:yes",
        "-os.version",
        "build < 18000 AND online = 1",
        "version DESC",
    ),
];

pub const SEARCHES: &[&str] = &[
    "高橋",
    "山崎",
    "ﾀｶﾊｼ",
    "たなか",
    "内科",
    "受付",
    "01",
    "131",
    "1310",
    "PF-3A",
    "uketsuke-00123",
    "03-1234",
    "佐藤 薬局",
    "さくら",
    "そんな名前はない",
];

fn rss() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4_096
}

fn millis(clock: &Clock, what: impl FnOnce()) -> f64 {
    let start = clock.now();
    what();
    in_millis(clock.now().since(start))
}

pub fn in_millis(span: Span) -> f64 {
    span.0 as f64 / 1_000.0
}

pub fn percentile(times: &mut [f64], part: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    let at = ((times.len() as f64 * part).ceil() as usize).clamp(1, times.len());
    times[at - 1]
}

fn fields(names: &[&str]) -> Result<Vec<Field>, String> {
    let known = |name: &&str| Field::find(name).ok_or_else(|| format!("no field {name}"));
    names.iter().map(known).collect()
}

async fn question(
    index: &Index,
    rival: Option<&mut Rival>,
    clock: &Clock,
    rounds: usize,
    (text, order, condition, their_order): (&str, &str, &str, &str),
) -> Result<(Json, Vec<f64>), Failed> {
    let expr = Expr::parse(text)?;
    let (facets, columns) = (fields(&FACETS)?, fields(&COLUMNS)?);
    let asked = Asked {
        expr: &expr,
        sort: Sort {
            field: fields(&[order.trim_start_matches('-')])?[0],
            descending: order.starts_with('-'),
        },
        after: None,
        limit: 50,
        columns: Some(&columns),
        facets: &facets,
        most: 10,
    };
    let mut ours = Vec::new();
    let mut total = 0;
    for _ in 0..rounds {
        ours.push(millis(clock, || total = index.explore(&asked, NOW).0.total));
    }
    let all = ours.clone();
    let p50 = percentile(&mut ours, 0.5);
    let mut told = json!({
        "question": text, "sort": order, "matches": total, "p50_ms": p50, "p99_ms": percentile(&mut ours, 0.99),
    });
    let Some(rival) = rival else { return Ok((told, all)) };
    let mut theirs = Vec::new();
    for _ in 0..3 {
        let start = clock.now();
        let counted = rival.ask(condition, their_order).await?;
        theirs.push(in_millis(clock.now().since(start)));
        if u64::try_from(counted)? != total {
            return Err(format!("{text}: {total} in the index, {counted} in SQLite").into());
        }
    }
    let sqlite = percentile(&mut theirs, 0.5);
    told["sqlite_p50_ms"] = json!(sqlite);
    told["ratio"] = json!(sqlite / p50.max(0.001));
    Ok((told, all))
}

async fn search(
    index: &Index,
    rival: &mut Rival,
    clock: &Clock,
    rounds: usize,
    text: &str,
) -> Result<(Json, Vec<f64>), Failed> {
    let (mut ours, mut theirs, mut found) = (Vec::new(), Vec::new(), 0);
    for _ in 0..rounds {
        ours.push(millis(clock, || found = index.find(text, 20).len()));
    }
    for _ in 0..3 {
        let start = clock.now();
        rival.find(text).await?;
        theirs.push(in_millis(clock.now().since(start)));
    }
    let all = ours.clone();
    let (p50, sqlite) = (percentile(&mut ours, 0.5), percentile(&mut theirs, 0.5));
    let told = json!({
        "search": text, "shown": found, "p50_ms": p50, "p95_ms": percentile(&mut ours, 0.95),
        "sqlite_p50_ms": sqlite, "ratio": sqlite / p50.max(0.001),
    });
    Ok((told, all))
}

/// What intake does to the index: sections that say the same again and sections that say something new.
fn intake(index: &Index, clock: &Clock, ids: &[TerminalId]) -> Json {
    let section = |on: bool| {
        [
            ("power.fast_startup".to_owned(), Value::Truth(on)),
            ("power.hibernate".to_owned(), Value::Truth(false)),
        ]
    };
    let count = ids.len().min(50_000);
    let rate = |spent: f64| count as f64 / spent.max(0.001) * 1_000.0;
    let sections = millis(clock, || {
        for (n, id) in ids.iter().take(count).enumerate() {
            index.set_section(*id, "power", &section(n % 2 == 0));
        }
    });
    let now = clock.now();
    let presence = millis(clock, || {
        for id in ids.iter().take(count) {
            index.set_offline(*id, now);
            index.set_online(*id, now);
        }
    });
    json!({ "sections_per_s": rate(sections), "reconnects_per_s": rate(presence) })
}

pub fn argument(name: &str, otherwise: u64) -> u64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments
        .nth(1)
        .and_then(|value| value.parse().ok())
        .unwrap_or(otherwise)
}

/// The index alone, filled as at a start.
fn build(machines: &Machines, pack: &RulePack, count: u64, clock: &Clock) -> (Index, Json) {
    let index = Index::new();
    let making = millis(clock, || drop(machines.fleet(count).last())) + millis(clock, || drop(ledger(count).last()));
    let before = rss();
    let build = millis(clock, || {
        index.set_severities(pack.rules().iter().map(|rule| (rule.id.clone(), rule.severity.name())));
        for facility in ledger(count) {
            index.put_facilities([&facility]);
        }
        index.upsert_all(machines.fleet(count).map(|one| one.entry));
        index.prepare();
    });
    let grown = rss().saturating_sub(before);
    let told = json!({
        "build_ms": build - making, "estimated_bytes": index.bytes(), "rss_grown_bytes": grown,
        "bytes_per_terminal": grown / count.max(1),
    });
    (index, told)
}

async fn run() -> Result<Json, Failed> {
    let count = argument("--terminals", 230_000);
    let rounds = usize::try_from(argument("--rounds", 200))?;
    let clock = Clock::system();
    let pack = RulePack::built_in(&Profile::built_in())?;
    let machines = Machines::new(pack.rules().iter().map(|rule| rule.id.clone()).collect());

    let (index, built) = build(&machines, &pack, count, &clock);
    let mut ids = Vec::new();
    for one in machines.fleet(count) {
        ids.push(one.entry.id);
        if one.online {
            index.set_online(one.entry.id, NOW);
        }
    }
    let (mut questions, mut of_all) = (Vec::new(), Vec::new());
    if argument("--alone", 0) > 0 {
        for asked in QUESTIONS {
            let (told, times) = question(&index, None, &clock, rounds, *asked).await?;
            questions.push(told);
            of_all.extend(times);
        }
        let p99 = percentile(&mut of_all, 0.99);
        return Ok(
            json!({ "bench": "index", "terminals": count, "questions": questions, "all_questions_p99_ms": p99 }),
        );
    }
    let folder = tempfile::tempdir()?;
    let mut rival = Rival::open(&folder.path().join("rival.db")).await?;
    let facilities: Vec<Facility> = ledger(count).collect();
    let by_code: BTreeMap<String, &Facility> = facilities.iter().map(|one| (one.code.to_string(), one)).collect();
    let serious = |id: &str| pack.rule(id).is_some_and(|rule| rule.severity == Severity::Serious);
    let find = |code: &str| by_code.get(code).copied();
    rival.fill(machines.fleet(count), &find, &serious).await?;
    rival.fill_ledger(&facilities).await?;

    for asked in QUESTIONS {
        let (told, times) = question(&index, Some(&mut rival), &clock, rounds, *asked).await?;
        questions.push(told);
        of_all.extend(times);
    }
    let (mut searches, mut of_searches) = (Vec::new(), Vec::new());
    for text in SEARCHES {
        let (told, times) = search(&index, &mut rival, &clock, rounds, text).await?;
        searches.push(told);
        of_searches.extend(times);
    }
    let intake = intake(&index, &clock, &ids);
    drop((rival, index, folder, by_code));
    let server = server::measure(&machines, &facilities, count, rounds, &clock).await?;
    Ok(json!({
        "bench": "index", "terminals": count, "facilities": facilities.len(), "facts_each": machines.facts(),
        "index": built, "questions": questions, "all_questions_p99_ms": percentile(&mut of_all, 0.99),
        "searches": searches, "all_searches_p95_ms": percentile(&mut of_searches, 0.95),
        "intake": intake, "server": server,
    }))
}

fn main() -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let figures = runtime.block_on(run())?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&figures)?)?;
    Ok(())
}
