//! Windows' own log on a simulated terminal: what a machine of its age and luck has written, and what tests put there.

use kaishin_proto::time::{Span, Time};

use super::{Happened, Happenings, Sim, State};

const DAYS: i64 = 14;

impl Sim {
    /// Puts an entry into Windows' log.
    pub fn happens(&self, what: Happenings, happened: Happened) {
        self.lock().log.push((what, happened));
    }
}

impl State {
    /// The newest first.
    pub(super) fn happened(&self, what: Happenings, most: usize, now: Time) -> Vec<Happened> {
        let mut found: Vec<Happened> = self.past(what);
        found.extend(
            self.log
                .iter()
                .filter(|(of, _)| *of == what)
                .map(|(_, one)| one.clone()),
        );
        found.retain(|one| one.at <= now);
        found.sort_by_key(|one| std::cmp::Reverse(one.at));
        found.truncate(most);
        found
    }

    /// Of the days before this boot: the same whenever it is asked.
    fn past(&self, what: Happenings) -> Vec<Happened> {
        let unlucky = self.seed.is_multiple_of(4);
        let mut found = Vec::new();
        for day in 0..DAYS {
            let at = self.booted - Span::days(day);
            let bad_day = unlucky && day % 5 == 2;
            match what {
                Happenings::Restarts => found.extend(restart(at, &self.hostname, self.here.1, bad_day)),
                Happenings::WindowsUpdate if day % 7 == 3 => {
                    let update = "セキュリティ インテリジェンス更新プログラム KB2267602";
                    let source = "Microsoft-Windows-WindowsUpdateClient";
                    found.push(if unlucky {
                        entry(at, source, 20, 2, &["0x80240438", update])
                    } else {
                        entry(at, source, 19, 4, &[update])
                    });
                }
                Happenings::Programs if bad_day => {
                    let source = "Service Control Manager";
                    let later = at + Span::minutes(90);
                    found.push(entry(later, source, 7031, 2, &["OqsDistroApp", "1", "60000"]));
                    let place = format!(r"C:\Users\{}\AppData\Local\Microsoft\Edge", self.here.1);
                    let told = ["msedge.exe", &place, "c0000005"];
                    found.push(entry(later, "Application Error", 1000, 2, &told));
                }
                Happenings::Network if bad_day => {
                    let asked = ["hweb.oqs.onshikaku.org", "128"];
                    let source = "Microsoft-Windows-DNS-Client";
                    found.push(entry(at + Span::hours(2), source, 1014, 3, &asked));
                }
                Happenings::WindowsUpdate | Happenings::Programs | Happenings::Network => {}
            }
        }
        found
    }
}

/// Ordered by somebody, or without a word, as when the power goes.
fn restart(at: Time, hostname: &str, user: &str, suddenly: bool) -> Vec<Happened> {
    let kernel = "Microsoft-Windows-Kernel-General";
    let mut found = vec![entry(at, kernel, 12, 4, &["10", "0", "19044"])];
    if suddenly {
        let source = "Microsoft-Windows-Kernel-Power";
        found.push(entry(at + Span::seconds(9), source, 41, 1, &["0", "0x0"]));
    } else {
        let by = format!(r"{hostname}\{user}");
        let told = [r"C:\Windows\system32\shutdown.exe", hostname, "0x500ff", &by];
        found.push(entry(at - Span::seconds(70), "User32", 1074, 4, &told));
        found.push(entry(at - Span::seconds(40), kernel, 13, 4, &[]));
    }
    found
}

fn entry(at: Time, source: &str, number: u32, level: u8, values: &[&str]) -> Happened {
    Happened {
        at,
        source: source.to_owned(),
        number,
        level,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use kaishin_proto::clock::Clock;

    use super::*;
    use crate::os::Os;

    #[test]
    fn the_log_tells_only_of_what_was_asked_the_newest_first_and_no_more_than_wanted() {
        let clock = Clock::manual(Time(1_800_000_000_000_000));
        for n in 0..8 {
            let sim = Sim::new(7, n, clock.clone());
            for what in [
                Happenings::WindowsUpdate,
                Happenings::Restarts,
                Happenings::Programs,
                Happenings::Network,
            ] {
                let found = sim.happened(what, 5).unwrap();
                assert!(found.len() <= 5);
                assert!(found.is_sorted_by_key(|one| std::cmp::Reverse(one.at)));
                for one in &found {
                    let known = what.asked().iter().find(|asked| asked.source == one.source);
                    assert!(
                        known.is_some_and(|asked| asked.numbers.contains(&one.number)),
                        "{one:?}"
                    );
                }
            }
        }
    }
}
