//! The twelve operations as data. Facts and steps are the manual's, the words are our own.

use super::{Item, Operation, Pair, Question};

const fn item(id: &'static str, title: Pair, citation: Pair, rules: &'static [&'static str]) -> Item {
    Item {
        id,
        title,
        citation,
        rules,
        of: None,
        asks: None,
        at_odds: None,
    }
}

impl Item {
    const fn only(self, question: Question, answer: bool) -> Item {
        Item {
            asks: Some((question, answer)),
            ..self
        }
    }

    const fn of(self, word: &'static str) -> Item {
        Item { of: Some(word), ..self }
    }

    const fn at_odds(self, ja: &'static str, en: &'static str) -> Item {
        Item {
            at_odds: Some((ja, en)),
            ..self
        }
    }
}

/// Of whichever task.
const TASKS: [&str; 4] = [
    "task-disabled",
    "task-wrong-account",
    "task-bad-password",
    "task-failed",
];

pub const OPERATIONS: &[Operation] = &[
    Operation {
        number: 1,
        title: ("Windowsに連携用アカウントを作る", "Make the Windows account of the applications"),
        asks: None,
        items: &[
            item(
                "account-exists",
                ("OqsComAppアカウントがある（大文字・小文字まで一致）", "The account OqsComApp is there, exact in case"),
                ("セットアップ手順書 操作1 手順7〜9", "Set-up manual, operation 1, steps 7-9"),
                &["account-missing", "account-name-case", "account-disabled"],
            ),
            item(
                "account-admin",
                ("OqsComAppが管理者になっている", "OqsComApp is an administrator"),
                ("セットアップ手順書 操作1「アカウントの種類」1〜5", "Set-up manual, operation 1, kind of account, steps 1-5"),
                &["account-not-administrator"],
            ),
            item(
                "account-password",
                ("OqsComAppのパスワードに期限切れがない", "The password of OqsComApp does not run out"),
                ("セットアップ手順書 操作1 手順7、更新時の注意（パスワードと名前は変えない）", "Set-up manual, operation 1, step 7; renewal notes: name and password never change"),
                &["account-password-expiring", "account-password-may-expire"],
            ),
            item(
                "account-sign-in",
                ("OqsComAppでサインインし直した", "Signed in anew as OqsComApp"),
                ("セットアップ手順書 操作1「ログインし直し」1〜3", "Set-up manual, operation 1, signing in anew, steps 1-3"),
                &[],
            ),
        ],
    },
    Operation {
        number: 2,
        title: ("ブラウザー（Edge）を整える", "Prepare the browser (Edge)"),
        asks: None,
        items: &[
            item(
                "dotnet",
                (".NET Framework 4.8以上が入っている", ".NET Framework 4.8 or later is installed"),
                ("セットアップ手順書 操作2「.NET Framework」1〜4", "Set-up manual, operation 2, .NET Framework, steps 1-4"),
                &["dotnet-old"],
            ),
            item(
                "face-library",
                ("顔認証ライブラリを含むブラウザー拡張のインストーラーを実行した", "The installer of extensions and face library was run"),
                ("セットアップ手順書 操作2「顔認証ライブラリ」1〜4", "Set-up manual, operation 2, face library, steps 1-4"),
                &["oqs-face-missing", "oqs-face-old"],
            )
            .at_odds(
                "入れ替え用ファイルのフォルダーは、OQS-Auth（セットアップ手順書）とOQS\\Auth（別資料）の二通りに書かれています。",
                "The folder of the files is OQS-Auth in the set-up manual and OQS\\Auth elsewhere.",
            ),
            item(
                "extensions",
                ("三つの拡張機能が入っていて有効", "The three extensions are installed and enabled"),
                ("セットアップ手順書 操作2「拡張機能の組み込み」1〜7", "Set-up manual, operation 2, adding the extensions, steps 1-7"),
                &["edge-extension-missing", "edge-extension-old", "edge-extension-disabled", "edge-crx-not-ready"],
            )
            .at_odds(
                "三つの拡張機能の名前と拡張子（.crx/.crux）は資料ごとに異なります。名前ではなく識別番号で確認しています。",
                "The manuals name the three extensions, and even their file type, differently. They are told apart by their ids.",
            ),
            item(
                "developer-mode",
                ("Edgeの開発者モードを切った", "Developer mode of Edge is off again"),
                ("セットアップ手順書 操作2「拡張機能の組み込み」8", "Set-up manual, operation 2, adding the extensions, step 8"),
                &["edge-developer-mode-on"],
            ),
        ],
    },
    Operation {
        number: 3,
        title: ("Windowsの設定を変える", "Change the settings of Windows"),
        asks: None,
        items: &[
            item(
                "proxy",
                ("プロキシサーバーと例外が正しい（WinHTTPも同じ）", "Proxy and its bypass list are right, WinHTTP too"),
                ("セットアップ手順書 操作3「プロキシサーバー」1〜11", "Set-up manual, operation 3, proxy, steps 1-11"),
                &["proxy-off", "proxy-server-wrong", "proxy-bypass-missing", "proxy-bypass-joined", "proxy-winhttp-differs", "proxy-winhttp-bypass-missing"],
            )
            .at_odds(
                "例外の *.lineauth.mnw は別資料で *.lineauth.mnwg と書かれています。NTTPCとNTTデータ中国の構成も資料により異なります。",
                "The entry *.lineauth.mnw is *.lineauth.mnwg elsewhere; the topology of NTTPC and NTT Data Chugoku differs too.",
            ),
            item(
                "sleep",
                ("スリープしない", "The terminal does not sleep"),
                ("セットアップ手順書 操作3「スリープ設定と高速スタートアップ」1〜4", "Set-up manual, operation 3, sleep and fast startup, steps 1-4"),
                &["sleep-on"],
            ),
            item(
                "fast-startup",
                ("高速スタートアップが無効", "Fast startup is off"),
                ("セットアップ手順書 操作3「スリープ設定と高速スタートアップ」5〜9", "Set-up manual, operation 3, sleep and fast startup, steps 5-9"),
                &["fast-startup-on"],
            ),
            item(
                "time",
                ("時刻サーバーを設定し、時刻が合っている", "The time server is set and the clock is right"),
                ("セットアップ手順書 操作3「時刻の設定」1〜6", "Set-up manual, operation 3, time, steps 1-6"),
                &["time-server-wrong", "time-not-synchronised", "clock-off"],
            ),
            item(
                "restart-task",
                ("1日1回の再起動を予定した（3:50〜4:10を避け、分の末尾は0と5以外）", "A daily restart is scheduled, not 03:50-04:10, minute not ending in 0 or 5"),
                ("セットアップ手順書 操作3「再起動スケジュール」1〜13", "Set-up manual, operation 3, restart schedule, steps 1-13"),
                &[
                    "restart-not-scheduled",
                    "restart-in-opening",
                    "restart-needs-sign-in",
                    "restart-forbidden-time",
                    "restart-round-minute",
                ],
            )
            .only(Question::AutomaticPower, true)
            .at_odds(
                "別資料の例は4:00ですが、セットアップ手順書は3:50〜4:10を避けるよう求めています。",
                "Another document restarts at 04:00, which lies in the time that the set-up manual forbids.",
            ),
            item(
                "update-automatic",
                ("Windows Updateを毎日自動で入れる", "Windows Update installs by itself every day"),
                ("セットアップ手順書 操作3「Windows Updateの自動化」1〜10", "Set-up manual, operation 3, automatic Windows Update, steps 1-10"),
                &[
                    "update-mode-not-automatic",
                    "update-notify-only",
                    "update-mode-unset",
                    "update-hour-in-clinic-hours",
                    "update-before-restart",
                    "update-day-not-daily",
                ],
            )
            .only(Question::AutomaticPower, true)
            .at_odds(
                "手順書Cは「有効」にするだけで自動とし、セットアップ手順書はさらに「4」と「毎日」の指定を求めています。",
                "Procedure C calls \"enabled\" automatic; the set-up manual also demands option 4 and every day.",
            ),
            item(
                "active-hours",
                ("アクティブ時間を診療時間に合わせた", "Active hours cover the opening hours"),
                ("セットアップ手順書 操作3「アクティブ時間」1〜8", "Set-up manual, operation 3, active hours, steps 1-8"),
                &["active-hours-automatic", "active-hours-short"],
            )
            .only(Question::AutomaticPower, false),
            item(
                "daily-restart",
                ("1日1回再起動されている", "The terminal is restarted once a day"),
                ("セットアップ手順書 操作3「電源を手動で操作する場合」", "Set-up manual, operation 3, power by hand"),
                &["restart-overdue"],
            ),
            item(
                "display",
                ("画面の拡大率が100%", "Display scale is 100 %"),
                ("セットアップ手順書 操作3「ディスプレイ設定」1〜3", "Set-up manual, operation 3, display, steps 1-3"),
                &["display-scale"],
            ),
        ],
    },
    Operation {
        number: 4,
        title: ("顔認証のフォルダーを共有する", "Share the folder of face recognition"),
        asks: Some(Question::FaceReader),
        items: &[item(
            "share-face",
            ("C:\\OQS\\faceを共有した", "C:\\OQS\\face is shared"),
            ("セットアップ手順書 操作4 手順1〜9", "Set-up manual, operation 4, steps 1-9"),
            &["share-face-missing"],
        )],
    },
    Operation {
        number: 5,
        title: ("連携アプリケーションを入れる", "Install the link application"),
        asks: Some(Question::ReceiptLink),
        items: &[
            item(
                "link-installed",
                ("連携アプリケーションが入っている", "The link application is installed"),
                ("セットアップ手順書 操作5「01」1〜3", "Set-up manual, operation 5, part 01, steps 1-3"),
                &["oqs-link-old"],
            ),
            item(
                "share-link",
                ("C:\\OQS\\reqとresを共有した", "C:\\OQS\\req and res are shared"),
                ("セットアップ手順書 操作5「02」1〜9", "Set-up manual, operation 5, part 02, steps 1-9"),
                &["share-link-missing"],
            ),
        ],
    },
    Operation {
        number: 6,
        title: ("電子証明書を入れる", "Install the certificate"),
        asks: None,
        items: &[
            item(
                "certificate",
                ("有効な電子証明書が秘密鍵とともにある", "A valid certificate is there with its key"),
                ("セットアップ手順書 操作6「01」1〜9、「02」1〜3", "Set-up manual, operation 6, part 01 steps 1-9, part 02 steps 1-3"),
                &["certificate-missing", "certificate-expired", "certificate-expiring", "certificate-without-key", "certificate-leftover", "certificate-shared"],
            )
            .at_odds(
                "セットアップ手順書は秘密鍵を書き出せない形で入れるよう求め、別資料は秘密鍵ごとの書き出しを案内しています。",
                "The set-up manual keeps the key from being exported; another document exports certificate and key.",
            ),
            item(
                "mpki",
                ("証明書を更新するソフト（MPKIクライアント）が入っている", "The certificate client (MPKI) is installed"),
                ("セットアップ手順書 操作6 注意", "Set-up manual, operation 6, note"),
                &["oqs-mpki-missing", "oqs-mpki-old"],
            ),
        ],
    },
    Operation {
        number: 7,
        title: ("オンライン資格確認等システムに接続する", "Connect to the verification system"),
        asks: None,
        items: &[
            item(
                "connects",
                ("必要な接続先につながる", "Every destination is reached"),
                ("セットアップ手順書 操作7、別紙のポート一覧", "Set-up manual, operation 7, and its list of ports"),
                &["unreachable-dns", "unreachable-time", "unreachable-proxy", "unreachable-verification", "unreachable-distribution", "unreachable-certificates", "unreachable-cloud"],
            ),
            item(
                "shortcut",
                ("本番環境のショートカットを作った", "The shortcut to the live system is made"),
                ("セットアップ手順書 操作7「ショートカット」1〜4", "Set-up manual, operation 7, shortcut, steps 1-4"),
                &[],
            ),
            item(
                "master-sign-in",
                ("マスターアカウントでログインできた", "Signed in with the master account"),
                ("セットアップ手順書 操作7「ログイン」1〜8", "Set-up manual, operation 7, signing in, steps 1-8"),
                &[],
            ),
        ],
    },
    Operation {
        number: 8,
        title: ("利用するアカウントを作る", "Make the accounts of the system"),
        asks: None,
        items: &[item(
            "system-accounts",
            ("職員、顔認証機器、連携アプリケーションのアカウントを作った", "Accounts of people, face reader and link application are made"),
            ("セットアップ手順書 操作8（管理者編 2章）", "Set-up manual, operation 8 (administrator's manual, chapter 2)"),
            &[],
        )],
    },
    Operation {
        number: 9,
        title: ("環境設定を選ぶ", "Choose the system's options"),
        asks: None,
        items: &[item(
            "options",
            ("文字コード、医療扶助、電子処方箋などの利用を設定した", "Character code, medical aid, e-prescription and the like are set"),
            ("セットアップ手順書 操作9（管理者編 3章）", "Set-up manual, operation 9 (administrator's manual, chapter 3)"),
            &[],
        )],
    },
    Operation {
        number: 10,
        title: ("顔認証機器を設定する", "Set the face reader up"),
        asks: Some(Question::FaceReader),
        items: &[item(
            "reader",
            ("OqsComAppのまま機器のソフトを入れ、機器が動く", "Its software was installed as OqsComApp, and it works"),
            ("セットアップ手順書 操作10、各社の説明書", "Set-up manual, operation 10, and the maker's manual"),
            &[],
        )],
    },
    Operation {
        number: 11,
        title: ("配信アプリケーションを入れる", "Install the distribution application"),
        asks: None,
        items: &[
            item(
                "distribution-installed",
                ("配信アプリケーションが入っている", "The distribution application is installed"),
                ("セットアップ手順書 操作11「01」1〜4", "Set-up manual, operation 11, part 01, steps 1-4"),
                &["oqs-distribution-missing", "oqs-distribution-old"],
            )
            .at_odds(
                "別資料の版数表には配信アプリケーションが二つの版数（1.0.4と1.0.6）で載り、どちらもセットアップ手順書の2.0.1より前です。",
                "Another document lists two versions (1.0.4 and 1.0.6), both older than the set-up manual's 2.0.1.",
            ),
            item(
                "distribution-server",
                ("構成に合った配信サーバーを選び、接続確認に成功した", "The right distribution server is chosen and the connection test succeeds"),
                ("セットアップ手順書 操作11「01」構成別の手順、「03」1〜5", "Set-up manual, operation 11, part 01 by topology, part 03 steps 1-5"),
                &[],
            ),
            item(
                "distribution-update",
                ("自動更新の入り・切りが端末に合っている（レセコン兼用は切る）", "Its automatic update suits the terminal (off on a shared receipt computer)"),
                ("セットアップ手順書 操作11「01」2 注意", "Set-up manual, operation 11, part 01, step 2, note"),
                &["distribution-auto-update-on-shared", "distribution-auto-update-on-pro"],
            ),
            item(
                "distribution-task",
                ("起動タスクがOqsComAppで登録されている", "Its start task is registered for OqsComApp"),
                ("セットアップ手順書 操作11「02」1〜12", "Set-up manual, operation 11, part 02, steps 1-12"),
                &["task-distribution-missing", TASKS[0], TASKS[1], TASKS[2], TASKS[3]],
            )
            .of("distroapp"),
        ],
    },
    Operation {
        number: 12,
        title: ("資格確認できるか確かめる", "See that the check works"),
        asks: None,
        items: &[
            item(
                "versions",
                ("アプリケーションが最新になっている", "The applications are current"),
                ("セットアップ手順書 操作12「01」1〜3", "Set-up manual, operation 12, part 01, steps 1-3"),
                &["distribution-stuck", "oqs-distribution-old", "oqs-face-old"],
            ),
            item(
                "check-face",
                ("顔認証機器が無人運転で、資格確認できた", "The face reader runs unattended and a check succeeds"),
                ("セットアップ手順書 操作12「03」", "Set-up manual, operation 12, part 03"),
                &[],
            )
            .only(Question::FaceReader, true),
            item(
                "check-card",
                ("汎用カードリーダーまたは資格確認書の入力で資格確認できた", "A check by card reader or by typed certificate succeeds"),
                ("セットアップ手順書 操作12「04」「05」「08」", "Set-up manual, operation 12, parts 04, 05 and 08"),
                &[],
            ),
            item(
                "check-phone",
                ("スマートフォンをかざして資格確認できた", "A check with a smartphone succeeds"),
                ("セットアップ手順書 操作12「06」「07」", "Set-up manual, operation 12, parts 06 and 07"),
                &[],
            )
            .only(Question::Smartphone, true),
            item(
                "credentials",
                ("資格情報マネージャーに連携アプリケーションの情報を登録した", "The link application's credentials are in Credential Manager"),
                ("セットアップ手順書 操作12「09」資格情報 1〜5", "Set-up manual, operation 12, part 09, credentials, steps 1-5"),
                &[],
            )
            .only(Question::ReceiptLink, true),
            item(
                "link-tasks",
                ("連携アプリケーションの三つのタスクがOqsComAppで登録されている", "The link application's three tasks are registered for OqsComApp"),
                ("セットアップ手順書 操作12「09」定期起動 1〜12", "Set-up manual, operation 12, part 09, tasks, steps 1-12"),
                &["task-link-missing", TASKS[0], TASKS[1], TASKS[2], TASKS[3]],
            )
            .of("comapp")
            .only(Question::ReceiptLink, true),
            item(
                "check-system",
                ("レセコンなどから資格確認できた", "A check from the receipt computer succeeds"),
                ("セットアップ手順書 操作12「09」", "Set-up manual, operation 12, part 09"),
                &[],
            )
            .only(Question::ReceiptLink, true),
        ],
    },
];
