//! The four digits that somebody at the terminal reads out on the phone: asked for while they are looked at, renewed as
//! they run out, and forgotten when nobody looks. The server makes them; the terminal only shows them.

use kaishin_proto::time::{Span, Time};
use kaishin_proto::v1;
use kaishin_proto::v1::session_request::Body as Up;

use super::{Core, Effect};

/// A server that does not answer is asked again.
const ASK_AGAIN: Span = Span::seconds(15);
/// Whatever the server says: no code is shown for longer.
const LONGEST: Span = Span::minutes(10);
const SHORTEST: Span = Span::seconds(5);

#[derive(Default)]
pub(super) struct CallCode {
    wanted: bool,
    /// While it is wanted.
    ask_at: Option<Time>,
    shown_until: Option<Time>,
    /// How far the server's clock is ahead of ours: a code's end is told by the server's.
    ahead: Span,
}

impl CallCode {
    pub fn next_timer(&self, online: bool) -> Option<Time> {
        let ask = self.ask_at.filter(|_| self.wanted && online);
        [ask, self.shown_until].into_iter().flatten().min()
    }
}

impl Core {
    pub(super) fn code_wanted(&mut self, wanted: bool) {
        if self.code.wanted != wanted {
            self.code.wanted = wanted;
            // One that is still live is shown again.
            self.code.ask_at = wanted.then_some(self.now);
        }
    }

    /// Another server may not know what the last one said.
    pub(super) fn code_welcomed(&mut self, server_now: Time) {
        self.code.ahead = server_now.since(self.now);
        self.code.ask_at = self.code.wanted.then_some(self.now);
    }

    pub(super) fn code_told(&mut self, told: &v1::CallCode) {
        let sound = told.code.len() == 4 && told.code.bytes().all(|byte| byte.is_ascii_digit());
        if !self.code.wanted || !sound {
            return;
        }
        let until = Time(told.until_us) - self.code.ahead;
        let until = until.clamp(self.now + SHORTEST, self.now + LONGEST);
        (self.code.shown_until, self.code.ask_at) = (Some(until), Some(until));
        let code = told.code.clone();
        self.effects.push(Effect::ShowCode(Some((code, until))));
    }

    pub(super) fn pump_code(&mut self) {
        if self.code.shown_until.is_some_and(|until| self.now >= until) {
            self.code.shown_until = None;
            self.effects.push(Effect::ShowCode(None));
        }
        let due = self.code.ask_at.is_some_and(|at| self.now >= at);
        if self.code.wanted && due && self.connection.is_online() {
            self.code.ask_at = Some(self.now + ASK_AGAIN);
            self.send(Up::CallCodeRequest(v1::CallCodeRequest {}));
        }
    }
}
