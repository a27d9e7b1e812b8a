//! Procedures that only the person in front of the terminal can do: what each step asks of them, with the label as it stands
//! on their screen. No password, key or file of theirs is ever asked for.

use serde::{Deserialize, Serialize};

use super::about::{VERIFY, said, step};
use super::{About, Class, Restart, Said, StepAbout};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "remedy", rename_all = "kebab-case")]
pub enum Procedure {
    DisplayScale,
    CertificateBackup,
    TaskRepair,
    ShareRepair,
    AccountCheck,
    CardReaderPowerCycle,
}

impl Procedure {
    pub const ALL: [Procedure; 6] = [
        Procedure::DisplayScale,
        Procedure::CertificateBackup,
        Procedure::TaskRepair,
        Procedure::ShareRepair,
        Procedure::AccountCheck,
        Procedure::CardReaderPowerCycle,
    ];

    pub fn about(self) -> &'static About {
        match self {
            Procedure::DisplayScale => &DISPLAY_SCALE,
            Procedure::CertificateBackup => &CERTIFICATE_BACKUP,
            Procedure::TaskRepair => &TASK_REPAIR,
            Procedure::ShareRepair => &SHARE_REPAIR,
            Procedure::AccountCheck => &ACCOUNT_CHECK,
            Procedure::CardReaderPowerCycle => &CARD_READER_POWER_CYCLE,
        }
    }
}

const fn about(
    id: &'static str,
    title: Said,
    effect: Said,
    minutes: u32,
    facts: &'static [&'static str],
    steps: &'static [StepAbout],
) -> About {
    About {
        id,
        class: Class::Consent,
        parameters: &[],
        steps,
        restart: Restart::None,
        seconds: minutes * 60,
        undo: false,
        facts,
        title,
        effect,
    }
}

const DISPLAY_SCALE: About = about(
    "display-scale",
    said(
        "画面の拡大率を100%に戻す（画面のご案内）",
        "Set the display scale to 100 % (guided)",
    ),
    said(
        "画面の案内に沿って、表示の拡大率を100%に戻していただきます。途中で一度サインアウトするので、開いている画面は先に閉じてください。",
        "The page guides you through setting the display scale back to 100 %. You sign out once on the way, so close what is open first.",
    ),
    5,
    &["display.scale"],
    &[
        step(
            "open-display",
            "デスクトップの何もないところを右クリックし、「ディスプレイ設定」をクリックしてください。",
            "Right-click an empty part of the desktop and click “Display settings” (ディスプレイ設定).",
        ),
        step(
            "set-scale",
            "「拡大縮小とレイアウト」の「テキスト、アプリ、その他の項目のサイズを変更する」を「100%」にしてください。",
            "Under “Scale and layout” (拡大縮小とレイアウト) set “Change the size of text, apps, and other items” to 100 %.",
        ),
        step(
            "sign-in-again",
            "開いている画面を閉じ、スタートボタンから「サインアウト」して、もう一度サインインしてください。",
            "Close what is open, sign out (サインアウト) from the Start button and sign in again.",
        ),
        VERIFY,
    ],
);

const CERTIFICATE_BACKUP: About = about(
    "certificate-backup",
    said(
        "電子証明書をバックアップする（画面のご案内）",
        "Back up the certificate (guided)",
    ),
    said(
        "画面の案内に沿って、電子証明書をUSBメモリーなどに保管していただきます。証明書やパスワードがサポート窓口に送られることはありません。",
        "The page guides you through keeping a copy of the certificate on a USB stick. Neither it nor its password is sent to the support desk.",
    ),
    10,
    &[],
    &[
        step(
            "open-store",
            "画面左下のWindowsボタンを右クリックして「ファイル名を指定して実行」を開き、「certmgr.msc」と入力して「OK」を押してください。",
            "Right-click the Windows button, open “Run” (ファイル名を指定して実行), type certmgr.msc and press OK.",
        ),
        step(
            "choose-certificate",
            "「個人」の「証明書」を開き、発行者が「Online Billing NW Common Root CA」で有効期限の切れていないものを右クリックして、「すべてのタスク」から「エクスポート」を選んでください。",
            "Under “Personal” (個人), “Certificates” (証明書), right-click the unexpired one issued by “Online Billing NW Common Root CA” and choose “All Tasks” (すべてのタスク), “Export” (エクスポート).",
        ),
        step(
            "export-key",
            "「はい、秘密キーをエクスポートします」を選び、形式は「Personal Information Exchange - PKCS #12 (.PFX)」のまま次へ進んでください。",
            "Choose “Yes, export the private key” (はい、秘密キーをエクスポートします) and keep the format “Personal Information Exchange - PKCS #12 (.PFX)”.",
        ),
        step(
            "set-password",
            "パスワードを決めて2か所に入力し、保存先を選んで「完了」まで進んでください。パスワードは電話でも伝えず、院内で控えてください。",
            "Choose a password, type it twice, choose where to save and go on to “Finish” (完了). Keep the password in the clinic; do not tell it on the phone.",
        ),
        step(
            "put-away",
            "できたファイル（.pfx）をUSBメモリーなどに移し、端末から離れた場所に保管してください。",
            "Move the file (.pfx) to a USB stick and keep it away from the terminal.",
        ),
    ],
);

