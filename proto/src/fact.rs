//! The fact catalogue: every fact there is, with its type, words and whether it is indexed. A fact is a row here and an
//! arm in its section's collector; storage, filters, columns, pages and rules follow from the row.

mod catalogue;

pub use catalogue::SECTIONS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    Truth,
    Number,
    Text,
    Version,
    Time,
    Duration,
    Size,
    List,
    Table,
}

#[derive(Clone, Copy, Debug)]
pub struct Fact {
    /// `section.name`; stable for ever.
    pub key: &'static str,
    pub kind: Type,
    pub ja: &'static str,
    pub en: &'static str,
    /// The protocol minor that first carried it.
    pub since: u32,
    /// Filters, facets and columns can ask for it.
    pub indexed: bool,
    /// Whether its changes are kept: not those that change of themselves.
    pub history: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Section {
    pub name: &'static str,
    pub ja: &'static str,
    pub en: &'static str,
    pub facts: &'static [Fact],
}

pub fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}

pub fn find(key: &str) -> Option<&'static Fact> {
    let (name, _) = key.split_once('.')?;
    section(name)?.facts.iter().find(|fact| fact.key == key)
}

pub fn all() -> impl Iterator<Item = &'static Fact> {
    SECTIONS.iter().flat_map(|section| section.facts)
}

impl Type {
    /// Whether a value is of this type; unknown is of every type.
    pub fn holds(self, value: &crate::value::Value) -> bool {
        use crate::value::Value as V;
        match value {
            V::Truth(_) => self == Type::Truth,
            V::Number(_) => self == Type::Number,
            V::Text(_) => self == Type::Text,
            V::Version(_) => self == Type::Version,
            V::Time(_) => self == Type::Time,
            V::Duration(_) => self == Type::Duration,
            V::Size(_) => self == Type::Size,
            V::List(_) => self == Type::List,
            V::Table(_) => self == Type::Table,
            V::Unknown(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_belongs_to_its_section_and_stands_once() {
        let mut seen = std::collections::BTreeSet::new();
        for section in SECTIONS {
            for fact in section.facts {
                assert_eq!(
                    fact.key.split_once('.').map(|(name, _)| name),
                    Some(section.name),
                    "{}",
                    fact.key
                );
                assert!(seen.insert(fact.key), "{} stands twice", fact.key);
                assert!(!fact.ja.is_empty() && !fact.en.is_empty(), "{} needs words", fact.key);
                assert_eq!(find(fact.key).map(|found| found.key), Some(fact.key));
            }
        }
    }
}
