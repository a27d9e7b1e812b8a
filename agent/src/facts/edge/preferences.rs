//! What the browser's own settings say about extensions. Pure: the two files are read elsewhere.
//!
//! Forms differ by the browser's age: reasons for which an extension is off were bits of a number and are a list now, and
//! its state was a number of its own and is no longer there.

use kaishin_proto::value::{Reason, Version};
use serde_json::Value as Json;

use crate::os::{OsError, Read};

const EXTENSIONS: &str = "extensions";

/// Where an extension came from, by the browser's number.
const LOCATIONS: &[(i64, &str)] = &[
    (1, "dragged"),
    (2, "external"),
    (3, "registry"),
    (4, "unpacked"),
    (5, "component"),
    (6, "external-download"),
    (7, "policy"),
    (8, "command-line"),
    (9, "policy-load"),
    (10, "external-component"),
];

/// Why one is off, by the browser's bit; others are shown as their number.
const REASONS: &[(i64, &str)] = &[
    (1, "user"),
    (2, "more-permissions"),
    (4, "reloading"),
    (8, "requirements"),
    (16, "outside-the-store"),
    (32, "from-sync"),
    (128, "not-verified"),
    (256, "greylisted"),
    (512, "corrupted"),
    (1024, "remote-install"),
    (4096, "external"),
    (8192, "update-required"),
    (16_384, "approval-needed"),
    (32_768, "blocked-by-policy"),
];

pub struct Installed {
    pub id: String,
    pub name: String,
    pub version: Read<Version>,
    pub enabled: Read<bool>,
    pub location: String,
    pub reasons: Vec<String>,
}

impl Installed {
    pub fn is_part_of_the_browser(&self) -> bool {
        self.location == "component" || self.location == "external-component"
    }
}

/// The two files are one set of settings; what is protected counts where both have something. Only what is about extensions
/// is looked at; the rest of the files, some hundred kilobytes, is left alone.
pub fn merged(secure: Read<Option<Json>>, plain: Read<Option<Json>>) -> Read<Json> {
    let mut merged = Json::Null;
    for file in [plain?, secure?].into_iter().flatten() {
        let Some(settings) = file.as_object() else {
            return Err(damaged("a file of settings", &file));
        };
        overlay(&mut merged, settings.get(EXTENSIONS).unwrap_or(&Json::Null));
    }
    Ok(serde_json::json!({ EXTENSIONS: merged }))
}

fn overlay(under: &mut Json, over: &Json) {
    match (under, over) {
        (_, Json::Null) => {}
        (under @ Json::Null, over) => *under = over.clone(),
        (Json::Object(under), Json::Object(over)) => {
            for (name, value) in over {
                overlay(under.entry(name.clone()).or_insert(Json::Null), value);
            }
        }
        (under, over) => *under = over.clone(),
    }
}

pub fn developer_mode(settings: &Json) -> Read<bool> {
    match settings.pointer("/extensions/ui/developer_mode") {
        // The browser writes it only once somebody has switched it on.
        None | Some(Json::Null) => Ok(false),
        Some(Json::Bool(on)) => Ok(*on),
        Some(odd) => Err(damaged("developer_mode", odd)),
    }
}

/// `manifest` reads the version out of an extension's folder, where the settings do not have it.
pub fn installed(settings: &Json, manifest: impl Fn(&str) -> Read<Version>) -> Read<Vec<Installed>> {
    let settings = match settings.pointer("/extensions/settings") {
        None | Some(Json::Null) => return Ok(Vec::new()),
        Some(Json::Object(settings)) => settings,
        Some(odd) => return Err(damaged("extensions.settings", odd)),
    };
    let is_id = |id: &str| id.len() == 32 && id.bytes().all(|letter| (b'a'..=b'p').contains(&letter));
    let known = settings.iter().filter(|(id, _)| is_id(id));
    // The browser remembers ids of extensions that are gone: without a location and a manifest.
    let there = known.filter(|(_, entry)| entry.get("location").is_some() || entry.get("manifest").is_some());
    Ok(there.map(|(id, entry)| one(id, entry, &manifest)).collect())
}

fn one(id: &str, entry: &Json, manifest: impl Fn(&str) -> Read<Version>) -> Installed {
    let told = entry.pointer("/manifest/version");
    let version = match (told, entry.get("path").and_then(Json::as_str)) {
        (Some(told), _) => told
            .as_str()
            .and_then(Version::parse)
            .ok_or_else(|| damaged("version", told)),
        (None, Some(path)) => manifest(path),
        (None, None) => Err(OsError::new(Reason::NotFound, format!("{id} has no version"))),
    };
    let reasons = reasons(entry.get("disable_reasons"));
    let is_on = match entry.get("state") {
        None | Some(Json::Null) => Ok(true),
        Some(state) => state
            .as_i64()
            .map(|state| state == 1)
            .ok_or_else(|| damaged("state", state)),
    };
    let enabled = match (&reasons, is_on) {
        (Ok(reasons), Ok(is_on)) => Ok(is_on && reasons.is_empty()),
        (Err(error), _) => Err(error.clone()),
        (Ok(_), Err(error)) => Err(error),
    };
    let location = entry.get("location").and_then(Json::as_i64).unwrap_or(0);
    let word = LOCATIONS.iter().find(|(number, _)| *number == location);
    Installed {
        id: id.to_owned(),
        name: entry
            .pointer("/manifest/name")
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned(),
        version,
        enabled,
        location: word.map_or_else(|| location.to_string(), |(_, word)| (*word).to_owned()),
        reasons: reasons.unwrap_or_default(),
    }
}

