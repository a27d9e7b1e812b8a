use kaishin_proto::calendar::Hours;
use kaishin_proto::clock::Clock;
use kaishin_proto::time::{Span, Time};

use super::super::{Done, Story};
use super::*;
use crate::facts::About;
use crate::os::sim::Sim;
use crate::os::{Heard, Presence};
use crate::words;

/// A terminal in the evening, after everybody has gone home.
struct Evening {
    sim: Sim,
    clock: Clock,
    story: Story,
}

fn evening() -> Evening {
    let clock = Clock::manual(Time::parse("2027-01-15T21:00:00+09:00").unwrap());
    let sim = Sim::new(1, 1, clock.clone());
    let story = Story {
        since: clock.now(),
        ..Story::default()
    };
    sim.put_file(r"C:\OQS\OqsDistroApp\status.log", "未適用更新ファイルなし");
    Evening { sim, clock, story }
}

impl Evening {
    fn around(&self) -> Around {
        Around {
            about: About::new("0.1.0", self.clock.now()),
            now: self.clock.now(),
            story: self.story.clone(),
            told: crate::remedies::Told::default(),
        }
    }

    fn act(&self, step: &str) -> Result<Acted, Failed> {
        RestartNow.act(step, &self.sim, &self.around())
    }

    fn again(&self, step: &str) -> String {
        match self.act(step) {
            Ok(Acted::Again { evidence, after }) => {
                assert!(after.0 > 0);
                evidence
            }
            other => panic!("{other:?}"),
        }
    }

    fn done(&mut self, step: &'static str) -> String {
        match self.act(step) {
            Ok(Acted::Done(Done { evidence, .. })) => {
                self.story.done.push((step, evidence.clone()));
                self.story.since = self.clock.now();
                evidence
            }
            other => panic!("{other:?}"),
        }
    }

    /// Time passes until the machine is there again.
    fn come_back(&self) {
        while let Some(left) = self.sim.down_for() {
            self.clock.advance(left);
        }
    }
}

#[test]
fn it_is_announced_done_once_and_proven_by_a_new_boot() {
    let mut evening = evening();
    assert!(
        evening
            .done("note")
            .ends_with("services that run: OqsComApp, OqsDistroApp")
    );
    assert!(evening.again("announce").starts_with("announced"));
    evening.clock.advance(Span::minutes(2));
    assert!(evening.again("announce").starts_with("announced"));
    assert_eq!(evening.sim.notices().len(), 1);
    evening.clock.advance(Span::minutes(1));
    assert!(evening.done("announce").contains("nobody refused"));
    let probe = |evening: &Evening| RestartNow.probe("restart", &evening.sim, &evening.around());
    assert!(matches!(probe(&evening), Probed::NotDone(_)));
    evening.done("restart");
    assert_eq!(evening.again("back"), "waits: for Windows to restart");
    evening.come_back();
    assert!(matches!(probe(&evening), Probed::Done(_)));
    assert!(evening.done("back").ends_with("2 services run again"));
    assert_eq!(evening.sim.boots(), 2);
}

#[test]
fn the_person_at_the_screen_has_the_last_word() {
    let mut evening = evening();
    evening.done("note");
    evening.sim.set_answer(Heard::Refused);
    let refused = evening.act("announce").unwrap_err();
    assert!(refused.is_refusal() && refused.code == words::JOB_DECLINED);
    evening.sim.set_answer(Heard::Agreed);
    assert!(evening.done("announce").contains("agreed"));
    for user in evening.sim.users().unwrap() {
        evening.sim.sign_out(&user.sid);
    }
    assert!(evening.done("announce").contains("nobody is signed in"));
}

#[test]
fn it_waits_for_a_moment_that_suits_and_says_for_which() {
    let evening = evening();
    evening.sim.set_presence(Presence::Idle(Span::minutes(1)));
    assert_eq!(evening.again("announce"), "waits: somebody is using the terminal");
    evening.sim.set_presence(Presence::Idle(Span::hours(1)));
    evening.sim.set_on_battery(true);
    assert_eq!(evening.again("announce"), "waits: the terminal runs on battery");
    evening.sim.set_on_battery(false);
    evening.sim.set_updating(true);
    assert_eq!(evening.again("announce"), "waits: Windows Update is installing");
    evening.sim.set_updating(false);
    let mut around = evening.around();
    around.now = Time::parse("2027-01-18T10:00:00+09:00").unwrap();
    let told = RestartNow.preview(&evening.sim, &around).unwrap();
    assert_eq!(told.reason, "waits: reception hours until 19:00");
    assert_eq!(told.changes.len(), 1);
    around.about.hours = Hours {
        week: Default::default(),
        holidays: Vec::new(),
        told: true,
    };
    assert_eq!(RestartNow.preview(&evening.sim, &around).unwrap().reason, "");
    assert!(evening.sim.notices().is_empty(), "who waits says nothing yet");
}

