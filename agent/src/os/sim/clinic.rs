//! What one clinic's terminal is like, drawn from a seed: the spread of makers, builds and faults that a fleet has.

mod browser;
mod software;
pub(super) mod updates;

pub use software::AUTO_UPDATE;

use std::collections::BTreeSet;

use kaishin_proto::time::{Span, Time};

use super::image::Image;
use super::site::{Site, furnish_people};
use super::{BIOS, CURRENT_VERSION, Hive, RegistryValue, Volume};
use crate::chance::Chance;
use crate::facts::people;
use crate::os::users::PROFILE_LIST;

const HKLM: Hive = Hive::LocalMachine;
/// When what the whole fleet shares was put on its disks.
const LONG_AGO: Time = Time(1_775_000_000_000_000);

const POWER: &str = r"SYSTEM\CurrentControlSet\Control\Session Manager\Power";
const POWER_CONTROL: &str = r"SYSTEM\CurrentControlSet\Control\Power";

/// Maker, model, product code, firmware version, weight in the fleet.
const MODELS: &[(&str, &str, &str, &str, u64)] = &[
    ("LENOVO", "ThinkPad E14 Gen 2", "20TAS0YG00", "R1EET55W(1.55 )", 30),
    ("LENOVO", "ThinkPad E14 Gen 2", "20T6CTO1WW", "R1AET44W(1.20 )", 10),
    ("LENOVO", "ThinkCentre M70q Gen 2", "11MYS0AB00", "M3AKT4FA", 12),
    ("NEC", "Mate タイプMC", "PC-MKL36CZGA", "0040", 12),
    ("FUJITSU", "ESPRIMO Q7010/E", "FMVB1000J", "V1.0.0.0 R1.20.0", 10),
    (
        "FUJITSU CLIENT COMPUTING LIMITED",
        "LIFEBOOK A5511/F",
        "FMVA8402KP",
        "Version 2.14",
        8,
    ),
    ("Dell Inc.", "OptiPlex 3080 Micro", "0A1F", "2.16.1", 10),
    ("HP", "HP ProDesk 400 G6 DM", "8Z4K5PA#ABJ", "S22 Ver. 02.15.00", 8),
];

/// Product, edition, build, revisions seen in the field from old to new, weight.
const SYSTEMS: &[(&str, &str, u32, &[u32], u64)] = &[
    (
        "Windows 10 IoT Enterprise LTSC 2021",
        "IoTEnterpriseS",
        19044,
        &[1288, 2364, 3803, 4291, 5131],
        50,
    ),
    (
        "Windows 10 Enterprise LTSC 2019",
        "EnterpriseS",
        17763,
        &[1999, 3650, 5329, 6054],
        40,
    ),
    ("Windows 10 Pro", "Professional", 19045, &[3803, 4529], 10),
];

const PLACES: &[&str] = &["UKETSUKE", "MADOGUCHI", "JIMU", "OQS", "RECEPTION", "KAIKEI"];

/// The last part of a SID, and its name.
pub type Account = (&'static str, &'static str);

/// Whose profiles a terminal has. The first is signed in; the last is the link software's. Where people sign in as that very
/// account, as the manual sets a terminal up, it is the only one.
pub const USERS: &[Account] = &[("1001", "uketsuke"), ("1002", "incho"), ("1005", "OqsComApp")];
/// Set a terminal up, opened the browser once and never came back.
pub const TECHNICIAN: Account = ("1003", "gijutsu");

/// All terminals came from one master image, and so say their SIDs.
pub fn sid(user: &str) -> String {
    format!("S-1-5-21-2437096170-1370285712-3912507144-{user}")
}

/// What a part of the terminal is made from: its own chance, so that parts do not disturb one another.
pub struct Lot {
    pub chance: Chance,
    /// About a third of the fleet; faults are found on these alone.
    pub troubled: bool,
    pub now: Time,
    pub people: &'static [Account],
}

impl Lot {
    /// Who sits in front of it.
    pub fn here(&self) -> Account {
        self.people[0]
    }

