//! A Windows of the tests' own: Wine with a prefix in a temporary folder, for the agent as it is built for terminals. What the
//! agent claims to have changed is read back from outside with Windows' own `reg query`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::children::{Child, kill_all};
use crate::require::{is_program, program};
use crate::wait::{SOON, eventually, eventually_blocking};

/// A fresh prefix takes ten seconds; a loaded machine may need many of them.
const FIRST_START: Duration = Duration::from_secs(180);

/// What has to be there first. Without it a test is skipped aloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing(pub &'static str);

#[derive(Debug)]
pub struct Wine {
    folder: PathBuf,
    loader: PathBuf,
    server: PathBuf,
    /// Wine's server in the foreground: all that runs in the prefix ends with it, and it ends with this process.
    running: Option<Child>,
}

/// A program that ended.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// What one process holds in memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub resident: u64,
    pub anonymous: u64,
}

/// The agent for Windows: `KAISHIN_AGENT_EXE`, or what `agent/packaging/windows build` makes.
pub fn agent() -> Option<PathBuf> {
    built(
        "KAISHIN_AGENT_EXE",
        "target/windows/x86_64-pc-windows-gnu/release/kaishin-agent.exe",
    )
}

/// The agent's own tests for Windows: `KAISHIN_AGENT_TESTS_EXE`, or what `agent/packaging/windows tests` makes.
pub fn agent_tests() -> Option<PathBuf> {
    built("KAISHIN_AGENT_TESTS_EXE", "target/windows/kaishin-agent-tests.exe")
}

fn built(variable: &str, path: &str) -> Option<PathBuf> {
    let told = std::env::var_os(variable).map(PathBuf::from);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    Some(told.unwrap_or_else(|| root.join(path))).filter(|file| file.is_file())
}

impl Wine {
    /// A fresh Windows 10 in which the agent can run.
    ///
    /// # Panics
    /// When Wine is there and does not work.
    pub async fn prepare() -> Result<Wine, Missing> {
        let loader = installed("wine64", "/usr/lib/wine/wine64").ok_or(Missing("wine64"))?;
        let server = installed("wineserver", "/usr/lib/wine/wineserver64").ok_or(Missing("wineserver"))?;
        let compiler = program("x86_64-w64-mingw32-gcc").ok_or(Missing("x86_64-w64-mingw32-gcc"))?;
        let folder = tempfile::Builder::new().prefix("kaishin-wine-").tempdir();
        let folder = folder.expect("a temporary folder").keep();
        let mut wine = Wine {
            folder,
            loader,
            server,
            running: None,
        };
        for folder in [wine.prefix(), wine.temporary()] {
            std::fs::create_dir(folder).expect("a folder of the prefix");
        }
        let mut command = wine.in_prefix(&wine.server);
        command.args(["--foreground", "--persistent"]);
        wine.running = Some(Child::spawn_guarded(&command, &wine.folder).expect("Wine's server starts"));
        // It names its folder before it makes it: who comes in between finds a name that leads nowhere.
        let listens = async || wine.server_listens().then_some(());
        eventually(SOON, "Wine's server listens", listens).await;
        wine.must("wineboot", &["--init"]).await;
        wine.must("winecfg", &["-v", "win10"]).await;
        wine.stand_in_for_randomness(&compiler);
        Ok(wine)
    }

    /// Rust needs `ProcessPrng`, which Windows 10 has and older Wine has not.
    fn stand_in_for_randomness(&self, compiler: &Path) {
        let library = self.prefix().join("drive_c/windows/system32/bcryptprimitives.dll");
        if library.exists() {
            return;
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("wine/bcryptprimitives.c");
        let mut command = Command::new(compiler);
        command.args(["-O2", "-s", "-shared", "-o"]).arg(library).arg(source);
        let made = command.arg("-ladvapi32").output().expect("the compiler runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn prefix(&self) -> PathBuf {
        self.folder.join("prefix")
    }

    /// Its socket lies two folders below the place for temporary files, under names of its own.
    fn server_listens(&self) -> bool {
        let below = |folder: PathBuf| {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).filter(|path| path.is_dir())
        };
        let mut folders = below(self.temporary()).flat_map(below);
        folders.any(|folder| folder.join("socket").exists())
    }

    fn temporary(&self) -> PathBuf {
        self.folder.join("temporary")
    }

    /// A folder of this Windows that is seen from outside as well, and its name inside.
    pub fn folder(&self, name: &str) -> (PathBuf, String) {
        (self.prefix().join("drive_c").join(name), format!("C:\\{name}"))
    }

    fn in_prefix(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("WINEPREFIX", self.prefix())
            .env("WINESERVER", &self.server)
            .env("WINEARCH", "win64")
            .env("WINEDEBUG", "-all")
            // No .NET, no browser, no menu entries, no screen, and nothing of the real home.
            .env("WINEDLLOVERRIDES", "mscoree,mshtml,winemenubuilder.exe=")
            .env("HOME", &self.folder)
            .env("TMPDIR", self.temporary())
            .env_remove("DISPLAY");
        command
    }

    /// Starts a Windows program: one of Wine's own by its name, or a file of this machine.
    ///
    /// # Panics
    /// When Wine cannot be started.
    pub fn start(&self, program: impl AsRef<Path>, args: &[&str], env: &[(&str, &str)]) -> Child {
        Child::spawn(&mut self.windows_program(program.as_ref(), args, env)).expect("Wine starts")
    }

    fn windows_program(&self, program: &Path, args: &[&str], env: &[(&str, &str)]) -> Command {
        let mut command = self.in_prefix(&self.loader);
        command.arg(program).args(args).envs(env.iter().copied());
        command.stdin(Stdio::null());
        command
    }

    /// Runs a Windows program to its end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn run(&self, program: impl AsRef<Path>, args: &[&str], env: &[(&str, &str)]) -> Said {
        // Files, because Windows' services inherit what the program has: a pipe of theirs would not come to an end.
        let said = tempfile::tempdir_in(&self.folder).expect("a temporary folder");
        let (out, err) = (said.path().join("out"), said.path().join("err"));
        let mut command = self.windows_program(program.as_ref(), args, env);
        command.stdout(File::create(&out).expect("a file"));
        command.stderr(File::create(&err).expect("a file"));
        let mut child = command.spawn().expect("Wine starts");
        let what = format!("{} ends", program.as_ref().display());
        let status = eventually(FIRST_START, &what, async || child.try_wait().ok().flatten());
        let code = status.await.code();
        let read = |path| String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
        Said {
            code,
            out: read(out),
            err: read(err),
        }
    }

