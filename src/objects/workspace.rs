//! What is published, laid out as an index folder for as long as a command looks at it.

use std::path::Path;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use object_store::UpdateVersion;
use tempfile::TempDir;

use super::bucket::{Bucket, Look};
use super::published::{MOST_KEPT, Published};
use super::{ObjectsError, fetch, publish};
use crate::model::GenerationId;
use crate::runtime::blocking;
use crate::snapshot::arrive::MANIFEST_FILES;
use crate::snapshot::arrive::make_private;
use crate::snapshot::{SnapshotError, current};

/// Begins the names of these folders.
const PREFIX: &str = "look-";
/// After so long nobody looks at one any more: its command was killed.
const LEFT_AFTER: Duration = Duration::from_hours(24);
/// Generations looked at at a time.
const AT_ONCE: usize = 8;

/// A folder with the manifests of all published generations and a `CURRENT`. It goes with this value.
#[derive(Debug)]
pub struct Workspace {
    bucket: Bucket,
    folder: TempDir,
    seen: (Published, UpdateVersion),
}

impl Workspace {
    /// Lays it out beside `copy`, on the same disk.
    pub async fn open(bucket: &Bucket, copy: &Path) -> Result<Self, ObjectsError> {
        let Look::Found(published, version) = bucket.look(None).await? else {
            return Err(bucket.nothing());
        };
        let home = copy.parent().unwrap_or(copy).to_owned();
        let folder = blocking::run(move || {
            make_private(&home)?;
            remove_left(&home);
            let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&home);
            made.map_err(|source| SnapshotError::Io {
                action: "create a folder in",
                path: home,
                source,
            })
        })
        .await?;
        let path = folder.path();
        futures::stream::iter(published.all())
            .map(|id| describe(bucket, path, id))
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
        current::publish(path, &published.live)?;
        Ok(Self {
            bucket: bucket.clone(),
            folder,
            seen: (published, version),
        })
    }

    /// Where.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Fetches a generation whole, every file of it by its digest.
    pub async fn fetch(&self, id: &GenerationId) -> Result<(), ObjectsError> {
        fetch::generation(&self.bucket, self.folder(), id).await
    }

    /// Makes a published generation the live one, for everybody.
    pub async fn roll_back(&self, id: &GenerationId) -> Result<(), ObjectsError> {
        self.bucket.check_writable()?;
        publish::succeed(&self.bucket, id.clone(), Some(&self.seen), MOST_KEPT).await?;
        Ok(())
    }

    /// Deletes all but the live generation and the newest `keep` others. Says which.
    pub async fn prune(&self, keep: usize) -> Result<Vec<GenerationId>, ObjectsError> {
        self.bucket.check_writable()?;
        let live = self.seen.0.live.clone();
        let (_, gone) = publish::succeed(&self.bucket, live, Some(&self.seen), keep).await?;
        Ok(gone)
    }
}

/// Removes folders of commands that were killed.
fn remove_left(home: &Path) {
    let entries = fs_err::read_dir(home).into_iter().flatten().flatten();
    for entry in entries {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let changed = entry.metadata().and_then(|metadata| metadata.modified());
        let age = changed.ok().and_then(|changed| changed.elapsed().ok());
        if is_ours && age.is_some_and(|age| age > LEFT_AFTER) {
            // What stays behind is tried again by the next command.
            let _ = fs_err::remove_dir_all(entry.path());
        }
    }
}

/// The manifest of a generation, as far as it is there: what is not is shown as damaged.
async fn describe(bucket: &Bucket, folder: &Path, id: &GenerationId) -> Result<(), ObjectsError> {
    let directory = folder.join(id.as_str());
    let failed = |source| SnapshotError::Io {
        action: "write",
        path: directory.clone(),
        source,
    };
    fs_err::create_dir(&directory).map_err(failed)?;
    for name in MANIFEST_FILES {
        match fetch::manifest_file(bucket, id, name).await {
            Ok(bytes) => fs_err::write(directory.join(name), bytes).map_err(failed)?,
            Err(ObjectsError::Snapshot(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
