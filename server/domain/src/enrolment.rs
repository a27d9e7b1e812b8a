//! Tokens and requests: who becomes a terminal at once, and who waits for a person.

use crate::id::{RequestId, TerminalId, TokenId};
use crate::terminal::{KeyHash, Machine};
use crate::time::{Span, Time};

/// A one-time token lives at most this long.
pub const ONE_TIME_LIFE: Span = Span::hours(72);
/// A site or lot token may be used at most this often.
pub const MOST_USES: u32 = 50_000;
/// And lives at most this long.
pub const SITE_LIFE: Span = Span::days(90);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolmentToken {
    pub id: TokenId,
    pub label: String,
    pub most_uses: u32,
    pub used: u32,
    pub expires_at: Time,
    pub scope: TokenScope,
    pub created_at: Time,
    pub created_by: String,
    pub revoked_at: Option<Time>,
}

/// Where the token's terminals belong; empty means not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenScope {
    pub carrier: Option<String>,
    pub prefecture: Option<String>,
    pub institution_code: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    #[error("a token needs at least one use and at most {MOST_USES}")]
    Uses,
    #[error("the token would live too long, or has expired already")]
    Life,
}

impl EnrolmentToken {
    pub fn check_new(most_uses: u32, life: Span) -> Result<(), BadToken> {
        if most_uses == 0 || most_uses > MOST_USES {
            return Err(BadToken::Uses);
        }
        let longest = if most_uses == 1 { ONE_TIME_LIFE } else { SITE_LIFE };
        if life <= Span(0) || life > longest {
            return Err(BadToken::Life);
        }
        Ok(())
    }

    pub fn standing(&self, now: Time) -> TokenStanding {
        if self.revoked_at.is_some() {
            TokenStanding::Revoked
        } else if now >= self.expires_at {
            TokenStanding::Expired
        } else if self.used >= self.most_uses {
            TokenStanding::UsedUp
        } else {
            TokenStanding::Valid
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStanding {
    Valid,
    Revoked,
    Expired,
    UsedUp,
}

/// Why a request waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    NoToken,
    TokenUnknown,
    TokenExpired,
    TokenRevoked,
    TokenUsedUp,
    /// The token is for one institution, the installer said another.
    OutOfScope,
    /// A terminal with this machine's identity is known already.
    Clash,
}

impl Cause {
    pub const ALL: [Cause; 7] = [
        Cause::NoToken,
        Cause::TokenUnknown,
        Cause::TokenExpired,
        Cause::TokenRevoked,
        Cause::TokenUsedUp,
        Cause::OutOfScope,
        Cause::Clash,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Cause::NoToken => "no-token",
            Cause::TokenUnknown => "token-unknown",
            Cause::TokenExpired => "token-expired",
            Cause::TokenRevoked => "token-revoked",
            Cause::TokenUsedUp => "token-used-up",
            Cause::OutOfScope => "out-of-scope",
            Cause::Clash => "clash",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolmentRequest {
    pub id: RequestId,
    pub key_hash: KeyHash,
    pub machine: Machine,
    pub institution_code: Option<String>,
    pub agent_version: String,
    pub peer: String,
    pub cause: Cause,
    pub clashes_with: Option<TerminalId>,
    pub asked_at: Time,
    pub state: RequestState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestState {
    Pending,
    Approved { terminal: TerminalId, at: Time, by: String },
    Rejected { at: Time, by: String, reason: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Admit,
    Wait(Cause),
}

/// A token that is valid and fits admits; a machine that is known already always waits for a person.
pub fn judge(
    token: Option<&EnrolmentToken>,
    said_token: bool,
    institution_code: Option<&str>,
    clash: Option<TerminalId>,
    now: Time,
) -> Verdict {
    let Some(token) = token else {
        return Verdict::Wait(if said_token {
            Cause::TokenUnknown
        } else {
            Cause::NoToken
        });
    };
    match token.standing(now) {
        TokenStanding::Revoked => return Verdict::Wait(Cause::TokenRevoked),
        TokenStanding::Expired => return Verdict::Wait(Cause::TokenExpired),
        TokenStanding::UsedUp => return Verdict::Wait(Cause::TokenUsedUp),
        TokenStanding::Valid => {}
    }
    let elsewhere = match (token.scope.institution_code.as_deref(), institution_code) {
        (Some(meant), Some(said)) => meant != said,
        _ => false,
    };
    if elsewhere {
        return Verdict::Wait(Cause::OutOfScope);
    }
    match clash {
        Some(_) => Verdict::Wait(Cause::Clash),
        None => Verdict::Admit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> EnrolmentToken {
        EnrolmentToken {
            id: TokenId::new(Time(0), [0; 10]),
            label: "lot 7".into(),
            most_uses: 2,
            used: 0,
            expires_at: Time(100),
            scope: TokenScope::default(),
            created_at: Time(0),
            created_by: "test".into(),
            revoked_at: None,
        }
    }

    #[test]
    fn only_a_valid_token_that_fits_admits() {
        let good = token();
        let scoped = EnrolmentToken {
            scope: TokenScope {
                institution_code: Some("1312345678".into()),
                ..TokenScope::default()
            },
            ..token()
        };
        let terminal = TerminalId::new(Time(0), [1; 10]);
        let wait = Verdict::Wait;
        for (token, said, code, clash, now, verdict) in [
            (Some(&good), true, None, None, 0, Verdict::Admit),
            (Some(&good), true, None, None, 100, wait(Cause::TokenExpired)),
            (
                Some(&EnrolmentToken {
                    used: 2,
                    ..good.clone()
                }),
                true,
                None,
                None,
                0,
                wait(Cause::TokenUsedUp),
            ),
            (
                Some(&EnrolmentToken {
                    revoked_at: Some(Time(1)),
                    ..good.clone()
                }),
                true,
                None,
                None,
                0,
                wait(Cause::TokenRevoked),
            ),
            (Some(&good), true, None, Some(terminal), 0, wait(Cause::Clash)),
            (Some(&scoped), true, Some("1312345678"), None, 0, Verdict::Admit),
            (
                Some(&scoped),
                true,
                Some("2712345678"),
                None,
                0,
                wait(Cause::OutOfScope),
            ),
            (None, true, None, None, 0, wait(Cause::TokenUnknown)),
            (None, false, None, None, 0, wait(Cause::NoToken)),
        ] {
            assert_eq!(
                judge(token, said, code, clash, Time(now)),
                verdict,
                "{token:?} {code:?} {clash:?}"
            );
        }
    }

    #[test]
    fn new_tokens_have_limits() {
        assert_eq!(EnrolmentToken::check_new(1, Span::hours(72)), Ok(()));
        assert_eq!(EnrolmentToken::check_new(1, Span::hours(73)), Err(BadToken::Life));
        assert_eq!(EnrolmentToken::check_new(2, Span::days(90)), Ok(()));
        assert_eq!(EnrolmentToken::check_new(0, Span::hours(1)), Err(BadToken::Uses));
        assert_eq!(
            EnrolmentToken::check_new(MOST_USES + 1, Span::hours(1)),
            Err(BadToken::Uses)
        );
        assert_eq!(EnrolmentToken::check_new(5, Span(0)), Err(BadToken::Life));
    }
}
