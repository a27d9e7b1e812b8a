//! The people in front of a simulated terminal and what they see and do: who is there, notices on the screen, and restarts
//! that take their time.

use std::collections::VecDeque;

use kaishin_proto::time::{Span, Time};

use super::clinic::updates;
use super::{REBOOT_REQUIRED, Sim, State, site};
use crate::os::{Heard, Hive, Notice, Presence, RegistryValue, UpdateResults, UpdateRun};

/// From the order to restart to a machine that works again.
const RESTART_TAKES: Span = Span::seconds(40);
/// What became of a notice longer ago than this is not heard any more.
const COUNTS_FOR: Span = Span::seconds(30);

pub(super) struct Desk {
    idle: Span,
    pub on_battery: bool,
    pub updating: bool,
    pub answer: Heard,
    pub shown: Vec<Notice>,
    standing: Option<(Notice, Time)>,
    pub held: bool,
    down_until: Option<Time>,
    running: Vec<String>,
    after_boot: Vec<String>,
    /// How many restarts the distribution software needs yet until no update is left.
    pub rounds: u32,
    /// What it will write about itself, and when.
    script: VecDeque<(Time, &'static str)>,
    pub updates: Updates,
    /// In place of what the terminal itself would say.
    pub results: Option<UpdateResults>,
    began: Option<Time>,
}

/// What Windows Update will find and how it will fare.
#[derive(Clone, Debug)]
pub struct Updates {
    pub waiting: u32,
    /// For each of search, download and installation.
    pub takes: Span,
    /// Codes that it fails with first, one for each try.
    pub fails: VecDeque<u32>,
}

impl Default for Desk {
    fn default() -> Desk {
        let services = || ["OqsComApp", "OqsDistroApp"].map(str::to_owned).to_vec();
        Desk {
            idle: Span::hours(1),
            on_battery: false,
            updating: false,
            answer: Heard::Waiting,
            shown: Vec::new(),
            standing: None,
            held: false,
            down_until: None,
            running: services(),
            after_boot: services(),
            rounds: 1,
            script: VecDeque::new(),
            updates: Updates {
                waiting: 2,
                takes: Span::minutes(10),
                fails: VecDeque::new(),
            },
            results: None,
            began: None,
        }
    }
}

impl Desk {
    pub fn presence(&self, signed_in: bool) -> Presence {
        if signed_in {
            Presence::Idle(self.idle)
        } else {
            Presence::Nobody
        }
    }

    pub fn set_presence(&mut self, presence: Presence) {
        self.idle = match presence {
            Presence::Nobody => Span::hours(1),
            Presence::Idle(idle) => idle,
        };
    }

    pub fn running(&self, services: &[String]) -> Vec<String> {
        let runs = |name: &&String| self.running.contains(name);
        services.iter().filter(runs).cloned().collect()
    }

    pub fn set_running(&mut self, now: &[&str], after_boot: &[&str]) {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        self.running = owned(now);
        self.after_boot = owned(after_boot);
    }

    /// Of a notice that stands there or has just gone.
    pub fn heard(&mut self, notice: &Notice, now: Time) -> Option<Heard> {
        let told = |(standing, until): &&(Notice, Time)| standing == notice && now <= *until + COUNTS_FOR;
        let (_, until) = self.standing.as_ref().filter(told)?;
        let heard = match self.answer {
            Heard::Waiting | Heard::Nobody if now < *until => return Some(Heard::Waiting),
            Heard::Waiting | Heard::Nobody | Heard::Unanswered => Heard::Unanswered,
            // There is no such button.
            Heard::Refused if !notice.may_refuse => Heard::Agreed,
            answer @ (Heard::Refused | Heard::Agreed) => answer,
        };
        self.standing = None;
        Some(heard)
    }

    pub fn notice(&mut self, notice: &Notice, seen: bool, now: Time) -> Heard {
        if !seen {
            self.standing = None;
            return Heard::Nobody;
        }
        if let Some(heard) = self.heard(notice, now) {
            return heard;
        }
        self.shown.push(notice.clone());
        self.standing = Some((notice.clone(), now + notice.within));
        self.heard(notice, now).unwrap_or(Heard::Waiting)
    }

    pub fn goes_down(&mut self, now: Time) {
        if !self.held {
            self.down_until.get_or_insert(now + RESTART_TAKES);
        }
    }

    pub fn down_for(&self, now: Time) -> Option<Span> {
        self.down_until.map(|until| until.since(now))
    }

    /// It looks for updates, fetches and applies them.
    pub fn refreshes(&mut self, now: Time) {
        let end = if self.rounds > 0 {
            "再起動待ち"
        } else {
            "未適用更新ファイルなし"
        };
        let at = |minutes, word| (now + Span::minutes(minutes), word);
        self.script = VecDeque::from([at(0, "ダウンロード中"), at(8, "アップデート中"), at(18, end)]);
    }

