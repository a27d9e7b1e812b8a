//! Taking, doing, cancelling and telling of work.

use super::*;
use crate::remedies::Done;
use crate::words;
use v1::job_result::Outcome;

fn yes(job: JobId) -> Event {
    Event::Said {
        job,
        answer: Answer::Yes { how: How::Button },
    }
}

fn code(world: &World, id: JobId) -> String {
    world.server.results[&id][0].code.clone()
}

#[test]
fn fast_startup_is_turned_off_and_its_proof_goes_up_before_its_result() {
    let mut world = World::online(1);
    let id = world.offer(1, fast_startup_off());
    assert_eq!(world.outcome(id), Some(Outcome::Succeeded));
    assert_eq!(world.fact("power.fast_startup"), Some(Value::Truth(false)));
    let undo = world.server.results[&id][0].undo.clone().unwrap().registry;
    assert_eq!(
        (undo[0].existed, undo[0].bytes.as_slice()),
        (true, &1u32.to_le_bytes()[..])
    );
    use v1::job_step::Phase::{Done, Intent};
    let steps: Vec<_> = world
        .server
        .steps
        .iter()
        .map(|(_, number, phase)| (*number, *phase))
        .collect();
    assert_eq!(
        steps,
        [
            (0, Intent),
            (0, Done),
            (1, Intent),
            (1, Done),
            (2, Intent),
            (2, Done),
            (3, Intent),
            (3, Done)
        ]
    );
}

#[test]
fn a_terminal_that_was_offered_the_same_job_twice_does_it_once_and_answers_again() {
    let mut world = World::online(1);
    let id = world.offer(1, fast_startup_off());
    let offer = world.server.offers[&id].clone();
    world.say(Down::JobOffer(offer.clone()));
    world.say(Down::JobOffer(v1::JobOffer { attempt: 2, ..offer }));
    assert_eq!(world.acts[&(id, 1)], 1);
    let results = &world.server.results[&id];
    assert!(results.len() == 3 && results.iter().all(|result| *result == results[0]));
}

#[test]
fn what_this_agent_does_not_know_or_what_comes_too_late_is_answered_and_not_done() {
    let mut world = World::online(1);
    let strange = JobId::new(START, [9; 10]);
    let offer = v1::JobOffer {
        job_id: strange.to_string(),
        attempt: 1,
        deadline_us: i64::MAX,
        remedy: Some(v1::Remedy { kind: None }),
    };
    world.server.offers.insert(strange, offer.clone());
    world.say(Down::JobOffer(offer.clone()));
    assert_eq!(
        (world.outcome(strange), code(&world, strange).as_str()),
        (Some(Outcome::Refused), words::JOB_UNKNOWN)
    );

    let late = JobId::new(START, [8; 10]);
    let remedy = Some(v1::Remedy {
        kind: Some(fast_startup_off()),
    });
    let offer = v1::JobOffer {
        job_id: late.to_string(),
        deadline_us: world.now.micros(),
        remedy,
        ..offer
    };
    world.server.offers.insert(late, offer.clone());
    world.say(Down::JobOffer(offer.clone()));
    assert_eq!(
        (world.outcome(late), code(&world, late).as_str()),
        (Some(Outcome::Expired), words::JOB_TOO_LATE)
    );
    world.say(Down::JobOffer(v1::JobOffer {
        job_id: "../../etc".into(),
        ..offer
    }));
    assert!(world.acts.is_empty());
}

#[test]
fn a_failing_machine_fails_the_job_with_its_reason_and_the_next_job_runs() {
    let mut world = World::online(1);
    world.os.deny(Hive::LocalMachine, SESSION_POWER);
    let denied = world.offer(1, fast_startup_off());
    assert_eq!(
        (world.outcome(denied), code(&world, denied).as_str()),
        (Some(Outcome::Failed), words::JOB_NO_PERMISSION)
    );
    world.os.allow(Hive::LocalMachine, SESSION_POWER);
    let allowed = world.offer(2, fast_startup_off());
    assert_eq!(world.outcome(allowed), Some(Outcome::Succeeded));
}

#[test]
fn results_wait_for_a_line_and_go_up_again_until_they_are_acknowledged() {
    let mut world = World::online(1);
    world.server.acknowledges = false;
    let id = world.offer(1, fast_startup_off());
    world.drop_line();
    world.pass(Span::minutes(10));
    assert!(world.server.results[&id].len() >= 2);
    world.server.acknowledges = true;
    world.drop_line();
    world.pass(Span::minutes(10));
    let told = world.server.results[&id].len();
    world.drop_line();
    world.pass(Span::minutes(10));
    assert_eq!(world.server.results[&id].len(), told);
    assert_eq!(world.core().book().outbox(0).count(), 0);
}

#[test]
fn a_cancelled_job_ends_between_its_steps_and_says_what_it_had_changed() {
    // By hand, because the model's machine is too quick to be interrupted.
    let mut world = World::online(1);
    let id = JobId::new(START, [1; 10]);
    let offer = v1::JobOffer {
        job_id: id.to_string(),
        attempt: 1,
        deadline_us: i64::MAX,
        remedy: Some(v1::Remedy {
            kind: Some(fast_startup_off()),
        }),
    };
    let now = world.now;
    let around = Around {
        about: About::new("0.1.0", START),
        now,
        story: Story::default(),
        told: Told::default(),
    };
    let core = world.core.as_mut().unwrap();
    core.handle(Event::Received(Down::JobOffer(offer)), now);
    core.handle(yes(id), now);
    for step in ["read-before", "write-registry"] {
        if step == "write-registry" {
            core.handle(
                Event::Received(Down::JobCancel(v1::JobCancel { job_id: id.to_string() })),
                now,
            );
        }
        core.handle(
            Event::Acted(remedies::act(Remedy::FastStartupOff, step, &world.os, &around)),
            now,
        );
    }
    let finish = core.book().job(id).unwrap().finish().cloned().unwrap();
    assert_eq!((finish.outcome, finish.undo.len()), (book::Outcome::Cancelled, 1));
}