#[test]
fn a_machine_that_stays_up_and_a_service_that_stays_away_are_failures_with_names() {
    let mut evening = evening();
    evening.done("note");
    evening.sim.hold_restarts(true);
    evening.done("restart");
    evening.clock.advance(Span::minutes(16));
    assert_eq!(evening.act("back").unwrap_err().code, words::JOB_NO_RESTART);
    evening.sim.hold_restarts(false);
    evening
        .sim
        .set_running(&["OqsComApp", "OqsDistroApp"], &["OqsDistroApp"]);
    evening.done("restart");
    evening.come_back();
    assert_eq!(evening.again("back"), "waits: OqsComApp to run again");
    evening.clock.advance(Span::minutes(11));
    let failed = evening.act("back").unwrap_err();
    assert_eq!(failed.code, words::JOB_NOT_BACK);
    assert!(failed.detail.ends_with("OqsComApp"), "{failed:?}");
}

#[test]
fn what_cannot_be_read_afterwards_is_uncertain_and_never_guessed() {
    let evening = evening();
    assert!(matches!(
        RestartNow.probe("restart", &evening.sim, &evening.around()),
        Probed::Uncertain(_)
    ));
    assert_eq!(evening.act("back").unwrap_err().code, words::JOB_UNCERTAIN);
    assert!(evening.act("shutdown").is_err());
}

#[test]
fn whoever_answers_a_notice_is_heard_although_they_use_the_terminal_by_it() {
    for (answer, told) in [
        (Heard::Agreed, Ok("agreed to on the screen")),
        (Heard::Refused, Err(words::JOB_DECLINED)),
    ] {
        let mut evening = evening();
        evening.done("note");
        assert!(evening.again("announce").starts_with("announced"));
        evening.clock.advance(Span::seconds(5));
        // The click itself.
        evening.sim.set_presence(Presence::Idle(Span(0)));
        assert!(
            evening.again("announce").starts_with("announced"),
            "it stands there yet"
        );
        evening.sim.set_answer(answer);
        let heard = match evening.act("announce") {
            Ok(Acted::Done(done)) => Ok(done.evidence),
            Err(failed) => Err(failed.code),
            other => panic!("{other:?}"),
        };
        assert_eq!(heard, told.map(str::to_owned));
    }
}

#[test]
fn nothing_restarts_on_a_notice_that_ran_out_at_another_time() {
    let mut evening = evening();
    evening.done("note");
    assert!(evening.again("announce").starts_with("announced"));
    evening.clock.advance(Span::minutes(3));
    evening.sim.set_updating(true);
    assert_eq!(evening.again("announce"), "waits: Windows Update is installing");
    evening.clock.advance(Span::minutes(1));
    evening.sim.set_updating(false);
    assert!(evening.again("announce").starts_with("announced"), "told anew");
    assert_eq!(evening.sim.notices().len(), 2);
    // Nobody asked while it ran out.
    evening.clock.advance(Span::hours(2));
    assert!(evening.again("announce").starts_with("announced"), "and anew");
    assert_eq!(evening.sim.notices().len(), 3);
    evening.clock.advance(Span::minutes(3));
    assert!(evening.done("announce").contains("nobody refused"));
    assert_eq!(evening.sim.notices().len(), 3);
}

#[test]
fn an_agreement_lifts_hours_and_presence_and_nothing_else() {
    let mut evening = evening();
    evening.done("note");
    assert!(evening.again("announce").starts_with("announced"));
    evening.sim.set_answer(Heard::Agreed);
    evening.sim.set_on_battery(true);
    assert_eq!(evening.again("announce"), "waits: the terminal runs on battery");
    evening.sim.set_on_battery(false);
    evening.sim.set_answer(Heard::Waiting);
    assert!(evening.again("announce").starts_with("announced"), "asked anew");
}

#[test]
fn a_machine_that_somebody_else_restarted_is_not_restarted_again() {
    let mut evening = evening();
    evening.done("note");
    evening.sim.restart().unwrap();
    evening.come_back();
    evening.clock.advance(Span::seconds(1));
    assert!(evening.done("announce").starts_with("restarted: boot "));
    assert!(evening.done("restart").starts_with("restarted: boot "));
    assert!(evening.done("back").ends_with("2 services run again"));
    assert_eq!((evening.sim.boots(), evening.sim.notices().len()), (2, 0));
}
