//! The seam between the agent and the machine it looks after: about ten deep methods, and one implementation each for
//! Windows, Linux and a simulated terminal. Everything that differs between platforms, `cfg` and `unsafe` included, lives
//! in this room; nothing else in the agent may ask which platform it runs on.
//!
//! What cannot be read is an [`OsError`] with a [`Reason`], never a default: collectors turn it into *unknown*.

pub mod disk;
#[cfg(any(windows, test))]
mod entry_xml;
pub mod linux;
mod reach;
pub mod registry;
pub mod restart_task;
mod seen;
pub mod sim;
pub mod smbios;
mod sntp;
pub mod stop;
pub mod users;
#[cfg(windows)]
pub mod windows;
pub mod winver;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kaishin_proto::profile::{Check, Clock24};
use kaishin_proto::time::{Span, Time};
use kaishin_proto::value::{Reason, Value};

pub use registry::{Hive, RegistryKey, RegistryKind, RegistryTree, RegistryValue};
pub use seen::{
    Account, Antivirus, Asked, Happened, Happenings, Heard, Join, Joined, Links, Notice, Presence, Share, Sleep,
    Supply, TaskSeen, UpdateResults, UpdateRun, UpdateTried,
};
pub use users::User;

/// Why something could not be read or written. A collector reports it as *unknown* with the same reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", reason.name())]
pub struct OsError {
    pub reason: Reason,
    /// For a technician: which key, file or call, and what the system said. No secrets.
    pub detail: String,
}

impl OsError {
    pub fn new(reason: Reason, detail: impl Into<String>) -> OsError {
        OsError {
            reason,
            detail: detail.into(),
        }
    }
    pub fn not_supported(detail: impl Into<String>) -> OsError {
        OsError::new(Reason::NotSupported, detail)
    }
    pub fn not_found(detail: impl Into<String>) -> OsError {
        OsError::new(Reason::NotFound, detail)
    }
    pub fn no_permission(detail: impl Into<String>) -> OsError {
        OsError::new(Reason::NoPermission, detail)
    }
    pub fn damaged(detail: impl Into<String>) -> OsError {
        OsError::new(Reason::Damaged, detail)
    }
    pub fn failed(detail: impl Into<String>) -> OsError {
        OsError::new(Reason::Failed, detail)
    }
    pub fn from_io(what: &str, error: &std::io::Error) -> OsError {
        let detail = format!("{what}: {error}");
        if error.kind() == std::io::ErrorKind::NotFound {
            OsError::not_found(detail)
        } else if error.kind() == std::io::ErrorKind::PermissionDenied {
            OsError::no_permission(detail)
        } else {
            OsError::failed(detail)
        }
    }
}

impl From<OsError> for Value {
    fn from(error: OsError) -> Value {
        Value::unknown(error.reason, error.detail)
    }
}

/// One thing that was read, or why not.
pub type Read<T> = Result<T, OsError>;

/// The machine as its firmware tells it. Each field stands alone: a board without a serial number still has a maker.
/// Texts are as stored, trimmed; an empty text is `NotFound`, not "".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// SMBIOS system manufacturer: "LENOVO".
    pub manufacturer: Read<String>,
    /// What people call it: "ThinkPad E14 Gen 2" (SMBIOS version or family for Lenovo, product name elsewhere).
    pub model: Read<String>,
    /// The maker's product code: "20TAS0YG00".
    pub product: Read<String>,
    pub serial: Read<String>,
    /// SMBIOS system UUID, lower case with dashes, in the byte order that Windows and `dmidecode` show.
    pub uuid: Read<String>,
    /// Firmware version: "R1EET55W(1.55 )".
    pub bios: Read<String>,
    /// Installed memory in bytes.
    pub memory: Read<u64>,
}

impl Machine {
    /// For a machine whose firmware cannot be asked at all.
    pub fn unreadable(error: &OsError) -> Machine {
        Machine {
            manufacturer: Err(error.clone()),
            model: Err(error.clone()),
            product: Err(error.clone()),
            serial: Err(error.clone()),
            uuid: Err(error.clone()),
            bios: Err(error.clone()),
            memory: Err(error.clone()),
        }
    }
}

/// The operating system, by its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OsVersion {
    /// "Windows 10 Enterprise LTSC 2021", "Debian GNU/Linux 12 (bookworm)".
    pub product: Read<String>,
    /// Windows' EditionID: "EnterpriseS", "IoTEnterpriseS", "Professional".
    pub edition: Read<String>,
    /// Dotted numbers only, with the revision where there is one: "10.0.19044.4291".
    pub version: Read<String>,
    pub build: Read<i64>,
    /// Windows' UBR.
    pub revision: Read<i64>,
    pub installed: Read<Time>,
}

