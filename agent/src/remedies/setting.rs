//! The shape that remedies share which set things of the machine: what they want is worked out from the machine as it is,
//! written where it differs, and worked out again as the proof. So the same lines tell beforehand what would change, whether a
//! write that was cut short was done, and whether it held.

use kaishin_proto::preview::{Change, Preview};
use kaishin_proto::remedy::Remedy;
use kaishin_proto::value::Reason;

use super::{Acted, Around, Before, Cure, Done, Failed, Probed, State, Step, no_trace, proof};
use crate::os::{Hive, Os, OsError, Read, RegistryValue};
use crate::words;

pub const READ_BEFORE: &str = "read-before";
const WRITE: &str = "write-registry";
const VERIFY: &str = "verify";
/// Facts that list what is wrong.
const WRONG: &[&str] = &[
    "tasks.restart_forbidden",
    "tasks.restart_in_opening",
    "tasks.restart_signed_in",
];

pub const STEPS: &[Step] = &[Step::again(READ_BEFORE), Step::looked_for(WRITE), Step::again(VERIFY)];

/// What a remedy means for this machine as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing here that it is for; why.
    NotApplicable(String),
    /// The things as they should be, whatever they are.
    Want(Vec<Want>),
}

/// A thing as it is and as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    now: State,
    to: State,
}

impl Plan {
    /// What comes every day comes when nobody is received, and no remedy makes a fault that the rules would tell of. `None`:
    /// the hour will do.
    pub fn disturbs(around: &Around, hour: u8) -> Option<Plan> {
        let open = around.about.hours.avoidable_at(hour)?;
        Some(Plan::NotApplicable(format!(
            "{hour}:00 is within reception hours, {} to {}",
            open.from, open.until
        )))
    }

    pub fn of(wants: impl IntoIterator<Item = Read<Want>>) -> Read<Plan> {
        Ok(Plan::Want(wants.into_iter().collect::<Read<_>>()?))
    }

    fn differing(&self) -> impl Iterator<Item = &Want> {
        let wants: &[Want] = match self {
            Plan::NotApplicable(_) => &[],
            Plan::Want(wants) => wants,
        };
        wants.iter().filter(|want| want.differs())
    }

    /// Of what differs, what the step that looked has kept, and what came only after it: nothing is written of which there is
    /// no record.
    fn apart(&self, kept: &[Before]) -> (Vec<&Want>, Vec<&Want>) {
        self.differing()
            .partition(|want| kept.iter().any(|kept| kept.is_place_of(&want.before())))
    }
}

/// "HiberbootEnabled 1, NtpServer absent"; `None` where there is nothing.
fn shown(wants: &[&Want]) -> Option<String> {
    wants.iter().map(|want| want.shown()).reduce(and)
}

impl Want {
    /// A value beneath `HKEY_LOCAL_MACHINE`.
    pub fn machine(os: &dyn Os, key: &str, name: &str, to: RegistryValue) -> Read<Want> {
        let to = State::Registry {
            hive: Hive::LocalMachine,
            key: key.to_owned(),
            name: name.to_owned(),
            value: Some(to),
        };
        Want::of(os, to)
    }

    pub fn of(os: &dyn Os, to: State) -> Read<Want> {
        Ok(Want { now: to.again(os)?, to })
    }

    /// For whoever has looked already.
    pub fn between(now: State, to: State) -> Want {
        Want { now, to }
    }

    pub fn differs(&self) -> bool {
        self.now != self.to
    }

    pub fn now(&self) -> &State {
        &self.now
    }

    pub fn make(&self, os: &dyn Os) -> Read<()> {
        self.to.make(os)
    }

    pub fn before(&self) -> Before {
        Before {
            was: self.now.clone(),
            written: self.to.clone(),
        }
    }

    fn shown(&self) -> String {
        format!("{} {}", self.now.what(), self.now.shown())
    }

    pub fn change(&self) -> Change {
        self.now.change_to(&self.to)
    }
}

/// One of these remedies, and what it wants.
pub struct Setting<P> {
    remedy: Remedy,
    plan: P,
}

pub(super) fn sets<P>(remedy: Remedy, plan: P) -> Box<dyn Cure>
where
    P: Fn(&dyn Os, &Around) -> Read<Plan> + 'static,
{
    Box::new(Setting::new(remedy, plan))
}

impl<P: Fn(&dyn Os, &Around) -> Read<Plan>> Setting<P> {
    pub fn new(remedy: Remedy, plan: P) -> Setting<P> {
        Setting { remedy, plan }
    }

