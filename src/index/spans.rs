//! Vectors of the sentences inside the chunks, one byte a value.
//!
//! A chunk is often found for one of its sentences. Its sentences' vectors sharpen its score and
//! choose the sentences of an answer, without running the model again.

use std::path::Path;

use super::stored::{Front, Groups, StoredBytes};
use super::{IndexError, wire};
use crate::model::UnitVector;

const MAGIC: [u8; 8] = *b"WWSPAN01";

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
    /// Writes the sentence vectors of all rows in order; a row may have none. The file: magic,
    /// dimension, rows, sentences (little-endian `u32`), the rows' offsets (`u32`, in sentences), the
    /// sentences' scales (`f32`), the values (signed bytes).
    pub fn write(
        path: &Path,
        dimension: usize,
        rows: &[Vec<UnitVector>],
    ) -> Result<(), IndexError> {
        let mut bytes = Groups::of(dimension, rows.iter().map(Vec::len)).front(MAGIC);
        let mut values: Vec<u8> = Vec::new();
        for (row, vectors) in rows.iter().enumerate() {
            for vector in vectors {
                if vector.dimension() != dimension {
                    return Err(IndexError::Dimension {
                        row,
                        found: vector.dimension(),
                        expected: dimension,
                    });
                }
                let scale = quantise(vector.as_slice(), &mut values);
                bytes.extend_from_slice(&scale.to_le_bytes());
            }
        }
        bytes.append(&mut values);
        wire::write(path, &bytes)
    }

    /// Opens what [`Self::write`] wrote, without reading the values.
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

    /// The highest of the cosines of `query` with the sentences of `row`, if it has any.
    pub fn best_cosine(&self, row: u32, query: &UnitVector) -> Result<Option<f32>, IndexError> {
        Ok(self.cosines(row, query)?.into_iter().reduce(f32::max))
    }

    /// The sentence vectors of `row` as unit vectors again.
    pub fn vectors(&self, row: u32) -> Result<Vec<UnitVector>, IndexError> {
        let (scales, values) = self.sentences(row)?;
        Ok(scales
            .iter()
            .zip(values.chunks_exact(self.groups.dimension.max(1)))
            .filter_map(|(scale, bytes)| {
                let values = bytes
                    .iter()
                    .map(|byte| f32::from(byte.cast_signed()) * scale)
                    .collect();
                UnitVector::normalize(values).ok()
            })
            .collect())
    }

    /// Scales and values of a row's sentences; none where there is no such row.
    fn sentences(&self, row: u32) -> Result<(&[f32], Vec<u8>), IndexError> {
        let (sentences, dimension) = (self.groups.of_row(row), self.groups.dimension);
        let position = sentences.start * dimension;
        let values = self
            .values
            .read(position as u64, sentences.len() * dimension)?;
        Ok((&self.scales[sentences], values))
    }
}

/// Puts a vector behind `values` as signed bytes; the scale that they are to be multiplied with.
fn quantise(vector: &[f32], values: &mut Vec<u8>) -> f32 {
    let largest = vector
        .iter()
        .fold(0.0_f32, |largest, value| largest.max(value.abs()))
        .max(f32::MIN_POSITIVE);
    let scale = largest / 127.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the quotient lies within -127 and 127"
    )]
    values.extend(
        vector
            .iter()
            .map(|value| ((value / scale).round() as i8).to_le_bytes()[0]),
    );
    scale
}

fn product(bytes: &[u8], query: &[f32]) -> f32 {
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
    use super::*;

    fn unit(values: &[f32]) -> UnitVector {
        UnitVector::normalize(values.to_vec()).unwrap()
    }

    #[test]
    fn cosines_survive_the_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("spans");
        let sentences = vec![unit(&[0.2, -0.9, 0.4]), unit(&[1.0, 0.1, -0.3])];
        let rows = [sentences.clone(), Vec::new(), sentences[..1].to_vec()];
        SpanVectors::write(&path, 3, &rows).unwrap();
        let spans = SpanVectors::open(&path).unwrap();
        let query = unit(&[0.5, -0.5, 0.1]);
        let cosines = |row| spans.cosines(row, &query).unwrap();
        assert_eq!((spans.len(), cosines(0).len()), (3, 2));
        for (cosine, sentence) in cosines(0).iter().zip(&sentences) {
            assert!((cosine - query.cosine(sentence.as_slice())).abs() < 0.01);
        }
        assert!(cosines(1).is_empty() && cosines(7).is_empty());
        assert_eq!(cosines(2).len(), 1);
        let best = spans.best_cosine(0, &query).unwrap();
        assert_eq!(best, cosines(0).into_iter().reduce(f32::max));
        for (found, sentence) in spans.vectors(0).unwrap().iter().zip(&sentences) {
            assert!(found.cosine(sentence.as_slice()) > 0.999);
        }
        assert!(spans.cosines(0, &unit(&[1.0, 0.0])).unwrap().is_empty());
        let file = fs_err::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(50).unwrap();
        assert!(spans.cosines(2, &query).is_err(), "the file has shrunk");
    }

    #[test]
    fn a_cut_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("spans");
        SpanVectors::write(&path, 2, &[vec![unit(&[1.0, 2.0])]]).unwrap();
        let bytes = fs_err::read(&path).unwrap();
        for length in 0..bytes.len() {
            fs_err::write(&path, &bytes[..length]).unwrap();
            assert!(SpanVectors::open(&path).is_err(), "cut to {length} bytes");
        }
        let other = [unit(&[1.0, 2.0, 3.0])].to_vec();
        assert!(SpanVectors::write(&path, 2, &[other]).is_err());
    }
}
