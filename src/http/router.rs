//! Which address leads where, and what an address without a route gets.

use std::future::Future;
use std::sync::LazyLock;

use axum::extract::Request;
use axum::handler::Handler;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Router};

use super::address::{decoded, fits, origin};
use super::error::ApiError;
use super::route::{Known, Takes};
use super::routes::{
    admin, ask, chat, citations, completions, documents, embeddings, export, feedback, health, mcp,
    metrics, models, responses, retrieve, save, session, sessions, suggestions, summary,
};
use super::server::{Answers, Peer};
use super::{AppState, docs, middleware, openapi, page};
use crate::model::Scope;

/// The whole application.
pub(crate) fn application(state: AppState) -> Application {
    let routes = route_table();
    let routed = routes
        .into_iter()
        .fold(Router::new(), |router, route| {
            router.route(route.known.path, route.methods)
        })
        .fallback(
            |peer: Option<Extension<Peer>>, uri: Uri, headers: HeaderMap| {
                let is_secure = peer.is_some_and(|peer| peer.secure);
                let response = unrouted(&uri, &headers, is_secure);
                async move { response }
            },
        )
        .with_state(state.clone());
    Application::new(state, routed)
}

/// Routes with what happens to every request in front of them, before it is routed: a request must be
/// admitted to its route before its body is read. `MatchedPath` would need a router around the router,
/// which costs a sixth of the CPU of a durable `/ask` (docs/operations.md).
#[derive(Clone)]
pub(crate) struct Application {
    state: AppState,
    routed: Router,
}

impl Application {
    pub(super) fn new(state: AppState, routed: Router) -> Self {
        Self { state, routed }
    }
}

impl Answers for Application {
    fn answer(&self, mut request: Request) -> impl Future<Output = Response> + Send + use<> {
        if let Some(uri) = decoded(request.uri()) {
            *request.uri_mut() = uri;
        }
        let route = find(request.uri().path());
        middleware::observe(self.state.clone(), request, route, self.routed.clone())
    }
}

/// One address, or a family of them, and what is there.
pub(super) struct Route {
    pub(super) known: Known,
    methods: MethodRouter<AppState>,
}

impl Route {
    fn taking(mut self, takes: Takes) -> Self {
        self.known.takes = takes;
        self
    }

    fn open(mut self) -> Self {
        self.known.is_open = true;
        self
    }
}

fn route(
    path: &'static str,
    scope: impl Into<Option<Scope>>,
    methods: MethodRouter<AppState>,
) -> Route {
    let known = Known {
        path,
        scope: scope.into(),
        takes: Takes::Nothing,
        is_open: false,
    };
    Route { known, methods }
}

/// Every route; the addresses are compared letter by letter.
pub(super) fn route_table() -> Vec<Route> {
    let groups = [conversations(), documents(), protocols(), operation()];
    groups.into_iter().flatten().collect()
}

fn conversations() -> Vec<Route> {
    use Scope::{Chat, Retrieve};
    let json = Takes::Json { untyped: false };
    let original = Takes::Json { untyped: true };
    vec![
        route("/get_session_id", Chat, post_only(session::open_session)),
        route("/ask", Chat, post_only(ask::ask)).taking(original),
        route(
            "/retrieve_contexts",
            Retrieve,
            post_only(retrieve::retrieve_contexts),
        ),
        route(
            "/generate_summary",
            Chat,
            post_only(summary::generate_summary),
        )
        .taking(original),
        route("/chat", Chat, post_only(chat::chat)).taking(json),
        route("/save_records", Chat, post_only(save::save_records)).taking(original),
        route("/save_record", Chat, post_only(save::save_records)).taking(json),
        route("/get_session_history", Chat, post_only(sessions::history)).taking(json),
        route("/feedback", Chat, post_only(feedback::rate)).taking(json),
        route("/sessions", Chat, get_only(sessions::list)),
        route("/rename_session", Chat, post_only(sessions::rename)).taking(json),
        route(
            "/sessions/{id}",
            Chat,
            get(sessions::show)
                .delete(sessions::delete)
                .fallback(|| async { ApiError::MethodNotAllowed("DELETE, GET, HEAD") }),
        ),
        route("/export", Chat, get_only(export::export)),
    ]
}

