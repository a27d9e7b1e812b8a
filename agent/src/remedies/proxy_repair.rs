//! The proxy that the profile names, with all places that go past it: of the people who are signed in, and of Windows' own
//! services. Only where that proxy is the way out; what a site has added for itself stays. What belongs to a user who is away
//! is not written: the job waits for somebody, or says who is left.

use kaishin_proto::preview::{Preview, Verdict};
use kaishin_proto::remedy::Remedy;
use kaishin_proto::time::Span;

use super::setting::{self, Plan, Setting, Want};
use super::state::State;
use super::{Acted, Around, Cure, Failed, Probed, Step};
use crate::facts::proxy::{self, CONNECTION, Place, WINHTTP, blob, bypass};
use crate::os::{Hive, Os, Read, RegistryValue};

/// Somebody signs in, or nobody does: there is no hurry.
const LOOK_AGAIN: Span = Span::minutes(1);

pub struct ProxyRepair;

/// What of it is like all that sets things.
fn sets() -> Setting<impl Fn(&dyn Os, &Around) -> Read<Plan>> {
    Setting::new(Remedy::ProxyRepair, plan)
}

impl Cure for ProxyRepair {
    fn steps(&self) -> &'static [Step] {
        setting::STEPS
    }

    fn act(&self, step: &str, os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
        let people = people(os, around)?;
        let left = left(os, around, &people.away)?;
        let nobody = people.here.is_empty() && !left.is_empty();
        if step == setting::READ_BEFORE && nobody && is_the_way_out(os, around)?.is_ok() {
            return Ok(Acted::Again {
                after: LOOK_AGAIN,
                evidence: format!("waits until one of these signs in: {}", left.join(", ")),
            });
        }
        let mut done = sets().carry_out(step, os, around)?;
        done.evidence += &still_to_do(&left);
        Ok(done.into())
    }

    fn probe(&self, step: &str, os: &dyn Os, around: &Around) -> Probed {
        sets().probe(step, os, around)
    }

    fn preview(&self, os: &dyn Os, around: &Around) -> Read<Preview> {
        let left = left(os, around, &people(os, around)?.away)?;
        let told = sets().preview(os, around)?;
        Ok(match told.verdict {
            Verdict::WouldChange | Verdict::AlreadyFine if !left.is_empty() => {
                told.because(still_to_do(&left).trim_start_matches("; "))
            }
            Verdict::WouldChange | Verdict::AlreadyFine | Verdict::NotApplicable | Verdict::Unknown => told,
        })
    }
}

/// For the record; order it again when they are there.
fn still_to_do(left: &[String]) -> String {
    if left.is_empty() {
        return String::new();
    }
    format!("; not signed in, and left as they are: {}", left.join(", "))
}

fn plan(os: &dyn Os, around: &Around) -> Read<Plan> {
    if let Err(why) = is_the_way_out(os, around)? {
        return Ok(Plan::NotApplicable(why));
    }
    let mut wants = Vec::new();
    for place in &people(os, around)?.here {
        wants.extend(wants_of(os, around, place)?);
    }
    wants.extend(services(os, around)?);
    Ok(Plan::Want(wants))
}

struct People {
    here: Vec<Place>,
    away: Vec<Place>,
}

fn people(os: &dyn Os, around: &Around) -> Read<People> {
    let (here, away) = proxy::places(os, &around.about)?
        .into_iter()
        .partition(|place| place.signed_in);
    Ok(People { here, away })
}

/// Of those who are away, the ones whose settings are not as they should be.
fn left(os: &dyn Os, around: &Around, away: &[Place]) -> Read<Vec<String>> {
    let mut left = Vec::new();
    for place in away {
        if wants_of(os, around, place)?.iter().any(Want::differs) {
            left.push(place.whose.clone());
        }
    }
    Ok(left)
}

