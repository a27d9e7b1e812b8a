//! Text as people mean it: upper and lower case, full and half width are the same word. `search_key` goes further, for
//! finding names only: what is stored and shown is never folded.

mod key;
mod number;
mod query;

use std::iter::Peekable;
use std::str::Chars;

pub use key::{dash, search_key, search_keys};
pub use number::{digits, typed_number};
pub use query::{Query, Word};

/// Half-width katakana U+FF61..=U+FF9D in their full-width forms.
const KANA: &str = "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン";
const VOICED: char = '\u{ff9e}';
const SEMI_VOICED: char = '\u{ff9f}';

/// The characters of a text in the one form in which they are compared.
pub fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    Folded {
        rest: text.chars().peekable(),
    }
}

pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    folded(text).collect()
}

/// Full-width ASCII and the ideographic space as a keyboard without an input method writes them; case stays.
pub fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' | '\u{a0}' => ' ',
        c => c,
    }
}

struct Folded<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Iterator for Folded<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c.is_ascii() {
            return Some(c.to_ascii_lowercase());
        }
        if ('\u{ff61}'..='\u{ff9d}').contains(&c) {
            let wide = KANA.chars().nth((u32::from(c) - 0xff61) as usize).unwrap_or(c);
            let marked = match self.rest.peek() {
                Some(&VOICED) => voiced(wide),
                Some(&SEMI_VOICED) => semi_voiced(wide),
                _ => None,
            };
            if marked.is_some() {
                self.rest.next();
            }
            return Some(marked.unwrap_or(wide));
        }
        let mut lower = narrow(c).to_lowercase();
        // A letter whose lower case is several characters stays itself: lengths are not worth the rare gain.
        match (lower.next(), lower.next()) {
            (Some(one), None) => Some(one),
            (_, _) => Some(c),
        }
    }
}

fn voiced(kana: char) -> Option<char> {
    match kana {
        'カ' | 'キ' | 'ク' | 'ケ' | 'コ' | 'サ' | 'シ' | 'ス' | 'セ' | 'ソ' | 'タ' | 'チ' | 'ツ' | 'テ' | 'ト'
        | 'ハ' | 'ヒ' | 'フ' | 'ヘ' | 'ホ' => char::from_u32(u32::from(kana) + 1),
        'ウ' => Some('ヴ'),
        _ => None,
    }
}

fn semi_voiced(kana: char) -> Option<char> {
    match kana {
        'ハ' | 'ヒ' | 'フ' | 'ヘ' | 'ホ' => char::from_u32(u32::from(kana) + 2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn width_and_case_do_not_part_words() {
        for (one, other) in [
            ("UKETSUKE-01", "ｕｋｅｔｓｕｋｅ－０１"),
            ("ｳｹﾂｹ", "ウケツケ"),
            ("ﾄﾞﾗｯｸﾞ", "ドラッグ"),
            ("ﾊﾟｿｺﾝ", "パソコン"),
            ("ｳﾞ", "ヴ"),
            ("窓口　２", "窓口 2"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        assert_ne!(fold("受付"), fold("会計"));
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing_more(text in "\\PC*") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
