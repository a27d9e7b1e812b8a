//! What an installation may set: a TOML file, each key also as an environment variable, checked as a whole before
//! anything starts. Unknown keys are errors: a mistyped setting must not silently be the default.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use config::FileFormat;
use kaishin_domain::time::Span;
use serde::Deserialize;
use tracing_subscriber::EnvFilter;

use crate::app::Rate;
use crate::store::Database;

const PREFIX: &str = "KAISHIN_";
pub const KEYS: [&str; 18] = [
    "data",
    "http",
    "agents",
    "agents_address",
    "database",
    "trust_domain",
    "agents_names",
    "heartbeat_seconds",
    "enrolment_burst",
    "enrolment_rate",
    "history_days",
    "rules",
    "ca_key_file",
    "ca_passphrase",
    "http_certificate",
    "http_key",
    "log",
    "log_format",
];
/// The one key that is a list; in the environment its parts stand between commas.
const LIST: &str = "agents_names";

const SQLITE_FILE: &str = "kaishin.db";

#[derive(Clone, Debug)]
pub struct Config {
    /// Everything that must survive: the database (unless it is PostgreSQL) and the certificate authority.
    pub data: PathBuf,
    /// Where people and programs come in.
    pub http: SocketAddr,
    /// Where terminals come in.
    pub agents: SocketAddr,
    /// `host:port` at which terminals reach this server, where that is not where it listens.
    pub agents_address: Option<String>,
    pub engine: Engine,
    /// Stands in every terminal's certificate; cannot be changed later.
    pub trust_domain: String,
    /// What agents may dial besides addresses that need no name.
    pub agents_names: Vec<String>,
    pub heartbeat: Span,
    /// Requests to enrol that one address may make.
    pub enrolments: Rate,
    /// How long it is kept what facts were before they changed.
    pub history: Span,
    /// A folder with rules of this installation.
    pub rules: Option<PathBuf>,
    pub ca_key_file: Option<PathBuf>,
    pub ca_passphrase: Option<Hidden>,
    /// With it the dashboard speaks HTTPS itself.
    pub http_tls: Option<HttpTls>,
    pub log: String,
    pub log_format: LogFormat,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file in the data directory.
    Sqlite,
    /// A `postgres://` address.
    Postgres(Hidden),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpTls {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Not shown when a configuration is.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl Hidden {
    pub fn new(text: impl Into<String>) -> Hidden {
        Hidden(text.into())
    }
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "E-CONFIG-01 設定ファイル {path} を読めません。場所と権限を確認してください。 / The configuration file {path} cannot be read. Check its place and its permissions."
    )]
    File { path: PathBuf, source: std::io::Error },
    #[error(
        "E-CONFIG-02 設定に書き間違い、または知らないキーがあります: {source} / The configuration has a mistake in it, or an unknown key: {source}"
    )]
    Text { source: config::ConfigError },
    #[error("E-CONFIG-03 設定 {key} の値が使えません。{ja} / The setting {key} cannot be used. {en}")]
    Value {
        key: &'static str,
        ja: &'static str,
        en: &'static str,
    },
}

impl ConfigError {
    pub fn code(&self) -> &'static str {
        match self {
            ConfigError::File { .. } => "E-CONFIG-01",
            ConfigError::Text { .. } => "E-CONFIG-02",
            ConfigError::Value { .. } => "E-CONFIG-03",
        }
    }
}

fn bad(key: &'static str, ja: &'static str, en: &'static str) -> ConfigError {
    ConfigError::Value { key, ja, en }
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    data: PathBuf,
    http: String,
    agents: String,
    agents_address: Option<String>,
    database: Hidden,
    trust_domain: String,
    agents_names: Vec<String>,
    heartbeat_seconds: u32,
    enrolment_burst: u32,
    enrolment_rate: u32,
    history_days: u32,
    rules: Option<PathBuf>,
    ca_key_file: Option<PathBuf>,
    ca_passphrase: Option<Hidden>,
    http_certificate: Option<PathBuf>,
    http_key: Option<PathBuf>,
    log: String,
    log_format: LogFormat,
}

