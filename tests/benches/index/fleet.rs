//! The same fleet in every run: every fact of the catalogue, as collectors report it of simulated machines, with what no two
//! machines share made anew for each; and the ledger that its facilities stand in.

use std::collections::BTreeMap;

use kaishin::index::{Entry, Flags};
use kaishin_agent::facts::{About, names, section};
use kaishin_agent::os::sim::Sim;
use kaishin_domain::facility::{Code10, Facility, Phone, UpdateChoice};
use kaishin_proto::clock::Clock;
use kaishin_proto::fact::{self, Type};
use kaishin_proto::id::TerminalId;
use kaishin_proto::time::{Span, Time};
use kaishin_proto::value::{Reason, Value, Version};

pub const NOW: Time = Time(1_795_000_000_000_000);
/// So many machines are looked at by the collectors; the others are like one of them.
const MACHINES: u64 = 500;

const SURNAMES: &[(&str, &str)] = &[
    ("佐藤", "サトウ"),
    ("鈴木", "スズキ"),
    ("髙橋", "タカハシ"),
    ("田中", "タナカ"),
    ("渡邊", "ワタナベ"),
    ("山﨑", "ヤマザキ"),
    ("中村", "ナカムラ"),
    ("小林", "コバヤシ"),
    ("斎藤", "サイトウ"),
    ("吉田", "ヨシダ"),
];
const PLACES: &[(&str, &str)] = &[
    ("駅前", "エキマエ"),
    ("中央", "チュウオウ"),
    ("本町", "ホンマチ"),
    ("みどり", "ミドリ"),
    ("さくら", "サクラ"),
    ("東", "ヒガシ"),
    ("桜台", "サクラダイ"),
    ("新町", "シンマチ"),
];
const KINDS: &[(&str, &str)] = &[
    ("内科クリニック", "ナイカクリニック"),
    ("歯科医院", "シカイイン"),
    ("薬局", "ヤッキョク"),
    ("病院", "ビョウイン"),
    ("眼科", "ガンカ"),
    ("整形外科", "セイケイゲカ"),
];

/// Chances that are the same in every run.
pub struct Dice(u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap_or(0)]
    }

    fn ago(&mut self, days: u64) -> Time {
        NOW - Span::seconds(i64::try_from(self.below(days * 86_400)).unwrap_or(0))
    }
}

pub struct Terminal {
    pub entry: Entry,
    pub online: bool,
}

/// What collectors say of machines; what they do not say yet is made by its type.
pub struct Machines {
    known: Vec<BTreeMap<String, Value>>,
    rules: Vec<String>,
}

impl Machines {
    pub fn new(rules: Vec<String>) -> Machines {
        let clock = Clock::manual(NOW);
        let mut dice = Dice(7);
        let look = |n: u64| {
            let machine = Sim::new(7, n, clock.clone());
            let about = About::new("0.1.0", NOW);
            let mut facts: BTreeMap<String, Value> = BTreeMap::new();
            for name in names() {
                facts.extend(section(name, &machine, &about).unwrap_or_default());
            }
            for missing in fact::all() {
                let known = facts.get(missing.key).is_some_and(|value| !value.is_unknown());
                if !known && !dice.percent(5) {
                    facts.insert(missing.key.to_owned(), of_type(missing.kind, &mut dice));
                }
            }
            facts
        };
        Machines {
            known: (0..MACHINES).map(look).collect(),
            rules,
        }
    }

    /// The facts that the first machine has: how much of the catalogue that is.
    pub fn facts(&self) -> usize {
        self.known.iter().map(BTreeMap::len).max().unwrap_or(0)
    }

    pub fn fleet(&self, count: u64) -> impl Iterator<Item = Terminal> {
        let mut dice = Dice(20_261_121);
        (0..count).map(move |n| self.terminal(n, count, &mut dice))
    }

    fn facts_of(&self, n: u64, hostname: &str, dice: &mut Dice) -> BTreeMap<String, Value> {
        let machine = usize::try_from(dice.below(MACHINES)).unwrap_or(0);
        let mut facts = self.known[machine].clone();
        let text = |text: String| Value::Text(text);
        let build = dice.pick(&[19_044, 19_044, 19_044, 17_763, 17_763, 19_045]);
        let revision = 1_000 + 137 * i64::try_from(dice.below(40)).unwrap_or(0);
        let own = [
            ("os.hostname", text(hostname.to_owned())),
            ("os.build", Value::Number(build)),
            ("os.revision", Value::Number(revision)),
            (
                "os.version",
                Value::Version(Version(format!("10.0.{build}.{revision}"))),
            ),
            ("hardware.serial", text(format!("PF-{:08X}", dice.roll() >> 32))),
            ("hardware.uuid", text(format!("{:016x}{:016x}", dice.roll(), n))),
            (
                "certificates.thumbprint",
                text(format!("{:016x}{:024x}", dice.roll(), n)),
            ),
            (
                "certificates.expires",
                Value::Time(NOW + Span::days(400) - NOW.since(dice.ago(500))),
            ),
            ("boot.time", Value::Time(dice.ago(8))),
            ("update.last_search", Value::Time(dice.ago(20))),
            ("update.last_install", Value::Time(dice.ago(90))),
            ("disk.system_free", Value::Size(dice.below(200_000) << 20)),
            (
                "time.offset",
                Value::Duration(Span(i64::try_from(dice.below(2_000_000)).unwrap_or(0))),
            ),
        ];
        facts.extend(own.map(|(key, value)| (key.to_owned(), value)));
        if dice.percent(2) {
            facts.insert("power.fast_startup".into(), Value::unknown(Reason::NoPermission, ""));
        } else {
            facts.insert("power.fast_startup".into(), Value::Truth(dice.percent(30)));
        }
        facts
    }

