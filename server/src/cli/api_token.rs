//! `kaishin api-token`: what programs show to use the API.

use std::path::Path;

use crate::app::{Cx, operators};
use crate::store;
use clap::Subcommand;
use kaishin_domain::access::Role;
use kaishin_domain::id::TokenId;
use kaishin_domain::time::{Span, Time};
use serde_json::{Value as Json, json};

use super::failed::Failed;
use super::output::Output;
use super::{local, span};

#[derive(Debug, Subcommand)]
pub enum ApiToken {
    /// Make a token; it is shown once
    Create {
        /// The program's name: 2 to 32 of a-z 0-9 . _ -
        name: String,
        /// What the program may do: viewer looks, api also works
        #[arg(long, default_value = "api")]
        role: Role,
        /// How long it holds, at most 366d
        #[arg(long, default_value = "90d", value_parser = span::parse)]
        life: Span,
    },
    /// All tokens, newest first
    List,
    /// From the next request on the token is refused
    Revoke {
        id: TokenId,
        #[arg(long)]
        reason: String,
    },
}

impl ApiToken {
    pub async fn run(self, config: Option<&Path>, out: &Output) -> Result<(), Failed> {
        local::with(config, async |cx| self.act(cx, out).await).await
    }

    async fn act(self, cx: &Cx, out: &Output) -> Result<(), Failed> {
        match self {
            ApiToken::Create { name, role, life } => {
                let (token, text) = operators::create_api_token(cx, &name, role, life).await?;
                let mut json = shown(&token, cx.now());
                if let Some(fields) = json.as_object_mut() {
                    fields.insert("token".to_owned(), json!(text));
                }
                out.answer(
                    &json,
                    &format!("APIトークン（一度だけ表示します）: {text}"),
                    &format!("API token, shown only once: {text}"),
                );
            }
            ApiToken::List => list(out, &operators::api_tokens(cx).await?, cx.now()),
            ApiToken::Revoke { id, reason } => {
                operators::revoke_api_token(cx, id, &reason).await?;
                out.answer(
                    &json!({ "id": id, "state": "revoked" }),
                    "APIトークンを失効させました。",
                    "The token is revoked.",
                );
            }
        }
        Ok(())
    }
}

fn standing(token: &store::ApiToken, now: Time) -> &'static str {
    if token.revoked_at.is_some() {
        "revoked"
    } else if now >= token.expires_at {
        "expired"
    } else {
        "valid"
    }
}

fn shown(token: &store::ApiToken, now: Time) -> Json {
    json!({
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "state": standing(token, now),
        "expires_at": token.expires_at.rfc3339(),
        "created_at": token.created_at.rfc3339(),
        "created_by": token.created_by,
    })
}

fn list(out: &Output, tokens: &[store::ApiToken], now: Time) {
    let json: Vec<Json> = tokens.iter().map(|token| shown(token, now)).collect();
    let rows: Vec<Vec<String>> = tokens
        .iter()
        .map(|token| {
            vec![
                token.id.to_string(),
                token.name.clone(),
                token.role.to_string(),
                standing(token, now).to_owned(),
                token.expires_at.rfc3339(),
                token.created_by.clone(),
            ]
        })
        .collect();
    out.table(
        &json!(json),
        &["ID", "名前", "役割", "状態", "期限", "作成者"],
        &["ID", "NAME", "ROLE", "STATE", "EXPIRES", "CREATED BY"],
        &rows,
    );
}
