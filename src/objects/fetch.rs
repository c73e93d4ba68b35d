//! A published generation into an index directory, checked on the way.

use std::io::Write as _;
use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _};
use object_store::{GetOptions, ObjectStore as _};
use rustix::fs::statvfs;
use tokio::sync::mpsc;

use super::ObjectsError;
use super::bucket::{Bucket, file_limit};
use super::error::Fault;
use crate::model::GenerationId;
use crate::runtime::blocking;
use crate::snapshot::arrive::{self, Arriving, MANIFEST_FILES, MOST_MANIFEST_BYTES};
use crate::snapshot::damage::damaged_file;
use crate::snapshot::{FileEntry, SnapshotError};

/// Files on their way at a time.
const FILES_AT_ONCE: usize = 3;
/// Parts of a file that wait for the disk.
const PARTS_WAITING: usize = 16;
/// A generation has a dozen files, and four more for each of its parts, of which there are sixteen at most.
const MOST_FILES: usize = 256;
/// What is left free on the disk.
const SPARE_BYTES: u64 = 64 << 20;

/// Has generation `id` whole in `index`, whose lock the caller holds. What is there already, by its
/// digest, is not fetched again.
pub(super) async fn generation(
    bucket: &Bucket,
    index: &Path,
    id: &GenerationId,
) -> Result<(), ObjectsError> {
    let (folder, looked) = (index.to_owned(), id.clone());
    if blocking::run(move || arrive::is_whole(&folder, &looked)).await {
        return Ok(());
    }
    let (folder, begun) = (index.to_owned(), id.clone());
    let arriving = blocking::run(move || Arriving::begin(&folder, &begun)).await?;
    manifest(bucket, id, &arriving).await?;
    let (arriving, looked) = blocking::run(move || {
        let missing = arriving.missing();
        (arriving, missing)
    })
    .await;
    let (described, missing) = looked?;
    if described.files.len() > MOST_FILES {
        return Err(damaged(
            id,
            MANIFEST_FILES[0],
            format!("it lists more than {MOST_FILES} files"),
        )
        .into());
    }
    check_room(id, arriving.directory(), &missing)?;
    let directory = arriving.directory().to_owned();
    futures::stream::iter(missing)
        .map(|entry| file(bucket, id, &directory, entry))
        .buffer_unordered(FILES_AT_ONCE)
        .try_collect::<()>()
        .await?;
    blocking::run(move || arriving.finish()).await?;
    Ok(())
}

async fn manifest(
    bucket: &Bucket,
    id: &GenerationId,
    arriving: &Arriving,
) -> Result<(), ObjectsError> {
    for name in MANIFEST_FILES {
        let bytes = manifest_file(bucket, id, name).await?;
        arriving.describe(name, &bytes)?;
    }
    Ok(())
}

/// One of [`MANIFEST_FILES`] of a generation.
pub(super) async fn manifest_file(
    bucket: &Bucket,
    id: &GenerationId,
    name: &str,
) -> Result<Vec<u8>, ObjectsError> {
    let key = format!("{id}/{name}");
    let read = bucket
        .small(&key, MOST_MANIFEST_BYTES, GetOptions::default())
        .await;
    read.map(|(bytes, _)| bytes)
        .map_err(|error| absent(error, id, name))
}

/// What is not in the store makes a generation a damaged one.
fn absent(error: ObjectsError, id: &GenerationId, name: &str) -> ObjectsError {
    if error.fault() == Some(Fault::NoObject) {
        return damaged(id, name, "it is not in the store".to_owned()).into();
    }
    error
}

fn damaged(id: &GenerationId, file: &str, reason: String) -> SnapshotError {
    SnapshotError::Damaged {
        generation: id.to_string(),
        file: file.to_owned(),
        reason,
    }
}

fn check_room(
    id: &GenerationId,
    directory: &Path,
    missing: &[FileEntry],
) -> Result<(), ObjectsError> {
    let needed = missing
        .iter()
        .fold(0_u64, |sum, entry| sum.saturating_add(entry.bytes));
    let Ok(disk) = statvfs(directory) else {
        return Ok(());
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if needed.saturating_add(SPARE_BYTES) <= free {
        return Ok(());
    }
    Err(ObjectsError::NoRoom {
        generation: id.to_string(),
        needed: needed >> 20,
        free: free >> 20,
        folder: directory.display().to_string(),
    })
}

/// One file, written on another thread while it comes.
async fn file(
    bucket: &Bucket,
    id: &GenerationId,
    directory: &Path,
    entry: FileEntry,
) -> Result<(), ObjectsError> {
    let (send, receive) = mpsc::channel(PARTS_WAITING);
    let (path, of, expected) = (directory.join(&entry.name), id.clone(), entry.clone());
    let writing = blocking::run(move || write_checked(&path, &of, &expected, receive));
    let key = bucket.key(&format!("{id}/{}", entry.name));
    let reading = async move {
        let found = bucket.store.get_opts(&key, GetOptions::default()).await?;
        let mut parts = found.into_stream();
        while let Some(part) = parts.try_next().await? {
            // The writer has ended: it got more than it should, or the disk is full.
            if send.send(part).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let reading = bucket.bounded("read", file_limit(entry.bytes), reading);
    let (read, written) = tokio::join!(reading, writing);
    read.map_err(|error| absent(error, id, &entry.name))?;
    Ok(written?)
}

/// Writes what arrives, and refuses it when it is not what the manifest says.
fn write_checked<B: AsRef<[u8]>>(
    path: &Path,
    id: &GenerationId,
    entry: &FileEntry,
    mut parts: mpsc::Receiver<B>,
) -> Result<(), SnapshotError> {
    let failed = |source| SnapshotError::Io {
        action: "write",
        path: path.to_owned(),
        source,
    };
    // What lies there may be shared with another generation, whose file stays as it is.
    if let Err(error) = fs_err::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(failed(error));
    }
    let mut file = fs_err::File::create_new(path).map_err(failed)?;
    let mut hasher = blake3::Hasher::new();
    let mut length = 0_u64;
    while let Some(part) = parts.blocking_recv() {
        let part = part.as_ref();
        length += part.len() as u64;
        if length > entry.bytes {
            break;
        }
        hasher.update(part);
        file.write_all(part).map_err(failed)?;
    }
    if length != entry.bytes {
        let has = if length > entry.bytes {
            "more".to_owned()
        } else {
            length.to_string()
        };
        let reason = format!(
            "it has {has} bytes in the store, the manifest says {}",
            entry.bytes
        );
        return Err(damaged_file(id, entry, reason));
    }
    if hasher.finalize().to_hex().as_str() != entry.blake3 {
        let reason = "its BLAKE3 digest in the store does not match".to_owned();
        return Err(damaged_file(id, entry, reason));
    }
    file.sync_all().map_err(failed)
}
