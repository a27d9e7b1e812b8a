//! The form in which Windows keeps a connection's proxy as one value, `DefaultConnectionSettings` for a user and
//! `WinHttpSettings` for the machine's services: numbers of 32 bits, texts behind their lengths.

use crate::os::{OsError, Read, RegistryKind, RegistryValue};

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

/// As Windows would write it.
pub fn write(version: u32, server: Option<&str>, bypass: &str) -> RegistryValue {
    let flags = if server.is_some() { PROXY | 1 } else { 1 };
    let mut bytes = Vec::new();
    for number in [version, 1, flags] {
        bytes.extend(u32::to_le_bytes(number));
    }
    for text in [server.unwrap_or_default(), bypass] {
        bytes.extend(u32::try_from(text.len()).unwrap_or(0).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    // No script, and room that Windows leaves empty.
    bytes.extend([0; 36]);
    RegistryValue::new(RegistryKind::BINARY, bytes)
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
