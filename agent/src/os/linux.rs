//! The real Linux subset: enough to register, be seen and be told apart. There is no registry here, and saying so is the
//! answer. Everything is read from files below a root, so that a test can lay out a machine. A real browser can stand beside
//! it in place of the terminals' own: its managed policies are then the registry's, and a folder is drive C:.

mod policies;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use kaishin_proto::clock::Clock;
use kaishin_proto::profile::{Check, Clock24};
use kaishin_proto::time::{Span, Time};

use policies::Policies;

use super::{
    Account, Antivirus, Boot, Entry, EntryKind, Hive, Joined, Links, MAX_FILE, Machine, Opened, Os, OsError, OsVersion,
    Read, RegistryKey, RegistryTree, RegistryValue, Share, Sleep, Supply, TaskSeen, User, Volume,
};

pub struct Linux {
    root: PathBuf,
    browser: Option<Beside>,
}

/// A Chromium that is looked after as a terminal's Edge is.
#[derive(Clone, Debug)]
pub struct Browser {
    /// What stands for drive C:. People's folders are in its `Users`.
    pub drive: PathBuf,
    /// The agent's own file among those of the browser's managed policies.
    pub policies: PathBuf,
    /// What the agent has the browser fetch.
    pub shelf: PathBuf,
}

struct Beside {
    drive: PathBuf,
    shelf: PathBuf,
    policies: Policies,
}

impl Linux {
    pub fn new(root: impl Into<PathBuf>) -> Linux {
        Linux {
            root: root.into(),
            browser: None,
        }
    }

    pub fn with_browser(self, browser: Browser) -> Linux {
        let Browser { drive, policies, shelf } = browser;
        let policies = Policies::new(policies);
        Linux {
            browser: Some(Beside { drive, shelf, policies }),
            ..self
        }
    }

    fn beside(&self) -> Read<&Beside> {
        let no_browser = || OsError::not_supported("no browser is looked after here");
        self.browser.as_ref().ok_or_else(no_browser)
    }

    /// A path of a terminal's drive, where it lies here; others are what they are.
    fn place(&self, path: &Path) -> PathBuf {
        let text = path.to_string_lossy();
        match (&self.browser, text.strip_prefix(r"C:\")) {
            (Some(beside), Some(rest)) => beside.drive.join(rest.replace('\\', "/")),
            (Some(_) | None, _) => path.to_owned(),
        }
    }

    fn policies<'k>(&self, hive: Hive, key: &'k str) -> Read<(&Policies, Vec<&'k str>)> {
        let ours = self.browser.as_ref().zip(policies::below(hive, key));
        let (beside, key) = ours.ok_or_else(|| OsError::not_supported("Linux has no registry"))?;
        Ok((&beside.policies, key))
    }

    fn text(&self, path: &str) -> Read<String> {
        let bytes = self.read_file(&self.root.join(path))?;
        let text = String::from_utf8(bytes).map_err(|_| OsError::damaged(format!("{path} is not text")))?;
        present(text.trim(), path)
    }

    fn dmi(&self, name: &str) -> Read<String> {
        self.text(&format!("sys/class/dmi/id/{name}"))
    }

    fn release(&self, key: &str) -> Read<String> {
        let text = self.text("etc/os-release")?;
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let value = line.ok_or_else(|| OsError::not_found(format!("os-release has no {key}")))?;
        present(value.trim_matches('"'), key)
    }

    fn memory(&self) -> Read<u64> {
        let text = self.text("proc/meminfo")?;
        let kib = text
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
        let kib = kib.ok_or_else(|| OsError::damaged("meminfo has no MemTotal"))?;
        let kib: u64 = kib
            .trim()
            .parse()
            .map_err(|_| OsError::damaged(format!("MemTotal is {kib:?}")))?;
        kib.checked_mul(1024)
            .ok_or_else(|| OsError::damaged(format!("MemTotal is {kib}")))
    }

