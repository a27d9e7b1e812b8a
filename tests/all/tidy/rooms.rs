//! Which crate may be named where, and which room may reach into which.

use kaishin_tests::sources::{Code, Source, Tree};

use super::{Breach, Check};

pub fn checks() -> Vec<Check> {
    vec![
        Check {
            name: "a crate stays in its room",
            run: crates_in_rooms,
            breaches: || {
                vec![
                    Tree::of(&[("server/src/app/jobs.rs", "use sqlx::Row;")]),
                    Tree::of(&[("server/src/app/jobs.rs", "fn f() -> axum::Router { todo() }")]),
                    Tree::of(&[("server/src/loops/jobs.rs", "use tonic::Status;")]),
                    Tree::of(&[("server/src/http/auth.rs", "use rustls::ServerConfig;")]),
                    Tree::of(&[("server/src/app.rs", "use kaishin_proto::{time::Time, v1};")]),
                    Tree::of(&[("server/src/lib.rs", "use kaishin_agent::run;")]),
                    Tree::of(&[("agent/src/core.rs", "use tonic::Status;")]),
                    Tree::of(&[("agent/src/core.rs", "use kaishin_domain::job;")]),
                    Tree::of(&[("server/domain/src/job.rs", "use tokio::sync::mpsc;")]),
                    Tree::of(&[("server/domain/src/job.rs", "use std::fs;")]),
                ]
            },
        },
        Check {
            name: "edges point at the app, never back",
            run: edges,
            breaches: || {
                vec![
                    Tree::of(&[("server/src/app/jobs.rs", "use crate::{http::sse, store::Store};")]),
                    Tree::of(&[("server/src/app.rs", "fn f() { crate::agents::hub::wake() }")]),
                    Tree::of(&[("server/src/store/jobs.rs", "use crate::app::Cx;")]),
                    Tree::of(&[("server/src/index/mod.rs", "use crate::app::Cx;")]),
                    Tree::of(&[("server/src/pki/ca.rs", "use crate::store::Store;")]),
                    Tree::of(&[("server/src/http/pages/x.rs", "use crate::agents::hub::Hub;")]),
                    Tree::of(&[("server/src/store/jobs.rs", "use super::super::app::Cx;")]),
                ]
            },
        },
        Check {
            name: "platform code stays in agent/src/os",
            run: platform,
            breaches: || {
                vec![
                    Tree::of(&[("agent/src/core.rs", "#[cfg(windows)]\nfn f() {}")]),
                    Tree::of(&[("agent/src/main.rs", "fn f() { if cfg!(unix) { g() } }")]),
                    Tree::of(&[("server/src/cli/serve.rs", "#[cfg(all(feature, unix))]\nfn f() {}")]),
                    Tree::of(&[("agent/src/identity.rs", "use std::os::unix::fs::PermissionsExt;")]),
                    Tree::of(&[("agent/src/facts/os.rs", "#[cfg(target_os = \"windows\")]\nfn f() {}")]),
                ]
            },
        },
        Check {
            name: "manifests keep to the rooms",
            run: manifests,
            breaches: || {
                vec![
                    Tree::of(&[("server/domain/Cargo.toml", "[dependencies]\ntokio.workspace = true\n")]),
                    Tree::of(&[(
                        "server/domain/Cargo.toml",
                        "[dependencies]\nkaishin-proto = { features = [\"wire\"] }\n",
                    )]),
                    Tree::of(&[("agent/Cargo.toml", "[dependencies]\nkaishin-domain.workspace = true\n")]),
                    Tree::of(&[("proto/Cargo.toml", "[dependencies]\nkaishin.workspace = true\n")]),
                    Tree::of(&[("agent/Cargo.toml", "[dependencies]\nleft-pad = \"1\"\n")]),
                ]
            },
        },
    ]
}

/// A crate (or a module of one) and the places that may name it. Elsewhere it is a breach.
struct Room {
    names: &'static [&'static str],
    may: &'static [&'static str],
}

