//! The registry through its own calls: 64-bit view, kinds and bytes unchanged, every key closed again.

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::{
    ERROR_FILE_NOT_FOUND, ERROR_MORE_DATA, ERROR_NO_MORE_ITEMS, ERROR_PATH_NOT_FOUND, ERROR_SUCCESS, FILETIME,
    WIN32_ERROR,
};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_LOCAL_MACHINE, HKEY_USERS, KEY_READ, KEY_SET_VALUE, KEY_WOW64_64KEY, REG_OPTION_NON_VOLATILE,
    REG_SAM_FLAGS, RegCloseKey, RegCreateKeyExW, RegDeleteValueW, RegEnumKeyExW, RegEnumValueW, RegFlushKey,
    RegOpenKeyExW, RegQueryInfoKeyW, RegQueryValueExW, RegSetValueExW,
};

use super::wide;
use crate::os::{Hive, MAX_FILE, MOST_ENTRIES, OsError, Read, RegistryKey, RegistryKind, RegistryTree, RegistryValue};

/// The longest name of a value that Windows allows, with its NUL; names of keys are shorter.
const LONGEST_NAME: usize = 16_384;

/// An open key. The name is for error texts only.
struct Key {
    handle: HKEY,
    name: String,
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the handle came from RegOpenKeyExW or RegCreateKeyExW and is closed here only.
        unsafe { RegCloseKey(self.handle) };
    }
}

fn root(hive: Hive) -> HKEY {
    match hive {
        Hive::LocalMachine => HKEY_LOCAL_MACHINE,
        Hive::Users => HKEY_USERS,
    }
}

fn is_absent(code: WIN32_ERROR) -> bool {
    code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND
}

fn failure(what: &str, code: WIN32_ERROR) -> OsError {
    OsError::from_io(what, &io::Error::from_raw_os_error(code.cast_signed()))
}

/// Absence is an answer, not an error.
fn found<T>(result: Result<T, WIN32_ERROR>, what: &str) -> Read<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(code) if is_absent(code) => Ok(None),
        Err(code) => Err(failure(what, code)),
    }
}

fn checked(code: WIN32_ERROR) -> Result<(), WIN32_ERROR> {
    if code == ERROR_SUCCESS { Ok(()) } else { Err(code) }
}

impl Key {
    fn open(hive: Hive, key: &str, access: REG_SAM_FLAGS) -> Read<Option<Key>> {
        let name = format!("{}\\{key}", hive.name());
        let path = wide(key)?;
        let mut handle: HKEY = ptr::null_mut();
        // SAFETY: `path` ends with NUL and, like `handle`, outlives the call.
        let code = unsafe { RegOpenKeyExW(root(hive), path.as_ptr(), 0, access | KEY_WOW64_64KEY, &mut handle) };
        found(checked(code).map(|()| handle), &name).map(|handle| handle.map(|handle| Key { handle, name }))
    }

    fn create(hive: Hive, key: &str) -> Read<Key> {
        let name = format!("{}\\{key}", hive.name());
        let path = wide(key)?;
        let access = KEY_READ | KEY_SET_VALUE | KEY_WOW64_64KEY;
        let mut handle: HKEY = ptr::null_mut();
        // SAFETY: `path` ends with NUL and, like `handle`, outlives the call; the other pointers may be null.
        let code = unsafe {
            RegCreateKeyExW(
                root(hive),
                path.as_ptr(),
                0,
                ptr::null(),
                REG_OPTION_NON_VOLATILE,
                access,
                ptr::null(),
                &mut handle,
                ptr::null_mut(),
            )
        };
        checked(code).map_err(|code| failure(&name, code))?;
        Ok(Key { handle, name })
    }

    fn shown(&self, value: &str) -> String {
        format!("{}\\{value}", self.name)
    }

    fn value(&self, name: &str) -> Read<Option<RegistryValue>> {
        let path = wide(name)?;
        let mut bytes = vec![0; 256];
        loop {
            let (mut kind, mut length) = (0, length_of(&bytes));
            // SAFETY: `path` ends with NUL; `length` is the size of `bytes`; all outlive the call.
            let code = unsafe {
                RegQueryValueExW(
                    self.handle,
                    path.as_ptr(),
                    ptr::null(),
                    &mut kind,
                    bytes.as_mut_ptr(),
                    &mut length,
                )
            };
            if code != ERROR_MORE_DATA {
                return found(checked(code), &self.shown(name)).map(|read| {
                    read.map(|()| {
                        bytes.truncate(length as usize);
                        RegistryValue::new(RegistryKind(kind), bytes)
                    })
                });
            }
            // Somebody may make it longer between two calls; the cap ends that race.
            let wanted = (length as usize).max(bytes.len() * 2);
            if wanted as u64 > MAX_FILE {
                return Err(OsError::failed(format!(
                    "{} is larger than {MAX_FILE} bytes",
                    self.shown(name)
                )));
            }
            bytes.resize(wanted, 0);
        }
    }

