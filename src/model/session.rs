//! Conversations and what was saved of them.

use super::SessionId;

/// One message of a conversation, as its user wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Position in its session, from 1, without gaps.
    pub sequence: u64,
    /// The text.
    pub text: String,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
}

/// A summary that a client asked to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The conversation it belongs to.
    pub session: SessionId,
    /// The summary's text.
    pub summary: String,
    /// Everything else that the client sent along, as JSON text.
    pub details: String,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
}
