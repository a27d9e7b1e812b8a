//! The power goes between any two effects; nothing is done twice that must not be, nothing is lost, nothing is told twice
//! in two ways.

use kaishin_proto::preview::Verdict;
use kaishin_proto::remedy::{Record, Restart, Strategy};
use proptest::prelude::*;

use super::*;
use crate::remedies::edge_extension_swap::tests as edge_extension_swap;
use crate::remedies::{Repeat, Step};

/// The same remedies, with a writing step that must never happen twice and leaves no trace to look for.
fn once(remedy: Remedy) -> &'static [Step] {
    const STEPS: &[Step] = &[
        Step {
            name: "read-before",
            repeat: Repeat::Idempotent,
        },
        Step {
            name: "write-registry",
            repeat: Repeat::Once,
        },
        Step {
            name: "verify",
            repeat: Repeat::Idempotent,
        },
    ];
    match remedy {
        Remedy::FastStartupOff => STEPS,
        Remedy::RefreshFacts
        | Remedy::ArpOffloadOff
        | Remedy::ActiveHours { .. }
        | Remedy::TimeSource
        | Remedy::WindowsUpdateMode { .. }
        | Remedy::PowerSettings
        | Remedy::ProxyRepair
        | Remedy::DailyRestart { .. }
        | Remedy::Undo { .. } => remedies::steps(remedy),
        Remedy::RestartNow
        | Remedy::WindowsUpdateRun
        | Remedy::DistributionAppRefresh
        | Remedy::ConnectionCheck
        | Remedy::CollectRecord { .. }
        | Remedy::NotifyStaff { .. }
        | Remedy::Guided(_)
        | Remedy::EdgeExtensionSwap { .. } => remedies::steps(remedy),
    }
}

const WRITE: usize = 1;

/// Two jobs, with the power going at these points, each counted from the start before it. True when all of them came.
fn story(playbook: Playbook, cuts: &[usize]) -> (World, Vec<JobId>, bool) {
    story_of(Remedy::FastStartupOff, playbook, cuts)
}

fn story_of(remedy: Remedy, playbook: Playbook, cuts: &[usize]) -> (World, Vec<JobId>, bool) {
    story_in(ready(remedy, playbook), remedy, cuts)
}

/// A machine on which this remedy has something to do, with people who agree to everything.
pub(super) fn ready(remedy: Remedy, playbook: Playbook) -> World {
    let mut world = World::with_playbook(3, playbook);
    world.needs_everything();
    // Whoever waits for people or for updates only waits; that is tried elsewhere.
    world.os.set_answer(crate::os::Heard::Agreed);
    world.os.set_updates(crate::os::sim::Updates {
        waiting: 2,
        takes: Span::minutes(1),
        fails: VecDeque::new(),
    });
    needs_the_swap(&mut world, remedy, edge_extension_swap::MIXED);
    if remedy == Remedy::DistributionAppRefresh {
        world.os.put_task(crate::os::TaskSeen {
            path: r"\OQS_exec_distroappstart".into(),
            xml: Err(crate::os::OsError::not_found("nobody asks")),
            enabled: true,
            last_result: 0,
            last_run: None,
            next_run: None,
        });
    }
    world
}

pub(super) fn story_in(mut world: World, remedy: Remedy, cuts: &[usize]) -> (World, Vec<JobId>, bool) {
    let mut left = cuts.iter().copied();
    let mut arm = |world: &mut World| {
        let next = left.next();
        world.cut_at = next.map(|next| world.points + next);
        next.is_some()
    };
    arm(&mut world);
    world.settle();
    let jobs = vec![world.order(1, remedy), world.offer(2, refresh_facts())];
    let mut more = true;
    for _ in 0..200 {
        if world.cut_at.is_some_and(|at| world.points >= at) {
            more = arm(&mut world);
        }
        world.pass(Span::minutes(1));
        if jobs.iter().all(|job| world.outcome(*job).is_some()) && world.cut_at.is_none_or(|at| world.points < at) {
            world.pass(Span::minutes(20));
            break;
        }
    }
    let all_came = !more || world.cut_at.is_none_or(|at| world.points >= at);
    (world, jobs, all_came)
}

fn needs_the_swap(world: &mut World, remedy: Remedy, old: edge_extension_swap::Old) {
    let Remedy::EdgeExtensionSwap { strategy } = remedy else {
        return;
    };
    world.profile = Some(edge_extension_swap::replaced(old));
    world.os.set_hands(edge_extension_swap::QUICK);
    match strategy {
        Strategy::Assisted => edge_extension_swap::dragged(&world.os, old),
        Strategy::Managed => edge_extension_swap::forced(&world.os, old),
    }
}

fn holds(world: &World, jobs: &[JobId], playbook: Playbook) {
    holds_for(Remedy::FastStartupOff, world, jobs, playbook);
}

