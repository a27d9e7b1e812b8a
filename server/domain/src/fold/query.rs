//! What somebody types to find a facility or a terminal: the same words for the search bar, the lists and the filters.

use super::key::{is_law, search_key};
use super::number::typed_number;

/// One word as it is looked for: by its key, and by its digits where it is written like a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    raw: String,
    key: String,
    digits: Option<String>,
}

impl Word {
    pub fn new(raw: &str) -> Word {
        let key = search_key(raw);
        let digits = typed_number(raw).filter(|digits| *digits != key);
        Word {
            raw: raw.to_owned(),
            key,
            digits,
        }
    }

    /// As it was typed.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    /// Any of these is the word.
    pub fn forms(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.key.as_str()).chain(self.digits.as_deref())
    }

    /// Whether it stands in lines that are keys.
    pub fn is_in(&self, lines: &str) -> bool {
        self.forms().any(|form| lines.contains(form))
    }

    /// Nothing but words of law, which say nothing beside a name.
    pub fn is_law(&self) -> bool {
        is_law(&self.key)
    }
}

/// All that was typed: every word must be there, or the whole of it as one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    words: Vec<Word>,
    number: Option<Word>,
}

impl Query {
    pub fn read(text: &str) -> Query {
        let mut words: Vec<Word> = text.split_whitespace().map(Word::new).collect();
        words.retain(|word| !word.key.is_empty());
        if words.iter().any(|word| !word.is_law()) {
            words.retain(|word| !word.is_law());
        }
        let number = typed_number(text).filter(|_| words.len() > 1);
        Query {
            words,
            number: number.map(|digits| Word::new(&digits)),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// Each way to understand it, the likeliest first.
    pub fn readings(&self) -> impl Iterator<Item = &[Word]> {
        self.number
            .as_slice()
            .iter()
            .map(std::slice::from_ref)
            .chain([self.words.as_slice()])
    }

    /// Whether lines that are keys answer to it; to nothing, all do.
    pub fn is_in(&self, lines: &str) -> bool {
        self.readings().any(|words| words.iter().all(|word| word.is_in(lines)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<String> {
        Query::read(text)
            .words()
            .iter()
            .map(|word| word.key().to_owned())
            .collect()
    }

    #[test]
    fn words_of_law_beside_a_name_are_not_asked_for() {
        assert_eq!(keys(" 東京　ｻｸﾗ "), ["東京", "さくら"]);
        assert_eq!(keys("医療法人社団 つばさ"), ["つばさ"]);
        assert_eq!(keys("株式会社 サクラ薬局"), ["さくら薬局"]);
        assert_eq!(keys("(医) 社団"), ["(医)", "社団"]);
        assert!(Query::read(" 　・ ").is_empty());
    }

    #[test]
    fn lines_answer_to_words_and_to_numbers() {
        let lines = "0110113719\nさくら薬局\n0112223333\n中央区1-2-3";
        for (typed, found) in [
            ("株式会社 サクラ", true),
            ("011-222-3333", true),
            ("011 222 3333", true),
            ("TEL 011-222-3333", true),
            ("+81 11-222-3333", true),
            ("サクラ 222-3333", true),
            ("中央区１―２―３", true),
            ("", true),
            ("さくら うめ", false),
            ("011-222-3334", false),
        ] {
            assert_eq!(Query::read(typed).is_in(lines), found, "{typed}");
        }
    }
}
