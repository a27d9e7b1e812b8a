//! Who is refused at which layer, with our own client and with OpenSSL's.

use std::process::{Command, Stdio};
use std::time::Duration;

use kaishin_domain::time::Span;
use kaishin_tests::harness::Harness;
use kaishin_tests::line::{Papers, Terminal, handshake, open};
use kaishin_tests::{need, require};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use serde_json::json;
use tempfile::TempDir;
use tonic::Code;

/// A certificate that says what a terminal's says, from an authority of one's own.
fn forged(terminal: &Terminal) -> Papers {
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = ca.self_signed(&ca_key).expect("a root");
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().expect("a key");
    let mut leaf = CertificateParams::default();
    let name = format!("spiffe://kaishin.local/terminal/{}", terminal.id());
    leaf.subject_alt_names = vec![SanType::URI(name.as_str().try_into().expect("a URI"))];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let leaf = leaf.signed_by(&key, &issuer).expect("a leaf");
    Papers {
        key,
        chain: vec![leaf.der().clone(), root.der().clone()],
    }
}

/// Papers whose key is not the one in the certificate's place in the database: an old key, or somebody else's.
async fn revoke(harness: &Harness, terminal: &Terminal) {
    let path = format!("/api/v1/terminals/{}/revoke", terminal.id());
    harness
        .api
        .post(&path, &json!({ "reason": "stolen" }))
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_certificate_the_handshake_stands_and_a_session_does_not() {
    let harness = Harness::start().await;
    handshake(harness.agents(), None).await.expect("one may ask to enrol");
    let refused = open(harness.agents(), None).await.expect_err("no session");
    assert_eq!(refused.code(), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_another_authority_is_refused_at_the_handshake() {
    let harness = Harness::start().await;
    let terminal = Terminal::enrolled(harness.agents(), "uketsuke-1", &harness.token(1).await).await;
    handshake(harness.agents(), Some(&terminal.papers))
        .await
        .expect("its own certificate is good");
    handshake(harness.agents(), Some(&forged(&terminal)))
        .await
        .expect_err("a forged one is not");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_terminal_is_refused_at_the_handshake_and_stays_so_after_a_restart() {
    let mut harness = Harness::start().await;
    let terminal = Terminal::enrolled(harness.agents(), "uketsuke-1", &harness.token(1).await).await;
    revoke(&harness, &terminal).await;
    handshake(harness.agents(), Some(&terminal.papers))
        .await
        .expect_err("revoked");
    harness.restart().await;
    handshake(harness.agents(), Some(&terminal.papers))
        .await
        .expect_err("still revoked");
    let mut terminal = terminal;
    let answer = terminal.enrol("").await.expect("an answer");
    let refused = matches!(&answer, kaishin_proto::v1::enroll_response::Outcome::Refused(refusal) if refusal.code == "E-ENROL-09");
    assert!(refused, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_certificate_is_refused_at_the_handshake() {
    let harness = Harness::with_manual_clock().await;
    let terminal = Terminal::enrolled(harness.agents(), "uketsuke-1", &harness.token(1).await).await;
    handshake(harness.agents(), Some(&terminal.papers))
        .await
        .expect("fresh");
    harness.clock.advance(Span::days(31));
    handshake(harness.agents(), Some(&terminal.papers))
        .await
        .expect_err("expired");
}

/// What OpenSSL's client has to say about a connection with these papers.
async fn s_client(harness: &Harness, papers: Option<&Papers>) -> String {
    let folder = TempDir::new().expect("a folder");
    let mut command = Command::new("openssl");
    command.args([
        "s_client",
        "-tls1_3",
        "-alpn",
        "h2",
        "-servername",
        "kaishin-agents",
        "-ign_eof",
        "-connect",
    ]);
    command.arg(harness.agents().to_string());
    if let Some(papers) = papers {
        let pem = |kind: &str, der: &[u8]| {
            use base64::Engine;
            let text = base64::engine::general_purpose::STANDARD.encode(der);
            format!("-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n")
        };
        let chain: String = papers.chain.iter().map(|one| pem("CERTIFICATE", one)).collect();
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        std::fs::write(&cert, chain).expect("written");
        std::fs::write(&key, papers.key.serialize_pem()).expect("written");
        command
            .arg("-cert")
            .arg(&cert)
            .arg("-cert_chain")
            .arg(&cert)
            .arg("-key")
            .arg(&key);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut command = tokio::process::Command::from(command);
    let child = command.kill_on_drop(true).spawn().expect("openssl starts");
    // It would stay for ever on a connection that stands: the server hangs up on those who say nothing.
    let done = tokio::time::timeout(Duration::from_secs(20), child.wait_with_output()).await;
    let output = done.map_or_else(|_| None, Result::ok);
    output.map_or_else(
        || "stands".to_owned(),
        |output| {
            format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
        },
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_is_refused_with_a_foreign_and_with_a_revoked_certificate() {
    need!(require::program("openssl"), "openssl");
    let harness = Harness::start().await;
    let token = harness.token(2).await;
    let good = Terminal::enrolled(harness.agents(), "uketsuke-1", &token).await;
    let revoked = Terminal::enrolled(harness.agents(), "uketsuke-2", &token).await;
    revoke(&harness, &revoked).await;
    for papers in [&forged(&good), &revoked.papers] {
        let said = s_client(&harness, Some(papers)).await;
        assert!(said.contains("alert"), "{said}");
    }
}
