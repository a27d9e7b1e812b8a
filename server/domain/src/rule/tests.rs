mod table;

use std::borrow::Cow;
use std::collections::BTreeMap;

use kaishin_proto::fact::{self, Type};
use kaishin_proto::profile::{Patch, Profile, RegistryPlace};
use kaishin_proto::value::Version;

use super::*;
use crate::expr::{Attribute, Standing};
use crate::id::TerminalId;
use crate::time::Span;
use table::{Case, TABLE};

const NOW: Time = Time(1_790_000_000_000_000);

#[derive(Clone)]
struct Known {
    last_seen: Option<Time>,
    facts: BTreeMap<&'static str, Value>,
    facility: BTreeMap<&'static str, Value>,
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
    fn shares(&self, key: &str) -> Option<bool> {
        Some(self.facts.get(key) == Some(&Value::Text("SHARED".into())))
    }
    fn facility(&self, attribute: Attribute) -> Option<Cow<'_, Value>> {
        let name = Field::Facility(attribute).name();
        self.facility.get(name).map(Cow::Borrowed)
    }
}

fn profile() -> Profile {
    let mut profile = Profile::built_in();
    profile.latest.agent = Version::parse("1.0");
    profile.latest.edge = Version::parse("130.0");
    for (build, revision) in [(17_763, 6_000), (19_044, 5_000)] {
        profile.latest.os.push(Patch { build, revision });
    }
    profile
}

fn pack() -> RulePack {
    RulePack::built_in(&profile()).expect("the built-in pack is sound")
}

fn moment(text: &str) -> Time {
    let (sign, text) = text.strip_prefix('+').map_or((-1, text), |ahead| (1, ahead));
    NOW + Span(sign * span(text).0)
}

fn span(text: &str) -> Span {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |below| (-1, below));
    let (number, unit) = text.split_at(text.len() - 1);
    let of = match unit {
        "d" => 86_400,
        "h" => 3_600,
        "s" => 1,
        _ => panic!("no unit in {text}"),
    };
    Span::seconds(sign * of * number.parse::<i64>().expect("a number"))
}

fn value(key: &str, text: &str) -> Value {
    if text == "absent" {
        return Value::unknown(Reason::NotFound, "");
    }
    let text = text.replace('~', " ");
    match fact::find(key).unwrap_or_else(|| panic!("no fact {key}")).kind {
        Type::Truth => Value::Truth(text == "yes"),
        Type::Number => Value::Number(text.parse().expect("a number")),
        Type::Text => Value::Text(text),
        Type::Version => Value::Version(Version::parse(&text).expect("a version")),
        Type::Time => Value::Time(moment(&text)),
        Type::Duration => Value::Duration(span(&text)),
        Type::List if text == "-" => Value::List(Vec::new()),
        Type::List => Value::List(text.split(',').map(str::to_owned).collect()),
        Type::Size | Type::Table => panic!("{key} is not written here"),
    }
}

fn windows(facts: &str) -> Known {
    let mut known = Known {
        last_seen: Some(NOW - Span::minutes(1)),
        facts: BTreeMap::from([("agent.platform", Value::Text("windows".into()))]),
        facility: BTreeMap::new(),
        faults: Vec::new(),
    };
    for (key, text) in facts.split_whitespace().filter_map(|fact| fact.split_once('=')) {
        let field = Field::find(key).unwrap_or_else(|| panic!("no field {key}"));
        if field == Field::LastSeen {
            known.last_seen = Some(moment(text));
        } else if field == Field::Facility(Attribute::SharedReceipt) {
            known.facility.insert(field.name(), Value::Truth(text == "yes"));
        } else if matches!(field, Field::Facility(_)) {
            known.facility.insert(field.name(), Value::Text(text.into()));
        } else {
            known.facts.insert(field.name(), value(key, text));
        }
    }
    known
}

fn on_linux(mut known: Known) -> Known {
    known.facts.insert("agent.platform", Value::Text("linux".into()));
    known
}

fn alternatives(text: &'static str, given: &'static str) -> Vec<(String, Known)> {
    let each = text.split(" | ").filter(|text| !text.trim().is_empty());
    each.map(|text| (text.to_owned(), windows(&format!("{given} {text}"))))
        .collect()
}

fn verdict(pack: &RulePack, rule: &str, subject: &Known) -> Outcome {
    let verdicts = judge(pack, subject, NOW);
    let found = verdicts.into_iter().find(|verdict| verdict.rule.id == rule);
    found.unwrap_or_else(|| panic!("no rule {rule}")).outcome
}

