//! One of a few prepared messages on the screen. Nothing that anybody typed ever gets there.

use kaishin_proto::remedy::Message;
use kaishin_proto::time::Span;

use super::{Acted, Around, Cure, Done, Failed, Preview, Read, Step};
use crate::os::{Heard, Notice, Os};

const STANDS: Span = Span::minutes(10);
const OFTEN: Span = Span::seconds(5);
const SELDOM: Span = Span::minutes(1);

pub struct NotifyStaff(pub Message);

impl Cure for NotifyStaff {
    fn steps(&self) -> &'static [Step] {
        const { &[Step::again("show")] }
    }

    fn act(&self, step: &str, os: &dyn Os, _: &Around) -> Result<Acted, Failed> {
        match step {
            "show" => show(self.0, os),
            _ => Err(Failed::no_such_step(step)),
        }
    }

    fn preview(&self, _: &dyn Os, _: &Around) -> Read<Preview> {
        Ok(Preview::nothing_to_change("it only shows a message on the screen"))
    }
}

fn show(message: Message, os: &dyn Os) -> Result<Acted, Failed> {
    let text = message.text();
    let notice = Notice {
        title: "ヘルプデスクからのお知らせ / From the help desk".to_owned(),
        text: format!("{}\n\n{}", text.ja, text.en),
        within: STANDS,
        may_refuse: false,
    };
    let evidence = match os.notice(&notice)? {
        Heard::Nobody => {
            return Ok(Acted::Again {
                after: SELDOM,
                evidence: "waits: nobody is signed in".to_owned(),
            });
        }
        Heard::Waiting => {
            return Ok(Acted::Again {
                after: OFTEN,
                evidence: "stands on the screen".to_owned(),
            });
        }
        Heard::Agreed | Heard::Refused => "somebody pressed OK",
        Heard::Unanswered => "stood on the screen for 10 minutes; nobody pressed OK",
    };
    Ok(Done::told(evidence).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::sim;
    use crate::os::OsError;
    use crate::remedies::setting::tests::around;

    fn shown(os: &dyn Os) -> Acted {
        show(Message::LeaveOn, os).unwrap()
    }

    fn told(acted: &Acted) -> &str {
        match acted {
            Acted::Done(done) => &done.evidence,
            Acted::Again { evidence, .. } => evidence,
        }
    }

    #[test]
    fn it_stands_there_until_somebody_presses_the_button() {
        let sim = sim();
        assert_eq!(told(&shown(&sim)), "stands on the screen");
        assert_eq!(told(&shown(&sim)), "stands on the screen");
        sim.set_answer(Heard::Agreed);
        assert_eq!(told(&shown(&sim)), "somebody pressed OK");
        let notices = sim.notices();
        assert_eq!(notices.len(), 1, "shown once");
        assert!(notices[0].text.contains("電源を切らずに") && !notices[0].may_refuse);
        sim.set_answer(Heard::Unanswered);
        assert!(told(&shown(&sim)).contains("nobody pressed"));
    }

    #[test]
    fn where_nobody_is_signed_in_it_waits_for_somebody() {
        let sim = sim();
        for user in sim.users().unwrap() {
            sim.sign_out(&user.sid);
        }
        assert_eq!(told(&shown(&sim)), "waits: nobody is signed in");
        assert!(sim.notices().is_empty());
        sim.fail_call(1, OsError::failed("no desktop"));
        assert!(show(Message::Done, &sim).is_err());
        assert!(NotifyStaff(Message::Done).act("hide", &sim, &around()).is_err());
    }
}
