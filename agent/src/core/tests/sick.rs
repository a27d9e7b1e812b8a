//! Every call to the machine fails once in turn, in every remedy: the job ends and says how, and the machine is not left worse.

use kaishin_proto::remedy::{Class, Restart};

use super::crashes::ready;
use super::*;
use crate::os::OsError;
use crate::remedies::edge_extension_swap::tests as edge_extension_swap;
use v1::job_result::Outcome;

const FIRST: u8 = 9;

/// Every remedy, and taking back each that can be, with what is done before it.
fn all() -> impl Iterator<Item = (Option<Remedy>, Remedy)> {
    let every = || Remedy::ALL.into_iter().chain([edge_extension_swap::MANAGED]);
    let job = JobId::new(START, [FIRST; 10]);
    // The browser has a part in taking the swap back: where its proof failed, a second try at that is refused.
    let undoable = |remedy: &Remedy| remedy.about().undo && !matches!(remedy, Remedy::EdgeExtensionSwap { .. });
    let undone = every().filter(undoable);
    every()
        .map(|remedy| (None, remedy))
        .chain(undone.map(move |first| (Some(first), Remedy::Undo { job })))
}

/// A job in which the `call`th call to the machine fails; `None` when it never came to that.
fn with_a_failure_at(first: Option<Remedy>, remedy: Remedy, call: u64) -> Option<(World, JobId)> {
    let mut world = ready(first.unwrap_or(remedy), remedies::steps);
    if let Remedy::Guided(procedure) = remedy {
        guided::leaves(&world.os, &world.around(), procedure, false);
    }
    world.settle();
    if let Some(first) = first {
        let done = world.order(FIRST, first);
        assert_eq!(world.ends(done), Some(Outcome::Succeeded), "{first:?}");
    }
    let before = world.os.calls();
    world.os.fail_call(call, OsError::failed("a sick disk"));
    let job = world.order(1, remedy);
    world.ends(job);
    (world.os.calls() - before >= call).then_some((world, job))
}

#[test]
fn every_call_may_fail_once_in_every_remedy() {
    for (first, remedy) in all() {
        let mut failures = 0;
        for call in 1.. {
            let Some((mut world, job)) = with_a_failure_at(first, remedy, call) else {
                assert!(call > 1, "{remedy:?}: nothing of the machine was asked");
                break;
            };
            let ended = world.outcome(job);
            assert!(ended.is_some(), "{remedy:?}, call {call}: it never ends");
            assert_ne!(ended, Some(Outcome::Expired), "{remedy:?}, call {call}");
            failures += usize::from(ended == Some(Outcome::Failed));
            let restarts = u32::from(remedy.about().restart == Restart::Made);
            assert!(world.os.boots() <= 1 + restarts, "{remedy:?}, call {call}");
            if ended == Some(Outcome::Failed) {
                if world.os.boots() > 1 {
                    // That was the day's restart.
                    world.pass(Span::days(1));
                }
                // Nothing else stands in the way of the next try.
                let again = world.order(2, remedy);
                let ended = world.ends(again);
                assert_eq!(ended, Some(Outcome::Succeeded), "{first:?} {remedy:?}, call {call}");
            }
        }
        let told = failures > 0 || remedy.class() == Class::Read || matches!(remedy, Remedy::Guided(_));
        assert!(told, "{remedy:?}: a failing machine was never told of");
    }
}

#[test]
fn a_job_that_waits_does_not_end_because_one_look_went_wrong_and_two_in_a_row_end_it() {
    for (failures, ends) in [(1, Outcome::Succeeded), (2, Outcome::Failed)] {
        let mut world = World::online(1);
        world.stalls = 1;
        let job = world.order(1, Remedy::FastStartupOff);
        world.failures = failures;
        world.pass(Span::minutes(1));
        assert_eq!(world.outcome(job), None, "{failures}");
        let Some(book::What::Waits { evidence, .. }) = world.core().book().job(job).unwrap().last() else {
            panic!("{failures}: it does not wait");
        };
        let told = kaishin_proto::evidence::words(evidence).expect("in words");
        assert!(
            told.ja.contains("もう一度") && told.en.contains("a sick disk"),
            "{told:?}"
        );
        world.pass(Span::minutes(5));
        assert_eq!(world.outcome(job), Some(ends), "{failures}");
    }
}