#[test]
fn a_job_that_waits_is_passed_by_what_only_reads_and_keeps_its_turn_before_what_changes() {
    let mut world = World::online(1);
    world.stalls = 3;
    let waiting = world.offer(1, fast_startup_off());
    let (later, reading) = (
        world.order(2, Remedy::ActiveHours { start: 6, end: 21 }),
        world.offer(3, refresh_facts()),
    );
    assert_eq!(world.outcome(reading), Some(Outcome::Succeeded));
    assert_eq!((world.outcome(waiting), world.outcome(later)), (None, None));
    world.pass(Span::minutes(10));
    for job in [waiting, later] {
        assert_eq!(world.outcome(job), Some(Outcome::Succeeded));
    }
    let waits = |(job, _, phase): &&(JobId, u32, v1::job_step::Phase)| {
        *job == waiting && *phase == v1::job_step::Phase::Waiting
    };
    assert_eq!(
        world.server.steps.iter().filter(waits).count(),
        1,
        "the same reason is told once"
    );
    let order: Vec<&JobId> = world.server.results.keys().collect();
    assert_eq!(order.len(), 3);
}

#[test]
fn who_waits_hears_a_cancel_and_the_deadline_and_a_restart_looks_again_at_once() {
    let mut world = World::online(1);
    world.stalls = u32::MAX;
    let cancelled = world.offer(1, fast_startup_off());
    world.say(Down::JobCancel(v1::JobCancel {
        job_id: cancelled.to_string(),
    }));
    assert_eq!(world.outcome(cancelled), Some(Outcome::Cancelled));
    let late = world.offer(2, fast_startup_off());
    world.pass(Span::days(7));
    assert_eq!(world.outcome(late), Some(Outcome::Expired));
    let again = world.offer(3, fast_startup_off());
    assert_eq!(world.outcome(again), None);
    world.stalls = 0;
    world.start();
    world.settle();
    assert_eq!(world.outcome(again), Some(Outcome::Succeeded));
}

#[test]
fn only_so_much_work_waits_on_one_terminal() {
    let mut world = World::online(1);
    let now = world.now;
    let core = world.core.as_mut().unwrap();
    for n in 0..200 {
        let offer = v1::JobOffer {
            job_id: JobId::new(START, [n; 10]).to_string(),
            attempt: 1,
            deadline_us: i64::MAX,
            remedy: Some(v1::Remedy {
                kind: Some(fast_startup_off()),
            }),
        };
        core.handle(Event::Received(Down::JobOffer(offer)), now);
    }
    let refused = core.book().held().filter(|(_, job)| job.is_finished()).count();
    assert_eq!(
        refused, 32,
        "and only so many answers wait for a server that takes none"
    );
}

#[test]
fn what_is_asked_again_and_again_is_kept_once() {
    let mut world = World::online(1);
    world.server.acknowledges = false;
    let done = world.offer(1, fast_startup_off());
    world.answers.push_back(None);
    let asked = world.order(2, Remedy::TimeSource);
    let (told, kept) = (
        world.core().book().outbox(0).count(),
        world.core().book().clone().compact().len(),
    );
    for attempt in 2..500 {
        for job in [done, asked] {
            let offer = v1::JobOffer {
                attempt,
                ..world.server.offers[&job].clone()
            };
            world.say(Down::JobOffer(offer));
        }
    }
    let cancel = v1::JobCancel {
        job_id: asked.to_string(),
    };
    for _ in 0..100 {
        world.say(Down::JobCancel(cancel.clone()));
    }
    assert!(world.core().book().outbox(0).count() <= told + 2);
    assert!(world.core().book().clone().compact().len() <= kept + 4);
    assert_eq!(world.outcome(asked), Some(Outcome::Cancelled));
}

#[test]
fn a_step_under_way_is_let_finish_before_the_agent_ends() {
    let mut world = World::online(1);
    let id = JobId::new(START, [1; 10]);
    let offer = v1::JobOffer {
        job_id: id.to_string(),
        attempt: 1,
        deadline_us: i64::MAX,
        remedy: Some(v1::Remedy {
            kind: Some(fast_startup_off()),
        }),
    };
    let now = world.now;
    let core = world.core.as_mut().unwrap();
    core.handle(Event::Received(Down::JobOffer(offer)), now);
    core.handle(yes(id), now);
    let exits = |effects: Vec<Effect>| effects.iter().any(|effect| matches!(effect, Effect::Exit));
    assert!(!exits(core.handle(Event::Stop, now)));
    let effects = core.handle(Event::Acted(Ok(Done::default().into())), now);
    let journal = effects
        .iter()
        .position(|effect| matches!(effect, Effect::Journal { .. }));
    let close = effects.iter().position(|effect| matches!(effect, Effect::Close));
    assert!(journal < close && journal.is_some() && exits(effects));
}
