//! Procedures that the person in front of the terminal carries out: each step waits until the fact that it is about has turned
//! right or, where no fact can tell, until the person has ticked it on the guide's page. Changes nothing itself.

use kaishin_proto::preview::{Change, Preview};
use kaishin_proto::remedy::{Procedure, Remedy};
use kaishin_proto::time::Span;
use kaishin_proto::value::Value;

use super::{Acted, Around, Cure, Done, Failed, Step, Story, Touch, proof};
use crate::facts;
use crate::facts::people::People;
use crate::os::{Os, Read};
use crate::words;

/// How soon a page that somebody looks at shows what they did.
const SOON: Span = Span::seconds(2);
/// How soon it is seen that somebody has come.
const NOBODY: Span = Span::seconds(30);
const VERIFY: &str = "verify";

fn steps(procedure: Procedure) -> &'static [Step] {
    match procedure {
        Procedure::DisplayScale => {
            const {
                &[
                    Step::again("open-display"),
                    Step::again("set-scale"),
                    Step::again("sign-in-again"),
                    Step::again(VERIFY),
                ]
            }
        }
        Procedure::CertificateBackup => {
            const {
                &[
                    Step::again("open-store"),
                    Step::again("choose-certificate"),
                    Step::again("export-key"),
                    Step::again("set-password"),
                    Step::again("put-away"),
                ]
            }
        }
        Procedure::TaskRepair => {
            const {
                &[
                    Step::again("open-scheduler"),
                    Step::again("import-missing"),
                    Step::again("enable-tasks"),
                    Step::again("set-task-account"),
                    Step::again("type-password"),
                    Step::again(VERIFY),
                ]
            }
        }
        Procedure::ShareRepair => {
            const {
                &[
                    Step::again("open-folder"),
                    Step::again("share-folders"),
                    Step::again(VERIFY),
                ]
            }
        }
        Procedure::AccountCheck => {
            const {
                &[
                    Step::again("open-accounts"),
                    Step::again("see-name"),
                    Step::again("make-admin"),
                    Step::again(VERIFY),
                ]
            }
        }
        Procedure::CardReaderPowerCycle => {
            const {
                &[
                    Step::again("nobody-at-reader"),
                    Step::again("switch-off"),
                    Step::again("switch-on"),
                    Step::again("see-ready"),
                ]
            }
        }
    }
}

/// The facts by which a step is seen to be done; none where only the person can tell.
fn seen_by(step: &str) -> &'static [&'static str] {
    match step {
        "sign-in-again" => &["display.scale"],
        "import-missing" => &["tasks.missing"],
        "enable-tasks" => &["tasks.disabled"],
        "set-task-account" => &["tasks.wrong_account"],
        "type-password" => &["tasks.bad_password"],
        "share-folders" => &["shares.missing"],
        "make-admin" => &["accounts.oqs_admin", "accounts.oqs_enabled"],
        _ => &[],
    }
}

/// Whether the person ticks this step: a tick where the agent can look would be worth less than the look.
pub fn is_ticked_by_hand(remedy: Remedy, step: &str) -> bool {
    matches!(remedy, Remedy::Guided(_)) && step != VERIFY && seen_by(step).is_empty()
}

pub struct Guided(pub Procedure);

