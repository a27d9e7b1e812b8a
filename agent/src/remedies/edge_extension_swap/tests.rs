//! The swap on simulated terminals: files that will not do, policies of others, people who do nothing, and browsers that take
//! their time. At no moment is anybody left without.

use kaishin_proto::clock::Clock;
use kaishin_proto::preview::Verdict;
use kaishin_proto::profile::Profile;
use kaishin_proto::remedy::Remedy;
use kaishin_proto::time::Time;
use kaishin_proto::value::Value;
use serde_json::json;

use super::super::setting::tests::around as plain;
use super::*;
use crate::facts::edge::policy::EDGE;
use crate::os::sim::pack::{Key, pack};
use crate::os::sim::{Hands, Sim};
use crate::os::{Hive, Join, RegistryValue};

const DATA: &str = r"C:\Users\uketsuke\AppData\Local\Microsoft\Edge\User Data";
const EXT: &str = r"C:\Program Files\OQS-Auth\ext";
const OLD: &str = r"C:\Program Files\Before";
const FILES: [&str; 3] = ["delegate.crx", "nopinauth.crx", "pinauth.crx"];
pub const MANAGED: Remedy = Remedy::EdgeExtensionSwap {
    strategy: Strategy::Managed,
};
pub const ASSISTED: Remedy = Remedy::EdgeExtensionSwap {
    strategy: Strategy::Assisted,
};

fn crx(key: usize, version: &str) -> Vec<u8> {
    let manifest = json!({"manifest_version": 3, "name": "拡張", "version": version});
    pack(&Key::simulated(key), &manifest.to_string())
}

fn id(key: usize) -> String {
    Key::simulated(key).id()
}

/// Keys of the three old ones. What has the key of its successor is replaced by a later version of itself.
pub type Old = [usize; 3];
pub const SAME: Old = [0, 1, 2];
pub const MIXED: Old = [3, 4, 2];
pub const OTHERS: Old = [3, 4, 5];

pub fn replaced(old: Old) -> Profile {
    let mut profile = Profile::built_in();
    let Profile { edge, .. } = &mut profile;
    let all = [&mut edge.delegate, &mut edge.nopinauth, &mut edge.pinauth];
    for (nth, extension) in all.into_iter().enumerate().filter(|(nth, _)| old[*nth] != *nth) {
        extension.old_ids = vec![id(old[nth])];
    }
    profile
}

fn put_settings(sim: &Sim, keys: Old, location: i64) {
    let local = json!({"profile": {"info_cache": {"Default": {"name": "1"}, "Profile 1": {"name": "2"}}}});
    sim.put_file(format!(r"{DATA}\Local State"), local.to_string());
    let entry = json!({"location": location, "manifest": {"name": "古い", "version": "1.2.0.5"}});
    let entries: serde_json::Map<String, serde_json::Value> =
        keys.iter().map(|key| (id(*key), entry.clone())).collect();
    let settings = json!({"extensions": {"settings": entries, "ui": {}}});
    for profile in ["Default", "Profile 1"] {
        sim.put_file(format!(r"{DATA}\{profile}\Secure Preferences"), settings.to_string());
        sim.remove_file(format!(r"{DATA}\{profile}\Preferences"));
    }
    sim.remove_file(r"C:\Users\incho\AppData\Local\Microsoft\Edge\User Data\Local State");
    for file in ["Preferences", "Secure Preferences"] {
        sim.remove_file(format!(
            r"C:\Users\incho\AppData\Local\Microsoft\Edge\User Data\Default\{file}"
        ));
    }
    for (key, file) in FILES.iter().enumerate() {
        sim.put_file(format!(r"{EXT}\{file}"), crx(key, "2.0.0.0"));
    }
}

