//! A publisher's copy: brought up to date before a run, published after it.

use std::path::{Path, PathBuf};

use object_store::{GetOptions, UpdateVersion};

use super::bucket::{Bucket, Look};
use super::error::Fault;
use super::published::Published;
use super::reading::MOST_NOTE_BYTES;
use super::{ObjectsError, fetch, publish};
use crate::model::GenerationId;
use crate::runtime::{blocking, files};
use crate::snapshot::arrive::{make_private, put_beside};
use crate::snapshot::{current, last_run, lock};

/// Names the generation that the store named when this copy and the store last agreed.
const BASE: &str = ".base";
/// Where notes of runs are in the store, apart from what servers read: they hold addresses of pages as
/// they were fetched.
const NOTES: &str = "ingest";

/// What was published when a run began.
#[derive(Debug, Default)]
pub struct Base {
    seen: Option<(Published, UpdateVersion)>,
}

/// The folder that runs of `ingest` write to, and what publishes it.
#[derive(Debug)]
pub struct Writer {
    bucket: Bucket,
    folder: PathBuf,
}

impl Writer {
    /// Nothing is asked or written yet.
    pub fn new(bucket: Bucket, folder: PathBuf) -> Self {
        Self { bucket, folder }
    }

    /// Where runs write.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where it is published.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Has the live generation in the folder, whose `CURRENT` then names it: a run reuses its texts and
    /// vectors. A generation that a run made here and could not publish stays, if nobody has published
    /// since. One that is damaged in the store costs time and not the run.
    pub async fn pull(&self, notes: &[&str]) -> Result<Base, ObjectsError> {
        self.bucket.check_writable()?;
        make_private(&self.folder)?;
        let seen = match self.bucket.look(None).await? {
            Look::Found(published, version) => Some((published, version)),
            Look::Nothing | Look::Same => None,
        };
        let Some((published, _)) = &seen else {
            return Ok(Base { seen });
        };
        let is_ahead = self.base().await.as_deref() == Some(published.live.as_str())
            && current::read(&self.folder).is_ok();
        if !is_ahead {
            match self.fetch(&published.live).await {
                Ok(()) => {}
                Err(ObjectsError::Snapshot(error)) => {
                    tracing::warn!(%error, "the live generation cannot be reused; what is new to this machine is ingested anew");
                }
                Err(error) => return Err(error),
            }
        }
        for name in notes {
            if !is_ahead || !self.folder.join(name).exists() {
                self.bring(name).await;
            }
        }
        Ok(Base { seen })
    }

    async fn fetch(&self, id: &GenerationId) -> Result<(), ObjectsError> {
        let folder = self.folder.clone();
        let _lock = blocking::run(move || lock::acquire(&folder, "a fetch from the store")).await?;
        fetch::generation(&self.bucket, &self.folder, id).await?;
        let (folder, live) = (self.folder.clone(), id.clone());
        blocking::run(move || current::publish(&folder, &live)).await?;
        self.agree(id).await
    }

    /// Puts what the folder's `CURRENT` names into the store and makes it the live one there.
    ///
    /// [`ObjectsError::Moved`] when somebody published since `base`.
    pub async fn push(&self, base: &Base, keep: usize) -> Result<(), ObjectsError> {
        let folder = self.folder.clone();
        let id = blocking::run(move || current::read(&folder)).await?;
        let is_live = base
            .seen
            .as_ref()
            .is_some_and(|(published, _)| published.live == id);
        if is_live {
            return Ok(());
        }
        publish::upload(&self.bucket, &self.folder, &id).await?;
        publish::succeed(&self.bucket, id.clone(), base.seen.as_ref(), keep).await?;
        self.agree(&id).await
    }

    /// Puts the report of the run, and `notes`, into the store.
    pub async fn leave(&self, notes: &[&str]) {
        self.put_note(last_run::FILE, last_run::FILE.to_owned())
            .await;
        for name in notes {
            self.put_note(name, format!("{NOTES}/{name}")).await;
        }
    }

    async fn put_note(&self, name: &str, key: String) {
        let path = self.folder.join(name);
        let bytes = blocking::run(move || files::read_at_most(&path, MOST_NOTE_BYTES)).await;
        let put = match bytes {
            Ok(bytes) => self
                .bucket
                .put(&key, bytes)
                .await
                .map_err(|error| error.to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = put {
            tracing::warn!(error, "{name} of this run was not put into the store");
        }
    }

    async fn bring(&self, name: &str) {
        let key = format!("{NOTES}/{name}");
        let found = self
            .bucket
            .small(&key, MOST_NOTE_BYTES, GetOptions::default())
            .await;
        let path = self.folder.join(name);
        let brought = match found {
            Ok((bytes, _)) => blocking::run(move || put_beside(&path, &bytes))
                .await
                .map_err(|error| error.to_string()),
            Err(error) if error.fault() == Some(Fault::NoObject) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = brought {
            tracing::warn!(
                error,
                "{name} of the last run cannot be had; pages are read anew"
            );
        }
    }

    async fn base(&self) -> Option<String> {
        let path = self.folder.join(BASE);
        let text = blocking::run(move || files::read_text(&path, 100))
            .await
            .ok()?;
        Some(text.trim().to_owned())
    }

    async fn agree(&self, id: &GenerationId) -> Result<(), ObjectsError> {
        let (path, text) = (self.folder.join(BASE), id.to_string());
        let put = blocking::run(move || {
            put_beside(&path, text.as_bytes()).map_err(|source| (path, source))
        });
        put.await.map_err(|(path, source)| {
            crate::snapshot::SnapshotError::Io {
                action: "write",
                path,
                source,
            }
            .into()
        })
    }
}
