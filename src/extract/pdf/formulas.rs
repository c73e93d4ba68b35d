//! Formulas: fractions, limits, matrices and scripts stand over and under each other, and only the
//! order in which they are drawn says how they are read.
//!
//! A part belongs to a formula if it is drawn next and hooks on to something that ends just left of
//! it, a little higher or lower. Lines of prose never do: they begin again at the left edge.

use super::fractions::{Half, Halves};
use super::fragments::{COLUMN_GAP, Fragment, Joint};
use super::glyph::{Glyph, Rule};

/// Parts looked at before each part; bounds hostile pages.
const MAX_LOOKBACK: usize = 40;
/// Differences in height of fewer ems than this are none.
const LEVEL: f32 = 0.2;
/// A numerator or a script is raised by fewer of its own ems than this.
const MAX_RAISE: f32 = 0.95;
/// Operators and brackets hang from their baseline, at most this many ems.
const MAX_HANG: f32 = 3.6;
/// Gaps between the columns of a matrix are at most this many ems wide.
const MATRIX_GAP: f32 = 6.0;
/// Limits stand at most this many ems from their operator's baseline.
const MAX_LIMIT: f32 = 2.4;
/// Wider fractions, in ems, are lines of text.
const MAX_PART_WIDTH: f32 = 25.0;
/// Signs further to the left than the end of the one before, in ems, stand over or under it.
const OVERLAP: f32 = 0.15;
/// Parts further apart in height, in ems, are words of their own; scripts of one letter are not.
const APART: f32 = 0.8;

/// Joins the parts of each formula. `fragments` are in drawing order, and so is the result.
pub(super) fn join_parts(
    fragments: Vec<Fragment>,
    glyphs: &[Glyph],
    bars: &[Rule],
) -> Vec<Fragment> {
    let halves = Halves::of(&fragments, bars);
    let mut joined = Vec::with_capacity(fragments.len());
    let mut run = Run::default();
    let mut coming = fragments.into_iter().enumerate().peekable();
    while let Some((index, fragment)) = coming.next() {
        let half = halves.get(index).or_else(|| run.half_of_script(&fragment));
        let part = Part::new(fragment, half, glyphs);
        let over_sign = coming
            .peek()
            .is_some_and(|(_, after)| is_sign(after, glyphs) && part.is_limit_of(after));
        if !run.takes(&part, over_sign) {
            joined.extend(std::mem::take(&mut run).close(glyphs));
        }
        run.push(part);
    }
    joined.extend(run.close(glyphs));
    joined
}

/// A fragment and what it may be in a formula.
struct Part {
    fragment: Fragment,
    /// Left edge, of the bar if it is half of a fraction.
    left: f32,
    /// Right edge, of the bar if it is half of a fraction.
    right: f32,
    /// The fraction it is half of.
    half: Option<Half>,
    /// Whether it is nothing but operators and brackets.
    sign: bool,
    /// Whether the last of them is a bracket that opens.
    opens: bool,
    /// The last character.
    last: Option<char>,
}

impl Part {
    fn new(fragment: Fragment, half: Option<Half>, glyphs: &[Glyph]) -> Self {
        let last = fragment
            .glyphs
            .iter()
            .rev()
            .map(|&index| glyphs[index].character)
            .find(|&character| character != ' ');
        Self {
            left: half.map_or(fragment.left, |half| half.bar.left.min(fragment.left)),
            right: half.map_or(fragment.right, |half| half.bar.right.max(fragment.right)),
            half,
            sign: is_sign(&fragment, glyphs),
            opens: last.is_some_and(|last| "([{〈⟨|‖∥".contains(last)),
            last,
            fragment,
        }
    }

    fn first(&self, glyphs: &[Glyph]) -> Option<(usize, char)> {
        self.fragment
            .glyphs
            .iter()
            .map(|&index| (index, glyphs[index].character))
            .find(|&(_, character)| character != ' ')
    }

