//! The terminal profile: the version in force, the draft of the next, its history, and putting another in force.

use std::sync::Arc;

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::profile_change::{Change, changes};
use kaishin_domain::rule::OwnRules;
use kaishin_proto::profile::{BadProfile, Profile};
use serde_json::json;
use sha2::{Digest, Sha256};
use tracing::{error, info};

use super::rules::InForce;
use super::{App, AppError, Cx, Wake};
pub use crate::store::{ProfileDraft, ProfileRow};
use crate::store::{Store, StoreError};

const MOST: u32 = 200;

impl From<BadProfile> for AppError {
    fn from(bad: BadProfile) -> AppError {
        AppError::invalid(
            "E-PROFILE-01",
            format!("端末設定の{}行目を直してください。{}", bad.line, bad.ja),
            format!("Correct line {} of the profile: {}", bad.line, bad.en),
        )
        .with(json!({ "line": bad.line, "reason": bad.en, "reason_ja": bad.ja }))
    }
}

/// What is in force at the start. One that this version cannot use any more is no reason not to start.
pub async fn at_start(store: &Store, own: &OwnRules, first: InForce) -> Result<InForce, StoreError> {
    let Some(newest) = store.profiles(1).await?.pop() else {
        return Ok(first);
    };
    match Profile::read(&newest.body).and_then(|profile| InForce::new(&newest.body, profile, own)) {
        Ok(in_force) => Ok(in_force),
        Err(bad) => {
            error!(version = newest.version, error = %bad, "the stored terminal profile cannot be used; the built-in one is");
            Ok(first)
        }
    }
}

/// The newest first; the built-in one last.
pub async fn versions(cx: &Cx) -> Result<Vec<ProfileRow>, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let mut rows = cx.app.store.profiles(MOST).await?;
    let built_in = Profile::built_in();
    if rows.last().is_none_or(|oldest| oldest.version > built_in.version) {
        rows.push(ProfileRow {
            version: built_in.version,
            body: Profile::built_in_text().to_owned(),
            written_by: String::new(),
            published_at: kaishin_domain::time::Time::ZERO,
            published_by: String::new(),
            reason: String::new(),
        });
    }
    Ok(rows)
}

/// What each version of the history changed, beside it; nothing for the oldest.
pub fn steps(rows: &[ProfileRow]) -> Vec<Vec<Change>> {
    let read = |row: &ProfileRow| Profile::read(&row.body).ok();
    let of = |at: usize| Some(changes(&read(rows.get(at + 1)?)?, &read(&rows[at])?));
    (0..rows.len()).map(|at| of(at).unwrap_or_default()).collect()
}

pub fn current(cx: &Cx) -> Result<&InForce, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    Ok(cx.app.rules.in_force())
}

/// What waits to be published, and what it would change.
pub async fn draft(cx: &Cx) -> Result<Option<(ProfileDraft, Vec<Change>)>, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let Some(draft) = cx.app.store.profile_draft().await? else {
        return Ok(None);
    };
    let changed = changes(&cx.app.rules.in_force().profile, &Profile::read(&draft.body)?);
    Ok(Some((draft, changed)))
}

/// Reads a text as a terminal would, and says what it would change; nothing is kept.
pub fn check(cx: &Cx, text: &str) -> Result<Vec<Change>, AppError> {
    cx.require(Permission::ViewFleet, Scope::Fleet)?;
    let in_force = cx.app.rules.in_force();
    let (_, new) = prepared(cx, text, in_force.version.saturating_add(1))?;
    Ok(changes(&in_force.profile, &new.profile))
}

/// As it would be kept, under the version that it would get.
fn prepared(cx: &Cx, text: &str, version: u32) -> Result<(String, InForce), AppError> {
    let mut profile = Profile::read(text)?;
    profile.version = version;
    let body = serde_json::to_string_pretty(&profile).map_err(AppError::internal)?;
    // What is sent must be what was checked.
    let profile = Profile::read(&body)?;
    let in_force = InForce::new(&body, profile, cx.app.rules.own())?;
    Ok((body, in_force))
}

/// Whoever writes has to have seen the version that is in force.
fn is_in_force(cx: &Cx, seen: u32) -> Result<(), AppError> {
    let version = cx.app.rules.in_force().version;
    if seen == version {
        return Ok(());
    }
    Err(AppError::conflict(
        "E-PROFILE-02",
        format!("端末設定は第{version}版に変わっています。最新の内容に直してからもう一度保存してください。"),
        format!("The profile is at version {version} by now. Start from that one and save again."),
    )
    .with(json!({ "version": version })))
}

fn unchanged() -> AppError {
    AppError::invalid(
        "E-PROFILE-04",
        "今の端末設定と同じ内容です。変えるところを直してから保存してください。",
        "This is what is in force already. Change something, then save.",
    )
}

/// What an author wants: the text, from which version they made it, and which draft it takes the place of.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    pub text: &'a str,
    /// None: what the text itself says.
    pub base: Option<u32>,
    pub instead_of: Option<&'a str>,
    pub reason: &'a str,
}

/// The version that an author saw: as they say, else as their text says.
fn base_of(seen: Option<u32>, text: &str) -> Result<u32, AppError> {
    match seen {
        Some(version) => Ok(version),
        None => Ok(Profile::read(text)?.version),
    }
}

