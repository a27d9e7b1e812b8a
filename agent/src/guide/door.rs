//! The page's way out and in: one listener on 127.0.0.1 that lives as long as the page does. A browser is let in by a link that
//! works once and leaves it a cookie; whatever else knocks (another host's name, another page's form, a guessed or used link)
//! is turned away before anything is looked at.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use kaishin_proto::clock::Clock;
use kaishin_proto::time::{Span, Time};
use subtle::ConstantTimeEq as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tracing::warn;

use super::page::{LATER, NO, Said, Shared, Why};
use super::shown::{self, Language};
use crate::entropy;
use crate::error::AgentError;
use crate::keep::Keep;
use crate::os::OsError;
use crate::words;

/// How long the last words stay on the screen.
const LINGER: Span = Span::minutes(2);
/// A browser opens a handful.
const MOST_CONNECTIONS: usize = 16;
const MOST_HEAD: usize = 16 * 1024;
const MOST_BODY: usize = 1024;
const PATIENCE: Duration = Duration::from_secs(10);
/// Windows in which one page may stand at once; the oldest gives way.
const MOST_GUESTS: usize = 4;
const PAGE: &str = "text/html; charset=utf-8";
const STYLE: &str = include_str!("guide.css");
const SCRIPT: &str = include_str!("guide.js");

