//! From what went wrong to status codes: the only place that knows them.

use std::error::Error;
use std::sync::Arc;

use axum::Json;
use axum::http::{Extensions, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::metrics;
use super::validation::Problems;
use crate::assistant::AssistantError;
use crate::assistant::admin::AdminError;

/// Seconds after which a refused client may come again.
const RETRY_AFTER_SECONDS: &str = "1";

/// Why a request got no result.
#[derive(Debug)]
pub(super) enum ApiError {
    /// The request is not what the route wants.
    Invalid(Problems),
    /// The body is in no encoding we know, or too deep, or broke off.
    UnreadableBody,
    /// The body is compressed, which no route takes.
    CompressedBody,
    /// The body is longer than the limit.
    BodyTooLarge { max_bytes: usize },
    /// The key is missing or wrong.
    NotAuthenticated,
    /// The key is good but not for this route.
    Forbidden { scope: &'static str },
    /// The client has sent more requests than it may; the limiter adds when it may come again.
    TooManyRequests,
    /// The body did not come in time.
    BodyTooSlow,
    /// An HTTP/1.1 request does not have its one Host header.
    NotOneHost,
    /// The server was called by a name that is not its own.
    UnknownHost { host: String },
    /// A page of another site sent the request.
    ForeignSite { origin: Option<String> },
    /// The body is not said to be JSON.
    NotJson,
    /// No route has this address.
    NotFound,
    /// There is no model of this name that does this.
    NoModel { name: String, there: &'static str },
    /// No response of the caller's that was kept has this id.
    NoResponse { id: String },
    /// The route exists, for these methods only.
    MethodNotAllowed(&'static str),
    /// As many requests as allowed are being worked on.
    Busy,
    /// The work took longer than allowed.
    TimedOut,
    /// The operator's view is for this machine alone while there is no key.
    AdminNeedsKey,
    /// The operator did not get what was asked.
    Admin(AdminError),
    /// The assistant gave no result.
    Assistant(AssistantError),
}

impl From<AssistantError> for ApiError {
    fn from(error: AssistantError) -> Self {
        Self::Assistant(error)
    }
}

impl From<AdminError> for ApiError {
    fn from(error: AdminError) -> Self {
        if let AdminError::Store(error) = error {
            return Self::Assistant(error.into());
        }
        Self::Admin(error)
    }
}

impl From<Problems> for ApiError {
    fn from(problems: Problems) -> Self {
        Self::Invalid(problems)
    }
}

/// What the log should say about a failed request; the middleware writes it, the client never
/// sees it.
#[derive(Debug, Clone)]
pub(super) struct FailureDetails(pub(super) Arc<str>);

/// What a failed request's body says, for the routes that say it in another shape.
#[derive(Debug, Clone)]
pub(super) struct ErrorDetail {
    /// A sentence, or a list of what is wrong.
    pub(super) detail: Value,
    /// One word for it.
    pub(super) kind: &'static str,
}

/// Marks a reply whose body the middleware replaces by the fixed sentence with the request's id.
#[derive(Debug, Clone, Copy)]
pub(super) struct InternalFailure;

impl ApiError {
    /// Status, `detail`, and a header that belongs to it.
    fn parts(&self) -> Parts {
        let retry = Some((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
        match self {
            Self::Invalid(problems) => {
                (StatusCode::UNPROCESSABLE_ENTITY, problems.to_detail(), None)
            }
            Self::UnreadableBody => (
                StatusCode::BAD_REQUEST,
                "There was an error parsing the body".into(),
                None,
            ),
            Self::CompressedBody => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Send the body without Content-Encoding".into(),
                Some((header::ACCEPT_ENCODING, "identity")),
            ),
            Self::BodyTooLarge { max_bytes } => {
                let detail = format!("The request body is larger than {max_bytes} bytes");
                (StatusCode::PAYLOAD_TOO_LARGE, detail.into(), None)
            }
            Self::NotAuthenticated => {
                let challenge = Some((header::WWW_AUTHENTICATE, "Bearer"));
                (
                    StatusCode::UNAUTHORIZED,
                    "Not authenticated".into(),
                    challenge,
                )
            }
            Self::Forbidden { scope } => {
                let detail = format!("This key lacks the scope {scope}");
                (StatusCode::FORBIDDEN, detail.into(), None)
            }
            Self::TooManyRequests => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too many requests, slow down".into(),
                None,
            ),
            Self::BodyTooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "The request's body took too long".into(),
                None,
            ),
            Self::NotOneHost => (
                StatusCode::BAD_REQUEST,
                "A request of HTTP/1.1 has one Host header".into(),
                None,
            ),
            Self::UnknownHost { host } => {
                let detail = format!(
                    "This server is not known as {host:?}. If it should be, start it with --allowed-host and that name, or create a key"
                );
                (StatusCode::MISDIRECTED_REQUEST, detail.into(), None)
            }
            Self::ForeignSite { origin } => foreign(origin.as_deref()),
            Self::NotJson => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Send the body as JSON, with Content-Type: application/json".into(),
                None,
            ),
            Self::NotFound => (StatusCode::NOT_FOUND, "Not Found".into(), None),
            Self::NoModel { name, there } => {
                let detail = format!("The model {name:?} does not exist here; there is {there:?}");
                (StatusCode::NOT_FOUND, detail.into(), None)
            }
            Self::NoResponse { id } => {
                let detail = format!("No response {id:?} is kept for this key");
                (StatusCode::BAD_REQUEST, detail.into(), None)
            }
            Self::MethodNotAllowed(allow) => {
                let allow = Some((header::ALLOW, *allow));
                (
                    StatusCode::METHOD_NOT_ALLOWED,
                    "Method Not Allowed".into(),
                    allow,
                )
            }
            Self::Busy => busy(),
            Self::TimedOut => (
                StatusCode::GATEWAY_TIMEOUT,
                "The request took too long".into(),
                retry,
            ),
            Self::AdminNeedsKey => (StatusCode::FORBIDDEN, ADMIN_NEEDS_KEY.into(), None),
            Self::Admin(error) => (admin_status(error), sentence(error).into(), None),
            Self::Assistant(error) => assistant_parts(error),
        }
    }

    /// One word for what went wrong, for counting.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::UnreadableBody => "unreadable_body",
            Self::CompressedBody => "compressed_body",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyTooSlow => "body_too_slow",
            Self::NotAuthenticated => "not_authenticated",
            Self::Forbidden { .. } => "forbidden",
            Self::TooManyRequests => "too_many_requests",
            Self::NotOneHost => "not_one_host",
            Self::UnknownHost { .. } => "unknown_host",
            Self::ForeignSite { .. } => "foreign_site",
            Self::NotJson => "not_json",
            Self::NotFound => "no_route",
            Self::NoModel { .. } => "no_model",
            Self::NoResponse { .. } => "no_response",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::Busy => "busy",
            Self::TimedOut => "timed_out",
            Self::AdminNeedsKey => "admin_needs_key",
            Self::Admin(_) => "admin",
            Self::Assistant(error) => match error {
                AssistantError::SessionNotFound => "no_session",
                AssistantError::CitationNotFound => "no_citation",
                AssistantError::DocumentNotFound => "no_document",
                AssistantError::NoFile => "no_file",
                AssistantError::SessionFull => "session_full",
                AssistantError::KeyReused => "idempotency_key_reused",
                AssistantError::Overloaded => "overloaded",
                AssistantError::Store(_) => "store",
                AssistantError::NoRoom(_) => "no_room",
                AssistantError::StateLost(_) => "state_lost",
                AssistantError::Silent { .. } => "silent",
                AssistantError::Embedder(_) => "embedder",
                AssistantError::Internal(_) => "internal",
            },
        }
    }

    /// The status of the reply.
    pub(super) fn status(&self) -> StatusCode {
        self.parts().0
    }

    /// The sentence for people, for replies that are not `{"detail": …}`.
    pub(super) fn sentence(&self) -> Value {
        self.parts().1
    }

    /// What the log should say about it, as an extension of a reply.
    pub(super) fn into_log(self) -> Extensions {
        let mut extensions = Extensions::new();
        if let Some(failure) = self.failure() {
            extensions.insert(failure);
        }
        extensions
    }

    /// Notes an error that came after the head of a reply, in log and figures.
    pub(super) fn note(&self) {
        metrics::failed(self.kind());
        if let Some(FailureDetails(error)) = self.failure() {
            tracing::error!(%error, "a stream ended with an error: {error}");
        }
    }

    fn failure(&self) -> Option<FailureDetails> {
        let Self::Assistant(error) = self else {
            return None;
        };
        let mut chain = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            chain.push_str(": ");
            chain.push_str(&error.to_string());
            cause = error.source();
        }
        Some(FailureDetails(chain.into()))
    }
}