fn holds_for(remedy: Remedy, world: &World, jobs: &[JobId], playbook: Playbook) {
    for job in jobs {
        let results = world.server.results.get(job).expect("every job reaches its end");
        assert!(
            results.iter().all(|result| *result == results[0]),
            "two results of one job: {results:?}"
        );
        assert!(
            Book::replay(world.durable.clone())
                .job(*job)
                .is_some_and(|held| held.is_finished())
        );
    }
    for (step, _) in playbook(remedy)
        .iter()
        .enumerate()
        .filter(|(_, step)| step.repeat == Repeat::Once)
    {
        let acts = world.acts.get(&(jobs[0], step)).copied().unwrap_or(0);
        assert!(acts <= 1, "{remedy:?}: step {step} was done twice");
    }
    if playbook(remedy)[WRITE].repeat != Repeat::Once {
        assert_eq!(world.outcome(jobs[0]), Some(v1::job_result::Outcome::Succeeded));
    }
    let restarts = u32::from(remedy.about().restart == Restart::Made);
    assert_eq!(
        world.os.boots(),
        1 + restarts,
        "{remedy:?}: restarted as often as it must be, and no more"
    );
    let uncertain = world.outcome(jobs[0]) == Some(v1::job_result::Outcome::Unknown);
    if remedy == Remedy::DistributionAppRefresh {
        let status = world.around().about.profile.distribution.clone();
        assert_eq!(facts::oqs::status_word(&world.os, &status).as_deref(), Ok("up-to-date"));
    } else if let Remedy::EdgeExtensionSwap { .. } = remedy {
        let told = remedies::preview(remedy, &world.os, &world.around());
        assert_eq!(told.verdict, Verdict::AlreadyFine, "{told:?}");
    } else if remedy == Remedy::WindowsUpdateRun {
        assert_eq!(world.fact("update.last_error"), Some(Value::Text("none".into())));
    } else if remedy != Remedy::RestartNow && !uncertain {
        let found = remedies::probe(remedy, "write-registry", &world.os, &world.around());
        assert!(matches!(found, Probed::Done(_)), "{remedy:?}: {found:?}");
    }
    assert_eq!(world.outcome(jobs[1]), Some(v1::job_result::Outcome::Succeeded));
}

#[test]
fn the_power_may_go_between_any_two_effects() {
    for playbook in [remedies::steps as Playbook, once] {
        let mut n = 1;
        loop {
            let (world, jobs, came) = story(playbook, &[n]);
            holds(&world, &jobs, playbook);
            if !came {
                break;
            }
            n += 1;
        }
        assert!(n > 30, "the story has only {n} points");
    }
}

#[test]
fn the_power_may_go_anywhere_in_every_remedy_that_changes_something() {
    for remedy in changing() {
        let mut n = 1;
        loop {
            let (world, jobs, came) = story_of(remedy, remedies::steps, &[n]);
            holds_for(remedy, &world, &jobs, remedies::steps);
            if !came {
                break;
            }
            n += 1;
        }
        assert!(n > 30, "{remedy:?}: the story has only {n} points");
    }
}

/// Every remedy by which the agent itself changes something.
fn changing() -> impl Iterator<Item = Remedy> {
    let by_agent = |remedy: &Remedy| !remedy.about().facts.is_empty() && !matches!(remedy, Remedy::Guided(_));
    Remedy::ALL
        .into_iter()
        .chain([edge_extension_swap::MANAGED])
        .filter(by_agent)
}

/// The power goes at this point and stays away until then.
fn away(remedy: Remedy, cut: usize, until: &str) -> (World, JobId) {
    let mut world = ready(remedy, remedies::steps);
    world.settle();
    world.cut_at = Some(world.points + cut);
    world.off_until = Time::parse(&format!("{until}+09:00"));
    let job = world.order(1, remedy);
    for _ in 0..150 {
        if world.outcome(job).is_some() && world.at_cut.is_some() {
            break;
        }
        world.pass(Span::minutes(1));
    }
    (world, job)
}

#[test]
fn who_comes_back_after_the_deadline_begins_nothing_more() {
    for (first, remedy) in (1..4).cycle().zip(changing()) {
        // The points between are the same stories a moment later; the matrix above takes them all.
        for n in (first..).step_by(3) {
            let (world, job) = away(remedy, n, "2027-01-25T10:00:00");
            let Some(AtCut { writes, boots, .. }) = world.at_cut else {
                assert!(n > 20, "{remedy:?}: the story has only {n} points");
                break;
            };
            assert!(world.outcome(job).is_some(), "{remedy:?}, cut at {n}: it never ends");
            assert_eq!(world.os.boots(), boots, "{remedy:?}, cut at {n}");
            // What the swap has set for a while only is put back whenever it ends.
            let puts_back = matches!(remedy, Remedy::EdgeExtensionSwap { .. });
            assert!(puts_back || world.os.writes() == writes, "{remedy:?}, cut at {n}");
        }
    }
}

