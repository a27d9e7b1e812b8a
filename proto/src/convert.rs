//! Facts between the wire and the vocabulary, and a section's digest.

use prost::Message as _;
use sha2::{Digest, Sha256};

use crate::calendar::{BadHours, Hours};
use crate::preview::{Change, Preview, Verdict};
use crate::remedy::{Message, Procedure, Record, Remedy, Strategy, UpdateMode};
use crate::time::{Span, Time};
use crate::v1;
use crate::value::{Reason, Table, Unknown, Value, Version};

/// What a collector found, in the order of its keys.
pub type Facts = Vec<(String, Value)>;

pub fn section_to_wire(name: &str, facts: &Facts, observed_at: Time) -> v1::Section {
    let facts: Vec<v1::Fact> = facts.iter().map(|(key, value)| fact_to_wire(key, value)).collect();
    v1::Section {
        name: name.to_owned(),
        digest: digest(&facts),
        observed_at_us: observed_at.micros(),
        facts,
    }
}

pub fn remedy_to_wire(remedy: Remedy) -> v1::Remedy {
    use v1::remedy::Kind;
    let kind = match remedy {
        Remedy::Undo { job } => Kind::Undo(v1::Undo {
            job_id: job.to_string(),
        }),
        Remedy::RefreshFacts => Kind::RefreshFacts(v1::RefreshFacts {}),
        Remedy::FastStartupOff => Kind::FastStartupOff(v1::FastStartupOff {}),
        Remedy::ArpOffloadOff => Kind::ArpOffloadOff(v1::ArpOffloadOff {}),
        Remedy::ActiveHours { start, end } => Kind::ActiveHours(v1::ActiveHours {
            start: start.into(),
            end: end.into(),
        }),
        Remedy::TimeSource => Kind::TimeSource(v1::TimeSource {}),
        Remedy::WindowsUpdateMode { mode, hour } => Kind::WindowsUpdateMode(v1::WindowsUpdateMode {
            mode: match mode {
                UpdateMode::Automatic => v1::windows_update_mode::Mode::Automatic.into(),
                UpdateMode::Manual => v1::windows_update_mode::Mode::Manual.into(),
            },
            hour: hour.into(),
        }),
        Remedy::PowerSettings => Kind::PowerSettings(v1::PowerSettings {}),
        Remedy::ProxyRepair => Kind::ProxyRepair(v1::ProxyRepair {}),
        Remedy::DailyRestart { hour } => Kind::DailyRestart(v1::DailyRestart { hour: hour.into() }),
        Remedy::RestartNow => Kind::RestartNow(v1::RestartNow {}),
        Remedy::WindowsUpdateRun => Kind::WindowsUpdateRun(v1::WindowsUpdateRun {}),
        Remedy::DistributionAppRefresh => Kind::DistributionAppRefresh(v1::DistributionAppRefresh {}),
        Remedy::ConnectionCheck => Kind::ConnectionCheck(v1::ConnectionCheck {}),
        Remedy::CollectRecord { record } => Kind::CollectRecord(v1::CollectRecord {
            record: record_to_wire(record).into(),
        }),
        Remedy::NotifyStaff { message } => Kind::NotifyStaff(v1::NotifyStaff {
            message: message_to_wire(message).into(),
        }),
        Remedy::Guided(procedure) => Kind::Guided(v1::Guided {
            procedure: procedure_to_wire(procedure).into(),
        }),
        Remedy::EdgeExtensionSwap { strategy } => Kind::EdgeExtensionSwap(v1::EdgeExtensionSwap {
            strategy: match strategy {
                Strategy::Assisted => v1::edge_extension_swap::Strategy::Assisted.into(),
                Strategy::Managed => v1::edge_extension_swap::Strategy::Managed.into(),
            },
        }),
    };
    v1::Remedy { kind: Some(kind) }
}

