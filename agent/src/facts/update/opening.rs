//! Windows Update held against the hours in which the facility receives patients, as the carrier's ledger has them. Where it has
//! none, or none that Windows could keep clear of, that is unknown, and rules go by the time of day alone.

use std::collections::BTreeSet;

use kaishin_proto::calendar::{Hours, Open};

use crate::os::{OsError, Read};

const HOUR: u16 = 60;
const DAY: u16 = 24 * HOUR;
/// The longest active hours that Windows takes.
const LONGEST_ACTIVE: u16 = 18 * HOUR;
/// When most facilities work.
const DAYTIME: (u16, u16) = (9 * HOUR, 18 * HOUR);

/// The openings into which the hour falls that begins with the installation. Day 0 is every day, 1 Sunday to 7 Saturday.
pub fn at_install(hours: &Hours, hour: &Read<i64>, day: &Read<i64>) -> Read<Vec<String>> {
    let (hour, day) = (minutes(hour)?, day.clone()?);
    told(hours)?;
    let on = |of_week: usize| day == 0 || i64::try_from(of_week) == Ok((day + 5) % 7);
    let met = |from: u16| {
        let openings = hours.openings(on);
        let met = openings.filter(move |open| open.from.minutes() < from + HOUR && from < open.until.minutes());
        met.map(shown).collect::<BTreeSet<_>>()
    };
    if (0..24).all(|hour| !met(hour * HOUR).is_empty()) {
        return Err(OsError::not_found("patients are received at every hour of the day"));
    }
    Ok(met(hour).into_iter().collect())
}

/// What of the openings lies outside the active hours, which may go on past midnight.
pub fn outside_active(hours: &Hours, start: &Read<i64>, end: &Read<i64>) -> Read<Vec<String>> {
    let (start, end) = (minutes(start)?, minutes(end)?);
    told(hours)?;
    let openings = hours.openings(|_| true);
    let openings: Vec<(u16, u16)> = openings
        .map(|open| (open.from.minutes(), open.until.minutes()))
        .collect();
    let all_of_it = |hour: u16| left_out(&openings, hour * HOUR, (hour * HOUR + LONGEST_ACTIVE) % DAY).is_empty();
    if !(0..24).any(all_of_it) {
        return Err(OsError::not_found(
            "no active hours are long enough for these opening hours",
        ));
    }
    Ok(spans(left_out(&openings, start, end)))
}

/// The same of the usual working day, for facilities of which no hours are told.
pub fn daytime_outside_active(start: &Read<i64>, end: &Read<i64>) -> Read<Vec<String>> {
    let (start, end) = (minutes(start)?, minutes(end)?);
    Ok(spans(left_out(&[DAYTIME], start, end)))
}

/// What of these spans of a day no active hours cover.
fn left_out(of: &[(u16, u16)], start: u16, end: u16) -> BTreeSet<(u16, u16)> {
    let gaps = match start.cmp(&end) {
        std::cmp::Ordering::Less => vec![(0, start), (end, DAY)],
        std::cmp::Ordering::Equal => vec![(0, DAY)],
        std::cmp::Ordering::Greater => vec![(end, start)],
    };
    let within = |(from, until): (u16, u16)| {
        let cut = move |(begin, close): &(u16, u16)| (from.max(*begin), until.min(*close));
        of.iter().map(cut).filter(|(from, until)| from < until)
    };
    gaps.into_iter().flat_map(within).collect()
}

fn spans(found: BTreeSet<(u16, u16)>) -> Vec<String> {
    let clock = |minutes: u16| format!("{:02}:{:02}", minutes / HOUR, minutes % HOUR);
    let found = found.into_iter();
    found
        .map(|(from, until)| format!("{}-{}", clock(from), clock(until)))
        .collect()
}

fn minutes(hour: &Read<i64>) -> Read<u16> {
    match u16::try_from(hour.clone()?) {
        Ok(hour) if hour < 24 => Ok(hour * HOUR),
        Ok(_) | Err(_) => Err(OsError::damaged("no hour of the day")),
    }
}

fn told(hours: &Hours) -> Read<()> {
    if hours.told {
        return Ok(());
    }
    Err(OsError::not_found(
        "the ledger does not say when patients are received here",
    ))
}

fn shown(open: Open) -> String {
    format!("{}-{}", open.from, open.until)
}

#[cfg(test)]
mod tests {
    use kaishin_proto::value::Reason;

    use super::*;

