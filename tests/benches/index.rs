//! The fleet index at its full size, beside the same questions asked of SQLite alone, in one run.
//!
//! `cargo bench -p kaishin-tests --bench index [-- --terminals N --rounds N]` prints one JSON object. Each question is a
//! filter with its count, its first page in order and five facets; each search is what somebody types.

use std::collections::BTreeMap;
use std::io::Write;

use kaishin::index::{Asked, Entry, Flags, Index, Sort};
use kaishin_domain::expr::{Expr, Field};
use kaishin_proto::clock::Clock;
use kaishin_proto::id::TerminalId;
use kaishin_proto::time::{Span, Time};
use kaishin_proto::value::{Reason, Value, Version};
use serde_json::{Value as Json, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const FACETS: [&str; 5] = [
    "hardware.model",
    "os.build",
    "os.revision",
    "power.fast_startup",
    "fault",
];

/// An expression, how the list is sorted, and the same condition for SQLite.
const QUESTIONS: &[(&str, &str, bool, &str)] = &[
    ("", "hostname", false, "1"),
    ("online:yes", "hostname", false, "online = 1"),
    (
        "online:no last_seen>7d",
        "last_seen",
        false,
        "online = 0 AND last_seen < $7d",
    ),
    (
        "fault:fast-startup-on online:yes",
        "hostname",
        true,
        "online = 1 AND faults LIKE '% fast-startup-on %'",
    ),
    (
        "model:\"ThinkPad E14 Gen 2\" power.fast_startup:yes os.revision<4000",
        "hardware.serial",
        false,
        "model = 'ThinkPad E14 Gen 2' AND fast_startup = 1 AND revision < 4000",
    ),
    (
        "-model:ThinkPad* OR os.build!=19044",
        "boot.time",
        true,
        "model NOT LIKE 'ThinkPad%' OR build <> 19044",
    ),
    ("hostname:*-0012*", "hostname", false, "hostname LIKE '%-0012%'"),
    (
        "boot.time>3d -fault:fast-startup-on",
        "hostname",
        false,
        "boot_time < $3d AND faults NOT LIKE '% fast-startup-on %'",
    ),
    (
        "power.fast_startup:unknown state:active",
        "institution",
        false,
        "fast_startup IS NULL AND revoked = 0",
    ),
    (
        "os.version<10.0.18000 online:yes",
        "os.version",
        true,
        "build < 18000 AND online = 1",
    ),
];

const SEARCHES: &[&str] = &[
    "01",
    "受付",
    "uke",
    "e14",
    "pf-3a",
    "1310",
    "3101234",
    "受付-00123",
    "nobody-has-this",
];

/// Chances that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap_or(0)]
    }
}

struct Terminal {
    entry: Entry,
    online: bool,
}

