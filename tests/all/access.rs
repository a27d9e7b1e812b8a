//! Every route with every role, over real HTTP, against one table that people read: `tests/golden/access.txt`. A new route
//! fails here until the table names it; `KAISHIN_GOLDEN=write` writes the table anew.

use std::fmt::Write;
use std::path::Path;

use http::Method;
use kaishin::app::operators::{self, NewOperator};
use kaishin::http::{Needs, Route, route_table};
use kaishin_domain::access::{Role, Scope, allows};
use kaishin_domain::id::TerminalId;
use kaishin_tests::harness::Harness;
use kaishin_tests::http::Http;
use kaishin_tests::line::Terminal;

const PASSWORD: &str = "Mimawari-2026-Kaishin";
const NOWHERE: &str = "019a0000-0000-7000-8000-000000000000";

/// Somebody as programs and as browsers show who they are.
struct Caller {
    role: Role,
    bearer: String,
    /// Programs have no cookie.
    cookie: Option<String>,
}

async fn caller(harness: &Harness, role: Role) -> Caller {
    let bearer = harness.bearer(role).await;
    let new = NewOperator {
        name: role.name().into(),
        display_name: role.name().into(),
        role,
        password: Some(PASSWORD.into()),
        language: "ja".into(),
    };
    let cookie = match operators::create(&harness.local(), new).await {
        Err(_) => None,
        Ok(_) => {
            let peer = std::net::Ipv4Addr::LOCALHOST.into();
            let signed_in = operators::sign_in(&harness.handle().app, role.name(), PASSWORD, peer).await;
            Some(signed_in.expect("a sign-in").cookie)
        }
    };
    Caller { role, bearer, cookie }
}

fn is_api(route: &Route) -> bool {
    route.path.starts_with("/api/")
}

fn client(harness: &Harness) -> Http {
    Http::new(harness.handle().http_addr)
}

fn from_our_pages(harness: &Harness) -> Http {
    client(harness).with_header("sec-fetch-site", "same-origin")
}

fn signed_in(http: Http, cookie: &str) -> Http {
    http.with_header("cookie", &format!("__Host-kaishin={cookie}"))
}

fn path(route: &Route, job: &str) -> String {
    let query = if route.path.ends_with("/jobs/new") || route.path.ends_with("/jobs/dry-run") {
        "?remedy=fast-startup-off"
    } else {
        ""
    };
    // Whether somebody may touch a job is asked of its terminal, so there has to be one.
    let id = if route.path.contains("/jobs/{id}") {
        job
    } else {
        NOWHERE
    };
    route
        .path
        .replace("{id}", id)
        .replace("{code10}", "0110113719")
        .replace("{hash}", "0")
        .replace("{*name}", "no")
        + query
}

