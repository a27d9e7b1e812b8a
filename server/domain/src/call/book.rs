//! The procedures: read and checked as a whole, so that nobody on the phone is led nowhere. They measure by the terminal
//! profile as rules do.

use std::collections::{BTreeMap, BTreeSet};

use kaishin_proto::profile::Profile;
use serde::Deserialize;

use super::Ending;
use super::procedure::{Branch, Procedure, Screen, Step, Where};
use crate::expr::{Expr, ParseError};
use crate::remedy::Remedy;
use crate::rule::{Citation, Constants, Filled};
use crate::words::Words;

const HEAD: &str = include_str!("../../rules/pack.json");
const AREAS: [&str; 6] = [
    include_str!("../../procedures/edge.json"),
    include_str!("../../procedures/update.json"),
    include_str!("../../procedures/network.json"),
    include_str!("../../procedures/software.json"),
    include_str!("../../procedures/machine.json"),
    include_str!("../../procedures/certificates.json"),
];

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Procedures {
    all: Vec<Procedure>,
}

/// Procedures that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadBook {
    #[error("E-CALL-01 手順の書式が正しくありません。{0} / The procedures are not sound JSON. {0}")]
    Format(#[source] serde_json::Error),
    #[error("E-CALL-02 手順{at}の条件を直してください。{source} / Correct the condition of procedure step {at}.")]
    Condition { at: String, source: ParseError },
    #[error("E-CALL-03 手順{at}: {ja} / Procedure step {at}: {en}")]
    Step {
        at: String,
        ja: &'static str,
        en: &'static str,
    },
}

