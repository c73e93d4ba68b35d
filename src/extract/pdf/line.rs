//! One line of text and where it stands.

/// A stretch of one baseline.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// Its text in logical order, words separated by single spaces.
    pub(super) text: String,
    /// Left edge in the frame.
    pub(super) left: f32,
    /// Right edge in the frame.
    pub(super) right: f32,
    /// Baseline in the frame.
    pub(super) baseline: f32,
    /// Font size of most of it.
    pub(super) size: f32,
    /// Ink of its letters against Helvetica's; `None` without enough letters.
    pub(super) weight: Option<f32>,
    /// Width of its first word, to see whether it would have fitted on the line before.
    pub(super) first_word: f32,
    /// Whether it was drawn with a space in front.
    pub(super) spaced: bool,
    /// Position in drawing order.
    pub(super) drawn: usize,
    /// Gaps between words that are wide enough to part the cells of a tight table.
    pub(super) gaps: Vec<Gap>,
}

/// A wide gap between two words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Gap {
    /// Byte of the space in the line's text.
    pub(super) at: usize,
    /// Where the word before it ends.
    pub(super) left: f32,
    /// Where the word behind it begins.
    pub(super) right: f32,
}

impl Line {
    /// Top of its letters.
    pub(super) fn top(&self) -> f32 {
        self.baseline - self.size * 0.75
    }

    /// Bottom of its letters.
    pub(super) fn bottom(&self) -> f32 {
        self.baseline + self.size * 0.22
    }

    /// Width in points.
    pub(super) fn width(&self) -> f32 {
        self.right - self.left
    }

    /// The line cut at its wide gaps.
    pub(super) fn parts(&self) -> Vec<Self> {
        let mut parts = Vec::with_capacity(self.gaps.len() + 1);
        let (mut start, mut left) = (0, self.left);
        for gap in &self.gaps {
            parts.extend(self.part(start..gap.at, left, gap.left));
            (start, left) = (gap.at + 1, gap.right);
        }
        parts.extend(self.part(start..self.text.len(), left, self.right));
        parts
    }

    fn part(&self, range: std::ops::Range<usize>, left: f32, right: f32) -> Option<Self> {
        let text = self.text.get(range)?.to_owned();
        Some(Self {
            text,
            left,
            right,
            gaps: Vec::new(),
            ..self.clone()
        })
    }

    /// How far two lines share horizontal room, as a share of the narrower one.
    pub(super) fn overlap(&self, other: &Self) -> f32 {
        let shared = self.right.min(other.right) - self.left.max(other.left);
        shared / self.width().min(other.width()).max(0.1)
    }
}

/// A line of ten points, five wide for each character, for tests.
#[cfg(test)]
pub(super) fn set(text: &str, left: f32, baseline: f32, drawn: usize) -> Line {
    Line {
        text: text.to_owned(),
        left,
        right: left + text.chars().count() as f32 * 5.0,
        baseline,
        size: 10.0,
        weight: None,
        first_word: 20.0,
        spaced: false,
        drawn,
        gaps: Vec::new(),
    }
}
