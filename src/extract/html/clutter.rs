//! Takes out of a page what is not its content: what nobody sees, and what every page of a site
//! repeats around the content.
//!
//! The rules speak of what elements are and of what authors commonly call them, never of single
//! sites. A rule by name never removes most of a page's text.

use std::collections::HashMap;
use std::sync::LazyLock;

use dom_query::{Document, Element, NodeRef};

/// Elements without readable text, or with text that is not content.
const NEVER_CONTENT: &[&str] = &[
    "script", "style", "noscript", "template", "iframe", "object", "embed", "canvas", "svg",
    "audio", "video", "map", "button", "select", "input", "textarea", "datalist", "progress",
    "meter", "dialog", "nav", "link", "meta",
];
/// Elements that hold the page itself, whatever their attributes say.
const NEVER_CLUTTER: &[&str] = &["html", "head", "body", "main"];
/// ARIA roles of page furniture.
const CLUTTER_ROLES: &[&str] = &[
    "navigation",
    "banner",
    "contentinfo",
    "search",
    "complementary",
    "dialog",
    "alertdialog",
    "menu",
    "menubar",
    "toolbar",
    "tablist",
    "doc-toc",
    "directory",
];
/// Names of page furniture. Words in sequence: `share-bar` is found in `postShareBar_x1`.
const FURNITURE_NAMES: &[&str] = &[
    "breadcrumb",
    "breadcrumbs",
    "pagination",
    "pager",
    "paginator",
    "toc",
    "table-of-contents",
    "skip-link",
    "skip-links",
    "skip-to-content",
    "sr-only",
    "visually-hidden",
    "visuallyhidden",
    "screen-reader-text",
    "share",
    "sharing",
    "shares",
    "sharebar",
    "sharedaddy",
    "addthis",
    "addtoany",
    "social",
    "socials",
    "follow",
    "related",
    "recommended",
    "recommendations",
    "recirc",
    "recirculation",
    "read-more",
    "readmore",
    "read-next",
    "more-stories",
    "more-from",
    "see-also",
    "trending",
    "most-read",
    "most-popular",
    "popular-posts",
    "latest-news",
    "newsletter",
    "newsletters",
    "subscribe",
    "subscription",
    "signup",
    "sign-up",
    "paywall",
    "promo",
    "promotion",
    "advert",
    "adverts",
    "advertisement",
    "ad",
    "ads",
    "sponsored",
    "sponsor",
    "outbrain",
    "taboola",
    "cookie",
    "cookies",
    "gdpr",
    "consent",
    "onetrust",
    "cookiebot",
    "author-bio",
    "author-box",
    "author-info",
    "about-author",
    "byline",
    "bylines",
    "dateline",
    "timestamp",
    "tags",
    "taglist",
    "post-meta",
    "entry-meta",
    "article-meta",
    "masthead",
    "site-header",
    "page-footer",
    "footer",
    "sidebar",
    "popup",
    "modal",
    "overlay",
    "lightbox",
    "headerlink",
    "back-to-top",
    "prev-next",
    "post-navigation",
    "nav",
    "navigation",
    "navbar",
    "menu",
    "copyright",
    "feedback",
    "toolbar",
    "login",
    "search-form",
    "searchform",
    "editsection",
    "noprint",
    "navbox",
    "catlinks",
    "material-icons",
];
/// What the press sets around pictures. In guides and manuals, captions are part of the text.
const PICTURE_NAMES: &[&str] = &[
    "caption",
    "captions",
    "credit",
    "credits",
    "gallery",
    "slideshow",
    "carousel",
    "photo-count",
];
/// What readers wrote. A thread of comments is often longer than the page's own text.
const COMMENT_NAMES: &[&str] = &["comments", "comment", "commentlist", "disqus", "respond"];
/// Words that say a name describes a layout (`content-with-sidebar`) or holds content after all.
const EXCUSES: &[&str] = &[
    "with", "without", "has", "no", "not", "one", "two", "body", "content", "main", "embed",
    "enabled", "open", "closed", "type", "page", "layout", "theme", "col", "row", "number", "text",
];
/// Longer names are generated.
const MAX_NAME_CHARS: usize = 100;
/// Shorter paragraphs are labels more often than prose.
const PROSE_CHARS: usize = 80;

