//! Windows Update: how it is set, by what, and how it fares.
//!
//! Two places can set the mode. The registry is what Windows goes by now; the policy file is what it goes by after the next
//! refresh of policies. Where the two differ, somebody has edited one of them alone, and the mode will not last.

mod opening;
mod results;

use std::path::PathBuf;

use kaishin_proto::calendar::Hours;
use kaishin_proto::convert::Facts;

use super::{About, list, number, row, text, truth};
use crate::os::{Hive, Os, OsError, Read, RegistryTree, RegistryValue};
use crate::preg::{self, Policy, Said};

pub const POLICY: &str = r"SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate";
pub const AU: &str = r"SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate\AU";
const CURRENT_VERSION: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
pub const SETTINGS: &str = r"SOFTWARE\Microsoft\WindowsUpdate\UX\Settings";
const SERVICE: &str = r"SYSTEM\CurrentControlSet\Services\wuauserv";
/// Windows 10 1903: the first that adjusts active hours.
const ADJUSTS: u32 = 18_362;

pub fn collect(os: &dyn Os, about: &About) -> Facts {
    let policies = policies(os);
    let settings = os
        .registry_tree(Hive::LocalMachine, SETTINGS, 0)
        .map(Option::unwrap_or_default);
    let mut facts = mode_facts(os, &policies, &about.hours);
    facts.extend(results::collect(os));
    facts.extend(active_hours(os, &policies, &settings, &about.hours));
    facts.push(row("update.service", text(service(os))));
    facts
}

/// What the two numbers of the policy amount to. Only option 4 installs by itself; 2, 3 and 7 wait for somebody to click.
fn mode(off: Read<Option<u32>>, option: Read<Option<u32>>) -> Read<&'static str> {
    match (off?, option?) {
        (Some(1), _) | (_, Some(1)) => Ok("manual"),
        (Some(0) | None, Some(4)) => Ok("automatic"),
        (Some(0) | None, Some(2 | 3 | 7)) => Ok("notify"),
        // 5 leaves the choice to the settings page, which is what no policy does.
        (Some(0) | None, None | Some(5)) => Ok("not-configured"),
        (off, option) => Err(OsError::damaged(format!(
            "NoAutoUpdate {off:?} with AUOptions {option:?}"
        ))),
    }
}

/// A number of the policy that is in force.
fn in_force(policies: &Read<RegistryTree>, name: &str) -> Read<Option<u32>> {
    let policies = policies.as_ref().map_err(OsError::clone)?;
    policies.key("AU").map_or(Ok(None), |key| key.number(name))
}

fn mode_in_force(policies: &Read<RegistryTree>) -> Read<&'static str> {
    mode(in_force(policies, "NoAutoUpdate"), in_force(policies, "AUOptions"))
}

/// Of when updates install by themselves.
fn scheduled(policies: &Read<RegistryTree>, name: &str, most: i64) -> Read<i64> {
    match mode_in_force(policies)? {
        "automatic" => {
            let absent = || OsError::not_found(format!(r"HKLM\{AU} {name}"));
            within(in_force(policies, name)?.map(i64::from).ok_or_else(absent), most)
        }
        other => Err(OsError::not_found(format!("nothing is installed by itself: {other}"))),
    }
}

fn install_hour_of(policies: &Read<RegistryTree>) -> Read<i64> {
    scheduled(policies, "ScheduledInstallTime", 23)
}

/// At which updates begin to install by themselves; `NotFound` where they do not.
pub fn install_hour(os: &dyn Os) -> Read<i64> {
    install_hour_of(&policies(os))
}

fn policies(os: &dyn Os) -> Read<RegistryTree> {
    let policies = os.registry_tree(Hive::LocalMachine, POLICY, 1)?;
    Ok(policies.unwrap_or_default())
}

fn mode_facts(os: &dyn Os, policies: &Read<RegistryTree>, hours: &Hours) -> Facts {
    let registry = mode_in_force(policies);
    let file = policy_file(os).and_then(|policy| {
        let get = |name: &str| match policy.said(AU, name) {
            Said::Set(value) => value.as_u32().map(Some),
            Said::Nothing | Said::Removed => Ok(None),
        };
        mode(get("NoAutoUpdate"), get("AUOptions"))
    });
    let set_by = match (&registry, &file) {
        (Err(error), _) => Err(error.clone()),
        (Ok("not-configured"), _) => Ok("none"),
        (Ok(registry), Ok(file)) if registry == file => Ok("policy-file"),
        (Ok(_), Ok(_)) => Ok("registry"),
        (Ok(_), Err(error)) => Err(error.clone()),
    };
    let hour = install_hour_of(policies);
    let day = scheduled(policies, "ScheduledInstallDay", 7);
    let word = |word: &Read<&str>| text(word.clone().map(str::to_owned));
    vec![
        row("update.mode", word(&registry)),
        row("update.set_by", word(&set_by)),
        row("update.registry_mode", word(&registry)),
        row("update.policy_file_mode", word(&file)),
        row(
            "update.install_in_opening",
            list(opening::at_install(hours, &hour, &day)),
        ),
        row("update.install_hour", number(hour)),
        row("update.install_day", number(day)),
    ]
}

