//! Task definitions as Task Scheduler writes them: XML in UTF-16 with its mark.

use kaishin_proto::profile::Clock24;
use kaishin_proto::time::{Span, Time};

const DAY: i64 = Span::days(1).0;
/// Clinics live nine hours ahead of UTC.
const JAPAN: i64 = Span::hours(9).0;

#[derive(Clone, Copy)]
pub(super) enum When {
    Boot,
    Daily(Option<Clock24>),
    /// As XML writes durations.
    Every(&'static str),
}

impl When {
    fn before(at: Option<Clock24>, now: Time) -> Time {
        let minutes = at.map_or(0, |at| i64::from(at.minutes()));
        let of_day = Span::minutes(minutes).0 - JAPAN;
        Time((now.0 - of_day).div_euclid(DAY) * DAY + of_day)
    }

    pub fn last(self, booted: Time, now: Time) -> Time {
        match self {
            When::Boot => booted,
            When::Daily(at) => When::before(at, now),
            When::Every(_) => Time(now.0 - now.0.rem_euclid(Span::minutes(5).0)),
        }
    }

    pub fn next(self, now: Time) -> Option<Time> {
        match self {
            When::Boot => None,
            When::Daily(at) => Some(When::before(at, now) + Span::days(1)),
            When::Every(_) => Some(Time(now.0 - now.0.rem_euclid(Span::minutes(5).0)) + Span::minutes(5)),
        }
    }

    fn trigger(self) -> String {
        match self {
            When::Boot => "<BootTrigger><Enabled>true</Enabled><Delay>PT1M</Delay></BootTrigger>".to_owned(),
            When::Daily(at) => {
                let at = at.map_or_else(|| "00:00".to_owned(), |at| at.to_string());
                format!(
                    "<CalendarTrigger><StartBoundary>2021-06-01T{at}:00</StartBoundary><Enabled>true</Enabled>\
                     <ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay></CalendarTrigger>"
                )
            }
            When::Every(interval) => format!(
                "<TimeTrigger><Repetition><Interval>{interval}</Interval><StopAtDurationEnd>false</StopAtDurationEnd>\
                 </Repetition><StartBoundary>2021-06-01T00:02:00</StartBoundary><Enabled>true</Enabled></TimeTrigger>"
            ),
        }
    }
}

pub(super) fn task(name: &str, user: &str, exec: (&str, &str), when: When, enabled: bool) -> Vec<u8> {
    let (command, arguments) = exec;
    let logon = if user == super::SYSTEM_SID {
        ""
    } else {
        "<LogonType>Password</LogonType>"
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
