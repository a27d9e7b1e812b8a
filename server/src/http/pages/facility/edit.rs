//! The form that changes what the ledger says of a facility. It knows what each field held when it was opened: only what
//! somebody typed is written, and what another wrote meanwhile stands beside it instead of being overwritten.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use kaishin_domain::facility::{Facility, Field, Kept, choices};
use serde::Deserialize;

use super::super::facilities::told;
use super::super::parts::Problem;
use super::super::{Page, Place, Shown, show};
use super::on_the_page;
use crate::app::facilities::{self, Edits};
use crate::http::auth::Visitor;
use crate::http::failure::Filled;

/// What a field held when the form was opened comes back under its name with this before it.
const OPENED: &str = "opened-";

pub async fn form(visitor: Visitor, Path(text): Path<String>) -> Shown {
    let (cx, page) = visitor.at(Place::Facilities);
    let code = facilities::to_edit(&cx, &text)?;
    let detail = facilities::get(&cx, code).await?;
    let view = edit_view(page, &detail.kept, &Typed::default(), String::new(), None);
    Ok(show(StatusCode::OK, &view))
}

#[derive(Debug, Deserialize)]
pub struct Saved {
    revision: String,
    #[serde(default)]
    reason: String,
    #[serde(flatten)]
    fields: BTreeMap<String, String>,
}

/// What somebody typed, where it is not what the form held already.
#[derive(Debug, Default)]
struct Typed(BTreeMap<Field, Change>);

#[derive(Debug)]
struct Change {
    /// None: the form did not tell.
    opened: Option<String>,
    is: String,
}

impl Typed {
    fn read(fields: &BTreeMap<String, String>) -> Typed {
        let opened = |name: &str| fields.get(&format!("{OPENED}{name}")).map(|text| sent(text));
        let changes = fields.iter().filter_map(|(name, is)| {
            let (field, opened, is) = (Field::named(name)?, opened(name), sent(is));
            (opened.as_ref() != Some(&is)).then_some((field, Change { opened, is }))
        });
        Typed(changes.collect())
    }

    fn edits(&self) -> Edits {
        let edits = self.0.iter().map(|(field, change)| (*field, Some(change.is.clone())));
        edits.collect()
    }
}

/// Browsers send every line break as two characters.
fn sent(text: &str) -> String {
    text.replace("\r\n", "\n").trim().to_owned()
}

pub async fn save(visitor: Visitor, Path(text): Path<String>, Filled(saved): Filled<Saved>) -> Shown {
    let (cx, page) = visitor.at(Place::Facilities);
    let code = facilities::to_edit(&cx, &text)?;
    let typed = Typed::read(&saved.fields);
    // One that does not read is none that ever was: the form is old or broken, and nothing may be overwritten.
    let revision = saved.revision.parse().unwrap_or(0);
    match facilities::edit(&cx, code, Some(revision), typed.edits(), &saved.reason).await {
        Ok(_) => Ok(Redirect::to(&format!("/facilities/{code}?done=facility-saved")).into_response()),
        Err(error) => {
            let mut problem = on_the_page(&page, error)?;
            let detail = facilities::get(&cx, code).await?;
            if detail.kept.revision != revision {
                // The form that is shown now is the new one already.
                problem.text = page.t("facility-meanwhile");
            }
            let view = edit_view(page, &detail.kept, &typed, saved.reason, Some(problem));
            Ok(show(StatusCode::UNPROCESSABLE_ENTITY, &view))
        }
    }
}

fn edit_view(page: Page, kept: &Kept, typed: &Typed, reason: String, problem: Option<Problem>) -> EditView {
    let of: &Facility = &kept.facility;
    let inputs = Field::ALL
        .into_iter()
        .filter(|field| *field != Field::Code)
        .map(|field| input(&page, of, field, typed.0.get(&field)))
        .collect();
    EditView {
        href: format!("/facilities/{}", of.code),
        code: of.code.to_string(),
        name: of.name.clone(),
        revision: kept.revision,
        inputs,
        reason,
        problem,
        page,
    }
}

