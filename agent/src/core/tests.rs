//! The core against a model of the server, of the machine and of a disk that loses what was not synced. Time is a number
//! here; a crash is a number of effects.

mod caps;
mod code;
mod consent;
mod crashes;
mod daily_life;
mod guided;
mod jobs;
mod plans;
mod sick;
mod site;
mod words;

use std::collections::{BTreeMap, VecDeque};

use kaishin_proto::calendar::Hours;
use kaishin_proto::clock::Clock;
use kaishin_proto::convert::{remedy_from_wire, remedy_to_wire, value_from_wire};
use kaishin_proto::id::JobId;
use kaishin_proto::limits;
use kaishin_proto::profile::Profile;
use kaishin_proto::time::{Span, Time};
use kaishin_proto::v1;
use kaishin_proto::value::Value;

use super::book::{Book, Entry, Playbook};
use super::*;
use crate::facts::network::{ARP_OFFLOAD, CLASS};
use crate::facts::power::{HIBERBOOT, SESSION_POWER};
use crate::facts::time::PARAMETERS;
use crate::facts::update::{AU, POLICY, SETTINGS};
use crate::facts::{self, About, proxy};
use crate::guide::{Answer, How};
use crate::os::sim::Sim;
use crate::os::{Hive, Os, OsError, RegistryValue, Sleep};
use crate::preg::Policy;
use crate::remedies::{self, Acted, Around, Found, Probed, Story, Told, Touch, edge_extension_swap};

pub(super) const START: Time = Time(1_800_000_000_000_000);
const LIFE: Span = Span::days(30);

/// Everything around one core.
struct World {
    core: Option<Core>,
    now: Time,
    os: Sim,
    clock: Clock,
    playbook: Playbook,
    /// What the disk is sure to hold, and what a power cut would take.
    durable: Vec<Entry>,
    unsynced: Vec<Entry>,
    identity: Option<Identity>,
    events: VecDeque<Event>,
    /// Points at which the power may go: before each effect, and between an act and the word of it.
    points: usize,
    cut_at: Option<usize>,
    /// Until then, after the power went.
    off_until: Option<Time>,
    at_cut: Option<AtCut>,
    /// The line breaks under this message, counted from the start; it and what is said after it are lost.
    break_at: Option<usize>,
    said: usize,
    /// How often yet a writing step is not ready to be done.
    stalls: u32,
    /// So often the machine fails in that step, after that.
    failures: u32,
    /// Of the person at the terminal, question by question; nothing is silence, and who is asked more often says yes.
    answers: VecDeque<Option<Answer>>,
    acts: BTreeMap<(JobId, usize), u32>,
    server: Server,
    starts: u64,
    exited: bool,
    effects: Vec<String>,
    /// On the disk.
    kept_profile: u32,
    /// In place of the one that the agent was built with.
    profile: Option<Profile>,
    refused_profile: Option<String>,
    kept_hours: Hours,
}

#[derive(Default)]
struct Server {
    up: bool,
    open: bool,
    sent: Vec<Up>,
    offers: BTreeMap<JobId, v1::JobOffer>,
    results: BTreeMap<JobId, Vec<v1::JobResult>>,
    steps: Vec<(JobId, u32, v1::job_step::Phase)>,
    /// Of steps and results.
    said: Vec<String>,
    records: BTreeMap<JobId, v1::JobRecord>,
    sections: BTreeMap<String, v1::Section>,
    acknowledges: bool,
    return_within_ms: u32,
    answer: Option<Enrolment>,
    failure: Option<Failure>,
    /// By how much its clock is ahead of the terminal's.
    ahead: Span,
}

/// The power went.
struct Cut;

/// How things stood when it did.
struct AtCut {
    /// Somebody had said yes.
    agreed: bool,
    writes: u64,
    /// The one that was under way included.
    boots: u32,
}

impl World {
    fn new(seed: u64) -> World {
        World::with_playbook(seed, remedies::steps)
    }

