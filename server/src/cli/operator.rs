//! `kaishin operator`: the people who sign in. The first one can only be made here.

use std::path::Path;

use crate::app::{Cx, operators};
use crate::store;
use clap::Subcommand;
use kaishin_domain::access::Role;
use serde_json::{Value as Json, json};

use super::failed::Failed;
use super::local;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub enum Operator {
    /// Make an account; without --password-stdin a password is made and shown once
    Create {
        /// What they sign in with: 2 to 32 of a-z 0-9 . _ -
        name: String,
        /// viewer, desk, author, approver or admin
        #[arg(long)]
        role: Role,
        /// As shown to others; the name if not given
        #[arg(long, default_value = "")]
        display_name: String,
        /// ja or en
        #[arg(long, default_value = "ja")]
        language: String,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// All accounts
    List,
    /// Set a new password and end all sign-ins of the account
    SetPassword {
        name: String,
        #[arg(long)]
        password_stdin: bool,
    },
    /// Give another role; it holds from the next request on
    SetRole { name: String, role: Role },
    /// Close the account and end its sign-ins
    Disable { name: String },
    /// Open it again
    Enable { name: String },
}

impl Operator {
    pub async fn run(self, config: Option<&Path>, out: &Output) -> Result<(), Failed> {
        local::with(config, async |cx| self.act(cx, out).await).await
    }

    async fn act(self, cx: &Cx, out: &Output) -> Result<(), Failed> {
        match self {
            Operator::Create {
                name,
                role,
                display_name,
                language,
                password_stdin,
            } => {
                let given = local::password(password_stdin)?;
                let was_given = given.is_some();
                let new = operators::NewOperator {
                    name,
                    display_name,
                    role,
                    password: given,
                    language,
                };
                let (operator, password) = operators::create(cx, new).await?;
                let mut json = shown(&operator);
                tell_password(out, &mut json, &operator.name, &password, was_given);
            }
            Operator::List => list(out, &operators::list(cx).await?),
            Operator::SetPassword { name, password_stdin } => {
                let given = local::password(password_stdin)?;
                let was_given = given.is_some();
                let password = operators::set_password(cx, &name, given).await?;
                tell_password(out, &mut json!({ "name": name }), &name, &password, was_given);
            }
            Operator::SetRole { name, role } => {
                operators::set_role(cx, &name, role).await?;
                let json = json!({ "name": name, "role": role });
                out.answer(
                    &json,
                    &format!("{name} の役割を {role} にしました。"),
                    &format!("{name} is now {role}."),
                );
            }
            Operator::Disable { name } => {
                operators::disable(cx, &name).await?;
                let json = json!({ "name": name, "disabled": true });
                out.answer(
                    &json,
                    &format!("{name} を無効にしました。"),
                    &format!("{name} is disabled."),
                );
            }
            Operator::Enable { name } => {
                operators::enable(cx, &name).await?;
                let json = json!({ "name": name, "disabled": false });
                out.answer(
                    &json,
                    &format!("{name} を有効にしました。"),
                    &format!("{name} is enabled."),
                );
            }
        }
        Ok(())
    }
}

/// A password that was given need not be shown again.
fn tell_password(out: &Output, json: &mut Json, name: &str, password: &str, was_given: bool) {
    if was_given {
        out.answer(
            json,
            &format!("{name} のパスワードを設定しました。"),
            &format!("{name} can sign in."),
        );
        return;
    }
    if let Some(fields) = json.as_object_mut() {
        fields.insert("password".to_owned(), json!(password));
    }
    out.answer(
        json,
        &format!("{name} のパスワード（一度だけ表示します）: {password}"),
        &format!("{name}'s password, shown only once: {password}"),
    );
}

fn shown(operator: &store::Operator) -> Json {
    json!({
        "id": operator.id,
        "name": operator.name,
        "display_name": operator.display_name,
        "role": operator.role,
        "language": operator.language,
        "disabled": operator.disabled,
        "created_at": operator.created_at.rfc3339(),
    })
}

fn list(out: &Output, operators: &[store::Operator]) {
    let json: Vec<Json> = operators.iter().map(shown).collect();
    let rows: Vec<Vec<String>> = operators
        .iter()
        .map(|operator| {
            vec![
                operator.name.clone(),
                operator.role.to_string(),
                if operator.disabled { "disabled" } else { "" }.to_owned(),
                operator.created_at.rfc3339(),
                operator.display_name.clone(),
            ]
        })
        .collect();
    out.table(
        &json!(json),
        &["名前", "役割", "無効", "作成", "表示名"],
        &["NAME", "ROLE", "DISABLED", "CREATED", "DISPLAY NAME"],
        &rows,
    );
}
