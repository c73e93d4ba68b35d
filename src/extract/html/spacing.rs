//! White space in a line of text, as CSS collapses it.

/// White space that was read and not yet written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Gap {
    #[default]
    None,
    Space,
    /// With a line break in the source.
    Break,
}

/// Collapses white space over the borders of elements.
#[derive(Debug, Default)]
pub(super) struct Spacing {
    gap: Gap,
    last: Option<char>,
}

impl Spacing {
    /// A character was read; returns whether a space belongs in front of it, or `None` if it is
    /// white space itself.
    pub(super) fn read(&mut self, c: char) -> Option<bool> {
        if matches!(c, '\n' | '\r') {
            self.gap = Gap::Break;
            return None;
        }
        if matches!(c, ' ' | '\t' | '\x0C') {
            if self.gap == Gap::None {
                self.gap = Gap::Space;
            }
            return None;
        }
        let gap = std::mem::take(&mut self.gap);
        let before = self.last.replace(c);
        Some(match (gap, before) {
            (Gap::None, _) | (_, None) => false,
            (Gap::Space, Some(_)) => true,
            // CSS Text 4, "Segment Break Transformation Rules".
            (Gap::Break, Some(before)) => !(is_unspaced(before) && is_unspaced(c)),
        })
    }

    /// A space belongs between what was written and what comes, whatever it is.
    pub(super) fn part(&mut self) {
        self.gap = Gap::Space;
    }

    /// What comes next stands close to what was written.
    pub(super) fn join(&mut self) {
        self.last = None;
    }

    /// A line or block begins.
    pub(super) fn begin(&mut self) {
        *self = Self::default();
    }

    /// The last character written in this line.
    pub(super) fn last(&self) -> Option<char> {
        self.last
    }
}

/// Whether the script of a character sets no spaces between words: Chinese, Japanese, Thai, Lao,
/// Burmese, Khmer, and wide punctuation. Korean sets them.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}'
        | '\u{1000}'..='\u{109F}'
        | '\u{1780}'..='\u{17FF}'
        | '\u{2E80}'..='\u{312F}'
        | '\u{31A0}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{A4CF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FE30}'..='\u{FE4F}'
        | '\u{FF00}'..='\u{FF60}'
        | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collapsed(text: &str) -> String {
        let (mut spacing, mut out) = (Spacing::default(), String::new());
        for c in text.chars() {
            if let Some(space) = spacing.read(c) {
                out.extend(space.then_some(' '));
                out.push(c);
            }
        }
        out
    }

    #[test]
    fn line_breaks_part_words_only_where_the_script_parts_them() {
        assert_eq!(collapsed(" warm \n  homes"), "warm homes");
        assert_eq!(collapsed("十点半\n  开始,到"), "十点半开始,到");
        assert_eq!(collapsed("ราคา\nไฟฟ้า"), "ราคาไฟฟ้า");
        assert_eq!(collapsed("十点半 开始"), "十点半 开始");
        assert_eq!(collapsed("난방\n요금"), "난방 요금");
        assert_eq!(collapsed("约\n20 kW"), "约 20 kW");
    }
}
