//! `/terminals/{id}` and its parts: one terminal. Is it online and since when, what is wrong, what is known, what was
//! done. All parts stand under the same head, which answers the first question.

mod checklist;
mod facts;
mod faults;
mod jobs;
mod shown;
mod timeline;

use axum::http::HeaderMap;
use kaishin_domain::access::Permission;
use kaishin_domain::facility;
use kaishin_domain::id::TerminalId;
use kaishin_domain::remedy::Remedy;
use kaishin_domain::terminal::{Hold, Standing, Terminal};
use kaishin_domain::time::Time;

pub use faults::asked;
pub use jobs::{StepView as WorkStep, steps_view};
pub use shown::{Shown, shown, text_of};

use super::parts::{Badge, Link, Notice, Pair, Why, about, badge, flag_badges, flags, pair, presence, why};
use super::shell::Command;
use super::{Page, Place, Shown as Answer, show};
use crate::app::facilities::Resident;
use crate::app::terminals::TerminalDetail;
use crate::app::{AppError, Cx, facilities, terminals};
use crate::http::api::id;
use crate::http::auth::{BY_ITSELF, Visitor};
use crate::http::routes::{Needs, Routes};

pub fn routes() -> Routes {
    let (view, work) = (
        Needs::Permission(Permission::ViewFleet),
        Needs::Permission(Permission::RunRemedy),
    );
    Routes::new()
        .get("/terminals/{id}", view, faults::now)
        .get("/terminals/{id}/faults", view, faults::all)
        .get("/terminals/{id}/facts", view, facts::facts)
        .get("/terminals/{id}/jobs", view, jobs::jobs)
        .get("/terminals/{id}/timeline", view, timeline::timeline)
        .get("/terminals/{id}/checklist", view, checklist::checklist)
        .post("/terminals/{id}/checklist", work, checklist::say)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    Now,
    Faults,
    Checklist,
    Facts,
    Timeline,
    Jobs,
}

impl Tab {
    const ALL: [Tab; 6] = [
        Tab::Now,
        Tab::Faults,
        Tab::Checklist,
        Tab::Facts,
        Tab::Timeline,
        Tab::Jobs,
    ];

    fn name(self) -> &'static str {
        match self {
            Tab::Now => "now",
            Tab::Faults => "faults",
            Tab::Checklist => "checklist",
            Tab::Facts => "facts",
            Tab::Timeline => "timeline",
            Tab::Jobs => "jobs",
        }
    }

    fn href(self, terminal: &str) -> String {
        match self {
            Tab::Now => terminal.to_owned(),
            Tab::Faults | Tab::Checklist | Tab::Facts | Tab::Timeline | Tab::Jobs => {
                format!("{terminal}/{}", self.name())
            }
        }
    }
}

struct TabLink {
    href: String,
    word: String,
    here: bool,
    count: u64,
}

/// What stands above every part.
struct Head {
    /// Of the terminal.
    id: String,
    href: String,
    topic: String,
    hostname: String,
    state: Badge,
    flags: Vec<Badge>,
    since_word: String,
    since: Option<Time>,
    clinic: Clinic,
    strip: Vec<Pair>,
    notices: Vec<Notice>,
    tabs: Vec<TabLink>,
    /// As a duplicate, until somebody lets it go.
    held: bool,
    cannot: Cannot,
    commands: Vec<Command>,
}

/// Where it stands: whom to talk about on the phone.
struct Clinic {
    /// Its page, where the ledger has it.
    link: Option<Link>,
    /// As it was said; nothing where nobody said one.
    code: String,
    /// What is not as it should be about that.
    doubt: Option<Badge>,
    /// Who else says this code, where there is no page.
    others: Option<Link>,
}

/// Loads what every part needs; somebody who opened the page themselves makes the terminal report sooner.
async fn opened(visitor: Visitor, text: &str, headers: &HeaderMap) -> Result<(Cx, Page, TerminalDetail), AppError> {
    let (cx, page) = visitor.at(Place::Terminals);
    let id: TerminalId = id(text)?;
    let detail = terminals::get(&cx, id).await?;
    if !headers.contains_key(BY_ITSELF) {
        terminals::observe(&cx, id)?;
    }
    Ok((cx, page, detail))
}