/// A terminal on which people dragged the old ones into two profiles, long ago.
pub fn dragged(sim: &Sim, old: Old) {
    sim.remove_key(Hive::LocalMachine, EDGE);
    sim.set_joined(Join::Workgroup);
    put_settings(sim, old, 1);
    let foreign = RegistryValue::text(&"p".repeat(32));
    sim.poke(
        Hive::LocalMachine,
        &format!(r"{EDGE}\ExtensionInstallAllowlist"),
        "1",
        Some(foreign),
    );
}

/// A terminal of a domain on which policy installed the old ones.
pub fn forced(sim: &Sim, old: Old) {
    sim.remove_key(Hive::LocalMachine, EDGE);
    sim.set_joined(Join::Domain);
    put_settings(sim, old, 7);
    let mut manifest = String::new();
    for key in old {
        sim.put_file(format!(r"{OLD}\{key}.crx"), crx(key, "1.2.0.5"));
        manifest += &format!(
            "<app appid=\"{}\"><updatecheck codebase=\"file:///C:/Program%20Files/Before/{key}.crx\" version=\"1.2.0.5\"/></app>",
            id(key)
        );
    }
    sim.put_file(format!(r"{OLD}\old.xml"), manifest);
    let list = format!(r"{EDGE}\ExtensionInstallForcelist");
    let foreign = format!("{};https://example.jp/update", "p".repeat(32));
    let entries = old.map(|key| format!("{};file:///C:/Program%20Files/Before/old.xml", id(key)));
    for (number, entry) in [foreign].into_iter().chain(entries).enumerate() {
        let entry = RegistryValue::text(&entry);
        sim.poke(Hive::LocalMachine, &list, &(number + 1).to_string(), Some(entry));
    }
}

/// Which extensions some profile has no working one of, old or new; read past the agent, from the browser's own files.
pub fn left_without(sim: &Sim) -> Vec<String> {
    let mut without = Vec::new();
    for profile in ["Default", "Profile 1"] {
        let bytes = sim.file(format!(r"{DATA}\{profile}\Secure Preferences")).unwrap();
        let settings: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let known = &settings["extensions"]["settings"];
        let works = |key: usize| {
            let entry = known.get(id(key));
            let is_on = |reasons: &serde_json::Value| reasons.as_array().is_none_or(Vec::is_empty);
            entry.is_some_and(|entry| entry.get("disable_reasons").is_none_or(is_on))
        };
        for keys in [[0, 3], [1, 4], [2, 5]] {
            if !keys.into_iter().any(works) {
                without.push(format!("{keys:?} at {profile}"));
            }
        }
    }
    without
}

/// They are done before anybody looks again.
pub const QUICK: Hands = Hands {
    drags: true,
    takes: Span::seconds(1),
    files: 3,
    forgets_developer_mode: false,
};

struct Terminal {
    sim: Sim,
    clock: Clock,
    around: Around,
    strategy: Strategy,
}

impl Terminal {
    fn new(remedy: Remedy, old: Old) -> Terminal {
        let clock = Clock::manual(Time(1_800_000_000_000_000));
        let sim = Sim::new(7, 1, clock.clone());
        sim.set_hands(QUICK);
        let mut around = plain();
        around.about.profile = replaced(old).into();
        around.now = clock.now();
        let Remedy::EdgeExtensionSwap { strategy } = remedy else {
            panic!("{remedy:?}");
        };
        match strategy {
            Strategy::Assisted => dragged(&sim, old),
            Strategy::Managed => forced(&sim, old),
        }
        Terminal {
            sim,
            clock,
            around,
            strategy,
        }
    }

    fn act(&mut self, step: &str) -> Result<Acted, Failed> {
        self.around.now = self.clock.now();
        let acted = EdgeExtensionSwap(self.strategy).act(step, &self.sim, &self.around);
        if let Ok(Acted::Done(done)) = &acted {
            self.around.story.kept.extend(done.undo.iter().cloned());
        }
        assert_eq!(left_without(&self.sim), [""; 0], "after {step}");
        acted
    }

