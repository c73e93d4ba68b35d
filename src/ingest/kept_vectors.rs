//! Vectors that an interrupted run left in the cache. They stay in their files and are read one by one.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use super::seal::{DIGEST, unseal};
use crate::embed::PassageVectors;
use crate::model::{UnitVector, WordCodes};

/// Digest of an embedded text.
pub(super) type VectorKey = [u8; 16];

/// One embedded passage as it is stored: key, whole vector, vectors of its sentences, codes of its
/// words.
pub(super) type StoredVectors = (VectorKey, Vec<f32>, Vec<Vec<f32>>, Vec<u8>);

/// Vectors in the files of earlier runs, by the digest of what was embedded.
#[derive(Default)]
pub(super) struct KeptVectors {
    dimension: usize,
    files: Vec<File>,
    /// The file, and where the entry lies in it.
    entries: HashMap<VectorKey, (usize, Range<u64>)>,
}

impl KeptVectors {
    /// None yet, of a dimension.
    pub(super) fn of(dimension: usize) -> Self {
        Self {
            dimension,
            ..Self::default()
        }
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Notes entries until the end or the first damaged one: a killed run tears only its last.
    pub(super) fn take(&mut self, file: File) {
        let mut reader = BufReader::with_capacity(1 << 18, &file);
        let mut start = 0;
        while let Some(bytes) = read_entry(&mut reader) {
            let end = start + bytes.len() as u64;
            let Some((key, _)) = self.vectors_in(&bytes) else {
                break;
            };
            self.entries.insert(key, (self.files.len(), start..end));
            start = end;
        }
        self.files.push(file);
    }

    /// The vectors of a text, if they are there.
    pub(super) fn read(&self, key: &VectorKey) -> Option<PassageVectors> {
        let (file, range) = self.entries.get(key)?;
        let mut bytes = vec![0; usize::try_from(range.end - range.start).ok()?];
        self.files[*file]
            .read_exact_at(&mut bytes, range.start)
            .ok()?;
        self.vectors_in(&bytes).map(|(_, vectors)| vectors)
    }

    fn vectors_in(&self, bytes: &[u8]) -> Option<(VectorKey, PassageVectors)> {
        let ((key, whole, spans, words), _) = unseal::<StoredVectors>(bytes)?;
        let vector = |values: Vec<f32>| {
            let fits = values.len() == self.dimension;
            fits.then(|| UnitVector::normalize(values).ok()).flatten()
        };
        Some((
            key,
            PassageVectors {
                whole: vector(whole)?,
                spans: spans.into_iter().map(vector).collect::<Option<_>>()?,
                words: WordCodes::from_bytes(words),
            },
        ))
    }
}

/// One sealed value as it lies in a file; `None` at the end and where that is torn.
fn read_entry(reader: &mut impl Read) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 4 + DIGEST];
    reader.read_exact(&mut bytes).ok()?;
    let length = u32::from_le_bytes(*bytes.first_chunk()?);
    let mut rest = reader.take(u64::from(length));
    let read = rest.read_to_end(&mut bytes).ok()?;
    (read as u64 == u64::from(length)).then_some(bytes)
}
