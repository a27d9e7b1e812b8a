//! The ten-digit institution code: two digits of prefecture, one of the table of fees, seven of the facility, of which the
//! last checks all ten. Always ten digits: a leading zero is part of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Kind, Prefecture};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code10(u64);

/// Why a text is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCode {
    #[error("there is no code")]
    Empty,
    /// `1.31E+09`: a spreadsheet has eaten the digits, and they cannot be had back.
    #[error("a spreadsheet has rounded the code")]
    Rounded,
    #[error("the code holds other characters than digits")]
    NotDigits,
    #[error("the code has {0} digits instead of ten")]
    Length(usize),
}

/// What a person should know of a code that was read all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeNote {
    /// It had nine digits: a spreadsheet has dropped the zero in front.
    ZeroAdded,
    /// Full width, hyphens or spaces were taken out.
    Tidied,
    /// The last digit does not fit the others.
    CheckDigit,
    /// The first two digits are no prefecture.
    NoPrefecture,
}

/// Which table of fees it claims by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    Medical,
    Dental,
    Pharmacy,
    HomeNursing,
    Other(u8),
}

impl Code10 {
    const END: u64 = 10_000_000_000;

    pub fn number(self) -> u64 {
        self.0
    }

    pub fn from_number(number: u64) -> Option<Code10> {
        (number < Self::END).then_some(Code10(number))
    }

    /// The first two digits; 51 to 97 mean the same prefectures as 1 to 47.
    pub fn prefecture(self) -> Option<Prefecture> {
        let digits = u8::try_from(self.0 / 100_000_000).ok()?;
        Prefecture::from_code(digits)
    }

    pub fn table(self) -> Table {
        match u8::try_from(self.0 / 10_000_000 % 10).unwrap_or(0) {
            1 => Table::Medical,
            3 => Table::Dental,
            4 => Table::Pharmacy,
            6 => Table::HomeNursing,
            other => Table::Other(other),
        }
    }

    /// What kind the table of fees means, where it means only one: hospitals and clinics share theirs.
    pub fn kind(self) -> Option<Kind> {
        match self.table() {
            Table::Dental => Some(Kind::Dental),
            Table::Pharmacy => Some(Kind::Pharmacy),
            Table::HomeNursing => Some(Kind::Other),
            Table::Medical | Table::Other(_) => None,
        }
    }

    /// Weights 1 and 2 in turn from the right, digits of the products added up: a multiple of ten.
    pub fn check_digit_fits(self) -> bool {
        let mut rest = self.0;
        let mut sum = 0;
        for place in 0..10 {
            let digit = rest % 10;
            rest /= 10;
            let product = if place % 2 == 0 { digit } else { digit * 2 };
            sum += product / 10 + product % 10;
        }
        sum.is_multiple_of(10)
    }

    /// The same code with the last digit that fits.
    #[must_use]
    pub fn with_check_digit(self) -> Code10 {
        let stem = self.0 / 10 * 10;
        (0..10)
            .map(|digit| Code10(stem + digit))
            .find(|code| code.check_digit_fits())
            .unwrap_or(self)
    }

    /// A code as it stands in somebody's ledger, with what should be said of it.
    pub fn read(text: &str) -> Result<(Code10, Vec<CodeNote>), BadCode> {
        let trimmed = text.trim().trim_start_matches('\'');
        let mut notes = Vec::new();
        let narrow: String = trimmed.chars().map(crate::fold::narrow).collect();
        let digits: String = narrow
            .chars()
            .filter(|c| !c.is_whitespace() && crate::fold::dash(*c) != '-')
            .collect();
        if digits.is_empty() {
            return Err(BadCode::Empty);
        }
        if is_rounded(&digits) {
            return Err(BadCode::Rounded);
        }
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(BadCode::NotDigits);
        }
        let number = match digits.len() {
            9 => {
                notes.push(CodeNote::ZeroAdded);
                digits.parse()
            }
            10 => digits.parse(),
            length => return Err(BadCode::Length(length)),
        };
        let code = Code10(number.map_err(|_| BadCode::NotDigits)?);
        if digits != trimmed {
            notes.push(CodeNote::Tidied);
        }
        if !code.check_digit_fits() {
            notes.push(CodeNote::CheckDigit);
        }
        if code.prefecture().is_none() {
            notes.push(CodeNote::NoPrefecture);
        }
        Ok((code, notes))
    }
}

