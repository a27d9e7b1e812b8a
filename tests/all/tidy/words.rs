//! Texts that may not stand in the tree: queries outside the store, silenced lints, unfinished work, places of one machine.

use kaishin_tests::sources::{Code, Source, Tree};

use super::{Breach, Check};

pub fn checks() -> Vec<Check> {
    vec![
        Check {
            name: "SQL lives in the store",
            run: sql,
            breaches: || {
                vec![
                    Tree::of(&[("server/src/app/jobs.rs", "const Q: &str = \"SELECT 1 FROM job\";")]),
                    Tree::of(&[(
                        "server/src/loops/jobs.rs",
                        "const Q: &str = r\"\n    UPDATE job SET a = 1\";",
                    )]),
                ]
            },
        },
        Check {
            name: "statements that are put together go through `statement`",
            run: put_together,
            breaches: || {
                let query = "fn f() { sqlx::query(sqlx::AssertSqlSafe(text)) }";
                vec![Tree::of(&[("server/src/store/facility.rs", query)])]
            },
        },
        Check {
            name: "lints are expected with a reason, never allowed",
            run: allowed,
            breaches: || vec![Tree::of(&[("agent/src/x.rs", "#[allow(dead_code)]\nfn f() {}")])],
        },
        Check {
            name: "no unwrap outside tests",
            run: unwraps,
            breaches: || {
                vec![Tree::of(&[(
                    "agent/src/x.rs",
                    "fn f() { g().unwrap() }\n#[cfg(test)]\nmod tests {}",
                )])]
            },
        },
        Check {
            name: "tests wait on conditions, they do not sleep",
            run: sleeps,
            breaches: || {
                vec![
                    Tree::of(&[("tests/all/x.rs", "async fn f() { tokio::time::sleep(s).await }")]),
                    Tree::of(&[(
                        "agent/src/x.rs",
                        "#[cfg(test)]\nmod tests { fn f() { std::thread::sleep(s) } }",
                    )]),
                ]
            },
        },
        Check {
            name: "no banned words",
            run: banned,
            breaches: || {
                let with = |word: &str| Tree::of(&[("web/help/x.md", &format!("a {word} b"))]);
                BANNED.iter().map(|word| with(word)).collect()
            },
        },
    ]
}

/// Only there is a statement over many rows put as its database likes it: as it stands, SQLite spends most of the work on
/// the numbers of its parameters.
fn put_together(tree: &Tree) -> Vec<Breach> {
    let own = ["server/src/store/db.rs", "server/src/store/writer.rs"];
    let breaches = in_code(tree, &["AssertSqlSafe("], |_, _| true);
    let elsewhere = |breach: &Breach| breach.path.starts_with("server/") && !own.contains(&breach.path.as_str());
    breaches.into_iter().filter(elsewhere).collect()
}

fn sql(tree: &Tree) -> Vec<Breach> {
    let verbs = [
        "SELECT ",
        "INSERT INTO ",
        "UPDATE ",
        "DELETE FROM ",
        "WITH ",
        "CREATE TABLE ",
        "CREATE INDEX ",
        "ALTER TABLE ",
        "PRAGMA ",
    ];
    let mut found = Vec::new();
    let outside = |file: &&Source| !file.is_under("server/src/store") && !file.is_under("tests/");
    for file in tree.rust().filter(outside) {
        let code = Code::of(file);
        for literal in &code.literals {
            let text = literal.text.trim_start();
            if verbs
                .iter()
                .any(|verb| text.starts_with(verb) || text.starts_with(&verb.replace(' ', "\n")))
            {
                let start: String = text.chars().take(30).collect();
                found.push(Breach::new(
                    &file.path,
                    code.line(literal.at),
                    format!("`{start}…` outside server/src/store"),
                ));
            }
        }
    }
    found
}

fn allowed(tree: &Tree) -> Vec<Breach> {
    in_code(tree, &["#[allow(", "#![allow("], |_, _| true)
}

fn unwraps(tree: &Tree) -> Vec<Breach> {
    in_code(tree, &[".unwrap()"], |code, at| !code.in_tests(at))
}

fn sleeps(tree: &Tree) -> Vec<Breach> {
    let mut found = Vec::new();
    for file in tree.rust().filter(|file| file.path != "tests/src/wait.rs") {
        let code = Code::of(file);
        for piece in ["time::sleep(", "thread::sleep("] {
            for at in code
                .find(piece)
                .filter(|at| file.is_under("tests/") || code.in_tests(*at))
            {
                found.push(Breach::new(
                    &file.path,
                    code.line(at),
                    "sleeps; wait on a condition with a deadline",
                ));
            }
        }
    }
    found
}

fn in_code(tree: &Tree, pieces: &[&str], counts: fn(&Code, usize) -> bool) -> Vec<Breach> {
    let mut found = Vec::new();
    for file in tree.rust() {
        let code = Code::of(file);
        for piece in pieces {
            for at in code.find(piece).filter(|at| counts(&code, *at)) {
                found.push(Breach::new(&file.path, code.line(at), format!("`{piece}`")));
            }
        }
    }
    found
}

/// Written apart, so that this file does not hold what it forbids.
const BANNED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
    concat!("hel", "per2"),
    concat!("hand", "ler2"),
    concat!("lorem ", "ipsum"),
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
];

fn banned(tree: &Tree) -> Vec<Breach> {
    let written = [
        "rs", "toml", "md", "proto", "sql", "html", "css", "js", "ftl", "yaml", "yml", "txt", "run", "service",
    ];
    let ours = tree.files.iter().filter(|file| {
        let end = file.path.rsplit(['.', '/']).next().unwrap_or_default();
        written.contains(&end) && !file.path.contains("/vendor/")
    });
    let mut found = Vec::new();
    for file in ours {
        for (number, line) in file.text.lines().enumerate() {
            let hit = BANNED.iter().find(|word| stands_alone(line, word));
            found.extend(hit.map(|word| Breach::new(&file.path, number + 1, format!("`{word}`"))));
        }
    }
    found
}

/// Not as a part of a longer word: a base64 digest may hold any three letters.
fn stands_alone(line: &str, word: &str) -> bool {
    let letter = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'+');
    let whole = word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    line.match_indices(word).any(|(at, _)| {
        let before = line.as_bytes()[..at].last();
        let after = line.as_bytes().get(at + word.len());
        !whole || (!letter(before) && !letter(after))
    })
}
