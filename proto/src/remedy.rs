//! What can be done to a terminal: a closed list, the same on both sides, each with what a person must know before it is
//! pressed. No remedy takes a path, a command or free text, and none ever will.

use serde::{Deserialize, Serialize};

use crate::words::Words;

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
}

/// A sentence in the two languages, known when the program was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    pub ja: &'static str,
    pub en: &'static str,
}

/// A whole number between two others: all that a parameter can be so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Parameter {
    pub name: &'static str,
    pub title: Said,
    pub least: u8,
    pub most: u8,
    /// Taken where nothing is said.
    pub usual: u8,
}

/// Everything about a kind of work but its parameters' values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct About {
    pub id: &'static str,
    pub class: Class,
    pub parameters: &'static [Parameter],
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
    #[error("{parameter} of remedy {remedy} is a whole number from {least} to {most}")]
    Range {
        remedy: &'static str,
        parameter: &'static str,
        least: u8,
        most: u8,
    },
    #[error("active hours are at least one hour and at most {MOST_ACTIVE}")]
    ActiveHours,
}

/// Windows allows no more between the first and the last active hour.
pub const MOST_ACTIVE: u8 = 18;

const fn said(ja: &'static str, en: &'static str) -> Said {
    Said { ja, en }
}

const START: Parameter = Parameter {
    name: "start",
    title: said("開始（時）", "From (hour)"),
    least: 0,
    most: 23,
    usual: 8,
};
const END: Parameter = Parameter {
    name: "end",
    title: said("終了（時）", "Until (hour)"),
    least: 0,
    most: 23,
    usual: 20,
};

const REFRESH_FACTS: About = About {
    id: "refresh-facts",
    class: Class::Read,
    parameters: &[],
    restart: Restart::None,
    seconds: 10,
    undo: false,
    facts: &[],
    title: said("最新の情報を取得", "Refresh facts"),
    effect: said(
        "端末の状態を読み取るだけで、設定は変わりません。",
        "Only reads the terminal; nothing is changed.",
    ),
};
const FAST_STARTUP_OFF: About = About {
    id: "fast-startup-off",
    class: Class::Consent,
    parameters: &[],
    restart: Restart::None,
    seconds: 5,
    undo: true,
    facts: &["power.fast_startup"],
    title: said("高速スタートアップを無効にする", "Turn fast startup off"),
    effect: said(
        "Windowsの高速スタートアップを無効にします。再起動は不要で、受付の業務に影響しません。次回のシャットダウンから有効です。",
        "Turns Windows' fast startup off. No restart, and nothing changes at the reception desk; it takes effect from the next shutdown.",
    ),
};
const ARP_OFFLOAD_OFF: About = About {
    id: "arp-offload-off",
    class: Class::Consent,
    parameters: &[],
    restart: Restart::Next,
    seconds: 5,
    undo: true,
    facts: &["network.arp_offload"],
    title: said("ARPオフロードを無効にする", "Turn ARP offload off"),
    effect: said(
        "ネットワークアダプターのARPオフロードを無効にします。今は何も変わらず、次に再起動したときから有効です。再起動は行いません。",
        "Turns ARP offload of the network adapters off. Nothing changes now; it holds from the next restart, which is not made for it.",
    ),
};
const ACTIVE_HOURS: About = About {
    id: "active-hours",
    class: Class::Consent,
    parameters: &[START, END],
    restart: Restart::None,
    seconds: 5,
    undo: true,
    facts: &["update.active_start", "update.active_end"],
    title: said("アクティブ時間を設定する", "Set active hours"),
    effect: said(
        "Windowsが更新のための再起動を控える時間帯を設定します。再起動は不要で、受付の業務に影響しません。",
        "Sets the hours in which Windows does not restart for updates. No restart, and nothing changes at the reception desk.",
    ),
};
const TIME_SOURCE: About = About {
    id: "time-source",
    class: Class::Consent,
    parameters: &[],
    restart: Restart::None,
    seconds: 5,
    undo: true,
    facts: &["time.source", "time.type"],
    title: said("時刻の同期先を設定する", "Set the time source"),
    effect: said(
        "時刻の同期先を指定のサーバーに設定します。再起動は不要で、受付の業務に影響しません。",
        "Sets the server from which Windows takes the time. No restart, and nothing changes at the reception desk.",
    ),
};

impl Remedy {
    /// One of each kind, with the usual parameters.
    pub const ALL: [Remedy; 5] = [
        Remedy::RefreshFacts,
        Remedy::FastStartupOff,
        Remedy::ArpOffloadOff,
        Remedy::ActiveHours {
            start: START.usual,
            end: END.usual,
        },
        Remedy::TimeSource,
    ];

