//! Windows Update, by its own objects and the names that scripts use for them. It runs on a thread of its own for as long as
//! it takes; the agent only looks how far it is. Built and linted for Windows; not yet run on a real one.

use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kaishin_proto::time::Time;
use windows_sys::Win32::Foundation::SysFreeString;
use windows_sys::Win32::System::Com::{CLSIDFromProgID, DISPPARAMS, EXCEPINFO};
use windows_sys::Win32::System::Variant::{
    VARIANT, VARIANT_0, VARIANT_0_0, VARIANT_0_0_0, VT_BSTR, VT_DATE, VT_DISPATCH, VT_EMPTY, VT_I4, VariantClear,
};
use windows_sys::core::{GUID, HRESULT};

use super::com::{self, Apartment, Object, Table, Text, This, Unused};
use super::wide;
use crate::os::{OsError, Read, UpdateResults, UpdateRun, UpdateTried, winver};

const WANTED: &str = "IsInstalled=0 and IsHidden=0 and Type='Software'";
const METHOD: u16 = 1;
const GET: u16 = 2;
const PUT: u16 = 4;
const PUT_VALUE: i32 = -3;
/// The object itself tells what went wrong.
const EXCEPTION: u32 = 0x8002_0009;
const UNEXPECTED: u32 = 0x8000_ffff;
/// Of `OperationResultCode`; the others are not begun, in progress, failed and aborted.
const SUCCEEDED: i32 = 2;
const SUCCEEDED_WITH_ERRORS: i32 = 3;
const FAILED: i32 = 4;
const ABORTED: i32 = 5;
/// Of `UpdateOperation`; the other is to remove.
const INSTALLATION: i32 = 1;
/// Entries of the history, the newest first: most are the antivirus' own, a few each day.
const MOST: i32 = 300;
/// For an answer out of Windows' own database, which asks no server.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);
/// Of no language and for no locale.
const NEUTRAL: u32 = 0;
const NO_INTERFACE: GUID = GUID::from_u128(0);

/// `IDispatch`
#[repr(C)]
struct Scripted {
    query: Unused,
    add: Unused,
    release: unsafe extern "system" fn(This) -> u32,
    describe: [Unused; 2],
    names: unsafe extern "system" fn(This, *const GUID, *const *const u16, u32, u32, *mut i32) -> HRESULT,
    invoke: unsafe extern "system" fn(
        This,
        i32,
        *const GUID,
        u32,
        u16,
        *mut DISPPARAMS,
        *mut VARIANT,
        *mut EXCEPINFO,
        *mut u32,
    ) -> HRESULT,
}

// SAFETY: in the order of `oaidl.h`; the first seven slots are those of `Base`.
unsafe impl Table for Scripted {
    const ID: GUID = GUID::from_u128(0x00020400_0000_0000_c000_000000000046);
}

/// Windows' code for why not.
type Heard<T> = Result<T, u32>;

#[derive(Default)]
pub struct Updates {
    run: Arc<Mutex<Option<UpdateRun>>>,
    /// Whether it owes us an answer about its past.
    asked: Arc<AtomicBool>,
}

impl Updates {
    pub fn start(&self) {
        let mut run = lock(&self.run);
        if run.is_some() {
            return;
        }
        *run = Some(UpdateRun::Searching);
        let shared = Arc::clone(&self.run);
        std::thread::spawn(move || {
            let ended = match go(|run| *lock(&shared) = Some(run)) {
                Ok(installed) => UpdateRun::Done { installed },
                Err(code) => UpdateRun::Failed { code },
            };
            *lock(&shared) = Some(ended);
        });
    }

    /// The end is told once.
    pub fn progress(&self) -> UpdateRun {
        let mut run = lock(&self.run);
        match *run {
            None => UpdateRun::Idle,
            Some(ended @ (UpdateRun::Done { .. } | UpdateRun::Failed { .. })) => {
                *run = None;
                ended
            }
            Some(under_way) => under_way,
        }
    }