    fn with_playbook(seed: u64, playbook: Playbook) -> World {
        let clock = Clock::manual(START);
        let mut world = World {
            core: None,
            now: START,
            os: Sim::new(seed, 1, clock.clone()),
            clock,
            playbook,
            durable: Vec::new(),
            unsynced: Vec::new(),
            identity: None,
            events: VecDeque::new(),
            points: 0,
            cut_at: None,
            off_until: None,
            at_cut: None,
            break_at: None,
            said: 0,
            acts: BTreeMap::new(),
            stalls: 0,
            failures: 0,
            answers: VecDeque::new(),
            server: Server {
                up: true,
                acknowledges: true,
                ..Server::default()
            },
            starts: seed * 1_000,
            exited: false,
            effects: Vec::new(),
            kept_profile: 0,
            profile: None,
            refused_profile: None,
            kept_hours: Hours::default(),
        };
        world.os.poke(
            Hive::LocalMachine,
            SESSION_POWER,
            HIBERBOOT,
            Some(RegistryValue::dword(1)),
        );
        world.start();
        world
    }

    /// A new process on the same disk.
    fn start(&mut self) {
        self.starts += 1;
        while let Some(left) = self.os.down_for() {
            self.clock.advance(left);
            self.now = self.clock.now();
        }
        let config = Config {
            seed: self.starts,
            instance: [self.starts as u8; 16],
            agent_version: "0.1.0".into(),
            protocol: limits::our_protocol(),
            heartbeat: None,
            backoff: Backoff::default(),
            playbook: self.playbook,
            profile_version: self.kept_profile,
            hours: self.kept_hours.clone(),
        };
        self.unsynced.clear();
        self.server.open = false;
        let book = Book::replay(self.durable.clone());
        self.core = Some(Core::new(config, self.identity.clone(), book));
        self.events = VecDeque::from([Event::Started]);
    }

    fn core(&mut self) -> &mut Core {
        self.core.as_mut().unwrap()
    }

    fn status(&self) -> &Status {
        self.core.as_ref().unwrap().status()
    }

    fn online(seed: u64) -> World {
        let mut world = World::new(seed);
        world.settle();
        assert!(matches!(world.status(), Status::Online { .. }), "{:?}", world.status());
        world.server.sent.clear();
        world
    }

    /// Until nothing happens any more without time passing. A cut of the power is a new start.
    fn settle(&mut self) {
        while let Some(event) = self.events.pop_front() {
            if self.exited {
                return;
            }
            let now = self.now;
            let effects = self.core().handle(event, now);
            for effect in effects {
                if let Err(Cut) = self.perform(effect) {
                    self.start();
                    break;
                }
            }
        }
    }

    fn tell(&mut self, event: Event) {
        self.events.push_back(event);
        self.settle();
    }

    fn say(&mut self, message: Down) {
        if self.server.open {
            self.tell(Event::Received(message));
        }
    }

    /// Lets time pass, as the shell would: to each timer in its turn.
    fn pass(&mut self, span: Span) {
        let until = self.now + span;
        for _ in 0..100_000 {
            let Some(next) = self.core().next_timer().filter(|next| *next <= until) else {
                self.clock.advance(until.since(self.now));
                self.now = until;
                return;
            };
            let next = next.max(self.now);
            self.clock.advance(next.since(self.now));
            self.now = next;
            self.tell(Event::Timer);
        }
        panic!("the core wakes without end");
    }

    fn point(&mut self) -> Result<(), Cut> {
        self.points += 1;
        if self.cut_at != Some(self.points) {
            return Ok(());
        }
        if let Some(until) = self.off_until {
            let said_yes = |entry: &Entry| matches!(entry, Entry::Job(entry) if matches!(entry.what, book::What::Consented { .. }));
            self.at_cut = Some(AtCut {
                agreed: self.durable.iter().any(said_yes),
                writes: self.os.writes(),
                boots: self.os.boots() + u32::from(self.os.down_for().is_some()),
            });
            self.server.open = false;
            self.clock.advance(until.since(self.now));
            self.now = until;
        }
        Err(Cut)
    }

