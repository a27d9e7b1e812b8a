//! `/events`: what happens, told to pages that are looked at. An event only says "look again"; the page then fetches its
//! part anew, so nothing is shown that the reader may not see.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::extract::Query;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use kaishin_domain::facility::Code10;
use kaishin_domain::id::{CallId, ImportId, TerminalId};
use kaishin_domain::time::{Span, Time};
use serde::Deserialize;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::auth::Visitor;
use crate::app::{App, Change};

/// How many events one who was away for a moment can still be told.
const REMEMBERED: usize = 1024;
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// The overview counts thousands of terminals: more often than this, nobody could read it.
const OVERVIEW_PAUSE: Span = Span::seconds(1);

#[derive(Clone, Debug)]
struct Happened {
    number: u64,
    change: Arc<Change>,
}

/// All changes of this process, numbered, with the latest remembered.
#[derive(Clone)]
pub struct Live {
    sender: broadcast::Sender<Happened>,
    latest: Arc<Mutex<VecDeque<Happened>>>,
    stop: CancellationToken,
}

impl Live {
    pub fn new(stop: CancellationToken) -> Live {
        Live {
            sender: broadcast::Sender::new(4096),
            latest: Arc::default(),
            stop,
        }
    }

    /// Numbers what happens, until told to stop.
    pub async fn run(self, app: Arc<App>) {
        let mut changes = app.changes();
        let mut number = 0;
        while let Some(next) = self.stop.run_until_cancelled(changes.recv()).await {
            match next {
                Ok(change) => {
                    number += 1;
                    self.tell(Happened { number, change });
                }
                // Pages that show something fetch it again at the next event.
                Err(RecvError::Lagged(missed)) => number += missed,
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn tell(&self, happened: Happened) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() == REMEMBERED {
            latest.pop_front();
        }
        latest.push_back(happened.clone());
        // Nobody looking is no error. Sent under the lock, so that no listener misses one between the two.
        let _ = self.sender.send(happened);
    }

    /// The latest event's number: a page that is made now shows everything up to it.
    pub fn number(&self) -> u64 {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.back().map_or(0, |happened| happened.number)
    }

    /// What came after an event, and everything from now on.
    fn after(&self, last: Option<u64>) -> (Vec<Happened>, broadcast::Receiver<Happened>) {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let missed = match last {
            Some(last) => latest
                .iter()
                .filter(|happened| happened.number > last)
                .cloned()
                .collect(),
            None => Vec::new(),
        };
        (missed, self.sender.subscribe())
    }
}

/// What a page wants to hear of: `topic=overview`, `topic=terminal:ID`, `topic=terminals`, `topic=pending`, …
#[derive(Debug, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    topic: String,
    /// The number of the last event that the page already shows.
    after: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    /// Any terminal, job or request: counts.
    Overview,
    Terminals,
    Terminal(TerminalId),
    Facilities,
    Facility(Code10),
    Import(ImportId),
    Pending,
    Tokens,
    Audit,
    Versions,
    Call(CallId),
    /// Any call.
    Desk,
}

impl FromStr for Topic {
    type Err = ();
    fn from_str(text: &str) -> Result<Topic, ()> {
        match text.split_once(':') {
            Some(("facility", code)) => Ok(Topic::Facility(code.parse().map_err(|_| ())?)),
            Some(("import", id)) => Ok(Topic::Import(id.parse().map_err(|_| ())?)),
            Some(("call", id)) => Ok(Topic::Call(id.parse().map_err(|_| ())?)),
            Some(("terminal", id)) => Ok(Topic::Terminal(id.parse().map_err(|_| ())?)),
            Some(_) => Err(()),
            None => match text {
                "overview" => Ok(Topic::Overview),
                "terminals" => Ok(Topic::Terminals),
                "facilities" => Ok(Topic::Facilities),
                "pending" => Ok(Topic::Pending),
                "tokens" => Ok(Topic::Tokens),
                "audit" => Ok(Topic::Audit),
                "versions" => Ok(Topic::Versions),
                "desk" => Ok(Topic::Desk),
                _ => Err(()),
            },
        }
    }
}

impl Topic {
    /// The event's name, if the topic wants the change.
    fn wants(self, change: &Change) -> Option<&'static str> {
        match (self, change) {
            (Topic::Overview, Change::Terminal(_) | Change::Job { .. } | Change::Pending) => Some("overview"),
            (Topic::Terminals, Change::Terminal(_)) => Some("terminals"),
            (Topic::Terminal(wanted), Change::Terminal(id)) if wanted == *id => Some("terminal"),
            (Topic::Terminal(wanted), Change::Job { terminal, .. }) if wanted == *terminal => Some("job"),
            (Topic::Facilities, Change::Facility(_) | Change::Facilities) => Some("facilities"),
            (Topic::Facility(_), Change::Facilities | Change::Terminal(_)) => Some("facility"),
            (Topic::Facility(wanted), Change::Facility(code)) if wanted == *code => Some("facility"),
            (Topic::Import(wanted), Change::Import(id)) if wanted == *id => Some("import"),
            (Topic::Pending, Change::Pending) => Some("pending"),
            (Topic::Tokens, Change::Tokens) => Some("tokens"),
            (Topic::Audit, Change::Audit) => Some("audit"),
            (Topic::Versions, Change::Verdicts) => Some("versions"),
            (Topic::Call(wanted), Change::Call(id)) if wanted == *id => Some("call"),
            (Topic::Desk, Change::Call(_)) => Some("desk"),
            (
                Topic::Overview
                | Topic::Terminals
                | Topic::Terminal(_)
                | Topic::Facilities
                | Topic::Facility(_)
                | Topic::Import(_)
                | Topic::Pending
                | Topic::Tokens
                | Topic::Audit
                | Topic::Versions
                | Topic::Call(_)
                | Topic::Desk,
                _,
            ) => None,
        }
    }

