//! What the agent can put right: one file per remedy, each a list of steps that survive a crash between any two of them.
//! A remedy acts through the seam `Os` alone and takes no free parameter; whether and when it may act is not decided here.

mod active_hours;
mod arp_offload_off;
pub mod before;
mod collect_record;
mod connection_check;
mod daily_restart;
mod distribution_app_refresh;
pub mod edge_extension_swap;
mod fast_startup_off;
pub mod guided;
mod notify_staff;
mod power_settings;
mod proof;
mod proxy_repair;
mod refresh_facts;
mod restart;
mod restart_now;
pub mod setting;
pub mod state;
mod time_source;
mod undo;
mod windows_update_mode;
mod windows_update_run;

use kaishin_proto::preview::{Preview, Verdict};
use kaishin_proto::remedy::Remedy;
use kaishin_proto::v1;
use kaishin_proto::value::Reason;
use serde::{Deserialize, Serialize};

use crate::facts::About;
use crate::governor::Trust;
use crate::os::{Os, OsError, Read};
pub use before::Before;
use kaishin_proto::time::{Span, Time};
use setting::sets;
pub use state::State;

/// One step: the unit that is journalled, shown to people, and probed after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub name: &'static str,
    pub repeat: Repeat,
}

impl Step {
    /// Doing it again does no harm.
    pub const fn again(name: &'static str) -> Step {
        Step {
            name,
            repeat: Repeat::Idempotent,
        }
    }

    /// Looked for before it is done again.
    pub const fn looked_for(name: &'static str) -> Step {
        Step {
            name,
            repeat: Repeat::Probe,
        }
    }

    pub const fn once(name: &'static str) -> Step {
        Step {
            name,
            repeat: Repeat::Once,
        }
    }
}

/// What may be done about a step whose intent is journalled and whose end is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Doing it again does no harm.
    Idempotent,
    /// Looking tells whether it was done.
    Probe,
    /// Must not happen twice; where looking does not tell, the outcome is unknown and nobody tries again.
    Once,
}

/// What a step needs beside the machine.
#[derive(Clone, Debug)]
pub struct Around {
    pub about: About,
    pub now: Time,
    pub story: Story,
    pub told: Told,
}

/// What the person at the terminal has done on the guide's page since they said yes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Names of steps.
    pub ticked: Vec<String>,
    /// Why not now.
    pub later: Option<String>,
}

/// What the journal tells of the job so far, so that a step need not remember anything itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// When the step under way was first journalled as intended.
    pub since: Time,
    /// That step has been acted on before, and waits.
    pub waited: bool,
    /// When the person at the terminal said yes.
    pub consented: Option<Time>,
    /// Steps that are done, each with its evidence.
    pub done: Vec<(&'static str, String)>,
    /// For what takes back another job: what is kept of that one.
    pub record: Option<before::Record>,
    /// What these steps have kept of what was there before.
    pub kept: Vec<Before>,
    /// What the agent knows of the terminal's clock and of its own failures.
    pub trust: Trust,
}

impl Story {
    /// What a step that is done left as its evidence.
    pub fn of(&self, step: &str) -> Option<&str> {
        let done = self.done.iter().find(|(name, _)| *name == step);
        done.map(|(_, evidence)| evidence.as_str())
    }
}

/// How far a step has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Acted {
    Done(Done),
    /// Not done yet: it is acted on again after this while, and the machine does other things meanwhile. Only for steps that
    /// are idempotent: after a crash they simply begin again.
    Again {
        after: Span,
        evidence: String,
    },
}

impl From<Done> for Acted {
    fn from(done: Done) -> Acted {
        Acted::Done(done)
    }
}

/// What a finished step leaves behind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// For the record: "HiberbootEnabled 1 -> 0".
    pub evidence: String,
    /// What would take it back; kept from the step that looked to the step that wrote.
    pub undo: Vec<Before>,
    /// Sections observed on the way, reported before the job's result.
    pub observed: Vec<v1::Section>,
    /// What was to be fetched, if anything was.
    pub collected: Option<Collected>,
}

/// The end of a record, fit to leave the terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collected {
    pub text: String,
    /// There was more of it.
    pub cut: bool,
}

