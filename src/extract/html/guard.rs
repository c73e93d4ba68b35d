//! Refuses pages that would stop a parser, before any parser sees them.
//!
//! HTML parsers and readability scores take time that grows with the square of the nesting depth,
//! so a page of a few hundred kilobytes can occupy a core for minutes. This scan reads the markup
//! once and follows the standard's rules for implied end tags closely enough to know how deep the
//! tree will be. It may count too much on broken markup, and [`check_tree`] measures what it
//! missed once the tree exists.
//!
//! On the way it leaves out scripts, styles and comments. They are most of many pages, nothing of
//! them is content, and without them the parser sees what the scan saw.

use dom_query::NodeRef;

use super::super::ExtractError;
use super::markup::{Token, after_end_tag, raw_text_len};
use super::open_elements::OpenElements;

/// More elements than any document a person would read.
const MAX_ELEMENTS: usize = 300_000;
/// Parsers compare each attribute of an element with all others.
const MAX_ATTRIBUTES: usize = 1_000;

/// Elements left out with their content.
const DROPPED: &[&str] = &["script", "style"];
/// A page that parsers can be trusted with.
pub(super) struct Lean {
    /// The page without scripts, styles and comments.
    pub(super) html: String,
    /// A template or an included part: a page would say where its head or body is.
    pub(super) is_fragment: bool,
    /// The scripts that hold data about the page, not a program.
    pub(super) linked_data: Vec<String>,
}

/// Reads the markup; refuses it when its tree would be deeper than `max_depth` or larger than any
/// real page.
pub(super) fn lean_markup(html: &str, max_depth: usize) -> Result<Lean, ExtractError> {
    let mut lean = String::with_capacity(html.len());
    let (mut is_fragment, mut linked_data) = (true, Vec::new());
    // Of the open templates, which are shadow roots: a browser shows their content in place.
    let mut templates: Vec<bool> = Vec::new();
    let mut open = OpenElements::default();
    let mut elements = 0usize;
    let mut rest = html;
    while let Some(tag_start) = rest.find('<') {
        lean.push_str(&rest[..tag_start]);
        rest = &rest[tag_start..];
        let token_len = match Token::read(&rest[1..]) {
            Token::Comment(len) => {
                rest = &rest[1 + len..];
                continue;
            }
            Token::Skip(len) => 1 + len,
            Token::End { name, len } => {
                open.end(&name);
                if name == "template" && templates.pop() == Some(true) {
                    lean.push_str("</div>");
                    rest = &rest[1 + len..];
                    continue;
                }
                1 + len
            }
            Token::Start(tag) => {
                elements += 1;
                refuse_if(
                    tag.attributes > MAX_ATTRIBUTES,
                    "attributes",
                    MAX_ATTRIBUTES,
                )?;
                let content_len = raw_text_len(&tag, &rest[1 + tag.len..]);
                let head = &rest[1..=tag.len];
                if DROPPED.contains(&tag.name.as_str()) {
                    if tag.name == "script" && head.contains("ld+json") {
                        linked_data.push(rest[1 + tag.len..][..content_len].to_owned());
                    }
                    rest = after_end_tag(&rest[1 + tag.len + content_len..]);
                    continue;
                }
                is_fragment &= !matches!(tag.name.as_str(), "html" | "head" | "body");
                open.start(&tag);
                if tag.name == "template" {
                    templates.push(head.contains("shadowrootmode"));
                    if templates.last() == Some(&true) {
                        lean.push_str("<div>");
                        rest = &rest[1 + tag.len..];
                        continue;
                    }
                }
                1 + tag.len + content_len
            }
        };
        lean.push_str(&rest[..token_len]);
        rest = &rest[token_len..];
        refuse_if(open.depth() > max_depth, "open elements", max_depth)?;
        refuse_if(elements > MAX_ELEMENTS, "elements", MAX_ELEMENTS)?;
    }
    lean.push_str(rest);
    Ok(Lean {
        html: lean,
        is_fragment,
        linked_data,
    })
}

/// Refuses a parsed tree that is deeper than `max_depth` all the same.
pub(super) fn check_tree(root: &NodeRef<'_>, max_depth: usize) -> Result<(), ExtractError> {
    let mut depth = 0usize;
    let mut node = *root;
    loop {
        if let Some(child) = node.first_child() {
            node = child;
            depth += 1;
            // The document, its root and its text nodes are levels of their own.
            refuse_if(depth > max_depth + 3, "nested elements", max_depth)?;
            continue;
        }
        loop {
            if node.id == root.id {
                return Ok(());
            }
            if let Some(sibling) = node.next_sibling() {
                node = sibling;
                break;
            }
            let Some(parent) = node.parent() else {
                return Ok(());
            };
            node = parent;
            depth = depth.saturating_sub(1);
        }
    }
}

