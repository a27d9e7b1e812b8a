//! The browser of a simulated terminal at work: in its own time it carries out what policies say about extensions, and people
//! drag files into it where the terminal lets them. Only the browsers of those who are signed in run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kaishin_proto::time::{Span, Time};
use kaishin_proto::value::Version;
use serde_json::{Map, Value as Json, json};

use super::kept::Written;
use super::{Sim, State, site};
use crate::crx::{self, Crx};
use crate::facts::edge::policy::EDGE;
use crate::facts::edge::profiles::USER_DATA;
use crate::os::users::{PROFILE_LIST, without_variables};
use crate::os::{Hive, Join, RegistryTree, RegistryValue};

/// From a policy that changes to the browser that follows it.
const AT_LEISURE: Span = Span::seconds(20);
/// As the browser numbers them.
const DRAGGED: i64 = 1;
const BY_POLICY: i64 = 7;
const OUTSIDE_THE_STORE: i64 = 16;

/// What people do who are to put the new files into the browser.
#[derive(Clone, Copy, Debug)]
pub struct Hands {
    pub drags: bool,
    /// For each file.
    pub takes: Span,
    /// How many of the three files; who forgets one has put in less.
    pub files: usize,
    /// Developer mode stays on when they are done.
    pub forgets_developer_mode: bool,
}

