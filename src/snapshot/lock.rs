//! One writer at a time.

use std::fs::TryLockError;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use super::SnapshotError;
use super::write::io;

/// How often a lock that is held is tried again, and how long after each other: a run that was killed
/// while it started a worker leaves the lock to that worker for the moment until it has begun.
const PATIENCE: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// Held by the run that writes to an index directory. The operating system releases it when the
/// process ends, however it ends.
#[derive(Debug)]
pub struct WriterLock {
    _file: std::fs::File,
}

/// Takes the lock of `index`, creating the directory if need be. `since` tells a second run when
/// this one began.
pub fn acquire(index: &Path, since: &str) -> Result<WriterLock, SnapshotError> {
    fs_err::create_dir_all(index).map_err(io("create", index))?;
    let path = index.join(".lock");
    let file = fs_err::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(io("open", &path))?;
    let (mut file, _) = file.into_parts();
    let mut taken = file.try_lock();
    for _ in 0..PATIENCE {
        if !matches!(taken, Err(TryLockError::WouldBlock)) {
            break;
        }
        std::thread::sleep(PAUSE);
        taken = file.try_lock();
    }
    match taken {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // The holder may not have signed yet; the lock counts all the same.
            let _ = file.read_to_string(&mut holder);
            let holder = if holder.trim().is_empty() {
                "unknown process".to_owned()
            } else {
                holder.trim().to_owned()
            };
            return Err(SnapshotError::Locked {
                directory: index.to_owned(),
                holder,
            });
        }
        Err(TryLockError::Error(error)) => return Err(io("lock", &path)(error)),
    }
    // On a full disk it stays unsigned and holds all the same: `snapshot prune` is the remedy then.
    let _ = file
        .set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .and_then(|_| writeln!(file, "process {}, since {since}", std::process::id()));
    Ok(WriterLock { _file: file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_writer_is_told_who_is_first() {
        let index = tempfile::tempdir().unwrap();
        let first = acquire(index.path(), "noon").unwrap();
        let refusal = acquire(index.path(), "later").unwrap_err().to_string();
        assert!(
            refusal.contains(&format!("process {}, since noon", std::process::id())),
            "{refusal}"
        );
        drop(first);
        acquire(index.path(), "later").unwrap();
    }
}