/// Where terminals reach the distribution base otherwise, its proxy would cut them off: somebody here goes through it
/// already, or it answers. The reason why not, otherwise.
fn is_the_way_out(os: &dyn Os, around: &Around) -> Read<Result<(), String>> {
    let wanted = &around.about.profile.proxy.server;
    let names_it = |server: &Option<String>| server.as_deref().is_some_and(|server| proxy::server(server) == *wanted);
    for place in proxy::places(os, &around.about)? {
        if names_it(&proxy::look(os, &place)?.server) {
            return Ok(Ok(()));
        }
    }
    if names_it(&proxy::winhttp(os)?.server) {
        return Ok(Ok(()));
    }
    let answered = proxy::answers(os, &around.about.profile);
    Ok(answered.map_err(|error| format!("{wanted} is neither set here nor does it answer: {}", error.detail)))
}

fn wants_of(os: &dyn Os, around: &Around, place: &Place) -> Read<Vec<Want>> {
    let wanted = &around.about.profile.proxy;
    let seen = proxy::look(os, place)?;
    let server = match seen.server {
        Some(server) if proxy::server(&server) == wanted.server => server,
        Some(_) | None => wanted.server.clone(),
    };
    let exceptions = exceptions(&seen.bypass, &wanted.bypass);
    let value = |key: &str, name: &str, value| State::Registry {
        hive: place.hive,
        key: key.to_owned(),
        name: name.to_owned(),
        value: Some(value),
    };
    let mut wants = vec![
        Want::of(os, value(&place.key, "ProxyEnable", RegistryValue::dword(1)))?,
        Want::of(os, value(&place.key, "ProxyServer", RegistryValue::text(&server)))?,
        Want::of(os, value(&place.key, "ProxyOverride", RegistryValue::text(&exceptions)))?,
    ];
    let connections = format!(r"{}\Connections", place.key);
    let now = os.registry_get(place.hive, &connections, CONNECTION)?;
    let then = blob::through(now.as_ref(), blob::USERS, &server, &exceptions);
    wants.push(Want::of(os, value(&connections, CONNECTION, then))?);
    Ok(wants)
}

fn services(os: &dyn Os, around: &Around) -> Read<Vec<Want>> {
    let wanted = &around.about.profile.proxy;
    let connections = format!(r"{}\Connections", proxy::SETTINGS);
    let now = os.registry_get(Hive::LocalMachine, &connections, WINHTTP)?;
    // What is damaged says nothing.
    let seen = now.as_ref().and_then(|value| blob::read(value).ok());
    let (server, exceptions) = match seen {
        Some(seen) => {
            let same = seen.server.filter(|server| proxy::server(server) == wanted.server);
            let server = same.unwrap_or_else(|| wanted.server.clone());
            (server, self::exceptions(&seen.bypass, &wanted.bypass))
        }
        None => (wanted.server.clone(), wanted.bypass.join(";")),
    };
    let then = blob::through(now.as_ref(), blob::SERVICES, &server, &exceptions);
    let to = State::Registry {
        hive: Hive::LocalMachine,
        key: connections,
        name: WINHTTP.to_owned(),
        value: Some(then),
    };
    Ok(vec![Want::of(os, to)?])
}

/// Where nothing is missing or run together, as they are written.
fn exceptions(written: &str, wanted: &[String]) -> String {
    let compared = bypass::compare(written, wanted);
    if compared.missing.is_empty() && compared.joined.is_empty() {
        return written.to_owned();
    }
    bypass::repaired(written, wanted)
}

#[cfg(test)]
mod tests {
    use super::super::setting::tests::{around, carry_out, puts_right, survives_a_sick_machine};
    use super::super::{act, preview, probe};
    use super::*;

    const REMEDY: Remedy = Remedy::ProxyRepair;
    use crate::facts::proxy::connection_settings;
    use crate::facts::tests::{listed, sim, value};
    use crate::os::User;
    use crate::os::sim::Sim;
    use crate::words;
    use kaishin_proto::clock::Clock;
    use kaishin_proto::time::Time;
    use kaishin_proto::value::Value;

    fn server() -> String {
        around().about.profile.proxy.server.clone()
    }

    fn whole() -> String {
        around().about.profile.proxy.bypass.join(";")
    }

