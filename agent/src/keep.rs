//! What the agent keeps between two starts: device key, certificate, journal, and how it last stood. In a directory that
//! only the agent may enter, or in memory for simulated terminals (which then live as long as their [`Keep`] does).

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use kaishin_proto::calendar::Hours;
use kaishin_proto::profile::Profile;
use kaishin_proto::sole::Sole;
use serde::{Deserialize, Serialize};

use crate::diary::Diary;
use crate::door::Address;
use crate::error::AgentError;
use crate::identity::{Certificate, DeviceKey};
use crate::journal::Storage;
use crate::os::disk;

const KEY: &str = "device-key.pem";
const CERTIFICATE: &str = "certificate.json";
const JOURNAL: &str = "journal";
const PROFILE: &str = "profile.json";
const HOURS: &str = "hours.json";
const STATUS: &str = "status.json";
const SERVER: &str = "server.json";
const LOCK: &str = "lock";
const GUIDE: &str = "guide.link";
/// A folder of its own, because everybody at the terminal may read it.
const DOOR: &str = "door";
const DOOR_ADDRESS: &str = "door/address.json";
const DIARY: &str = "diary.log";

/// Cheap to clone: every clone is the same store.
#[derive(Clone, Debug)]
pub struct Keep(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Directory(PathBuf),
    Memory(Arc<Mutex<Held>>, Arc<Mutex<Vec<u8>>>),
}

/// Where the terminal enrolled, so that it need not be told again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownServer {
    pub server: String,
    pub ca_pin: String,
}

#[derive(Debug, Default)]
struct Held {
    key: Option<String>,
    chain: Option<Vec<Vec<u8>>>,
    profile: Option<String>,
    diary: Diary,
    hours: Option<Hours>,
}

impl Keep {
    /// Makes the directory where it is absent.
    pub fn directory(path: impl Into<PathBuf>) -> Result<Keep, AgentError> {
        let path = path.into();
        disk::private_dir(&path).map_err(|error| AgentError::state(&path, error))?;
        Ok(Keep(Kind::Directory(path)))
    }

    /// For a look from outside: makes nothing.
    pub fn as_it_is(path: impl Into<PathBuf>) -> Keep {
        Keep(Kind::Directory(path.into()))
    }

    /// Makes this process the only agent in the folder, until what is answered is dropped. What is in memory is nobody else's.
    pub fn occupy(&self) -> Result<Option<Sole>, AgentError> {
        let Kind::Directory(path) = &self.0 else {
            return Ok(None);
        };
        let file = path.join(LOCK);
        let claimed = disk::appendable(&file).and_then(Sole::claim);
        match claimed.map_err(|error| AgentError::state(&file, error))? {
            Some(sole) => Ok(Some(sole)),
            None => Err(AgentError::InUse {
                path: path.display().to_string(),
            }),
        }
    }

    pub fn memory() -> Keep {
        Keep(Kind::Memory(Arc::default(), Arc::default()))
    }

    /// Whether using it may wait for a disk.
    pub fn blocks(&self) -> bool {
        matches!(self.0, Kind::Directory(_))
    }

    pub fn journal(&self) -> Storage {
        match &self.0 {
            Kind::Directory(path) => Storage::File(path.join(JOURNAL)),
            Kind::Memory(_, bytes) => Storage::Memory(Arc::clone(bytes)),
        }
    }

    /// The terminal's key; made at the first call, the same for ever after.
    pub fn device_key(&self) -> Result<DeviceKey, AgentError> {
        match &self.0 {
            Kind::Directory(_) => match self.read(KEY)? {
                Some(pem) => Ok(DeviceKey::from_pem(&String::from_utf8_lossy(&pem))?),
                None => {
                    let key = DeviceKey::make()?;
                    self.write(KEY, key.to_pem().as_bytes())?;
                    Ok(key)
                }
            },
            Kind::Memory(held, _) => {
                let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(pem) = &held.key {
                    return Ok(DeviceKey::from_pem(pem)?);
                }
                let key = DeviceKey::make()?;
                held.key = Some(key.to_pem());
                Ok(key)
            }
        }
    }

