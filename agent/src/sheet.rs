//! A terminal's facts as a sheet that a technician in front of it can read: section by section, in Japanese with the English
//! beside the headings, each fact with the key by which filters know it. Pure.

use kaishin_proto::convert::Facts;
use kaishin_proto::fact::{self, Section};
use kaishin_proto::time::{Span, Time};
use kaishin_proto::value::{Reason, Table, Value};

/// Cells in which labels stand; the longest are a little shorter.
const LABEL: usize = 46;
const MARGIN: &str = "    ";
/// Terminals stand in Japan, which has one time all year.
const JAPAN: Span = Span::hours(9);

/// The whole section with a heading; ends without an empty line.
pub fn section(section: &Section, facts: &Facts) -> String {
    let mut lines = vec![format!("■ {} / {}", section.ja, section.en)];
    for (key, value) in facts {
        let label = fact::find(key).map_or(key.as_str(), |fact| fact.ja);
        let lead = format!("  {}  ", padded(label, LABEL));
        let mut told = value_lines(value).into_iter();
        lines.push(format!("{lead}{}  [{key}]", told.next().unwrap_or_default()));
        lines.extend(told.map(|line| format!("{MARGIN}{line}")));
    }
    lines.join("\n")
}

/// The first stands beside the label, the others below it.
fn value_lines(value: &Value) -> Vec<String> {
    match value {
        Value::Truth(true) => vec!["はい / yes".to_owned()],
        Value::Truth(false) => vec!["いいえ / no".to_owned()],
        Value::Number(number) => vec![number.to_string()],
        Value::Text(text) => vec![if text.is_empty() { none() } else { one_line(text) }],
        Value::Version(version) => vec![version.to_string()],
        Value::Time(time) => vec![moment(*time)],
        Value::Duration(span) => vec![duration(*span)],
        Value::Size(bytes) => vec![size(*bytes)],
        Value::List(items) => match items.as_slice() {
            [] => vec![none()],
            [one] => vec![one_line(one)],
            many => {
                let items = many.iter().map(|item| format!("- {}", one_line(item)));
                [format!("{}件 / items", many.len())].into_iter().chain(items).collect()
            }
        },
        Value::Table(table) if table.rows.is_empty() => vec![none()],
        Value::Table(table) => {
            let head = format!("{}行 / rows", table.rows.len());
            [head].into_iter().chain(grid(table)).collect()
        }
        Value::Unknown(unknown) => vec![format!(
            "不明: {} / unknown: {} ({})",
            reason(unknown.reason),
            unknown.reason.name(),
            one_line(&unknown.detail)
        )],
    }
}

fn none() -> String {
    "なし / none".to_owned()
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::NotSupported => "この端末では読めません",
        Reason::NoPermission => "読み取る権限がありません",
        Reason::NotFound => "見つかりません",
        Reason::Damaged => "壊れています",
        Reason::Failed => "読み取りに失敗しました",
    }
}

/// `2026-11-20 14:05 JST`
fn moment(time: Time) -> String {
    let local = time + JAPAN;
    let text = local.rfc3339();
    let minutes: String = text.chars().take(16).collect();
    format!("{} JST", minutes.replace('T', " "))
}

fn duration(span: Span) -> String {
    let tenths = span.0 / 100_000;
    let sign = if tenths < 0 { "-" } else { "" };
    let (whole, rest) = (tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10);
    match whole {
        0..120 if rest != 0 => format!("{sign}{whole}.{rest} 秒 / s"),
        0..120 => format!("{sign}{whole} 秒 / s"),
        120..7_200 => format!("{sign}{} 分 / min", whole / 60),
        _ => format!("{sign}{} 時間 / h", whole / 3_600),
    }
}

