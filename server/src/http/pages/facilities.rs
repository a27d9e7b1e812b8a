//! `/facilities`: the list. Words, narrowing, order, place and columns stand in its address; the files hold exactly what
//! it shows.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use kaishin_domain::access::Permission;
use kaishin_domain::facility::{Facility, Field, Kind, Line, Prefecture, Topology, UpdateChoice};
use kaishin_domain::words::Words;

use super::parts::{Badge, Pair, Problem, badge};
use super::{Page, Place, Shown, show};
use crate::app::Kind as ErrorKind;
use crate::app::facilities::{self, Item};
use crate::app::ledger::{Order, State};
use crate::http::auth::Visitor;
use crate::http::failure::{Failure, Wished};
use crate::http::ledger_query::{UNKNOWN, Wanted};
use crate::http::routes::{Needs, Routes};

pub fn routes() -> Routes {
    let needs = Needs::Permission(Permission::ViewFleet);
    Routes::new()
        .get("/facilities", needs, list)
        .get("/facilities.csv", needs, csv)
        .get("/facilities.xlsx", needs, xlsx)
        .get("/facilities/cp932", needs, lacking)
        .get("/t/{code10}", needs, by_telephone)
}

/// So many characters are shown; a ledger with more has another trouble.
const MOST_CHARACTERS: usize = 2_000;

/// What the list shows unless somebody chooses.
const USUAL: [Field; 7] = [
    Field::Code,
    Field::Name,
    Field::Kind,
    Field::Prefecture,
    Field::Address,
    Field::Phones,
    Field::Topology,
];

/// A telephone system opens the caller's facility with the code alone.
async fn by_telephone(visitor: Visitor, Path(text): Path<String>) -> Shown {
    let (cx, _) = visitor.at(Place::Facilities);
    let code = facilities::current(&cx, &text)?;
    Ok(Redirect::to(&format!("/facilities/{code}")).into_response())
}

async fn csv(visitor: Visitor, Wished(wanted): Wished<Wanted>) -> Result<Response, Failure> {
    let (cx, _) = visitor.at(Place::Facilities);
    Ok(wanted.csv(&cx).await?)
}

async fn xlsx(visitor: Visitor, Wished(wanted): Wished<Wanted>) -> Result<Response, Failure> {
    let (cx, _) = visitor.at(Place::Facilities);
    Ok(wanted.xlsx(&cx).await?)
}

/// Before a file in CP932: what it cannot hold, so that nobody finds the marks in it afterwards.
async fn lacking(visitor: Visitor, Wished(wanted): Wished<Wanted>) -> Shown {
    let (cx, page) = visitor.at(Place::Facilities);
    let fields = wanted.fields(&Field::ALL)?;
    let unmappable = facilities::unmappable(&cx, &wanted.asked()?, &fields).await?;
    let file = |encoding| wanted.address("/facilities.csv", ("encoding", encoding));
    if unmappable.is_empty() {
        return Ok(Redirect::to(&file("cp932")).into_response());
    }
    let view = LackingView {
        count: unmappable.len() as u64,
        characters: unmappable.iter().take(MOST_CHARACTERS).map(character).collect(),
        more: unmappable.len() > MOST_CHARACTERS,
        cp932_href: file("cp932"),
        csv_href: file(""),
        back_href: wanted.address("/facilities", ("encoding", "")),
        page,
    };
    Ok(show(StatusCode::OK, &view))
}

fn character(c: &char) -> Pair {
    Pair {
        name: c.to_string(),
        value: format!("U+{:04X}", u32::from(*c)),
    }
}

