//! What must be known of each remedy before it is ordered, in both languages: one constant each, and the steps that
//! several share.

use super::{About, Choice, Class, Message, Parameter, Range, Restart, Said, StepAbout, Strategy};

pub(super) const fn said(ja: &'static str, en: &'static str) -> Said {
    Said { ja, en }
}

const fn hour(usual: u8) -> Range {
    Range::Number {
        least: 0,
        most: 23,
        usual,
    }
}

pub(super) const fn step(id: &'static str, ja: &'static str, en: &'static str) -> StepAbout {
    StepAbout {
        id,
        title: said(ja, en),
    }
}

pub const CONSENT: StepAbout = step("consent", "端末の前の方に確認する", "Ask the person at the terminal");
const COLLECT: StepAbout = step("observe", "情報を集める", "Collect facts");
const READ_BEFORE: StepAbout = step("read-before", "今の設定を読む", "Read the present setting");
const WRITE_REGISTRY: StepAbout = step("write-registry", "設定を書き換える", "Write the setting");
pub(super) const VERIFY: StepAbout = step("verify", "読み直して確かめる", "Read it back");

/// Of what sets values of the registry.
const SETTING: &[StepAbout] = &[READ_BEFORE, WRITE_REGISTRY, VERIFY];

const START: Parameter = Parameter {
    name: "start",
    title: said("開始（時）", "From (hour)"),
    range: hour(8),
};
const END: Parameter = Parameter {
    name: "end",
    title: said("終了（時）", "Until (hour)"),
    range: hour(20),
};

pub const REFRESH_FACTS: About = About {
    id: "refresh-facts",
    class: Class::Read,
    parameters: &[],
    steps: &[COLLECT],
    restart: Restart::None,
    seconds: 10,
    undo: false,
    facts: &[],
    title: said("最新の情報を取得", "Refresh facts"),
    effect: said(
        "端末の状態を読み取るだけで、設定は変わりません。",
        "Only reads the terminal; nothing is changed.",
    ),
};
pub const FAST_STARTUP_OFF: About = About {
    id: "fast-startup-off",
    class: Class::Consent,
    parameters: &[],
    steps: SETTING,
    restart: Restart::None,
    seconds: 5,
    undo: true,
    facts: &["power.fast_startup"],
    title: said("高速スタートアップを無効にする", "Turn fast startup off"),
    effect: said(
        "Windowsの高速スタートアップを無効にします。再起動は不要で、受付の業務に影響しません。次回のシャットダウンから有効です。",
        "Turns Windows' fast startup off. No restart, and nothing changes at the reception desk; it takes effect from the next shutdown.",
    ),
};
pub const ARP_OFFLOAD_OFF: About = About {
    id: "arp-offload-off",
    class: Class::Consent,
    parameters: &[],
    steps: SETTING,
    restart: Restart::Next,
    seconds: 5,
    undo: true,
    facts: &["network.arp_offload"],
    title: said("ARPオフロードを無効にする", "Turn ARP offload off"),
    effect: said(
        "ネットワークアダプターのARPオフロードを無効にします。今は何も変わらず、次に再起動したときから有効です。再起動は行いません。",
        "Turns ARP offload of the network adapters off. Nothing changes now; it holds from the next restart, which is not made for it.",
    ),
};
pub const ACTIVE_HOURS: About = About {
    id: "active-hours",
    class: Class::Consent,
    parameters: &[START, END],
    steps: SETTING,
    restart: Restart::None,
    seconds: 5,
    undo: true,
    facts: &["update.active_start", "update.active_end"],
    title: said("アクティブ時間を設定する", "Set active hours"),
    effect: said(
        "Windowsが更新のための再起動を控える時間帯を設定します。再起動は不要で、受付の業務に影響しません。",
        "Sets the hours in which Windows does not restart for updates. No restart, and nothing changes at the reception desk.",
    ),
};
pub const TIME_SOURCE: About = About {
    id: "time-source",
    class: Class::Consent,
    parameters: &[],
    steps: SETTING,
    restart: Restart::None,
    seconds: 5,
    undo: true,
    facts: &["time.source", "time.type"],
    title: said("時刻の同期先を設定する", "Set the time source"),
    effect: said(
        "時刻の同期先を指定のサーバーに設定します。再起動は不要で、受付の業務に影響しません。",
        "Sets the server from which Windows takes the time. No restart, and nothing changes at the reception desk.",
    ),
};

