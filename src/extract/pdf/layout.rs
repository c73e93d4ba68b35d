//! Glyphs to lines: words, baselines, superscripts, reading directions.
//!
//! A [`Line`] is a stretch of one baseline without a gap as wide as a column gutter. Which line
//! follows which is the business of `order`.

use super::accents::with_accents;
use super::characters::{is_right_to_left, is_unspaced_script};
use super::contents::join_entries;
use super::direction::to_logical_order;
use super::glyphs::{Glyph, PageGlyphs, Rule};
use super::ink::reference_ink;
use super::line::{Gap, Line};
use super::rows::{join_markers, join_rows, merge_drop_caps};

/// Gaps wider than this many ems end a line for now, even between glyphs drawn one after the other.
const COLUMN_GAP: f32 = 0.8;
/// Gaps wider than this between glyphs drawn at different times may be gutters.
const DRAWN_APART_GAP: f32 = 0.55;
/// Gaps wider than this many ems may separate the cells of a table.
const CELL_GAP: f32 = 0.45;
/// Gaps wider than this many ems separate words.
const WORD_GAP: f32 = 0.16;
/// A page with more lines than this is a drawing; comparing all with all is not worth the time.
pub(super) const MAX_ARRANGED_LINES: usize = 4_000;
/// Neighbours looked at when fragments of one baseline are joined; bounds hostile pages.
const MAX_NEIGHBOURS: usize = 600;

/// Lines of one reading direction, turned upright.
#[derive(Debug, Clone, Default)]
pub(super) struct Frame {
    /// The lines, from top to bottom.
    pub(super) lines: Vec<Line>,
    /// Rules between table rows.
    pub(super) rules: Vec<Rule>,
    /// Height of the page in this frame, 0 for turned text.
    pub(super) height: f32,
}

/// The page's lines; the direction with most text first.
pub(super) fn frames_of(page: &PageGlyphs) -> Vec<Frame> {
    let mut angles: Vec<(u16, usize)> = Vec::new();
    for glyph in &page.glyphs {
        match angles.iter_mut().find(|(angle, _)| *angle == glyph.angle) {
            Some((_, count)) => *count += 1,
            None => angles.push((glyph.angle, 1)),
        }
    }
    angles.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    angles
        .into_iter()
        .map(|(angle, _)| frame_at(page, angle))
        .collect()
}

fn frame_at(page: &PageGlyphs, angle: u16) -> Frame {
    let turned: Vec<Glyph> = page
        .glyphs
        .iter()
        .filter(|glyph| glyph.angle == angle)
        .map(|glyph| upright(glyph, angle))
        .collect();
    let mut lines = lines_of(&with_accents(turned));
    lines.sort_by(|a, b| {
        a.baseline
            .total_cmp(&b.baseline)
            .then(a.left.total_cmp(&b.left))
    });
    if lines.len() <= MAX_ARRANGED_LINES {
        join_entries(&mut lines);
        join_markers(&mut lines);
        join_rows(&mut lines);
        merge_drop_caps(&mut lines);
    }
    Frame {
        lines,
        rules: if angle == 0 {
            page.rules.clone()
        } else {
            Vec::new()
        },
        height: if angle == 0 { page.height } else { 0.0 },
    }
}

/// The glyph as it stands when the page is turned so that its line is horizontal.
fn upright(glyph: &Glyph, angle: u16) -> Glyph {
    let (sin, cos) = f32::from(angle).to_radians().sin_cos();
    Glyph {
        x: glyph.x * cos + glyph.y * sin,
        y: glyph.y * cos - glyph.x * sin,
        ..glyph.clone()
    }
}

/// Consecutively drawn glyphs of one baseline and size.
struct Fragment {
    glyphs: Vec<usize>,
    left: f32,
    right: f32,
    baseline: f32,
    size: f32,
}

/// Lines of upright glyphs, in no particular order.
pub(super) fn lines_of(glyphs: &[Glyph]) -> Vec<Line> {
    let mut fragments = fragments_of(glyphs);
    fragments.sort_by(|a, b| a.baseline.total_cmp(&b.baseline));
    let groups = join_fragments(&fragments);
    groups
        .into_iter()
        .filter_map(|members| build_line(glyphs, &fragments, &members))
        .collect()
}

