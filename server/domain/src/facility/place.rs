//! The 47 prefectures by their number.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::fold::search_key;
use crate::words::Words;

const NAMES: [(&str, &str); 47] = [
    ("北海道", "Hokkaido"),
    ("青森県", "Aomori"),
    ("岩手県", "Iwate"),
    ("宮城県", "Miyagi"),
    ("秋田県", "Akita"),
    ("山形県", "Yamagata"),
    ("福島県", "Fukushima"),
    ("茨城県", "Ibaraki"),
    ("栃木県", "Tochigi"),
    ("群馬県", "Gunma"),
    ("埼玉県", "Saitama"),
    ("千葉県", "Chiba"),
    ("東京都", "Tokyo"),
    ("神奈川県", "Kanagawa"),
    ("新潟県", "Niigata"),
    ("富山県", "Toyama"),
    ("石川県", "Ishikawa"),
    ("福井県", "Fukui"),
    ("山梨県", "Yamanashi"),
    ("長野県", "Nagano"),
    ("岐阜県", "Gifu"),
    ("静岡県", "Shizuoka"),
    ("愛知県", "Aichi"),
    ("三重県", "Mie"),
    ("滋賀県", "Shiga"),
    ("京都府", "Kyoto"),
    ("大阪府", "Osaka"),
    ("兵庫県", "Hyogo"),
    ("奈良県", "Nara"),
    ("和歌山県", "Wakayama"),
    ("鳥取県", "Tottori"),
    ("島根県", "Shimane"),
    ("岡山県", "Okayama"),
    ("広島県", "Hiroshima"),
    ("山口県", "Yamaguchi"),
    ("徳島県", "Tokushima"),
    ("香川県", "Kagawa"),
    ("愛媛県", "Ehime"),
    ("高知県", "Kochi"),
    ("福岡県", "Fukuoka"),
    ("佐賀県", "Saga"),
    ("長崎県", "Nagasaki"),
    ("熊本県", "Kumamoto"),
    ("大分県", "Oita"),
    ("宮崎県", "Miyazaki"),
    ("鹿児島県", "Kagoshima"),
    ("沖縄県", "Okinawa"),
];

static SPELLINGS: LazyLock<HashMap<String, Prefecture>> = LazyLock::new(|| {
    let mut all = HashMap::new();
    for prefecture in Prefecture::all() {
        let Words { ja, en } = prefecture.words();
        let short = ja.strip_suffix(['都', '府', '県']).unwrap_or(&ja);
        all.extend([ja.as_str(), short, &en].map(|name| (search_key(name), prefecture)));
    }
    all
});

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Prefecture(u8);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("prefectures are numbered 1 to 47")]
pub struct NoSuchPrefecture;

impl TryFrom<u8> for Prefecture {
    type Error = NoSuchPrefecture;
    fn try_from(number: u8) -> Result<Prefecture, NoSuchPrefecture> {
        match number {
            1..=47 => Ok(Prefecture(number)),
            _ => Err(NoSuchPrefecture),
        }
    }
}

impl From<Prefecture> for u8 {
    fn from(prefecture: Prefecture) -> u8 {
        prefecture.0
    }
}

impl Prefecture {
    pub fn all() -> impl Iterator<Item = Prefecture> {
        (1..=47).map(Prefecture)
    }

    pub fn number(self) -> u8 {
        self.0
    }

    /// As it stands in an institution code: 51 to 97 mean the same as 1 to 47.
    pub fn from_code(digits: u8) -> Option<Prefecture> {
        let number = if digits > 50 { digits - 50 } else { digits };
        Prefecture::try_from(number).ok()
    }

    pub fn words(self) -> Words {
        let (ja, en) = NAMES.get(usize::from(self.0) - 1).copied().unwrap_or_default();
        Words::new(ja, en)
    }

    /// By number, by name with or without 都, 道, 府 or 県, or in Latin letters.
    pub fn read(text: &str) -> Option<Prefecture> {
        let key = search_key(text);
        if let Ok(number) = key.parse::<u8>() {
            return Prefecture::from_code(number);
        }
        SPELLINGS.get(&key).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefectures_are_read_by_number_and_by_name() {
        for (text, number) in [
            ("13", 13),
            ("63", 13),
            ("01", 1),
            ("東京都", 13),
            ("東京", 13),
            ("Tokyo", 13),
            ("京都", 26),
            ("京都府", 26),
            ("北海道", 1),
            ("ＯＫＩＮＡＷＡ", 47),
        ] {
            assert_eq!(Prefecture::read(text).map(Prefecture::number), Some(number), "{text}");
        }
        for text in ["", "0", "48", "50", "98", "江戸"] {
            assert_eq!(Prefecture::read(text), None, "{text}");
        }
    }

    #[test]
    fn every_prefecture_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<String> = Prefecture::all().map(|one| one.words().ja).collect();
        assert_eq!(names.len(), 47);
    }
}
