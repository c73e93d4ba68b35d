//! All vectors, row by row: the truth that the graph is an approximation of.
//!
//! Serves the exact scores of candidates, the statistics that score fusion needs, the bytes that
//! are searched, and the oracle of tests. Few rows of a question are looked at, so that the values
//! of a large file stay where they are.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use super::stored::{Front, StoredBytes};
use super::{Hit, IndexError, sort_best_first, wire};
use crate::model::{UnitVector, dot};

pub(super) const MAGIC: [u8; 8] = *b"WWVECS01";

/// The values of a file up to this many bytes are kept in memory, where reading them costs nothing:
/// those of 10,000 chunks under the default model.
const MOST_HELD_BYTES: u64 = 16 << 20;

/// Rows that are read at once where all are looked at.
const ROWS_AT_ONCE: usize = 256;

/// A matrix of unit vectors.
#[derive(Debug, Clone)]
pub struct FlatVectors {
    dimension: usize,
    count: usize,
    values: Values,
}

#[derive(Debug, Clone)]
enum Values {
    Held(Arc<[f32]>),
    Stored(Arc<StoredBytes>),
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
            return Err(IndexError::Empty);
        }
        Ok(Self {
            dimension,
            count: vectors.len(),
            values: Values::Held(values.into()),
        })
    }

    /// How many rows there are; never none.
    #[expect(clippy::len_without_is_empty, reason = "there is always a row")]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Values in a row.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// One row, for a search. Where the file cannot be read any more the log says so, and the row is
    /// one of zeros, which is near to nothing.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row(&self, row: u32) -> Cow<'_, [f32]> {
        self.read_row(row).unwrap_or_else(|error| {
            tracing::warn!(%error, "a vector cannot be read; its chunk is found by words alone");
            Cow::Owned(vec![0.0; self.dimension])
        })
    }

    /// One row, for one who writes it elsewhere.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn read_row(&self, row: u32) -> Result<Cow<'_, [f32]>, IndexError> {
        assert!((row as usize) < self.count, "there is no row {row}");
        match &self.values {
            Values::Held(values) => {
                let start = row as usize * self.dimension;
                Ok(Cow::Borrowed(&values[start..start + self.dimension]))
            }
            Values::Stored(stored) => Ok(Cow::Owned(self.read(stored, row as usize, 1)?)),
        }
    }

    /// Shows all rows in order, without holding more than a few.
    pub fn scan(&self, mut each: impl FnMut(&[f32])) -> Result<(), IndexError> {
        match &self.values {
            Values::Held(values) => values.chunks_exact(self.dimension).for_each(each),
            Values::Stored(stored) => {
                for first in (0..self.count).step_by(ROWS_AT_ONCE) {
                    let count = ROWS_AT_ONCE.min(self.count - first);
                    let rows = self.read(stored, first, count)?;
                    rows.chunks_exact(self.dimension).for_each(&mut each);
                }
            }
        }
        Ok(())
    }

    fn read(
        &self,
        stored: &StoredBytes,
        first: usize,
        count: usize,
    ) -> Result<Vec<f32>, IndexError> {
        let bytes = stored.read(
            (first * self.dimension * 4) as u64,
            count * self.dimension * 4,
        )?;
        let values = bytes.as_chunks::<4>().0.iter();
        Ok(values.map(|value| f32::from_le_bytes(*value)).collect())
    }

    /// The front of a file: magic, dimension, count (each a little-endian `u32`). The values follow as
    /// little-endian `f32`.
    pub(super) fn front(dimension: usize, count: usize) -> Vec<u8> {
        let mut bytes = Vec::from(MAGIC);
        bytes.extend_from_slice(&wire::count(dimension));
        bytes.extend_from_slice(&wire::count(count));
        bytes
    }

    /// Opens a file. Rows that are held are checked to be unit vectors.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let mut file = Front::open(path, MAGIC)?;
        let (dimension, count) = (file.u32()?, file.u32()?);
        if dimension == 0 || count == 0 {
            return Err(file.damaged("it holds no vectors"));
        }
        let all = u64::from(dimension) * u64::from(count);
        let bytes = all.saturating_mul(4);
        let (dimension, count) = (dimension as usize, count as usize);
        let values = if bytes > MOST_HELD_BYTES {
            Values::Stored(Arc::new(file.rest(bytes)?))
        } else {
            let values = file.f32s(all)?;
            let is_unit = |row: &[f32]| (0.999..=1.001).contains(&dot(row, row));
            if !values.chunks_exact(dimension).all(is_unit) {
                return Err(file.damaged("it holds a vector that is not of unit length"));
            }
            file.rest(0)?;
            Values::Held(values.into())
        };
        Ok(Self {
            dimension,
            count,
            values,
        })
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
        let rows = 0..u32::try_from(self.count).unwrap_or(u32::MAX);
        let mut hits: Vec<Hit> = rows
            .filter(|row| keep(*row))
            .map(|row| Hit {
                row,
                score: query.cosine(&self.row(row)),
            })
            .collect();
        sort_best_first(&mut hits);
        hits.truncate(k);
        hits
    }
}
