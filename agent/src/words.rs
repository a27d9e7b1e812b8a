//! What the agent says to people: stable codes with Japanese and English words that tell what to do. Shown by the command
//! line, logged, and (the `E-JOB` codes) sent with a job's result.

use kaishin_proto::words::Words;

pub const JOB_DONE: &str = "I-JOB-00";
pub const JOB_UNKNOWN: &str = "E-JOB-01";
pub const JOB_TOO_LATE: &str = "E-JOB-02";
pub const JOB_TOO_MANY: &str = "E-JOB-03";
pub const JOB_UNCERTAIN: &str = "E-JOB-05";
pub const JOB_CANCELLED: &str = "E-JOB-06";
pub const JOB_NOT_VERIFIED: &str = "E-JOB-07";
pub const JOB_NO_PERMISSION: &str = "E-JOB-08";
pub const JOB_NOT_SUPPORTED: &str = "E-JOB-09";
pub const JOB_MACHINE_FAILED: &str = "E-JOB-10";
pub const JOB_NO_RECORD: &str = "E-JOB-40";
pub const JOB_CHANGED_SINCE: &str = "E-JOB-41";
pub const JOB_TAKEN_BACK: &str = "E-JOB-42";
pub const JOB_MANY_QUESTIONS: &str = "E-JOB-44";
pub const JOB_NOT_APPLICABLE: &str = "E-JOB-04";
pub const POLICY_DAMAGED: &str = "E-JOB-51";

pub const JOB_DECLINED: &str = "E-JOB-60";
pub const JOB_NO_RESTART: &str = "E-JOB-61";
pub const JOB_NOT_BACK: &str = "E-JOB-62";
pub const JOB_NOT_UP_TO_DATE: &str = "E-JOB-63";
pub const JOB_UPDATE_FAILED: &str = "E-JOB-64";
/// The person at the terminal, and what may happen to one terminal in a day.
pub const JOB_SAID_NO: &str = "E-JOB-31";
pub const JOB_NO_ANSWER: &str = "E-JOB-32";
pub const JOB_WRONG_CODE: &str = "E-JOB-33";
pub const JOB_DAILY_CAP: &str = "E-JOB-34";
pub const JOB_READ_ONLY: &str = "E-JOB-35";
pub const JOB_CLOCK: &str = "E-JOB-36";

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
pub const GUIDE_LATER: &str = "E-GUIDE-05";

