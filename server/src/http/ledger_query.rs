//! The list of facilities as an address asks for it: words, narrowing, order, place and columns, the same for pages, API
//! and files.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use kaishin_domain::facility::{Code10, Field, Kind, Line, Prefecture, Topology, UpdateChoice};
use serde::Deserialize;
use serde_json::json;

use crate::app::facilities::{self, CsvEncoding, Page};
use crate::app::ledger::{Asked, Narrow, Order, State, YesNo};
use crate::app::{AppError, Cx};

/// Asks for those of which it is not known.
pub const UNKNOWN: &str = "unknown";
const USUAL: usize = 50;
/// So many characters that CP932 lacks are named in a header; the page names all.
const MOST_NAMED: usize = 200;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    pub q: String,
    pub prefecture: String,
    pub kind: String,
    pub line: String,
    pub topology: String,
    pub update: String,
    pub shared: String,
    pub state: String,
    pub sort: String,
    pub limit: String,
    pub cursor: String,
    /// Names of fields, parted by commas.
    pub columns: String,
    pub encoding: String,
    /// Ticked columns of a form: `c-reader=on`.
    #[serde(flatten)]
    pub ticked: BTreeMap<String, String>,
}

/// One of a list by its name, or those of which it is not known.
fn choice<T: Copy>(
    name: &'static str,
    text: &str,
    all: &[T],
    named: fn(T) -> &'static str,
) -> Result<Option<Option<T>>, AppError> {
    match text {
        "" => Ok(None),
        UNKNOWN => Ok(Some(None)),
        text => match all.iter().copied().find(|one| named(*one) == text) {
            Some(one) => Ok(Some(Some(one))),
            None => Err(no_such_choice(name, text)),
        },
    }
}

fn no_such_choice(name: &'static str, text: &str) -> AppError {
    AppError::invalid(
        "E-INPUT-08",
        format!("絞り込み「{name}」に「{text}」は選べません。一覧から選び直してください。"),
        format!("{text:?} is no choice for {name}. Choose again from the list."),
    )
}

fn no_such_column(name: &str) -> AppError {
    let known: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
    AppError::invalid(
        "E-INPUT-08",
        format!("「{name}」という列はありません。選べる列: {}", known.join("、")),
        format!("{name:?} is not a column. Use: {}", known.join(", ")),
    )
    .with(json!({ "expected": known }))
}

impl Wanted {
    pub fn asked(&self) -> Result<Asked<'_>, AppError> {
        let prefecture = match self.prefecture.as_str() {
            "" => None,
            text => Some(Prefecture::read(text).ok_or_else(|| no_such_choice("prefecture", text))?),
        };
        let shared_receipt = match self.shared.as_str() {
            "" => None,
            "yes" => Some(YesNo::Yes),
            "no" => Some(YesNo::No),
            UNKNOWN => Some(YesNo::Unknown),
            text => return Err(no_such_choice("shared", text)),
        };
        let state = match self.state.as_str() {
            "" => None,
            text => {
                let found = State::ALL.into_iter().find(|state| state.name() == text);
                Some(found.ok_or_else(|| no_such_choice("state", text))?)
            }
        };
        let (sort, descending) = match self.sort.strip_prefix('-') {
            Some(name) => (name, true),
            None => (self.sort.as_str(), false),
        };
        let order = match sort {
            "" => Order::default(),
            name => {
                let found = Order::ALL.into_iter().find(|order| order.name() == name);
                found.ok_or_else(|| no_such_choice("sort", name))?
            }
        };
        Ok(Asked {
            words: &self.q,
            narrow: Narrow {
                prefecture,
                kind: choice("kind", &self.kind, Kind::ALL, Kind::name)?,
                line: choice("line", &self.line, Line::ALL, Line::name)?,
                topology: choice("topology", &self.topology, Topology::ALL, Topology::name)?,
                update_choice: choice("update", &self.update, UpdateChoice::ALL, UpdateChoice::name)?,
                shared_receipt,
                state,
            },
            order,
            descending,
        })
    }

    pub fn is_narrowed(&self) -> bool {
        let all = [
            &self.q,
            &self.prefecture,
            &self.kind,
            &self.line,
            &self.topology,
            &self.update,
            &self.shared,
            &self.state,
        ];
        all.iter().any(|text| !text.is_empty())
    }

    pub async fn page(&self, cx: &Cx) -> Result<Page, AppError> {
        let after = match self.cursor.as_str() {
            "" => None,
            text => Some(text.parse::<Code10>().map_err(|_| {
                AppError::invalid(
                    "E-INPUT-05",
                    "ページの位置が正しくありません。最初のページから開き直してください。",
                    "The cursor does not read. Start from the first page.",
                )
            })?),
        };
        // Columns that there are not are refused even where the answer has all of them.
        self.fields(&Field::ALL)?;
        let limit = super::query::limit(&self.limit, USUAL)?.clamp(1, facilities::MOST_ROWS);
        facilities::list(cx, &self.asked()?, after, limit).await
    }

    /// The columns that are asked for, by name.
    pub fn named_columns(&self) -> String {
        let ticked: Vec<&str> = self.ticked.keys().filter_map(|key| key.strip_prefix("c-")).collect();
        if ticked.is_empty() {
            self.columns.clone()
        } else {
            ticked.join(",")
        }
    }

    /// The columns that are asked for, or these.
    pub fn fields(&self, usual: &[Field]) -> Result<Vec<Field>, AppError> {
        let columns = self.named_columns();
        let names = columns.split(',').map(str::trim).filter(|name| !name.is_empty());
        let named = names.map(|name| Field::named(name).ok_or_else(|| no_such_column(name)));
        let named: Vec<Field> = named.collect::<Result<_, _>>()?;
        if named.is_empty() {
            return Ok(usual.to_vec());
        }
        // A file without the code could not come in again, and a list without it leads nowhere.
        let wanted = |field: &Field| *field == Field::Code || *field == Field::Name || named.contains(field);
        Ok(Field::ALL.into_iter().filter(wanted).collect())
    }

    pub async fn csv(&self, cx: &Cx) -> Result<Response, AppError> {
        let (encoding, charset) = match self.encoding.to_ascii_lowercase().as_str() {
            "" | "utf-8" | "utf8" => (CsvEncoding::Utf8, "text/csv; charset=utf-8"),
            "cp932" | "shift_jis" | "sjis" => (CsvEncoding::Cp932, "text/csv; charset=Shift_JIS"),
            other => return Err(no_such_choice("encoding", other)),
        };
        let file = facilities::csv(cx, &self.asked()?, &self.fields(&Field::ALL)?, encoding).await?;
        let mut headers = attachment("facilities.csv", charset);
        if encoding == CsvEncoding::Cp932 {
            // A header holds no Japanese: the characters are named by their numbers, as many as a header has room for.
            let count = HeaderValue::from(file.unmappable.len());
            headers.insert(HeaderName::from_static("x-unmappable-count"), count);
            let list: Vec<String> = file
                .unmappable
                .iter()
                .take(MOST_NAMED)
                .map(|c| format!("U+{:04X}", u32::from(*c)))
                .collect();
            if let Ok(value) = HeaderValue::from_str(&list.join(" ")) {
                headers.insert(HeaderName::from_static("x-unmappable-characters"), value);
            }
        }
        Ok((headers, file.bytes).into_response())
    }

    pub async fn xlsx(&self, cx: &Cx) -> Result<Response, AppError> {
        let bytes = facilities::xlsx(cx, &self.asked()?, &self.fields(&Field::ALL)?).await?;
        let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
        Ok((attachment("facilities.xlsx", kind), bytes).into_response())
    }

    /// The address of the same list with one thing changed.
    pub fn address(&self, path: &str, change: (&str, &str)) -> String {
        let columns = self.named_columns();
        let mut values = vec![
            ("q", self.q.as_str()),
            ("prefecture", &self.prefecture),
            ("kind", &self.kind),
            ("line", &self.line),
            ("topology", &self.topology),
            ("update", &self.update),
            ("shared", &self.shared),
            ("state", &self.state),
            ("sort", &self.sort),
            ("columns", &columns),
        ];
        values.retain(|(name, _)| *name != change.0);
        values.push(change);
        super::query::address(path, &values)
    }
}

