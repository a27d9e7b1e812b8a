//! Asking a time server how far off this machine's clock is (RFC 4330): one packet each way. Building and reading packets
//! is pure; an answer that is not plainly sound is no answer.

use std::net::{ToSocketAddrs, UdpSocket};

use kaishin_proto::clock::Clock;
use kaishin_proto::time::{Span, Time};

use super::{OsError, Read};

pub const PORT: u16 = 123;
pub const WITHIN: Span = Span::seconds(4);
const PACKET: usize = 48;
/// No leap warning, version 4, client.
const ASK: u8 = 0b00_100_011;
const SERVER: u8 = 4;
/// Seconds from 1900 to 1970.
const SINCE_1900: i64 = 2_208_988_800;
/// The 32 bits of seconds begin anew in 2036.
const ERA: i64 = 1 << 32;
const SECOND: i64 = 1_000_000;

/// What is sent; the server gives the stamp back, so that an answer to somebody else is told apart.
pub fn request(now: Time) -> [u8; PACKET] {
    let mut packet = [0; PACKET];
    packet[0] = ASK;
    packet[40..48].copy_from_slice(&stamp(now).to_be_bytes());
    packet
}

/// How far the clock is behind (positive) or ahead (negative), from the packet that came back and when it was asked for
/// and arrived.
pub fn offset(reply: &[u8], sent: Time, arrived: Time) -> Read<Span> {
    let damaged = |what: &str| OsError::damaged(format!("the time server's answer {what}"));
    let packet: &[u8; PACKET] = reply
        .get(..PACKET)
        .and_then(|head| head.try_into().ok())
        .ok_or_else(|| damaged(&format!("has {} bytes", reply.len())))?;
    if packet[0] & 0b111 != SERVER {
        return Err(damaged("is none"));
    }
    if word(packet, 24) != stamp(sent) {
        return Err(damaged("is to another question"));
    }
    // Leap indicator 3 and stratum 0 or above 15: it does not know the time itself.
    if packet[0] >> 6 == 3 || packet[1] == 0 || packet[1] > 15 {
        return Err(OsError::failed("the time server does not know the time"));
    }
    let (received, answered) = (word(packet, 32), word(packet, 40));
    if received == 0 || answered == 0 {
        return Err(damaged("has no time in it"));
    }
    let (received, answered) = (time(received, sent), time(answered, sent));
    let (there, back) = (received.since(sent).0, answered.since(arrived).0);
    Ok(Span(there / 2 + back / 2))
}

fn word(packet: &[u8; PACKET], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&packet[at..at + 8]);
    u64::from_be_bytes(word)
}

/// Seconds since 1900 and their fraction, 32 bits each.
fn stamp(at: Time) -> u64 {
    let seconds = at.micros().div_euclid(SECOND) + SINCE_1900;
    let micros = at.micros().rem_euclid(SECOND).cast_unsigned();
    let fraction = (micros << 32) / 1_000_000;
    ((seconds.rem_euclid(ERA)).cast_unsigned() << 32) | fraction
}

/// The moment nearest to `about` that has this stamp.
fn time(stamp: u64, about: Time) -> Time {
    let seconds = (stamp >> 32).cast_signed();
    let micros = ((stamp & 0xffff_ffff) * 1_000_000) >> 32;
    let near = about.micros().div_euclid(SECOND) + SINCE_1900;
    let eras = (near - seconds + ERA / 2).div_euclid(ERA);
    Time((seconds + eras * ERA - SINCE_1900) * SECOND + micros.cast_signed())
}

