//! What the list shows: cells, chips, facets, the filters that people keep.

use askama::Template;
use kaishin_domain::access::Permission;
use kaishin_domain::expr::{Attribute, Expr, Field, SEVERITIES};
use kaishin_domain::facility::{Kind, Line, Prefecture, Topology, UpdateChoice};
use kaishin_domain::fact;
use kaishin_domain::time::Time;
use kaishin_domain::value::Value;

use super::super::Page;
use super::super::parts::{Badge, Problem, badge, flag_badges, presence};
use super::super::terminal::{Shown, shown, text_of};
use super::terms::{TermChip, terms};
use super::{Found, State, Titles};
use crate::app::listing::{Cell, cell};
use crate::app::selection::Selection;
use crate::app::views::SavedView;
use crate::http::words::grouped;
use crate::index::{self, Facets};

/// So many columns stay on a narrow screen.
const NARROW: usize = 4;
/// Of a long list so many items stand in a cell.
const ITEMS: usize = 3;

#[derive(Template)]
#[template(path = "terminals.html")]
pub(super) struct View {
    page: Page,
    state: State,
    problem: Option<Problem>,
    /// The filter where it does not read, with the part that is wrong.
    marked: Option<Marked>,
    chips: Vec<Chip>,
    /// The filter's own conditions, each with what the list is without it.
    terms: Vec<TermChip>,
    views: Vec<Kept>,
    facets: Vec<FacetView>,
    columns: Vec<Column>,
    others: Vec<Group>,
    rows: Vec<Row>,
    total: u64,
    csv_href: String,
    xlsx_href: String,
    first_href: Option<String>,
    next_href: Option<String>,
    empty: Option<Empty>,
    selection: Option<Selected>,
    may_share: bool,
}

/// What was typed, cut where it is wrong.
struct Marked {
    before: String,
    /// Empty where something is missing.
    wrong: String,
    after: String,
    /// Where that is: characters from the start.
    at: usize,
    len: usize,
}

struct Chip {
    href: String,
    word: String,
    here: bool,
}

struct Kept {
    /// Of the element that holds its count.
    id: String,
    href: String,
    name: String,
    count: String,
    here: bool,
    team: bool,
    /// Where it is removed, by who may.
    delete: Option<String>,
}

struct FacetView {
    key: &'static str,
    title: String,
    values: Vec<FacetValue>,
    /// How many have other values, and how many different ones.
    other: u64,
    more: u64,
}

struct FacetValue {
    word: String,
    count: String,
    href: String,
    unknown: bool,
    /// Of a hundred that match.
    width: u64,
}

struct Column {
    key: &'static str,
    word: String,
    class: &'static str,
    href: String,
    sorted: Option<&'static str>,
    /// The list without it.
    without: Option<String>,
}

/// Columns that could be added, by section.
struct Group {
    word: String,
    columns: Vec<(&'static str, String)>,
}

struct Row {
    href: String,
    flags: Vec<Badge>,
    cells: Vec<CellView>,
}

struct CellView {
    class: &'static str,
    /// It leads to the terminal.
    name: bool,
    badges: Vec<Badge>,
    text: String,
    title: String,
    unknown: bool,
    at: Option<Time>,
}

/// Why there is nothing to see, and the one thing to do next.
struct Empty {
    text: String,
    next: String,
    href: String,
}

struct Selected {
    count: String,
    hash: String,
    expires: Time,
}

impl View {
    pub fn new(page: Page, state: State, found: Option<Found>, problem: Option<Problem>) -> View {
        let mut view = View {
            chips: chips(&page, &state),
            terms: Vec::new(),
            views: Vec::new(),
            facets: Vec::new(),
            columns: Vec::new(),
            others: Vec::new(),
            rows: Vec::new(),
            total: 0,
            csv_href: state.to("/terminals.csv", &[]),
            xlsx_href: state.to("/terminals.xlsx", &[]),
            first_href: None,
            next_href: None,
            empty: None,
            selection: None,
            may_share: page.may(Permission::RunRemedy),
            marked: None,
            problem,
            state,
            page,
        };
        if let Some(found) = found {
            view.fill(&found);
        }
        view
    }

