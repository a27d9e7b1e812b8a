//! Telephone numbers and codes as people write them: in any width, with any dash, with the country in front.

use super::key::search_key;
use super::narrow;

/// What stands before a telephone number on cards and signs, as a key.
const LABELS: [&str; 5] = ["tel", "電話番号", "電話", "でんわ", "fax"];

/// The digits of a text as a number inside Japan.
pub fn digits(text: &str) -> String {
    let narrow: String = text.chars().map(narrow).collect();
    let digits: String = narrow.chars().filter(char::is_ascii_digit).collect();
    let abroad = narrow.trim_start_matches([' ', '(']).starts_with('+');
    match (abroad, digits.strip_prefix("81")) {
        (true, Some(inland)) => format!("0{}", inland.trim_start_matches('0')),
        (_, _) => digits,
    }
}

/// The digits of what is written like a number, whatever parts them; none where there is more to it.
pub fn typed_number(text: &str) -> Option<String> {
    let key = search_key(text);
    let label = LABELS.iter().find_map(|label| key.strip_prefix(label));
    let number = label.unwrap_or(&key).trim_start_matches([':', '.']);
    let sound = |c: char| c.is_ascii_digit() || "-()+./".contains(c);
    (number.chars().all(sound) && number.contains(|c: char| c.is_ascii_digit())).then(|| digits(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_same_however_it_is_typed() {
        for text in [
            "0312345678",
            "03-1234-5678",
            "03ｰ1234ｰ5678",
            "03―1234―5678",
            "03–1234–5678",
            "０３－１２３４－５６７８",
            "03ー1234ー5678",
            "(03) 1234 5678",
            "03/1234/5678",
            "03.1234.5678",
            "+81 3-1234-5678",
            "(+81)3-1234-5678",
            "+81 (0)3-1234-5678",
            "TEL 03-1234-5678",
            "℡：03-1234-5678",
            "電話 03-1234-5678",
        ] {
            assert_eq!(typed_number(text).as_deref(), Some("0312345678"), "{text}");
        }
        for text in ["", "-", "tel", "PC-01", "1丁目2-3", "さくら 03-1234-5678"] {
            assert_eq!(typed_number(text), None, "{text}");
        }
    }
}
