//! What somebody does with a call, as a form or a body of JSON says it: the same words for pages and API.

use kaishin_domain::call::{Caller, Event};
use kaishin_domain::facility::Code10;
use kaishin_domain::id::{CallId, JobId};
use kaishin_domain::remedy::Remedy;
use kaishin_domain::time::Time;
use serde::Deserialize;
use serde_json::Value as Json;

use super::api::{bad_order, id};
use crate::app::calls::{self, NewCall};
use crate::app::{AppError, Cx, facilities};

/// A call that begins.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Begins {
    pub name: String,
    pub role: String,
    pub phone: String,
    pub concern: String,
    pub terminal: String,
    pub facility: String,
    pub procedure: String,
}

impl Begins {
    pub fn call(self, cx: &Cx) -> Result<NewCall, AppError> {
        Ok(NewCall {
            facility: facility(cx, &self.facility)?,
            terminal: some(&self.terminal).map(id).transpose()?,
            procedure: some(&self.procedure).map(str::to_owned),
            name: self.name,
            role: self.role,
            phone: self.phone,
            concern: self.concern,
        })
    }
}

/// Something that happens in it; which of the fields count follows from `event`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Told {
    pub event: String,
    /// The version of the call that they saw.
    pub version: Option<i64>,
    pub procedure: String,
    pub branch: Option<usize>,
    pub reason: String,
    pub text: String,
    pub condition: String,
    /// RFC 3339, or as a form writes it, of the clinics' time.
    pub at: String,
    pub outcome: String,
    pub remedy: String,
    pub params: Json,
    /// The job that the person at the terminal is asked about, and what they read out.
    pub job: String,
    pub code: String,
    pub name: String,
    pub role: String,
    pub phone: String,
    pub concern: String,
    pub terminal: String,
    pub facility: String,
}

pub enum Doing {
    Event(Event),
    Order(Remedy),
    /// Not of the call itself: it goes to the terminal.
    Code {
        job: JobId,
        code: String,
    },
    /// Whatever the step that the caller is at is done by.
    OrderOfStep,
}

impl Told {
    /// What was typed into this field of that form, if that is the one that was sent.
    pub fn of(&self, event: &str, field: &str) -> String {
        if self.event == event {
            field.to_owned()
        } else {
            String::new()
        }
    }

    pub fn doing(&self, cx: &Cx) -> Result<Doing, AppError> {
        let line = String::clone;
        Ok(Doing::Event(match self.event.as_str() {
            "told" => Event::Told(Caller {
                name: line(&self.name),
                role: line(&self.role),
                phone: line(&self.phone),
                concern: line(&self.concern),
            }),
            "placed" => Event::Placed {
                facility: facility(cx, &self.facility)?,
                terminal: match some(&self.terminal) {
                    None => None,
                    Some(text) => Some(match calls::whose_code(cx, text) {
                        Some(terminal) => terminal,
                        None => facilities::terminal_called(cx, text)?,
                    }),
                },
            },
            "began" => Event::Began {
                procedure: line(&self.procedure),
            },
            "said" => Event::Said,
            "took-back" => Event::TookBack,
            "skipped" => Event::Skipped,
            "overrode" => Event::Overrode {
                reason: line(&self.reason),
            },
            "saw" => Event::Saw {
                branch: self.branch.unwrap_or(usize::MAX),
            },
            "stepped-back" => Event::SteppedBack,
            "stopped" => Event::Stopped,
            "noted" => Event::Noted { text: line(&self.text) },
            "call-back" => Event::CallBack(calls::condition(&self.condition, moment(&self.at))?),
            "resumed" => Event::Resumed,
            "taken-over" => Event::TakenOver,
            "closed" => Event::Closed {
                outcome: calls::outcome(&self.outcome)?,
                note: line(&self.text),
                reason: line(&self.reason),
            },
            "code" => {
                return Ok(Doing::Code {
                    job: id(&self.job)?,
                    code: line(&self.code),
                });
            }
            "order" if self.remedy.is_empty() => return Ok(Doing::OrderOfStep),
            "order" => {
                let remedy = Remedy::parse(&self.remedy, &self.params).map_err(|bad| bad_order(&bad))?;
                return Ok(Doing::Order(remedy));
            }
            _ => {
                return Err(AppError::invalid(
                    "E-CALL-26",
                    "この操作はありません。画面を開き直してください。",
                    "There is no such event. See the API's documentation.",
                ));
            }
        }))
    }
}

fn some(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

fn facility(cx: &Cx, text: &str) -> Result<Option<Code10>, AppError> {
    some(text).map(|text| facilities::current(cx, text)).transpose()
}

impl Doing {
    pub async fn carry_out(self, cx: &Cx, call: CallId, seen: Option<i64>) -> Result<(), AppError> {
        match self {
            Doing::Event(event) => drop(calls::happen(cx, call, seen, event).await?),
            Doing::Order(remedy) => drop(calls::order(cx, call, seen, Some(remedy)).await?),
            Doing::Code { job, code } => calls::pass_on_code(cx, call, job, &code).await?,
            Doing::OrderOfStep => drop(calls::order(cx, call, seen, None).await?),
        }
        Ok(())
    }
}

/// Forms write no offset.
fn moment(text: &str) -> Option<Time> {
    let text = text.trim();
    Time::parse(text).or_else(|| Time::parse(&format!("{text}:00+09:00")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_of_a_form_is_one_of_the_clinics_day() {
        assert_eq!(moment("2026-11-21T20:30"), Time::parse("2026-11-21T11:30:00Z"));
        assert_eq!(moment("2026-11-21T11:30:00Z"), Time::parse("2026-11-21T11:30:00Z"));
        assert_eq!(moment("夕方"), None);
    }
}
