//! The tasks that restart this terminal, known by what they do, held against the times at which none should: those that the
//! profile has avoided, the hours in which patients are received, and the time between the installation of updates and opening.

use std::collections::BTreeSet;

use kaishin_proto::calendar::Hours;
use kaishin_proto::profile::{Clock24, Profile};

use super::xml::{self, Schedule};
use crate::os::{OsError, Read, TaskSeen, restart_task};

const DAY: i64 = 24 * 60;
/// Where the ledger has no hours, patients are taken to be received in these, as the rules have it.
const USUAL: std::ops::RangeInclusive<u16> = 8..=19;
/// The first of them.
const USUALLY_OPENS: i64 = 8 * 60;

/// A task that restarts the terminal again and again.
pub struct Restart {
    pub path: String,
    /// Whether that is all it does.
    alone: bool,
    /// Only while its user is signed in.
    signed_in: bool,
    times: Vec<(Clock24, Schedule)>,
}

/// Of those that are switched on. One task that cannot be read might be one of them, so then it is not known.
pub fn all(seen: &[TaskSeen]) -> Read<Vec<Restart>> {
    let mut found = Vec::new();
    for task in seen.iter().filter(|task| task.enabled) {
        found.extend(of(task)?);
    }
    Ok(found)
}

fn of(task: &TaskSeen) -> Read<Option<Restart>> {
    let definition = task.xml.as_ref().map_err(OsError::clone).and_then(|xml| xml::read(xml));
    let definition =
        definition.map_err(|error| OsError::new(error.reason, format!("{}: {}", task.path, error.detail)))?;
    if !definition.actions.iter().any(xml::Exec::restarts) {
        return Ok(None);
    }
    let alive = definition.triggers.into_iter();
    let alive = alive.filter(|trigger| trigger.is_regular() && !trigger.has_ended(task.next_run));
    let times: Vec<_> = alive
        .filter_map(|trigger| Some((trigger.at?, trigger.schedule)))
        .collect();
    Ok((!times.is_empty()).then(|| Restart {
        path: task.path.clone(),
        alone: definition.actions.iter().all(xml::Exec::restarts),
        signed_in: definition.signed_in,
        times,
    }))
}

fn times<'a>(restarts: &'a [Restart], which: impl Fn(Clock24, &Schedule) -> bool + 'a) -> Vec<Clock24> {
    let all = restarts.iter().flat_map(|restart| &restart.times);
    let picked = all.filter(|(at, schedule)| which(*at, schedule)).map(|(at, _)| *at);
    picked.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Of every day.
pub fn daily(restarts: &[Restart]) -> Vec<Clock24> {
    times(restarts, |_, schedule| schedule.is_daily())
}

pub fn to_avoid(restarts: &[Restart], profile: &Profile) -> Vec<Clock24> {
    times(restarts, |at, _| profile.restart.avoids(at))
}

/// While patients are received. Where that is at every hour of the day, no time is worse than another.
pub fn in_opening(restarts: &[Restart], hours: &Hours) -> Read<Vec<Clock24>> {
    if !hours.told {
        return Err(OsError::not_found(
            "the ledger does not say when patients are received here",
        ));
    }
    Ok(times(restarts, |at, schedule| disturbs(hours, at, schedule)))
}

fn disturbs(hours: &Hours, at: Clock24, schedule: &Schedule) -> bool {
    if !hours.told {
        return USUAL.contains(&(at.minutes() / 60));
    }
    let never_quiet = (0..24).all(|hour| hours.avoidable_at(hour).is_none());
    let mut openings = hours.openings(|day| schedule.comes_on(day));
    !never_quiet && openings.any(|open| open.from <= at && at < open.until)
}

/// Of every day, between the hour at which updates are installed and the opening: the installation is to follow the restart.
/// One that begins while patients are received is another matter.
pub fn after_install(restarts: &[Restart], hours: &Hours, install: i64) -> Read<Vec<Clock24>> {
    let hour = u8::try_from(install).map_err(|_| OsError::damaged("no hour of the day"))?;
    let received = if hours.told {
        hours.avoidable_at(hour).is_some()
    } else {
        USUAL.contains(&hour.into())
    };
    if received {
        return Ok(Vec::new());
    }
    let opens = hours
        .openings(|_| true)
        .map(|open| i64::from(open.from.minutes()))
        .min();
    let opens = opens.filter(|_| hours.told).unwrap_or(USUALLY_OPENS);
    // From one minute to a whole day.
    let before_opening = |minutes: i64| (opens - minutes - 1).rem_euclid(DAY) + 1;
    let left = before_opening(install * 60);
    Ok(times(restarts, |at, schedule| {
        schedule.is_daily() && before_opening(at.minutes().into()) <= left
    }))
}