#[test]
fn who_comes_back_in_the_middle_of_reception_does_not_restart_on_a_yes_of_days_ago() {
    let mut waited = 0;
    for remedy in changing().filter(|remedy| remedy.about().restart == Restart::Made) {
        for n in 1.. {
            let (mut world, job) = away(remedy, n, "2027-01-18T10:00:00");
            let Some(AtCut { agreed, boots, .. }) = world.at_cut else {
                break;
            };
            if !agreed {
                continue;
            }
            assert_eq!(world.os.boots(), boots, "{remedy:?}, cut at {n}");
            if remedy == Remedy::RestartNow && world.outcome(job).is_none() {
                waited += 1;
                world.pass(Span::hours(10));
                assert_eq!(
                    world.outcome(job),
                    Some(v1::job_result::Outcome::Succeeded),
                    "cut at {n}"
                );
                assert_eq!(world.os.boots(), 2, "in the evening");
                assert!(!world.os.notices().is_empty(), "and announced");
            }
        }
    }
    assert!(
        waited > 3,
        "only {waited} stories came back with the restart before them"
    );
}

/// A job, then its undoing, with the power going at this point of the undoing. True when it came.
fn undone(remedy: Remedy, cut: usize) -> (World, [JobId; 2], bool) {
    let mut world = World::online(3);
    world.needs_everything();
    needs_the_swap(&mut world, remedy, edge_extension_swap::OTHERS);
    let wants = |world: &World| remedies::preview(remedy, &world.os, &world.around());
    let before = wants(&world);
    let done = world.order(1, remedy);
    for _ in 0..200 {
        if world.outcome(done).is_some() {
            break;
        }
        world.pass(Span::minutes(1));
    }
    assert_eq!(
        world.outcome(done),
        Some(v1::job_result::Outcome::Succeeded),
        "{remedy:?}"
    );
    let at = world.points + cut;
    world.cut_at = Some(at);
    let undo = world.order(2, Remedy::Undo { job: done });
    for _ in 0..200 {
        world.pass(Span::minutes(1));
        if world.outcome(undo).is_some() {
            break;
        }
    }
    // The browser follows at its leisure.
    world.pass(Span::minutes(1));
    assert_eq!(wants(&world), before, "{remedy:?}: as before");
    let came = world.points >= at;
    (world, [done, undo], came)
}

#[test]
fn the_power_may_go_anywhere_while_a_job_is_taken_back_and_once_is_enough() {
    // What a person put in, only a person takes out again.
    let changing = |remedy: &Remedy| remedy.about().undo && *remedy != edge_extension_swap::ASSISTED;
    let more = [edge_extension_swap::MANAGED];
    for remedy in Remedy::ALL.into_iter().chain(more).filter(changing) {
        let mut n = 1;
        loop {
            let (mut world, [done, undo], came) = undone(remedy, n);
            assert_eq!(
                world.outcome(undo),
                Some(v1::job_result::Outcome::Succeeded),
                "{remedy:?}: {n}"
            );
            world.cut_at = None;
            let again = world.order(3, Remedy::Undo { job: done });
            world.pass(Span::minutes(20));
            let refused = &world.server.results[&again][0];
            assert_eq!(refused.outcome(), v1::job_result::Outcome::Refused);
            assert_eq!(refused.code, crate::words::JOB_TAKEN_BACK);
            if !came {
                break;
            }
            n += 1;
        }
        assert!(n > 10, "{remedy:?}: the story has only {n} points");
    }
}

#[test]
fn a_swap_that_is_cancelled_while_the_old_ones_go_takes_its_policies_back_first() {
    let remedy = edge_extension_swap::MANAGED;
    let mut world = ready(remedy, remedies::steps);
    world.settle();
    let job = world.order(1, remedy);
    let policies = |world: &World| format!("{:?}", crate::facts::edge::policy::table(&world.os));
    for _ in 0..600 {
        world.pass(Span::seconds(1));
        if policies(&world).contains("removed") {
            break;
        }
    }
    assert!(policies(&world).contains("removed"), "{:?}", world.outcome(job));
    world.say(Down::JobCancel(v1::JobCancel {
        job_id: job.to_string(),
    }));
    world.pass(Span::minutes(5));
    assert_eq!(world.outcome(job), Some(v1::job_result::Outcome::Cancelled));
    assert!(!policies(&world).contains("removed"), "{}", policies(&world));
}

