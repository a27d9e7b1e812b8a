//! What a step reads or writes, as people know it: the names that programs have for settings, and the values that say more in a
//! word than as a number.

use crate::preview::Change;
use crate::words::Words;

/// "HiberbootEnabled 1 -> 0, NtpServer absent": what a step read or wrote, if all of it is known.
pub(super) fn words(said: &str) -> Option<Words> {
    let told: Vec<Words> = parts(said).into_iter().map(one).collect::<Option<_>>()?;
    told.into_iter()
        .reduce(|told, more| Words::new(format!("{}、{}", told.ja, more.ja), format!("{}, {}", told.en, more.en)))
}

fn one(part: &str) -> Option<Words> {
    let of = |named: &Named| Some((named.what, part.strip_prefix(named.what)?.strip_prefix(' ')?));
    let (what, rest) = NAMED.iter().find_map(of)?;
    Some(match rest.split_once(" -> ") {
        Some((from, to)) => change(&Change::new(what, from, to)),
        None => {
            let (name, value) = (name(what), value(what, rest));
            Words::new(
                format!("{}：{}", name.ja, value.ja),
                format!("{}: {}", name.en, value.en),
            )
        }
    })
}

/// At commas, but for those within parentheses and within lists of single words.
fn parts(said: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut from, mut open) = (0, 0u32);
    for (at, letter) in said.char_indices() {
        match letter {
            '(' => open += 1,
            ')' => open = open.saturating_sub(1),
            ',' if open == 0 => {
                let next = said[at..].strip_prefix(", ").unwrap_or_default();
                let word = next.split(", ").next().unwrap_or_default();
                if word.contains(' ') {
                    parts.push(&said[from..at]);
                    from = at + ", ".len();
                }
            }
            _ => {}
        }
    }
    parts.push(&said[from..]);
    parts
}

/// "Fast startup: on → off"; what has no name here keeps its own.
pub fn change(change: &Change) -> Words {
    let name = name(&change.what);
    let (from, to) = (value(&change.what, &change.from), value(&change.what, &change.to));
    Words::new(
        format!("{}：{} → {}", name.ja, from.ja, to.ja),
        format!("{}: {} → {}", name.en, from.en, to.en),
    )
}

fn known(what: &str) -> Option<&'static Named> {
    NAMED.iter().find(|named| named.what == what)
}

fn name(what: &str) -> Words {
    known(what).map_or_else(|| Words::new(what, what), |named| Words::new(named.ja, named.en))
}

fn value(what: &str, raw: &str) -> Words {
    let values = known(what).map_or(&[][..], |named| named.values);
    let shown = values.iter().chain(ALWAYS).find(|(known, ..)| *known == raw);
    if let Some((_, ja, en)) = shown {
        return Words::new(*ja, *en);
    }
    let within = raw.strip_prefix('(').and_then(|raw| raw.strip_suffix(')'));
    if let Some(Words { ja, en }) = within.and_then(words) {
        return Words::new(format!("（{ja}）"), format!("({en})"));
    }
    let plain = raw.trim_matches('"');
    Words::new(plain, plain)
}

/// What terminals call things, as people know them.
struct Named {
    what: &'static str,
    ja: &'static str,
    en: &'static str,
    /// As the terminal says it, Japanese, English.
    values: &'static [(&'static str, &'static str, &'static str)],
}

const ALWAYS: &[(&str, &str, &str)] = &[
    ("absent", "未設定", "not set"),
    ("-", "なし", "none"),
    ("removed", "削除", "removed"),
];
const SWITCH: &[(&str, &str, &str)] = &[("0", "無効", "off"), ("1", "有効", "on")];

const fn named(what: &'static str, ja: &'static str, en: &'static str) -> Named {
    Named {
        what,
        ja,
        en,
        values: &[],
    }
}

const NEVER: &[(&str, &str, &str)] = &[("never", "しない", "never")];
const MISSING: &[(&str, &str, &str)] = &[("missing", "なし", "missing")];

