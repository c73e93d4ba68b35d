//! An index, wherever it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::config;
use crate::objects::{self, Address, Bucket, is_address};
use crate::postgres::{Database, DatabaseAddress};
use crate::snapshot::Supply;
use crate::tables;

/// Connections to the database of an index: as many searches run at once as there are cores, and texts
/// are read beside them.
const CONNECTIONS: usize = 16;

/// Where generations are, as a folder on this machine.
#[derive(Debug, Clone)]
pub enum Index {
    /// That folder itself.
    Folder(PathBuf),
    /// A copy of what an object store holds.
    Store {
        /// Brings what is published.
        reader: Arc<objects::Reader>,
        /// Publishes.
        writer: Arc<objects::Writer>,
    },
    /// Tables of a database; the folder says what is published there.
    Database {
        /// Answers.
        reader: Arc<tables::Reader>,
        /// Publishes.
        writer: Arc<tables::Writer>,
    },
}

/// What was published when a run began.
#[derive(Debug)]
pub enum Base {
    /// In the folder itself.
    Folder,
    /// In an object store.
    Store(objects::Base),
    /// In a database.
    Database(tables::Base),
}

/// What is published, laid out as a folder for a command that looks at it.
#[derive(Debug)]
pub enum Workspace {
    /// Of an object store.
    Store(Box<objects::Workspace>),
    /// Of a database.
    Database(tables::Workspace),
}

impl Index {
    /// The index at a folder or an address; nothing is asked of it yet.
    pub fn at(place: &Path, cache: Option<&Path>) -> anyhow::Result<Self> {
        if !is_address(place) {
            return Ok(Self::Folder(place.to_owned()));
        }
        let cache = cache.map(Path::to_owned).or_else(config::index_cache);
        let cache = cache.context(
            "there is no home folder to keep a copy of the index in; name a place with --index-cache",
        )?;
        let text = place.to_string_lossy();
        if DatabaseAddress::is_meant_by(&text) {
            return Ok(Self::in_database(&text.parse()?, &cache));
        }
        Ok(Self::in_store(
            Bucket::connect(Address::parse(&text)?)?,
            &cache,
        ))
    }

    fn in_store(bucket: Bucket, cache: &Path) -> Self {
        let home = cache.join(bucket.address().folder_name());
        Self::Store {
            reader: Arc::new(objects::Reader::new(bucket.clone(), home.join("read"))),
            writer: Arc::new(objects::Writer::new(bucket, home.join("write"))),
        }
    }

    fn in_database(address: &DatabaseAddress, cache: &Path) -> Self {
        let digest = blake3::hash(address.to_string().as_bytes()).to_hex();
        let home = cache.join(format!("postgres-{}", &digest[..16]));
        let reader = tables::Reader::new(address.clone(), CONNECTIONS, home.join("read"));
        Self::Database {
            reader: Arc::new(reader),
            writer: Arc::new(tables::Writer::new(address.clone(), home.join("write"))),
        }
    }

    /// Where `serve` looks for generations; not the folder that is written to for an index elsewhere, so
    /// that nothing answers before it is published.
    pub fn folder_to_read(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder,
            Self::Store { reader, .. } => reader.folder(),
            Self::Database { reader, .. } => reader.folder(),
        }
    }

    /// Where `ingest` writes.
    pub fn folder_to_write(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder,
            Self::Store { writer, .. } => writer.folder(),
            Self::Database { writer, .. } => writer.folder(),
        }
    }

    /// The address without secrets, where the folder is a copy.
    pub fn address(&self) -> Option<String> {
        match self {
            Self::Folder(_) => None,
            Self::Store { reader, .. } => Some(reader.bucket().address().to_string()),
            Self::Database { reader, .. } => Some(reader.address().to_string()),
        }
    }

    /// Has something to answer from, where there is anything to be had.
    pub async fn bring(&self) -> anyhow::Result<()> {
        match self {
            Self::Folder(_) => Ok(()),
            Self::Store { reader, .. } => Ok(reader.start().await?),
            Self::Database { reader, .. } => Ok(reader.start().await?),
        }
    }

    /// What brings new generations while a server answers.
    pub fn supply(&self) -> Option<Arc<dyn Supply>> {
        match self {
            Self::Folder(_) => None,
            Self::Store { reader, .. } => Some(Arc::clone(reader) as Arc<dyn Supply>),
            Self::Database { reader, .. } => Some(Arc::clone(reader) as Arc<dyn Supply>),
        }
    }

    /// Notifies `now` whenever a publisher says that there is something new, if publishers say so.
    pub fn follow(&self, now: Arc<Notify>) -> Option<JoinHandle<()>> {
        let Self::Database { reader, .. } = self else {
            return None;
        };
        let mut notices = reader.listen()?;
        Some(tokio::spawn(async move {
            while notices.recv().await.is_some() {
                now.notify_one();
            }
        }))
    }

    /// What a run begins from. `notes` of the last run are brought where another machine may have made it.
    pub async fn pull(&self, notes: &[&str]) -> anyhow::Result<Base> {
        Ok(match self {
            Self::Folder(_) => Base::Folder,
            Self::Store { writer, .. } => Base::Store(writer.pull(notes).await?),
            Self::Database { writer, .. } => Base::Database(writer.pull().await?),
        })
    }

    /// Publishes what the folder's `CURRENT` names, unless that is live already.
    pub async fn push(&self, base: &Base, keep: usize) -> anyhow::Result<()> {
        match (self, base) {
            (Self::Store { writer, .. }, Base::Store(base)) => writer.push(base, keep).await?,
            (Self::Database { writer, .. }, Base::Database(base)) => {
                writer.push(base, keep).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Keeps what a run left beside the generations. What fails is logged.
    pub async fn leave(&self, notes: &[&str]) {
        match self {
            Self::Folder(_) => {}
            Self::Store { writer, .. } => writer.leave(notes).await,
            Self::Database { writer, .. } => writer.leave().await,
        }
    }

    /// A folder with what is published, for looking at it; `None` for a folder, which is its own.
    pub async fn workspace(&self) -> anyhow::Result<Option<Workspace>> {
        Ok(match self {
            Self::Folder(_) => None,
            Self::Store { writer, .. } => {
                let bucket = writer.bucket();
                let opened = objects::Workspace::open(bucket, writer.folder()).await?;
                Some(Workspace::Store(Box::new(opened)))
            }
            Self::Database { writer, .. } => {
                Some(Workspace::Database(tables::Workspace::open(writer).await?))
            }
        })
    }
}

/// Makes the tables of an index where there are none, and lets a role read them.
pub async fn migrate_index(address: &DatabaseAddress, role: Option<&str>) -> anyhow::Result<()> {
    let database = Database::open(address, tables::writing(), Duration::ZERO).await?;
    tables::make(&database).await?;
    if let Some(role) = role {
        tables::grant(&database, role).await?;
    }
    Ok(())
}