impl Default for Written {
    fn default() -> Self {
        Written {
            data: "/var/lib/kaishin".into(),
            http: "127.0.0.1:8480".into(),
            agents: "0.0.0.0:8443".into(),
            agents_address: None,
            database: Hidden::new("sqlite"),
            trust_domain: "kaishin.local".into(),
            agents_names: Vec::new(),
            heartbeat_seconds: 60,
            enrolment_burst: 2_000,
            enrolment_rate: 100,
            history_days: 400,
            rules: None,
            ca_key_file: None,
            ca_passphrase: None,
            http_certificate: None,
            http_key: None,
            log: "info".into(),
            log_format: LogFormat::Text,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let usual = Written::default();
        Config {
            data: usual.data,
            http: SocketAddr::from(([127, 0, 0, 1], 8480)),
            agents: SocketAddr::from(([0, 0, 0, 0], 8443)),
            agents_address: None,
            engine: Engine::Sqlite,
            trust_domain: usual.trust_domain,
            agents_names: usual.agents_names,
            heartbeat: Span::seconds(i64::from(usual.heartbeat_seconds)),
            enrolments: Rate::ENROLMENTS,
            history: Span::days(i64::from(usual.history_days)),
            rules: None,
            ca_key_file: None,
            ca_passphrase: None,
            http_tls: None,
            log: usual.log,
            log_format: usual.log_format,
        }
    }
}

impl Config {
    /// From the file, if one is named, and this process's environment, which wins.
    pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
        let text = match file {
            Some(path) => std::fs::read_to_string(path).map_err(|source| ConfigError::File {
                path: path.to_owned(),
                source,
            })?,
            None => String::new(),
        };
        Config::from_text(&text, |name| std::env::var(name).ok())
    }

    pub fn from_text(text: &str, environment: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
        let unreadable = |source| ConfigError::Text { source };
        let mut builder = config::Config::builder().add_source(config::File::from_str(text, FileFormat::Toml));
        for key in KEYS {
            let Some(value) = environment(&format!("{PREFIX}{}", key.to_ascii_uppercase())) else {
                continue;
            };
            builder = if key == LIST {
                let parts: Vec<String> = value.split(',').map(|part| part.trim().to_owned()).collect();
                builder.set_override(key, parts)
            } else {
                builder.set_override(key, value)
            }
            .map_err(unreadable)?;
        }
        let written: Written = builder
            .build()
            .and_then(config::Config::try_deserialize)
            .map_err(unreadable)?;
        written.checked()
    }

    /// What installers are told to dial: as configured, else the first name that the certificate bears, else where it listens.
    pub fn agents_address(&self) -> String {
        match (&self.agents_address, self.agents_names.first()) {
            (Some(address), _) => address.clone(),
            (None, Some(name)) => match name.parse::<IpAddr>() {
                Ok(ip) => SocketAddr::new(ip, self.agents.port()).to_string(),
                Err(_) => format!("{name}:{}", self.agents.port()),
            },
            (None, None) => self.agents.to_string(),
        }
    }

    pub fn database(&self) -> Database {
        match &self.engine {
            Engine::Sqlite => Database::Sqlite(self.data.join(SQLITE_FILE)),
            Engine::Postgres(url) => Database::Postgres(url.reveal().to_owned()),
        }
    }
}

impl Written {
    fn checked(self) -> Result<Config, ConfigError> {
        let http_tls = match (self.http_certificate, self.http_key) {
            (Some(certificate), Some(key)) => Some(HttpTls { certificate, key }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err(bad(
                    "http_certificate",
                    "http_certificateとhttp_keyは両方指定してください。",
                    "Give both http_certificate and http_key, or neither.",
                ));
            }
        };
        if self.ca_key_file.is_some() && self.ca_passphrase.is_some() {
            return Err(bad(
                "ca_key_file",
                "ca_key_fileとca_passphraseはどちらか一方だけ指定してください。",
                "Give either ca_key_file or ca_passphrase, not both.",
            ));
        }
        if self.data.as_os_str().is_empty() {
            return Err(bad("data", "フォルダーを指定してください。", "Name a directory."));
        }
        if EnvFilter::try_new(&self.log).is_err() {
            return Err(bad(
                "log",
                "例: info または kaishin=debug,warn",
                "Examples: info, or kaishin=debug,warn",
            ));
        }
        Ok(Config {
            http: address("http", &self.http)?,
            agents: address("agents", &self.agents)?,
            agents_address: self.agents_address.map(public_address).transpose()?,
            engine: engine(&self.database)?,
            trust_domain: trust_domain(self.trust_domain)?,
            agents_names: names(self.agents_names)?,
            heartbeat: heartbeat(self.heartbeat_seconds)?,
            enrolments: enrolments(self.enrolment_burst, self.enrolment_rate)?,
            history: history(self.history_days)?,
            rules: self.rules,
            data: self.data,
            ca_key_file: self.ca_key_file,
            ca_passphrase: self.ca_passphrase,
            http_tls,
            log: self.log,
            log_format: self.log_format,
        })
    }
}

