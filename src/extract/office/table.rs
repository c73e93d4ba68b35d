//! Tables while they are being read: cells may hold paragraphs, span columns and nest.

use super::super::builder::{TextBuilder, join_cells};
use crate::model::extracted::BlockKind;

/// A cell that claims to span more columns than this does not.
const MAX_SPAN: usize = 64;

/// Open tables, the innermost last. Text that comes while a table is open belongs to its cell.
#[derive(Default)]
pub(super) struct Tables {
    open: Vec<Table>,
}

#[derive(Default)]
struct Table {
    row: Vec<String>,
    cell: String,
    span: usize,
    /// Rows of a nested table, until its end.
    rows: Vec<String>,
}

impl Tables {
    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    pub(super) fn begin(&mut self) {
        self.open.push(Table::default());
    }

    pub(super) fn begin_cell(&mut self) {
        if let Some(table) = self.open.last_mut() {
            table.cell.clear();
            table.span = 1;
        }
    }

    /// How many columns the open cell takes.
    pub(super) fn span(&mut self, columns: usize) {
        if let Some(table) = self.open.last_mut() {
            table.span = columns.clamp(1, MAX_SPAN);
        }
    }

    /// A paragraph of the open cell.
    pub(super) fn add(&mut self, text: &str) {
        let Some(table) = self.open.last_mut() else {
            return;
        };
        let text = text.trim();
        if !table.cell.is_empty() && !text.is_empty() {
            table.cell.push(' ');
        }
        table.cell.push_str(text);
    }

    /// A cell that spans columns is followed by empty ones, so that the others keep theirs.
    pub(super) fn end_cell(&mut self) {
        if let Some(table) = self.open.last_mut() {
            table.row.push(std::mem::take(&mut table.cell));
            let covered = table.span.saturating_sub(1);
            table
                .row
                .extend(std::iter::repeat_n(String::new(), covered));
        }
    }

    /// A row goes to the builder, or to the cell around a nested table.
    pub(super) fn end_row(&mut self, builder: &mut TextBuilder) {
        let is_nested = self.open.len() > 1;
        let Some(table) = self.open.last_mut() else {
            return;
        };
        let row = std::mem::take(&mut table.row);
        let Some(line) = join_cells(&row) else {
            return;
        };
        if is_nested {
            table.rows.push(line.replace(" | ", ", "));
        } else {
            builder.push(BlockKind::TableRow, &line, None);
        }
    }

    pub(super) fn end(&mut self) {
        if let Some(table) = self.open.pop() {
            self.add(&table.rows.join("; "));
        }
    }
}
