//! The HTML pages. Each file is one page from its route to its view, with the sample that its template test renders;
//! what all pages share is the frame below and the small pieces in `parts`.

mod audit;
mod call;
mod charts;
mod desk;
mod dry_run;
mod error;
mod facilities;
mod facility;
mod help;
mod job;
mod ledger;
mod overview;
mod parts;
mod pending;
mod procedures;
mod record;
mod search;
mod shell;
mod sign_in;
mod terminal;
mod terminals;
mod tokens;
mod versions;

pub use error::page as error_page;

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use kaishin_domain::access::{Permission, Role, Scope, allows};
use kaishin_domain::time::Time;

use super::assets;
use super::failure::Failure;
use super::routes::Routes;
use super::words::{Lang, grouped};
use crate::app::AppError;
use parts::Problem;

pub fn routes() -> Routes {
    Routes::new()
        .merge(sign_in::routes())
        .merge(desk::routes())
        .merge(call::routes())
        .merge(procedures::routes())
        .merge(overview::routes())
        .merge(facilities::routes())
        .merge(facility::routes())
        .merge(ledger::routes())
        .merge(terminals::routes())
        .merge(terminal::routes())
        .merge(job::routes())
        .merge(dry_run::routes())
        .merge(record::routes())
        .merge(search::routes())
        .merge(versions::routes())
        .merge(tokens::routes())
        .merge(pending::routes())
        .merge(audit::routes())
        .merge(help::routes())
}

/// What a page's handler answers.
type Shown = Result<Response, Failure>;

/// What frames every page: who looks, in which language and colours, and where they are.
#[derive(Clone, Debug)]
pub struct Page {
    pub lang: Lang,
    pub theme: Theme,
    pub who: Option<Who>,
    pub place: Option<Place>,
    /// Path and query of this page, to come back to.
    pub path: String,
    pub now: Time,
    /// The latest live event that this page already shows.
    pub event: u64,
    /// What was just done, as the key of its words.
    pub done: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub struct Who {
    pub name: String,
    pub role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Desk,
    Overview,
    Facilities,
    Terminals,
    Versions,
    Enrolment,
    Audit,
    Help,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    Auto,
    Light,
    Dark,
}

struct ThemeChoice {
    value: &'static str,
    word: String,
    here: bool,
}

impl Theme {
    pub const ALL: [Theme; 3] = [Theme::Auto, Theme::Light, Theme::Dark];

    pub fn name(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    pub fn from_name(name: &str) -> Option<Theme> {
        Theme::ALL.into_iter().find(|theme| theme.name() == name)
    }

    fn attribute(self) -> Option<&'static str> {
        (self != Theme::Auto).then(|| self.name())
    }
}

/// What a redirect may announce on the page it leads to.
const ANNOUNCED: [&str; 21] = [
    "done-facility-saved",
    "done-facility-renamed",
    "done-attached",
    "done-import-undone",
    "done-job-created",
    "done-job-cancelled",
    "done-code-sent",
    "done-revoked",
    "done-released",
    "done-approved",
    "done-rejected",
    "done-token-revoked",
    "done-signed-out",
    "done-ticked",
    "done-unticked",
    "done-answered",
    "done-view-saved",
    "done-view-removed",
    "done-draft-saved",
    "done-draft-discarded",
    "done-profile-published",
];

pub fn announced(said: &str) -> Option<&'static str> {
    ANNOUNCED
        .into_iter()
        .find(|key| key.strip_prefix("done-") == Some(said))
}

impl Page {
    pub fn t(&self, key: &str) -> String {
        self.lang.t(key)
    }

    fn t1(&self, key: &str, name: &'static str, value: impl std::fmt::Display) -> String {
        self.lang.with(key, &[(name, &value)])
    }

    fn t2(
        &self,
        key: &str,
        name: &'static str,
        value: impl std::fmt::Display,
        other: &'static str,
        other_value: impl std::fmt::Display,
    ) -> String {
        self.lang.with(key, &[(name, &value), (other, &other_value)])
    }

    fn when(&self, at: &Time) -> String {
        self.lang.when(*at)
    }

    fn hour_and_minute(&self, at: &Time) -> String {
        self.lang.hour_and_minute(*at)
    }

    fn clock_time(&self, at: &Time) -> String {
        self.lang.clock_time(*at)
    }

    fn count(&self, count: &u64) -> String {
        grouped(*count)
    }

    /// `12.3%`; nothing where there is nothing to share.
    fn share(&self, part: &u64, whole: &u64) -> String {
        if *whole == 0 {
            return String::new();
        }
        let permille = u128::from(*part) * 1000 / u128::from(*whole);
        format!("{}.{}%", permille / 10, permille % 10)
    }

    fn asset(&self, name: &str) -> String {
        assets::address(name)
    }

    /// Where to hear of what happens after this page was made.
    fn events(&self, topic: &str) -> String {
        format!("/events?topic={topic}&after={}", self.event)
    }

    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    fn now_millis(&self) -> i64 {
        self.now.micros() / 1000
    }

