//! Signing in and staying so.

use std::net::IpAddr;
use std::sync::Arc;

use kaishin_domain::access::{Actor, Who};
use kaishin_domain::audit::Event;
use kaishin_domain::time::{Span, Time};
use serde_json::json;

use super::{LONGEST_PASSWORD, is_name, password, target};
use crate::app::error::{AppError, Kind};
use crate::app::{App, Change, secret};
use crate::store::{Operator, SignIn};

const IDLE: Span = Span::minutes(15);
const LONGEST: Span = Span::hours(8);
/// Pages that are looked at ask often; the database need not hear of each.
const TOUCH: Span = Span::minutes(1);

const PREFIX: &str = "ks";

pub struct SignedIn {
    /// The cookie's value; only its hash is kept.
    pub cookie: String,
    pub actor: Actor,
    pub operator: Operator,
}

pub async fn sign_in(app: &Arc<App>, name: &str, password: &str, peer: IpAddr) -> Result<SignedIn, AppError> {
    // What cannot be an account needs no work, and gives nothing away.
    if !is_name(name) || password.len() > LONGEST_PASSWORD {
        return Err(bad_name_or_password());
    }
    app.throttle.attempt(name, peer, app.now()).map_err(must_wait)?;
    let known = app.store.operator_named(name).await?;
    let stored = known.as_ref().map(|operator| operator.password_hash.clone());
    let matches = password::matches(password.to_owned(), stored).await?;
    match known {
        Some(operator) if matches && !operator.disabled => {
            app.throttle.succeeded(name, peer, app.now());
            admit(app, operator, peer).await
        }
        Some(_) | None => {
            refused(app, known.as_ref(), peer).await?;
            Err(bad_name_or_password())
        }
    }
}

async fn admit(app: &Arc<App>, operator: Operator, peer: IpAddr) -> Result<SignedIn, AppError> {
    let (cookie, now) = (secret::make(app.entropy, PREFIX), app.now());
    let (kept, id) = (cookie.kept, operator.id);
    let event = event(app, &operator.name, "operator.sign-in", target(&operator), peer);
    app.store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.insert_sign_in(kept, id, now).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    app.bus.changed(Change::Audit);
    Ok(SignedIn {
        cookie: cookie.shown,
        actor: actor(&operator),
        operator,
    })
}

/// The name is kept only if it is somebody's: people type their password into the wrong field.
async fn refused(app: &Arc<App>, known: Option<&Operator>, peer: IpAddr) -> Result<(), AppError> {
    let target = known.map_or_else(|| "operator:unknown".to_owned(), target);
    let event = event(app, "anonymous", "operator.sign-in-refused", target, peer);
    app.store
        .write::<_, AppError, _>(move |tx| Box::pin(async move { Ok(tx.audit(event).await.map(drop)?) }))
        .await?;
    app.bus.changed(Change::Audit);
    Ok(())
}

fn event(app: &App, actor: &str, action: &'static str, target: String, peer: IpAddr) -> Event {
    Event {
        at: app.now(),
        actor: actor.to_owned(),
        action,
        target,
        reason: String::new(),
        before: json!(null),
        after: json!({ "peer": peer }),
    }
}

fn actor(operator: &Operator) -> Actor {
    Actor {
        who: Who::Operator(operator.id),
        name: operator.name.clone(),
        role: operator.role,
    }
}

/// Whose cookie this is, without counting as use: a page that refreshes itself keeps nobody signed in.
pub async fn glance(app: &Arc<App>, cookie: &str) -> Result<Option<(Actor, Operator)>, AppError> {
    let found = app.store.signed_in(secret::hash(cookie)).await?;
    let found = found.filter(|found| holds(found, app.now()));
    Ok(found.map(|found| (actor(&found.operator), found.operator)))
}

/// Whose cookie this is; None: nobody's any more.
pub async fn session(app: &Arc<App>, cookie: &str) -> Result<Option<(Actor, Operator)>, AppError> {
    let (hash, now) = (secret::hash(cookie), app.now());
    let Some(found) = app.store.signed_in(hash).await? else {
        return Ok(None);
    };
    if !holds(&found, now) {
        return Ok(None);
    }
    if now.since(found.last_used) >= TOUCH {
        app.store
            .write::<_, AppError, _>(move |tx| Box::pin(async move { Ok(tx.use_sign_in(hash, now).await?) }))
            .await?;
    }
    Ok(Some((actor(&found.operator), found.operator)))
}

fn holds(sign_in: &SignIn, now: Time) -> bool {
    !sign_in.operator.disabled && now.since(sign_in.last_used) < IDLE && now.since(sign_in.created_at) < LONGEST
}

/// A cookie that nobody has is signed out already.
pub async fn sign_out(app: &Arc<App>, cookie: &str) -> Result<(), AppError> {
    let hash = secret::hash(cookie);
    let Some(found) = app.store.signed_in(hash).await? else {
        return Ok(());
    };
    let operator = found.operator;
    let event = Event {
        at: app.now(),
        actor: operator.name.clone(),
        action: "operator.sign-out",
        target: target(&operator),
        reason: String::new(),
        before: json!(null),
        after: json!(null),
    };
    app.store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.delete_sign_in(hash).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    app.bus.changed(Change::Audit);
    Ok(())
}

/// Those that do not hold any more need not be kept either.
pub async fn forget_old_sign_ins(app: &Arc<App>) -> Result<(), AppError> {
    let now = app.now();
    app.store
        .write(move |tx| Box::pin(async move { Ok(tx.forget_sign_ins(now - IDLE, now - LONGEST).await?) }))
        .await
}

fn bad_name_or_password() -> AppError {
    AppError::new(
        Kind::Unknown,
        "E-ACCESS-01",
        "名前またはパスワードが違います。",
        "The name or the password is wrong.",
    )
}

fn must_wait(wait: Span) -> AppError {
    let seconds = wait.as_seconds() + 1;
    AppError::new(
        Kind::TooMany,
        "E-ACCESS-03",
        format!("サインインの失敗が続いています。{seconds}秒待ってからもう一度お試しください。"),
        format!("Signing in failed too often. Wait {seconds} seconds and try again."),
    )
    .with(json!({ "retry_after_seconds": seconds }))
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_domain::id::OperatorId;

    use super::*;

    fn sign_in(created_at: Time, last_used: Time, disabled: bool) -> SignIn {
        SignIn {
            operator: Operator {
                id: OperatorId::new(Time(0), [0; 10]),
                name: "sato".into(),
                display_name: "佐藤".into(),
                role: Role::Desk,
                password_hash: String::new(),
                language: "ja".into(),
                disabled,
                created_at: Time(0),
            },
            created_at,
            last_used,
        }
    }

    #[test]
    fn a_sign_in_ends_when_idle_when_old_and_when_its_operator_is_disabled() {
        let start = Time(0);
        assert!(holds(&sign_in(start, start, false), start + Span::minutes(14)));
        assert!(!holds(&sign_in(start, start, false), start + Span::minutes(15)));
        let late = start + Span::hours(8);
        assert!(holds(&sign_in(start, late - TOUCH, false), late - Span::seconds(1)));
        assert!(!holds(&sign_in(start, late, false), late));
        assert!(!holds(&sign_in(start, start, true), start));
    }
}
