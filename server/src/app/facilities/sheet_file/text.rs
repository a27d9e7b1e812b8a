//! A ledger as text: records between commas or tabs, each at its line, and a quote gone astray told at once instead of the
//! rows that it would swallow.

use std::io::Cursor;

use kaishin_domain::facility::Field;

use super::quotes::{self, Quoting};
use super::{Line, unreadable};
use crate::app::AppError;

/// So much is read a second time because quotes swallowed it; beyond, they are wrong all over.
const MOST_AGAIN: usize = 64 * 1024 * 1024;
/// What a remark shows of a line.
const SHOWN: usize = 80;

pub struct Text {
    reader: csv::Reader<Cursor<String>>,
    delimiter: char,
    columns: usize,
    /// Which column holds the code.
    code: usize,
    place: Place,
    /// How much was read that has to be read again.
    again: usize,
}

/// Where in the text the last row began. The reader counts only the line ends that it has passed, and of a CRLF it has
/// passed one half when the next row begins.
struct Place {
    /// Line feeds, unless the file knows only carriage returns.
    end: u8,
    byte: usize,
    lines: u64,
}

impl Place {
    fn new(text: &str) -> Place {
        Place {
            end: if text.contains('\n') { b'\n' } else { b'\r' },
            byte: 0,
            lines: 0,
        }
    }

    fn ends(&self, text: &str) -> u64 {
        text.bytes().filter(|byte| *byte == self.end).count() as u64
    }

    fn line(&mut self, text: &str, byte: u64) -> u64 {
        let from = usize::try_from(byte).unwrap_or(self.byte).max(self.byte);
        let rest = text.as_bytes().get(from..).unwrap_or_default();
        let start = from + rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.lines += self.ends(text.get(self.byte..start).unwrap_or_default());
        self.byte = start;
        self.lines + 1
    }
}

impl Text {
    pub(super) fn read(text: String) -> Result<(Vec<String>, Text), AppError> {
        let delimiter = delimiter(&text);
        let place = Place::new(&text);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(Cursor::new(text));
        let mut record = csv::StringRecord::new();
        reader.read_record(&mut record).map_err(|_| unreadable())?;
        let titles: Vec<String> = record.iter().map(str::to_owned).collect();
        let delimiter = char::from(delimiter);
        let end = place_of(&reader);
        let raw = reader.get_ref().get_ref().get(..end).unwrap_or_default();
        if quotes::titles_swallow(raw, delimiter) {
            return Err(hopeless());
        }
        let code = titles
            .iter()
            .position(|title| Field::titled(title) == Some(Field::Code));
        let text = Text {
            columns: titles.len(),
            code: code.unwrap_or(0),
            reader,
            delimiter,
            place,
            again: 0,
        };
        Ok((titles, text))
    }

    pub(super) fn next_lines(&mut self, most: usize) -> Result<Vec<Line>, AppError> {
        let mut lines = Vec::with_capacity(most);
        let mut record = csv::StringRecord::new();
        while lines.len() < most && self.reader.read_record(&mut record).map_err(|_| unreadable())? {
            let begun = record.position().map_or(0, csv::Position::byte);
            let end = place_of(&self.reader);
            let text = self.reader.get_ref().get_ref();
            let line = self.place.line(text, begun);
            let raw = text.get(self.place.byte..end).unwrap_or_default();
            let quoting = quotes::judge(raw, self.delimiter, self.columns, self.code);
            if quoting == Quoting::Sound {
                lines.push(Line::Row(line, record.iter().map(str::to_owned).collect()));
                continue;
            }
            let shown = |raw: &str| raw.lines().next().unwrap_or_default().chars().take(SHOWN).collect();
            let body = raw.trim_end_matches(['\r', '\n']);
            let next = body.find(['\r', '\n']);
            match (quoting, next) {
                (Quoting::Swallowing, Some(next)) => {
                    lines.push(Line::Stray {
                        first: line,
                        last: line,
                        text: shown(raw),
                    });
                    self.again += raw.len();
                    let from = self.place.byte + next;
                    self.go_on_from(from)?;
                }
                (Quoting::Swallowing | Quoting::Broken | Quoting::Sound, _) => lines.push(Line::Stray {
                    first: line,
                    last: line + self.place.ends(body),
                    text: shown(raw),
                }),
            }
        }
        Ok(lines)
    }

    fn go_on_from(&mut self, byte: usize) -> Result<(), AppError> {
        let length = self.reader.get_ref().get_ref().len();
        if self.again > MOST_AGAIN.max(length.saturating_mul(4)) {
            return Err(hopeless());
        }
        let mut position = csv::Position::new();
        position.set_byte(byte as u64);
        self.reader.seek(position).map_err(|_| unreadable())
    }
}

/// How far the reader has come.
fn place_of(reader: &csv::Reader<Cursor<String>>) -> usize {
    usize::try_from(reader.position().byte()).unwrap_or(usize::MAX)
}

