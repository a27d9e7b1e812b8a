use std::collections::BTreeSet;

use super::*;
use kaishin_proto::profile::Profile;

use crate::expr::Expr;
use crate::fact;
use crate::rule::{Citation, Rule, RulePack, Severity, Why};
use crate::value::{Reason, Unknown, Version};

const NOW: Time = Time(1_790_000_000_000_000);

fn rule(id: &str, evidence: &'static str) -> Rule {
    let words = || Words::new(id, id);
    Rule {
        id: id.into(),
        severity: Severity::Warning,
        title: words(),
        explanation: words(),
        citation: words(),
        source: Citation {
            manual: words(),
            procedure: words(),
            step: String::new(),
        },
        contradiction: None,
        applies: Expr::Always,
        fault: Expr::Always,
        unique: false,
        evidence,
        other_evidence: Vec::new(),
        expected: words(),
        remedy: None,
        procedure: None,
    }
}

fn mark(item: &str, value: Option<bool>) -> Mark {
    Mark {
        item: item.into(),
        value,
        version: 1,
        at: NOW,
        by: "suzuki".into(),
        reason: "電話で確認".into(),
    }
}

fn fault() -> Outcome {
    Outcome::Fault {
        expected: Words::new("無効", "off"),
        found: Value::Truth(true),
        evidence: "power.fast_startup",
    }
}

fn unknown() -> Outcome {
    Outcome::Unknown {
        why: Why {
            field: "power.fast_startup",
            unknown: Some(Unknown {
                reason: Reason::NoPermission,
                detail: String::new(),
            }),
        },
    }
}

/// How `fast-startup` stands under these verdicts and marks.
fn stands(outcomes: &[Outcome], marks: &[Mark]) -> Line {
    let rules: Vec<Rule> = (0..outcomes.len())
        .map(|n| rule(&format!("rule-{n}"), "power.fast_startup"))
        .collect();
    let verdicts: Vec<Verdict<'_>> = rules
        .iter()
        .zip(outcomes)
        .map(|(rule, outcome)| Verdict {
            rule,
            outcome: outcome.clone(),
        })
        .collect();
    let list = checklist(&verdicts, marks);
    list.line("fast-startup").expect("the item is there").clone()
}

#[test]
fn the_manual_has_twelve_operations_and_every_item_stands_once() {
    let numbers: Vec<u8> = OPERATIONS.iter().map(|operation| operation.number).collect();
    assert_eq!(numbers, (1..=12).collect::<Vec<u8>>());
    let mut ids: BTreeSet<&str> = Question::ALL.iter().map(|question| question.id()).collect();
    for item in OPERATIONS.iter().flat_map(|operation| operation.items) {
        assert!(ids.insert(item.id), "{} stands twice", item.id);
        let kebab = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(item.id.chars().all(kebab), "{}", item.id);
        let words = [Some(item.title), Some(item.citation), item.at_odds];
        for (ja, en) in words.into_iter().flatten() {
            assert!(!ja.is_empty() && !en.is_empty() && en.is_ascii(), "{}: {en}", item.id);
        }
        for key in item.facts {
            assert!(fact::find(key).is_some(), "{} names {key}, which is no fact", item.id);
        }
    }
}

#[test]
fn what_the_agent_is_to_see_of_an_item_some_rule_judges() {
    let mut profile = Profile::built_in();
    profile.latest.edge = Version::parse("130.0");
    let pack = RulePack::built_in(&profile).expect("the built-in pack is sound");
    for item in OPERATIONS.iter().flat_map(|operation| operation.items) {
        let judged = |key: &&str| pack.rules().iter().any(|rule| rule.all_evidence().any(|of| of == *key));
        assert!(
            item.facts.is_empty() || item.facts.iter().any(judged),
            "no rule judges {}",
            item.id
        );
    }
}

#[test]
fn the_agent_decides_where_it_sees_and_people_where_it_does_not() {
    let ticked = [mark("fast-startup", Some(true))];
    let undone = [mark("fast-startup", None)];
    for (outcomes, marks, stand, takes_a_tick) in [
        (vec![], &[][..], Stand::Open, true),
        (vec![], &ticked[..], Stand::Said, true),
        (vec![], &undone[..], Stand::Open, true),
        (vec![Outcome::Pass], &[][..], Stand::Seen, false),
        (vec![fault()], &[][..], Stand::Wrong, false),
        (vec![fault()], &ticked[..], Stand::Wrong, false),
        (vec![unknown()], &[][..], Stand::Unknown, true),
        (vec![unknown()], &ticked[..], Stand::Said, true),
        // The worst of several decides.
        (vec![Outcome::Pass, unknown(), fault()], &[][..], Stand::Wrong, false),
        (vec![Outcome::Pass, unknown()], &[][..], Stand::Unknown, true),
        (vec![Outcome::NotApplicable, Outcome::Pass], &[][..], Stand::Seen, false),
        (vec![Outcome::NotApplicable], &ticked[..], Stand::NotApplicable, false),
    ] {
        let line = stands(&outcomes, marks);
        assert_eq!(
            (line.stand, line.takes_a_tick()),
            (stand, takes_a_tick),
            "{outcomes:?} {marks:?}"
        );
    }
}

#[test]
fn what_was_said_and_is_seen_otherwise_is_a_contradiction() {
    assert!(stands(&[fault()], &[mark("fast-startup", Some(true))]).is_contradicted());
    assert!(!stands(&[fault()], &[]).is_contradicted());
    assert!(!stands(&[Outcome::Pass], &[mark("fast-startup", Some(true))]).is_contradicted());
}

#[test]
fn what_a_terminal_needs_depends_on_the_answers() {
    let stand = |item: &str, answers: &[(Question, Option<bool>)]| {
        let marks: Vec<Mark> = answers
            .iter()
            .map(|(question, value)| mark(question.id(), *value))
            .collect();
        checklist(&[], &marks).line(item).map(|line| line.stand)
    };
    use Question::{AutomaticPower, FaceReader, ReceiptLink};
    for (item, answers, expected) in [
        ("share-face", vec![], Stand::Asked(FaceReader)),
        ("share-face", vec![(FaceReader, Some(true))], Stand::Open),
        ("share-face", vec![(FaceReader, Some(false))], Stand::NotApplicable),
        ("share-face", vec![(FaceReader, None)], Stand::Asked(FaceReader)),
        ("link-installed", vec![(ReceiptLink, Some(false))], Stand::NotApplicable),
        ("credentials", vec![(ReceiptLink, Some(true))], Stand::Open),
        (
            "restart-task",
            vec![(AutomaticPower, Some(false))],
            Stand::NotApplicable,
        ),
        ("active-hours", vec![(AutomaticPower, Some(false))], Stand::Open),
        ("active-hours", vec![(AutomaticPower, Some(true))], Stand::NotApplicable),
        ("account-sign-in", vec![], Stand::Open),
    ] {
        assert_eq!(stand(item, &answers), Some(expected), "{item} {answers:?}");
    }
}

#[test]
fn progress_counts_every_line_once() {
    let marks = [mark("shortcut", Some(true)), mark("ask-face-reader", Some(false))];
    let list = checklist(&[], &marks);
    let progress = list.progress();
    let lines: u64 = list.parts.iter().map(|part| part.lines.len() as u64).sum();
    assert_eq!(
        progress.done + progress.wrong + progress.open + progress.not_applicable,
        lines
    );
    assert_eq!((progress.done, progress.wrong, progress.not_applicable), (1, 0, 3));
}
