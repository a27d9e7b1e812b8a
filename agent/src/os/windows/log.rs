//! Windows' own log, asked only what [`Happenings`] lists. Built and linted for Windows; not yet run on a real one.

use std::ffi::{CStr, c_void};
use std::ptr;

use super::optional::Library;
use super::wide;
use crate::os::{Asked, Happened, Happenings, OsError, Read, entry_xml};

type Query = unsafe extern "system" fn(*const c_void, *const u16, *const u16, u32) -> *mut c_void;
type Next = unsafe extern "system" fn(*const c_void, u32, *mut *mut c_void, u32, u32, *mut u32) -> i32;
type Render = unsafe extern "system" fn(*const c_void, *const c_void, u32, u32, *mut u16, *mut u32, *mut u32) -> i32;
type Close = unsafe extern "system" fn(*mut c_void) -> i32;
type Any = unsafe extern "system" fn() -> isize;

/// A log by its name, from its newest entry on.
const CHANNEL: u32 = 0x1;
const REVERSE: u32 = 0x200;
const AS_XML: u32 = 1;
const AT_ONCE: usize = 16;
const WITHIN_MS: u32 = 5_000;
const NO_MORE: i32 = 259;
/// In bytes: the bound of an entry, written out.
const LONGEST: usize = 256 * 1024;

/// The four functions, as long as their library is loaded.
struct Log {
    query: Query,
    next: Next,
    render: Render,
    close: Close,
    _library: Library,
}

/// A question under way or an entry; given back when it goes.
struct Handle<'a> {
    at: *mut c_void,
    log: &'a Log,
}

impl Drop for Handle<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle came from this library and is used no more.
        unsafe { (self.log.close)(self.at) };
    }
}

/// The newest first. A writer or a log that this Windows does not have has nothing to say.
pub fn happened(what: Happenings, most: usize) -> Read<Vec<Happened>> {
    let log = Log::open()?;
    let mut found = Vec::new();
    for asked in what.asked() {
        log.answer(asked, most, &mut found)?;
    }
    found.sort_by_key(|one: &Happened| std::cmp::Reverse(one.at));
    found.truncate(most);
    Ok(found)
}

impl Log {
    fn open() -> Read<Log> {
        let library = Library::load("wevtapi.dll")?;
        let function = |name: &CStr| library.function(name);
        let (query, next) = (function(c"EvtQuery")?, function(c"EvtNext")?);
        let (render, close) = (function(c"EvtRender")?, function(c"EvtClose")?);
        // SAFETY: the functions of these names have these signatures, by Windows' documentation.
        unsafe {
            Ok(Log {
                query: std::mem::transmute::<Any, Query>(query),
                next: std::mem::transmute::<Any, Next>(next),
                render: std::mem::transmute::<Any, Render>(render),
                close: std::mem::transmute::<Any, Close>(close),
                _library: library,
            })
        }
    }

    fn answer(&self, asked: &Asked, most: usize, found: &mut Vec<Happened>) -> Read<()> {
        let (place, question) = (wide(asked.log)?, wide(&question(asked))?);
        // SAFETY: null is this machine; both texts end with NUL and outlive the call.
        let at = unsafe { (self.query)(ptr::null(), place.as_ptr(), question.as_ptr(), CHANNEL | REVERSE) };
        if at.is_null() {
            return Err(OsError::from_io(asked.log, &std::io::Error::last_os_error()));
        }
        let under_way = Handle { at, log: self };
        let mut left = most;
        while left > 0 {
            let mut entries = [ptr::null_mut(); AT_ONCE];
            let (wanted, mut given) = (AT_ONCE.min(left), 0);
            // SAFETY: there is room for as many as are wanted, and all places outlive the call.
            let ok = unsafe {
                (self.next)(
                    under_way.at,
                    wanted as u32,
                    entries.as_mut_ptr(),
                    WITHIN_MS,
                    0,
                    &mut given,
                )
            };
            if ok == 0 {
                let error = std::io::Error::last_os_error();
                if error.raw_os_error() == Some(NO_MORE) {
                    break;
                }
                return Err(OsError::from_io(asked.log, &error));
            }
            // All are taken into care before one of them can fail.
            let entries: Vec<Handle<'_>> = entries
                .iter()
                .take(given as usize)
                .map(|at| Handle { at: *at, log: self })
                .collect();
            for entry in &entries {
                found.push(entry_xml::read(&self.written(entry)?)?);
            }
            left = left.saturating_sub(entries.len().max(1));
        }
        Ok(())
    }

    fn written(&self, entry: &Handle<'_>) -> Read<String> {
        let mut text = vec![0u16; LONGEST / 2];
        let (mut used, mut properties) = (0, 0);
        // SAFETY: the buffer has as many bytes as it says; all places outlive the call.
        let ok = unsafe {
            (self.render)(
                ptr::null(),
                entry.at,
                AS_XML,
                LONGEST as u32,
                text.as_mut_ptr(),
                &mut used,
                &mut properties,
            )
        };
        if ok == 0 {
            return Err(OsError::from_io(
                "an entry of the log",
                &std::io::Error::last_os_error(),
            ));
        }
        text.truncate(used as usize / 2);
        Ok(String::from_utf16_lossy(&text).trim_end_matches('\0').to_owned())
    }
}

/// `*[System[Provider[@Name='User32'] and (EventID=1074 or EventID=1076)]]`
fn question(asked: &Asked) -> String {
    let numbers: Vec<String> = asked.numbers.iter().map(|number| format!("EventID={number}")).collect();
    format!(
        "*[System[Provider[@Name='{}'] and ({})]]",
        asked.source,
        numbers.join(" or ")
    )
}
