//! What a page draws that matters for its text.
//!
//! Coordinates are points with the origin at the top left of the page as a reader sees it, so `y` grows
//! downwards.

/// One character where it stands on the page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Glyph {
    /// What it says.
    pub(super) character: char,
    /// Origin on the baseline, points from the left edge.
    pub(super) x: f32,
    /// Baseline, points from the top edge.
    pub(super) y: f32,
    /// Distance to the origin of the next character, points.
    pub(super) advance: f32,
    /// Font size, points.
    pub(super) size: f32,
    /// Reading direction in degrees, 0 to 359; 90 points down the page.
    pub(super) angle: u16,
    /// Inked share of the em square; 0 when unknown.
    pub(super) ink: f32,
}

/// A horizontal rule, as tables have between their rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rule {
    /// Left end, points.
    pub(super) left: f32,
    /// Right end, points.
    pub(super) right: f32,
    /// Height on the page, points from the top edge.
    pub(super) y: f32,
}

/// A straight edge of a rule or a box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    /// Where it lies: points from the top edge if it runs across, from the left if upright.
    pub(super) at: f32,
    /// Where it begins along its own direction, points.
    pub(super) start: f32,
    /// Where it ends.
    pub(super) end: f32,
}

/// All that a page draws that matters for its text.
#[derive(Debug, Clone, Default)]
pub(super) struct PageGlyphs {
    /// Width as a reader sees it, points.
    pub(super) width: f32,
    /// Height as a reader sees it, points.
    pub(super) height: f32,
    /// Characters in drawing order.
    pub(super) glyphs: Vec<Glyph>,
    /// What notes on the page say that it does not show.
    pub(super) notes: Vec<String>,
    /// What the file marks as running heads and page numbers.
    pub(super) artifacts: Vec<Glyph>,
    /// Horizontal rules in drawing order.
    pub(super) rules: Vec<Rule>,
    /// Edges that run across, of rules and boxes alike.
    pub(super) across: Vec<Edge>,
    /// Upright ones.
    pub(super) upright: Vec<Edge>,
    /// Horizontal strokes, short or long, that may be the bars of fractions.
    pub(super) bars: Vec<Rule>,
    /// Whether an image of more than a few points is drawn.
    pub(super) has_image: bool,
    /// Glyphs without a usable character.
    pub(super) unmapped: usize,
    /// Whether glyphs were left out because there are too many.
    pub(super) truncated: bool,
}

/// Glyphs of a text, half an em wide each, for tests.
#[cfg(test)]
pub(super) fn set(text: &str, x: f32, y: f32, size: f32) -> Vec<Glyph> {
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