/// What a well-meaning caller would send, so that nothing but the gate refuses it.
fn body(route: &Route) -> Option<(&'static str, String)> {
    if route.method == "GET" {
        return None;
    }
    let json = |text: &str| Some(("application/json", text.to_owned()));
    let form = |text: &str| Some(("application/x-www-form-urlencoded", text.to_owned()));
    match (is_api(route), route.path) {
        (true, path) if path.ends_with("/jobs") => json(r#"{"remedy":"fast-startup-off","reason":"access"}"#),
        (true, path) if path.ends_with("/jobs/bulk") => json(r#"{"remedy":"refresh-facts","terminals":[]}"#),
        (true, path) if path.ends_with("/import") => Some(("text/csv", "code,name\n".to_owned())),
        (true, path) if path.ends_with("/consent") => json(r#"{"code":"0000"}"#),
        (true, path) if path.ends_with("/rename") => json(r#"{"to":"0110113727","reason":"access"}"#),
        (true, path) if path.ends_with("/tokens") => json(r#"{"label":"access"}"#),
        (true, _) => json(r#"{"reason":"access"}"#),
        (false, "/sign-in") => form(&format!("name=viewer&password={PASSWORD}")),
        (false, "/calls") => form("concern=access"),
        (false, "/calls/{id}") => form("event=said"),
        (false, path) if path.ends_with("/consent") => form("code=0000"),
        (false, path) if path.ends_with("/jobs") => form("remedy=fast-startup-off"),
        (false, path) if path.ends_with("/tokens") => form("kind=one&uses=1&hours=1&note=access"),
        (false, path) if path.ends_with("/edit") => form("revision=1&reason=access"),
        (false, path) if path.ends_with("/rename") => form("to=0110113727&reason=access"),
        (false, path) if path.ends_with("/attach") => form("terminal=access&reason=access"),
        (false, _) => form("reason=access"),
    }
}

/// What the gate said: what comes behind it (nothing there, not in this state) is no matter here.
async fn verdict(http: &Http, route: &Route, job: &str) -> &'static str {
    let method = Method::from_bytes(route.method.as_bytes()).expect("a method");
    // Not to the end of the answer: live events have none.
    let answer = http.open(method, &path(route, job), body(route)).await;
    let to = answer.headers().get("location").and_then(|to| to.to_str().ok());
    let sent_to_sign_in = to.is_some_and(|to| to == "/sign-in" || to.starts_with("/sign-in?next="));
    match answer.status().as_u16() {
        401 => "sign-in",
        _ if sent_to_sign_in => "sign-in",
        403 => "no",
        status @ (500 | 502 | 503) => panic!("{status} from {} {}", route.method, route.path),
        _ => "yes",
    }
}

async fn row(harness: &Harness, callers: &[Caller], route: &Route, job: &str) -> String {
    let stranger = if is_api(route) {
        client(harness)
    } else {
        from_our_pages(harness)
    };
    let mut row = format!(
        "{:<5} {:<42} {:<8}",
        route.method,
        route.path,
        verdict(&stranger, route, job).await
    );
    for caller in callers {
        let said = if is_api(route) {
            Some(verdict(&client(harness).with_bearer(&caller.bearer), route, job).await)
        } else if let Some(cookie) = &caller.cookie {
            Some(verdict(&signed_in(from_our_pages(harness), cookie), route, job).await)
        } else {
            None
        };
        if let Some(said) = said {
            let may = match route.needs {
                Needs::Nothing | Needs::SignIn => true,
                Needs::Permission(permission) => allows(caller.role, permission, Scope::Fleet),
            };
            let what = format!("{} {} for {}: {:?}", route.method, route.path, caller.role, route.needs);
            assert_eq!(said == "yes", may, "{what}, but the route says {said}");
        }
        write!(row, " {:<8}", said.unwrap_or("-")).expect("a string takes text");
    }
    row.trim_end().to_owned()
}

/// Signing out comes last: it ends what the others need.
fn routes() -> Vec<Route> {
    let mut routes = route_table();
    routes.sort_by_key(|route| (route.path == "/sign-out", route.path, route.method));
    routes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_opens_to_the_roles_in_the_table_and_to_nobody_else() {
    let harness = Harness::start().await;
    let mut callers = Vec::new();
    for role in Role::ALL {
        callers.push(caller(&harness, role).await);
    }
    let terminal = Terminal::enrolled(harness.agents(), "uketsuke-1", &harness.token(1).await).await;
    let job = harness.order(terminal.id(), "refresh-facts").await;
    let mut table = format!("{:<48} {:<8}", "route", "nobody");
    for caller in &callers {
        write!(table, " {:<8}", caller.role.name()).expect("a string takes text");
    }
    table = format!("{}\n", table.trim_end());
    for route in routes() {
        table += &row(&harness, &callers, &route, &job).await;
        table += "\n";
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/access.txt");
    if std::env::var("KAISHIN_GOLDEN").is_ok_and(|value| value == "write") {
        std::fs::write(&golden, &table).expect("the table is kept");
    }
    let agreed = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(
        table == agreed,
        "not what {} says; it is now:\n{table}",
        golden.display()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cookie_opens_no_api_and_a_bearer_token_no_page() {
    let harness = Harness::start().await;
    let admin = caller(&harness, Role::Admin).await;
    let cookie = admin.cookie.as_deref().expect("a cookie");
    for route in routes() {
        if route.needs == Needs::Nothing {
            continue;
        }
        let http = if is_api(&route) {
            signed_in(from_our_pages(&harness), cookie)
        } else {
            from_our_pages(&harness).with_bearer(&admin.bearer)
        };
        assert_eq!(
            verdict(&http, &route, NOWHERE).await,
            "sign-in",
            "{} {}",
            route.method,
            route.path
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_site_makes_a_browser_change_anything() {
    let harness = Harness::start().await;
    let admin = caller(&harness, Role::Admin).await;
    let cookie = admin.cookie.as_deref().expect("a cookie");
    let changing = routes();
    let changing = changing.iter().filter(|route| route.method != "GET" && !is_api(route));
    for route in changing {
        let other_site = client(&harness).with_header("sec-fetch-site", "cross-site");
        let said = verdict(&signed_in(other_site, cookie), route, NOWHERE).await;
        assert_eq!(said, "no", "{} {}", route.method, route.path);
        // An old browser that says nothing about where it comes from.
        let said = verdict(&signed_in(client(&harness), cookie), route, NOWHERE).await;
        assert_eq!(said, "no", "{} {}", route.method, route.path);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_spelling_of_a_path_opens_nothing_that_the_path_does_not() {
    let harness = Harness::start().await;
    let viewer = harness.bearer(Role::Viewer).await;
    let refused = |status: u16| matches!(status, 400 | 401 | 403 | 404);
    for plain in ["/api/v1/overview", "/api/v1/audit", "/terminals"] {
        let spellings = [
            plain.to_owned(),
            format!("/{plain}"),
            format!("{plain}/"),
            format!("/.{plain}"),
            format!("/static/..{plain}"),
            format!("/%2e{plain}"),
            format!("{plain}%00"),
            format!("{plain};x"),
            plain.to_uppercase(),
            plain.replacen("/v1/", "/v1%2f", 1).replacen("/term", "%2fterm", 1),
        ];
        for spelling in spellings.iter().filter(|spelling| spelling.starts_with('/')) {
            let answer = client(&harness).get(spelling).await;
            let to_sign_in = answer.status.as_u16() == 303 && answer.header("location").starts_with("/sign-in?next=");
            assert!(
                refused(answer.status.as_u16()) || to_sign_in,
                "{spelling}: {}",
                answer.status
            );
            if plain == "/api/v1/audit" {
                let answer = client(&harness).with_bearer(&viewer).get(spelling).await;
                assert!(refused(answer.status.as_u16()), "{spelling}: {}", answer.status);
            }
        }
    }
}

#[test]
fn the_id_of_nothing_is_an_id() {
    assert!(NOWHERE.parse::<TerminalId>().is_ok());
}
