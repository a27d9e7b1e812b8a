//! Small pieces that several pages show: badges, name-value pairs, notices, problems, jobs.

use kaishin_domain::evidence;
use kaishin_domain::job::{Job, JobState, Outcome};
use kaishin_domain::terminal::{Hold, Terminal};
use kaishin_domain::time::Time;

use super::Page;
use crate::index::Flags;

/// A word with a colour and, by the style sheet, a shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    pub kind: &'static str,
    pub word: String,
}

#[derive(Clone, Debug)]
pub struct Pair {
    pub name: String,
    pub value: String,
}

#[derive(Clone, Debug)]
pub struct Notice {
    pub kind: &'static str,
    pub title: String,
    pub text: String,
}

/// What went wrong and what to do, with its stable code.
#[derive(Clone, Debug)]
pub struct Problem {
    pub code: String,
    pub text: String,
}

/// Why something cannot be pressed; told once on a page, pointed at by each of its buttons.
#[derive(Clone, Debug)]
pub struct Why {
    pub id: &'static str,
    pub text: String,
}

pub fn why(id: &'static str, text: Option<String>) -> Option<Why> {
    text.map(|text| Why { id, text })
}

#[derive(Clone, Debug)]
pub struct Link {
    pub href: String,
    pub name: String,
}

/// Why there is nothing to see, and the one thing to do next.
#[derive(Clone, Debug)]
pub struct Empty {
    pub text: String,
    pub next: Option<Link>,
}

pub fn badge(kind: &'static str, word: impl Into<String>) -> Badge {
    Badge {
        kind,
        word: word.into(),
    }
}

/// A pair that is left out when there is nothing to say.
pub fn pair(name: String, value: impl Into<String>) -> Option<Pair> {
    let value = value.into();
    (!value.is_empty()).then_some(Pair { name, value })
}

pub fn presence(page: &Page, online: bool) -> Badge {
    if online {
        badge("good", page.t("online"))
    } else {
        badge("", page.t("offline"))
    }
}

pub fn flag_badges(page: &Page, flags: Flags) -> Vec<Badge> {
    [
        (flags.duplicate, "warn", "flag-duplicate"),
        (flags.incompatible, "warn", "flag-incompatible"),
        (flags.revoked, "bad", "flag-revoked"),
    ]
    .into_iter()
    .filter(|(raised, _, _)| *raised)
    .map(|(_, kind, key)| badge(kind, page.t(key)))
    .collect()
}

pub fn flags(terminal: &Terminal) -> Flags {
    Flags {
        revoked: !terminal.is_active(),
        duplicate: matches!(terminal.hold, Some(Hold::Duplicate { .. })),
        incompatible: matches!(terminal.hold, Some(Hold::Incompatible { .. })),
    }
}

/// What tells people which machine they have before them.
pub fn about(page: &Page, terminal: &Terminal) -> Vec<Pair> {
    let machine = &terminal.machine;
    let pairs = [
        pair(
            page.t("terminal-machine"),
            machine_name(&machine.manufacturer, &machine.model),
        ),
        pair(page.t("terminal-serial"), &machine.serial),
        pair(page.t("terminal-os"), &machine.os_version),
        pair(
            page.t("terminal-institution"),
            terminal.institution_code.clone().unwrap_or_default(),
        ),
        pair(page.t("terminal-id"), terminal.id.to_string()),
    ];
    pairs.into_iter().flatten().collect()
}

pub fn job_state(page: &Page, job: &Job) -> Badge {
    let kind = match &job.state {
        JobState::Ready => "",
        JobState::Offered { .. } | JobState::Accepted | JobState::Running { .. } => "busy",
        JobState::Final(finish) => match finish.outcome {
            Outcome::Succeeded => "good",
            Outcome::Failed | Outcome::Refused => "bad",
            Outcome::Expired | Outcome::Unknown => "warn",
            Outcome::Cancelled => "",
        },
    };
    let name = if job.cancel_asked && !job.is_final() {
        "cancelling"
    } else if job.state == (JobState::Running { step: 0 }) {
        "asking"
    } else {
        job.state.name()
    };
    badge(kind, page.t(&format!("job-{name}")))
}

/// How a job ended: what it means and asks for, its code, and what the terminal found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Empty where this build does not know the code.
    pub words: String,
    pub code: String,
    pub detail: String,
}

