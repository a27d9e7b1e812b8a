//! A ledger as a sheet of text: which column means what, and what each row would do. Nothing is written here, and a row
//! that cannot be read takes no other with it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{BadField, Code10, CodeNote, Facility, Field, Phone, Prefecture};
use crate::words::Words;

/// What is said of one row: refused, or written all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// As a person counts: the titles are on line 1.
    pub line: u64,
    /// The column's title, where one column is meant.
    pub column: Option<String>,
    pub value: String,
    pub severity: Severity,
    pub code: String,
    pub words: Words,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Refused,
    Warned,
}

/// Why a sheet cannot be read at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadTitles {
    Empty,
    NoCode,
    Twice(Field),
}

/// What becomes of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    New(Facility),
    Changed { to: Facility, fields: Vec<Field> },
    Same,
    Refused,
}

/// One sheet while it is read: its columns, and which codes have come already.
#[derive(Clone, Debug)]
pub struct Sheet {
    columns: Vec<(String, Option<Field>)>,
    /// An empty cell makes the field unknown; otherwise it leaves it alone.
    clear: bool,
    seen: HashMap<Code10, u64>,
}

/// How the ledger knows a code.
#[derive(Clone, Copy, Debug)]
pub enum Known<'a> {
    Not,
    As(&'a Facility),
    /// A code of the past.
    Replaced(Code10),
}

/// The row with its code read: what the ledger knows of that code is asked in between, for many rows at once.
#[derive(Clone, Debug)]
pub struct Row {
    pub line: u64,
    pub code: Code10,
    cells: Vec<String>,
}

const SHOWN: usize = 80;

/// What stands in a file where its encoding had no character: a mark that people know from print, never a number in
/// disguise. A name that has it is not what was meant.
pub const GETA: char = '〓';

/// What a spreadsheet shows where a formula has no result.
const FORMULA_FAULTS: [&str; 9] = [
    "#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!",
];

impl Sheet {
    pub fn new(titles: &[String], clear: bool) -> Result<(Sheet, Vec<Remark>), BadTitles> {
        let mut remarks = Vec::new();
        let mut columns: Vec<(String, Option<Field>)> = Vec::with_capacity(titles.len());
        for title in titles {
            let title = title.trim();
            let field = Field::titled(title);
            if field.is_some() && columns.iter().any(|(_, other)| *other == field) {
                return Err(field.map_or(BadTitles::Empty, BadTitles::Twice));
            }
            if field.is_none() && !title.is_empty() {
                remarks.push(Remark {
                    line: 1,
                    column: Some(shown(title)),
                    value: String::new(),
                    severity: Severity::Warned,
                    code: "W-LEDGER-01".into(),
                    words: Words::new(
                        "この列は台帳の項目ではないため、読み飛ばします。",
                        "This column is none of the ledger's and is passed over.",
                    ),
                });
            }
            columns.push((title.to_owned(), field));
        }
        if columns.iter().all(|(title, _)| title.is_empty()) {
            return Err(BadTitles::Empty);
        }
        if !columns.iter().any(|(_, field)| *field == Some(Field::Code)) {
            return Err(BadTitles::NoCode);
        }
        let seen = HashMap::new();
        Ok((Sheet { columns, clear, seen }, remarks))
    }

    pub fn fields(&self) -> Vec<Field> {
        self.columns.iter().filter_map(|(_, field)| *field).collect()
    }