    fn fill(&mut self, found: &Found) {
        let (page, state) = (&self.page, &self.state);
        let fields = &found.listing.columns;
        self.terms = terms(page, state, &found.filter, &found.titles);
        self.facets = found
            .facets
            .iter()
            .map(|(field, facets)| facet(page, state, found, *field, facets))
            .filter(|facet| !facet.values.is_empty())
            .collect();
        self.columns = columns(page, state, fields);
        self.others = others(page, fields);
        self.rows = found
            .page
            .items
            .iter()
            .map(|row| one(page, fields, row, &found.titles))
            .collect();
        self.total = found.page.total;
        let next = found.page.next.as_ref();
        self.next_href = next.map(|next| state.list(&[("cursor", &next.to_string())]));
    }

    /// Shows where the filter is wrong, from a character on for so many.
    pub fn with_mark(mut self, place: Option<(usize, usize)>) -> View {
        self.marked = place.map(|(at, len)| {
            let part = |from: usize, most: usize| self.state.q.chars().skip(from).take(most).collect();
            Marked {
                before: part(0, at),
                wrong: part(at, len),
                after: part(at + len, usize::MAX),
                at,
                len,
            }
        });
        self
    }

    pub fn with_views(mut self, views: &[(SavedView, u64)], me: &str) -> View {
        let kept = |(view, count): &(SavedView, u64)| {
            let to = State {
                q: view.expr.clone(),
                sort: view.sort.clone(),
                columns: view.columns.clone(),
            };
            Kept {
                here: (&to.q, &to.sort, &to.columns) == (&self.state.q, &self.state.sort, &self.state.columns),
                href: to.list(&[]),
                id: format!("view-{}", view.id),
                name: view.name.clone(),
                count: grouped(*count),
                team: view.team,
                delete: (view.owner == me || self.may_share)
                    .then(|| self.state.to(&format!("/views/{}/delete", view.id), &[])),
            }
        };
        self.views = views.iter().map(kept).collect();
        self
    }

    pub fn with_selection(mut self, selection: Option<Selection>) -> View {
        self.selection = selection.map(|selection| Selected {
            count: grouped(u64::from(selection.terminals)),
            hash: hex::encode(&selection.hash[..8]),
            expires: selection.expires_at,
        });
        self
    }

