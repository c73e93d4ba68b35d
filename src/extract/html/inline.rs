//! What stands inside a line: links, buttons, fields, pictures, abbreviations, struck text.

use std::borrow::Cow;

use dom_query::NodeRef;

use super::super::builder::has_words;
use super::element::attribute;
use super::flatten::{Flattener, push_escaped};
use crate::model::extracted::BlockKind;

/// Properties of schema.org that say who made a page and when.
const CREDIT_PROPERTIES: &[&str] = &["author", "datePublished", "dateModified", "publisher"];
/// Longer words in a pointer's note are sentences, not what letters stand for.
const MAX_SPELLED_CHARS: usize = 100;

impl Flattener {
    pub(super) fn visit_inline(&mut self, node: &NodeRef<'_>, name: &str) {
        match name {
            "br" => {
                self.html.push_str("<br>");
                self.spacing.begin();
            }
            "a" => self.visit_link(node),
            "button" => self.visit_button(node),
            "input" => self.visit_input(node),
            "select" => self.visit_select(node),
            "img" => self.visit_picture(node),
            "sup" => self.visit_superscript(node),
            "q" => self.enclose(node, "“", "”"),
            "del" | "s" | "strike" => self.enclose(node, "~~", "~~"),
            "abbr" | "acronym" => self.visit_abbreviation(node),
            "time" => self.visit_credit(node),
            _ if is_credit(node) => self.visit_credit(node),
            _ => {
                let is_cell = node
                    .attr("style")
                    .is_some_and(|style| super::element::declares(&style, "display", "table-cell"));
                if is_cell {
                    self.spacing.part();
                }
                self.visit_children(node);
            }
        }
    }

    pub(super) fn push_text(&mut self, text: &str) {
        if self.kind == Some(BlockKind::Preformatted) {
            self.push_verbatim(text);
            return;
        }
        let text = if self.is_template {
            without_expressions(text)
        } else {
            Cow::Borrowed(text)
        };
        let before = self.html.len();
        for c in text.chars() {
            if let Some(space) = self.spacing.read(c) {
                self.html.extend(space.then_some(' '));
                push_escaped(&mut self.html, c);
                self.ink.add(c);
            }
        }
        self.room = self.room.saturating_sub(self.html.len() - before);
    }

    pub(super) fn push_verbatim(&mut self, text: &str) {
        let before = self.html.len();
        for c in text.chars() {
            push_escaped(&mut self.html, c);
            self.ink.add(c);
        }
        self.room = self.room.saturating_sub(self.html.len() - before);
    }

    fn enclose(&mut self, node: &NodeRef<'_>, before: &str, after: &str) {
        if !has_words(&node.text()) {
            return;
        }
        self.push_text(before);
        self.spacing.join();
        self.visit_children(node);
        self.html.push_str(after);
    }

    fn visit_link(&mut self, node: &NodeRef<'_>) {
        let leads_away = node.attr("href").is_some_and(|href| {
            let href = href.trim();
            let is_own =
                href.starts_with('#') || href.starts_with("tel:") || href.starts_with("mailto:");
            !is_own && !href.is_empty()
        });
        // The sign that links a heading to itself.
        if !leads_away && node.has_attr("href") && is_sign(node) {
            return;
        }
        let outer = self.ink;
        self.ink.in_link |= leads_away;
        self.ink.in_credit |= is_credit(node);
        self.visit_children(node);
        self.ink.in_link = outer.in_link;
        self.ink.in_credit = outer.in_credit;
    }

    /// A button in a line or heading is text; alone it is a control, unless it opens something.
    fn visit_button(&mut self, node: &NodeRef<'_>) {
        let opens = [
            "aria-controls",
            "aria-expanded",
            "data-target",
            "data-bs-target",
        ]
        .iter()
        .any(|name| node.has_attr(name));
        let outer = self.ink.in_button;
        self.ink.in_button |= !opens;
        self.spacing.part();
        self.visit_children(node);
        self.spacing.part();
        self.ink.in_button = outer;
    }

