//! Who must wait before trying a password again: per account against guessing one person's, per address against trying
//! one password on everybody. Waiting ends by itself; nobody can be locked out for good by a stranger's attempts.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use kaishin_domain::time::{Span, Time};

const ACCOUNT: Rule = Rule {
    free: 5,
    longest: Span::minutes(5),
};
/// A support desk of fifty sits behind one address.
const ADDRESS: Rule = Rule {
    free: 20,
    longest: Span::minutes(15),
};
const FORGET: Span = Span::hours(1);
const MOST: usize = 10_000;

/// In memory: a restart forgives, and costs an attacker more than it gives.
#[derive(Default)]
pub struct Throttle {
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    accounts: HashMap<String, Strikes>,
    addresses: HashMap<IpAddr, Strikes>,
    /// From where a person has signed in: there, other people's attempts on the account do not count.
    familiar: HashMap<(String, IpAddr), Time>,
}

#[derive(Clone, Copy)]
struct Strikes {
    count: u32,
    last: Time,
}

struct Rule {
    /// So many attempts cost nothing.
    free: u32,
    longest: Span,
}

impl Rule {
    /// One second, then twice as long each time.
    fn pause(&self, count: u32) -> Span {
        let Some(over) = count.checked_sub(self.free) else {
            return Span(0);
        };
        Span::seconds(1 << over.min(20)).min(self.longest)
    }

    fn wait(&self, strikes: Option<&Strikes>, now: Time) -> Span {
        let Some(strikes) = strikes.filter(|strikes| !strikes.is_over(now)) else {
            return Span(0);
        };
        (strikes.last + self.pause(strikes.count)).since(now).max(Span(0))
    }
}

impl Strikes {
    fn is_over(&self, now: Time) -> bool {
        now.since(self.last) >= FORGET
    }
}

impl Throttle {
    /// Counts the attempt before it is made, so that many at once are not all the first; `succeeded` takes it back.
    /// Err: how long to wait. Such an attempt is not made and does not count.
    pub(super) fn attempt(&self, name: &str, from: IpAddr, now: Time) -> Result<(), Span> {
        let from = neighbourhood(from);
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let tables = &mut *tables;
        let familiar = tables.familiar.contains_key(&(name.to_owned(), from));
        let account = if familiar {
            Span(0)
        } else {
            ACCOUNT.wait(tables.accounts.get(name), now)
        };
        let wait = account.max(ADDRESS.wait(tables.addresses.get(&from), now));
        if wait > Span(0) {
            return Err(wait);
        }
        if !familiar {
            strike(&mut tables.accounts, name.to_owned(), now);
        }
        strike(&mut tables.addresses, from, now);
        Ok(())
    }

    pub(super) fn succeeded(&self, name: &str, from: IpAddr, now: Time) {
        let from = neighbourhood(from);
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.accounts.remove(name);
        // Only this attempt: an account of one's own does not buy guesses at others'.
        if let Some(strikes) = tables.addresses.get_mut(&from) {
            strikes.count = strikes.count.saturating_sub(1);
        }
        bound(&mut tables.familiar, |at| *at);
        tables.familiar.insert((name.to_owned(), from), now);
    }
}

fn strike<K: Hash + Eq + Clone>(table: &mut HashMap<K, Strikes>, key: K, now: Time) {
    if !table.contains_key(&key) && table.len() >= MOST {
        table.retain(|_, strikes| !strikes.is_over(now));
        // Those with the most attempts stay: invented names must not push a real target out.
        bound(table, |strikes| (strikes.count, strikes.last));
    }
    let strikes = table.entry(key).or_insert(Strikes { count: 0, last: now });
    if strikes.is_over(now) {
        strikes.count = 0;
    }
    strikes.count = strikes.count.saturating_add(1);
    strikes.last = now;
}

