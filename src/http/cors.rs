//! Which other sites' pages may call the API from a browser: none, unless the operator names them.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::middleware::guard;

const METHODS: &str = "GET, HEAD, POST, DELETE";

/// What a page may send along.
const REQUEST_HEADERS: &str =
    "authorization, content-type, idempotency-key, x-api-key, x-request-id";

/// What a page may read of a reply, besides what every page may.
const REPLY_HEADERS: &str = "allow, idempotent-replayed, ratelimit, ratelimit-policy, retry-after, \
     server-timing, www-authenticate, x-cache, x-covered, x-request-id, x-snapshot-id";

/// Seconds for which a browser need not ask again.
const MAX_AGE: &str = "600";

/// The origins that may call, letter by letter as browsers write them.
pub(super) struct Cors {
    origins: Vec<HeaderValue>,
}

impl Cors {
    /// `None` if there are none.
    pub(super) fn new(origins: &[String]) -> Option<Self> {
        let origins: Vec<_> = origins
            .iter()
            .filter_map(|origin| HeaderValue::from_str(origin).ok())
            .collect();
        (!origins.is_empty()).then_some(Self { origins })
    }

    fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        self.origins.iter().find(|known| *known == origin).cloned()
    }
}

/// Inside `observe`: answers a browser that asks first, and marks replies as readable for the pages
/// that may.
pub(super) async fn share(state: &AppState, request: Request, routed: Router) -> Response {
    let Some(cors) = state.cors() else {
        return guard(state, request, routed).await;
    };
    let origin = cors.allowed(request.headers());
    let mut response = if origin.is_some() && asks_first(&request) {
        let allow = |name: HeaderName, value| (name, HeaderValue::from_static(value));
        let headers = [
            allow(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            allow(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
            allow(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
        ];
        (StatusCode::NO_CONTENT, headers).into_response()
    } else {
        guard(state, request, routed).await
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(REPLY_HEADERS),
        );
    }
    response
}

fn asks_first(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}
