//! A generated fleet: terminals that are known to the server and report through the application, without agents.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use kaishin::app::App;
use kaishin::app::facts::{Section, report};
use kaishin::store::{Store, StoreError};
use kaishin_domain::id::TerminalId;
use kaishin_domain::terminal::{Machine, Standing, Terminal};
use kaishin_domain::time::Time;
use kaishin_proto::value::{Reason, Value, Version};

/// Reports under way at the same moment.
const AT_ONCE: usize = 512;
const FACES: [&str; 4] = ["2.1.0", "2.3.0", "2.4.0", "2.5.0"];

/// So many terminals, written as if they had enrolled. A server that starts afterwards knows them.
///
/// # Panics
/// When the store refuses them.
pub async fn populate(store: &Store, count: u32) {
    for first in (0..count).step_by(AT_ONCE) {
        let until = count.min(first + 512);
        let written = store.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                for n in first..until {
                    tx.insert_terminal(&terminal(n)).await?;
                }
                Ok(())
            })
        });
        written.await.expect("the fleet is written");
    }
}

pub fn id(n: u32) -> TerminalId {
    let mut random = [0; 10];
    random[6..].copy_from_slice(&n.to_be_bytes());
    TerminalId::new(Time(0), random)
}

pub fn key(n: u32) -> [u8; 32] {
    let mut key = [9; 32];
    key[..4].copy_from_slice(&n.to_be_bytes());
    key
}

fn terminal(n: u32) -> Terminal {
    Terminal {
        id: id(n),
        key_hash: key(n),
        generation: 1,
        machine: Machine {
            hostname: format!("FLEET-{n}"),
            manufacturer: "Lenovo".into(),
            model: "ThinkPad E14".into(),
            serial: format!("S{n}"),
            smbios_uuid: format!("uuid-{n}"),
            os_version: "10.0.19044".into(),
        },
        institution_code: None,
        agent_version: "0.1.0".into(),
        minor: 1,
        enrolled_at: Time(5),
        enrolled_with: None,
        last_seen: None,
        certificate_until: Time(i64::MAX),
        standing: Standing::Active,
        hold: None,
    }
}

/// What a terminal says in a round: in an odd one other versions, but the same facts known; in an even one only what no
/// rule looks at.
pub fn sections(n: u32, round: u32, at: Time) -> Vec<Section> {
    let pick = |salt: u32| n.wrapping_mul(2_654_435_761).wrapping_add((round + salt) * 40_503) >> 7;
    let version = |text: &str| Value::Version(Version(text.into()));
    let face = match n % 10 {
        0 => Value::unknown(Reason::NoPermission, ""),
        _ => version(FACES[pick(1) as usize % FACES.len()]),
    };
    // A few machines came out of the same image.
    let thumbprint = if n % 50 < 2 { n / 50 } else { 1_000_000 + n };
    let section = |name: &str, facts: Vec<(&str, Value)>| Section {
        name: name.to_owned(),
        digest: [n.to_le_bytes(), round.to_le_bytes()].concat(),
        observed_at: at,
        facts: facts
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect::<BTreeMap<_, _>>(),
    };
    let agent = [
        ("agent.platform", Value::Text("windows".into())),
        ("agent.profile", Value::Number(round.into())),
    ];
    if round.is_multiple_of(2) {
        return vec![section("agent", agent.to_vec())];
    }
    vec![
        section("agent", agent.to_vec()),
        section(
            "oqs",
            vec![
                ("oqs.face.version", face),
                ("oqs.link.version", version(FACES[pick(2) as usize % FACES.len()])),
            ],
        ),
        section(
            "power",
            vec![("power.fast_startup", Value::Truth(pick(3).is_multiple_of(3)))],
        ),
        section(
            "certificates",
            vec![("certificates.thumbprint", Value::Text(format!("{thumbprint:040x}")))],
        ),
    ]
}

/// Everybody in the range reports their round.
///
/// # Panics
/// When a report is not taken.
pub async fn report_all(app: &Arc<App>, terminals: impl Iterator<Item = u32>, round: u32) {
    let at = app.now();
    futures_util::stream::iter(terminals)
        .map(|n| report(app, id(n), key(n), sections(n, round, at)))
        .buffer_unordered(AT_ONCE)
        .for_each(async |done| done.expect("the report is taken"))
        .await;
}
