//! The handshake over real sockets: who gets in, who does not, and at which layer.

use super::*;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::pki::samples::{self, NOW, Trust, terminal};
use crate::pki::{DeviceKey, Issued};

struct Port {
    ca: Ca,
    admission: Arc<Admission>,
    certificate: Arc<AgentsCertificate>,
    clock: Clock,
    config: Arc<ServerConfig>,
}

impl Port {
    fn new() -> Port {
        let ca = samples::ca();
        let clock = Clock::manual(NOW);
        let admission = Arc::new(Admission::new());
        let certificate = AgentsCertificate::issue(&ca, &["127.0.0.1".to_owned()], NOW).expect("issued");
        let config = agents_tls(&ca, certificate.clone(), admission.clone(), clock.clone()).expect("a configuration");
        Port {
            ca,
            admission,
            certificate,
            clock,
            config,
        }
    }

    /// One connection: the terminal that the server saw (None: nobody), or the error of the side that refused.
    async fn meet(&self, client: ClientConfig) -> Result<Option<TerminalId>, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let acceptor = tokio_rustls::TlsAcceptor::from(self.config.clone());
        let server = async {
            let (socket, _) = listener.accept().await.map_err(|e| e.to_string())?;
            let mut stream = acceptor.accept(socket).await.map_err(|e| e.to_string())?;
            stream.write_all(b"x").await.map_err(|e| e.to_string())?;
            let (_, connection) = stream.get_ref();
            assert_eq!(connection.alpn_protocol(), Some(b"h2".as_slice()));
            let leaf = connection.peer_certificates().and_then(|chain| chain.first());
            Ok(leaf
                .and_then(|leaf| terminal_of(leaf, "kaishin.local"))
                .map(|(id, _)| id))
        };
        let dial = async {
            let socket = TcpStream::connect(address).await.map_err(|e| e.to_string())?;
            let name = ServerName::try_from(AGENTS_NAME).expect("a name");
            let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
            let mut stream = connector.connect(name, socket).await.map_err(|e| e.to_string())?;
            let mut byte = [0u8; 1];
            stream.read_exact(&mut byte).await.map_err(|e| e.to_string())?;
            assert_eq!(stream.get_ref().1.tls13_tickets_received(), 0, "nothing to resume with");
            Ok(())
        };
        let (seen, dialled): (Result<_, String>, Result<(), String>) = tokio::join!(server, dial);
        match (seen, dialled) {
            (Ok(seen), Ok(())) => Ok(seen),
            (Err(error), _) => Err(error),
            (Ok(_), Err(error)) => Err(format!("client: {error}")),
        }
    }

    /// A client that trusts this port's authority.
    fn client(&self, identity: Option<(&KeyPair, Vec<Vec<u8>>)>) -> ClientConfig {
        Trust::of(&self.ca, &self.clock).client(identity)
    }

    fn enrolled(&self, n: u8) -> (KeyPair, Issued) {
        let key = KeyPair::generate().expect("a key");
        let device = DeviceKey::from_csr(&samples::csr(&key)).expect("sound");
        self.admission.admit(terminal(n), device.hash());
        let issued = self.ca.issue_terminal(&device, terminal(n), NOW).expect("issued");
        (key, issued)
    }
}

#[tokio::test]
async fn an_admitted_terminal_is_known_by_its_certificate_and_a_stranger_by_none() {
    let port = Port::new();
    let (key, issued) = port.enrolled(1);
    assert_eq!(
        port.meet(port.client(Some((&key, issued.chain.clone())))).await,
        Ok(Some(terminal(1)))
    );
    let leaf_alone = vec![issued.chain[0].clone()];
    assert_eq!(
        port.meet(port.client(Some((&key, leaf_alone)))).await,
        Ok(Some(terminal(1)))
    );
    assert_eq!(port.meet(port.client(None)).await, Ok(None));
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let port = Port::new();
    let (_, _) = port.enrolled(1);
    let foreign = Port::new();
    let (key, issued) = foreign.enrolled(1);
    let refused = port
        .meet(port.client(Some((&key, issued.chain))))
        .await
        .expect_err("refused");
    assert!(refused.contains("certificate"), "{refused}");
}

