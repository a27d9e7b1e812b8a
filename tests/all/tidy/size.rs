//! Files, functions and names that stay small and say what they are.

use kaishin_tests::sources::{Code, Tree};

use super::{Breach, Check};

const MAX_FILE: usize = 800;
const MAX_FUNCTION: usize = 80;
const VAGUE: &[&str] = &["common", "helper", "helpers", "manager", "misc", "util", "utils"];
const TOP: &[&str] = &[
    ".ci/",
    ".config/",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "agent/",
    "clippy.toml",
    "deny.toml",
    "migrations/",
    "proto/",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "server/",
    "tests/",
    "web/",
];

pub fn checks() -> Vec<Check> {
    vec![
        Check {
            name: "no file over 800 lines",
            run: files,
            breaches: || vec![Tree::of(&[("server/src/x.rs", &"fn a() {}\n".repeat(MAX_FILE + 1))])],
        },
        Check {
            name: "no function over 80 lines",
            run: functions,
            breaches: || {
                let long = format!("fn long() {{\n{}}}\n", "    act();\n".repeat(MAX_FUNCTION));
                vec![
                    Tree::of(&[("server/src/x.rs", &long)]),
                    Tree::of(&[("tests/src/x.rs", &long)]),
                ]
            },
        },
        Check {
            name: "names say what a module is",
            run: names,
            breaches: || {
                vec![
                    Tree::of(&[("server/src/utils.rs", "")]),
                    Tree::of(&[("agent/src/common/x.rs", "")]),
                    Tree::of(&[("agent/src/x.rs", "mod helpers { }")]),
                ]
            },
        },
        Check {
            name: "the top level holds what it was built with",
            run: top,
            breaches: || {
                vec![Tree {
                    top: vec!["scripts/".into()],
                    files: Vec::new(),
                }]
            },
        },
    ]
}

fn files(tree: &Tree) -> Vec<Breach> {
    let written = ["rs", "proto", "sql", "html", "css", "js", "ftl"];
    let ours = tree.files.iter().filter(|file| {
        let vendored = file.path.contains("/vendor/") || file.path.contains("/fonts/");
        !vendored
            && file
                .path
                .rsplit_once('.')
                .is_some_and(|(_, end)| written.contains(&end))
    });
    ours.map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_FILE)
        .map(|(file, lines)| Breach::new(&file.path, lines, format!("{lines} lines; {MAX_FILE} is the most")))
        .collect()
}

fn functions(tree: &Tree) -> Vec<Breach> {
    let mut found = Vec::new();
    for file in tree.rust() {
        let code = Code::of(file);
        for (range, name) in code
            .functions()
            .into_iter()
            .filter(|(range, _)| !code.in_tests(range.start))
        {
            let lines = code.text[range.clone()].matches('\n').count() + 1;
            if lines > MAX_FUNCTION {
                let what = format!("fn {name} has {lines} lines; {MAX_FUNCTION} is the most");
                found.push(Breach::new(&file.path, code.line(range.start), what));
            }
        }
    }
    found
}

fn names(tree: &Tree) -> Vec<Breach> {
    let mut found = Vec::new();
    for file in tree.rust() {
        let vague = file
            .path
            .trim_end_matches(".rs")
            .split('/')
            .find(|part| VAGUE.contains(part));
        found.extend(vague.map(|part| Breach::new(&file.path, 1, format!("`{part}` names nothing"))));
        let code = Code::of(file);
        let idents: Vec<_> = code.idents().collect();
        for pair in idents
            .windows(2)
            .filter(|pair| pair[0].name == "mod" && VAGUE.contains(&pair[1].name))
        {
            found.push(Breach::new(
                &file.path,
                code.line(pair[0].at),
                format!("`{}` names nothing", pair[1].name),
            ));
        }
    }
    found
}

fn top(tree: &Tree) -> Vec<Breach> {
    let strange = tree.top.iter().filter(|name| !TOP.contains(&name.as_str()));
    strange
        .map(|name| Breach::new(name, 1, "does not belong at the top level"))
        .collect()
}
