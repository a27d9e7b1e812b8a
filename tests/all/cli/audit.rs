//! The audit log tells when somebody has been at it.

use super::super::store::meddle_with_sqlite;
use super::{Fresh, code};

#[tokio::test]
async fn an_edit_a_deletion_and_a_cut_of_the_audit_log_are_found() {
    let fresh = Fresh::new();
    for name in ["sato", "tanaka", "suzuki"] {
        fresh.line.ask(&["operator", "create", name, "--role", "desk"]);
    }
    let whole = fresh.line.ask(&["audit", "verify"]);
    assert_eq!(whole["whole"], true);
    let head = whole["head"].as_str().expect("a head").to_owned();
    fresh.line.ask(&["audit", "verify", "--anchor", &head]);
    let listed = fresh.line.ask(&["audit", "list", "--target", "operator:tanaka"]);
    assert_eq!(listed[0]["action"], "operator.create");
    assert_eq!(listed.as_array().map(Vec::len), Some(1));

    let file = fresh.data.join("kaishin.db");
    let kept = std::fs::read(&file).expect("the database");
    let meddled = [
        ("an edit", "UPDATE audit SET actor = 'nobody' WHERE number = 2"),
        ("a deletion", "DELETE FROM audit WHERE number = 2"),
        (
            "a cut",
            "DELETE FROM audit WHERE number = (SELECT MAX(number) FROM audit)",
        ),
    ];
    for (what, statement) in meddled {
        meddle_with_sqlite(&file, statement).await;
        let refused = fresh.line.refuses(&["audit", "verify", "--anchor", &head]);
        assert!(code(&refused).starts_with("E-AUDIT-"), "{what}: {refused}");
        let checked = fresh.line.run(&["check", "--json"]);
        if what != "a cut" {
            assert_eq!(checked.code, Some(1), "{what}: {}", checked.out);
        }
        std::fs::write(&file, &kept).expect("as it was");
    }
    assert_eq!(fresh.line.ask(&["audit", "verify", "--anchor", &head])["whole"], true);
}
