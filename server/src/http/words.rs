//! The dashboard's words in Japanese and English (`web/locales`), and dates as people here write them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;

use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{LanguageIdentifier, Loader, langid, static_loader};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use kaishin_domain::time::Time;

static_loader! {
    static LOCALES = {
        locales: "../web/locales",
        fallback_language: "ja",
        // Isolation marks would end up in copied text and in CSV.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

static JA: LanguageIdentifier = langid!("ja");
static EN: LanguageIdentifier = langid!("en");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    Ja,
    En,
}

impl Lang {
    pub const ALL: [Lang; 2] = [Lang::Ja, Lang::En];

    pub fn code(self) -> &'static str {
        match self {
            Lang::Ja => "ja",
            Lang::En => "en",
        }
    }

    /// Its own name in itself, for the switch.
    pub fn name(self) -> &'static str {
        match self {
            Lang::Ja => "日本語",
            Lang::En => "English",
        }
    }

    pub fn other(self) -> Lang {
        match self {
            Lang::Ja => Lang::En,
            Lang::En => Lang::Ja,
        }
    }

    pub fn from_code(code: &str) -> Option<Lang> {
        Lang::ALL.into_iter().find(|lang| lang.code() == code)
    }

    /// The first language of the browser's list that we speak; Japanese otherwise.
    pub fn accepted(header: &str) -> Lang {
        header
            .split(',')
            .filter_map(|part| part.split([';', '-']).next())
            .find_map(|code| Lang::from_code(code.trim()))
            .unwrap_or(Lang::Ja)
    }

    fn id(self) -> &'static LanguageIdentifier {
        match self {
            Lang::Ja => &JA,
            Lang::En => &EN,
        }
    }

    pub fn t(self, key: &str) -> String {
        LOCALES.lookup(self.id(), key)
    }

    pub fn try_t(self, key: &str) -> Option<String> {
        LOCALES.try_lookup(self.id(), key)
    }

    pub fn with(self, key: &str, args: &[(&'static str, &dyn Display)]) -> String {
        let args: HashMap<Cow<'static, str>, FluentValue<'_>> = args
            .iter()
            .map(|(name, value)| (Cow::Borrowed(*name), argument(value.to_string())))
            .collect();
        LOCALES.lookup_with_args(self.id(), key, &args)
    }

    pub fn of(self, words: &kaishin_domain::words::Words) -> &str {
        match self {
            Lang::Ja => &words.ja,
            Lang::En => &words.en,
        }
    }

    pub fn choose<'a>(self, ja: &'a str, en: &'a str) -> &'a str {
        match self {
            Lang::Ja => ja,
            Lang::En => en,
        }
    }

    /// `2026/11/20（金）14:05` or `2026-11-20 14:05 JST`; times are always those of the clinics.
    pub fn when(self, at: Time) -> String {
        let Some(at) = in_japan(at) else { return at.to_string() };
        match self {
            Lang::Ja => {
                let day = weekday(&at);
                format!("{}（{day}）{}", at.strftime("%Y/%m/%d"), at.strftime("%H:%M"))
            }
            Lang::En => at.strftime("%Y-%m-%d %H:%M JST").to_string(),
        }
    }

    /// `11/20（金）` or `Fri 20 Nov`.
    pub fn day(self, at: Time) -> String {
        let Some(at) = in_japan(at) else { return at.to_string() };
        match self {
            Lang::Ja => format!("{}（{}）", at.strftime("%-m/%-d"), weekday(&at)),
            Lang::En => at.strftime("%a %-d %b").to_string(),
        }
    }

    /// A span as people say it: its two largest parts.
    pub fn span(self, span: kaishin_domain::time::Span) -> String {
        const UNITS: [(i64, &str, &str); 4] = [
            (86_400, "日", "d"),
            (3_600, "時間", "h"),
            (60, "分", "min"),
            (1, "秒", "s"),
        ];
        let micros = span.0.unsigned_abs();
        let sign = if span.0 < 0 { "-" } else { "" };
        if micros < 10_000_000 {
            let tenths = micros / 100_000;
            let (whole, tenth) = (tenths / 10, tenths % 10);
            return format!("{sign}{whole}.{tenth}{}", self.choose("秒", " s"));
        }
        let mut left = i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX);
        let mut parts = Vec::new();
        for (size, ja, en) in UNITS {
            if left >= size && parts.len() < 2 {
                parts.push(match self {
                    Lang::Ja => format!("{}{ja}", left / size),
                    Lang::En => format!("{} {en}", left / size),
                });
                left %= size;
            } else if !parts.is_empty() {
                break;
            }
        }
        format!("{sign}{}", parts.join(self.choose("", " ")))
    }

    /// As it is said on the phone and stands in a ticket.
    pub fn hour_and_minute(self, at: Time) -> String {
        in_japan(at).map_or_else(|| at.to_string(), |at| at.strftime("%H:%M").to_string())
    }

    /// To the second, for steps that follow one another closely.
    pub fn clock_time(self, at: Time) -> String {
        in_japan(at).map_or_else(|| at.to_string(), |at| at.strftime("%H:%M:%S").to_string())
    }
}

