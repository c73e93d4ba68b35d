//! Main content to a flat sequence of blocks.
//!
//! HTML nests blocks freely; the output contract knows only one level. This module walks the tree
//! once and decides where blocks begin and end. What is inside a block stays HTML, for the renderer
//! in [`super::render`] to turn into text.

use std::borrow::Cow;
use std::fmt::Write;

use dom_query::{Element, NodeRef};

use super::super::builder::{has_words, join_cells};
use super::clutter::is_permalink_sign;
use super::main_content::LEVEL_ATTRIBUTE;
use super::tables::{Span, carry_spans, is_data_table};
use crate::model::extracted::BlockKind;

/// A cell that spans rows is repeated only if it is a short label.
const MAX_REPEATED_BYTES: usize = 200;

const SKIPPED: &[&str] = &[
    "script", "style", "noscript", "template", "iframe", "object", "embed", "canvas", "svg",
    "audio", "video", "map", "button", "select", "input", "textarea", "img", "picture", "head",
    "rt", "rp", "wbr",
];
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "center",
    "details",
    "dialog",
    "div",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "header",
    "hgroup",
    "hr",
    "html",
    "legend",
    "main",
    "menu",
    "nav",
    "p",
    "search",
    "section",
    "summary",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "optgroup",
    "option",
    "dir",
];

/// One block, its text still HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FlatBlock {
    pub(super) kind: BlockKind,
    pub(super) html: String,
    /// Bytes of its text.
    pub(super) text_len: usize,
    /// Bytes of its text inside links.
    pub(super) linked_len: usize,
}

/// The blocks of everything below `root`, in reading order, up to `max_bytes` of HTML. In a
/// template, `{{expressions}}` become dots.
pub(super) fn flatten(root: &NodeRef<'_>, is_template: bool, max_bytes: usize) -> Vec<FlatBlock> {
    let mut flattener = Flattener {
        room: max_bytes,
        is_template,
        ..Flattener::default()
    };
    flattener.visit_children(root);
    flattener.end_block();
    flattener.blocks
}

/// Text as HTML, so that the renderer reads it as text again.
pub(super) fn push_escaped(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '&' => html.push_str("&amp;"),
            // The renderer's own marks must not come from the page.
            '\u{E000}'..='\u{F8FF}' => {}
            _ => html.push(c),
        }
    }
}

