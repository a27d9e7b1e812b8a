//! Replaces the browser's three old extensions by the new ones that lie on the terminal, for everybody who works here, in each of their profiles. The
//! order is the safety: the new ones are let in first, and nothing old is removed before all new ones are seen to be there and
//! on for everybody. Where old and new have the same id, the browser puts one in the other's place and nothing is removed at
//! all. Which files, ids and versions these are is the terminal profile's to say.

pub mod files;
pub mod rule;
mod seen;

use kaishin_proto::preview::{Change, Preview};
use kaishin_proto::profile::Extension;
use kaishin_proto::remedy::Strategy;
use kaishin_proto::time::Span;
use kaishin_proto::value::Reason;

use super::proof;
use super::setting::Want;
use super::{Acted, Around, Before, Cure, Done, Failed, Probed, State, Step, no_trace};
use crate::os::{Os, OsError, Read};
use crate::words;
use files::New;
use rule::{About, Rule, YES};
use seen::{Lack, Seen};

const STEPS: &[Step] = &[
    Step::again("preflight"),
    Step::looked_for("allow"),
    Step::again("install"),
    Step::looked_for("remove-old"),
    Step::again("gone"),
    Step::looked_for("clear"),
    Step::again("verify"),
];

/// A person drags files meanwhile, and looks for the tick.
const SOON: Span = Span::seconds(10);
/// Whoever has not done so by then does it another time of the day.
const AT_ONCE: Span = Span::minutes(30);
const SELDOM: Span = Span::minutes(5);
/// The browser carries out policies at its leisure.
const OFTEN: Span = Span::seconds(30);
/// A working day for people; for policy until whoever is away has signed in again.
const PATIENCE: Span = Span::hours(9);
const PATIENCE_OF_POLICY: Span = Span::days(3);

const REMOVED: &str = "removed";

/// What is wanted of this terminal as it is now.
struct Plan {
    all: Vec<New>,
    lacks: Vec<Lack>,
    /// Ids of what is to go.
    old: Vec<String>,
    seen: Seen,
    /// What lets the new ones in.
    allow: Want,
    /// What makes the browser take a later version of what it has, for as long as that takes.
    renew: Vec<Want>,
    /// What takes the old ones out: that nothing installs them any more, and that the browser removes them.
    unforce: Want,
    remove: Vec<Want>,
}

pub struct EdgeExtensionSwap(pub Strategy);

impl Cure for EdgeExtensionSwap {
    fn steps(&self) -> &'static [Step] {
        STEPS
    }

    fn act(&self, step: &str, os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
        let EdgeExtensionSwap(strategy) = *self;
        match step {
            "preflight" => preflight(strategy, os, around).map(Acted::Done),
            "allow" => allow(strategy, os, around).map(Acted::Done),
            "install" => install(strategy, os, around).map_err(|failed| given_up(failed, os, around)),
            "remove-old" => {
                let removed = remove_old(strategy, os, around).map(Acted::Done);
                removed.map_err(|failed| given_up(failed, os, around))
            }
            "gone" => gone(os, around).map_err(|failed| given_up(failed, os, around)),
            "clear" => clear(os, around).map(Acted::Done),
            "verify" => verify(os, around).map(Acted::Done),
            _ => Err(Failed::no_such_step(step)),
        }
    }

    fn probe(&self, step: &str, os: &dyn Os, around: &Around) -> Probed {
        let EdgeExtensionSwap(strategy) = *self;
        let found = match step {
            "allow" => plan(strategy, os, around).and_then(|plan| {
                let manifest = strategy == Strategy::Assisted || plan.is_done() || is_published(os, &plan.all)?;
                Ok(manifest && plan.letting_in().next().is_none())
            }),
            "remove-old" => plan(strategy, os, around).map(|plan| plan.removing().next().is_none()),
            "clear" => removing(os, around).map(|left| left.is_empty()).map_err(Failed::from),
            _ => return no_trace(step),
        };
        match found {
            Ok(true) => Probed::Done("all values are as they should be".to_owned()),
            Ok(false) => Probed::NotDone("not yet, or not whole".to_owned()),
            // Doing it once more does no harm, and tells what is wrong.
            Err(failed) => Probed::NotDone(failed.detail),
        }
    }

    fn preview(&self, os: &dyn Os, around: &Around) -> Read<Preview> {
        Ok(match plan(self.0, os, around) {
            Ok(plan) => Preview::of(plan.changes()),
            Err(failed) if failed.is_refusal() => {
                Preview::not_applicable(format!("{} ({})", words::say(failed.code), failed.detail))
            }
            Err(failed) => Preview::unknown(failed.detail),
        })
    }

    /// What it has set for a while only.
    fn owes(&self, step: &str) -> Option<&'static str> {
        ["install", "remove-old", "gone", "clear"]
            .contains(&step)
            .then_some("clear")
    }

    /// With its own code.
    fn refusal(&self, os: &dyn Os, around: &Around) -> Option<Failed> {
        plan(self.0, os, around).err().filter(Failed::is_refusal)
    }
}

