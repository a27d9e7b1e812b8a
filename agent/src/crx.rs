//! The browser's extension files (CRX3), read without trust: which extension this is, who signed it, which version it holds.
//! Pure. An id is a hash of the key that signed, so a file cannot claim to be another extension.

mod archive;
mod wire;

use kaishin_proto::value::Version;
use ring::signature::{self, UnparsedPublicKey};
use sha2::{Digest, Sha256};

const MAGIC: &[u8] = b"Cr24";
const SIGNED: &[u8] = b"CRX3 SignedData\0";
const RSA_PROOF: u32 = 2;
const ECDSA_PROOF: u32 = 3;
const SIGNED_DATA: u32 = 10_000;
const CRX_ID: u32 = 1;

/// Proofs, key and signature each, take some hundred bytes; a store adds two or three.
const LONGEST_HEADER: usize = 64 * 1024;
const MOST_PROOFS: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crx {
    /// 32 letters from a to p.
    pub id: String,
    pub version: Version,
    /// As the manifest has it; a translated name is a placeholder here.
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrxError {
    #[error("the file ends too early")]
    Cut,
    #[error("this is no CRX file")]
    NotCrx,
    #[error("CRX version {0} is none that can be read")]
    OtherVersion(u32),
    #[error("{0} is too large to be sound")]
    TooLarge(&'static str),
    #[error("the header is damaged: {0}")]
    Header(&'static str),
    #[error("no proof is by the key that the id stands for")]
    Stranger,
    #[error("the signature does not fit the content")]
    Signature,
    #[error("the archive is damaged: {0}")]
    Archive(&'static str),
    #[error("the manifest is damaged: {0}")]
    Manifest(String),
}

struct Proof<'a> {
    kind: u32,
    key: &'a [u8],
    signature: &'a [u8],
}

pub fn read(bytes: &[u8]) -> Result<Crx, CrxError> {
    let (head, rest) = bytes.split_at_checked(12).ok_or_else(|| short(bytes))?;
    if !head.starts_with(MAGIC) {
        return Err(CrxError::NotCrx);
    }
    match number(head, 4) {
        3 => {}
        other => return Err(CrxError::OtherVersion(other)),
    }
    let length = number(head, 8) as usize;
    if length > LONGEST_HEADER {
        return Err(CrxError::TooLarge("the header"));
    }
    let (header, content) = rest.split_at_checked(length).ok_or(CrxError::Cut)?;
    let id = proven_id(header, content)?;
    let (name, version) = manifest(&archive::member(content, "manifest.json")?)?;
    Ok(Crx { id, version, name })
}

/// The id that a key's extensions have: the hash in hexadecimal, with letters from a to p for digits.
pub fn id_of(key: &[u8]) -> String {
    let hash = Sha256::digest(key);
    letters(&hash[..16])
}

fn letters(bytes: &[u8]) -> String {
    let letter = |digit: u8| char::from(b'a' + digit);
    bytes
        .iter()
        .flat_map(|byte| [letter(byte >> 4), letter(byte & 15)])
        .collect()
}

fn short(bytes: &[u8]) -> CrxError {
    let begins = bytes.starts_with(MAGIC.get(..bytes.len()).unwrap_or(MAGIC));
    if begins { CrxError::Cut } else { CrxError::NotCrx }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    u32::from_le_bytes(four.unwrap_or_default())
}

/// Every proof must hold, and one of them must be by the key that the id is the hash of.
fn proven_id(header: &[u8], content: &[u8]) -> Result<String, CrxError> {
    let mut proofs = Vec::new();
    let mut signed = None;
    for field in wire::fields(header) {
        let (tag, value) = field?;
        match tag {
            RSA_PROOF | ECDSA_PROOF => {
                if proofs.len() == MOST_PROOFS {
                    return Err(CrxError::TooLarge("the list of proofs"));
                }
                proofs.push(proof(tag, value)?);
            }
            SIGNED_DATA => signed = Some(value),
            _ => {}
        }
    }
    let signed = signed.ok_or(CrxError::Header("it names no id"))?;
    let id = wire::first(signed, CRX_ID)?.ok_or(CrxError::Header("it names no id"))?;
    if id.len() != 16 {
        return Err(CrxError::Header("the id has another length"));
    }
    let id = letters(id);
    let message = [SIGNED, &(signed.len() as u32).to_le_bytes(), signed, content].concat();
    for proof in &proofs {
        verify(proof, &message)?;
    }
    if !proofs.iter().any(|proof| id_of(proof.key) == id) {
        return Err(CrxError::Stranger);
    }
    Ok(id)
}

fn proof(kind: u32, bytes: &[u8]) -> Result<Proof<'_>, CrxError> {
    let key = wire::first(bytes, 1)?.ok_or(CrxError::Header("a proof without its key"))?;
    let signature = wire::first(bytes, 2)?.ok_or(CrxError::Header("a proof without its signature"))?;
    Ok(Proof { kind, key, signature })
}

fn verify(proof: &Proof<'_>, message: &[u8]) -> Result<(), CrxError> {
    // Keys of long ago have 1024 bits; that such a file is what its id says is all that is claimed here.
    let algorithm: &dyn signature::VerificationAlgorithm = if proof.kind == RSA_PROOF {
        &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY
    } else {
        &signature::ECDSA_P256_SHA256_ASN1
    };
    let key = wire::bare_key(proof.key).ok_or(CrxError::Header("a key that is none"))?;
    UnparsedPublicKey::new(algorithm, key)
        .verify(message, proof.signature)
        .map_err(|_| CrxError::Signature)
}

fn manifest(bytes: &[u8]) -> Result<(String, Version), CrxError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let manifest: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|error| CrxError::Manifest(error.to_string()))?;
    let text = |name: &str| {
        manifest
            .get(name)
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
    };
    let version = Version::parse(text("version"));
    let version = version.ok_or_else(|| CrxError::Manifest("it has no version".to_owned()))?;
    Ok((text("name").to_owned(), version))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::os::sim::pack::{self, Key, pack};

    fn packed() -> Vec<u8> {
        pack(
            &Key::simulated(0),
            r#"{"name": "目視確認", "version": "2.0.0.0", "manifest_version": 3}"#,
        )
    }

    #[test]
    fn a_packed_extension_tells_its_id_version_and_name() {
        let crx = read(&packed()).unwrap();
        assert_eq!(crx.id, Key::simulated(0).id());
        assert_eq!(crx.version, Version("2.0.0.0".into()));
        assert_eq!(crx.name, "目視確認");
        assert_ne!(Key::simulated(0).id(), Key::simulated(1).id());
    }

    /// The hash of no bytes begins e3b0c442 98fc1c14 9afbf4c8 996fb924.
    #[test]
    fn an_id_is_the_hash_in_letters() {
        assert_eq!(id_of(b""), "odlameecjipmbmbejkplpemijjgpljce");
    }

    #[test]
    fn a_file_that_ends_anywhere_is_refused() {
        let whole = packed();
        for end in 0..whole.len() {
            assert!(read(&whole[..end]).is_err(), "{end} of {}", whole.len());
        }
    }

    #[test]
    fn a_file_with_one_bit_changed_is_refused() {
        let whole = packed();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(read(&changed).is_err(), "byte {at}");
        }
    }

    #[test]
    fn what_is_absurd_is_refused_with_its_reason() {
        let whole = packed();
        let with = |at: usize, number: u32| {
            let mut bytes = whole.clone();
            bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
            bytes
        };
        assert_eq!(read(b""), Err(CrxError::Cut));
        assert_eq!(read(b"PK\x03\x04 an archive"), Err(CrxError::NotCrx));
        assert_eq!(read(&with(4, 2)), Err(CrxError::OtherVersion(2)));
        assert_eq!(read(&with(8, u32::MAX)), Err(CrxError::TooLarge("the header")));
        assert_eq!(read(&with(8, 60_000)), Err(CrxError::Cut));
        assert_eq!(read(&pack::signed_by_another(0, 1)), Err(CrxError::Stranger));
        let odd = pack(&Key::simulated(0), r#"{"version": "two"}"#);
        assert_eq!(read(&odd), Err(CrxError::Manifest("it has no version".into())));
        let half = pack(&Key::simulated(0), r#"{"version": "2.0"#);
        assert!(matches!(read(&half), Err(CrxError::Manifest(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_stumble(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0usize..400) {
            let _ = read(&bytes);
            let mut whole = packed();
            for (place, byte) in whole.iter_mut().skip(at).zip(&bytes) {
                *place = *byte;
            }
            let _ = read(&whole);
            let _ = archive::member(&bytes, "manifest.json");
        }
    }
}
