//! An index, wherever it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Base, Bucket, ObjectsError, Reader, Workspace, Writer};
use crate::snapshot::Supply;

/// Where generations are, as a folder on this machine.
#[derive(Debug, Clone)]
pub enum Index {
    /// That folder itself.
    Folder(PathBuf),
    /// A copy of what an object store holds.
    Store {
        /// Brings what is published.
        reader: Arc<Reader>,
        /// Publishes.
        writer: Arc<Writer>,
    },
}

impl Index {
    /// An index in a store, with copies below `cache`.
    pub fn in_store(bucket: Bucket, cache: &Path) -> Self {
        let home = cache.join(bucket.address().folder_name());
        Self::Store {
            reader: Arc::new(Reader::new(bucket.clone(), home.join("read"))),
            writer: Arc::new(Writer::new(bucket, home.join("write"))),
        }
    }

    /// Where `ingest` writes and `serve` reads; not the same folder for an index in a store, so that
    /// nothing answers before it is published.
    pub fn folder_to_read(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder,
            Self::Store { reader, .. } => reader.folder(),
        }
    }

    /// See [`Self::folder_to_read`].
    pub fn folder_to_write(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder,
            Self::Store { writer, .. } => writer.folder(),
        }
    }

    /// The address, where the folder is a copy.
    pub fn address(&self) -> Option<String> {
        match self {
            Self::Folder(_) => None,
            Self::Store { reader, .. } => Some(reader.bucket().address().to_string()),
        }
    }

    /// Has something to answer from in the folder, where there is anything to be had.
    pub async fn bring(&self) -> Result<(), ObjectsError> {
        match self {
            Self::Folder(_) => Ok(()),
            Self::Store { reader, .. } => reader.start().await,
        }
    }

    /// What brings new generations while a server answers.
    pub fn supply(&self) -> Option<Arc<dyn Supply>> {
        match self {
            Self::Folder(_) => None,
            Self::Store { reader, .. } => Some(Arc::clone(reader) as Arc<dyn Supply>),
        }
    }

    /// Has the live generation, and what the last run left (`notes`), in the folder to write.
    pub async fn pull(&self, notes: &[&str]) -> Result<Base, ObjectsError> {
        match self {
            Self::Folder(_) => Ok(Base::default()),
            Self::Store { writer, .. } => writer.pull(notes).await,
        }
    }

    /// Publishes what the folder's `CURRENT` names, unless that is live already.
    pub async fn push(&self, base: &Base, keep: usize) -> Result<(), ObjectsError> {
        match self {
            Self::Folder(_) => Ok(()),
            Self::Store { writer, .. } => writer.push(base, keep).await,
        }
    }

    /// Keeps what a run left beside the generations. What fails is logged.
    pub async fn leave(&self, notes: &[&str]) {
        if let Self::Store { writer, .. } = self {
            writer.leave(notes).await;
        }
    }

    /// A folder with what is published, for looking at it; `None` for a folder, which is its own.
    pub async fn workspace(&self) -> Result<Option<Workspace>, ObjectsError> {
        match self {
            Self::Folder(_) => Ok(None),
            Self::Store { writer, .. } => Workspace::open(writer.bucket(), writer.folder())
                .await
                .map(Some),
        }
    }
}
