//! What Windows' network management tells: accounts, shares, what the machine belongs to, and its connections. Of an account
//! nothing that is secret.

use std::ffi::c_void;
use std::{ptr, slice};

use kaishin_proto::time::{Span, Time};
use windows_sys::Win32::NetworkManagement::IpHelper::{FreeMibTable, GetIfTable2, MIB_IF_ROW2, MIB_IF_TABLE2};
use windows_sys::Win32::NetworkManagement::NetManagement::{
    LOCALGROUP_MEMBERS_INFO_0, MAX_PREFERRED_LENGTH, NERR_UserNotFound, NetApiBufferFree, NetGetJoinInformation,
    NetLocalGroupGetMembers, NetSetupDomainName, NetSetupWorkgroupName, NetUserGetInfo, NetUserModalsGet,
    UF_ACCOUNTDISABLE, UF_DONT_EXPIRE_PASSWD, USER_INFO_1, USER_MODALS_INFO_0,
};
use windows_sys::Win32::Security::{EqualSid, LookupAccountNameW, PSID};
use windows_sys::Win32::Storage::FileSystem::{NetShareEnum, SHARE_INFO_2};

use super::{folder, registry, users, wide};
use crate::os::{Account, Hive, Join, Joined, Links, OsError, Read, Share};

const ADMINISTRATORS: &str = "S-1-5-32-544";
/// Instead of a number of seconds.
const FOREVER: u32 = u32::MAX;
/// The kinds of a share are the two lowest bits; 0 is a folder. Windows' own have the highest bit set.
const SHARE_KIND: u32 = 3;
const SHARE_SPECIAL: u32 = 1 << 31;
const MOST: usize = 10_000;
/// Where Windows notes that the machine belongs to an organisation in the cloud.
const CLOUD: &str = r"SYSTEM\CurrentControlSet\Control\CloudDomainJoin\JoinInfo";
const TENANTS: &str = r"SYSTEM\CurrentControlSet\Control\CloudDomainJoin\TenantInfo";

/// Memory that network management made.
struct Lent<T>(*mut T);

impl<T> Drop for Lent<T> {
    fn drop(&mut self) {
        // SAFETY: network management made it, or it is null, which is allowed; it is given back here only.
        unsafe { NetApiBufferFree(self.0.cast()) };
    }
}

impl<T> Lent<T> {
    fn new() -> Lent<T> {
        Lent(ptr::null_mut())
    }

    /// For Windows to put its pointer in.
    fn place(&mut self) -> *mut *mut u8 {
        (&raw mut self.0).cast()
    }

    fn one(&self) -> Read<&T> {
        // SAFETY: network management has put a `T` there, or nothing.
        unsafe { self.0.as_ref() }.ok_or_else(|| OsError::failed("network management gave nothing"))
    }

    fn many(&self, count: u32) -> &[T] {
        if self.0.is_null() {
            return &[];
        }
        // SAFETY: network management has put so many of `T` there.
        unsafe { slice::from_raw_parts(self.0, (count as usize).min(MOST)) }
    }
}

fn heard(code: u32, what: &str) -> Read<()> {
    let detail = || format!("{what} answered {code}");
    match code {
        0 => Ok(()),
        5 => Err(OsError::no_permission(detail())),
        // Not supported, not implemented, an unknown level.
        50 | 120 | 124 => Err(OsError::not_supported(detail())),
        _ => Err(OsError::failed(detail())),
    }
}

/// A text within what network management gave.
fn text(at: *const u16, what: &str) -> Read<String> {
    const LONGEST: usize = 32_768;
    if at.is_null() {
        return Err(OsError::not_found(what));
    }
    let mut units = Vec::new();
    for offset in 0..LONGEST {
        // SAFETY: Windows ended the text with NUL, behind which nothing is read.
        match unsafe { at.add(offset).read() } {
            0 => return String::from_utf16(&units).map_err(|_| OsError::damaged(format!("{what} is no text"))),
            unit => units.push(unit),
        }
    }
    Err(OsError::damaged(format!("{what} does not end")))
}