fn input(page: &Page, of: &Facility, field: Field, typed: Option<&Change>) -> Input {
    let known = told(page, of, field).unwrap_or_default();
    let another =
        typed.filter(|typed| typed.opened.as_deref() != Some(sent(&known).as_str()) && typed.is != sent(&known));
    let value = typed.map_or_else(|| known.clone(), |typed| typed.is.clone());
    let mut words: Vec<String> = choices(field).iter().map(|words| page.of(words).to_owned()).collect();
    if field == Field::SharedReceipt {
        words = vec![page.t("yes"), page.t("no")];
    }
    Input {
        name: field.name(),
        long: matches!(field, Field::Address | Field::Hours | Field::Notes),
        word: page.of(&field.words()).to_owned(),
        hint: match field {
            Field::Hours => page.t("facility-hours-hint"),
            Field::Phones => page.t("facility-phones-hint"),
            Field::Code
            | Field::Name
            | Field::Kana
            | Field::Kind
            | Field::Prefecture
            | Field::Address
            | Field::Contact
            | Field::Carrier
            | Field::Line
            | Field::Provider
            | Field::Topology
            | Field::Reader
            | Field::UpdateChoice
            | Field::SharedReceipt
            | Field::Notes => String::new(),
        },
        another: another.map(|_| match known.is_empty() {
            true => page.t("not-known"),
            false => known.clone(),
        }),
        needed: field == Field::Name,
        lines: field == Field::Notes,
        choices: words.into_iter().map(|word| (word == value, word)).collect(),
        opened: known,
        value,
    }
}

#[derive(Template)]
#[template(path = "facility_edit.html")]
struct EditView {
    page: Page,
    href: String,
    code: String,
    name: String,
    revision: u32,
    inputs: Vec<Input>,
    reason: String,
    problem: Option<Problem>,
}

struct Input {
    name: &'static str,
    word: String,
    hint: String,
    /// What somebody else wrote while this was typed.
    another: Option<String>,
    needed: bool,
    lines: bool,
    /// Wants more room than others.
    long: bool,
    /// Chosen or not, and the word.
    choices: Vec<(bool, String)>,
    /// What the ledger holds while the form is open.
    opened: String,
    value: String,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_domain::time::Time;

    use super::super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    fn kept(revision: u32, fields: &[(Field, &str)]) -> Kept {
        let mut facility = Facility::new("0110113719".parse().expect("a code"), "<i>さくら医院");
        for (field, text) in fields {
            field.put(&mut facility, text).expect("a value");
        }
        Kept {
            facility,
            revision,
            created_at: Time(0),
            updated_at: Time(0),
        }
    }

    /// What a browser sends of a form, once somebody typed over some of its fields.
    fn filled(view: &EditView, over: &[(Field, &str)]) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        for input in &view.inputs {
            fields.insert(format!("{OPENED}{}", input.name), input.opened.replace('\n', "\r\n"));
            fields.insert(input.name.to_owned(), input.value.replace('\n', "\r\n"));
        }
        for (field, text) in over {
            fields.insert(field.name().to_owned(), (*text).to_owned());
        }
        fields
    }

    fn view(kept: &Kept, typed: &Typed) -> EditView {
        let page = sample::page(Lang::Ja, Some(Role::Desk), Some(Place::Facilities));
        edit_view(page, kept, typed, String::new(), None)
    }

    #[test]
    fn the_form_renders_with_what_was_typed() {
        for lang in Lang::ALL {
            let page = sample::page(lang, Some(Role::Desk), Some(Place::Facilities));
            let problem = Problem {
                code: "E-LEDGER-10".into(),
                text: "<x>".into(),
            };
            let typed = Typed::read(&BTreeMap::from([("phones".to_owned(), "内線3".to_owned())]));
            let html = sample::check(&edit_view(page, &kept(3, &[]), &typed, String::new(), Some(problem)));
            assert!(html.contains("内線3") && html.contains("E-LEDGER-10"));
        }
    }

    #[test]
    fn what_another_wrote_meanwhile_stands_although_the_form_is_sent_twice() {
        let opened = kept(3, &[(Field::Phones, "03-1234-7777"), (Field::Notes, "一\n二")]);
        let form = view(&opened, &Typed::default());
        let first = Typed::read(&filled(&form, &[(Field::Contact, "鈴木"), (Field::Reader, "XC01")]));
        assert_eq!(
            first.edits(),
            [
                (Field::Contact, Some("鈴木".to_owned())),
                (Field::Reader, Some("XC01".to_owned()))
            ],
            "what nobody typed is not sent"
        );

        let meanwhile = kept(
            4,
            &[
                (Field::Phones, "03-1234-8888"),
                (Field::Contact, "佐藤"),
                (Field::Notes, "一\n二"),
            ],
        );
        let form = view(&meanwhile, &first);
        let html = sample::check(&form);
        let input = |name: &str| form.inputs.iter().find(|input| input.name == name).expect("a field");
        assert_eq!(input("phones").value, "03-1234-8888");
        assert_eq!(
            (input("contact").value.as_str(), input("contact").another.as_deref()),
            ("鈴木", Some("佐藤"))
        );
        assert!(html.contains("佐藤"));
        assert_eq!(
            (input("reader").value.as_str(), &input("reader").another),
            ("XC01", &None)
        );

        let second = Typed::read(&filled(&form, &[]));
        assert!(!second.0.contains_key(&Field::Phones), "{second:?}");
        assert_eq!(second.edits(), first.edits());
    }
}
