//! Whether anything in the folders has changed, by looking: that works on every file system, mounts
//! over the network included, and has no limit on the number of folders.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::folders::{self, FolderRules};
use crate::runtime::blocking;

/// Between two looks at least.
const EVERY: Duration = Duration::from_secs(2);
/// A look at many files is dear: it takes at most one part in so many of the time.
const SHARE: u32 = 20;
/// Files are quiet when two looks so far apart see the same.
const QUIET: Duration = Duration::from_secs(1);
/// A file that never comes to rest holds a run up no longer than this.
const LONGEST: Duration = Duration::from_secs(30);

/// Files and folders that are looked at.
#[derive(Debug, Clone)]
pub struct Watch {
    folders: Vec<PathBuf>,
    rules: FolderRules,
    index: PathBuf,
}

/// Names, lengths and times of all files, as one digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen([u8; 32]);

impl Watch {
    /// Looks at `folders` as a run with these `rules` does; `index` may lie in them.
    pub fn new(folders: Vec<PathBuf>, rules: FolderRules, index: PathBuf) -> Self {
        Self {
            folders,
            rules,
            index,
        }
    }

    /// What is there now.
    pub async fn look(&self) -> Seen {
        let watch = self.clone();
        blocking::run(move || watch.seen()).await
    }

    /// Waits until something is no longer as `before` saw it, and has come to rest.
    pub async fn change(&self, before: Seen) {
        let mut pause = EVERY;
        loop {
            tokio::time::sleep(pause).await;
            let begun = Instant::now();
            let mut last = self.look().await;
            pause = EVERY.max(begun.elapsed() * SHARE);
            if last == before {
                continue;
            }
            while begun.elapsed() < LONGEST {
                tokio::time::sleep(QUIET).await;
                let now = self.look().await;
                if now == last {
                    return;
                }
                last = now;
            }
            return;
        }
    }

    fn seen(&self) -> Seen {
        let mut digest = blake3::Hasher::new();
        for folder in &self.folders {
            match folders::list(folder, &self.index, self.rules) {
                Ok(listed) => listed.files.iter().for_each(|file| add(&mut digest, file)),
                Err(error) => {
                    digest.update(format!("{:?}", error.kind()).as_bytes());
                }
            }
        }
        Seen(*digest.finalize().as_bytes())
    }
}

fn add(digest: &mut blake3::Hasher, file: &Path) {
    digest.update(file.as_os_str().as_encoded_bytes());
    digest.update(&[0]);
    // A file that is gone since the listing is another state than the one with it.
    if let Ok(metadata) = fs_err::metadata(file) {
        digest.update(&metadata.len().to_le_bytes());
        let since_epoch = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        digest.update(&since_epoch.unwrap_or_default().as_nanos().to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_come_go_or_change_are_seen_and_the_index_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs_err::create_dir(path("index")).unwrap();
        let watch = Watch::new(
            vec![folder.path().to_owned()],
            FolderRules::default(),
            path("index"),
        );
        let mut states = vec![watch.seen()];
        for (name, text) in [("a.md", "one"), ("b.md", "two"), ("a.md", "other")] {
            fs_err::write(path(name), text).unwrap();
            let now = watch.seen();
            assert!(!states.contains(&now), "{name}");
            states.push(now);
        }
        fs_err::write(path("index/CURRENT"), "x").unwrap();
        assert_eq!(watch.seen(), *states.last().unwrap());
        fs_err::remove_file(path("b.md")).unwrap();
        assert_ne!(watch.seen(), *states.last().unwrap());
        fs_err::remove_dir_all(folder.path()).unwrap();
        watch.seen();
    }
}
