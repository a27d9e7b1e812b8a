use super::*;
use kaishin_proto::value::Reason;

const HKLM: Hive = Hive::LocalMachine;

fn sim() -> Sim {
    Sim::new(1, 1, Clock::manual(Time(1_800_000_000_000_000)))
}

#[test]
fn the_registry_holds_what_is_written_and_forgets_cases() {
    let sim = sim();
    sim.registry_set(HKLM, r"SOFTWARE\OQS\Face", "Version", &RegistryValue::dword(3))
        .unwrap();
    let read = sim.registry_get(HKLM, r"software\oqs\FACE", "VERSION").unwrap();
    assert_eq!(read, Some(RegistryValue::dword(3)));
    let oqs = sim.registry_list(HKLM, r"SOFTWARE\OQS").unwrap().unwrap();
    assert_eq!(oqs.subkeys, ["Face"]);
    let face = sim.registry_list(HKLM, r"SOFTWARE\OQS\Face").unwrap().unwrap();
    assert_eq!(face.values, ["Version"]);
    sim.registry_delete(HKLM, r"SOFTWARE\OQS\Face", "version").unwrap();
    assert_eq!(sim.registry_get(HKLM, r"SOFTWARE\OQS\Face", "Version"), Ok(None));
    assert_eq!(sim.registry_list(HKLM, r"SOFTWARE\Nobody"), Ok(None));
}

#[test]
fn faults_come_when_they_were_ordered() {
    let sim = sim();
    sim.fail_call(2, OsError::failed("a sick disk"));
    assert!(sim.hostname().is_ok());
    assert_eq!(sim.machine().serial.unwrap_err().reason, Reason::Failed);
    assert!(sim.machine().serial.is_ok());
    sim.deny(HKLM, r"SYSTEM\Current");
    assert!(sim.registry_get(HKLM, r"SYSTEM\CurrentControlSet", "x").is_ok());
    sim.deny(HKLM, r"SYSTEM\CurrentControlSet");
    let denied = sim.registry_get(HKLM, r"SYSTEM\CurrentControlSet\Control", "x");
    assert_eq!(denied.unwrap_err().reason, Reason::NoPermission);
}

#[test]
fn a_refresh_of_policies_takes_back_what_was_edited_in_the_registry_alone() {
    const AU: &str = r"SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate\AU";
    let clock = Clock::manual(Time(1_800_000_000_000_000));
    let sim = Sim::new(1, 1, clock.clone());
    let mut policy = Policy::default();
    policy.remove(AU, "AUOptions");
    policy.set(AU, "NoAutoUpdate", &RegistryValue::dword(1));
    sim.replace_file(Path::new(POLICY_FILE), &policy.write()).unwrap();
    let edit = || {
        sim.poke(HKLM, AU, "NoAutoUpdate", Some(RegistryValue::dword(0)));
        sim.poke(HKLM, AU, "AUOptions", Some(RegistryValue::dword(4)));
    };
    let off = || sim.registry_get(HKLM, AU, "NoAutoUpdate").unwrap();
    for refresh in [&|| sim.refresh_policy(), &|| sim.reboot(), &|| {
        clock.advance(POLICIES_EVERY)
    }] as [&dyn Fn(); 3]
    {
        edit();
        assert_eq!(off(), Some(RegistryValue::dword(0)));
        refresh();
        assert_eq!(off(), Some(RegistryValue::dword(1)));
        assert_eq!(sim.peek(HKLM, AU, "AUOptions"), None);
    }
    sim.put_file(POLICY_FILE, *b"PReg");
    edit();
    sim.refresh_policy();
    assert_eq!(off(), Some(RegistryValue::dword(0)), "a damaged file is nobody's order");
}

#[test]
fn a_restart_is_a_new_boot_and_settles_what_waited_for_it() {
    let sim = sim();
    sim.poke(HKLM, REBOOT_REQUIRED, "", Some(RegistryValue::dword(1)));
    let before = sim.boot();
    assert_eq!(sim.boot(), before);
    sim.reboot();
    assert_ne!(sim.boot().id, before.id);
    assert_eq!(sim.registry_list(HKLM, REBOOT_REQUIRED), Ok(None));
}
