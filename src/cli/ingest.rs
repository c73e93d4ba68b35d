//! `wattwise ingest`

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use super::args::IngestArguments;
use super::gate::RecallGate;
use super::named::Named;
use super::{ExitStatus, printer};
use crate::config::{ConfigError, File, IngestSettings, Layer as _};
use crate::embed::Embedder;
use crate::evaluate;
use crate::ingest::{FolderRules, MEMORY, Progress, Report, Watch};
use crate::notify::Notifier;
use crate::runtime::cpu_pool;
use crate::snapshot::current;
use crate::wiring::{self, Index};

pub(super) async fn run(
    arguments: IngestArguments,
    file: File,
    quiet: bool,
) -> anyhow::Result<ExitStatus> {
    let named = Named::read(&arguments.sources)?;
    let (flags, below) = named.over(arguments.ingest, file.ingest);
    let settings = flags.over(below).resolve()?;
    let embed = arguments
        .embed
        .over(file.embed)
        .resolve(cpu_pool::available_threads())?;
    if arguments.print_config {
        printer::result(toml::to_string(&settings)?)?;
        printer::result(toml::to_string(&embed)?)?;
        return Ok(ExitStatus::Done);
    }
    check_sources(&settings, arguments.watch)?;
    if let Some(report) = &arguments.report {
        printer::check(report)?;
    }
    let progress = if quiet {
        Progress::hidden()
    } else {
        Progress::on_terminal()
    };
    let notifier = wiring::notifier(&settings)?.filter(|_| !arguments.dry_run);
    let embedder = match wiring::embedder(embed).await {
        Ok(embedder) => embedder,
        Err(error) => {
            told(notifier.as_ref(), Err(&error)).await;
            return Err(error);
        }
    };
    let publishes = !arguments.dry_run;
    let run = Run::new(settings, notifier, embedder, progress.clone(), publishes)?;
    let hears = Told {
        quiet: quiet && !arguments.dry_run,
        report: arguments.report.as_deref(),
    };
    let work = async {
        if arguments.watch {
            return watch(&run, hears).await;
        }
        let report = run.once().await?;
        progress.suspend(|| hears.tell(&report))
    };
    let outcome = interruptible(work, &progress, &run.settings.index).await?;
    Ok(outcome.unwrap_or(ExitStatus::Interrupted))
}

/// Ctrl-C ends `work`, which reads sources, and is told what it leaves.
pub(super) async fn interruptible<T>(
    work: impl Future<Output = anyhow::Result<T>>,
    progress: &Progress,
    index: &Path,
) -> anyhow::Result<Option<T>> {
    tokio::select! {
        outcome = work => outcome.map(Some),
        _ = tokio::signal::ctrl_c() => {
            progress.clear();
            printer::note(kept(index));
            Ok(None)
        }
    }
}

fn check_sources(settings: &IngestSettings, watches: bool) -> Result<(), ConfigError> {
    let invalid = |name, reason: &str| {
        Err(ConfigError::Invalid {
            name,
            reason: reason.to_owned(),
        })
    };
    let is_empty = settings.urls.is_none()
        && settings.pages.is_empty()
        && settings.docs.is_empty()
        && settings.sitemap.is_empty();
    if is_empty {
        return invalid(
            "--urls, --docs, --sitemap",
            "there is nothing to ingest: name folders, files or addresses, such as `wattwise ingest ~/Documents https://www.example.org/page`, a list of addresses or a sitemap",
        );
    }
    if watches && settings.docs.is_empty() {
        return invalid("--watch", "there is no folder to watch: name one");
    }
    if watches && settings.urls.as_deref() == Some(Path::new("-")) {
        return invalid(
            "--watch",
            "standard input can be read once: name a file with --urls",
        );
    }
    Ok(())
}

/// A run, as often as it is wanted.
pub(super) struct Run {
    pub(super) settings: IngestSettings,
    pub(super) embedder: Arc<dyn Embedder>,
    pub(super) progress: Progress,
    pub(super) publishes: bool,
    pub(super) notifier: Option<Notifier>,
    index: Index,
}

/// Tells whoever is to know how a run ended; that it could not be told does not change how.
async fn told(notifier: Option<&Notifier>, outcome: Result<&Report, &anyhow::Error>) {
    if let Some(notifier) = notifier {
        let error = outcome.as_ref().err().map(|error| format!("{error:#}"));
        let outcome = outcome.map_err(|_| error.as_deref().unwrap_or_default());
        notifier.tell(outcome).await;
    }
}

