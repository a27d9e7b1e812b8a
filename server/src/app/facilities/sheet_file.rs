//! Ledgers as files come in: CSV in UTF-8, UTF-16 or CP932, or an Excel workbook. What it is is told by its content.

use std::io::Cursor;

use calamine::{Data, Range, Reader, Xlsx};
use encoding_rs::{Encoding, SHIFT_JIS, UTF_16BE, UTF_16LE};

use crate::app::AppError;

/// A workbook that unpacks to more than this is not a ledger.
const MOST_UNPACKED: u64 = 768 * 1024 * 1024;

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
    Csv {
        reader: csv::Reader<Cursor<String>>,
        place: Place,
    },
    Book {
        range: Range<Data>,
        next: usize,
    },
}

/// Where in the text the last row began. The reader counts only the line ends that it has passed, and of a CRLF it has
/// passed one half when the next row begins.
#[derive(Default)]
struct Place {
    byte: usize,
    lines: u64,
}

impl Place {
    fn line(&mut self, text: &str, byte: u64) -> u64 {
        let from = usize::try_from(byte).unwrap_or(self.byte).max(self.byte);
        let rest = text.as_bytes().get(from..).unwrap_or_default();
        let start = from + rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = text.as_bytes().get(self.byte..start).unwrap_or_default();
        self.lines += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.byte = start;
        self.lines + 1
    }
}

/// One row with the line it stands on, as a person counts.
pub type Line = (u64, Vec<String>);

impl SheetFile {
    pub fn open(bytes: Vec<u8>) -> Result<SheetFile, AppError> {
        if bytes.starts_with(b"PK\x03\x04") {
            return workbook(bytes);
        }
        let (format, text) = decoded(bytes);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter(&text))
            .from_reader(Cursor::new(text));
        let mut titles = csv::StringRecord::new();
        reader.read_record(&mut titles).map_err(|_| unreadable())?;
        Ok(SheetFile {
            format,
            titles: titles.iter().map(str::to_owned).collect(),
            rows: Rows::Csv {
                reader,
                place: Place::default(),
            },
        })
    }

    /// The next rows; none at the end.
    pub fn next_lines(&mut self, most: usize) -> Result<Vec<Line>, AppError> {
        let mut lines = Vec::with_capacity(most);
        match &mut self.rows {
            Rows::Csv { reader, place } => {
                let mut record = csv::StringRecord::new();
                while lines.len() < most && reader.read_record(&mut record).map_err(|_| unreadable())? {
                    let begun = record.position().map_or(0, csv::Position::byte);
                    let line = place.line(reader.get_ref().get_ref(), begun);
                    lines.push((line, record.iter().map(str::to_owned).collect()));
                }
            }
            Rows::Book { range, next } => {
                let first = range.start().map_or(0, |(row, _)| row);
                while lines.len() < most && *next < range.height() {
                    let line = u64::from(first) + *next as u64 + 1;
                    let cells = (0..range.width()).map(|at| range.get((*next, at)).map_or_else(String::new, cell));
                    lines.push((line, cells.collect()));
                    *next += 1;
                }
            }
        }
        Ok(lines)
    }
}

/// Commas, or tabs where the first line has more of them: spreadsheets copy so.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |wanted: char| first.chars().filter(|c| *c == wanted).count();
    if count('\t') > count(',') { b'\t' } else { b',' }
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

fn workbook(bytes: Vec<u8>) -> Result<SheetFile, AppError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes.as_slice())).map_err(|_| unreadable())?;
    let mut unpacked = 0;
    for at in 0..archive.len() {
        unpacked += archive.by_index_raw(at).map_err(|_| unreadable())?.size();
    }
    if unpacked > MOST_UNPACKED {
        return Err(unreadable());
    }
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|_| unreadable())?;
    let range = match book.worksheet_range_at(0) {
        Some(Ok(range)) => range,
        Some(Err(_)) | None => return Err(unreadable()),
    };
    let titles = range.rows().next().unwrap_or_default().iter().map(cell).collect();
    Ok(SheetFile {
        format: Format::Xlsx,
        titles,
        rows: Rows::Book { range, next: 1 },
    })
}

/// A cell as a person sees it: a code that became a number has lost its zeros, but not its digits.
fn cell(data: &Data) -> String {
    match data {
        Data::Empty => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        Data::Float(number) => number.to_string(),
        Data::Int(number) => number.to_string(),
        Data::Bool(truth) => if *truth { "はい" } else { "いいえ" }.to_owned(),
        Data::DateTime(moment) => moment.to_string(),
        // `#REF!` is nothing that anybody wrote.
        Data::Error(_) => "\u{fffd}".to_owned(),
    }
}

fn unreadable() -> AppError {
    AppError::invalid(
        "E-LEDGER-20",
        "台帳として読めないファイルです。CSV（UTF-8またはシフトJIS）か xlsx で保存し直してください。",
        "The file does not read as a ledger. Save it as CSV (UTF-8 or Shift JIS) or as xlsx.",
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
            assert_eq!(lines[0], (2, vec!["0110113719".into(), "髙﨑①㈱\r\n医院".into()]));
            assert_eq!(
                lines[1],
                (5, vec!["1340000019".into(), "～－∥".into()]),
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
        assert_eq!((format, lines.len()), (Format::Cp932, 1));
        assert!(lines[0].1[1].contains('\u{fffd}'));
    }
}
