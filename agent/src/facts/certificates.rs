//! The certificates by which the terminal shows itself to the verification network: in every user's own store, registry and
//! files alike. Only what is public is read; keys are neither looked at nor exported.

mod blob;

use std::collections::BTreeMap;

use kaishin_proto::convert::Facts;
use kaishin_proto::time::Time;
use kaishin_proto::value::{Reason, Table, Value};

use self::blob::Certificate;
use super::people::People;
use super::{About, list, row, text, time, truth};
use crate::os::{EntryKind, Hive, Os, OsError, Read, User};

pub use blob::{read as parsed, write as stored};

pub const STORE: &str = r"Software\Microsoft\SystemCertificates\My\Certificates";
pub const FILES: &str = r"AppData\Roaming\Microsoft\SystemCertificates\My\Certificates";
/// In one store; more are read by nobody.
const MOST: usize = 200;
const MOST_ROWS: usize = 60;

/// One that the issuer of the network made.
#[derive(Clone, Debug)]
struct Found {
    user: String,
    /// Whether it is of somebody at the terminal.
    counts: bool,
    certificate: Certificate,
}

pub fn collect(os: &dyn Os, about: &About) -> Facts {
    let seen = look(os, about);
    let used = seen.as_ref().map_err(OsError::clone).and_then(Seen::used);
    // That there is none is known, and then there is no key of it either.
    let key = match &used {
        Err(error) if error.reason == Reason::NotFound => Ok(false),
        Err(error) => Err(error.clone()),
        Ok(found) => Ok(found.certificate.key.is_some()),
    };
    let of = |pick: fn(&Certificate) -> String| {
        used.as_ref()
            .map_err(OsError::clone)
            .map(|found| pick(&found.certificate))
    };
    let expires = used
        .as_ref()
        .map_err(OsError::clone)
        .map(|found| found.certificate.expires);
    vec![
        row("certificates.expires", time(expires)),
        row(
            "certificates.thumbprint",
            text(of(|certificate| certificate.thumbprint.clone())),
        ),
        row("certificates.key", truth(key)),
        row(
            "certificates.leftover",
            list(seen.as_ref().map_err(OsError::clone).and_then(Seen::leftover)),
        ),
        row("certificates.all", seen.map_or_else(Value::from, |seen| seen.table())),
    ]
}

#[derive(Default)]
struct Seen {
    found: Vec<Found>,
    unread: Vec<Unread>,
}

/// What could not be read.
struct Unread {
    user: String,
    counts: bool,
    error: OsError,
}

impl Unread {
    fn told(&self) -> OsError {
        OsError::new(self.error.reason, format!("{}: {}", self.user, self.error.detail))
    }
}

fn look(os: &dyn Os, about: &About) -> Read<Seen> {
    let people = People::look(os, about)?;
    let counting = people.who_counts();
    let mut seen = Seen::default();
    for user in &people.all {
        let counts = counting.contains(&user);
        match stored_by(os, user) {
            Ok(blobs) => seen.take(user, counts, &blobs, &about.profile.certificate_issuer),
            Err(error) => seen.miss(user, counts, error),
        }
    }
    // Those that matter first: of whoever counts, then the longest.
    seen.found
        .sort_by_key(|found| (!found.counts, std::cmp::Reverse(found.certificate.expires)));
    Ok(seen)
}

