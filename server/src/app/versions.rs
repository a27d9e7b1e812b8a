//! Who runs what against what is wanted: of each fact that is a version, how many terminals have which.

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::expr::{Expr, Field};
use kaishin_proto::profile::Profile;
use kaishin_proto::time::Time;
use kaishin_proto::value::Version;

use super::{AppError, Cx};
use crate::index::Index;

/// Different values of one version that are shown; the rest are counted together.
const SHOWN: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    pub field: Field,
    /// The least that is wanted; none where the profile names none.
    pub target: Option<String>,
    /// All that have less, however rare their values are; none where nothing is wanted.
    pub below: Option<u64>,
    pub values: Vec<Value>,
    /// Terminals with values beyond those.
    pub others: u64,
    pub unknown: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    pub text: String,
    pub count: u64,
    pub below: bool,
}

/// What is looked at, and what the profile wants of it.
fn wanted(profile: &Profile, built_in: bool) -> Vec<(String, Option<String>)> {
    let some = |version: &Version| Some(version.to_string());
    let mut wanted = Vec::new();
    for (name, extension) in profile.edge.extensions() {
        wanted.push((format!("edge.{name}.version"), some(&extension.version)));
    }
    for (name, software) in profile.software.all() {
        wanted.push((format!("oqs.{name}.version"), some(&software.version)));
    }
    let edge = profile.latest.edge.as_ref().map(Version::to_string);
    wanted.push(("edge.version".to_owned(), edge));
    wanted.push(("dotnet.release".to_owned(), Some(profile.dotnet_release.to_string())));
    wanted.push(("os.build".to_owned(), None));
    let agent = profile.latest.agent.as_ref().map(Version::to_string);
    wanted.push(("agent.version".to_owned(), agent));
    // The one that came with the product is not sent to terminals: they have their own.
    let sent = (!built_in).then(|| profile.version.to_string());
    wanted.push(("agent.profile".to_owned(), sent));
    wanted
}

pub fn spread(cx: &Cx) -> Result<Vec<Spread>, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let in_force = cx.app.rules.in_force();
    let wanted = wanted(&in_force.profile, in_force.built_in).into_iter();
    Ok(wanted
        .filter_map(|(key, target)| spread_of(&cx.app.index, &key, target, cx.now()))
        .collect())
}

/// The filter that finds who has less than is wanted.
pub fn below(field: Field, target: &str) -> String {
    format!("{}<{target}", field.name())
}

fn spread_of(index: &Index, key: &str, target: Option<String>, now: Time) -> Option<Spread> {
    let field = Field::find(key)?;
    let facets = index.facets(&Expr::Always, field, SHOWN, now);
    let value = |(text, count): (String, u64)| Value {
        below: target.as_deref().is_some_and(|target| is_below(&text, target)),
        text,
        count,
    };
    let mut values: Vec<Value> = facets.values.into_iter().map(value).collect();
    values.sort_by_cached_key(|value| std::cmp::Reverse(Version::parse(&value.text)));
    let less = target
        .as_deref()
        .and_then(|target| Expr::parse(&below(field, target)).ok());
    Some(Spread {
        field,
        below: less.map(|less| index.count(&less, now)),
        others: facets.other,
        unknown: facets.unknown,
        target,
        values,
    })
}

fn is_below(text: &str, target: &str) -> bool {
    match (Version::parse(text), Version::parse(target)) {
        (Some(is), Some(wanted)) => is < wanted,
        (_, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use kaishin_domain::id::TerminalId;
    use kaishin_proto::value::Value as Fact;

    use super::*;
    use crate::index::Entry;

    #[test]
    fn who_is_below_the_target_is_counted_beyond_the_values_that_are_shown() {
        let index = Index::new();
        let terminal = |n: u8, version: String| {
            let mut entry = Entry::new(TerminalId::new(Time(0), [n; 10]), format!("PC-{n}"));
            let version = Fact::Version(Version(version));
            entry.facts.insert("edge.delegate.version".into(), version);
            entry
        };
        index.upsert_all((0..20).map(|n| terminal(n, format!("2.0.{}.0", n / 2))));
        let spread = |target: &str| spread_of(&index, "edge.delegate.version", Some(target.into()), Time(0));
        let all_but_two = spread("2.0.9.0").expect("a fact");
        assert_eq!((all_but_two.values.len(), all_but_two.others), (SHOWN, 4));
        assert_eq!(all_but_two.below, Some(18));
        assert_eq!(spread("2.0.0.0").expect("a fact").below, Some(0));
        let unwanted = spread_of(&index, "edge.delegate.version", None, Time(0)).expect("a fact");
        assert_eq!(unwanted.below, None);
    }

    #[test]
    fn every_target_that_the_profile_names_can_be_compared() {
        for (key, target) in wanted(&Profile::built_in(), false) {
            let (Some(field), Some(target)) = (Field::find(&key), target) else {
                continue;
            };
            assert!(Expr::parse(&below(field, &target)).is_ok(), "{key} {target}");
        }
    }

    #[test]
    fn everything_that_is_looked_at_is_a_fact_and_versions_compare_as_versions() {
        for (key, _) in wanted(&Profile::built_in(), true) {
            assert!(Field::find(&key).is_some(), "{key}");
        }
        assert!(is_below("2.9", "2.10") && !is_below("2.10.0", "2.10") && !is_below("?", "1"));
    }
}
