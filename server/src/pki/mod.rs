//! Who may speak to this server: its own certificate authority, the certificates it issues, and the TLS rules that hold
//! callers to them. A leaf room: it knows neither store nor app; time and randomness are passed in.

mod admission;
mod ca;
mod error;
mod issue;
mod secret;
mod secured;
mod tls;

use std::sync::Arc;

pub use admission::{Admission, Admitted};
pub use ca::{Ca, CaStatus};
pub use error::{CaError, CsrRefused};
pub use issue::{DeviceKey, Issued, TERMINAL_CERTIFICATE};
pub use secret::Passphrase;
pub use secured::{Secured, SecuredStream};
pub use tls::{AgentsCertificate, agents_tls, http_tls, terminal_of};

/// Fills a slice with random bytes.
pub type Random = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// The name that agents verify, whatever address they dialled.
pub const AGENTS_NAME: &str = "kaishin-agents";

/// What a public key is known by: SHA-256 of its SubjectPublicKeyInfo, DER.
pub type KeyHash = [u8; 32];

pub(crate) fn key_hash(spki_der: &[u8]) -> KeyHash {
    use sha2::Digest;
    sha2::Sha256::digest(spki_der).into()
}

#[cfg(test)]
pub(crate) mod samples;
