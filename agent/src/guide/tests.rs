//! On the real socket, as a browser and as those who are no browser.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use kaishin_proto::remedy::Procedure;
use kaishin_proto::time::Span;
use tokio::sync::mpsc;

use super::*;
use crate::os::sim::{Behaviour, PageOpened, Person, Sim};

fn job(n: u8) -> JobId {
    JobId::new(Time(1_800_000_000_000_000), [n; 10])
}

fn question(clock: &Clock) -> Question {
    Question {
        job: job(1),
        remedy: Remedy::ActiveHours { start: 7, end: 19 },
        failures: 0,
        codes: true,
        until: clock.now() + Span::minutes(5),
    }
}

/// A terminal whose person does this at once; what is opened there is told.
fn terminal(behaviour: Behaviour) -> (Guide, Clock, Arc<Sim>, mpsc::UnboundedReceiver<PageOpened>) {
    let clock = Clock::manual(Time(1_800_000_000_000_000));
    let sim = Arc::new(Sim::new(1, 1, clock.clone()));
    let (tells, told) = mpsc::unbounded_channel();
    sim.person(Person {
        behaviour,
        thinks: Span(0),
        tells: Some(tells),
    });
    let os: Arc<dyn Os> = Arc::clone(&sim) as Arc<dyn Os>;
    (Guide::new(os, clock.clone()), clock, sim, told)
}

/// One request as it is typed here, and the whole answer.
async fn raw(to: SocketAddr, request: String) -> std::io::Result<String> {
    tokio::task::spawn_blocking(move || {
        let mut line = TcpStream::connect_timeout(&to, Duration::from_secs(5))?;
        line.set_read_timeout(Some(Duration::from_secs(5)))?;
        line.write_all(request.as_bytes())?;
        let mut answer = String::new();
        line.read_to_string(&mut answer)?;
        Ok(answer)
    })
    .await
    .unwrap()
}

/// A page that is being shown, and somebody who knows its address.
struct Knocking {
    addr: SocketAddr,
    host: String,
    secret: String,
    cookie: String,
}

impl Knocking {
    fn at(link: &str) -> Knocking {
        let rest = link.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        Knocking {
            addr: host.parse().unwrap(),
            host: host.to_owned(),
            secret: path.strip_prefix("open/").unwrap().to_owned(),
            cookie: String::new(),
        }
    }

    async fn says(&self, line: &str, headers: &str, body: &str) -> String {
        let (host, cookie, length) = (&self.host, &self.cookie, body.len());
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        raw(self.addr, request).await.unwrap()
    }

    async fn gets(&self, path: &str) -> String {
        self.says(&format!("GET {path}"), "", "").await
    }

    async fn posts(&self, form: &str) -> String {
        let origin = format!("Origin: http://{}\r\n", self.host);
        self.says("POST /answer", &origin, form).await
    }

    async fn let_in(mut self) -> Knocking {
        let answer = self.gets(&format!("/open/{}", self.secret)).await;
        assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
        let cookie = answer
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "))
            .unwrap();
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
        self.cookie = cookie.split(';').next().unwrap().to_owned();
        self
    }
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("none")
}

#[tokio::test]
async fn what_people_do_with_the_page_is_the_answer() {
    for (behaviour, wanted) in [
        (Behaviour::Yes, Answer::Yes { how: How::Button }),
        (
            Behaviour::No,
            Answer::No {
                reason: "頼んだ覚えがない / nobody here asked for this".into(),
            },
        ),
        (
            Behaviour::Later,
            Answer::Later {
                reason: "患者さんの対応中 / serving a patient".into(),
                after_hours: false,
            },
        ),
    ] {
        let (guide, clock, _, _) = terminal(behaviour);
        assert_eq!(guide.ask(question(&clock)).await, wanted);
    }
}

#[tokio::test]
async fn where_nobody_is_signed_in_nobody_is_asked() {
    let (guide, clock, sim, _) = terminal(Behaviour::Yes);
    for user in sim.users().unwrap() {
        sim.sign_out(&user.sid);
    }
    assert!(matches!(guide.ask(question(&clock)).await, Answer::NobodyHere { .. }));
    assert!(guide.lock().is_none(), "nothing stays open");
}

