//! The agent as terminals run it: built for Windows, under Wine, against a real server over the real wire.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use kaishin::app::enrolment::{NewToken, create_token};
use kaishin::app::operators::create_api_token;
use kaishin::config::Config;
use kaishin_agent::facts::certificates;
use kaishin_agent::os::RegistryValue;
use kaishin_agent::os::sim;
use kaishin_agent::os::sim::pack::{Key, pack};
use kaishin_agent::preg::{Policy, Said};
use kaishin_domain::access::{Actor, Role};
use kaishin_domain::enrolment::TokenScope;
use kaishin_domain::time::{Span, Time};
use kaishin_proto::clock::Clock;
use kaishin_proto::fact;
use kaishin_tests::children::Child;
use kaishin_tests::http::Http;
use kaishin_tests::need;
use kaishin_tests::wait::{SOON, eventually};
use kaishin_tests::wine::{self, Missing, Wine};
use serde_json::{Value, json};

const POWER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Power";

/// Skips aloud where Wine is not there.
macro_rules! windows {
    () => {
        match Wine::prepare().await {
            Ok(wine) => wine,
            Err(Missing(what)) => return kaishin_tests::require::skipped(what),
        }
    };
}

#[tokio::test]
async fn the_agents_own_tests_hold_on_windows() {
    let tests = need!(wine::agent_tests(), "agent for Windows (agent/packaging/windows tests)");
    let wine = windows!();
    // The core's are the same everywhere, and play many thousand lives.
    let said = wine.run(&tests, &["--skip", "core::tests::"], &[]).await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.out.contains("os::windows::"), "{}", said.out);
}

struct Server {
    handle: kaishin::Handle,
    api: Http,
    token: String,
    _data: tempfile::TempDir,
}

impl Server {
    async fn start() -> Server {
        let data = tempfile::tempdir().expect("a temporary folder");
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = Config {
            data: data.path().to_owned(),
            http: loopback,
            agents: loopback,
            ..Config::default()
        };
        let listeners = kaishin::Listeners::bind(&config).await.expect("two ports");
        let handle = kaishin::start(config, listeners, Clock::system())
            .await
            .expect("the server starts");
        let cx = handle.app.on_behalf_of(Actor::local("test"));
        let new = NewToken {
            label: "one terminal".into(),
            most_uses: 1,
            life: Span::days(1),
            scope: TokenScope::default(),
        };
        let (_, token) = create_token(&cx, new).await.expect("an enrolment token");
        let (_, bearer) = create_api_token(&cx, "test", Role::Api, Span::days(1))
            .await
            .expect("an API token");
        let api = Http::new(handle.http_addr).with_bearer(&bearer);
        Server {
            handle,
            api,
            token,
            _data: data,
        }
    }

    fn agent(&self, wine: &Wine, token: Option<&str>) -> Child {
        let exe = wine::agent().expect("seen before");
        let server = self.handle.agents_addr.to_string();
        let mut args = vec!["run", "--server", &server, "--ca-pin", &self.handle.ca_pin];
        args.extend(token.into_iter().flat_map(|token| ["--token", token]));
        wine.start(exe, &args, &[])
    }

    async fn get(&self, path: &str) -> Value {
        self.api.get(path).await.expect(200).json()
    }

    /// The job as it ended, with somebody at the terminal who opens its page and agrees.
    async fn done(&self, wine: &Wine, id: &str, remedy: &str, params: Value) -> Value {
        let order = json!({ "remedy": remedy, "params": params, "reason": "窓口で確認済み" });
        let job = self.api.post(&format!("/api/v1/terminals/{id}/jobs"), &order).await;
        let job = job.expect(201).json()["id"].as_str().expect("an id").to_owned();
        let finished = eventually(SOON, "the job finishes", async || {
            let seen = self.get(&format!("/api/v1/jobs/{job}")).await;
            if seen["finished_at"].is_string() {
                return Some(seen);
            }
            // A link works once, and that of the page before may still be told: then another look.
            if let Some(link) = guide_of(wine).await {
                let _ = sim::says_yes(&link, &Clock::system()).await;
            }
            None
        });
        finished.await
    }

