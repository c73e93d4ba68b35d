//! Numbers that stay in their file and are read where they are needed: few rows of a question are
//! looked at, so that they cost no memory beyond the system's cache of the file.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::{IndexError, wire};
use crate::runtime::files;

/// Numbers that are read at once.
const PIECE: u64 = 1 << 18;

/// Up to this many bytes are kept in memory, where reading them costs nothing.
pub(super) const MOST_HELD_BYTES: u64 = 8 << 20;

/// A file of a table and, behind it, bytes that stay where they are, unless they are few. The file may
/// be removed meanwhile; what is open stays readable.
#[derive(Debug)]
pub(super) struct StoredBytes {
    path: PathBuf,
    file: File,
    /// Where the bytes begin.
    start: u64,
    /// The bytes, if they are few.
    held: Option<Vec<u8>>,
}

/// A file while its front is read.
pub(super) struct Front {
    path: PathBuf,
    file: File,
    length: u64,
    read: u64,
}

impl Front {
    /// Begins after `magic`, which must stand at the front.
    pub(super) fn open(path: &Path, magic: [u8; 8]) -> Result<Self, IndexError> {
        let io = |source| unreadable(path, source);
        let file = files::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let mut front = Self {
            path: path.to_owned(),
            file,
            length,
            read: 0,
        };
        if front.take(magic.len() as u64)? != magic {
            return Err(front.damaged("it does not begin with its magic number"));
        }
        Ok(front)
    }

    pub(super) fn u32(&mut self) -> Result<u32, IndexError> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes(
            bytes.try_into().expect("four bytes were taken"),
        ))
    }

    /// The next bytes; an error names the file if it has no more of them.
    fn take(&mut self, count: u64) -> Result<Vec<u8>, IndexError> {
        if count > self.length - self.read {
            return Err(wire::damaged(&self.path, "it ends too early"));
        }
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(usize::MAX)];
        self.file
            .read_exact(&mut bytes)
            .map_err(|source| unreadable(&self.path, source))?;
        self.read += count;
        Ok(bytes)
    }

    /// `count` little-endian `u32`.
    fn u32s(&mut self, count: u64) -> Result<Vec<u32>, IndexError> {
        let bytes = self.take(count.saturating_mul(4))?;
        let values = bytes.as_chunks::<4>().0.iter();
        Ok(values.map(|value| u32::from_le_bytes(*value)).collect())
    }

    /// `count` little-endian `f32`, in pieces, so that gigabytes are not in memory twice.
    pub(super) fn f32s(&mut self, count: u64) -> Result<Vec<f32>, IndexError> {
        if count.saturating_mul(4) > self.length - self.read {
            return Err(wire::damaged(&self.path, "it ends too early"));
        }
        let mut values = Vec::with_capacity(usize::try_from(count).unwrap_or(usize::MAX));
        let mut missing = count;
        while missing > 0 {
            let piece = missing.min(PIECE);
            let bytes = self.take(piece * 4)?;
            let piece_values = bytes.as_chunks::<4>().0.iter();
            values.extend(piece_values.map(|value| f32::from_le_bytes(*value)));
            missing -= piece;
        }
        Ok(values)
    }

    /// Leaves the rest where it is, which must be `count` bytes.
    pub(super) fn rest(mut self, count: u64) -> Result<StoredBytes, IndexError> {
        if self.read.checked_add(count) != Some(self.length) {
            return Err(wire::damaged(
                &self.path,
                "its length does not fit its counts",
            ));
        }
        let start = self.read;
        let held = (count <= MOST_HELD_BYTES).then(|| self.take(count));
        Ok(StoredBytes {
            held: held.transpose()?,
            path: self.path,
            file: self.file,
            start,
        })
    }

    pub(super) fn damaged(&self, reason: &str) -> IndexError {
        wire::damaged(&self.path, reason)
    }
}