impl OsVersion {
    pub fn unreadable(error: &OsError) -> OsVersion {
        OsVersion {
            product: Err(error.clone()),
            edition: Err(error.clone()),
            version: Err(error.clone()),
            build: Err(error.clone()),
            revision: Err(error.clone()),
            installed: Err(error.clone()),
        }
    }
}

/// The boot that the machine lives in now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// When it began, stable while it lasts: rounded to seconds where the system only tells an uptime.
    pub time: Read<Time>,
    /// Differs between any two boots and never changes within one.
    pub id: Read<String>,
}

/// A file or folder by its name in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub kind: EntryKind,
    /// 0 for what is no file.
    pub size: u64,
    pub modified: Option<Time>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Folder,
    /// Links, devices: followed by nobody.
    Other,
}

/// A fixed drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// "C:" or, on Linux, where it is mounted.
    pub name: String,
    /// The one that the system runs from.
    pub system: bool,
    pub total: Read<u64>,
    /// What the agent itself could still write.
    pub free: Read<u64>,
}

/// What became of a page that was to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    Shown,
    /// Nobody is signed in, so nobody can be asked.
    NobodyHere,
}

/// Refuses every address but that of a page on this machine: no caller can make this open anything else.
fn own_page(url: &str) -> Read<()> {
    let refused = || OsError::failed("only a page of this machine's own guide is ever opened");
    let rest = url.strip_prefix("http://127.0.0.1:").ok_or_else(refused)?;
    let (port, path) = rest.split_once('/').ok_or_else(refused)?;
    let port_is_one = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'/';
    if port_is_one && path.bytes().all(plain) {
        Ok(())
    } else {
        Err(refused())
    }
}

/// A terminal, as the agent sees and changes it. All methods block, and may take seconds on a sick machine: they are
/// called from a blocking thread unless [`Os::is_instant`] says otherwise. Calls may come from several threads.
pub trait Os: Send + Sync {
    /// "windows", "linux" or "simulated".
    fn platform(&self) -> &'static str;

    fn hostname(&self) -> Read<String>;

    fn machine(&self) -> Machine;

    fn version(&self) -> OsVersion;

    fn boot(&self) -> Boot;

    /// One value; `None` where the key or the value is absent: on Windows absence often has a meaning of its own.
    /// 64-bit view. `name` is "" for the default value; key and value names compare without regard to case.
    ///
    /// Below [`Hive::Users`] a key begins with the SID of a [`User`]. Where that user is not signed in, the hive is loaded
    /// for as long as the one call lasts, so that nobody's sign-in meets it: ask for much at once, with
    /// [`Os::registry_tree`]. What belongs to a user who is away is not written.
    fn registry_get(&self, hive: Hive, key: &str, name: &str) -> Read<Option<RegistryValue>>;

    /// Writes one value and returns once it is in the hive file (flushed); makes the key where it is absent.
    fn registry_set(&self, hive: Hive, key: &str, name: &str, value: &RegistryValue) -> Read<()>;

    /// Removes one value; that it was absent is success.
    fn registry_delete(&self, hive: Hive, key: &str, name: &str) -> Read<()>;

    /// Names below a key; `None` where the key is absent.
    fn registry_list(&self, hive: Hive, key: &str) -> Read<Option<RegistryKey>>;

    /// Everything below a key in one go, `depth` levels of keys deep (0: its values alone); `None` where the key is absent.
    /// More than [`MAX_FILE`] bytes or [`MOST_ENTRIES`] names are `Failed`.
    fn registry_tree(&self, hive: Hive, key: &str, depth: u32) -> Read<Option<RegistryTree>>;

    /// The people who have a profile here, by SID; neither services nor the system itself.
    fn users(&self) -> Read<Vec<User>>;

    /// What a folder holds, by name; `NotFound` where it is absent. More than [`MOST_ENTRIES`] are `Failed`.
    fn list_dir(&self, path: &Path) -> Read<Vec<Entry>>;

    /// The fixed drives.
    fn volumes(&self) -> Read<Vec<Volume>>;

    /// A whole small file (at most [`MAX_FILE`]; a larger one is `Failed`), shared with whoever is writing it.
    fn read_file(&self, path: &Path) -> Read<Vec<u8>>;

    /// Puts a small file in the place of the one that is there, if any, and returns once it is on the disk: whoever looks
    /// meanwhile, and whoever looks after the power went, finds either of the two whole. Makes its folders.
    fn replace_file(&self, path: &Path, bytes: &[u8]) -> Read<()>;

    /// Changes the machine's policies with nobody else changing them meanwhile, then has the system carry them out.
    fn change_policy(&self, change: &mut dyn FnMut() -> Read<()>) -> Read<()>;

