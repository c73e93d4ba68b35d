//! The ground that a database stands on: whether its files are still there, and what room is left.
//!
//! A delete needs room too: what it changes goes into the log first. So a reserve is kept beside the
//! database and spent when nothing else is left, and other writes are refused until it is back.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

use super::refusal::Refusal;
use crate::runtime::files;

/// Room for what deletes write; as much of it as there is. Freed pages are not written, so that the
/// largest session needs little.
const RESERVE_BYTES: [u64; 4] = [8 << 20, 4 << 20, 2 << 20, 1 << 20];

/// A disk with less than this left counts as full. A write and the log's index need a few pages.
const LEAST_FREE_BYTES: u64 = 1 << 20;

/// A database whose limit is nearer than this counts as full.
const LEAST_FREE_PAGES: i64 = 16;

pub(super) const DISK_IS_FULL: &str = "the disk that holds the state is full";
pub(super) const LIMIT_IS_REACHED: &str = "the state is as large as --max-state-size allows";

/// Name of the reserve inside the state directory.
pub(super) const RESERVE_FILE: &str = "reserve";

/// Where a database lies.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    /// The database and its log, with what told them from other files when they were opened.
    files: Vec<(PathBuf, (u64, u64))>,
    reserve: Option<PathBuf>,
}

impl Ground {
    /// Nowhere, as a database in memory.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self {
            files: Vec::new(),
            reserve: None,
        }
    }

    /// Of a database that has been read once, so that its log is there too. Fills the reserve if there
    /// is room.
    pub(super) fn of(directory: &Path, database: &Path) -> Self {
        let log = PathBuf::from(format!("{}-wal", database.display()));
        let known = |path: PathBuf| identity(&path).map(|identity| (path, identity));
        let ground = Self {
            files: [database.to_owned(), log]
                .into_iter()
                .filter_map(known)
                .collect(),
            reserve: Some(directory.join(RESERVE_FILE)),
        };
        ground.fill_reserve();
        ground
    }

    /// That the files which are open are the ones that lie there. What is written into others is lost
    /// with the process.
    /// Otherwise which is not, and what became of it.
    pub(super) fn check_files(&self) -> Result<(), (PathBuf, &'static str)> {
        for (path, known) in &self.files {
            let fate = match identity(path) {
                Some(found) if found == *known => continue,
                Some(_) => "was replaced",
                None => "was deleted",
            };
            return Err((path.clone(), fate));
        }
        Ok(())
    }

    /// That there is room for an ordinary write.
    pub(super) fn check_room(&self, connection: &Connection) -> Result<(), Refusal> {
        let number = |pragma: &str| -> rusqlite::Result<i64> {
            connection.pragma_query_value(None, pragma, |row| row.get(0))
        };
        let free = number("max_page_count")? - number("page_count")? + number("freelist_count")?;
        if free < LEAST_FREE_PAGES {
            return Err(Refusal::NoRoom(LIMIT_IS_REACHED));
        }
        let directory = self.reserve.as_deref().and_then(Path::parent);
        let left = directory.and_then(|directory| statvfs(directory).ok());
        if left.is_some_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < LEAST_FREE_BYTES) {
            return Err(Refusal::NoRoom(DISK_IS_FULL));
        }
        Ok(())
    }

    /// Which of the two is full, once the engine said that one is.
    pub(super) fn what_is_full(&self, connection: &Connection) -> &'static str {
        match self.check_room(connection) {
            Err(Refusal::NoRoom(reason)) => reason,
            _ => DISK_IS_FULL,
        }
    }

    /// Gives the reserve's room back to the disk.
    pub(super) fn spend_reserve(&self) {
        let Some(path) = &self.reserve else { return };
        let emptied = files::open_with(path, OpenOptions::new().write(true).truncate(true));
        if let Err(error) = emptied {
            tracing::warn!(%error, "the state's reserve cannot be spent");
        }
    }

    /// Takes room for the reserve where it is missing; whether there is one now.
    pub(super) fn fill_reserve(&self) -> bool {
        let Some(path) = &self.reserve else {
            return true;
        };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let Ok(file) = files::open_with(path, &mut options) else {
            return false;
        };
        let length = file.metadata().map_or(0, |found| found.len());
        RESERVE_BYTES
            .iter()
            .any(|size| length >= *size || take(&file, length, *size).is_ok())
    }
}

/// Makes a file longer and has the disk set the room aside.
fn take(file: &File, length: u64, size: u64) -> std::io::Result<()> {
    let taken = match fallocate(file, FallocateFlags::empty(), 0, size) {
        // Not every file system can set room aside without writing.
        Err(Errno::OPNOTSUPP) => {
            let zeros = vec![0; usize::try_from(size - length).unwrap_or(0)];
            file.write_all_at(&zeros, length)
        }
        outcome => outcome.map_err(Into::into),
    };
    if taken.is_err() {
        // A part of it would be taken for the whole.
        let _ = file.set_len(length);
    }
    taken
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = fs_err::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}