    fn boot_time(&self) -> Read<Time> {
        let text = self.text("proc/stat")?;
        let seconds = text.lines().find_map(|line| line.strip_prefix("btime "));
        let seconds: Option<i64> = seconds.and_then(|seconds| seconds.trim().parse().ok());
        seconds
            .and_then(|seconds| seconds.checked_mul(1_000_000))
            .map(Time)
            .ok_or_else(|| OsError::damaged("/proc/stat has no sound btime"))
    }
}

/// The leading numbers of a kernel release: "6.1.0-13-amd64" is 6.1.0.
fn numbers_of(release: &str) -> &str {
    let end = release
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(release.len());
    release[..end].trim_end_matches('.')
}

/// Boards say nothing in many ways; a placeholder is not a serial number.
fn present(text: &str, what: &str) -> Read<String> {
    const NOTHING: [&str; 5] = ["", "None", "Default string", "To be filled by O.E.M.", "Not Specified"];
    if NOTHING.contains(&text) {
        return Err(OsError::not_found(format!("{what} says nothing")));
    }
    Ok(text.to_owned())
}

impl Os for Linux {
    fn platform(&self) -> &'static str {
        "linux"
    }

    fn hostname(&self) -> Read<String> {
        self.text("proc/sys/kernel/hostname")
    }

    fn machine(&self) -> Machine {
        let manufacturer = self.dmi("sys_vendor");
        // Lenovo keeps the name that people know in the version field; its product name is the machine type.
        let lenovo = manufacturer
            .as_deref()
            .is_ok_and(|maker| maker.eq_ignore_ascii_case("lenovo"));
        let (model, product) = if lenovo {
            (self.dmi("product_version"), self.dmi("product_name"))
        } else {
            (self.dmi("product_name"), self.dmi("product_sku"))
        };
        Machine {
            manufacturer,
            model,
            product,
            serial: self.dmi("product_serial"),
            uuid: self.dmi("product_uuid").map(|uuid| uuid.to_ascii_lowercase()),
            bios: self.dmi("bios_version"),
            memory: self.memory(),
        }
    }

    fn version(&self) -> OsVersion {
        let kernel = self.text("proc/sys/kernel/osrelease");
        OsVersion {
            product: self.release("PRETTY_NAME"),
            edition: self.release("ID"),
            version: kernel.and_then(|kernel| present(numbers_of(&kernel), "the kernel's release")),
            build: Err(OsError::not_supported("Linux has no build number")),
            revision: Err(OsError::not_supported("Linux has no update revision")),
            installed: Err(OsError::not_supported("Linux does not record its installation")),
        }
    }

    fn boot(&self) -> Boot {
        Boot {
            time: self.boot_time(),
            id: self.text("proc/sys/kernel/random/boot_id"),
        }
    }

    fn registry_get(&self, hive: Hive, key: &str, name: &str) -> Read<Option<RegistryValue>> {
        let (policies, key) = self.policies(hive, key)?;
        Ok(policies.tree(&key, 0)?.and_then(|tree| tree.value(name).cloned()))
    }

    fn registry_set(&self, hive: Hive, key: &str, name: &str, value: &RegistryValue) -> Read<()> {
        let (policies, key) = self.policies(hive, key)?;
        policies.set(&key, name, Some(value))
    }

    fn registry_delete(&self, hive: Hive, key: &str, name: &str) -> Read<()> {
        let (policies, key) = self.policies(hive, key)?;
        policies.set(&key, name, None)
    }

    fn registry_list(&self, hive: Hive, key: &str) -> Read<Option<RegistryKey>> {
        let (policies, key) = self.policies(hive, key)?;
        let tree = policies.tree(&key, 0)?;
        Ok(tree.map(|tree| RegistryKey {
            subkeys: tree.keys.into_iter().map(|(name, _)| name).collect(),
            values: tree.values.into_iter().map(|(name, _)| name).collect(),
        }))
    }

    fn registry_tree(&self, hive: Hive, key: &str, depth: u32) -> Read<Option<RegistryTree>> {
        let (policies, key) = self.policies(hive, key)?;
        let tree = policies.tree(&key, depth)?;
        Ok(tree.map(|mut tree| {
            tree.keys.retain(|_| depth > 0);
            tree
        }))
    }

    fn users(&self) -> Read<Vec<User>> {
        let beside = self.browser.as_ref();
        let beside = beside.ok_or_else(|| OsError::not_supported("Linux keeps no list of profiles"))?;
        let entries = super::entries(&beside.drive.join("Users"))?.into_iter();
        let folders = entries.filter(|entry| entry.kind == EntryKind::Folder);
        let user = |entry: Entry| User {
            folder: format!(r"C:\Users\{}", entry.name),
            name: Some(entry.name.clone()),
            sid: entry.name,
            signed_in: true,
        };
        Ok(folders.map(user).collect())
    }

    fn forces_extensions(&self) -> Read<bool> {
        self.beside().map(|_| true)
    }

    fn shelf(&self) -> Read<PathBuf> {
        Ok(self.beside()?.shelf.clone())
    }

    fn url_of(&self, path: &Path) -> String {
        super::file_url(&self.place(path).to_string_lossy())
    }

    fn list_dir(&self, path: &Path) -> Read<Vec<Entry>> {
        super::entries(&self.place(path))
    }

    fn volumes(&self) -> Read<Vec<Volume>> {
        let (total, free) = super::disk::space(&self.root);
        Ok(vec![Volume {
            name: "/".to_owned(),
            system: true,
            total,
            free,
        }])
    }

    fn replace_file(&self, path: &Path, bytes: &[u8]) -> Read<()> {
        super::replace(&self.place(path), bytes)
    }

    fn change_policy(&self, _: &mut dyn FnMut() -> Read<()>) -> Read<()> {
        Err(OsError::not_supported("Linux has no policies of Windows"))
    }

    fn tasks(&self) -> Read<Vec<TaskSeen>> {
        Err(OsError::not_supported("Linux has no Task Scheduler"))
    }

    fn account(&self, _: &str) -> Read<Option<Account>> {
        Err(OsError::not_supported("only Windows' accounts are known"))
    }

    fn shares(&self) -> Read<Vec<Share>> {
        Err(OsError::not_supported("only Windows' shares are known"))
    }

    fn antivirus(&self) -> Read<Vec<Antivirus>> {
        Err(OsError::not_supported("Linux has no Security Center"))
    }

    fn joined(&self) -> Read<Joined> {
        Err(OsError::not_supported("Linux joins no domain of Windows"))
    }

    fn links(&self) -> Read<Links> {
        let folder = self.root.join("sys/class/net");
        let mut links = Links {
            wired: false,
            wireless: false,
        };
        for entry in super::entries(&folder)? {
            let of = |file: &str| self.root.join("sys/class/net").join(&entry.name).join(file);
            // What is made by software has no device behind it.
            let up = self.text(&format!("sys/class/net/{}/operstate", entry.name));
            if of("device").exists() && up.as_deref() == Ok("up") {
                let wireless = of("wireless").exists();
                links.wireless |= wireless;
                links.wired |= !wireless;
            }
        }
        Ok(links)
    }

    fn sleep_after(&self) -> Sleep {
        let error = OsError::not_supported("Linux has no such setting");
        Sleep {
            plugged_in: Err(error.clone()),
            on_battery: Err(error),
        }
    }

    fn open_page(&self, url: &str) -> Read<Opened> {
        super::own_page(url)?;
        Err(OsError::not_supported("a page is opened by hand here"))
    }

    fn set_sleep_after(&self, _: Supply, _: Span) -> Read<()> {
        Err(OsError::not_supported("Linux has no such setting"))
    }

    fn set_daily_restart(&self, _: Option<Clock24>) -> Read<()> {
        Err(OsError::not_supported("Linux has no Task Scheduler"))
    }

    fn enable_task(&self, _: &str, _: bool) -> Read<()> {
        Err(OsError::not_supported("Linux has no Task Scheduler"))
    }

    fn reach(&self, checks: &[Check], within: Span) -> Vec<Read<()>> {
        super::reach::all(checks, within)
    }

    fn clock_offset(&self, server: &str) -> Read<Span> {
        super::sntp::ask(server, super::sntp::PORT, super::sntp::WITHIN, &Clock::system())
    }

    fn read_file(&self, path: &Path) -> Read<Vec<u8>> {
        let shown = path.display().to_string();
        let failed = |error: std::io::Error| OsError::from_io(&shown, &error);
        let mut bytes = Vec::new();
        let file = std::fs::File::open(self.place(path)).map_err(failed)?;
        // Files in /proc have no length, so the cap is on what is read.
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
    use kaishin_proto::value::Reason;

    fn laid_out(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Linux) {
        let root = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let linux = Linux::new(root.path());
        (root, linux)
    }

    #[test]
    fn a_lenovo_is_known_by_the_name_on_its_lid() {
        let (_root, linux) = laid_out(&[
            ("sys/class/dmi/id/sys_vendor", b"LENOVO\n"),
            ("sys/class/dmi/id/product_version", b"ThinkPad E14 Gen 2\n"),
            ("sys/class/dmi/id/product_name", b"20TAS0YG00\n"),
            ("sys/class/dmi/id/product_serial", b"Default string\n"),
            ("proc/meminfo", b"MemTotal:        8052492 kB\nMemFree: 1 kB\n"),
            ("proc/stat", b"cpu 1 2\nbtime 1700000000\n"),
            ("proc/sys/kernel/osrelease", b"6.1.0-13-amd64\n"),
        ]);
        let machine = linux.machine();
        assert_eq!(machine.model.as_deref(), Ok("ThinkPad E14 Gen 2"));
        assert_eq!(machine.product.as_deref(), Ok("20TAS0YG00"));
        assert_eq!(machine.serial.unwrap_err().reason, Reason::NotFound);
        assert_eq!(machine.memory, Ok(8_052_492 * 1024));
        assert_eq!(linux.boot().time, Ok(Time(1_700_000_000_000_000)));
        assert_eq!(linux.version().version.as_deref(), Ok("6.1.0"));
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let (root, linux) = laid_out(&[("etc/policy", b"old")]);
        for (path, bytes) in [("etc/policy", "new"), ("etc/deep/er/policy", "first")] {
            let path = root.path().join(path);
            linux.replace_file(&path, bytes.as_bytes()).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes.as_bytes());
            assert_eq!(
                std::fs::read_dir(path.parent().unwrap())
                    .unwrap()
                    .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_file()))
                    .count(),
                1
            );
        }
        let folder = root.path().join("etc");
        assert!(linux.replace_file(&folder, b"x").is_err());
        assert!(folder.is_dir() && !root.path().join("etc.kaishin-new").exists());
        let refused = linux.change_policy(&mut || unreachable!("nothing is changed"));
        assert_eq!(refused.unwrap_err().reason, Reason::NotSupported);
    }

    #[test]
    fn damaged_files_are_unknown_with_a_reason() {
        let (_root, linux) = laid_out(&[
            ("proc/meminfo", b"MemTotal: many kB\n"),
            ("proc/stat", b"btime soon\n"),
            ("etc/os-release", b"PRETTY_NAME=\"\"\n"),
            ("sys/class/dmi/id/sys_vendor", b"\xff\xfe"),
        ]);
        assert_eq!(linux.machine().memory.unwrap_err().reason, Reason::Damaged);
        assert_eq!(linux.machine().manufacturer.unwrap_err().reason, Reason::Damaged);
        assert_eq!(linux.boot().time.unwrap_err().reason, Reason::Damaged);
        assert_eq!(linux.version().product.unwrap_err().reason, Reason::NotFound);
        assert_eq!(linux.hostname().unwrap_err().reason, Reason::NotFound);
        assert_eq!(
            linux.registry_list(Hive::LocalMachine, "x").unwrap_err().reason,
            Reason::NotSupported
        );
    }
}