fn head(cx: &Cx, page: &Page, detail: &TerminalDetail, tab: Tab) -> Head {
    let terminal = &detail.terminal;
    let online_since = detail.row.as_ref().and_then(|row| row.online_since);
    let seen = detail
        .row
        .as_ref()
        .and_then(|row| row.entry.last_seen)
        .or(terminal.last_seen);
    let hostname = match &detail.row {
        Some(row) if !row.entry.hostname.is_empty() => row.entry.hostname.clone(),
        _ => terminal.machine.hostname.clone(),
    };
    let href = format!("/terminals/{}", terminal.id);
    let cannot = Cannot::of(page, terminal);
    Head {
        topic: format!("terminal:{}", terminal.id),
        hostname,
        state: presence(page, online_since.is_some()),
        flags: flag_badges(page, flags(terminal)),
        since_word: page.t(if online_since.is_some() {
            "terminal-online-since"
        } else {
            "terminal-offline-since"
        }),
        since: online_since.or(seen),
        clinic: clinic(page, &facilities::resident(cx, terminal.id)),
        strip: strip(page, terminal),
        notices: notices(page, terminal, online_since.is_some()),
        tabs: tabs(page, &href, tab, detail),
        held: terminal.is_active() && matches!(terminal.hold, Some(Hold::Duplicate { .. })),
        commands: commands(page, &href, &cannot),
        cannot,
        id: terminal.id.to_string(),
        href,
    }
}

fn clinic(page: &Page, resident: &Resident) -> Clinic {
    let code = resident.said.code().map(|code| code.to_string());
    let link = resident.facility.as_ref().map(|facility| Link {
        href: format!("/facilities/{}", facility.code),
        name: facility.name.to_string(),
    });
    let same = |code: &String| Link {
        href: crate::http::query::address("/terminals", &[("q", &format!("institution:{code}"))]),
        name: page.t("terminal-same-code"),
    };
    use facility::Standing as In;
    Clinic {
        others: code.as_ref().filter(|_| link.is_none()).map(same),
        code: resident
            .facility
            .as_ref()
            .map_or(code.unwrap_or_default(), |facility| facility.code.to_string()),
        doubt: match resident.standing {
            In::Unlisted | In::Conflict | In::None => Some(badge("warn", page.of(&resident.standing.words()))),
            In::Overruled => Some(badge("", page.of(&resident.standing.words()))),
            In::Attached => None,
        },
        link,
    }
}

fn tabs(page: &Page, href: &str, tab: Tab, detail: &TerminalDetail) -> Vec<TabLink> {
    let link = |other: Tab| TabLink {
        href: other.href(href),
        word: page.t(&format!("tab-{}", other.name())),
        here: other == tab,
        count: match other {
            Tab::Faults => detail.faults.len() as u64,
            Tab::Jobs => detail.jobs.iter().filter(|job| !job.is_final()).count() as u64,
            Tab::Now | Tab::Checklist | Tab::Facts | Tab::Timeline => 0,
        },
    };
    Tab::ALL.into_iter().map(link).collect()
}

fn strip(page: &Page, terminal: &Terminal) -> Vec<Pair> {
    let spoken = if terminal.minor > 0 {
        format!("{}.{}", kaishin_proto::limits::MAJOR, terminal.minor)
    } else {
        String::new()
    };
    let mut strip = about(page, terminal);
    // It is a link of its own.
    let institution = page.t("terminal-institution");
    strip.retain(|pair| pair.name != institution);
    let further = [
        pair(page.t("terminal-agent"), &terminal.agent_version),
        pair(page.t("terminal-protocol"), spoken),
        pair(page.t("terminal-enrolled"), page.when(&terminal.enrolled_at)),
        pair(page.t("terminal-certificate"), page.when(&terminal.certificate_until)),
    ];
    strip.extend(further.into_iter().flatten());
    strip
}

/// What the palette offers on a terminal's page, above what it offers everywhere.
fn commands(page: &Page, href: &str, cannot: &Cannot) -> Vec<Command> {
    let command = |word: String, to: String, why: &Option<Why>| Command {
        word,
        href: why.is_none().then_some(to),
        why: why.as_ref().map_or_else(String::new, |why| why.text.clone()),
    };
    let work = Remedy::ALL.into_iter().map(|remedy| {
        let to = format!("{href}/jobs/new?remedy={}", remedy.name());
        command(page.of(&remedy.title()).to_owned(), to, &cannot.work)
    });
    let tabs = Tab::ALL.into_iter().map(|tab| {
        let word = page.t1("go-tab", "tab", page.t(&format!("tab-{}", tab.name())));
        command(word, tab.href(href), &None)
    });
    let revoke = command(page.t("do-revoke"), format!("{href}/revoke"), &cannot.revoke);
    work.chain(tabs).chain([revoke]).collect()
}

