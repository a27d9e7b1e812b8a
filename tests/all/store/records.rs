use kaishin::store::JobRecord;
use kaishin_domain::id::JobId;
use kaishin_domain::time::Time;

use super::{Opened, on_both_engines, ten};

on_both_engines! {
    a_record_is_kept_whole_and_one_that_is_told_again_stands_in_its_place
    the_oldest_records_are_forgotten_first_and_only_what_is_old
}

fn job(n: u16) -> JobId {
    JobId::new(Time(0), ten(n))
}

fn record(at: i64, text: &str, cut: bool) -> JobRecord {
    JobRecord {
        at: Time(at),
        text: text.to_owned(),
        cut,
    }
}

async fn put(opened: &Opened, records: Vec<(JobId, JobRecord)>) {
    opened
        .write(|tx| Box::pin(async move { tx.put_records(&records).await }))
        .await;
}

async fn a_record_is_kept_whole_and_one_that_is_told_again_stands_in_its_place(opened: Opened) {
    let long = "接続しました '\"\\ <&>\n".repeat(4_000);
    put(
        &opened,
        vec![(job(1), record(5, &long, true)), (job(2), record(6, "", false))],
    )
    .await;
    assert_eq!(
        opened.store.record(job(1)).await.expect("read"),
        Some(record(5, &long, true))
    );
    assert_eq!(
        opened.store.record(job(2)).await.expect("read"),
        Some(record(6, "", false))
    );
    put(&opened, vec![(job(1), record(7, "again", false))]).await;
    assert_eq!(
        opened.store.record(job(1)).await.expect("read"),
        Some(record(7, "again", false))
    );
    assert_eq!(opened.store.record(job(3)).await.expect("read"), None);
    assert!(opened.store.has_record(job(2)).await.expect("read"));
    assert!(!opened.store.has_record(job(3)).await.expect("read"));
}

async fn the_oldest_records_are_forgotten_first_and_only_what_is_old(opened: Opened) {
    put(
        &opened,
        (1..=5).map(|n| (job(n), record(i64::from(n), "x", false))).collect(),
    )
    .await;
    let left = async || {
        let mut left = Vec::new();
        for n in 1..=5 {
            if opened.store.has_record(job(n)).await.expect("read") {
                left.push(n);
            }
        }
        left
    };
    for (before, most, expected) in [(1, 9, vec![1, 2, 3, 4, 5]), (4, 2, vec![3, 4, 5]), (4, 9, vec![4, 5])] {
        opened
            .write(move |tx| Box::pin(async move { tx.forget_records(Time(before), most).await.map(drop) }))
            .await;
        assert_eq!(left().await, expected, "before {before}, at most {most}");
    }
}
