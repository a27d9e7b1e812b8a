use super::*;
use kaishin_proto::profile::{Clock24, Profile};

fn moment(text: &str) -> Time {
    Time::parse(&format!("{text}+09:00")).unwrap()
}

/// Nothing speaks against it, whatever the time.
fn quiet(now: Time) -> Seen {
    Seen {
        now,
        consented: None,
        trust: Trust::default(),
        hours: Hours::default(),
        avoid: Profile::built_in().restart,
        presence: Ok(Presence::Idle(Span::hours(2))),
        updating: Ok(false),
        distribution: Ok("up-to-date".into()),
        on_battery: Ok(false),
    }
}

fn why(seen: &Seen) -> String {
    match may_disrupt(seen) {
        Verdict::Go => "go".into(),
        Verdict::Wait { until, why } => {
            assert!(until > seen.now, "waiting until the past");
            why.to_string()
        }
    }
}

#[test]
fn the_hours_of_the_day_decide_first() {
    for (at, told) in [
        ("2027-01-15T07:59:59", "go"),
        ("2027-01-15T08:00:00", "waits: reception hours until 19:00"),
        ("2027-01-15T12:00:00", "waits: reception hours until 19:00"),
        ("2027-01-15T18:59:59", "waits: reception hours until 19:00"),
        ("2027-01-15T19:00:00", "go"),
        ("2027-01-16T12:59:59", "waits: reception hours until 13:00"),
        ("2027-01-16T13:00:00", "go"),
        ("2027-01-17T12:00:00", "go"),
        ("2027-01-11T12:00:00", "go"),
        ("2026-09-22T12:00:00", "go"),
        ("2027-03-22T12:00:00", "go"),
        ("2027-01-15T03:49:59", "go"),
        ("2027-01-15T03:50:00", "waits: no terminal restarts before 04:10"),
        ("2027-01-15T04:10:59", "waits: no terminal restarts before 04:10"),
        ("2027-01-15T04:11:00", "go"),
    ] {
        assert_eq!(why(&quiet(moment(at))), told, "{at}");
    }
}

/// Adds one reason.
type Against = fn(&mut Seen);

const AGAINST: &[(Against, &str)] = &[
    (
        |seen| seen.trust.clock = Clock::Off,
        "waits: the clock is more than ten minutes off",
    ),
    (
        |seen| seen.trust.failures = 2,
        "waits: two changes in a row have failed; a person is to look at the terminal",
    ),
    (
        |seen| {
            seen.hours.week[4] = vec![calendar::Open {
                from: Clock24::MIDNIGHT,
                until: Clock24::new(23, 59).unwrap(),
            }];
        },
        "waits: reception hours until 23:59",
    ),
    (
        |seen| seen.presence = Ok(Presence::Idle(Span::minutes(9))),
        "waits: somebody is using the terminal",
    ),
    (|seen| seen.updating = Ok(true), "waits: Windows Update is installing"),
    (
        |seen| seen.distribution = Ok("updating".into()),
        "waits: the distribution software is downloading or updating",
    ),
    (|seen| seen.on_battery = Ok(true), "waits: the terminal runs on battery"),
    (
        |seen| seen.now = moment("2027-01-15T04:00:00"),
        "waits: no terminal restarts before 04:10",
    ),
];

#[test]
fn of_several_reasons_the_first_in_order_is_told_and_consent_lifts_the_first_four() {
    for first in 0..AGAINST.len() {
        let mut seen = quiet(moment("2027-01-15T21:00:00"));
        for (against, _) in &AGAINST[first..] {
            against(&mut seen);
        }
        assert_eq!(why(&seen), AGAINST[first].1);
        seen.consented = Some(seen.now - Span::minutes(30));
        assert_eq!(
            why(&seen),
            AGAINST[first.max(4)].1,
            "whoever agreed is there: the clock, failures, hours and activity are theirs to judge"
        );
        for consented in [seen.now - Span::minutes(31), seen.now + Span::seconds(1)] {
            seen.consented = Some(consented);
            assert_eq!(why(&seen), AGAINST[first].1, "stale, or from the future");
        }
    }
}

#[test]
fn each_reason_alone_is_enough_and_goes_away_by_itself() {
    for (against, told) in AGAINST {
        let mut seen = quiet(moment("2027-01-15T21:00:00"));
        assert_eq!(why(&seen), "go");
        against(&mut seen);
        assert_eq!(why(&seen), *told);
    }
    for word in ["downloading", "updating"] {
        let mut seen = quiet(moment("2027-01-15T21:00:00"));
        seen.distribution = Ok(word.into());
        assert_ne!(why(&seen), "go");
    }
}

#[test]
fn what_the_machine_does_not_have_is_in_nobodys_way_and_what_cannot_be_read_is() {
    let absent = || OsError::not_found("no such software");
    let mut seen = quiet(moment("2027-01-15T21:00:00"));
    seen.presence = Err(OsError::failed("no answer"));
    seen.updating = Err(absent());
    seen.distribution = Err(absent());
    seen.on_battery = Err(OsError::not_supported("a desktop"));
    assert_eq!(why(&seen), "go");
    seen.updating = Err(OsError::failed("no answer"));
    assert_eq!(why(&seen), "waits: cannot tell whether Windows Update is installing");
    seen.updating = Ok(false);
    seen.distribution = Err(OsError::damaged("no text"));
    assert_eq!(why(&seen), "waits: cannot tell what the distribution software is doing");
    seen.distribution = Err(absent());
    seen.on_battery = Err(OsError::failed("no answer"));
    assert_eq!(why(&seen), "waits: cannot tell whether it runs on battery");
}

#[test]
fn a_clock_that_nobody_has_confirmed_yet_is_no_ground_either() {
    let mut seen = quiet(moment("2027-01-15T21:00:00"));
    seen.trust.clock = Clock::Unknown;
    assert_eq!(why(&seen), "waits: cannot tell whether the clock is right");
    seen.trust.clock = Clock::Right;
    seen.trust.failures = 1;
    assert_eq!(why(&seen), "go");
}
