//! Which generation is live, and which others there are.

use std::path::Path;

use super::SnapshotError;
use super::write::{TEMPORARY_PREFIX, io, sync_directory, write_synced};
use crate::model::GenerationId;

/// The file that names the live generation.
const CURRENT: &str = "CURRENT";

/// The live generation's id. [`SnapshotError::Missing`] when nothing has been published.
pub fn read(index: &Path) -> Result<GenerationId, SnapshotError> {
    let path = index.join(CURRENT);
    let text = match fs_err::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(SnapshotError::Missing {
                directory: index.to_owned(),
            });
        }
        Err(error) => return Err(io("read", &path)(error)),
    };
    GenerationId::parse(text.trim()).ok_or_else(|| SnapshotError::Damaged {
        generation: "unknown".to_owned(),
        file: CURRENT.to_owned(),
        reason: "it names no generation".to_owned(),
    })
}

/// Makes a finished generation the live one, atomically and durably.
pub fn publish(index: &Path, id: &GenerationId) -> Result<(), SnapshotError> {
    let temporary = index.join(".CURRENT.new");
    write_synced(&temporary, format!("{id}\n").as_bytes())?;
    let path = index.join(CURRENT);
    fs_err::rename(&temporary, &path).map_err(io("replace", &path))?;
    sync_directory(index)
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

/// Deletes all generations but the live one and the newest `keep` others, and what unfinished runs
/// left behind. The caller holds the lock.
pub fn prune(index: &Path, keep: usize) -> Result<Vec<GenerationId>, SnapshotError> {
    let live = read(index).ok();
    let mut others = list(index)?;
    others.retain(|id| Some(id) != live.as_ref());
    others.truncate(others.len().saturating_sub(keep));
    for id in &others {
        let path = index.join(id.as_str());
        fs_err::remove_dir_all(&path).map_err(io("delete", &path))?;
    }
    remove_unfinished(index)?;
    Ok(others)
}

/// Deletes what interrupted runs left behind. The caller holds the lock.
pub fn remove_unfinished(index: &Path) -> Result<(), SnapshotError> {
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
