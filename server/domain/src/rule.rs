//! Faults as data: a rule says when it applies, what is wrong, by which fact that is seen and what helps.
//!
//! A missing or unknown fact never passes. Rules come from a pack, which is data that is read and checked as a whole;
//! nothing here knows where a pack is kept or how verdicts are stored.

use kaishin_proto::fact;
use kaishin_proto::time::Time;
use kaishin_proto::value::{Reason, Unknown, Value};
use serde::{Deserialize, Serialize};

use crate::expr::{Expr, Field, ParseError, Subject, Truth3};
use crate::remedy::Remedy;
use crate::words::Words;

const BUILT_IN: &str = include_str!("../rules/pack.json");

/// The worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Qualification checks fail or are about to.
    Serious,
    /// To be put right soon.
    Warning,
    Notice,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Severity::Serious => "serious",
            Severity::Warning => "warning",
            Severity::Notice => "notice",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Kebab case; stable, as filters and histories name it.
    pub id: String,
    pub severity: Severity,
    pub title: Words,
    /// For a clerk on the phone.
    pub explanation: Words,
    /// Manual, procedure, step.
    pub citation: Words,
    pub applies: Expr,
    pub fault: Expr,
    /// The fact that shows it.
    pub evidence: &'static str,
    pub expected: Words,
    pub remedy: Option<Remedy>,
}

