//! Has the distribution software look for updates and restarts the machine for it where it asks for that, until it says that
//! none is left. Three rounds are more than it ever took; each stage is a step, so that a restart is journalled as one.

use kaishin_proto::calendar::Day;
use kaishin_proto::preview::{Change, Preview};
use kaishin_proto::remedy::Remedy;
use kaishin_proto::time::{Span, Time};

use super::{Acted, Around, Cure, Done, Failed, Probed, Step, Story, Touch, no_trace, proof, restart};
use crate::facts::oqs;
use crate::os::{Os, Read};
use crate::words;

const STEPS: &[Step] = &[
    Step::again("start-1"),
    Step::again("settle-1"),
    Step::again("note-1"),
    Step::again("announce-1"),
    Step::once("restart-1"),
    Step::again("back-1"),
    Step::again("start-2"),
    Step::again("settle-2"),
    Step::again("note-2"),
    Step::again("announce-2"),
    Step::once("restart-2"),
    Step::again("back-2"),
    Step::again("start-3"),
    Step::again("settle-3"),
    Step::again("verify"),
];

const OFTEN: Span = Span::seconds(30);
/// Software that had nothing to do may write nothing new.
const SILENT: Span = Span::minutes(10);
/// On a release day a round takes long; after this somebody has to look.
const LONGEST: Span = Span::hours(3);
const UP_TO_DATE: &str = "up-to-date";
const WANTS_RESTART: &str = "restart-pending";
const NOT_NEEDED: &str = "not needed: no update is left";

pub struct DistributionAppRefresh;

impl Cure for DistributionAppRefresh {
    fn steps(&self) -> &'static [Step] {
        STEPS
    }

    fn act(&self, step: &str, os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
        if step == "verify" {
            return verify(os, around);
        }
        let (stage, round) = step.rsplit_once('-').ok_or_else(|| Failed::no_such_step(step))?;
        let told = |stage: &str| around.story.of(&format!("{stage}-{round}"));
        let goes_on = match (stage, round) {
            ("start", "1") | ("settle", _) => true,
            ("start", "2") => around.story.of("settle-1") == Some(WANTS_RESTART),
            ("start", _) => around.story.of("settle-2") == Some(WANTS_RESTART),
            _ => told("settle") == Some(WANTS_RESTART),
        };
        if !goes_on {
            return Ok(Done::told(NOT_NEEDED).into());
        }
        match stage {
            "start" => start(os, around),
            "settle" if told("start") == Some(NOT_NEEDED) => Ok(Done::told(NOT_NEEDED).into()),
            "settle" => settle(os, around),
            "note" => restart::note(os, around),
            "announce" => restart::announce(os, around, told("note")),
            "restart" => restart::go(os, told("note")),
            "back" => restart::back(os, around, told("note")),
            _ => Err(Failed::no_such_step(step)),
        }
    }

    fn touch(&self, step: &str, story: &Story) -> Touch {
        match step.rsplit_once('-') {
            Some(("start", _)) => Touch::Writes,
            Some(("restart", round)) if story.of(&format!("settle-{round}")) == Some(WANTS_RESTART) => Touch::Restarts,
            _ => Touch::Looks,
        }
    }

    fn probe(&self, step: &str, os: &dyn Os, around: &Around) -> Probed {
        match step.rsplit_once('-') {
            Some(("restart", round)) if around.story.of(&format!("settle-{round}")) == Some(WANTS_RESTART) => {
                restart::went(os, around.story.of(&format!("note-{round}")))
            }
            Some(("restart", _)) => Probed::Done(NOT_NEEDED.to_owned()),
            _ => no_trace(step),
        }
    }

    fn preview(&self, os: &dyn Os, around: &Around) -> Read<Preview> {
        if task(os, around)?.is_none() {
            return Ok(Preview::not_applicable(no_task(around)));
        }
        let word = oqs::status_word(os, &around.about.profile.distribution)?;
        let change = Change::new("oqs.status", word.clone(), UP_TO_DATE);
        let preview = Preview::of((word != UP_TO_DATE).then_some(change));
        Ok(match release_day(around) {
            Some(warning) => preview.because(warning),
            None => preview,
        })
    }
}

/// The path of the task that starts it.
fn task(os: &dyn Os, around: &Around) -> Read<Option<String>> {
    let name = &around.about.profile.distribution.start_task;
    let is_it = |path: &str| {
        path.rsplit('\\')
            .next()
            .is_some_and(|last| last.eq_ignore_ascii_case(name))
    };
    Ok(os.tasks()?.into_iter().map(|task| task.path).find(|path| is_it(path)))
}

fn no_task(around: &Around) -> String {
    format!("there is no task {} here", around.about.profile.distribution.start_task)
}

fn release_day(around: &Around) -> Option<&'static str> {
    let today = Day::of(around.now).date().to_string();
    let days = &around.about.profile.distribution.release_days;
    days.contains(&today)
        .then_some("today is a release day: the servers are busy, and it may take hours")
}

fn start(os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
    let Some(path) = task(os, around)? else {
        return Err(Failed::not_applicable(no_task(around)));
    };
    os.run_task(&path)?;
    let warning = release_day(around).map(|warning| format!("; {warning}"));
    Ok(Done::told(format!("started {path}{}", warning.unwrap_or_default())).into())
}

fn settle(os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
    let distribution = &around.about.profile.distribution;
    let word = oqs::status_word(os, distribution)?;
    let since = around.story.since;
    let waited = around.now.since(since);
    let fresh = oqs::status_at(os, distribution).is_ok_and(|at: Time| at >= since) || waited > SILENT;
    if fresh && [UP_TO_DATE, WANTS_RESTART].contains(&word.as_str()) {
        return Ok(Done::told(word).into());
    }
    if waited > LONGEST {
        return Err(Failed {
            code: words::JOB_NOT_UP_TO_DATE,
            detail: format!("after 3 hours it still says {word}"),
        });
    }
    Ok(Acted::Again {
        after: OFTEN,
        evidence: format!("waits: the distribution software says {word}"),
    })
}

fn verify(os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
    let word = oqs::status_word(os, &around.about.profile.distribution)?;
    let facts = Remedy::DistributionAppRefresh.about().facts;
    let observed = proof::observe(&["oqs".to_owned()], facts, os, around)?;
    if word != UP_TO_DATE {
        return Err(Failed {
            code: words::JOB_NOT_UP_TO_DATE,
            detail: format!("after three rounds it says {word}"),
        });
    }
    Ok(Done {
        evidence: "it says that no update is left".to_owned(),
        observed,
        ..Done::default()
    }
    .into())
}

#[cfg(test)]
mod tests;