const ROOMS: &[Room] = &[
    Room {
        names: &["sqlx"],
        may: &["server/src/store", "tests/"],
    },
    Room {
        names: &["axum", "askama"],
        may: &["server/src/http", "tests/"],
    },
    Room {
        names: &["tonic", "tonic_prost", "prost"],
        may: &["server/src/agents", "proto/", "agent/src/link", "tests/"],
    },
    Room {
        names: &["rustls", "tokio_rustls", "rustls_pki_types", "rcgen", "x509_parser"],
        may: &[
            "server/src/pki",
            "agent/src/link",
            "agent/src/identity",
            "agent/src/facts/certificates",
            "agent/src/os/reach",
            "tests/",
        ],
    },
    Room {
        names: &["kaishin_agent"],
        may: &["server/src/demo", "agent/src/main.rs", "tests/"],
    },
    Room {
        names: &["kaishin_domain"],
        may: &["server/", "tests/"],
    },
    Room {
        names: &["windows_sys"],
        may: &["agent/src/os/windows"],
    },
];

/// What a pure crate may not touch, whatever its manifest says.
const IMPURE: &[&str] = &[
    "tokio",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "getrandom",
    "rand",
];

fn crates_in_rooms(tree: &Tree) -> Vec<Breach> {
    let mut found = Vec::new();
    for file in tree.rust() {
        let code = Code::of(file);
        for ident in code.idents().filter(|ident| is_path_head(&code.text, ident.at)) {
            let room = ROOMS.iter().find(|room| room.names.contains(&ident.name));
            if room.is_some_and(|room| !room.may.iter().any(|place| file.is_under(place))) {
                found.push(Breach::new(
                    &file.path,
                    code.line(ident.at),
                    format!("{} does not live here", ident.name),
                ));
            }
        }
        found.extend(wire_types(file, &code));
        if file.is_under("server/domain/") {
            for name in IMPURE {
                for at in code
                    .find(name)
                    .filter(|at| is_path_head(&code.text, *at) && !continues(&code.text, at + name.len()))
                {
                    found.push(Breach::new(
                        &file.path,
                        code.line(at),
                        format!("{name} in the pure crate"),
                    ));
                }
            }
        }
    }
    found
}

/// The server's inner rooms speak the domain's words; the wire's are translated at the edge.
fn wire_types(file: &Source, code: &Code) -> Vec<Breach> {
    let outside = file.is_under("server/") && !file.is_under("server/src/agents") && !file.is_under("server/src/demo");
    if !outside {
        return Vec::new();
    }
    let mut found = Vec::new();
    for at in code.find("kaishin_proto::") {
        let statement = code.text[at..].split(';').next().unwrap_or_default();
        let names = ["v1", "convert"];
        let words = statement.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        if let Some(name) = words.take(40).find(|word| names.contains(word)) {
            found.push(Breach::new(
                &file.path,
                code.line(at),
                format!("the wire's `{name}` behind the edge"),
            ));
        }
    }
    found
}

/// Not a field, not the tail of a longer path, not a local that happens to share the name.
fn is_path_head(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end();
    let after = &text[at..];
    let name = after
        .bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        .count();
    let tail = before.ends_with("::") && !before.ends_with("use ::") || before.ends_with('.');
    let glued = text[..at]
        .bytes()
        .last()
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let followed = after[name..].starts_with("::") || before.ends_with("use");
    !tail && !glued && followed
}

fn continues(text: &str, at: usize) -> bool {
    text.as_bytes()
        .get(at)
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// For each room of the server, what it may not reach for.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("app", &["http", "agents", "loops", "cli", "demo"]),
    (
        "store",
        &["app", "index", "pki", "http", "agents", "loops", "cli", "demo"],
    ),
    (
        "index",
        &["app", "store", "pki", "http", "agents", "loops", "cli", "demo"],
    ),
    (
        "pki",
        &["app", "store", "index", "http", "agents", "loops", "cli", "demo"],
    ),
    ("http", &["store", "agents", "loops", "cli", "demo"]),
    ("agents", &["store", "http", "loops", "cli", "demo"]),
    ("loops", &["http", "agents", "cli", "demo"]),
];

