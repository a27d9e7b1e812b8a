//! Private, durable files: the only way the agent puts its own state on a disk. Readable by nobody else, replaced as a
//! whole, and on the platter before the call returns.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::{OsError, Read};

/// Makes the directory, closed to other users.
pub fn private_dir(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
    }
    #[cfg(windows)]
    {
        super::windows::folder::private(path)
    }
}

/// Makes the directory, of which everybody at this machine may read what we put there, and nobody else may write.
pub fn readable_dir(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().recursive(true).mode(0o755).create(path)
    }
    #[cfg(windows)]
    {
        super::windows::folder::readable(path)
    }
}

fn private_options() -> OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let mut options = OpenOptions::new();
        options.mode(0o600);
        options
    }
    #[cfg(not(unix))]
    {
        OpenOptions::new()
    }
}

/// Puts `bytes` in place of whatever `path` held: after a power cut it holds the old or the new, never a mixture.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = private_options()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&beside, path)?;
    sync_parent(path)
}

/// Opens a file to add to, making it where it is absent.
pub fn appendable(path: &Path) -> io::Result<File> {
    let existed = path.exists();
    let file = private_options().read(true).append(true).create(true).open(path)?;
    if !existed {
        sync_parent(path)?;
    }
    Ok(file)
}

/// Cuts off what follows the first `length` bytes. With a handle of its own: Windows lets none that only adds do that.
pub fn cut(path: &Path, length: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(length)?;
    file.sync_all()
}

/// A new or renamed name is durable only when its directory is. Windows journals directory changes by itself.
fn sync_parent(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(parent) = path.parent() {
        File::open(parent)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Bytes in all and bytes that are free to us, of the file system that holds `path`.
pub fn space(path: &Path) -> (Read<u64>, Read<u64>) {
    #[cfg(unix)]
    {
        let shown = path.display().to_string();
        match rustix::fs::statvfs(path) {
            Ok(told) => {
                let bytes = |blocks: u64| {
                    let bytes = blocks.checked_mul(told.f_frsize);
                    bytes.ok_or_else(|| OsError::damaged(format!("{shown} has {blocks} blocks")))
                };
                (bytes(told.f_blocks), bytes(told.f_bavail))
            }
            Err(error) => {
                let error = OsError::from_io(&shown, &error.into());
                (Err(error.clone()), Err(error))
            }
        }
    }
    #[cfg(not(unix))]
    {
        let error = OsError::not_supported(path.display().to_string());
        (Err(error.clone()), Err(error))
    }
}
