//! `wattwise snapshot`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::json;

use super::args::{SnapshotAction, SnapshotArguments, VerifyArguments};
use super::{ExitStatus, diff, printer};
use crate::config::{EmbedConfig, File, IngestConfig, Layer as _};
use crate::model::GenerationId;
use crate::retrieve::check_embedder;
use crate::runtime::{blocking, clock, cpu_pool};
use crate::snapshot::{Manifest, SnapshotError, current, lock, open, unpublished};
use crate::wiring;

pub(super) async fn run(arguments: SnapshotArguments, file: File) -> anyhow::Result<ExitStatus> {
    let settings = IngestConfig {
        index: arguments.index,
        ..IngestConfig::default()
    }
    .over(file.ingest)
    .resolve()?;
    let (index, action) = (settings.index, arguments.action);
    if let SnapshotAction::Verify(arguments) = action {
        return verify(index, arguments, file.embed).await;
    }
    blocking::run(move || match action {
        SnapshotAction::List { json } => list(&index, json),
        SnapshotAction::Verify(_) => unreachable!("handled before the work turns blocking"),
        SnapshotAction::Diff { from, to, json } => diff::run(&index, &from, to.as_deref(), json),
        SnapshotAction::Rollback { generation } => rollback(&index, generation.as_deref()),
        SnapshotAction::Prune { keep } => prune(&index, keep),
    })
    .await
}

fn list(index: &Path, json: bool) -> anyhow::Result<ExitStatus> {
    let live = current::read(index).ok();
    for id in current::list(index)?.into_iter().rev() {
        let refusal = unpublished::reason(index, &id);
        let mark = match &refusal {
            _ if live.as_ref() == Some(&id) => "live",
            Some(reason) if reason.is_empty() => "unpublished",
            Some(_) => "refused",
            None => "",
        };
        let manifest = open::read_manifest(&index.join(id.as_str()), &id);
        printer::result(if json {
            as_json(&id, mark, refusal.as_deref(), &manifest)
        } else {
            as_line(&id, mark, refusal.as_deref(), &manifest)
        })?;
    }
    match live {
        Some(_) => Ok(ExitStatus::Done),
        None => Err(current::read(index).err().map_or_else(
            || anyhow::anyhow!("a generation was published just now; list again"),
            Into::into,
        )),
    }
}

fn as_line(
    id: &GenerationId,
    mark: &str,
    refusal: Option<&str>,
    manifest: &Result<Manifest, SnapshotError>,
) -> String {
    let described = match manifest {
        Ok(manifest) => format!(
            "{:>6} documents  {:>8} chunks  {}/{}  made {}",
            manifest.counts.documents,
            manifest.counts.chunks,
            manifest.embedder.adapter,
            manifest.embedder.model,
            clock::utc(manifest.created_at)
        ),
        Err(error) => error.to_string(),
    };
    format!(
        "{id}  {mark:<11}  {described}  {}",
        refusal.unwrap_or_default()
    )
    .trim_end()
    .to_owned()
}

fn as_json(
    id: &GenerationId,
    mark: &str,
    refusal: Option<&str>,
    manifest: &Result<Manifest, SnapshotError>,
) -> String {
    let counts = manifest.as_ref().ok().map(|manifest| manifest.counts);
    json!({
        "generation": id.as_str(),
        "live": mark == "live",
        "state": if mark.is_empty() { "old" } else { mark },
        "refusal": refusal.filter(|reason| !reason.is_empty()),
        "documents": counts.map(|counts| counts.documents),
        "chunks": counts.map(|counts| counts.chunks),
        "sentences": counts.map(|counts| counts.sentences),
        "embedder": manifest
            .as_ref()
            .ok()
            .map(|manifest| format!("{}/{}", manifest.embedder.adapter, manifest.embedder.model)),
        "created_at": manifest.as_ref().ok().map(|manifest| manifest.created_at),
        "error": manifest.as_ref().err().map(ToString::to_string),
    })
    .to_string()
}

async fn verify(
    index: PathBuf,
    arguments: VerifyArguments,
    file: EmbedConfig,
) -> anyhow::Result<ExitStatus> {
    let id = match arguments.generation.as_deref() {
        Some(text) => parse(text)?,
        None => current::read(&index)?,
    };
    let (opened, checked) = (id.clone(), arguments.files_only);
    let manifest = blocking::run(move || {
        open::open(&index, &opened, wiring::SEARCH_WIDTH)
            .map(|generation| generation.records.manifest)
    })
    .await?;
    let files = manifest.files.len();
    printer::result(format!(
        "{id} is whole: {files} files match their digests and open"
    ))?;
    if !checked {
        let settings = arguments
            .embed
            .over(file)
            .resolve(cpu_pool::available_threads())?;
        let embedder = wiring::embedder(settings).await?;
        check_embedder(&manifest, embedder.as_ref()).await??;
        printer::result(format!(
            "the embedder {}/{} gives the vectors of its {} probes",
            manifest.embedder.adapter,
            manifest.embedder.model,
            manifest.probes.len()
        ))?;
    }
    Ok(ExitStatus::Done)
}

fn rollback(index: &Path, named: Option<&str>) -> anyhow::Result<ExitStatus> {
    let _lock = lock::acquire(index, "a rollback")?;
    let live = current::read(index);
    let target = match (named, &live) {
        // Which one was live before need not be known, so that this mends a lost CURRENT.
        (Some(text), _) => parse(text)?,
        (None, Ok(live)) => current::list(index)?
            .into_iter()
            .rfind(|id| id < live && unpublished::reason(index, id).is_none())
            .context(
                "there is no generation before the live one; `wattwise snapshot list` shows all",
            )?,
        (None, Err(error)) => {
            bail!("{error}; `wattwise snapshot list` shows what can be named to be made live")
        }
    };
    open::open_records(index, &target)?;
    current::publish(index, &target)?;
    let before = live.map_or_else(|_| "none".to_owned(), |live| live.to_string());
    printer::result(format!("{target} is live now, {before} was before"))?;
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

pub(super) fn parse(text: &str) -> anyhow::Result<GenerationId> {
    match GenerationId::parse(text) {
        Some(id) => Ok(id),
        None => bail!("{text:?} is no generation; `wattwise snapshot list` shows all"),
    }
}