    /// The only terminal there is, once it is as wanted.
    async fn the_terminal(&self, agent: &mut Child, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let found = eventually(SOON, what, async || {
            if let Some(status) = agent.has_ended() {
                panic!(
                    "{status} before {what}: {}{}",
                    agent.out().so_far(),
                    agent.err().so_far()
                );
            }
            let list = self.get("/api/v1/terminals").await;
            let id = list["items"].get(0)?["id"].as_str()?.to_owned();
            let terminal = self.get(&format!("/api/v1/terminals/{id}")).await;
            fits(&terminal).then_some(terminal)
        });
        found.await
    }
}

/// The page that stands at the terminal, as whoever cannot see its screen asks for it.
async fn guide_of(wine: &Wine) -> Option<String> {
    let said = wine.run(wine::agent()?, &["--json", "guide"], &[]).await;
    let told: Value = serde_json::from_str(&said.out).ok()?;
    told["guide"].as_str().map(str::to_owned)
}

fn told_of<'a>(terminal: &'a Value, key: &str) -> &'a Value {
    &terminal["facts"][key]["value"]
}

fn is_online(terminal: &Value) -> bool {
    terminal["online"] == true
}

#[tokio::test]
async fn a_windows_terminal_enrols_comes_online_and_has_its_fast_startup_turned_off() {
    need!(wine::agent(), "agent for Windows (agent/packaging/windows build)");
    let wine = windows!();
    wine.reg_add(POWER, "HiberbootEnabled", "REG_DWORD", "1").await;
    let server = Server::start().await;

    let mut agent = server.agent(&wine, Some(&server.token));
    let seen = server.the_terminal(&mut agent, "a terminal online with its facts", |terminal| {
        is_online(terminal) && told_of(terminal, "power.fast_startup") == true
    });
    let terminal = seen.await;
    assert_eq!(told_of(&terminal, "agent.platform"), "windows");
    let version = told_of(&terminal, "os.version").as_str().expect("a version");
    assert!(version.starts_with("10.0."), "{version}");
    assert!(told_of(&terminal, "boot.id").is_string(), "{terminal}");
    assert!(
        told_of(&terminal, "hardware.memory").as_u64() > Some(1 << 20),
        "{terminal}"
    );
    told_memory(&wine);

    let id = terminal["id"].as_str().expect("an id").to_owned();
    let finished = server.done(&wine, &id, "fast-startup-off", json!({})).await;
    assert_eq!(finished["state"], "succeeded", "{finished}");

    // Read from outside, with Windows' own tool.
    let number = ("REG_DWORD".to_owned(), "0x0".to_owned());
    assert_eq!(wine.reg_query(POWER, "HiberbootEnabled").await, Some(number));
    let mended = server.get(&format!("/api/v1/terminals/{id}")).await;
    assert_eq!(told_of(&mended, "power.fast_startup"), false, "{mended}");

    update_mode_is_set_in_both_places(&wine, &server, &id).await;
    proxy_is_repaired(&wine, &server, &id).await;

    // Its identity is kept: without a token the same terminal comes back.
    drop(agent);
    eventually(SOON, "the terminal is offline", async || {
        let terminal = server.get(&format!("/api/v1/terminals/{id}")).await;
        (!is_online(&terminal)).then_some(())
    })
    .await;
    let mut agent = server.agent(&wine, None);
    let back = server.the_terminal(&mut agent, "the terminal is back", is_online).await;
    assert_eq!(back["id"], *id);
    assert_eq!(server.get("/api/v1/overview").await["terminals"], 1);
    drop(agent);
    drop(wine);
    server.handle.stop().await;
}

