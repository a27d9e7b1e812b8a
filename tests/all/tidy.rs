//! What the house rules say about the source tree, as checks. Each check brings a small breach of its own, so that one that
//! can no longer fail is found out.

mod pairs;
mod rooms;
mod size;
mod words;

use kaishin_tests::sources::Tree;

pub struct Check {
    pub name: &'static str,
    pub run: fn(&Tree) -> Vec<Breach>,
    /// Trees that must not pass.
    pub breaches: fn() -> Vec<Tree>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Breach {
    pub path: String,
    pub line: usize,
    pub what: String,
}

impl Breach {
    pub fn new(path: &str, line: usize, what: impl Into<String>) -> Breach {
        Breach {
            path: path.to_owned(),
            line,
            what: what.into(),
        }
    }
}

fn checks() -> Vec<Check> {
    [rooms::checks(), size::checks(), words::checks(), pairs::checks()]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn the_tree_is_tidy() {
    let tree = Tree::read().expect("the source tree can be read");
    let mut report = String::new();
    for check in checks() {
        for Breach { path, line, what } in (check.run)(&tree) {
            report.push_str(&format!("\n{path}:{line}: {what} [{}]", check.name));
        }
    }
    assert!(report.is_empty(), "the tree breaks its own rules:{report}");
}

#[test]
fn every_check_finds_its_own_breach() {
    for check in checks() {
        let samples = (check.breaches)();
        assert!(!samples.is_empty(), "{} brings no breach", check.name);
        for sample in samples {
            assert!(!(check.run)(&sample).is_empty(), "{} passes {sample:#?}", check.name);
        }
    }
}

#[test]
fn names_stand_for_one_check_each() {
    let mut names: Vec<&str> = checks().iter().map(|check| check.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}
