//! What is wrong with an expression, where, and what would be right: in both languages.

use std::fmt;

use super::field::{Field, Kind};
use super::term::Op;

/// An expression that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {ja} / {en}", code = self.code(), ja = self.ja(), en = self.en())]
pub struct ParseError {
    /// Where it is wrong: characters from the start, not bytes.
    pub at: usize,
    /// How many characters are wrong; 0 where something is missing.
    pub len: usize,
    pub problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    TermMissing,
    UnknownKey {
        key: String,
        alike: Vec<&'static str>,
    },
    ValueMissing {
        key: &'static str,
        kind: Kind,
    },
    ValueWrong {
        key: &'static str,
        kind: Kind,
        value: String,
    },
    OperatorWrong {
        key: &'static str,
        kind: Kind,
        op: Op,
    },
    QuoteOpen,
    ParenthesisOpen,
    ParenthesisExtra,
    TooLong {
        most: usize,
    },
    TooDeep {
        most: usize,
    },
    NotIndexed {
        key: &'static str,
    },
    OperatorAlone,
    /// A minus that stands before nothing.
    MinusAlone,
    /// No letter and no digit to look for.
    WordEmpty,
    KeywordSmall {
        word: String,
        keyword: &'static str,
    },
}

impl ParseError {
    pub fn code(&self) -> &'static str {
        match self.problem {
            Problem::TermMissing => "E-EXPR-01",
            Problem::UnknownKey { .. } => "E-EXPR-02",
            Problem::ValueMissing { .. } => "E-EXPR-03",
            Problem::ValueWrong { .. } => "E-EXPR-04",
            Problem::OperatorWrong { .. } => "E-EXPR-05",
            Problem::QuoteOpen => "E-EXPR-06",
            Problem::ParenthesisOpen => "E-EXPR-07",
            Problem::ParenthesisExtra => "E-EXPR-08",
            Problem::TooLong { .. } => "E-EXPR-09",
            Problem::TooDeep { .. } => "E-EXPR-10",
            Problem::NotIndexed { .. } => "E-EXPR-11",
            Problem::OperatorAlone => "E-EXPR-12",
            Problem::MinusAlone => "E-EXPR-13",
            Problem::WordEmpty => "E-EXPR-14",
            Problem::KeywordSmall { .. } => "E-EXPR-15",
        }
    }

    /// What could stand at this place.
    pub fn expected(&self) -> Vec<String> {
        match &self.problem {
            Problem::TermMissing | Problem::OperatorAlone => vec!["key:value".into(), "text".into(), "(".into()],
            Problem::UnknownKey { alike, .. } if !alike.is_empty() => {
                alike.iter().map(|key| (*key).to_owned()).collect()
            }
            Problem::UnknownKey { .. } | Problem::NotIndexed { .. } => COMMON.map(str::to_owned).into(),
            Problem::ValueMissing { key, kind } | Problem::ValueWrong { key, kind, .. } => {
                let choices = Field::find(key).and_then(Field::choices);
                let choices = choices.unwrap_or_else(|| examples(*kind));
                choices.iter().map(|value| (*value).to_owned()).collect()
            }
            Problem::OperatorWrong { kind, .. } => {
                let fitting = Op::ALL.into_iter().filter(|op| op.fits(*kind));
                fitting.map(|op| op.to_string()).collect()
            }
            Problem::MinusAlone => vec!["-key:value".into(), "-text".into(), "-(".into()],
            Problem::WordEmpty => vec!["text".into(), "key:value".into(), "*".into()],
            Problem::KeywordSmall { word, keyword } => vec![(*keyword).to_owned(), format!("\"{word}\"")],
            Problem::QuoteOpen => vec!["\"".into()],
            Problem::ParenthesisOpen => vec![")".into()],
            Problem::ParenthesisExtra => vec!["OR".into(), "key:value".into(), "text".into()],
            Problem::TooLong { most } | Problem::TooDeep { most } => vec![format!("<={most}")],
        }
    }

    pub fn ja(&self) -> String {
        let place = self.at + 1;
        let listed = self.expected().join("、");
        match &self.problem {
            Problem::TermMissing => {
                format!("{place}文字目に条件がありません。「項目:値」か検索する言葉を入れてください。")
            }
            Problem::UnknownKey { key, alike } if alike.is_empty() => {
                format!(
                    "「{key}」という項目はありません。言葉として探すときは\"\"で囲んでください。よく使う項目: {listed}"
                )
            }
            Problem::UnknownKey { key, .. } => format!("「{key}」という項目はありません。候補: {listed}"),
            Problem::ValueMissing { key, .. } => format!("「{key}」の値がありません。例: {listed}"),
            Problem::ValueWrong { key, value, .. } => {
                format!("「{value}」は「{key}」の値として読めません。例: {listed}")
            }
            Problem::OperatorWrong { key, op, .. } => format!("「{key}」に「{op}」は使えません。使える記号: {listed}"),
            Problem::QuoteOpen => format!("{place}文字目の引用符が閉じていません。\"を足してください。"),
            Problem::ParenthesisOpen => format!("{place}文字目の括弧が閉じていません。)を足してください。"),
            Problem::ParenthesisExtra => format!("{place}文字目の)に対応する(がありません。"),
            Problem::TooLong { most } => format!("条件が長すぎます。{most}文字以内にしてください。"),
            Problem::TooDeep { most } => format!("括弧や否定の入れ子が深すぎます。{most}段以内にしてください。"),
            Problem::NotIndexed { key } => {
                format!("「{key}」では絞り込めません。端末の画面で確認してください。よく使う項目: {listed}")
            }
            Problem::OperatorAlone => {
                format!("{place}文字目の記号の前に項目がありません。「項目:値」の形にしてください。")
            }
            Problem::MinusAlone => format!(
                "{place}文字目の-の後に条件がありません。「でない」は、-fault:any のように空白を空けずに続けて書いてください。"
            ),
            Problem::WordEmpty => {
                format!("{place}文字目の言葉に、探せる文字も数字もありません。すべての端末は*と書いてください。")
            }
            Problem::KeywordSmall { word, keyword } => format!(
                "{place}文字目の「{word}」は、大文字で{keyword}と書いてください。言葉として探すときは\"\"で囲んでください。"
            ),
        }
    }

    pub fn en(&self) -> String {
        let place = self.at + 1;
        let listed = self.expected().join(", ");
        match &self.problem {
            Problem::TermMissing => {
                format!("A condition is missing at character {place}. Write key:value or a word to search for.")
            }
            Problem::UnknownKey { key, alike } if alike.is_empty() => {
                format!("There is no key \"{key}\". To search for it as text, put it in quotes. Common keys: {listed}")
            }
            Problem::UnknownKey { key, .. } => format!("There is no key \"{key}\". Did you mean: {listed}"),
            Problem::ValueMissing { key, .. } => format!("The value of {key} is missing. Examples: {listed}"),
            Problem::ValueWrong { key, value, .. } => {
                format!("\"{value}\" is not a value of {key}. Examples: {listed}")
            }
            Problem::OperatorWrong { key, op, .. } => format!("{key} cannot be compared with {op}. Use: {listed}"),
            Problem::QuoteOpen => format!("The quote at character {place} is not closed. Add a \"."),
            Problem::ParenthesisOpen => format!("The parenthesis at character {place} is not closed. Add a )."),
            Problem::ParenthesisExtra => format!("The ) at character {place} closes nothing. Remove it."),
            Problem::TooLong { most } => format!("The expression is too long. Keep it within {most} characters."),
            Problem::TooDeep { most } => {
                format!("Parentheses and negations are nested too deeply. Keep them within {most} levels.")
            }
            Problem::NotIndexed { key } => {
                format!(
                    "Terminals cannot be filtered by {key}. Look at it on the terminal's page. Common keys: {listed}"
                )
            }
            Problem::OperatorAlone => {
                format!("There is no key before the operator at character {place}. Write key:value.")
            }
            Problem::MinusAlone => format!(
                "Nothing follows the - at character {place}. For \"not\", write it without a space, as in -fault:any."
            ),
            Problem::WordEmpty => format!(
                "The word at character {place} has no letter or digit to search for. Write * for every terminal."
            ),
            Problem::KeywordSmall { word, keyword } => format!(
                "Write \"{word}\" at character {place} in capitals: {keyword}. To search for it as text, put it in quotes."
            ),
        }
    }
}

/// What people ask by most, for whoever has named something that is no key.
const COMMON: [&str; 7] = [
    "hostname",
    "facility.name",
    "prefecture",
    "fault",
    "hardware.model",
    "os.version",
    "last_seen",
];

fn examples(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Truth => &["yes", "no", "unknown"],
        Kind::Number => &["19044", "unknown"],
        Kind::Text => &["\"ThinkPad E14 Gen 2\"", "UKETSUKE*", "unknown"],
        Kind::Version => &["2.0.0.0", "unknown"],
        Kind::Time => &["7d", "12h", "+60d", "2026-11-21", "2026-11-21T19:00", "unknown"],
        Kind::Duration => &["90s", "5m", "unknown"],
        Kind::Size => &["8GB", "500MB", "unknown"],
        Kind::Several => &["any", "fast-startup-on", "fast*"],
        Kind::Standing => &["active", "revoked", "duplicate", "incompatible"],
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
