//! Addresses with a query: every list's state stands in its address.

use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::app::AppError;

const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// `/terminals?q=online%3Ano`; empty values are left out.
pub fn address(path: &str, values: &[(&str, &str)]) -> String {
    let mut out = path.to_owned();
    let mut mark = '?';
    for (name, value) in values.iter().filter(|(_, value)| !value.is_empty()) {
        out.push(mark);
        out.push_str(name);
        out.push('=');
        out.extend(utf8_percent_encode(value, KEPT));
        mark = '&';
    }
    out
}

/// Only a path of our own: whatever else is asked for, one comes to the front page.
pub fn local(path: &str) -> &str {
    let ours = path.starts_with('/')
        && !path.starts_with("//")
        && !path.bytes().any(|byte| byte == b'\\' || byte.is_ascii_control());
    if ours { path } else { "/" }
}

/// How many rows somebody asks for; as usual where nothing is said.
pub fn limit<T: FromStr>(text: &str, usual: T) -> Result<T, AppError> {
    if text.is_empty() {
        return Ok(usual);
    }
    text.parse().map_err(|_| {
        AppError::invalid(
            "E-INPUT-07",
            format!("件数「{text}」を読み取れません。数字で指定してください。"),
            format!("The limit {text:?} does not read. Give a number."),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_and_empty_ones_left_out() {
        assert_eq!(
            address("/terminals", &[("q", "a&b 端"), ("sort", "")]),
            "/terminals?q=a%26b%20%E7%AB%AF"
        );
        assert_eq!(address("/", &[]), "/");
    }

    #[test]
    fn a_limit_is_a_number_or_nothing() {
        assert_eq!(limit("", 50).ok(), Some(50));
        assert_eq!(limit("7", 50).ok(), Some(7));
        for bad in ["abc", "-1", "1.5"] {
            assert_eq!(
                limit::<usize>(bad, 50).err().map(|error| error.code),
                Some("E-INPUT-07"),
                "{bad}"
            );
        }
    }

    #[test]
    fn nobody_is_sent_to_another_site() {
        for bad in [
            "//evil",
            "https://evil",
            "/\\evil",
            "",
            "javascript:x",
            "/\t/evil",
            "/a\r\nb",
        ] {
            assert_eq!(local(bad), "/", "{bad:?}");
        }
        assert_eq!(local("/terminals?q=x"), "/terminals?q=x");
    }
}
