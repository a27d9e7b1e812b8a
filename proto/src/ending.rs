//! How a job ends, in words: each code that the terminal or the server ends one with, once, for both sides. A code is never
//! given another meaning; what is not in this list comes from a newer agent.

use crate::words::Words;

/// A code with its words: what happened, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// As the code is called in the source.
    pub name: &'static str,
    pub code: &'static str,
    pub ja: &'static str,
    pub en: &'static str,
}

/// A code cannot be without words: both are written in one place.
macro_rules! endings {
    ($($name:ident $code:literal $ja:literal $en:literal)*) => {
        $(pub const $name: &str = $code;)*
        pub const ALL: &[Ending] = &[$(Ending { name: stringify!($name), code: $code, ja: $ja, en: $en },)*];
    };
}

endings! {
    JOB_UNKNOWN "E-JOB-01"
        "このエージェントは、この対処を知りません。エージェントを更新してください。"
        "This agent does not know this remedy. Update the agent."
    JOB_TOO_LATE "E-JOB-02"
        "期限を過ぎたため、やめました。もう一度指示してください。"
        "Its deadline has passed, so it was given up. Order it again."
    JOB_TOO_MANY "E-JOB-03"
        "この端末には処理待ちの指示が多すぎます。終わるのを待って、もう一度指示してください。"
        "Too much work is waiting on this terminal. Wait until some is done, then order it again."
    JOB_NOT_APPLICABLE "E-JOB-04"
        "この端末は対象外です。何も変えていません。理由は記録の詳細をご覧ください。"
        "This is not for this terminal, and nothing was changed. The record says why."
    JOB_UNCERTAIN "E-JOB-05"
        "途中で電源が切れ、完了したか確認できません。端末の状態を目で確認してください。"
        "Interrupted, and whether it was done cannot be told. Look at the terminal."
    JOB_CANCELLED "E-JOB-06"
        "取り消されました。"
        "It was cancelled."
    JOB_NOT_VERIFIED "E-JOB-07"
        "変更したはずの設定が元のままです。別のソフトや管理ポリシーが戻していないか確認してください。"
        "The setting reads as before although it was changed. See whether other software or a policy sets it back."
    JOB_NO_PERMISSION "E-JOB-08"
        "Windowsに拒否されました。エージェントがSYSTEMで動いているか確認してください。"
        "Windows denied it. See that the agent runs as SYSTEM."
    JOB_NOT_SUPPORTED "E-JOB-09"
        "この端末では行えない対処です。"
        "This remedy does not exist on this kind of machine."
    JOB_MACHINE_FAILED "E-JOB-10"
        "端末の読み書きに失敗しました。端末を再起動して、もう一度指示してください。"
        "Reading or writing on the terminal failed. Restart it and order it again."
    JOB_UNREADABLE "E-JOB-11"
        "作業は行いましたが、結果を端末から読み取れず、確認できていません。情報を更新して、今の状態を確かめてください。"
        "It was done, but the result could not be read and so is not proven. Refresh the facts and see how it is now."
    JOB_REVOKED "E-JOB-21"
        "端末が失効したため、この作業を終わりにしました。"
        "The terminal was revoked, which ended this work."
    JOB_REIMAGED "E-JOB-22"
        "端末が初期化または交換されたため、この作業を終わりにしました。必要なら、もう一度指示してください。"
        "The terminal was reimaged or replaced, which ended this work. Order it again if it is still needed."
    JOB_EXPIRED "E-JOB-23"
        "期限までに端末が接続しなかったため、行われませんでした。端末の電源とネットワークを確かめて、もう一度指示してください。"
        "The terminal was not there before the deadline, and nothing was done. Check its power and network, then order it again."
    JOB_SILENT "E-JOB-24"
        "端末が作業を受け取ったまま、連絡が途絶えました。端末の状態を目で確認してください。"
        "The terminal took the work and has not been heard of since. Look at the terminal."
    JOB_SAID_NO "E-JOB-31"
        "端末の前の方が「いいえ」を選びました。何も変えていません。都合のよい時間を伺ってください。"
        "The person at the terminal said no, and nothing was changed. Ask when it would suit."
    JOB_NO_ANSWER "E-JOB-32"
        "端末の画面の確認に返事がありませんでした。何も変えていません。電話で端末の前にいるか確かめてください。"
        "Nobody answered the question on the terminal's screen, and nothing was changed. Call, and see that somebody is there."
    JOB_WRONG_CODE "E-JOB-33"
        "確認番号を3回まちがえたため、中止しました。何も変えていません。電話の相手と端末が合っているか確かめてください。"
        "Three wrong codes: it was given up, and nothing was changed. See that caller and terminal belong together."
    JOB_DAILY_CAP "E-JOB-34"
        "この端末で一日に行える変更の回数に達しました。何も変えていません。明日もう一度指示してください。"
        "This terminal has had its changes for today, and nothing was changed. Order it again tomorrow."
    JOB_CLOCK "E-JOB-36"
        "端末の時計が10分以上ずれていて日付を確かめられないため、今日はこれ以上変更しません。先に時刻の同期先を直してください。"
        "The terminal's clock is more than ten minutes off, so no new day is known to have begun, and no more is changed. Put the time source right first."
    JOB_NOTICES "E-JOB-37"
        "この端末の画面に一日に出せるお知らせの数に達しました。表示していません。電話で伝えてください。"
        "This terminal's screen has had its messages for today, and this one was not shown. Tell them on the phone."
    JOB_NO_RECORD "E-JOB-40"
        "この作業の変更前の記録が端末に残っていないため、元に戻せません。設定を目で確認してください。"
        "The terminal keeps no record of that job, so it cannot be taken back. Look at the setting."
    JOB_CHANGED_SINCE "E-JOB-41"
        "その後に別の変更があったため、元に戻していません。今の設定を確認してください。"
        "It was changed again since, so nothing was taken back. Look at the present setting."
    JOB_TAKEN_BACK "E-JOB-42"
        "この作業はすでに元に戻しています。"
        "That job was taken back already."
    POLICY_DAMAGED "E-JOB-51"
        "この端末のポリシーファイルが壊れているため、何も変えていません。ポリシーエディター（gpedit.msc）で設定し直してください。"
        "This terminal's policy file is damaged, so nothing was changed. Set the policy with the policy editor (gpedit.msc)."
    JOB_CAME_SINCE "E-JOB-52"
        "作業の途中で別の人のサインインなどがあり、そこで増えたものは変えずに残しました。もう一度指示してください。"
        "Something came in while it was under way, such as another sign-in, and was left as it is. Order it again."
    JOB_STILL_WRONG "E-JOB-53"
        "設定はしましたが、不具合は残っています。記録の詳細にあるものは自動で変えられないため、人が確かめて直してください。"
        "It was set, but the fault stands: what the record names cannot be changed by itself. A person has to look at it."
    JOB_DECLINED "E-JOB-60"
        "端末の画面で断られました。何も変えていません。都合のよい時を聞いて、もう一度指示してください。"
        "It was refused on the terminal's screen, and nothing was changed. Ask when it suits them, then order it again."
    JOB_NO_RESTART "E-JOB-61"
        "Windowsが再起動しませんでした。保存していないソフトが開いていないか確認し、画面から再起動してもらってください。"
        "Windows did not restart. See whether a program with unsaved work is open, and have it restarted from the screen."
    JOB_NOT_BACK "E-JOB-62"
        "再起動しましたが、動いていたサービスが動いていません。記録の詳細にある名前を確認してください。"
        "It restarted, but a service that ran before does not run. The record says which."
    JOB_NOT_UP_TO_DATE "E-JOB-63"
        "配信アプリの更新が済みませんでした。配信日は混み合います。時間をおいてもう一度指示し、続くときは接続を確認してください。"
        "The distribution software did not finish its updates. Release days are busy: order it again later, and check the connections if it goes on."
    JOB_UPDATE_FAILED "E-JOB-64"
        "Windows Updateが失敗しました。記録の詳細に番号と理由があります。理由を取り除いてから、もう一度指示してください。"
        "Windows Update failed. The record has the number and the reason; remove the reason, then order it again."
    JOB_RECORD_UNNAMED "E-JOB-65"
        "この記録の場所が端末設定に登録されていません。端末設定に場所を加えてから、もう一度指示してください。"
        "The terminal profile does not say where this record is. Add its place to the profile, then order it again."
    JOB_RECORD_ABSENT "E-JOB-66"
        "この端末にその記録はありません。ソフトが入っているか、端末設定の場所が正しいか確認してください。"
        "This terminal has no such record. See whether the software is installed and the place in the profile is right."
    JOB_RECORD_TOO_LARGE "E-JOB-67"
        "記録が大きすぎて読み取れません。記録が増え続けていないか、端末で確認してください。"
        "The record is too large to be read. See on the terminal whether it grows without end."
    JOB_RECORD_NO_TEXT "E-JOB-68"
        "記録を文字として読み取れません。端末設定の場所が正しいか確認してください。"
        "The record does not read as text. See whether the place in the profile is right."
    EXTENSION_ABSENT "E-JOB-70"
        "新しい拡張機能のファイルが端末にそろっていません。何も変えていません。先に配信アプリで最新にしてください。"
        "The new extension files are not all on the terminal, and nothing was changed. Refresh by the distribution software first."
    EXTENSION_DAMAGED "E-JOB-71"
        "新しい拡張機能のファイルが壊れています。何も変えていません。配信アプリで受け取り直してください。"
        "A new extension file is damaged, and nothing was changed. Have the distribution software fetch it again."
    EXTENSION_STRANGE "E-JOB-72"
        "拡張機能のファイルのIDが、決められたものと違います。何も変えていません。ファイルの出どころを確かめてください。"
        "An extension file has another id than it should, and nothing was changed. Find out where the file came from."
    EXTENSION_TOO_OLD "E-JOB-73"
        "端末にある拡張機能のファイルが古い版です。何も変えていません。先に配信アプリで最新にしてください。"
        "An extension file on the terminal is too old, and nothing was changed. Refresh by the distribution software first."
    EXTENSION_NOT_FORCED "E-JOB-74"
        "ドメインに参加していない端末では、ポリシーで拡張機能を入れられません。何も変えていません。「端末の前の方に入れていただく」を選んでください。"
        "Policy installs extensions only on terminals in a domain, and nothing was changed. Choose to have the person there put them in."
    EXTENSION_POLICY "E-JOB-75"
        "Edgeの別のポリシーが拡張機能を禁じているか、読めない形です。何も変えていません。ポリシーの管理者に確かめてください。"
        "Another policy of Edge forbids the extension, or cannot be read; nothing was changed. Ask whoever manages the policies."
    EXTENSION_NOT_IN "E-JOB-76"
        "新しい拡張機能がそろいませんでした。古いものは外していません。足りないものと理由は記録の詳細にあります。"
        "The new extensions are not all in, and the old ones were left. The record says which is missing, and why."
    EXTENSION_KEPT_OLD "E-JOB-77"
        "途中で新しい拡張機能が切られたため、古いものを外さずに止めました。Edgeの「拡張機能の管理」でオンにして、もう一度指示してください。"
        "A new extension was switched off meanwhile, so the old ones were left. Have it switched on in Edge and order it again."
    EXTENSION_NOT_OUT "E-JOB-78"
        "新しい拡張機能は入りましたが、古いものが残っています。その利用者がEdgeを開いているときに、もう一度指示してください。"
        "The new extensions are in, but an old one is left. Order it again while that user has Edge open."
    EXTENSION_UNSEEN "E-JOB-79"
        "入れ替えのあと、新しい拡張機能がそろっていることを確認できませんでした。Edgeの「拡張機能の管理」で足りないものを確かめ、もう一度指示してください。"
        "After the swap the new extensions could not all be seen. Look for what is missing in Edge and order it again."
    GUIDE_LATER "E-GUIDE-05"
        "端末の前の方が「あとで」を選びました。理由を確かめ、都合のよい時間にもう一度指示してください。"
        "The person at the terminal chose later. See the reason, and order it again when it suits them."
}

/// `None` for a code that this build does not know, and for none at all.
pub fn words(code: &str) -> Option<Words> {
    let ending = ALL.iter().find(|ending| ending.code == code)?;
    Some(Words::new(ending.ja, ending.en))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_stands_once_and_has_words_in_both_languages() {
        let codes: BTreeSet<_> = ALL.iter().map(|ending| ending.code).collect();
        assert_eq!(codes.len(), ALL.len());
        for Ending { code, ja, en, .. } in ALL {
            assert!(code.starts_with("E-JOB-") || code.starts_with("E-GUIDE-"), "{code}");
            assert!(ja.chars().any(|c| c > '\u{3000}') && ja.ends_with('。'), "{code}");
            assert!(en.is_ascii() && en.ends_with('.'), "{code}");
            assert_eq!(words(code), Some(Words::new(*ja, *en)));
        }
        assert_eq!((words(""), words("E-JOB-99")), (None, None));
    }
}
