//! What remedies would do, asked by people before they order one. Beside the work and never in its way: nothing is journalled,
//! and a job that waits or is under way goes on. A question that cannot be answered now is answered at once, with why.

use std::collections::VecDeque;

use kaishin_proto::convert::{preview_to_wire, remedy_from_wire};
use kaishin_proto::preview::Preview;
use kaishin_proto::remedy::Remedy;
use kaishin_proto::v1;
use kaishin_proto::v1::session_request::Body as Up;

use super::{Core, Effect};
use crate::words;

/// Questions that wait for their turn; people ask one at a time.
const MOST_ASKED: usize = 16;

#[derive(Debug, Default)]
pub struct Plans {
    asked: VecDeque<(u64, Remedy)>,
    /// It is being looked at for this one.
    looking: Option<u64>,
}

impl Core {
    pub(super) fn plan_asked(&mut self, request: &v1::PlanRequest) {
        if self.stopping {
            return;
        }
        match remedy_from_wire(request.remedy.as_ref()) {
            None => self.plan_told(request.number, &Preview::unknown(words::say(words::JOB_UNKNOWN))),
            Some(_) if self.plans.asked.len() >= MOST_ASKED => {
                self.plan_told(request.number, &Preview::unknown(words::say(words::JOB_MANY_QUESTIONS)));
            }
            Some(remedy) => self.plans.asked.push_back((request.number, remedy)),
        }
    }

    pub(super) fn planned(&mut self, preview: &Preview) {
        if let Some(number) = self.plans.looking.take() {
            self.plan_told(number, preview);
        }
    }

    pub(super) fn pump_plans(&mut self) {
        if !self.connection.is_online() {
            // Nobody waits for the answer any more.
            self.plans.asked.clear();
        }
        if self.plans.looking.is_some() {
            return;
        }
        if let Some((number, remedy)) = self.plans.asked.pop_front() {
            self.plans.looking = Some(number);
            self.effects.push(Effect::Plan(remedy));
        }
    }

    fn plan_told(&mut self, number: u64, preview: &Preview) {
        self.send(Up::PlanReply(preview_to_wire(number, preview)));
    }
}
