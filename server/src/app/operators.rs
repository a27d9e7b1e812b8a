//! The people who use the server, and the programs that do: accounts, sign-ins, API tokens. Passwords are compared only in
//! `password`, who must wait before trying again is decided in `throttle`.

mod api_tokens;
mod password;
mod sign_in;
mod throttle;

use kaishin_domain::access::{Permission, Role, Scope};
use kaishin_domain::audit::Event;
use kaishin_domain::id::OperatorId;
use serde_json::json;

pub use api_tokens::{api_tokens, bearer, create_api_token, revoke_api_token};
pub use sign_in::{SignedIn, forget_old_sign_ins, glance, session, sign_in, sign_out};
pub use throttle::Throttle;

use super::error::AppError;
use super::{Change, Cx};
pub use crate::store::Operator;

const SHORTEST_PASSWORD: usize = 12;
/// Longer input is no better a password, only more work.
const LONGEST_PASSWORD: usize = 512;
const LONGEST_DISPLAY_NAME: usize = 64;

#[derive(Clone, Debug)]
pub struct NewOperator {
    /// What they sign in with.
    pub name: String,
    /// Empty: the same as the name.
    pub display_name: String,
    pub role: Role,
    /// None: one is made.
    pub password: Option<String>,
    /// `ja` or `en`.
    pub language: String,
}

/// Answers the password too, which is shown once.
pub async fn create(cx: &Cx, new: NewOperator) -> Result<(Operator, String), AppError> {
    cx.require(Permission::ManageOperators, Scope::Fleet)?;
    check_name(&new.name)?;
    check_role(new.role)?;
    check_language(&new.language)?;
    let display_name = display_name(&new)?;
    let password = chosen(cx, new.password)?;
    let operator = Operator {
        id: OperatorId::new(cx.now(), cx.app.entropy.bytes()),
        password_hash: password::hash(cx.app.entropy, password.clone()).await?,
        name: new.name,
        display_name,
        role: new.role,
        language: new.language,
        disabled: false,
        created_at: cx.now(),
    };
    let event = cx.event(
        "operator.create",
        target(&operator),
        "",
        json!(null),
        json!({ "display_name": operator.display_name, "role": operator.role, "language": operator.language }),
    );
    let row = operator.clone();
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.insert_operator(&row).await?;
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    cx.app.bus.changed(Change::Audit);
    Ok((operator, password))
}

/// By name.
pub async fn list(cx: &Cx) -> Result<Vec<Operator>, AppError> {
    cx.require(Permission::ManageOperators, Scope::Fleet)?;
    Ok(cx.app.store.operators().await?)
}

/// Ends all sign-ins of the operator. Answers the password, which is shown once.
pub async fn set_password(cx: &Cx, name: &str, password: Option<String>) -> Result<String, AppError> {
    cx.require(Permission::ManageOperators, Scope::Fleet)?;
    let before = named(cx, name).await?;
    let password = chosen(cx, password)?;
    let after = Operator {
        password_hash: password::hash(cx.app.entropy, password.clone()).await?,
        ..before.clone()
    };
    let event = cx.event("operator.set-password", target(&after), "", json!(null), json!(null));
    update(cx, before, after, event, SignIns::End).await?;
    Ok(password)
}

/// The new role holds from the operator's next request on.
pub async fn set_role(cx: &Cx, name: &str, role: Role) -> Result<(), AppError> {
    cx.require(Permission::ManageOperators, Scope::Fleet)?;
    check_role(role)?;
    let before = named(cx, name).await?;
    let event = cx.event(
        "operator.set-role",
        target(&before),
        "",
        json!({ "role": before.role }),
        json!({ "role": role }),
    );
    let after = Operator { role, ..before.clone() };
    update(cx, before, after, event, SignIns::Keep).await
}

/// Ends all sign-ins of the operator.
pub async fn disable(cx: &Cx, name: &str) -> Result<(), AppError> {
    set_disabled(cx, name, true).await
}

