//! One writer at a time.

use std::path::Path;

use super::SnapshotError;
use super::synced::io;
use crate::runtime::lock_file::{self, LockFile, Refused};

/// Held by the run that writes to an index directory. The operating system releases it when the
/// process ends, however it ends.
#[derive(Debug)]
pub struct WriterLock {
    _file: LockFile,
}

/// Takes the lock of `index`, creating the directory if need be. `since` tells a second run when
/// this one began. On a full disk it works too: `snapshot prune` is the remedy then.
pub fn acquire(index: &Path, since: &str) -> Result<WriterLock, SnapshotError> {
    fs_err::create_dir_all(index).map_err(io("create", index))?;
    let path = index.join(".lock");
    let holder = format!("process {}, since {since}", std::process::id());
    match lock_file::acquire(&path, &holder) {
        Ok(file) => Ok(WriterLock { _file: file }),
        Err(Refused::Held(holder)) => Err(SnapshotError::Locked {
            directory: index.to_owned(),
            holder,
        }),
        Err(Refused::Io(error)) => Err(io("lock", &path)(error)),
    }
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