    /// What it has last written by now, if anything since it was asked before.
    pub fn written(&mut self, now: Time) -> Option<(Time, &'static str)> {
        let mut last = None;
        while let Some(written) = self.script.front().copied().filter(|(at, _)| *at <= now) {
            last = Some(written);
            self.script.pop_front();
        }
        last
    }

    pub fn begins_update(&mut self, now: Time) {
        self.began.get_or_insert(now);
    }

    pub fn update_run(&mut self, now: Time) -> UpdateRun {
        let Some(began) = self.began else {
            return UpdateRun::Idle;
        };
        let Updates { waiting, takes, .. } = self.updates;
        match now.since(began).0 / takes.0.max(1) {
            0 => return UpdateRun::Searching,
            1 if waiting > 0 => return UpdateRun::Downloading { updates: waiting },
            2 if waiting > 0 => return UpdateRun::Installing { updates: waiting },
            _ => {}
        }
        self.began = None;
        if let Some(code) = self.updates.fails.pop_front() {
            return UpdateRun::Failed { code };
        }
        self.updates.waiting = 0;
        UpdateRun::Done { installed: waiting }
    }

    pub fn starts(&mut self) {
        self.began = None;
        if self.script.is_empty() {
            self.rounds = self.rounds.saturating_sub(1);
        }
        self.script.clear();
        self.down_until = None;
        self.standing = None;
        self.running.clone_from(&self.after_boot);
    }
}

impl Sim {
    pub fn set_presence(&self, presence: Presence) {
        self.lock().desk.set_presence(presence);
    }

    pub fn set_on_battery(&self, on_battery: bool) {
        self.lock().desk.on_battery = on_battery;
    }

    pub fn set_updating(&self, updating: bool) {
        self.lock().desk.updating = updating;
    }

    /// What people do about the notices that they see from now on; `Waiting` is nothing.
    pub fn set_answer(&self, answer: Heard) {
        self.lock().desk.answer = answer;
    }

    /// Every notice that was ever shown.
    pub fn notices(&self) -> Vec<Notice> {
        self.lock().desk.shown.clone()
    }

    /// A program with unsaved work keeps the machine from restarting, or no more.
    pub fn hold_restarts(&self, held: bool) {
        self.lock().desk.held = held;
    }

    /// These services run, from now on or from the next boot on.
    pub fn set_running(&self, now: &[&str], after_boot: &[&str]) {
        self.lock().desk.set_running(now, after_boot);
    }

    /// What Windows Update finds from now on, and how it fares.
    pub fn set_updates(&self, updates: Updates) {
        self.lock().desk.updates = updates;
    }

    /// What Windows Update says of its past from now on, whatever becomes of it.
    pub fn set_update_results(&self, results: UpdateResults) {
        self.lock().desk.results = Some(results);
    }

    /// How many restarts the distribution software needs until no update is left.
    pub fn set_distribution_rounds(&self, rounds: u32) {
        self.lock().desk.rounds = rounds;
    }

    pub fn boots(&self) -> u32 {
        self.lock().boots
    }
}

impl State {
    /// As Windows Update notes its results.
    pub(super) fn note_update(&mut self, run: UpdateRun, now: Time) {
        let (code, installed) = match run {
            UpdateRun::Done { installed } => (None, installed),
            UpdateRun::Failed { code } => (Some(code), 0),
            UpdateRun::Idle | UpdateRun::Searching | UpdateRun::Downloading { .. } | UpdateRun::Installing { .. } => {
                return;
            }
        };
        let own = &mut self.image.own;
        let mut note = |name, value| own.set(Hive::LocalMachine, updates::RESULTS, name, value);
        match code {
            Some(code) => {
                note(updates::FAILED, updates::noted(now));
                note(updates::CODE, RegistryValue::dword(code));
            }
            None => note(updates::SEARCHED, updates::noted(now)),
        }
        if installed > 0 {
            note(updates::INSTALLED, updates::noted(now));
        }
        if installed > 0 {
            own.set(Hive::LocalMachine, REBOOT_REQUIRED, "", RegistryValue::dword(1));
        }
    }

    pub(super) fn distribution_writes(&mut self, now: Time) {
        if let Some((at, word)) = self.desk.written(now) {
            let line = format!("{word}\r\n");
            let bytes = encoding_rs::SHIFT_JIS.encode(&line).0.into_owned();
            self.image
                .own
                .file(&site::profile().distribution.status_file, bytes, at);
        }
    }

    /// A new boot at this moment.
    pub(super) fn starts(&mut self, at: Time) {
        self.boots += 1;
        self.booted = at;
        self.image.remove_key(Hive::LocalMachine, REBOOT_REQUIRED);
        self.desk.starts();
        self.refresh_policy(at);
        self.browser_starts(at);
    }
}
