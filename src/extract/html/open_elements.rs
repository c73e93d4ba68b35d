//! Which elements are open after each tag, by the rules of the HTML standard.
//!
//! Only as exactly as [`super::guard`] needs: it may count an element too many on broken markup.

use super::markup::StartTag;

const VOID: &[&str] = &[
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input",
    "keygen", "link", "meta", "param", "source", "track", "wbr",
];
const FORMATTING: &[&str] = &[
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
];
/// Elements that end tags do not reach through.
const BARRIERS: &[&str] = &[
    "applet", "caption", "html", "table", "td", "th", "marquee", "object", "template",
];
/// Elements whose start tag ends an open paragraph.
const ENDS_PARAGRAPH: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "hr",
    "li",
    "dd",
    "dt",
    "main",
    "menu",
    "nav",
    "ol",
    "p",
    "pre",
    "search",
    "section",
    "summary",
    "table",
    "ul",
];
const ENDS_ITEM_SEARCH: &[&str] = &[
    "article",
    "aside",
    "blockquote",
    "details",
    "dl",
    "fieldset",
    "figure",
    "footer",
    "form",
    "header",
    "main",
    "nav",
    "ol",
    "section",
    "ul",
];

/// How many equal formatting elements the standard reopens in a new block.
const MAX_EQUAL_FORMATTING: usize = 3;

/// The stack of open elements and the list of formatting elements that new blocks reopen.
#[derive(Default)]
pub(super) struct OpenElements {
    stack: Vec<String>,
    /// `None` marks where a table cell begins.
    formatting: Vec<Option<(String, u64)>>,
    foreign: usize,
}

impl OpenElements {
    /// How deep the tree would be if text came next.
    pub(super) fn depth(&self) -> usize {
        self.stack.len() + self.formatting.len()
    }

    /// A start tag was read.
    pub(super) fn start(&mut self, tag: &StartTag) {
        let name = tag.name.as_str();
        if VOID.contains(&name) || (self.foreign > 0 && tag.is_self_closing) {
            return;
        }
        self.close_implied(name);
        if FORMATTING.contains(&name) {
            self.start_formatting(name, tag.fingerprint);
        }
        if BARRIERS.contains(&name) {
            self.formatting.push(None);
        }
        if matches!(name, "svg" | "math") {
            self.foreign += 1;
        }
        self.stack.push(tag.name.clone());
    }

    /// An end tag was read.
    pub(super) fn end(&mut self, name: &str) {
        if FORMATTING.contains(&name) {
            self.end_formatting(name);
        } else if BARRIERS.contains(&name) {
            self.close(
                &[name],
                &["table"].map(|table| if name == "table" { "" } else { table }),
            );
        } else {
            self.close(&[name], BARRIERS);
        }
    }

    /// Closes what the standard closes before an element of this name may open.
    fn close_implied(&mut self, name: &str) {
        match name {
            "li" => self.close(&["li"], &[ENDS_ITEM_SEARCH, BARRIERS].concat()),
            "dd" | "dt" => self.close(&["dd", "dt"], &[ENDS_ITEM_SEARCH, BARRIERS].concat()),
            "tr" => self.close(&["tr"], &["table", "template"]),
            "td" | "th" => self.close(&["td", "th"], &["tr", "table", "template"]),
            "tbody" | "thead" | "tfoot" => {
                self.close(
                    &["tbody", "thead", "tfoot", "caption", "colgroup"],
                    &["table", "template"],
                );
            }
            "option" | "optgroup" | "rb" | "rt" | "rtc" | "rp" => self.close_top(name),
            "button" => self.close(&["button"], BARRIERS),
            "a" | "nobr" => self.end_formatting(name),
            _ => {}
        }
        if ENDS_PARAGRAPH.contains(&name) {
            self.close(&["p"], &[BARRIERS, &["button"]].concat());
        }
        let closes_heading = matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6");
        if closes_heading && self.stack.last().is_some_and(|top| is_heading(top)) {
            self.truncate(self.stack.len() - 1);
        }
    }

    /// Closes the innermost of `names` and all inside it, unless one of `barriers` is in the way.
    fn close(&mut self, names: &[&str], barriers: &[&str]) {
        for at in (0..self.stack.len()).rev() {
            let open = self.stack[at].as_str();
            if names.contains(&open) {
                self.truncate(at);
                return;
            }
            if barriers.contains(&open) {
                return;
            }
        }
    }

    fn close_top(&mut self, name: &str) {
        let is_sibling =
            |top: &String| top == name || (name.starts_with('r') && top.starts_with('r'));
        if self.stack.last().is_some_and(is_sibling) {
            self.truncate(self.stack.len() - 1);
        }
    }

    fn truncate(&mut self, len: usize) {
        for name in self.stack.drain(len..).rev() {
            if BARRIERS.contains(&name.as_str()) {
                let marker = self.formatting.iter().rposition(Option::is_none);
                self.formatting.truncate(marker.unwrap_or(0));
            }
            if matches!(name.as_str(), "svg" | "math") {
                self.foreign -= 1;
            }
        }
    }

    fn start_formatting(&mut self, name: &str, fingerprint: u64) {
        let since_marker = self
            .formatting
            .iter()
            .rposition(Option::is_none)
            .map_or(0, |marker| marker + 1);
        let entry = Some((name.to_owned(), fingerprint));
        let equal: Vec<usize> = (since_marker..self.formatting.len())
            .filter(|at| self.formatting[*at] == entry)
            .collect();
        if equal.len() >= MAX_EQUAL_FORMATTING {
            self.formatting.remove(equal[0]);
        }
        self.formatting.push(entry);
    }

    /// Only the element itself ends; blocks opened inside it stay open.
    fn end_formatting(&mut self, name: &str) {
        for at in (0..self.formatting.len()).rev() {
            match &self.formatting[at] {
                None => break,
                Some((open, _)) if open == name => {
                    self.formatting.remove(at);
                    break;
                }
                Some(_) => {}
            }
        }
        for at in (0..self.stack.len()).rev() {
            if self.stack[at] == name {
                self.stack.remove(at);
                return;
            }
            if BARRIERS.contains(&self.stack[at].as_str()) {
                return;
            }
        }
    }
}

fn is_heading(name: &str) -> bool {
    matches!(name.as_bytes(), [b'h', b'1'..=b'6'])
}
