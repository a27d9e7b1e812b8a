//! The one list of what a ledger may say of a facility: column titles, reading, writing, clearing.

use std::borrow::Cow;

use super::hours::BadHours;
use super::{BadCode, BadPhone, Code10, Facility, Hours, Kind, Line, Phone, Prefecture, Topology, UpdateChoice};
use crate::fold::search_key;
use crate::formula;
use crate::words::Words;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    Code,
    Name,
    Kana,
    Kind,
    Prefecture,
    Address,
    Phones,
    Contact,
    Hours,
    Carrier,
    Line,
    Provider,
    Topology,
    Reader,
    UpdateChoice,
    SharedReceipt,
    Notes,
}

/// Why a field does not take a value. `code` is stable; the words say what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadField {
    Code(BadCode),
    /// Code and name cannot be cleared.
    Required,
    TooLong(usize),
    Choice(Field),
    Prefecture,
    YesOrNo,
    Phone(BadPhone),
    Hours(BadHours),
}

impl Field {
    pub const ALL: [Field; 17] = [
        Field::Code,
        Field::Name,
        Field::Kana,
        Field::Kind,
        Field::Prefecture,
        Field::Address,
        Field::Phones,
        Field::Contact,
        Field::Hours,
        Field::Carrier,
        Field::Line,
        Field::Provider,
        Field::Topology,
        Field::Reader,
        Field::UpdateChoice,
        Field::SharedReceipt,
        Field::Notes,
    ];

