//! The last question before a generation goes live: is it good enough?

use std::path::Path;

use async_trait::async_trait;
use serde::Serialize;

use crate::model::GenerationId;

/// Judges a finished generation. How is decided outside: measuring retrieval needs parts that an
/// ingest run must not know.
#[async_trait]
pub trait PublishGate: Send + Sync {
    /// Compares `candidate` with the `live` generation, if there is one. Both lie in `index`. An
    /// error keeps the candidate from being published, like a refusal.
    async fn judge(
        &self,
        index: &Path,
        candidate: &GenerationId,
        live: Option<&GenerationId>,
    ) -> Result<Verdict, String>;
}

/// What a gate found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether the candidate may be published.
    pub passed: bool,
    /// The figures in a sentence, and what was wrong with them.
    pub summary: String,
    /// Share of questions answered within ten contexts by the live generation, if it was measured.
    pub recall_before: Option<f64>,
    /// The same of the candidate.
    pub recall_after: Option<f64>,
    /// Chunks of the live generation.
    pub chunks_before: Option<usize>,
    /// Chunks of the candidate.
    pub chunks_after: usize,
}