/// Drops the lesser half of a table that is full.
fn bound<K: Hash + Eq + Clone, V, R: Ord>(table: &mut HashMap<K, V>, rank: impl Fn(&V) -> R) {
    if table.len() < MOST {
        return;
    }
    let mut ranked: Vec<(R, K)> = table.iter().map(|(key, value)| (rank(value), key.clone())).collect();
    ranked.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (_, key) in ranked.into_iter().take(MOST / 2) {
        table.remove(&key);
    }
}

/// One subscriber has a whole /64 of IPv6 addresses to try from.
fn neighbourhood(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V4(four) => IpAddr::V4(four),
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time(1_000_000_000);

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn after_five_failures_each_costs_twice_the_wait_of_the_one_before() {
        let throttle = Throttle::default();
        for n in 0..5 {
            assert_eq!(throttle.attempt("sato", address(n), START), Ok(()));
        }
        assert_eq!(throttle.attempt("sato", address(9), START), Err(Span::seconds(1)));
        assert_eq!(throttle.attempt("suzuki", address(9), START), Ok(()));
        let later = START + Span::seconds(1);
        assert_eq!(throttle.attempt("sato", address(9), later), Ok(()));
        assert_eq!(throttle.attempt("sato", address(9), later), Err(Span::seconds(2)));
    }

    #[test]
    fn nobody_is_locked_out_for_good() {
        let throttle = Throttle::default();
        let mut now = START;
        for n in 0..200 {
            if let Err(wait) = throttle.attempt("sato", address(n), now) {
                assert!(wait <= ACCOUNT.longest);
                now = now + wait;
                assert_eq!(throttle.attempt("sato", address(n), now), Ok(()));
            }
        }
        assert_eq!(throttle.attempt("sato", address(1_000), now + FORGET), Ok(()));
        assert_eq!(throttle.attempt("sato", address(1_001), now + FORGET), Ok(()));
    }

    #[test]
    fn a_stranger_does_not_keep_a_person_from_their_own_desk() {
        let throttle = Throttle::default();
        assert_eq!(throttle.attempt("sato", address(1), START), Ok(()));
        throttle.succeeded("sato", address(1), START);
        for n in 0..5 {
            assert_eq!(throttle.attempt("sato", address(100 + n), START), Ok(()));
        }
        assert!(throttle.attempt("sato", address(200), START).is_err());
        assert_eq!(throttle.attempt("sato", address(1), START), Ok(()));
    }

    #[test]
    fn one_address_cannot_go_through_all_accounts_even_with_an_account_of_its_own() {
        let throttle = Throttle::default();
        let mut tried = 0;
        for n in 0..100 {
            if throttle.attempt("mallory", address(1), START).is_ok() {
                throttle.succeeded("mallory", address(1), START);
            }
            if throttle.attempt(&format!("victim{n}"), address(1), START).is_ok() {
                tried += 1;
            }
        }
        assert!(tried <= ADDRESS.free, "{tried}");
    }

    #[test]
    fn a_whole_ipv6_network_counts_as_one_address() {
        let one: IpAddr = "2001:db8::1".parse().expect("an address");
        let other: IpAddr = "2001:db8::ffff:1".parse().expect("an address");
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().expect("an address");
        assert_eq!(neighbourhood(one), neighbourhood(other));
        assert_eq!(
            neighbourhood(mapped),
            "192.0.2.1".parse::<IpAddr>().expect("an address")
        );
    }

    #[test]
    fn memory_is_bounded_and_invented_names_do_not_push_a_target_out() {
        let throttle = Throttle::default();
        for n in 0..5 {
            assert_eq!(throttle.attempt("sato", address(n), START), Ok(()));
        }
        for n in 0..30_000 {
            assert_eq!(throttle.attempt(&format!("x{n}"), address(1_000 + n), START), Ok(()));
        }
        let tables = throttle.tables.lock().expect("the tables");
        assert!(tables.accounts.len() <= MOST && tables.addresses.len() <= MOST);
        assert_eq!(tables.accounts.get("sato").map(|strikes| strikes.count), Some(5));
    }
}
