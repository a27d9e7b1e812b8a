//! The terminal profile: names, ids, places, hosts and target versions that carriers change without a new build. Server and
//! agent read it with the same parser, and an agent uses none that it has not read to the end itself.
//!
//! A profile only says where to look and what to expect. Nothing in it is ever run, and places lie below the folders of
//! the verification software alone.

mod place;
mod sound;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use crate::value::Version;

const BUILT_IN: &str = include_str!("../profile/built_in.json");

/// A profile larger than this is none.
pub const MAX_PROFILE: usize = 64 * 1024;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Grows with every change; an agent takes whichever the server names.
    pub version: u32,
    pub edge: Edge,
    pub arp: Arp,
    pub proxy: Proxy,
    pub time: TimeSource,
    /// The account that the link software runs as, exact in case.
    pub account: String,
    /// Names of the tasks that have to be there.
    pub tasks: Vec<String>,
    /// Names of the Windows services that belong to the verification software; a terminal need not have them all.
    #[serde(default)]
    pub services: Vec<String>,
    pub restart: Restart,
    /// Folders that have to be shared.
    pub shares: Vec<String>,
    /// The issuer's common name.
    pub certificate_issuer: String,
    pub software: SoftwareSet,
    pub distribution: Distribution,
    /// The least .NET Framework release.
    pub dotnet_release: i64,
    pub checks: Vec<Check>,
    /// What terminals are measured against beside the versions above; nothing is asked where none is named.
    #[serde(default)]
    pub latest: Latest,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latest {
    #[serde(default)]
    pub agent: Option<Version>,
    #[serde(default)]
    pub edge: Option<Version>,
    #[serde(default)]
    pub os: Vec<Patch>,
}

/// The least update revision of one build of Windows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    pub build: u32,
    pub revision: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// Where the files to drag into the browser lie.
    pub folder: String,
    pub delegate: Extension,
    pub nopinauth: Extension,
    pub pinauth: Extension,
}

