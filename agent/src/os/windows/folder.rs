//! The folder for what no user may read. Below `%ProgramData%` every user may read and make folders: so ours gets an access
//! list of its own, inherited from nobody, and one that somebody else has put there before us is refused.

use std::io;
use std::os::windows::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr;

use windows_sys::Win32::Foundation::{CloseHandle, ERROR_ALREADY_EXISTS, ERROR_SUCCESS, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, GetNamedSecurityInfoW,
    SDDL_REVISION_1, SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, GetTokenInformation, OWNER_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION,
    PSECURITY_DESCRIPTOR, PSID, SECURITY_ATTRIBUTES, SetFileSecurityW, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::CreateDirectoryW;
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

const SYSTEM: &str = "S-1-5-18";
const ADMINISTRATORS: &str = "S-1-5-32-544";

/// Memory that Windows made and wants back.
struct Lent(*mut core::ffi::c_void);

impl Drop for Lent {
    fn drop(&mut self) {
        // SAFETY: the pointer came from a call whose memory LocalFree takes back, and is given back here only.
        unsafe { LocalFree(self.0) };
    }
}

struct Handle(HANDLE);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle was opened by us and is closed here only.
        unsafe { CloseHandle(self.0) };
    }
}

fn wide(path: &Path) -> io::Result<Vec<u16>> {
    let units: Vec<u16> = path.as_os_str().encode_wide().chain([0]).collect();
    match units.iter().position(|unit| *unit == 0) {
        Some(end) if end + 1 == units.len() => Ok(units),
        Some(_) | None => Err(io::Error::new(io::ErrorKind::InvalidInput, "a NUL in a path")),
    }
}

/// Makes the folder for SYSTEM, the administrators and whoever runs this, or closes an existing one to all others.
pub fn private(path: &Path) -> io::Result<()> {
    made(path, "")
}

/// The same, but that all users may read what is in it. They reach it through a folder that is closed to them: Windows asks
/// for rights at the end of a path only.
pub fn readable(path: &Path) -> io::Result<()> {
    made(path, "(A;OICI;FRFX;;;BU)")
}

fn made(path: &Path, others: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let own = own_sid()?;
    let access = access_list(&own, others)?;
    let name = wide(path)?;
    let attributes = SECURITY_ATTRIBUTES {
        nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
        lpSecurityDescriptor: access.0,
        bInheritHandle: 0,
    };
    // SAFETY: `name` ends with NUL and, like `attributes` and what they point at, outlives the call.
    if unsafe { CreateDirectoryW(name.as_ptr(), &attributes) } != 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() != Some(ERROR_ALREADY_EXISTS.cast_signed()) || !path.is_dir() {
        return Err(error);
    }
    let owner = owner_of(&name)?;
    if ![SYSTEM, ADMINISTRATORS, own.as_str()].contains(&owner.as_str()) {
        let what = format!("{} belongs to {owner}: somebody else has made it", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
    }
    let what = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
    // SAFETY: `name` ends with NUL and, like `access`, outlives the call.
    if unsafe { SetFileSecurityW(name.as_ptr(), what, access.0) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn access_list(own: &str, others: &str) -> io::Result<Lent> {
    let text = format!("D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;{own}){others}");
    let text: Vec<u16> = text.encode_utf16().chain([0]).collect();
    let mut made: PSECURITY_DESCRIPTOR = ptr::null_mut();
    // SAFETY: `text` ends with NUL and, like `made`, outlives the call; the size is not asked for.
    let ok = unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(text.as_ptr(), SDDL_REVISION_1, &mut made, ptr::null_mut())
    };
    if ok == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Lent(made))
}

fn owner_of(name: &[u16]) -> io::Result<String> {
    let mut owner: PSID = ptr::null_mut();
    let mut descriptor: PSECURITY_DESCRIPTOR = ptr::null_mut();
    let none = ptr::null_mut();
    // SAFETY: `name` ends with NUL and, like the two results, outlives the call; the rest is not asked for.
    let code = unsafe {
        GetNamedSecurityInfoW(
            name.as_ptr(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION,
            &mut owner,
            ptr::null_mut(),
            none,
            ptr::null_mut(),
            &mut descriptor,
        )
    };
    if code != ERROR_SUCCESS {
        return Err(io::Error::from_raw_os_error(code.cast_signed()));
    }
    // `owner` points into the descriptor, which must live until it is read.
    let descriptor = Lent(descriptor);
    let owner = text_of(owner);
    drop(descriptor);
    owner
}

fn own_sid() -> io::Result<String> {
    let mut token: HANDLE = ptr::null_mut();
    // SAFETY: the pseudo-handle of this process is always good; `token` outlives the call.
    if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &mut token) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let token = Handle(token);
    // The longest SID has 68 bytes. As words of 64 bits, so that the pointer inside is aligned.
    let mut buffer = [0u64; 32];
    let (size, mut needed) = (size_of_val(&buffer) as u32, 0);
    // SAFETY: `size` is the size of `buffer`; both outlive the call.
    let ok = unsafe { GetTokenInformation(token.0, TokenUser, buffer.as_mut_ptr().cast(), size, &mut needed) };
    if ok == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has put a TOKEN_USER at the aligned beginning of `buffer`.
    let user = unsafe { buffer.as_ptr().cast::<TOKEN_USER>().read() };
    text_of(user.User.Sid)
}

pub(super) fn text_of(sid: PSID) -> io::Result<String> {
    let mut text: *mut u16 = ptr::null_mut();
    // SAFETY: `sid` came from Windows and its memory is still held by the caller; `text` outlives the call.
    if unsafe { ConvertSidToStringSidW(sid, &mut text) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let lent = Lent(text.cast());
    let mut units = Vec::new();
    for at in 0.. {
        // SAFETY: Windows ended the text with NUL, behind which nothing is read.
        match unsafe { text.add(at).read() } {
            0 => break,
            unit => units.push(unit),
        }
    }
    drop(lent);
    Ok(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_folder_is_ours_and_can_be_asked_for_again() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("受付").join("Kaishin");
        private(&path).unwrap();
        std::fs::write(path.join("device-key"), b"secret").unwrap();
        private(&path).unwrap();
        assert_eq!(std::fs::read(path.join("device-key")).unwrap(), b"secret");
        let owner = owner_of(&wide(&path).unwrap()).unwrap();
        assert!(owner.starts_with("S-1-5-"), "{owner}");
    }

    #[test]
    fn a_folder_for_all_to_read_lies_in_one_that_is_closed() {
        let above = tempfile::tempdir().unwrap();
        let (closed, open) = (above.path().join("Kaishin"), above.path().join("Kaishin").join("door"));
        private(&closed).unwrap();
        for secret in [b"first", b"other"] {
            readable(&open).unwrap();
            std::fs::write(open.join("address.json"), secret).unwrap();
            assert_eq!(std::fs::read(open.join("address.json")).unwrap(), secret);
        }
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_an_error() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("Kaishin");
        std::fs::write(&path, b"").unwrap();
        assert!(private(&path).is_err());
    }
}