/// Work that ends before its time leaves nothing behind that was meant for a while only. And what is no refusal any more, since
/// something was written, is told as what it has become: the old ones were left, or they were not.
fn given_up(failed: Failed, os: &dyn Os, around: &Around) -> Failed {
    let passing = removing(os, around);
    let is_removal =
        |before: &&Before| matches!(&before.was, State::Extensions { rule } if matches!(rule.about, About::Mode(_)));
    let begun = passing.as_ref().is_ok_and(|passing| passing.iter().any(is_removal));
    let put_back = passing.and_then(|passing| passing.iter().try_for_each(|before| before.put_back(os)));
    let code = if failed.is_refusal() || failed.code == words::EXTENSION_KEPT_OLD {
        match (begun, failed.is_refusal()) {
            (true, _) => words::EXTENSION_UNSEEN,
            (false, true) => words::EXTENSION_NOT_IN,
            (false, false) => failed.code,
        }
    } else {
        failed.code
    };
    let detail = match put_back {
        Ok(()) => failed.detail,
        Err(error) => format!("{}; its policies are still there: {}", failed.detail, error.detail),
    };
    Failed { code, detail }
}

/// The ids of those that are to go, as the profile says and, where it names no new id, as this job has written: the files may
/// be others by now.
fn old_ids(around: &Around) -> Vec<String> {
    let written =
        |id: &String| {
            around.story.kept.iter().any(
                |before| matches!(&before.was, State::Extensions { rule } if rule.about == About::Mode(id.clone())),
            )
        };
    let of = |extension: &Extension| {
        let old = extension.old_ids.iter();
        let goes = |old: &&String| extension.id.as_ref().map_or_else(|| written(old), |new| new != *old);
        old.filter(goes).cloned().collect::<Vec<_>>()
    };
    let all = around.about.profile.edge.extensions();
    all.into_iter().flat_map(|(_, extension)| of(extension)).collect()
}

fn plan(strategy: Strategy, os: &dyn Os, around: &Around) -> Result<Plan, Failed> {
    let told = |error: OsError| Failed {
        code: if error.reason == Reason::Damaged {
            words::EXTENSION_POLICY
        } else {
            Failed::from(error.clone()).code
        },
        detail: error.detail,
    };
    let all = files::all(os, &around.about.profile)?;
    let seen = Seen::look(os, &around.about)?;
    let ids = || all.iter().map(|new| new.id.clone()).collect::<Vec<_>>();
    let old: Vec<String> = all.iter().flat_map(|new| new.old_ids.iter().cloned()).collect();
    permitted(strategy, os, &all).map_err(|refused| match refused {
        Refused::Os(error) => told(error),
        Refused::Said(failed) => failed,
    })?;
    let rule = |about| Rule::read(os, about).map_err(told);
    let allow = match strategy {
        Strategy::Assisted => {
            let rule = rule(About::Allowed(ids()))?;
            want(rule.clone(), rule.saying(ids()))
        }
        Strategy::Managed => {
            let rule = rule(About::Forced(ids()))?;
            let url = os.url_of(&files::manifest_path(os)?);
            want(rule.clone(), rule.saying(ids().iter().map(|id| format!("{id};{url}"))))
        }
    };
    let renew = |new: &New| {
        let rule = rule(About::Address(new.id.clone()))?;
        Ok(want(rule.clone(), rule.saying([YES.to_owned()])))
    };
    let older = all
        .iter()
        .filter(|new| strategy == Strategy::Managed && seen.has_older(new));
    let renew = older.map(renew).collect::<Result<_, Failed>>()?;
    let forced = rule(About::Forced(old.clone()))?;
    let remove = |id: String| {
        let rule = rule(About::Mode(id))?;
        Ok(want(rule.clone(), rule.saying([REMOVED.to_owned()])))
    };
    Ok(Plan {
        lacks: seen.lacks(&all),
        unforce: want(forced.clone(), forced.saying([])),
        remove: old.iter().cloned().map(remove).collect::<Result<_, Failed>>()?,
        allow,
        renew,
        old,
        seen,
        all,
    })
}

