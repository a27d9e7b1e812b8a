//! What the real collectors see of many simulated terminals, judged by the real rules: what a fault found contradicts what it
//! says was expected, and what could not be read is neither a pass nor a fault that was not there before.

mod contradiction;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kaishin_agent::chance::Chance;
use kaishin_agent::facts::{self, About};
use kaishin_agent::os::sim::Sim;
use kaishin_agent::os::{EntryKind, Os, OsError, TaskSeen};
use kaishin_domain::expr::{Attribute, Field, Standing, Subject};
use kaishin_domain::id::TerminalId;
use kaishin_domain::rule::{Outcome, RulePack, Verdict, judge};
use kaishin_proto::clock::Clock;
use kaishin_proto::profile::{Patch, Profile};
use kaishin_proto::time::Time;
use kaishin_proto::value::{Reason, Value, Version};
use proptest::prelude::*;
use serde_json::json;

use contradiction::contradicts;

const NOW: Time = Time(1_800_000_000_000_000);
const FLEET: u64 = 400;

/// A terminal as the server would know it, had it just reported.
struct Seen {
    facts: BTreeMap<String, Value>,
    facility: BTreeMap<&'static str, Value>,
}

impl Subject for Seen {
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
        true
    }
    fn last_seen(&self) -> Option<Time> {
        Some(NOW)
    }
    fn stands(&self, standing: Standing) -> bool {
        standing == Standing::Active
    }
    fn faults(&self) -> Vec<&str> {
        Vec::new()
    }
    fn fact(&self, key: &str) -> Option<Cow<'_, Value>> {
        self.facts.get(key).map(Cow::Borrowed)
    }
    fn shares(&self, _: &str) -> Option<bool> {
        Some(true)
    }
    fn facility(&self, attribute: Attribute) -> Option<Cow<'_, Value>> {
        let name = Field::Facility(attribute).name();
        self.facility.get(name).map(Cow::Borrowed)
    }
}

fn pack() -> RulePack {
    let mut profile = Profile::built_in();
    profile.latest.agent = Version::parse("1.0");
    profile.latest.edge = Version::parse("130.0");
    for (build, revision) in [(17_763, 6_000), (19_044, 5_000)] {
        profile.latest.os.push(Patch { build, revision });
    }
    RulePack::built_in(&profile).expect("the built-in pack is sound")
}

/// One of a fleet, which restarts itself at a time of its own.
fn machine(n: u64) -> Sim {
    let sim = Sim::new(11, n, Clock::manual(NOW));
    let mut chance = Chance::new(n).fork(1);
    if chance.below(2) == 0 {
        let (hour, minute) = (chance.below(5), chance.below(60));
        let xml = format!(
            "<Task><Triggers><CalendarTrigger><StartBoundary>2021-06-01T{hour:02}:{minute:02}:00</StartBoundary>\
             <ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay></CalendarTrigger></Triggers>\
             <Actions><Exec><Command>shutdown</Command><Arguments>/r /t 0</Arguments></Exec></Actions></Task>"
        );
        sim.put_task(TaskSeen {
            path: r"\毎日の再起動".into(),
            xml: Ok(xml.into_bytes()),
            enabled: true,
            last_result: 0,
            last_run: Some(NOW),
            next_run: None,
        });
    }
    sim
}

/// What its collectors say of it, at a facility that half the time says when it is open.
fn seen(sim: &Sim, n: u64) -> Seen {
    let mut about = About::new("0.9", NOW);
    about.hours.told = n.is_multiple_of(2);
    let sections = facts::names().flat_map(|name| facts::section(name, sim, &about).expect("it is a section"));
    let choice = |one: &str, other: &str| Value::Text(if n.is_multiple_of(3) { one } else { other }.into());
    let facility = [
        (Attribute::Topology, choice("clinic", "base")),
        (Attribute::UpdateChoice, choice("manual", "automatic")),
        (Attribute::SharedReceipt, Value::Truth(n.is_multiple_of(5))),
    ];
    Seen {
        facts: sections.collect(),
        facility: facility
            .map(|(attribute, value)| (Field::Facility(attribute).name(), value))
            .into(),
    }
}

#[test]
fn what_a_fault_found_contradicts_what_was_expected() {
    let pack = pack();
    let mut faulty = BTreeSet::new();
    let mut passed = BTreeSet::new();
    for n in 0..FLEET {
        let seen = seen(&machine(n), n);
        for verdict in judge(&pack, &seen, NOW) {
            let rule = verdict.rule.id.as_str();
            match &verdict.outcome {
                Outcome::Fault {
                    expected,
                    found,
                    evidence,
                } => {
                    assert!(
                        contradicts(rule, &expected.en, (*evidence, found), NOW),
                        "terminal {n}: {rule} found {found:?} and expected {:?}",
                        expected.en
                    );
                    faulty.insert(rule.to_owned());
                }
                Outcome::Pass => {
                    passed.insert(rule.to_owned());
                }
                Outcome::Unknown { .. } | Outcome::NotApplicable => {}
            }
        }
    }
    assert!(faulty.len() > 40, "{} rules found something: {faulty:?}", faulty.len());
    assert!(passed.len() > 60, "{} rules passed: {passed:?}", passed.len());
    let both = [
        "restart-forbidden-time",
        "restart-round-minute",
        "sleep-on",
        "edge-extension-disabled",
    ];
    for rule in both {
        assert!(
            faulty.contains(rule) && passed.contains(rule),
            "{rule} is not tried both ways"
        );
    }
}

