//! The machine's policies: changed while nobody else changes them, then carried out. Where Windows has no such functions,
//! there is nobody to be kept out, and it reads the file at its own time.

use windows_sys::Win32::Foundation::{GetLastError, HANDLE, SetLastError};
use windows_sys::core::BOOL;

use super::optional::Library;
use crate::os::{OsError, Read};
use kaishin_proto::value::Reason;

type Enter = unsafe extern "system" fn(BOOL) -> HANDLE;
type Leave = unsafe extern "system" fn(HANDLE) -> BOOL;
type Refresh = unsafe extern "system" fn(BOOL, u32) -> BOOL;

const MACHINE: BOOL = 1;

pub fn change(change: &mut dyn FnMut() -> Read<()>) -> Read<()> {
    let library = match Library::load("userenv.dll") {
        Ok(library) => library,
        Err(error) if error.reason == Reason::NotSupported => return change(),
        Err(error) => return Err(error),
    };
    let section = Section::enter(&library)?;
    change()?;
    drop(section);
    refresh(&library)
}

/// Nobody else changes the machine's policies for as long as this lives.
struct Section(Option<(HANDLE, Leave)>);

impl Section {
    fn enter(library: &Library) -> Read<Section> {
        let found = library.function(c"EnterCriticalPolicySection");
        let (Ok(enter), Ok(leave)) = (found, library.function(c"LeaveCriticalPolicySection")) else {
            return Ok(Section(None));
        };
        // SAFETY: the function of this name has this signature, by Windows' documentation.
        let enter = unsafe { std::mem::transmute::<unsafe extern "system" fn() -> isize, Enter>(enter) };
        // SAFETY: the function of this name has this signature, by Windows' documentation.
        let leave = unsafe { std::mem::transmute::<unsafe extern "system" fn() -> isize, Leave>(leave) };
        // SAFETY: takes no memory of ours.
        unsafe { SetLastError(0) };
        // SAFETY: the library is loaded, and stays so for as long as the section is held.
        let handle = unsafe { enter(MACHINE) };
        if !handle.is_null() {
            return Ok(Section(Some((handle, leave))));
        }
        // SAFETY: takes no memory of ours.
        match unsafe { GetLastError() } {
            // Refused for no reason: a stand-in that has no sections.
            0 => Ok(Section(None)),
            code => {
                let error = std::io::Error::from_raw_os_error(code.cast_signed());
                Err(OsError::from_io("EnterCriticalPolicySection", &error))
            }
        }
    }
}

impl Drop for Section {
    fn drop(&mut self) {
        if let Some((handle, leave)) = self.0.take() {
            // SAFETY: the section was entered by us, and is left here only.
            unsafe { leave(handle) };
        }
    }
}

/// Begun, not waited for: what must hold at once is in the registry besides.
fn refresh(library: &Library) -> Read<()> {
    let Ok(refresh) = library.function(c"RefreshPolicyEx") else {
        return Ok(());
    };
    // SAFETY: the function of this name has this signature, by Windows' documentation.
    let refresh = unsafe { std::mem::transmute::<unsafe extern "system" fn() -> isize, Refresh>(refresh) };
    // SAFETY: takes no memory of ours; the library is loaded.
    if unsafe { refresh(MACHINE, 0) } == 0 {
        return Err(OsError::from_io("RefreshPolicyEx", &std::io::Error::last_os_error()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_made_once_and_its_failure_is_told() {
        let mut made = 0;
        change(&mut || {
            made += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(made, 1);
        let failed = change(&mut || Err(OsError::damaged("no policy file")));
        assert_eq!(failed.unwrap_err().reason, Reason::Damaged);
    }
}
