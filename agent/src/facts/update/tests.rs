use kaishin_proto::value::{Reason, Value};

use super::super::tests::{reason, sim, value};

use super::*;
use crate::os::sim::Sim;

const HKLM: Hive = Hive::LocalMachine;
const POL: &str = r"C:\Windows\System32\GroupPolicy\Machine\Registry.pol";

fn without_policies() -> Sim {
    let sim = sim();
    sim.remove_key(HKLM, POLICY);
    sim.remove_file(POL);
    sim
}

fn word(sim: &Sim, key: &str) -> String {
    let found = value(sim, key);
    let Value::Text(word) = found else {
        panic!("{key} is {found:?}");
    };
    word
}

#[test]
fn only_option_four_is_automatic() {
    for (off, option, expected) in [
        (Some(1), None, Ok("manual")),
        (Some(1), Some(4), Ok("manual")),
        (Some(0), Some(1), Ok("manual")),
        (Some(0), Some(4), Ok("automatic")),
        (None, Some(4), Ok("automatic")),
        (Some(0), Some(2), Ok("notify")),
        (Some(0), Some(3), Ok("notify")),
        (Some(0), Some(7), Ok("notify")),
        (Some(0), None, Ok("not-configured")),
        (None, None, Ok("not-configured")),
        (Some(0), Some(5), Ok("not-configured")),
        (Some(0), Some(9), Err(Reason::Damaged)),
        (Some(2), Some(4), Err(Reason::Damaged)),
    ] {
        let found = mode(Ok(off), Ok(option)).map_err(|error| error.reason);
        assert_eq!(found, expected, "{off:?} {option:?}");
    }
}

#[test]
fn who_has_set_the_mode_is_told_from_the_two_places() {
    let automatic = [("NoAutoUpdate", 0), ("AUOptions", 4)];
    let manual = [("NoAutoUpdate", 1)];
    let cases: [(&[_], &[_], [&str; 3]); 5] = [
        (&[], &[], ["not-configured", "not-configured", "none"]),
        (&automatic, &automatic, ["automatic", "automatic", "policy-file"]),
        (&manual, &[], ["manual", "not-configured", "registry"]),
        (&manual, &automatic, ["manual", "automatic", "registry"]),
        (&[], &manual, ["not-configured", "manual", "none"]),
    ];
    for (registry, file, [mode, file_mode, set_by]) in cases {
        let sim = without_policies();
        let mut policy = Policy::default();
        for (name, number) in registry {
            sim.poke(HKLM, AU, name, Some(RegistryValue::dword(*number)));
        }
        for (name, number) in file {
            policy.set(AU, name, &RegistryValue::dword(*number));
        }
        sim.put_file(POL, policy.write());
        assert_eq!(word(&sim, "update.mode"), mode);
        assert_eq!(word(&sim, "update.registry_mode"), mode);
        assert_eq!(word(&sim, "update.policy_file_mode"), file_mode);
        assert_eq!(word(&sim, "update.set_by"), set_by);
    }
}

#[test]
fn a_damaged_policy_file_is_unknown_and_never_no_policy() {
    let mut policy = Policy::default();
    policy.set(AU, "AUOptions", &RegistryValue::dword(4));
    let whole = policy.write();
    let sim = without_policies();
    sim.poke(HKLM, AU, "NoAutoUpdate", Some(RegistryValue::dword(1)));
    for bytes in [&whole[..whole.len() - 3], b"PReg", b"\0\0\0\0"] {
        sim.put_file(POL, bytes);
        assert_eq!(reason(&value(&sim, "update.policy_file_mode")), Some(Reason::Damaged));
        assert_eq!(reason(&value(&sim, "update.set_by")), Some(Reason::Damaged));
        assert_eq!(word(&sim, "update.mode"), "manual");
    }
    sim.close(POL);
    assert_eq!(
        reason(&value(&sim, "update.policy_file_mode")),
        Some(Reason::NoPermission)
    );
    sim.deny(HKLM, POLICY);
    for key in [
        "update.mode",
        "update.set_by",
        "update.install_hour",
        "update.active_start",
    ] {
        assert_eq!(reason(&value(&sim, key)), Some(Reason::NoPermission), "{key}");
    }
}

#[test]
fn the_hour_is_told_where_updates_install_by_themselves() {
    let sim = without_policies();
    assert_eq!(reason(&value(&sim, "update.install_hour")), Some(Reason::NotFound));
    sim.poke(HKLM, AU, "AUOptions", Some(RegistryValue::dword(4)));
    sim.poke(HKLM, AU, "ScheduledInstallTime", Some(RegistryValue::dword(7)));
    sim.poke(HKLM, AU, "ScheduledInstallDay", Some(RegistryValue::dword(8)));
    assert_eq!(value(&sim, "update.install_hour"), Value::Number(7));
    assert_eq!(reason(&value(&sim, "update.install_day")), Some(Reason::Damaged));
}

#[test]
fn a_policy_overrides_the_settings_of_active_hours() {
    let sim = without_policies();
    sim.remove_key(HKLM, SETTINGS);
    assert_eq!(word(&sim, "update.active_set_by"), "none");
    assert_eq!(reason(&value(&sim, "update.active_start")), Some(Reason::NotFound));
    for (name, number) in [
        ("ActiveHoursStart", 8),
        ("ActiveHoursEnd", 20),
        ("SmartActiveHoursState", 1),
    ] {
        sim.poke(HKLM, SETTINGS, name, Some(RegistryValue::dword(number)));
    }
    assert_eq!(value(&sim, "update.active_end"), Value::Number(20));
    assert_eq!(value(&sim, "update.active_automatic"), Value::Truth(true));
    assert_eq!(word(&sim, "update.active_set_by"), "settings");
    for (name, number) in [("SetActiveHours", 1), ("ActiveHoursStart", 7), ("ActiveHoursEnd", 99)] {
        sim.poke(HKLM, POLICY, name, Some(RegistryValue::dword(number)));
    }
    assert_eq!(value(&sim, "update.active_start"), Value::Number(7));
    assert_eq!(reason(&value(&sim, "update.active_end")), Some(Reason::Damaged));
    assert_eq!(value(&sim, "update.active_automatic"), Value::Truth(false));
    assert_eq!(word(&sim, "update.active_set_by"), "policy");
}

#[test]
fn an_old_windows_does_not_adjust_active_hours_and_a_new_one_must_say() {
    for (build, expected) in [
        ("17763", Ok(false)),
        ("19044", Err(Reason::NotFound)),
        ("new", Err(Reason::NotFound)),
    ] {
        let sim = sim();
        sim.poke(HKLM, SETTINGS, "SmartActiveHoursState", None);
        sim.poke(HKLM, CURRENT_VERSION, "CurrentBuild", Some(RegistryValue::text(build)));
        let found = adjusts(&sim, &Ok(RegistryTree::default())).map_err(|error| error.reason);
        assert_eq!(found, expected, "{build}");
    }
}

#[test]
fn the_service_starts_in_one_of_three_ways() {
    for (start, expected) in [
        (2, Some("automatic")),
        (3, Some("manual")),
        (4, Some("disabled")),
        (9, None),
    ] {
        let sim = sim();
        sim.poke(HKLM, SERVICE, "Start", Some(RegistryValue::dword(start)));
        match expected {
            Some(expected) => assert_eq!(word(&sim, "update.service"), expected),
            None => assert_eq!(reason(&value(&sim, "update.service")), Some(Reason::Damaged)),
        }
    }
}
