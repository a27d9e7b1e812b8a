//! What a filter or a rule can ask about: the catalogue's facts and a terminal's own fields.

use kaishin_proto::fact::{self, Fact, Type};

use crate::fold::fold;

/// One thing that is known of a terminal.
#[derive(Clone, Copy, Debug)]
pub enum Field {
    Fact(&'static Fact),
    Id,
    Hostname,
    Institution,
    Online,
    LastSeen,
    State,
    Fault,
}

/// How a terminal stands with the server. `Active` is a terminal with none of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standing {
    Active,
    Revoked,
    Duplicate,
    Incompatible,
}

impl Standing {
    pub const ALL: [Standing; 4] = [
        Standing::Active,
        Standing::Revoked,
        Standing::Duplicate,
        Standing::Incompatible,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Standing::Active => "active",
            Standing::Revoked => "revoked",
            Standing::Duplicate => "duplicate",
            Standing::Incompatible => "incompatible",
        }
    }

    pub fn parse(text: &str) -> Option<Standing> {
        Standing::ALL.into_iter().find(|standing| standing.name() == text)
    }
}

/// What kind of value a field is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Truth,
    Number,
    Text,
    Version,
    Time,
    Duration,
    Size,
    /// Several texts; a comparison asks for one of them.
    Several,
    Standing,
}

/// The terminal's own fields, which are not facts that an agent reports.
const OWN: &[(Field, &str, &str, &str)] = &[
    (Field::Id, "id", "端末ID", "Terminal id"),
    (Field::Hostname, "hostname", "コンピューター名", "Computer name"),
    (
        Field::Institution,
        "institution",
        "医療機関等コード",
        "Institution code",
    ),
    (Field::Online, "online", "オンライン", "Online"),
    (Field::LastSeen, "last_seen", "最終接続", "Last seen"),
    (Field::State, "state", "状態", "State"),
    (Field::Fault, "fault", "不具合", "Fault"),
];

/// Short names that people say.
const ALIASES: &[(&str, &str)] = &[
    ("maker", "hardware.manufacturer"),
    ("manufacturer", "hardware.manufacturer"),
    ("model", "hardware.model"),
    ("serial", "hardware.serial"),
    ("build", "os.build"),
    ("faults", "fault"),
];

impl Field {
    pub fn find(name: &str) -> Option<Field> {
        let name = fold(name);
        let name = ALIASES
            .iter()
            .find(|(alias, _)| *alias == name)
            .map_or(name.as_str(), |(_, key)| key);
        OWN.iter()
            .find(|own| own.1 == name)
            .map(|own| own.0)
            .or_else(|| fact::find(name).map(Field::Fact))
    }

    /// Every field, the terminal's own first.
    pub fn all() -> impl Iterator<Item = Field> {
        OWN.iter().map(|own| own.0).chain(fact::all().map(Field::Fact))
    }

    pub fn name(self) -> &'static str {
        self.words().0
    }

    pub fn ja(self) -> &'static str {
        self.words().1
    }

    pub fn en(self) -> &'static str {
        self.words().2
    }

    fn words(self) -> (&'static str, &'static str, &'static str) {
        if let Field::Fact(fact) = self {
            return (fact.key, fact.ja, fact.en);
        }
        OWN.iter()
            .find(|own| own.0 == self)
            .map_or(("", "", ""), |own| (own.1, own.2, own.3))
    }

    pub fn kind(self) -> Kind {
        match self {
            Field::Id | Field::Hostname | Field::Institution => Kind::Text,
            Field::Online => Kind::Truth,
            Field::LastSeen => Kind::Time,
            Field::State => Kind::Standing,
            Field::Fault => Kind::Several,
            Field::Fact(fact) => match fact.kind {
                Type::Truth => Kind::Truth,
                Type::Number => Kind::Number,
                Type::Text => Kind::Text,
                Type::Version => Kind::Version,
                Type::Time => Kind::Time,
                Type::Duration => Kind::Duration,
                Type::Size => Kind::Size,
                Type::List | Type::Table => Kind::Several,
            },
        }
    }

    /// Whether filters, columns and facets may ask for it.
    pub fn indexed(self) -> bool {
        match self {
            Field::Fact(fact) => fact.indexed,
            Field::Id
            | Field::Hostname
            | Field::Institution
            | Field::Online
            | Field::LastSeen
            | Field::State
            | Field::Fault => true,
        }
    }

    fn place(self) -> (u8, &'static str) {
        match self {
            Field::Id => (0, ""),
            Field::Hostname => (1, ""),
            Field::Institution => (2, ""),
            Field::Online => (3, ""),
            Field::LastSeen => (4, ""),
            Field::State => (5, ""),
            Field::Fault => (6, ""),
            Field::Fact(fact) => (7, fact.key),
        }
    }
}

impl PartialEq for Field {
    fn eq(&self, other: &Field) -> bool {
        self.place() == other.place()
    }
}
impl Eq for Field {}

/// The fields that a mistyped name may have meant: same beginning or same ending.
pub(super) fn alike(name: &str) -> Vec<&'static str> {
    let name = fold(name);
    let last = name.rsplit('.').next().unwrap_or(&name).to_owned();
    let mut near: Vec<&'static str> = Field::all()
        .map(Field::name)
        .filter(|key| {
            let end = key.rsplit('.').next().unwrap_or(key);
            !last.is_empty() && (end.starts_with(&last) || last.starts_with(end) || key.starts_with(&name))
        })
        .collect();
    near.truncate(5);
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_name_and_has_words() {
        for field in Field::all() {
            assert_eq!(Field::find(field.name()), Some(field));
            assert!(!field.ja().is_empty() && !field.en().is_empty(), "{}", field.name());
        }
        for (alias, key) in ALIASES {
            assert_eq!(Field::find(alias), Field::find(key), "{alias}");
            assert!(Field::find(key).is_some(), "{key}");
        }
        assert_eq!(Field::find("ＯＮＬＩＮＥ"), Some(Field::Online));
        assert_eq!(Field::find("os.colour"), None);
    }

    #[test]
    fn a_mistyped_name_finds_its_neighbours() {
        assert!(alike("host").contains(&"hostname"));
        assert!(alike("hardware.mod").contains(&"hardware.model"));
    }
}
