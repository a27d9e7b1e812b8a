//! What the seam's larger questions are answered with. Plain data: whoever asks decides what it means.

use kaishin_proto::time::{Span, Time};
use serde::{Deserialize, Serialize};

use super::{OsError, Read};

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

/// What Windows Update says of its own past; each part stands alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateResults {
    /// When a search last went well; `None`: none ever did.
    pub searched: Read<Option<Time>>,
    /// When something was last installed, were it but the antivirus' definitions; `None`: nothing ever was.
    pub installed: Read<Option<Time>>,
    /// What was installed, or was to be: the newest at least.
    pub history: Read<Vec<UpdateTried>>,
}

impl UpdateResults {
    /// Where Windows Update cannot be asked at all.
    pub fn unreadable(error: &OsError) -> UpdateResults {
        UpdateResults {
            searched: Err(error.clone()),
            installed: Err(error.clone()),
            history: Err(error.clone()),
        }
    }
}

/// One update, and how its installation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateTried {
    /// In the language of the terminal.
    pub title: String,
    pub at: Time,
    /// Windows' code; with the highest bit a failure.
    pub code: u32,
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

/// Of what in Windows' own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happenings {
    WindowsUpdate,
    Restarts,
    Programs,
    Network,
}

const SYSTEM: &str = "System";
const APPLICATION: &str = "Application";

const WINDOWS_UPDATE: &[Asked] = &[asked(
    SYSTEM,
    "Microsoft-Windows-WindowsUpdateClient",
    &[19, 20, 21, 22, 43, 44],
)];
const RESTARTS: &[Asked] = &[
    asked(SYSTEM, "Microsoft-Windows-Kernel-General", &[12, 13]),
    asked(SYSTEM, "Microsoft-Windows-Kernel-Power", &[41, 42, 107, 109]),
    asked(SYSTEM, "Microsoft-Windows-WER-SystemErrorReporting", &[1001]),
    asked(SYSTEM, "EventLog", &[6005, 6006, 6008, 6013]),
    asked(SYSTEM, "User32", &[1074, 1076]),
];
const PROGRAMS: &[Asked] = &[
    asked(
        SYSTEM,
        "Service Control Manager",
        &[7000, 7001, 7009, 7011, 7022, 7023, 7024, 7031, 7032, 7034],
    ),
    asked(APPLICATION, "Application Error", &[1000]),
    asked(APPLICATION, "Application Hang", &[1002]),
    asked(APPLICATION, ".NET Runtime", &[1026]),
];
const NETWORK: &[Asked] = &[
    asked(
        SYSTEM,
        "Microsoft-Windows-Dhcp-Client",
        &[1001, 1002, 1003, 50036, 50037],
    ),
    asked(SYSTEM, "Microsoft-Windows-DNS-Client", &[1014]),
    asked(
        SYSTEM,
        "Microsoft-Windows-Time-Service",
        &[35, 36, 37, 50, 129, 134, 139],
    ),
    asked(SYSTEM, "Tcpip", &[4198, 4199, 4201, 4202]),
    asked(SYSTEM, "Microsoft-Windows-NDIS", &[10317, 10400]),
];

const fn asked(log: &'static str, source: &'static str, numbers: &'static [u32]) -> Asked {
    Asked { log, source, numbers }
}

impl Happenings {
    /// Which log, which writers and which numbers. The only questions that are ever asked of Windows' log.
    pub fn asked(self) -> &'static [Asked] {
        match self {
            Happenings::WindowsUpdate => WINDOWS_UPDATE,
            Happenings::Restarts => RESTARTS,
            Happenings::Programs => PROGRAMS,
            Happenings::Network => NETWORK,
        }
    }
}

/// One writer into one of Windows' logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub log: &'static str,
    pub source: &'static str,
    pub numbers: &'static [u32],
}

/// One entry of Windows' own log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    pub at: Time,
    pub source: String,
    pub number: u32,
    /// From 1, critical, over 2, error, and 3, warning, to 4 and 0, told for its own sake.
    pub level: u8,
    /// What it names, as Windows keeps it: values without their sentence.
    pub values: Vec<String>,
}
