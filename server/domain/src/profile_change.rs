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
    let mut paths: Vec<&(String, String)> = before.keys().chain(after.keys()).collect();
    paths.sort();
    paths.dedup();
    let change = |key: &(String, String)| {
        let (was, is) = (before.get(key), after.get(key));
        (was != is).then(|| Change {
            path: key.0.clone(),
            before: was.cloned(),
            after: is.cloned(),
        })
    };
    paths.into_iter().filter_map(change).collect()
}

/// Everything that a profile says, path by path; a list's elements under the same path.
pub fn entries(profile: &Profile) -> Vec<(String, String)> {
    told(profile)
        .into_iter()
        .map(|((path, _), value)| (path, value))
        .collect()
}

/// Path and, for elements of lists, the element: an element that moves is no change.
type Entries = BTreeMap<(String, String), String>;

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
            for element in elements {
                match name_of(element) {
                    Some(name) => walk(&format!("{path}[{name}]"), element, entries),
                    None => {
                        let text = plain(element);
                        entries.insert((format!("{path}[]"), text.clone()), text);
                    }
                }
            }
        }
        Json::Bool(_) | Json::Number(_) | Json::String(_) => {
            entries.insert((path.to_owned(), String::new()), plain(value));
        }
    }
}

/// By what an element of a list is told from the others.
fn name_of(element: &Json) -> Option<String> {
    let of = |key: &str| element.get(key).map(plain);
    of("name").or_else(|| of("build")).or_else(|| of("model"))
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use kaishin_proto::profile::Patch;
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
}
