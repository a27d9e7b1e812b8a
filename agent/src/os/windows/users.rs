//! Who has a profile here, and the hives of those who are not signed in: loaded for one call, because a hive that is loaded
//! when its owner signs in would give the owner an empty profile.

use std::ptr;
use std::sync::{Mutex, PoisonError};

use windows_sys::Win32::Foundation::{CloseHandle, ERROR_SUCCESS, HANDLE, LUID, LocalFree};
use windows_sys::Win32::Security::Authorization::ConvertStringSidToSidW;
use windows_sys::Win32::Security::{
    AdjustTokenPrivileges, LUID_AND_ATTRIBUTES, LookupAccountSidW, LookupPrivilegeValueW, PSID, SE_PRIVILEGE_ENABLED,
    TOKEN_ADJUST_PRIVILEGES, TOKEN_PRIVILEGES, TOKEN_QUERY,
};
use windows_sys::Win32::System::Registry::{HKEY_USERS, RegLoadKeyW, RegUnLoadKeyW};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::{registry, wide};
use crate::os::users::{self, PROFILE_LIST, is_person};
use crate::os::{Hive, OsError, Read, User};

/// What a hive is called while we have it loaded; what bears this name at the start was left by an agent that was killed.
const OURS: &str = "KaishinAgent-";
/// One hive at a time: the same one cannot be loaded twice.
static LOADING: Mutex<()> = Mutex::new(());

fn drive() -> String {
    std::env::var("SystemDrive").unwrap_or_else(|_| "C:".to_owned())
}

pub fn all() -> Read<Vec<User>> {
    let list = registry::tree(Hive::LocalMachine, PROFILE_LIST, 1)?;
    let list = list.ok_or_else(|| OsError::not_found(PROFILE_LIST))?;
    users::people(&list, &drive(), |sid| (account(sid), is_loaded(sid)))
}

fn is_loaded(sid: &str) -> bool {
    // A hive that is there and closed to us is loaded all the same.
    !matches!(registry::exists(Hive::Users, sid), Ok(false))
}

/// The account's name; `None` where nobody bears this SID any more.
pub fn account(sid: &str) -> Option<String> {
    let text = wide(sid).ok()?;
    let mut made: PSID = ptr::null_mut();
    // SAFETY: `text` ends with NUL and, like `made`, outlives the call.
    if unsafe { ConvertStringSidToSidW(text.as_ptr(), &mut made) } == 0 {
        return None;
    }
    let (mut name, mut domain) = ([0u16; 257], [0u16; 257]);
    let (mut name_length, mut domain_length, mut kind) = (257, 257, 0);
    // SAFETY: `made` came from the call above; the lengths are those of the buffers; all outlive the call.
    let ok = unsafe {
        LookupAccountSidW(
            ptr::null(),
            made,
            name.as_mut_ptr(),
            &mut name_length,
            domain.as_mut_ptr(),
            &mut domain_length,
            &mut kind,
        )
    };
    // SAFETY: Windows made it for us, and it is used no more.
    unsafe { LocalFree(made) };
    if ok == 0 {
        return None;
    }
    let name = String::from_utf16(name.get(..name_length as usize)?).ok()?;
    (!name.is_empty()).then_some(name)
}

/// Asks below a key of a user, whose hive is loaded meanwhile where the user is not signed in.
pub fn reading<T>(key: &str, read: impl Fn(&str) -> Read<Option<T>>) -> Read<Option<T>> {
    let key = key.trim_matches('\\');
    let (sid, rest) = key.split_once('\\').unwrap_or((key, ""));
    if !is_person(sid) || is_loaded(sid) {
        return read(key);
    }
    let profile = registry::tree(Hive::LocalMachine, &format!(r"{PROFILE_LIST}\{sid}"), 0)?;
    let folder = profile
        .map(|profile| profile.text("ProfileImagePath"))
        .transpose()?
        .flatten();
    let folder = folder.ok_or_else(|| OsError::not_found(format!("no profile of {sid}")))?;
    let folder = users::without_variables(&folder, &drive());
    let _alone = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    match Loaded::load(sid, &format!(r"{folder}\NTUSER.DAT")) {
        Ok(loaded) => read(&format!(r"{}\{rest}", loaded.0)),
        // Somebody signed in between the two looks.
        Err(_) if is_loaded(sid) => read(key),
        Err(error) => Err(error),
    }
}

