//! What a remedy would do, asked before it is ordered.

use super::*;
use crate::words;
use v1::plan_reply::Verdict;

fn question(number: u64, remedy: Remedy) -> v1::PlanRequest {
    v1::PlanRequest {
        number,
        remedy: Some(remedy_to_wire(remedy)),
    }
}

fn answers(world: &World) -> Vec<v1::PlanReply> {
    world.sent(|up| match up {
        Up::PlanReply(reply) => Some(reply.clone()),
        Up::Hello(_)
        | Up::Facts(_)
        | Up::JobEvents(_)
        | Up::Heartbeat(_)
        | Up::CertificateRequest(_)
        | Up::ProbeReply(_)
        | Up::CallCodeRequest(_)
        | Up::Goodbye(_) => None,
    })
}

#[test]
fn a_question_is_answered_from_the_machine_as_it_is_and_nothing_is_written_or_journalled() {
    let mut world = World::online(1);
    let journal = world.durable.len();
    world.say(Down::PlanRequest(question(7, Remedy::FastStartupOff)));
    let [told] = &answers(&world)[..] else {
        panic!("one answer")
    };
    assert_eq!((told.number, told.verdict()), (7, Verdict::WouldChange));
    let change = &told.changes[0];
    assert_eq!(
        (change.what.as_str(), change.from.as_str(), change.to.as_str()),
        ("HiberbootEnabled", "1", "0")
    );
    assert_eq!((world.os.writes(), world.durable.len()), (0, journal));
    assert!(world.acts.is_empty() && world.unsynced.is_empty());
    world.offer(1, fast_startup_off());
    world.say(Down::PlanRequest(question(8, Remedy::FastStartupOff)));
    assert_eq!(answers(&world)[1].verdict(), Verdict::AlreadyFine);
}

#[test]
fn a_question_is_answered_while_a_job_waits() {
    let mut world = World::online(1);
    world.stalls = u32::MAX;
    let job = world.offer(1, fast_startup_off());
    world.say(Down::PlanRequest(question(7, Remedy::FastStartupOff)));
    assert_eq!(answers(&world)[0].verdict(), Verdict::WouldChange);
    assert_eq!((world.outcome(job), world.os.writes()), (None, 0));
}

#[test]
fn a_question_is_looked_at_while_a_step_is_under_way_and_takes_no_turn() {
    let mut world = World::online(1);
    let (now, offer) = (world.now, fast_startup_off());
    let offer = v1::JobOffer {
        job_id: JobId::new(START, [1; 10]).to_string(),
        attempt: 1,
        deadline_us: i64::MAX,
        remedy: Some(v1::Remedy { kind: Some(offer) }),
    };
    let job = JobId::new(START, [1; 10]);
    world.core().handle(Event::Received(Down::JobOffer(offer)), now);
    let answer = Answer::Yes { how: How::Button };
    let begun = world.core().handle(Event::Said { job, answer }, now);
    assert!(
        begun
            .iter()
            .any(|effect| matches!(effect, Effect::Work(Work::Act { .. })))
    );
    let mut ask = |number| {
        let question = Down::PlanRequest(question(number, Remedy::TimeSource));
        world.core().handle(Event::Received(question), now)
    };
    assert!(matches!(ask(1)[..], [Effect::Plan(Remedy::TimeSource)]), "at once");
    assert!(ask(2).is_empty(), "one after the other");
    for number in 3..=17 {
        assert!(ask(number).is_empty());
    }
    let refused = ask(18);
    let [Effect::Send(Up::PlanReply(reply))] = &refused[..] else {
        panic!("too many at once are answered: {refused:?}");
    };
    assert_eq!((reply.number, reply.verdict()), (18, Verdict::Unknown));
    assert!(reply.reason.contains(words::JOB_MANY_QUESTIONS));
    let preview = remedies::preview(Remedy::TimeSource, &world.os, &world.around());
    let next = world.core().handle(Event::Planned(preview), now);
    assert!(
        matches!(&next[..], [Effect::Send(Up::PlanReply(reply)), Effect::Plan(_)] if reply.number == 1),
        "{next:?}"
    );
}

#[test]
fn a_remedy_that_this_agent_does_not_know_is_unknown_and_a_broken_line_forgets_the_question() {
    let mut world = World::online(1);
    let strange = v1::PlanRequest {
        number: 5,
        remedy: Some(v1::Remedy { kind: None }),
    };
    world.say(Down::PlanRequest(strange));
    let told = &answers(&world)[0];
    assert!(told.verdict() == Verdict::Unknown && told.reason.contains(words::JOB_UNKNOWN));
    let now = world.now;
    let question = |number| Event::Received(Down::PlanRequest(question(number, Remedy::TimeSource)));
    world.core().handle(question(6), now);
    world.core().handle(question(7), now);
    world.core().handle(Event::Closed(Failure::Line("cut".into())), now);
    let late = Event::Planned(kaishin_proto::preview::Preview::of([]));
    let effects = world.core().handle(late, now);
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::Plan(_) | Effect::Send(_)))
    );
}
