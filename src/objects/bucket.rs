//! What is asked of a store: few requests, each within bounds.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use object_store::path::Path as Key;
use object_store::{
    GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, UpdateVersion,
};

use super::error::{Fault, explain};
use super::published::{self, Published};
use super::{Address, ObjectsError, Provider, connect};
use crate::model::GenerationId;
use crate::runtime::blocking;
use crate::runtime::lock_file::{self, LockFile};

/// Name of the object that says what is published.
const CURRENT: &str = "CURRENT";

/// For a request about small things, its retries included.
const SMALL_LIMIT: Duration = Duration::from_secs(30);
/// Whatever is slower than this does not arrive: 64 KiB a second.
const SLOWEST: u64 = 64 << 10;

/// A store, seen from the prefix of an index.
#[derive(Debug, Clone)]
pub struct Bucket {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) address: Address,
}

/// What a look at `CURRENT` showed.
#[derive(Debug)]
pub enum Look {
    /// The same as at the look before.
    Same,
    /// Nothing is published.
    Nothing,
    /// This.
    Found(Published, UpdateVersion),
}

impl Bucket {
    /// A client for the address, by the provider's environment variables. Nothing is asked yet.
    pub fn connect(address: Address) -> Result<Self, ObjectsError> {
        Ok(Self {
            store: connect::connect(&address)?,
            address,
        })
    }

    /// Over any store.
    pub fn over(store: Arc<dyn ObjectStore>, address: Address) -> Self {
        Self { store, address }
    }

    /// Which.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What is published, unless that is what `seen` was.
    pub async fn look(&self, seen: Option<&UpdateVersion>) -> Result<Look, ObjectsError> {
        let known = seen.and_then(|seen| seen.e_tag.clone());
        let options = GetOptions {
            if_none_match: known,
            ..GetOptions::default()
        };
        let found = self.small(CURRENT, published::MOST_BYTES, options).await;
        let (bytes, version) = match found {
            Ok(found) => found,
            Err(error) if seen.is_some() && error.fault() == Some(Fault::Condition) => {
                return Ok(Look::Same);
            }
            Err(error) if error.fault() == Some(Fault::NoObject) => return Ok(Look::Nothing),
            Err(error) => return Err(error),
        };
        let published = Published::parse(&bytes).map_err(|reason| self.unreadable(reason))?;
        Ok(Look::Found(published, version))
    }

    /// Publishes `next` in the place of what `expected` was, or of nothing.
    ///
    /// [`ObjectsError::Moved`] when something else is published by now.
    pub async fn swap(
        &self,
        next: &Published,
        expected: Option<&UpdateVersion>,
    ) -> Result<UpdateVersion, ObjectsError> {
        let refusal = match self.put_if(next, expected).await {
            Ok(version) => return Ok(version),
            Err(error) if error.fault() == Some(Fault::Condition) => error,
            Err(error) => return Err(error),
        };
        // A reply that was lost makes the client try again, and find what it wrote itself.
        match self.look(None).await? {
            Look::Found(found, version) if found == *next => Ok(version),
            Look::Found(found, _) => Err(ObjectsError::Moved {
                address: self.address.to_string(),
                now: found.live.to_string(),
            }),
            Look::Nothing | Look::Same => Err(refusal),
        }
    }

    async fn put_if(
        &self,
        next: &Published,
        expected: Option<&UpdateVersion>,
    ) -> Result<UpdateVersion, ObjectsError> {
        let (key, payload) = (self.key(CURRENT), PutPayload::from(next.to_bytes()));
        let mode = match expected {
            Some(version) => PutMode::Update(version.clone()),
            None => PutMode::Create,
        };
        // A folder cannot compare and replace in one step; there a lock makes one of two.
        let Some(_lock) = self.lock_folder().await? else {
            let put = self.store.put_opts(&key, payload, mode.into());
            return Ok(self.bounded("publish in", SMALL_LIMIT, put).await?.into());
        };
        let is_as_expected = match (self.look(None).await?, expected) {
            (Look::Found(_, found), Some(version)) => found.e_tag == version.e_tag,
            (Look::Nothing, None) => true,
            _ => false,
        };
        if !is_as_expected {
            return Err(self.refused("publish in", Fault::Condition, "it has changed".to_owned()));
        }
        let put = self.store.put_opts(&key, payload, PutOptions::default());
        Ok(self.bounded("publish in", SMALL_LIMIT, put).await?.into())
    }

    async fn lock_folder(&self) -> Result<Option<LockFile>, ObjectsError> {
        let Some(folder) = self.address.folder() else {
            return Ok(None);
        };
        let lock = move || -> Result<LockFile, PathBuf> {
            fs_err::create_dir_all(&folder).map_err(|_| folder.clone())?;
            let holder = format!("process {}", std::process::id());
            lock_file::acquire(&folder.join(".lock"), &holder).map_err(|_| folder)
        };
        blocking::run(lock).await.map(Some).map_err(|folder| {
            let reason = format!("{} cannot be locked", folder.display());
            self.refused("publish in", Fault::NoRight, reason)
        })
    }

