//! Tables: which are data, and their rows with the cells that span them.

use dom_query::NodeRef;

use super::super::builder::join_cells;
use super::element::{Sight, attribute};
use super::flatten::Flattener;
use super::numbering::number_attribute;
use crate::model::extracted::BlockKind;

/// Table cells with longer text are layout or prose, not data.
const MAX_CELL_CHARS: usize = 1_500;
/// A cell that spans rows is repeated only if it is a short label.
const MAX_REPEATED_BYTES: usize = 200;
/// Rows and columns that a cell may claim.
const MAX_SPAN: i64 = 1_000;

/// A cell that reaches into rows below its own.
#[derive(Default)]
struct Span {
    rows_left: usize,
    html: String,
}

/// Adds the cells that reach down into this row at its present end.
fn carry_spans(cells: &mut Vec<String>, spans: &mut [Span]) {
    while let Some(span) = spans.get_mut(cells.len()).filter(|span| span.rows_left > 0) {
        span.rows_left -= 1;
        cells.push(span.html.clone());
    }
}

fn has_role(node: &NodeRef<'_>, roles: &[&str]) -> bool {
    node.element_ref().is_some_and(|element| {
        attribute(&element, "role").is_some_and(|role| roles.contains(&role))
    })
}

fn is_row(node: &NodeRef<'_>) -> bool {
    node.has_name("tr") || has_role(node, &["row"])
}

fn is_cell(node: &NodeRef<'_>) -> bool {
    node.has_name("td")
        || node.has_name("th")
        || has_role(node, &["cell", "gridcell", "columnheader", "rowheader"])
}

/// Whether the rows are data: more than one column, no table inside, no cell with an article in it.
fn is_data_table(table: &NodeRef<'_>) -> bool {
    let is_layout = has_role(table, &["presentation", "none"]);
    let (mut columns, mut cells_in_row) = (0, 0);
    for node in table.descendants_it().filter(NodeRef::is_element) {
        if is_layout || node.has_name("table") || is_large_part(&node) {
            return false;
        }
        if is_row(&node) {
            cells_in_row = 0;
        } else if is_cell(&node) {
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

impl Flattener {
    pub(super) fn visit_table(&mut self, node: &NodeRef<'_>) {
        if self.runs_on || !is_data_table(node) {
            self.break_paragraph();
            self.visit_children(node);
            self.break_paragraph();
            return;
        }
        self.end_block();
        let mut spans = Vec::new();
        for row in node
            .descendants_it()
            .filter(|node| is_row(node) || node.has_name("caption"))
        {
            if row.has_name("caption") {
                self.visit_children(&row);
                self.end_block();
            } else {
                self.push_row(&row, &mut spans);
            }
            if self.room == 0 {
                return;
            }
        }
    }

    /// One row; cells that span rows are repeated, so that each row can be read alone.
    fn push_row(&mut self, row: &NodeRef<'_>, spans: &mut Vec<Span>) {
        let mut cells = Vec::new();
        for cell in row.children_it(false).filter(is_cell) {
            carry_spans(&mut cells, spans);
            let html = self.cell_html(&cell);
            let span = |name: &str| {
                let element = cell.element_ref()?;
                let count = number_attribute(&element, name)?.min(MAX_SPAN);
                usize::try_from(count).ok().filter(|count| *count > 1)
            };
            let column = cells.len();
            if spans.len() <= column {
                spans.resize_with(column + 1, Span::default);
            }
            if let Some(rows) = span("rowspan") {
                let is_label = html.len() <= MAX_REPEATED_BYTES;
                spans[column] = Span {
                    rows_left: rows - 1,
                    html: if is_label {
                        html.clone()
                    } else {
                        String::new()
                    },
                };
            }
            cells.push(html);
        }
        carry_spans(&mut cells, spans);
        let Some(html) = join_cells(&cells) else {
            self.ink.take();
            return;
        };
        self.room = self.room.saturating_sub(html.len());
        self.kind = Some(BlockKind::TableRow);
        self.html = html;
        self.end_block();
    }

    /// Everything in a cell runs on in one line, lists too.
    fn cell_html(&mut self, cell: &NodeRef<'_>) -> String {
        let mut inner = Self {
            runs_on: true,
            is_template: self.is_template,
            room: self.room,
            max_depth: self.max_depth,
            controlled: std::mem::take(&mut self.controlled),
            spelled: std::mem::take(&mut self.spelled),
            ..Self::default()
        };
        inner.visit_cell(cell);
        self.controlled = std::mem::take(&mut inner.controlled);
        self.spelled = std::mem::take(&mut inner.spelled);
        self.ink.merge(inner.ink.take());
        inner.html.trim().replace("<br>", " ")
    }

    fn visit_cell(&mut self, node: &NodeRef<'_>) {
        let mut child = node.first_child();
        while let Some(node) = child {
            let is_line = node.element_ref().is_some_and(|element| {
                let sight = super::element::sight(&node, &element, &self.controlled);
                // What is never seen is left to the walk, which passes over it.
                sight != Sight::Unseen
                    && (super::element::is_block(&element)
                        || matches!(
                            &*element.name.local,
                            "ul" | "ol"
                                | "li"
                                | "dl"
                                | "dt"
                                | "dd"
                                | "pre"
                                | "h3"
                                | "h4"
                                | "h5"
                                | "h6"
                        ))
            });
            if is_line {
                self.spacing.part();
                self.visit_cell(&node);
                self.spacing.part();
            } else {
                self.visit(&node);
            }
            child = node.next_sibling();
        }
    }
}
