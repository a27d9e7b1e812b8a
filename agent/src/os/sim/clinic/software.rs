//! Installed software on a simulated terminal: Windows' list, the version files, what the distribution software says of
//! itself, and .NET.

use kaishin_proto::profile::{Profile, Software};
use kaishin_proto::time::Span;

use super::super::image::Layer;
use super::{HKLM, Image, LONG_AGO, Lot, RegistryValue, sid};
use crate::os::Hive;

const NATIVE: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";
const OLD_VIEW: &str = r"SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall";
const OF_USER: &str = r"Software\Microsoft\Windows\CurrentVersion\Uninstall";
const DOTNET: &str = r"SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full";

/// What was current before the versions that the profile asks for.
const BEFORE: &[(&str, &str)] = &[
    ("face", "2.1.0"),
    ("link", "2.1.3"),
    ("distribution", "1.0.6"),
    ("mpki", "1.1.0.0"),
];

/// Besides the verification software: name, version, publisher, whether in the old view.
const COMMON: &[(&str, &str, &str, bool)] = &[
    ("Microsoft Edge", "128.0.2739.42", "Microsoft Corporation", true),
    (
        "Microsoft Edge WebView2 ランタイム",
        "128.0.2739.42",
        "Microsoft Corporation",
        true,
    ),
    ("7-Zip 23.01 (x64)", "23.01", "Igor Pavlov", false),
    (
        "日医標準レセプトソフト クライアント",
        "5.2.0",
        "ORCA Management Organization",
        true,
    ),
    ("顔認証付きカードリーダー ドライバー", "1.4.2.0", "Panasonic", false),
    ("Realtek Ethernet Controller Driver", "10.63.1014.2022", "Realtek", true),
];

/// Where the simulated distribution software keeps whether it updates by itself. Where the real one does, a profile says.
pub const AUTO_UPDATE: (&str, &str) = (r"SOFTWARE\WOW6432Node\OQS\OqsDistroApp", "AutoUpdate");

pub fn furnish(image: &mut Image, mut lot: Lot, edition: &str, build: u32) {
    let here = lot.here();
    image.share(&format!("software/common/{}", here.1), |layer| common(layer, here.0));
    for (n, (name, before)) in BEFORE.iter().enumerate() {
        let old = lot.fault(9);
        image.share(&format!("software/{name}/{old}"), |layer| {
            let profile = Profile::built_in();
            if let Some((_, software)) = profile.software.all().into_iter().find(|(known, _)| known == name) {
                let version = if old { before } else { software.version.0.as_str() };
                install(layer, n, software, version);
            }
        });
    }
    // Windows 10 1903 and later come with it.
    let old = build < 18_362 && lot.fault(5);
    image.share(&format!("software/dotnet/{old}"), |layer| {
        let (release, version) = if old {
            (461_814, "4.7.03190")
        } else {
            (528_372, "4.8.04084")
        };
        layer.set(HKLM, DOTNET, "Release", RegistryValue::dword(release));
        layer.set(HKLM, DOTNET, "Version", RegistryValue::text(version));
    });
    image.share("software/distribution-log", distribution_log);
    status(image, &mut lot);
    // On a Windows that is not meant for it, it has to be off.
    let by_hand = lot.chance.below(4) == 0;
    let on = if edition == "Professional" {
        lot.fault(2)
    } else {
        !by_hand
    };
    image.share(&format!("software/auto-update/{on}"), |layer| {
        layer.set(HKLM, AUTO_UPDATE.0, AUTO_UPDATE.1, RegistryValue::dword(on.into()));
    });
}

fn common(layer: &mut Layer, here: &str) {
    for (name, version, publisher, in_old_view) in COMMON {
        let view = if *in_old_view { OLD_VIEW } else { NATIVE };
        entry(layer, HKLM, &format!(r"{view}\{name}"), [name, version, publisher]);
    }
    // Part of something else, and so without a name.
    layer.set(
        HKLM,
        &format!(r"{OLD_VIEW}\Connection Manager"),
        "SystemComponent",
        RegistryValue::dword(1),
    );
    let of_user = format!(r"{}\{OF_USER}\Teams", sid(here));
    entry(
        layer,
        Hive::Users,
        &of_user,
        ["Microsoft Teams classic", "1.7.00.13456", "Microsoft Corporation"],
    );
}

fn entry(layer: &mut Layer, hive: Hive, key: &str, [name, version, publisher]: [&str; 3]) {
    layer.set(hive, key, "DisplayName", RegistryValue::text(name));
    layer.set(hive, key, "DisplayVersion", RegistryValue::text(version));
    layer.set(hive, key, "Publisher", RegistryValue::text(publisher));
}

/// Each in another encoding, as such files are.
fn install(layer: &mut Layer, n: usize, software: &Software, version: &str) {
    let key = format!(r"{OLD_VIEW}\{{0A5C7E1{n}-5D41-4B7C-9A7C-2F6E3D0B4C1{n}}}");
    let name = software.names.first().map_or("", String::as_str);
    entry(layer, HKLM, &key, [name, version, "社会保険診療報酬支払基金"]);
    if let Some(place) = software.info.first() {
        let text = format!("アプリケーション名={name}\r\nバージョン={version}\r\n");
        let bytes = match n {
            0 => encoding_rs::SHIFT_JIS.encode(&text).0.into_owned(),
            1 => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            _ => [0xfeff]
                .into_iter()
                .chain(text.encode_utf16())
                .flat_map(u16::to_le_bytes)
                .collect(),
        };
        layer.file(place, bytes, LONG_AGO);
    }
}

/// As such programs write: in CP932, with a line now and then that is nobody's business.
fn distribution_log(layer: &mut Layer) {
    let Some(place) = Profile::built_in().distribution.log_file else {
        return;
    };
    let mut text = String::new();
    for day in 1..=28 {
        for (clock, what) in [
            ("04:21:07", "INFO  配信サーバーに接続しました"),
            ("04:21:09", "INFO  未適用更新ファイルの一覧を取得しました (3件)"),
            ("04:29:44", r"INFO  保存先 C:\Users\OqsComApp\AppData\Local\Temp\oqs"),
            ("04:31:02", "WARN  応答がありません。再試行します (1/3)"),
            (
                "04:33:40",
                "INFO  被保険者証記号・番号の照会中のため待機します 06123456",
            ),
            ("04:40:00", "INFO  アップデートを適用しました 2.0.1"),
        ] {
            text += &format!("2026-12-{day:02} {clock} {what}\r\n");
        }
    }
    let bytes = encoding_rs::SHIFT_JIS.encode(&text).0.into_owned();
    layer.file(place, bytes, LONG_AGO);
}

fn status(image: &mut Image, lot: &mut Lot) {
    let stuck = lot.fault(8);
    let (word, minutes) = if stuck {
        let word = lot.pick(&["サーバー接続待ち", "再起動待ち", "停止中"]);
        (word, 24 * 60 * (4 + lot.chance.below(40)))
    } else {
        let words = [
            "未適用更新ファイルなし",
            "未適用更新ファイルなし",
            "未適用更新ファイルなし",
            "ダウンロード中",
        ];
        (lot.pick(&words), 5 + lot.chance.below(600))
    };
    let at = lot.now - Span::minutes(minutes as i64);
    let line = format!("{word}\r\n");
    let bytes = encoding_rs::SHIFT_JIS.encode(&line).0.into_owned();
    image.own.file(Profile::built_in().distribution.status_file, bytes, at);
}
