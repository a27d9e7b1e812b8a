//! What Windows itself answers about the machine: name, memory, version, clock and firmware table. One small call each.

use std::io;
use std::ptr;

use windows_sys::Wdk::System::SystemServices::RtlGetVersion;
use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::Storage::FileSystem::{GetDiskFreeSpaceExW, GetDriveTypeW, GetLogicalDrives};
use windows_sys::Win32::System::SystemInformation::{
    ComputerNamePhysicalDnsHostname, GetComputerNameExW, GetPhysicallyInstalledSystemMemory, GetSystemFirmwareTable,
    GetSystemTimeAsFileTime, GetTickCount64, GlobalMemoryStatusEx, MEMORYSTATUSEX, OSVERSIONINFOW, RSMB,
};

use super::wide;
use crate::os::{OsError, Read, Volume};

/// `DRIVE_FIXED`
const FIXED: u32 = 3;

fn last_error(what: &str) -> OsError {
    OsError::from_io(what, &io::Error::last_os_error())
}

pub fn hostname() -> Read<String> {
    let mut buffer = [0u16; 256];
    let mut length = 256;
    // SAFETY: `length` is the size of `buffer`; both outlive the call.
    let ok = unsafe { GetComputerNameExW(ComputerNamePhysicalDnsHostname, buffer.as_mut_ptr(), &mut length) };
    if ok == 0 {
        return Err(last_error("the computer's name"));
    }
    let name = buffer.get(..length as usize).unwrap_or_default();
    String::from_utf16(name).map_err(|_| OsError::damaged("the computer's name is not text"))
}

/// Bytes as bought; where the firmware does not tell, bytes that Windows can use.
pub fn memory() -> Read<u64> {
    let mut kilobytes = 0;
    // SAFETY: `kilobytes` outlives the call.
    let ok = unsafe { GetPhysicallyInstalledSystemMemory(&mut kilobytes) };
    if ok != 0 && kilobytes > 0 {
        return Ok(kilobytes.saturating_mul(1024));
    }
    let mut status = MEMORYSTATUSEX {
        dwLength: size_of::<MEMORYSTATUSEX>() as u32,
        ..MEMORYSTATUSEX::default()
    };
    // SAFETY: `status` tells its own size and outlives the call.
    let ok = unsafe { GlobalMemoryStatusEx(&mut status) };
    if ok == 0 {
        return Err(last_error("the memory's size"));
    }
    Ok(status.ullTotalPhys)
}

pub struct Told {
    pub major: u32,
    pub minor: u32,
    pub build: u32,
}

/// The true version: unlike GetVersionEx this is not bent by the program's manifest.
pub fn version() -> Read<Told> {
    let mut info = OSVERSIONINFOW {
        dwOSVersionInfoSize: size_of::<OSVERSIONINFOW>() as u32,
        ..OSVERSIONINFOW::default()
    };
    // SAFETY: `info` tells its own size and outlives the call.
    let status = unsafe { RtlGetVersion(&mut info) };
    if status != 0 {
        return Err(OsError::failed(format!("RtlGetVersion answered {status:#010x}")));
    }
    Ok(Told {
        major: info.dwMajorVersion,
        minor: info.dwMinorVersion,
        build: info.dwBuildNumber,
    })
}

/// The clock now, as a `FILETIME`, and the milliseconds since the machine started.
pub fn clock_and_uptime() -> (u64, u64) {
    let mut now = FILETIME::default();
    // SAFETY: `now` outlives the call.
    unsafe { GetSystemTimeAsFileTime(&mut now) };
    // SAFETY: takes nothing and cannot fail.
    let uptime = unsafe { GetTickCount64() };
    (super::intervals(now), uptime)
}

pub fn firmware_table() -> Read<Vec<u8>> {
    // SAFETY: a null buffer of no length asks for the size.
    let size = unsafe { GetSystemFirmwareTable(RSMB, 0, ptr::null_mut(), 0) };
    if size == 0 {
        return Err(last_error("the SMBIOS table"));
    }
    let mut table = vec![0; size as usize];
    // SAFETY: `size` is the size of `table`, which outlives the call.
    let written = unsafe { GetSystemFirmwareTable(RSMB, 0, table.as_mut_ptr(), size) };
    if written == 0 || written > size {
        return Err(last_error("the SMBIOS table"));
    }
    table.truncate(written as usize);
    Ok(table)
}

pub fn volumes() -> Read<Vec<Volume>> {
    let system = std::env::var("SystemDrive").unwrap_or_else(|_| "C:".to_owned());
    // SAFETY: takes nothing; 0 is a failure.
    let drives = unsafe { GetLogicalDrives() };
    if drives == 0 {
        return Err(last_error("the drives"));
    }
    let mut found = Vec::new();
    for letter in (b'A'..=b'Z').filter(|letter| drives & (1 << (letter - b'A')) != 0) {
        let name = format!("{}:", char::from(letter));
        let root = wide(&format!(r"{name}\"))?;
        // SAFETY: `root` ends with NUL and outlives the call.
        let kind = unsafe { GetDriveTypeW(root.as_ptr()) };
        let is_system = name.eq_ignore_ascii_case(&system);
        if kind != FIXED && !is_system {
            continue;
        }
        let (mut free, mut total) = (0, 0);
        // SAFETY: `root` ends with NUL and, like the two numbers, outlives the call; the third is not asked for.
        let ok = unsafe { GetDiskFreeSpaceExW(root.as_ptr(), &mut free, &mut total, ptr::null_mut()) };
        let (total, free) = if ok == 0 {
            let error = last_error(&name);
            (Err(error.clone()), Err(error))
        } else {
            (Ok(total), Ok(free))
        };
        found.push(Volume {
            name,
            system: is_system,
            total,
            free,
        });
    }
    Ok(found)
}
