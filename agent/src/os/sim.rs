//! A whole simulated terminal: a registry tree, files and boots that really hold what is written to them, with faults to
//! order. Built from a seed, so that the same seed is the same clinic for ever.

mod browser;
mod clinic;
mod desk;
mod image;
mod kept;
mod log;
mod meddling;
pub mod pack;
mod person;
mod site;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kaishin_proto::clock::Clock;
use kaishin_proto::profile::{Check, Clock24};
use kaishin_proto::time::{Span, Time};

use super::{
    Account, Antivirus, Boot, Entry, Happened, Happenings, Heard, Hive, Joined, Links, Machine, Notice, Opened, Os,
    OsError, OsVersion, Presence, Read, RegistryKey, RegistryTree, RegistryValue, Share, Sleep, Supply, TaskSeen,
    UpdateResults, UpdateRun, User, Volume, restart_task, users,
};
use crate::preg::{Instruction, Policy};
pub use browser::Hands;
pub use clinic::AUTO_UPDATE;
pub use desk::Updates;
use image::{FilePath, Image, KeyPath};
use kept::{Kept, Written};
pub use person::{Behaviour, PageOpened, Person, says_yes};
pub use site::certificate;

const CURRENT_VERSION: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
const BIOS: &str = r"HARDWARE\DESCRIPTION\System\BIOS";
const POLICY_FILE: &str = r"C:\Windows\System32\GroupPolicy\Machine\Registry.pol";
/// As Windows does, but to the minute.
const POLICIES_EVERY: Span = Span::minutes(90);
const REBOOT_REQUIRED: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired";

pub struct Sim {
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    seed: u64,
    hostname: String,
    serial: String,
    uuid: String,
    memory: u64,
    volumes: Vec<Volume>,
    image: Image,
    site: site::Site,
    desk: desk::Desk,
    /// What tests put into Windows' log.
    log: Vec<(Happenings, Happened)>,
    browser: browser::Browser,
    /// SIDs of those whose hive is loaded.
    signed_in: BTreeSet<String>,
    /// Who the log says did what people do.
    here: clinic::Account,
    boots: u32,
    booted: Time,
    /// When policies were last carried out.
    refreshed: Time,
    calls: u64,
    /// Calls that may have changed it.
    writes: u64,
    faults: BTreeMap<u64, OsError>,
    denied: BTreeSet<KeyPath>,
    closed: BTreeSet<FilePath>,
    kept: Option<Kept>,
    person: Person,
}

impl Sim {
    /// The `n`th terminal of the fleet that `seed` stands for.
    pub fn new(seed: u64, n: u64, clock: Clock) -> Sim {
        let clinic = clinic::Clinic::of(seed, n);
        let booted = clock.now() - Span::seconds(clinic.seconds_up);
        let mut image = Image::default();
        clinic.furnish(&mut image, clock.now());
        let site = clinic.site(clock.now());
        site.furnish(&mut image);
        let state = State {
            seed: clinic.seed,
            hostname: clinic.hostname.clone(),
            serial: clinic.serial.clone(),
            uuid: clinic.uuid.clone(),
            memory: clinic.memory,
            volumes: clinic.volumes(),
            image,
            site,
            desk: desk::Desk::default(),
            log: Vec::new(),
            browser: browser::Browser::default(),
            signed_in: clinic.signed_in(),
            here: clinic.here(),
            boots: 1,
            booted,
            refreshed: clock.now(),
            calls: 0,
            writes: 0,
            faults: BTreeMap::new(),
            denied: BTreeSet::new(),
            closed: BTreeSet::new(),
            kept: None,
            person: Person::default(),
        };
        Sim {
            clock,
            state: Mutex::new(state),
        }
    }

    /// The same machine with a disk that outlives this process.
    pub fn kept_in(self, file: &Path) -> Read<Sim> {
        {
            let mut state = self.lock();
            let kept = Kept::open(file, &mut state.image)?;
            state.kept = Some(kept);
            state.browser_starts(self.clock.now());
        }
        Ok(self)
    }

