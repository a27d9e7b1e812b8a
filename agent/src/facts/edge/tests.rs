use std::sync::Arc;

use kaishin_proto::clock::Clock;
use kaishin_proto::time::{Span, Time};
use kaishin_proto::value::{Reason, Table};
use serde_json::json;

use super::super::tests::{about, reason, sim, value};
use super::*;
use crate::facts;
use crate::os::sim::Sim;
use crate::os::sim::pack::{Key, pack};

const DATA: &str = r"C:\Users\uketsuke\AppData\Local\Microsoft\Edge\User Data";
const FOLDER: &str = r"C:\Program Files\OQS-Auth\ext";

fn place(rest: &str) -> String {
    format!(r"{DATA}\{rest}")
}

fn put(sim: &Sim, file: &str, json: serde_json::Value) {
    sim.put_file(place(file), json.to_string());
}

fn entry(version: &str) -> serde_json::Value {
    json!({"location": 1, "manifest": {"version": version}})
}

fn list(sim: &Sim, key: &str) -> Vec<String> {
    let found = value(sim, key);
    let Value::List(list) = found else {
        panic!("{key} is {found:?}");
    };
    list
}

fn table_of(sim: &Sim, key: &str) -> Table {
    let found = value(sim, key);
    let Value::Table(table) = found else {
        panic!("{key} is {found:?}");
    };
    table
}

fn version(text: &str) -> Value {
    Value::Version(Version(text.into()))
}

/// Two browser profiles, of which the second lacks one extension and has two others older, one of them off.
fn two_profiles() -> Sim {
    let sim = sim();
    let ids: Vec<_> = (0..3).map(|n| Key::simulated(n).id()).collect();
    let info = json!({"Default": {"name": "受付"}, "Profile 1": {"name": "院長"}});
    put(&sim, "Local State", json!({"profile": {"info_cache": info}}));
    let settings = json!({&ids[0]: entry("2.0.0.0"), &ids[1]: entry("2.0.0.0"), &ids[2]: entry("2.1")});
    put(
        &sim,
        r"Default\Secure Preferences",
        json!({"extensions": {"settings": settings}}),
    );
    let mut off = entry("1.9");
    off["disable_reasons"] = json!([1]);
    let settings = json!({&ids[0]: entry("1.10"), &ids[1]: off});
    put(
        &sim,
        r"Profile 1\Preferences",
        json!({"extensions": {"settings": settings}}),
    );
    sim
}

#[test]
fn an_extension_is_as_old_as_in_the_profile_where_it_is_oldest() {
    let sim = two_profiles();
    assert_eq!(value(&sim, "edge.delegate.version"), version("1.10"));
    assert_eq!(value(&sim, "edge.delegate.enabled"), Value::Truth(true));
    assert_eq!(value(&sim, "edge.nopinauth.version"), version("1.9"));
    assert_eq!(value(&sim, "edge.nopinauth.enabled"), Value::Truth(false));
    assert_eq!(value(&sim, "edge.pinauth.version"), version("2.1"));
    assert_eq!(list(&sim, "edge.missing"), ["pinauth: uketsuke/Profile 1"]);
    assert_eq!(list(&sim, "edge.disabled"), ["nopinauth: uketsuke/Profile 1"]);
    let rows = table_of(&sim, "edge.extensions").rows;
    assert!(
        rows.iter()
            .any(|row| row[1] == "Profile 1" && row[2] == "nopinauth" && row[8] == "user"),
        "{rows:?}"
    );
}

#[test]
fn whether_an_extension_is_on_is_not_guessed_where_its_reasons_make_no_sense() {
    let odd = || {
        let mut odd = entry("1.9");
        odd["disable_reasons"] = json!("because");
        odd
    };
    let damaged = |json: serde_json::Value| {
        let sim = two_profiles();
        let settings = json!({"extensions": {"settings": json}});
        put(&sim, r"Profile 1\Preferences", settings);
        sim
    };
    let ids: Vec<_> = (0..3).map(|n| Key::simulated(n).id()).collect();
    let sim = damaged(json!({&ids[0]: entry("2.0"), &ids[1]: odd(), &ids[2]: entry("2.1")}));
    assert_eq!(reason(&value(&sim, "edge.nopinauth.enabled")), Some(Reason::Damaged));
    assert_eq!(reason(&value(&sim, "edge.disabled")), Some(Reason::Damaged));
    // What is known to be off is off, whatever cannot be told beside it.
    let mut off = entry("2.1");
    off["state"] = json!(0);
    let sim = damaged(json!({&ids[0]: entry("2.0"), &ids[1]: odd(), &ids[2]: off}));
    assert_eq!(list(&sim, "edge.disabled"), ["pinauth: uketsuke/Profile 1"]);
    let sim = two_profiles();
    let settings = json!({&ids[0]: entry("2.0"), &ids[1]: odd(), &ids[2]: entry("2.1")});
    put(
        &sim,
        r"Default\Secure Preferences",
        json!({"extensions": {"settings": settings}}),
    );
    assert_eq!(value(&sim, "edge.nopinauth.enabled"), Value::Truth(false));
    assert_eq!(list(&sim, "edge.disabled"), ["nopinauth: uketsuke/Profile 1"]);
}

