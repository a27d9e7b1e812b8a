//! A ledger as a workbook's first sheet. What a file says of its own size is not believed: it is unpacked once to be
//! measured, and read cell by cell.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use calamine::{DataRef, Reader, Xlsx};

use super::{Line, MOST_LINES, too_long, unreadable};
use crate::app::AppError;

/// A workbook that unpacks to more than this is not a ledger; nor one whose cells hold more text.
const MOST_UNPACKED: u64 = 768 * 1024 * 1024;
const MOST_COLUMNS: u32 = 256;

/// The sheet's cells, one text behind the other.
#[derive(Default)]
pub struct Book {
    text: String,
    /// Where in the text each cell ends.
    ends: Vec<u32>,
    /// The line of each row, and how many cells there are up to its end.
    rows: Vec<(u64, usize)>,
    columns: usize,
    next: usize,
}

impl Book {
    pub(super) fn read(bytes: Vec<u8>) -> Result<(Vec<String>, Book), AppError> {
        measured(&bytes, MOST_UNPACKED)?;
        let mut file: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|_| unreadable())?;
        let sheet = file.sheet_names().first().cloned().ok_or_else(unreadable)?;
        let mut cells = file.worksheet_cells_reader(&sheet).map_err(|_| unreadable())?;
        let mut book = Book::default();
        let mut row: Vec<String> = Vec::new();
        let mut line = 0;
        while let Some(cell) = cells.next_cell().map_err(|_| unreadable())? {
            let text = shown(cell.get_value());
            if text.is_empty() {
                continue;
            }
            let (at, column) = cell.get_position();
            let at = u64::from(at) + 1;
            if column >= MOST_COLUMNS {
                return Err(too_wide());
            }
            if at > MOST_LINES + 1 {
                return Err(too_long());
            }
            if at != line {
                book.push(line, &mut row)?;
                // A sheet's rows stand in their order, as its format demands.
                if at < line {
                    return Err(unreadable());
                }
                line = at;
            }
            let column = column as usize;
            if row.len() <= column {
                row.resize(column + 1, String::new());
            }
            row[column] = text.into_owned();
        }
        book.push(line, &mut row)?;
        let titles = book.cells(0);
        book.columns = titles.len();
        book.next = 1;
        Ok((titles, book))
    }

    fn push(&mut self, line: u64, row: &mut Vec<String>) -> Result<(), AppError> {
        if row.is_empty() {
            return Ok(());
        }
        for cell in row.drain(..) {
            self.text += &cell;
            let end = u32::try_from(self.text.len()).map_err(|_| unreadable())?;
            self.ends.push(end);
        }
        if self.text.len() as u64 > MOST_UNPACKED {
            return Err(unreadable());
        }
        self.rows.push((line, self.ends.len()));
        Ok(())
    }

    /// A row's cells, at least as many as there are titles: an empty cell at its end is one.
    fn cells(&self, row: usize) -> Vec<String> {
        let to = self.rows.get(row).map_or(0, |(_, to)| *to);
        let from = row.checked_sub(1).and_then(|before| self.rows.get(before));
        let from = from.map_or(0, |(_, to)| *to);
        let mut begin = from
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .map_or(0, |end| *end as usize);
        let mut cells = Vec::with_capacity(self.columns.max(to - from));
        for end in self.ends.get(from..to).unwrap_or_default() {
            let end = *end as usize;
            cells.push(self.text.get(begin..end).unwrap_or_default().to_owned());
            begin = end;
        }
        if cells.len() < self.columns {
            cells.resize(self.columns, String::new());
        }
        cells
    }

    pub(super) fn next_lines(&mut self, most: usize) -> Vec<Line> {
        let from = self.next.min(self.rows.len());
        let to = (from + most).min(self.rows.len());
        self.next = to;
        (from..to)
            .filter_map(|row| Some(Line::Row(self.rows.get(row)?.0, self.cells(row))))
            .collect()
    }
}

/// Unpacks everything once and keeps nothing: how large a part is stands in the file, but anybody can write that.
fn measured(bytes: &[u8], most: u64) -> Result<(), AppError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| unreadable())?;
    let mut left = most;
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(|_| unreadable())?;
        let unpacked = std::io::copy(&mut part.take(left + 1), &mut std::io::sink()).map_err(|_| unreadable())?;
        left = left.checked_sub(unpacked).ok_or_else(unreadable)?;
    }
    Ok(())
}

