//! What a simulated terminal has around it: scheduled tasks, accounts, shares, protection and a network, with the faults
//! that a fleet has spread over it. Small in memory: what can be written down when it is asked for is not kept.

mod definition;
mod people;

use kaishin_proto::profile::{Check, CheckKind, Clock24, Profile};
use kaishin_proto::time::{Span, Time};

use super::clinic::{Lot, USERS, sid};
use super::image::{Image, Layer};
use super::{Hive, RegistryValue};
use crate::facts::network::{ARP_OFFLOAD, CLASS};
use crate::os::{Account, Antivirus, Join, Joined, Links, OsError, Read, Share, Sleep, TaskSeen, restart_task};
use definition::{Logon, When};
pub use people::{certificate, furnish as furnish_people};

const W32TIME: &str = r"SYSTEM\CurrentControlSet\Services\W32Time\Parameters";
const ZONE: &str = r"SYSTEM\CurrentControlSet\Control\TimeZoneInformation";
const SYSTEM_SID: &str = "S-1-5-18";
const BAD_PASSWORD: u32 = 0x8007_052e;

/// The profile is the same for all: read once.
pub(super) fn profile() -> &'static Profile {
    static PROFILE: std::sync::OnceLock<Profile> = std::sync::OnceLock::new();
    PROFILE.get_or_init(Profile::built_in)
}

pub(super) struct Site {
    /// `None`: as the clinic set them up, written down when asked for.
    tasks: Option<Vec<TaskSeen>>,
    set_up: SetUp,
    pub account: Option<Account>,
    pub shares: Vec<Share>,
    pub antivirus: Vec<Antivirus>,
    pub joined: Joined,
    pub links: Links,
    pub sleep: Sleep,
    pub network: Network,
    wired: &'static str,
    arp: [Arp; 2],
    time_server: Option<&'static str>,
}

/// How the clinic set its tasks up.
struct SetUp {
    missing: Option<usize>,
    disabled: Option<usize>,
    other_account: bool,
    bad_password: bool,
    failed: Option<usize>,
    restart: Option<When>,
    /// The restart runs only while the reception is signed in.
    restart_signed_in: bool,
    restart_name: &'static str,
}

#[derive(Clone, Copy)]
enum Arp {
    /// Its driver has no such setting.
    Without,
    Default,
    Set(bool),
}

/// What answers, by host.
#[derive(Clone, Debug, Default)]
pub(super) struct Network {
    pub down: Vec<String>,
    pub no_names: bool,
    /// What a time server finds this clock to be behind.
    pub behind: Span,
}

impl Network {
    pub fn reach(&self, check: &Check) -> Read<()> {
        let shown = format!("{}:{}", check.host, check.port);
        if self.no_names {
            return Err(OsError::failed(format!("{}: no such host is known", check.host)));
        }
        // A name has an address whether its host is up or not.
        if check.kind != CheckKind::Dns && self.down.contains(&check.host) {
            return Err(OsError::failed(format!("{shown}: connection timed out")));
        }
        Ok(())
    }

    pub fn clock_offset(&self, server: &str) -> Read<Span> {
        if self.no_names || self.down.iter().any(|host| host == server) {
            return Err(OsError::failed(format!("{server} does not answer")));
        }
        Ok(self.behind)
    }
}

/// The account of the link software, and one that a clinic takes for it.
fn link_sid() -> String {
    sid(USERS[2].0)
}

impl Site {
    pub fn of(mut lot: Lot, e14: bool, portable: bool) -> Site {
        let lot = &mut lot;
        let set_up = SetUp::of(lot);
        let links = lot.chance.below(20);
        Site {
            tasks: None,
            account: account(lot, set_up.bad_password),
            shares: shares(lot),
            antivirus: antivirus(lot),
            joined: joined(lot),
            links: Links {
                wired: links > 1,
                wireless: links < 3,
            },
            sleep: sleep(lot, portable),
            network: network(lot),
            wired: if e14 || lot.chance.below(2) == 0 {
                "Realtek PCIe GbE Family Controller"
            } else {
                "Intel(R) Ethernet Connection (14) I219-LM"
            },
            arp: if e14 { arp(lot) } else { [Arp::Without; 2] },
            time_server: time_server(lot),
            set_up,
        }
    }

    pub fn tasks(&self, booted: Time, now: Time) -> Vec<TaskSeen> {
        match &self.tasks {
            Some(tasks) => tasks.clone(),
            None => self.set_up.tasks(booted, now),
        }
    }

    /// For whoever changes them: from now on they are kept.
    pub fn kept_tasks(&mut self, booted: Time, now: Time) -> &mut Vec<TaskSeen> {
        let set_up = &self.set_up;
        self.tasks.get_or_insert_with(|| set_up.tasks(booted, now))
    }

