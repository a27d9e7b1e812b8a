//! What a spreadsheet would calculate instead of showing: the one rule by which every file that leaves is made harmless, and
//! by which a ledger that comes in again is read as it was meant.

use std::borrow::Cow;

/// Japanese spreadsheets take the full-width signs for the same.
const SIGNS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Whether a spreadsheet would take the text for a formula. A number with its sign, and a dash for nothing, are as they
/// look.
pub fn is_formula(text: &str) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    match first {
        '\t' | '\r' | '\n' => true,
        sign if SIGNS.contains(&sign) => {
            let rest = &text[sign.len_utf8()..];
            let plain = matches!(sign, '+' | '-' | '＋' | '－') && (rest.is_empty() || is_number(rest));
            !plain
        }
        _ => false,
    }
}

fn is_number(text: &str) -> bool {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(part)
}

/// The text as a file may hold it: marked, so that every spreadsheet shows it and none calculates it.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if is_formula(text) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text without the mark that `harmless` made.
pub fn meant(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if is_formula(rest) => rest,
        Some(_) | None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_would_be_calculated_is_marked_and_nothing_else() {
        for text in [
            "=1+1",
            "+81 3-1111-2222",
            "-2+3 裏口",
            "@SUM(A1)",
            "＝1+1",
            "＋81 3",
            "－2+3 裏口",
            "\t=1",
            "\r=1",
            "-1.2.3",
            "-.5",
        ] {
            assert_eq!(harmless(text), format!("'{text}"), "{text}");
        }
        for text in [
            "",
            "03-1234-5678",
            "-30",
            "+5",
            "-0.25",
            "-",
            "－",
            "'x",
            "受付1",
            "a=b",
        ] {
            assert_eq!(harmless(text), text);
        }
    }

    proptest! {
        #[test]
        fn what_goes_out_is_never_a_formula_and_comes_in_as_it_was(text in "['=+\\-@＝－0-9.a]{0,6}") {
            let out = harmless(&text);
            prop_assert!(!is_formula(&out));
            // A text that bears the mark already is taken for one that was marked.
            if meant(&text) == text {
                prop_assert_eq!(meant(&out), text.as_str());
            }
        }
    }
}
