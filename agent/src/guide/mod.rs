//! The guide at the terminal: a small page of the agent's own, by which the person in front of the machine is asked before
//! anything is changed, and sees it happen. It stands on 127.0.0.1 only while there is something to ask or to show, and lets in
//! nobody but the browser that was given its one-time link. What is asked, and what an answer means, is decided in `core`.

mod door;
mod page;
mod shown;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kaishin_proto::clock::Clock;
use kaishin_proto::id::JobId;
use kaishin_proto::remedy::{Remedy, StepAbout};
use kaishin_proto::time::{Span, Time};
use kaishin_proto::words::Words;
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::entropy;
use crate::error::AgentError;
use crate::keep::Keep;
use crate::os::{Opened, Os, OsError, Read};
use crate::remedies::Told;
use door::{Door, Porter};
use page::{Asked, Page, Shared};

/// Cheap to clone; one per agent. Opens nothing until somebody is asked.
#[derive(Clone)]
pub struct Guide(Arc<Inner>);

struct Inner {
    os: Arc<dyn Os>,
    clock: Clock,
    keep: Option<Keep>,
    /// One question at a time: two windows would be answered for one another.
    turn: tokio::sync::Mutex<()>,
    open: Mutex<Option<Open>>,
}

struct Open {
    page: Shared,
    // Both end when they are dropped.
    _door: Door,
    _watch: Option<Watch>,
}

/// Sees to it that the page is on the screen.
struct Watch(tokio::task::JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A page in the background asks once a minute at least; one that asks no more was closed.
const UNSEEN: Span = Span::minutes(3);
/// Who closes it again and again does not want it.
const REOPENED: usize = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub job: JobId,
    pub remedy: Remedy,
    /// How often in a row work has failed here before: the person is told.
    pub failures: u32,
    /// Whether a code may still be used today.
    pub codes: bool,
    /// No answer by then is [`Answer::NoAnswer`].
    pub until: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Button,
    /// It was read out on the phone.
    Code,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Yes {
        how: How,
    },
    No {
        reason: String,
    },
    /// Perhaps once nobody is received any more.
    Later {
        reason: String,
        after_hours: bool,
    },
    NoAnswer,
    NobodyHere {
        why: String,
    },
}

/// What is done, for the person who said yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub job: JobId,
    pub remedy: Remedy,
    /// With what was found or done, in the words of the record.
    pub steps: Vec<(StepAbout, StepState, String)>,
    /// Whether it succeeded, and what there is to say.
    pub ended: Option<(bool, Words)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    Open,
    Doing,
    Waiting,
    Done,
    Failed,
}

impl Guide {
    pub fn new(os: Arc<dyn Os>, clock: Clock) -> Guide {
        Guide::of(os, clock, None)
    }

    /// Leaves the page's link with the agent's own state, for `kaishin-agent guide`.
    pub fn kept_in(os: Arc<dyn Os>, clock: Clock, keep: Keep) -> Guide {
        Guide::of(os, clock, Some(keep))
    }

    fn of(os: Arc<dyn Os>, clock: Clock, keep: Option<Keep>) -> Guide {
        Guide(Arc::new(Inner {
            os,
            clock,
            keep,
            turn: tokio::sync::Mutex::default(),
            open: Mutex::default(),
        }))
    }

    /// Shows the question and waits for the answer. Dropping the future takes the question away.
    pub async fn ask(&self, question: Question) -> Answer {
        let until = question.until;
        tokio::select! {
            biased;
            answer = self.ask_in_turn(question) => answer,
            () = self.0.clock.sleep_until(until) => Answer::NoAnswer,
        }
    }

    async fn ask_in_turn(&self, question: Question) -> Answer {
        let _turn = self.0.turn.lock().await;
        let (said, answer) = oneshot::channel();
        let code = match question.codes.then(code).transpose() {
            Ok(code) => code,
            Err(error) => return nobody(&error),
        };
        let asked = Asked {
            until: question.until,
            failures: question.failures,
            code,
            said,
        };
        let page = match self.open(Page::asking(question.job, question.remedy, asked)).await {
            Ok(Some(page)) => page,
            Ok(None) => {
                return Answer::NobodyHere {
                    why: "nobody is signed in at the terminal".to_owned(),
                };
            }
            Err(error) => return nobody(&error),
        };
        let _withdrawn = TakenAway {
            page,
            clock: self.0.clock.clone(),
        };
        answer.await.unwrap_or(Answer::NoAnswer)
    }

    /// A code that somebody typed who heard it on the phone. `None`: this is not being asked; `true` answers the question.
    pub fn try_code(&self, job: JobId, code: &str) -> Option<bool> {
        let page = self.page_of(job)?;
        let mut right = None;
        page.send_if_modified(|page| {
            right = page.try_code(code);
            right == Some(true)
        });
        right
    }

