use kaishin::store::{JobFilter, NewSteps, StoreError};
use kaishin_domain::id::{JobId, TerminalId};
use kaishin_domain::job::{Job, JobEvent, JobState, Outcome, Phase, Step};
use kaishin_domain::remedy::Remedy;
use kaishin_domain::time::{Span, Time};

use super::{Opened, on_both_engines, ten, terminal_id};

on_both_engines! {
    a_job_is_kept_through_its_whole_life
    a_job_that_somebody_else_changed_is_not_written_and_neither_are_its_neighbours
    a_job_has_one_result_for_ever
    a_step_that_is_told_twice_is_kept_once
    jobs_are_listed_newest_first_by_terminal_and_page
    ready_and_due_jobs_are_found
    a_terminal_is_given_its_oldest_jobs_and_no_more_than_it_can_hold
    hundreds_of_jobs_change_in_one_unit
}

fn job_id(n: u16) -> JobId {
    JobId::new(Time(0), ten(n))
}

fn job(n: u16, terminal: TerminalId) -> Job {
    Job {
        id: job_id(n),
        terminal,
        remedy: Remedy::FastStartupOff,
        state: JobState::Ready,
        attempt: 0,
        taken: 0,
        deadline: Time(0) + Span::hours(1),
        cancel_asked: false,
        created_at: Time(1),
        created_by: "tanaka".into(),
        reason: "電話対応".into(),
    }
}

fn succeeded(attempt: u32) -> JobEvent {
    JobEvent::Result {
        attempt,
        outcome: Outcome::Succeeded,
        code: String::new(),
        detail: "done".into(),
    }
}

async fn insert(opened: &Opened, jobs: Vec<Job>) {
    opened
        .write(|tx| {
            Box::pin(async move {
                for job in &jobs {
                    tx.insert_job(job).await?;
                }
                Ok(())
            })
        })
        .await;
}

async fn update(opened: &Opened, changes: Vec<(Job, Job)>) -> Result<(), StoreError> {
    opened
        .store
        .write(|tx| Box::pin(async move { tx.update_jobs(&changes).await }))
        .await
}