impl Cure for Guided {
    fn steps(&self) -> &'static [Step] {
        steps(self.0)
    }

    fn touch(&self, _: &str, _: &Story) -> Touch {
        Touch::Looks
    }

    fn act(&self, step: &str, os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
        let Guided(procedure) = *self;
        if !self.steps().iter().any(|known| known.name == step) {
            return Err(Failed::no_such_step(step));
        }
        let keys = procedure.about().facts;
        if step == VERIFY {
            return verify(procedure, os, around).map(Acted::Done);
        }
        if !keys.is_empty() && not_right(keys, os, around).is_empty() {
            return Ok(done("already as it should be"));
        }
        let by_facts = seen_by(step);
        let waits_for = if by_facts.is_empty() {
            if around.told.ticked.iter().any(|ticked| ticked == step) {
                return Ok(done("ticked by the person at the terminal"));
            }
            "the person at the terminal".to_owned()
        } else {
            match not_right(by_facts, os, around)
                .into_iter()
                .map(Found::shown)
                .reduce(and)
            {
                None => return Ok(done("seen to be right")),
                Some(wrong) => wrong,
            }
        };
        if let Some(reason) = &around.told.later {
            return Err(Failed {
                code: words::GUIDE_LATER,
                detail: reason.clone(),
            });
        }
        let nobody = !People::look(os, &around.about)?.is_anybody_here();
        let (after, evidence) = if nobody {
            (NOBODY, "waits: nobody is signed in at the terminal".to_owned())
        } else {
            (SOON, format!("waits: {waits_for}"))
        };
        Ok(Acted::Again { after, evidence })
    }

    /// What is wrong, and what would be right.
    fn preview(&self, os: &dyn Os, around: &Around) -> Read<Preview> {
        let Guided(procedure) = *self;
        let keys = procedure.about().facts;
        if keys.is_empty() {
            return Ok(Preview::unknown("the person at the terminal does it; no fact tells it"));
        }
        let wrong = not_right(keys, os, around);
        let unknown = wrong.iter().find_map(|found| {
            if let Value::Unknown(unknown) = &found.value {
                Some(format!("{}: {}", found.key, unknown.detail))
            } else {
                None
            }
        });
        Ok(match unknown {
            Some(why) => Preview::unknown(why),
            None => Preview::of(wrong.into_iter().map(|found| {
                let right = right(found.key);
                Change::new(found.key, plain(&found.value), plain(&right))
            })),
        })
    }
}

/// The facts again, in full, and the procedure has succeeded if they are right.
fn verify(procedure: Procedure, os: &dyn Os, around: &Around) -> Result<Done, Failed> {
    let sections: Vec<String> = procedure.about().sections().map(str::to_owned).collect();
    let observed = proof::observe(&sections, procedure.about().facts, os, around)?;
    let wrong = not_right(procedure.about().facts, os, around);
    match wrong.into_iter().map(Found::shown).reduce(and) {
        None => Ok(Done {
            evidence: "read again and found right".to_owned(),
            observed,
            ..Done::default()
        }),
        Some(wrong) => Err(Failed {
            code: words::JOB_NOT_VERIFIED,
            detail: format!("still {wrong}"),
        }),
    }
}

struct Found {
    key: &'static str,
    value: Value,
}

impl Found {
    fn shown(self) -> String {
        format!("{} {}", self.key, plain(&self.value))
    }
}

/// What cannot be read is not right either.
fn not_right(keys: &[&'static str], os: &dyn Os, around: &Around) -> Vec<Found> {
    let mut sections: Vec<&str> = keys.iter().filter_map(|key| Some(key.split_once('.')?.0)).collect();
    sections.dedup();
    let seen: Vec<(String, Value)> = sections
        .into_iter()
        .filter_map(|name| facts::section(name, os, &around.about))
        .flatten()
        .collect();
    let value_of = |key: &str| {
        seen.iter()
            .find(|(known, _)| known == key)
            .map(|(_, value)| value.clone())
    };
    let found = |key: &&'static str| {
        let missing = || Value::unknown(kaishin_proto::value::Reason::NotSupported, "not observed");
        let value = value_of(key).unwrap_or_else(missing);
        (value != right(key)).then_some(Found { key, value })
    };
    keys.iter().filter_map(found).collect()
}