fn edges(tree: &Tree) -> Vec<Breach> {
    let mut found = Vec::new();
    for file in tree.rust() {
        let Some(inside) = file.path.strip_prefix("server/src/") else {
            continue;
        };
        let room = inside.split(['/', '.']).next().unwrap_or_default();
        let Some((_, forbidden)) = FORBIDDEN.iter().find(|(name, _)| *name == room) else {
            continue;
        };
        let code = Code::of(file);
        for ident in code
            .crate_paths()
            .iter()
            .filter(|ident| forbidden.contains(&ident.name))
        {
            let what = format!("{room} reaches into {}", ident.name);
            found.push(Breach::new(&file.path, code.line(ident.at), what));
        }
        // As many steps up as the module is deep lead out of the room.
        let depth = inside
            .trim_end_matches(".rs")
            .trim_end_matches("/mod")
            .split('/')
            .count();
        let out = "super::".repeat(depth);
        for at in code.find(&out).filter(|at| !code.in_tests(*at)) {
            found.push(Breach::new(
                &file.path,
                code.line(at),
                "say `crate::`: so many `super` hide which room is meant",
            ));
        }
    }
    found
}

fn platform(tree: &Tree) -> Vec<Breach> {
    let mut found = Vec::new();
    for file in tree.rust() {
        if file.is_under("agent/src/os") || file.is_under("tests/") || file.path.ends_with("/build.rs") {
            continue;
        }
        let code = Code::of(file);
        for mark in ["cfg(", "cfg!(", "cfg_attr("] {
            for at in code.find(mark) {
                let inside = code.text[at + mark.len()..]
                    .split([']', '{', '\n'])
                    .next()
                    .unwrap_or_default();
                let names = inside.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
                let named = names
                    .into_iter()
                    .find(|name| matches!(*name, "windows" | "unix" | "target_family" | "target_os"));
                // The allocator is chosen in one line of the server's main file.
                let allocator = file.path == "server/src/main.rs" && named == Some("target_os");
                if let Some(name) = named.filter(|_| !allocator) {
                    found.push(Breach::new(
                        &file.path,
                        code.line(at),
                        format!("cfg({name}) outside agent/src/os"),
                    ));
                }
            }
        }
        if file.is_under("agent/") {
            for piece in ["std::os::unix", "std::os::windows", "os::unix::", "os::windows::"] {
                found.extend(
                    code.find(piece)
                        .map(|at| Breach::new(&file.path, code.line(at), format!("{piece} outside agent/src/os"))),
                );
            }
        }
    }
    found
}

/// What each crate of ours may depend on among ourselves.
const OURS: &[(&str, &[&str])] = &[
    ("proto/Cargo.toml", &[]),
    ("server/domain/Cargo.toml", &["kaishin-proto"]),
    ("agent/Cargo.toml", &["kaishin-proto"]),
    (
        "server/Cargo.toml",
        &["kaishin-agent", "kaishin-domain", "kaishin-proto"],
    ),
];

/// Nothing here opens a file, a socket, a clock or a source of chance.
const PURE: &[&str] = &[
    "kaishin-proto",
    "hex",
    "proptest",
    "serde",
    "serde_json",
    "sha2",
    "unicode-normalization",
    "thiserror",
    "unicode-normalization",
    "roaring",
];

fn manifests(tree: &Tree) -> Vec<Breach> {
    let mut found = Vec::new();
    for (path, ours) in OURS {
        let Some(file) = tree.get(path) else { continue };
        for (line, name, rest) in dependencies(&file.text) {
            let breach = |what: String| Breach::new(path, line, what);
            if (name == "kaishin" || name.starts_with("kaishin-")) && !ours.contains(&name) {
                found.push(breach(format!("{name} is not for this crate")));
            }
            if *path == "server/domain/Cargo.toml" {
                if !PURE.contains(&name) {
                    found.push(breach(format!("{name} is not known to be pure")));
                }
                if name == "kaishin-proto" && rest.contains("features") {
                    found.push(breach("the domain takes the vocabulary only, no features".into()));
                }
            }
            if !rest.contains("workspace") && name != "windows-sys" {
                found.push(breach(format!("the version of {name} belongs in the workspace's list")));
            }
        }
    }
    found
}

/// Line, name and the rest of each dependency of a manifest, whatever the table.
fn dependencies(manifest: &str) -> Vec<(usize, &str, &str)> {
    let (mut inside, mut list) = (false, false);
    let mut found = Vec::new();
    for (number, line) in manifest.lines().enumerate() {
        let line = line.trim();
        // A list of features over several lines.
        if list {
            list = !line.contains(']');
        } else if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            list = line.contains('[') && !line.contains(']');
            let end = line.find(['.', ' ', '=']).unwrap_or(line.len());
            found.push((number + 1, &line[..end], &line[end..]));
        }
    }
    found
}