    /// Shuts down and starts again: a new boot, and what waited for it is done.
    pub fn reboot(&self) {
        let mut state = self.lock();
        let now = self.clock.now();
        state.starts(now);
    }

    /// Carries out the policy file, as Windows does now and then: what is edited in the registry alone goes back.
    pub fn refresh_policy(&self) {
        self.lock().refresh_policy(self.clock.now());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self) -> Read<MutexGuard<'_, State>> {
        let mut state = self.lock();
        let clock = self.clock.now();
        state.distribution_writes(clock);
        state.browse(clock);
        state.calls += 1;
        if clock >= state.refreshed + POLICIES_EVERY {
            state.refresh_policy(clock);
        }
        let now = state.calls;
        match state.faults.remove(&now) {
            Some(error) => Err(error),
            None => Ok(state),
        }
    }

    fn call_key(&self, hive: Hive, key: &str) -> Read<MutexGuard<'_, State>> {
        let state = self.call()?;
        let asked = KeyPath::new(hive, key);
        let denied = state.denied.iter().any(|denied| asked.is_within(denied));
        if denied {
            return Err(OsError::no_permission(format!(r"{}\{key}", hive.name())));
        }
        Ok(state)
    }

    fn call_path(&self, path: &Path) -> Read<MutexGuard<'_, State>> {
        let state = self.call()?;
        let asked = FilePath::new(path);
        if state.closed.iter().any(|closed| asked.is_within(closed)) {
            return Err(OsError::no_permission(path.display().to_string()));
        }
        Ok(state)
    }

    /// What belongs to a user who is away is not written.
    fn call_write(&self, hive: Hive, key: &str) -> Read<MutexGuard<'_, State>> {
        self.lock().writes += 1;
        let state = self.call_key(hive, key)?;
        let sid = key.trim_matches('\\').split('\\').next().unwrap_or_default();
        if hive == Hive::Users && users::is_person(sid) && !state.signed_in.contains(sid) {
            return Err(OsError::failed(format!("{sid} is not signed in")));
        }
        Ok(state)
    }
}

impl State {
    fn keep(&mut self, hive: Hive, key: &str, name: &str, value: Option<RegistryValue>) -> Read<()> {
        self.keep_written(Written::Value {
            hive,
            key: key.to_owned(),
            name: name.to_owned(),
            value,
        })
    }

    fn keep_written(&mut self, written: Written) -> Read<()> {
        self.kept.as_mut().map_or(Ok(()), |kept| kept.write(written))
    }

    /// A file that is damaged is carried out by nobody.
    fn refresh_policy(&mut self, now: Time) {
        self.refreshed = now;
        let Some(bytes) = self.image.file(Path::new(POLICY_FILE)) else {
            return;
        };
        let Ok(policy) = Policy::read(&bytes) else { return };
        let hive = Hive::LocalMachine;
        for instruction in policy.instructions() {
            match instruction {
                Instruction::Set(key, name, value) => {
                    if self.image.get(hive, key, name) != Some(&value) {
                        self.image.own.set(hive, key, name, value);
                        self.policy_written(hive, key, now);
                    }
                }
                Instruction::Remove(key, name) => self.image.delete(hive, key, &name),
                Instruction::RemoveValues(key) => {
                    let listed = self.image.list(hive, key).unwrap_or_default();
                    for name in listed.values {
                        self.image.delete(hive, key, &name);
                    }
                }
                Instruction::RemoveKey(key) => self.image.remove_key(hive, &key),
            }
        }
    }

    fn text(&self, key: &str, name: &str) -> Read<String> {
        let value = self.image.get(Hive::LocalMachine, key, name);
        let text = value
            .ok_or_else(|| OsError::not_found(format!(r"HKLM\{key} {name}")))?
            .as_text()?;
        if text.is_empty() {
            return Err(OsError::not_found(format!(r"HKLM\{key} {name} is empty")));
        }
        Ok(text)
    }

