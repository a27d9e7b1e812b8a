//! The machine's policies: changed while nobody else changes them, then carried out. Where Windows has no such functions,
//! there is nobody to be kept out, and it reads the file at its own time.

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::core::BOOL;

use super::optional::Library;
use crate::os::{OsError, Read};

type Enter = unsafe extern "system" fn(BOOL) -> HANDLE;
type Leave = unsafe extern "system" fn(HANDLE) -> BOOL;
type Refresh = unsafe extern "system" fn(BOOL, u32) -> BOOL;

const MACHINE: BOOL = 1;

pub fn change(change: &mut dyn FnMut() -> Read<()>) -> Read<()> {
    // Every Windows that has policies can refresh them; a stand-in that cannot has no sections either, whatever it answers.
    let Ok(library) = Library::load("userenv.dll") else {
        return change();
    };
    let Ok(refresh) = library.function(c"RefreshPolicyEx") else {
        return change();
    };
    // SAFETY: the function of this name has this signature, by Windows' documentation.
    let refresh = unsafe { std::mem::transmute::<unsafe extern "system" fn() -> isize, Refresh>(refresh) };
    let section = Section::enter(&library)?;
    change()?;
    drop(section);
    // Begun, not waited for: what must hold at once is in the registry besides.
    // SAFETY: takes no memory of ours; the library is loaded.
    if unsafe { refresh(MACHINE, 0) } == 0 {
        return Err(OsError::from_io("RefreshPolicyEx", &std::io::Error::last_os_error()));
    }
    Ok(())
}

/// Nobody else changes the machine's policies for as long as this lives.
struct Section(HANDLE, Leave);

impl Section {
    fn enter(library: &Library) -> Read<Section> {
        let enter = library.function(c"EnterCriticalPolicySection")?;
        let leave = library.function(c"LeaveCriticalPolicySection")?;
        // SAFETY: the function of this name has this signature, by Windows' documentation.
        let enter = unsafe { std::mem::transmute::<unsafe extern "system" fn() -> isize, Enter>(enter) };
        // SAFETY: the function of this name has this signature, by Windows' documentation.
        let leave = unsafe { std::mem::transmute::<unsafe extern "system" fn() -> isize, Leave>(leave) };
        // SAFETY: takes no memory of ours; the library stays loaded for as long as the section is held.
        let handle = unsafe { enter(MACHINE) };
        if handle.is_null() {
            let error = std::io::Error::last_os_error();
            return Err(OsError::from_io("EnterCriticalPolicySection", &error));
        }
        Ok(Section(handle, leave))
    }
}

impl Drop for Section {
    fn drop(&mut self) {
        // SAFETY: the section was entered by us, and is left here only.
        unsafe { (self.1)(self.0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaishin_proto::value::Reason;

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