async fn list(visitor: Visitor, Wished(wanted): Wished<Wanted>) -> Shown {
    let (cx, page) = visitor.at(Place::Facilities);
    let (found, problem) = match wanted.page(&cx).await {
        Ok(found) => (Some(found), None),
        Err(error) if matches!(error.kind, ErrorKind::Invalid | ErrorKind::Conflict) => {
            (None, Some(page.problem(&error)))
        }
        Err(error) => return Err(Failure(error)),
    };
    let status = if problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    // One that there is not is what the problem says.
    let fields = wanted.fields(&USUAL).unwrap_or_else(|_| USUAL.to_vec());
    let (items, total, next) = found
        .map(|found| (found.items, found.total, found.next))
        .unwrap_or_default();
    let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
    let file = |path: &str, encoding: &str| {
        let shown = Wanted {
            columns: names.join(","),
            ticked: Default::default(),
            ..wanted.clone()
        };
        shown.address(path, ("encoding", encoding))
    };
    let view = View {
        selects: selects(&page, &wanted),
        columns: columns(&page, &wanted, &fields),
        choices: Field::ALL
            .into_iter()
            .filter(|field| !matches!(field, Field::Code | Field::Name))
            .map(|field| ColumnChoice {
                name: field.name(),
                word: page.of(&field.words()).to_owned(),
                shown: fields.contains(&field),
            })
            .collect(),
        rows: items.iter().map(|item| row(&page, item, &fields)).collect(),
        total,
        csv_href: file("/facilities.csv", ""),
        cp932_href: file("/facilities/cp932", ""),
        xlsx_href: file("/facilities.xlsx", ""),
        first_href: (!wanted.cursor.is_empty()).then(|| wanted.address("/facilities", ("cursor", ""))),
        next_href: next.map(|next| wanted.address("/facilities", ("cursor", &next.to_string()))),
        empty: (problem.is_none() && items.is_empty()).then(|| empty(&page, cx.app.ledger.is_empty())),
        narrowed: wanted.is_narrowed(),
        may_import: page.may(Permission::ImportLedger),
        q: wanted.q.clone(),
        sort: wanted.sort.clone(),
        named_columns: wanted.named_columns(),
        problem,
        page,
    };
    Ok(show(status, &view))
}

fn selects(page: &Page, wanted: &Wanted) -> Vec<Select> {
    let options = |chosen: &str, all: Vec<(&'static str, Words)>, unknown: bool| {
        let mut options: Vec<Choice> = all
            .into_iter()
            .map(|(value, words)| Choice {
                here: value == chosen,
                value: value.to_owned(),
                word: page.of(&words).to_owned(),
            })
            .collect();
        if unknown {
            options.push(Choice {
                here: chosen == UNKNOWN,
                value: UNKNOWN.to_owned(),
                word: page.t("not-known"),
            });
        }
        options
    };
    let select = |name: &'static str, word: String, choices: Vec<Choice>| Select { name, word, choices };
    let told = |field: Field| page.of(&field.words()).to_owned();
    let places = Prefecture::all()
        .map(|place| Choice {
            value: format!("{:02}", place.number()),
            word: page.of(&place.words()).to_owned(),
            here: Prefecture::read(&wanted.prefecture) == Some(place),
        })
        .collect();
    let shared = vec![("yes", Words::new("はい", "Yes")), ("no", Words::new("いいえ", "No"))];
    let states = State::ALL.into_iter().map(|state| Choice {
        value: state.name().to_owned(),
        word: page.t(&format!("facility-state-{}", state.name())),
        here: wanted.state == state.name(),
    });
    let kinds = Kind::ALL.iter().map(|one| (one.name(), one.words())).collect();
    let lines = Line::ALL.iter().map(|one| (one.name(), one.words())).collect();
    let topologies = Topology::ALL.iter().map(|one| (one.name(), one.words())).collect();
    let updates = UpdateChoice::ALL.iter().map(|one| (one.name(), one.words())).collect();
    vec![
        select("prefecture", told(Field::Prefecture), places),
        select("kind", told(Field::Kind), options(&wanted.kind, kinds, true)),
        select(
            "topology",
            told(Field::Topology),
            options(&wanted.topology, topologies, true),
        ),
        select("line", told(Field::Line), options(&wanted.line, lines, true)),
        select(
            "update",
            told(Field::UpdateChoice),
            options(&wanted.update, updates, true),
        ),
        select(
            "shared",
            told(Field::SharedReceipt),
            options(&wanted.shared, shared, true),
        ),
        select("state", page.t("nav-terminals"), states.collect()),
    ]
}

