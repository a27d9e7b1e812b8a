//! The key by which names, addresses and codes are found: whoever types `ｻｸﾗ`, `さくら` or `サクラ` means the same clinic.

use unicode_normalization::UnicodeNormalization;

/// Words of law that nobody says on the phone, longest first, in the form that the other steps leave them in.
const LEGAL_FORMS: [&str; 22] = [
    "いりょうほうじんしゃだん",
    "いりょうほうじんざいだん",
    "いりょうほうじん",
    "かぶしきがいしゃ",
    "かぶしきかいしゃ",
    "ゆうげんがいしゃ",
    "特定医療法人",
    "社会医療法人",
    "一般社団法人",
    "公益社団法人",
    "一般財団法人",
    "公益財団法人",
    "医療法人",
    "社団法人",
    "財団法人",
    "株式会社",
    "有限会社",
    "合同会社",
    "社団",
    "財団",
    "(株)",
    "(有)",
];

/// Characters that are written one way in the register and another way on the sign.
const VARIANTS: [(&str, char); 44] = [
    ("髙", '高'),
    ("﨑嵜碕埼", '崎'),
    ("濵濱", '浜'),
    ("邊邉", '辺'),
    ("齋齊斎", '斉'),
    ("澤", '沢'),
    ("廣", '広'),
    ("國", '国'),
    ("櫻", '桜'),
    ("龍", '竜'),
    ("瀧", '滝'),
    ("嶋嶌", '島'),
    ("槇", '槙'),
    ("德", '徳'),
    ("惠", '恵'),
    ("眞", '真'),
    ("壽", '寿'),
    ("學", '学'),
    ("應", '応'),
    ("會", '会'),
    ("舘", '館'),
    ("條", '条'),
    ("榮", '栄'),
    ("曾", '曽'),
    ("富冨", '富'),
    ("吉𠮷", '吉'),
    ("桒", '桑'),
    ("彌", '弥'),
    ("藏", '蔵'),
    ("豐", '豊'),
    ("團", '団'),
    ("圓", '円'),
    ("靜", '静'),
    ("鐵", '鉄'),
    ("假", '仮'),
    ("關", '関'),
    ("醫", '医'),
    ("齒", '歯'),
    ("藥", '薬'),
    ("縣", '県'),
    ("區", '区'),
    ("劒劔剱釼", '剣'),
    ("菴", '庵'),
    ("ヶゖ", 'け'),
];

/// NFKC, lower case, hiragana, one form of each variant kanji and of every dash and long mark; without the words of law,
/// spaces and middle dots. What is nothing but such words keeps them, so that it can still be looked for.
pub fn search_key(text: &str) -> String {
    let mut key = settled(text);
    // Taking one out may bring the halves of another together.
    while let Some(form) = LEGAL_FORMS.iter().find(|form| key.contains(**form)) {
        let rest = settled(&key.replace(form, ""));
        if rest.is_empty() {
            break;
        }
        key = rest;
    }
    key
}

/// A query's words, each as a key: all of them must be there.
pub fn search_words(query: &str) -> Vec<String> {
    query
        .split_whitespace()
        .map(search_key)
        .filter(|key| !key.is_empty())
        .collect()
}

/// Folding one character may make two neighbours join in NFKC, so it goes on until nothing changes.
fn settled(text: &str) -> String {
    let mut now = folded_once(text);
    if now.is_ascii() {
        return now;
    }
    for _ in 0..4 {
        let again = folded_once(&now);
        if again == now {
            break;
        }
        now = again;
    }
    now
}

fn folded_once(text: &str) -> String {
    if text.is_ascii() {
        return text
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace() && !byte.is_ascii_control())
            .map(|byte| dash(char::from(byte.to_ascii_lowercase())))
            .collect();
    }
    text.nfkc()
        .flat_map(char::to_lowercase)
        .filter(|c| !c.is_whitespace() && !c.is_control() && *c != '・')
        .map(|c| dash(variant(hiragana(c))))
        .collect()
}

fn hiragana(c: char) -> char {
    match c {
        'ァ'..='ヶ' | 'ヽ' | 'ヾ' => char::from_u32(u32::from(c) - 0x60).unwrap_or(c),
        c => c,
    }
}

fn variant(c: char) -> char {
    // Everything before CJK ideographs but the small け has one form.
    if c < '\u{3400}' && c != 'ゖ' {
        return c;
    }
    VARIANTS
        .iter()
        .find(|(variants, _)| variants.contains(c))
        .map_or(c, |(_, usual)| *usual)
}

fn dash(c: char) -> char {
    match c {
        '-' | '~' | 'ー' | '〜' | '−' | '─' | '━' | '‐'..='―' | '⁓' | '﹘' | '⸺' | '⸻' => '-',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_type_finds_what_is_registered() {
        for (typed, registered) in [
            ("ｻｸﾗ", "さくら"),
            ("さくらクリニック", "医療法人社団 サクラクリニック"),
            ("高崎歯科", "髙﨑歯科"),
            ("渡辺", "渡邊"),
            ("渡辺", "渡邉"),
            ("斉藤", "齋藤"),
            ("斎藤", "齊藤"),
            ("浜田薬局", "株式会社　濵田薬局"),
            ("すーぱー薬局", "スーパー薬局"),
            ("ｽ-ﾊﾟ-薬局", "スーパー薬局"),
            ("霞が関".replace('が', "ケ").as_str(), "霞ヶ関"),
            ("(株)みどり", "㈱みどり"),
            ("ＡＢＣ薬局", "abc薬局"),
            ("いしい医院", "いし い・医院"),
            ("1丁目2-3", "１丁目２－３"),
            ("1丁目2−3", "1丁目2‐3"),
        ] {
            assert_eq!(search_key(typed), search_key(registered), "{typed} {registered}");
        }
        assert_ne!(search_key("東歯科"), search_key("西歯科"));
    }

    #[test]
    fn a_word_of_law_alone_is_still_a_word() {
        assert_eq!(search_key("医療法人"), "医療法人");
        assert_eq!(search_words(" 東京　ｻｸﾗ "), ["東京", "さくら"]);
        assert!(search_words(" 　・ ").is_empty());
    }

    proptest! {
        #[test]
        fn a_key_of_a_key_is_the_key(text in "\\PC*") {
            let once = search_key(&text);
            prop_assert_eq!(search_key(&once), once);
        }

        #[test]
        fn of_japanese_too(text in "[ｦ-ﾟァ-ヾぁ-ゖ゙゚医療法人社団財株式会髙﨑濵邊齋（㈱）－ー〜 　・A-Za-z0-9]{0,20}") {
            let once = search_key(&text);
            prop_assert_eq!(search_key(&once), once);
        }

        #[test]
        fn case_width_and_kana_never_part_words(text in "[ァ-ヴA-Za-z0-9]{0,20}") {
            let hiragana: String = text.chars().map(hiragana).collect();
            let wide: String = text.chars().map(|c| if c.is_ascii_graphic() {
                char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c)
            } else { c }).collect();
            prop_assert_eq!(search_key(&text), search_key(&hiragana));
            prop_assert_eq!(search_key(&text), search_key(&wide));
            prop_assert_eq!(search_key(&text), search_key(&text.to_lowercase()));
        }
    }
}
