//! From an expression to the terminals of which it is true, or false: sets instead of one terminal after another.

use kaishin_domain::expr::{
    Attribute, Expr, Field, Literal, Phrase, SEARCHED_FACTS, SEVERITIES, SHORTEST_ID, Standing, Term, Truth3,
    id_begins_with, narrowing,
};
use kaishin_domain::fold::Word;
use kaishin_proto::time::{Span, Time};
use kaishin_proto::value::Value;
use roaring::{MultiOps, RoaringBitmap};

use super::column::{Dictionary, collect};
use super::fleet::{Column, Fleet, NEVER};

/// So many values are compared with a pattern sooner than they are searched for. Tests take both ways.
const FEW_VALUES: usize = if cfg!(test) { 4 } else { 1_024 };

impl Fleet {
    /// The slots of which the expression is `wanted`: not those of which it is unknown.
    pub fn select(&self, expr: &Expr, wanted: bool, now: Time) -> RoaringBitmap {
        match expr {
            Expr::Always => self.everyone(wanted),
            Expr::Not(inner) => self.select(inner, !wanted, now),
            Expr::And(of) => self.join(narrowing(of), wanted, wanted, now),
            Expr::Or(of) => self.join(of.iter(), wanted, !wanted, now),
            Expr::Text(phrase) => self.yes_or_no(self.with_word(phrase), wanted),
            Expr::Term(term) => match self.of_today(term) {
                Some(term) => self.select_term(&term, wanted, now),
                None => self.select_term(term, wanted, now),
            },
        }
    }