const TASK_REPAIR: About = about(
    "task-repair",
    said(
        "タスクの設定を直す（画面のご案内）",
        "Repair the scheduled tasks (guided)",
    ),
    said(
        "画面の案内に沿って、連携や自動更新に使うタスクの設定を直していただきます。受付の業務は続けられます。",
        "The page guides you through repairing the scheduled tasks for linking and updates. Reception goes on as usual.",
    ),
    15,
    &[
        "tasks.missing",
        "tasks.disabled",
        "tasks.wrong_account",
        "tasks.bad_password",
    ],
    &[
        step(
            "open-scheduler",
            "タスクバーの検索ボックスに「タスクスケジューラ」と入力して開き、左の「タスクスケジューラライブラリ」をクリックしてください。",
            "Type タスクスケジューラ (Task Scheduler) in the search box, open it and click “Task Scheduler Library” on the left.",
        ),
        step(
            "import-missing",
            "「OQS_exec」で始まるタスクが足りないときは、右の「タスクのインポート」から登録してください。",
            "Where a task that begins with OQS_exec is missing, register it with “Import Task” (タスクのインポート) on the right.",
        ),
        step(
            "enable-tasks",
            "状態が「無効」のタスクがあれば、右クリックして「有効」をクリックしてください。",
            "Where a task is “Disabled” (無効), right-click it and click “Enable” (有効).",
        ),
        step(
            "set-task-account",
            "タスクをダブルクリックし、「全般」の「ユーザーまたはグループの変更」で「OqsComApp」を指定してください（大文字と小文字を区別します）。",
            "Double-click the task and under “General” (全般) set the user to OqsComApp, upper and lower case exactly so.",
        ),
        step(
            "type-password",
            "「OK」を押し、OqsComAppのパスワードを入力してから、タスクを右クリックして「実行する」をクリックしてください。パスワードそのものは変更しないでください。",
            "Press OK, type the password of OqsComApp, then right-click the task and click “Run” (実行する). Do not change the password itself.",
        ),
        VERIFY,
    ],
);

const SHARE_REPAIR: About = about(
    "share-repair",
    said(
        "共有フォルダーを直す（画面のご案内）",
        "Repair the shared folders (guided)",
    ),
    said(
        "画面の案内に沿って、レセプトコンピューターと受け渡しをするフォルダーの共有を設定していただきます。受付の業務は続けられます。",
        "The page guides you through sharing the folders that the receipt computer reaches. Reception goes on as usual.",
    ),
    10,
    &["shares.missing"],
    &[
        step(
            "open-folder",
            "エクスプローラーで「PC」、「ローカルディスク (C:)」、「OQS」の順に開いてください。",
            "In Explorer open “This PC” (PC), “Local Disk (C:)”, then OQS.",
        ),
        step(
            "share-folders",
            "face、req、res のフォルダーをそれぞれ右クリックして「プロパティ」の「共有」タブを開き、「共有」をクリックして、レセプトコンピューターで使うアカウントを「追加」し、「共有」を押してください。",
            "For each of the folders face, req and res: right-click, “Properties” (プロパティ), tab “Sharing” (共有), click “Share”, add (追加) the receipt computer's account and press “Share”.",
        ),
        VERIFY,
    ],
);

const ACCOUNT_CHECK: About = about(
    "account-check",
    said(
        "連携用アカウントを確認する（画面のご案内）",
        "Check the link account (guided)",
    ),
    said(
        "画面の案内に沿って、連携用アカウント「OqsComApp」の設定を確認していただきます。名前とパスワードは変更しません。",
        "The page guides you through checking the account OqsComApp. Its name and password stay as they are.",
    ),
    5,
    &["accounts.oqs_exact", "accounts.oqs_enabled", "accounts.oqs_admin"],
    &[
        step(
            "open-accounts",
            "スタートボタンから「設定」、「アカウント」、「家族とその他のユーザー」の順に開いてください。",
            "From the Start button open “Settings” (設定), “Accounts” (アカウント), “Family & other users” (家族とその他のユーザー).",
        ),
        step(
            "see-name",
            "一覧に「OqsComApp」があるか確認してください。ないとき、大文字と小文字が違うときは、変更せずにサポート窓口に伝えてください。",
            "See that OqsComApp is in the list. If it is not, or its letters differ, change nothing and tell the support desk.",
        ),
        step(
            "make-admin",
            "「OqsComApp」をクリックし、「アカウントの種類の変更」で「管理者」になっているか確認してください。違うときは「管理者」にしてください。",
            "Click OqsComApp and see under “Change account type” (アカウントの種類の変更) that it is an administrator (管理者); if not, make it one.",
        ),
        VERIFY,
    ],
);

const CARD_READER_POWER_CYCLE: About = about(
    "card-reader-power-cycle",
    said(
        "カードリーダーの電源を入れ直す（画面のご案内）",
        "Switch the card reader off and on (guided)",
    ),
    said(
        "画面の案内に沿って、顔認証付きカードリーダーの電源を入れ直していただきます。2分ほど、マイナンバーカードの受付ができません。",
        "The page guides you through switching the card reader off and on. Cards cannot be read for about two minutes.",
    ),
    3,
    &[],
    &[
        step(
            "nobody-at-reader",
            "カードリーダーを使っている患者さんがいないことを確認してください。",
            "See that no patient is using the card reader.",
        ),
        step(
            "switch-off",
            "カードリーダー本体の電源を切ってください。電源スイッチが見当たらないときは、電源コードを抜いてください。",
            "Switch the card reader itself off. If there is no switch, pull its power cord.",
        ),
        step(
            "switch-on",
            "10秒ほど待ってから、電源を入れてください。",
            "Wait about ten seconds and switch it on.",
        ),
        step(
            "see-ready",
            "1～2分待ち、カードリーダーがふだんの待ち受け画面に戻ったことを確認してください。",
            "Wait one or two minutes and see that the reader shows its usual waiting screen.",
        ),
    ],
);
