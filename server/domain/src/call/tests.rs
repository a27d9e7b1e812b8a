use std::cell::Cell;

use proptest::prelude::*;

use super::*;
use crate::remedy::Remedy;
use crate::words::Words;
use kaishin_proto::profile::Profile;

const NOW: Time = Time(1_000_000_000);

fn book() -> Procedures {
    Procedures::built_in(&Profile::built_in()).expect("the built-in procedures are sound")
}

fn terminal(n: u8) -> TerminalId {
    TerminalId::new(Time(0), [n; 10])
}

fn call() -> Call {
    let caller = Caller::read("田中", "受付", "03-1234-5678", "確認できない").expect("short");
    let id = CallId::new(Time(0), [1; 10]);
    Call::open(id, caller, (None, Some(terminal(1))), "suzuki", NOW)
}

/// A call in which every condition has the same truth, and what happens in it.
struct Desk {
    book: Procedures,
    truth: Cell<Truth3>,
    working: Cell<bool>,
    seen: Cell<Seen>,
    now: Cell<Time>,
}

impl Desk {
    fn new(truth: Truth3) -> Desk {
        Desk {
            book: book(),
            truth: Cell::new(truth),
            working: Cell::new(false),
            seen: Cell::default(),
            now: Cell::new(NOW),
        }
    }

    fn around<R>(&self, then: impl FnOnce(&Around<'_>) -> R) -> R {
        let truth = |step: &Step| match step.done {
            Some(_) => self.truth.get(),
            None => Truth3::Unknown,
        };
        then(&Around {
            procedures: &self.book,
            truth: &truth,
            working: self.working.get(),
            seen: self.seen.get(),
            by: "suzuki",
            now: self.now.get(),
        })
    }

    fn on(&self, call: &Call, event: Event) -> Result<Call, Refused> {
        self.around(|around| call.on(event, around))
    }

    fn after(&self, events: impl IntoIterator<Item = Event>) -> Call {
        let on = |call: Call, event: Event| self.on(&call, event).expect("it is taken");
        events.into_iter().fold(call(), on)
    }
}

fn began(procedure: &str) -> Event {
    Event::Began {
        procedure: procedure.into(),
    }
}

fn closed(outcome: Outcome, reason: &str) -> Event {
    Event::Closed {
        outcome,
        note: String::new(),
        reason: reason.into(),
    }
}

fn over(reason: &str) -> Event {
    Event::Overrode { reason: reason.into() }
}

fn passed(call: &Call) -> Vec<&'static str> {
    let trail = &call.runs.last().expect("a run").trail;
    trail.iter().map(|passed| passed.how.name()).collect()
}

#[test]
fn how_a_step_is_ticked_follows_from_what_is_known_and_what_is_said() {
    // display-scale: the first step has no condition, the second has one.
    let second = [began("display-scale"), Event::Said];
    for (truth, event, expected) in [
        (Truth3::True, Event::Said, Ok("automatic")),
        (Truth3::True, Event::Skipped, Ok("automatic")),
        (Truth3::Unknown, Event::Said, Ok("heard")),
        (Truth3::Unknown, Event::Skipped, Ok("unconfirmed")),
        (Truth3::False, Event::Skipped, Err(Refused::Contradicted)),
        (Truth3::False, over("機器の故障"), Ok("overridden")),
        (Truth3::False, over("  "), Err(Refused::NoReason)),
        (Truth3::True, over("x"), Err(Refused::NothingToOverride)),
        (Truth3::Unknown, over("x"), Err(Refused::NothingToOverride)),
        (Truth3::False, Event::Saw { branch: 0 }, Ok("saw")),
        (Truth3::False, Event::Saw { branch: 9 }, Err(Refused::NoSuchBranch)),
    ] {
        let desk = Desk::new(truth);
        let before = desk.after(second.clone());
        let after = desk.on(&before, event.clone());
        let found = after.map(|call| passed(&call).last().copied().unwrap_or(""));
        assert_eq!(found, expected, "{truth:?} {event:?}");
    }
}

