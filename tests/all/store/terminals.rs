use std::collections::BTreeMap;

use kaishin::store::{FaultRow, NewSection, SectionRow, SectionText, StoreError};
use kaishin_domain::id::TerminalId;
use kaishin_domain::terminal::{Hold, Machine, Terminal};
use kaishin_domain::time::Time;
use kaishin_domain::value::Value;
use kaishin_domain::words::Words;

use super::{Opened, hash, on_both_engines, terminal, terminal_id};

on_both_engines! {
    a_terminal_reads_back_as_it_was_written
    everything_that_changes_on_a_terminal_is_kept
    of_two_who_decide_at_once_one_loses
    an_unknown_box_is_no_terminal
    a_terminal_is_never_seen_earlier_than_before
    terminals_come_in_pages_in_order_of_id
    a_section_replaces_the_one_before_it
    a_fault_stands_open_once
}

async fn insert(opened: &Opened, terminals: Vec<Terminal>) {
    opened
        .write(|tx| {
            Box::pin(async move {
                for terminal in &terminals {
                    tx.insert_terminal(terminal).await?;
                }
                Ok(())
            })
        })
        .await;
}

async fn a_terminal_reads_back_as_it_was_written(opened: Opened) {
    let one = terminal(1);
    insert(&opened, vec![one.clone(), terminal(2)]).await;
    let store = &opened.store;
    assert_eq!(store.terminal(one.id).await.expect("read"), Some(one.clone()));
    assert_eq!(
        store.terminal_by_key(one.key_hash).await.expect("read"),
        Some(one.clone())
    );
    assert_eq!(store.terminal_in_box(&one.machine).await.expect("read"), Some(one));
    assert_eq!(store.terminal(terminal_id(9)).await.expect("read"), None);
}

async fn everything_that_changes_on_a_terminal_is_kept(opened: Opened) {
    let was = terminal(1);
    insert(&opened, vec![was.clone()]).await;
    let held = Terminal {
        hold: Some(Hold::Incompatible {
            since: Time(8),
            agent_version: "9.9".into(),
        }),
        agent_version: "0.2.0".into(),
        minor: 2,
        ..was.replaced(hash(77), Machine::default())
    };
    let revoked = held
        .revoke("stolen", Time(9))
        .expect("an active terminal can be revoked");
    let steps = [(was.clone(), held.clone()), (held, revoked.clone())];
    for (was, is) in steps {
        opened
            .write(|tx| Box::pin(async move { tx.update_terminal(&was, &is).await }))
            .await;
    }
    assert_eq!(opened.store.terminal(revoked.id).await.expect("read"), Some(revoked));
}

async fn of_two_who_decide_at_once_one_loses(opened: Opened) {
    let was = terminal(1);
    insert(&opened, vec![was.clone()]).await;
    let is = was.revoke("stolen", Time(9)).expect("revoked");
    let unit = |was: Terminal, is: Terminal| {
        opened
            .store
            .write(|tx| Box::pin(async move { tx.update_terminal(&was, &is).await }))
    };
    let (one, other): (Result<(), StoreError>, Result<(), StoreError>) =
        tokio::join!(unit(was.clone(), is.clone()), unit(was, is));
    assert!(one.is_ok() != other.is_ok());
    assert!(matches!(one.and(other), Err(StoreError::LostRace("terminal"))));
}

async fn an_unknown_box_is_no_terminal(opened: Opened) {
    let nameless = Terminal {
        machine: Machine::default(),
        ..terminal(1)
    };
    let gone = terminal(2).revoke("sold", Time(1)).expect("revoked");
    insert(&opened, vec![nameless, terminal(2)]).await;
    opened
        .write(|tx| Box::pin(async move { tx.update_terminal(&terminal(2), &gone).await }))
        .await;
    assert_eq!(
        opened.store.terminal_in_box(&Machine::default()).await.expect("read"),
        None
    );
    assert_eq!(
        opened.store.terminal_in_box(&terminal(2).machine).await.expect("read"),
        None
    );
}

async fn a_terminal_is_never_seen_earlier_than_before(opened: Opened) {
    insert(&opened, (0..600).map(terminal).collect()).await;
    for at in [20, 10] {
        let seen: Vec<_> = (0..600).map(|n| (terminal_id(n), Time(at))).collect();
        opened
            .write(|tx| Box::pin(async move { tx.touch_terminals(&seen).await }))
            .await;
    }
    let last = opened
        .store
        .terminal(terminal_id(599))
        .await
        .expect("read")
        .expect("there");
    assert_eq!(last.last_seen, Some(Time(20)));
}

async fn terminals_come_in_pages_in_order_of_id(opened: Opened) {
    insert(&opened, (0..25).rev().map(terminal).collect()).await;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = opened.store.terminals_after(after, 10).await.expect("a page");
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        seen.extend(page.iter().map(|terminal| terminal.id));
    }
    assert_eq!(seen, (0..25).map(terminal_id).collect::<Vec<_>>());
}

