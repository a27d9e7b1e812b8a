//! Programs that a test needs and a machine may lack. A test without them is skipped aloud, or fails where everything is
//! required to be there.

use std::path::{Path, PathBuf};

/// `KAISHIN_REQUIRE=all`: nothing may be missing.
pub fn everything_is_required() -> bool {
    std::env::var("KAISHIN_REQUIRE").is_ok_and(|value| value == "all")
}

/// Says aloud that a test did not run.
///
/// # Panics
/// Where everything is required.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
pub fn skipped(what: &str) {
    assert!(!everything_is_required(), "{what} is required here and was not found");
    eprintln!("SKIPPED: no {what}");
}

/// Unwraps what a test needs or leaves the test, aloud.
#[macro_export]
macro_rules! need {
    ($found:expr, $what:expr) => {
        match $found {
            Some(found) => found,
            None => return $crate::require::skipped($what),
        }
    };
}

pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| is_program(file))
}

/// Whether this is a file one could run.
pub fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
