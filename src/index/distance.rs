//! The distance that the graph is built with.

use hnsw_rs::prelude::Distance;

use crate::model::dot;

/// One minus the cosine, for unit vectors.
///
/// The name of this type is stored in every graph file and compared when one is opened: renaming
/// or moving it makes all snapshots unreadable. The constant test below holds it in place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UnitCosineDistance;

impl Distance<f32> for UnitCosineDistance {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        if a.len() != b.len() {
            return 2.0;
        }
        let distance = 1.0 - dot(a, b);
        // The crate asserts that distances are not negative; NaN would poison its heaps.
        if distance.is_nan() {
            2.0
        } else {
            distance.max(0.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_keeps_its_name() {
        assert_eq!(
            std::any::type_name::<UnitCosineDistance>(),
            "wattwise::index::distance::UnitCosineDistance"
        );
    }

    #[test]
    fn rounding_never_makes_it_negative_and_nan_is_far_away() {
        let vector = [0.6_f32, 0.800_000_1];
        assert!(UnitCosineDistance.eval(&vector, &vector) >= 0.0);
        assert!((UnitCosineDistance.eval(&[f32::NAN], &[1.0]) - 2.0).abs() < 1e-6);
        assert!((UnitCosineDistance.eval(&[1.0, 0.0], &[1.0]) - 2.0).abs() < 1e-6);
    }
}