/// What the rule pack says of manuals and procedures; the rest of it is no matter here.
#[derive(Deserialize)]
struct HeadText {
    manuals: BTreeMap<String, Words>,
    procedures: BTreeMap<String, Words>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AreaText {
    procedures: Vec<ProcedureText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProcedureText {
    slug: String,
    about: Words,
    minutes: u32,
    steps: Vec<StepText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepText {
    id: String,
    title: Words,
    say: Words,
    #[serde(default)]
    screen: Option<ScreenText>,
    #[serde(default)]
    done: Option<String>,
    #[serde(default)]
    passing: bool,
    #[serde(default)]
    remedy: Option<RemedyText>,
    #[serde(default)]
    branches: Vec<BranchText>,
    #[serde(default)]
    hint: Option<Words>,
    #[serde(default)]
    cite: Option<CiteText>,
    #[serde(default)]
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScreenText {
    ja: String,
    #[serde(default)]
    en: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemedyText {
    id: String,
    #[serde(default)]
    params: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BranchText {
    sees: Words,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    end: Option<Ending>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CiteText {
    manual: String,
    section: Words,
    #[serde(default)]
    step: String,
}

impl Procedures {
    /// Those that come with the product, measuring by a profile.
    pub fn built_in(profile: &Profile) -> Result<Procedures, BadBook> {
        Procedures::read(HEAD, &AREAS, profile)
    }

    pub fn read(head: &str, areas: &[&str], profile: &Profile) -> Result<Procedures, BadBook> {
        let head: HeadText = serde_json::from_str(head).map_err(BadBook::Format)?;
        let constants = Constants::of(profile);
        let mut all: Vec<Procedure> = Vec::new();
        for area in areas {
            let area: AreaText = serde_json::from_str(area).map_err(BadBook::Format)?;
            for text in area.procedures {
                if all.iter().any(|known| known.slug == text.slug) {
                    return Err(bad(
                        &text.slug,
                        "同じ名前の手順が二つあります。",
                        "the name stands twice.",
                    ));
                }
                all.push(procedure(&head, &constants, text)?);
            }
        }
        Ok(Procedures { all })
    }

    pub fn all(&self) -> &[Procedure] {
        &self.all
    }

    pub fn find(&self, slug: &str) -> Option<&Procedure> {
        self.all.iter().find(|procedure| procedure.slug == slug)
    }
}

fn bad(at: &str, ja: &'static str, en: &'static str) -> BadBook {
    BadBook::Step {
        at: at.to_owned(),
        ja,
        en,
    }
}

fn procedure(head: &HeadText, constants: &Constants, text: ProcedureText) -> Result<Procedure, BadBook> {
    let slug = text.slug;
    let title = head.procedures.get(&slug).cloned().ok_or_else(|| {
        bad(
            &slug,
            "この手順はルールの一覧にありません。",
            "the rule pack's list has no such procedure.",
        )
    })?;
    both(&slug, &text.about)?;
    let ids: Vec<String> = text.steps.iter().map(|step| step.id.clone()).collect();
    let unique: BTreeSet<&String> = ids.iter().collect();
    if ids.is_empty() || unique.len() < ids.len() {
        return Err(bad(
            &slug,
            "手順の番号が重なっているか、一つもありません。",
            "its steps are none, or one stands twice.",
        ));
    }
    let mut steps = Vec::with_capacity(ids.len());
    for (number, text) in text.steps.into_iter().enumerate() {
        let following = ids.get(number + 1).cloned();
        steps.push(step(head, constants, &slug, &ids, following, text)?);
    }
    let procedure = Procedure {
        about: told(&slug, constants, &text.about)?,
        slug,
        title,
        minutes: text.minutes,
        steps,
    };
    all_reached(&procedure)?;
    Ok(procedure)
}

fn step(
    head: &HeadText,
    constants: &Constants,
    slug: &str,
    ids: &[String],
    following: Option<String>,
    text: StepText,
) -> Result<Step, BadBook> {
    let at = format!("{slug}/{}", text.id);
    let nowhere = || {
        bad(
            &at,
            "行き先の手順がありません。",
            "it leads to a step that is not there.",
        )
    };
    for words in [&text.title, &text.say].into_iter().chain(&text.hint) {
        both(&at, words)?;
    }
    let known = |id: String| ids.contains(&id).then_some(id).ok_or_else(nowhere);
    let mut branches = Vec::new();
    for branch in text.branches {
        both(&at, &branch.sees)?;
        let to = match (branch.to, branch.end) {
            (Some(id), None) => Where::Step(known(id)?),
            (None, Some(ending)) => Where::End(ending),
            (Some(_), Some(_)) | (None, None) => return Err(nowhere()),
        };
        let sees = told(&at, constants, &branch.sees)?;
        branches.push(Branch { sees, to });
    }
    let fill = |words: Words| told(&at, constants, &words);
    Ok(Step {
        done: condition(&at, constants, text.done.as_deref())?,
        passing: text.passing,
        remedy: text.remedy.map(|text| remedy(&at, text)).transpose()?,
        citation: text.cite.map(|text| citation(head, &at, text)).transpose()?,
        next: text.next.map(known).transpose()?.or(following),
        title: fill(text.title)?,
        say: fill(text.say)?,
        hint: text.hint.map(fill).transpose()?,
        screen: text.screen.map(|screen| Screen {
            ja: screen.ja,
            en: screen.en,
        }),
        id: text.id,
        branches,
    })
}

fn both(at: &str, words: &Words) -> Result<(), BadBook> {
    if words.ja.is_empty() || words.en.is_empty() {
        let ja = "日本語と英語の両方が必要です。";
        return Err(bad(at, ja, "words are needed in both languages."));
    }
    Ok(())
}

/// With what the profile says put in.
fn told(at: &str, constants: &Constants, words: &Words) -> Result<Words, BadBook> {
    Ok(Words::new(
        filled(at, constants, &words.ja, false)?.unwrap_or_default(),
        filled(at, constants, &words.en, false)?.unwrap_or_default(),
    ))
}

fn filled(at: &str, constants: &Constants, text: &str, condition: bool) -> Result<Option<String>, BadBook> {
    match constants.fill(text, condition) {
        Ok(Filled::Text(text)) => Ok(Some(text)),
        Ok(Filled::Asleep) => Ok(None),
        Err(_) => Err(bad(
            at,
            "$の名前が端末設定にありません。",
            "the profile has nothing by the name after a $.",
        )),
    }
}

fn condition(at: &str, constants: &Constants, text: Option<&str>) -> Result<Option<Expr>, BadBook> {
    let Some(text) = text else { return Ok(None) };
    let Some(text) = filled(at, constants, text, true)? else {
        return Ok(None);
    };
    Expr::parse(&text).map(Some).map_err(|source| BadBook::Condition {
        at: at.to_owned(),
        source,
    })
}

fn remedy(at: &str, text: RemedyText) -> Result<Remedy, BadBook> {
    Remedy::parse(&text.id, &text.params).map_err(|_| {
        let ja = "その対処はないか、項目が合いません。";
        bad(at, ja, "there is no such remedy, or not with these parameters.")
    })
}

fn citation(head: &HeadText, at: &str, text: CiteText) -> Result<Citation, BadBook> {
    let manual = head.manuals.get(&text.manual);
    let manual = manual.ok_or_else(|| bad(at, "その資料は一覧にありません。", "there is no such manual."))?;
    Ok(Citation {
        manual: manual.clone(),
        procedure: text.section,
        step: text.step,
    })
}

/// A step that nothing leads to would never be read to anybody; and from every step there is a way to the end.
fn all_reached(procedure: &Procedure) -> Result<(), BadBook> {
    let ways = |step: &Step| -> Vec<Where> {
        let next = step.next.clone().map_or(Where::End(Ending::Done), Where::Step);
        let branches = step.branches.iter().map(|branch| branch.to.clone());
        branches.chain([next]).collect()
    };
    let mut reached: BTreeSet<&str> = procedure.steps.iter().take(1).map(|step| step.id.as_str()).collect();
    let mut ends: BTreeSet<&str> = BTreeSet::new();
    for _ in &procedure.steps {
        for step in &procedure.steps {
            for way in ways(step) {
                match way {
                    Where::End(_) => {
                        ends.insert(&step.id);
                    }
                    Where::Step(to) => {
                        let to = procedure.step(&to).map_or("", |to| to.id.as_str());
                        if reached.contains(step.id.as_str()) {
                            reached.insert(to);
                        }
                        if ends.contains(to) {
                            ends.insert(&step.id);
                        }
                    }
                }
            }
        }
    }
    let lost = procedure
        .steps
        .iter()
        .find(|step| !reached.contains(step.id.as_str()) || !ends.contains(step.id.as_str()));
    match lost {
        None => Ok(()),
        Some(step) => Err(bad(
            &format!("{}/{}", procedure.slug, step.id),
            "たどり着けないか、終わりに着かない手順です。",
            "nothing leads to it, or it leads to no end.",
        )),
    }
}