    /// A damaged certificate is none: the key is what counts, and gets a new one.
    pub fn certificate(&self, key: &DeviceKey) -> Result<Option<Certificate>, AgentError> {
        let chain = match &self.0 {
            Kind::Directory(_) => {
                let texts: Option<Vec<String>> = self
                    .read(CERTIFICATE)?
                    .and_then(|bytes| serde_json::from_slice(&bytes).ok());
                texts.and_then(|texts| texts.iter().map(|text| hex::decode(text).ok()).collect())
            }
            Kind::Memory(held, _) => held.lock().unwrap_or_else(PoisonError::into_inner).chain.clone(),
        };
        Ok(chain.and_then(|chain| Certificate::accept(chain, key).ok()))
    }

    pub fn store_certificate(&self, certificate: &Certificate) -> Result<(), AgentError> {
        match &self.0 {
            Kind::Directory(_) => {
                let texts: Vec<String> = certificate.chain.iter().map(hex::encode).collect();
                self.write(CERTIFICATE, &serde_json::to_vec(&texts).unwrap_or_default())
            }
            Kind::Memory(held, _) => {
                let chain = certificate.chain.iter().map(|der| der.to_vec()).collect();
                held.lock().unwrap_or_else(PoisonError::into_inner).chain = Some(chain);
                Ok(())
            }
        }
    }

    /// The terminal profile that the server sent last. A damaged one is none: the server sends it again.
    pub fn profile(&self) -> Result<Option<Profile>, AgentError> {
        let text = match &self.0 {
            Kind::Directory(_) => self.read(PROFILE)?.and_then(|bytes| String::from_utf8(bytes).ok()),
            Kind::Memory(held, _) => held.lock().unwrap_or_else(PoisonError::into_inner).profile.clone(),
        };
        Ok(text.and_then(|text| Profile::read(&text).ok()))
    }

    pub fn store_profile(&self, text: &str) -> Result<(), AgentError> {
        match &self.0 {
            Kind::Directory(_) => self.write(PROFILE, text.as_bytes()),
            Kind::Memory(held, _) => {
                held.lock().unwrap_or_else(PoisonError::into_inner).profile = Some(text.to_owned());
                Ok(())
            }
        }
    }

    /// When patients are received here, as the server told last. Damaged ones are none: the server tells them again.
    pub fn hours(&self) -> Result<Option<Hours>, AgentError> {
        match &self.0 {
            Kind::Directory(_) => Ok(self.read(HOURS)?.and_then(|bytes| serde_json::from_slice(&bytes).ok())),
            Kind::Memory(held, _) => Ok(held.lock().unwrap_or_else(PoisonError::into_inner).hours.clone()),
        }
    }

    pub fn store_hours(&self, hours: &Hours) -> Result<(), AgentError> {
        match &self.0 {
            Kind::Directory(_) => self.write(HOURS, &serde_json::to_vec(hours).unwrap_or_default()),
            Kind::Memory(held, _) => {
                held.lock().unwrap_or_else(PoisonError::into_inner).hours = Some(hours.clone());
                Ok(())
            }
        }
    }

    /// How the agent stands, for `kaishin-agent status`; of no consequence to the agent itself.
    pub fn store_status(&self, status: &serde_json::Value) -> Result<(), AgentError> {
        match &self.0 {
            Kind::Directory(_) => self.write(STATUS, status.to_string().as_bytes()),
            Kind::Memory(..) => Ok(()),
        }
    }

