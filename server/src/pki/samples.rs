//! An authority and requests for this room's tests.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kaishin_proto::clock::Clock;
use kaishin_proto::id::TerminalId;
use kaishin_proto::time::Time;
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use tokio::net::TcpStream;

use super::tls::ClockTime;
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

/// Whom a client of these tests trusts: the servers of one authority, as of a clock.
#[derive(Clone)]
pub struct Trust {
    root: CertificateDer<'static>,
    clock: Clock,
}

impl Trust {
    pub fn of(ca: &Ca, clock: &Clock) -> Trust {
        Trust {
            root: ca.root().clone(),
            clock: clock.clone(),
        }
    }

    pub fn client(&self, identity: Option<(&KeyPair, Vec<Vec<u8>>)>) -> ClientConfig {
        self.speaking(&rustls::version::TLS13, identity)
    }

    pub fn speaking(
        &self,
        version: &'static SupportedProtocolVersion,
        identity: Option<(&KeyPair, Vec<Vec<u8>>)>,
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).expect("a root");
        let time = Arc::new(ClockTime(self.clock.clone()));
        let builder = ClientConfig::builder_with_details(Arc::new(ring::default_provider()), time)
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_root_certificates(roots);
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
}