    fn set(sim: &Sim, user: &User, server: Option<&str>, exceptions: &str) {
        let poke = |name: &str, value| sim.poke(Hive::Users, &user.key(proxy::SETTINGS), name, value);
        poke("ProxyEnable", Some(RegistryValue::dword(server.is_some().into())));
        poke("ProxyServer", server.map(RegistryValue::text));
        poke("ProxyOverride", Some(RegistryValue::text(exceptions)));
        let key = user.key(&format!(r"{}\Connections", proxy::SETTINGS));
        sim.poke(
            Hive::Users,
            &key,
            CONNECTION,
            Some(connection_settings(blob::USERS, server, exceptions)),
        );
    }

    fn set_services(sim: &Sim, server: Option<&str>, exceptions: &str) {
        let key = format!(r"{}\Connections", proxy::SETTINGS);
        let value = connection_settings(blob::SERVICES, server, exceptions);
        sim.poke(Hive::LocalMachine, &key, WINHTTP, Some(value));
    }

    /// Everybody as given; exactly one is signed in. Nothing but what was said is wrong.
    fn with(server: Option<&str>, exceptions: &str) -> (Sim, Vec<User>) {
        let sim = sim();
        sim.cut_off(&[]);
        let users = sim.users().unwrap();
        for user in &users {
            sim.sign_out(&user.sid);
            set(&sim, user, server, exceptions);
        }
        sim.sign_in(&users[0].sid);
        set_services(&sim, server, exceptions);
        (sim, users)
    }

    fn text(sim: &Sim, user: &User, name: &str) -> String {
        let value = sim.peek(Hive::Users, &user.key(proxy::SETTINGS), name).unwrap();
        value.as_text().unwrap()
    }

    #[test]
    fn what_is_missing_run_together_or_off_is_put_right_for_users_and_services() {
        let server = server();
        let lost = whole().replace("*.flets-east.jp;*", "*.flets-east.jp*");
        let missing = whole().replace("*.rece;", "");
        for (through, exceptions) in [
            (Some(server.as_str()), lost.as_str()),
            (Some(&server), &missing),
            (Some("proxy.base.oqs-pdl.org:80"), &missing),
            (None, ""),
        ] {
            let (sim, users) = with(through, exceptions);
            puts_right(REMEDY, &sim);
            carry_out(REMEDY, &sim);
            assert_eq!(value(&sim, "proxy.enabled"), Value::Truth(true));
            assert_eq!(value(&sim, "proxy.server"), Value::Text(server.clone()));
            for list in ["proxy.missing", "proxy.joined", "proxy.winhttp_missing"] {
                assert!(listed(&sim, list).is_empty(), "{list}");
            }
            assert_eq!(value(&sim, "proxy.winhttp"), Value::Text(server.clone()));
            let Value::Table(table) = value(&sim, "proxy.users") else {
                panic!()
            };
            let own = table.rows.iter().find(|row| row[0] == users[0].shown()).unwrap();
            assert_eq!(own[7], "yes", "both places of a user say the same");
        }
    }

    #[test]
    fn where_people_sign_in_as_the_account_of_programs_its_proxy_is_judged_and_put_right() {
        let sim = Sim::new(1, 3, Clock::manual(Time(1_800_000_000_000_000)));
        sim.cut_off(&[]);
        let users = sim.users().unwrap();
        assert_eq!(users.len(), 1);
        assert_eq!(users[0].shown(), around().about.profile.account);
        set(&sim, &users[0], Some(&server()), &whole().replace("*.rece;", ""));
        assert_eq!(listed(&sim, "proxy.missing"), ["*.rece"]);
        assert!(!value(&sim, "display.scale").is_unknown());
        puts_right(REMEDY, &sim);
        carry_out(REMEDY, &sim);
        assert!(listed(&sim, "proxy.missing").is_empty());
    }

