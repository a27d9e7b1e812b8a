//! The proxy of the people at the terminal and of Windows' own services, held against the one that the profile names. What
//! a user who is signed in has counts; everybody's is shown.

pub mod blob;
pub mod bypass;

use kaishin_proto::convert::Facts;
use kaishin_proto::profile::{Check, CheckKind, Profile};
use kaishin_proto::time::Span;
use kaishin_proto::value::{Table, Value};

use self::bypass::Compared;
use super::people::People;
use super::{About, list, row, text, truth};
use crate::os::{Hive, Os, OsError, Read, RegistryTree, User};

pub use blob::write as connection_settings;

pub const SETTINGS: &str = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings";
pub const CONNECTION: &str = "DefaultConnectionSettings";
pub const WINHTTP: &str = "WinHttpSettings";
const POLICY: &str = r"SOFTWARE\Policies\Microsoft\Windows\CurrentVersion\Internet Settings";
/// For whoever is asked whether it is there.
const PATIENCE: Span = Span::seconds(5);
const MOST: usize = 40;
/// Of one text in a table.
const LONGEST: usize = 300;

/// Windows itself takes no more than two thousand letters.
const LONGEST_BYPASS: usize = 16 * 1024;

/// One user's.
pub struct Seen {
    on: bool,
    pub server: Option<String>,
    pub bypass: String,
    /// Whether the two places where Windows keeps it say the same; `None` where there is only one.
    agrees: Option<Read<bool>>,
}

pub fn collect(os: &dyn Os, about: &About) -> Facts {
    let people = People::look(os, about);
    let seen = people.as_ref().map_err(OsError::clone).and_then(|people| {
        let counting = people.who_counts();
        if counting.is_empty() {
            return Err(OsError::not_found("nobody has signed in on this machine yet"));
        }
        counting
            .into_iter()
            .map(|user| of_user(os, user))
            .collect::<Read<Vec<Seen>>>()
    });
    let wanted = &about.profile.proxy.bypass;
    let all = |pick: fn(&Compared) -> &Vec<String>| {
        let seen = seen.as_ref().map_err(OsError::clone)?;
        let mut found = std::collections::BTreeSet::new();
        // Who goes directly has no exceptions to lack.
        for seen in seen.iter().filter(|seen| seen.on) {
            found.extend(pick(&bypass::compare(&seen.bypass, wanted)).iter().cloned());
        }
        Ok(found.into_iter().take(MOST).collect())
    };
    let on = seen
        .as_ref()
        .map_err(OsError::clone)
        .map(|seen| seen.iter().all(|seen| seen.on));
    let winhttp = winhttp(os);
    let lacking = winhttp
        .as_ref()
        .map_err(OsError::clone)
        .map(|winhttp| match winhttp.server {
            Some(_) => {
                let compared = bypass::compare(&winhttp.bypass, wanted);
                compared.joined.into_iter().chain(compared.missing).take(MOST).collect()
            }
            None => Vec::new(),
        });
    let through = winhttp.map(|winhttp| winhttp.server.as_deref().map_or_else(|| "direct".to_owned(), server));
    vec![
        row("proxy.enabled", truth(on)),
        row("proxy.server", text(servers(&seen))),
        row("proxy.missing", list(all(|compared| &compared.missing))),
        row("proxy.joined", list(all(|compared| &compared.joined))),
        row("proxy.extra", list(all(|compared| &compared.extra))),
        row(
            "proxy.users",
            people.map_or_else(Value::from, |people| table(os, &people.all, wanted)),
        ),
        row("proxy.winhttp", text(through)),
        row("proxy.winhttp_missing", list(lacking)),
    ]
}

/// Where somebody's proxy is kept.
pub struct Place {
    pub whose: String,
    /// What belongs to a user who is away is not written.
    pub signed_in: bool,
    pub hive: Hive,
    pub key: String,
}

