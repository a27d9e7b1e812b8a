//! What systemd is told, where it asks: that the server is ready, lives, is stopping. Elsewhere nothing happens.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use kaishin_domain::time::Span;
use tracing::warn;

pub struct Supervisor {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Span>,
}

impl Supervisor {
    /// As this process was started.
    pub fn of_environment() -> Supervisor {
        let set = |name: &str| std::env::var(name).ok();
        Supervisor {
            socket: set("NOTIFY_SOCKET").and_then(|path| match reach(&path) {
                Ok(socket) => Some(socket),
                Err(error) => {
                    warn!(%error, path, "the supervisor's socket cannot be used");
                    None
                }
            }),
            watchdog: watchdog(set("WATCHDOG_USEC"), set("WATCHDOG_PID"), std::process::id()),
        }
    }

    pub fn ready(&self) {
        self.tell("READY=1");
    }

    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// How often it wants to hear that the server lives: twice in the time after which it would give up.
    pub fn turn(&self) -> Option<Span> {
        self.watchdog.map(|span| Span(span.0 / 2))
    }

    fn tell(&self, word: &str) {
        let Some((socket, to)) = &self.socket else {
            return;
        };
        if let Err(error) = socket.send_to_addr(word.as_bytes(), to) {
            warn!(%error, word, "the supervisor could not be told");
        }
    }
}

/// A path, or a name without one where it begins with `@`.
fn reach(path: &str) -> std::io::Result<(UnixDatagram, SocketAddr)> {
    let to = match path.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(path)?,
    };
    let socket = UnixDatagram::unbound()?;
    // Nobody waits for a supervisor that does not listen.
    socket.set_write_timeout(Some(Duration::from_secs(1)))?;
    Ok((socket, to))
}

/// Only where it is this process that is watched.
fn watchdog(micros: Option<String>, pid: Option<String>, own: u32) -> Option<Span> {
    if pid.is_some_and(|pid| pid != own.to_string()) {
        return None;
    }
    let micros: i64 = micros?.parse().ok()?;
    (micros > 1).then_some(Span(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_is_heeded_where_it_watches_this_process() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(watchdog(text("60000000"), None, 7), Some(Span::minutes(1)));
        assert_eq!(watchdog(text("60000000"), text("7"), 7), Some(Span::minutes(1)));
        for (micros, pid) in [
            (None, None),
            (text("60000000"), text("8")),
            (text("soon"), None),
            (text("0"), None),
        ] {
            assert_eq!(watchdog(micros, pid, 7), None);
        }
    }

    #[test]
    fn words_arrive_at_a_socket_without_a_path_too() {
        let name = format!("@kaishin-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name[1..]).expect("a name");
        let ear = UnixDatagram::bind_addr(&address).expect("a socket");
        let supervisor = Supervisor {
            socket: Some(reach(&name).expect("reached")),
            watchdog: None,
        };
        supervisor.ready();
        let mut heard = [0; 16];
        let length = ear.recv(&mut heard).expect("heard");
        assert_eq!(&heard[..length], b"READY=1");
    }
}
