//! Chromium's managed policies on Linux as the registry that they are on Windows. Each file of the folder is a JSON object of
//! policies; where several name the same one, the last file by name counts, whole. The agent writes one file of its own, which
//! says what the browser is to go by, and nothing that the others say already.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use crate::facts::edge::policy::EDGE;
use crate::os::{Hive, OsError, Read, RegistryTree, RegistryValue, replace};

pub struct Policies {
    own: PathBuf,
}

/// A key below the browser's, by its parts. `None`: it is none of them.
pub fn below(hive: Hive, key: &str) -> Option<Vec<&str>> {
    let key = key.trim_matches('\\');
    let ours = key.get(..EDGE.len())?.eq_ignore_ascii_case(EDGE);
    let rest = key
        .get(EDGE.len()..)
        .filter(|rest| rest.is_empty() || rest.starts_with('\\'));
    let parts = rest?.split('\\').filter(|part| !part.is_empty()).collect();
    (ours && hive == Hive::LocalMachine).then_some(parts)
}

impl Policies {
    pub fn new(own: PathBuf) -> Policies {
        Policies { own }
    }

    /// `None` where there is no such key; the browser's own is always there.
    pub fn tree(&self, key: &[&str], depth: u32) -> Read<Option<RegistryTree>> {
        let all = Json::Object(self.all()?);
        let mut at = Some(&all);
        for part in key {
            at = at.and_then(|at| get(at.as_object()?, part));
        }
        Ok(at.filter(|at| is_key(at)).map(|at| tree(at, depth)))
    }

    pub fn set(&self, key: &[&str], name: &str, value: Option<&RegistryValue>) -> Read<()> {
        let policy = key.first().copied().unwrap_or(name);
        let others = self.others()?;
        let mut own = read(&self.own)?;
        let said = own.get(policy).or_else(|| others.get(policy)).cloned();
        let to = value.map(|value| json(value, name)).transpose()?;
        let now = match key.split_first() {
            None => to,
            Some((_, rest)) => Some(changed(said, policy, rest, name, to)?),
        };
        // What says nothing goes, unless it is there to overrule somebody who says something.
        let now = now.filter(|now| !is_empty(now) || others.contains_key(policy));
        if now.is_none() && others.contains_key(policy) {
            return Err(OsError::failed(format!("{policy} is set by another file")));
        }
        match now {
            Some(now) if !others.get(policy).is_some_and(|said| says_the_same(said, &now)) => {
                own.insert(policy.to_owned(), now)
            }
            Some(_) | None => own.remove(policy),
        };
        self.write(own)?;
        self.counts(policy)
    }

    /// Whether what stands in our file is what the browser goes by.
    fn counts(&self, policy: &str) -> Read<()> {
        let own = read(&self.own)?;
        if own.contains_key(policy) && self.all()?.get(policy) != own.get(policy) {
            return Err(OsError::failed(format!("{policy} is overruled by a later file")));
        }
        Ok(())
    }

