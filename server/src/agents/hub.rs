//! Who is connected now, and how wake-ups reach them. In memory only: a server that starts knows nobody, and those who
//! come say hello.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kaishin_domain::id::{JobId, TerminalId};
use kaishin_domain::job::Job;
use kaishin_domain::terminal::KeyHash;
use kaishin_domain::time::Span;
use kaishin_proto::fact::SECTIONS;
use kaishin_proto::v1;
use kaishin_proto::v1::goodbye::Reason;
use kaishin_proto::v1::session_response::Body;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tracing::{debug, warn};

use super::wire;
use crate::app::{App, Wake, jobs, terminals};
use crate::index::Flags;

/// What waits to be sent to one terminal. One that does not read gets no more, and is cut off. Boxed, because the queue
/// of every session has its first places allocated.
pub type Out = mpsc::Sender<Sent>;
pub type Sent = Box<Result<v1::SessionResponse, Status>>;

pub const INSTANCE: usize = 16;

/// How many terminals' jobs are taken in one write.
const AT_ONCE: usize = 512;
/// Between two lots of profiles.
const PROFILES_PAUSE: Span = Span::millis(50);
/// How long a machine may take to answer "are you there?".
const PROBE: Span = Span::seconds(10);
/// After a restart, terminals come back spread over this and so much more for each of them.
pub const RETURN_AFTER_MS: u32 = 100;
const RETURN_WITHIN_MS: u32 = 1_000;
const RETURN_PER_SESSION_US: usize = 400;

pub struct Hub {
    app: Arc<App>,
    sessions: Mutex<HashMap<TerminalId, Vec<Live>>>,
    next: AtomicU64,
    left: Notify,
    profile: Notify,
    sites: Notify,
    closing: AtomicBool,
}

/// Who opens a session.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    pub terminal: TerminalId,
    pub key: KeyHash,
    pub instance: [u8; INSTANCE],
}

/// One session that is open.
struct Live {
    number: u64,
    key: KeyHash,
    instance: [u8; INSTANCE],
    out: Out,
    cut: CancellationToken,
    stage: Stage,
    /// Something became ready for it before it was welcomed.
    missed: bool,
    /// Those who wait for it to answer these.
    probes: Vec<(Nonce, oneshot::Sender<()>)>,
    /// What it was last told of where it stands, in short.
    site: Option<u64>,
}

type Nonce = [u8; 16];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It has not been welcomed yet.
    Greeting,
    Works,
    /// Connected, but gets no jobs.
    Waits,
}

/// A session's place among the connected.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub number: u64,
    /// Another machine claims the same identity: ask whether it is really there.
    pub rival: Option<u64>,
}

/// Within which time so many terminals may come back.
pub fn return_within_ms(terminals: usize) -> u32 {
    let spread = u32::try_from(terminals * RETURN_PER_SESSION_US / 1_000).unwrap_or(u32::MAX / 2);
    RETURN_WITHIN_MS.saturating_add(spread)
}

pub fn message(body: Body) -> Sent {
    Box::new(Ok(v1::SessionResponse { body: Some(body) }))
}

pub fn goodbye(reason: Reason, min_ms: u32, max_ms: u32) -> Body {
    Body::Goodbye(v1::Goodbye {
        reason: reason.into(),
        return_after_min_ms: min_ms,
        return_after_max_ms: max_ms,
    })
}

impl Live {
    /// A terminal whose queue is full does not read: it is better off reconnecting.
    fn send(&self, body: Body) -> bool {
        let sent = self.out.try_send(message(body)).is_ok();
        if !sent {
            self.cut.cancel();
        }
        sent
    }

    fn tell_site(&mut self, site: &v1::Site) {
        let mut hash = DefaultHasher::new();
        for told in &site.hours {
            told.day.hash(&mut hash);
            for open in &told.openings {
                (open.from, open.until).hash(&mut hash);
            }
        }
        let mark = Some(hash.finish());
        if self.site != mark {
            self.site = mark;
            self.send(Body::Site(site.clone()));
        }
    }

    fn end(&self, goodbye: Body) {
        // Whether or not there is room for the last word, the session ends.
        let _ = self.out.try_send(message(goodbye));
        self.cut.cancel();
    }
}