    /// What was written today, as whoever draws up many terminals sees it.
    pub fn today(&self) -> Time {
        const DAY: i64 = Span::days(1).0;
        Time(self.now.0.div_euclid(DAY) * DAY)
    }

    /// One in `n` of the troubled terminals has this fault.
    pub fn fault(&mut self, n: u64) -> bool {
        let drawn = self.chance.below(n) == 0;
        self.troubled && drawn
    }

    pub fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.chance.below(among.len() as u64) as usize]
    }
}

pub(super) struct Clinic {
    pub seed: u64,
    pub hostname: String,
    pub serial: String,
    pub uuid: String,
    pub memory: u64,
    pub seconds_up: i64,
    model: usize,
    system: usize,
    revision: u32,
    installed: u32,
    /// `None`: the value is absent, which Windows takes for on.
    fast_startup: Option<u32>,
    hibernate: u32,
    restart_pending: bool,
    people: &'static [Account],
    technician: bool,
}

impl Clinic {
    pub fn of(seed: u64, n: u64) -> Clinic {
        let mut chance = Chance::new(seed).fork(n);
        let model = weighted(&mut chance, MODELS.iter().map(|row| row.4));
        let system = weighted(&mut chance, SYSTEMS.iter().map(|row| row.4));
        let revisions = SYSTEMS[system].3;
        let place = PLACES[chance.below(PLACES.len() as u64) as usize];
        // A third of the fleet has fast startup on, by its value or for want of one.
        let fast_startup = match chance.below(12) {
            0..=2 => Some(1),
            3 => None,
            _ => Some(0),
        };
        let id = chance.bytes16();
        Clinic {
            seed: chance.next(),
            hostname: format!("{place}-{:05}", n % 100_000),
            serial: format!("{}{:06X}", ["PF", "MJ", "5CG", "R90"][model % 4], chance.below(1 << 24)),
            uuid: uuid_text(id),
            memory: [4, 8, 8, 16][chance.below(4) as usize] << 30,
            seconds_up: 60 + chance.below(3 * 86_400) as i64,
            model,
            system,
            revision: revisions[chance.below(revisions.len() as u64) as usize],
            installed: 1_600_000_000 + chance.below(120_000_000) as u32,
            fast_startup,
            // Whoever switched hibernation off never set fast startup, which went with it.
            hibernate: u32::from(chance.below(4) != 0 || fast_startup.is_some()),
            restart_pending: chance.below(15) == 0,
            people: if n.is_multiple_of(3) { &USERS[2..] } else { USERS },
            technician: n % 8 == 4,
        }
    }

    /// The draws of one part; parts are told apart by their number.
    fn lot(&self, part: u64, now: Time) -> Lot {
        let mut chance = Chance::new(self.seed).fork(part);
        let more = Chance::new(self.seed).fork(u64::MAX).below(20) == 0;
        chance.next();
        Lot {
            chance,
            troubled: self.fast_startup != Some(0) || more,
            now,
            people: self.people,
        }
    }

    /// Lays out the terminal's registry and files, part by part.
    pub fn furnish(&self, image: &mut Image, now: Time) {
        self.users(image);
        self.machine(image);
        updates::furnish(image, self.lot(2, now), SYSTEMS[self.system].2);
        browser::furnish(image, self.lot(3, now), self.technician);
        software::furnish(image, self.lot(4, now), SYSTEMS[self.system].1, SYSTEMS[self.system].2);
        furnish_people(image, &mut self.lot(101, now));
    }

    pub fn site(&self, now: Time) -> Site {
        let model = MODELS[self.model].1;
        let portable = ["ThinkPad", "LIFEBOOK"].iter().any(|name| model.starts_with(name));
        Site::of(self.lot(100, now), model.contains("E14"), portable)
    }

    pub fn volumes(&self) -> Vec<Volume> {
        let mut lot = self.lot(1, Time::ZERO);
        let total = [119, 238, 238, 476][lot.chance.below(4) as usize] << 30;
        let percent = if lot.fault(8) {
            1 + lot.chance.below(6)
        } else {
            30 + lot.chance.below(50)
        };
        vec![Volume {
            name: "C:".to_owned(),
            system: true,
            total: Ok(total),
            free: Ok(total / 100 * percent),
        }]
    }

