//! A generation into the store: first what answers, then the word that it does.

use std::io::Read as _;
use std::path::Path;

use object_store::{ObjectStore as _, UpdateVersion, WriteMultipart};

use super::ObjectsError;
use super::bucket::{Bucket, file_limit};
use super::error::Fault;
use super::published::Published;
use crate::model::GenerationId;
use crate::runtime::{blocking, clock, files};
use crate::snapshot::arrive::MANIFEST_FILES;
use crate::snapshot::damage::{check_name, damaged_file};
use crate::snapshot::open;
use crate::snapshot::{FileEntry, SnapshotError};

/// Bytes of one part of a large file; smaller files go in one request.
const PART_BYTES: u64 = 8 << 20;
/// Parts on their way at a time.
const PARTS_AT_ONCE: usize = 4;
/// S3 takes 10,000 parts (Amazon S3 user guide, "multipart upload limits").
const MOST_PARTS: u64 = 9_000;
/// After so long an upload that nobody published was given up: a day.
const GIVEN_UP_AFTER: i64 = 86_400;

/// Puts the objects of a generation that are not there yet. The manifest comes last.
pub(super) async fn upload(
    bucket: &Bucket,
    index: &Path,
    id: &GenerationId,
) -> Result<(), ObjectsError> {
    let directory = index.join(id.as_str());
    let (read, of) = (directory.clone(), id.clone());
    let manifest = blocking::run(move || open::read_manifest(&read, &of)).await?;
    let there = bucket.objects_of(id).await?;
    for entry in &manifest.files {
        // A name with a generation's id in it never gets other content, and a put is whole or nothing.
        let is_there = there
            .iter()
            .any(|(name, bytes)| *name == entry.name && *bytes == entry.bytes);
        if !is_there {
            file(bucket, &directory, id, entry).await?;
        }
    }
    for name in MANIFEST_FILES {
        let path = directory.join(name);
        let read = blocking::run(move || files::read(&path).map_err(|error| (path, error))).await;
        let bytes = read.map_err(|(path, source)| SnapshotError::Io {
            action: "read",
            path,
            source,
        })?;
        bucket.put(&format!("{id}/{name}"), bytes).await?;
    }
    Ok(())
}

async fn file(
    bucket: &Bucket,
    directory: &Path,
    id: &GenerationId,
    entry: &FileEntry,
) -> Result<(), ObjectsError> {
    let key = bucket.key(&format!("{id}/{}", entry.name));
    let mut parts = Parts::open(directory, id, entry).await?;
    if entry.bytes <= PART_BYTES {
        let bytes = parts.next().await?.unwrap_or_default();
        parts.check(id, entry)?;
        return bucket.put(&format!("{id}/{}", entry.name), bytes).await;
    }
    let limit = file_limit(entry.bytes);
    let begun = bucket
        .store
        .put_multipart_opts(&key, object_store::PutMultipartOptions::default());
    let begun = bucket.bounded("write to", file_limit(0), begun).await?;
    let part_bytes = usize::try_from(parts.part_bytes).unwrap_or(usize::MAX);
    let mut upload = WriteMultipart::new_with_chunk_size(begun, part_bytes);
    let sent = async {
        while let Some(bytes) = parts.next().await? {
            let room = upload.wait_for_capacity(PARTS_AT_ONCE);
            bucket.bounded("write to", limit, room).await?;
            upload.put(bytes.into());
        }
        parts.check(id, entry)
    };
    if let Err(error) = sent.await {
        // What was sent of it would be paid for; the first error is the one that is told.
        let _ = bucket
            .bounded("write to", file_limit(0), upload.abort())
            .await;
        return Err(error);
    }
    bucket
        .bounded("write to", limit, upload.finish())
        .await
        .map(|_| ())
}

/// A file in parts, hashed as they are read.
struct Parts {
    file: Option<std::fs::File>,
    hasher: blake3::Hasher,
    part_bytes: u64,
    path: std::path::PathBuf,
}

impl Parts {
    async fn open(
        directory: &Path,
        id: &GenerationId,
        entry: &FileEntry,
    ) -> Result<Self, ObjectsError> {
        check_name(id, entry)?;
        let path = directory.join(&entry.name);
        let opened = path.clone();
        let file = blocking::run(move || files::open(&opened)).await;
        let file = file.map_err(|source| SnapshotError::Io {
            action: "read",
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            file: Some(file),
            hasher: blake3::Hasher::new(),
            part_bytes: PART_BYTES.max(entry.bytes / MOST_PARTS + 1),
            path,
        })
    }

    async fn next(&mut self) -> Result<Option<Vec<u8>>, ObjectsError> {
        let Some(file) = self.file.take() else {
            return Ok(None);
        };
        let most = self.part_bytes;
        let (read, file) = blocking::run(move || {
            let mut bytes = Vec::new();
            let read = (&file).take(most).read_to_end(&mut bytes);
            (read.map(|_| bytes), file)
        })
        .await;
        let bytes = read.map_err(|source| SnapshotError::Io {
            action: "read",
            path: self.path.clone(),
            source,
        })?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.hasher.update(&bytes);
        self.file = Some(file);
        Ok(Some(bytes))
    }

    /// That what was read is what the manifest says.
    fn check(&self, id: &GenerationId, entry: &FileEntry) -> Result<(), ObjectsError> {
        if self.hasher.finalize().to_hex().as_str() == entry.blake3 {
            return Ok(());
        }
        Err(damaged_file(id, entry, "its BLAKE3 digest does not match".to_owned()).into())
    }
}

/// Makes `live` the one that answers, where `seen` is published; keeps the newest `keep` others and
/// deletes the rest. Returns what is published now, and what was deleted.
pub(super) async fn succeed(
    bucket: &Bucket,
    live: GenerationId,
    seen: Option<&(Published, UpdateVersion)>,
    keep: usize,
) -> Result<((Published, UpdateVersion), Vec<GenerationId>), ObjectsError> {
    let before = seen.map(|(published, _)| published);
    let (next, mut gone) = Published::succeed(live, before, keep);
    let version = bucket.swap(&next, seen.map(|(_, version)| version)).await?;
    gone.extend(given_up(bucket, &next).await);
    for id in &gone {
        // Published is published; what could not be deleted now is tried again next time.
        if let Err(error) = bucket.delete(id).await {
            tracing::warn!(%error, snapshot.generation = %id, "an old generation was not deleted from the store");
        }
    }
    Ok(((next, version), gone))
}

/// Generations that are in the store and not published, of uploads that ended long ago.
async fn given_up(bucket: &Bucket, next: &Published) -> Vec<GenerationId> {
    let listed = match bucket.generations().await {
        Ok(listed) => listed,
        Err(error) => {
            if error.fault() != Some(Fault::NoObject) {
                tracing::warn!(%error, "what interrupted uploads left was not looked for");
            }
            return Vec::new();
        }
    };
    let is_old =
        |id: &GenerationId| made_at(id).is_some_and(|at| at + GIVEN_UP_AFTER < clock::now());
    let others = listed
        .into_iter()
        .filter(|id| next.all().all(|kept| kept != id));
    others.filter(is_old).collect()
}

/// When an id was made, in seconds since the Unix epoch; it is in the first bits of a version 7 UUID
/// (RFC 9562, section 5.7).
fn made_at(id: &GenerationId) -> Option<i64> {
    let (seconds, _) = uuid::Uuid::parse_str(id.as_str())
        .ok()?
        .get_timestamp()?
        .to_unix();
    i64::try_from(seconds).ok()
}
