use std::collections::VecDeque;

use kaishin_proto::clock::Clock;

use super::super::Story;
use super::*;
use crate::facts::About;
use crate::os::Hive;
use crate::os::sim::{Sim, Updates};

fn evening(fails: &[u32], takes: Span) -> (Sim, Clock) {
    let clock = Clock::manual(Time::parse("2027-01-15T21:00:00+09:00").unwrap());
    let sim = Sim::new(1, 1, clock.clone());
    sim.remove_key(
        Hive::LocalMachine,
        r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired",
    );
    sim.set_updates(Updates {
        waiting: 3,
        takes,
        fails: VecDeque::from(fails.to_vec()),
    });
    (sim, clock)
}

/// What was told on the way, and how long it took.
fn run(sim: &Sim, clock: &Clock) -> (Vec<String>, Result<Done, Failed>) {
    let mut told = Vec::new();
    let mut story = Story::default();
    loop {
        let around = Around {
            about: About::new("0.1.0", clock.now()),
            now: clock.now(),
            story: story.clone(),
            told: crate::remedies::Told::default(),
        };
        match WindowsUpdateRun.act("run", sim, &around) {
            Ok(Acted::Again { after, evidence }) => {
                if told.last() != Some(&evidence) {
                    told.push(evidence);
                }
                story.waited = true;
                clock.advance(after);
            }
            Ok(Acted::Done(done)) => {
                let verified = verify(sim, &around).unwrap();
                assert!(matches!(verified, Acted::Done(Done { observed, .. }) if observed.len() == 2));
                return (told, Ok(done));
            }
            Err(failed) => return (told, Err(failed)),
        }
    }
}

#[test]
fn updates_that_take_days_are_waited_for_and_the_restart_they_need_is_told() {
    let (sim, clock) = evening(&[], Span::hours(20));
    let began = clock.now();
    let (told, done) = run(&sim, &clock);
    let stages = ["searching for updates", "downloading 3 updates", "installing 3 updates"];
    assert_eq!(told, stages);
    assert_eq!(done.unwrap().evidence, "3 updates installed");
    assert!(clock.now().since(began) >= Span::hours(60));
    assert_eq!(boot::restart_pending(&sim), Ok(true));
    let (_, again) = run(&sim, &clock);
    assert_eq!(again.unwrap().evidence, "no update was left to install");
}

#[test]
fn what_a_run_that_was_given_up_came_to_is_not_the_end_of_the_next() {
    for fails in [&[][..], &[0x8007_0070]] {
        let (sim, clock) = evening(fails, Span::minutes(10));
        // A job that was cancelled while it waited.
        sim.update_start().unwrap();
        clock.advance(Span::hours(2));
        let began = clock.now();
        let (told, done) = run(&sim, &clock);
        assert_eq!(told[0], "searching for updates");
        assert!(clock.now().since(began) >= Span::minutes(10), "it searched by itself");
        let installed = if fails.is_empty() {
            "no update was left to install"
        } else {
            "3 updates installed"
        };
        assert_eq!(done.unwrap().evidence, installed);
    }
}

#[test]
fn what_failed_on_the_way_is_tried_again_when_nobody_is_received() {
    let (sim, clock) = evening(&[0x8007_2efd, 0x8024_4022], Span::minutes(10));
    let (told, done) = run(&sim, &clock);
    assert!(done.is_ok());
    let retries: Vec<_> = told.iter().filter(|told| told.starts_with("waits: 0x")).collect();
    assert_eq!(retries.len(), 2, "{told:?}");
    assert!(retries[0].contains("0x80072EFD") && retries[0].contains("更新サーバーに接続できません"));
    assert!(retries[0].ends_with("tries again at 22:00"), "{retries:?}");
    let around = Around {
        about: About::new("0.1.0", clock.now()),
        now: Time::parse("2027-01-15T10:00:00+09:00").unwrap(),
        story: Story::default(),
        told: crate::remedies::Told::default(),
    };
    assert_eq!(Some(next_try(&around)), Time::parse("2027-01-15T19:00:00+09:00"));
}

#[test]
fn what_needs_a_person_fails_with_its_reason_in_words() {
    for (code, words_in_it) in [
        (0x8007_0070, "the disk is full"),
        (0x8024_002e, "forbidden by policy"),
        (0x8007_2f8f, "clock"),
        (0x8000_4005, "not known here"),
    ] {
        let (sim, clock) = evening(&[code], Span::minutes(10));
        let (_, done) = run(&sim, &clock);
        let failed = done.unwrap_err();
        assert_eq!(failed.code, words::JOB_UPDATE_FAILED);
        assert!(failed.detail.starts_with(&format!("0x{code:08X}")) && failed.detail.contains(words_in_it));
    }
}
