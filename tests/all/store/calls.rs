use kaishin::store::{Before, CallEvent, CallFilter, CallMoment, CallOrder, StoreError};
use kaishin_domain::call::{Call, Caller, Condition, Outcome, State};
use kaishin_domain::id::CallId;
use kaishin_domain::time::Time;

use super::{Opened, on_both_engines, terminal_id};

on_both_engines! {
    a_call_reads_back_as_it_was_written
    who_did_not_see_the_latest_change_makes_none
    calls_are_found_ordered_counted_and_paged
    those_that_wait_are_found_and_what_happened_stands_in_order
    the_calls_of_a_terminal_are_read_newest_first_and_from_any_place_on
}

fn call(n: u8, owner: &str, state: State) -> Call {
    let caller = Caller::read("田中", "受付", "03-1234-5678", "100%_読めない!").expect("short");
    let id = CallId::new(Time(i64::from(n) * 1_000_000), [n; 10]);
    let mut call = Call::open(
        id,
        caller,
        (None, Some(terminal_id(u16::from(n)))),
        owner,
        Time(i64::from(n)),
    );
    call.state = state;
    call
}

fn waiting() -> State {
    State::Waiting {
        condition: Condition::Online,
        since: Time(7),
    }
}

fn closed() -> State {
    State::Closed {
        outcome: Outcome::Fixed,
        at: Time(9),
        by: "suzuki".into(),
        note: String::new(),
        proof: None,
    }
}

fn due() -> State {
    State::Due {
        condition: Condition::Online,
        since: Time(7),
        due_at: Time(8),
    }
}

async fn insert(opened: &Opened, call: Call, words: &'static str) {
    opened
        .write(move |tx| Box::pin(async move { tx.insert_call(&call, words).await }))
        .await;
}

async fn a_call_reads_back_as_it_was_written(opened: Opened) {
    for (n, state) in [State::Open, waiting(), due(), closed()].into_iter().enumerate() {
        let call = call(n as u8, "suzuki", state);
        insert(&opened, call.clone(), "").await;
        assert_eq!(opened.store.call(call.id).await.expect("read"), Some(call));
    }
    assert_eq!(
        opened.store.call(CallId::new(Time(0), [9; 10])).await.expect("read"),
        None
    );
}

async fn who_did_not_see_the_latest_change_makes_none(opened: Opened) {
    let first = call(1, "suzuki", State::Open);
    insert(&opened, first.clone(), "").await;
    let change = |version: i64, owner: &str| {
        let is = Call {
            version,
            owner: owner.into(),
            ..first.clone()
        };
        opened
            .store
            .write(move |tx| Box::pin(async move { tx.update_call(&is, "x").await }))
    };
    let written: Result<(), StoreError> = change(2, "sato").await;
    written.expect("they saw the first");
    for late in [1, 2, 4] {
        let lost = change(late, "tanaka").await;
        assert!(matches!(lost, Err(StoreError::LostRace("call"))), "{late}: {lost:?}");
    }
    let is = opened.store.call(first.id).await.expect("read").expect("there");
    assert_eq!((is.version, is.owner.as_str()), (2, "sato"));
}

async fn calls_are_found_ordered_counted_and_paged(opened: Opened) {
    let rows = [
        (1, "suzuki", State::Open, "みどり 100%"),
        (2, "sato", due(), "みどり 100_"),
        (3, "suzuki", waiting(), "さくら"),
        (4, "suzuki", closed(), "さくら!"),
    ];
    for (n, owner, state, words) in rows {
        insert(&opened, call(n, owner, state), words).await;
    }
    let found = async |filter: CallFilter, order: (CallOrder, bool)| -> Vec<i64> {
        let calls = opened.store.calls(&filter, order, 9, 0).await.expect("read");
        let count = opened.store.count_calls(&filter).await.expect("counted");
        assert_eq!(count, calls.len() as u64);
        calls.into_iter().map(|call| call.opened_at.micros()).collect()
    };
    let all = CallFilter::default;
    assert_eq!(found(all(), (CallOrder::Urgent, false)).await, [2, 1, 3, 4]);
    assert_eq!(found(all(), (CallOrder::Urgent, true)).await, [4, 3, 1, 2]);
    assert_eq!(found(all(), (CallOrder::Opened, false)).await, [1, 2, 3, 4]);
    assert_eq!(found(all(), (CallOrder::Opened, true)).await, [4, 3, 2, 1]);
    assert_eq!(found(all(), (CallOrder::Owner, false)).await, [2, 4, 3, 1]);
    let with = |state: &str, owner: &str, words: &str| CallFilter {
        state: state.into(),
        owner: owner.into(),
        words: words.into(),
        ..all()
    };
    for (filter, expected) in [
        (with("unfinished", "", ""), vec![2, 1, 3]),
        (with("due", "", ""), vec![2]),
        (with("unfinished", "suzuki", ""), vec![1, 3]),
        (with("", "", "みどり"), vec![2, 1]),
        (with("", "", "%"), vec![1]),
        (with("", "", "_"), vec![2]),
        (with("", "", "!"), vec![4]),
        (with("closed", "sato", ""), vec![]),
    ] {
        assert_eq!(
            found(filter.clone(), (CallOrder::Urgent, false)).await,
            expected,
            "{filter:?}"
        );
    }
    let of_terminal = CallFilter {
        terminal: terminal_id(3).to_string(),
        ..all()
    };
    assert_eq!(found(of_terminal, (CallOrder::Urgent, false)).await, [3]);
    let page = opened.store.calls(&all(), (CallOrder::Opened, false), 2, 1).await;
    let page: Vec<i64> = page.expect("read").iter().map(|call| call.opened_at.micros()).collect();
    assert_eq!(page, [2, 3]);
}

