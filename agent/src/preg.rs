//! `Registry.pol`, the file in which the policy editor keeps a machine's policies: read and written so that what others have
//! put there stays byte for byte. Pure.
//!
//! The file is a list of instructions in order: set this value, remove that one. Windows carries them out on the registry
//! whenever policies are refreshed, so a registry that was edited alone goes back to what stands here.

pub mod gpt;

use std::ops::Range;

use crate::os::{RegistryKind, RegistryValue};

const MAGIC: &[u8] = b"PReg\x01\0\0\0";
/// Names that are instructions: `**Del.NoAutoUpdate`.
const DELETE: &str = "**del.";
const DELETE_VALUES: &str = "**delvals.";
const DELETE_LIST: &str = "**deletevalues";
const DELETE_KEYS: &str = "**deletekeys";
/// A file larger than this is none.
pub const LARGEST: usize = 4 * 1024 * 1024;
const LONGEST_NAME: usize = 16_384;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("this is no policy file")]
    NotPolicy,
    #[error("the policy file is larger than {LARGEST} bytes")]
    TooLarge,
    #[error("the policy file is cut off in the record at byte {0}")]
    Cut(usize),
    #[error("the record at byte {0} is damaged: {1}")]
    Damaged(usize, &'static str),
}

/// What the file says about one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Nothing: the registry's own value stays.
    Nothing,
    Removed,
    Set(RegistryValue),
}

