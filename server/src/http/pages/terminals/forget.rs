//! Before a filter that somebody keeps is removed, a page says what goes. Whoever comes from a list goes back to it as it was.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::super::{Page, Place, Shown, show};
use super::{Asked, Kept, State};
use crate::app::views::{self, SavedView};
use crate::http::api::id;
use crate::http::auth::Visitor;
use crate::http::failure::{Failure, Filled, Wished};

#[derive(Template)]
#[template(path = "view_forget.html")]
struct View {
    page: Page,
    /// What goes.
    view: SavedView,
    /// The list that somebody came from.
    state: State,
}

pub async fn ask(visitor: Visitor, Path(text): Path<String>, Wished(asked): Wished<Asked>) -> Shown {
    let (cx, page) = visitor.at(Place::Terminals);
    let view = views::to_change(&cx, id(&text)?).await?;
    let state = State {
        q: asked.q,
        sort: asked.sort.unwrap_or_default(),
        columns: asked.columns.unwrap_or_default(),
    };
    Ok(show(StatusCode::OK, &View { page, view, state }))
}

pub async fn forget(
    visitor: Visitor,
    Path(text): Path<String>,
    Filled(form): Filled<Kept>,
) -> Result<Response, Failure> {
    let (cx, _) = visitor.at(Place::Terminals);
    views::delete(&cx, id(&text)?).await?;
    let to = form.state().list(&[("done", "view-removed")]);
    Ok(Redirect::to(&to).into_response())
}

#[cfg(test)]
mod tests {
    use kaishin_domain::access::Role;
    use kaishin_domain::id::ViewId;
    use kaishin_domain::time::Time;

    use super::super::super::sample;
    use super::*;
    use crate::http::words::Lang;

    #[test]
    fn what_goes_is_named_and_the_list_behind_it_comes_back() {
        for lang in Lang::ALL {
            let view = SavedView {
                id: ViewId::new(Time(1_000_000), [7; 10]),
                owner: "suzuki".into(),
                team: true,
                name: "夜間 <b>".into(),
                expr: "online:no fault:any".into(),
                columns: String::new(),
                sort: String::new(),
                revision: 1,
                created_at: Time(0),
                updated_at: Time(0),
            };
            let state = State {
                q: "online:yes".into(),
                sort: "-hostname".into(),
                columns: String::new(),
            };
            let page = sample::page(lang, Some(Role::Desk), Some(Place::Terminals));
            let html = sample::check(&View { page, view, state });
            assert!(html.contains("online:no fault:any") && html.contains("夜間 &#60;b&#62;"));
            assert!(html.contains("value=\"-hostname\"") && html.contains("/terminals?q=online%3Ayes"));
        }
    }
}