/// As the manuals want it.
fn right(key: &str) -> Value {
    match key {
        "display.scale" => Value::Number(100),
        "tasks.missing" | "tasks.disabled" | "tasks.wrong_account" | "tasks.bad_password" | "shares.missing" => {
            Value::List(Vec::new())
        }
        _ => Value::Truth(true),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Truth(truth) => if *truth { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::List(items) if items.is_empty() => "none".to_owned(),
        Value::List(items) => items.join(", "),
        Value::Unknown(unknown) => format!("unknown ({})", unknown.detail),
        Value::Text(_) | Value::Version(_) | Value::Time(_) | Value::Duration(_) | Value::Size(_) | Value::Table(_) => {
            format!("{value:?}")
        }
    }
}

fn and(one: String, other: String) -> String {
    one + "; " + &other
}

fn done(evidence: &str) -> Acted {
    Acted::Done(Done {
        evidence: evidence.to_owned(),
        ..Done::default()
    })
}

#[cfg(test)]
mod tests {
    use kaishin_proto::preview::Verdict;

    use super::*;
    use crate::os::Share;
    use crate::os::sim::Sim;
    use crate::remedies::setting::tests::around;

    fn waits(acted: Result<Acted, Failed>) -> String {
        match acted.unwrap() {
            Acted::Again { evidence, .. } => evidence,
            Acted::Done(done) => panic!("done: {done:?}"),
        }
    }

    fn evidence(acted: Result<Acted, Failed>) -> String {
        match acted.unwrap() {
            Acted::Done(done) => done.evidence,
            Acted::Again { evidence, .. } => panic!("{evidence}"),
        }
    }

    fn shared(sim: &Sim, around: &Around) {
        let folders = around.about.profile.shares.iter();
        sim.set_shares(
            folders
                .map(|path| Share {
                    name: "x".into(),
                    path: path.clone(),
                })
                .collect(),
        );
    }

    #[test]
    fn a_step_waits_for_its_fact_or_its_tick_and_never_takes_one_for_the_other() {
        let sim = crate::facts::tests::sim();
        sim.set_shares(Vec::new());
        let mut around = around();
        let share = |step, around: &Around| Guided(Procedure::ShareRepair).act(step, &sim, around);
        assert_eq!(
            waits(share("open-folder", &around)),
            "waits: the person at the terminal"
        );
        around.told.ticked = vec!["open-folder".into(), "share-folders".into()];
        assert_eq!(
            evidence(share("open-folder", &around)),
            "ticked by the person at the terminal"
        );
        assert!(waits(share("share-folders", &around)).contains("shares.missing C:"));
        assert_eq!(share(VERIFY, &around).unwrap_err().code, words::JOB_NOT_VERIFIED);
        let told = Guided(Procedure::ShareRepair).preview(&sim, &around).unwrap();
        assert_eq!((told.verdict, told.changes.len()), (Verdict::WouldChange, 1));
        shared(&sim, &around);
        assert!(evidence(share("share-folders", &around)).contains("as it should be"));
        assert!(matches!(share(VERIFY, &around).unwrap(), Acted::Done(done) if done.observed.len() == 1));
        assert_eq!(
            Guided(Procedure::ShareRepair).preview(&sim, &around).unwrap().verdict,
            Verdict::AlreadyFine
        );
        assert!(share("tidy-up", &around).is_err());
    }

    #[test]
    fn who_says_later_ends_it_and_who_is_away_is_waited_for() {
        let sim = crate::facts::tests::sim();
        let mut around = around();
        let step = |around: &Around| Guided(Procedure::CardReaderPowerCycle).act("switch-off", &sim, around);
        for user in sim.users().unwrap() {
            sim.sign_out(&user.sid);
        }
        assert!(waits(step(&around)).contains("nobody is signed in"));
        around.told.later = Some("患者さんの対応中 / serving a patient".into());
        let failed = step(&around).unwrap_err();
        assert_eq!(failed.code, words::GUIDE_LATER);
        assert!(failed.is_refusal() && failed.detail.contains("serving a patient"));
    }

    #[test]
    fn what_cannot_be_read_is_waited_for_and_never_passes() {
        let sim = crate::facts::tests::sim();
        let around = around();
        shared(&sim, &around);
        sim.fail_call(1, crate::os::OsError::failed("a sick machine"));
        sim.fail_call(2, crate::os::OsError::failed("a sick machine"));
        let acted = Guided(Procedure::ShareRepair).act("share-folders", &sim, &around);
        assert!(waits(acted).contains("unknown (a sick machine)"));
        sim.fail_call(1, crate::os::OsError::failed("a sick machine"));
        assert_eq!(
            Guided(Procedure::ShareRepair).preview(&sim, &around).unwrap().verdict,
            Verdict::Unknown
        );
    }

    #[test]
    fn every_fact_of_a_procedure_is_looked_at_in_one_of_its_steps() {
        for procedure in Procedure::ALL {
            let looked: Vec<&str> = steps(procedure)
                .iter()
                .flat_map(|step| seen_by(step.name))
                .copied()
                .collect();
            for key in procedure.about().facts {
                assert!(kaishin_proto::fact::find(key).is_some_and(|fact| fact.kind.holds(&right(key))));
                assert!(looked.contains(key) || *key == "accounts.oqs_exact", "{key}");
            }
        }
    }
}
