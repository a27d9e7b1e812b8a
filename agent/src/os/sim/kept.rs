//! What was written to a simulated machine, in a file: a process that is killed takes the machine's disk no more than it would
//! a real one's. Written before the write is answered.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use kaishin_proto::time::Time;
use serde::{Deserialize, Serialize};

use super::image::Image;
use crate::os::{Hive, OsError, Read, RegistryValue};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub enum Written {
    Value {
        hive: Hive,
        key: String,
        name: String,
        /// `None`: it was removed.
        value: Option<RegistryValue>,
    },
    File {
        path: PathBuf,
        bytes: Vec<u8>,
        at: Time,
    },
}

impl Written {
    fn is_about(&self, other: &Written) -> bool {
        match (self, other) {
            (
                Written::Value { hive, key, name, .. },
                Written::Value {
                    hive: h,
                    key: k,
                    name: n,
                    ..
                },
            ) => (hive, key, name) == (h, k, n),
            (Written::File { path, .. }, Written::File { path: other, .. }) => path == other,
            (Written::Value { .. } | Written::File { .. }, _) => false,
        }
    }
}

pub struct Kept {
    file: PathBuf,
    written: Vec<Written>,
}

impl Kept {
    /// Does again to a fresh machine what was done to it before.
    pub fn open(file: &Path, image: &mut Image) -> Read<Kept> {
        let shown = file.display().to_string();
        let written: Vec<Written> = match std::fs::read(file) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|error| OsError::damaged(format!("{shown}: {error}")))?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(OsError::from_io(&shown, &error)),
        };
        for written in &written {
            match written {
                Written::Value { hive, key, name, value } => match value {
                    Some(value) => image.own.set(*hive, key, name, value.clone()),
                    None => image.delete(*hive, key, name),
                },
                Written::File { path, bytes, at } => image.own.file(path, bytes.clone(), *at),
            }
        }
        Ok(Kept {
            file: file.to_owned(),
            written,
        })
    }

    pub fn write(&mut self, written: Written) -> Read<()> {
        self.written.retain(|known| !known.is_about(&written));
        self.written.push(written);
        let shown = self.file.display().to_string();
        let failed = |error: std::io::Error| OsError::from_io(&shown, &error);
        let text = serde_json::to_vec(&self.written).map_err(|error| OsError::failed(error.to_string()))?;
        let beside = self.file.with_extension("new");
        let mut file = std::fs::File::create(&beside).map_err(failed)?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
        std::fs::rename(&beside, &self.file).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use kaishin_proto::clock::Clock;

    use super::super::Sim;
    use super::*;
    use crate::os::Os;

    #[test]
    fn what_was_written_outlives_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("machine.json");
        let life = || {
            let sim = Sim::new(1, 1, Clock::manual(Time(1_800_000_000_000_000)));
            sim.kept_in(&file).unwrap()
        };
        let key = r"SOFTWARE\Somebody";
        let one = life();
        one.registry_set(Hive::LocalMachine, key, "a", &RegistryValue::dword(1))
            .unwrap();
        one.registry_set(Hive::LocalMachine, key, "a", &RegistryValue::dword(2))
            .unwrap();
        one.registry_set(Hive::LocalMachine, key, "b", &RegistryValue::text("x"))
            .unwrap();
        one.registry_delete(Hive::LocalMachine, key, "b").unwrap();
        let policy = Path::new(r"C:\Windows\System32\GroupPolicy\gpt.ini");
        one.replace_file(policy, b"one").unwrap();
        one.replace_file(policy, b"two").unwrap();
        let other = life();
        assert_eq!(other.read_file(policy).as_deref(), Ok(&b"two"[..]));
        assert_eq!(other.peek(Hive::LocalMachine, key, "a"), Some(RegistryValue::dword(2)));
        assert_eq!(other.peek(Hive::LocalMachine, key, "b"), None);
        std::fs::write(&file, "[{").unwrap();
        let sim = Sim::new(1, 1, Clock::manual(Time(1_800_000_000_000_000)));
        assert!(sim.kept_in(&file).is_err());
    }
}
