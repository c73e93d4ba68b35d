//! Glyphs to lines: words, baselines, superscripts.
//!
//! A [`Line`] is a stretch of one baseline without a gap as wide as a column gutter.

use super::characters::{is_right_to_left, is_unspaced_script};
use super::direction::to_logical_order;
use super::formulas::join_parts;
use super::fragments::{Fragment, Joint, fragments_of, join_fragments};
use super::glyph::{Glyph, Rule};
use super::ink::reference_ink;
use super::line::{Gap, Line};
use std::collections::HashMap;

/// Gaps wider than this many ems may separate the cells of a table.
const CELL_GAP: f32 = 0.45;
/// Gaps wider than this many ems separate words.
const WORD_GAP: f32 = 0.16;
/// The same where letters stand exactly side by side, so that nothing else opens a gap.
const TIGHT_GAP: f32 = 0.1;
/// Gaps this small are none.
const EXACT: f32 = 0.01;

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
