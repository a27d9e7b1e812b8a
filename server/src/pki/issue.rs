//! Certificates for terminals. From a request only the public key is taken; every other word of the certificate is ours.

use kaishin_proto::id::TerminalId;
use kaishin_proto::time::{Span, Time};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, PublicKeyData,
    SanType, SubjectPublicKeyInfo,
};
use x509_parser::prelude::{FromDer, X509CertificationRequest};

use super::ca::{self, Ca};
use super::error::{CaError, CsrRefused};
use super::{KeyHash, key_hash};

/// How long a terminal's certificate lives.
pub const TERMINAL_CERTIFICATE: Span = Span::days(30);

/// A request of a terminal is well below this.
const MAX_CSR: usize = 4 * 1024;
const EC_PUBLIC_KEY: &[u64] = &[1, 2, 840, 10045, 2, 1];
const ECDSA_SHA256: &[u64] = &[1, 2, 840, 10045, 4, 3, 2];
const UNCOMPRESSED: u8 = 0x04;

/// The public key that a terminal proved to hold.
#[derive(Clone, Debug)]
pub struct DeviceKey {
    key: SubjectPublicKeyInfo,
    spki_der: Vec<u8>,
}

impl DeviceKey {
    /// Checks a PKCS#10 request: P-256, and signed with the key it names.
    pub fn from_csr(der: &[u8]) -> Result<DeviceKey, CsrRefused> {
        if der.len() > MAX_CSR {
            return Err(CsrRefused::Malformed);
        }
        let (rest, request) = X509CertificationRequest::from_der(der).map_err(|_| CsrRefused::Malformed)?;
        if !rest.is_empty() {
            return Err(CsrRefused::Malformed);
        }
        let subject = &request.certification_request_info.subject_pki;
        let is = |oid: &x509_parser::oid_registry::Oid<'_>, arcs: &[u64]| {
            oid.iter().is_some_and(|seen| seen.eq(arcs.iter().copied()))
        };
        if !is(&subject.algorithm.algorithm, EC_PUBLIC_KEY) || !is(&request.signature_algorithm.algorithm, ECDSA_SHA256)
        {
            return Err(CsrRefused::KeyKind);
        }
        // The rebuilt form is canonical, so that one key has one hash.
        let key = SubjectPublicKeyInfo::from_der(subject.raw).map_err(|_| CsrRefused::KeyKind)?;
        let point = key.der_bytes();
        if key.algorithm() != &rcgen::PKCS_ECDSA_P256_SHA256 || point.len() != 65 || point[0] != UNCOMPRESSED {
            return Err(CsrRefused::KeyKind);
        }
        request.verify_signature().map_err(|_| CsrRefused::Signature)?;
        let spki_der = key.subject_public_key_info();
        Ok(DeviceKey { key, spki_der })
    }

    pub fn from_spki(spki_der: &[u8]) -> Result<DeviceKey, CsrRefused> {
        let key = SubjectPublicKeyInfo::from_der(spki_der).map_err(|_| CsrRefused::KeyKind)?;
        if key.algorithm() != &rcgen::PKCS_ECDSA_P256_SHA256 {
            return Err(CsrRefused::KeyKind);
        }
        let spki_der = key.subject_public_key_info();
        Ok(DeviceKey { key, spki_der })
    }

    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    pub fn hash(&self) -> KeyHash {
        key_hash(&self.spki_der)
    }
}

/// A certificate with what is above it.
#[derive(Clone, Debug)]
pub struct Issued {
    /// DER, leaf first, root last.
    pub chain: Vec<Vec<u8>>,
    pub serial: String,
    pub not_after: Time,
}

