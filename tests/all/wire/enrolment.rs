use kaishin_domain::time::Span;
use kaishin_proto::v1;
use kaishin_proto::v1::enroll_response::Outcome;
use kaishin_tests::harness::Harness;
use kaishin_tests::line::Terminal;
use rcgen::{CertificateParams, CustomExtension, DnType, SanType};
use serde_json::{Value, json};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

async fn pending(harness: &Harness) -> Vec<Value> {
    let page = harness.api.get("/api/v1/enrolment/pending").await.expect(200).json();
    page["items"].as_array().cloned().unwrap_or_default()
}

async fn waits(harness: &Harness, terminal: &mut Terminal, token: &str, cause: &str) -> String {
    let outcome = terminal.enrol(token).await.expect("an answer");
    let Outcome::Pending(v1::Pending { request_id, .. }) = outcome else {
        panic!("it should wait: {outcome:?}")
    };
    let pending = pending(harness).await;
    let request = pending
        .iter()
        .find(|request| request["id"] == request_id.as_str())
        .expect("shown to people");
    assert_eq!(request["cause"], cause);
    request_id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_token_makes_a_terminal_at_once() {
    let harness = Harness::start().await;
    let terminal = Terminal::enrolled(harness.agents(), "uketsuke-1", &harness.token(1).await).await;
    let shown = harness.terminal(terminal.id()).await;
    assert_eq!(
        (&shown["hostname"], &shown["state"]),
        (&json!("uketsuke-1"), &json!("active"))
    );
    let entries = harness.audit(&format!("terminal:{}", terminal.id())).await;
    assert_eq!(entries[0]["action"], "terminal.enrol");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_one_time_token_works_once_and_a_site_token_so_often() {
    let harness = Harness::start().await;
    for uses in [1, 3] {
        let token = harness.token(uses).await;
        for n in 0..uses {
            Terminal::enrolled(harness.agents(), &format!("site{uses}-{n}"), &token).await;
        }
        let mut late = Terminal::new(harness.agents(), &format!("late{uses}"));
        waits(&harness, &mut late, &token, "token-used-up").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_expired_was_revoked_or_never_was_lets_nobody_in() {
    let harness = Harness::with_manual_clock().await;
    let expired = harness.token(5).await;
    harness.pass(Span::hours(73)).await;
    let revoked = harness.token(5).await;
    let tokens = harness.api.get("/api/v1/enrolment/tokens").await.expect(200).json();
    let id = tokens["items"][0]["id"]
        .as_str()
        .expect("the newest token's id")
        .to_owned();
    harness
        .api
        .post(
            &format!("/api/v1/enrolment/tokens/{id}/revoke"),
            &json!({ "reason": "lost" }),
        )
        .await
        .expect(200);
    let cases = [
        (expired.as_str(), "token-expired"),
        (&revoked, "token-revoked"),
        ("kshe_nonsense", "token-unknown"),
        ("", "no-token"),
    ];
    for (token, cause) in cases {
        let mut terminal = Terminal::new(harness.agents(), cause);
        waits(&harness, &mut terminal, token, cause).await;
        assert!(terminal.open().await.is_err(), "it gets no session");
    }
    assert_eq!(harness.overview().await["pending"], 4);
    assert_eq!(harness.overview().await["terminals"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_and_is_approved_gets_its_certificate_by_asking_again() {
    let harness = Harness::start().await;
    let mut terminal = Terminal::new(harness.agents(), "uketsuke-1");
    let request = waits(&harness, &mut terminal, "", "no-token").await;
    assert_eq!(
        waits(&harness, &mut terminal, "", "no-token").await,
        request,
        "asking again is the same request"
    );
    let path = format!("/api/v1/enrolment/pending/{request}/approve");
    harness
        .api
        .post(&path, &json!({ "reason": "called them" }))
        .await
        .expect(200);
    let outcome = terminal.enrol("").await.expect("an answer");
    assert!(matches!(outcome, Outcome::Enrolled(_)), "{outcome:?}");
    terminal.connect(1).await;
    harness.api.post(&path, &json!({ "reason": "again" })).await.expect(409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_rejected_is_told_so() {
    let harness = Harness::start().await;
    let mut terminal = Terminal::new(harness.agents(), "stranger");
    let request = waits(&harness, &mut terminal, "", "no-token").await;
    let path = format!("/api/v1/enrolment/pending/{request}/reject");
    harness
        .api
        .post(&path, &json!({ "reason": "unknown machine" }))
        .await
        .expect(200);
    let outcome = terminal.enrol("").await.expect("an answer");
    assert!(
        matches!(&outcome, Outcome::Refused(refusal) if refusal.code == "E-ENROL-08"),
        "{outcome:?}"
    );
    assert_eq!(pending(&harness).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_twice_with_one_key_makes_one_terminal() {
    let harness = Harness::start().await;
    let token = harness.token(5).await;
    let mut terminal = Terminal::enrolled(harness.agents(), "uketsuke-1", &token).await;
    let first = terminal.id();
    terminal.enrol("").await.expect("an answer");
    assert_eq!(terminal.id(), first);
    assert_eq!(harness.overview().await["terminals"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_box_that_is_known_already_waits_for_a_person_and_then_replaces_itself() {
    let harness = Harness::start().await;
    let token = harness.token(5).await;
    let old = Terminal::enrolled(harness.agents(), "uketsuke-1", &token).await;
    let mut reimaged = Terminal::new(harness.agents(), "uketsuke-1");
    let request = waits(&harness, &mut reimaged, &token, "clash").await;
    let path = format!("/api/v1/enrolment/pending/{request}/approve");
    harness
        .api
        .post(&path, &json!({ "reason": "reimaged" }))
        .await
        .expect(200);
    reimaged.enrol("").await.expect("an answer");
    assert_eq!(reimaged.id(), old.id());
    assert_eq!(harness.terminal(old.id()).await["generation"], 2);
    assert!(old.open().await.is_err(), "the old key is refused");
    reimaged.connect(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_of_another_protocol_is_told_so_before_it_is_let_in() {
    let harness = Harness::start().await;
    let mut terminal = Terminal::new(harness.agents(), "future");
    terminal.protocol.major += 1;
    let outcome = terminal.enrol(&harness.token(1).await).await.expect("an answer");
    assert!(
        matches!(&outcome, Outcome::Incompatible(told) if told.words.is_some()),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_asks_for_more_than_its_key_gets_nothing_but_a_terminals_certificate() {
    let harness = Harness::start().await;
    let token = harness.token(5).await;
    let victim = Terminal::enrolled(harness.agents(), "victim", &token).await;
    let mut greedy = Terminal::new(harness.agents(), "greedy");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "kaishin-agents");
    let wanted = format!("spiffe://kaishin.local/terminal/{}", victim.id());
    params.subject_alt_names = vec![
        SanType::URI(wanted.as_str().try_into().expect("a URI")),
        SanType::DnsName("kaishin-agents".try_into().expect("a name")),
    ];
    // basicConstraints, critical: CA=true. keyUsage: keyCertSign, cRLSign.
    let mut ca = CustomExtension::from_oid_content(&[2, 5, 29, 19], vec![0x30, 0x03, 0x01, 0x01, 0xff]);
    ca.set_criticality(true);
    let usage = CustomExtension::from_oid_content(&[2, 5, 29, 15], vec![0x03, 0x02, 0x01, 0x06]);
    params.custom_extensions = vec![ca, usage];
    let csr = params
        .serialize_request(&greedy.papers.key)
        .expect("a request")
        .der()
        .to_vec();
    let request = v1::EnrollRequest {
        csr,
        ..greedy.request(&token)
    };
    match greedy.enrol_with(request).await.expect("an answer") {
        Outcome::Refused(_) => assert_eq!(harness.overview().await["terminals"], 1),
        Outcome::Enrolled(_) => {
            assert_ne!(greedy.id(), victim.id());
            let (_, leaf) = X509Certificate::from_der(&greedy.papers.chain[0]).expect("a certificate");
            assert!(!leaf.is_ca());
            let usage = leaf.key_usage().expect("readable");
            assert!(usage.is_none_or(|usage| !usage.value.key_cert_sign() && !usage.value.crl_sign()));
            let names = leaf.subject_alternative_name().expect("readable").expect("there").value;
            let own = format!("spiffe://kaishin.local/terminal/{}", greedy.id());
            assert_eq!(names.general_names, [GeneralName::URI(&own)]);
            assert!(!leaf.subject().to_string().contains("kaishin-agents"));
        }
        other @ (Outcome::Pending(_) | Outcome::Incompatible(_)) => panic!("{other:?}"),
    }
}
