//! `wattwise ingest`

use std::sync::Arc;

use super::args::IngestArguments;
use super::gate::RecallGate;
use super::{ExitStatus, printer};
use crate::config::{ConfigError, File, Layer as _};
use crate::evaluate;
use crate::ingest::Progress;
use crate::runtime::cpu_pool;
use crate::wiring;

pub(super) async fn run(arguments: IngestArguments, file: File) -> anyhow::Result<ExitStatus> {
    let settings = arguments.ingest.over(file.ingest).resolve()?;
    let embed = arguments
        .embed
        .over(file.embed)
        .resolve(cpu_pool::available_threads())?;
    if arguments.print_config {
        printer::result(toml::to_string(&settings)?)?;
        printer::result(toml::to_string(&embed)?)?;
        return Ok(ExitStatus::Done);
    }
    if settings.urls.is_none() && settings.docs.is_empty() && settings.sitemap.is_empty() {
        return Err(ConfigError::Invalid {
            name: "--urls, --docs, --sitemap",
            reason:
                "there is nothing to ingest: name a URL list, folders of documents or a sitemap"
                    .to_owned(),
        }
        .into());
    }
    let progress = Progress::on_terminal();
    // Questions that cannot be read should not cost a run.
    let gate = match (&settings.gate, arguments.dry_run) {
        (Some(path), false) => Some((
            evaluate::read_questions(path).map_err(|error| ConfigError::Invalid {
                name: "--gate",
                reason: error.to_string(),
            })?,
            settings.gate_drop,
            settings.gate_shrink,
        )),
        _ => None,
    };
    let embedder = wiring::embedder(embed).await?;
    let mut ingestor = wiring::ingestor(
        settings,
        Arc::clone(&embedder),
        progress.clone(),
        arguments.dry_run,
    )?;
    if let Some((questions, drop, shrink)) = gate {
        ingestor = ingestor.with_gate(Arc::new(RecallGate::new(
            questions, drop, shrink, embedder,
        )?));
    }
    let report = ingestor.run().await?;
    progress.suspend(|| printer::note(&report));
    if let Some(path) = arguments.report {
        fs_err::write(path, serde_json::to_vec_pretty(&report)?)?;
    }
    Ok(if report.is_refused() {
        ExitStatus::Failed
    } else if report.is_complete() {
        ExitStatus::Done
    } else {
        ExitStatus::Partial
    })
}
