//! The stages of a run, in order.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::cache::Cache;
use super::extractor::Extractor;
use super::gate::PublishGate;
use super::gather::{self, Gathered, Gatherer, Text};
use super::memory::Memory;
use super::options::IngestOptions;
use super::report::{self, Report, Totals};
use super::select::{describe_failures, removed_rows, select, with_chunk_counts};
use super::sources::{self, Source};
use super::template::Templates;
use super::walk::Walk;
use super::{IngestError, Progress};
use crate::crawl::Crawler;
use crate::embed::Embedder;
use crate::extract::EXTRACTION_VERSION;
use crate::model::{Document, DocumentId};
use crate::runtime::{blocking, clock};
use crate::snapshot::{FORMAT, Records, SnapshotError, current, lock, open};

/// Runs `ingest`.
pub struct Ingestor {
    pub(super) options: IngestOptions,
    pub(super) embedder: Arc<dyn Embedder>,
    pub(super) progress: Progress,
    pub(super) gate: Option<Arc<dyn PublishGate>>,
}

impl Ingestor {
    /// Nothing is touched before [`Self::run`].
    pub fn new(options: IngestOptions, embedder: Arc<dyn Embedder>, progress: Progress) -> Self {
        Self {
            options,
            embedder,
            progress,
            gate: None,
        }
    }

    /// Lets `gate` have the last word before a generation is published.
    #[must_use]
    pub fn with_gate(mut self, gate: Arc<dyn PublishGate>) -> Self {
        self.gate = Some(gate);
        self
    }

    /// One run: list, fetch and extract, split, embed, write, publish, prune.
    ///
    /// On an error nothing was published and the generation before is still live. A dry run ends
    /// before the embedding; it writes nothing and takes no lock.
    pub async fn run(&self) -> Result<Report, IngestError> {
        let now = clock::now();
        let index = &self.options.index;
        if self.options.dry_run {
            return self
                .run_locked(now, &Arc::new(Cache::open(index, true)))
                .await;
        }
        let _lock = lock::acquire(index, &clock::utc(now))?;
        current::remove_unfinished(index)?;
        let cache = Arc::new(Cache::open(index, false));
        let outcome = self.run_locked(now, &cache).await;
        if outcome.is_err() {
            cache.drop_unused_texts();
            // The error that is reported is the first one.
            let _ = current::remove_unfinished(index);
        }
        outcome
    }

    async fn run_locked(&self, now: i64, cache: &Arc<Cache>) -> Result<Report, IngestError> {
        let begun = Instant::now();
        let sources = sources::list(self.options.urls.as_deref(), &self.options.folders)?;
        if sources.is_empty() && self.options.sitemaps.is_empty() {
            return Err(IngestError::NoSources);
        }
        let previous = self.open_previous().await;
        let mut gathered = self
            .gather(sources, previous.as_deref(), now, cache)
            .await?;
        self.strip_templates(&mut gathered, previous.as_deref());
        let (mut rows, texts, unindexed) = select(gathered);
        rows.extend(removed_rows(previous.as_deref(), &rows));
        if texts.is_empty() {
            return Err(IngestError::NothingIndexed(describe_failures(&rows)));
        }

        let mut totals = Totals {
            documents: texts.len(),
            ..Totals::default()
        };
        report::count(&rows, &mut totals);
        let mut report = Report {
            dry_run: self.options.dry_run,
            ..Report::default()
        };
        let rows = match previous.as_deref() {
            Some(records) if self.is_up_to_date(records, &texts) => {
                totals.chunks = records.chunks().len();
                let rows = with_chunk_counts(
                    rows,
                    records
                        .chunks()
                        .iter()
                        .map(|chunk| records.document_of(chunk).source.as_str()),
                );
                report.generation = records.manifest.generation.to_string();
                cache.finish(&unindexed);
                rows
            }
            _ => {
                let built = if self.options.dry_run {
                    self.plan(texts, previous.as_deref(), cache).await?
                } else {
                    self.build(texts, previous.clone(), now, cache).await?
                };
                totals.embedded = built.embedded;
                totals.resumed = built.resumed;
                totals.chunks = built.chunk_sources.len();
                let live = previous.map(|records| records.manifest.generation.to_string());
                report.would_publish = self.options.dry_run;
                report.published = built.published;
                if let Some(id) = built.id {
                    report.generation = id.to_string();
                } else {
                    report.generation = live.unwrap_or_default();
                }
                report.gate = built.verdict;
                if report.published {
                    cache.finish(&unindexed);
                } else {
                    cache.drop_unused_texts();
                    cache.drop_pages();
                }
                with_chunk_counts(rows, built.chunk_sources.iter().map(String::as_str))
            }
        };
        totals.seconds = begun.elapsed().as_secs_f64();
        report.sources = rows;
        report.totals = totals;
        Ok(report)
    }