impl Done {
    fn told(evidence: impl Into<String>) -> Done {
        Done {
            evidence: evidence.into(),
            ..Done::default()
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub code: &'static str,
    pub detail: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probed {
    Done(String),
    NotDone(String),
    Uncertain(String),
}

/// What a step does to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// Nothing: it looks, tells, or waits.
    Looks,
    Writes,
    /// The step before it tells the people there.
    Restarts,
}

/// Steps that only look, of whatever remedy.
const LOOKS: &[&str] = &["preflight", "read-before", "install", "gone", "verify"];

/// What was found before anybody is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// That somebody has to be asked.
    ToAsk,
    NotForIt(Failed),
    /// All is as it should be; with the facts that prove it.
    AlreadyFine(Vec<v1::Section>),
}

/// One way of putting something right, with the parameters of one order.
trait Cure {
    fn steps(&self) -> &'static [Step];

    fn act(&self, step: &str, os: &dyn Os, around: &Around) -> Result<Acted, Failed>;

    /// Whether a step that was cut short was done.
    fn probe(&self, step: &str, _: &dyn Os, _: &Around) -> Probed {
        no_trace(step)
    }

    /// In this job, as far as it has come.
    fn touch(&self, step: &str, _: &Story) -> Touch {
        if LOOKS.contains(&step) {
            Touch::Looks
        } else {
            Touch::Writes
        }
    }

    /// The step that must still be done where the job is given up at this one: it puts back what was set for a while only.
    fn owes(&self, _: &str) -> Option<&'static str> {
        None
    }

    /// Looks and never writes.
    fn preview(&self, os: &dyn Os, around: &Around) -> Read<Preview>;

    /// Looks and never writes.
    fn refusal(&self, os: &dyn Os, around: &Around) -> Option<Failed> {
        let seen = self.preview(os, around).ok()?;
        (seen.verdict == Verdict::NotApplicable).then(|| Failed::not_applicable(seen.reason))
    }
}

fn cure(remedy: Remedy) -> Box<dyn Cure> {
    match remedy {
        Remedy::Undo { .. } => Box::new(undo::Undo),
        Remedy::RefreshFacts => Box::new(refresh_facts::RefreshFacts),
        Remedy::RestartNow => Box::new(restart_now::RestartNow),
        Remedy::DistributionAppRefresh => Box::new(distribution_app_refresh::DistributionAppRefresh),
        Remedy::WindowsUpdateRun => Box::new(windows_update_run::WindowsUpdateRun),
        Remedy::ConnectionCheck => Box::new(connection_check::ConnectionCheck),
        Remedy::CollectRecord { record } => Box::new(collect_record::CollectRecord(record)),
        Remedy::NotifyStaff { message } => Box::new(notify_staff::NotifyStaff(message)),
        Remedy::Guided(procedure) => Box::new(guided::Guided(procedure)),
        Remedy::EdgeExtensionSwap { strategy } => Box::new(edge_extension_swap::EdgeExtensionSwap(strategy)),
        Remedy::ProxyRepair => Box::new(proxy_repair::ProxyRepair),
        Remedy::FastStartupOff => sets(remedy, |os, _| fast_startup_off::plan(os)),
        Remedy::ArpOffloadOff => sets(remedy, arp_offload_off::plan),
        Remedy::ActiveHours { start, end } => sets(remedy, move |os, _| active_hours::plan(os, start, end)),
        Remedy::TimeSource => sets(remedy, time_source::plan),
        Remedy::WindowsUpdateMode { mode, hour } => sets(remedy, move |os, around| {
            windows_update_mode::plan(os, around, mode, hour)
        }),
        Remedy::PowerSettings => sets(remedy, |os, _| power_settings::plan(os)),
        Remedy::DailyRestart { hour } => sets(remedy, move |os, around| daily_restart::plan(os, around, hour)),
    }
}

pub fn steps(remedy: Remedy) -> &'static [Step] {
    cure(remedy).steps()
}

pub fn act(remedy: Remedy, step: &str, os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
    cure(remedy).act(step, os, around)
}

/// What this step does to the machine, in this job as far as it has come.
pub fn touch(remedy: Remedy, step: &str, story: &Story) -> Touch {
    cure(remedy).touch(step, story)
}

/// Whether a step that was cut short was done.
pub fn probe(remedy: Remedy, step: &str, os: &dyn Os, around: &Around) -> Probed {
    cure(remedy).probe(step, os, around)
}

/// The step, from 0, that a job still has to do when it is given up at this one.
pub fn owed(remedy: Remedy, at: usize) -> Option<usize> {
    let cure = cure(remedy);
    let owes = cure.owes(cure.steps().get(at)?.name)?;
    cure.steps().iter().position(|step| step.name == owes)
}

fn no_trace(step: &str) -> Probed {
    Probed::Uncertain(format!("{step} leaves no trace to look for"))
}

