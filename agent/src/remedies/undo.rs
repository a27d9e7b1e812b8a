//! Takes back what an earlier job of this terminal changed, from the terminal's own record of it: whoever orders it names the job
//! and sends no values. What somebody else has changed since is left alone, and said.

use kaishin_proto::preview::{Change, Preview};

use super::before::{Before, Record, Stands};
use super::{Acted, Around, Cure, Done, Failed, Probed, Step, no_trace, proof};
use crate::os::{Os, Read};
use crate::words;

const READ_BEFORE: &str = "read-before";
const PUT_BACK: &str = "put-back";
const VERIFY: &str = "verify";

const STEPS: &[Step] = &[
    Step::again(READ_BEFORE),
    Step::looked_for(PUT_BACK),
    Step::again(VERIFY),
];

/// How the places of a record stand now.
struct Seen<'a> {
    /// Still as the job left them, last written first.
    to_put_back: Vec<&'a Before>,
    /// Somebody else's by now: from what the job left to what is there.
    changed: Vec<Change>,
}

pub struct Undo;

impl Cure for Undo {
    fn steps(&self) -> &'static [Step] {
        STEPS
    }

    fn act(&self, step: &str, os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
        let record = record(around)?;
        let seen = look(record, os)?;
        let done = match step {
            READ_BEFORE => read_before(&seen)?,
            PUT_BACK => put_back(&seen, os)?,
            VERIFY => verify(record, &seen, os, around)?,
            _ => return Err(Failed::no_such_step(step)),
        };
        Ok(done.into())
    }

    fn probe(&self, step: &str, os: &dyn Os, around: &Around) -> Probed {
        if step != PUT_BACK {
            return no_trace(step);
        }
        let seen = record(around).and_then(|record| Ok(look(record, os)?));
        match seen {
            Ok(seen) if seen.is_done() => Probed::Done("all is as it was before".to_owned()),
            Ok(seen) => Probed::NotDone(seen.told()),
            Err(failed) => Probed::Uncertain(failed.detail),
        }
    }

    fn preview(&self, os: &dyn Os, around: &Around) -> Read<Preview> {
        let record = match record(around) {
            Ok(record) => record,
            Err(failed) => return Ok(Preview::not_applicable(words::say(failed.code))),
        };
        let seen = look(record, os)?;
        Ok(match seen.unchanged() {
            Ok(()) => Preview::of(seen.changes()),
            Err(failed) => Preview::not_applicable(format!("{} ({})", words::say(failed.code), failed.detail)),
        })
    }

    /// That there is nothing to take back, or nothing that may be.
    fn refusal(&self, os: &dyn Os, around: &Around) -> Option<Failed> {
        let seen = record(around).and_then(|record| Ok(look(record, os)?));
        let refused = seen.and_then(|seen| seen.unchanged());
        refused.err().filter(Failed::is_refusal)
    }
}

fn read_before(seen: &Seen<'_>) -> Result<Done, Failed> {
    seen.unchanged()?;
    Ok(Done::told(seen.told()))
}

fn put_back(seen: &Seen<'_>, os: &dyn Os) -> Result<Done, Failed> {
    seen.unchanged()?;
    for before in &seen.to_put_back {
        before.put_back(os)?;
    }
    Ok(Done::told(seen.told()))
}

fn record(around: &Around) -> Result<&Record, Failed> {
    let refused = |code, detail: &str| Failed {
        code,
        detail: detail.to_owned(),
    };
    match &around.story.record {
        None => Err(refused(words::JOB_NO_RECORD, "nothing is kept of that job here")),
        Some(Record {
            taken_back: Some(by), ..
        }) => Err(refused(words::JOB_TAKEN_BACK, &format!("by job {by}"))),
        Some(record) => Ok(record),
    }
}

