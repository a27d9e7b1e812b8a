//! A PostgreSQL of the tests' own: one server per test process, on a socket in a temporary folder, a fresh database for each
//! test. It ends with the process, however that ends.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{Connection, Executor, PgConnection};

use crate::children::Child;
use crate::require::{is_program, program};
use crate::wait::{SOON, eventually};

/// A database that nobody else uses.
#[derive(Debug)]
pub struct Database {
    pub url: String,
}

struct Server {
    folder: PathBuf,
    _child: Child,
}

static SERVER: OnceLock<Option<Server>> = OnceLock::new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A fresh database, or `None` where PostgreSQL is not installed.
///
/// # Panics
/// When PostgreSQL is there and does not work.
pub async fn database() -> Option<Database> {
    let server = SERVER.get_or_init(|| installed().map(|bin| start(&bin))).as_ref()?;
    let mut admin = eventually(SOON, "PostgreSQL answers", async || {
        PgConnection::connect(&server.url("postgres")).await.ok()
    })
    .await;
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE template0"));
    admin.execute(create).await.expect("a fresh database");
    admin.close().await.expect("PostgreSQL says goodbye");
    Some(Database { url: server.url(&name) })
}

impl Server {
    fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@localhost/{database}?host={}", self.folder.display())
    }
}

const USER: &str = "kaishin";

/// The newest version's programs, where Debian and its relatives put them or on the path.
fn installed() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| is_program(&bin.join("initdb")))
        .collect();
    found.sort();
    let newest = found.pop().map(|(_, bin)| bin);
    newest.or_else(|| Some(program("initdb")?.parent()?.to_owned()))
}

fn start(bin: &Path) -> Server {
    let folder = tempfile::Builder::new()
        .prefix("kaishin-pg-")
        .tempdir()
        .expect("a temporary folder")
        .keep();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).expect("the folder is ours");
    let other = other_user();
    if let Some((_, uid, gid)) = &other {
        chown(&folder, Some(*uid), Some(*gid)).expect("the folder is given to the database's user");
    }
    let data = folder.join("data");
    let mut init = as_user(other.as_ref(), &bin.join("initdb"));
    init.args([
        "--auth=trust",
        "--no-sync",
        "--encoding=UTF8",
        "--no-locale",
        "-U",
        USER,
        "-D",
    ])
    .arg(&data);
    let made = init.current_dir(&folder).output().expect("initdb runs");
    assert!(
        made.status.success(),
        "initdb: {}",
        String::from_utf8_lossy(&made.stderr)
    );

    let mut serve = as_user(other.as_ref(), &bin.join("postgres"));
    serve.arg("-D").arg(&data).arg("-k").arg(&folder);
    // Nothing here outlives the machine's power; what must survive a kill of the server does so without fsync as well.
    for setting in [
        "listen_addresses=",
        "fsync=off",
        "full_page_writes=off",
        "max_connections=300",
        "shared_buffers=64MB",
    ] {
        serve.args(["-c", setting]);
    }
    let child = Child::spawn_guarded(&serve, &folder).expect("postgres starts");
    Server { folder, _child: child }
}

/// PostgreSQL refuses to run as root: then its own user runs it.
fn other_user() -> Option<(String, u32, u32)> {
    if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() != 0) {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("the list of users");
    let line = users
        .lines()
        .find(|line| line.starts_with("postgres:"))
        .expect("a user `postgres` to run PostgreSQL as");
    let fields: Vec<&str> = line.split(':').collect();
    let number = |text: &str| text.parse().expect("a number in the list of users");
    Some(("postgres".to_owned(), number(fields[2]), number(fields[3])))
}

fn as_user(other: Option<&(String, u32, u32)>, file: &Path) -> Command {
    let Some((name, uid, gid)) = other else {
        return Command::new(file);
    };
    if let Some(setpriv) = program("setpriv") {
        let mut command = Command::new(setpriv);
        command
            .args([
                format!("--reuid={uid}"),
                format!("--regid={gid}"),
                "--clear-groups".into(),
                "--".into(),
            ])
            .arg(file);
        return command;
    }
    let mut command = Command::new("runuser");
    command.args(["-u", name, "--"]).arg(file);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_databases_know_nothing_of_one_another() {
        let one = crate::need!(database().await, "PostgreSQL");
        let other = crate::need!(database().await, "PostgreSQL");
        let mut one = PgConnection::connect(&one.url).await.expect("one answers");
        let mut other = PgConnection::connect(&other.url).await.expect("the other answers");
        one.execute("CREATE TABLE t (a TEXT)").await.expect("one has a table");
        assert!(other.execute("SELECT a FROM t").await.is_err());
    }
}