const MODE: Parameter = Parameter {
    name: "mode",
    title: said("更新のしかた", "Updates are installed"),
    range: Range::Choice(&[
        Choice {
            id: "automatic",
            title: said("自動（毎日決まった時刻）", "automatically, every day at the hour below"),
        },
        Choice {
            id: "manual",
            title: said("手動", "by hand"),
        },
    ]),
};
const INSTALL_HOUR: Parameter = Parameter {
    name: "hour",
    title: said(
        "インストールの時刻（時、自動のときだけ）",
        "Hour of installation (automatic only)",
    ),
    range: hour(6),
};
pub const WINDOWS_UPDATE_MODE: About = About {
    id: "windows-update-mode",
    class: Class::Consent,
    parameters: &[MODE, INSTALL_HOUR],
    steps: SETTING,
    restart: Restart::None,
    seconds: 5,
    undo: true,
    facts: &["update.mode", "update.policy_file_mode", "update.install_hour"],
    title: said("Windows Updateの更新のしかたを設定する", "Set how Windows Update works"),
    effect: said(
        "更新を自動で行うか手動で行うかを、ポリシーファイルとレジストリの両方に設定します。再起動は不要で、今すぐ更新が始まることはありません。自動にすると、毎日その時刻に更新がインストールされ、そのあと再起動することがあります。",
        "Sets in the policy file and in the registry whether updates are installed automatically or by hand. No restart, and no update starts now. If automatic, updates are installed every day at that hour, and a restart may follow then.",
    ),
};
pub const POWER_SETTINGS: About = About {
    id: "power-settings",
    class: Class::Consent,
    parameters: &[],
    steps: SETTING,
    restart: Restart::None,
    seconds: 5,
    undo: true,
    facts: &["power.sleep_ac", "power.sleep_dc", "power.fast_startup"],
    title: said(
        "スリープと高速スタートアップを無効にする",
        "Turn sleep and fast startup off",
    ),
    effect: said(
        "電源につないでいるときも、バッテリーのときも、自動でスリープしないようにし、高速スタートアップを無効にします。画面が消える時間は変わりません。再起動は不要で、受付の業務に影響しません。",
        "The terminal no longer sleeps by itself, on mains or on battery, and fast startup is turned off. When the screen goes dark stays as it is. No restart, and nothing changes at the reception desk.",
    ),
};
pub const PROXY_REPAIR: About = About {
    id: "proxy-repair",
    class: Class::Consent,
    parameters: &[],
    steps: SETTING,
    restart: Restart::None,
    seconds: 10,
    undo: true,
    facts: &[
        "proxy.enabled",
        "proxy.server",
        "proxy.missing",
        "proxy.joined",
        "proxy.winhttp",
        "proxy.winhttp_missing",
    ],
    title: said("プロキシの設定を直す", "Repair the proxy settings"),
    effect: said(
        "配信拠点につながる構成の端末で、プロキシの宛先と例外を指定どおりに直します。施設で追加した例外は残します。開いているブラウザーは、開き直すまで古い設定のことがあります。サインインしていない利用者の設定は変わりません。",
        "On terminals that reach the distribution base, sets the proxy and its exceptions as specified. What the site has added stays. A browser that is open may keep the old setting until it is opened again. Users who are not signed in keep theirs.",
    ),
};

