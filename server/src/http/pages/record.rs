//! `/jobs/{id}/record`: a record that was fetched from a terminal, as text. Long ones show their end; lines are picked by
//! words; the whole is a file. What stands in it is a stranger's text, and stays text.

use askama::Template;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kaishin_domain::access::Permission;
use kaishin_domain::fold::fold;
use kaishin_domain::id::JobId;
use kaishin_domain::time::Time;
use serde::Deserialize;

use super::{Page, Place, Shown, show};
use crate::app::jobs::{self, Read};
use crate::http::api::id;
use crate::http::auth::Visitor;
use crate::http::failure::{Failure, Wished};
use crate::http::routes::{Needs, Routes};

/// Of the text on a page, escaped or not: the page stays light.
const MOST: usize = 24 * 1024;

pub fn routes() -> Routes {
    let needs = Needs::Permission(Permission::RefreshFacts);
    Routes::new()
        .get("/jobs/{id}/record", needs, shown)
        .get("/jobs/{id}/record.txt", needs, file)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    words: String,
}

async fn shown(visitor: Visitor, Path(text): Path<String>, Wished(wanted): Wished<Wanted>) -> Shown {
    let (cx, page) = visitor.at(Place::Terminals);
    let job: JobId = id(&text)?;
    let fetched = jobs::fetched(&cx, job, Read::Shown).await?;
    let picked = pick(&fetched.record.text, &wanted.words);
    let terminal = fetched.job.terminal;
    let view = View {
        title: page.of(&fetched.job.remedy.spelled()).to_owned(),
        href: format!("/jobs/{job}/record"),
        terminal: format!("/terminals/{terminal}/jobs"),
        hostname: cx
            .app
            .index
            .get(terminal)
            .map_or_else(|| terminal.to_string(), |row| row.entry.hostname),
        at: fetched.record.at,
        cut: fetched.record.cut,
        all: fetched.record.text.lines().count() as u64,
        matching: picked.matching,
        above: picked.matching - picked.lines.len() as u64,
        lines: picked.lines,
        words: wanted.words,
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

async fn file(visitor: Visitor, Path(text): Path<String>) -> Result<Response, Failure> {
    let (cx, _) = visitor.at(Place::Terminals);
    let job: JobId = id(&text)?;
    let fetched = jobs::fetched(&cx, job, Read::Downloaded).await?;
    // A mark at the beginning, and ends of lines as Windows has them: whoever opens it does so in Notepad.
    let text = fetched.record.text.replace('\n', "\r\n");
    let bytes = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"record-{job}.txt\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

struct Picked {
    /// How many lines have all the words.
    matching: u64,
    /// The last of them that fit.
    lines: Vec<String>,
}

/// Width and case of letters do not count.
fn pick(text: &str, words: &str) -> Picked {
    let words = fold(words);
    let words: Vec<&str> = words.split_whitespace().collect();
    let has_all = |line: &&str| {
        words.is_empty() || {
            let line = fold(line);
            words.iter().all(|word| line.contains(word))
        }
    };
    let matching: Vec<&str> = text.lines().filter(has_all).collect();
    let mut room = MOST;
    let fits = |line: &&&str| {
        // As long as it may become in the page.
        let longer = line.matches(['<', '>', '&', '"', '\'']).count() * 5;
        room = room.saturating_sub(line.len() + longer + 1);
        room > 0
    };
    let mut lines: Vec<String> = matching
        .iter()
        .rev()
        .take_while(fits)
        .map(|line| (*line).to_owned())
        .collect();
    lines.reverse();
    Picked {
        matching: matching.len() as u64,
        lines,
    }
}

#[derive(Template)]
#[template(path = "job_record.html")]
struct View {
    page: Page,
    title: String,
    href: String,
    terminal: String,
    hostname: String,
    at: Time,
    cut: bool,
    all: u64,
    matching: u64,
    /// Lines that match and are not shown: the file has them.
    above: u64,
    lines: Vec<String>,
    words: String,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;

    use super::*;
    use crate::http::pages::sample as pages;
    use crate::http::words::Lang;

    #[test]
    fn the_end_of_a_long_text_is_shown_and_the_rest_is_counted() {
        let text: String = (0..9_000).map(|n| format!("line {n} <&>\n")).collect();
        let picked = pick(&text, "");
        assert_eq!(picked.matching, 9_000);
        assert_eq!(picked.lines.last().map(String::as_str), Some("line 8999 <&>"));
        assert!(picked.lines.len() > 500 && picked.lines.len() < 2_000);
    }

    #[test]
    fn lines_are_picked_by_words_whatever_their_width_and_case() {
        let text = "ERROR 接続 0x80240438\nok\nｅｒｒｏｒ 再試行\n";
        for (words, found) in [("error", 2), ("ＥＲＲＯＲ 接続", 1), ("none", 0), (" ", 3)] {
            assert_eq!(pick(text, words).matching, found, "{words}");
        }
    }

    #[test]
    fn the_page_renders_in_both_languages_and_a_strangers_text_stays_text() {
        for lang in Lang::ALL {
            for lines in [vec!["<script>alert(1)</script> &amp;".to_owned()], Vec::new()] {
                let html = pages::check(&View {
                    page: pages::page(lang, Some(Role::Desk), Some(Place::Terminals)),
                    title: "記録を取り寄せる".into(),
                    href: "/jobs/j/record".into(),
                    terminal: "/terminals/t/jobs".into(),
                    hostname: "UKETSUKE".into(),
                    at: Time(1_800_000_000_000_000),
                    cut: true,
                    all: 900,
                    matching: 20,
                    above: 3,
                    words: "\"<i>".into(),
                    lines,
                });
                assert!(html.contains("/jobs/j/record.txt") && !html.contains("<i>"));
            }
        }
    }
}
