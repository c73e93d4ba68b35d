//! A publisher: runs write to a folder, whose generation is then copied into the tables.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::publish::{begin, make_live, publish};
use super::published::{Published, look, prune, still_live};
use super::{TablesError, writing};
use crate::model::GenerationId;
use crate::postgres::{Database, DatabaseAddress};
use crate::runtime::{blocking, files};
use crate::snapshot::arrive::{MANIFEST_FILES, MOST_MANIFEST_BYTES, make_private};
use crate::snapshot::elsewhere::Contents;
use crate::snapshot::{SnapshotError, current, last_run};

/// A run waits so long for its database.
const PATIENCE: Duration = Duration::from_secs(10);
/// A longer report stays where it is.
const MOST_NOTE_BYTES: u64 = 64 << 20;

/// What was published when a run began.
#[derive(Debug, Default)]
pub struct Base {
    live: Option<GenerationId>,
    all: Vec<GenerationId>,
}

/// The folder that runs of `ingest` write to, and the tables that it is published to.
#[derive(Debug)]
pub struct Writer {
    address: DatabaseAddress,
    folder: PathBuf,
}

impl Writer {
    /// Nothing is asked or written yet.
    pub fn new(address: DatabaseAddress, folder: PathBuf) -> Self {
        Self { address, folder }
    }

    /// Where runs write.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) async fn database(&self) -> Result<Database, TablesError> {
        Ok(Database::open(&self.address, writing(), PATIENCE).await?)
    }

    /// Sees what is live, before a run. The run goes on from the last one on this machine.
    pub async fn pull(&self) -> Result<Base, TablesError> {
        make_private(&self.folder)?;
        let database = self.database().await?;
        match look(&database).await {
            Ok(Published { live, all }) => Ok(Base { live, all }),
            Err(TablesError::Nothing { .. }) => Ok(Base::default()),
            Err(error) => Err(error),
        }
    }

    /// Publishes what the folder's `CURRENT` names, and keeps the newest `keep` others.
    ///
    /// [`TablesError::Moved`] when somebody published since `base`, [`TablesError::Busy`] while somebody
    /// does.
    pub async fn push(&self, base: &Base, keep: usize) -> Result<(), TablesError> {
        let folder = self.folder.clone();
        let id = blocking::run(move || current::read(&folder)).await?;
        if base.live.as_ref() == Some(&id) {
            return Ok(());
        }
        let database = self.database().await?;
        if base.all.contains(&id) {
            let mut lease = begin(&database).await?;
            still_live(&mut lease, database.place(), base.live.as_ref()).await?;
            make_live(&mut lease, &id).await?;
            lease.commit().await?;
        } else {
            let folder = self.folder.clone();
            let read = blocking::run(move || read(&folder, &id)).await;
            let (contents, manifest) = read?;
            publish(&database, contents, manifest, base.live.as_ref()).await?;
        }
        // Published is published; what could not be deleted now is tried again next time.
        if let Err(error) = prune(&database, keep).await {
            tracing::warn!(%error, "old generations were not deleted from the database");
        }
        Ok(())
    }

    /// Puts the report of the run beside the tables, if there are any. What fails is logged.
    pub async fn leave(&self) {
        let path = self.folder.join(last_run::FILE);
        let bytes = blocking::run(move || files::read_at_most(&path, MOST_NOTE_BYTES)).await;
        let Ok(bytes) = bytes else { return };
        let put = async {
            let database = self.database().await?;
            let mut lease = database.lease("keep the run's report").await?;
            lease
                .execute(
                    "INSERT INTO wattwise_index.notes VALUES ($1, $2, clock_timestamp())
                     ON CONFLICT (name) DO UPDATE
                     SET bytes = excluded.bytes, written_at = excluded.written_at",
                    &[&last_run::FILE, &bytes],
                )
                .await?;
            Ok::<_, TablesError>(())
        };
        if let Err(error) = put.await {
            tracing::warn!(%error, "the report of this run was not put into the database");
        }
    }
}

/// A generation of the folder, and the two files that describe it.
fn read(folder: &Path, id: &GenerationId) -> Result<(Contents, (Vec<u8>, String)), SnapshotError> {
    let contents = Contents::open(folder, id)?;
    let described = MANIFEST_FILES.map(|name| {
        let path = folder.join(id.as_str()).join(name);
        let bytes = files::read_at_most(&path, MOST_MANIFEST_BYTES);
        bytes.map_err(|source| SnapshotError::Io {
            action: "read",
            path,
            source,
        })
    });
    let [json, digest] = described;
    let digest = String::from_utf8_lossy(&digest?).into_owned();
    Ok((contents, (json?, digest)))
}
