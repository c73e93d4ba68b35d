//! One server on one state directory.
//!
//! Two would each give away what they know of keys, sessions and kept answers only on disk, and one
//! would not see that the other's database was replaced. Other commands, such as `wattwise keys`, may
//! work beside a server; they do not ask for this lock.

use std::path::Path;

use super::StoreError;
use super::sqlite::create_directory;
use crate::runtime::lock_file::{self, LockFile, Refused};

/// Name of the lock inside the state directory.
const FILE: &str = "server.lock";

/// Held by a server for as long as it runs.
#[derive(Debug)]
pub struct StateLock(LockFile);

/// Takes the lock of a state directory, creating the directory if need be. `address` tells others
/// where this server listens. [`StoreError::InUse`] names the server that has it.
pub fn acquire(directory: &Path, address: &str, since: &str) -> Result<StateLock, StoreError> {
    create_directory(directory)?;
    let path = directory.join(FILE);
    match lock_file::acquire(&path, &holder(address, since)) {
        Ok(lock) => Ok(StateLock(lock)),
        Err(Refused::Held(holder)) => Err(StoreError::InUse {
            directory: directory.to_owned(),
            holder,
        }),
        Err(Refused::Io(error)) => Err(StoreError::Open {
            path,
            reason: error.to_string(),
        }),
    }
}

impl StateLock {
    /// Tells others the address that the server was given in the end.
    pub fn sign(&mut self, address: &str, since: &str) {
        self.0.sign(&holder(address, since));
    }
}

fn holder(address: &str, since: &str) -> String {
    format!(
        "process {}, on {address}, since {since}",
        std::process::id()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_server_is_told_who_is_first() {
        let state = tempfile::tempdir().unwrap();
        let mut first = acquire(state.path(), "127.0.0.1:0", "noon").unwrap();
        first.sign("127.0.0.1:8000", "noon");
        let refusal = acquire(state.path(), "127.0.0.1:9000", "later").unwrap_err();
        let expected = format!(
            "(process {}, on 127.0.0.1:8000, since noon)",
            std::process::id()
        );
        assert!(refusal.to_string().contains(&expected), "{refusal}");
        drop(first);
        acquire(state.path(), "127.0.0.1:9000", "later").unwrap();
    }

    #[test]
    fn what_a_killed_server_wrote_holds_nothing() {
        let state = tempfile::tempdir().unwrap();
        fs_err::write(state.path().join(FILE), "process 1, on 127.0.0.1:8000").unwrap();
        acquire(state.path(), "127.0.0.1:8000", "noon").unwrap();
    }
}
