//! The form in which Windows keeps a connection's proxy as one value, `DefaultConnectionSettings` for a user and
//! `WinHttpSettings` for the machine's services: numbers of 32 bits, texts behind their lengths.

use crate::os::{OsError, Read, RegistryKind, RegistryValue};

/// The form that a user's settings have.
pub const USERS: u32 = 0x46;
/// The form that those of Windows' own services have.
pub const SERVICES: u32 = 0x28;
const DIRECT: u32 = 0x1;
const PROXY: u32 = 0x2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// `None`: not through a proxy.
    pub server: Option<String>,
    pub bypass: String,
}

pub fn read(value: &RegistryValue) -> Read<Connection> {
    let damaged = |what: &str| OsError::damaged(format!("connection settings of {} bytes {what}", value.bytes.len()));
    if value.kind != RegistryKind::BINARY {
        return Err(damaged("of another kind"));
    }
    let mut rest = value.bytes.as_slice();
    // A version, and how often it was changed.
    for _ in 0..2 {
        number(&mut rest).ok_or_else(|| damaged("end early"))?;
    }
    let flags = number(&mut rest).ok_or_else(|| damaged("end early"))?;
    let server = text(&mut rest).ok_or_else(|| damaged("have no sound server"))?;
    let bypass = text(&mut rest).ok_or_else(|| damaged("have no sound exceptions"))?;
    let through = flags & PROXY != 0 && !server.is_empty();
    Ok(Connection {
        server: through.then_some(server),
        bypass,
    })
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (head, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    Some(u32::from_le_bytes(*head))
}

/// One byte a letter: host names need no more.
fn text(rest: &mut &[u8]) -> Option<String> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(std::str::from_utf8(head).ok()?.trim_end_matches('\0').trim().to_owned())
}

/// The settings with this proxy in force: as they are where they say so already, else counted on by one. What else they
/// hold, a script's address for one, stays; what is damaged is written anew.
pub fn through(now: Option<&RegistryValue>, version: u32, server: &str, bypass: &str) -> RegistryValue {
    let known = now.filter(|now| read(now).is_ok());
    let Some((known, mut rest)) = known.map(|now| (now, now.bytes.as_slice())) else {
        return write(version, Some(server), bypass);
    };
    let same = |seen: &Connection| seen.server.as_deref() == Some(server) && seen.bypass == bypass;
    if read(known).is_ok_and(|seen| same(&seen)) {
        return known.clone();
    }
    let mut next = || number(&mut rest).unwrap_or(0);
    // Where changes are not counted, anything but zero is no sound value to Windows.
    let count = |count: u32| if count == 0 { 0 } else { count.wrapping_add(1) };
    let (version, count, flags) = (next(), count(next()), next() | PROXY);
    // Past the texts that were there.
    for _ in 0..2 {
        text(&mut rest);
    }
    RegistryValue::new(
        RegistryKind::BINARY,
        bytes([version, count, flags], [server, bypass], rest),
    )
}

/// As Windows would write it.
pub fn write(version: u32, server: Option<&str>, bypass: &str) -> RegistryValue {
    let flags = if server.is_some() { PROXY | DIRECT } else { DIRECT };
    // A user's are counted, and have no script and room that Windows leaves empty.
    let count = u32::from(version == USERS);
    let rest: &[u8] = if version == USERS { &[0; 36] } else { &[] };
    let bytes = bytes([version, count, flags], [server.unwrap_or_default(), bypass], rest);
    RegistryValue::new(RegistryKind::BINARY, bytes)
}

fn bytes(numbers: [u32; 3], texts: [&str; 2], rest: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = numbers.into_iter().flat_map(u32::to_le_bytes).collect();
    for text in texts {
        bytes.extend(u32::try_from(text.len()).unwrap_or(0).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes.extend(rest);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaishin_proto::value::Reason;
    use proptest::prelude::*;

    #[test]
    fn what_windows_wrote_is_read() {
        // As `netsh winhttp set proxy` leaves it.
        let mut bytes = vec![0x28, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 9, 0, 0, 0];
        bytes.extend(b"proxy:808");
        bytes.extend([7, 0, 0, 0]);
        bytes.extend(b"*.a;*.b");
        let read = read(&RegistryValue::new(RegistryKind::BINARY, bytes)).unwrap();
        assert_eq!(
            (read.server.as_deref(), read.bypass.as_str()),
            (Some("proxy:808"), "*.a;*.b")
        );
    }

    #[test]
    fn a_proxy_that_is_kept_but_off_is_none() {
        assert_eq!(read(&write(0x46, None, "")).unwrap().server, None);
        let mut off = write(0x46, Some("proxy:8080"), "*.a");
        off.bytes[8] = 1;
        assert_eq!(read(&off).unwrap().server, None);
        assert_eq!(read(&write(0x46, Some("proxy:8080"), "*.a")).unwrap().bypass, "*.a");
    }

    #[test]
    fn a_proxy_is_put_in_force_and_the_rest_of_the_settings_stays() {
        let (server, bypass) = ("proxy:8080", "*.a;*.b");
        // A script beside it, which is another flag and another text.
        let mut old = write(0x46, Some("old:80"), "*.a").bytes;
        old[8] |= 4;
        let tail = old.len() - 36;
        old[tail] = 9;
        let old = RegistryValue::new(RegistryKind::BINARY, old);
        let new = through(Some(&old), 0x46, server, bypass);
        let seen = read(&new).unwrap();
        assert_eq!((seen.server.as_deref(), seen.bypass.as_str()), (Some(server), bypass));
        assert_eq!((new.bytes[4], new.bytes[8]), (2, 7));
        assert_eq!(new.bytes[new.bytes.len() - 36..], old.bytes[tail..]);
        assert_eq!(through(Some(&new), 0x46, server, bypass), new, "twice is once");
        let off = through(Some(&write(0x46, None, "")), 0x46, server, bypass);
        assert_eq!(read(&off), read(&new));
        let netsh = write(SERVICES, Some("old:80"), "*.a");
        let services = through(Some(&netsh), SERVICES, server, bypass);
        assert_eq!(services, write(SERVICES, Some(server), bypass), "never counted");
        assert_eq!(services.bytes[..12], [0x28, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0]);
        for nothing in [None, Some(RegistryValue::text("proxy"))] {
            assert_eq!(
                through(nothing.as_ref(), 0x28, server, bypass),
                write(0x28, Some(server), bypass)
            );
        }
    }

    #[test]
    fn damaged_settings_are_damaged() {
        let whole = write(0x46, Some("proxy:8080"), "*.a;*.b").bytes;
        let mut absurd = whole.clone();
        absurd[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        let mut binary = whole.clone();
        binary[17] = 0xff;
        for bytes in [vec![], whole[..11].to_vec(), whole[..30].to_vec(), absurd, binary] {
            let value = RegistryValue::new(RegistryKind::BINARY, bytes);
            assert_eq!(read(&value).unwrap_err().reason, Reason::Damaged, "{value:?}");
        }
        assert_eq!(read(&RegistryValue::text("proxy")).unwrap_err().reason, Reason::Damaged);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fall(bytes: Vec<u8>) {
            let _ = read(&RegistryValue::new(RegistryKind::BINARY, bytes));
        }
    }
}
