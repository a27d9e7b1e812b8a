//! What could be typed next: keys, operators, values. What values there are is asked of whoever calls.

use super::field::{Field, Kind, OPEN, SEVERITIES, Standing};
use super::literal::{NONE, is_quote};
use super::term::Op;
use crate::fold::{fold, narrow};

/// How many are offered.
const MOST: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Key,
    Operator,
    Value,
    Keyword,
}

impl Part {
    pub fn name(self) -> &'static str {
        match self {
            Part::Key => "key",
            Part::Operator => "operator",
            Part::Value => "value",
            Part::Keyword => "keyword",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    pub part: Part,
    /// What replaces the piece of text.
    pub text: String,
    pub ja: String,
    pub en: String,
    /// How many terminals have the value.
    pub count: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The piece that a suggestion replaces: characters from the start, `to` not included.
    pub from: usize,
    pub to: usize,
    pub suggestions: Vec<Suggestion>,
}

/// What stands before the cursor.
enum Here {
    /// A word that may become a key, from this character on.
    Word(usize),
    /// A value after a key and an operator.
    Value {
        key: String,
        op_at: usize,
        from: usize,
        quoted: bool,
    },
}

/// Suggestions for the piece of text at the cursor, a number of characters from the start. `values` answers which values
/// of a field begin with or contain the folded text, with how many terminals have each.
pub fn complete(text: &str, cursor: usize, values: impl Fn(Field, &str, usize) -> Vec<(String, u64)>) -> Completion {
    let chars: Vec<char> = text.chars().collect();
    let cursor = cursor.min(chars.len());
    match here(&chars[..cursor]) {
        Here::Word(from) => {
            let typed: String = chars[from..cursor].iter().collect();
            let negated = usize::from(typed.chars().next().map(narrow) == Some('-'));
            let typed: String = typed.chars().skip(negated).collect();
            Completion {
                from: from + negated,
                to: cursor,
                suggestions: words(&typed, from > 0),
            }
        }
        Here::Value {
            key,
            op_at,
            from,
            quoted,
        } => {
            let typed: String = chars[from + usize::from(quoted)..cursor].iter().collect();
            let suggestions = match (fold(&key).as_str(), Field::find(&key)) {
                ("has" | "unknown", _) if narrow(chars[op_at]) == ':' => keys(&typed, ""),
                (_, Some(field)) => of_field(field, &typed, quoted, values),
                (_, None) => Vec::new(),
            };
            Completion {
                from,
                to: cursor,
                suggestions,
            }
        }
    }
}

fn here(chars: &[char]) -> Here {
    let mut here = Here::Word(0);
    // Where the last word ended, for an operator after a space.
    let mut word: Option<(usize, usize)> = None;
    let mut at = 0;
    while let Some(c) = chars.get(at).copied() {
        let plain = narrow(c);
        at += 1;
        match &mut here {
            Here::Value { from, quoted, .. } if *quoted => {
                if is_quote(c) && chars.get(at.wrapping_sub(2)) != Some(&'\\') {
                    here = Here::Word(at);
                    word = None;
                } else {
                    let _ = from;
                }
            }
            Here::Value { from, quoted, .. } if *from + 1 == at => {
                // The first character of the value: blanks before it do not count.
                if plain.is_whitespace() || (plain == '=' && matches!(chars.get(at.wrapping_sub(2)), Some('<' | '>'))) {
                    *from = at;
                } else {
                    *quoted = is_quote(c);
                }
            }
            Here::Value { .. } if plain.is_whitespace() || matches!(plain, '(' | ')') => {
                here = Here::Word(at);
                word = None;
            }
            Here::Value { .. } => {}
            Here::Word(from) => match plain {
                ':' | '=' | '<' | '>' => {
                    let (start, end) = if *from + 1 < at {
                        (*from, at - 1)
                    } else {
                        word.unwrap_or((at, at))
                    };
                    let key: String = chars.get(start..end).unwrap_or_default().iter().collect();
                    let key = key.trim_matches(|c| matches!(narrow(c), '-' | '!')).to_owned();
                    here = Here::Value {
                        key,
                        op_at: at - 1,
                        from: at,
                        quoted: false,
                    };
                }
                plain if plain.is_whitespace() => {
                    if *from + 1 < at {
                        word = Some((*from, at - 1));
                    }
                    *from = at;
                }
                '(' | ')' => {
                    word = None;
                    *from = at;
                }
                _ => {}
            },
        }
    }
    here
}

fn suggestion(part: Part, text: impl Into<String>, ja: impl Into<String>, en: impl Into<String>) -> Suggestion {
    let (text, ja, en) = (text.into(), ja.into(), en.into());
    Suggestion {
        part,
        text,
        ja,
        en,
        count: None,
    }
}

fn words(typed: &str, goes_on: bool) -> Vec<Suggestion> {
    let mut found = Vec::new();
    if let Some(field) = Field::find(typed).filter(|field| field.indexed()) {
        let fitting = Op::ALL.into_iter().filter(|op| op.fits(field.kind()));
        found.extend(fitting.map(|op| {
            let (ja, en) = meaning(op, field.kind());
            suggestion(Part::Operator, format!("{}{op}", field.name()), ja, en)
        }));
    }
    let keywords = [
        ("AND", "両方", "both", true),
        ("OR", "どちらか", "either", true),
        ("NOT", "以外", "not", false),
        ("has:", "値がわかっている", "is known", false),
        ("unknown:", "値が不明", "is not known", false),
    ];
    let upper = typed.to_uppercase();
    let fits = |word: &str| !typed.is_empty() && word.to_uppercase().starts_with(&upper);
    let fitting = keywords
        .iter()
        .filter(|(word, .., second)| (goes_on || !second) && fits(word));
    found.extend(fitting.map(|(word, ja, en, _)| suggestion(Part::Keyword, *word, *ja, *en)));
    found.extend(keys(typed, ":"));
    found.truncate(MOST);
    found
}

/// Keys that are like what was typed, the nearest first; all own ones where nothing was.
fn keys(typed: &str, after: &str) -> Vec<Suggestion> {
    let typed = fold(typed);
    let likeness = |field: Field| {
        let name = field.name();
        let last = name.rsplit('.').next().unwrap_or(name);
        let labels = [fold(field.ja()), fold(field.en())];
        if name.starts_with(&typed) {
            Some(0)
        } else if last.starts_with(&typed) {
            Some(1)
        } else if labels.iter().any(|label| label.starts_with(&typed)) {
            Some(2)
        } else if name.contains(&typed) || labels.iter().any(|label| label.contains(&typed)) {
            Some(3)
        } else {
            None
        }
    };
    let mut near: Vec<(u8, Field)> = Field::all()
        .filter(|field| field.indexed())
        .filter_map(|field| likeness(field).map(|likeness| (likeness, field)))
        .collect();
    near.sort_by_key(|(likeness, _)| *likeness);
    near.truncate(MOST);
    let shown = near.into_iter();
    shown
        .map(|(_, field)| suggestion(Part::Key, format!("{}{after}", field.name()), field.ja(), field.en()))
        .collect()
}

fn meaning(op: Op, kind: Kind) -> (&'static str, &'static str) {
    match (op, kind) {
        (Op::Has, Kind::Several) => ("を含む", "has"),
        (Op::Has, Kind::Text) => ("である（*が使えます）", "is (takes *)"),
        (Op::Has | Op::Equal, _) => ("と同じ", "is"),
        (Op::NotEqual, _) => ("ではない", "is not"),
        (Op::Less, Kind::Time) => ("より前（経過ならより短い）", "before (of an age: less)"),
        (Op::Greater, Kind::Time) => ("より後（経過ならより長い）", "after (of an age: more)"),
        (Op::Less, _) => ("より小さい", "less than"),
        (Op::LessOrEqual, _) => ("以下", "at most"),
        (Op::Greater, _) => ("より大きい", "more than"),
        (Op::GreaterOrEqual, _) => ("以上", "at least"),
    }
}

fn of_field(
    field: Field,
    typed: &str,
    quoted: bool,
    values: impl Fn(Field, &str, usize) -> Vec<(String, u64)>,
) -> Vec<Suggestion> {
    let folded = fold(typed);
    let mut found: Vec<Suggestion> = Vec::new();
    let counted = values(field, &folded, MOST);
    let fixed = fixed(field);
    for (word, ja, en) in fixed.iter().filter(|(word, ..)| !quoted && word.starts_with(&folded)) {
        let count = counted.iter().find(|(value, _)| value == word).map(|(_, count)| *count);
        found.push(Suggestion {
            count,
            ..suggestion(Part::Value, *word, *ja, *en)
        });
    }
    for (value, count) in counted {
        if !fixed.iter().any(|(word, ..)| *word == value) {
            let text = super::literal::worded(&value);
            found.push(Suggestion {
                count: Some(count),
                ..suggestion(Part::Value, text, value.clone(), value)
            });
        }
    }
    found.truncate(MOST);
    found
}

/// Words that a field takes whatever the fleet is like.
fn fixed(field: Field) -> Vec<(&'static str, &'static str, &'static str)> {
    let mut fixed: Vec<(&str, &str, &str)> = match field.kind() {
        Kind::Truth => vec![("yes", "はい・有効", "yes"), ("no", "いいえ・無効", "no")],
        Kind::Standing => Standing::ALL.iter().map(|standing| (standing.name(), "", "")).collect(),
        Kind::Time => vec![
            ("1d", "1日", "one day"),
            ("7d", "7日", "seven days"),
            ("30d", "30日", "thirty days"),
        ],
        Kind::Number | Kind::Text | Kind::Version | Kind::Duration | Kind::Size | Kind::Several => Vec::new(),
    };
    if field == Field::Fault {
        fixed.extend([("any", "いずれか", "any"), (NONE, "なし", "none")]);
        fixed.extend(SEVERITIES.iter().map(|severity| (*severity, "重さ", "severity")));
    }
    if field == Field::Job {
        let any = ("any", "いずれか", "any");
        fixed.extend([
            any,
            (NONE, "なし", "none"),
            (OPEN, "終わっていない", "without a result"),
        ]);
    }
    fixed.extend(field.choices().into_iter().flatten().map(|choice| (*choice, "", "")));
    let always_known = matches!(field.kind(), Kind::Standing | Kind::Several) || field == Field::Online;
    if !always_known {
        fixed.push(("unknown", "不明", "not known"));
    }
    fixed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn models(field: Field, typed: &str, most: usize) -> Vec<(String, u64)> {
        let all = match field.name() {
            "hardware.model" => vec![("ThinkPad E14 Gen 2", 81), ("VersaPro", 7)],
            "online" => vec![("yes", 190), ("no", 10)],
            "facility.prefecture" => vec![("東京都", 12)],
            _ => vec![],
        };
        let fits = all.into_iter().filter(|(value, _)| fold(value).contains(typed));
        fits.take(most)
            .map(|(value, count)| (value.to_owned(), count))
            .collect()
    }

    fn offered(text: &str) -> (usize, Vec<String>) {
        let completion = complete(text, text.chars().count(), models);
        let texts = completion.suggestions.into_iter().map(|one| one.text);
        (completion.from, texts.collect())
    }

    #[test]
    fn keys_operators_and_values_are_offered_where_they_fit() {
        for (text, from, first) in [
            ("hostn", 0, "hostname:"),
            ("model", 0, "hardware.model:"),
            ("online:yes bui", 11, "os.build:"),
            ("-bui", 1, "os.build:"),
            ("都道", 0, "facility.prefecture:"),
            ("model:th", 6, "\"ThinkPad E14 Gen 2\""),
            ("model : \"Thi", 8, "\"ThinkPad E14 Gen 2\""),
            ("online:", 7, "yes"),
            ("(prefecture:東", 12, "東京都"),
            ("has:power.f", 4, "power.fast_startup"),
            ("fault:se", 6, "serious"),
            ("job.fast-startup-off:fa", 21, "failed"),
            ("os.version", 0, "os.version:"),
            ("a O", 2, "OR"),
        ] {
            let (found_from, found) = offered(text);
            assert_eq!(
                (found_from, found.first().map(String::as_str)),
                (from, Some(first)),
                "{text}: {found:?}"
            );
        }
        assert!(offered("os.version").1.contains(&"os.version>=".to_owned()));
        assert!(offered("a OR").1.contains(&"OR".to_owned()));
        assert_eq!(offered("nothing.like:x").1, Vec::<String>::new());
        let yes = complete("online:", 7, models).suggestions.remove(0);
        assert_eq!(yes.count, Some(190));
    }

    proptest! {
        #[test]
        fn whatever_is_typed_gets_suggestions_that_fit_in(text in "\\PC{0,20}|[a-z:=<>\"\\\\ ()!*-]{0,24}", cursor in 0_usize..30) {
            let completion = complete(&text, cursor, models);
            prop_assert!(completion.from <= completion.to && completion.to <= text.chars().count());
            prop_assert!(completion.suggestions.len() <= MOST);
        }
    }
}
