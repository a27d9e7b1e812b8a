//! What must be known of each remedy before it is ordered, in both languages: one constant each, and the steps that
//! several share.

use super::{About, Choice, Class, Parameter, Range, Restart, Said, StepAbout};

const fn said(ja: &'static str, en: &'static str) -> Said {
    Said { ja, en }
}

const fn hour(usual: u8) -> Range {
    Range::Number {
        least: 0,
        most: 23,
        usual,
    }
}

const fn step(id: &'static str, ja: &'static str, en: &'static str) -> StepAbout {
    StepAbout {
        id,
        title: said(ja, en),
    }
}

const COLLECT: StepAbout = step("observe", "情報を集める", "Collect facts");
const READ_BEFORE: StepAbout = step("read-before", "今の設定を読む", "Read the present setting");
const WRITE_REGISTRY: StepAbout = step("write-registry", "設定を書き換える", "Write the setting");
const VERIFY: StepAbout = step("verify", "読み直して確かめる", "Read it back");

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
    facts: &["tasks.restart_times", "tasks.restart_forbidden"],
    title: said("毎日の再起動を予定する", "Schedule the daily restart"),
    effect: said(
        "毎日その時間帯に1回、自動で再起動するタスクを登録します。分は端末ごとに分散し、混み合う3:50～4:10と、末尾が0と5の分は使いません。避けるべき時刻に再起動するだけの既存のタスクは無効にします。今は再起動しません。",
        "Registers a task that restarts the terminal once a day in that hour. The minute is the terminal's own, never from 3:50 to 4:10 and never one ending in 0 or 5. Existing tasks that do nothing but restart at a time to avoid are switched off. There is no restart now.",
    ),
};
