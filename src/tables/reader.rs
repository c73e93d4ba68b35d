//! A server's view of what is published.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc::Receiver;
use tokio::sync::{Mutex, OnceCell};

use super::published::{Published, look};
use super::{CHANNEL, TablesError, catalogue, layout, reading};
use crate::model::GenerationId;
use crate::postgres::{Database, DatabaseAddress, Notice, listen};
use crate::runtime::blocking;
use crate::snapshot::arrive::{MANIFEST_FILES, make_private, put_beside};
use crate::snapshot::{Generation, SnapshotError, Supply, current, last_run};

/// A server that starts with its database, or while that moves, waits so long for it.
const PATIENCE: Duration = Duration::from_mins(1);

/// Answers from the tables. A folder of this machine says what is published, by manifests and a `CURRENT`,
/// so that whoever looks at generations needs no database; no text and no vector lies there.
#[derive(Debug)]
pub struct Reader {
    address: DatabaseAddress,
    connections: usize,
    database: OnceCell<Database>,
    folder: PathBuf,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// What was last told to be wrong.
    trouble: Option<String>,
    /// When the report of the last run that is here was written, in microseconds.
    report: Option<i64>,
}

impl Reader {
    /// Nothing is asked or written yet.
    pub fn new(address: DatabaseAddress, connections: usize, folder: PathBuf) -> Self {
        Self {
            address,
            connections,
            database: OnceCell::new(),
            folder,
            seen: Mutex::default(),
        }
    }

    /// Where manifests are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the tables are.
    pub fn address(&self) -> &DatabaseAddress {
        &self.address
    }

    async fn database(&self) -> Result<&Database, TablesError> {
        let open = || Database::open(&self.address, reading(self.connections), PATIENCE);
        Ok(self.database.get_or_try_init(open).await?)
    }

    /// Connects, and has what is published in the folder.
    pub async fn start(&self) -> Result<(), TablesError> {
        make_private(&self.folder)?;
        let mut seen = self.seen.lock().await;
        self.look(&mut seen).await
    }

    async fn look(&self, seen: &mut Seen) -> Result<(), TablesError> {
        let database = self.database().await?;
        let published = look(database).await?;
        let Some(live) = published.live.clone() else {
            return Err(TablesError::Nothing {
                place: database.place().to_owned(),
            });
        };
        describe(database, &self.folder, &published).await?;
        let folder = self.folder.clone();
        blocking::run(move || {
            if current::read(&folder).is_ok_and(|named| named == live) {
                return Ok(());
            }
            current::publish(&folder, &live)
        })
        .await?;
        self.bring_report(database, seen).await
    }

    /// The report of the last run, for the operator's page.
    async fn bring_report(&self, database: &Database, seen: &mut Seen) -> Result<(), TablesError> {
        let mut lease = database.lease("read the last run's report").await?;
        let row = lease
            .row(
                "SELECT bytes, (extract(epoch FROM written_at) * 1000000)::int8
                 FROM wattwise_index.notes
                 WHERE name = $1
                   AND (extract(epoch FROM written_at) * 1000000)::int8 IS DISTINCT FROM $2::int8",
                &[&last_run::FILE, &seen.report],
            )
            .await?;
        let Some(row) = row else { return Ok(()) };
        let (bytes, path): (Vec<u8>, _) = (row.get(0), self.folder.join(last_run::FILE));
        let put = blocking::run(move || put_beside(&path, &bytes)).await;
        if put.is_ok() {
            seen.report = Some(row.get(1));
        }
        Ok(())
    }

