//! Every query text of the store, taken from its source: prepared on both engines against the migrated schema, and
//! explained, so that none walks through a table that has a row per terminal.

use kaishin_tests::need;
use kaishin_tests::sources::{Code, Tree};
use sqlx::{AssertSqlSafe, Connection, Executor, Row, SqlSafeStr};

use super::Opened;
use super::schema::{postgres_connection, sqlite_connection};

struct Query {
    name: String,
    text: String,
}

/// `const NAME: &str = "SELECT …"` in the store's files.
fn queries() -> Vec<Query> {
    let tree = Tree::read().expect("the source tree can be read");
    let mut found = Vec::new();
    for file in tree.rust().filter(|file| file.is_under("server/src/store")) {
        let code = Code::of(file);
        for literal in code.literals.iter().filter(|literal| !code.in_tests(literal.at)) {
            let before = &code.text[..literal.at];
            let declared = before.rfind("const ").map(|at| &before[at + "const ".len()..]);
            let Some((name, rest)) = declared.and_then(|text| text.split_once(':')) else {
                continue;
            };
            let verbs = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];
            let is_query = verbs.iter().any(|verb| literal.text.trim_start().starts_with(verb));
            if is_query && rest.split_whitespace().eq(["&str", "="]) {
                found.push(Query {
                    name: format!("{} {name}", file.path),
                    text: literal.text.replace("\\\"", "\""),
                });
            }
        }
    }
    assert!(found.len() > 30, "the store's queries were not found: {}", found.len());
    found
}

/// Walking through these is a mistake, except where every row is wanted. Each has its reason.
const LARGE: &[&str] = &[
    "terminal",
    "job",
    "job_step",
    "job_result",
    "job_record",
    "fact_section",
    "fact_change",
    "fault",
    "audit",
];
const MAY_WALK: &[(&str, &str)] = &[("server/src/store/job.rs WAITING", "walks its own partial index")];

fn may_walk(query: &Query) -> bool {
    MAY_WALK.iter().any(|(name, _)| *name == query.name)
}

fn parameters(text: &str) -> usize {
    let numbers = text
        .split('$')
        .skip(1)
        .map(|rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let texts = text
        .split('$')
        .skip(1)
        .zip(numbers)
        .filter_map(|(rest, digits)| rest[..digits].parse().ok());
    texts.max().unwrap_or(0)
}

#[tokio::test]
async fn every_query_is_understood_by_sqlite_and_walks_through_no_large_table() {
    let opened = Opened::sqlite().await;
    let mut conn = sqlite_connection(&opened.database).await;
    let mut bad = Vec::new();
    for query in queries() {
        if let Err(error) = (&mut conn)
            .prepare(AssertSqlSafe(query.text.clone()).into_sql_str())
            .await
        {
            bad.push(format!("{}: {error}", query.name));
            continue;
        }
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", query.text));
        let plan = sqlx::query(explain).fetch_all(&mut conn).await.expect("a plan");
        for step in plan.iter().map(|row| row.get::<String, _>("detail")) {
            let mut words = step.split_whitespace();
            let walks = words.next() == Some("SCAN") && words.next().is_some_and(|table| is_large(&query, table));
            // A scan of a partial index sees only the rows that are in it.
            if walks && !step.contains("USING") && !may_walk(&query) {
                bad.push(format!("{}: {step}", query.name));
            }
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}

/// By its name or by the short name that the query gives it.
fn is_large(query: &Query, table: &str) -> bool {
    LARGE
        .iter()
        .any(|large| *large == table || query.text.contains(&format!(" {large} {table} ")))
}

#[tokio::test]
async fn every_query_is_understood_by_postgres_and_walks_through_no_large_table() {
    let opened = need!(Opened::postgres().await, "PostgreSQL");
    let mut conn = postgres_connection(&opened.database).await;
    // On empty tables a walk is always cheapest: it must not be the only way.
    for setting in ["SET enable_seqscan = off", "SET plan_cache_mode = force_generic_plan"] {
        conn.execute(setting).await.expect("a setting");
    }
    let mut bad = Vec::new();
    for query in queries() {
        if let Err(error) = (&mut conn)
            .prepare(AssertSqlSafe(query.text.clone()).into_sql_str())
            .await
        {
            bad.push(format!("{}: {error}", query.name));
            continue;
        }
        let nulls = vec!["NULL"; parameters(&query.text)].join(", ");
        let arguments = if nulls.is_empty() { nulls } else { format!("({nulls})") };
        let script = [
            format!("PREPARE asked AS {}", query.text),
            format!("EXPLAIN EXECUTE asked{arguments}"),
            "DEALLOCATE asked".into(),
        ];
        conn.execute(AssertSqlSafe(script[0].clone()))
            .await
            .expect("prepared by name");
        let plan = sqlx::query(AssertSqlSafe(script[1].clone()))
            .fetch_all(&mut conn)
            .await
            .expect("a plan");
        conn.execute(AssertSqlSafe(script[2].clone())).await.expect("forgotten");
        for step in plan.iter().map(|row| row.get::<String, _>(0)) {
            let table = step
                .split("Seq Scan on ")
                .nth(1)
                .and_then(|rest| rest.split_whitespace().next());
            if table.is_some_and(|table| LARGE.contains(&table)) && !may_walk(&query) {
                bad.push(format!("{}: {step}", query.name));
            }
        }
    }
    conn.close().await.expect("PostgreSQL says goodbye");
    assert!(bad.is_empty(), "{bad:#?}");
}