    /// With the evidence of each step, and of what it waited for.
    fn carry_out(&mut self) -> Result<Vec<String>, Failed> {
        let mut told = Vec::new();
        for step in STEPS {
            self.around.story.since = self.clock.now();
            told.push(self.finish(step.name, &mut Vec::new())?);
        }
        Ok(told)
    }

    fn finish(&mut self, step: &str, waits: &mut Vec<String>) -> Result<String, Failed> {
        loop {
            match self.act(step)? {
                Acted::Done(done) => return Ok(done.evidence),
                Acted::Again { after, evidence } => {
                    if waits.last() != Some(&evidence) {
                        waits.push(evidence);
                    }
                    self.clock.advance(after);
                }
            }
        }
    }

    fn preview(&self) -> Preview {
        EdgeExtensionSwap(self.strategy)
            .preview(&self.sim, &self.around)
            .unwrap()
    }

    fn policies(&self) -> Value {
        crate::facts::edge::policy::table(&self.sim)
    }
}

const CASES: [(Remedy, Old); 5] = [
    (ASSISTED, SAME),
    (ASSISTED, MIXED),
    (MANAGED, SAME),
    (MANAGED, MIXED),
    (MANAGED, OTHERS),
];

#[test]
fn three_old_ones_become_three_new_ones_and_nobody_is_ever_without() {
    for (remedy, old) in CASES {
        let mut terminal = Terminal::new(remedy, old);
        let told = terminal.preview();
        assert_eq!(told.verdict, Verdict::WouldChange, "{remedy:?} {old:?}");
        assert!(
            told.changes.iter().any(|change| change.what == "edge.pinauth.version"
                && change.from == "1.2.0.5"
                && change.to == "2.0.0.0")
        );
        let told = terminal.carry_out().unwrap();
        let names = ["delegate", "nopinauth", "pinauth"];
        assert_eq!(
            told[6],
            names.map(|name| format!("edge.{name}.version 2.0.0.0")).join(", ")
        );
        assert_eq!(told[3].starts_with("nothing to remove"), old == SAME, "{told:?}");
        assert_eq!(terminal.preview().verdict, Verdict::AlreadyFine);
        let policies = format!("{:?}", terminal.policies());
        assert!(policies.contains(&"p".repeat(32)), "somebody else's entry stays");
        assert!(!policies.contains("removed"), "{policies}");
        // Once more is nothing at all.
        terminal.around.story = Default::default();
        let writes = terminal.sim.writes();
        terminal.carry_out().unwrap();
        assert_eq!(terminal.sim.writes(), writes);
    }
}

