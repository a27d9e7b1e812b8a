//! What only a person can do, with the power going at any moment of it.

use kaishin_proto::remedy::Procedure;

use super::crashes::{ready, story_in};
use super::*;
use crate::os::{Account, Share};
use crate::words;
use v1::job_result::Outcome;

/// What the procedure is about, as a person leaves it: right, or not yet.
pub(super) fn leaves(os: &Sim, around: &Around, procedure: Procedure, right: bool) {
    let profile = &around.about.profile;
    match procedure {
        Procedure::DisplayScale => {
            // A person is not stopped by a call that fails.
            for user in os.users().or_else(|_| os.users()).expect("users") {
                let metrics = user.key(r"Control Panel\Desktop\WindowMetrics");
                let dots = RegistryValue::dword(if right { 96 } else { 144 });
                os.poke(Hive::Users, &metrics, "AppliedDPI", Some(dots));
            }
        }
        Procedure::ShareRepair => {
            let share = |path: &String| Share {
                name: "x".into(),
                path: path.clone(),
            };
            os.set_shares(if right {
                profile.shares.iter().map(share).collect()
            } else {
                Vec::new()
            });
        }
        Procedure::AccountCheck => os.set_account(Some(Account {
            name: profile.account.clone(),
            sid: "S-1-5-21-1-2-3-1001".into(),
            enabled: true,
            admin: Ok(right),
            password_changed: Ok(START),
            password_expires: Ok(None),
        })),
        Procedure::TaskRepair if right => {
            let healthy = (0..50).map(|n| Sim::new(n, 1, Clock::manual(START)));
            let is_fine = |other: &Sim| {
                let preview = remedies::preview(Remedy::Guided(procedure), other, around);
                preview.verdict == kaishin_proto::preview::Verdict::AlreadyFine
            };
            let other = healthy.into_iter().find(is_fine).expect("a terminal with sound tasks");
            for task in other.tasks().expect("tasks") {
                os.put_task(task);
            }
        }
        Procedure::TaskRepair => os.remove_tasks(),
        // No fact tells of these.
        Procedure::CertificateBackup | Procedure::CardReaderPowerCycle => {}
    }
}

#[test]
fn the_power_may_go_anywhere_while_a_person_is_guided() {
    for procedure in Procedure::ALL {
        let remedy = Remedy::Guided(procedure);
        for n in 1.. {
            let world = ready(remedy, remedies::steps);
            leaves(&world.os, &world.around(), procedure, false);
            let (world, jobs, came) = story_in(world, remedy, &[n]);
            for job in &jobs {
                let results = &world.server.results[job];
                assert!(results.iter().all(|result| *result == results[0]), "{results:?}");
                assert_eq!(
                    world.outcome(*job),
                    Some(Outcome::Succeeded),
                    "{procedure:?}: {results:?}"
                );
            }
            let waited = world.acts.iter().any(|((job, _), acts)| *job == jobs[0] && *acts > 1);
            assert!(
                waited || procedure.about().facts.is_empty(),
                "{procedure:?}: there was nothing to do"
            );
            if !came {
                assert!(n > 30, "{procedure:?}: the story has only {n} points");
                break;
            }
        }
    }
}

#[test]
fn what_the_person_leaves_undone_is_no_success() {
    let mut world = ready(Remedy::Guided(Procedure::ShareRepair), remedies::steps);
    world.os.set_shares(Vec::new());
    let job = world.order(1, Remedy::Guided(Procedure::ShareRepair));
    // The share goes again between the person's work and the look that proves it.
    for _ in 0..20 {
        world.pass(Span::seconds(2));
        world.os.set_shares(Vec::new());
    }
    let ended = world.outcome(job);
    assert!(ended.is_none() || ended == Some(Outcome::Failed), "{ended:?}");
    if ended.is_some() {
        assert_eq!(world.server.results[&job][0].code, words::JOB_NOT_VERIFIED);
    }
}
