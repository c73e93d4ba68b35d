//! Regular files and nothing else.
//!
//! Who opens a FIFO waits for its other end, a device may do anything when it is opened, and a link
//! leads elsewhere. Where a file is expected and something else lies, it is refused by what it is,
//! at once. A regular file on a mount that hangs is another matter: only a time limit of the caller
//! helps against that.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{Error, ErrorKind, Read as _, Result};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a regular file for reading.
pub(crate) fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    open_with(path, &mut options)
}

/// Opens a regular file as `options` say. What lies there already must be a regular file.
pub(crate) fn open_with(path: &Path, options: &mut OpenOptions) -> Result<File> {
    // To look first spares a device from being opened.
    match std::fs::symlink_metadata(path) {
        Ok(found) => refuse_others(&found)?,
        // It may be about to be created.
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // If something else takes its place now, opening neither waits nor follows.
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY;
    let file = options
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    refuse_others(&file.metadata()?)?;
    Ok(file)
}

/// Reads a whole regular file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    read_at_most(path, u64::MAX)
}

/// Reads a whole regular file of at most `limit` bytes.
pub(crate) fn read_at_most(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let reason = format!("it is longer than {limit} bytes");
        return Err(Error::new(ErrorKind::InvalidData, reason));
    }
    Ok(bytes)
}

/// Reads a whole regular file of at most `limit` bytes of UTF-8.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String> {
    String::from_utf8(read_at_most(path, limit)?)
        .map_err(|_| Error::new(ErrorKind::InvalidData, "it is no UTF-8"))
}

fn refuse_others(found: &Metadata) -> Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let reason = format!("it is {}, not a regular file", name(found.file_type()));
    Err(Error::new(ErrorKind::InvalidInput, reason))
}

fn name(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_dir() {
        "a directory"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regular_file_is_read_up_to_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs_err::write(&path, "seven b").unwrap();
        assert_eq!(read(&path).unwrap(), b"seven b");
        assert_eq!(read_text(&path, 7).unwrap(), "seven b");
        assert!(read_at_most(&path, 6).is_err());
        fs_err::write(&path, [0xff]).unwrap();
        assert!(read_text(&path, 7).is_err());
        let absent = read(&directory.path().join("absent")).unwrap_err();
        assert_eq!(absent.kind(), ErrorKind::NotFound);
    }
}
