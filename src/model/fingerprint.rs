//! Which embedder made the vectors of a generation.

use serde::{Deserialize, Serialize};

/// Identity of an embedder. Two embedders with equal fingerprints give comparable vectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbedderFingerprint {
    /// `in-process`, `ollama` or `openai`.
    pub adapter: String,
    /// The model's name as its adapter knows it.
    pub model: String,
    /// A digest of the weights where the adapter can tell it.
    pub digest: Option<String>,
    /// Length of a vector.
    pub dimension: usize,
    /// How token vectors become one vector, where we do it.
    pub pooling: String,
    /// Text put in front of a document before it is embedded.
    pub document_prefix: String,
    /// Text put in front of a query before it is embedded.
    pub query_prefix: String,
}

/// A fixed text and the vector that the embedder gave for it when the generation was made. A model
/// that changed behind an unchanged name is found out by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// What was embedded, as a query.
    pub text: String,
    /// Unit vector.
    pub vector: Vec<f32>,
}