#[test]
fn files_that_will_not_do_are_refused_before_anything_is_touched() {
    type Spoil = fn(&Sim, &mut Profile);
    let cases: [(&str, Spoil); 7] = [
        (words::EXTENSION_ABSENT, |sim, _| {
            sim.remove_file(format!(r"{EXT}\pinauth.crx"))
        }),
        (words::EXTENSION_DAMAGED, |sim, _| {
            let mut bytes = crx(1, "2.0.0.0");
            let at = bytes.len() / 2;
            bytes[at] ^= 1;
            sim.put_file(format!(r"{EXT}\nopinauth.crx"), bytes);
        }),
        (words::EXTENSION_DAMAGED, |sim, _| {
            sim.put_file(format!(r"{EXT}\delegate.crx"), *b"Cr24")
        }),
        (words::EXTENSION_STRANGE, |_, profile| {
            profile.edge.delegate.id = Some(id(5))
        }),
        (words::EXTENSION_STRANGE, |sim, _| {
            sim.put_file(format!(r"{EXT}\nopinauth.crx"), crx(0, "2.0.0.0"));
        }),
        (words::EXTENSION_TOO_OLD, |sim, _| {
            sim.put_file(format!(r"{EXT}\pinauth.crx"), crx(2, "1.9.9"));
        }),
        (words::JOB_NO_PERMISSION, |sim, _| {
            sim.close(format!(r"{EXT}\pinauth.crx"))
        }),
    ];
    for (remedy, old) in CASES {
        for (code, spoil) in cases {
            let mut terminal = Terminal::new(remedy, old);
            let mut profile = replaced(old);
            spoil(&terminal.sim, &mut profile);
            terminal.around.about.profile = profile.into();
            let before = terminal.policies();
            for step in ["preflight", "allow"] {
                let failed = EdgeExtensionSwap(terminal.strategy)
                    .act(step, &terminal.sim, &terminal.around)
                    .unwrap_err();
                assert_eq!(failed.code, code, "{failed:?}");
                assert_eq!(failed.is_refusal(), code != words::JOB_NO_PERMISSION);
            }
            // Nothing old goes either, should somebody spoil a file in the middle of it.
            let failed = EdgeExtensionSwap(terminal.strategy)
                .act("remove-old", &terminal.sim, &terminal.around)
                .unwrap_err();
            assert!(!failed.is_refusal(), "{failed:?}");
            let refused = EdgeExtensionSwap(terminal.strategy).refusal(&terminal.sim, &terminal.around);
            assert_eq!(
                refused.is_some_and(|refused| refused.code == code),
                code != words::JOB_NO_PERMISSION
            );
            let told = terminal.preview();
            assert!([Verdict::NotApplicable, Verdict::Unknown].contains(&told.verdict) && !told.reason.is_empty());
            assert_eq!(terminal.sim.writes(), 0);
            assert_eq!(terminal.policies(), before);
        }
    }
}

#[test]
fn policy_is_used_only_in_a_domain_and_never_against_another_policy() {
    let mut terminal = Terminal::new(MANAGED, MIXED);
    terminal.sim.set_joined(Join::Workgroup);
    assert_eq!(terminal.act("preflight").unwrap_err().code, words::EXTENSION_NOT_FORCED);
    terminal.sim.set_joined(Join::Entra);
    assert_eq!(terminal.act("preflight").unwrap_err().code, words::EXTENSION_NOT_FORCED);
    for (remedy, old) in CASES {
        let mut terminal = Terminal::new(remedy, old);
        let key = format!(r"{EDGE}\ExtensionSettings\{}", id(1));
        let blocked = Some(RegistryValue::text("blocked"));
        terminal
            .sim
            .poke(Hive::LocalMachine, &key, "installation_mode", blocked);
        let failed = terminal.act("preflight").unwrap_err();
        assert_eq!(failed.code, words::EXTENSION_POLICY);
        assert!(failed.detail.contains("nopinauth is blocked"), "{failed:?}");
        let mut terminal = Terminal::new(remedy, old);
        let odd = Some(RegistryValue::text("[1]"));
        terminal.sim.poke(Hive::LocalMachine, EDGE, "ExtensionSettings", odd);
        assert_eq!(terminal.act("preflight").unwrap_err().code, words::EXTENSION_POLICY);
        assert_eq!(terminal.sim.writes(), 0);
    }
}

#[test]
fn who_does_nothing_or_half_of_it_keeps_the_old_ones_and_is_told_what_is_missing() {
    let hands = |files, forgets_developer_mode| Hands {
        drags: files > 0,
        files,
        forgets_developer_mode,
        ..QUICK
    };
    for (hands, missing) in [
        (hands(0, false), "delegate"),
        (hands(2, false), "pinauth"),
        (hands(3, true), "developer mode is on at uketsuke/Default"),
    ] {
        for old in [SAME, MIXED] {
            let mut terminal = Terminal::new(ASSISTED, old);
            terminal.sim.set_hands(hands);
            let failed = terminal.carry_out().unwrap_err();
            assert_eq!(failed.code, words::EXTENSION_NOT_IN);
            assert!(failed.detail.contains(missing), "{failed:?}");
            assert!(!format!("{:?}", terminal.policies()).contains("removed"));
        }
    }
}

