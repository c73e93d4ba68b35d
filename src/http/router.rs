//! Which address leads where, and what an address without a route gets.

use axum::Router;
use axum::handler::Handler;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use super::error::ApiError;
use super::routes::{ask, health, retrieve, save, session, summary};
use super::{AppState, docs, middleware, openapi};

/// Addresses that answer without a key and under any load.
pub(super) const HEALTH_PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// The whole application.
pub fn router(state: AppState) -> Router {
    let routes = route_table();
    let paths: Vec<&str> = routes.iter().map(|(path, _)| *path).collect();
    let routed = routes
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| {
            router.route(path, methods)
        })
        .fallback(move |uri: Uri, headers: HeaderMap| {
            let response = unrouted(&uri, &headers, &paths);
            async move { response }
        })
        .with_state(state.clone());
    // As a service behind a second router, so that the layers see a request before it is routed.
    Router::new()
        .fallback_service(routed)
        .layer(from_fn_with_state(state.clone(), middleware::guard))
        .layer(from_fn_with_state(state, middleware::observe))
}

/// Every route; the addresses are compared letter by letter.
pub(super) fn route_table() -> Vec<(&'static str, MethodRouter<AppState>)> {
    vec![
        ("/get_session_id", post_only(session::open_session)),
        ("/ask", post_only(ask::ask)),
        ("/retrieve_contexts", post_only(retrieve::retrieve_contexts)),
        ("/generate_summary", post_only(summary::generate_summary)),
        ("/save_records", post_only(save::save_records)),
        ("/save_record", post_only(save::save_records)),
        ("/healthz", get_only(health::healthz)),
        ("/readyz", get_only(health::readyz)),
        ("/version", get_only(health::version)),
        ("/openapi.json", get_only(openapi::document)),
        ("/docs", get_only(docs::page)),
        ("/redoc", get_only(docs::page)),
        ("/docs/oauth2-redirect", get_only(docs::oauth2_redirect)),
        ("/docs/{file}", get_only(docs::file)),
    ]
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
fn unrouted(uri: &Uri, headers: &HeaderMap, paths: &[&str]) -> Response {
    let path = uri.path().trim_end_matches('/');
    if path == uri.path() || !paths.contains(&path) {
        return ApiError::NotFound.into_response();
    }
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let location = format!("{}{path}{query}", origin(uri, headers));
    (
        StatusCode::TEMPORARY_REDIRECT,
        [(header::LOCATION, location)],
    )
        .into_response()
}

/// The start of an absolute address as the client knows the server; empty, so that the address is
/// relative, where it did not say or said something odd.
fn origin(uri: &Uri, headers: &HeaderMap) -> String {
    let from_head = || {
        headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
    };
    let host = uri
        .authority()
        .map(axum::http::uri::Authority::as_str)
        .or_else(from_head);
    let is_plain = |host: &&str| {
        !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
    };
    let is_secure = headers
        .get("x-forwarded-proto")
        .is_some_and(|scheme| scheme == "https");
    let scheme = if is_secure { "https" } else { "http" };
    host.filter(is_plain)
        .map(|host| format!("{scheme}://{host}"))
        .unwrap_or_default()
}