    /// Whether `next` may stand behind this part, in a run that ends at `right` and reaches on from
    /// there by `reach` ems.
    fn leads_to(&self, next: &Self, right: f32, reach: f32) -> bool {
        let (one, other) = (&self.fragment, &next.fragment);
        let (small, big) = (one.size.min(other.size), one.size.max(other.size));
        let end = if self.sign { right } else { self.right };
        if small < big * 0.45
            || next.left < self.right - small * 0.3
            || next.left > end + big * reach
        {
            return false;
        }
        let drop = other.baseline - one.baseline;
        if drop.abs() < small * LEVEL {
            return true;
        }
        if self.sign && (-big * 0.5..big * MAX_HANG).contains(&drop) {
            return true;
        }
        if next.sign && (-big * MAX_HANG..big * 0.5).contains(&drop) {
            return true;
        }
        let width = other.right - other.left;
        drop.abs() < small * MAX_RAISE
            && width < small * MAX_PART_WIDTH
            && (small > big * 0.77 || width < small * 10.0)
    }

    /// Whether it stands over or under an operator.
    fn is_limit_of(&self, sign: &Fragment) -> bool {
        let limit = &self.fragment;
        let apart = f32::midpoint(limit.left, limit.right) - f32::midpoint(sign.left, sign.right);
        limit.size < sign.size * 0.85
            && limit.size > sign.size * 0.45
            && apart.abs() < sign.size * 0.6
            && (limit.baseline - sign.baseline).abs() < sign.size * MAX_LIMIT
    }

    /// Whether it may stand over an operator that comes next, behind this part.
    fn leads_to_limit(&self, limit: &Self) -> bool {
        let size = self.fragment.size;
        (self.fragment.baseline - limit.fragment.baseline).abs() < size * MAX_LIMIT
            && limit.left > self.right - size * 0.3
            && limit.left < self.right + size * COLUMN_GAP * 2.0
    }

    /// The bar that it stands at, and whether over it.
    fn side(&self) -> Option<(usize, bool)> {
        self.half.map(|half| (half.index, half.is_upper))
    }

    /// Whether both are in the same half of a fraction, or in its two halves.
    fn shares_bar_with(&self, other: &Self) -> bool {
        matches!((self.half, other.half), (Some(one), Some(other)) if one.index == other.index)
    }

    /// Whether `next` is a further piece of the same tall stroke.
    fn goes_on_in(&self, next: &Self) -> bool {
        let (one, other) = (&self.fragment, &next.fragment);
        self.sign
            && self.last == next.last
            && one.glyphs.len() == other.glyphs.len()
            && (one.left - other.left).abs() < other.size * 0.05
    }

    fn is_level_with(&self, other: &Self) -> bool {
        let (one, other) = (&self.fragment, &other.fragment);
        (one.baseline - other.baseline).abs() < one.size.min(other.size) * 0.35
    }

    fn weight(&self) -> f32 {
        if self.sign {
            return 0.0;
        }
        self.fragment.glyphs.len() as f32 * self.fragment.size
    }
}

/// Whether a fragment holds only signs that may be as tall as what they stand before.
fn is_sign(fragment: &Fragment, glyphs: &[Glyph]) -> bool {
    let tall = |character: char| {
        " ()[]{}|‖∥∣√".contains(character)
            || matches!(character,
                '\u{2308}'..='\u{230B}' | '\u{2329}' | '\u{232A}' | '\u{3008}' | '\u{3009}'
                | '\u{27E8}' | '\u{27E9}' | '∏'..='∑' | '∫'..='∳' | '\u{22C0}'..='\u{22C3}'
                | '\u{2A00}'..='\u{2A1C}')
    };
    fragment.glyphs.len() <= 8
        && fragment
            .glyphs
            .iter()
            .all(|&index| tall(glyphs[index].character))
}

/// Parts drawn one after the other that hook on to each other.
#[derive(Default)]
struct Run {
    parts: Vec<Part>,
    /// Right edge of all parts.
    right: f32,
    /// Whether a part was taken that does not stand on the line.
    raised: bool,
    /// Whether a bracket was opened and not yet closed.
    is_open: bool,
}

impl Run {
    /// The half of a fraction that the last part stands in, if `script` is a script of it.
    fn half_of_script(&self, script: &Fragment) -> Option<Half> {
        let last = self.parts.last()?;
        let (letter, half) = (&last.fragment, last.half?);
        let inside = script.left > half.bar.left - script.size * 0.3
            && script.right < half.bar.right + script.size * 0.3;
        let near = (script.baseline - letter.baseline).abs() < letter.size * 0.6;
        (inside && near && script.size < letter.size * 0.85).then_some(half)
    }