async fn those_that_wait_are_found_and_what_happened_stands_in_order(opened: Opened) {
    for (n, state) in [(1, State::Open), (2, waiting()), (3, closed()), (4, waiting())] {
        insert(&opened, call(n, "suzuki", state), "").await;
    }
    let read = async |after: Option<CallId>, limit: u32| -> Vec<i64> {
        let calls = opened.store.waiting_calls(after, limit).await.expect("read");
        calls.iter().map(|call| call.opened_at.micros()).collect()
    };
    assert_eq!(read(None, 9).await, [2, 4]);
    assert_eq!(read(None, 1).await, [2]);
    assert_eq!(read(Some(call(2, "suzuki", State::Open).id), 9).await, [4]);
    let id = call(1, "suzuki", State::Open).id;
    let event = |number: i64| CallEvent {
        number,
        at: Time(number),
        by: "suzuki".into(),
        event: "{\"event\":\"said\"}".into(),
    };
    for number in [2, 1] {
        let event = event(number);
        opened
            .write(move |tx| Box::pin(async move { tx.insert_call_event(id, &event).await }))
            .await;
    }
    assert_eq!(opened.store.call_events(id).await.expect("read"), [event(1), event(2)]);
}

/// The numbers of its events are their moments too, but for the last one.
async fn insert_about(opened: &Opened, n: u8, terminal: u16, version: i64, state: State, last: i64) -> String {
    let call = Call {
        terminal: Some(terminal_id(terminal)),
        version,
        ..call(n, "suzuki", state)
    };
    let id = call.id;
    insert(opened, call, "").await;
    for number in 1..=version {
        let event = CallEvent {
            number,
            at: Time(if number == version { last } else { number }),
            by: format!("by-{number}"),
            event: "{}".into(),
        };
        opened
            .write(move |tx| Box::pin(async move { tx.insert_call_event(id, &event).await }))
            .await;
    }
    id.to_string()
}

async fn the_calls_of_a_terminal_are_read_newest_first_and_from_any_place_on(opened: Opened) {
    let first = insert_about(&opened, 1, 1, 3, closed(), 9).await;
    let second = insert_about(&opened, 2, 1, 2, closed(), 9).await;
    let open = insert_about(&opened, 3, 1, 1, State::Open, 4).await;
    insert_about(&opened, 4, 2, 2, closed(), 9).await;
    let told = |moments: Result<Vec<CallMoment>, StoreError>| -> Vec<(i64, String, String)> {
        let told = |one: CallMoment| (one.at.micros(), one.by, one.call.id.to_string());
        moments.expect("read").into_iter().map(told).collect()
    };
    let row = |at: i64, by: &str, id: &str| (at, by.to_owned(), id.to_owned());
    let before = |at: i64, key: &str| Before {
        at: Time(at),
        key: key.into(),
    };
    let taken = [row(4, "by-1", &open), row(1, "by-1", &second), row(1, "by-1", &first)];
    let done = [row(9, "by-2", &second), row(9, "by-3", &first)];
    for (from, limit, expected) in [
        (before(i64::MAX, ""), 9, &taken[..]),
        (before(i64::MAX, ""), 1, &taken[..1]),
        (before(4, &open), 9, &taken[1..]),
        (before(1, &second), 9, &taken[2..]),
        (before(1, ""), 9, &taken[3..]),
    ] {
        let found = opened.store.calls_opened(terminal_id(1), &from, limit).await;
        assert_eq!(told(found), expected, "{from:?}");
    }
    for (from, expected) in [
        (before(i64::MAX, ""), &done[..]),
        (before(9, &second), &done[1..]),
        (before(9, ""), &done[2..]),
    ] {
        let found = opened.store.calls_closed(terminal_id(1), &from, 9).await;
        assert_eq!(told(found), expected, "{from:?}");
    }
}
