//! Task definitions as Task Scheduler writes them: XML in UTF-16 with its mark.

use kaishin_proto::profile::Clock24;
use kaishin_proto::time::{Span, Time};

const DAY: i64 = Span::days(1).0;
/// Clinics live nine hours ahead of UTC.
const JAPAN: i64 = Span::hours(9).0;

#[derive(Clone, Copy)]
pub(super) enum When {
    Boot,
    Daily(Clock24),
    Sundays(Clock24),
    /// As XML writes durations.
    Every(&'static str),
}

/// How its user's rights are had.
#[derive(Clone, Copy, Debug)]
pub(super) enum Logon {
    Service,
    Password,
    InteractiveToken,
}

impl When {
    fn before(at: Clock24, now: Time) -> Time {
        let of_day = Span::minutes(i64::from(at.minutes())).0 - JAPAN;
        Time((now.0 - of_day).div_euclid(DAY) * DAY + of_day)
    }

    fn sunday_before(at: Clock24, now: Time) -> Time {
        let last = When::before(at, now);
        // 4 January 1970 was a Sunday.
        let day = (last.0 + JAPAN).div_euclid(DAY);
        last - Span::days((day - 3).rem_euclid(7))
    }

    pub fn last(self, booted: Time, now: Time) -> Time {
        match self {
            When::Boot => booted,
            When::Daily(at) => When::before(at, now),
            When::Sundays(at) => When::sunday_before(at, now),
            When::Every(_) => Time(now.0 - now.0.rem_euclid(Span::minutes(5).0)),
        }
    }

    pub fn next(self, now: Time) -> Option<Time> {
        match self {
            When::Boot => None,
            When::Daily(at) => Some(When::before(at, now) + Span::days(1)),
            When::Sundays(at) => Some(When::sunday_before(at, now) + Span::days(7)),
            When::Every(_) => Some(Time(now.0 - now.0.rem_euclid(Span::minutes(5).0)) + Span::minutes(5)),
        }
    }

    fn trigger(self) -> String {
        match self {
            When::Boot => "<BootTrigger><Enabled>true</Enabled><Delay>PT1M</Delay></BootTrigger>".to_owned(),
            When::Daily(at) => calendar(at, "<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>"),
            When::Sundays(at) => calendar(
                at,
                "<ScheduleByWeek><WeeksInterval>1</WeeksInterval><DaysOfWeek><Sunday /></DaysOfWeek></ScheduleByWeek>",
            ),
            When::Every(interval) => format!(
                "<TimeTrigger><Repetition><Interval>{interval}</Interval><StopAtDurationEnd>false</StopAtDurationEnd>\
                 </Repetition><StartBoundary>2021-06-01T00:02:00</StartBoundary><Enabled>true</Enabled></TimeTrigger>"
            ),
        }
    }
}

fn calendar(at: Clock24, schedule: &str) -> String {
    format!(
        "<CalendarTrigger><StartBoundary>2021-06-01T{at}:00</StartBoundary><Enabled>true</Enabled>{schedule}</CalendarTrigger>"
    )
}

pub(super) fn task(name: &str, by: (&str, Logon), exec: (&str, &str), when: When, enabled: bool) -> Vec<u8> {
    let ((user, logon), (command, arguments)) = (by, exec);
    let logon = match logon {
        Logon::Service => String::new(),
        Logon::Password | Logon::InteractiveToken => format!("<LogonType>{logon:?}</LogonType>"),
    };
    let trigger = when.trigger();
    let xml = format!(
        r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><URI>\{name}</URI></RegistrationInfo>
  <Triggers>{trigger}</Triggers>
  <Principals><Principal id="Author"><UserId>{user}</UserId>{logon}<RunLevel>HighestAvailable</RunLevel></Principal></Principals>
  <Settings><MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy><StartWhenAvailable>false</StartWhenAvailable><Enabled>{enabled}</Enabled></Settings>
  <Actions Context="Author"><Exec><Command>{command}</Command><Arguments>{arguments}</Arguments></Exec></Actions>
</Task>"#
    );
    let units = [0xfeff].into_iter().chain(xml.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}
