//! Files and names that are on the disk before the next step begins.

use std::path::Path;

use super::SnapshotError;

/// Directories under this prefix are unfinished and belong to the run that holds the lock.
pub(super) const TEMPORARY_PREFIX: &str = ".writing-";

/// Writes a whole file and waits until it is on the disk.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), SnapshotError> {
    fs_err::write(path, bytes).map_err(io("write", path))?;
    fs_err::File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(io("sync", path))
}

/// Waits until the names in a directory are on the disk.
pub(super) fn sync_directory(path: &Path) -> Result<(), SnapshotError> {
    fs_err::File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(io("sync", path))
}

/// Puts the action and the path to an I/O error.
pub(super) fn io(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(std::io::Error) -> SnapshotError {
    let path = path.to_owned();
    move |source| SnapshotError::Io {
        action,
        path,
        source,
    }
}