    /// Live ticks, while the page is open for that job. Where the person does the work it is opened again if it is gone: without
    /// it nobody would know what to do.
    pub fn show(&self, progress: Progress) {
        if let Some(page) = self.page_of(progress.job) {
            page.send_if_modified(|page| page.take(progress));
        } else if matches!(progress.remedy, Remedy::Guided(_)) && progress.ended.is_none() {
            let guide = self.clone();
            tokio::spawn(async move {
                let _turn = guide.0.turn.lock().await;
                if guide.page_of(progress.job).is_some() {
                    return;
                }
                let mut page = Page::working(progress.job, progress.remedy);
                page.take(progress);
                if let Err(error) = guide.open(page).await {
                    warn!(%error, "the guide cannot be shown");
                }
            });
        }
    }

    /// What the person has ticked or put off on the page of that job.
    pub fn told(&self, job: JobId) -> Told {
        let page = self.page_of(job);
        page.map_or_else(Told::default, |page| page.borrow().told.clone())
    }

    fn page_of(&self, job: JobId) -> Option<Shared> {
        let open = self.lock();
        let page = &open.as_ref()?.page;
        (page.borrow().job == job).then(|| Arc::clone(page))
    }

    /// `None` where nobody is there to see it.
    async fn open(&self, page: Page) -> Result<Option<Shared>, AgentError> {
        let page = Shared::new(tokio::sync::watch::Sender::new(page));
        // What was open before closes first, so that the link that is kept is always the newest.
        drop(self.lock().take());
        let door = Door::open(Arc::clone(&page), self.0.clock.clone(), self.0.keep.clone()).await?;
        let porter = door.porter();
        let link = porter.new_link()?;
        *self.lock() = Some(Open {
            page: Arc::clone(&page),
            _door: door,
            _watch: None,
        });
        match open_page(&self.0.os, link).await {
            Ok(Opened::Shown) => {}
            Ok(Opened::NobodyHere) => {
                drop(self.lock().take());
                return Ok(None);
            }
            // It can still be opened by hand.
            Err(error) => info!(%error, "the guide was not opened in a window"),
        }
        let watch = open_again(Arc::clone(&self.0.os), self.0.clock.clone(), porter, Arc::clone(&page));
        if let Some(open) = &mut *self.lock() {
            open._watch = Some(Watch(tokio::spawn(watch)));
        }
        Ok(Some(page))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn open_page(os: &Arc<dyn Os>, link: String) -> Read<Opened> {
    if os.is_instant() {
        return os.open_page(&link);
    }
    let os = Arc::clone(os);
    let opened = tokio::task::spawn_blocking(move || os.open_page(&link)).await;
    opened.unwrap_or_else(|_| Err(OsError::failed("the call was lost")))
}

/// A window that was closed by mistake leaves somebody on the phone with nothing to read.
async fn open_again(os: Arc<dyn Os>, clock: Clock, porter: Arc<Porter>, page: Shared) {
    for _ in 0..REOPENED {
        let opened = clock.now();
        loop {
            let unseen_at = porter.looked().map_or(opened, |looked| looked.max(opened)) + UNSEEN;
            if clock.now() >= unseen_at {
                break;
            }
            clock.sleep_until(unseen_at).await;
        }
        if page.borrow().is_over() {
            return;
        }
        let Ok(link) = porter.new_link() else { return };
        if let Err(error) = open_page(&os, link).await {
            info!(%error, "the guide was not opened again");
        }
    }
}

/// Whether a page still stands behind a link that was kept; looking does not use the link up.
pub fn answers(link: &str) -> bool {
    let rest = link.strip_prefix("http://").unwrap_or_default();
    let addr = rest.split('/').next().and_then(|host| host.parse().ok());
    addr.is_some_and(|addr: std::net::SocketAddr| {
        addr.ip().is_loopback()
            && std::net::TcpStream::connect_timeout(&addr, std::time::Duration::from_secs(2)).is_ok()
    })
}

fn nobody(error: &AgentError) -> Answer {
    warn!(%error, "nobody can be asked");
    Answer::NobodyHere {
        why: format!("no page can be shown: {error}"),
    }
}

/// Four digits, of which nobody can guess the next.
fn code() -> Result<String, AgentError> {
    Ok(format!("{:04}", u32::from_be_bytes(entropy::bytes()?) % 10_000))
}

/// The end of waiting for an answer, however it came about.
struct TakenAway {
    page: Shared,
    clock: Clock,
}

impl Drop for TakenAway {
    fn drop(&mut self) {
        let now = self.clock.now();
        self.page.send_if_modified(|page| page.take_away(now));
    }
}
