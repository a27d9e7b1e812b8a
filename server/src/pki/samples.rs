//! An authority and requests for this room's tests.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kaishin_proto::id::TerminalId;
use kaishin_proto::time::Time;
use rcgen::{CertificateParams, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

use tokio::net::TcpStream;

use super::{AGENTS_NAME, Ca, Passphrase, Random};

/// What a terminal keeps to itself.
pub type Key = KeyPair;

pub const NOW: Time = Time(1_795_000_000_000_000);

/// Never twice the same, and the same in every run.
pub fn random() -> Random {
    let state = AtomicU64::new(0x9e37_79b9_7f4a_7c15);
    Arc::new(move |bytes: &mut [u8]| {
        for byte in bytes {
            let mut x = state.load(Ordering::Relaxed);
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            state.store(x, Ordering::Relaxed);
            *byte = x.to_le_bytes()[3];
        }
    })
}

pub fn passphrase() -> Passphrase {
    Passphrase::new("for tests").expect("not empty")
}

pub fn ca() -> Ca {
    let dir = tempfile::tempdir().expect("a directory");
    Ca::open_or_create(dir.path(), &passphrase(), "kaishin.local", NOW, random()).expect("an authority")
}

pub fn terminal(n: u8) -> TerminalId {
    TerminalId::new(NOW, [n; 10])
}

pub fn key() -> Key {
    KeyPair::generate().expect("a key")
}

pub async fn dial(
    address: SocketAddr,
    config: Arc<ClientConfig>,
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let socket = TcpStream::connect(address).await?;
    let name = ServerName::try_from(AGENTS_NAME).expect("a name");
    tokio_rustls::TlsConnector::from(config).connect(name, socket).await
}

pub fn csr(key: &KeyPair) -> Vec<u8> {
    let params = CertificateParams::new(Vec::new()).expect("parameters");
    params.serialize_request(key).expect("a request").der().to_vec()
}

/// Trusts any server that holds the key it shows: these tests are about the other direction.
#[derive(Debug)]
pub struct Pinned;

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2".into()))
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let schemes = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &schemes)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

pub fn client(identity: Option<(&KeyPair, Vec<Vec<u8>>)>) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned));
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((key, chain)) => {
            let chain = chain.into_iter().map(CertificateDer::from).collect();
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
            builder.with_client_auth_cert(chain, key).expect("an identity")
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}