async fn a_job_is_kept_through_its_whole_life(opened: Opened) {
    let mut is = job(1, terminal_id(1));
    insert(&opened, vec![is.clone()]).await;
    let events = [
        JobEvent::Offer,
        JobEvent::Accepted { attempt: 1 },
        JobEvent::CancelAsked,
        JobEvent::Step { attempt: 1, number: 2 },
        succeeded(1),
    ];
    for event in events {
        let next = is.on(event, Time(7)).expect("a legal event");
        update(&opened, vec![(is, next.clone())]).await.expect("written");
        is = next;
        let kept = opened.store.job(is.id).await.expect("read").expect("there");
        assert_eq!(kept.job, is);
    }
    let undo = vec![(is.id, r#"{"registry":[]}"#.to_owned())];
    opened
        .write(|tx| Box::pin(async move { tx.set_undo(&undo).await }))
        .await;
    let kept = opened.store.job(is.id).await.expect("read").expect("there");
    assert_eq!(kept.undo.as_deref(), Some(r#"{"registry":[]}"#));
    assert_eq!(opened.store.job(job_id(9)).await.expect("read"), None);
}

async fn a_job_that_somebody_else_changed_is_not_written_and_neither_are_its_neighbours(opened: Opened) {
    let (one, other) = (job(1, terminal_id(1)), job(2, terminal_id(2)));
    insert(&opened, vec![one.clone(), other.clone()]).await;
    let offered = |job: &Job| job.on(JobEvent::Offer, Time(2)).expect("offered");
    update(&opened, vec![(one.clone(), offered(&one))])
        .await
        .expect("written");
    let late = vec![(other.clone(), offered(&other)), (one.clone(), offered(&one))];
    assert!(matches!(update(&opened, late).await, Err(StoreError::LostRace("job"))));
    let kept = opened.store.job(other.id).await.expect("read").expect("there");
    assert_eq!(kept.job, other);
}

async fn a_job_has_one_result_for_ever(opened: Opened) {
    let ready = job(1, terminal_id(1));
    insert(&opened, vec![ready.clone()]).await;
    let offered = ready.on(JobEvent::Offer, Time(2)).expect("offered");
    update(&opened, vec![(ready, offered.clone())]).await.expect("written");
    let done = offered.on(succeeded(1), Time(3)).expect("done");
    update(&opened, vec![(offered.clone(), done.clone())])
        .await
        .expect("written");
    // Somebody puts the job's row back: the result still stands.
    opened.meddle(&["UPDATE job SET state = 'offered'"]).await;
    assert!(update(&opened, vec![(offered, done)]).await.is_err());
    let kept = opened.store.job(job_id(1)).await.expect("read").expect("there");
    assert_eq!(kept.job.state.name(), "offered", "the whole unit is undone");
}

async fn a_step_that_is_told_twice_is_kept_once(opened: Opened) {
    let step = |number: u32, phase: Phase, at: i64| Step {
        attempt: 1,
        number,
        name: "write-registry".into(),
        phase,
        evidence: "HiberbootEnabled 1 -> 0".into(),
        at: Time(at),
    };
    insert(&opened, vec![job(1, terminal_id(1))]).await;
    let told = NewSteps {
        job: job_id(1),
        steps: vec![step(1, Phase::Intent, 1), step(1, Phase::Done, 2)],
    };
    let again = NewSteps {
        job: job_id(1),
        steps: vec![step(1, Phase::Done, 2), step(2, Phase::Intent, 3)],
    };
    for told in [vec![told.clone(), told.clone()], vec![again]] {
        opened
            .write(|tx| Box::pin(async move { tx.insert_steps(&told).await }))
            .await;
    }
    let kept = opened.store.job(job_id(1)).await.expect("read").expect("there");
    assert_eq!(
        kept.steps,
        [
            step(1, Phase::Intent, 1),
            step(1, Phase::Done, 2),
            step(2, Phase::Intent, 3)
        ]
    );
}

async fn jobs_are_listed_newest_first_by_terminal_and_page(opened: Opened) {
    insert(&opened, (0..10).map(|n| job(n, terminal_id(n % 2))).collect()).await;
    let list = async |terminal: Option<TerminalId>, before: Option<JobId>, limit: u32| {
        let jobs = opened
            .store
            .jobs(JobFilter { terminal, before }, limit)
            .await
            .expect("a list");
        jobs.into_iter().map(|job| job.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None, 3).await, [job_id(9), job_id(8), job_id(7)]);
    assert_eq!(list(None, Some(job_id(2)), 3).await, [job_id(1), job_id(0)]);
    assert_eq!(list(Some(terminal_id(1)), None, 2).await, [job_id(9), job_id(7)]);
    assert_eq!(
        list(Some(terminal_id(1)), Some(job_id(7)), 9).await,
        [job_id(5), job_id(3), job_id(1)]
    );
}

async fn ready_and_due_jobs_are_found(opened: Opened) {
    let jobs: Vec<Job> = (0..4).map(|n| job(n, terminal_id(n / 2))).collect();
    insert(&opened, jobs.clone()).await;
    let offered = jobs[0].on(JobEvent::Offer, Time(10)).expect("offered");
    let JobState::Offered { until } = offered.state else {
        panic!("an offered job")
    };
    let done = jobs[2].on(JobEvent::CancelAsked, Time(10)).expect("cancelled");
    update(&opened, vec![(jobs[0].clone(), offered), (jobs[2].clone(), done)])
        .await
        .expect("written");

    let store = &opened.store;
    let mut waiting = store.terminals_with_ready_jobs().await.expect("read");
    waiting.sort();
    assert_eq!(waiting, [terminal_id(0), terminal_id(1)]);
    let due = async |at: Time| {
        let jobs = store.due_jobs(at, 10).await.expect("read");
        let mut ids: Vec<_> = jobs.into_iter().map(|job| job.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(due(until - Span::micros(1)).await, []);
    assert_eq!(due(until).await, [job_id(0)]);
    assert_eq!(due(jobs[0].deadline).await, [job_id(0), job_id(1), job_id(3)]);
    let seen = store.write(|tx| {
        Box::pin(async move {
            let both = [terminal_id(0), terminal_id(1)];
            let ready: Vec<JobId> = tx.ready_jobs(&both, 9).await?.iter().map(|job| job.id).collect();
            let open: Vec<JobId> = tx.open_jobs(terminal_id(0)).await?.iter().map(|job| job.id).collect();
            let some: usize = tx.jobs_by_id(&[job_id(2), job_id(8)]).await?.len();
            Ok::<_, StoreError>((ready, open, some))
        })
    });
    let expected = (vec![job_id(1), job_id(3)], vec![job_id(0), job_id(1)], 1);
    assert_eq!(seen.await.expect("read"), expected);
}

async fn a_terminal_is_given_its_oldest_jobs_and_no_more_than_it_can_hold(opened: Opened) {
    let jobs: Vec<Job> = (0..20).map(|n| job(n, terminal_id(n % 2))).collect();
    insert(&opened, jobs.clone()).await;
    let given = async |most: usize| {
        let both = [terminal_id(0), terminal_id(1), terminal_id(2)];
        let ready = opened
            .store
            .write(move |tx| Box::pin(async move { tx.ready_jobs(&both, most).await }));
        let ready = ready.await.expect("read");
        ready.into_iter().map(|job| job.id).collect::<Vec<_>>()
    };
    assert_eq!(given(2).await, [job_id(0), job_id(1), job_id(2), job_id(3)]);
    // One of the first terminal's jobs is with it now, the other is over; the second terminal's are untouched.
    let offered = jobs[0].on(JobEvent::Offer, Time(10)).expect("offered");
    let accepted = offered.on(JobEvent::Accepted { attempt: 1 }, Time(10)).expect("taken");
    let over = jobs[2].on(JobEvent::CancelAsked, Time(10)).expect("cancelled");
    update(&opened, vec![(jobs[0].clone(), accepted), (jobs[2].clone(), over)])
        .await
        .expect("written");
    assert_eq!(given(2).await, [job_id(1), job_id(3), job_id(4)]);
    assert_eq!(given(1).await, [job_id(1)]);
    assert_eq!(given(100).await.len(), 18);
    let waits = opened
        .store
        .write(|tx| Box::pin(async move { tx.who_waits(&[terminal_id(1), terminal_id(2)]).await }));
    assert_eq!(waits.await.expect("read"), [terminal_id(1)]);
}

async fn hundreds_of_jobs_change_in_one_unit(opened: Opened) {
    let jobs: Vec<Job> = (0..1_100).map(|n| job(n, terminal_id(n))).collect();
    insert(&opened, jobs.clone()).await;
    let changes = jobs
        .into_iter()
        .map(|job| (job.clone(), job.on(JobEvent::CancelAsked, Time(3)).expect("cancelled")));
    update(&opened, changes.collect()).await.expect("written");
    assert_eq!(opened.store.terminals_with_ready_jobs().await.expect("read"), []);
    let last = opened.store.job(job_id(1_099)).await.expect("read").expect("there");
    assert_eq!(last.job.state.name(), "cancelled");
}
