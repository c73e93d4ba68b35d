//! `last-run.json`: what the last ingest run did, beside the generations. A run that changed nothing
//! or failed makes no generation and is told here all the same.

use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::SnapshotError;
use super::synced::{io, sync_directory, write_synced};
use crate::runtime::files;

/// Its name in the index directory.
pub const FILE: &str = "last-run.json";
/// Its successor until it is renamed.
const NEXT: &str = ".last-run.new";

/// A row takes some hundred bytes, so that this holds a million sources.
const MOST_BYTES: u64 = 512 << 20;

/// A run that ended. Fields that another version of the program writes are left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LastRun<R = RunReport> {
    /// When it ended, in seconds since the Unix epoch.
    pub finished_at: i64,
    /// Why it could not do its work, if it could not.
    pub error: Option<String>,
    /// What it did otherwise.
    pub report: Option<R>,
}

/// What a run did, source by source; written by `ingest` as its own report.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct RunReport {
    /// The generation that was live afterwards, or the one that was not published.
    pub generation: String,
    /// Whether the run published it.
    pub published: bool,
    /// What the publish gate found, if one was asked.
    pub gate: Option<GateVerdict>,
    /// One for each source.
    pub sources: Vec<SourceRow>,
    /// Sums.
    pub totals: RunTotals,
}

/// What a publish gate found.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct GateVerdict {
    /// Whether the generation could be published.
    pub passed: bool,
    /// The figures in a sentence.
    pub summary: String,
}

/// One source of a run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SourceRow {
    /// URL or path.
    pub source: String,
    /// What became of it, in one word: `added`, `kept_stale`, `failed`.
    pub status: String,
    /// Why.
    pub reason: Option<String>,
    /// What was lost or doubtful.
    pub warnings: Vec<String>,
    /// Since when it fails, in seconds since the Unix epoch.
    pub stale_since: Option<i64>,
}

/// Sums over a run.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct RunTotals {
    /// Documents in the generation.
    pub documents: usize,
    /// Chunks in the generation.
    pub chunks: usize,
    /// Passages that were embedded.
    pub embedded: usize,
    /// Bytes read.
    pub bytes: usize,
    /// Sources by what became of them.
    pub added: usize,
    /// Sources by what became of them.
    pub changed: usize,
    /// Sources by what became of them.
    pub unchanged: usize,
    /// Sources by what became of them.
    pub kept_stale: usize,
    /// Sources by what became of them.
    pub duplicates: usize,
    /// Sources by what became of them.
    pub removed: usize,
    /// Sources by what became of them.
    pub skipped: usize,
    /// Sources by what became of them.
    pub failed: usize,
    /// How long it took.
    pub seconds: f64,
}

/// Puts `run` in the place of the one before, atomically and durably. The caller holds the lock.
pub fn write<R: Serialize>(index: &Path, run: &LastRun<R>) -> Result<(), SnapshotError> {
    let (next, path) = (index.join(NEXT), index.join(FILE));
    let bytes = serde_json::to_vec(run)
        .map_err(std::io::Error::from)
        .map_err(io("write", &path))?;
    // Whatever lies there is no file of this run.
    let _ = fs_err::remove_file(&next);
    write_synced(&next, &bytes)?;
    fs_err::rename(&next, &path).map_err(io("replace", &path))?;
    sync_directory(index)
}

/// When the last run was noted, and the length of what was noted: another pair is another run.
pub fn stamp(index: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs_err::metadata(index.join(FILE)).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// The last run; `None` if none has been noted.
pub fn read(index: &Path) -> Result<Option<LastRun>, SnapshotError> {
    let path = index.join(FILE);
    let bytes = match files::read_at_most(&path, MOST_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io("read", &path)(error)),
    };
    let run = serde_json::from_slice(&bytes).map_err(std::io::Error::from);
    run.map(Some).map_err(io("read", &path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_takes_the_place_of_the_one_before_and_a_damaged_one_is_told_by_name() {
        let index = tempfile::tempdir().unwrap();
        assert_eq!(read(index.path()).unwrap(), None);
        for error in ["no sources", "no room"] {
            let run = LastRun::<()> {
                finished_at: 7,
                error: Some(error.to_owned()),
                report: None,
            };
            write(index.path(), &run).unwrap();
            let read = read(index.path()).unwrap().unwrap();
            assert_eq!(read.error.as_deref(), Some(error));
        }
        fs_err::write(index.path().join(FILE), "{").unwrap();
        let told = read(index.path()).unwrap_err().to_string();
        assert!(told.contains(FILE), "{told}");
    }
}