impl Rule {
    /// The terminals whose open faults are not what the rule would say: time alone can make it so, or a new pack.
    pub fn unsettled(&self) -> Expr {
        let not = |expr: Expr| Expr::Not(Box::new(expr));
        let open = Field::find("fault").and_then(|field| Expr::equals(field, &self.id));
        let dark = Field::find(self.evidence).and_then(Expr::is_unknown);
        // Both are sound for every rule that was read; without them nothing would be unsettled.
        let (open, dark) = (open.unwrap_or(Expr::any(Vec::new())), dark.unwrap_or(Expr::Always));
        let opens = vec![
            self.applies.clone(),
            self.fault.clone(),
            not(dark.clone()),
            not(open.clone()),
        ];
        let passes = Expr::all(vec![not(self.fault.clone()), not(dark)]);
        let closes = vec![open, Expr::any(vec![not(self.applies.clone()), passes])];
        Expr::any(vec![Expr::all(opens), Expr::all(closes)])
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct RulePack {
    pub version: u32,
    rules: Vec<Rule>,
}

/// A pack that cannot be used: as a whole, so that no rule is silently missing.
#[derive(Debug, thiserror::Error)]
pub enum BadPack {
    #[error("E-RULE-01 ルールの書式が正しくありません。{0} / The rule pack is not sound JSON for rules: {0}")]
    Format(#[source] serde_json::Error),
    #[error("E-RULE-02 ルール{rule}の条件を直してください。{source} / Correct the condition of rule {rule}.")]
    Condition { rule: String, source: ParseError },
    #[error("E-RULE-03 ルール{rule}: {ja} / Rule {rule}: {en}")]
    Rule {
        rule: String,
        ja: &'static str,
        en: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackText {
    version: u32,
    rules: Vec<RuleText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    id: String,
    severity: Severity,
    title: Words,
    explanation: Words,
    citation: Words,
    #[serde(default)]
    applies: String,
    fault: String,
    evidence: String,
    expected: Words,
    #[serde(default)]
    remedy: Option<String>,
}

impl RulePack {
    /// The pack that comes with the product.
    pub fn built_in() -> Result<RulePack, BadPack> {
        RulePack::read(BUILT_IN)
    }

    pub fn read(json: &str) -> Result<RulePack, BadPack> {
        let text: PackText = serde_json::from_str(json).map_err(BadPack::Format)?;
        let mut rules: Vec<Rule> = Vec::with_capacity(text.rules.len());
        for rule in text.rules {
            let rule = read_rule(rule)?;
            if rules.iter().any(|other| other.id == rule.id) {
                return Err(bad(
                    &rule.id,
                    "同じ番号のルールが二つあります。",
                    "the id stands twice.",
                ));
            }
            rules.push(rule);
        }
        Ok(RulePack {
            version: text.version,
            rules,
        })
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// The facts that verdicts depend on: only a change in these is worth judging again.
    pub fn fields(&self) -> Vec<Field> {
        let mut fields: Vec<Field> = Vec::new();
        for rule in &self.rules {
            for field in rule.applies.fields().into_iter().chain(rule.fault.fields()) {
                if !fields.contains(&field) {
                    fields.push(field);
                }
            }
        }
        fields
    }
}

fn bad(rule: &str, ja: &'static str, en: &'static str) -> BadPack {
    BadPack::Rule {
        rule: rule.to_owned(),
        ja,
        en,
    }
}

fn read_rule(text: RuleText) -> Result<Rule, BadPack> {
    let id = text.id;
    let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.is_empty() || !id.chars().all(kebab) {
        return Err(bad(
            &id,
            "番号は英小文字、数字、-だけにしてください。",
            "write the id in kebab case.",
        ));
    }
    let condition = |text: &str| {
        Expr::parse(text).map_err(|source| BadPack::Condition {
            rule: id.clone(),
            source,
        })
    };
    let (applies, fault) = (condition(&text.applies)?, condition(&text.fault)?);
    let evidence = fact::find(&text.evidence)
        .ok_or_else(|| bad(&id, "根拠の項目がありません。", "its evidence is no fact."))?
        .key;
    if !fault.fields().iter().any(|field| field.name() == evidence) {
        let ja = "異常の条件が根拠の項目を見ていません。";
        return Err(bad(&id, ja, "its fault does not ask about its evidence."));
    }
    let remedy = match text.remedy {
        None => None,
        Some(name) => {
            let known = Remedy::parse(&name, &serde_json::Value::Null);
            Some(known.map_err(|_| bad(&id, "対処の名前がありません。", "there is no such remedy."))?)
        }
    };
    let words = [&text.title, &text.explanation, &text.citation, &text.expected];
    if words.iter().any(|words| words.ja.is_empty() || words.en.is_empty()) {
        return Err(bad(
            &id,
            "日本語と英語の両方が必要です。",
            "words are needed in both languages.",
        ));
    }
    Ok(Rule {
        id,
        severity: text.severity,
        title: text.title,
        explanation: text.explanation,
        citation: text.citation,
        applies,
        fault,
        evidence,
        expected: text.expected,
        remedy,
    })
}

/// What one rule says of one terminal.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict<'a> {
    pub rule: &'a Rule,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Pass,
    Fault {
        expected: Words,
        found: Value,
    },
    /// Neither pass nor fault: it opens no fault and closes none.
    Unknown {
        why: Why,
    },
    NotApplicable,
}

/// What would have to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    pub field: &'static str,
    /// As the agent gave it; none if it never reported the fact.
    pub unknown: Option<Unknown>,
}

impl Why {
    pub fn words(&self) -> Words {
        let (ja, en) = Field::find(self.field).map_or((self.field, self.field), |field| (field.ja(), field.en()));
        let (why_ja, why_en) = match self.unknown.as_ref().map(|unknown| unknown.reason) {
            None => ("まだ報告されていません", "not reported yet"),
            Some(Reason::NotSupported) => ("この端末では読み取れません", "cannot be read on this terminal"),
            Some(Reason::NoPermission) => ("読み取る権限がありません", "no permission to read it"),
            Some(Reason::NotFound) => ("見つかりません", "not found"),
            Some(Reason::Damaged) => ("壊れていて読めません", "damaged"),
            Some(Reason::Failed) => ("読み取りに失敗しました", "reading failed"),
        };
        Words::new(format!("{ja}: {why_ja}"), format!("{en}: {why_en}"))
    }
}

/// Every rule's verdict, in the order of the pack.
pub fn judge<'a>(pack: &'a RulePack, subject: &(impl Subject + ?Sized), now: Time) -> Vec<Verdict<'a>> {
    let verdict = |rule: &'a Rule| Verdict {
        rule,
        outcome: outcome(rule, subject, now),
    };
    pack.rules.iter().map(verdict).collect()
}

fn outcome(rule: &Rule, subject: &(impl Subject + ?Sized), now: Time) -> Outcome {
    match rule.applies.evaluate(subject, now) {
        Truth3::False => return Outcome::NotApplicable,
        Truth3::Unknown => {
            let why = missing(&rule.applies, rule, subject);
            return Outcome::Unknown { why };
        }
        Truth3::True => {}
    }
    let found = subject.fact(rule.evidence).filter(|value| !value.is_unknown());
    match (rule.fault.evaluate(subject, now), found) {
        (Truth3::True, Some(found)) => Outcome::Fault {
            expected: rule.expected.clone(),
            found: found.into_owned(),
        },
        (Truth3::False, Some(_)) => Outcome::Pass,
        // Whatever the condition says: without its evidence nobody can be shown why.
        (Truth3::Unknown | Truth3::True | Truth3::False, _) => Outcome::Unknown {
            why: missing(&rule.fault, rule, subject),
        },
    }
}

/// The first thing that the condition asks about and nobody knows; the evidence if all seems known.
fn missing(condition: &Expr, rule: &Rule, subject: &(impl Subject + ?Sized)) -> Why {
    for field in condition.fields() {
        let unknown = match field {
            Field::Fact(fact) => match subject.fact(fact.key).as_deref() {
                None => None,
                Some(Value::Unknown(unknown)) => Some(unknown.clone()),
                Some(value) if fact.kind.holds(value) => continue,
                Some(_) => Some(Unknown {
                    reason: Reason::Damaged,
                    detail: String::new(),
                }),
            },
            Field::Institution if subject.institution().is_none() => None,
            Field::LastSeen if subject.last_seen().is_none() && !subject.online() => None,
            Field::Facility(attribute) if subject.facility(attribute).is_none() => None,
            Field::Id
            | Field::Hostname
            | Field::Institution
            | Field::Online
            | Field::LastSeen
            | Field::State
            | Field::Fault
            | Field::Severity
            | Field::Job
            | Field::JobState
            | Field::JobOf(_)
            | Field::Facility(_) => continue,
        };
        let field = field.name();
        return Why { field, unknown };
    }
    Why {
        field: rule.evidence,
        unknown: None,
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::collections::BTreeMap;

    use super::*;
    use crate::expr::Standing;
    use crate::id::TerminalId;
    use crate::time::Span;

    const NOW: Time = Time(1_790_000_000_000_000);

    struct Known {
        last_seen: Option<Time>,
        facts: BTreeMap<&'static str, Value>,
        faults: Vec<&'static str>,
    }

    impl Subject for Known {
        fn id(&self) -> TerminalId {
            TerminalId::new(NOW, [1; 10])
        }
        fn hostname(&self) -> &str {
            "UKETSUKE-01"
        }
        fn institution(&self) -> Option<&str> {
            None
        }
        fn online(&self) -> bool {
            false
        }
        fn last_seen(&self) -> Option<Time> {
            self.last_seen
        }
        fn stands(&self, standing: Standing) -> bool {
            standing == Standing::Active
        }
        fn faults(&self) -> Vec<&str> {
            self.faults.clone()
        }
        fn fact(&self, key: &str) -> Option<Cow<'_, Value>> {
            self.facts.get(key).map(Cow::Borrowed)
        }
    }

    fn windows(facts: &[(&'static str, Value)]) -> Known {
        let mut facts: BTreeMap<&'static str, Value> = facts.iter().cloned().collect();
        facts.entry("agent.platform").or_insert(Value::Text("windows".into()));
        Known {
            last_seen: Some(NOW - Span::minutes(1)),
            facts,
            faults: Vec::new(),
        }
    }

    fn linux(facts: &[(&'static str, Value)]) -> Known {
        let mut known = windows(facts);
        known.facts.insert("agent.platform", Value::Text("linux".into()));
        known
    }

    fn verdict(rule: &str, subject: &Known) -> Outcome {
        let pack = RulePack::built_in().expect("the built-in pack is sound");
        let verdicts = judge(&pack, subject, NOW);
        let found = verdicts.into_iter().find(|verdict| verdict.rule.id == rule);
        found.unwrap_or_else(|| panic!("no rule {rule}")).outcome
    }

    /// Per rule: its fact, values that pass, values that are faults.
    fn table() -> Vec<(&'static str, &'static str, Vec<Value>, Vec<Value>)> {
        let ago = |span| Value::Time(NOW - span);
        let number = Value::Number;
        vec![
            (
                "fast-startup-on",
                "power.fast_startup",
                vec![Value::Truth(false)],
                vec![Value::Truth(true)],
            ),
            (
                "restart-overdue",
                "boot.time",
                vec![ago(Span::hours(1)), ago(Span::days(3))],
                vec![ago(Span::seconds(3 * 86_400 + 1)), ago(Span::days(40))],
            ),
            (
                "restart-pending",
                "boot.restart_pending",
                vec![Value::Truth(false)],
                vec![Value::Truth(true)],
            ),
            (
                "os-out-of-support",
                "os.build",
                vec![number(17_763), number(19_044)],
                vec![number(19_045), number(10_240), number(22_631)],
            ),
        ]
    }

    #[test]
    fn every_rule_passes_finds_its_fault_admits_what_it_does_not_know_and_knows_where_it_applies() {
        for (rule, key, passing, faulty) in table() {
            for value in passing {
                assert_eq!(
                    verdict(rule, &windows(&[(key, value.clone())])),
                    Outcome::Pass,
                    "{rule} {value:?}"
                );
            }
            for value in faulty {
                let outcome = verdict(rule, &windows(&[(key, value.clone())]));
                let Outcome::Fault { expected, found } = outcome else {
                    panic!("{rule} {value:?}: {outcome:?}");
                };
                assert_eq!(found, value, "{rule}");
                assert!(!expected.ja.is_empty());
                assert_eq!(verdict(rule, &linux(&[(key, value)])), Outcome::NotApplicable, "{rule}");
            }
            let denied = Unknown {
                reason: Reason::NoPermission,
                detail: "denied".into(),
            };
            for (facts, unknown) in [
                (vec![], None),
                (vec![(key, Value::Unknown(denied.clone()))], Some(denied.clone())),
            ] {
                let why = Why { field: key, unknown };
                assert_eq!(verdict(rule, &windows(&facts)), Outcome::Unknown { why }, "{rule}");
            }
        }
    }

    #[test]
    fn a_terminal_is_unsettled_exactly_where_its_verdict_would_open_or_close_a_fault() {
        let pack = RulePack::built_in().expect("the built-in pack is sound");
        for (rule, key, passing, faulty) in table() {
            let rule = pack.rule(rule).expect("it is in the pack");
            let unknown = Value::unknown(Reason::Failed, "");
            for value in passing.into_iter().chain(faulty).chain([unknown]) {
                for mut terminal in [
                    windows(&[(key, value.clone())]),
                    linux(&[(key, value.clone())]),
                    windows(&[]),
                ] {
                    for open in [false, true] {
                        let other = if key == "boot.time" {
                            "fast-startup-on"
                        } else {
                            "restart-overdue"
                        };
                        terminal.faults = vec![other];
                        if open {
                            terminal
                                .faults
                                .push(table().iter().find(|row| row.1 == key).expect("a row").0);
                        }
                        let due = match outcome(rule, &terminal, NOW) {
                            Outcome::Fault { .. } => !open,
                            Outcome::Pass | Outcome::NotApplicable => open,
                            Outcome::Unknown { .. } => false,
                        };
                        let unsettled = rule.unsettled().evaluate(&terminal, NOW).is_true();
                        assert_eq!(unsettled, due, "{} {value:?} open: {open}", rule.id);
                    }
                }
            }
        }
    }

    #[test]
    fn every_rule_of_the_pack_stands_in_the_table() {
        let pack = RulePack::built_in().expect("the built-in pack is sound");
        let tested: Vec<&str> = table().iter().map(|row| row.0).collect();
        let ids: Vec<&str> = pack.rules().iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(tested, ids);
        assert!(pack.fields().iter().any(|field| field.name() == "boot.time"));
    }

    #[test]
    fn a_terminal_of_unknown_platform_neither_passes_nor_fails() {
        let mut terminal = windows(&[("power.fast_startup", Value::Truth(true))]);
        terminal.facts.remove("agent.platform");
        let Outcome::Unknown { why } = verdict("fast-startup-on", &terminal) else {
            panic!("it passed or failed");
        };
        assert_eq!(why.field, "agent.platform");
        assert_eq!(why.words().en, "Platform: not reported yet");
    }

    #[test]
    fn a_fact_of_another_kind_than_the_catalogue_says_never_passes() {
        let terminal = windows(&[("os.build", Value::Text("19044".into()))]);
        assert!(matches!(
            verdict("os-out-of-support", &terminal),
            Outcome::Unknown { .. }
        ));
    }

    #[test]
    fn a_terminal_that_has_been_off_is_not_overdue_for_a_restart() {
        let mut terminal = windows(&[("boot.time", Value::Time(NOW - Span::days(9)))]);
        terminal.last_seen = Some(NOW - Span::days(2));
        assert_eq!(verdict("restart-overdue", &terminal), Outcome::NotApplicable);
    }

    #[test]
    fn an_unsound_pack_is_refused_and_names_the_rule() {
        let sound: serde_json::Value = serde_json::from_str(BUILT_IN).expect("JSON");
        for (field, value, code) in [
            ("fault", "power.fast_startup:perhaps", "E-RULE-02"),
            ("applies", "nonsense:", "E-RULE-02"),
            // Rules are judged by what the index knows.
            ("fault", "power.fast_startup:yes boot.id:x", "E-RULE-02"),
            ("fault", "os.build:1", "E-RULE-03"),
            ("evidence", "power.colour", "E-RULE-03"),
            ("remedy", "format-disk", "E-RULE-03"),
            ("id", "restart-overdue", "E-RULE-03"),
            ("id", "Fast Startup", "E-RULE-03"),
            ("severity", "dreadful", "E-RULE-01"),
            ("surplus", "x", "E-RULE-01"),
        ] {
            let mut pack = sound.clone();
            pack["rules"][0][field] = value.into();
            let error = RulePack::read(&pack.to_string()).expect_err(value);
            assert!(error.to_string().starts_with(code), "{field}={value}: {error}");
        }
    }
}
