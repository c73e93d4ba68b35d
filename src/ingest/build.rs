//! From pieces to a generation: embed, write, judge, publish.

use std::collections::HashMap;

use super::IngestError;
use super::assemble::{self, Assembled};
use super::cache::Cache;
use super::embed::Recalled;
use super::gate::Verdict;
use super::pipeline::Ingestor;
use super::prepare::{Assembly, prepare};
use super::split::{GiveWay, SplitText};
use crate::model::GenerationId;
use crate::runtime::{blocking, cpu_pool};
use crate::snapshot::{Records, current, write};

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
    /// For each chunk, which source it is from.
    pub(super) chunk_sources: Vec<String>,
    /// What the gate said.
    pub(super) verdict: Option<Verdict>,
}

impl Ingestor {
    /// What [`Self::build`] would cost, without doing it.
    pub(super) async fn plan(
        &self,
        documents: Vec<SplitText>,
        previous: Option<&Records>,
        cache: &Cache,
    ) -> Result<Built, IngestError> {
        let (documents, prepared) = blocking::run(move || {
            let prepared = prepare(&documents);
            (documents, prepared)
        })
        .await;
        let (earlier, fresh) = (Some((previous, cache)), HashMap::new());
        let recalled = Recalled::of(&prepared, earlier, &fresh, self.embedder.as_ref());
        let chunk_sources = prepared
            .iter()
            .map(|item| documents[item.document()].text.document.source.clone())
            .collect();
        Ok(Built {
            id: None,
            documents: documents.len(),
            published: false,
            embedded: recalled.missing(),
            resumed: recalled.resumed,
            chunk_sources,
            verdict: None,
        })
    }

    /// Makes a generation and publishes it, unless the gate refuses.
    pub(super) async fn build(
        &self,
        documents: Vec<SplitText>,
        ways: &mut GiveWay<'_>,
        cache: &Cache,
    ) -> Result<Built, IngestError> {
        let chunks = documents.iter().map(|document| document.pieces.len()).sum();
        let bar = self.progress.stage("embed", chunks);
        let assembly = Assembly {
            parameters: self.options.chunking,
            previous: ways.previous,
            embedder: &self.embedder,
            cache,
            bar: &bar,
            timeout: self.options.embed_timeout,
            now: ways.now,
        };
        let assembled = assemble::assemble(documents, ways, assembly).await;
        bar.finish_and_clear();
        let Assembled {
            contents,
            embedded,
            resumed,
        } = assembled?;
        let live = ways
            .previous
            .map(|records| records.manifest.generation.clone());

        let documents = contents.documents.len();
        let spinner = self.progress.spinner("index");
        let options = self.options.clone();
        let written = blocking::run(move || -> Result<_, IngestError> {
            let pool = cpu_pool::build("graph", options.threads);
            let id = write::write(&options.index, &contents, options.graph, &pool)?;
            let sources = contents
                .chunks
                .iter()
                .map(|chunk| contents.documents[chunk.document as usize].source.clone())
                .collect();
            Ok((id, sources))
        })
        .await;
        spinner.finish_and_clear();
        let (id, chunk_sources) = written?;
        let verdict = self.judge(&id, live.as_ref()).await?;
        let published = verdict.as_ref().is_none_or(|verdict| verdict.passed);
        if published {
            current::publish(&self.options.index, &id)?;
            current::prune(&self.options.index, self.options.keep)?;
        }
        Ok(Built {
            id: Some(id),
            documents,
            published,
            embedded,
            resumed,
            chunk_sources,
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
