//! Between the wire and the domain. What a terminal sends is held against the catalogue here: unknown facts stay out,
//! and a value of the wrong type, or of an absurd size, is unknown.

use std::collections::BTreeMap;

use kaishin_domain::facility::{Day, Hours};
use kaishin_domain::id::JobId;
use kaishin_domain::job::{Job, Outcome, Phase, Step};
use kaishin_domain::remedy::Remedy;
use kaishin_domain::time::Time;
use kaishin_domain::value::{Reason, Value};
use kaishin_proto::convert::{preview_from_wire, remedy_to_wire, value_from_wire};
use kaishin_proto::limits::MAX_RECORD;
use kaishin_proto::preview::{Change, Preview};
use kaishin_proto::{fact, v1};

use crate::app::AppError;
use crate::app::facts::Section;
use crate::app::jobs::{Told, What};
use crate::app::rules::InForce;

const LONGEST_TEXT: usize = 4 * 1024;
const LONGEST_LIST: usize = 2_000;
const LONGEST_EVIDENCE: usize = 2_000;
const LONGEST_CHANGE: usize = 500;
const MOST_CHANGES: usize = 100;
const LONGEST_DIGEST: usize = 64;
const LONGEST_UNDO: usize = 64 * 1024;

pub fn words(ja: &str, en: &str) -> v1::Words {
    v1::Words {
        ja: ja.to_owned(),
        en: en.to_owned(),
    }
}

/// From a message that carries both languages: `CODE 日本語 / English`.
pub fn both(code: &str, text: &str) -> v1::Refusal {
    let text = text.strip_prefix(code).unwrap_or(text).trim();
    let (ja, en) = text.split_once(" / ").unwrap_or((text, text));
    v1::Refusal {
        code: code.to_owned(),
        words: Some(words(ja, en)),
    }
}

pub fn refusal(error: &AppError) -> v1::Refusal {
    v1::Refusal {
        code: error.code.to_owned(),
        words: Some(words(&error.words.ja, &error.words.en)),
    }
}

pub fn profile(in_force: &InForce) -> v1::TerminalProfile {
    v1::TerminalProfile {
        version: in_force.version,
        json: in_force.text.to_string(),
    }
}

/// What is known of the hours where it stands; nothing at all where nobody knows.
pub fn site(hours: Option<&Hours>) -> v1::Site {
    let day = |(day, wire): (Day, v1::day_hours::Day)| {
        let openings = hours?.on(day)?.iter().map(|open| v1::day_hours::Opening {
            from: open.from.into(),
            until: open.until.into(),
        });
        Some(v1::DayHours {
            day: wire.into(),
            openings: openings.collect(),
        })
    };
    use v1::day_hours::Day as W;
    let days = [
        (Day::Monday, W::Monday),
        (Day::Tuesday, W::Tuesday),
        (Day::Wednesday, W::Wednesday),
        (Day::Thursday, W::Thursday),
        (Day::Friday, W::Friday),
        (Day::Saturday, W::Saturday),
        (Day::Sunday, W::Sunday),
        (Day::Holiday, W::Holiday),
    ];
    v1::Site {
        hours: days.into_iter().filter_map(day).collect(),
    }
}

pub fn incompatible(server: v1::ProtocolRange) -> v1::Incompatible {
    v1::Incompatible {
        server: Some(server),
        words: Some(words(
            "このエージェントの版はサーバーと通信できません。エージェントを更新してください。",
            "This version of the agent cannot speak with the server. Bring the agent up to date.",
        )),
    }
}

/// How many facts of a report this server does not know: a newer agent's, or somebody's mistake.
pub fn dropped(report: &v1::FactReport) -> u64 {
    let unknown = |section: &v1::Section| match fact::section(&section.name) {
        None => section.facts.len(),
        Some(known) => {
            let strange = |sent: &&v1::Fact| known.facts.iter().all(|fact| fact.key != sent.key);
            section.facts.iter().filter(strange).count()
        }
    };
    report.sections.iter().map(|section| unknown(section) as u64).sum()
}

/// The facts of a section that the catalogue knows; None for a section that it does not.
pub fn section(sent: v1::Section) -> Option<Section> {
    let known = fact::section(&sent.name)?;
    if sent.digest.len() > LONGEST_DIGEST {
        return None;
    }
    let mut facts = BTreeMap::new();
    for one in sent.facts {
        if let Some(fact) = known.facts.iter().find(|fact| fact.key == one.key) {
            facts.insert(one.key, sound(fact, value_from_wire(one.value)));
        }
    }
    Some(Section {
        name: sent.name,
        digest: sent.digest,
        observed_at: Time(sent.observed_at_us),
        facts,
    })
}

