//! The embedder for callers of their own: the same vectors as those of the documents.

use std::sync::Arc;

use super::AssistantError;
use crate::embed::{Embedder, Passage};
use crate::model::UnitVector;
use crate::runtime::blocking;

/// Texts that are embedded at a time, so that other requests come in between.
const BATCH: usize = 16;

/// What the embedder takes and gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddingInfo {
    /// Numbers in a vector.
    pub dimension: usize,
    /// The longest text, in tokens; what lies beyond is not seen.
    pub max_tokens: usize,
}

/// Vectors for callers.
pub struct Embeddings(pub(super) Arc<dyn Embedder>);

impl Embeddings {
    /// What the embedder takes and gives.
    pub fn info(&self) -> EmbeddingInfo {
        EmbeddingInfo {
            dimension: self.0.fingerprint().dimension,
            max_tokens: self.0.max_tokens(),
        }
    }

    /// How many tokens each text has, in order.
    pub async fn count_tokens(&self, texts: Arc<Vec<String>>) -> Vec<usize> {
        let embedder = Arc::clone(&self.0);
        let count = move || {
            texts
                .iter()
                .map(|text| embedder.count_tokens(text))
                .collect()
        };
        blocking::run(count).await
    }

    /// The vector of each text, in order, as of a text that is searched. None may be blank.
    pub async fn embed(&self, texts: &[String]) -> Result<Vec<UnitVector>, AssistantError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            let passages = batch.iter().map(|text| Passage::whole(text)).collect();
            let made = self.0.embed_passages(passages).await;
            let made = made.map_err(|error| AssistantError::Embedder(error.to_string()))?;
            vectors.extend(made.into_iter().map(|vectors| vectors.whole));
        }
        Ok(vectors)
    }
}
