//! What a remedy would do to a terminal as it is now. The terminal itself is asked, and it looks without writing; nothing is
//! stored and nothing audited, because nothing changes. Who may order the remedy may ask.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use kaishin_domain::access::{Permission, Scope};
use kaishin_domain::id::TerminalId;
use kaishin_domain::remedy::Remedy;
use kaishin_domain::time::{Span, Time};
use kaishin_domain::words::Words;
use kaishin_proto::limits::PLANS_SINCE;
use kaishin_proto::preview::{self, Change, Preview};
use kaishin_proto::{ending, evidence};
use serde::Serialize;
use tokio::sync::oneshot;

use super::{App, AppError, Cx, Kind, Wake, jobs};

/// A terminal that is well answers in far less.
const WITHIN: Span = Span::seconds(10);
/// Questions to one terminal in one minute: people press again, programs in a loop are slowed.
const MOST: u32 = 60;
const REMEMBERED: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryRun {
    pub verdict: Verdict,
    pub changes: Vec<Change>,
    /// None where the verdict says it all.
    pub reason: Option<Words>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    WouldChange,
    AlreadyFine,
    NotApplicable,
    Offline,
    Unknown,
}

/// Questions under way, and how many each terminal was asked lately. In memory: whoever asked is gone with the server.
#[derive(Debug, Default)]
pub struct Questions(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    waiting: HashMap<u64, (TerminalId, oneshot::Sender<Preview>)>,
    /// Since when, and how many.
    lately: HashMap<TerminalId, (Time, u32)>,
}

/// Takes its question back when whoever asked has gone.
struct Asked<'a> {
    questions: &'a Questions,
    number: u64,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.questions.lock().waiting.remove(&self.number);
    }
}