fn refuse_if(is_over: bool, what: &str, limit: usize) -> Result<(), ExtractError> {
    if is_over {
        return Err(ExtractError::OverLimit(format!("more than {limit} {what}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    const MAX: usize = 256;

    fn passes(html: &str) -> bool {
        lean_markup(html, MAX).is_ok()
    }

    fn tree_depth_is_within(html: &str, max_depth: usize) -> bool {
        check_tree(&dom_query::Document::from(html).root(), max_depth).is_ok()
    }

    fn numbered(before: &str, count: usize, after: &str) -> String {
        let mut text = String::new();
        for number in 0..count {
            write!(text, "{before}{number}{after}").unwrap();
        }
        text
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(passes(&"<div>".repeat(250)));
        assert!(!passes(&"<div>".repeat(257)));
        assert!(!passes(&"<div>".repeat(100_000)));
        assert!(!passes(&"<b><div>".repeat(20_000)));
        assert!(!passes(&"<span>".repeat(20_000)));
        assert!(!passes(&"<ul><li>".repeat(200)));
        assert!(!passes(&"<table><tr><td>".repeat(100)));
    }

    #[test]
    fn long_flat_pages_pass() {
        for piece in [
            "<p>text",
            "<li>text",
            "<br>",
            "<img src=x>",
            "<div>a</div>",
            "<tr><td>a<td>b",
            "<dt>a<dd>b",
            "<option>a",
            "<p><b>bold</p>",
            "<a href=x>y",
            "<DIV>a</div>",
            "<h2>a<h3>b</h3>",
            "<p><i>a",
        ] {
            assert!(
                passes(&format!("<table>{}", piece.repeat(5_000))),
                "{piece}"
            );
        }
    }

    #[test]
    fn reopened_formatting_counts_although_its_block_is_closed() {
        let mut html = String::new();
        for number in 0..300 {
            write!(html, "<div><b id={number}>x</div>").unwrap();
        }
        assert!(!passes(&html));
        assert!(!tree_depth_is_within(&html, MAX));
        assert!(passes(&"<div><b>x</div>".repeat(300)));
        let cells = numbered("<td><b id=", 300, ">x</td>");
        assert!(passes(&format!("<table><tr>{cells}")));
    }

    #[test]
    fn markup_inside_scripts_comments_and_attributes_does_not_count() {
        let deep = "<div>".repeat(1_000);
        for html in [
            format!("<script>{deep}</script>"),
            format!("<STYLE>{deep}</style>"),
            format!("<!--{deep}-->"),
            format!("<a title=\"{deep}\">x</a>"),
            format!("<textarea>{deep}"),
        ] {
            assert!(passes(&html));
        }
        assert!(!passes(&format!("<script></script>{deep}")));
        assert!(!passes(&format!("<!-->{deep}")));
        assert!(!passes(&format!("<a b\">{deep}")));
    }

    #[test]
    fn scripts_styles_and_comments_are_left_out() {
        let html = "a<script x='>'>1 < 2 </scripty></SCRIPT >b<!-- c --><style>d</style><p>e</p><!DOCTYPE f>1 < 2<";
        assert_eq!(
            lean_markup(html, MAX).unwrap().html,
            "ab<p>e</p><!DOCTYPE f>1 < 2<"
        );
        assert_eq!(
            lean_markup("<title>a<!--b</title>c", MAX).unwrap().html,
            "<title>a<!--b</title>c"
        );
    }

    #[test]
    fn self_closing_counts_only_in_foreign_content() {
        assert!(passes(&format!(
            "<svg>{}</svg>",
            "<path d='x'/>".repeat(1_000)
        )));
        assert!(!passes(&"<div/>".repeat(1_000)));
    }

    #[test]
    fn floods_of_elements_and_attributes_are_refused() {
        assert!(!passes(&"<br>".repeat(MAX_ELEMENTS + 1)));
        let attributes = numbered(" a", 2_000, "=1");
        assert!(!passes(&format!("<p{attributes}>")));
        assert!(!passes(&format!("<p{}>", attributes.replace(' ', "/"))));
        assert!(passes(&format!("<p title='{}'>", "x ".repeat(500_000))));
    }

    #[test]
    fn the_parsed_tree_is_measured_too() {
        assert!(tree_depth_is_within(&"<div>".repeat(200), MAX));
        assert!(!tree_depth_is_within(&"<div>".repeat(300), MAX));
        assert!(tree_depth_is_within("", 0));
    }

    #[test]
    fn broken_markup_ends_the_scan() {
        for html in [
            "<", "</", "<a", "<a b='", "<!", "<!--", "<?", "</>", "<é>", "<script", "<script>",
        ] {
            assert!(passes(html), "{html}");
        }
    }
}
