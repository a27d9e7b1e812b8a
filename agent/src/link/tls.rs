//! TLS 1.3 by pin: the root is the certificate in the presented chain whose key the installer named, and the chain is
//! verified against it for the one name that every Kaishin server bears. No other root is ever trusted.

use std::sync::{Arc, OnceLock};

use kaishin_proto::clock::Clock;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::time_provider::TimeProvider;
use rustls::{AlertDescription, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;

use crate::core::Failure;
use crate::identity::{Certificate, DeviceKey, Pin};

/// Whom the agent trusts, and by which clock it judges certificates.
#[derive(Clone, Debug)]
pub struct Trust {
    pin: Pin,
    clock: Clock,
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(ring::default_provider())))
}

pub(super) fn server_name() -> ServerName<'static> {
    const NAME: &str = "kaishin-agents";
    match ServerName::try_from(NAME) {
        Ok(name) => name,
        Err(_) => unreachable!("a constant DNS name is one"),
    }
}

impl Trust {
    pub fn new(pin: Pin, clock: Clock) -> Trust {
        Trust { pin, clock }
    }

    /// Nothing is resumed: every connection proves both sides anew, so that a revocation cannot be slept through.
    pub(super) fn connector(&self, proof: Option<(&Certificate, &DeviceKey)>) -> Result<TlsConnector, Failure> {
        let failed = |error: rustls::Error| Failure::Line(error.to_string());
        let time = Arc::new(ByClock(self.clock.clone()));
        let builder = ClientConfig::builder_with_details(provider(), time)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(failed)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(self.clone()));
        let mut config = match proof {
            Some((certificate, key)) => builder
                .with_client_auth_cert(certificate.presented(), key.for_tls())
                .map_err(failed)?,
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

#[derive(Debug)]
struct ByClock(Clock);

impl TimeProvider for ByClock {
    fn current_time(&self) -> Option<UnixTime> {
        let micros = u64::try_from(self.0.now().micros()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_micros(micros)))
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let unknown = || rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let root = intermediates.iter().find(|presented| self.pin.is_of(presented));
        let mut roots = RootCertStore::empty();
        roots.add(root.ok_or_else(unknown)?.clone().into_owned())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        let verifier = verifier.map_err(|error| rustls::Error::General(error.to_string()))?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("only TLS 1.3 is spoken".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// What a broken handshake or stream means for this terminal.
pub(super) fn failure(error: &std::io::Error) -> Failure {
    failure_within(error).unwrap_or_else(|| Failure::Line(error.to_string()))
}

/// Looks through wrapped errors for what TLS said.
pub(super) fn failure_within(error: &(dyn std::error::Error + 'static)) -> Option<Failure> {
    let mut next = Some(error);
    while let Some(error) = next {
        let tls = error.downcast_ref::<rustls::Error>().or_else(|| {
            let io = error.downcast_ref::<std::io::Error>()?;
            io.get_ref()?.downcast_ref::<rustls::Error>()
        });
        if let Some(tls) = tls {
            return Some(meaning(tls));
        }
        next = error.source();
    }
    None
}

fn meaning(error: &rustls::Error) -> Failure {
    use AlertDescription as Alert;
    if matches!(error, rustls::Error::InvalidCertificate(_)) {
        return Failure::WrongServer(error.to_string());
    }
    let rustls::Error::AlertReceived(alert) = error else {
        return Failure::Line(error.to_string());
    };
    let not_accepted = [
        Alert::CertificateExpired,
        Alert::CertificateUnknown,
        Alert::CertificateRequired,
        Alert::BadCertificate,
        Alert::UnsupportedCertificate,
        Alert::UnknownCA,
        Alert::AccessDenied,
    ];
    if *alert == Alert::CertificateRevoked {
        Failure::Revoked
    } else if not_accepted.contains(alert) {
        Failure::NotAccepted(error.to_string())
    } else {
        Failure::Line(error.to_string())
    }
}
