//! The lines and tables of one reading direction of a page.

use super::glyph::Rule;
use super::line::Line;
use super::table::Table;

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
