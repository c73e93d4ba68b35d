//! Reading order: lines to blocks, blocks to a sequence.
//!
//! Blocks are lines that follow each other unambiguously. Their order is the topological one of
//! Breuel ("High performance document layout analysis", 2003): what stands above and shares
//! horizontal room comes first; what stands to the left comes first unless something that spans
//! both lies between them.

use super::frame::Frame;
use super::line::Line;
use super::table::Table;

/// With more blocks than this the page is a drawing, and the order is simply downwards.
const MAX_ORDERED_BLOCKS: usize = 300;
/// Lines looked at below each line; bounds hostile pages.
const MAX_LOOKAHEAD: usize = 200;

/// One unit of the reading order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    /// Lines that follow each other.
    Text(Vec<Line>),
    /// A table.
    Table(Table),
}

/// The pieces of a frame in reading order.
pub(super) fn pieces_of(mut frame: Frame) -> Vec<Piece> {
    let tables = std::mem::take(&mut frame.tables);
    let blocks = blocks_of(&frame.lines, &tables);
    let pieces: Vec<Piece> = blocks
        .into_iter()
        .map(Piece::Text)
        .chain(tables.into_iter().map(Piece::Table))
        .collect();
    let groups = attach_labels(pieces);
    sorted(groups)
}

/// The usual distance between baselines in ems, over all lines of a page.
pub(super) fn usual_pitch(lines: &[Line]) -> f32 {
    let mut pitches: Vec<f32> = (0..lines.len())
        .filter_map(|index| {
            nearest_below(lines, index)
                .first()
                .copied()
                .map(|below| (index, below))
        })
        .map(|(index, below)| {
            (lines[below].baseline - lines[index].baseline) / lines[index].size.max(1.0)
        })
        .filter(|pitch| (0.8..3.0).contains(pitch))
        .collect();
    if pitches.is_empty() {
        return 1.25;
    }
    let middle = pitches.len() / 2;
    *pitches.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// Lines directly under a line: the nearest, and others at nearly the same height.
fn nearest_below(lines: &[Line], index: usize) -> Vec<usize> {
    let line = &lines[index];
    let mut found: Vec<usize> = Vec::new();
    let mut limit = f32::INFINITY;
    for (other, below) in lines.iter().enumerate().skip(index + 1).take(MAX_LOOKAHEAD) {
        let distance = below.baseline - line.baseline;
        if distance > limit.min(line.size * 5.0) {
            break;
        }
        if distance > line.size.min(below.size) * 0.5 && line.overlap(below) > 0.02 {
            if found.is_empty() {
                limit = distance + line.size * 0.5;
            }
            found.push(other);
        }
    }
    found
}

fn blocks_of(lines: &[Line], tables: &[Table]) -> Vec<Vec<Line>> {
    let pitch = usual_pitch(lines);
    let below: Vec<Vec<usize>> = (0..lines.len())
        .map(|index| nearest_below(lines, index))
        .collect();
    let mut above: Vec<Vec<usize>> = vec![Vec::new(); lines.len()];
    for (index, candidates) in below.iter().enumerate() {
        for &candidate in candidates {
            above[candidate].push(index);
        }
    }
    let next: Vec<Option<usize>> = (0..lines.len())
        .map(|index| {
            let &[only] = below[index].as_slice() else {
                return None;
            };
            let nearest = nearest_above(lines, &above[only], only);
            let alone = nearest == [index] && !spans_columns(lines, &above[only], index);
            (alone && are_linked(&lines[index], &lines[only], pitch, tables)).then_some(only)
        })
        .collect();
    chains(lines, &next)
}

/// Of the lines above, those at the height of the nearest one.
fn nearest_above(lines: &[Line], above: &[usize], line: usize) -> Vec<usize> {
    let lowest = above
        .iter()
        .map(|&index| lines[index].baseline)
        .fold(f32::NEG_INFINITY, f32::max);
    above
        .iter()
        .copied()
        .filter(|&index| lowest - lines[index].baseline < lines[line].size * 0.5)
        .collect()
}

/// Whether what stands under a line also stands under a column beside it, of the same type size: the
/// `above` are all lines that it is the next one of.
fn spans_columns(lines: &[Line], above: &[usize], index: usize) -> bool {
    let line = &lines[index];
    above.iter().any(|&other| {
        let beside = &lines[other];
        !is_crumb(beside)
            && beside.size.min(line.size) > beside.size.max(line.size) * 0.8
            && line.baseline - beside.baseline < line.size * 2.5
            && beside.overlap(line) <= 0.02
    })
}

fn are_linked(upper: &Line, lower: &Line, pitch: f32, tables: &[Table]) -> bool {
    let size = upper.size.max(lower.size);
    let distance = lower.baseline - upper.baseline;
    let similar = upper.size.min(lower.size) > size * 0.8 && !(is_crumb(upper) ^ is_crumb(lower));
    let crosses = tables.iter().any(|table| {
        table.top < lower.baseline
            && table.bottom > upper.baseline
            && table.left < upper.right
            && table.right > upper.left
    });
    similar
        && !crosses
        && distance < size * (pitch * 1.3 + 0.1).max(1.5)
        && upper.overlap(lower) > 0.3
}

/// Whether a line is a sign or two of a formula or a figure.
fn is_crumb(line: &Line) -> bool {
    line.text.chars().take(3).count() < 3 && line.width() < line.size * 2.0
}

fn chains(lines: &[Line], next: &[Option<usize>]) -> Vec<Vec<Line>> {
    let mut is_first = vec![true; lines.len()];
    for target in next.iter().flatten() {
        is_first[*target] = false;
    }
    let mut blocks = Vec::new();
    for start in (0..lines.len()).filter(|&index| is_first[index]) {
        let mut block = vec![lines[start].clone()];
        let mut current = start;
        while let Some(following) = next[current] {
            block.push(lines[following].clone());
            current = following;
        }
        blocks.push(block);
    }
    blocks
}

/// Pieces that are read together, and the room they take.
struct Group {
    pieces: Vec<Piece>,
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
    drawn: usize,
    is_line: bool,
}

impl Group {
    fn of(piece: Piece) -> Self {
        let (left, right, top, bottom) = match &piece {
            Piece::Table(table) => (table.left, table.right, table.top, table.bottom),
            Piece::Text(lines) => lines.iter().fold(
                (
                    f32::INFINITY,
                    f32::NEG_INFINITY,
                    f32::INFINITY,
                    f32::NEG_INFINITY,
                ),
                |(left, right, top, bottom), line| {
                    (
                        left.min(line.left),
                        right.max(line.right),
                        top.min(line.top()),
                        bottom.max(line.bottom()),
                    )
                },
            ),
        };
        let (drawn, is_line) = match &piece {
            Piece::Table(table) => (table.drawn, false),
            Piece::Text(lines) => (
                lines.iter().map(|line| line.drawn).min().unwrap_or(0),
                lines.len() == 1,
            ),
        };
        Self {
            pieces: vec![piece],
            left,
            right,
            top,
            bottom,
            drawn,
            is_line,
        }
    }

    /// Whether it is a number or a sign that stands beside what it counts.
    fn is_label(&self) -> bool {
        match self.pieces.as_slice() {
            [Piece::Text(lines)] => {
                lines.len() == 1
                    && lines[0].text.chars().count() <= 3
                    && lines[0].text.chars().any(char::is_alphanumeric)
            }
            _ => false,
        }
    }

    /// Whether it holds words, so that its place in the order matters.
    fn is_prose(&self) -> bool {
        self.pieces.iter().any(|piece| match piece {
            Piece::Table(_) => true,
            Piece::Text(lines) => lines.iter().any(|line| reads_like_prose(&line.text)),
        })
    }

    fn shares_columns(&self, other: &Self) -> bool {
        let shared = self.right.min(other.right) - self.left.max(other.left);
        let narrow = (self.right - self.left).min(other.right - other.left);
        shared > (narrow * 0.1).max(2.0) || shared > narrow * 0.5
    }

    /// Parts of a formula stand over, under and beside each other: only its author knows the order.
    fn is_entangled_with(&self, other: &Self) -> bool {
        let shared = self.bottom.min(other.bottom) - self.top.max(other.top);
        let (height, other_height) = (self.bottom - self.top, other.bottom - other.top);
        let gap = self.left.max(other.left) - self.right.min(other.right);
        let low = height.min(other_height);
        self.is_line && other.is_line && shared > low * 0.25 && gap < low * 3.0
    }

    /// Whether no author could mean `other` to be read first.
    fn clearly_precedes(&self, other: &Self, groups: &[Self]) -> bool {
        if self.shares_columns(other) {
            return self.bottom <= other.top + 2.0;
        }
        let columns = !self.is_line && !other.is_line;
        columns
            && self.left < other.left
            && !groups.iter().any(|between| between.parts(self, other))
    }

    fn is_above(&self, other: &Self) -> bool {
        (self.top, self.left) < (other.top, other.left)
    }

    /// Whether it lies between two others and spans both.
    fn parts(&self, one: &Self, other: &Self) -> bool {
        let (upper, lower) = if one.top < other.top {
            (one, other)
        } else {
            (other, one)
        };
        let middle = f32::midpoint(self.top, self.bottom);
        self.shares_columns(one)
            && self.shares_columns(other)
            && middle > upper.bottom.min(lower.top)
            && middle < lower.top.max(upper.bottom)
            && self.top >= upper.bottom - 2.0
            && self.bottom <= lower.top + 2.0
    }
}

/// Whether a good part of a line is words. A formula may hold some too: `x = 0 und y = 1`.
fn reads_like_prose(text: &str) -> bool {
    let letters = |word: &str| word.chars().filter(|letter| letter.is_alphabetic()).count();
    let in_words: usize = text
        .split(' ')
        .map(letters)
        .filter(|&count| count > 2)
        .sum();
    let signs = text.chars().filter(|sign| !sign.is_whitespace()).count();
    in_words * 3 >= signs && text.chars().count() >= 8
}

/// Puts numbers that stand to the left of a block in front of it.
fn attach_labels(pieces: Vec<Piece>) -> Vec<Group> {
    let mut groups: Vec<Group> = pieces.into_iter().map(Group::of).collect();
    let mut index = 0;
    while index < groups.len() && groups.len() <= MAX_ORDERED_BLOCKS {
        match groups[index]
            .is_label()
            .then(|| labelled(&groups, index))
            .flatten()
        {
            Some(target) => {
                let label = groups.remove(index);
                let target = if target > index { target - 1 } else { target };
                let group = &mut groups[target];
                group.left = group.left.min(label.left);
                group.top = group.top.min(label.top);
                group.pieces.splice(0..0, label.pieces);
            }
            None => index += 1,
        }
    }
    groups
}

fn labelled(groups: &[Group], label: usize) -> Option<usize> {
    let mark = &groups[label];
    let height = mark.bottom - mark.top;
    groups
        .iter()
        .enumerate()
        .filter(|&(index, group)| {
            index != label
                && group.left >= mark.right - 1.0
                && group.left - mark.right < height * 1.5
                && group.top < mark.bottom
                && group.top > mark.top - height * 0.4
                && group.right - group.left > (mark.right - mark.left) * 2.0
        })
        .min_by(|(_, a), (_, b)| {
            (a.left / 4.0)
                .round()
                .total_cmp(&(b.left / 4.0).round())
                .then(a.top.total_cmp(&b.top))
        })
        .map(|(index, _)| index)
}

fn sorted(mut groups: Vec<Group>) -> Vec<Piece> {
    groups.sort_by(|a, b| a.top.total_cmp(&b.top).then(a.left.total_cmp(&b.left)));
    if groups.len() > MAX_ORDERED_BLOCKS {
        return groups.into_iter().flat_map(|group| group.pieces).collect();
    }
    if is_drawn_in_order(&groups) {
        groups.sort_by_key(|group| group.drawn);
        return groups.into_iter().flat_map(|group| group.pieces).collect();
    }
    let order = topological(&groups);
    let mut slots: Vec<Option<Group>> = groups.into_iter().map(Some).collect();
    order
        .into_iter()
        .filter_map(|index| slots[index].take())
        .flat_map(|group| group.pieces)
        .collect()
}

/// Whether everything that reads like prose is drawn in the order that its places demand. Then the
/// author's order is better than ours for the crumbs of formulas and figures.
fn is_drawn_in_order(groups: &[Group]) -> bool {
    let prose: Vec<usize> = (0..groups.len())
        .filter(|&index| groups[index].is_prose())
        .collect();
    prose.iter().all(|&one| {
        prose.iter().all(|&other| {
            let (a, b) = (&groups[one], &groups[other]);
            one == other || a.drawn < b.drawn || !a.clearly_precedes(b, groups)
        })
    })
}

/// `groups` are sorted by height; where the rules form a circle, the highest goes first.
fn topological(groups: &[Group]) -> Vec<usize> {
    let count = groups.len();
    let mut waits: Vec<usize> = vec![0; count];
    let mut frees: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (one, freed) in frees.iter_mut().enumerate() {
        for (other, waiting) in waits.iter_mut().enumerate() {
            if one != other && comes_first(groups, one, other) {
                freed.push(other);
                *waiting += 1;
            }
        }
    }
    let mut done = vec![false; count];
    let mut order = Vec::with_capacity(count);
    for _ in 0..count {
        let ready = (0..count)
            .filter(|&index| !done[index])
            .min_by_key(|&index| (waits[index] > 0, waits[index], index));
        let Some(index) = ready else { break };
        done[index] = true;
        order.push(index);
        for &freed in &frees[index] {
            waits[freed] = waits[freed].saturating_sub(1);
        }
    }
    order
}

fn comes_first(groups: &[Group], one: usize, other: usize) -> bool {
    let (a, b) = (&groups[one], &groups[other]);
    if a.is_entangled_with(b) {
        return a.drawn < b.drawn;
    }
    if a.shares_columns(b) {
        return a.is_above(b);
    }
    a.left < b.left && !groups.iter().any(|between| between.parts(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::pdf::line::set as line;
    use crate::extract::pdf::tables::take_tables;

    fn order_of(mut lines: Vec<Line>) -> Vec<String> {
        lines.sort_by(|a, b| a.baseline.total_cmp(&b.baseline));
        let mut frame = Frame {
            lines,
            height: 800.0,
            ..Frame::default()
        };
        take_tables(&mut frame);
        pieces_of(frame)
            .into_iter()
            .flat_map(|piece| match piece {
                Piece::Text(lines) => lines.into_iter().map(|line| line.text).collect::<Vec<_>>(),
                Piece::Table(table) => table.rows.iter().map(|row| row.join(" | ")).collect(),
            })
            .collect()
    }

    #[test]
    fn columns_are_read_one_after_the_other_between_what_spans_them() {
        let wide = "a heading that spans both of the columns of this page";
        let foot = "a closing line that spans both of the columns as well";
        let lines = vec![
            line("right one, quite long", 200.0, 130.0, 0),
            line("left one, as long too", 50.0, 130.0, 1),
            line("right two, quite long", 200.0, 142.0, 2),
            line("left two, as long too", 50.0, 142.0, 3),
            line(foot, 50.0, 200.0, 4),
            line(wide, 50.0, 100.0, 5),
        ];
        assert_eq!(
            order_of(lines),
            [
                wide,
                "left one, as long too",
                "left two, as long too",
                "right one, quite long",
                "right two, quite long",
                foot,
            ]
        );
    }

    #[test]
    fn captions_side_by_side_are_read_before_that_of_both() {
        let lines = vec![
            line("(a) An attic where boards are", 50.0, 100.0, 0),
            line("laid over the insulation", 50.0, 111.0, 1),
            line("(b) A cellar", 205.0, 100.0, 2),
            line(
                "Figure 3: where the heat of this house is lost",
                70.0,
                126.0,
                3,
            ),
        ];
        assert_eq!(
            order_of(lines),
            [
                "(a) An attic where boards are",
                "laid over the insulation",
                "(b) A cellar",
                "Figure 3: where the heat of this house is lost",
            ]
        );
    }

    #[test]
    fn a_formula_with_words_in_it_does_not_spoil_the_order_of_a_page() {
        assert!(reads_like_prose("Seal the loft hatch."));
        assert!(reads_like_prose("40 % of all heat"));
        assert!(!reads_like_prose("x0 = 0 und y(t) = (1, 2)"));
        assert!(!reads_like_prose("sin x"));
    }

    #[test]
    fn a_number_is_read_with_the_text_beside_it() {
        let mut lines = Vec::new();
        for (index, top) in [100.0_f32, 200.0].into_iter().enumerate() {
            let label = ["7", "8"][index];
            lines.push(Line {
                size: 20.0,
                right: 60.0,
                ..line(label, 50.0, top + 6.0, index)
            });
            lines.push(line("Something to be read there", 80.0, top, index + 10));
        }
        assert_eq!(
            order_of(lines),
            [
                "7",
                "Something to be read there",
                "8",
                "Something to be read there"
            ]
        );
    }

    #[test]
    fn aligned_numbers_make_a_table() {
        let mut lines = Vec::new();
        for (index, (name, one, two, three)) in [
            ("Shower", "10", "3", "1"),
            ("Bath", "36", "4", "2"),
            ("Tap", "5", "6", "7"),
        ]
        .into_iter()
        .enumerate()
        {
            let baseline = 100.0 + index as f32 * 14.0;
            for (column, cell) in [name, one, two, three].into_iter().enumerate() {
                lines.push(line(
                    cell,
                    50.0 + column as f32 * 80.0,
                    baseline,
                    index * 4 + column,
                ));
            }
        }
        assert_eq!(
            order_of(lines),
            [
                "Shower | 10 | 3 | 1",
                "Bath | 36 | 4 | 2",
                "Tap | 5 | 6 | 7"
            ]
        );
    }
}
