use kaishin::store::{ApiToken, Operator, StoreError};
use kaishin_domain::access::Role;
use kaishin_domain::id::{OperatorId, TokenId};
use kaishin_domain::time::Time;

use super::{Opened, hash, on_both_engines, ten};

on_both_engines! {
    an_operator_reads_back_and_changes
    of_two_who_change_an_operator_at_the_same_moment_one_has_to_look_again
    two_operators_never_share_a_name
    a_sign_in_lasts_until_it_is_ended_or_forgotten
    an_api_token_is_revoked_once
}

fn operator(n: u16) -> Operator {
    Operator {
        id: OperatorId::new(Time(0), ten(n)),
        name: format!("tanaka{n}"),
        display_name: "田中".into(),
        role: Role::Desk,
        password_hash: "$argon2id$…".into(),
        language: "ja".into(),
        disabled: false,
        created_at: Time(1),
    }
}

async fn insert(opened: &Opened, operator: Operator) -> Result<(), StoreError> {
    opened
        .store
        .write(|tx| Box::pin(async move { tx.insert_operator(&operator).await }))
        .await
}

async fn an_operator_reads_back_and_changes(opened: Opened) {
    insert(&opened, operator(1)).await.expect("kept");
    assert_eq!(
        opened.store.operator_named("tanaka1").await.expect("read"),
        Some(operator(1))
    );
    let changed = Operator {
        role: Role::Admin,
        disabled: true,
        language: "en".into(),
        display_name: "Tanaka".into(),
        password_hash: "x".into(),
        ..operator(1)
    };
    let is = changed.clone();
    opened
        .write(|tx| Box::pin(async move { tx.update_operator(&operator(1), &is).await }))
        .await;
    assert_eq!(opened.store.operators().await.expect("read"), [changed]);
}

async fn of_two_who_change_an_operator_at_the_same_moment_one_has_to_look_again(opened: Opened) {
    insert(&opened, operator(1)).await.expect("kept");
    let disabled = Operator {
        disabled: true,
        ..operator(1)
    };
    let promoted = Operator {
        role: Role::Admin,
        ..operator(1)
    };
    let from_what_was = |is: Operator| {
        opened
            .store
            .write(|tx| Box::pin(async move { tx.update_operator(&operator(1), &is).await }))
    };
    let (one, other): (Result<(), StoreError>, Result<(), StoreError>) =
        tokio::join!(from_what_was(disabled.clone()), from_what_was(promoted.clone()));
    let lost = |result: &Result<(), StoreError>| matches!(result, Err(StoreError::LostRace(_)));
    let winner = match (&one, &other) {
        (Ok(()), refused) if lost(refused) => disabled,
        (refused, Ok(())) if lost(refused) => promoted,
        both => panic!("one and only one is done: {both:?}"),
    };
    assert_eq!(opened.store.operators().await.expect("read"), [winner]);
}

async fn two_operators_never_share_a_name(opened: Opened) {
    insert(&opened, operator(1)).await.expect("kept");
    let twin = Operator {
        id: operator(2).id,
        ..operator(1)
    };
    assert!(matches!(insert(&opened, twin).await, Err(StoreError::Exists(_))));
}

async fn a_sign_in_lasts_until_it_is_ended_or_forgotten(opened: Opened) {
    for n in 1..=2 {
        insert(&opened, operator(n)).await.expect("kept");
    }
    opened
        .write(|tx| {
            Box::pin(async move {
                for n in 1..=5 {
                    let who = operator(if n == 5 { 2 } else { 1 }).id;
                    tx.insert_sign_in(hash(n), who, Time(i64::from(n) * 10)).await?;
                }
                tx.use_sign_in(hash(2), Time(500)).await
            })
        })
        .await;
    let store = &opened.store;
    let signed_in = store.signed_in(hash(2)).await.expect("read").expect("signed in");
    assert_eq!(
        (signed_in.operator, signed_in.created_at, signed_in.last_used),
        (operator(1), Time(20), Time(500))
    );

    // Number 1 was not used since, number 2 was made too long ago, however often it was used.
    opened
        .write(|tx| Box::pin(async move { tx.forget_sign_ins(Time(15), Time(25)).await }))
        .await;
    for n in [1, 2] {
        assert!(store.signed_in(hash(n)).await.expect("read").is_none());
    }
    opened
        .write(|tx| Box::pin(async move { tx.delete_sign_in(hash(3)).await }))
        .await;
    assert!(store.signed_in(hash(3)).await.expect("read").is_none());
    opened
        .write(|tx| Box::pin(async move { tx.delete_sign_ins_of(operator(1).id).await }))
        .await;
    assert!(store.signed_in(hash(4)).await.expect("read").is_none());
    assert!(
        store.signed_in(hash(5)).await.expect("read").is_some(),
        "somebody else's"
    );
}

async fn an_api_token_is_revoked_once(opened: Opened) {
    let token = ApiToken {
        id: TokenId::new(Time(0), ten(1)),
        name: "monitoring".into(),
        role: Role::Viewer,
        created_at: Time(1),
        created_by: "tanaka".into(),
        expires_at: Time(99),
        revoked_at: None,
    };
    let kept = token.clone();
    opened
        .write(|tx| Box::pin(async move { tx.insert_api_token(&kept, hash(1)).await }))
        .await;
    assert_eq!(
        opened.store.api_token(hash(1)).await.expect("read"),
        Some(token.clone())
    );
    assert_eq!(opened.store.api_token(hash(2)).await.expect("read"), None);
    let id = token.id;
    let revoke = || {
        opened
            .store
            .write(move |tx| Box::pin(async move { tx.revoke_api_token(id, Time(7)).await }))
    };
    let first: Result<(), StoreError> = revoke().await;
    first.expect("revoked");
    let second: Result<(), StoreError> = revoke().await;
    assert!(matches!(second, Err(StoreError::LostRace(_))));
    let revoked = ApiToken {
        revoked_at: Some(Time(7)),
        ..token
    };
    assert_eq!(opened.store.api_tokens().await.expect("read"), [revoked]);
}
