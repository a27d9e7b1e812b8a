//! The fact catalogue: every fact there is, with its type, words and whether it is indexed. A fact is a row here and an
//! arm in its section's collector; storage, filters, columns, pages and rules follow from the row.

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
}

#[derive(Clone, Copy, Debug)]
pub struct Section {
    pub name: &'static str,
    pub ja: &'static str,
    pub en: &'static str,
    pub facts: &'static [Fact],
}

const fn fact(key: &'static str, kind: Type, ja: &'static str, en: &'static str) -> Fact {
    Fact {
        key,
        kind,
        ja,
        en,
        since: 0,
        indexed: true,
    }
}

const fn plain(key: &'static str, kind: Type, ja: &'static str, en: &'static str) -> Fact {
    Fact {
        key,
        kind,
        ja,
        en,
        since: 0,
        indexed: false,
    }
}

use Type::{Number, Size, Text, Time, Truth, Version};

pub const SECTIONS: &[Section] = &[
    Section {
        name: "agent",
        ja: "エージェント",
        en: "Agent",
        facts: &[
            fact("agent.version", Version, "エージェントの版数", "Agent version"),
            plain("agent.started", Time, "エージェントの起動日時", "Agent started"),
            fact("agent.platform", Text, "動作環境", "Platform"),
        ],
    },
    Section {
        name: "os",
        ja: "OS",
        en: "Operating system",
        facts: &[
            fact("os.hostname", Text, "コンピューター名", "Computer name"),
            fact("os.product", Text, "製品名", "Product"),
            fact("os.edition", Text, "エディション", "Edition"),
            fact("os.version", Version, "OSの版数", "OS version"),
            fact("os.build", Number, "ビルド番号", "Build"),
            fact("os.revision", Number, "更新リビジョン (UBR)", "Update revision (UBR)"),
            plain("os.installed", Time, "インストール日時", "Installed"),
        ],
    },
    Section {
        name: "hardware",
        ja: "機器",
        en: "Hardware",
        facts: &[
            fact("hardware.manufacturer", Text, "メーカー", "Manufacturer"),
            fact("hardware.model", Text, "機種", "Model"),
            fact("hardware.product", Text, "製品番号", "Product number"),
            fact("hardware.serial", Text, "製造番号", "Serial number"),
            fact("hardware.uuid", Text, "機器の識別番号 (UUID)", "Machine UUID"),
            fact("hardware.bios", Text, "BIOSの版数", "BIOS version"),
            fact("hardware.memory", Size, "メモリー", "Memory"),
        ],
    },
    Section {
        name: "boot",
        ja: "起動",
        en: "Boot",
        facts: &[
            fact("boot.time", Time, "最後に起動した日時", "Last boot"),
            plain("boot.id", Text, "起動の識別番号", "Boot id"),
            fact("boot.restart_pending", Truth, "再起動待ち", "Restart pending"),
        ],
    },
    Section {
        name: "power",
        ja: "電源",
        en: "Power",
        facts: &[
            fact("power.fast_startup", Truth, "高速スタートアップ", "Fast startup"),
            fact("power.hibernate", Truth, "休止状態", "Hibernation"),
        ],
    },
];

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
