//! The line against servers of several kinds, over real TCP and TLS on loopback.

use std::sync::Arc;

use kaishin_proto::clock::Clock;
use kaishin_proto::time::{Span, Time};
use rustls::ServerConfig;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::ring;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::identity::tests::Authority;

const TERMINAL: &str = "0190f5a4-7c3e-7000-8000-000000000001";

#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// Speaks first, as HTTP/2 servers do.
    Greets,
    HangsUp,
    Refuses(Refusal),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Refusal {
    Revoked,
    Expired,
    UnknownIssuer,
}

/// Looks at nothing and answers as it was told to.
#[derive(Debug)]
struct Doorman(Refusal);

impl ClientCertVerifier for Doorman {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }
    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Err(rustls::Error::InvalidCertificate(match self.0 {
            Refusal::Revoked => CertificateError::Revoked,
            Refusal::Expired => CertificateError::Expired,
            Refusal::UnknownIssuer => CertificateError::UnknownIssuer,
        }))
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("only TLS 1.3".into()))
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// One connection's worth of server; gives back its address.
async fn server(authority: &Authority, name: &str, manner: Manner) -> Address {
    let (chain, key) = authority.server(name);
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap();
    let builder = match manner {
        Manner::Refuses(refusal) => builder.with_client_cert_verifier(Arc::new(Doorman(refusal))),
        Manner::Greets | Manner::HangsUp => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address {
        server: listener.local_addr().unwrap().to_string(),
        source: None,
    };
    tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        if let Ok(mut stream) = TlsAcceptor::from(Arc::new(config)).accept(tcp).await
            && manner == Manner::Greets
        {
            stream.write_all(b"hello").await.unwrap();
            stream.flush().await.unwrap();
            let _ = stream.read(&mut [0; 1]).await;
        }
    });
    address
}

fn enrolled(authority: &Authority) -> (Certificate, DeviceKey) {
    let key = DeviceKey::make().unwrap();
    let chain = authority.terminal(&key.request().unwrap(), TERMINAL);
    (Certificate::accept(chain, &key).unwrap(), key)
}

fn now() -> Time {
    Clock::system().now()
}

async fn reach(address: &Address, trust: &Trust, proof: Option<(&Certificate, &DeviceKey)>) -> Result<(), Failure> {
    address.tls(trust, proof).await.map(drop)
}

#[tokio::test]
async fn the_server_that_the_pin_names_is_trusted_and_no_other() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let trust = |pin| Trust::new(pin, Clock::system());
    let address = server(&ours, "kaishin-agents", Manner::Greets).await;
    assert_eq!(reach(&address, &trust(ours.pin()), None).await, Ok(()));
    let address = server(&theirs, "kaishin-agents", Manner::Greets).await;
    let met = reach(&address, &trust(ours.pin()), None).await;
    assert!(matches!(met, Err(Failure::WrongServer(_))), "{met:?}");
}

#[tokio::test]
async fn a_chain_under_our_root_for_another_name_or_time_is_not_our_server() {
    let authority = Authority::new();
    let address = server(&authority, "kaishin-pages", Manner::Greets).await;
    let met = reach(&address, &Trust::new(authority.pin(), Clock::system()), None).await;
    assert!(matches!(met, Err(Failure::WrongServer(_))), "{met:?}");
    // rcgen's certificates last until the year 4096.
    let late = Clock::manual(now() + Span::days(365 * 3_000));
    let address = server(&authority, "kaishin-agents", Manner::Greets).await;
    let met = reach(&address, &Trust::new(authority.pin(), late), None).await;
    assert!(matches!(met, Err(Failure::WrongServer(_))), "{met:?}");
}

#[tokio::test]
async fn a_refused_certificate_is_told_from_a_broken_line() {
    let authority = Authority::new();
    let trust = Trust::new(authority.pin(), Clock::system());
    let (certificate, key) = enrolled(&authority);
    let proof = Some((&certificate, &key));
    let refused = async |refusal| {
        let address = server(&authority, "kaishin-agents", Manner::Refuses(refusal)).await;
        reach(&address, &trust, proof).await.unwrap_err()
    };
    assert_eq!(refused(Refusal::Revoked).await, Failure::Revoked);
    for refusal in [Refusal::Expired, Refusal::UnknownIssuer] {
        let met = refused(refusal).await;
        assert!(matches!(met, Failure::NotAccepted(_)), "{refusal:?}: {met:?}");
    }
    let address = server(&authority, "kaishin-agents", Manner::HangsUp).await;
    assert!(matches!(reach(&address, &trust, proof).await, Err(Failure::Line(_))));
}

#[tokio::test]
async fn nobody_there_is_a_line_that_may_come_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap().to_string();
    drop(listener);
    let trust = Trust::new(Authority::new().pin(), Clock::system());
    for server in [server, "no port here".into()] {
        let address = Address { server, source: None };
        assert!(matches!(reach(&address, &trust, None).await, Err(Failure::Line(_))));
    }
}