fn want(now: Rule, to: Rule) -> Want {
    Want::between(State::Extensions { rule: now }, State::Extensions { rule: to })
}

enum Refused {
    Os(OsError),
    Said(Failed),
}

impl From<OsError> for Refused {
    fn from(error: OsError) -> Refused {
        Refused::Os(error)
    }
}

/// Whether the browser here will take them at all.
fn permitted(strategy: Strategy, os: &dyn Os, all: &[New]) -> Result<(), Refused> {
    let refused = |code, detail: String| Err(Refused::Said(Failed { code, detail }));
    if strategy == Strategy::Managed && !os.forces_extensions()? {
        return refused(
            words::EXTENSION_NOT_FORCED,
            "this terminal belongs to no domain".to_owned(),
        );
    }
    for new in all {
        let says = Rule::read(os, About::Mode(new.id.clone()))?.says;
        if let Some(mode) = says.iter().find(|mode| [REMOVED, "blocked"].contains(&mode.as_str())) {
            return refused(words::EXTENSION_POLICY, format!("{} is {mode} by policy", new.name));
        }
    }
    Ok(())
}

impl Plan {
    /// Everybody has the new ones, and nobody an old one.
    fn is_done(&self) -> bool {
        self.lacks.is_empty() && self.seen.old(&self.old).is_empty() && !self.unforce.differs()
    }

    fn letting_in(&self) -> impl Iterator<Item = &Want> {
        let wants = std::iter::once(&self.allow).chain(&self.renew);
        wants.filter(|want| !self.is_done() && want.differs())
    }

    fn removing(&self) -> impl Iterator<Item = &Want> {
        let wants = std::iter::once(&self.unforce).chain(&self.remove);
        wants.filter(|want| !self.is_done() && want.differs())
    }

    fn changes(&self) -> Vec<Change> {
        let lasting = [&self.allow, &self.unforce].into_iter();
        let policies = lasting
            .filter(|want| !self.is_done() && want.differs())
            .map(Want::change);
        let version = |new: &New| {
            let lacks = self.lacks.iter().any(|lack| lack.name == Some(new.name));
            if lacks && self.seen.is_off(new) {
                return Some(Change::new(format!("edge.{}.enabled", new.name), "off", "on"));
            }
            let old = self.seen.oldest(new);
            let old = old.map_or_else(|| "missing".to_owned(), |version| version.to_string());
            lacks.then(|| Change::new(format!("edge.{}.version", new.name), old, new.version.to_string()))
        };
        policies.chain(self.all.iter().filter_map(version)).collect()
    }

    /// What may be taken back later. Never so that anybody would be left without: a policy that lets the new ones in goes only
    /// where others bring the old ones back.
    fn kept(&self, strategy: Strategy) -> Vec<Before> {
        if self.is_done() {
            return Vec::new();
        }
        let mut kept = Vec::new();
        if strategy == Strategy::Managed && self.comes_back() {
            kept.extend(Some(&self.allow).filter(|want| want.differs()).map(Want::before));
        }
        let passing = self.renew.iter().filter(|want| want.differs());
        kept.extend(passing.chain(self.removing()).map(Want::before));
        kept
    }

