//! A restart that people know of before it comes: noted what runs, announced with time to refuse, done once, and looked at
//! afterwards. Shared by all work that has to restart the machine; each stage is a step of its own.

use kaishin_proto::time::Span;

use super::{Acted, Around, Done, Failed, Probed, proof};
use crate::governor::{self, Seen, Verdict};
use crate::os::{Heard, Notice, Os};
use crate::words;

/// Long enough to end a sentence, and to fetch somebody.
pub const NOTICE: Span = Span::minutes(3);
/// Windows waits for programs that have not saved; after this it will not restart by itself any more.
const GOES_DOWN: Span = Span::minutes(15);
/// A slow disk with updates to finish takes its time until all services run.
const COMES_BACK: Span = Span::minutes(10);
const OFTEN: Span = Span::seconds(5);
const SELDOM: Span = Span::minutes(10);

/// What has to be known afterwards. Kept as the evidence of the step that noted it.
struct Before {
    boot: String,
    services: Vec<String>,
}

impl Before {
    fn told(&self) -> String {
        let services = if self.services.is_empty() {
            "none".to_owned()
        } else {
            self.services.join(", ")
        };
        format!("boot {}; services that run: {services}", self.boot)
    }

    fn read(evidence: Option<&str>) -> Result<Before, Failed> {
        let parts = evidence.and_then(|text| text.strip_prefix("boot ")?.split_once("; services that run: "));
        let (boot, services) = parts.ok_or_else(|| Failed {
            code: words::JOB_UNCERTAIN,
            detail: "what was noted before the restart cannot be read".to_owned(),
        })?;
        let named = services.split(", ").filter(|name| *name != "none");
        Ok(Before {
            boot: boot.to_owned(),
            services: named.map(str::to_owned).collect(),
        })
    }
}

/// Changes nothing: which boot this is, and which services of the verification software run.
pub fn note(os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
    let boot = os.boot().id?;
    let services = os.running(&around.about.profile.services)?;
    Ok(Done::told(Before { boot, services }.told()).into())
}

/// Waits for a moment that suits, then tells everybody at the screen. Whoever refuses has the last word, and is heard whatever
/// the moment; who agrees makes it one that suits.
pub fn announce(os: &dyn Os, around: &Around, noted: Option<&str>) -> Result<Acted, Failed> {
    if let Probed::Done(evidence) = went(os, noted) {
        return Ok(Done::told(evidence).into());
    }
    let notice = notice();
    let standing = os.heard(&notice)?;
    if let Some(heard @ (Heard::Waiting | Heard::Refused)) = standing {
        return answered(heard);
    }
    let consented = match standing {
        Some(Heard::Agreed) => Some(around.now),
        Some(Heard::Nobody | Heard::Waiting | Heard::Refused | Heard::Unanswered) | None => around.story.consented,
    };
    let seen = Seen::of(os, &around.about, around.now, consented, around.story.trust);
    if let Verdict::Wait { until, why } = governor::may_disrupt(&seen) {
        return Ok(Acted::Again {
            after: Span(until.since(around.now).0.clamp(OFTEN.0, SELDOM.0)),
            evidence: why.to_string(),
        });
    }
    answered(match standing {
        Some(heard) => heard,
        None => os.notice(&notice)?,
    })
}

fn answered(heard: Heard) -> Result<Acted, Failed> {
    let evidence = match heard {
        Heard::Waiting => {
            return Ok(Acted::Again {
                after: OFTEN,
                evidence: "announced on the screen: restarts within 3 minutes unless somebody refuses".to_owned(),
            });
        }
        Heard::Refused => {
            return Err(Failed {
                code: words::JOB_DECLINED,
                detail: "refused on the screen; nothing was changed".to_owned(),
            });
        }
        Heard::Nobody => "nobody is signed in",
        Heard::Agreed => "agreed to on the screen",
        Heard::Unanswered => "announced for 3 minutes, and nobody refused",
    };
    Ok(Done::told(evidence).into())
}

fn notice() -> Notice {
    Notice {
        title: "再起動のお知らせ / Restart".to_owned(),
        text: "ヘルプデスクの作業のため、3分後にこの端末を再起動します。\n作業中のデータを保存してください。\n\n\
               OK: すぐに再起動してよい\nキャンセル: 今は再起動しない\n\n\
               This terminal restarts in 3 minutes for the help desk. Save your work.\n\
               OK: restart now.  Cancel: not now."
            .to_owned(),
        within: NOTICE,
        may_refuse: true,
    }
}

/// The machine, and this program with it, ends soon after. Where somebody has restarted it meanwhile, that was it.
pub fn go(os: &dyn Os, noted: Option<&str>) -> Result<Acted, Failed> {
    if let Probed::Done(evidence) = went(os, noted) {
        return Ok(Done::told(evidence).into());
    }
    os.restart()?;
    Ok(Done::told("Windows was told to restart").into())
}

/// Interrupted while saying so: another boot than the one noted is proof; the same boot has nothing to repeat twice.
pub fn went(os: &dyn Os, noted: Option<&str>) -> Probed {
    let before = match Before::read(noted) {
        Ok(before) => before,
        Err(failed) => return Probed::Uncertain(failed.detail),
    };
    match os.boot().id {
        Ok(boot) if boot != before.boot => Probed::Done(format!("restarted: boot {boot}")),
        Ok(boot) => Probed::NotDone(format!("still boot {boot}")),
        Err(error) => Probed::Uncertain(error.detail),
    }
}

/// Success is a new boot in which everything runs that ran before.
pub fn back(os: &dyn Os, around: &Around, noted: Option<&str>) -> Result<Acted, Failed> {
    let before = Before::read(noted)?;
    let boot = os.boot();
    let id = boot.id?;
    let waited = around.now.since(around.story.since);
    if id == before.boot {
        if waited > GOES_DOWN {
            return Err(Failed {
                code: words::JOB_NO_RESTART,
                detail: format!("still boot {id}"),
            });
        }
        return Ok(Acted::Again {
            after: OFTEN,
            evidence: "waits: for Windows to restart".to_owned(),
        });
    }
    let running = os.running(&before.services)?;
    let missing: Vec<&str> = before
        .services
        .iter()
        .filter(|name| !running.contains(name))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        if waited > COMES_BACK {
            return Err(Failed {
                code: words::JOB_NOT_BACK,
                detail: format!("does not run again: {missing}"),
            });
        }
        return Ok(Acted::Again {
            after: OFTEN,
            evidence: format!("waits: {missing} to run again"),
        });
    }
    let observed = proof::observe(&["boot".to_owned()], &["boot.id"], os, around)?;
    Ok(Done {
        evidence: format!("restarted: boot {id}; {} services run again", running.len()),
        observed,
        ..Done::default()
    }
    .into())
}
