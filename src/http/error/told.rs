//! The status, the kind and the words of each error: the only place that knows them.

use std::error::Error;

use axum::http::{HeaderName, StatusCode, header};
use serde_json::Value;

use super::{ApiError, internal_detail};
use crate::assistant::AssistantError;
use crate::assistant::admin::AdminError;
use crate::http::validation::Problems;

/// Seconds after which a refused client may come again.
const RETRY_AFTER_SECONDS: &str = "1";

const UNREADABLE: &str = "There was an error parsing the body";
const COMPRESSED: &str = "Send the body without Content-Encoding";
const BODY_TOO_SLOW: &str = "The request's body took too long";
const NOT_JSON: &str = "Send the body as JSON, with Content-Type: application/json";
const TOO_MANY: &str = "Too many requests, slow down";
const NOT_ONE_HOST: &str = "A request of HTTP/1.1 has one Host header";
const TIMED_OUT: &str = "The request took too long";
const ADMIN_NEEDS_KEY: &str = "This server can be reached from other machines and asks for no key, so this route is \
     closed: run `wattwise keys create --name NAME --scopes admin`, or let it listen on loopback";

/// What a client is told of an error.
pub(super) struct Told {
    /// The status of the reply.
    pub(super) status: StatusCode,
    /// One word, for counting.
    pub(super) kind: &'static str,
    /// A sentence, or a list of what is wrong.
    pub(super) detail: Value,
    /// A header that belongs to it.
    pub(super) header: Option<(HeaderName, &'static str)>,
}

fn told(status: StatusCode, kind: &'static str, detail: impl Into<Value>) -> Told {
    Told {
        status,
        kind,
        detail: detail.into(),
        header: None,
    }
}

impl Told {
    fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }

    /// The client may come again soon.
    fn again(self) -> Self {
        self.with(header::RETRY_AFTER, RETRY_AFTER_SECONDS)
    }

    pub(super) fn of(error: &ApiError) -> Self {
        use StatusCode as S;
        match error {
            ApiError::Invalid(problems) => {
                told(S::UNPROCESSABLE_ENTITY, "invalid", problems.to_detail())
            }
            ApiError::UnreadableBody => told(S::BAD_REQUEST, "unreadable_body", UNREADABLE),
            ApiError::CompressedBody => {
                told(S::UNSUPPORTED_MEDIA_TYPE, "compressed_body", COMPRESSED)
                    .with(header::ACCEPT_ENCODING, "identity")
            }
            ApiError::BodyTooLarge { max_bytes } => {
                let detail = format!("The request body is larger than {max_bytes} bytes");
                told(S::PAYLOAD_TOO_LARGE, "body_too_large", detail)
            }
            ApiError::BodyTooSlow => told(S::REQUEST_TIMEOUT, "body_too_slow", BODY_TOO_SLOW),
            ApiError::NotJson => told(S::UNSUPPORTED_MEDIA_TYPE, "not_json", NOT_JSON),
            ApiError::NotAuthenticated => {
                told(S::UNAUTHORIZED, "not_authenticated", "Not authenticated")
                    .with(header::WWW_AUTHENTICATE, "Bearer")
            }
            ApiError::Forbidden { scope } => {
                let detail = format!("This key lacks the scope {scope}");
                told(S::FORBIDDEN, "forbidden", detail)
            }
            ApiError::TooManyRequests => told(S::TOO_MANY_REQUESTS, "too_many_requests", TOO_MANY),
            ApiError::NotOneHost => told(S::BAD_REQUEST, "not_one_host", NOT_ONE_HOST),
            ApiError::UnknownHost { host } => {
                told(S::MISDIRECTED_REQUEST, "unknown_host", unknown_host(host))
            }
            ApiError::ForeignSite { origin } => told(
                S::FORBIDDEN,
                "foreign_site",
                foreign_site(origin.as_deref()),
            ),
            ApiError::AdminNeedsKey => told(S::FORBIDDEN, "admin_needs_key", ADMIN_NEEDS_KEY),
            ApiError::NotFound => told(S::NOT_FOUND, "no_route", "Not Found"),
            ApiError::NoModel { name, there } => {
                let detail = format!("The model {name:?} does not exist here; there is {there:?}");
                told(S::NOT_FOUND, "no_model", detail)
            }
            ApiError::NoResponse { id } => {
                let detail = format!("No response {id:?} is kept for this key");
                told(S::BAD_REQUEST, "no_response", detail)
            }
            ApiError::MethodNotAllowed(allow) => told(
                S::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "Method Not Allowed",
            )
            .with(header::ALLOW, allow),
            ApiError::Busy => busy("busy"),
            ApiError::TimedOut => told(S::GATEWAY_TIMEOUT, "timed_out", TIMED_OUT).again(),
            ApiError::Admin(error) => of_admin(error),
            ApiError::Assistant(error) => of_assistant(error),
        }
    }
}

