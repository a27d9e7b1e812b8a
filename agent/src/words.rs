//! What the agent says to people: stable codes with Japanese and English words that tell what to do. Shown by the command
//! line and logged. The codes that a job ends with are the server's too: they and their words stand where both see them.

use kaishin_proto::ending;
pub use kaishin_proto::ending::{
    EXTENSION_ABSENT, EXTENSION_DAMAGED, EXTENSION_KEPT_OLD, EXTENSION_NOT_FORCED, EXTENSION_NOT_IN, EXTENSION_NOT_OUT,
    EXTENSION_POLICY, EXTENSION_STRANGE, EXTENSION_TOO_OLD, EXTENSION_UNSEEN, GUIDE_LATER, JOB_CAME_SINCE,
    JOB_CANCELLED, JOB_CHANGED_SINCE, JOB_CLOCK, JOB_DAILY_CAP, JOB_DECLINED, JOB_MACHINE_FAILED, JOB_NO_ANSWER,
    JOB_NO_PERMISSION, JOB_NO_RECORD, JOB_NO_RESTART, JOB_NOT_APPLICABLE, JOB_NOT_BACK, JOB_NOT_SUPPORTED,
    JOB_NOT_UP_TO_DATE, JOB_NOT_VERIFIED, JOB_NOTICES, JOB_RECORD_ABSENT, JOB_RECORD_NO_TEXT, JOB_RECORD_TOO_LARGE,
    JOB_RECORD_UNNAMED, JOB_SAID_NO, JOB_STILL_WRONG, JOB_TAKEN_BACK, JOB_TOO_LATE, JOB_TOO_MANY, JOB_UNCERTAIN,
    JOB_UNKNOWN, JOB_UNREADABLE, JOB_UPDATE_FAILED, JOB_WRONG_CODE, POLICY_DAMAGED,
};
use kaishin_proto::words::Words;

pub const JOB_DONE: &str = "I-JOB-00";
pub const JOB_MANY_QUESTIONS: &str = "E-JOB-44";
/// Those about extensions after which nothing was tried.
pub const EXTENSION_REFUSALS: [&str; 6] = [
    EXTENSION_ABSENT,
    EXTENSION_DAMAGED,
    EXTENSION_STRANGE,
    EXTENSION_TOO_OLD,
    EXTENSION_NOT_FORCED,
    EXTENSION_POLICY,
];

pub const NO_SERVER: &str = "E-AGENT-01";
pub const BAD_PIN: &str = "E-AGENT-02";
pub const STATE: &str = "E-AGENT-03";
pub const JOURNAL: &str = "E-AGENT-04";
pub const KEY: &str = "E-AGENT-05";
pub const MACHINE: &str = "E-AGENT-06";
pub const UNREACHABLE: &str = "E-AGENT-07";
pub const WRONG_SERVER: &str = "E-AGENT-08";
pub const INCOMPATIBLE: &str = "E-AGENT-09";
pub const REVOKED: &str = "E-AGENT-10";
pub const BAD_CONFIG: &str = "E-AGENT-11";
pub const NOT_ENROLLED: &str = "E-AGENT-12";
pub const IN_USE: &str = "E-AGENT-13";
pub const NOT_RUNNING: &str = "E-AGENT-14";

pub const GUIDE_STRANGER: &str = "E-GUIDE-01";
pub const GUIDE_ELSEWHERE: &str = "E-GUIDE-02";
pub const GUIDE_NOT_UNDERSTOOD: &str = "E-GUIDE-03";
pub const GUIDE_NONE: &str = "E-GUIDE-04";