/// The paths of tasks that restart it only while somebody is signed in, which after a restart at night nobody is.
pub fn signed_in(restarts: &[Restart]) -> Vec<String> {
    let found = restarts.iter().filter(|restart| restart.signed_in);
    found.map(|restart| restart.path.clone()).collect()
}

/// The time of the agent's own daily restart; one that somebody has altered or switched off counts for none.
pub fn own(seen: &[TaskSeen]) -> Read<Option<Clock24>> {
    let own = seen.iter().find(|task| is_own(&task.path));
    let Some(own) = own.map(of).transpose()?.flatten() else {
        return Ok(None);
    };
    let is_on = seen.iter().any(|task| is_own(&task.path) && task.enabled);
    match own.times.as_slice() {
        [(at, schedule)] if is_on && own.alone && schedule.is_daily() => Ok(Some(*at)),
        _ => Ok(None),
    }
}

fn is_own(path: &str) -> bool {
    path.eq_ignore_ascii_case(restart_task::PATH)
}

/// Tasks of others that do nothing but restart the machine, and only at times at which none should or only while somebody is
/// signed in, by path.
pub fn unfit(seen: &[TaskSeen], profile: &Profile, hours: &Hours) -> Read<Vec<String>> {
    let is_unfit = |restart: &Restart| {
        let ill_timed =
            |(at, schedule): &(Clock24, Schedule)| is_ill_chosen(profile, *at) || disturbs(hours, *at, schedule);
        restart.alone && !is_own(&restart.path) && (restart.signed_in || restart.times.iter().all(ill_timed))
    };
    let found = all(seen)?.into_iter().filter(is_unfit);
    Ok(found.map(|restart| restart.path).collect())
}

/// Not to be chosen: at a time to avoid, or on the full or the half of ten minutes, when the whole country's terminals start
/// something.
pub fn is_ill_chosen(profile: &Profile, at: Clock24) -> bool {
    profile.restart.avoids(at) || at.minutes().is_multiple_of(5)
}

#[cfg(test)]
mod tests {
    use kaishin_proto::time::Time;
    use kaishin_proto::value::{Reason, Value};

    use super::super::super::tests::{about, listed, reason, sim, value};
    use super::super::super::update;
    use super::*;
    use crate::os::sim::Sim;
    use crate::os::{Hive, RegistryValue};

    const DAILY: &str = "<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>";
    const SYSTEM: &str = "<UserId>S-1-5-18</UserId>";

    fn task(name: &str, at: &str, schedule: &str, principal: &str) -> TaskSeen {
        let xml = format!(
            "<Task><Triggers><CalendarTrigger><StartBoundary>2021-06-01T{at}:00</StartBoundary>{schedule}\
             </CalendarTrigger></Triggers><Principals><Principal id=\"A\">{principal}</Principal></Principals>\
             <Actions Context=\"A\"><Exec><Command>shutdown</Command><Arguments>/r /t 0</Arguments></Exec></Actions></Task>"
        );
        TaskSeen {
            path: format!(r"\{name}"),
            xml: Ok(xml.into_bytes()),
            enabled: true,
            last_result: 0,
            last_run: Some(Time(0)),
            next_run: Some(Time(1_800_000_000_000_000)),
        }
    }

    fn with(tasks: impl IntoIterator<Item = TaskSeen>) -> Sim {
        let sim = sim();
        sim.remove_tasks();
        tasks.into_iter().for_each(|task| sim.put_task(task));
        sim
    }

    fn weekly(days: &str, every: u8) -> String {
        let days: String = days.split_whitespace().map(|day| format!("<{day}/>")).collect();
        format!(
            "<ScheduleByWeek><WeeksInterval>{every}</WeeksInterval><DaysOfWeek>{days}</DaysOfWeek></ScheduleByWeek>"
        )
    }

