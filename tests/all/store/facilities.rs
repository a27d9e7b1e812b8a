use kaishin::store::{ImportCounts, ImportRecord, ImportRow, StoreError, Undone};
use kaishin_domain::facility::sheet::{Remark, Severity};
use kaishin_domain::facility::{Attachment, ByHand, Code10, EarlierCode, Facility, Field, Kept};
use kaishin_domain::id::ImportId;
use kaishin_domain::time::Time;
use kaishin_domain::words::Words;

use super::{Opened, on_both_engines, ten, terminal, terminal_id};

on_both_engines! {
    a_facility_reads_back_as_it_was_written
    of_two_who_edit_a_facility_at_once_one_loses
    a_new_facility_overwrites_no_other
    a_code_of_the_past_leads_to_the_facility_of_today
    what_was_said_of_a_terminal_sets_the_code_in_force
    an_import_is_kept_with_how_it_was_before
}

fn code(n: u64) -> Code10 {
    Code10::from_number(1_310_000_000 + n * 10)
        .expect("a code")
        .with_check_digit()
}

fn kept(n: u64, revision: u32) -> Kept {
    let mut facility = Facility::new(code(n), format!("医院{n}"));
    for (field, text) in [
        (Field::Kana, "イイン"),
        (Field::Kind, "診療所"),
        (Field::Address, "千代田区1-1"),
        (Field::Phones, "03-1234-5678 / 090-1111-2222"),
        (Field::Contact, "事務長"),
        (Field::Hours, "月-金 9:00-12:00; 日祝 休"),
        (Field::Carrier, "東"),
        (Field::Line, "IP-VPN"),
        (Field::Provider, "NTT東日本"),
        (Field::Topology, "配信拠点起点"),
        (Field::Reader, "XC01"),
        (Field::UpdateChoice, "手動"),
        (Field::SharedReceipt, "いいえ"),
        (Field::Notes, "裏口\nから"),
    ] {
        field.put(&mut facility, text).expect("a value");
    }
    Kept {
        facility,
        revision,
        created_at: Time(5),
        updated_at: Time(6),
    }
}

fn bare(n: u64) -> Kept {
    Kept {
        facility: Facility::new(code(n), "名だけ"),
        ..kept(n, 1)
    }
}

async fn put(opened: &Opened, all: Vec<Kept>) {
    opened
        .write(move |tx| Box::pin(async move { tx.put_facilities(&all).await }))
        .await;
}

async fn a_facility_reads_back_as_it_was_written(opened: Opened) {
    let all: Vec<Kept> = (0..450)
        .map(|n| if n % 2 == 0 { kept(n, 1) } else { bare(n) })
        .collect();
    put(&opened, all.clone()).await;
    let store = &opened.store;
    assert_eq!(store.facility(code(0)).await.expect("read"), Some(all[0].clone()));
    assert_eq!(store.facility(code(999)).await.expect("read"), None);
    let page = store.facilities_after(Some(code(1)), 3).await.expect("read");
    assert_eq!(page, all[2..5]);
    let codes: Vec<Code10> = all.iter().map(|one| one.facility.code).chain([code(999)]).collect();
    let mut some = store.facilities(&codes).await.expect("read");
    some.sort_by_key(|one| one.facility.code);
    assert_eq!(some, all);
}

async fn of_two_who_edit_a_facility_at_once_one_loses(opened: Opened) {
    put(&opened, vec![kept(1, 1)]).await;
    let edit = |name: &str| {
        let mut is = kept(1, 2);
        is.facility.name = name.into();
        opened
            .store
            .write::<_, StoreError, _>(move |tx| Box::pin(async move { tx.update_facility(&is).await }))
    };
    edit("一").await.expect("the first wins");
    let lost = edit("二").await;
    assert!(matches!(lost, Err(StoreError::LostRace("facility"))), "{lost:?}");
    let row = opened.store.facility(code(1)).await.expect("read").expect("there");
    assert_eq!((row.facility.name.as_str(), row.revision), ("一", 2));
    // The same over many rows at once: all or nothing.
    let many = [kept(1, 3), kept(2, 1), kept(1, 9)];
    let lost = opened
        .store
        .write::<_, StoreError, _>(move |tx| Box::pin(async move { tx.put_facilities(&many[1..]).await }))
        .await;
    assert!(matches!(lost, Err(StoreError::LostRace("facility"))), "{lost:?}");
    assert_eq!(opened.store.facility(code(2)).await.expect("read"), None);
}

async fn a_new_facility_overwrites_no_other(opened: Opened) {
    put(&opened, vec![kept(1, 1)]).await;
    let again = bare(1);
    let lost = opened
        .store
        .write::<_, StoreError, _>(move |tx| Box::pin(async move { tx.put_facilities(&[again]).await }))
        .await;
    assert!(matches!(lost, Err(StoreError::LostRace("facility"))), "{lost:?}");
    assert_eq!(opened.store.facility(code(1)).await.expect("read"), Some(kept(1, 1)));
}

