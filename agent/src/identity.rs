//! Who this terminal is: the device key that never leaves it, the certificate that the server gave it, and the pin by
//! which it knows the server.

use std::str::FromStr;

use kaishin_proto::time::Time;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::core::Identity;

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("the device key is damaged: {0}")]
    Key(#[from] rcgen::Error),
    #[error("the certificate is damaged or not for this terminal: {0}")]
    Certificate(&'static str),
    #[error("a CA pin is 64 hexadecimal characters")]
    Pin,
}

/// SHA-256 of the root's SubjectPublicKeyInfo: what an installer carries so that the agent trusts one server and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl Pin {
    pub fn is_of(&self, certificate: &CertificateDer<'_>) -> bool {
        let parsed = X509Certificate::from_der(certificate.as_ref());
        parsed.is_ok_and(|(_, parsed)| Sha256::digest(parsed.public_key().raw).as_slice() == self.0)
    }
}

impl FromStr for Pin {
    type Err = IdentityError;
    fn from_str(text: &str) -> Result<Pin, IdentityError> {
        let bytes = hex::decode(text.trim()).map_err(|_| IdentityError::Pin)?;
        bytes.try_into().map(Pin).map_err(|_| IdentityError::Pin)
    }
}

impl std::fmt::Display for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// P-256, made on this machine, never sent anywhere.
pub struct DeviceKey(KeyPair);

impl DeviceKey {
    pub fn make() -> Result<DeviceKey, IdentityError> {
        Ok(DeviceKey(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?))
    }

    pub fn from_pem(pem: &str) -> Result<DeviceKey, IdentityError> {
        Ok(DeviceKey(KeyPair::from_pem(pem)?))
    }

    pub fn to_pem(&self) -> String {
        self.0.serialize_pem()
    }

    /// A certificate request that says nothing but the key: who the terminal is, the server decides.
    pub fn request(&self) -> Result<Vec<u8>, IdentityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        Ok(params.serialize_request(&self.0)?.der().to_vec())
    }

    pub fn for_tls(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.0.serialize_der()))
    }

    fn spki(&self) -> Vec<u8> {
        self.0.subject_public_key_info()
    }
}

/// A chain that the server gave to this terminal's key: leaf first, root last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    pub chain: Vec<CertificateDer<'static>>,
    pub identity: Identity,
}

impl Certificate {
    /// Checked against our own key: a certificate for another key would only fail later and less clearly.
    pub fn accept(chain: Vec<Vec<u8>>, key: &DeviceKey) -> Result<Certificate, IdentityError> {
        let chain: Vec<_> = chain.into_iter().map(CertificateDer::from).collect();
        let leaf = chain.first().ok_or(IdentityError::Certificate("the chain is empty"))?;
        let parsed = X509Certificate::from_der(leaf);
        let (_, leaf) = parsed.map_err(|_| IdentityError::Certificate("the leaf is not X.509"))?;
        if leaf.public_key().raw != key.spki() {
            return Err(IdentityError::Certificate("it is for another key"));
        }
        let terminal_id = terminal_in(&leaf).ok_or(IdentityError::Certificate("it names no terminal"))?;
        let moment = |seconds: i64| Time(seconds.saturating_mul(1_000_000));
        let identity = Identity {
            terminal_id,
            valid_from: moment(leaf.validity().not_before.timestamp()),
            valid_until: moment(leaf.validity().not_after.timestamp()),
        };
        Ok(Certificate { chain, identity })
    }

    /// What the server needs to see: all but the root, which it has.
    pub fn presented(&self) -> Vec<CertificateDer<'static>> {
        let without_root = self.chain.len().saturating_sub(1).max(1);
        self.chain.iter().take(without_root).cloned().collect()
    }
}

/// From `spiffe://<trust domain>/terminal/<uuid>`.
fn terminal_in(leaf: &X509Certificate<'_>) -> Option<String> {
    let names = leaf.subject_alternative_name().ok()??;
    names.value.general_names.iter().find_map(|name| {
        let GeneralName::URI(uri) = name else { return None };
        let (_, id) = uri.strip_prefix("spiffe://")?.split_once("/terminal/")?;
        id.parse::<kaishin_proto::id::TerminalId>()
            .ok()
            .map(|id| id.to_string())
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, Issuer, SanType};

    /// A root and what it takes to stand in for a server in a test.
    pub(crate) struct Authority {
        root: CertifiedIssuer<'static, KeyPair>,
    }

    impl Authority {
        pub(crate) fn new() -> Authority {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
            Authority {
                root: CertifiedIssuer::self_signed(params, key).unwrap(),
            }
        }

        pub(crate) fn pin(&self) -> Pin {
            Pin(Sha256::digest(self.root.key().subject_public_key_info()).into())
        }

        pub(crate) fn root(&self) -> CertificateDer<'static> {
            self.root.der().clone()
        }

        fn issuer(&self) -> &Issuer<'static, KeyPair> {
            &self.root
        }

        pub(crate) fn server(&self, name: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
            let key = DeviceKey::make().unwrap();
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            let leaf = params.signed_by(&key.0, self.issuer()).unwrap();
            (vec![leaf.der().clone(), self.root()], key.for_tls())
        }

        /// What a server does with a request: its public key, and nothing else of it.
        pub(crate) fn terminal(&self, request: &[u8], id: &str) -> Vec<Vec<u8>> {
            let request = rcgen::CertificateSigningRequestParams::from_der(&request.into()).unwrap();
            let mut params = CertificateParams::default();
            let uri = format!("spiffe://kaishin.local/terminal/{id}");
            params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            let leaf = params.signed_by(&request.public_key, self.issuer()).unwrap();
            vec![leaf.der().to_vec(), self.root().to_vec()]
        }
    }

    const ID: &str = "0190f5a4-7c3e-7000-8000-000000000001";

    #[test]
    fn a_certificate_for_another_key_is_not_ours() {
        let authority = Authority::new();
        let (ours, other) = (DeviceKey::make().unwrap(), DeviceKey::make().unwrap());
        let chain = authority.terminal(&ours.request().unwrap(), ID);
        let accepted = Certificate::accept(chain.clone(), &ours).unwrap();
        assert_eq!(accepted.identity.terminal_id, ID);
        assert_eq!(accepted.presented().len(), 1);
        assert!(Certificate::accept(chain, &other).is_err());
        assert!(Certificate::accept(vec![vec![1, 2, 3]], &ours).is_err());
        assert!(Certificate::accept(vec![], &ours).is_err());
        let nameless = authority.terminal(&ours.request().unwrap(), "nobody");
        assert!(Certificate::accept(nameless, &ours).is_err());
    }

    #[test]
    fn the_pin_is_of_the_root_alone_and_survives_being_written_down() {
        let authority = Authority::new();
        let pin: Pin = authority.pin().to_string().parse().unwrap();
        assert!(pin.is_of(&authority.root()));
        assert!(!pin.is_of(&authority.server("kaishin-agents").0[0]));
        assert!(!pin.is_of(&Authority::new().root()));
        assert!("12ab".parse::<Pin>().is_err() && "x".repeat(64).parse::<Pin>().is_err());
    }

    #[test]
    fn the_device_key_reads_back_and_damage_is_told() {
        let key = DeviceKey::make().unwrap();
        assert_eq!(DeviceKey::from_pem(&key.to_pem()).unwrap().spki(), key.spki());
        assert!(DeviceKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----").is_err());
    }
}