    fn takes(&self, next: &Part, over_sign: bool) -> bool {
        let Some(last) = self.parts.last() else {
            return true;
        };
        if last.shares_bar_with(next) {
            return true;
        }
        let recent = || self.parts.iter().rev().take(MAX_LOOKBACK);
        let clear = recent().all(|part| {
            !part.is_level_with(next)
                || part.sign != next.sign
                || next.left > part.right - next.fragment.size * 0.4
        });
        let reach = if self.is_open { MATRIX_GAP } else { COLUMN_GAP };
        let hooks = |part: &Part| {
            part.leads_to(next, self.right, reach) || (over_sign && part.leads_to_limit(next))
        };
        clear
            && (recent().any(hooks)
                || (last.sign && next.is_limit_of(&last.fragment))
                || (next.sign && last.is_limit_of(&next.fragment)))
    }

    fn push(&mut self, part: Part) {
        if part.sign {
            self.is_open = part.opens;
        }
        self.right = part.right;
        if let Some(last) = self.parts.last() {
            self.raised |= !last.is_level_with(&part);
            if last.goes_on_in(&part) {
                return;
            }
        }
        self.right = self
            .parts
            .iter()
            .rev()
            .take(MAX_LOOKBACK)
            .map(|part| part.right)
            .fold(part.right, f32::max);
        self.parts.push(part);
    }

