//! Nothing changes on a terminal before the person in front of it has said yes, whatever the server sends.

use super::*;
use crate::core::caps::{MOST_CHANGES, MOST_WRONG_CODES};
use crate::core::consent::STEP;
use crate::words;
use kaishin_proto::preview::Verdict;
use v1::job_result::Outcome;

fn code(world: &World, id: JobId) -> &str {
    &world.server.results[&id][0].code
}

fn touched(world: &World) -> bool {
    world.os.peek(Hive::LocalMachine, SESSION_POWER, HIBERBOOT) != Some(RegistryValue::dword(1))
}

fn asked(world: &mut World, answers: impl IntoIterator<Item = Option<Answer>>) -> JobId {
    world.answers = answers.into_iter().collect();
    world.offer(1, fast_startup_off())
}

fn sends_code(world: &mut World, job: JobId) {
    let sent = v1::ConsentCode {
        job_id: job.to_string(),
        code: "0000".into(),
    };
    world.say(Down::ConsentCode(sent));
}

#[test]
fn who_says_no_or_nothing_is_left_alone() {
    let no = Answer::No {
        reason: "a patient is here".into(),
    };
    for (answer, expected) in [(no, words::JOB_SAID_NO), (Answer::NoAnswer, words::JOB_NO_ANSWER)] {
        let mut world = World::online(1);
        let job = asked(&mut world, [Some(answer)]);
        assert_eq!(
            (world.outcome(job), code(&world, job)),
            (Some(Outcome::Refused), expected)
        );
        assert!(!touched(&world) && world.acts.is_empty());
    }
}

#[test]
fn nobody_is_asked_for_what_is_not_for_this_machine() {
    let mut worlds = (1..50).map(World::online);
    let other_model = |world: &World| {
        let preview = remedies::preview(Remedy::ArpOffloadOff, &world.os, &world.around());
        preview.verdict == Verdict::NotApplicable
    };
    let mut world = worlds.find(other_model).expect("most models are others");
    world.answers.push_back(None);
    let unknown = JobId::new(START, [9; 10]);
    for (n, (remedy, expected)) in [
        (Remedy::ArpOffloadOff, words::JOB_NOT_APPLICABLE),
        (Remedy::Undo { job: unknown }, words::JOB_NO_RECORD),
    ]
    .into_iter()
    .enumerate()
    {
        let job = world.order(n as u8 + 1, remedy);
        assert_eq!(
            (world.outcome(job), code(&world, job)),
            (Some(Outcome::Refused), expected)
        );
    }
    assert_eq!(world.answers.len(), 1, "no question was ever shown");
}

#[test]
fn while_nobody_is_there_or_it_does_not_suit_the_job_waits_and_asks_again() {
    let nobody = Answer::NobodyHere {
        why: "signed out".into(),
    };
    let later = Answer::Later {
        reason: "a patient".into(),
        after_hours: false,
    };
    let mut world = World::online(1);
    let job = asked(&mut world, [Some(nobody.clone()), Some(nobody), Some(later)]);
    assert_eq!((world.outcome(job), touched(&world)), (None, false));
    let waits = world
        .server
        .steps
        .iter()
        .filter(|(_, step, phase)| (*step, *phase) == (STEP, v1::job_step::Phase::Waiting));
    assert_eq!(waits.count(), 1, "it is seen to wait");
    world.pass(Span::minutes(3));
    assert_eq!((world.outcome(job), touched(&world)), (None, false));
    world.pass(Span::minutes(30));
    assert_eq!((world.outcome(job), touched(&world)), (Some(Outcome::Succeeded), true));
}

#[test]
fn a_question_that_stands_goes_with_its_job() {
    let mut world = World::online(1);
    let job = asked(&mut world, [None]);
    world.say(Down::JobCancel(v1::JobCancel {
        job_id: job.to_string(),
    }));
    assert_eq!(world.outcome(job), Some(Outcome::Cancelled));
    world.tell(Event::Said {
        job,
        answer: Answer::Yes { how: How::Button },
    });
    assert!(!touched(&world), "a yes that comes too late is none");
    let mut world = World::online(1);
    let job = asked(&mut world, [None]);
    world.pass(Span::days(7));
    assert_eq!((world.outcome(job), touched(&world)), (Some(Outcome::Expired), false));
}

