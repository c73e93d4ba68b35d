//! All vectors again, one byte a value, for looking at many of them quickly.
//!
//! All rows share one scale, so that the products of bytes order rows without a division, and
//! integer arithmetic gives the same order on every machine. A byte's rounding moves a cosine by
//! about 0.001; whoever needs the true order of what was found computes it from
//! [`FlatVectors`].

use std::path::Path;

use rten_simd::{Isa, SimdOp};

use super::flat::FlatVectors;
use super::stored::Front;
use super::{IndexError, wire};
use crate::model::UnitVector;

const MAGIC: [u8; 8] = *b"WWBYTE01";

/// The largest byte; symmetrical, so that a vector and its opposite have opposite bytes.
pub(super) const LARGEST_BYTE: f32 = 127.0;

/// A matrix of unit vectors in signed bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantisedVectors {
    dimension: usize,
    /// What a byte of 1 stands for.
    scale: f32,
    values: Vec<i8>,
}

impl QuantisedVectors {
    /// Rounds all rows by the largest value that they have.
    pub fn of(vectors: &FlatVectors) -> Result<Self, IndexError> {
        Self::scaled(vectors, largest(vectors)? / LARGEST_BYTE)
    }

    /// Rounds all rows by a scale that others have too; values beyond it are cut.
    pub fn scaled(vectors: &FlatVectors, scale: f32) -> Result<Self, IndexError> {
        let mut values = Vec::with_capacity(vectors.len() * vectors.dimension());
        vectors.scan(|row| values.extend(row.iter().map(|value| to_byte(*value, scale))))?;
        Ok(Self {
            dimension: vectors.dimension(),
            scale,
            values,
        })
    }

    /// Whether `scale` holds all values of `vectors`.
    pub fn fits(vectors: &FlatVectors, scale: f32) -> Result<bool, IndexError> {
        Ok(largest(vectors)? <= scale * LARGEST_BYTE * (1.0 + f32::EPSILON))
    }

    /// Rows out of several matrices of one scale and dimension, of which there must be one: for each
    /// row its place, counted over all of them one behind the other.
    pub fn gathered(parts: &[Self], slots: impl ExactSizeIterator<Item = u32>) -> Self {
        let (first, dimension) = (&parts[0], parts[0].dimension);
        let mut values = Vec::with_capacity(slots.len() * dimension);
        for slot in slots {
            let mut at = slot as usize;
            let part = parts.iter().find(|part| {
                let is_here = at < part.len();
                at -= if is_here { 0 } else { part.len() };
                is_here
            });
            let row = part.map_or(&[] as &[i8], |part| {
                &part.values[at * dimension..(at + 1) * dimension]
            });
            values.extend_from_slice(row);
            values.resize(values.len().next_multiple_of(dimension), 0);
        }
        Self {
            dimension,
            scale: first.scale,
            values,
        }
    }

    /// What a byte of 1 stands for.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Writes the file: magic, dimension, rows (little-endian `u32`), the scale (`f32`), the values
    /// (signed bytes).
    pub fn write(&self, path: &Path) -> Result<(), IndexError> {
        let mut bytes = Vec::with_capacity(self.values.len() + 20);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&wire::count(self.dimension));
        bytes.extend_from_slice(&wire::count(self.len()));
        bytes.extend_from_slice(&self.scale.to_le_bytes());
        bytes.extend(self.values.iter().map(|value| value.cast_unsigned()));
        wire::write(path, &bytes)
    }

    /// Reads what [`Self::write`] wrote.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let (file, dimension, rows, scale) = front(path)?;
        let length = u64::from(dimension) * u64::from(rows);
        let values = file.rest(length)?;
        let values = values.read(0, usize::try_from(length).unwrap_or(usize::MAX))?;
        Ok(Self {
            dimension: dimension as usize,
            scale,
            values: values.iter().map(|value| value.cast_signed()).collect(),
        })
    }

    /// The scale of a file.
    pub fn scale_of(path: &Path) -> Result<f32, IndexError> {
        Ok(front(path)?.3)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.values.len() / self.dimension
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Values in a row.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// One row.
    ///
    /// # Panics
    /// When there is no such row.
    #[inline]
    pub fn row(&self, row: u32) -> &[i8] {
        let start = row as usize * self.dimension;
        &self.values[start..start + self.dimension]
    }

    /// All rows in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[i8]> {
        self.values.chunks_exact(self.dimension)
    }

    /// A cosine for each unit of a product of bytes.
    pub fn cosine_per_product(&self) -> f32 {
        self.scale * self.scale
    }

    /// A query in the bytes of this matrix; values beyond the largest of all rows are cut to it.
    pub fn query(&self, query: &UnitVector) -> Vec<i8> {
        query
            .as_slice()
            .iter()
            .map(|value| to_byte(*value, self.scale))
            .collect()
    }

    /// The `count` rows nearest to a query's bytes among those that `keep` lets through, in no
    /// particular order: every such row is looked at.
    pub fn nearest(&self, query: &[i8], count: usize, keep: impl Fn(u32) -> bool) -> Vec<u32> {
        let mut found: Vec<(i32, u32)> = Scan {
            query,
            vectors: self,
            keep,
        }
        .dispatch();
        if count == 0 {
            return Vec::new();
        }
        if found.len() > count {
            found.select_nth_unstable_by(count - 1, |a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            found.truncate(count);
        }
        found.into_iter().map(|(_, row)| row).collect()
    }
}

