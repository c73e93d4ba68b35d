//! All vectors, row by row: the truth that the graph is an approximation of.
//!
//! Serves the exact scores of candidates, the statistics that score fusion needs, the bytes that
//! are searched, and the oracle of tests.

use std::path::Path;

use super::stored::Front;
use super::{Hit, IndexError, sort_best_first, wire};
use crate::model::{UnitVector, dot};

const MAGIC: [u8; 8] = *b"WWVECS01";

/// A matrix of unit vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct FlatVectors {
    dimension: usize,
    values: Vec<f32>,
}

impl FlatVectors {
    /// Collects vectors, all of `dimension`.
    pub fn collect(dimension: usize, vectors: &[UnitVector]) -> Result<Self, IndexError> {
        let mut values = Vec::with_capacity(dimension * vectors.len());
        for (row, vector) in vectors.iter().enumerate() {
            if vector.dimension() != dimension {
                return Err(IndexError::Dimension {
                    row,
                    found: vector.dimension(),
                    expected: dimension,
                });
            }
            values.extend_from_slice(vector.as_slice());
        }
        if values.is_empty() {
            Err(IndexError::Empty)
        } else {
            Ok(Self { dimension, values })
        }
    }

    /// How many rows there are; never none.
    #[expect(clippy::len_without_is_empty, reason = "there is always a row")]
    pub fn len(&self) -> usize {
        self.values.len() / self.dimension
    }

    /// Values in a row.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// One row.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row(&self, row: u32) -> &[f32] {
        let start = row as usize * self.dimension;
        &self.values[start..start + self.dimension]
    }

    /// All rows in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.dimension)
    }

    /// Writes the file: magic, dimension, count (each a little-endian `u32`), then the values as
    /// little-endian `f32`.
    pub fn write(&self, path: &Path) -> Result<(), IndexError> {
        let mut bytes = Vec::with_capacity(16 + self.values.len() * 4);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&wire::count(self.dimension));
        bytes.extend_from_slice(&wire::count(self.len()));
        for value in &self.values {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        wire::write(path, &bytes)
    }

    /// Reads what [`Self::write`] wrote and checks that the rows are unit vectors.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let mut file = Front::open(path, MAGIC)?;
        let (dimension, count) = (file.u32()?, file.u32()?);
        if dimension == 0 || count == 0 {
            return Err(file.damaged("it holds no vectors"));
        }
        let values = file.f32s(u64::from(dimension) * u64::from(count))?;
        let dimension = dimension as usize;
        if values
            .chunks_exact(dimension)
            .any(|row| !(0.999..=1.001).contains(&dot(row, row)))
        {
            return Err(file.damaged("it holds a vector that is not of unit length"));
        }
        file.rest(0)?;
        Ok(Self { dimension, values })
    }

    /// Exact nearest rows among those that `keep` lets through.
    pub fn search_where(
        &self,
        query: &UnitVector,
        k: usize,
        keep: impl Fn(u32) -> bool,
    ) -> Vec<Hit> {
        if query.dimension() != self.dimension {
            return Vec::new();
        }
        let mut hits: Vec<Hit> = (0_u32..)
            .zip(self.rows())
            .filter(|(row, _)| keep(*row))
            .map(|(row, vector)| Hit {
                row,
                score: query.cosine(vector),
            })
            .collect();
        sort_best_first(&mut hits);
        hits.truncate(k);
        hits
    }
}