    /// All of them must be `wanted`, or any.
    fn join<'a>(&self, of: impl Iterator<Item = &'a Expr>, wanted: bool, all: bool, now: Time) -> RoaringBitmap {
        let mut joined: Option<RoaringBitmap> = None;
        for expr in of {
            if all && joined.as_ref().is_some_and(RoaringBitmap::is_empty) {
                break;
            }
            let next = self.select(expr, wanted, now);
            joined = Some(match joined {
                None => next,
                Some(so_far) if all => so_far & next,
                Some(so_far) => so_far | next,
            });
        }
        joined.unwrap_or_else(|| self.everyone(all))
    }

    fn everyone(&self, yes: bool) -> RoaringBitmap {
        if yes { self.all.clone() } else { RoaringBitmap::new() }
    }

    /// Where nothing is unknown, what is not true is false.
    fn yes_or_no(&self, holds: RoaringBitmap, wanted: bool) -> RoaringBitmap {
        if wanted { holds } else { &self.all - holds }
    }

    /// A facility's code of the past means the one it has today.
    fn of_today(&self, term: &Term) -> Option<Term> {
        let (Field::Institution | Field::Facility(Attribute::Code), Literal::Text(code)) =
            (term.field(), term.literal())
        else {
            return None;
        };
        let today = self.ledger.today(code.folded())?;
        Term::new(term.field(), term.op(), Literal::Text(Phrase::new(today.to_string())))
    }

    /// Those that have the word themselves, and those that stand in a facility which has it.
    fn with_word(&self, phrase: &Phrase) -> RoaringBitmap {
        let sought = Word::new(phrase.raw());
        if sought.key().is_empty() {
            return self.all.clone();
        }
        let mut found = self.having_word(&sought);
        let word = phrase.folded();
        // The first eight digits decide for nearly all ids without spelling them out.
        if let Some(head) = word
            .get(..SHORTEST_ID)
            .and_then(|head| u32::from_str_radix(head, 16).ok())
        {
            let head = head.to_be_bytes();
            for slot in (0_u32..).zip(&self.ids).filter(|(_, id)| id.bytes().starts_with(&head)) {
                if self.all.contains(slot.0) && id_begins_with(*slot.1, word) {
                    found.insert(slot.0);
                }
            }
        }
        found
    }

    pub fn having_word(&self, word: &Word) -> RoaringBitmap {
        self.finder.having(word) | self.standing_in(&self.ledger.finder.having(word))
    }

    fn select_term(&self, term: &Term, wanted: bool, now: Time) -> RoaringBitmap {
        match term.field() {
            Field::Fact(fact) => match self.column(fact.key) {
                None => self.everyone(term.of_unknown() == Truth3::from(wanted)),
                Some(Column::Values(values)) if SEARCHED_FACTS.contains(&fact.key) => {
                    self.searched_text(values, term, wanted, now)
                }
                Some(Column::Values(values)) => values.select(term, wanted, &self.all, now),
                Some(Column::Sets(sets)) if *term.literal() == Literal::Absent => {
                    sets.whole.select(term, wanted, &self.all, now)
                }
                Some(Column::Sets(sets)) => self.having(term, wanted, sets.whole.known(), sets.items()),
                Some(Column::Times(moments)) => {
                    moments.select(term, wanted, &self.all, |at| term.of_time(Some(Time(at)), now))
                }
                Some(Column::Durations(moments)) => moments.select(term, wanted, &self.all, |span| {
                    term.of_value(Some(&Value::Duration(Span(span))), now)
                }),
            },
            Field::Hostname => self.searched_text(&self.hostname, term, wanted, now),
            Field::Institution => self.searched_text(&self.institution, term, wanted, now),
            Field::Id => {
                let fits = |slot: usize| term.of_text(Some(&self.ids[slot].to_string())) == Truth3::from(wanted);
                collect(self.ids.len(), fits) & &self.all
            }
            Field::LastSeen => self.seen(term, wanted, now),
            Field::Online => {
                let answers = |online| term.of_truth(Some(online)) == Truth3::from(wanted);
                self.halves(&self.online, answers(true), answers(false))
            }
            Field::State => self.standing(term, wanted),
            Field::Fault => {
                let faults = self.faults.iter().map(|(rule, slots)| (rule.as_str(), slots));
                self.having(term, wanted, &self.all, faults)
            }
            Field::Severity => {
                let severities = SEVERITIES.map(|severity| (severity, self.with_severity(severity)));
                let items = severities.iter().map(|(severity, slots)| (*severity, slots));
                self.having(term, wanted, &self.all, items)
            }
            Field::Job | Field::JobState | Field::JobOf(_) => {
                let items = self.jobs.items(term.field());
                let items = items.iter().map(|(item, slots)| (*item, slots));
                self.having(term, wanted, &self.all, items)
            }
            Field::Facility(Attribute::Name) => self.searched_text(self.attribute(Attribute::Name), term, wanted, now),
            Field::Facility(attribute) => self.attribute(attribute).select(term, wanted, &self.all, now),
        }
    }

    /// A text that bare words are looked for in: the search finds the few that can be like a pattern.
    fn searched_text(&self, values: &Dictionary, term: &Term, wanted: bool, now: Time) -> RoaringBitmap {
        if let Literal::Text(phrase) = term.literal()
            && term.is_pattern()
            && values.len() > FEW_VALUES
        {
            let pieces = phrase.folded().split('*');
            let longest = pieces.max_by_key(|piece| piece.len()).unwrap_or_default();
            return values.select_among(term, wanted, &self.search.select(longest), now);
        }
        values.select(term, wanted, &self.all, now)
    }

    /// Those inside a set, those outside, both or none.
    fn halves(&self, inside: &RoaringBitmap, with_inside: bool, with_outside: bool) -> RoaringBitmap {
        match (with_inside, with_outside) {
            (true, true) => self.all.clone(),
            (true, false) => inside.clone(),
            (false, true) => &self.all - inside,
            (false, false) => RoaringBitmap::new(),
        }
    }

    fn seen(&self, term: &Term, wanted: bool, now: Time) -> RoaringBitmap {
        let answers = |seen| term.of_time(seen, now) == Truth3::from(wanted);
        let (of_now, of_never) = (answers(Some(now)), answers(None));
        let away = collect(self.last_seen.len(), |slot| match self.last_seen[slot] {
            NEVER => of_never,
            at => answers(Some(at)),
        });
        let away = (away & &self.all) - &self.online;
        if of_now { away | &self.online } else { away }
    }

    pub fn with_standing(&self, standing: Standing) -> RoaringBitmap {
        match standing {
            Standing::Active => ((&self.all - &self.revoked) - &self.duplicate) - &self.incompatible,
            Standing::Revoked => self.revoked.clone(),
            Standing::Duplicate => self.duplicate.clone(),
            Standing::Incompatible => self.incompatible.clone(),
        }
    }

    fn standing(&self, term: &Term, wanted: bool) -> RoaringBitmap {
        let wanted = Truth3::from(wanted);
        let inside = if let Literal::Standing(standing) = term.literal() {
            self.with_standing(*standing)
        } else {
            RoaringBitmap::new()
        };
        let (with, without) = (term.of_standing(|_| true), term.of_standing(|_| false));
        self.halves(&inside, with == wanted, without == wanted)
    }

    /// Of a field with several texts, of which some slots have each: those that have one that the term asks for.
    fn having<'a>(
        &self,
        term: &Term,
        wanted: bool,
        known: &RoaringBitmap,
        items: impl Iterator<Item = (&'a str, &'a RoaringBitmap)>,
    ) -> RoaringBitmap {
        let wanted = Truth3::from(wanted);
        let of = |items: &[&str]| term.of_several(Some(items.iter().copied()));
        let without = of(&[]);
        if *term.literal() == Literal::Unknown {
            let unknown = term.of_unknown() == wanted;
            let mut found = if unknown {
                &self.all - known
            } else {
                RoaringBitmap::new()
            };
            if without == wanted {
                found |= known;
            }
            return found;
        }
        let fitting = items.filter(|(item, _)| of(&[item]) != without);
        let inside = fitting.map(|(_, slots)| slots).union();
        if without == wanted { known - inside } else { inside }
    }
}