#[test]
fn every_rule_of_the_pack_stands_in_the_table() {
    let pack = pack();
    let tested: Vec<&str> = TABLE.iter().map(|case| case.rule).collect();
    let ids: Vec<&str> = pack.rules().iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(tested, ids);
    assert_eq!(pack.asleep(), [""; 0]);
    // From these two the tests below make the other two: what is not known, and what does not apply.
    for case in TABLE {
        for text in [case.passes, case.faults] {
            assert!(!alternatives(text, case.given).is_empty(), "{}", case.rule);
        }
    }
}

#[test]
fn every_rule_passes_finds_its_fault_and_knows_where_it_applies() {
    let pack = pack();
    for Case {
        rule,
        given,
        passes,
        faults,
        elsewhere,
    } in TABLE
    {
        let of = pack.rule(rule).expect("it is in the pack");
        for (text, known) in alternatives(passes, given) {
            assert_eq!(verdict(&pack, rule, &known), Outcome::Pass, "{rule}: {text}");
        }
        for (text, known) in alternatives(faults, given) {
            let outcome = verdict(&pack, rule, &known);
            let Outcome::Fault {
                expected,
                found,
                evidence,
            } = outcome
            else {
                panic!("{rule}: {text}: {outcome:?}");
            };
            assert!(of.all_evidence().any(|key| key == evidence), "{rule}");
            assert_eq!(Some(&found), known.facts.get(evidence), "{rule}: {text}");
            assert!(!expected.ja.contains('$') && !expected.en.contains('$'), "{rule}");
            assert_eq!(verdict(&pack, rule, &on_linux(known)), Outcome::NotApplicable, "{rule}");
        }
        for (text, _) in alternatives(faults, given)
            .into_iter()
            .filter(|_| !elsewhere.is_empty())
        {
            // What says that it does not apply here stands last, and counts.
            let known = windows(&format!("{text} {elsewhere}"));
            assert_eq!(verdict(&pack, rule, &known), Outcome::NotApplicable, "{rule}: {text}");
        }
    }
}

#[test]
fn what_a_rule_does_not_know_is_neither_fault_nor_pass() {
    let pack = pack();
    let denied = || Value::unknown(Reason::NoPermission, "denied");
    for case in TABLE {
        let of = pack.rule(case.rule).expect("it is in the pack");
        for text in [case.passes, case.faults] {
            for (text, known) in alternatives(text, case.given) {
                let mut silent = known.clone();
                let mut dark = known.clone();
                for key in of.all_evidence() {
                    silent.facts.remove(key);
                    dark.facts.insert(key, denied());
                }
                for subject in [silent, dark] {
                    let outcome = verdict(&pack, case.rule, &subject);
                    assert!(
                        matches!(outcome, Outcome::Unknown { .. }),
                        "{}: {text}: {outcome:?}",
                        case.rule
                    );
                }
                // Nor does it apply to a terminal of which nothing is known that says so.
                let mut blank = known.clone();
                blank.facts.retain(|key, _| of.all_evidence().any(|of| of == *key));
                blank.facility.clear();
                let outcome = verdict(&pack, case.rule, &blank);
                assert!(
                    matches!(outcome, Outcome::Unknown { .. }),
                    "{}: {text}: {outcome:?}",
                    case.rule
                );
            }
        }
    }
}

#[test]
fn a_terminal_is_unsettled_exactly_where_its_verdict_would_open_or_close_a_fault() {
    let pack = pack();
    for case in TABLE {
        let rule = pack.rule(case.rule).expect("it is in the pack");
        let mut subjects: Vec<Known> = Vec::new();
        for text in [case.passes, case.faults] {
            for (_, known) in alternatives(text, case.given) {
                let mut silent = known.clone();
                silent.facts.retain(|key, _| !rule.all_evidence().any(|of| of == *key));
                let mut dark = known.clone();
                for key in rule.all_evidence() {
                    dark.facts.insert(key, Value::unknown(Reason::Failed, ""));
                }
                let mut gone = known.clone();
                for key in rule.all_evidence() {
                    gone.facts.insert(key, Value::unknown(Reason::NotFound, ""));
                }
                let one_by_one = rule.all_evidence().flat_map(|key| {
                    [Reason::NotFound, Reason::Failed].map(|reason| {
                        let mut known = known.clone();
                        known.facts.insert(key, Value::unknown(reason, ""));
                        known
                    })
                });
                subjects.extend(one_by_one);
                subjects.extend([on_linux(known.clone()), known, silent, dark, gone]);
            }
        }
        for mut terminal in subjects {
            for open in [false, true] {
                terminal.faults = vec!["some-other-rule"];
                if open {
                    terminal.faults.push(case.rule);
                }
                let mut due = match outcome(rule, &terminal, NOW) {
                    Outcome::Fault { .. } => !open,
                    Outcome::Pass | Outcome::NotApplicable => open,
                    Outcome::Unknown { .. } => open && rule.is_gone(&terminal, NOW),
                };
                if rule.unique && outcome(rule, &terminal, NOW) != Outcome::NotApplicable {
                    // The others are looked at beside it.
                    due = open && rule.is_gone(&terminal, NOW);
                }
                let unsettled = rule.unsettled().evaluate(&terminal, NOW).is_true();
                assert_eq!(unsettled, due, "{} {:?} open: {open}", rule.id, terminal.facts);
            }
        }
    }
}

