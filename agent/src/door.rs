//! The way in for people at this terminal: `kaishin-agent code` reaches the running agent over the loopback address, with a
//! secret that everybody who is signed in here may read, and no web page or other machine. Nothing is looked at again and again;
//! an idle door costs nothing. All it ever tells is the call code; it takes nothing but the secret.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use kaishin_proto::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::info;

use crate::callcode::{CallCodes, Shown};
use crate::entropy;
use crate::keep::Keep;

const MOST_VISITORS: usize = 8;
const LONGEST_LINE: u64 = 200;
const KNOCK_WITHIN: Duration = Duration::from_secs(5);

/// Where the door of the running agent is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub port: u16,
    pub secret: String,
}

/// Open until it is dropped. An agent without a folder has no door: nobody could find it.
pub struct Door(Option<tokio::task::JoinHandle<()>>);

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(open) = &self.0 {
            open.abort();
        }
    }
}

impl Door {
    /// One that cannot be opened is only missed by people who would read out a code.
    pub async fn open(keep: &Keep, codes: CallCodes) -> Door {
        if !keep.blocks() {
            return Door(None);
        }
        match listen(keep).await {
            Ok((listener, secret)) => Door(Some(tokio::spawn(serve(listener, secret.into(), codes)))),
            Err(error) => {
                info!(%error, "there is no way in for people at this terminal");
                Door(None)
            }
        }
    }
}

async fn listen(keep: &Keep) -> Result<(TcpListener, String), Box<dyn std::error::Error + Send + Sync>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let secret = hex::encode(entropy::bytes::<32>()?);
    keep.store_door(&Address {
        port: listener.local_addr()?.port(),
        secret: secret.clone(),
    })?;
    Ok((listener, secret))
}

async fn serve(listener: TcpListener, secret: Arc<str>, codes: CallCodes) {
    let places = Arc::new(Semaphore::new(MOST_VISITORS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let Ok((visitor, _)) = listener.accept().await else {
            continue;
        };
        let (secret, codes) = (secret.clone(), codes.clone());
        tokio::spawn(async move {
            // Whoever goes away ends it; there is nobody to tell.
            let _ = receive(visitor, &secret, &codes).await;
            drop(place);
        });
    }
}

async fn receive(visitor: TcpStream, secret: &str, codes: &CallCodes) -> std::io::Result<()> {
    let (from, mut to) = visitor.into_split();
    let mut from = BufReader::new(from);
    match tokio::time::timeout(KNOCK_WITHIN, line(&mut from)).await {
        Ok(Ok(Some(said))) if same(said.as_bytes(), secret.as_bytes()) => {}
        Ok(_) | Err(_) => return Ok(()),
    }
    let mut asking = codes.ask();
    loop {
        let told = format!("{}\n", told(asking.now()));
        to.write_all(told.as_bytes()).await?;
        tokio::select! {
            // One who says anything more, or goes, has seen enough.
            _ = line(&mut from) => return Ok(()),
            on = asking.changed() => if !on { return Ok(()) },
        }
    }
}

fn told(shown: Option<Shown>) -> serde_json::Value {
    match shown {
        Some(Shown { code, until }) => json!({ "code": code, "until": until.rfc3339() }),
        None => json!({ "code": null, "until": null }),
    }
}

async fn line(from: &mut BufReader<impl AsyncRead + Unpin>) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    let read = from.take(LONGEST_LINE).read_line(&mut line).await?;
    Ok((read > 0).then(|| line.trim_end().to_owned()))
}

/// Takes as long for a wrong secret as for the right one.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// What the visitor's side hears, line by line.
pub struct Visit(BufReader<TcpStream>);

impl Visit {
    /// None where nobody opens: no agent runs in this folder.
    pub async fn knock(address: &Address) -> Option<Visit> {
        let mut door = TcpStream::connect((Ipv4Addr::LOCALHOST, address.port)).await.ok()?;
        let knock = format!("{}\n", address.secret);
        door.write_all(knock.as_bytes()).await.ok()?;
        Some(Visit(BufReader::new(door)))
    }

    /// The next that is to be seen: a code, or that there is none for now. Nothing once the agent has ended.
    pub async fn next(&mut self) -> Option<Option<Shown>> {
        let line = line(&mut self.0).await.ok()??;
        let told: serde_json::Value = serde_json::from_str(&line).ok()?;
        let shown = told["code"].as_str().zip(told["until"].as_str().and_then(Time::parse));
        Some(shown.map(|(code, until)| Shown {
            code: code.to_owned(),
            until,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callcode::pair;

    #[tokio::test]
    async fn who_knows_the_secret_sees_each_code_and_a_stranger_sees_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::directory(folder.path()).unwrap();
        let (codes, mut supply) = pair();
        let _door = Door::open(&keep, codes).await;
        let address = keep.door().unwrap().expect("it says where it is");

        let stranger = Address {
            secret: "0".repeat(64),
            ..address.clone()
        };
        let mut stranger = Visit::knock(&stranger).await.expect("somebody opens");
        assert_eq!(stranger.next().await, None);

        let mut visit = Visit::knock(&address).await.expect("somebody opens");
        assert_eq!(visit.next().await, Some(None), "none yet");
        assert!(supply.wanted().await);
        for code in ["0007", "4712"] {
            let shown = Shown {
                code: code.into(),
                until: Time(60_000_000),
            };
            supply.show(Some(shown.clone()));
            assert_eq!(visit.next().await, Some(Some(shown)));
        }
        drop(visit);
        assert!(!supply.wanted().await, "nobody looks any more");
    }

    #[tokio::test]
    async fn an_agent_without_a_folder_has_no_door() {
        let (codes, _supply) = pair();
        let keep = Keep::memory();
        let _door = Door::open(&keep, codes).await;
        assert_eq!(keep.door().unwrap(), None);
    }
}