type Parts = (StatusCode, Value, Option<(HeaderName, &'static str)>);

/// What is said of the assistant's errors.
fn assistant_parts(error: &AssistantError) -> Parts {
    let retry = Some((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
    match error {
        AssistantError::Overloaded => busy(),
        AssistantError::SessionNotFound => {
            (StatusCode::NOT_FOUND, "Session not found".into(), None)
        }
        AssistantError::CitationNotFound => (
            StatusCode::NOT_FOUND,
            "No such passage in the documents as they are now".into(),
            None,
        ),
        AssistantError::DocumentNotFound => (
            StatusCode::NOT_FOUND,
            "No such document in the index as it is now".into(),
            None,
        ),
        AssistantError::NoFile => (
            StatusCode::NOT_FOUND,
            "The document has no file here, or its file has changed since it was read; ingest reads it again".into(),
            None,
        ),
        AssistantError::SessionFull => (
            StatusCode::CONFLICT,
            "The session is full, begin another one".into(),
            None,
        ),
        AssistantError::KeyReused => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Problems::reused_key().to_detail(),
            None,
        ),
        AssistantError::Store(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The session store is not available".into(),
            retry,
        ),
        AssistantError::NoRoom(cause) => {
            let detail = format!("{}; deleting sessions makes room", sentence(cause));
            (StatusCode::INSUFFICIENT_STORAGE, detail.into(), None)
        }
        AssistantError::StateLost(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The session store's database was deleted or replaced; what is written now would be lost. Restart the server".into(),
            None,
        ),
        AssistantError::Silent { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, sentence(error).into(), retry)
        }
        AssistantError::Embedder(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The embedder is not available".into(),
            retry,
        ),
        AssistantError::Internal(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            internal_detail("").into(),
            None,
        ),
    }
}

const ADMIN_NEEDS_KEY: &str = "This server can be reached from other machines and asks for no key, so this route is \
     closed: run `wattwise keys create --name NAME --scopes admin`, or let it listen on loopback";

/// The operator is told everything: that is what these routes are for.
fn admin_status(error: &AdminError) -> StatusCode {
    match error {
        AdminError::NoGeneration(_) => StatusCode::NOT_FOUND,
        AdminError::Unfit { .. }
        | AdminError::Busy(_)
        | AdminError::ReadOnly { .. }
        | AdminError::Copy { .. } => StatusCode::CONFLICT,
        AdminError::Index(_) | AdminError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// An error's own words with a capital at their front.
fn sentence(error: &dyn Error) -> String {
    let words = error.to_string();
    let (first, rest) = words.split_at(words.len().min(1));
    first.to_ascii_uppercase() + rest
}

/// What a page of another site is told, and so whoever looks why it does not work.
fn foreign(origin: Option<&str>) -> Parts {
    let site = origin.map_or("another site".to_owned(), |origin| format!("{origin:?}"));
    let detail = format!(
        "Pages of {site} may not call this server. If they should, start it with --cors-origin and \
         that site"
    );
    (StatusCode::FORBIDDEN, detail.into(), None)
}

fn busy() -> Parts {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "The server is busy, try again".into(),
        Some((header::RETRY_AFTER, RETRY_AFTER_SECONDS)),
    )
}

/// All that a client learns of an internal failure.
pub(super) fn internal_detail(request_id: &str) -> String {
    format!(
        "The server failed to answer this request; its log says more under request id {request_id}"
    )
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let kind = self.kind();
        metrics::failed(kind);
        let (status, detail, extra_header) = self.parts();
        let mut response = (status, Json(json!({ "detail": &detail }))).into_response();
        response
            .extensions_mut()
            .insert(ErrorDetail { detail, kind });
        if let Some((name, value)) = extra_header {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        if status.is_server_error()
            && let Some(failure) = self.failure()
        {
            response.extensions_mut().insert(failure);
        }
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            response.extensions_mut().insert(InternalFailure);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;

    #[test]
    fn each_error_has_its_status() {
        let rows = [
            (ApiError::Invalid(Problems::default()), 422, None),
            (ApiError::UnreadableBody, 400, None),
            (
                ApiError::CompressedBody,
                415,
                Some(("accept-encoding", "identity")),
            ),
            (ApiError::BodyTooLarge { max_bytes: 5 }, 413, None),
            (
                ApiError::NotAuthenticated,
                401,
                Some(("www-authenticate", "Bearer")),
            ),
            (ApiError::NotFound, 404, None),
            (
                ApiError::NoModel {
                    name: "x".into(),
                    there: "wattwise",
                },
                404,
                None,
            ),
            (ApiError::NoResponse { id: "x".into() }, 400, None),
            (
                ApiError::MethodNotAllowed("POST"),
                405,
                Some(("allow", "POST")),
            ),
            (ApiError::Busy, 503, Some(("retry-after", "1"))),
            (ApiError::Forbidden { scope: "chat" }, 403, None),
            (ApiError::ForeignSite { origin: None }, 403, None),
            (ApiError::NotJson, 415, None),
            (ApiError::TooManyRequests, 429, None),
            (ApiError::BodyTooSlow, 408, None),
            (ApiError::TimedOut, 504, Some(("retry-after", "1"))),
            (AssistantError::SessionFull.into(), 409, None),
            (AssistantError::KeyReused.into(), 422, None),
            (AssistantError::SessionNotFound.into(), 404, None),
            (AssistantError::CitationNotFound.into(), 404, None),
            (AssistantError::DocumentNotFound.into(), 404, None),
            (AssistantError::NoFile.into(), 404, None),
            (
                AssistantError::Overloaded.into(),
                503,
                Some(("retry-after", "1")),
            ),
            (
                AssistantError::Store(StoreError::Closed).into(),
                503,
                Some(("retry-after", "1")),
            ),
            (
                AssistantError::Embedder("secret".into()).into(),
                503,
                Some(("retry-after", "1")),
            ),
            (AssistantError::Internal("secret".into()).into(), 500, None),
            (
                AssistantError::from(StoreError::NoRoom { reason: "full" }).into(),
                507,
                None,
            ),
            (AssistantError::from(lost()).into(), 503, None),
            (
                AssistantError::Silent {
                    part: "index",
                    seconds: 5,
                }
                .into(),
                503,
                Some(("retry-after", "1")),
            ),
        ];
        for (error, status, extra) in rows {
            let name = format!("{error:?}");
            let response = error.into_response();
            assert_eq!(response.status().as_u16(), status, "{name}");
            for header in [
                "www-authenticate",
                "allow",
                "retry-after",
                "accept-encoding",
            ] {
                let value = response
                    .headers()
                    .get(header)
                    .map(|value| value.to_str().unwrap());
                assert_eq!(
                    value,
                    extra
                        .filter(|(name, _)| *name == header)
                        .map(|(_, value)| value),
                    "{name}"
                );
            }
        }
    }

    fn lost() -> StoreError {
        StoreError::Lost {
            path: "/srv/state/wattwise.sqlite3".into(),
            fate: "was deleted",
        }
    }

    #[test]
    fn what_is_full_or_gone_is_told_without_a_path() {
        let sentence = |error: StoreError| {
            let sentence = ApiError::from(AssistantError::from(error)).sentence();
            sentence.as_str().unwrap().to_owned()
        };
        let full = sentence(StoreError::NoRoom {
            reason: "the disk is full",
        });
        assert!(full.starts_with("The session store takes no more: the disk is full"));
        let lost = sentence(lost());
        assert!(lost.contains("deleted or replaced") && !lost.contains("srv"));
    }

    #[test]
    fn the_client_learns_no_details_and_the_log_all_of_them() {
        let engine = StoreError::Engine {
            action: "append",
            reason: "disk full".to_owned(),
        };
        let error = ApiError::from(AssistantError::Store(engine));
        assert_eq!(error.sentence(), "The session store is not available");
        let failure = error
            .into_response()
            .extensions()
            .get::<FailureDetails>()
            .cloned()
            .unwrap();
        assert!(failure.0.contains("disk full"), "{}", failure.0);
        assert!(
            !ApiError::from(AssistantError::Internal("secret".into()))
                .sentence()
                .to_string()
                .contains("secret")
        );
    }
}
