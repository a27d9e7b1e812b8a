//! One of a few prepared messages on the screen. Nothing that anybody typed ever gets there.

use kaishin_proto::remedy::Message;
use kaishin_proto::time::Span;

use super::{Acted, Done, Failed, Repeat, Step};
use crate::os::{Heard, Notice, Os};

pub const STEPS: &[Step] = &[Step {
    name: "show",
    repeat: Repeat::Idempotent,
}];

const STANDS: Span = Span::minutes(10);
const OFTEN: Span = Span::seconds(5);
const SELDOM: Span = Span::minutes(1);

pub fn act(message: Message, step: &str, os: &dyn Os) -> Result<Acted, Failed> {
    if step != "show" {
        return Err(Failed::no_such_step(step));
    }
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

    fn show(os: &dyn Os) -> Acted {
        act(Message::LeaveOn, "show", os).unwrap()
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
        assert_eq!(told(&show(&sim)), "stands on the screen");
        assert_eq!(told(&show(&sim)), "stands on the screen");
        sim.set_answer(Heard::Agreed);
        assert_eq!(told(&show(&sim)), "somebody pressed OK");
        let shown = sim.notices();
        assert_eq!(shown.len(), 1, "shown once");
        assert!(shown[0].text.contains("電源を切らずに") && !shown[0].may_refuse);
        sim.set_answer(Heard::Unanswered);
        assert!(told(&show(&sim)).contains("nobody pressed"));
    }

    #[test]
    fn where_nobody_is_signed_in_it_waits_for_somebody() {
        let sim = sim();
        for user in sim.users().unwrap() {
            sim.sign_out(&user.sid);
        }
        assert_eq!(told(&show(&sim)), "waits: nobody is signed in");
        assert!(sim.notices().is_empty());
        sim.fail_call(1, OsError::failed("no desktop"));
        assert!(act(Message::Done, "show", &sim).is_err());
        assert!(act(Message::Done, "hide", &sim).is_err());
    }
}
