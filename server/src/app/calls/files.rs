//! The list of calls as a file, exactly what the filter finds: CSV in UTF-8 with its mark, or a workbook of text cells.

use super::{CallFilter, CallOrder, Item, MOST_ROWS, list};
use crate::app::workbook::Workbook;
use crate::app::{AppError, Cx, spreadsheet};
use kaishin_domain::call::{Outcome, State};

/// The titles of a file's columns.
pub const COLUMNS: [&str; 13] = [
    "受付日時",
    "状態",
    "結果",
    "担当",
    "医療機関等コード",
    "医療機関等",
    "端末",
    "お名前",
    "ご担当・役職",
    "電話番号",
    "内容",
    "手順",
    "完了日時",
];
/// More than a desk has in a year; what is beyond is narrowed down by a filter.
const MOST: usize = 100_000;

fn cells(item: Item) -> [String; 13] {
    let call = item.call;
    let state = match call.state {
        State::Open => "対応中",
        State::Waiting { .. } => "折り返し待ち",
        State::Due { .. } => "要折り返し",
        State::Closed { .. } => "完了",
    };
    let outcome = call.outcome().map(|outcome| match outcome {
        Outcome::Fixed => "解消",
        Outcome::NotFixed => "未解消",
        Outcome::HandedOn => "引き継ぎ",
        Outcome::Answered => "回答済み",
        Outcome::GivenUp => "終了（結果なし）",
    });
    let closed = match &call.state {
        State::Closed { at, .. } => at.in_japan(),
        State::Open | State::Waiting { .. } | State::Due { .. } => String::new(),
    };
    let procedures: Vec<&str> = call.runs.iter().map(|run| run.procedure.as_str()).collect();
    [
        call.opened_at.in_japan(),
        state.to_owned(),
        outcome.unwrap_or_default().to_owned(),
        call.owner,
        call.facility.map(|code| code.to_string()).unwrap_or_default(),
        item.facility.unwrap_or_default(),
        item.hostname.unwrap_or_default(),
        call.caller.name,
        call.caller.role,
        call.caller.phone,
        call.caller.concern,
        procedures.join(" "),
        closed,
    ]
}

async fn all(cx: &Cx, filter: &CallFilter, order: (CallOrder, bool)) -> Result<Vec<[String; 13]>, AppError> {
    let mut rows = Vec::new();
    let mut from = Some(0);
    while let Some(offset) = from.filter(|_| rows.len() < MOST) {
        let page = list(cx, filter.clone(), order, MOST_ROWS, offset).await?;
        rows.extend(page.items.into_iter().map(cells));
        from = page.next;
    }
    Ok(rows)
}

pub async fn csv(cx: &Cx, filter: &CallFilter, order: (CallOrder, bool)) -> Result<Vec<u8>, AppError> {
    let mut text = String::from(spreadsheet::MARK);
    spreadsheet::row(&mut text, COLUMNS);
    for row in all(cx, filter, order).await? {
        spreadsheet::row(&mut text, row);
    }
    Ok(text.into_bytes())
}

pub async fn xlsx(cx: &Cx, filter: &CallFilter, order: (CallOrder, bool)) -> Result<Vec<u8>, AppError> {
    let mut book = Workbook::new("電話")?;
    book.row(COLUMNS.into_iter().map(|title| Some(title.to_owned())))?;
    for row in all(cx, filter, order).await? {
        book.row(row.into_iter().map(|cell| (!cell.is_empty()).then_some(cell)))?;
    }
    book.finish()
}