    fn set(&self, name: &str, value: &RegistryValue) -> Read<()> {
        let path = wide(name)?;
        // An empty vector's pointer leads nowhere, and Windows refuses such even for no bytes at all.
        let bytes = if value.bytes.is_empty() {
            ptr::null()
        } else {
            value.bytes.as_ptr()
        };
        let length = length_of(&value.bytes);
        // SAFETY: `path` ends with NUL; `length` is the size of what `bytes` points at; both outlive the call.
        let code = unsafe { RegSetValueExW(self.handle, path.as_ptr(), 0, value.kind.0, bytes, length) };
        checked(code).map_err(|code| failure(&self.shown(name), code))
    }

    fn delete(&self, name: &str) -> Read<()> {
        let path = wide(name)?;
        // SAFETY: `path` ends with NUL and outlives the call.
        let code = unsafe { RegDeleteValueW(self.handle, path.as_ptr()) };
        found(checked(code), &self.shown(name)).map(|_| ())
    }

    fn flush(&self) -> Read<()> {
        // SAFETY: the handle is open.
        let code = unsafe { RegFlushKey(self.handle) };
        checked(code).map_err(|code| failure(&self.name, code))
    }

    /// Names below, by an enumerating call that fills a buffer: (index, buffer, length in, length out) -> code.
    fn names(&self, one: impl Fn(u32, *mut u16, *mut u32) -> WIN32_ERROR) -> Read<Vec<String>> {
        let mut names = Vec::new();
        let mut buffer = vec![0u16; LONGEST_NAME];
        for index in 0.. {
            let mut length = length_of(&buffer);
            match one(index, buffer.as_mut_ptr(), &mut length) {
                ERROR_SUCCESS => {
                    let name = buffer.get(..length as usize).unwrap_or_default();
                    names.push(String::from_utf16_lossy(name));
                }
                ERROR_NO_MORE_ITEMS => break,
                code => return Err(failure(&self.name, code)),
            }
        }
        Ok(names)
    }

    fn subkeys(&self) -> Read<Vec<String>> {
        let (no_class, no_time) = (ptr::null_mut(), ptr::null_mut());
        self.names(|index, buffer, length| {
            // SAFETY: `names` passes a buffer with its length; the other pointers may be null.
            unsafe {
                RegEnumKeyExW(
                    self.handle,
                    index,
                    buffer,
                    length,
                    ptr::null(),
                    no_class,
                    ptr::null_mut(),
                    no_time,
                )
            }
        })
    }

    fn values(&self) -> Read<Vec<String>> {
        let (no_kind, no_bytes, no_length) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        self.names(|index, buffer, length| {
            // SAFETY: `names` passes a buffer with its length; the other pointers may be null.
            unsafe {
                RegEnumValueW(
                    self.handle,
                    index,
                    buffer,
                    length,
                    ptr::null(),
                    no_kind,
                    no_bytes,
                    no_length,
                )
            }
        })
    }

    fn written(&self) -> Read<u64> {
        let mut time = FILETIME::default();
        let none = ptr::null_mut();
        // SAFETY: `time` outlives the call; all other pointers may be null.
        let code = unsafe {
            RegQueryInfoKeyW(
                self.handle,
                ptr::null_mut(),
                none,
                ptr::null(),
                none,
                none,
                none,
                none,
                none,
                none,
                none,
                &mut time,
            )
        };
        checked(code).map_err(|code| failure(&self.name, code))?;
        Ok(super::intervals(time))
    }
}

/// Buffers here are far below 4 GiB; one that is not is told as its first 4 GiB, which is safe.
fn length_of<T>(buffer: &[T]) -> u32 {
    u32::try_from(buffer.len()).unwrap_or(u32::MAX)
}

pub fn get(hive: Hive, key: &str, name: &str) -> Read<Option<RegistryValue>> {
    match Key::open(hive, key, KEY_READ)? {
        Some(key) => key.value(name),
        None => Ok(None),
    }
}

pub fn set(hive: Hive, key: &str, name: &str, value: &RegistryValue) -> Read<()> {
    let key = Key::create(hive, key)?;
    key.set(name, value)?;
    key.flush()
}

pub fn delete(hive: Hive, key: &str, name: &str) -> Read<()> {
    match Key::open(hive, key, KEY_READ | KEY_SET_VALUE)? {
        Some(key) => key.delete(name).and_then(|()| key.flush()),
        None => Ok(()),
    }
}

