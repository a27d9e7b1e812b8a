//! Child processes that never outlive the test: each has a process group of its own, which ends with its handle, and a
//! guarded one ends even if the test process is killed.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::wait::{SOON, eventually, eventually_blocking};

/// A child with everything it says on standard output and standard error.
#[derive(Debug)]
pub struct Child {
    name: String,
    child: std::process::Child,
    out: Text,
    err: Text,
}

/// What a child has said so far.
#[derive(Clone, Debug, Default)]
pub struct Text(Arc<Mutex<String>>);

impl Text {
    pub fn so_far(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn follow(source: impl Read + Send + 'static) -> Text {
        let text = Text::default();
        let kept = text.clone();
        std::thread::spawn(move || {
            let mut source = BufReader::new(source);
            let mut line = Vec::new();
            while source.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                let mut text = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
                text.push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        text
    }
}

impl Child {
    pub fn spawn(command: &mut Command) -> std::io::Result<Child> {
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        Ok(Child {
            name: command.get_program().to_string_lossy().into_owned(),
            out: child.stdout.take().map(Text::follow).unwrap_or_default(),
            err: child.stderr.take().map(Text::follow).unwrap_or_default(),
            child,
        })
    }

    /// Runs under a shell that holds the read end of a pipe: when this process is gone, however it went, the shell ends the
    /// group and removes `folder`.
    pub fn spawn_guarded(command: &Command, folder: &std::path::Path) -> std::io::Result<Child> {
        // Ended before its folder goes: a database's own processes, each in a session of its own, would otherwise fail to write
        // there for ever.
        let watch = "exec 3<&0; \"$@\" </dev/null 3<&- & guarded=$!; read -r _ <&3; \
                     kill -QUIT $guarded; kill -TERM $guarded; (sleep 5; kill -KILL $guarded) & wait $guarded; \
                     rm -rf \"$GUARDED\"; kill -KILL 0";
        let mut shell = Command::new("sh");
        shell
            .args(["-c", watch, "guard"])
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        shell.env("GUARDED", folder).stdin(Stdio::piped());
        Child::spawn(&mut shell)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn out(&self) -> &Text {
        &self.out
    }

    pub fn err(&self) -> &Text {
        &self.err
    }

    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// SIGTERM: an invitation to stop.
    pub fn terminate(&self) {
        signal("TERM", &self.pid().to_string());
    }

    /// SIGKILL, for the whole group, and gone when this returns.
    pub fn kill(&mut self) {
        signal("KILL", &format!("-{}", self.pid()));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// # Panics
    /// When the child does not end in time.
    pub async fn ended(&mut self, deadline: Duration) -> ExitStatus {
        let what = format!("{} ends", self.name);
        eventually(deadline, &what, async || self.has_ended()).await
    }

    /// The first line on standard output that fits.
    ///
    /// # Panics
    /// When the child ends, or time does, without such a line; shows what was said.
    pub async fn says<T>(&mut self, what: &str, fits: impl Fn(&str) -> Option<T>) -> T {
        let found = eventually(SOON, what, async || {
            let found = self.out.so_far().lines().find_map(&fits);
            let ended = self.has_ended().is_some();
            (found.is_some() || ended).then_some(found)
        });
        match found.await {
            Some(found) => found,
            None => panic!(
                "{} ended before {what}:\n{}{}",
                self.name,
                self.out.so_far(),
                self.err.so_far()
            ),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // A guard cleans up by itself when its pipe closes; what still stands after that is killed.
        if self.child.stdin.take().is_some() {
            eventually_blocking(SOON, || self.child.try_wait().is_ok_and(|ended| ended.is_some()));
        }
        self.kill();
    }
}

fn signal(name: &str, target: &str) {
    let kill = format!("kill -s {name} {target} 2>/dev/null");
    let _ = Command::new("sh").args(["-c", &kill]).status();
}

/// Processes whose command line holds this text: to find what was left over.
pub fn processes_with(text: &str) -> Vec<u32> {
    let own = std::process::id();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| *pid != own)
        .filter(|pid| command_line(*pid).contains(text))
        .collect()
}

fn command_line(pid: u32) -> String {
    let raw = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&raw).replace('\0', " ")
}

/// Kills each by its id.
pub fn kill_all(pids: &[u32]) {
    for pid in pids {
        signal("KILL", &pid.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_guarded_child_ends_with_its_handle_and_takes_its_folder_along() {
        let folder = tempfile::tempdir().expect("a folder").keep();
        let mark = folder.join("mark");
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo started; touch \"$0\"; sleep 1000"])
            .arg(&mark);
        let mut child = Child::spawn_guarded(&command, &folder).expect("sh starts");
        child.says("started", |line| (line == "started").then_some(())).await;
        eventually(SOON, "the mark is there", async || mark.exists().then_some(())).await;
        drop(child);
        assert!(!folder.exists());
        assert_eq!(processes_with(&mark.to_string_lossy()), Vec::<u32>::new());
    }

    #[tokio::test]
    async fn a_child_is_told_to_stop_and_its_status_is_seen() {
        let mut command = Command::new("sh");
        command.args(["-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"]);
        let mut child = Child::spawn(&mut command).expect("sh starts");
        child.says("ready", |line| (line == "ready").then_some(())).await;
        child.terminate();
        assert_eq!(child.ended(SOON).await.code(), Some(7));
    }
}
