//! `/help/…`: the handbooks, written in Markdown (`web/help`) and carried in the binary. What the program knows better than
//! any text – grammar, examples and fields of the filter language, who may do what – is put in for a name in double brackets.

use std::fmt::{self, Write as _};

use askama::Template;
use askama::filters::HtmlSafe;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use kaishin_domain::access::{Permission, Role, Scope, allows};
use kaishin_domain::expr::{EXAMPLES, Field, Kind, grammar};
use pulldown_cmark::{Event, Options, Parser, html};

use super::{Page, Place, Shown, show};
use crate::http::auth::Visitor;
use crate::http::routes::{Needs, Routes};
use crate::http::words::Lang;

struct Handbook {
    name: &'static str,
    href: &'static str,
    ja: &'static str,
    en: &'static str,
}

macro_rules! handbook {
    ($name:literal) => {
        Handbook {
            name: $name,
            href: concat!("/help/", $name),
            ja: include_str!(concat!("../../../../web/help/ja/", $name, ".md")),
            en: include_str!(concat!("../../../../web/help/en/", $name, ".md")),
        }
    };
}

static START: Handbook = handbook!("start");
static CALLS: Handbook = handbook!("calls");
static ENROLMENT: Handbook = handbook!("enrolment");
static FILTER: Handbook = handbook!("filter");
static ROLES: Handbook = handbook!("roles");
static ADMIN: Handbook = handbook!("admin");
static ALL: [&Handbook; 6] = [&START, &CALLS, &ENROLMENT, &FILTER, &ROLES, &ADMIN];

/// Whoever may sign in may read: a handbook says nothing of any terminal.
pub fn routes() -> Routes {
    let opens = |handbook: &'static Handbook| move |visitor: Visitor| std::future::ready(open(visitor, handbook));
    let first = || std::future::ready(Redirect::to(START.href).into_response());
    Routes::new()
        .get("/help", Needs::SignIn, move |_: Visitor| first())
        .get(START.href, Needs::SignIn, opens(&START))
        .get(CALLS.href, Needs::SignIn, opens(&CALLS))
        .get(ENROLMENT.href, Needs::SignIn, opens(&ENROLMENT))
        .get(FILTER.href, Needs::SignIn, opens(&FILTER))
        .get(ROLES.href, Needs::SignIn, opens(&ROLES))
        .get(ADMIN.href, Needs::SignIn, opens(&ADMIN))
}

fn open(visitor: Visitor, handbook: &'static Handbook) -> Shown {
    let (_, page) = visitor.at(Place::Help);
    Ok(show(StatusCode::OK, &view(page, handbook)))
}

fn view(page: Page, handbook: &'static Handbook) -> View {
    let contents = ALL.iter().map(|other| Chapter {
        href: other.href,
        title: title(other.text(page.lang)).to_owned(),
        here: other.name == handbook.name,
    });
    let text = handbook.text(page.lang);
    View {
        title: title(text).to_owned(),
        contents: contents.collect(),
        text: written(&page, text),
        page,
    }
}

impl Handbook {
    fn text(&self, lang: Lang) -> &'static str {
        lang.choose(self.ja, self.en)
    }
}

/// The first line, which is the heading.
fn title(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_start_matches("# ")
}

/// HTML made here from Markdown of our own, which was compiled in; nothing that anybody typed or reported is in it.
struct Written(String);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Written {}

fn written(page: &Page, text: &str) -> Written {
    let text = text
        .replace("[[examples]]", &examples(page.lang))
        .replace("[[grammar]]", &grammar())
        .replace("[[fields]]", &fields(page.lang))
        .replace("[[roles]]", &roles(page));
    let mut out = String::with_capacity(text.len() * 2);
    // Raw HTML is no part of a handbook: it would be shown as it is written.
    let plain = |event| {
        if let Event::Html(raw) | Event::InlineHtml(raw) = event {
            Event::Text(raw)
        } else {
            event
        }
    };
    html::push_html(&mut out, Parser::new_ext(&text, Options::ENABLE_TABLES).map(plain));
    // Wide tables scroll by themselves, and can be reached by keyboard.
    let label = page.t("help-table");
    let open = format!("<div class=\"scroll\" role=\"group\" aria-label=\"{label}\" tabindex=\"0\"><table>");
    Written(
        out.replace("<table>", &open)
            .replace("</table>", "</table></div>")
            .replace("<pre>", "<pre tabindex=\"0\">"),
    )
}

fn examples(lang: Lang) -> String {
    let head = lang.choose("| 書き方 | 見つかる端末 |", "| Filter | Finds terminals |");
    let mut table = format!("{head}\n|---|---|\n");
    for (text, ja, en) in EXAMPLES {
        // A string takes all text.
        let _ = writeln!(table, "| `{text}` | {} |", lang.choose(ja, en));
    }
    table
}

fn fields(lang: Lang) -> String {
    let head = lang.choose("| 項目 | 意味 | 種類 |", "| Field | Meaning | Kind |");
    let mut table = format!("{head}\n|---|---|---|\n");
    for field in Field::all().filter(|field| field.indexed()) {
        let (name, words) = (field.name(), lang.choose(field.ja(), field.en()));
        // A string takes all text.
        let _ = writeln!(table, "| `{name}` | {words} | {} |", kind(lang, field.kind()));
    }
    table
}

