//! Getting to the server, staying there, being sent away, and what goes over the wire meanwhile.

use super::super::sampling::Sampling;
use super::*;
use crate::chance::Chance;
use kaishin_proto::{convert, fact};

fn waits_until(world: &World) -> Time {
    let Status::Waiting { until, .. } = world.status() else {
        panic!("{:?}", world.status());
    };
    *until
}

fn goodbye(reason: v1::goodbye::Reason, min: u32, max: u32) -> Down {
    Down::Goodbye(v1::Goodbye {
        reason: reason.into(),
        return_after_min_ms: min,
        return_after_max_ms: max,
    })
}

#[test]
fn a_new_profile_is_kept_then_everything_is_observed_anew_and_a_bad_one_changes_nothing() {
    let mut world = World::online(5);
    let second = kaishin_proto::profile::Profile::built_in_text().replacen("\"version\": 1,", "\"version\": 7,", 1);
    let sent = |version, json: &str| {
        let json = json.to_owned();
        Down::Profile(v1::TerminalProfile { version, json })
    };
    let fact = |world: &World, key: &str| {
        let facts = &world.server.sections["agent"].facts;
        let fact = facts.iter().find(|fact| fact.key == key).unwrap();
        value_from_wire(fact.value.clone())
    };
    world.effects.clear();
    world.say(sent(7, &second));
    assert_eq!(world.kept_profile, 7);
    let observed = world.effects.iter().find(|effect| effect.contains("Observe")).unwrap();
    assert!(facts::names().all(|name| observed.contains(name)), "{observed}");
    assert_eq!(fact(&world, "agent.profile"), Value::Number(7));

    world.effects.clear();
    world.say(sent(7, "the same again is not even read"));
    assert!(world.effects.is_empty(), "{:?}", world.effects);

    for (version, json) in [(8, "{}"), (8, &second), (9, &second[..900])] {
        world.say(sent(version, json));
        assert_eq!(world.kept_profile, 7);
        assert_eq!(fact(&world, "agent.profile"), Value::Number(7));
        let Value::List(why) = fact(&world, "agent.profile_refused") else {
            panic!("nothing is said of it");
        };
        assert!(why[0].contains(&version.to_string()), "{why:?}");
    }
    world.start();
    world.settle();
    let Some(Up::Hello(hello)) = world.server.sent.iter().rfind(|up| matches!(up, Up::Hello(_))) else {
        panic!("no hello");
    };
    assert_eq!(hello.profile_version, 7, "it survives a restart");
}

#[test]
fn a_new_terminal_enrols_says_hello_and_tells_all_it_knows() {
    let mut world = World::new(1);
    world.settle();
    assert!(matches!(world.status(), Status::Online { .. }));
    let hellos = world.sent(|up| matches!(up, Up::Hello(_)).then_some(()));
    assert_eq!(hellos.len(), 1);
    assert_eq!(world.reported(), facts::names().collect::<Vec<_>>());
}

#[test]
fn what_the_server_has_is_not_sent_again() {
    let mut world = World::online(1);
    world.drop_line();
    world.pass(Span::minutes(10));
    assert!(matches!(world.status(), Status::Online { .. }));
    assert!(world.reported().is_empty(), "{:?}", world.reported());
}

#[test]
fn a_change_goes_up_by_its_section_alone_at_the_next_daily_look() {
    let mut world = World::online(1);
    world.os.poke(
        Hive::LocalMachine,
        SESSION_POWER,
        HIBERBOOT,
        Some(RegistryValue::dword(0)),
    );
    // What changes of itself goes up each day.
    let of_itself =
        |name: &str| fact::section(name).is_some_and(|section| section.facts.iter().any(|fact| !fact.history));
    world.pass(Span::days(4));
    let mut reported = world.reported();
    reported.retain(|name| !of_itself(name));
    assert_eq!(reported, ["power"]);
}

#[test]
fn a_change_seen_while_the_line_was_down_goes_up_when_it_is_back() {
    let mut world = World::online(1);
    world.server.up = false;
    world.drop_line();
    world.os.poke(
        Hive::LocalMachine,
        SESSION_POWER,
        HIBERBOOT,
        Some(RegistryValue::dword(0)),
    );
    world.pass(Span::days(1));
    world.server.up = true;
    world.pass(Span::minutes(10));
    assert_eq!(world.fact("power.fast_startup"), Some(Value::Truth(false)));
}

