use kaishin::store::StoreError;
use kaishin_domain::enrolment::{Cause, EnrolmentRequest, EnrolmentToken, RequestState, TokenScope};
use kaishin_domain::id::{RequestId, TokenId};
use kaishin_domain::time::Time;

use super::{Opened, hash, on_both_engines, ten, terminal, terminal_id};

on_both_engines! {
    a_token_is_used_no_more_often_than_it_may_be
    a_token_that_expired_or_was_revoked_is_not_used
    a_request_is_decided_once
    the_same_key_asks_once
}

fn token(n: u16, most_uses: u32) -> EnrolmentToken {
    EnrolmentToken {
        id: TokenId::new(Time(0), ten(n)),
        label: "渋谷".into(),
        most_uses,
        used: 0,
        expires_at: Time(100),
        scope: TokenScope {
            carrier: Some("east".into()),
            prefecture: None,
            institution_code: Some("1312345678".into()),
        },
        created_at: Time(1),
        created_by: "tanaka".into(),
        revoked_at: None,
    }
}

fn request(n: u16) -> EnrolmentRequest {
    EnrolmentRequest {
        id: RequestId::new(Time(0), ten(n)),
        key_hash: hash(n),
        machine: terminal(n).machine,
        institution_code: None,
        agent_version: "0.1.0".into(),
        peer: "192.0.2.7:50000".into(),
        cause: Cause::Clash,
        clashes_with: Some(terminal_id(3)),
        asked_at: Time(9),
        state: RequestState::Pending,
    }
}

async fn insert(opened: &Opened, token: EnrolmentToken, n: u16) {
    opened
        .write(move |tx| Box::pin(async move { tx.insert_enrolment_token(&token, hash(n)).await }))
        .await;
}

async fn use_it(opened: &Opened, id: TokenId, now: Time) -> Result<(), StoreError> {
    opened
        .store
        .write(move |tx| Box::pin(async move { tx.use_enrolment_token(id, now).await }))
        .await
}

async fn a_token_is_used_no_more_often_than_it_may_be(opened: Opened) {
    let site = token(1, 5);
    insert(&opened, site.clone(), 1).await;
    assert_eq!(
        opened.store.enrolment_token(hash(1)).await.expect("read"),
        Some(site.clone())
    );
    let tries = (0..20).map(|_| use_it(&opened, site.id, Time(1)));
    let won = futures_util::future::join_all(tries)
        .await
        .iter()
        .filter(|tried| tried.is_ok())
        .count();
    assert_eq!(won, 5);
    let kept = opened.store.enrolment_tokens().await.expect("read");
    assert_eq!(kept.iter().map(|token| token.used).collect::<Vec<_>>(), [5]);
}

async fn a_token_that_expired_or_was_revoked_is_not_used(opened: Opened) {
    insert(&opened, token(1, 5), 1).await;
    insert(&opened, token(2, 5), 2).await;
    assert!(matches!(
        use_it(&opened, token(1, 5).id, Time(100)).await,
        Err(StoreError::LostRace(_))
    ));
    let revoke = || {
        opened
            .store
            .write(|tx| Box::pin(async move { tx.revoke_enrolment_token(token(2, 5).id, Time(7)).await }))
    };
    let first: Result<(), StoreError> = revoke().await;
    first.expect("revoked");
    assert!(matches!(
        use_it(&opened, token(2, 5).id, Time(8)).await,
        Err(StoreError::LostRace(_))
    ));
    let second: Result<(), StoreError> = revoke().await;
    assert!(matches!(second, Err(StoreError::LostRace(_))));
}

async fn a_request_is_decided_once(opened: Opened) {
    for n in 1..=3 {
        opened
            .write(move |tx| Box::pin(async move { tx.insert_enrolment_request(&request(n)).await }))
            .await;
    }
    let store = &opened.store;
    assert_eq!(
        store.enrolment_request(request(1).id).await.expect("read"),
        Some(request(1))
    );
    assert_eq!(store.count_pending().await.expect("read"), 3);
    let approved = RequestState::Approved {
        terminal: terminal_id(1),
        at: Time(10),
        by: "tanaka".into(),
    };
    let rejected = RequestState::Rejected {
        at: Time(11),
        by: "sato".into(),
        reason: "知らない機械".into(),
    };
    let decide = async |n: u16, decision: &RequestState| {
        let decision = decision.clone();
        let unit =
            store.write(move |tx| Box::pin(async move { tx.decide_enrolment_request(request(n).id, &decision).await }));
        let done: Result<(), StoreError> = unit.await;
        done
    };
    decide(1, &approved).await.expect("decided");
    decide(2, &rejected).await.expect("decided");
    assert!(matches!(decide(1, &rejected).await, Err(StoreError::LostRace(_))));
    let kept = store
        .enrolment_request_by_key(hash(1))
        .await
        .expect("read")
        .expect("there");
    assert_eq!(kept.state, approved);
    let kept = store
        .enrolment_request(request(2).id)
        .await
        .expect("read")
        .expect("there");
    assert_eq!(kept.state, rejected);
    assert_eq!(store.pending_requests(10).await.expect("read"), [request(3)]);
}

async fn the_same_key_asks_once(opened: Opened) {
    let again = EnrolmentRequest {
        id: RequestId::new(Time(0), ten(99)),
        ..request(1)
    };
    opened
        .write(|tx| Box::pin(async move { tx.insert_enrolment_request(&request(1)).await }))
        .await;
    let second: Result<(), StoreError> = opened
        .store
        .write(|tx| Box::pin(async move { tx.insert_enrolment_request(&again).await }))
        .await;
    assert!(matches!(second, Err(StoreError::Exists(_))));
}