    fn number(&self, key: &str, name: &str) -> Read<i64> {
        let value = self.image.get(Hive::LocalMachine, key, name);
        let value = value.ok_or_else(|| OsError::not_found(format!(r"HKLM\{key} {name}")))?;
        value.as_u32().map(i64::from)
    }

    fn build(&self) -> Read<i64> {
        let text = self.text(CURRENT_VERSION, "CurrentBuild")?;
        text.parse()
            .map_err(|_| OsError::damaged(format!("CurrentBuild is {text:?}")))
    }
}

impl Os for Sim {
    fn platform(&self) -> &'static str {
        "simulated"
    }

    fn hostname(&self) -> Read<String> {
        Ok(self.call()?.hostname.clone())
    }

    fn machine(&self) -> Machine {
        let state = match self.call() {
            Ok(state) => state,
            Err(error) => return Machine::unreadable(&error),
        };
        Machine {
            manufacturer: state.text(BIOS, "SystemManufacturer"),
            model: state.text(BIOS, "SystemFamily"),
            product: state.text(BIOS, "SystemProductName"),
            serial: Ok(state.serial.clone()),
            uuid: Ok(state.uuid.clone()),
            bios: state.text(BIOS, "BIOSVersion"),
            memory: Ok(state.memory),
        }
    }

    fn version(&self) -> OsVersion {
        let state = match self.call() {
            Ok(state) => state,
            Err(error) => return OsVersion::unreadable(&error),
        };
        let build = state.build();
        let revision = state.number(CURRENT_VERSION, "UBR");
        let version = build
            .clone()
            .and_then(|build| super::winver::version(10, 0, build, &revision));
        let installed = state.number(CURRENT_VERSION, "InstallDate");
        OsVersion {
            product: state.text(CURRENT_VERSION, "ProductName"),
            edition: state.text(CURRENT_VERSION, "EditionID"),
            version,
            build,
            revision,
            installed: installed.map(|seconds| Time(seconds * 1_000_000)),
        }
    }

    fn boot(&self) -> Boot {
        match self.call() {
            Ok(state) => Boot {
                time: Ok(Time(state.booted.micros() / 1_000_000 * 1_000_000)),
                id: Ok(format!("{:016x}-{}", state.seed, state.boots)),
            },
            Err(error) => Boot {
                time: Err(error.clone()),
                id: Err(error),
            },
        }
    }

    fn registry_get(&self, hive: Hive, key: &str, name: &str) -> Read<Option<RegistryValue>> {
        Ok(self.call_key(hive, key)?.image.get(hive, key, name).cloned())
    }

    fn registry_set(&self, hive: Hive, key: &str, name: &str, value: &RegistryValue) -> Read<()> {
        let mut state = self.call_write(hive, key)?;
        state.image.own.set(hive, key, name, value.clone());
        state.policy_written(hive, key, self.clock.now());
        state.keep(hive, key, name, Some(value.clone()))
    }

    fn registry_delete(&self, hive: Hive, key: &str, name: &str) -> Read<()> {
        let mut state = self.call_write(hive, key)?;
        state.image.delete(hive, key, name);
        state.policy_written(hive, key, self.clock.now());
        state.keep(hive, key, name, None)
    }

    fn registry_list(&self, hive: Hive, key: &str) -> Read<Option<RegistryKey>> {
        Ok(self.call_key(hive, key)?.image.list(hive, key))
    }

    fn registry_tree(&self, hive: Hive, key: &str, depth: u32) -> Read<Option<RegistryTree>> {
        let state = self.call_key(hive, key)?;
        // Whoever may not read one part of a tree gets nothing of it, as on Windows.
        let asked = KeyPath::new(hive, key);
        if state.denied.iter().any(|denied| denied.is_within(&asked)) {
            return Err(OsError::no_permission(format!(r"{}\{key}", hive.name())));
        }
        Ok(state.image.tree(hive, key, depth))
    }

    fn users(&self) -> Read<Vec<User>> {
        let state = self.call_key(Hive::LocalMachine, users::PROFILE_LIST)?;
        let list = state.image.tree(Hive::LocalMachine, users::PROFILE_LIST, 1);
        let list = list.ok_or_else(|| OsError::not_found(users::PROFILE_LIST))?;
        let mut found = users::people(&list, "C:", |sid| (None, state.signed_in.contains(sid)))?;
        for user in &mut found {
            user.name = user.folder.rsplit('\\').next().map(str::to_owned);
        }
        Ok(found)
    }

    fn list_dir(&self, path: &Path) -> Read<Vec<Entry>> {
        let found = self.call_path(path)?.image.list_dir(path);
        found.ok_or_else(|| OsError::not_found(path.display().to_string()))
    }

    fn volumes(&self) -> Read<Vec<Volume>> {
        Ok(self.call()?.volumes.clone())
    }

    fn read_file(&self, path: &Path) -> Read<Vec<u8>> {
        let found = self.call_path(path)?.image.file(path);
        let bytes = found.ok_or_else(|| OsError::not_found(path.display().to_string()))?;
        Ok(bytes.to_vec())
    }

    fn replace_file(&self, path: &Path, bytes: &[u8]) -> Read<()> {
        self.lock().writes += 1;
        let mut state = self.call_path(path)?;
        let at = self.clock.now();
        state.image.own.file(path, bytes.to_vec(), at);
        state.keep_written(Written::File {
            path: path.to_owned(),
            bytes: bytes.to_vec(),
            at,
        })
    }

    fn change_policy(&self, change: &mut dyn FnMut() -> Read<()>) -> Read<()> {
        self.lock().writes += 1;
        drop(self.call()?);
        change()?;
        self.refresh_policy();
        Ok(())
    }

    fn tasks(&self) -> Read<Vec<TaskSeen>> {
        let state = self.call()?;
        Ok(state.site.tasks(state.booted, self.clock.now()))
    }

    fn account(&self, name: &str) -> Read<Option<Account>> {
        let account = self.call()?.site.account.clone();
        Ok(account.filter(|account| account.name.to_lowercase() == name.to_lowercase()))
    }

    fn shares(&self) -> Read<Vec<Share>> {
        Ok(self.call()?.site.shares.clone())
    }

    fn antivirus(&self) -> Read<Vec<Antivirus>> {
        Ok(self.call()?.site.antivirus.clone())
    }

    fn joined(&self) -> Read<Joined> {
        Ok(self.call()?.site.joined.clone())
    }

    fn links(&self) -> Read<Links> {
        Ok(self.call()?.site.links)
    }

    fn sleep_after(&self) -> Sleep {
        match self.call() {
            Ok(state) => state.site.sleep.clone(),
            Err(error) => Sleep {
                plugged_in: Err(error.clone()),
                on_battery: Err(error),
            },
        }
    }

    fn open_page(&self, url: &str) -> Read<Opened> {
        super::own_page(url)?;
        let state = self.call()?;
        if state.signed_in.is_empty() {
            return Ok(Opened::NobodyHere);
        }
        state.person.look_at(&state.hostname, url, &self.clock)?;
        Ok(Opened::Shown)
    }

    fn set_sleep_after(&self, supply: Supply, after: Span) -> Read<()> {
        self.lock().writes += 1;
        let mut state = self.call()?;
        let sleep = &mut state.site.sleep;
        let place = match supply {
            Supply::PluggedIn => &mut sleep.plugged_in,
            Supply::OnBattery => &mut sleep.on_battery,
        };
        *place = place.clone().map(|_| after);
        place.clone().map(drop)
    }

    fn set_daily_restart(&self, at: Option<Clock24>) -> Read<()> {
        self.lock().writes += 1;
        let now = self.clock.now();
        let mut state = self.call()?;
        let booted = state.booted;
        let tasks = state.site.kept_tasks(booted, now);
        tasks.retain(|task| task.path != restart_task::PATH);
        tasks.extend(at.map(site::daily_restart));
        Ok(())
    }

    fn enable_task(&self, path: &str, on: bool) -> Read<()> {
        self.lock().writes += 1;
        let now = self.clock.now();
        let mut state = self.call()?;
        let booted = state.booted;
        let tasks = state.site.kept_tasks(booted, now);
        let task = tasks.iter_mut().find(|task| task.path == path);
        task.ok_or_else(|| OsError::not_found(path))?.enabled = on;
        Ok(())
    }

    fn reach(&self, checks: &[Check], _: Span) -> Vec<Read<()>> {
        match self.call() {
            Ok(state) => checks.iter().map(|check| state.site.network.reach(check)).collect(),
            Err(error) => checks.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn clock_offset(&self, server: &str) -> Read<Span> {
        self.call()?.site.network.clock_offset(server)
    }

    fn shelf(&self) -> Read<PathBuf> {
        Ok(PathBuf::from(r"C:\Program Files\Kaishin"))
    }

    fn presence(&self) -> Read<Presence> {
        let state = self.call()?;
        Ok(state.desk.presence(!state.signed_in.is_empty()))
    }

    fn on_battery(&self) -> Read<bool> {
        Ok(self.call()?.desk.on_battery)
    }

    fn updating(&self) -> Read<bool> {
        Ok(self.call()?.desk.updating)
    }

    fn update_start(&self) -> Read<()> {
        let now = self.clock.now();
        self.call()?.desk.begins_update(now);
        Ok(())
    }

    fn update_progress(&self) -> Read<UpdateRun> {
        let now = self.clock.now();
        let mut state = self.call()?;
        let run = state.desk.update_run(now);
        state.note_update(run, now);
        Ok(run)
    }

    fn update_results(&self) -> UpdateResults {
        match self.call() {
            Ok(state) => {
                let told = state.desk.results.clone();
                told.unwrap_or_else(|| clinic::updates::told(&state.image))
            }
            Err(error) => UpdateResults::unreadable(&error),
        }
    }

    fn running(&self, services: &[String]) -> Read<Vec<String>> {
        Ok(self.call()?.desk.running(services))
    }

    fn heard(&self, notice: &Notice) -> Read<Option<Heard>> {
        let now = self.clock.now();
        Ok(self.call()?.desk.heard(notice, now))
    }

    fn notice(&self, notice: &Notice) -> Read<Heard> {
        let now = self.clock.now();
        let mut state = self.call()?;
        let seen = !state.signed_in.is_empty();
        Ok(state.desk.notice(notice, seen, now))
    }

    fn happened(&self, what: Happenings, most: usize) -> Read<Vec<Happened>> {
        let now = self.clock.now();
        Ok(self.call()?.happened(what, most, now))
    }

    fn run_task(&self, path: &str) -> Read<()> {
        let now = self.clock.now();
        let mut state = self.call()?;
        let tasks = state.site.tasks(state.booted, now);
        if !tasks.iter().any(|task| task.path.eq_ignore_ascii_case(path)) {
            return Err(OsError::not_found(path));
        }
        if path.ends_with(&site::profile().distribution.start_task) {
            state.desk.refreshes(now);
            state.distribution_writes(now);
        }
        Ok(())
    }

    fn restart(&self) -> Read<()> {
        let now = self.clock.now();
        self.call()?.desk.goes_down(now);
        Ok(())
    }

    fn down_for(&self) -> Option<Span> {
        let now = self.clock.now();
        let mut state = self.lock();
        let left = state.desk.down_for(now)?;
        if left.0 > 0 {
            return Some(left);
        }
        state.starts(now);
        None
    }

    fn is_instant(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
