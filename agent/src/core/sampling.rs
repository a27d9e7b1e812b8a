//! When which sections are observed, and what of it is worth sending: what changed, what was asked for, and what an
//! earlier stream did not carry.

use std::collections::{BTreeMap, BTreeSet};

use kaishin_proto::convert;
use kaishin_proto::limits::MAX_MESSAGE;
use kaishin_proto::time::{Span, Time};
use kaishin_proto::v1;

use crate::chance::Chance;
use crate::facts;

const DAY: Span = Span::days(1);
const LONGEST_OBSERVE: u32 = 3_600;
/// However often somebody wants to see it, what is heavy is not looked at more often.
const HEAVY_EVERY: Span = Span::minutes(1);
/// Room for the envelope around the sections.
const REPORT: usize = MAX_MESSAGE / 2;

pub(super) struct Sampling {
    digests: BTreeMap<&'static str, Vec<u8>>,
    wanted: BTreeSet<&'static str>,
    /// To be sent even where nothing changed.
    whole: BTreeSet<&'static str>,
    /// Observed, and the server may not have it: goes up before any job event of the next stream.
    doubtful: BTreeSet<&'static str>,
    observing: Option<Observing>,
    /// The moment of the day, from 0 to a day, when this terminal looks at everything; none looks at the same moment.
    slot: Span,
    next_check: Option<Time>,
}

struct Observing {
    sections: Vec<&'static str>,
    every: Span,
    next: Time,
    next_heavy: Time,
    until: Time,
}

impl Sampling {
    pub fn new(chance: &mut Chance) -> Sampling {
        Sampling {
            digests: BTreeMap::new(),
            wanted: BTreeSet::new(),
            whole: BTreeSet::new(),
            doubtful: BTreeSet::new(),
            observing: None,
            slot: Span(chance.below(DAY.0 as u64) as i64),
            next_check: None,
        }
    }

    pub fn want_all(&mut self) {
        self.wanted.extend(facts::names());
    }

    /// What may have changed with a job, and costs little to look at.
    pub fn want_light(&mut self) {
        self.wanted.extend(facts::names().filter(|name| !facts::is_heavy(name)));
    }

    pub fn want(&mut self, section: &'static str) {
        self.wanted.insert(section);
    }

    pub fn doubt_all(&mut self) {
        self.doubtful.extend(facts::names());
    }

    pub fn want_whole(&mut self, sections: &[String]) {
        let known: Vec<_> = known(sections).collect();
        self.wanted.extend(&known);
        self.whole.extend(&known);
    }

    /// On a new stream: look again at what the server may not have.
    pub fn want_doubtful(&mut self) {
        self.wanted.extend(&self.doubtful);
        self.whole.extend(&self.doubtful);
    }

    /// Whether something has to go up before the jobs' events may.
    pub fn holds_back_events(&self) -> bool {
        !self.doubtful.is_empty()
    }

    pub fn is_ready(&self) -> bool {
        self.digests.len() == facts::names().count()
    }

    pub fn digests(&self) -> Vec<v1::SectionDigest> {
        let digest = |name| {
            self.digests.get(name).map(|digest| v1::SectionDigest {
                name: String::from(name),
                digest: digest.clone(),
            })
        };
        facts::names().filter_map(digest).collect()
    }

    pub fn observe(&mut self, asked: &v1::Observe, now: Time) {
        let seconds = asked.for_seconds.min(LONGEST_OBSERVE);
        let sections: Vec<_> = known(&asked.sections).collect();
        if seconds == 0 || asked.every_seconds == 0 || sections.is_empty() {
            self.observing = None;
            return;
        }
        self.observing = Some(Observing {
            sections,
            every: Span::seconds(i64::from(asked.every_seconds)),
            next: now,
            next_heavy: now,
            until: now + Span::seconds(i64::from(seconds)),
        });
    }

    pub fn stop_observing(&mut self) {
        self.observing = None;
    }

    pub fn next_timer(&self) -> Option<Time> {
        let observing = self
            .observing
            .as_ref()
            .map(|observing| observing.next.min(observing.until));
        [observing, self.next_check].into_iter().flatten().min()
    }

    pub fn tick(&mut self, now: Time) {
        if let Some(observing) = &mut self.observing
            && now >= observing.next
        {
            let heavy_too = now >= observing.next_heavy;
            let due = observing
                .sections
                .iter()
                .filter(|name| heavy_too || !facts::is_heavy(name));
            self.wanted.extend(due);
            observing.next = now + observing.every;
            if heavy_too {
                observing.next_heavy = now + observing.every.max(HEAVY_EVERY);
            }
        }
        if self.observing.as_ref().is_some_and(|observing| now >= observing.until) {
            self.observing = None;
        }
        match self.next_check {
            None => self.next_check = Some(self.next_slot(now)),
            Some(due) if now >= due => {
                self.want_all();
                self.next_check = Some(self.next_slot(now));
            }
            Some(_) => {}
        }
    }

    fn next_slot(&self, now: Time) -> Time {
        let today = Time(now.micros().div_euclid(DAY.0) * DAY.0) + self.slot;
        if today > now { today } else { today + DAY }
    }

    pub fn take_wanted(&mut self) -> Vec<String> {
        let wanted = std::mem::take(&mut self.wanted);
        facts::names()
            .filter(|name| wanted.contains(name))
            .map(str::to_owned)
            .collect()
    }

    /// Notes what was observed; gives back what should be sent now.
    pub fn take_in(&mut self, sections: Vec<v1::Section>, online: bool) -> Vec<v1::Section> {
        let mut worth = Vec::new();
        for section in sections {
            let Some(name) = facts::names().find(|name| *name == section.name) else {
                continue;
            };
            let first = !self.digests.contains_key(name);
            let changed = self.digests.insert(name, section.digest.clone()) != Some(section.digest.clone());
            let asked = self.whole.remove(name);
            if online && (changed || asked) {
                self.doubtful.remove(name);
                worth.push(section);
            } else if !online && changed && !first {
                // The first look is told by the hello's digests.
                self.doubtful.insert(name);
            }
        }
        worth
    }

    /// These belong to a job's result: the server must see them, changed or not.
    pub fn insist(&mut self, sections: &[v1::Section], online: bool) {
        let names = sections
            .iter()
            .filter_map(|section| facts::names().find(|name| *name == section.name));
        if online {
            self.whole.extend(names);
        } else {
            self.doubtful.extend(names);
        }
    }
}

fn known(sections: &[String]) -> impl Iterator<Item = &'static str> {
    facts::names().filter(|name| sections.iter().any(|section| section == name))
}

/// As few messages as the cap allows.
pub(super) fn messages(sections: Vec<v1::Section>) -> Vec<v1::FactReport> {
    let mut reports: Vec<v1::FactReport> = Vec::new();
    let mut size = 0;
    for section in sections {
        let length = convert::size(&section);
        match reports.last_mut() {
            Some(report) if size + length <= REPORT => {
                size += length;
                report.sections.push(section);
            }
            Some(_) | None => {
                size = length;
                reports.push(v1::FactReport {
                    sections: vec![section],
                });
            }
        }
    }
    reports
}
