//! The ledger of the demo: facilities that do not exist, at addresses and telephone numbers that cannot, in which the
//! simulated terminals stand. It comes in as every ledger does: as a file.

use std::fmt::Write;

use kaishin_domain::facility::Code10;

use crate::app::facilities::imports::{self, Upload};
use crate::app::{AppError, Cx};

/// Even the smallest demo has so many.
const FEWEST: u64 = 240;
/// Among so many terminals one stands in no facility, and one in a facility that the ledger does not have.
const NOWHERE: u64 = 41;
const UNLISTED: u64 = 67;

const TITLES: &str = "医療機関コード,名称,フリガナ,種別,住所,電話番号,担当者,診療時間,担当会社,回線種別,回線事業者,配信構成,顔認証付きカードリーダー,Windows Update,レセコン兼用,備考\r\n";
const FAMILIES: [(&str, &str); 24] = [
    ("佐藤", "サトウ"),
    ("髙橋", "タカハシ"),
    ("山﨑", "ヤマサキ"),
    ("渡邊", "ワタナベ"),
    ("斎藤", "サイトウ"),
    ("小林", "コバヤシ"),
    ("加藤", "カトウ"),
    ("吉田", "ヨシダ"),
    ("山本", "ヤマモト"),
    ("中村", "ナカムラ"),
    ("松本", "マツモト"),
    ("井上", "イノウエ"),
    ("木村", "キムラ"),
    ("清水", "シミズ"),
    ("森", "モリ"),
    ("池田", "イケダ"),
    ("橋本", "ハシモト"),
    ("石川", "イシカワ"),
    ("前田", "マエダ"),
    ("藤田", "フジタ"),
    ("岡田", "オカダ"),
    ("長谷川", "ハセガワ"),
    ("村上", "ムラカミ"),
    ("近藤", "コンドウ"),
];
const NAMES: [(&str, &str); 16] = [
    ("さくら", "サクラ"),
    ("みどり", "ミドリ"),
    ("あおぞら", "アオゾラ"),
    ("ひまわり", "ヒマワリ"),
    ("すみれ", "スミレ"),
    ("けやき", "ケヤキ"),
    ("わかば", "ワカバ"),
    ("つばさ", "ツバサ"),
    ("のぞみ", "ノゾミ"),
    ("駅前", "エキマエ"),
    ("中央", "チュウオウ"),
    ("東", "ヒガシ"),
    ("南町", "ミナミマチ"),
    ("緑ヶ丘", "ミドリガオカ"),
    ("本町", "ホンチョウ"),
    ("大通り", "オオドオリ"),
];
/// Before and after the name, its reading, the kind, and the digit of its table of fees.
const CLINICS: [(&str, &str, &str, &str, u64); 5] = [
    ("", "医院", "イイン", "診療所", 1),
    ("医療法人社団 ", "クリニック", "クリニック", "診療所", 1),
    ("", "内科小児科", "ナイカショウニカ", "診療所", 1),
    ("", "歯科医院", "シカイイン", "歯科", 3),
    ("医療法人 ", "病院", "ビョウイン", "病院", 1),
];
const PHARMACY: (&str, &str, &str, &str, u64) = ("", "薬局", "ヤッキョク", "薬局", 4);
/// Where people live, roughly: the prefectures that stand here come up more often.
const CROWDED: [u64; 12] = [13, 27, 14, 23, 11, 12, 28, 1, 40, 22, 8, 34];
const TOWNS: [&str; 8] = [
    "見本町",
    "架空町",
    "例示通",
    "本見本",
    "仮町",
    "見本台",
    "雛形町",
    "試町",
];
const HOURS: [&str; 5] = [
    "月-金 9:00-12:30,14:30-18:30; 土 9:00-12:30; 日祝 休",
    "月火水金 9:00-12:00,15:00-18:00; 木土 9:00-12:00; 日祝 休",
    "月-金 9:00-18:00; 土 9:00-13:00; 日祝 休",
    "月-土 9:30-13:00,14:30-19:00; 日祝 休",
    "",
];
const NOTES: [&str; 6] = ["", "", "", "", "裏口の受付へ電話する。", "水曜の午後は院長が不在。"];

/// As many as there are desks to put the terminals on.
pub fn size(terminals: u64) -> u64 {
    FEWEST.max(terminals * 2 / 3)
}

/// What the terminal says of where it stands.
pub fn code_of(terminal: u64, terminals: u64) -> Option<Code10> {
    match terminal {
        n if n % NOWHERE == NOWHERE - 1 => None,
        n if n % UNLISTED == UNLISTED - 1 => Some(code(1_000_000 + n)),
        n => Some(code(n % size(terminals))),
    }
}