/// Code, Japanese, English.
const WORDS: &[(&str, &str, &str)] = &[
    (
        JOB_DONE,
        "作業が終わりました。ご協力ありがとうございました。",
        "It is done. Thank you for your help.",
    ),
    (
        JOB_MANY_QUESTIONS,
        "この端末には確認の問い合わせが重なっています。少し待って、もう一度確認してください。",
        "This terminal is being asked too much at once. Wait a moment and ask again.",
    ),
    (
        NO_SERVER,
        "接続先サーバーが指定されていません。--server または KAISHIN_AGENT_SERVER を指定してください。",
        "No server was named. Give --server or KAISHIN_AGENT_SERVER.",
    ),
    (
        BAD_PIN,
        "CAピンが正しくありません。管理画面に表示される64文字をそのまま指定してください。",
        "The CA pin is not right. Give the 64 characters that the server shows, exactly.",
    ),
    (
        STATE,
        "エージェントのデータフォルダーを読み書きできません。空き容量とアクセス権を確認してください。",
        "The agent's data folder cannot be read or written. Check free space and permissions.",
    ),
    (
        JOURNAL,
        "作業記録を保存できないため、安全のため停止しました。ディスクの空き容量を確認してください。",
        "The journal cannot be saved, so the agent stopped to be safe. Check free disk space.",
    ),
    (
        KEY,
        "端末の鍵または証明書が壊れています。データフォルダーを消して登録し直してください。",
        "This terminal's key or certificate is damaged. Clear the data folder and enrol again.",
    ),
    (
        MACHINE,
        "この端末の情報を読み取れません。管理者として実行してください。",
        "This machine cannot be read. Run as administrator.",
    ),
    (
        UNREACHABLE,
        "サーバーに接続できません。LANケーブルとネットワークを確認してください。自動で再試行します。",
        "The server cannot be reached. Check the cable and the network. The agent keeps trying by itself.",
    ),
    (
        WRONG_SERVER,
        "接続先が正しいサーバーであることを確認できません。CAピン、サーバー名、端末の時計を確認してください。",
        "The server did not prove that it is the right one. Check the CA pin, the server's name and this terminal's clock.",
    ),
    (
        INCOMPATIBLE,
        "エージェントとサーバーの版が合いません。エージェントを更新してください。",
        "Agent and server versions do not fit. Update the agent.",
    ),
    (
        REVOKED,
        "この端末の登録は取り消されています。ヘルプデスクに連絡してください。",
        "This terminal's registration was revoked. Call the help desk.",
    ),
    (
        BAD_CONFIG,
        "設定ファイルを読めません。内容を確認してください。",
        "The configuration file cannot be read. Check what it says.",
    ),
    (
        NOT_ENROLLED,
        "この端末はまだ登録されていません。kaishin-agent enroll を実行してください。",
        "This terminal is not enrolled yet. Run kaishin-agent enroll.",
    ),
    (
        IN_USE,
        "このデータフォルダーは別のエージェントが使用中です。動いているエージェントをそのまま使うか、先に終了してください。",
        "Another agent is using this data folder. Leave it running, or stop it first.",
    ),
    (
        GUIDE_STRANGER,
        "この画面のリンクはもう使えません。サポート窓口に、もう一度表示するよう伝えてください。",
        "This link works no longer. Ask the support desk to show the page again.",
    ),
    (
        GUIDE_ELSEWHERE,
        "別の画面からの操作なので受け付けません。サポート窓口が開いた画面で操作してください。",
        "This came from another page and is not taken. Use the page that the support desk opened.",
    ),
    (
        GUIDE_NOT_UNDERSTOOD,
        "この操作はできません。サポート窓口が開いた画面に戻ってください。",
        "This cannot be done here. Go back to the page that the support desk opened.",
    ),
    (
        GUIDE_NONE,
        "表示中の案内はありません。サポート窓口から作業の依頼があると表示されます。",
        "No guide is being shown. One appears when the support desk asks for something.",
    ),
    (
        NOT_RUNNING,
        "この端末でエージェントが動いていません。端末を再起動するか、ヘルプデスクに連絡してください。",
        "The agent is not running on this terminal. Restart the terminal, or call the help desk.",
    ),
];

/// "E-AGENT-07 日本語 / English"; a code without words stands alone.
pub fn say(code: &str) -> String {
    match find(code) {
        Some(Words { ja, en }) => format!("{code} {ja} / {en}"),
        None => code.to_owned(),
    }
}

/// For people at the terminal; a code without words stands alone.
pub fn of(code: &str) -> Words {
    find(code).unwrap_or_else(|| Words::new(code, code))
}

