//! Typed identifiers, so that a job's id never stands where a terminal's belongs. All are UUIDs, sorted by time of making.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::Time;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct BadId;

/// A version 7 UUID made of a moment and ten random bytes: pure, so that callers choose both.
fn make(now: Time, random: [u8; 10]) -> Uuid {
    let millis = u64::try_from(now.micros() / 1_000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            pub fn new(now: Time, random: [u8; 10]) -> Self {
                Self(make(now, random))
            }
            pub fn bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Uuid::try_parse(text).map(Self).map_err(|_| BadId)
            }
        }
    )*};
}

typed_ids! {
    /// One qualification-verification terminal, for its whole life.
    TerminalId
    /// A request to become known that waits for a person.
    RequestId
    /// One remedy on one terminal.
    JobId
    /// A person, or a program with a token, who uses the server.
    OperatorId
    /// An enrolment token, an API token or a sign-in.
    TokenId
    /// A filter that somebody keeps.
    ViewId
    /// All terminals that matched at one moment.
    SelectionId
    /// One import of a ledger.
    ImportId
    /// One telephone call of a clinic.
    CallId
}