impl Hub {
    pub fn new(app: Arc<App>) -> Arc<Hub> {
        Arc::new(Hub {
            app,
            sessions: Mutex::default(),
            next: AtomicU64::new(1),
            left: Notify::new(),
            profile: Notify::new(),
            sites: Notify::new(),
            closing: AtomicBool::new(false),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TerminalId, Vec<Live>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same start of the same agent, come back over a new connection, replaces its old session at once. None when
    /// the server is stopping.
    pub fn join(&self, guest: &Guest, out: Out, cut: CancellationToken) -> Option<Place> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut sessions = self.lock();
        // Asked under the lock that saying goodbye takes: nobody slips in behind it.
        if self.closing.load(Ordering::Relaxed) {
            return None;
        }
        let here = sessions.entry(guest.terminal).or_insert_with(|| Vec::with_capacity(1));
        for old in here.iter().filter(|live| live.instance == guest.instance) {
            old.end(goodbye(Reason::Replaced, 0, 0));
        }
        let rival = here
            .iter()
            .find(|live| live.instance != guest.instance)
            .map(|live| live.number);
        here.push(Live {
            number,
            key: guest.key,
            instance: guest.instance,
            out,
            cut,
            stage: Stage::Greeting,
            missed: false,
            probes: Vec::new(),
            site: None,
        });
        Some(Place { number, rival })
    }

    /// Whether the machine behind a session answers.
    pub async fn is_there(&self, terminal: TerminalId, number: u64) -> bool {
        let nonce: Nonce = self.app.entropy.bytes();
        let until = self.app.now() + PROBE;
        let answered = {
            let mut sessions = self.lock();
            let Some(live) = sessions.get_mut(&terminal).and_then(|here| find(here, number)) else {
                return false;
            };
            let (answer, answered) = oneshot::channel();
            live.probes.retain(|(_, waits)| !waits.is_closed());
            live.probes.push((nonce, answer));
            if !live.send(Body::Probe(v1::Probe { nonce: nonce.to_vec() })) {
                return false;
            }
            answered
        };
        tokio::select! {
            answer = answered => answer.is_ok(),
            () = self.app.clock.sleep_until(until) => false,
        }
    }

    pub fn answered(&self, terminal: TerminalId, number: u64, nonce: &[u8]) {
        let mut sessions = self.lock();
        let Some(live) = sessions.get_mut(&terminal).and_then(|here| find(here, number)) else {
            return;
        };
        if let Some(place) = live.probes.iter().position(|(asked, _)| asked == nonce) {
            // Whoever asked may have given up.
            let _ = live.probes.swap_remove(place).1.send(());
        }
    }

    /// Ends a session that is not there any more.
    pub fn replace(&self, terminal: TerminalId, number: u64) {
        if let Some(live) = self.lock().get_mut(&terminal).and_then(|here| find(here, number)) {
            live.end(goodbye(Reason::Replaced, 0, 0));
        }
    }

    /// It has been welcomed: from now on it gets jobs, or waits connected. Whether something became ready for it meanwhile.
    pub fn welcomed(&self, terminal: TerminalId, number: u64, gets_work: bool) -> bool {
        let mut sessions = self.lock();
        let Some(here) = sessions.get_mut(&terminal) else {
            return false;
        };
        // One identity twice: neither works, whatever was true before the other came.
        let alone = here.iter().all(|live| live.number == number || live.cut.is_cancelled());
        let Some(live) = find(here, number) else { return false };
        live.stage = if gets_work && alone { Stage::Works } else { Stage::Waits };
        std::mem::take(&mut live.missed)
    }

    /// Two machines have this identity: no session of it gets jobs.
    pub fn suspend(&self, terminal: TerminalId) {
        for live in self.lock().get_mut(&terminal).into_iter().flatten() {
            if live.stage == Stage::Works {
                live.stage = Stage::Waits;
            }
        }
    }

    /// With its last session a terminal is gone. Said under the lock, so that one that comes back at this moment, and
    /// joins after this, is not shown as gone.
    pub fn leave(&self, terminal: TerminalId, number: u64) {
        let mut sessions = self.lock();
        let here = sessions.entry(terminal).or_default();
        here.retain(|live| live.number != number);
        if here.is_empty() {
            sessions.remove(&terminal);
            terminals::disconnected(&self.app, terminal);
        }
        if sessions.is_empty() {
            self.left.notify_waiters();
        }
    }

    /// Tells everybody to come back a little later, spread by how many they are, and ends their sessions. From now on
    /// nobody joins.
    pub fn goodbye_all(&self) -> usize {
        let sessions = self.lock();
        self.closing.store(true, Ordering::Relaxed);
        let count: usize = sessions.values().map(Vec::len).sum();
        for live in sessions.values().flatten() {
            live.end(goodbye(Reason::Restarting, RETURN_AFTER_MS, return_within_ms(count)));
        }
        count
    }

    /// Waits until everybody has left.
    pub async fn emptied(&self) {
        loop {
            let left = self.left.notified();
            if self.lock().is_empty() {
                return;
            }
            left.await;
        }
    }

    /// Carries wake-ups to sessions, for as long as it is polled.
    pub async fn dispatch(self: Arc<Self>) {
        let mut wakes = self.app.bus.wakes();
        loop {
            let mut ready = Vec::new();
            let mut next = wakes.recv().await;
            loop {
                match next {
                    Ok(Wake::Ready(terminal)) => ready.push(terminal),
                    Ok(Wake::Site(terminal)) => self.tell_sites(&[terminal]),
                    Ok(wake) => self.act(&wake),
                    // Too many at once to remember: the database knows them all.
                    Err(RecvError::Lagged(_)) => {
                        self.cut_revoked();
                        self.profile.notify_one();
                        self.sites.notify_one();
                        if let Err(error) = jobs::remind_of_cancels(&self.app).await {
                            warn!(%error, "which jobs are cancelled could not be read");
                        }
                        match jobs::terminals_with_work(&self.app).await {
                            Ok(all) => ready.extend(all),
                            Err(error) => warn!(%error, "which terminals have work could not be read"),
                        }
                    }
                    Err(RecvError::Closed) => return,
                }
                if ready.len() >= AT_ONCE {
                    break;
                }
                next = match wakes.try_recv() {
                    Ok(wake) => Ok(wake),
                    Err(tokio::sync::broadcast::error::TryRecvError::Lagged(n)) => Err(RecvError::Lagged(n)),
                    Err(_) => break,
                };
            }
            for part in self.workers(ready).chunks(AT_ONCE) {
                self.offer(part).await;
            }
        }
    }

    fn act(&self, wake: &Wake) {
        let sessions = self.lock();
        match wake {
            Wake::Ready(_) | Wake::Site(_) => {}
            Wake::Sites => self.sites.notify_one(),
            // Its own task sends it: see `spread_profiles`.
            Wake::Profile => self.profile.notify_one(),
            Wake::Revoked(terminal) => {
                for live in sessions.get(terminal).into_iter().flatten() {
                    live.end(goodbye(Reason::Revoked, 0, 0));
                }
            }
            Wake::Cancel { terminal, job } => {
                for live in sessions.get(terminal).into_iter().flatten() {
                    live.send(Body::JobCancel(v1::JobCancel {
                        job_id: job.to_string(),
                    }));
                }
            }
            // One identity twice: which of the two would answer for it?
            Wake::Plan {
                terminal,
                number,
                remedy,
            } => {
                let here = sessions.get(terminal).map_or(&[][..], Vec::as_slice);
                if let [live] = here {
                    live.send(Body::PlanRequest(wire::question(*number, *remedy)));
                }
            }
            Wake::Code { terminal, job, code } => {
                for live in sessions.get(terminal).into_iter().flatten() {
                    live.send(Body::ConsentCode(v1::ConsentCode {
                        job_id: job.to_string(),
                        code: code.clone(),
                    }));
                }
            }
            Wake::Observe {
                terminal,
                every,
                lasting,
            } => {
                let seconds = |span: &Span| u32::try_from(span.as_seconds()).unwrap_or(0);
                for live in sessions.get(terminal).into_iter().flatten() {
                    live.send(Body::Observe(v1::Observe {
                        sections: SECTIONS.iter().map(|section| section.name.to_owned()).collect(),
                        every_seconds: seconds(every),
                        for_seconds: seconds(lasting),
                    }));
                }
            }
        }
    }

    /// Sends a new profile to everybody, for as long as it is polled: a few at a time, so that the copies for a whole fleet
    /// do not stand in memory at once. Who connects meanwhile says which one it has.
    pub async fn spread_profiles(self: Arc<Self>) {
        loop {
            self.profile.notified().await;
            let connected: Vec<TerminalId> = self.lock().keys().copied().collect();
            for part in connected.chunks(AT_ONCE) {
                self.send_profile(part);
                self.app.clock.sleep(PROFILES_PAUSE).await;
            }
        }
    }

    fn send_profile(&self, terminals: &[TerminalId]) {
        let profile = wire::profile(self.app.rules.in_force());
        let sessions = self.lock();
        let lives = terminals.iter().filter_map(|terminal| sessions.get(terminal)).flatten();
        for live in lives.filter(|live| live.stage != Stage::Greeting) {
            live.send(Body::Profile(profile.clone()));
        }
    }

    /// Tells those whose facility changed, for as long as it is polled; who has heard the same already is left alone.
    pub async fn spread_sites(self: Arc<Self>) {
        loop {
            self.sites.notified().await;
            let connected: Vec<TerminalId> = self.lock().keys().copied().collect();
            for part in connected.chunks(AT_ONCE) {
                self.tell_sites(part);
                self.app.clock.sleep(PROFILES_PAUSE).await;
            }
        }
    }

    /// The ledger is read under the lock: whoever tells later tells what is true later.
    pub fn tell_sites(&self, terminals: &[TerminalId]) {
        let mut sessions = self.lock();
        for terminal in terminals {
            let Some(here) = sessions.get_mut(terminal) else {
                continue;
            };
            let listed = self.app.ledger.of_terminal(*terminal);
            let site = wire::site(listed.as_ref().and_then(|listed| listed.hours.as_deref()));
            for live in here.iter_mut().filter(|live| live.stage != Stage::Greeting) {
                live.tell_site(&site);
            }
        }
    }

    /// For when wake-ups were missed: whoever is not admitted any more is cut off.
    fn cut_revoked(&self) {
        for (terminal, here) in self.lock().iter() {
            for live in here {
                if !self.app.admission.allows(*terminal, &live.key) {
                    live.end(goodbye(Reason::Revoked, 0, 0));
                }
            }
        }
    }

    /// Those that are here and get work, each once, with the session that gets it.
    fn workers(&self, mut terminals: Vec<TerminalId>) -> Vec<(TerminalId, u64)> {
        terminals.sort_unstable();
        terminals.dedup();
        let mut sessions = self.lock();
        let works = |terminal: TerminalId| {
            let here = sessions.get_mut(&terminal)?;
            if let Some(live) = here.iter().find(|live| live.stage == Stage::Works) {
                return Some((terminal, live.number));
            }
            for live in here.iter_mut().filter(|live| live.stage == Stage::Greeting) {
                live.missed = true;
            }
            // A person may have released it meanwhile.
            let [live] = here.as_mut_slice() else { return None };
            let free = |row: &crate::index::Row| row.entry.flags == Flags::default();
            let released = live.stage == Stage::Waits && self.app.index.get(terminal).as_ref().is_some_and(free);
            released.then(|| {
                live.stage = Stage::Works;
                (terminal, live.number)
            })
        };
        terminals.into_iter().filter_map(works).collect()
    }

    /// To the session for which they were taken and to no later one, whose hello may have freed the same offers already.
    async fn offer(&self, to: &[(TerminalId, u64)]) {
        let numbers: HashMap<TerminalId, u64> = to.iter().copied().collect();
        let terminals = to.iter().map(|(terminal, _)| *terminal).collect();
        let offered = match jobs::take_ready(&self.app, terminals).await {
            Ok(offered) => offered,
            Err(error) => {
                warn!(%error, "ready jobs could not be taken; the next wake-up tries again");
                return;
            }
        };
        let nobody = self.hand_over(offered, &numbers);
        if let Err(error) = jobs::take_back(&self.app, nobody).await {
            warn!(%error, "offers that reached nobody stay until they lapse");
        }
    }

    /// Gives back the offers whose session is gone.
    fn hand_over(&self, offered: Vec<Job>, numbers: &HashMap<TerminalId, u64>) -> Vec<Job> {
        let sessions = self.lock();
        let mut nobody = Vec::new();
        for job in offered {
            let meant = |live: &&Live| live.stage == Stage::Works && numbers.get(&job.terminal) == Some(&live.number);
            let Some(live) = sessions.get(&job.terminal).and_then(|here| here.iter().find(meant)) else {
                nobody.push(job);
                continue;
            };
            // An offer that finds the queue full lapses and is made again.
            let sent = live.out.try_send(message(Body::JobOffer(wire::offer(&job)))).is_ok();
            debug!(job.id = %job.id, terminal.id = %job.terminal, sent, "job offered");
        }
        nobody
    }

    pub fn cancel(&self, terminal: TerminalId, number: u64, job: JobId) {
        if let Some(live) = self.lock().get_mut(&terminal).and_then(|here| find(here, number)) {
            live.send(Body::JobCancel(v1::JobCancel {
                job_id: job.to_string(),
            }));
        }
    }
}

fn find(here: &mut [Live], number: u64) -> Option<&mut Live> {
    here.iter_mut().find(|live| live.number == number)
}
