//! Ledgers as files come in: CSV in UTF-8, UTF-16 or CP932, or an Excel workbook. What it is is told by its content.

mod book;
mod quotes;
mod text;

use encoding_rs::{Encoding, SHIFT_JIS, UTF_16BE, UTF_16LE};

use crate::app::AppError;
use book::Book;
use text::Text;

/// More rows than the country has facilities, several times over.
pub const MOST_LINES: u64 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Utf8,
    Utf16,
    Cp932,
    Xlsx,
}

impl Format {
    pub fn name(self) -> &'static str {
        match self {
            Format::Utf8 => "utf-8",
            Format::Utf16 => "utf-16",
            Format::Cp932 => "cp932",
            Format::Xlsx => "xlsx",
        }
    }
}

/// A file's rows, one after the other.
pub struct SheetFile {
    pub format: Format,
    pub titles: Vec<String>,
    rows: Rows,
}

enum Rows {
    Csv(Box<Text>),
    Book(Book),
}

/// One row with the line it stands on, as a person counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    Row(u64, Vec<String>),
    /// Quotes that do not match, on this line or up to the last one: and what the first line says.
    Stray {
        first: u64,
        last: u64,
        text: String,
    },
}

impl SheetFile {
    pub fn open(bytes: Vec<u8>) -> Result<SheetFile, AppError> {
        if bytes.starts_with(b"PK\x03\x04") {
            let (titles, book) = Book::read(bytes)?;
            return Ok(SheetFile {
                format: Format::Xlsx,
                titles,
                rows: Rows::Book(book),
            });
        }
        let (format, text) = decoded(bytes);
        let (titles, text) = Text::read(text)?;
        Ok(SheetFile {
            format,
            titles,
            rows: Rows::Csv(Box::new(text)),
        })
    }

    /// The next rows; none at the end.
    pub fn next_lines(&mut self, most: usize) -> Result<Vec<Line>, AppError> {
        match &mut self.rows {
            Rows::Csv(text) => text.next_lines(most),
            Rows::Book(book) => Ok(book.next_lines(most)),
        }
    }
}

fn decoded(mut bytes: Vec<u8>) -> (Format, String) {
    if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
        bytes.drain(..3);
        return (Format::Utf8, lossy(bytes));
    }
    if bytes.starts_with(&[0xff, 0xfe]) {
        return (Format::Utf16, by(UTF_16LE, &bytes[2..]));
    }
    if bytes.starts_with(&[0xfe, 0xff]) {
        return (Format::Utf16, by(UTF_16BE, &bytes[2..]));
    }
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return (Format::Utf8, text),
        Err(error) => error.into_bytes(),
    };
    let cp932 = by(SHIFT_JIS, &bytes);
    let utf8 = lossy(bytes);
    // A damaged file is read in the way that leaves less of it unread.
    let damage = |text: &str| text.chars().filter(|c| *c == '\u{fffd}').count();
    if damage(&utf8) < damage(&cp932) {
        (Format::Utf8, utf8)
    } else {
        (Format::Cp932, cp932)
    }
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn by(encoding: &'static Encoding, bytes: &[u8]) -> String {
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

fn unreadable() -> AppError {
    AppError::invalid(
        "E-LEDGER-20",
        "台帳として読めないファイルです。CSV（UTF-8またはシフトJIS）か xlsx で保存し直してください。",
        "The file does not read as a ledger. Save it as CSV (UTF-8 or Shift JIS) or as xlsx.",
    )
}

pub fn too_long() -> AppError {
    AppError::invalid(
        "E-LEDGER-28",
        "行が多すぎます。100万行以内に分けて取り込んでください。",
        "The file has too many rows. Import at most a million at a time.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: Vec<u8>) -> (Format, Vec<String>, Vec<Line>) {
        let mut file = SheetFile::open(bytes).expect("it reads");
        let lines = file.next_lines(100).expect("it reads");
        assert!(file.next_lines(1).expect("it reads").is_empty());
        (file.format, file.titles, lines)
    }

    fn row(line: u64, cells: &[&str]) -> Line {
        Line::Row(line, cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn the_encoding_is_told_by_the_content() {
        let text = "code,名称\r\n0110113719,\"髙﨑①㈱\r\n医院\"\r\n\r\n1340000019,～－∥\r\n";
        let utf16: Vec<u8> = [0xff, 0xfe]
            .into_iter()
            .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        for (bytes, format) in [
            (text.as_bytes().to_vec(), Format::Utf8),
            ([b"\xef\xbb\xbf", text.as_bytes()].concat(), Format::Utf8),
            (utf16, Format::Utf16),
            (SHIFT_JIS.encode(text).0.into_owned(), Format::Cp932),
            (SHIFT_JIS.encode(&text.replace(',', "\t")).0.into_owned(), Format::Cp932),
        ] {
            let (told, titles, lines) = read(bytes);
            assert_eq!(told, format);
            assert_eq!(titles, ["code", "名称"]);
            assert_eq!(lines[0], row(2, &["0110113719", "髙﨑①㈱\r\n医院"]));
            assert_eq!(
                lines[1],
                row(5, &["1340000019", "～－∥"]),
                "lines are counted as people do"
            );
        }
    }

    #[test]
    fn what_is_no_ledger_is_refused_and_nothing_breaks() {
        for bytes in [b"PK\x03\x04nonsense".to_vec(), b"PK\x03\x04".to_vec()] {
            assert_eq!(
                SheetFile::open(bytes).err().map(|error| error.code),
                Some("E-LEDGER-20")
            );
        }
        assert!(SheetFile::open(Vec::new()).expect("empty").titles.is_empty());
        let (format, _, lines) = read(b"code,name\n0110113719,\x81\n".to_vec());
        assert_eq!(format, Format::Cp932);
        assert_eq!(lines, [row(2, &["0110113719", "\u{fffd}"])]);
    }
}
