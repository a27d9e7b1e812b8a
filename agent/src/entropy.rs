//! Randomness that must not be repeated: what tells one start of the agent from another. The only place that asks for it.

use crate::error::AgentError;

#[expect(clippy::disallowed_methods, reason = "the one place that asks for random bytes")]
pub fn bytes<const N: usize>() -> Result<[u8; N], AgentError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| AgentError::WorkLost)?;
    Ok(bytes)
}
