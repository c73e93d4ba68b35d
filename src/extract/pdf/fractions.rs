//! Fractions: a bar, and what stands centred over and under it.

use super::fragments::Fragment;
use super::glyph::Rule;

/// Bars looked at for each fragment; bounds hostile pages.
const MAX_BARS: usize = 64;
/// A bar is as wide as its wider half, give or take this many ems.
const FIT: f32 = 0.35;
/// Heights of a bar over its lower half's baseline, in ems of that half.
const BELOW: std::ops::Range<f32> = 0.6..1.4;
/// Depths of a bar under its upper half's baseline, in ems of that half.
const ABOVE: std::ops::Range<f32> = 0.17..0.75;

/// The half of a fraction that a fragment stands in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Half {
    /// Which bar of the page.
    pub(super) index: usize,
    /// Where it is.
    pub(super) bar: Rule,
    /// Whether the fragment stands over it.
    pub(super) is_upper: bool,
}

/// For every fragment the half of a fraction that it stands in.
pub(super) struct Halves(Vec<Option<Half>>);

/// How far the fragments over and under a bar reach.
#[derive(Clone, Copy)]
struct Extent {
    left: f32,
    right: f32,
}

impl Halves {
    /// Looks for what each of the `bars` parts.
    pub(super) fn of(fragments: &[Fragment], bars: &[Rule]) -> Self {
        if bars.is_empty() {
            return Self(Vec::new());
        }
        let mut bars = bars.to_vec();
        bars.sort_by(|a, b| a.y.total_cmp(&b.y));
        let found: Vec<Option<Half>> = fragments
            .iter()
            .map(|fragment| half_of(fragment, &bars))
            .collect();
        let mut extents: Vec<[Option<Extent>; 2]> = vec![[None; 2]; bars.len()];
        let mut size: Vec<f32> = vec![0.0; bars.len()];
        for (fragment, half) in fragments.iter().zip(&found) {
            if let Some(half) = half {
                let extent = &mut extents[half.index][usize::from(half.is_upper)];
                *extent = Some(Extent {
                    left: extent.map_or(fragment.left, |all| all.left.min(fragment.left)),
                    right: extent.map_or(fragment.right, |all| all.right.max(fragment.right)),
                });
                size[half.index] = size[half.index].max(fragment.size);
            }
        }
        let fits = |half: &Half| {
            let [Some(lower), Some(upper)] = extents[half.index] else {
                return false;
            };
            let bar = half.bar;
            let slack = size[half.index] * FIT;
            let off = |one: &Extent| {
                (f32::midpoint(one.left, one.right) - f32::midpoint(bar.left, bar.right)).abs()
            };
            let widest = (lower.right - lower.left).max(upper.right - upper.left);
            off(&lower) < slack
                && off(&upper) < slack
                && widest > bar.right - bar.left - slack * 2.0
        };
        Self(found.into_iter().map(|half| half.filter(fits)).collect())
    }

    /// The half that a fragment stands in.
    pub(super) fn get(&self, fragment: usize) -> Option<Half> {
        self.0.get(fragment).copied().flatten()
    }
}

/// The nearest bar that a fragment stands over or under. `bars` are sorted by height.
fn half_of(fragment: &Fragment, bars: &[Rule]) -> Option<Half> {
    let size = fragment.size;
    let start = bars.partition_point(|bar| bar.y < fragment.baseline - size * BELOW.end);
    bars.iter()
        .enumerate()
        .skip(start)
        .take(MAX_BARS)
        .take_while(|(_, bar)| bar.y < fragment.baseline + size * ABOVE.end)
        .filter(|(_, bar)| {
            fragment.left > bar.left - size * 0.25 && fragment.right < bar.right + size * 0.25
        })
        .filter_map(|(index, &bar)| {
            let depth = (bar.y - fragment.baseline) / size;
            let is_upper = ABOVE.contains(&depth);
            (is_upper || BELOW.contains(&-depth)).then_some(Half {
                index,
                bar,
                is_upper,
            })
        })
        .min_by(|a, b| width(a.bar).total_cmp(&width(b.bar)))
}

fn width(bar: Rule) -> f32 {
    bar.right - bar.left
}