    fn terminal(&self, n: u64, count: u64, dice: &mut Dice) -> Terminal {
        let mut random = [0; 10];
        random[..8].copy_from_slice(&dice.roll().to_be_bytes());
        let enrolled = NOW - Span::seconds(i64::try_from(n).unwrap_or(0));
        let hostname = format!("{}-{n:06}", dice.pick(&["UKETSUKE", "受付", "DESKTOP", "ONSHI"]));
        let facts = self.facts_of(n, &hostname, dice);
        let mut faults: Vec<String> = self.rules.iter().filter(|_| dice.below(200) < 3).cloned().collect();
        if facts.get("power.fast_startup") == Some(&Value::Truth(true)) {
            faults.retain(|rule| rule != "fast-startup-on");
            faults.push("fast-startup-on".to_owned());
        }
        faults.sort();
        // One in twenty says a code that no ledger has.
        let facility = (!dice.percent(5)).then(|| code(n * 10 / 13 % count).to_string());
        let entry = Entry {
            institution: facility.or_else(|| dice.percent(50).then(|| format!("99{n:08}"))),
            flags: Flags {
                revoked: dice.percent(1),
                ..Flags::default()
            },
            last_seen: Some(dice.ago(20)),
            faults,
            facts,
            ..Entry::new(TerminalId::new(enrolled, random), hostname)
        };
        Terminal {
            entry,
            online: dice.percent(85),
        }
    }
}

fn of_type(kind: Type, dice: &mut Dice) -> Value {
    match kind {
        Type::Truth => Value::Truth(dice.percent(85)),
        Type::Number => Value::Number(i64::try_from(dice.below(12)).unwrap_or(0)),
        Type::Text => Value::Text(dice.pick(&["automatic", "manual", "none"]).to_owned()),
        Type::Version => Value::Version(Version(format!("{}.0.{}.0", 1 + dice.below(2), dice.below(4)))),
        Type::Time => Value::Time(dice.ago(60)),
        Type::Duration => Value::Duration(Span::seconds(i64::try_from(dice.below(900)).unwrap_or(0))),
        Type::Size => Value::Size((1 + dice.below(16)) << 30),
        Type::List => {
            let named = ["ExistRenew", "OqsRestart", "PMHRestart"].map(str::to_owned);
            Value::List(named.into_iter().filter(|_| dice.percent(6)).collect())
        }
        Type::Table => Value::unknown(Reason::NotSupported, ""),
    }
}

/// The `n`th code of the ledger.
fn code(n: u64) -> Code10 {
    let prefecture = 1 + n % 47;
    let table = [1, 3, 4][usize::try_from(n % 3).unwrap_or(0)];
    let number = prefecture * 100_000_000 + table * 10_000_000 + n * 10;
    Code10::from_number(number).map_or_else(|| unreachable!("ten digits"), Code10::with_check_digit)
}

/// As many facilities as there are terminals; three quarters of them have one.
pub fn ledger(count: u64) -> impl Iterator<Item = Facility> {
    let mut dice = Dice(1_310);
    (0..count).map(move |n| {
        let (surname, place, kind) = (dice.pick(SURNAMES), dice.pick(PLACES), dice.pick(KINDS));
        let prefix = if dice.percent(40) { "医療法人社団 " } else { "" };
        let mut facility = Facility::new(code(n), format!("{prefix}{}{}{}", surname.0, place.0, kind.0));
        facility.kana = Some(format!("{}{}{}", surname.1, place.1, kind.1));
        let town = dice.pick(PLACES).0;
        facility.address = Some(format!(
            "{town}{}-{}-{}",
            1 + dice.below(9),
            1 + dice.below(30),
            1 + dice.below(20)
        ));
        let phone = format!("0{}-{:04}-{:04}", 3 + n % 6, dice.below(10_000), dice.below(10_000));
        facility.phones = Phone::read(&phone).into_iter().collect();
        facility.carrier = Some(dice.pick(&["東日本", "西日本", "中部"]).to_owned());
        let choice = dice.pick(&[UpdateChoice::Manual, UpdateChoice::Automatic]);
        facility.update_choice = (!dice.percent(10)).then_some(choice);
        facility.shared_receipt = Some(dice.percent(10));
        facility
    })
}
