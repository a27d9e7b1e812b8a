//! What not every Windows has, and is therefore looked for when it is needed: a function that is missing must not keep the
//! agent from starting. Sleep, and the protection that Windows keeps watch over.

use std::ffi::{CStr, c_void};
use std::ptr;

use kaishin_proto::time::Span;
use windows_sys::Win32::Foundation::{FARPROC, FreeLibrary, HMODULE, LocalFree};
use windows_sys::Win32::System::LibraryLoader::{GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW};
use windows_sys::core::{BSTR, GUID, HRESULT};

use super::com::{Apartment, Base, Get, Object, Table, This, heard};
use super::{desk, wide};
use crate::os::{Antivirus, OsError, Read, Sleep, Supply};

pub struct Library {
    at: HMODULE,
    name: &'static str,
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: the library was loaded by us, and nothing of it is used any more.
        unsafe { FreeLibrary(self.at) };
    }
}

impl Library {
    /// Out of Windows' own folder, never from beside the program.
    pub fn load(name: &'static str) -> Read<Library> {
        let file = wide(name)?;
        // SAFETY: `file` ends with NUL and outlives the call.
        let at = unsafe { LoadLibraryExW(file.as_ptr(), ptr::null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32) };
        if at.is_null() {
            return Err(OsError::not_supported(format!("{name} is not here")));
        }
        Ok(Library { at, name })
    }

    pub fn function(&self, name: &CStr) -> Read<unsafe extern "system" fn() -> isize> {
        // SAFETY: the library is loaded; `name` ends with NUL and outlives the call.
        let found: FARPROC = unsafe { GetProcAddress(self.at, name.as_ptr().cast()) };
        found.ok_or_else(|| OsError::not_supported(format!("{} has no {name:?}", self.name)))
    }
}

type ActiveScheme = unsafe extern "system" fn(*const c_void, *mut *mut GUID) -> u32;
type Index = unsafe extern "system" fn(*const c_void, *const GUID, *const GUID, *const GUID, *mut u32) -> u32;
type SetIndex = unsafe extern "system" fn(*const c_void, *const GUID, *const GUID, *const GUID, u32) -> u32;
type SetScheme = unsafe extern "system" fn(*const c_void, *const GUID) -> u32;

/// The group of settings about sleeping, and among them after how many seconds.
const SLEEP: GUID = GUID::from_u128(0x238c9fa8_0aad_41ed_83f4_97be242c8f20);
const STANDBY: GUID = GUID::from_u128(0x29f6c1db_86da_48c5_9fdb_f2b67b1f44da);

/// Windows' own memory for the name of the plan in force.
struct Scheme(*mut GUID);

impl Drop for Scheme {
    fn drop(&mut self) {
        // SAFETY: Windows made it for us, or it is null, which is allowed; it is given back here only.
        unsafe { LocalFree(self.0.cast()) };
    }
}

pub fn sleep_after() -> Sleep {
    match plan() {
        Ok((library, scheme)) => Sleep {
            plugged_in: standby(&library, &scheme, c"PowerReadACValueIndex"),
            on_battery: match desk::has_battery() {
                Ok(true) => standby(&library, &scheme, c"PowerReadDCValueIndex"),
                Ok(false) => Err(OsError::not_found("this machine has no battery")),
                Err(error) => Err(error),
            },
        },
        Err(error) => Sleep {
            plugged_in: Err(error.clone()),
            on_battery: Err(error),
        },
    }
}

fn plan() -> Read<(Library, Scheme)> {
    let library = Library::load("powrprof.dll")?;
    let active = library.function(c"PowerGetActiveScheme")?;
    // SAFETY: the function of this name has this signature, by Windows' documentation.
    let active = unsafe { std::mem::transmute::<unsafe extern "system" fn() -> isize, ActiveScheme>(active) };
    let mut scheme = Scheme(ptr::null_mut());
    // SAFETY: the library is loaded, and `scheme` outlives the call.
    answered(unsafe { active(ptr::null(), &mut scheme.0) }, "PowerGetActiveScheme")?;
    if scheme.0.is_null() {
        return Err(OsError::not_found("no power plan is in force"));
    }
    Ok((library, scheme))
}

fn standby(library: &Library, scheme: &Scheme, name: &CStr) -> Read<Span> {
    let index = library.function(name)?;
    // SAFETY: the functions of both names have this signature, by Windows' documentation.
    let index = unsafe { std::mem::transmute::<unsafe extern "system" fn() -> isize, Index>(index) };
    let mut seconds = 0;
    // SAFETY: the library is loaded; the three names and `seconds` outlive the call.
    let code = unsafe { index(ptr::null(), scheme.0, &SLEEP, &STANDBY, &mut seconds) };
    answered(code, &name.to_string_lossy())?;
    Ok(Span::seconds(i64::from(seconds)))
}

