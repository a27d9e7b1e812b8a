//! A certificate as Windows keeps it, in the registry and in a profile's files alike: records of {property, 1, length, data},
//! among them the certificate itself and where its key is said to be. The key is elsewhere, and is never looked for.

use kaishin_proto::time::Time;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::os::{OsError, Read};

/// `CERT_CERT_PROP_ID`: the certificate, DER.
const CERTIFICATE: u32 = 32;
/// `CERT_KEY_PROV_INFO_PROP_ID`: whose key, by container and provider.
const KEY_PROVIDER: u32 = 2;
/// A certificate is about a kilobyte.
const LONGEST: usize = 256 * 1024;
const MOST_RECORDS: usize = 64;
/// Bytes of `CRYPT_KEY_PROV_INFO` before its texts, pointers as offsets of 32 bits.
const KEY_HEADER: usize = 28;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-1 of the certificate, in capital hexadecimal digits, as Windows shows it.
    pub thumbprint: String,
    pub subject: String,
    pub issuer: String,
    pub valid_from: Time,
    pub expires: Time,
    /// The name of the container that holds its key; `None`: it has none.
    pub key: Option<String>,
}

pub fn read(blob: &[u8]) -> Read<Certificate> {
    let damaged = |what: &str| OsError::damaged(format!("a certificate of {} bytes {what}", blob.len()));
    if blob.len() > LONGEST {
        return Err(damaged("is too long"));
    }
    let (mut der, mut key) = (None, None);
    let mut rest = blob;
    for _ in 0..MOST_RECORDS {
        let Some((header, tail)) = rest.split_first_chunk::<12>() else {
            break;
        };
        let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (property, length) = (word(0), word(8));
        let length = usize::try_from(length).map_err(|_| damaged("claims too much"))?;
        let (data, tail) = tail
            .split_at_checked(length)
            .ok_or_else(|| damaged("ends in the middle of a record"))?;
        rest = tail;
        if property == CERTIFICATE {
            der = Some(data);
        } else if property == KEY_PROVIDER {
            key = Some(container(data).ok_or_else(|| damaged("names its key in no sound way"))?);
        }
    }
    if !rest.is_empty() {
        return Err(damaged("has something behind its records"));
    }
    let der = der.ok_or_else(|| damaged("has no certificate in it"))?;
    certificate(der, key.filter(|name| !name.is_empty())).ok_or_else(|| damaged("holds no sound certificate"))
}

fn container(data: &[u8]) -> Option<String> {
    let (offset, _) = data.get(..KEY_HEADER)?.split_first_chunk::<4>()?;
    let text = data.get(usize::try_from(u32::from_le_bytes(*offset)).ok()?..)?;
    let (pairs, _) = text.as_chunks::<2>();
    let units: Vec<u16> = pairs
        .iter()
        .map(|pair| u16::from_le_bytes(*pair))
        .take_while(|unit| *unit != 0)
        .collect();
    String::from_utf16(&units).ok()
}

fn certificate(der: &[u8], key: Option<String>) -> Option<Certificate> {
    let (rest, parsed) = X509Certificate::from_der(der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let common_name = |name: &x509_parser::x509::X509Name<'_>| {
        let name = name.iter_common_name().last()?.as_str().ok()?;
        Some(name.trim().to_owned())
    };
    let time = |seconds: i64| seconds.checked_mul(1_000_000).map(Time);
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, der);
    Some(Certificate {
        thumbprint: hex::encode_upper(digest.as_ref()),
        subject: common_name(parsed.subject()).unwrap_or_default(),
        issuer: common_name(parsed.issuer()).unwrap_or_default(),
        valid_from: time(parsed.validity().not_before.timestamp())?,
        expires: time(parsed.validity().not_after.timestamp())?,
        key,
    })
}

/// As Windows would write it.
pub fn write(der: &[u8], container: Option<&str>) -> Vec<u8> {
    let mut blob = Vec::new();
    let mut record = |property: u32, data: &[u8]| {
        for number in [property, 1, u32::try_from(data.len()).unwrap_or(u32::MAX)] {
            blob.extend(number.to_le_bytes());
        }
        blob.extend(data);
    };
    if let Some(container) = container {
        let text = |text: &str| -> Vec<u8> { text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect() };
        let (name, provider) = (
            text(container),
            text("Microsoft Enhanced RSA and AES Cryptographic Provider"),
        );
        let offsets = [KEY_HEADER, KEY_HEADER + name.len()];
        // Where the two texts are, the provider's kind, no flags, no parameters, a key for exchange.
        let numbers = [offsets[0] as u32, offsets[1] as u32, 24, 0, 0, 0, 1];
        let header: Vec<u8> = numbers.into_iter().flat_map(u32::to_le_bytes).collect();
        record(KEY_PROVIDER, &[header, name, provider].concat());
    }
    record(CERTIFICATE, der);
    blob
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaishin_proto::value::Reason;
    use proptest::prelude::*;

    /// Made by OpenSSL 3: `openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial 0x5A5A5A5A11223344 -outform DER`.
    const OPENSSL: &[u8] = include_bytes!("../../os/sim/site/certificate.der");
    /// What `openssl x509 -fingerprint` says of it.
    const FINGERPRINT: &str = "2D:0F:FE:AC:C7:E8:E9:42:5A:41:A9:A7:28:2A:BF:BA:EB:87:8A:FB";

    #[test]
    fn a_certificate_made_by_openssl_is_read_as_openssl_reads_it() {
        let read = read(&write(OPENSSL, Some("{8A1B}"))).unwrap();
        assert_eq!(read.thumbprint, FINGERPRINT.replace(':', ""));
        assert_eq!(read.issuer, "Online Billing NW Common Root CA");
        assert_eq!(read.subject, "1310000000");
        assert_eq!(read.valid_from.rfc3339(), "2026-11-21T06:52:50Z");
        assert_eq!(read.expires.rfc3339(), "2029-11-20T06:52:50Z");
        assert_eq!(read.key.as_deref(), Some("{8A1B}"));
    }

    #[test]
    fn a_certificate_without_a_word_of_its_key_has_none() {
        assert_eq!(read(&write(OPENSSL, None)).unwrap().key, None);
        assert_eq!(read(&write(OPENSSL, Some(""))).unwrap().key, None);
    }

    #[test]
    fn a_damaged_blob_is_damaged() {
        let whole = write(OPENSSL, Some("{8A1B}"));
        let mut absurd = whole.clone();
        absurd[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        let mut far = whole.clone();
        far[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        let trailing = [whole.clone(), vec![0; 5]].concat();
        let key_alone = write(OPENSSL, Some("x")).split_at(12 + 28).0.to_vec();
        for blob in [
            vec![],
            whole[..11].to_vec(),
            whole[..whole.len() - 1].to_vec(),
            write(&OPENSSL[..400], None),
            write(&[OPENSSL, b"x"].concat(), None),
            vec![0; LONGEST + 1],
            absurd,
            far,
            trailing,
            key_alone,
        ] {
            assert_eq!(
                read(&blob).map_err(|error| error.reason),
                Err(Reason::Damaged),
                "{} bytes",
                blob.len()
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fall(bytes: Vec<u8>, at in 0..1_100usize, to: u8) {
            let _ = read(&bytes);
            let mut blob = write(OPENSSL, Some("{8A1B}"));
            let at = at.min(blob.len() - 1);
            blob[at] = to;
            let _ = read(&blob);
        }
    }
}