impl Questions {
    fn lock(&self) -> std::sync::MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn may_ask(&self, terminal: TerminalId, now: Time) -> bool {
        let lately = &mut self.lock().lately;
        if lately.len() >= REMEMBERED {
            lately.retain(|_, (since, _)| now.since(*since) < Span::minutes(1));
        }
        let (since, count) = lately.entry(terminal).or_insert((now, 0));
        if now.since(*since) >= Span::minutes(1) {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= MOST
    }

    fn ask(&self, number: u64, terminal: TerminalId) -> (Asked<'_>, oneshot::Receiver<Preview>) {
        let (answer, answered) = oneshot::channel();
        self.lock().waiting.insert(number, (terminal, answer));
        let questions = self;
        (Asked { questions, number }, answered)
    }
}

pub async fn ask(cx: &Cx, terminal: TerminalId, remedy: Remedy) -> Result<DryRun, AppError> {
    cx.require(Permission::of(remedy), Scope::Terminal(terminal))?;
    let found = cx.app.store.terminal(terminal).await?;
    let found = found.ok_or_else(AppError::no_such_terminal)?;
    if !found.is_active() {
        return Err(jobs::revoked());
    }
    jobs::may_be_ordered(cx, terminal, remedy).await?;
    if !cx.app.index.is_online(terminal) {
        return Ok(DryRun::without(
            Verdict::Offline,
            "端末が接続していません。依頼すると、次に接続したときに実行されます。",
            "The terminal is not connected. What is ordered is done when it is back.",
        ));
    }
    if found.minor < PLANS_SINCE {
        return Ok(DryRun::without(
            Verdict::Unknown,
            "この端末のエージェントは事前の確認に対応していません。エージェントを更新してください。",
            "This terminal's agent cannot tell beforehand. Bring the agent up to date.",
        ));
    }
    let now = cx.now();
    if !cx.app.questions.may_ask(terminal, now) {
        return Err(AppError::new(
            Kind::TooMany,
            "E-JOB-45",
            "この端末への確認が多すぎます。1分ほど待って、もう一度お試しください。",
            "This terminal is asked too often. Wait a minute and try again.",
        ));
    }
    let number = u64::from_le_bytes(cx.app.entropy.bytes());
    let (_asked, answered) = cx.app.questions.ask(number, terminal);
    cx.app.bus.wake(Wake::Plan {
        terminal,
        number,
        remedy,
    });
    let preview = tokio::select! {
        answer = answered => answer.ok(),
        () = cx.app.clock.sleep_until(now + WITHIN) => None,
    };
    Ok(preview.map_or_else(silent, DryRun::from))
}

fn silent() -> DryRun {
    DryRun::without(
        Verdict::Unknown,
        "端末から10秒以内に返事がありませんでした。少し待って、もう一度確認してください。",
        "The terminal did not answer within 10 seconds. Wait a moment and ask again.",
    )
}

/// A terminal's answer. One that nobody waits for, or to a question that was another's, is dropped.
pub fn answered(app: &App, terminal: TerminalId, number: u64, preview: Preview) {
    let mut table = app.questions.lock();
    if table.waiting.get(&number).is_none_or(|(asked, _)| *asked != terminal) {
        return;
    }
    if let Some((_, answer)) = table.waiting.remove(&number) {
        // Whoever asked may have gone this moment.
        let _ = answer.send(preview);
    }
}

impl DryRun {
    fn without(verdict: Verdict, ja: &str, en: &str) -> DryRun {
        DryRun {
            verdict,
            changes: Vec::new(),
            reason: Some(Words::new(ja, en)),
        }
    }
}

impl From<Preview> for DryRun {
    fn from(told: Preview) -> DryRun {
        let verdict = match told.verdict {
            preview::Verdict::WouldChange => Verdict::WouldChange,
            preview::Verdict::AlreadyFine => Verdict::AlreadyFine,
            preview::Verdict::NotApplicable => Verdict::NotApplicable,
            preview::Verdict::Unknown => Verdict::Unknown,
        };
        DryRun {
            verdict,
            changes: told.changes,
            reason: (!told.reason.is_empty()).then(|| words(&told.reason)),
        }
    }
}

/// A sentence that is known, "日本語 / English", or a detail of the machine that is the same in both.
fn words(text: &str) -> Words {
    if let Some(known) = ended(text).or_else(|| evidence::words(text)) {
        return known;
    }
    match text.split_once(" / ") {
        Some((ja, en)) if !ja.is_ascii() => Words::new(ja, en),
        Some(_) | None => Words::new(text, text),
    }
}

/// What a job would end with, "E-JOB-71 日本語 / English (detail)": code and detail belong to both languages.
fn ended(text: &str) -> Option<Words> {
    let code = text.split(' ').next()?;
    let Words { ja, en } = ending::words(code)?;
    let detail = text.split_once(". (").and_then(|(_, rest)| rest.strip_suffix(')'));
    Some(
        match detail.map(|detail| evidence::words(detail).unwrap_or_else(|| Words::new(detail, detail))) {
            None => Words::new(format!("{code} {ja}"), format!("{code} {en}")),
            Some(detail) => Words::new(
                format!("{code} {ja}（{}）", detail.ja),
                format!("{code} {en} ({})", detail.en),
            ),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_asked_so_often_in_a_minute_and_then_again() {
        let questions = Questions::default();
        let (one, other) = (TerminalId::new(Time(0), [1; 10]), TerminalId::new(Time(0), [2; 10]));
        let now = Time(1_000_000_000);
        assert!((0..MOST).all(|_| questions.may_ask(one, now)));
        assert!(!questions.may_ask(one, now));
        assert!(questions.may_ask(other, now));
        assert!(questions.may_ask(one, now + Span::minutes(1)));
    }

    #[test]
    fn who_stops_waiting_leaves_no_question_behind() {
        let questions = Questions::default();
        let asked = questions.ask(7, TerminalId::new(Time(0), [1; 10]));
        assert_eq!(questions.lock().waiting.len(), 1);
        drop(asked);
        assert!(questions.lock().waiting.is_empty());
    }

    #[test]
    fn what_a_terminal_says_in_two_languages_is_shown_in_each() {
        let told = |reason: &str| DryRun::from(Preview::unknown(reason)).reason;
        assert_eq!(told("もう一度 / again"), Some(Words::new("もう一度", "again")));
        assert_eq!(told("a / b"), Some(Words::new("a / b", "a / b")));
        let adapters = told("no adapter here is one of those named that have the setting").expect("a reason");
        assert!(adapters.ja.contains("アダプター") && adapters.en.contains("adapter"));
        assert_eq!(DryRun::from(Preview::of([])).reason, None);
        let Words { ja, en } = ending::words("E-JOB-41").expect("words");
        let refused = told(&format!("E-JOB-41 {ja} / {en} (ActiveHoursEnd 22, not 19)"));
        let both = |ja, en| Some(Words::new(format!("E-JOB-41 {ja}"), format!("E-JOB-41 {en}")));
        let detail = "ActiveHoursEnd 22, not 19";
        assert_eq!(refused, both(format!("{ja}（{detail}）"), format!("{en} ({detail})")));
        assert_eq!(told(&format!("E-JOB-41 {ja} / {en}")), both(ja, en));
    }
}
