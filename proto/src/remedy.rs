//! What can be done to a terminal: a closed list, the same on both sides, each with what a person must know before it is
//! pressed. No remedy takes a path, a command or free text, and none ever will.

mod about;
mod guided;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::id::JobId;
use crate::words::Words;
pub use guided::Procedure;

/// Typed work with its parameters. A new kind is a new variant, here and on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "remedy", rename_all = "kebab-case")]
pub enum Remedy {
    RefreshFacts,
    FastStartupOff,
    ArpOffloadOff,
    /// Hours of the day, of the terminal's own clock.
    ActiveHours {
        start: u8,
        end: u8,
    },
    TimeSource,
    WindowsUpdateMode {
        mode: UpdateMode,
        /// At which updates are installed; without meaning where that is done by hand.
        hour: u8,
    },
    PowerSettings,
    ProxyRepair,
    /// Within this hour, at a minute that the terminal chooses.
    DailyRestart {
        hour: u8,
    },
    RestartNow,
    WindowsUpdateRun,
    DistributionAppRefresh,
    ConnectionCheck,
    CollectRecord {
        record: Record,
    },
    NotifyStaff {
        message: Message,
    },
    /// Takes back what an earlier job of the same terminal changed, by the terminal's own record of it.
    Undo {
        job: JobId,
    },
    EdgeExtensionSwap {
        strategy: Strategy,
    },
    /// What only the person in front of the terminal can do; the agent guides and looks.
    #[serde(untagged)]
    Guided(Procedure),
}

/// How the new extensions come into the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// The person at the terminal puts them in, and the agent watches.
    Assisted,
    /// Policy does, where the browser lets it.
    Managed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateMode {
    Automatic,
    Manual,
}

/// What can be fetched from a terminal. Programs that deal with patients have no place here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    /// The agent's own: when it was connected, and why not.
    Agent,
    WindowsUpdate,
    /// Starts, ends and crashes of Windows.
    Restarts,
    /// Programs and services that ended by themselves.
    Programs,
    /// Cable, address and time.
    Network,
    /// What the distribution software writes.
    Distribution,
}

impl Record {
    pub const ALL: [Record; 6] = [
        Record::Agent,
        Record::WindowsUpdate,
        Record::Restarts,
        Record::Programs,
        Record::Network,
        Record::Distribution,
    ];

    pub fn id(self) -> &'static str {
        about::RECORDS[self as usize].id
    }

    pub fn title(self) -> Said {
        about::RECORDS[self as usize].title
    }
}

/// What staff can be told on the screen; the words are part of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Message {
    Working,
    LeaveOn,
    RestartToday,
    CallUs,
    Done,
    CheckCable,
}

impl Message {
    pub const ALL: [Message; 6] = [
        Message::Working,
        Message::LeaveOn,
        Message::RestartToday,
        Message::CallUs,
        Message::Done,
        Message::CheckCable,
    ];

    /// What it is about, for whoever picks it.
    pub fn title(self) -> Said {
        about::MESSAGES[self as usize].title
    }

    /// What people read on the screen.
    pub fn text(self) -> Said {
        about::message(self)
    }
}

/// What it takes for a terminal to be given this work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Reads only.
    Read,
    /// Changes one terminal.
    Consent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    None,
    /// It holds from the next restart on; none is made for it.
    Next,
    /// One is made for it.
    Made,
}

/// A sentence in the two languages, known when the program was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    pub ja: &'static str,
    pub en: &'static str,
}

/// What is asked before a remedy is ordered. Never free text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Parameter {
    pub name: &'static str,
    pub title: Said,
    pub range: Range,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Range {
    /// A whole number between two others.
    Number {
        least: u8,
        most: u8,
        /// Taken where nothing is said.
        usual: u8,
    },
    /// One of these; the first is taken where nothing is said.
    Choice(&'static [Choice]),
    /// An earlier job of the same terminal; must be said.
    Job,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    pub id: &'static str,
    pub title: Said,
}

/// A step as people read it; what it does is the terminal's matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StepAbout {
    pub id: &'static str,
    pub title: Said,
}

