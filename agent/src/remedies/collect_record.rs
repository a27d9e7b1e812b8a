//! Fetches one of a few records: the agent's own, what Windows' log says about one subject, or the one program's log that the
//! terminal profile names. Nobody chooses a file or a query from outside. Only the end of it, only text, and only what
//! [`redact`] lets through; programs that deal with patients have no record here.

mod redact;

use std::path::Path;

use kaishin_proto::limits::MAX_RECORD;
use kaishin_proto::remedy::Record;
use kaishin_proto::value::Reason;

use super::{Acted, Around, Collected, Cure, Done, Failed, Preview, Read, Step};
use crate::os::{Entry, Happened, Happenings, MAX_FILE, Os, OsError};
use crate::{diary, text, words};
use redact::{Origin, redact};

/// Entries of Windows' log.
const MOST: usize = 400;
/// Of one entry or line: nobody reads more of it, and it must not crowd out the others.
const LONGEST: usize = 2_000;

pub struct CollectRecord(pub Record);

impl Cure for CollectRecord {
    fn steps(&self) -> &'static [Step] {
        const { &[Step::again("collect")] }
    }

    fn act(&self, step: &str, os: &dyn Os, around: &Around) -> Result<Acted, Failed> {
        match step {
            "collect" => collect(self.0, os, around).map(Acted::Done),
            _ => Err(Failed::no_such_step(step)),
        }
    }

    fn preview(&self, _: &dyn Os, _: &Around) -> Read<Preview> {
        Ok(Preview::only_reads())
    }
}

fn collect(record: Record, os: &dyn Os, around: &Around) -> Result<Done, Failed> {
    let (text, origin) = match record {
        Record::Agent => (around.about.diary.lines().join("\n"), Origin::System),
        Record::WindowsUpdate => (log(os, Happenings::WindowsUpdate)?, Origin::System),
        Record::Restarts => (log(os, Happenings::Restarts)?, Origin::System),
        Record::Programs => (log(os, Happenings::Programs)?, Origin::System),
        Record::Network => (log(os, Happenings::Network)?, Origin::System),
        Record::Distribution => (program(os, around)?, Origin::Program),
    };
    let (clean, left_out) = redact(&shortened(&text), origin, &people(os, around)?);
    let (text, cut) = end_of(&clean, MAX_RECORD);
    let mut evidence = format!("{} lines", text.lines().count());
    if cut {
        evidence += ", the end of more";
    }
    if left_out > 0 {
        evidence += &format!("; {left_out} left out because they may speak of patients");
    }
    Ok(Done {
        collected: Some(Collected {
            text: text.to_owned(),
            cut,
        }),
        ..Done::told(evidence)
    })
}

/// Who works here, as Windows knows them. The link software's account is nobody.
fn people(os: &dyn Os, around: &Around) -> Result<Vec<String>, Failed> {
    let software = around.about.profile.account.to_lowercase();
    let users = os.users()?;
    let names = users.into_iter().filter_map(|user| Some(user.name?.to_lowercase()));
    Ok(names.filter(|name| *name != software).collect())
}

fn log(os: &dyn Os, what: Happenings) -> Result<String, Failed> {
    let mut found = os.happened(what, MOST)?;
    found.reverse();
    let lines: Vec<String> = found.iter().map(line).collect();
    Ok(lines.join("\n"))
}

/// `2027-01-15 09:12:03 error Service Control Manager 7031: OqsDistroApp | 1`, by the clock on the clinic's wall.
fn line(happened: &Happened) -> String {
    let level = match happened.level {
        1 => "CRITICAL",
        2 => "ERROR",
        3 => "warning",
        _ => "info",
    };
    let (at, source, number) = (diary::wall(happened.at), &happened.source, happened.number);
    let plain = |value: &String| value.split_whitespace().collect::<Vec<_>>().join(" ");
    let values: Vec<String> = happened
        .values
        .iter()
        .map(plain)
        .filter(|value| !value.is_empty())
        .collect();
    if values.is_empty() {
        return format!("{at} {level} {source} {number}");
    }
    format!("{at} {level} {source} {number}: {}", values.join(" | "))
}

fn program(os: &dyn Os, around: &Around) -> Result<String, Failed> {
    let Some(place) = &around.about.profile.distribution.log_file else {
        return Err(Failed {
            code: words::JOB_RECORD_UNNAMED,
            detail: "the terminal profile does not say where this log is".to_owned(),
        });
    };
    let place = Path::new(place);
    let shown = place.display();
    let absent = |error: OsError| match error.reason {
        Reason::NotFound => Failed {
            code: words::JOB_RECORD_ABSENT,
            detail: format!("there is no {shown}"),
        },
        Reason::Failed | Reason::Damaged | Reason::NoPermission | Reason::NotSupported => error.into(),
    };
    let (folder, name) = parts(place);
    let beside = os.list_dir(folder).map_err(absent)?;
    let large = |entry: &&Entry| entry.name.eq_ignore_ascii_case(name) && entry.size > MAX_FILE;
    if let Some(entry) = beside.iter().find(large) {
        return Err(Failed {
            code: words::JOB_RECORD_TOO_LARGE,
            detail: format!("{shown} has {} bytes", entry.size),
        });
    }
    let bytes = os.read_file(place).map_err(absent)?;
    decoded(&bytes).ok_or_else(|| Failed {
        code: words::JOB_RECORD_NO_TEXT,
        detail: format!("{shown} is no text in UTF-8, UTF-16 or Shift_JIS"),
    })
}

/// As Windows writes places, wherever this is built.
fn parts(place: &Path) -> (&Path, &str) {
    let text = place.to_str().unwrap_or_default();
    let (folder, name) = text.rsplit_once('\\').unwrap_or(("", text));
    (Path::new(folder), name)
}

/// Line by line where the whole is none: programs that were updated go on in another encoding, and a crash tears a line.
fn decoded(bytes: &[u8]) -> Option<String> {
    text::decode(bytes).or_else(|| {
        if bytes.contains(&0) {
            return None;
        }
        let lines: Vec<Option<String>> = bytes.split(|byte| *byte == b'\n').map(text::decode).collect();
        let readable = lines.iter().flatten().filter(|line| !line.trim().is_empty()).count();
        let all = lines.len();
        let text = |line: Option<String>| line.unwrap_or_else(|| "(a line that is no text)".to_owned());
        // Now and then a torn line is a log; mostly torn lines are something else.
        (readable * 2 > all).then(|| lines.into_iter().map(text).collect::<Vec<_>>().join("\n"))
    })
}

fn shortened(text: &str) -> String {
    let short = |line: &str| -> String {
        if line.len() <= LONGEST {
            return line.trim_end().to_owned();
        }
        let mut short: String = line.chars().take(LONGEST / 4).collect();
        short.push('…');
        short
    };
    let lines: Vec<String> = text.lines().map(short).collect();
    lines.join("\n")
}

/// The last lines that fit, and whether any did not.
fn end_of(text: &str, most: usize) -> (&str, bool) {
    if text.len() <= most {
        return (text, false);
    }
    let mut from = text.len() - most;
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let end = &text[from..];
    // Half a line says nothing.
    (end.split_once('\n').map_or(end, |(_, whole)| whole), true)
}

#[cfg(test)]
mod tests;