impl Default for Hands {
    fn default() -> Hands {
        Hands {
            drags: true,
            takes: Span::minutes(1),
            files: 3,
            forgets_developer_mode: false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Follow,
    Drag(usize),
    Tidy,
}

#[derive(Default)]
pub(super) struct Browser {
    due: Vec<(Time, Act)>,
    hands: Hands,
}

impl Browser {
    fn follow(&mut self, at: Time) {
        if !self.due.iter().any(|(_, act)| *act == Act::Follow) {
            self.due.push((at, Act::Follow));
        }
    }

    fn next(&mut self, now: Time) -> Option<(Time, Act)> {
        let due = self.due.iter().enumerate().filter(|(_, (at, _))| *at <= now);
        let first = due.min_by_key(|(_, (at, _))| *at).map(|(nth, _)| nth)?;
        Some(self.due.remove(first))
    }

    fn is_dragging(&self) -> bool {
        self.due.iter().any(|(_, act)| *act != Act::Follow)
    }

    /// They begin, one file after the other.
    fn drag(&mut self, now: Time) {
        let Hands { takes, files, .. } = self.hands;
        let mut at = now;
        for nth in 0..files {
            at = at + takes;
            self.due.push((at, Act::Drag(nth)));
        }
        self.due.push((at + takes, Act::Tidy));
    }
}

impl Sim {
    /// What people do from now on who are to put files into the browser.
    pub fn set_hands(&self, hands: Hands) {
        self.lock().browser.hands = hands;
    }

    /// What the machine belongs to from now on.
    pub fn set_joined(&self, to: Join) {
        self.lock().site.joined.to = to;
    }
}

/// What policies say, as the browser understands it.
struct Policies {
    allowed: BTreeSet<String>,
    forced: BTreeMap<String, String>,
    modes: BTreeMap<String, String>,
    /// Those that take later versions from where policy says.
    renewed: BTreeSet<String>,
}

impl Policies {
    fn forbids(&self, id: &str) -> bool {
        self.modes
            .get(id)
            .is_some_and(|mode| mode == "removed" || mode == "blocked")
    }

    fn removes(&self, id: &str) -> bool {
        self.modes.get(id).is_some_and(|mode| mode == "removed")
    }
}

impl State {
    /// Somebody wrote this key: the browser may have to follow.
    pub(super) fn policy_written(&mut self, hive: Hive, key: &str, now: Time) {
        let ours = key
            .get(..EDGE.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(EDGE));
        if hive == Hive::LocalMachine && ours {
            self.browser.follow(now + AT_LEISURE);
        }
    }

    /// As when it starts.
    pub(super) fn browser_starts(&mut self, now: Time) {
        if self.image.exists(Hive::LocalMachine, EDGE) {
            self.browser.follow(now + AT_LEISURE);
        }
    }

    /// Whatever has become due.
    pub(super) fn browse(&mut self, now: Time) {
        while let Some((at, act)) = self.browser.next(now) {
            match act {
                Act::Follow => self.follow(at),
                Act::Drag(nth) => self.drag(nth, at),
                Act::Tidy if self.browser.hands.forgets_developer_mode => {}
                Act::Tidy => self.change_settings(at, &mut |settings, _| {
                    settings["extensions"]["ui"]["developer_mode"] = json!(false);
                }),
            }
        }
    }

    fn policies(&self) -> Policies {
        let tree = self.image.tree(Hive::LocalMachine, EDGE, 2).unwrap_or_default();
        let entries = |list: &str| -> Vec<String> {
            let values = tree.key(list).map(|list| list.values.as_slice()).unwrap_or_default();
            values.iter().filter_map(|(_, value)| value.as_text().ok()).collect()
        };
        let settings = settings(&tree);
        let domain = self.site.joined.to == Join::Domain;
        let forced = entries("ExtensionInstallForcelist").into_iter().filter(|_| domain);
        let forced = forced.filter_map(|entry| {
            let (id, url) = entry.split_once(';')?;
            Some((id.to_owned(), url.to_owned()))
        });
        Policies {
            allowed: entries("ExtensionInstallAllowlist").into_iter().collect(),
            forced: forced.collect(),
            modes: settings
                .iter()
                .filter_map(|(id, one)| Some((id.clone(), one.get("installation_mode")?.as_str()?.to_owned())))
                .collect(),
            renewed: settings
                .iter()
                .filter(|(_, one)| one.get("override_update_url") == Some(&json!(true)))
                .map(|(id, _)| id.clone())
                .collect(),
        }
    }

    fn follow(&mut self, now: Time) {
        let policies = self.policies();
        let offered: BTreeMap<String, Crx> = policies
            .forced
            .iter()
            .filter(|(id, _)| !policies.forbids(id))
            .filter_map(|(id, url)| Some((id.clone(), self.offered(id, url)?)))
            .collect();
        self.change_settings(now, &mut |settings, _| {
            let known = settings["extensions"]["settings"].as_object_mut();
            let Some(known) = known else { return };
            carry_out(&policies, &offered, known);
        });
        let files = (0..3).filter_map(|nth| self.file_to_drag(nth));
        let ids: Vec<String> = files.map(|crx| crx.id).collect();
        let asked = ids.len() == 3 && ids.iter().all(|id| policies.allowed.contains(id));
        if asked && self.browser.hands.drags && !self.browser.is_dragging() {
            self.browser.drag(now);
        }
    }

    fn file_to_drag(&self, nth: usize) -> Option<Crx> {
        let edge = &site::profile().edge;
        let file = &edge.extensions().get(nth)?.1.file;
        let bytes = self.image.file(Path::new(&format!(r"{}\{file}", edge.folder)))?;
        crx::read(&bytes).ok()
    }

    fn drag(&mut self, nth: usize, now: Time) {
        let policies = self.policies();
        let Some(crx) = self.file_to_drag(nth).filter(|crx| !policies.forbids(&crx.id)) else {
            return;
        };
        self.change_settings(now, &mut |settings, now| {
            settings["extensions"]["ui"]["developer_mode"] = json!(true);
            let known = &mut settings["extensions"]["settings"];
            if is_older(known.get(&crx.id), &crx.version) {
                known[&crx.id] = entry(&crx, DRAGGED);
                // Only what is dragged has it, here as there.
                known[&crx.id]["first_install_time"] = json!(now.micros().to_string());
                let reasons: &[i64] = if policies.allowed.contains(&crx.id) {
                    &[]
                } else {
                    &[OUTSIDE_THE_STORE]
                };
                known[&crx.id]["disable_reasons"] = json!(reasons);
            }
        });
    }

    /// What an update manifest offers for this id, if the browser would take it.
    fn offered(&self, id: &str, url: &str) -> Option<Crx> {
        let manifest = self.image.file(&path_of(url)?)?;
        let manifest = String::from_utf8_lossy(&manifest).into_owned();
        let app = manifest
            .split("<app ")
            .find(|app| attribute(app, "appid") == Some(id))?;
        let crx = self.image.file(&path_of(attribute(app, "codebase")?)?)?;
        let crx = crx::read(&crx).ok()?;
        let version = attribute(app, "version").and_then(Version::parse)?;
        (crx.id == id && crx.version == version).then_some(crx)
    }

    /// Of each profile of everybody who is signed in; a file that the browser cannot read it leaves.
    fn change_settings(&mut self, now: Time, change: &mut dyn FnMut(&mut Json, Time)) {
        for file in self.settings_files() {
            let Some(bytes) = self.image.file(&file) else { continue };
            let Ok(mut settings) = serde_json::from_slice::<Json>(&bytes) else {
                continue;
            };
            let before = settings.clone();
            change(&mut settings, now);
            if settings != before {
                let bytes = settings.to_string().into_bytes();
                self.image.own.file(&file, bytes.clone(), now);
                // A disk that keeps nothing is told to whoever writes there next.
                let _ = self.keep_written(Written::File {
                    path: file,
                    bytes,
                    at: now,
                });
            }
        }
    }

    fn settings_files(&self) -> Vec<PathBuf> {
        let folder = |sid: &String| {
            let key = format!(r"{PROFILE_LIST}\{sid}");
            let folder = self.image.get(Hive::LocalMachine, &key, "ProfileImagePath")?;
            Some(format!(
                r"{}\{USER_DATA}",
                without_variables(&folder.as_text().ok()?, "C:")
            ))
        };
        let mut files = Vec::new();
        for data in self.signed_in.iter().filter_map(folder) {
            let state = self.image.file(Path::new(&format!(r"{data}\Local State")));
            let state: Json = state
                .and_then(|bytes| serde_json::from_slice(&bytes).ok())
                .unwrap_or_default();
            let profiles = state.pointer("/profile/info_cache").and_then(Json::as_object);
            let profiles = profiles.into_iter().flatten();
            files.extend(profiles.map(|(name, _)| PathBuf::from(format!(r"{data}\{name}\Secure Preferences"))));
        }
        files
    }
}

/// Settings are a key for each extension, or one text for all.
fn settings(tree: &RegistryTree) -> BTreeMap<String, Json> {
    const SETTINGS: &str = "ExtensionSettings";
    let Some(keys) = tree.key(SETTINGS) else {
        let text = tree.value(SETTINGS).map(RegistryValue::as_text);
        let settings = text.and_then(|text| serde_json::from_str::<Json>(&text.ok()?).ok());
        let settings = settings.as_ref().and_then(Json::as_object).into_iter().flatten();
        return settings.map(|(id, one)| (id.clone(), one.clone())).collect();
    };
    let one = |key: &RegistryTree| {
        let text = |value: &RegistryValue| {
            value
                .as_text()
                .map_or_else(|_| json!(value.as_u32() == Ok(1)), Json::from)
        };
        let named = key.values.iter().map(|(name, value)| (name.clone(), text(value)));
        Json::Object(named.collect())
    };
    keys.keys.iter().map(|(id, key)| (id.clone(), one(key))).collect()
}

fn carry_out(policies: &Policies, offered: &BTreeMap<String, Crx>, known: &mut Map<String, Json>) {
    let by_policy = |entry: &Json| entry["location"] == json!(BY_POLICY);
    known.retain(|id, entry| !(policies.removes(id) || by_policy(entry) && !policies.forced.contains_key(id)));
    for (id, entry) in known
        .iter_mut()
        .filter(|(_, entry)| entry.get("first_install_time").is_some())
    {
        let reasons: &[i64] = if policies.allowed.contains(id) {
            &[]
        } else {
            &[OUTSIDE_THE_STORE]
        };
        entry["disable_reasons"] = json!(reasons);
    }
    for (id, crx) in offered {
        // Of its own it looks for later versions elsewhere.
        let may = !known.contains_key(id) || policies.renewed.contains(id);
        if may && is_older(known.get(id), &crx.version) {
            known.insert(id.clone(), entry(crx, BY_POLICY));
        } else if let Some(entry) = known.get_mut(id) {
            entry["location"] = json!(BY_POLICY);
        }
    }
}

/// Whether what is there would be replaced.
fn is_older(known: Option<&Json>, version: &Version) -> bool {
    let known = known.and_then(|entry| entry.pointer("/manifest/version"));
    let known = known.and_then(Json::as_str).and_then(Version::parse);
    known.is_none_or(|known| known < *version)
}

fn entry(crx: &Crx, location: i64) -> Json {
    json!({
        "location": location,
        "path": format!(r"{}\{}_0", crx.id, crx.version),
        "from_webstore": false,
        "manifest": {"manifest_version": 3, "name": crx.name, "version": crx.version.to_string()},
    })
}

fn path_of(url: &str) -> Option<PathBuf> {
    let mut bytes = Vec::new();
    let mut rest = url.strip_prefix("file:///")?.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                (digit(rest.next()?)? * 16 + digit(rest.next()?)?) as u8
            }
            plain => plain,
        });
    }
    Some(PathBuf::from(String::from_utf8(bytes).ok()?))
}

fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = element.split_once(&format!("{name}=\""))?;
    rest.split('"').next()
}
