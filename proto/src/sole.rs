//! One process per data folder: two that wrote the same journal, or issued from the same authority, would undo each other's
//! work.

use std::fs::{File, TryLockError};
use std::io;

/// Holds for as long as this lives; the system lets go by itself when the process ends, however that comes.
#[derive(Debug)]
pub struct Sole(File);

impl Sole {
    /// `None` where another process is in the folder of this file.
    pub fn claim(file: File) -> io::Result<Option<Sole>> {
        match file.try_lock() {
            Ok(()) => Ok(Some(Sole(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for Sole {
    fn drop(&mut self) {
        // Closing alone would leave the lock to a child process that is just being made and holds a copy of the handle.
        let _ = self.0.unlock();
    }
}