#[test]
fn a_contradiction_holds_the_step_until_it_is_resolved() {
    let desk = Desk::new(Truth3::False);
    let call = desk.after([began("display-scale"), Event::Said, Event::Said]);
    let stand = |call: &Call, truth| {
        let step = call.step(&desk.book).expect("a step");
        call.run().and_then(|run| run.stand(step, truth))
    };
    assert_eq!(call.step(&desk.book).map(|step| step.id.as_str()), Some("scale"));
    assert_eq!(stand(&call, Truth3::False), Some(Stand::Contradicted));
    let against = desk.around(|around| call.contradicted(around).len());
    assert_eq!(against, 1);
    let fixed = closed(Outcome::Fixed, "");
    assert_eq!(desk.on(&call, fixed.clone()), Err(Refused::Contradicted));
    let back = desk.on(&call, Event::TookBack).expect("taken back");
    assert_eq!(stand(&back, Truth3::False), Some(Stand::Unconfirmed));
    desk.truth.set(Truth3::True);
    assert_eq!(stand(&call, Truth3::True), Some(Stand::Automatic));
    let on = desk.on(&call, Event::Said).expect("it is done now");
    assert_eq!(passed(&on), ["heard", "automatic"]);
    assert!(desk.on(&call, fixed).is_ok());
}

fn proof(call: &Call) -> Option<Proof> {
    if let State::Closed { proof, .. } = &call.state {
        proof.clone()
    } else {
        None
    }
}

#[test]
fn no_way_through_a_call_closes_it_as_fixed_while_the_terminal_shows_otherwise() {
    let display = || began("display-scale");
    let saw = || Event::Saw { branch: 0 };
    let another = || began("sleep-off");
    for (way, before) in [
        ("at the first step, which shows nothing itself", vec![display()]),
        ("at the step", vec![display(), Event::Said]),
        (
            "said, and taken back",
            vec![display(), Event::Said, Event::Said, Event::TookBack],
        ),
        ("stopped", vec![display(), Event::Said, Event::Stopped]),
        ("stopped at the first step", vec![display(), Event::Stopped]),
        ("begun, then another", vec![display(), another()]),
        ("something else was seen", vec![display(), Event::Said, saw()]),
    ] {
        let desk = Desk::new(Truth3::False);
        let call = desk.after(before);
        assert_eq!(
            desk.on(&call, closed(Outcome::Fixed, " ")),
            Err(Refused::Contradicted),
            "{way}"
        );
        let anyway = desk
            .on(&call, closed(Outcome::Fixed, "院内の希望"))
            .expect("with a reason");
        let reason = "院内の希望".to_owned();
        assert_eq!(proof(&anyway), Some(Proof::Against { reason }), "{way}");
        let handed_on = desk.on(&call, closed(Outcome::HandedOn, "")).expect(way);
        assert_eq!(proof(&handed_on), None);
    }
    // Passed while it was so, and undone since.
    let desk = Desk::new(Truth3::True);
    let call = desk.after([display(), Event::Said, Event::Said, Event::Said]);
    desk.truth.set(Truth3::False);
    assert_eq!(desk.on(&call, closed(Outcome::Fixed, "")), Err(Refused::Contradicted));
}

#[test]
fn work_that_is_not_over_keeps_a_call_from_being_fixed() {
    let desk = Desk::new(Truth3::True);
    let call = desk.after([began("display-scale"), Event::Said, Event::Said, Event::Said]);
    desk.working.set(true);
    assert_eq!(desk.on(&call, closed(Outcome::Fixed, "")), Err(Refused::StillWorking));
    assert!(desk.on(&call, closed(Outcome::NotFixed, "")).is_ok());
    let reason = "夜に終わる".to_owned();
    let anyway = desk.on(&call, closed(Outcome::Fixed, &reason)).expect("with a reason");
    assert_eq!(proof(&anyway), Some(Proof::Working { reason }));
}

#[test]
fn what_holds_on_the_way_only_is_not_asked_for_at_the_end() {
    let book = book();
    // Away while the new ones come, started just now: true once, and over.
    for (slug, step) in [
        ("edge-extension-swap", "remove"),
        ("edge-extension-swap", "developer-on"),
        ("restart", "restart"),
        ("windows-update-run", "search"),
    ] {
        let found = book.find(slug).and_then(|procedure| procedure.step(step)).expect(step);
        assert!(found.passing && found.done.is_some(), "{slug}/{step}");
    }
    let desk = Desk::new(Truth3::True);
    let through = [began("restart"), Event::Said, Event::Said, Event::Said];
    let call = desk.after(through);
    desk.truth.set(Truth3::False);
    let later = desk
        .on(&call, closed(Outcome::Fixed, ""))
        .expect("a quarter of an hour later");
    assert_eq!(proof(&later), Some(Proof::Heard));
}

