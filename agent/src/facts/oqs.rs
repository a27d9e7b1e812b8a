//! The verification software: what is installed in which version, and what the distribution software says of itself.

mod installed;

use std::path::Path;

use kaishin_proto::convert::Facts;
use kaishin_proto::profile::{Distribution, Software};
use kaishin_proto::time::Time;
use kaishin_proto::value::{Reason, Value, Version};

use super::{About, row, shown, text, time, truth};
use crate::os::{EntryKind, Hive, Os, OsError, Read};
use installed::Installed;

/// What the distribution software writes about itself, and the words that facts use. Each is looked for anywhere in a line;
/// the manuals spell one of them in two ways.
const STATUS: &[(&str, &str)] = &[
    ("アップデート中", "updating"),
    ("ダウンロード中", "downloading"),
    ("再起動待ち", "restart-pending"),
    ("停止中", "stopped"),
    ("サーバー接続待ち", "waiting-for-server"),
    ("サーバ接続待ち", "waiting-for-server"),
    ("未適用更新ファイルなし", "up-to-date"),
];
const OTHER: &str = "other";

pub fn collect(os: &dyn Os, about: &About) -> Facts {
    let profile = &about.profile;
    let installed = installed::all(os);
    let mut facts = Vec::new();
    for (name, software) in profile.software.all() {
        facts.push(row(&format!("oqs.{name}.version"), version(os, software, &installed)));
    }
    facts.extend(status(os, &profile.distribution));
    facts.push(row("oqs.auto_update", truth(auto_update(os, &profile.distribution))));
    let names: Vec<&str> = profile
        .software
        .all()
        .iter()
        .flat_map(|(_, software)| &software.names)
        .map(String::as_str)
        .collect();
    facts.push(row(
        "oqs.installed",
        installed.map_or_else(Value::from, |installed| installed.table(&names)),
    ));
    facts
}

/// The file that the software brings tells best; where there is none, Windows' list of installed software.
fn version(os: &dyn Os, software: &Software, installed: &Read<Installed>) -> Value {
    for place in &software.info {
        match os.read_file(Path::new(place)) {
            Ok(bytes) => {
                let found = crate::text::decode(&bytes).and_then(|text| first_version(&text));
                let damaged = || Value::unknown(Reason::Damaged, format!("{place} tells no version"));
                return found.map_or_else(damaged, Value::Version);
            }
            Err(error) if error.reason == Reason::NotFound => {}
            Err(error) => return error.into(),
        }
    }
    match installed {
        Ok(installed) => installed.version_of(&software.names),
        Err(error) => error.clone().into(),
    }
}

/// The first dotted number, whatever stands around it: `Version=2.3.0`, `v2.3.0 (2024/05/01)`.
fn first_version(text: &str) -> Option<Version> {
    let mut parts = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    parts.find_map(|part| {
        let part = part.trim_matches('.');
        if part.contains('.') { Version::parse(part) } else { None }
    })
}

/// What the software last said of itself, in the words that facts use.
pub fn status_word(os: &dyn Os, distribution: &Distribution) -> Read<String> {
    said(os, distribution).map(|(word, _)| word)
}

/// When it last wrote that.
pub fn status_at(os: &dyn Os, distribution: &Distribution) -> Read<Time> {
    written(os, Path::new(&distribution.status_file))
}

/// The word, and the line as it stands there.
fn said(os: &dyn Os, distribution: &Distribution) -> Read<(String, String)> {
    let bytes = os.read_file(Path::new(&distribution.status_file))?;
    let text = crate::text::decode(&bytes);
    let text = text.ok_or_else(|| OsError::damaged(format!("{} is no text", distribution.status_file)))?;
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    let last = last.ok_or_else(|| OsError::not_found(format!("{} is empty", distribution.status_file)))?;
    Ok((word(&text).to_owned(), shown(last.to_owned())))
}

fn status(os: &dyn Os, distribution: &Distribution) -> Facts {
    let place = Path::new(&distribution.status_file);
    let read = said(os, distribution);
    let at = read.as_ref().map_err(OsError::clone).and_then(|_| written(os, place));
    let (word, raw) = match read {
        Ok((word, raw)) => (Ok(word), Ok(raw)),
        Err(error) => (Err(error.clone()), Err(error)),
    };
    vec![
        row("oqs.status", text(word)),
        row("oqs.status_text", text(raw)),
        row("oqs.status_at", time(at)),
    ]
}

/// The last line that has one of the words counts; within a line the word that stands last.
fn word(text: &str) -> &'static str {
    let in_line = |line: &str| {
        let found = STATUS
            .iter()
            .filter_map(|(theirs, ours)| line.rfind(theirs).map(|at| (at, *ours)));
        found.max_by_key(|(at, _)| *at).map(|(_, ours)| ours)
    };
    text.lines().rev().find_map(in_line).unwrap_or(OTHER)
}

/// When somebody last wrote to a file, by its folder.
fn written(os: &dyn Os, place: &Path) -> Read<Time> {
    let text = place.to_string_lossy();
    let absent = || OsError::not_found(text.clone());
    let (folder, name) = text.rsplit_once('\\').ok_or_else(absent)?;
    let entries = os.list_dir(Path::new(folder))?;
    let is_it = |entry: &&crate::os::Entry| entry.kind == EntryKind::File && entry.name.eq_ignore_ascii_case(name);
    entries
        .iter()
        .find(is_it)
        .and_then(|entry| entry.modified)
        .ok_or_else(absent)
}

