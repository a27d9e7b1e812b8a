//! What may be chosen for a facility: stable names for machines, words for people, and what ledgers write.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::fold::search_key;
use crate::words::Words;

/// Each variant: stable name, Japanese, English, and other spellings that ledgers use.
macro_rules! choices {
    ($($(#[$doc:meta])* $enum:ident { $($(#[$note:meta])* $variant:ident: $name:literal, $ja:literal, $en:literal, [$($also:literal),*];)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $enum { $($(#[$note])* $variant,)* }

        impl $enum {
            pub const ALL: &[$enum] = &[$($enum::$variant,)*];

            pub fn name(self) -> &'static str {
                match self { $($enum::$variant => $name,)* }
            }

            pub fn words(self) -> Words {
                match self { $($enum::$variant => Words::new($ja, $en),)* }
            }

            /// By stable name, by either language's word, or as ledgers write it.
            pub fn read(text: &str) -> Option<$enum> {
                static SPELLINGS: LazyLock<HashMap<String, $enum>> = LazyLock::new(|| {
                    let mut all = HashMap::new();
                    $(for spelling in [$name, $ja, $en, $($also),*] {
                        all.insert(search_key(spelling), $enum::$variant);
                    })*
                    all
                });
                SPELLINGS.get(&search_key(text)).copied()
            }
        }
    )*};
}

choices! {
    Kind {
        Hospital: "hospital", "病院", "Hospital", ["総合病院"];
        Clinic: "clinic", "診療所", "Clinic", ["医院", "クリニック", "医科", "医科診療所"];
        Dental: "dental", "歯科", "Dental", ["歯科診療所", "歯科医院", "dentist"];
        Pharmacy: "pharmacy", "薬局", "Pharmacy", ["調剤", "調剤薬局", "保険薬局"];
        Other: "other", "その他", "Other", ["訪問看護", "訪問看護ステーション", "施術所"];
    }

    /// How the line reaches the qualification network.
    Line {
        IpVpn: "ip-vpn", "IP-VPN（光回線）", "IP-VPN", ["IP-VPN接続方式", "IP-VPN方式", "IPVPN", "光回線", "閉域"];
        IpsecIke: "ipsec-ike", "IPsec+IKE", "IPsec+IKE", ["IPsec", "IPsec+IKEサービス", "インターネット接続方式", "IPsec＋IKE"];
        Other: "other", "その他", "Other", [];
    }

    /// Where downloads start from; proxy and delivery settings follow from it.
    Topology {
        Base: "base", "配信拠点起点", "From the distribution base", ["配信拠点", "拠点起点", "閉域網"];
        Operator: "operator", "ネットワーク事業者起点", "From the network operator", ["事業者起点", "ネットワーク事業者"];
        Clinic: "clinic", "医療機関等起点", "From the facility's own network", ["医療機関起点", "医療機関等", "クラウド", "cloud"];
    }

    /// The facility's choice for Windows Update.
    UpdateChoice {
        Manual: "manual", "手動", "Manual", ["手動更新"];
        Automatic: "automatic", "自動", "Automatic", ["自動更新", "auto"];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_read_back_from_every_word_they_have() {
        for kind in Kind::ALL {
            for text in [kind.name().to_owned(), kind.words().ja, kind.words().en] {
                assert_eq!(Kind::read(&text), Some(*kind), "{text}");
            }
            let json = serde_json::to_string(kind).unwrap();
            assert_eq!(json, format!("\"{}\"", kind.name()));
        }
        for line in Line::ALL {
            assert_eq!(Line::read(&line.words().ja), Some(*line));
        }
        for topology in Topology::ALL {
            assert_eq!(Topology::read(&topology.words().en), Some(*topology));
        }
        for choice in UpdateChoice::ALL {
            assert_eq!(UpdateChoice::read(choice.name()), Some(*choice));
        }
    }

    #[test]
    fn what_is_not_a_choice_is_not_guessed() {
        assert_eq!(Kind::read("クリーニング"), None);
        assert_eq!(Kind::read(""), None);
        assert_eq!(Line::read("ｉｐ－ｖｐｎ"), Some(Line::IpVpn));
        assert_eq!(Topology::read("クラウド"), Some(Topology::Clinic));
    }
}