    #[test]
    fn only_what_comes_every_day_and_goes_on_is_a_daily_restart() {
        let ended = format!("<EndBoundary>2025-01-01T00:00:00</EndBoundary>{DAILY}");
        let ends = format!("<EndBoundary>2099-01-01T00:00:00Z</EndBoundary>{DAILY}");
        let every_second = DAILY.replace('1', "2");
        let months = "<ScheduleByMonth><DaysOfMonth><Day>1</Day></DaysOfMonth></ScheduleByMonth>";
        let odd = months.replace("Month", "MonthDayOfWeek");
        let all = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday";
        for (schedule, is_daily) in [
            (DAILY, true),
            ("<ScheduleByDay/>", true),
            (&ends, true),
            (&ended, false),
            (&every_second, false),
            (&weekly("Sunday", 1), false),
            (&weekly(all, 1), true),
            (&weekly(all, 2), false),
            (months, false),
            (&odd, false),
        ] {
            let sim = with([task("再起動", "03:53", schedule, SYSTEM)]);
            let times = listed(&sim, "tasks.restart_times");
            assert_eq!(times == ["03:53"], is_daily, "{schedule}: {times:?}");
            // Once a week is one time too many.
            let forbidden = listed(&sim, "tasks.restart_forbidden");
            assert_eq!(forbidden.is_empty(), schedule == ended, "{schedule}");
        }
        let mut over = task("再起動", "02:37", &ends, SYSTEM);
        over.next_run = None;
        assert!(listed(&with([over]), "tasks.restart_times").is_empty());
    }

    #[test]
    fn a_restart_while_patients_are_received_is_told_by_its_day_and_minute() {
        let day = |day| (day, vec![(510, 720), (840, 1_170)]);
        let clinic = Hours::of((0..5).map(day).chain([(5, vec![(510, 720)]), (6, vec![])])).unwrap();
        let always = Hours::of((0..8).map(|day| (day, vec![(0, 1_440)]))).unwrap();
        let (sunday, saturday) = (weekly("Sunday", 1), weekly("Saturday Sunday", 1));
        let monthly = "<ScheduleByMonth/>";
        for (hours, at, schedule, expected) in [
            (&clinic, "10:07", DAILY, "10:07"),
            (&clinic, "08:29", DAILY, ""),
            (&clinic, "08:30", DAILY, "08:30"),
            (&clinic, "12:00", DAILY, ""),
            (&clinic, "19:29", DAILY, "19:29"),
            (&clinic, "19:30", DAILY, ""),
            (&clinic, "10:07", &sunday, ""),
            (&clinic, "10:07", &saturday, "10:07"),
            (&clinic, "15:07", &saturday, ""),
            (&clinic, "10:07", monthly, "10:07"),
            (&always, "10:07", DAILY, ""),
            (&Hours::default(), "10:07", DAILY, "NotFound"),
        ] {
            let seen = [task("再起動", at, schedule, SYSTEM)];
            let found = in_opening(&all(&seen).unwrap(), hours);
            let found = found.map(|found| found.iter().map(Clock24::to_string).collect::<Vec<_>>().join(" "));
            let found = found.unwrap_or_else(|error| format!("{:?}", error.reason));
            assert_eq!(found, expected, "{at} {schedule}");
        }
        let sim = with([task("再起動", "10:07", DAILY, SYSTEM)]);
        assert_eq!(listed(&sim, "tasks.restart_in_opening"), ["10:07"]);
        let mut about = about();
        about.hours = Hours::default();
        let facts = super::super::collect(&sim, &about);
        let (_, told) = facts.iter().find(|(key, _)| key == "tasks.restart_in_opening").unwrap();
        assert_eq!(reason(told), Some(Reason::NotFound));
    }

