//! Whose browser profiles there are, and what is in each. The browser replaces its files while it runs, so a file that is
//! missing or half there is looked at again; the files are never written, for it would take them for tampered with.

use std::path::{Path, PathBuf};

use kaishin_proto::time::{Span, Time};
use kaishin_proto::value::{Reason, Version};
use serde_json::Value as Json;

use super::super::About;
use super::super::people::People;
use super::preferences::{self, Installed};
use crate::os::{EntryKind, Os, OsError, Read, User};

pub const USER_DATA: &str = r"AppData\Local\Microsoft\Edge\User Data";
/// A file is replaced in less time than it takes to ask again.
const TRIES: u32 = 3;
/// More profiles of one user are no clinic's.
const MOST_PROFILES: usize = 20;
/// The browser writes a profile's settings whenever it runs with it. Whose were left alone for so long, while others of the
/// same machine were not, is nobody who works here: a technician's, or theirs who have left.
const UNUSED: Span = Span::days(60);
const SETTINGS: [&str; 2] = ["Secure Preferences", "Preferences"];

pub struct BrowserProfile {
    pub user: String,
    /// Whether anybody works with it: only such a one has to have what is asked for.
    pub counts: bool,
    /// When the browser last ran with it.
    used: Read<Time>,
    pub signed_in: bool,
    /// "Default", "Profile 1"
    pub folder: String,
    /// What the person calls it.
    pub name: String,
    pub developer_mode: Read<bool>,
    pub installed: Read<Vec<Installed>>,
}

impl BrowserProfile {
    pub fn place(&self) -> String {
        format!("{}/{}", self.user, self.folder)
    }
}

/// Users who have never opened the browser have no profile and are not among them.
pub fn all(os: &dyn Os, about: &About) -> Read<Vec<BrowserProfile>> {
    let people = People::look(os, about)?;
    let counting = people.who_counts();
    let mut found = Vec::new();
    for user in &people.all {
        let data = user.path(USER_DATA);
        let folders = folders(os, &data)?.into_iter().take(MOST_PROFILES);
        let profiles = folders.map(|(folder, name)| profile(os, user, &data, folder, name));
        found.push((user, profiles.collect::<Vec<_>>()));
    }
    let every = found.iter().flat_map(|(_, profiles)| profiles);
    let newest = every.map(|profile| profile.used.clone()).collect::<Read<Vec<Time>>>();
    let newest = newest.map(|used| used.into_iter().max());
    let person = |user: &User| people.persons().any(|person| person == user);
    for (user, profiles) in &mut found {
        // Whoever counts has at least the one that they used last.
        let last = profiles
            .iter()
            .filter_map(|profile| profile.used.as_ref().ok())
            .max()
            .copied();
        let only = profiles.len() == 1;
        for profile in profiles {
            let is_theirs = counting.contains(user) && (only || profile.used.as_ref().ok() == last.as_ref());
            profile.counts = person(user);
            match (&newest, &profile.used) {
                _ if is_theirs => {}
                (Ok(Some(newest)), Ok(used)) => profile.counts &= newest.since(*used) <= UNUSED,
                (Ok(None), _) => {}
                // Nobody knows whether anything is asked of it.
                (Err(error), _) | (_, Err(error)) => {
                    profile.installed = Err(error.clone());
                    profile.developer_mode = Err(error.clone());
                }
            }
        }
    }
    Ok(found.into_iter().flat_map(|(_, profiles)| profiles).collect())
}

/// By when its settings were written; one that has none yet was never used.
fn used(os: &dyn Os, place: &Path) -> Read<Time> {
    let entries = match os.list_dir(place) {
        Ok(entries) => entries,
        Err(error) if error.reason == Reason::NotFound => return Ok(Time::ZERO),
        Err(error) => return Err(error),
    };
    let settings = entries
        .into_iter()
        .filter(|entry| SETTINGS.contains(&entry.name.as_str()));
    let undated = || OsError::not_found(format!("{} has no date", place.display()));
    let written = settings.map(|entry| entry.modified.ok_or_else(undated));
    Ok(written
        .collect::<Read<Vec<Time>>>()?
        .into_iter()
        .max()
        .unwrap_or(Time::ZERO))
}