#[tokio::test]
async fn a_question_that_nobody_answers_ends_at_its_time() {
    let (guide, clock, _, mut told) = terminal(Behaviour::Nothing);
    let asking = tokio::spawn({
        let (guide, question) = (guide.clone(), question(&clock));
        async move { guide.ask(question).await }
    });
    let person = Knocking::at(&told.recv().await.unwrap().link).let_in().await;
    clock.advance(Span::minutes(6));
    assert_eq!(asking.await.unwrap(), Answer::NoAnswer);
    let page = person.gets("/").await;
    assert!(page.contains("時間になったので") && !page.contains("<form"), "{page}");
    assert_eq!(guide.try_code(job(1), "0000"), None);
}

#[tokio::test]
async fn the_code_that_is_shown_says_yes_and_no_other_does() {
    let (guide, clock, _, mut told) = terminal(Behaviour::Nothing);
    assert_eq!(guide.try_code(job(1), "0000"), None);
    let asking = tokio::spawn({
        let (guide, question) = (guide.clone(), question(&clock));
        async move { guide.ask(question).await }
    });
    let person = Knocking::at(&told.recv().await.unwrap().link).let_in().await;
    let page = person.gets("/").await;
    let (_, rest) = page.split_once("id=\"code\">").unwrap();
    let code = &rest[..4];
    let wrong = if code == "0000" { "0001" } else { "0000" };
    for (typed, right) in [
        (wrong, Some(false)),
        ("", Some(false)),
        (code, Some(true)),
        (code, None),
    ] {
        assert_eq!(guide.try_code(job(1), typed), right, "{typed}");
        assert_eq!(guide.try_code(job(2), typed), None, "another job's");
    }
    assert_eq!(asking.await.unwrap(), Answer::Yes { how: How::Code });
    assert!(!person.gets("/").await.contains(code), "it is shown no longer");
}

#[tokio::test]
async fn where_codes_are_used_up_none_is_shown() {
    let (guide, clock, _, mut told) = terminal(Behaviour::Nothing);
    let mut question = question(&clock);
    question.codes = false;
    question.failures = 2;
    let asking = tokio::spawn({
        let guide = guide.clone();
        async move { guide.ask(question).await }
    });
    let person = Knocking::at(&told.recv().await.unwrap().link).let_in().await;
    let page = person.gets("/").await;
    assert!(!page.contains("id=\"code\"") && page.contains("続けて2回"), "{page}");
    assert_eq!(guide.try_code(job(1), ""), Some(false));
    assert_eq!(status(&person.posts("answer=yes").await), "303");
    assert_eq!(asking.await.unwrap(), Answer::Yes { how: How::Button });
}

#[tokio::test]
async fn a_question_that_is_taken_back_says_so_and_hears_nothing() {
    let (guide, clock, _, mut told) = terminal(Behaviour::Nothing);
    let asking = tokio::spawn({
        let (guide, question) = (guide.clone(), question(&clock));
        async move { guide.ask(question).await }
    });
    let person = Knocking::at(&told.recv().await.unwrap().link).let_in().await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    assert_eq!(status(&person.posts("answer=yes").await), "303");
    assert!(person.gets("/").await.contains("取り消されました"));
    assert!(person.gets("/en").await.contains("taken back"));
}

