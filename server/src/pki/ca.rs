//! The certificate authority of one installation: a root that agents pin and that can be taken offline, and an issuing
//! authority under it whose key stays, encrypted, on the server.

use std::fs;
use std::path::{Path, PathBuf};

use kaishin_proto::time::{Span, Time};
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::error::CaError;
use super::secret::{self, Passphrase, file_error};
use super::{KeyHash, Random, key_hash};

const ROOT_LIFE: Span = Span::days(3_653);
const ISSUING_LIFE: Span = Span::days(730);
/// Certificates begin a little in the past, for clocks that are behind.
pub(super) const BACKDATED: Span = Span::hours(1);

const ROOT: &str = "root.pem";
const ROOT_KEY: &str = "root.key.pem";
const ISSUING: &str = "issuing.pem";
const ISSUING_KEY: &str = "issuing.key.pem";

pub struct Ca {
    dir: PathBuf,
    trust_domain: String,
    root: CertificateDer<'static>,
    issuing: CertificateDer<'static>,
    pub(super) issuer: Issuer<'static, KeyPair>,
    issuing_until: Time,
    root_until: Time,
    pin: KeyHash,
    pub(super) random: Random,
}

/// What `kaishin ca status` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaStatus {
    pub pin: String,
    pub trust_domain: String,
    pub root_until: Time,
    pub issuing_until: Time,
    /// False once the root's key was taken offline.
    pub root_key_here: bool,
}

impl Ca {
    /// Opens the authority in `<data>/ca`, or makes it on the very first start. A directory that is there but incomplete
    /// is an error: a new root would lock out every terminal.
    pub fn open_or_create(
        data_dir: &Path,
        passphrase: &Passphrase,
        trust_domain: &str,
        now: Time,
        random: Random,
    ) -> Result<Ca, CaError> {
        check_trust_domain(trust_domain)?;
        let dir = data_dir.join("ca");
        if !dir.exists() {
            create(&dir, passphrase, trust_domain, now, &random)?;
        }
        Ca::open(dir, passphrase, trust_domain, random)
    }

    fn open(dir: PathBuf, passphrase: &Passphrase, trust_domain: &str, random: Random) -> Result<Ca, CaError> {
        let (root_path, issuing_path, key_path) = (dir.join(ROOT), dir.join(ISSUING), dir.join(ISSUING_KEY));
        let root = read_certificate(&root_path)?;
        let issuing = read_certificate(&issuing_path)?;
        let (root_seen, issuing_seen) = (parse(&root, &root_path)?, parse(&issuing, &issuing_path)?);
        verify_signature(&root_seen, &root_seen, &root_path)?;
        verify_signature(&issuing_seen, &root_seen, &issuing_path)?;
        let made_for = trust_domain_of(&issuing_seen).ok_or(CaError::Damaged {
            path: issuing_path.clone(),
            why: "it names no trust domain",
        })?;
        if made_for != trust_domain {
            return Err(CaError::OtherTrustDomain {
                made_for,
                configured: trust_domain.to_owned(),
            });
        }
        let key = secret::unlock(&key_path, passphrase)?;
        if key.subject_public_key_info() != issuing_seen.public_key().raw {
            return Err(CaError::Damaged {
                path: key_path,
                why: "it is not the issuing certificate's key",
            });
        }
        let pin = key_hash(root_seen.public_key().raw);
        let (root_until, issuing_until) = (not_after(&root_seen), not_after(&issuing_seen));
        Ok(Ca {
            issuer: Issuer::from_ca_cert_der(&issuing, key)?,
            dir,
            trust_domain: trust_domain.to_owned(),
            root,
            issuing,
            issuing_until,
            root_until,
            pin,
            random,
        })
    }

    /// The CA pin: SHA-256 of the root's public key, in hex. Installers carry it.
    pub fn pin(&self) -> String {
        hex::encode(self.pin)
    }

    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    pub fn root(&self) -> &CertificateDer<'static> {
        &self.root
    }

    pub fn issuing(&self) -> &CertificateDer<'static> {
        &self.issuing
    }

    pub(super) fn issuing_until(&self) -> Time {
        self.issuing_until
    }

    pub fn status(&self) -> CaStatus {
        CaStatus {
            pin: self.pin(),
            trust_domain: self.trust_domain.clone(),
            root_until: self.root_until,
            issuing_until: self.issuing_until,
            root_key_here: self.dir.join(ROOT_KEY).exists(),
        }
    }

    /// Moves the root's encrypted key to a place that an operator then takes offline. The server goes on without it.
    pub fn detach_root(&self, to: &Path) -> Result<(), CaError> {
        let from = self.dir.join(ROOT_KEY);
        if !from.exists() {
            return Err(CaError::RootAway);
        }
        let text = secret::read(&from)?;
        secret::write_private(to, text.as_bytes())?;
        // Only after the copy is on its disk.
        fs::remove_file(&from).map_err(|source| file_error(&from, source))?;
        sync_directory(&self.dir)
    }
}

