//! What Windows itself makes of the proxy of its services as the agent writes it. Only a test: the agent needs no call for it.

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::super::optional::Library;
    use super::super::registry;
    use crate::facts::proxy::{SETTINGS, WINHTTP, blob};
    use crate::os::{Hive, RegistryValue};

    /// `WINHTTP_PROXY_INFO`
    #[repr(C)]
    struct Info {
        access: u32,
        proxy: *mut u16,
        bypass: *mut u16,
    }

    type Call = unsafe extern "system" fn(*mut Info) -> i32;

    const NAMED: u32 = 3;

    fn call(name: &std::ffi::CStr, info: &mut Info) {
        let library = Library::load("winhttp.dll").unwrap();
        let found = library.function(name).unwrap();
        // SAFETY: the functions of both names have this signature, by Windows' documentation.
        let found = unsafe { std::mem::transmute::<unsafe extern "system" fn() -> isize, Call>(found) };
        // SAFETY: the library is loaded; `info` and the texts it points to outlive the call.
        assert_ne!(unsafe { found(info) }, 0, "{name:?}");
    }

    fn text(at: *const u16) -> String {
        assert!(!at.is_null());
        // SAFETY: Windows ends its texts with NUL.
        let length = (0..).take_while(|n| unsafe { *at.add(*n) } != 0).count();
        // SAFETY: so many units are there.
        String::from_utf16(unsafe { std::slice::from_raw_parts(at, length) }).unwrap()
    }

    /// The machine gets back what it had.
    struct Restore(String, Option<RegistryValue>);

    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = match &self.1 {
                Some(value) => registry::set(Hive::LocalMachine, &self.0, WINHTTP, value),
                None => registry::delete(Hive::LocalMachine, &self.0, WINHTTP),
            };
        }
    }

    #[test]
    fn windows_reads_what_we_made_of_what_windows_wrote() {
        let key = format!(r"{SETTINGS}\Connections");
        let get = || registry::get(Hive::LocalMachine, &key, WINHTTP).unwrap();
        let _restore = Restore(key.clone(), get());
        let mut proxy: Vec<u16> = "old.example:80\0".encode_utf16().collect();
        let mut bypass: Vec<u16> = "*.local\0".encode_utf16().collect();
        let mut info = Info {
            access: NAMED,
            proxy: proxy.as_mut_ptr(),
            bypass: bypass.as_mut_ptr(),
        };
        call(c"WinHttpSetDefaultProxyConfiguration", &mut info);
        let written = get().expect("Windows keeps it there");
        let seen = blob::read(&written).unwrap();
        assert_eq!(
            (seen.server.as_deref(), seen.bypass.as_str()),
            (Some("old.example:80"), "*.local")
        );

        let ours = blob::through(Some(&written), 0x28, "proxy.example:8080", "*.rece;*.local");
        registry::set(Hive::LocalMachine, &key, WINHTTP, &ours).unwrap();
        let mut info = Info {
            access: 0,
            proxy: ptr::null_mut(),
            bypass: ptr::null_mut(),
        };
        call(c"WinHttpGetDefaultProxyConfiguration", &mut info);
        assert_eq!(info.access, NAMED);
        assert_eq!(text(info.proxy), "proxy.example:8080");
        assert_eq!(text(info.bypass), "*.rece;*.local");
    }
}