#[test]
fn an_answer_to_another_question_answers_nothing() {
    let mut world = World::online(1);
    let job = asked(&mut world, [None]);
    let other = JobId::new(START, [77; 10]);
    world.tell(Event::Said {
        job: other,
        answer: Answer::Yes { how: How::Button },
    });
    sends_code(&mut world, other);
    assert_eq!((world.outcome(job), touched(&world)), (None, false));
}

#[test]
fn three_wrong_codes_end_a_job_even_across_restarts() {
    let mut world = World::online(1);
    let job = asked(&mut world, [None, None]);
    sends_code(&mut world, job);
    sends_code(&mut world, job);
    assert_eq!(world.outcome(job), None);
    world.start();
    world.settle();
    sends_code(&mut world, job);
    assert_eq!(
        (world.outcome(job), code(&world, job)),
        (Some(Outcome::Refused), words::JOB_WRONG_CODE)
    );
    assert!(!touched(&world));
}

#[test]
fn who_guesses_codes_over_many_jobs_is_not_heard_any_more_that_day() {
    let mut world = World::online(1);
    for n in 0..3 {
        world.answers = VecDeque::from([None]);
        let job = world.offer(n, fast_startup_off());
        for _ in 0..3 {
            sends_code(&mut world, job);
        }
        let heard = (u32::from(n) + 1) * 3 <= MOST_WRONG_CODES;
        assert_eq!(world.outcome(job).is_some(), heard, "job {n}");
    }
    assert!(!touched(&world));
}

#[test]
fn three_changes_are_made_in_a_day_and_no_restart_of_the_agent_makes_more() {
    let mut world = World::online(1);
    let hours = |n: u8| Remedy::ActiveHours { start: 6 + n, end: 20 };
    let mut jobs = Vec::new();
    for n in 0..=MOST_CHANGES as u8 {
        jobs.push(world.order(n, hours(n)));
        world.start();
        world.settle();
    }
    let last = jobs.pop().unwrap();
    for job in jobs {
        assert_eq!(world.outcome(job), Some(Outcome::Succeeded));
    }
    assert_eq!(
        (world.outcome(last), code(&world, last)),
        (Some(Outcome::Refused), words::JOB_DAILY_CAP)
    );
    world.pass(Span::days(1));
    let tomorrow = world.order(9, hours(9));
    assert_eq!(world.outcome(tomorrow), Some(Outcome::Succeeded));
}

#[test]
fn who_is_asked_after_two_failures_is_told_of_them() {
    let mut world = World::online(1);
    world.os.deny(Hive::LocalMachine, SESSION_POWER);
    for n in 0..2 {
        let job = world.offer(n, fast_startup_off());
        assert_eq!(world.outcome(job), Some(Outcome::Failed));
    }
    world.os.allow(Hive::LocalMachine, SESSION_POWER);
    world.effects.clear();
    let job = world.offer(5, fast_startup_off());
    assert!(world.effects.iter().any(|effect| effect.contains("failures: 2")));
    assert_eq!(world.outcome(job), Some(Outcome::Succeeded));
    assert_eq!(world.core().book().tally().failures(), 0);
}

#[test]
fn a_no_is_a_no_wherever_the_power_goes() {
    for n in 1.. {
        let mut world = World::with_playbook(3, remedies::steps);
        world.answers = vec![Some(Answer::No { reason: String::new() }); 9].into();
        world.cut_at = Some(n);
        world.settle();
        let job = world.offer(1, fast_startup_off());
        world.pass(Span::minutes(30));
        assert!(!touched(&world), "cut at {n}");
        assert_eq!(world.outcome(job), Some(Outcome::Refused), "cut at {n}");
        if world.points < n {
            assert!(n > 20);
            break;
        }
    }
}

#[test]
fn who_wants_it_after_reception_is_not_asked_again_before_its_end() {
    for (closes, asked_again) in [(12 * 60, Span::minutes(30)), (20 * 60, Span::hours(3))] {
        let mut world = World::new(1);
        // It is five in the afternoon.
        world.kept_hours = Hours::of((0..7).map(|day| (day, vec![(9 * 60, closes)]))).unwrap();
        world.start();
        world.settle();
        let later = Answer::Later {
            reason: "after closing".into(),
            after_hours: true,
        };
        let job = asked(&mut world, [Some(later)]);
        world.pass(Span(asked_again.0 - 1));
        assert_eq!((world.outcome(job), touched(&world)), (None, false), "until {closes}");
        world.pass(Span::minutes(1));
        assert_eq!(world.outcome(job), Some(Outcome::Succeeded), "until {closes}");
    }
}
