//! What policies say about some of the browser's extensions, in the registry and, where the policy editor keeps it too, in its
//! file. Only what is about these extensions is ever touched: a list keeps everybody else's entries, and an extension's
//! settings everything but how it is installed.

use kaishin_proto::value::Reason;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::super::state::{Records, write_policy};
use crate::facts::edge::policy::EDGE;
use crate::facts::update::policy_file;
use crate::os::{Hive, Os, OsError, Read, RegistryValue};
use crate::preg::{Instruction, Policy, Said};

const ALLOWED: &str = "ExtensionInstallAllowlist";
const FORCED: &str = "ExtensionInstallForcelist";
const SETTINGS: &str = "ExtensionSettings";
const MODE: &str = "installation_mode";
const ADDRESS: &str = "override_update_url";
/// As the registry writes truth.
pub const YES: &str = "1";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// The entries of these ids in the list of what people may install.
    Allowed(Vec<String>),
    /// In the list of what is installed for them: `id;address`.
    Forced(Vec<String>),
    /// How one extension is installed.
    Mode(String),
    /// Whether later versions of one extension come from where policy installed it from, whatever address it names itself.
    Address(String),
}

/// Its words are sorted: the order of entries means nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub about: About,
    /// Entries, or the one word; empty where it says nothing.
    pub says: Vec<String>,
    /// In the policy file, if that speaks of this policy at all.
    pub filed: Option<Vec<String>>,
}

impl Rule {
    pub fn read(os: &dyn Os, about: About) -> Read<Rule> {
        Ok(Rule {
            says: about.said_in(&Registry(os))?,
            filed: filed(os, &about)?,
            about,
        })
    }

    /// The same rule with other words, wherever it stands.
    pub fn saying(&self, says: impl IntoIterator<Item = String>) -> Rule {
        let mut says: Vec<String> = says.into_iter().collect();
        says.sort();
        Rule {
            about: self.about.clone(),
            filed: self.filed.as_ref().map(|_| says.clone()),
            says,
        }
    }

    pub fn again(&self, os: &dyn Os) -> Read<Rule> {
        Rule::read(os, self.about.clone())
    }

    /// The file first: a registry that is changed alone goes back at the next refresh of policies.
    pub fn make(&self, os: &dyn Os) -> Read<()> {
        if let Some(filed) = &self.filed {
            os.change_policy(&mut || self.file(os, filed))?;
        }
        self.about.write_to(&mut Registry(os), &self.says, 0)
    }

    fn file(&self, os: &dyn Os, filed: &[String]) -> Read<()> {
        let mut file = File::of(policy_file(os)?);
        // No number that the registry has for something else.
        let taken = self.about.last_number(&Registry(os))?;
        self.about.write_to(&mut file, filed, taken)?;
        let File { policy, touched } = file;
        if touched.is_empty() {
            return Ok(());
        }
        let records = touched.iter().map(|(key, name)| Records::of(&policy, key, name));
        write_policy(os, &records.collect::<Vec<_>>())
    }

    pub fn what(&self) -> &'static str {
        self.about.policy()
    }

    pub fn shown(&self) -> String {
        let said = match self.says.as_slice() {
            [] => "-".to_owned(),
            some => some.join(", "),
        };
        match &self.about {
            About::Mode(id) => format!("{id} {said}"),
            About::Address(id) => format!("{id} {ADDRESS} {said}"),
            About::Allowed(_) | About::Forced(_) => said,
        }
    }
}

fn filed(os: &dyn Os, about: &About) -> Read<Option<Vec<String>>> {
    let policy = match policy_file(os) {
        // A system without such a file.
        Err(error) if error.reason == Reason::NotSupported => return Ok(None),
        policy => policy?,
    };
    let speaks = policy.instructions().any(|instruction| about.is_in(&instruction));
    let said = speaks.then(|| about.said_in(&File::of(policy)));
    said.transpose()
}

/// Where policies stand.
trait Place {
    fn values(&self, key: &str) -> Read<Vec<(String, RegistryValue)>>;
    fn has_key(&self, key: &str) -> Read<bool>;
    /// `None`: it goes.
    fn set(&mut self, key: &str, name: &str, value: Option<RegistryValue>) -> Read<()>;
}

struct Registry<'a>(&'a dyn Os);