/// The front of a file: dimension, rows, scale.
fn front(path: &Path) -> Result<(Front, u32, u32, f32), IndexError> {
    let mut file = Front::open(path, MAGIC)?;
    let (dimension, rows) = (file.u32()?, file.u32()?);
    let scale = file.f32s(1)?[0];
    if dimension == 0 || rows == 0 || !scale.is_normal() || scale < 0.0 {
        return Err(file.damaged("it holds no vectors"));
    }
    Ok((file, dimension, rows, scale))
}

/// The largest of all values, by its size.
fn largest(vectors: &FlatVectors) -> Result<f32, IndexError> {
    let mut largest = f32::MIN_POSITIVE;
    vectors.scan(|row| {
        for value in row {
            largest = largest.max(value.abs());
        }
    })?;
    Ok(largest)
}

/// Rounds one value; the cast saturates, and what is no number becomes 0.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the value is clamped to the bytes' range first"
)]
pub(super) fn to_byte(value: f32, scale: f32) -> i8 {
    (value / scale).round().clamp(-LARGEST_BYTE, LARGEST_BYTE) as i8
}

/// The product of two rows of bytes. Compiled into its caller, so that it uses the vector
/// instructions that the caller was [dispatched](SimdOp::dispatch) to.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "only what is inlined is compiled for the dispatched instructions"
)]
pub(super) fn product(a: &[i8], b: &[i8]) -> i32 {
    a.iter()
        .zip(b)
        .map(|(left, right)| i32::from(*left) * i32::from(*right))
        .sum()
}

/// The product of two rows, for those who need only one.
pub(super) struct Product<'a>(pub(super) &'a [i8], pub(super) &'a [i8]);

impl SimdOp for Product<'_> {
    type Output = i32;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see `product`")]
    fn eval<I: Isa>(self, _: I) -> i32 {
        product(self.0, self.1)
    }
}

struct Scan<'a, K> {
    query: &'a [i8],
    vectors: &'a QuantisedVectors,
    keep: K,
}

impl<K: Fn(u32) -> bool> SimdOp for Scan<'_, K> {
    type Output = Vec<(i32, u32)>;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see `product`")]
    fn eval<I: Isa>(self, _: I) -> Vec<(i32, u32)> {
        let mut found = Vec::new();
        for (row, values) in (0_u32..).zip(self.vectors.rows()) {
            if (self.keep)(row) {
                found.push((product(self.query, values), row));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::directions;
    use super::*;

    #[test]
    fn products_are_cosines_within_rounding() {
        let rows = directions(200, 64, 3);
        let vectors = FlatVectors::collect(64, &rows).unwrap();
        let bytes = QuantisedVectors::of(&vectors).unwrap();
        assert_eq!((bytes.len(), bytes.dimension()), (200, 64));
        for query in directions(20, 64, 4) {
            let coded = bytes.query(&query);
            for row in 0..200 {
                let cosine =
                    Product(&coded, bytes.row(row)).dispatch() as f32 * bytes.cosine_per_product();
                let truth = query.cosine(&vectors.row(row));
                assert!((cosine - truth).abs() < 0.01, "{cosine}, not {truth}");
            }
        }
    }

    #[test]
    fn the_nearest_are_those_of_a_full_sort_and_a_filter_holds() {
        let vectors = FlatVectors::collect(32, &directions(500, 32, 5)).unwrap();
        let bytes = QuantisedVectors::of(&vectors).unwrap();
        let query = bytes.query(&directions(1, 32, 6)[0]);
        let mut sorted: Vec<(i32, u32)> = (0..500)
            .filter(|row| row % 3 != 0)
            .map(|row| (-product(&query, bytes.row(row)), row))
            .collect();
        sorted.sort_unstable();
        let mut expected: Vec<u32> = sorted[..7].iter().map(|(_, row)| *row).collect();
        let mut found = bytes.nearest(&query, 7, |row| row % 3 != 0);
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected);
        assert!(bytes.nearest(&query, 0, |_| true).is_empty());
        assert!(bytes.nearest(&query, 5, |_| false).is_empty());
    }

    #[test]
    fn extremes_do_not_overflow() {
        let vectors =
            FlatVectors::collect(2, &[UnitVector::normalize(vec![1.0, 0.0]).unwrap()]).unwrap();
        let bytes = QuantisedVectors::of(&vectors).unwrap();
        assert_eq!(bytes.row(0), [127, 0]);
        let opposite = UnitVector::normalize(vec![-1.0, 0.0]).unwrap();
        assert_eq!(bytes.query(&opposite), [-127, 0]);
    }
}
