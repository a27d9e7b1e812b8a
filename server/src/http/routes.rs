//! Routes that know what they need. A route cannot be added without saying so, and the table of all of them is what the
//! access matrix is tested against.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{MethodRouter, get, patch, post, put};
use kaishin_domain::access::Permission;

use crate::app::App;

/// What a caller must have before the handler's own checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Sign-in, health, static files.
    Nothing,
    /// Any operator.
    SignIn,
    Permission(Permission),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub needs: Needs,
}

#[derive(Default)]
pub struct Routes {
    router: Router<Arc<App>>,
    table: Vec<Route>,
}

impl Routes {
    pub fn new() -> Routes {
        Routes::default()
    }

    #[must_use]
    pub fn get<H, T>(self, path: &'static str, needs: Needs, handler: H) -> Routes
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        self.add("GET", path, needs, get(handler))
    }

    #[must_use]
    pub fn post<H, T>(self, path: &'static str, needs: Needs, handler: H) -> Routes
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        self.add("POST", path, needs, post(handler))
    }

    /// For files: bodies up to `most` bytes.
    #[must_use]
    pub fn post_file<H, T>(self, path: &'static str, needs: Needs, most: usize, handler: H) -> Routes
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        self.add("POST", path, needs, post(handler).layer(DefaultBodyLimit::max(most)))
    }

    #[must_use]
    pub fn put<H, T>(self, path: &'static str, needs: Needs, handler: H) -> Routes
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        self.add("PUT", path, needs, put(handler))
    }

    #[must_use]
    pub fn patch<H, T>(self, path: &'static str, needs: Needs, handler: H) -> Routes
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        self.add("PATCH", path, needs, patch(handler))
    }

    fn add(
        mut self,
        method: &'static str,
        path: &'static str,
        needs: Needs,
        handler: MethodRouter<Arc<App>>,
    ) -> Routes {
        self.table.push(Route { method, path, needs });
        self.router = self.router.route(path, handler);
        self
    }

    #[must_use]
    pub fn merge(mut self, other: Routes) -> Routes {
        self.table.extend(other.table);
        self.router = self.router.merge(other.router);
        self
    }

    pub fn table(&self) -> &[Route] {
        &self.table
    }

    pub fn into_router(self) -> Router<Arc<App>> {
        self.router
    }
}