/// What belongs to a user who is away is not written.
pub fn may_write(key: &str) -> Read<()> {
    let sid = key.trim_matches('\\').split('\\').next().unwrap_or_default();
    if is_person(sid) && !is_loaded(sid) {
        return Err(OsError::failed(format!("{sid} is not signed in")));
    }
    Ok(())
}

/// A hive below HKEY_USERS for as long as this lives.
struct Loaded(String);

impl Loaded {
    fn load(sid: &str, file: &str) -> Read<Loaded> {
        allow_loading()?;
        let name = format!("{OURS}{sid}");
        let (key, path) = (wide(&name)?, wide(file)?);
        // SAFETY: both texts end with NUL and outlive the call.
        let code = unsafe { RegLoadKeyW(HKEY_USERS, key.as_ptr(), path.as_ptr()) };
        if code != ERROR_SUCCESS {
            let error = std::io::Error::from_raw_os_error(code.cast_signed());
            return Err(OsError::from_io(file, &error));
        }
        Ok(Loaded(name))
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        unload(&self.0);
    }
}

fn unload(name: &str) {
    if let Ok(key) = wide(name) {
        // SAFETY: `key` ends with NUL and outlives the call. A failure leaves the hive for the next start.
        unsafe { RegUnLoadKeyW(HKEY_USERS, key.as_ptr()) };
    }
}

/// What a killed agent has left loaded would stand in its owner's way.
pub fn unload_leftovers() {
    let Ok(Some(users)) = registry::list(Hive::Users, "") else {
        return;
    };
    let left: Vec<_> = users.subkeys.iter().filter(|name| name.starts_with(OURS)).collect();
    if !left.is_empty() && allow_loading().is_ok() {
        left.into_iter().for_each(|name| unload(name));
    }
}

fn allow_loading() -> Read<()> {
    allow("SeBackupPrivilege")?;
    allow("SeRestorePrivilege")
}

/// SYSTEM and administrators have their privileges switched off until asked for.
pub fn allow(privilege: &str) -> Read<()> {
    let mut token: HANDLE = ptr::null_mut();
    // SAFETY: the pseudo-handle of this process is always good; `token` outlives the call.
    let opened = unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &mut token) };
    if opened == 0 {
        return Err(OsError::from_io(
            "this process's token",
            &std::io::Error::last_os_error(),
        ));
    }
    let result = enable(token, privilege);
    // SAFETY: the handle was opened above and is used no more.
    unsafe { CloseHandle(token) };
    result
}

fn enable(token: HANDLE, name: &str) -> Read<()> {
    let text = wide(name)?;
    let mut luid = LUID::default();
    // SAFETY: `text` ends with NUL and, like `luid`, outlives the call.
    if unsafe { LookupPrivilegeValueW(ptr::null(), text.as_ptr(), &mut luid) } == 0 {
        return Err(OsError::from_io(name, &std::io::Error::last_os_error()));
    }
    let wanted = TOKEN_PRIVILEGES {
        PrivilegeCount: 1,
        Privileges: [LUID_AND_ATTRIBUTES {
            Luid: luid,
            Attributes: SE_PRIVILEGE_ENABLED,
        }],
    };
    // SAFETY: the token is open for this; `wanted` outlives the call; the state before is not asked for.
    let ok = unsafe { AdjustTokenPrivileges(token, 0, &wanted, 0, ptr::null_mut(), ptr::null_mut()) };
    // Success with an error set: the token does not have the privilege.
    let error = std::io::Error::last_os_error();
    if ok == 0 || error.raw_os_error().is_some_and(|code| code != 0) {
        return Err(OsError::no_permission(format!("{name}: {error}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_with_a_profile_has_a_folder_and_a_hive_that_can_be_read() {
        for user in all().unwrap() {
            assert!(user.folder.contains('\\'), "{user:?}");
            let key = user.key("Software");
            let software = reading(&key, |key| registry::list(Hive::Users, key));
            assert!(software.is_ok(), "{user:?}: {software:?}");
        }
        let nobody = reading(r"S-1-5-21-1-2-3-4\Software", |key| registry::list(Hive::Users, key));
        assert!(nobody.is_err(), "{nobody:?}");
        assert!(may_write(r"S-1-5-21-1-2-3-4\Software").is_err());
    }
}
