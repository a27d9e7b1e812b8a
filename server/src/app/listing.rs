//! Lists of terminals: which columns, in which order, and what stands in each cell. The same for pages, API, files and the
//! command line.

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::expr::{Completion, Expr, Field, Kind, complete};
use kaishin_domain::id::TerminalId;
use kaishin_domain::time::Time;
use kaishin_domain::value::Value;

use super::Cx;
use super::error::AppError;
use super::workbook::Workbook;
use crate::index::{Asked, Cursor, Facets, Page, Row, Sort};

/// What a list shows unless somebody says otherwise.
const USUAL: [&str; 8] = [
    "hostname",
    "facility.name",
    "online",
    "fault",
    "hardware.model",
    "os.version",
    "agent.version",
    "last_seen",
];
const MOST_COLUMNS: usize = 40;
const MOST_FACETS: usize = 12;
/// How many rows a file takes at once; others have their turn in between.
pub const AT_ONCE: usize = 500;

/// A list as it is asked for.
#[derive(Clone, Debug)]
pub struct Listing {
    pub filter: Expr,
    pub sort: Sort,
    pub columns: Vec<Field>,
}

fn key(name: &str, ja: &str, en: &str, code: &'static str) -> Result<Field, AppError> {
    let known = Field::find(name).filter(|field| field.indexed());
    known.ok_or_else(|| AppError::invalid(code, format!("「{name}」{ja}"), format!("{name:?} {en}")))
}

/// Rather than leave out what was asked for.
fn at_most(named: usize, most: usize) -> Result<(), AppError> {
    if named <= most {
        return Ok(());
    }
    Err(AppError::invalid(
        "E-INPUT-10",
        format!("項目は一度に{most}個までです。{named}個のうち要らないものを外してください。"),
        format!("At most {most} keys at once. Leave some of these {named} out."),
    ))
}

/// Keys with commas between; the usual columns if there are none.
pub fn columns(text: &str) -> Result<Vec<Field>, AppError> {
    let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let names = if names.is_empty() { &USUAL[..] } else { &names };
    at_most(names.len(), MOST_COLUMNS)?;
    let mut columns = Vec::new();
    for name in names {
        let field = key(name, "という列はありません。", "is not a column.", "E-INPUT-08")?;
        if !columns.contains(&field) {
            columns.push(field);
        }
    }
    Ok(columns)
}

/// A key, `-` before it for the other direction.
pub fn sort(text: &str) -> Result<Sort, AppError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Sort::default());
    }
    let (name, descending) = match text.strip_prefix('-') {
        Some(name) => (name, true),
        None => (text, false),
    };
    let field = key(
        name,
        "では並べ替えできません。",
        "is nothing that a list is sorted by.",
        "E-INPUT-04",
    )?;
    Ok(Sort { field, descending })
}

pub fn keys(text: &str) -> Result<Vec<Field>, AppError> {
    let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    at_most(names.len(), MOST_FACETS)?;
    let (ja, en, code) = (
        "では集計できません。",
        "is nothing that can be counted by.",
        "E-INPUT-09",
    );
    let counted = |name| {
        let field = key(name, ja, en, code)?;
        // Hardly two terminals have the same.
        if field == Field::Id || matches!(field.kind(), Kind::Time | Kind::Duration) {
            return Err(AppError::invalid(
                code,
                format!("「{name}」{ja}"),
                format!("{name:?} {en}"),
            ));
        }
        Ok(field)
    };
    names.into_iter().map(counted).collect()
}

impl Listing {
    pub fn page(&self, cx: &Cx, after: Option<&Cursor>, limit: usize) -> Result<Page, AppError> {
        Ok(self.explore(cx, after, limit, &[], 0)?.0)
    }

    /// A page with facets of the same moment.
    pub fn explore(
        &self,
        cx: &Cx,
        after: Option<&Cursor>,
        limit: usize,
        facets: &[Field],
        most: usize,
    ) -> Result<(Page, Vec<Facets>), AppError> {
        cx.require(Permission::ViewFleet, Scope::Fleet)?;
        let asked = Asked {
            expr: &self.filter,
            sort: self.sort,
            after,
            limit,
            columns: Some(&self.columns),
            facets,
            most,
        };
        Ok(cx.app.index.explore(&asked, cx.now()))
    }

    /// Whom a file tells of, in order: those of this moment, however long it takes to read it.
    pub fn all(&self, cx: &Cx) -> Result<Vec<TerminalId>, AppError> {
        cx.require(Permission::ViewFleet, Scope::Fleet)?;
        Ok(cx.app.index.in_order(&self.filter, self.sort, cx.now()))
    }

    pub fn rows(&self, cx: &Cx, ids: &[TerminalId]) -> Vec<Row> {
        cx.app.index.rows(ids, &self.columns)
    }

    /// What stands above the columns of a file.
    pub fn head(&self) -> impl Iterator<Item = String> {
        std::iter::once("id")
            .chain(self.columns.iter().map(|field| field.name()))
            .map(str::to_owned)
    }

    /// A row of a file.
    pub fn cells(&self, row: &Row) -> impl Iterator<Item = String> {
        let cells = self.columns.iter().map(|field| plain(&cell(row, *field)));
        std::iter::once(row.entry.id.to_string()).chain(cells)
    }

    /// All rows as a workbook.
    pub async fn workbook(&self, cx: &Cx) -> Result<Vec<u8>, AppError> {
        let mut book = Workbook::new("端末")?;
        book.row(self.head().map(Some))?;
        for part in self.all(cx)?.chunks(AT_ONCE) {
            for row in self.rows(cx, part) {
                book.row(self.cells(&row).map(Some))?;
            }
            tokio::task::yield_now().await;
        }
        book.finish()
    }
}