#[test]
fn developer_mode_of_anybody_is_developer_mode() {
    let sim = two_profiles();
    assert_eq!(value(&sim, "edge.developer_mode"), Value::Truth(false));
    put(
        &sim,
        r"Profile 1\Secure Preferences",
        json!({"extensions": {"ui": {"developer_mode": true}}}),
    );
    assert_eq!(value(&sim, "edge.developer_mode"), Value::Truth(true));
    // The other profile cannot be read, but one on is enough.
    sim.put_file(place(r"Default\Preferences"), *b"{\"exten");
    assert_eq!(value(&sim, "edge.developer_mode"), Value::Truth(true));
}

#[test]
fn settings_written_by_half_are_unknown_for_all_and_name_the_profile() {
    let sim = two_profiles();
    sim.put_file(
        place(r"Profile 1\Preferences"),
        *b"{\"extensions\": {\"settings\": {\"abc",
    );
    for key in [
        "edge.developer_mode",
        "edge.delegate.version",
        "edge.delegate.enabled",
        "edge.missing",
        "edge.disabled",
    ] {
        let Value::Unknown(unknown) = value(&sim, key) else {
            panic!("{key} is known");
        };
        assert_eq!(unknown.reason, Reason::Damaged, "{key}");
        assert!(unknown.detail.contains("uketsuke/Profile 1"), "{unknown:?}");
    }
    assert!(table_of(&sim, "edge.profiles").rows.iter().any(|row| row[6] == "ok"));
    for odd in [
        b"\xff\xfe{}".as_slice(),
        b"[]",
        b"null",
        b"",
        b"{\"extensions\": {\"settings\": 3}}",
    ] {
        sim.put_file(place(r"Profile 1\Preferences"), odd);
        assert_eq!(
            reason(&value(&sim, "edge.delegate.version")),
            Some(Reason::Damaged),
            "{odd:?}"
        );
    }
    let deep = "[".repeat(100_000);
    sim.put_file(place(r"Profile 1\Preferences"), deep);
    assert_eq!(reason(&value(&sim, "edge.delegate.version")), Some(Reason::Damaged));
}

#[test]
fn a_file_that_is_replaced_while_it_is_read_is_read_again() {
    let sim = two_profiles();
    let whole = facts::section("edge", &sim, &about()).unwrap();
    let begun = sim.calls();
    let again = facts::section("edge", &sim, &about()).unwrap();
    assert_eq!(whole, again);
    let calls = sim.calls() - begun;
    let mut survived = 0;
    for nth in 1..=calls {
        sim.fail_call(nth, crate::os::OsError::failed("a sharing violation"));
        let facts = facts::section("edge", &sim, &about()).unwrap();
        survived += u64::from(facts == whole);
        // A call that is asked again moves what follows by one; what is left over must not meet the next round.
        while sim.calls() < begun + calls * 3 {
            let _ = sim.hostname();
        }
        let _ = nth;
    }
    // Local State, and two files in each of the two profiles.
    assert!(survived >= 5, "{survived} of {calls}");
}

#[test]
fn without_the_browsers_own_list_profiles_are_found_by_their_folders() {
    let sim = two_profiles();
    sim.put_file(place("Local State"), *b"{\"profile\": {\"info_ca");
    assert_eq!(table_of(&sim, "edge.profiles").rows.len(), 2);
    let escape = json!({"profile": {"info_cache": {r"..\..\Other": {}, "Default": {}}}});
    put(&sim, "Local State", escape);
    assert_eq!(table_of(&sim, "edge.profiles").rows.len(), 1);
    sim.close(DATA);
    assert_eq!(reason(&value(&sim, "edge.missing")), Some(Reason::NoPermission));
}

