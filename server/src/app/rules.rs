//! The rules in force, and the terminal profile that they measure by. Both change while the server runs.

pub mod own;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::call::Procedures;
use kaishin_domain::expr::{Expr, Field, Literal, Phrase, fold};
use kaishin_domain::rule::{BadPack, OwnRules, Rule, RulePack};
use kaishin_proto::profile::{BadProfile, Profile};
use serde_json::json;

use super::{App, AppError, Cx};

/// One profile, and the pack that measures by it.
#[derive(Debug)]
pub struct InForce {
    pub version: u32,
    /// As it is sent to terminals.
    pub text: Arc<str>,
    pub profile: Profile,
    /// What agents were built with: nobody needs to be told.
    pub built_in: bool,
    /// Of each rule, what its verdicts depend on.
    pub fingerprints: BTreeMap<String, String>,
    /// What clinics are led through on the phone.
    pub procedures: Procedures,
    pack: RulePack,
}

impl InForce {
    /// # Panics
    /// Never: a test reads the built-in pack with the built-in profile.
    pub fn built_in() -> InForce {
        let (text, profile) = (Profile::built_in_text(), Profile::built_in());
        #[expect(clippy::expect_used, reason = "part of the program; a test reads it")]
        let mut built_in = InForce::new(text, profile, &OwnRules::default()).expect("the built-in rules are sound");
        built_in.built_in = true;
        built_in
    }

    /// The built-in profile with an installation's own rules.
    pub fn first(own: &OwnRules) -> Result<InForce, BadPack> {
        let pack = RulePack::with_own(own, &Profile::built_in())?;
        Ok(InForce {
            fingerprints: pack.fingerprints(),
            pack,
            ..InForce::built_in()
        })
    }

    pub fn new(text: &str, profile: Profile, own: &OwnRules) -> Result<InForce, BadProfile> {
        let pack = RulePack::with_own(own, &profile).map_err(|bad| unmeasurable(&bad))?;
        let procedures = Procedures::built_in(&profile).map_err(|bad| unmeasurable(&bad))?;
        Ok(InForce {
            version: profile.version,
            text: text.into(),
            built_in: false,
            fingerprints: pack.fingerprints(),
            procedures,
            pack,
            profile,
        })
    }
}

/// A profile that is sound in itself, but by which a rule or a procedure cannot measure.
fn unmeasurable(bad: &impl std::fmt::Display) -> BadProfile {
    let text = bad.to_string();
    let (ja, en) = text.split_once(" / ").unwrap_or((&text, &text));
    BadProfile {
        line: 1,
        ja: ja.to_owned(),
        en: en.to_owned(),
    }
}

/// Profiles change a few times a year, so each that was in force stays until the process ends: whoever reads a rule never
/// waits, and never sees half of a change.
#[derive(Debug)]
pub struct Rules {
    first: Link,
    own: OwnRules,
}

#[derive(Debug)]
struct Link {
    here: InForce,
    next: OnceLock<Box<Link>>,
}

impl Rules {
    pub fn new(first: InForce, own: OwnRules) -> Rules {
        let next = OnceLock::new();
        Rules {
            first: Link { here: first, next },
            own,
        }
    }

    /// Those of this installation: every profile is measured by them too.
    pub fn own(&self) -> &OwnRules {
        &self.own
    }

    fn last(&self) -> &Link {
        let mut link = &self.first;
        while let Some(next) = link.next.get() {
            link = next;
        }
        link
    }

    pub fn in_force(&self) -> &InForce {
        &self.last().here
    }

    /// Takes effect at once, unless one that is as new is in force already.
    pub fn replace(&self, mut new: InForce) -> bool {
        loop {
            let last = self.last();
            if last.here.version >= new.version {
                return false;
            }
            let next = OnceLock::new();
            match last.next.set(Box::new(Link { here: new, next })) {
                Ok(()) => return true,
                Err(lost) => new = lost.here,
            }
        }
    }
}

impl Deref for Rules {
    type Target = RulePack;

    fn deref(&self) -> &RulePack {
        &self.last().here.pack
    }
}

/// A rule, and how many terminals have its fault now.
pub fn list(cx: &Cx) -> Result<Vec<(&Rule, u64)>, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let open = cx.app.index.counts().by_fault;
    let rules = cx.app.rules.rules().iter();
    Ok(rules
        .map(|rule| (rule, open.get(&rule.id).copied().unwrap_or(0)))
        .collect())
}

/// A fault that no rule finds matches no terminal: mistyped, it would look as if all were well.
pub fn known_faults(app: &App, filter: &Expr, typed: &str) -> Result<(), AppError> {
    let mut named = Vec::new();
    filter.each_term(&mut |term| {
        if let (Field::Fault, Literal::Text(words), false) = (term.field(), term.literal(), term.is_pattern()) {
            named.push(words.clone());
        }
    });
    // One that sleeps until the profile names its target is a rule all the same.
    let awake = app.rules.rules().iter().map(|rule| rule.id.as_str());
    let ids: Vec<&str> = awake.chain(app.rules.asleep().iter().map(String::as_str)).collect();
    let known = |words: &Phrase| ids.iter().any(|id| fold(id) == words.folded());
    named.retain(|words| !known(words));
    if named.is_empty() {
        return Ok(());
    }
    // One that a former profile's rule found may still be open.
    let open = app.index.counts().by_fault;
    named.retain(|words| !open.keys().any(|id| fold(id) == words.folded()));
    let Some(mistyped) = named.first() else {
        return Ok(());
    };
    let near = nearest(mistyped.folded(), ids.iter().copied());
    Err(AppError::invalid(
        "E-EXPR-16",
        format!(
            "「{}」という不具合はありません。近いもの: {}",
            mistyped.raw(),
            near.join("、")
        ),
        format!(
            "There is no fault {:?}. The nearest: {}",
            mistyped.raw(),
            near.join(", ")
        ),
    )
    .with(json!({
        "position": place_of(typed, mistyped.raw()), "length": mistyped.raw().chars().count(), "expected": near,
    })))
}

