//! The rows of the catalogue, in the order in which they are shown.

use super::Type::{Duration, List, Number, Size, Table, Text, Time, Truth, Version};
use super::{Fact, Section, Type};

const fn fact(key: &'static str, kind: Type, ja: &'static str, en: &'static str) -> Fact {
    Fact {
        key,
        kind,
        ja,
        en,
        since: 0,
        indexed: true,
        history: true,
    }
}

/// Shown on the terminal's page alone.
const fn plain(key: &'static str, kind: Type, ja: &'static str, en: &'static str) -> Fact {
    Fact {
        indexed: false,
        ..fact(key, kind, ja, en)
    }
}

impl Fact {
    /// Changes of itself: a history of it would say nothing.
    const fn volatile(self) -> Fact {
        Fact { history: false, ..self }
    }
}

pub const SECTIONS: &[Section] = &[
    Section {
        name: "agent",
        ja: "エージェント",
        en: "Agent",
        facts: &[
            fact("agent.version", Version, "エージェントの版数", "Agent version"),
            plain("agent.started", Time, "エージェントの起動日時", "Agent started").volatile(),
            fact("agent.platform", Text, "動作環境", "Platform"),
            // 0 is the one that it was built with.
            fact("agent.profile", Number, "端末設定の版", "Terminal profile version"),
            // Empty while the last one that the server sent could be used.
            fact(
                "agent.profile_refused",
                List,
                "使えなかった端末設定",
                "Terminal profile it could not use",
            ),
        ],
    },
    Section {
        name: "os",
        ja: "OS",
        en: "Operating system",
        facts: &[
            fact("os.hostname", Text, "コンピューター名", "Computer name"),
            fact("os.product", Text, "製品名", "Product"),
            fact("os.edition", Text, "エディション", "Edition"),
            fact("os.version", Version, "OSの版数", "OS version"),
            fact("os.build", Number, "ビルド番号", "Build"),
            fact("os.revision", Number, "更新リビジョン (UBR)", "Update revision (UBR)"),
            fact("os.installed", Time, "インストール日時", "Installed"),
        ],
    },
    Section {
        name: "hardware",
        ja: "機器",
        en: "Hardware",
        facts: &[
            fact("hardware.manufacturer", Text, "メーカー", "Manufacturer"),
            fact("hardware.model", Text, "機種", "Model"),
            fact("hardware.product", Text, "製品番号", "Product number"),
            fact("hardware.serial", Text, "製造番号", "Serial number"),
            fact("hardware.uuid", Text, "機器の識別番号 (UUID)", "Machine UUID"),
            fact("hardware.bios", Text, "BIOSの版数", "BIOS version"),
            fact("hardware.memory", Size, "メモリー", "Memory"),
        ],
    },
    Section {
        name: "boot",
        ja: "起動",
        en: "Boot",
        facts: &[
            fact("boot.time", Time, "最後に起動した日時", "Last boot").volatile(),
            plain("boot.id", Text, "起動の識別番号", "Boot id"),
            fact("boot.restart_pending", Truth, "再起動待ち", "Restart pending"),
        ],
    },
    Section {
        name: "power",
        ja: "電源",
        en: "Power",
        facts: &[
            fact("power.fast_startup", Truth, "高速スタートアップ", "Fast startup"),
            fact("power.hibernate", Truth, "休止状態", "Hibernation"),
            // 0 is never.
            fact(
                "power.sleep_ac",
                Duration,
                "スリープまでの時間 (電源接続時)",
                "Sleep after (plugged in)",
            ),
            fact(
                "power.sleep_dc",
                Duration,
                "スリープまでの時間 (バッテリー時)",
                "Sleep after (on battery)",
            ),
            fact("power.on_battery", Truth, "バッテリーで動作中", "Runs on battery"),
        ],
    },
    Section {
        name: "disk",
        ja: "ディスク",
        en: "Disk",
        facts: &[
            fact("disk.system_total", Size, "システムドライブの容量", "System drive size"),
            fact(
                "disk.system_free",
                Size,
                "システムドライブの空き容量",
                "System drive free",
            )
            .volatile(),
            fact(
                "disk.system_free_percent",
                Number,
                "システムドライブの空き (%)",
                "System drive free (%)",
            )
            .volatile(),
            plain("disk.volumes", Table, "ドライブ", "Drives").volatile(),
        ],
    },
    Section {
        name: "edge",
        ja: "ブラウザー (Edge)",
        en: "Browser (Edge)",
        facts: &[
            fact("edge.version", Version, "Edgeの版数", "Edge version"),
            fact("edge.developer_mode", Truth, "開発者モード", "Developer mode"),
            fact(
                "edge.delegate.version",
                Version,
                "目視確認の拡張機能の版数",
                "Visual check extension version",
            ),
            fact(
                "edge.delegate.enabled",
                Truth,
                "目視確認の拡張機能が有効",
                "Visual check extension enabled",
            ),
            fact(
                "edge.nopinauth.version",
                Version,
                "顔認証の拡張機能の版数",
                "Face recognition extension version",
            ),
            fact(
                "edge.nopinauth.enabled",
                Truth,
                "顔認証の拡張機能が有効",
                "Face recognition extension enabled",
            ),
            fact(
                "edge.pinauth.version",
                Version,
                "暗証番号認証の拡張機能の版数",
                "PIN extension version",
            ),
            fact(
                "edge.pinauth.enabled",
                Truth,
                "暗証番号認証の拡張機能が有効",
                "PIN extension enabled",
            ),
            fact("edge.missing", List, "入っていない拡張機能", "Extensions missing"),
            fact("edge.disabled", List, "無効になっている拡張機能", "Extensions disabled"),
            plain("edge.profiles", Table, "利用者とプロファイル", "Users and profiles"),
            plain("edge.extensions", Table, "拡張機能", "Extensions"),
            fact(
                "edge.crx_ready",
                Truth,
                "入れ替え用ファイルがそろっている",
                "Replacement files ready",
            ),
            plain("edge.crx", Table, "入れ替え用ファイル", "Replacement files"),
            plain("edge.policy", Table, "拡張機能のポリシー", "Extension policies"),
        ],
    },
    Section {
        name: "update",
        ja: "Windows Update",
        en: "Windows Update",
        facts: &[
            // manual, automatic, notify or not-configured; so are the next two modes.
            fact("update.mode", Text, "更新の方式", "Update mode"),
            // policy-file, registry or none.
            fact(
                "update.set_by",
                Text,
                "更新の方式を決めているもの",
                "Update mode set by",
            ),
            fact(
                "update.registry_mode",
                Text,
                "レジストリの更新の方式",
                "Update mode in the registry",
            ),
            fact(
                "update.policy_file_mode",
                Text,
                "ポリシーファイルの更新の方式",
                "Update mode in the policy file",
            ),
            fact("update.install_hour", Number, "更新を入れる時刻 (時)", "Install hour"),
            // Those that the ledger tells of: `08:30-12:00`, each once, whatever the day.
            fact(
                "update.install_in_opening",
                List,
                "更新を入れる時刻と重なる受付時間",
                "Opening hours that the install hour falls into",
            ),
            fact(
                "update.install_day",
                Number,
                "更新を入れる曜日 (0=毎日)",
                "Install day (0 = daily)",
            ),
            fact(
                "update.last_search",
                Time,
                "最後に更新を確認した日時",
                "Last search for updates",
            )
            .volatile(),
            fact(
                "update.last_install",
                Time,
                "最後に更新を入れた日時",
                "Last installation of updates",
            ),
            // Eight hexadecimal digits, or none.
            fact("update.last_error", Text, "更新の最後のエラー", "Last update error"),
            fact(
                "update.active_start",
                Number,
                "アクティブ時間の開始 (時)",
                "Active hours begin",
            ),
            fact(
                "update.active_end",
                Number,
                "アクティブ時間の終了 (時)",
                "Active hours end",
            ),
            fact(
                "update.opening_not_active",
                List,
                "アクティブ時間の外になる受付時間",
                "Opening hours outside the active hours",
            ),
            // For facilities of which no hours are told.
            fact(
                "update.daytime_not_active",
                List,
                "9時～18時のうちアクティブ時間の外",
                "Of 9 to 18, what is outside the active hours",
            ),
            fact(
                "update.active_automatic",
                Truth,
                "アクティブ時間の自動調整",
                "Active hours adjust themselves",
            ),
            fact(
                "update.active_set_by",
                Text,
                "アクティブ時間を決めているもの",
                "Active hours set by",
            ),
            // automatic, manual or disabled.
            fact("update.service", Text, "更新サービスの開始方法", "Update service start"),
        ],
    },
    Section {
        name: "network",
        ja: "ネットワーク",
        en: "Network",
        facts: &[
            plain("network.adapters", Table, "ネットワークアダプター", "Network adapters"),
            fact(
                "network.arp_offload",
                List,
                "ARPオフロードが有効なアダプター",
                "Adapters with ARP offload on",
            ),
            // wired or wireless.
            fact("network.connection", Text, "つながり方", "Connected by"),
        ],
    },
    Section {
        name: "proxy",
        ja: "プロキシ",
        en: "Proxy",
        facts: &[
            fact("proxy.enabled", Truth, "プロキシを使う", "Proxy used"),
            fact("proxy.server", Text, "プロキシサーバー", "Proxy server"),
            fact("proxy.missing", List, "足りない例外", "Bypass entries missing"),
            fact(
                "proxy.joined",
                List,
                "区切りが抜けている例外",
                "Bypass entries run together",
            ),
            fact("proxy.extra", List, "独自の例外", "Bypass entries of the site"),
            plain("proxy.users", Table, "利用者ごとのプロキシ", "Proxy by user"),
            fact("proxy.winhttp", Text, "WinHTTPのプロキシ", "WinHTTP proxy"),
            fact(
                "proxy.winhttp_missing",
                List,
                "WinHTTPに足りない例外",
                "WinHTTP bypass entries missing",
            ),
        ],
    },
    Section {
        name: "time",
        ja: "時刻",
        en: "Time",
        facts: &[
            fact("time.source", Text, "時刻サーバー", "Time server"),
            fact("time.type", Text, "時刻合わせの方式", "Time synchronisation"),
            fact("time.offset", Duration, "時刻のずれ", "Clock offset").volatile(),
            fact("time.zone", Text, "タイムゾーン", "Time zone"),
        ],
    },
    Section {
        name: "display",
        ja: "画面",
        en: "Display",
        facts: &[
            fact("display.scale", Number, "表示の拡大率 (%)", "Display scale (%)"),
            plain("display.users", Table, "利用者ごとの拡大率", "Display scale by user"),
        ],
    },
    Section {
        name: "tasks",
        ja: "定期実行",
        en: "Scheduled tasks",
        facts: &[
            fact("tasks.missing", List, "ないタスク", "Tasks missing"),
            fact("tasks.disabled", List, "無効なタスク", "Tasks disabled"),
            fact(
                "tasks.wrong_account",
                List,
                "実行アカウントが違うタスク",
                "Tasks with another account",
            ),
            fact(
                "tasks.bad_password",
                List,
                "パスワードが合わないタスク",
                "Tasks with a bad password",
            ),
            fact("tasks.failed", List, "失敗したタスク", "Tasks that failed"),
            // Of those that come every day.
            fact("tasks.restart_times", List, "自動再起動の時刻", "Restart times"),
            fact(
                "tasks.restart_forbidden",
                List,
                "避けるべき時間帯の自動再起動",
                "Restarts at forbidden times",
            ),
            // By the hours that the ledger tells of.
            fact(
                "tasks.restart_in_opening",
                List,
                "受付時間に当たる自動再起動",
                "Restarts in opening hours",
            ),
            fact(
                "tasks.restart_after_install",
                List,
                "更新を入れる時刻の後の自動再起動",
                "Restarts after the install hour",
            ),
            fact(
                "tasks.restart_signed_in",
                List,
                "サインイン中しか動かない再起動タスク",
                "Restart tasks that run only while somebody is signed in",
            ),
            plain("tasks.all", Table, "タスク", "Tasks").volatile(),
        ],
    },
    Section {
        name: "accounts",
        ja: "アカウント",
        en: "Accounts",
        facts: &[
            fact("accounts.oqs_name", Text, "連携用アカウントの名前", "Link account name"),
            fact(
                "accounts.oqs_exact",
                Truth,
                "連携用アカウントの大文字・小文字が正しい",
                "Link account exact in case",
            ),
            fact(
                "accounts.oqs_enabled",
                Truth,
                "連携用アカウントが有効",
                "Link account enabled",
            ),
            fact(
                "accounts.oqs_admin",
                Truth,
                "連携用アカウントが管理者",
                "Link account is an administrator",
            ),
            fact(
                "accounts.oqs_password_changed",
                Time,
                "連携用アカウントのパスワード変更日時",
                "Link account password changed",
            ),
            fact(
                "accounts.oqs_password_expires",
                Time,
                "連携用アカウントのパスワード期限",
                "Link account password expires",
            ),
            fact(
                "accounts.oqs_password_never_expires",
                Truth,
                "連携用アカウントのパスワードは無期限",
                "Link account password never expires",
            ),
        ],
    },
    Section {
        name: "shares",
        ja: "共有フォルダー",
        en: "Shares",
        facts: &[
            fact(
                "shares.missing",
                List,
                "共有されていないフォルダー",
                "Folders not shared",
            ),
            plain("shares.all", Table, "共有", "Shares"),
        ],
    },
    Section {
        name: "certificates",
        ja: "証明書",
        en: "Certificates",
        facts: &[
            fact("certificates.expires", Time, "証明書の期限", "Certificate expires"),
            fact(
                "certificates.thumbprint",
                Text,
                "証明書の拇印",
                "Certificate thumbprint",
            ),
            fact(
                "certificates.key",
                Truth,
                "証明書の秘密鍵がある",
                "Certificate has its key",
            ),
            fact(
                "certificates.leftover",
                List,
                "使われていない証明書",
                "Certificates left over",
            ),
            plain("certificates.all", Table, "証明書の一覧", "All certificates"),
        ],
    },
    Section {
        name: "oqs",
        ja: "資格確認ソフト",
        en: "Verification software",
        facts: &[
            fact(
                "oqs.face.version",
                Version,
                "顔認証ソフトの版数",
                "Face software version",
            ),
            fact("oqs.link.version", Version, "連携アプリの版数", "Link software version"),
            fact(
                "oqs.distribution.version",
                Version,
                "配信アプリの版数",
                "Distribution software version",
            ),
            fact(
                "oqs.mpki.version",
                Version,
                "証明書更新ソフトの版数",
                "Certificate client version",
            ),
            // updating, downloading, restart-pending, stopped, waiting-for-server, up-to-date or other.
            fact("oqs.status", Text, "配信アプリの状態", "Distribution status"),
            plain(
                "oqs.status_text",
                Text,
                "配信アプリの状態 (表示のまま)",
                "Distribution status (as shown)",
            ),
            fact(
                "oqs.status_at",
                Time,
                "配信アプリの状態の日時",
                "Distribution status at",
            )
            .volatile(),
            fact(
                "oqs.auto_update",
                Truth,
                "配信アプリの自動更新",
                "Distribution software updates itself",
            ),
            plain("oqs.installed", Table, "入っているソフト", "Software installed"),
        ],
    },
    Section {
        name: "dotnet",
        ja: ".NET",
        en: ".NET",
        facts: &[
            fact(
                "dotnet.release",
                Number,
                ".NET Frameworkのリリース番号",
                ".NET Framework release",
            ),
            fact(
                "dotnet.version",
                Version,
                ".NET Frameworkの版数",
                ".NET Framework version",
            ),
        ],
    },
    Section {
        name: "connectivity",
        ja: "接続",
        en: "Connectivity",
        facts: &[
            fact(
                "connectivity.failed",
                List,
                "つながらない接続先",
                "Destinations not reached",
            ),
            plain("connectivity.checks", Table, "接続の確認", "Connection checks").volatile(),
        ],
    },
    Section {
        name: "security",
        ja: "保護",
        en: "Protection",
        facts: &[
            fact("security.antivirus", List, "ウイルス対策ソフト", "Antivirus software"),
            fact("security.antivirus_on", Truth, "ウイルス対策が有効", "Antivirus on"),
            // workgroup, domain or entra.
            fact("security.join", Text, "参加の状態", "Join state"),
            fact(
                "security.domain",
                Text,
                "ドメインまたはワークグループ",
                "Domain or workgroup",
            ),
        ],
    },
];