    /// In JSON, and as a column's title in a file.
    pub fn name(self) -> &'static str {
        match self {
            Field::Code => "code",
            Field::Name => "name",
            Field::Kana => "kana",
            Field::Kind => "kind",
            Field::Prefecture => "prefecture",
            Field::Address => "address",
            Field::Phones => "phones",
            Field::Contact => "contact",
            Field::Hours => "hours",
            Field::Carrier => "carrier",
            Field::Line => "line",
            Field::Provider => "provider",
            Field::Topology => "topology",
            Field::Reader => "reader",
            Field::UpdateChoice => "update_choice",
            Field::SharedReceipt => "shared_receipt",
            Field::Notes => "notes",
        }
    }

    /// What it is called, in Japanese and English, wherever it is shown.
    pub fn labels(self) -> (&'static str, &'static str) {
        match self {
            Field::Code => ("医療機関コード", "Institution code"),
            Field::Name => ("名称", "Name"),
            Field::Kana => ("カナ", "Kana"),
            Field::Kind => ("種別", "Kind"),
            Field::Prefecture => ("都道府県", "Prefecture"),
            Field::Address => ("住所", "Address"),
            Field::Phones => ("電話番号", "Telephone"),
            Field::Contact => ("担当者", "Contact"),
            Field::Hours => ("診療時間", "Opening hours"),
            Field::Carrier => ("担当会社", "Carrier"),
            Field::Line => ("回線種別", "Line"),
            Field::Provider => ("回線事業者", "Line provider"),
            Field::Topology => ("配信構成", "Topology"),
            Field::Reader => ("顔認証付きカードリーダー", "Card reader"),
            Field::UpdateChoice => ("Windows Updateの方法", "Windows Update"),
            Field::SharedReceipt => ("レセコン兼用", "Shared receipt computer"),
            Field::Notes => ("備考", "Notes"),
        }
    }

    pub fn words(self) -> Words {
        let (ja, en) = self.labels();
        Words::new(ja, en)
    }

    /// Other titles that ledgers give the column.
    fn also(self) -> &'static [&'static str] {
        match self {
            Field::Code => &[
                "医療機関等コード",
                "保険医療機関コード",
                "施設コード",
                "institution_code",
                "code10",
                "facility code",
            ],
            Field::Name => &[
                "医療機関名",
                "医療機関名称",
                "施設名",
                "医療機関等名称",
                "facility",
                "facility name",
            ],
            Field::Kana => &[
                "フリガナ",
                "ふりがな",
                "名称カナ",
                "施設名カナ",
                "医療機関名カナ",
                "name_kana",
            ],
            Field::Kind => &["区分", "施設区分", "施設種別", "type"],
            Field::Prefecture => &["都道府県名", "都道府県コード", "県"],
            Field::Address => &["所在地", "所在地住所"],
            Field::Phones => &["電話", "TEL", "連絡先", "phone", "phone number", "telephone number"],
            Field::Contact => &["ご担当者", "窓口", "contact person"],
            Field::Hours => &["受付時間", "営業時間", "開局時間", "opening_hours"],
            Field::Carrier => &["通信会社", "契約会社"],
            Field::Line => &["回線", "接続方式", "line_kind", "line type"],
            Field::Provider => &["事業者", "接続事業者", "line_provider"],
            Field::Topology => &["構成", "ネットワーク構成", "起点"],
            Field::Reader => &["カードリーダー", "顔認証機器", "card_reader", "card reader model"],
            Field::UpdateChoice => &["更新方法", "Windows Update", "update", "windows_update"],
            Field::SharedReceipt => &["レセプトコンピューター兼用", "レセコン共用", "shared receipt"],
            Field::Notes => &["メモ", "note", "remarks"],
        }
    }

    /// Which field a column's title means.
    pub fn titled(title: &str) -> Option<Field> {
        let key = search_key(title);
        if key.is_empty() {
            return None;
        }
        Field::ALL.into_iter().find(|field| {
            let Words { ja, en } = field.words();
            [ja.as_str(), &en, field.name()]
                .iter()
                .chain(field.also())
                .any(|spelling| search_key(spelling) == key)
        })
    }

    pub fn named(name: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|field| field.name() == name)
    }

    fn longest(self) -> usize {
        if self == Field::Notes {
            2_000
        } else if matches!(self, Field::Hours | Field::Address) {
            500
        } else {
            200
        }
    }

    /// As it is exported and compared; None where nothing is known.
    pub fn text(self, of: &Facility) -> Option<String> {
        match self {
            Field::Code => Some(of.code.to_string()),
            Field::Name => Some(of.name.clone()),
            Field::Kana => of.kana.clone(),
            Field::Kind => of.kind.map(|kind| kind.words().ja),
            Field::Prefecture => of.prefecture.map(|prefecture| prefecture.words().ja),
            Field::Address => of.address.clone(),
            Field::Phones => {
                (!of.phones.is_empty()).then(|| of.phones.iter().map(Phone::raw).collect::<Vec<_>>().join(" / "))
            }
            Field::Contact => of.contact.clone(),
            Field::Hours => of.hours.as_ref().map(Hours::to_string),
            Field::Carrier => of.carrier.clone(),
            Field::Line => of.line.map(|line| line.words().ja),
            Field::Provider => of.provider.clone(),
            Field::Topology => of.topology.map(|topology| topology.words().ja),
            Field::Reader => of.reader.clone(),
            Field::UpdateChoice => of.update_choice.map(|choice| choice.words().ja),
            Field::SharedReceipt => of
                .shared_receipt
                .map(|yes| if yes { "はい" } else { "いいえ" }.to_owned()),
            Field::Notes => of.notes.clone(),
        }
    }

    /// Sets the field from a text that is not empty.
    pub fn put(self, on: &mut Facility, text: &str) -> Result<(), BadField> {
        let text = self.tidy(text)?;
        match self {
            Field::Code => on.code = Code10::read(&text).map_err(BadField::Code)?.0,
            Field::Name => on.name = text,
            Field::Kana => on.kana = Some(text),
            Field::Kind => on.kind = Some(Kind::read(&text).ok_or(BadField::Choice(self))?),
            Field::Prefecture => on.prefecture = Some(Prefecture::read(&text).ok_or(BadField::Prefecture)?),
            Field::Address => on.address = Some(text),
            Field::Phones => on.phones = Phone::read_all(&text).map_err(BadField::Phone)?,
            Field::Contact => on.contact = Some(text),
            Field::Hours => on.hours = Some(text.parse().map_err(BadField::Hours)?),
            Field::Carrier => on.carrier = Some(text),
            Field::Line => on.line = Some(Line::read(&text).ok_or(BadField::Choice(self))?),
            Field::Provider => on.provider = Some(text),
            Field::Topology => on.topology = Some(Topology::read(&text).ok_or(BadField::Choice(self))?),
            Field::Reader => on.reader = Some(text),
            Field::UpdateChoice => on.update_choice = Some(UpdateChoice::read(&text).ok_or(BadField::Choice(self))?),
            Field::SharedReceipt => on.shared_receipt = Some(yes_or_no(&text).ok_or(BadField::YesOrNo)?),
            Field::Notes => on.notes = Some(text),
        }
        Ok(())
    }

    /// Makes the field unknown again. What the code itself says is then true again.
    pub fn clear(self, on: &mut Facility) -> Result<(), BadField> {
        match self {
            Field::Code | Field::Name => return Err(BadField::Required),
            Field::Kana => on.kana = None,
            Field::Kind => on.kind = on.code.kind(),
            Field::Prefecture => on.prefecture = on.code.prefecture(),
            Field::Address => on.address = None,
            Field::Phones => on.phones.clear(),
            Field::Contact => on.contact = None,
            Field::Hours => on.hours = None,
            Field::Carrier => on.carrier = None,
            Field::Line => on.line = None,
            Field::Provider => on.provider = None,
            Field::Topology => on.topology = None,
            Field::Reader => on.reader = None,
            Field::UpdateChoice => on.update_choice = None,
            Field::SharedReceipt => on.shared_receipt = None,
            Field::Notes => on.notes = None,
        }
        Ok(())
    }

    /// Whether its text may have several lines.
    pub fn several_lines(self) -> bool {
        matches!(self, Field::Notes | Field::Hours | Field::Phones)
    }

    /// Control characters are nobody's intent; line breaks stay where there may be several lines, and part words elsewhere.
    fn tidy(self, text: &str) -> Result<String, BadField> {
        let lines = self.several_lines();
        let text = if text.contains('\r') {
            Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
        } else {
            Cow::Borrowed(text)
        };
        let kept: String = text
            .chars()
            .filter(|c| !c.is_control() || *c == '\n')
            .map(|c| if c == '\n' && !lines { ' ' } else { c })
            .collect();
        // An export marks what begins like a formula, so that no spreadsheet calculates it.
        let kept = formula::meant(kept.trim());
        if kept.is_empty() {
            return Err(BadField::Required);
        }
        let most = self.longest();
        if kept.len() > most && kept.chars().count() > most {
            return Err(BadField::TooLong(most));
        }
        Ok(kept.to_owned())
    }
}