#[test]
fn what_can_be_taken_back_outlives_the_jobs_that_are_remembered_and_the_oldest_goes() {
    let mut world = World::online(3);
    world.needs_everything();
    let first = world.order(1, Remedy::TimeSource);
    for n in 2..=200 {
        world.order(n, Remedy::RefreshFacts);
    }
    let mut book = Book::replay(world.durable.clone());
    assert!(book.job(first).is_none(), "the job itself is forgotten");
    let kept = |book: &Book| book.background(Remedy::Undo { job: first }).record;
    assert!(kept(&book).is_some());
    assert_eq!(kept(&Book::replay(book.compact())), kept(&book));
    let undo = world.order(201, Remedy::Undo { job: first });
    assert_eq!(world.outcome(undo), Some(v1::job_result::Outcome::Succeeded));
    let mut book = Book::replay(world.durable.clone());
    let short = Book::replay(book.compact());
    assert_eq!(kept(&short).and_then(|record| record.taken_back), Some(undo));
    let record = kept(&short).expect("kept");
    for n in 0..super::super::records::MOST as u16 {
        let [a, b] = n.to_be_bytes();
        let job = JobId::new(START, [a, b, 7, 7, 7, 7, 7, 7, 7, 7]);
        let record = crate::remedies::before::Record { job, ..record.clone() };
        book.apply(&Entry::Kept(record));
    }
    assert_eq!(kept(&book), None, "the oldest goes");
}

#[test]
fn the_line_may_break_under_any_message() {
    let mut n = 1;
    loop {
        let mut world = World::new(3);
        world.break_at = Some(n);
        world.settle();
        let jobs = vec![world.offer(1, fast_startup_off()), world.offer(2, refresh_facts())];
        world.pass(Span::minutes(30));
        holds(&world, &jobs, remedies::steps);
        assert_eq!(
            world.acts[&(jobs[0], WRITE)],
            1,
            "a broken line is no reason to do it again"
        );
        if world.break_at.is_some() {
            break;
        }
        n += 1;
    }
    assert!(n > 10, "the story has only {n} messages");
}

#[test]
fn an_interrupted_once_step_is_unknown_and_never_tried_again() {
    let mut unknown = 0;
    for n in 1..80 {
        let (world, jobs, _) = story(once, &[n]);
        unknown += usize::from(world.outcome(jobs[0]) == Some(v1::job_result::Outcome::Unknown));
    }
    assert!(unknown > 0, "no cut hit the step");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_power_may_go_again_and_again(cuts in proptest::collection::vec(1usize..60, 0..8), careful in any::<bool>()) {
        let playbook: Playbook = if careful { once } else { remedies::steps };
        let (world, jobs, _) = story(playbook, &cuts);
        holds(&world, &jobs, playbook);
    }

    #[test]
    fn the_power_may_go_again_and_again_in_every_remedy(cuts in proptest::collection::vec(1usize..60, 0..8), which in 0usize..64) {
        let remedies: Vec<Remedy> = changing().collect();
        let remedy = remedies[which % remedies.len()];
        let (world, jobs, _) = story_of(remedy, remedies::steps, &cuts);
        holds_for(remedy, &world, &jobs, remedies::steps);
    }

    #[test]
    fn a_compacted_journal_tells_the_same(cut in 1usize..80) {
        let (world, _, _) = story(remedies::steps, &[cut]);
        let mut book = Book::replay(world.durable.clone());
        let short = Book::replay(book.compact());
        let held = |book: &Book| book.held().map(|(id, job)| (id, job.clone())).collect::<Vec<_>>();
        prop_assert_eq!(held(&short), held(&book));
        prop_assert_eq!(short.outbox(0).collect::<Vec<_>>(), book.outbox(0).collect::<Vec<_>>());
        prop_assert_eq!(short.last_sequence(), book.last_sequence());
        prop_assert_eq!(short.background(Remedy::Undo { job: JobId::new(START, [1; 10]) }), book.background(Remedy::Undo { job: JobId::new(START, [1; 10]) }));
    }
}

#[test]
fn the_power_may_go_anywhere_in_what_only_reads_or_tells() {
    let records = Record::ALL.map(|record| Remedy::CollectRecord { record });
    for remedy in records.into_iter().chain([
        Remedy::ConnectionCheck,
        Remedy::NotifyStaff {
            message: kaishin_proto::remedy::Message::Working,
        },
    ]) {
        for n in 1.. {
            let (world, jobs, came) = story_of(remedy, remedies::steps, &[n]);
            for job in &jobs {
                assert_eq!(
                    world.outcome(*job),
                    Some(v1::job_result::Outcome::Succeeded),
                    "{remedy:?}"
                );
            }
            assert_eq!(world.os.writes(), 0, "{remedy:?}");
            // A success without what was fetched would be none.
            let fetched = matches!(remedy, Remedy::CollectRecord { .. });
            assert_eq!(world.server.records.contains_key(&jobs[0]), fetched, "{remedy:?}");
            if !came {
                assert!(n > 20, "{remedy:?}: the story has only {n} points");
                break;
            }
        }
    }
}