/// What it would do to this machine as it is now. Looks and never writes; what cannot be read makes it unknown, with the
/// reason. Asked at any moment, also while a job is under way.
pub fn preview(remedy: Remedy, os: &dyn Os, around: &Around) -> Preview {
    let seen = cure(remedy).preview(os, around);
    seen.unwrap_or_else(|error| Preview::unknown(error.detail))
}

/// Why it cannot be for this machine as it is now, where that is seen beforehand: then nobody is asked about it. Looks and never
/// writes.
pub fn not_for_it(remedy: Remedy, os: &dyn Os, around: &Around) -> Option<Failed> {
    cure(remedy).refusal(os, around)
}

/// Whether anybody need be asked about it. Looks and never writes.
pub fn before_asking(remedy: Remedy, os: &dyn Os, around: &Around) -> Found {
    if let Some(why) = not_for_it(remedy, os, around) {
        return Found::NotForIt(why);
    }
    let about = remedy.about();
    // A run or a restart is wanted for itself, and what only a person can judge is not fine by looking.
    if !about.undo {
        return Found::ToAsk;
    }
    let told = preview(remedy, os, around);
    if told.verdict != Verdict::AlreadyFine || !told.reason.is_empty() {
        return Found::ToAsk;
    }
    let sections: Vec<String> = about.sections().map(str::to_owned).collect();
    match proof::observe(&sections, about.facts, os, around) {
        Ok(observed) => Found::AlreadyFine(observed),
        Err(_) => Found::ToAsk,
    }
}

impl Failed {
    fn not_applicable(detail: String) -> Failed {
        Failed {
            code: crate::words::JOB_NOT_APPLICABLE,
            detail,
        }
    }

    /// Whether it is not for this machine, or somebody there did not want it, so that nothing was tried.
    pub fn is_refusal(&self) -> bool {
        use crate::words::{
            GUIDE_LATER, JOB_CHANGED_SINCE, JOB_DECLINED, JOB_NO_RECORD, JOB_NOT_APPLICABLE, JOB_RECORD_UNNAMED,
            JOB_TAKEN_BACK,
        };
        [
            GUIDE_LATER,
            JOB_NOT_APPLICABLE,
            JOB_DECLINED,
            JOB_NO_RECORD,
            JOB_RECORD_UNNAMED,
            JOB_CHANGED_SINCE,
            JOB_TAKEN_BACK,
        ]
        .contains(&self.code)
            || crate::words::EXTENSION_REFUSALS.contains(&self.code)
    }

    fn no_such_step(step: &str) -> Failed {
        Failed {
            code: crate::words::JOB_UNKNOWN,
            detail: format!("this build has no step {step}"),
        }
    }
}

/// A read or write that the machine did not allow, in the job's terms.
impl From<OsError> for Failed {
    fn from(error: OsError) -> Failed {
        let code = match error.reason {
            Reason::NotSupported => crate::words::JOB_NOT_SUPPORTED,
            Reason::NoPermission => crate::words::JOB_NO_PERMISSION,
            Reason::NotFound | Reason::Damaged | Reason::Failed => crate::words::JOB_MACHINE_FAILED,
        };
        Failed {
            code,
            detail: error.detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use kaishin_proto::preview::Verdict;

    use super::*;

    #[test]
    fn every_remedy_has_steps_with_their_own_names() {
        for remedy in Remedy::ALL {
            let names: std::collections::BTreeSet<_> = steps(remedy).iter().map(|step| step.name).collect();
            assert!(!names.is_empty() && names.len() == steps(remedy).len());
            let told: Vec<_> = remedy.about().steps.iter().map(|step| step.id).collect();
            let done: Vec<_> = steps(remedy).iter().map(|step| step.name).collect();
            assert_eq!(done, told, "{remedy:?}: people are told what is done");
        }
    }

    #[test]
    fn a_preview_of_any_remedy_writes_nothing_and_says_why_where_it_changes_nothing() {
        let sim = crate::facts::tests::sim();
        let around = setting::tests::around();
        for remedy in Remedy::ALL {
            let told = preview(remedy, &sim, &around);
            assert_eq!(sim.writes(), 0, "{remedy:?}");
            assert_eq!(
                told.verdict == Verdict::WouldChange,
                !told.changes.is_empty(),
                "{told:?}"
            );
            let silent = matches!(told.verdict, Verdict::NotApplicable | Verdict::Unknown) && told.reason.is_empty();
            assert!(!silent, "{remedy:?}: {told:?}");
        }
    }
}