    pub fn carry_out(&self, step: &str, os: &dyn Os, around: &Around) -> Result<Done, Failed> {
        let plan = match (self.plan)(os, around).map_err(|error| self.told(error))? {
            Plan::NotApplicable(why) => return Err(Failed::not_applicable(why)),
            plan @ Plan::Want(_) => plan,
        };
        match step {
            READ_BEFORE => Ok(read_before(&plan)),
            WRITE => write(&plan, os, &around.story.kept),
            VERIFY => verify(self.remedy, &plan, os, around),
            _ => Err(Failed::no_such_step(step)),
        }
    }

    /// Where a general word would not help.
    fn told(&self, error: OsError) -> Failed {
        match (self.remedy, error.reason) {
            (Remedy::WindowsUpdateMode { .. }, Reason::Damaged) => Failed {
                code: words::POLICY_DAMAGED,
                detail: error.detail,
            },
            _ => error.into(),
        }
    }
}

impl<P: Fn(&dyn Os, &Around) -> Read<Plan>> Cure for Setting<P> {
    fn steps(&self) -> &'static [Step] {
        STEPS
    }

    fn act(&self, step: &str, os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
        self.carry_out(step, os, around).map(Acted::Done)
    }

    fn probe(&self, step: &str, os: &dyn Os, around: &Around) -> Probed {
        if step != WRITE {
            return no_trace(step);
        }
        match (self.plan)(os, around) {
            Ok(Plan::NotApplicable(why)) => Probed::Uncertain(why),
            Ok(plan) => match shown(&plan.apart(&around.story.kept).0) {
                None => Probed::Done("all values are as they should be".to_owned()),
                Some(differing) => Probed::NotDone(differing),
            },
            Err(error) => Probed::Uncertain(error.detail),
        }
    }

    fn preview(&self, os: &dyn Os, around: &Around) -> Read<Preview> {
        Ok(match (self.plan)(os, around)? {
            Plan::NotApplicable(why) => Preview::not_applicable(why),
            plan @ Plan::Want(_) => Preview::of(plan.differing().map(Want::change)),
        })
    }
}

/// Success is what is seen again, not that the write returned.
fn verify(remedy: Remedy, plan: &Plan, os: &dyn Os, around: &Around) -> Result<Done, Failed> {
    let (kept, since) = plan.apart(&around.story.kept);
    if let Some(differing) = shown(&kept) {
        return Err(Failed {
            code: words::JOB_NOT_VERIFIED,
            detail: format!("reads again as before: {differing}"),
        });
    }
    if let Some(since) = shown(&since) {
        return Err(Failed {
            code: words::JOB_CAME_SINCE,
            detail: format!("so only since the work began, and left: {since}"),
        });
    }
    let sections: Vec<String> = remedy.about().sections().map(str::to_owned).collect();
    let observed = proof::observe(&sections, remedy.about().facts, os, around)?;
    // What was not its to touch can keep the fault open.
    let mut lists = remedy.about().facts.iter().filter(|key| WRONG.contains(key));
    if let Some(wrong) = lists.find_map(|key| proof::still(&observed, key)) {
        return Err(Failed {
            code: words::JOB_STILL_WRONG,
            detail: format!("still {wrong}"),
        });
    }
    Ok(Done {
        evidence: "read again and found as written".to_owned(),
        observed,
        ..Done::default()
    })
}

fn and(one: String, other: String) -> String {
    one + ", " + &other
}

/// Only what will be written is kept for undoing: the rest was never ours.
fn read_before(plan: &Plan) -> Done {
    let shown = plan.differing().map(Want::shown).reduce(and);
    Done {
        evidence: shown.unwrap_or_else(|| "already as it should be".to_owned()),
        undo: plan.differing().map(Want::before).collect(),
        ..Done::default()
    }
}

fn write(plan: &Plan, os: &dyn Os, kept: &[Before]) -> Result<Done, Failed> {
    let (kept, _) = plan.apart(kept);
    for want in &kept {
        want.make(os)?;
    }
    let changes = kept.iter().map(|want| want.change().to_string()).reduce(and);
    Ok(Done {
        evidence: changes.unwrap_or_else(|| "nothing to write".to_owned()),
        ..Done::default()
    })
}

#[cfg(test)]
pub mod tests {
    //! What every remedy of this shape must hold to, whatever it sets.

    use super::*;
    use crate::facts::tests::about;
    use crate::os::sim::Sim;
    use crate::remedies::before::Stands;
    use crate::remedies::{self, Story, preview, probe};
    use kaishin_proto::preview::Verdict;
    use kaishin_proto::time::Time;

