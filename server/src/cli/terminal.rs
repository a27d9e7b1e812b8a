//! `kaishin terminal`: the list as a running server has it, and what must be possible even when nobody can sign in.

use std::path::Path;

use crate::app::{Cx, terminals};
use clap::Subcommand;
use kaishin_domain::id::TerminalId;
use serde_json::json;

use super::failed::Failed;
use super::local;
use super::output::Output;
use super::terminals::List;

#[derive(Debug, Subcommand)]
pub enum Terminal {
    /// List those that match a filter, as a running server's pages show them
    List(List),
    /// Trust this terminal no more. A running server notices within two seconds and cuts its connection
    Revoke {
        id: TerminalId,
        #[arg(long)]
        reason: String,
    },
}

impl Terminal {
    pub async fn run(self, config: Option<&Path>, out: &Output) -> Result<(), Failed> {
        match self {
            Terminal::List(list) => list.run(out).await,
            Terminal::Revoke { id, reason } => local::with(config, async |cx| revoke(cx, id, &reason, out).await).await,
        }
    }
}

async fn revoke(cx: &Cx, id: TerminalId, reason: &str, out: &Output) -> Result<(), Failed> {
    terminals::revoke(cx, id, reason).await?;
    out.answer(
        &json!({ "id": id, "state": "revoked" }),
        "端末を失効させました。稼働中のサーバーは2秒以内に接続を切ります。",
        "The terminal is revoked. A running server cuts its connection within two seconds.",
    );
    Ok(())
}
