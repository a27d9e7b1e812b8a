//! How Windows speaks of itself and of time, turned into words and numbers for the catalogue. Pure, so that it is tested
//! wherever the agent is built; asking the system is `windows/`'s part.

use kaishin_proto::time::Time;
use kaishin_proto::value::Reason;

use super::Read;

/// 100 ns intervals from 1601 to 1970.
const UNIX_EPOCH: u64 = 116_444_736_000_000_000;
/// From this build on Windows is 11, whatever its registry says.
const WINDOWS_11: u32 = 22_000;

/// Microsoft never changed `ProductName`: on Windows 11 it still says "Windows 10".
pub fn product(told: &str, build: u32) -> String {
    match told.strip_prefix("Windows 10") {
        Some(rest) if build >= WINDOWS_11 => format!("Windows 11{rest}"),
        Some(_) | None => told.to_owned(),
    }
}

/// "10.0.19044.4291"; without the last part where Windows has none. One that is there and cannot be read is another matter:
/// the shorter version would look like an older one.
pub fn version(major: u32, minor: u32, build: i64, revision: &Read<i64>) -> Read<String> {
    match revision {
        Ok(revision) => Ok(format!("{major}.{minor}.{build}.{revision}")),
        Err(error) if error.reason == Reason::NotFound => Ok(format!("{major}.{minor}.{build}")),
        Err(error) => Err(error.clone()),
    }
}

/// A `FILETIME`; `None` before 1970 or after time itself.
pub fn filetime(intervals: u64) -> Option<Time> {
    let since_1970 = intervals.checked_sub(UNIX_EPOCH)?;
    i64::try_from(since_1970 / 10).ok().map(Time)
}

/// Automation's date, in days since 30 December 1899, as a `FILETIME` of the same clock. `None` for the dates by which Task
/// Scheduler says never, all before 2000, and for what is no date.
pub fn date(days: f64) -> Option<u64> {
    const FROM: f64 = 36_526.0;
    const UNTIL: f64 = 146_097.0;
    const UNIX: f64 = 25_569.0;
    if !(FROM..UNTIL).contains(&days) {
        return None;
    }
    // Some thousand million seconds, exact in both kinds of number.
    let seconds = ((days - UNIX) * 86_400.0).round() as u64;
    Some(UNIX_EPOCH + seconds * 10_000_000)
}

/// To the nearest minute: an age is told in whole seconds, and which of two it is would look like a change.
pub fn minute(at: Time) -> Time {
    const MINUTE: i64 = 60_000_000;
    let half = at.0.saturating_add(MINUTE / 2);
    Time(half - half.rem_euclid(MINUTE))
}

/// When the machine started, from the clock and the uptime, to the second: the two are not read in the same instant.
pub fn boot_time(now: Time, uptime_ms: u64) -> Option<Time> {
    const SECOND: i64 = 1_000_000;
    let uptime = i64::try_from(uptime_ms).ok()?.checked_mul(1_000)?;
    let boot = now.0.checked_sub(uptime)?.checked_add(SECOND / 2)?;
    Some(Time(boot - boot.rem_euclid(SECOND)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::OsError;

    #[test]
    fn a_minute_is_the_nearest() {
        assert_eq!(minute(Time(89_999_999)), Time(60_000_000));
        assert_eq!(minute(Time(90_000_000)), Time(120_000_000));
        assert_eq!(minute(Time(-1)), Time(0));
    }

    #[test]
    fn a_date_is_told_to_the_second_and_never_is_none() {
        let shown = |days| date(days).and_then(filetime).map(Time::rfc3339);
        assert_eq!(shown(44_348.166_666_666_7).as_deref(), Some("2021-06-01T04:00:00Z"));
        assert_eq!(shown(44_348.999_988_4).as_deref(), Some("2021-06-01T23:59:59Z"));
        for never in [0.0, 36_494.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(date(never), None, "{never}");
        }
    }

    #[test]
    fn windows_11_is_called_by_its_name() {
        assert_eq!(product("Windows 10 Pro", 22_631), "Windows 11 Pro");
        assert_eq!(
            product("Windows 10 Enterprise LTSC 2021", 19_044),
            "Windows 10 Enterprise LTSC 2021"
        );
        assert_eq!(
            product("Windows Server 2025 Standard", 26_100),
            "Windows Server 2025 Standard"
        );
    }

    #[test]
    fn the_revision_is_part_of_the_version_where_it_is_known() {
        let version = |revision| version(10, 0, 19_044, &revision);
        assert_eq!(version(Ok(4_291)).as_deref(), Ok("10.0.19044.4291"));
        assert_eq!(version(Err(OsError::not_found("UBR"))).as_deref(), Ok("10.0.19044"));
        assert_eq!(version(Err(OsError::damaged("UBR"))), Err(OsError::damaged("UBR")));
    }

    #[test]
    fn file_times_begin_in_1601() {
        assert_eq!(filetime(UNIX_EPOCH), Some(Time(0)));
        assert_eq!(filetime(133_444_736_000_000_005), Some(Time(1_700_000_000_000_000)));
        assert_eq!(filetime(0), None);
        assert!(filetime(u64::MAX).is_some());
    }

    #[test]
    fn a_boot_time_does_not_flutter_with_the_microseconds_between_two_readings() {
        let now = Time(1_700_000_100_000_000);
        for late in [0, 1, 400_000] {
            assert_eq!(
                boot_time(Time(now.0 + late), 100_000),
                Some(Time(1_700_000_000_000_000))
            );
        }
        assert_eq!(boot_time(Time(i64::MIN), 1), None);
        assert_eq!(boot_time(now, u64::MAX), None);
    }
}
