//! What must be known of each remedy before it is ordered, in both languages: one constant each, and the steps that
//! several share.

use super::{About, Class, Parameter, Range, Restart, Said, StepAbout};

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