    /// Whether policy installed every one of the old ones.
    fn comes_back(&self) -> bool {
        let said = [&self.allow, &self.unforce]
            .map(Want::now)
            .into_iter()
            .flat_map(|state| match state {
                State::Extensions { rule } => rule.says.as_slice(),
                State::Registry { .. }
                | State::Policy { .. }
                | State::Sleep { .. }
                | State::DailyRestart { .. }
                | State::Task { .. } => &[],
            });
        let said: Vec<&str> = said.filter_map(|entry| entry.split(';').next()).collect();
        self.all.iter().all(|new| said.iter().any(|id| new.is(id)))
    }
}

fn preflight(strategy: Strategy, os: &dyn Os, around: &Around) -> Result<Done, Failed> {
    let plan = plan(strategy, os, around)?;
    let changes = plan.changes().iter().map(Change::to_string).collect::<Vec<_>>();
    Ok(Done {
        evidence: if changes.is_empty() {
            "already as it should be".to_owned()
        } else {
            changes.join(", ")
        },
        undo: plan.kept(strategy),
        ..Done::default()
    })
}

fn allow(strategy: Strategy, os: &dyn Os, around: &Around) -> Result<Done, Failed> {
    let plan = plan(strategy, os, around)?;
    if plan.is_done() {
        return Ok(Done::told("nothing to write"));
    }
    // The manifest first: the browser may follow the policy at once.
    if strategy == Strategy::Managed && !is_published(os, &plan.all)? {
        os.replace_file(&files::manifest_path(os)?, files::manifest(os, &plan.all).as_bytes())?;
    }
    // How it is renewed before what renews it, for the same reason.
    let mut changes = Vec::new();
    for want in plan.letting_in().collect::<Vec<_>>().into_iter().rev() {
        want.make(os)?;
        changes.push(want.change().to_string());
    }
    Ok(Done::told(changes.join(", ")))
}