/// A cell as a person sees it: a code that became a number has lost its zeros, but not its digits.
fn shown<'a>(data: &'a DataRef<'_>) -> Cow<'a, str> {
    match data {
        DataRef::Empty => Cow::Borrowed(""),
        DataRef::SharedString(text) => Cow::Borrowed(text),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Cow::Borrowed(text),
        DataRef::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}").into(),
        DataRef::Float(number) => number.to_string().into(),
        DataRef::Int(number) => number.to_string().into(),
        DataRef::Bool(truth) => if *truth { "はい" } else { "いいえ" }.into(),
        DataRef::DateTime(moment) => moment.to_string().into(),
        // Told from what somebody wrote where the row is judged: a CSV file has the same text.
        DataRef::Error(fault) => fault.to_string().into(),
    }
}

fn too_wide() -> AppError {
    AppError::invalid(
        "E-LEDGER-33",
        "列が多すぎます。256列以内にしてください（遠くのセルに入力が残っていないか確かめてください）。",
        "The sheet is too wide. Use at most 256 columns; see whether something was left in a cell far away.",
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    /// A workbook of one sheet with these cells.
    fn file(cells: &[(&str, &str)]) -> Vec<u8> {
        let mut rows = String::new();
        for (place, text) in cells {
            let line = place.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            rows += &format!("<row r=\"{line}\"><c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c></row>");
        }
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in [
            (
                "xl/workbook.xml",
                "<workbook xmlns:r=\"r\"><sheets><sheet name=\"a\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>",
            ),
            (
                "xl/_rels/workbook.xml.rels",
                "<Relationships><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>",
            ),
            (
                "xl/worksheets/sheet1.xml",
                &format!("<worksheet><sheetData>{rows}</sheetData></worksheet>"),
            ),
        ] {
            zip.start_file(name, SimpleFileOptions::default()).expect("a part");
            zip.write_all(text.as_bytes()).expect("written");
        }
        zip.finish().expect("a file").into_inner()
    }

    fn read(cells: &[(&str, &str)]) -> Result<(Vec<String>, Vec<Line>), &'static str> {
        let (titles, mut book) = Book::read(file(cells)).map_err(|error| error.code)?;
        Ok((titles, book.next_lines(9)))
    }

    #[test]
    fn a_sheet_is_read_by_where_its_cells_stand() {
        let (titles, lines) = read(&[
            ("A1", "code"),
            ("B1", "name"),
            ("C1", ""),
            ("B3", "さくら"),
            ("A4", "5"),
        ])
        .expect("it reads");
        assert_eq!(titles, ["code", "name"]);
        let row = |line, cells: [&str; 2]| Line::Row(line, cells.map(str::to_owned).to_vec());
        assert_eq!(lines, [row(3, ["", "さくら"]), row(4, ["5", ""])]);
    }

    #[test]
    fn a_cell_far_away_is_refused_before_any_room_is_made_for_it() {
        let far = |place| read(&[("A1", "code"), ("B1", "name"), ("A2", "1"), (place, "x")]).err();
        assert_eq!(far("XFD1048576"), Some("E-LEDGER-33"));
        assert_eq!(far("A1048576"), Some("E-LEDGER-28"));
        assert_eq!(far("IV2"), None, "the last of 256 columns");
        assert_eq!(read(&[("A2", "x"), ("A1", "y")]).err(), Some("E-LEDGER-20"));
    }

    #[test]
    fn what_a_file_says_of_its_size_is_not_believed() {
        let text = "x".repeat(100_000);
        let bytes = file(&[("A1", &text)]);
        assert!(bytes.len() < 5_000);
        assert!(measured(&bytes, 110_000).is_ok());
        assert!(measured(&bytes, 90_000).is_err());
        // The same file, telling of one byte.
        let size = u32::try_from(file_size(&bytes)).expect("a size").to_le_bytes();
        let mut lying = bytes.clone();
        for at in 0..lying.len() - 4 {
            if lying[at..at + 4] == size {
                lying[at..at + 4].copy_from_slice(&1_u32.to_le_bytes());
            }
        }
        assert!(lying != bytes && measured(&lying, 90_000).is_err());
    }

    fn file_size(bytes: &[u8]) -> u64 {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
        let part = archive.by_name("xl/worksheets/sheet1.xml").expect("a sheet");
        part.size()
    }
}
