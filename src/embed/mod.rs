//! Text in, unit vectors out.
//!
//! [`Embedder`] is the seam; the adapters are the in-process transformer (the default), Ollama and
//! any server that speaks the OpenAI embeddings API. Which one is used is decided in `wiring`.

mod error;
pub mod ollama;
pub mod openai;
mod remote;
mod tokens;
pub mod transformer;

use std::ops::Range;

use async_trait::async_trait;

pub use error::EmbedError;
pub use tokens::{TokenCounter, TokenRule};

use crate::model::{EmbedderFingerprint, UnitVector, WordCodes};

/// A text to embed as a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// What is embedded. Never blank: a blank text has no meaningful vector and is refused.
    pub text: String,
    /// Parts of `text`, as byte ranges, that want vectors of their own (sentences, usually).
    pub spans: Vec<Range<usize>>,
    /// Words of `text`, as byte ranges, that want codes of their own.
    pub words: Vec<Range<usize>>,
}

impl Passage {
    /// A text without parts.
    pub fn whole(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            spans: Vec::new(),
            words: Vec::new(),
        }
    }
}

/// The vectors of one [`Passage`].
#[derive(Debug, Clone, PartialEq)]
pub struct PassageVectors {
    /// The whole passage.
    pub whole: UnitVector,
    /// One per span, in order, or none at all from an embedder that shows no token vectors.
    pub spans: Vec<UnitVector>,
    /// One per word within the model's window, in order, or none at all from an embedder that shows
    /// no token vectors.
    pub words: WordCodes,
}

/// The vectors of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryVectors {
    /// The whole question.
    pub whole: UnitVector,
    /// One per token, without the model's own marks; none from an embedder that shows no token
    /// vectors.
    pub tokens: Vec<UnitVector>,
}

/// Turns texts into vectors that can be compared by their cosine.
///
/// Contract, checked by one test for every adapter: the output has the length and order of the
/// input; every vector is of unit length and of `fingerprint().dimension`; a blank text is
/// [`EmbedError::BlankText`]; equal texts give equal vectors, whatever else is in the batch.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// Which vectors these are.
    fn fingerprint(&self) -> &EmbedderFingerprint;

    /// How many of the model's tokens `text` has, without special tokens; an estimate where the
    /// tokenizer is out of reach.
    fn count_tokens(&self, text: &str) -> usize;

    /// By what rule [`Self::count_tokens`] counts, for a process that has no embedder.
    fn token_rule(&self) -> TokenRule {
        TokenRule::Estimate
    }

    /// The longest input in tokens; what lies beyond is not seen by the model.
    fn max_tokens(&self) -> usize;

    /// Embeds texts that will be searched.
    async fn embed_passages(
        &self,
        passages: Vec<Passage>,
    ) -> Result<Vec<PassageVectors>, EmbedError>;

    /// Embeds a text that searches.
    async fn embed_query(&self, text: &str) -> Result<QueryVectors, EmbedError>;
}
