//! The rule pack: read and checked as a whole, so that no rule is silently missing. Conditions may name what the terminal
//! profile says with a `$`, so that a target version stands in one place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use kaishin_proto::fact;
use kaishin_proto::profile::Profile;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::constants::{Constants, Filled, NoSuchName};
use super::{Citation, Contradiction, Procedure, Rule, Severity};
use crate::expr::{Expr, Field, ParseError, UNIQUE_FACTS};
use crate::remedy::Remedy;
use crate::words::Words;

const HEAD: &str = include_str!("../../rules/pack.json");
const AREAS: [&str; 10] = [
    include_str!("../../rules/edge.json"),
    include_str!("../../rules/update.json"),
    include_str!("../../rules/restart.json"),
    include_str!("../../rules/network.json"),
    include_str!("../../rules/settings.json"),
    include_str!("../../rules/accounts.json"),
    include_str!("../../rules/tasks.json"),
    include_str!("../../rules/certificates.json"),
    include_str!("../../rules/software.json"),
    include_str!("../../rules/machine.json"),
];

#[derive(Clone, Debug, PartialEq)]
pub struct RulePack {
    pub version: u32,
    rules: Vec<Rule>,
    asleep: Vec<String>,
    blind: Vec<String>,
    procedures: Vec<Procedure>,
    fields: Vec<Field>,
}

/// Rules of an installation: a file for an area, as those of the product are written. One with the id of a rule of the
/// product takes its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnRules(Vec<(String, String)>);

impl OwnRules {
    /// Each with the name that a mistake in it is told with.
    pub fn new(files: Vec<(String, String)>) -> OwnRules {
        OwnRules(files)
    }
}