fn attachment(name: &'static str, kind: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_asks_and_what_it_cannot_ask_is_said() {
        let wanted = Wanted {
            q: "さくら".into(),
            prefecture: "東京".into(),
            kind: "clinic".into(),
            topology: UNKNOWN.into(),
            shared: "no".into(),
            state: "conflict".into(),
            sort: "-terminals".into(),
            ..Wanted::default()
        };
        let asked = wanted.asked().expect("it reads");
        assert_eq!(asked.narrow.kind, Some(Some(Kind::Clinic)));
        assert_eq!(asked.narrow.topology, Some(None));
        assert_eq!(asked.narrow.prefecture.map(Prefecture::number), Some(13));
        assert!(asked.descending && asked.order == Order::Terminals);
        let address = wanted.address("/facilities", ("state", ""));
        assert!(
            address.contains("kind=clinic") && !address.contains("state"),
            "{address}"
        );
        for bad in [
            Wanted {
                kind: "x".into(),
                ..Wanted::default()
            },
            Wanted {
                prefecture: "江戸".into(),
                ..Wanted::default()
            },
            Wanted {
                sort: "price".into(),
                ..Wanted::default()
            },
        ] {
            assert_eq!(bad.asked().err().map(|error| error.code), Some("E-INPUT-08"));
        }
    }

    #[test]
    fn code_and_name_are_always_among_the_columns() {
        let wanted = Wanted {
            columns: "reader, ".into(),
            ..Wanted::default()
        };
        let columns = |wanted: &Wanted| wanted.fields(&[Field::Code]).expect("columns");
        assert_eq!(columns(&wanted), [Field::Code, Field::Name, Field::Reader]);
        assert_eq!(columns(&Wanted::default()), [Field::Code]);
    }

    #[test]
    fn a_column_that_there_is_not_is_refused_rather_than_left_out() {
        let ticked = [("c-nonsense".to_owned(), "on".to_owned())].into();
        for wanted in [
            Wanted {
                columns: "reader,nonsense".into(),
                ..Wanted::default()
            },
            Wanted {
                ticked,
                ..Wanted::default()
            },
        ] {
            let error = wanted.fields(&Field::ALL).expect_err("no column");
            assert_eq!(error.code, "E-INPUT-08");
            assert!(
                error.words.en.contains("\"nonsense\"") && error.words.en.contains("reader"),
                "{error}"
            );
        }
    }
}
