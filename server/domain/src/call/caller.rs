//! Who is on the phone and what they say of it: free text of bounded length, in one line each.

use serde::{Deserialize, Serialize};

pub const LONGEST_NAME: usize = 80;
pub const LONGEST_PHONE: usize = 40;
pub const LONGEST_NOTE: usize = 1_000;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    pub name: String,
    /// What they do there: reception, system clerk, the doctor.
    pub role: String,
    pub phone: String,
    /// What is wrong, in their words.
    pub concern: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} has more than {most} characters")]
pub struct TooLong {
    pub field: &'static str,
    pub most: usize,
}

impl Caller {
    pub fn read(name: &str, role: &str, phone: &str, concern: &str) -> Result<Caller, TooLong> {
        Ok(Caller {
            name: line("name", name, LONGEST_NAME)?,
            role: line("role", role, LONGEST_NAME)?,
            phone: line("phone", phone, LONGEST_PHONE)?,
            concern: line("concern", concern, LONGEST_NOTE)?,
        })
    }
}

/// Somebody's remark.
pub fn note(text: &str) -> Result<String, TooLong> {
    line("note", text, LONGEST_NOTE)
}

/// What would break a line, or a ticket that it is copied into, becomes a space.
fn line(field: &'static str, text: &str, most: usize) -> Result<String, TooLong> {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let plain = plain.trim();
    if plain.chars().count() > most {
        return Err(TooLong { field, most });
    }
    Ok(plain.to_owned())
}