/// Of everybody but an account that only programs run as.
pub fn places(os: &dyn Os, about: &About) -> Read<Vec<Place>> {
    let people = People::look(os, about)?;
    let places = people.persons().map(|user| place(os, user));
    let mut places = places.collect::<Read<Vec<Place>>>()?;
    // One place for all is one.
    places.dedup_by(|one, other| (one.hive, &one.key) == (other.hive, &other.key));
    Ok(places)
}

/// What is kept there.
pub fn look(os: &dyn Os, place: &Place) -> Read<Seen> {
    let found = os.registry_tree(place.hive, &place.key, 1)?;
    // Nothing there is what a new user has: no proxy.
    read(&found.unwrap_or_default())
}

fn of_user(os: &dyn Os, user: &User) -> Read<Seen> {
    look(os, &place(os, user)?)
}

/// A policy can make the machine's settings everybody's.
fn place(os: &dyn Os, user: &User) -> Read<Place> {
    let per_user = os.registry_get(Hive::LocalMachine, POLICY, "ProxySettingsPerUser")?;
    Ok(match per_user.map(|value| value.as_u32()).transpose()? {
        Some(0) => Place {
            whose: "everybody".to_owned(),
            signed_in: true,
            hive: Hive::LocalMachine,
            key: SETTINGS.to_owned(),
        },
        Some(_) | None => Place {
            whose: user.shown().to_owned(),
            signed_in: user.signed_in,
            hive: Hive::Users,
            key: user.key(SETTINGS),
        },
    })
}

/// Whether the proxy that the profile names is to be reached from here.
pub fn answers(os: &dyn Os, profile: &Profile) -> Read<()> {
    let wanted = &profile.proxy.server;
    let odd = || OsError::damaged(format!("{wanted} is no host and port"));
    let (host, port) = wanted.rsplit_once(':').ok_or_else(odd)?;
    let check = Check {
        name: "proxy".to_owned(),
        kind: CheckKind::Tcp,
        host: host.to_owned(),
        port: port.parse().map_err(|_| odd())?,
    };
    let told = os.reach(&[check], PATIENCE).into_iter().next();
    told.unwrap_or_else(|| Err(OsError::failed("nothing was asked")))
}

fn read(found: &RegistryTree) -> Read<Seen> {
    let on = found.number("ProxyEnable")?.is_some_and(|on| on != 0);
    let server = found.text("ProxyServer")?.filter(|server| !server.is_empty());
    let bypass = found.text("ProxyOverride")?.unwrap_or_default();
    if bypass.len() > LONGEST_BYPASS {
        return Err(OsError::damaged(format!("exceptions of {} bytes", bypass.len())));
    }
    let connection = found
        .key("Connections")
        .and_then(|connections| connections.value(CONNECTION));
    let agrees = connection.map(|value| {
        let kept = blob::read(value)?;
        let same_server = kept.server == server.clone().filter(|_| on);
        Ok(same_server && (!on || bypass::entries(&kept.bypass) == bypass::entries(&bypass)))
    });
    Ok(Seen {
        on: on && server.is_some(),
        server,
        bypass,
        agrees,
    })
}

/// `host:port`; `http=host:port;https=host:port` where it is one for all.
pub fn server(written: &str) -> String {
    let one = |part: &str| {
        let part = part
            .split_once('=')
            .map_or(part, |(_, server)| server)
            .trim()
            .to_lowercase();
        let bare = part.strip_prefix("http://").unwrap_or(&part);
        bare.trim_end_matches('/').to_owned()
    };
    let mut servers: Vec<String> = written
        .split(';')
        .map(one)
        .filter(|server| !server.is_empty())
        .collect();
    servers.dedup();
    servers.join(" ").chars().take(LONGEST).collect()
}

/// One name where all agree.
fn servers(seen: &Read<Vec<Seen>>) -> Read<String> {
    let seen = seen.as_ref().map_err(OsError::clone)?;
    let mut servers: Vec<String> = seen
        .iter()
        .filter_map(|seen| seen.server.as_deref().map(server))
        .collect();
    servers.sort();
    servers.dedup();
    if servers.is_empty() {
        return Err(OsError::not_found("no proxy is written down"));
    }
    Ok(servers.join(" ").chars().take(LONGEST).collect())
}

