//! Generations that come from elsewhere, file by file.

use std::path::{Path, PathBuf};

use super::manifest::{self, FileEntry, Manifest};
use super::synced::{TEMPORARY_PREFIX, io, sync_directory, write_synced};
use super::{SnapshotError, damage, open};
use crate::model::GenerationId;

/// The files that describe a generation; the others are named in them.
pub const MANIFEST_FILES: [&str; 2] = [manifest::FILE, manifest::DIGEST_FILE];

/// Larger ones are none of ours.
pub const MOST_MANIFEST_BYTES: u64 = manifest::MOST_BYTES;

/// A generation that is on its way into an index directory, whose lock the caller holds. Nobody opens it
/// before [`Self::finish`]; what has arrived stays for the next attempt.
#[derive(Debug)]
pub struct Arriving {
    index: PathBuf,
    directory: PathBuf,
    id: GenerationId,
}

impl Arriving {
    /// Begins or goes on. What lies under the generation's name and is not whole is used again.
    pub fn begin(index: &Path, id: &GenerationId) -> Result<Self, SnapshotError> {
        let directory = index.join(format!("{TEMPORARY_PREFIX}{id}"));
        let damaged = index.join(id.as_str());
        if damaged.is_dir() && !directory.is_dir() {
            fs_err::rename(&damaged, &directory).map_err(io("take back", &damaged))?;
        }
        fs_err::create_dir_all(&directory).map_err(io("create", &directory))?;
        Ok(Self {
            index: index.to_owned(),
            directory,
            id: id.clone(),
        })
    }

    /// Where its files go.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Takes one of [`MANIFEST_FILES`].
    pub fn describe(&self, name: &str, bytes: &[u8]) -> Result<(), SnapshotError> {
        write_synced(&self.directory.join(name), bytes)
    }

    /// The manifest, once both of its files are there, and the files that are still to come.
    pub fn missing(&self) -> Result<(Manifest, Vec<FileEntry>), SnapshotError> {
        let manifest = open::read_manifest(&self.directory, &self.id)?;
        for entry in &manifest.files {
            damage::check_name(&self.id, entry)?;
        }
        let is_there = |entry: &FileEntry| open::check_file(&self.directory, &self.id, entry);
        let files = manifest.files.iter();
        let missing = files.filter(|entry| is_there(entry).is_err());
        let missing = missing.cloned().collect();
        Ok((manifest, missing))
    }

    /// Gives it its name, durably. The caller has checked and synced every file.
    pub fn finish(self) -> Result<(), SnapshotError> {
        sync_directory(&self.directory)?;
        let path = self.index.join(self.id.as_str());
        if path.is_dir() {
            fs_err::remove_dir_all(&path).map_err(io("replace", &path))?;
        }
        fs_err::rename(&self.directory, &path).map_err(io("rename", &self.directory))?;
        sync_directory(&self.index)
    }
}

/// Whether a generation lies in an index directory and every file of it is as its manifest says.
pub fn is_whole(index: &Path, id: &GenerationId) -> bool {
    let directory = index.join(id.as_str());
    open::read_manifest(&directory, id).is_ok_and(|manifest| {
        let mut files = manifest.files.iter();
        files.all(|entry| open::check_file(&directory, id, entry).is_ok())
    })
}

/// Makes a folder for a copy, which nobody else may read.
pub fn make_private(folder: &Path) -> Result<(), SnapshotError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(folder).map_err(|source| SnapshotError::Io {
        action: "create",
        path: folder.to_owned(),
        source,
    })
}

/// Replaces a small file atomically.
pub fn put_beside(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let folder = path.parent().unwrap_or(path);
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
