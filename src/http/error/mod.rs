//! What went wrong, as a reply. `told` knows the status, the kind and the words of each.

mod told;

use std::error::Error;
use std::sync::Arc;

use axum::Json;
use axum::http::{Extensions, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use self::told::Told;
use super::metrics;
use super::validation::Problems;
use crate::assistant::AssistantError;
use crate::assistant::admin::AdminError;

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
    /// One word for what went wrong, for counting.
    pub(super) fn kind(&self) -> &'static str {
        Told::of(self).kind
    }

    /// The status of the reply.
    pub(super) fn status(&self) -> StatusCode {
        Told::of(self).status
    }

    /// The sentence for people, for replies that are not `{"detail": …}`.
    pub(super) fn sentence(&self) -> Value {
        Told::of(self).detail
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

/// All that a client learns of an internal failure.
pub(super) fn internal_detail(request_id: &str) -> String {
    format!(
        "The server failed to answer this request; its log says more under request id {request_id}"
    )
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Told {
            status,
            kind,
            detail,
            header,
        } = Told::of(&self);
        metrics::failed(kind);
        let mut response = (status, Json(json!({ "detail": &detail }))).into_response();
        response
            .extensions_mut()
            .insert(ErrorDetail { detail, kind });
        if let Some((name, value)) = header {
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
mod tests;