/// `changed` makes a moment of a password's age.
pub fn account(name: &str, changed: impl FnOnce(&str, Span) -> Time) -> Read<Option<Account>> {
    let asked = wide(name)?;
    let mut told = Lent::<USER_INFO_1>::new();
    // SAFETY: `asked` ends with NUL; it and `told` outlive the call; level 1 gives the structure that `told` is for.
    let code = unsafe { NetUserGetInfo(ptr::null(), asked.as_ptr(), 1, told.place()) };
    if code == NERR_UserNotFound {
        return Ok(None);
    }
    heard(code, "NetUserGetInfo")?;
    let info = told.one()?;
    let name = text(info.usri1_name, "the account's name")?;
    let sid = sid_of(&name)?;
    let sid_text =
        folder::text_of(sid.as_ptr().cast_mut().cast()).map_err(|error| OsError::from_io("a SID", &error))?;
    let changed = changed(&sid_text, Span::seconds(i64::from(info.usri1_password_age)));
    let expires = if info.usri1_flags & UF_DONT_EXPIRE_PASSWD == 0 {
        longest_password().map(|longest| longest.map(|longest| changed + longest))
    } else {
        Ok(None)
    };
    Ok(Some(Account {
        enabled: info.usri1_flags & UF_ACCOUNTDISABLE == 0,
        admin: is_administrator(&sid),
        password_changed: Ok(changed),
        password_expires: expires,
        sid: sid_text,
        name,
    }))
}

/// How old this machine's passwords may grow; `None`: as old as they like.
fn longest_password() -> Read<Option<Span>> {
    let mut told = Lent::<USER_MODALS_INFO_0>::new();
    // SAFETY: `told` outlives the call; level 0 gives the structure that it is for.
    let code = unsafe { NetUserModalsGet(ptr::null(), 0, told.place()) };
    heard(code, "NetUserModalsGet")?;
    match told.one()?.usrmod0_max_passwd_age {
        FOREVER => Ok(None),
        seconds => Ok(Some(Span::seconds(i64::from(seconds)))),
    }
}

/// As words, so that it is aligned: the longest has 68 bytes.
type Sid = [u32; 17];

fn sid_of(name: &str) -> Read<Sid> {
    let asked = wide(name)?;
    let mut sid = Sid::default();
    let mut domain = [0u16; 257];
    let (mut size, mut length, mut kind) = (size_of_val(&sid) as u32, 257, 0);
    // SAFETY: `asked` ends with NUL; the sizes are those of the two buffers; all outlive the call.
    let ok = unsafe {
        LookupAccountNameW(
            ptr::null(),
            asked.as_ptr(),
            sid.as_mut_ptr().cast(),
            &mut size,
            domain.as_mut_ptr(),
            &mut length,
            &mut kind,
        )
    };
    if ok == 0 {
        return Err(OsError::from_io("the account's SID", &std::io::Error::last_os_error()));
    }
    Ok(sid)
}

/// The group goes by another name in each language.
fn is_administrator(sid: &Sid) -> Read<bool> {
    let group = users::account(ADMINISTRATORS).ok_or_else(|| OsError::not_found("the group of administrators"))?;
    let group = wide(&group)?;
    let mut told = Lent::<LOCALGROUP_MEMBERS_INFO_0>::new();
    let (mut count, mut total) = (0, 0);
    // SAFETY: `group` ends with NUL; all outlive the call; level 0 gives an array of the structure that `told` is for.
    let code = unsafe {
        NetLocalGroupGetMembers(
            ptr::null(),
            group.as_ptr(),
            0,
            told.place(),
            MAX_PREFERRED_LENGTH,
            &mut count,
            &mut total,
            ptr::null_mut(),
        )
    };
    heard(code, "NetLocalGroupGetMembers")?;
    let sid: PSID = sid.as_ptr().cast_mut().cast();
    let is_it = |member: &LOCALGROUP_MEMBERS_INFO_0| {
        // SAFETY: both came from Windows, and neither is freed before this ends.
        !member.lgrmi0_sid.is_null() && unsafe { EqualSid(member.lgrmi0_sid, sid) } != 0
    };
    Ok(told.many(count).iter().any(is_it))
}

/// Folders that somebody has shared; not the ones that Windows shares of itself.
pub fn shares() -> Read<Vec<Share>> {
    let mut told = Lent::<SHARE_INFO_2>::new();
    let (mut count, mut total) = (0, 0);
    // SAFETY: all outlive the call; level 2 gives an array of the structure that `told` is for.
    let code = unsafe {
        NetShareEnum(
            ptr::null(),
            2,
            told.place(),
            MAX_PREFERRED_LENGTH,
            &mut count,
            &mut total,
            ptr::null_mut(),
        )
    };
    heard(code, "NetShareEnum")?;
    let folders = told
        .many(count)
        .iter()
        .filter(|share| share.shi2_type & (SHARE_KIND | SHARE_SPECIAL) == 0);
    let share = |share: &SHARE_INFO_2| {
        Ok(Share {
            name: text(share.shi2_netname, "a share's name")?,
            path: text(share.shi2_path, "a share's path")?,
        })
    };
    folders.map(share).collect()
}

