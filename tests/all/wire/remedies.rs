//! What can be ordered, carried out by the agent that is shipped on a simulated machine, over the real wire.

use std::sync::Arc;

use kaishin_agent::os::sim::Sim;
use kaishin_agent::os::sim::pack::{Key, pack};
use kaishin_agent::os::{Hive, Join, RegistryValue};
use kaishin_agent::{Keep, Settings};
use kaishin_domain::id::TerminalId;
use kaishin_tests::agent::Agent;
use kaishin_tests::harness::Harness;
use kaishin_tests::http::Answer;
use serde_json::{Value, json};

const W32TIME: &str = r"SYSTEM\CurrentControlSet\Services\W32Time\Parameters";
const POLICY: &str = r"SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate";

async fn order(harness: &Harness, id: TerminalId, remedy: &str, params: Value) -> Answer {
    let path = format!("/api/v1/terminals/{id}/jobs");
    harness
        .api
        .post(&path, &json!({ "remedy": remedy, "params": params }))
        .await
}

/// A terminal that needs some things put right.
async fn terminal(harness: &Harness, n: u64) -> (Arc<Sim>, Agent) {
    let settings = Settings {
        token: Some(harness.token(1).await),
        ..harness.settings()
    };
    let machine = Arc::new(Sim::new(7, n, harness.clock.clone()));
    let set = |key: &str, name: &str, value| machine.poke(Hive::LocalMachine, key, name, value);
    set(W32TIME, "NtpServer", Some(RegistryValue::text("time.windows.com,0x9")));
    set(POLICY, "SetActiveHours", None);
    let agent = Agent::start(settings, &machine, &Keep::memory(), &harness.clock);
    (machine, agent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_put_right_with_the_parameters_that_were_ordered_and_the_facts_follow() {
    let harness = Harness::start().await;
    let known = harness.api.get("/api/v1/remedies").await.expect(200).json();
    let known = known["items"].as_array().expect("a list").clone();
    assert!(known.iter().any(|remedy| remedy["id"] == "active-hours"
        && remedy["parameters"]["properties"]["start"]["maximum"] == 23
        && remedy["class"] == "consent"));

    let cases = [
        (
            "active-hours",
            json!({"start": 7, "end": 21}),
            json!({"update.active_start": 7, "update.active_end": 21}),
        ),
        ("time-source", json!({}), json!({"time.source": "ntp.base.oqs-pdl.org"})),
        ("fast-startup-off", json!({}), json!({"power.fast_startup": false})),
        (
            "windows-update-mode",
            json!({"mode": "manual", "hour": 5}),
            json!({"update.mode": "manual", "update.set_by": "policy-file"}),
        ),
        (
            "windows-update-mode",
            json!({"mode": "automatic", "hour": 5}),
            json!({"update.policy_file_mode": "automatic", "update.install_hour": 5}),
        ),
        (
            "power-settings",
            json!({}),
            json!({"power.sleep_ac": 0, "power.sleep_dc": 0}),
        ),
        (
            "proxy-repair",
            json!({}),
            json!({"proxy.missing": [], "proxy.winhttp_missing": []}),
        ),
        (
            "daily-restart",
            json!({"hour": 1}),
            json!({"tasks.restart_forbidden": []}),
        ),
    ];
    // So many changes are made to one terminal in a day and no more.
    for (n, cases) in cases.chunks(3).enumerate() {
        let (_, mut agent) = terminal(&harness, n as u64 + 1).await;
        let id = agent.is_online().await;
        for (remedy, params, facts) in cases {
            let would = dry_run(&harness, id, remedy, params.clone()).await;
            let ordered = order(&harness, id, remedy, params.clone()).await.expect(201).json();
            assert_eq!(ordered["params"], *params);
            let job = ordered["id"].as_str().expect("an id");
            let written = harness.audit(&format!("job:{job}")).await;
            assert!(
                written.iter().any(|entry| {
                    let after: Value = serde_json::from_str(entry["after"].as_str().expect("text")).expect("JSON");
                    after["params"] == *params
                }),
                "{remedy} is in the audit log with what was ordered: {written:?}"
            );
            let done = harness.job_is(job, "succeeded").await;
            // Nobody is asked about what is already fine.
            let steps = done["steps"].as_array().map_or(0, Vec::len);
            assert!(steps == 8 || would["verdict"] == "already_fine", "{would} {done}");
            let now = harness.terminal(id).await["facts"].clone();
            for (key, value) in facts.as_object().expect("facts") {
                assert_eq!(now[key]["value"], *value, "{remedy}: {}", now[key]);
            }
        }
        agent.stop().await;
    }

    let (machine, mut agent) = terminal(&harness, 9).await;
    let id = agent.is_online().await;
    let set = |key: &str, name: &str, value| machine.poke(Hive::LocalMachine, key, name, value);
    set(POLICY, "SetActiveHours", Some(RegistryValue::dword(1)));
    let ordered = order(&harness, id, "active-hours", json!({})).await.expect(201).json();
    let refused = harness.job_is(ordered["id"].as_str().expect("an id"), "refused").await;
    assert_eq!(refused["code"], "E-JOB-04", "{refused}");

    machine.set_joined(Join::Workgroup);
    let files = ["delegate.crx", "nopinauth.crx", "pinauth.crx"];
    for (nth, file) in files.into_iter().enumerate() {
        let crx = pack(&Key::simulated(nth), r#"{"version": "2.0.0.0"}"#);
        machine.put_file(format!(r"C:\Program Files\OQS-Auth\ext\{file}"), crx);
    }
    let params = json!({"strategy": "managed"});
    let would = dry_run(&harness, id, "edge-extension-swap", params.clone()).await;
    assert_eq!(would["verdict"], "not_applicable", "{would}");
    let ordered = order(&harness, id, "edge-extension-swap", params)
        .await
        .expect(201)
        .json();
    let refused = harness.job_is(ordered["id"].as_str().expect("an id"), "refused").await;
    assert_eq!(refused["code"], "E-JOB-74", "{refused}");

    for params in [
        json!({"start": 24}),
        json!({"start": 5, "end": 5}),
        json!({"path": "C:\\"}),
    ] {
        let problem = order(&harness, id, "active-hours", params).await.expect(422).json();
        assert_eq!(problem["code"], "E-JOB-14", "{problem}");
    }
    for params in [json!({"mode": "never"}), json!({"hour": 24})] {
        let problem = order(&harness, id, "windows-update-mode", params)
            .await
            .expect(422)
            .json();
        assert_eq!(problem["code"], "E-JOB-14", "{problem}");
    }
    agent.stop().await;
}

async fn dry_run(harness: &Harness, id: TerminalId, remedy: &str, params: Value) -> Value {
    let path = format!("/api/v1/terminals/{id}/jobs?dry_run=true");
    let asked = json!({ "remedy": remedy, "params": params });
    harness.api.post(&path, &asked).await.expect(200).json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_remedy_tells_what_it_would_change_and_what_it_changed_is_taken_back_once() {
    let harness = Harness::start().await;
    let settings = Settings {
        token: Some(harness.token(1).await),
        ..harness.settings()
    };
    let machine = Arc::new(Sim::new(7, 1, harness.clock.clone()));
    let server = || machine.peek(Hive::LocalMachine, W32TIME, "NtpServer");
    let set = |text: &str| {
        machine.poke(
            Hive::LocalMachine,
            W32TIME,
            "NtpServer",
            Some(RegistryValue::text(text)),
        )
    };
    set("time.windows.com,0x9");
    let before = server();
    let mut agent = Agent::start(settings, &machine, &Keep::memory(), &harness.clock);
    let id = agent.is_online().await;

    let would = dry_run(&harness, id, "time-source", json!({})).await;
    assert_eq!(would["verdict"], "would_change", "{would}");
    assert_eq!(would["changes"][0]["what"], "NtpServer");
    assert_eq!(would["changes"][0]["from"], "\"time.windows.com,0x9\"");
    assert_eq!(machine.writes(), 0, "who asks changes nothing");
    let listed = harness
        .api
        .get(&format!("/api/v1/jobs?terminal={id}"))
        .await
        .expect(200)
        .json();
    assert_eq!(listed["items"], json!([]), "and orders nothing");

    let job = harness.order(id, "time-source").await;
    let done = harness.job_is(&job, "succeeded").await;
    assert_eq!(done["can_undo"], true, "{done}");
    let fine = dry_run(&harness, id, "time-source", json!({})).await;
    assert_eq!(
        (&fine["verdict"], &fine["changes"]),
        (&json!("already_fine"), &json!([]))
    );

    let would = dry_run(&harness, id, "undo", json!({ "job": job })).await;
    assert_eq!(would["verdict"], "would_change", "{would}");
    assert_eq!(would["changes"][0]["to"], "\"time.windows.com,0x9\"");
    let ours = server();
    set("ntp.nict.jp,0x9");
    let changed = dry_run(&harness, id, "undo", json!({ "job": job })).await;
    assert_eq!(changed["verdict"], "not_applicable");
    let why = changed["reason"]["en"].as_str().expect("why");
    assert!(why.contains("ntp.nict.jp"), "{why}");
    let undo = order(&harness, id, "undo", json!({ "job": job }))
        .await
        .expect(201)
        .json();
    let refused = harness.job_is(undo["id"].as_str().expect("an id"), "refused").await;
    assert_eq!(refused["code"], "E-JOB-41", "{refused}");
    let words = kaishin_proto::ending::words("E-JOB-41").expect("words");
    assert_eq!(refused["words"], json!(words), "the code is said in words");
    assert_eq!(
        harness.job(&job).await["undone_by"],
        json!(null),
        "it was not taken back"
    );
    machine.poke(Hive::LocalMachine, W32TIME, "NtpServer", ours);

    let undo = order(&harness, id, "undo", json!({ "job": job }))
        .await
        .expect(201)
        .json();
    let undo = undo["id"].as_str().expect("an id");
    let undone = harness.job_is(undo, "succeeded").await;
    assert_eq!((server(), &undone["can_undo"]), (before, &json!(false)));
    let taken_back = harness.job(&job).await;
    assert_eq!(
        (&taken_back["undone_by"], &taken_back["can_undo"]),
        (&json!(undo), &json!(false)),
        "{taken_back}"
    );
    let written = harness.audit(&format!("job:{undo}")).await;
    assert!(
        written
            .iter()
            .any(|entry| entry["after"].as_str().is_some_and(|after| after.contains(&job)))
    );
    let again = order(&harness, id, "undo", json!({ "job": job }))
        .await
        .expect(201)
        .json();
    let refused = harness.job_is(again["id"].as_str().expect("an id"), "refused").await;
    assert_eq!(refused["code"], "E-JOB-42", "{refused}");

    let refresh = harness.order(id, "refresh-facts").await;
    harness.job_is(&refresh, "succeeded").await;
    for (params, status, code) in [
        (json!({ "job": refresh }), 409, "E-JOB-43"),
        (
            json!({ "job": "019a0000-0000-7000-8000-000000000000" }),
            404,
            "E-JOB-16",
        ),
        (json!({}), 422, "E-JOB-14"),
    ] {
        let problem = order(&harness, id, "undo", params).await.expect(status).json();
        assert_eq!(problem["code"], code, "{problem}");
    }
    agent.stop().await;
    harness.is_online(id, false).await;
    let away = dry_run(&harness, id, "time-source", json!({})).await;
    assert_eq!(away["verdict"], "offline");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_fetched_read_by_who_may_and_every_reading_is_written_down() {
    let harness = Harness::start().await;
    let (machine, mut agent) = terminal(&harness, 4).await;
    let id = agent.is_online().await;
    let place = kaishin_proto::profile::Profile::built_in().distribution.log_file;
    let place = place.expect("the profile names the log");
    let lines: String = (0..9_000).map(|n| format!("09:00:00 接続しました <{n}>\r\n")).collect();
    machine.put_file(&place, lines + "患者 山田花子\r\n");

    let fetch = async |record: &str, ends: &str| {
        let params = json!({ "record": record });
        let ordered = order(&harness, id, "collect-record", params).await.expect(201).json();
        let job = ordered["id"].as_str().expect("an id").to_owned();
        let ended = harness.job_is(&job, ends).await;
        (job, ended)
    };
    for (record, told) in [
        ("agent", "the agent started"),
        ("restarts", "Kernel-General 12"),
        ("distribution", "<8999>"),
    ] {
        let (job, ended) = fetch(record, "succeeded").await;
        assert_eq!(ended["record"], true, "{ended}");
        let path = format!("/api/v1/jobs/{job}/record");
        let read = harness.api.get(&path).await.expect(200).json();
        let text = read["text"].as_str().expect("text");
        assert!(
            text.contains(told) && !text.contains("山田") && !text.contains("uketsuke"),
            "{text}"
        );
        assert!(text.len() <= kaishin_proto::limits::MAX_RECORD);
        assert_eq!(
            (read["cut"].as_bool(), &read["record"]),
            (Some(record == "distribution"), &json!(record))
        );
        let written = harness.audit(&format!("job:{job}")).await;
        let readings = written.iter().filter(|entry| entry["action"] == "job.record-download");
        assert_eq!(readings.count(), 1, "{written:?}");
        let viewer = harness.bearer(kaishin_domain::access::Role::Viewer).await;
        let viewer = kaishin_tests::http::Http::new(harness.handle().http_addr).with_bearer(&viewer);
        viewer.get(&path).await.expect(403);
    }
    machine.remove_file(&place);
    let (job, failed) = fetch("distribution", "failed").await;
    assert_eq!(
        (&failed["code"], &failed["record"]),
        (&json!("E-JOB-66"), &json!(false))
    );
    let none = harness
        .api
        .get(&format!("/api/v1/jobs/{job}/record"))
        .await
        .expect(404)
        .json();
    assert_eq!(none["code"], "E-JOB-69");
    for params in [json!({"record": "C:\\Windows"}), json!({"path": "x"})] {
        order(&harness, id, "collect-record", params).await.expect(422);
    }
    agent.stop().await;
}