    pub fn around() -> Around {
        Around {
            about: about(),
            now: Time(5),
            story: Story::default(),
            told: crate::remedies::Told::default(),
        }
    }

    /// As in a job: what a step keeps is known to those after it.
    fn act(remedy: Remedy, step: &str, sim: &Sim, around: &mut Around) -> Result<Done, Failed> {
        match remedies::act(remedy, step, sim, around)? {
            Acted::Done(done) => {
                around.story.kept.extend(done.undo.iter().cloned());
                Ok(done)
            }
            Acted::Again { evidence, .. } => panic!("{remedy:?} {evidence}"),
        }
    }

    /// A whole job; how its last step ended.
    pub fn carry_out(remedy: Remedy, sim: &Sim) -> Done {
        let mut around = around();
        let done = [READ_BEFORE, WRITE, VERIFY].map(|step| act(remedy, step, sim, &mut around).unwrap());
        let [_, _, verified] = done;
        verified
    }

    /// From a machine that needs it to a machine that has it, with the way back known.
    pub fn puts_right(remedy: Remedy, sim: &Sim) {
        let mut around = around();
        let writes = sim.writes();
        let told = preview(remedy, sim, &around);
        assert_eq!(told.verdict, Verdict::WouldChange);
        assert_eq!(sim.writes(), writes, "who looks writes nothing");
        let looked = act(remedy, READ_BEFORE, sim, &mut around).unwrap();
        assert!(!looked.undo.is_empty(), "{looked:?}");
        assert!(matches!(probe(remedy, WRITE, sim, &around), Probed::NotDone(_)));
        let written = act(remedy, WRITE, sim, &mut around).unwrap();
        assert!(written.evidence.contains(" -> "), "{written:?}");
        assert!(matches!(probe(remedy, WRITE, sim, &around), Probed::Done(_)));
        let verified = act(remedy, VERIFY, sim, &mut around).unwrap();
        assert!(!verified.observed.is_empty());
        assert_eq!(told.changes.len(), looked.undo.len());
        for (told, before) in told.changes.iter().zip(&looked.undo) {
            assert_eq!(before.stands(sim).unwrap(), Stands::AsWritten);
            assert_eq!(*told, before.was.change_to(&before.written));
        }
        let told = preview(remedy, sim, &around);
        assert!(told.verdict == Verdict::AlreadyFine && told.changes.is_empty());
        let again = act(remedy, READ_BEFORE, sim, &mut around).unwrap();
        assert!(again.undo.is_empty(), "twice is once: {again:?}");
        // Somebody sets one of them back between the write and the proof.
        let first = &looked.undo[0];
        first.put_back(sim).unwrap();
        let failed = act(remedy, VERIFY, sim, &mut around).unwrap_err();
        assert_eq!(failed.code, words::JOB_NOT_VERIFIED);
        assert_eq!(first.stands(sim).unwrap(), Stands::AsBefore);
        let lock = || sim.fail_call(1, OsError::no_permission("a lock"));
        for step in [READ_BEFORE, WRITE, VERIFY] {
            lock();
            let failed = act(remedy, step, sim, &mut around).unwrap_err();
            assert_eq!(failed.code, words::JOB_NO_PERMISSION, "{step}");
        }
        lock();
        assert!(matches!(probe(remedy, WRITE, sim, &around), Probed::Uncertain(_)));
        lock();
        let told = preview(remedy, sim, &around);
        assert!(told.verdict == Verdict::Unknown && !told.reason.is_empty());
        // And all of it goes back to where it was.
        act(remedy, WRITE, sim, &mut around).unwrap();
        for before in &looked.undo {
            before.put_back(sim).unwrap();
        }
        for before in &looked.undo {
            assert_eq!(before.stands(sim).unwrap(), Stands::AsBefore);
        }
    }

    /// Every call of the machine fails once in turn: each is told, and the next try ends right.
    pub fn survives_a_sick_machine(remedy: Remedy, sick: impl Fn() -> Sim) {
        for call in 1.. {
            let sim = sick();
            sim.fail_call(call, OsError::failed("a sick disk"));
            let mut around = around();
            let first = [READ_BEFORE, WRITE, VERIFY].map(|step| act(remedy, step, &sim, &mut around));
            if first.iter().all(Result::is_ok) {
                assert!(call > 3, "only {call} calls");
                break;
            }
            carry_out(remedy, &sim);
        }
    }
}
