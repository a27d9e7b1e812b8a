//! The protocol's numbers: versions and caps that both sides keep to.

use crate::v1::ProtocolRange;

pub const MAJOR: u32 = 1;
pub const MINOR: u32 = 2;
pub const OLDEST_MINOR: u32 = 0;

/// The minor from which on a terminal tells beforehand what a remedy would do.
pub const PLANS_SINCE: u32 = 2;

/// A section report of a terminal with many users stays well below this.
pub const MAX_MESSAGE: usize = 512 * 1024;
/// Of a record that was collected. All the work that an agent holds may be such, and what it sends after a long time away
/// still fits into what the server takes at once.
pub const MAX_RECORD: usize = 96 * 1024;
/// A terminal never needs to have more than this many messages under way.
pub const MAX_IN_FLIGHT: usize = 32;
/// Unfinished jobs that an agent's journal takes; it refuses the next, and a refusal is final.
pub const MOST_HELD: usize = 32;
/// Unfinished jobs that the server gives one terminal at a time. Far enough below what an agent takes that a server
/// and an agent who count differently for a moment refuse nothing.
pub const MOST_OFFERED: usize = 16;

pub fn our_protocol() -> ProtocolRange {
    ProtocolRange {
        major: MAJOR,
        minor: MINOR,
        oldest_minor: OLDEST_MINOR,
    }
}

/// The minor version both can speak, if there is one.
pub fn negotiate(ours: &ProtocolRange, theirs: &ProtocolRange) -> Option<u32> {
    let spoken = ours.minor.min(theirs.minor);
    let fits = ours.major == theirs.major && spoken >= ours.oldest_minor && spoken >= theirs.oldest_minor;
    fits.then_some(spoken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_minor_older_or_newer_works_and_another_major_does_not() {
        let range = |major, minor, oldest_minor| ProtocolRange {
            major,
            minor,
            oldest_minor,
        };
        let ours = range(1, 5, 3);
        for (theirs, spoken) in [
            (range(1, 5, 0), Some(5)),
            (range(1, 4, 0), Some(4)),
            (range(1, 6, 5), Some(5)),
            (range(1, 6, 6), None),
            (range(1, 2, 0), None),
            (range(2, 5, 0), None),
        ] {
            assert_eq!(negotiate(&ours, &theirs), spoken, "{theirs:?}");
        }
    }
}
