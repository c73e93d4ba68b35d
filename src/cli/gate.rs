//! The publish gate: a new generation must answer the labelled questions as well as the live one.
//!
//! It lives here, above `ingest`, because it asks the assistant as `wattwise eval` does.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use crate::assistant::{Assistant, AssistantParts};
use crate::config::ConfigError;
use crate::embed::Embedder;
use crate::evaluate::{self, LabelledQuestion};
use crate::ingest::{PublishGate, Verdict};
use crate::model::GenerationId;
use crate::retrieve::RetrievalParameters;
use crate::retrieve::check_embedder;
use crate::runtime::blocking;
use crate::snapshot::live::Live;
use crate::snapshot::{Generation, open};
use crate::store::memory::MemoryStore;
use crate::wiring;

/// Differences below this are rounding.
const ROUNDING: f64 = 1e-9;

/// Compares recall at ten contexts and the number of chunks.
pub(super) struct RecallGate {
    questions: Vec<LabelledQuestion>,
    drop: f64,
    shrink: f64,
    embedder: Arc<dyn Embedder>,
}

impl RecallGate {
    /// `drop` and `shrink` are the shares by which recall and chunks may fall.
    pub(super) fn new(
        questions: Vec<LabelledQuestion>,
        drop: f64,
        shrink: f64,
        embedder: Arc<dyn Embedder>,
    ) -> Result<Self, ConfigError> {
        if questions.iter().all(|question| question.answers.is_empty()) {
            return Err(ConfigError::Invalid {
                name: "--gate",
                reason: "no question in the file has an answer to look for".to_owned(),
            });
        }
        Ok(Self {
            questions,
            drop,
            shrink,
            embedder,
        })
    }

    /// Share of the questions whose answers all stand in the first ten contexts.
    async fn recall(&self, generation: Generation) -> Result<f64, String> {
        let assistant = Assistant::new(AssistantParts::new(
            Arc::new(MemoryStore::default()),
            Arc::new(Live::new(generation)),
            Arc::clone(&self.embedder),
            RetrievalParameters::default(),
        ));
        let outcomes = evaluate::run(&assistant, &self.questions)
            .await
            .map_err(|error| error.to_string())?;
        Ok(evaluate::figures(&outcomes).hits[2])
    }

    fn compare(&self, before: Option<Figures>, after: Figures) -> Verdict {
        let mut faults = Vec::new();
        let mut summary = format!(
            "recall@10 {:.3}, {} chunks",
            after.recall.unwrap_or_default(),
            after.chunks
        );
        if let Some(before) = before {
            let recall = before.recall.map_or_else(
                || "not comparable".to_owned(),
                |recall| format!("{recall:.3}"),
            );
            summary.push_str(&format!("; live: {recall}, {} chunks", before.chunks));
            if let (Some(was), Some(is)) = (before.recall, after.recall)
                && is < was - self.drop - ROUNDING
            {
                faults.push(format!("recall may fall by {} at most", self.drop));
            }
            if (after.chunks as f64) < before.chunks as f64 * (1.0 - self.shrink) - ROUNDING {
                faults.push(format!(
                    "chunks may fall by a share of {} at most",
                    self.shrink
                ));
            }
        }
        if !faults.is_empty() {
            summary.push_str(&format!("; refused: {}", faults.join(", ")));
        }
        Verdict {
            passed: faults.is_empty(),
            summary,
            recall_before: before.and_then(|before| before.recall),
            recall_after: after.recall,
            chunks_before: before.map(|before| before.chunks),
            chunks_after: after.chunks,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Figures {
    recall: Option<f64>,
    chunks: usize,
}

#[async_trait]
impl PublishGate for RecallGate {
    async fn judge(
        &self,
        index: &Path,
        candidate: &GenerationId,
        live: Option<&GenerationId>,
    ) -> Result<Verdict, String> {
        let candidate = open_generation(index, candidate).await?;
        let chunks = candidate.records.chunks().len();
        let after = Figures {
            recall: Some(self.recall(candidate).await?),
            chunks,
        };
        let Some(live) = live else {
            return Ok(self.compare(None, after));
        };
        let live = open_generation(index, live).await?;
        let chunks = live.records.chunks().len();
        let comparable = check_embedder(&live.records.manifest, self.embedder.as_ref())
            .await
            .map_err(|error| error.to_string())?;
        let recall = match comparable {
            Ok(()) => Some(self.recall(live).await?),
            // A change of the embedder is made on purpose; the old vectors mean nothing to the new.
            Err(reason) => {
                tracing::warn!(%reason, "the gate compares the number of chunks only");
                None
            }
        };
        Ok(self.compare(Some(Figures { recall, chunks }), after))
    }
}

async fn open_generation(index: &Path, id: &GenerationId) -> Result<Generation, String> {
    let (index, id) = (index.to_owned(), id.clone());
    blocking::run(move || open::open(&index, &id, wiring::SEARCH_WIDTH))
        .await
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> RecallGate {
        struct Never;
        #[async_trait]
        impl Embedder for Never {
            fn fingerprint(&self) -> &crate::model::EmbedderFingerprint {
                unreachable!("comparing embeds nothing")
            }
            fn count_tokens(&self, _: &str) -> usize {
                0
            }
            fn max_tokens(&self) -> usize {
                0
            }
            async fn embed_passages(
                &self,
                _: Vec<crate::embed::Passage>,
            ) -> Result<Vec<crate::embed::PassageVectors>, crate::embed::EmbedError> {
                unreachable!("comparing embeds nothing")
            }
            async fn embed_query(
                &self,
                _: &str,
            ) -> Result<crate::embed::QueryVectors, crate::embed::EmbedError> {
                unreachable!("comparing embeds nothing")
            }
        }
        let question = LabelledQuestion {
            question: "How thick?".to_owned(),
            answers: vec!["270 mm".to_owned()],
            history: Vec::new(),
        };
        RecallGate::new(vec![question], 0.02, 0.3, Arc::new(Never)).unwrap()
    }

    #[test]
    fn falls_within_the_allowances_pass_and_larger_ones_do_not() {
        let figures = |recall, chunks| Figures {
            recall: Some(recall),
            chunks,
        };
        let before = figures(0.9, 100);
        for (after, passes) in [
            (figures(0.88, 70), true),
            (figures(0.879, 100), false),
            (figures(1.0, 69), false),
            (figures(1.0, 1000), true),
        ] {
            let verdict = gate().compare(Some(before), after);
            assert_eq!(verdict.passed, passes, "{}", verdict.summary);
        }
        assert!(gate().compare(None, figures(0.0, 1)).passed);
        let verdict = gate().compare(Some(before), figures(0.5, 10));
        assert!(
            verdict
                .summary
                .contains("recall@10 0.500, 10 chunks; live: 0.900, 100 chunks"),
            "{}",
            verdict.summary
        );
    }
}
