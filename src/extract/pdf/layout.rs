//! Glyphs to the lines and tables of each reading direction.
//!
//! Which line follows which is the business of `order`.

use super::accents::with_accents;
use super::contents::join_entries;
use super::frame::{Frame, MAX_ARRANGED_LINES};
use super::glyph::{Glyph, PageGlyphs};
use super::grid::take_grids;
use super::lines::lines_of;
use super::rows::{join_markers, join_rows, merge_drop_caps};
use super::tables::take_tables;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::pdf::glyph::set;

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
