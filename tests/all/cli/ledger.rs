//! The ledger at the shell beside a running server: what is written there is seen here, without a restart.

use kaishin_tests::serve::{CommandLine, Served};
use kaishin_tests::wait::{SOON, eventually};
use serde_json::Value;

use super::{Fresh, code};

const FIRST: &str = "医療機関コード,名称,種別\r\n0110113719,さくら医院,診療所\r\n1340000015,みどり薬局,薬局\r\n";
const SECOND: &str = "医療機関コード,名称,種別\r\n0110113719,さくら新医院,診療所\r\n1.31E+09,丸められた医院,診療所\r\n";

async fn asked(line: &CommandLine, args: &[&str]) -> Value {
    let (line, args) = (line.clone(), args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>());
    let run = move || line.ask(&args.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.expect("it ran")
}

/// The names of all facilities as the running server finds them.
async fn found(server: &Served) -> Vec<String> {
    let answer = server.api().get("/api/v1/facilities").await.expect(200).json();
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    items
        .iter()
        .filter_map(|item| Some(item["name"].as_str()?.to_owned()))
        .collect()
}

async fn finds(server: &Served, names: &[&str]) {
    eventually(SOON, &format!("the server finds {names:?}"), async || {
        (found(server).await == names).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_follows_a_ledger_that_is_imported_and_taken_back_at_the_shell() {
    let fresh = Fresh::new();
    let mut server = Served::start(&fresh.data).await;
    let (first, second) = (fresh.data.join("first.csv"), fresh.data.join("second.csv"));
    std::fs::write(&first, encoding_rs::SHIFT_JIS.encode(FIRST).0).expect("a file");
    std::fs::write(&second, SECOND).expect("a file");
    let (first, second) = (first.to_string_lossy(), second.to_string_lossy());
    let line = server.line.clone();

    let tried = asked(&line, &["ledger", "import", &first, "--dry-run"]).await;
    assert_eq!(
        (&tried["written"], &tried["counts"]["added"]),
        (&false.into(), &2.into())
    );
    assert_eq!(found(&server).await, Vec::<String>::new(), "nothing is written");

    let written = asked(&line, &["ledger", "import", &first]).await;
    assert_eq!(
        (&written["written"], &written["encoding"]),
        (&true.into(), &"cp932".into())
    );
    finds(&server, &["さくら医院", "みどり薬局"]).await;
    let hit = server.api().get("/api/v1/search?q=%E3%81%95%E3%81%8F%E3%82%89").await;
    assert_eq!(hit.expect(200).json()["items"][0]["title"], "さくら医院");

    let changed = asked(&line, &["ledger", "import", &second]).await;
    assert_eq!(changed["verdicts"][0]["code"], "E-LEDGER-02");
    assert_eq!(changed["verdicts"][0]["line"], 3);
    finds(&server, &["さくら新医院", "みどり薬局"]).await;

    let file = fresh.data.join("out.csv");
    let words = ["ledger", "export", &file.to_string_lossy(), "--words", "さくら"];
    asked(&line, &words).await;
    let exported = std::fs::read_to_string(&file).expect("the export");
    assert!(
        exported.starts_with('\u{feff}') && exported.contains("さくら新医院"),
        "{exported}"
    );
    assert!(!exported.contains("みどり薬局"), "{exported}");

    let id = changed["id"].as_str().expect("an id").to_owned();
    let undone = asked(&line, &["ledger", "undo", &id, "--reason", "the wrong ledger"]).await;
    assert_eq!(undone["rows"], 1);
    finds(&server, &["さくら医院", "みどり薬局"]).await;
    let again = line.refuses(&["ledger", "undo", &id, "--reason", "the wrong ledger"]);
    assert!(code(&again).starts_with("E-LEDGER-"), "{again}");
    assert_eq!(server.stop().await, Some(0));
}
