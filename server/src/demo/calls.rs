//! Calls of the demo, so that the desk shows what it is for: one that ended with its record, one to be called back, one that
//! goes on. They happen as every call does, event by event.

use kaishin_domain::access::{Actor, Who};
use kaishin_domain::call::{Condition, Event, Outcome};
use kaishin_domain::facility::Code10;
use kaishin_domain::time::Span;

use crate::app::calls::{self, NewCall};
use crate::app::{AppError, Cx, operators};

struct Sample {
    owner: &'static str,
    /// The facility, as the demo's ledger counts them.
    facility: u64,
    caller: [&'static str; 4],
    procedure: &'static str,
    /// So many steps were gone through, each because the caller said so.
    steps: usize,
    then: Then,
}

enum Then {
    GoesOn,
    CallBackSoon,
    Closed(&'static str),
}

const SAMPLES: [Sample; 4] = [
    Sample {
        owner: "suzuki",
        facility: 3,
        caller: ["田中", "受付", "", "朝から顔認証ができない"],
        procedure: "restart",
        steps: 3,
        then: Then::Closed("次回は閉院後に再起動をお願いしました。"),
    },
    Sample {
        owner: "suzuki",
        facility: 8,
        caller: ["小林", "事務長", "", "再起動は診療の後にしたい"],
        procedure: "windows-update-run",
        steps: 0,
        then: Then::CallBackSoon,
    },
    Sample {
        owner: "suzuki",
        facility: 12,
        caller: ["中村", "受付", "", "カードリーダーが真っ暗"],
        procedure: "card-reader-power-cycle",
        steps: 1,
        then: Then::GoesOn,
    },
    Sample {
        owner: "sato",
        facility: 17,
        caller: ["森", "薬剤師", "", "画面の文字が大きすぎる"],
        procedure: "display-scale",
        steps: 0,
        then: Then::GoesOn,
    },
];

/// When the promised call-back is due.
const SOON: Span = Span::seconds(1);

pub async fn take(cx: &Cx, facility: impl Fn(u64) -> Code10) -> Result<(), AppError> {
    let operators = operators::list(cx).await?;
    for sample in &SAMPLES {
        let Some(owner) = operators.iter().find(|operator| operator.name == sample.owner) else {
            continue;
        };
        let cx = cx.app.on_behalf_of(Actor {
            who: Who::Operator(owner.id),
            name: owner.name.clone(),
            role: owner.role,
        });
        let [name, role, phone, concern] = sample.caller.map(str::to_owned);
        let new = NewCall {
            name,
            role,
            phone,
            concern,
            facility: Some(facility(sample.facility)),
            procedure: Some(sample.procedure.to_owned()),
            terminal: None,
        };
        let call = calls::open(&cx, new).await?.id;
        for event in events(&cx, sample) {
            calls::happen(&cx, call, None, event).await?;
        }
    }
    Ok(())
}

fn events(cx: &Cx, sample: &Sample) -> Vec<Event> {
    let mut events = vec![Event::Said; sample.steps];
    events.extend(match sample.then {
        Then::GoesOn => None,
        Then::CallBackSoon => Some(Event::CallBack(Condition::At { at: cx.now() + SOON })),
        Then::Closed(note) => Some(Event::Closed {
            outcome: Outcome::Fixed,
            note: note.to_owned(),
            reason: String::new(),
        }),
    });
    events
}