#[test]
fn the_record_says_what_the_fixing_rests_on_and_no_more() {
    let display = || began("display-scale");
    let way = |last: Event| vec![display(), Event::Said, Event::Said, last];
    for (truth, events, expected, said) in [
        (Truth3::True, way(Event::Said), Proof::Shown, "端末で自動確認"),
        (Truth3::Unknown, way(Event::Said), Proof::Heard, "お客様に伺った内容"),
        (Truth3::Unknown, way(Event::Skipped), Proof::Unconfirmed, "未確認"),
        (Truth3::Unknown, vec![display()], Proof::Unconfirmed, "未確認"),
        (Truth3::Unknown, Vec::new(), Proof::Unconfirmed, "未確認"),
        (
            Truth3::False,
            vec![display(), Event::Said, over("画面は読める"), Event::Said],
            Proof::Against {
                reason: "画面は読める".into(),
            },
            "相違しております",
        ),
    ] {
        let desk = Desk::new(truth);
        let call = desk.after(events.into_iter().chain([closed(Outcome::Fixed, "")]));
        assert_eq!(proof(&call), Some(expected.clone()));
        let clock = |_: Time| Words::new("14:05", "14:05");
        let about = About {
            facility: None,
            hostname: None,
            jobs: &[],
            when: &clock,
            clock: &clock,
        };
        let record = draft(&call, &desk.book, &about);
        assert!(record.ja.contains(said), "{record:?}");
        assert_eq!(
            record.ja.contains("正常な状態を"),
            expected == Proof::Shown,
            "{record:?}"
        );
        let reason = record.ja.contains("理由：画面は読める\n");
        assert_eq!(reason, matches!(expected, Proof::Against { .. }), "{record:?}");
    }
    // A call of a time when it was not asked.
    let old = r#"{"state":"closed","outcome":"fixed","at":0,"by":"a","note":""}"#;
    assert!(serde_json::from_str::<State>(old).is_ok());
}

#[test]
fn branches_lead_to_another_step_or_to_an_end() {
    let desk = Desk::new(Truth3::Unknown);
    let steps = [began("distribution-refresh"), Event::Said, Event::Said];
    let call = desk.after(steps.into_iter().chain([Event::Saw { branch: 0 }]));
    assert_eq!(call.step(&desk.book).map(|step| step.id.as_str()), Some("restart"));
    let again = desk.on(&call, Event::Said).expect("restarted");
    assert_eq!(
        again.step(&desk.book).map(|step| step.id.as_str()),
        Some("open"),
        "a second round"
    );
    let end = desk.on(&again, Event::Saw { branch: 0 }).expect("not on the desktop");
    assert_eq!((end.run(), end.runs[0].end), (None, Some(Ending::HandOn)));
    let back = desk.on(&end, Event::SteppedBack).expect("it was there after all");
    assert_eq!(back.step(&desk.book).map(|step| step.id.as_str()), Some("open"));
}

#[test]
fn the_way_through_a_procedure_leaves_out_what_only_a_branch_leads_to() {
    let book = book();
    let ids = |slug: &str| -> Vec<String> {
        let path = book.find(slug).expect("there is").path();
        path.into_iter().map(|step| step.id.clone()).collect()
    };
    assert_eq!(ids("restart"), ["ready", "restart", "reader"]);
    assert_eq!(ids("distribution-refresh"), ["open", "download", "status", "check"]);
    assert!(!ids("edge-extension-swap").contains(&"signed-in".to_owned()));
}

