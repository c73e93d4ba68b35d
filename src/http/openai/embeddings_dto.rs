//! The wire shapes of embeddings.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Texts to embed.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub(in crate::http) struct EmbeddingRequest {
    /// Always `wattwise-embedding`.
    #[schema(example = "wattwise-embedding", pattern = "^wattwise-embedding$")]
    model: String,
    /// A text, or up to 2048 of them, 256 KiB together. Numbers of tokens are refused: they are those of
    /// another model.
    input: EmbeddingInput,
    /// `float` or `base64`: the numbers, 4 bytes each, least byte first.
    #[schema(example = "float", pattern = "^(float|base64)$")]
    encoding_format: Option<String>,
    /// Embed the beginning of texts that are too long, which are refused otherwise. Beyond OpenAI's API.
    truncate: Option<bool>,
}

/// What to embed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes a value that is read by hand")]
pub(in crate::http) enum EmbeddingInput {
    /// One text.
    One(String),
    /// Texts.
    Many(Vec<String>),
}

/// Vectors.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct EmbeddingList {
    /// Always `list`.
    #[schema(example = "list")]
    pub(in crate::http) object: &'static str,
    /// One for each text, in order.
    pub(in crate::http) data: Vec<EmbeddingBody>,
    /// Always `wattwise-embedding`.
    #[schema(example = "wattwise-embedding")]
    pub(in crate::http) model: &'static str,
    /// How much was read.
    pub(in crate::http) usage: EmbeddingUsage,
}

/// The vector of a text, of length 1.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct EmbeddingBody {
    /// Always `embedding`.
    #[schema(example = "embedding")]
    pub(in crate::http) object: &'static str,
    /// Which text.
    pub(in crate::http) index: usize,
    /// The vector.
    pub(in crate::http) embedding: EmbeddingValues,
}

/// Numbers, written as the request wants them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum EmbeddingValues {
    /// One by one.
    Float(Vec<f32>),
    /// In base64.
    Base64(String),
}

/// Numbers of tokens, as the embedder counts them.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(in crate::http) struct EmbeddingUsage {
    /// In the texts.
    pub(in crate::http) prompt_tokens: usize,
    /// The same.
    pub(in crate::http) total_tokens: usize,
}