    /// The words on a button, or in a field that stands in a line.
    fn visit_input(&mut self, node: &NodeRef<'_>) {
        let kind = node.attr("type").map(|kind| kind.to_ascii_lowercase());
        let attribute = match kind.as_deref() {
            Some("submit" | "button" | "reset") => "value",
            Some("image") => "alt",
            None | Some("text" | "number" | "url" | "email" | "tel" | "date" | "time")
                if !self.html.trim().is_empty() =>
            {
                "value"
            }
            Some(_) | None => return,
        };
        if let Some(words) = node.attr(attribute) {
            let outer = std::mem::replace(&mut self.ink.in_button, true);
            self.spacing.part();
            self.push_text(&words);
            self.spacing.part();
            self.ink.in_button = outer;
        }
    }

    /// Of a list to choose from, what stands in the line.
    fn visit_select(&mut self, node: &NodeRef<'_>) {
        if self.html.trim().is_empty() {
            return;
        }
        let options = || node.descendants_it().filter(|node| node.has_name("option"));
        let chosen = options().find(|option| option.has_attr("selected"));
        if let Some(option) = chosen.or_else(|| options().next()) {
            self.push_text(&option.text());
        }
    }

    /// A picture speaks where it stands for a word: in a line that has begun and not ended, or alone
    /// in a cell, an item or a heading.
    fn visit_picture(&mut self, node: &NodeRef<'_>) {
        let is_alone = self.html.trim().is_empty();
        let speaks = match self.spacing.last() {
            Some(last) if !is_alone => !matches!(last, '.' | '!' | '?' | '。' | ':'),
            Some(_) | None => self.runs_on && is_alone && is_only_child(node),
        };
        if let Some(words) = node.attr("alt").filter(|_| speaks) {
            self.spacing.part();
            self.push_text(&words);
            self.spacing.part();
        }
    }

    /// Powers and ordinals are text; footnote links are not.
    fn visit_superscript(&mut self, node: &NodeRef<'_>) {
        let text = node.text();
        let text = text.trim();
        let is_linked = node.descendants_it().any(|node| node.has_name("a"))
            || node.ancestors_it(Some(2)).any(|node| node.has_name("a"));
        if is_linked || text.starts_with('[') || text.is_empty() {
            return;
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            self.html.push_str("<sup>");
            self.push_text(text);
            self.html.push_str("</sup>");
        } else {
            self.visit_children(node);
        }
    }

    /// Spelled out once, in brackets behind it.
    fn visit_abbreviation(&mut self, node: &NodeRef<'_>) {
        self.visit_children(node);
        let Some(title) = node.attr("title") else {
            return;
        };
        let short = node.text();
        let is_words = title.chars().any(char::is_alphabetic)
            && title.chars().count() <= MAX_SPELLED_CHARS
            && title.chars().filter(char::is_ascii_digit).count() * 3 < title.chars().count();
        let is_new = title.trim() != short.trim() && self.spelled.insert(short.trim().to_owned());
        if is_words && is_new {
            self.push_text(&format!(" ({})", title.trim()));
        }
    }

    fn visit_credit(&mut self, node: &NodeRef<'_>) {
        let outer = std::mem::replace(&mut self.ink.in_credit, true);
        self.visit_children(node);
        self.ink.in_credit = outer;
    }
}

/// Whether the markup says that the words name an author or a date.
fn is_credit(node: &NodeRef<'_>) -> bool {
    node.element_ref().is_some_and(|element| {
        let holds = |name: &str, words: &[&str]| {
            attribute(&element, name).is_some_and(|value| {
                value
                    .split_ascii_whitespace()
                    .any(|word| words.contains(&word))
            })
        };
        holds("rel", &["author"]) || holds("itemprop", CREDIT_PROPERTIES)
    })
}

/// Whether there is nothing to read, only something to press.
fn is_sign(node: &NodeRef<'_>) -> bool {
    !has_words(&node.text()) || matches!(node.text().trim(), "🔗" | "⚓")
}

/// Whether an element has no neighbours with words.
fn is_only_child(node: &NodeRef<'_>) -> bool {
    let is_empty = |node: Option<NodeRef<'_>>| {
        node.is_none_or(|node| node.is_text() && !has_words(&node.text()))
    };
    is_empty(node.prev_sibling()) && is_empty(node.next_sibling())
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
