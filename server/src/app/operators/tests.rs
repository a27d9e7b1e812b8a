use std::sync::Arc;

use kaishin_domain::access::Actor;
use kaishin_domain::time::{Span, Time};
use kaishin_proto::clock::Clock;

use super::*;
use crate::app::{App, Kind, audit};
use crate::config::Config;

const START: Time = Time(1_800_000_000_000_000);
const HERE: [u8; 4] = [192, 0, 2, 1];

struct Place {
    cx: Cx,
    clock: Clock,
    _directory: tempfile::TempDir,
}

impl Place {
    async fn open() -> Place {
        let directory = tempfile::tempdir().expect("a directory");
        let clock = Clock::manual(START);
        let config = Config {
            data: directory.path().to_owned(),
            ..Config::default()
        };
        let app = crate::open_app(&config, clock.clone()).await.expect("it opens");
        Place {
            cx: app.on_behalf_of(Actor::local("root")),
            clock,
            _directory: directory,
        }
    }

    fn app(&self) -> &Arc<App> {
        &self.cx.app
    }

    async fn person(&self, name: &str, role: Role) -> String {
        let new = NewOperator {
            name: name.into(),
            display_name: String::new(),
            role,
            password: None,
            language: "ja".into(),
        };
        create(&self.cx, new).await.expect("created").1
    }

    async fn sign_in(&self, name: &str, password: &str) -> Result<SignedIn, AppError> {
        sign_in(self.app(), name, password, HERE.into()).await
    }

    async fn is_signed_in(&self, cookie: &str) -> bool {
        session(self.app(), cookie).await.expect("looked up").is_some()
    }

    async fn actions(&self) -> Vec<String> {
        let entries = audit::recent(&self.cx, &audit::Filter::default(), None, 100).await;
        let entries = entries.expect("the log");
        entries.into_iter().rev().map(|entry| entry.action).collect()
    }
}

#[test]
fn names_are_short_and_plain() {
    for good in ["sato", "s.tanaka-2", "ab"] {
        assert!(is_name(good), "{good}");
    }
    for bad in ["a", "Sato", "佐藤", "a b", "a/b", &"a".repeat(33)] {
        assert!(!is_name(bad), "{bad}");
    }
}

#[test]
fn a_person_is_never_an_api() {
    let refused = check_role(Role::Api).expect_err("refused");
    assert_eq!(refused.code, "E-OPERATOR-04");
    assert!(check_role(Role::Desk).is_ok());
}

#[tokio::test]
async fn who_signs_in_stays_so_while_working_and_all_of_it_is_in_the_log() {
    let place = Place::open().await;
    let password = place.person("sato", Role::Desk).await;
    let refused = place.sign_in("sato", "not the password").await.err().expect("refused");
    assert_eq!((refused.code, refused.kind), ("E-ACCESS-01", Kind::Unknown));
    let nobody = place.sign_in("nobody", &password).await.err().expect("refused");
    assert_eq!(nobody.words, refused.words);

    let signed_in = place.sign_in("sato", &password).await.expect("signed in");
    assert_eq!(signed_in.actor.name, "sato");
    for _ in 0..4 {
        place.clock.advance(Span::minutes(14));
        assert!(place.is_signed_in(&signed_in.cookie).await);
    }
    place.clock.advance(Span::minutes(15));
    assert!(!place.is_signed_in(&signed_in.cookie).await);

    let again = place.sign_in("sato", &password).await.expect("signed in");
    sign_out(place.app(), &again.cookie).await.expect("signed out");
    assert!(!place.is_signed_in(&again.cookie).await);
    assert_eq!(
        place.actions().await,
        [
            "operator.create",
            "operator.sign-in-refused",
            "operator.sign-in-refused",
            "operator.sign-in",
            "operator.sign-in",
            "operator.sign-out"
        ]
    );
    assert_eq!(audit::verify(&place.cx, None).await.expect("whole").entries, 6);
}

#[tokio::test]
async fn a_working_day_ends_after_eight_hours_however_busy() {
    let place = Place::open().await;
    let password = place.person("sato", Role::Desk).await;
    let signed_in = place.sign_in("sato", &password).await.expect("signed in");
    for _ in 0..47 {
        place.clock.advance(Span::minutes(10));
        assert!(place.is_signed_in(&signed_in.cookie).await);
    }
    place.clock.advance(Span::minutes(10));
    assert!(!place.is_signed_in(&signed_in.cookie).await);
}

