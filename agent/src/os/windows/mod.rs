//! The real Windows: registry, firmware, tasks, accounts and the rest. All `unsafe` of the agent is in this room: one small block per
//! call, each with its reason; what the answers mean is decided in safe code outside (`smbios`, `winver`).
#![expect(unsafe_code, reason = "Windows is reached through its C interface, and only here")]

mod com;
mod desk;
pub mod folder;
mod log;
mod network;
mod optional;
mod policy;
mod registry;
mod session;
mod system;
mod tasks;
mod updates;
mod users;
#[cfg(test)]
mod winhttp;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use kaishin_proto::clock::Clock;
use kaishin_proto::profile::{Check, Clock24};
use kaishin_proto::time::{Span, Time};
use windows_sys::Win32::Foundation::FILETIME;

use super::smbios::{self, Firmware};
use super::{
    Account, Antivirus, Boot, Entry, Happened, Happenings, Heard, Hive, Joined, Links, MAX_FILE, Machine, Notice,
    Opened, Os, OsError, OsVersion, Presence, Read, RegistryKey, RegistryTree, RegistryValue, Share, Sleep, Supply,
    TaskSeen, UpdateResults, UpdateRun, User, Volume, winver,
};

const CURRENT_VERSION: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
const BIOS: &str = r"HARDWARE\DESCRIPTION\System\BIOS";
const PREFETCH: &str = r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters";
/// Made anew in memory by the kernel at each start; nobody writes to it afterwards.
const PROCESSOR: &str = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0";
/// How far a corrected clock may move a computed moment before it is believed to be another one.
const SAME: u64 = 120 * 1_000_000;

#[derive(Default)]
pub struct Windows {
    /// Moments that Windows tells as an age, as first computed: the clock is corrected now and then, and nothing has changed.
    kept: Mutex<BTreeMap<String, Time>>,
    screen: desk::Screen,
    updates: updates::Updates,
}

/// As Windows wants texts: UTF-16, ended by NUL. A NUL inside would silently name something else.
fn wide(text: &str) -> Read<Vec<u16>> {
    if text.contains('\0') {
        return Err(OsError::failed(format!("{text:?} has a NUL inside")));
    }
    Ok(text.encode_utf16().chain([0]).collect())
}

fn intervals(time: FILETIME) -> u64 {
    (u64::from(time.dwHighDateTime) << 32) | u64::from(time.dwLowDateTime)
}

/// `%ProgramData%\Kaishin`, where a service may keep what no user may read.
pub fn default_data_dir() -> PathBuf {
    let base = std::env::var_os("ProgramData").map_or_else(|| PathBuf::from(r"C:\ProgramData"), PathBuf::from);
    base.join("Kaishin")
}

impl Windows {
    pub fn new() -> Read<Windows> {
        users::unload_leftovers();
        Ok(Windows::default())
    }

    fn needed(&self, key: &str, name: &str) -> Read<RegistryValue> {
        let value = self.registry_get(Hive::LocalMachine, key, name)?;
        value.ok_or_else(|| OsError::not_found(format!("HKLM\\{key}\\{name} is absent")))
    }

    fn text(&self, key: &str, name: &str) -> Read<String> {
        smbios::said(&self.needed(key, name)?.as_text()?, name)
    }

    fn number(&self, key: &str, name: &str) -> Read<i64> {
        self.needed(key, name)?.as_u32().map(i64::from)
    }

    /// The part of the firmware's table that Windows copies into the registry: neither serial number nor UUID.
    fn registry_firmware(&self) -> Firmware {
        let absent = OsError::not_found("not among the registry's BIOS values");
        Firmware {
            manufacturer: self.text(BIOS, "SystemManufacturer"),
            product_name: self.text(BIOS, "SystemProductName"),
            version: self.text(BIOS, "SystemVersion"),
            family: self.text(BIOS, "SystemFamily"),
            sku: self.text(BIOS, "SystemSKU"),
            serial: Err(absent.clone()),
            uuid: Err(absent),
            bios: self.text(BIOS, "BIOSVersion"),
        }
    }

    fn boot_time(&self) -> Read<Time> {
        let (now, uptime) = system::clock_and_uptime();
        let computed = winver::filetime(now).and_then(|now| winver::boot_time(now, uptime));
        let computed = computed.ok_or_else(|| OsError::damaged("the clock and the uptime do not go together"))?;
        Ok(self.kept("the start", computed))
    }