/// One thing that Windows does to the registry for the file's sake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instruction<'a> {
    Set(&'a str, &'a str, RegistryValue),
    Remove(&'a str, String),
    /// All values of a key.
    RemoveValues(&'a str),
    RemoveKey(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Policy {
    records: Vec<Record>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Record {
    /// With its brackets, as it was read.
    raw: Vec<u8>,
    key: String,
    name: String,
    kind: RegistryKind,
    data: Range<usize>,
}

impl Record {
    fn new(key: &str, name: &str, value: &RegistryValue) -> Record {
        let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        let mut raw = utf16("[");
        raw.extend(utf16(key));
        raw.extend(utf16("\0;"));
        raw.extend(utf16(name));
        raw.extend(utf16("\0;"));
        raw.extend(value.kind.0.to_le_bytes());
        raw.extend(utf16(";"));
        raw.extend((value.bytes.len() as u32).to_le_bytes());
        raw.extend(utf16(";"));
        let begin = raw.len();
        raw.extend(&value.bytes);
        let data = begin..raw.len();
        raw.extend(utf16("]"));
        Record {
            raw,
            key: key.to_owned(),
            name: name.to_owned(),
            kind: value.kind,
            data,
        }
    }

    fn value(&self) -> RegistryValue {
        let bytes = self.raw.get(self.data.clone()).unwrap_or_default();
        RegistryValue::new(self.kind, bytes.to_vec())
    }

    /// Whether it is about this value alone, be it to set or to remove it.
    fn is_about(&self, key: &str, name: &str) -> bool {
        let (own, name) = (self.name.to_lowercase(), name.to_lowercase());
        same(&self.key, key) && (own == name || own.strip_prefix(DELETE) == Some(name.as_str()))
    }

    fn instructions(&self) -> Vec<Instruction<'_>> {
        let own = self.name.to_lowercase();
        let key = self.key.as_str();
        if own == DELETE_KEYS {
            let below = |listed: String| Instruction::RemoveKey(format!(r"{key}\{listed}"));
            self.listed().map(below).collect()
        } else if own == DELETE_LIST {
            self.listed().map(|name| Instruction::Remove(key, name)).collect()
        } else if own.starts_with(DELETE_VALUES) {
            vec![Instruction::RemoveValues(key)]
        } else if own.starts_with(DELETE) {
            let name = self.name.get(DELETE.len()..).unwrap_or_default();
            vec![Instruction::Remove(key, name.to_owned())]
        } else if own.starts_with("**") {
            Vec::new()
        } else {
            vec![Instruction::Set(key, &self.name, self.value())]
        }
    }

    /// What this one record says about a value.
    fn says(&self, key: &str, name: &str) -> Said {
        let own = self.name.to_lowercase();
        if own == DELETE_KEYS {
            let gone = |listed: &str| is_within(key, &format!(r"{}\{listed}", self.key)) || is_within(key, listed);
            return if self.listed().any(|listed| gone(&listed)) {
                Said::Removed
            } else {
                Said::Nothing
            };
        }
        if !same(&self.key, key) {
            return Said::Nothing;
        }
        let in_list = own == DELETE_LIST && self.listed().any(|listed| same(&listed, name));
        let by_name = own.strip_prefix(DELETE).is_some_and(|gone| gone == name.to_lowercase());
        if in_list || by_name || own.starts_with(DELETE_VALUES) {
            Said::Removed
        } else if own == name.to_lowercase() {
            Said::Set(self.value())
        } else {
            Said::Nothing
        }
    }

    /// The names in the data of an instruction, between semicolons.
    fn listed(&self) -> impl Iterator<Item = String> {
        let text = self.value().as_text().unwrap_or_default();
        let names: Vec<String> = text.split(';').map(|name| name.trim().to_owned()).collect();
        names.into_iter().filter(|name| !name.is_empty())
    }
}

fn same(one: &str, other: &str) -> bool {
    one.trim_matches('\\').to_lowercase() == other.trim_matches('\\').to_lowercase()
}

fn is_within(key: &str, above: &str) -> bool {
    let (key, above) = (
        key.trim_matches('\\').to_lowercase(),
        above.trim_matches('\\').to_lowercase(),
    );
    key.strip_prefix(&above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'))
}

impl Policy {
    /// An empty file is one that says nothing.
    pub fn read(bytes: &[u8]) -> Result<Policy, PolicyError> {
        if bytes.len() > LARGEST {
            return Err(PolicyError::TooLarge);
        }
        let mut policy = Policy::default();
        if bytes.is_empty() {
            return Ok(policy);
        }
        if !bytes.starts_with(MAGIC) {
            return Err(PolicyError::NotPolicy);
        }
        let mut reader = Reader { bytes, at: MAGIC.len() };
        while reader.at < bytes.len() {
            policy.records.push(reader.record()?);
        }
        Ok(policy)
    }

    pub fn write(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for record in &self.records {
            bytes.extend(&record.raw);
        }
        bytes
    }

    /// What is left of it when all instructions have been carried out.
    pub fn said(&self, key: &str, name: &str) -> Said {
        let said = |record: &Record| Some(record.says(key, name)).filter(|said| *said != Said::Nothing);
        self.records.iter().rev().find_map(said).unwrap_or(Said::Nothing)
    }

    /// Keys and values that are set, in the order of the file; instructions to remove are not among them.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &str, RegistryValue)> {
        let plain = self.records.iter().filter(|record| !record.name.starts_with("**"));
        plain.map(|record| (record.key.as_str(), record.name.as_str(), record.value()))
    }

    /// Sets a value, in place where the file has it already; what said otherwise about this one value goes.
    pub fn set(&mut self, key: &str, name: &str, value: &RegistryValue) {
        let new = Record::new(key, name, value);
        let first = self.drop_records(key, name);
        let at = self.place(first, key, name);
        self.records.insert(at, new);
    }

    /// Has Windows remove the value, as the policy editor does for what a policy leaves out.
    pub fn remove(&mut self, key: &str, name: &str) {
        self.drop_records(key, name);
        // The editor writes one space for data.
        let space = RegistryValue::text(" ");
        self.records.push(Record::new(key, &format!("**del.{name}"), &space));
    }

    /// Says nothing about the value any more.
    pub fn forget(&mut self, key: &str, name: &str) {
        self.drop_records(key, name);
    }

    /// What is about this value alone, as it stands in the file.
    pub fn records_of(&self, key: &str, name: &str) -> Vec<Vec<u8>> {
        let about = self.records.iter().filter(|record| record.is_about(key, name));
        about.map(|record| record.raw.clone()).collect()
    }

    /// Puts records back that were taken with [`Policy::records_of`], in place of those there are.
    pub fn put_records(&mut self, key: &str, name: &str, raw: &[Vec<u8>]) -> Result<(), PolicyError> {
        let whole = [MAGIC, raw.concat().as_slice()].concat();
        let records = Policy::read(&whole)?.records;
        let first = self.drop_records(key, name);
        let at = self.place(first, key, name);
        self.records.splice(at..at, records);
        Ok(())
    }

    /// Where a record of this value may stand: an instruction for many values stays, and would undo what stands before it.
    fn place(&self, first: Option<usize>, key: &str, name: &str) -> usize {
        let removed_later = |record: &Record| record.says(key, name) == Said::Removed;
        let sound = first.filter(|at| !self.records.iter().skip(*at).any(removed_later));
        sound.unwrap_or(self.records.len())
    }

    /// What Windows does with the file when it refreshes policies, in order.
    pub fn instructions(&self) -> impl Iterator<Item = Instruction<'_>> {
        self.records.iter().flat_map(Record::instructions)
    }

    /// Takes out what is about this value alone; gives back where the first of it stood.
    fn drop_records(&mut self, key: &str, name: &str) -> Option<usize> {
        let first = self.records.iter().position(|record| record.is_about(key, name));
        self.records.retain(|record| !record.is_about(key, name));
        first
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn record(&mut self) -> Result<Record, PolicyError> {
        let begin = self.at;
        self.literal(begin, b'[', "it does not begin with a bracket")?;
        let key = self.name(begin)?;
        self.literal(begin, b';', "a semicolon is missing")?;
        let name = self.name(begin)?;
        self.literal(begin, b';', "a semicolon is missing")?;
        let kind = RegistryKind(self.long(begin)?);
        self.literal(begin, b';', "a semicolon is missing")?;
        let size = self.long(begin)? as usize;
        self.literal(begin, b';', "a semicolon is missing")?;
        let data = self.at - begin..self.at - begin + size;
        self.take(begin, size)?;
        self.literal(begin, b']', "it does not end with a bracket")?;
        let raw = self.bytes.get(begin..self.at).unwrap_or_default().to_vec();
        Ok(Record {
            raw,
            key,
            name,
            kind,
            data,
        })
    }

    fn take(&mut self, begin: usize, count: usize) -> Result<&[u8], PolicyError> {
        let taken = self.bytes.get(self.at..).and_then(|rest| rest.get(..count));
        let taken = taken.ok_or(PolicyError::Cut(begin))?;
        self.at += count;
        Ok(taken)
    }

    fn short(&mut self, begin: usize) -> Result<u16, PolicyError> {
        let two = self.take(begin, 2)?;
        Ok(u16::from_le_bytes([two[0], two[1]]))
    }

    fn long(&mut self, begin: usize) -> Result<u32, PolicyError> {
        Ok(u32::from(self.short(begin)?) | u32::from(self.short(begin)?) << 16)
    }

    fn literal(&mut self, begin: usize, wanted: u8, otherwise: &'static str) -> Result<(), PolicyError> {
        if self.short(begin)? == u16::from(wanted) {
            return Ok(());
        }
        Err(PolicyError::Damaged(begin, otherwise))
    }

    /// Up to its NUL.
    fn name(&mut self, begin: usize) -> Result<String, PolicyError> {
        let mut units = Vec::new();
        loop {
            match self.short(begin)? {
                0 => break,
                _ if units.len() == LONGEST_NAME => return Err(PolicyError::Damaged(begin, "a name is too long")),
                unit => units.push(unit),
            }
        }
        String::from_utf16(&units).map_err(|_| PolicyError::Damaged(begin, "a name is no text"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AU: &str = r"Software\Policies\Microsoft\Windows\WindowsUpdate\AU";

    fn policy() -> Policy {
        let mut policy = Policy::default();
        policy.set(AU, "NoAutoUpdate", &RegistryValue::dword(0));
        policy.set(AU, "AUOptions", &RegistryValue::dword(4));
        policy.set(r"Software\Policies\Other", "Name", &RegistryValue::text("受付;[1]"));
        policy
    }

    #[test]
    fn what_is_written_reads_back() {
        let policy = policy();
        let read = Policy::read(&policy.write()).unwrap();
        assert_eq!(read, policy);
        assert_eq!(
            read.said(&AU.to_lowercase(), "NOAUTOUPDATE"),
            Said::Set(RegistryValue::dword(0))
        );
        assert_eq!(read.said(AU, "ScheduledInstallDay"), Said::Nothing);
        assert_eq!(read.settings().count(), 3);
        assert_eq!(Policy::read(b""), Ok(Policy::default()));
    }

    #[test]
    fn later_instructions_count_and_removals_are_told_from_silence() {
        let space = RegistryValue::text(" ");
        for removal in ["**Del.AUOptions", "**DELVALS.", "**DeleteValues"] {
            let mut policy = policy();
            let data = if removal == "**DeleteValues" {
                RegistryValue::text("x; AUOptions")
            } else {
                space.clone()
            };
            policy.records.push(Record::new(AU, removal, &data));
            let mut policy = Policy::read(&policy.write()).unwrap();
            assert_eq!(policy.said(AU, "AUOptions"), Said::Removed, "{removal}");
            policy.set(AU, "AUOptions", &RegistryValue::dword(3));
            assert_eq!(
                policy.said(AU, "AUOptions"),
                Said::Set(RegistryValue::dword(3)),
                "{removal}"
            );
        }
        let mut policy = policy();
        let below = RegistryValue::text("WindowsUpdate");
        policy.records.push(Record::new(
            r"Software\Policies\Microsoft\Windows",
            "**DeleteKeys",
            &below,
        ));
        assert_eq!(policy.said(AU, "AUOptions"), Said::Removed);
        assert_ne!(policy.said(r"Software\Policies\Other", "Name"), Said::Removed);
    }

    #[test]
    fn a_value_is_changed_in_place_and_the_records_of_others_stay_byte_for_byte() {
        let mut policy = policy();
        // Written by somebody with other habits: a kind nobody knows, no data, odd case.
        let foreign = Record::new(r"SOFTWARE\Vendor", "X", &RegistryValue::new(RegistryKind(77), vec![]));
        policy.records.insert(1, foreign.clone());
        let before = policy.write();
        policy.set(AU, "auoptions", &RegistryValue::dword(3));
        assert_eq!(policy.records[1], foreign);
        assert_eq!(policy.records[2].name, "auoptions");
        policy.set(AU, "AUOptions", &RegistryValue::dword(4));
        assert_eq!(policy.write(), before);
        policy.remove(AU, "AUOptions");
        assert_eq!(policy.said(AU, "AUOptions"), Said::Removed);
        policy.forget(AU, "AUOptions");
        assert_eq!(policy.said(AU, "AUOptions"), Said::Nothing);
        assert_eq!(policy.records[1], foreign);
    }

    #[test]
    fn records_that_were_taken_go_back_as_they_were() {
        let mut policy = policy();
        policy.remove(AU, "ScheduledInstallTime");
        for (name, count) in [("auoptions", 1), ("ScheduledInstallTime", 1), ("Nothing", 0)] {
            let before = policy.clone();
            let taken = before.records_of(AU, name);
            assert_eq!(taken.len(), count, "{name}");
            policy.set(AU, name, &RegistryValue::dword(9));
            policy.put_records(AU, name, &taken).unwrap();
            assert_eq!(policy, before, "{name}");
        }
        assert!(policy.put_records(AU, "AUOptions", &[vec![1, 2]]).is_err());
    }

    #[test]
    fn windows_is_told_what_to_do_in_order() {
        let mut policy = policy();
        policy.remove(AU, "AUOptions");
        let list = RegistryValue::text("a;b");
        for name in ["**DeleteValues", "**DelVals.", "**DeleteKeys", "**Comment"] {
            policy.records.push(Record::new(AU, name, &list));
        }
        let told: Vec<_> = policy.instructions().collect();
        assert_eq!(told.len(), 8, "{told:?}");
        assert_eq!(told[0], Instruction::Set(AU, "NoAutoUpdate", RegistryValue::dword(0)));
        assert_eq!(told[2], Instruction::Remove(AU, "AUOptions".into()));
        assert_eq!(told[4], Instruction::Remove(AU, "b".into()));
        assert_eq!(told[5], Instruction::RemoveValues(AU));
        assert_eq!(told[7], Instruction::RemoveKey(format!(r"{AU}\b")));
    }

    #[test]
    fn a_file_that_ends_within_a_record_is_refused_with_its_place() {
        let whole = policy().write();
        let mut ends = vec![0, MAGIC.len()];
        for record in &policy().records {
            ends.push(ends[ends.len() - 1] + record.raw.len());
        }
        for end in 0..whole.len() {
            let read = Policy::read(&whole[..end]);
            assert_eq!(read.is_ok(), ends.contains(&end), "{end}: {read:?}");
        }
        assert_eq!(Policy::read(&whole[..whole.len() - 1]), Err(PolicyError::Cut(ends[3])));
    }

    #[test]
    fn odd_files_are_refused_with_the_reason() {
        let whole = policy().write();
        let with = |at: usize, bytes: &[u8]| {
            let mut odd = whole.clone();
            odd[at..at + bytes.len()].copy_from_slice(bytes);
            Policy::read(&odd)
        };
        let first = MAGIC.len();
        let size = first + policy().records[0].data.start - 6;
        assert_eq!(Policy::read(b"PReg\x02\0\0\0"), Err(PolicyError::NotPolicy));
        assert_eq!(Policy::read(&vec![0; LARGEST + 1]), Err(PolicyError::TooLarge));
        assert_eq!(
            with(first, b"("),
            Err(PolicyError::Damaged(first, "it does not begin with a bracket"))
        );
        assert_eq!(
            with(first + 2, b"\x00\xd8"),
            Err(PolicyError::Damaged(first, "a name is no text"))
        );
        assert_eq!(with(size, &u32::MAX.to_le_bytes()), Err(PolicyError::Cut(first)));
        assert_eq!(
            with(size, &[8]),
            Err(PolicyError::Damaged(first, "it does not end with a bracket"))
        );
        let endless = [MAGIC, b"[\0", &b"a\0".repeat(LONGEST_NAME + 1)].concat();
        assert_eq!(
            Policy::read(&endless),
            Err(PolicyError::Damaged(first, "a name is too long"))
        );
    }

    fn record() -> impl Strategy<Value = Record> {
        let name = "[^\0]{0,12}";
        let data = proptest::collection::vec(any::<u8>(), 0..40);
        (name, name, any::<u32>(), data)
            .prop_map(|(key, name, kind, data)| Record::new(&key, &name, &RegistryValue::new(RegistryKind(kind), data)))
    }

    proptest! {
        #[test]
        fn any_records_round_trip(records in proptest::collection::vec(record(), 0..8)) {
            let policy = Policy { records };
            let bytes = policy.write();
            let read = Policy::read(&bytes).unwrap();
            prop_assert_eq!(read.write(), bytes);
            prop_assert_eq!(read, policy);
        }

        #[test]
        fn setting_a_value_changes_nothing_else(records in proptest::collection::vec(record(), 0..8), number: u32) {
            let before = Policy { records };
            let mut after = before.clone();
            after.set(AU, "AUOptions", &RegistryValue::dword(number));
            prop_assert_eq!(after.said(AU, "AUOptions"), Said::Set(RegistryValue::dword(number)));
            after.forget(AU, "AUOptions");
            prop_assert_eq!(after, before);
        }

        #[test]
        fn no_bytes_make_it_stumble(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Policy::read(&bytes);
            let _ = Policy::read(&[MAGIC, &bytes].concat());
        }
    }
}
