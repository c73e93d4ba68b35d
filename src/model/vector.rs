//! Unit vectors, checked once at the edge.

use thiserror::Error;

/// A vector of length 1. Everything behind the embedder's door relies on it: a dot product is a
/// cosine, and the graph never sees NaN or zero.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitVector(Vec<f32>);

/// Why numbers are not a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VectorError {
    /// A value is NaN or infinite.
    #[error("the vector holds a value that is not finite")]
    NotFinite,
    /// All values are zero, or so near it that no direction is left.
    #[error("the vector has no length")]
    Zero,
}

impl UnitVector {
    /// Scales `values` to length 1 (L2).
    pub fn normalize(mut values: Vec<f32>) -> Result<Self, VectorError> {
        if values.iter().any(|value| !value.is_finite()) {
            return Err(VectorError::NotFinite);
        }
        let norm = values
            .iter()
            .map(|value| f64::from(*value).powi(2))
            .sum::<f64>()
            .sqrt();
        if norm < 1e-12 {
            return Err(VectorError::Zero);
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the vectors are f32 by design"
        )]
        let scale = (1.0 / norm) as f32;
        for value in &mut values {
            *value *= scale;
        }
        Ok(Self(values))
    }

    /// The values.
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// How many values.
    pub fn dimension(&self) -> usize {
        self.0.len()
    }

    /// The cosine of the angle to `other`, which must have the same dimension.
    pub fn cosine(&self, other: &[f32]) -> f32 {
        dot(&self.0, other)
    }
}

/// Dot product of two equally long slices, in sixteen lanes that the compiler turns into vector
/// instructions. Extra values of the longer slice are ignored.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    for (left, right) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += left[lane] * right[lane];
        }
    }
    let tail: f32 = a_rest
        .iter()
        .zip(b_rest)
        .map(|(left, right)| left * right)
        .sum();
    sums.iter().sum::<f32>() + tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalizing_keeps_the_direction() {
        let vector = UnitVector::normalize(vec![3.0, 4.0]).unwrap();
        assert!((vector.as_slice()[0] - 0.6).abs() < 1e-6);
        assert!((vector.cosine(vector.as_slice()) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn what_is_no_direction_is_refused() {
        assert_eq!(
            UnitVector::normalize(vec![0.0, 0.0]),
            Err(VectorError::Zero)
        );
        assert_eq!(
            UnitVector::normalize(vec![f32::NAN]),
            Err(VectorError::NotFinite)
        );
        assert_eq!(
            UnitVector::normalize(vec![f32::INFINITY]),
            Err(VectorError::NotFinite)
        );
    }

    #[test]
    fn the_dot_product_counts_every_value() {
        let a: Vec<f32> = (0..37_u8).map(f32::from).collect();
        let expected: f32 = a.iter().map(|value| value * value).sum();
        assert!((dot(&a, &a) - expected).abs() < 1e-2);
    }
}