/// What can be typed at a place in an expression.
pub fn completion(cx: &Cx, text: &str, at: usize) -> Result<Completion, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    Ok(complete(text, at, |field, typed, most| {
        cx.app.index.values(field, typed, most)
    }))
}

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    Known(Value),
    /// Stable, such as `no_permission`; `not_reported` for what nobody told.
    Unknown(&'static str),
}

pub fn cell(row: &Row, field: Field) -> Cell {
    let entry = &row.entry;
    let text = |text: &str| Cell::Known(Value::Text(text.to_owned()));
    let texts = |items: Vec<String>| Cell::Known(Value::List(items));
    let told = |value: Option<&Value>| match value {
        None => Cell::Unknown("not_reported"),
        Some(Value::Unknown(unknown)) => Cell::Unknown(unknown.reason.name()),
        Some(value) => Cell::Known(value.clone()),
    };
    match field {
        Field::Id => text(&entry.id.to_string()),
        Field::Hostname => text(&entry.hostname),
        Field::Institution => told(entry.institution.clone().map(Value::Text).as_ref()),
        Field::Online => Cell::Known(Value::Truth(row.online())),
        Field::LastSeen => told(entry.last_seen.map(Value::Time).as_ref()),
        Field::State => {
            let standings = kaishin_domain::expr::Standing::ALL.into_iter();
            let held = standings.filter(|standing| entry.flags.stands(*standing));
            texts(held.map(|standing| standing.name().to_owned()).collect())
        }
        Field::Fault => texts(entry.faults.clone()),
        Field::Severity => texts(row.severities.iter().map(|&severity| severity.to_owned()).collect()),
        Field::Job => {
            let jobs = entry.jobs.iter();
            texts(jobs.map(|work| format!("{}:{}", work.remedy, work.state)).collect())
        }
        Field::JobState => texts(entry.jobs.iter().map(|work| work.state.to_owned()).collect()),
        Field::JobOf(remedy) => {
            let jobs = entry.jobs.iter().filter(|work| work.remedy == remedy);
            texts(jobs.map(|work| work.state.to_owned()).collect())
        }
        Field::Facility(attribute) => told(entry.facility.get(&attribute)),
        Field::Fact(fact) => told(entry.facts.get(fact.key)),
    }
}

/// A cell as files hold it and as an expression takes it.
pub fn plain(cell: &Cell) -> String {
    match cell {
        Cell::Unknown("not_reported") => "unknown".to_owned(),
        Cell::Unknown(reason) => format!("unknown:{reason}"),
        Cell::Known(value) => match value {
            Value::Truth(truth) => if *truth { "yes" } else { "no" }.to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            Value::Version(version) => version.0.clone(),
            Value::Time(time) => Time::in_japan(*time),
            Value::Duration(span) => span.as_seconds().to_string(),
            Value::Size(size) => size.to_string(),
            Value::List(items) => items.join(" "),
            Value::Table(table) => {
                let rows: Vec<String> = table.rows.iter().map(|row| row.join(" ")).collect();
                rows.join("; ")
            }
            Value::Unknown(unknown) => unknown.reason.name().to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use kaishin_domain::id::TerminalId;
    use kaishin_domain::time::Time;
    use kaishin_domain::value::Reason;

    use super::*;
    use crate::index::Entry;

    #[test]
    fn columns_and_orders_are_read_by_their_keys_and_refused_by_name() {
        let read = columns("hostname, model,hostname ,prefecture").expect("they are known");
        let names: Vec<&str> = read.iter().map(|field| field.name()).collect();
        assert_eq!(names, ["hostname", "hardware.model", "facility.prefecture"]);
        assert_eq!(columns("").expect("the usual ones").len(), USUAL.len());
        assert_eq!(columns("colour").expect_err("none").code, "E-INPUT-08");
        assert!(sort("-last_seen").expect("it is known").descending);
        assert_eq!(sort("colour").expect_err("none").code, "E-INPUT-04");
        assert_eq!(keys("colour").expect_err("none").code, "E-INPUT-09");
    }

    #[test]
    fn more_keys_than_are_answered_are_refused_and_not_cut_off() {
        let named = |count: usize| vec!["hostname"; count].join(",");
        assert!(keys(&named(MOST_FACETS)).is_ok() && columns(&named(MOST_COLUMNS)).is_ok());
        assert_eq!(keys(&named(MOST_FACETS + 1)).expect_err("too many").code, "E-INPUT-10");
        assert_eq!(
            columns(&named(MOST_COLUMNS + 1)).expect_err("too many").code,
            "E-INPUT-10"
        );
    }

    #[test]
    fn what_is_not_known_says_why_in_its_cell() {
        let mut entry = Entry::new(TerminalId::new(Time(0), [1; 10]), "PC-1");
        let dark = Value::unknown(Reason::NoPermission, "denied");
        entry.facts.insert("power.hibernate".into(), dark);
        entry.facts.insert("os.build".into(), Value::Number(19_044));
        entry.last_seen = Some(Time(0));
        let row = Row {
            entry,
            online_since: None,
            shared: Vec::new(),
            severities: vec!["serious"],
        };
        let told = |name: &str| plain(&cell(&row, Field::find(name).expect("a key")));
        for (name, expected) in [
            ("hostname", "PC-1"),
            ("power.hibernate", "unknown:no_permission"),
            ("os.build", "19044"),
            ("last_seen", "1970-01-01T09:00:00+09:00"),
            ("os.version", "unknown"),
            ("facility.name", "unknown"),
            ("online", "no"),
            ("state", "active"),
            ("fault.severity", "serious"),
            ("fault", ""),
        ] {
            assert_eq!(told(name), expected, "{name}");
        }
    }
}