#[test]
fn the_person_reads_what_to_do_and_sees_what_is_still_missing() {
    let mut terminal = Terminal::new(ASSISTED, SAME);
    terminal.sim.set_hands(Hands {
        takes: Span::seconds(15),
        ..QUICK
    });
    terminal.act("preflight").unwrap();
    terminal.act("allow").unwrap();
    let mut waits = Vec::new();
    terminal.around.story.since = terminal.clock.now();
    terminal.finish("install", &mut waits).unwrap();
    assert!(waits[0].contains(EXT) && waits[0].contains("delegate.crx, nopinauth.crx, pinauth.crx"));
    assert!(waits[0].contains("delegate is only 1.2.0.5 at uketsuke/Default"));
    let last = waits.last().unwrap();
    assert!(last.contains("developer mode is to be switched off"), "{waits:?}");
    assert!(waits.len() >= 4, "each file that is in is seen: {waits:?}");
}

impl Terminal {
    /// By policy, up to where the old ones are on their way out.
    fn removing() -> Terminal {
        let mut terminal = Terminal::new(MANAGED, MIXED);
        for step in ["preflight", "allow", "install", "remove-old"] {
            terminal.around.story.since = terminal.clock.now();
            terminal.finish(step, &mut Vec::new()).unwrap();
        }
        terminal.around.story.since = terminal.clock.now();
        assert!(format!("{:?}", terminal.policies()).contains("removed"));
        terminal
    }
}

#[test]
fn a_file_that_changes_while_the_old_ones_go_holds_nothing_up_and_is_told_as_what_it_is() {
    let mut terminal = Terminal::removing();
    terminal.sim.remove_file(format!(r"{EXT}\pinauth.crx"));
    let told = terminal.finish("gone", &mut Vec::new()).unwrap();
    assert_eq!(told, "no profile has an old one");
    terminal.finish("clear", &mut Vec::new()).unwrap();
    assert!(!format!("{:?}", terminal.policies()).contains("removed"));
    let failed = terminal.act("verify").unwrap_err();
    assert_eq!(
        failed.code,
        words::EXTENSION_UNSEEN,
        "nobody says that the old ones were left"
    );
}

#[test]
fn work_that_ends_while_the_old_ones_go_leaves_no_policy_behind() {
    let mut terminal = Terminal::removing();
    terminal.clock.advance(Span::seconds(1));
    terminal.around.story.since = Time(terminal.clock.now().0 - Span::days(4).0);
    let failed = terminal.act("gone").unwrap_err();
    assert_eq!(failed.code, words::EXTENSION_NOT_OUT);
    assert!(!format!("{:?}", terminal.policies()).contains("removed"));
    // Cut in the middle of the removal, and the files are others when the power is back.
    let mut terminal = Terminal::removing();
    terminal.sim.remove_file(format!(r"{EXT}\pinauth.crx"));
    let failed = terminal.act("remove-old").unwrap_err();
    assert_eq!(failed.code, words::EXTENSION_UNSEEN);
    assert!(!format!("{:?}", terminal.policies()).contains("removed"));
    assert_eq!(super::super::owed(MANAGED, 4), Some(5));
    assert_eq!(super::super::owed(MANAGED, 1), None);
}

