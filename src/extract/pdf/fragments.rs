//! Fragments: what is drawn in one go on one baseline, and which of it stands on one line.

use super::glyph::Glyph;
use super::markers::names_part;

/// Gaps wider than this many ems end a fragment, even between glyphs drawn one after the other.
pub(super) const COLUMN_GAP: f32 = 0.8;
/// Gaps wider than this between glyphs drawn at different times may be gutters.
const DRAWN_APART_GAP: f32 = 0.55;
/// Neighbours looked at when fragments of one baseline are joined; bounds hostile pages.
const MAX_NEIGHBOURS: usize = 600;

/// Consecutively drawn glyphs of one baseline and size, or the parts of a formula.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fragment {
    /// Its glyphs, in the order in which they are drawn.
    pub(super) glyphs: Vec<usize>,
    /// Left edge.
    pub(super) left: f32,
    /// Right edge.
    pub(super) right: f32,
    /// Baseline of most of it.
    pub(super) baseline: f32,
    /// Font size of most of it.
    pub(super) size: f32,
    /// Whether parts of it stand over each other, so that it is read as it is drawn.
    pub(super) is_formula: bool,
    /// What stands before some of its glyphs besides a gap; the glyphs in rising order.
    pub(super) joints: Vec<(usize, Joint)>,
}

/// What parts two parts of a formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joint {
    /// They are words of their own.
    Apart,
    /// The bar of a fraction.
    Over,
}

/// The fragments in the order in which they are drawn.
pub(super) fn fragments_of(glyphs: &[Glyph]) -> Vec<Fragment> {
    let mut fragments: Vec<Fragment> = Vec::new();
    for (index, glyph) in glyphs.iter().enumerate() {
        let end = glyph.x + glyph.advance;
        let blank = glyph.character == ' ';
        if let Some(last) = fragments.last_mut()
            && (glyph.y - last.baseline).abs() < glyph.size * 0.05
            && (glyph.size / last.size - 1.0).abs() < 0.03
            && glyph.x - last.right < glyph.size * COLUMN_GAP
            && glyph.x - last.right > -glyph.size * 0.3
        {
            last.glyphs.push(index);
            if !blank {
                last.right = last.right.max(end);
            }
            continue;
        }
        if blank {
            // A space on its own carries no position worth keeping, only the hint of a gap.
            if let Some(last) = fragments.last_mut()
                && (glyph.y - last.baseline).abs() < glyph.size * 0.05
            {
                last.glyphs.push(index);
                continue;
            }
        }
        fragments.push(Fragment {
            glyphs: vec![index],
            left: glyph.x,
            right: if blank { glyph.x } else { end },
            baseline: glyph.y,
            size: glyph.size,
            is_formula: false,
            joints: Vec::new(),
        });
    }
    fragments.retain(|fragment| {
        fragment
            .glyphs
            .iter()
            .any(|&index| glyphs[index].character != ' ')
    });
    for fragment in &mut fragments {
        trim_left(fragment, glyphs);
    }
    fragments
}

/// Leading spaces stay as glyphs but do not widen the fragment.
fn trim_left(fragment: &mut Fragment, glyphs: &[Glyph]) {
    let first = fragment
        .glyphs
        .iter()
        .find(|&&index| glyphs[index].character != ' ');
    if let Some(&index) = first {
        fragment.left = fragment.left.max(glyphs[index].x);
    }
}

/// Groups of fragments that stand on one line. `fragments` are sorted by baseline.
pub(super) fn join_fragments(fragments: &[Fragment], glyphs: &[Glyph]) -> Vec<Vec<usize>> {
    let mut parents: Vec<usize> = (0..fragments.len()).collect();
    for (index, fragment) in fragments.iter().enumerate() {
        for (other_index, other) in fragments
            .iter()
            .enumerate()
            .skip(index + 1)
            .take(MAX_NEIGHBOURS)
        {
            if other.baseline - fragment.baseline > fragment.size.max(other.size) * 0.7 {
                if other.baseline - fragment.baseline > fragment.size * 4.0 {
                    break;
                }
                continue;
            }
            if stand_together(fragment, other, glyphs) {
                union(&mut parents, index, other_index);
            }
        }
    }
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); fragments.len()];
    for index in 0..fragments.len() {
        let root = find(&mut parents, index);
        groups[root].push(index);
    }
    groups.retain(|group| !group.is_empty());
    groups
}

