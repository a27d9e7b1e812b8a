//! The authority's private keys at rest: PKCS#8, encrypted under a passphrase, readable by OpenSSL. Keys leave this file
//! only in memory.

use std::fmt;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use pkcs8::pkcs5::pbes2;
use pkcs8::pkcs5::scrypt;
use pkcs8::{EncryptedPrivateKeyInfo, LineEnding, PrivateKeyInfo, SecretDocument};
use rcgen::KeyPair;

use super::error::CaError;

const LABEL: &str = "ENCRYPTED PRIVATE KEY";
/// The file that is made when neither passphrase nor key file is configured.
const OWN_KEY_FILE: &str = "ca-passphrase";

/// What the authority's keys are encrypted under.
#[derive(Clone)]
pub struct Passphrase(Vec<u8>);

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

impl Passphrase {
    pub fn new(text: &str) -> Result<Passphrase, CaError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(CaError::EmptySecret);
        }
        Ok(Passphrase(text.as_bytes().to_vec()))
    }

    pub fn from_key_file(path: &Path) -> Result<Passphrase, CaError> {
        let text = fs::read_to_string(path).map_err(|source| file_error(path, source))?;
        Passphrase::new(&text)
    }

    /// From the configuration; with nothing configured, from a key file in the data directory, made at first use. That
    /// file protects against a stolen backup of `ca/` only, not against a stolen data directory.
    pub fn resolve(
        passphrase: Option<&str>,
        key_file: Option<&Path>,
        data_dir: &Path,
        random: &super::Random,
    ) -> Result<Passphrase, CaError> {
        if let Some(text) = passphrase {
            return Passphrase::new(text);
        }
        if let Some(path) = key_file {
            return Passphrase::from_key_file(path);
        }
        let own = data_dir.join(OWN_KEY_FILE);
        if !own.exists() {
            let mut bytes = [0u8; 32];
            random(&mut bytes);
            fs::create_dir_all(data_dir).map_err(|source| file_error(data_dir, source))?;
            write_private(&own, format!("{}\n", hex::encode(bytes)).as_bytes())?;
        }
        Passphrase::from_key_file(&own)
    }
}

/// Encrypts a key. The scrypt cost stays below the memory that OpenSSL allows by default.
pub fn lock(key: &KeyPair, passphrase: &Passphrase, random: &super::Random, path: &Path) -> Result<String, CaError> {
    let (mut salt, mut iv) = ([0u8; 16], [0u8; 16]);
    random(&mut salt);
    random(&mut iv);
    let failed = || CaError::Damaged {
        path: path.to_owned(),
        why: "encryption",
    };
    let cost = scrypt::Params::new(14, 8, 1, 32).map_err(|_| failed())?;
    let scheme = pbes2::Parameters::scrypt_aes256cbc(cost, &salt, &iv).map_err(|_| failed())?;
    let plain = PrivateKeyInfo::try_from(key.serialized_der()).map_err(|_| failed())?;
    let locked = plain.encrypt_with_params(scheme, &passphrase.0).map_err(|_| failed())?;
    let text = locked.to_pem(LABEL, LineEnding::LF).map_err(|_| failed())?;
    Ok(text.to_string())
}

pub fn unlock(path: &Path, passphrase: &Passphrase) -> Result<KeyPair, CaError> {
    let text = read(path)?;
    let damaged = || CaError::Damaged {
        path: path.to_owned(),
        why: "not an encrypted PKCS#8 key",
    };
    let locked_out = || CaError::Locked { path: path.to_owned() };
    let (label, document) = SecretDocument::from_pem(&text).map_err(|_| damaged())?;
    if label != LABEL {
        return Err(damaged());
    }
    let locked = EncryptedPrivateKeyInfo::try_from(document.as_bytes()).map_err(|_| damaged())?;
    let plain = locked.decrypt(&passphrase.0).map_err(|_| locked_out())?;
    KeyPair::from_pkcs8_der_and_sign_algo(&plain.as_bytes().into(), &rcgen::PKCS_ECDSA_P256_SHA256)
        .map_err(|_| locked_out())
}

pub fn read(path: &Path) -> Result<String, CaError> {
    fs::read_to_string(path).map_err(|source| {
        if source.kind() == std::io::ErrorKind::NotFound {
            CaError::Missing { path: path.to_owned() }
        } else {
            file_error(path, source)
        }
    })
}

/// Writes a file that only its owner may read, and waits for the disk; never over an existing one.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), CaError> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .map_err(|source| {
            if source.kind() == std::io::ErrorKind::AlreadyExists {
                CaError::Occupied { path: path.to_owned() }
            } else {
                file_error(path, source)
            }
        })
}

pub fn file_error(path: &Path, source: std::io::Error) -> CaError {
    CaError::File {
        path: PathBuf::from(path),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::samples;

    #[test]
    fn without_a_configured_secret_a_private_key_file_is_made_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = Passphrase::resolve(None, None, dir.path(), &samples::random()).expect("made");
        let again = Passphrase::resolve(None, None, dir.path(), &samples::random()).expect("read");
        assert_eq!(first.0, again.0);
        let mode = fs::metadata(dir.path().join(OWN_KEY_FILE))
            .expect("there")
            .permissions();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
        let given = Passphrase::resolve(Some("from the configuration"), None, dir.path(), &samples::random());
        assert_ne!(given.expect("given").0, first.0);
        assert!(matches!(Passphrase::new(" \n"), Err(CaError::EmptySecret)));
    }

    #[test]
    fn a_key_opens_with_its_passphrase_only() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("key.pem");
        let key = KeyPair::generate().expect("a key");
        let right = Passphrase::new("right").expect("a passphrase");
        let text = lock(&key, &right, &samples::random(), &path).expect("locked");
        assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
        write_private(&path, text.as_bytes()).expect("written");
        let opened = unlock(&path, &right).expect("opened");
        assert_eq!(opened.public_key_raw(), key.public_key_raw());
        let wrong = Passphrase::new("wrong").expect("a passphrase");
        assert!(matches!(unlock(&path, &wrong), Err(CaError::Locked { .. })));
        assert!(matches!(write_private(&path, b"x"), Err(CaError::Occupied { .. })));
    }
}
