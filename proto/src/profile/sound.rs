//! Whether a profile can be used, beyond being well-formed, and where it cannot.

use std::collections::BTreeSet;

use super::{BadProfile, Profile, place};
use crate::value::Version;

/// Names, ids and hosts beyond this are no names.
pub(super) const LONGEST: usize = 260;
pub(super) const MOST: usize = 64;
/// Of a condition that rules take whole: a filter may have 4,000 characters, and a rule may say something beside it.
const LONGEST_CONDITION: usize = 3_900;
/// What ends a quoted word in a filter.
const QUOTES: [char; 4] = ['"', '＂', '“', '”'];

/// Where a profile may point to, in lower case.
const ROOTS: &[&str] = &[
    r"c:\oqs",
    r"c:\program files\oqs",
    r"c:\program files\oqs-auth",
    r"c:\program files (x86)\oqs",
    r"c:\program files (x86)\oqs-auth",
    r"c:\programdata\oqs",
];
const REGISTRY_ROOTS: &[&str] = &[r"software\oqs", r"software\wow6432node\oqs"];

impl Profile {
    pub(super) fn unsound(&self) -> Option<Unsound> {
        self.unsound_edge()
            .or_else(|| self.unsound_places())
            .or_else(|| self.unsound_hosts())
            .or_else(|| self.unsound_checks())
            .or_else(|| self.unsound_versions())
            .or_else(|| self.unsound_lists())
            .or_else(|| self.unsound_models())
            .or_else(|| self.unsound_names())
    }

    fn unsound_edge(&self) -> Option<Unsound> {
        let mut ids = BTreeSet::new();
        for (name, extension) in self.edge.extensions() {
            let file = &extension.file;
            if !file.ends_with(".crx") || file.contains(['\\', '/', ':']) || too_long(file) {
                let ja = "拡張機能のファイル名 (○○.crx) にしてください。";
                return unsound(&["edge", name, "file"], file, ja, "name a file like x.crx.");
            }
            for id in extension.id.iter().chain(&extension.old_ids) {
                if id.len() != 32 || !id.bytes().all(|letter| letter.is_ascii_lowercase() && letter <= b'p') {
                    let ja = "拡張機能のIDはaからpの32文字です。";
                    return unsound(&["edge", name], id, ja, "an id has 32 letters from a to p.");
                }
            }
            if let Some(id) = &extension.id
                && !ids.insert(id)
            {
                let ja = "同じIDが二つあります。";
                return unsound(&["edge", name, "id"], id, ja, "the id stands twice.");
            }
        }
        None
    }

    fn unsound_places(&self) -> Option<Unsound> {
        let distribution = &self.distribution;
        let infos = self.software.all().into_iter().flat_map(|(name, software)| {
            let infos = software.info.iter();
            infos.map(move |info| (vec!["software", name, "info"], info))
        });
        let log_file = distribution.log_file.iter();
        let places = [
            (vec!["edge", "folder"], &self.edge.folder),
            (vec!["distribution", "status_file"], &distribution.status_file),
        ]
        .into_iter()
        .chain(log_file.map(|file| (vec!["distribution", "log_file"], file)))
        .chain(self.shares.iter().map(|share| (vec!["shares"], share)))
        .chain(infos);
        for (keys, place) in places {
            if !lies_below(place, ROOTS) {
                return unsound(
                    &keys,
                    place,
                    "資格確認ソフトのフォルダーの下だけを指定できます。",
                    "only places below the verification software's folders can be named.",
                );
            }
        }
        let key = self.distribution.auto_update.as_ref().map(|place| &place.key)?;
        if !lies_below(key, REGISTRY_ROOTS) {
            return unsound(
                &["distribution", "auto_update", "key"],
                key,
                "資格確認ソフトのレジストリの下だけを指定できます。",
                "only keys of the verification software can be named.",
            );
        }
        None
    }

