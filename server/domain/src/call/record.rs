//! The record of a call, drafted to be copied into a ticket: who called, what was gone through and how each step was
//! confirmed, what was ordered, how it ended.

use super::{Call, Condition, How, Ordered, Outcome, Procedures, Proof, Run, State};
use crate::time::Time;
use crate::words::Words;

/// What the call itself does not know.
pub struct About<'a> {
    pub facility: Option<&'a str>,
    pub hostname: Option<&'a str>,
    /// In the order of the call's jobs.
    pub jobs: &'a [JobLine],
    /// A moment in full, and its time of day, in each language.
    pub when: &'a dyn Fn(Time) -> Words,
    pub clock: &'a dyn Fn(Time) -> Words,
}

/// A job that was ordered in the call, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobLine {
    pub title: Words,
    pub state: Words,
    /// How it ended where that needs saying, with its code.
    pub ended: Option<(Words, String)>,
}

const UNKNOWN: (&str, &str) = ("未確認", "not known");

/// In polite Japanese and in English.
pub fn draft(call: &Call, procedures: &Procedures, about: &About<'_>) -> Words {
    let mut text = Text {
        words: Words::new("", ""),
    };
    head(&mut text, call, about);
    for run in &call.runs {
        run_lines(&mut text, run, procedures, about);
    }
    if !call.jobs.is_empty() {
        text.line("", "");
        text.line("■遠隔で実施した作業", "Work done from here");
        for (job, line) in call.jobs.iter().zip(about.jobs) {
            job_line(&mut text, job, line, about);
        }
    }
    if !call.notes.is_empty() {
        text.line("", "");
        text.line("■補足", "Notes");
        for note in &call.notes {
            let at = (about.clock)(note.at);
            text.line(
                &format!("・{} {}（{}）", at.ja, note.text, note.by),
                &format!("- {} {} ({})", at.en, note.text, note.by),
            );
        }
    }
    text.line("", "");
    text.line("■結果", "Result");
    ending(&mut text, call, about);
    text.words
}

struct Text {
    words: Words,
}

impl Text {
    fn line(&mut self, ja: &str, en: &str) {
        for (text, line) in [(&mut self.words.ja, ja), (&mut self.words.en, en)] {
            text.push_str(line);
            text.push('\n');
        }
    }

    fn pair(&mut self, (ja, en): (&str, &str), value: &Words) {
        self.line(&format!("{ja}：{}", value.ja), &format!("{en}: {}", value.en));
    }
}

fn same(text: &str) -> Words {
    Words::new(text, text)
}

fn known(text: Option<&str>) -> Words {
    match text.filter(|text| !text.is_empty()) {
        Some(text) => same(text),
        None => Words::new(UNKNOWN.0, UNKNOWN.1),
    }
}

fn head(text: &mut Text, call: &Call, about: &About<'_>) {
    text.pair(("受付日時", "Called at"), &(about.when)(call.opened_at));
    let code = call.facility.map(|code| code.to_string());
    let facility = match (code, about.facility) {
        (Some(code), Some(name)) => Some(format!("{name}（{code}）")),
        (Some(code), None) => Some(code),
        (None, name) => name.map(str::to_owned),
    };
    text.pair(("医療機関等", "Facility"), &known(facility.as_deref()));
    let caller = &call.caller;
    let name = match (caller.name.is_empty(), caller.role.is_empty()) {
        (true, true) => Words::new(UNKNOWN.0, UNKNOWN.1),
        (true, false) => Words::new(format!("{}のご担当者様", caller.role), &caller.role),
        (false, true) => Words::new(format!("{}様", caller.name), &caller.name),
        (false, false) => Words::new(
            format!("{}様（{}）", caller.name, caller.role),
            format!("{} ({})", caller.name, caller.role),
        ),
    };
    text.pair(("お電話の方", "Caller"), &name);
    if !caller.phone.is_empty() {
        text.pair(("お電話番号", "Phone"), &same(&caller.phone));
    }
    text.pair(("対象の端末", "Terminal"), &known(about.hostname));
    if !caller.concern.is_empty() {
        text.pair(("お申し出の内容", "Concern"), &same(&caller.concern));
    }
    text.pair(("担当", "Handled by"), &same(&call.owner));
}

fn run_lines(text: &mut Text, run: &Run, procedures: &Procedures, about: &About<'_>) {
    let procedure = procedures.find(&run.procedure);
    let title = procedure.map_or_else(|| same(&run.procedure), |procedure| procedure.title.clone());
    let began = (about.clock)(run.began_at);
    text.line("", "");
    text.line(
        &format!("■ご案内した手順：{}（{}～）", title.ja, began.ja),
        &format!("Procedure: {} (from {})", title.en, began.en),
    );
    for (passed, number) in run.trail.iter().zip(1..) {
        let step = procedure.and_then(|procedure| procedure.step(&passed.step));
        let title = step.map_or_else(|| same(&passed.step), |step| step.title.clone());
        let how = told(&passed.how);
        let at = (about.clock)(passed.at);
        text.line(
            &format!("{number}. {}【{}】{}", title.ja, how.ja, at.ja),
            &format!("{number}. {} [{}] {}", title.en, how.en, at.en),
        );
    }
    if let Some(at) = &run.at {
        let step = procedure.and_then(|procedure| procedure.step(at));
        let title = step.map_or_else(|| same(at), |step| step.title.clone());
        text.line(
            &format!("（「{}」をご案内中です）", title.ja),
            &format!("(now at: {})", title.en),
        );
    } else if run.end == Some(super::Ending::Stopped) {
        text.line("（途中までのご案内です）", "(not gone through to the end)");
    }
}

