//! Which generation is live, and which others there are.

use std::path::Path;

use super::pointer::CURRENT;
pub use super::pointer::read;
use super::synced::{TEMPORARY_PREFIX, io, sync_directory, write_synced};
use super::{SnapshotError, unpublished};
use crate::model::GenerationId;

/// Its successor until it is renamed.
const NEXT: &str = ".CURRENT.new";

/// Makes a finished generation the live one, atomically and durably.
pub fn publish(index: &Path, id: &GenerationId) -> Result<(), SnapshotError> {
    let temporary = index.join(NEXT);
    // Whatever lies there is no file of this run.
    let _ = fs_err::remove_file(&temporary);
    write_synced(&temporary, format!("{id}\n").as_bytes())?;
    let path = index.join(CURRENT);
    fs_err::rename(&temporary, &path).map_err(io("replace", &path))?;
    sync_directory(index)?;
    unpublished::unmark(index, id)
}

/// All finished generations, oldest first.
pub fn list(index: &Path) -> Result<Vec<GenerationId>, SnapshotError> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(index).map_err(io("list", index))? {
        let entry = entry.map_err(io("list", index))?;
        if let Some(id) = entry.file_name().to_str().and_then(GenerationId::parse)
            && entry.path().is_dir()
        {
            found.push(id);
        }
    }
    found.sort();
    Ok(found)
}

/// Deletes all generations but the live one and the newest `keep` others that were live once, and
/// what unfinished runs left behind. The caller holds the lock.
pub fn prune(index: &Path, keep: usize) -> Result<Vec<GenerationId>, SnapshotError> {
    let live = read(index).ok();
    let mut others = list(index)?;
    others.retain(|id| Some(id) != live.as_ref());
    let (mut gone, mut published): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|id| unpublished::reason(index, id).is_some());
    published.truncate(published.len().saturating_sub(keep));
    gone.extend(published);
    for id in &gone {
        delete(index, id)?;
    }
    remove_unfinished(index)?;
    Ok(gone)
}

/// Marks a finished generation as refused and deletes those refused before it: one is enough to
/// look into, and runs that are refused every night must not fill the disk.
pub fn refuse(index: &Path, id: &GenerationId, reason: &str) -> Result<(), SnapshotError> {
    unpublished::mark(index, id, reason)?;
    for other in unpublished::marked(index)? {
        if other != *id && unpublished::reason(index, &other).is_some() {
            delete(index, &other)?;
        }
    }
    Ok(())
}

fn delete(index: &Path, id: &GenerationId) -> Result<(), SnapshotError> {
    let path = index.join(id.as_str());
    // A deletion that is interrupted must not leave half a generation under its name.
    let doomed = index.join(format!("{TEMPORARY_PREFIX}{id}"));
    match fs_err::rename(&path, &doomed) {
        Ok(()) => fs_err::remove_dir_all(&doomed).map_err(io("delete", &path))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(io("delete", &path)(error)),
    }
    unpublished::unmark(index, id)
}

/// Deletes what interrupted runs left behind. The caller holds the lock.
pub fn remove_unfinished(index: &Path) -> Result<(), SnapshotError> {
    for id in unpublished::marked(index)? {
        match unpublished::reason(index, &id) {
            // Refused by a gate: it stays for a look until the next one is published or refused.
            Some(reason) if !reason.is_empty() => {}
            Some(_) => delete(index, &id)?,
            None => unpublished::unmark(index, &id)?,
        }
    }
    let _ = fs_err::remove_file(index.join(NEXT));
    for entry in fs_err::read_dir(index).map_err(io("list", index))? {
        let path = entry.map_err(io("list", index))?.path();
        let is_unfinished = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(TEMPORARY_PREFIX));
        if is_unfinished {
            fs_err::remove_dir_all(&path).map_err(io("delete", &path))?;
        }
    }
    Ok(())
}
