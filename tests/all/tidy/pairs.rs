//! Things that exist only together: a migration for both engines, a template and the sample that renders it, words in both
//! languages, what the audit log records and its words.

use std::collections::{BTreeMap, BTreeSet};

use kaishin_domain::expr::Field;
use kaishin_tests::sources::{Code, Source, Tree};

use super::{Breach, Check};

pub fn checks() -> Vec<Check> {
    vec![
        Check {
            name: "a migration exists for both engines",
            run: migrations,
            breaches: || {
                vec![
                    Tree::of(&[("migrations/sqlite/0001_a.sql", "")]),
                    Tree::of(&[("migrations/postgres/0001_a.sql", "")]),
                ]
            },
        },
        Check {
            name: "a template is rendered from a sample",
            run: templates,
            breaches: || {
                let page = "#[derive(Template)]\n#[template(path = \"a.html\")]\nstruct A;";
                vec![
                    Tree::of(&[("web/templates/a.html", "")]),
                    Tree::of(&[("web/templates/a.html", ""), ("server/src/http/a.rs", page)]),
                    Tree::of(&[
                        ("web/templates/a.html", "{% include \"b.html\" %}"),
                        ("web/templates/b.html", ""),
                    ]),
                ]
            },
        },
        Check {
            name: "what the audit log records has words",
            run: actions,
            breaches: || {
                let writes = ("server/src/app/x.rs", "fn f() { cx.event(\"view.mislay\", target) }");
                let words = "action-view-keep = あ\n";
                vec![Tree::of(&[writes, ("web/locales/ja/audit.ftl", words)])]
            },
        },
        Check {
            name: "both languages say the same things",
            run: languages,
            breaches: || {
                vec![
                    Tree::of(&[("web/locales/ja/a.ftl", "x = あ\n")]),
                    Tree::of(&[
                        ("web/locales/ja/a.ftl", "x = あ\ny = い\n"),
                        ("web/locales/en/a.ftl", "x = a\n"),
                    ]),
                ]
            },
        },
    ]
}

fn migrations(tree: &Tree) -> Vec<Breach> {
    let names = |engine: &str| -> BTreeSet<&str> {
        tree.files
            .iter()
            .filter_map(|file| file.path.strip_prefix("migrations/")?.strip_prefix(engine))
            .collect()
    };
    let (sqlite, postgres) = (names("sqlite/"), names("postgres/"));
    let alone = sqlite.symmetric_difference(&postgres);
    alone
        .map(|name| Breach::new(&format!("migrations/*/{name}"), 1, "exists for one engine only"))
        .collect()
}

/// A template counts as rendered if a Rust file names it and that file has a test or a sample, or if one that counts
/// includes, imports or extends it.
fn templates(tree: &Tree) -> Vec<Breach> {
    let folder = "web/templates/";
    let all: BTreeMap<&str, &str> = tree
        .files
        .iter()
        .filter_map(|file| Some((file.path.strip_prefix(folder)?, file.text.as_str())))
        .collect();
    let mut rendered: BTreeSet<&str> = BTreeSet::new();
    for file in tree.rust().filter(|file| file.is_under("server/src/http")) {
        let code = Code::of(file);
        let samples = code
            .idents()
            .any(|ident| matches!(ident.name, "sample" | "samples" | "Sample"));
        if samples {
            rendered.extend(
                code.literals
                    .iter()
                    .filter_map(|literal| all.get_key_value(literal.text.as_str()).map(|(name, _)| *name)),
            );
        }
    }
    loop {
        let more: BTreeSet<&str> = rendered.iter().flat_map(|name| named_in(all[name], &all)).collect();
        let before = rendered.len();
        rendered.extend(more);
        if rendered.len() == before {
            break;
        }
    }
    let lost = all.keys().filter(|name| !rendered.contains(*name));
    lost.map(|name| Breach::new(&format!("{folder}{name}"), 1, "no page with a sample renders it"))
        .collect()
}

fn named_in<'a>(text: &str, all: &BTreeMap<&'a str, &str>) -> Vec<&'a str> {
    let tags = text.split("{%").skip(1).filter_map(|tag| tag.split("%}").next());
    let reaching = tags.filter(|tag| {
        let verb = tag.trim_start_matches('-').trim_start();
        ["include", "import", "extends"]
            .iter()
            .any(|word| verb.starts_with(word))
    });
    reaching
        .filter_map(|tag| all.get_key_value(tag.split('"').nth(1)?).map(|(name, _)| *name))
        .collect()
}

/// What a use case writes down looks as a fact or a filter's field does, `noun.verb`, and is neither.
fn actions(tree: &Tree) -> Vec<Breach> {
    let words = tree
        .get("web/locales/ja/audit.ftl")
        .map_or("", |file| file.text.as_str());
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let is_action = |text: &str| match text.split_once('.') {
        Some((noun, verb)) => is_word(noun) && is_word(verb) && Field::find(text).is_none(),
        None => false,
    };
    let mut found = Vec::new();
    let recording = |file: &&Source| file.is_under("server/src/app") && !file.is_test_file();
    for file in tree.rust().filter(recording) {
        let code = Code::of(file);
        let literals = code.literals.iter().filter(|literal| !code.in_tests(literal.at));
        for literal in literals.filter(|literal| is_action(&literal.text)) {
            let key = format!("action-{} =", literal.text.replace('.', "-"));
            if !words.lines().any(|line| line.starts_with(&key)) {
                let what = format!("`{}` has no words in audit.ftl", literal.text);
                found.push(Breach::new(&file.path, code.line(literal.at), what));
            }
        }
    }
    found
}

fn languages(tree: &Tree) -> Vec<Breach> {
    let keys = |language: &str| -> BTreeSet<(String, String)> {
        let prefix = format!("web/locales/{language}/");
        let files = tree
            .files
            .iter()
            .filter_map(|file| Some((file.path.strip_prefix(&prefix)?.to_owned(), &file.text)));
        files
            .flat_map(|(name, text)| {
                fluent_keys(text)
                    .map(move |key| (name.clone(), key.to_owned()))
                    .collect::<Vec<_>>()
            })
            .collect()
    };
    let (ja, en) = (keys("ja"), keys("en"));
    let alone = ja.symmetric_difference(&en);
    alone
        .map(|(file, key)| {
            Breach::new(
                &format!("web/locales/*/{file}"),
                1,
                format!("`{key}` in one language only"),
            )
        })
        .collect()
}

/// Identifiers at the start of a line: messages and terms.
fn fluent_keys(text: &str) -> impl Iterator<Item = &str> {
    let starts = |line: &&str| line.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '-');
    text.lines()
        .filter(starts)
        .filter_map(|line| line.split_once('=').map(|(key, _)| key.trim()))
}
