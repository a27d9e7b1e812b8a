//! What a step reads or writes, as people know it: the names that programs have for settings, and the values that say more in a
//! word than as a number.

use super::{Shape, read};
use crate::fact;
use crate::preview::Change;
use crate::words::Words;

/// "HiberbootEnabled 1 -> 0, NtpServer absent": what a step read or wrote, if all of it is known.
pub(super) fn words(said: &str) -> Option<Words> {
    let told: Vec<Words> = parts(said).into_iter().map(one).collect::<Option<_>>()?;
    told.into_iter()
        .reduce(|told, more| Words::new(format!("{}、{}", told.ja, more.ja), format!("{}, {}", told.en, more.en)))
}

fn one(part: &str) -> Option<Words> {
    let (what, rest) = apart(part)?;
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

/// The thing, and what is said of it. A task's path may have spaces in it, its state has none.
fn apart(part: &str) -> Option<(&str, &str)> {
    if part.starts_with(TASK) {
        let at = part.split(" -> ").next()?.rfind(' ')?;
        return Some((part.get(..at)?, part.get(at + 1..)?));
    }
    let of = |named: &Named| Some((named.what, part.strip_prefix(named.what)?.strip_prefix(' ')?));
    NAMED.iter().find_map(of)
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
                let mut words = next.split(", ").next().unwrap_or_default().split(' ').skip(1);
                if words.next().is_some_and(|word| word != "->") {
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
    if let Some(path) = what.strip_prefix(TASK) {
        return Words::new(format!("タスク「{path}」"), format!("Task {path}"));
    }
    if let Some(named) = known(what) {
        return Words::new(named.ja, named.en);
    }
    fact::find(what).map_or_else(|| Words::new(what, what), |fact| Words::new(fact.ja, fact.en))
}

/// What is said of this thing; what is a number, a name or a time is the same in both languages.
pub(super) fn value(what: &str, raw: &str) -> Words {
    let named = known(what);
    let values = named.map_or(&[][..], |named| named.values);
    let shown = values.iter().chain(ALWAYS).find(|(known, ..)| *known == raw);
    if let Some((_, ja, en)) = shown {
        return Words::new(*ja, *en);
    }
    if let Some((ja, en)) = named.and_then(|named| named.any) {
        return Words::new(ja, en);
    }
    let within = raw.strip_prefix('(').and_then(|raw| raw.strip_suffix(')'));
    if let Some(Words { ja, en }) = within.and_then(words) {
        return Words::new(format!("（{ja}）"), format!("({en})"));
    }
    let told = read(VALUES, raw, |inner| value("", inner));
    let told = told.or_else(|| fact::find(what).and_then(|_| super::words(raw)));
    told.unwrap_or_else(|| {
        let plain = raw.trim_matches('"');
        Words::new(plain, plain)
    })
}

/// What terminals call things, as people know them.
struct Named {
    what: &'static str,
    ja: &'static str,
    en: &'static str,
    /// As the terminal says it, Japanese, English.
    values: &'static [(&'static str, &'static str, &'static str)],
    /// For every other value, where what it is says nothing to people.
    any: Option<(&'static str, &'static str)>,
}

const TASK: &str = "task ";

/// Values that have something in them which differs.
const VALUES: &[Shape] = &[
    Shape("{} with {}", "{0}、{1}", "{0} with {1}"),
    Shape("after {} min", "{0}分後", "after {0} min"),
    Shape(
        "{} exceptions (added {}, removed {})",
        "例外{0}件（追加：{1}、削除：{2}）",
        "{0} exceptions (added {1}, removed {2})",
    ),
    Shape(
        "{} exceptions (added {})",
        "例外{0}件（追加：{1}）",
        "{0} exceptions (added {1})",
    ),
    Shape(
        "{} exceptions (removed {})",
        "例外{0}件（削除：{1}）",
        "{0} exceptions (removed {1})",
    ),
    Shape("{} exceptions", "例外{0}件", "{0} exceptions"),
    Shape("unknown ({})", "不明（{0}）", "unknown ({0})"),
    Shape(
        "{} override_update_url 1",
        "{0}：更新もポリシーの配布元から",
        "{0}: updates too from where policy says",
    ),
    Shape(
        "{} override_update_url -",
        "{0}：更新は拡張機能の配布元から",
        "{0}: updates from where it says itself",
    ),
    Shape("{} removed", "{0}：削除", "{0}: removed"),
    Shape("{} blocked", "{0}：禁止", "{0}: blocked"),
    Shape("{} -", "{0}：指定なし", "{0}: nothing said"),
];

