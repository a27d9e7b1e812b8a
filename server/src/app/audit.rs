//! Reading the audit log, and holding it to its own seals.

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::audit::{Broken, Entry, Head, Verifier};
use serde_json::json;

use super::Cx;
use super::error::{AppError, Kind};

const PAGE: u32 = 1_000;
const MOST: u32 = 1_000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub actor: Option<String>,
    /// `noun:id`.
    pub target: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    pub entries: i64,
    /// Kept elsewhere, it is the anchor that finds a log cut short.
    pub head: Head,
}

/// Newest first; `before` is the number of an entry already seen.
pub async fn recent(cx: &Cx, filter: &Filter, before: Option<i64>, limit: u32) -> Result<Vec<Entry>, AppError> {
    cx.require(Permission::ViewAudit, Scope::Fleet)?;
    let (before, limit) = (before.unwrap_or(i64::MAX), limit.min(MOST));
    let (actor, target) = (filter.actor.as_deref(), filter.target.as_deref());
    Ok(cx.app.store.audit_recent(before, limit, actor, target).await?)
}

/// From the first entry to the last, while others go on writing. An anchor is a head that was recorded elsewhere; the
/// head that the database keeps is one too.
pub async fn verify(cx: &Cx, anchor: Option<Head>) -> Result<Verified, AppError> {
    cx.require(Permission::ViewAudit, Scope::Fleet)?;
    let store = &cx.app.store;
    let recorded = store.audit_head().await?;
    let anchors = [Some(recorded), anchor];
    let mut check = Check::default();
    loop {
        let page = store.audit_after(check.head.number, PAGE).await?;
        for entry in &page {
            check.entry(entry, &anchors).map_err(broken)?;
        }
        if page.is_empty() {
            break;
        }
    }
    // Nobody writes an entry without moving the head: what lies beyond it was put there by another hand.
    let beyond = check.head.number > store.audit_head().await?.number;
    if beyond {
        return Err(broken(Broken::WrongHead(check.head.number)));
    }
    let head = check.finish(&anchors).map_err(broken)?;
    Ok(Verified {
        entries: head.number,
        head,
    })
}

struct Check {
    verifier: Verifier,
    head: Head,
}

impl Default for Check {
    fn default() -> Self {
        Check {
            verifier: Verifier::default(),
            head: Head::START,
        }
    }
}

impl Check {
    fn entry(&mut self, entry: &Entry, anchors: &[Option<Head>]) -> Result<(), Broken> {
        self.verifier.check(entry)?;
        self.head = entry.head();
        let at_odds = |anchor: &Head| anchor.number == entry.number && anchor.seal != entry.seal;
        if anchors.iter().flatten().any(at_odds) {
            return Err(Broken::WrongHead(entry.number));
        }
        Ok(())
    }

    fn finish(self, anchors: &[Option<Head>]) -> Result<Head, Broken> {
        for anchor in anchors.iter().flatten() {
            self.verifier.finish(*anchor)?;
        }
        Ok(self.head)
    }
}

fn broken(broken: Broken) -> AppError {
    let (kind, entry) = match broken {
        Broken::Changed(entry) => ("changed", entry),
        Broken::Missing { expected, .. } => ("missing", expected),
        Broken::Unlinked(entry) => ("unlinked", entry),
        Broken::Truncated { found, .. } => ("truncated", found + 1),
        Broken::WrongHead(entry) => ("wrong-head", entry),
    };
    let ja = match broken {
        Broken::Changed(entry) => format!("{entry}番の記録が書き換えられています。"),
        Broken::Missing { expected, found } => format!("{expected}番の記録がなく、{found}番が続いています。"),
        Broken::Unlinked(entry) => format!("{entry}番の記録が前の記録とつながっていません。"),
        Broken::Truncated { expected, found } => {
            format!("記録は{expected}番まであるはずですが、{found}番で終わっています。")
        }
        Broken::WrongHead(entry) => format!("{entry}番の記録が、控えられていたものと違います。"),
    };
    AppError::new(
        Kind::Conflict,
        "E-AUDIT-01",
        format!("監査記録が壊れています。{ja}データベースを保全し、バックアップと照合してください。"),
        format!("The audit log is broken: {broken}. Secure the database and compare it with the backups."),
    )
    .with(json!({ "kind": kind, "entry": entry }))
}

#[cfg(test)]
mod tests {
    use kaishin_domain::audit::Event;
    use kaishin_domain::time::Time;

    use super::*;

    fn chain(length: i64) -> Vec<Entry> {
        let mut head = Head::START;
        let mut entries = Vec::new();
        for n in 0..length {
            let event = Event {
                at: Time(n),
                actor: "sato".into(),
                action: "terminal.revoke",
                target: format!("terminal:{n}"),
                reason: "lost".into(),
                before: json!(null),
                after: json!(null),
            };
            let entry = Entry::next(head, event);
            head = entry.head();
            entries.push(entry);
        }
        entries
    }

    fn check(entries: &[Entry], anchors: &[Option<Head>]) -> Result<Head, Broken> {
        let mut check = Check::default();
        entries.iter().try_for_each(|entry| check.entry(entry, anchors))?;
        check.finish(anchors)
    }

    #[test]
    fn an_anchor_in_the_middle_finds_a_log_that_was_rewritten_as_a_whole() {
        let (good, mut other) = (chain(5), chain(5));
        let anchor = [Some(good[2].head())];
        assert_eq!(check(&good, &anchor), Ok(good[4].head()));
        other[0].reason = "stolen".into();
        let mut head = Head::START;
        for entry in &mut other {
            let event = Event {
                at: entry.at,
                actor: entry.actor.clone(),
                action: "terminal.revoke",
                target: entry.target.clone(),
                reason: entry.reason.clone(),
                before: json!(null),
                after: json!(null),
            };
            *entry = Entry::next(head, event);
            head = entry.head();
        }
        assert!(check(&other, &[]).is_ok());
        assert_eq!(check(&other, &anchor), Err(Broken::WrongHead(3)));
    }

    #[test]
    fn a_tail_cut_off_is_found_and_an_empty_log_is_whole() {
        let good = chain(5);
        let anchor = [Some(good[4].head())];
        assert_eq!(
            check(&good[..3], &anchor),
            Err(Broken::Truncated { expected: 5, found: 3 })
        );
        assert_eq!(check(&[], &[Some(Head::START)]), Ok(Head::START));
    }
}
