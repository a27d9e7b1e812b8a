//! As much of protocol buffers, and of DER, as the header of an extension file needs.

use super::CrxError;

/// Fields that carry bytes, by number; numbers among the fields are passed over.
pub fn fields(bytes: &[u8]) -> impl Iterator<Item = Result<(u32, &[u8]), CrxError>> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        loop {
            let now = rest.filter(|rest| !rest.is_empty())?;
            match field(now) {
                Ok((found, after)) => {
                    rest = Some(after);
                    if let Some(found) = found {
                        return Some(Ok(found));
                    }
                }
                Err(error) => {
                    rest = None;
                    return Some(Err(error));
                }
            }
        }
    })
}

/// The first field of this number.
pub fn first(bytes: &[u8], wanted: u32) -> Result<Option<&[u8]>, CrxError> {
    for field in fields(bytes) {
        let (number, value) = field?;
        if number == wanted {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

type Field<'a> = (Option<(u32, &'a [u8])>, &'a [u8]);

fn field(bytes: &[u8]) -> Result<Field<'_>, CrxError> {
    const CUT: CrxError = CrxError::Header("a field is cut off");
    let (tag, rest) = varint(bytes)?;
    let number = u32::try_from(tag >> 3).map_err(|_| CrxError::Header("a field's number is too large"))?;
    match tag & 7 {
        0 => varint(rest).map(|(_, rest)| (None, rest)),
        1 => rest.get(8..).map(|rest| (None, rest)).ok_or(CUT),
        5 => rest.get(4..).map(|rest| (None, rest)).ok_or(CUT),
        2 => {
            let (length, rest) = varint(rest)?;
            let length = usize::try_from(length).map_err(|_| CUT)?;
            let (value, rest) = rest.split_at_checked(length).ok_or(CUT)?;
            Ok((Some((number, value)), rest))
        }
        _ => Err(CrxError::Header("a field of no kind")),
    }
}

fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), CrxError> {
    let mut value = 0u64;
    for (at, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * at as u32).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Ok((value, bytes.get(at + 1..).unwrap_or_default()));
        }
    }
    Err(CrxError::Header("a number is cut off"))
}

/// The key itself out of a SubjectPublicKeyInfo: the two kinds that sign extensions, each as its algorithm wants it.
pub fn bare_key(info: &[u8]) -> Option<&[u8]> {
    let (inside, rest) = element(info, 0x30)?;
    let (_, after) = element(inside, 0x30)?;
    let (bits, end) = element(after, 0x03)?;
    // The first byte counts the bits that do not belong to it.
    let (unused, key) = bits.split_first()?;
    (rest.is_empty() && end.is_empty() && *unused == 0).then_some(key)
}

fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81 => rest.split_first().map(|(one, rest)| (usize::from(*one), rest))?,
        0x82 => {
            let (two, rest) = rest.split_at_checked(2)?;
            (usize::from(two[0]) << 8 | usize::from(two[1]), rest)
        }
        _ => return None,
    };
    (*found == tag).then(|| rest.split_at_checked(length)).flatten()
}