#[tokio::test]
async fn after_a_yes_the_steps_are_ticked_and_the_end_is_told() {
    let (guide, clock, _, mut told) = terminal(Behaviour::Nothing);
    let remedy = question(&clock).remedy;
    let steps = |state| {
        let about = remedy.about().steps.iter();
        about.map(|step| (*step, state, "<b>1 -> 0</b>".to_owned())).collect()
    };
    let progress = |state, ended| Progress {
        job: job(1),
        remedy,
        steps: steps(state),
        ended,
    };
    let asking = tokio::spawn({
        let (guide, question) = (guide.clone(), question(&clock));
        async move { guide.ask(question).await }
    });
    let person = Knocking::at(&told.recv().await.unwrap().link).let_in().await;
    // Before the answer nothing is done, whatever is said of it.
    guide.show(progress(StepState::Done, None));
    assert!(person.gets("/").await.contains("行ってもよいですか"));
    person.posts("answer=yes").await;
    assert_eq!(asking.await.unwrap(), Answer::Yes { how: How::Button });
    guide.show(progress(StepState::Waiting, None));
    let page = person.gets("/state").await;
    assert!(
        page.contains("class=\"waiting\"") && page.contains("&lt;b&gt;1 -&gt; 0&lt;/b&gt;"),
        "{page}"
    );
    let ended = Words::new("確かめました。", "It was seen to hold.");
    guide.show(progress(StepState::Done, Some((true, ended))));
    let page = person.gets("/en").await;
    assert!(
        page.contains("class=\"done\"") && page.contains("It was seen to hold."),
        "{page}"
    );
    // And some time later nobody listens any more.
    clock.advance(Span::minutes(3));
    while raw(person.addr, "GET / HTTP/1.1\r\n\r\n".to_owned()).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_step_is_ticked_by_hand_only_in_its_turn_and_only_where_nothing_else_can_tell() {
    let (guide, _, _, mut told) = terminal(Behaviour::Nothing);
    let remedy = Remedy::Guided(Procedure::ShareRepair);
    let progress = |states: [StepState; 3]| Progress {
        job: job(1),
        remedy,
        steps: remedy
            .about()
            .steps
            .iter()
            .zip(states)
            .map(|(step, state)| (*step, state, String::new()))
            .collect(),
        ended: None,
    };
    // Nobody was asked by this start of the agent: the page comes by itself.
    guide.show(progress([StepState::Waiting, StepState::Open, StepState::Open]));
    let person = Knocking::at(&told.recv().await.unwrap().link).let_in().await;
    let page = person.gets("/").await;
    assert!(
        page.contains("id=\"tick-open-folder\"") && !page.contains("tick-share-folders"),
        "{page}"
    );
    for form in ["tick=share-folders", "tick=verify", "tick=", "answer=yes"] {
        assert_eq!(status(&person.posts(form).await), "303");
        assert_eq!(guide.told(job(1)), Told::default(), "{form}");
    }
    person.posts("tick=open-folder").await;
    assert_eq!(guide.told(job(1)).ticked, ["open-folder"]);
    assert!(!person.gets("/").await.contains("tick-open-folder"));
    guide.show(progress([StepState::Done, StepState::Waiting, StepState::Open]));
    let page = person.gets("/state").await;
    assert!(page.contains("class=\"done\" id=\"step-open-folder\""), "{page}");
    assert!(!page.contains("id=\"tick-"), "the fact tells: {page}");
    person.posts("answer=later&reason=doctor").await;
    let later = guide.told(job(1)).later;
    assert_eq!(later.as_deref(), Some("先生に確認が必要 / the doctor must be asked"));
    assert_eq!(guide.told(job(2)), Told::default());
}

#[tokio::test]
async fn whoever_is_not_the_browser_that_was_sent_for_is_turned_away() {
    let (guide, clock, _, mut told) = terminal(Behaviour::Nothing);
    let asking = tokio::spawn({
        let (guide, question) = (guide.clone(), question(&clock));
        async move { guide.ask(question).await }
    });
    let stranger = Knocking::at(&told.recv().await.unwrap().link);
    let (addr, host, secret) = (stranger.addr, stranger.host.clone(), stranger.secret.clone());
    assert_eq!(secret.len(), 64, "256 bits");
    // Only at this one address.
    let beside = SocketAddr::from(([127, 0, 0, 2], addr.port()));
    assert!(raw(beside, String::new()).await.is_err());
    // Before anything is known.
    for path in [
        "/",
        "/en",
        "/state",
        "/guide.css",
        "/guide.js",
        "/answer",
        "/open/",
        "/open/00",
        "/nothing",
    ] {
        assert_eq!(status(&stranger.gets(path).await), "403", "{path}");
    }
    assert_eq!(status(&stranger.posts("answer=yes").await), "403");
    assert_eq!(
        status(&stranger.says(&format!("POST /open/{secret}"), "", "").await),
        "405"
    );
    // The right secret under another name does not even use it up.
    let renamed = format!("GET /open/{secret} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&raw(addr, renamed).await.unwrap()), "403");

    let person = stranger.let_in().await;
    assert_eq!(status(&person.gets(&format!("/open/{secret}")).await), "403", "twice");
    for path in ["/", "/en", "/state", "/en/state", "/guide.css", "/guide.js"] {
        let answer = person.gets(path).await;
        assert_eq!(status(&answer), "200", "{path}");
        assert!(answer.contains("cache-control: no-store"), "{answer}");
        assert!(
            answer.contains("content-security-policy: default-src 'none'"),
            "{answer}"
        );
        assert!(!answer.contains("style=\"") && !answer.contains("onclick"), "{path}");
    }
    let cookie = &person.cookie;
    let asked = |host: &str, more: &str| {
        let body = "answer=yes";
        let head = format!("POST /answer HTTP/1.1\r\nCookie: {cookie}\r\nConnection: close\r\n");
        format!(
            "{head}Host: {host}\r\n{more}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let origin = format!("Origin: http://{host}\r\n");
    for (what, request, wanted) in [
        ("no origin", asked(&host, ""), "403"),
        ("another origin", asked(&host, "Origin: http://evil.example\r\n"), "403"),
        ("no origin by name", asked(&host, "Origin: null\r\n"), "403"),
        ("another port", asked(&host, "Origin: http://127.0.0.1:1\r\n"), "403"),
        ("two origins", asked(&host, &format!("{origin}{origin}")), "403"),
        ("another host", asked("evil.example", &origin), "403"),
        (
            "another spelling",
            asked(&host.replace("127.0.0.1", "localhost"), &origin),
            "403",
        ),
        ("two hosts", asked(&host, &format!("{origin}Host: {host}\r\n")), "403"),
    ] {
        assert_eq!(status(&raw(addr, request).await.unwrap()), wanted, "{what}");
    }
    assert_eq!(status(&person.gets("/answer?answer=yes").await), "405");
    for form in [
        "",
        "answer",
        "answer=perhaps",
        "answer=no",
        "answer=later&reason=%3Cb%3E",
    ] {
        assert_eq!(status(&person.posts(form).await), "400", "{form}");
    }
    assert_eq!(status(&person.posts(&"x".repeat(1_025)).await), "413");
    assert!(!asking.is_finished());
    assert_eq!(status(&person.posts("answer=yes").await), "303");
    assert_eq!(asking.await.unwrap(), Answer::Yes { how: How::Button });
}

#[tokio::test]
async fn the_link_is_kept_for_opening_by_hand_and_goes_with_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let keep = Keep::directory(folder.path()).unwrap();
    let clock = Clock::manual(Time(1_800_000_000_000_000));
    let os: Arc<dyn Os> = Arc::new(crate::os::linux::Linux::new(folder.path()));
    let guide = Guide::kept_in(os, clock.clone(), keep.clone());
    let asking = tokio::spawn({
        let (guide, question) = (guide.clone(), question(&clock));
        async move { guide.ask(question).await }
    });
    let first = loop {
        match keep.guide().unwrap() {
            Some(link) => break link,
            None => tokio::task::yield_now().await,
        }
    };
    let person = Knocking::at(&first).let_in().await;
    let second = keep.guide().unwrap().unwrap();
    assert_ne!(first, second, "each works once");
    let other = Knocking::at(&second).let_in().await;
    assert_eq!(status(&person.gets("/").await), "200", "both windows show it");
    assert_eq!(status(&other.posts("answer=yes").await), "303");
    assert_eq!(asking.await.unwrap(), Answer::Yes { how: How::Button });
    drop(guide);
    while keep.guide().unwrap().is_some() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_window_that_nobody_looks_at_any_more_is_opened_again_and_one_that_is_looked_at_is_not() {
    let (guide, clock, _sim, mut told) = terminal(Behaviour::Nothing);
    let question = Question {
        until: clock.now() + Span::hours(1),
        ..question(&clock)
    };
    let asking = tokio::spawn({
        let guide = guide.clone();
        async move { guide.ask(question).await }
    });
    let first = told.recv().await.unwrap();
    let window = Knocking::at(&first.link).let_in().await;
    for _ in 0..4 {
        clock.advance(Span::minutes(2));
        assert_eq!(status(&window.gets("/state").await), "200");
    }
    assert!(told.try_recv().is_err(), "it is looked at");
    for closed in 1..=3 {
        clock.advance(Span::minutes(3));
        let again = told.recv().await.expect("another window");
        assert_ne!(again.link, first.link);
        let window = Knocking::at(&again.link).let_in().await;
        assert_eq!(status(&window.gets("/").await), "200", "{closed}");
    }
    clock.advance(Span::minutes(20));
    tokio::task::yield_now().await;
    assert!(
        told.try_recv().is_err(),
        "who closes it again and again does not want it"
    );
    asking.abort();
}