fn within(read: Read<i64>, most: i64) -> Read<i64> {
    match read? {
        number if (0..=most).contains(&number) => Ok(number),
        odd => Err(OsError::damaged(format!("{odd} is more than {most}"))),
    }
}

/// Where the machine's policies lie.
pub fn policy_folder(os: &dyn Os) -> Read<String> {
    let root = os.registry_get(Hive::LocalMachine, CURRENT_VERSION, "SystemRoot")?;
    let root = root.ok_or_else(|| OsError::not_found(format!(r"HKLM\{CURRENT_VERSION} SystemRoot")))?;
    Ok(format!(r"{}\System32\GroupPolicy", root.as_text()?))
}

/// Without the file there is no policy of this machine, and that is an answer.
pub fn policy_file(os: &dyn Os) -> Read<Policy> {
    let path = PathBuf::from(format!(r"{}\Machine\Registry.pol", policy_folder(os)?));
    match os.read_file(&path) {
        Ok(bytes) => preg::Policy::read(&bytes).map_err(|error| OsError::damaged(error.to_string())),
        Err(error) if error.reason == kaishin_proto::value::Reason::NotFound => Ok(Policy::default()),
        Err(error) => Err(error),
    }
}

fn active_hours(os: &dyn Os, policies: &Read<RegistryTree>, settings: &Read<RegistryTree>, hours: &Hours) -> Facts {
    let by_policy = policies.as_ref().map_err(OsError::clone).and_then(|policies| {
        let set = policies.number("SetActiveHours")?;
        Ok(set == Some(1))
    });
    let hour = |name: &str| {
        let place = if by_policy.clone()? { policies } else { settings };
        let place = place.as_ref().map_err(OsError::clone)?;
        let hour = place.number(name)?.map(i64::from);
        within(hour.ok_or_else(|| OsError::not_found(format!("{name} is not set"))), 23)
    };
    let (start, end) = (hour("ActiveHoursStart"), hour("ActiveHoursEnd"));
    let set_by = match (&by_policy, &start) {
        (Err(error), _) => Err(error.clone()),
        (Ok(true), _) => Ok("policy"),
        (Ok(false), Ok(_)) => Ok("settings"),
        (Ok(false), Err(error)) if error.reason == kaishin_proto::value::Reason::NotFound => Ok("none"),
        (Ok(false), Err(error)) => Err(error.clone()),
    };
    let automatic = by_policy.and_then(|by_policy| if by_policy { Ok(false) } else { adjusts(os, settings) });
    vec![
        row(
            "update.opening_not_active",
            list(opening::outside_active(hours, &start, &end)),
        ),
        row(
            "update.daytime_not_active",
            list(opening::daytime_outside_active(&start, &end)),
        ),
        row("update.active_start", number(start)),
        row("update.active_end", number(end)),
        row("update.active_automatic", truth(automatic)),
        row("update.active_set_by", text(set_by.map(str::to_owned))),
    ]
}

/// 1 is on. Where nothing is noted, an old Windows cannot do it, and a newer one does not tell.
fn adjusts(os: &dyn Os, settings: &Read<RegistryTree>) -> Read<bool> {
    let settings = settings.as_ref().map_err(OsError::clone)?;
    if let Some(state) = settings.number("SmartActiveHoursState")? {
        return Ok(state == 1);
    }
    let build = os.registry_get(Hive::LocalMachine, CURRENT_VERSION, "CurrentBuild")?;
    let build = build.as_ref().map(RegistryValue::as_text).transpose()?;
    match build.and_then(|build| build.parse::<u32>().ok()) {
        Some(build) if build < ADJUSTS => Ok(false),
        Some(_) | None => Err(OsError::not_found(format!(r"HKLM\{SETTINGS} SmartActiveHoursState"))),
    }
}

fn service(os: &dyn Os) -> Read<String> {
    let start = os.registry_get(Hive::LocalMachine, SERVICE, "Start")?;
    let start = start.ok_or_else(|| OsError::not_found(format!(r"HKLM\{SERVICE} Start")))?;
    match start.as_u32()? {
        0..=2 => Ok("automatic".to_owned()),
        3 => Ok("manual".to_owned()),
        4 => Ok("disabled".to_owned()),
        odd => Err(OsError::damaged(format!("the service starts in the way {odd}"))),
    }
}

#[cfg(test)]
mod tests;