#[test]
fn where_nobody_has_a_browser_profile_all_is_missing() {
    let sim = sim();
    for user in ["uketsuke", "incho"] {
        for file in ["Local State", r"Default\Preferences", r"Default\Secure Preferences"] {
            sim.remove_file(format!(
                r"C:\Users\{user}\AppData\Local\Microsoft\Edge\User Data\{file}"
            ));
        }
    }
    assert_eq!(list(&sim, "edge.missing"), ["delegate", "nopinauth", "pinauth"]);
    assert_eq!(reason(&value(&sim, "edge.delegate.version")), Some(Reason::NotFound));
    assert_eq!(reason(&value(&sim, "edge.developer_mode")), Some(Reason::NotFound));
}

#[test]
fn an_extension_whose_id_nobody_knows_is_unknown_and_not_missing() {
    let sim = two_profiles();
    sim.put_file(format!(r"{FOLDER}\delegate.crx"), *b"Cr24\x03\0\0\0\xff\xff\xff\xff");
    for key in ["edge.delegate.version", "edge.delegate.enabled"] {
        assert_eq!(reason(&value(&sim, key)), Some(Reason::Damaged), "{key}");
    }
    // That another is missing is known all the same, and that this one is not there is not.
    assert_eq!(list(&sim, "edge.missing"), ["pinauth: uketsuke/Profile 1"]);
    assert_eq!(value(&sim, "edge.pinauth.version"), version("2.1"));
    sim.remove_file(format!(r"{FOLDER}\delegate.crx"));
    assert_eq!(reason(&value(&sim, "edge.delegate.version")), Some(Reason::NotFound));
    // With the id from the profile the files are not needed.
    let mut about = about();
    Arc::make_mut(&mut about.profile).edge.delegate.id = Some(Key::simulated(0).id());
    let facts = facts::section("edge", &sim, &about).unwrap();
    assert!(facts.contains(&("edge.delegate.version".to_owned(), version("1.10"))));
}

#[test]
fn what_one_profile_lacks_is_told_whatever_another_hides() {
    let sim = two_profiles();
    sim.put_file(place(r"Default\Secure Preferences"), *b"{\"exten");
    assert_eq!(list(&sim, "edge.missing"), ["pinauth: uketsuke/Profile 1"]);
    assert_eq!(list(&sim, "edge.disabled"), ["nopinauth: uketsuke/Profile 1"]);
    assert_eq!(value(&sim, "edge.delegate.version"), version("1.10"));
    assert_eq!(value(&sim, "edge.nopinauth.enabled"), Value::Truth(false));
    assert_eq!(reason(&value(&sim, "edge.delegate.enabled")), Some(Reason::Damaged));
    // New enough in the one, and nobody knows of the other.
    let settings = json!({Key::simulated(0).id(): entry("2.1")});
    put(
        &sim,
        r"Profile 1\Preferences",
        json!({"extensions": {"settings": settings}}),
    );
    assert_eq!(reason(&value(&sim, "edge.delegate.version")), Some(Reason::Damaged));
}

#[test]
fn where_no_file_tells_an_id_what_might_be_nothing_of_ours_is_missing() {
    let sim = two_profiles();
    for file in ["delegate.crx", "nopinauth.crx", "pinauth.crx"] {
        sim.remove_file(format!(r"{FOLDER}\{file}"));
    }
    assert_eq!(reason(&value(&sim, "edge.missing")), Some(Reason::NotFound));
    let named = |extension: &str, name: &str| {
        let part = json!({"location": 5, "manifest": {"name": "part of the browser", "version": "1"}});
        let settings =
            json!({extension: {"location": 1, "manifest": {"name": name, "version": "2.0"}}, "b".repeat(32): part});
        for profile in ["Default", "Profile 1"] {
            sim.remove_file(place(&format!(r"{profile}\Preferences")));
            let file = format!(r"{profile}\Secure Preferences");
            put(&sim, &file, json!({"extensions": {"settings": settings}}));
        }
    };
    // By its name it is the one, and so neither of the others.
    named(&"a".repeat(32), "PIN有認証用アプリケーション");
    let missing = list(&sim, "edge.missing");
    assert_eq!(missing.len(), 4, "{missing:?}");
    assert!(!missing.iter().any(|place| place.starts_with("pinauth")), "{missing:?}");
    // Called as nobody knows: it might be any.
    named(&"a".repeat(32), "別の拡張");
    assert_eq!(reason(&value(&sim, "edge.missing")), Some(Reason::NotFound));
    assert_eq!(reason(&value(&sim, "edge.disabled")), Some(Reason::NotFound));
    named("gone", "");
    let missing = list(&sim, "edge.missing");
    assert_eq!(missing.len(), 6, "{missing:?}");
}

