//! Operators, enrolment tokens, API tokens and the authority.

use kaishin_tests::http::Http;
use kaishin_tests::serve::Served;

use super::{Fresh, code};

#[test]
fn people_are_made_listed_changed_and_closed_at_the_shell() {
    let fresh = Fresh::new();
    let line = &fresh.line;
    let given = line.run_with_input(
        &[
            "operator",
            "create",
            "sato",
            "--role",
            "admin",
            "--password-stdin",
            "--json",
        ],
        "a password of my own\n",
    );
    assert_eq!(given.code, Some(0), "{}", given.err);
    assert_eq!(given.json()["password"], serde_json::Value::Null, "it is known already");
    let made = line.ask(&[
        "operator",
        "create",
        "tanaka",
        "--role",
        "desk",
        "--display-name",
        "田中",
    ]);
    assert!(made["password"].as_str().is_some_and(|password| password.len() >= 12));
    let spoken = line.run(&["operator", "create", "suzuki", "--role", "viewer"]);
    assert!(
        spoken.out.starts_with("suzuki's password, shown only once: "),
        "{}",
        spoken.out
    );

    line.ask(&["operator", "set-role", "tanaka", "approver"]);
    line.ask(&["operator", "set-password", "tanaka"]);
    line.ask(&["operator", "disable", "suzuki"]);
    let listed = line.ask(&["operator", "list"]);
    let seen: Vec<_> = listed.as_array().expect("a list").iter().collect();
    let names: Vec<_> = seen
        .iter()
        .map(|one| (&one["name"], &one["role"], &one["disabled"]))
        .collect();
    assert_eq!(
        serde_json::json!(names),
        serde_json::json!([
            ["sato", "admin", false],
            ["suzuki", "viewer", true],
            ["tanaka", "approver", false]
        ])
    );
    line.ask(&["operator", "enable", "suzuki"]);
    let table = line.run(&["operator", "list"]);
    assert!(
        table.out.contains("DISPLAY NAME") && table.out.contains("田中"),
        "{}",
        table.out
    );
    let ja = line.clone().with("LC_ALL", "ja_JP.UTF-8").run(&["operator", "list"]);
    assert!(ja.out.contains("表示名"), "{}", ja.out);

    let twice = line.refuses(&["operator", "create", "sato", "--role", "desk"]);
    assert_eq!(code(&twice), "E-STORE-02");
    assert_eq!(code(&line.refuses(&["operator", "disable", "nobody"])), "E-OPERATOR-03");
    let short = line.run_with_input(&["operator", "set-password", "sato", "--password-stdin"], "short\n");
    assert!(
        short.code == Some(1) && short.err.starts_with("E-OPERATOR-02"),
        "{}",
        short.err
    );
    let none = line.run_with_input(&["operator", "set-password", "sato", "--password-stdin"], "");
    assert!(none.code == Some(1) && none.err.starts_with("E-CLI-02"), "{}", none.err);
}

#[test]
fn enrolment_tokens_are_made_listed_and_revoked_at_the_shell() {
    let fresh = Fresh::new();
    let line = &fresh.line;
    let lot = ["token", "create", "--label", "lot 7", "--uses", "500", "--life", "30d"];
    let made = line.ask(&lot);
    let text = made["token"].as_str().expect("shown once");
    let id = made["id"].as_str().expect("an id");
    let listed = line.ask(&["token", "list"]);
    assert_eq!(listed[0]["label"], "lot 7");
    assert!(!listed.to_string().contains(text), "shown once only");
    assert_eq!(
        line.ask(&["token", "revoke", id, "--reason", "lost"])["state"],
        "revoked"
    );
    assert_eq!(line.ask(&["token", "list"])[0]["state"], "revoked");
    let again = line.refuses(&["token", "revoke", id, "--reason", "lost"]);
    assert!(code(&again).starts_with("E-"), "{again}");
    let long = line.refuses(&["token", "create", "--label", "x", "--uses", "1", "--life", "30d"]);
    assert!(code(&long).starts_with("E-"), "{long}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_programs_token_made_beside_a_running_server_works_until_it_is_revoked() {
    let fresh = Fresh::new();
    let mut server = Served::start(&fresh.data).await;
    let made = server
        .line
        .ask(&["api-token", "create", "monitoring", "--role", "viewer"]);
    let (id, text) = (
        made["id"].as_str().expect("an id"),
        made["token"].as_str().expect("once"),
    );
    let api = Http::new(server.http).with_bearer(text);
    api.get("/api/v1/overview").await.expect(200);
    assert_eq!(server.line.ask(&["api-token", "list"])[0]["name"], "monitoring");
    server
        .line
        .ask(&["api-token", "revoke", id, "--reason", "no longer used"]);
    api.get("/api/v1/overview").await.expect(401);
    assert_eq!(server.line.ask(&["api-token", "list"])[0]["state"], "revoked");
    assert_eq!(server.stop().await, Some(0));
}

#[test]
fn the_authority_shows_its_pin_and_lets_its_root_go() {
    let fresh = Fresh::new();
    let line = &fresh.line;
    let pin = line.ask(&["ca", "pin"])["pin"].clone();
    assert_eq!(pin.as_str().map(str::len), Some(64));
    assert_eq!(
        line.run(&["ca", "pin"]).out.trim(),
        pin.as_str().expect("a pin"),
        "nothing else, for scripts"
    );
    let shown = line.ask(&["ca", "show"]);
    assert_eq!((&shown["pin"], &shown["root_key_here"]), (&pin, &true.into()));
    let away = fresh.data.with_file_name("root.key.pem");
    let to = away.display().to_string();
    line.ask(&["ca", "detach-root", &to]);
    assert!(away.is_file());
    assert_eq!(line.ask(&["ca", "show"])["root_key_here"], false);
    let again = line.refuses(&["ca", "detach-root", &to]);
    assert!(code(&again).starts_with("E-"), "{again}");
}