    fn perform(&mut self, effect: Effect) -> Result<(), Cut> {
        self.point()?;
        self.effects.push(format!("{effect:?}"));
        match effect {
            Effect::Status(_) | Effect::Note(_) | Effect::ShowCode(_) => {}
            Effect::Enrol => self.enrol(),
            Effect::Open => {
                let failure = self.server.failure.clone();
                let failure = failure.or_else(|| (!self.server.up).then(|| Failure::Line("down".into())));
                self.server.open = failure.is_none();
                self.break_at = self.break_at.filter(|at| *at > 0);
                self.events.push_back(failure.map_or(Event::Opened, Event::OpenFailed));
            }
            Effect::Send(message) => self.carry(message),
            Effect::Close => self.server.open = false,
            Effect::Journal { entries, sync } => {
                self.unsynced.extend(entries);
                if sync {
                    self.durable.append(&mut self.unsynced);
                }
            }
            Effect::Compact(entries) => {
                self.unsynced.clear();
                self.durable = entries;
            }
            Effect::Work(work) => self.work(&work)?,
            Effect::Plan(remedy) => {
                let story = self.core().background(remedy);
                let around = Around { story, ..self.around() };
                let preview = remedies::preview(remedy, &self.os, &around);
                self.events.push_back(Event::Planned(preview));
            }
            Effect::Ask(question) => {
                let (job, remedy) = (question.job, question.remedy);
                let story = self.core().background(remedy);
                let around = Around { story, ..self.around() };
                let told = match remedies::before_asking(remedy, &self.os, &around) {
                    Found::ToAsk => None,
                    Found::NotForIt(why) => Some(Event::NotForIt { job, why }),
                    Found::AlreadyFine(observed) => Some(Event::AlreadyFine { job, observed }),
                };
                if let Some(told) = told {
                    self.events.push_back(told);
                    return Ok(());
                }
                let answer = self
                    .answers
                    .pop_front()
                    .unwrap_or(Some(Answer::Yes { how: How::Button }));
                self.events.extend(answer.map(|answer| Event::Said { job, answer }));
            }
            Effect::TryCode { job, .. } => self.events.push_back(Event::WrongCode(job)),
            Effect::Withdraw(_) => {}
            Effect::AskCertificate => self
                .events
                .push_back(Event::Received(Down::Certificate(Default::default()))),
            Effect::StoreCertificate(_) => {
                self.identity = Some(identity(self.now));
                self.events.push_back(Event::Renewed(self.identity.clone()));
            }
            Effect::Profile(received) => {
                match received {
                    ReceivedProfile::Usable { profile, .. } => self.kept_profile = profile.version,
                    ReceivedProfile::Unusable(why) => self.refused_profile = Some(why),
                }
                self.events.push_back(Event::ProfileSettled(self.kept_profile));
            }
            Effect::Hours(hours) => self.kept_hours = hours,
            Effect::Exit => self.exited = true,
        }
        Ok(())
    }

    fn enrol(&mut self) {
        let answer = match self.server.answer.clone() {
            _ if !self.server.up => Enrolment::Failed(Failure::Line("down".into())),
            Some(answer) => answer,
            None => {
                self.identity = Some(identity(self.now));
                Enrolment::Enrolled(identity(self.now))
            }
        };
        self.events.push_back(Event::Answered(answer));
    }

    fn around(&self) -> Around {
        let mut about = About::new("0.1.0", START);
        about.profile_version = self.kept_profile;
        if let Some(profile) = &self.profile {
            about.profile = profile.clone().into();
        }
        about.profile_refused = self.refused_profile.clone();
        about.hours = self.kept_hours.clone();
        Around {
            about,
            now: self.now,
            story: Story::default(),
            told: Told::default(),
        }
    }

