//! Little-endian numbers in files, with every length checked before it is believed.

use std::path::Path;

use super::IndexError;
use crate::runtime::files;

/// Reads a file of numbers from front to back.
pub(super) struct Reader<'a> {
    path: &'a Path,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Begins after `magic`, which must stand at the front.
    pub(super) fn new(path: &'a Path, bytes: &'a [u8], magic: [u8; 8]) -> Result<Self, IndexError> {
        match bytes.strip_prefix(magic.as_slice()) {
            Some(rest) => Ok(Self { path, rest }),
            None => Err(damaged(path, "it does not begin with its magic number")),
        }
    }

    pub(super) fn u32(&mut self) -> Result<u32, IndexError> {
        Ok(u32::from_le_bytes(self.take::<4>()?))
    }

    pub(super) fn f32s(&mut self, count: usize) -> Result<Vec<f32>, IndexError> {
        let bytes = self.bytes(
            count
                .checked_mul(4)
                .ok_or_else(|| damaged(self.path, "a length overflows"))?,
        )?;
        Ok(bytes
            .as_chunks::<4>()
            .0
            .iter()
            .map(|value| f32::from_le_bytes(*value))
            .collect())
    }

    pub(super) fn u32s(&mut self, count: usize) -> Result<Vec<u32>, IndexError> {
        let bytes = self.bytes(
            count
                .checked_mul(4)
                .ok_or_else(|| damaged(self.path, "a length overflows"))?,
        )?;
        Ok(bytes
            .as_chunks::<4>()
            .0
            .iter()
            .map(|value| u32::from_le_bytes(*value))
            .collect())
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], IndexError> {
        if count > self.rest.len() {
            return Err(damaged(self.path, "it ends too early"));
        }
        let (front, rest) = self.rest.split_at(count);
        self.rest = rest;
        Ok(front)
    }

    /// Nothing may follow.
    pub(super) fn finish(self) -> Result<(), IndexError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(damaged(self.path, "there are bytes after its end"))
        }
    }

    pub(super) fn damaged(&self, reason: &str) -> IndexError {
        damaged(self.path, reason)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], IndexError> {
        let bytes = self.bytes(N)?;
        Ok(bytes
            .try_into()
            .expect("bytes() returns exactly the length it was asked for"))
    }
}

pub(super) fn damaged(path: &Path, reason: &str) -> IndexError {
    IndexError::Damaged {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

/// A count as it stands in a file.
///
/// # Panics
/// When there are more than 2^32 - 1 of a thing; the row type of the whole index is `u32`.
pub(super) fn count(value: usize) -> [u8; 4] {
    u32::try_from(value)
        .expect("an index holds fewer than 2^32 of anything")
        .to_le_bytes()
}

/// Reads a whole file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, IndexError> {
    files::read(path).map_err(|source| IndexError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })
}

/// Writes a whole file.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), IndexError> {
    fs_err::write(path, bytes).map_err(|source| IndexError::Io {
        action: "write",
        path: path.to_owned(),
        source,
    })
}