fn kind(lang: Lang, kind: Kind) -> &'static str {
    match kind {
        Kind::Truth => lang.choose("はい・いいえ", "yes or no"),
        Kind::Number => lang.choose("数", "number"),
        Kind::Text => lang.choose("文字", "text"),
        Kind::Version => lang.choose("版数", "version"),
        Kind::Time => lang.choose("日時・経過", "moment, age"),
        Kind::Duration => lang.choose("時間の長さ", "length of time"),
        Kind::Size => lang.choose("大きさ", "size"),
        Kind::Several => lang.choose("複数の文字", "several texts"),
        Kind::Standing => lang.choose("状態", "state"),
    }
}

fn roles(page: &Page) -> String {
    let names: Vec<String> = Role::ALL.iter().map(|role| page.role(role)).collect();
    let head = page.lang.choose("できること", "What it allows");
    let mut table = format!(
        "| {head} | {} |\n|---|{}\n",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    for permission in Permission::ALL {
        let mark = |role: &Role| {
            if allows(*role, permission, Scope::Fleet) {
                "○"
            } else {
                "–"
            }
        };
        let marks: Vec<&str> = Role::ALL.iter().map(mark).collect();
        // A string takes all text.
        let _ = writeln!(table, "| {} | {} |", page.permission(permission), marks.join(" | "));
    }
    table
}

#[derive(Template)]
#[template(path = "help.html")]
struct View {
    page: Page,
    title: String,
    contents: Vec<Chapter>,
    text: Written,
}

struct Chapter {
    href: &'static str,
    title: String,
    here: bool,
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::sample;
    use super::*;
    use crate::config::KEYS;
    use crate::http::route_table;

    const EXAMPLE: &str = include_str!("../../../packaging/kaishin.toml");

    fn rendered(lang: Lang, handbook: &'static Handbook) -> String {
        let page = sample::page(lang, Some(Role::Viewer), Some(Place::Help));
        sample::check(&view(page, handbook))
    }

    #[test]
    fn every_handbook_renders_in_both_languages_with_headings_and_without_placeholders() {
        for handbook in ALL {
            for lang in Lang::ALL {
                let html = rendered(lang, handbook);
                assert_eq!(html.matches("<h1").count(), 1, "{}", handbook.name);
                assert!(!html.contains("[["), "{}", handbook.name);
            }
            let shape = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
            assert_eq!(
                shape(handbook.ja),
                shape(handbook.en),
                "{}: as many chapters",
                handbook.name
            );
        }
    }

    #[test]
    fn every_link_of_a_handbook_leads_to_a_page_of_ours() {
        let known: BTreeSet<&str> = route_table().iter().map(|route| route.path).collect();
        for handbook in ALL {
            for lang in Lang::ALL {
                for link in handbook.text(lang).split("](").skip(1) {
                    let to = link.split(')').next().unwrap_or_default();
                    assert!(known.contains(to), "{}: {to}", handbook.name);
                }
            }
        }
    }

    /// The first two cells of each row whose first is code.
    fn rows(text: &str) -> BTreeMap<&str, &str> {
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        rows.filter_map(|line| {
            let mut cells = line.split('|').skip(1).map(|cell| cell.trim().trim_matches('`'));
            Some((cells.next()?, cells.next()?))
        })
        .collect()
    }

    #[test]
    fn the_administrators_handbook_has_every_setting_with_its_default_and_no_other() {
        let set = EXAMPLE.lines().filter_map(|line| line.split_once(" = "));
        let defaults: BTreeMap<&str, &str> = set
            .filter(|(key, _)| !key.starts_with('#'))
            .map(|(key, value)| (key, value.trim_matches('"')))
            .collect();
        for lang in Lang::ALL {
            let text = ADMIN.text(lang);
            let told: BTreeMap<&str, &str> = rows(text)
                .into_iter()
                .filter(|(key, _)| !key.starts_with('/') && !key.starts_with("kaishin"))
                .collect();
            let keys: BTreeSet<&str> = told.keys().copied().collect();
            assert_eq!(keys, BTreeSet::from(KEYS), "{lang:?}");
            for (key, default) in told {
                assert_eq!(
                    default,
                    defaults.get(key).copied().unwrap_or_default(),
                    "{lang:?}: {key}"
                );
            }
        }
    }

    #[test]
    fn every_permission_and_every_field_is_told() {
        for lang in Lang::ALL {
            let html = rendered(lang, &ROLES);
            let page = sample::page(lang, None, None);
            for permission in Permission::ALL {
                let words = page.permission(permission);
                assert!(words != permission.name(), "{words} has no words");
                assert!(html.contains(&words), "{words}");
            }
            let html = rendered(lang, &FILTER);
            for field in Field::all().filter(|field| field.indexed()) {
                assert!(html.contains(field.name()), "{}", field.name());
            }
        }
    }
}
