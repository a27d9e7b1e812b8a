//! Passwords: argon2id at a cost that one sign-in can bear and a thief of the database cannot.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use tracing::error;

use crate::app::error::AppError;
use crate::app::secret::Entropy;

const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;

/// Each hash takes 64 MiB and a whole core: a crowd at the door must not take the server with it.
static TURNS: Semaphore = Semaphore::const_new(2);

/// No `0 O 1 l I`: passwords are read out on the phone.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789-";
const GROUPS: usize = 5;
const GROUP: usize = 4;

#[derive(Debug, thiserror::Error)]
#[error("password hashing failed: {0}")]
struct Failed(String);

/// Twenty letters of a 31-letter alphabet, 99 bits, in groups of four.
pub fn make(entropy: Entropy) -> String {
    let mut groups = Vec::with_capacity(GROUPS);
    for _ in 0..GROUPS {
        let mut group = String::with_capacity(GROUP);
        while group.len() < GROUP {
            // 32 divides 256, so every letter is as likely; the hyphen only separates.
            let [byte] = entropy.bytes::<1>();
            let letter = LETTERS[usize::from(byte) % LETTERS.len()];
            if letter != b'-' {
                group.push(char::from(letter));
            }
        }
        groups.push(group);
    }
    groups.join("-")
}

pub async fn hash(entropy: Entropy, password: String) -> Result<String, AppError> {
    let salt = SaltString::encode_b64(&entropy.bytes::<16>()).map_err(failed)?;
    in_turn(move || {
        let hash = argon2()?.hash_password(password.as_bytes(), &salt).map_err(failed)?;
        Ok(hash.to_string())
    })
    .await
}

/// Without a stored hash the answer is no, after the same work: how long it takes must not tell who has an account.
pub async fn matches(password: String, stored: Option<String>) -> Result<bool, AppError> {
    in_turn(move || {
        let argon2 = argon2()?;
        let Some(stored) = stored else {
            let mut nobody = [0; 32];
            argon2
                .hash_password_into(password.as_bytes(), &[0; 16], &mut nobody)
                .map_err(|error| AppError::internal(Failed(error.to_string())))?;
            return Ok(false);
        };
        let Ok(hash) = PasswordHash::new(&stored) else {
            error!("a stored password hash does not read back; nobody can sign in with it");
            return Ok(false);
        };
        Ok(argon2.verify_password(password.as_bytes(), &hash).is_ok())
    })
    .await
}

fn argon2() -> Result<Argon2<'static>, AppError> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| AppError::internal(Failed(error.to_string())))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn failed(error: argon2::password_hash::Error) -> AppError {
    AppError::internal(Failed(error.to_string()))
}

async fn in_turn<R, F>(work: F) -> Result<R, AppError>
where
    R: Send + 'static,
    F: FnOnce() -> Result<R, AppError> + Send + 'static,
{
    let turn = TURNS.acquire().await.map_err(AppError::internal)?;
    let done = tokio::task::spawn_blocking(move || {
        // Held by the work itself: a caller that goes away does not make room for one more.
        let _turn = turn;
        work()
    });
    done.await.map_err(AppError::internal)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_opens_its_own_hash_only() {
        let hash = hash(Entropy, "correct horse battery".into()).await.expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=65536,t=3,p=1$"), "{hash}");
        assert!(
            matches("correct horse battery".into(), Some(hash.clone()))
                .await
                .expect("compared")
        );
        assert!(
            !matches("correct horse batterz".into(), Some(hash))
                .await
                .expect("compared")
        );
        assert!(!matches("correct horse battery".into(), None).await.expect("compared"));
        assert!(!matches("x".into(), Some("not a hash".into())).await.expect("compared"));
    }

    #[test]
    fn made_passwords_differ_and_can_be_read_out() {
        let (one, other) = (make(Entropy), make(Entropy));
        assert_ne!(one, other);
        assert_eq!(one.len(), GROUPS * GROUP + GROUPS - 1);
        assert!(one.bytes().all(|byte| LETTERS.contains(&byte)));
    }
}
