//! Which facility a terminal stands in: said by the enrolment token, by the terminal itself, or by a person.
//!
//! A person's word wins, then the token's, then the terminal's own. Where they disagree, that is shown.

use serde::{Deserialize, Serialize};

use super::Code10;
use crate::time::Time;
use crate::words::Words;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub by_token: Option<Code10>,
    pub reported: Option<Code10>,
    pub by_hand: Option<ByHand>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByHand {
    /// None: a person said that it stands in no facility.
    pub code: Option<Code10>,
    pub at: Time,
    pub by: String,
    pub reason: String,
}

/// Whose word is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    Hand,
    Token,
    Reported,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Nobody said a facility.
    None,
    Attached,
    /// The code is in no ledger.
    Unlisted,
    /// Token and terminal say different facilities, and no person has decided.
    Conflict,
    /// A person decided, against what token or terminal say.
    Overruled,
}

impl Claim {
    pub const ALL: [Claim; 3] = [Claim::Hand, Claim::Token, Claim::Reported];

    pub fn name(self) -> &'static str {
        match self {
            Claim::Hand => "hand",
            Claim::Token => "token",
            Claim::Reported => "reported",
        }
    }

    pub fn words(self) -> Words {
        match self {
            Claim::Hand => Words::new("手動で指定", "Set by hand"),
            Claim::Token => Words::new("登録トークン", "Enrolment token"),
            Claim::Reported => Words::new("端末の申告", "Reported by the terminal"),
        }
    }
}

impl Standing {
    pub const ALL: [Standing; 5] = [
        Standing::None,
        Standing::Attached,
        Standing::Unlisted,
        Standing::Conflict,
        Standing::Overruled,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Standing::None => "none",
            Standing::Attached => "attached",
            Standing::Unlisted => "unlisted",
            Standing::Conflict => "conflict",
            Standing::Overruled => "overruled",
        }
    }

    pub fn words(self) -> Words {
        match self {
            Standing::None => Words::new("所属なし", "In no facility"),
            Standing::Attached => Words::new("所属済み", "Attached"),
            Standing::Unlisted => Words::new("台帳にないコード", "Code not in the ledger"),
            Standing::Conflict => Words::new("所属が食い違い", "Conflicting facilities"),
            Standing::Overruled => Words::new("手動で確定", "Decided by hand"),
        }
    }
}

impl Attachment {
    pub fn is_empty(&self) -> bool {
        *self == Attachment::default()
    }

    /// What each says, the strongest word first.
    pub fn claims(&self) -> Vec<(Claim, Option<Code10>)> {
        let mut claims = Vec::with_capacity(3);
        claims.extend(self.by_hand.as_ref().map(|hand| (Claim::Hand, hand.code)));
        claims.extend(self.by_token.map(|code| (Claim::Token, Some(code))));
        claims.extend(self.reported.map(|code| (Claim::Reported, Some(code))));
        claims
    }

    /// The code in force, as it was said.
    pub fn code(&self) -> Option<Code10> {
        self.claims().first().and_then(|(_, code)| *code)
    }

    /// `current` gives the facility that a code leads to, old codes included; None where no ledger knows it.
    pub fn standing(&self, current: impl Fn(Code10) -> Option<Code10>) -> Standing {
        let settled = |code: Code10| current(code).unwrap_or(code);
        let claims: Vec<(Claim, Option<Code10>)> = self
            .claims()
            .into_iter()
            .map(|(claim, code)| (claim, code.map(settled)))
            .collect();
        let Some((strongest, code)) = claims.first() else {
            return Standing::None;
        };
        if claims.iter().any(|(_, other)| other != code) {
            return match strongest {
                Claim::Hand => Standing::Overruled,
                Claim::Token | Claim::Reported => Standing::Conflict,
            };
        }
        match code {
            None => Standing::None,
            Some(code) if current(*code).is_none() => Standing::Unlisted,
            Some(_) => Standing::Attached,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: u64 = 1_310_000_000;
    const B: u64 = 2_710_000_000;
    const OLD_A: u64 = 1_310_000_001;

    fn code(number: u64) -> Code10 {
        Code10::from_number(number).unwrap()
    }

    /// A and B are in the ledger; OLD_A leads to A.
    fn ledger(asked: Code10) -> Option<Code10> {
        match asked.number() {
            A | OLD_A => Some(code(A)),
            B => Some(asked),
            _ => None,
        }
    }

    fn hand(to: Option<u64>) -> Option<ByHand> {
        Some(ByHand {
            code: to.map(code),
            at: Time::ZERO,
            by: "tanaka".into(),
            reason: "電話で確認".into(),
        })
    }

    #[test]
    fn a_person_wins_over_the_token_and_the_token_over_the_terminal() {
        let both = Attachment {
            by_token: Some(code(A)),
            reported: Some(code(B)),
            by_hand: None,
        };
        assert_eq!(both.code(), Some(code(A)));
        assert_eq!(both.standing(ledger), Standing::Conflict);
        let decided = Attachment {
            by_hand: hand(Some(B)),
            ..both.clone()
        };
        assert_eq!(decided.code(), Some(code(B)));
        assert_eq!(decided.standing(ledger), Standing::Overruled);
        let detached = Attachment {
            by_hand: hand(None),
            ..Attachment::default()
        };
        assert_eq!(detached.code(), None);
        assert_eq!(detached.standing(ledger), Standing::None);
    }

    #[test]
    fn an_old_code_agrees_with_the_new_one() {
        let said = |reported: u64| Attachment {
            by_token: Some(code(A)),
            reported: Some(code(reported)),
            by_hand: None,
        };
        assert_eq!(said(OLD_A).standing(ledger), Standing::Attached);
        assert_eq!(said(A).standing(ledger), Standing::Attached);
        let stray = Attachment {
            reported: Some(code(7)),
            ..Attachment::default()
        };
        assert_eq!(stray.standing(ledger), Standing::Unlisted);
        assert_eq!(Attachment::default().standing(ledger), Standing::None);
    }
}