    pub fn about(self) -> &'static About {
        match self {
            Remedy::RefreshFacts => &REFRESH_FACTS,
            Remedy::FastStartupOff => &FAST_STARTUP_OFF,
            Remedy::ArpOffloadOff => &ARP_OFFLOAD_OFF,
            Remedy::ActiveHours { .. } => &ACTIVE_HOURS,
            Remedy::TimeSource => &TIME_SOURCE,
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
            Remedy::RefreshFacts | Remedy::FastStartupOff | Remedy::ArpOffloadOff | Remedy::TimeSource => {}
            Remedy::ActiveHours { start, end } => {
                words.ja += &format!("（{start}時から{end}時）");
                words.en += &format!(" ({start}:00 to {end}:00)");
            }
        }
        words
    }

    pub fn effect(self) -> Words {
        self.about().effect.into()
    }

    /// With its usual parameters.
    pub fn by_name(name: &str) -> Option<Remedy> {
        Remedy::ALL.into_iter().find(|remedy| remedy.name() == name)
    }

    /// In the order of [`About::parameters`].
    pub fn values(self) -> Vec<u8> {
        match self {
            Remedy::RefreshFacts | Remedy::FastStartupOff | Remedy::ArpOffloadOff | Remedy::TimeSource => Vec::new(),
            Remedy::ActiveHours { start, end } => vec![start, end],
        }
    }

    /// Parameters as an object of JSON.
    pub fn params(self) -> serde_json::Map<String, serde_json::Value> {
        let names = self
            .about()
            .parameters
            .iter()
            .map(|parameter| parameter.name.to_owned());
        names.zip(self.values().into_iter().map(Into::into)).collect()
    }

    /// From outside: a name and a JSON object of parameters, refused unless all are known and in range.
    pub fn parse(name: &str, params: &serde_json::Value) -> Result<Remedy, BadRemedy> {
        let usual = Remedy::by_name(name).ok_or_else(|| BadRemedy::Unknown(name.to_owned()))?;
        let about = usual.about();
        let none = serde_json::Map::new();
        let given = match params {
            serde_json::Value::Null => &none,
            serde_json::Value::Object(given) => given,
            serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_)
            | serde_json::Value::Array(_) => {
                return Err(BadRemedy::Parameter {
                    remedy: about.id,
                    parameter: params.to_string(),
                });
            }
        };
        let surplus = given
            .keys()
            .find(|key| !about.parameters.iter().any(|parameter| parameter.name == *key));
        if let Some(surplus) = surplus {
            return Err(BadRemedy::Parameter {
                remedy: about.id,
                parameter: surplus.clone(),
            });
        }
        let value = |parameter: &Parameter| match given.get(parameter.name) {
            None => Some(parameter.usual),
            Some(value) => value.as_u64().and_then(|value| u8::try_from(value).ok()),
        };
        let mut values = Vec::new();
        for parameter in about.parameters {
            values.push(value(parameter).ok_or(parameter.out_of_range(about.id))?);
        }
        usual.with(&values)
    }

    /// The same kind with other values, in the order of [`About::parameters`].
    pub fn with(self, values: &[u8]) -> Result<Remedy, BadRemedy> {
        let about = self.about();
        for (parameter, value) in about.parameters.iter().zip(values) {
            if !(parameter.least..=parameter.most).contains(value) {
                return Err(parameter.out_of_range(about.id));
            }
        }
        match (self, values) {
            (Remedy::ActiveHours { .. }, &[start, end]) => {
                let hours = (24 + end - start) % 24;
                if (1..=MOST_ACTIVE).contains(&hours) {
                    Ok(Remedy::ActiveHours { start, end })
                } else {
                    Err(BadRemedy::ActiveHours)
                }
            }
            _ => Ok(self),
        }
    }
}

impl About {
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
    fn out_of_range(&self, remedy: &'static str) -> BadRemedy {
        BadRemedy::Range {
            remedy,
            parameter: self.name,
            least: self.least,
            most: self.most,
        }
    }
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
    fn what_is_kept_reads_back_and_parameters_have_their_place() {
        let mut names = std::collections::BTreeSet::new();
        for remedy in Remedy::ALL {
            let text = serde_json::to_value(remedy).unwrap();
            assert_eq!(text["remedy"], remedy.name());
            assert_eq!(serde_json::from_value::<Remedy>(text).unwrap(), remedy);
            assert_eq!(remedy.values().len(), remedy.about().parameters.len());
            assert_eq!(Remedy::parse(remedy.name(), &remedy.params().into()), Ok(remedy));
            assert!(names.insert(remedy.name()));
            assert_eq!(remedy.spelled() == remedy.title(), remedy.values().is_empty());
            let about = remedy.about();
            assert_eq!(about.undo, about.class != Class::Read);
            assert!(about.facts.iter().all(|key| crate::fact::find(key).is_some()));
            assert_eq!(about.facts.is_empty(), about.class == Class::Read);
            for words in [about.title, about.effect] {
                assert!(!words.ja.is_empty() && words.en.is_ascii());
            }
        }
    }
}