/// Everything about a kind of work but its parameters' values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct About {
    pub id: &'static str,
    pub class: Class,
    pub parameters: &'static [Parameter],
    /// In the order in which the terminal does them.
    pub steps: &'static [StepAbout],
    pub restart: Restart,
    /// How long it usually takes.
    pub seconds: u32,
    /// Whether what it changed can be put back as it was.
    pub undo: bool,
    /// What is looked at again as the proof.
    pub facts: &'static [&'static str],
    pub title: Said,
    /// What the clinic will notice.
    pub effect: Said,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRemedy {
    #[error("there is no remedy {0:?}")]
    Unknown(String),
    #[error("remedy {remedy} takes no parameter {parameter:?}")]
    Parameter { remedy: &'static str, parameter: String },
    #[error("{parameter} of remedy {remedy} is {}", range.wanted())]
    Value {
        remedy: &'static str,
        parameter: &'static str,
        range: Range,
    },
    #[error("active hours are at least one hour and at most {MOST_ACTIVE}")]
    ActiveHours,
}

/// Windows allows no more between the first and the last active hour.
pub const MOST_ACTIVE: u8 = 18;

impl Remedy {
    /// One of each kind that can be ordered out of nothing, with the usual parameters. Taking back is none of them: it needs
    /// something to take back.
    pub const ALL: [Remedy; 22] = [
        Remedy::RefreshFacts,
        Remedy::FastStartupOff,
        Remedy::ArpOffloadOff,
        Remedy::ActiveHours { start: 8, end: 20 },
        Remedy::TimeSource,
        Remedy::WindowsUpdateMode {
            mode: UpdateMode::Automatic,
            hour: 6,
        },
        Remedy::PowerSettings,
        Remedy::ProxyRepair,
        Remedy::DailyRestart { hour: 2 },
        Remedy::RestartNow,
        Remedy::WindowsUpdateRun,
        Remedy::DistributionAppRefresh,
        Remedy::ConnectionCheck,
        Remedy::CollectRecord { record: Record::Agent },
        Remedy::NotifyStaff {
            message: Message::Working,
        },
        Remedy::Guided(Procedure::DisplayScale),
        Remedy::Guided(Procedure::CertificateBackup),
        Remedy::Guided(Procedure::TaskRepair),
        Remedy::Guided(Procedure::ShareRepair),
        Remedy::Guided(Procedure::AccountCheck),
        Remedy::Guided(Procedure::CardReaderPowerCycle),
        Remedy::EdgeExtensionSwap {
            strategy: Strategy::Assisted,
        },
    ];

    pub fn about(self) -> &'static About {
        match self {
            Remedy::Undo { .. } => &about::UNDO,
            Remedy::RefreshFacts => &about::REFRESH_FACTS,
            Remedy::FastStartupOff => &about::FAST_STARTUP_OFF,
            Remedy::ArpOffloadOff => &about::ARP_OFFLOAD_OFF,
            Remedy::ActiveHours { .. } => &about::ACTIVE_HOURS,
            Remedy::TimeSource => &about::TIME_SOURCE,
            Remedy::WindowsUpdateMode { .. } => &about::WINDOWS_UPDATE_MODE,
            Remedy::PowerSettings => &about::POWER_SETTINGS,
            Remedy::ProxyRepair => &about::PROXY_REPAIR,
            Remedy::DailyRestart { .. } => &about::DAILY_RESTART,
            Remedy::RestartNow => &about::RESTART_NOW,
            Remedy::WindowsUpdateRun => &about::WINDOWS_UPDATE_RUN,
            Remedy::DistributionAppRefresh => &about::DISTRIBUTION_APP_REFRESH,
            Remedy::ConnectionCheck => &about::CONNECTION_CHECK,
            Remedy::CollectRecord { .. } => &about::COLLECT_RECORD,
            Remedy::NotifyStaff { .. } => &about::NOTIFY_STAFF,
            Remedy::Guided(procedure) => procedure.about(),
            Remedy::EdgeExtensionSwap { .. } => &about::EDGE_EXTENSION_SWAP,
        }
    }

    pub fn name(self) -> &'static str {
        self.about().id
    }

    pub fn class(self) -> Class {
        self.about().class
    }

    pub fn title(self) -> Words {
        self.about().title.into()
    }

    /// The title with what was ordered: "Set active hours (7:00 to 19:00)".
    pub fn spelled(self) -> Words {
        let mut words = self.title();
        match self {
            // An id says nothing to people: pages lead to the job that it names.
            Remedy::Undo { .. }
            | Remedy::RefreshFacts
            | Remedy::RestartNow
            | Remedy::WindowsUpdateRun
            | Remedy::DistributionAppRefresh
            | Remedy::ConnectionCheck
            | Remedy::FastStartupOff
            | Remedy::ArpOffloadOff
            | Remedy::TimeSource
            | Remedy::PowerSettings
            | Remedy::ProxyRepair
            | Remedy::Guided(_) => {}
            Remedy::DailyRestart { hour } => {
                words.ja += &format!("（{hour}時台）");
                words.en += &format!(" (after {hour}:00)");
            }
            Remedy::CollectRecord { record } => {
                words.ja += &format!("（{}）", record.title().ja);
                words.en += &format!(" ({})", record.title().en);
            }
            Remedy::NotifyStaff { message } => {
                words.ja += &format!("（{}）", message.title().ja);
                words.en += &format!(" ({})", message.title().en);
            }
            Remedy::EdgeExtensionSwap { strategy } => {
                let title = about::strategy(strategy);
                words.ja += &format!("（{}）", title.ja);
                words.en += &format!(" ({})", title.en);
            }
            Remedy::ActiveHours { start, end } => {
                words.ja += &format!("（{start}時から{end}時）");
                words.en += &format!(" ({start}:00 to {end}:00)");
            }
            Remedy::WindowsUpdateMode {
                mode: UpdateMode::Automatic,
                hour,
            } => {
                words.ja += &format!("（自動、{hour}時）");
                words.en += &format!(" (automatic, {hour}:00)");
            }
            Remedy::WindowsUpdateMode {
                mode: UpdateMode::Manual,
                ..
            } => {
                words.ja += "（手動）";
                words.en += " (by hand)";
            }
        }
        words
    }

    pub fn effect(self) -> Words {
        self.about().effect.into()
    }

    /// With its usual parameters; none for what has no usual ones.
    pub fn by_name(name: &str) -> Option<Remedy> {
        Remedy::ALL.into_iter().find(|remedy| remedy.name() == name)
    }

    /// Parameters as an object of JSON.
    pub fn params(self) -> Map<String, Json> {
        match serde_json::to_value(self) {
            Ok(Json::Object(mut params)) => {
                params.remove("remedy");
                params
            }
            // A closed list of plain numbers and words always becomes an object.
            Ok(_) | Err(_) => Map::new(),
        }
    }

    /// From outside: a name and a JSON object of parameters, refused unless all are known and in range.
    pub fn parse(name: &str, params: &Json) -> Result<Remedy, BadRemedy> {
        let about = About::find(name).ok_or_else(|| BadRemedy::Unknown(name.to_owned()))?;
        let none = Map::new();
        let given = match params {
            Json::Null => &none,
            Json::Object(given) => given,
            Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
                return Err(about.takes_no(&params.to_string()));
            }
        };
        let known = |key: &String| about.parameters.iter().any(|parameter| parameter.name == key);
        if let Some(surplus) = given.keys().find(|key| !known(key)) {
            return Err(about.takes_no(surplus));
        }
        let mut whole = Map::from_iter([("remedy".to_owned(), Json::from(name))]);
        for parameter in about.parameters {
            let value = given
                .get(parameter.name)
                .cloned()
                .unwrap_or_else(|| parameter.range.usual());
            if !parameter.range.allows(&value) {
                return Err(parameter.bad(about.id));
            }
            whole.insert(parameter.name.to_owned(), value);
        }
        serde_json::from_value::<Remedy>(Json::Object(whole))
            .map_err(|_| BadRemedy::Unknown(name.to_owned()))?
            .sound()
    }

    /// Refused unless every parameter is in range and they go together.
    pub fn checked(self) -> Result<Remedy, BadRemedy> {
        Remedy::parse(self.name(), &self.params().into())
    }

    /// What no single parameter tells.
    fn sound(self) -> Result<Remedy, BadRemedy> {
        match self {
            Remedy::ActiveHours { start, end } if !(1..=MOST_ACTIVE).contains(&((24 + end - start) % 24)) => {
                Err(BadRemedy::ActiveHours)
            }
            Remedy::Undo { .. }
            | Remedy::ActiveHours { .. }
            | Remedy::RefreshFacts
            | Remedy::FastStartupOff
            | Remedy::ArpOffloadOff
            | Remedy::TimeSource
            | Remedy::WindowsUpdateMode { .. }
            | Remedy::PowerSettings
            | Remedy::ProxyRepair
            | Remedy::DailyRestart { .. }
            | Remedy::RestartNow
            | Remedy::WindowsUpdateRun
            | Remedy::DistributionAppRefresh
            | Remedy::ConnectionCheck
            | Remedy::CollectRecord { .. }
            | Remedy::NotifyStaff { .. }
            | Remedy::Guided(_)
            | Remedy::EdgeExtensionSwap { .. } => Ok(self),
        }
    }
}

