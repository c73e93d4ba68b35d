//! From texts to a generation, unless the live one is just what they would make.

use std::collections::HashMap;
use std::sync::Arc;

use super::IngestError;
use super::assemble::{fresh_probes, has_changed};
use super::build::Built;
use super::gather::Gatherer;
use super::gathered::Text;
use super::kept_vectors::KeptVectors;
use super::pipeline::Ingestor;
use super::recall::Recall;
use super::report::{Report, Row};
use super::select::count_chunks;
use super::split::{self, GiveWay, SplitText};
use crate::chunk::ChunkParameters;
use crate::extract::EXTRACTION_VERSION;
use crate::model::{Document, DocumentId, Probe};
use crate::snapshot::write::{Body, WRITTEN_BY, Writer};
use crate::snapshot::{FORMAT, Records};

impl Ingestor {
    /// Makes a generation of the texts, unless the live one is just that. Says whether it did.
    pub(super) async fn renew(
        &self,
        mut texts: Vec<Text>,
        gatherer: &Gatherer,
        previous: Option<&Arc<Records>>,
        rows: &mut [Row],
        report: &mut Report,
    ) -> Result<bool, IngestError> {
        let mut ways = GiveWay {
            rows,
            previous: previous.map(AsRef::as_ref),
            keeps: previous.is_some_and(|records| self.would_split_alike(records)),
            now: gatherer.now,
            max_stale: self.max_stale(),
        };
        let live = previous.map(|records| records.manifest.generation.to_string());
        report.generation = live.unwrap_or_default();
        if self.is_nothing_new(&mut ways, texts.iter(), report).await? {
            return Ok(false);
        }
        let (probes, known) = self.probe(previous).await?;
        ways.keeps &= known.is_some();
        if !ways.keeps {
            split::unkeep(&mut texts, ways.previous)?;
        }
        let documents = self.split(texts, gatherer, &mut ways).await?;
        // Where all that was new gave way to what was there, nothing is.
        let left = documents.iter().map(|document| &document.text);
        if self.is_nothing_new(&mut ways, left, report).await? {
            return Ok(false);
        }
        let cache = gatherer.cache.as_ref();
        // What an interrupted run made with a model that has changed since is of no use either.
        let cached = if known.is_none() && previous.is_some() {
            KeptVectors::default()
        } else {
            cache.vectors(self.embedder.fingerprint())
        };
        let recall = |writer| Recall::new(known, cached, self.embedder.as_ref(), writer);
        let built = if self.options.dry_run {
            self.plan(documents, recall(None)).await?
        } else {
            let dimension = self.embedder.fingerprint().dimension;
            let writer = Writer::begin(&self.options.index, dimension)?;
            self.build(documents, recall(Some(writer)), probes, &mut ways, cache)
                .await?
        };
        note(built, &mut ways, report);
        report.would_publish = self.options.dry_run;
        Ok(true)
    }

    /// The pieces of all texts that are not kept.
    async fn split(
        &self,
        texts: Vec<Text>,
        gatherer: &Gatherer,
        ways: &mut GiveWay<'_>,
    ) -> Result<Vec<SplitText>, IngestError> {
        let parameters = ChunkParameters {
            // Two of the model's tokens are its own marks.
            max_tokens: self
                .options
                .chunking
                .max_tokens
                .min(self.embedder.max_tokens().saturating_sub(2)),
            ..self.options.chunking
        };
        let documents = split::split(texts, parameters, &gatherer.extractor, ways).await?;
        let has_text = |document: &SplitText| {
            matches!(document.text.body, Body::Kept(_)) || !document.pieces.is_empty()
        };
        if !documents.iter().any(has_text) {
            let reason = "the documents have no text to split".to_owned();
            return Err(IngestError::NothingIndexed(reason));
        }
        Ok(documents)
    }

    /// Whether the live generation is just what these texts would make; then the report says so.
    async fn is_nothing_new<'a>(
        &self,
        ways: &mut GiveWay<'_>,
        texts: impl ExactSizeIterator<Item = &'a Text>,
        report: &mut Report,
    ) -> Result<bool, IngestError> {
        let Some(records) = ways.previous else {
            return Ok(false);
        };
        if !self.is_up_to_date(records, texts) {
            return Ok(false);
        }
        self.name_current(&records.manifest.generation).await?;
        keep_live(records, ways, report);
        Ok(true)
    }

    /// What the embedder gives today for the texts that it is recognised by; and the generation
    /// before, if its vectors are still such as it gives. A dry run asks the embedder nothing.
    async fn probe<'a>(
        &self,
        previous: Option<&'a Arc<Records>>,
    ) -> Result<(Vec<Probe>, Option<&'a Arc<Records>>), IngestError> {
        if self.options.dry_run {
            return Ok((Vec::new(), previous));
        }
        let embedder = self.embedder.as_ref();
        let probes = fresh_probes(embedder).await?;
        let known = previous.filter(|records| !has_changed(records, embedder, &probes));
        Ok((probes, known))
    }

    /// Whether the chunks of a generation are those that its texts would give today.
    fn would_split_alike(&self, records: &Records) -> bool {
        let manifest = &records.manifest;
        manifest.format == FORMAT
            && manifest.written_by == WRITTEN_BY
            && manifest.extraction_version == EXTRACTION_VERSION
            && manifest.chunking == self.options.chunking
            && manifest.embedder == *self.embedder.fingerprint()
    }

    /// Whether the live generation is just what this run would make.
    fn is_up_to_date<'a>(
        &self,
        records: &Records,
        texts: impl ExactSizeIterator<Item = &'a Text>,
    ) -> bool {
        let manifest = &records.manifest;
        let known: HashMap<&DocumentId, &Document> = records
            .documents()
            .iter()
            .map(|document| (&document.id, document))
            .collect();
        let mut texts = texts;
        texts.len() == known.len()
            && texts.all(|text| {
                known.get(&text.document.id).is_some_and(|document| {
                    document.text_digest == text.document.text_digest
                        && document.stale_since == text.document.stale_since
                })
            })
            && manifest.embedder == *self.embedder.fingerprint()
            && manifest.chunking == self.options.chunking
            && manifest.format == FORMAT
            && manifest.graph == self.options.graph
            && manifest.extraction_version == EXTRACTION_VERSION
    }
}

/// The report of a run that made a generation, or would.
fn note(built: Built, ways: &mut GiveWay<'_>, report: &mut Report) {
    report.totals.documents = built.documents;
    report.totals.embedded = built.embedded;
    report.totals.resumed = built.resumed;
    report.totals.chunks = built.documents_of_chunks.len();
    report.published = built.published;
    if let Some(id) = built.id {
        report.generation = id.to_string();
    }
    report.gate = built.verdict;
    count_chunks(
        ways.rows,
        built.sources.iter().map(String::as_str),
        built.documents_of_chunks.into_iter(),
    );
}

/// The report of a run that changed nothing.
fn keep_live(records: &Records, ways: &mut GiveWay<'_>, report: &mut Report) {
    let chunks = records.chunks();
    report.totals.documents = records.documents().len();
    report.totals.chunks = chunks.len();
    count_chunks(
        ways.rows,
        records
            .documents()
            .iter()
            .map(|document| document.source.as_str()),
        chunks.iter().map(|chunk| chunk.document),
    );
}
