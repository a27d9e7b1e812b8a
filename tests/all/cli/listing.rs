//! One filter, one answer: the page, its files, the API, the API's files and the command line show the same rows in the same
//! order, and refuse the same mistakes in the same words.

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::Arc;

use calamine::{Data, Reader as _, Xlsx};
use kaishin_agent::os::sim::Sim;
use kaishin_agent::os::{Hive, RegistryValue};
use kaishin_agent::{Keep, Settings};
use kaishin_proto::clock::Clock;
use kaishin_tests::agent::Agent;
use kaishin_tests::http::Http;
use kaishin_tests::line::Terminal;
use kaishin_tests::serve::{CommandLine, Served, free_port};
use kaishin_tests::wait::{SOON, eventually};
use serde_json::Value;

use super::{Fresh, code};

const PASSWORD: &str = "correct-horse-battery";
/// More than stand on one page.
const SILENT: usize = 60;
const AGENTS: u64 = 3;
const POWER: &str = r"SYSTEM\CurrentControlSet\Control\Session Manager\Power";

/// A filter, an order, the columns, and how many match: so that "the same" is not "the same nothing".
const ASKED: &[(&str, &str, &str, usize)] = &[
    ("", "", "hostname,state,fault", SILENT + AGENTS as usize),
    (
        "online:yes",
        "-hostname",
        "hostname,online,os.version,hardware.model,power.fast_startup",
        3,
    ),
    (
        "online:no",
        "-hostname",
        "hostname,last_seen,os.build,hardware.memory",
        SILENT,
    ),
    ("uketsuke-0", "hostname", "hostname", 10),
    (
        "hostname:UKETSUKE-1* OR hostname:*-20",
        "",
        "hostname,facility.name",
        11,
    ),
    (
        "os.version:unknown -uketsuke-5",
        "os.version",
        "id,os.version",
        SILENT - 10,
    ),
    (
        "os.version>=10.0 online:yes",
        "os.version",
        "os.version,disk.system_free,time.source",
        3,
    ),
    (
        "-power.fast_startup:unknown",
        "hardware.serial",
        "hardware.serial,power.fast_startup,fault.severity",
        3,
    ),
    (
        "fault:fast-startup-on",
        "-fault",
        "hostname,fault,fault.severity,job",
        3,
    ),
    ("hostname:nobody", "", "hostname", 0),
    ("NOT (online:yes OR uketsuke)", "", "hostname", 0),
];

struct Faces {
    line: CommandLine,
    api: Http,
    page: Http,
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The terminals that the page's rows lead to, over all its pages.
async fn on_the_page(http: &Http, query: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut path = format!("/terminals?{query}");
    loop {
        let html = http.get(&path).await.expect(200).text;
        let body = html
            .split("<tbody>")
            .nth(1)
            .and_then(|rest| rest.split("</tbody>").next());
        let links = body.unwrap_or_default().split("href=\"/terminals/").skip(1);
        ids.extend(links.filter_map(|link| Some(link.split('"').next()?.to_owned())));
        let next = html
            .split("rel=\"next\" href=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        match next {
            Some(next) => path = next.replace("&amp;", "&").replace("&#38;", "&"),
            None => return ids,
        }
    }
}

/// The rows of the API, a few at a time.
async fn of_the_api(http: &Http, query: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/terminals?{query}&limit=7&cursor={cursor}");
        let mut page = http.get(&path).await.expect(200).json();
        if let Value::Array(rows) = page["items"].take() {
            items.extend(rows);
        }
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return items,
        }
    }
}

/// The cells of a file whose cells hold no quotes.
fn cells(file: &str) -> Vec<Vec<String>> {
    let lines = file.trim_start_matches('\u{feff}').lines();
    let line = |line: &str| {
        let inside = line.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let cells = inside.expect("quoted cells").split("\",\"");
        cells.map(str::to_owned).collect()
    };
    lines.map(line).collect()
}

/// The cells of a workbook's only sheet; what is left out of it is empty.
fn sheet(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).expect("a workbook");
    let range = book.worksheet_range_at(0).expect("a sheet").expect("that can be read");
    let text = |cell: &Data| {
        assert!(matches!(cell, Data::String(_) | Data::Empty), "{cell:?} is not a text");
        cell.to_string()
    };
    range.rows().map(|row| row.iter().map(text).collect()).collect()
}

