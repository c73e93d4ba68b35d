//! Mean and covariance of all vectors of a generation.
//!
//! The cosines of one query with *all* chunks have the mean `q·μ` and the variance `qᵀΣq`. So the
//! standard score of a candidate is exact although the graph looks at few of the chunks.

use std::borrow::Cow;
use std::path::Path;

use super::{IndexError, wire};
use crate::model::{UnitVector, dot};

const MAGIC: [u8; 8] = *b"WWMOMT01";

/// First and second moments of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    mean: Vec<f32>,
    /// Row-major, `dimension` × `dimension`.
    covariance: Vec<f32>,
}

impl Moments {
    /// Computes both over all rows: `count · dimension² / 2` multiplications.
    pub fn of<'a>(
        dimension: usize,
        rows: impl Iterator<Item = Result<Cow<'a, [f32]>, IndexError>>,
    ) -> Result<Self, IndexError> {
        let mut sums = Sums::none(dimension);
        for row in rows {
            sums.add(&row?, 1.0);
        }
        Ok(sums.moments())
    }

    /// Both over the rows of another time, `count` of them, without those that are gone and with new
    /// ones: `dimension² / 2` multiplications for each. Every time the sums are rounded to `f32`
    /// once, so that a thousand times move a score in its fifth digit.
    pub fn changed<'a>(
        &self,
        count: usize,
        gone: impl Iterator<Item = Result<Cow<'a, [f32]>, IndexError>>,
        new: impl Iterator<Item = Result<Cow<'a, [f32]>, IndexError>>,
    ) -> Result<Self, IndexError> {
        let mut sums = Sums::of(self, count);
        for row in gone {
            sums.add(&row?, -1.0);
        }
        for row in new {
            sums.add(&row?, 1.0);
        }
        Ok(sums.moments())
    }

    /// Mean and standard deviation of the cosines of `query` with all rows; `None` for a query of
    /// another dimension.
    pub fn of_cosines(&self, query: &UnitVector) -> Option<(f32, f32)> {
        let query = query.as_slice();
        if query.len() != self.mean.len() {
            return None;
        }
        let variance: f32 = self
            .covariance
            .chunks_exact(query.len())
            .zip(query)
            .map(|(line, value)| value * dot(line, query))
            .sum();
        Some((dot(&self.mean, query), variance.max(0.0).sqrt()))
    }

    /// Writes the file: magic, dimension (little-endian `u32`), mean, covariance (`f32`).
    pub fn write(&self, path: &Path) -> Result<(), IndexError> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&wire::count(self.mean.len()));
        for value in self.mean.iter().chain(&self.covariance) {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        wire::write(path, &bytes)
    }

    /// Reads what [`Self::write`] wrote.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        Self::parse(path, &wire::read(path)?)
    }

    /// Reads the bytes of such a file; `path` names them in errors.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, IndexError> {
        let mut reader = wire::Reader::new(path, bytes, MAGIC)?;
        let dimension = reader.u32()? as usize;
        let mean = reader.f32s(dimension)?;
        let covariance = reader.f32s(dimension.saturating_mul(dimension))?;
        if mean
            .iter()
            .chain(&covariance)
            .any(|value| !value.is_finite())
        {
            return Err(reader.damaged("it holds a value that is not finite"));
        }
        reader.finish()?;
        Ok(Self { mean, covariance })
    }
}

/// The sums that moments are made of. Single rows are added in `f32` to sums of a few of them, as
/// vector instructions do best, and these in `f64`.
struct Sums {
    count: f64,
    values: Vec<f64>,
    /// Of the products of two values of a row; the upper triangle.
    products: Vec<f64>,
    few: Vec<f32>,
    rows_in_few: usize,
}

/// Rows whose products are summed in `f32`.
const FEW: usize = 64;

impl Sums {
    fn none(dimension: usize) -> Self {
        Self {
            count: 0.0,
            values: vec![0.0; dimension],
            products: vec![0.0; dimension * dimension],
            few: vec![0.0; dimension * dimension],
            rows_in_few: 0,
        }
    }