fn sound(fact: &fact::Fact, value: Value) -> Value {
    let absurd = match &value {
        Value::Text(text) => text.len() > LONGEST_TEXT,
        Value::Version(version) => version.0.len() > 100,
        Value::List(items) => items.len() > LONGEST_LIST || items.iter().any(|item| item.len() > LONGEST_TEXT),
        Value::Table(table) => {
            table.rows.len() > LONGEST_LIST
                || table
                    .rows
                    .iter()
                    .flatten()
                    .chain(&table.columns)
                    .any(|cell| cell.len() > LONGEST_TEXT)
        }
        Value::Unknown(unknown) => unknown.detail.len() > LONGEST_TEXT,
        Value::Truth(_) | Value::Number(_) | Value::Time(_) | Value::Duration(_) | Value::Size(_) => false,
    };
    if absurd {
        Value::unknown(Reason::Damaged, "too long")
    } else if !fact.kind.holds(&value) {
        Value::unknown(Reason::Damaged, "not of the expected type")
    } else {
        value
    }
}

pub fn offer(job: &Job) -> v1::JobOffer {
    v1::JobOffer {
        job_id: job.id.to_string(),
        attempt: job.attempt,
        deadline_us: job.deadline.micros(),
        remedy: Some(remedy_to_wire(job.remedy)),
    }
}

pub fn question(number: u64, remedy: Remedy) -> v1::PlanRequest {
    v1::PlanRequest {
        number,
        remedy: Some(remedy_to_wire(remedy)),
    }
}

/// No longer than a person reads.
pub fn preview(reply: v1::PlanReply) -> Preview {
    let told = preview_from_wire(reply);
    let short = |text| cut(text, LONGEST_CHANGE);
    let changes = told.changes.into_iter().take(MOST_CHANGES);
    Preview {
        verdict: told.verdict,
        changes: changes
            .map(|one| Change::new(short(one.what), short(one.from), short(one.to)))
            .collect(),
        reason: cut(told.reason, LONGEST_EVIDENCE),
    }
}

/// What cannot be read at all is acknowledged and dropped: it would come again for ever.
pub fn told(event: v1::JobEvent) -> Option<Told> {
    use v1::job_event::What as W;
    let job: JobId = event.job_id.parse().ok()?;
    let what = match event.what? {
        W::Accepted(_) => What::Accepted,
        W::Step(step) => What::Step(Step {
            attempt: event.attempt,
            number: step.number,
            phase: phase(step.phase())?,
            name: cut(step.name, 100),
            evidence: cut(step.evidence, LONGEST_EVIDENCE),
            at: Time(event.at_us),
        }),
        W::Record(record) => What::Record {
            cut: record.cut || record.text.len() > MAX_RECORD,
            text: end_of(record.text),
        },
        W::Result(result) => What::Result {
            outcome: outcome(result.outcome()),
            code: cut(result.code, 40),
            detail: cut(result.detail, LONGEST_EVIDENCE),
            undo: result.undo.as_ref().and_then(undo),
        },
    };
    Some(Told {
        sequence: event.sequence,
        job,
        attempt: event.attempt,
        what,
    })
}

fn phase(phase: v1::job_step::Phase) -> Option<Phase> {
    match phase {
        v1::job_step::Phase::Unspecified => None,
        v1::job_step::Phase::Intent => Some(Phase::Intent),
        v1::job_step::Phase::Waiting => Some(Phase::Waiting),
        v1::job_step::Phase::Done => Some(Phase::Done),
        v1::job_step::Phase::Failed => Some(Phase::Failed),
        v1::job_step::Phase::Probed => Some(Phase::Probed),
    }
}

/// A result that this server does not know is not a success.
fn outcome(outcome: v1::job_result::Outcome) -> Outcome {
    match outcome {
        v1::job_result::Outcome::Succeeded => Outcome::Succeeded,
        v1::job_result::Outcome::Failed => Outcome::Failed,
        v1::job_result::Outcome::Refused => Outcome::Refused,
        v1::job_result::Outcome::Expired => Outcome::Expired,
        v1::job_result::Outcome::Cancelled => Outcome::Cancelled,
        v1::job_result::Outcome::Unknown | v1::job_result::Outcome::Unspecified => Outcome::Unknown,
    }
}