fn fragments_of(glyphs: &[Glyph]) -> Vec<Fragment> {
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
fn join_fragments(fragments: &[Fragment]) -> Vec<Vec<usize>> {
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
            if stand_together(fragment, other) {
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
fn stand_together(upper: &Fragment, lower: &Fragment) -> bool {
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
        return gap < small * DRAWN_APART_GAP && (gap > -big * 0.5 || tiny);
    }
    if small > big * 0.85 || gap > small * 0.35 || gap < -big * 0.4 {
        return false;
    }
    let raised = upper.size < lower.size;
    if raised {
        drop < big * 0.65
    } else {
        drop < big * 0.4
    }
}

fn build_line(glyphs: &[Glyph], fragments: &[Fragment], members: &[usize]) -> Option<Line> {
    let main = members
        .iter()
        .map(|&member| &fragments[member])
        .max_by(|a, b| weight_of(a).total_cmp(&weight_of(b)))?;
    let mut order: Vec<usize> = members
        .iter()
        .flat_map(|&member| fragments[member].glyphs.iter().copied())
        .collect();
    let drawn = order.iter().copied().min()?;
    order.sort_by(|&a, &b| glyphs[a].x.total_cmp(&glyphs[b].x).then(a.cmp(&b)));
    let mut writer = LineWriter::new(main, word_gap(glyphs, &order));
    for &index in &order {
        writer.push(&glyphs[index]);
    }
    writer.finish(drawn)
}

fn weight_of(fragment: &Fragment) -> f32 {
    fragment.glyphs.len() as f32 * fragment.size
}

/// The gap that separates words here, in ems; wider where letters are tracked apart.
fn word_gap(glyphs: &[Glyph], order: &[usize]) -> f32 {
    let mut gaps: Vec<f32> = order
        .windows(2)
        .map(|pair| (&glyphs[pair[0]], &glyphs[pair[1]]))
        .filter(|(one, other)| one.character.is_alphabetic() && other.character.is_alphabetic())
        .map(|(one, other)| (other.x - one.x - one.advance) / one.size.max(0.01))
        .collect();
    if gaps.len() < 4 {
        return WORD_GAP;
    }
    // Most pairs of letters stand inside a word; in a formula hardly any do.
    let quarter = gaps.len() / 4;
    let (_, usual, _) = gaps.select_nth_unstable_by(quarter, f32::total_cmp);
    WORD_GAP + usual.clamp(0.0, 0.6)
}

/// Builds a line's text glyph by glyph, from left to right.
struct LineWriter<'a> {
    main: &'a Fragment,
    word_gap: f32,
    text: String,
    left: f32,
    right: f32,
    first_word: Option<f32>,
    gaps: Vec<Gap>,
    last: Option<(char, f32)>,
    blank: bool,
    spaced: bool,
    right_to_left: bool,
    ink: f32,
    reference: f32,
    letters: usize,
}

impl<'a> LineWriter<'a> {
    fn new(main: &'a Fragment, word_gap: f32) -> Self {
        Self {
            main,
            word_gap,
            text: String::new(),
            left: 0.0,
            right: 0.0,
            first_word: None,
            gaps: Vec::new(),
            last: None,
            blank: false,
            spaced: false,
            right_to_left: false,
            ink: 0.0,
            reference: 0.0,
            letters: 0,
        }
    }

    fn push(&mut self, glyph: &Glyph) {
        if glyph.character == ' ' {
            self.blank = true;
            return;
        }
        match self.last {
            None => {
                self.left = glyph.x;
                self.right = glyph.x;
                self.spaced = self.blank;
            }
            Some((character, size)) => {
                if self.ends_word(glyph, character, size) {
                    self.first_word.get_or_insert(self.right - self.left);
                    if glyph.x - self.right > glyph.size * CELL_GAP {
                        self.gaps.push(Gap {
                            at: self.text.len(),
                            left: self.right,
                            right: glyph.x,
                        });
                    }
                    self.text.push(' ');
                }
            }
        }
        self.blank = false;
        self.write(glyph);
        self.right = self.right.max(glyph.x + glyph.advance);
        self.last = Some((glyph.character, glyph.size));
        self.right_to_left |= is_right_to_left(glyph.character);
        self.weigh(glyph);
    }

    fn write(&mut self, glyph: &Glyph) {
        // A raised number after a word is a note's mark, not part of the word.
        let raised = glyph.size < self.main.size * 0.85
            && glyph.y < self.main.baseline - self.main.size * 0.15;
        if raised && glyph.character.is_ascii_digit() && ends_like_prose(&self.text) {
            self.text.push(' ');
        }
        let is_degree = raised
            && glyph.character == 'o'
            && self.text.ends_with(|end: char| end.is_ascii_digit());
        self.text
            .push(if is_degree { '°' } else { glyph.character });
    }

    fn ends_word(&self, glyph: &Glyph, before: char, size: f32) -> bool {
        let gap = (glyph.x - self.right) / glyph.size.min(size).max(0.01);
        if is_unspaced_script(before) && is_unspaced_script(glyph.character) {
            return gap > 0.6;
        }
        (self.blank && gap > -0.3) || gap > self.word_gap
    }

    fn weigh(&mut self, glyph: &Glyph) {
        if let Some(reference) = reference_ink(glyph.character)
            && glyph.ink > 0.0
        {
            self.ink += glyph.ink;
            self.reference += reference;
            self.letters += 1;
        }
    }

    fn finish(self, drawn: usize) -> Option<Line> {
        if self.text.is_empty() {
            return None;
        }
        let text = if self.right_to_left {
            to_logical_order(&self.text)
        } else {
            self.text
        };
        Some(Line {
            text,
            left: self.left,
            right: self.right,
            baseline: self.main.baseline,
            size: self.main.size,
            weight: (self.letters > 0).then(|| self.ink / self.reference),
            first_word: self.first_word.unwrap_or(self.right - self.left),
            spaced: self.spaced,
            drawn,
            gaps: if self.right_to_left {
                Vec::new()
            } else {
                self.gaps
            },
        })
    }
}

/// Whether a raised digit after this text is a note's mark rather than an exponent.
fn ends_like_prose(text: &str) -> bool {
    let mut tail = text.chars().rev();
    match tail.next() {
        Some('.' | ',' | ';' | ':' | '”' | '"' | '’' | ')' | '?' | '!') => true,
        Some(letter) if letter.is_lowercase() => {
            tail.take(3).filter(|letter| letter.is_lowercase()).count() == 3
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Glyphs of a text set in ten points, half an em wide each.
    fn set(text: &str, x: f32, y: f32, size: f32) -> Vec<Glyph> {
        text.chars()
            .enumerate()
            .map(|(index, character)| Glyph {
                character,
                x: x + index as f32 * size * 0.5,
                y,
                advance: size * 0.5,
                size,
                angle: 0,
                ink: 0.0,
            })
            .collect()
    }

    fn texts(glyphs: Vec<Glyph>) -> Vec<String> {
        let page = PageGlyphs {
            width: 600.0,
            height: 800.0,
            glyphs,
            ..PageGlyphs::default()
        };
        frames_of(&page)
            .into_iter()
            .flat_map(|frame| frame.lines)
            .map(|line| line.text)
            .collect()
    }

    #[test]
    fn gaps_are_spaces_and_wide_gaps_end_the_line() {
        let mut glyphs = set("one", 10.0, 100.0, 10.0);
        glyphs.extend(set("two", 28.0, 100.0, 10.0));
        glyphs.extend(set("three", 80.0, 100.0, 10.0));
        assert_eq!(texts(glyphs), ["one two", "three"]);
    }

    #[test]
    fn tracked_letters_stay_one_word() {
        let mut glyphs = set("ENERGYSAVERS", 10.0, 100.0, 10.0);
        for (index, glyph) in glyphs.iter_mut().enumerate() {
            let word_gap = if index < 6 { 0.0 } else { 5.0 };
            glyph.x = 10.0 + index as f32 * 8.0 + word_gap;
        }
        assert_eq!(texts(glyphs), ["ENERGY SAVERS"]);
    }

    #[test]
    fn an_exponent_joins_its_base_and_a_note_mark_does_not() {
        let mut area = set("12 km", 10.0, 100.0, 10.0);
        area.extend(set("2", 35.2, 96.0, 6.0));
        assert_eq!(texts(area), ["12 km2"]);
        let mut note = set("vehicles", 10.0, 100.0, 10.0);
        note.extend(set("2", 50.2, 96.0, 6.0));
        assert_eq!(texts(note), ["vehicles 2"]);
    }

    #[test]
    fn a_drop_cap_begins_its_word() {
        let mut glyphs = set("H", 10.0, 124.0, 34.0);
        glyphs.extend(set("eating uses energy", 30.0, 104.0, 10.0));
        glyphs.extend(set("in most homes", 30.0, 116.0, 10.0));
        assert_eq!(texts(glyphs), ["Heating uses energy", "in most homes"]);
    }

    #[test]
    fn a_bullet_joins_its_text() {
        let mut glyphs = set("•", 10.0, 100.0, 10.0);
        glyphs.extend(set("Close the door", 30.0, 100.0, 10.0));
        assert_eq!(texts(glyphs), ["• Close the door"]);
    }

    #[test]
    fn hebrew_is_read_from_the_right() {
        assert_eq!(texts(set("םולש", 10.0, 100.0, 10.0)), ["שלום"]);
    }

    #[test]
    fn turned_text_forms_lines_of_its_own() {
        let mut glyphs = set("Straight text here", 10.0, 100.0, 10.0);
        glyphs.extend("side".chars().enumerate().map(|(index, character)| Glyph {
            character,
            x: 500.0,
            y: 400.0 - index as f32 * 5.0,
            advance: 5.0,
            size: 10.0,
            angle: 270,
            ink: 0.0,
        }));
        assert_eq!(texts(glyphs), ["Straight text here", "side"]);
    }
}