/// Where something could not be read, a verdict stays what it was or is not known any more.
fn less_is_known_and_nothing_else(before: &[Verdict<'_>], seen: &Seen, after: &[Verdict<'_>]) -> Result<(), String> {
    for (before, after) in before.iter().zip(after) {
        let rule = after.rule;
        let stays = std::mem::discriminant(&before.outcome) == std::mem::discriminant(&after.outcome);
        // Asking in vain is what shows that a place is not reached.
        let in_vain = rule.evidence == "connectivity.failed" && matches!(after.outcome, Outcome::Fault { .. });
        // The certificate in use is the first of those that could be read, and so may be another.
        let in_use = ["certificates.expires", "certificates.thumbprint", "certificates.key"].contains(&rule.evidence);
        if !stays && !in_vain && !in_use && !matches!(after.outcome, Outcome::Unknown { .. }) {
            return Err(format!("{}: {:?}, before {:?}", rule.id, after.outcome, before.outcome));
        }
        let is_dark = |field: Field| {
            let value = seen.facts.get(field.name());
            value.is_some_and(|value| matches!(value, Value::Unknown(unknown) if unknown.reason != Reason::NotFound))
        };
        let asked = rule.fault.fields();
        if after.outcome == Outcome::Pass && asked.into_iter().all(is_dark) {
            return Err(format!("{} passes, and nothing of it is known", rule.id));
        }
    }
    Ok(())
}

fn preferences(sim: &Sim, folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in sim.list_dir(folder).unwrap_or_default() {
        let path = PathBuf::from(format!(r"{}\{}", folder.display(), entry.name));
        match entry.kind {
            EntryKind::Folder => preferences(sim, &path, found),
            EntryKind::File if entry.name.ends_with("Preferences") => found.push(path),
            EntryKind::File | EntryKind::Other => {}
        }
    }
}

/// Something that no browser writes, in the place of what it says of one extension. True if there was one. The other one's
/// file is written as well, as it was: when a browser wrote last says who works with it, and must say the same of both.
fn make_odd(odd: &Sim, sound: &Sim, which: usize, how: u8) -> bool {
    let mut files = Vec::new();
    preferences(odd, Path::new(r"C:\Users"), &mut files);
    let with_extensions = files.into_iter().filter_map(|path| {
        let settings: serde_json::Value = serde_json::from_slice(&odd.file(&path)?).ok()?;
        let extensions = settings.pointer("/extensions/settings")?.as_object()?;
        let ids: Vec<String> = extensions.keys().cloned().collect();
        Some(ids.into_iter().map(move |id| (path.clone(), settings.clone(), id)))
    });
    let all: Vec<_> = with_extensions.flatten().collect();
    let Some((path, mut settings, id)) = all.get(which % all.len().max(1)).cloned() else {
        return false;
    };
    sound.put_file(path.clone(), settings.to_string());
    let entry = &mut settings["extensions"]["settings"][&id];
    match how % 3 {
        0 => entry["disable_reasons"] = json!("because"),
        1 => entry["state"] = json!([]),
        _ => entry["manifest"]["version"] = json!({}),
    }
    odd.put_file(path, settings.to_string());
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_cannot_be_read_leaves_verdicts_unknown_and_never_makes_them_others(
        n in 0u64..2_000,
        calls in prop::collection::vec((any::<u16>(), any::<bool>()), 1..4),
    ) {
        let pack = pack();
        let (sound, sick) = (machine(n), machine(n));
        let before = seen(&sound, n);
        for (nth, closed) in calls {
            let error = if closed { OsError::no_permission("a closed door") } else { OsError::failed("a sick disk") };
            sick.fail_call(1 + u64::from(nth) % sound.calls(), error);
        }
        let after = seen(&sick, n);
        let before = judge(&pack, &before, NOW);
        let told = less_is_known_and_nothing_else(&before, &after, &judge(&pack, &after, NOW));
        prop_assert!(told.is_ok(), "terminal {n}: {told:?}");
    }

    #[test]
    fn what_a_browser_never_writes_is_never_taken_for_an_extension_that_is_on(
        n in 0u64..2_000,
        which in any::<usize>(),
        how in any::<u8>(),
    ) {
        let pack = pack();
        let (sound, odd) = (machine(n), machine(n));
        prop_assume!(make_odd(&odd, &sound, which, how));
        let (before, after) = (seen(&sound, n), seen(&odd, n));
        let before = judge(&pack, &before, NOW);
        let verdicts = judge(&pack, &after, NOW);
        let told = less_is_known_and_nothing_else(&before, &after, &verdicts);
        prop_assert!(told.is_ok(), "terminal {n}: {told:?}");
        let is_dark = ["delegate", "nopinauth", "pinauth"].iter().any(|name| {
            let enabled = after.facts.get(&format!("edge.{name}.enabled"));
            enabled.is_some_and(|value| matches!(value, Value::Unknown(unknown) if unknown.reason == Reason::Damaged))
        });
        let passes = verdicts.iter().any(|verdict| {
            verdict.rule.id == "edge-extension-disabled" && verdict.outcome == Outcome::Pass
        });
        prop_assert!(!(is_dark && passes), "terminal {n}");
    }
}