/// Asks until somebody answers or the time is over.
pub fn ask(host: &str, port: u16, within: Span, clock: &Clock) -> Read<Span> {
    let failed = |error: std::io::Error| OsError::failed(format!("{host}:{port}: {error}"));
    let address = (host, port).to_socket_addrs().map_err(failed)?.next();
    let address = address.ok_or_else(|| OsError::failed(format!("{host} has no address")))?;
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).map_err(failed)?;
    socket.connect(address).map_err(failed)?;
    let half = Span(within.0 / 2).as_duration();
    socket
        .set_read_timeout(Some(half.max(std::time::Duration::from_millis(1))))
        .map_err(failed)?;
    let mut last = OsError::failed(format!("{host}:{port} does not answer"));
    // A packet may be lost: once again is enough.
    for _ in 0..2 {
        let sent = clock.now();
        socket.send(&request(sent)).map_err(failed)?;
        let mut reply = [0; 512];
        match socket.recv(&mut reply) {
            Ok(length) => match offset(reply.get(..length).unwrap_or_default(), sent, clock.now()) {
                Ok(offset) => return Ok(offset),
                Err(error) => last = error,
            },
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) => {}
            Err(error) => last = failed(error),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaishin_proto::value::Reason;

    const NOW: Time = Time(1_800_000_000_250_000);

    /// A server whose clock is `ahead` of ours and which takes no time to answer.
    fn answer(request: &[u8], at: Time) -> Vec<u8> {
        let mut packet = vec![0; PACKET];
        packet[0] = 0b00_100_100;
        packet[1] = 2;
        packet[24..32].copy_from_slice(&request[40..48]);
        packet[32..40].copy_from_slice(&stamp(at).to_be_bytes());
        packet[40..48].copy_from_slice(&stamp(at).to_be_bytes());
        packet
    }

    #[test]
    fn the_offset_is_what_the_server_is_ahead() {
        for seconds in [-86_400, -61, 0, 3, 40_000_000] {
            let reply = answer(&request(NOW), NOW + Span::seconds(seconds));
            let found = offset(&reply, NOW, NOW).unwrap();
            assert!((found.0 - Span::seconds(seconds).0).abs() < 10, "{seconds}: {found:?}");
        }
        // The way there and back, in equal parts, is not the clock's fault.
        let reply = answer(&request(NOW), NOW + Span::millis(20));
        let found = offset(&reply, NOW, NOW + Span::millis(40)).unwrap();
        assert!(found.0.abs() < 10, "{found:?}");
    }

    #[test]
    fn stamps_go_on_after_2036() {
        for at in [Time(0), NOW, Time(2_085_978_495_999_999), Time(2_085_978_496_000_000)] {
            assert!((time(stamp(at), at).0 - at.0).abs() <= 1, "{at:?}");
        }
        let late = Time(2_085_978_490_000_000);
        let reply = answer(&request(late), late + Span::seconds(20));
        assert!((offset(&reply, late, late).unwrap().0 - Span::seconds(20).0).abs() < 10);
    }

    #[test]
    fn an_answer_that_is_not_sound_is_none() {
        let good = answer(&request(NOW), NOW);
        let changed = |at: usize, to: u8| {
            let mut packet = good.clone();
            packet[at] = to;
            packet
        };
        let without_time = {
            let mut packet = good.clone();
            packet[32..48].fill(0);
            packet
        };
        for (reply, reason) in [
            (Vec::new(), Reason::Damaged),
            (good[..47].to_vec(), Reason::Damaged),
            (changed(0, 0b00_100_011), Reason::Damaged),
            (changed(0, 0b11_100_100), Reason::Failed),
            (changed(1, 0), Reason::Failed),
            (changed(1, 16), Reason::Failed),
            (changed(24, 0), Reason::Damaged),
            (without_time, Reason::Damaged),
        ] {
            assert_eq!(offset(&reply, NOW, NOW).unwrap_err().reason, reason, "{reply:?}");
        }
    }

    #[test]
    fn a_server_on_this_machine_is_asked_and_a_silent_one_given_up() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let clock = Clock::manual(NOW);
        let answering = std::thread::spawn(move || {
            let mut packet = [0; 128];
            let (length, from) = server.recv_from(&mut packet).unwrap();
            let reply = answer(&packet[..length], NOW + Span::seconds(5));
            server.send_to(&reply, from).unwrap();
            server
        });
        let found = ask("127.0.0.1", port, Span::seconds(20), &clock).unwrap();
        assert!((found.0 - Span::seconds(5).0).abs() < 10, "{found:?}");
        let _silent = answering.join().unwrap();
        let silent = ask("127.0.0.1", port, Span::millis(40), &clock).unwrap_err();
        assert_eq!(silent.reason, Reason::Failed);
    }

    proptest::proptest! {
        #[test]
        fn no_packet_makes_it_fall(reply: Vec<u8>, sent: i64, arrived: i64) {
            let _ = offset(&reply, Time(sent), Time(arrived));
        }
    }
}
