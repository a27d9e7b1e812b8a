use futures_util::future::join_all;
use kaishin::store::{Store, StoreError};
use kaishin_domain::terminal::Terminal;

use super::{Opened, on_both_engines, terminal, terminal_id};

on_both_engines! {
    many_writers_at_once_lose_nothing
    who_was_answered_reads_what_he_wrote
    a_unit_that_fails_takes_nobody_with_it
    a_unit_that_panics_takes_nobody_with_it
    a_unit_that_overlooks_an_error_is_not_half_kept
    what_was_queued_is_written_before_the_store_closes
    a_closed_store_refuses_work
    what_was_written_is_there_after_opening_again
}

async fn put(store: &Store, terminals: Vec<Terminal>) -> Result<(), StoreError> {
    let unit = store.write(|tx| {
        Box::pin(async move {
            for terminal in &terminals {
                tx.insert_terminal(terminal).await?;
            }
            Ok(())
        })
    });
    unit.await
}

async fn count(store: &Store) -> usize {
    store.terminals_after(None, 100_000).await.expect("read").len()
}

async fn many_writers_at_once_lose_nothing(opened: Opened) {
    let done = join_all((0..1_500).map(|n| put(&opened.store, vec![terminal(n)]))).await;
    assert!(done.iter().all(Result::is_ok));
    assert_eq!(count(&opened.store).await, 1_500);
}

async fn who_was_answered_reads_what_he_wrote(opened: Opened) {
    let store = &opened.store;
    let done = join_all((0..300).map(async |n| {
        put(store, vec![terminal(n)]).await.expect("written");
        store.terminal(terminal_id(n)).await.expect("read").is_some()
    }));
    assert!(done.await.into_iter().all(|seen| seen));
}

async fn a_unit_that_fails_takes_nobody_with_it(opened: Opened) {
    // Every third one repeats a terminal after having written another, which must not stay either.
    put(&opened.store, vec![terminal(0)]).await.expect("written");
    let done = join_all((1..=300).map(|n| {
        let bad = n % 3 == 0;
        let terminals = if bad {
            vec![terminal(n), terminal(0)]
        } else {
            vec![terminal(n)]
        };
        put(&opened.store, terminals)
    }));
    let failed = done.await.into_iter().filter(Result::is_err).count();
    assert_eq!((failed, count(&opened.store).await), (100, 201));
}

async fn a_unit_that_panics_takes_nobody_with_it(opened: Opened) {
    let store = &opened.store;
    let done = join_all((0..60).map(async |n| {
        let unit = store.write(move |tx| {
            Box::pin(async move {
                tx.insert_terminal(&terminal(n)).await?;
                assert!(n % 10 != 0, "a unit with a mistake in it");
                Ok::<(), StoreError>(())
            })
        });
        unit.await
    }));
    let failed = done
        .await
        .into_iter()
        .filter(|done| matches!(done, Err(StoreError::BrokeOff)))
        .count();
    assert_eq!((failed, count(store).await), (6, 54));
}

async fn a_unit_that_overlooks_an_error_is_not_half_kept(opened: Opened) {
    put(&opened.store, vec![terminal(0)]).await.expect("written");
    let unit = opened.store.write(|tx| {
        Box::pin(async move {
            tx.insert_terminal(&terminal(1)).await?;
            // An error that the unit does not pass on. PostgreSQL refuses everything after it; SQLite does not.
            let _ = tx.insert_terminal(&terminal(0)).await;
            Ok::<(), StoreError>(())
        })
    });
    let kept = usize::from(unit.await.is_ok());
    assert_eq!(count(&opened.store).await, 1 + kept);
    put(&opened.store, vec![terminal(2)]).await.expect("the writer goes on");
}

async fn what_was_queued_is_written_before_the_store_closes(opened: Opened) {
    let writers: Vec<_> = (0..200)
        .map(|n| {
            let store = opened.store.clone();
            tokio::spawn(async move { put(&store, vec![terminal(n)]).await })
        })
        .collect();
    opened.store.close().await;
    let mut written = 0;
    for writer in writers {
        match writer.await.expect("no panic") {
            Ok(()) => written += 1,
            Err(error) => assert!(matches!(error, StoreError::Stopped), "{error}"),
        }
    }
    let again = Store::open(&opened.database).await.expect("opens again");
    assert_eq!(count(&again).await, written);
    again.close().await;
}

async fn a_closed_store_refuses_work(opened: Opened) {
    opened.store.close().await;
    assert!(matches!(
        put(&opened.store, vec![terminal(0)]).await,
        Err(StoreError::Stopped)
    ));
    assert!(opened.store.ping().await.is_err());
}

async fn what_was_written_is_there_after_opening_again(opened: Opened) {
    put(&opened.store, vec![terminal(1)]).await.expect("written");
    opened.store.close().await;
    let again = Store::open(&opened.database).await.expect("opens again");
    again.ping().await.expect("the database answers");
    assert_eq!(again.terminal(terminal_id(1)).await.expect("read"), Some(terminal(1)));
    again.close().await;
}