impl Ca {
    pub fn issue_terminal(&self, key: &DeviceKey, terminal: TerminalId, now: Time) -> Result<Issued, CaError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, terminal.to_string());
        let name = format!("spiffe://{}/terminal/{terminal}", self.trust_domain());
        params.subject_alt_names = vec![SanType::URI(ca::uri(&name)?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params, &key.key, TERMINAL_CERTIFICATE, now)
    }

    /// Every leaf goes through here: no authority, signatures only, never beyond the issuer's own end.
    pub(super) fn issue(
        &self,
        mut params: CertificateParams,
        key: &impl PublicKeyData,
        life: Span,
        now: Time,
    ) -> Result<Issued, CaError> {
        if now >= self.issuing_until() {
            return Err(CaError::IssuingExpired);
        }
        let serial = ca::serial(&self.random);
        let not_after = (now + life).min(self.issuing_until());
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(serial.clone());
        ca::set_validity(&mut params, now - ca::BACKDATED, not_after);
        let leaf = params.signed_by(key, &self.issuer)?;
        Ok(Issued {
            chain: vec![leaf.der().to_vec(), self.issuing().to_vec(), self.root().to_vec()],
            serial: hex::encode(serial.to_bytes()),
            not_after,
        })
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, KeyPair};
    use x509_parser::prelude::{GeneralName, X509Certificate};

    use super::*;
    use crate::pki::samples::{self, NOW};

    /// `openssl req -new -newkey rsa:2048 -nodes -subj /CN=x -outform DER`, in hex.
    const RSA_REQUEST: &str = include_str!("samples/rsa-request.hex");

    #[test]
    fn a_terminal_gets_a_client_certificate_with_its_own_name_for_thirty_days() {
        let ca = samples::ca();
        let key = KeyPair::generate().expect("a key");
        let device = DeviceKey::from_csr(&samples::csr(&key)).expect("sound");
        let issued = ca.issue_terminal(&device, samples::terminal(7), NOW).expect("issued");
        assert_eq!(issued.chain.len(), 3);
        let (_, leaf) = X509Certificate::from_der(&issued.chain[0]).expect("a certificate");
        assert_eq!(leaf.public_key().raw, device.spki_der());
        assert_eq!(device.spki_der(), key.subject_public_key_info());
        assert_eq!(
            leaf.validity().not_after.timestamp(),
            (NOW + Span::days(30)).micros() / 1_000_000
        );
        assert_eq!(
            leaf.validity().not_before.timestamp(),
            (NOW - Span::hours(1)).micros() / 1_000_000
        );
        let names = leaf.subject_alternative_name().expect("readable").expect("there");
        let expected = format!("spiffe://kaishin.local/terminal/{}", samples::terminal(7));
        assert_eq!(names.value.general_names, vec![GeneralName::URI(&expected)]);
        let again = ca.issue_terminal(&device, samples::terminal(7), NOW).expect("issued");
        assert_ne!(again.serial, issued.serial);
    }

    #[test]
    fn nothing_that_a_request_asks_for_reaches_the_certificate_except_its_key() {
        let ca = samples::ca();
        let key = KeyPair::generate().expect("a key");
        let mut greedy = CertificateParams::new(vec!["kaishin-agents".to_owned()]).expect("parameters");
        let other = format!("spiffe://kaishin.local/terminal/{}", samples::terminal(9));
        greedy
            .subject_alt_names
            .push(SanType::URI(ca::uri(&other).expect("a name")));
        greedy.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        greedy.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        greedy.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let request = greedy.serialize_request(&key).expect("a request");
        let device = DeviceKey::from_csr(request.der()).expect("the key is fine");
        let issued = ca.issue_terminal(&device, samples::terminal(7), NOW).expect("issued");
        let (_, leaf) = X509Certificate::from_der(&issued.chain[0]).expect("a certificate");
        assert!(!leaf.is_ca());
        let names = &leaf
            .subject_alternative_name()
            .expect("readable")
            .expect("there")
            .value
            .general_names;
        assert_eq!(names.len(), 1);
        assert!(!format!("{names:?}").contains(&samples::terminal(9).to_string()));
        let usage = leaf.key_usage().expect("readable").expect("there").value;
        assert!(usage.digital_signature() && !usage.key_cert_sign());
        let purpose = leaf.extended_key_usage().expect("readable").expect("there").value;
        assert!(purpose.client_auth && !purpose.server_auth && !purpose.any);
    }

    #[test]
    fn a_request_without_proof_of_its_key_is_refused() {
        let (mine, theirs) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
        let mut request = samples::csr(&mine);
        let place = request
            .windows(65)
            .position(|bytes| bytes == mine.public_key_raw())
            .expect("the key stands in it");
        request[place..place + 65].copy_from_slice(theirs.public_key_raw());
        assert_eq!(DeviceKey::from_csr(&request).err(), Some(CsrRefused::Signature));
        let mut bent = samples::csr(&mine);
        let last = bent.len() - 1;
        bent[last] ^= 1;
        assert_eq!(DeviceKey::from_csr(&bent).err(), Some(CsrRefused::Signature));
    }

    #[test]
    fn keys_of_another_kind_and_noise_are_refused() {
        let other = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).expect("a key");
        assert_eq!(
            DeviceKey::from_csr(&samples::csr(&other)).err(),
            Some(CsrRefused::KeyKind)
        );
        let edwards = KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
        assert_eq!(
            DeviceKey::from_csr(&samples::csr(&edwards)).err(),
            Some(CsrRefused::KeyKind)
        );
        let rsa = hex::decode(RSA_REQUEST.trim()).expect("hex");
        assert_eq!(DeviceKey::from_csr(&rsa).err(), Some(CsrRefused::KeyKind));
        assert_eq!(DeviceKey::from_csr(b"noise").err(), Some(CsrRefused::Malformed));
        let mut long = samples::csr(&KeyPair::generate().expect("a key"));
        long.push(0);
        assert_eq!(DeviceKey::from_csr(&long).err(), Some(CsrRefused::Malformed));
        assert_eq!(
            DeviceKey::from_csr(&vec![0x30; 70_000]).err(),
            Some(CsrRefused::Malformed)
        );
    }

    #[test]
    fn no_certificate_outlives_the_authority() {
        let ca = samples::ca();
        let device = DeviceKey::from_csr(&samples::csr(&KeyPair::generate().expect("a key"))).expect("sound");
        let late = ca.issuing_until() - Span::days(3);
        let issued = ca.issue_terminal(&device, samples::terminal(1), late).expect("issued");
        assert_eq!(issued.not_after, ca.issuing_until());
        let over = ca.issue_terminal(&device, samples::terminal(1), ca.issuing_until());
        assert!(matches!(over, Err(CaError::IssuingExpired)));
    }
}
