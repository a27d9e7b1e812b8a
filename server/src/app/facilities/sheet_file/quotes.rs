//! Whether a record's quotes are what its writer meant: a stray one makes rows vanish into a cell of the row before.

use kaishin_domain::facility::Code10;

/// No cell has so many lines.
const MOST_LINES: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoting {
    Sound,
    /// A cell closes within itself, or holds lines that are rows by their look.
    Broken,
    /// The record runs on over lines that are none of its own.
    Swallowing,
}

/// What becomes of a record as it stands in the file, with the columns there should be and the place of the code.
pub fn judge(raw: &str, delimiter: char, columns: usize, code: usize) -> Quoting {
    if !raw.as_bytes().contains(&b'"') {
        return Quoting::Sound;
    }
    let (open, torn) = walk(raw.as_bytes(), delimiter);
    let mut further = further_lines(raw);
    let Some(second) = further.next() else {
        return if open || torn { Quoting::Broken } else { Quoting::Sound };
    };
    if open || torn || further.clone().nth(MOST_LINES - 2).is_some() {
        return Quoting::Swallowing;
    }
    let is_row = |line: &str| {
        let mut cells = line.split(delimiter);
        columns > 1 && cells.clone().count() >= columns && cells.nth(code).is_some_and(is_code)
    };
    if std::iter::once(second).chain(further).any(is_row) {
        Quoting::Broken
    } else {
        Quoting::Sound
    }
}

/// Whether the titles' quotes have taken a row in.
pub fn titles_swallow(raw: &str, delimiter: char) -> bool {
    raw.contains('"') && further_lines(raw).any(|line| line.split(delimiter).any(is_code))
}

fn further_lines(raw: &str) -> impl Iterator<Item = &str> + Clone {
    raw.split(['\r', '\n']).filter(|line| !line.is_empty()).skip(1)
}

fn is_code(cell: &str) -> bool {
    Code10::read(cell.trim().trim_matches('"')).is_ok()
}

/// Whether the last cell is still open at the end, and whether any goes on after its closing quote. Cells are told apart
/// as the reader does it.
fn walk(raw: &[u8], delimiter: char) -> (bool, bool) {
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum At {
        Start,
        Plain,
        Quoted,
        /// After a quote within quotes: it closes, or is one of two.
        Closed,
    }
    let (mut at, mut torn) = (At::Start, false);
    for byte in raw {
        let parted = char::from(*byte) == delimiter || matches!(byte, b'\r' | b'\n');
        at = match (at, byte) {
            (At::Start, b'"') | (At::Closed, b'"') => At::Quoted,
            (At::Quoted, b'"') => At::Closed,
            (At::Quoted, _) => At::Quoted,
            (At::Start | At::Plain | At::Closed, _) if parted => At::Start,
            (At::Closed, b' ') => At::Closed,
            (At::Closed, _) => {
                torn = true;
                At::Plain
            }
            (At::Start | At::Plain, _) => At::Plain,
        };
    }
    (at == At::Quoted, torn)
}