    /// A machine on which there is something to do for every remedy.
    fn needs_everything(&self) {
        let text = |text: &str| Some(RegistryValue::text(text));
        let set = |key: &str, name: &str, value| self.os.poke(Hive::LocalMachine, key, name, value);
        let adapter = format!("{CLASS}\\0000");
        set(
            &adapter,
            "DriverDesc",
            text(&self.around().about.profile.arp.adapters[0]),
        );
        set(&adapter, "Characteristics", None);
        set(&format!(r"{adapter}\Ndi\Params\{ARP_OFFLOAD}"), "default", text("1"));
        set(&adapter, ARP_OFFLOAD, text("1"));
        set(POLICY, "SetActiveHours", None);
        set(SETTINGS, "ActiveHoursStart", Some(RegistryValue::dword(11)));
        set(PARAMETERS, "NtpServer", text("time.windows.com,0x9"));
        self.os.put_file(
            r"C:\Windows\System32\GroupPolicy\Machine\Registry.pol",
            Policy::default().write(),
        );
        set(AU, "NoAutoUpdate", Some(RegistryValue::dword(1)));
        self.os.set_sleep(Sleep {
            plugged_in: Ok(Span::minutes(30)),
            on_battery: Ok(Span::minutes(15)),
        });
        self.os.remove_tasks();
        self.os.cut_off(&[]);
        for user in self.os.users().unwrap() {
            let key = user.key(proxy::SETTINGS);
            self.os.poke(Hive::Users, &key, "ProxyOverride", text("*.rece"));
            self.os.sign_in(&user.sid);
        }
        let status = &self.around().about.profile.distribution.status_file;
        self.os.put_file(status, "未適用更新ファイルなし");
    }

    fn work(&mut self, work: &Work) -> Result<(), Cut> {
        let mut around = self.around();
        if let Work::Act { job, step, .. } | Work::Probe { job, step, .. } = work {
            around.story = self.core().story(*job, *step);
        }
        if let Work::Act { remedy, .. } = work {
            // The person at the terminal does what they are asked.
            around.told.ticked = remedies::steps(*remedy)
                .iter()
                .map(|step| step.name.to_owned())
                .collect();
        }
        let name = |remedy: Remedy, step: usize| remedies::steps(remedy)[step].name;
        let event = match work {
            Work::Observe { sections } => {
                Event::Observed(facts::observe(sections, &self.os, &around.about, around.now))
            }
            Work::Act { remedy, step, .. } if self.failures > 0 && name(*remedy, *step) == "write-registry" => {
                self.failures -= 1;
                Event::Acted(Err(OsError::failed("a sick disk").into()))
            }
            Work::Act { remedy, step, .. } if self.stalls > 0 && name(*remedy, *step) == "write-registry" => {
                self.stalls -= 1;
                Event::Acted(Ok(Acted::Again {
                    after: Span::minutes(1),
                    evidence: "not yet".into(),
                }))
            }
            Work::Act { job, remedy, step } => {
                let acts = self.acts.entry((*job, *step)).or_default();
                *acts += 1;
                if let (Remedy::Guided(procedure), 2..) = (remedy, *acts) {
                    // Seen to be waited for, the person does it.
                    guided::leaves(&self.os, &around, *procedure, true);
                }
                let (step, written) = (name(*remedy, *step), self.os.writes());
                let acted = remedies::act(*remedy, step, &self.os, &around);
                let looks = remedies::touch(*remedy, step, &around.story) == Touch::Looks;
                assert!(!looks || self.os.writes() == written, "{remedy:?} writes in {step}");
                if matches!(remedy, Remedy::EdgeExtensionSwap { .. }) {
                    let without = edge_extension_swap::tests::left_without(&self.os);
                    assert!(without.is_empty(), "{without:?}");
                }
                Event::Acted(acted)
            }
            Work::Probe { remedy, step, .. }
                if (self.playbook)(*remedy)[*step].repeat != remedies::steps(*remedy)[*step].repeat =>
            {
                Event::Looked(Probed::Uncertain("nothing to see".into()))
            }
            Work::Probe { remedy, step, .. } => {
                Event::Looked(remedies::probe(*remedy, name(*remedy, *step), &self.os, &around))
            }
        };
        self.point()?;
        if self.os.down_for().is_some() {
            // The machine restarts, and nobody hears of the end of this.
            return Err(Cut);
        }
        self.events.push_back(event);
        Ok(())
    }