fn new(sections: &[SectionRow]) -> Vec<NewSection> {
    let new = |row: &SectionRow| NewSection {
        terminal: row.terminal,
        name: row.name.clone(),
        digest: row.digest.clone(),
        observed_at: row.observed_at,
        received_at: row.received_at,
        facts: SectionText::of(&row.facts).expect("JSON"),
    };
    sections.iter().map(new).collect()
}

async fn a_section_replaces_the_one_before_it(opened: Opened) {
    let section = |n: u16, name: &str, on: bool| SectionRow {
        terminal: terminal_id(n),
        name: name.into(),
        digest: vec![u8::from(on); 16],
        observed_at: Time(1),
        received_at: Time(2),
        facts: BTreeMap::from([
            (format!("{name}.on"), Value::Truth(on)),
            (format!("{name}.name"), Value::Text("受付".into())),
        ]),
    };
    let first: Vec<_> = (0..700)
        .flat_map(|n| [section(n, "power", true), section(n, "os", true)])
        .collect();
    let second = vec![section(3, "power", false)];
    for sections in [first, second] {
        opened
            .write(|tx| Box::pin(async move { tx.put_sections(&new(&sections)).await }))
            .await;
    }
    let store = &opened.store;
    let expected = vec![section(3, "os", true), section(3, "power", false)];
    assert_eq!(store.sections(terminal_id(3)).await.expect("read"), expected);
    let asked: Vec<TerminalId> = [3, 1, 900].map(terminal_id).to_vec();
    let mut digests = store.section_digests(&asked).await.expect("read");
    digests.sort();
    let digest = |n: u16, name: &str, digest: u8| (terminal_id(n), name.to_owned(), vec![digest; 16]);
    let expected = [
        digest(1, "os", 1),
        digest(1, "power", 1),
        digest(3, "os", 1),
        digest(3, "power", 0),
    ];
    assert_eq!(digests, expected);
    let wanted = [(3, "os"), (3, "clock"), (900, "os")].map(|(n, name)| (terminal_id(n), name.to_owned()));
    let texts = store.section_texts(&wanted).await.expect("read");
    let [(terminal, name, text)] = texts.as_slice() else {
        panic!("{texts:?}")
    };
    assert_eq!((*terminal, name.as_str()), (terminal_id(3), "os"));
    assert_eq!(text.facts().expect("JSON"), section(3, "os", true).facts);
    let some = store
        .sections_between(Some(terminal_id(1)), terminal_id(3))
        .await
        .expect("read");
    assert_eq!(some.len(), 4);
    assert_eq!(
        store.sections_between(None, terminal_id(0)).await.expect("read").len(),
        2
    );
    opened
        .write(|tx| Box::pin(async move { tx.forget_sections(terminal_id(3)).await }))
        .await;
    assert_eq!(store.sections(terminal_id(3)).await.expect("read"), []);
}

async fn a_fault_stands_open_once(opened: Opened) {
    let fault = |at: i64, found: &str| FaultRow {
        terminal: terminal_id(1),
        rule: "fast-startup-on".into(),
        opened_at: Time(at),
        closed_at: None,
        expected: Words::new("無効", "off"),
        found: Value::Text(found.into()),
        evidence: Some("power.fast_startup".into()),
        before: Some(Value::Truth(false)),
    };
    let both = [fault(1, "on"), fault(2, "on again")];
    opened
        .write(move |tx| {
            Box::pin(async move {
                for fault in both {
                    tx.open_faults(&[fault]).await?;
                }
                tx.refresh_faults(&[fault(3, "still on")]).await
            })
        })
        .await;
    let store = &opened.store;
    assert_eq!(
        store.open_faults(terminal_id(1)).await.expect("read"),
        [fault(1, "still on")]
    );
    assert_eq!(
        store
            .open_faults_between(None, terminal_id(5))
            .await
            .expect("read")
            .len(),
        1
    );
    let closed = [(terminal_id(1), "fast-startup-on".to_owned())];
    opened
        .write(|tx| Box::pin(async move { tx.close_faults(&closed, Time(5)).await }))
        .await;
    assert_eq!(store.open_faults(terminal_id(1)).await.expect("read"), []);
    opened
        .write(move |tx| Box::pin(async move { tx.open_faults(&[fault(9, "on")]).await }))
        .await;
    assert_eq!(
        store.open_faults(terminal_id(1)).await.expect("read").len(),
        1,
        "a closed fault can open again"
    );
    opened
        .write(|tx| Box::pin(async move { tx.close_all_faults(terminal_id(1), Time(10)).await }))
        .await;
    assert_eq!(store.open_faults(terminal_id(1)).await.expect("read"), []);
}