    /// Broad topics would otherwise speak thousands of times a second.
    fn is_broad(self) -> bool {
        matches!(
            self,
            Topic::Overview
                | Topic::Terminals
                | Topic::Facilities
                | Topic::Facility(_)
                | Topic::Import(_)
                | Topic::Versions
                | Topic::Desk
        )
    }
}

/// One listener.
struct Listener {
    app: Arc<App>,
    topics: Vec<Topic>,
    missed: VecDeque<Happened>,
    next: broadcast::Receiver<Happened>,
    stop: CancellationToken,
    /// When a broad event was last told, and whether one waits since.
    told: Time,
    waiting: Option<(u64, &'static str)>,
}

impl Listener {
    async fn next(mut self) -> Option<(Event, Listener)> {
        loop {
            let happened = match self.missed.pop_front() {
                Some(happened) => happened,
                None => {
                    let pause = self.told + OVERVIEW_PAUSE;
                    tokio::select! {
                        () = self.stop.cancelled() => return None,
                        () = self.app.clock.sleep_until(pause), if self.waiting.is_some() => {
                            let (number, name) = self.waiting.take()?;
                            self.told = self.app.now();
                            return Some((event(number, name), self));
                        }
                        next = self.next.recv() => match next {
                            Ok(happened) => happened,
                            Err(RecvError::Lagged(_)) => continue,
                            Err(RecvError::Closed) => return None,
                        },
                    }
                }
            };
            let wanted = self
                .topics
                .iter()
                .find_map(|topic| Some((*topic, topic.wants(&happened.change)?)));
            match wanted {
                Some((topic, name)) if topic.is_broad() => self.waiting = Some((happened.number, name)),
                Some((_, name)) => return Some((event(happened.number, name), self)),
                None => {}
            }
        }
    }
}

fn event(number: u64, name: &'static str) -> Event {
    Event::default()
        .id(number.to_string())
        .event(name)
        .data(number.to_string())
}

pub async fn events(
    _: Visitor,
    axum::extract::State(app): axum::extract::State<Arc<App>>,
    Extension(live): Extension<Live>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let last = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok())
        .or(wanted.after);
    let (missed, next) = live.after(last);
    let topics = wanted.topic.split(',').filter_map(|topic| topic.parse().ok()).collect();
    let told = Time::ZERO;
    let listener = Listener {
        app,
        topics,
        missed: missed.into(),
        next,
        stop: live.stop.clone(),
        told,
        waiting: None,
    };
    let stream = futures_util::stream::unfold(listener, async |listener| {
        let (event, listener) = listener.next().await?;
        Some((Ok(event), listener))
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

#[cfg(test)]
mod tests {
    use kaishin_domain::id::JobId;

    use super::*;

    #[test]
    fn a_topic_hears_of_its_own_matters_only() {
        let (one, other) = (TerminalId::new(Time(1), [1; 10]), TerminalId::new(Time(2), [2; 10]));
        let job = Change::Job {
            job: JobId::new(Time(3), [3; 10]),
            terminal: one,
        };
        let topic: Topic = format!("terminal:{one}").parse().expect("a topic");
        assert_eq!(topic.wants(&Change::Terminal(one)), Some("terminal"));
        assert_eq!(topic.wants(&Change::Terminal(other)), None);
        assert_eq!(topic.wants(&job), Some("job"));
        assert_eq!(Topic::Overview.wants(&job), Some("overview"));
        assert_eq!(Topic::Audit.wants(&job), None);
        assert!("terminal:x".parse::<Topic>().is_err() && "all".parse::<Topic>().is_err());
    }

    #[test]
    fn one_who_was_away_hears_what_was_missed() {
        let live = Live::new(CancellationToken::new());
        for number in 1..=3 {
            live.tell(Happened {
                number,
                change: Arc::new(Change::Audit),
            });
        }
        let (missed, _) = live.after(Some(1));
        assert_eq!(
            missed.iter().map(|happened| happened.number).collect::<Vec<_>>(),
            [2, 3]
        );
        assert!(live.after(None).0.is_empty());
        assert!(live.after(Some(live.number())).0.is_empty());
    }
}