    /// Reads the row's code. None: the row is refused, or blank (then nothing is said of it).
    pub fn row(&mut self, line: u64, cells: Vec<String>, remarks: &mut Vec<Remark>) -> Option<Row> {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            return None;
        }
        if let Some(surplus) = cells
            .iter()
            .skip(self.columns.len())
            .find(|cell| !cell.trim().is_empty())
        {
            remarks.push(refused(line, None, surplus, "E-LEDGER-14", surplus_words()));
            return None;
        }
        let garbled = cells.iter().position(|cell| cell.contains('\u{fffd}'));
        if let Some(at) = garbled {
            remarks.push(refused(
                line,
                self.title(at),
                &cells[at],
                "E-LEDGER-15",
                garbled_words(),
            ));
            return None;
        }
        let formula = self.columns.iter().zip(&cells).position(|((_, field), cell)| {
            let cell = cell.trim();
            field.is_some() && cell.starts_with('#') && FORMULA_FAULTS.contains(&cell)
        });
        if let Some(at) = formula {
            let words = formula_words();
            remarks.push(refused(line, self.title(at), &cells[at], "E-LEDGER-17", words));
            return None;
        }
        let at = self.columns.iter().position(|(_, field)| *field == Some(Field::Code))?;
        let text = cells.get(at).map_or("", String::as_str);
        let (code, notes) = match Code10::read(text) {
            Ok(read) => read,
            Err(bad) => {
                let bad = BadField::Code(bad);
                remarks.push(refused(line, self.title(at), text, bad.code(), bad.words()));
                return None;
            }
        };
        if let Some(first) = self.seen.get(&code) {
            remarks.push(refused(line, self.title(at), text, "E-LEDGER-12", twice_words(*first)));
            return None;
        }
        self.seen.insert(code, line);
        for note in notes {
            let (name, words) = note_words(note, code);
            remarks.push(warned(line, self.title(at), text, name, words));
        }
        for ((title, field), cell) in self.columns.iter().zip(&cells) {
            let one_line = field.is_some_and(|field| !field.several_lines() && field != Field::Code);
            if one_line && cell.trim().bytes().any(|byte| matches!(byte, b'\n' | b'\r')) {
                remarks.push(warned(
                    line,
                    Some(title.clone()),
                    cell,
                    "W-LEDGER-07",
                    broken_line_words(),
                ));
            }
        }
        Some(Row { line, code, cells })
    }

    /// What the row does to what is known.
    pub fn judge(&self, row: &Row, known: Known<'_>, remarks: &mut Vec<Remark>) -> Verdict {
        let (mut facility, was) = match known {
            Known::As(facility) => (facility.clone(), Some(facility)),
            Known::Not => (Facility::new(row.code, ""), None),
            Known::Replaced(today) => {
                let text = row.code.to_string();
                remarks.push(refused(row.line, None, &text, "E-LEDGER-13", replaced_words(today)));
                return Verdict::Refused;
            }
        };
        let before = remarks.len();
        let mut said = Vec::new();
        for (at, (title, field)) in self.columns.iter().enumerate() {
            let Some(field) = field.filter(|field| *field != Field::Code) else {
                continue;
            };
            let cell = row.cells.get(at).map_or("", |cell| cell.trim());
            let done = match (cell.is_empty(), self.clear && row.cells.len() > at) {
                (false, _) => take(&mut facility, was, field, cell),
                // The name is the one thing that nobody can mean to clear.
                (true, true) if field != Field::Name => field.clear(&mut facility).map(|()| None),
                (true, _) => Ok(None),
            };
            let column = Some(title.clone());
            match done {
                Ok(None) => {}
                Ok(Some((code, words))) => said.push(warned(row.line, column, cell, code, words)),
                Err(bad) => remarks.push(refused(row.line, column, cell, bad.code(), bad.words())),
            }
        }
        if facility.name.is_empty() && remarks.len() == before {
            let bad = BadField::Required;
            remarks.push(refused(
                row.line,
                Some(Field::Name.words().ja),
                "",
                bad.code(),
                bad.words(),
            ));
        }
        if remarks.len() > before {
            return Verdict::Refused;
        }
        remarks.append(&mut said);
        if let (Some(said), Some(meant)) = (facility.prefecture, row.code.prefecture())
            && said != meant
        {
            let words = elsewhere_words(said, meant);
            remarks.push(warned(row.line, None, &said.words().ja, "W-LEDGER-06", words));
        }
        match was {
            None => Verdict::New(facility),
            Some(was) => {
                let fields = facility.differences(was);
                if fields.is_empty() {
                    Verdict::Same
                } else {
                    Verdict::Changed { to: facility, fields }
                }
            }
        }
    }

    fn title(&self, at: usize) -> Option<String> {
        self.columns.get(at).map(|(title, _)| title.clone())
    }
}