fn auto_update(os: &dyn Os, distribution: &Distribution) -> Read<bool> {
    let place = distribution.auto_update.as_ref();
    let place = place.ok_or_else(|| OsError::not_supported("the terminal profile does not say where to look"))?;
    let value = os.registry_get(Hive::LocalMachine, &place.key, &place.value)?;
    let value = value.ok_or_else(|| OsError::not_found(format!(r"HKLM\{} {}", place.key, place.value)))?;
    Ok(value.as_u32()? != 0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::{about, reason, sim, value};
    use super::*;
    use crate::os::RegistryValue;
    use kaishin_proto::profile::RegistryPlace;

    const INFO: &str = r"C:\Program Files\OQS\OqsComApp\Version.info";
    const STATUS_FILE: &str = r"C:\OQS\OqsDistroApp\status.log";

    #[test]
    fn a_version_is_found_among_other_words() {
        for (text, expected) in [
            ("2.3.0", Some("2.3.0")),
            ("Version=2.2.0\r\nBuild=77", Some("2.2.0")),
            ("OqsComApp v1.0.4.1 2024/05/01", Some("1.0.4.1")),
            ("ver.2.0.1.", Some("2.0.1")),
            ("2", None),
            ("...", None),
            ("", None),
        ] {
            assert_eq!(first_version(text), expected.map(|text| Version(text.into())), "{text}");
        }
    }

    #[test]
    fn the_file_tells_the_version_before_the_list_of_installed_software_does() {
        let sim = sim();
        sim.put_file(INFO, *b"2.1.7");
        assert_eq!(value(&sim, "oqs.link.version"), Value::Version(Version("2.1.7".into())));
        sim.put_file(INFO, *b"\xff\xfe2");
        assert_eq!(reason(&value(&sim, "oqs.link.version")), Some(Reason::Damaged));
        sim.close(INFO);
        assert_eq!(reason(&value(&sim, "oqs.link.version")), Some(Reason::NoPermission));
        sim.open(INFO);
        sim.remove_file(INFO);
        let key = r"SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall\{1}";
        sim.remove_key(
            Hive::LocalMachine,
            r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall",
        );
        sim.remove_key(
            Hive::LocalMachine,
            r"SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall",
        );
        assert_eq!(reason(&value(&sim, "oqs.link.version")), Some(Reason::NotFound));
        for (name, text) in [("DisplayName", "OQSCOMAPP "), ("DisplayVersion", "1.9")] {
            sim.poke(Hive::LocalMachine, key, name, Some(RegistryValue::text(text)));
        }
        assert_eq!(value(&sim, "oqs.link.version"), Value::Version(Version("1.9".into())));
    }

    #[test]
    fn the_status_is_one_of_the_words_and_the_text_is_kept() {
        let sjis = |text: &str| encoding_rs::SHIFT_JIS.encode(text).0.into_owned();
        for (text, expected) in [
            (
                "2026/11/20 10:00 ダウンロード中\r\n2026/11/20 10:05 再起動待ち\r\n",
                "restart-pending",
            ),
            ("アップデート中", "updating"),
            ("サーバ接続待ち", "waiting-for-server"),
            ("停止中 → 未適用更新ファイルなし", "up-to-date"),
            ("停止中\nログを開きました", "stopped"),
            ("異常終了 (0x1F)", "other"),
        ] {
            let sim = sim();
            sim.put_file(STATUS_FILE, sjis(text));
            assert_eq!(value(&sim, "oqs.status"), Value::Text(expected.into()), "{text}");
            let last = text.lines().last().unwrap();
            assert_eq!(value(&sim, "oqs.status_text"), Value::Text(last.into()));
            assert!(matches!(value(&sim, "oqs.status_at"), Value::Time(_)));
        }
    }

    #[test]
    fn a_status_that_cannot_be_read_is_unknown() {
        for (bytes, expected) in [
            (b"\r\n \r\n".as_slice(), Reason::NotFound),
            (b"\x00\x01\x02", Reason::Damaged),
        ] {
            let sim = sim();
            sim.put_file(STATUS_FILE, bytes);
            assert_eq!(reason(&value(&sim, "oqs.status")), Some(expected));
            assert_eq!(reason(&value(&sim, "oqs.status_at")), Some(expected));
        }
        let sim = sim();
        sim.remove_file(STATUS_FILE);
        assert_eq!(reason(&value(&sim, "oqs.status")), Some(Reason::NotFound));
        sim.close(r"C:\OQS");
        assert_eq!(reason(&value(&sim, "oqs.status_text")), Some(Reason::NoPermission));
    }

    #[test]
    fn automatic_update_is_asked_for_where_the_profile_says_and_else_not_supported() {
        let sim = sim();
        assert_eq!(reason(&value(&sim, "oqs.auto_update")), Some(Reason::NotSupported));
        let mut about = about();
        let place = RegistryPlace {
            key: r"SOFTWARE\OQS\OqsDistroApp".into(),
            value: "AutoUpdate".into(),
        };
        Arc::make_mut(&mut about.profile).distribution.auto_update = Some(place.clone());
        let distribution = &about.profile.distribution;
        assert_eq!(auto_update(&sim, distribution).unwrap_err().reason, Reason::NotFound);
        sim.poke(
            Hive::LocalMachine,
            &place.key,
            &place.value,
            Some(RegistryValue::dword(1)),
        );
        assert_eq!(auto_update(&sim, distribution), Ok(true));
        sim.poke(
            Hive::LocalMachine,
            &place.key,
            &place.value,
            Some(RegistryValue::text("yes")),
        );
        assert_eq!(auto_update(&sim, distribution).unwrap_err().reason, Reason::Damaged);
    }
}
