//! What the HTML and ARIA specifications say about an element: its part in the page, and whether a
//! visitor sees it. No name that an author chose is read here.

use std::collections::HashSet;

use dom_query::{Document, Element, NodeRef};

/// Elements that begin and end a paragraph. What is not here runs on in the line.
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
    "dir",
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
    "iframe",
    "legend",
    "main",
    "menu",
    "nav",
    "noscript",
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
];
/// Elements inside which a `header`, `footer` or `aside` belongs to a section, not to the page.
const SECTIONS: &[&str] = &["article", "aside", "main", "nav", "section"];
/// Roles of what stands around the content of a page.
const FURNITURE_ROLES: &[&str] = &[
    "navigation",
    "banner",
    "contentinfo",
    "search",
    "dialog",
    "alertdialog",
    "menu",
    "menubar",
    "toolbar",
    "doc-toc",
    "doc-pagelist",
];

/// The part that an element plays in its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing is said.
    Plain,
    /// The page's main content.
    Main,
    /// The text of an article, in the vocabulary of schema.org.
    ArticleBody,
    /// An article or a comment.
    Article,
    /// Navigation, banner, site footer, search, dialog.
    Furniture,
    /// Beside the content: of the page, or of a section.
    Aside,
    /// The end of a section or of a quote.
    SectionFooter,
    /// A form.
    Form,
    /// For visitors without scripts.
    Noscript,
    /// Words of others.
    Quote,
}

/// Whether a visitor sees an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// At once.
    Seen,
    /// When it is opened.
    Closed,
    /// Never.
    Unseen,
}

/// The value of an attribute.
pub(super) fn attribute<'a>(element: &'a Element, name: &str) -> Option<&'a str> {
    let found = element
        .attrs
        .iter()
        .find(|attribute| &*attribute.name.local == name)?;
    Some(&found.value)
}

/// Whether the element begins and ends a paragraph.
pub(super) fn is_block(element: &Element) -> bool {
    BLOCKS.contains(&&*element.name.local)
        || attribute(element, "style").is_some_and(|style| declares(style, "display", "block"))
}

/// The part that an element plays, given whether it is inside a section of the page.
pub(super) fn role(element: &Element, in_section: bool) -> Role {
    let named = attribute(element, "role").map(|role| role.trim().to_ascii_lowercase());
    if let Some(named) = named.as_deref().filter(|named| !named.is_empty()) {
        match named {
            "main" => return Role::Main,
            "article" => return Role::Article,
            "complementary" => return Role::Aside,
            _ if FURNITURE_ROLES.contains(&named) => return Role::Furniture,
            _ => {}
        }
    }
    if attribute(element, "itemprop").is_some_and(|name| name.contains("articleBody")) {
        return Role::ArticleBody;
    }
    match &*element.name.local {
        "main" => Role::Main,
        "article" => Role::Article,
        "nav" | "search" | "dialog" => Role::Furniture,
        "header" | "footer" if !in_section => Role::Furniture,
        "footer" => Role::SectionFooter,
        "aside" => Role::Aside,
        "form" => Role::Form,
        "noscript" => Role::Noscript,
        "blockquote" => Role::Quote,
        _ => Role::Plain,
    }
}

/// Whether what is inside belongs to a section of the page.
pub(super) fn is_section(element: &Element) -> bool {
    SECTIONS.contains(&&*element.name.local)
        || attribute(element, "role").is_some_and(|role| matches!(role, "main" | "article"))
}

/// The ids of what some control of the page opens.
pub(super) fn controlled_ids(document: &Document) -> HashSet<String> {
    const CONTROLS: &[&str] = &[
        "aria-controls",
        "href",
        "data-target",
        "data-bs-target",
        "popovertarget",
        "commandfor",
    ];
    let mut ids = HashSet::new();
    for node in document.root().descendants_it() {
        let Some(element) = node.element_ref() else {
            continue;
        };
        for value in CONTROLS.iter().filter_map(|name| attribute(&element, name)) {
            ids.extend(
                value
                    .split_ascii_whitespace()
                    .map(|id| id.trim_start_matches('#'))
                    .filter(|id| !id.is_empty())
                    .map(str::to_owned),
            );
        }
    }
    ids
}