pub fn joined() -> Read<Joined> {
    let mut name = Lent::<u16>::new();
    let mut kind = 0;
    // SAFETY: both results outlive the call.
    let code = unsafe { NetGetJoinInformation(ptr::null(), &mut name.0, &mut kind) };
    heard(code, "NetGetJoinInformation")?;
    let name = text(name.0, "the domain's name");
    if kind == NetSetupDomainName {
        return Ok(Joined {
            to: Join::Domain,
            name: name?,
        });
    }
    if let Some(name) = cloud()? {
        return Ok(Joined { to: Join::Entra, name });
    }
    if kind != NetSetupWorkgroupName {
        return Err(OsError::not_found(format!("the machine belongs to nothing: {kind}")));
    }
    Ok(Joined {
        to: Join::Workgroup,
        name: name?,
    })
}

/// The organisation's name, else its number.
fn cloud() -> Read<Option<String>> {
    let Some(joins) = registry::tree(Hive::LocalMachine, CLOUD, 1)? else {
        return Ok(None);
    };
    let Some((_, join)) = joins.keys.first() else {
        return Ok(None);
    };
    let tenant = join.text("TenantId")?.unwrap_or_default();
    let about = registry::tree(Hive::LocalMachine, &format!(r"{TENANTS}\{tenant}"), 0)?;
    let name = about.map(|about| about.text("DisplayName")).transpose()?.flatten();
    Ok(Some(name.filter(|name| !name.is_empty()).unwrap_or(tenant)))
}

/// `IF_TYPE_ETHERNET_CSMACD` and `IF_TYPE_IEEE80211`.
const ETHERNET: u32 = 6;
const WIRELESS: u32 = 71;
/// Of the flags: made of metal, not of software.
const HARDWARE: u8 = 1;
const UP: i32 = 1;

struct Interfaces(*mut MIB_IF_TABLE2);

impl Drop for Interfaces {
    fn drop(&mut self) {
        // SAFETY: Windows made the table, or it is null, which is allowed; it is given back here only.
        unsafe { FreeMibTable(self.0.cast::<c_void>()) };
    }
}

pub fn links() -> Read<Links> {
    let mut table = Interfaces(ptr::null_mut());
    // SAFETY: `table` outlives the call.
    heard(unsafe { GetIfTable2(&mut table.0) }, "GetIfTable2")?;
    // SAFETY: Windows has put a table there, or nothing.
    let told = unsafe { table.0.as_ref() }.ok_or_else(|| OsError::failed("GetIfTable2 gave nothing"))?;
    let count = (told.NumEntries as usize).min(MOST);
    // SAFETY: as many rows as told follow the count, of which the type names only the first.
    let rows = unsafe { slice::from_raw_parts((&raw const (*table.0).Table).cast::<MIB_IF_ROW2>(), count) };
    let real: Vec<_> = rows
        .iter()
        .filter(|row| row.InterfaceAndOperStatusFlags._bitfield & HARDWARE != 0)
        .collect();
    if real.is_empty() {
        return Err(OsError::not_found("no network adapter"));
    }
    let up = |kind: u32| real.iter().any(|row| row.Type == kind && row.OperStatus == UP);
    Ok(Links {
        wired: up(ETHERNET),
        wireless: up(WIRELESS),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaishin_proto::value::Reason;

    #[test]
    fn a_failure_says_whether_it_was_forbidden_or_unknown_here() {
        assert_eq!(heard(0, "x"), Ok(()));
        for (code, reason) in [
            (5, Reason::NoPermission),
            (124, Reason::NotSupported),
            (2102, Reason::Failed),
        ] {
            assert_eq!(heard(code, "x").unwrap_err().reason, reason);
        }
    }

    #[test]
    fn nobody_is_not_an_account_and_whoever_runs_this_is_one() {
        let ago = |_: &str, age: Span| Time(0) - age;
        assert_eq!(account("no such account", ago), Ok(None));
        assert!(account("a\0b", ago).is_err());
        let own = std::env::var("USERNAME").unwrap();
        let own = account(&own, ago).unwrap().unwrap();
        assert!(own.sid.starts_with("S-1-5-"), "{own:?}");
        assert!(own.password_changed.unwrap() <= Time(0));
    }

    #[test]
    fn what_is_not_known_has_its_reason() {
        for error in [shares().err(), joined().err(), links().err()].into_iter().flatten() {
            assert!(!error.detail.is_empty());
            assert_ne!(error.reason, Reason::Damaged, "{error}");
        }
    }
}