    pub fn status(&self) -> Result<Option<serde_json::Value>, AgentError> {
        Ok(self.read(STATUS)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Where people at this terminal reach the agent that runs now.
    pub fn store_door(&self, door: &Address) -> Result<(), AgentError> {
        if let Kind::Directory(path) = &self.0 {
            let path = path.join(DOOR);
            disk::readable_dir(&path).map_err(|error| AgentError::state(&path, error))?;
        }
        self.write(DOOR_ADDRESS, &serde_json::to_vec(door).unwrap_or_default())
    }

    pub fn door(&self) -> Result<Option<Address>, AgentError> {
        Ok(self
            .read(DOOR_ADDRESS)?
            .and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// What this terminal remembers of itself for people.
    pub fn diary(&self) -> Diary {
        match &self.0 {
            Kind::Directory(path) => Diary::kept_in(path.join(DIARY)),
            Kind::Memory(held, _) => held.lock().unwrap_or_else(PoisonError::into_inner).diary.clone(),
        }
    }

    pub fn server(&self) -> Result<Option<KnownServer>, AgentError> {
        Ok(self.read(SERVER)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    pub fn store_server(&self, server: &KnownServer) -> Result<(), AgentError> {
        if self.server()?.as_ref() == Some(server) {
            return Ok(());
        }
        self.write(SERVER, &serde_json::to_vec(server).unwrap_or_default())
    }

    /// The link of the guide that is being shown, for a person who opens it by hand; `None` when it is shown no longer.
    pub fn store_guide(&self, link: Option<&str>) -> Result<(), AgentError> {
        let Kind::Directory(path) = &self.0 else {
            return Ok(());
        };
        match link {
            Some(link) => self.write(GUIDE, link.as_bytes()),
            None => {
                let path = path.join(GUIDE);
                match std::fs::remove_file(&path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(AgentError::state(&path, error)),
                    Ok(()) | Err(_) => Ok(()),
                }
            }
        }
    }

    pub fn guide(&self) -> Result<Option<String>, AgentError> {
        Ok(self.read(GUIDE)?.and_then(|bytes| String::from_utf8(bytes).ok()))
    }

    /// Whether a device key was ever made here; looking does not make one.
    pub fn has_key(&self) -> Result<bool, AgentError> {
        Ok(self.read(KEY)?.is_some())
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, AgentError> {
        let Kind::Directory(path) = &self.0 else {
            return Ok(None);
        };
        let path = path.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(AgentError::state(&path, error)),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), AgentError> {
        let Kind::Directory(path) = &self.0 else {
            return Ok(());
        };
        let path = path.join(name);
        disk::replace(&path, bytes).map_err(|error| AgentError::state(&path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::tests::Authority;

    #[test]
    fn key_and_certificate_survive_a_restart_in_a_directory_and_in_memory() {
        let directory = tempfile::tempdir().unwrap();
        for keep in [Keep::directory(directory.path().join("agent")).unwrap(), Keep::memory()] {
            let key = keep.device_key().unwrap();
            assert_eq!(keep.certificate(&key).unwrap(), None);
            let chain = Authority::new().terminal(&key.request().unwrap(), "0190f5a4-7c3e-7000-8000-000000000001");
            let certificate = Certificate::accept(chain, &key).unwrap();
            keep.store_certificate(&certificate).unwrap();
            let again = keep.clone();
            let key = again.device_key().unwrap();
            assert_eq!(again.certificate(&key).unwrap(), Some(certificate));
        }
    }

    #[test]
    fn a_profile_survives_a_restart_and_a_damaged_one_is_none() {
        let directory = tempfile::tempdir().unwrap();
        for keep in [Keep::directory(directory.path()).unwrap(), Keep::memory()] {
            assert_eq!(keep.profile().unwrap(), None);
            keep.store_profile(Profile::built_in_text()).unwrap();
            assert_eq!(keep.clone().profile().unwrap(), Some(Profile::built_in()));
        }
        std::fs::write(directory.path().join(PROFILE), &Profile::built_in_text()[..99]).unwrap();
        let keep = Keep::directory(directory.path()).unwrap();
        assert_eq!(keep.profile().unwrap(), None);
    }

    #[test]
    fn hours_survive_a_restart_and_damaged_ones_are_none() {
        let directory = tempfile::tempdir().unwrap();
        let hours = Hours::of([(0, vec![(540, 720)]), (7, vec![(600, 1440)])]).unwrap();
        for keep in [Keep::directory(directory.path()).unwrap(), Keep::memory()] {
            assert_eq!(keep.hours().unwrap(), None);
            keep.store_hours(&hours).unwrap();
            assert_eq!(keep.clone().hours().unwrap(), Some(hours.clone()));
        }
        std::fs::write(directory.path().join(HOURS), b"{\"week\":[]}").unwrap();
        assert_eq!(Keep::directory(directory.path()).unwrap().hours().unwrap(), None);
    }

    #[test]
    fn a_folder_has_one_agent_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let keep = Keep::directory(directory.path()).unwrap();
        let first = keep.occupy().unwrap();
        let refused = Keep::directory(directory.path()).unwrap().occupy().unwrap_err();
        assert_eq!(refused.code(), crate::words::IN_USE);
        drop(first);
        assert!(keep.occupy().unwrap().is_some());
        assert!(Keep::memory().occupy().unwrap().is_none());
    }

    #[test]
    fn a_damaged_certificate_is_none_and_a_damaged_key_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let keep = Keep::directory(directory.path()).unwrap();
        let key = keep.device_key().unwrap();
        std::fs::write(directory.path().join(CERTIFICATE), b"[\"zz\"]").unwrap();
        assert_eq!(keep.certificate(&key).unwrap(), None);
        std::fs::write(directory.path().join(KEY), b"not a key").unwrap();
        assert!(keep.device_key().is_err());
    }
}
