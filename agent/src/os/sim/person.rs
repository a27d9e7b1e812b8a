//! Who sits in front of a simulated terminal: sees the page that is opened there and does what people do with it, over the same
//! HTTP as a browser would.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use http::header::{COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use kaishin_proto::clock::Clock;
use kaishin_proto::time::Span;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tracing::debug;

use super::super::{OsError, Read};
use super::Sim;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    #[default]
    Yes,
    No,
    Later,
    Nothing,
}

#[derive(Clone, Debug)]
pub struct Person {
    pub behaviour: Behaviour,
    /// From seeing the page to pressing a button.
    pub thinks: Span,
    /// Told each page that opens, for whoever wants to answer in this person's place.
    pub tells: Option<mpsc::UnboundedSender<PageOpened>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOpened {
    pub hostname: String,
    /// Works once.
    pub link: String,
}

/// Who comes and goes.
impl Sim {
    pub fn sign_in(&self, sid: &str) {
        let mut state = self.lock();
        state.signed_in.insert(sid.to_owned());
        state.browser_starts(self.clock.now());
    }

    pub fn sign_out(&self, sid: &str) {
        self.lock().signed_in.remove(sid);
    }

    /// Who sits in front of this machine from now on.
    pub fn person(&self, person: Person) {
        self.lock().person = person;
    }
}

impl Default for Person {
    fn default() -> Person {
        Person {
            behaviour: Behaviour::default(),
            thinks: Span(0),
            tells: None,
        }
    }
}

impl Person {
    pub(super) fn look_at(&self, hostname: &str, url: &str, clock: &Clock) -> Read<()> {
        if let Some(tells) = &self.tells {
            // Nobody may be listening any more.
            let _ = tells.send(PageOpened {
                hostname: hostname.to_owned(),
                link: url.to_owned(),
            });
        }
        let form = match self.behaviour {
            Behaviour::Yes => "answer=yes",
            Behaviour::No => "answer=no&reason=unknown",
            Behaviour::Later => "answer=later&reason=patient",
            Behaviour::Nothing => return Ok(()),
        };
        let runtime = Handle::try_current().map_err(|_| OsError::not_supported("no browser without a runtime"))?;
        let (url, clock, thinks) = (url.to_owned(), clock.clone(), self.thinks);
        runtime.spawn(async move {
            if let Err(error) = answer(&url, form, &clock, thinks).await {
                // As when a person closes the window, or the page is gone before they look.
                debug!(%error, "a simulated person did not get to answer");
            }
        });
        Ok(())
    }
}

/// What a person does who is asked and agrees, on any terminal's page.
pub async fn says_yes(url: &str, clock: &Clock) -> io::Result<()> {
    answer(url, "answer=yes", clock, Span(0)).await
}

async fn answer(url: &str, form: &'static str, clock: &Clock, thinks: Span) -> io::Result<()> {
    let mut visit = Visit::begin(url)?;
    let link = visit.path.clone();
    let met = visit.ask(Method::GET, &link, "").await?;
    let cookie = met.headers().get(SET_COOKIE).and_then(|cookie| cookie.to_str().ok());
    visit.cookie = cookie
        .and_then(|cookie| cookie.split(';').next())
        .unwrap_or_default()
        .to_owned();
    let home = met.headers().get(LOCATION).and_then(|home| home.to_str().ok());
    let home = home
        .ok_or_else(|| io::Error::other("the link leads nowhere"))?
        .to_owned();
    visit.ask(Method::GET, &home, "").await?;
    clock.sleep(thinks).await;
    let answered = visit.ask(Method::POST, "/answer", form).await?;
    if !answered.status().is_redirection() {
        return Err(io::Error::other(format!("the page answers {}", answered.status())));
    }
    // Then does what the page asks for, a step at a time, until it has nothing more to ask.
    loop {
        clock.sleep(thinks.max(BETWEEN)).await;
        let page = visit.ask(Method::GET, "/state", "").await?;
        let page = String::from_utf8_lossy(page.body()).into_owned();
        if page.contains("data-over") {
            return Ok(());
        }
        if let Some(step) = page
            .split("name=\"tick\" value=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
        {
            visit.ask(Method::POST, "/answer", &format!("tick={step}")).await?;
        }
    }
}

/// From one look at the page to the next.
const BETWEEN: Span = Span::seconds(1);

/// A browser's side of it, without the screen.
struct Visit {
    host: String,
    path: String,
    cookie: String,
}

impl Visit {
    fn begin(url: &str) -> io::Result<Visit> {
        let rest = url.strip_prefix("http://").unwrap_or(url);
        let (host, path) = rest.split_once('/').ok_or_else(|| io::Error::other("no page"))?;
        Ok(Visit {
            host: host.to_owned(),
            path: format!("/{path}"),
            cookie: String::new(),
        })
    }

    async fn ask(&self, method: Method, path: &str, body: &str) -> io::Result<Response<Bytes>> {
        let port = self.host.rsplit(':').next().and_then(|port| port.parse().ok());
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
        let line = TokioIo::new(TcpStream::connect(to).await?);
        let (mut requests, connection) = http1::handshake(line).await.map_err(io::Error::other)?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.host)
            .header(ORIGIN, format!("http://{}", self.host))
            .header(COOKIE, &self.cookie)
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
            .map_err(io::Error::other)?;
        let asked = async {
            let (head, body) = requests.send_request(request).await?.into_parts();
            Ok::<_, hyper::Error>(Response::from_parts(head, body.collect().await?.to_bytes()))
        };
        tokio::pin!(asked);
        tokio::select! {
            answered = &mut asked => answered,
            ended = connection => match ended {
                Ok(()) => asked.await,
                Err(error) => Err(error),
            },
        }
        .map_err(io::Error::other)
    }
}
