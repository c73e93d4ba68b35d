//! The reply of `POST /chat` as it is kept for a repeated request.

use axum::Json;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dto::SummaryReply;
use super::error::ApiError;
use super::headers::snapshot_header;
use super::sse;
use crate::assistant::{AssistantError, Summary};
use crate::model::SessionId;

/// Tells a client that nothing was done again.
const REPLAYED: (HeaderName, HeaderValue) = (
    HeaderName::from_static("idempotent-replayed"),
    HeaderValue::from_static("true"),
);

/// A reply and the generation that its headers name.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeptReply {
    generation: String,
    reply: Value,
}

impl KeptReply {
    /// As it is kept.
    pub(super) fn render(session: SessionId, summary: &Summary) -> String {
        let reply = SummaryReply::new(session.to_string(), summary.clone());
        let kept = Self {
            generation: summary.generation.clone(),
            reply: serde_json::to_value(reply).expect("plain data becomes JSON"),
        };
        serde_json::to_string(&kept).expect("plain data becomes JSON")
    }

    /// Reads what [`Self::render`] wrote.
    pub(super) fn read(kept: &str) -> Result<Self, ApiError> {
        serde_json::from_str(kept).map_err(|error| {
            let reason = format!("a kept reply cannot be read: {error}");
            ApiError::from(AssistantError::Internal(reason))
        })
    }

    /// The reply again, or its events.
    pub(super) fn send(self, as_stream: bool) -> Response {
        let snapshot = snapshot_header(&self.generation);
        let body = if as_stream {
            sse::body(sse::repeated(&self.reply))
        } else {
            Json(self.reply).into_response()
        };
        ([REPLAYED], snapshot, body).into_response()
    }
}