#[test]
fn a_fault_closes_once_what_it_is_about_is_gone_and_not_for_what_could_not_be_read() {
    let pack = pack();
    for case in TABLE {
        let rule = pack.rule(case.rule).expect("it is in the pack");
        for (text, faulty) in alternatives(case.faults, case.given) {
            let with = |reason: Reason| {
                let mut known = faulty.clone();
                for key in rule.all_evidence() {
                    known.facts.insert(key, Value::unknown(reason, ""));
                }
                known
            };
            let gone = with(Reason::NotFound);
            match outcome(rule, &gone, NOW) {
                // That it is not there is what is wrong.
                Outcome::Fault { .. } => assert!(rule.asks_for_absence(Field::find(rule.evidence).expect("a fact"))),
                Outcome::Unknown { .. } => assert!(rule.is_gone(&gone, NOW), "{}: {text}", rule.id),
                Outcome::NotApplicable => {}
                Outcome::Pass => panic!("{}: {text} passes", rule.id),
            }
            for reason in [
                Reason::Failed,
                Reason::NoPermission,
                Reason::Damaged,
                Reason::NotSupported,
            ] {
                assert!(!rule.is_gone(&with(reason), NOW), "{}: {text}: {reason:?}", rule.id);
            }
        }
    }
}

#[test]
fn of_several_that_could_show_the_fault_one_that_is_gone_says_nothing_of_the_others() {
    let pack = pack();
    let rule = pack.rule("edge-extension-old").expect("it is in the pack");
    let mut terminal = windows("edge.delegate.version=absent edge.nopinauth.version=2.0 edge.pinauth.version=2.0");
    assert!(rule.is_gone(&terminal, NOW), "the old one was removed");
    let failed = Value::unknown(Reason::Failed, "");
    terminal.facts.insert("edge.pinauth.version", failed);
    assert!(!rule.is_gone(&terminal, NOW), "this one may be old");
    // A deleted account takes its password with it.
    let rule = pack.rule("account-password-expiring").expect("it is in the pack");
    let terminal = windows("accounts.oqs_password_never_expires=absent accounts.oqs_password_expires=absent");
    assert!(rule.is_gone(&terminal, NOW));
}

#[test]
fn where_the_facility_has_chosen_the_remedy_sets_its_choice_and_where_not_nothing() {
    use crate::remedy::UpdateMode;
    let pack = pack();
    for (choice, wanted) in [
        ("facility.update_choice=automatic", Some(UpdateMode::Automatic)),
        ("facility.update_choice=manual", Some(UpdateMode::Manual)),
        ("", None),
    ] {
        for mode in ["manual", "automatic", "notify", "not-configured"] {
            let other = if mode == "manual" { "automatic" } else { "manual" };
            let terminal = windows(&format!(
                "update.mode={mode} update.registry_mode={mode} update.policy_file_mode={other} update.install_hour=5 \
                 update.install_day=0 {choice}"
            ));
            let remedies = judge(&pack, &terminal, NOW)
                .into_iter()
                .filter(|verdict| matches!(verdict.outcome, Outcome::Fault { .. }))
                .filter_map(|verdict| Some((verdict.rule.id.as_str(), verdict.rule.remedy?)));
            let set: Vec<(&str, UpdateMode)> = remedies
                .filter_map(|(rule, remedy)| {
                    let Remedy::WindowsUpdateMode { mode, .. } = remedy else {
                        return None;
                    };
                    Some((rule, mode))
                })
                .collect();
            assert_eq!(set.is_empty(), wanted.is_none(), "{choice} {mode}: {set:?}");
            assert!(
                set.iter().all(|(_, mode)| Some(*mode) == wanted),
                "{choice} {mode}: {set:?}"
            );
        }
    }
}

