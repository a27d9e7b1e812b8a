//! How much one sender may send: so much at once, so much over time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use kaishin_domain::time::Time;

pub use crate::app::Rate;

/// A bucket that fills over time and is emptied by use.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    level: f64,
    at: Time,
}

impl Bucket {
    pub fn full(rate: Rate, now: Time) -> Bucket {
        Bucket {
            level: rate.burst,
            at: now,
        }
    }

    /// Whether so much may still be used; if so, it is.
    pub fn take(&mut self, rate: Rate, amount: f64, now: Time) -> bool {
        // A clock that jumps back fills nothing and loses nothing.
        let passed = now.since(self.at).0.max(0) as f64 / 1e6;
        self.at = now;
        self.level = (self.level + passed * rate.per_second).min(rate.burst);
        let enough = self.level >= amount;
        if enough {
            self.level -= amount;
        }
        enough
    }
}

/// Per source address, with a bound on how many are remembered.
pub struct PerAddress {
    rate: Rate,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

const REMEMBERED: usize = 20_000;

impl PerAddress {
    pub fn new(rate: Rate) -> PerAddress {
        PerAddress {
            rate,
            buckets: Mutex::default(),
        }
    }

    pub fn take(&self, address: IpAddr, now: Time) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= REMEMBERED && !buckets.contains_key(&address) {
            // Whoever is full again need not be remembered.
            let rate = self.rate;
            buckets.retain(|_, bucket| !bucket.clone().take(rate, rate.burst, now));
            if buckets.len() >= REMEMBERED {
                return false;
            }
        }
        buckets
            .entry(address)
            .or_insert_with(|| Bucket::full(self.rate, now))
            .take(self.rate, 1.0, now)
    }
}

#[cfg(test)]
mod tests {
    use kaishin_domain::time::Span;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_only_the_rate() {
        let rate = Rate {
            burst: 3.0,
            per_second: 2.0,
        };
        let now = Time(0);
        let mut bucket = Bucket::full(rate, now);
        assert!((0..3).all(|_| bucket.take(rate, 1.0, now)));
        assert!(!bucket.take(rate, 1.0, now));
        assert!(bucket.take(rate, 1.0, now + Span::millis(500)));
        assert!(!bucket.take(rate, 1.0, now - Span::hours(1)));
    }
}
