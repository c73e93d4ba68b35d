//! Lists: their items and markers, terms and their meanings.

use dom_query::NodeRef;

use super::super::builder::has_words;
use super::flatten::Flattener;
use super::numbering::List;
use crate::model::extracted::BlockKind;

impl Flattener {
    pub(super) fn visit_list(&mut self, node: &NodeRef<'_>, name: &str) {
        self.end_block();
        let runs_on = std::mem::replace(&mut self.runs_on, false);
        self.lists.push(List::of(node, name));
        self.visit_children(node);
        self.lists.pop();
        self.end_block();
        self.runs_on = runs_on && !self.lists.is_empty();
    }

    pub(super) fn visit_item(&mut self, node: &NodeRef<'_>) {
        self.end_block();
        let marker = self.lists.last_mut().map(|list| list.next_marker(node));
        self.marker = Some(marker.unwrap_or_else(|| "- ".to_owned()));
        self.kind = Some(BlockKind::ListItem);
        self.runs_on = true;
        self.visit_children(node);
        self.end_block();
        self.runs_on = false;
        self.marker = None;
    }

    pub(super) fn begin_term(&mut self, node: &NodeRef<'_>) {
        self.visit_open_item(node, true);
    }

    /// `term: definition` in one line, when the term was all there is so far.
    pub(super) fn continue_term(&mut self, node: &NodeRef<'_>) {
        let follows_term = self.kind == Some(BlockKind::ListItem) && has_words(&self.html);
        if follows_term {
            let end = self.html.trim_end().len();
            self.html.truncate(end);
            let is_closed = self.html.ends_with([':', '?', '.', '!']);
            self.html.push_str(if is_closed { " " } else { ": " });
            self.spacing.begin();
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
}
