use super::*;
use crate::facts::tests::sim;
use crate::os::sim::Sim;

const FILE: &str = r"C:\Windows\System32\GroupPolicy\Machine\Registry.pol";
/// As the policy editor spells it.
const EDITED: &str = r"Software\Policies\Microsoft\Edge\ExtensionInstallAllowlist";

fn ids() -> Vec<String> {
    ["a", "b"].map(|letter| letter.repeat(32)).to_vec()
}

fn other() -> String {
    "p".repeat(32)
}

fn bare() -> Sim {
    let sim = sim();
    sim.remove_key(Hive::LocalMachine, EDGE);
    sim.put_file(FILE, Policy::default().write());
    sim
}

fn poke(sim: &Sim, key: &str, name: &str, text: &str) {
    let key = format!(r"{EDGE}\{key}");
    sim.poke(
        Hive::LocalMachine,
        key.trim_end_matches('\\'),
        name,
        Some(RegistryValue::text(text)),
    );
}

fn list(sim: &Sim) -> Vec<(String, String)> {
    About::Allowed(ids()).entries(&Registry(sim)).unwrap()
}

#[test]
fn a_list_gets_our_entries_behind_the_others_and_loses_no_other() {
    let sim = bare();
    poke(&sim, ALLOWED, "1", &other());
    poke(&sim, ALLOWED, "7", &ids()[1]);
    let rule = Rule::read(&sim, About::Allowed(ids())).unwrap();
    assert_eq!((rule.says.clone(), rule.filed.clone()), (vec![ids()[1].clone()], None));
    let to = rule.saying(ids());
    to.make(&sim).unwrap();
    let entry = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    assert_eq!(
        list(&sim),
        [entry("1", &other()), entry("7", &ids()[1]), entry("8", &ids()[0])]
    );
    assert_eq!(rule.again(&sim), Ok(to.clone()));
    to.make(&sim).unwrap();
    assert_eq!(list(&sim).len(), 3, "twice is once");
    rule.make(&sim).unwrap();
    assert_eq!(list(&sim), [entry("1", &other()), entry("7", &ids()[1])]);
}

#[test]
fn an_entry_with_another_address_is_replaced() {
    let sim = bare();
    let entry = |id: &str, url: &str| format!("{id};{url}");
    poke(&sim, FORCED, "1", &entry(&ids()[0], "https://old"));
    poke(&sim, FORCED, "2", &entry(&other(), "https://old"));
    let rule = Rule::read(&sim, About::Forced(ids())).unwrap();
    let to = rule.saying([entry(&ids()[0], "file:///new")]);
    to.make(&sim).unwrap();
    assert_eq!(rule.again(&sim), Ok(to));
    rule.make(&sim).unwrap();
    assert_eq!(rule.again(&sim), Ok(rule));
}

#[test]
fn a_list_that_the_policy_editor_keeps_is_changed_in_its_file_too_and_survives_a_refresh() {
    let sim = bare();
    let mut file = Policy::default();
    let everything = RegistryValue::text(" ");
    file.set(EDITED, "**delvals.", &everything);
    file.set(EDITED, "1", &RegistryValue::text(&other()));
    file.set(r"Software\別", "受付", &RegistryValue::dword(1));
    sim.put_file(FILE, file.write());
    sim.refresh_policy();
    let rule = Rule::read(&sim, About::Allowed(ids())).unwrap();
    assert_eq!(rule.filed, Some(Vec::new()));
    let to = rule.saying(ids());
    to.make(&sim).unwrap();
    sim.refresh_policy();
    assert_eq!(rule.again(&sim), Ok(to));
    assert_eq!(list(&sim).len(), 3);
    let now = Policy::read(&sim.file(FILE).unwrap()).unwrap();
    assert_eq!(now.said(r"Software\別", "受付"), Said::Set(RegistryValue::dword(1)));
    rule.make(&sim).unwrap();
    assert_eq!(&*sim.file(FILE).unwrap(), file.write(), "byte for byte");
    // In the registry alone it would go at the next refresh, and that is seen.
    let alone = Rule {
        filed: None,
        ..rule.saying(ids())
    };
    alone.make(&sim).unwrap();
    sim.refresh_policy();
    assert_eq!(rule.again(&sim), Ok(rule));
}

#[test]
fn how_an_extension_is_installed_is_said_in_keys_or_in_one_text_and_the_rest_stays() {
    for text in [None, Some(r#"{"*":{"installation_mode":"blocked"},"pppp":{"x":[1]}}"#)] {
        let sim = bare();
        match text {
            Some(text) => poke(&sim, "", SETTINGS, text),
            None => poke(&sim, &format!(r"{SETTINGS}\{}", ids()[0]), "update_url", "https://old"),
        }
        let rule = Rule::read(&sim, About::Mode(ids()[0].clone())).unwrap();
        assert!(rule.says.is_empty());
        let to = rule.saying(["removed".to_owned()]);
        to.make(&sim).unwrap();
        assert_eq!(rule.again(&sim), Ok(to));
        let address = Rule::read(&sim, About::Address(ids()[0].clone())).unwrap();
        let yes = address.saying([YES.to_owned()]);
        yes.make(&sim).unwrap();
        assert_eq!(address.again(&sim), Ok(yes));
        address.make(&sim).unwrap();
        assert_eq!(address.again(&sim), Ok(address));
        rule.make(&sim).unwrap();
        assert_eq!(rule.again(&sim), Ok(rule.clone()));
        if text.is_none() {
            let sim = bare();
            let removed = Rule::read(&sim, rule.about.clone())
                .unwrap()
                .saying(["removed".to_owned()]);
            removed.make(&sim).unwrap();
            assert!(sim.peek(Hive::LocalMachine, EDGE, SETTINGS).is_some());
            removed.saying([]).make(&sim).unwrap();
            assert_eq!(
                sim.peek(Hive::LocalMachine, EDGE, SETTINGS),
                None,
                "no key, no text is left"
            );
        }
        let left = match text {
            Some(_) => sim.peek(Hive::LocalMachine, EDGE, SETTINGS),
            None => sim.peek(
                Hive::LocalMachine,
                &format!(r"{EDGE}\{SETTINGS}\{}", ids()[0]),
                "update_url",
            ),
        };
        assert_eq!(left.unwrap().as_text().unwrap(), text.unwrap_or("https://old"));
    }
}

#[test]
fn what_is_written_in_an_unknown_way_is_left_alone() {
    let sim = bare();
    poke(&sim, "", ALLOWED, r#"["x"]"#);
    poke(&sim, "", SETTINGS, "{");
    for about in [About::Allowed(ids()), About::Mode(ids()[0].clone())] {
        assert_eq!(Rule::read(&sim, about).unwrap_err().reason, Reason::Damaged);
    }
    sim.put_file(FILE, *b"PReg");
    let error = Rule::read(&sim, About::Forced(ids())).unwrap_err();
    assert_eq!(error.reason, Reason::Damaged);
}
