//! A workbook of one sheet for spreadsheet programs: every cell is text, so that codes keep their zeros and nothing is
//! calculated.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::AppError;

/// So much is written at once.
const PART: usize = 60 * 1024;

pub struct Workbook {
    zip: ZipWriter<Cursor<Vec<u8>>>,
    part: String,
    rows: usize,
}

impl Workbook {
    pub fn new(sheet: &str) -> Result<Workbook, AppError> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        let mut name = String::new();
        escaped(&mut name, sheet);
        for (file, text) in PARTS {
            zip.start_file(file, options).map_err(AppError::internal)?;
            zip.write_all(text.replace("NAME", &name).as_bytes())
                .map_err(AppError::internal)?;
        }
        zip.start_file("xl/worksheets/sheet1.xml", options)
            .map_err(AppError::internal)?;
        Ok(Workbook {
            zip,
            part: SHEET_HEAD.to_owned(),
            rows: 0,
        })
    }

    /// The next row; `None` leaves a cell empty.
    pub fn row(&mut self, cells: impl Iterator<Item = Option<String>>) -> Result<(), AppError> {
        self.rows += 1;
        let number = self.rows;
        let _ = write!(self.part, "<row r=\"{number}\">");
        for (at, text) in cells.enumerate() {
            let Some(text) = text else { continue };
            let _ = write!(
                self.part,
                "<c r=\"{}{number}\" t=\"inlineStr\" s=\"1\"><is><t xml:space=\"preserve\">",
                column(at)
            );
            escaped(&mut self.part, &text);
            self.part.push_str("</t></is></c>");
        }
        self.part.push_str("</row>");
        if self.part.len() > PART {
            self.zip.write_all(self.part.as_bytes()).map_err(AppError::internal)?;
            self.part.clear();
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<Vec<u8>, AppError> {
        self.part.push_str("</sheetData></worksheet>");
        self.zip.write_all(self.part.as_bytes()).map_err(AppError::internal)?;
        Ok(self.zip.finish().map_err(AppError::internal)?.into_inner())
    }
}

/// A, B, … Z, AA, AB, …
fn column(at: usize) -> String {
    let letter = |n: usize| char::from(b'A' + u8::try_from(n % 26).unwrap_or(0));
    match at.checked_sub(26) {
        None => letter(at).to_string(),
        Some(beyond) => format!("{}{}", letter(beyond / 26), letter(beyond)),
    }
}

fn escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() && c != '\n' => {}
            '\u{fffe}' | '\u{ffff}' => {}
            c => out.push(c),
        }
    }
}

const SHEET_HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetViews><sheetView workbookViewId=\"0\">\
<pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/></sheetView></sheetViews><sheetData>";

/// A workbook of one sheet; the one format besides the default is text, so that codes stay as they are.
const PARTS: [(&str, &str); 5] = [
    (
        "[Content_Types].xml",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
<Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
<Default Extension=\"xml\" ContentType=\"application/xml\"/>\
<Override PartName=\"/xl/workbook.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/>\
<Override PartName=\"/xl/styles.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml\"/>\
<Override PartName=\"/xl/worksheets/sheet1.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/>\
</Types>",
    ),
    (
        "_rels/.rels",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" \
Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>",
    ),
    (
        "xl/workbook.xml",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
<workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" \
xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets>\
<sheet name=\"NAME\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>",
    ),
    (
        "xl/_rels/workbook.xml.rels",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" \
Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" Target=\"worksheets/sheet1.xml\"/>\
<Relationship Id=\"rId2\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles\" Target=\"styles.xml\"/></Relationships>",
    ),
    (
        "xl/styles.xml",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
<styleSheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><fonts count=\"1\"><font/></fonts>\
<fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill><fill><patternFill patternType=\"gray125\"/></fill></fills>\
<borders count=\"1\"><border/></borders><cellStyleXfs count=\"1\"><xf/></cellStyleXfs><cellXfs count=\"2\"><xf/>\
<xf numFmtId=\"49\" applyNumberFormat=\"1\"/></cellXfs></styleSheet>",
    ),
];

#[cfg(test)]
mod tests {
    use calamine::{Reader, Xlsx};

    use super::*;

    #[test]
    fn what_goes_into_a_sheet_is_read_out_of_it_as_text() {
        let mut book = Workbook::new("端末 <1> & \"2\"").expect("a workbook");
        let wide: Vec<String> = (0..60).map(|n| format!("列{n}")).collect();
        book.row(wide.iter().cloned().map(Some)).expect("a row");
        let cells = ["0012345678", "=1+1", "<b> & \"c\"", "一行目\n二行目"];
        book.row(cells.into_iter().map(|cell| Some(cell.to_owned())))
            .expect("a row");
        for _ in 0..3_000 {
            book.row([None, Some("x".repeat(40))].into_iter()).expect("a row");
        }
        let mut read: Xlsx<_> =
            calamine::open_workbook_from_rs(Cursor::new(book.finish().expect("a file"))).expect("a workbook");
        assert_eq!(read.sheet_names(), ["端末 <1> & \"2\""]);
        let sheet = read.worksheet_range_at(0).expect("a sheet").expect("it reads");
        let text = |row: u32, column: u32| {
            sheet
                .get_value((row, column))
                .map(ToString::to_string)
                .unwrap_or_default()
        };
        assert_eq!((0..60).map(|at| text(0, at)).collect::<Vec<_>>(), wide);
        assert_eq!((0..4).map(|at| text(1, at)).collect::<Vec<_>>(), cells);
        assert_eq!(
            (sheet.height(), text(3_001, 0), text(3_001, 1).len()),
            (3_002, String::new(), 40)
        );
    }
}
