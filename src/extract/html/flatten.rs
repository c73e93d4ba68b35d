//! A page's tree to a flat sequence of blocks, and the parts of the page that they lie in.
//!
//! HTML nests blocks freely; the output contract knows only one level. This module walks the tree
//! once, decides where blocks begin and end, and notes which run of blocks each part of the page
//! (landmark, article, container) holds. Nothing is judged here. What is inside a block stays HTML,
//! for the renderer in [`super::render`] to turn into text.

use std::collections::HashSet;
use std::ops::Range;

use dom_query::{Document, NodeRef};

use super::super::builder::has_words;
use super::element::{self, Role, Sight, attribute, is_block, is_section};
use super::ink::Ink;
use super::numbering::List;
use super::spacing::Spacing;
use crate::model::extracted::BlockKind;

/// Elements without text that a visitor could see.
const SKIPPED: &[&str] = &[
    "script", "style", "template", "object", "embed", "canvas", "svg", "audio", "video", "map",
    "head", "rt", "rp", "datalist", "link", "meta",
];

/// One block, its text still HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FlatBlock {
    pub(super) kind: BlockKind,
    pub(super) html: String,
    pub(super) ink: Ink,
    /// Which of the page's parts it lies in, the innermost.
    pub(super) part: usize,
}

/// A container of blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) role: Role,
    pub(super) is_closed: bool,
    pub(super) parent: Option<usize>,
    /// The blocks in it.
    pub(super) blocks: Range<usize>,
}

/// A page as blocks in reading order, and its parts, outer ones before inner ones.
#[derive(Debug, Default)]
pub(super) struct Flat {
    pub(super) blocks: Vec<FlatBlock>,
    pub(super) parts: Vec<Part>,
}

/// What the walk is told.
pub(super) struct Manner {
    /// In a template, `{{expressions}}` become dots.
    pub(super) is_template: bool,
    /// Bytes of HTML after which the rest is left out.
    pub(super) max_bytes: usize,
    /// Elements that may be open inside each other in a frame's own page.
    pub(super) max_depth: usize,
}

/// The blocks of everything below `root`.
pub(super) fn flatten(root: &NodeRef<'_>, document: &Document, manner: &Manner) -> Flat {
    let mut flattener = Flattener {
        controlled: element::controlled_ids(document),
        room: manner.max_bytes,
        is_template: manner.is_template,
        max_depth: manner.max_depth,
        ..Flattener::default()
    };
    let part = flattener.open_part(Role::Plain, false);
    flattener.visit_children(root);
    flattener.close_part(part);
    flattener.flat
}

/// Text as HTML, so that the renderer reads it as text again.
pub(super) fn push_escaped(html: &mut String, c: char) {
    match c {
        '<' => html.push_str("&lt;"),
        '>' => html.push_str("&gt;"),
        '&' => html.push_str("&amp;"),
        // The renderer's own marks must not come from the page.
        '\u{E000}'..='\u{F8FF}' => {}
        _ => html.push(c),
    }
}

#[derive(Default)]
pub(super) struct Flattener {
    pub(super) flat: Flat,
    /// The part that blocks go to now.
    pub(super) part: usize,
    /// How many sections of the page are open.
    pub(super) sections: usize,
    /// The open block's HTML.
    pub(super) html: String,
    pub(super) spacing: Spacing,
    pub(super) ink: Ink,
    /// What the open block will be; a paragraph if nothing else was said.
    pub(super) kind: Option<BlockKind>,
    /// The list item's marker that waits for the item's first text.
    pub(super) marker: Option<String>,
    /// Inside a list item, blocks run on in one line.
    pub(super) runs_on: bool,
    pub(super) lists: Vec<List>,
    pub(super) controlled: HashSet<String>,
    /// Abbreviations that were spelled out.
    pub(super) spelled: HashSet<String>,
    pub(super) is_template: bool,
    pub(super) in_frame: bool,
    pub(super) max_depth: usize,
    pub(super) room: usize,
}

impl Flattener {
    pub(super) fn visit_children(&mut self, node: &NodeRef<'_>) {
        let mut child = node.first_child();
        while let Some(node) = child {
            self.visit(&node);
            child = node.next_sibling();
        }
    }