/// Whether a visitor sees the element. What a script shows by changing a style can be opened; what is
/// `hidden` can be when a control names it, when it is a panel, or when it follows its own label.
pub(super) fn sight(node: &NodeRef<'_>, element: &Element, controlled: &HashSet<String>) -> Sight {
    if matches!(&*element.name.local, "html" | "body" | "main") {
        return Sight::Seen;
    }
    let is_controlled = || attribute(element, "id").is_some_and(|id| controlled.contains(id));
    let is_panel = || {
        attribute(element, "role").is_some_and(|role| matches!(role, "region" | "tabpanel"))
            || attribute(element, "aria-labelledby").is_some()
    };
    let closed_if = |can_open: bool| {
        if can_open {
            Sight::Closed
        } else {
            Sight::Unseen
        }
    };
    if attribute(element, "hidden").is_some_and(|value| !value.eq_ignore_ascii_case("until-found"))
    {
        return closed_if(is_controlled() || is_panel() || follows_label(node));
    }
    let is_styled = attribute(element, "style").is_some_and(|style| {
        declares(style, "display", "none") || declares(style, "visibility", "hidden")
    });
    let is_concealed =
        attribute(element, "aria-hidden").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if is_styled && !is_concealed {
        // Inside a line, a script can only show what it can name.
        let can_open = !is_inline(element) || attribute(element, "id").is_some() || is_panel();
        return closed_if(can_open);
    }
    if is_concealed {
        return closed_if(!is_inline(element));
    }
    Sight::Seen
}

fn is_inline(element: &Element) -> bool {
    let name = &*element.name.local;
    let is_part = matches!(
        name,
        "li" | "dd" | "dt" | "ul" | "ol" | "dl" | "table" | "pre"
    );
    !is_part && !BLOCKS.contains(&name)
}

/// Whether the element before is a heading, a term or a control: then it says what would open.
fn follows_label(node: &NodeRef<'_>) -> bool {
    let Some(before) = node.prev_element_sibling() else {
        return false;
    };
    let is_label = |node: &NodeRef<'_>| {
        [
            "h1", "h2", "h3", "h4", "h5", "h6", "dt", "summary", "button",
        ]
        .iter()
        .any(|name| node.has_name(name))
    };
    is_label(&before) || before.children_it(false).any(|child| is_label(&child))
}

/// Whether a style sets a property to a value.
pub(super) fn declares(style: &str, property: &str, value: &str) -> bool {
    style
        .split(';')
        .filter_map(|rule| rule.split_once(':'))
        .any(|(name, set)| {
            let set = set.split('!').next().unwrap_or_default().trim();
            name.trim().eq_ignore_ascii_case(property) && set.eq_ignore_ascii_case(value)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hiding_styles_hide() {
        assert!(declares("DISPLAY: none", "display", "none"));
        assert!(declares(
            "a:b; visibility : hidden !important",
            "visibility",
            "hidden"
        ));
        assert!(!declares("display: block", "display", "none"));
        assert!(!declares("display", "display", "none") && !declares("", "display", "none"));
    }

    fn sight_of(html: &str) -> Sight {
        let document = Document::from(html);
        let controlled = controlled_ids(&document);
        let found = document.select("#x");
        let node = found.nodes()[0];
        let element = node.element_ref().unwrap();
        sight(&node, &element, &controlled)
    }

    #[test]
    fn what_a_control_or_a_label_opens_is_closed_and_the_rest_of_hidden_is_unseen() {
        for closed in [
            "<button aria-controls=x>More</button><div id=x hidden>a</div>",
            "<a href='#x'>Tab</a><div id=x hidden>a</div>",
            "<div id=x role=tabpanel hidden>a</div>",
            "<h3>Label</h3><div id=x hidden>a</div>",
            "<div id=x style='display:none'>a</div>",
            "<p>a <span id=x style='display:none'>rest</span>",
        ] {
            assert_eq!(sight_of(closed), Sight::Closed, "{closed}");
        }
        assert_eq!(sight_of("<div id=x hidden>a</div>"), Sight::Unseen);
        assert_eq!(
            sight_of("<div id=x hidden=until-found>a</div>"),
            Sight::Seen
        );
        assert_eq!(sight_of("<p><i id=x aria-hidden=true>a</i>"), Sight::Unseen);
    }
}
