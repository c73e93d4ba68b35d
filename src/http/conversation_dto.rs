//! The wire shapes of stored conversations.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use crate::model::{Feedback, Message, Record, SessionDetails, SessionSummary};

/// A page of sessions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sessions)]
pub(super) struct SessionsBody {
    /// Newest first.
    sessions: Vec<SessionSummaryBody>,
    /// The session behind which the next page begins; null on the last page.
    next: Option<String>,
}

impl SessionsBody {
    pub(super) fn new(found: Vec<SessionSummary>, limit: usize) -> Self {
        let is_full = found.len() == limit;
        Self {
            next: found
                .last()
                .filter(|_| is_full)
                .map(|summary| summary.id.to_string()),
            sessions: found.into_iter().map(SessionSummaryBody::from).collect(),
        }
    }
}

/// A session in a list. Times are seconds since the Unix epoch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionSummary)]
pub(super) struct SessionSummaryBody {
    /// The session.
    session_id: String,
    /// When it was opened.
    #[schema(example = 1_700_000_000)]
    created_at: i64,
    /// When it was last written to.
    last_used_at: i64,
    /// How many messages it has.
    message_count: u64,
    /// What `/rename_session` called it, or null.
    #[schema(example = "Filters")]
    title: Option<String>,
    /// How its first message begins, in at most 200 characters; null without messages.
    #[schema(example = "How often is the filter changed?")]
    opening: Option<String>,
}

impl From<SessionSummary> for SessionSummaryBody {
    fn from(summary: SessionSummary) -> Self {
        Self {
            session_id: summary.id.to_string(),
            created_at: summary.created_at,
            last_used_at: summary.used_at,
            message_count: summary.messages,
            title: summary.title,
            opening: summary.opening,
        }
    }
}

/// Everything that is kept of a session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionDetails)]
pub(super) struct SessionBody {
    /// Which, and when.
    #[serde(flatten)]
    summary: SessionSummaryBody,
    /// Oldest first.
    messages: Vec<StoredMessage>,
    /// What `/save_records` kept, oldest first.
    records: Vec<StoredRecord>,
    /// Oldest first.
    feedback: Vec<StoredFeedback>,
}

impl From<SessionDetails> for SessionBody {
    fn from(details: SessionDetails) -> Self {
        Self {
            summary: details.summary.into(),
            messages: details.messages.into_iter().map(Into::into).collect(),
            records: details.records.into_iter().map(Into::into).collect(),
            feedback: details.feedback.into_iter().map(Into::into).collect(),
        }
    }
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StoredMessage {
    /// Its position, from 1.
    sequence: u64,
    /// The user's words.
    text: String,
    /// Seconds since the Unix epoch.
    created_at: i64,
}

impl From<Message> for StoredMessage {
    fn from(message: Message) -> Self {
        Self {
            sequence: message.sequence,
            text: message.text,
            created_at: message.created_at,
        }
    }
}

/// A saved summary.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StoredRecord {
    /// The summary.
    summary: String,
    /// The other fields that were sent along.
    details: Value,
    /// Seconds since the Unix epoch.
    created_at: i64,
}

impl From<Record> for StoredRecord {
    fn from(record: Record) -> Self {
        Self {
            summary: record.summary,
            // Nested deeper than this reader goes, it is shown as the text that it is stored as.
            details: serde_json::from_str(&record.details).unwrap_or(Value::String(record.details)),
            created_at: record.created_at,
        }
    }
}

/// A verdict.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StoredFeedback {
    /// 1 or -1.
    rating: i64,
    /// The user's words; empty if there are none.
    comment: String,
    /// Seconds since the Unix epoch.
    created_at: i64,
}

impl From<Feedback> for StoredFeedback {
    fn from(feedback: Feedback) -> Self {
        Self {
            rating: feedback.rating.number(),
            comment: feedback.comment,
            created_at: feedback.created_at,
        }
    }
}

/// Which session's messages to read.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub(super) struct HistoryRequest {
    /// The session.
    #[schema(example = "6c1f0f0e-5a3c-4a53-8f5b-0c1d8a2b7e11")]
    session_id: String,
}

/// A session's messages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = History)]
pub(super) struct HistoryBody {
    /// The session.
    pub(super) session_id: String,
    /// Oldest first.
    pub(super) message_history: Vec<String>,
}

/// A session's new name.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub(super) struct RenameRequest {
    /// The session.
    #[schema(example = "6c1f0f0e-5a3c-4a53-8f5b-0c1d8a2b7e11")]
    session_id: String,
    /// At most 400 bytes.
    #[schema(example = "Filters")]
    title: String,
}

/// A verdict on a session.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub(super) struct FeedbackRequest {
    /// The session.
    #[schema(example = "6c1f0f0e-5a3c-4a53-8f5b-0c1d8a2b7e11")]
    session_id: String,
    /// 1 if the answers helped, -1 if not.
    #[schema(schema_with = rating_schema)]
    rating: i64,
    /// What else there is to say.
    comment: Option<String>,
}

fn rating_schema() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::Integer))
        .enum_values(Some([-1, 1]))
        .description(Some("1 if the answers helped, -1 if not."))
        .examples([1])
        .build()
}
