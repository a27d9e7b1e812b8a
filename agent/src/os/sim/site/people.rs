//! What the users of a simulated terminal have of their own: a proxy, a scale, and certificates that differ from a real one,
//! made by OpenSSL once, in number, name and dates.

use kaishin_proto::time::{Span, Time};

use super::super::clinic::{Lot, sid};
use super::super::image::{Image, Layer};
use super::super::{Hive, RegistryValue};
use super::profile;
use crate::facts::certificates::{STORE, stored};
use crate::facts::proxy::{CONNECTION, SETTINGS, WINHTTP, connection_settings};
use crate::os::RegistryKind;

const REAL: &[u8] = include_bytes!("certificate.der");
/// In [`REAL`], to be found and replaced.
const SERIAL: &[u8] = &[0x5a, 0x5a, 0x5a, 0x5a, 0x11, 0x22, 0x33, 0x44];
const FROM: &[u8] = b"261121065250Z";
const UNTIL: &[u8] = b"291120065250Z";
const NAME: &[u8] = b"1310000000";
const METRICS: &str = r"Control Panel\Desktop\WindowMetrics";

/// SHA-1 as Windows shows it, and the certificate. Its signature is the first one's, and holds no more.
pub fn certificate(number: u64, from: Time, until: Time) -> (String, Vec<u8>) {
    let mut der = REAL.to_vec();
    // The first byte stays: a number that begins otherwise would have another length.
    let mut serial = SERIAL.to_vec();
    serial[1..].copy_from_slice(&number.to_be_bytes()[1..]);
    let date = |at: Time| {
        let digits: String = at
            .rfc3339()
            .chars()
            .filter(char::is_ascii_digit)
            .skip(2)
            .take(12)
            .collect();
        format!("{digits}Z").into_bytes()
    };
    let name = format!("{:010}", 1_310_000_000 + number % 1_000_000);
    for (old, new) in [
        (SERIAL, serial),
        (FROM, date(from)),
        (UNTIL, date(until)),
        (NAME, name.into_bytes()),
    ] {
        if let Some(at) = der.windows(old.len()).position(|window| window == old)
            && new.len() == old.len()
        {
            der[at..at + new.len()].copy_from_slice(&new);
        }
    }
    let hash = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &der);
    (hex::encode_upper(hash.as_ref()), der)
}

/// What all have, and on top of it what is wrong here.
pub fn furnish(image: &mut Image, lot: &mut Lot) {
    let proxy = &profile().proxy;
    let whole = proxy.bypass.join(";");
    image.share(&format!("people/{:?}", lot.people), |layer| {
        for (user, _) in lot.people {
            set_proxy(layer, user, &proxy.server, &whole);
            layer.set(
                Hive::Users,
                &below(user, METRICS),
                "AppliedDPI",
                RegistryValue::dword(96),
            );
        }
        layer.set(
            Hive::LocalMachine,
            &connections(SETTINGS),
            WINHTTP,
            connection_settings(0x28, Some(&proxy.server), &whole),
        );
    });
    let who = lot.here().0;
    let nth = lot.chance.below(proxy.bypass.len() as u64 - 1) as usize;
    let without = || {
        let left = proxy.bypass.iter().enumerate().filter(|(at, _)| *at != nth);
        left.map(|(_, entry)| entry.as_str()).collect::<Vec<_>>().join(";")
    };
    if lot.fault(6) {
        // The semicolon behind the `nth` is lost.
        let (before, behind) = proxy.bypass.split_at(nth + 1);
        set_proxy(
            &mut image.own,
            who,
            &proxy.server,
            &format!("{}{}", before.join(";"), behind.join(";")),
        );
    } else if lot.fault(6) {
        set_proxy(&mut image.own, who, &proxy.server, &without());
    } else if lot.chance.below(10) == 0 {
        set_proxy(
            &mut image.own,
            who,
            &proxy.server,
            &format!("{whole};192.168.1.*;karte.local;<local>"),
        );
    }
    if lot.fault(10) {
        let value = if lot.chance.below(2) == 0 {
            connection_settings(0x28, None, "")
        } else {
            connection_settings(0x28, Some(&proxy.server), &without())
        };
        image
            .own
            .set(Hive::LocalMachine, &connections(SETTINGS), WINHTTP, value);
    }
    if lot.fault(5) {
        let dots = [120, 120, 144][lot.chance.below(3) as usize];
        image.own.set(
            Hive::Users,
            &below(who, METRICS),
            "AppliedDPI",
            RegistryValue::dword(dots),
        );
    }
    certificates(image, lot);
}

fn below(user: &str, key: &str) -> String {
    format!(r"{}\{key}", sid(user))
}

fn connections(settings: &str) -> String {
    format!(r"{settings}\Connections")
}

fn set_proxy(layer: &mut Layer, user: &str, server: &str, bypass: &str) {
    let key = below(user, SETTINGS);
    layer.set(Hive::Users, &key, "ProxyEnable", RegistryValue::dword(1));
    layer.set(Hive::Users, &key, "ProxyServer", RegistryValue::text(server));
    layer.set(Hive::Users, &key, "ProxyOverride", RegistryValue::text(bypass));
    layer.set(
        Hive::Users,
        &connections(&key),
        CONNECTION,
        connection_settings(0x46, Some(server), bypass),
    );
}

fn certificates(image: &mut Image, lot: &mut Lot) {
    let (today, who) = (lot.today(), lot.here().0);
    let days = |days: u64| Span::days(days as i64);
    let (number, long) = (lot.chance.next(), lot.chance.below(800));
    let missing = lot.fault(30);
    let (number, expires) = if lot.fault(12) {
        // Taken to another terminal, which is forbidden: a few have the same.
        let one_of = lot.chance.below(3);
        (one_of, today + days(400 + one_of))
    } else if lot.fault(6) {
        (number, today + days(1 + lot.chance.below(59)))
    } else if lot.fault(15) {
        (number, today - days(1 + lot.chance.below(40)))
    } else {
        (number, today + days(100 + long))
    };
    let with_key = !lot.fault(25);
    let mut put = |number, from: Time, until: Time, key: bool| {
        let (thumbprint, der) = certificate(number, from, until);
        let container = format!("{{{:08X}-5C1F-4D0B-9C55-6B1A0F4E2D31}}", number as u32);
        let blob = stored(&der, key.then_some(container.as_str()));
        let key = below(who, &format!(r"{STORE}\{thumbprint}"));
        image.own.set(
            Hive::Users,
            &key,
            "Blob",
            RegistryValue::new(RegistryKind::BINARY, blob),
        );
    };
    let life = Span::days(3 * 365);
    if !missing {
        put(number, expires - life, expires, with_key);
    }
    if lot.fault(6) {
        let old = today - days(lot.chance.below(200));
        put(!number, old - life, old, true);
    }
}
