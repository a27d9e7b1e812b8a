//! How much may happen in a day: what counts, what does not, and what a wrong clock makes of it.

use kaishin_proto::remedy::{Message, Procedure};

use super::crashes::ready;
use super::*;
use crate::core::caps::{MOST_CHANGES, MOST_NOTICES};
use crate::os::Heard;
use crate::words;
use v1::job_result::Outcome;

fn ended(world: &World, job: JobId) -> (Option<Outcome>, &str) {
    let code = world.server.results.get(&job).map_or("", |results| &results[0].code);
    (world.outcome(job), code)
}

fn hours(n: u8) -> Remedy {
    Remedy::ActiveHours { start: 6 + n, end: 20 }
}

/// A terminal that was changed as often as it may be today; the jobs.
fn changed(world: &mut World) -> Vec<JobId> {
    let jobs: Vec<JobId> = (0..MOST_CHANGES as u8).map(|n| world.order(n, hours(n))).collect();
    for job in &jobs {
        assert_eq!(world.outcome(*job), Some(Outcome::Succeeded));
    }
    jobs
}

fn evidence(world: &World, job: JobId) -> String {
    let held = world.core.as_ref().and_then(|core| core.book().job(job));
    match held.and_then(|held| held.last()) {
        Some(book::What::Waits { evidence, .. }) => evidence.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_restart_that_never_happened_is_not_the_days_restart() {
    let mut world = ready(Remedy::RestartNow, remedies::steps);
    world.settle();
    world.os.set_answer(Heard::Refused);
    let refused = world.order(1, Remedy::RestartNow);
    assert_eq!(world.ends(refused), Some(Outcome::Refused));
    assert_eq!(ended(&world, refused).1, words::JOB_DECLINED);
    world.os.set_answer(Heard::Waiting);
    let cancelled = world.order(2, Remedy::RestartNow);
    assert_eq!(world.outcome(cancelled), None);
    world.say(Down::JobCancel(v1::JobCancel {
        job_id: cancelled.to_string(),
    }));
    assert_eq!(world.outcome(cancelled), Some(Outcome::Cancelled));
    world.os.set_answer(Heard::Agreed);
    let restarted = world.order(3, Remedy::RestartNow);
    assert_eq!(world.ends(restarted), Some(Outcome::Succeeded));
    assert_eq!(world.os.boots(), 2);
    let second = world.order(4, Remedy::RestartNow);
    assert_eq!(ended(&world, second), (Some(Outcome::Refused), words::JOB_DAILY_CAP));
}

#[test]
fn software_that_needed_no_restart_leaves_the_days_restart() {
    let mut world = ready(Remedy::DistributionAppRefresh, remedies::steps);
    world.os.set_distribution_rounds(0);
    world.settle();
    let refresh = world.order(1, Remedy::DistributionAppRefresh);
    assert_eq!(world.ends(refresh), Some(Outcome::Succeeded));
    assert_eq!(world.os.boots(), 1);
    let restart = world.order(2, Remedy::RestartNow);
    assert_eq!(world.ends(restart), Some(Outcome::Succeeded));
    assert_eq!(world.os.boots(), 2);
}

#[test]
fn what_wrote_nothing_is_no_change_of_the_day() {
    let mut world = World::online(1);
    world.os.deny(Hive::LocalMachine, SESSION_POWER);
    for n in 10..20 {
        let job = world.offer(n, fast_startup_off());
        assert_eq!(ended(&world, job).1, words::JOB_NO_PERMISSION, "it cannot even look");
    }
    changed(&mut world);
}

#[test]
fn the_last_change_of_the_day_can_be_taken_back_and_people_can_still_be_guided() {
    let mut world = ready(Remedy::Guided(Procedure::DisplayScale), remedies::steps);
    world.settle();
    let job = *changed(&mut world).last().unwrap();
    let more = world.order(10, hours(9));
    assert_eq!(ended(&world, more), (Some(Outcome::Refused), words::JOB_DAILY_CAP));
    let undo = world.order(11, Remedy::Undo { job });
    assert_eq!(world.ends(undo), Some(Outcome::Succeeded));
    let guided = world.order(12, Remedy::Guided(Procedure::DisplayScale));
    assert_eq!(world.ends(guided), Some(Outcome::Succeeded));
}

#[test]
fn nobody_is_asked_about_what_is_already_fine_and_nothing_is_written_or_counted() {
    let mut world = World::online(1);
    let first = world.offer(1, fast_startup_off());
    assert_eq!(world.outcome(first), Some(Outcome::Succeeded));
    let written = world.os.writes();
    world.answers.push_back(None);
    for n in 2..10 {
        world.server.sections.clear();
        let job = world.offer(n, fast_startup_off());
        assert_eq!(world.outcome(job), Some(Outcome::Succeeded));
        assert_eq!(world.fact("power.fast_startup"), Some(Value::Truth(false)), "its proof");
        let undo = world.server.results[&job][0].undo.clone().unwrap_or_default();
        assert!(undo.registry.is_empty());
    }
    assert_eq!((world.os.writes(), world.answers.len()), (written, 1));
    world.answers.clear();
    for n in 0..MOST_CHANGES as u8 - 1 {
        let job = world.order(20 + n, hours(n));
        assert_eq!(world.outcome(job), Some(Outcome::Succeeded));
    }
    let more = world.order(30, hours(9));
    assert_eq!(ended(&world, more).1, words::JOB_DAILY_CAP);
}

#[test]
fn what_is_fine_already_is_no_proof_that_the_terminal_takes_changes() {
    let mut world = World::online(1);
    let off = Some(RegistryValue::dword(0));
    world.os.poke(Hive::LocalMachine, SESSION_POWER, HIBERBOOT, off);
    world.failures = 2;
    for n in 2..4 {
        let failed = world.order(n, hours(n));
        assert_eq!(world.outcome(failed), Some(Outcome::Failed));
    }
    let fine = world.offer(4, fast_startup_off());
    assert_eq!(world.outcome(fine), Some(Outcome::Succeeded));
    assert_eq!(world.core().book().tally().failures(), 2);
}

#[test]
fn a_server_can_show_only_so_many_messages_in_a_day() {
    let message = Message::Working;
    let mut world = World::online(1);
    world.os.set_answer(Heard::Agreed);
    for n in 0..MOST_NOTICES as u8 {
        let job = world.order(n, Remedy::NotifyStaff { message });
        assert_eq!(world.outcome(job), Some(Outcome::Succeeded));
        world.start();
        world.settle();
    }
    let more = world.order(20, Remedy::NotifyStaff { message });
    assert_eq!(ended(&world, more), (Some(Outcome::Refused), words::JOB_NOTICES));
    assert_eq!(world.os.notices().len(), MOST_NOTICES as usize);
    world.pass(Span::days(1));
    let tomorrow = world.order(21, Remedy::NotifyStaff { message });
    assert_eq!(world.outcome(tomorrow), Some(Outcome::Succeeded));
}

#[test]
fn neither_clock_alone_makes_a_new_day() {
    // Of the terminal.
    let mut world = World::online(1);
    changed(&mut world);
    world.leap(Span::days(1));
    let ahead = world.order(10, hours(9));
    assert_eq!(ended(&world, ahead), (Some(Outcome::Refused), words::JOB_CLOCK));
    world.leap(Span::days(-1));
    let back = world.order(11, hours(9));
    assert_eq!(ended(&world, back), (Some(Outcome::Refused), words::JOB_DAILY_CAP));
    // Of the server.
    world.server.ahead = Span::days(1);
    world.drop_line();
    world.pass(Span::minutes(10));
    let told = world.order(12, hours(9));
    assert_eq!(ended(&world, told), (Some(Outcome::Refused), words::JOB_CLOCK));
    // What puts the clock right is not held up by it.
    let right = world.order(13, Remedy::TimeSource);
    assert_eq!(world.outcome(right), Some(Outcome::Succeeded));
    world.server.ahead = Span(0);
    world.pass(Span::days(1));
    world.drop_line();
    world.pass(Span::minutes(10));
    let tomorrow = world.order(14, hours(9));
    assert_eq!(world.outcome(tomorrow), Some(Outcome::Succeeded));
}

#[test]
fn before_the_server_has_said_its_time_a_full_day_is_waited_for_and_not_refused() {
    let mut world = World::online(1);
    for n in 0..MOST_CHANGES as u8 - 1 {
        world.order(n, hours(n));
    }
    world.stalls = u32::MAX;
    let third = world.offer(8, fast_startup_off());
    let fourth = world.order(9, hours(9));
    world.server.up = false;
    world.drop_line();
    world.stalls = 0;
    world.start();
    world.settle();
    let why = "waits: cannot tell whether the clock is right";
    assert_eq!(evidence(&world, fourth), why);
    world.server.up = true;
    world.pass(Span::minutes(10));
    assert_eq!(world.outcome(third), Some(Outcome::Succeeded));
    assert_eq!(ended(&world, fourth), (Some(Outcome::Refused), words::JOB_DAILY_CAP));
}

#[test]
fn a_yes_of_long_ago_restarts_nothing_by_a_wrong_clock_or_after_two_failures() {
    for (ahead, failures, waits_for) in [
        (Span(0), 0, None),
        (Span(0), 1, None),
        (
            Span::hours(-8),
            0,
            Some("waits: the clock is more than ten minutes off"),
        ),
        (
            Span::minutes(11),
            0,
            Some("waits: the clock is more than ten minutes off"),
        ),
        (
            Span(0),
            2,
            Some("waits: two changes in a row have failed; a person is to look at the terminal"),
        ),
    ] {
        let mut world = ready(Remedy::RestartNow, remedies::steps);
        world.server.ahead = ahead;
        world.settle();
        world.failures = failures;
        for n in 0..failures as u8 {
            let failed = world.order(n, hours(n));
            assert_eq!(world.outcome(failed), Some(Outcome::Failed));
        }
        world.os.set_on_battery(true);
        let job = world.order(10, Remedy::RestartNow);
        // From the afternoon to the night, by this clock.
        world.pass(Span::hours(5));
        world.os.set_on_battery(false);
        world.pass(Span::hours(1));
        assert_eq!(world.os.boots() > 1, waits_for.is_none(), "{ahead:?} {failures}");
        match waits_for {
            None => assert_eq!(world.ends(job), Some(Outcome::Succeeded)),
            Some(why) => {
                assert_eq!(evidence(&world, job), why);
                assert!(kaishin_proto::evidence::words(why).is_some());
            }
        }
    }
}
