//! What the agent can tell about its terminal: one collector per section of the catalogue, each reading through the seam
//! `Os` alone. Every fact of a section is always there; what could not be read is *unknown* with its reason. No defaults in
//! place of what was not seen, except where Windows itself gives absence a meaning.

mod accounts;
mod agent;
pub mod boot;
pub mod certificates;
mod connectivity;
mod disk;
mod display;
mod dotnet;
pub mod edge;
mod hardware;
pub mod network;
pub mod oqs;
mod os;
pub mod people;
pub mod power;
pub mod proxy;
mod security;
mod shares;
pub mod tasks;
pub mod time;
pub mod update;

use kaishin_proto::calendar::Hours;
use kaishin_proto::convert::{self, Facts};
use kaishin_proto::fact::{self, Section};
use kaishin_proto::profile::Profile;
use kaishin_proto::time::{Span, Time};
use kaishin_proto::v1;
use kaishin_proto::value::{Reason, Table, Value, Version};

use crate::diary::Diary;
use crate::os::{Os, Read};

/// What the agent knows besides its terminal: itself, for the `agent` section, and what carriers told it to look for.
#[derive(Clone, Debug)]
pub struct About {
    pub version: String,
    pub started: Time,
    /// What to look for, and where.
    pub profile: std::sync::Arc<Profile>,
    /// As the server numbered it; 0 is the one that the agent was built with.
    pub profile_version: u32,
    /// Why the last one that the server sent is not in use, if it is not.
    pub profile_refused: Option<String>,
    /// When patients are received here.
    pub hours: Hours,
    /// For people who ask what happened.
    pub diary: Diary,
}

impl About {
    /// With the profile that the agent was built with.
    pub fn new(version: impl Into<String>, started: Time) -> About {
        About {
            version: version.into(),
            started,
            profile: Profile::built_in().into(),
            profile_version: 0,
            profile_refused: None,
            hours: Hours::default(),
            diary: Diary::default(),
        }
    }
}

/// A single value longer than this says nothing that a person or a rule could use, and would not fit through the wire.
const LONGEST: usize = 16 * 1024;

type Collector = fn(&dyn Os, &About) -> Facts;

/// In the order of the catalogue.
const COLLECTORS: &[(&str, Collector)] = &[
    ("agent", agent::collect),
    ("os", os::collect),
    ("hardware", hardware::collect),
    ("boot", boot::collect),
    ("power", power::collect),
    ("disk", disk::collect),
    ("edge", edge::collect),
    ("update", update::collect),
    ("network", network::collect),
    ("proxy", proxy::collect),
    ("time", time::collect),
    ("display", display::collect),
    ("tasks", tasks::collect),
    ("accounts", accounts::collect),
    ("shares", shares::collect),
    ("certificates", certificates::collect),
    ("oqs", oqs::collect),
    ("dotnet", dotnet::collect),
    ("connectivity", connectivity::collect),
    ("security", security::collect),
];

/// Sections that cost the terminal or its line something: they ask other machines, or read through whole folders.
const HEAVY: &[&str] = &["edge", "time", "tasks", "certificates", "oqs", "connectivity"];

pub fn is_heavy(name: &str) -> bool {
    HEAVY.contains(&name)
}

/// The sections this build can observe, in the order of the catalogue.
pub fn names() -> impl Iterator<Item = &'static str> {
    COLLECTORS.iter().map(|(name, _)| *name)
}

/// Observes one section; `None` for a section that this build does not know.
pub fn section(name: &str, os: &dyn Os, about: &About) -> Option<Facts> {
    let (name, collect) = COLLECTORS.iter().find(|(known, _)| *known == name)?;
    let section = fact::section(name)?;
    Some(whole(section, collect(os, about)))
}

