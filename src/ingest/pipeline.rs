//! The stages of a run, in order.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use url::Url;

use super::assemble::{self, Assembled, Assembly, Prepared, Recalled};
use super::cache::{Cache, TextKey};
use super::extractor::{Extractor, ExtractorOptions};
use super::gate::{PublishGate, Verdict};
use super::gather::{self, Gathered, Gatherer, Text};
use super::memory::Memory;
use super::report::{self, Report, Row, Status, Totals};
use super::sources::{self, Source};
use super::walk::Walk;
use super::{IngestError, Progress};
use crate::chunk::ChunkParameters;
use crate::crawl::{Crawler, FetchLimits, FrontierLimits, Manners};
use crate::embed::Embedder;
use crate::extract::EXTRACTION_VERSION;
use crate::index::hnsw::HnswParameters;
use crate::model::{Document, DocumentId, GenerationId};
use crate::runtime::{blocking, clock, cpu_pool};
use crate::snapshot::{FORMAT, Records, SnapshotError, current, lock, open, write};

/// What to ingest and where to.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// JSON file with the addresses, if any.
    pub urls: Option<PathBuf>,
    /// Folders and files to read.
    pub folders: Vec<PathBuf>,
    /// The index directory.
    pub index: PathBuf,
    /// Generations kept besides the live one.
    pub keep: usize,
    /// Sources fetched at a time.
    pub concurrency: NonZeroUsize,
    /// Threads that build the graph.
    pub threads: NonZeroUsize,
    /// Bounds of a fetch.
    pub fetch: FetchLimits,
    /// What is owed to the sites.
    pub manners: Manners,
    /// How far links are followed.
    pub frontier: FrontierLimits,
    /// Sitemaps whose pages are fetched too, or a robots.txt that names them.
    pub sitemaps: Vec<Url>,
    /// Extraction workers.
    pub extractor: ExtractorOptions,
    /// How texts are split.
    pub chunking: ChunkParameters,
    /// How the graph is built.
    pub graph: HnswParameters,
    /// Days for which a failing source keeps its last good content; `None` is for ever.
    pub max_stale_days: Option<u32>,
    /// Only say what would happen.
    pub dry_run: bool,
}

/// Runs `ingest`.
pub struct Ingestor {
    options: IngestOptions,
    embedder: Arc<dyn Embedder>,
    progress: Progress,
    gate: Option<Arc<dyn PublishGate>>,
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
        let gathered = self
            .gather(sources, previous.as_deref(), now, cache)
            .await?;
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

    /// What [`Self::build`] would cost, without doing it.
    async fn plan(
        &self,
        texts: Vec<Text>,
        previous: Option<&Records>,
        cache: &Cache,
    ) -> Result<Built, IngestError> {
        let (texts, prepared) = self.split(texts).await?;
        let recalled = Recalled::of(&prepared, previous, cache, self.embedder.as_ref());
        let chunk_sources = prepared
            .iter()
            .map(|item| texts[item.document()].document.source.clone())
            .collect();
        Ok(Built {
            id: None,
            published: false,
            embedded: recalled.missing(),
            resumed: recalled.resumed,
            chunk_sources,
            verdict: None,
        })
    }

    /// Makes a generation and publishes it, unless the gate refuses.
    async fn build(
        &self,
        texts: Vec<Text>,
        previous: Option<Arc<Records>>,
        now: i64,
        cache: &Cache,
    ) -> Result<Built, IngestError> {
        let (texts, prepared) = self.split(texts).await?;
        let bar = self.progress.stage("embed", prepared.len());
        let assembly = Assembly {
            parameters: self.options.chunking,
            previous: previous.as_deref(),
            embedder: &self.embedder,
            cache,
            bar: &bar,
            now,
        };
        let assembled = assemble::assemble(texts, prepared, assembly).await;
        bar.finish();
        let Assembled {
            contents,
            embedded,
            resumed,
        } = assembled?;
        let live = previous.map(|records| records.manifest.generation.clone());

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

    async fn split(&self, texts: Vec<Text>) -> Result<(Vec<Text>, Vec<Prepared>), IngestError> {
        let embedder = Arc::clone(&self.embedder);
        let chunking = self.options.chunking;
        let (texts, prepared) = blocking::run(move || {
            let prepared = assemble::prepare(&texts, &chunking, embedder.as_ref());
            (texts, prepared)
        })
        .await;
        if prepared.is_empty() {
            return Err(IngestError::NothingIndexed(
                "the documents have no text to split".to_owned(),
            ));
        }
        Ok((texts, prepared))
    }
}

/// A generation that was made, or would be.
struct Built {
    id: Option<GenerationId>,
    published: bool,
    embedded: usize,
    resumed: usize,
    /// For each chunk, which source it is from.
    chunk_sources: Vec<String>,
    verdict: Option<Verdict>,
}

/// Rows for the report; the texts to index: of several sources with the same text, the first; and
/// where the cache has the other texts, which no generation will hold.
fn select(gathered: Vec<Gathered>) -> (Vec<Row>, Vec<Text>, HashSet<TextKey>) {
    let mut unindexed = HashSet::new();
    let mut rows = Vec::with_capacity(gathered.len());
    let mut texts: Vec<Text> = Vec::new();
    let mut first_with: HashMap<String, String> = HashMap::new();
    for item in gathered {
        let mut row = Row {
            source: item.source,
            status: item.status,
            reason: item.reason,
            warnings: item.warnings,
            bytes: item.bytes,
            chunks: 0,
            seconds: item.seconds,
            stale_since: item.stale_since,
        };
        if let Some(text) = item.text {
            if let Some(first) = first_with.get(&text.document.text_digest) {
                row.status = Status::Duplicate;
                row.reason = Some(format!("same text as {first}"));
                unindexed.extend(item.text_key);
            } else {
                first_with.insert(text.document.text_digest.clone(), row.source.clone());
                texts.push(text);
            }
        }
        rows.push(row);
    }
    (rows, texts, unindexed)
}

/// Documents of the generation before that no source names any more.
fn removed_rows(previous: Option<&Records>, rows: &[Row]) -> Vec<Row> {
    let named: HashSet<&str> = rows.iter().map(|row| row.source.as_str()).collect();
    let documents = previous.map(Records::documents).unwrap_or_default();
    documents
        .iter()
        .filter(|document| !named.contains(document.source.as_str()))
        .map(|document| Row {
            source: document.source.clone(),
            status: Status::Removed,
            reason: Some("no longer among the sources".to_owned()),
            warnings: Vec::new(),
            bytes: 0,
            chunks: 0,
            seconds: 0.0,
            stale_since: None,
        })
        .collect()
}

fn with_chunk_counts<'a>(
    mut rows: Vec<Row>,
    chunk_sources: impl Iterator<Item = &'a str>,
) -> Vec<Row> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for source in chunk_sources {
        *counts.entry(source).or_default() += 1;
    }
    for row in &mut rows {
        row.chunks = counts.get(row.source.as_str()).copied().unwrap_or(0);
    }
    rows
}

fn describe_failures(rows: &[Row]) -> String {
    let failures: Vec<String> = rows
        .iter()
        .map(|row| {
            format!(
                "{} ({})",
                row.source,
                row.reason.as_deref().unwrap_or(row.status.as_str())
            )
        })
        .collect();
    format!("{} sources were tried: {}", rows.len(), failures.join("; "))
}