/// One alone is a number to the texts: the only count that English says otherwise. All else is shown as it is.
fn argument(text: String) -> FluentValue<'static> {
    if text == "1" {
        FluentValue::from(1)
    } else {
        FluentValue::from(text)
    }
}

fn weekday(at: &Zoned) -> &'static str {
    let days = ["月", "火", "水", "木", "金", "土", "日"];
    days[usize::from(at.weekday().to_monday_zero_offset().unsigned_abs())]
}

fn in_japan(at: Time) -> Option<Zoned> {
    static TOKYO: std::sync::LazyLock<TimeZone> = std::sync::LazyLock::new(|| {
        TimeZone::get("Asia/Tokyo").unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(9)))
    });
    Some(Timestamp::from_microsecond(at.micros()).ok()?.to_zoned(TOKYO.clone()))
}

/// `12,483`
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;

    fn web() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../web")
    }

    fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(dir).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                found.extend(files(&path, ending));
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
        found
    }

    fn keys(lang: Lang) -> BTreeSet<String> {
        files(&web().join("locales").join(lang.code()), ".ftl")
            .iter()
            .flat_map(|file| {
                let text = std::fs::read_to_string(file).expect("a locale file");
                text.lines()
                    .filter_map(|line| line.split_once(" = ").map(|(key, _)| key.to_owned()))
                    .filter(|key| !key.starts_with(' '))
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// Every literal key given to `t`, `t1`, `t2` or `with`.
    fn used(text: &str) -> BTreeSet<String> {
        [".t(\"", ".t1(\"", ".t2(\"", ".with(\""]
            .iter()
            .flat_map(|call| {
                text.split(call)
                    .skip(1)
                    .filter_map(|rest| rest.split_once('"').map(|(key, _)| key.to_owned()))
            })
            .collect()
    }

    #[test]
    fn both_languages_say_the_same_things() {
        assert_eq!(keys(Lang::Ja), keys(Lang::En));
    }

    #[test]
    fn every_key_that_pages_use_exists() {
        let known = keys(Lang::Ja);
        let code = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
        for file in files(&web().join("templates"), ".html")
            .into_iter()
            .chain(files(&code, ".rs"))
        {
            if file.ends_with("words.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&file).expect("a file");
            for key in used(&text) {
                assert!(
                    known.contains(&key),
                    "{} uses {key:?}, which has no words",
                    file.display()
                );
            }
        }
    }

    #[test]
    fn dates_are_those_of_the_clinics() {
        let at = Time(1_795_151_100_000_000);
        assert_eq!(Lang::Ja.when(at), "2026/11/20（金）14:05");
        assert_eq!(Lang::En.when(at), "2026-11-20 14:05 JST");
    }

    #[test]
    fn days_are_those_of_japan_and_spans_are_said_in_two_parts() {
        let at = Time(1_795_151_100_000_000);
        assert_eq!(Lang::Ja.day(at), "11/20（金）");
        let said = |seconds| {
            let span = kaishin_domain::time::Span::seconds(seconds);
            (Lang::Ja.span(span), Lang::En.span(span))
        };
        assert_eq!(said(3 * 86_400 + 7_260), ("3日2時間".into(), "3 d 2 h".into()));
        assert_eq!(said(-90), ("-1分30秒".into(), "-1 min 30 s".into()));
        assert_eq!(said(2), ("2.0秒".into(), "2.0 s".into()));
        assert_eq!(said(3_600), ("1時間".into(), "1 h".into()));
    }

    #[test]
    fn the_browser_is_asked_for_its_language_and_japanese_is_ours() {
        assert_eq!(Lang::accepted("en-US,en;q=0.9,ja;q=0.8"), Lang::En);
        assert_eq!(Lang::accepted("fr,ja;q=0.5,en;q=0.4"), Lang::Ja);
        assert_eq!(Lang::accepted(""), Lang::Ja);
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [0, 999, 1000, 230_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "230,000", "1,234,567"]
        );
    }
}