fn reasons(told: Option<&Json>) -> Read<Vec<String>> {
    let word = |bit: i64| {
        let known = REASONS.iter().find(|(number, _)| *number == bit);
        known.map_or_else(|| bit.to_string(), |(_, word)| (*word).to_owned())
    };
    match told {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::Array(list)) => {
            let number = |reason: &Json| reason.as_i64().ok_or_else(|| damaged("disable_reasons", reason));
            list.iter().take(64).map(|reason| number(reason).map(word)).collect()
        }
        Some(number) => {
            let bits = number.as_i64().filter(|bits| *bits >= 0);
            let bits = bits.ok_or_else(|| damaged("disable_reasons", number))?;
            Ok((0..63)
                .map(|at| 1 << at)
                .filter(|bit| bits & bit != 0)
                .map(word)
                .collect())
        }
    }
}

fn damaged(what: &str, odd: &Json) -> OsError {
    let odd: String = odd.to_string().chars().take(40).collect();
    OsError::damaged(format!("{what} is {odd}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const ID: &str = "abcdefghijklmnopabcdefghijklmnop";

    fn found(entry: Json) -> Option<Installed> {
        let settings = json!({"extensions": {"settings": {ID: entry}}});
        let none = |_: &str| Err(OsError::not_found("no manifest"));
        installed(&settings, none).unwrap().pop()
    }

    #[test]
    fn an_extension_is_on_where_its_state_is_and_nothing_speaks_against_it() {
        for (state, reasons, expected, words) in [
            (json!(null), json!(null), Ok(true), ""),
            (json!(1), json!(0), Ok(true), ""),
            (json!(null), json!([]), Ok(true), ""),
            (json!(0), json!(null), Ok(false), ""),
            (json!(1), json!(1), Ok(false), "user"),
            (json!(null), json!(144), Ok(false), "outside-the-store, not-verified"),
            (json!(null), json!([128, 1048576]), Ok(false), "not-verified, 1048576"),
            (json!("on"), json!(0), Err(Reason::Damaged), ""),
            (json!(1), json!(["user"]), Err(Reason::Damaged), ""),
            (json!(1), json!(-1), Err(Reason::Damaged), ""),
            (json!(1), json!({}), Err(Reason::Damaged), ""),
        ] {
            let entry =
                json!({"location": 1, "state": state, "disable_reasons": reasons, "manifest": {"version": "2.0"}});
            let found = found(entry).unwrap();
            assert_eq!(
                found.enabled.map_err(|error| error.reason),
                expected,
                "{state} {reasons}"
            );
            assert_eq!(found.reasons.join(", "), words, "{state} {reasons}");
        }
    }

    #[test]
    fn a_version_comes_from_the_settings_or_the_folder_and_is_else_unknown() {
        let version = |entry: Json| {
            let settings = json!({"extensions": {"settings": {ID: entry}}});
            let manifest = |path: &str| match path {
                r"abc\2.0_0" => Ok(Version("2.0".into())),
                _ => Err(OsError::not_found(path)),
            };
            installed(&settings, manifest)
                .unwrap()
                .pop()
                .unwrap()
                .version
                .map_err(|error| error.reason)
        };
        let two = || Ok(Version("2.0".into()));
        assert_eq!(version(json!({"location": 1, "manifest": {"version": "2.0"}})), two());
        assert_eq!(version(json!({"location": 1, "path": r"abc\2.0_0"})), two());
        assert_eq!(
            version(json!({"location": 4, "path": r"C:\other"})),
            Err(Reason::NotFound)
        );
        assert_eq!(version(json!({"location": 1})), Err(Reason::NotFound));
        assert_eq!(version(json!({"manifest": {"version": "two"}})), Err(Reason::Damaged));
        assert_eq!(version(json!({"manifest": {"version": 2}})), Err(Reason::Damaged));
    }

    #[test]
    fn what_is_only_remembered_is_not_installed() {
        assert!(found(json!({"last_seen": "1"})).is_none());
        let odd = json!({"extensions": {"settings": {"not an id": {"location": 1}}}});
        assert!(installed(&odd, |_| Err(OsError::not_found(""))).unwrap().is_empty());
        let odd = json!({"extensions": {"settings": []}});
        assert!(installed(&odd, |_| Err(OsError::not_found(""))).is_err());
    }

    #[test]
    fn protected_settings_count_over_plain_ones() {
        let plain =
            json!({"extensions": {"ui": {"developer_mode": true}, "settings": {ID: {"location": 1, "state": 0}}}});
        let secure = json!({"extensions": {"ui": {"developer_mode": false}, "settings": {ID: {"state": 1}}}});
        let merged = merged(Ok(Some(secure)), Ok(Some(plain))).unwrap();
        assert_eq!(developer_mode(&merged), Ok(false));
        assert_eq!(
            merged.pointer(&format!("/extensions/settings/{ID}")),
            Some(&json!({"location": 1, "state": 1}))
        );
        assert_eq!(
            developer_mode(&json!({"extensions": {"ui": {"developer_mode": "on"}}}))
                .unwrap_err()
                .reason,
            Reason::Damaged
        );
    }

    proptest! {
        #[test]
        fn no_settings_make_it_stumble(text in r#"[\[\]{}":,a-p0-9 ]{0,60}"#) {
            let json = serde_json::from_str::<Json>(&text).unwrap_or_default();
            let json = json!({EXTENSIONS: {"settings": {ID: json.clone()}, "ui": json}});
            let merged = merged(Ok(Some(json.clone())), Ok(Some(json))).unwrap();
            let _ = developer_mode(&merged);
            let _ = installed(&merged, |_| Err(OsError::not_found("")));
        }
    }
}