    fn unsound_hosts(&self) -> Option<Unsound> {
        let server = &self.proxy.server;
        let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port != 0);
        let proxy = server.rsplit_once(':').filter(|_| !too_long(server));
        if !proxy.is_some_and(|(host, port)| is_host(host) && is_port(port)) {
            let ja = "ホスト名:ポートにしてください。";
            return unsound(&["proxy", "server"], server, ja, "write host:port.");
        }
        let checks = self.checks.iter().map(|check| (["checks", "host"], &check.host));
        let mut hosts = std::iter::once((["time", "server"], &self.time.server)).chain(checks);
        if let Some((keys, host)) = hosts.find(|(_, host)| !is_host(host)) {
            return unsound(&keys, host, "ホスト名ではありません。", "this is no host name.");
        }
        let is_odd = |entry: &&String| !is_host(entry.strip_prefix("*.").unwrap_or(entry));
        let odd = self.proxy.bypass.iter().find(is_odd)?;
        let ja = "例外は1件ずつ分けてください。";
        unsound(&["proxy", "bypass"], odd, ja, "write one bypass entry at a time.")
    }

    fn unsound_checks(&self) -> Option<Unsound> {
        let mut names = BTreeSet::new();
        for check in &self.checks {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if check.name.is_empty() || !check.name.chars().all(plain) || check.port == 0 || !names.insert(&check.name)
            {
                let ja = "確認の名前 (英小文字、重複なし) とポートを直してください。";
                let en = "name each check once, in lower case, with a port.";
                return unsound(&["checks"], &check.name, ja, en);
            }
        }
        None
    }

    fn unsound_versions(&self) -> Option<Unsound> {
        let extensions = self.edge.extensions().into_iter();
        let extensions = extensions.map(|(name, of)| (vec!["edge", name, "version"], &of.version));
        let software = self.software.all().into_iter();
        let software = software.map(|(name, of)| (vec!["software", name, "version"], &of.version));
        let latest = [("agent", &self.latest.agent), ("edge", &self.latest.edge)];
        let latest = latest.into_iter();
        let latest = latest.filter_map(|(name, of)| Some((vec!["latest", name], of.as_ref()?)));
        let mut versions = extensions.chain(software).chain(latest);
        let odd = |version: &Version| Version::parse(&version.0).is_none() || too_long(&version.0);
        let (keys, version) = versions.find(|(_, version)| odd(version))?;
        unsound(&keys, &version.0, "版数ではありません。", "this is no version.")
    }

    fn unsound_lists(&self) -> Option<Unsound> {
        let lists = [
            (vec!["tasks"], &self.tasks),
            (vec!["services"], &self.services),
            (vec!["distribution", "release_days"], &self.distribution.release_days),
            (vec!["shares"], &self.shares),
            (vec!["arp", "adapters"], &self.arp.adapters),
            (vec!["proxy", "bypass"], &self.proxy.bypass),
        ];
        let software = self.software.all().into_iter().flat_map(|(name, software)| {
            [
                (vec!["software", name, "names"], &software.names),
                (vec!["software", name, "info"], &software.info),
            ]
        });
        for (keys, list) in lists.into_iter().chain(software) {
            if list.len() > MOST {
                return too_many(&keys);
            }
            if let Some(odd) = list.iter().find(|name| is_no_name(name)) {
                return no_name(&keys, odd);
            }
        }
        if self.checks.len() > MOST {
            return too_many(&["checks"]);
        }
        let patches = (self.latest.os.len() > MOST).then(|| too_many(&["latest", "os"]));
        patches.flatten()
    }

    fn unsound_models(&self) -> Option<Unsound> {
        let keys = ["arp", "models"];
        if self.arp.models.len() > MOST {
            return too_many(&keys);
        }
        let mut names = self.arp.models.iter().flat_map(|it| [&it.manufacturer, &it.model]);
        let odd = names.find_map(|name| unsound_in_quotes(&keys, name));
        let too_long = self.arp_models().chars().count() > LONGEST_CONDITION;
        let ja = "合わせて長すぎます。機種を減らしてください。";
        let together = || unsound_list(&keys, ja, "too long together; name fewer models.");
        odd.or_else(|| together().filter(|_| too_long))
    }

    fn unsound_names(&self) -> Option<Unsound> {
        let distribution = &self.distribution;
        let names = [
            (vec!["certificate_issuer"], &self.certificate_issuer),
            (vec!["distribution", "start_task"], &distribution.start_task),
        ];
        let odd = || names.into_iter().find(|(_, name)| is_no_name(name));
        unsound_in_quotes(&["account"], &self.account).or_else(|| odd().and_then(|(keys, name)| no_name(&keys, name)))
    }
}

/// What cannot be used, and where.
pub(super) struct Unsound {
    /// From the outermost on.
    keys: Vec<&'static str>,
    /// None: all that stands there.
    value: Option<String>,
    ja: &'static str,
    en: &'static str,
}

impl Unsound {
    pub fn told(&self, text: &str) -> BadProfile {
        let (key, value) = (self.keys.last().copied(), self.value.as_deref());
        let at: String = value.or(key).unwrap_or_default().chars().take(80).collect();
        BadProfile {
            line: place::line_of(text, &self.keys, value),
            ja: format!("「{at}」: {}", self.ja),
            en: format!("“{at}”: {}", self.en),
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what the checks return")]
fn unsound(keys: &[&'static str], value: &str, ja: &'static str, en: &'static str) -> Option<Unsound> {
    Some(Unsound {
        keys: keys.into(),
        value: Some(value.to_owned()),
        ja,
        en,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "what the checks return")]
fn unsound_list(keys: &[&'static str], ja: &'static str, en: &'static str) -> Option<Unsound> {
    Some(Unsound {
        keys: keys.into(),
        value: None,
        ja,
        en,
    })
}

fn too_many(keys: &[&'static str]) -> Option<Unsound> {
    unsound_list(keys, "多すぎます (64件まで)。", "too many; 64 at most.")
}

fn is_no_name(name: &str) -> bool {
    name.trim().is_empty() || too_long(name)
}

fn no_name(keys: &[&'static str], name: &str) -> Option<Unsound> {
    unsound(keys, name, "空か、長すぎます。", "empty or too long.")
}

/// A name that rules ask for as a quoted word.
fn unsound_in_quotes(keys: &[&'static str], name: &str) -> Option<Unsound> {
    if is_no_name(name) {
        return no_name(keys, name);
    }
    let ends = name.contains(QUOTES);
    let odd = ends.then(|| unsound(keys, name, "引用符は使えません。", "it must not hold quotation marks."));
    odd.flatten()
}

fn too_long(text: &str) -> bool {
    text.len() > LONGEST || text.chars().any(char::is_control)
}

/// Not above it by dots, not beside it by a longer name, and no device or stream.
fn lies_below(place: &str, roots: &[&str]) -> bool {
    let lower = place.to_lowercase();
    let below = |root: &&str| {
        lower
            .strip_prefix(*root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'))
    };
    let plain = |part: &str| !part.trim().is_empty() && part != "." && part != ".." && !part.ends_with(['.', ' ']);
    let sound = |text: &str| !text.contains(['/', '*', '?', '"', '<', '>', '|', '%']) && text.split('\\').all(plain);
    let without_drive = lower.strip_prefix(r"c:\").unwrap_or(&lower);
    roots.iter().any(below) && sound(&lower) && !without_drive.contains(':') && !too_long(place)
}

fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        !label.is_empty() && label.len() <= 63 && label.bytes().all(plain) && !label.starts_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}