    #[test]
    fn updates_are_installed_after_the_restart_and_before_opening() {
        let clinic = Hours::of((0..7).map(|day| (day, vec![(510, 1_170)]))).unwrap();
        let untold = Hours::default();
        for (hours, restart, install, too_late) in [
            (&clinic, "05:13", 3, true),
            (&clinic, "03:17", 3, true),
            (&clinic, "03:00", 3, true),
            (&clinic, "02:37", 3, false),
            (&clinic, "02:37", 6, false),
            // The evening belongs to the same night.
            (&clinic, "22:37", 3, false),
            (&clinic, "22:37", 20, true),
            (&clinic, "01:37", 23, true),
            // While patients are received: told of elsewhere.
            (&clinic, "10:07", 6, false),
            (&clinic, "08:30", 6, false),
            (&clinic, "02:37", 10, false),
            (&untold, "05:13", 3, true),
            (&untold, "02:37", 3, false),
            (&untold, "02:37", 12, false),
        ] {
            let found = all(&[task("再起動", restart, DAILY, SYSTEM)]).unwrap();
            let found = after_install(&found, hours, install).unwrap();
            assert_eq!(!found.is_empty(), too_late, "{restart} against {install}");
        }
        let now_and_then = [task("再起動", "05:13", &weekly("Sunday", 1), SYSTEM)];
        assert!(
            after_install(&all(&now_and_then).unwrap(), &clinic, 3)
                .unwrap()
                .is_empty()
        );

        let sim = with([task("再起動", "05:13", DAILY, SYSTEM)]);
        let set =
            |name: &str, number| sim.poke(Hive::LocalMachine, update::AU, name, Some(RegistryValue::dword(number)));
        set("NoAutoUpdate", 0);
        set("AUOptions", 4);
        for (hour, expected) in [(3, vec!["05:13"]), (6, vec![])] {
            set("ScheduledInstallTime", hour);
            assert_eq!(listed(&sim, "tasks.restart_after_install"), expected);
        }
        set("ScheduledInstallTime", 77);
        let told = value(&sim, "tasks.restart_after_install");
        assert_eq!(reason(&told), Some(Reason::Damaged));
        set("NoAutoUpdate", 1);
        let told = value(&sim, "tasks.restart_after_install");
        assert_eq!(reason(&told), Some(Reason::NotFound), "nothing is installed by itself");
    }

    #[test]
    fn a_restart_that_needs_somebody_signed_in_is_told() {
        let logon = |kind: &str| format!(r"<UserId>UKETSUKE\admin</UserId><LogonType>{kind}</LogonType>");
        for (principal, needs) in [
            (SYSTEM.to_owned(), false),
            (logon("Password"), false),
            (logon("S4U"), false),
            (logon("InteractiveToken"), true),
            (logon("InteractiveTokenOrPassword"), false),
            ("<GroupId>S-1-5-32-545</GroupId>".to_owned(), true),
        ] {
            let sim = with([task("再起動", "02:37", DAILY, &principal)]);
            let found = listed(&sim, "tasks.restart_signed_in");
            assert_eq!(found == [r"\再起動"], needs, "{principal}: {found:?}");
            assert_eq!(
                listed(&sim, "tasks.restart_times"),
                ["02:37"],
                "while somebody is, it restarts"
            );
        }
        let long = task(&"長".repeat(9_000), "02:37", DAILY, &logon("InteractiveToken"));
        let Value::List(found) = value(&with([long]), "tasks.restart_signed_in") else {
            panic!("a long name is a name")
        };
        assert!(found.iter().all(|path| path.chars().count() <= 300));
    }

    #[test]
    fn what_restarts_at_no_time_to_is_unfit_and_what_does_more_or_is_ours_is_left() {
        let profile = Profile::built_in();
        let hours = Hours::default();
        let user = "<UserId>admin</UserId><LogonType>InteractiveToken</LogonType>";
        let mut more = task("backup", "04:00", DAILY, SYSTEM);
        more.xml = more.xml.map(|xml| {
            let exec = "<Exec><Command>backup</Command></Exec><Exec>";
            String::from_utf8(xml).unwrap().replace("<Exec>", exec).into_bytes()
        });
        let own = task(&restart_task::PATH[1..], "10:07", DAILY, SYSTEM);
        let seen = [
            task("avoid", "03:53", DAILY, SYSTEM),
            task("noon", "12:07", DAILY, SYSTEM),
            task("signed", "02:37", DAILY, user),
            task("well", "02:37", DAILY, SYSTEM),
            more,
            own,
        ];
        assert_eq!(
            unfit(&seen, &profile, &hours).unwrap(),
            [r"\avoid", r"\noon", r"\signed"]
        );
    }
}