    fn write(&self, own: Map<String, Json>) -> Read<()> {
        if !own.is_empty() {
            return replace(&self.own, format!("{:#}\n", Json::Object(own)).as_bytes());
        }
        match std::fs::remove_file(&self.own) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(OsError::from_io(&self.own.display().to_string(), &error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn all(&self) -> Read<Map<String, Json>> {
        self.merged(|_| true)
    }

    fn others(&self) -> Read<Map<String, Json>> {
        self.merged(|file| file != self.own)
    }

    fn merged(&self, wanted: impl Fn(&Path) -> bool) -> Read<Map<String, Json>> {
        let folder = self.own.parent().unwrap_or(Path::new("/"));
        let shown = folder.display().to_string();
        let mut files = Vec::new();
        match std::fs::read_dir(folder) {
            Ok(entries) => {
                for entry in entries {
                    files.push(entry.map_err(|error| OsError::from_io(&shown, &error))?.path());
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(OsError::from_io(&shown, &error)),
        }
        files.retain(|file| file.is_file() && wanted(file));
        files.sort();
        let mut all = Map::new();
        for file in files {
            all.extend(read(&file)?);
        }
        Ok(all)
    }
}

fn read(file: &Path) -> Read<Map<String, Json>> {
    let shown = file.display().to_string();
    match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| OsError::damaged(format!("{shown}: {error}"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Map::new()),
        Err(error) => Err(OsError::from_io(&shown, &error)),
    }
}

fn get<'a>(node: &'a Map<String, Json>, name: &str) -> Option<&'a Json> {
    let found = node.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, found)| found)
}

fn is_key(node: &Json) -> bool {
    node.is_array() || node.is_object()
}

/// The order of a list means nothing to the browser: one that was taken apart and put together again says what it said.
fn says_the_same(one: &Json, other: &Json) -> bool {
    match (one.as_array(), other.as_array()) {
        (Some(one), Some(other)) => {
            one.iter().all(|item| other.contains(item)) && other.iter().all(|item| one.contains(item))
        }
        (None, None) | (Some(_), None) | (None, Some(_)) => one == other,
    }
}

fn is_empty(node: &Json) -> bool {
    match node {
        Json::Array(items) => items.is_empty(),
        Json::Object(items) => items.is_empty(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

/// Items of a list are values named 1, 2, 3.
fn tree(node: &Json, depth: u32) -> RegistryTree {
    let named: Vec<(String, &Json)> = match node {
        Json::Array(items) => items
            .iter()
            .enumerate()
            .map(|(nth, item)| ((nth + 1).to_string(), item))
            .collect(),
        Json::Object(items) => items.iter().map(|(name, item)| (name.clone(), item)).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Vec::new(),
    };
    let (keys, values): (Vec<_>, Vec<_>) = named.into_iter().partition(|(_, item)| is_key(item));
    RegistryTree {
        values: values.into_iter().map(|(name, item)| (name, value(item))).collect(),
        keys: keys
            .into_iter()
            .map(|(name, item)| {
                (
                    name,
                    depth.checked_sub(1).map(|less| tree(item, less)).unwrap_or_default(),
                )
            })
            .collect(),
    }
}

fn value(item: &Json) -> RegistryValue {
    let number = item.as_u64().and_then(|number| u32::try_from(number).ok());
    match (item, number) {
        (Json::Bool(on), _) => RegistryValue::dword((*on).into()),
        (_, Some(number)) => RegistryValue::dword(number),
        (Json::String(text), _) => RegistryValue::text(text),
        (other, None) => RegistryValue::text(&other.to_string()),
    }
}

/// Truth is a number in the registry and a word here.
const TRUTHS: [&str; 1] = ["override_update_url"];

/// What is an object here is a text of JSON in the registry, or a key.
const OBJECTS: [&str; 1] = ["ExtensionSettings"];

fn json(value: &RegistryValue, name: &str) -> Read<Json> {
    if OBJECTS.contains(&name) {
        let object = serde_json::from_str(&value.as_text()?);
        return object.map_err(|error| OsError::failed(format!("{name}: {error}")));
    }
    if TRUTHS.contains(&name) {
        return value.as_u32().map(|number| Json::Bool(number != 0));
    }
    let number = value.as_u32().map(Json::from);
    number
        .or_else(|_| value.as_text().map(Json::from))
        .map_err(|_| OsError::failed(format!("{name} is neither a text nor a number")))
}

/// What the policy is with this one value in it, or without.
fn changed(said: Option<Json>, policy: &str, rest: &[&str], name: &str, to: Option<Json>) -> Read<Json> {
    let is_list = policy.to_ascii_lowercase().ends_with("list");
    let mut said = said.unwrap_or_else(|| {
        if is_list {
            Json::Array(Vec::new())
        } else {
            Map::new().into()
        }
    });
    match &mut said {
        Json::Array(items) if rest.is_empty() => item(items, name, to)?,
        Json::Object(node) => member(node, rest, name, to),
        Json::Array(_) | Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
            return Err(OsError::damaged(format!("{policy} has another form")));
        }
    }
    Ok(said)
}

/// A list has no gaps: what stands behind an item that goes moves up.
fn item(items: &mut Vec<Json>, name: &str, to: Option<Json>) -> Read<()> {
    let at = name.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let at = at.filter(|at| *at <= items.len());
    match (at, to) {
        (Some(at), Some(to)) if at == items.len() => items.push(to),
        (Some(at), Some(to)) => {
            if let Some(item) = items.get_mut(at) {
                *item = to;
            }
        }
        (Some(at), None) if at < items.len() => drop(items.remove(at)),
        (_, None) => {}
        (None, Some(_)) => return Err(OsError::failed(format!("a list has no place {name:?}"))),
    }
    Ok(())
}

fn member(node: &mut Map<String, Json>, rest: &[&str], name: &str, to: Option<Json>) {
    let Some((first, rest)) = rest.split_first() else {
        match to {
            Some(to) => node.insert(name.to_owned(), to),
            None => node.remove(name),
        };
        return;
    };
    let mut inner = match node.remove(*first) {
        Some(Json::Object(inner)) => inner,
        Some(_) | None => Map::new(),
    };
    member(&mut inner, rest, name, to);
    if !inner.is_empty() {
        node.insert((*first).to_owned(), Json::Object(inner));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LIST: &[&str] = &["ExtensionInstallForcelist"];

    fn folder(other: &Json) -> (tempfile::TempDir, Policies) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("clinic.json"), other.to_string()).unwrap();
        let policies = Policies::new(folder.path().join("kaishin.json"));
        (folder, policies)
    }

    fn own(policies: &Policies) -> Json {
        read(&policies.own).unwrap().into()
    }

    fn texts(policies: &Policies, key: &[&str]) -> Vec<String> {
        let tree = policies.tree(key, 0).unwrap().unwrap_or_default();
        tree.values.iter().map(|(_, value)| value.as_text().unwrap()).collect()
    }

    #[test]
    fn what_others_say_stays_in_their_files_and_counts_beside_ours() {
        let (folder, policies) = folder(&json!({"ExtensionInstallForcelist": ["a", "b"], "Other": true}));
        assert_eq!(texts(&policies, LIST), ["a", "b"]);
        policies.set(LIST, "3", Some(&RegistryValue::text("c"))).unwrap();
        assert_eq!(own(&policies), json!({"ExtensionInstallForcelist": ["a", "b", "c"]}));
        policies.set(LIST, "1", None).unwrap();
        assert_eq!(texts(&policies, LIST), ["b", "c"]);
        for _ in 0..2 {
            policies.set(LIST, "1", None).unwrap();
        }
        assert_eq!(
            own(&policies),
            json!({"ExtensionInstallForcelist": []}),
            "overrules the other"
        );
        // In whichever order they come back.
        for (name, text) in [("1", "b"), ("2", "a")] {
            policies.set(LIST, name, Some(&RegistryValue::text(text))).unwrap();
        }
        assert!(!policies.own.exists(), "it would say what is said already");
        assert!(policies.set(LIST, "9", Some(&RegistryValue::text("x"))).is_err());
        let clinic = std::fs::read_to_string(folder.path().join("clinic.json")).unwrap();
        assert!(clinic.contains(r#""Other":true"#));
    }

    #[test]
    fn settings_of_one_extension_are_a_key_that_goes_when_it_is_empty() {
        let (_folder, policies) = folder(&json!({}));
        let key = &["ExtensionSettings", "abc"];
        assert_eq!(policies.tree(key, 0), Ok(None));
        policies
            .set(key, "installation_mode", Some(&RegistryValue::text("removed")))
            .unwrap();
        policies.set(key, "n", Some(&RegistryValue::dword(1))).unwrap();
        assert_eq!(
            own(&policies),
            json!({"ExtensionSettings": {"abc": {"installation_mode": "removed", "n": 1}}})
        );
        let tree = policies.tree(&[], 2).unwrap().unwrap();
        let abc = tree.key("ExtensionSettings").and_then(|key| key.key("abc")).unwrap();
        assert_eq!(abc.number("n"), Ok(Some(1)));
        policies.set(key, "installation_mode", None).unwrap();
        policies.set(key, "n", None).unwrap();
        let text = RegistryValue::text(r#"{"abc": {"installation_mode": "allowed"}}"#);
        policies.set(&[], "ExtensionSettings", Some(&text)).unwrap();
        let tree = policies.tree(key, 0).unwrap().unwrap();
        assert_eq!(tree.text("installation_mode"), Ok(Some("allowed".into())));
        policies.set(key, "installation_mode", None).unwrap();
        policies
            .set(key, "override_update_url", Some(&RegistryValue::dword(1)))
            .unwrap();
        assert_eq!(own(&policies)["ExtensionSettings"]["abc"]["override_update_url"], true);
        let tree = policies.tree(key, 0).unwrap().unwrap();
        assert_eq!(tree.number("override_update_url"), Ok(Some(1)));
        policies.set(key, "override_update_url", None).unwrap();
        assert!(!policies.own.exists());
    }

    #[test]
    fn a_file_behind_ours_and_a_damaged_one_are_told() {
        let (folder, policies) = folder(&json!({}));
        let behind = folder.path().join("z.json");
        std::fs::write(&behind, r#"{"ExtensionInstallForcelist": ["z"]}"#).unwrap();
        let refused = policies.set(LIST, "2", Some(&RegistryValue::text("c"))).unwrap_err();
        assert!(refused.detail.contains("overruled"), "{refused}");
        std::fs::write(&behind, "{").unwrap();
        assert!(policies.tree(LIST, 0).is_err());
    }

    #[test]
    fn only_the_browsers_own_keys_are_policies() {
        let parts = below(
            Hive::LocalMachine,
            r"software\policies\microsoft\edge\ExtensionSettings\abc",
        );
        assert_eq!(parts, Some(vec!["ExtensionSettings", "abc"]));
        for key in [r"SOFTWARE\Policies\Microsoft\EdgeUpdate", r"SOFTWARE\Policies", ""] {
            assert_eq!(below(Hive::LocalMachine, key), None);
        }
        assert_eq!(below(Hive::Users, EDGE), None);
    }
}
