//! The facilities of the ledger as far as terminals and searches need them: each once, however many terminals stand in it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use kaishin_domain::expr::Attribute;
use kaishin_domain::facility::{Code10, Facility, Kind, Line, Prefecture, Topology, UpdateChoice};
use kaishin_proto::value::Value;

use super::entry;
use super::finder::Finder;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    pub code: Code10,
    pub name: Box<str>,
    pub address: Option<Box<str>>,
    pub prefecture: Option<Prefecture>,
    kind: Option<Kind>,
    line: Option<Line>,
    topology: Option<Topology>,
    update_choice: Option<UpdateChoice>,
    shared_receipt: Option<bool>,
    carrier: Option<Arc<str>>,
    provider: Option<Arc<str>>,
    reader: Option<Arc<str>>,
}

impl Card {
    fn new(facility: &Facility, words: &mut HashSet<Arc<str>>) -> Card {
        let mut word = |text: &Option<String>| {
            let text = text.as_deref()?;
            if let Some(known) = words.get(text) {
                return Some(known.clone());
            }
            let new: Arc<str> = text.into();
            words.insert(new.clone());
            Some(new)
        };
        Card {
            code: facility.code,
            name: facility.name.as_str().into(),
            address: facility.address.as_deref().map(Into::into),
            prefecture: facility.prefecture,
            kind: facility.kind,
            line: facility.line,
            topology: facility.topology,
            update_choice: facility.update_choice,
            shared_receipt: facility.shared_receipt,
            carrier: word(&facility.carrier),
            provider: word(&facility.provider),
            reader: word(&facility.reader),
        }
    }

    /// What filters ask of the terminals that stand in it.
    pub(super) fn attributes(&self) -> entry::Facility {
        let text = |text: &str| Value::Text(text.to_owned());
        let known = [
            (Attribute::Code, Some(text(&self.code.to_string()))),
            (Attribute::Name, Some(text(&self.name))),
            (Attribute::Kind, self.kind.map(|kind| text(kind.name()))),
            (
                Attribute::Prefecture,
                self.prefecture.map(|prefecture| Value::Text(prefecture.words().ja)),
            ),
            (Attribute::Carrier, self.carrier.as_deref().map(text)),
            (Attribute::Line, self.line.map(|line| text(line.name()))),
            (Attribute::Provider, self.provider.as_deref().map(text)),
            (Attribute::Topology, self.topology.map(|topology| text(topology.name()))),
            (Attribute::Reader, self.reader.as_deref().map(text)),
            (
                Attribute::UpdateChoice,
                self.update_choice.map(|choice| text(choice.name())),
            ),
            (Attribute::SharedReceipt, self.shared_receipt.map(Value::Truth)),
        ];
        let known = known.into_iter();
        known
            .filter_map(|(attribute, value)| Some((attribute, value?)))
            .collect()
    }
}

#[derive(Default)]
pub(super) struct Ledger {
    places: HashMap<Code10, u32>,
    cards: Vec<Option<Card>>,
    free: Vec<u32>,
    /// Codes of the past and where they lead, and the other way round.
    today: HashMap<Code10, Code10>,
    earlier: HashMap<Code10, Vec<Code10>>,
    /// Carriers, providers and readers: few, and said very often.
    words: HashSet<Arc<str>>,
    pub finder: Finder,
}

impl Ledger {
    pub fn put(&mut self, facility: &Facility) {
        let place = match self.places.get(&facility.code) {
            Some(place) => *place,
            None => {
                let place = self.free.pop().unwrap_or_else(|| {
                    self.cards.push(None);
                    u32::try_from(self.cards.len() - 1).unwrap_or(u32::MAX)
                });
                self.places.insert(facility.code, place);
                place
            }
        };
        self.cards[place as usize] = Some(Card::new(facility, &mut self.words));
        let earlier = self.earlier.get(&facility.code).map_or(&[][..], Vec::as_slice);
        self.finder.set(place, &facility.search_lines(earlier));
    }

    /// The codes that a facility had before; they count from the next time that it is put in.
    pub fn set_earlier(&mut self, facility: Code10, codes: &[Code10]) {
        for code in self.earlier.remove(&facility).unwrap_or_default() {
            if self.today.get(&code) == Some(&facility) {
                self.today.remove(&code);
            }
        }
        self.today.extend(codes.iter().map(|code| (*code, facility)));
        if !codes.is_empty() {
            self.earlier.insert(facility, codes.to_vec());
        }
    }

    /// Where a code of the past leads.
    pub fn today(&self, code: &str) -> Option<Code10> {
        let code = code.parse().ok()?;
        let today = *self.today.get(&code)?;
        (!self.places.contains_key(&code)).then_some(today)
    }

    pub fn remove(&mut self, code: Code10) {
        self.set_earlier(code, &[]);
        if let Some(place) = self.places.remove(&code) {
            self.cards[place as usize] = None;
            self.finder.set(place, &[]);
            self.free.push(place);
        }
    }

    /// Where a facility is kept.
    pub fn place(&self, code: &str) -> Option<u32> {
        self.places.get(&code.parse().ok()?).copied()
    }

    pub fn at(&self, place: u32) -> Option<&Card> {
        self.cards.get(place as usize)?.as_ref()
    }

    pub fn bytes(&self) -> usize {
        let texts = |card: &Card| card.name.len() + card.address.as_ref().map_or(0, |text| text.len()) + 32;
        let cards: usize = self.cards.iter().flatten().map(texts).sum();
        cards + self.cards.capacity() * size_of::<Card>() + self.places.capacity() * 24 + self.finder.bytes()
    }
}
