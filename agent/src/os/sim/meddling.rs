//! What is done to a simulated terminal behind the agent's back: by a test, a person at the keyboard, a sick disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kaishin_proto::time::Span;

use super::image::{FilePath, KeyPath};
use super::{Account, Antivirus, Hive, Links, OsError, RegistryValue, Share, Sim, Sleep, TaskSeen, Volume};

impl Sim {
    /// The `n`th call from now on (1 is the next) fails with this error, once.
    pub fn fail_call(&self, n: u64, error: OsError) {
        let mut state = self.lock();
        let at = state.calls + n;
        state.faults.insert(at, error);
    }

    /// Every access to this key and what lies below it is denied until [`Sim::allow`].
    pub fn deny(&self, hive: Hive, key: &str) {
        self.lock().denied.insert(KeyPath::new(hive, key));
    }

    pub fn allow(&self, hive: Hive, key: &str) {
        self.lock().denied.remove(&KeyPath::new(hive, key));
    }

    /// This file or folder can be neither read nor listed until [`Sim::open`].
    pub fn close(&self, path: impl AsRef<Path>) {
        self.lock().closed.insert(FilePath::new(path.as_ref()));
    }

    pub fn open(&self, path: impl AsRef<Path>) {
        self.lock().closed.remove(&FilePath::new(path.as_ref()));
    }

    /// How often the agent has asked this machine for anything.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// How often the agent wrote, or tried to. Whoever only looks leaves it as it is.
    pub fn writes(&self) -> u64 {
        self.lock().writes
    }

    /// What a person at the keyboard sees, past all faults.
    pub fn peek(&self, hive: Hive, key: &str, name: &str) -> Option<RegistryValue> {
        self.lock().image.get(hive, key, name).cloned()
    }

    /// What a person at the keyboard changes, past all faults; `None` removes the value.
    pub fn poke(&self, hive: Hive, key: &str, name: &str, value: Option<RegistryValue>) {
        let mut state = self.lock();
        match value {
            Some(value) => state.image.own.set(hive, key, name, value),
            None => state.image.delete(hive, key, name),
        }
        state.policy_written(hive, key, self.clock.now());
    }

    /// Removes a key with all that lies below it.
    pub fn remove_key(&self, hive: Hive, key: &str) {
        self.lock().image.remove_key(hive, key);
    }

    pub fn put_file(&self, path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) {
        let bytes: Vec<u8> = bytes.into();
        let now = self.clock.now();
        self.lock().image.own.file(path.into(), bytes, now);
    }

    pub fn remove_file(&self, path: impl AsRef<Path>) {
        self.lock().image.remove_file(path.as_ref());
    }

    pub fn file(&self, path: impl AsRef<Path>) -> Option<Arc<[u8]>> {
        self.lock().image.file(path.as_ref())
    }

    /// Puts a scheduled task in place of the one at its path.
    pub fn put_task(&self, task: TaskSeen) {
        let now = self.clock.now();
        let mut state = self.lock();
        let booted = state.booted;
        let tasks = state.site.kept_tasks(booted, now);
        tasks.retain(|known| known.path != task.path);
        tasks.push(task);
    }

    pub fn remove_tasks(&self) {
        let now = self.clock.now();
        let mut state = self.lock();
        let booted = state.booted;
        state.site.kept_tasks(booted, now).clear();
    }

    pub fn set_account(&self, account: Option<Account>) {
        self.lock().site.account = account;
    }

    pub fn set_shares(&self, shares: Vec<Share>) {
        self.lock().site.shares = shares;
    }

    pub fn set_antivirus(&self, antivirus: Vec<Antivirus>) {
        self.lock().site.antivirus = antivirus;
    }

    pub fn set_sleep(&self, sleep: Sleep) {
        self.lock().site.sleep = sleep;
    }

    pub fn set_links(&self, links: Links) {
        self.lock().site.links = links;
    }

    /// From now on exactly these hosts do not answer.
    pub fn cut_off(&self, hosts: &[&str]) {
        let mut state = self.lock();
        state.site.network.no_names = false;
        state.site.network.down = hosts.iter().map(|host| (*host).to_owned()).collect();
    }

    /// How far a time server finds this clock to be behind.
    pub fn set_behind(&self, behind: Span) {
        self.lock().site.network.behind = behind;
    }

    pub fn set_volumes(&self, volumes: Vec<Volume>) {
        self.lock().volumes = volumes;
    }

    pub fn rename(&self, hostname: &str) {
        self.lock().hostname = hostname.to_owned();
    }
}