/// `Hello {{user.name}}!` as `Hello …!`.
fn without_expressions(text: &str) -> Cow<'_, str> {
    if !text.contains("{{") {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, expression)) = rest.split_once("{{") {
        let Some((_, after)) = expression.split_once("}}") else {
            break;
        };
        plain.push_str(before);
        plain.push('…');
        rest = after;
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

#[derive(Default)]
struct Flattener {
    blocks: Vec<FlatBlock>,
    /// The open block's HTML.
    html: String,
    /// What the open block will be; a paragraph if nothing else was said.
    kind: Option<BlockKind>,
    /// The list item's marker that waits for the item's first text.
    marker: Option<String>,
    /// Inside a list item, blocks run on in one line.
    runs_on: bool,
    in_link: bool,
    text_len: usize,
    linked_len: usize,
    lists: Vec<List>,
    is_template: bool,
    room: usize,
}

struct List {
    /// The next item's number, for ordered lists.
    number: Option<i64>,
}

impl Flattener {
    fn visit_children(&mut self, node: &NodeRef<'_>) {
        let mut child = node.first_child();
        while let Some(node) = child {
            self.visit(&node);
            child = node.next_sibling();
        }
    }

    fn visit(&mut self, node: &NodeRef<'_>) {
        if self.room == 0 {
            return;
        }
        if node.is_text() {
            self.push_text(&node.text());
            return;
        }
        let Some(element) = node.element_ref() else {
            return;
        };
        let name = element.name.local.clone();
        let start = number_attribute(&element, "start");
        let value = number_attribute(&element, "value");
        drop(element);
        match &*name {
            name if SKIPPED.contains(&name) => {}
            "br" => self.html.push_str("<br>"),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.visit_heading(node, &name),
            "ul" => self.visit_list(node, List { number: None }),
            "ol" => self.visit_list(
                node,
                List {
                    number: Some(start.unwrap_or(1)),
                },
            ),
            "li" => self.visit_item(node, value),
            "dl" => self.visit_definitions(node),
            "dt" => self.begin_term(node),
            "dd" => self.continue_term(node),
            "table" => self.visit_table(node),
            "pre" | "listing" | "xmp" => self.visit_preformatted(node),
            "sup" => self.visit_superscript(node),
            "q" => self.visit_quote(node),
            "a" if is_permalink_sign(&node.text()) => {}
            "a" => self.visit_link(node),
            name if BLOCKS.contains(&name) => {
                self.break_paragraph();
                self.visit_children(node);
                self.break_paragraph();
            }
            _ => self.visit_children(node),
        }
    }

    fn visit_link(&mut self, node: &NodeRef<'_>) {
        let in_link = std::mem::replace(&mut self.in_link, true);
        self.visit_children(node);
        self.in_link = in_link;
    }

    fn push_text(&mut self, text: &str) {
        let before = self.html.len();
        if self.is_template && self.kind != Some(BlockKind::Preformatted) {
            push_escaped(&mut self.html, &without_expressions(text));
        } else {
            push_escaped(&mut self.html, text);
        }
        let len = text.trim().len();
        self.text_len += len;
        self.linked_len += if self.in_link { len } else { 0 };
        self.room = self.room.saturating_sub(self.html.len() - before);
    }

    /// Ends the open block, unless it runs on.
    fn break_paragraph(&mut self) {
        if self.runs_on {
            self.html.push(' ');
        } else {
            self.end_block();
        }
    }

    fn end_block(&mut self) {
        let html = std::mem::take(&mut self.html);
        let text_len = std::mem::take(&mut self.text_len);
        let linked_len = std::mem::take(&mut self.linked_len);
        let kind = self.kind.take().unwrap_or(BlockKind::Paragraph);
        if !has_words_in(&html) {
            return;
        }
        let html = match self.marker.take() {
            Some(marker) if kind == BlockKind::ListItem => format!("{marker}{}", html.trim_start()),
            Some(_) | None => html,
        };
        self.blocks.push(FlatBlock {
            kind,
            html,
            text_len,
            linked_len,
        });
    }

    fn visit_heading(&mut self, node: &NodeRef<'_>, name: &str) {
        let kept_level = node
            .element_ref()
            .and_then(|element| number_attribute(&element, LEVEL_ATTRIBUTE));
        let level = match kept_level {
            Some(_) => 1,
            None => name
                .as_bytes()
                .get(1)
                .map_or(6, |digit| digit.saturating_sub(b'0')),
        };
        self.end_block();
        self.marker = None;
        self.kind = Some(BlockKind::Heading(level));
        let runs_on = std::mem::replace(&mut self.runs_on, true);
        self.visit_children(node);
        self.end_block();
        // An item with a heading of its own is a section, not a line.
        self.runs_on = runs_on && self.lists.is_empty();
    }

    fn visit_list(&mut self, node: &NodeRef<'_>, list: List) {
        self.end_block();
        let runs_on = std::mem::replace(&mut self.runs_on, false);
        self.lists.push(list);
        self.visit_children(node);
        self.lists.pop();
        self.end_block();
        self.runs_on = runs_on && !self.lists.is_empty();
    }

    fn visit_item(&mut self, node: &NodeRef<'_>, value: Option<i64>) {
        self.end_block();
        self.marker = Some(self.next_marker(value));
        self.kind = Some(BlockKind::ListItem);
        self.runs_on = true;
        self.visit_children(node);
        self.end_block();
        self.runs_on = false;
        self.marker = None;
    }

    fn next_marker(&mut self, value: Option<i64>) -> String {
        let Some(List {
            number: Some(number),
        }) = self.lists.last_mut()
        else {
            return "- ".to_owned();
        };
        let this = value.unwrap_or(*number);
        *number = this.saturating_add(1);
        format!("{this}. ")
    }

    fn visit_definitions(&mut self, node: &NodeRef<'_>) {
        self.visit_list(node, List { number: None });
    }

    fn begin_term(&mut self, node: &NodeRef<'_>) {
        self.visit_open_item(node, true);
    }

    /// `term: definition` in one line, when the term was all there is so far.
    fn continue_term(&mut self, node: &NodeRef<'_>) {
        let follows_term = self.kind == Some(BlockKind::ListItem) && has_words_in(&self.html);
        if follows_term {
            let end = self.html.trim_end().len();
            self.html.truncate(end);
            let is_closed = self.html.ends_with([':', '?', '.', '!']);
            self.html.push_str(if is_closed { " " } else { ": " });
        }
        self.visit_open_item(node, !follows_term);
        self.end_block();
    }

    fn visit_open_item(&mut self, node: &NodeRef<'_>, begins: bool) {
        if begins {
            self.end_block();
            self.marker = Some("- ".to_owned());
            self.kind = Some(BlockKind::ListItem);
        }
        self.runs_on = true;
        self.visit_children(node);
        self.runs_on = false;
    }

    fn visit_preformatted(&mut self, node: &NodeRef<'_>) {
        self.end_block();
        self.kind = Some(BlockKind::Preformatted);
        self.push_preformatted(node);
        self.end_block();
    }

    fn push_preformatted(&mut self, node: &NodeRef<'_>) {
        let mut child = node.first_child();
        while let Some(node) = child {
            if node.is_text() {
                self.push_text(&node.text());
            } else if node.has_name("br") {
                self.html.push('\n');
            } else {
                self.push_preformatted(&node);
            }
            child = node.next_sibling();
        }
    }

    /// Powers and ordinals are text; footnote links are not.
    fn visit_superscript(&mut self, node: &NodeRef<'_>) {
        let text = node.text();
        let is_footnote = text.trim_start().starts_with('[') || has_link(node);
        if is_footnote || text.trim().is_empty() {
            return;
        }
        if text.trim().bytes().all(|byte| byte.is_ascii_digit()) {
            let _ = write!(self.html, "<sup>{}</sup>", text.trim());
        } else {
            self.visit_children(node);
        }
    }

    fn visit_quote(&mut self, node: &NodeRef<'_>) {
        self.html.push('“');
        self.visit_children(node);
        self.html.push('”');
    }

    fn visit_table(&mut self, node: &NodeRef<'_>) {
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
            .filter(|node| node.has_name("tr") || node.has_name("caption"))
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
        for cell in row
            .children_it(false)
            .filter(|node| node.has_name("td") || node.has_name("th"))
        {
            carry_spans(&mut cells, spans);
            let html = self.cell_html(&cell);
            let rows = cell
                .element_ref()
                .and_then(|element| number_attribute(&element, "rowspan"));
            let column = cells.len();
            if spans.len() <= column {
                spans.resize_with(column + 1, Span::default);
            }
            if let Some(more) = rows
                .and_then(|rows| usize::try_from(rows).ok())
                .filter(|rows| *rows > 1)
            {
                let text = if html.len() <= MAX_REPEATED_BYTES {
                    html.clone()
                } else {
                    String::new()
                };
                spans[column] = Span {
                    rows_left: more - 1,
                    html: text,
                };
            }
            cells.push(html);
        }
        carry_spans(&mut cells, spans);
        let Some(html) = join_cells(&cells) else {
            return;
        };
        self.room = self.room.saturating_sub(html.len());
        self.kind = Some(BlockKind::TableRow);
        self.html = html;
        self.end_block();
    }

    fn cell_html(&mut self, cell: &NodeRef<'_>) -> String {
        let mut inner = Self {
            runs_on: true,
            is_template: self.is_template,
            room: self.room,
            ..Self::default()
        };
        inner.visit_cell(cell);
        inner.html.trim().replace("<br>", " ")
    }

    /// Everything in a cell runs on in one line, lists too.
    fn visit_cell(&mut self, node: &NodeRef<'_>) {
        let mut child = node.first_child();
        while let Some(node) = child {
            let is_inline_block = node.element_ref().is_some_and(|element| {
                let name: &str = &element.name.local;
                BLOCKS.contains(&name) || is_list_part(name)
            });
            if is_inline_block {
                self.html.push(' ');
                self.visit_cell(&node);
                self.html.push(' ');
            } else {
                self.visit(&node);
            }
            child = node.next_sibling();
        }
    }
}

fn is_list_part(name: &str) -> bool {
    matches!(
        name,
        "ul" | "ol" | "li" | "dl" | "dt" | "dd" | "pre" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6"
    )
}

fn has_link(node: &NodeRef<'_>) -> bool {
    node.descendants_it().any(|node| node.has_name("a"))
        || node.ancestors_it(Some(2)).any(|node| node.has_name("a"))
}

fn number_attribute(element: &Element, name: &str) -> Option<i64> {
    let attribute = element
        .attrs
        .iter()
        .find(|attribute| &*attribute.name.local == name)?;
    let number = attribute.value.trim().parse().ok()?;
    (0..=1_000_000).contains(&number).then_some(number)
}

/// Whether there is more than tags and signs.
fn has_words_in(html: &str) -> bool {
    has_words(&html.replace("<br>", ""))
}
