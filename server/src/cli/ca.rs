//! `kaishin ca`: the installation's own authority.

use std::path::{Path, PathBuf};

use crate::app::{self, Cx};
use clap::Subcommand;
use serde_json::json;

use super::failed::Failed;
use super::local;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub enum Ca {
    /// Pin, trust domain and how long the authority holds
    Show,
    /// The pin that installers carry: SHA-256 of the root's public key
    Pin,
    /// Move the root's encrypted key to a file that you then take offline; the server goes on without it
    DetachRoot {
        /// A file that is not there yet, on a medium that can be locked away
        to: PathBuf,
    },
}

impl Ca {
    pub async fn run(self, config: Option<&Path>, out: &Output) -> Result<(), Failed> {
        local::with(config, async |cx| self.act(cx, out).await).await
    }

    async fn act(self, cx: &Cx, out: &Output) -> Result<(), Failed> {
        match self {
            Ca::Show => show(cx, out),
            Ca::Pin => {
                let pin = cx.app.ca.pin();
                out.answer(&json!({ "pin": pin }), &pin, &pin);
            }
            Ca::DetachRoot { to } => {
                app::ca::detach_root(cx, &to).await?;
                let to = to.display();
                out.answer(
                    &json!({ "root_key": to.to_string() }),
                    &format!("ルートの鍵を {to} に移しました。鍵のかかる場所に保管し、パスフレーズは別の場所に控えてください。"),
                    &format!("The root's key is now in {to}. Lock it away, and keep its passphrase somewhere else."),
                );
            }
        }
        Ok(())
    }
}

fn show(cx: &Cx, out: &Output) {
    let status = cx.app.ca.status();
    let json = json!({
        "pin": status.pin,
        "trust_domain": status.trust_domain,
        "root_until": status.root_until.rfc3339(),
        "issuing_until": status.issuing_until.rfc3339(),
        "root_key_here": status.root_key_here,
    });
    let (root, issuing) = (status.root_until.rfc3339(), status.issuing_until.rfc3339());
    let key_ja = if status.root_key_here {
        "このサーバーにあります（kaishin ca detach-root でオフラインに移してください）"
    } else {
        "オフライン保管中"
    };
    let key_en = if status.root_key_here {
        "on this server (take it offline with kaishin ca detach-root)"
    } else {
        "kept offline"
    };
    out.answer(
        &json,
        &format!(
            "ピン: {}\n信頼ドメイン: {}\nルートの期限: {root}\n発行用の期限: {issuing}\nルートの鍵: {key_ja}",
            status.pin, status.trust_domain
        ),
        &format!(
            "pin: {}\ntrust domain: {}\nroot until: {root}\nissuing until: {issuing}\nroot key: {key_en}",
            status.pin, status.trust_domain
        ),
    );
}
