//! What is wrong with a file of a generation, as an error that names it.

use super::SnapshotError;
use super::manifest::{self, FileEntry, Manifest};
use crate::model::GenerationId;

/// Refuses a file whose name leads out of its directory, or to the manifest.
pub fn check_name(id: &GenerationId, entry: &FileEntry) -> Result<(), SnapshotError> {
    let name = entry.name.as_str();
    let leaves = name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.');
    if leaves || name == manifest::FILE || name == manifest::DIGEST_FILE {
        let reason = "its name leaves the directory".to_owned();
        return Err(damaged_file(id, entry, reason));
    }
    Ok(())
}

/// A file of a generation that is not what the manifest says.
pub fn damaged_file(id: &GenerationId, entry: &FileEntry, reason: String) -> SnapshotError {
    SnapshotError::Damaged {
        generation: id.to_string(),
        file: entry.name.clone(),
        reason,
    }
}

/// The same of a file by its name.
pub(super) fn damaged(manifest: &Manifest, file: &str, reason: String) -> SnapshotError {
    SnapshotError::Damaged {
        generation: manifest.generation.to_string(),
        file: file.to_owned(),
        reason,
    }
}