#[test]
fn a_call_back_comes_due_when_its_condition_holds_and_not_before() {
    let online = Seen {
        online: true,
        ..Seen::default()
    };
    let boot = |at: i64| Seen {
        booted: Some(Time(at)),
        ..Seen::default()
    };
    let at = Condition::At {
        at: NOW + Span::hours(1),
    };
    let restarted = Condition::Restarted { before: None };
    let later = NOW + Span::minutes(5);
    let was_here = Seen {
        last_seen: Some(later),
        ..Seen::default()
    };
    let minute = Span::minutes(1).0;
    for (condition, first, then, passed, due) in [
        (
            Condition::Online,
            Seen::default(),
            Seen::default(),
            Span::hours(9),
            false,
        ),
        (Condition::Online, Seen::default(), online, Span::minutes(6), true),
        (Condition::Online, Seen::default(), was_here, Span::hours(9), true),
        (restarted, boot(0), boot(0), Span::hours(9), false),
        (restarted, boot(0), boot(minute / 10), Span::hours(9), false),
        (restarted, boot(0), boot(minute), Span::minutes(6), true),
        (restarted, Seen::default(), boot(NOW.0 + minute), Span::minutes(6), true),
        (at, Seen::default(), Seen::default(), Span::minutes(59), false),
        (at, Seen::default(), Seen::default(), Span::hours(1), true),
    ] {
        let desk = Desk::new(Truth3::Unknown);
        desk.seen.set(first);
        let waiting = desk.after([Event::CallBack(condition)]);
        assert!(desk.on(&waiting, Event::CameDue).is_err(), "{condition:?}");
        assert_eq!(desk.on(&waiting, Event::Said), Err(Refused::NotOnThePhone));
        desk.seen.set(then);
        desk.now.set(NOW + passed);
        let came = desk.on(&waiting, Event::CameDue);
        assert_eq!(came.is_ok(), due, "{condition:?} {then:?}");
        if let Ok(due) = came {
            assert_eq!(due.state.name(), "due");
            assert_eq!(desk.on(&due, Event::Resumed).expect("resumed").state, State::Open);
        }
    }
}

#[test]
fn what_cannot_be_waited_for_is_refused() {
    let desk = Desk::new(Truth3::Unknown);
    desk.seen.set(Seen {
        online: true,
        ..Seen::default()
    });
    let back = |condition| desk.on(&call(), Event::CallBack(condition)).map(drop);
    let at = |at| Condition::At { at };
    assert_eq!(back(Condition::Online), Err(Refused::AlreadyTrue));
    assert_eq!(back(at(NOW)), Err(Refused::BadTime));
    assert_eq!(back(at(NOW + Span::days(61))), Err(Refused::BadTime));
    let nowhere = Call {
        terminal: None,
        ..call()
    };
    let refused = desk.on(&nowhere, Event::CallBack(Condition::Restarted { before: None }));
    assert_eq!(refused, Err(Refused::NoTerminal));
}

#[test]
fn what_somebody_types_is_one_line_of_bounded_length() {
    let caller = Caller::read(" 田中\n花子 ", "", "", "a\tb").expect("short");
    assert_eq!((caller.name.as_str(), caller.concern.as_str()), ("田中 花子", "a b"));
    let long = "あ".repeat(81);
    assert_eq!(Caller::read(&long, "", "", "").map_err(|long| long.field), Err("name"));
    assert!(note(&"い".repeat(1_000)).is_ok() && note(&"い".repeat(1_001)).is_err());
}

#[test]
fn the_record_says_who_called_what_was_confirmed_and_how_it_ended() {
    let desk = Desk::new(Truth3::Unknown);
    let first = desk.after([began("display-scale"), Event::Said]);
    desk.truth.set(Truth3::True);
    let call = [
        Event::Said,
        Event::Skipped,
        Event::Noted {
            text: "次回は午後".into(),
        },
        Event::Ordered {
            job: JobId::new(Time(0), [3; 10]),
            remedy: "refresh-facts".into(),
        },
        closed(Outcome::Fixed, ""),
    ]
    .into_iter()
    .fold(first, |call, event| desk.on(&call, event).expect("taken"));
    let jobs = [JobLine {
        title: Words::new("最新の情報を取得", "Refresh facts"),
        state: Words::new("取消", "cancelled"),
        ended: Some((
            Words::new("取り消されました。", "It was cancelled."),
            "E-JOB-06".to_owned(),
        )),
    }];
    let clock = |_: Time| Words::new("14:05", "14:05");
    let about = About {
        facility: Some("みどり内科"),
        hostname: Some("UKETSUKE-01"),
        jobs: &jobs,
        when: &clock,
        clock: &clock,
    };
    let record = draft(&call, &desk.book, &about);
    for said in [
        "田中様（受付）",
        "みどり内科",
        "UKETSUKE-01",
        "確認できない",
        "1. ディスプレイ設定を開く【聴取】",
        "2. 100%にする【自動確認】",
        "【未確認】",
        "最新の情報を取得（14:05、取消）",
        "取り消されました。（E-JOB-06）",
        "次回は午後",
        "対応を完了いたしました",
    ] {
        assert!(record.ja.contains(said), "{said} is missing in\n{}", record.ja);
    }
    assert!(record.en.contains("[heard from the caller]") && record.en.contains("in order"));
}

