//! Telephone numbers: kept as they were written, compared by their digits.

use serde::{Deserialize, Serialize};

use crate::fold::digits;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phone {
    raw: String,
    normal: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPhone {
    #[error("there are no digits in it")]
    NoDigits,
    #[error("a telephone number has nine to eleven digits and begins with 0")]
    Length,
}

impl Phone {
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Digits only, as dialled inside Japan.
    pub fn normal(&self) -> &str {
        &self.normal
    }

    pub fn read(text: &str) -> Result<Phone, BadPhone> {
        let raw = text.trim();
        let normal = digits(without_extension(&narrowed(raw)));
        if normal.is_empty() {
            return Err(BadPhone::NoDigits);
        }
        if !(9..=11).contains(&normal.len()) || !normal.starts_with('0') {
            return Err(BadPhone::Length);
        }
        Ok(Phone {
            raw: raw.to_owned(),
            normal,
        })
    }

    /// A cell that a spreadsheet took for a number: its digits are there, but for the zero before them.
    pub fn without_its_zero(cell: &str) -> Option<Phone> {
        let digits = cell.bytes().all(|byte| byte.is_ascii_digit()) && !cell.starts_with('0');
        // Only mobile and internet numbers have eleven digits, and all of them have a zero in the third place.
        let possible = match cell.len() {
            9 => true,
            10 => cell.as_bytes().get(1) == Some(&b'0'),
            _ => false,
        };
        if digits && possible {
            Phone::read(&format!("0{cell}")).ok()
        } else {
            None
        }
    }

    /// Several in one cell, parted by a slash, comma or line break.
    pub fn read_all(text: &str) -> Result<Vec<Phone>, BadPhone> {
        text.split(['/', '／', ',', '、', '，', ';', '\n'])
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(Phone::read)
            .collect()
    }
}

fn narrowed(text: &str) -> String {
    text.chars().map(crate::fold::narrow).collect()
}

/// What is dialled first: an extension is asked for afterwards, and is none of the number's digits.
fn without_extension(narrow: &str) -> &str {
    let lower = narrow.to_ascii_lowercase();
    let marks = ["内線", "ext", "#"].into_iter().filter_map(|mark| lower.find(mark));
    marks.min().map_or(narrow, |at| &narrow[..at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_number_has_one_normal_form() {
        for text in [
            "03-1234-5678",
            "03(1234)5678",
            "０３－１２３４－５６７８",
            "+81 3 1234 5678",
            "0312345678",
            "03-1234-5678 内線12",
            "０３－１２３４－５６７８（内線１２）",
            "03-1234-5678 Ext.12",
        ] {
            assert_eq!(Phone::read(text).unwrap().normal(), "0312345678", "{text}");
        }
        assert_eq!(
            Phone::read("03-1234-5678 内線12").unwrap().raw(),
            "03-1234-5678 内線12",
            "what was written stays"
        );
        assert_eq!(Phone::read("内線3"), Err(BadPhone::NoDigits));
        assert_eq!(Phone::read("なし"), Err(BadPhone::NoDigits));
        assert_eq!(Phone::read("12"), Err(BadPhone::Length));
        assert_eq!(Phone::read_all("03-1234-5678／090-1111-2222").unwrap().len(), 2);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\PC*") {
            if let Ok(phone) = Phone::read(&text) {
                let again = Phone::read(phone.normal()).unwrap();
                prop_assert_eq!(again.normal(), phone.normal());
            }
        }
    }
}