/// Makes everything in a directory beside and renames it, so that a crash leaves either nothing or all of it.
fn create(dir: &Path, passphrase: &Passphrase, trust_domain: &str, now: Time, random: &Random) -> Result<(), CaError> {
    let new = dir.with_extension("new");
    if new.exists() {
        fs::remove_dir_all(&new).map_err(|source| file_error(&new, source))?;
    }
    fs::create_dir_all(&new).map_err(|source| file_error(&new, source))?;
    let (root_key, issuing_key) = (KeyPair::generate()?, KeyPair::generate()?);
    let root_params = authority(
        "Kaishin root",
        trust_domain,
        BasicConstraints::Constrained(1),
        now,
        ROOT_LIFE,
        random,
    )?;
    let root = root_params.self_signed(&root_key)?;
    let root_issuer = Issuer::from_params(&root_params, &root_key);
    let issuing = authority(
        "Kaishin issuing",
        trust_domain,
        BasicConstraints::Constrained(0),
        now,
        ISSUING_LIFE,
        random,
    )?
    .signed_by(&issuing_key, &root_issuer)?;
    for (name, text) in [
        (ROOT, root.pem()),
        (ISSUING, issuing.pem()),
        (
            ROOT_KEY,
            secret::lock(&root_key, passphrase, random, &new.join(ROOT_KEY))?,
        ),
        (
            ISSUING_KEY,
            secret::lock(&issuing_key, passphrase, random, &new.join(ISSUING_KEY))?,
        ),
    ] {
        secret::write_private(&new.join(name), text.as_bytes())?;
    }
    sync_directory(&new)?;
    fs::rename(&new, dir).map_err(|source| file_error(dir, source))?;
    dir.parent().map_or(Ok(()), sync_directory)
}

fn authority(
    name: &str,
    trust_domain: &str,
    path: BasicConstraints,
    now: Time,
    life: Span,
    random: &Random,
) -> Result<CertificateParams, CaError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, trust_domain);
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = vec![SanType::URI(uri(&format!("spiffe://{trust_domain}"))?)];
    params.is_ca = IsCa::Ca(path);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.serial_number = Some(serial(random));
    params.use_authority_key_identifier_extension = true;
    set_validity(&mut params, now - BACKDATED, now + life);
    Ok(params)
}

pub(super) fn uri(text: &str) -> Result<Ia5String, CaError> {
    Ia5String::try_from(text).map_err(|_| CaError::BadTrustDomain(text.to_owned()))
}

/// Sixteen random bytes; the first bits keep it positive and of full length.
pub(super) fn serial(random: &Random) -> SerialNumber {
    let mut bytes = [0u8; 16];
    random(&mut bytes);
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}

pub(super) fn set_validity(params: &mut CertificateParams, from: Time, until: Time) {
    let moment = |at: Time| rcgen::date_time_ymd(1970, 1, 1) + Span(at.micros()).as_duration();
    params.not_before = moment(from);
    params.not_after = moment(until);
}

fn read_certificate(path: &Path) -> Result<CertificateDer<'static>, CaError> {
    let text = secret::read(path)?;
    CertificateDer::from_pem_slice(text.as_bytes()).map_err(|_| CaError::Damaged {
        path: path.to_owned(),
        why: "not a PEM certificate",
    })
}

fn parse<'a>(der: &'a CertificateDer<'_>, path: &Path) -> Result<X509Certificate<'a>, CaError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) | Err(_) => Err(CaError::Damaged {
            path: path.to_owned(),
            why: "not a certificate",
        }),
    }
}

fn verify_signature(subject: &X509Certificate<'_>, by: &X509Certificate<'_>, path: &Path) -> Result<(), CaError> {
    subject
        .verify_signature(Some(by.public_key()))
        .map_err(|_| CaError::Damaged {
            path: path.to_owned(),
            why: "the root did not sign it",
        })
}

fn trust_domain_of(certificate: &X509Certificate<'_>) -> Option<String> {
    let names = certificate.subject_alternative_name().ok()??;
    let [GeneralName::URI(uri)] = names.value.general_names.as_slice() else {
        return None;
    };
    uri.strip_prefix("spiffe://").map(str::to_owned)
}

fn not_after(certificate: &X509Certificate<'_>) -> Time {
    Time(certificate.validity().not_after.timestamp().saturating_mul(1_000_000))
}

fn check_trust_domain(text: &str) -> Result<(), CaError> {
    let label = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if text.len() <= 128 && text.split('.').all(label) {
        Ok(())
    } else {
        Err(CaError::BadTrustDomain(text.to_owned()))
    }
}

