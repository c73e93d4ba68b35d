//! Conversations and what was saved of them.

use super::{Owner, SessionId};

/// A session and whose it is; to anybody else it does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OwnedSession {
    /// Whose.
    pub owner: Owner,
    /// Which.
    pub id: SessionId,
}

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

/// What a user thought of a conversation's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rating {
    /// Helpful.
    Up,
    /// Not helpful.
    Down,
}

impl Rating {
    /// 1 or -1, as clients and stores write it.
    pub fn number(self) -> i64 {
        match self {
            Self::Up => 1,
            Self::Down => -1,
        }
    }

    /// Reads 1 or -1.
    pub fn from_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::Up),
            -1 => Some(Self::Down),
            _ => None,
        }
    }
}

/// A rating and what was said with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// The verdict.
    pub rating: Rating,
    /// The user's words; empty if there are none.
    pub comment: String,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
}

/// A session in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// Which.
    pub id: SessionId,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
    /// When it was last written to, in seconds since the Unix epoch.
    pub used_at: i64,
    /// How many messages it has.
    pub messages: u64,
    /// What its owner calls it; `None` until they give it a name.
    pub title: Option<String>,
    /// How its first message begins, in at most 200 characters; `None` without messages.
    pub opening: Option<String>,
}

/// Everything that is kept of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDetails {
    /// Which, and when.
    pub summary: SessionSummary,
    /// Oldest first.
    pub messages: Vec<Message>,
    /// Oldest first.
    pub records: Vec<Record>,
    /// Oldest first.
    pub feedback: Vec<Feedback>,
}

/// A record to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// The summary.
    pub summary: String,
    /// What else is known of it, as JSON text.
    pub details: String,
    /// The whole reply that it went out in, to go out again when its request is repeated.
    pub reply: Option<String>,
}

/// Marks a write that a client may repeat without repeating its effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Once {
    /// The client's name for the write, unique among its own.
    pub key: String,
    /// Digest of what the write says; the same name with another digest is refused.
    pub fingerprint: [u8; 32],
}