    /// Monday to Friday 8:30 to 12:00 and 14:00 to 19:30, Saturday in the morning, closed on Sunday and holidays.
    fn clinic() -> Hours {
        let day = |day| (day, vec![(510, 720), (840, 1_170)]);
        let days = (0..5).map(day).chain([(5, vec![(510, 720)]), (6, vec![])]);
        Hours::of(days).unwrap()
    }

    fn told_by(found: Read<Vec<String>>) -> String {
        found.map_or_else(|error| format!("{:?}", error.reason), |found| found.join(" "))
    }

    #[test]
    fn the_install_hour_meets_the_openings_of_its_day() {
        let always = Hours::of((0..7).map(|day| (day, vec![(0, 1_440)]))).unwrap();
        let late = Hours::of([(0, vec![(1_140, 1_320)])]).unwrap();
        for (hours, hour, day, expected) in [
            (clinic(), 7, 0, ""),
            (clinic(), 8, 0, "08:30-12:00"),
            (clinic(), 12, 0, ""),
            (clinic(), 19, 0, "14:00-19:30"),
            (clinic(), 20, 0, ""),
            (clinic(), 9, 1, ""),
            (clinic(), 15, 2, "14:00-19:30"),
            (clinic(), 15, 7, ""),
            (clinic(), 9, 7, "08:30-12:00"),
            // Of the other days the usual hours hold.
            (late.clone(), 20, 2, "19:00-22:00"),
            (late.clone(), 20, 3, ""),
            (late, 9, 0, "08:00-13:00 08:00-19:00"),
            (always, 3, 0, "NotFound"),
            (Hours::default(), 9, 0, "NotFound"),
        ] {
            let found = at_install(&hours, &Ok(hour), &Ok(day));
            assert_eq!(told_by(found), expected, "{hour} on {day}");
        }
        let sick = Err(OsError::no_permission("closed"));
        for (hour, day) in [(&sick, &Ok(0)), (&Ok(8), &sick)] {
            let found = at_install(&clinic(), hour, day).unwrap_err();
            assert_eq!(found.reason, Reason::NoPermission);
        }
    }

    #[test]
    fn what_the_active_hours_leave_out_of_the_openings_is_told() {
        let night = Hours::of((0..7).map(|day| (day, vec![(0, 120), (1_320, 1_440)]))).unwrap();
        let long = Hours::of((0..7).map(|day| (day, vec![(60, 1_200)]))).unwrap();
        for (hours, start, end, expected) in [
            (clinic(), 8, 20, ""),
            (clinic(), 9, 20, "08:30-09:00"),
            (clinic(), 9, 18, "08:30-09:00 18:00-19:30"),
            (clinic(), 8, 17, "17:00-19:30"),
            (clinic(), 13, 13, "08:30-12:00 14:00-19:30"),
            (clinic(), 20, 13, "14:00-19:30"),
            (night.clone(), 22, 2, ""),
            (night, 23, 1, "01:00-02:00 22:00-23:00"),
            (long, 8, 20, "NotFound"),
            (Hours::default(), 8, 20, "NotFound"),
        ] {
            let found = outside_active(&hours, &Ok(start), &Ok(end));
            assert_eq!(told_by(found), expected, "{start} to {end}");
        }
        let sick = Err(OsError::no_permission("closed"));
        let found = outside_active(&clinic(), &Ok(8), &sick).unwrap_err();
        assert_eq!(found.reason, Reason::NoPermission);
    }

    #[test]
    fn active_hours_past_midnight_cover_the_working_day_like_any_others() {
        for (start, end, expected) in [
            (8, 20, ""),
            (9, 18, ""),
            (6, 0, ""),
            (8, 2, ""),
            (0, 18, ""),
            (10, 20, "09:00-10:00"),
            (8, 17, "17:00-18:00"),
            (20, 14, "14:00-18:00"),
            (22, 4, "09:00-18:00"),
            (9, 9, "09:00-18:00"),
            (12, 10, "10:00-12:00"),
        ] {
            let found = daytime_outside_active(&Ok(start), &Ok(end));
            assert_eq!(told_by(found), expected, "{start} to {end}");
        }
        let sick = Err(OsError::no_permission("closed"));
        let found = daytime_outside_active(&sick, &Ok(18)).unwrap_err();
        assert_eq!(found.reason, Reason::NoPermission);
        assert_eq!(told_by(daytime_outside_active(&Ok(8), &Ok(24))), "Damaged");
    }
}
