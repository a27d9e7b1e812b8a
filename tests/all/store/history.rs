use kaishin::store::{Before, FactChange};
use kaishin_domain::time::Time;
use kaishin_domain::value::Value;

use super::{Opened, on_both_engines, terminal_id};

on_both_engines! {
    changes_are_read_newest_first_and_from_any_place_on
    the_last_change_tells_what_was_there_before
    old_changes_are_forgotten_a_few_at_a_time
}

fn change(n: u16, at: i64, key: &str, after: i64) -> FactChange {
    FactChange {
        terminal: terminal_id(n),
        key: key.into(),
        observed_at: Time(at - 1),
        received_at: Time(at),
        before: Value::Number(after - 1),
        after: Value::Number(after),
    }
}

async fn insert(opened: &Opened, changes: Vec<FactChange>) {
    opened
        .write(|tx| Box::pin(async move { tx.insert_fact_changes(&changes).await }))
        .await;
}

fn before(at: i64, key: &str) -> Before {
    Before {
        at: Time(at),
        key: key.into(),
    }
}

async fn changes_are_read_newest_first_and_from_any_place_on(opened: Opened) {
    let own = [
        change(1, 9, "power.sleep", 4),
        change(1, 9, "os.build", 3),
        change(1, 5, "os.build", 2),
    ];
    let mut all = own.to_vec();
    all.extend([change(2, 9, "os.build", 7), change(1, 9, "boot.id", 5)]);
    insert(&opened, all).await;
    let read = async |from: Before, limit: u32| {
        let changes = opened.store.fact_changes(terminal_id(1), &from, limit).await;
        changes.expect("read")
    };
    assert_eq!(read(before(i64::MAX, ""), 9).await, own);
    assert_eq!(read(before(i64::MAX, ""), 1).await, own[..1]);
    assert_eq!(read(before(9, "power.sleep"), 9).await, own[1..]);
    assert_eq!(read(before(9, ""), 9).await, own[2..]);
    let restarts = opened.store.restarts(terminal_id(1), &before(i64::MAX, ""), 9).await;
    assert_eq!(restarts.expect("read"), [change(1, 9, "boot.id", 5)]);
}

async fn the_last_change_tells_what_was_there_before(opened: Opened) {
    insert(&opened, vec![change(1, 5, "os.build", 2), change(1, 9, "os.build", 3)]).await;
    // Twice in one moment: it is what it was before the first and after the second.
    insert(&opened, vec![change(1, 9, "os.build", 4)]).await;
    let was = async |key: &str, at: i64| {
        let was = opened.store.fact_before(terminal_id(1), key, Time(at)).await;
        was.expect("read")
    };
    assert_eq!(was("os.build", 4).await, None);
    assert_eq!(was("os.build", 5).await, Some(Value::Number(1)));
    assert_eq!(was("os.build", 99).await, Some(Value::Number(2)));
    assert_eq!(was("os.edition", 99).await, None);
    let now = opened.store.fact_changes(terminal_id(1), &before(99, ""), 1).await;
    assert_eq!(now.expect("read")[0].after, Value::Number(4));
}

async fn old_changes_are_forgotten_a_few_at_a_time(opened: Opened) {
    insert(
        &opened,
        (0..1_100).map(|n| change(n, i64::from(n), "os.build", 1)).collect(),
    )
    .await;
    let forget = async |before: i64| {
        let gone = opened
            .store
            .write(move |tx| Box::pin(async move { tx.forget_fact_changes(Time(before), 600).await }));
        gone.await.expect("forgotten")
    };
    assert_eq!(
        (forget(1_000).await, forget(1_000).await, forget(1_000).await),
        (600, 400, 0)
    );
    let kept = opened
        .store
        .fact_changes(terminal_id(1_000), &before(i64::MAX, ""), 9)
        .await;
    assert_eq!(kept.expect("read").len(), 1);
}