/// `None` for what this build does not know, which a newer peer may well say, and for parameters out of their range.
pub fn remedy_from_wire(remedy: Option<&v1::Remedy>) -> Option<Remedy> {
    use v1::remedy::Kind;
    let hour = |hour: u32| u8::try_from(hour).ok();
    let remedy = match remedy?.kind.as_ref()? {
        Kind::Undo(v1::Undo { job_id }) => Remedy::Undo {
            job: job_id.parse().ok()?,
        },
        Kind::RefreshFacts(v1::RefreshFacts {}) => Remedy::RefreshFacts,
        Kind::FastStartupOff(v1::FastStartupOff {}) => Remedy::FastStartupOff,
        Kind::ArpOffloadOff(v1::ArpOffloadOff {}) => Remedy::ArpOffloadOff,
        Kind::ActiveHours(v1::ActiveHours { start, end }) => Remedy::ActiveHours {
            start: hour(*start)?,
            end: hour(*end)?,
        },
        Kind::TimeSource(v1::TimeSource {}) => Remedy::TimeSource,
        Kind::WindowsUpdateMode(wanted) => Remedy::WindowsUpdateMode {
            mode: match wanted.mode() {
                v1::windows_update_mode::Mode::Automatic => UpdateMode::Automatic,
                v1::windows_update_mode::Mode::Manual => UpdateMode::Manual,
                v1::windows_update_mode::Mode::Unspecified => return None,
            },
            hour: hour(wanted.hour)?,
        },
        Kind::PowerSettings(v1::PowerSettings {}) => Remedy::PowerSettings,
        Kind::ProxyRepair(v1::ProxyRepair {}) => Remedy::ProxyRepair,
        Kind::DailyRestart(wanted) => Remedy::DailyRestart {
            hour: hour(wanted.hour)?,
        },
        Kind::RestartNow(v1::RestartNow {}) => Remedy::RestartNow,
        Kind::WindowsUpdateRun(v1::WindowsUpdateRun {}) => Remedy::WindowsUpdateRun,
        Kind::DistributionAppRefresh(v1::DistributionAppRefresh {}) => Remedy::DistributionAppRefresh,
        Kind::ConnectionCheck(v1::ConnectionCheck {}) => Remedy::ConnectionCheck,
        Kind::CollectRecord(wanted) => Remedy::CollectRecord {
            record: record_from_wire(wanted.record())?,
        },
        Kind::NotifyStaff(told) => Remedy::NotifyStaff {
            message: message_from_wire(told.message())?,
        },
        Kind::Guided(guided) => Remedy::Guided(procedure_from_wire(guided.procedure())?),
        Kind::EdgeExtensionSwap(wanted) => Remedy::EdgeExtensionSwap {
            strategy: match wanted.strategy() {
                v1::edge_extension_swap::Strategy::Assisted => Strategy::Assisted,
                v1::edge_extension_swap::Strategy::Managed => Strategy::Managed,
                v1::edge_extension_swap::Strategy::Unspecified => return None,
            },
        },
    };
    remedy.checked().ok()
}

fn record_to_wire(record: Record) -> v1::collect_record::Record {
    use v1::collect_record::Record as W;
    match record {
        Record::Agent => W::Agent,
        Record::WindowsUpdate => W::WindowsUpdate,
        Record::Restarts => W::Restarts,
        Record::Programs => W::Programs,
        Record::Network => W::Network,
        Record::Distribution => W::Distribution,
    }
}

fn record_from_wire(record: v1::collect_record::Record) -> Option<Record> {
    Record::ALL.into_iter().find(|known| record_to_wire(*known) == record)
}

/// What is told of a facility's hours, as the agent understands it.
pub fn hours_from_wire(site: &v1::Site) -> Result<Hours, BadHours> {
    let told = site.hours.iter().map(|told| {
        let openings = told.openings.iter().map(|open| (open.from, open.until));
        // Day 0 is none, and so becomes one beyond the last.
        let day = u8::try_from(told.day).ok().and_then(|day| day.checked_sub(1));
        (day.unwrap_or(u8::MAX), openings.collect())
    });
    Hours::of(told)
}

pub fn preview_to_wire(number: u64, preview: &Preview) -> v1::PlanReply {
    use v1::plan_reply::Verdict as W;
    let verdict = match preview.verdict {
        Verdict::WouldChange => W::WouldChange,
        Verdict::AlreadyFine => W::AlreadyFine,
        Verdict::NotApplicable => W::NotApplicable,
        Verdict::Unknown => W::Unknown,
    };
    let change = |change: &Change| v1::plan_reply::Change {
        what: change.what.clone(),
        from: change.from.clone(),
        to: change.to.clone(),
    };
    v1::PlanReply {
        number,
        verdict: verdict.into(),
        changes: preview.changes.iter().map(change).collect(),
        reason: preview.reason.clone(),
    }
}

/// A verdict that this build does not know is none.
pub fn preview_from_wire(reply: v1::PlanReply) -> Preview {
    use v1::plan_reply::Verdict as W;
    let verdict = match reply.verdict() {
        W::WouldChange => Verdict::WouldChange,
        W::AlreadyFine => Verdict::AlreadyFine,
        W::NotApplicable => Verdict::NotApplicable,
        W::Unknown | W::Unspecified => Verdict::Unknown,
    };
    let changes = reply.changes.into_iter();
    Preview {
        verdict,
        changes: changes.map(|one| Change::new(one.what, one.from, one.to)).collect(),
        reason: reply.reason,
    }
}

fn message_to_wire(message: Message) -> v1::notify_staff::Message {
    use v1::notify_staff::Message as W;
    match message {
        Message::Working => W::Working,
        Message::LeaveOn => W::LeaveOn,
        Message::RestartToday => W::RestartToday,
        Message::CallUs => W::CallUs,
        Message::Done => W::Done,
        Message::CheckCable => W::CheckCable,
    }
}

