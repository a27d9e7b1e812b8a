//! A procedure: what is read to the clerk, what they should see, and what else they may see instead.

use crate::call::Ending;
use crate::expr::Expr;
use crate::remedy::Remedy;
use crate::rule::Citation;
use crate::words::Words;

#[derive(Clone, Debug, PartialEq)]
pub struct Procedure {
    /// As rules name it.
    pub slug: String,
    pub title: Words,
    /// For whom it is and what the clinic will notice.
    pub about: Words,
    /// How long it takes on the phone.
    pub minutes: u32,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub id: String,
    pub title: Words,
    /// What is read aloud.
    pub say: Words,
    /// What stands on the clinic's own screen, as it stands there.
    pub screen: Option<Screen>,
    /// The terminal shows by itself that it is done.
    pub done: Option<Expr>,
    /// What shows it holds on the way only: a later step or the hour undoes it, so the end of a call does not ask for it.
    pub passing: bool,
    /// What does it at a click.
    pub remedy: Option<Remedy>,
    pub branches: Vec<Branch>,
    /// For the operator's eyes.
    pub hint: Option<Words>,
    pub citation: Option<Citation>,
    /// The step after it; none ends the procedure.
    pub next: Option<String>,
}

/// A label on a Japanese Windows and, where the manuals know it, on an English one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    pub ja: String,
    pub en: Option<String>,
}

/// "I see something else."
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    pub sees: Words,
    pub to: Where,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Where {
    Step(String),
    /// The procedure ends here, and this is what is usually done next.
    End(Ending),
}

impl Procedure {
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// The steps that follow each other where nothing unexpected is seen.
    pub fn path(&self) -> Vec<&Step> {
        let mut path: Vec<&Step> = Vec::new();
        let mut at = self.steps.first();
        while let Some(step) = at.filter(|step| path.iter().all(|known| known.id != step.id)) {
            path.push(step);
            at = step.next.as_deref().and_then(|next| self.step(next));
        }
        path
    }
}