    pub(super) fn visit(&mut self, node: &NodeRef<'_>) {
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
        if SKIPPED.contains(&&*name) {
            return;
        }
        let sight = element::sight(node, &element, &self.controlled);
        if sight == Sight::Unseen {
            return;
        }
        let is_table = matches!(
            attribute(&element, "role"),
            Some("table" | "grid" | "treegrid")
        );
        let role = element::role(&element, self.sections > 0);
        let is_section = is_section(&element);
        let is_block = is_block(&element);
        drop(element);
        match &*name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.visit_heading(node, &name),
            "ul" | "ol" | "dl" if role != Role::Furniture => self.visit_list(node, &name),
            "li" => self.visit_item(node),
            "dt" => self.begin_term(node),
            "dd" => self.continue_term(node),
            "pre" | "listing" | "xmp" => self.visit_preformatted(node),
            "table" if !is_table => self.visit_table(node),
            "iframe" => self.visit_frame(node),
            _ if is_table => self.visit_table(node),
            _ if is_block || matches!(role, Role::Furniture | Role::Main | Role::ArticleBody) => {
                self.sections += usize::from(is_section);
                self.visit_block(node, role, sight == Sight::Closed);
                self.sections -= usize::from(is_section);
            }
            _ => self.visit_inline(node, &name),
        }
    }

    fn visit_block(&mut self, node: &NodeRef<'_>, role: Role, is_closed: bool) {
        // A part inside a list item would tear the item's line apart, unless it is none of it.
        if (self.runs_on && role != Role::Furniture) || node.has_name("p") {
            self.break_paragraph();
            self.visit_children(node);
            self.break_paragraph();
            return;
        }
        let part = self.open_part(role, is_closed);
        let runs_on = std::mem::replace(&mut self.runs_on, false);
        self.visit_children(node);
        self.runs_on = runs_on;
        self.close_part(part);
    }

    fn open_part(&mut self, role: Role, is_closed: bool) -> usize {
        self.end_block();
        let parent = (!self.flat.parts.is_empty()).then_some(self.part);
        let begin = self.flat.blocks.len();
        self.flat.parts.push(Part {
            role,
            is_closed,
            parent,
            blocks: begin..begin,
        });
        self.part = self.flat.parts.len() - 1;
        self.part
    }

    fn close_part(&mut self, part: usize) {
        self.end_block();
        self.flat.parts[part].blocks.end = self.flat.blocks.len();
        self.part = self.flat.parts[part].parent.unwrap_or(0);
    }

    /// Ends the open block, unless it runs on.
    pub(super) fn break_paragraph(&mut self) {
        if self.runs_on {
            self.spacing.part();
        } else {
            self.end_block();
        }
    }

    pub(super) fn end_block(&mut self) {
        let html = std::mem::take(&mut self.html);
        let ink = self.ink.take();
        let kind = self.kind.take().unwrap_or(BlockKind::Paragraph);
        self.spacing.begin();
        if !has_words(&html.replace("<br>", "")) {
            return;
        }
        let html = match self.marker.take() {
            Some(marker) if kind == BlockKind::ListItem => format!("{marker}{}", html.trim_start()),
            Some(_) | None => html,
        };
        self.flat.blocks.push(FlatBlock {
            kind,
            html,
            ink,
            part: self.part,
        });
    }

    fn visit_heading(&mut self, node: &NodeRef<'_>, name: &str) {
        let digit = name
            .as_bytes()
            .get(1)
            .map_or(6, |digit| digit.saturating_sub(b'0'));
        self.end_block();
        self.marker = None;
        self.kind = Some(BlockKind::Heading(digit));
        let runs_on = std::mem::replace(&mut self.runs_on, true);
        self.visit_children(node);
        self.end_block();
        // An item with a heading of its own is a section, not a line.
        self.runs_on = runs_on && self.lists.is_empty();
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
            child = node.next_sibling();
            if node.is_text() {
                self.push_verbatim(&node.text());
                continue;
            }
            let Some(element) = node.element_ref() else {
                continue;
            };
            let is_line = is_block(&element) || matches!(&*element.name.local, "li" | "tr");
            let is_unseen = element::sight(&node, &element, &self.controlled) == Sight::Unseen;
            let is_break = &*element.name.local == "br";
            drop(element);
            if is_unseen {
                continue;
            }
            if is_break {
                self.html.push('\n');
            }
            // A line that is an element of its own ends where the element ends.
            self.begin_line(is_line);
            self.push_preformatted(&node);
            self.begin_line(is_line);
        }
    }

    fn begin_line(&mut self, is_line: bool) {
        if is_line && !self.html.is_empty() && !self.html.ends_with('\n') {
            self.html.push('\n');
        }
    }

    /// A page inside the page, as long as it is written into the page itself.
    fn visit_frame(&mut self, node: &NodeRef<'_>) {
        let Some(source) = node.attr("srcdoc").filter(|_| !self.in_frame) else {
            return;
        };
        let Ok(lean) = super::guard::lean_markup(&source, self.max_depth) else {
            return;
        };
        let document = Document::from(lean.html.as_str());
        if super::guard::check_tree(&document.root(), self.max_depth).is_ok()
            && let Some(body) = document.body()
        {
            self.in_frame = true;
            self.visit_block(&body, Role::Plain, false);
            self.in_frame = false;
        }
    }
}
