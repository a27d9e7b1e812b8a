//! What a fact can be. Missing is *unknown* with its reason; there is no default.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::{Span, Time};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    Truth(bool),
    Number(i64),
    Text(String),
    Version(Version),
    Time(Time),
    Duration(Span),
    Size(u64),
    List(Vec<String>),
    Table(Table),
    Unknown(Unknown),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown {
    pub reason: Reason,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    NotSupported,
    NoPermission,
    NotFound,
    Damaged,
    Failed,
}

impl Reason {
    pub const ALL: [Reason; 5] = [
        Reason::NotSupported,
        Reason::NoPermission,
        Reason::NotFound,
        Reason::Damaged,
        Reason::Failed,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Reason::NotSupported => "not_supported",
            Reason::NoPermission => "no_permission",
            Reason::NotFound => "not_found",
            Reason::Damaged => "damaged",
            Reason::Failed => "failed",
        }
    }
}

impl Value {
    pub fn unknown(reason: Reason, detail: impl Into<String>) -> Value {
        Value::Unknown(Unknown {
            reason,
            detail: detail.into(),
        })
    }

    pub fn is_unknown(&self) -> bool {
        matches!(self, Value::Unknown(_))
    }
}

/// A dotted version of one to many numbers, compared number by number; `1.2` equals `1.2.0`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub String);

impl Version {
    /// None where the text has a part that is no number: it is then text, not a version.
    pub fn parse(text: &str) -> Option<Version> {
        let text = text.trim();
        let sound = !text.is_empty()
            && text
                .split('.')
                .all(|part| !part.is_empty() && part.len() <= 18 && part.bytes().all(|b| b.is_ascii_digit()));
        sound.then(|| Version(text.to_owned()))
    }

    fn parts(&self) -> Vec<u64> {
        let mut parts: Vec<u64> = self.0.split('.').map(|part| part.parse().unwrap_or(0)).collect();
        while parts.last() == Some(&0) {
            parts.pop();
        }
        parts
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Version {}
impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_number_by_number() {
        let v = |text: &str| Version::parse(text).expect("a version");
        assert!(v("2.10") > v("2.9.9"));
        assert!(v("1.2") == v("1.2.0.0"));
        assert!(v("10.0.19044.4291") < v("10.0.19045"));
        assert!(Version::parse("1..2").is_none() && Version::parse("1.a").is_none() && Version::parse("").is_none());
    }
}
