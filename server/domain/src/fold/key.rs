//! The key by which names, addresses and codes are found: whoever types `ｻｸﾗ`, `さくら` or `サクラ` means the same clinic.

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

/// Words of law that nobody says on the phone, longest first, in the form that the other steps leave them in.
const LEGAL_FORMS: [&str; 27] = [
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
    "(医社)",
    "(医財)",
    "(医)",
    "(社)",
    "(財)",
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

/// The same, to be looked up: every name of a register goes through it several times.
static USUAL: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
    let each = |(variants, usual): &(&'static str, char)| {
        variants
            .chars()
            .map(move |variant| (variant, *usual))
            .collect::<Vec<_>>()
    };
    let mut usual: Vec<(char, char)> = VARIANTS.iter().flat_map(each).collect();
    usual.sort_unstable();
    usual
});

/// NFKC, lower case, hiragana, one form of each variant kanji and of every dash and long mark; without the words of law,
/// spaces, middle dots and what is not seen. What is nothing but words of law keeps them, so that it can be looked for.
pub fn search_key(text: &str) -> String {
    search_keys(text).0
}

/// The key, and the same with its words of law where it has any besides.
pub fn search_keys(text: &str) -> (String, Option<String>) {
    let whole = settled(text);
    let bare = without_law(&whole);
    if bare.is_empty() || bare == whole {
        (whole, None)
    } else {
        (bare, Some(whole))
    }
}

/// Whether a key has nothing in it but words of law.
pub fn is_law(key: &str) -> bool {
    !key.is_empty() && without_law(key).is_empty()
}

fn without_law(key: &str) -> String {
    let mut key = key.to_owned();
    // Taking one out may bring the halves of another together.
    while let Some(form) = LEGAL_FORMS.iter().find(|form| key.contains(**form)) {
        key = settled(&key.replace(form, ""));
    }
    key
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
    let mut key = String::with_capacity(text.len());
    let mut before = ' ';
    let seen = |c: &char| !c.is_whitespace() && !c.is_control() && *c != '・' && !is_unseen(*c);
    for c in text.nfkc().flat_map(char::to_lowercase).filter(seen) {
        let c = match dash(variant(hiragana(c))) {
            // 緑ヶ丘, 緑ケ丘 and 緑が丘 are one place.
            'け' if is_kanji(before) => 'が',
            c => c,
        };
        key.push(c);
        before = c;
    }
    key
}

/// Which drawing of a character is meant, and marks without width: two names that look the same are the same.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

fn is_kanji(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '々' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
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
    let found = USUAL.binary_search_by_key(&c, |(variant, _)| *variant);
    found.ok().and_then(|at| USUAL.get(at)).map_or(c, |(_, usual)| *usual)
}

/// One form of every dash, long mark and tilde, of whatever width.
pub fn dash(c: char) -> char {
    match c {
        '-' | '~' | 'ー' | '〜' | '−' | '─' | '━' | '‐'..='―' | '⁓' | '﹘' | '﹣' | '⸺' | '⸻' | 'ｰ' | '－' | '～' => {
            '-'
        }
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
            ("霞ケ関", "霞ヶ関"),
            ("緑が丘", "緑ヶ丘"),
            ("緑け丘", "緑ヶ丘"),
            ("辻クリニック", "辻\u{e0100}クリニック"),
            ("辻クリニック", "辻\u{200b}クリニック"),
            ("（医）みどり会", "医療法人みどり会"),
            ("㈶みどり会", "みどり会"),
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
        assert_eq!(search_key("医療法人社団"), "医療法人社団");
        assert!(is_law(&search_key("(医)社団")) && !is_law("さくら") && !is_law(""));
        let with_law = |text: &str| search_keys(text).1;
        assert_eq!(with_law("医療法人社団 さくら").as_deref(), Some("医療法人社団さくら"));
        assert_eq!((with_law("さくら"), with_law("医療法人社団")), (None, None));
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