#[test]
fn every_terminal_keeps_a_moment_of_the_day_of_its_own_for_the_look_at_everything() {
    const TERMINALS: u64 = 2_000;
    let mut by_hour = [0_u32; 24];
    for seed in 0..TERMINALS {
        let mut sampling = Sampling::new(&mut Chance::new(seed));
        let mut now = START;
        sampling.tick(now);
        assert!(
            sampling.take_wanted().is_empty(),
            "not at once: a fleet that starts would look at the same moment"
        );
        let looks: Vec<Time> = (0..3)
            .map(|_| {
                now = sampling.next_timer().unwrap();
                sampling.tick(now);
                assert_eq!(sampling.take_wanted(), facts::names().collect::<Vec<_>>());
                now
            })
            .collect();
        assert!(looks[0].since(START) <= Span::days(1));
        assert_eq!(
            [looks[1], looks[2]],
            [looks[0] + Span::days(1), looks[0] + Span::days(2)]
        );
        by_hour[(looks[0].micros() / Span::hours(1).0 % 24) as usize] += 1;
    }
    // 83 in each hour, give or take nine: six times that is no chance.
    assert!(by_hour.iter().all(|looks| (30..=137).contains(looks)), "{by_hour:?}");
}

#[test]
fn a_terminal_that_is_looked_at_while_it_changes_tells_each_change_once_and_little_of_it() {
    const LOOKS: u32 = 120;
    let mut world = World::online(1);
    world.say(Down::Observe(v1::Observe {
        sections: facts::names().map(str::to_owned).collect(),
        every_seconds: 5,
        for_seconds: 3_600,
    }));
    world.server.sent.clear();
    for look in 0..LOOKS {
        let turned = RegistryValue::dword(look % 2);
        world
            .os
            .poke(Hive::LocalMachine, SESSION_POWER, HIBERBOOT, Some(turned));
        world.pass(Span::seconds(5));
    }
    let times = world.reported().iter().filter(|name| *name == "power").count();
    assert_eq!(times, LOOKS as usize, "every change, each once");
    let bytes = world.sent(|up| match up {
        Up::Facts(report) => Some(report.sections.iter().map(convert::size).sum::<usize>()),
        Up::Hello(_) | Up::JobEvents(_) | Up::Heartbeat(_) => None,
        Up::CertificateRequest(_) | Up::ProbeReply(_) | Up::Goodbye(_) => None,
        Up::PlanReply(_) | Up::CallCodeRequest(_) => None,
    });
    let a_minute = bytes.iter().sum::<usize>() * 60 / (5 * LOOKS as usize);
    assert!(a_minute < 8 * 1024, "{a_minute} bytes of facts a minute");
}

#[test]
fn watching_ends_by_itself_and_with_the_stream() {
    let mut world = World::online(1);
    let asked = v1::Observe {
        sections: vec!["power".into(), "secrets".into()],
        every_seconds: 5,
        for_seconds: 60,
    };
    world.say(Down::Observe(asked.clone()));
    let calls = world.os.calls();
    world.os.poke(
        Hive::LocalMachine,
        SESSION_POWER,
        HIBERBOOT,
        Some(RegistryValue::dword(0)),
    );
    world.pass(Span::seconds(5));
    assert_eq!(world.reported(), ["power"]);
    world.pass(Span::minutes(5));
    let after = world.os.calls();
    // Two values of the registry, the power plan and the mains.
    assert!(after - calls <= 4 * 14, "{} calls", after - calls);
    world.pass(Span::minutes(5));
    assert_eq!(world.os.calls(), after);
    world.say(Down::Observe(v1::Observe {
        for_seconds: 3_600,
        ..asked
    }));
    world.drop_line();
    let dropped = world.os.calls();
    world.server.up = false;
    world.pass(Span::minutes(30));
    assert_eq!(world.os.calls(), dropped);
}

#[test]
fn whoever_is_watched_shows_everything_but_what_is_heavy_only_now_and_then() {
    let mut world = World::online(1);
    let looked = |world: &World, section: &str| {
        let observed =
            |effect: &&String| effect.starts_with("Work(Observe") && effect.contains(&format!("{section:?}"));
        world.effects.iter().filter(observed).count()
    };
    world.effects.clear();
    world.say(Down::Observe(v1::Observe {
        sections: facts::names().map(str::to_owned).collect(),
        every_seconds: 5,
        for_seconds: 600,
    }));
    assert!(facts::names().all(|name| looked(&world, name) == 1));
    world.pass(Span::minutes(10));
    assert!(
        (119..=121).contains(&looked(&world, "power")),
        "{}",
        looked(&world, "power")
    );
    for heavy in facts::names().filter(|name| facts::is_heavy(name)) {
        assert!(
            (9..=11).contains(&looked(&world, heavy)),
            "{heavy}: {}",
            looked(&world, heavy)
        );
    }
}

