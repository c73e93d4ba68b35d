//! The wire shapes of the list of models.

use serde::Serialize;
use utoipa::ToSchema;

/// The models there are.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ModelList {
    /// Always `list`.
    #[schema(example = "list")]
    pub(in crate::http) object: &'static str,
    /// One that answers, one that embeds.
    pub(in crate::http) data: Vec<ModelBody>,
}

/// A model and what it can do. All but the first four fields is beyond OpenAI's API.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Model)]
pub(in crate::http) struct ModelBody {
    /// Its name.
    #[schema(example = "wattwise")]
    pub(in crate::http) id: &'static str,
    /// Always `model`.
    #[schema(example = "model")]
    pub(in crate::http) object: &'static str,
    /// When the documents that it answers from were read, in seconds since the Unix epoch.
    pub(in crate::http) created: i64,
    /// Always `wattwise`.
    #[schema(example = "wattwise")]
    pub(in crate::http) owned_by: &'static str,
    /// The routes that take it.
    #[schema(example = json!(["/v1/chat/completions", "/v1/responses"]))]
    pub(in crate::http) endpoints: &'static [&'static str],
    /// What it can do.
    pub(in crate::http) capabilities: Capabilities,
    /// The model behind it, by adapter and name; only of the one that embeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "in-process/all-MiniLM-L6-v2-int8")]
    pub(in crate::http) embedder: Option<String>,
    /// How many numbers a vector has; only of the one that embeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 384)]
    pub(in crate::http) dimensions: Option<usize>,
    /// The longest text in its tokens; only of the one that embeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 256)]
    pub(in crate::http) max_input_tokens: Option<usize>,
}

/// What a model can do.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a list of abilities, each there or not"
)]
pub(in crate::http) struct Capabilities {
    /// Send an answer while it is written.
    pub(in crate::http) streaming: bool,
    /// Name its sources, each quote looked up in the stored text.
    pub(in crate::http) citations: bool,
    /// Answer as an object.
    pub(in crate::http) structured_output: bool,
    /// Call tools.
    pub(in crate::http) tools: bool,
    /// See pictures.
    pub(in crate::http) vision: bool,
    /// Turn texts into vectors.
    pub(in crate::http) embeddings: bool,
}
