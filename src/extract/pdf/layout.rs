//! Glyphs to lines: words, baselines, superscripts, reading directions.
//!
//! A [`Line`] is a stretch of one baseline without a gap as wide as a column gutter. Which line
//! follows which is the business of `order`.

use std::collections::HashMap;

use super::accents::with_accents;
use super::characters::{is_right_to_left, is_unspaced_script};
use super::contents::join_entries;
use super::direction::to_logical_order;
use super::formulas::join_parts;
use super::fragments::{Fragment, Joint, fragments_of, join_fragments};
use super::glyphs::{Glyph, PageGlyphs, Rule};
use super::grid::take_grids;
use super::ink::reference_ink;
use super::line::{Gap, Line};
use super::rows::{join_markers, join_rows, merge_drop_caps};
use super::tables::{Table, take_tables};

/// Gaps wider than this many ems may separate the cells of a table.
const CELL_GAP: f32 = 0.45;
/// Gaps wider than this many ems separate words.
const WORD_GAP: f32 = 0.16;
/// The same where letters stand exactly side by side, so that nothing else opens a gap.
const TIGHT_GAP: f32 = 0.1;
/// Gaps this small are none.
const EXACT: f32 = 0.01;
/// A page with more lines than this is a drawing; comparing all with all is not worth the time.
pub(super) const MAX_ARRANGED_LINES: usize = 4_000;

/// Lines of one reading direction, turned upright.
#[derive(Debug, Clone, Default)]
pub(super) struct Frame {
    /// The lines, from top to bottom.
    pub(super) lines: Vec<Line>,
    /// The tables found so far.
    pub(super) tables: Vec<Table>,
    /// Rules between table rows.
    pub(super) rules: Vec<Rule>,
    /// Height of the page in this frame, 0 for turned text.
    pub(super) height: f32,
}

impl Frame {
    /// The table that nothing stands above.
    pub(super) fn first_table(&mut self) -> Option<&mut Table> {
        let first = self
            .lines
            .iter()
            .map(Line::top)
            .fold(f32::INFINITY, f32::min);
        let tables = self.tables.iter_mut();
        let highest = tables.min_by(|a, b| a.top.total_cmp(&b.top))?;
        (highest.top <= first).then_some(highest)
    }

    /// The table that nothing stands below.
    pub(super) fn last_table(&self) -> Option<&Table> {
        let last = self.lines.iter().map(Line::bottom).fold(0.0, f32::max);
        let lowest = self
            .tables
            .iter()
            .max_by(|a, b| a.bottom.total_cmp(&b.bottom))?;
        (lowest.bottom >= last).then_some(lowest)
    }
}

/// The texts of glyphs, line by line.
pub(super) fn texts_of(glyphs: &[Glyph]) -> Vec<String> {
    let mut lines = lines_of(glyphs, &[]);
    lines.sort_by(|a, b| {
        a.baseline
            .total_cmp(&b.baseline)
            .then(a.left.total_cmp(&b.left))
    });
    lines.into_iter().map(|line| line.text).collect()
}

/// The page's lines and tables; the direction with most text first.
pub(super) fn frames_of(mut page: PageGlyphs) -> Vec<Frame> {
    let tables = take_grids(&mut page);
    let mut frames = plain_frames_of(&page);
    if !frames.iter().any(|frame| frame.height > 0.0) {
        frames.insert(0, frame_at(&page, 0));
    }
    for frame in &mut frames {
        if frame.height > 0.0 {
            frame.tables.clone_from(&tables);
        }
        take_tables(frame);
    }
    frames
}