    async fn must(&self, program: &str, args: &[&str]) {
        let said = self.run(program, args, &[]).await;
        assert_eq!(said.code, Some(0), "{program} {args:?}: {}{}", said.out, said.err);
    }

    /// A value as `reg query` shows it, kind and content: ("REG_DWORD", "0x0"). `None` where it is absent.
    pub async fn reg_query(&self, key: &str, value: &str) -> Option<(String, String)> {
        let said = self.run("reg", &["query", key, "/v", value], &[]).await;
        shown(&said.out, value)
    }

    /// # Panics
    /// When Windows refuses.
    pub async fn reg_add(&self, key: &str, value: &str, kind: &str, content: &str) {
        let args = ["add", key, "/v", value, "/t", kind, "/d", content, "/f"];
        self.must("reg", &args).await;
    }

    /// The memory of the one process of this Windows whose program has this name.
    pub fn memory_of(&self, program: &str) -> Option<Memory> {
        let named = |pid: &u32| {
            command_line(*pid)
                .split('\0')
                .next()
                .is_some_and(|first| first.ends_with(program))
        };
        let pid = self.processes().into_iter().find(named)?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim()
                .strip_suffix(" kB")?
                .parse::<u64>()
                .ok()
                .map(|kib| kib * 1024)
        };
        Some(Memory {
            resident: field("VmRSS:")?,
            anonymous: field("RssAnon:")?,
        })
    }

    /// All that runs in this prefix: Wine names its processes as Windows would, so only their environment tells.
    fn processes(&self) -> Vec<u32> {
        let mark = format!("WINEPREFIX={}", self.prefix().display());
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid: &u32| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|pair| pair == mark.as_bytes())
        })
        .collect()
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        let _ = self.in_prefix(&self.server).arg("--kill").output();
        // The guard takes the folder along.
        drop(self.running.take());
        let gone = eventually_blocking(SOON, || self.processes().is_empty());
        let left = self.processes();
        kill_all(&left);
        let _ = std::fs::remove_dir_all(&self.folder);
        if !std::thread::panicking() {
            assert!(gone, "left over in {}: {left:?}", self.folder.display());
        }
    }
}

/// Debian keeps the real programs beside its wrappers, which want to talk about 32 bits.
fn installed(name: &str, debian: &str) -> Option<PathBuf> {
    let debian = PathBuf::from(debian);
    Some(debian).filter(|file| is_program(file)).or_else(|| program(name))
}

fn command_line(pid: u32) -> String {
    let raw = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&raw).into_owned()
}

fn shown(text: &str, value: &str) -> Option<(String, String)> {
    let rest = text.lines().find_map(|line| line.trim_start().strip_prefix(value))?;
    let (kind, content) = rest.trim().split_once(char::is_whitespace)?;
    Some((kind.to_owned(), content.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reg_query_shows_is_understood() {
        let text = "\r\nHKEY_LOCAL_MACHINE\\SYSTEM\\Power\r\n    HiberbootEnabled    REG_DWORD    0x0\r\n\r\n";
        let number = ("REG_DWORD".to_owned(), "0x0".to_owned());
        assert_eq!(shown(text, "HiberbootEnabled"), Some(number));
        assert_eq!(shown(text, "HibernateEnabled"), None);
        assert_eq!(shown("reg: Unable to find the specified registry key\r\n", "x"), None);
    }
}
