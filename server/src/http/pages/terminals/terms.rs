//! The parts of a filter as chips: each in the reader's words, with the way to the same filter without it.

use kaishin_domain::expr::{Expr, Field, Literal, Op, Term};

use super::super::Page;
use super::view::{label, typed, worded};
use super::{State, Titles};

pub struct TermChip {
    pub word: String,
    /// As it is typed.
    pub code: String,
    pub href: String,
}

pub fn terms(page: &Page, state: &State, filter: &Expr, titles: &Titles) -> Vec<TermChip> {
    let parts = match filter {
        Expr::Always => return Vec::new(),
        Expr::And(parts) => parts.clone(),
        Expr::Or(_) | Expr::Not(_) | Expr::Text(_) | Expr::Term(_) => vec![filter.clone()],
    };
    let without = |at: usize| {
        let mut rest = parts.clone();
        let part = rest.remove(at);
        TermChip {
            word: in_words(page, titles, &part).unwrap_or_else(|| part.to_string()),
            code: part.to_string(),
            href: state.list(&[("q", &typed(&Expr::all(rest)))]),
        }
    };
    (0..parts.len()).map(without).collect()
}

/// None for what reads better as it was typed.
fn in_words(page: &Page, titles: &Titles, part: &Expr) -> Option<String> {
    match part {
        Expr::Term(term) => Some(term_in_words(page, titles, term)),
        Expr::Not(inner) => Some(page.t1("term-not", "term", in_words(page, titles, inner)?)),
        Expr::Text(phrase) => Some(page.t1("term-text", "text", phrase.raw())),
        Expr::Always | Expr::And(_) | Expr::Or(_) => None,
    }
}

fn term_in_words(page: &Page, titles: &Titles, term: &Term) -> String {
    let (field, name) = (term.field(), label(page, term.field()));
    let value = match (field, term.literal()) {
        (Field::Online, Literal::Truth(true)) => page.t("online"),
        (Field::Online, Literal::Truth(false)) => page.t("offline"),
        (Field::Fault, Literal::Text(id)) if id.raw() == "*" => page.t("term-some"),
        (Field::Fault, Literal::Text(id)) => titles.of(id.raw()).to_owned(),
        (_, Literal::Unknown) => page.t("value-unknown"),
        (_, Literal::Absent) => page.t("none"),
        (_, Literal::Truth(truth)) => page.t(if *truth { "yes" } else { "no" }),
        (_, Literal::Text(text)) => worded(page, field, text.raw()),
        (_, Literal::Standing(standing)) => worded(page, field, standing.name()),
        (
            _,
            literal @ (Literal::Number(_)
            | Literal::Version(_)
            | Literal::Time(_)
            | Literal::Day(_)
            | Literal::Age(_)
            | Literal::Duration(_)
            | Literal::Size(_)),
        ) => literal.to_string(),
    };
    let between = match term.op() {
        Op::Has | Op::Equal => page.lang.choose("：", ": ").to_owned(),
        op @ (Op::NotEqual | Op::Less | Op::LessOrEqual | Op::Greater | Op::GreaterOrEqual) => format!(" {op} "),
    };
    format!("{name}{between}{value}")
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;

    use super::super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    #[test]
    fn the_parts_of_a_filter_stand_in_the_readers_words() {
        let (ja, en) = [Lang::Ja, Lang::En]
            .map(|lang| sample::page(lang, Some(Role::Viewer), None))
            .into();
        let word = |page: &Page, text: &str| {
            let filter = Expr::parse(text).expect("it reads");
            let chips = terms(page, &State::default(), &filter, &Titles::default());
            chips.into_iter().map(|chip| chip.word).collect::<Vec<_>>().join(" / ")
        };
        for (text, japanese, english) in [
            (
                "fault:any online:yes",
                "不具合：あり / 状態：オンライン",
                "Faults: some / State: Online",
            ),
            ("facility.prefecture:13", "都道府県：東京都", "Prefecture: Tokyo"),
            ("-state:revoked", "「状態：失効済み」以外", "not State: Revoked"),
            (
                "power.fast_startup:yes",
                "高速スタートアップ：はい",
                "Fast startup: Yes",
            ),
            (
                "disk.system_free<10GB",
                "システムドライブの空き容量 < 10GB",
                "System drive free < 10GB",
            ),
            ("受付", "「受付」を含む", "contains “受付”"),
            ("fault:any OR online:no", "fault:* OR online:no", "fault:* OR online:no"),
        ] {
            assert_eq!(word(&ja, text), japanese);
            assert_eq!(word(&en, text), english);
        }
    }
}