pub fn list(hive: Hive, key: &str) -> Read<Option<RegistryKey>> {
    let Some(key) = Key::open(hive, key, KEY_READ)? else {
        return Ok(None);
    };
    Ok(Some(RegistryKey {
        subkeys: key.subkeys()?,
        values: key.values()?,
    }))
}

pub fn exists(hive: Hive, key: &str) -> Read<bool> {
    Key::open(hive, key, KEY_READ).map(|key| key.is_some())
}

/// A key with what lies below it. What is removed meanwhile is left out.
pub fn tree(hive: Hive, key: &str, depth: u32) -> Read<Option<RegistryTree>> {
    let mut room = Room {
        entries: MOST_ENTRIES,
        bytes: MAX_FILE,
    };
    branch(hive, key, depth, &mut room)
}

/// What may still be read of a tree.
struct Room {
    entries: usize,
    bytes: u64,
}

impl Room {
    fn take(&mut self, key: &Key, bytes: usize) -> Read<()> {
        match (self.entries.checked_sub(1), self.bytes.checked_sub(bytes as u64)) {
            (Some(entries), Some(bytes)) => {
                *self = Room { entries, bytes };
                Ok(())
            }
            (None, _) | (_, None) => Err(OsError::failed(format!("{} holds too much", key.name))),
        }
    }
}

fn branch(hive: Hive, path: &str, depth: u32, room: &mut Room) -> Read<Option<RegistryTree>> {
    let Some(key) = Key::open(hive, path, KEY_READ)? else {
        return Ok(None);
    };
    let mut found = RegistryTree::default();
    for name in key.values()? {
        if let Some(value) = key.value(&name)? {
            room.take(&key, value.bytes.len())?;
            found.values.push((name, value));
        }
    }
    if depth > 0 {
        for name in key.subkeys()? {
            room.take(&key, name.len())?;
            if let Some(below) = branch(hive, &format!(r"{path}\{name}"), depth - 1, room)? {
                found.keys.push((name, below));
            }
        }
    }
    Ok(Some(found))
}

/// When the key last changed, as a `FILETIME`; `None` where it is absent.
pub fn written(hive: Hive, key: &str) -> Read<Option<u64>> {
    match Key::open(hive, key, KEY_READ)? {
        Some(key) => key.written().map(Some),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windows_sys::Win32::System::Registry::RegDeleteTreeW;

    const KEY: &str = r"SOFTWARE\Kaishin Registry Test";

    /// A key that is gone again when the test is over.
    struct Scratch;

    impl Drop for Scratch {
        fn drop(&mut self) {
            let path = wide(KEY).unwrap();
            // SAFETY: `path` ends with NUL and outlives the call.
            unsafe { RegDeleteTreeW(HKEY_LOCAL_MACHINE, path.as_ptr()) };
        }
    }

    fn read(name: &str) -> Option<RegistryValue> {
        get(Hive::LocalMachine, KEY, name).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back_until_it_is_deleted() {
        let _scratch = Scratch;
        let hive = Hive::LocalMachine;
        assert_eq!(read("Number"), None);
        assert_eq!(list(hive, KEY), Ok(None));
        assert_eq!(delete(hive, KEY, "Number"), Ok(()));
        assert_eq!(written(hive, KEY), Ok(None));
        let values = [
            ("Number", RegistryValue::dword(1)),
            ("数字", RegistryValue::qword(u64::MAX)),
            ("", RegistryValue::text("受付１")),
            ("Nothing", RegistryValue::new(RegistryKind::NONE, vec![])),
            ("Odd", RegistryValue::new(RegistryKind::SZ, vec![b'a', 0, b'b'])),
            (
                "Long",
                RegistryValue::new(RegistryKind::BINARY, (0..=255).cycle().take(70_000).collect()),
            ),
        ];
        for (name, value) in &values {
            set(hive, KEY, name, value).unwrap();
            assert_eq!(read(name).as_ref(), Some(value), "{name}");
        }
        set(hive, &format!(r"{KEY}\Below"), "x", &RegistryValue::dword(0)).unwrap();
        let mut listed = list(hive, KEY).unwrap().unwrap();
        listed.values.sort();
        assert_eq!(listed.subkeys, ["Below"]);
        assert_eq!(listed.values, ["", "Long", "Nothing", "Number", "Odd", "数字"]);
        delete(hive, KEY, "nUMBER").unwrap();
        delete(hive, KEY, "Number").unwrap();
        assert_eq!(read("Number"), None);
        assert!(written(hive, KEY).unwrap().is_some());
    }

    #[test]
    fn a_nul_in_a_name_is_refused_and_does_not_name_something_else() {
        let key = "SOFTWARE\0\\Kaishin";
        assert!(get(Hive::LocalMachine, key, "x").is_err());
        assert!(get(Hive::LocalMachine, "SOFTWARE", "x\0y").is_err());
    }
}