impl About {
    /// Of every kind, also of those that need something said.
    pub fn all() -> impl Iterator<Item = &'static About> {
        Remedy::ALL.into_iter().map(Remedy::about).chain([&about::UNDO])
    }

    pub fn find(name: &str) -> Option<&'static About> {
        About::all().find(|about| about.id == name)
    }

    fn takes_no(&self, parameter: &str) -> BadRemedy {
        BadRemedy::Parameter {
            remedy: self.id,
            parameter: parameter.to_owned(),
        }
    }

    /// Of its facts, each once.
    pub fn sections(&self) -> impl Iterator<Item = &'static str> {
        let mut sections: Vec<&str> = self
            .facts
            .iter()
            .filter_map(|key| Some(key.split_once('.')?.0))
            .collect();
        sections.dedup();
        sections.into_iter()
    }
}

impl Parameter {
    fn bad(&self, remedy: &'static str) -> BadRemedy {
        BadRemedy::Value {
            remedy,
            parameter: self.name,
            range: self.range,
        }
    }
}

impl Range {
    pub fn usual(&self) -> Json {
        match self {
            Range::Number { usual, .. } => Json::from(*usual),
            Range::Choice(of) => of.first().map_or(Json::Null, |choice| Json::from(choice.id)),
            Range::Job => Json::Null,
        }
    }