    /// On a thread of its own: a sick Windows Update may never answer, and then it is not asked a second time.
    pub fn results(&self) -> UpdateResults {
        let late = || UpdateResults::unreadable(&OsError::failed("Windows Update does not answer"));
        if self.asked.swap(true, Ordering::AcqRel) {
            return late();
        }
        let (tell, told) = mpsc::channel();
        let asked = Arc::clone(&self.asked);
        std::thread::spawn(move || {
            let results = look_back();
            asked.store(false, Ordering::Release);
            // Nobody waits for it any more: the answer came too late.
            let _ = tell.send(results);
        });
        told.recv_timeout(ANSWERS_WITHIN).unwrap_or_else(|_| late())
    }
}

fn lock(run: &Mutex<Option<UpdateRun>>) -> std::sync::MutexGuard<'_, Option<UpdateRun>> {
    run.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many were installed.
fn go(tell: impl Fn(UpdateRun)) -> Heard<u32> {
    let apartment = Apartment::enter().map_err(|_| UNEXPECTED)?;
    let session = session(&apartment)?;
    let searcher = object(&session, METHOD, "CreateUpdateSearcher", &mut [])?;
    let criteria = Text::new(WANTED).map_err(|_| UNEXPECTED)?;
    let found = object(&searcher, METHOD, "Search", &mut [text(&criteria)])?;
    let updates = object(&found, GET, "Updates", &mut [])?;
    let count = integer(&updates, "Count")?;
    let many = u32::try_from(count).unwrap_or(0);
    if many == 0 {
        return Ok(0);
    }
    for at in 0..count {
        let update = object(&updates, GET, "Item", &mut [number(at)])?;
        // Windows installs none whose terms nobody accepted; the clinic's owner has, by having updates at all.
        call(&update, METHOD, "AcceptEula", &mut []).map(clear)?;
    }
    tell(UpdateRun::Downloading { updates: many });
    let downloader = object(&session, METHOD, "CreateUpdateDownloader", &mut [])?;
    put(&downloader, "Updates", &updates)?;
    fared(&object(&downloader, METHOD, "Download", &mut [])?)?;
    tell(UpdateRun::Installing { updates: many });
    let installer = object(&session, METHOD, "CreateUpdateInstaller", &mut [])?;
    put(&installer, "Updates", &updates)?;
    fared(&object(&installer, METHOD, "Install", &mut [])?)?;
    Ok(many)
}

fn look_back() -> UpdateResults {
    let apartment = match Apartment::enter() {
        Ok(apartment) => apartment,
        Err(error) => return UpdateResults::unreadable(&error),
    };
    let results =
        named(&apartment, "Microsoft.Update.AutoUpdate").and_then(|auto| object(&auto, GET, "Results", &mut []));
    let when = |member: &str| {
        let results = results.as_ref().map_err(|code| *code);
        told(results.and_then(|results| date(results, member)), member)
    };
    UpdateResults {
        searched: when("LastSearchSuccessDate"),
        installed: when("LastInstallationSuccessDate"),
        history: told(history(&apartment), "the history of updates"),
    }
}

fn told<T>(heard: Heard<T>, what: &str) -> Read<T> {
    heard.map_err(|code| match com::heard(code.cast_signed(), what) {
        Err(error) => error,
        Ok(()) => OsError::failed(format!("{what} answered {code:#010x}")),
    })
}

/// Of an installation that was undone or is not over, there is nothing to tell.
fn history(apartment: &Apartment) -> Heard<Vec<UpdateTried>> {
    let session = session(apartment)?;
    let searcher = object(&session, METHOD, "CreateUpdateSearcher", &mut [])?;
    let total = number_of(call(&searcher, METHOD, "GetTotalHistoryCount", &mut [])?)?;
    if total <= 0 {
        return Ok(Vec::new());
    }
    let entries = object(
        &searcher,
        METHOD,
        "QueryHistory",
        &mut [number(total.min(MOST)), number(0)],
    )?;
    let mut tried = Vec::new();
    for at in 0..integer(&entries, "Count")?.min(MOST) {
        let entry = object(&entries, GET, "Item", &mut [number(at)])?;
        let code = match integer(&entry, "ResultCode")? {
            SUCCEEDED | SUCCEEDED_WITH_ERRORS => 0,
            FAILED | ABORTED => match integer(&entry, "HResult")?.cast_unsigned() {
                0 => UNEXPECTED,
                code => code,
            },
            _ => continue,
        };
        let Some(at) = date(&entry, "Date")? else { continue };
        if integer(&entry, "Operation")? == INSTALLATION {
            let title = words(&entry, "Title")?;
            tried.push(UpdateTried { title, at, code });
        }
    }
    Ok(tried)
}