#[test]
fn the_distribution_application_is_not_stuck_where_the_manuals_stop_it() {
    let pack = pack();
    let stopped = "os.edition=EnterpriseS oqs.status=stopped oqs.status_at=9d";
    for (facts, applies) in [
        ("", true),
        ("facility.shared_receipt=yes", false),
        ("os.edition=Professional", false),
        ("oqs.auto_update=no", false),
        (
            "oqs.auto_update=absent facility.shared_receipt=no os.edition=IoTEnterpriseS",
            true,
        ),
        // A word that nobody knows says nothing.
        ("oqs.status=other", false),
    ] {
        let outcome = verdict(&pack, "distribution-stuck", &windows(&format!("{stopped} {facts}")));
        assert_eq!(outcome != Outcome::NotApplicable, applies, "{facts}: {outcome:?}");
        assert_eq!(matches!(outcome, Outcome::Fault { .. }), applies, "{facts}");
    }
}

#[test]
fn a_rule_without_its_target_version_sleeps() {
    let pack = RulePack::built_in(&Profile::built_in()).expect("the built-in pack is sound");
    assert_eq!(
        pack.asleep(),
        ["edge-old", "os-patch-old-17763", "os-patch-old-19044", "agent-old"]
    );
    assert!(pack.rule("edge-old").is_none());
    assert!(pack.rules().len() > 70);
}

#[test]
fn rules_about_what_the_profile_does_not_say_where_to_find_are_told() {
    let mut profile = Profile::built_in();
    let told = |profile: &Profile| RulePack::built_in(profile).expect("sound").blind().to_vec();
    assert_eq!(
        told(&profile),
        ["distribution-auto-update-on-shared", "distribution-auto-update-on-pro"]
    );
    profile.distribution.auto_update = Some(RegistryPlace {
        key: r"SOFTWARE\OQS\OqsDistroApp".into(),
        value: "AutoUpdate".into(),
    });
    assert_eq!(told(&profile), [""; 0]);
}

#[test]
fn another_target_version_is_another_pack() {
    let before = pack();
    let mut profile = profile();
    profile.software.face.version = Version("9.0".into());
    let after = RulePack::built_in(&profile).expect("sound");
    assert_ne!(before.fingerprint(), after.fingerprint());
    assert_eq!(before.fingerprint(), pack().fingerprint());
    let terminal = windows("oqs.face.version=2.3.0");
    assert_eq!(verdict(&before, "oqs-face-old", &terminal), Outcome::Pass);
    let Outcome::Fault { expected, .. } = verdict(&after, "oqs-face-old", &terminal) else {
        panic!("it is old now");
    };
    assert_eq!(expected.en, "9.0 or later");
}

#[test]
fn the_first_fact_that_shows_the_fault_is_its_evidence() {
    let terminal = windows("edge.delegate.version=2.0 edge.nopinauth.version=2.0 edge.pinauth.version=1.5");
    let outcome = verdict(&pack(), "edge-extension-old", &terminal);
    assert!(
        matches!(
            outcome,
            Outcome::Fault {
                evidence: "edge.pinauth.version",
                ..
            }
        ),
        "{outcome:?}"
    );
}

#[test]
fn every_rule_cites_a_manual_and_says_what_helps() {
    for rule in pack().rules() {
        assert!(
            !rule.source.manual.ja.is_empty() && !rule.citation.en.is_empty(),
            "{}",
            rule.id
        );
        assert!(
            rule.remedy.is_some() || rule.procedure.is_some(),
            "{} helps nobody",
            rule.id
        );
        if let Some(found) = &rule.contradiction {
            assert_ne!(found.with, rule.source, "{} contradicts itself", rule.id);
        }
    }
    assert!(
        pack()
            .rules()
            .iter()
            .filter(|rule| rule.contradiction.is_some())
            .count()
            >= 10
    );
}

#[test]
fn a_terminal_of_unknown_platform_neither_passes_nor_fails() {
    let mut terminal = windows("power.fast_startup=yes");
    terminal.facts.remove("agent.platform");
    let Outcome::Unknown { why } = verdict(&pack(), "fast-startup-on", &terminal) else {
        panic!("it passed or failed");
    };
    assert_eq!(why.field, "agent.platform");
    assert_eq!(why.words().en, "Platform: not reported yet");
}

#[test]
fn a_fact_of_another_kind_than_the_catalogue_says_never_passes() {
    let mut terminal = windows("");
    terminal.facts.insert("os.build", Value::Text("19044".into()));
    let outcome = verdict(&pack(), "os-out-of-support", &terminal);
    assert!(matches!(outcome, Outcome::Unknown { .. }));
}

