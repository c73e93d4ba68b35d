//! The stages of a run, in order.

use std::sync::Arc;
use std::time::Instant;

use url::Url;

use super::cache::Cache;
use super::extractor::Extractor;
use super::gate::PublishGate;
use super::gather::Gatherer;
use super::gathered::{Gathered, SECONDS_PER_DAY};
use super::memory::Memory;
use super::options::IngestOptions;
use super::report::{self, Report};
use super::select::{describe_failures, removed_rows, select};
use super::sources::{self, Named, Source};
use super::template::Templates;
use super::walk::Walk;
use super::{IngestError, Progress};
use crate::crawl::{Crawler, Credentials, FetchLimits, Masks};
use crate::embed::Embedder;
use crate::model::GenerationId;
use crate::runtime::{blocking, clock};
use crate::snapshot::last_run::{self, LastRun};
use crate::snapshot::{Records, SnapshotError, current, lock, open};

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
        self.note(&outcome);
        outcome
    }

    /// Leaves word of the run for whoever looks after the index.
    fn note(&self, outcome: &Result<Report, IngestError>) {
        let run = LastRun {
            finished_at: clock::now(),
            error: outcome.as_ref().err().map(ToString::to_string),
            report: outcome.as_ref().ok(),
        };
        if let Err(error) = last_run::write(&self.options.index, &run) {
            tracing::warn!(%error, "the report of this run cannot be kept; /status shows the one before");
        }
    }

    async fn run_locked(&self, now: i64, cache: &Arc<Cache>) -> Result<Report, IngestError> {
        let begun = Instant::now();
        let memory = Memory::open(&self.options.index);
        let masks = Masks::new(&self.options.mask_params, memory.salt);
        let mut credentials = Credentials::default();
        let named = Named {
            urls: self.options.urls.as_deref(),
            pages: &self.options.pages,
            folders: &self.options.folders,
            rules: self.options.folder_rules,
            index: &self.options.index,
        };
        let sources = sources::list(&named, &masks, &mut credentials)?;
        if sources.is_empty() && self.options.sitemaps.is_empty() {
            return Err(IngestError::NoSources);
        }
        let previous = self.open_previous().await;
        let sitemaps = self.options.sitemaps.iter().cloned();
        let sitemaps: Vec<Url> = sitemaps.map(|url| credentials.take(url)).collect();
        let fetch = FetchLimits {
            credentials,
            ..self.options.fetch.clone()
        };
        let gatherer = Gatherer {
            crawler: Crawler::new(fetch, self.options.manners.clone()),
            memory,
            masks,
            extractor: Extractor::new(self.options.extractor.clone(), self.embedder.token_rule()),
            max_file_bytes: self.options.fetch.max_bytes,
            now,
            cache: Arc::clone(cache),
            max_stale: self.max_stale(),
        };
        let mut gathered = self
            .gather(&gatherer, sources, &sitemaps, previous.as_deref())
            .await?;
        let mut templates = Templates::open(&self.options.index);
        templates.apply(&mut gathered, previous.as_deref())?;
        let (mut rows, texts, unindexed) = select(gathered);
        rows.extend(removed_rows(previous.as_deref(), &rows, &gatherer.masks));
        if texts.is_empty() {
            return Err(IngestError::NothingIndexed(describe_failures(&rows)));
        }
        let mut report = Report {
            dry_run: self.options.dry_run,
            ..Report::default()
        };
        let is_new = self
            .renew(texts, &gatherer, previous.as_ref(), &mut rows, &mut report)
            .await?;
        if report.published || !is_new {
            // What it remembers goes with the generation that lives.
            self.save_templates(&templates);
            cache.finish(&unindexed);
        } else {
            cache.drop_unused_texts();
            cache.drop_pages();
        }
        report::count(&rows, &mut report.totals);
        report.totals.seconds = begun.elapsed().as_secs_f64();
        report.sources = rows;
        Ok(report)
    }

    pub(super) fn max_stale(&self) -> Option<i64> {
        let days = self.options.max_stale_days;
        days.map(|days| i64::from(days) * SECONDS_PER_DAY)
    }

    /// The live generation's records, to compare with. One that cannot be opened costs time, not
    /// the run: everything is then done anew.
    async fn open_previous(&self) -> Option<Arc<Records>> {
        let index = self.options.index.clone();
        let opened = blocking::run(move || open::open_usable_records(&index)).await;
        match opened {
            Ok((records, refused)) => {
                for (id, error) in refused {
                    tracing::warn!(%error, snapshot.generation = %id, "a generation cannot be reused; an older one is");
                }
                Some(Arc::new(records))
            }
            Err(SnapshotError::Missing { .. }) => None,
            Err(error) => {
                tracing::warn!(%error, "the last generation cannot be reused; everything is ingested anew");
                None
            }
        }
    }

    /// Publishes what is up to date if `CURRENT` is lost or names something else, which is damaged
    /// then.
    pub(super) async fn name_current(&self, id: &GenerationId) -> Result<(), IngestError> {
        if self.options.dry_run {
            return Ok(());
        }
        let (index, id) = (self.options.index.clone(), id.clone());
        blocking::run(move || {
            if current::read(&index).is_ok_and(|named| named == id) {
                return Ok(());
            }
            current::publish(&index, &id)
        })
        .await?;
        Ok(())
    }

    /// Fetches and extracts all sources and what belongs to them.
    async fn gather(
        &self,
        gatherer: &Gatherer,
        sources: Vec<Source>,
        sitemaps: &[Url],
        previous: Option<&Records>,
    ) -> Result<Vec<Gathered>, IngestError> {
        let bar = self.progress.stage("extract", sources.len());
        let walk = Walk {
            gatherer,
            previous,
            concurrency: self.options.concurrency,
            limits: self.options.frontier,
            sitemaps,
            bar: &bar,
        };
        let gathered = walk.run(sources).await;
        bar.finish_and_clear();
        let gathered = gathered?;
        if self.options.dry_run {
            return Ok(gathered);
        }
        if let Err(error) = Memory::save(&self.options.index, gatherer.memory.salt, &gathered) {
            tracing::warn!(%error, "the links of this run cannot be kept; the next one reads all pages anew");
        }
        Ok(gathered)
    }

    fn save_templates(&self, templates: &Templates) {
        if self.options.dry_run {
            return;
        }
        if let Err(error) = templates.save(&self.options.index) {
            tracing::warn!(%error, "the blocks of this run's pages cannot be kept; the next one counts those it reads");
        }
    }
}
