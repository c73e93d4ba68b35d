//! `wattwise ingest`

use super::args::IngestArguments;
use super::{ExitStatus, printer};
use crate::config::{ConfigError, File, Layer as _};
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
    let embedder = wiring::embedder(embed).await?;
    let report = wiring::ingestor(settings, embedder, progress.clone())?
        .run()
        .await?;
    progress.suspend(|| printer::note(&report));
    if let Some(path) = arguments.report {
        fs_err::write(path, serde_json::to_vec_pretty(&report)?)?;
    }
    Ok(if report.is_complete() {
        ExitStatus::Done
    } else {
        ExitStatus::Partial
    })
}