/// What the agent of one terminal reports.
fn facts(hostname: &str, boot: Time, dice: &mut Dice) -> BTreeMap<String, Value> {
    let text = |text: &str| Value::Text(text.to_owned());
    let (maker, model) = dice.pick(&[
        ("LENOVO", "ThinkPad E14 Gen 2"),
        ("LENOVO", "ThinkPad E14 Gen 2"),
        ("LENOVO", "ThinkPad L15 Gen 4"),
        ("FUJITSU", "LIFEBOOK A5511"),
        ("NEC", "VersaPro VKT16"),
        ("Dell Inc.", "Latitude 3520"),
    ]);
    let build = dice.pick(&[19_044, 19_044, 19_044, 17_763, 17_763, 19_045]);
    let revision = 1_000 + 137 * i64::try_from(dice.below(40)).unwrap_or(0);
    let fast_startup = if dice.percent(2) {
        Value::unknown(Reason::NoPermission, "")
    } else {
        Value::Truth(dice.percent(30))
    };
    let agent = dice.pick(&["0.1.0", "0.1.1", "0.2.0"]);
    let facts = [
        ("agent.version", Value::Version(Version(agent.into()))),
        ("agent.platform", text("windows")),
        ("os.hostname", text(hostname)),
        ("os.product", text("Windows 10 IoT Enterprise LTSC")),
        ("os.edition", text("IoTEnterpriseS")),
        (
            "os.version",
            Value::Version(Version(format!("10.0.{build}.{revision}"))),
        ),
        ("os.build", Value::Number(build)),
        ("os.revision", Value::Number(revision)),
        ("hardware.manufacturer", text(maker)),
        ("hardware.model", text(model)),
        ("hardware.product", text(&format!("20T{}", dice.below(8)))),
        ("hardware.serial", text(&format!("PF-{:08X}", dice.roll() >> 32))),
        (
            "hardware.uuid",
            text(&format!("{:016x}{:016x}", dice.roll(), dice.roll())),
        ),
        ("hardware.bios", text(&format!("R1{:02}ET", dice.below(60)))),
        ("hardware.memory", Value::Size((4 << dice.below(3)) << 30)),
        ("boot.time", Value::Time(boot)),
        ("boot.restart_pending", Value::Truth(dice.percent(4))),
        ("power.fast_startup", fast_startup),
        ("power.hibernate", Value::Truth(dice.percent(50))),
    ];
    facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn terminal(n: u64, dice: &mut Dice, now: Time) -> Terminal {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&dice.roll().to_be_bytes());
    let enrolled = now - Span::seconds(i64::try_from(n).unwrap_or(0));
    let mut ago = |days: u64| now - Span::seconds(i64::try_from(dice.below(days * 86_400)).unwrap_or(0));
    let (boot, last_seen) = (ago(8), ago(20));
    let hostname = format!("{}-{n:06}", dice.pick(&["UKETSUKE", "受付", "DESKTOP", "ONSHI"]));
    let facts = facts(&hostname, boot, dice);
    let on = |key: &str| facts.get(key) == Some(&Value::Truth(true));
    let faults = [
        ("fast-startup-on", on("power.fast_startup")),
        ("restart-overdue", now.since(boot) > Span::days(3)),
        ("restart-pending", on("boot.restart_pending")),
    ];
    let open = faults.into_iter().filter(|(_, open)| *open);
    let entry = Entry {
        institution: Some(format!("{:02}1{:07}", 1 + n % 47, n * 10 / 13)),
        flags: Flags {
            revoked: dice.percent(1),
            ..Flags::default()
        },
        last_seen: Some(last_seen),
        faults: open.map(|(rule, _)| rule.to_owned()).collect(),
        facts,
        ..Entry::new(TerminalId::new(enrolled, random), hostname)
    };
    Terminal {
        entry,
        online: dice.percent(85),
    }
}

/// The same fleet each time.
fn fleet(count: u64, now: Time) -> impl Iterator<Item = Terminal> {
    let mut dice = Dice(20_261_121);
    (0..count).map(move |n| terminal(n, &mut dice, now))
}

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
    micros_to_millis(clock.now().since(start))
}

fn micros_to_millis(span: Span) -> f64 {
    span.0 as f64 / 1_000.0
}

fn percentile(times: &mut [f64], part: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    let at = ((times.len() as f64 * part).ceil() as usize).clamp(1, times.len());
    times[at - 1]
}

fn field(name: &str) -> Result<Field, String> {
    Field::find(name).ok_or_else(|| format!("no field {name}"))
}

/// SQLite with one wide row for each terminal and an index on everything that is asked: better than what it would have.
struct Rival {
    db: SqliteConnection,
    now: Time,
}