impl Run {
    /// The settings' index may be an address; afterwards it is the folder that a run writes to.
    pub(super) fn new(
        mut settings: IngestSettings,
        notifier: Option<Notifier>,
        embedder: Arc<dyn Embedder>,
        progress: Progress,
        publishes: bool,
    ) -> anyhow::Result<Self> {
        let index = Index::at(&settings.index, settings.index_cache.as_deref())?;
        index.folder_to_write().clone_into(&mut settings.index);
        Ok(Self {
            settings,
            embedder,
            progress,
            publishes,
            notifier,
            index,
        })
    }

    pub(super) async fn once(&self) -> anyhow::Result<Report> {
        let outcome = self.publish().await;
        told(self.notifier.as_ref(), outcome.as_ref()).await;
        outcome
    }

    async fn publish(&self) -> anyhow::Result<Report> {
        // Questions that cannot be read should not cost a run.
        let gate = match (&self.settings.gate, self.publishes) {
            (Some(path), true) => Some(RecallGate::new(
                evaluate::read_questions(path).map_err(|error| ConfigError::Invalid {
                    name: "--gate",
                    reason: error.to_string(),
                })?,
                self.settings.gate_drop,
                self.settings.gate_shrink,
                Arc::clone(&self.embedder),
            )?),
            _ => None,
        };
        let mut ingestor = wiring::ingestor(
            self.settings.clone(),
            Arc::clone(&self.embedder),
            self.progress.clone(),
            !self.publishes,
        )?;
        if let Some(gate) = gate {
            ingestor = ingestor.with_gate(Arc::new(gate));
        }
        let base = Box::pin(self.index.pull(&MEMORY)).await?;
        let outcome = ingestor.run().await;
        if !self.publishes {
            return Ok(outcome?);
        }
        let pushed = match &outcome {
            Ok(_) => Box::pin(self.index.push(&base, self.settings.keep)).await,
            Err(_) => Ok(()),
        };
        Box::pin(self.index.leave(&MEMORY)).await;
        let report = outcome?;
        pushed.with_context(|| {
            format!(
                "generation {} lies in {} and was not published",
                report.generation,
                self.settings.index.display()
            )
        })?;
        Ok(report)
    }

    /// Runs again after each change in the folders, for ever; `told` hears how each run ended.
    pub(super) async fn again(&self, told: impl Fn(anyhow::Result<Report>)) {
        let rules = FolderRules {
            follow_links: self.settings.follow_links,
            all_files: self.settings.all_files,
        };
        let watch = Watch::new(
            self.settings.docs.clone(),
            rules,
            self.settings.index.clone(),
        );
        loop {
            // What changes while a run is at work is seen after it.
            let before = watch.look().await;
            told(self.once().await);
            watch.change(before).await;
        }
    }
}

async fn watch(run: &Run, told: Told<'_>) -> anyhow::Result<ExitStatus> {
    let tell = |outcome: anyhow::Result<Report>| {
        run.progress
            .suspend(|| match outcome.and_then(|report| told.tell(&report)) {
                Ok(_) => {}
                Err(error) => printer::error(&error),
            });
        if !told.quiet {
            printer::note("Watching the folders; Ctrl-C ends.");
        }
    };
    run.again(tell).await;
    Ok(ExitStatus::Done)
}

/// Who is told how a run ended.
#[derive(Clone, Copy)]
struct Told<'a> {
    /// Only what needs a look goes to the terminal; the whole report goes into the log.
    quiet: bool,
    report: Option<&'a Path>,
}

impl Told<'_> {
    fn tell(self, report: &Report) -> anyhow::Result<ExitStatus> {
        if self.quiet {
            tracing::info!("{report}");
            if let Some(attention) = report.attention() {
                printer::note(attention);
            }
        } else {
            printer::note(report);
        }
        if let Some(path) = self.report {
            printer::write(path, &serde_json::to_vec_pretty(report)?)?;
        }
        Ok(if report.is_refused() {
            ExitStatus::Failed
        } else if report.is_complete() {
            ExitStatus::Done
        } else {
            ExitStatus::Partial
        })
    }
}

/// What an interrupted run leaves.
fn kept(index: &Path) -> String {
    let live = match current::read(index) {
        Ok(id) => format!("generation {id} answers as before"),
        Err(_) => "there is no generation yet".to_owned(),
    };
    format!(
        "Stopped; {live}. What was fetched, read and embedded so far is kept in {}: the same command goes on from there.",
        index.display()
    )
}
