//! One small member out of a ZIP archive. Sizes are believed only as far as there are bytes.

use super::CrxError;

const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";
const END_SIZE: usize = 22;
const LONGEST_COMMENT: usize = 65_535;
const LARGEST_MEMBER: usize = 1024 * 1024;

const CUT: CrxError = CrxError::Archive("it is cut off");

pub fn member(bytes: &[u8], wanted: &str) -> Result<Vec<u8>, CrxError> {
    let end = end_of_directory(bytes)?;
    let count = short(bytes, end + 10)?;
    let mut at = long(bytes, end + 16)?;
    for _ in 0..count {
        let entry = bytes.get(at..).filter(|entry| entry.starts_with(ENTRY));
        let entry = entry.ok_or(CrxError::Archive("its directory does not fit"))?;
        let (name, extra, comment) = (short(entry, 28)?, short(entry, 30)?, short(entry, 32)?);
        if entry.get(46..46 + name).ok_or(CUT)? == wanted.as_bytes() {
            return content(bytes, entry);
        }
        at += 46 + name + extra + comment;
    }
    Err(CrxError::Archive("it has no manifest"))
}

/// The last record, behind which only a comment may stand.
fn end_of_directory(bytes: &[u8]) -> Result<usize, CrxError> {
    let last = bytes.len().checked_sub(END_SIZE).ok_or(CUT)?;
    let first = last.saturating_sub(LONGEST_COMMENT);
    let is_end = |at: &usize| {
        let comment = short(bytes, at + 20).unwrap_or(usize::MAX);
        bytes.get(*at..).is_some_and(|rest| rest.starts_with(END)) && last - at == comment
    };
    (first..=last).rev().find(is_end).ok_or(CUT)
}

fn content(bytes: &[u8], entry: &[u8]) -> Result<Vec<u8>, CrxError> {
    let (method, packed, size) = (short(entry, 10)?, long(entry, 20)?, long(entry, 24)?);
    if short(entry, 8)? & 1 != 0 {
        return Err(CrxError::Archive("it is encrypted"));
    }
    if size > LARGEST_MEMBER || packed > LARGEST_MEMBER {
        return Err(CrxError::TooLarge("the manifest"));
    }
    let local = bytes.get(long(entry, 42)?..).filter(|local| local.starts_with(LOCAL));
    let local = local.ok_or(CrxError::Archive("its directory does not fit"))?;
    let begin = 30 + short(local, 26)? + short(local, 28)?;
    let data = local.get(begin..begin + packed).ok_or(CUT)?;
    let whole = match method {
        0 => data.to_vec(),
        8 => miniz_oxide::inflate::decompress_to_vec_with_limit(data, LARGEST_MEMBER)
            .map_err(|_| CrxError::Archive("its content cannot be unpacked"))?,
        _ => return Err(CrxError::Archive("it is packed in an unknown way")),
    };
    if whole.len() != size {
        return Err(CrxError::Archive("a size does not fit"));
    }
    Ok(whole)
}

fn short(bytes: &[u8], at: usize) -> Result<usize, CrxError> {
    let two = bytes.get(at..).and_then(|rest| rest.first_chunk::<2>()).ok_or(CUT)?;
    Ok(usize::from(u16::from_le_bytes(*two)))
}

/// Larger archives write 4294967295 here and the truth elsewhere; those end outside the bytes, and so are refused.
fn long(bytes: &[u8], at: usize) -> Result<usize, CrxError> {
    let four = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).ok_or(CUT)?;
    Ok(u32::from_le_bytes(*four) as usize)
}
