//! Starting, looking whether all is well, stopping.

use kaishin_tests::children::Child;
use kaishin_tests::http::Http;
use kaishin_tests::serve::{CommandLine, Served, free_port};
use kaishin_tests::wait::SOON;

use super::super::store::meddle_with_sqlite;
use super::{Fresh, code};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_start_makes_database_and_authority_and_a_polite_stop_ends_with_zero() {
    let fresh = Fresh::new();
    let nothing = fresh.line.run(&["check", "--json"]);
    assert_eq!(nothing.code, Some(1), "there is nothing to be in order yet");
    assert_eq!(nothing.json()["ok"], false);
    assert!(!fresh.data.exists(), "looking makes nothing");

    let mut server =
        Child::spawn(&mut fresh.line.clone().with("KAISHIN_LOG", "info").command(&["serve"])).expect("it starts");
    let told = async |server: &mut Child| {
        kaishin_tests::wait::eventually(SOON, "it says that it started", async || {
            assert!(server.has_ended().is_none(), "{}", server.err().so_far());
            server.err().so_far().contains("started").then_some(())
        })
        .await;
    };
    told(&mut server).await;
    assert!(fresh.data.join("kaishin.db").is_file() && fresh.data.join("ca").is_dir());
    let checked = fresh.line.ask(&["check"]);
    assert_eq!(checked["ok"], true, "{checked}");
    server.terminate();
    assert_eq!(server.ended(SOON).await.code(), Some(0), "{}", server.err().so_far());

    let mut again =
        Child::spawn(&mut fresh.line.clone().with("KAISHIN_LOG", "info").command(&["serve"])).expect("it starts again");
    told(&mut again).await;
    again.terminate();
    assert_eq!(again.ended(SOON).await.code(), Some(0), "{}", again.err().so_far());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_the_same_folder_is_refused_and_the_first_lives_on() {
    let fresh = Fresh::new();
    let mut server = Served::start(&fresh.data).await;
    let elsewhere = fresh.line.clone();
    for line in [&server.line, &elsewhere] {
        let refused = line.run(&["serve"]);
        assert_eq!(refused.code, Some(1));
        assert!(
            refused.err.starts_with("E-START-06 Another Kaishin server"),
            "{}",
            refused.err
        );
        let ja = line.clone().with("LC_ALL", "ja_JP.UTF-8").run(&["serve"]);
        assert!(ja.err.contains("別のKaishinサーバーが使用中です"), "{}", ja.err);
    }
    server.api().get("/api/v1/overview").await.expect(200);
    assert_eq!(server.stop().await, Some(0));
    // Nothing is left that would keep the next one out.
    server.begin().await;
    assert_eq!(server.stop().await, Some(0), "{}", server.said());
}

#[test]
fn a_port_that_is_taken_is_named() {
    let fresh = Fresh::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = taken.local_addr().expect("an address").to_string();
    let refused = fresh.line.clone().with("KAISHIN_AGENTS", &addr).refuses(&["serve"]);
    assert_eq!(code(&refused), "E-START-03");
    assert!(refused.to_string().contains(&addr), "{refused}");
}

#[test]
fn a_configuration_with_a_mistake_says_where_it_is() {
    let fresh = Fresh::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("kaishin.toml");
    let named = file.display().to_string();
    let refused = |args: &[&str]| fresh.line.refuses(&[args, &["--config", &named]].concat());
    let missing = refused(&["serve"]);
    assert_eq!(code(&missing), "E-CONFIG-01");
    for (text, expected, says) in [
        ("htp = \"127.0.0.1:1\"", "E-CONFIG-02", "htp"),
        ("heartbeat_seconds = 1", "E-CONFIG-03", "heartbeat_seconds"),
    ] {
        std::fs::write(&file, text).expect("written");
        for command in [&["serve"][..], &["check"], &["token", "list"]] {
            let refused = refused(command);
            assert_eq!(code(&refused), expected, "{command:?}");
            assert!(refused.to_string().contains(says), "{refused}");
        }
    }
    assert!(!fresh.data.exists(), "nothing was begun");
}

#[test]
fn rules_of_an_installation_are_listed_and_a_bad_one_names_its_folder_and_file() {
    let fresh = Fresh::new();
    let folder = tempfile::tempdir().expect("a folder");
    let rules = folder.path().join("rules");
    let file = folder.path().join("kaishin.toml");
    std::fs::write(&file, format!("rules = {:?}", rules.display().to_string())).expect("written");
    let named = file.display().to_string();
    let bad = |command: &[&str]| {
        let refused = fresh.line.refuses(&[command, &["--config", &named]].concat());
        assert_eq!(code(&refused), "E-START-08", "{refused}");
        refused.to_string()
    };
    assert!(
        bad(&["serve"]).contains(&rules.display().to_string()),
        "there is no such folder"
    );
    std::fs::create_dir(&rules).expect("a folder");
    let write = |fault: &str| {
        let words = r#"{ "ja": "あ", "en": "a" }"#;
        let rule = format!(
            r#"{{ "rules": [{{ "id": "ours", "severity": "notice", "title": {words}, "explanation": {words}, "expected": {words},
                "fault": "{fault}", "citation": {{ "manual": "setup", "procedure": {words} }}, "evidence": ["boot.time"] }}] }}"#
        );
        std::fs::write(rules.join("ours.json"), rule).expect("written");
    };
    write("boot.tim>30d");
    for command in [&["serve"][..], &["rules", "list"]] {
        let said = bad(command);
        assert!(said.contains("ours.json") && said.contains("E-RULE-02"), "{said}");
    }
    fresh.line.ask(&["ca", "pin"]);
    let checked = fresh.line.run(&["check", "--json", "--config", &named]);
    assert!(
        checked.out.contains("ours.json") && checked.code == Some(1),
        "{checked:?}"
    );
    let checked = checked.json();
    let checks = checked["checks"].as_array().expect("checks").iter();
    let bad: Vec<&str> = checks
        .filter(|one| one["ok"] == false)
        .filter_map(|one| one["what"].as_str())
        .collect();
    assert_eq!(bad, ["rules"], "{checked}");
    write("boot.time>30d");
    let listed = fresh.line.ask(&["rules", "list", "--config", &named]);
    let listed = listed.as_array().expect("a list");
    assert!(listed.iter().any(|rule| rule["id"] == "ours"), "{listed:?}");
}

