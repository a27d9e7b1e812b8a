//! A fact as it is put on a page: values in the reader's words, what is unknown with its reason. What machines and
//! people are called stays as it is.

use kaishin_domain::time::Time;
use kaishin_domain::value::{Table, Value};

use crate::http::words::{Lang, grouped};

/// Facts whose texts are the program's own words, not names.
const WORDED: [&str; 15] = [
    "agent.platform",
    "connectivity.failed",
    "edge.disabled",
    "edge.missing",
    "network.connection",
    "oqs.status",
    "proxy.winhttp",
    "security.join",
    "update.active_set_by",
    "update.last_error",
    "update.mode",
    "update.policy_file_mode",
    "update.registry_mode",
    "update.service",
    "update.set_by",
];
/// The same for the columns of tables.
const WORDED_COLUMNS: [&str; 15] = [
    "agrees",
    "arp-offload",
    "check",
    "developer-mode",
    "enabled",
    "extension",
    "key",
    "kind",
    "location",
    "named",
    "proxy",
    "reached",
    "reasons",
    "signed-in",
    "state",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    Text(String),
    Time(Time),
    /// The reason, and what the terminal says of it in its own words.
    Unknown(String, String),
    List(Vec<String>),
    Table(Table),
}

impl Shown {
    /// On one line.
    pub fn line(self, lang: Lang) -> String {
        match self {
            Shown::Text(text) | Shown::Unknown(text, _) => text,
            Shown::Time(at) => lang.when(at),
            Shown::List(items) => items.join(lang.choose("、", ", ")),
            Shown::Table(table) => lang.with("table-rows", &[("count", &table.rows.len())]),
        }
    }
}

/// A setting is on or off; whatever else is true or false is a yes or a no.
pub fn shown(lang: Lang, key: &str, value: &Value) -> Shown {
    let setting = key.starts_with("power.");
    match value {
        Value::Truth(true) => Shown::Text(lang.t(if setting { "on" } else { "yes" })),
        Value::Truth(false) => Shown::Text(lang.t(if setting { "off" } else { "no" })),
        Value::Number(number) => Shown::Text(number.to_string()),
        Value::Text(text) => Shown::Text(text_of(lang, key, text)),
        Value::Version(version) => Shown::Text(version.to_string()),
        Value::Time(at) => Shown::Time(*at),
        // Windows says no seconds where it never does.
        Value::Duration(span) if setting && span.0 == 0 => Shown::Text(lang.choose("しない", "Never").to_owned()),
        Value::Duration(span) => Shown::Text(lang.span(*span)),
        Value::Size(bytes) => Shown::Text(size(*bytes)),
        Value::List(items) if items.is_empty() => Shown::Text(lang.t("none")),
        Value::List(items) => Shown::List(items.iter().map(|item| text_of(lang, key, item)).collect()),
        Value::Table(table) if table.rows.is_empty() => Shown::Text(lang.t("none")),
        Value::Table(table) => Shown::Table(in_words(lang, table)),
        Value::Unknown(unknown) => {
            let plainly = || lang.t(&format!("unknown-{}", unknown.reason.name()));
            let (words, own) = why(lang, &unknown.detail).unwrap_or_else(|| (plainly(), &unknown.detail));
            Shown::Unknown(words, own.to_owned())
        }
    }
}

/// What terminals often say of a value that they do not know, in the reader's words: more than the kind of its reason. And
/// what those words leave out.
fn why(lang: Lang, detail: &str) -> Option<(String, &str)> {
    let (said, rest) = detail.split_once(": ").unwrap_or((detail, ""));
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '\'');
    if said.is_empty() || !said.chars().all(letters) {
        return None;
    }
    let words = lang.try_t(&format!("why-{}", plain(&said.replace('\'', ""))))?;
    Some((words, rest))
}

/// A text of this fact in the reader's words, where it is one of the program's.
pub fn text_of(lang: Lang, key: &str, text: &str) -> String {
    if !WORDED.contains(&key) {
        return text.to_owned();
    }
    match text.split_once(": ") {
        Some((what, of)) => format!(
            "{}{}{of}",
            word(lang, "", what).unwrap_or_else(|| what.to_owned()),
            lang.choose("：", ": ")
        ),
        None => word(lang, "", text).unwrap_or_else(|| text.to_owned()),
    }
}

/// One of the program's words, as this column means it.
fn word(lang: Lang, column: &str, text: &str) -> Option<String> {
    let letters = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | '_');
    if text.is_empty() || !text.chars().all(letters) {
        return None;
    }
    let special = lang.try_t(&format!("value-{column}-{}", plain(text)));
    let worded = column.is_empty() || WORDED_COLUMNS.contains(&column);
    special.or_else(|| worded.then(|| lang.try_t(&format!("value-{}", plain(text)))).flatten())
}

/// `8.0 GB`, in the binary units that machines are sold by.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => {
            let unit = u128::from(*unit);
            let tenths = (u128::from(bytes) * 10 + unit / 2) / unit;
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None => format!("{} B", grouped(bytes)),
    }
}

fn plain(name: &str) -> String {
    let joined = name.replace("(%)", "percent").replace([' ', '_'], "-");
    joined.to_lowercase()
}