fn documents() -> Vec<Route> {
    use Scope::Chat;
    vec![
        route("/citations/{chunk}", Chat, get_only(citations::show)),
        route("/documents", Chat, get_only(documents::list)),
        route("/documents/{id}", Chat, get_only(documents::show)),
        route("/documents/{id}/file", Chat, get_only(documents::file)),
        route("/suggestions", Chat, get_only(suggestions::list)),
    ]
}

/// What programs speak.
fn protocols() -> Vec<Route> {
    use Scope::Chat;
    let json = Takes::Json { untyped: false };
    vec![
        route("/v1/models", Chat, get_only(models::list)),
        route("/v1/models/{model}", Chat, get_only(models::show)),
        route(
            "/v1/chat/completions",
            Chat,
            post_only(completions::complete),
        )
        .taking(json),
        route("/v1/responses", Chat, post_only(responses::respond)).taking(json),
        route("/v1/embeddings", Chat, post_only(embeddings::embed)).taking(json),
        // Each tool asks for the scope that it needs.
        route("/mcp", None, post_only(mcp::post)).taking(json),
    ]
}

/// Pages, and what whoever runs the server looks at.
fn operation() -> Vec<Route> {
    use Scope::Admin;
    let json = Takes::Json { untyped: false };
    vec![
        route("/", None, get_only(page::start)).open(),
        route("/assets/{version}/{file}", None, get_only(page::asset)).open(),
        route("/healthz", None, get_only(health::healthz)),
        route("/readyz", None, get_only(health::readyz)),
        route("/version", None, get_only(health::version)),
        route("/metrics", Admin, get_only(metrics::page)),
        route("/status", None, get_only(page::status)).open(),
        route("/admin/generations", Admin, get_only(admin::generations)),
        route("/admin/rollback", Admin, post_only(admin::roll_back)).taking(json),
        route("/admin/documents", Admin, get_only(admin::documents)),
        route("/admin/last_run", Admin, get_only(admin::last_run)),
        route("/admin/unanswered", Admin, get_only(admin::unanswered)),
        route("/admin/bad_answers", Admin, get_only(admin::bad_answers)),
        route("/admin/figures", Admin, get_only(admin::figures)),
        route("/openapi.json", None, get_only(openapi::document)),
        route("/docs", None, get_only(docs::page)),
        route("/redoc", None, get_only(docs::page)),
        route(
            "/docs/oauth2-redirect",
            None,
            get_only(docs::oauth2_redirect),
        ),
        route("/docs/{file}", None, get_only(docs::file)),
    ]
}

static INDEX: LazyLock<Vec<Known>> =
    LazyLock::new(|| route_table().into_iter().map(|route| route.known).collect());

/// The route that an address leads to.
fn find(path: &str) -> Option<&'static Known> {
    INDEX.iter().find(|route| fits(route.path, path))
}

fn post_only<H, T>(handler: H) -> MethodRouter<AppState>
where
    H: Handler<T, AppState>,
    T: 'static,
{
    post(handler).fallback(|| async { ApiError::MethodNotAllowed("POST") })
}

fn get_only<H, T>(handler: H) -> MethodRouter<AppState>
where
    H: Handler<T, AppState>,
    T: 'static,
{
    get(handler).fallback(|| async { ApiError::MethodNotAllowed("HEAD, GET") })
}

/// An address that is a route but for slashes at its end is sent there; any other is unknown.
fn unrouted(uri: &Uri, headers: &HeaderMap, is_secure: bool) -> Response {
    let path = uri.path().trim_end_matches('/');
    if path == uri.path() || find(path).is_none() {
        return ApiError::NotFound.into_response();
    }
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let location = format!("{}{path}{query}", origin(uri, headers, is_secure));
    (
        StatusCode::TEMPORARY_REDIRECT,
        [(header::LOCATION, location)],
    )
        .into_response()
}