#[test]
fn a_profile_that_nobody_works_with_any_more_lacks_nothing() {
    const DAY: i64 = Span::days(1).0;
    let clock = Clock::manual(Time(1_700_000_000_000_000));
    let sim = Sim::new(1, 1, clock.clone());
    let empty = json!({"extensions": {"settings": {}, "ui": {"developer_mode": true}}});
    let local = json!({"profile": {"info_cache": {"Default": {}}}});
    let of = |user: &str, file: &str| format!(r"C:\Users\{user}\AppData\Local\Microsoft\Edge\User Data\{file}");
    for user in ["incho", "OqsComApp"] {
        sim.put_file(of(user, "Local State"), local.to_string());
        sim.put_file(of(user, r"Default\Secure Preferences"), empty.to_string());
        sim.remove_file(of(user, r"Default\Preferences"));
    }
    let missing = |user: &str| list(&sim, "edge.missing").iter().any(|place| place.contains(user));
    let whole = sim
        .file(of("uketsuke", r"Default\Secure Preferences"))
        .unwrap()
        .to_vec();
    let used = |sim: &Sim| sim.put_file(of("uketsuke", r"Default\Secure Preferences"), whole.clone());
    used(&sim);
    assert!(missing("incho"), "who was here today and has left");
    assert!(!missing("OqsComApp"), "programs have no need of it");
    clock.advance(Span(60 * DAY));
    used(&sim);
    assert!(missing("incho"));
    clock.advance(Span(DAY));
    used(&sim);
    assert_eq!(list(&sim, "edge.missing"), [""; 0]);
    assert_eq!(value(&sim, "edge.developer_mode"), Value::Truth(false));
    let rows = table_of(&sim, "edge.profiles").rows;
    assert!(rows.iter().any(|row| row[0] == "incho" && row[4] == "no"), "{rows:?}");
    // Where it cannot be seen who uses theirs, nothing is known to be lacking.
    let begun = sim.calls();
    list(&sim, "edge.missing");
    for nth in 1..=sim.calls() - begun {
        sim.fail_call(nth, crate::os::OsError::failed("a sick disk"));
        let found = value(&sim, "edge.missing");
        assert!(found.is_unknown() || found == Value::List(vec![]), "{nth}: {found:?}");
    }
    // Whoever is here counts, however long they have not opened the browser.
    let incho = sim
        .users()
        .unwrap()
        .into_iter()
        .find(|user| user.shown() == "incho")
        .unwrap();
    sim.sign_in(&incho.sid);
    assert!(missing("incho"));
}

#[test]
fn old_ids_count_as_the_extension_they_were_replaced_by() {
    let sim = two_profiles();
    let mut about = about();
    let wanted = &mut Arc::make_mut(&mut about.profile).edge.pinauth;
    wanted.id = Some("a".repeat(32));
    wanted.old_ids = vec![Key::simulated(2).id()];
    let facts = facts::section("edge", &sim, &about).unwrap();
    assert!(facts.contains(&("edge.pinauth.version".to_owned(), version("2.1"))));
}

#[test]
fn replacement_files_are_ready_when_all_three_are_there_sound_and_new_enough() {
    let file = |name: &str| format!(r"{FOLDER}\{name}");
    let manifest = |version: &str| format!(r#"{{"version": "{version}"}}"#);
    let sim = sim();
    assert_eq!(value(&sim, "edge.crx_ready"), Value::Truth(true));
    assert!(table_of(&sim, "edge.crx").rows.iter().all(|row| row[5] == "ok"));
    sim.put_file(file("PINAUTH.CRX"), pack(&Key::simulated(2), &manifest("1.9")));
    assert_eq!(value(&sim, "edge.crx_ready"), Value::Truth(false));
    let whole = pack(&Key::simulated(2), &manifest("2.0.0.0"));
    sim.put_file(file("pinauth.crx"), &whole[..whole.len() - 9]);
    assert_eq!(value(&sim, "edge.crx_ready"), Value::Truth(false));
    sim.close(file("pinauth.crx"));
    assert_eq!(reason(&value(&sim, "edge.crx_ready")), Some(Reason::NoPermission));
    sim.open(file("pinauth.crx"));
    sim.remove_file(file("pinauth.crx"));
    assert_eq!(value(&sim, "edge.crx_ready"), Value::Truth(false));
    sim.put_file(file("pinauth.crux"), whole);
    assert_eq!(table_of(&sim, "edge.crx").rows.len(), 3);
    for name in ["delegate.crx", "nopinauth.crx", "pinauth.crux"] {
        sim.remove_file(file(name));
    }
    assert_eq!(value(&sim, "edge.crx_ready"), Value::Truth(false));
    sim.close(FOLDER);
    assert_eq!(reason(&value(&sim, "edge.crx")), Some(Reason::NoPermission));
}