impl Rival {
    async fn open(path: &std::path::Path, now: Time) -> Result<Rival, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .pragma("cache_size", "-524288");
        let mut db = options.connect().await?;
        sqlx::raw_sql(
            "CREATE TABLE t (id TEXT PRIMARY KEY, hostname TEXT, institution TEXT, online INT, revoked INT, last_seen INT,
               model TEXT, serial TEXT, build INT, revision INT, version TEXT, fast_startup INT, boot_time INT,
               faults TEXT, search TEXT) WITHOUT ROWID",
        )
        .execute(&mut db)
        .await?;
        Ok(Rival { db, now })
    }

    async fn fill(&mut self, fleet: &[Terminal]) -> Result<(), sqlx::Error> {
        let mut tx = self.db.begin().await?;
        for Terminal { entry, online } in fleet {
            let fact = |key: &str| entry.facts.get(key);
            let text = |key: &str| match fact(key) {
                Some(Value::Text(text)) => Some(text.clone()),
                Some(Value::Version(version)) => Some(version.0.clone()),
                _ => None,
            };
            let number = |key: &str| match fact(key) {
                Some(Value::Number(number)) => Some(*number),
                Some(Value::Truth(truth)) => Some(i64::from(*truth)),
                Some(Value::Time(time)) => Some(time.0),
                _ => None,
            };
            let search = [
                Some(entry.hostname.clone()),
                entry.institution.clone(),
                text("hardware.model"),
                text("hardware.serial"),
            ];
            let search: Vec<String> = search.into_iter().flatten().map(|text| text.to_lowercase()).collect();
            sqlx::query("INSERT INTO t VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)")
                .bind(entry.id.to_string())
                .bind(&entry.hostname)
                .bind(&entry.institution)
                .bind(online)
                .bind(entry.flags.revoked)
                .bind(entry.last_seen.map(Time::micros))
                .bind(text("hardware.model"))
                .bind(text("hardware.serial"))
                .bind(number("os.build"))
                .bind(number("os.revision"))
                .bind(text("os.version"))
                .bind(number("power.fast_startup"))
                .bind(number("boot.time"))
                .bind(format!(" {} ", entry.faults.join(" ")))
                .bind(search.join("\n"))
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        for column in [
            "hostname",
            "online",
            "last_seen",
            "model",
            "serial",
            "build",
            "revision",
            "fast_startup",
            "boot_time",
        ] {
            let text = format!("CREATE INDEX t_{column} ON t ({column}, id)");
            sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut self.db).await?;
        }
        sqlx::raw_sql("ANALYZE").execute(&mut self.db).await.map(drop)
    }

    async fn ask(&mut self, condition: &str, order: &str) -> Result<i64, sqlx::Error> {
        let ago = |days| (self.now - Span::days(days)).0.to_string();
        let condition = condition.replace("$7d", &ago(7)).replace("$3d", &ago(3));
        let text = format!("SELECT count(*) FROM t WHERE {condition}");
        let total: i64 = sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(&mut self.db).await?;
        let text = format!("SELECT * FROM t WHERE {condition} ORDER BY {order}, id LIMIT 50");
        sqlx::query(AssertSqlSafe(text)).fetch_all(&mut self.db).await?;
        for column in ["model", "build", "revision", "fast_startup", "faults"] {
            let text = format!(
                "SELECT {column}, count(*) FROM t WHERE {condition} GROUP BY {column} ORDER BY 2 DESC LIMIT 10"
            );
            sqlx::query(AssertSqlSafe(text)).fetch_all(&mut self.db).await?;
        }
        Ok(total)
    }
}

async fn question(
    index: &Index,
    rival: &mut Rival,
    clock: &Clock,
    rounds: usize,
    (text, order, descending, condition): (&str, &str, bool, &str),
) -> Result<Json, Box<dyn std::error::Error>> {
    let expr = Expr::parse(text)?;
    let fields = FACETS.map(field).into_iter().collect::<Result<Vec<Field>, String>>()?;
    let sort = Sort {
        field: field(order)?,
        descending,
    };
    let asked = Asked {
        expr: &expr,
        sort,
        after: None,
        limit: 50,
        columns: None,
        facets: &fields,
        most: 10,
    };
    let now = rival.now;
    let mut ours = Vec::new();
    let mut total = 0;
    for _ in 0..rounds {
        ours.push(millis(clock, || total = index.explore(&asked, now).0.total));
    }
    let column = match order {
        "hardware.serial" => "serial",
        "boot.time" => "boot_time",
        "os.version" => "version",
        same => same,
    };
    let order = if descending {
        format!("{column} DESC")
    } else {
        column.to_owned()
    };
    let mut theirs = Vec::new();
    for _ in 0..3 {
        let start = clock.now();
        let counted = rival.ask(condition, &order).await?;
        theirs.push(micros_to_millis(clock.now().since(start)));
        if u64::try_from(counted)? != total {
            return Err(format!("{text}: {total} in the index, {counted} in SQLite").into());
        }
    }
    let (p50, sqlite) = (percentile(&mut ours, 0.5), percentile(&mut theirs, 0.5));
    Ok(json!({
        "question": text, "matches": total, "p50_ms": p50, "p99_ms": percentile(&mut ours, 0.99),
        "sqlite_p50_ms": sqlite, "ratio": sqlite / p50.max(0.001),
    }))
}

