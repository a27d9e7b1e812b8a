//! What the seam's larger questions are answered with. Plain data: whoever asks decides what it means.

use kaishin_proto::time::{Span, Time};
use serde::{Deserialize, Serialize};

use super::Read;

/// A scheduled task as the scheduler holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSeen {
    /// From the root folder: `\OQS_exec_comappstart`.
    pub path: String,
    /// Its definition as stored, in whatever encoding.
    pub xml: Read<Vec<u8>>,
    pub enabled: bool,
    /// Windows' code for how it ended last; meaningless before the first run.
    pub last_result: u32,
    pub last_run: Option<Time>,
    pub next_run: Option<Time>,
}

/// A local account. Nothing secret is ever asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// As stored, exact in case: Windows finds accounts whatever the case.
    pub name: String,
    /// `S-1-5-21-…`
    pub sid: String,
    pub enabled: bool,
    /// Whether it is a member of the local administrators.
    pub admin: Read<bool>,
    pub password_changed: Read<Time>,
    /// `None`: it never does.
    pub password_expires: Read<Option<Time>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    pub name: String,
    pub path: String,
}

/// After how long without use the machine sleeps; zero is never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sleep {
    pub plugged_in: Read<Span>,
    pub on_battery: Read<Span>,
}

/// Where the machine has its power from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Supply {
    PluggedIn,
    OnBattery,
}

impl Sleep {
    pub fn of(&self, supply: Supply) -> Read<Span> {
        match supply {
            Supply::PluggedIn => self.plugged_in.clone(),
            Supply::OnBattery => self.on_battery.clone(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Antivirus {
    pub name: String,
    pub on: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    Workgroup,
    Domain,
    Entra,
}

/// What the machine belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    pub to: Join,
    pub name: String,
}

/// Which kinds of connection carry something now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Links {
    pub wired: bool,
    pub wireless: bool,
}

/// Who is at the terminal, as far as Windows can tell: a patient at the card reader touches neither mouse nor keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Nobody is signed in.
    Nobody,
    /// Somebody is signed in, and touched nothing for so long.
    Idle(Span),
}

/// A few words on the screens of those who are signed in, with a button to agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub title: String,
    pub text: String,
    /// It goes away by itself after this while.
    pub within: Span,
    /// Whether there is a second button, to refuse.
    pub may_refuse: bool,
}

/// What has become of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nobody is signed in who could see it.
    Nobody,
    /// It stands there.
    Waiting,
    Agreed,
    Refused,
    /// It went away by itself.
    Unanswered,
}

/// How far Windows Update has come with what the agent had it do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateRun {
    /// Nothing was begun, or its end was told already.
    Idle,
    Searching,
    Downloading {
        updates: u32,
    },
    Installing {
        updates: u32,
    },
    /// Told once.
    Done {
        installed: u32,
    },
    /// Told once, with Windows' code.
    Failed {
        code: u32,
    },
}