impl Place for Registry<'_> {
    fn values(&self, key: &str) -> Read<Vec<(String, RegistryValue)>> {
        let tree = self.0.registry_tree(Hive::LocalMachine, key, 0)?;
        Ok(tree.unwrap_or_default().values)
    }

    fn has_key(&self, key: &str) -> Read<bool> {
        Ok(self.0.registry_list(Hive::LocalMachine, key)?.is_some())
    }

    fn set(&mut self, key: &str, name: &str, value: Option<RegistryValue>) -> Read<()> {
        match value {
            Some(value) => self.0.registry_set(Hive::LocalMachine, key, name, &value),
            None => self.0.registry_delete(Hive::LocalMachine, key, name),
        }
    }
}

struct File {
    policy: Policy,
    touched: Vec<(String, String)>,
}

impl File {
    fn of(policy: Policy) -> File {
        File {
            policy,
            touched: Vec::new(),
        }
    }
}

impl Place for File {
    fn values(&self, key: &str) -> Read<Vec<(String, RegistryValue)>> {
        let mut found: Vec<(String, RegistryValue)> = Vec::new();
        for (_, name, _) in self.policy.settings().filter(|(of, ..)| same(of, key)) {
            if let (Said::Set(value), false) = (
                self.policy.said(key, name),
                found.iter().any(|(known, _)| same(known, name)),
            ) {
                found.push((name.to_owned(), value));
            }
        }
        Ok(found)
    }

    fn has_key(&self, key: &str) -> Read<bool> {
        Ok(self.policy.settings().any(|(of, ..)| is_within(of, key)))
    }

    fn set(&mut self, key: &str, name: &str, value: Option<RegistryValue>) -> Read<()> {
        match value {
            Some(value) => self.policy.set(key, name, &value),
            None => self.policy.forget(key, name),
        }
        self.touched.push((key.to_owned(), name.to_owned()));
        Ok(())
    }
}

fn same(one: &str, other: &str) -> bool {
    one.trim_matches('\\').eq_ignore_ascii_case(other.trim_matches('\\'))
}

fn is_within(key: &str, above: &str) -> bool {
    let key = key.trim_matches('\\');
    let head = key
        .get(..above.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(above));
    head && key
        .get(above.len()..)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'))
}

fn key_of(policy: &str) -> String {
    format!(r"{EDGE}\{policy}")
}

impl About {
    fn policy(&self) -> &'static str {
        match self {
            About::Allowed(_) => ALLOWED,
            About::Forced(_) => FORCED,
            About::Mode(_) | About::Address(_) => SETTINGS,
        }
    }

    fn is_in(&self, instruction: &Instruction<'_>) -> bool {
        let key = key_of(self.policy());
        let value = |of: &str, name: &str| is_within(of, &key) || same(of, EDGE) && same(name, self.policy());
        match instruction {
            Instruction::Set(of, name, _) => value(of, name),
            Instruction::Remove(of, name) => value(of, name),
            Instruction::RemoveValues(of) => is_within(of, &key),
            Instruction::RemoveKey(of) => is_within(of, &key),
        }
    }

    /// What there is about it, sorted.
    fn said_in(&self, place: &dyn Place) -> Read<Vec<String>> {
        let mut said: Vec<String> = match self {
            About::Mode(id) => setting(place, id, MODE)?.into_iter().collect(),
            About::Address(id) => setting(place, id, ADDRESS)?.into_iter().collect(),
            About::Allowed(ids) | About::Forced(ids) => {
                let ours = self.entries(place)?.into_iter().map(|(_, entry)| entry);
                ours.filter(|entry| is_about(entry, ids)).collect()
            }
        };
        said.sort();
        said.dedup();
        Ok(said)
    }

    fn write_to(&self, place: &mut dyn Place, says: &[String], taken: u32) -> Read<()> {
        match self {
            About::Mode(id) => {
                let mode = says
                    .first()
                    .map(|mode| (RegistryValue::text(mode), Json::from(mode.as_str())));
                set(place, id, MODE, mode)
            }
            About::Address(id) => {
                let yes = (!says.is_empty()).then(|| (RegistryValue::dword(1), Json::Bool(true)));
                set(place, id, ADDRESS, yes)
            }
            About::Allowed(ids) | About::Forced(ids) => self.write_entries(place, ids, says, taken),
        }
    }

    fn write_entries(&self, place: &mut dyn Place, ids: &[String], says: &[String], taken: u32) -> Read<()> {
        let key = key_of(self.policy());
        let surplus = |entry: &str| is_about(entry, ids) && !says.iter().any(|said| said == entry);
        // One at a time and looked at anew: what is left may be numbered otherwise.
        for _ in 0..self.entries(place)?.len() {
            let entries = self.entries(place)?;
            let Some((name, _)) = entries.iter().find(|(_, entry)| surplus(entry)) else {
                break;
            };
            place.set(&key, name, None)?;
        }
        for said in says {
            if !self.entries(place)?.iter().any(|(_, entry)| entry == said) {
                let next = self.last_number(place)?.max(taken) + 1;
                place.set(&key, &next.to_string(), Some(RegistryValue::text(said)))?;
            }
        }
        Ok(())
    }

    /// Names and texts of a list; what is no text is nobody's entry.
    fn entries(&self, place: &dyn Place) -> Read<Vec<(String, String)>> {
        let policy = self.policy();
        if place.values(EDGE)?.iter().any(|(name, _)| same(name, policy)) {
            return Err(OsError::damaged(format!(
                "{policy} is a single value here, which is left alone"
            )));
        }
        let values = place.values(&key_of(policy))?;
        let text = |(name, value): (String, RegistryValue)| Some((name, value.as_text().ok()?));
        Ok(values.into_iter().filter_map(text).collect())
    }

    fn last_number(&self, place: &dyn Place) -> Read<u32> {
        let values = place.values(&key_of(self.policy()))?;
        let numbers = values.iter().filter_map(|(name, _)| name.parse::<u32>().ok());
        Ok(numbers.max().unwrap_or(0))
    }
}