/// Code, Japanese, English.
const WORDS: &[(&str, &str, &str)] = &[
    (
        JOB_DONE,
        "作業が終わりました。ご協力ありがとうございました。",
        "It is done. Thank you for your help.",
    ),
    (
        JOB_UNKNOWN,
        "このエージェントは、この対処を知りません。エージェントを更新してください。",
        "This agent does not know this remedy. Update the agent.",
    ),
    (
        JOB_TOO_LATE,
        "期限を過ぎてから届きました。もう一度指示してください。",
        "It arrived after its deadline. Order it again.",
    ),
    (
        JOB_TOO_MANY,
        "この端末には処理待ちの指示が多すぎます。終わるのを待って、もう一度指示してください。",
        "Too much work is waiting on this terminal. Wait until some is done, then order it again.",
    ),
    (
        JOB_UNCERTAIN,
        "途中で電源が切れ、完了したか確認できません。端末の状態を目で確認してください。",
        "Interrupted, and whether it was done cannot be told. Look at the terminal.",
    ),
    (JOB_CANCELLED, "取り消されました。", "It was cancelled."),
    (
        JOB_NOT_VERIFIED,
        "変更したはずの設定が元のままです。別のソフトや管理ポリシーが戻していないか確認してください。",
        "The setting reads as before although it was changed. See whether other software or a policy sets it back.",
    ),
    (
        JOB_NO_PERMISSION,
        "Windowsに拒否されました。エージェントがSYSTEMで動いているか確認してください。",
        "Windows denied it. See that the agent runs as SYSTEM.",
    ),
    (
        JOB_NOT_SUPPORTED,
        "この端末では行えない対処です。",
        "This remedy does not exist on this kind of machine.",
    ),
    (
        JOB_MACHINE_FAILED,
        "端末の読み書きに失敗しました。端末を再起動して、もう一度指示してください。",
        "Reading or writing on the terminal failed. Restart it and order it again.",
    ),
    (
        JOB_NOT_APPLICABLE,
        "この端末は対象外です。何も変えていません。理由は記録の詳細をご覧ください。",
        "This is not for this terminal, and nothing was changed. The record says why.",
    ),
    (
        JOB_NO_RECORD,
        "この作業の変更前の記録が端末に残っていないため、元に戻せません。設定を目で確認してください。",
        "The terminal keeps no record of that job, so it cannot be taken back. Look at the setting.",
    ),
    (
        JOB_CHANGED_SINCE,
        "その後に別の変更があったため、元に戻していません。今の設定を確認してください。",
        "It was changed again since, so nothing was taken back. Look at the present setting.",
    ),
    (
        JOB_TAKEN_BACK,
        "この作業はすでに元に戻しています。",
        "That job was taken back already.",
    ),
    (
        JOB_MANY_QUESTIONS,
        "この端末には確認の問い合わせが重なっています。少し待って、もう一度確認してください。",
        "This terminal is being asked too much at once. Wait a moment and ask again.",
    ),
    (
        POLICY_DAMAGED,
        "この端末のポリシーファイルが壊れているため、何も変えていません。ポリシーエディター（gpedit.msc）で設定し直してください。",
        "This terminal's policy file is damaged, so nothing was changed. Set the policy with the policy editor (gpedit.msc).",
    ),
    (
        JOB_DECLINED,
        "端末の画面で断られました。何も変えていません。都合のよい時を聞いて、もう一度指示してください。",
        "It was refused on the terminal's screen, and nothing was changed. Ask when it suits them, then order it again.",
    ),
    (
        JOB_NO_RESTART,
        "Windowsが再起動しませんでした。保存していないソフトが開いていないか確認し、画面から再起動してもらってください。",
        "Windows did not restart. See whether a program with unsaved work is open, and have it restarted from the screen.",
    ),
    (
        JOB_NOT_BACK,
        "再起動しましたが、動いていたサービスが動いていません。記録の詳細にある名前を確認してください。",
        "It restarted, but a service that ran before does not run. The record says which.",
    ),
    (
        JOB_NOT_UP_TO_DATE,
        "配信アプリの更新が済みませんでした。配信日は混み合います。時間をおいてもう一度指示し、続くときは接続を確認してください。",
        "The distribution software did not finish its updates. Release days are busy: order it again later, and check the connections if it goes on.",
    ),
    (
        JOB_UPDATE_FAILED,
        "Windows Updateが失敗しました。記録の詳細に番号と理由があります。理由を取り除いてから、もう一度指示してください。",
        "Windows Update failed. The record has the number and the reason; remove the reason, then order it again.",
    ),
    (
        JOB_SAID_NO,
        "端末の前の方が「いいえ」を選びました。何も変えていません。都合のよい時間を伺ってください。",
        "The person at the terminal said no, and nothing was changed. Ask when it would suit.",
    ),
    (
        JOB_NO_ANSWER,
        "端末の画面の確認に返事がありませんでした。何も変えていません。電話で端末の前にいるか確かめてください。",
        "Nobody answered the question on the terminal's screen, and nothing was changed. Call, and see that somebody is there.",
    ),
    (
        JOB_WRONG_CODE,
        "確認番号を3回まちがえたため、中止しました。何も変えていません。電話の相手と端末が合っているか確かめてください。",
        "Three wrong codes: it was given up, and nothing was changed. See that caller and terminal belong together.",
    ),
    (
        JOB_DAILY_CAP,
        "この端末で一日に行える変更の回数に達しました。何も変えていません。明日もう一度指示してください。",
        "This terminal has had its changes for today, and nothing was changed. Order it again tomorrow.",
    ),
    (
        JOB_READ_ONLY,
        "変更が2回続けて失敗したため、人が端末を確かめるまで変更しません。電話で端末の状態を確かめてください。",
        "Two changes in a row failed: nothing more is changed before a person looks. Look at the terminal on the phone.",
    ),
    (
        JOB_CLOCK,
        "端末の時計が10分以上ずれているため、業務に影響する作業はしません。先に時刻の同期先を直してください。",
        "The terminal's clock is more than ten minutes off: nothing that disturbs the desk is done. Put the time source right first.",
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
    (
        GUIDE_LATER,
        "端末の前の方が「あとで」を選びました。理由を確かめ、都合のよい時間にもう一度指示してください。",
        "The person at the terminal chose later. See the reason, and order it again when it suits them.",
    ),
];

/// "E-AGENT-07 日本語 / English"; a code without words stands alone.
pub fn say(code: &str) -> String {
    match WORDS.iter().find(|(known, _, _)| *known == code) {
        Some((_, ja, en)) => format!("{code} {ja} / {en}"),
        None => code.to_owned(),
    }
}

/// For people at the terminal; a code without words stands alone.
pub fn of(code: &str) -> Words {
    match WORDS.iter().find(|(known, _, _)| *known == code) {
        Some((_, ja, en)) => Words::new(*ja, *en),
        None => Words::new(code, code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_once_and_has_words_in_both_languages() {
        let codes: std::collections::BTreeSet<_> = WORDS.iter().map(|(code, _, _)| code).collect();
        assert_eq!(codes.len(), WORDS.len());
        for (code, ja, en) in WORDS {
            assert!(ja.chars().any(|c| c > '\u{3000}'), "{code}");
            assert!(en.is_ascii() && en.ends_with('.'), "{code}");
            assert!(say(code).starts_with(code));
        }
    }
}