/// In the plan in force, which is then put in force again: until then Windows goes by the old numbers.
pub fn set_sleep_after(supply: Supply, after: Span) -> Read<()> {
    let seconds = u32::try_from(after.0 / Span::seconds(1).0);
    let seconds = seconds.map_err(|_| OsError::failed(format!("{after:?} is no time to sleep after")))?;
    let (library, scheme) = plan()?;
    let name = match supply {
        Supply::PluggedIn => c"PowerWriteACValueIndex",
        Supply::OnBattery => c"PowerWriteDCValueIndex",
    };
    let (write, put_in_force) = (library.function(name)?, library.function(c"PowerSetActiveScheme")?);
    // SAFETY: the functions of both names have this signature, by Windows' documentation.
    let write = unsafe { std::mem::transmute::<unsafe extern "system" fn() -> isize, SetIndex>(write) };
    // SAFETY: the function of this name has this signature, by Windows' documentation.
    let put_in_force = unsafe { std::mem::transmute::<unsafe extern "system" fn() -> isize, SetScheme>(put_in_force) };
    // SAFETY: the library is loaded; the three names outlive the call.
    let code = unsafe { write(ptr::null(), scheme.0, &SLEEP, &STANDBY, seconds) };
    answered(code, &name.to_string_lossy())?;
    // SAFETY: the library is loaded; the plan's name outlives the call.
    answered(unsafe { put_in_force(ptr::null(), scheme.0) }, "PowerSetActiveScheme")
}

fn answered(code: u32, what: &str) -> Read<()> {
    match code {
        0 => Ok(()),
        // Not supported, not implemented.
        50 | 120 => Err(OsError::not_supported(format!("{what} answered {code}"))),
        code => {
            let error = std::io::Error::from_raw_os_error(code.cast_signed());
            Err(OsError::from_io(what, &error))
        }
    }
}

const PRODUCTS: GUID = GUID::from_u128(0x17072f7b_9abe_4a74_a261_1eb76b55107a);
const ANTIVIRUS: u32 = 4;
/// Of the states; the others are off, snoozed and expired.
const ON: i32 = 0;
const MOST: i32 = 50;

/// `IWSCProductList`
#[repr(C)]
struct Products {
    base: Base,
    initialize: unsafe extern "system" fn(This, u32) -> HRESULT,
    count: Get<i32>,
    item: unsafe extern "system" fn(This, u32, *mut This) -> HRESULT,
}

/// `IWscProduct`
#[repr(C)]
struct Product {
    base: Base,
    name: Get<BSTR>,
    state: Get<i32>,
}

// SAFETY: in the order of `iwscapi.h`.
unsafe impl Table for Products {
    const ID: GUID = GUID::from_u128(0x722a338c_6e8e_4e72_ac27_1417fb0c81c2);
}
// SAFETY: in the order of `iwscapi.h`.
unsafe impl Table for Product {
    const ID: GUID = GUID::from_u128(0x8c38232e_3a45_4a27_92b0_1a16a975f669);
}

pub fn antivirus() -> Read<Vec<Antivirus>> {
    let apartment = Apartment::enter()?;
    let products: Object<Products> = Object::new(&apartment, &PRODUCTS)?;
    // SAFETY: the function is of this object's own table.
    let code = unsafe { (products.table().initialize)(products.this(), ANTIVIRUS) };
    heard(code, "the security centre")?;
    let count = products.get("the security centre", |table| table.count)?;
    let mut found = Vec::new();
    for at in 0..count.clamp(0, MOST).cast_unsigned() {
        let product: Object<Product> = products.object("a product", |table, this, made| {
            // SAFETY: the function is of this object's own table; `made` outlives the call.
            unsafe { (table.item)(this, at, made) }
        })?;
        found.push(Antivirus {
            name: product.text("a product's name", |table| table.name)?,
            on: product.get("a product's state", |table| table.state)? == ON,
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaishin_proto::value::Reason;

    #[test]
    fn what_this_windows_does_not_have_is_not_supported() {
        let absent = Library::load("kaishin-no-such.dll").err().unwrap();
        assert_eq!(absent.reason, Reason::NotSupported);
        let kernel = Library::load("kernel32.dll").unwrap();
        assert!(kernel.function(c"GetTickCount64").is_ok());
        let absent = kernel.function(c"NoSuchFunction").unwrap_err();
        assert_eq!(absent.reason, Reason::NotSupported);
        let sleep = sleep_after();
        // As it is: a test changes nothing on the machine it runs on.
        let set = sleep
            .plugged_in
            .clone()
            .and_then(|after| set_sleep_after(Supply::PluggedIn, after));
        for error in [sleep.plugged_in.err(), set.err(), antivirus().err()]
            .into_iter()
            .flatten()
        {
            assert!(!error.detail.is_empty());
        }
    }
}
