//! The same work for many terminals at once: few writes, and one entry in the audit log for the whole.

use std::collections::{BTreeSet, HashMap};

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::id::TerminalId;
use kaishin_domain::job::{DEFAULT_LIFE, Job};
use kaishin_domain::remedy::Remedy;
use kaishin_domain::terminal::Terminal;
use kaishin_domain::time::Span;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::super::error::AppError;
use super::super::{Change, Cx, Wake};
use super::order::{asks_or_shows, sound_life};
use super::{in_short, made, told};
use crate::store::StoreError;

/// In one call; a whole fleet is a campaign's to order.
const MOST: usize = 20_000;
/// In one write: others do not wait long for it.
const AT_ONCE: usize = 1_024;

#[derive(Clone, Debug)]
pub struct Orders {
    pub terminals: Vec<TerminalId>,
    pub remedy: Remedy,
    pub life: Option<Span>,
    pub reason: String,
}

#[derive(Clone, Debug)]
pub struct Ordered {
    pub jobs: Vec<Job>,
    /// Not there, or revoked.
    pub left_out: Vec<TerminalId>,
}

/// Only what reads. A terminal that is named twice gets one job. The audit entry, which is written with the first of the jobs, says how
/// many terminals were meant and has the hash of their list.
pub async fn create_many(cx: &Cx, orders: Orders) -> Result<Ordered, AppError> {
    cx.require(Permission::of(orders.remedy), Scope::Fleet)?;
    // One person alone changes one terminal, and has one clinic's staff disturbed.
    if asks_or_shows(orders.remedy) {
        return Err(AppError::invalid(
            "E-JOB-46",
            "まとめて依頼できるのは、読み取るだけの作業です。設定を変える作業やお知らせの表示は、端末ごとに依頼してください。",
            "Only work that reads is ordered for many terminals. What changes a terminal or shows a message is ordered one by one.",
        ));
    }
    let life = sound_life(orders.life.unwrap_or(DEFAULT_LIFE))?;
    let wanted: BTreeSet<TerminalId> = orders.terminals.iter().copied().collect();
    if wanted.is_empty() || wanted.len() > MOST {
        return Err(AppError::invalid(
            "E-JOB-15",
            format!("端末を1台以上{MOST}台以下で指定してください。"),
            format!("Name at least one and at most {MOST} terminals."),
        ));
    }
    let wanted: Vec<TerminalId> = wanted.into_iter().collect();
    let known = cx.app.store.terminals_by_id(&wanted).await?;
    let known: HashMap<TerminalId, Terminal> = known.into_iter().map(|one| (one.id, one)).collect();
    let (meant, left_out): (Vec<TerminalId>, Vec<TerminalId>) = wanted
        .into_iter()
        .partition(|id| known.get(id).is_some_and(Terminal::is_active));
    let now = cx.now();
    let job = |terminal: &TerminalId| made(cx, now, *terminal, orders.remedy, life, &orders.reason);
    let jobs: Vec<Job> = meant.iter().map(job).collect();
    let after = json!({
        "remedy": orders.remedy.name(),
        "params": orders.remedy.params(),
        "deadline": (now + life).rfc3339(),
        "terminals": meant.len(),
        "terminals_sha256": list_hash(&meant),
        "left_out": left_out.len(),
        "first_job": jobs.first().map(|job| job.id),
    });
    let event = cx.event(
        "job.create-many",
        "fleet".into(),
        &in_short(&orders.reason),
        serde_json::Value::Null,
        after,
    );
    write(cx, &jobs, event).await?;
    Ok(Ordered { jobs, left_out })
}

async fn write(cx: &Cx, jobs: &[Job], event: kaishin_domain::audit::Event) -> Result<(), AppError> {
    let mut event = Some(event);
    for part in jobs.chunks(AT_ONCE) {
        let (rows, event) = (part.to_vec(), event.take());
        cx.app
            .store
            .write::<_, StoreError, _>(move |tx| {
                Box::pin(async move {
                    tx.insert_jobs(&rows).await?;
                    if let Some(event) = event {
                        tx.audit(event).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        for job in part {
            cx.app.bus.wake(Wake::Ready(job.terminal));
        }
        told(&cx.app, part);
    }
    cx.app.bus.changed(Change::Audit);
    Ok(())
}

/// SHA-256 over the ids in their order, one to a line.
fn list_hash(terminals: &[TerminalId]) -> String {
    let mut hash = Sha256::new();
    for terminal in terminals {
        hash.update(format!("{terminal}\n"));
    }
    hex::encode(hash.finalize())
}