fn address(key: &'static str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| {
        bad(
            key,
            "「アドレス:ポート」の形にしてください。例: 0.0.0.0:8443",
            "Write address:port, for example 0.0.0.0:8443",
        )
    })
}

fn public_address(text: String) -> Result<String, ConfigError> {
    let named = |(host, port): (&str, &str)| is_dns_name(host) && port.parse::<u16>().is_ok_and(|port| port > 0);
    let numbered = text.parse::<SocketAddr>().is_ok_and(|addr| addr.port() > 0);
    if numbered || text.rsplit_once(':').is_some_and(named) {
        return Ok(text);
    }
    Err(bad(
        "agents_address",
        "端末から届く「ホスト名:ポート」の形にしてください。例: kaishin.example:8443",
        "Write host:port as terminals reach it, for example kaishin.example:8443",
    ))
}

fn engine(database: &Hidden) -> Result<Engine, ConfigError> {
    match database.reveal() {
        "sqlite" => Ok(Engine::Sqlite),
        url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            Ok(Engine::Postgres(database.clone()))
        }
        _ => Err(bad(
            "database",
            "sqliteまたはpostgres://で始まるアドレスにしてください。",
            "Write sqlite, or an address that begins with postgres://",
        )),
    }
}

fn is_dns_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

fn trust_domain(name: String) -> Result<String, ConfigError> {
    if is_dns_name(&name) && !name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Ok(name);
    }
    Err(bad(
        "trust_domain",
        "小文字の英数字とハイフンをドットでつないでください。",
        "Use lower-case letters, digits and hyphens, joined by dots.",
    ))
}

fn names(names: Vec<String>) -> Result<Vec<String>, ConfigError> {
    let names: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).collect();
    if names
        .iter()
        .all(|name| is_dns_name(name) || name.parse::<IpAddr>().is_ok())
    {
        return Ok(names);
    }
    Err(bad(
        "agents_names",
        "ホスト名かIPアドレスの一覧にしてください。",
        "Give a list of host names or IP addresses.",
    ))
}

fn heartbeat(seconds: u32) -> Result<Span, ConfigError> {
    if (5..=3_600).contains(&seconds) {
        return Ok(Span::seconds(i64::from(seconds)));
    }
    Err(bad(
        "heartbeat_seconds",
        "5〜3600秒にしてください。",
        "Between 5 and 3600 seconds.",
    ))
}

fn history(days: u32) -> Result<Span, ConfigError> {
    if (1..=36_500).contains(&days) {
        return Ok(Span::days(i64::from(days)));
    }
    Err(bad(
        "history_days",
        "1〜36500日にしてください。",
        "Between 1 and 36,500 days.",
    ))
}