#[test]
fn an_unsound_pack_is_refused_and_names_the_rule() {
    let head = include_str!("../../rules/pack.json");
    let sound: serde_json::Value = serde_json::from_str(include_str!("../../rules/restart.json")).expect("JSON");
    for (field, value, code) in [
        ("fault", "power.fast_startup:perhaps".into(), "E-RULE-02"),
        ("applies", "nonsense:".into(), "E-RULE-02"),
        // Rules are judged by what the index knows.
        ("fault", "power.fast_startup:yes boot.id:x".into(), "E-RULE-02"),
        ("fault", "os.build:1".into(), "E-RULE-03"),
        ("fault", "power.fast_startup:$nothing".into(), "E-RULE-03"),
        ("evidence", serde_json::json!(["power.colour"]), "E-RULE-03"),
        ("evidence", serde_json::json!([]), "E-RULE-03"),
        ("remedy", "format-disk".into(), "E-RULE-03"),
        ("parameters", serde_json::json!({"path": "x"}), "E-RULE-03"),
        ("procedure", "hope".into(), "E-RULE-03"),
        (
            "citation",
            serde_json::json!({"manual": "hearsay", "procedure": {"ja": "x", "en": "x"}}),
            "E-RULE-03",
        ),
        ("id", "restart-overdue".into(), "E-RULE-03"),
        ("id", "Fast Startup".into(), "E-RULE-03"),
        ("severity", "dreadful".into(), "E-RULE-01"),
        ("surplus", "x".into(), "E-RULE-01"),
    ] {
        let (field, value): (&str, serde_json::Value) = (field, value);
        let mut pack = sound.clone();
        pack["rules"][0][field] = value.clone();
        let error = RulePack::read(head, &[&pack.to_string()], &profile()).expect_err(field);
        assert!(error.to_string().starts_with(code), "{field}={value}: {error}");
    }
}

/// As somebody writes one: when it finds a fault is all that differs.
fn written(id: &str, fault: &str) -> serde_json::Value {
    let words = serde_json::json!({ "ja": "あ", "en": "a" });
    serde_json::json!({
        "id": id, "severity": "notice", "title": words, "explanation": words, "expected": words, "fault": fault,
        "citation": { "manual": "setup", "procedure": words }, "evidence": ["boot.time"],
    })
}

#[test]
fn rules_of_an_installation_stand_beside_the_products_and_in_place_of_those_of_the_same_id() {
    let area =
        serde_json::json!({ "rules": [written("restart-overdue", "boot.time>8d"), written("ours", "boot.time>30d")] });
    let own = OwnRules::new(vec![("a.json".into(), area.to_string())]);
    let (product, pack) = (RulePack::built_in(&profile()), RulePack::with_own(&own, &profile()));
    let (product, pack) = (product.expect("sound"), pack.expect("sound"));
    assert_eq!(pack.rules().len(), product.rules().len() + 1);
    let condition = |pack: &RulePack, id| pack.rule(id).map(|rule: &Rule| rule.fault.to_string());
    assert_eq!(condition(&product, "restart-overdue").as_deref(), Some("boot.time>3d"));
    assert_eq!(condition(&pack, "restart-overdue").as_deref(), Some("boot.time>8d"));
    assert_eq!(condition(&pack, "ours").as_deref(), Some("boot.time>30d"));
    let (one, other) = (product.fingerprints(), pack.fingerprints());
    let judged_anew = other.iter().filter(|(id, print)| one.get(*id) != Some(print));
    assert_eq!(
        judged_anew.map(|(id, _)| id.as_str()).collect::<Vec<_>>(),
        ["ours", "restart-overdue"]
    );
}

#[test]
fn a_mistake_in_an_installations_rule_is_told_with_its_file() {
    for (rules, told) in [
        (vec![written("ours", "boot.tim>7d")], "E-RULE-02"),
        (vec![written("Ours", "boot.time>8d")], "E-RULE-03"),
        (
            vec![written("ours", "boot.time>8d"), written("ours", "boot.time>9d")],
            "E-RULE-03",
        ),
        (vec![serde_json::json!({ "id": "ours" })], "E-RULE-01"),
    ] {
        let area = serde_json::json!({ "rules": rules }).to_string();
        let own = OwnRules::new(vec![
            ("a.json".into(), "{\"rules\": []}".into()),
            ("ours.json".into(), area),
        ]);
        let bad = RulePack::with_own(&own, &profile()).expect_err(told).to_string();
        assert!(bad.starts_with("ours.json: ") && bad.contains(told), "{bad}");
    }
}
