//! The wire shapes of conversations, health and errors. Hand-converted from the assistant's types, which
//! know nothing of JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::validation::Step;
use crate::assistant::GenerationInfo;

/// A session's id.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionOpened {
    /// Names the conversation in later calls.
    #[schema(example = "6c1f0f0e-5a3c-4a53-8f5b-0c1d8a2b7e11")]
    pub(super) session_id: String,
}

/// A message to keep.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body, which is read field by field for pydantic's error list"
)]
#[schema(as = Message)]
pub(super) struct MessageBody {
    /// The user's words.
    #[schema(example = "How often is the filter changed?")]
    message: String,
}

/// That something was done, and to which session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Acknowledgement {
    /// What was done.
    #[schema(example = "Message received")]
    pub(super) message: &'static str,
    /// The session.
    pub(super) session_id: String,
}

/// A summary to keep; further fields are kept with it.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body, which is read field by field for pydantic's error list"
)]
#[schema(as = SaveRequest)]
pub(super) struct SaveBody {
    /// The session.
    #[schema(example = "6c1f0f0e-5a3c-4a53-8f5b-0c1d8a2b7e11")]
    session_id: String,
    /// The summary.
    #[schema(example = "Change the filter every six months.")]
    summary: String,
}

/// That the server lives, or is ready.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub(super) struct HealthBody {
    /// `ok`, `ready` or `unavailable`.
    #[schema(example = "ok")]
    pub(super) status: &'static str,
    /// The generation that answers, if it is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) generation: Option<String>,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(super) reason: Option<Value>,
}

/// What is running and what it answers from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Version)]
pub(super) struct VersionBody {
    /// The program.
    #[schema(example = "wattwise")]
    name: &'static str,
    /// Its version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The generation that is live.
    generation: String,
    /// Documents in it.
    documents: usize,
    /// Chunks in it.
    chunks: usize,
    /// What embedded it.
    embedder: String,
}

impl From<GenerationInfo> for VersionBody {
    fn from(generation: GenerationInfo) -> Self {
        Self {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            generation: generation.id,
            documents: generation.documents,
            chunks: generation.chunks,
            embedder: generation.embedder,
        }
    }
}

/// An error that is a sentence.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub(super) struct ErrorBody {
    /// What is wrong.
    #[schema(example = "Session not found")]
    detail: String,
}

/// Everything that is wrong with a request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HTTPValidationError)]
pub(super) struct ValidationErrorBody {
    /// One entry for each problem.
    detail: Vec<ProblemBody>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ValidationError)]
pub(super) struct ProblemBody {
    /// Which rule was broken.
    #[serde(rename = "type")]
    #[schema(example = "missing")]
    kind: String,
    /// The way to the input, names and positions.
    #[schema(example = json!(["body", "message"]))]
    loc: Vec<Step>,
    /// The rule in words.
    #[schema(example = "Field required")]
    msg: String,
    /// What was sent, cut where it is long.
    input: Value,
    /// What the rule's words refer to.
    ctx: Option<Value>,
}
