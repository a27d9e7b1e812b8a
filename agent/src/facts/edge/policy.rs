//! What policies say about extensions. A policy is a value, or a key whose values are its items.

use kaishin_proto::value::Value;

use crate::os::{Hive, Os, RegistryTree};

pub const EDGE: &str = r"SOFTWARE\Policies\Microsoft\Edge";
/// What these begin with is about extensions.
const OURS: &str = "extension";
const MOST_ROWS: usize = 80;

/// Columns: policy, item, value. No rows where no policy is set.
pub fn table(os: &dyn Os) -> Value {
    let tree = match os.registry_tree(Hive::LocalMachine, EDGE, 2) {
        Ok(tree) => tree.unwrap_or_default(),
        Err(error) => return error.into(),
    };
    let mut rows = Vec::new();
    for (name, value) in tree.values.iter().filter(|(name, _)| is_ours(name)) {
        rows.push(vec![name.clone(), String::new(), value.shown()]);
    }
    for (policy, key) in tree.keys.iter().filter(|(name, _)| is_ours(name)) {
        items(policy, "", key, &mut rows);
    }
    rows.truncate(MOST_ROWS);
    super::table(&["policy", "item", "value"], rows)
}

fn is_ours(name: &str) -> bool {
    name.to_lowercase().starts_with(OURS)
}

/// `ExtensionSettings` has a key for each extension, the lists have numbered values.
fn items(policy: &str, above: &str, key: &RegistryTree, rows: &mut Vec<Vec<String>>) {
    let item = |name: &str| {
        if above.is_empty() {
            name.to_owned()
        } else {
            format!(r"{above}\{name}")
        }
    };
    for (name, value) in &key.values {
        rows.push(vec![policy.to_owned(), item(name), value.shown()]);
    }
    for (name, below) in &key.keys {
        items(policy, &item(name), below, rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::{reason, sim};
    use crate::os::RegistryValue;
    use kaishin_proto::value::Reason;

    #[test]
    fn policies_about_extensions_are_shown_in_each_of_their_forms() {
        let sim = sim();
        let Value::Table(none) = table(&sim) else {
            panic!("a table");
        };
        assert!(none.rows.is_empty(), "{none:?}");
        let text = RegistryValue::text;
        for (key, name, value) in [
            ("", "HomepageLocation", text("about:blank")),
            ("", "ExtensionSettings", text(r#"{"*": {}}"#)),
            (r"\ExtensionInstallAllowlist", "1", text("abc")),
            (r"\ExtensionSettings\abc", "installation_mode", text("removed")),
        ] {
            sim.poke(Hive::LocalMachine, &format!("{EDGE}{key}"), name, Some(value));
        }
        let Value::Table(table) = table(&sim) else {
            panic!("a table");
        };
        assert_eq!(table.rows.len(), 3, "{table:?}");
        assert!(
            table
                .rows
                .iter()
                .any(|row| row[0] == "ExtensionSettings" && row[1] == r"abc\installation_mode")
        );
        sim.deny(Hive::LocalMachine, EDGE);
        assert_eq!(reason(&super::table(&sim)), Some(Reason::NoPermission));
    }
}