    fn allows(&self, value: &Json) -> bool {
        match self {
            Range::Number { least, most, .. } => value
                .as_u64()
                .is_some_and(|value| (u64::from(*least)..=u64::from(*most)).contains(&value)),
            Range::Choice(of) => value
                .as_str()
                .is_some_and(|value| of.iter().any(|choice| choice.id == value)),
            Range::Job => value.as_str().is_some_and(|value| value.parse::<JobId>().is_ok()),
        }
    }

    /// For people who typed something else.
    fn wanted(&self) -> String {
        match self {
            Range::Number { least, most, .. } => format!("a whole number from {least} to {most}"),
            Range::Choice(of) => {
                let ids: Vec<&str> = of.iter().map(|choice| choice.id).collect();
                format!("one of {}", ids.join(", "))
            }
            Range::Job => "the id of an earlier job of the same terminal".to_owned(),
        }
    }
}

/// The question to the person at the terminal, before the first step of what changes it.
pub const CONSENT: StepAbout = about::CONSENT;

/// What a step is called; its id where this build does not know it.
pub fn step_title(id: &str) -> Words {
    let steps = About::all().flat_map(|about| about.steps).chain([&CONSENT]);
    let known = steps.into_iter().find(|step| step.id == id);
    known.map_or_else(|| Words::new(id, id), |step| step.title.into())
}