async fn update_mode_is_set_in_both_places(wine: &Wine, server: &Server, id: &str) {
    let (windows, _) = wine.folder(r"windows");
    let group_policy = windows.join("system32/GroupPolicy");
    let file = group_policy.join("Machine/Registry.pol");
    let mut policy = Policy::default();
    policy.set(r"Software\別", "受付", &RegistryValue::text("[1];"));
    policy.set(AU, "NoAutoUpdate", &RegistryValue::dword(1));
    put(&file, policy.write());
    let job = server.done(
        wine,
        id,
        "windows-update-mode",
        json!({ "mode": "automatic", "hour": 5 }),
    );
    let job = job.await;
    assert_eq!(job["state"], "succeeded", "{job}");
    let key = format!(r"HKLM\{AU}");
    for (name, number) in [("NoAutoUpdate", 0), ("AUOptions", 4), ("ScheduledInstallTime", 5)] {
        policy.set(AU, name, &RegistryValue::dword(number));
        let expected = ("REG_DWORD".to_owned(), format!("{number:#x}"));
        assert_eq!(wine.reg_query(&key, name).await, Some(expected), "{name}");
    }
    policy.set(AU, "ScheduledInstallDay", &RegistryValue::dword(0));
    policy.set(AU, "ScheduledInstallEveryWeek", &RegistryValue::dword(1));
    let written = Policy::read(&std::fs::read(&file).expect("a file")).expect("a sound file");
    for (key, name, value) in policy.settings() {
        assert_eq!(written.said(key, name), Said::Set(value), "{key} {name}");
    }
    let ini = std::fs::read_to_string(group_policy.join("gpt.ini")).expect("a file");
    assert!(
        ini.contains("Version=1") && ini.contains("{35378EAC-683F-11D2-A89A-00C04FBBCFA2}"),
        "{ini}"
    );
    let seen = server.get(&format!("/api/v1/terminals/{id}")).await;
    assert_eq!(told_of(&seen, "update.set_by"), "policy-file", "{seen}");
}

/// Of the user whom Wine runs as, and of Windows' own services.
async fn proxy_is_repaired(wine: &Wine, server: &Server, id: &str) {
    const WANTED: &str = "proxy.base.oqs-pdl.org:8080";
    for (name, kind, content) in [
        ("ProxyEnable", "REG_DWORD", "1"),
        ("ProxyServer", "REG_SZ", WANTED),
        (
            "ProxyOverride",
            "REG_SZ",
            "*.onshikaku.org;*.flets-east.jp*.flets-west.jp;karte.local",
        ),
    ] {
        wine.reg_add(PROXY, name, kind, content).await;
    }
    let job = server.done(wine, id, "proxy-repair", json!({})).await;
    assert_eq!(job["state"], "succeeded", "{job}");
    let (_, exceptions) = wine.reg_query(PROXY, "ProxyOverride").await.expect("a text");
    assert!(
        exceptions.contains("*.flets-east.jp;*.flets-west.jp;karte.local;*.lineauth.mnw"),
        "{exceptions}"
    );
    let seen = server.get(&format!("/api/v1/terminals/{id}")).await;
    for list in ["proxy.missing", "proxy.joined", "proxy.winhttp_missing"] {
        assert_eq!(*told_of(&seen, list), json!([]), "{list}: {seen}");
    }
    assert_eq!(told_of(&seen, "proxy.winhttp"), WANTED, "{seen}");
    assert_eq!(*told_of(&seen, "proxy.extra"), json!(["karte.local"]), "{seen}");
}

const EDGE: &str = r"HKLM\SOFTWARE\WOW6432Node\Microsoft\EdgeUpdate\Clients\{56EB18F8-B008-4CBD-B6D2-8C97FE7E9062}";
const DOTNET: &str = r"HKLM\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full";
const AU: &str = r"SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate\AU";
const ADAPTER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Class\{4D36E972-E325-11CE-BFC1-08002BE10318}\0007";
const PROXY: &str = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Internet Settings";
const TIME: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\W32Time\Parameters";

/// The folder of whoever runs Wine, as it is seen from outside.
fn own_folder(wine: &Wine) -> PathBuf {
    let (users, _) = wine.folder("users");
    let folders = std::fs::read_dir(users).expect("there are users").flatten();
    let mut own = folders.filter(|folder| folder.file_name() != "Public");
    own.next().expect("somebody runs Wine").path()
}

