//! Which pieces of a page's content are text of it, and which stand around it: a logistic regression.
//!
//! Its weights lie in `data/html/pieces.tsv` and come from `scripts/train_pieces.py`.

use std::sync::LazyLock;

use super::features::FEATURES;

/// A piece that is text with at least this probability stays. Less than one half: a lost sentence is
/// worse than one too many.
const STAYS_FROM: f32 = 0.35;

struct Weights {
    bias: f32,
    of: [f32; FEATURES],
}

static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| {
    let mut numbers = include_str!("../../../data/html/pieces.tsv")
        .lines()
        .filter_map(|line| line.split('\t').nth(1)?.parse().ok());
    let bias = numbers.next().unwrap_or(0.0);
    let mut of = [0.0; FEATURES];
    for (weight, number) in of.iter_mut().zip(numbers) {
        *weight = number;
    }
    Weights { bias, of }
});

/// Whether a piece with these numbers is text of the page.
pub(super) fn stays(numbers: &[f32; FEATURES]) -> bool {
    let weights = &*WEIGHTS;
    let sum: f32 = weights
        .of
        .iter()
        .zip(numbers)
        .map(|(weight, number)| weight * number)
        .sum();
    1.0 / (1.0 + (-weights.bias - sum).exp()) >= STAYS_FROM
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_weight_for_each_number() {
        let table = include_str!("../../../data/html/pieces.tsv");
        let numbers = table
            .lines()
            .filter(|line| {
                let number = line.split('\t').nth(1);
                number.is_some_and(|number| number.parse::<f32>().is_ok())
            })
            .count();
        assert_eq!(numbers, FEATURES + 1);
    }
}
