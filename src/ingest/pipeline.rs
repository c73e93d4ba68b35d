//! The stages of a run, in order.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use url::Url;

use super::assemble::{self, Prepared};
use super::extractor::{Extractor, ExtractorOptions};
use super::gather::{Gathered, Gatherer, Text};
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
use crate::model::GenerationId;
use crate::runtime::{blocking, cpu_pool};
use crate::snapshot::{Records, SnapshotError, current, lock, open, write};

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
}

/// Runs `ingest`.
pub struct Ingestor {
    options: IngestOptions,
    embedder: Arc<dyn Embedder>,
    progress: Progress,
}

impl Ingestor {
    /// Nothing is touched before [`Self::run`].
    pub fn new(options: IngestOptions, embedder: Arc<dyn Embedder>, progress: Progress) -> Self {
        Self {
            options,
            embedder,
            progress,
        }
    }

    /// One run: list, fetch and extract, split, embed, write, publish, prune.
    ///
    /// On an error nothing was published and the generation before is still live.
    pub async fn run(&self) -> Result<Report, IngestError> {
        let begun = Instant::now();
        let now = seconds_since_epoch();
        let _lock = lock::acquire(&self.options.index, &format!("Unix time {now}"))?;
        current::remove_unfinished(&self.options.index)?;

        let sources = sources::list(self.options.urls.as_deref(), &self.options.folders)?;
        if sources.is_empty() && self.options.sitemaps.is_empty() {
            return Err(IngestError::NoSources);
        }
        let previous = self.open_previous().await;
        let gathered = self.gather(sources, previous.as_deref(), now).await?;
        let (mut rows, texts) = select(gathered);
        rows.extend(removed_rows(previous.as_deref(), &rows));
        if texts.is_empty() {
            return Err(IngestError::NothingIndexed(describe_failures(&rows)));
        }

        let mut totals = Totals {
            documents: texts.len(),
            ..Totals::default()
        };
        report::count(&rows, &mut totals);
        let (generation, published, rows) = match previous.as_deref() {
            Some(records) if self.is_up_to_date(records, &rows) => {
                totals.chunks = records.chunks().len();
                let rows = with_chunk_counts(
                    rows,
                    records
                        .chunks()
                        .iter()
                        .map(|chunk| records.document_of(chunk).source.as_str()),
                );
                (records.manifest.generation.clone(), false, rows)
            }
            _ => {
                let (generation, embedded, chunk_sources) =
                    self.build(texts, previous.clone(), now).await?;
                totals.embedded = embedded;
                totals.chunks = chunk_sources.len();
                let rows = with_chunk_counts(rows, chunk_sources.iter().map(String::as_str));
                (generation, true, rows)
            }
        };
        totals.seconds = begun.elapsed().as_secs_f64();
        Ok(Report {
            generation: generation.to_string(),
            published,
            sources: rows,
            totals,
        })
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
    ) -> Result<Vec<Gathered>, IngestError> {
        let gatherer = Gatherer {
            crawler: Crawler::new(self.options.fetch.clone(), self.options.manners.clone())
                .map_err(IngestError::Crawler)?,
            memory: Memory::open(&self.options.index),
            extractor: Extractor::new(self.options.extractor.clone()),
            max_file_bytes: self.options.fetch.max_bytes,
            now,
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
        if let Err(error) = Memory::save(&self.options.index, &gathered) {
            tracing::warn!(%error, "the links of this run cannot be kept; the next one reads all pages anew");
        }
        Ok(gathered)
    }

    fn is_up_to_date(&self, records: &Records, rows: &[Row]) -> bool {
        let manifest = &records.manifest;
        rows.iter().all(|row| {
            matches!(
                row.status,
                Status::Unchanged | Status::Duplicate | Status::Skipped | Status::Failed
            )
        }) && rows
            .iter()
            .filter(|row| row.status == Status::Unchanged)
            .count()
            == records.documents().len()
            && records
                .documents()
                .iter()
                .all(|document| document.stale_since.is_none())
            && manifest.embedder == *self.embedder.fingerprint()
            && manifest.chunking == self.options.chunking
            && manifest.graph == self.options.graph
            && manifest.extraction_version == EXTRACTION_VERSION
    }

    /// Makes and publishes a generation. Also says how many passages were embedded and, for each
    /// chunk, which source it is from.
    async fn build(
        &self,
        texts: Vec<Text>,
        previous: Option<Arc<Records>>,
        now: i64,
    ) -> Result<(GenerationId, usize, Vec<String>), IngestError> {
        let (texts, prepared) = self.split(texts).await;
        if prepared.is_empty() {
            return Err(IngestError::NothingIndexed(
                "the documents have no text to split".to_owned(),
            ));
        }
        let bar = self.progress.stage("embed", prepared.len());
        let assembled = assemble::assemble(
            texts,
            prepared,
            self.options.chunking,
            previous.as_deref(),
            &self.embedder,
            &bar,
            now,
        )
        .await;
        bar.finish();
        let (contents, embedded) = assembled?;
        drop(previous);

        let spinner = self.progress.spinner("index");
        let options = self.options.clone();
        let written = blocking::run(move || -> Result<_, IngestError> {
            let pool = cpu_pool::build("graph", options.threads);
            let id = write::write(&options.index, &contents, options.graph, &pool)?;
            current::publish(&options.index, &id)?;
            current::prune(&options.index, options.keep)?;
            let sources = contents
                .chunks
                .iter()
                .map(|chunk| contents.documents[chunk.document as usize].source.clone())
                .collect();
            Ok((id, sources))
        })
        .await;
        spinner.finish_and_clear();
        let (id, sources) = written?;
        Ok((id, embedded, sources))
    }

    async fn split(&self, texts: Vec<Text>) -> (Vec<Text>, Vec<Prepared>) {
        let embedder = Arc::clone(&self.embedder);
        let chunking = self.options.chunking;
        blocking::run(move || {
            let prepared = assemble::prepare(&texts, &chunking, embedder.as_ref());
            (texts, prepared)
        })
        .await
    }
}

/// Rows for the report, and the texts to index: of several sources with the same text, the first.
fn select(gathered: Vec<Gathered>) -> (Vec<Row>, Vec<Text>) {
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
        };
        if let Some(text) = item.text {
            if let Some(first) = first_with.get(&text.document.text_digest) {
                row.status = Status::Duplicate;
                row.reason = Some(format!("same text as {first}"));
            } else {
                first_with.insert(text.document.text_digest.clone(), row.source.clone());
                texts.push(text);
            }
        }
        rows.push(row);
    }
    (rows, texts)
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

fn seconds_since_epoch() -> i64 {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}
