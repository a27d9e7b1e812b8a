//! The things that remedies set, each in one of its states: as it is, as it should be, as it was. Whatever kind of thing it
//! is, it can be looked at again, made so, and shown; an undo record is a list of these.

mod proxy;

use std::path::{Path, PathBuf};

use kaishin_proto::preview::Change;
use kaishin_proto::profile::Clock24;
use kaishin_proto::time::Span;
use kaishin_proto::v1;
use serde::{Deserialize, Serialize};

use super::edge_extension_swap::rule::Rule;
use crate::facts::tasks::restarts;
use crate::facts::update::{policy_file, policy_folder};
use crate::os::{Hive, Os, OsError, Read, RegistryKind, RegistryValue, Supply};
use crate::preg::{Policy, Said, gpt};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "thing", rename_all = "kebab-case")]
pub enum State {
    Registry {
        hive: Hive,
        key: String,
        name: String,
        /// `None`: it is absent.
        value: Option<RegistryValue>,
    },
    /// What the machine's policy file says of some values.
    Policy { policy: Vec<Records> },
    /// After how long without use the machine sleeps; zero is never.
    Sleep { supply: Supply, after: Span },
    /// The agent's own task; `None`: there is none.
    DailyRestart { at: Option<Clock24> },
    /// What policies say about some of the browser's extensions.
    Extensions { rule: Rule },
    /// Somebody's task, switched on or off.
    Task { path: String, enabled: bool },
}

/// The file's own records about one value, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    pub key: String,
    pub name: String,
    pub records: Vec<Vec<u8>>,
}

impl Records {
    pub fn of(policy: &Policy, key: &str, name: &str) -> Records {
        Records {
            key: key.to_owned(),
            name: name.to_owned(),
            records: policy.records_of(key, name),
        }
    }

    fn shown(&self) -> String {
        let mut alone = Policy::default();
        let said = alone.put_records(&self.key, &self.name, &self.records);
        let said = said.map(|()| alone.said(&self.key, &self.name));
        match said {
            Ok(Said::Nothing) => format!("{} -", self.name),
            Ok(Said::Removed) => format!("{} removed", self.name),
            Ok(Said::Set(value)) => format!("{} {}", self.name, value.shown()),
            Err(error) => format!("{}: {error}", self.name),
        }
    }
}

impl State {
    /// The same thing as it is now.
    pub fn again(&self, os: &dyn Os) -> Read<State> {
        Ok(match self {
            State::Registry { hive, key, name, .. } => State::Registry {
                hive: *hive,
                key: key.clone(),
                name: name.clone(),
                value: os.registry_get(*hive, key, name)?,
            },
            State::Policy { policy } => {
                let file = policy_file(os)?;
                let policy = policy.iter().map(|of| Records::of(&file, &of.key, &of.name));
                State::Policy {
                    policy: policy.collect(),
                }
            }
            State::Sleep { supply, .. } => State::Sleep {
                supply: *supply,
                after: os.sleep_after().of(*supply)?,
            },
            State::DailyRestart { .. } => State::DailyRestart {
                at: restarts::own(&os.tasks()?)?,
            },
            State::Extensions { rule } => State::Extensions { rule: rule.again(os)? },
            State::Task { path, .. } => {
                let tasks = os.tasks()?;
                let task = tasks.iter().find(|task| task.path == *path);
                State::Task {
                    path: path.clone(),
                    enabled: task.ok_or_else(|| OsError::not_found(path))?.enabled,
                }
            }
        })
    }

    /// Makes it so.
    pub fn make(&self, os: &dyn Os) -> Read<()> {
        match self {
            State::Registry { hive, key, name, value } => match value {
                Some(value) => os.registry_set(*hive, key, name, value),
                None => os.registry_delete(*hive, key, name),
            },
            State::Policy { policy } => os.change_policy(&mut || write_policy(os, policy)),
            State::Sleep { supply, after } => os.set_sleep_after(*supply, *after),
            State::DailyRestart { at } => os.set_daily_restart(*at),
            State::Extensions { rule } => rule.make(os),
            State::Task { path, enabled } => os.enable_task(path, *enabled),
        }
    }

    /// What it is, for people and the record.
    pub fn what(&self) -> String {
        match self {
            State::Registry { name, .. } => name.clone(),
            State::Policy { .. } => "policy file".to_owned(),
            State::Sleep {
                supply: Supply::PluggedIn,
                ..
            } => "sleep on mains".to_owned(),
            State::Sleep {
                supply: Supply::OnBattery,
                ..
            } => "sleep on battery".to_owned(),
            State::DailyRestart { .. } => "daily restart".to_owned(),
            State::Extensions { rule } => rule.what().to_owned(),
            State::Task { path, .. } => format!("task {path}"),
        }
    }