pub async fn enable(cx: &Cx, name: &str) -> Result<(), AppError> {
    set_disabled(cx, name, false).await
}

async fn set_disabled(cx: &Cx, name: &str, disabled: bool) -> Result<(), AppError> {
    cx.require(Permission::ManageOperators, Scope::Fleet)?;
    let before = named(cx, name).await?;
    let (action, sign_ins) = if disabled {
        ("operator.disable", SignIns::End)
    } else {
        ("operator.enable", SignIns::Keep)
    };
    let event = cx.event(
        action,
        target(&before),
        "",
        json!({ "disabled": before.disabled }),
        json!({ "disabled": disabled }),
    );
    let after = Operator {
        disabled,
        ..before.clone()
    };
    update(cx, before, after, event, sign_ins).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SignIns {
    Keep,
    End,
}

async fn update(cx: &Cx, was: Operator, is: Operator, event: Event, sign_ins: SignIns) -> Result<(), AppError> {
    cx.app
        .store
        .write::<_, AppError, _>(move |tx| {
            Box::pin(async move {
                tx.update_operator(&was, &is).await?;
                if sign_ins == SignIns::End {
                    tx.delete_sign_ins_of(was.id).await?;
                }
                tx.audit(event).await?;
                Ok(())
            })
        })
        .await?;
    cx.app.bus.changed(Change::Audit);
    Ok(())
}

async fn named(cx: &Cx, name: &str) -> Result<Operator, AppError> {
    cx.app.store.operator_named(name).await?.ok_or_else(|| {
        AppError::not_found(
            "E-OPERATOR-03",
            "その名前の操作者はいません。一覧で名前を確かめてください。",
            "There is no operator of that name. Look it up in the list.",
        )
    })
}

fn target(operator: &Operator) -> String {
    format!("operator:{}", operator.name)
}

fn chosen(cx: &Cx, password: Option<String>) -> Result<String, AppError> {
    let Some(password) = password else {
        return Ok(password::make(cx.app.entropy));
    };
    let length = password.chars().count();
    if length < SHORTEST_PASSWORD || password.len() > LONGEST_PASSWORD {
        return Err(AppError::invalid(
            "E-OPERATOR-02",
            format!("パスワードは{SHORTEST_PASSWORD}文字以上にしてください。"),
            format!("A password needs at least {SHORTEST_PASSWORD} characters."),
        ));
    }
    Ok(password)
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    (2..=32).contains(&name.len()) && name.bytes().all(fits)
}

fn check_name(name: &str) -> Result<(), AppError> {
    if is_name(name) {
        return Ok(());
    }
    Err(AppError::invalid(
        "E-OPERATOR-01",
        "名前は2〜32文字の英小文字・数字・「.」「_」「-」にしてください。",
        "A name is 2 to 32 lower-case letters, digits, dots, underscores or hyphens.",
    ))
}

fn check_role(role: Role) -> Result<(), AppError> {
    if role != Role::Api {
        return Ok(());
    }
    Err(AppError::invalid(
        "E-OPERATOR-04",
        "役割apiはプログラム用です。操作者には別の役割を選び、プログラムにはAPIトークンを発行してください。",
        "The role api is for programs: give a person another role, and a program an API token.",
    ))
}

fn check_language(language: &str) -> Result<(), AppError> {
    if matches!(language, "ja" | "en") {
        return Ok(());
    }
    Err(AppError::invalid(
        "E-OPERATOR-05",
        "言語はjaかenにしてください。",
        "The language is ja or en.",
    ))
}

fn display_name(new: &NewOperator) -> Result<String, AppError> {
    let text = new.display_name.trim();
    if text.is_empty() {
        return Ok(new.name.clone());
    }
    if text.chars().count() > LONGEST_DISPLAY_NAME || text.chars().any(char::is_control) {
        return Err(AppError::invalid(
            "E-OPERATOR-06",
            format!("表示名は{LONGEST_DISPLAY_NAME}文字以内にしてください。"),
            format!("A display name has at most {LONGEST_DISPLAY_NAME} characters."),
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