/// Absent is direct.
pub fn winhttp(os: &dyn Os) -> Read<blob::Connection> {
    let key = format!(r"{SETTINGS}\Connections");
    match os.registry_get(Hive::LocalMachine, &key, WINHTTP)? {
        Some(value) => blob::read(&value),
        None => Ok(blob::Connection {
            server: None,
            bypass: String::new(),
        }),
    }
}

fn table(os: &dyn Os, users: &[User], wanted: &[String]) -> Value {
    let line = |user: &User| {
        let yes_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
        let mut line = vec![user.shown().chars().take(60).collect(), yes_no(user.signed_in)];
        match of_user(os, user) {
            Ok(seen) => {
                let compared = bypass::compare(&seen.bypass, wanted);
                let agrees = match seen.agrees {
                    None => String::new(),
                    Some(Ok(agrees)) => yes_no(agrees),
                    Some(Err(error)) => error.reason.name().to_owned(),
                };
                let short = |items: Vec<String>| items.join(";").chars().take(LONGEST).collect();
                line.extend([yes_no(seen.on), seen.server.as_deref().map(server).unwrap_or_default()]);
                line.extend([
                    short(compared.missing),
                    short(compared.joined),
                    short(compared.extra),
                    agrees,
                ]);
            }
            Err(error) => {
                let why: String = format!("{}: {}", error.reason.name(), error.detail)
                    .chars()
                    .take(LONGEST)
                    .collect();
                line.push(why);
                line.resize(8, String::new());
            }
        }
        line
    };
    let columns = [
        "user",
        "signed_in",
        "proxy",
        "server",
        "missing",
        "joined",
        "extra",
        "agrees",
    ];
    Value::Table(Table {
        columns: columns.map(str::to_owned).to_vec(),
        // Each line may be long, and all have to fit into one fact.
        rows: users.iter().take(MOST / 4).map(line).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{listed, reason, sim, value};
    use super::*;
    use crate::os::sim::Sim;
    use crate::os::{RegistryKind, RegistryValue};
    use kaishin_proto::value::Reason;

    const SERVER: &str = "proxy.base.oqs-pdl.org:8080";

    /// The one who is signed in has no settings yet.
    fn bare() -> (Sim, User) {
        let sim = sim();
        let user = sim.users().unwrap().into_iter().find(|user| user.signed_in).unwrap();
        sim.remove_key(Hive::Users, &user.key(SETTINGS));
        sim.remove_key(Hive::LocalMachine, SETTINGS);
        (sim, user)
    }

    fn set(sim: &Sim, user: &User, server: &str, bypass: &str) {
        let key = user.key(SETTINGS);
        for (name, value) in [
            ("ProxyEnable", RegistryValue::dword(1)),
            ("ProxyServer", RegistryValue::text(server)),
            ("ProxyOverride", RegistryValue::text(bypass)),
        ] {
            sim.poke(Hive::Users, &key, name, Some(value));
        }
    }

    fn bypass() -> String {
        Profile::built_in().proxy.bypass.join(";")
    }

    #[test]
    fn the_settings_of_whoever_is_signed_in_count() {
        let (sim, user) = bare();
        assert_eq!(value(&sim, "proxy.enabled"), Value::Truth(false));
        assert_eq!(reason(&value(&sim, "proxy.server")), Some(Reason::NotFound));
        assert!(listed(&sim, "proxy.missing").is_empty());
        set(
            &sim,
            &user,
            "http=PROXY.base.oqs-pdl.org:8080;https=http://proxy.base.oqs-pdl.org:8080/",
            &bypass(),
        );
        assert_eq!(value(&sim, "proxy.enabled"), Value::Truth(true));
        assert_eq!(value(&sim, "proxy.server"), Value::Text(SERVER.into()));
        assert!(listed(&sim, "proxy.missing").is_empty());
        set(
            &sim,
            &user,
            SERVER,
            &bypass().replace("*.rece;", "").replace(".jp;*.flets", ".jp*.flets"),
        );
        assert_eq!(listed(&sim, "proxy.missing"), ["*.rece"]);
        assert_eq!(listed(&sim, "proxy.joined"), ["*.flets-east.jp*.flets-west.jp"]);
        assert!(listed(&sim, "proxy.extra").is_empty());
    }

    #[test]
    fn a_policy_makes_the_machines_settings_everybodys() {
        let (sim, user) = bare();
        set(&sim, &user, "other:1", "");
        sim.poke(
            Hive::LocalMachine,
            POLICY,
            "ProxySettingsPerUser",
            Some(RegistryValue::dword(0)),
        );
        assert_eq!(value(&sim, "proxy.enabled"), Value::Truth(false));
    }

    #[test]
    fn the_two_places_of_a_users_proxy_are_held_against_each_other() {
        let (sim, user) = bare();
        set(&sim, &user, SERVER, &bypass());
        let agrees = |value: RegistryValue| {
            let key = user.key(&format!(r"{SETTINGS}\Connections"));
            sim.poke(Hive::Users, &key, CONNECTION, Some(value));
            let Value::Table(table) = super::super::tests::value(&sim, "proxy.users") else {
                panic!()
            };
            table.rows.iter().find(|row| row[1] == "yes").unwrap()[7].clone()
        };
        assert_eq!(agrees(connection_settings(0x46, Some(SERVER), &bypass())), "yes");
        assert_eq!(agrees(connection_settings(0x46, Some("old:8080"), &bypass())), "no");
        assert_eq!(agrees(connection_settings(0x46, None, "")), "no");
        assert_eq!(
            agrees(RegistryValue::new(RegistryKind::BINARY, vec![0x46; 6])),
            "damaged"
        );
    }

    #[test]
    fn services_go_their_own_way() {
        let (sim, _) = bare();
        assert_eq!(value(&sim, "proxy.winhttp"), Value::Text("direct".into()));
        let key = format!(r"{SETTINGS}\Connections");
        let set = |value| sim.poke(Hive::LocalMachine, &key, WINHTTP, Some(value));
        set(connection_settings(
            0x28,
            Some(SERVER),
            &bypass().replace("*.rece;", ""),
        ));
        assert_eq!(value(&sim, "proxy.winhttp"), Value::Text(SERVER.into()));
        assert_eq!(listed(&sim, "proxy.winhttp_missing"), ["*.rece"]);
        set(RegistryValue::new(RegistryKind::BINARY, vec![0x28, 0, 0]));
        assert_eq!(reason(&value(&sim, "proxy.winhttp")), Some(Reason::Damaged));
        sim.deny(Hive::LocalMachine, SETTINGS);
        assert_eq!(reason(&value(&sim, "proxy.winhttp")), Some(Reason::NoPermission));
    }

    #[test]
    fn damaged_and_closed_settings_are_unknown() {
        for (name, odd) in [
            ("ProxyEnable", RegistryValue::text("yes")),
            ("ProxyServer", RegistryValue::new(RegistryKind::SZ, vec![0x00, 0xd8])),
            ("ProxyOverride", RegistryValue::new(RegistryKind::SZ, vec![0x41])),
            ("ProxyOverride", RegistryValue::text(&"*.rece".repeat(100_000))),
        ] {
            let (sim, user) = bare();
            set(&sim, &user, SERVER, &bypass());
            sim.poke(Hive::Users, &user.key(SETTINGS), name, Some(odd));
            assert_eq!(reason(&value(&sim, "proxy.missing")), Some(Reason::Damaged), "{name}");
        }
        let (sim, user) = bare();
        sim.deny(Hive::Users, &user.key("Software"));
        assert_eq!(reason(&value(&sim, "proxy.enabled")), Some(Reason::NoPermission));
        // Others are shown all the same.
        assert!(!value(&sim, "proxy.users").is_unknown());
    }
}