fn enrolments(burst: u32, rate: u32) -> Result<Rate, ConfigError> {
    let in_words = ("1〜1000000にしてください。", "Between 1 and 1,000,000.");
    for (key, number) in [("enrolment_burst", burst), ("enrolment_rate", rate)] {
        if !(1..=1_000_000).contains(&number) {
            return Err(bad(key, in_words.0, in_words.1));
        }
    }
    Ok(Rate {
        burst: f64::from(burst),
        per_second: f64::from(rate),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../packaging/kaishin.toml");

    fn read(text: &str) -> Result<Config, ConfigError> {
        Config::from_text(text, |_| None)
    }

    #[test]
    fn the_example_file_is_the_defaults_and_names_every_key() {
        let example = read(EXAMPLE).expect("the example reads");
        assert_eq!(format!("{example:?}"), format!("{:?}", Config::default()));
        let commented = EXAMPLE.lines().map(|line| line.trim_start_matches(['#', ' ']));
        for key in KEYS {
            let mut lines = commented.clone();
            assert!(lines.any(|line| line.starts_with(&format!("{key} ="))), "{key}");
        }
        // What is commented out must read too, once a person takes the hash away.
        let everything: String = EXAMPLE
            .lines()
            .map(|line| {
                line.strip_prefix("#")
                    .filter(|rest| !rest.starts_with(' '))
                    .unwrap_or(line)
            })
            .filter(|line| !line.starts_with("ca_passphrase"))
            .map(|line| format!("{line}\n"))
            .collect();
        let config = read(&everything).expect("everything reads");
        assert!(config.http_tls.is_some() && config.ca_key_file.is_some());
    }

    #[test]
    fn installers_are_told_the_address_that_is_known_best() {
        for (text, told) in [
            ("", "0.0.0.0:8443"),
            ("agents = \"192.0.2.7:443\"", "192.0.2.7:443"),
            (
                "agents_names = [\"fleet.example\", \"192.0.2.7\"]",
                "fleet.example:8443",
            ),
            ("agents_names = [\"2001:db8::1\"]", "[2001:db8::1]:8443"),
            (
                "agents_names = [\"fleet.example\"]\nagents_address = \"proxy.example:443\"",
                "proxy.example:443",
            ),
        ] {
            assert_eq!(read(text).expect(text).agents_address(), told, "{text}");
        }
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        let config = read("").expect("it reads");
        assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
    }

    #[test]
    fn every_key_can_be_given_in_the_environment_which_wins() {
        let environment = |name: &str| {
            let value = match name {
                "KAISHIN_DATA" => "/srv/kaishin",
                "KAISHIN_HTTP" => "127.0.0.1:0",
                "KAISHIN_AGENTS" => "[::]:9443",
                "KAISHIN_DATABASE" => "postgres://kaishin:secret@db/kaishin",
                "KAISHIN_TRUST_DOMAIN" => "fleet.example",
                "KAISHIN_AGENTS_NAMES" => "fleet.example, 192.0.2.7",
                "KAISHIN_HEARTBEAT_SECONDS" => "30",
                "KAISHIN_ENROLMENT_BURST" => "50000",
                "KAISHIN_ENROLMENT_RATE" => "5000",
                "KAISHIN_HISTORY_DAYS" => "30",
                "KAISHIN_CA_PASSPHRASE" => "12345678",
                "KAISHIN_HTTP_CERTIFICATE" => "/c.pem",
                "KAISHIN_HTTP_KEY" => "/k.pem",
                "KAISHIN_LOG" => "kaishin=debug,warn",
                "KAISHIN_LOG_FORMAT" => "json",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let config = Config::from_text("heartbeat_seconds = 90", environment).expect("it reads");
        assert_eq!(config.data, Path::new("/srv/kaishin"));
        assert_eq!(config.agents.port(), 9443);
        assert!(matches!(config.database(), Database::Postgres(url) if url.contains("secret")));
        assert_eq!(config.agents_names, ["fleet.example", "192.0.2.7"]);
        assert_eq!(config.heartbeat, Span::seconds(30));
        assert_eq!(config.ca_passphrase.as_ref().map(Hidden::reveal), Some("12345678"));
        assert_eq!(config.log_format, LogFormat::Json);
        let shown = format!("{config:?}");
        assert!(!shown.contains("secret") && !shown.contains("12345678"), "{shown}");
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_code_and_its_key() {
        let table = [
            ("htp = \"127.0.0.1:1\"", "E-CONFIG-02", "htp"),
            ("http = ", "E-CONFIG-02", ""),
            ("heartbeat_seconds = \"often\"", "E-CONFIG-02", "often"),
            ("log_format = \"xml\"", "E-CONFIG-02", "xml"),
            ("http = \"localhost\"", "E-CONFIG-03", "http"),
            ("database = \"mysql://x\"", "E-CONFIG-03", "database"),
            ("trust_domain = \"Kaishin\"", "E-CONFIG-03", "trust_domain"),
            ("agents_names = [\"a b\"]", "E-CONFIG-03", "agents_names"),
            ("agents_address = \"kaishin.example\"", "E-CONFIG-03", "agents_address"),
            ("agents_address = \"a b:1\"", "E-CONFIG-03", "agents_address"),
            ("heartbeat_seconds = 1", "E-CONFIG-03", "heartbeat_seconds"),
            ("http_key = \"/k.pem\"", "E-CONFIG-03", "http_certificate"),
            ("log = \"=\\u0000=\"", "E-CONFIG-03", "log"),
            (
                "ca_key_file = \"/k\"\nca_passphrase = \"x\"",
                "E-CONFIG-03",
                "ca_passphrase",
            ),
        ];
        for (text, code, says) in table {
            let error = read(text).expect_err(text);
            let shown = error.to_string();
            assert_eq!(error.code(), code, "{text}");
            assert!(shown.starts_with(code) && shown.contains(says), "{text}: {shown}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Config::load(Some(Path::new("/no/such/kaishin.toml"))).expect_err("refused");
        assert!(error.to_string().contains("/no/such/kaishin.toml"));
        assert_eq!(error.code(), "E-CONFIG-01");
    }
}