    fn kept(&self, what: &str, computed: Time) -> Time {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.get(what) {
            Some(kept) if kept.0.abs_diff(computed.0) <= SAME => *kept,
            Some(_) | None => {
                kept.insert(what.to_owned(), computed);
                computed
            }
        }
    }

    /// Windows counts its starts; where it does not, the moment at which the kernel described the processor will do. The
    /// start's time itself moves with the clock, and two names for one start would look like a restart that never was.
    fn boot_id(&self) -> Read<String> {
        if let Ok(count) = self.number(PREFETCH, "BootId") {
            return Ok(format!("start-{count}"));
        }
        let described = registry::written(Hive::LocalMachine, PROCESSOR)?;
        let described = described.ok_or_else(|| OsError::not_found(format!("HKLM\\{PROCESSOR} is absent")))?;
        Ok(format!("described-{described:016x}"))
    }
}

impl Os for Windows {
    fn platform(&self) -> &'static str {
        "windows"
    }

    fn hostname(&self) -> Read<String> {
        system::hostname()
    }

    fn machine(&self) -> Machine {
        let firmware = match system::firmware_table() {
            Ok(table) => Firmware::from_windows_table(&table),
            Err(error) => Firmware::unreadable(&error),
        };
        firmware.or(self.registry_firmware()).machine(system::memory())
    }

    fn version(&self) -> OsVersion {
        let told = system::version();
        let revision = self.number(CURRENT_VERSION, "UBR");
        let product = self.text(CURRENT_VERSION, "ProductName");
        let build = told.as_ref().map(|told| told.build);
        OsVersion {
            product: product.map(|product| winver::product(&product, build.unwrap_or(0))),
            edition: self.text(CURRENT_VERSION, "EditionID"),
            build: build.map(i64::from).map_err(OsError::clone),
            version: told.and_then(|told| winver::version(told.major, told.minor, told.build.into(), &revision)),
            revision,
            installed: self
                .number(CURRENT_VERSION, "InstallDate")
                .map(|seconds| Time(seconds * 1_000_000)),
        }
    }

    fn boot(&self) -> Boot {
        Boot {
            time: self.boot_time(),
            id: self.boot_id(),
        }
    }

    fn registry_get(&self, hive: Hive, key: &str, name: &str) -> Read<Option<RegistryValue>> {
        match hive {
            Hive::LocalMachine => registry::get(hive, key, name),
            Hive::Users => users::reading(key, |key| registry::get(hive, key, name)),
        }
    }

    fn registry_set(&self, hive: Hive, key: &str, name: &str, value: &RegistryValue) -> Read<()> {
        if hive == Hive::Users {
            users::may_write(key)?;
        }
        registry::set(hive, key, name, value)
    }

    fn registry_delete(&self, hive: Hive, key: &str, name: &str) -> Read<()> {
        if hive == Hive::Users {
            users::may_write(key)?;
        }
        registry::delete(hive, key, name)
    }

    fn registry_list(&self, hive: Hive, key: &str) -> Read<Option<RegistryKey>> {
        match hive {
            Hive::LocalMachine => registry::list(hive, key),
            Hive::Users => users::reading(key, |key| registry::list(hive, key)),
        }
    }

    fn registry_tree(&self, hive: Hive, key: &str, depth: u32) -> Read<Option<RegistryTree>> {
        match hive {
            Hive::LocalMachine => registry::tree(hive, key, depth),
            Hive::Users => users::reading(key, |key| registry::tree(hive, key, depth)),
        }
    }

    fn users(&self) -> Read<Vec<User>> {
        users::all()
    }

    fn list_dir(&self, path: &Path) -> Read<Vec<Entry>> {
        super::entries(path)
    }

    fn replace_file(&self, path: &Path, bytes: &[u8]) -> Read<()> {
        super::replace(path, bytes)
    }

    fn change_policy(&self, change: &mut dyn FnMut() -> Read<()>) -> Read<()> {
        policy::change(change)
    }

    fn volumes(&self) -> Read<Vec<Volume>> {
        system::volumes()
    }

    fn tasks(&self) -> Read<Vec<TaskSeen>> {
        tasks::all()
    }

    fn account(&self, name: &str) -> Read<Option<Account>> {
        let (now, _) = system::clock_and_uptime();
        let now = winver::filetime(now).ok_or_else(|| OsError::damaged("the clock stands before 1970"))?;
        network::account(name, |sid, age| self.kept(sid, winver::minute(now - age)))
    }

    fn shares(&self) -> Read<Vec<Share>> {
        network::shares()
    }

    fn antivirus(&self) -> Read<Vec<Antivirus>> {
        optional::antivirus()
    }

    fn joined(&self) -> Read<Joined> {
        network::joined()
    }

    fn links(&self) -> Read<Links> {
        network::links()
    }

    fn sleep_after(&self) -> Sleep {
        optional::sleep_after()
    }

    fn open_page(&self, url: &str) -> Read<Opened> {
        super::own_page(url)?;
        session::open(url)
    }

    fn set_sleep_after(&self, supply: Supply, after: Span) -> Read<()> {
        optional::set_sleep_after(supply, after)
    }

    fn set_daily_restart(&self, at: Option<Clock24>) -> Read<()> {
        tasks::set_daily_restart(at)
    }

    fn enable_task(&self, path: &str, on: bool) -> Read<()> {
        tasks::enable(path, on)
    }

    fn reach(&self, checks: &[Check], within: Span) -> Vec<Read<()>> {
        super::reach::all(checks, within)
    }

    fn clock_offset(&self, server: &str) -> Read<Span> {
        super::sntp::ask(server, super::sntp::PORT, super::sntp::WITHIN, &Clock::system())
    }

    fn presence(&self) -> Read<Presence> {
        desk::presence()
    }

    fn on_battery(&self) -> Read<bool> {
        desk::on_battery()
    }

    /// Windows starts this service to install, and stops it soon after.
    fn updating(&self) -> Read<bool> {
        let installer = ["TrustedInstaller".to_owned()];
        Ok(!desk::running(&installer)?.is_empty())
    }

    fn happened(&self, what: Happenings, most: usize) -> Read<Vec<Happened>> {
        log::happened(what, most)
    }

    fn update_start(&self) -> Read<()> {
        self.updates.start();
        Ok(())
    }

    fn update_progress(&self) -> Read<UpdateRun> {
        Ok(self.updates.progress())
    }

    fn update_results(&self) -> UpdateResults {
        self.updates.results()
    }

    fn running(&self, services: &[String]) -> Read<Vec<String>> {
        desk::running(services)
    }

    fn heard(&self, notice: &Notice) -> Read<Option<Heard>> {
        Ok(self.screen.heard(notice))
    }

    fn notice(&self, notice: &Notice) -> Read<Heard> {
        self.screen.notice(notice)
    }

    fn run_task(&self, path: &str) -> Read<()> {
        tasks::run(path)
    }

    fn restart(&self) -> Read<()> {
        desk::restart()
    }

    /// Rust opens files shared for reading, writing and deleting, so that nobody is stopped from writing meanwhile.
    fn read_file(&self, path: &Path) -> Read<Vec<u8>> {
        let shown = path.display().to_string();
        let failed = |error: std::io::Error| OsError::from_io(&shown, &error);
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(failed)?;
        file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(OsError::failed(format!("{shown} is larger than {MAX_FILE} bytes")));
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_knows_its_name_version_and_memory() {
        let windows = Windows::new().unwrap();
        assert!(!windows.hostname().unwrap().is_empty());
        let version = windows.version();
        assert!(version.version.unwrap().starts_with("10.0."));
        assert!(version.build.unwrap() >= 10_240);
        assert!(version.product.unwrap().contains("Windows"));
        assert!(windows.machine().memory.unwrap() > 1 << 20);
    }

    #[test]
    fn one_start_has_one_time_and_one_name() {
        let first = Windows::new().unwrap().boot();
        let windows = Windows::new().unwrap();
        assert_eq!(windows.boot().id, first.id);
        assert_eq!(windows.boot(), windows.boot());
        let apart = windows.boot().time.unwrap().0.abs_diff(first.time.unwrap().0);
        assert!(apart <= 1_000_000, "{apart}");
    }

    #[test]
    fn the_system_drive_is_among_the_fixed_ones() {
        let volumes = Windows::new().unwrap().volumes().unwrap();
        let system: Vec<_> = volumes.iter().filter(|volume| volume.system).collect();
        assert_eq!(system.len(), 1, "{volumes:?}");
        assert!(system[0].total.clone().unwrap() >= system[0].free.clone().unwrap());
    }

    #[test]
    fn a_file_that_is_being_written_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Version.info");
        let mut file = File::create(&path).unwrap();
        std::io::Write::write_all(&mut file, b"2.0.1").unwrap();
        let windows = Windows::new().unwrap();
        assert_eq!(windows.read_file(&path).as_deref(), Ok(&b"2.0.1"[..]));
        let absent = windows.read_file(&folder.path().join("none")).unwrap_err();
        assert_eq!(absent.reason, kaishin_proto::value::Reason::NotFound);
    }
}