/// From which character on the name of a fault stands in what was typed.
fn place_of(typed: &str, value: &str) -> Option<usize> {
    let is_operator = |c: char| matches!(c, ':' | '=' | '!' | '：' | '＝' | '！' | '"');
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '(' | ')');
    let stands = |(at, _): &(usize, &str)| {
        let key = typed[..*at].trim_end_matches(is_operator);
        let key = key.rsplit(|c: char| ends(c) || c == '-').next().unwrap_or_default();
        let after = typed[at + value.len()..].chars().next();
        Field::find(key) == Some(Field::Fault) && after.is_none_or(ends)
    };
    let (at, _) = typed.match_indices(value).find(stands)?;
    Some(typed[..at].chars().count())
}

const MOST_NEAR: usize = 3;

/// By how many characters have to be changed.
fn nearest<'a>(typed: &str, ids: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut near: Vec<(usize, &str)> = ids.map(|id| (steps(typed, id), id)).collect();
    near.sort_unstable();
    near.into_iter().take(MOST_NEAR).map(|(_, id)| id).collect()
}

/// How many characters have to come, go or change until one text is the other.
fn steps(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut before: Vec<usize> = (0..=other.len()).collect();
    for (at, c) in one.chars().enumerate() {
        let mut row = vec![at + 1];
        for (n, d) in other.iter().enumerate() {
            let changed = before[n] + usize::from(c != *d);
            row.push(changed.min(before[n + 1] + 1).min(row[n] + 1));
        }
        before = row;
    }
    before.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_in_the_handbook_is_a_rule() {
        for book in [
            include_str!("../../../web/help/ja/admin.md"),
            include_str!("../../../web/help/en/admin.md"),
        ] {
            let example = book.split("```json").nth(1).and_then(|rest| rest.split("```").next());
            let own = OwnRules::new(vec![("x.json".into(), example.expect("an example").into())]);
            let pack = InForce::first(&own).expect("sound").pack;
            let rule = pack.rule("restart-overdue").expect("the rule");
            assert_eq!(rule.fault.to_string(), "boot.time>1w");
        }
    }

    #[test]
    fn a_mistyped_fault_has_its_rule_among_the_nearest() {
        let pack = InForce::built_in();
        let ids = || pack.pack.rules().iter().map(|rule| rule.id.as_str());
        for (typed, meant) in [
            ("egde-extension-old", "edge-extension-old"),
            ("fast-startup", "fast-startup-on"),
            ("", "no-such"),
        ] {
            let near = nearest(typed, ids());
            assert!(near.len() == MOST_NEAR, "{near:?}");
            assert!(meant == "no-such" || near.contains(&meant), "{typed}: {near:?}");
        }
    }

    #[test]
    fn every_profile_that_is_sound_can_be_measured_by() {
        use kaishin_proto::profile::Model;
        use kaishin_proto::value::Version;

        let text = |profile: &Profile| serde_json::to_string(profile).expect("JSON");
        for name in ["x", "ThinkPad", "日本の長い名前の機種", "\\", "\\) OR *", "„´'「」"] {
            let mut profile = Profile::built_in();
            profile.account = name.chars().cycle().take(80).collect();
            profile.latest.edge = Some(Version(["123456789"; 26].join(".")));
            let model = Model {
                manufacturer: name.into(),
                model: name.into(),
            };
            while Profile::read(&text(&profile)).is_ok() {
                profile.arp.models.push(model.clone());
            }
            profile.arp.models.pop();
            assert!(profile.arp.models.len() > 20, "{name}");
            InForce::new("{}", Profile::read(&text(&profile)).expect(name), &OwnRules::default()).expect(name);
        }
        let mut longest = Profile::built_in();
        longest.proxy.server = format!("a:{}8080", "0".repeat(5_000));
        assert!(Profile::read(&text(&longest)).is_err());
        longest = Profile::built_in();
        longest.latest.edge = Some(Version(["1"; 3_000].join(".")));
        assert!(Profile::read(&text(&longest)).is_err());
    }

    #[test]
    fn a_newer_profile_takes_effect_and_an_older_one_does_not() {
        let of = |version: u32, face: &str| {
            let mut profile = Profile::built_in();
            profile.version = version;
            profile.software.face.version = kaishin_proto::value::Version(face.into());
            InForce::new("{}", profile, &OwnRules::default()).expect("sound")
        };
        let expected = |rules: &Rules| rules.rule("oqs-face-old").expect("there is").expected.en.clone();
        let rules = Rules::new(InForce::built_in(), OwnRules::default());
        let seen = rules.rule("oqs-face-old").expect("there is");
        assert!(rules.replace(of(3, "3.0")));
        assert!(!rules.replace(of(2, "2.0")) && !rules.replace(of(3, "4.0")));
        assert_eq!(expected(&rules), "3.0 or later");
        assert_eq!(seen.expected.en, "2.3.0 or later", "who read before reads on");
    }
}