fn columns(page: &Page, wanted: &Wanted, fields: &[Field]) -> Vec<Column> {
    let order = |field: Field| match field {
        Field::Code => Some(Order::Code),
        Field::Name | Field::Kana => Some(Order::Name),
        Field::Prefecture => Some(Order::Prefecture),
        Field::Kind
        | Field::Address
        | Field::Phones
        | Field::Contact
        | Field::Hours
        | Field::Carrier
        | Field::Line
        | Field::Provider
        | Field::Topology
        | Field::Reader
        | Field::UpdateChoice
        | Field::SharedReceipt
        | Field::Notes => None,
    };
    let column = |word: String, class: &'static str, order: Option<Order>| {
        let here = order.map(Order::name).filter(|name| {
            let sort = wanted.sort.trim_start_matches('-');
            sort == *name || (sort.is_empty() && *name == "code")
        });
        let descending = wanted.sort.starts_with('-');
        let other = order.map(|order| {
            let name = order.name();
            let turned = if here.is_some() && !descending {
                format!("-{name}")
            } else {
                name.to_owned()
            };
            wanted.address("/facilities", ("sort", &turned))
        });
        Column {
            word,
            class,
            href: other,
            sorted: here.map(|_| if descending { "descending" } else { "ascending" }),
        }
    };
    let mut columns: Vec<Column> = Vec::with_capacity(fields.len() + 2);
    // Name and code share the first column: that is how a facility is told.
    columns.push(column(page.of(&Field::Name.words()).to_owned(), "", Some(Order::Name)));
    for field in fields.iter().filter(|field| !matches!(field, Field::Name)) {
        // On a narrow screen the code stands below the name instead.
        columns.push(column(page.of(&field.words()).to_owned(), "wide", order(*field)));
    }
    columns.push(column(page.t("nav-terminals"), "n", Some(Order::Terminals)));
    columns.push(column(page.t("column-faults"), "n", None));
    columns
}

/// A field as this reader reads it.
pub fn told(page: &Page, of: &Facility, field: Field) -> Option<String> {
    let choice = match field {
        Field::Kind => of.kind.map(Kind::words),
        Field::Prefecture => of.prefecture.map(Prefecture::words),
        Field::Line => of.line.map(Line::words),
        Field::Topology => of.topology.map(Topology::words),
        Field::UpdateChoice => of.update_choice.map(UpdateChoice::words),
        Field::SharedReceipt => of.shared_receipt.map(|yes| {
            if yes {
                Words::new("はい", "Yes")
            } else {
                Words::new("いいえ", "No")
            }
        }),
        Field::Code
        | Field::Name
        | Field::Kana
        | Field::Address
        | Field::Phones
        | Field::Contact
        | Field::Hours
        | Field::Carrier
        | Field::Provider
        | Field::Reader
        | Field::Notes => return field.text(of),
    };
    choice.map(|words| page.of(&words).to_owned())
}

fn row(page: &Page, item: &Item, fields: &[Field]) -> Row {
    let of = &item.kept.facility;
    let mut flags = Vec::new();
    if item.conflict {
        flags.push(badge("warn", page.t("facility-state-conflict")));
    }
    if !of.code.check_digit_fits() {
        flags.push(badge("warn", page.t("facility-check-digit")));
    }
    Row {
        href: format!("/facilities/{}", of.code),
        code: of.code.to_string(),
        name: of.name.clone(),
        kana: of.kana.clone().unwrap_or_default(),
        flags,
        cells: fields
            .iter()
            .filter(|field| !matches!(field, Field::Name))
            .map(|field| Cell {
                class: if *field == Field::Code {
                    "num nowrap wide"
                } else {
                    "wide"
                },
                text: told(page, of, *field),
            })
            .collect(),
        terminals: item.terminals,
        online: item.online,
        faults: item.faults,
    }
}

fn empty(page: &Page, none_at_all: bool) -> Empty {
    if !none_at_all {
        return Empty {
            text: page.t("facilities-nothing-matches"),
            next: Some((page.t("filter-clear"), "/facilities".to_owned())),
        };
    }
    Empty {
        text: page.t("facilities-none"),
        next: page
            .may(Permission::ImportLedger)
            .then(|| (page.t("ledger-import"), "/facilities/ledger".to_owned())),
    }
}