    /// The live generation's records, to compare with. One that cannot be opened costs time, not
    /// the run: everything is then done anew.
    async fn open_previous(&self) -> Option<Arc<Records>> {
        let index = self.options.index.clone();
        let opened = blocking::run(move || {
            let id = current::read(&index)?;
            open::open_records(&index, &id)
        })
        .await;
        match opened {
            Ok(records) => Some(Arc::new(records)),
            Err(SnapshotError::Missing { .. }) => None,
            Err(error) => {
                tracing::warn!(%error, "the last generation cannot be reused; everything is ingested anew");
                None
            }
        }
    }

    /// Fetches and extracts all sources and what belongs to them.
    async fn gather(
        &self,
        sources: Vec<Source>,
        previous: Option<&Records>,
        now: i64,
        cache: &Arc<Cache>,
    ) -> Result<Vec<Gathered>, IngestError> {
        let gatherer = Gatherer {
            crawler: Crawler::new(self.options.fetch.clone(), self.options.manners.clone())
                .map_err(IngestError::Crawler)?,
            memory: Memory::open(&self.options.index),
            extractor: Extractor::new(self.options.extractor.clone()),
            max_file_bytes: self.options.fetch.max_bytes,
            now,
            cache: Arc::clone(cache),
            max_stale: self
                .options
                .max_stale_days
                .map(|days| i64::from(days) * gather::SECONDS_PER_DAY),
        };
        let bar = self.progress.stage("extract", sources.len());
        let walk = Walk {
            gatherer: &gatherer,
            previous,
            concurrency: self.options.concurrency,
            limits: self.options.frontier,
            sitemaps: &self.options.sitemaps,
            bar: &bar,
        };
        let gathered = walk.run(sources).await;
        bar.finish();
        let gathered = gathered?;
        if self.options.dry_run {
            return Ok(gathered);
        }
        if let Err(error) = Memory::save(&self.options.index, &gathered) {
            tracing::warn!(%error, "the links of this run cannot be kept; the next one reads all pages anew");
        }
        Ok(gathered)
    }

    /// Takes out of the pages what every page of their site repeats.
    fn strip_templates(&self, gathered: &mut [Gathered], previous: Option<&Records>) {
        let index = &self.options.index;
        let mut templates = Templates::open(index);
        templates.apply(gathered, previous);
        if self.options.dry_run {
            return;
        }
        if let Err(error) = templates.save(index) {
            tracing::warn!(%error, "the blocks of this run's pages cannot be kept; the next one counts those it reads");
        }
    }

    /// Whether the live generation is just what this run would make.
    fn is_up_to_date(&self, records: &Records, texts: &[Text]) -> bool {
        let manifest = &records.manifest;
        let known: HashMap<&DocumentId, &Document> = records
            .documents()
            .iter()
            .map(|document| (&document.id, document))
            .collect();
        texts.len() == known.len()
            && texts.iter().all(|text| {
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