fn is_published(os: &dyn Os, all: &[New]) -> Result<bool, Failed> {
    match os.read_file(&files::manifest_path(os)?) {
        Ok(bytes) => Ok(bytes == files::manifest(os, all).as_bytes()),
        Err(error) if error.reason == Reason::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The new ones, everywhere and on. What cannot be read now, because the browser is writing it, can be read later.
fn install(strategy: Strategy, os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
    let (told, tidies) = match to_come(strategy, os, around) {
        Ok(lacks) if lacks.is_empty() => {
            return Ok(Done::told("all three are there and on for everybody").into());
        }
        Ok(lacks) => (shown(&lacks), lacks.iter().all(|lack| lack.name.is_none())),
        // Another look may help.
        Err(failed) if failed.code == words::JOB_MACHINE_FAILED => (failed.detail, false),
        Err(failed) => return Err(failed),
    };
    let waited = around.now.since(around.story.since);
    let (patience, after) = match strategy {
        Strategy::Assisted if waited > AT_ONCE => (PATIENCE, SELDOM),
        Strategy::Assisted => (PATIENCE, SOON),
        Strategy::Managed if waited > AT_ONCE => (PATIENCE_OF_POLICY, SELDOM),
        Strategy::Managed => (PATIENCE_OF_POLICY, OFTEN),
    };
    if waited > patience {
        return Err(Failed {
            code: words::EXTENSION_NOT_IN,
            detail: told,
        });
    }
    let evidence = match strategy {
        Strategy::Assisted if tidies => format!("waits: developer mode is to be switched off in Edge: {told}"),
        Strategy::Assisted => asks(around, &told),
        Strategy::Managed => format!("waits: the browser follows policy in its own time: {told}"),
    };
    Ok(Acted::Again { after, evidence })
}

/// What is still missing, or still to be tidied up.
fn to_come(strategy: Strategy, os: &dyn Os, around: &Around) -> Result<Vec<Lack>, Failed> {
    let all = files::all(os, &around.about.profile)?;
    let seen = Seen::look(os, &around.about)?;
    let lacks = seen.lacks(&all);
    // What a person switched on to put the files in; nothing of it is needed by policy.
    Ok(if strategy == Strategy::Assisted && lacks.is_empty() {
        seen.developer_mode()
    } else {
        lacks
    })
}

fn shown(lacks: &[Lack]) -> String {
    let told: Vec<&str> = lacks.iter().map(|lack| lack.told.as_str()).collect();
    told.join("; ")
}

/// For the person at the terminal, who reads it on the guide, and for the record.
fn asks(around: &Around, told: &str) -> String {
    let edge = &around.about.profile.edge;
    let files = edge
        .extensions()
        .map(|(_, extension)| extension.file.as_str())
        .join(", ");
    let folder = &edge.folder;
    format!("waits: {files} are to be dragged from {folder} into Edge: {told}")
}

/// Looks once more, so that nothing old goes while anybody lacks the new.
fn remove_old(strategy: Strategy, os: &dyn Os, around: &Around) -> Result<Done, Failed> {
    let plan = plan(strategy, os, around)?;
    if !plan.lacks.is_empty() {
        return Err(Failed {
            code: words::EXTENSION_KEPT_OLD,
            detail: shown(&plan.lacks),
        });
    }
    let mut changes = Vec::new();
    for want in plan.removing() {
        want.make(os)?;
        changes.push(want.change().to_string());
    }
    Ok(Done::told(if changes.is_empty() {
        "nothing to remove: the new ones stand in the place of the old".to_owned()
    } else {
        changes.join(", ")
    }))
}

fn gone(os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
    let told = match Seen::look(os, &around.about).map(|seen| seen.old(&old_ids(around))) {
        Ok(old) if old.is_empty() => return Ok(Done::told("no profile has an old one").into()),
        Ok(old) => old.join("; "),
        Err(error) if seen::may_pass(&error) => error.detail,
        Err(error) => return Err(error.into()),
    };
    if around.now.since(around.story.since) > PATIENCE_OF_POLICY {
        return Err(Failed {
            code: words::EXTENSION_NOT_OUT,
            detail: told,
        });
    }
    Ok(Acted::Again {
        after: OFTEN,
        evidence: format!("waits: the browser follows policy in its own time: {told}"),
    })
}

/// Of what this job itself has set for a while only, what still stands so.
fn removing<'a>(os: &dyn Os, around: &'a Around) -> Read<Vec<&'a Before>> {
    let mut left = Vec::new();
    for before in &around.story.kept {
        let State::Extensions { rule } = &before.was else {
            continue;
        };
        let passes = matches!(rule.about, About::Mode(_) | About::Address(_));
        if passes && before.stands(os)? == super::before::Stands::AsWritten {
            left.push(before);
        }
    }
    Ok(left)
}

fn clear(os: &dyn Os, around: &Around) -> Result<Done, Failed> {
    let left = removing(os, around)?;
    for before in &left {
        before.put_back(os)?;
    }
    let changes: Vec<String> = left.iter().map(|before| before.change().to_string()).collect();
    Ok(Done::told(if changes.is_empty() {
        "nothing to take back".to_owned()
    } else {
        changes.join(", ")
    }))
}

fn verify(os: &dyn Os, around: &Around) -> Result<Done, Failed> {
    let seen = Seen::look(os, &around.about)?;
    let observed = proof::observe(&["edge".to_owned()], &["edge.missing", "edge.disabled"], os, around)?;
    let all = files::all(os, &around.about.profile).map_err(|failed| Failed {
        code: if failed.is_refusal() {
            words::EXTENSION_UNSEEN
        } else {
            failed.code
        },
        ..failed
    })?;
    let lacks = seen.lacks(&all);
    if !lacks.is_empty() {
        return Err(Failed {
            code: words::EXTENSION_UNSEEN,
            detail: shown(&lacks),
        });
    }
    let old = seen.old(&old_ids(around));
    if !old.is_empty() {
        return Err(Failed {
            code: words::EXTENSION_NOT_OUT,
            detail: old.join("; "),
        });
    }
    Ok(Done {
        evidence: all
            .iter()
            .map(|new| format!("edge.{}.version {}", new.name, new.version))
            .collect::<Vec<_>>()
            .join(", "),
        observed,
        ..Done::default()
    })
}

#[cfg(test)]
pub mod tests;