    fn carry(&mut self, message: Up) {
        self.said += 1;
        let broken = self.break_at.is_some_and(|at| self.said >= at);
        if !broken {
            return self.hear(message);
        }
        if std::mem::take(&mut self.server.open) {
            // What the server said before still arrives; the break is noticed after it.
            self.break_at = Some(0);
            self.events
                .push_back(Event::Closed(Failure::Line("the line broke".into())));
        }
    }

    /// The server's side of the stream.
    fn hear(&mut self, message: Up) {
        assert!(self.server.open, "said on a closed stream: {message:?}");
        self.server.sent.push(message.clone());
        match message {
            Up::Hello(hello) => self.greeted(&hello),
            Up::Facts(report) => {
                for section in report.sections {
                    self.server.sections.insert(section.name.clone(), section);
                }
            }
            Up::JobEvents(events) => self.job_events(events.events),
            Up::Heartbeat(_)
            | Up::CertificateRequest(_)
            | Up::ProbeReply(_)
            | Up::PlanReply(_)
            | Up::CallCodeRequest(_) => {}
            Up::Goodbye(_) => self.server.open = false,
        }
    }

    fn greeted(&mut self, hello: &v1::Hello) {
        let ours: Vec<String> = hello
            .digests
            .iter()
            .filter(|told| {
                self.server
                    .sections
                    .get(&told.name)
                    .is_none_or(|held| held.digest != told.digest)
            })
            .map(|told| told.name.clone())
            .collect();
        let mut answers = vec![Down::Welcome(v1::Welcome {
            minor: limits::MINOR,
            heartbeat_seconds: 60,
            now_us: (self.now + self.server.ahead).micros(),
            return_within_ms: self.server.return_within_ms,
        })];
        if !ours.is_empty() {
            answers.push(Down::FactRequest(v1::FactRequest { sections: ours }));
        }
        // Whatever has no result is offered again, with the next attempt.
        for (id, offer) in &mut self.server.offers {
            if !self.server.results.contains_key(id) {
                offer.attempt += 1;
                answers.push(Down::JobOffer(offer.clone()));
            }
        }
        self.events.extend(answers.into_iter().map(Event::Received));
    }

    fn job_events(&mut self, events: Vec<v1::JobEvent>) {
        let mut sequences = Vec::new();
        for event in events {
            let id: JobId = event.job_id.parse().unwrap();
            sequences.push(event.sequence);
            assert!(self.is_durable(event.sequence), "said before it was durable: {event:?}");
            match event.what.unwrap() {
                v1::job_event::What::Accepted(_) => {}
                v1::job_event::What::Step(step) => {
                    self.server.steps.push((id, step.number, step.phase()));
                    self.server
                        .said
                        .extend(Some(step.evidence).filter(|said| !said.is_empty()));
                }
                v1::job_event::What::Record(record) => {
                    self.server.records.insert(id, record);
                }
                v1::job_event::What::Result(result) => self.result(id, result),
            }
        }
        if self.server.acknowledges {
            self.events
                .push_back(Event::Received(Down::Acknowledge(v1::Acknowledge { sequences })));
        }
    }

    fn is_durable(&self, sequence: u64) -> bool {
        let is_it = |entry: &Entry| matches!(entry, Entry::Job(entry) if entry.sequence == Some(sequence));
        self.durable.iter().any(is_it)
    }