#[test]
fn after_a_job_the_light_sections_are_looked_at_and_the_heavy_ones_are_not() {
    let mut world = World::online(1);
    world.effects.clear();
    world.offer(1, fast_startup_off());
    let looked = |section: &str| {
        let name = format!("{section:?}");
        world
            .effects
            .iter()
            .any(|effect| effect.starts_with("Work(Observe") && effect.contains(&name))
    };
    assert!(looked("boot") && looked("accounts"));
    assert!(!looked("connectivity") && !looked("tasks"));
}

#[test]
fn the_heart_beats_as_the_server_says_and_idleness_costs_nothing_else() {
    let mut world = World::online(1);
    let calls = world.os.calls();
    world.pass(Span::minutes(60));
    assert!((59..=61).contains(&world.beats()), "{}", world.beats());
    assert_eq!(world.server.sent.len(), world.beats());
    assert_eq!(world.os.calls(), calls);
}

#[test]
fn failures_in_a_row_wait_longer_up_to_five_minutes_and_never_in_step() {
    let mut longest = Span(0);
    let mut waits = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let mut world = World::new(seed);
        world.server.up = false;
        world.settle();
        for failure in 0..12 {
            let wait = waits_until(&world).since(world.now);
            let bound = Span(Span::seconds(2).0 << failure).min(Span::minutes(5));
            assert!(wait <= bound && wait > Span(0), "{wait:?} after {failure} failures");
            longest = longest.max(wait);
            waits.insert(wait);
            world.pass(wait);
        }
    }
    assert!(longest > Span::minutes(4) && waits.len() > 500);
}

#[test]
fn a_server_that_was_lost_is_looked_for_at_the_pace_it_gave_and_then_less_and_less_often() {
    let mut longest = Span(0);
    for seed in 0..30 {
        let mut world = World::new(seed);
        world.server.return_within_ms = 9_000;
        world.settle();
        world.pass(Span::minutes(5));
        world.server.up = false;
        world.drop_line();
        let lost = world.now;
        while world.now.since(lost) < Span::minutes(2) {
            let wait = waits_until(&world).since(world.now);
            assert!(wait <= Span::seconds(9) && wait > Span(0), "{wait:?}");
            world.pass(wait);
        }
        while world.now.since(lost) < Span::hours(1) {
            let wait = waits_until(&world).since(world.now);
            longest = longest.max(wait);
            world.pass(wait);
        }
    }
    assert!(longest > Span::minutes(4) && longest <= Span::minutes(5));
}

#[test]
fn a_restarting_server_says_when_to_come_back_and_is_obeyed() {
    for seed in 0..20 {
        let mut world = World::online(seed);
        world.say(goodbye(v1::goodbye::Reason::Restarting, 2_000, 9_000));
        let wait = waits_until(&world).since(world.now);
        assert!(wait >= Span::seconds(2) && wait <= Span::seconds(9), "{wait:?}");
        world.pass(wait);
        assert!(matches!(world.status(), Status::Online { .. }));
    }
}

#[test]
fn a_revoked_terminal_stops_trying_often() {
    for way in 0..2 {
        let mut world = World::online(1);
        world.server.failure = Some(Failure::Revoked);
        if way == 0 {
            world.say(goodbye(v1::goodbye::Reason::Revoked, 0, 0));
        } else {
            world.drop_line();
            world.pass(Span::minutes(5));
        }
        assert_eq!(*world.status(), Status::Revoked);
        world.effects.clear();
        world.pass(Span::days(1));
        let tries = world.effects.iter().filter(|effect| *effect == "Open").count();
        assert!((3..=5).contains(&tries), "{tries}");
    }
}