impl From<Said> for Words {
    fn from(said: Said) -> Words {
        Words::new(said.ja, said.en)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_known_remedies_with_known_parameters_in_range_are_accepted() {
        let hours = |start, end| Remedy::ActiveHours { start, end };
        for (name, params, expected) in [
            ("fast-startup-off", json!({}), Some(Remedy::FastStartupOff)),
            ("refresh-facts", json!(null), Some(Remedy::RefreshFacts)),
            ("active-hours", json!({}), Some(hours(8, 20))),
            ("active-hours", json!({"start": 6, "end": 0}), Some(hours(6, 0))),
            ("active-hours", json!({"start": 23, "end": 5}), Some(hours(23, 5))),
            ("active-hours", json!({"start": 6, "end": 6}), None),
            ("active-hours", json!({"start": 1, "end": 20}), None),
            ("active-hours", json!({"start": 8, "end": 24}), None),
            ("active-hours", json!({"start": -1}), None),
            ("active-hours", json!({"start": "8"}), None),
            ("active-hours", json!({"start": 8.5}), None),
            ("active-hours", json!({"from": 8}), None),
            ("shell", json!({}), None),
            ("refresh-facts", json!({"x": 1}), None),
            ("refresh-facts", json!("x"), None),
        ] {
            assert_eq!(Remedy::parse(name, &params).ok(), expected, "{name} {params}");
        }
    }

    #[test]
    fn taking_back_names_a_job_and_is_never_ordered_without_one() {
        let job = "0190f5a4-7c3e-7000-8000-000000000001";
        let undo = Remedy::parse("undo", &json!({ "job": job })).unwrap();
        assert_eq!(undo.checked(), Ok(undo));
        assert_eq!(undo.params()["job"], job);
        assert!(undo.spelled() == undo.title() && !undo.about().undo);
        assert_eq!(Remedy::by_name("undo"), None);
        assert!(About::find("undo").is_some());
        for params in [
            json!({}),
            json!({ "job": "x" }),
            json!({ "job": 1 }),
            json!({ "job": job, "value": 1 }),
        ] {
            assert!(Remedy::parse("undo", &params).is_err(), "{params}");
        }
    }

    #[test]
    fn what_is_kept_reads_back_and_is_described_whole() {
        let mut names = std::collections::BTreeSet::new();
        for remedy in Remedy::ALL {
            let text = serde_json::to_value(remedy).unwrap();
            assert_eq!(text["remedy"], remedy.name());
            assert_eq!(serde_json::from_value::<Remedy>(text).unwrap(), remedy);
            let about = remedy.about();
            let named: Vec<&str> = about.parameters.iter().map(|parameter| parameter.name).collect();
            let params = remedy.params();
            assert!(named.len() == params.len() && named.iter().all(|name| params.contains_key(*name)));
            assert_eq!(remedy.checked(), Ok(remedy));
            assert_eq!(Remedy::by_name(remedy.name()), Some(remedy), "all is usual");
            assert!(names.insert(remedy.name()));
            assert_eq!(remedy.spelled() == remedy.title(), named.is_empty());
            // What a person did, only a person can undo.
            let guided = matches!(remedy, Remedy::Guided(_));
            assert!(!about.undo || about.class != Class::Read && !guided);
            assert!(about.facts.iter().all(|key| crate::fact::find(key).is_some()));
            assert!(guided || about.facts.is_empty() == (about.class == Class::Read));
            let steps: std::collections::BTreeSet<_> = about.steps.iter().map(|step| step.id).collect();
            assert!(steps.len() == about.steps.len() && !steps.is_empty());
            let asked = about.parameters.iter().map(|parameter| parameter.title);
            for words in [about.title, about.effect].into_iter().chain(asked) {
                assert!(!words.ja.is_empty() && words.en.is_ascii());
            }
            // A person reads them beside a Japanese Windows: its labels stand in both languages' sentences.
            for step in about.steps {
                assert!(!step.title.ja.is_empty() && step.title.en.starts_with(|first: char| first.is_ascii()));
            }
        }
    }
}
