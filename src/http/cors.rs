//! Which other sites' pages may call the API from a browser: none, unless the operator names them.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

const METHODS: &str = "GET, HEAD, POST, DELETE";

/// What a page may send along.
const REQUEST_HEADERS: &str = "authorization, content-type, idempotency-key, mcp-method, mcp-name, \
     mcp-protocol-version, x-api-key, x-request-id";

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

    /// Whether it is one of the named origins.
    pub(super) fn names(&self, origin: &HeaderValue) -> bool {
        self.origins.contains(origin)
    }

    /// What a request is to these sites.
    pub(super) fn visit(&self, request: &Request) -> Visit {
        let origin = request.headers().get(header::ORIGIN);
        let named = origin.and_then(|origin| self.origins.iter().find(|known| *known == origin));
        Visit {
            origin: named.cloned(),
            asks_first: request.method() == Method::OPTIONS
                && request
                    .headers()
                    .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD),
        }
    }
}

/// A request, as far as the page behind it matters.
pub(super) struct Visit {
    /// The page's site, if it may call.
    origin: Option<HeaderValue>,
    asks_first: bool,
}

impl Visit {
    /// The reply to a browser that asks whether a page that may call may do so.
    pub(super) fn preflight(&self) -> Option<Response> {
        let allow = |name: HeaderName, value| (name, HeaderValue::from_static(value));
        let headers = [
            allow(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            allow(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
            allow(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
        ];
        let is_answered = self.origin.is_some() && self.asks_first;
        is_answered.then(|| (StatusCode::NO_CONTENT, headers).into_response())
    }

    /// Marks a reply as readable for the page, if it may call.
    pub(super) fn mark(self, headers: &mut HeaderMap) {
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = self.origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static(REPLY_HEADERS),
            );
        }
    }
}