    /// How it is.
    pub fn shown(&self) -> String {
        match self {
            State::Registry { name, value, .. } => {
                let absent = || "absent".to_owned();
                value.as_ref().map_or_else(absent, |value| shown(name, value, None))
            }
            State::Policy { policy } => {
                let shown: Vec<String> = policy.iter().map(Records::shown).collect();
                format!("({})", shown.join(", "))
            }
            State::Sleep { after: Span(0), .. } => "never".to_owned(),
            State::Sleep { after, .. } => format!("after {} min", after.0 / Span::minutes(1).0),
            State::DailyRestart { at: None } => "none".to_owned(),
            State::DailyRestart { at: Some(at) } => at.to_string(),
            State::Extensions { rule } => rule.shown(),
            State::Task { enabled: true, .. } => "on".to_owned(),
            State::Task { enabled: false, .. } => "off".to_owned(),
        }
    }

    /// From this one to that one, both of the same thing. Of a proxy it is told what comes and what goes.
    pub fn change_to(&self, to: &State) -> Change {
        let mut told = to.shown();
        if let (State::Registry { name, value: was, .. }, State::Registry { value: Some(to), .. }) = (self, to) {
            told = shown(name, to, was.as_ref());
        }
        Change::new(self.what(), self.shown(), told)
    }

    /// Whether that it is not found means that somebody has deleted it. Of others it may be somebody who is signed out.
    pub fn may_be_deleted(&self) -> bool {
        match self {
            State::Task { .. } => true,
            State::Registry { .. }
            | State::Policy { .. }
            | State::Sleep { .. }
            | State::DailyRestart { .. }
            | State::Extensions { .. } => false,
        }
    }

    pub fn is_same_thing(&self, other: &State) -> bool {
        match (self, other) {
            (
                State::Registry { hive, key, name, .. },
                State::Registry {
                    hive: h,
                    key: k,
                    name: n,
                    ..
                },
            ) => (hive, key, name) == (h, k, n),
            (State::Policy { policy }, State::Policy { policy: other }) => policy.iter().any(|of| {
                other
                    .iter()
                    .any(|other| (&of.key, &of.name) == (&other.key, &other.name))
            }),
            (State::Sleep { supply, .. }, State::Sleep { supply: other, .. }) => supply == other,
            (State::DailyRestart { .. }, State::DailyRestart { .. }) => true,
            (State::Extensions { rule }, State::Extensions { rule: other }) => rule.about == other.about,
            (State::Task { path, .. }, State::Task { path: other, .. }) => path == other,
            (
                State::Registry { .. }
                | State::Policy { .. }
                | State::Sleep { .. }
                | State::DailyRestart { .. }
                | State::Extensions { .. }
                | State::Task { .. },
                _,
            ) => false,
        }
    }

    /// Into what the server shows people.
    pub fn note(&self, record: &mut v1::UndoRecord) {
        match self {
            State::Registry { hive, key, name, value } => {
                let (kind, bytes) = match value {
                    Some(RegistryValue { kind, bytes }) => (*kind, bytes.clone()),
                    None => (RegistryKind::NONE, Vec::new()),
                };
                record.registry.push(v1::RegistryBefore {
                    hive: hive.name().to_owned(),
                    key: key.clone(),
                    name: name.clone(),
                    existed: value.is_some(),
                    kind: kind.0,
                    bytes,
                });
            }
            State::Policy { .. }
            | State::Sleep { .. }
            | State::DailyRestart { .. }
            | State::Extensions { .. }
            | State::Task { .. } => record.others.push(v1::OtherBefore {
                what: self.what(),
                was: self.shown(),
            }),
        }
    }
}

/// The announcement first: cut off between the two, Windows reads a file that has not changed, and the next try announces it
/// again.
pub fn write_policy(os: &dyn Os, policy: &[Records]) -> Read<()> {
    let folder = policy_folder(os)?;
    let mut file = policy_file(os)?;
    for of in policy {
        let put = file.put_records(&of.key, &of.name, &of.records);
        put.map_err(|error| OsError::damaged(error.to_string()))?;
    }
    let within = |name: &str| PathBuf::from(format!(r"{folder}\{name}"));
    let ini = within("gpt.ini");
    let known = read_or_empty(os, &ini)?;
    let announced = gpt::announced(&known);
    let announced = announced.ok_or_else(|| OsError::damaged(format!("{} is no text", ini.display())))?;
    os.replace_file(&ini, &announced)?;
    os.replace_file(&within(r"Machine\Registry.pol"), &file.write())
}

fn shown(name: &str, value: &RegistryValue, was: Option<&RegistryValue>) -> String {
    proxy::shown(name, value, was).unwrap_or_else(|| value.shown())
}

fn read_or_empty(os: &dyn Os, path: &Path) -> Read<Vec<u8>> {
    match os.read_file(path) {
        Err(error) if error.reason == kaishin_proto::value::Reason::NotFound => Ok(Vec::new()),
        read => read,
    }
}