/// Observes sections for the wire; unknown names are passed over.
pub fn observe(names: &[String], os: &dyn Os, about: &About, now: Time) -> Vec<v1::Section> {
    let observe = |name: &String| {
        let facts = section(name, os, about)?;
        Some(convert::section_to_wire(name, &facts, now))
    };
    names.iter().filter_map(observe).collect()
}

/// Exactly the catalogue's facts in its order: a collector's slip becomes *unknown*, never a gap or a wrong type.
fn whole(section: &Section, found: Facts) -> Facts {
    let mut found: std::collections::BTreeMap<String, Value> = found.into_iter().collect();
    let fact = |fact: &fact::Fact| {
        let value = match found.remove(fact.key) {
            None => Value::unknown(Reason::Failed, "the collector left it out"),
            Some(value) if !fact.kind.holds(&value) => Value::unknown(Reason::Failed, "of the wrong type"),
            Some(value) if size(&value) > LONGEST => Value::unknown(Reason::Damaged, "too long to be sound"),
            Some(value) => value,
        };
        (fact.key.to_owned(), value)
    };
    section.facts.iter().map(fact).collect()
}

fn size(value: &Value) -> usize {
    let texts = |items: &[String]| items.iter().map(String::len).sum::<usize>();
    match value {
        Value::Text(text) => text.len(),
        Value::Version(version) => version.0.len(),
        Value::Unknown(unknown) => unknown.detail.len(),
        Value::List(items) => texts(items),
        Value::Table(table) => table.rows.iter().map(|row| texts(row)).sum::<usize>() + texts(&table.columns),
        Value::Truth(_) | Value::Number(_) | Value::Time(_) | Value::Duration(_) | Value::Size(_) => 0,
    }
}

fn row(key: &str, value: Value) -> (String, Value) {
    (key.to_owned(), value)
}

fn text(read: Read<String>) -> Value {
    read.map_or_else(Value::from, Value::Text)
}

fn number(read: Read<i64>) -> Value {
    read.map_or_else(Value::from, Value::Number)
}

fn time(read: Read<Time>) -> Value {
    read.map_or_else(Value::from, Value::Time)
}

fn size_of(read: Read<u64>) -> Value {
    read.map_or_else(Value::from, Value::Size)
}

fn span(read: Read<Span>) -> Value {
    read.map_or_else(Value::from, Value::Duration)
}

fn list(read: Read<Vec<String>>) -> Value {
    read.map_or_else(Value::from, Value::List)
}

fn truth(read: Read<bool>) -> Value {
    read.map_or_else(Value::from, Value::Truth)
}

fn version(read: Read<String>) -> Value {
    match read {
        Ok(text) => Version::parse(&text).map_or_else(|| Value::unknown(Reason::Damaged, text), Value::Version),
        Err(error) => Value::from(error),
    }
}