/// Commas, or tabs where the first line has more of them: spreadsheets copy so.
fn delimiter(text: &str) -> u8 {
    let first = text.split(['\n', '\r']).next().unwrap_or_default();
    let count = |wanted: char| first.chars().filter(|c| *c == wanted).count();
    if count('\t') > count(',') { b'\t' } else { b',' }
}

fn hopeless() -> AppError {
    AppError::invalid(
        "E-LEDGER-34",
        "引用符（\"）の開きと閉じが合わず、行を見分けられません。表計算ソフトでCSVに保存し直してください。",
        "The quotes do not match, so that rows cannot be told apart. Save the file as CSV once more with a spreadsheet.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Result<Vec<Line>, AppError> {
        let (_, mut text) = Text::read(text.to_owned())?;
        let mut all = Vec::new();
        loop {
            let lines = text.next_lines(3)?;
            if lines.is_empty() {
                return Ok(all);
            }
            all.extend(lines);
        }
    }

    type Named = (u64, String);

    /// The lines that were read, with their names, and those that were not.
    fn told(text: &str) -> (Vec<Named>, Vec<(u64, u64)>) {
        let (mut read, mut stray) = (Vec::new(), Vec::new());
        for line in lines(text).expect("it reads") {
            match line {
                Line::Row(line, cells) => read.push((line, cells[1].clone())),
                Line::Stray { first, last, .. } => stray.push((first, last)),
            }
        }
        (read, stray)
    }

    #[test]
    fn a_quote_gone_astray_costs_its_own_line_and_is_told() {
        let one = |line: u64, name: &str| (line, name.to_owned());
        // Never closed.
        let text = "code,name,notes\n1310000060,\"よい薬局,メモ\n1310000078,次の薬局,あ\n1310000086,その次,い\n";
        assert_eq!(told(text), (vec![one(3, "次の薬局"), one(4, "その次")], vec![(2, 2)]));
        // Closed by the next quote of the file, which opens a cell.
        let text = "code,name,notes\n1310000060,\"よい薬局,メモ\n1310000078,\"次の薬局\",あ\n1310000086,その次,い\n";
        assert_eq!(told(text), (vec![one(3, "次の薬局"), one(4, "その次")], vec![(2, 2)]));
        // Closed where a cell ends: the lines cannot be told from one cell, so all of them are named.
        let text = "code,name,notes\r\n1310000060,\"よい薬局,メモ\r\n1310000078,次の薬局,あ\r\n1310000086,その次,い\"\r\n1310000094,あと,う\r\n";
        assert_eq!(told(text), (vec![one(5, "あと")], vec![(2, 4)]));
        // On the last line, without its end.
        let text = "code,name\n1310000060,よい\n1310000078,\"次の";
        assert_eq!(told(text), (vec![one(2, "よい")], vec![(3, 3)]));
        // A cell that closes too soon.
        let text = "code,name,notes\n1310000060,\"よい,\"薬局\",メモ\n1310000078,次,あ\n";
        assert_eq!(told(text), (vec![one(3, "次")], vec![(2, 2)]));
    }

    #[test]
    fn many_lines_behind_one_quote_are_read_all_the_same() {
        let mut text = String::from("code,name,notes\n");
        for n in 0..300 {
            let quote = if n == 9 || n == 250 { "\"" } else { "" };
            text += &format!("{},薬局{n},{quote}メモ\n", 1_310_000_000_u64 + n);
        }
        let (read, stray) = told(&text);
        assert_eq!((read.len(), stray), (298, vec![(11, 11), (252, 252)]));
        assert!(read.iter().all(|(line, name)| *name == format!("薬局{}", line - 2)));
    }

    #[test]
    fn a_cell_may_have_lines_and_quotes_of_its_own() {
        let text = "code,name,notes\n1310000060,\"よい\"\"薬局\"\"\",\"一行目\n03-1234-5678, 090-1111-2222\n\"\n1310000078,a\"b,\"\"\n";
        let (read, stray) = told(text);
        assert_eq!(read, [(2, "よい\"薬局\"".to_owned()), (5, "a\"b".to_owned())]);
        assert!(stray.is_empty());
    }

    #[test]
    fn lines_are_counted_however_they_end() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["code,name", "1310000060,a", "", "1310000078,\"b", "c\"", "1310000086,d"].join(end);
            let (read, _) = told(&text);
            let at: Vec<u64> = read.iter().map(|(line, _)| *line).collect();
            assert_eq!(at, [2, 4, 6], "{end:?}");
        }
    }

    #[test]
    fn quotes_that_are_wrong_all_over_and_titles_that_swallow_rows_refuse_the_file() {
        let refused = |text: &str| lines(text).err().map(|error| error.code);
        assert_eq!(refused("code,\"name\n1310000060,よい\",x\n"), Some("E-LEDGER-34"));
        assert_eq!(refused("\"医療機関\nコード\",name\n1310000060,よい\n"), None);
        let text = format!("code,name,notes\n{}", "1310000060,a\"b,\"c\n".repeat(20_000));
        assert_eq!(refused(&text), Some("E-LEDGER-34"), "not for hours");
    }
}