fn find(parents: &mut [usize], mut index: usize) -> usize {
    while parents[index] != index {
        parents[index] = parents[parents[index]];
        index = parents[index];
    }
    index
}

fn union(parents: &mut [usize], one: usize, other: usize) {
    let (one, other) = (find(parents, one), find(parents, other));
    parents[other] = one;
}

/// Whether two fragments belong to one line: side by side on one baseline, or base and script.
fn stand_together(upper: &Fragment, lower: &Fragment, glyphs: &[Glyph]) -> bool {
    let (first, second) = if upper.left <= lower.left {
        (upper, lower)
    } else {
        (lower, upper)
    };
    let gap = second.left - first.right;
    let (big, small) = (upper.size.max(lower.size), upper.size.min(lower.size));
    let drop = lower.baseline - upper.baseline;
    // A letter much larger than its neighbours is an initial, not part of their line.
    if small < big * 0.45 {
        return false;
    }
    if drop <= small * 0.2 {
        let tiny = second.right - second.left < big * 0.8;
        return gap < small * DRAWN_APART_GAP
            && (gap > -big * 0.5 || tiny)
            && !begins_caption(first, second, glyphs);
    }
    // A script is set close to its letter, but the next word stands a space behind the script.
    let follows = second.glyphs.first() == first.glyphs.last().map(|last| last + 1).as_ref();
    let reach = if follows && first.size < second.size {
        big * DRAWN_APART_GAP
    } else {
        small * 0.35
    };
    if small > big * 0.85 || gap > reach || gap < -big * 0.4 {
        return false;
    }
    let raised = upper.size < lower.size;
    if raised {
        drop < big * 0.65
    } else {
        drop < big * 0.4
    }
}

/// Whether `second` begins a caption of its own, as `(b)` does beside the one of `(a)`: what is drawn
/// between them stands elsewhere, be it more of the first caption or the figure over the second.
fn begins_caption(first: &Fragment, second: &Fragment, glyphs: &[Glyph]) -> bool {
    let begin = second.glyphs.iter().map(|&index| glyphs[index].character);
    let (Some(&from), Some(&to)) = (first.glyphs.last(), second.glyphs.first()) else {
        return false;
    };
    let between = glyphs.get(from + 1..to).unwrap_or_default();
    names_part(begin)
        && !between.is_empty()
        && between
            .iter()
            .all(|glyph| (glyph.y - second.baseline).abs() > second.size * 0.7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::pdf::glyph::set;

    fn groups(glyphs: &[Glyph]) -> usize {
        let mut fragments = fragments_of(glyphs);
        fragments.sort_by(|a, b| a.baseline.total_cmp(&b.baseline));
        join_fragments(&fragments, glyphs).len()
    }

    #[test]
    fn the_word_behind_a_subscript_stays_on_its_line() {
        let mut glyphs = set("CO", 10.0, 100.0, 10.0);
        glyphs.extend(set("2", 20.2, 102.0, 7.0));
        glyphs.extend(set("each", 27.2, 100.0, 10.0));
        assert_eq!(groups(&glyphs), 1);
        // A label of a drawing, drawn at another time, may stand as close.
        let apart = [&glyphs[2..3], &glyphs[..2], &glyphs[3..]].concat();
        assert_eq!(groups(&apart), 2);
    }

    #[test]
    fn a_caption_beside_another_is_a_line_of_its_own() {
        let one = set("(a) An attic", 10.0, 100.0, 10.0);
        let below = set("without boards", 10.0, 112.0, 10.0);
        let other = set("(b) A cellar", 70.5, 100.0, 10.0);
        assert_eq!(
            groups(&[one.clone(), below.clone(), other.clone()].concat()),
            3
        );
        // Drawn in one go it is a sentence about both.
        assert_eq!(groups(&[one, other, below].concat()), 2);
    }
}
