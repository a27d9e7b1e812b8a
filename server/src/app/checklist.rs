//! The set-up checklist of one terminal: reading it, and what people say of it.

use kaishin_domain::access::{Permission, Scope};
pub use kaishin_domain::checklist::{Checklist, Mark, Question};
use kaishin_domain::checklist::{OPERATIONS, checklist};
use kaishin_domain::id::TerminalId;
use kaishin_domain::rule::judge;
use serde_json::json;

use super::error::AppError;
use super::{Change, Cx};

/// What somebody says of one item or question.
#[derive(Clone, Debug)]
pub struct Word {
    pub item: String,
    /// Done or not, yes or no; none takes back what was said.
    pub value: Option<bool>,
    /// The version that they saw; 0 if nobody had said anything.
    pub seen: i64,
    pub reason: String,
}

pub async fn get(cx: &Cx, id: TerminalId) -> Result<Checklist, AppError> {
    cx.require(Permission::ViewFleet, Scope::Terminal(id))?;
    let store = &cx.app.store;
    let marks = store.checklist_marks(id).await?;
    let Some(row) = cx.app.index.get(id) else {
        return Err(AppError::no_such_terminal());
    };
    Ok(checklist(&judge(&cx.app.rules, &row, cx.now()), &marks))
}

pub async fn say(cx: &Cx, id: TerminalId, word: Word) -> Result<(), AppError> {
    cx.require(Permission::RunRemedy, Scope::Terminal(id))?;
    let question = Question::find(&word.item);
    let item = OPERATIONS
        .iter()
        .flat_map(|operation| operation.items)
        .find(|item| item.id == word.item);
    if question.is_none() && item.is_none() {
        return Err(AppError::not_found(
            "E-CHECK-01",
            "この項目はチェックリストにありません。ページを開き直してください。",
            "There is no such item. Open the page again.",
        ));
    }
    let list = get(cx, id).await?;
    if word.value == Some(true) && list.line(&word.item).is_some_and(|line| !line.takes_a_tick()) {
        return Err(AppError::conflict(
            "E-CHECK-02",
            "この項目はエージェントが確認しているか、この端末では不要です。手で済みにはできません。",
            "The agent sees this item itself, or it is not needed here. It cannot be ticked by hand.",
        ));
    }
    // A tick rests on somebody's word, so it says why; taking it back and answers speak for themselves.
    let reason = if question.is_none() && word.value == Some(true) {
        cx.reason(&word.reason)?
    } else {
        word.reason.trim().chars().take(500).collect()
    };
    let before = cx.app.store.checklist_marks(id).await?;
    let before = before.into_iter().find(|mark| mark.item == word.item);
    let mark = Mark {
        item: word.item,
        value: word.value,
        version: word.seen + 1,
        at: cx.now(),
        by: cx.actor.name.clone(),
        reason: reason.clone(),
    };
    let action = match (question, mark.value) {
        (Some(_), _) => "checklist.answer",
        (None, Some(true)) => "checklist.tick",
        (None, Some(false) | None) => "checklist.untick",
    };
    let event = cx.event(
        action,
        format!("terminal:{id}"),
        &reason,
        json!({ "item": mark.item, "value": before.and_then(|before| before.value) }),
        json!({ "item": mark.item, "value": mark.value }),
    );
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.put_checklist_mark(id, &mark).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    cx.app.bus.changed(Change::Terminal(id));
    cx.app.bus.changed(Change::Audit);
    Ok(())
}