#[test]
fn an_incompatible_agent_says_so_and_asks_again_each_hour() {
    let mut world = World::online(1);
    world.drop_line();
    world.server.failure = Some(Failure::Line("down".into()));
    let now = world.now;
    let core = world.core.as_mut().unwrap();
    core.handle(Event::Timer, now + Span::minutes(5));
    core.handle(Event::Opened, now + Span::minutes(5));
    let words = Some(v1::Words {
        ja: "版が合いません".into(),
        en: "too old".into(),
    });
    let refusal = v1::Incompatible { server: None, words };
    core.handle(Event::Received(Down::Incompatible(refusal)), now + Span::minutes(5));
    assert!(matches!(core.status(), Status::Incompatible { .. }));
    let next = core.next_timer().unwrap().since(now);
    assert!(next > Span::minutes(50) && next < Span::minutes(75), "{next:?}");
}

#[test]
fn a_request_that_waits_for_a_person_is_asked_after_and_gets_no_work_before() {
    let mut world = World::new(1);
    let pending = Enrolment::Pending {
        request_id: "r1".into(),
        ask_again: Span::seconds(30),
    };
    world.server.answer = Some(pending);
    world.settle();
    world.pass(Span::minutes(10));
    assert_eq!(
        *world.status(),
        Status::Pending {
            request_id: "r1".into()
        }
    );
    let asked = world.effects.iter().filter(|effect| *effect == "Enrol").count();
    assert!((18..=24).contains(&asked), "{asked}");
    world.server.answer = None;
    world.pass(Span::seconds(40));
    assert!(matches!(world.status(), Status::Online { .. }));
}

#[test]
fn a_certificate_is_renewed_around_half_its_life_over_the_live_stream() {
    let mut moments = std::collections::BTreeSet::new();
    for seed in 0..30 {
        let mut world = World::online(seed);
        let first = world.identity.clone().unwrap();
        while world.identity.as_ref() == Some(&first) {
            world.pass(Span::hours(6));
            assert!(world.now < first.valid_until, "never renewed");
        }
        let age = world.now.since(first.valid_from);
        assert!(age > Span::days(11) && age < Span::days(19), "{age:?}");
        moments.insert(age);
        assert!(matches!(world.status(), Status::Online { .. }));
    }
    assert!(moments.len() > 5);
}

#[test]
fn a_terminal_away_for_months_comes_back_by_its_key() {
    let mut world = World::online(1);
    world.server.up = false;
    world.drop_line();
    world.pass(Span::days(90));
    world.server.up = true;
    world.effects.clear();
    world.pass(Span::minutes(10));
    assert!(world.effects.iter().any(|effect| effect == "Enrol"));
    assert!(matches!(world.status(), Status::Online { .. }));
}

#[test]
fn a_certificate_that_is_not_accepted_is_asked_for_anew_without_a_storm() {
    let mut world = World::online(1);
    world.server.failure = Some(Failure::NotAccepted("unknown CA".into()));
    world.drop_line();
    world.effects.clear();
    world.pass(Span::hours(1));
    let tries = world.effects.iter().filter(|effect| *effect == "Enrol").count();
    assert!((5..60).contains(&tries), "{tries}");
}

#[test]
fn a_server_that_takes_the_hello_and_says_nothing_is_left() {
    let mut world = World::online(1);
    world.drop_line();
    world.server.failure = Some(Failure::Line("down".into()));
    let now = world.now + Span::minutes(5);
    let core = world.core.as_mut().unwrap();
    core.handle(Event::Timer, now);
    core.handle(Event::Opened, now);
    let due = core.next_timer().unwrap();
    assert!(due <= now + Span::seconds(30));
    let effects = core.handle(Event::Timer, due);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Close)));
    assert!(matches!(core.status(), Status::Waiting { .. }));
}

#[test]
fn a_probe_is_answered_with_its_nonce() {
    let mut world = World::online(1);
    world.say(Down::Probe(v1::Probe { nonce: vec![1, 2, 3] }));
    let nonces = world.sent(|up| {
        if let Up::ProbeReply(reply) = up {
            Some(reply.nonce.clone())
        } else {
            None
        }
    });
    assert_eq!(nonces, [vec![1, 2, 3]]);
}

#[test]
fn stopping_says_goodbye_and_ends() {
    let mut world = World::online(1);
    world.tell(Event::Stop);
    assert!(world.exited && *world.status() == Status::Stopped);
    assert!(matches!(world.server.sent.last(), Some(Up::Goodbye(_))));
    assert_eq!(world.core().next_timer(), None);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let trace = || {
        let mut world = World::online(4);
        world.offer(1, fast_startup_off());
        world.drop_line();
        world.pass(Span::hours(30));
        world.effects
    };
    assert_eq!(trace(), trace());
}