#[test]
fn an_extension_that_is_off_is_named_with_its_reason_and_holds_the_removal() {
    let mut terminal = Terminal::new(MANAGED, MIXED);
    for step in ["preflight", "allow"] {
        terminal.act(step).unwrap();
    }
    terminal.around.story.since = terminal.clock.now();
    terminal.finish("install", &mut Vec::new()).unwrap();
    // Somebody switches a new one off between the look and the removal.
    let file = format!(r"{DATA}\Default\Secure Preferences");
    let mut settings: serde_json::Value = serde_json::from_slice(&terminal.sim.file(&file).unwrap()).unwrap();
    settings["extensions"]["settings"][id(1)]["disable_reasons"] = json!([1]);
    terminal.sim.put_file(&file, settings.to_string());
    let told = terminal.preview();
    let off = Change::new("edge.nopinauth.enabled", "off", "on");
    assert!(told.changes.contains(&off), "{told:?}");
    let failed = EdgeExtensionSwap(terminal.strategy)
        .act("remove-old", &terminal.sim, &terminal.around)
        .unwrap_err();
    assert_eq!(failed.code, words::EXTENSION_KEPT_OLD);
    assert_eq!(failed.detail, "nopinauth is off, user, at uketsuke/Default");
    assert!(
        !format!("{:?}", terminal.policies()).contains("removed"),
        "nothing old goes"
    );
}

#[test]
fn what_policy_brought_before_comes_back_and_else_the_new_ones_stay() {
    for (remedy, old) in CASES {
        let mut terminal = Terminal::new(remedy, old);
        let before = terminal.preview();
        terminal.carry_out().unwrap();
        for kept in terminal.around.story.kept.iter().rev() {
            kept.put_back(&terminal.sim).unwrap();
        }
        terminal.clock.advance(Span::minutes(2));
        assert_eq!(left_without(&terminal.sim), [""; 0]);
        if remedy == MANAGED && old == OTHERS {
            assert_eq!(terminal.preview(), before);
        }
        if remedy == MANAGED && old == MIXED {
            // The third is of the same id, and no browser goes back to an older version of that.
            let told = terminal.preview();
            assert_eq!(told.changes[..2], before.changes[..2]);
            assert!(
                told.changes
                    .iter()
                    .any(|change| change.what == "edge.delegate.version" && change.from == "1.2.0.5")
            );
        }
        if remedy == ASSISTED {
            assert_eq!(terminal.preview().verdict, Verdict::AlreadyFine);
        }
    }
}

#[test]
fn old_ones_that_people_had_put_in_are_no_reason_to_take_the_new_ones_away() {
    let mut terminal = Terminal::new(ASSISTED, MIXED);
    terminal.strategy = Strategy::Managed;
    terminal.sim.set_joined(Join::Domain);
    terminal.carry_out().unwrap();
    let kept = &terminal.around.story.kept;
    assert!(!kept.is_empty());
    for before in kept {
        assert_eq!(before.stands(&terminal.sim), Ok(super::super::before::Stands::AsBefore));
    }
}

#[test]
fn every_call_of_a_sick_machine_fails_once_and_the_next_try_ends_right() {
    for (remedy, old) in CASES {
        for call in (1..).step_by(3) {
            let mut terminal = Terminal::new(remedy, old);
            terminal.sim.fail_call(call, OsError::failed("a sick disk"));
            let calls = terminal.sim.calls();
            let mut told = 0;
            for step in STEPS {
                terminal.around.story.since = terminal.clock.now();
                while let Err(failed) = finish_unwatched(&mut terminal, step.name) {
                    told += 1;
                    assert!(told < 2, "{failed:?}");
                }
            }
            if terminal.sim.calls() - calls < call {
                break;
            }
            assert_eq!(terminal.preview().verdict, Verdict::AlreadyFine, "{remedy:?} {call}");
        }
    }
}

/// As `finish`, without looking beside it: that would be calls as well.
fn finish_unwatched(terminal: &mut Terminal, step: &str) -> Result<(), Failed> {
    loop {
        terminal.around.now = terminal.clock.now();
        match EdgeExtensionSwap(terminal.strategy).act(step, &terminal.sim, &terminal.around)? {
            Acted::Done(done) => {
                terminal.around.story.kept.extend(done.undo);
                return Ok(());
            }
            Acted::Again { after, .. } => terminal.clock.advance(after),
        }
    }
}