const RESTART_HOUR: Parameter = Parameter {
    name: "hour",
    title: said(
        "再起動の時刻（時台、分は端末ごとに決まります）",
        "Hour of the restart (each terminal has a minute of its own)",
    ),
    range: hour(2),
};
pub const DAILY_RESTART: About = About {
    id: "daily-restart",
    class: Class::Consent,
    parameters: &[RESTART_HOUR],
    steps: SETTING,
    restart: Restart::None,
    seconds: 5,
    undo: true,
    facts: &[
        "tasks.restart_times",
        "tasks.restart_forbidden",
        "tasks.restart_in_opening",
        "tasks.restart_signed_in",
    ],
    title: said("毎日の再起動を予定する", "Schedule the daily restart"),
    effect: said(
        "毎日その時間帯に1回、自動で再起動するタスクを登録します。分は端末ごとに分散し、混み合う3:50～4:10と、末尾が0と5の分は使いません。避けるべき時刻や受付時間に、またはサインイン中にだけ再起動する既存のタスクは、ほかの処理がなければ無効にします。今は再起動しません。",
        "Registers a task that restarts the terminal once a day in that hour. The minute is the terminal's own, never from 3:50 to 4:10 and never one ending in 0 or 5. Existing tasks that do nothing but restart at a time to avoid, in opening hours, or only while somebody is signed in are switched off. There is no restart now.",
    ),
};
pub const RESTART_NOW: About = About {
    id: "restart-now",
    class: Class::Consent,
    parameters: &[],
    steps: &[
        step("note", "動いているものを控える", "Note what runs"),
        step(
            "announce",
            "都合のよい時を待ち、画面で知らせる",
            "Wait for a good moment, and announce it on the screen",
        ),
        step("restart", "再起動する", "Restart"),
        step("back", "起動したことを確かめる", "See that it is back"),
    ],
    restart: Restart::Made,
    seconds: 600,
    undo: false,
    facts: &["boot.id", "boot.restart_pending"],
    title: said("再起動する", "Restart"),
    effect: said(
        "端末を一度再起動します。受付時間中、使用中、更新中は待ちます。3分前に画面で知らせ、その場で断ることもできます。再起動中の数分間は資格確認ができません。",
        "Restarts the terminal once. It waits while patients are received, while somebody uses it, and while it is being updated. The screen tells 3 minutes before, and whoever sits there can refuse. Eligibility checks do not work for some minutes.",
    ),
};
pub const CONNECTION_CHECK: About = About {
    id: "connection-check",
    class: Class::Read,
    parameters: &[],
    steps: &[step("reach", "接続先を順に確かめる", "Try every place")],
    restart: Restart::None,
    seconds: 10,
    undo: false,
    facts: &[],
    title: said("接続を確認する", "Check the connections"),
    effect: said(
        "資格確認に必要な接続先に届くかを確かめるだけで、設定は変わりません。",
        "Only tries whether the places that eligibility checks need can be reached; nothing is changed.",
    ),
};
pub const COLLECT_RECORD: About = About {
    id: "collect-record",
    class: Class::Read,
    parameters: &[Parameter {
        name: "record",
        title: said("取り寄せる記録", "Record"),
        range: Range::Choice(&RECORDS),
    }],
    steps: &[step("collect", "記録を読み取る", "Read the record")],
    restart: Restart::None,
    seconds: 15,
    undo: false,
    facts: &[],
    title: said("記録を取り寄せる", "Fetch a record"),
    effect: said(
        "選んだ記録の新しいところを読み取って送ります。設定は変わりません。患者や利用者を示す部分は、端末を出る前に取り除きます。",
        "Reads the newest part of the chosen record and sends it; nothing is changed. What tells of patients and users is taken out before it leaves the terminal.",
    ),
};
pub const NOTIFY_STAFF: About = About {
    id: "notify-staff",
    class: Class::Read,
    parameters: &[Parameter {
        name: "message",
        title: said("お知らせの内容", "Message"),
        range: Range::Choice(&MESSAGES),
    }],
    steps: &[step("show", "画面に表示する", "Show it on the screen")],
    restart: Restart::None,
    seconds: 600,
    undo: false,
    facts: &[],
    title: said("端末の画面に知らせる", "Tell the staff on the screen"),
    effect: said(
        "端末の画面にお知らせを1つ表示します。「OK」を押すか、10分たつと消えます。誰もサインインしていなければ、サインインを待ちます。",
        "Shows one message on the terminal's screen, until somebody presses OK or 10 minutes pass. Where nobody is signed in it waits until somebody is.",
    ),
};

const fn choice(id: &'static str, ja: &'static str, en: &'static str) -> Choice {
    Choice {
        id,
        title: said(ja, en),
    }
}

/// In the order of [`Record`](super::Record).
pub const RECORDS: [Choice; 6] = [
    choice("agent", "エージェントの接続の記録", "the agent's connections"),
    choice("windows-update", "Windows Updateの記録", "Windows Update"),
    choice(
        "restarts",
        "起動・終了・異常終了の記録",
        "starts, ends and crashes of Windows",
    ),
    choice(
        "programs",
        "ソフトとサービスの異常の記録",
        "programs and services that failed",
    ),
    choice("network", "ネットワークと時刻の記録", "network and time"),
    choice("distribution", "配信アプリの記録", "the distribution software"),
];

