//! TLS of the two ports. Agents: TLS 1.3 only, a client certificate is optional in the handshake but never wrong in it,
//! and nothing is resumed: each connection passes the admission check. Dashboard: an ordinary certificate from files.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use kaishin_proto::clock::Clock;
use kaishin_proto::id::TerminalId;
use kaishin_proto::time::{Span, Time};
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerConfig, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_util::sync::CancellationToken;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::admission::Admission;
use super::ca::Ca;
use super::error::CaError;
use super::secret;
use super::{AGENTS_NAME, KeyHash, key_hash};

const AGENTS_LIFE: Span = Span::days(90);
const RETRY: Span = Span::hours(1);

/// The agents' port: who calls is checked against the authority and against the terminals admitted at this moment.
pub fn agents_tls(
    ca: &Ca,
    certificate: Arc<AgentsCertificate>,
    admission: Arc<Admission>,
    clock: Clock,
) -> Result<Arc<ServerConfig>, CaError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = TerminalVerifier::new(ca, admission, &provider)?;
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(ClockTime(clock)))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec()];
    // A resumed connection would skip the admission check.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// The dashboard's port, when its certificate is given as PEM files.
pub fn http_tls(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, CaError> {
    let not_pem = |path: &Path| CaError::NotPem { path: path.to_owned() };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(secret::read(certificate)?.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| not_pem(certificate))?;
    if chain.is_empty() {
        return Err(not_pem(certificate));
    }
    let key = PrivateKeyDer::from_pem_slice(secret::read(key)?.as_bytes()).map_err(|_| not_pem(key))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The terminal and key that a certificate of ours names; None for anything else.
pub fn terminal_of(certificate: &CertificateDer<'_>, trust_domain: &str) -> Option<(TerminalId, KeyHash)> {
    let (_, seen) = X509Certificate::from_der(certificate).ok()?;
    let names = seen.subject_alternative_name().ok()??;
    let [GeneralName::URI(uri)] = names.value.general_names.as_slice() else {
        return None;
    };
    let path = uri.strip_prefix("spiffe://")?.strip_prefix(trust_domain)?;
    let id: TerminalId = path.strip_prefix("/terminal/")?.parse().ok()?;
    // Only the one way of writing it that we issue.
    (path == format!("/terminal/{id}")).then(|| (id, key_hash(seen.public_key().raw)))
}

#[derive(Debug)]
pub(super) struct ClockTime(pub(super) Clock);

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Span(self.0.now().micros()).as_duration()))
    }
}

#[derive(Debug)]
struct TerminalVerifier {
    chain: Arc<dyn ClientCertVerifier>,
    admission: Arc<Admission>,
    trust_domain: String,
}

impl TerminalVerifier {
    fn new(ca: &Ca, admission: Arc<Admission>, provider: &Arc<CryptoProvider>) -> Result<TerminalVerifier, CaError> {
        let mut anchors = RootCertStore::empty();
        // The issuing authority, not the root: whatever else the root may once sign is no terminal.
        anchors.add(ca.issuing().clone())?;
        let chain = WebPkiClientVerifier::builder_with_provider(Arc::new(anchors), provider.clone())
            .clear_root_hint_subjects()
            .allow_unauthenticated()
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        Ok(TerminalVerifier {
            chain,
            admission,
            trust_domain: ca.trust_domain().to_owned(),
        })
    }
}

impl ClientCertVerifier for TerminalVerifier {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[rustls::DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.chain.verify_client_cert(leaf, between, now)?;
        let (terminal, key) =
            terminal_of(leaf, &self.trust_domain).ok_or(CertificateError::ApplicationVerificationFailure)?;
        if !self.admission.allows(terminal, &key) {
            return Err(CertificateError::Revoked.into());
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        // Terminals have P-256 keys and nothing else.
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

/// The certificate that the agents' port shows; replaced while connections go on.
#[derive(Debug)]
pub struct AgentsCertificate {
    current: RwLock<Current>,
    names: Vec<String>,
}

#[derive(Clone, Debug)]
struct Current {
    shown: Arc<CertifiedKey>,
    renew_at: Time,
}

impl AgentsCertificate {
    /// `names`: what agents may dial besides the fixed name, host names or addresses.
    pub fn issue(ca: &Ca, names: &[String], now: Time) -> Result<Arc<AgentsCertificate>, CaError> {
        let mut all = vec![AGENTS_NAME.to_owned()];
        all.extend(names.iter().filter(|name| *name != AGENTS_NAME).cloned());
        let current = RwLock::new(make(ca, &all, now)?);
        Ok(Arc::new(AgentsCertificate { current, names: all }))
    }

    /// Replaces the certificate when two thirds of its life are over. True if it did.
    pub fn renew_if_due(&self, ca: &Ca, now: Time) -> Result<bool, CaError> {
        if now < self.renew_at() {
            return Ok(false);
        }
        let next = make(ca, &self.names, now)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(true)
    }

    pub fn renew_at(&self) -> Time {
        self.current.read().unwrap_or_else(PoisonError::into_inner).renew_at
    }

    /// Renews until told to stop.
    pub async fn keep_fresh(self: Arc<Self>, ca: Arc<Ca>, clock: Clock, stop: CancellationToken) {
        let mut next = self.renew_at();
        while stop.run_until_cancelled(clock.sleep_until(next)).await.is_some() {
            let now = clock.now();
            next = match self.renew_if_due(&ca, now) {
                Ok(_) => self.renew_at().max(now + RETRY),
                Err(error) => {
                    tracing::error!(error.code = error.code(), %error, "the agents' port could not renew its certificate");
                    now + RETRY
                }
            };
        }
    }
}

fn make(ca: &Ca, names: &[String], now: Time) -> Result<Current, CaError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, AGENTS_NAME);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let issued = ca.issue(params, &key, AGENTS_LIFE, now)?;
    let chain = issued.chain.into_iter().map(CertificateDer::from).collect();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = rustls::crypto::ring::sign::any_ecdsa_type(&key)?;
    let life = issued.not_after.since(now);
    Ok(Current {
        shown: Arc::new(CertifiedKey::new(chain, key)),
        renew_at: now + Span(life.0 / 3 * 2),
    })
}

impl ResolvesServerCert for AgentsCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(current.shown.clone())
    }
}

#[cfg(test)]
mod tests;
