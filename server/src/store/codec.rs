//! Between columns and the domain's types. What does not read back is an error with the value in it, never a guess.

use std::fmt::Write as _;
use std::str::FromStr;

use kaishin_domain::time::Time;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StoreError;

pub fn unreadable(what: &'static str, value: impl ToString) -> StoreError {
    StoreError::Unreadable {
        what,
        value: value.to_string(),
    }
}

pub fn parse<T: FromStr>(what: &'static str, text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| unreadable(what, text))
}

pub fn parse_some<T: FromStr>(what: &'static str, text: Option<&str>) -> Result<Option<T>, StoreError> {
    text.map(|text| parse(what, text)).transpose()
}

/// By its stable name.
pub fn named<T: Copy>(what: &'static str, all: &[T], name: fn(T) -> &'static str, text: &str) -> Result<T, StoreError> {
    all.iter()
        .copied()
        .find(|one| name(*one) == text)
        .ok_or_else(|| unreadable(what, text))
}

pub fn from_json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| unreadable(what, text))
}

pub fn to_json(what: &'static str, value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| unreadable(what, error))
}

pub fn bytes32(what: &'static str, bytes: Vec<u8>) -> Result<[u8; 32], StoreError> {
    bytes
        .try_into()
        .map_err(|bytes: Vec<u8>| unreadable(what, hex::encode(bytes)))
}

pub fn count(what: &'static str, number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| unreadable(what, number))
}

pub fn some_time(micros: Option<i64>) -> Option<Time> {
    micros.map(Time)
}

/// Whether a compare-and-set found the row as it was.
pub fn won(what: &'static str, rows: u64) -> Result<(), StoreError> {
    if rows == 1 {
        Ok(())
    } else {
        Err(StoreError::LostRace(what))
    }
}

/// Rows of one statement; with every table's columns it stays far below both databases' limits.
const MOST_ROWS: usize = 256;

/// `($1, $2), ($3, $4)`: the values of a statement over many rows. `casts` gives each column's type where a database
/// cannot tell it from the statement.
pub fn rows(count: usize, columns: &[&str]) -> String {
    let mut text = String::with_capacity(count * columns.len() * 12);
    let mut n = 0;
    for row in 0..count {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for (at, cast) in columns.iter().enumerate() {
            n += 1;
            let comma = if at == 0 { "" } else { ", " };
            // A string takes whatever is written to it.
            let _ = if cast.is_empty() {
                write!(text, "{comma}${n}")
            } else {
                write!(text, "{comma}CAST(${n} AS {cast})")
            };
        }
        text.push(')');
    }
    text
}

/// The same statement with `?` in place of `$1`, `$2`, where each stands once and in its order. SQLite finds a parameter
/// with a number by walking along all of them, which for hundreds of rows is most of the work.
pub fn in_order(text: String) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut pieces = text.split('$');
    plain.push_str(pieces.next().unwrap_or_default());
    for (piece, expected) in pieces.zip(1u32..) {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = piece.split_at(digits);
        if number.parse() != Ok(expected) {
            return text;
        }
        plain.push('?');
        plain.push_str(rest);
    }
    plain
}

/// Cuts many values into parts whose lengths are powers of two: the statements over them are few, and stay prepared.
pub fn few_lengths<T>(values: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = values;
    std::iter::from_fn(move || {
        let length = 1 << rest.len().min(MOST_ROWS).checked_ilog2()?;
        let (part, after) = rest.split_at(length);
        rest = after;
        Some(part)
    })
}

/// `$1, $2, $3`: a list for `IN`.
pub fn list(first: usize, count: usize) -> String {
    (first..first + count)
        .map(|n| format!("${n}"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_number_their_values_across() {
        assert_eq!(
            rows(2, &["", "BIGINT"]),
            "($1, CAST($2 AS BIGINT)), ($3, CAST($4 AS BIGINT))"
        );
        assert_eq!(list(2, 3), "$2, $3, $4");
    }

    #[test]
    fn parameters_in_their_order_need_no_numbers() {
        let plain = |text: &str| in_order(text.to_owned());
        assert_eq!(
            plain("VALUES ($1, CAST($2 AS TEXT)), ($3)"),
            "VALUES (?, CAST(? AS TEXT)), (?)"
        );
        assert_eq!(plain("SELECT 1"), "SELECT 1");
        for text in ["a = $1 OR b = $1", "LIMIT $2 OFFSET $1", "a = $2"] {
            assert_eq!(plain(text), text);
        }
    }

    #[test]
    fn many_values_go_into_few_kinds_of_statements_and_none_is_left_out() {
        let lengths = |count: usize| -> Vec<usize> {
            let values: Vec<usize> = (0..count).collect();
            let parts: Vec<&[usize]> = few_lengths(&values).collect();
            assert_eq!(parts.concat(), values);
            parts.iter().map(|part| part.len()).collect()
        };
        assert_eq!(lengths(0), [0; 0]);
        assert_eq!(lengths(1), [1]);
        assert_eq!(lengths(600), [256, 256, 64, 16, 8]);
    }
}