    fn of(moments: &Moments, count: usize) -> Self {
        let count = count as f64;
        let mean = || moments.mean.iter().map(|value| f64::from(*value));
        let means = mean().flat_map(|a| mean().map(move |b| a * b));
        let covariances = moments.covariance.iter();
        Self {
            count,
            values: mean().map(|value| value * count).collect(),
            products: covariances
                .zip(means)
                .map(|(covariance, means)| (f64::from(*covariance) + means) * count)
                .collect(),
            ..Self::none(moments.mean.len())
        }
    }

    /// Adds a row, or with a weight of -1 takes it away.
    fn add(&mut self, row: &[f32], weight: f32) {
        let dimension = self.values.len();
        self.count += f64::from(weight);
        for (sum, value) in self.values.iter_mut().zip(row) {
            *sum += f64::from(weight * value);
        }
        for (i, factor) in row.iter().enumerate() {
            let line = &mut self.few[i * dimension + i..(i + 1) * dimension];
            for (sum, value) in line.iter_mut().zip(&row[i..]) {
                *sum += weight * factor * value;
            }
        }
        self.rows_in_few += 1;
        if self.rows_in_few == FEW {
            self.settle();
        }
    }

    fn settle(&mut self) {
        for (sum, few) in self.products.iter_mut().zip(&mut self.few) {
            *sum += f64::from(std::mem::take(few));
        }
        self.rows_in_few = 0;
    }

    fn moments(mut self) -> Moments {
        self.settle();
        let dimension = self.values.len();
        let mean: Vec<f64> = self.values.iter().map(|sum| sum / self.count).collect();
        let covariance = (0..dimension * dimension).map(|at| {
            let (i, j) = (at / dimension, at % dimension);
            let upper = i.min(j) * dimension + i.max(j);
            (self.products[upper] / self.count - mean[i] * mean[j]) as f32
        });
        Moments {
            covariance: covariance.collect(),
            mean: mean.iter().map(|value| *value as f32).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::directions;
    use super::*;

    #[test]
    fn moments_of_cosines_equal_those_of_a_full_scan() {
        let rows: Vec<UnitVector> = [
            [1.0, 0.2, 0.0],
            [0.1, 0.9, 0.3],
            [0.5, 0.5, -0.5],
            [0.0, 0.3, 1.0],
        ]
        .into_iter()
        .map(|row| UnitVector::normalize(row.to_vec()).unwrap())
        .collect();
        let query = UnitVector::normalize(vec![0.7, 0.1, -0.4]).unwrap();
        let cosines: Vec<f32> = rows
            .iter()
            .map(|row| query.cosine(row.as_slice()))
            .collect();
        let mean = cosines.iter().sum::<f32>() / 4.0;
        let deviation = (cosines
            .iter()
            .map(|cosine| (cosine - mean).powi(2))
            .sum::<f32>()
            / 4.0)
            .sqrt();

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("moments");
        let borrowed = rows.iter().map(|row| Ok(Cow::Borrowed(row.as_slice())));
        Moments::of(3, borrowed).unwrap().write(&path).unwrap();
        let (found_mean, found_deviation) =
            Moments::open(&path).unwrap().of_cosines(&query).unwrap();
        assert!((found_mean - mean).abs() < 1e-5 && (found_deviation - deviation).abs() < 1e-5);
    }

    #[test]
    fn moments_follow_rows_that_go_and_come() {
        let all = directions(300, 24, 5);
        let borrowed = |rows: std::ops::Range<usize>| {
            let rows = all[rows].iter();
            rows.map(|row: &UnitVector| Ok(Cow::Borrowed(row.as_slice())))
        };
        let before = Moments::of(24, borrowed(0..200)).unwrap();
        let changed = before
            .changed(200, borrowed(0..50), borrowed(200..300))
            .unwrap();
        let fresh = Moments::of(24, borrowed(50..300)).unwrap();
        for query in directions(20, 24, 6) {
            let (mean, deviation) = fresh.of_cosines(&query).unwrap();
            let (found_mean, found_deviation) = changed.of_cosines(&query).unwrap();
            assert!((found_mean - mean).abs() < 1e-5 && (found_deviation - deviation).abs() < 1e-5);
        }
    }
}
