use kaishin_domain::time::Span;
use kaishin_proto::limits::MOST_OFFERED;
use kaishin_proto::v1;
use kaishin_proto::v1::job_result::Outcome;
use kaishin_proto::v1::job_step::Phase;
use kaishin_proto::v1::session_request::Body as Up;
use kaishin_proto::v1::session_response::Body as Down;
use kaishin_tests::harness::Harness;
use kaishin_tests::line::{Session, Terminal, accepted, event, result, step};
use kaishin_tests::wait::{SOON, eventually};
use serde_json::json;

async fn enrolled(harness: &Harness) -> Terminal {
    Terminal::enrolled(harness.agents(), "uketsuke-1", &harness.token(1).await).await
}

/// Works through an offer the straight way.
async fn works(session: &mut Session, offer: &v1::JobOffer, from: u64) {
    session.tells(vec![event(from, offer, accepted())]).await;
    session
        .tells(vec![
            event(from + 1, offer, step(1, "read-before", Phase::Intent)),
            event(from + 2, offer, step(1, "read-before", Phase::Done)),
        ])
        .await;
    session
        .tells(vec![event(from + 3, offer, result(Outcome::Succeeded))])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_goes_from_the_button_to_its_result_and_every_step_is_seen() {
    let harness = Harness::start().await;
    let terminal = enrolled(&harness).await;
    let mut session = terminal.connect(1).await;
    let job = harness.order(terminal.id(), "fast-startup-off").await;
    let offer = session.hears_offer().await;
    assert_eq!((&offer.job_id, offer.attempt), (&job, 1));
    assert_eq!(harness.job(&job).await["state"], "offered");
    session.tells(vec![event(1, &offer, accepted())]).await;
    assert_eq!(harness.job(&job).await["state"], "accepted");
    session
        .tells(vec![event(2, &offer, step(1, "read-before", Phase::Intent))])
        .await;
    assert_eq!(harness.job(&job).await["state"], "running");
    session
        .tells(vec![
            event(3, &offer, step(1, "read-before", Phase::Done)),
            event(4, &offer, result(Outcome::Succeeded)),
        ])
        .await;
    let done = harness.job(&job).await;
    assert_eq!(done["state"], "succeeded");
    let phases: Vec<_> = done["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| step["state"].clone())
        .collect();
    assert_eq!(phases, [json!("intent"), json!("done")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_was_off_gets_its_job_when_it_returns() {
    let mut harness = Harness::start().await;
    let terminal = enrolled(&harness).await;
    drop(terminal.connect(1).await);
    harness.is_online(terminal.id(), false).await;
    let job = harness.order(terminal.id(), "refresh-facts").await;
    assert_eq!(harness.job(&job).await["state"], "ready");
    // Not even a restart of the server in between loses it.
    harness.restart().await;
    let mut session = terminal.connect(2).await;
    let offer = session.hears_offer().await;
    assert_eq!(offer.job_id, job);
    works(&mut session, &offer, 1).await;
    harness.job_is(&job, "succeeded").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_are_told_again_count_once_and_late_results_change_nothing() {
    let harness = Harness::start().await;
    let terminal = enrolled(&harness).await;
    let mut session = terminal.connect(1).await;
    let job = harness.order(terminal.id(), "refresh-facts").await;
    let offer = session.hears_offer().await;
    works(&mut session, &offer, 1).await;
    drop(session);
    let mut session = terminal.connect(1).await;
    works(&mut session, &offer, 1).await;
    session.tells(vec![event(9, &offer, result(Outcome::Failed))]).await;
    let done = harness.job(&job).await;
    assert_eq!(done["state"], "succeeded");
    assert_eq!(done["steps"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_terminal_does_on_an_earlier_offer_counts_although_a_later_one_is_on_its_way() {
    let harness = Harness::start().await;
    let terminal = enrolled(&harness).await;
    let mut session = terminal.connect(1).await;
    let job = harness.order(terminal.id(), "refresh-facts").await;
    let first = session.hears_offer().await;
    drop(session);
    // Its hello says nothing of the offer, so the job is offered again.
    let mut session = terminal.connect(2).await;
    let second = session.hears_offer().await;
    assert_eq!((&first.job_id, first.attempt), (&job, 1));
    assert_eq!((&second.job_id, second.attempt), (&job, 2));
    works(&mut session, &first, 1).await;
    let done = harness.job(&job).await;
    assert_eq!(done["state"], "succeeded");
    assert_eq!(done["steps"].as_array().map(Vec::len), Some(2), "{done}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_says_nothing_about_another_terminals_job() {
    let harness = Harness::start().await;
    let token = harness.token(2).await;
    let one = Terminal::enrolled(harness.agents(), "uketsuke-1", &token).await;
    let other = Terminal::enrolled(harness.agents(), "uketsuke-2", &token).await;
    let mut session = one.connect(1).await;
    let mut liar = other.connect(1).await;
    let job = harness.order(one.id(), "refresh-facts").await;
    let offer = session.hears_offer().await;
    // Acknowledged, so that it is not repeated for ever, and not believed.
    liar.tells(vec![
        event(1, &offer, accepted()),
        event(2, &offer, result(Outcome::Succeeded)),
    ])
    .await;
    assert_eq!(harness.job(&job).await["state"], "offered");
    works(&mut session, &offer, 1).await;
    harness.job_is(&job, "succeeded").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_nobody_takes_expires_at_its_deadline() {
    let harness = Harness::with_manual_clock().await;
    let terminal = enrolled(&harness).await;
    let job = harness.order(terminal.id(), "refresh-facts").await;
    harness.pass(Span::days(6)).await;
    assert_eq!(harness.job(&job).await["state"], "ready");
    harness.pass(Span::days(1)).await;
    harness.pass(Span::seconds(10)).await;
    let job = harness.job_is(&job, "expired").await;
    assert_eq!(job["code"], "E-JOB-23");
    let mut session = terminal.connect(1).await;
    session.tells(vec![]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_that_is_not_taken_is_made_again() {
    let harness = Harness::with_manual_clock().await;
    let terminal = enrolled(&harness).await;
    let mut session = terminal.connect(1).await;
    let job = harness.order(terminal.id(), "refresh-facts").await;
    assert_eq!(session.hears_offer().await.attempt, 1);
    harness.pass(Span::seconds(61)).await;
    eventually(SOON, "the job is offered again", async || {
        harness.clock.advance(Span::seconds(1));
        (harness.job(&job).await["attempt"] == 2).then_some(())
    })
    .await;
    let second = session.hears_offer().await;
    assert_eq!((second.job_id.as_str(), second.attempt), (job.as_str(), 2));
    works(&mut session, &second, 1).await;
    harness.job_is(&job, "succeeded").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_with_a_hundred_jobs_is_given_a_few_at_a_time_and_all_are_done_in_order() {
    let harness = Harness::start().await;
    let terminal = enrolled(&harness).await;
    let mut jobs = Vec::new();
    for _ in 0..100 {
        jobs.push(harness.order(terminal.id(), "refresh-facts").await);
    }
    let mut session = terminal.connect(1).await;
    let mut heard: Vec<v1::JobOffer> = Vec::new();
    while heard.len() < MOST_OFFERED {
        heard.push(session.hears_offer().await);
    }
    // A word that is answered after whatever was on its way: nothing more came before it.
    session
        .tells_and_hears(vec![event(1, &heard[0], accepted())], |offer| heard.push(offer))
        .await;
    assert_eq!(heard.len(), MOST_OFFERED);
    let mut done = 0;
    while done < jobs.len() {
        let offer = match heard.get(done) {
            Some(offer) => offer.clone(),
            None => {
                heard.push(session.hears_offer().await);
                continue;
            }
        };
        let sequence = done as u64 * 2 + 2;
        let events = vec![
            event(sequence, &offer, accepted()),
            event(sequence + 1, &offer, result(Outcome::Succeeded)),
        ];
        session.tells_and_hears(events, |offer| heard.push(offer)).await;
        done += 1;
        assert!(heard.len() <= done + MOST_OFFERED, "{} after {done}", heard.len());
    }
    let order: Vec<String> = heard.into_iter().map(|offer| offer.job_id).collect();
    assert_eq!(order, jobs, "the oldest first, each once");
    for job in &jobs {
        assert_eq!(harness.job(job).await["state"], "succeeded");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_takes_a_job_after_all_hears_again_that_it_is_cancelled() {
    let harness = Harness::start().await;
    let terminal = enrolled(&harness).await;
    let mut session = terminal.connect(1).await;
    let job = harness.order(terminal.id(), "refresh-facts").await;
    let offer = session.hears_offer().await;
    let path = format!("/api/v1/jobs/{job}/cancel");
    harness
        .api
        .post(&path, &json!({ "reason": "wrong terminal" }))
        .await
        .expect(200);
    let cancelled = |body| {
        if let Down::JobCancel(cancel) = body {
            Some(cancel.job_id)
        } else {
            None
        }
    };
    assert_eq!(session.hears("the cancellation", cancelled).await, job);
    // It did not know the job yet and passed over that.
    let events = vec![event(1, &offer, accepted())];
    session.say(Up::JobEvents(v1::JobEvents { events })).await;
    assert_eq!(session.hears("the cancellation again", cancelled).await, job);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_cancelled_before_it_is_taken_or_by_asking_the_terminal() {
    let harness = Harness::start().await;
    let terminal = enrolled(&harness).await;
    let cancel = async |job: &str| {
        let path = format!("/api/v1/jobs/{job}/cancel");
        harness
            .api
            .post(&path, &json!({ "reason": "wrong terminal" }))
            .await
            .expect(200);
    };
    let waiting = harness.order(terminal.id(), "refresh-facts").await;
    cancel(&waiting).await;
    assert_eq!(harness.job(&waiting).await["state"], "cancelled");

    let mut session = terminal.connect(1).await;
    let running = harness.order(terminal.id(), "refresh-facts").await;
    let offer = session.hears_offer().await;
    assert_eq!(offer.job_id, running, "the cancelled one is not offered");
    session.tells(vec![event(1, &offer, accepted())]).await;
    cancel(&running).await;
    let told = session
        .hears("the cancellation", |body| {
            if let Down::JobCancel(cancel) = body {
                Some(cancel)
            } else {
                None
            }
        })
        .await;
    assert_eq!(told.job_id, running);
    session.tells(vec![event(2, &offer, result(Outcome::Cancelled))]).await;
    harness.job_is(&running, "cancelled").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoking_a_terminal_leaves_none_of_its_jobs_open() {
    let harness = Harness::start().await;
    let terminal = enrolled(&harness).await;
    let mut session = terminal.connect(1).await;
    let taken = harness.order(terminal.id(), "refresh-facts").await;
    let offer = session.hears_offer().await;
    session.tells(vec![event(1, &offer, accepted())]).await;
    let path = format!("/api/v1/terminals/{}/revoke", terminal.id());
    harness
        .api
        .post(&path, &json!({ "reason": "stolen" }))
        .await
        .expect(200);
    harness.job_is(&taken, "unknown").await;
    let jobs = format!("/api/v1/terminals/{}/jobs", terminal.id());
    let refused = harness.api.post(&jobs, &json!({ "remedy": "refresh-facts" })).await;
    assert!(refused.status.is_client_error(), "{}", refused.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_approval_gets_no_work() {
    let harness = Harness::start().await;
    let mut terminal = Terminal::new(harness.agents(), "stranger");
    terminal.enrol("").await.expect("an answer");
    let list = harness.api.get("/api/v1/terminals").await.expect(200).json();
    assert_eq!(list["total"], 0, "there is nothing to order work for");
    assert!(terminal.open().await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_for_many_is_ordered_in_one_call_and_is_one_entry_in_the_audit_log() {
    let harness = Harness::start().await;
    let token = harness.token(3).await;
    let mut terminals = Vec::new();
    for n in 0..3 {
        terminals.push(Terminal::enrolled(harness.agents(), &format!("uketsuke-{n}"), &token).await);
    }
    let revoked = terminals[2].id();
    let revoke = format!("/api/v1/terminals/{revoked}/revoke");
    harness
        .api
        .post(&revoke, &json!({ "reason": "stolen" }))
        .await
        .expect(200);
    let mut session = terminals[0].connect(1).await;
    let order = |terminals: &[String]| json!({ "remedy": "refresh-facts", "terminals": terminals, "reason": "check" });
    let mut ids: Vec<String> = terminals.iter().map(|terminal| terminal.id().to_string()).collect();
    ids.push(ids[0].clone());
    let made = harness
        .api
        .post("/api/v1/jobs/bulk", &order(&ids))
        .await
        .expect(201)
        .json();
    assert_eq!(
        made["jobs"].as_array().map(Vec::len),
        Some(2),
        "one for each that works"
    );
    assert_eq!(made["left_out"], json!([revoked]));
    let offer = session.hears_offer().await;
    works(&mut session, &offer, 1).await;
    harness.job_is(&offer.job_id, "succeeded").await;
    let entries = harness.audit("fleet").await;
    let [entry] = entries.as_slice() else {
        panic!("{entries:?}")
    };
    assert_eq!(
        (&entry["action"], &entry["reason"]),
        (&json!("job.create-many"), &json!("check"))
    );
    assert!(entry.to_string().contains("terminals_sha256"), "{entry}");
    let none = harness.api.post("/api/v1/jobs/bulk", &order(&[])).await;
    assert_eq!(
        (none.status.as_u16(), &none.json()["code"]),
        (422, &json!("E-JOB-15")),
        "empty means nobody"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_is_not_ordered_again_and_nothing_is_changed_on_many_at_once() {
    let harness = Harness::start().await;
    let terminal = enrolled(&harness).await;
    let (api, id) = (&harness.api, terminal.id().to_string());
    let path = format!("/api/v1/terminals/{id}/jobs");
    let job = harness.order(terminal.id(), "fast-startup-off").await;
    let change = json!({ "remedy": "fast-startup-off" });
    let again = api.post(&path, &change).await.expect(409).json();
    assert_eq!((&again["code"], &again["job"]), (&json!("E-JOB-47"), &json!(job)));
    let hours = |start: u8| json!({ "remedy": "active-hours", "params": { "start": start, "end": 20 } });
    for start in [8, 9] {
        api.post(&path, &hours(start)).await.expect(201);
    }
    api.post(&path, &hours(9)).await.expect(409);
    for _ in 0..2 {
        harness.order(terminal.id(), "refresh-facts").await;
    }
    let cancel = format!("/api/v1/jobs/{job}/cancel");
    api.post(&cancel, &json!({})).await.expect(200);
    api.post(&path, &change).await.expect(201);

    let endless = json!({ "remedy": "refresh-facts", "deadline_seconds": i64::MAX });
    assert_eq!(api.post(&path, &endless).await.expect(422).json()["code"], "E-JOB-11");
    let maybe = api.post(&format!("{path}?dry_run=banana"), &change).await.expect(422);
    assert_eq!(maybe.header("content-type"), "application/problem+json");
    assert_eq!(maybe.json()["code"], "E-INPUT-07");

    for (remedy, params) in [
        ("power-settings", json!({})),
        ("notify-staff", json!({ "message": "call-us" })),
    ] {
        let order = json!({ "remedy": remedy, "params": params, "terminals": [id] });
        let refused = api.post("/api/v1/jobs/bulk", &order).await.expect(422).json();
        assert_eq!(refused["code"], "E-JOB-46", "{remedy}");
    }
    let known = api.get("/api/v1/remedies").await.expect(200).json();
    let mut known = known["items"].as_array().into_iter().flatten();
    let takes = &known.find(|one| one["id"] == "undo").expect("undo")["parameters"];
    assert_eq!(takes["required"], json!(["job"]));
    assert!(takes["properties"]["job"]["titles"]["ja"].is_string(), "{takes}");
}