/// Puts a cell into its field, and says what was made of it where that is not what stands in it.
fn take(
    facility: &mut Facility,
    was: Option<&Facility>,
    field: Field,
    cell: &str,
) -> Result<Option<(&'static str, Words)>, BadField> {
    if cell.contains(GETA) {
        return match was.and_then(|was| field.text(was)) {
            Some(known) => Ok((known != cell).then(|| ("W-LEDGER-09", lost_words(&known)))),
            None => field
                .put(facility, cell)
                .map(|()| Some(("W-LEDGER-10", lost_before_words()))),
        };
    }
    match (field.put(facility, cell), Phone::without_its_zero(cell)) {
        (Err(BadField::Phone(_)), Some(phone)) => {
            let words = zero_lost_words(phone.normal());
            let known = was.is_some_and(|was| was.phones.iter().map(Phone::normal).eq([phone.normal()]));
            if !known {
                facility.phones = vec![phone];
            }
            Ok(Some(("W-LEDGER-11", words)))
        }
        // A number that nobody can dial is no reason to know nothing of the place.
        (Err(bad @ BadField::Phone(_)), None) => Ok(Some(("W-LEDGER-08", phone_words(bad)))),
        (done, _) => done.map(|()| None),
    }
}

fn shown(value: &str) -> String {
    value.chars().take(SHOWN).collect()
}

fn refused(line: u64, column: Option<String>, value: &str, code: &str, words: Words) -> Remark {
    Remark {
        line,
        column,
        value: shown(value),
        severity: Severity::Refused,
        code: code.to_owned(),
        words,
    }
}

fn warned(line: u64, column: Option<String>, value: &str, code: &str, words: Words) -> Remark {
    Remark {
        severity: Severity::Warned,
        ..refused(line, column, value, code, words)
    }
}

fn note_words(note: CodeNote, code: Code10) -> (&'static str, Words) {
    match note {
        CodeNote::ZeroAdded => (
            "W-LEDGER-02",
            Words::new(
                format!(
                    "9桁のコードです。先頭の0が落ちたものとして {code} と読みます。違うときは台帳を直してください。"
                ),
                format!(
                    "The code has nine digits. It is read as {code}, its leading zero lost; mend the ledger if that is wrong."
                ),
            ),
        ),
        CodeNote::Tidied => (
            "W-LEDGER-03",
            Words::new(
                format!("全角や区切りを取り除いて {code} と読みます。"),
                format!("Read as {code}, without full-width characters and separators."),
            ),
        ),
        CodeNote::CheckDigit => (
            "W-LEDGER-04",
            Words::new(
                "末尾の検証番号が合いません。コードの打ち間違いがないか確かめてください。",
                "The last digit does not check the others. See whether the code is mistyped.",
            ),
        ),
        CodeNote::NoPrefecture => (
            "W-LEDGER-05",
            Words::new(
                "先頭2桁が都道府県番号（01～47、51～97）ではありません。",
                "The first two digits are no prefecture (01 to 47, 51 to 97).",
            ),
        ),
    }
}

fn elsewhere_words(said: Prefecture, meant: Prefecture) -> Words {
    let (said, meant) = (said.words(), meant.words());
    Words::new(
        format!("都道府県は{}ですが、コードは{}を表しています。", said.ja, meant.ja),
        format!("The prefecture is {}, but the code means {}.", said.en, meant.en),
    )
}

fn twice_words(first: u64) -> Words {
    Words::new(
        format!("同じコードが{first}行目にもあります。どちらか一方にしてください。"),
        format!("The same code stands on line {first} too. Keep only one of them."),
    )
}

fn replaced_words(today: Code10) -> Words {
    Words::new(
        format!("このコードは {today} に変わっています。新しいコードで載せてください。"),
        format!("This code has become {today}. Use the new one."),
    )
}

fn broken_line_words() -> Words {
    Words::new(
        "セルの中の改行を空白として読みます。1行に直してください。",
        "The line break in the cell is read as a space. Put the text on one line.",
    )
}

fn phone_words(bad: BadField) -> Words {
    let Words { ja, en } = bad.words();
    Words::new(
        format!("{ja}この列は読み飛ばし、ほかは取り込みます。"),
        format!("{en} This cell is passed over, the rest of the row is not."),
    )
}

fn lost_words(known: &str) -> Words {
    let known = shown(known);
    Words::new(
        format!(
            "「〓」は、シフトJISで保存したときに失われた文字です。この列は読み飛ばし、今の台帳の「{known}」のままにします。変えるときは、UTF-8のCSVかExcelで取り込んでください。"
        ),
        format!(
            "〓 stands for a character that was lost when the file was saved in Shift JIS. This cell is passed over and {known:?} stays. To change it, import CSV in UTF-8 or a workbook."
        ),
    )
}

