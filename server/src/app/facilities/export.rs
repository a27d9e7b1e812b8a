//! The ledger as a file: CSV in UTF-8 with its mark or in CP932, or a workbook whose cells are all text, so that leading
//! zeros stay. What comes out goes in again.

use std::collections::BTreeSet;

use encoding_rs::{EncoderResult, SHIFT_JIS};
use kaishin_domain::facility::sheet::GETA;
use kaishin_domain::facility::{Facility, Field};

use crate::app::workbook::Workbook;
use crate::app::{AppError, spreadsheet};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CsvEncoding {
    #[default]
    Utf8,
    Cp932,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvFile {
    pub bytes: Vec<u8>,
    /// The characters that CP932 does not have, each once.
    pub unmappable: BTreeSet<char>,
}

pub fn csv(facilities: &[Facility], fields: &[Field], encoding: CsvEncoding) -> CsvFile {
    let mut text = String::new();
    if encoding == CsvEncoding::Utf8 {
        text.push_str(spreadsheet::MARK);
    }
    spreadsheet::row(&mut text, fields.iter().map(|field| field.labels().0));
    for facility in facilities {
        let cells = fields.iter().map(|field| field.text(facility).unwrap_or_default());
        spreadsheet::row(&mut text, cells);
    }
    match encoding {
        CsvEncoding::Utf8 => CsvFile {
            bytes: text.into_bytes(),
            unmappable: BTreeSet::new(),
        },
        CsvEncoding::Cp932 => {
            let (bytes, unmappable) = cp932(&text);
            CsvFile { bytes, unmappable }
        }
    }
}

/// The text in CP932, with a geta for what is not in it, and what that was.
pub fn cp932(text: &str) -> (Vec<u8>, BTreeSet<char>) {
    let mut bytes = Vec::with_capacity(text.len());
    let mut unmappable = BTreeSet::new();
    let mut encoder = SHIFT_JIS.new_encoder();
    let text: String = text.chars().map(usual).collect();
    let mut rest = text.as_str();
    loop {
        // Room for all that may come: the encoder then never stops for want of it.
        let room = encoder.max_buffer_length_from_utf8_without_replacement(rest.len());
        bytes.reserve(room.unwrap_or(rest.len() * 2 + 16));
        let (result, read) = encoder.encode_from_utf8_to_vec_without_replacement(rest, &mut bytes, true);
        rest = &rest[read..];
        match result {
            EncoderResult::InputEmpty => return (bytes, unmappable),
            EncoderResult::OutputFull => {}
            EncoderResult::Unmappable(c) => {
                if let Some(pair) = own_character(c) {
                    bytes.extend_from_slice(&pair);
                    continue;
                }
                unmappable.insert(c);
                bytes.extend_from_slice(&SHIFT_JIS.encode(GETA.encode_utf8(&mut [0; 4])).0);
            }
        }
    }
}

/// Characters that a site made for itself, for names that no standard has: CP932 keeps them at F040 to F9FC.
fn own_character(c: char) -> Option<[u8; 2]> {
    let place = u32::from(c).checked_sub(0xe000).filter(|place| *place < 10 * 188)?;
    let (lead, trail) = (place / 188, place % 188);
    let trail = trail + if trail < 0x3f { 0x40 } else { 0x41 };
    Some([u8::try_from(0xf0 + lead).ok()?, u8::try_from(trail).ok()?])
}

/// Signs that other systems encode otherwise although they mean and look the same.
fn usual(c: char) -> char {
    match c {
        '\u{301c}' => '～',
        '\u{2212}' => '－',
        '\u{2016}' => '∥',
        '\u{2014}' => '―',
        '\u{a2}' => '￠',
        '\u{a3}' => '￡',
        '\u{ac}' => '￢',
        '\u{a5}' => '￥',
        '\u{203e}' => '￣',
        c => c,
    }
}

pub fn xlsx(facilities: &[Facility], fields: &[Field]) -> Result<Vec<u8>, AppError> {
    let mut book = Workbook::new("医療機関等")?;
    book.row(fields.iter().map(|field| Some(field.words().ja)))?;
    for facility in facilities {
        book.row(fields.iter().map(|field| field.text(facility)))?;
    }
    book.finish()
}

#[cfg(test)]
mod tests {
    use kaishin_domain::formula;

    use super::super::sheet_file::{Format, Line, SheetFile};
    use super::*;

    fn facility() -> Facility {
        let mut one = Facility::new("0110113719".parse().expect("a code"), "髙﨑<医院> & 𠮷野〜①");
        for (field, text) in [
            (Field::Notes, "一行目\n二行目, \"引用\""),
            (Field::Phones, "+81 11-222-3333"),
            (Field::Contact, "=佐藤"),
            (Field::Address, "-2+3 裏口"),
        ] {
            field.put(&mut one, text).expect("a value");
        }
        one
    }

    fn cells(bytes: Vec<u8>) -> (Format, Vec<String>, Vec<String>) {
        let mut file = SheetFile::open(bytes).expect("it reads");
        let mut lines = file.next_lines(9).expect("it reads");
        let (Some(Line::Row(_, cells)), None) = (lines.pop(), lines.pop()) else {
            panic!("one row")
        };
        // As fields read them: without the mark against formulas.
        let cells = cells.iter().map(|cell| formula::meant(cell).to_owned()).collect();
        (file.format, file.titles.clone(), cells)
    }

    #[test]
    fn what_goes_out_comes_in_again() {
        let one = facility();
        let expected: Vec<String> = Field::ALL
            .iter()
            .map(|field| field.text(&one).unwrap_or_default())
            .collect();
        let titles: Vec<String> = Field::ALL.iter().map(|field| field.words().ja).collect();
        let utf8 = csv(std::slice::from_ref(&one), &Field::ALL, CsvEncoding::Utf8);
        assert_eq!(cells(utf8.bytes), (Format::Utf8, titles.clone(), expected.clone()));
        let book = xlsx(std::slice::from_ref(&one), &Field::ALL).expect("a file");
        let (format, book_titles, mut book_cells) = cells(book);
        book_cells.resize(expected.len(), String::new());
        assert_eq!((format, book_titles, book_cells), (Format::Xlsx, titles, expected));
    }

    #[test]
    fn what_cp932_does_not_have_is_listed_and_shown_as_a_geta() {
        let file = csv(&[facility()], &[Field::Code, Field::Name], CsvEncoding::Cp932);
        assert_eq!(file.unmappable, BTreeSet::from(['𠮷']));
        let (format, _, read) = cells(file.bytes);
        assert_eq!(format, Format::Cp932);
        assert_eq!(read, ["0110113719", "髙﨑<医院> & 〓野～①"]);
    }
}