fn look<'a>(record: &'a Record, os: &dyn Os) -> Read<Seen<'a>> {
    let mut seen = Seen {
        to_put_back: Vec::new(),
        changed: Vec::new(),
    };
    for before in record.places.iter().rev() {
        match before.stands(os)? {
            Stands::AsBefore => {}
            Stands::AsWritten => seen.to_put_back.push(before),
            Stands::Changed(now) => {
                let Change { what, from, .. } = before.change();
                seen.changed.push(Change::new(what, from, now));
            }
        }
    }
    Ok(seen)
}

fn verify(record: &Record, seen: &Seen<'_>, os: &dyn Os, around: &Around) -> Result<Done, Failed> {
    let observed = proof::observe(&record.sections, &[], os, around)?;
    if !seen.is_done() {
        return Err(Failed {
            code: words::JOB_NOT_VERIFIED,
            detail: format!("not as before: {}", seen.told()),
        });
    }
    Ok(Done {
        evidence: "read again and found as before".to_owned(),
        observed,
        ..Done::default()
    })
}

fn listed(changes: impl Iterator<Item = Change>) -> Option<String> {
    changes
        .map(|change| change.to_string())
        .reduce(|one, other| one + ", " + &other)
}

impl Seen<'_> {
    fn is_done(&self) -> bool {
        self.to_put_back.is_empty() && self.changed.is_empty()
    }

    /// Half of it is not taken back: either all or nothing.
    fn unchanged(&self) -> Result<(), Failed> {
        if self.changed.is_empty() {
            return Ok(());
        }
        Err(Failed {
            code: words::JOB_CHANGED_SINCE,
            detail: self.changed_since().unwrap_or_default(),
        })
    }

    fn changes(&self) -> impl Iterator<Item = Change> {
        self.to_put_back.iter().map(|before| before.change())
    }

    fn changed_since(&self) -> Option<String> {
        Some(format!("changed since: {}", listed(self.changed.iter().cloned())?))
    }

    fn told(&self) -> String {
        let told = [listed(self.changes()), self.changed_since()];
        let told = told.into_iter().flatten().reduce(|one, other| one + "; " + &other);
        told.unwrap_or_else(|| "already as it was before".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use kaishin_proto::id::JobId;
    use kaishin_proto::preview::Verdict;
    use kaishin_proto::remedy::Remedy;
    use kaishin_proto::time::Time;

    use super::super::State;
    use super::super::preview as preview_of;
    use super::super::setting::tests::around;
    use super::*;
    use crate::facts::tests::sim;
    use crate::facts::update::SETTINGS;
    use crate::os::sim::Sim;
    use crate::os::{Hive, RegistryValue};

    const HOURS: Remedy = Remedy::ActiveHours { start: 7, end: 19 };

    fn job(n: u8) -> JobId {
        JobId::new(Time(0), [n; 10])
    }

    fn set(sim: &Sim, name: &str, value: Option<u32>) {
        sim.poke(Hive::LocalMachine, SETTINGS, name, value.map(RegistryValue::dword));
    }

    /// A machine on which the hours were set, one of them where there was none, and what was kept of it.
    fn done() -> (Sim, Around) {
        let sim = sim();
        sim.remove_key(Hive::LocalMachine, SETTINGS);
        set(&sim, "ActiveHoursStart", Some(9));
        let mut around = around();
        let mut places = Vec::new();
        for step in super::super::steps(HOURS) {
            let Ok(Acted::Done(done)) = super::super::act(HOURS, step.name, &sim, &around) else {
                panic!("{step:?}");
            };
            around.story.kept.extend(done.undo.iter().cloned());
            places.extend(done.undo);
        }
        around.story.record = Some(Record {
            job: job(1),
            sections: vec!["update".to_owned()],
            places,
            taken_back: None,
        });
        (sim, around)
    }

    fn value(sim: &Sim, name: &str) -> Option<RegistryValue> {
        sim.peek(Hive::LocalMachine, SETTINGS, name)
    }

    #[test]
    fn what_was_overwritten_and_what_was_absent_are_as_before_and_twice_is_once() {
        let (sim, around) = done();
        let told = preview_of(Remedy::Undo { job: job(1) }, &sim, &around);
        assert_eq!((told.verdict, told.changes.len()), (Verdict::WouldChange, 3));
        assert!(matches!(Undo.probe(PUT_BACK, &sim, &around), Probed::NotDone(_)));
        for step in [READ_BEFORE, PUT_BACK, PUT_BACK, VERIFY] {
            Undo.act(step, &sim, &around).unwrap();
        }
        assert_eq!(value(&sim, "ActiveHoursStart"), Some(RegistryValue::dword(9)));
        assert_eq!(value(&sim, "ActiveHoursEnd"), None);
        assert!(matches!(Undo.probe(PUT_BACK, &sim, &around), Probed::Done(_)));
        let told = preview_of(Remedy::Undo { job: job(1) }, &sim, &around);
        assert_eq!(told.verdict, Verdict::AlreadyFine);
    }

    #[test]
    fn what_somebody_changed_since_is_left_alone_and_shown() {
        let (sim, around) = done();
        set(&sim, "ActiveHoursEnd", Some(22));
        let writes = sim.writes();
        for step in [READ_BEFORE, PUT_BACK] {
            let failed = Undo.act(step, &sim, &around).unwrap_err();
            assert!(failed.code == words::JOB_CHANGED_SINCE && failed.is_refusal());
            assert_eq!(failed.detail, "changed since: ActiveHoursEnd 19 -> 22");
        }
        let told = preview_of(Remedy::Undo { job: job(1) }, &sim, &around);
        assert!(told.verdict == Verdict::NotApplicable && told.reason.contains("19 -> 22"));
        assert_eq!(sim.writes(), writes, "not even half of it");
    }

    #[test]
    fn a_task_that_somebody_has_deleted_since_is_changed_and_no_fault_of_the_machine() {
        let (sim, mut around) = done();
        let task = |enabled| State::Task {
            path: r"\再起動".to_owned(),
            enabled,
        };
        around.story.record.as_mut().unwrap().places = vec![Before {
            was: task(true),
            written: task(false),
        }];
        sim.remove_tasks();
        for step in [READ_BEFORE, PUT_BACK] {
            let failed = Undo.act(step, &sim, &around).unwrap_err();
            assert_eq!(failed.code, words::JOB_CHANGED_SINCE);
            assert_eq!(failed.detail, r"changed since: task \再起動 off -> absent");
        }
        assert_eq!(Undo.refusal(&sim, &around).unwrap().code, words::JOB_CHANGED_SINCE);
    }

    #[test]
    fn without_a_record_or_after_it_was_taken_back_nothing_is_touched() {
        let (sim, mut around) = done();
        let writes = sim.writes();
        let refused = |around: &Around| {
            let failed = Undo.act(READ_BEFORE, &sim, around).unwrap_err();
            let told = preview_of(Remedy::Undo { job: job(1) }, &sim, around);
            assert!(told.verdict == Verdict::NotApplicable && told.reason.contains(failed.code));
            assert!(failed.is_refusal());
            failed.code
        };
        if let Some(record) = &mut around.story.record {
            record.taken_back = Some(job(2));
        }
        assert_eq!(refused(&around), words::JOB_TAKEN_BACK);
        around.story.record = None;
        assert_eq!(refused(&around), words::JOB_NO_RECORD);
        assert_eq!(sim.writes(), writes);
    }

    #[test]
    fn a_sick_machine_is_told_and_the_next_try_ends_right() {
        for call in 1.. {
            let (sim, around) = done();
            sim.fail_call(call, crate::os::OsError::failed("a sick disk"));
            let first = [READ_BEFORE, PUT_BACK, VERIFY].map(|step| Undo.act(step, &sim, &around));
            if first.iter().all(Result::is_ok) {
                assert!(call > 6, "only {call} calls");
                break;
            }
            for step in [READ_BEFORE, PUT_BACK, VERIFY] {
                Undo.act(step, &sim, &around).unwrap();
            }
        }
    }
}
