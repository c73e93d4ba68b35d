//! What makes a table a table, and cells that span rows.

use dom_query::NodeRef;

/// Table cells with longer text are layout or prose, not data.
const MAX_CELL_CHARS: usize = 1_500;

/// A cell that reaches into rows below its own.
#[derive(Default)]
pub(super) struct Span {
    pub(super) rows_left: usize,
    pub(super) html: String,
}

/// Adds the cells that reach down into this row at its present end.
pub(super) fn carry_spans(cells: &mut Vec<String>, spans: &mut [Span]) {
    while let Some(span) = spans.get_mut(cells.len()).filter(|span| span.rows_left > 0) {
        span.rows_left -= 1;
        cells.push(span.html.clone());
    }
}

/// Whether the rows are data: more than one column, no table inside, no cell with an article in it.
pub(super) fn is_data_table(table: &NodeRef<'_>) -> bool {
    let mut columns = 0;
    let mut cells_in_row = 0;
    for node in table.descendants_it().filter(NodeRef::is_element) {
        if node.has_name("table") || is_large_part(&node) {
            return false;
        }
        if node.has_name("tr") {
            cells_in_row = 0;
        } else if node.has_name("td") || node.has_name("th") {
            cells_in_row += 1;
            columns = columns.max(cells_in_row);
            if node.normalized_char_count() > MAX_CELL_CHARS {
                return false;
            }
        }
    }
    columns > 1
}

fn is_large_part(node: &NodeRef<'_>) -> bool {
    ["article", "section", "main", "h1", "h2"]
        .iter()
        .any(|name| node.has_name(name))
}
