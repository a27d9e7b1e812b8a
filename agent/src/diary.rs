//! What the agent remembers of itself for people who ask later: when it was connected, and why not. The end of it survives a
//! restart. No secrets, no facts; of no consequence to the agent itself.

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kaishin_proto::time::{Span, Time};

use crate::os::disk;

const MOST: usize = 200;
const LONGEST: usize = 300;

/// Cheap to clone: every clone is the same diary.
#[derive(Clone, Debug, Default)]
pub struct Diary(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    lines: VecDeque<String>,
    /// Where it is kept, and how many lines stand there.
    file: Option<(PathBuf, usize)>,
}

impl Diary {
    /// What cannot be read of it is forgotten.
    pub fn kept_in(file: PathBuf) -> Diary {
        let text = std::fs::read(&file).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: VecDeque<String> = text.lines().map(str::to_owned).collect();
        let mut book = Book {
            file: Some((file, lines.len())),
            lines,
        };
        book.forget();
        Diary(Arc::new(Mutex::new(book)))
    }

    pub fn note(&self, now: Time, text: &str) {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let text: String = text.chars().take(LONGEST).collect();
        let line = format!("{} {text}", wall(now));
        let mut book = self.lock();
        book.lines.push_back(line.clone());
        book.forget();
        book.keep(&line);
    }

    pub fn lines(&self) -> Vec<String> {
        self.lock().lines.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn forget(&mut self) {
        while self.lines.len() > MOST {
            self.lines.pop_front();
        }
    }

    /// A disk that takes nothing loses the diary, and nothing else.
    fn keep(&mut self, line: &str) {
        let Some((file, written)) = &mut self.file else {
            return;
        };
        if *written >= 2 * MOST {
            let all: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
            if disk::replace(file, all.as_bytes()).is_ok() {
                *written = self.lines.len();
            }
            return;
        }
        let added = disk::appendable(file).and_then(|mut open| open.write_all(format!("{line}\n").as_bytes()));
        *written += usize::from(added.is_ok());
    }
}

/// By the clock on the clinic's wall: all terminals stand in Japan.
pub fn wall(at: Time) -> String {
    let there = (at + Span::hours(9)).rfc3339();
    let plain = there.replace('T', " ");
    plain.chars().take("2027-01-15 09:12:03".len()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_800_000_000_000_000);

    #[test]
    fn it_is_there_after_a_restart_and_never_grows_beyond_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("diary.log");
        for n in 0..5 * MOST {
            // Each line by another life of the agent now and then.
            let diary = Diary::kept_in(file.clone());
            for m in 0..7 {
                diary.note(NOW, &format!("{n}.{m}\nline"));
            }
            if n > 200 {
                break;
            }
        }
        let lines = Diary::kept_in(file.clone()).lines();
        assert_eq!(lines.len(), MOST);
        assert_eq!(lines.last().unwrap(), "2027-01-15 17:00:00 201.6 line");
        assert!(std::fs::read_to_string(&file).unwrap().lines().count() <= 2 * MOST + 1);
    }

    #[test]
    fn a_disk_that_takes_nothing_loses_no_more_than_the_diary() {
        let folder = tempfile::tempdir().unwrap();
        let diary = Diary::kept_in(folder.path().to_owned());
        diary.note(NOW, "connected");
        assert_eq!(diary.lines(), ["2027-01-15 17:00:00 connected"]);
    }
}
