//! Four digits that a terminal shows and somebody reads out on the phone: no two terminals have the same ones at a time.

use std::collections::HashMap;

use crate::fold::narrow;
use crate::id::TerminalId;
use crate::time::{Span, Time};

pub const CODE_LIFE: Span = Span::minutes(5);
/// Somebody who reads out a code as it changes is still understood.
const GRACE: Span = Span::seconds(60);
const ALL: u16 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveCode {
    digits: u16,
    pub until: Time,
}

impl LiveCode {
    /// As it is shown: four digits.
    pub fn text(self) -> String {
        format!("{:04}", self.digits)
    }
}

/// All that are live. Kept by the server that the terminals are connected to, and gone with it.
#[derive(Debug, Default)]
pub struct Codes {
    by_code: HashMap<u16, (TerminalId, Time)>,
    by_terminal: HashMap<TerminalId, LiveCode>,
}

impl Codes {
    /// The terminal's code: the one it has, or a new one. `random` picks where to look for a free one; none if every
    /// code is live somewhere.
    pub fn ask(&mut self, terminal: TerminalId, now: Time, random: u64) -> Option<LiveCode> {
        self.forget(now);
        if let Some(live) = self.by_terminal.get(&terminal).filter(|live| live.until > now) {
            return Some(*live);
        }
        let first = u16::try_from(random % u64::from(ALL)).unwrap_or(0);
        let digits = (0..ALL)
            .map(|step| (first + step) % ALL)
            .find(|digits| !self.by_code.contains_key(digits))?;
        let live = LiveCode {
            digits,
            until: now + CODE_LIFE,
        };
        self.by_code.insert(digits, (terminal, live.until + GRACE));
        self.by_terminal.insert(terminal, live);
        Some(live)
    }

    /// Whose code that is, if it is anybody's.
    pub fn whose(&self, digits: u16, now: Time) -> Option<TerminalId> {
        let (terminal, until) = self.by_code.get(&digits)?;
        (*until > now).then_some(*terminal)
    }

    fn forget(&mut self, now: Time) {
        self.by_code.retain(|_, (_, until)| *until > now);
        self.by_terminal.retain(|_, live| live.until > now);
    }
}

/// The four digits that somebody typed, whatever the keyboard made of them; none for anything else.
pub fn read_code(text: &str) -> Option<u16> {
    let typed: String = text.chars().map(narrow).filter(|c| !matches!(c, ' ' | '-')).collect();
    let four = typed.len() == 4 && typed.bytes().all(|byte| byte.is_ascii_digit());
    four.then(|| typed.parse().ok()).flatten()
}