const ALWAYS: &[(&str, &str, &str)] = &[
    ("absent", "未設定", "not set"),
    ("-", "なし", "none"),
    ("removed", "削除", "removed"),
    ("none", "なし", "none"),
    ("missing", "なし", "missing"),
    ("unknown", "不明", "unknown"),
    ("damaged", "壊れている", "damaged"),
    ("direct", "プロキシなし", "no proxy"),
    ("on", "有効", "on"),
    ("off", "無効", "off"),
    ("yes", "はい", "yes"),
    ("no", "いいえ", "no"),
];
const SWITCH: &[(&str, &str, &str)] = &[("0", "無効", "off"), ("1", "有効", "on")];

const fn named(what: &'static str, ja: &'static str, en: &'static str) -> Named {
    Named {
        what,
        ja,
        en,
        values: &[],
        any: None,
    }
}

const NEVER: &[(&str, &str, &str)] = &[("never", "しない", "never")];

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
    named(
        "edge.delegate.version",
        "拡張機能 delegate（目視確認）",
        "Extension delegate",
    ),
    named(
        "edge.delegate.enabled",
        "拡張機能 delegate（目視確認）",
        "Extension delegate",
    ),
    named(
        "edge.nopinauth.version",
        "拡張機能 nopinauth（顔認証）",
        "Extension nopinauth",
    ),
    named(
        "edge.nopinauth.enabled",
        "拡張機能 nopinauth（顔認証）",
        "Extension nopinauth",
    ),
    named(
        "edge.pinauth.version",
        "拡張機能 pinauth（暗証番号）",
        "Extension pinauth",
    ),
    named(
        "edge.pinauth.enabled",
        "拡張機能 pinauth（暗証番号）",
        "Extension pinauth",
    ),
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
    named("daily restart", "毎日の再起動", "Daily restart"),
    Named {
        values: SWITCH,
        ..named("ProxyEnable", "プロキシ", "Proxy")
    },
    named(
        "DefaultConnectionSettings",
        "利用者の接続のプロキシ",
        "Proxy of a user's connections",
    ),
    named(
        "WinHttpSettings",
        "Windowsのサービスのプロキシ",
        "Proxy of Windows' services",
    ),
    named(
        "ExtensionSettings",
        "拡張機能ごとのポリシー",
        "Policy for one extension",
    ),
    Named {
        values: &[("a new one", "再起動する", "restarts")],
        any: Some(("動いたまま", "runs on")),
        ..named("boot", "端末", "Terminal")
    },
    Named {
        values: &[
            ("not searched now", "いまは検索していない", "not searched now"),
            (
                "searched, downloaded and installed",
                "検索・ダウンロード・インストールする",
                "searched, downloaded and installed",
            ),
        ],
        ..named("Windows Update", "Windows Update", "Windows Update")
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
            (
                r"task \夜の作業\再 起動",
                "on",
                "off",
                r"タスク「\夜の作業\再 起動」：有効 → 無効",
                r"Task \夜の作業\再 起動: on → off",
            ),
            (
                "display.scale",
                "150",
                "100",
                "表示の拡大率 (%)：150 → 100",
                "Display scale (%): 150 → 100",
            ),
            (
                "tasks.missing",
                "OQS_exec",
                "none",
                "ないタスク：OQS_exec → なし",
                "Tasks missing: OQS_exec → none",
            ),
            (
                "oqs.status",
                "restart-pending",
                "up-to-date",
                "配信アプリの状態：再起動待ち → 未適用の更新なし",
                "Distribution status: waiting for a restart → up to date",
            ),
            (
                "boot",
                "8abe-1",
                "a new one",
                "端末：動いたまま → 再起動する",
                "Terminal: runs on → restarts",
            ),
            (
                "WinHttpSettings",
                "direct",
                "proxy:80 with 2 exceptions (added *.a *.b, removed c)",
                "Windowsのサービスのプロキシ：プロキシなし → proxy:80、例外2件（追加：*.a *.b、削除：c）",
                "Proxy of Windows' services: no proxy → proxy:80 with 2 exceptions (added *.a *.b, removed c)",
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
                Some("スリープ（電源接続時）：30分後 → しない"),
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
            (
                r"task \再 起動 on -> off, ExtensionInstallForcelist aa;f, bb;f -> -, ExtensionSettings aa - -> aa removed",
                Some(
                    r"タスク「\再 起動」：有効 → 無効、ポリシーで入れる拡張機能：aa;f, bb;f → なし、拡張機能ごとのポリシー：aa：指定なし → aa：削除",
                ),
            ),
            ("two sentences", None),
            ("", None),
        ] {
            assert_eq!(told(said).as_deref(), ja, "{said}");
        }
    }
}
