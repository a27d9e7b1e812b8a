//! Who runs what against what is wanted: of each fact that is a version, how many terminals have which.

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::expr::{Expr, Field};
use kaishin_proto::profile::Profile;
use kaishin_proto::value::Version;

use super::{AppError, Cx};

/// Different values of one version that are shown; the rest are counted together.
const SHOWN: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    pub field: Field,
    /// The least that is wanted; none where the profile names none.
    pub target: Option<String>,
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
    let of = |(key, target): (String, Option<String>)| {
        let field = Field::find(&key)?;
        let facets = cx.app.index.facets(&Expr::Always, field, SHOWN, cx.now());
        let below = |text: &str| target.as_deref().is_some_and(|target| is_below(text, target));
        let value = |(text, count): (String, u64)| Value {
            below: below(&text),
            text,
            count,
        };
        let mut values: Vec<Value> = facets.values.into_iter().map(value).collect();
        values.sort_by_cached_key(|value| std::cmp::Reverse(Version::parse(&value.text)));
        Some(Spread {
            field,
            others: facets.other,
            unknown: facets.unknown,
            target,
            values,
        })
    };
    Ok(wanted(&in_force.profile, in_force.built_in)
        .into_iter()
        .filter_map(of)
        .collect())
}

fn is_below(text: &str, target: &str) -> bool {
    match (Version::parse(text), Version::parse(target)) {
        (Some(is), Some(wanted)) => is < wanted,
        (_, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_looked_at_is_a_fact_and_versions_compare_as_versions() {
        for (key, _) in wanted(&Profile::built_in(), true) {
            assert!(Field::find(&key).is_some(), "{key}");
        }
        assert!(is_below("2.9", "2.10") && !is_below("2.10.0", "2.10") && !is_below("?", "1"));
    }
}