fn below(folder: &Path, rest: &str) -> PathBuf {
    PathBuf::from(format!(r"{}\{rest}", folder.display()))
}

/// Folder and name of each profile, from the browser's own list; where that is damaged, what looks like a profile.
fn folders(os: &dyn Os, data: &Path) -> Read<Vec<(String, String)>> {
    let listed = match json(os, &below(data, "Local State")) {
        Ok(state) => state.pointer("/profile/info_cache").and_then(Json::as_object).cloned(),
        Err(error) if error.reason == Reason::NoPermission => return Err(error),
        Err(_) => None,
    };
    if let Some(listed) = listed {
        let name = |entry: &Json| entry.get("name").and_then(Json::as_str).unwrap_or_default().to_owned();
        let sound = listed.iter().filter(|(folder, _)| is_name(folder));
        return Ok(sound.map(|(folder, entry)| (folder.clone(), name(entry))).collect());
    }
    let entries = match os.list_dir(data) {
        Ok(entries) => entries,
        Err(error) if error.reason == Reason::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let is_profile = |name: &str| name == "Default" || name.starts_with("Profile ");
    let folders = entries
        .into_iter()
        .filter(|entry| entry.kind == EntryKind::Folder && is_profile(&entry.name));
    Ok(folders.map(|entry| (entry.name, String::new())).collect())
}

/// A plain name, and no way to another place.
fn is_name(folder: &str) -> bool {
    !folder.is_empty() && folder != ".." && folder != "." && !folder.contains(['\\', '/', ':', '*', '?'])
}

fn profile(os: &dyn Os, user: &User, data: &Path, folder: String, name: String) -> BrowserProfile {
    let place = below(data, &folder);
    let settings = preferences::merged(
        optional(json(os, &below(&place, SETTINGS[0]))),
        optional(json(os, &below(&place, SETTINGS[1]))),
    );
    let settings =
        settings.map_err(|error| OsError::new(error.reason, format!("{}/{folder}: {}", user.shown(), error.detail)));
    let manifest = |path: &str| manifest_version(os, &place, path);
    BrowserProfile {
        user: user.shown().to_owned(),
        counts: true,
        used: used(os, &place),
        signed_in: user.signed_in,
        developer_mode: settings
            .as_ref()
            .map_err(OsError::clone)
            .and_then(preferences::developer_mode),
        installed: settings.and_then(|settings| preferences::installed(&settings, manifest)),
        folder,
        name,
    }
}

/// A file that is not there says nothing; that is other than one that cannot be read.
fn optional(read: Read<Json>) -> Read<Option<Json>> {
    match read {
        Ok(json) => Ok(Some(json)),
        Err(error) if error.reason == Reason::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn json(os: &dyn Os, path: &Path) -> Read<Json> {
    let attempt = || {
        let bytes = os.read_file(path)?;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        serde_json::from_slice(bytes).map_err(|error| {
            let name = path.to_string_lossy();
            let name = name.rsplit('\\').next().unwrap_or_default().to_owned();
            OsError::damaged(format!("{name}: {error}"))
        })
    };
    let mut read = attempt();
    for _ in 1..TRIES {
        match &read {
            Ok(_) => break,
            Err(error) if error.reason == Reason::NoPermission => break,
            Err(_) => read = attempt(),
        }
    }
    read
}

/// The version in an unpacked extension: its folder is named after it, its manifest is what counts.
fn manifest_version(os: &dyn Os, profile: &Path, path: &str) -> Read<Version> {
    // Of extensions in the profile the path is `<id>\<version>_0`; of unpacked ones it is a whole one.
    let folder = if path.contains(':') {
        PathBuf::from(path)
    } else {
        below(profile, &format!(r"Extensions\{path}"))
    };
    let manifest = json(os, &below(&folder, "manifest.json"))?;
    let version = manifest.get("version").and_then(Json::as_str).and_then(Version::parse);
    version.ok_or_else(|| OsError::damaged(format!("{path}: the manifest has no version")))
}
