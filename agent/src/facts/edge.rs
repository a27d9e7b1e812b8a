//! The browser and its extensions, in every browser profile that somebody works with. Extensions are told apart by id alone;
//! what people see as their names differs from manual to manual.

pub mod files;
pub mod policy;
pub mod preferences;
pub mod profiles;

use kaishin_proto::convert::Facts;
use kaishin_proto::profile::{Extension, Profile};
use kaishin_proto::value::{Value, Version};

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
    let profiles = profiles::all(os, about);
    let mut facts = vec![
        row("edge.version", version(edge_version(os))),
        row("edge.developer_mode", truth(developer_mode(&profiles))),
    ];
    for extension in &wanted {
        let name = extension.name;
        facts.push(row(
            &format!("edge.{name}.version"),
            lowest(extension, &profiles).map_or_else(Value::from, Value::Version),
        ));
        facts.push(row(
            &format!("edge.{name}.enabled"),
            truth(enabled(extension, &profiles)),
        ));
    }
    facts.push(row("edge.missing", places(&wanted, &profiles, Wanted::is_missing)));
    facts.push(row("edge.disabled", places(&wanted, &profiles, Wanted::is_disabled)));
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
    /// The least that works.
    least: Version,
    /// Ids of the other two, and what they are called where nobody knows those.
    others: Vec<String>,
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

    /// Where nothing tells its id, it is missing only where nothing is that might be it.
    fn is_missing(&self, installed: &[Installed]) -> Read<bool> {
        let is_anothers = |found: &Installed| {
            self.others
                .iter()
                .any(|other| [&found.id, &found.name].contains(&other))
        };
        let might_be = |found: &Installed| !is_anothers(found) && !found.is_part_of_the_browser();
        match self.within(installed) {
            Ok(found) => Ok(found.is_none()),
            Err(error) if installed.iter().any(might_be) => Err(error),
            Err(_) => Ok(true),
        }
    }

    fn is_disabled(&self, installed: &[Installed]) -> Read<bool> {
        match self.within(installed) {
            Ok(Some(found)) => found.enabled.clone().map(|enabled| !enabled),
            Ok(None) => Ok(false),
            Err(_) => self.is_missing(installed).map(|_| false),
        }
    }
}

fn wanted(profile: &Profile, files: &Read<Vec<files::Found>>) -> Vec<Wanted> {
    let all = profile.edge.extensions();
    let id = |extension: &Extension| {
        let named = extension.id.clone();
        named.map_or_else(|| files::id_of(files, &extension.file), Ok)
    };
    let wanted = |(name, extension): (&'static str, &Extension)| {
        let goes_by = |other: &Extension| {
            [
                other.names.clone(),
                other.old_ids.clone(),
                id(other).into_iter().collect(),
            ]
            .concat()
        };
        let others = all.iter().filter(|(other, _)| *other != name);
        Wanted {
            name,
            id: id(extension),
            old_ids: extension.old_ids.clone(),
            least: extension.version.clone(),
            others: others.flat_map(|(_, other)| goes_by(other)).collect(),
        }
    };
    all.into_iter().map(wanted).collect()
}

fn edge_version(os: &dyn Os) -> Read<String> {
    for clients in CLIENTS {
        if let Some(value) = os.registry_get(Hive::LocalMachine, &format!(r"{clients}\{EDGE}"), "pv")? {
            return value.as_text();
        }
    }
    Err(OsError::not_found("Edge is not installed"))
}

/// Those that somebody works with.
fn in_use(profiles: &Read<Vec<BrowserProfile>>) -> Read<Vec<&BrowserProfile>> {
    let profiles = profiles.as_ref().map_err(OsError::clone)?;
    Ok(profiles.iter().filter(|profile| profile.counts).collect())
}

/// On where it is on for anybody.
fn developer_mode(profiles: &Read<Vec<BrowserProfile>>) -> Read<bool> {
    let profiles = in_use(profiles)?;
    let mut unknown = None;
    for profile in &profiles {
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

/// What the profiles that have an extension have of it, and why others cannot tell.
struct Everywhere<'a> {
    found: Vec<&'a Installed>,
    unknown: Option<OsError>,
}

fn everywhere<'a>(wanted: &Wanted, profiles: &'a Read<Vec<BrowserProfile>>) -> Read<Everywhere<'a>> {
    let (mut found, mut unknown) = (Vec::new(), None);
    for profile in in_use(profiles)? {
        let installed = profile.installed.as_ref().map_err(OsError::clone);
        match installed.and_then(|installed| wanted.within(installed)) {
            Ok(here) => found.extend(here),
            Err(error) => unknown = Some(error),
        }
    }
    if found.is_empty() {
        let nowhere = || OsError::not_found(format!("no profile has {}", wanted.name));
        return Err(unknown.unwrap_or_else(nowhere));
    }
    Ok(Everywhere { found, unknown })
}

/// Too old where it is too old for anybody, whatever cannot be told of the others; new enough only where all could be told.
fn lowest(wanted: &Wanted, profiles: &Read<Vec<BrowserProfile>>) -> Read<Version> {
    let Everywhere { found, mut unknown } = everywhere(wanted, profiles)?;
    let mut lowest: Option<&Version> = None;
    for found in found {
        match &found.version {
            Ok(version) if lowest.is_none_or(|lowest| version < lowest) => lowest = Some(version),
            Ok(_) => {}
            Err(error) => unknown = Some(error.clone()),
        }
    }
    match (lowest, unknown) {
        (Some(lowest), None) => Ok(lowest.clone()),
        (Some(lowest), Some(_)) if *lowest < wanted.least => Ok(lowest.clone()),
        (_, Some(error)) => Err(error),
        (None, None) => Err(OsError::not_found("no version")),
    }
}

/// Off where it is off for anybody, whatever cannot be told of the others.
fn enabled(wanted: &Wanted, profiles: &Read<Vec<BrowserProfile>>) -> Read<bool> {
    let Everywhere { found, unknown } = everywhere(wanted, profiles)?;
    let mut all = unknown.map_or(Ok(true), Err);
    for found in found {
        match &found.enabled {
            Ok(false) => return Ok(false),
            Ok(true) => {}
            Err(error) => all = Err(error.clone()),
        }
    }
    all
}

/// Extension, user and profile of each place where something is so. Where nobody has a profile at all, everything is missing.
/// That there is no such place is known only once all could be told.
fn places(
    wanted: &[Wanted],
    profiles: &Read<Vec<BrowserProfile>>,
    is_so: fn(&Wanted, &[Installed]) -> Read<bool>,
) -> Value {
    let list = || -> Read<Vec<String>> {
        let profiles = in_use(profiles)?;
        let (mut list, mut unknown) = (Vec::new(), None);
        for wanted in wanted {
            if profiles.is_empty() && is_so(wanted, &[])? {
                list.push(wanted.name.to_owned());
            }
            for profile in &profiles {
                let installed = profile.installed.as_ref().map_err(OsError::clone);
                match installed.and_then(|installed| is_so(wanted, installed)) {
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

/// Columns: user, profile, name, signed in, in use, developer mode, state.
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
            yes_no(&Ok(profile.counts)),
            yes_no(&profile.developer_mode),
            state,
        ]
    });
    table(
        &[
            "user",
            "profile",
            "name",
            "signed in",
            "in use",
            "developer mode",
            "state",
        ],
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