fn undo(record: &v1::UndoRecord) -> Option<String> {
    let registry: Vec<serde_json::Value> = record
        .registry
        .iter()
        .map(|before| {
            serde_json::json!({
                "hive": before.hive,
                "key": before.key,
                "name": before.name,
                "existed": before.existed,
                "kind": before.kind,
                "bytes": hex::encode(&before.bytes),
            })
        })
        .collect();
    let others = record.others.iter();
    let others: Vec<serde_json::Value> = others
        .map(|before| serde_json::json!({ "what": before.what, "was": before.was }))
        .collect();
    let text = serde_json::json!({ "registry": registry, "others": others }).to_string();
    let is_empty = registry.is_empty() && others.is_empty();
    (!is_empty && text.len() <= LONGEST_UNDO).then_some(text)
}

/// An agent keeps to the bound itself; of one that does not, the end counts.
fn end_of(text: String) -> String {
    let mut from = text.len().saturating_sub(MAX_RECORD);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    cut(text[from..].to_owned(), MAX_RECORD)
}

/// No longer than so many characters, and without the one that databases refuse.
pub fn cut(text: String, longest: usize) -> String {
    if text.len() <= longest && !text.contains('\0') {
        return text;
    }
    text.chars().filter(|c| *c != '\0').take(longest).collect()
}

#[cfg(test)]
mod tests {
    use kaishin_proto::convert::{fact_to_wire, section_to_wire};

    use super::*;

    #[test]
    fn a_section_keeps_what_the_catalogue_knows_and_doubts_the_rest() {
        let facts = vec![
            ("power.fast_startup".to_owned(), Value::Text("yes".into())),
            ("power.hibernate".to_owned(), Value::Truth(true)),
            ("power.invented".to_owned(), Value::Truth(true)),
        ];
        let section = section(section_to_wire("power", &facts, Time(7))).expect("a known section");
        assert_eq!(section.facts.len(), 2);
        assert!(section.facts["power.fast_startup"].is_unknown());
        assert_eq!(section.facts["power.hibernate"], Value::Truth(true));
        assert!(super::section(section_to_wire("invented", &facts, Time(7))).is_none());
    }

    #[test]
    fn absurd_sizes_are_unknown() {
        let long = Value::Text("あ".repeat(LONGEST_TEXT));
        let sent = v1::Section {
            name: "os".into(),
            digest: vec![1],
            observed_at_us: 1,
            facts: vec![fact_to_wire("os.hostname", &long)],
        };
        assert!(section(sent).expect("a known section").facts["os.hostname"].is_unknown());
    }

    #[test]
    fn of_a_record_that_is_too_long_the_end_is_kept_and_that_is_told() {
        let event = |text: &str| v1::JobEvent {
            job_id: JobId::new(Time(0), [1; 10]).to_string(),
            what: Some(v1::job_event::What::Record(v1::JobRecord {
                text: text.to_owned(),
                cut: false,
            })),
            ..v1::JobEvent::default()
        };
        let long = format!("{}end", "あ".repeat(MAX_RECORD));
        for (text, was_cut) in [("a\0b".to_owned(), false), (long, true)] {
            let Some(What::Record { text, cut }) = told(event(&text)).map(|told| told.what) else {
                panic!("a record");
            };
            assert!(cut == was_cut && text.len() <= MAX_RECORD && !text.contains('\0'));
            assert!(!was_cut || text.ends_with("あend"));
        }
    }

    #[test]
    fn hours_reach_the_agent_day_by_day_and_what_is_unknown_stays_so() {
        use kaishin_proto::calendar::{self, Hours as Kept};
        use kaishin_proto::convert::hours_from_wire;
        let usual = Kept::default();
        assert_eq!(hours_from_wire(&site(None)), Ok(usual.clone()));
        let hours: Hours = "月-水 09:00-12:00,14:00-24:00; 土 休; 祝 10:00-11:00"
            .parse()
            .expect("hours");
        let told = hours_from_wire(&site(Some(&hours))).expect("hours");
        let clocks = |openings: &[calendar::Open]| -> Vec<String> {
            openings
                .iter()
                .map(|open| format!("{}-{}", open.from, open.until))
                .collect()
        };
        for day in 0..3 {
            assert_eq!(clocks(&told.week[day]), ["09:00-12:00", "14:00-23:59"]);
        }
        assert_eq!(told.week[3..5], usual.week[3..5]);
        assert!(told.week[5].is_empty() && told.week[6].is_empty());
        assert_eq!(clocks(&told.holidays), ["10:00-11:00"]);
    }

    #[test]
    fn words_are_cut_at_a_character() {
        assert_eq!(cut("回診回診".into(), 3), "回診回");
        assert_eq!(cut("回診".into(), 3), "回診");
        assert_eq!(cut("a\0b".into(), 3), "ab");
    }
}
