//! From pieces to a generation: embed, write, judge, publish.

use super::IngestError;
use super::assemble::{self, Assembled};
use super::cache::Cache;
use super::gate::Verdict;
use super::options::IngestOptions;
use super::pipeline::Ingestor;
use super::prepare::{Assembly, lexical_text};
use super::recall::Recall;
use super::split::{GiveWay, SplitText};
use crate::model::{GenerationId, Probe};
use crate::runtime::{blocking, cpu_pool};
use crate::snapshot::write::{Body, Draft};
use crate::snapshot::{SnapshotError, current};

/// A generation that was made, or would be.
pub(super) struct Built {
    /// Its name, if it was made.
    pub(super) id: Option<GenerationId>,
    /// Documents in it.
    pub(super) documents: usize,
    /// Whether the gate, if any, let it pass.
    pub(super) published: bool,
    /// Chunks that were embedded, or would be.
    pub(super) embedded: usize,
    /// Chunks whose vectors an interrupted run left.
    pub(super) resumed: usize,
    /// For each chunk, the number of its document among the sources that follow.
    pub(super) documents_of_chunks: Vec<u32>,
    /// The source of each document.
    pub(super) sources: Vec<String>,
    /// What the gate said.
    pub(super) verdict: Option<Verdict>,
}

impl Ingestor {
    /// What [`Self::build`] would cost, without doing it.
    pub(super) async fn plan(
        &self,
        documents: Vec<SplitText>,
        mut recall: Recall,
    ) -> Result<Built, IngestError> {
        let (documents, plan) = blocking::run(move || {
            let plan = recall.plan(&documents);
            (documents, plan)
        })
        .await;
        let plan = plan?;
        let sources = documents
            .iter()
            .map(|document| document.text.document.source.clone());
        Ok(Built {
            id: None,
            documents: documents.len(),
            published: false,
            embedded: plan.missing(),
            resumed: plan.resumed,
            sources: sources.collect(),
            documents_of_chunks: plan.chunks.iter().map(|chunk| chunk.document).collect(),
            verdict: None,
        })
    }

    /// Makes a generation and publishes it, unless the gate refuses.
    pub(super) async fn build(
        &self,
        documents: Vec<SplitText>,
        recall: Recall,
        probes: Vec<Probe>,
        ways: &mut GiveWay<'_>,
        cache: &Cache,
    ) -> Result<Built, IngestError> {
        let bar = self.progress.stage("embed", 0);
        let assembly = Assembly {
            parameters: self.options.chunking,
            embedder: &self.embedder,
            probes,
            cache,
            bar: &bar,
            timeout: self.options.embed_timeout,
            now: ways.now,
        };
        let assembled = assemble::assemble(documents, recall, ways, assembly).await;
        bar.finish_and_clear();
        let assembled = assembled?;
        let (embedded, resumed) = (assembled.embedded, assembled.resumed);
        let live = ways
            .previous
            .map(|records| records.manifest.generation.clone());

        let spinner = self.progress.spinner("index");
        let options = self.options.clone();
        let written = blocking::run(move || write(assembled, &options)).await;
        spinner.finish_and_clear();
        let (id, documents_of_chunks, sources) = written?;
        let verdict = self.judge(&id, live.as_ref()).await?;
        let published = verdict.as_ref().is_none_or(|verdict| verdict.passed);
        if published {
            current::publish(&self.options.index, &id)?;
            current::prune(&self.options.index, self.options.keep)?;
        }
        Ok(Built {
            id: Some(id),
            documents: sources.len(),
            published,
            embedded,
            resumed,
            documents_of_chunks,
            sources,
            verdict,
        })
    }

    /// Asks the gate, if there is one. What it refuses, or cannot judge, is marked as refused.
    async fn judge(
        &self,
        id: &GenerationId,
        live: Option<&GenerationId>,
    ) -> Result<Option<Verdict>, IngestError> {
        let Some(gate) = &self.gate else {
            return Ok(None);
        };
        let index = &self.options.index;
        match gate.judge(index, id, live).await {
            Ok(verdict) => {
                if !verdict.passed {
                    current::refuse(index, id, &verdict.summary)?;
                }
                Ok(Some(verdict))
            }
            Err(reason) => {
                current::refuse(index, id, &reason)?;
                Err(IngestError::Gate {
                    generation: id.to_string(),
                    reason,
                })
            }
        }
    }
}

/// Writes a generation: its name, the document of each chunk, the source of each document.
fn write(
    assembled: Assembled,
    options: &IngestOptions,
) -> Result<(GenerationId, Vec<u32>, Vec<String>), SnapshotError> {
    let pool = cpu_pool::build("graph", options.threads);
    let Assembled {
        draft,
        writer,
        before,
        ..
    } = assembled;
    let words = |draft: &Draft, row: usize| {
        let chunk = &draft.chunks[row];
        let document = chunk.document as usize;
        let text = match (&draft.bodies[document], &before) {
            (Body::New(text), _) => text.as_str(),
            (Body::Kept(old), Some(before)) => before.text(*old),
            (Body::Kept(_), None) => "",
        };
        lexical_text(&draft.documents[document], text, chunk)
    };
    let id = writer.finish(&draft, before.as_deref(), &words, options.graph, &pool)?;
    let of_chunks = draft.chunks.iter().map(|chunk| chunk.document).collect();
    let sources = draft.documents.into_iter().map(|document| document.source);
    Ok((id, of_chunks, sources.collect()))
}
