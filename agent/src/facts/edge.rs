//! The browser and its extensions, for every user and every browser profile. Extensions are told apart by id alone; what
//! people see as their names differs from manual to manual.

pub mod files;
pub mod policy;
pub mod preferences;
pub mod profiles;

use kaishin_proto::convert::Facts;
use kaishin_proto::profile::Profile;
use kaishin_proto::value::{Reason, Value, Version};

use super::{About, row, table, truth, version};
use crate::os::{Hive, Os, OsError, Read};
use preferences::Installed;
use profiles::BrowserProfile;

const CLIENTS: [&str; 2] = [
    r"SOFTWARE\WOW6432Node\Microsoft\EdgeUpdate\Clients",
    r"SOFTWARE\Microsoft\EdgeUpdate\Clients",
];
/// Edge itself among what EdgeUpdate looks after.
const EDGE: &str = "{56EB18F8-B008-4CBD-B6D2-8C97FE7E9062}";
/// What a table takes, so that it still fits into one fact.
const MOST_ROWS: usize = 80;

pub fn collect(os: &dyn Os, about: &About) -> Facts {
    let files = files::all(os, &about.profile);
    let wanted = wanted(&about.profile, &files);
    let profiles = profiles::all(os);
    let mut facts = vec![
        row("edge.version", version(edge_version(os))),
        row("edge.developer_mode", truth(developer_mode(&profiles))),
    ];
    for extension in &wanted {
        let name = extension.name;
        facts.push(row(&format!("edge.{name}.version"), lowest(extension, &profiles)));
        facts.push(row(
            &format!("edge.{name}.enabled"),
            truth(enabled(extension, &profiles)),
        ));
    }
    facts.push(row(
        "edge.missing",
        places(&wanted, &profiles, |found| Ok(found.is_none())),
    ));
    facts.push(row("edge.disabled", places(&wanted, &profiles, is_disabled)));
    facts.push(row("edge.profiles", profile_table(&profiles)));
    facts.push(row("edge.extensions", extension_table(&wanted, &profiles)));
    facts.push(row("edge.crx_ready", truth(files::ready(&files, &about.profile))));
    facts.push(row("edge.crx", files::table(&files)));
    facts.push(row("edge.policy", policy::table(os)));
    facts
}

/// One of the three extensions, as far as it is known by which ids it goes.
pub struct Wanted {
    pub name: &'static str,
    pub id: Read<String>,
    pub old_ids: Vec<String>,
}

impl Wanted {
    fn is(&self, id: &str) -> bool {
        self.id.as_deref() == Ok(id) || self.old_ids.iter().any(|old| old == id)
    }

    /// What a profile has of it: today's, else what it replaces. `None`: neither.
    fn within<'a>(&self, installed: &'a [Installed]) -> Read<Option<&'a Installed>> {
        let id = self.id.as_ref().map_err(OsError::clone)?;
        let old = || installed.iter().find(|found| self.old_ids.contains(&found.id));
        Ok(installed.iter().find(|found| found.id == *id).or_else(old))
    }
}

fn wanted(profile: &Profile, files: &Read<Vec<files::Found>>) -> Vec<Wanted> {
    let wanted = |(name, extension): (&'static str, &kaishin_proto::profile::Extension)| Wanted {
        name,
        id: extension
            .id
            .clone()
            .map_or_else(|| files::id_of(files, &extension.file), Ok),
        old_ids: extension.old_ids.clone(),
    };
    profile.edge.extensions().into_iter().map(wanted).collect()
}

fn edge_version(os: &dyn Os) -> Read<String> {
    for clients in CLIENTS {
        if let Some(value) = os.registry_get(Hive::LocalMachine, &format!(r"{clients}\{EDGE}"), "pv")? {
            return value.as_text();
        }
    }
    Err(OsError::not_found("Edge is not installed"))
}

/// On where it is on for anybody.
fn developer_mode(profiles: &Read<Vec<BrowserProfile>>) -> Read<bool> {
    let profiles = profiles.as_ref().map_err(OsError::clone)?;
    let mut unknown = None;
    for profile in profiles {
        match &profile.developer_mode {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) => unknown = Some(error.clone()),
        }
    }
    match unknown {
        Some(error) => Err(error),
        None if profiles.is_empty() => Err(OsError::not_found("nobody has a browser profile")),
        None => Ok(false),
    }
}

/// What each profile that has the extension has of it; a profile that cannot be read makes the whole unknown.
fn everywhere<'a>(wanted: &Wanted, profiles: &'a Read<Vec<BrowserProfile>>) -> Read<Vec<&'a Installed>> {
    let mut found = Vec::new();
    for profile in profiles.as_ref().map_err(OsError::clone)? {
        let installed = profile.installed.as_ref().map_err(OsError::clone)?;
        found.extend(wanted.within(installed)?);
    }
    if found.is_empty() {
        return Err(OsError::not_found(format!("no profile has {}", wanted.name)));
    }
    Ok(found)
}