/// Columns are named as the collectors name them, in the reader's words where there are any.
fn in_words(lang: Lang, table: &Table) -> Table {
    let names: Vec<String> = table.columns.iter().map(|name| plain(name)).collect();
    let head = |(name, plain): (&String, &String)| lang.try_t(&format!("col-{plain}")).unwrap_or_else(|| name.clone());
    let cell = |(at, text): (usize, &String)| {
        let column = names.get(at).map_or("", String::as_str);
        if column == "reasons" {
            let reasons = text
                .split(", ")
                .map(|one| word(lang, column, one).unwrap_or_else(|| one.to_owned()));
            return reasons.collect::<Vec<_>>().join(lang.choose("、", ", "));
        }
        // A moment is written like one; a drive's space in the same unit as everywhere.
        let said = word(lang, column, text).or_else(|| Time::parse(text).map(|at| lang.when(at)));
        said.unwrap_or_else(|| text.replace(" GiB", " GB"))
    };
    Table {
        columns: table.columns.iter().zip(&names).map(head).collect(),
        rows: table
            .rows
            .iter()
            .map(|row| row.iter().enumerate().map(cell).collect())
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use kaishin_domain::time::Span;
    use kaishin_domain::value::Reason;

    use super::*;

    #[test]
    fn a_terminal_that_never_sleeps_says_so() {
        let never = Value::Duration(Span(0));
        assert_eq!(shown(Lang::Ja, "power.sleep_ac", &never), Shown::Text("しない".into()));
        assert_eq!(shown(Lang::En, "power.sleep_dc", &never), Shown::Text("Never".into()));
        assert_eq!(shown(Lang::Ja, "time.offset", &never), Shown::Text("0.0秒".into()));
    }

    #[test]
    fn values_are_told_as_people_say_them() {
        let table = |rows| {
            Value::Table(Table {
                columns: vec!["version".into(), "strange".into(), "signed in".into(), "expires".into()],
                rows,
            })
        };
        assert_eq!(
            shown(Lang::Ja, "time.offset", &Value::Duration(Span::millis(-350))),
            Shown::Text("-0.3秒".into())
        );
        assert_eq!(shown(Lang::En, "edge.crx", &table(vec![])), Shown::Text("None".into()));
        let row = ["1", "yes", "yes", "2026-11-20T05:05:00Z"].map(str::to_owned).to_vec();
        let Shown::Table(shown) = shown(Lang::Ja, "edge.crx", &table(vec![row])) else {
            panic!("a table is shown as a table");
        };
        assert_eq!(shown.columns, ["版数", "strange", "サインイン中", "期限"]);
        assert_eq!(shown.rows[0], ["1", "yes", "はい", "2026/11/20（金）14:05"]);
        assert_eq!(Shown::Table(shown).line(Lang::Ja), "1件");
        assert_eq!(Shown::List(vec!["a".into(), "b".into()]).line(Lang::Ja), "a、b");
    }

    #[test]
    fn the_programs_own_words_are_the_readers_and_names_stay() {
        for (key, text, ja) in [
            ("update.mode", "notify", "通知のみ"),
            ("update.mode", "0x80070005", "0x80070005"),
            ("os.hostname", "manual", "manual"),
            (
                "edge.disabled",
                "delegate: uketsuke/Default",
                "目視確認：uketsuke/Default",
            ),
        ] {
            assert_eq!(text_of(Lang::Ja, key, text), ja, "{key} {text}");
        }
        for key in WORDED {
            assert!(kaishin_domain::fact::find(key).is_some(), "{key} is in the catalogue");
        }
    }

    #[test]
    fn every_reason_for_not_knowing_has_its_words() {
        for reason in Reason::ALL {
            for lang in Lang::ALL {
                let Shown::Unknown(text, _) = shown(lang, "os.edition", &Value::unknown(reason, "")) else {
                    panic!("unknown is shown as unknown");
                };
                assert!(!text.contains("localization"), "{text}");
            }
        }
    }

    #[test]
    fn what_terminals_often_say_is_told_in_the_readers_words() {
        let told = |lang, detail| shown(lang, "os.edition", &Value::unknown(Reason::NotFound, detail));
        for (detail, ja, en) in [
            ("the password never expires", "期限がありません", "no end"),
            (
                "nothing is installed by itself: manual",
                "インストールされない",
                "nothing is set",
            ),
            ("only Windows' shares are known", "取得しません", "of Windows"),
            (r"HKLM\SOFTWARE\X not found", "見つかりません", "not found"),
            ("", "見つかりません", "not found"),
        ] {
            for (lang, words) in [(Lang::Ja, ja), (Lang::En, en)] {
                let Shown::Unknown(reason, own) = told(lang, detail) else {
                    panic!("unknown is shown as unknown");
                };
                assert!(reason.contains(words) && !reason.contains("localization"), "{reason}");
                let worded = why(lang, detail).is_some();
                assert_eq!(
                    own,
                    if worded {
                        detail.split_once(": ").map_or("", |told| told.1)
                    } else {
                        detail
                    }
                );
            }
        }
    }

    #[test]
    fn sizes_are_told_as_people_know_them() {
        assert_eq!([8 << 30, 1536 << 20, 500].map(size), ["8.0 GB", "1.5 GB", "500 B"]);
    }
}