#[test]
fn every_procedure_is_one_that_rules_name_or_that_is_offered_by_itself() {
    let book = book();
    let pack = crate::rule::RulePack::built_in(&Profile::built_in()).expect("sound");
    for procedure in book.all() {
        assert!(pack.procedures().iter().any(|known| known.slug == procedure.slug));
        for step in &procedure.steps {
            let hint = step.hint.iter().chain(step.branches.iter().map(|branch| &branch.sees));
            for words in [&procedure.about, &step.title, &step.say].into_iter().chain(hint) {
                assert!(!words.ja.contains('$') && !words.en.contains('$'), "{words:?}");
            }
            assert!(step.say.ja.chars().count() <= 160, "{}/{}", procedure.slug, step.id);
        }
    }
    for rule in pack.rules() {
        let guided = rule.procedure.as_ref().map(|named| book.find(&named.slug).is_some());
        assert_ne!(
            guided,
            Some(false),
            "{}: its procedure is a title without steps",
            rule.id
        );
        assert!(
            rule.remedy.is_some() || guided == Some(true),
            "{}: nothing helps",
            rule.id
        );
        if let Some(remedy @ Remedy::Guided(_)) = rule.remedy {
            let proves = rule.all_evidence().any(|fact| remedy.about().facts.contains(&fact));
            assert!(proves, "{}: {} would not see it put right", rule.id, remedy.name());
        }
    }
    for known in pack.procedures() {
        assert!(book.find(&known.slug).is_some(), "{} is only a title", known.slug);
    }
}