/// Sent with everything: nothing from elsewhere runs, nothing is framed, nothing is remembered. The policy for referrers is not
/// `no-referrer`, with which a form would no longer tell where it comes from.
const ALWAYS: &[(HeaderName, &str)] = &[
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
         frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
];
const ELSEWHERE: &[(&str, &str)] = &[
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Shut, with every connection, when it is dropped.
pub struct Door {
    porter: Arc<Porter>,
    task: JoinHandle<()>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Door {
    pub async fn open(page: Shared, clock: Clock, keep: Option<Keep>) -> Result<Door, AgentError> {
        let failed = |error: std::io::Error| OsError::from_io("a listener on 127.0.0.1", &error);
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = TcpListener::bind(any).await.map_err(failed)?;
        let host = listener.local_addr().map_err(failed)?.to_string();
        let porter = Arc::new(Porter {
            origin: format!("http://{host}"),
            cookie: format!("kaishin-guide-{}", host.rsplit(':').next().unwrap_or_default()),
            host,
            page,
            clock,
            keep,
            keys: Mutex::default(),
        });
        let task = tokio::spawn(attend(listener, Arc::clone(&porter)));
        Ok(Door { porter, task })
    }

    pub fn porter(&self) -> Arc<Porter> {
        Arc::clone(&self.porter)
    }
}

/// Who lets browsers in, and sees whether they are still there.
pub struct Porter {
    /// "127.0.0.1:49152"
    host: String,
    origin: String,
    /// Cookies of one host are shared by all its ports, so the port is in the name.
    cookie: String,
    page: Shared,
    clock: Clock,
    keep: Option<Keep>,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    /// What a browser must know to be let in; each gone once one has known it.
    links: Vec<String>,
    guests: Vec<String>,
    looked: Option<Time>,
}

/// Until some time after the page has nothing more to say.
async fn attend(listener: TcpListener, porter: Arc<Porter>) {
    let _kept = KeptLink(Arc::clone(&porter));
    let mut page = porter.page.subscribe();
    let over = async {
        // The sender lives as long as the porter.
        let _ = page.wait_for(|page| page.is_over()).await;
        porter.clock.sleep(LINGER).await;
    };
    tokio::pin!(over);
    let mut guests = JoinSet::new();
    loop {
        tokio::select! {
            () = &mut over => return,
            Some(_) = guests.join_next() => {}
            accepted = listener.accept(), if guests.len() < MOST_CONNECTIONS => {
                if let Ok((stream, from)) = accepted && from.ip() == Ipv4Addr::LOCALHOST {
                    guests.spawn(serve(stream, Arc::clone(&porter)));
                }
            }
        }
    }
}

async fn serve(stream: TcpStream, porter: Arc<Porter>) {
    let answered = service_fn(|request| {
        let porter = Arc::clone(&porter);
        async move { Ok::<_, Infallible>(porter.answer(request).await) }
    });
    // What a guest does wrong is told to the guest; who goes away is missed by nobody.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(MOST_HEAD)
        .serve_connection(TokioIo::new(stream), answered)
        .await;
}

/// Takes the link that is kept away with the page, unless it is already another page's.
struct KeptLink(Arc<Porter>);

impl Drop for KeptLink {
    fn drop(&mut self) {
        let Some(keep) = &self.0.keep else { return };
        if let Ok(Some(link)) = keep.guide()
            && link.starts_with(&format!("{}/", self.0.origin))
            && let Err(error) = keep.store_guide(None)
        {
            warn!(%error, "the guide's link stays where it is; it opens nothing");
        }
    }
}

type Reply = Response<Full<Bytes>>;

impl Porter {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        let reply = self.let_in(request).await;
        reply.unwrap_or_else(|refused| refused.reply())
    }

    async fn let_in(&self, request: Request<Incoming>) -> Result<Reply, Refused> {
        let head = request.headers();
        // A name that somebody pointed at 127.0.0.1 is not our name.
        if sole(head, header::HOST) != Some(&self.host) {
            return Err(Refused::Elsewhere);
        }
        let path = request.uri().path().to_owned();
        if let Some(secret) = path.strip_prefix("/open/") {
            only(&request, Method::GET)?;
            return self.exchange(secret);
        }
        if !self.knows(head) {
            return Err(Refused::Stranger);
        }
        let (language, rest) = Language::of(&path);
        match rest {
            "/" => {
                only(&request, Method::GET)?;
                let html = shown::whole(&self.page.borrow(), language, self.clock.now());
                Ok(reply(StatusCode::OK, PAGE, html))
            }
            "/state" => {
                only(&request, Method::GET)?;
                let html = shown::part(&self.page.borrow(), language, self.clock.now());
                Ok(reply(StatusCode::OK, PAGE, html))
            }
            "/guide.css" => {
                only(&request, Method::GET)?;
                Ok(reply(StatusCode::OK, "text/css; charset=utf-8", STYLE))
            }
            "/guide.js" => {
                only(&request, Method::GET)?;
                Ok(reply(StatusCode::OK, "text/javascript; charset=utf-8", SCRIPT))
            }
            "/answer" => {
                only(&request, Method::POST)?;
                if sole(request.headers(), header::ORIGIN) != Some(&self.origin) {
                    return Err(Refused::Elsewhere);
                }
                let said = heard(request.into_body()).await?;
                self.page.send_if_modified(|page| page.hear(said));
                Ok(see(language.home()))
            }
            _ => Err(Refused::NoSuchPage),
        }
    }

    /// The link for a cookie, once.
    fn exchange(&self, secret: &str) -> Result<Reply, Refused> {
        let guest = entropy::bytes::<32>()
            .map(hex::encode)
            .map_err(|_| Refused::NoSuchPage)?;
        {
            let mut keys = self.keys();
            let right = keys.links.iter().position(|link| same(link, secret));
            let right = right.ok_or(Refused::Stranger)?;
            keys.links.remove(right);
            if keys.guests.len() == MOST_GUESTS {
                keys.guests.remove(0);
            }
            keys.guests.push(guest.clone());
        }
        // Whoever closes the window can have it opened again.
        if let Err(error) = self.new_link() {
            warn!(%error, "the guide has no further link");
        }
        let mut reply = see("/");
        let cookie = format!("{}={guest}; Path=/; HttpOnly; SameSite=Strict", self.cookie);
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            reply.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        Ok(reply)
    }

    /// Lets one browser in, once.
    pub fn new_link(&self) -> Result<String, AgentError> {
        let secret = hex::encode(entropy::bytes::<32>()?);
        let link = format!("{}/open/{secret}", self.origin);
        let mut keys = self.keys();
        if keys.links.len() == MOST_GUESTS {
            keys.links.remove(0);
        }
        keys.links.push(secret);
        drop(keys);
        if let Some(keep) = &self.keep {
            keep.store_guide(Some(&link))?;
        }
        Ok(link)
    }

    /// When a browser that was let in last asked for anything.
    pub fn looked(&self) -> Option<Time> {
        self.keys().looked
    }

    fn knows(&self, head: &HeaderMap) -> bool {
        let sent = head
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok());
        let mut ours = sent
            .flat_map(|line| line.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .filter(|(name, _)| *name == self.cookie);
        let mut keys = self.keys();
        let known = ours.any(|(_, value)| keys.guests.iter().any(|guest| same(guest, value)));
        if known {
            keys.looked = Some(self.clock.now());
        }
        known
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In the same time wherever they differ.
fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// A header that must stand once: two of them are none.
fn sole(head: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut all = head.get_all(name).iter();
    let first = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(first)
}

fn only(request: &Request<Incoming>, method: Method) -> Result<(), Refused> {
    if request.method() == method {
        Ok(())
    } else {
        Err(Refused::Method(method))
    }
}

/// The page's own few forms, and nothing else.
async fn heard(body: Incoming) -> Result<Said, Refused> {
    let whole = tokio::time::timeout(PATIENCE, Limited::new(body, MOST_BODY).collect()).await;
    let bytes = whole
        .map_err(|_| Refused::NotUnderstood)?
        .map_err(|_| Refused::TooLarge)?
        .to_bytes();
    let form = std::str::from_utf8(&bytes).map_err(|_| Refused::NotUnderstood)?;
    let field = |wanted: &str| {
        let fields = form.split('&').filter_map(|field| field.split_once('='));
        fields
            .into_iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value)
    };
    let why = |of| Why::find(of, field("reason").unwrap_or_default()).ok_or(Refused::NotUnderstood);
    match field("answer") {
        Some("yes") => Ok(Said::Yes),
        Some("no") => Ok(Said::No(why(NO)?)),
        Some("later") => Ok(Said::Later(why(LATER)?)),
        Some(_) => Err(Refused::NotUnderstood),
        None => field("tick")
            .map(|step| Said::Tick(step.to_owned()))
            .ok_or(Refused::NotUnderstood),
    }
}

enum Refused {
    /// Another host's name, or another page's form.
    Elsewhere,
    /// Neither a link that still works nor a cookie of ours.
    Stranger,
    NoSuchPage,
    Method(Method),
    TooLarge,
    NotUnderstood,
}

impl Refused {
    fn reply(&self) -> Reply {
        let (status, code) = match self {
            Refused::Elsewhere => (StatusCode::FORBIDDEN, words::GUIDE_ELSEWHERE),
            Refused::Stranger => (StatusCode::FORBIDDEN, words::GUIDE_STRANGER),
            Refused::NoSuchPage => (StatusCode::NOT_FOUND, words::GUIDE_NOT_UNDERSTOOD),
            Refused::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, words::GUIDE_NOT_UNDERSTOOD),
            Refused::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, words::GUIDE_NOT_UNDERSTOOD),
            Refused::NotUnderstood => (StatusCode::BAD_REQUEST, words::GUIDE_NOT_UNDERSTOOD),
        };
        let mut reply = reply(status, "text/plain; charset=utf-8", words::say(code));
        if let Refused::Method(method) = self
            && let Ok(method) = HeaderValue::from_str(method.as_str())
        {
            reply.headers_mut().insert(header::ALLOW, method);
        }
        reply
    }
}

fn see(path: &'static str) -> Reply {
    let mut reply = reply(StatusCode::SEE_OTHER, PAGE, "");
    reply
        .headers_mut()
        .insert(header::LOCATION, HeaderValue::from_static(path));
    reply
}

fn reply(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    let head = reply.headers_mut();
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in ALWAYS {
        head.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in ELSEWHERE {
        head.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    reply
}