#[tokio::test]
async fn a_database_of_a_newer_kaishin_is_left_alone() {
    let fresh = Fresh::new();
    fresh.line.ask(&["ca", "pin"]);
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        SELECT 9999, 'from the future', success, checksum, 0 FROM _sqlx_migrations LIMIT 1";
    meddle_with_sqlite(&fresh.data.join("kaishin.db"), newer).await;
    for command in [&["serve"][..], &["operator", "list"]] {
        let refused = fresh.line.refuses(command);
        assert_eq!(code(&refused), "E-START-07", "{command:?}");
        assert!(refused.to_string().contains("9999"), "{refused}");
    }
    let checked = fresh.line.run(&["check", "--json"]);
    assert_eq!(checked.code, Some(1));
    assert!(checked.out.contains("newer Kaishin"), "{}", checked.out);
}

#[test]
fn what_cannot_be_typed_is_bad_usage() {
    let line = CommandLine::on(std::path::Path::new("/nonexistent")).with("KAISHIN_HTTP", free_port());
    for args in [
        &[][..],
        &["sreve"],
        &["operator", "create", "sato", "--role", "root"],
        &["token", "create", "--label", "x", "--life", "forever"],
        &["terminal", "revoke", "12", "--reason", "x"],
    ] {
        let told = line.run(args);
        assert_eq!((told.code, told.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(!told.err.is_empty(), "{args:?}");
    }
    for args in [&["--help"][..], &["--version"], &["token", "create", "--help"]] {
        assert_eq!(line.run(args).code, Some(0), "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_supervisor_hears_that_the_server_is_ready_lives_and_stops() {
    let fresh = Fresh::new();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let ear = tokio::net::UnixDatagram::bind(&path).expect("a socket");
    let heard = async || {
        let mut word = [0; 64];
        let length = tokio::time::timeout(SOON, ear.recv(&mut word)).await;
        let length = length.expect("a word in time").expect("a word");
        String::from_utf8_lossy(&word[..length]).into_owned()
    };
    let line = fresh.line.clone().with("NOTIFY_SOCKET", path.display());
    let line = line.with("WATCHDOG_USEC", 100_000);
    let mut server = Child::spawn(&mut line.command(&["serve"])).expect("it starts");
    assert_eq!(heard().await, "READY=1");
    let http = Http::new(line.address("KAISHIN_HTTP"));
    http.get("/readyz").await.expect(200);
    for _ in 0..3 {
        assert_eq!(heard().await, "WATCHDOG=1");
    }
    server.terminate();
    while heard().await != "STOPPING=1" {}
    assert_eq!(server.ended(SOON).await.code(), Some(0), "{}", server.err().so_far());
}

/// What the unit gives the server is what the server takes.
#[test]
fn the_unit_starts_the_server_as_the_server_is_started() {
    let unit = include_str!("../../../server/packaging/kaishin.service");
    let set = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    assert_eq!(set("Type"), Some("notify"));
    assert_eq!(set("WatchdogSec"), Some("60s"));
    let typed = set("ExecStart").expect("a command").replace("/usr/bin/kaishin ", "");
    let fresh = Fresh::new();
    let args: Vec<&str> = typed.split(' ').collect();
    // Its configuration is not here; that is all that is wrong with the command.
    assert_eq!(code(&fresh.line.refuses(&args)), "E-CONFIG-01");
    let (name, value) = set("Environment")
        .and_then(|set| set.split_once('='))
        .expect("a setting");
    assert_eq!(name, "KAISHIN_CA_KEY_FILE");
    let credential = value.strip_prefix("%d/").expect("in the folder of credentials");
    assert!(
        set("LoadCredential")
            .expect("a credential")
            .starts_with(&format!("{credential}:"))
    );
    // By that name the server takes it.
    let file = fresh.data.with_extension("passphrase");
    std::fs::write(&file, "from the supervisor\n").expect("written");
    let line = fresh.line.clone().with("KAISHIN_CA_KEY_FILE", file.display());
    line.ask(&["ca", "pin"]);
    std::fs::write(&file, "another\n").expect("written");
    assert!(code(&line.refuses(&["ca", "pin"])).starts_with("E-START-02"));
}