#[tokio::test]
async fn a_revoked_or_unknown_terminal_or_one_with_a_replaced_key_is_refused() {
    let port = Port::new();
    let (key, issued) = port.enrolled(1);
    port.admission.revoke(terminal(1));
    let refused = port.meet(port.client(Some((&key, issued.chain.clone())))).await;
    assert!(refused.expect_err("refused").contains("Revoked"));
    port.admission.admit(terminal(1), [9; 32]);
    let refused = port.meet(port.client(Some((&key, issued.chain)))).await;
    assert!(refused.expect_err("refused").contains("Revoked"));
}

#[tokio::test]
async fn a_certificate_ends_with_the_servers_clock() {
    let port = Port::new();
    let (key, issued) = port.enrolled(1);
    port.clock.advance(Span::days(29));
    assert_eq!(
        port.meet(port.client(Some((&key, issued.chain.clone())))).await,
        Ok(Some(terminal(1)))
    );
    port.clock.advance(Span::hours(25));
    let refused = port.meet(port.client(Some((&key, issued.chain)))).await;
    assert!(refused.expect_err("refused").to_lowercase().contains("expired"));
}

#[tokio::test]
async fn the_servers_own_certificate_is_no_client_certificate_and_the_authority_is_no_terminal() {
    let port = Port::new();
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![AGENTS_NAME.to_owned()]).expect("parameters");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let served = port.ca.issue(params, &key, AGENTS_LIFE, NOW).expect("issued");
    port.meet(port.client(Some((&key, served.chain))))
        .await
        .expect_err("the wrong purpose");

    // The right purpose, but no terminal's name in it.
    let mut nameless = CertificateParams::new(vec!["someone".to_owned()]).expect("parameters");
    nameless.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let nameless = port.ca.issue(nameless, &key, AGENTS_LIFE, NOW).expect("issued");
    port.meet(port.client(Some((&key, nameless.chain))))
        .await
        .expect_err("no terminal");
}

#[tokio::test]
async fn tls_1_2_is_not_spoken_to_agents() {
    let port = Port::new();
    let old = Trust::of(&port.ca, &port.clock).speaking(&rustls::version::TLS12, None);
    port.meet(old).await.expect_err("refused");
}

#[tokio::test]
async fn the_ports_certificate_is_replaced_before_it_ends_and_connections_go_on() {
    let port = Port::new();
    let before = port.certificate.current.read().expect("sound").shown.clone();
    let stop = CancellationToken::new();
    let ca = Arc::new(samples::ca());
    let loops = tokio::spawn(
        port.certificate
            .clone()
            .keep_fresh(ca.clone(), port.clock.clone(), stop.clone()),
    );
    assert_eq!(port.certificate.renew_at(), NOW + Span::days(60));
    let first = port.certificate.renew_at();
    port.clock.advance(Span::days(60));
    while port.certificate.renew_at() == first {
        tokio::task::yield_now().await;
    }
    let after = port.certificate.current.read().expect("sound").shown.clone();
    assert_ne!(before.cert[0], after.cert[0]);
    assert_eq!(after.cert.len(), 3, "leaf, issuing and root");
    assert_eq!(port.meet(Trust::of(&ca, &port.clock).client(None)).await, Ok(None));
    stop.cancel();
    loops.await.expect("ended");
}

#[test]
fn the_dashboards_certificate_comes_from_pem_files() {
    let dir = tempfile::tempdir().expect("a directory");
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(vec!["kaishin.example".to_owned()])
        .and_then(|params| params.self_signed(&key))
        .expect("a certificate");
    let (cert_path, key_path) = (dir.path().join("c.pem"), dir.path().join("k.pem"));
    std::fs::write(&cert_path, certificate.pem()).expect("written");
    std::fs::write(&key_path, key.serialize_pem()).expect("written");
    let config = http_tls(&cert_path, &key_path).expect("a configuration");
    assert_eq!(config.alpn_protocols.len(), 2);
    assert!(matches!(http_tls(&key_path, &key_path), Err(CaError::NotPem { .. })));
    assert!(matches!(
        http_tls(&dir.path().join("none"), &key_path),
        Err(CaError::Missing { .. })
    ));
}