    /// An object of at most `most` bytes.
    pub(super) async fn small(
        &self,
        name: &str,
        most: u64,
        options: GetOptions,
    ) -> Result<(Vec<u8>, UpdateVersion), ObjectsError> {
        let key = self.key(name);
        let get = async {
            let found = self.store.get_opts(&key, options).await?;
            let version = UpdateVersion {
                e_tag: found.meta.e_tag.clone(),
                version: found.meta.version.clone(),
            };
            let mut bytes = Vec::new();
            let mut stream = found.into_stream();
            while let Some(part) = stream.try_next().await? {
                bytes.extend_from_slice(&part);
                if bytes.len() as u64 > most {
                    break;
                }
            }
            Ok((bytes, version))
        };
        let limit = SMALL_LIMIT + at_slowest(most);
        let (bytes, version) = self.bounded("read", limit, get).await?;
        if bytes.len() as u64 > most {
            let reason = format!("{name} is longer than {most} bytes");
            return Err(self.refused("read", Fault::Other, reason));
        }
        Ok((bytes, version))
    }

    /// Puts a small object in the place of whatever is there.
    pub(super) async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), ObjectsError> {
        let limit = SMALL_LIMIT + at_slowest(bytes.len() as u64);
        let key = self.key(name);
        let put = self.store.put(&key, PutPayload::from(bytes));
        self.bounded("write to", limit, put).await.map(|_| ())
    }

    /// Generations that there are objects of, published or not.
    pub(super) async fn generations(&self) -> Result<Vec<GenerationId>, ObjectsError> {
        let prefix = self.address.prefix().clone();
        let list = self.store.list_with_delimiter(Some(&prefix));
        let listed = self.bounded("list", SMALL_LIMIT, list).await?;
        let ids = listed.common_prefixes.iter();
        Ok(ids
            .filter_map(|key| GenerationId::parse(key.filename()?))
            .collect())
    }

    /// Names and lengths of a generation's objects.
    pub(super) async fn objects_of(
        &self,
        id: &GenerationId,
    ) -> Result<Vec<(String, u64)>, ObjectsError> {
        let prefix = self.key(id.as_str());
        let list = self.store.list_with_delimiter(Some(&prefix));
        let listed = self.bounded("list", SMALL_LIMIT, list).await?;
        let objects = listed.objects.into_iter();
        Ok(objects
            .filter_map(|object| Some((object.location.filename()?.to_owned(), object.size)))
            .collect())
    }

    /// Deletes what is there of a generation.
    pub(super) async fn delete(&self, id: &GenerationId) -> Result<(), ObjectsError> {
        for (name, _) in self.objects_of(id).await? {
            let key = self.key(&format!("{id}/{name}"));
            let gone = self
                .bounded("delete in", SMALL_LIMIT, self.store.delete(&key))
                .await;
            match gone {
                Err(error) if error.fault() != Some(Fault::NoObject) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// An error when the store can only be read.
    pub fn check_writable(&self) -> Result<(), ObjectsError> {
        if self.address.provider() == Provider::Http {
            return Err(ObjectsError::ReadOnly {
                address: self.address.to_string(),
            });
        }
        Ok(())
    }

    /// The key of a name below the prefix.
    pub(super) fn key(&self, name: &str) -> Key {
        let prefix = self.address.prefix().as_ref();
        let separator = if prefix.is_empty() { "" } else { "/" };
        // The prefix was checked, and names are generations and files of ours.
        Key::parse(format!("{prefix}{separator}{name}")).unwrap_or_default()
    }

    /// Waits for a request up to a limit, and says what went wrong.
    pub(super) async fn bounded<T>(
        &self,
        action: &'static str,
        limit: Duration,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, ObjectsError> {
        match tokio::time::timeout(limit, request).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                let (fault, reason) = explain(&error);
                Err(self.refused(action, fault, reason))
            }
            Err(_) => {
                let reason = format!("it did not answer within {} s", limit.as_secs());
                Err(self.refused(action, Fault::Away, reason))
            }
        }
    }

    pub(super) fn refused(
        &self,
        action: &'static str,
        fault: Fault,
        reason: String,
    ) -> ObjectsError {
        ObjectsError::Store {
            action,
            address: self.address.to_string(),
            reason,
            fault,
        }
    }

    pub(super) fn nothing(&self) -> ObjectsError {
        ObjectsError::Nothing {
            address: self.address.to_string(),
        }
    }

    fn unreadable(&self, reason: String) -> ObjectsError {
        ObjectsError::Unreadable {
            address: self.address.to_string(),
            reason,
        }
    }
}

/// How long so many bytes may take.
pub(super) fn at_slowest(bytes: u64) -> Duration {
    Duration::from_secs(bytes / SLOWEST)
}

/// How long a file of so many bytes may take.
pub(super) fn file_limit(bytes: u64) -> Duration {
    SMALL_LIMIT + at_slowest(bytes)
}
