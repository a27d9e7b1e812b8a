//! A facility: the hospital, clinic or pharmacy that terminals stand in, as the carrier's ledger knows it.
//!
//! What the ledger does not say is unknown (`None`), never a default. `field` is the one list of what a ledger may say:
//! import, export, forms, comparison and the audit log are driven by it.

mod attachment;
mod choice;
mod code;
mod field;
mod hours;
mod phone;
mod place;
pub mod sheet;

use serde::{Deserialize, Serialize};

pub use crate::fold::digits as dialled;
pub use attachment::{Attachment, ByHand, Claim, Standing};
pub use choice::{Kind, Line, Topology, UpdateChoice};
pub use code::{BadCode, Code10, CodeNote, Table};
pub use field::{BadField, Field, choices};
pub use hours::{BadHours, Day, Hours, Opening};
pub use phone::{BadPhone, Phone};
pub use place::Prefecture;

use crate::fold::{search_key, search_keys};
use crate::time::Time;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facility {
    pub code: Code10,
    pub name: String,
    pub kana: Option<String>,
    pub kind: Option<Kind>,
    pub prefecture: Option<Prefecture>,
    pub address: Option<String>,
    pub phones: Vec<Phone>,
    /// Whom to ask for.
    pub contact: Option<String>,
    pub hours: Option<Hours>,
    /// Who runs the contract with this facility.
    pub carrier: Option<String>,
    pub line: Option<Line>,
    /// Whose line it is.
    pub provider: Option<String>,
    pub topology: Option<Topology>,
    /// The face-recognition card reader's model.
    pub reader: Option<String>,
    pub update_choice: Option<UpdateChoice>,
    /// The receipt computer and the terminal are one machine.
    pub shared_receipt: Option<bool>,
    pub notes: Option<String>,
}

impl Facility {
    /// A facility of which nothing but code and name is known, and what the code itself says.
    pub fn new(code: Code10, name: impl Into<String>) -> Facility {
        Facility {
            code,
            name: name.into(),
            kana: None,
            kind: code.kind(),
            prefecture: code.prefecture(),
            address: None,
            phones: Vec::new(),
            contact: None,
            hours: None,
            carrier: None,
            line: None,
            provider: None,
            topology: None,
            reader: None,
            update_choice: None,
            shared_receipt: None,
            notes: None,
        }
    }

    /// What it is found by, each as a key: codes of the past lead to it as well.
    pub fn search_lines(&self, earlier: &[Code10]) -> Vec<String> {
        let (name, with_law) = search_keys(&self.name);
        let mut lines = vec![self.code.to_string(), name];
        // Whoever looks for nothing but a word of law finds those that have it.
        lines.extend(with_law);
        let place = self.prefecture.map(|prefecture| prefecture.words().ja);
        let texts = [self.kana.as_deref(), place.as_deref(), self.address.as_deref()];
        lines.extend(texts.into_iter().flatten().map(search_key));
        lines.extend(self.phones.iter().map(|phone| phone.normal().to_owned()));
        lines.extend(earlier.iter().map(Code10::to_string));
        lines
    }

    /// Which fields differ, in the catalogue's order.
    pub fn differences(&self, other: &Facility) -> Vec<Field> {
        Field::ALL
            .into_iter()
            .filter(|field| field.text(self) != field.text(other))
            .collect()
    }
}

/// A facility as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    #[serde(flatten)]
    pub facility: Facility,
    /// Grows with every change: who writes says which one it saw.
    pub revision: u32,
    pub created_at: Time,
    pub updated_at: Time,
}

/// A code that a facility had before: it still leads there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EarlierCode {
    pub code: Code10,
    pub facility: Code10,
    pub used_from: Option<Time>,
    pub used_until: Option<Time>,
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_said_or_stands_in_the_code_is_known() {
        let facility = Facility::new("1340000015".parse().unwrap(), "みどり薬局");
        assert_eq!(facility.kind, Some(Kind::Pharmacy));
        assert_eq!(facility.prefecture.map(Prefecture::number), Some(13));
        for field in Field::ALL {
            let told = matches!(field, Field::Code | Field::Name | Field::Kind | Field::Prefecture);
            assert_eq!(field.text(&facility).is_some(), told, "{}", field.name());
        }
    }

    #[test]
    fn every_field_reads_back_what_it_writes() {
        let mut told = Facility::new("1310113715".parse().unwrap(), "さくら医院");
        for (field, text) in [
            (Field::Kana, "サクライイン"),
            (Field::Kind, "診療所"),
            (Field::Prefecture, "東京都"),
            (Field::Address, "千代田区丸の内1-2-3"),
            (Field::Phones, "03-1234-5678 / 090-1111-2222"),
            (Field::Contact, "事務長"),
            (Field::Hours, "月-金 9:00-12:00,14:00-18:00; 土 9:00-12:00; 日祝 休"),
            (Field::Carrier, "東"),
            (Field::Line, "IP-VPN"),
            (Field::Provider, "NTT東日本"),
            (Field::Topology, "配信拠点起点"),
            (Field::Reader, "XC01"),
            (Field::UpdateChoice, "手動"),
            (Field::SharedReceipt, "はい"),
            (Field::Notes, "裏口から"),
        ] {
            field.put(&mut told, text).unwrap();
        }
        let mut again = Facility::new(told.code, "");
        for field in Field::ALL {
            let text = field.text(&told).unwrap();
            field.put(&mut again, &text).unwrap();
        }
        assert_eq!(told, again);
        assert_eq!(told.differences(&again), []);
        again.notes = None;
        assert_eq!(told.differences(&again), [Field::Notes]);
        assert!(told.search_lines(&[]).contains(&"0312345678".to_owned()));
    }
}
