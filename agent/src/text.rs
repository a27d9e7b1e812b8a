//! Small text files whose encoding nobody has written down: what Japanese software leaves on a disk is UTF-8, UTF-16 or CP932.
//! Pure.

/// `None` where it is text in none of the three. Without the mark at its beginning; lines as they are.
pub fn decode(bytes: &[u8]) -> Option<String> {
    let text = if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        String::from_utf8(rest.to_vec()).ok()
    } else if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        utf16(rest, u16::from_le_bytes)
    } else if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        utf16(rest, u16::from_be_bytes)
    } else if let Ok(text) = std::str::from_utf8(bytes).map(str::to_owned) {
        // UTF-16 of Latin letters is sound UTF-8 too, with a NUL for every other letter.
        if text.contains('\0') {
            unmarked_utf16(bytes)
        } else {
            Some(text)
        }
    } else {
        unmarked_utf16(bytes).or_else(|| cp932(bytes))
    };
    text.filter(|text| !text.chars().any(is_odd))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    String::from_utf16(&units).ok()
}

/// Windows' own order. Only where a plain letter, a digit or a line's end gives it away.
fn unmarked_utf16(bytes: &[u8]) -> Option<String> {
    let plain = bytes.chunks_exact(2).any(|pair| pair[1] == 0 && pair[0].is_ascii());
    plain.then(|| utf16(bytes, u16::from_le_bytes)).flatten()
}

fn cp932(bytes: &[u8]) -> Option<String> {
    let text = encoding_rs::SHIFT_JIS.decode_without_bom_handling_and_without_replacement(bytes)?;
    Some(text.into_owned())
}

/// No text file holds these.
fn is_odd(c: char) -> bool {
    c.is_control() && !matches!(c, '\r' | '\n' | '\t' | '\x1a')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_encodings_in_use_are_told_apart() {
        let text = "状態: 再起動待ち\r\nVersion=2.0.1\r\n";
        let wide = |order: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(order).collect() };
        let (cp932, _, _) = encoding_rs::SHIFT_JIS.encode(text);
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            [b"\xff\xfe".to_vec(), wide(u16::to_le_bytes)].concat(),
            [b"\xfe\xff".to_vec(), wide(u16::to_be_bytes)].concat(),
            wide(u16::to_le_bytes),
            cp932.into_owned(),
        ] {
            assert_eq!(decode(&bytes).as_deref(), Some(text), "{bytes:?}");
        }
        let latin: Vec<u8> = "2.3.0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(&latin).as_deref(), Some("2.3.0"));
        assert_eq!(decode(b"").as_deref(), Some(""));
    }

    #[test]
    fn what_is_no_text_is_none() {
        for bytes in [
            b"\xff\xfe2".as_slice(),
            b"\xff\xfe\x00\xd8",
            b"\xef\xbb\xbf\xff",
            b"\x8d\xc4\x8b\xff",
            b"MZ\x90\0\x03\0\0\0",
            b"\0\0\0\0",
        ] {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_stumble(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes);
        }
    }
}