/// Removes what a reader does not see. Called before anything reads the page.
pub(super) fn remove_invisible(document: &Document) {
    prune(&document.root(), |node| {
        node.is_comment()
            || node
                .element_ref()
                .is_some_and(|element| is_invisible(&element))
    });
}

/// Removes what surrounds the content. Called after the title was read.
pub(super) fn remove_furniture(document: &Document, is_article: bool) {
    let root = document.root();
    let all = Amount::of(&root);
    // Each test of a name reads what is inside; names inside names must not make that quadratic.
    let mut budget = root.descendants_it().count().saturating_mul(4);
    prune(&root, |node| {
        let Some(furniture) = node.element_ref().and_then(|element| furniture(&element)) else {
            return false;
        };
        if budget == 0 || (furniture == Furniture::Picture && !is_article) {
            return false;
        }
        budget = budget.saturating_sub(node.descendants_it().count());
        let inside = Amount::of(node);
        match furniture {
            Furniture::Element => inside.is_within(all, 60, 80),
            Furniture::Named | Furniture::Picture => inside.is_within(all, 30, 50),
            Furniture::Comments => inside.is_within(all, 90, 90) && !holds_page(node),
        }
    });
}

/// How much text there is.
#[derive(Debug, Clone, Copy)]
struct Amount {
    /// Characters in paragraphs long enough to be prose.
    prose: usize,
    /// All characters.
    chars: usize,
}

impl Amount {
    fn of(node: &NodeRef<'_>) -> Self {
        let prose = node
            .descendants_it()
            .filter(|node| node.has_name("p"))
            .map(|paragraph| paragraph.normalized_char_count())
            .filter(|chars| *chars >= PROSE_CHARS)
            .sum();
        Self {
            prose,
            chars: node.normalized_char_count(),
        }
    }

    /// Whether this is at most these percentages of all.
    fn is_within(self, all: Self, prose_percent: usize, chars_percent: usize) -> bool {
        self.prose * 100 <= all.prose * prose_percent
            && self.chars * 100 <= all.chars * chars_percent
    }
}

/// How sure it is that an element is not content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Furniture {
    /// The markup says so.
    Element,
    /// Its name says so.
    Named,
    /// Its name says that it goes with a picture.
    Picture,
    /// Its name says that readers wrote it.
    Comments,
}

fn holds_page(node: &NodeRef<'_>) -> bool {
    node.descendants_it()
        .any(|node| node.has_name("h1") || node.has_name("main"))
}

/// Whether a text is only a sign that links to its own heading.
pub(super) fn is_permalink_sign(text: &str) -> bool {
    matches!(text.trim(), "#" | "¶" | "§" | "🔗" | "⚓" | "∞")
}

/// Walks the tree and takes out every node that `is_unwanted` names, with all inside it.
fn prune(root: &NodeRef<'_>, mut is_unwanted: impl FnMut(&NodeRef<'_>) -> bool) {
    let mut next = root.first_child();
    while let Some(node) = next {
        if is_unwanted(&node) {
            next = after_subtree(&node, root);
            node.remove_from_parent();
        } else {
            next = node.first_child().or_else(|| after_subtree(&node, root));
        }
    }
}

fn after_subtree<'a>(node: &NodeRef<'a>, root: &NodeRef<'a>) -> Option<NodeRef<'a>> {
    let mut node = *node;
    while node.id != root.id {
        if let Some(sibling) = node.next_sibling() {
            return Some(sibling);
        }
        node = node.parent()?;
    }
    None
}

fn is_invisible(element: &Element) -> bool {
    let name: &str = &element.name.local;
    if NEVER_CLUTTER.contains(&name) {
        return false;
    }
    let is_head_data = matches!(name, "meta" | "link");
    (NEVER_CONTENT.contains(&name) && !is_head_data) || is_hidden(element)
}

fn is_hidden(element: &Element) -> bool {
    element.attrs.iter().any(|attribute| {
        let value: &str = &attribute.value;
        match &*attribute.name.local {
            "hidden" => !value.eq_ignore_ascii_case("until-found"),
            "aria-hidden" => value.eq_ignore_ascii_case("true"),
            "style" => hides(value),
            _ => false,
        }
    })
}

