//! Is one system better than another, or was it luck?

/// Rounds of the permutation test.
const ROUNDS: u32 = 10_000;

/// The difference of two means over the same queries and how likely it is by chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Mean of the first minus mean of the second.
    pub difference: f64,
    /// Two-sided p value of a paired permutation test (Smucker, Allan and Carterette, 2007).
    pub p: f64,
}

/// Compares two systems query by query; `a` and `b` are parallel. `None` when they are empty or not
/// equally long.
pub fn compare(a: &[f64], b: &[f64]) -> Option<Comparison> {
    if a.len() != b.len() || a.is_empty() {
        return None;
    }
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let observed: f64 = differences.iter().sum();
    let mut random = Xorshift(0x2545_f491_4f6c_dd1d);
    let mut as_extreme = 0_u32;
    for _ in 0..ROUNDS {
        let sum: f64 = differences
            .iter()
            .map(|difference| {
                if random.coin() {
                    *difference
                } else {
                    -difference
                }
            })
            .sum();
        // Equal sums in another order of addition must count as equal.
        if sum.abs() >= observed.abs() - 1e-12 {
            as_extreme += 1;
        }
    }
    Some(Comparison {
        difference: observed / a.len() as f64,
        p: f64::from(as_extreme + 1) / f64::from(ROUNDS + 1),
    })
}

/// Marsaglia's generator; a fixed seed makes every comparison repeatable.
struct Xorshift(u64);

impl Xorshift {
    fn coin(&mut self) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 & (1 << 40) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_systems_do_not_differ_and_a_constant_gain_does() {
        let a: Vec<f64> = (0..40).map(|number| f64::from(number % 7) / 7.0).collect();
        let same = compare(&a, &a).unwrap();
        assert!(same.difference.abs() < 1e-12 && same.p > 0.99);
        let better: Vec<f64> = a.iter().map(|value| value + 0.1).collect();
        let gain = compare(&better, &a).unwrap();
        assert!(
            (gain.difference - 0.1).abs() < 1e-9 && gain.p < 0.001,
            "{gain:?}"
        );
        assert!(compare(&a, &a[1..]).is_none());
    }

    /// With four queries there are sixteen signs; two of them are as extreme: p is near 1/8.
    #[test]
    fn the_p_value_agrees_with_counting_all_signs() {
        let p = compare(&[0.4, 0.3, 0.2, 0.1], &[0.0; 4]).unwrap().p;
        assert!((p - 0.125).abs() < 0.02, "{p}");
    }
}