    pub fn with_place(mut self, paged: bool, none_at_all: bool) -> View {
        self.first_href = paged.then(|| self.state.list(&[]));
        if self.rows.is_empty() && self.problem.is_none() {
            self.empty = Some(empty(&self.page, none_at_all));
        }
        self
    }
}

fn chips(page: &Page, state: &State) -> Vec<Chip> {
    let known = [
        ("", page.t("chip-all")),
        ("online:yes", page.t("chip-online")),
        ("online:no", page.t("chip-offline")),
        ("fault:any", page.t("chip-faulty")),
        ("fault:serious", page.t("chip-serious")),
        ("job:open", page.t("chip-working")),
        ("state:duplicate OR state:incompatible", page.t("chip-attention")),
        ("state:revoked", page.t("chip-revoked")),
    ];
    known
        .into_iter()
        .map(|(expr, word)| Chip {
            href: state.list(&[("q", expr)]),
            word,
            here: state.q.trim() == expr,
        })
        .collect()
}

pub(super) fn typed(expr: &Expr) -> String {
    if *expr == Expr::Always {
        String::new()
    } else {
        expr.to_string()
    }
}

fn narrowed(filter: &Expr, by: Expr) -> Expr {
    match filter {
        Expr::Always => by,
        Expr::And(parts) if parts.contains(&by) => filter.clone(),
        Expr::And(parts) => Expr::And(parts.iter().cloned().chain([by]).collect()),
        Expr::Or(_) | Expr::Not(_) | Expr::Text(_) | Expr::Term(_) if *filter == by => by,
        Expr::Or(_) | Expr::Not(_) | Expr::Text(_) | Expr::Term(_) => Expr::And(vec![filter.clone(), by]),
    }
}

pub(super) fn label(page: &Page, field: Field) -> String {
    match field {
        Field::Online => page.t("column-state"),
        Field::Fault => page.t("column-faults"),
        Field::Facility(Attribute::Name) => page.t("column-facility"),
        Field::Id
        | Field::Hostname
        | Field::Institution
        | Field::LastSeen
        | Field::State
        | Field::Severity
        | Field::Job
        | Field::JobState
        | Field::JobOf(_)
        | Field::Facility(_)
        | Field::Fact(_) => page.lang.choose(field.ja(), field.en()).to_owned(),
    }
}

fn facet(page: &Page, state: &State, found: &Found, field: Field, facets: &Facets) -> FacetView {
    let (filter, total, titles) = (&found.filter, found.page.total, &found.titles);
    let value = |word: String, count: u64, unknown: bool, by: Option<Expr>| FacetValue {
        word,
        count: grouped(count),
        href: by.map_or_else(String::new, |by| state.list(&[("q", &typed(&narrowed(filter, by)))])),
        unknown,
        width: (count * 100).div_ceil(total.max(1)).min(100),
    };
    let mut values: Vec<FacetValue> = facets
        .values
        .iter()
        .map(|(text, count)| {
            let word = match (field, text.as_str()) {
                (Field::Online, "yes") => page.t("online"),
                (Field::Online, _) => page.t("offline"),
                (Field::Fault, id) => titles.of(id).to_owned(),
                (field, text) => worded(page, field, text),
            };
            value(word, *count, false, Expr::equals(field, text))
        })
        .collect();
    if facets.unknown > 0 {
        values.push(value(
            page.t("value-unknown"),
            facets.unknown,
            true,
            Expr::is_unknown(field),
        ));
    }
    FacetView {
        key: field.name(),
        title: label(page, field),
        values,
        other: facets.other,
        more: facets.more,
    }
}

/// The list's columns; those that are second to the others give way on a narrow screen.
fn columns(page: &Page, state: &State, fields: &[Field]) -> Vec<Column> {
    let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
    let of = |(at, field): (usize, &Field)| {
        let name = field.name();
        let sorted = match state.sort.strip_prefix('-') {
            Some(key) if key == name => Some("descending"),
            None if state.sort == name || (state.sort.is_empty() && name == "hostname") => Some("ascending"),
            Some(_) | None => None,
        };
        let other = if sorted == Some("ascending") {
            format!("-{name}")
        } else {
            name.to_owned()
        };
        let rest: Vec<&str> = names.iter().copied().filter(|key| *key != name).collect();
        Column {
            key: name,
            word: label(page, *field),
            class: if at < NARROW { "" } else { "wide" },
            href: state.list(&[("sort", &other)]),
            sorted,
            without: (!rest.is_empty()).then(|| state.list(&[("columns", &rest.join(","))])),
        }
    };
    fields.iter().enumerate().map(of).collect()
}

/// What else could be a column.
fn others(page: &Page, fields: &[Field]) -> Vec<Group> {
    let free = |field: &Field| field.indexed() && !fields.contains(field);
    let named = |field: Field| (field.name(), label(page, field));
    let own = Field::all()
        .filter(|field| !matches!(field, Field::Fact(_)))
        .filter(free);
    let mut groups = vec![Group {
        word: page.t("nav-terminals"),
        columns: own.map(named).collect(),
    }];
    groups.extend(fact::SECTIONS.iter().map(|section| Group {
        word: page.lang.choose(section.ja, section.en).to_owned(),
        columns: section.facts.iter().map(Field::Fact).filter(free).map(named).collect(),
    }));
    groups.retain(|group| !group.columns.is_empty());
    groups
}

fn one(page: &Page, fields: &[Field], row: &index::Row, titles: &Titles) -> Row {
    let entry = &row.entry;
    // Without its name among them, the first of a row's cells leads to the terminal.
    let leads = fields.iter().position(|field| *field == Field::Hostname).unwrap_or(0);
    Row {
        href: format!("/terminals/{}", entry.id),
        flags: flag_badges(page, entry.flags),
        cells: fields
            .iter()
            .enumerate()
            .map(|(at, field)| CellView {
                name: at == leads,
                class: match (*field == Field::Fault, at < NARROW) {
                    (true, true) => "n",
                    (true, false) => "n wide",
                    // What people wrote in the ledger stays as it is, whatever the page's language.
                    (false, true) if matches!(field, Field::Facility(_)) => "own",
                    (false, true) => "",
                    (false, false) => "wide",
                },
                ..shown_cell(page, row, *field, titles)
            })
            .collect(),
    }
}

fn bare() -> CellView {
    CellView {
        class: "",
        name: false,
        badges: Vec::new(),
        text: String::new(),
        title: String::new(),
        unknown: false,
        at: None,
    }
}

fn shown_cell(page: &Page, row: &index::Row, field: Field, titles: &Titles) -> CellView {
    let value = match cell(row, field) {
        Cell::Known(value) => value,
        Cell::Unknown(reason) => {
            return CellView {
                text: page.t("value-unknown"),
                title: page.t(&format!("unknown-{reason}")),
                unknown: true,
                ..bare()
            };
        }
    };
    if field == Field::Hostname {
        let entry = &row.entry;
        let text = if entry.hostname.is_empty() {
            entry.id.to_string()
        } else {
            entry.hostname.clone()
        };
        return CellView { text, ..bare() };
    }
    if field == Field::Online {
        let badges = vec![presence(page, row.online())];
        return CellView { badges, ..bare() };
    }
    if field == Field::Fault {
        return faults(page, row, titles);
    }
    if field == Field::Severity {
        let words = row.severities.iter().map(|severity| weight(page, severity));
        let text = words.collect::<Vec<_>>().join(" / ");
        return CellView { text, ..bare() };
    }
    if field == Field::LastSeen {
        let at = row.online_since.or(row.entry.last_seen);
        return CellView { at, ..bare() };
    }
    told(page, field, &value)
}

fn faults(page: &Page, row: &index::Row, titles: &Titles) -> CellView {
    let count = row.entry.faults.len();
    // The worst is what it looks like.
    let kind = if row.severities.first() == SEVERITIES.first() {
        "bad"
    } else {
        "warn"
    };
    CellView {
        badges: if count > 0 {
            vec![badge(kind, count.to_string())]
        } else {
            Vec::new()
        },
        text: if count > 0 { String::new() } else { "0".to_owned() },
        title: {
            let names: Vec<&str> = row.entry.faults.iter().map(|id| titles.of(id)).collect();
            names.join(page.lang.choose("、", ", "))
        },
        ..bare()
    }
}

/// A word of the program's own in the reader's words; names stay as they are.
pub(super) fn worded(page: &Page, field: Field, text: &str) -> String {
    let words = match field {
        Field::Facility(attribute) => match attribute {
            // The ledger has a prefecture by its Japanese name.
            Attribute::Prefecture => Prefecture::read(text).map(|known| known.words()),
            Attribute::Kind => Kind::read(text).map(|known| known.words()),
            Attribute::Line => Line::read(text).map(|known| known.words()),
            Attribute::Topology => Topology::read(text).map(|known| known.words()),
            Attribute::UpdateChoice => UpdateChoice::read(text).map(|known| known.words()),
            Attribute::SharedReceipt => return page.lang.try_t(text).unwrap_or_else(|| text.to_owned()),
            Attribute::Code | Attribute::Name | Attribute::Carrier | Attribute::Provider | Attribute::Reader => None,
        },
        Field::State => {
            let word = page.lang.try_t(&format!("flag-{text}"));
            return word.unwrap_or_else(|| text.to_owned());
        }
        Field::Severity => return weight(page, text),
        Field::Fact(fact) => return text_of(page.lang, fact.key, text),
        Field::Id
        | Field::Hostname
        | Field::Institution
        | Field::Online
        | Field::LastSeen
        | Field::Fault
        | Field::Job
        | Field::JobState
        | Field::JobOf(_) => None,
    };
    words.map_or_else(|| text.to_owned(), |words| page.of(&words).to_owned())
}

fn weight(page: &Page, severity: &str) -> String {
    match severity {
        "serious" => page.t("weight-grave"),
        "warning" => page.t("weight-mild"),
        _ => page.t("weight-note"),
    }
}

fn told(page: &Page, field: Field, value: &Value) -> CellView {
    match shown(page.lang, field.name(), value) {
        Shown::Text(text) if !matches!(field, Field::Fact(_)) => CellView {
            text: worded(page, field, &text),
            ..bare()
        },
        Shown::Text(text) | Shown::Unknown(text, _) => CellView { text, ..bare() },
        Shown::Time(at) => CellView { at: Some(at), ..bare() },
        Shown::List(items) if !matches!(field, Field::Fact(_)) => {
            let items = items.iter().map(|item| worded(page, field, item));
            CellView {
                text: items.collect::<Vec<_>>().join(" / "),
                ..bare()
            }
        }
        Shown::List(items) => CellView {
            text: match items.get(..ITEMS) {
                Some(first) if items.len() > ITEMS => format!("{} +{}", first.join(" "), items.len() - ITEMS),
                Some(_) | None => items.join(" "),
            },
            title: items.join(" "),
            ..bare()
        },
        Shown::Table(table) => CellView {
            text: table.rows.len().to_string(),
            ..bare()
        },
    }
}

fn empty(page: &Page, none_at_all: bool) -> Empty {
    if none_at_all {
        Empty {
            text: page.t("terminals-none"),
            next: page.t("overview-first-token"),
            href: "/enrolment/tokens".to_owned(),
        }
    } else {
        Empty {
            text: page.t("terminals-nothing-matches"),
            next: page.t("filter-clear"),
            href: "/terminals".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_domain::id::{TerminalId, ViewId};
    use kaishin_domain::value::Reason;

    use super::super::super::{Place, sample};
    use super::*;
    use crate::app::listing::{self, Listing};
    use crate::http::words::Lang;
    use crate::index::{Entry, Sort};

    fn found(rows: usize, columns: &str) -> Found {
        let at = Time(1_795_151_000_000_000);
        let row = |n: usize| {
            let mut entry = Entry::new(TerminalId::new(at, [n as u8; 10]), format!("UKETSUKE-{n}<i>"));
            entry.faults = vec!["fast-startup-on".into(); n % 3];
            entry.flags.duplicate = n == 1;
            entry.last_seen = (n > 0).then_some(at);
            entry.facts = [
                ("hardware.model", Value::Text("HP ProDesk <400>".into())),
                ("power.hibernate", Value::unknown(Reason::NoPermission, "")),
                (
                    "edge.missing",
                    Value::List(["a", "b", "c", "d"].map(str::to_owned).into()),
                ),
            ]
            .map(|(key, value)| (key.to_owned(), value))
            .into();
            index::Row {
                entry,
                online_since: None,
                shared: Vec::new(),
                severities: vec!["serious"],
            }
        };
        let filter = Expr::parse("model:\"<script>\" online:yes").expect("it reads");
        let facets = Facets {
            values: vec![("<b>ProDesk".into(), 12_000), ("Latitude".into(), 83)],
            unknown: 400,
            reasons: vec![("not_reported", 400)],
            more: 3,
            other: 9,
        };
        Found {
            titles: Titles::default(),
            listing: Listing {
                filter: filter.clone(),
                sort: Sort::default(),
                columns: listing::columns(columns).expect("columns"),
            },
            page: index::Page {
                items: (0..rows).map(row).collect(),
                total: if rows == 0 { 0 } else { 12_483 },
                next: None,
            },
            facets: vec![(Field::find("hardware.model").expect("a key"), facets)],
            filter,
        }
    }

    fn view(lang: Lang, rows: usize) -> View {
        let page = sample::page(lang, Some(Role::Desk), Some(Place::Terminals));
        let state = State {
            q: "model:\"<script>\" online:yes".into(),
            sort: "-hostname".into(),
            columns: String::new(),
        };
        let kept = SavedView {
            id: ViewId::new(Time(0), [1; 10]),
            owner: "tanaka".into(),
            team: true,
            name: "<u>夜間".into(),
            expr: "online:no".into(),
            columns: String::new(),
            sort: String::new(),
            revision: 1,
            created_at: Time(0),
            updated_at: Time(0),
        };
        let columns = "hostname,online,fault,model,power.hibernate,edge.missing,last_seen";
        View::new(page, state, Some(found(rows, columns)), None)
            .with_views(&[(kept, 2_000)], "suzuki")
            .with_selection(None)
            .with_place(true, false)
    }

    #[test]
    fn the_page_renders_in_both_languages() {
        for lang in Lang::ALL {
            let html = sample::check(&view(lang, 50));
            assert!(html.contains("aria-sort=\"descending\"") && html.contains("12,483"));
            assert!(!html.contains("<i>") && !html.contains("<u>") && !html.contains("<b>Pro"));
            assert!(html.contains("a b c +1") && html.contains("12,000"));
        }
    }

    #[test]
    fn a_filter_that_does_not_read_is_shown_with_the_part_that_is_wrong() {
        for (q, place, expected) in [
            ("受付 <b>:red", (3, 3), "受付 <mark>&#60;b&#62;</mark>:red"),
            ("os.version>", (11, 0), "os.version&#62;<mark>…</mark>"),
        ] {
            let page = sample::page(Lang::Ja, Some(Role::Desk), Some(Place::Terminals));
            let state = State {
                q: q.into(),
                ..State::default()
            };
            let problem = Problem {
                code: "E-EXPR-02".into(),
                text: "項目".into(),
            };
            let view = View::new(page, state, None, Some(problem)).with_mark(Some(place));
            let html = sample::check(&view);
            assert!(html.contains(expected), "{expected} in {html}");
        }
    }

    #[test]
    fn an_empty_list_offers_the_next_step() {
        let html = sample::check(&view(Lang::Ja, 0));
        assert!(html.contains("条件に合う端末はありません。") && !html.contains("<tbody>"));
    }

    #[test]
    fn the_programs_own_words_are_told_in_the_readers_language() {
        let ja = sample::page(Lang::Ja, Some(Role::Viewer), None);
        let en = sample::page(Lang::En, Some(Role::Viewer), None);
        for (key, text, in_japanese, in_english) in [
            ("facility.kind", "clinic", "診療所", "Clinic"),
            (
                "facility.topology",
                "operator",
                "ネットワーク事業者起点",
                "From the network operator",
            ),
            ("facility.update_choice", "automatic", "自動", "Automatic"),
            ("facility.shared_receipt", "yes", "はい", "Yes"),
            ("facility.prefecture", "東京都", "東京都", "Tokyo"),
            ("facility.reader", "XC01", "XC01", "XC01"),
            ("state", "active", "通常", "In good standing"),
            ("fault.severity", "serious", "重大", "Serious"),
        ] {
            let field = Field::find(key).expect("a key");
            assert_eq!(worded(&ja, field, text), in_japanese, "{key}");
            assert_eq!(worded(&en, field, text), in_english, "{key}");
        }
        for standing in kaishin_domain::expr::Standing::ALL {
            assert!(ja.lang.try_t(&format!("flag-{}", standing.name())).is_some());
        }
    }

    #[test]
    fn a_facet_narrows_the_filter_and_a_chip_widens_it_again() {
        let view = view(Lang::En, 3);
        let href = &view.facets[0].values[1].href;
        let q = crate::http::query::address(
            "",
            &[("q", "hardware.model:\"<script>\" online:yes hardware.model:Latitude")],
        );
        assert!(href.contains(q.trim_start_matches('?')), "{href}");
        assert_eq!(view.terms.len(), 2);
        assert!(view.terms[0].href.contains("q=online%3Ayes"), "{}", view.terms[0].href);
    }
}