fn lost_before_words() -> Words {
    Words::new(
        "「〓」は、シフトJISで保存したときに失われた文字です。このまま取り込みます。あとで台帳を修正してください。",
        "〓 stands for a character that was lost when the file was saved in Shift JIS. The cell is taken as it is; mend it in the ledger afterwards.",
    )
}

fn zero_lost_words(phone: &str) -> Words {
    Words::new(
        format!("先頭の0が落ちた電話番号として {phone} と読みます。違うときは台帳を直してください。"),
        format!("Read as {phone}, its leading zero lost; mend the ledger if that is wrong."),
    )
}

fn formula_words() -> Words {
    Words::new(
        "計算式がエラーになっているセルです。元の表で計算式を直すか、値だけを貼り付けて保存し直してください。",
        "The cell's formula has no result. Mend the formula in the sheet, or paste the values only and save it again.",
    )
}

impl Remark {
    /// Somebody changed the facility after the row was judged: what it would do to it now is not what was looked at.
    pub fn overtaken(line: u64, name: &str) -> Remark {
        let words = Words::new(
            "確認のあとに、ほかの人がこの医療機関等を変更しました。この行は取り込んでいません。取り込むときは、ファイルを選び直して、今の台帳との違いを確かめてください。",
            "Somebody changed this facility after the preview, so this row was left out. To import it, choose the file again and look at what it would change now.",
        );
        refused(line, None, name, "E-LEDGER-36", words)
    }

    /// A quote that nobody closed, or that closes within a cell: these lines cannot be told apart, and none is read.
    pub fn stray_quote(first: u64, last: u64, text: &str) -> Remark {
        let words = if first == last {
            Words::new(
                "引用符（\"）の開きと閉じが合いません。この行の引用符を直してください。",
                "The quotes on this line do not match. Mend them.",
            )
        } else {
            Words::new(
                format!(
                    "引用符（\"）の開きと閉じが合わず、{first}～{last}行目が1行として続いています。引用符を直してください。"
                ),
                format!("The quotes do not match: lines {first} to {last} run on as one. Mend the quotes."),
            )
        };
        refused(first, None, text, "E-LEDGER-16", words)
    }
}

fn surplus_words() -> Words {
    Words::new(
        "見出しより多くの列があります。引用符やカンマの抜けを確かめてください。",
        "The row has more cells than there are titles. See whether a quote or comma is missing.",
    )
}

fn garbled_words() -> Words {
    Words::new(
        "文字化けしていて読めない文字があります。文字コードを確かめて、ファイルを保存し直してください。",
        "Some characters cannot be read. Check the file's encoding and save it again.",
    )
}

