//! Whether somebody answers at the places that a terminal needs. Nothing is ever said there beyond what shows that: a
//! question for a name or the time, a connection, the first word of TLS. All places at once, but few threads, and an end
//! after which no answer is an answer.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use kaishin_proto::clock::Clock;
use kaishin_proto::profile::{Check, CheckKind};
use kaishin_proto::time::{Span, Time};

use super::{OsError, Read, sntp};

const THREADS: usize = 8;
/// A resolver may hang for as long as it likes: whoever waits for it is left behind, but never more than these.
const MOST: usize = 64;

static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

struct Slot;

impl Slot {
    fn take() -> Option<Slot> {
        let taken = UNDER_WAY.fetch_update(Ordering::AcqRel, Ordering::Acquire, |busy| {
            (busy < MOST).then_some(busy + 1)
        });
        taken.ok().map(|_| Slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::AcqRel);
    }
}

/// One answer for each check, in their order; `within` holds for each alone, and all take no more than a few times that.
pub fn all(checks: &[Check], within: Span) -> Vec<Read<()>> {
    let clock = Clock::system();
    let queue: Arc<Mutex<VecDeque<(usize, Check)>>> =
        Arc::new(Mutex::new(checks.iter().cloned().enumerate().collect()));
    let rounds = checks.len().div_ceil(THREADS) as i64 + 1;
    let end = clock.now() + Span(within.0.saturating_mul(rounds));
    let (tell, told) = mpsc::channel();
    for _ in 0..checks.len().min(THREADS) {
        let Some(slot) = Slot::take() else { break };
        let (queue, tell, clock) = (Arc::clone(&queue), tell.clone(), clock.clone());
        std::thread::spawn(move || {
            let _slot = slot;
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some((nth, check)) = next else { return };
                if tell.send((nth, one(&check, within, &clock))).is_err() {
                    return;
                }
            }
        });
    }
    drop(tell);
    let mut answers: Vec<Read<()>> = checks
        .iter()
        .map(|check| {
            Err(OsError::failed(format!(
                "{}:{}: no answer in time",
                check.host, check.port
            )))
        })
        .collect();
    while let Ok((nth, answer)) = told.recv_timeout(end.since(clock.now()).as_duration()) {
        if let Some(slot) = answers.get_mut(nth) {
            *slot = answer;
        }
    }
    queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
    answers
}

fn one(check: &Check, within: Span, clock: &Clock) -> Read<()> {
    let (host, port) = (check.host.as_str(), check.port);
    let end = clock.now() + within;
    match check.kind {
        CheckKind::Dns => {
            let found = (host, port).to_socket_addrs();
            let found = found
                .map_err(|error| OsError::failed(format!("{host}: {error}")))?
                .next();
            found
                .map(|_| ())
                .ok_or_else(|| OsError::failed(format!("{host} has no address")))
        }
        CheckKind::Time => sntp::ask(host, port, within, clock).map(|_| ()),
        CheckKind::Tcp => connect(host, port, end, clock).map(|_| ()),
        CheckKind::Tls => {
            let stream = connect(host, port, end, clock)?;
            let left = left(end, clock);
            begin_tls(stream, host, left)
        }
    }
}

fn left(end: Time, clock: &Clock) -> Duration {
    // Zero would mean for ever.
    end.since(clock.now()).as_duration().max(Duration::from_millis(1))
}

fn connect(host: &str, port: u16, end: Time, clock: &Clock) -> Read<TcpStream> {
    let failed = |error: &std::io::Error| OsError::failed(format!("{host}:{port}: {error}"));
    let mut last = OsError::failed(format!("{host} has no address"));
    for address in (host, port).to_socket_addrs().map_err(|error| failed(&error))? {
        match TcpStream::connect_timeout(&address, left(end, clock)) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = failed(&error),
        }
    }
    Err(last)
}