fn plain_frames_of(page: &PageGlyphs) -> Vec<Frame> {
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
    let bars = if angle == 0 {
        page.bars.as_slice()
    } else {
        &[]
    };
    let mut lines = lines_of(&with_accents(turned), bars);
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
        tables: Vec::new(),
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

/// Lines of upright glyphs, in no particular order.
pub(super) fn lines_of(glyphs: &[Glyph], bars: &[Rule]) -> Vec<Line> {
    let mut fragments = join_parts(fragments_of(glyphs), glyphs, bars);
    fragments.sort_by(|a, b| a.baseline.total_cmp(&b.baseline));
    let groups = join_fragments(&fragments, glyphs);
    groups
        .into_iter()
        .filter_map(|members| build_line(glyphs, &fragments, &members))
        .collect()
}

fn build_line(glyphs: &[Glyph], fragments: &[Fragment], members: &[usize]) -> Option<Line> {
    let main = members
        .iter()
        .map(|&member| &fragments[member])
        .max_by(|a, b| weight_of(a).total_cmp(&weight_of(b)))?;
    let order = reading_order(glyphs, fragments, members);
    let drawn = order.iter().copied().min()?;
    let joints: HashMap<usize, Joint> = members
        .iter()
        .flat_map(|&member| fragments[member].joints.iter().copied())
        .collect();
    let mut writer = LineWriter::new(main, word_gap(glyphs, &order));
    for &index in &order {
        if let Some(&joint) = joints.get(&index) {
            writer.begin_part(joint, &glyphs[index]);
        }
        writer.push(&glyphs[index]);
    }
    writer.finish(drawn)
}

/// The glyphs of a line from left to right; those of a formula as they are drawn.
fn reading_order(glyphs: &[Glyph], fragments: &[Fragment], members: &[usize]) -> Vec<usize> {
    let by_place = |&a: &usize, &b: &usize| glyphs[a].x.total_cmp(&glyphs[b].x).then(a.cmp(&b));
    let mut members: Vec<&Fragment> = members.iter().map(|&member| &fragments[member]).collect();
    if members.iter().any(|member| member.is_formula) {
        members.sort_by(|a, b| a.left.total_cmp(&b.left));
    }
    let mut order = Vec::new();
    for run in members.chunk_by(|one, other| !one.is_formula && !other.is_formula) {
        let start = order.len();
        order.extend(run.iter().flat_map(|member| member.glyphs.iter().copied()));
        if !run[0].is_formula {
            order[start..].sort_by(by_place);
        }
    }
    order
}

fn weight_of(fragment: &Fragment) -> f32 {
    fragment.glyphs.len() as f32 * fragment.size
}

/// The gap that separates words here, in ems; wider where letters are tracked apart.
fn word_gap(glyphs: &[Glyph], order: &[usize]) -> f32 {
    let mut gaps: Vec<f32> = order
        .windows(2)
        .map(|pair| (&glyphs[pair[0]], &glyphs[pair[1]]))
        .filter(|(one, other)| one.character.is_alphanumeric() && other.character.is_alphanumeric())
        .map(|(one, other)| (other.x - one.x - one.advance) / one.size.max(0.01))
        .collect();
    if gaps.len() < 4 {
        return WORD_GAP;
    }
    gaps.sort_by(f32::total_cmp);
    // Most pairs of letters stand inside a word; in a formula hardly any do.
    let (usual, wide) = (gaps[gaps.len() / 4], gaps[gaps.len() * 3 / 4]);
    if usual.abs() < EXACT && wide.abs() < EXACT {
        return TIGHT_GAP;
    }
    WORD_GAP + usual.clamp(0.0, 0.6)
}

/// What was met since the glyph written last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Blank,
    /// The seam of two parts of a formula.
    Seam,
}

/// The glyph written last.
#[derive(Clone, Copy)]
struct Last {
    character: char,
    size: f32,
    baseline: f32,
}

/// Builds a line's text glyph by glyph, from left to right.
struct LineWriter<'a> {
    main: &'a Fragment,
    word_gap: f32,
    text: String,
    left: f32,
    right: f32,
    end: f32,
    first_word: Option<f32>,
    gaps: Vec<Gap>,
    last: Option<Last>,
    before: Before,
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
            end: 0.0,
            first_word: None,
            gaps: Vec::new(),
            last: None,
            before: Before::Nothing,
            spaced: false,
            right_to_left: false,
            ink: 0.0,
            reference: 0.0,
            letters: 0,
        }
    }

    /// Says how the next glyph, which may stand over or under the last one, is parted from it.
    fn begin_part(&mut self, joint: Joint, next: &Glyph) {
        match joint {
            Joint::Apart => self.before = Before::Seam,
            Joint::Over => {
                self.before = Before::Nothing;
                self.text.push('/');
            }
        }
        self.end = next.x;
    }

    fn push(&mut self, glyph: &Glyph) {
        if glyph.character == ' ' {
            if self.before == Before::Nothing {
                self.before = Before::Blank;
            }
            return;
        }
        match self.last {
            None => {
                self.left = glyph.x;
                self.right = glyph.x;
                self.end = glyph.x;
                self.spaced = self.before == Before::Blank;
            }
            Some(last) => {
                if self.before == Before::Seam || self.ends_word(glyph, last) {
                    self.first_word.get_or_insert(self.right - self.left);
                    if glyph.x - self.end > glyph.size * CELL_GAP {
                        self.gaps.push(Gap {
                            at: self.text.len(),
                            left: self.end,
                            right: glyph.x,
                        });
                    }
                    self.text.push(' ');
                }
            }
        }
        self.before = Before::Nothing;
        self.write(glyph);
        self.end = self.end.max(glyph.x + glyph.advance);
        self.right = self.right.max(self.end);
        self.last = Some(Last {
            character: glyph.character,
            size: glyph.size,
            baseline: glyph.y,
        });
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

    fn ends_word(&self, glyph: &Glyph, last: Last) -> bool {
        let is_script =
            glyph.size < last.size * 0.85 && (glyph.y - last.baseline).abs() > last.size * 0.1;
        // What counts before a script is the slope of the letter that carries it.
        let size = if is_script {
            last.size
        } else {
            glyph.size.min(last.size)
        };
        let gap = (glyph.x - self.end) / size.max(0.01);
        if is_unspaced_script(last.character) && is_unspaced_script(glyph.character) {
            return gap > 0.6;
        }
        (self.before == Before::Blank && gap > -0.3) || gap > self.word_gap
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
    use crate::extract::pdf::glyphs::set;

    fn texts(glyphs: Vec<Glyph>) -> Vec<String> {
        let page = PageGlyphs {
            width: 600.0,
            height: 800.0,
            glyphs,
            ..PageGlyphs::default()
        };
        frames_of(page)
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
