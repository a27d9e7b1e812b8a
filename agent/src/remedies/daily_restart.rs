//! The terminal restarts once a day, at a minute of its own within the hour that was ordered, so that the country's terminals
//! do not all come back at once. Restarts that others have scheduled for a time at which none should be, or for while somebody is
//! signed in alone, are switched off; what else their tasks may do is left alone.

use kaishin_proto::profile::{Clock24, Profile};
use kaishin_proto::value::Reason;
use sha2::{Digest, Sha256};

use super::Around;
use super::setting::{Plan, Want};
use super::state::State;
use crate::facts::tasks::restarts::{is_ill_chosen, unfit};
use crate::os::{Os, Read};

pub fn plan(os: &dyn Os, around: &Around, hour: u8) -> Read<Plan> {
    if let Some(refused) = Plan::disturbs(around, hour) {
        return Ok(refused);
    }
    let profile = &*around.about.profile;
    let Some(at) = minute_of(&own_name(os)?, profile, hour) else {
        return Ok(Plan::NotApplicable(format!("no minute after {hour}:00 is to be used")));
    };
    let mut wants = vec![Want::of(os, State::DailyRestart { at: Some(at) })];
    for path in unfit(&os.tasks()?, profile, &around.about.hours)? {
        let state = |enabled| State::Task {
            path: path.clone(),
            enabled,
        };
        wants.push(Ok(Want::between(state(true), state(false))));
    }
    Plan::of(wants)
}

/// What no other terminal is called: host names repeat from clinic to clinic.
fn own_name(os: &dyn Os) -> Read<String> {
    match os.machine().uuid {
        Ok(uuid) => Ok(uuid),
        Err(error) if error.reason == Reason::NotFound || error.reason == Reason::NotSupported => os.hostname(),
        Err(error) => Err(error),
    }
}