/// By thumbprint, as the store names them.
fn stored_by(os: &dyn Os, user: &User) -> Read<BTreeMap<String, Read<Vec<u8>>>> {
    let mut blobs = BTreeMap::new();
    if let Some(store) = os.registry_tree(Hive::Users, &user.key(STORE), 1)? {
        for (name, key) in store.keys.iter().take(MOST) {
            if let Some(value) = key.value("Blob") {
                blobs.insert(name.to_uppercase(), Ok(value.bytes.clone()));
            }
        }
    }
    let folder = user.path(FILES);
    let files = match os.list_dir(&folder) {
        Ok(files) => files,
        Err(error) if error.reason == Reason::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    for file in files.into_iter().filter(|file| file.kind == EntryKind::File).take(MOST) {
        // Both places hold the same; one is enough.
        let name = file.name.to_uppercase();
        blobs
            .entry(name)
            .or_insert_with(|| os.read_file(&user.path(&format!(r"{FILES}\{}", file.name))));
    }
    Ok(blobs)
}

impl Seen {
    fn take(&mut self, user: &User, counts: bool, blobs: &BTreeMap<String, Read<Vec<u8>>>, issuer: &str) {
        for (name, blob) in blobs {
            let read = blob.as_ref().map_err(OsError::clone).and_then(|blob| blob::read(blob));
            match read {
                Ok(certificate) if certificate.thumbprint != *name => {
                    let error = OsError::damaged(format!("{name} holds {}", certificate.thumbprint));
                    self.miss(user, counts, error);
                }
                Ok(certificate) if certificate.issuer == issuer.trim() => self.found.push(Found {
                    user: user.shown().to_owned(),
                    counts,
                    certificate,
                }),
                // Somebody else's: none of our business.
                Ok(_) => {}
                Err(error) => self.miss(user, counts, error),
            }
        }
    }

    fn miss(&mut self, user: &User, counts: bool, error: OsError) {
        self.unread.push(Unread {
            user: user.shown().to_owned(),
            counts,
            error,
        });
    }

    /// The one in use: of everybody who counts the newest, and of these the one that ends first, for it is that person who
    /// will be turned away. Only where none of them has one, or one that might be it, is it somebody else's.
    fn used(&self) -> Read<Found> {
        let mut newest: BTreeMap<&str, &Found> = BTreeMap::new();
        for found in self.found.iter().filter(|found| found.counts) {
            // The longest come first.
            newest.entry(&found.user).or_insert(found);
        }
        if let Some(first) = newest.into_values().min_by_key(|found| found.certificate.expires) {
            return Ok(first.clone());
        }
        if let Some(unread) = self.unread.iter().find(|unread| unread.counts) {
            return Err(unread.told());
        }
        let none = || OsError::not_found("no certificate of the network's issuer");
        let others = self.found.first().cloned();
        others.ok_or_else(|| self.first_unread().unwrap_or_else(none))
    }

    fn first_unread(&self) -> Option<OsError> {
        self.unread.first().map(Unread::told)
    }

    /// Those that the same user has a later one beside. That there is none is known only where all could be read.
    fn leftover(&self) -> Read<Vec<String>> {
        let mut latest: BTreeMap<&str, Time> = BTreeMap::new();
        for found in &self.found {
            let latest = latest.entry(&found.user).or_insert(found.certificate.expires);
            *latest = (*latest).max(found.certificate.expires);
        }
        let old = self
            .found
            .iter()
            .filter(|found| latest.get(found.user.as_str()) != Some(&found.certificate.expires));
        let mut old: Vec<String> = old.map(|found| found.certificate.thumbprint.clone()).collect();
        old.sort();
        old.dedup();
        old.truncate(MOST);
        match self.first_unread() {
            Some(error) if old.is_empty() => Err(error),
            Some(_) | None => Ok(old),
        }
    }

    fn table(&self) -> Value {
        let found = self.found.iter().map(|found| {
            let Certificate {
                thumbprint,
                subject,
                valid_from,
                expires,
                key,
                ..
            } = &found.certificate;
            let key = if key.is_some() { "yes" } else { "no" };
            let subject = subject.chars().take(60).collect();
            vec![
                found.user.clone(),
                subject,
                valid_from.rfc3339(),
                expires.rfc3339(),
                key.to_owned(),
                thumbprint.clone(),
            ]
        });
        let unread = self.unread.iter().map(|Unread { user, error, .. }| {
            let why = format!("{}: {}", error.reason.name(), error.detail)
                .chars()
                .take(120)
                .collect();
            vec![
                user.clone(),
                why,
                String::new(),
                String::new(),
                String::new(),
                String::new(),
            ]
        });
        let columns = ["user", "subject", "valid_from", "expires", "key", "thumbprint"];
        Value::Table(Table {
            columns: columns.map(str::to_owned).to_vec(),
            rows: found.chain(unread).take(MOST_ROWS).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{listed, reason, sim, value};
    use super::*;
    use crate::os::RegistryKind;
    use crate::os::RegistryValue;
    use crate::os::sim::{Sim, certificate};
    use kaishin_proto::time::Span;

    const NOW: Time = Time(1_800_000_000_000_000);

    fn put(sim: &Sim, user: &User, days: i64, number: u64, key: Option<&str>) -> String {
        let (thumbprint, der) = certificate(number, NOW, NOW + Span::days(days));
        let blob = RegistryValue::new(RegistryKind::BINARY, stored(&der, key));
        sim.poke(
            Hive::Users,
            &user.key(&format!(r"{STORE}\{thumbprint}")),
            "Blob",
            Some(blob),
        );
        thumbprint
    }

    /// Nobody has a certificate yet.
    fn bare() -> (Sim, User, User) {
        let sim = sim();
        let users = sim.users().unwrap();
        for user in &users {
            sim.remove_key(Hive::Users, &user.key(STORE));
            for file in sim.list_dir(&user.path(FILES)).unwrap_or_default() {
                sim.remove_file(user.path(&format!(r"{FILES}\{}", file.name)));
            }
        }
        let here = users.iter().find(|user| user.signed_in).unwrap().clone();
        let away = users.iter().find(|user| !user.signed_in).unwrap().clone();
        (sim, here, away)
    }

    #[test]
    fn the_newest_of_whoever_is_here_counts_and_the_others_are_left_over() {
        let (sim, here, away) = bare();
        let old = put(&sim, &here, -20, 1, Some("old"));
        assert_eq!(value(&sim, "certificates.expires"), Value::Time(NOW - Span::days(20)));
        let new = put(&sim, &here, 300, 2, Some("new"));
        put(&sim, &away, 500, 3, None);
        assert_eq!(value(&sim, "certificates.expires"), Value::Time(NOW + Span::days(300)));
        assert_eq!(value(&sim, "certificates.thumbprint"), Value::Text(new));
        assert_eq!(value(&sim, "certificates.key"), Value::Truth(true));
        assert_eq!(listed(&sim, "certificates.leftover"), [old]);
        put(&sim, &here, 400, 4, None);
        assert_eq!(value(&sim, "certificates.key"), Value::Truth(false));
    }

    #[test]
    fn one_persons_expired_certificate_is_not_hidden_by_anothers() {
        let (sim, here, away) = bare();
        let expired = put(&sim, &here, -20, 1, Some("x"));
        put(&sim, &away, 300, 2, Some("y"));
        let programs = sim.users().unwrap();
        let programs = programs.iter().find(|user| user.shown() == "OqsComApp").unwrap();
        put(&sim, programs, 900, 3, Some("z"));
        // A task runs, and somebody else has signed in beside them.
        sim.sign_in(&programs.sid);
        assert_eq!(value(&sim, "certificates.thumbprint"), Value::Text(expired.clone()));
        sim.sign_in(&away.sid);
        assert_eq!(value(&sim, "certificates.thumbprint"), Value::Text(expired));
        assert_eq!(value(&sim, "certificates.expires"), Value::Time(NOW - Span::days(20)));
        // Where only programs have one, it is the one that is used.
        let (sim, ..) = bare();
        let only = put(&sim, programs, 900, 3, Some("z"));
        assert_eq!(value(&sim, "certificates.thumbprint"), Value::Text(only));
    }

    #[test]
    fn a_store_of_files_is_as_good_as_one_in_the_registry() {
        let (sim, here, _) = bare();
        let (thumbprint, der) = certificate(7, NOW, NOW + Span::days(10));
        sim.put_file(
            here.path(&format!(r"{FILES}\{}", thumbprint.to_lowercase())),
            stored(&der, Some("x")),
        );
        assert_eq!(value(&sim, "certificates.thumbprint"), Value::Text(thumbprint));
    }

    #[test]
    fn no_certificate_is_known_and_another_issuers_is_none() {
        let (sim, here, _) = bare();
        let mut der = certificate(1, NOW, NOW + Span::days(10)).1;
        let at = der.windows(6).position(|window| window == b"Online").unwrap();
        let second = der[at + 1..]
            .windows(14)
            .position(|window| window == b"Common Root CA")
            .unwrap()
            + at
            + 1;
        der[second] = b'K';
        let hash = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &der);
        let key = here.key(&format!(r"{STORE}\{}", hex::encode(hash.as_ref())));
        let blob = RegistryValue::new(RegistryKind::BINARY, stored(&der, None));
        sim.poke(Hive::Users, &key, "Blob", Some(blob));
        assert_eq!(reason(&value(&sim, "certificates.expires")), Some(Reason::NotFound));
        assert_eq!(value(&sim, "certificates.key"), Value::Truth(false));
        assert!(listed(&sim, "certificates.leftover").is_empty());
    }

    #[test]
    fn damaged_blobs_and_closed_stores_are_unknown_unless_another_is_there() {
        let (sim, here, away) = bare();
        let thumbprint = put(&sim, &here, 300, 1, Some("x"));
        let key = here.key(&format!(r"{STORE}\{thumbprint}"));
        let whole = sim.peek(Hive::Users, &key, "Blob").unwrap().bytes;
        let other = certificate(9, NOW, NOW).1;
        for bytes in [whole[..500].to_vec(), vec![], vec![0xff; 300_000], stored(&other, None)] {
            let blob = RegistryValue::new(RegistryKind::BINARY, bytes);
            sim.poke(Hive::Users, &key, "Blob", Some(blob));
            assert_eq!(reason(&value(&sim, "certificates.expires")), Some(Reason::Damaged));
            assert_eq!(reason(&value(&sim, "certificates.key")), Some(Reason::Damaged));
            assert_eq!(reason(&value(&sim, "certificates.leftover")), Some(Reason::Damaged));
        }
        // What somebody else has says nothing about whoever is here.
        put(&sim, &away, 100, 2, Some("y"));
        assert_eq!(reason(&value(&sim, "certificates.expires")), Some(Reason::Damaged));
        put(&sim, &here, 50, 3, Some("z"));
        assert_eq!(value(&sim, "certificates.expires"), Value::Time(NOW + Span::days(50)));
        sim.deny(Hive::Users, &away.key("Software"));
        sim.deny(Hive::Users, &here.key("Software"));
        assert_eq!(
            reason(&value(&sim, "certificates.thumbprint")),
            Some(Reason::NoPermission)
        );
        let (sim, here, _) = bare();
        sim.put_file(here.path(&format!(r"{FILES}\AA")), b"x".as_slice());
        sim.close(here.path(FILES));
        assert_eq!(reason(&value(&sim, "certificates.expires")), Some(Reason::NoPermission));
    }
}
