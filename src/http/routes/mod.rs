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
pub(super) mod metrics;
pub(super) mod models;
pub(super) mod responses;
pub(super) mod retrieve;
pub(super) mod save;
pub(super) mod session;
pub(super) mod sessions;
pub(super) mod suggestions;
pub(super) mod summary;

use super::error::ApiError;
use crate::assistant::AssistantError;
use crate::assistant::access::Caller;
use crate::model::{OwnedSession, SessionId};

/// The caller's session with this id. An id that is none of ours cannot name a session.
fn known_session(caller: Caller, id: &str) -> Result<OwnedSession, ApiError> {
    let id = SessionId::parse(id).ok_or(ApiError::Assistant(AssistantError::SessionNotFound))?;
    Ok(OwnedSession {
        owner: caller.owner,
        id,
    })
}