/// In the order of [`Message`].
pub const MESSAGES: [Choice; 6] = [
    choice("working", "作業中です", "Work is under way"),
    choice("leave-on", "電源を切らずに帰る", "Leave it switched on tonight"),
    choice("restart-today", "今日中に再起動する", "Restart it today"),
    choice("call-us", "ヘルプデスクに電話する", "Call the help desk"),
    choice("done", "作業が終わりました", "The work is done"),
    choice("check-cable", "LANケーブルを確かめる", "Check the network cable"),
];

pub fn message(message: Message) -> Said {
    match message {
        Message::Working => said(
            "ヘルプデスクがこの端末の作業をしています。電源を切らず、そのままお使いください。",
            "The help desk is working on this terminal. Please leave it on; you can keep using it.",
        ),
        Message::LeaveOn => said(
            "夜間に更新を行います。本日は電源を切らずにお帰りください。画面は消してかまいません。",
            "Updates run tonight. Please leave this terminal on when you go home; the screen may be off.",
        ),
        Message::RestartToday => said(
            "本日の業務が終わりましたら、この端末を再起動してください。スタート、電源、再起動の順に選びます。",
            "Please restart this terminal when today's work is done: Start, Power, Restart.",
        ),
        Message::CallUs => said(
            "ヘルプデスクからご連絡したいことがあります。お手すきの際にお電話ください。",
            "The help desk would like to talk to you. Please call when you have a moment.",
        ),
        Message::Done => said(
            "ヘルプデスクの作業が終わりました。いつもどおりお使いください。",
            "The help desk's work is done. Please use the terminal as usual.",
        ),
        Message::CheckCable => said(
            "ネットワークの接続が不安定です。端末の背面のLANケーブルが奥まで差さっているか、ご確認ください。",
            "The network connection is unstable. Please see that the network cable at the back is pushed in fully.",
        ),
    }
}
pub const DISTRIBUTION_APP_REFRESH: About = About {
    id: "distribution-app-refresh",
    class: Class::Consent,
    parameters: &[],
    steps: &[
        step(
            "start-1",
            "1回目: 配信アプリに更新を探させる",
            "Have it look for updates, round 1",
        ),
        step(
            "settle-1",
            "1回目: 更新が済むのを待つ",
            "Wait until it is done, round 1",
        ),
        step("note-1", "1回目: 動いているものを控える", "Note what runs, round 1"),
        step(
            "announce-1",
            "1回目: 都合のよい時を待ち、画面で知らせる",
            "Wait for a good moment and announce the restart, round 1",
        ),
        step("restart-1", "1回目: 再起動する", "Restart, round 1"),
        step(
            "back-1",
            "1回目: 起動したことを確かめる",
            "See that it is back, round 1",
        ),
        step(
            "start-2",
            "2回目: 配信アプリに更新を探させる",
            "Have it look for updates, round 2",
        ),
        step(
            "settle-2",
            "2回目: 更新が済むのを待つ",
            "Wait until it is done, round 2",
        ),
        step("note-2", "2回目: 動いているものを控える", "Note what runs, round 2"),
        step(
            "announce-2",
            "2回目: 都合のよい時を待ち、画面で知らせる",
            "Wait for a good moment and announce the restart, round 2",
        ),
        step("restart-2", "2回目: 再起動する", "Restart, round 2"),
        step(
            "back-2",
            "2回目: 起動したことを確かめる",
            "See that it is back, round 2",
        ),
        step(
            "start-3",
            "3回目: 配信アプリに更新を探させる",
            "Have it look for updates, round 3",
        ),
        step(
            "settle-3",
            "3回目: 更新が済むのを待つ",
            "Wait until it is done, round 3",
        ),
        step(
            "verify",
            "未適用の更新がないことを確かめる",
            "See that no update is left",
        ),
    ],
    restart: Restart::Made,
    seconds: 3_600,
    undo: false,
    facts: &["oqs.status"],
    title: said(
        "配信アプリの更新を済ませる",
        "Bring the distribution software up to date",
    ),
    effect: said(
        "配信アプリに更新を探させ、必要なら再起動を挟んで、最大3回くり返します。1回に20分ほどかかります。再起動の前には画面で知らせます。配信日は混み合い、数時間かかることがあります。",
        "The distribution software looks for updates up to 3 times, with a restart between where it needs one. A round takes about 20 minutes. The screen tells before each restart. On a release day it may take hours.",
    ),
};
pub const WINDOWS_UPDATE_RUN: About = About {
    id: "windows-update-run",
    class: Class::Consent,
    parameters: &[],
    steps: &[
        step(
            "run",
            "更新を探し、ダウンロードしてインストールする",
            "Search, download and install",
        ),
        step("verify", "結果を読み直して確かめる", "Read the result again"),
    ],
    restart: Restart::Next,
    seconds: 7_200,
    undo: false,
    facts: &["update.last_install", "update.last_error", "boot.restart_pending"],
    title: said("Windows Updateを実行する", "Run Windows Update"),
    effect: said(
        "Windowsの更新を探してインストールします。数時間、長いときは1日以上かかり、その間は動作が遅くなることがあります。再起動は行いません。必要なときは終了後にお知らせします。",
        "Searches for Windows updates and installs them. It takes hours, sometimes more than a day, and the terminal may be slow meanwhile. It is not restarted; where a restart is needed, that is told at the end.",
    ),
};