fn unknown_host(host: &str) -> String {
    format!(
        "This server is not known as {host:?}. If it should be, start it with --allowed-host and that name, or create a key"
    )
}

/// What a page of another site is told, and so whoever looks why it does not work.
fn foreign_site(origin: Option<&str>) -> String {
    let site = origin.map_or("another site".to_owned(), |origin| format!("{origin:?}"));
    format!(
        "Pages of {site} may not call this server. If they should, start it with --cors-origin and that site"
    )
}

/// What is said of the assistant's errors.
fn of_assistant(error: &AssistantError) -> Told {
    use StatusCode as Status;
    let missing = |kind, detail: &str| told(Status::NOT_FOUND, kind, detail);
    let away = |kind, detail: &str| told(Status::SERVICE_UNAVAILABLE, kind, detail);
    match error {
        AssistantError::Overloaded => busy("overloaded"),
        AssistantError::SessionNotFound => missing("no_session", "Session not found"),
        AssistantError::CitationNotFound => missing(
            "no_citation",
            "No such passage in the documents as they are now",
        ),
        AssistantError::DocumentNotFound => {
            missing("no_document", "No such document in the index as it is now")
        }
        AssistantError::NoFile => missing(
            "no_file",
            "The document has no file here, or its file has changed since it was read; ingest reads it again",
        ),
        AssistantError::SessionFull => told(
            Status::CONFLICT,
            "session_full",
            "The session is full, begin another one",
        ),
        AssistantError::KeyReused => told(
            Status::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            Problems::reused_key().to_detail(),
        ),
        AssistantError::Store(_) => away("store", "The session store is not available").again(),
        AssistantError::NoRoom(cause) => {
            let detail = format!("{}; deleting sessions makes room", sentence(cause));
            told(Status::INSUFFICIENT_STORAGE, "no_room", detail)
        }
        AssistantError::StateLost(_) => away(
            "state_lost",
            "The session store's database was deleted or replaced; what is written now would be lost. Restart the server",
        ),
        AssistantError::Silent { .. } => away("silent", &sentence(error)).again(),
        AssistantError::Embedder(_) => away("embedder", "The embedder is not available").again(),
        AssistantError::Index(_) => away("index", "The index is not available").again(),
        AssistantError::Internal(_) => told(
            Status::INTERNAL_SERVER_ERROR,
            "internal",
            internal_detail(""),
        ),
    }
}

/// The operator is told everything: that is what these routes are for.
fn of_admin(error: &AdminError) -> Told {
    let status = match error {
        AdminError::NoGeneration(_) => StatusCode::NOT_FOUND,
        AdminError::Unfit { .. }
        | AdminError::Busy(_)
        | AdminError::ReadOnly { .. }
        | AdminError::Copy { .. } => StatusCode::CONFLICT,
        AdminError::Index(_) | AdminError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    told(status, "admin", sentence(error))
}

/// An error's own words with a capital at their front.
fn sentence(error: &dyn Error) -> String {
    let words = error.to_string();
    let (first, rest) = words.split_at(words.len().min(1));
    first.to_ascii_uppercase() + rest
}

fn busy(kind: &'static str) -> Told {
    let detail = "The server is busy, try again";
    told(StatusCode::SERVICE_UNAVAILABLE, kind, detail).again()
}
