//! Which files were found whole since the machine was started, so that no digest is computed twice.
//!
//! A file is known by its device, inode, length and time of change; another one in its place, or one
//! that was written again, is looked at anew, and so is everything after a start of the machine.
//! What is remembered lies beside the generations, as a help that may be missing: where it cannot be
//! read or written, digests are computed. `wattwise snapshot verify` never believes it.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::runtime::files;

const FILE: &str = ".verified.json";

/// A new number with each start of the machine.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// The clock of a file system may stand still for so long: a file that was changed so shortly before it
/// was looked at may be changed again without showing it.
const STILL: Duration = Duration::from_secs(2);

/// Files of some dozen generations; with more, only those of the last opening are remembered.
const MOST_FILES: usize = 1_024;

/// What is remembered is less than this.
const MOST_BYTES: u64 = 1 << 20;

#[derive(Default, Serialize, Deserialize)]
struct Noted {
    boot: String,
    /// The digest of each file.
    files: BTreeMap<String, String>,
}

/// What is remembered of an index directory.
pub(super) struct Verified {
    /// None where nothing is believed.
    path: Option<PathBuf>,
    before: Noted,
    now: Mutex<BTreeMap<String, String>>,
}

impl Verified {
    /// Reads what was noted since the machine was started.
    pub(super) fn open(index: &Path) -> Self {
        let boot = fs_err::read_to_string(BOOT).unwrap_or_default();
        let path = index.join(FILE);
        let noted = files::read_at_most(&path, MOST_BYTES).ok();
        let noted: Option<Noted> = noted.and_then(|json| serde_json::from_slice(&json).ok());
        Self {
            path: (!boot.is_empty()).then_some(path),
            before: noted.filter(|noted| noted.boot == boot).unwrap_or(Noted {
                boot,
                files: BTreeMap::new(),
            }),
            now: Mutex::default(),
        }
    }

    /// Believes nothing and notes nothing.
    pub(super) fn none() -> Self {
        Self {
            path: None,
            before: Noted::default(),
            now: Mutex::default(),
        }
    }

    /// Whether the file was found to have this digest.
    pub(super) fn knows(&self, file: &Metadata, digest: &str) -> bool {
        let key = identity(file);
        let is_known = self.path.is_some()
            && self
                .before
                .files
                .get(&key)
                .is_some_and(|known| known == digest);
        if is_known {
            self.put(key, digest);
        }
        is_known
    }

    /// Notes that a file has this digest; `begun` is when it was begun to be read.
    pub(super) fn note(&self, file: &Metadata, digest: &str, begun: SystemTime) {
        let age = file
            .modified()
            .ok()
            .and_then(|changed| begun.duration_since(changed).ok());
        if self.path.is_some() && age.is_some_and(|age| age > STILL) {
            self.put(identity(file), digest);
        }
    }

    fn put(&self, key: String, digest: &str) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.insert(key, digest.to_owned());
    }

    /// Leaves it to whoever opens next.
    pub(super) fn save(self) {
        let Some(path) = self.path else {
            return;
        };
        let now = self
            .now
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if now.keys().all(|key| self.before.files.contains_key(key)) {
            return;
        }
        let mut files = now;
        if self.before.files.len() + files.len() <= MOST_FILES {
            files.extend(self.before.files);
        }
        let noted = Noted {
            boot: self.before.boot,
            files,
        };
        let write = || -> std::io::Result<()> {
            let folder = path.parent().unwrap_or(Path::new("."));
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(&serde_json::to_vec(&noted)?)?;
            file.persist(&path)?;
            Ok(())
        };
        // The index may be there to be read only.
        if let Err(error) = write() {
            tracing::debug!(%error, "that the files are whole cannot be remembered");
        }
    }
}

fn identity(file: &Metadata) -> String {
    format!(
        "{}:{}:{}:{}.{:09}",
        file.dev(),
        file.ino(),
        file.len(),
        file.mtime(),
        file.mtime_nsec()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_until_it_is_written_again() {
        let index = tempfile::tempdir().unwrap();
        let path = index.path().join("vectors.bin");
        fs_err::write(&path, "whole").unwrap();
        let metadata = || std::fs::metadata(&path).unwrap();
        let later = SystemTime::now() + 2 * STILL;

        let verified = Verified::open(index.path());
        assert!(!verified.knows(&metadata(), "a"));
        verified.note(&metadata(), "a", SystemTime::now());
        verified.save();
        let verified = Verified::open(index.path());
        assert!(
            !verified.knows(&metadata(), "a"),
            "it had only just been written"
        );
        verified.note(&metadata(), "a", later);
        verified.save();
        let verified = Verified::open(index.path());
        assert!(verified.knows(&metadata(), "a") && !verified.knows(&metadata(), "b"));
        assert!(!Verified::none().knows(&metadata(), "a"));

        let file = fs_err::File::options().write(true).open(&path).unwrap();
        file.file().set_modified(later).unwrap();
        assert!(!verified.knows(&metadata(), "a"), "it was written again");
        fs_err::write(index.path().join(FILE), "no JSON").unwrap();
        assert!(Verified::open(index.path()).before.files.is_empty());
    }
}
