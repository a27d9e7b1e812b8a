//! When a terminal was last here. A machine that was replaced is away from when its successor came, and two that were never
//! here together do not share what the one was given in the other's place.

use kaishin_proto::time::{Span, Time};

/// As long as a machine may be away for a repair or a holiday.
const AWAY: Span = Span::days(14);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stay {
    from: Time,
    until: Time,
}

impl Stay {
    /// Who is here has no end yet; who never said when has neither.
    pub fn of(online_since: Option<Time>, last_seen: Option<Time>) -> Stay {
        let (first, last) = (Time(i64::MIN), Time(i64::MAX));
        match (online_since, last_seen) {
            (Some(from), _) => Stay { from, until: last },
            (None, Some(seen)) => Stay {
                from: seen,
                until: seen,
            },
            (None, None) => Stay {
                from: first,
                until: last,
            },
        }
    }

    pub fn meets(self, other: Stay) -> bool {
        self.from <= other.left() && other.from <= self.left()
    }

    /// When it counts as replaced, unless it returns.
    fn left(self) -> Time {
        Time(self.until.0.saturating_add(AWAY.0))
    }
}

/// Those that meet another. As many as a cloned image has copies, so no pair of them is looked at twice.
pub(super) fn meeting(mut stays: Vec<(Stay, u32)>) -> Vec<u32> {
    stays.sort_unstable_by_key(|(stay, _)| stay.from);
    let mut met = Vec::new();
    let mut longest: Option<Stay> = None;
    for (n, (stay, slot)) in stays.iter().enumerate() {
        // Of those that began before, the one that stayed longest; of those that began later, the next.
        let next = stays.get(n + 1).map(|(next, _)| *next);
        if [longest, next].into_iter().flatten().any(|other| stay.meets(other)) {
            met.push(*slot);
        }
        longest = longest.filter(|longest| longest.until >= stay.until).or(Some(*stay));
    }
    met
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_meets_another_is_found_without_looking_at_each_pair() {
        let day = |days: i64| Some(Time(0) + Span::days(days));
        let kinds = [
            Stay::of(None, None),
            Stay::of(None, day(0)),
            Stay::of(None, day(14)),
            Stay::of(None, day(29)),
            Stay::of(day(10), day(10)),
            Stay::of(day(50), day(50)),
            Stay::of(None, day(70)),
        ];
        let most = kinds.len();
        for n in 0..most.pow(4) {
            let pick = |place: u32| kinds[n / most.pow(place) % most];
            let slots: Vec<(Stay, u32)> = (0..4).map(|place| (pick(place), place)).collect();
            let mut met = meeting(slots.clone());
            met.sort_unstable();
            let meets = |stay: Stay, slot: u32| slots.iter().any(|(other, of)| *of != slot && stay.meets(*other));
            let pairwise = slots.iter().filter(|(stay, slot)| meets(*stay, *slot));
            assert_eq!(met, pairwise.map(|(_, slot)| *slot).collect::<Vec<u32>>(), "{slots:?}");
        }
    }

    #[test]
    fn a_machine_that_was_replaced_meets_its_successor_no_more() {
        let day = |days: i64| Some(Time(0) + Span::days(days));
        for (one, other, meets) in [
            (Stay::of(None, day(0)), Stay::of(day(30), day(30)), false),
            (Stay::of(None, day(0)), Stay::of(None, day(30)), false),
            (Stay::of(None, day(20)), Stay::of(day(30), day(30)), true),
            // The successor has been here without a break for longer than the other was away.
            (Stay::of(None, day(50)), Stay::of(day(30), day(30)), true),
            (Stay::of(day(1), day(1)), Stay::of(day(90), day(90)), true),
            (Stay::of(None, None), Stay::of(None, day(90)), true),
        ] {
            assert_eq!(
                (one.meets(other), other.meets(one)),
                (meets, meets),
                "{one:?} {other:?}"
            );
        }
    }
}