    /// One fragment if something stands over something else, else the fragments as they were.
    fn close(self, glyphs: &[Glyph]) -> Vec<Fragment> {
        let main = self
            .parts
            .iter()
            .max_by(|a, b| a.weight().total_cmp(&b.weight()));
        let Some(main) = main.filter(|_| self.raised && self.is_stacked()) else {
            return self.parts.into_iter().map(|part| part.fragment).collect();
        };
        let mut whole = Fragment {
            glyphs: Vec::new(),
            left: f32::INFINITY,
            right: f32::NEG_INFINITY,
            joints: Vec::new(),
            is_formula: true,
            ..main.fragment.clone()
        };
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0
                && let Some((first, character)) = part.first(glyphs)
                && let Some(joint) = self.joint(index, character, whole.size, glyphs)
            {
                whole.joints.push((first, joint));
            }
            whole.left = whole.left.min(part.fragment.left);
            whole.right = whole.right.max(part.fragment.right);
            whole.glyphs.extend(&part.fragment.glyphs);
        }
        vec![whole]
    }

    /// What stands between a part that begins with `first` and the part before it, besides the gap
    /// that one sees, in a formula of this `size`.
    fn joint(&self, index: usize, first: char, size: f32, glyphs: &[Glyph]) -> Option<Joint> {
        let (last, next) = (&self.parts[index - 1], &self.parts[index]);
        let back = last.fragment.right - next.fragment.left;
        if last.shares_bar_with(next) && last.side() != next.side() {
            let simple = self.is_simple(index - 1, glyphs) && self.is_simple(index, glyphs);
            return Some(if simple { Joint::Over } else { Joint::Apart });
        }
        if back > last.fragment.right - last.fragment.left + size * 0.5 {
            return Some(Joint::Apart);
        }
        if last.side() != next.side() {
            // `2 1/2` is not `21/2`.
            let words = last.last.is_some_and(char::is_alphanumeric) && first.is_alphanumeric();
            return words.then_some(Joint::Apart);
        }
        let drop = (last.fragment.baseline - next.fragment.baseline).abs();
        let stacked = back > next.fragment.size * OVERLAP && drop > size * APART;
        stacked.then_some(Joint::Apart)
    }

    /// Whether a half of a fraction needs no brackets when it is written in a line.
    fn is_simple(&self, index: usize, glyphs: &[Glyph]) -> bool {
        let part = &self.parts[index];
        let alone = |neighbour: Option<usize>| {
            neighbour
                .and_then(|neighbour| self.parts.get(neighbour))
                .is_none_or(|other| other.side() != part.side())
        };
        alone(index.checked_sub(1))
            && alone(index.checked_add(1))
            && part.fragment.glyphs.len() <= 4
            && part.fragment.glyphs.iter().all(|&glyph| {
                let character = glyphs[glyph].character;
                character.is_alphanumeric() || character == '∂'
            })
    }

    fn is_stacked(&self) -> bool {
        self.parts.windows(2).any(|pair| {
            let (one, other) = (&pair[0].fragment, &pair[1].fragment);
            let over = other.left < one.right - other.size * OVERLAP;
            let hangs = pair[0].sign != pair[1].sign
                && (one.baseline - other.baseline).abs() > other.size * 0.5;
            over || hangs || pair[0].shares_bar_with(&pair[1])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fragments::fragments_of;
    use super::*;
    use crate::extract::pdf::glyph::set;

    /// The fragments after joining, each with its joints written in.
    fn joined(glyphs: &[Glyph], bars: &[Rule]) -> Vec<String> {
        join_parts(fragments_of(glyphs), glyphs, bars)
            .into_iter()
            .map(|fragment| {
                let mut text = String::new();
                for index in fragment.glyphs {
                    match fragment.joints.iter().find(|&&(first, _)| first == index) {
                        Some((_, Joint::Apart)) => text.push(' '),
                        Some((_, Joint::Over)) => text.push('/'),
                        None => {}
                    }
                    text.push(glyphs[index].character);
                }
                text
            })
            .collect()
    }

    fn bar(left: f32, right: f32, y: f32) -> Rule {
        Rule { left, right, y }
    }

    #[test]
    fn the_halves_of_a_fraction_are_read_between_what_stands_beside_it() {
        let mut glyphs = set("x=", 10.0, 100.0, 10.0);
        glyphs.extend(set("a+b", 22.0, 93.0, 10.0));
        glyphs.extend(set("cd", 24.5, 107.0, 10.0));
        glyphs.extend(set(",", 38.0, 100.0, 10.0));
        assert_eq!(joined(&glyphs, &[bar(22.0, 37.0, 97.5)]), ["x=a+b cd,"]);
    }

    #[test]
    fn a_simple_fraction_gets_a_stroke() {
        let mut glyphs = set("for t<", 10.0, 100.0, 10.0);
        glyphs.extend(set("1", 41.0, 96.0, 7.0));
        glyphs.extend(set("2", 41.0, 103.5, 7.0));
        glyphs.extend(set("we", 48.0, 100.0, 10.0));
        assert_eq!(joined(&glyphs, &[bar(41.0, 44.5, 97.5)]), ["for t<1/2 we"]);
    }

    #[test]
    fn an_underlined_line_is_no_numerator() {
        let mut glyphs = set("Heat pumps", 10.0, 100.0, 10.0);
        glyphs.extend(set("and what they cost", 10.0, 112.0, 10.0));
        let lines = ["Heat pumps", "and what they cost"];
        assert_eq!(joined(&glyphs, &[bar(10.0, 60.0, 101.5)]), lines);
        assert_eq!(joined(&glyphs, &[bar(10.0, 100.0, 102.5)]), lines);
    }

    #[test]
    fn limits_stay_with_their_operator() {
        let mut glyphs = set("s=", 10.0, 100.0, 10.0);
        glyphs.extend(set("n", 23.0, 86.0, 7.0));
        glyphs.extend(set("∑", 22.0, 90.0, 10.0));
        glyphs.extend(set("i=1", 19.5, 113.0, 7.0));
        glyphs.extend(set("xi", 31.0, 100.0, 10.0));
        assert_eq!(joined(&glyphs, &[]).len(), 1);
        assert_eq!(joined(&glyphs, &[])[0].replace(' ', ""), "s=n∑i=1xi");
    }

    #[test]
    fn a_matrix_is_read_by_rows_inside_its_brackets() {
        let mut glyphs = set("M=", 10.0, 100.0, 10.0);
        glyphs.extend(set("(", 21.0, 86.0, 10.0));
        for (row, cells) in [["a", "b"], ["c", "d"]].into_iter().enumerate() {
            let y = 94.0 + row as f32 * 12.0;
            glyphs.extend(set(cells[0], 27.0, y, 10.0));
            glyphs.extend(set(cells[1], 42.0, y, 10.0));
        }
        glyphs.extend(set(")", 48.0, 86.0, 10.0));
        assert_eq!(joined(&glyphs, &[]), ["M=(ab cd)"]);
    }

    #[test]
    fn lines_of_prose_stay_apart() {
        let mut glyphs = set("a)", 10.0, 100.0, 10.0);
        glyphs.extend(set("the first line of an item", 32.0, 100.0, 10.0));
        glyphs.extend(set("and the second one, short", 32.0, 112.0, 10.0));
        glyphs.extend(set("the next column", 172.0, 106.0, 10.0));
        assert_eq!(joined(&glyphs, &[]).len(), 4);
    }
}
