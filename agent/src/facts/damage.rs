//! Every value of a terminal's registry and every file on its disk, damaged one after the other and then many at once: a fact
//! that was read from it is unknown with its reason, and never another answer; no collector falls.

use std::path::{Path, PathBuf};

use kaishin_proto::clock::Clock;
use proptest::prelude::*;

use super::tests::about;
use super::*;
use crate::os::sim::Sim;
use crate::os::{EntryKind, Hive, RegistryKind, RegistryTree, RegistryValue};

/// What there is to damage.
#[derive(Clone, Debug)]
enum Place {
    Value(Hive, String, String),
    File(PathBuf),
}

fn terminal() -> Sim {
    Sim::new(3, 5, Clock::manual(Time(1_800_000_000_000_000)))
}

fn values(hive: Hive, key: &str, tree: &RegistryTree, found: &mut Vec<Place>) {
    let names = tree.values.iter().map(|(name, _)| name);
    found.extend(names.map(|name| Place::Value(hive, key.to_owned(), name.clone())));
    for (name, below) in &tree.keys {
        values(hive, &format!(r"{key}\{name}"), below, found);
    }
}

fn files(sim: &Sim, folder: &Path, found: &mut Vec<Place>) {
    for entry in sim.list_dir(folder).unwrap_or_default() {
        let path = PathBuf::from(format!(r"{}\{}", folder.display(), entry.name));
        match entry.kind {
            EntryKind::File => found.push(Place::File(path)),
            EntryKind::Folder => files(sim, &path, found),
            EntryKind::Other => {}
        }
    }
}

fn places(sim: &Sim) -> Vec<Place> {
    let mut found = Vec::new();
    let users = sim.users().expect("users");
    let roots = ["SOFTWARE", "SYSTEM", "HARDWARE"].map(|root| (Hive::LocalMachine, root.to_owned()));
    let roots = roots
        .into_iter()
        .chain(users.into_iter().map(|user| (Hive::Users, user.sid)));
    for (hive, root) in roots {
        if let Some(tree) = sim.registry_tree(hive, &root, 64).expect("a hive") {
            values(hive, &root, &tree, &mut found);
        }
    }
    files(sim, Path::new("C:"), &mut found);
    found
}

/// What no reader can take for sound: another kind with too few bytes, and bytes that are text in no encoding.
fn break_it(sim: &Sim, place: &Place) {
    match place {
        Place::Value(hive, key, name) => {
            let odd = RegistryValue::new(RegistryKind(7_777), vec![0xff]);
            sim.poke(*hive, key, name, Some(odd));
        }
        Place::File(path) => sim.put_file(path.clone(), b"\xff\xfe\x00\xd8\x00".as_slice()),
    }
}

fn everything(sim: &Sim) -> Vec<(String, Value)> {
    let about = about();
    let of = |(name, collect): &(&str, Collector)| {
        (
            fact::section(name).expect("a section of the catalogue"),
            collect(sim, &about),
        )
    };
    let facts = COLLECTORS
        .iter()
        .map(of)
        .flat_map(|(section, found)| whole(section, found));
    facts.collect()
}

/// Tables show what could be read beside what could not; every other fact is one answer. A replacement file that is no
/// sound one is known not to be ready.
fn is_sound(key: &str, before: &Value, after: &Value) -> Result<(), String> {
    let replacement = key == "edge.crx_ready" && *after == Value::Truth(false);
    if let Value::Unknown(unknown) = after {
        return match unknown.detail.as_str() {
            "" => Err(format!("{key} is unknown for no reason")),
            _ => Ok(()),
        };
    }
    if replacement || after == before || matches!(after, Value::Table(_)) {
        return Ok(());
    }
    Err(format!("{key} was {before:?} and is {after:?}"))
}

#[test]
fn whatever_is_damaged_leaves_unknown_what_was_read_from_it_and_changes_no_other_answer() {
    let healthy = everything(&terminal());
    let places = places(&terminal());
    assert!(places.len() > 80, "{} places", places.len());
    let (mut wrong, mut felt) = (Vec::new(), 0);
    for place in &places {
        let sim = terminal();
        break_it(&sim, place);
        let facts = everything(&sim);
        felt += usize::from(facts != healthy);
        for ((key, before), (_, after)) in healthy.iter().zip(&facts) {
            wrong.extend(
                is_sound(key, before, after)
                    .err()
                    .map(|what| format!("{place:?}: {what}")),
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        places.len(),
        wrong.join("\n")
    );
    assert!(felt > 60, "{felt} of {} were ever read", places.len());
}

/// What a disk does to bytes: cut, changed in one place, all gone, or with a length that says gigabytes.
fn worn(bytes: &[u8], how: u8, at: usize) -> Vec<u8> {
    let at = at % bytes.len().max(1);
    let mut worn = bytes.to_vec();
    match how % 5 {
        0 => worn.truncate(at),
        1 => worn
            .iter_mut()
            .skip(at)
            .take(1)
            .for_each(|byte| *byte ^= 1 << (how / 5 % 8)),
        2 => worn.clear(),
        3 => worn.iter_mut().skip(at).take(4).for_each(|byte| *byte = 0xff),
        _ => worn.extend(bytes.to_vec()),
    }
    worn
}

fn wear(sim: &Sim, place: &Place, how: u8, at: usize) {
    match place {
        Place::Value(hive, key, name) => {
            if let Some(value) = sim.peek(*hive, key, name) {
                let worn = RegistryValue::new(value.kind, worn(&value.bytes, how, at));
                sim.poke(*hive, key, name, Some(worn));
            }
        }
        Place::File(path) => {
            if let Some(bytes) = sim.file(path) {
                sim.put_file(path.clone(), worn(&bytes, how, at));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Some of it is still sound, only other: what is held to here is that every fact is there, in its type.
    #[test]
    fn a_terminal_worn_in_many_places_still_tells_every_fact(
        wear_of in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<usize>()), 1..40)
    ) {
        let sim = terminal();
        let places = places(&sim);
        for (place, how, at) in wear_of {
            wear(&sim, place.get(&places), how, at);
        }
        let about = about();
        for (name, collect) in COLLECTORS {
            let found = collect(&sim, &about);
            prop_assert_eq!(found.len(), fact::section(name).map_or(0, |section| section.facts.len()));
            for (key, value) in found {
                let kind = fact::find(&key).map(|fact| fact.kind);
                prop_assert!(kind.is_some_and(|kind| kind.holds(&value)), "{} is {:?}", key, value);
            }
        }
    }
}
