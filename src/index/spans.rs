//! Vectors of the sentences inside the chunks, one byte a value.
//!
//! A chunk is often found for one of its sentences. Its sentences' vectors sharpen its score and
//! choose the sentences of an answer, without running the model again.

use std::ops::Range;
use std::path::Path;

use super::{IndexError, wire};
use crate::model::UnitVector;

const MAGIC: [u8; 8] = *b"WWSPAN01";

/// Sums that are kept beside each other, so that the compiler can use vector instructions.
const LANES: usize = 16;

/// Sentence vectors grouped by row, each quantised to signed bytes with a scale of its own.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SpanVectors {
    dimension: usize,
    /// Where each row's vectors begin; one more than there are rows.
    offsets: Vec<u32>,
    scales: Vec<f32>,
    values: Vec<u8>,
}

impl SpanVectors {
    /// Collects the sentence vectors of all rows in order; a row may have none.
    pub fn collect<'a>(
        dimension: usize,
        rows: impl IntoIterator<Item = &'a [UnitVector]>,
    ) -> Result<Self, IndexError> {
        let mut spans = Self {
            dimension,
            offsets: vec![0],
            ..Self::default()
        };
        for (row, vectors) in rows.into_iter().enumerate() {
            for vector in vectors {
                if vector.dimension() != dimension {
                    return Err(IndexError::Dimension {
                        row,
                        found: vector.dimension(),
                        expected: dimension,
                    });
                }
                spans.push(vector.as_slice());
            }
            spans.offsets.push(
                u32::try_from(spans.scales.len())
                    .expect("an index holds fewer than 2^32 sentences"),
            );
        }
        Ok(spans)
    }

    fn push(&mut self, values: &[f32]) {
        let largest = values
            .iter()
            .fold(0.0_f32, |largest, value| largest.max(value.abs()))
            .max(f32::MIN_POSITIVE);
        let scale = largest / 127.0;
        self.scales.push(scale);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the quotient lies within -127 and 127"
        )]
        self.values.extend(
            values
                .iter()
                .map(|value| ((value / scale).round() as i8).to_le_bytes()[0]),
        );
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cosines of `query` with each sentence of `row`, in order; none if the row has no
    /// sentence vectors or the query another dimension.
    pub fn cosines(&self, row: u32, query: &UnitVector) -> Vec<f32> {
        if query.dimension() != self.dimension {
            return Vec::new();
        }
        self.positions(row)
            .map(|position| self.cosine(position, query.as_slice()))
            .collect()
    }

    /// The highest of the cosines of `query` with the sentences of `row`, if it has any.
    pub fn best_cosine(&self, row: u32, query: &UnitVector) -> Option<f32> {
        if query.dimension() != self.dimension {
            return None;
        }
        self.positions(row)
            .map(|position| self.cosine(position, query.as_slice()))
            .reduce(f32::max)
    }

    /// The sentence vectors of `row` as unit vectors again.
    pub fn vectors(&self, row: u32) -> Vec<UnitVector> {
        self.positions(row)
            .filter_map(|position| {
                let scale = self.scales[position];
                let values = self
                    .bytes(position)
                    .iter()
                    .map(|byte| f32::from(byte.cast_signed()) * scale)
                    .collect();
                UnitVector::normalize(values).ok()
            })
            .collect()
    }

    fn positions(&self, row: u32) -> Range<usize> {
        match (
            self.offsets.get(row as usize),
            self.offsets.get(row as usize + 1),
        ) {
            (Some(start), Some(end)) => *start as usize..*end as usize,
            _ => 0..0,
        }
    }

    fn bytes(&self, position: usize) -> &[u8] {
        &self.values[position * self.dimension..(position + 1) * self.dimension]
    }

    fn cosine(&self, position: usize, query: &[f32]) -> f32 {
        let mut sums = [0.0_f32; LANES];
        let (bytes, bytes_rest) = self.bytes(position).as_chunks::<LANES>();
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
        let sum = sums.iter().sum::<f32>() + rest;
        sum * self.scales[position]
    }

    /// Writes the file: magic, dimension, rows, sentences (little-endian `u32`), the rows' offsets
    /// (`u32`), the sentences' scales (`f32`), the values (signed bytes).
    pub fn write(&self, path: &Path) -> Result<(), IndexError> {
        let mut bytes = Vec::with_capacity(
            20 + self.offsets.len() * 4 + self.scales.len() * 4 + self.values.len(),
        );
        bytes.extend_from_slice(&MAGIC);
        for count in [self.dimension, self.len(), self.scales.len()] {
            bytes.extend_from_slice(&wire::count(count));
        }
        for offset in &self.offsets {
            bytes.extend_from_slice(&offset.to_le_bytes());
        }
        for scale in &self.scales {
            bytes.extend_from_slice(&scale.to_le_bytes());
        }
        bytes.extend_from_slice(&self.values);
        wire::write(path, &bytes)
    }

    /// Reads what [`Self::write`] wrote.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let bytes = wire::read(path)?;
        let mut reader = wire::Reader::new(path, &bytes, MAGIC)?;
        let dimension = reader.u32()? as usize;
        let rows = reader.u32()? as usize;
        let count = reader.u32()? as usize;
        let offsets = reader.u32s(rows.saturating_add(1))?;
        let scales = reader.f32s(count)?;
        let values = reader.bytes(count.saturating_mul(dimension))?.to_vec();
        let fits = offsets.first() == Some(&0)
            && offsets.is_sorted()
            && offsets.last().is_some_and(|end| *end as usize == count)
            && scales.iter().all(|scale| scale.is_finite());
        if !fits {
            return Err(reader.damaged("its tables do not fit each other"));
        }
        reader.finish()?;
        Ok(Self {
            dimension,
            offsets,
            scales,
            values,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(values: &[f32]) -> UnitVector {
        UnitVector::normalize(values.to_vec()).unwrap()
    }

    #[test]
    fn cosines_survive_the_bytes() {
        let sentences = [unit(&[0.2, -0.9, 0.4]), unit(&[1.0, 0.1, -0.3])];
        let spans = SpanVectors::collect(3, [&sentences[..], &[], &sentences[..1]]).unwrap();
        let query = unit(&[0.5, -0.5, 0.1]);
        let cosines = spans.cosines(0, &query);
        assert_eq!(cosines.len(), 2);
        for (cosine, sentence) in cosines.iter().zip(&sentences) {
            assert!((cosine - query.cosine(sentence.as_slice())).abs() < 0.01);
        }
        assert!(spans.cosines(1, &query).is_empty() && spans.cosines(7, &query).is_empty());
        assert_eq!(spans.cosines(2, &query).len(), 1);
    }

    #[test]
    fn a_file_comes_back_whole_and_a_cut_one_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("spans");
        let spans = SpanVectors::collect(2, [&[unit(&[1.0, 2.0])][..]]).unwrap();
        spans.write(&path).unwrap();
        assert_eq!(SpanVectors::open(&path).unwrap(), spans);
        let bytes = fs_err::read(&path).unwrap();
        for length in 0..bytes.len() {
            fs_err::write(&path, &bytes[..length]).unwrap();
            assert!(SpanVectors::open(&path).is_err(), "cut to {length} bytes");
        }
    }
}