/// A pack that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadPack {
    #[error("E-RULE-01 ルールの書式が正しくありません。{0} / The rule pack is not sound JSON for rules: {0}")]
    Format(#[source] serde_json::Error),
    #[error("E-RULE-02 ルール{rule}の条件を直してください。{source} / Correct the condition of rule {rule}.")]
    Condition { rule: String, source: ParseError },
    #[error("E-RULE-03 ルール{rule}: {ja} / Rule {rule}: {en}")]
    Rule {
        rule: String,
        ja: &'static str,
        en: &'static str,
    },
    #[error("{file}: {source}")]
    Own { file: String, source: Box<BadPack> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadText {
    version: u32,
    /// Of every rule, beside its own.
    #[serde(default)]
    applies: String,
    manuals: BTreeMap<String, Words>,
    procedures: BTreeMap<String, Words>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AreaText {
    rules: Vec<RuleText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    id: String,
    severity: Severity,
    title: Words,
    explanation: Words,
    citation: CitationText,
    #[serde(default)]
    applies: String,
    fault: String,
    #[serde(default)]
    unique: bool,
    evidence: Vec<String>,
    expected: Words,
    #[serde(default)]
    remedy: Option<String>,
    /// What the remedy is to be ordered with, where that is not the usual.
    #[serde(default)]
    parameters: serde_json::Value,
    #[serde(default)]
    procedure: Option<String>,
    #[serde(default)]
    contradiction: Option<ContradictionText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CitationText {
    manual: String,
    procedure: Words,
    #[serde(default)]
    step: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContradictionText {
    words: Words,
    with: CitationText,
}

/// Asked for with every batch of reports, and so collected once.
fn fields_of(rules: &[Rule]) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for rule in rules {
        for field in rule.applies.fields().into_iter().chain(rule.fault.fields()) {
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
    }
    fields
}

impl RulePack {
    /// The pack that comes with the product, measuring by a profile.
    pub fn built_in(profile: &Profile) -> Result<RulePack, BadPack> {
        RulePack::read(HEAD, &AREAS, profile)
    }

    /// The same with the rules that an installation has of its own.
    pub fn with_own(own: &OwnRules, profile: &Profile) -> Result<RulePack, BadPack> {
        RulePack::read_all(HEAD, &AREAS, own, profile)
    }

    pub fn read(head: &str, areas: &[&str], profile: &Profile) -> Result<RulePack, BadPack> {
        RulePack::read_all(head, areas, &OwnRules::default(), profile)
    }

    fn read_all(head: &str, areas: &[&str], own: &OwnRules, profile: &Profile) -> Result<RulePack, BadPack> {
        let head: HeadText = serde_json::from_str(head).map_err(BadPack::Format)?;
        let mut reader = Reader {
            constants: Constants::of(profile),
            manuals: &head.manuals,
            procedures: &head.procedures,
            applies: &head.applies,
        };
        let mut pack = RulePack {
            version: head.version,
            rules: Vec::new(),
            asleep: Vec::new(),
            blind: Vec::new(),
            procedures: Vec::new(),
            fields: Vec::new(),
        };
        let mut named = BTreeSet::new();
        for area in areas {
            pack.add(area, &mut reader, &mut named)?;
        }
        let mut named = BTreeSet::new();
        for (file, area) in &own.0 {
            let added = pack.add(area, &mut reader, &mut named);
            added.map_err(|source| BadPack::Own {
                file: file.clone(),
                source: Box::new(source),
            })?;
        }
        let known = head.procedures.iter().map(|(slug, name)| Procedure {
            slug: slug.clone(),
            name: name.clone(),
        });
        pack.procedures = known.collect();
        pack.fields = fields_of(&pack.rules);
        let unseen = profile.unseen();
        let cannot = pack
            .rules
            .iter()
            .filter(|rule| rule.all_evidence().any(|fact| unseen.contains(&fact)));
        pack.blind = cannot.map(|rule| rule.id.clone()).collect();
        Ok(pack)
    }

    /// The rules of an area; those of the same ids that are there already make way.
    fn add(&mut self, area: &str, reader: &mut Reader<'_>, named: &mut BTreeSet<String>) -> Result<(), BadPack> {
        let area: AreaText = serde_json::from_str(area).map_err(BadPack::Format)?;
        for text in area.rules {
            let id = text.id.clone();
            if !named.insert(id.clone()) {
                return Err(bad(&id, "同じ番号のルールが二つあります。", "the id stands twice."));
            }
            let read = reader.rule(text)?;
            self.asleep.retain(|known| *known != id);
            let place = self.rules.iter().position(|known| known.id == id);
            match (read, place) {
                (Some(rule), Some(at)) => self.rules[at] = rule,
                (Some(rule), None) => self.rules.push(rule),
                (None, at) => {
                    if let Some(at) = at {
                        self.rules.remove(at);
                    }
                    self.asleep.push(id);
                }
            }
        }
        Ok(())
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// Rules that wait for a target version in the profile.
    pub fn asleep(&self) -> &[String] {
        &self.asleep
    }

    /// Rules that can never open, because the profile does not say where to look for what they are about.
    pub fn blind(&self) -> &[String] {
        &self.blind
    }

    pub fn procedures(&self) -> &[Procedure] {
        &self.procedures
    }

    /// The facts that verdicts depend on: only a change in these is worth judging again.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Of everything that makes verdicts differ: two packs that judge and say the same have the same.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.rules)
    }

    /// The same of each rule, so that it is known which of them a new pack or profile changed.
    pub fn fingerprints(&self) -> BTreeMap<String, String> {
        let each = self.rules.iter();
        let short = |rule: &Rule| fingerprint(std::slice::from_ref(rule)).split_off(48);
        each.map(|rule| (rule.id.clone(), short(rule))).collect()
    }
}

fn fingerprint(rules: &[Rule]) -> String {
    let mut text = String::new();
    for rule in rules {
        let words = &rule.expected;
        // Writing to a text cannot fail.
        let _ = write!(
            text,
            "{}\n{}\n{}\n{}\n{} {:?}\n{}\n{}\n",
            rule.id, rule.applies, rule.fault, rule.unique, rule.evidence, rule.other_evidence, words.ja, words.en
        );
    }
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn bad(rule: &str, ja: &'static str, en: &'static str) -> BadPack {
    let rule = rule.to_owned();
    BadPack::Rule { rule, ja, en }
}

struct Reader<'a> {
    constants: Constants,
    manuals: &'a BTreeMap<String, Words>,
    procedures: &'a BTreeMap<String, Words>,
    applies: &'a str,
}

impl Reader<'_> {
    /// None where it sleeps.
    fn rule(&mut self, text: RuleText) -> Result<Option<Rule>, BadPack> {
        let id = text.id;
        let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || !id.chars().all(kebab) {
            let ja = "番号は英小文字、数字、-だけにしてください。";
            return Err(bad(&id, ja, "write the id in kebab case."));
        }
        let [all, applies, fault] = [self.applies, &text.applies, &text.fault].map(|text| self.condition(&id, text));
        let (Some(all), Some(applies), Some(fault)) = (all?, applies?, fault?) else {
            return Ok(None);
        };
        let applies: Vec<Expr> = [all, applies]
            .into_iter()
            .filter(|expr| *expr != Expr::Always)
            .collect();
        let said = [&text.title, &text.explanation, &text.citation.procedure, &text.expected];
        if said.iter().any(|words| words.ja.is_empty() || words.en.is_empty()) {
            let ja = "日本語と英語の両方が必要です。";
            return Err(bad(&id, ja, "words are needed in both languages."));
        }
        let Some(expected) = self.words(&id, &text.expected)? else {
            return Ok(None);
        };
        let contradiction = match text.contradiction {
            None => None,
            Some(found) => Some(Contradiction {
                words: found.words,
                with: self.citation(&id, found.with)?,
            }),
        };
        let source = self.citation(&id, text.citation)?;
        let (evidence, other_evidence) = evidence(&id, &text.evidence, &fault)?;
        if text.unique && !UNIQUE_FACTS.contains(&evidence) {
            let ja = "この項目は端末どうしで比べられません。";
            return Err(bad(&id, ja, "terminals are not compared by this fact."));
        }
        Ok(Some(Rule {
            severity: text.severity,
            title: text.title,
            explanation: text.explanation,
            citation: source.words(),
            source,
            contradiction,
            evidence,
            other_evidence,
            applies: Expr::all(applies),
            fault,
            unique: text.unique,
            expected,
            remedy: remedy(&id, text.remedy.as_deref(), &text.parameters)?,
            procedure: self.procedure(&id, text.procedure)?,
            id,
        }))
    }

    fn condition(&self, rule: &str, text: &str) -> Result<Option<Expr>, BadPack> {
        match self.fill(rule, text, true)? {
            Filled::Asleep => Ok(None),
            Filled::Text(text) => Expr::parse(&text).map(Some).map_err(|source| BadPack::Condition {
                rule: rule.to_owned(),
                source,
            }),
        }
    }

    fn words(&self, rule: &str, words: &Words) -> Result<Option<Words>, BadPack> {
        match (self.fill(rule, &words.ja, false)?, self.fill(rule, &words.en, false)?) {
            (Filled::Text(ja), Filled::Text(en)) => Ok(Some(Words { ja, en })),
            (Filled::Asleep, _) | (_, Filled::Asleep) => Ok(None),
        }
    }

    fn fill(&self, rule: &str, text: &str, condition: bool) -> Result<Filled, BadPack> {
        self.constants.fill(text, condition).map_err(|NoSuchName| {
            let ja = "$の名前が端末設定にありません。";
            bad(rule, ja, "the profile has nothing by the name after a $.")
        })
    }

    fn citation(&self, rule: &str, text: CitationText) -> Result<Citation, BadPack> {
        let manual = self.manuals.get(&text.manual);
        let manual = manual.ok_or_else(|| bad(rule, "その資料は一覧にありません。", "there is no such manual."))?;
        Ok(Citation {
            manual: manual.clone(),
            procedure: text.procedure,
            step: text.step,
        })
    }

    fn procedure(&self, rule: &str, slug: Option<String>) -> Result<Option<Procedure>, BadPack> {
        let Some(slug) = slug else { return Ok(None) };
        let name = self.procedures.get(&slug).cloned();
        let name = name.ok_or_else(|| bad(rule, "その手順は一覧にありません。", "there is no such procedure."))?;
        Ok(Some(Procedure { slug, name }))
    }
}

fn evidence(rule: &str, keys: &[String], fault: &Expr) -> Result<(&'static str, Vec<&'static str>), BadPack> {
    let asked = fault.fields();
    let known = keys.iter().map(|key| {
        let fact = fact::find(key);
        let key = fact
            .ok_or_else(|| bad(rule, "根拠の項目がありません。", "its evidence is no fact."))?
            .key;
        if !asked.iter().any(|field| field.name() == key) {
            let ja = "不具合の条件が根拠の項目を見ていません。";
            return Err(bad(rule, ja, "its fault does not ask about its evidence."));
        }
        Ok(key)
    });
    let mut known = known.collect::<Result<Vec<_>, _>>()?;
    if known.is_empty() {
        return Err(bad(rule, "根拠の項目が必要です。", "it needs evidence."));
    }
    Ok((known.remove(0), known))
}

fn remedy(rule: &str, name: Option<&str>, parameters: &serde_json::Value) -> Result<Option<Remedy>, BadPack> {
    let Some(name) = name else { return Ok(None) };
    let known = Remedy::parse(name, parameters);
    let known = known.map_err(|_| {
        bad(
            rule,
            "その対処はないか、指定が正しくありません。",
            "there is no such remedy, or not with these parameters.",
        )
    })?;
    Ok(Some(known))
}
