//! One entry of Windows' log as Windows writes it out: XML of which only the writer, the number, the level, the time and the
//! values are read. Pure; whatever is not well-formed is damaged as a whole.

use kaishin_proto::time::Time;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Happened, OsError, Read};

/// An entry is a few kilobytes; Windows' own bound is 64.
const LONGEST: usize = 256 * 1024;
const DEEPEST: usize = 16;
const MOST_VALUES: usize = 40;

pub fn read(xml: &str) -> Read<Happened> {
    if xml.len() > LONGEST {
        return Err(OsError::damaged("an entry of the log is too long"));
    }
    let damaged = || OsError::damaged("an entry of the log does not read");
    let mut reader = Reader::from_str(xml);
    let mut found = Found::default();
    loop {
        match reader.read_event().map_err(|_| damaged())? {
            Event::Start(start) => {
                found.begins(&start).ok_or_else(damaged)?;
                if found.path.len() > DEEPEST {
                    return Err(damaged());
                }
            }
            Event::Empty(start) => {
                found.begins(&start).ok_or_else(damaged)?;
                found.ends();
            }
            Event::End(_) => found.ends(),
            Event::Text(text) => found.text.push_str(&text.decode().map_err(|_| damaged())?),
            Event::GeneralRef(name) => {
                let name = name.decode().map_err(|_| damaged())?;
                let text = quick_xml::escape::unescape(&format!("&{name};")).map(|text| text.into_owned());
                found.text.push_str(&text.map_err(|_| damaged())?);
            }
            Event::CData(text) => found.text.push_str(&String::from_utf8_lossy(&text)),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    found.whole().ok_or_else(damaged)
}

#[derive(Default)]
struct Found {
    path: Vec<String>,
    text: String,
    at: Option<Time>,
    source: Option<String>,
    number: Option<u32>,
    level: u8,
    values: Vec<String>,
}

impl Found {
    fn begins(&mut self, start: &BytesStart<'_>) -> Option<()> {
        let name = String::from_utf8(start.local_name().as_ref().to_vec()).ok()?;
        self.path.push(name);
        self.text.clear();
        match self.place().as_str() {
            "Event/System/Provider" => self.source = attribute(start, "Name"),
            "Event/System/TimeCreated" => {
                self.at = attribute(start, "SystemTime").and_then(|text| Time::parse(&text));
            }
            _ => {}
        }
        Some(())
    }

    fn ends(&mut self) {
        let text = std::mem::take(&mut self.text);
        let text = text.trim();
        match self.place().as_str() {
            "Event/System/EventID" => self.number = text.parse().ok(),
            "Event/System/Level" => self.level = text.parse().unwrap_or(0),
            place if is_value(place) && !text.is_empty() && self.values.len() < MOST_VALUES => {
                self.values.push(text.to_owned());
            }
            _ => {}
        }
        self.path.pop();
    }

    fn place(&self) -> String {
        self.path.join("/")
    }

    fn whole(self) -> Option<Happened> {
        Some(Happened {
            at: self.at?,
            source: self.source?,
            number: self.number?,
            level: self.level,
            values: self.values,
        })
    }
}

fn is_value(place: &str) -> bool {
    place.starts_with("Event/EventData/") || place.starts_with("Event/UserData/")
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = start.try_get_attribute(name).ok()??;
    let text = std::str::from_utf8(&found.value).ok()?;
    Some(quick_xml::escape::unescape(text).ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ENTRY: &str = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>\
        <Provider Name='Service Control Manager' Guid='{555908d1-a6d7-4695-8e1e-26931d2012f4}' EventSourceName='x'/>\
        <EventID Qualifiers='49152'>7031</EventID><Version>0</Version><Level>2</Level><Task>0</Task>\
        <TimeCreated SystemTime='2027-01-15T00:12:03.123456700Z'/><EventRecordID>1</EventRecordID>\
        <Computer>UKETSUKE</Computer><Security UserID='S-1-5-18'/></System><EventData>\
        <Data Name='param1'>Oqs &amp; App</Data><Data Name='param2'>1</Data><Data/><Binary>4F00</Binary></EventData></Event>";

    #[test]
    fn an_entry_is_read_as_windows_writes_it() {
        let read = read(ENTRY).unwrap();
        let expected = Happened {
            at: Time::parse("2027-01-15T00:12:03.123456Z").unwrap(),
            source: "Service Control Manager".into(),
            number: 7031,
            level: 2,
            values: vec!["Oqs & App".into(), "1".into(), "4F00".into()],
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn what_lacks_its_writer_number_or_time_is_damaged() {
        for (whole, broken) in [
            ("Provider", "Other"),
            ("EventID", "Id"),
            ("SystemTime", "Time"),
            ("</Event>", "</X>"),
        ] {
            assert!(read(&ENTRY.replace(whole, broken)).is_err(), "{whole}");
        }
        assert!(read("").is_err());
        assert!(read(&"<a>".repeat(40)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_stumble(cut in 0usize..600, odd in "[<>&;'a-z/ ]{0,8}") {
            let at = cut.min(ENTRY.len());
            let _ = read(&format!("{}{odd}{}", &ENTRY[..at], &ENTRY[at..]));
        }
    }
}
