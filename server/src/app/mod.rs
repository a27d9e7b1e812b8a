//! The use cases, one file per noun. Each authorises, loads, asks the domain, stores and audits, in that order; pages,
//! API, command line and the agents' edge all come through here. No SQL, no HTTP and no wire types may enter.

pub mod arrivals;
pub mod audit;
mod authority;
mod bus;
pub mod ca;
pub mod calls;
pub mod checklist;
pub mod dry_run;
pub mod enrolment;
mod error;
pub mod facilities;
pub mod facts;
mod faults;
mod gather;
pub mod history;
pub mod jobs;
pub mod ledger;
pub mod listing;
pub mod operators;
pub mod overview;
pub mod profile;
pub mod rules;
pub mod search;
mod secret;
pub mod selection;
pub mod spreadsheet;
pub mod terminals;
pub mod verdicts;
pub mod versions;
pub mod views;
mod workbook;

use std::sync::Arc;

use kaishin_domain::access::{Actor, Permission, Scope};
use kaishin_domain::time::{Span, Time};
use kaishin_proto::clock::Clock;

pub use bus::{Bus, Change, Changes, Wake};
pub use error::{AppError, Kind};
pub use rules::Rules;
pub use secret::Entropy;

use crate::index::Index;
use crate::pki::{Admission, Ca};
use crate::store::Store;

/// Everything a use case may reach. One per process.
pub struct App {
    pub store: Store,
    pub index: Index,
    pub ledger: ledger::Ledger,
    pub imports: facilities::imports::Imports,
    pub ca: Arc<Ca>,
    /// Which terminal may connect with which key; the handshake asks it.
    pub admission: Arc<Admission>,
    pub bus: Bus,
    pub clock: Clock,
    pub entropy: Entropy,
    pub rules: Rules,
    /// Something other than time makes verdicts old: they are looked at now, not at the next turn.
    pub judge_soon: tokio::sync::Notify,
    /// How far such a look has come.
    pub judging: verdicts::Judging,
    pub settings: Settings,
    /// What terminals show so that somebody on the phone can say which one they sit at.
    pub codes: calls::LiveCodes,
    pub(crate) arrivals: arrivals::Arrivals,
    pub(crate) intake: jobs::Intake,
    pub(crate) reports: facts::Reports,
    pub(crate) throttle: operators::Throttle,
    pub(crate) overview: overview::Remembered,
    pub(crate) questions: dry_run::Questions,
}

/// What use cases must know of the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    pub heartbeat: Span,
    /// How soon a terminal that waits for approval asks again.
    pub ask_again: Span,
    /// `host:port` that terminals dial, as installers are told.
    pub agents_address: String,
    /// Requests to enrol from one address: so many at once, so many a second after that.
    pub enrolments: Rate,
    /// How long it is kept what facts were before.
    pub history: Span,
}

/// So much at once, so much over time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub burst: f64,
    pub per_second: f64,
}

impl Rate {
    /// A whole hospital may stand behind one address.
    pub const ENROLMENTS: Rate = Rate {
        burst: 2_000.0,
        per_second: 100.0,
    };
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            heartbeat: Span::minutes(1),
            ask_again: Span::seconds(30),
            enrolments: Rate::ENROLMENTS,
            history: history::KEPT,
            agents_address: String::new(),
        }
    }
}

/// One use of the application: what there is, and who asks.
#[derive(Clone)]
pub struct Cx {
    pub app: Arc<App>,
    pub actor: Actor,
}

impl App {
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    pub fn on_behalf_of(self: &Arc<Self>, actor: Actor) -> Cx {
        Cx {
            app: self.clone(),
            actor,
        }
    }

    /// What happens, for pages that are looked at.
    pub fn changes(&self) -> Changes {
        self.bus.changes()
    }
}

impl Cx {
    pub fn now(&self) -> Time {
        self.app.now()
    }

    /// The one gate: every use case asks here first.
    pub fn require(&self, permission: Permission, scope: Scope) -> Result<(), AppError> {
        authority::authorize(&self.actor, permission, scope)
    }

    pub fn may(&self, permission: Permission, scope: Scope) -> bool {
        self.require(permission, scope).is_ok()
    }
}

impl Cx {
    /// An audit entry in this actor's name.
    pub(crate) fn event(
        &self,
        action: &'static str,
        target: String,
        reason: &str,
        before: serde_json::Value,
        after: serde_json::Value,
    ) -> kaishin_domain::audit::Event {
        let (at, actor, reason) = (self.now(), self.actor.name.clone(), reason.to_owned());
        kaishin_domain::audit::Event {
            at,
            actor,
            action,
            target,
            reason,
            before,
            after,
        }
    }

    /// A reason that a person must give.
    pub(crate) fn reason(&self, text: &str) -> Result<String, AppError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 500 {
            return Err(AppError::invalid(
                "E-INPUT-01",
                "理由を500文字以内で入力してください。",
                "Give a reason of at most 500 characters.",
            ));
        }
        Ok(text.to_owned())
    }
}
