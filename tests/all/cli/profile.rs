//! The terminal profile out of a file and into one.

use super::{Fresh, code};

#[test]
fn a_profile_is_shown_checked_and_published_and_a_bad_one_is_refused_with_its_line() {
    let fresh = Fresh::new();
    let shown = fresh.line.run(&["profile", "show"]).out;
    let file = |name: &str, text: &str| {
        let path = fresh.data.join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("a path").to_owned()
    };
    let bad = file("bad.json", &shown.replacen("\"2.3.0\"", "\"two\"", 1));
    let line = shown
        .lines()
        .position(|line| line.contains("\"2.3.0\""))
        .expect("a version")
        + 1;
    for act in [
        vec!["profile", "check", &bad],
        vec!["profile", "publish", &bad, "--reason", "x"],
    ] {
        let refused = fresh.line.refuses(&act);
        assert_eq!(code(&refused), "E-PROFILE-01");
        assert_eq!(refused["error"]["detail"]["line"], line, "{refused}");
    }
    let good = file("good.json", &shown.replacen("\"2.3.0\"", "\"2.4.0\"", 1));
    let checked = fresh.line.ask(&["profile", "check", &good]);
    assert_eq!(checked["changes"][0]["path"], "software.face.version");
    assert_eq!(checked["changes"][0]["after"], "2.4.0");
    assert_eq!(
        fresh.line.ask(&["profile", "history"]).as_array().map(Vec::len),
        Some(1)
    );
    let published = fresh.line.ask(&["profile", "publish", &good, "--reason", "新しい版"]);
    assert_eq!(published["version"], 2);
    assert_eq!(
        fresh.line.ask(&["profile", "show"])["software"]["face"]["version"],
        "2.4.0"
    );
    let again = fresh.line.refuses(&["profile", "publish", &good, "--reason", "x"]);
    assert_eq!(code(&again), "E-PROFILE-02", "the file was made from version 1");
    let history = fresh.line.ask(&["profile", "history"]);
    assert_eq!(history[0]["version"], 2);
    assert_eq!(history[0]["reason"], "新しい版");
    assert_eq!(history[0]["changes"].as_array().map(Vec::len), Some(1));
    assert_eq!(history[1]["version"], 1);
    let audited = fresh.line.ask(&["audit", "list", "--target", "profile:2"]);
    assert_eq!(audited[0]["action"], "profile.publish");
    let none = fresh.line.refuses(&["profile", "check", "/nowhere/profile.json"]);
    assert_eq!(code(&none), "E-CLI-08");
}

#[test]
fn every_rule_is_listed_with_its_citation() {
    let fresh = Fresh::new();
    let rules = fresh.line.ask(&["rules", "list"]);
    let rules = rules.as_array().expect("a list");
    assert!(rules.len() > 50, "{}", rules.len());
    for rule in rules {
        for words in ["title", "citation"] {
            for language in ["ja", "en"] {
                assert!(
                    rule[words][language].as_str().is_some_and(|text| !text.is_empty()),
                    "{rule}"
                );
            }
        }
    }
}
