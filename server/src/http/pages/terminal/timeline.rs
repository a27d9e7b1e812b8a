//! `/terminals/{id}/timeline`: what happened, newest first: facts that changed with what they were, restarts, faults,
//! work, calls, certificates. One kind at a time, if somebody wishes.

use askama::Template;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use kaishin_domain::audit::Entry;
use kaishin_domain::call::Outcome;
use kaishin_domain::fact;
use kaishin_domain::time::Time;
use serde::Deserialize;

use super::{Answer, Badge, Cx, Head, Page, Tab, Visitor, head, opened, show, shown};
use crate::app::history::{self, CallMoment, FactChange, Kind, Moment, What};
use crate::http::failure::Wished;
use crate::http::pages::parts::{badge, ended, job_state};
use crate::http::query::address;

const ROWS: u32 = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    kind: String,
    cursor: String,
}

pub async fn timeline(
    visitor: Visitor,
    Path(text): Path<String>,
    headers: HeaderMap,
    Wished(wanted): Wished<Wanted>,
) -> Answer {
    let (cx, page, detail) = opened(visitor, &text, &headers).await?;
    let kind = Kind::find(&wanted.kind);
    let kinds: Vec<Kind> = kind.into_iter().collect();
    let after = Some(wanted.cursor.as_str()).filter(|cursor| !cursor.is_empty());
    let after = after.map(str::parse).transpose()?;
    let found = history::of_terminal(&cx, detail.terminal.id, &kinds, after.as_ref(), ROWS).await?;
    let path = format!("/terminals/{}/timeline", detail.terminal.id);
    let to = |cursor: &str| address(&path, &[("kind", &wanted.kind), ("cursor", cursor)]);
    let view = View {
        kinds: choices(&page, &path, kind),
        all: kind.is_none(),
        first_href: after.is_some().then(|| to("")),
        next_href: found.next.as_ref().map(|next| to(&next.to_string())),
        items: found.items.iter().map(|moment| item(&cx, &page, moment)).collect(),
        head: head(&cx, &page, &detail, Tab::Timeline),
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

fn choices(page: &Page, path: &str, here: Option<Kind>) -> Vec<Choice> {
    let choice = |kind: Option<Kind>| Choice {
        href: address(path, &[("kind", kind.map_or("", Kind::name))]),
        word: page.t(&format!("timeline-{}", kind.map_or("all", Kind::name))),
        here: kind == here,
    };
    [None].into_iter().chain(Kind::ALL.map(Some)).map(choice).collect()
}

fn item(cx: &Cx, page: &Page, moment: &Moment) -> Item {
    let blank = |title: String, kind: &'static str, word: &str| Item {
        at: moment.at,
        badge: badge(kind, page.t(&format!("timeline-{word}"))),
        title,
        href: String::new(),
        note: String::new(),
        change: None,
    };
    let rule = |id: &str| {
        let title = cx.app.rules.rule(id).map(|rule| page.of(&rule.title).to_owned());
        title.unwrap_or_else(|| id.to_owned())
    };
    let terminal = |part: &str, id: kaishin_domain::id::TerminalId| format!("/terminals/{id}/{part}");
    match &moment.what {
        What::Fact(change) => changed(page, change, blank(label(page, &change.key), "", "fact")),
        What::Restart(change) => changed(page, change, blank(page.t("timeline-restarted"), "busy", "restart")),
        What::FaultOpened(fault) => Item {
            note: page.t1("timeline-expected", "expected", page.of(&fault.expected)),
            href: terminal("faults", fault.terminal),
            ..blank(page.t1("timeline-opened", "name", rule(&fault.rule)), "bad", "fault")
        },
        What::FaultClosed(fault) => Item {
            href: terminal("faults", fault.terminal),
            ..blank(page.t1("timeline-closed", "name", rule(&fault.rule)), "good", "fault")
        },
        What::JobOrdered(job) => Item {
            note: format!("{} {}", job.created_by, job.reason).trim().to_owned(),
            href: terminal("jobs", job.terminal),
            ..blank(
                page.t1("timeline-ordered", "name", page.of(&job.remedy.spelled())),
                "busy",
                "job",
            )
        },
        What::JobEnded(job) => Item {
            badge: job_state(page, job),
            note: ended(page, job).map_or_else(String::new, |ended| format!("{} {}", ended.words, ended.code)),
            href: terminal("jobs", job.terminal),
            ..blank(
                page.t1("timeline-ended", "name", page.of(&job.remedy.spelled())),
                "",
                "job",
            )
        },
        What::CallOpened(moment) => call_opened(page, moment, blank(String::new(), "busy", "call")),
        What::CallClosed(moment) => call_closed(page, moment, blank(String::new(), "", "call")),
        What::Certificate(entry) => audited(page, entry, blank(action(page, entry), "", "certificate")),
        What::Standing(entry) => audited(page, entry, blank(action(page, entry), "warn", "standing")),
    }
}

fn label(page: &Page, key: &str) -> String {
    fact::find(key).map_or_else(|| key.to_owned(), |fact| page.lang.choose(fact.ja, fact.en).to_owned())
}

fn changed(page: &Page, change: &FactChange, item: Item) -> Item {
    let value = |value| shown(page.lang, &change.key, value).line(page.lang);
    Item {
        change: Some((value(&change.before), value(&change.after))),
        ..item
    }
}

fn call_opened(page: &Page, moment: &CallMoment, item: Item) -> Item {
    Item {
        title: page.t("timeline-call-opened"),
        note: format!("{} {}", moment.by, moment.call.caller.concern)
            .trim()
            .to_owned(),
        href: format!("/calls/{}", moment.call.id),
        ..item
    }
}

fn call_closed(page: &Page, moment: &CallMoment, item: Item) -> Item {
    let word = |outcome: Outcome| page.t(&format!("outcome-{}", outcome.name()));
    let outcome = moment.call.outcome().map_or_else(String::new, word);
    Item {
        title: page.t1("timeline-call-closed", "outcome", outcome),
        note: moment.by.clone(),
        href: format!("/calls/{}", moment.call.id),
        ..item
    }
}

fn action(page: &Page, entry: &Entry) -> String {
    let key = format!("action-{}", entry.action.replace(['.', '_'], "-"));
    page.lang.try_t(&key).unwrap_or_else(|| entry.action.clone())
}

fn audited(page: &Page, entry: &Entry, item: Item) -> Item {
    let href = if page.may(kaishin_domain::access::Permission::ViewAudit) {
        address("/audit", &[("target", &entry.target)])
    } else {
        String::new()
    };
    let by = match entry.actor.starts_with("terminal:") {
        true => page.t("terminal"),
        false => entry.actor.clone(),
    };
    Item {
        note: format!("{by} {}", entry.reason).trim().to_owned(),
        href,
        ..item
    }
}

#[derive(Template)]
#[template(path = "terminal_timeline.html")]
struct View {
    page: Page,
    head: Head,
    kinds: Vec<Choice>,
    /// Of every kind.
    all: bool,
    items: Vec<Item>,
    first_href: Option<String>,
    next_href: Option<String>,
}

struct Choice {
    href: String,
    word: String,
    here: bool,
}

struct Item {
    at: Time,
    badge: Badge,
    title: String,
    href: String,
    note: String,
    /// Before, after.
    change: Option<(String, String)>,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_domain::call::{Call, Caller, State};
    use kaishin_domain::id::CallId;

    use super::super::samples;
    use super::*;
    use crate::http::pages::sample;
    use crate::http::words::Lang;

    fn view(lang: Lang, items: usize) -> View {
        let page = samples::page(lang, Role::Desk);
        View {
            head: samples::head(&page),
            kinds: choices(&page, "/terminals/x/timeline", Some(Kind::Fact)),
            all: false,
            items: (0..items)
                .map(|_| Item {
                    at: samples::AT,
                    badge: badge("", page.t("timeline-fact")),
                    title: label(&page, "power.fast_startup"),
                    href: "/terminals/x/faults".into(),
                    note: "suzuki<i>".into(),
                    change: Some(("有効<i>".into(), "無効".into())),
                })
                .collect(),
            first_href: Some("/terminals/x/timeline".into()),
            next_href: Some("/terminals/x/timeline?cursor=1".into()),
            page,
        }
    }

    #[test]
    fn the_page_renders_in_both_languages() {
        for lang in Lang::ALL {
            let html = sample::check(&view(lang, 50));
            assert!(html.contains("aria-current=\"true\"") && !html.contains("<i>"));
        }
    }

    #[test]
    fn a_call_is_told_with_who_took_it_and_how_it_ended_and_leads_to_its_page() {
        let id = CallId::new(samples::AT, [7; 10]);
        let caller = Caller::read("田中", "", "", "it is slow<i>").expect("short");
        let mut moment = CallMoment {
            at: samples::AT,
            by: "suzuki".into(),
            call: Call::open(id, caller, (None, None), "suzuki", samples::AT),
        };
        let page = samples::page(Lang::En, Role::Desk);
        let blank = || view(Lang::En, 1).items.remove(0);
        let taken = call_opened(&page, &moment, blank());
        moment.call.state = State::Closed {
            outcome: Outcome::HandedOn,
            at: samples::AT,
            by: "sato".into(),
            note: String::new(),
            proof: None,
        };
        moment.by = "sato".into();
        let closed = call_closed(&page, &moment, blank());
        assert_eq!(
            (taken.note.as_str(), closed.note.as_str()),
            ("suzuki it is slow<i>", "sato")
        );
        let html = sample::check(&View {
            items: vec![closed, taken],
            ..view(Lang::En, 0)
        });
        let link = |words: &str| format!("<a href=\"/calls/{id}\">{words}</a>");
        assert!(html.contains(&link("Call closed: Handed on to a technician")) && html.contains(&link("Call taken")));
        assert!(!html.contains("<i>"), "what the caller said is text");
    }

    #[test]
    fn nothing_of_a_kind_is_told_apart_from_nothing_at_all() {
        assert!(sample::check(&view(Lang::En, 0)).contains("Nothing of this kind"));
        let html = sample::check(&View {
            all: true,
            ..view(Lang::En, 0)
        });
        assert!(html.contains("once the terminal connects"));
    }
}