/// How a step was confirmed, as the record says it.
fn told(how: &How) -> Words {
    match how {
        How::Automatic => Words::new("自動確認", "seen by the agent"),
        How::Heard => Words::new("聴取", "heard from the caller"),
        How::Unconfirmed => Words::new("未確認", "not confirmed"),
        How::Overridden { reason } => Words::new(
            format!("端末の表示と相違・理由：{reason}"),
            format!("against what the terminal shows; reason: {reason}"),
        ),
        How::Saw { words } => Words::new(
            format!("別の表示：{}", words.ja),
            format!("saw something else: {}", words.en),
        ),
    }
}

fn job_line(text: &mut Text, job: &Ordered, line: &JobLine, about: &About<'_>) {
    let at = (about.clock)(job.at);
    text.line(
        &format!("・{}（{}、{}）", line.title.ja, at.ja, line.state.ja),
        &format!("- {} ({}, {})", line.title.en, at.en, line.state.en),
    );
    if let Some((words, code)) = &line.ended {
        text.line(
            &format!("　{}（{code}）", words.ja),
            &format!("  {} ({code})", words.en),
        );
    }
}

fn ending(text: &mut Text, call: &Call, about: &About<'_>) {
    match &call.state {
        State::Open => text.line("ただいまご対応中です。", "The call is still going on."),
        State::Waiting { condition, .. } | State::Due { condition, .. } => {
            let promise = promise(*condition, about);
            text.line(&promise.ja, &promise.en);
        }
        State::Closed {
            outcome,
            at,
            by,
            note,
            proof,
        } => {
            let told = match outcome {
                Outcome::Fixed => fixed_told(proof.as_ref()),
                Outcome::NotFixed | Outcome::HandedOn | Outcome::Answered | Outcome::GivenUp => outcome_told(*outcome),
            };
            text.line(&told.ja, &told.en);
            if let Some(Proof::Against { reason } | Proof::Working { reason }) = proof {
                text.pair(("理由", "Reason"), &same(reason));
            }
            if !note.is_empty() {
                text.line(note, note);
            }
            let at = (about.when)(*at);
            text.line(
                &format!("完了：{}（{by}）", at.ja),
                &format!("Closed: {} ({by})", at.en),
            );
        }
    }
}

fn promise(condition: Condition, about: &About<'_>) -> Words {
    match condition {
        Condition::Online => Words::new(
            "端末の通信が回復しましたら、当窓口より折り返しご連絡いたします旨をお伝えしました。",
            "We will call back once the terminal is online again; the caller was told so.",
        ),
        Condition::Restarted { .. } => Words::new(
            "端末を再起動していただいた後、当窓口より折り返しご連絡いたします旨をお伝えしました。",
            "We will call back after the terminal's restart; the caller was told so.",
        ),
        Condition::At { at } => {
            let at = (about.when)(at);
            Words::new(
                format!("{}に、当窓口より折り返しご連絡いたします旨をお伝えしました。", at.ja),
                format!("We will call back at {}; the caller was told so.", at.en),
            )
        }
    }
}

/// What was found to be in order is said to be so, and nothing else.
fn fixed_told(proof: Option<&Proof>) -> Words {
    match proof {
        Some(Proof::Shown) => Words::new(
            "正常な状態を端末で自動確認し、対応を完了いたしました。",
            "The terminal shows all to be in order, and the call was closed.",
        ),
        Some(Proof::Heard) => Words::new(
            "お客様に伺った内容により解消したものとし、対応を完了いたしました。端末では自動確認できておりません。",
            "Closed as fixed by what the caller said; the terminal did not show it.",
        ),
        Some(Proof::Unconfirmed) => Words::new(
            "解消したものとして対応を完了いたしました。解消したことの確認は取れておりません（未確認）。",
            "Closed as fixed; nobody confirmed that it is.",
        ),
        Some(Proof::Against { .. }) => Words::new(
            "端末の表示は正常な状態と相違しておりますが、次の理由により対応を完了いたしました。",
            "The terminal shows otherwise; closed as fixed all the same, for the reason below.",
        ),
        Some(Proof::Working { .. }) => Words::new(
            "遠隔での作業は終わっておりませんが、次の理由により対応を完了いたしました。",
            "The work was not over; closed as fixed all the same, for the reason below.",
        ),
        None => Words::new("対応を完了いたしました。", "The call was closed as fixed."),
    }
}

fn outcome_told(outcome: Outcome) -> Words {
    match outcome {
        Outcome::Fixed => fixed_told(None),
        Outcome::NotFixed => Words::new(
            "お電話でのご案内では解消に至りませんでした。",
            "It could not be put right over the phone.",
        ),
        Outcome::HandedOn => Words::new(
            "技術担当へ引き継ぎ、改めてご連絡差し上げることといたしました。",
            "Handed on to a technician, who will get in touch.",
        ),
        Outcome::Answered => Words::new(
            "お問い合わせの内容についてご説明し、ご了承いただきました。",
            "The question was answered.",
        ),
        Outcome::GivenUp => Words::new(
            "お客様のご都合により、ご案内を終了いたしました。",
            "Ended without a result, as the caller wished or could not be reached.",
        ),
    }
}
