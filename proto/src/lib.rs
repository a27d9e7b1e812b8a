//! What server and agent share: the wire contract, the fact catalogue, identifiers and time.
//!
//! Without the features `wire`, `clock` and `sole` only the vocabulary is left: that is what pure code depends on.

pub mod calendar;
pub mod ending;
pub mod evidence;
pub mod fact;
pub mod id;
pub mod preview;
pub mod profile;
pub mod remedy;
pub mod time;
pub mod value;
pub mod words;

#[cfg(feature = "clock")]
pub mod clock;
#[cfg(feature = "wire")]
pub mod codec;
#[cfg(feature = "wire")]
pub mod convert;
#[cfg(feature = "wire")]
pub mod limits;
#[cfg(feature = "sole")]
pub mod sole;

/// The messages and services of `kaishin.agent.v1`, generated.
#[cfg(feature = "wire")]
#[expect(clippy::allow_attributes, reason = "generated code")]
pub mod v1 {
    tonic::include_proto!("kaishin.agent.v1");
}
