//! What terminals tell of their remedies is read in Japanese too: before anything is done, and step by step.

use kaishin_proto::evidence;
use kaishin_proto::preview::Verdict;
use kaishin_proto::words::Words;

use super::*;
use crate::remedies::edge_extension_swap::tests as edge_extension_swap;

/// Words of English that are names in Japanese as well.
const NAMES: &[&str] = &["delegate", "nopinauth", "pinauth", "uketsuke", "incho"];

/// Words that only who reads English understands.
fn english(words: &Words) -> Vec<&str> {
    let apart = |c: char| !c.is_ascii() || c.is_whitespace() || "(),".contains(c);
    let is_word = |word: &&str| {
        (3..20).contains(&word.len()) && word.chars().all(|c| c.is_ascii_lowercase()) && !NAMES.contains(word)
    };
    words.ja.split(apart).filter(is_word).collect()
}

fn all() -> impl Iterator<Item = Remedy> {
    Remedy::ALL.into_iter().chain([edge_extension_swap::MANAGED])
}

#[test]
fn what_every_remedy_would_change_is_told_in_words() {
    let mut changes = 0;
    for remedy in all() {
        let world = crashes::ready(remedy, remedies::steps);
        let told = remedies::preview(remedy, &world.os, &world.around());
        for change in &told.changes {
            let words = evidence::change(change);
            assert!(english(&words).is_empty(), "{remedy:?} {change:?}: {words:?}");
            assert_ne!(words.ja, words.en, "{remedy:?} {change:?}: the name has no words");
            changes += 1;
        }
        if !told.reason.is_empty() {
            assert!(evidence::words(&told.reason).is_some(), "{remedy:?}: {}", told.reason);
        }
        let quiet = told.changes.is_empty() && told.verdict == Verdict::WouldChange;
        assert!(!quiet, "{remedy:?}");
    }
    assert!(changes >= 25, "only {changes}");
}

#[test]
fn what_every_step_has_done_is_told_in_words() {
    let mut steps = 0;
    for remedy in all() {
        let (mut world, jobs, _) = crashes::story_in(crashes::ready(remedy, remedies::steps), remedy, &[]);
        for said in std::mem::take(&mut world.server.said) {
            let Some(words) = evidence::words(&said) else {
                panic!("{remedy:?} {jobs:?}: {said}");
            };
            assert!(english(&words).is_empty(), "{remedy:?}: {said}: {words:?}");
            steps += 1;
        }
    }
    assert!(steps >= 60, "only {steps}");
}