fn session(apartment: &Apartment) -> Heard<Object<Scripted>> {
    named(apartment, "Microsoft.Update.Session")
}

/// By the name under which scripts make it.
fn named(apartment: &Apartment, class_name: &str) -> Heard<Object<Scripted>> {
    let name = wide(class_name).map_err(|_| UNEXPECTED)?;
    let mut class = GUID::from_u128(0);
    // SAFETY: the name ends with NUL and, like `class`, outlives the call.
    heard(unsafe { CLSIDFromProgID(name.as_ptr(), &mut class) })?;
    Object::new(apartment, &class).map_err(|_| UNEXPECTED)
}

/// A result that is less than success is its own code.
fn fared(result: &Object<Scripted>) -> Heard<()> {
    if integer(result, "ResultCode")? == SUCCEEDED {
        return Ok(());
    }
    match integer(result, "HResult")? {
        0 => Err(UNEXPECTED),
        code => Err(code.cast_unsigned()),
    }
}

fn heard(code: HRESULT) -> Heard<()> {
    if code >= 0 { Ok(()) } else { Err(code.cast_unsigned()) }
}

/// One member of an object, by name. Arguments stand in reverse, and stay the caller's.
fn call(object: &Object<Scripted>, kind: u16, member: &str, arguments: &mut [VARIANT]) -> Heard<VARIANT> {
    let name = wide(member).map_err(|_| UNEXPECTED)?;
    let mut id = 0;
    // SAFETY: the function is of this object's own table; one name that ends with NUL, and a place for one number.
    heard(unsafe { (object.table().names)(object.this(), &NO_INTERFACE, &name.as_ptr(), 1, NEUTRAL, &mut id) })?;
    let mut value = PUT_VALUE;
    let is_put = kind == PUT;
    let mut parameters = DISPPARAMS {
        rgvarg: arguments.as_mut_ptr(),
        rgdispidNamedArgs: if is_put { &mut value } else { ptr::null_mut() },
        cArgs: u32::try_from(arguments.len()).unwrap_or(0),
        cNamedArgs: u32::from(is_put),
    };
    let mut result = VARIANT::default();
    let mut trouble = EXCEPINFO::default();
    // SAFETY: the function is of this object's own table; everything pointed to outlives the call.
    let code = unsafe {
        (object.table().invoke)(
            object.this(),
            id,
            &NO_INTERFACE,
            NEUTRAL,
            kind,
            &mut parameters,
            &mut result,
            &mut trouble,
            ptr::null_mut(),
        )
    };
    for told in [trouble.bstrSource, trouble.bstrDescription, trouble.bstrHelpFile] {
        // SAFETY: Windows made these texts for us and uses them no more; none at all is allowed.
        unsafe { SysFreeString(told) };
    }
    if code.cast_unsigned() == EXCEPTION && trouble.scode != 0 {
        return Err(trouble.scode.cast_unsigned());
    }
    heard(code).map(|()| result)
}

fn object(of: &Object<Scripted>, kind: u16, member: &str, arguments: &mut [VARIANT]) -> Heard<Object<Scripted>> {
    let value = call(of, kind, member, arguments)?;
    // SAFETY: the tag says which member of the union is set.
    let (tag, made) = unsafe {
        (
            value.Anonymous.Anonymous.vt,
            value.Anonymous.Anonymous.Anonymous.pdispVal,
        )
    };
    if tag != VT_DISPATCH {
        clear(value);
        return Err(UNEXPECTED);
    }
    // What was counted for the value is ours now.
    let held: Read<Object<Scripted>> = Object::held(made, member);
    held.map_err(|_| UNEXPECTED)
}

