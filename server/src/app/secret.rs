//! Randomness and secrets: the only place in the server that asks for random bytes.

use sha2::{Digest, Sha256};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entropy;

impl Entropy {
    /// A machine without randomness cannot run a server: there is nothing sensible to go on with.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks for random bytes")]
    pub fn fill(self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            tracing::error!(%error, "the system gives no random bytes");
            std::process::abort();
        }
    }

    pub fn bytes<const N: usize>(self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

/// A secret shown once, and what is kept of it.
pub struct Secret {
    pub shown: String,
    pub kept: [u8; 32],
}

/// 256 bits; the prefix tells a person who finds one what it is.
pub fn make(entropy: Entropy, prefix: &str) -> Secret {
    let shown = format!("{prefix}_{}", URL_SAFE_NO_PAD.encode(entropy.bytes::<32>()));
    let kept = hash(&shown);
    Secret { shown, kept }
}

/// Secrets are 256 random bits, so a plain hash is enough: there is nothing to guess.
pub fn hash(shown: &str) -> [u8; 32] {
    Sha256::digest(shown.as_bytes()).into()
}