fn hides(style: &str) -> bool {
    style
        .split(';')
        .filter_map(|rule| rule.split_once(':'))
        .any(|(property, value)| {
            let value = value.split('!').next().unwrap_or_default().trim();
            let is = |name: &str, of: &str| {
                property.trim().eq_ignore_ascii_case(name) && value.eq_ignore_ascii_case(of)
            };
            is("display", "none") || is("visibility", "hidden")
        })
}

fn furniture(element: &Element) -> Option<Furniture> {
    let name: &str = &element.name.local;
    if NEVER_CLUTTER.contains(&name)
        || matches!(name, "caption" | "td" | "th" | "tr" | "tbody" | "table")
    {
        return None;
    }
    if name == "footer" {
        return Some(Furniture::Element);
    }
    element.attrs.iter().find_map(|attribute| {
        let value: &str = &attribute.value;
        match &*attribute.name.local {
            "role" => CLUTTER_ROLES.contains(&value).then_some(Furniture::Element),
            "class" | "id" => value.split_ascii_whitespace().find_map(named_furniture),
            _ => None,
        }
    })
}

fn named_furniture(name: &str) -> Option<Furniture> {
    static NAMES: LazyLock<HashMap<&str, Furniture>> = LazyLock::new(|| {
        let named = FURNITURE_NAMES.iter().map(|name| (*name, Furniture::Named));
        let pictures = PICTURE_NAMES.iter().map(|name| (*name, Furniture::Picture));
        let comments = COMMENT_NAMES
            .iter()
            .map(|name| (*name, Furniture::Comments));
        named.chain(pictures).chain(comments).collect()
    });
    let name = spaced_words(name);
    let words = word_ranges(&name);
    let is_excused = words
        .iter()
        .any(|(start, end)| EXCUSES.contains(&&name[*start..*end]));
    let mut sequences = words.iter().enumerate().flat_map(|(at, (start, _))| {
        words[at..]
            .iter()
            .take(3)
            .map(|(_, end)| &name[*start..*end])
    });
    if is_excused {
        return None;
    }
    sequences.find_map(|sequence| NAMES.get(sequence)).copied()
}

fn word_ranges(name: &str) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for part in name.split('-') {
        if !part.is_empty() {
            ranges.push((start, start + part.len()));
        }
        start += part.len() + 1;
    }
    ranges
}

/// `postShare__bar` as `post-share-bar`.
fn spaced_words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let mut was_small = false;
    for c in name.chars().take(MAX_NAME_CHARS) {
        if c.is_ascii_uppercase() && was_small {
            words.push('-');
        }
        was_small = c.is_ascii_lowercase();
        let is_gap = !c.is_ascii_alphanumeric();
        if is_gap && words.ends_with('-') {
            continue;
        }
        words.push(if is_gap { '-' } else { c.to_ascii_lowercase() });
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_word_by_word() {
        for name in [
            "share",
            "post-share",
            "postShareBar",
            "js-cookie__notice",
            "site-footer",
            "SIDEBAR",
            "read_more",
        ] {
            assert_eq!(named_furniture(name), Some(Furniture::Named), "{name}");
        }
        for name in [
            "shareholder",
            "content",
            "entry-content-read-more",
            "has-sidebar",
            "adapt",
            "",
            "--",
        ] {
            assert_eq!(named_furniture(name), None, "{name}");
        }
        assert_eq!(named_furniture("comment-list"), Some(Furniture::Comments));
        assert_eq!(named_furniture("wp-caption"), Some(Furniture::Picture));
    }

    #[test]
    fn only_hiding_styles_hide() {
        assert!(hides("DISPLAY: none") && hides("a:b; visibility : hidden !important"));
        assert!(
            !hides("display: block") && !hides("display") && !hides("") && !hides("content: none")
        );
    }

    #[test]
    fn the_page_itself_is_never_hidden() {
        let document = Document::from(
            "<body style='display:none'><main aria-hidden=true>x<p hidden>y</p></main></body>",
        );
        remove_invisible(&document);
        assert_eq!(document.root().text().trim(), "x");
    }
}
