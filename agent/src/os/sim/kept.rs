//! What was written to a simulated machine, in a file: a process that is killed takes the machine's disk no more than it would
//! a real one's. Written before the write is answered.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::image::Image;
use crate::os::{Hive, OsError, Read, RegistryValue};

#[derive(Serialize, Deserialize)]
pub struct Written {
    pub hive: Hive,
    pub key: String,
    pub name: String,
    /// `None`: it was removed.
    pub value: Option<RegistryValue>,
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
        for Written { hive, key, name, value } in &written {
            match value {
                Some(value) => image.own.set(*hive, key, name, value.clone()),
                None => image.delete(*hive, key, name),
            };
        }
        Ok(Kept {
            file: file.to_owned(),
            written,
        })
    }

    pub fn write(&mut self, written: Written) -> Read<()> {
        let same =
            |known: &Written| known.hive == written.hive && known.key == written.key && known.name == written.name;
        self.written.retain(|known| !same(known));
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
    use kaishin_proto::time::Time;

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
        let other = life();
        assert_eq!(other.peek(Hive::LocalMachine, key, "a"), Some(RegistryValue::dword(2)));
        assert_eq!(other.peek(Hive::LocalMachine, key, "b"), None);
        std::fs::write(&file, "[{").unwrap();
        let sim = Sim::new(1, 1, Clock::manual(Time(1_800_000_000_000_000)));
        assert!(sim.kept_in(&file).is_err());
    }
}