    /// Opens the live generation or, if that is damaged, the newest older one that is not. Returns what
    /// was refused on the way, for the log.
    pub async fn open_usable(
        &self,
    ) -> Result<(Generation, Vec<(GenerationId, TablesError)>), TablesError> {
        let database = self.database().await?;
        let published = look(database).await?;
        let Some(live) = published.live else {
            return Err(TablesError::Nothing {
                place: database.place().to_owned(),
            });
        };
        let older = published.all.into_iter().filter(|id| *id < live);
        let mut refused = Vec::new();
        for id in std::iter::once(live.clone()).chain(older) {
            match catalogue::open(database, &id).await {
                Ok(generation) => return Ok((generation, refused)),
                Err(error @ TablesError::Snapshot(_)) => refused.push((id, error)),
                Err(error) => return Err(error),
            }
        }
        let first = refused.into_iter().next();
        Err(first.map_or_else(
            || TablesError::Nothing {
                place: database.place().to_owned(),
            },
            |(_, error)| error,
        ))
    }

    /// What publishers say, for as long as it is received; `None` before [`Self::start`].
    pub fn listen(&self) -> Option<Receiver<Notice>> {
        const CHANNELS: &[&str] = &[CHANNEL];
        self.database
            .get()
            .map(|database| listen(database.clone(), CHANNELS))
    }
}

/// Has the manifests of what is published in a folder, and no others.
pub(super) async fn describe(
    database: &Database,
    folder: &Path,
    published: &Published,
) -> Result<(), TablesError> {
    let (of, wanted) = (folder.to_owned(), published.all.clone());
    let missing = blocking::run(move || {
        let wanted: HashSet<&GenerationId> = wanted.iter().collect();
        for id in current::list(&of)? {
            if !wanted.contains(&id) {
                // One that stays behind is shown until the next look.
                let _ = fs_err::remove_dir_all(of.join(id.as_str()));
            }
        }
        let is_here = |id: &&&GenerationId| {
            let directory = of.join(id.as_str());
            MANIFEST_FILES
                .iter()
                .all(|name| directory.join(name).is_file())
        };
        let missing = wanted.iter().filter(|id| !is_here(id));
        Ok::<_, SnapshotError>(missing.map(|id| (*id).clone()).collect::<Vec<_>>())
    })
    .await?;
    for id in missing {
        let mut lease = database.lease("read a manifest").await?;
        let row = lease
            .row(
                "SELECT manifest, convert_to(manifest_digest, 'UTF8')
                 FROM wattwise_index.generations WHERE id = $1",
                &[&id.as_str()],
            )
            .await?;
        // It was pruned meanwhile.
        let Some(row) = row else { continue };
        let directory = folder.join(id.as_str());
        let files: [Vec<u8>; 2] = [row.get(0), row.get(1)];
        blocking::run(move || {
            let failed = |source| SnapshotError::Io {
                action: "write",
                path: directory.clone(),
                source,
            };
            fs_err::create_dir_all(&directory).map_err(failed)?;
            for (name, bytes) in MANIFEST_FILES.iter().zip(&files) {
                put_beside(&directory.join(name), bytes).map_err(failed)?;
            }
            Ok::<_, SnapshotError>(())
        })
        .await?;
    }
    Ok(())
}

#[async_trait]
impl Supply for Reader {
    async fn refresh(&self, _: bool) {
        let mut seen = self.seen.lock().await;
        match self.look(&mut seen).await {
            Ok(()) => {
                if seen.trouble.take().is_some() {
                    tracing::info!(index = %self.address, "the index can be asked for new generations again");
                }
            }
            Err(error) => {
                let told = error.to_string();
                if seen.trouble.as_ref() != Some(&told) {
                    tracing::warn!(%error, "the index cannot be asked for new generations");
                    seen.trouble = Some(told);
                }
            }
        }
    }

    async fn open(&self, id: &GenerationId) -> Option<Result<Generation, SnapshotError>> {
        let opened = async {
            let database = self.database().await?;
            let mut lease = database.lease("look at the tables").await?;
            layout::check(&mut lease, database.place()).await?;
            drop(lease);
            catalogue::open(database, id).await
        };
        Some(opened.await.map_err(TablesError::into_snapshot))
    }
}