fn message_from_wire(message: v1::notify_staff::Message) -> Option<Message> {
    Message::ALL
        .into_iter()
        .find(|known| message_to_wire(*known) == message)
}

fn procedure_to_wire(procedure: Procedure) -> v1::guided::Procedure {
    use v1::guided::Procedure as W;
    match procedure {
        Procedure::DisplayScale => W::DisplayScale,
        Procedure::CertificateBackup => W::CertificateBackup,
        Procedure::TaskRepair => W::TaskRepair,
        Procedure::ShareRepair => W::ShareRepair,
        Procedure::AccountCheck => W::AccountCheck,
        Procedure::CardReaderPowerCycle => W::CardReaderPowerCycle,
    }
}

fn procedure_from_wire(procedure: v1::guided::Procedure) -> Option<Procedure> {
    use v1::guided::Procedure as W;
    match procedure {
        W::Unspecified => None,
        W::DisplayScale => Some(Procedure::DisplayScale),
        W::CertificateBackup => Some(Procedure::CertificateBackup),
        W::TaskRepair => Some(Procedure::TaskRepair),
        W::ShareRepair => Some(Procedure::ShareRepair),
        W::AccountCheck => Some(Procedure::AccountCheck),
        W::CardReaderPowerCycle => Some(Procedure::CardReaderPowerCycle),
    }
}

/// What a section takes on the wire, for those who must keep below its caps.
pub fn size(section: &v1::Section) -> usize {
    section.encoded_len()
}

/// As `size`, of what is told of a job.
pub fn event_size(event: &v1::JobEvent) -> usize {
    event.encoded_len()
}

/// Over the facts alone: the same facts at another time have the same digest.
fn digest(facts: &[v1::Fact]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for fact in facts {
        hash.update(fact.encode_length_delimited_to_vec());
    }
    hash.finalize()[..16].to_vec()
}

pub fn fact_to_wire(key: &str, value: &Value) -> v1::Fact {
    use v1::fact::Value as W;
    let value = match value.clone() {
        Value::Truth(truth) => W::Truth(truth),
        Value::Number(number) => W::Number(number),
        Value::Text(text) => W::Text(text),
        Value::Version(version) => W::Version(version.0),
        Value::Time(time) => W::Time(time.micros()),
        Value::Duration(span) => W::Duration(span.0),
        Value::Size(size) => W::Size(size),
        Value::List(items) => W::List(v1::TextList { items }),
        Value::Table(table) => W::Table(v1::Table {
            columns: table.columns,
            rows: table.rows.into_iter().map(|items| v1::TextList { items }).collect(),
        }),
        Value::Unknown(unknown) => W::Unknown(v1::Unknown {
            reason: reason_to_wire(unknown.reason).into(),
            detail: unknown.detail,
        }),
    };
    v1::Fact {
        key: key.to_owned(),
        value: Some(value),
    }
}

/// A value that is absent, or of a kind this build does not know, is unknown.
pub fn value_from_wire(value: Option<v1::fact::Value>) -> Value {
    use v1::fact::Value as W;
    match value {
        None => Value::unknown(Reason::NotSupported, "sent by a newer agent"),
        Some(W::Truth(truth)) => Value::Truth(truth),
        Some(W::Number(number)) => Value::Number(number),
        Some(W::Text(text)) => Value::Text(text),
        Some(W::Version(text)) => match Version::parse(&text) {
            Some(version) => Value::Version(version),
            None => Value::unknown(Reason::Damaged, text),
        },
        Some(W::Time(time)) => Value::Time(Time(time)),
        Some(W::Duration(span)) => Value::Duration(Span(span)),
        Some(W::Size(size)) => Value::Size(size),
        Some(W::List(list)) => Value::List(list.items),
        Some(W::Table(table)) => Value::Table(Table {
            columns: table.columns,
            rows: table.rows.into_iter().map(|row| row.items).collect(),
        }),
        Some(W::Unknown(unknown)) => Value::Unknown(Unknown {
            reason: reason_from_wire(unknown.reason()),
            detail: unknown.detail,
        }),
    }
}

fn reason_to_wire(reason: Reason) -> v1::unknown::Reason {
    match reason {
        Reason::NotSupported => v1::unknown::Reason::NotSupported,
        Reason::NoPermission => v1::unknown::Reason::NoPermission,
        Reason::NotFound => v1::unknown::Reason::NotFound,
        Reason::Damaged => v1::unknown::Reason::Damaged,
        Reason::Failed => v1::unknown::Reason::Failed,
    }
}