/// `1.31E+09`, `1.310113719E9`: also with a comma, as some locales write it.
fn is_rounded(text: &str) -> bool {
    let Some(at) = text.find(['e', 'E']) else { return false };
    let (mantissa, exponent) = (&text[..at], &text[at + 1..]);
    let exponent = exponent.trim_start_matches('+');
    !mantissa.is_empty()
        && mantissa
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','))
        && !exponent.is_empty()
        && exponent.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for Code10 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010}", self.0)
    }
}

impl fmt::Debug for Code10 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Code10 {
    type Err = BadCode;

    /// Ten digits, nothing else.
    fn from_str(text: &str) -> Result<Code10, BadCode> {
        if text.is_empty() {
            return Err(BadCode::Empty);
        }
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(BadCode::NotDigits);
        }
        if text.len() != 10 {
            return Err(BadCode::Length(text.len()));
        }
        text.parse().map(Code10).map_err(|_| BadCode::NotDigits)
    }
}

impl Serialize for Code10 {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Code10 {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Code10, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_code_says_where_and_what_it_is() {
        let code: Code10 = "0110113719".parse().unwrap();
        assert_eq!(code.to_string(), "0110113719");
        assert_eq!(code.prefecture().map(Prefecture::number), Some(1));
        assert_eq!(code.table(), Table::Medical);
        assert!(code.check_digit_fits());
        let alias: Code10 = "6340113719".parse().unwrap();
        assert_eq!(alias.prefecture().map(Prefecture::number), Some(13));
        assert_eq!(alias.kind(), Some(Kind::Pharmacy));
    }

    #[test]
    fn what_ledgers_hold_is_read_with_its_flaws() {
        use CodeNote as N;
        for (text, code, notes) in [
            ("0110113719", "0110113719", vec![]),
            ("110113719", "0110113719", vec![N::ZeroAdded]),
            ("０１１０１１３７１９", "0110113719", vec![N::Tidied]),
            (" 01-1-0113719 ", "0110113719", vec![N::Tidied]),
            ("'0110113719", "0110113719", vec![]),
            ("0110113710", "0110113710", vec![N::CheckDigit]),
            ("4810113713", "4810113713", vec![N::CheckDigit, N::NoPrefecture]),
        ] {
            let (read, said) = Code10::read(text).unwrap();
            assert_eq!(read.to_string(), code, "{text}");
            assert_eq!(said, notes, "{text}");
        }
        for (text, why) in [
            ("", BadCode::Empty),
            ("　", BadCode::Empty),
            ("1.31E+09", BadCode::Rounded),
            ("1.31e9", BadCode::Rounded),
            ("１．３１Ｅ＋０９", BadCode::Rounded),
            ("01101137190", BadCode::Length(11)),
            ("0113719", BadCode::Length(7)),
            ("O110113719", BadCode::NotDigits),
            ("E", BadCode::NotDigits),
        ] {
            assert_eq!(Code10::read(text), Err(why), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\PC*") {
            let _ = Code10::read(&text);
            let _ = text.parse::<Code10>();
        }

        #[test]
        fn ten_digits_stay_ten_digits(number in 0..10_000_000_000u64) {
            let code = Code10::from_number(number).unwrap();
            let text = code.to_string();
            prop_assert_eq!(text.len(), 10);
            prop_assert_eq!(text.parse(), Ok(code));
            prop_assert_eq!(Code10::read(&text).map(|(read, _)| read), Ok(code));
        }

        #[test]
        fn one_wrong_digit_or_two_swapped_ones_are_noticed(number in 0..1_000_000_000u64, at in 0..9u32, other in 1..10u64) {
            let code = Code10::from_number(number * 10).unwrap().with_check_digit();
            prop_assert!(code.check_digit_fits());
            let place = 10u64.pow(at);
            let digit = code.number() / place % 10;
            let wrong = code.number() - digit * place + (digit + other) % 10 * place;
            prop_assert!(!Code10::from_number(wrong).unwrap().check_digit_fits());
            let next = code.number() / (place * 10) % 10;
            let swapped = code.number() - digit * place - next * place * 10 + next * place + digit * place * 10;
            let blind = digit == next || (digit, next) == (0, 9) || (digit, next) == (9, 0);
            prop_assert_eq!(Code10::from_number(swapped).unwrap().check_digit_fits(), blind);
        }
    }
}