fn is_about(entry: &str, ids: &[String]) -> bool {
    let id = entry.split(';').next().unwrap_or_default().trim();
    ids.iter().any(|wanted| wanted == id)
}

/// Settings are a key for each extension, or one text of JSON for all; where both are there, the keys count. Where there is
/// neither yet it is the text: an empty key that is left behind would hide what somebody writes as a text later.
fn text_form(place: &dyn Place) -> Read<Option<Map<String, Json>>> {
    if place.has_key(&key_of(SETTINGS))? {
        return Ok(None);
    }
    let values = place.values(EDGE)?;
    let Some((_, text)) = values.iter().find(|(name, _)| same(name, SETTINGS)) else {
        return Ok(Some(Map::new()));
    };
    match serde_json::from_str(&text.as_text()?) {
        Ok(Json::Object(settings)) => Ok(Some(settings)),
        Ok(_) | Err(_) => Err(OsError::damaged(format!("{SETTINGS} is no JSON object"))),
    }
}

fn setting(place: &dyn Place, id: &str, field: &str) -> Read<Option<String>> {
    if let Some(settings) = text_form(place)? {
        let said = settings.get(id).and_then(|settings| settings.get(field));
        return Ok(said.and_then(|said| match said {
            Json::String(said) => Some(said.clone()),
            Json::Bool(true) => Some(YES.to_owned()),
            Json::Null | Json::Bool(false) | Json::Number(_) | Json::Array(_) | Json::Object(_) => None,
        }));
    }
    let values = place.values(&format!(r"{}\{id}", key_of(SETTINGS)))?;
    let said = values.iter().find(|(name, _)| same(name, field));
    said.map(|(_, value)| {
        value
            .as_text()
            .or_else(|_| value.as_u32().map(|number| number.to_string()))
    })
    .transpose()
}

/// `value`: as it is in a key, and as it is in the text.
fn set(place: &mut dyn Place, id: &str, field: &str, value: Option<(RegistryValue, Json)>) -> Read<()> {
    let Some(mut settings) = text_form(place)? else {
        let key = format!(r"{}\{id}", key_of(SETTINGS));
        return place.set(&key, field, value.map(|(value, _)| value));
    };
    let mut one = match settings.remove(id) {
        Some(Json::Object(one)) => one,
        Some(_) | None => Map::new(),
    };
    match value {
        Some((_, value)) => one.insert(field.to_owned(), value),
        None => one.remove(field),
    };
    if !one.is_empty() {
        settings.insert(id.to_owned(), Json::Object(one));
    }
    let text = (!settings.is_empty()).then(|| RegistryValue::text(&Json::Object(settings).to_string()));
    place.set(EDGE, SETTINGS, text)
}

#[cfg(test)]
mod tests;