fn integer(of: &Object<Scripted>, member: &str) -> Heard<i32> {
    number_of(call(of, GET, member, &mut [])?)
}

fn number_of(value: VARIANT) -> Heard<i32> {
    // SAFETY: the tag says which member of the union is set.
    let (tag, number) = unsafe { (value.Anonymous.Anonymous.vt, value.Anonymous.Anonymous.Anonymous.lVal) };
    clear(value);
    if tag == VT_I4 { Ok(number) } else { Err(UNEXPECTED) }
}

/// In UTC; `None`: never.
fn date(of: &Object<Scripted>, member: &str) -> Heard<Option<Time>> {
    let value = call(of, GET, member, &mut [])?;
    // SAFETY: the tag says which member of the union is set.
    let (tag, days) = unsafe { (value.Anonymous.Anonymous.vt, value.Anonymous.Anonymous.Anonymous.date) };
    clear(value);
    match tag {
        VT_DATE => Ok(winver::date(days).and_then(winver::filetime)),
        VT_EMPTY => Ok(None),
        _ => Err(UNEXPECTED),
    }
}

fn words(of: &Object<Scripted>, member: &str) -> Heard<String> {
    let value = call(of, GET, member, &mut [])?;
    // SAFETY: the tag says which member of the union is set.
    let (tag, made) = unsafe {
        (
            value.Anonymous.Anonymous.vt,
            value.Anonymous.Anonymous.Anonymous.bstrVal,
        )
    };
    if tag != VT_BSTR {
        clear(value);
        return Err(UNEXPECTED);
    }
    // The text is ours now, and goes back to Windows with this.
    Text(made).read().ok_or(UNEXPECTED)
}

fn put(of: &Object<Scripted>, member: &str, value: &Object<Scripted>) -> Heard<()> {
    let value = variant(VT_DISPATCH, VARIANT_0_0_0 { pdispVal: value.this() });
    call(of, PUT, member, &mut [value]).map(clear)
}

fn clear(mut value: VARIANT) {
    // SAFETY: the value came from Windows, which takes back what it holds.
    unsafe { VariantClear(&mut value) };
}

fn text(text: &Text) -> VARIANT {
    variant(VT_BSTR, VARIANT_0_0_0 { bstrVal: text.0 })
}

fn number(number: i32) -> VARIANT {
    variant(VT_I4, VARIANT_0_0_0 { lVal: number })
}

fn variant(tag: u16, value: VARIANT_0_0_0) -> VARIANT {
    VARIANT {
        Anonymous: VARIANT_0 {
            Anonymous: VARIANT_0_0 {
                vt: tag,
                wReserved1: 0,
                wReserved2: 0,
                wReserved3: 0,
                Anonymous: value,
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_once() {
        let updates = Updates::default();
        assert_eq!(updates.progress(), UpdateRun::Idle);
        *lock(&updates.run) = Some(UpdateRun::Installing { updates: 2 });
        assert_eq!(updates.progress(), UpdateRun::Installing { updates: 2 });
        *lock(&updates.run) = Some(UpdateRun::Failed { code: 1 });
        assert_eq!(updates.progress(), UpdateRun::Failed { code: 1 });
        assert_eq!(updates.progress(), UpdateRun::Idle);
    }

    #[test]
    fn the_past_is_told_or_why_it_is_not() {
        let told = Updates::default().results();
        let errors = [told.searched.err(), told.installed.err(), told.history.err()];
        for error in errors.into_iter().flatten() {
            assert!(!error.detail.is_empty());
        }
    }

    #[test]
    fn one_that_does_not_answer_is_not_asked_again() {
        let updates = Updates::default();
        updates.asked.store(true, Ordering::Release);
        assert!(updates.results().searched.is_err());
    }
}