fn lowest(wanted: &Wanted, profiles: &Read<Vec<BrowserProfile>>) -> Value {
    let versions = everywhere(wanted, profiles).and_then(|found| {
        let versions: Read<Vec<&Version>> = found
            .iter()
            .map(|found| found.version.as_ref().map_err(OsError::clone))
            .collect();
        versions.map(|versions| versions.into_iter().min().cloned())
    });
    match versions {
        Ok(Some(version)) => Value::Version(version),
        Ok(None) => Value::unknown(Reason::NotFound, "no version"),
        Err(error) => error.into(),
    }
}

/// Off where it is off for anybody, whatever cannot be told of the others.
fn enabled(wanted: &Wanted, profiles: &Read<Vec<BrowserProfile>>) -> Read<bool> {
    let mut all = Ok(true);
    for found in everywhere(wanted, profiles)? {
        match &found.enabled {
            Ok(false) => return Ok(false),
            Ok(true) => {}
            Err(error) => all = Err(error.clone()),
        }
    }
    all
}

fn is_disabled(found: Option<&Installed>) -> Read<bool> {
    found.map_or(Ok(false), |found| found.enabled.clone().map(|enabled| !enabled))
}

/// Extension, user and profile of each place where something is so. Where nobody has a profile at all, everything is missing.
/// That there is no such place is known only once all could be told.
fn places(
    wanted: &[Wanted],
    profiles: &Read<Vec<BrowserProfile>>,
    is_so: fn(Option<&Installed>) -> Read<bool>,
) -> Value {
    let list = || -> Read<Vec<String>> {
        let profiles = profiles.as_ref().map_err(OsError::clone)?;
        let (mut list, mut unknown) = (Vec::new(), None);
        for wanted in wanted {
            if profiles.is_empty() && is_so(None)? {
                list.push(wanted.name.to_owned());
            }
            for profile in profiles {
                let installed = profile.installed.as_ref().map_err(OsError::clone)?;
                match is_so(wanted.within(installed)?) {
                    Ok(true) => list.push(super::shown(format!("{}: {}", wanted.name, profile.place()))),
                    Ok(false) => {}
                    Err(error) => unknown = Some(error),
                }
            }
        }
        list.truncate(MOST_ROWS);
        match unknown {
            Some(error) if list.is_empty() => Err(error),
            Some(_) | None => Ok(list),
        }
    };
    list().map_or_else(Value::from, Value::List)
}

/// Columns: user, profile, name, signed in, developer mode, state.
fn profile_table(profiles: &Read<Vec<BrowserProfile>>) -> Value {
    let profiles = match profiles {
        Ok(profiles) => profiles,
        Err(error) => return error.clone().into(),
    };
    let rows = profiles.iter().take(MOST_ROWS).map(|profile| {
        let state = profile
            .installed
            .as_ref()
            .map_or_else(OsError::to_string, |_| "ok".to_owned());
        vec![
            profile.user.clone(),
            profile.folder.clone(),
            profile.name.clone(),
            yes_no(&Ok(profile.signed_in)),
            yes_no(&profile.developer_mode),
            state,
        ]
    });
    table(
        &["user", "profile", "name", "signed in", "developer mode", "state"],
        rows,
    )
}

/// Columns: user, profile, extension, id, name, version, enabled, location, reasons. The three first, then others; what
/// Edge brings itself is left out.
fn extension_table(wanted: &[Wanted], profiles: &Read<Vec<BrowserProfile>>) -> Value {
    let profiles = match profiles {
        Ok(profiles) => profiles,
        Err(error) => return error.clone().into(),
    };
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for profile in profiles {
        for found in profile.installed.iter().flatten() {
            let name = wanted
                .iter()
                .find(|wanted| wanted.is(&found.id))
                .map(|wanted| wanted.name);
            if name.is_none() && found.is_part_of_the_browser() {
                continue;
            }
            let row = vec![
                profile.user.clone(),
                profile.folder.clone(),
                name.unwrap_or_default().to_owned(),
                found.id.clone(),
                found.name.chars().take(60).collect(),
                found
                    .version
                    .as_ref()
                    .map_or_else(OsError::to_string, Version::to_string),
                yes_no(&found.enabled),
                found.location.clone(),
                found.reasons.join(", "),
            ];
            if name.is_some() {
                ours.push(row)
            } else {
                others.push(row)
            }
        }
    }
    let columns = [
        "user",
        "profile",
        "extension",
        "id",
        "name",
        "version",
        "enabled",
        "location",
        "reasons",
    ];
    table(&columns, ours.into_iter().chain(others).take(MOST_ROWS))
}

fn yes_no(truth: &Read<bool>) -> String {
    match truth {
        Ok(true) => "yes".to_owned(),
        Ok(false) => "no".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