const NAMED: &[Named] = &[
    Named {
        values: SWITCH,
        ..named("HiberbootEnabled", "高速スタートアップ", "Fast startup")
    },
    Named {
        values: &[("\"0\"", "無効", "off"), ("\"1\"", "有効", "on")],
        ..named("*PMARPOffload", "ARPオフロード", "ARP offload")
    },
    Named {
        values: &[("0", "オフ", "off"), ("1", "オン", "on"), ("2", "オフ", "off")],
        ..named(
            "SmartActiveHoursState",
            "アクティブ時間の自動調整",
            "Automatic active hours",
        )
    },
    named(
        "ExtensionInstallAllowlist",
        "入れてよい拡張機能のポリシー",
        "Policy of extensions that may be installed",
    ),
    named(
        "ExtensionInstallForcelist",
        "ポリシーで入れる拡張機能",
        "Extensions installed by policy",
    ),
    Named {
        values: MISSING,
        ..named(
            "edge.delegate.version",
            "拡張機能 delegate（目視確認）",
            "Extension delegate",
        )
    },
    Named {
        values: MISSING,
        ..named(
            "edge.nopinauth.version",
            "拡張機能 nopinauth（顔認証）",
            "Extension nopinauth",
        )
    },
    Named {
        values: MISSING,
        ..named(
            "edge.pinauth.version",
            "拡張機能 pinauth（暗証番号）",
            "Extension pinauth",
        )
    },
    named("ActiveHoursStart", "アクティブ時間の開始（時）", "Active hours from"),
    named("ActiveHoursEnd", "アクティブ時間の終了（時）", "Active hours until"),
    named("policy file", "ポリシーファイル", "Policy file"),
    Named {
        values: &[("0", "使う", "used"), ("1", "使わない", "not used")],
        ..named("NoAutoUpdate", "自動更新", "Automatic updates")
    },
    Named {
        values: &[
            ("2", "知らせるだけ", "told only"),
            ("3", "ダウンロードして知らせる", "downloaded and told"),
            ("4", "自動で入れる", "installed by themselves"),
            ("5", "端末で選ぶ", "chosen at the terminal"),
        ],
        ..named("AUOptions", "更新のしかた", "How updates come")
    },
    Named {
        values: &[("0", "毎日", "every day")],
        ..named("ScheduledInstallDay", "更新を入れる日", "Installed on")
    },
    named("ScheduledInstallTime", "更新を入れる時刻（時）", "Installed at (hour)"),
    Named {
        values: &[("1", "毎週", "every week")],
        ..named("ScheduledInstallEveryWeek", "更新を入れる週", "Installed in")
    },
    Named {
        values: NEVER,
        ..named("sleep on mains", "スリープ（電源接続時）", "Sleep on mains")
    },
    Named {
        values: NEVER,
        ..named("sleep on battery", "スリープ（バッテリー時）", "Sleep on battery")
    },
    Named {
        values: &[("none", "なし", "none")],
        ..named("daily restart", "毎日の再起動", "Daily restart")
    },
    Named {
        values: SWITCH,
        ..named("ProxyEnable", "プロキシ", "Proxy")
    },
    named("ProxyServer", "プロキシの宛先", "Proxy server"),
    named("ProxyOverride", "プロキシの例外", "Proxy exceptions"),
    named("NtpServer", "時刻の同期先", "Time server"),
    Named {
        values: &[
            ("\"NTP\"", "指定のサーバー", "the named server"),
            ("\"NT5DS\"", "ドメイン", "the domain"),
            ("\"NoSync\"", "同期しない", "none"),
        ],
        ..named("Type", "時刻の同期方法", "Time is taken from")
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_change_is_told_as_a_clerk_would_say_it() {
        for (what, from, to, ja, en) in [
            (
                "HiberbootEnabled",
                "1",
                "0",
                "高速スタートアップ：有効 → 無効",
                "Fast startup: on → off",
            ),
            (
                "HiberbootEnabled",
                "absent",
                "0",
                "高速スタートアップ：未設定 → 無効",
                "Fast startup: not set → off",
            ),
            (
                "ActiveHoursStart",
                "9",
                "7",
                "アクティブ時間の開始（時）：9 → 7",
                "Active hours from: 9 → 7",
            ),
            (
                "*PMARPOffload",
                "\"1\"",
                "\"0\"",
                "ARPオフロード：有効 → 無効",
                "ARP offload: on → off",
            ),
            ("Invented", "\"a\"", "b", "Invented：a → b", "Invented: a → b"),
        ] {
            assert_eq!(change(&Change::new(what, from, to)), Words::new(ja, en));
        }
    }

    #[test]
    fn what_was_read_or_written_is_told_where_all_of_it_is_known() {
        let told = |said| words(said).map(|words| words.ja);
        for (said, ja) in [
            (
                "HiberbootEnabled 1 -> 0, ActiveHoursStart 7",
                Some("高速スタートアップ：有効 → 無効、アクティブ時間の開始（時）：7"),
            ),
            (
                "sleep on mains after 30 min -> never",
                Some("スリープ（電源接続時）：after 30 min → しない"),
            ),
            (
                "ExtensionInstallAllowlist - -> aa, bb, edge.pinauth.version 1.2 -> 2.0",
                Some("入れてよい拡張機能のポリシー：なし → aa, bb、拡張機能 pinauth（暗証番号）：1.2 → 2.0"),
            ),
            (
                "policy file (NoAutoUpdate absent, AUOptions 3) -> (NoAutoUpdate 0, AUOptions 4)",
                Some(
                    "ポリシーファイル：（自動更新：未設定、更新のしかた：ダウンロードして知らせる） → （自動更新：使う、更新のしかた：自動で入れる）",
                ),
            ),
            (
                "policy file (Invented 1) -> (Invented 2)",
                Some("ポリシーファイル：(Invented 1) → (Invented 2)"),
            ),
            ("HiberbootEnabled 1 -> 0, Invented 7", None),
            ("two sentences", None),
            ("", None),
        ] {
            assert_eq!(told(said).as_deref(), ja, "{said}");
        }
    }
}