#[tokio::test]
async fn a_new_password_or_a_closed_account_ends_what_was_open() {
    let place = Place::open().await;
    let first = place.person("sato", Role::Desk).await;
    let before = place.sign_in("sato", &first).await.expect("signed in");
    let second = set_password(&place.cx, "sato", None).await.expect("set");
    assert!(!place.is_signed_in(&before.cookie).await);
    assert!(place.sign_in("sato", &first).await.is_err());

    let after = place.sign_in("sato", &second).await.expect("signed in");
    set_role(&place.cx, "sato", Role::Viewer).await.expect("set");
    let (actor, _) = session(place.app(), &after.cookie).await.expect("read").expect("there");
    assert_eq!(actor.role, Role::Viewer);
    disable(&place.cx, "sato").await.expect("disabled");
    assert!(!place.is_signed_in(&after.cookie).await);
    let refused = place.sign_in("sato", &second).await.err().expect("refused");
    assert_eq!(refused.code, "E-ACCESS-01");
    enable(&place.cx, "sato").await.expect("enabled");
    assert!(place.sign_in("sato", &second).await.is_ok());
}

#[tokio::test]
async fn who_guesses_must_wait_and_is_told_how_long() {
    let place = Place::open().await;
    let password = place.person("sato", Role::Desk).await;
    for _ in 0..5 {
        let refused = place.sign_in("sato", "a guess at it").await.err().expect("refused");
        assert_eq!(refused.code, "E-ACCESS-01");
    }
    let refused = place.sign_in("sato", &password).await.err().expect("refused");
    assert_eq!((refused.code, refused.kind), ("E-ACCESS-03", Kind::TooMany));
    let wait = refused.detail["retry_after_seconds"].as_i64().expect("a number");
    place.clock.advance(Span::seconds(wait));
    assert!(place.sign_in("sato", &password).await.is_ok());
}

#[tokio::test]
async fn a_program_is_known_by_its_token_until_that_ends() {
    let place = Place::open().await;
    let cx = &place.cx;
    let (token, shown) = create_api_token(cx, "monitor", Role::Viewer, Span::days(1))
        .await
        .expect("made");
    let actor = bearer(place.app(), &shown).await.expect("read").expect("known");
    assert_eq!((actor.name.as_str(), actor.role), ("api:monitor", Role::Viewer));
    assert_eq!(bearer(place.app(), "ka_other").await.expect("read"), None);

    revoke_api_token(cx, token.id, "no longer used").await.expect("revoked");
    assert_eq!(bearer(place.app(), &shown).await.expect("read"), None);
    let again = revoke_api_token(cx, token.id, "no longer used")
        .await
        .expect_err("refused");
    assert_eq!(again.code, "E-API-TOKEN-02");

    let (_, short) = create_api_token(cx, "monitor", Role::Api, Span::hours(1))
        .await
        .expect("made");
    place.clock.advance(Span::hours(1));
    assert_eq!(bearer(place.app(), &short).await.expect("read"), None);
    let long = create_api_token(cx, "monitor", Role::Api, Span::days(400))
        .await
        .expect_err("refused");
    assert_eq!(long.code, "E-API-TOKEN-01");
}

#[tokio::test]
async fn only_who_manages_operators_does_and_a_refusal_writes_nothing() {
    let place = Place::open().await;
    let password = place.person("sato", Role::Approver).await;
    let signed_in = place.sign_in("sato", &password).await.expect("signed in");
    let entries = place.actions().await;
    let cx = place.app().on_behalf_of(signed_in.actor);
    let made = create_api_token(&cx, "mine", Role::Api, Span::days(1)).await;
    assert_eq!(made.err().map(|error| error.code), Some("E-ACCESS-02"));
    let promoted = set_role(&cx, "sato", Role::Admin).await;
    assert_eq!(promoted.err().map(|error| error.code), Some("E-ACCESS-02"));
    assert_eq!(place.actions().await, entries);
}
