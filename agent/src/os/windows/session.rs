//! Whoever sits in front of the machine, and a page in their session: a service has no screen of its own. What is started there
//! runs as that person, never as the agent.

use std::ffi::c_void;
use std::io;
use std::mem;
use std::ptr;

use windows_sys::Win32::Foundation::{CloseHandle, ERROR_NO_TOKEN, HANDLE};
use windows_sys::Win32::System::Environment::{CreateEnvironmentBlock, DestroyEnvironmentBlock};
use windows_sys::Win32::System::RemoteDesktop::{WTSGetActiveConsoleSessionId, WTSQueryUserToken};
use windows_sys::Win32::System::Threading::{
    CREATE_UNICODE_ENVIRONMENT, CreateProcessAsUserW, PROCESS_INFORMATION, STARTUPINFOW,
};

use super::{registry, wide};
use crate::os::{Hive, Opened, OsError, Read};

const EDGE: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\App Paths\msedge.exe";
const SYSTEM: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
/// What `WTSGetActiveConsoleSessionId` says while no session is at the console.
const NO_SESSION: u32 = u32::MAX;

/// Closed when it is dropped.
struct Owned(HANDLE);

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and is used by nobody after this.
        unsafe { CloseHandle(self.0) };
    }
}

/// A person's environment variables, as Windows lays them out.
struct Environment(*mut c_void);

impl Drop for Environment {
    fn drop(&mut self) {
        // SAFETY: the block was made by `CreateEnvironmentBlock` and is used by nobody after this.
        unsafe { DestroyEnvironmentBlock(self.0) };
    }
}

/// `url` is a page of this machine's own: the caller has seen to it.
pub fn open(url: &str) -> Read<Opened> {
    let Some(person) = at_the_console()? else {
        return Ok(Opened::NobodyHere);
    };
    // A window with nothing but the page in it, where Edge is; else whatever opens pages for this person.
    if let Some(edge) = edge()?
        && start(&person, &edge, &format!("--no-first-run --app={url}")).is_ok()
    {
        return Ok(Opened::Shown);
    }
    start(&person, &explorer()?, url).map(|()| Opened::Shown)
}

/// The token of whoever is signed in at the console; `None` where nobody is.
fn at_the_console() -> Read<Option<Owned>> {
    // SAFETY: takes nothing and touches nothing of ours.
    let session = unsafe { WTSGetActiveConsoleSessionId() };
    if session == NO_SESSION {
        return Ok(None);
    }
    let mut token: HANDLE = ptr::null_mut();
    // SAFETY: `token` outlives the call and takes a handle that is ours from then on.
    let ok = unsafe { WTSQueryUserToken(session, &mut token) };
    if ok != 0 {
        return Ok(Some(Owned(token)));
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() == Some(ERROR_NO_TOKEN as i32) {
        return Ok(None);
    }
    Err(OsError::from_io("the session at the console", &error))
}

fn edge() -> Read<Option<String>> {
    let Some(path) = registry::get(Hive::LocalMachine, EDGE, "")? else {
        return Ok(None);
    };
    Ok(Some(path.as_text()?.trim_matches('"').to_owned()).filter(|path| !path.is_empty()))
}

fn explorer() -> Read<String> {
    let root = registry::get(Hive::LocalMachine, SYSTEM, "SystemRoot")?;
    let root = root.ok_or_else(|| OsError::not_found(format!(r"HKLM\{SYSTEM} SystemRoot")))?;
    Ok(format!(r"{}\explorer.exe", root.as_text()?))
}

/// Starts a program of this machine as that person, on the desktop that they look at.
fn start(person: &Owned, program: &str, arguments: &str) -> Read<()> {
    let environment = environment(person)?;
    let path = wide(program)?;
    let mut line = wide(&format!("\"{program}\" {arguments}"))?;
    let mut desktop = wide(r"winsta0\default")?;
    let startup = STARTUPINFOW {
        cb: mem::size_of::<STARTUPINFOW>() as u32,
        lpDesktop: desktop.as_mut_ptr(),
        ..STARTUPINFOW::default()
    };
    let mut started = PROCESS_INFORMATION::default();
    // SAFETY: every text ends with NUL and, like the token, the environment and both structures, outlives the call; the line is
    // ours to be written to; nothing of ours is inherited.
    let ok = unsafe {
        CreateProcessAsUserW(
            person.0,
            path.as_ptr(),
            line.as_mut_ptr(),
            ptr::null(),
            ptr::null(),
            0,
            CREATE_UNICODE_ENVIRONMENT,
            environment.0,
            ptr::null(),
            &startup,
            &mut started,
        )
    };
    if ok == 0 {
        return Err(OsError::from_io(program, &io::Error::last_os_error()));
    }
    drop(Owned(started.hThread));
    drop(Owned(started.hProcess));
    Ok(())
}

fn environment(person: &Owned) -> Read<Environment> {
    let mut block: *mut c_void = ptr::null_mut();
    // SAFETY: `block` outlives the call and takes memory that is given back by `Environment`.
    let ok = unsafe { CreateEnvironmentBlock(&mut block, person.0, 0) };
    if ok == 0 {
        return Err(OsError::from_io(
            "the person's environment",
            &io::Error::last_os_error(),
        ));
    }
    Ok(Environment(block))
}
