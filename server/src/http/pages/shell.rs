//! The frame's menu, its palette of actions and its keys: which places there are follows from the routes, and who may
//! enter them from what each route needs.

use std::collections::HashMap;
use std::sync::LazyLock;

use kaishin_domain::access::Permission;

use super::{Page, Place};
use crate::http::{Needs, route_table};

/// What each page that can be opened needs.
static PAGES: LazyLock<HashMap<&'static str, Needs>> = LazyLock::new(|| {
    let table = route_table();
    let pages = table.iter().filter(|route| route.method == "GET");
    pages.map(|route| (route.path, route.needs)).collect()
});

const PLACES: [(Place, &str, &str); 8] = [
    (Place::Desk, "/desk", "nav-desk"),
    (Place::Overview, "/", "nav-overview"),
    (Place::Facilities, "/facilities", "nav-facilities"),
    (Place::Terminals, "/terminals", "nav-terminals"),
    (Place::Versions, "/versions", "nav-versions"),
    (Place::Enrolment, "/enrolment/pending", "nav-enrolment"),
    (Place::Audit, "/audit", "nav-audit"),
    (Place::Help, "/help", "nav-help"),
];

/// Where the palette leads besides the places of the menu.
const FURTHER: [(&str, &str); 6] = [
    ("/desk?state=due&owner=", "go-due"),
    ("/terminals?q=fault%3A*", "go-faulty"),
    ("/terminals?q=online%3Ano", "go-offline"),
    ("/enrolment/tokens", "go-tokens"),
    ("/facilities/ledger", "go-import"),
    ("/operators", "go-operators"),
];

/// The keys that act on every page, and their words.
const KEYS: [(&str, &str); 7] = [
    ("/", "key-search"),
    ("Ctrl+K", "key-palette"),
    ("j", "key-down"),
    ("k", "key-up"),
    ("Enter", "key-open"),
    ("Esc", "key-close"),
    ("?", "key-help"),
];

pub struct PlaceLink {
    pub href: &'static str,
    pub word: String,
    pub here: bool,
}

/// Something to do: where it leads, or why it is not for this person.
pub struct Command {
    pub word: String,
    pub href: Option<String>,
    pub why: String,
}

pub struct Key {
    pub key: &'static str,
    pub word: String,
}

enum Entrance {
    Open,
    Closed(Permission),
    Nowhere,
}

impl Page {
    fn entrance(&self, href: &str) -> Entrance {
        let path = href.split('?').next().unwrap_or(href);
        match PAGES.get(path) {
            None => Entrance::Nowhere,
            Some(Needs::Nothing | Needs::SignIn) => Entrance::Open,
            Some(Needs::Permission(permission)) if self.may(*permission) => Entrance::Open,
            Some(Needs::Permission(permission)) => Entrance::Closed(*permission),
        }
    }

    pub fn places(&self) -> Vec<PlaceLink> {
        let open = PLACES
            .into_iter()
            .filter(|(_, href, _)| matches!(self.entrance(href), Entrance::Open));
        open.map(|(place, href, key)| PlaceLink {
            href,
            word: self.t(key),
            here: self.place == Some(place),
        })
        .collect()
    }

    /// What the palette offers on every page; a page adds its own above.
    pub fn commands(&self) -> Vec<Command> {
        let places = PLACES.into_iter().map(|(_, href, key)| (href, key));
        let known = places.chain(FURTHER);
        let known = known.filter_map(|(href, key)| match self.entrance(href) {
            Entrance::Open => Some(self.command(self.t(key), href, None)),
            Entrance::Closed(permission) => Some(self.command(self.t(key), href, Some(permission))),
            Entrance::Nowhere => None,
        });
        known.collect()
    }

    pub fn command(&self, word: String, href: &str, needs: Option<Permission>) -> Command {
        let why = needs.and_then(|needs| self.denied(needs));
        Command {
            word,
            href: why.is_none().then(|| href.to_owned()),
            why: why.unwrap_or_default(),
        }
    }

    pub fn keys(&self) -> Vec<Key> {
        KEYS.into_iter()
            .map(|(key, words)| Key {
                key,
                word: self.t(words),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;

    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    #[test]
    fn people_see_only_the_places_they_may_enter() {
        let places = |role| -> Vec<&str> {
            let page = sample::page(Lang::En, Some(role), None);
            page.places().into_iter().map(|place| place.href).collect()
        };
        assert!(places(Role::Viewer).contains(&"/terminals") && !places(Role::Viewer).contains(&"/enrolment/pending"));
        assert!(places(Role::Desk).contains(&"/enrolment/pending") && !places(Role::Desk).contains(&"/audit"));
        assert!(places(Role::Admin).contains(&"/audit"));
        assert!(
            places(Role::Admin)
                .iter()
                .all(|href| route_table().iter().any(|route| route.path == *href))
        );
    }

    #[test]
    fn the_palette_says_why_something_is_not_for_somebody() {
        let page = sample::page(Lang::Ja, Some(Role::Viewer), None);
        let audit = page.commands().into_iter().find(|command| command.word == "監査");
        let audit = audit.expect("the palette names the audit log");
        assert!(audit.href.is_none() && audit.why.contains("閲覧"), "{}", audit.why);
    }

    #[test]
    fn every_place_key_and_command_has_its_words() {
        for lang in Lang::ALL {
            let page = sample::page(lang, Some(Role::Admin), None);
            let keys = PLACES.iter().map(|(_, _, key)| *key);
            for key in keys
                .chain(FURTHER.iter().map(|(_, key)| *key))
                .chain(KEYS.iter().map(|(_, key)| *key))
            {
                assert!(!page.t(key).contains("Unknown"), "{key}");
            }
        }
    }
}