fn size(bytes: u64) -> String {
    let tenths = (u128::from(bytes) * 10) >> 30;
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

/// Columns under each other, the last one as long as it is.
fn grid(table: &Table) -> Vec<String> {
    const WIDEST: usize = 44;
    let all: Vec<Vec<String>> = [&table.columns]
        .into_iter()
        .chain(&table.rows)
        .map(|row| row.iter().map(|cell| one_line(cell)).collect())
        .collect();
    let of_column = |at: usize| {
        let widths = all.iter().filter_map(|row| row.get(at)).map(|cell| width(cell));
        widths.max().unwrap_or_default().min(WIDEST)
    };
    let widths: Vec<usize> = (0..table.columns.len()).map(of_column).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| padded(cell, *width));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all.iter().map(line).collect()
}

/// What came from the machine may not move the cursor or break the lines.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

fn padded(text: &str, cells: usize) -> String {
    let missing = cells.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// In cells of a terminal's screen: Japanese letters take two.
fn width(text: &str) -> usize {
    let cells = |letter: char| match letter {
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' => 2,
        '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' => 2,
        '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    };
    text.chars().map(cells).sum()
}

#[cfg(test)]
mod tests {
    use kaishin_proto::clock::Clock;
    use kaishin_proto::value::Version;

    use super::*;
    use crate::facts::{self, About};
    use crate::os::sim::Sim;

    fn told(key: &str, value: Value) -> Vec<String> {
        let (name, _) = key.split_once('.').unwrap();
        let sheet = section(fact::section(name).unwrap(), &vec![(key.to_owned(), value)]);
        sheet.lines().map(|line| line.trim_end().to_owned()).collect()
    }

    #[test]
    fn every_type_is_told_so_that_a_person_reads_it() {
        for (key, value, expected) in [
            ("edge.developer_mode", Value::Truth(true), "はい / yes"),
            ("edge.version", Value::Version(Version("130.0.1".into())), "130.0.1"),
            ("update.last_install", Value::Time(Time(0)), "1970-01-01 09:00 JST"),
            ("time.offset", Value::Duration(Span::millis(-92_500)), "-92.5 秒 / s"),
            ("power.sleep_ac", Value::Duration(Span::minutes(30)), "30 分 / min"),
            ("power.sleep_dc", Value::Duration(Span::hours(3)), "3 時間 / h"),
            ("disk.system_free", Value::Size(3 << 29), "1.5 GiB"),
            ("edge.missing", Value::List(vec![]), "なし / none"),
            ("proxy.server", Value::Text("a\u{1b}[2J\nb".into()), "a [2J b"),
            (
                "edge.developer_mode",
                Value::unknown(Reason::Damaged, "Preferences"),
                "不明: 壊れています / unknown: damaged (Preferences)",
            ),
        ] {
            let lines = told(key, value);
            assert_eq!(lines.len(), 2, "{lines:?}");
            assert!(lines[1].contains(&format!("  {expected}  [{key}]")), "{}", lines[1]);
        }
    }

    #[test]
    fn lists_and_tables_stand_below_with_their_columns_under_each_other() {
        let items = vec!["受付".to_owned(), "院長".to_owned()];
        let lines = told("edge.missing", Value::List(items));
        assert_eq!(lines[2..], ["    - 受付", "    - 院長"]);
        let text = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let table = Table {
            columns: text(["user", "enabled"]),
            rows: vec![text(["受付の人", "yes"]), text(["a", "no"])],
        };
        let lines = told("edge.profiles", Value::Table(table));
        assert_eq!(
            lines[2..],
            ["    user      enabled", "    受付の人  yes", "    a         no"]
        );
    }

    #[test]
    fn the_sheet_of_a_terminal_has_every_section_and_every_fact() {
        let sim = Sim::new(1, 1, Clock::manual(Time(1_800_000_000_000_000)));
        let about = About::new("0.1.0", Time(0));
        for name in facts::names() {
            let known = fact::section(name).unwrap();
            let sheet = section(known, &facts::section(name, &sim, &about).unwrap());
            assert!(sheet.starts_with(&format!("■ {} / {}\n", known.ja, known.en)));
            for fact in known.facts {
                let line = sheet.lines().find(|line| line.ends_with(&format!("  [{}]", fact.key)));
                let line = line.unwrap_or_else(|| panic!("{} is not on the sheet", fact.key));
                assert!(width(fact.ja) <= LABEL && line.contains(fact.ja), "{line}");
            }
        }
    }
}