fn reason_from_wire(reason: v1::unknown::Reason) -> Reason {
    match reason {
        v1::unknown::Reason::NotSupported => Reason::NotSupported,
        v1::unknown::Reason::NoPermission => Reason::NoPermission,
        v1::unknown::Reason::NotFound => Reason::NotFound,
        v1::unknown::Reason::Damaged => Reason::Damaged,
        v1::unknown::Reason::Failed | v1::unknown::Reason::Unspecified => Reason::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_remedy_crosses_the_wire_and_nothing_out_of_range_does() {
        for remedy in Remedy::ALL {
            assert_eq!(remedy_from_wire(Some(&remedy_to_wire(remedy))), Some(remedy));
        }
        for message in Message::ALL {
            let told = Remedy::NotifyStaff { message };
            assert_eq!(remedy_from_wire(Some(&remedy_to_wire(told))), Some(told));
        }
        for record in Record::ALL {
            let wanted = Remedy::CollectRecord { record };
            assert_eq!(remedy_from_wire(Some(&remedy_to_wire(wanted))), Some(wanted));
        }
        let none = v1::CollectRecord { record: 0 };
        let none = v1::Remedy {
            kind: Some(v1::remedy::Kind::CollectRecord(none)),
        };
        assert_eq!(remedy_from_wire(Some(&none)), None);
        for strategy in [Strategy::Assisted, Strategy::Managed] {
            let told = Remedy::EdgeExtensionSwap { strategy };
            assert_eq!(remedy_from_wire(Some(&remedy_to_wire(told))), Some(told));
        }
        let unsaid = v1::remedy::Kind::EdgeExtensionSwap(v1::EdgeExtensionSwap { strategy: 0 });
        assert_eq!(remedy_from_wire(Some(&v1::Remedy { kind: Some(unsaid) })), None);
        let hours = |start, end| v1::Remedy {
            kind: Some(v1::remedy::Kind::ActiveHours(v1::ActiveHours { start, end })),
        };
        let read = |start, end| remedy_from_wire(Some(&hours(start, end)));
        assert_eq!(read(9, 18), Some(Remedy::ActiveHours { start: 9, end: 18 }));
        for (start, end) in [(24, 3), (9, 9), (264, 18), (0, 23), (u32::MAX, 1)] {
            assert_eq!(read(start, end), None, "{start} to {end}");
        }
        let undo = |job: &str| v1::Remedy {
            kind: Some(v1::remedy::Kind::Undo(v1::Undo { job_id: job.into() })),
        };
        let job = "0190f5a4-7c3e-7000-8000-000000000001";
        let read = remedy_from_wire(Some(&undo(job)));
        assert_eq!(read.map(remedy_to_wire), Some(undo(job)));
        assert_eq!(remedy_from_wire(Some(&undo("x"))), None);
        assert_eq!(remedy_from_wire(None), None);
        assert_eq!(remedy_from_wire(Some(&v1::Remedy { kind: None })), None);
    }

    #[test]
    fn every_preview_crosses_the_wire() {
        for preview in [
            Preview::of([Change::new("HiberbootEnabled", "1", "0")]).because("from the next restart on"),
            Preview::of([]),
            Preview::not_applicable("no such adapter"),
            Preview::unknown("denied"),
        ] {
            let sent = preview_to_wire(7, &preview);
            assert_eq!(sent.number, 7);
            assert_eq!(preview_from_wire(sent), preview);
        }
        assert_eq!(preview_from_wire(v1::PlanReply::default()).verdict, Verdict::Unknown);
    }

    #[test]
    fn every_kind_of_value_survives_the_wire() {
        let values = [
            Value::Truth(false),
            Value::Number(-3),
            Value::Text("受付１".into()),
            Value::Version(Version("10.0.19044.4291".into())),
            Value::Time(Time(1_700_000_000_000_000)),
            Value::Duration(Span::minutes(3)),
            Value::Size(u64::MAX),
            Value::List(vec!["a".into(), String::new()]),
            Value::Table(Table {
                columns: vec!["id".into()],
                rows: vec![vec!["x".into()], vec![]],
            }),
            Value::unknown(Reason::NoPermission, "denied"),
        ];
        for value in values {
            assert_eq!(value_from_wire(fact_to_wire("a.b", &value).value), value);
        }
        assert!(value_from_wire(None).is_unknown());
        assert!(value_from_wire(Some(v1::fact::Value::Version("two".into()))).is_unknown());
    }

    #[test]
    fn the_digest_follows_the_facts_and_not_the_time() {
        let facts = |on| vec![("power.fast_startup".to_owned(), Value::Truth(on))];
        let on = section_to_wire("power", &facts(true), Time(1));
        assert_eq!(on.digest, section_to_wire("power", &facts(true), Time(2)).digest);
        assert_ne!(on.digest, section_to_wire("power", &facts(false), Time(1)).digest);
    }
}