    /// Every scheduled task but Windows' own.
    fn tasks(&self) -> Read<Vec<TaskSeen>>;

    /// A local account, whatever the case of its name; `None` where there is none.
    fn account(&self, name: &str) -> Read<Option<Account>>;

    /// Folders shared over the network.
    fn shares(&self) -> Read<Vec<Share>>;

    fn antivirus(&self) -> Read<Vec<Antivirus>>;

    fn joined(&self) -> Read<Joined>;

    fn links(&self) -> Read<Links>;

    fn sleep_after(&self) -> Sleep;

    /// Zero is never.
    fn set_sleep_after(&self, supply: Supply, after: Span) -> Read<()>;

    /// Registers the agent's own task, which restarts the machine at this time of each day ([`restart_task`]), in place of the
    /// one there may be, or removes it. What the task does is made by the seam itself.
    fn set_daily_restart(&self, at: Option<Clock24>) -> Read<()>;

    /// Switches a task that [`Os::tasks`] tells of on or off, and changes nothing else about it.
    fn enable_task(&self, path: &str, on: bool) -> Read<()>;

    /// Whether somebody answers at each of these places; each is given as long, and all are asked at once. A place that is
    /// not reached is `Failed`.
    fn reach(&self, checks: &[Check], within: Span) -> Vec<Read<()>>;

    /// How far this clock is behind that of a time server.
    fn clock_offset(&self, server: &str) -> Read<Span>;

    /// Shows a page of this machine's own guide to the person who sits in front of it, in that person's session. Takes
    /// `http://127.0.0.1:…` and nothing else. Where no page can be shown to anybody this is `NotSupported`.
    fn open_page(&self, url: &str) -> Read<Opened>;

    fn presence(&self) -> Read<Presence> {
        unknown_here()
    }

    fn on_battery(&self) -> Read<bool> {
        unknown_here()
    }

    /// Whether Windows Update installs something at this moment, for whomever.
    fn updating(&self) -> Read<bool> {
        unknown_here()
    }

    /// Has Windows Update search, download and install in the background, unless that is under way; returns at once.
    fn update_start(&self) -> Read<()> {
        unknown_here()
    }

    /// Of what [`Os::update_start`] began. It does not outlive this process, though what is installed stays so.
    fn update_progress(&self) -> Read<UpdateRun> {
        unknown_here()
    }

    /// What came of Windows Update's work until now.
    fn update_results(&self) -> UpdateResults {
        UpdateResults::unreadable(&OsError::not_supported("this system cannot be asked for that"))
    }

    /// Those of the services that run.
    fn running(&self, services: &[String]) -> Read<Vec<String>> {
        let _ = services;
        unknown_here()
    }

    /// What has become of this notice, which stands on the screen or has just gone. `None`: it was not shown, or what became of
    /// it was heard already or is too long ago to count.
    fn heard(&self, notice: &Notice) -> Read<Option<Heard>> {
        let _ = notice;
        unknown_here()
    }

    /// Shows a notice, unless there is something to hear of it already, and says at once what has become of it. Whoever has
    /// heard that it is gone and asks again shows it anew.
    fn notice(&self, notice: &Notice) -> Read<Heard> {
        let _ = notice;
        unknown_here()
    }

    /// The newest entries of Windows' own log about this, at most so many, the newest first.
    fn happened(&self, what: Happenings, most: usize) -> Read<Vec<Happened>> {
        let _ = (what, most);
        unknown_here()
    }

    /// Starts a scheduled task that is there already, by its path; returns once it was told to.
    fn run_task(&self, path: &str) -> Read<()> {
        let _ = path;
        unknown_here()
    }

    /// Has the machine restart, with a reason in its log; returns once that is under way. What programs have not saved is
    /// not thrown away for it: Windows may then stay as it is.
    fn restart(&self) -> Read<()> {
        unknown_here()
    }

    /// Whether the browser here takes extensions by policy that are not from its store. On Windows it does in a domain alone.
    fn forces_extensions(&self) -> Read<bool> {
        Ok(self.joined()?.to == Join::Domain)
    }

    /// A folder of the agent's own that every user's programs may read, and only the system may write.
    fn shelf(&self) -> Read<PathBuf> {
        let programs = self.registry_get(Hive::LocalMachine, CURRENT_VERSION, "ProgramFilesDir")?;
        let programs =
            programs.ok_or_else(|| OsError::not_found(format!(r"HKLM\{CURRENT_VERSION} ProgramFilesDir")))?;
        Ok(PathBuf::from(format!(r"{}\Kaishin", programs.as_text()?)))
    }

    /// The address at which the browser here finds a file.
    fn url_of(&self, path: &Path) -> String {
        file_url(&format!("/{}", path.display()))
    }

