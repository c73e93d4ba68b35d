//! What is published, for a command that looks at it.

use std::path::Path;

use tempfile::TempDir;

use super::published::{self, look};
use super::reader::describe;
use super::verify::verify;
use super::{TablesError, Writer, catalogue};
use crate::model::GenerationId;
use crate::postgres::Database;
use crate::runtime::blocking;
use crate::snapshot::{Generation, Manifest, SnapshotError, current};

/// A folder with the manifests of all published generations and a `CURRENT`. It goes with this value.
#[derive(Debug)]
pub struct Workspace {
    database: Database,
    folder: TempDir,
}

impl Workspace {
    /// Lays it out.
    pub async fn open(writer: &Writer) -> Result<Self, TablesError> {
        let database = writer.database().await?;
        let published = look(&database).await?;
        let Some(live) = published.live.clone() else {
            return Err(TablesError::Nothing {
                place: database.place().to_owned(),
            });
        };
        let folder = blocking::run(tempfile::tempdir).await;
        let folder = folder.map_err(|source| SnapshotError::Io {
            action: "create a folder in",
            path: std::env::temp_dir(),
            source,
        })?;
        describe(&database, folder.path(), &published).await?;
        current::publish(folder.path(), &live)?;
        Ok(Self { database, folder })
    }

    /// Where.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Opens a generation as a server does.
    pub async fn generation(&self, id: &GenerationId) -> Result<Generation, TablesError> {
        catalogue::open(&self.database, id).await
    }

    /// Reads every row of a generation and compares it with what was published. Says what was, and how
    /// many tables it is in.
    pub async fn verify(&self, id: &GenerationId) -> Result<(Manifest, usize), TablesError> {
        verify(&self.database, id).await
    }

    /// Makes a published generation the live one, for everybody.
    pub async fn roll_back(&self, id: &GenerationId) -> Result<(), TablesError> {
        published::roll_back(&self.database, id).await
    }

    /// Deletes all but the live generation and the newest `keep` others. Says which.
    pub async fn prune(&self, keep: usize) -> Result<Vec<GenerationId>, TablesError> {
        published::prune(&self.database, keep).await
    }
}