    pub fn here(&self) -> Account {
        self.people[0]
    }

    pub fn signed_in(&self) -> BTreeSet<String> {
        BTreeSet::from([sid(self.here().0)])
    }

    fn users(&self, image: &mut Image) {
        let mut all = self.people.to_vec();
        all.extend(self.technician.then_some(TECHNICIAN));
        image.share(&format!("users/{all:?}"), |layer| {
            for (id, name) in &all {
                let key = format!(r"{PROFILE_LIST}\{}", sid(id));
                let folder = RegistryValue::text(&format!(r"C:\Users\{name}"));
                layer.set(HKLM, &key, "ProfileImagePath", folder);
                layer.add_key(Hive::Users, &format!(r"{}\Software", sid(id)));
            }
            let last = RegistryValue::text(&sid(self.here().0));
            layer.set(HKLM, people::SIGN_IN, people::LAST, last);
        });
    }

    /// Board, Windows and power.
    fn machine(&self, image: &mut Image) {
        let (maker, model, product, bios, _) = MODELS[self.model];
        let (windows, edition, build, _, _) = SYSTEMS[self.system];
        let (revision, hibernate) = (self.revision, self.hibernate);
        let text = RegistryValue::text;
        let number = RegistryValue::dword;
        image.share(&format!("model/{}", self.model), |layer| {
            for (name, value) in [
                ("SystemManufacturer", maker),
                ("SystemFamily", model),
                ("SystemProductName", product),
                ("BIOSVersion", bios),
            ] {
                layer.set(HKLM, BIOS, name, text(value));
            }
        });
        image.share(&format!("windows/{}", self.system), |layer| {
            layer.set(HKLM, CURRENT_VERSION, "ProductName", text(windows));
            layer.set(HKLM, CURRENT_VERSION, "EditionID", text(edition));
            layer.set(HKLM, CURRENT_VERSION, "CurrentBuild", text(&build.to_string()));
            layer.set(HKLM, CURRENT_VERSION, "SystemRoot", text(r"C:\Windows"));
        });
        image.share(&format!("revision/{revision}"), |layer| {
            layer.set(HKLM, CURRENT_VERSION, "UBR", number(revision));
        });
        image
            .own
            .set(HKLM, CURRENT_VERSION, "InstallDate", number(self.installed));
        image.share(&format!("power/{:?}/{hibernate}", self.fast_startup), |layer| {
            layer.set(HKLM, POWER_CONTROL, "HibernateEnabled", number(hibernate));
            if let Some(on) = self.fast_startup {
                layer.set(HKLM, POWER, "HiberbootEnabled", number(on));
            }
        });
        if self.restart_pending {
            image.share("restart-pending", |layer| layer.add_key(HKLM, super::REBOOT_REQUIRED));
        }
    }
}

fn weighted(chance: &mut Chance, weights: impl Iterator<Item = u64> + Clone) -> usize {
    let mut left = chance.below(weights.clone().sum());
    for (index, weight) in weights.enumerate() {
        if left < weight {
            return index;
        }
        left -= weight;
    }
    0
}

fn uuid_text(bytes: [u8; 16]) -> String {
    let hex = hex::encode(bytes);
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_is_the_same_clinic_and_others_differ() {
        let again = |n| (Clinic::of(7, n).uuid, Clinic::of(7, n).serial);
        assert_eq!(again(3), again(3));
        let uuids: std::collections::BTreeSet<_> = (0..1000).map(|n| Clinic::of(7, n).uuid).collect();
        assert_eq!(uuids.len(), 1000);
    }

    #[test]
    fn about_a_third_of_the_fleet_has_fast_startup_on() {
        let fleet: Vec<_> = (0..1200).map(|n| Clinic::of(7, n).fast_startup).collect();
        let on = fleet.iter().filter(|value| **value != Some(0)).count();
        assert!((300..500).contains(&on), "{on} of 1200");
        assert!(fleet.contains(&None) && fleet.contains(&Some(1)));
    }
}