impl Edge {
    /// With the names that facts use for them.
    pub fn extensions(&self) -> [(&'static str, &Extension); 3] {
        [
            ("delegate", &self.delegate),
            ("nopinauth", &self.nopinauth),
            ("pinauth", &self.pinauth),
        ]
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    pub file: String,
    /// 32 letters a to p. None: the id of the file in the folder.
    pub id: Option<String>,
    /// Ids of what it replaces, where they differ.
    #[serde(default)]
    pub old_ids: Vec<String>,
    /// What people see; the manuals do not agree. Never used to tell extensions apart.
    #[serde(default)]
    pub names: Vec<String>,
    /// The least version that works.
    pub version: Version,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arp {
    pub models: Vec<Model>,
    /// Driver descriptions; case and spaces do not count.
    pub adapters: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    pub manufacturer: String,
    pub model: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// host:port
    pub server: String,
    pub bypass: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeSource {
    pub server: String,
}

/// No terminal restarts itself in this part of the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restart {
    pub avoid_from: Clock24,
    pub avoid_until: Clock24,
}

impl Restart {
    /// Both ends belong to it.
    pub fn avoids(&self, at: Clock24) -> bool {
        if self.avoid_from <= self.avoid_until {
            self.avoid_from <= at && at <= self.avoid_until
        } else {
            at >= self.avoid_from || at <= self.avoid_until
        }
    }
}

/// Minutes since midnight, written `03:50`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clock24(u16);

impl Clock24 {
    pub const MIDNIGHT: Clock24 = Clock24(0);

    pub fn new(hour: u16, minute: u16) -> Option<Clock24> {
        (hour < 24 && minute < 60).then_some(Clock24(hour * 60 + minute))
    }

    pub fn parse(text: &str) -> Option<Clock24> {
        let (hour, minute) = text.split_once(':')?;
        let number = |text: &str| {
            let two = text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_digit());
            two.then(|| text.parse().ok()).flatten()
        };
        Clock24::new(number(hour)?, number(minute)?)
    }

    pub fn minutes(self) -> u16 {
        self.0
    }
}

impl std::fmt::Display for Clock24 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for Clock24 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Clock24 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Clock24, D::Error> {
        let text = String::deserialize(deserializer)?;
        Clock24::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no time of day like 03:50")))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoftwareSet {
    pub face: Software,
    pub link: Software,
    pub distribution: Software,
    pub mpki: Software,
}

impl SoftwareSet {
    /// With the names that facts use for them.
    pub fn all(&self) -> [(&'static str, &Software); 4] {
        [
            ("face", &self.face),
            ("link", &self.link),
            ("distribution", &self.distribution),
            ("mpki", &self.mpki),
        ]
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Software {
    /// Display names in the list of installed software; case does not count.
    pub names: Vec<String>,
    /// Files that tell the version; the first that is there counts.
    pub info: Vec<String>,
    /// The least version that works.
    pub version: Version,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// Where the distribution software writes its status words.
    pub status_file: String,
    /// The scheduled task that starts it.
    #[serde(default = "start_task")]
    pub start_task: String,
    /// Days on which updates are released and everybody fetches them, written `2026-12-08`.
    #[serde(default)]
    pub release_days: Vec<String>,
    /// Where it writes what it does, once somebody has found out: the only program's own log that is ever fetched.
    #[serde(default)]
    pub log_file: Option<String>,
    /// Where it keeps whether it updates by itself, once somebody has found out.
    pub auto_update: Option<RegistryPlace>,
}

/// Of profiles that do not say it.
fn start_task() -> String {
    "OQS_exec_distroappstart".to_owned()
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryPlace {
    /// Below the local machine.
    pub key: String,
    pub value: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    pub name: String,
    pub kind: CheckKind,
    pub host: String,
    pub port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckKind {
    /// The name has an address.
    Dns,
    /// A time server answers.
    Time,
    /// Somebody accepts a connection.
    Tcp,
    /// Somebody begins TLS; asking for a client certificate is reachable enough.
    Tls,
}

/// A profile that cannot be used, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("E-PROFILE-01 {line}行目: {ja} / Line {line}: {en}")]
pub struct BadProfile {
    /// From 1.
    pub line: usize,
    pub ja: String,
    pub en: String,
}

/// What the reader of JSON says, for those who do not read English.
fn in_japanese(error: &serde_json::Error) -> String {
    let (line, said) = (error.line(), error.to_string());
    let named = said.split('`').nth(1).unwrap_or_default();
    match error.classify() {
        Category::Data if said.starts_with("missing field") => format!("「{named}」がありません（{line}行目まで）。"),
        Category::Data if said.starts_with("unknown field") => {
            format!("「{named}」という項目はありません（{line}行目）。")
        }
        Category::Data if said.starts_with("duplicate field") => format!("「{named}」が2回あります（{line}行目）。"),
        Category::Data => format!("{line}行目の値の種類か書き方が違います。"),
        Category::Eof => "途中で終わっています。閉じる括弧や引用符を確認してください。".to_owned(),
        Category::Syntax | Category::Io => {
            format!("{line}行目{}文字目がJSONとして読めません。", error.column())
        }
    }
}

impl Profile {
    /// What agent and server know before anybody tells them more.
    ///
    /// # Panics
    /// Never: a test reads it.
    pub fn built_in() -> Profile {
        #[expect(clippy::expect_used, reason = "part of the program; a test reads it")]
        Profile::read(BUILT_IN).expect("the built-in profile is sound")
    }

    /// The facts of which it does not say where to look: they are unknown on every terminal.
    pub fn unseen(&self) -> Vec<&'static str> {
        let auto_update = self.distribution.auto_update.is_none();
        auto_update.then_some("oqs.auto_update").into_iter().collect()
    }

    pub fn built_in_text() -> &'static str {
        BUILT_IN
    }

    pub fn read(text: &str) -> Result<Profile, BadProfile> {
        if text.len() > MAX_PROFILE {
            return Err(BadProfile {
                line: 1,
                ja: format!("{}KBを超えています。", MAX_PROFILE / 1024),
                en: format!("it is longer than {} KB.", MAX_PROFILE / 1024),
            });
        }
        let profile: Profile = serde_json::from_str(text).map_err(|error| BadProfile {
            line: error.line().max(1),
            ja: format!("書式を直してください。{}", in_japanese(&error)),
            en: format!("correct the format: {error}"),
        })?;
        match profile.unsound() {
            None => Ok(profile),
            Some(unsound) => Err(unsound.told(text)),
        }
    }

    /// Rules name these with a `$` in front.
    pub fn constants(&self) -> BTreeMap<String, String> {
        let mut constants = BTreeMap::new();
        let mut set = |name: String, value: String| {
            constants.insert(name, value);
        };
        for (name, extension) in self.edge.extensions() {
            set(format!("edge.{name}.version"), extension.version.to_string());
        }
        for (name, software) in self.software.all() {
            set(format!("oqs.{name}.version"), software.version.to_string());
        }
        set("dotnet.release".to_owned(), self.dotnet_release.to_string());
        set("account".to_owned(), self.account.clone());
        set("time.server".to_owned(), self.time.server.clone());
        set("proxy.server".to_owned(), self.proxy.server.clone());
        set("restart.avoid_from".to_owned(), self.restart.avoid_from.to_string());
        set("restart.avoid_until".to_owned(), self.restart.avoid_until.to_string());
        for (name, version) in [("agent", &self.latest.agent), ("edge", &self.latest.edge)] {
            if let Some(version) = version {
                set(format!("latest.{name}"), version.to_string());
            }
        }
        for patch in &self.latest.os {
            set(format!("latest.os.{}", patch.build), patch.revision.to_string());
        }
        constants
    }

    /// As `constants`, but whole conditions.
    pub fn conditions(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([("arp.models", self.arp_models())])
    }

    /// A terminal is of one of the models. Their names hold no quotes: a sound profile has none such.
    fn arp_models(&self) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\"));
        let model = |model: &Model| {
            let (maker, model) = (quoted(&model.manufacturer), quoted(&model.model));
            format!("(hardware.manufacturer={maker} hardware.model={model})")
        };
        let models: Vec<String> = self.arp.models.iter().map(model).collect();
        if models.is_empty() {
            return "-*".to_owned();
        }
        models.join(" OR ")
    }
}

#[cfg(test)]
mod tests {
    use super::sound::{LONGEST, MOST};
    use super::*;

    #[test]
    fn what_cannot_be_read_is_told_in_japanese_as_well() {
        let built_in = serde_json::to_string(&Profile::built_in()).expect("it is written");
        for (text, said) in [
            ("{\"version\": 3}".to_owned(), "がありません"),
            (
                built_in.replacen('{', "{\"colour\":1,", 1),
                "「colour」という項目はありません",
            ),
            ("{".to_owned(), "途中で終わっています"),
            ("{]".to_owned(), "1行目2文字目"),
            ("[]".to_owned(), "1行目"),
        ] {
            let bad = Profile::read(&text).expect_err(&text);
            assert!(bad.ja.contains(said), "{}", bad.ja);
            let foreign = ["missing", "unknown", "expected", "line", "EOF"];
            assert!(foreign.iter().all(|word| !bad.ja.contains(word)), "{}", bad.ja);
        }
    }

    #[test]
    fn the_built_in_profile_is_sound_and_reads_back() {
        let profile = Profile::built_in();
        let text = serde_json::to_string(&profile).expect("JSON");
        assert_eq!(Profile::read(&text), Ok(profile));
    }

    #[test]
    fn rules_find_what_they_measure_against() {
        let mut profile = Profile::built_in();
        let constants = profile.constants();
        assert_eq!(constants["oqs.face.version"], "2.3.0");
        assert_eq!(constants["restart.avoid_from"], "03:50");
        assert_eq!(constants.get("latest.edge"), None);
        assert!(profile.conditions()["arp.models"].contains(r#"hardware.model="ThinkPad E14 Gen 2""#));
        profile.latest.edge = Version::parse("130.0");
        profile.latest.os.push(Patch {
            build: 17_763,
            revision: 5_000,
        });
        profile.arp.models.clear();
        assert_eq!(profile.constants()["latest.edge"], "130.0");
        assert_eq!(profile.constants()["latest.os.17763"], "5000");
        assert_eq!(profile.conditions()["arp.models"], "-*");
        let text = serde_json::to_string(&profile).expect("JSON");
        assert_eq!(Profile::read(&text), Ok(profile));
    }

    /// Each with the list that is to be named.
    fn too_long_lists() -> [(&'static str, &'static str, Profile); 5] {
        let of = |change: &dyn Fn(&mut Profile)| {
            let mut profile = Profile::built_in();
            change(&mut profile);
            profile
        };
        let model = |length: usize| Model {
            manufacturer: "m".repeat(length),
            model: "n".repeat(length),
        };
        let patch = Patch { build: 1, revision: 1 };
        // Names that stand elsewhere too.
        let services = of(&|it| it.services = vec![it.account.clone(); MOST + 1]);
        let checks = of(&|it| {
            it.checks = vec![it.checks[0].clone(); MOST + 1];
            for (number, check) in it.checks.iter_mut().enumerate() {
                check.name = format!("os-{number}");
            }
        });
        [
            ("models", "too many", of(&|it| it.arp.models = vec![model(1); MOST + 1])),
            ("models", "together", of(&|it| it.arp.models = vec![model(LONGEST); 8])),
            ("os", "too many", of(&|it| it.latest.os = vec![patch.clone(); MOST + 1])),
            ("checks", "too many", checks),
            ("services", "too many", services),
        ]
    }

    #[test]
    fn a_bad_profile_is_refused_with_the_line_and_the_reason() {
        for (from, to, reason) in [
            (r#""C:\\OQS\\face""#, r#""C:\\Windows\\face""#, "only places"),
            (r#""C:\\OQS\\face""#, r#""C:\\OQS\\..\\Windows""#, "only places"),
            (r#""C:\\OQS\\face""#, r#""C:\\OQSX\\face""#, "only places"),
            (r#""C:\\OQS\\face""#, r#""C:\\OQS\\face:stream""#, "only places"),
            (r#""C:\\OQS\\face""#, r#""C:\\OQS\\%TEMP%""#, "only places"),
            (r#""C:\\OQS\\face""#, r#""C:\\OQS\\face.""#, "only places"),
            (r#""delegate.crx""#, r#""..\\delegate.crx""#, "name a file"),
            (r#""delegate.crx""#, r#""delegate.exe""#, "name a file"),
            (r#""*.rece""#, r#""*.rece;pweb""#, "one bypass entry"),
            (r#""03:50""#, r#""25:50""#, "time of day"),
            (r#""2.3.0""#, r#""two""#, "no version"),
            (r#""hweb.oqs.onshikaku.org""#, r#""hweb oqs""#, "no host"),
            (r#""account""#, r#""acount""#, "unknown field"),
            (r#""OqsComApp","#, r#""","#, "empty"),
            (r#""OqsComApp","#, r#""Oqs\u201d","#, "quotation marks"),
            (r#""LENOVO""#, r#"" ""#, "empty"),
            (r#""LENOVO""#, r#""LEN\tOVO""#, "empty or too long"),
            (r#""LENOVO""#, r#""\"LENOVO\"""#, "quotation marks"),
            (r#""ThinkPad E14 Gen 2""#, r#""""#, "empty"),
            (r#""ThinkPad E14 Gen 2""#, r#""13“""#, "quotation marks"),
            (r#""ThinkPad E14 Gen 2""#, r#""13\uff02""#, "quotation marks"),
        ] {
            let text = BUILT_IN.replacen(from, to, 1);
            assert_ne!(text, BUILT_IN, "{from}");
            let expected = text.lines().zip(BUILT_IN.lines()).position(|(is, was)| is != was);
            let error = Profile::read(&text).expect_err(to);
            assert_eq!(Some(error.line - 1), expected, "{to}: {error}");
            assert!(error.en.contains(reason), "{to}: {error}");
        }
        for (list, reason, profile) in too_long_lists() {
            let text = serde_json::to_string_pretty(&profile).expect("JSON");
            let named = |line: &str| line.contains(&format!("\"{list}\": ["));
            let expected = text.lines().position(named).map(|at| at + 1);
            let error = Profile::read(&text).expect_err(list);
            assert_eq!(Some(error.line), expected, "{list}: {error}");
            assert!(error.en.contains(list) && error.en.contains(reason), "{list}: {error}");
        }
        let cut = &BUILT_IN[..BUILT_IN.len() / 2];
        assert!(Profile::read(cut).expect_err("cut off").line > 10);
        assert!(Profile::read(&" ".repeat(MAX_PROFILE + 1)).is_err());
    }

    #[test]
    fn the_part_of_the_day_to_avoid_may_span_midnight() {
        let at = |text: &str| Clock24::parse(text).expect("a time of day");
        let restart = |from, until| Restart {
            avoid_from: at(from),
            avoid_until: at(until),
        };
        let short = restart("03:50", "04:10");
        assert!(short.avoids(at("03:50")) && short.avoids(at("04:10")) && !short.avoids(at("04:11")));
        let late = restart("23:30", "00:30");
        assert!(late.avoids(at("23:59")) && late.avoids(at("00:30")) && !late.avoids(at("12:00")));
        for odd in ["3:50", "24:00", "03:60", "0350", "", "+1:00"] {
            assert_eq!(Clock24::parse(odd), None, "{odd}");
        }
    }
}