/// `None` where there is nothing to say beyond the state.
pub fn ended(page: &Page, job: &Job) -> Option<Ended> {
    let finish = job.finish()?;
    let ended = Ended {
        words: finish
            .words()
            .map_or_else(String::new, |words| page.of(&words).to_owned()),
        code: finish.code.clone(),
        detail: told(page, &finish.detail),
    };
    (ended != Ended::default()).then_some(ended)
}

/// What a terminal says of its work, in the reader's words where the sentence is known; otherwise as it stands.
pub fn told(page: &Page, said: &str) -> String {
    let known = evidence::words(said).map(|words| page.of(&words).to_owned());
    known.unwrap_or_else(|| said.to_owned())
}

/// `HP ProDesk 400`, without saying the maker twice.
pub fn machine_name(manufacturer: &str, model: &str) -> String {
    if manufacturer.is_empty() || model.to_lowercase().starts_with(&manufacturer.to_lowercase()) {
        model.to_owned()
    } else {
        format!("{manufacturer} {model}").trim_end().to_owned()
    }
}

/// One line of "what was done lately".
#[derive(Clone, Debug)]
pub struct JobLine {
    pub remedy: String,
    pub hostname: String,
    pub terminal_href: String,
    pub state: Badge,
    pub at: Time,
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_domain::id::{JobId, TerminalId};
    use kaishin_domain::job::Finish;
    use kaishin_domain::remedy::Remedy;

    use super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    fn job(remedy: Remedy) -> Job {
        Job {
            id: JobId::new(Time(0), [0; 10]),
            terminal: TerminalId::new(Time(0), [0; 10]),
            remedy,
            state: JobState::Ready,
            attempt: 1,
            taken: 1,
            deadline: Time(0),
            cancel_asked: false,
            created_at: Time(0),
            created_by: "tanaka".into(),
            reason: String::new(),
        }
    }

    #[test]
    fn every_state_of_a_job_has_its_words() {
        let states = [
            JobState::Ready,
            JobState::Offered { until: Time(0) },
            JobState::Accepted,
            JobState::Running { step: 1 },
        ]
        .into_iter()
        .chain(Outcome::ALL.map(|outcome| {
            JobState::Final(Finish {
                outcome,
                at: Time(0),
                code: String::new(),
                detail: String::new(),
            })
        }));
        for state in states {
            for (lang, cancel_asked) in [(Lang::Ja, false), (Lang::En, true)] {
                let job = Job {
                    state: state.clone(),
                    cancel_asked,
                    ..job(Remedy::RefreshFacts)
                };
                let shown = job_state(&sample::page(lang, Some(Role::Desk), None), &job);
                assert!(!shown.word.contains("Unknown loc"), "{}", state.name());
            }
        }
    }

    #[test]
    fn how_a_job_ended_is_said_in_the_readers_words_with_its_code_and_what_was_found() {
        let job = |code: &str, detail: &str| Job {
            state: JobState::Final(Finish {
                outcome: Outcome::Failed,
                at: Time(0),
                code: code.into(),
                detail: detail.into(),
            }),
            ..job(Remedy::RefreshFacts)
        };
        for (lang, code, detail, words, shown) in [
            (
                Lang::Ja,
                "E-JOB-32",
                "nobody answered the question on the screen",
                "返事がありませんでした",
                "画面の確認に返事がありませんでした",
            ),
            (
                Lang::En,
                "E-JOB-36",
                "the clock is more than ten minutes off",
                "Put the time source right first.",
                "The clock is more than ten minutes off",
            ),
            // Of a newer agent: its code and its own words.
            (Lang::Ja, "E-JOB-99", "the moon is full", "", "the moon is full"),
        ] {
            let page = sample::page(lang, Some(Role::Desk), None);
            let ended = ended(&page, &job(code, detail)).expect("something to say");
            assert!(ended.words.contains(words) && ended.words.is_empty() == words.is_empty());
            assert_eq!((ended.code.as_str(), ended.detail.as_str()), (code, shown));
        }
        let page = sample::page(Lang::Ja, Some(Role::Desk), None);
        assert_eq!(ended(&page, &job("", "")), None, "it went well");
    }

    #[test]
    fn a_maker_is_named_once() {
        assert_eq!(machine_name("HP", "HP ProDesk 400"), "HP ProDesk 400");
        assert_eq!(machine_name("Dell Inc.", "OptiPlex 3080"), "Dell Inc. OptiPlex 3080");
        assert_eq!(machine_name("", "X"), "X");
    }
}