fn put(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, bytes).expect("a file");
}

/// Settings as `reg add` and files as the real programs leave them.
async fn furnished(wine: &Wine) {
    for (key, name, kind, content) in [
        (EDGE, "pv", "REG_SZ", "130.0.2849.56"),
        (DOTNET, "Release", "REG_DWORD", "528049"),
        (DOTNET, "Version", "REG_SZ", "4.8.04084"),
        (&format!(r"HKLM\{AU}"), "NoAutoUpdate", "REG_DWORD", "0"),
        (&format!(r"HKLM\{AU}"), "AUOptions", "REG_DWORD", "4"),
        (&format!(r"HKLM\{AU}"), "ScheduledInstallTime", "REG_DWORD", "12"),
        (ADAPTER, "DriverDesc", "REG_SZ", "Realtek PCIe GbE Family Controller"),
        (ADAPTER, "*PMARPOffload", "REG_SZ", "1"),
        (
            &format!(r"{ADAPTER}\Ndi\Params\*PMARPOffload"),
            "default",
            "REG_SZ",
            "0",
        ),
        (PROXY, "ProxyEnable", "REG_DWORD", "1"),
        (PROXY, "ProxyServer", "REG_SZ", "proxy.base.oqs-pdl.org:8080"),
        (PROXY, "ProxyOverride", "REG_SZ", "*.onshikaku.org;受付.local"),
        (TIME, "NtpServer", "REG_SZ", "ntp.base.oqs-pdl.org,0x9"),
    ] {
        wine.reg_add(key, name, kind, content).await;
    }
    let (windows, _) = wine.folder(r"windows");
    let mut policy = Policy::default();
    policy.set(AU, "NoAutoUpdate", &RegistryValue::dword(0));
    policy.set(AU, "AUOptions", &RegistryValue::dword(4));
    put(
        &windows.join("system32/GroupPolicy/Machine/Registry.pol"),
        policy.write(),
    );

    let (programs, _) = wine.folder("Program Files");
    let manifest = r#"{"manifest_version": 3, "name": "拡張", "version": "2.0.0.0"}"#;
    for (n, file) in ["delegate", "nopinauth", "pinauth"].into_iter().enumerate() {
        let file = programs.join(format!("OQS-Auth/ext/{file}.crx"));
        put(&file, pack(&Key::simulated(n), manifest));
    }
    let wide: Vec<u8> = "\u{feff}Version=2.2.0\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    put(&programs.join("OQS/OqsComApp/Version.info"), wide);
    let (oqs, _) = wine.folder("OQS");
    // 再起動待ち in the encoding of Japanese Windows.
    put(
        &oqs.join("OqsDistroApp/status.log"),
        b"\x8d\xc4\x8b\x4e\x93\xae\x91\xd2\x82\xbf\r\n",
    );

    let own = own_folder(wine);
    let edge = own.join("AppData/Local/Microsoft/Edge/User Data");
    let names = json!({ "profile": { "info_cache": { "Default": { "name": "受付" } } } });
    put(&edge.join("Local State"), names.to_string());
    let entry = |version: &str, reasons: Value| json!({ "location": 1, "manifest": { "version": version }, "disable_reasons": reasons });
    let ids: Vec<_> = (0..3).map(|n| Key::simulated(n).id()).collect();
    let settings = json!({ &ids[0]: entry("1.10", json!([])), &ids[1]: entry("2.0.0.0", json!([1])) });
    let preferences = json!({ "extensions": { "settings": settings, "ui": { "developer_mode": true } } });
    put(&edge.join("Default/Preferences"), preferences.to_string());

    let (thumbprint, der) = sim::certificate(7, Time(0), Time(1_900_000_000_000_000));
    let store = own.join("AppData/Roaming/Microsoft/SystemCertificates/My/Certificates");
    put(&store.join(thumbprint), certificates::stored(&der, Some("{8A1B}")));
}

