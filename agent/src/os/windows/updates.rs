//! Windows Update, by its own objects and the names that scripts use for them. It runs on a thread of its own for as long as
//! it takes; the agent only looks how far it is. Built and linted for Windows; not yet run on a real one.

use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use windows_sys::Win32::Foundation::SysFreeString;
use windows_sys::Win32::System::Com::{CLSIDFromProgID, DISPPARAMS, EXCEPINFO};
use windows_sys::Win32::System::Variant::{
    VARIANT, VARIANT_0, VARIANT_0_0, VARIANT_0_0_0, VT_BSTR, VT_DISPATCH, VT_I4, VariantClear,
};
use windows_sys::core::{GUID, HRESULT};

use super::com::{Apartment, Object, Table, Text, This, Unused};
use super::wide;
use crate::os::{Read, UpdateRun};

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
pub struct Updates(Arc<Mutex<Option<UpdateRun>>>);

impl Updates {
    pub fn start(&self) {
        let mut run = lock(&self.0);
        if run.is_some() {
            return;
        }
        *run = Some(UpdateRun::Searching);
        let shared = Arc::clone(&self.0);
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
        let mut run = lock(&self.0);
        match *run {
            None => UpdateRun::Idle,
            Some(ended @ (UpdateRun::Done { .. } | UpdateRun::Failed { .. })) => {
                *run = None;
                ended
            }
            Some(under_way) => under_way,
        }
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

fn session(apartment: &Apartment) -> Heard<Object<Scripted>> {
    let name = wide("Microsoft.Update.Session").map_err(|_| UNEXPECTED)?;
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
    let value = call(of, GET, member, &mut [])?;
    // SAFETY: the tag says which member of the union is set.
    let (tag, number) = unsafe { (value.Anonymous.Anonymous.vt, value.Anonymous.Anonymous.Anonymous.lVal) };
    clear(value);
    if tag == VT_I4 { Ok(number) } else { Err(UNEXPECTED) }
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
        *lock(&updates.0) = Some(UpdateRun::Installing { updates: 2 });
        assert_eq!(updates.progress(), UpdateRun::Installing { updates: 2 });
        *lock(&updates.0) = Some(UpdateRun::Failed { code: 1 });
        assert_eq!(updates.progress(), UpdateRun::Failed { code: 1 });
        assert_eq!(updates.progress(), UpdateRun::Idle);
    }
}
