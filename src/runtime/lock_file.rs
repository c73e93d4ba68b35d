//! A file that one process holds at a time, and that tells the others who holds it.
//!
//! The lock is the operating system's (`flock`), which ends with the process however that ends: there
//! is no stale lock to remove. The text in the file is for people; it counts for nothing.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Error, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use super::files;

/// How often a lock that is held is tried again, and how long after each other: a process that was
/// killed while it started another leaves the lock to that one for the moment until it has begun.
const PATIENCE: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// More of a holder's text is not shown.
const MOST_TEXT_BYTES: u64 = 1000;

/// Held until dropped.
#[derive(Debug)]
pub(crate) struct LockFile(File);

/// Why a lock was not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Another process has it; what it wrote about itself.
    Held(String),
    /// The file cannot be opened or locked.
    Io(Error),
}

/// Takes the lock, creating the file (0600) if need be, and writes `holder` into it. Blocks for up to a
/// second while another process holds it.
pub(crate) fn acquire(path: &Path, holder: &str) -> Result<LockFile, Refused> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = files::open_with(path, options.mode(0o600)).map_err(Refused::Io)?;
    let mut taken = file.try_lock();
    for _ in 0..PATIENCE {
        if !matches!(taken, Err(TryLockError::WouldBlock)) {
            break;
        }
        std::thread::sleep(PAUSE);
        taken = file.try_lock();
    }
    match taken {
        Ok(()) => {
            let mut lock = LockFile(file);
            lock.sign(holder);
            Ok(lock)
        }
        Err(TryLockError::WouldBlock) => Err(Refused::Held(text_of(path))),
        Err(TryLockError::Error(error)) => Err(Refused::Io(error)),
    }
}

impl LockFile {
    /// Tells others who holds it. On a full disk it stays unsigned and holds all the same.
    pub(crate) fn sign(&mut self, holder: &str) {
        let _ = self
            .0
            .set_len(0)
            .and_then(|()| self.0.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(self.0, "{holder}"));
    }
}

/// The holder may not have signed yet; the lock counts all the same.
fn text_of(path: &Path) -> String {
    let text = files::read_text(path, MOST_TEXT_BYTES).unwrap_or_default();
    match text.trim() {
        "" => "unknown process".to_owned(),
        text => text.to_owned(),
    }
}