fn find(code: &str) -> Option<Words> {
    let own = WORDS.iter().find(|(known, _, _)| *known == code);
    own.map(|(_, ja, en)| Words::new(*ja, *en))
        .or_else(|| ending::words(code))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use kaishin_proto::evidence;

    use super::*;

    #[test]
    fn every_code_stands_once_and_has_words_in_both_languages() {
        let codes: std::collections::BTreeSet<_> = WORDS.iter().map(|(code, _, _)| code).collect();
        assert_eq!(codes.len(), WORDS.len());
        for (code, ja, en) in WORDS {
            assert!(ja.chars().any(|c| c > '\u{3000}'), "{code}");
            assert!(en.is_ascii() && en.ends_with('.'), "{code}");
            assert!(say(code).starts_with(code));
            assert_eq!(ending::words(code), None, "{code} is said in one place");
        }
    }

    /// The agent's own sources, without what only tests are made of.
    fn sources() -> Vec<(String, String)> {
        let mut left = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        let mut sources = Vec::new();
        while let Some(place) = left.pop() {
            if place.is_dir() {
                left.extend(place.read_dir().unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let name = place.display().to_string();
            let text = std::fs::read_to_string(&place).unwrap_or_default();
            if name.ends_with(".rs") && !name.contains("tests") {
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                sources.push((name, code.to_owned()));
            }
        }
        sources
    }

    /// What stands between these two, wherever it does.
    fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
        let found = text.split(start).skip(1);
        found.filter_map(|rest| Some(rest.split_once(end)?.0)).collect()
    }

    #[test]
    fn every_code_that_a_job_can_end_with_has_words_that_the_server_knows() {
        let known = |name: &str| ending::ALL.iter().any(|ending| ending.name == name);
        let mut seen = 0;
        for (name, code) in sources() {
            let flat: String = code.split_whitespace().collect();
            // `Failed { code: words::X, .. }`, and what the core itself ends a job with.
            let mut used = between(&flat, "code:words::", ",");
            used.extend(between(&flat, "code:crate::words::", ","));
            for outcome in ["Cancelled", "Expired", "Failed", "Refused", "Unknown"] {
                used.extend(between(&flat, &format!("Outcome::{outcome},words::"), ","));
            }
            used.extend(between(&flat, "refused(words::", ","));
            used.extend(between(&flat, "capped(words::", ","));
            seen += used.len();
            for one in used {
                assert!(known(one), "{name}: a job can end with {one}, and it has no words");
            }
            let own = code.matches("\"E-JOB-").count();
            assert!(
                own == 0 || name.ends_with("words.rs"),
                "{name} makes up a code of its own"
            );
        }
        assert!(seen >= 25, "only {seen} were found");
        for (code, _, _) in WORDS.iter().filter(|(code, _, _)| code.starts_with("E-JOB-")) {
            assert_eq!(*code, JOB_MANY_QUESTIONS, "it ends no job: it answers a question");
        }
    }

    #[test]
    fn every_reason_to_wait_that_the_agent_tells_has_words() {
        let mut seen = 0;
        for (name, code) in sources() {
            for said in between(&code, "\"waits", "\"") {
                // What is filled in may be anything.
                let mut example = String::from("waits");
                let mut rest = said;
                while let Some((before, after)) = rest.split_once('{') {
                    example = example + before + "1";
                    rest = after.split_once('}').map_or("", |(_, rest)| rest);
                }
                example += rest;
                seen += 1;
                assert!(evidence::words(&example).is_some(), "{name}: {example}");
            }
        }
        assert!(seen >= 12, "only {seen} were found");
    }

    /// Texts within quotation marks, with what stands between each and the one before it.
    fn literals(code: &str) -> Vec<(String, String)> {
        let (mut found, mut between) = (Vec::new(), String::new());
        let mut rest = code;
        while let Some(first) = rest.chars().next() {
            if rest.starts_with("//") {
                rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
            } else if let Some(quote) = ["'\"'", "'\\\\'", "'\\''"]
                .iter()
                .find(|quote| rest.starts_with(**quote))
            {
                rest = &rest[quote.len()..];
            } else if first == '"' {
                let raw = between.ends_with('r');
                let mut escaped = false;
                let end = rest[1..].find(|c| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped && !raw;
                    ends
                });
                let end = end.expect("a text ends");
                found.push((std::mem::take(&mut between), rest[1..=end].to_owned()));
                rest = &rest[end + 2..];
            } else {
                between.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        found
    }

    /// What is filled in may be anything.
    fn example(said: &str) -> String {
        let (mut example, mut rest) = (String::new(), said);
        while let Some((before, after)) = rest.split_once('{') {
            example = example + before + "1";
            rest = after.split_once('}').map_or("", |(_, rest)| rest);
        }
        example + rest
    }

    /// Not sentences, or not for people: parts of sentences, names and values of settings, and lines of a record.
    const PARTS: &[&str] = &[
        ", the end of more",
        "; {left_out} left out because they may speak of patients",
        "{at} {level} {source} {number}",
        "{at} {level} {source} {number}: {}",
        "(a line that is no text)",
        "(a line was left out: it may speak of a patient)",
        "NOT reached, {}",
        "{} ({}): {outcome}",
        "; {warning}",
        "; not signed in, and left as they are: {}",
        "{}; its policies are still there: {}",
        "{how} {entries}",
        "{told} (signed out)",
        "boot ",
        "; services that run: ",
        "{id} {said}",
        "{id} {ADDRESS} {said}",
        "{} removed",
        "{}: {error}",
        "policy file",
        "sleep on mains",
        "sleep on battery",
        "daily restart",
        "task {path}",
        "after {} min",
        "unknown ({})",
        "{} exceptions",
        "{server} with {shown}",
        "a new one",
        "Windows Update",
        "not searched now",
        "searched, downloaded and installed",
        "the person at the terminal",
        "whether the clock is right",
        "waits: {waits_for}",
    ];

    #[test]
    fn every_sentence_that_steps_and_their_ends_are_told_with_has_words() {
        let (mut seen, mut without) = (0, Vec::new());
        for (name, code) in sources() {
            let core = ["core/book.rs", "core/caps.rs", "core/consent.rs", "core/jobs.rs"];
            let name = name.replace('\\', "/");
            if !name.contains("src/remedies/") && !core.iter().any(|file| name.ends_with(file)) {
                continue;
            }
            let mut japanese = false;
            for (between, said) in literals(&code) {
                // "日本語", "English": in both languages where it stands.
                let beside = japanese && between.trim() == ",";
                japanese = !said.is_ascii();
                let letters = said
                    .split_whitespace()
                    .filter(|word| word.chars().any(char::is_alphabetic));
                let sentence = letters.count() > 1 && !said.contains(['<', '\n']) && !said.contains("\\n");
                if !sentence || japanese || beside || PARTS.contains(&said.as_str()) {
                    continue;
                }
                seen += 1;
                if evidence::words(&example(&said)).is_none() {
                    without.push(format!("{name}: {said}"));
                }
            }
        }
        assert!(without.is_empty(), "{without:#?}");
        assert!(seen >= 60, "only {seen} were found");
    }
}