impl BadTitles {
    pub fn code(&self) -> &'static str {
        match self {
            BadTitles::Empty => "E-LEDGER-21",
            BadTitles::NoCode => "E-LEDGER-22",
            BadTitles::Twice(_) => "E-LEDGER-23",
        }
    }

    pub fn words(&self) -> Words {
        match self {
            BadTitles::Empty => Words::new(
                "見出しの行がありません。1行目に「医療機関コード」「名称」などの見出しを入れてください。",
                "There are no titles. Put titles such as \"code\" and \"name\" on the first line.",
            ),
            BadTitles::NoCode => Words::new(
                "「医療機関コード」の列がありません。見出しを確かめてください。",
                "There is no column of institution codes. Give one the title \"code\".",
            ),
            BadTitles::Twice(field) => {
                let Words { ja, en } = field.words();
                Words::new(
                    format!("「{ja}」を表す列が2つあります。一方を除いてください。"),
                    format!("Two columns mean \"{en}\". Take one out."),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sheet(titles: &[&str], clear: bool) -> Sheet {
        let titles: Vec<String> = titles.iter().map(|title| (*title).to_owned()).collect();
        Sheet::new(&titles, clear).unwrap().0
    }

    fn cells(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    /// The verdict and the codes of what was said, for a ledger that knows one facility.
    fn judged(sheet: &mut Sheet, known: Option<&Facility>, line: u64, row: &[&str]) -> (Option<Verdict>, Vec<String>) {
        let mut remarks = Vec::new();
        let verdict = sheet.row(line, cells(row), &mut remarks).map(|row| {
            let known = match known {
                Some(facility) if facility.code == row.code => Known::As(facility),
                _ => Known::Not,
            };
            sheet.judge(&row, known, &mut remarks)
        });
        assert!(remarks.iter().all(|remark| remark.line == line));
        (verdict, remarks.into_iter().map(|remark| remark.code).collect())
    }

    #[test]
    fn each_row_has_its_verdict() {
        let mut known = Facility::new("0110113719".parse().unwrap(), "さくら医院");
        known.notes = Some("裏口".into());
        let mut sheet = sheet(&["医療機関コード", "名称", "種別", "電話番号", "備考"], false);
        let refused = |code: &str| (Some(Verdict::Refused), vec![code.to_owned()]);
        let mut judge = |line: u64, row: &[&str]| judged(&mut sheet, Some(&known), line, row);

        assert_eq!(
            judge(2, &["110113719", "さくら医院", "", "", ""]),
            (Some(Verdict::Same), vec!["W-LEDGER-02".into()])
        );
        assert_eq!(judge(3, &["0110113719", "x"]), (None, vec!["E-LEDGER-12".into()]));
        let (new, said) = judge(4, &["1340000015", "みどり薬局"]);
        assert!(matches!(new, Some(Verdict::New(facility)) if facility.name == "みどり薬局"));
        assert!(said.is_empty(), "{said:?}");
        assert_eq!(judge(5, &["1.31E+09", "x"]), (None, vec!["E-LEDGER-02".into()]));
        assert_eq!(judge(6, &["2710000015", ""]), refused("E-LEDGER-05"));
        assert_eq!(judge(7, &["2710000023", "うめ", "銭湯"]), refused("E-LEDGER-07"));
        assert_eq!(judge(8, &["", "", " "]), (None, vec![]));
        assert_eq!(
            judge(9, &["2710000031", "うめ", "", "", "", "余り"]),
            (None, vec!["E-LEDGER-14".into()])
        );
        assert_eq!(
            judge(10, &["2710000049", "う\u{fffd}"]),
            (None, vec!["E-LEDGER-15".into()])
        );
    }

    #[test]
    fn a_line_break_and_an_unreadable_number_are_mentioned_and_the_rest_is_read() {
        let mut sheet = sheet(&["code", "name", "phones", "notes"], false);
        let row = ["0110113719", "医療法人\nさくら医院", "内線3", "一\n二"];
        let (verdict, said) = judged(&mut sheet, None, 2, &row);
        let Some(Verdict::New(facility)) = verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(said, ["W-LEDGER-07", "W-LEDGER-08"]);
        assert_eq!(facility.name, "医療法人 さくら医院");
        assert!(facility.phones.is_empty() && facility.notes.as_deref() == Some("一\n二"));
    }

    #[test]
    fn absence_is_not_deletion_and_an_empty_cell_clears_only_when_told() {
        let mut known = Facility::new("0110113719".parse().unwrap(), "さくら医院");
        known.notes = Some("裏口".into());
        known.reader = Some("XC01".into());
        let row = ["0110113719", "さくら医院", ""];
        let mut leaving = sheet(&["code", "name", "notes"], false);
        assert_eq!(judged(&mut leaving, Some(&known), 2, &row).0, Some(Verdict::Same));
        let mut clearing = sheet(&["code", "name", "notes"], true);
        let (verdict, _) = judged(&mut clearing, Some(&known), 2, &row);
        let Some(Verdict::Changed { to, fields }) = verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(fields, [Field::Notes]);
        assert_eq!(
            to.reader.as_deref(),
            Some("XC01"),
            "a column that is not there says nothing"
        );
        let mut short = sheet(&["code", "name", "notes"], true);
        let (verdict, _) = judged(&mut short, Some(&known), 2, &["0110113719", "さくら医院"]);
        assert_eq!(
            verdict,
            Some(Verdict::Same),
            "a cell that is not there says nothing either"
        );
    }

    #[test]
    fn a_character_that_the_encoding_lost_overwrites_nothing() {
        let mut known = Facility::new("0110113719".parse().unwrap(), "𠮷田医院");
        known.contact = Some("髙𣘺".into());
        let titles = ["code", "name", "contact", "address"];
        let mut lost = sheet(&titles, true);
        let row = ["0110113719", "〓田医院", "髙〓", "〓町1"];
        let (verdict, said) = judged(&mut lost, Some(&known), 2, &row);
        let Some(Verdict::Changed { to, fields }) = verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(said, ["W-LEDGER-09", "W-LEDGER-09", "W-LEDGER-10"]);
        assert_eq!(fields, [Field::Address], "what nobody knew is taken as it is");
        assert_eq!((to.name.as_str(), to.contact.as_deref()), ("𠮷田医院", Some("髙𣘺")));
        let (verdict, said) = judged(&mut sheet(&titles, false), Some(&to), 2, &row);
        assert_eq!(verdict, Some(Verdict::Same));
        assert_eq!(
            said,
            ["W-LEDGER-09", "W-LEDGER-09"],
            "of what is the same already nothing is said"
        );
        let (verdict, said) = judged(&mut sheet(&titles, false), None, 2, &["1340000015", "〓田薬局"]);
        assert!(matches!(verdict, Some(Verdict::New(facility)) if facility.name == "〓田薬局"));
        assert_eq!(said, ["W-LEDGER-10"]);
    }

    #[test]
    fn a_number_that_lost_its_zero_has_it_back_and_a_broken_formula_is_called_one() {
        let mut known = Facility::new("0110113719".parse().unwrap(), "さくら医院");
        known.phones = vec![Phone::read("03-1234-5678").unwrap()];
        let mut sheet = sheet(&["code", "name", "phones", "売上"], false);
        let zero = vec!["W-LEDGER-11".to_owned()];
        let mut judge = |line: u64, row: &[&str]| judged(&mut sheet, Some(&known), line, row);
        assert_eq!(
            judge(2, &["0110113719", "さくら医院", "312345678"]),
            (Some(Verdict::Same), zero.clone())
        );
        for (line, (cell, number)) in [("9012345678", "09012345678"), ("120123456", "0120123456")]
            .iter()
            .enumerate()
        {
            let code = ["1340000015", "2710000015"][line];
            let (verdict, said) = judge(line as u64 + 3, &[code, "うめ", cell]);
            let Some(Verdict::New(facility)) = verdict else {
                panic!("{verdict:?}")
            };
            assert_eq!((facility.phones[0].normal(), said), (*number, zero.clone()));
        }
        assert_eq!(
            judge(5, &["2710000023", "うめ", "1310000376"]).1,
            ["W-LEDGER-08"],
            "ten digits of something else"
        );
        assert_eq!(
            judge(6, &["2710000031", "#REF!", ""]),
            (None, vec!["E-LEDGER-17".into()])
        );
        assert!(matches!(
            judge(7, &["2710000049", "#1医院", "", "#N/A"]).0,
            Some(Verdict::New(_))
        ));
    }

    #[test]
    fn an_old_code_is_refused_with_the_new_one_and_a_strange_place_is_mentioned() {
        let mut sheet = sheet(&["code", "name", "都道府県"], false);
        let mut remarks = Vec::new();
        let row = sheet.row(2, cells(&["0110113719", "x", ""]), &mut remarks).unwrap();
        let verdict = sheet.judge(&row, Known::Replaced("1340000015".parse().unwrap()), &mut remarks);
        assert_eq!(verdict, Verdict::Refused);
        assert!(remarks[0].code == "E-LEDGER-13" && remarks[0].words.ja.contains("1340000015"));
        let row = sheet
            .row(3, cells(&["2710000015", "うめ", "沖縄県"]), &mut remarks)
            .unwrap();
        assert!(matches!(sheet.judge(&row, Known::Not, &mut remarks), Verdict::New(_)));
        assert_eq!(remarks[1].code, "W-LEDGER-06");
    }

    #[test]
    fn titles_are_checked_first() {
        let titles = |texts: &[&str]| Sheet::new(&cells(texts), false).map(|(_, remarks)| remarks.len());
        assert_eq!(titles(&["コード番号", "名称"]), Err(BadTitles::NoCode));
        assert_eq!(titles(&["", " "]), Err(BadTitles::Empty));
        assert_eq!(titles(&["code", "電話", "TEL"]), Err(BadTitles::Twice(Field::Phones)));
        assert_eq!(titles(&["施設名", "医療機関コード", "売上"]), Ok(1));
    }

    proptest! {
        #[test]
        fn no_row_makes_it_panic(row in proptest::collection::vec("\\PC{0,12}", 0..8)) {
            let mut sheet = sheet(&["code", "name", "診療時間", "電話", "種別"], true);
            let mut remarks = Vec::new();
            if let Some(row) = sheet.row(2, row, &mut remarks) {
                sheet.judge(&row, Known::Not, &mut remarks);
            }
        }
    }
}
