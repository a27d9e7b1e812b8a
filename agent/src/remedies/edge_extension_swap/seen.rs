//! What every browser profile that somebody works with has of the three extensions, and what it still lacks.

use kaishin_proto::value::{Reason, Version};

use super::files::New;
use crate::facts::About;
use crate::facts::edge::preferences::Installed;
use crate::facts::edge::profiles::{self, BrowserProfile};
use crate::os::{Os, OsError, Read};

pub struct Seen {
    profiles: Vec<BrowserProfile>,
}

/// Something that is not yet as it should be, for people: "pinauth 1.2 at uketsuke/Default".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// Of the extension; `None`: something else.
    pub name: Option<&'static str>,
    pub told: String,
}

impl Seen {
    /// Unknown where any of the profiles cannot be read: nobody who works here is passed over.
    pub fn look(os: &dyn Os, about: &About) -> Read<Seen> {
        let mut profiles = profiles::all(os, about)?;
        profiles.retain(|profile| profile.counts);
        match profiles.iter().find_map(|profile| profile.installed.as_ref().err()) {
            Some(error) => Err(error.clone()),
            None if profiles.is_empty() => Err(OsError::not_found("nobody has a browser profile")),
            None => Ok(Seen { profiles }),
        }
    }

    /// Profile by profile, which of the new ones are not there, too old or off.
    pub fn lacks(&self, all: &[New]) -> Vec<Lack> {
        let of = |profile: &BrowserProfile| {
            let lack = |new: &New| {
                let told = why(
                    installed(profile).find(|found| found.id == new.id),
                    new,
                    &profile.place(),
                )?;
                let told = if profile.signed_in {
                    told
                } else {
                    format!("{told} (signed out)")
                };
                Some(Lack {
                    name: Some(new.name),
                    told,
                })
            };
            all.iter().filter_map(lack).collect::<Vec<_>>()
        };
        self.profiles.iter().flat_map(of).collect()
    }

    /// Where developer mode is on; a person has to switch it on to put files in, and off again.
    pub fn developer_mode(&self) -> Vec<Lack> {
        let on = self
            .profiles
            .iter()
            .filter(|profile| profile.developer_mode == Ok(true));
        let told = on.map(|profile| Lack {
            name: None,
            told: format!("developer mode is on at {}", profile.place()),
        });
        told.collect()
    }

    /// Old ones that are still there.
    pub fn old(&self, ids: &[String]) -> Vec<String> {
        let of = |profile: &BrowserProfile| {
            let is_old = |id: &str| ids.iter().any(|old| old == id);
            let place = profile.place();
            let old = installed(profile).filter(|found| is_old(&found.id));
            old.map(|found| format!("{} is still there at {place}", found.id))
                .collect::<Vec<_>>()
        };
        self.profiles.iter().flat_map(of).collect()
    }

    /// Whether somebody has an older version of the very same.
    pub fn has_older(&self, new: &New) -> bool {
        let older = |found: &Installed| found.id == new.id && found.version.as_ref().is_ok_and(|has| *has < new.target);
        self.profiles.iter().flat_map(installed).any(older)
    }

    /// Whether it is only that somebody has it switched off.
    pub fn is_off(&self, new: &New) -> bool {
        let off = |found: &Installed| found.id == new.id && found.enabled == Ok(false);
        let here = |profile: &BrowserProfile| installed(profile).any(|found| found.id == new.id);
        self.profiles.iter().all(here) && !self.has_older(new) && self.profiles.iter().flat_map(installed).any(off)
    }

    /// The oldest that anybody has of it, the old ones included. `None`: somebody has none at all.
    pub fn oldest(&self, new: &New) -> Option<Version> {
        let of = |profile: &BrowserProfile| {
            let ours = installed(profile).filter(|found| new.is(&found.id));
            ours.filter_map(|found| found.version.clone().ok()).max()
        };
        let versions: Option<Vec<Version>> = self.profiles.iter().map(of).collect();
        versions?.into_iter().min()
    }
}

fn installed(profile: &BrowserProfile) -> impl Iterator<Item = &Installed> {
    profile.installed.iter().flatten()
}

/// Why it will not do; `None`: it will.
fn why(found: Option<&Installed>, new: &New, place: &str) -> Option<String> {
    let name = new.name;
    let Some(found) = found else {
        return Some(format!("{name} is missing at {place}"));
    };
    match (&found.version, &found.enabled) {
        (Err(error), _) | (_, Err(error)) => Some(format!("{name} is unknown, {}, at {place}", error.detail)),
        (Ok(version), _) if *version < new.target => Some(format!("{name} is only {version} at {place}")),
        (Ok(_), Ok(false)) => {
            let reasons = found.reasons.join(", ");
            let reasons = if reasons.is_empty() { "no reason" } else { &reasons };
            Some(format!("{name} is off, {reasons}, at {place}"))
        }
        (Ok(_), Ok(true)) => None,
    }
}

/// Whether looking again may help.
pub fn may_pass(error: &OsError) -> bool {
    match error.reason {
        Reason::Damaged | Reason::Failed | Reason::NotFound => true,
        Reason::NoPermission | Reason::NotSupported => false,
    }
}
