use std::collections::BTreeSet;

use super::*;
use kaishin_proto::profile::Profile;

use crate::expr::Expr;
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
        .map(|_| rule("fast-startup-on", "power.fast_startup"))
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
    }
}

/// What no operation of the manual asks for, and what is of one of its facts but means another thing.
const IN_NO_ITEM: &[&str] = &[
    "account-password-changed",
    "agent-old",
    "antivirus-off",
    "arp-offload-on",
    "disk-low",
    "edge-absent",
    "edge-old",
    "on-battery",
    "os-edition-not-allowed",
    "os-out-of-support",
    "os-patch-old-17763",
    "os-patch-old-19044",
    "os-support-ended",
    "os-support-ending",
    "profile-refused",
    "restart-pending",
    "update-failing",
    "update-mode-not-manual",
    "update-policy-disagrees",
    "update-policy-disagrees-manual",
    "update-policy-disagrees-undecided",
    "update-search-stale",
    "update-service-disabled",
    "update-stale",
];

fn pack() -> RulePack {
    RulePack::built_in(&Profile::built_in()).expect("the built-in pack is sound")
}

#[test]
fn every_rule_decides_an_item_or_is_known_to_decide_none() {
    let pack = pack();
    let awake = pack.rules().iter().map(|rule| rule.id.as_str());
    let all: BTreeSet<&str> = awake.chain(pack.asleep().iter().map(String::as_str)).collect();
    let items = || OPERATIONS.iter().flat_map(|operation| operation.items);
    let mut named: BTreeSet<&str> = IN_NO_ITEM.iter().copied().collect();
    for item in items() {
        for rule in item.rules {
            assert!(all.contains(rule), "{} names {rule}, which is no rule", item.id);
            assert!(!IN_NO_ITEM.contains(rule), "{} names {rule}", item.id);
            named.insert(rule);
        }
    }
    assert_eq!(named, all);
    let places = |rule: &str| {
        items()
            .filter(|item| item.rules.contains(&rule))
            .map(|item| item.id)
            .collect::<Vec<_>>()
    };
    for (rule, of) in [
        ("share-face-missing", vec!["share-face"]),
        ("share-link-missing", vec!["share-link"]),
        ("task-distribution-missing", vec!["distribution-task"]),
        ("task-link-missing", vec!["link-tasks"]),
        ("task-disabled", vec!["distribution-task", "link-tasks"]),
        ("account-password-may-expire", vec!["account-password"]),
    ] {
        assert_eq!(places(rule), of, "{rule}");
    }
}

/// A terminal with these facts, judged by the pack that comes with the product.
struct Known(std::collections::BTreeMap<&'static str, Value>);

impl crate::expr::Subject for Known {
    fn id(&self) -> crate::id::TerminalId {
        crate::id::TerminalId::new(NOW, [1; 10])
    }
    fn hostname(&self) -> &str {
        "UKETSUKE-01"
    }
    fn institution(&self) -> Option<&str> {
        None
    }
    fn online(&self) -> bool {
        true
    }
    fn last_seen(&self) -> Option<Time> {
        Some(NOW)
    }
    fn stands(&self, _: crate::expr::Standing) -> bool {
        true
    }
    fn faults(&self) -> Vec<&str> {
        Vec::new()
    }
    fn fact(&self, key: &str) -> Option<std::borrow::Cow<'_, Value>> {
        self.0.get(key).map(std::borrow::Cow::Borrowed)
    }
}

#[test]
fn an_item_is_wrong_for_what_it_asks_and_not_for_what_stands_in_the_same_fact() {
    let list = |items: &[&str]| Value::List(items.iter().map(|item| (*item).to_owned()).collect());
    let version = || Value::Version(Version("3.0".into()));
    let facts = [
        ("agent.platform", Value::Text("windows".into())),
        ("oqs.face.version", version()),
        ("oqs.link.version", version()),
        ("shares.missing", list(&[r"C:\OQS\req"])),
        ("tasks.missing", list(&["OQS_exec_comappstart"])),
        ("tasks.disabled", list(&["OQS_exec_distroappstart"])),
        ("tasks.wrong_account", list(&[])),
        ("tasks.bad_password", list(&[])),
        ("tasks.failed", list(&[])),
        ("accounts.oqs_password_never_expires", Value::Truth(true)),
        ("accounts.oqs_password_changed", Value::Time(NOW)),
    ];
    let known = Known(facts.into());
    let pack = pack();
    let marks = [Question::FaceReader, Question::ReceiptLink].map(|question| mark(question.id(), Some(true)));
    let list = checklist(&crate::rule::judge(&pack, &known, NOW), &marks);
    for (item, stand, rules) in [
        ("share-face", Stand::Seen, vec!["share-face-missing"]),
        ("share-link", Stand::Wrong, vec!["share-link-missing"]),
        ("distribution-task", Stand::Wrong, vec!["task-disabled"]),
        ("link-tasks", Stand::Wrong, vec!["task-link-missing"]),
        // Just installed, and so the password was changed lately.
        ("account-password", Stand::Seen, vec!["account-password-may-expire"]),
    ] {
        let line = list.line(item).expect("it stands there");
        let (Seen::Pass(found) | Seen::Fault(found)) = &line.seen else {
            panic!("{item}: {:?}", line.seen);
        };
        let found: Vec<&str> = found.iter().map(|finding| finding.rule.as_str()).collect();
        assert_eq!((line.stand, found), (stand, rules), "{item}");
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
