//! What the terminal profile says, put by name into texts that are data: `$edge.delegate.version`. Rules and procedures
//! name it alike, so that a target version stands in one place.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kaishin_proto::profile::Profile;

/// A profile may leave these out; what measures against one that is left out sleeps.
const MAY_BE_MISSING: &str = "latest.";

pub(crate) struct Constants {
    values: BTreeMap<String, String>,
    conditions: BTreeMap<&'static str, String>,
}

/// What a text came to once its constants were put in.
pub(crate) enum Filled {
    Text(String),
    /// The profile leaves one out that may be left out.
    Asleep,
}

/// The profile has nothing by the name after a `$`.
#[derive(Debug)]
pub(crate) struct NoSuchName;

impl Constants {
    pub fn of(profile: &Profile) -> Constants {
        Constants {
            values: profile.constants(),
            conditions: profile.conditions(),
        }
    }

    /// Puts in what the profile says for each `$name`. In a condition it becomes one quoted word, or a part of the one that
    /// it stands in.
    pub fn fill(&self, text: &str, condition: bool) -> Result<Filled, NoSuchName> {
        let mut filled = String::new();
        let mut quoted = false;
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            if c != '$' {
                quoted ^= c == '"';
                filled.push(c);
                continue;
            }
            let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_');
            let end = rest.find(|c| !name(c)).unwrap_or(rest.len());
            let name = rest[..end].trim_end_matches('.');
            rest = &rest[name.len()..];
            if let Some(whole) = self.conditions.get(name).filter(|_| condition && !quoted) {
                let _ = write!(filled, "({whole})");
                continue;
            }
            match self.values.get(name) {
                Some(value) if condition => {
                    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                    let quote = if quoted { "" } else { "\"" };
                    let _ = write!(filled, "{quote}{value}{quote}");
                }
                Some(value) => filled.push_str(value),
                None if name.starts_with(MAY_BE_MISSING) => return Ok(Filled::Asleep),
                None => return Err(NoSuchName),
            }
        }
        Ok(Filled::Text(filled))
    }
}
