//! How the agent stands, in words that somebody at a reception desk can read out on the phone.

use kaishin_proto::time::Time;
use serde_json::{Value as Json, json};

use crate::callcode::Shown;
use crate::core::{Failure, Status};
use crate::words;

/// What `kaishin-agent enroll` ends with, where the agent itself would go on to connect.
pub fn enrolled() -> (&'static str, String, String) {
    let ja = "登録が完了しました。続けて kaishin-agent run で動かしてください。";
    let en = "This terminal is registered. Now start it with kaishin-agent run.";
    ("enrolled", ja.to_owned(), en.to_owned())
}

/// A short name for programs, and the sentence for people in both languages.
pub fn told(status: &Status) -> (&'static str, String, String) {
    let both = |ja: &str, en: &str| (ja.to_owned(), en.to_owned());
    let (name, (ja, en)) = match status {
        Status::Starting => ("starting", both("起動しています。", "Starting.")),
        Status::Enrolling => (
            "enrolling",
            both(
                "サーバーに登録を申し込んでいます。",
                "Asking the server to register this terminal.",
            ),
        ),
        Status::Pending { request_id } => (
            "pending",
            both(
                &format!("サポート窓口の承認を待っています。受付番号 {request_id} をお伝えください。"),
                &format!("Waiting for the support desk to approve. Tell them the number {request_id}."),
            ),
        ),
        Status::Refused { code, ja, en } => ("refused", both(&format!("{code} {ja}"), &format!("{code} {en}"))),
        Status::Connecting => (
            "connecting",
            both("サーバーに接続しています。", "Connecting to the server."),
        ),
        Status::Online { .. } => (
            "online",
            both(
                "サーバーに接続しています。正常です。",
                "Connected to the server. All is well.",
            ),
        ),
        Status::Waiting { until, why } => ("waiting", waiting(*until, why)),
        Status::Incompatible { .. } => ("incompatible", split(words::INCOMPATIBLE)),
        Status::Revoked => ("revoked", split(words::REVOKED)),
        Status::Stopped => ("stopped", both("停止しました。", "Stopped.")),
    };
    (name, ja, en)
}

fn waiting(until: Time, why: &Failure) -> (String, String) {
    let (code, detail) = match why {
        Failure::Line(detail) => (words::UNREACHABLE, detail.as_str()),
        Failure::WrongServer(detail) => (words::WRONG_SERVER, detail.as_str()),
        Failure::NotAccepted(detail) => (words::NOT_ENROLLED, detail.as_str()),
        Failure::Revoked => (words::REVOKED, ""),
    };
    let (ja, en) = split(code);
    let at = until.rfc3339();
    (
        format!("{ja}（次の接続: {at}）{detail}"),
        format!("{en} (next try: {at}) {detail}"),
    )
}

fn split(code: &str) -> (String, String) {
    let said = words::say(code);
    match said.split_once(" / ") {
        Some((ja, en)) => (ja.to_owned(), format!("{code} {en}")),
        None => (said.clone(), said),
    }
}

/// What `kaishin-agent code` shows: large enough to be read out, and what to do with it.
pub fn code_told(shown: Option<&Shown>, now: Time, as_json: bool) -> String {
    if as_json {
        let code = shown.map(|shown| &shown.code);
        let until = shown.map(|shown| shown.until.rfc3339());
        return json!({ "code": code, "until": until }).to_string();
    }
    let Some(shown) = shown else {
        return "コードを取り寄せています。お待ちください。\nGetting a code; please wait.\n".to_owned();
    };
    let digits: Vec<String> = shown.code.chars().map(String::from).collect();
    let minutes = (shown.until.since(now).as_seconds() + 59) / 60;
    format!(
        "サポート窓口に、次の4桁をお伝えください。\nRead these four digits to the support desk.\n\n    {}\n\n\
         約{minutes}分で新しいコードに変わります。\nIt changes in about {minutes} min.\n",
        digits.join(" ")
    )
}

/// What `kaishin-agent status` reads.
pub fn shown(status: &Status, now: Time) -> Json {
    let (name, ja, en) = told(status);
    let terminal = match status {
        Status::Online { terminal_id } => Some(terminal_id),
        Status::Starting
        | Status::Enrolling
        | Status::Pending { .. }
        | Status::Refused { .. }
        | Status::Connecting
        | Status::Waiting { .. }
        | Status::Incompatible { .. }
        | Status::Revoked
        | Status::Stopped => None,
    };
    json!({ "state": name, "terminal_id": terminal, "ja": ja, "en": en, "at": now.rfc3339() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_told_digit_by_digit_with_how_long_it_is_good() {
        let shown = Shown {
            code: "0712".into(),
            until: Time(241_000_000),
        };
        let told = code_told(Some(&shown), Time(1_000_000), false);
        assert!(
            told.contains("    0 7 1 2\n") && told.contains("約4分") && told.contains("about 4 min"),
            "{told}"
        );
        assert!(code_told(None, Time(0), false).contains("お待ちください"));
        let json = code_told(Some(&shown), Time(0), true);
        assert!(json.contains("\"code\":\"0712\""), "{json}");
    }

    #[test]
    fn every_sentence_says_something_in_both_languages() {
        let all = [
            Status::Starting,
            Status::Pending { request_id: "7".into() },
            Status::Online {
                terminal_id: "t".into(),
            },
            Status::Waiting {
                until: Time(0),
                why: Failure::Line("refused".into()),
            },
            Status::Waiting {
                until: Time(0),
                why: Failure::WrongServer("other".into()),
            },
            Status::Incompatible {
                ja: String::new(),
                en: String::new(),
            },
            Status::Revoked,
        ];
        for status in all {
            let (name, ja, en) = told(&status);
            assert!(
                !name.is_empty() && ja.chars().any(|c| c > '\u{3000}') && en.is_ascii(),
                "{status:?}: {ja} / {en}"
            );
        }
    }
}
