//! Which facility a terminal stands in: a person says it, or the terminal reports it.

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::audit::Event;
use kaishin_domain::facility::{Attachment, ByHand, Code10};
use kaishin_domain::id::TerminalId;
use serde_json::json;

use super::no_such_facility;
use crate::app::{App, AppError, Change, Cx, ledger};

/// What a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    In(Code10),
    Nowhere,
    /// What token and terminal say counts again.
    AsReported,
}

pub async fn attach(cx: &Cx, terminal: TerminalId, to: Where, reason: &str) -> Result<Attachment, AppError> {
    cx.require(Permission::EditFacilities, Scope::Terminal(terminal))?;
    let reason = cx.reason(reason)?;
    let app = &cx.app;
    app.store
        .terminal(terminal)
        .await?
        .ok_or_else(AppError::no_such_terminal)?;
    let hand = |code: Option<Code10>| {
        Some(ByHand {
            code,
            at: cx.now(),
            by: cx.actor.name.clone(),
            reason: reason.clone(),
        })
    };
    let by_hand = match to {
        Where::In(code) => hand(Some(app.ledger.current(code).ok_or_else(no_such_facility)?)),
        Where::Nowhere => hand(None),
        Where::AsReported => None,
    };
    let was = app.store.attachment(terminal).await?;
    let is = Attachment { by_hand, ..was.clone() };
    let (before, after) = (json!({ "facility": was.code() }), json!({ "facility": is.code() }));
    // It belongs to the story of the terminal and of both facilities.
    let mut targets = vec![format!("terminal:{terminal}")];
    for code in [was.code(), is.code()].into_iter().flatten() {
        let target = format!("facility:{}", app.ledger.current(code).unwrap_or(code));
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    let events: Vec<_> = targets
        .into_iter()
        .map(|target| cx.event("terminal.attach", target, &reason, before.clone(), after.clone()))
        .collect();
    let is = app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                // What token and terminal say may have changed since: only the hand's word is ours.
                let is = Attachment {
                    by_hand: is.by_hand,
                    ..tx.attachment(terminal).await?
                };
                tx.put_attachment(terminal, &is).await?;
                for event in events {
                    tx.audit(event).await?;
                }
                Ok(is)
            })
        })
        .await?;
    ledger::said(app, terminal, is.clone());
    app.bus.changed(Change::Audit);
    Ok(is)
}

/// The terminal itself says where it stands. Saying the same again costs nothing.
pub async fn reported(app: &App, terminal: TerminalId, code: Option<Code10>) -> Result<(), AppError> {
    if app.ledger.said(terminal).reported == code {
        return Ok(());
    }
    let was = app.ledger.said(terminal).reported;
    let event = Event {
        at: app.now(),
        actor: format!("terminal:{terminal}"),
        action: "terminal.report-facility",
        target: format!("terminal:{terminal}"),
        reason: String::new(),
        before: json!({ "reported": was }),
        after: json!({ "reported": code }),
    };
    let is = app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                let is = Attachment {
                    reported: code,
                    ..tx.attachment(terminal).await?
                };
                tx.put_attachment(terminal, &is).await?;
                tx.audit(event).await?;
                Ok(is)
            })
        })
        .await?;
    ledger::said(app, terminal, is);
    app.bus.changed(Change::Audit);
    Ok(())
}