/// What this person cannot press on this terminal's page, and why.
#[derive(Default)]
struct Cannot {
    work: Option<Why>,
    revoke: Option<Why>,
    cancel: Option<Why>,
    call: Option<Why>,
}

impl Cannot {
    fn of(page: &Page, terminal: &Terminal) -> Cannot {
        let cancel = why("why-cancel", page.denied(Permission::CancelJob));
        let call = why("why-work", page.denied(Permission::TakeCalls));
        if !terminal.is_active() {
            let revoked = why("why-revoked", Some(page.t("denied-revoked")));
            return Cannot {
                work: revoked.clone(),
                revoke: revoked,
                cancel,
                call,
            };
        }
        Cannot {
            work: why("why-work", page.denied(Permission::RunRemedy)),
            revoke: why("why-revoke", page.denied(Permission::RevokeTerminal)),
            cancel,
            call,
        }
    }

    /// Each reason once.
    fn reasons(&self) -> Vec<&Why> {
        let mut reasons: Vec<&Why> = Vec::new();
        for reason in [&self.work, &self.revoke].into_iter().flatten() {
            if reasons.iter().all(|told| told.id != reason.id) {
                reasons.push(reason);
            }
        }
        reasons
    }
}

fn notices(page: &Page, terminal: &Terminal, online: bool) -> Vec<Notice> {
    let notice = |kind, title: &str, text: &str| Notice {
        kind,
        title: page.t(title),
        text: page.t(text),
    };
    let mut notices = Vec::new();
    match &terminal.hold {
        Some(Hold::Duplicate { .. }) => notices.push(notice("warn", "notice-duplicate", "notice-duplicate-text")),
        Some(Hold::Incompatible { .. }) => {
            notices.push(notice("warn", "notice-incompatible", "notice-incompatible-text"))
        }
        None => {}
    }
    match &terminal.standing {
        Standing::Revoked { reason, .. } => {
            let mut revoked = notice("bad", "notice-revoked", "notice-revoked-text");
            revoked.text = format!("{} {}: {reason}", revoked.text, page.t("reason"));
            notices.push(revoked);
        }
        Standing::Active if !online => notices.push(notice("", "notice-offline", "notice-offline-text")),
        Standing::Active => {}
    }
    notices
}

#[cfg(test)]
pub(super) mod samples {
    //! The head that the samples of all parts stand under.

    use kaishin_domain::access::Role;

    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    pub const AT: Time = Time(1_795_151_000_000_000);

    pub fn page(lang: Lang, role: Role) -> Page {
        sample::page(lang, Some(role), Some(Place::Terminals))
    }

    pub(super) fn head(page: &Page) -> Head {
        let cannot = Cannot {
            work: why("why-work", page.denied(Permission::RunRemedy)),
            revoke: why("why-revoke", page.denied(Permission::RevokeTerminal)),
            cancel: why("why-cancel", page.denied(Permission::CancelJob)),
            call: why("why-call", page.denied(Permission::TakeCalls)),
        };
        Head {
            id: "x".into(),
            href: "/terminals/x".into(),
            topic: "terminal:x".into(),
            hostname: "UKETSUKE-01<i>".into(),
            state: badge("good", "オンライン"),
            flags: vec![badge("warn", "重複")],
            since_word: page.t("terminal-online-since"),
            since: Some(AT),
            clinic: Clinic {
                link: Some(Link {
                    href: "/facilities/1312345678".into(),
                    name: "みどり医院<i>".into(),
                }),
                code: "1312345678".into(),
                doubt: Some(badge("warn", "所属が食い違い")),
                others: None,
            },
            strip: vec![Pair {
                name: "OS".into(),
                value: "10.0.19044<i>".into(),
            }],
            notices: vec![Notice {
                kind: "warn",
                title: "同じ証明書".into(),
                text: "確認してください".into(),
            }],
            tabs: vec![TabLink {
                href: "/terminals/x/faults".into(),
                word: page.t("tab-faults"),
                here: true,
                count: 3,
            }],
            held: true,
            commands: commands(page, "/terminals/x", &cannot),
            cannot,
        }
    }
}
