//! Tables as CSV for spreadsheets: the one way in which a row is written and a formula made harmless, for every file that
//! leaves. What terminals and ledgers say is not trusted.

use kaishin_domain::formula::harmless;

/// Excel takes UTF-8 for what it is only with a mark.
pub const MARK: &str = "\u{feff}";

/// Writes a row and its end.
pub fn row<T: AsRef<str>>(to: &mut String, cells: impl IntoIterator<Item = T>) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            to.push(',');
        }
        to.push('"');
        let cell = harmless(cell.as_ref());
        for (at, part) in cell.split('"').enumerate() {
            if at > 0 {
                to.push_str("\"\"");
            }
            to.push_str(part);
        }
        to.push('"');
    }
    to.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_formulas_are_text() {
        let mut text = String::new();
        row(&mut text, ["受付1", "a\"b", "=cmd()", "+81 3", "-30", ""]);
        row(&mut text, ["一,\n二"]);
        assert_eq!(
            text,
            "\"受付1\",\"a\"\"b\",\"'=cmd()\",\"'+81 3\",\"-30\",\"\"\r\n\"一,\n二\"\r\n"
        );
    }
}
