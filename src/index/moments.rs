//! Mean and covariance of all vectors of a generation.
//!
//! The cosines of one query with *all* chunks have the mean `q·μ` and the variance `qᵀΣq`. So the
//! standard score of a candidate is exact although the graph looks at few of the chunks.

use std::path::Path;

use super::flat::FlatVectors;
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
    pub fn of(vectors: &FlatVectors) -> Self {
        let dimension = vectors.dimension();
        let count = vectors.len() as f32;
        let mut mean = vec![0.0_f32; dimension];
        for row in vectors.rows() {
            for (sum, value) in mean.iter_mut().zip(row) {
                *sum += value / count;
            }
        }
        let mut covariance = vec![0.0_f32; dimension * dimension];
        let mut centred = vec![0.0_f32; dimension];
        for row in vectors.rows() {
            for ((centred, value), mean) in centred.iter_mut().zip(row).zip(&mean) {
                *centred = value - mean;
            }
            for (i, factor) in centred.iter().enumerate() {
                let line = &mut covariance[i * dimension + i..(i + 1) * dimension];
                for (sum, value) in line.iter_mut().zip(&centred[i..]) {
                    *sum += factor * value / count;
                }
            }
        }
        for i in 0..dimension {
            for j in 0..i {
                covariance[i * dimension + j] = covariance[j * dimension + i];
            }
        }
        Self { mean, covariance }
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
        let bytes = wire::read(path)?;
        let mut reader = wire::Reader::new(path, &bytes, MAGIC)?;
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

#[cfg(test)]
mod tests {
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
        let vectors = FlatVectors::collect(3, &rows).unwrap();
        let query = UnitVector::normalize(vec![0.7, 0.1, -0.4]).unwrap();
        let cosines: Vec<f32> = vectors.rows().map(|row| query.cosine(row)).collect();
        let mean = cosines.iter().sum::<f32>() / 4.0;
        let deviation = (cosines
            .iter()
            .map(|cosine| (cosine - mean).powi(2))
            .sum::<f32>()
            / 4.0)
            .sqrt();

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("moments");
        Moments::of(&vectors).write(&path).unwrap();
        let (found_mean, found_deviation) =
            Moments::open(&path).unwrap().of_cosines(&query).unwrap();
        assert!((found_mean - mean).abs() < 1e-5 && (found_deviation - deviation).abs() < 1e-5);
    }
}