/// A cell of the API as files have it.
fn plain(value: &Value) -> String {
    match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        Value::Object(told) if told["unknown"] == "not_reported" => "unknown".to_owned(),
        Value::Object(told) => format!("unknown:{}", told["unknown"].as_str().unwrap_or("nothing")),
        Value::Number(_) | Value::Null => value.to_string(),
    }
}

async fn typed(line: &CommandLine, args: &[&str]) -> kaishin_tests::serve::Told {
    let (line, args) = (line.clone(), args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>());
    let run = move || line.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.expect("it ran")
}

impl Faces {
    async fn agree(&self, (filter, sort, columns, count): (&str, &str, &str, usize)) {
        let query = format!("q={}&sort={sort}&columns={columns}", encoded(filter));
        let items = of_the_api(&self.api, &query).await;
        assert_eq!(items.len(), count, "{filter}");
        let ids: Vec<&str> = items.iter().filter_map(|item| item["id"].as_str()).collect();

        let file = self
            .api
            .get(&format!("/api/v1/terminals.csv?{query}"))
            .await
            .expect(200)
            .text;
        let rows = cells(&file);
        let keys: Vec<&str> = columns.split(',').collect();
        assert_eq!(rows[0][0], "id");
        assert_eq!(rows[0][1..], keys, "{filter}");
        let told = |item: &Value| -> Vec<String> {
            let cells = keys.iter().map(|key| plain(&item["columns"][*key]));
            std::iter::once(plain(&item["id"])).chain(cells).collect()
        };
        assert_eq!(
            rows[1..],
            items.iter().map(told).collect::<Vec<_>>(),
            "{filter}: API and its file"
        );

        assert_eq!(on_the_page(&self.page, &query).await, ids, "{filter}: the page");
        let saved = self.page.get(&format!("/terminals.csv?{query}")).await.expect(200).text;
        assert_eq!(saved, file, "{filter}: the page's file");
        for (http, path) in [(&self.api, "/api/v1/terminals.xlsx"), (&self.page, "/terminals.xlsx")] {
            let book = http.get(&format!("{path}?{query}")).await.expect(200).bytes;
            assert_eq!(sheet(&book), rows, "{filter}: the workbook of {path}");
        }

        let asked = [
            "terminal",
            "list",
            "--query",
            filter,
            "--sort",
            sort,
            "--columns",
            columns,
        ];
        let csv = typed(&self.line, &[&asked[..], &["--csv"]].concat()).await;
        assert_eq!(
            (csv.code, csv.out),
            (Some(0), file),
            "{filter}: the command line's file"
        );
        let json = typed(&self.line, &[&asked[..], &["--json"]].concat()).await.json();
        assert_eq!(
            json["items"],
            Value::Array(items.clone()),
            "{filter}: the command line for programs"
        );
        assert_eq!(json["total"], count);
        let table = typed(&self.line, &asked).await.out;
        let first: Vec<&str> = table
            .lines()
            .skip(1)
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert_eq!(first, ids, "{filter}: the command line for people");
    }

    async fn refuse(&self, filter: &str, expected: &str, position: usize) {
        let path = format!("/api/v1/terminals?q={}", encoded(filter));
        let problem = self.api.get(&path).await.expect(422).json();
        assert_eq!(
            (problem["code"].as_str(), &problem["position"]),
            (Some(expected), &Value::from(position))
        );
        assert!(problem["expected"].is_array(), "{problem}");
        self.api
            .get(&format!("/api/v1/terminals.csv?q={}", encoded(filter)))
            .await
            .expect(422);
        let html = self
            .page
            .get(&format!("/terminals?q={}", encoded(filter)))
            .await
            .expect(422)
            .text;
        assert!(html.contains(expected), "the page says {expected}");
        let told = typed(&self.line, &["terminal", "list", "--query", filter, "--csv"]).await;
        assert_eq!((told.code, told.out.as_str()), (Some(1), ""));
        assert!(told.err.starts_with(expected), "{}", told.err);
        let json = typed(&self.line, &["terminal", "list", "--query", filter, "--json"]).await;
        let refused: Value = serde_json::from_str(&json.err).expect("one line of JSON");
        assert_eq!(code(&refused), expected);
        assert_eq!(refused["error"]["detail"]["position"], position);
    }
}

