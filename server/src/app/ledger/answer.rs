//! Questions to the whole ledger: plain words, narrowing, order, pages.

use std::collections::HashSet;
use std::sync::Arc;

use kaishin_domain::facility::{Attachment, Code10, Kind, Line, Prefecture, Standing, Topology, UpdateChoice};
use kaishin_domain::fold::Query;

use super::{Inner, Ledger, Listed};

/// Told, or not told at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum YesNo {
    Yes,
    No,
    Unknown,
}

/// What a facility's terminals say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    WithTerminals,
    WithoutTerminals,
    /// Token and terminal disagree for one of them.
    Conflict,
}

impl State {
    pub const ALL: [State; 3] = [State::WithTerminals, State::WithoutTerminals, State::Conflict];

    pub fn name(self) -> &'static str {
        match self {
            State::WithTerminals => "terminals",
            State::WithoutTerminals => "no-terminals",
            State::Conflict => "conflict",
        }
    }
}

/// Some(None) asks for those of which it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrow {
    pub prefecture: Option<Prefecture>,
    pub kind: Option<Option<Kind>>,
    pub line: Option<Option<Line>>,
    pub topology: Option<Option<Topology>>,
    pub update_choice: Option<Option<UpdateChoice>>,
    pub shared_receipt: Option<YesNo>,
    pub state: Option<State>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Code,
    /// By reading where there is one.
    Name,
    /// North to south.
    Prefecture,
    /// Most terminals first.
    Terminals,
}

impl Order {
    pub const ALL: [Order; 4] = [Order::Code, Order::Name, Order::Prefecture, Order::Terminals];

    pub fn name(self) -> &'static str {
        match self {
            Order::Code => "code",
            Order::Name => "name",
            Order::Prefecture => "prefecture",
            Order::Terminals => "terminals",
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Asked<'a> {
    pub words: &'a str,
    pub narrow: Narrow,
    pub order: Order,
    pub descending: bool,
}

/// Everything that matches, in order: pages are cut from it.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub facilities: Vec<Arc<Listed>>,
}

impl Inner {
    fn terminals_in(&self, code: Code10) -> usize {
        if self.earlier_of.contains_key(&code) {
            let codes = self.codes_of(code);
            return codes
                .iter()
                .filter_map(|code| self.standing_in.get(code))
                .map(|all| all.len())
                .sum();
        }
        self.standing_in.get(&code).map_or(0, |all| all.len())
    }

    fn in_conflict(&self) -> HashSet<Code10> {
        let conflicting = |said: &&Attachment| said.standing(|code| self.current(code)) == Standing::Conflict;
        self.said
            .values()
            .filter(conflicting)
            .flat_map(Attachment::claims)
            .filter_map(|(_, code)| self.current(code?))
            .collect()
    }
}

impl Narrow {
    fn takes(&self, one: &Listed) -> bool {
        let told = match one.shared_receipt {
            Some(true) => YesNo::Yes,
            Some(false) => YesNo::No,
            None => YesNo::Unknown,
        };
        self.prefecture.is_none_or(|wanted| one.prefecture == Some(wanted))
            && self.kind.is_none_or(|wanted| one.kind == wanted)
            && self.line.is_none_or(|wanted| one.line == wanted)
            && self.topology.is_none_or(|wanted| one.topology == wanted)
            && self.update_choice.is_none_or(|wanted| one.update_choice == wanted)
            && self.shared_receipt.is_none_or(|wanted| told == wanted)
    }
}

impl Ledger {
    pub fn find(&self, asked: &Asked<'_>) -> Found {
        let inner = self.read();
        let query = Query::read(asked.words);
        let conflicts = match asked.narrow.state {
            Some(State::Conflict) => inner.in_conflict(),
            Some(State::WithTerminals | State::WithoutTerminals) | None => HashSet::new(),
        };
        let state = |one: &Listed| match asked.narrow.state {
            None => true,
            Some(State::WithTerminals) => inner.terminals_in(one.code) > 0,
            Some(State::WithoutTerminals) => inner.terminals_in(one.code) == 0,
            Some(State::Conflict) => conflicts.contains(&one.code),
        };
        let mut facilities: Vec<Arc<Listed>> = inner
            .listed
            .values()
            .filter(|one| asked.narrow.takes(one) && query.is_in(&one.search) && state(one))
            .cloned()
            .collect();
        match asked.order {
            Order::Code => {}
            Order::Name => facilities.sort_by_cached_key(|one| by_reading(one)),
            Order::Prefecture => facilities.sort_by_key(|one| one.prefecture.map_or(u8::MAX, |place| place.number())),
            Order::Terminals => {
                facilities.sort_by_cached_key(|one| std::cmp::Reverse(inner.terminals_in(one.code)));
            }
        }
        if asked.descending {
            facilities.reverse();
        }
        Found { facilities }
    }
}

fn by_reading(one: &Listed) -> String {
    kaishin_domain::fold::search_key(one.kana.as_deref().unwrap_or(&one.name))
}

#[cfg(test)]
mod tests {
    use kaishin_domain::facility::{ByHand, EarlierCode, Facility, Field, Kept};
    use kaishin_domain::id::TerminalId;
    use kaishin_domain::time::Time;

    use super::*;

    fn kept(code: &str, fields: &[(Field, &str)]) -> Kept {
        let mut facility = Facility::new(code.parse().expect("a code"), "無名");
        for (field, text) in fields {
            field.put(&mut facility, text).expect("a value");
        }
        Kept {
            facility,
            revision: 1,
            created_at: Time(0),
            updated_at: Time(0),
        }
    }

