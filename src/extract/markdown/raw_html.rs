//! Raw HTML inside Markdown: single tags in running text, and blocks.

use std::collections::HashSet;

use super::super::builder::has_words;
use super::super::html;
use crate::model::Extracted;

/// Elements that the HTML standard gives no content.
const VOID: [&str; 13] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
];
/// Elements whose end tag the HTML standard lets authors leave out.
const OPEN_ENDED: [&str; 18] = [
    "body", "colgroup", "dd", "dt", "head", "html", "li", "optgroup", "option", "p", "rp", "rt",
    "tbody", "td", "tfoot", "th", "thead", "tr",
];
/// Attributes whose value the HTML standard means for people.
const WORDED: [&str; 3] = ["label", "title", "alt"];

/// One tag of the source.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    pub(super) is_end: bool,
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    /// Reads `<name …>` or `</name>`; `None` for comments and anything else.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let inner = text.strip_prefix('<')?.strip_suffix('>')?;
        let (is_end, inner) = inner
            .strip_prefix('/')
            .map_or((false, inner), |inner| (true, inner));
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        let end = inner.find(|c: char| !is_name(c)).unwrap_or(inner.len());
        let name = &inner[..end];
        name.starts_with(char::is_alphabetic).then_some(Self {
            name,
            is_end,
            attributes: inner[end..].trim(),
        })
    }

    /// Whether the element's name is `name`.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value of a quoted attribute, its character references replaced.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let mut rest = self.attributes;
        while let Some((before, after)) = rest.split_once('=') {
            let found = before.split_whitespace().next_back()?;
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (value, tail) = match quote {
                Some(quote) => after[1..].split_once(quote)?,
                None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
            };
            if found.eq_ignore_ascii_case(name) {
                return Some(unescape(value));
            }
            rest = tail;
        }
        None
    }

    /// Whether this is no tag but a placeholder such as `<pod-name>` or `<INPUT FILE>`: words alone,
    /// which nothing closes and no element without an end could be.
    pub(super) fn is_placeholder(&self, ended: &Ended) -> bool {
        let name = self.name.to_ascii_lowercase();
        let stands_alone =
            OPEN_ENDED.contains(&name.as_str()) || matches!(name.as_str(), "br" | "hr" | "wbr");
        let has_words_alone = !self.attributes.contains(['=', '/', '{']);
        !self.is_end && has_words_alone && !stands_alone && !ended.names.contains(&name)
    }

    /// Whether it breaks running text.
    pub(super) fn is_break(&self) -> bool {
        let name = self.name.to_ascii_lowercase();
        matches!(name.as_str(), "br" | "hr" | "div") || OPEN_ENDED.contains(&name.as_str())
    }

    /// Words for people in the attributes of a component (`<TabItem label="Linux">`).
    fn worded_attributes(&self) -> impl Iterator<Item = String> + '_ {
        let is_component = self.name.starts_with(char::is_uppercase);
        let names = WORDED.iter().filter(move |_| is_component && !self.is_end);
        names.filter_map(|name| self.attribute(name))
    }
}

/// The names of all elements that are closed somewhere in a file.
#[derive(Debug, Default)]
pub(super) struct Ended {
    names: HashSet<String>,
}

impl Ended {
    pub(super) fn of(source: &str) -> Self {
        let ends = source.split("</").skip(1);
        let is_name = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        let names = ends.map(|end| end.chars().take_while(is_name).collect::<String>());
        Self {
            names: names.map(|name| name.to_ascii_lowercase()).collect(),
        }
    }
}

/// What a block of HTML says.
pub(super) enum Said {
    /// Blocks that the reader of HTML found.
    Blocks(Box<Extracted>),
    /// Running text.
    Words(String),
}

/// Reads a block as a page would be read; what that does not keep is kept as words.
pub(super) fn read_block(source: &str, ended: &Ended) -> Vec<Said> {
    let (mut labels, mut literal, mut text) = (Vec::new(), Vec::new(), String::new());
    let mut skipped: Option<String> = None;
    for piece in pieces(source) {
        let Some(tag) = Tag::read(piece) else {
            if !piece.starts_with("<!--") && skipped.is_none() {
                text.push_str(piece);
            }
            continue;
        };
        if skipped
            .as_deref()
            .is_some_and(|name| tag.is_end && tag.is(name))
        {
            skipped = None;
        } else if !tag.is_end && (tag.is("script") || tag.is("style")) {
            skipped = Some(tag.name.to_owned());
        }
        if tag.is_placeholder(ended) && !is_known_void(&tag) {
            literal.push(piece);
            text.push_str(piece);
        } else {
            labels.extend(tag.worded_attributes());
            text.push(' ');
        }
    }
    let mut said: Vec<Said> = labels.into_iter().map(Said::Words).collect();
    if !literal.is_empty() {
        said.push(Said::Words(unescape(&text)));
        return said;
    }
    let has_content = has_words(&text) || source.contains("<img");
    if has_content {
        let read = html::extract(source.as_bytes(), Some("utf-8"), &html::Limits::default());
        said.push(read.map_or_else(
            |_| Said::Words(unescape(&text)),
            |extracted| Said::Blocks(Box::new(extracted)),
        ));
    }
    said
}

fn is_known_void(tag: &Tag<'_>) -> bool {
    VOID.contains(&tag.name.to_ascii_lowercase().as_str())
}

/// Tags, comments and the text between them.
fn pieces(source: &str) -> impl Iterator<Item = &str> {
    let mut rest = source;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = if rest.starts_with("<!--") {
            rest.find("-->").map_or(rest.len(), |at| at + 3)
        } else if rest.starts_with('<') {
            rest.find('>').map_or(rest.len(), |at| at + 1)
        } else {
            rest.find('<').unwrap_or(rest.len())
        };
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

/// How many tables a piece of HTML leaves open.
pub(super) fn open_tables(source: &str) -> isize {
    let tags = pieces(source)
        .filter_map(Tag::read)
        .filter(|tag| tag.is("table"));
    tags.map(|tag| if tag.is_end { -1 } else { 1 }).sum()
}

/// Replaces the character references that attributes and fallback text have.
fn unescape(text: &str) -> String {
    quick_xml::escape::unescape_with(text, |name| match name {
        "nbsp" => Some("\u{A0}"),
        other => quick_xml::escape::resolve_predefined_entity(other).or(Some("")),
    })
    .map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_told_from_tags() {
        let source = "Run <pod-name> on <host>; <b>bold</b> <p> <br> <Tab/>";
        let ended = Ended::of(source);
        let is_placeholder = |text| Tag::read(text).unwrap().is_placeholder(&ended);
        for text in ["<pod-name>", "<host>", "<INPUT FILE>"] {
            assert!(is_placeholder(text), "{text}");
        }
        for tag in [
            "<b>",
            "</b>",
            "<p>",
            "<br>",
            "<Tab/>",
            "<a href='x'>",
            "<B />",
        ] {
            assert!(!is_placeholder(tag), "{tag}");
        }
        assert_eq!(Tag::read("<!-- x -->"), None);
    }

    #[test]
    fn attributes_are_read_quoted_or_bare() {
        let tag = Tag::read("<a title=\"x = y\" HREF='/a?b=1&amp;c' id=z>").unwrap();
        assert_eq!(tag.attribute("href").as_deref(), Some("/a?b=1&c"));
        assert_eq!(tag.attribute("id").as_deref(), Some("z"));
        assert_eq!(tag.attribute("rel"), None);
    }
}
