//! Windows' list of installed software: of the machine, in both its views, and of each user. Never through the installer's
//! own catalogue, whose mere reading starts repairs.

use kaishin_proto::value::{Reason, Value, Version};

use super::super::table;
use crate::os::{Hive, Os, Read, RegistryTree};

const NATIVE: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";
const OLD: &str = r"SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall";
const OF_USER: &str = r"Software\Microsoft\Windows\CurrentVersion\Uninstall";
/// What a table takes, so that it still fits into one fact.
const MOST_ROWS: usize = 120;

pub struct Installed(Vec<Program>);

struct Program {
    name: String,
    version: String,
    publisher: String,
    /// "machine", or whose it is.
    of: String,
}

pub fn all(os: &dyn Os) -> Read<Installed> {
    let mut found = Vec::new();
    for key in [NATIVE, OLD] {
        if let Some(tree) = os.registry_tree(Hive::LocalMachine, key, 1)? {
            found.extend(programs(&tree, "machine"));
        }
    }
    for user in os.users()? {
        if let Some(tree) = os.registry_tree(Hive::Users, &user.key(OF_USER), 1)? {
            found.extend(programs(&tree, user.shown()));
        }
    }
    found.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    Ok(Installed(found))
}

/// Entries without a name are parts of others; one whose name is no text is passed over, not the whole list.
fn programs(tree: &RegistryTree, of: &str) -> Vec<Program> {
    let program = |key: &RegistryTree| {
        let text = |name: &str| key.text(name).ok().flatten().unwrap_or_default();
        Program {
            name: text("DisplayName"),
            version: text("DisplayVersion"),
            publisher: text("Publisher"),
            of: of.to_owned(),
        }
    };
    let found = tree.keys.iter().map(|(_, key)| program(key));
    found.filter(|program| !program.name.is_empty()).collect()
}

/// Exactly the name, or the name and then something else: some write their version behind it.
fn is_called(shown: &str, name: &str) -> bool {
    let (shown, name) = (shown.trim().to_lowercase(), name.to_lowercase());
    shown
        .strip_prefix(&name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '(']))
}

impl Installed {
    /// The newest, where an old entry was left behind.
    pub fn version_of(&self, names: &[String]) -> Value {
        let is_it = |program: &&Program| names.iter().any(|name| is_called(&program.name, name));
        let found: Vec<&Program> = self.0.iter().filter(is_it).collect();
        if found.is_empty() {
            return Value::unknown(Reason::NotFound, format!("{} is not installed", names.join(" / ")));
        }
        let newest = found
            .iter()
            .filter_map(|program| Version::parse(&program.version))
            .max();
        newest.map_or_else(
            || {
                Value::unknown(
                    Reason::Damaged,
                    format!("{} has the version {:?}", found[0].name, found[0].version),
                )
            },
            Value::Version,
        )
    }

    /// What the verification software is called comes first; the rest as far as there is room.
    pub fn table(&self, first: &[&str]) -> Value {
        let is_first = |program: &&Program| first.iter().any(|name| is_called(&program.name, name));
        let (ours, rest): (Vec<_>, Vec<_>) = self.0.iter().partition(is_first);
        let row = |program: &Program| {
            let short = |text: &str| text.chars().take(60).collect::<String>();
            vec![
                short(&program.name),
                short(&program.version),
                short(&program.publisher),
                program.of.clone(),
            ]
        };
        let mut room = super::super::LONGEST / 2;
        let fits = |row: &Vec<String>| {
            let size = row.iter().map(String::len).sum();
            room = usize::saturating_sub(room, size);
            room > 0
        };
        let rows = ours.into_iter().chain(rest).take(MOST_ROWS).map(row).take_while(fits);
        table(&["name", "version", "publisher", "of"], rows.collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::{reason, sim, value};
    use crate::os::RegistryValue;

    #[test]
    fn both_views_and_the_users_are_asked_and_odd_entries_do_no_harm() {
        let sim = sim();
        let user = sim.users().unwrap().remove(0);
        let put = |hive, key: &str, name: &str, value| sim.poke(hive, key, name, Some(value));
        let text = RegistryValue::text;
        put(Hive::LocalMachine, &format!(r"{NATIVE}\a"), "DisplayName", text("甲"));
        put(Hive::LocalMachine, &format!(r"{OLD}\b"), "DisplayName", text("乙 1.2"));
        put(Hive::LocalMachine, &format!(r"{OLD}\b"), "DisplayVersion", text("1.2"));
        put(
            Hive::LocalMachine,
            &format!(r"{OLD}\c"),
            "DisplayName",
            RegistryValue::dword(1),
        );
        put(
            Hive::Users,
            &user.key(&format!(r"{OF_USER}\d")),
            "DisplayName",
            text("丙"),
        );
        let Value::Table(table) = value(&sim, "oqs.installed") else {
            panic!("a table");
        };
        let seen: Vec<_> = table
            .rows
            .iter()
            .map(|row| (row[0].as_str(), row[3].as_str()))
            .collect();
        for expected in [("甲", "machine"), ("乙 1.2", "machine"), ("丙", user.shown())] {
            assert!(seen.contains(&expected), "{seen:?}");
        }
        let installed = all(&sim).unwrap();
        assert_eq!(
            installed.version_of(&["乙".into()]),
            Value::Version(Version("1.2".into()))
        );
        assert_eq!(reason(&installed.version_of(&["甲".into()])), Some(Reason::Damaged));
        sim.deny(Hive::Users, &user.sid);
        assert_eq!(reason(&value(&sim, "oqs.installed")), Some(Reason::NoPermission));
    }

    #[test]
    fn a_list_of_thousands_still_fits_and_ours_are_in_it() {
        let sim = sim();
        for n in 0..3000 {
            let key = format!(r"{NATIVE}\{n}");
            sim.poke(
                Hive::LocalMachine,
                &key,
                "DisplayName",
                Some(RegistryValue::text(&format!("ソフト{n:05}"))),
            );
        }
        let Value::Table(table) = value(&sim, "oqs.installed") else {
            panic!("a table");
        };
        assert!(table.rows.len() <= MOST_ROWS && table.rows.iter().any(|row| row[0].starts_with("Oqs")));
    }
}
