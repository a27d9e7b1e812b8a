//! What somebody types while the phone rings: facilities and terminals, best first.

use kaishin_domain::access::{Permission, Scope};

use super::error::AppError;
use super::listing::{cell, plain};
use super::{Cx, calls};
pub use crate::index::Hit;

const MOST: usize = 50;

/// One line of what was found, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// `facility` or `terminal`.
    pub kind: &'static str,
    /// A ten-digit code, or a terminal's id.
    pub id: String,
    pub title: String,
    /// The ten-digit code, if one is known.
    pub code: Option<String>,
    pub prefecture: Option<String>,
    pub address: Option<String>,
    /// Of a facility: its terminals, those online, those with faults, and the one to look at first.
    pub terminals: u64,
    pub online: u64,
    pub faulty: u64,
    pub worst: Option<String>,
    /// Of a terminal: serial number, model, and its facility's name.
    pub serial: Option<String>,
    pub model: Option<String>,
    pub facility: Option<String>,
    pub faults: Vec<String>,
    /// It shows the code that was typed.
    pub by_code: bool,
}

pub fn find(cx: &Cx, text: &str, limit: usize) -> Result<Vec<Item>, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let mut items = Vec::new();
    // Four digits that a terminal shows at this moment mean that terminal.
    if let Some(row) = calls::whose_code(cx, text).and_then(|terminal| cx.app.index.get(terminal)) {
        items.push(Item {
            by_code: true,
            ..item(Hit::Terminal(Box::new(row)))
        });
    }
    let hits = cx.app.index.find(text, limit.clamp(1, MOST));
    items.extend(hits.into_iter().map(item));
    Ok(items)
}

fn item(hit: Hit) -> Item {
    match hit {
        Hit::Facility {
            card,
            terminals,
            online,
            faulty,
            worst,
        } => Item {
            kind: "facility",
            id: card.code.to_string(),
            title: card.name.to_string(),
            code: Some(card.code.to_string()),
            prefecture: card.prefecture.map(|prefecture| prefecture.words().ja),
            address: card.address.map(Into::into),
            terminals,
            online,
            faulty,
            worst: worst.map(|id| id.to_string()),
            serial: None,
            model: None,
            facility: None,
            faults: Vec::new(),
            by_code: false,
        },
        Hit::Terminal(row) => {
            let known = |name: &str| {
                let field = kaishin_domain::expr::Field::find(name)?;
                match cell(&row, field) {
                    super::listing::Cell::Unknown(_) => None,
                    known @ super::listing::Cell::Known(_) => Some(plain(&known)),
                }
            };
            Item {
                kind: "terminal",
                id: row.entry.id.to_string(),
                title: row.entry.hostname.clone(),
                code: row.entry.institution.clone(),
                prefecture: known("facility.prefecture"),
                address: None,
                terminals: 1,
                online: u64::from(row.online()),
                faulty: u64::from(!row.entry.faults.is_empty()),
                worst: None,
                serial: known("hardware.serial"),
                model: known("hardware.model"),
                facility: known("facility.name"),
                faults: row.entry.faults.clone(),
                by_code: false,
            }
        }
    }
}