/// Column names are words for programs; pages translate them.
fn table(columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Value {
    Value::Table(Table {
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        rows: rows
            .into_iter()
            .map(|row| row.into_iter().map(shown).collect())
            .collect(),
    })
}

/// What stands in a table or a list came from files: one line, and not endless.
fn shown(text: String) -> String {
    const MOST: usize = 300;
    if text.len() <= MOST && !text.chars().any(char::is_control) {
        return text;
    }
    text.chars().filter(|c| !c.is_control()).take(MOST).collect()
}

#[cfg(test)]
mod damage;

#[cfg(test)]
pub(crate) mod tests {
    use kaishin_proto::clock::Clock;

    use super::*;
    use crate::os::sim::Sim;
    use crate::os::{Hive, OsError, RegistryKind, RegistryValue};

    pub(crate) const CURRENT_VERSION: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";

    pub(crate) fn about() -> About {
        let mut about = About::new("0.1.0", Time(0));
        about.hours.told = true;
        about
    }

    pub(crate) fn sim() -> Sim {
        Sim::new(1, 1, Clock::manual(Time(1_800_000_000_000_000)))
    }

    pub(crate) fn value(os: &dyn Os, key: &str) -> Value {
        let (name, _) = key.split_once('.').unwrap();
        let facts = section(name, os, &about()).unwrap();
        facts.into_iter().find(|(found, _)| found == key).unwrap().1
    }

    pub(crate) fn reason(value: &Value) -> Option<Reason> {
        if let Value::Unknown(unknown) = value {
            return Some(unknown.reason);
        }
        None
    }

    pub(crate) fn listed(os: &dyn Os, key: &str) -> Vec<String> {
        let Value::List(items) = value(os, key) else {
            panic!("{key} is {:?}", value(os, key));
        };
        items
    }

    #[test]
    fn what_is_heavy_is_a_section() {
        assert!(HEAVY.iter().all(|name| fact::section(name).is_some()));
        assert!(names().any(is_heavy) && !names().all(is_heavy));
    }

    #[test]
    fn every_section_of_the_catalogue_has_its_collector_in_that_order() {
        let catalogue: Vec<_> = fact::SECTIONS.iter().map(|section| section.name).collect();
        assert_eq!(names().collect::<Vec<_>>(), catalogue);
    }

    /// What `whole` would put right, no collector may get wrong: neither on a healthy machine nor where calls fail.
    #[test]
    fn a_collector_tells_each_fact_of_its_section_once_and_in_its_type_and_no_other() {
        for nth in 0..60 {
            for (name, collect) in COLLECTORS {
                let sim = sim();
                if nth > 0 {
                    sim.fail_call(nth, OsError::no_permission("a closed door"));
                }
                let found = collect(&sim, &about());
                let mut keys: Vec<_> = found.iter().map(|(key, _)| key.as_str()).collect();
                let mut expected: Vec<_> = fact::section(name).unwrap().facts.iter().map(|fact| fact.key).collect();
                keys.sort_unstable();
                expected.sort_unstable();
                assert_eq!(keys, expected, "{name}, call {nth}");
                for (key, value) in &found {
                    let kind = fact::find(key).unwrap().kind;
                    assert!(kind.holds(value), "{key} is {value:?} and no {kind:?}");
                    assert!(size(value) <= LONGEST, "{key} is too long");
                    let told = if let Value::Unknown(unknown) = value {
                        !unknown.detail.is_empty()
                    } else {
                        true
                    };
                    assert!(told, "{key} is unknown for no reason");
                }
            }
        }
    }

    #[test]
    fn every_fact_of_a_section_is_there_in_order_whatever_fails() {
        for nth in 0..40 {
            let sim = sim();
            if nth > 0 {
                sim.fail_call(nth, OsError::failed("a sick disk"));
            }
            for name in names() {
                let catalogued = fact::section(name).unwrap();
                let facts = section(name, &sim, &about()).unwrap();
                let keys: Vec<_> = facts.iter().map(|(key, _)| key.as_str()).collect();
                let expected: Vec<_> = catalogued.facts.iter().map(|fact| fact.key).collect();
                assert_eq!(keys, expected);
                for (key, value) in &facts {
                    // A password without an end has no date, and a desktop no battery; where to look for the other, nobody has
                    // found out yet.
                    let natural = ["accounts.oqs_password_expires", "power.sleep_dc", "oqs.auto_update"];
                    let natural = natural.contains(&key.as_str());
                    let unknown = value.is_unknown() && !natural;
                    assert!(nth > 0 || !unknown, "{key} is {value:?} on a healthy terminal");
                }
            }
        }
    }

    #[test]
    fn a_damaged_registry_gives_unknown_and_never_a_guess() {
        let sim = sim();
        let odd = RegistryValue::new(RegistryKind::SZ, vec![0xff]);
        let long = RegistryValue::text(&"x".repeat(LONGEST + 1));
        sim.poke(Hive::LocalMachine, CURRENT_VERSION, "EditionID", Some(odd));
        sim.poke(Hive::LocalMachine, CURRENT_VERSION, "ProductName", Some(long));
        let many = RegistryValue::text("many");
        sim.poke(Hive::LocalMachine, CURRENT_VERSION, "CurrentBuild", Some(many));
        sim.poke(Hive::LocalMachine, CURRENT_VERSION, "UBR", None);
        assert_eq!(reason(&value(&sim, "os.edition")), Some(Reason::Damaged));
        assert_eq!(reason(&value(&sim, "os.product")), Some(Reason::Damaged));
        assert_eq!(reason(&value(&sim, "os.build")), Some(Reason::Damaged));
        assert_eq!(reason(&value(&sim, "os.version")), Some(Reason::Damaged));
        assert_eq!(reason(&value(&sim, "os.revision")), Some(Reason::NotFound));
        assert!(!value(&sim, "os.hostname").is_unknown());
    }

    #[test]
    fn an_agent_version_that_is_no_version_is_damaged() {
        let about = About {
            version: "two".into(),
            ..about()
        };
        let facts = section("agent", &sim(), &about).unwrap();
        assert_eq!(reason(&facts[0].1), Some(Reason::Damaged));
    }

    /// One line for each thing of its sort that is wrong; the rules say it with more care.
    fn wrong(sim: &Sim) -> Vec<&'static str> {
        let fact = |key: &str| value(sim, key);
        let text = |key: &str, wanted: &str| fact(key) == Value::Text(wanted.into());
        let older =
            |key: &str, least: &str| matches!(fact(key), Value::Version(found) if found < Version(least.into()));
        let fuller = |key: &str| matches!(fact(key), Value::List(list) if !list.is_empty());
        let less = |key: &str, least: i64| matches!(fact(key), Value::Number(found) if found < least);
        let was_searched = |at: Time| Time(1_800_000_000_000_000).since(at) < Span::days(30);
        let cases = [
            ("fast startup", fact("power.fast_startup") == Value::Truth(true)),
            ("little room", less("disk.system_free_percent", 10)),
            ("old extension", older("edge.delegate.version", "2")),
            ("missing extension", fuller("edge.missing")),
            ("disabled extension", fuller("edge.disabled")),
            ("developer mode", fact("edge.developer_mode") == Value::Truth(true)),
            (
                "damaged settings",
                reason(&fact("edge.developer_mode")) == Some(Reason::Damaged),
            ),
            ("no files", fact("edge.crx_ready") != Value::Truth(true)),
            ("notifies only", text("update.mode", "notify")),
            (
                "registry against file",
                fact("update.registry_mode") != fact("update.policy_file_mode"),
            ),
            ("update fails", !text("update.last_error", "none")),
            (
                "stale",
                !matches!(fact("update.last_search"), Value::Time(at) if was_searched(at)),
            ),
            ("service off", text("update.service", "disabled")),
            ("short day", less("update.active_end", 18)),
            ("old face software", older("oqs.face.version", "2.3")),
            ("old link software", older("oqs.link.version", "2.2")),
            ("old certificate client", older("oqs.mpki.version", "1.2")),
            ("old .NET", less("dotnet.release", 528_040)),
        ];
        cases
            .into_iter()
            .filter(|(_, is_so)| *is_so)
            .map(|(what, _)| what)
            .collect()
    }

    #[test]
    fn a_fleet_has_every_kind_of_fault_and_most_of_its_terminals_have_none() {
        const FLEET: u64 = 400;
        let clock = Clock::manual(Time(1_800_000_000_000_000));
        let fleet: Vec<_> = (0..FLEET).map(|n| wrong(&Sim::new(7, n, clock.clone()))).collect();
        let faulty = fleet.iter().filter(|wrong| !wrong.is_empty()).count() as u64;
        assert!((FLEET / 4..FLEET / 2).contains(&faulty), "{faulty} of {FLEET}");
        let kinds: std::collections::BTreeSet<_> = fleet.iter().flatten().collect();
        assert_eq!(kinds.len(), 18, "{kinds:?}");
    }
}
