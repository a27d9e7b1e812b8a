//! What one terminal profile changes against another, entry by entry, for people who publish it and for the record.

use std::collections::BTreeMap;

use kaishin_proto::profile::Profile;
use serde::Serialize;
use serde_json::Value as Json;

/// One entry: added without a before, removed without an after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// As the profile nests it: `edge.delegate.version`, `tasks[]`, `checks[onshikaku].host`.
    pub path: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// In the order of their paths. The version itself is no change: it grows with every publication.
pub fn changes(before: &Profile, after: &Profile) -> Vec<Change> {
    let (before, after) = (told(before), told(after));
    let mut keys: Vec<&Key> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    let change = |key: &Key| {
        let (was, is) = (before.get(key), after.get(key));
        (was != is).then(|| Change {
            path: shown(key),
            before: was.cloned(),
            after: is.cloned(),
        })
    };
    keys.into_iter().filter_map(change).collect()
}

/// Everything that a profile says, path by path; a list's elements under the same path, unless their order counts.
pub fn entries(profile: &Profile) -> Vec<(String, String)> {
    told(profile)
        .into_iter()
        .map(|(key, value)| (shown(&key), value))
        .collect()
}

type Entries = BTreeMap<Key, String>;
type Key = (String, Spot);

/// Where below its path an entry stands.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Spot {
    Alone,
    /// In a list, told by what it is: one that moves is no change.
    Among(String),
    /// In a list whose order counts, from 1.
    Place(usize),
}

fn shown((path, spot): &Key) -> String {
    match spot {
        Spot::Alone => path.clone(),
        Spot::Among(_) => format!("{path}[]"),
        Spot::Place(place) => format!("{path}[{place}]"),
    }
}

fn told(profile: &Profile) -> Entries {
    let mut entries = BTreeMap::new();
    // A profile is plain data; were it not, nothing would be told apart, and nothing could be published.
    if let Ok(Json::Object(mut fields)) = serde_json::to_value(profile) {
        fields.remove("version");
        walk("", &Json::Object(fields), &mut entries);
    }
    entries
}

fn walk(path: &str, value: &Json, entries: &mut Entries) {
    match value {
        Json::Null => {}
        Json::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                walk(&path, value, entries);
            }
        }
        Json::Array(elements) => {
            for (at, element) in elements.iter().enumerate() {
                match name_of(element) {
                    Some(name) => walk(&format!("{path}[{name}]"), element, entries),
                    None if order_counts(path) => {
                        entries.insert((path.to_owned(), Spot::Place(at + 1)), plain(element));
                    }
                    None => {
                        entries.insert((path.to_owned(), Spot::Among(element.to_string())), in_words(element));
                    }
                }
            }
        }
        Json::Bool(_) | Json::Number(_) | Json::String(_) => {
            entries.insert((path.to_owned(), Spot::Alone), plain(value));
        }
    }
}

/// Of the files that tell a software's version the first that is there counts.
fn order_counts(path: &str) -> bool {
    path.starts_with("software.") && path.ends_with(".info")
}

/// By what an element of a list is told from the others, where that is not the whole of it.
fn name_of(element: &Json) -> Option<String> {
    let of = |key: &str| element.get(key).map(plain);
    of("name").or_else(|| of("build"))
}

/// A model is its maker and its name: makers do share names.
fn in_words(element: &Json) -> String {
    match (element.get("manufacturer"), element.get("model")) {
        (Some(maker), Some(model)) => format!("{} {}", plain(maker), plain(model)),
        (_, _) => plain(element),
    }
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use kaishin_proto::profile::{Model, Patch};
    use kaishin_proto::value::Version;

    use super::*;

    fn after(change: impl FnOnce(&mut Profile)) -> Vec<(String, Option<String>, Option<String>)> {
        let mut profile = Profile::built_in();
        profile.version += 1;
        change(&mut profile);
        let changed = changes(&Profile::built_in(), &profile);
        let whole = changed.into_iter().map(|it| (it.path, it.before, it.after));
        whole.collect()
    }

    fn one(path: &str, before: Option<&str>, after: Option<&str>) -> Vec<(String, Option<String>, Option<String>)> {
        vec![(path.into(), before.map(str::to_owned), after.map(str::to_owned))]
    }

    #[test]
    fn each_change_is_told_where_it_stands() {
        assert_eq!(after(|_| {}), one("", None, None)[..0]);
        let face = after(|profile| profile.software.face.version = Version("3.0".into()));
        assert_eq!(face, one("software.face.version", Some("2.3.0"), Some("3.0")));
        let edge = after(|profile| profile.latest.edge = Version::parse("130.0"));
        assert_eq!(edge, one("latest.edge", None, Some("130.0")));
        let patched = after(|profile| {
            profile.latest.os.push(Patch {
                build: 17_763,
                revision: 5_000,
            });
        });
        assert_eq!(
            patched.iter().map(|(path, _, _)| path.as_str()).collect::<Vec<_>>(),
            ["latest.os[17763].build", "latest.os[17763].revision"]
        );
    }

    #[test]
    fn lists_tell_what_came_and_went_and_not_what_moved() {
        let moved = after(|profile| profile.tasks.reverse());
        assert_eq!(moved, []);
        let came = after(|profile| profile.tasks.insert(0, "Nightly".into()));
        assert_eq!(came, one("tasks[]", None, Some("Nightly")));
        let first = Profile::built_in().checks[0].name.clone();
        let other = after(|profile| profile.checks[0].port = 4_433);
        assert_eq!(other[0].0, format!("checks[{first}].port"));
    }

    #[test]
    fn of_files_that_tell_a_version_it_is_told_which_comes_first() {
        let [first, second] = Profile::built_in().software.face.info.try_into().expect("two");
        let told = |place: &str, before: Option<&str>, after: Option<&str>| {
            one(&format!("software.face.info[{place}]"), before, after)
        };
        let swapped = after(|profile| profile.software.face.info.reverse());
        let both = [
            told("1", Some(&first), Some(&second)),
            told("2", Some(&second), Some(&first)),
        ];
        assert_eq!(swapped, both.concat());
        let gone = after(|profile| profile.software.face.info.truncate(1));
        assert_eq!(gone, told("2", Some(&second), None));
        let many = after(|profile| profile.software.link.info = vec!["x".into(); 11]);
        assert_eq!(
            many.last().map(|(path, _, _)| path.as_str()),
            Some("software.link.info[11]")
        );
        let listed = entries(&Profile::built_in());
        assert!(listed.contains(&("software.face.info[1]".into(), first)), "{listed:?}");
    }

    #[test]
    fn two_makers_may_give_their_models_one_name() {
        let same = |manufacturer: &str| Model {
            manufacturer: manufacturer.into(),
            model: "ThinkPad E14 Gen 2".into(),
        };
        let came = after(|profile| profile.arp.models.insert(0, same("Other")));
        assert_eq!(came, one("arp.models[]", None, Some("Other ThinkPad E14 Gen 2")));
        let with = |models: [Model; 2]| {
            let mut profile = Profile::built_in();
            profile.arp.models = models.into();
            profile
        };
        let one_way = with([same("LENOVO"), same("Other")]);
        assert_eq!(changes(&one_way, &with([same("Other"), same("LENOVO")])), []);
    }
}