async fn fleet(server: &Served) -> Vec<Agent> {
    for n in 0..SILENT {
        Terminal::enrolled(server.agents, &format!("uketsuke-{n:02}"), &server.enrolment_token).await;
    }
    let mut agents = Vec::new();
    for n in 0..AGENTS {
        let settings = Settings {
            server: server.agents.to_string(),
            pin: server.pin.clone(),
            token: Some(server.enrolment_token.clone()),
            ..Settings::default()
        };
        let clock = Clock::system();
        let machine = Arc::new(Sim::new(7, n, clock.clone()));
        let on = Some(RegistryValue::dword(1));
        machine.poke(Hive::LocalMachine, POWER, "HiberbootEnabled", on);
        let mut agent = Agent::start(settings, &machine, &Keep::memory(), &clock);
        agent.is_online().await;
        agents.push(agent);
    }
    let api = server.api();
    eventually(SOON, "every section of every agent is here", async || {
        let told = "fault%3Afast-startup-on%20-os.version%3Aunknown%20-power.fast_startup%3Aunknown%20-hardware.serial%3Aunknown";
        let path = format!("/api/v1/terminals?q={told}%20-time.source%3Aunknown%20-disk.system_free%3Aunknown");
        (api.get(&path).await.expect(200).json()["total"] == AGENTS).then_some(())
    })
    .await;
    agents
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_file_api_and_command_line_show_the_same_rows() {
    let fresh = Fresh::new();
    let mut server = Served::start(&fresh.data).await;
    let make = ["operator", "create", "suzuki", "--role", "desk", "--password-stdin"];
    let made = server.line.run_with_input(&make, &format!("{PASSWORD}\n"));
    assert_eq!(made.code, Some(0), "{}", made.err);
    let token = server.line.ask(&["api-token", "create", "lists", "--role", "viewer"]);
    let token = token["token"].as_str().expect("a token").to_owned();
    let agents = fleet(&server).await;

    let url = format!("http://{}", server.http);
    let faces = Faces {
        line: server
            .line
            .clone()
            .with("KAISHIN_URL", &url)
            .with("KAISHIN_TOKEN", &token),
        api: Http::new(server.http).with_bearer(&token),
        page: Http::new(server.http),
    };
    let site = Http::new(server.http).with_header("origin", &url);
    let signed_in = site
        .form("/sign-in", &[("name", "suzuki"), ("password", PASSWORD)])
        .await;
    let cookie = signed_in
        .expect(303)
        .header("set-cookie")
        .split(';')
        .next()
        .map(str::to_owned);
    let faces = Faces {
        page: faces.page.with_header("cookie", &cookie.expect("a cookie")),
        ..faces
    };
    for asked in ASKED {
        faces.agree(*asked).await;
    }
    faces.refuse("online:yes colour:red", "E-EXPR-02", 11).await;
    faces.refuse("os.version>", "E-EXPR-03", 11).await;
    faces.refuse("受付 (online:yes", "E-EXPR-07", 3).await;

    let strange = faces.line.clone().with("KAISHIN_TOKEN", "ksha_nobody");
    let told = typed(&strange, &["terminal", "list", "--json"]).await;
    let refused: HashMap<String, Value> = serde_json::from_str(&told.err).expect("one line of JSON");
    assert_eq!(told.code, Some(1));
    assert!(
        refused["error"]["code"]
            .as_str()
            .is_some_and(|code| code.starts_with("E-")),
        "{refused:?}"
    );
    let nowhere = faces
        .line
        .clone()
        .with("KAISHIN_URL", format!("http://{}", free_port()));
    let told = typed(&nowhere, &["terminal", "list"]).await;
    assert!(
        told.err.starts_with("E-CLI-07 The server cannot be reached."),
        "{}",
        told.err
    );
    let wrong = faces.line.clone().with("KAISHIN_URL", "ftp://nowhere");
    assert!(typed(&wrong, &["terminal", "list"]).await.err.starts_with("E-CLI-06"));

    for agent in agents {
        agent.stop().await;
    }
    assert_eq!(server.stop().await, Some(0));
}