#[derive(Template)]
#[template(path = "facilities.html")]
struct View {
    page: Page,
    q: String,
    sort: String,
    named_columns: String,
    problem: Option<Problem>,
    selects: Vec<Select>,
    choices: Vec<ColumnChoice>,
    columns: Vec<Column>,
    rows: Vec<Row>,
    total: u64,
    csv_href: String,
    cp932_href: String,
    xlsx_href: String,
    first_href: Option<String>,
    next_href: Option<String>,
    empty: Option<Empty>,
    narrowed: bool,
    may_import: bool,
}

#[derive(Template)]
#[template(path = "facilities_cp932.html")]
struct LackingView {
    page: Page,
    count: u64,
    characters: Vec<Pair>,
    more: bool,
    cp932_href: String,
    csv_href: String,
    back_href: String,
}

struct Select {
    name: &'static str,
    word: String,
    choices: Vec<Choice>,
}

struct Choice {
    value: String,
    word: String,
    here: bool,
}

struct ColumnChoice {
    name: &'static str,
    word: String,
    shown: bool,
}

struct Column {
    word: String,
    class: &'static str,
    href: Option<String>,
    sorted: Option<&'static str>,
}

struct Row {
    href: String,
    code: String,
    name: String,
    kana: String,
    flags: Vec<Badge>,
    cells: Vec<Cell>,
    terminals: u64,
    online: u64,
    faults: u64,
}

struct Cell {
    class: &'static str,
    text: Option<String>,
}

/// Why there is nothing to see, and the one thing to do next, if this reader may do it.
struct Empty {
    text: String,
    next: Option<(String, String)>,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_domain::facility::Kept;
    use kaishin_domain::time::Time;

    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    fn item(n: u64) -> Item {
        let code = format!("13101137{:02}", n % 100).parse().expect("a code");
        let mut facility = Facility::new(code, format!("さくら医院{n}<i>"));
        Field::Kind.put(&mut facility, "診療所").expect("a kind");
        Item {
            kept: Kept {
                facility,
                revision: 1,
                created_at: Time(0),
                updated_at: Time(0),
            },
            terminals: n,
            online: n,
            faults: n % 3,
            conflict: n % 7 == 1,
        }
    }

    fn view(lang: Lang, rows: u64) -> View {
        let page = sample::page(lang, Some(Role::Author), Some(Place::Facilities));
        let wanted = Wanted {
            q: "<script>".into(),
            sort: "-name".into(),
            ..Wanted::default()
        };
        View {
            selects: selects(&page, &wanted),
            choices: Vec::new(),
            columns: columns(&page, &wanted, &USUAL),
            rows: (0..rows).map(|n| row(&page, &item(n), &USUAL)).collect(),
            total: 230_000,
            csv_href: "/facilities.csv".into(),
            cp932_href: "/facilities.csv?encoding=cp932".into(),
            xlsx_href: "/facilities.xlsx".into(),
            first_href: None,
            next_href: Some("/facilities?cursor=1".into()),
            empty: (rows == 0).then(|| empty(&page, true)),
            narrowed: true,
            may_import: true,
            q: wanted.q,
            sort: wanted.sort,
            named_columns: String::new(),
            problem: None,
            page,
        }
    }

    #[test]
    fn the_page_renders_in_both_languages() {
        for lang in Lang::ALL {
            let html = sample::check(&view(lang, 50));
            assert!(html.contains("aria-sort=\"descending\"") && html.contains("230,000") && !html.contains("<i>"));
        }
    }

    #[test]
    fn what_cp932_lacks_is_shown_before_the_file() {
        for lang in Lang::ALL {
            let html = sample::check(&LackingView {
                page: sample::page(lang, Some(Role::Author), Some(Place::Facilities)),
                count: 2,
                characters: ['𠮷', '<'].iter().map(character).collect(),
                more: true,
                cp932_href: "/facilities.csv?encoding=cp932".into(),
                csv_href: "/facilities.csv".into(),
                back_href: "/facilities".into(),
            });
            assert!(html.contains("𠮷") && html.contains("U+20BB7") && html.contains("encoding=cp932"));
        }
    }

    #[test]
    fn an_empty_ledger_offers_the_import() {
        let html = sample::check(&view(Lang::Ja, 0));
        assert!(html.contains("/facilities/ledger") && !html.contains("<tbody>"));
    }
}