fn yes_or_no(text: &str) -> Option<bool> {
    match search_key(text).as_str() {
        "はい" | "有" | "あり" | "兼用" | "共用" | "yes" | "true" | "1" | "○" | "〇" | "◯" | "y" => {
            Some(true)
        }
        "いいえ" | "無" | "なし" | "専用" | "no" | "false" | "0" | "×" | "✕" | "n" => Some(false),
        _ => None,
    }
}

impl BadField {
    pub fn code(self) -> &'static str {
        match self {
            BadField::Code(BadCode::Empty) => "E-LEDGER-01",
            BadField::Code(BadCode::Rounded) => "E-LEDGER-02",
            BadField::Code(BadCode::NotDigits) => "E-LEDGER-03",
            BadField::Code(BadCode::Length(_)) => "E-LEDGER-04",
            BadField::Required => "E-LEDGER-05",
            BadField::TooLong(_) => "E-LEDGER-06",
            BadField::Choice(_) => "E-LEDGER-07",
            BadField::Prefecture => "E-LEDGER-08",
            BadField::YesOrNo => "E-LEDGER-09",
            BadField::Phone(_) => "E-LEDGER-10",
            BadField::Hours(_) => "E-LEDGER-11",
        }
    }

    pub fn words(self) -> Words {
        match self {
            BadField::Code(BadCode::Empty) => Words::new(
                "医療機関コードがありません。10桁のコードを入れてください。",
                "There is no institution code. Enter its ten digits.",
            ),
            BadField::Code(BadCode::Rounded) => Words::new(
                "表計算ソフトがコードを丸めています（例 1.31E+09）。列を「文字列」にして、元の台帳から入れ直してください。",
                "A spreadsheet has rounded the code (as in 1.31E+09). Make the column text and take the code from its source again.",
            ),
            BadField::Code(BadCode::NotDigits) => Words::new(
                "コードに数字でない文字があります。10桁の数字にしてください。",
                "The code holds characters that are no digits. Enter ten digits.",
            ),
            BadField::Code(BadCode::Length(length)) => Words::new(
                format!("コードが{length}桁です。都道府県2桁・点数表1桁を含む10桁にしてください。"),
                format!("The code has {length} digits. Enter all ten: prefecture, table of fees and number."),
            ),
            BadField::Required => Words::new(
                "この項目は空にできません。値を入れてください。",
                "This cannot be empty. Enter a value.",
            ),
            BadField::TooLong(most) => Words::new(
                format!("長すぎます。{most}文字以内にしてください。"),
                format!("Too long. Use at most {most} characters."),
            ),
            BadField::Choice(field) => {
                let choices = choices(field);
                Words::new(
                    format!(
                        "選べる値ではありません。次のどれかにしてください: {}",
                        join(&choices, |words| &words.ja)
                    ),
                    format!(
                        "Not one of the choices. Use one of: {}",
                        join(&choices, |words| &words.en)
                    ),
                )
            }
            BadField::Prefecture => Words::new(
                "都道府県ではありません。名前か、01～47（51～97も可）の番号にしてください。",
                "Not a prefecture. Use its name or its number, 01 to 47 (51 to 97 mean the same).",
            ),
            BadField::YesOrNo => Words::new("「はい」か「いいえ」にしてください。", "Answer yes or no."),
            BadField::Phone(_) => Words::new(
                "電話番号として読めません。0から始まる9～11桁にしてください（複数は「/」で区切る）。",
                "Not a telephone number. Use nine to eleven digits beginning with 0 (several parted by a slash).",
            ),
            BadField::Hours(_) => Words::new(
                "診療時間として読めません。「月-金 9:00-12:00,14:00-18:00; 土 9:00-12:00; 日祝 休」のように書いてください。",
                "Not opening hours. Write them like \"Mon-Fri 9:00-12:00,14:00-18:00; Sat 9:00-12:00; Sun,Holiday closed\".",
            ),
        }
    }
}