    /// Every invariant that can be seen at the moment a result arrives.
    fn result(&mut self, id: JobId, result: v1::JobResult) {
        let journalled = Book::replay(self.durable.clone());
        let held = journalled
            .job(id)
            .expect("a result of a job that the journal does not know");
        let finish = held.finish().expect("a result that is not durable");
        assert_eq!(finish.code, result.code, "what is told is what is journalled");
        let succeeded = finish.outcome == book::Outcome::Succeeded;
        assert_eq!(result.outcome() == v1::job_result::Outcome::Succeeded, succeeded);
        let offer = &self.server.offers[&id];
        self.server
            .said
            .extend(Some(result.detail.clone()).filter(|said| !said.is_empty()));
        if succeeded && remedy_from_wire(offer.remedy.as_ref()) == Some(Remedy::FastStartupOff) {
            assert_eq!(
                self.fact("power.fast_startup"),
                Some(Value::Truth(false)),
                "a success before its proof"
            );
        }
        self.server.results.entry(id).or_default().push(result);
    }

    fn fact(&self, key: &str) -> Option<Value> {
        let section = self.server.sections.get(key.split_once('.')?.0)?;
        let fact = section.facts.iter().find(|fact| fact.key == key)?;
        Some(value_from_wire(fact.value.clone()))
    }

    fn order(&mut self, n: u8, remedy: Remedy) -> JobId {
        let kind = remedy_to_wire(remedy).kind;
        self.offer(n, kind.expect("every remedy is on the wire"))
    }

    fn offer(&mut self, n: u8, remedy: v1::remedy::Kind) -> JobId {
        let id = JobId::new(START, [n; 10]);
        let offer = v1::JobOffer {
            job_id: id.to_string(),
            attempt: 1,
            deadline_us: (self.now + Span::days(7)).micros(),
            remedy: Some(v1::Remedy { kind: Some(remedy) }),
        };
        self.server.offers.insert(id, offer.clone());
        self.say(Down::JobOffer(offer));
        id
    }

    fn outcome(&self, id: JobId) -> Option<v1::job_result::Outcome> {
        Some(self.server.results.get(&id)?.first()?.outcome())
    }

    fn ends(&mut self, job: JobId) -> Option<v1::job_result::Outcome> {
        for _ in 0..200 {
            if self.outcome(job).is_some() {
                break;
            }
            self.pass(Span::minutes(1));
        }
        self.outcome(job)
    }

    /// Somebody sets the clock, and nobody else's.
    fn leap(&mut self, by: Span) {
        self.now = self.now + by;
        self.clock.advance(by);
        self.tell(Event::Timer);
    }

    fn drop_line(&mut self) {
        if std::mem::take(&mut self.server.open) {
            self.tell(Event::Closed(Failure::Line("the line broke".into())));
        }
    }

    fn sent<T>(&self, pick: impl Fn(&Up) -> Option<T>) -> Vec<T> {
        self.server.sent.iter().filter_map(pick).collect()
    }

    fn reported(&self) -> Vec<String> {
        let names = |up: &Up| match up {
            Up::Facts(report) => report.sections.iter().map(|section| section.name.clone()).collect(),
            Up::Hello(_) | Up::JobEvents(_) | Up::Heartbeat(_) => Vec::new(),
            Up::CertificateRequest(_)
            | Up::ProbeReply(_)
            | Up::Goodbye(_)
            | Up::PlanReply(_)
            | Up::CallCodeRequest(_) => Vec::new(),
        };
        self.server.sent.iter().flat_map(names).collect()
    }

    fn beats(&self) -> usize {
        self.sent(|up| matches!(up, Up::Heartbeat(_)).then_some(())).len()
    }
}

fn identity(now: Time) -> Identity {
    Identity {
        terminal_id: "0190f5a4-7c3e-7000-8000-000000000001".into(),
        valid_from: now,
        valid_until: now + LIFE,
    }
}

fn fast_startup_off() -> v1::remedy::Kind {
    v1::remedy::Kind::FastStartupOff(v1::FastStartupOff {})
}

fn refresh_facts() -> v1::remedy::Kind {
    v1::remedy::Kind::RefreshFacts(v1::RefreshFacts {})
}