    /// Lays out its part of the registry.
    pub fn furnish(&self, image: &mut Image) {
        let text = RegistryValue::text;
        image.share("time", |layer| {
            layer.set(Hive::LocalMachine, W32TIME, "Type", text("NTP"));
            layer.set(Hive::LocalMachine, ZONE, "TimeZoneKeyName", text("Tokyo Standard Time"));
            layer.set(
                Hive::LocalMachine,
                W32TIME,
                "NtpServer",
                text(&format!("{},0x9", profile().time.server)),
            );
        });
        if let Some(server) = self.time_server {
            image.own.set(Hive::LocalMachine, W32TIME, "NtpServer", text(server));
        }
        let can = self.arp.map(|arp| !matches!(arp, Arp::Without));
        image.share(&format!("adapters {} {can:?}", self.wired), |layer| {
            adapters(layer, self.wired, can)
        });
        for (number, arp) in self.arp.into_iter().enumerate() {
            if let Arp::Set(on) = arp {
                let key = format!(r"{CLASS}\{number:04}");
                let value = text(if on { "1" } else { "0" });
                image.own.set(Hive::LocalMachine, &key, ARP_OFFLOAD, value);
            }
        }
    }
}

fn adapters(layer: &mut Layer, wired: &str, can: [bool; 2]) {
    let found = [
        (wired, 0x84, can[0]),
        ("Intel(R)  Wi-Fi 6 AX201 160MHz", 0x84, can[1]),
        ("WAN Miniport (IP)", 0x29, false),
    ];
    for (number, (name, characteristics, can)) in found.into_iter().enumerate() {
        let key = format!(r"{CLASS}\{number:04}");
        layer.set(Hive::LocalMachine, &key, "DriverDesc", RegistryValue::text(name));
        let kind = RegistryValue::dword(characteristics);
        layer.set(Hive::LocalMachine, &key, "Characteristics", kind);
        if can {
            let parameter = format!(r"{key}\Ndi\Params\{ARP_OFFLOAD}");
            layer.set(Hive::LocalMachine, &parameter, "default", RegistryValue::text("1"));
        }
    }
    layer.add_key(Hive::LocalMachine, &format!(r"{CLASS}\Properties"));
}

impl SetUp {
    fn of(lot: &mut Lot) -> SetUp {
        let of_four = |lot: &mut Lot, n| {
            let which = lot.chance.below(4) as usize;
            lot.fault(n).then_some(which)
        };
        let odd = lot.chance.below(6) as u16;
        let daily = |hour, minute| Clock24::new(hour, minute).map(When::Daily);
        let (is_odd, drawn) = (lot.fault(3), lot.chance.below(8));
        let restart = match (is_odd, drawn) {
            (true, 0) => None,
            (true, 1) => daily(3, 53),
            (true, 2) => daily(2, 30),
            (true, 3) => daily(10, 7),
            (true, 4) => Clock24::new(2, 37).map(When::Sundays),
            (true, 5) => daily(2, 37),
            (true, _) => daily(4, 0),
            (false, hour) => daily(1 + hour as u16 % 2, 10 * odd + 1 + hour as u16 % 4),
        };
        SetUp {
            missing: of_four(lot, 12),
            disabled: of_four(lot, 10),
            other_account: lot.fault(16),
            bad_password: lot.fault(8),
            failed: of_four(lot, 10),
            restart,
            restart_signed_in: is_odd && drawn == 5,
            restart_name: ["再起動", "毎日の再起動", "Restart", "shutdown"][lot.chance.below(4) as usize],
        }
    }

    fn tasks(&self, booted: Time, now: Time) -> Vec<TaskSeen> {
        let user = if self.other_account {
            sid(USERS[0].0)
        } else {
            link_sid()
        };
        let whens = [
            When::Boot,
            When::Boot,
            Clock24::new(3, 17).map_or(When::Boot, When::Daily),
            When::Every("PT5M"),
        ];
        let mut tasks = Vec::new();
        for (nth, name) in profile().tasks.iter().enumerate() {
            if self.missing == Some(nth) {
                continue;
            }
            let command = format!(r"C:\Program Files\OQS\OqsComApp\bat\{name}.bat");
            let when = whens.get(nth).copied().unwrap_or(When::Boot);
            let enabled = self.disabled != Some(nth);
            let last_result = match (self.bad_password, self.failed == Some(nth)) {
                (true, _) => BAD_PASSWORD,
                (false, true) => 1,
                (false, false) => 0,
            };
            tasks.push(TaskSeen {
                path: format!(r"\{name}"),
                xml: Ok(definition::task(
                    name,
                    (&user, Logon::Password),
                    (&command, ""),
                    when,
                    enabled,
                )),
                enabled,
                last_result,
                last_run: Some(when.last(booted, now)),
                next_run: when.next(now).filter(|_| enabled),
            });
        }
        if let Some(when) = self.restart {
            let (name, reception) = (self.restart_name, sid(USERS[0].0));
            let by = if self.restart_signed_in {
                (reception.as_str(), Logon::InteractiveToken)
            } else {
                (SYSTEM_SID, Logon::Service)
            };
            tasks.push(TaskSeen {
                path: format!(r"\{name}"),
                xml: Ok(definition::task(name, by, ("shutdown", "/r /t 0"), when, true)),
                enabled: true,
                last_result: 0,
                last_run: Some(when.last(booted, now)),
                next_run: when.next(now),
            });
        }
        tasks
    }
}