    #[test]
    fn the_sites_own_exceptions_stay_as_they_are_written() {
        let written = format!(
            "KARTE.local;{};192.168.1.*;<local>",
            whole().replace("*.rece;pweb", "*.recepweb")
        );
        let (sim, users) = with(Some(&server()), &written);
        carry_out(REMEDY, &sim);
        let now = text(&sim, &users[0], "ProxyOverride");
        let now: Vec<&str> = now.split(';').collect();
        assert_eq!(
            (now[0], now[now.len() - 2], now[now.len() - 1]),
            ("KARTE.local", "192.168.1.*", "<local>")
        );
        assert_eq!(now.len(), 3 + around().about.profile.proxy.bypass.len());
    }

    #[test]
    fn where_the_base_is_not_the_way_out_its_proxy_is_not_set() {
        let (sim, users) = with(None, "");
        sim.cut_off(&["proxy.base.oqs-pdl.org"]);
        let failed = act(REMEDY, "read-before", &sim, &around()).unwrap_err();
        assert_eq!(failed.code, words::JOB_NOT_APPLICABLE);
        assert_eq!(preview(REMEDY, &sim, &around()).verdict, Verdict::NotApplicable);
        // With nobody there it is no different.
        sim.sign_out(&users[0].sid);
        let failed = act(REMEDY, "read-before", &sim, &around()).unwrap_err();
        assert_eq!(failed.code, words::JOB_NOT_APPLICABLE);
        // Where one goes through it already, a line that is down is no reason.
        set(&sim, &users[1], Some(&server()), "");
        assert_eq!(preview(REMEDY, &sim, &around()).verdict, Verdict::WouldChange);
    }

    #[test]
    fn who_is_away_is_waited_for_or_named() {
        let (sim, users) = with(Some(&server()), "");
        sim.sign_out(&users[0].sid);
        let waits = act(REMEDY, "read-before", &sim, &around()).unwrap();
        assert!(
            matches!(&waits, Acted::Again { evidence, .. } if evidence.contains(users[0].shown())),
            "{waits:?}"
        );
        assert_eq!(sim.writes(), 0);
        sim.sign_in(&users[0].sid);
        let done = carry_out(REMEDY, &sim);
        assert!(done.evidence.contains(users[1].shown()), "{done:?}");
        assert!(!done.evidence.contains(users[0].shown()), "{done:?}");
        assert_eq!(
            text(&sim, &users[1], "ProxyOverride"),
            "",
            "what is theirs was not written"
        );
        // They sign in, and it is ordered again.
        sim.sign_in(&users[1].sid);
        puts_right(REMEDY, &sim);
    }

    #[test]
    fn who_signs_in_between_the_look_and_the_write_keeps_what_they_had_and_is_named() {
        let (sim, users) = with(Some(&server()), "");
        let mut around = around();
        let Acted::Done(looked) = act(REMEDY, "read-before", &sim, &around).unwrap() else {
            panic!("somebody is there");
        };
        around.story.kept = looked.undo;
        // The power is cut, and somebody else signs in beside the first.
        sim.sign_in(&users[1].sid);
        assert!(matches!(
            probe(REMEDY, "write-registry", &sim, &around),
            Probed::NotDone(_)
        ));
        act(REMEDY, "write-registry", &sim, &around).unwrap();
        assert!(matches!(
            probe(REMEDY, "write-registry", &sim, &around),
            Probed::Done(_)
        ));
        assert_eq!(text(&sim, &users[0], "ProxyOverride"), whole());
        assert_eq!(text(&sim, &users[1], "ProxyOverride"), "", "nothing is kept of it");
        let failed = act(REMEDY, "verify", &sim, &around).unwrap_err();
        assert_eq!(failed.code, words::JOB_CAME_SINCE, "{failed:?}");
        for kept in &around.story.kept {
            kept.put_back(&sim).unwrap();
        }
        assert_eq!(
            text(&sim, &users[0], "ProxyOverride"),
            "",
            "all that was written is taken back"
        );
    }

    #[test]
    fn a_sick_machine_is_told_and_the_next_try_ends_right() {
        survives_a_sick_machine(REMEDY, || with(Some(&server()), "").0);
    }
}