/// The words of what may be chosen for a field; empty where it is free text.
pub fn choices(field: Field) -> Vec<Words> {
    match field {
        Field::Kind => Kind::ALL.iter().map(|one| one.words()).collect(),
        Field::Line => Line::ALL.iter().map(|one| one.words()).collect(),
        Field::Topology => Topology::ALL.iter().map(|one| one.words()).collect(),
        Field::UpdateChoice => UpdateChoice::ALL.iter().map(|one| one.words()).collect(),
        Field::Code
        | Field::Name
        | Field::Kana
        | Field::Prefecture
        | Field::Address
        | Field::Phones
        | Field::Contact
        | Field::Hours
        | Field::Carrier
        | Field::Provider
        | Field::Reader
        | Field::SharedReceipt
        | Field::Notes => Vec::new(),
    }
}

fn join(choices: &[Words], of: fn(&Words) -> &String) -> String {
    choices
        .iter()
        .map(|words| of(words).as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_title_means_one_field() {
        for field in Field::ALL {
            let Words { ja, en } = field.words();
            for title in [ja.as_str(), &en, field.name()].iter().chain(field.also()) {
                assert_eq!(Field::titled(title), Some(field), "{title}");
            }
        }
        assert_eq!(Field::titled(" ＴＥＬ "), Some(Field::Phones));
        assert_eq!(Field::titled("都道府県 名"), Some(Field::Prefecture));
        assert_eq!(Field::titled(""), None);
        assert_eq!(Field::titled("売上"), None);
    }

    #[test]
    fn a_line_break_parts_words_where_there_is_one_line_and_a_mark_against_formulas_is_none_of_the_text() {
        let mut facility = Facility::new("1310113719".parse().unwrap(), "さくら医院");
        for (field, text, kept) in [
            (Field::Address, "架空市1-1\r\n見本ビル", "架空市1-1 見本ビル"),
            (Field::Notes, "一\r\n二\r三", "一\n二\n三"),
            (Field::Notes, "'-2+3 裏口", "-2+3 裏口"),
            (Field::Phones, "'+81 3-1111-2222", "+81 3-1111-2222"),
        ] {
            field.put(&mut facility, text).unwrap();
            assert_eq!(field.text(&facility).as_deref(), Some(kept));
        }
    }

    #[test]
    fn what_a_field_does_not_take_has_a_code_and_says_what_to_do() {
        let mut facility = Facility::new("1310113719".parse().unwrap(), "さくら医院");
        for (field, text, code) in [
            (Field::Code, "1.31E+09", "E-LEDGER-02"),
            (Field::Name, " 　", "E-LEDGER-05"),
            (Field::Kana, &"ア".repeat(201), "E-LEDGER-06"),
            (Field::Kind, "銭湯", "E-LEDGER-07"),
            (Field::Prefecture, "江戸", "E-LEDGER-08"),
            (Field::SharedReceipt, "たぶん", "E-LEDGER-09"),
            (Field::Phones, "内線3", "E-LEDGER-10"),
            (Field::Hours, "応相談", "E-LEDGER-11"),
        ] {
            let before = facility.clone();
            let bad = field.put(&mut facility, text).unwrap_err();
            assert_eq!(bad.code(), code, "{text}");
            assert!(!bad.words().ja.is_empty() && !bad.words().en.is_empty());
            assert_eq!(facility, before);
        }
        assert_eq!(Field::Name.clear(&mut facility), Err(BadField::Required));
    }
}
