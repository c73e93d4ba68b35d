//! `wattwise snapshot`

use std::path::Path;

use anyhow::{Context as _, bail};

use super::args::{SnapshotAction, SnapshotArguments};
use super::{ExitStatus, printer};
use crate::config::{File, IngestConfig, Layer as _};
use crate::model::GenerationId;
use crate::runtime::blocking;
use crate::snapshot::{current, lock, open};
use crate::wiring;

pub(super) async fn run(arguments: SnapshotArguments, file: File) -> anyhow::Result<ExitStatus> {
    let settings = IngestConfig {
        index: arguments.index,
        ..IngestConfig::default()
    }
    .over(file.ingest)
    .resolve()?;
    let (index, action) = (settings.index, arguments.action);
    blocking::run(move || match action {
        SnapshotAction::List => list(&index),
        SnapshotAction::Verify { generation } => verify(&index, generation.as_deref()),
        SnapshotAction::Rollback { generation } => rollback(&index, generation.as_deref()),
        SnapshotAction::Prune { keep } => prune(&index, keep),
    })
    .await
}

fn list(index: &Path) -> anyhow::Result<ExitStatus> {
    let live = current::read(index)?;
    for id in current::list(index)?.into_iter().rev() {
        let mark = if id == live { "live" } else { "" };
        let line = match open::read_manifest(&index.join(id.as_str()), &id) {
            Ok(manifest) => format!(
                "{id}  {mark:<4}  {:>6} documents  {:>8} chunks  {}/{}  made at Unix time {}",
                manifest.counts.documents,
                manifest.counts.chunks,
                manifest.embedder.adapter,
                manifest.embedder.model,
                manifest.created_at
            ),
            Err(error) => format!("{id}  {mark:<4}  {error}"),
        };
        printer::result(line)?;
    }
    Ok(ExitStatus::Done)
}

fn verify(index: &Path, named: Option<&str>) -> anyhow::Result<ExitStatus> {
    let id = match named {
        Some(text) => parse(text)?,
        None => current::read(index)?,
    };
    let generation = open::open(index, &id, wiring::SEARCH_WIDTH)?;
    let files = generation.records.manifest.files.len();
    printer::result(format!(
        "{id} is whole: {files} files match their digests and open"
    ))?;
    Ok(ExitStatus::Done)
}

fn rollback(index: &Path, named: Option<&str>) -> anyhow::Result<ExitStatus> {
    let _lock = lock::acquire(index, "a rollback")?;
    let live = current::read(index)?;
    let target = match named {
        Some(text) => parse(text)?,
        None => current::list(index)?
            .into_iter()
            .rfind(|id| *id < live)
            .context(
                "there is no generation before the live one; `wattwise snapshot list` shows all",
            )?,
    };
    open::open_records(index, &target)?;
    current::publish(index, &target)?;
    printer::result(format!("{target} is live now, {live} was before"))?;
    Ok(ExitStatus::Done)
}

fn prune(index: &Path, keep: usize) -> anyhow::Result<ExitStatus> {
    let _lock = lock::acquire(index, "a prune")?;
    // Without a live generation nothing says which ones may go.
    current::read(index)?;
    for id in current::prune(index, keep)? {
        printer::result(format!("deleted {id}"))?;
    }
    Ok(ExitStatus::Done)
}

fn parse(text: &str) -> anyhow::Result<GenerationId> {
    match GenerationId::parse(text) {
        Some(id) => Ok(id),
        None => bail!("{text:?} is no generation; `wattwise snapshot list` shows all"),
    }
}
