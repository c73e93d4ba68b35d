//! Compares the files of a generation with its manifest.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use super::SnapshotError;
use super::damage::{check_name, damaged_file};
use super::manifest::FileEntry;
use super::synced::io;
use super::verified::Verified;
use crate::model::GenerationId;
use crate::runtime::{cpu_pool, files};

/// Compares all files with their entries, several at a time. Of several damaged ones the first is
/// named.
pub(super) fn check_files(
    directory: &Path,
    id: &GenerationId,
    entries: &[FileEntry],
    verified: &Verified,
) -> Result<(), SnapshotError> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<(), (usize, SnapshotError)> {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(entry) = entries.get(at) else {
                return Ok(());
            };
            check_file(directory, id, entry, verified).map_err(|error| (at, error))?;
        }
    };
    let threads = cpu_pool::available_threads().get().min(entries.len());
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let others = helpers.into_iter().map(|helper| match helper.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        others.chain([own]).collect()
    });
    let failed = outcomes.into_iter().filter_map(Result::err);
    match failed.min_by_key(|(at, _)| *at) {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

/// Compares a file with its entry: length first, then digest.
pub(super) fn check_file(
    directory: &Path,
    id: &GenerationId,
    entry: &FileEntry,
    verified: &Verified,
) -> Result<(), SnapshotError> {
    let damaged = |reason: String| damaged_file(id, entry, reason);
    check_name(id, entry)?;
    let path = directory.join(&entry.name);
    let file = files::open(&path).map_err(|error| damaged(error.to_string()))?;
    let begun = SystemTime::now();
    let metadata = file.metadata().map_err(io("read", &path))?;
    let length = metadata.len();
    if length != entry.bytes {
        return Err(damaged(format!(
            "it has {length} bytes, the manifest says {}",
            entry.bytes
        )));
    }
    if verified.knows(&metadata, &entry.blake3) {
        return Ok(());
    }
    let mut hasher = blake3::Hasher::new();
    std::io::copy(
        &mut std::io::BufReader::with_capacity(1 << 18, file),
        &mut hasher,
    )
    .map_err(io("read", &path))?;
    if hasher.finalize().to_hex().as_str() == entry.blake3 {
        verified.note(&metadata, &entry.blake3, begun);
        Ok(())
    } else {
        Err(damaged("its BLAKE3 digest does not match".to_owned()))
    }
}
