//! The journal: what the agent has promised, meant and done, on disk before it counts. Records are appended with their
//! length and a checksum; a tail torn by a power cut is cut off, and anything before it is whole.
//!
//! The [`Storage::Memory`] variant keeps the same bytes in the process: for a load generator that plays thousands of
//! terminals. It survives a killed session, not a killed process.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::os::disk;

const LENGTH: usize = 4;
const CHECKSUM: usize = 8;
/// No record is nearly as long; a length above it is damage.
const LONGEST: usize = 1 << 20;

#[derive(Clone, Debug)]
pub enum Storage {
    File(PathBuf),
    Memory(Arc<Mutex<Vec<u8>>>),
}

#[derive(Debug)]
pub struct Journal {
    open: Open,
}

#[derive(Debug)]
enum Open {
    /// Without a file between a rewriting that failed and the next record.
    File {
        path: PathBuf,
        file: Option<File>,
    },
    Memory(Arc<Mutex<Vec<u8>>>),
}

impl Journal {
    /// Opens the journal and reads every whole record; what follows the last one is cut off.
    pub fn open<T: DeserializeOwned>(storage: &Storage) -> io::Result<(Journal, Vec<T>)> {
        match storage {
            Storage::File(path) => {
                let mut file = disk::appendable(path)?;
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                let (records, sound) = decode(&bytes)?;
                if sound < bytes.len() {
                    disk::cut(path, sound as u64)?;
                }
                let path = path.clone();
                let open = Open::File { path, file: Some(file) };
                Ok((Journal { open }, records))
            }
            Storage::Memory(bytes) => {
                let open = Open::Memory(Arc::clone(bytes));
                let mut bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
                let (records, sound) = decode(&bytes)?;
                bytes.truncate(sound);
                Ok((Journal { open }, records))
            }
        }
    }

    /// Adds records; with `sync`, they are durable when this returns.
    pub fn append<T: Serialize>(&mut self, records: &[T], sync: bool) -> io::Result<()> {
        let added = encode(records)?;
        match &mut self.open {
            Open::File { path, file } => {
                let file = match file {
                    Some(file) => file,
                    None => file.insert(disk::appendable(path)?),
                };
                file.write_all(&added)?;
                if sync { file.sync_data() } else { Ok(()) }
            }
            Open::Memory(bytes) => {
                bytes.lock().unwrap_or_else(PoisonError::into_inner).extend(added);
                Ok(())
            }
        }
    }

    /// Puts a shorter journal with the same meaning in place of this one.
    pub fn rewrite<T: Serialize>(&mut self, records: &[T]) -> io::Result<()> {
        let all = encode(records)?;
        match &mut self.open {
            Open::File { path, file } => {
                // Windows puts no file in the place of an open one.
                *file = None;
                disk::replace(path, &all)?;
                *file = Some(disk::appendable(path)?);
                Ok(())
            }
            Open::Memory(bytes) => {
                *bytes.lock().unwrap_or_else(PoisonError::into_inner) = all;
                Ok(())
            }
        }
    }

    /// Whether writing may wait for a disk.
    pub fn blocks(&self) -> bool {
        matches!(self.open, Open::File { .. })
    }
}

/// Reads without opening for writing: for a look at another process's journal.
pub fn peek<T: DeserializeOwned>(path: &Path) -> io::Result<Vec<T>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(decode(&bytes)?.0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn checksum(payload: &[u8]) -> [u8; CHECKSUM] {
    let mut short = [0; CHECKSUM];
    short.copy_from_slice(&Sha256::digest(payload)[..CHECKSUM]);
    short
}

fn encode<T: Serialize>(records: &[T]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for record in records {
        let payload = serde_json::to_vec(record)?;
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
        bytes.extend(length.to_le_bytes());
        bytes.extend(checksum(&payload));
        bytes.extend(payload);
    }
    Ok(bytes)
}

/// The whole records at the beginning, and how many bytes they take. A record that is whole and yet cannot be understood
/// was written by another version: going on without it could do something twice.
fn decode<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<(Vec<T>, usize)> {
    let mut records = Vec::new();
    let mut at = 0;
    while let Some(payload) = whole_record(&bytes[at..]) {
        records.push(serde_json::from_slice(payload)?);
        at += LENGTH + CHECKSUM + payload.len();
    }
    Ok((records, at))
}

fn whole_record(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let (sum, rest) = rest.split_first_chunk::<CHECKSUM>()?;
    let payload = rest.get(..length).filter(|_| length <= LONGEST)?;
    (*sum == checksum(payload)).then_some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn memory() -> Storage {
        Storage::Memory(Arc::default())
    }

    fn each_storage(check: impl Fn(&Storage)) {
        let directory = tempfile::tempdir().unwrap();
        check(&Storage::File(directory.path().join("journal")));
        check(&memory());
    }

    fn open(storage: &Storage) -> (Journal, Vec<String>) {
        Journal::open(storage).unwrap()
    }

    #[test]
    fn what_was_appended_is_there_after_a_restart_and_rewriting_replaces_it() {
        each_storage(|storage| {
            let (mut journal, records) = open(storage);
            assert!(records.is_empty());
            journal.append(&["a", "b"], true).unwrap();
            journal.append(&["c"], false).unwrap();
            drop(journal);
            let (mut journal, records) = open(storage);
            assert_eq!(records, ["a", "b", "c"]);
            journal.rewrite(&["abc"]).unwrap();
            journal.append(&["d"], true).unwrap();
            drop(journal);
            assert_eq!(open(storage).1, ["abc", "d"]);
        });
    }

    #[test]
    fn a_torn_tail_is_cut_off_and_writing_goes_on_behind_the_last_whole_record() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let storage = Storage::File(path.clone());
        open(&storage).0.append(&["first", "second"], true).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in 1..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (mut journal, before) = open(&storage);
            journal.append(&["third"], true).unwrap();
            drop(journal);
            let after = open(&storage).1;
            assert_eq!(after[..before.len()], before[..]);
            assert_eq!(after.last().unwrap(), "third", "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let storage = Storage::Memory(Arc::new(Mutex::new(bytes)));
            let _ = Journal::open::<String>(&storage);
        }

        #[test]
        fn a_flipped_bit_never_makes_a_false_record(at in 0usize..40, bit in 0u8..8) {
            let mut bytes = encode(&["one", "two"]).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let records = decode::<String>(&bytes).unwrap().0;
            prop_assert!(records.iter().zip(["one", "two"]).all(|(found, written)| found == written));
        }
    }
}
