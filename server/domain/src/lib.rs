//! Kaishin's decisions. Data in, data out: no I/O, no clock, no randomness; time and random bytes come in as arguments.

pub mod access;
pub mod audit;
pub mod call;
pub mod checklist;
pub mod enrolment;
pub mod expr;
pub mod facility;
pub mod fold;
pub mod formula;
pub mod job;
pub mod profile_change;
pub mod rule;
pub mod terminal;

pub use kaishin_proto::{ending, evidence, fact, id, remedy, time, value, words};
