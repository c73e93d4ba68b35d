//! Generations in a folder, as `wattwise snapshot` names, lists, proves and reports them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::json;

use super::args::VerifyArguments;
use super::{ExitStatus, printer};
use crate::config::{EmbedConfig, Layer as _};
use crate::model::GenerationId;
use crate::retrieve::check_embedder;
use crate::runtime::{blocking, clock, cpu_pool};
use crate::snapshot::{Manifest, SnapshotError, current, open, unpublished};
use crate::wiring;

pub(super) fn list(index: &Path, json: bool) -> anyhow::Result<ExitStatus> {
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

pub(super) async fn verify(
    index: PathBuf,
    arguments: VerifyArguments,
    file: EmbedConfig,
) -> anyhow::Result<ExitStatus> {
    let id = match arguments.generation.as_deref() {
        Some(text) => find(&index, text)?,
        None => current::read(&index)?,
    };
    let opened = id.clone();
    let manifest = blocking::run(move || {
        open::verify(&index, &opened, wiring::SEARCH_WIDTH)
            .map(|generation| generation.records.manifest)
    })
    .await?;
    let files = manifest.files.len();
    printer::result(format!(
        "{id} is whole: {files} files match their digests and open"
    ))?;
    check_probes(&manifest, arguments, file).await
}

/// Compares the embedder with the one that made the vectors, unless only files are to be looked at.
pub(super) async fn check_probes(
    manifest: &Manifest,
    arguments: VerifyArguments,
    file: EmbedConfig,
) -> anyhow::Result<ExitStatus> {
    if arguments.files_only {
        return Ok(ExitStatus::Done);
    }
    let settings = arguments
        .embed
        .over(file)
        .resolve(cpu_pool::available_threads())?;
    let embedder = wiring::embedder(settings).await?;
    check_embedder(manifest, embedder.as_ref()).await??;
    printer::result(format!(
        "the embedder {}/{} gives the vectors of its {} probes",
        manifest.embedder.adapter,
        manifest.embedder.model,
        manifest.probes.len()
    ))?;
    Ok(ExitStatus::Done)
}

/// What is to be made live: the one that is named, else the one before the live one.
pub(super) fn target(
    index: &Path,
    named: Option<&str>,
    live: Option<&GenerationId>,
) -> anyhow::Result<GenerationId> {
    if let Some(text) = named {
        return find(index, text);
    }
    current::list(index)?
        .into_iter()
        .rfind(|id| Some(id) < live && unpublished::reason(index, id).is_none())
        .context("there is no generation before the live one; `wattwise snapshot list` shows all")
}

pub(super) fn rolled_back(
    target: &GenerationId,
    live: Option<&GenerationId>,
) -> anyhow::Result<ExitStatus> {
    let before = live.map_or("none", GenerationId::as_str);
    printer::result(format!("{target} is live now, {before} was before"))?;
    Ok(ExitStatus::Done)
}

pub(super) fn told_pruned(gone: &[GenerationId], json: bool) -> anyhow::Result<ExitStatus> {
    for id in gone {
        printer::result(if json {
            json!({"deleted": id.as_str()}).to_string()
        } else {
            format!("deleted {id}")
        })?;
    }
    Ok(ExitStatus::Done)
}

/// The one generation whose id is, or begins with, `text`.
pub(super) fn find(index: &Path, text: &str) -> anyhow::Result<GenerationId> {
    let all = current::list(index)?;
    let found: Vec<&GenerationId> = all
        .iter()
        .filter(|id| !text.is_empty() && id.as_str().starts_with(text))
        .collect();
    match found[..] {
        [id] => Ok(id.clone()),
        [] => bail!(
            "{} holds no generation {text:?}; `wattwise snapshot list` shows all",
            index.display()
        ),
        _ => bail!(
            "{text:?} begins {} generations; write more of the one that you mean, as `wattwise snapshot list` shows it",
            found.len()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_is_found_by_the_beginning_of_its_id() {
        let index = tempfile::tempdir().unwrap();
        let ids = [
            "01900000-0000-7000-8000-000000000000",
            "01910000-0000-7000-8000-000000000000",
        ];
        for id in ids {
            fs_err::create_dir(index.path().join(id)).unwrap();
        }
        let found = |text| find(index.path(), text).map_err(|error| error.to_string());
        assert_eq!(found("0191").unwrap().as_str(), ids[1]);
        assert_eq!(found(ids[0]).unwrap().as_str(), ids[0]);
        assert!(found("019").unwrap_err().contains("2 generations"));
        for nothing in ["", "x", "../.."] {
            assert!(found(nothing).unwrap_err().contains("snapshot list"));
        }
    }
}