fn sync_directory(dir: &Path) -> Result<(), CaError> {
    fs::File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|source| file_error(dir, source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::samples::{self, NOW};

    fn open(dir: &Path, passphrase: &str) -> Result<Ca, CaError> {
        let passphrase = Passphrase::new(passphrase).expect("not empty");
        Ca::open_or_create(dir, &passphrase, "kaishin.local", NOW, samples::random())
    }

    #[test]
    fn the_first_start_makes_the_authority_and_the_next_finds_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let made = open(dir.path(), "p").expect("made");
        let again = open(dir.path(), "p").expect("opened");
        assert_eq!(made.pin(), again.pin());
        assert_eq!(made.pin().len(), 64);
        let status = again.status();
        assert!(status.root_key_here);
        assert_eq!(status.issuing_until, NOW + ISSUING_LIFE);
        assert_eq!(status.root_until, NOW + ROOT_LIFE);
    }

    #[test]
    fn the_pin_is_the_hash_of_the_roots_public_key() {
        let ca = samples::ca();
        let (_, root) = X509Certificate::from_der(ca.root()).expect("a certificate");
        assert_eq!(ca.pin(), hex::encode(key_hash(root.public_key().raw)));
        let constraints = |der: &CertificateDer<'_>| {
            let (_, seen) = X509Certificate::from_der(der).expect("a certificate");
            let basic = seen
                .basic_constraints()
                .expect("readable")
                .expect("there")
                .value
                .clone();
            (basic.ca, basic.path_len_constraint)
        };
        assert_eq!(constraints(ca.root()), (true, Some(1)));
        assert_eq!(constraints(ca.issuing()), (true, Some(0)));
    }

    #[test]
    fn a_wrong_passphrase_or_an_altered_file_is_told_apart_and_nothing_is_made_anew() {
        let dir = tempfile::tempdir().expect("a directory");
        let made = open(dir.path(), "right").expect("made");
        let code = |result: Result<Ca, CaError>| result.err().map(|error| error.code());
        assert_eq!(code(open(dir.path(), "wrong")), Some("E-CA-03"));

        let ca = dir.path().join("ca");
        let key = fs::read_to_string(ca.join(ISSUING_KEY)).expect("there");
        let middle = key.len() / 2;
        let flipped = if &key[middle..=middle] == "A" { "B" } else { "A" };
        let tampered = format!("{}{flipped}{}", &key[..middle], &key[middle + 1..]);
        fs::write(ca.join(ISSUING_KEY), tampered).expect("written");
        assert!(matches!(code(open(dir.path(), "right")), Some("E-CA-03" | "E-CA-04")));

        fs::copy(ca.join(ROOT_KEY), ca.join(ISSUING_KEY)).expect("copied");
        assert_eq!(code(open(dir.path(), "right")), Some("E-CA-04"));
        fs::remove_file(ca.join(ISSUING_KEY)).expect("removed");
        assert_eq!(code(open(dir.path(), "right")), Some("E-CA-02"));
        fs::write(ca.join(ISSUING_KEY), key).expect("restored");

        let other = tempfile::tempdir().expect("a directory");
        open(other.path(), "right").expect("another authority");
        fs::copy(other.path().join("ca").join(ROOT), ca.join(ROOT)).expect("swapped");
        assert_eq!(code(open(dir.path(), "right")), Some("E-CA-04"));
        assert_eq!(made.pin().len(), 64);
    }

    #[test]
    fn an_authority_serves_the_trust_domain_it_was_made_for() {
        let dir = tempfile::tempdir().expect("a directory");
        open(dir.path(), "p").expect("made");
        let other = Ca::open_or_create(
            dir.path(),
            &Passphrase::new("p").expect("not empty"),
            "other.example",
            NOW,
            samples::random(),
        );
        assert!(matches!(other, Err(CaError::OtherTrustDomain { .. })));
        for bad in ["", "UPPER", "a..b", "a/b", "-a"] {
            assert!(check_trust_domain(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_root_key_can_leave_and_the_server_goes_on() {
        let dir = tempfile::tempdir().expect("a directory");
        let ca = open(dir.path(), "p").expect("made");
        let outside = tempfile::tempdir().expect("a directory");
        let stick = outside.path().join("root.key.pem");
        ca.detach_root(&stick).expect("detached");
        assert!(stick.exists());
        assert!(!open(dir.path(), "p").expect("opened").status().root_key_here);
        assert!(matches!(ca.detach_root(&stick), Err(CaError::RootAway)));
        secret::unlock(&stick, &Passphrase::new("p").expect("not empty")).expect("still the root's key");
    }

    #[test]
    fn a_crash_while_making_leaves_nothing_that_counts() {
        let dir = tempfile::tempdir().expect("a directory");
        let half = dir.path().join("ca.new");
        fs::create_dir_all(&half).expect("made");
        fs::write(half.join(ROOT), "half").expect("written");
        open(dir.path(), "p").expect("made whole");
        assert!(!half.exists());
    }
}
