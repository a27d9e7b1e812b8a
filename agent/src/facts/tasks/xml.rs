//! A scheduled task's definition, as Task Scheduler writes it: who runs it, what it does, and when. Of the rest nothing is
//! read. UTF-16 in either order or UTF-8; whatever is not well-formed is damaged as a whole.

use std::collections::BTreeSet;

use kaishin_proto::profile::Clock24;
use kaishin_proto::time::Time;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::os::{OsError, Read};

/// A definition is a few kilobytes.
const LONGEST: usize = 512 * 1024;
/// Elements within elements; Task Scheduler uses six.
const DEEPEST: usize = 32;
/// Minutes that Japan is ahead of UTC, all year.
const JAPAN: i32 = 9 * 60;
/// From Monday on, as the scheduler calls them.
const WEEK: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// A SID or a name, as written; `None` where the task runs as a group.
    pub user: Option<String>,
    /// Whether it runs only while that user, or one of that group, is signed in.
    pub signed_in: bool,
    pub actions: Vec<Exec>,
    pub triggers: Vec<Trigger>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exec {
    pub command: String,
    pub arguments: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// The element's name: `CalendarTrigger`, `BootTrigger`, …
    pub kind: String,
    pub enabled: bool,
    /// The time of day at which it begins, on this terminal's clock.
    pub at: Option<Clock24>,
    pub repeats: bool,
    pub schedule: Schedule,
    /// When it was to come for the last time; a moment that cannot be read is as if it were past.
    ends: Option<Option<Time>>,
    /// Whether it goes on for a while only.
    for_a_while: bool,
}

/// On which days it comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Schedule {
    #[default]
    Daily,
    /// On these days of each week, 0 Monday to 6 Sunday.
    Weekly(BTreeSet<usize>),
    /// Less often, and sooner or later on any.
    Seldom,
}

impl Schedule {
    pub fn is_daily(&self) -> bool {
        match self {
            Schedule::Daily => true,
            Schedule::Weekly(days) => days.len() == WEEK.len(),
            Schedule::Seldom => false,
        }
    }

    pub fn comes_on(&self, day: usize) -> bool {
        match self {
            Schedule::Daily | Schedule::Seldom => true,
            Schedule::Weekly(days) => days.contains(&day),
        }
    }

    fn add(&mut self, day: &str) {
        let Some(day) = WEEK.iter().position(|name| *name == day) else {
            return;
        };
        match self {
            Schedule::Daily => *self = Schedule::Weekly(BTreeSet::from([day])),
            Schedule::Weekly(days) => {
                days.insert(day);
            }
            Schedule::Seldom => {}
        }
    }
}

impl Trigger {
    /// Comes back by the clock, and not once.
    pub fn is_regular(&self) -> bool {
        self.enabled && (self.kind == "CalendarTrigger" || self.kind == "TimeTrigger" && self.repeats)
    }

    /// By when the scheduler will run the task next, for this trigger or another of its own.
    pub fn has_ended(&self, next_run: Option<Time>) -> bool {
        let limited = self.for_a_while || self.ends.is_some();
        match next_run {
            None => limited,
            Some(next) => self.ends.is_some_and(|ends| ends.is_none_or(|ends| ends < next)),
        }
    }
}

impl Exec {
    /// `shutdown /r`, however it is written: with a path, quotes or dashes, or through the command interpreter.
    pub fn restarts(&self) -> bool {
        let command = self.command.to_lowercase();
        let arguments = self.arguments.to_lowercase();
        let program = file_name(&command);
        if program == "shutdown" {
            return asks_for_restart(&arguments);
        }
        let words = || arguments.split(|c: char| c.is_whitespace() || c == '"' || c == '&');
        match program {
            "cmd" => {
                let shutdown = words().position(|word| file_name(word) == "shutdown");
                shutdown.is_some() && asks_for_restart(arguments.split_once("shutdown").map_or("", |(_, rest)| rest))
            }
            "powershell" | "pwsh" => words().any(|word| word == "restart-computer"),
            _ => false,
        }
    }

