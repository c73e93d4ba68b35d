//! The handlers, one file a use case: read the request, call the assistant, shape the reply.

pub(super) mod admin;
pub(super) mod ask;
pub(super) mod chat;
pub(super) mod citations;
pub(super) mod completions;
pub(super) mod documents;
pub(super) mod embeddings;
pub(super) mod export;
pub(super) mod feedback;
pub(super) mod health;
pub(super) mod mcp;
pub(super) mod models;
pub(super) mod responses;
pub(super) mod retrieve;
pub(super) mod save;
pub(super) mod session;
pub(super) mod sessions;
pub(super) mod suggestions;
pub(super) mod summary;

use axum::http::{HeaderName, HeaderValue};

use super::error::ApiError;
use super::metrics;
use super::middleware::SNAPSHOT_ID;
use crate::assistant::AssistantError;
use crate::assistant::access::Caller;
use crate::assistant::answer_cache::CacheStatus;
use crate::model::{OwnedSession, SessionId};

/// Says whether an answer comes from the cache: `hit`, `miss` or `bypass`.
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// The caller's session with this id. An id that is none of ours cannot name a session.
fn known_session(caller: Caller, id: &str) -> Result<OwnedSession, ApiError> {
    let id = SessionId::parse(id).ok_or(ApiError::Assistant(AssistantError::SessionNotFound))?;
    Ok(OwnedSession {
        owner: caller.owner,
        id,
    })
}

/// The header that names the generation a reply was made from.
pub(super) fn snapshot_header(generation: &str) -> [(HeaderName, HeaderValue); 1] {
    let value = HeaderValue::from_str(generation).unwrap_or(HeaderValue::from_static("unknown"));
    [(SNAPSHOT_ID, value)]
}

/// The headers of an answer: the generation, and whether the answer comes from the cache, which is
/// counted.
pub(super) fn answer_headers(
    generation: &str,
    cache: CacheStatus,
) -> [(HeaderName, HeaderValue); 2] {
    metrics::cache(cache);
    let [snapshot] = snapshot_header(generation);
    [snapshot, (X_CACHE, HeaderValue::from_static(cache.name()))]
}