#[test]
fn procedures_that_lead_nowhere_or_name_what_is_not_there_are_refused() {
    let head = r#"{"manuals": {"m": {"ja": "本", "en": "book"}}, "procedures": {"p": {"ja": "手", "en": "p"}}}"#;
    let read = |slug: &str, steps: &str| {
        let area = format!(
            r#"{{"procedures": [{{"slug": "{slug}", "about": {{"ja": "あ", "en": "a"}}, "minutes": 1, "steps": [{steps}]}}]}}"#
        );
        Procedures::read(head, &[&area], &Profile::built_in()).map_err(|bad| bad.to_string())
    };
    let step = |id: &str, more: &str| {
        format!(r#"{{"id": "{id}", "title": {{"ja": "あ", "en": "a"}}, "say": {{"ja": "あ", "en": "a"}}{more}}}"#)
    };
    assert!(read("p", &step("a", "")).is_ok());
    assert!(read("p", &step("a", r#", "remedy": {"id": "proxy-repair"}"#)).is_ok());
    for (slug, steps, why) in [
        ("q", step("a", ""), "E-CALL-03"),
        ("p", String::new(), "E-CALL-03"),
        ("p", [step("a", ""), step("a", "")].join(","), "stands twice"),
        ("p", step("a", r#", "next": "b""#), "not there"),
        ("p", step("a", r#", "next": "a""#), "no end"),
        (
            "p",
            [step("a", r#", "next": "c""#), step("b", ""), step("c", "")].join(","),
            "nothing leads",
        ),
        ("p", step("a", r#", "done": "no.such.fact:yes""#), "E-CALL-02"),
        ("p", step("a", r#", "done": "os.build:$no.such""#), "after a $"),
        ("p", step("a", r#", "remedy": {"id": "shell"}"#), "no such remedy"),
        (
            "p",
            step("a", r#", "cite": {"manual": "x", "section": {"ja": "あ", "en": "a"}}"#),
            "no such manual",
        ),
        (
            "p",
            step("a", r#", "branches": [{"sees": {"ja": "あ", "en": "a"}}]"#),
            "not there",
        ),
        ("p", step("a", r#", "script": "x""#), "E-CALL-01"),
    ] {
        let refused = read(slug, &steps).expect_err(why);
        assert!(refused.contains(why), "{refused} has no {why}");
    }
}

#[test]
fn no_two_terminals_have_the_same_live_code() {
    let mut codes = Codes::default();
    let mut live = std::collections::BTreeSet::new();
    for n in 0..200 {
        // Everybody looks in the same place.
        let code = codes.ask(terminal(n), NOW, 4712).expect("one is free");
        assert!(live.insert(code.text()));
        assert_eq!(
            codes.ask(terminal(n), NOW + Span::minutes(4), 7),
            Some(code),
            "still the same"
        );
    }
    assert!(live.contains("4712"));
    assert_eq!(
        codes.whose(4712, NOW + CODE_LIFE),
        Some(terminal(0)),
        "read out as it changes"
    );
    assert_eq!(codes.whose(4712, NOW + CODE_LIFE + Span::minutes(2)), None);
    let next = codes.ask(terminal(0), NOW + CODE_LIFE, 4712).expect("a new one");
    assert_ne!(next.text(), "4712", "nobody has it again while it is still understood");
}

#[test]
fn a_code_is_read_however_it_is_typed() {
    for (typed, code) in [
        ("4712", Some(4712)),
        ("０００７", Some(7)),
        (" 47 12 ", Some(4712)),
        ("47-12", Some(4712)),
        ("471", None),
        ("47123", None),
        ("47a2", None),
    ] {
        assert_eq!(read_code(typed), code, "{typed:?}");
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let outcome = prop::sample::select(Outcome::ALL.to_vec());
    let slug = prop::sample::select(vec!["restart", "display-scale", "distribution-refresh", "none"]);
    prop_oneof![
        1 => slug.prop_map(began),
        5 => Just(Event::Said),
        2 => Just(Event::Skipped),
        1 => Just(Event::TookBack),
        1 => Just(over("")),
        1 => Just(over("r")),
        3 => (0usize..4).prop_map(|branch| Event::Saw { branch }),
        1 => Just(Event::SteppedBack),
        1 => Just(Event::Stopped),
        1 => Just(Event::Noted { text: "n".into() }),
        1 => Just(Event::CallBack(Condition::Online)),
        1 => Just(Event::CallBack(Condition::Restarted { before: None })),
        1 => Just(Event::CameDue),
        1 => Just(Event::Resumed),
        1 => Just(Event::TakenOver),
        1 => outcome.prop_map(|outcome| closed(outcome, "")),
    ]
}

proptest! {
    /// Whatever happens in whatever order: a contradicted step is never passed without a reason, and a closed call has an
    /// outcome and changes no more.
    #[test]
    fn no_order_of_events_gets_past_a_contradiction_or_closes_without_an_outcome(
        events in prop::collection::vec((any_event(), 0u8..3, any::<bool>()), 1..60)
    ) {
        let desk = Desk::new(Truth3::Unknown);
        let mut at = call();
        for (event, truth, online) in events {
            desk.truth.set([Truth3::False, Truth3::Unknown, Truth3::True][usize::from(truth)]);
            desk.seen.set(Seen { online, ..Seen::default() });
            let blocked = desk.truth.get() == Truth3::False
                && at.step(&desk.book).is_some_and(|step| step.done.is_some());
            let closed = at.is_closed();
            let trail = |call: &Call| call.runs.iter().map(|run| run.trail.len()).sum::<usize>();
            match desk.on(&at, event) {
                Err(refused) => prop_assert!(!closed || refused == Refused::Closed),
                Ok(next) => {
                    prop_assert!(!closed);
                    prop_assert_eq!(next.version, at.version + 1);
                    prop_assert_eq!(next.is_closed(), next.outcome().is_some());
                    if blocked && trail(&next) > trail(&at) {
                        let last = next.runs.last().and_then(|run| run.trail.last());
                        let how = last.map(|passed| passed.how.name());
                        prop_assert!(matches!(how, Some("overridden" | "saw")), "{:?}", how);
                    }
                    let text = serde_json::to_string(&next).expect("it is kept");
                    prop_assert_eq!(serde_json::from_str::<Call>(&text).expect("it reads back"), next.clone());
                    at = next;
                }
            }
        }
    }
}