    fn of<'a>(&self, words: &'a kaishin_domain::words::Words) -> &'a str {
        self.lang.of(words)
    }

    /// What a person sees of an error that they can mend on the spot.
    fn problem(&self, error: &AppError) -> Problem {
        Problem {
            code: error.code.to_owned(),
            text: self.of(&error.words).to_owned(),
        }
    }

    fn may_take_calls(&self) -> bool {
        self.may(Permission::TakeCalls)
    }

    fn may_see_tokens(&self) -> bool {
        self.may(Permission::ViewTokens)
    }

    pub fn may(&self, permission: Permission) -> bool {
        self.who
            .as_ref()
            .is_some_and(|who| allows(who.role, permission, Scope::Fleet))
    }

    /// Why this person may not, for a button that is shown all the same: so they know what there is, and whom to ask.
    fn denied(&self, permission: Permission) -> Option<String> {
        if self.may(permission) {
            return None;
        }
        let may = |role: &Role| *role != Role::Api && allows(*role, permission, Scope::Fleet);
        let roles: Vec<String> = Role::ALL
            .iter()
            .filter(|role| may(role))
            .map(|role| self.role(role))
            .collect();
        let roles = roles.join(self.lang.choose("・", ", "));
        let own = self.who.as_ref().map_or_else(String::new, |who| self.role(&who.role));
        let what = self.permission(permission);
        let said = [("what", &what as _), ("roles", &roles as _), ("role", &own as _)];
        Some(self.lang.with("denied", &said))
    }

    fn permission(&self, permission: Permission) -> String {
        self.of(&permission.words()).to_owned()
    }

    fn role(&self, role: &Role) -> String {
        self.of(&role.words()).to_owned()
    }

    fn themes(&self) -> Vec<ThemeChoice> {
        Theme::ALL
            .into_iter()
            .map(|theme| ThemeChoice {
                value: theme.name(),
                word: self.t(&format!("theme-{}", theme.name())),
                here: self.theme == theme,
            })
            .collect()
    }
}

/// A page, never kept by anybody: it shows what this person may see now.
fn show(status: StatusCode, view: &impl Template) -> Response {
    match view.render() {
        Ok(html) => (status, [(header::CACHE_CONTROL, "no-store")], Html(html)).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
pub(crate) mod sample {
    //! What template tests render with, in every language and for several roles.

    use super::*;

    pub fn page(lang: Lang, role: Option<Role>, place: Option<Place>) -> Page {
        Page {
            lang,
            theme: Theme::Dark,
            who: role.map(|role| Who {
                name: "<b>tanaka</b>".into(),
                role,
            }),
            place,
            path: "/somewhere?q=\"quoted\"".into(),
            now: Time(1_795_151_100_000_000),
            event: 7,
            done: None,
        }
    }

    /// Renders and looks for what no page may have.
    pub fn check(view: &impl Template) -> String {
        let html = view.render().expect("the template renders");
        for never in [
            "Unknown localization",
            "<b>tanaka",
            "<script>",
            "<style",
            " style=",
            " onclick=",
            "javascript:",
            "http://",
            "https://",
            "cdn.",
        ] {
            assert!(!html.contains(never), "{never:?} is in\n{html}");
        }
        for needed in [
            "<!doctype html>",
            "<main id=\"main\"",
            "class=\"skip\"",
            "<title>",
            "<h1",
        ] {
            assert!(html.contains(needed), "{needed:?} is missing in\n{html}");
        }
        let beside = html.split("hx-select-oob=\"").skip(1);
        for part in beside.flat_map(|rest| rest.split('"').next().unwrap_or_default().split(',')) {
            let id = part.trim_start_matches('#').split(':').next().unwrap_or_default();
            assert!(html.contains(&format!("id=\"{id}\"")), "{part} is not on the page");
        }
        let files = assets::linked(&html);
        assert!(html.len() + files < 150_000, "{} and {files} bytes", html.len());
        html
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_is_told_who_may() {
        let page = sample::page(Lang::En, Some(Role::Desk), None);
        assert_eq!(page.denied(Permission::RunRemedy), None);
        let said = page.denied(Permission::RevokeTerminal).expect("denied");
        assert!(
            said.contains("Approver, Administrator") && said.contains("Desk"),
            "{said}"
        );
    }

    #[test]
    fn every_role_theme_and_announcement_has_its_words() {
        for lang in Lang::ALL {
            let page = sample::page(lang, None, None);
            for role in Role::ALL {
                assert!(!page.role(&role).contains("Unknown"), "{role}");
            }
            for theme in page.themes() {
                assert!(!theme.word.contains("Unknown"), "{}", theme.value);
            }
            for key in ANNOUNCED {
                assert!(!page.t(key).contains("Unknown"), "{key}");
            }
        }
    }

    #[test]
    fn shares_are_of_something() {
        let page = sample::page(Lang::Ja, None, None);
        assert_eq!(page.share(&1, &0), "");
        assert_eq!(page.share(&1, &3), "33.3%");
    }
}
