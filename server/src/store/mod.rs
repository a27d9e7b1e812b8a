//! Everything that is kept: the only room that speaks SQL.
//!
//! One SQL text serves SQLite and PostgreSQL; where they differ, `dialect` says so. Reads go through a pool of their
//! own; all writes go through one writer that commits many callers' work together and answers only after the commit.

mod audit;
mod call;
mod checklist;
mod codec;
mod db;
mod dialect;
mod enrolment;
mod error;
mod facility;
mod facility_attachment;
mod facility_import;
mod fact;
mod fault;
mod history;
mod job;
mod operator;
mod presence;
mod profile;
mod record;
mod rulepack;
mod terminal;
mod view;
mod writer;

pub use call::{CallEvent, CallFilter, CallMoment, CallOrder};
pub use db::{Database, Store};
pub use error::StoreError;
pub use facility_import::{ImportCounts, ImportRecord, ImportRow, Undone};
pub use fact::{NewSection, SectionRow, SectionText};
pub use fault::FaultRow;
pub use history::{Before, FactChange};
pub use job::{JobCounts, JobDetail, JobFilter, NewSteps};
pub use operator::{ApiToken, Operator, SignIn};
pub use presence::PresenceSample;
pub use profile::{ProfileDraft, ProfileRow};
pub use record::JobRecord;
pub use rulepack::VerdictProgress;
pub use view::{SavedView, Selection};
pub use writer::Tx;