async fn search(
    index: &Index,
    rival: &mut Rival,
    clock: &Clock,
    rounds: usize,
    text: &str,
) -> Result<Json, Box<dyn std::error::Error>> {
    let expr = Expr::parse(text)?;
    let (mut ours, mut theirs, mut total) = (Vec::new(), Vec::new(), 0);
    for _ in 0..rounds {
        let now = rival.now;
        ours.push(millis(clock, || {
            total = index.query(&expr, Sort::default(), None, 20, now).total;
        }));
    }
    let condition = format!("search LIKE '%{}%'", text.to_lowercase());
    for _ in 0..3 {
        let start = clock.now();
        let text = format!("SELECT count(*) FROM t WHERE {condition}");
        sqlx::query(AssertSqlSafe(text)).fetch_all(&mut rival.db).await?;
        let text = format!("SELECT * FROM t WHERE {condition} ORDER BY hostname, id LIMIT 20");
        sqlx::query(AssertSqlSafe(text)).fetch_all(&mut rival.db).await?;
        theirs.push(micros_to_millis(clock.now().since(start)));
    }
    let (p50, sqlite) = (percentile(&mut ours, 0.5), percentile(&mut theirs, 0.5));
    Ok(json!({
        "search": text, "matches": total, "p50_ms": p50, "p95_ms": percentile(&mut ours, 0.95),
        "sqlite_p50_ms": sqlite, "ratio": sqlite / p50.max(0.001),
    }))
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

fn argument(name: &str, otherwise: u64) -> u64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments
        .nth(1)
        .and_then(|value| value.parse().ok())
        .unwrap_or(otherwise)
}

async fn run() -> Result<Json, Box<dyn std::error::Error>> {
    let count = argument("--terminals", 230_000);
    let rounds = usize::try_from(argument("--rounds", 200))?;
    let (clock, now) = (Clock::system(), Time(1_795_000_000_000_000));

    // Nothing else is in memory yet; what making the terminals costs is taken off.
    let index = Index::new();
    let making = millis(&clock, || drop(fleet(count, now).last()));
    let before = rss();
    let build = millis(&clock, || {
        index.upsert_all(fleet(count, now).map(|one| one.entry));
        index.prepare();
    });
    let grown = rss().saturating_sub(before);

    let fleet: Vec<Terminal> = fleet(count, now).collect();
    let ids: Vec<TerminalId> = fleet.iter().map(|one| one.entry.id).collect();
    for one in fleet.iter().filter(|one| one.online) {
        index.set_online(one.entry.id, now);
    }
    let folder = tempfile::tempdir()?;
    let mut rival = Rival::open(&folder.path().join("rival.db"), now).await?;
    rival.fill(&fleet).await?;
    drop(fleet);

    let mut questions = Vec::new();
    for asked in QUESTIONS {
        questions.push(question(&index, &mut rival, &clock, rounds, *asked).await?);
    }
    let mut searches = Vec::new();
    for text in SEARCHES {
        searches.push(search(&index, &mut rival, &clock, rounds, text).await?);
    }
    let intake = intake(&index, &clock, &ids);
    let bytes = json!({
        "estimate": index.bytes(), "rss_grown": grown, "rss_grown_per_terminal": grown / count.max(1),
    });
    Ok(json!({
        "bench": "index", "terminals": count, "build_ms": build - making, "bytes": bytes,
        "questions": questions, "searches": searches, "intake": intake,
    }))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let figures = runtime.block_on(run())?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&figures)?)?;
    Ok(())
}