fn mixed(n: u64, part: u64) -> u64 {
    let mut x = (n.wrapping_mul(16) + part).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn pick<T: Copy>(n: u64, part: u64, among: &[T]) -> T {
    among[(mixed(n, part) % among.len() as u64) as usize]
}

fn trade(n: u64) -> (&'static str, &'static str, &'static str, &'static str, u64) {
    match mixed(n, 0) % 10 {
        0..=2 => PHARMACY,
        3 | 4 => CLINICS[3],
        5 if mixed(n, 1).is_multiple_of(4) => CLINICS[4],
        _ => pick(n, 2, &CLINICS[..3]),
    }
}

/// Of the facility that is counted so.
pub fn code(n: u64) -> Code10 {
    let prefecture = if mixed(n, 3).is_multiple_of(3) {
        1 + mixed(n, 4) % 47
    } else {
        pick(n, 4, &CROWDED)
    };
    let number = prefecture * 100_000_000 + trade(n).4 * 10_000_000 + (n % 1_000_000) * 10;
    // The prefecture is 1 to 47, so this is a code.
    Code10::from_number(number)
        .unwrap_or_else(|| code(n / 2))
        .with_check_digit()
}

fn file(size: u64) -> String {
    let mut text = TITLES.to_owned();
    for n in 0..size {
        // Writing to a String does not fail.
        let _ = row(&mut text, n);
    }
    text
}

fn row(text: &mut String, n: u64) -> std::fmt::Result {
    let (before, after, reading, kind, _) = trade(n);
    let (name, kana) = if mixed(n, 5).is_multiple_of(2) {
        pick(n, 6, &FAMILIES)
    } else {
        pick(n, 6, &NAMES)
    };
    let code = code(n);
    let place = code
        .prefecture()
        .map(|prefecture| prefecture.words().ja)
        .unwrap_or_default();
    let (town, block, house) = (pick(n, 7, &TOWNS), 1 + mixed(n, 8) % 5, 1 + mixed(n, 9) % 30);
    let contact = pick(n, 10, &FAMILIES).0;
    // Of some, nobody has told everything.
    let told = |part: u64, value: &'static str| if mixed(n, part).is_multiple_of(9) { "" } else { value };
    let line = ["IP-VPN（光回線）", "IP-VPN（光回線）", "IPsec+IKE"];
    let topology = ["配信拠点起点", "ネットワーク事業者起点", "医療機関等起点"];
    write!(
        text,
        "{code},{before}{name}{after},{kana}{reading},{kind},{place}架空市{town}{block}-{house},0{}-0{:03}-{:04},",
        code.prefecture().map_or(3, |prefecture| prefecture.number()),
        n / 10_000,
        n % 10_000
    )?;
    writeln!(
        text,
        "{contact}様,\"{}\",見本通信,{},{},{},{},{},{},{}\r",
        pick(n, 11, &HOURS),
        told(12, pick(n, 12, &line)),
        told(13, pick(n, 13, &["NTT東日本", "NTT西日本", "見本通信"])),
        told(14, pick(n, 14, &topology)),
        told(
            15,
            pick(n, 15, &["見本リーダー A1", "見本リーダー B2", "例示カード端末 3"])
        ),
        told(16, pick(n, 16, &["手動", "自動", "自動"])),
        told(17, pick(n, 17, &["いいえ", "いいえ", "いいえ", "はい"])),
        pick(n, 18, &NOTES)
    )
}

/// Imports the ledger for so many terminals.
pub async fn import(cx: &Cx, terminals: u64) -> Result<(), AppError> {
    let upload = Upload {
        file_name: "デモ台帳.csv".into(),
        bytes: file(size(terminals)).into_bytes(),
        ..Upload::default()
    };
    let import = imports::begin(cx, upload)?;
    imports::settled(cx, &import).await?;
    imports::carry_out(cx, import.id)?;
    imports::settled(cx, &import).await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_facility_has_a_code_of_its_own_and_nearly_every_terminal_stands_in_one() {
        let size = size(3_000);
        let codes: BTreeSet<Code10> = (0..size).map(code).collect();
        assert_eq!(codes.len() as u64, size);
        assert!(
            codes
                .iter()
                .all(|code| code.check_digit_fits() && code.prefecture().is_some())
        );
        let listed = (0..3_000)
            .filter_map(|n| code_of(n, 3_000))
            .filter(|code| codes.contains(code));
        assert!((2_800..2_950).contains(&listed.count()));
    }
}
