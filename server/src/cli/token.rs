//! `kaishin token`: what an installer carries so that its machine becomes a terminal without a person's approval.

use std::path::Path;

use crate::app::Cx;
use crate::app::enrolment::{self, NewToken};
use clap::Subcommand;
use kaishin_domain::enrolment::{EnrolmentToken, TokenScope, TokenStanding};
use kaishin_domain::id::TokenId;
use kaishin_domain::time::{Span, Time};
use serde_json::{Value as Json, json};

use super::failed::Failed;
use super::output::Output;
use super::{local, span};

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token; it is shown once
    Create {
        /// What it is for
        #[arg(long)]
        label: String,
        /// How many machines may use it
        #[arg(long, default_value_t = 1, value_name = "N")]
        uses: u32,
        /// How long it holds: 90m, 72h, 30d. At most 72h for one machine, 90d for more
        #[arg(long, default_value = "72h", value_parser = span::parse)]
        life: Span,
        #[arg(long)]
        carrier: Option<String>,
        #[arg(long)]
        prefecture: Option<String>,
        /// Only for this institution: ten digits
        #[arg(long, value_name = "CODE")]
        institution_code: Option<String>,
    },
    /// All tokens, newest first
    List,
    /// From now on nobody can use it; terminals that did stay
    Revoke {
        id: TokenId,
        #[arg(long)]
        reason: String,
    },
}

impl Token {
    pub async fn run(self, config: Option<&Path>, out: &Output) -> Result<(), Failed> {
        local::with(config, async |cx| self.act(cx, out).await).await
    }

    async fn act(self, cx: &Cx, out: &Output) -> Result<(), Failed> {
        match self {
            Token::Create {
                label,
                uses,
                life,
                carrier,
                prefecture,
                institution_code,
            } => {
                let scope = TokenScope {
                    carrier,
                    prefecture,
                    institution_code,
                };
                let new = NewToken {
                    label,
                    most_uses: uses,
                    life,
                    scope,
                };
                let (token, text) = enrolment::create_token(cx, new).await?;
                let mut json = shown(&token, cx.now());
                if let Some(fields) = json.as_object_mut() {
                    fields.insert("token".to_owned(), json!(text));
                }
                out.answer(
                    &json,
                    &format!("登録トークン（一度だけ表示します）: {text}"),
                    &format!("Enrolment token, shown only once: {text}"),
                );
            }
            Token::List => list(out, &enrolment::tokens(cx).await?, cx.now()),
            Token::Revoke { id, reason } => {
                enrolment::revoke_token(cx, id, &reason).await?;
                out.answer(
                    &json!({ "id": id, "state": "revoked" }),
                    "登録トークンを失効させました。",
                    "The token is revoked.",
                );
            }
        }
        Ok(())
    }
}

fn standing(token: &EnrolmentToken, now: Time) -> &'static str {
    match token.standing(now) {
        TokenStanding::Valid => "valid",
        TokenStanding::Revoked => "revoked",
        TokenStanding::Expired => "expired",
        TokenStanding::UsedUp => "used-up",
    }
}

fn shown(token: &EnrolmentToken, now: Time) -> Json {
    json!({
        "id": token.id,
        "label": token.label,
        "state": standing(token, now),
        "used": token.used,
        "most_uses": token.most_uses,
        "expires_at": token.expires_at.rfc3339(),
        "carrier": token.scope.carrier,
        "prefecture": token.scope.prefecture,
        "institution_code": token.scope.institution_code,
        "created_at": token.created_at.rfc3339(),
        "created_by": token.created_by,
    })
}

fn list(out: &Output, tokens: &[EnrolmentToken], now: Time) {
    let json: Vec<Json> = tokens.iter().map(|token| shown(token, now)).collect();
    let rows: Vec<Vec<String>> = tokens
        .iter()
        .map(|token| {
            vec![
                token.id.to_string(),
                standing(token, now).to_owned(),
                format!("{}/{}", token.used, token.most_uses),
                token.expires_at.rfc3339(),
                token.created_by.clone(),
                token.label.clone(),
            ]
        })
        .collect();
    out.table(
        &json!(json),
        &["ID", "状態", "使用", "期限", "作成者", "ラベル"],
        &["ID", "STATE", "USED", "EXPIRES", "CREATED BY", "LABEL"],
        &rows,
    );
}