/// Keeps a checked draft for somebody to publish.
pub async fn save_draft(cx: &Cx, wish: Wish<'_>) -> Result<ProfileDraft, AppError> {
    cx.require(Permission::EditProfile, Scope::Fleet)?;
    let reason = cx.reason(wish.reason)?;
    notice(&cx.app).await?;
    let base = base_of(wish.base, wish.text)?;
    is_in_force(cx, base)?;
    let (body, new) = prepared(cx, wish.text, base.saturating_add(1))?;
    let changed = changes(&cx.app.rules.in_force().profile, &new.profile);
    if changed.is_empty() {
        return Err(unchanged());
    }
    let draft = ProfileDraft {
        digest: hex::encode(Sha256::digest(body.as_bytes())),
        base,
        body,
        saved_at: cx.now(),
        saved_by: cx.actor.name.clone(),
        reason: reason.clone(),
    };
    let target = format!("profile:{}", new.version);
    let after = json!({ "digest": draft.digest, "changes": changed });
    let event = cx.event("profile.draft", target, &reason, json!({ "version": base }), after);
    let (kept, seen) = (draft.clone(), wish.instead_of.map(str::to_owned));
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.put_profile_draft(seen.as_deref(), &kept).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    cx.app.bus.changed(super::Change::Verdicts);
    Ok(draft)
}

/// The draft that somebody looked at, and no other.
async fn seen_draft(cx: &Cx, digest: &str) -> Result<ProfileDraft, AppError> {
    let draft = cx.app.store.profile_draft().await?;
    draft.filter(|draft| draft.digest == digest).ok_or_else(|| {
        AppError::conflict(
            "E-PROFILE-05",
            "この下書きはもうありません。ほかの人が直したか、公開したか、取り消しました。画面を更新してください。",
            "This draft is not there any more: somebody changed, published or discarded it. Reload.",
        )
    })
}

pub async fn discard_draft(cx: &Cx, digest: &str, reason: &str) -> Result<(), AppError> {
    cx.require(Permission::EditProfile, Scope::Fleet)?;
    let draft = seen_draft(cx, digest).await?;
    let target = format!("profile:{}", draft.base.saturating_add(1));
    let before = json!({ "digest": draft.digest, "saved_by": draft.saved_by });
    let event = cx.event("profile.discard", target, reason.trim(), before, json!(null));
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.remove_profile_draft(&draft.digest).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    cx.app.bus.changed(super::Change::Verdicts);
    Ok(())
}

/// Puts the draft in force. Connected terminals are told at once.
pub async fn publish(cx: &Cx, digest: &str) -> Result<u32, AppError> {
    cx.require(Permission::PublishProfile, Scope::Fleet)?;
    notice(&cx.app).await?;
    let draft = seen_draft(cx, digest).await?;
    is_in_force(cx, draft.base)?;
    put_in_force(
        cx,
        &draft.body,
        draft.base,
        &draft.saved_by,
        &draft.reason,
        Some(digest),
    )
    .await
}

/// Writes and publishes in one: for who may do both.
pub async fn set(cx: &Cx, text: &str, expected: Option<u32>, reason: &str) -> Result<u32, AppError> {
    cx.require(Permission::EditProfile, Scope::Fleet)?;
    cx.require(Permission::PublishProfile, Scope::Fleet)?;
    let reason = cx.reason(reason)?;
    notice(&cx.app).await?;
    let seen = base_of(expected, text)?;
    is_in_force(cx, seen)?;
    put_in_force(cx, text, seen, &cx.actor.name, &reason, None).await
}

async fn put_in_force(
    cx: &Cx,
    text: &str,
    seen: u32,
    author: &str,
    reason: &str,
    draft: Option<&str>,
) -> Result<u32, AppError> {
    let version = seen.saturating_add(1);
    let (body, new) = prepared(cx, text, version)?;
    let before = cx.app.rules.in_force();
    let changed = changes(&before.profile, &new.profile);
    if changed.is_empty() {
        return Err(unchanged());
    }
    let row = ProfileRow {
        version,
        body,
        written_by: author.to_owned(),
        published_at: cx.now(),
        published_by: cx.actor.name.clone(),
        reason: reason.to_owned(),
    };
    let event = cx.event(
        "profile.publish",
        format!("profile:{version}"),
        reason,
        json!({ "version": before.version }),
        json!({ "version": version, "written_by": author, "changes": changed }),
    );
    let draft = draft.map(str::to_owned);
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                if let Some(digest) = draft {
                    tx.remove_profile_draft(&digest).await?;
                }
                tx.add_profile(&row).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    take_effect(&cx.app, new);
    Ok(version)
}

/// Another process may have put one in force: the command line, or another server.
pub async fn notice(app: &Arc<App>) -> Result<(), AppError> {
    let newest = app.store.profiles(1).await?.pop();
    let Some(newest) = newest.filter(|newest| newest.version > app.rules.in_force().version) else {
        return Ok(());
    };
    let profile = Profile::read(&newest.body)?;
    take_effect(app, InForce::new(&newest.body, profile, app.rules.own())?);
    Ok(())
}

fn take_effect(app: &Arc<App>, new: InForce) {
    let version = new.version;
    if app.rules.replace(new) {
        info!(version, "a terminal profile is in force");
        super::terminals::tell_severities(app);
        app.bus.wake(Wake::Profile);
        app.bus.changed(super::Change::Verdicts);
        app.judge_soon.notify_one();
    }
}