    pub fn shown(&self) -> String {
        format!("{} {}", self.command, self.arguments).trim().to_owned()
    }
}

/// `"C:\Windows\System32\shutdown.exe"` is `shutdown`.
fn file_name(command: &str) -> &str {
    let command = command.trim().trim_matches('"');
    let name = command.rsplit(['\\', '/']).next().unwrap_or(command);
    name.strip_suffix(".exe").unwrap_or(name)
}

/// `/r` or `/g`: both restart, the second opens the applications again.
fn asks_for_restart(arguments: &str) -> bool {
    let mut words = arguments.split(|c: char| c.is_whitespace() || c == '"');
    words.any(|word| {
        let mut switches = word.split(['/', '-']);
        switches.next() == Some("") && switches.any(|switch| switch == "r" || switch == "g")
    })
}

/// The bytes as text: by byte order mark, else by how `<` is stored.
pub fn decode(bytes: &[u8]) -> Read<String> {
    if bytes.len() > LONGEST {
        return Err(OsError::damaged(format!("a task of {} bytes", bytes.len())));
    }
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
        let text = String::from_utf16(&units).ok().filter(|_| rest.is_empty());
        text.ok_or_else(|| OsError::damaged("a task that is no sound UTF-16"))
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [b'<', 0, ..] => utf16(bytes, u16::from_le_bytes),
        [0, b'<', ..] => utf16(bytes, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Read<String> {
    let text = std::str::from_utf8(bytes).map_err(|_| OsError::damaged("a task that is no sound UTF-8"))?;
    Ok(text.to_owned())
}

pub fn read(bytes: &[u8]) -> Read<Task> {
    // A text from a call may keep its closing NUL.
    let text = decode(bytes)?;
    let text = text.trim_end_matches('\0');
    let mut reader = Reader::from_str(text);
    let mut reading = Reading::default();
    loop {
        let event = reader.read_event();
        match event.map_err(|error| broken(&error))? {
            Event::Start(element) => reading.open(&element)?,
            Event::Empty(element) => {
                reading.open(&element)?;
                reading.close();
            }
            Event::End(_) => reading.close(),
            Event::Text(text) => reading.text.push_str(&text.decode().map_err(|error| broken(&error))?),
            Event::CData(text) => reading.text.push_str(&text.decode().map_err(|error| broken(&error))?),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().map_err(|error| broken(&error))?;
                let name = reference.decode().map_err(|error| broken(&error))?;
                match (character, quick_xml::escape::resolve_predefined_entity(&name)) {
                    (Some(character), _) => reading.text.push(character),
                    (None, Some(text)) => reading.text.push_str(text),
                    (None, None) => return Err(broken(&format!("&{name}; means nothing"))),
                }
            }
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Eof => return reading.done(),
        }
    }
}

fn broken(error: &dyn std::fmt::Display) -> OsError {
    OsError::damaged(format!("a task's XML: {error}"))
}

/// One of those under whose names a task may run.
#[derive(Default)]
struct Principal {
    id: String,
    user: Option<String>,
    signed_in: bool,
}

#[derive(Default)]
struct Reading {
    /// Names of the open elements, without prefixes.
    path: Vec<String>,
    text: String,
    task: Task,
    principals: Vec<Principal>,
    /// Whose rights the actions ask for.
    context: Option<String>,
    seen: bool,
}

impl Reading {
    fn open(&mut self, element: &BytesStart<'_>) -> Read<()> {
        if self.path.len() >= DEEPEST {
            return Err(OsError::damaged("a task's XML: too deep"));
        }
        let name = String::from_utf8_lossy(element.local_name().as_ref()).into_owned();
        self.path.push(name);
        self.text.clear();
        match self.here().as_slice() {
            ["Task"] => self.seen = true,
            ["Task", "Principals", "Principal"] => {
                self.principals.push(Principal {
                    id: attribute(element, "id")?.unwrap_or_default(),
                    ..Principal::default()
                });
            }
            ["Task", "Actions"] => self.context = attribute(element, "Context")?,
            ["Task", "Actions", "Exec"] => self.task.actions.push(Exec::default()),
            ["Task", "Triggers", kind] => {
                let kind = (*kind).to_owned();
                self.task.triggers.push(Trigger {
                    kind,
                    enabled: true,
                    at: None,
                    repeats: false,
                    schedule: Schedule::default(),
                    ends: None,
                    for_a_while: false,
                });
            }
            ["Task", "Triggers", _, "ScheduleByMonth" | "ScheduleByMonthDayOfWeek"] => self.comes(|_| Schedule::Seldom),
            ["Task", "Triggers", _, "ScheduleByWeek", "DaysOfWeek", day] => {
                let day = (*day).to_owned();
                self.comes(|mut schedule| {
                    schedule.add(&day);
                    schedule
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn comes(&mut self, when: impl FnOnce(Schedule) -> Schedule) {
        if let Some(trigger) = self.task.triggers.last_mut() {
            trigger.schedule = when(std::mem::take(&mut trigger.schedule));
        }
    }

    fn here(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    fn close(&mut self) {
        let text = std::mem::take(&mut self.text).trim().to_owned();
        let (principal, exec, trigger) = (
            self.principals.last_mut(),
            self.task.actions.last_mut(),
            self.task.triggers.last_mut(),
        );
        let here: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match (here.as_slice(), principal, exec, trigger) {
            (["Task", "Principals", "Principal", "UserId"], Some(principal), ..) => principal.user = Some(text),
            (["Task", "Principals", "Principal", "GroupId"], Some(principal), ..) => principal.signed_in = true,
            (["Task", "Principals", "Principal", "LogonType"], Some(principal), ..) => {
                principal.signed_in |= text == "InteractiveToken";
            }
            (["Task", "Actions", "Exec", "Command"], _, Some(exec), _) => exec.command = text,
            (["Task", "Actions", "Exec", "Arguments"], _, Some(exec), _) => exec.arguments = text,
            (["Task", "Triggers", _, "Enabled"], _, _, Some(trigger)) => trigger.enabled = text != "false",
            (["Task", "Triggers", _, "StartBoundary"], _, _, Some(trigger)) => trigger.at = time_of_day(&text),
            (["Task", "Triggers", _, "EndBoundary"], _, _, Some(trigger)) => trigger.ends = Some(moment(&text)),
            (["Task", "Triggers", _, "ScheduleByDay", "DaysInterval"], _, _, Some(trigger))
            | (["Task", "Triggers", _, "ScheduleByWeek", "WeeksInterval"], _, _, Some(trigger))
                if text != "1" =>
            {
                trigger.schedule = Schedule::Seldom;
            }
            (["Task", "Triggers", "TimeTrigger", "Repetition", "Interval"], _, _, Some(trigger)) => {
                trigger.repeats = true;
                if !within_a_day(&text) {
                    trigger.schedule = Schedule::Seldom;
                }
            }
            (["Task", "Triggers", "TimeTrigger", "Repetition", "Duration"], _, _, Some(trigger)) => {
                trigger.for_a_while = true;
            }
            _ => {}
        }
        self.path.pop();
    }

    fn done(mut self) -> Read<Task> {
        if !self.path.is_empty() || !self.seen {
            return Err(OsError::damaged("a task's XML ends too early"));
        }
        let asked = self.context.take();
        let named = |id: &String| asked.as_ref() == Some(id);
        let at = self.principals.iter().position(|principal| named(&principal.id));
        if let Some(principal) = self.principals.into_iter().nth(at.unwrap_or(0)) {
            self.task.user = principal.user;
            self.task.signed_in = principal.signed_in;
        }
        Ok(self.task)
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Read<Option<String>> {
    let found = element.try_get_attribute(name).map_err(|error| broken(&error))?;
    Ok(found.map(|found| String::from_utf8_lossy(&found.value).into_owned()))
}

/// `2021-06-01T04:00:00`, the terminal's own time, or with `Z` or an offset.
fn moment(text: &str) -> Option<Time> {
    Time::parse(text).or_else(|| Time::parse(&format!("{text}+09:00")))
}

/// Whether what comes back after that long comes every day: `P1D`, `PT12H`, `PT30M`.
fn within_a_day(interval: &str) -> bool {
    let number = |text: &str, most: u32| text.parse::<u32>().is_ok_and(|number| number <= most);
    let Some(time) = interval.strip_prefix("PT") else {
        return interval == "P1D";
    };
    match (time.strip_suffix('H'), time.strip_suffix('M')) {
        (Some(hours), _) => number(hours, 24),
        (None, Some(minutes)) => number(minutes, 24 * 60),
        (None, None) => false,
    }
}

/// `2021-06-01T04:00:00`, the terminal's own time; with `Z` or an offset, a moment, which Japan calls by its own hour.
fn time_of_day(text: &str) -> Option<Clock24> {
    let (_, time) = text.split_once('T')?;
    let at = Clock24::parse(time.get(..5)?)?;
    let rest = time.get(5..)?;
    let offset = match rest.find(['Z', '+', '-']) {
        None => return Some(at),
        Some(zone) if rest[zone..].starts_with('Z') => 0,
        Some(zone) => {
            let ahead = i32::from(Clock24::parse(rest.get(zone + 1..)?)?.minutes());
            if rest[zone..].starts_with('-') { -ahead } else { ahead }
        }
    };
    let minutes = (i32::from(at.minutes()) - offset + JAPAN).rem_euclid(24 * 60);
    Clock24::new(u16::try_from(minutes / 60).ok()?, u16::try_from(minutes % 60).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaishin_proto::value::Reason;
    use proptest::prelude::*;

    const RESTART: &str = r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Author>UKETSUKE\admin</Author><URI>\毎日の再起動</URI></RegistrationInfo>
  <Triggers>
    <CalendarTrigger><StartBoundary>2021-06-01T04:00:00</StartBoundary><Enabled>true</Enabled>
      <ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay></CalendarTrigger>
    <TimeTrigger><Repetition><Interval>P1D</Interval></Repetition>
      <StartBoundary>2021-06-01T18:32:00Z</StartBoundary><Enabled>false</Enabled></TimeTrigger>
    <BootTrigger/>
  </Triggers>
  <Principals>
    <Principal id="Other"><GroupId>S-1-5-32-545</GroupId></Principal>
    <Principal id="Author"><UserId>S-1-5-18</UserId><RunLevel>HighestAvailable</RunLevel></Principal>
  </Principals>
  <Settings><Enabled>true</Enabled><StartWhenAvailable>false</StartWhenAvailable></Settings>
  <Actions Context="Author"><Exec><Command>C:\Windows\System32\shutdown.exe</Command>
    <Arguments>/r /t 0 /c &quot;夜&amp;朝&#33;&quot;</Arguments></Exec></Actions>
</Task>"#;

    fn utf16(text: &str) -> Vec<u8> {
        let units = [0xfeff].into_iter().chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_task_is_read_in_each_encoding_that_windows_writes() {
        let task = read(&utf16(RESTART)).unwrap();
        assert_eq!(task.user.as_deref(), Some("S-1-5-18"));
        assert_eq!(task.actions[0].arguments, "/r /t 0 /c \"夜&朝!\"");
        assert!(task.actions[0].restarts());
        let times: Vec<_> = task
            .triggers
            .iter()
            .map(|trigger| trigger.at.map(|at| at.to_string()))
            .collect();
        assert_eq!(times, [Some("04:00".to_owned()), Some("03:32".to_owned()), None]);
        let regular: Vec<_> = task.triggers.iter().map(Trigger::is_regular).collect();
        assert_eq!(regular, [true, false, false]);
        let big_endian: Vec<u8> = utf16(RESTART).chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect();
        let with_mark = [b"\xef\xbb\xbf", RESTART.as_bytes()].concat();
        let closed = [utf16(RESTART).split_off(2), vec![0, 0]].concat();
        for bytes in [big_endian, with_mark, closed, RESTART.as_bytes().to_vec()] {
            assert_eq!(read(&bytes), Ok(task.clone()));
        }
    }

    #[test]
    fn a_restart_is_known_by_what_it_does() {
        for (command, arguments, restarts) in [
            ("shutdown", "/r /t 0", true),
            ("SHUTDOWN.EXE", "-t 0 -R", true),
            (r#""C:\Windows\System32\shutdown.exe""#, "/f/r/t 0", true),
            ("shutdown", "/g", true),
            ("shutdown", "/s /t 0", false),
            ("shutdown", "/s /c restart/r", false),
            ("shutdown", "", false),
            ("cmd.exe", r"/c C:\Windows\System32\shutdown /r /t 60", true),
            ("cmd", "/c shutdown /s", false),
            ("cmd", "/c copy /r", false),
            ("powershell.exe", "-Command Restart-Computer -Force", true),
            (r"C:\OQS\shutdown-tool.exe", "/r", false),
            ("", "", false),
        ] {
            let exec = Exec {
                command: command.into(),
                arguments: arguments.into(),
            };
            assert_eq!(exec.restarts(), restarts, "{command} {arguments}");
        }
    }

    #[test]
    fn what_repeats_within_a_day_comes_every_day() {
        for (interval, daily) in [
            ("P1D", true),
            ("PT24H", true),
            ("PT12H", true),
            ("PT5M", true),
            ("PT1440M", true),
            ("PT48H", false),
            ("P7D", false),
            ("PTH", false),
            ("", false),
        ] {
            assert_eq!(within_a_day(interval), daily, "{interval}");
        }
    }

    #[test]
    fn a_trigger_has_ended_once_the_next_run_lies_behind_its_end() {
        let with = |ends: &str| {
            let xml = format!("<Task><Triggers><CalendarTrigger>{ends}</CalendarTrigger></Triggers></Task>");
            read(xml.as_bytes()).unwrap().triggers.remove(0)
        };
        let at = |text: &str| Some(Time::parse(text).unwrap());
        let (before, after) = (at("2026-06-01T03:59:00+09:00"), at("2026-06-01T04:01:00+09:00"));
        let local = "<EndBoundary>2026-06-01T04:00:00</EndBoundary>";
        let utc = "<EndBoundary>2026-05-31T19:00:00Z</EndBoundary>";
        for (ends, next, ended) in [
            ("", None, false),
            ("", after, false),
            (local, before, false),
            (local, after, true),
            (local, None, true),
            (utc, before, false),
            (utc, after, true),
            ("<EndBoundary>some day</EndBoundary>", before, true),
        ] {
            assert_eq!(with(ends).has_ended(next), ended, "{ends} {next:?}");
        }
    }

    #[test]
    fn a_damaged_definition_is_damaged_and_not_half_a_task() {
        let whole = utf16(RESTART);
        let deep = format!("<Task>{}", "<a>".repeat(DEEPEST + 1));
        let swapped = RESTART.replace("</Triggers>", "</Trigger>");
        let strange = RESTART.replace("&quot;", "&secret;");
        let mut lone = whole.clone();
        lone.splice(40..42, [0x00, 0xd8]);
        for bytes in [
            Vec::new(),
            whole[..whole.len() / 2].to_vec(),
            whole[..whole.len() - 1].to_vec(),
            lone,
            b"\xff\xfe".to_vec(),
            b"<Task><a>\xff</a></Task>".to_vec(),
            b"{}".to_vec(),
            b"<html></html>".to_vec(),
            deep.into_bytes(),
            swapped.into_bytes(),
            strange.into_bytes(),
            vec![b' '; LONGEST + 1],
        ] {
            assert_eq!(
                read(&bytes).map_err(|error| error.reason),
                Err(Reason::Damaged),
                "{bytes:x?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fall(bytes: Vec<u8>, cut in 0..2_000usize) {
            let _ = read(&bytes);
            let whole = RESTART.as_bytes();
            let _ = read(&whole[..cut.min(whole.len())]);
        }
    }
}