    /// For how long yet the machine is down. Only a simulated one can be asked: of a real one, all that runs ends with it.
    fn down_for(&self) -> Option<Span> {
        None
    }

    /// Whether every call answers at once from memory, so that no blocking thread is needed. Only the simulation is.
    fn is_instant(&self) -> bool {
        false
    }
}

fn unknown_here<T>() -> Read<T> {
    Err(OsError::not_supported("this system cannot be asked for that"))
}

const CURRENT_VERSION: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion";

/// Of a path from the root on, with either kind of slash.
fn file_url(path: &str) -> String {
    let mut url = "file://".to_owned();
    for byte in path.bytes() {
        match byte {
            b'\\' => url.push('/'),
            b'/' | b':' | b'-' | b'.' | b'_' | b'~' => url.push(byte.into()),
            byte if byte.is_ascii_alphanumeric() => url.push(byte.into()),
            byte => url += &format!("%{byte:02X}"),
        }
    }
    url
}

pub const MAX_FILE: u64 = 16 * 1024 * 1024;
/// Names in one listing or one registry tree.
pub const MOST_ENTRIES: usize = 50_000;

/// A folder's entries, for those systems that Rust's own library can ask. A file that vanishes meanwhile is left out.
fn entries(path: &Path) -> Read<Vec<Entry>> {
    let shown = path.display().to_string();
    let failed = |error: std::io::Error| OsError::from_io(&shown, &error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Ok(meta) = entry.metadata() else {
            continue;
        };
        if found.len() == MOST_ENTRIES {
            return Err(OsError::failed(format!("{shown} holds more than {MOST_ENTRIES} names")));
        }
        let kind = if meta.is_file() {
            EntryKind::File
        } else if meta.is_dir() {
            EntryKind::Folder
        } else {
            EntryKind::Other
        };
        let since_1970 = meta
            .modified()
            .ok()
            .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        found.push(Entry {
            name: entry.file_name().to_string_lossy().into_owned(),
            kind,
            size: if meta.is_file() { meta.len() } else { 0 },
            modified: since_1970
                .and_then(|since| i64::try_from(since.as_micros()).ok())
                .map(Time),
        });
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// A file in the place of another, for those systems on which Rust's own library can do it.
fn replace(path: &Path, bytes: &[u8]) -> Read<()> {
    let shown = path.display().to_string();
    let failed = |error: std::io::Error| OsError::from_io(&shown, &error);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    // One name: what a power cut leaves behind, the next try writes over.
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".kaishin-new");
    let beside = path.with_file_name(name);
    let write = || {
        let mut file = std::fs::File::create(&beside)?;
        std::io::Write::write_all(&mut file, bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write().map_err(|error| {
        // What is half written is of no use to anybody; that it cannot be removed either changes nothing.
        let _ = std::fs::remove_file(&beside);
        failed(error)
    })
}

/// The machine that this process runs on.
pub fn this_machine() -> Result<Arc<dyn Os>, OsError> {
    #[cfg(windows)]
    {
        Ok(Arc::new(windows::Windows::new()?))
    }
    #[cfg(not(windows))]
    {
        Ok(Arc::new(linux::Linux::new("/")))
    }
}

/// Where the agent keeps its key, certificate and journal unless told otherwise.
pub fn default_data_dir() -> PathBuf {
    #[cfg(windows)]
    {
        windows::default_data_dir()
    }
    #[cfg(not(windows))]
    {
        PathBuf::from("/var/lib/kaishin-agent")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_an_address_whatever_its_name() {
        assert_eq!(
            file_url(r"/C:\Program Files\OQS-Auth\ext\受.crx"),
            "file:///C:/Program%20Files/OQS-Auth/ext/%E5%8F%97.crx"
        );
        assert_eq!(file_url("/tmp/a&b<c>"), "file:///tmp/a%26b%3Cc%3E");
    }

    #[test]
    fn nothing_but_a_page_of_this_machine_is_opened() {
        assert!(own_page("http://127.0.0.1:49152/open/0a1b").is_ok());
        for url in [
            "https://127.0.0.1:1/open/0a",
            "http://127.0.0.1/open/0a",
            "http://127.0.0.1:/open/0a",
            "http://127.0.0.1:99999/open/0a",
            "http://127.0.0.1:80@example.com/",
            "http://127.0.0.1.example.com:80/",
            "http://127.0.0.1:80/ --renderer-cmd-prefix=x",
            "http://127.0.0.1:80/\" calc.exe",
            "http://localhost:80/open/0a",
            "file:///C:/Windows/System32/calc.exe",
            "calc.exe",
            "",
        ] {
            assert!(own_page(url).is_err(), "{url}");
        }
    }
}
