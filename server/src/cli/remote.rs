//! Commands that ask a running server over its API, as any other program with a token does.

use clap::Args;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value as Json;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use super::failed::Failed;

#[derive(Debug, Args)]
pub struct Remote {
    /// Where the server's pages are, such as http://127.0.0.1:8480
    #[arg(long, env = "KAISHIN_URL", value_name = "URL")]
    url: String,
    /// An API token; better in the environment, where other users of the machine do not see it
    #[arg(long, env = "KAISHIN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: String,
}

/// What came back, while the connection is there.
struct Answered {
    response: Response<Incoming>,
    _connection: AbortOnDropHandle<()>,
}

fn unreachable(error: impl std::error::Error + Send + Sync + 'static) -> Failed {
    Failed::Unreachable(Box::new(error))
}

impl Remote {
    pub async fn get(&self, path: &str) -> Result<Json, Failed> {
        let answered = self.ask(path).await?;
        let body = answered.response.into_body().collect().await.map_err(unreachable)?;
        serde_json::from_slice(&body.to_bytes()).map_err(unreachable)
    }

    /// Hands an answer on as it comes.
    pub async fn copy(&self, path: &str, mut to: impl FnMut(&[u8])) -> Result<(), Failed> {
        let answered = self.ask(path).await?;
        let mut body = answered.response.into_body();
        while let Some(frame) = body.frame().await {
            if let Some(data) = frame.map_err(unreachable)?.data_ref() {
                to(data);
            }
        }
        Ok(())
    }

    async fn ask(&self, path: &str) -> Result<Answered, Failed> {
        let base = self.url.trim_end_matches('/');
        let uri: Uri = format!("{base}{path}").parse().map_err(|_| Failed::Address)?;
        let authority = uri.authority().cloned().ok_or(Failed::Address)?;
        if uri.scheme_str() != Some("http") {
            return Err(Failed::Address);
        }
        let place = (authority.host(), authority.port_u16().unwrap_or(80));
        let stream = TcpStream::connect(place).await.map_err(unreachable)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(unreachable)?;
        // What breaks here is seen by who reads the answer.
        let connection = AbortOnDropHandle::new(tokio::spawn(async move { drop(connection.await) }));
        let request = Request::get(uri.path_and_query().map_or("/", |path| path.as_str()))
            .header(HOST, authority.as_str())
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Empty::<Bytes>::new())
            .map_err(|_| Failed::Address)?;
        let response = sender.send_request(request).await.map_err(unreachable)?;
        if response.status().is_success() {
            return Ok(Answered {
                response,
                _connection: connection,
            });
        }
        let body = response.into_body().collect().await.map_err(unreachable)?;
        Err(refused(serde_json::from_slice(&body.to_bytes()).unwrap_or(Json::Null)))
    }
}

/// Why the server did not, in its own words.
fn refused(problem: Json) -> Failed {
    let text = |name: &str| problem[name].as_str().map(str::to_owned);
    match (text("code"), text("title_ja"), text("title")) {
        (Some(code), Some(ja), Some(en)) => Failed::Refused { code, ja, en, problem },
        // Whatever answered, it was not Kaishin.
        (_, _, _) => Failed::Address,
    }
}