/// The agent's own task, as the scheduler would tell of it.
pub(super) fn daily_restart(at: Clock24) -> TaskSeen {
    let units = [0xfeff].into_iter();
    let text = restart_task::definition(at);
    TaskSeen {
        path: restart_task::PATH.to_owned(),
        xml: Ok(units.chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()),
        enabled: true,
        last_result: 0,
        last_run: None,
        next_run: None,
    }
}

fn account(lot: &mut Lot, password_was_changed: bool) -> Option<Account> {
    let wanted = &profile().account;
    let (missing, lower) = (lot.fault(30), lot.fault(15));
    let days = lot.chance.below(if password_was_changed { 20 } else { 900 });
    let changed = lot.now - Span::days(days as i64);
    let expires = lot.fault(5).then(|| changed + Span::days(42));
    let account = Account {
        name: if lower { wanted.to_lowercase() } else { wanted.clone() },
        sid: link_sid(),
        enabled: !lot.fault(30),
        admin: Ok(!lot.fault(20)),
        password_changed: Ok(changed),
        password_expires: Ok(expires),
    };
    (!missing).then_some(account)
}

fn shares(lot: &mut Lot) -> Vec<Share> {
    let which = lot.chance.below(3) as usize;
    let missing = lot.fault(10).then_some(which);
    let named = |path: &String| (path.rsplit('\\').next().unwrap_or("OQS").to_owned(), path.clone());
    let folders = profile()
        .shares
        .iter()
        .enumerate()
        .filter(|(nth, _)| missing != Some(*nth));
    let own = [("ADMIN$", r"C:\Windows"), ("C$", r"C:\")].map(|(name, path)| (name.to_owned(), path.to_owned()));
    let all = folders.map(|(_, path)| named(path)).chain(own);
    all.map(|(name, path)| Share { name, path }).collect()
}

fn antivirus(lot: &mut Lot) -> Vec<Antivirus> {
    let bought = lot.chance.below(13) == 0;
    let name = if bought {
        "ウイルスバスター ビジネスセキュリティ"
    } else {
        "Microsoft Defender Antivirus"
    };
    vec![Antivirus {
        name: name.to_owned(),
        on: !lot.fault(12),
    }]
}

fn joined(lot: &mut Lot) -> Joined {
    let (to, name) = match lot.chance.below(60) {
        0 => (Join::Domain, "hospital.local"),
        1 => (Join::Entra, "clinic.example"),
        _ => (Join::Workgroup, "WORKGROUP"),
    };
    Joined {
        to,
        name: name.to_owned(),
    }
}

fn sleep(lot: &mut Lot, portable: bool) -> Sleep {
    let mut after = |n, minutes| if lot.fault(n) { Span::minutes(minutes) } else { Span(0) };
    let (plugged_in, on_battery) = (after(3, 30), after(2, 15));
    let on_battery = portable.then_some(on_battery);
    Sleep {
        plugged_in: Ok(plugged_in),
        on_battery: on_battery.ok_or_else(|| OsError::not_found("no battery")),
    }
}

fn network(lot: &mut Lot) -> Network {
    let down = profile()
        .checks
        .iter()
        .filter(|_| lot.fault(25))
        .map(|check| check.host.clone());
    let down = down.collect();
    let near = Span::millis(10 * (lot.chance.below(60) as i64 - 30));
    let behind = match (lot.fault(10), lot.chance.below(2)) {
        (true, 0) => Span::seconds(93),
        (true, _) => Span::seconds(-410),
        (false, _) => near,
    };
    Network {
        down,
        no_names: lot.fault(60),
        behind,
    }
}

/// On for about four in ten, by its value or by the driver's default.
fn arp(lot: &mut Lot) -> [Arp; 2] {
    match lot.chance.below(10) {
        0 => [Arp::Default, Arp::Default],
        1 => [Arp::Set(true), Arp::Set(true)],
        2 => [Arp::Set(true), Arp::Set(false)],
        3 => [Arp::Set(false), Arp::Set(true)],
        _ => [Arp::Set(false), Arp::Set(false)],
    }
}

/// `None`: as all others have it.
fn time_server(lot: &mut Lot) -> Option<&'static str> {
    let other = ["time.windows.com,0x9", "ntp.nict.jp,0x9"][lot.chance.below(2) as usize];
    lot.fault(5).then_some(other)
}
