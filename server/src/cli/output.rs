//! What a command says: one JSON value for programs, or words and tables for people, in their language.

use std::io::Write;
use std::process::ExitCode;

use kaishin_domain::words::Words;
use serde_json::Value as Json;

use super::failed::Failed;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Japanese,
    English,
}

impl Language {
    /// As the shell is set.
    fn of_environment() -> Language {
        let set = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|value| !value.is_empty());
        match set {
            Some(value) if value.starts_with("ja") => Language::Japanese,
            Some(_) | None => Language::English,
        }
    }

    pub fn of(self, words: &Words) -> &str {
        match self {
            Language::Japanese => &words.ja,
            Language::English => &words.en,
        }
    }

    /// Of `CODE japanese / english`, the code and the half to be read; other text as it is.
    pub fn half(self, text: &str) -> String {
        let Some((ja, en)) = text.split_once(" / ") else {
            return text.to_owned();
        };
        let Some((code, ja)) = ja.split_once(' ').filter(|(code, _)| code.starts_with("E-")) else {
            return text.to_owned();
        };
        match self {
            Language::Japanese => format!("{code} {ja}"),
            Language::English => format!("{code} {en}"),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
    language: Language,
}

impl Output {
    pub fn new(json: bool) -> Output {
        Output {
            json,
            language: Language::of_environment(),
        }
    }

    pub fn of(self, words: &Words) -> &str {
        self.language.of(words)
    }

    /// One JSON value on one line, or the words.
    pub fn answer(&self, json: &Json, ja: &str, en: &str) {
        if self.json {
            write(&format!("{json}\n"));
        } else {
            let text = if self.language == Language::Japanese { ja } else { en };
            write(&format!("{text}\n"));
        }
    }

    /// One JSON array on one line, or a table under a head.
    pub fn table(&self, json: &Json, ja: &[&str], en: &[&str], rows: &[Vec<String>]) {
        if self.json {
            return write(&format!("{json}\n"));
        }
        let head = if self.language == Language::Japanese { ja } else { en };
        let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
        write(&aligned(std::iter::once(&head).chain(rows)));
    }

    /// A file, as it comes.
    pub fn bytes(bytes: &[u8]) {
        put(bytes);
    }

    pub fn failed(&self, failed: &Failed) -> ExitCode {
        let text = if self.json {
            failed.json(self.language).to_string()
        } else {
            failed.say(self.language)
        };
        // Nobody left to tell.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
        ExitCode::FAILURE
    }
}

fn write(text: &str) {
    put(text.as_bytes());
}

/// A reader that has seen enough, like `head`, is no failure.
fn put(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

fn aligned<'a>(rows: impl Iterator<Item = &'a Vec<String>> + Clone) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows.clone() {
        widths.resize(widths.len().max(row.len()), 0);
        for (most, cell) in widths.iter_mut().zip(row) {
            *most = (*most).max(width(cell));
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (most, cell) in widths.iter().zip(row) {
            line.push_str(cell);
            line.push_str(&" ".repeat(most - width(cell) + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Columns on a terminal: what Japanese is written with takes two.
fn width(text: &str) -> usize {
    text.chars()
        .map(|letter| if letter >= '\u{1100}' { 2 } else { 1 })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_one_another_in_japanese_too() {
        let rows = [
            vec!["佐藤".to_owned(), "a".to_owned()],
            vec!["x".to_owned(), "b".to_owned()],
        ];
        assert_eq!(aligned(rows.iter()), "佐藤  a\nx     b\n");
    }

    #[test]
    fn of_two_languages_one_is_read() {
        let text = "E-CA-07 鍵がありません。 / The key is away.";
        assert_eq!(Language::English.half(text), "E-CA-07 The key is away.");
        assert_eq!(Language::Japanese.half(text), "E-CA-07 鍵がありません。");
        assert_eq!(Language::Japanese.half("and / or"), "and / or");
    }
}