async fn told(wine: &Wine) -> Value {
    let exe = wine::agent().expect("seen before");
    let said = wine.run(exe, &["--json", "facts"], &[]).await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}", said.out))
}

#[tokio::test]
async fn every_section_is_collected_on_windows_and_what_stands_there_is_read_back() {
    need!(wine::agent(), "agent for Windows (agent/packaging/windows build)");
    let wine = windows!();
    furnished(&wine).await;
    let facts = told(&wine).await;
    for fact in fact::all() {
        let value = &facts[fact.key];
        let known = value.is_object() && (value["unknown"].is_null() || value["unknown"]["reason"].is_string());
        assert!(known, "{} is {value}", fact.key);
    }
    for (key, expected) in [
        ("edge.version", json!({ "version": "130.0.2849.56" })),
        ("edge.developer_mode", json!({ "truth": true })),
        ("edge.delegate.version", json!({ "version": "1.10" })),
        ("edge.delegate.enabled", json!({ "truth": true })),
        ("edge.nopinauth.enabled", json!({ "truth": false })),
        ("edge.crx_ready", json!({ "truth": true })),
        ("update.mode", json!({ "text": "automatic" })),
        ("update.set_by", json!({ "text": "policy-file" })),
        ("update.install_hour", json!({ "number": 12 })),
        ("dotnet.release", json!({ "number": 528_049 })),
        ("dotnet.version", json!({ "version": "4.8.04084" })),
        (
            "network.arp_offload",
            json!({ "list": ["Realtek PCIe GbE Family Controller"] }),
        ),
        ("proxy.enabled", json!({ "truth": true })),
        ("proxy.server", json!({ "text": "proxy.base.oqs-pdl.org:8080" })),
        ("proxy.extra", json!({ "list": ["受付.local"] })),
        ("time.source", json!({ "text": "ntp.base.oqs-pdl.org" })),
        ("certificates.expires", json!({ "time": 1_900_000_000_000_000_i64 })),
        ("certificates.key", json!({ "truth": true })),
        ("oqs.link.version", json!({ "version": "2.2.0" })),
        ("oqs.status", json!({ "text": "restart-pending" })),
        ("accounts.oqs_exact", json!({ "truth": false })),
        ("security.join", json!({ "text": "workgroup" })),
    ] {
        assert_eq!(facts[key], expected, "{key}");
    }
    // What this Windows does not have is not guessed.
    for key in [
        "tasks.missing",
        "shares.missing",
        "security.antivirus_on",
        "power.sleep_ac",
    ] {
        assert!(facts[key]["unknown"].is_object(), "{key} is {}", facts[key]);
    }

    // And what is damaged is not either.
    put(
        &own_folder(&wine).join("AppData/Local/Microsoft/Edge/User Data/Default/Preferences"),
        b"{\"exten",
    );
    let (windows, _) = wine.folder("windows");
    put(
        &windows.join("system32/GroupPolicy/Machine/Registry.pol"),
        b"PReg\x01\0\0\0[\0S",
    );
    wine.reg_add(DOTNET, "Release", "REG_SZ", "528049").await;
    let facts = told(&wine).await;
    for key in [
        "edge.developer_mode",
        "edge.delegate.version",
        "update.policy_file_mode",
        "dotnet.release",
    ] {
        assert_eq!(facts[key]["unknown"]["reason"], "damaged", "{key} is {}", facts[key]);
    }
}

/// What it costs a terminal, in the test's output: `cargo test … -- --nocapture`.
#[expect(clippy::print_stderr, reason = "a figure for whoever runs the test")]
fn told_memory(wine: &Wine) {
    let memory = wine.memory_of("kaishin-agent.exe").expect("the agent runs");
    let size = wine::agent().and_then(|exe| exe.metadata().ok()).map(|meta| meta.len());
    let kib = |bytes: u64| bytes / 1024;
    eprintln!(
        "kaishin-agent.exe: {} KiB on disk; under Wine {} KiB resident, {} KiB of them its own",
        kib(size.unwrap_or_default()),
        kib(memory.resident),
        kib(memory.anonymous),
    );
}
