//! Which kind of message one is, from examples of each kind.
//!
//! Regularised least squares over the vectors of the examples (Rifkin, Yeo and Poggio, "Regularized
//! Least-Squares Classification", 2003): what the examples of a kind have in common weighs more than
//! what each of them speaks of, so that "translate hello into Spanish" is nearer to translating than
//! to "hello".

use crate::model::UnitVector;

/// What large weights cost. With it an example that stands alone gets half of its kind's score.
const REGULARISATION: f64 = 1.0;

/// A weight for each column of the vectors, for each kind.
pub(super) struct Kinds(Vec<Vec<f64>>);

impl Kinds {
    /// Learns `count` kinds from examples, each with the number of its kind.
    pub(super) fn of(examples: &[(&UnitVector, usize)], count: usize) -> Self {
        let gram: Vec<Vec<f64>> = examples
            .iter()
            .enumerate()
            .map(|(row, (a, _))| {
                let upto = examples[..=row].iter();
                upto.map(|(b, _)| f64::from(a.cosine(b.as_slice())))
                    .collect()
            })
            .collect();
        let factor = cholesky(gram);
        let kinds = (0..count).map(|kind| {
            let is_of = |(_, of): &(&UnitVector, usize)| f64::from(u8::from(*of == kind));
            let shares = solve(&factor, examples.iter().map(is_of).collect());
            let dimension = examples
                .first()
                .map_or(0, |(vector, _)| vector.as_slice().len());
            let mut weights = vec![0.0; dimension];
            for ((vector, _), share) in examples.iter().zip(shares) {
                for (weight, value) in weights.iter_mut().zip(vector.as_slice()) {
                    *weight += share * f64::from(*value);
                }
            }
            weights
        });
        Self(kinds.collect())
    }

    /// The kind of a message and its score: about 1 for what is like the examples of one kind, and 0
    /// for what is like none.
    pub(super) fn nearest(&self, vector: &UnitVector) -> Option<(usize, f64)> {
        let score = |weights: &Vec<f64>| -> f64 {
            let pairs = weights.iter().zip(vector.as_slice());
            pairs
                .map(|(weight, value)| weight * f64::from(*value))
                .sum()
        };
        let scores = self.0.iter().map(score).enumerate();
        scores.reduce(|best, next| if next.1 > best.1 { next } else { best })
    }
}

/// The lower factor of a Gram matrix with the regularisation on its diagonal, which makes it positive
/// definite. `lower` holds the rows up to the diagonal.
fn cholesky(mut lower: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    for row in 0..lower.len() {
        for column in 0..=row {
            let dot: f64 = (0..column)
                .map(|at| lower[row][at] * lower[column][at])
                .sum();
            lower[row][column] = if row == column {
                (lower[row][row] + REGULARISATION - dot)
                    .max(f64::MIN_POSITIVE)
                    .sqrt()
            } else {
                (lower[row][column] - dot) / lower[column][column]
            };
        }
    }
    lower
}

/// Solves `L Lᵀ x = right` for a lower factor.
fn solve(lower: &[Vec<f64>], mut right: Vec<f64>) -> Vec<f64> {
    for row in 0..lower.len() {
        let dot: f64 = (0..row).map(|at| lower[row][at] * right[at]).sum();
        right[row] = (right[row] - dot) / lower[row][row];
    }
    for row in (0..lower.len()).rev() {
        let dot: f64 = (row + 1..lower.len())
            .map(|at| lower[at][row] * right[at])
            .sum();
        right[row] = (right[row] - dot) / lower[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(values: &[f32]) -> UnitVector {
        UnitVector::normalize(values.to_vec()).unwrap()
    }

    #[test]
    fn the_factor_solves() {
        // With the regularisation: [[2, 0.5], [0.5, 2]].
        let factor = cholesky(vec![vec![1.0], vec![0.5, 1.0]]);
        let found = solve(&factor, vec![3.0, 4.5]);
        assert!((found[0] - 1.0).abs() < 1e-9 && (found[1] - 2.0).abs() < 1e-9);
    }

    #[test]
    fn what_the_examples_share_weighs_more_than_what_each_speaks_of() {
        // The first column is what is done, the others what it is done to.
        let translate = [
            vector(&[1.0, 1.0, 0.0, 0.0]),
            vector(&[1.0, 0.0, 1.0, 0.0]),
            vector(&[1.0, 0.0, 0.0, 0.5]),
        ];
        let hello = vector(&[0.0, 0.0, 0.0, 1.0]);
        let mut examples: Vec<(&UnitVector, usize)> =
            translate.iter().map(|example| (example, 0)).collect();
        examples.push((&hello, 1));
        let kinds = Kinds::of(&examples, 2);
        let (kind, score) = kinds.nearest(&vector(&[1.0, 0.0, 0.0, 1.2])).unwrap();
        assert_eq!(kind, 0);
        assert!(score > 0.4, "{score}");
        assert_eq!(kinds.nearest(&hello).unwrap().0, 1);
        assert!(Kinds::of(&[], 0).nearest(&hello).is_none());
    }
}