/// Consent is asked for it as for the work that it takes back.
pub const UNDO: About = About {
    id: "undo",
    class: Class::Consent,
    parameters: &[Parameter {
        name: "job",
        title: said("元に戻す作業", "Job to take back"),
        range: Range::Job,
    }],
    steps: &[
        READ_BEFORE,
        step("put-back", "元の設定を書き戻す", "Put the old setting back"),
        VERIFY,
    ],
    restart: Restart::None,
    seconds: 5,
    undo: false,
    facts: &[],
    title: said("作業を元に戻す", "Take back"),
    effect: said(
        "以前の作業で変えた設定を、端末に残っている記録から元に戻します。その後に別の変更があれば、何も変えずに知らせます。",
        "Puts back what an earlier job changed, from the terminal's own record. If somebody changed it since, nothing is changed and that is told.",
    ),
};

const ASSISTED: Said = said("端末の前の方に入れていただく", "put in by the person at the terminal");
const MANAGED: Said = said(
    "ポリシーで入れる（ドメインに参加した端末だけ）",
    "put in by policy, only on terminals in a domain",
);

pub fn strategy(strategy: Strategy) -> Said {
    match strategy {
        Strategy::Assisted => ASSISTED,
        Strategy::Managed => MANAGED,
    }
}

pub const EDGE_EXTENSION_SWAP: About = About {
    id: "edge-extension-swap",
    class: Class::Consent,
    parameters: &[Parameter {
        name: "strategy",
        title: said("入れかた", "How they get in"),
        range: Range::Choice(&[
            Choice {
                id: "assisted",
                title: ASSISTED,
            },
            Choice {
                id: "managed",
                title: MANAGED,
            },
        ]),
    }],
    steps: &[
        step(
            "preflight",
            "新しい3つのファイルと今の設定を確かめる",
            "Check the three new files and the present setting",
        ),
        step(
            "allow",
            "新しい拡張機能を使えるようにする",
            "Let the browser take the new extensions",
        ),
        step(
            "install",
            "新しい3つがすべての利用者で有効になるのを待つ",
            "Wait until the new three are on for everybody",
        ),
        step("remove-old", "古い拡張機能を外す", "Have the old extensions removed"),
        step(
            "gone",
            "古い拡張機能がなくなるのを待つ",
            "Wait until the old ones are gone",
        ),
        step(
            "clear",
            "外すための設定を元に戻す",
            "Take back the setting that removed them",
        ),
        step(
            "verify",
            "すべての利用者の3つを読み直して確かめる",
            "Read all three again for everybody",
        ),
    ],
    restart: Restart::None,
    seconds: 900,
    undo: true,
    facts: &[
        "edge.missing",
        "edge.disabled",
        "edge.delegate.version",
        "edge.nopinauth.version",
        "edge.pinauth.version",
    ],
    title: said("Edgeの拡張機能を新しいものに入れ替える", "Swap the Edge extensions"),
    effect: said(
        "資格確認に使うEdgeの拡張機能3つを、端末に届いている新しいものに入れ替えます。新しいものがそろって有効になるまで、古いものは外しません。端末の前の方に入れていただくときは、3つのファイルをEdgeの画面へ入れていただきます。元に戻せるのは、古いものもポリシーで入っていたときだけです。",
        "The three Edge extensions for verification are replaced by the new ones on the terminal. The old ones stay until all new ones are there and on. If a person puts them in, they drag three files into Edge. It can be taken back only where the old ones came by policy too.",
    ),
};