    fn ledger() -> Ledger {
        let ledger = Ledger::default();
        ledger.put_all(&[
            kept(
                "0110113719",
                &[
                    (Field::Name, "医療法人社団 髙﨑サクラ医院"),
                    (Field::Kana, "タカサキサクライイン"),
                    (Field::Address, "札幌市中央区1-2-3"),
                    (Field::Phones, "011-222-3333"),
                    (Field::Kind, "診療所"),
                ],
            ),
            kept(
                "1340000015",
                &[(Field::Name, "みどり薬局"), (Field::SharedReceipt, "はい")],
            ),
            kept("2710000015", &[(Field::Name, "うめ病院"), (Field::Kind, "病院")]),
        ]);
        ledger
    }

    fn names(ledger: &Ledger, words: &str) -> Vec<String> {
        let asked = Asked {
            words,
            ..Asked::default()
        };
        ledger
            .find(&asked)
            .facilities
            .iter()
            .map(|one| one.code.to_string())
            .collect()
    }

    #[test]
    fn whatever_a_caller_says_finds_the_facility() {
        let ledger = ledger();
        for words in [
            "高崎",
            "ｻｸﾗ",
            "さくら",
            "タカサキ",
            "3719",
            "0110113719",
            "0112223333",
            "011-222-3333",
            "２２２－３３３３",
            "札幌 さくら",
            "北海道",
            "中央区1-2-3",
            "+81-11-222-3333",
            "+81 11-222-3333",
            "011ｰ222ｰ3333",
            "011―222―3333",
            "TEL 011-222-3333",
            "011/222/3333",
            "011 222 3333",
            "医療法人社団 サクラ",
            "(医) 高崎",
        ] {
            assert_eq!(names(&ledger, words), ["0110113719"], "{words}");
        }
        assert_eq!(names(&ledger, "札幌 みどり"), [] as [&str; 0]);
        assert_eq!(names(&ledger, "").len(), 3);
    }

    #[test]
    fn the_list_is_narrowed_and_ordered() {
        let ledger = ledger();
        let find = |narrow: Narrow, order: Order, descending: bool| -> Vec<String> {
            let asked = Asked {
                words: "",
                narrow,
                order,
                descending,
            };
            ledger
                .find(&asked)
                .facilities
                .iter()
                .map(|one| one.name.to_string())
                .collect()
        };
        let shared = Narrow {
            shared_receipt: Some(YesNo::Yes),
            ..Narrow::default()
        };
        assert_eq!(find(shared, Order::Code, false), ["みどり薬局"]);
        let untold = Narrow {
            kind: Some(Some(Kind::Hospital)),
            shared_receipt: Some(YesNo::Unknown),
            ..Narrow::default()
        };
        assert_eq!(find(untold, Order::Code, false), ["うめ病院"]);
        let by_name = find(Narrow::default(), Order::Name, false);
        assert_eq!(by_name.first().map(String::as_str), Some("うめ病院"));
        let south = find(Narrow::default(), Order::Prefecture, true);
        assert_eq!(south.first().map(String::as_str), Some("うめ病院"));
    }

    #[test]
    fn terminals_follow_a_code_of_the_past_and_conflicts_are_found() {
        let ledger = ledger();
        let (sakura, midori) = (
            "0110113719".parse().expect("a code"),
            "1340000015".parse().expect("a code"),
        );
        let old: Code10 = "0110113700".parse().expect("a code");
        ledger.put_earlier(EarlierCode {
            code: old,
            facility: sakura,
            used_from: None,
            used_until: Some(Time(1)),
            reason: "移転".into(),
        });
        ledger.put_all(&[kept("0110113719", &[(Field::Name, "さくら医院")])]);
        let terminal = |n: u8| TerminalId::new(Time(0), [n; 10]);
        let reported = |code| Attachment {
            reported: Some(code),
            ..Attachment::default()
        };
        ledger.say(terminal(1), reported(old));
        ledger.say(
            terminal(2),
            Attachment {
                by_token: Some(sakura),
                ..reported(midori)
            },
        );
        assert_eq!(ledger.terminals(sakura), [terminal(1), terminal(2)]);
        assert_eq!(ledger.standing(terminal(1)), Standing::Attached);
        assert_eq!(ledger.claimed(midori), [terminal(2)]);
        for old in ["0110113700", "011-0113700", "01101137", "さくら 0110113700"] {
            assert_eq!(names(&ledger, old), ["0110113719"], "{old}");
        }
        let conflict = Asked {
            narrow: Narrow {
                state: Some(State::Conflict),
                ..Narrow::default()
            },
            ..Asked::default()
        };
        assert_eq!(ledger.find(&conflict).facilities.len(), 2, "both sides are shown");
        let decided = Attachment {
            by_hand: Some(ByHand {
                code: Some(midori),
                at: Time(2),
                by: "tanaka".into(),
                reason: "電話で確認".into(),
            }),
            ..ledger.said(terminal(2))
        };
        ledger.say(terminal(2), decided);
        assert_eq!(ledger.terminals(sakura), [terminal(1)]);
        assert_eq!(ledger.terminals(midori), [terminal(2)]);
        assert!(ledger.find(&conflict).facilities.is_empty());
        ledger.say(terminal(2), Attachment::default());
        assert!(ledger.terminals(midori).is_empty());
    }
}