impl StoredBytes {
    /// `length` bytes from `position` on.
    pub(super) fn read(&self, position: u64, length: usize) -> Result<Cow<'_, [u8]>, IndexError> {
        if let Some(held) = &self.held {
            let start = usize::try_from(position).unwrap_or(usize::MAX);
            let range = start..start.saturating_add(length);
            let bytes = held.get(range).ok_or_else(|| {
                wire::damaged(&self.path, "it has fewer bytes than are asked for")
            })?;
            return Ok(Cow::Borrowed(bytes));
        }
        let mut bytes = vec![0; length];
        self.file
            .read_exact_at(&mut bytes, self.start + position)
            .map_err(|source| unreadable(&self.path, source))?;
        Ok(Cow::Owned(bytes))
    }
}

/// Vectors of one dimension in groups, one group a row: where each row's vectors lie.
#[derive(Debug, Default)]
pub(super) struct Groups {
    pub(super) dimension: usize,
    /// Where each row's vectors begin; one more than there are rows.
    offsets: Vec<u32>,
}

impl Groups {
    /// As many rows as there are `counts`, each of so many vectors.
    pub(super) fn of(dimension: usize, counts: impl IntoIterator<Item = usize>) -> Self {
        let mut offsets = vec![0];
        let mut end = 0;
        for count in counts {
            end += count;
            offsets.push(u32::try_from(end).expect("an index holds fewer than 2^32 of anything"));
        }
        Self { dimension, offsets }
    }

    /// The front of a file: magic, dimension, rows, vectors (little-endian `u32`), the rows' offsets
    /// (`u32`, in vectors).
    pub(super) fn front(&self, magic: [u8; 8]) -> Vec<u8> {
        let mut bytes = Vec::from(magic);
        for count in [self.dimension, self.len(), self.vectors()] {
            bytes.extend_from_slice(&wire::count(count));
        }
        for offset in &self.offsets {
            bytes.extend_from_slice(&offset.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`Self::front`] wrote, behind the magic.
    pub(super) fn read(file: &mut Front) -> Result<Self, IndexError> {
        let (dimension, rows, vectors) = (file.u32()?, file.u32()?, file.u32()?);
        let offsets = file.u32s(u64::from(rows) + 1)?;
        let fits =
            offsets.first() == Some(&0) && offsets.last() == Some(&vectors) && offsets.is_sorted();
        if !fits {
            return Err(file.damaged("its tables do not fit each other"));
        }
        Ok(Self {
            dimension: dimension as usize,
            offsets,
        })
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// How many vectors there are.
    pub(super) fn vectors(&self) -> usize {
        self.offsets.last().map_or(0, |end| *end as usize)
    }

    /// The vectors of a row; none where there is no such row.
    pub(super) fn of_row(&self, row: u32) -> Range<usize> {
        let row = row as usize;
        match (self.offsets.get(row), self.offsets.get(row + 1)) {
            (Some(start), Some(end)) => *start as usize..*end as usize,
            _ => 0..0,
        }
    }
}

fn unreadable(path: &Path, source: std::io::Error) -> IndexError {
    IndexError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_bytes_are_held_and_many_are_read_where_they_lie() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bytes");
        for (count, is_held) in [(MOST_HELD_BYTES, true), (MOST_HELD_BYTES + 1, false)] {
            fs_err::write(&path, b"magicnum").unwrap();
            let file = fs_err::File::options().write(true).open(&path).unwrap();
            file.set_len(8 + count).unwrap();
            file.file().write_all_at(b"seven", 8 + 7).unwrap();
            let front = Front::open(&path, *b"magicnum").unwrap();
            let stored = front.rest(count).unwrap();
            assert_eq!(*stored.read(7, 5).unwrap(), *b"seven");
            assert!(stored.read(count - 1, 2).is_err(), "beyond the end");
            file.set_len(10).unwrap();
            assert_eq!(stored.read(7, 5).is_ok(), is_held, "the file has shrunk");
        }
    }
}
