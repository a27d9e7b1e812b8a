use std::collections::BTreeMap;

use kaishin::store::{ProfileDraft, ProfileRow, StoreError, VerdictProgress};
use kaishin_domain::time::Time;

use super::{Opened, on_both_engines};

on_both_engines! {
    profiles_read_back_newest_first_and_none_is_written_twice
    one_draft_stands_and_only_who_saw_it_replaces_or_removes_it
    how_far_verdicts_have_come_reads_back
}

fn row(version: u32) -> ProfileRow {
    ProfileRow {
        version,
        body: format!("{{\"version\":{version}}}"),
        written_by: "sato".into(),
        published_at: Time(5),
        published_by: "鈴木".into(),
        reason: "新しい版".into(),
    }
}

fn draft(digest: &str) -> ProfileDraft {
    ProfileDraft {
        digest: digest.into(),
        base: 1,
        body: "{}".into(),
        saved_at: Time(6),
        saved_by: "sato".into(),
        reason: "試し".into(),
    }
}

async fn add(opened: &Opened, row: ProfileRow) -> Result<(), StoreError> {
    let unit = opened
        .store
        .write(|tx| Box::pin(async move { tx.add_profile(&row).await }));
    unit.await
}

async fn put(opened: &Opened, seen: Option<&'static str>, draft: ProfileDraft) -> Result<(), StoreError> {
    let unit = opened
        .store
        .write(move |tx| Box::pin(async move { tx.put_profile_draft(seen, &draft).await }));
    unit.await
}

async fn profiles_read_back_newest_first_and_none_is_written_twice(opened: Opened) {
    assert_eq!(opened.store.profiles(9).await.expect("read"), []);
    for version in [2, 3] {
        add(&opened, row(version)).await.expect("kept");
    }
    for late in [2, 3] {
        let lost = add(&opened, row(late)).await;
        assert!(matches!(lost, Err(StoreError::LostRace(_))), "{late}: {lost:?}");
    }
    assert_eq!(opened.store.profiles(9).await.expect("read"), [row(3), row(2)]);
    assert_eq!(opened.store.profiles(1).await.expect("read"), [row(3)]);
}

async fn one_draft_stands_and_only_who_saw_it_replaces_or_removes_it(opened: Opened) {
    assert_eq!(opened.store.profile_draft().await.expect("read"), None);
    put(&opened, None, draft("a")).await.expect("kept");
    for unseen in [None, Some("b")] {
        let lost = put(&opened, unseen, draft("c")).await;
        assert!(matches!(lost, Err(StoreError::LostRace(_))), "{unseen:?}: {lost:?}");
    }
    assert_eq!(opened.store.profile_draft().await.expect("read"), Some(draft("a")));
    put(&opened, Some("a"), draft("b")).await.expect("kept");
    let remove = |digest: &'static str| {
        opened
            .store
            .write(move |tx| Box::pin(async move { tx.remove_profile_draft(digest).await }))
    };
    assert!(matches!(remove("a").await, Err(StoreError::LostRace(_))));
    remove("b").await.expect("removed");
    assert_eq!(opened.store.profile_draft().await.expect("read"), None);
}

async fn how_far_verdicts_have_come_reads_back(opened: Opened) {
    let read = async || opened.store.verdict_progress().await.expect("read");
    assert_eq!(read().await, VerdictProgress::default());
    for after in ["", "019a"] {
        let progress = VerdictProgress {
            settled: BTreeMap::from([("oqs-face-old".to_owned(), "ab".to_owned())]),
            towards: "cd".into(),
            after: after.into(),
        };
        let kept = progress.clone();
        opened
            .write(move |tx| Box::pin(async move { tx.put_verdict_progress(&kept).await }))
            .await;
        assert_eq!(read().await, progress);
    }
}
