//! Vectors of the sentences inside the chunks, one byte a value.
//!
//! A chunk is often found for one of its sentences. Its sentences' vectors sharpen its score and
//! choose the sentences of an answer, without running the model again.

use std::borrow::Cow;
use std::path::Path;

use super::IndexError;
use super::stored::{Front, Groups, StoredBytes};
use crate::model::UnitVector;

pub(super) const MAGIC: [u8; 8] = *b"WWSPAN01";

/// Sums that are kept beside each other, so that the compiler can use vector instructions.
const LANES: usize = 16;

/// Sentence vectors grouped by row, each quantised to signed bytes with a scale of its own. The values
/// stay in their file.
#[derive(Debug)]
pub struct SpanVectors {
    groups: Groups,
    scales: Vec<f32>,
    values: StoredBytes,
}

impl SpanVectors {
    /// Opens a file without reading the values. The file: magic, dimension, rows, sentences
    /// (little-endian `u32`), the rows' offsets (`u32`, in sentences), the sentences' scales (`f32`), the
    /// values (signed bytes).
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let mut file = Front::open(path, MAGIC)?;
        let groups = Groups::read(&mut file)?;
        let scales = file.f32s(groups.vectors() as u64)?;
        if !scales.iter().all(|scale| scale.is_finite()) {
            return Err(file.damaged("a scale in it is no number"));
        }
        let values = file.rest((groups.vectors() * groups.dimension) as u64)?;
        Ok(Self {
            groups,
            scales,
            values,
        })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cosines of `query` with each sentence of `row`, in order; none if the row has no
    /// sentence vectors or the query another dimension.
    pub fn cosines(&self, row: u32, query: &UnitVector) -> Result<Vec<f32>, IndexError> {
        if query.dimension() != self.groups.dimension {
            return Ok(Vec::new());
        }
        let (scales, values) = self.sentences(row)?;
        Ok(scales
            .iter()
            .zip(values.chunks_exact(self.groups.dimension))
            .map(|(scale, bytes)| scale * product(bytes, query.as_slice()))
            .collect())
    }

    /// How many sentences a row has.
    pub fn count(&self, row: u32) -> usize {
        self.groups.of_row(row).len()
    }

    /// Scales and values of a row's sentences; none where there is no such row.
    pub(super) fn sentences(&self, row: u32) -> Result<(&[f32], Cow<'_, [u8]>), IndexError> {
        let (sentences, dimension) = (self.groups.of_row(row), self.groups.dimension);
        let position = sentences.start * dimension;
        let values = self
            .values
            .read(position as u64, sentences.len() * dimension)?;
        Ok((&self.scales[sentences], values))
    }
}

pub(super) fn product(bytes: &[u8], query: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (bytes, bytes_rest) = bytes.as_chunks::<LANES>();
    let (query, query_rest) = query.as_chunks::<LANES>();
    for (bytes, query) in bytes.iter().zip(query) {
        for lane in 0..LANES {
            sums[lane] += f32::from(bytes[lane].cast_signed()) * query[lane];
        }
    }
    let rest: f32 = bytes_rest
        .iter()
        .zip(query_rest)
        .map(|(byte, value)| f32::from(byte.cast_signed()) * value)
        .sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::part_writer::{PackedVectors, PartFiles, PartWriter};
    use super::*;
    use crate::model::WordCodes;

    fn unit(values: &[f32]) -> UnitVector {
        UnitVector::normalize(values.to_vec()).unwrap()
    }

    /// A part with these sentences; the words and the whole are of no matter.
    fn written(dimension: usize, rows: &[Vec<UnitVector>]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let files = PartFiles {
            vectors: directory.path().join("vectors"),
            spans: directory.path().join("spans"),
            words: directory.path().join("words"),
        };
        let path = files.spans.clone();
        let mut writer = PartWriter::create(files, dimension).unwrap();
        for sentences in rows {
            let whole = UnitVector::normalize(vec![1.0; dimension]).unwrap();
            let packed = PackedVectors::of(&whole, sentences, WordCodes::default());
            writer.push(&packed).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), rows.len());
        (directory, path)
    }

    #[test]
    fn cosines_survive_the_bytes() {
        let sentences = vec![unit(&[0.2, -0.9, 0.4]), unit(&[1.0, 0.1, -0.3])];
        let rows = [sentences.clone(), Vec::new(), sentences[..1].to_vec()];
        let (_directory, path) = written(3, &rows);
        let spans = SpanVectors::open(&path).unwrap();
        let query = unit(&[0.5, -0.5, 0.1]);
        let cosines = |row| spans.cosines(row, &query).unwrap();
        assert_eq!((spans.len(), cosines(0).len()), (3, 2));
        for (cosine, sentence) in cosines(0).iter().zip(&sentences) {
            assert!((cosine - query.cosine(sentence.as_slice())).abs() < 0.01);
        }
        assert!(cosines(1).is_empty() && cosines(7).is_empty());
        assert_eq!((cosines(2).len(), spans.count(2)), (1, 1));
        assert!(spans.cosines(0, &unit(&[1.0, 0.0])).unwrap().is_empty());
    }

    #[test]
    fn a_cut_file_is_refused_and_a_sentence_of_another_dimension_is_never_written() {
        let (directory, path) = written(2, &[vec![unit(&[1.0, 2.0])]]);
        let bytes = fs_err::read(&path).unwrap();
        for length in 0..bytes.len() {
            fs_err::write(&path, &bytes[..length]).unwrap();
            assert!(SpanVectors::open(&path).is_err(), "cut to {length} bytes");
        }
        let files = PartFiles {
            vectors: directory.path().join("v"),
            spans: directory.path().join("s"),
            words: directory.path().join("w"),
        };
        let mut writer = PartWriter::create(files, 2).unwrap();
        let other = [unit(&[1.0, 2.0, 3.0])];
        let packed = PackedVectors::of(&unit(&[1.0, 2.0]), &other, WordCodes::default());
        assert!(writer.push(&packed).is_err());
    }
}
