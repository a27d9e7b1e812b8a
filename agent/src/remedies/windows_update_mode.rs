//! Whether updates install themselves, and at which hour: in the policy file, so that it lasts, and in the registry, so that
//! it holds at once. A registry that is edited alone goes back at the next refresh of policies.

use kaishin_proto::remedy::UpdateMode;

use super::Around;
use super::setting::{Plan, Want};
use super::state::{Records, State};
use crate::facts::update::{AU, policy_file};
use crate::os::{Hive, Os, Read, RegistryValue};
use crate::preg::{Policy, Said};

/// [`AU`] as the policy editor spells it in the file; Windows tells no cases apart, but people and other readers may.
const KEY: &str = r"Software\Policies\Microsoft\Windows\WindowsUpdate\AU";

/// The value's name, and the number it gets; `None`: it goes.
type Wanted = [(&'static str, Option<u32>); 5];

/// As the policy editor does it. Only option 4 installs by itself; day 0 is every day.
fn wanted(mode: UpdateMode, hour: u8) -> Wanted {
    let when_automatic = |number: u32| match mode {
        UpdateMode::Automatic => Some(number),
        UpdateMode::Manual => None,
    };
    [
        ("NoAutoUpdate", Some(u32::from(mode == UpdateMode::Manual))),
        ("AUOptions", when_automatic(4)),
        ("ScheduledInstallDay", when_automatic(0)),
        ("ScheduledInstallTime", when_automatic(hour.into())),
        ("ScheduledInstallEveryWeek", when_automatic(1)),
    ]
}

pub fn plan(os: &dyn Os, around: &Around, mode: UpdateMode, hour: u8) -> Read<Plan> {
    if let (UpdateMode::Automatic, Some(refused)) = (mode, Plan::disturbs(around, hour)) {
        return Ok(refused);
    }
    let wanted = wanted(mode, hour);
    let file = policy_file(os)?;
    let written = changed(&file, &wanted);
    let state = |policy: &Policy| State::Policy {
        policy: wanted.iter().map(|(name, _)| Records::of(policy, KEY, name)).collect(),
    };
    let mut wants = vec![Ok(Want::between(state(&file), state(&written)))];
    wants.extend(wanted.into_iter().map(|(name, number)| {
        let to = State::Registry {
            hive: Hive::LocalMachine,
            key: AU.to_owned(),
            name: name.to_owned(),
            value: number.map(RegistryValue::dword),
        };
        Want::of(os, to)
    }));
    Plan::of(wants)
}

/// Only what says otherwise is written anew.
fn changed(file: &Policy, wanted: &Wanted) -> Policy {
    let mut changed = file.clone();
    for (name, number) in wanted {
        match number.map(RegistryValue::dword) {
            Some(value) if file.said(KEY, name) != Said::Set(value.clone()) => changed.set(KEY, name, &value),
            None if file.said(KEY, name) != Said::Removed => changed.remove(KEY, name),
            Some(_) | None => {}
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use kaishin_proto::preview::Verdict;
    use kaishin_proto::remedy::Remedy;
    use kaishin_proto::value::Value;

    use super::super::setting::tests::{around, carry_out, puts_right, survives_a_sick_machine};
    use super::super::{act, preview, probe};
    use super::*;
    use crate::facts::tests::{sim, value};
    use crate::os::sim::Sim;
    use crate::preg::Instruction;
    use crate::remedies::{Acted, Probed};

    const FILE: &str = r"C:\Windows\System32\GroupPolicy\Machine\Registry.pol";
    const INI: &str = r"C:\Windows\System32\GroupPolicy\gpt.ini";
    const AUTOMATIC: Remedy = Remedy::WindowsUpdateMode {
        mode: UpdateMode::Automatic,
        hour: 5,
    };
    const MANUAL: Remedy = Remedy::WindowsUpdateMode {
        mode: UpdateMode::Manual,
        hour: 5,
    };
    const FOREIGN: &str = r"Software\Policies\別のソフト";

    /// Both places say the same; beside it stands somebody else's.
    fn with(numbers: &[(&str, u32)]) -> Sim {
        let sim = sim();
        let mut policy = Policy::default();
        policy.set(FOREIGN, "受付", &RegistryValue::text("[1];"));
        sim.remove_key(Hive::LocalMachine, AU);
        for (name, number) in numbers {
            policy.set(AU, name, &RegistryValue::dword(*number));
            sim.poke(Hive::LocalMachine, AU, name, Some(RegistryValue::dword(*number)));
        }
        policy.set(AU, "RebootWarningTimeout", &RegistryValue::dword(7));
        sim.put_file(FILE, policy.write());
        sim
    }

    fn notifying() -> Sim {
        with(&[("NoAutoUpdate", 0), ("AUOptions", 3)])
    }

    fn mode(sim: &Sim) -> Value {
        assert_eq!(value(sim, "update.mode"), value(sim, "update.policy_file_mode"));
        value(sim, "update.mode")
    }

    fn foreign(sim: &Sim) -> Vec<Instruction<'static>> {
        let policy = Policy::read(&sim.file(FILE).unwrap()).unwrap();
        let ours = wanted(UpdateMode::Manual, 0).map(|(name, _)| name);
        let foreign = policy.instructions().filter_map(|said| match said {
            Instruction::Set(key, name, value) if !ours.contains(&name) => Some(Instruction::Set(
                if key == FOREIGN { FOREIGN } else { AU },
                if name == "受付" {
                    "受付"
                } else {
                    "RebootWarningTimeout"
                },
                value,
            )),
            Instruction::Set(..) | Instruction::Remove(..) => None,
            Instruction::RemoveValues(_) | Instruction::RemoveKey(_) => panic!("nobody wrote that"),
        });
        foreign.collect()
    }

    #[test]
    fn the_mode_ends_as_ordered_in_both_places_whatever_it_was() {
        for numbers in [
            &[][..],
            &[("NoAutoUpdate", 0), ("AUOptions", 2)],
            &[("NoAutoUpdate", 0), ("AUOptions", 3)],
            &[("AUOptions", 5), ("ScheduledInstallTime", 12)],
        ] {
            for remedy in [AUTOMATIC, MANUAL] {
                let sim = with(numbers);
                let before = foreign(&sim);
                puts_right(remedy, &sim);
                assert_eq!(foreign(&sim), before);
            }
        }
        puts_right(MANUAL, &with(&[("NoAutoUpdate", 0), ("AUOptions", 4)]));
        puts_right(AUTOMATIC, &with(&[("NoAutoUpdate", 1)]));
    }

    #[test]
    fn updates_are_not_put_into_reception_hours_and_by_hand_there_is_no_hour() {
        let sim = notifying();
        let told = |mode, hour| preview(Remedy::WindowsUpdateMode { mode, hour }, &sim, &around());
        let refused = told(UpdateMode::Automatic, 12);
        assert_eq!(refused.verdict, Verdict::NotApplicable);
        assert!(refused.reason.contains("reception hours"), "{refused:?}");
        assert_eq!(told(UpdateMode::Automatic, 19).verdict, Verdict::WouldChange);
        assert_eq!(told(UpdateMode::Manual, 12).verdict, Verdict::WouldChange);
    }

    #[test]
    fn a_refresh_of_policies_does_not_bring_the_old_mode_back() {
        let sim = notifying();
        assert_eq!(mode(&sim), Value::Text("notify".into()));
        carry_out(AUTOMATIC, &sim);
        for refresh in [&|| sim.refresh_policy(), &|| sim.reboot()] as [&dyn Fn(); 2] {
            refresh();
            assert_eq!(mode(&sim), Value::Text("automatic".into()));
            assert_eq!(value(&sim, "update.install_hour"), Value::Number(5));
        }
        carry_out(MANUAL, &sim);
        sim.refresh_policy();
        assert_eq!(mode(&sim), Value::Text("manual".into()));
        assert_eq!(sim.peek(Hive::LocalMachine, AU, "AUOptions"), None);
    }

    #[test]
    fn a_registry_that_is_edited_alone_is_neither_done_nor_does_it_last() {
        let sim = notifying();
        let mut around = around();
        let Ok(Acted::Done(looked)) = act(AUTOMATIC, "read-before", &sim, &around) else {
            panic!("it was looked at");
        };
        around.story.kept = looked.undo;
        for (name, number) in wanted(UpdateMode::Automatic, 5) {
            sim.poke(Hive::LocalMachine, AU, name, number.map(RegistryValue::dword));
        }
        assert_eq!(value(&sim, "update.registry_mode"), Value::Text("automatic".into()));
        let found = probe(AUTOMATIC, "write-registry", &sim, &around);
        assert!(
            matches!(&found, Probed::NotDone(what) if what.starts_with("policy file")),
            "{found:?}"
        );
        sim.refresh_policy();
        assert_eq!(mode(&sim), Value::Text("notify".into()));
    }

    #[test]
    fn windows_is_told_that_the_file_has_changed_and_only_then() {
        let sim = notifying();
        let version = || {
            let ini = String::from_utf8(sim.file(INI).unwrap().to_vec()).unwrap();
            let version = ini.lines().find_map(|line| line.strip_prefix("Version=")).unwrap();
            version.parse::<u32>().unwrap()
        };
        let before = version();
        carry_out(AUTOMATIC, &sim);
        assert_eq!(version(), before + 1);
        carry_out(AUTOMATIC, &sim);
        assert_eq!(version(), before + 1, "nothing was to be written");
        sim.remove_file(INI);
        carry_out(MANUAL, &sim);
        assert_eq!(version(), 1);
    }

    #[test]
    fn a_damaged_policy_file_is_left_alone() {
        let sim = notifying();
        sim.put_file(FILE, *b"PReg\x01\0\0\0[\0S");
        let failed = act(AUTOMATIC, "read-before", &sim, &around()).unwrap_err();
        assert_eq!(failed.code, crate::words::POLICY_DAMAGED);
        assert_eq!(sim.file(FILE).as_deref(), Some(&b"PReg\x01\0\0\0[\0S"[..]));
    }

    #[test]
    fn a_sick_machine_is_told_and_the_next_try_ends_right() {
        survives_a_sick_machine(AUTOMATIC, notifying);
        survives_a_sick_machine(MANUAL, notifying);
    }
}
