use kaishin_domain::audit::{Broken, Event, Head, Verifier};
use kaishin_domain::time::Time;
use serde_json::json;

use super::{Opened, on_both_engines};

on_both_engines! {
    many_who_write_at_once_make_one_chain
    an_edit_is_found
    a_deletion_is_found
    a_swap_is_found
    a_truncated_tail_is_found
    the_log_is_read_by_actor_and_by_target
}

fn event(n: i64) -> Event {
    Event {
        at: Time(n),
        actor: format!("actor{}", n % 2),
        action: "terminal.revoke",
        target: format!("terminal:{}", n % 3),
        reason: "盗難".into(),
        before: json!({"state": "active"}),
        after: json!({"state": "revoked", "n": n}),
    }
}

async fn append(opened: &Opened, events: i64) {
    for n in 0..events {
        opened
            .write(move |tx| Box::pin(async move { tx.audit(event(n)).await.map(drop) }))
            .await;
    }
}

async fn verify(opened: &Opened) -> Result<Head, Broken> {
    let store = &opened.store;
    let mut verifier = Verifier::default();
    for entry in store.audit_after(0, 10_000).await.expect("the log reads") {
        verifier.check(&entry)?;
    }
    verifier.finish(store.audit_head().await.expect("the head reads"))
}

async fn many_who_write_at_once_make_one_chain(opened: Opened) {
    let writers = (0..200).map(|n| opened.write(move |tx| Box::pin(async move { tx.audit(event(n)).await.map(drop) })));
    futures_util::future::join_all(writers).await;
    assert_eq!(verify(&opened).await.map(|head| head.number), Ok(200));
}

async fn an_edit_is_found(opened: Opened) {
    append(&opened, 5).await;
    opened
        .meddle(&["UPDATE audit SET reason = 'lost' WHERE number = 2"])
        .await;
    assert_eq!(verify(&opened).await, Err(Broken::Changed(2)));
}

async fn a_deletion_is_found(opened: Opened) {
    append(&opened, 5).await;
    opened.meddle(&["DELETE FROM audit WHERE number = 3"]).await;
    assert_eq!(verify(&opened).await, Err(Broken::Missing { expected: 3, found: 4 }));
}

async fn a_swap_is_found(opened: Opened) {
    append(&opened, 5).await;
    let swap = [
        "UPDATE audit SET number = 99 WHERE number = 2",
        "UPDATE audit SET number = 2 WHERE number = 3",
        "UPDATE audit SET number = 3 WHERE number = 99",
    ];
    opened.meddle(&swap).await;
    assert_eq!(verify(&opened).await, Err(Broken::Unlinked(2)));
}

async fn a_truncated_tail_is_found(opened: Opened) {
    append(&opened, 5).await;
    opened.meddle(&["DELETE FROM audit WHERE number > 3"]).await;
    assert_eq!(verify(&opened).await, Err(Broken::Truncated { expected: 5, found: 3 }));
}

async fn the_log_is_read_by_actor_and_by_target(opened: Opened) {
    append(&opened, 12).await;
    let read = async |before: i64, actor: Option<&str>, target: Option<&str>| {
        let entries = opened
            .store
            .audit_recent(before, 3, actor, target)
            .await
            .expect("a page");
        entries.iter().map(|entry| entry.at.micros()).collect::<Vec<_>>()
    };
    assert_eq!(read(i64::MAX, None, None).await, [11, 10, 9]);
    assert_eq!(read(10, None, None).await, [8, 7, 6]);
    assert_eq!(read(i64::MAX, Some("actor0"), None).await, [10, 8, 6]);
    assert_eq!(read(i64::MAX, None, Some("terminal:0")).await, [9, 6, 3]);
    assert_eq!(read(i64::MAX, Some("actor0"), Some("terminal:0")).await, [6, 0]);
}
