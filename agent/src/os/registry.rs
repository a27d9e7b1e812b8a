//! The Windows registry's words: hives, values with their kind and raw bytes, and how to read those bytes without trust.

use serde::{Deserialize, Serialize};

use super::{OsError, Read};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Hive {
    #[serde(rename = "HKLM")]
    LocalMachine,
    #[serde(rename = "HKU")]
    Users,
}

impl Hive {
    pub fn name(self) -> &'static str {
        match self {
            Hive::LocalMachine => "HKLM",
            Hive::Users => "HKU",
        }
    }

    pub fn by_name(name: &str) -> Option<Hive> {
        match name {
            "HKLM" => Some(Hive::LocalMachine),
            "HKU" => Some(Hive::Users),
            _ => None,
        }
    }
}

/// Windows' `REG_*` number; a kind that has no name here is carried unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RegistryKind(pub u32);

impl RegistryKind {
    pub const NONE: RegistryKind = RegistryKind(0);
    pub const SZ: RegistryKind = RegistryKind(1);
    pub const EXPAND_SZ: RegistryKind = RegistryKind(2);
    pub const BINARY: RegistryKind = RegistryKind(3);
    pub const DWORD: RegistryKind = RegistryKind(4);
    pub const MULTI_SZ: RegistryKind = RegistryKind(7);
    pub const QWORD: RegistryKind = RegistryKind(11);
}

/// A value as the registry stores it: kind and raw bytes, so that an undo record restores exactly what was there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryValue {
    pub kind: RegistryKind,
    pub bytes: Vec<u8>,
}

impl RegistryValue {
    pub fn new(kind: RegistryKind, bytes: Vec<u8>) -> RegistryValue {
        RegistryValue { kind, bytes }
    }

    pub fn dword(number: u32) -> RegistryValue {
        RegistryValue::new(RegistryKind::DWORD, number.to_le_bytes().to_vec())
    }

    pub fn qword(number: u64) -> RegistryValue {
        RegistryValue::new(RegistryKind::QWORD, number.to_le_bytes().to_vec())
    }

    /// `REG_MULTI_SZ`: each text ended by NUL, and the list by another.
    pub fn texts(texts: &[&str]) -> RegistryValue {
        let units = texts.iter().flat_map(|text| text.encode_utf16().chain([0])).chain([0]);
        RegistryValue::new(RegistryKind::MULTI_SZ, units.flat_map(u16::to_le_bytes).collect())
    }

    /// `REG_SZ`: UTF-16LE with its closing NUL.
    pub fn text(text: &str) -> RegistryValue {
        let units = text.encode_utf16().chain([0]);
        RegistryValue::new(RegistryKind::SZ, units.flat_map(u16::to_le_bytes).collect())
    }

    /// A DWORD or QWORD; anything else, a wrong length included, is damaged.
    pub fn as_u64(&self) -> Read<u64> {
        match (self.kind, self.bytes.as_slice()) {
            (RegistryKind::DWORD, &[a, b, c, d]) => Ok(u64::from(u32::from_le_bytes([a, b, c, d]))),
            (RegistryKind::QWORD, bytes) => match bytes.try_into() {
                Ok(bytes) => Ok(u64::from_le_bytes(bytes)),
                Err(_) => Err(self.damaged("a number")),
            },
            _ => Err(self.damaged("a number")),
        }
    }

    pub fn as_u32(&self) -> Read<u32> {
        u32::try_from(self.as_u64()?).map_err(|_| self.damaged("a 32-bit number"))
    }

    /// `REG_SZ` or `REG_EXPAND_SZ` up to the first NUL, trimmed; the closing NUL may be missing, as Windows allows.
    pub fn as_text(&self) -> Read<String> {
        let is_text = self.kind == RegistryKind::SZ || self.kind == RegistryKind::EXPAND_SZ;
        if !is_text || !self.bytes.len().is_multiple_of(2) {
            return Err(self.damaged("a text"));
        }
        let units = self
            .bytes
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
        let text = String::from_utf16(&units).map_err(|_| self.damaged("a text"))?;
        Ok(text.trim().to_owned())
    }

    /// For evidence lines and logs: short, whatever is stored.
    pub fn shown(&self) -> String {
        match (self.as_u64(), self.as_text()) {
            (Ok(number), _) => number.to_string(),
            (_, Ok(text)) => format!("{text:?}"),
            (Err(_), Err(_)) => format!("kind {} of {} bytes", self.kind.0, self.bytes.len()),
        }
    }

    fn damaged(&self, wanted: &str) -> OsError {
        let (kind, length) = (self.kind.0, self.bytes.len());
        OsError::damaged(format!("expected {wanted}, found kind {kind} of {length} bytes"))
    }
}

/// What lies directly below a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryKey {
    pub subkeys: Vec<String>,
    /// Names of values; "" is the default value.
    pub values: Vec<String>,
}

/// A key with everything below it, as deep as was asked for. Names in the order of the system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryTree {
    pub values: Vec<(String, RegistryValue)>,
    pub keys: Vec<(String, RegistryTree)>,
}

impl RegistryTree {
    pub fn value(&self, name: &str) -> Option<&RegistryValue> {
        self.values
            .iter()
            .find(|(known, _)| same_name(known, name))
            .map(|(_, value)| value)
    }

    pub fn key(&self, name: &str) -> Option<&RegistryTree> {
        self.keys
            .iter()
            .find(|(known, _)| same_name(known, name))
            .map(|(_, key)| key)
    }

    /// `None` where it is absent; what is no text is damaged.
    pub fn text(&self, name: &str) -> Read<Option<String>> {
        self.value(name).map(RegistryValue::as_text).transpose()
    }

    pub fn number(&self, name: &str) -> Read<Option<u32>> {
        self.value(name).map(RegistryValue::as_u32).transpose()
    }
}

fn same_name(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || one.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaishin_proto::value::Reason;

    #[test]
    fn values_read_back_what_was_written() {
        assert_eq!(RegistryValue::dword(7).as_u32(), Ok(7));
        assert_eq!(RegistryValue::qword(u64::MAX).as_u64(), Ok(u64::MAX));
        assert_eq!(RegistryValue::text("受付１ ").as_text(), Ok("受付１".to_owned()));
        let unterminated = RegistryValue::new(RegistryKind::SZ, vec![b'a', 0, b'b', 0]);
        assert_eq!(unterminated.as_text(), Ok("ab".to_owned()));
    }

    #[test]
    fn damaged_bytes_are_an_error_and_never_a_guess() {
        let damaged = [
            RegistryValue::new(RegistryKind::DWORD, vec![1, 0, 0]),
            RegistryValue::new(RegistryKind::QWORD, vec![0; 9]),
            RegistryValue::new(RegistryKind::BINARY, vec![0; 4]),
            RegistryValue::new(RegistryKind::NONE, vec![]),
        ];
        for value in damaged {
            assert_eq!(value.as_u32().unwrap_err().reason, Reason::Damaged, "{value:?}");
            assert!(!value.shown().is_empty());
        }
        assert_eq!(
            RegistryValue::qword(1 << 40).as_u32().unwrap_err().reason,
            Reason::Damaged
        );
        let odd = RegistryValue::new(RegistryKind::SZ, vec![b'a', 0, b'b']);
        let lone_surrogate = RegistryValue::new(RegistryKind::SZ, vec![0x00, 0xd8]);
        for text in [odd, lone_surrogate] {
            assert_eq!(text.as_text().unwrap_err().reason, Reason::Damaged);
        }
    }
}