/// The same for the same terminal, and spread evenly over those minutes of the hour that may be used.
fn minute_of(name: &str, profile: &Profile, hour: u8) -> Option<Clock24> {
    let minutes = (0..60).filter_map(|minute| Clock24::new(hour.into(), minute));
    let usable: Vec<Clock24> = minutes.filter(|at| !is_ill_chosen(profile, *at)).collect();
    let hash = Sha256::digest(name.as_bytes());
    let number = hash.iter().take(8).fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    let nth = number.checked_rem(usable.len() as u64)?;
    usable.get(usize::try_from(nth).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kaishin_proto::calendar::Hours;
    use kaishin_proto::preview::Verdict;
    use kaishin_proto::remedy::Remedy;

    use super::super::setting::tests::{around, carry_out, puts_right, survives_a_sick_machine};
    use super::super::{Acted, act, preview};
    use super::*;
    use crate::facts::tests::{listed, sim};
    use crate::os::sim::Sim;
    use crate::os::{TaskSeen, restart_task};
    use crate::words;

    const REMEDY: Remedy = Remedy::DailyRestart { hour: 2 };

    fn task(path: &str, at: &str, actions: &str) -> TaskSeen {
        let xml = format!(
            "<Task><Triggers><CalendarTrigger><StartBoundary>2021-06-01T{at}:00</StartBoundary></CalendarTrigger></Triggers>\
             <Actions>{actions}</Actions></Task>"
        );
        TaskSeen {
            path: path.into(),
            xml: Ok(xml.into_bytes()),
            enabled: true,
            last_result: 0,
            last_run: None,
            next_run: None,
        }
    }

    /// Only while somebody is.
    fn signed_in(path: &str, at: &str) -> TaskSeen {
        let mut task = task(path, at, RESTART);
        let principal = "<Principals><Principal><UserId>admin</UserId><LogonType>InteractiveToken</LogonType></Principal>\
                         </Principals><Actions>";
        task.xml = task.xml.map(|xml| {
            String::from_utf8(xml)
                .unwrap()
                .replace("<Actions>", principal)
                .into_bytes()
        });
        task
    }

    const RESTART: &str = "<Exec><Command>shutdown</Command><Arguments>/r /t 0</Arguments></Exec>";

    fn with(tasks: Vec<TaskSeen>) -> Sim {
        let sim = sim();
        sim.remove_tasks();
        tasks.into_iter().for_each(|task| sim.put_task(task));
        sim
    }

    #[test]
    fn the_minute_is_the_terminals_own_spread_and_never_one_to_avoid() {
        let profile = Profile::built_in();
        let mut seen: BTreeMap<u16, u32> = BTreeMap::new();
        for n in 0..4_800 {
            let name = format!("terminal {n}");
            let at = minute_of(&name, &profile, 2).unwrap();
            assert_eq!(minute_of(&name, &profile, 2), Some(at));
            *seen.entry(at.minutes()).or_default() += 1;
        }
        // 48 minutes of an hour end in neither 0 nor 5; a hundred terminals each, give or take.
        assert_eq!(seen.len(), 48);
        assert!(seen.values().all(|count| (50..150).contains(count)), "{seen:?}");
        for hour in 0..24 {
            for n in 0..200 {
                let at = minute_of(&n.to_string(), &profile, hour).unwrap();
                assert_eq!(at.minutes() / 60, u16::from(hour));
                assert!(!at.minutes().is_multiple_of(5), "{at}");
                let busy = Clock24::new(3, 50).unwrap()..=Clock24::new(4, 10).unwrap();
                assert!(!busy.contains(&at), "{at}");
            }
        }
        let mut never = profile;
        never.restart.avoid_from = Clock24::new(2, 0).unwrap();
        never.restart.avoid_until = Clock24::new(2, 59).unwrap();
        assert_eq!(minute_of("terminal", &never, 2), None);
    }

    #[test]
    fn the_terminal_ends_with_one_restart_a_day_at_a_time_that_may_be_used() {
        for tasks in [
            vec![],
            vec![task(r"\再起動", "04:00", RESTART)],
            vec![
                task(r"\再起動", "02:30", RESTART),
                task(r"\夜\shutdown", "03:53", RESTART),
            ],
            vec![task(r"\昼", "10:07", RESTART)],
            vec![signed_in(r"\夜", "02:37")],
        ] {
            let sim = with(tasks);
            puts_right(REMEDY, &sim);
            carry_out(REMEDY, &sim);
            for key in ["forbidden", "in_opening", "signed_in"] {
                assert!(listed(&sim, &format!("tasks.restart_{key}")).is_empty(), "{key}");
            }
            assert_eq!(listed(&sim, "tasks.restart_times").len(), 1);
        }
    }

    #[test]
    fn a_restart_in_reception_hours_is_refused_before_anybody_is_asked_and_beside_them_it_is_not() {
        let sim = with(vec![]);
        let mut around = around();
        let told = preview(Remedy::DailyRestart { hour: 10 }, &sim, &around);
        assert_eq!(told.verdict, Verdict::NotApplicable);
        assert_eq!(told.reason, "10:00 is within reception hours, 08:00 to 19:00");
        assert!(act(Remedy::DailyRestart { hour: 18 }, "read-before", &sim, &around).is_err());
        assert_eq!(sim.writes(), 0);
        around.about.hours = Hours::of((0..7).map(|day| (day, vec![(12 * 60, 24 * 60)]))).unwrap();
        for (hour, verdict) in [(10, Verdict::WouldChange), (22, Verdict::NotApplicable)] {
            let told = preview(Remedy::DailyRestart { hour }, &sim, &around);
            assert_eq!(told.verdict, verdict, "the facility's own hours count");
        }
    }

    #[test]
    fn another_hour_moves_it_and_does_not_add_one() {
        let sim = with(vec![]);
        for hour in [2, 1] {
            puts_right(Remedy::DailyRestart { hour }, &sim);
            carry_out(Remedy::DailyRestart { hour }, &sim);
            let times = listed(&sim, "tasks.restart_times");
            assert!(
                times.len() == 1 && times[0].starts_with(&format!("0{hour}:")),
                "{times:?}"
            );
        }
    }

    #[test]
    fn what_others_have_scheduled_well_or_do_besides_is_left_alone_and_told_where_it_keeps_the_fault_open() {
        let sim = with(vec![task(r"\定刻に再起動", "01:31", RESTART)]);
        puts_right(REMEDY, &sim);
        carry_out(REMEDY, &sim);
        let enabled = |sim: &Sim| sim.tasks().unwrap().iter().all(|task| task.enabled);
        assert!(enabled(&sim));

        let backup = format!("<Exec><Command>backup</Command></Exec>{RESTART}");
        let sim = with(vec![task(r"\夜の作業", "04:00", &backup)]);
        let mut around = around();
        for step in ["read-before", "write-registry"] {
            if let Acted::Done(done) = act(REMEDY, step, &sim, &around).unwrap() {
                around.story.kept.extend(done.undo);
            }
        }
        let failed = act(REMEDY, "verify", &sim, &around).unwrap_err();
        assert_eq!(failed.code, words::JOB_STILL_WRONG);
        assert_eq!(failed.detail, "still tasks.restart_forbidden 04:00");
        let tasks = sim.tasks().unwrap();
        assert!(enabled(&sim) && tasks.iter().any(|task| task.path == restart_task::PATH));
    }

    #[test]
    fn a_task_that_cannot_be_read_may_be_the_one_so_nothing_is_done() {
        let mut odd = task(r"\odd", "04:00", RESTART);
        odd.xml = Ok(b"<Task>".to_vec());
        let sim = with(vec![odd]);
        assert!(act(REMEDY, "read-before", &sim, &around()).is_err());
        let told = preview(REMEDY, &sim, &around());
        assert_eq!(told.verdict, Verdict::Unknown);
    }

    #[test]
    fn a_sick_machine_is_told_and_the_next_try_ends_right() {
        survives_a_sick_machine(REMEDY, || with(vec![task(r"\再起動", "04:00", RESTART)]));
    }
}
