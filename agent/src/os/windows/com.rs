//! Objects that Windows reaches through tables of functions: as much of COM as reading needs. A table is written down as a
//! type, once, beside the promise that it is right; the calls through it are then checked by the compiler.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use windows_sys::Win32::Foundation::{SysAllocStringLen, SysFreeString, SysStringLen};
use windows_sys::Win32::System::Com::{
    CLSCTX_INPROC_SERVER, COINIT_MULTITHREADED, CoCreateInstance, CoInitializeEx, CoUninitialize,
};
use windows_sys::core::{BSTR, GUID, HRESULT};

use crate::os::{OsError, Read};

pub type This = *mut c_void;
pub type Get<T> = unsafe extern "system" fn(This, *mut T) -> HRESULT;
/// A slot that nobody here calls.
pub type Unused = *const c_void;

/// What every table begins with: asking for another interface, counting users up and down, and the four of scripts.
#[repr(C)]
pub struct Base {
    query: Unused,
    add: Unused,
    release: unsafe extern "system" fn(This) -> u32,
    dispatch: [Unused; 4],
}

/// A table of functions.
///
/// # Safety
/// The type is laid out as the interface named by `ID` is: it begins with [`Base`], and its slots follow in Windows' order.
pub unsafe trait Table {
    const ID: GUID;
}

/// An object, for as long as we use it.
pub struct Object<T: Table> {
    at: NonNull<*const T>,
    /// Stays on the thread whose apartment it was made in.
    _here: PhantomData<*const T>,
}

impl<T: Table> Drop for Object<T> {
    fn drop(&mut self) {
        let table = ptr::from_ref(self.table()).cast::<Base>();
        // SAFETY: every table begins with `Base`, and this object is used no more.
        unsafe { ((*table).release)(self.at.as_ptr().cast()) };
    }
}

impl<T: Table> Object<T> {
    pub fn new(_: &Apartment, class: &GUID) -> Read<Object<T>> {
        let mut made = ptr::null_mut();
        // SAFETY: the class, the id and `made` outlive the call; nothing is aggregated.
        let code = unsafe { CoCreateInstance(class, ptr::null_mut(), CLSCTX_INPROC_SERVER, &T::ID, &mut made) };
        heard(code, "CoCreateInstance")?;
        Object::held(made, "CoCreateInstance")
    }

    pub fn held(made: This, what: &str) -> Read<Object<T>> {
        let at = NonNull::new(made.cast()).ok_or_else(|| OsError::failed(format!("{what} gave nothing")))?;
        Ok(Object { at, _here: PhantomData })
    }

    pub fn table(&self) -> &T {
        // SAFETY: Windows gave the object for `T::ID`, whose table `T` is; it lives as long as the object, which we hold.
        unsafe { &**self.at.as_ptr() }
    }

    pub fn this(&self) -> This {
        self.at.as_ptr().cast()
    }

    pub fn get<V: Default>(&self, what: &str, pick: impl Fn(&T) -> Get<V>) -> Read<V> {
        let mut value = V::default();
        let call = pick(self.table());
        // SAFETY: the function is of this object's own table; `value` outlives the call.
        heard(unsafe { call(self.this(), &mut value) }, what)?;
        Ok(value)
    }

    pub fn text(&self, what: &str, pick: impl Fn(&T) -> Get<BSTR>) -> Read<String> {
        let mut text = Text(ptr::null());
        let call = pick(self.table());
        // SAFETY: the function is of this object's own table; `text` outlives the call.
        heard(unsafe { call(self.this(), &mut text.0) }, what)?;
        text.read()
            .ok_or_else(|| OsError::damaged(format!("{what} is no sound text")))
    }

    pub fn object<U: Table>(&self, what: &str, call: impl FnOnce(&T, This, *mut This) -> HRESULT) -> Read<Object<U>> {
        let mut made = ptr::null_mut();
        heard(call(self.table(), self.this(), &mut made), what)?;
        Object::held(made, what)
    }
}

/// A text of Windows' own making.
pub struct Text(pub BSTR);

impl Text {
    pub fn new(text: &str) -> Read<Text> {
        let units: Vec<u16> = text.encode_utf16().collect();
        let length = u32::try_from(units.len()).map_err(|_| OsError::failed("a text too long"))?;
        // SAFETY: as many units as told are there, and are copied.
        let made = unsafe { SysAllocStringLen(units.as_ptr(), length) };
        if made.is_null() {
            return Err(OsError::failed("no memory for a text"));
        }
        Ok(Text(made))
    }

    /// Windows means "" by nothing at all.
    pub fn read(&self) -> Option<String> {
        if self.0.is_null() {
            return Some(String::new());
        }
        // SAFETY: the text came from Windows, which keeps its length, and is not freed before this is dropped.
        let units = unsafe { std::slice::from_raw_parts(self.0, SysStringLen(self.0) as usize) };
        String::from_utf16(units).ok()
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        // SAFETY: Windows made the text and takes it back here only; none at all is allowed.
        unsafe { SysFreeString(self.0) };
    }
}

/// Objects can be used on this thread for as long as this lives.
pub struct Apartment(PhantomData<*const ()>);

impl Apartment {
    pub fn enter() -> Read<Apartment> {
        // SAFETY: takes no memory of ours; a success is paired with the call in `drop`.
        let code = unsafe { CoInitializeEx(ptr::null(), COINIT_MULTITHREADED.cast_unsigned()) };
        heard(code, "CoInitializeEx")?;
        Ok(Apartment(PhantomData))
    }
}

impl Drop for Apartment {
    fn drop(&mut self) {
        // SAFETY: pairs the successful call of `enter`, on the same thread.
        unsafe { CoUninitialize() };
    }
}

/// Windows' answer to a call, with what its commoner failures mean.
pub fn heard(code: HRESULT, what: &str) -> Read<()> {
    if code >= 0 {
        return Ok(());
    }
    let detail = format!("{what} answered {code:#010x}");
    Err(match code.cast_unsigned() {
        0x8007_0005 => OsError::no_permission(detail),
        0x8007_0002 | 0x8007_0003 => OsError::not_found(detail),
        // Not implemented, no such interface, no such class or name of one, no such module.
        0x8000_4001 | 0x8000_4002 | 0x8004_0154 | 0x8004_01f3 | 0x8007_007e => OsError::not_supported(detail),
        _ => OsError::failed(detail),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaishin_proto::value::Reason;

    #[test]
    fn a_failure_says_whether_it_was_forbidden_absent_or_unknown_here() {
        assert_eq!(heard(1, "a call"), Ok(()));
        for (code, reason) in [
            (0x8007_0005_u32, Reason::NoPermission),
            (0x8007_0002, Reason::NotFound),
            (0x8004_0154, Reason::NotSupported),
            (0x8000_ffff, Reason::Failed),
        ] {
            assert_eq!(
                heard(code.cast_signed(), "a call").unwrap_err().reason,
                reason,
                "{code:x}"
            );
        }
    }

    #[test]
    fn a_text_comes_back_as_it_went() {
        for text in ["", "受付", "a\0b", "𠮷野"] {
            assert_eq!(Text::new(text).unwrap().read().as_deref(), Some(text));
        }
        assert_eq!(Text(ptr::null()).read().as_deref(), Some(""));
    }
}