/// Says hello and looks at the kind of the first record that comes back: a handshake is enough. Whom the server trusts
/// and which certificate it wants of its clients is between it and them.
fn begin_tls(mut stream: TcpStream, host: &str, within: Duration) -> Read<()> {
    const HANDSHAKE: u8 = 22;
    const ALERT: u8 = 21;
    let failed = |error: std::io::Error| OsError::failed(format!("{host}: {error}"));
    stream.set_read_timeout(Some(within)).map_err(failed)?;
    stream.set_write_timeout(Some(within)).map_err(failed)?;
    stream.write_all(&client_hello(host)?).map_err(failed)?;
    let mut record = [0; 7];
    stream.read_exact(&mut record).map_err(failed)?;
    match record {
        [HANDSHAKE, 3, ..] => Ok(()),
        [ALERT, 3, _, _, _, _, alert] => Err(OsError::failed(format!("{host} refuses TLS with alert {alert}"))),
        _ => Err(OsError::failed(format!("{host} answers, but not with TLS"))),
    }
}

fn client_hello(host: &str) -> Read<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| OsError::failed(format!("{host}: {error}"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = host.to_owned().try_into().map_err(|error| failed(&error))?;
    let mut connection = rustls::ClientConnection::new(Arc::new(config), name).map_err(|error| failed(&error))?;
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).map_err(|error| failed(&error))?;
    Ok(hello)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn check(kind: CheckKind, host: &str, port: u16) -> Check {
        Check {
            name: "x".into(),
            kind,
            host: host.into(),
            port,
        }
    }

    /// Takes one connection and answers the first thing said with these bytes, or hangs up.
    fn answering(with: &'static [u8]) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(with);
        });
        port
    }

    #[test]
    fn whoever_begins_tls_is_reached_and_others_say_why_not() {
        const WITHIN: Span = Span::seconds(20);
        let refused = {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        for (check, expected) in [
            (
                check(CheckKind::Tls, "127.0.0.1", answering(&[22, 3, 3, 0, 90, 2, 0])),
                "",
            ),
            (
                check(CheckKind::Tls, "localhost", answering(&[22, 3, 1, 0, 90, 2, 0])),
                "",
            ),
            (
                check(CheckKind::Tls, "127.0.0.1", answering(&[21, 3, 3, 0, 2, 2, 40])),
                "alert 40",
            ),
            (
                check(CheckKind::Tls, "127.0.0.1", answering(b"HTTP/1.1 400")),
                "not with TLS",
            ),
            (check(CheckKind::Tls, "127.0.0.1", answering(&[22, 3])), "127.0.0.1"),
            (check(CheckKind::Tls, "127.0.0.1", answering(&[])), "127.0.0.1"),
            (check(CheckKind::Tcp, "127.0.0.1", answering(&[])), ""),
            (check(CheckKind::Tcp, "127.0.0.1", refused), "127.0.0.1"),
            (check(CheckKind::Dns, "localhost", 53), ""),
        ] {
            let answers = all(std::slice::from_ref(&check), WITHIN);
            match &answers[..] {
                [Ok(())] => assert_eq!(expected, "", "{check:?}"),
                [Err(error)] => assert!(
                    !expected.is_empty() && error.detail.contains(expected),
                    "{check:?}: {error}"
                ),
                _ => panic!("{answers:?}"),
            }
        }
    }

    #[test]
    fn who_says_nothing_is_given_up_and_holds_nobody_else_up() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        let mut checks: Vec<Check> = (0..12).map(|_| check(CheckKind::Tls, "127.0.0.1", port)).collect();
        checks.push(check(CheckKind::Dns, "localhost", 53));
        let answers = all(&checks, Span::millis(60));
        assert_eq!(answers.len(), 13);
        assert!(answers[..12].iter().all(Result::is_err));
        assert_eq!(answers[12], Ok(()));
    }

    #[test]
    fn the_first_word_is_a_client_hello_with_the_name() {
        let hello = client_hello("hweb.oqs.onshikaku.org").unwrap();
        assert_eq!(hello[0], 22);
        assert!(hello.windows(22).any(|window| window == b"hweb.oqs.onshikaku.org"));
        assert!(client_hello("no host").is_err());
    }
}
