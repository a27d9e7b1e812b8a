//! The codes that terminals show: in memory, as sessions are.

use std::sync::{Mutex, PoisonError};

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::call::{Codes, LiveCode, read_code};
use kaishin_domain::id::TerminalId;

use super::super::{App, Cx};

#[derive(Debug, Default)]
pub struct LiveCodes(Mutex<Codes>);

/// A terminal asks what to show; none if every code is taken.
pub fn ask_code(app: &App, terminal: TerminalId) -> Option<LiveCode> {
    let [a, b, c, d, e, f, g, h, _, _] = app.entropy.bytes();
    let random = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let mut codes = app.codes.0.lock().unwrap_or_else(PoisonError::into_inner);
    codes.ask(terminal, app.now(), random)
}

/// The terminal that shows what was typed, if it is a code and any does.
pub fn whose_code(cx: &Cx, typed: &str) -> Option<TerminalId> {
    let digits = read_code(typed)?;
    let codes = cx.app.codes.0.lock().unwrap_or_else(PoisonError::into_inner);
    let terminal = codes.whose(digits, cx.now())?;
    cx.may(Permission::ViewFleet, Scope::Terminal(terminal))
        .then_some(terminal)
}