async fn a_code_of_the_past_leads_to_the_facility_of_today(opened: Opened) {
    let earlier = |old: u64, today: u64| EarlierCode {
        code: code(old),
        facility: code(today),
        used_from: None,
        used_until: Some(Time(7)),
        reason: "移転".into(),
    };
    opened
        .write(move |tx| {
            Box::pin(async move {
                tx.put_earlier_code(&earlier(1, 2)).await?;
                tx.move_earlier_codes(code(2), code(3)).await?;
                tx.put_earlier_code(&earlier(2, 3)).await?;
                tx.put_earlier_code(&earlier(8, 9)).await?;
                tx.forget_earlier_code(code(8)).await
            })
        })
        .await;
    let all = opened.store.earlier_codes().await.expect("read");
    assert_eq!(all, [earlier(1, 3), earlier(2, 3)]);
}

async fn what_was_said_of_a_terminal_sets_the_code_in_force(opened: Opened) {
    let one = terminal(1);
    let said = Attachment {
        by_token: Some(code(1)),
        reported: Some(code(2)),
        by_hand: None,
    };
    let decided = Attachment {
        by_hand: Some(ByHand {
            code: None,
            at: Time(9),
            by: "tanaka".into(),
            reason: "撤去".into(),
        }),
        ..said.clone()
    };
    let (first, row) = (said.clone(), one.clone());
    opened
        .write(move |tx| {
            Box::pin(async move {
                tx.insert_terminal(&row).await?;
                tx.put_attachment(row.id, &first).await
            })
        })
        .await;
    let store = &opened.store;
    let in_force = async || {
        store
            .terminal(one.id)
            .await
            .expect("read")
            .expect("there")
            .institution_code
    };
    assert_eq!(store.attachment(one.id).await.expect("read"), said);
    assert_eq!(in_force().await, Some(code(1).to_string()));
    let last = decided.clone();
    opened
        .write(move |tx| Box::pin(async move { tx.put_attachment(terminal_id(1), &last).await }))
        .await;
    assert_eq!(in_force().await, None);
    assert_eq!(
        store.attachments_after(None, 9).await.expect("read"),
        [(one.id, decided)]
    );
    assert!(store.attachment(terminal_id(7)).await.expect("read").is_empty());
}

async fn an_import_is_kept_with_how_it_was_before(opened: Opened) {
    let id = ImportId::new(Time(1), ten(1));
    let record = ImportRecord {
        id,
        at: Time(1),
        actor: "tanaka".into(),
        file_name: "台帳.csv".into(),
        file_hash: "00ff".into(),
        encoding: "cp932".into(),
        counts: ImportCounts {
            rows: 4,
            added: 1,
            changed: 1,
            same: 1,
            refused: 1,
            warned: 0,
        },
        undone: None,
    };
    let row = |n: u64, before: Option<Facility>| ImportRow {
        code: code(n),
        line: n + 2,
        revision: 1,
        before,
    };
    let rows = vec![row(1, None), row(2, Some(kept(2, 1).facility))];
    let remark = Remark {
        line: 3,
        column: Some("種別".into()),
        value: "銭湯".into(),
        severity: Severity::Refused,
        code: "E-LEDGER-07".into(),
        words: Words::new("選べません", "no choice"),
    };
    let (whole, written, said) = (record.clone(), rows.clone(), remark.clone());
    opened
        .write(move |tx| {
            Box::pin(async move {
                tx.put_facilities(&[kept(1, 1), kept(2, 1)]).await?;
                tx.insert_import(&whole).await?;
                tx.insert_import_rows(whole.id, &written).await?;
                tx.insert_import_remarks(whole.id, &[said]).await
            })
        })
        .await;
    let store = &opened.store;
    assert_eq!(store.import(id).await.expect("read"), Some(record.clone()));
    assert_eq!(store.imports(5).await.expect("read"), std::slice::from_ref(&record));
    assert_eq!(
        store.imports_touching(code(2), 5).await.expect("read"),
        std::slice::from_ref(&record)
    );
    assert!(store.imports_touching(code(3), 5).await.expect("read").is_empty());
    assert_eq!(store.import_rows_after(id, None, 9).await.expect("read"), rows);
    assert_eq!(
        store.import_rows_after(id, Some(code(1)), 9).await.expect("read"),
        rows[1..]
    );
    assert_eq!(store.import_remarks(id, 0, 9).await.expect("read"), [remark]);
    let undone = Undone {
        at: Time(8),
        by: "sato".into(),
        rows: 2,
        kept: 0,
    };
    let told = undone.clone();
    let take_back = async || {
        let told = told.clone();
        store
            .write::<_, StoreError, _>(move |tx| {
                Box::pin(async move {
                    tx.mark_import_undone(id, &told).await?;
                    tx.delete_facilities(&[(code(1), 1)]).await
                })
            })
            .await
    };
    take_back().await.expect("once");
    assert!(
        matches!(take_back().await, Err(StoreError::LostRace("import"))),
        "not twice"
    );
    assert_eq!(
        store.import(id).await.expect("read").expect("there").undone,
        Some(undone)
    );
    assert_eq!(store.facility(code(1)).await.expect("read"), None);
    let lost = store
        .write::<_, StoreError, _>(move |tx| Box::pin(async move { tx.delete_facilities(&[(code(2), 7)]).await }))
        .await;
    assert!(matches!(lost, Err(StoreError::LostRace("facility"))), "{lost:?}");
}
