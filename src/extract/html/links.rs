//! Where a page leads.

use std::collections::HashSet;

use dom_query::{Document, NodeRef};

use super::element::{Sight, sight};

/// More links than a page for readers has.
const MAX_LINKS: usize = 2_000;
/// Longer addresses are not addresses.
const MAX_ADDRESS_BYTES: usize = 2_048;

/// The addresses of links that are seen at once, as written, in their order: links that only machines
/// see are traps. None of a page that asks for its links not to be
/// followed, and none of the links that ask for it themselves.
pub(super) fn links(document: &Document) -> Vec<String> {
    let asks = document
        .select("meta[name='robots' i][content], meta[name='wattwise' i][content]")
        .iter()
        .filter_map(|meta| meta.attr("content"))
        .any(|content| holds_word(&content, &["nofollow", "none"]));
    if asks {
        return Vec::new();
    }
    document
        .select("a[href], area[href]")
        .iter()
        .filter(|link| {
            !link
                .attr("rel")
                .is_some_and(|rel| holds_word(&rel, &["nofollow"]))
        })
        .filter(|link| link.nodes().first().is_some_and(is_seen))
        .filter_map(|link| link.attr("href"))
        .map(|href| href.trim().to_owned())
        .filter(|href| {
            !href.is_empty() && !href.starts_with('#') && href.len() <= MAX_ADDRESS_BYTES
        })
        .take(MAX_LINKS)
        .collect()
}

fn is_seen(link: &NodeRef<'_>) -> bool {
    let opened = HashSet::new();
    let is_open = |node: &NodeRef<'_>| {
        node.element_ref().is_none_or(|element| {
            !matches!(&*element.name.local, "noscript" | "template" | "dialog")
                && sight(node, &element, &opened) == Sight::Seen
        })
    };
    is_open(link) && link.ancestors_it(None).all(|node| is_open(&node))
}

/// What the page says that its links are relative to.
pub(super) fn base(document: &Document) -> Option<String> {
    let href = document.try_select("base[href]")?.attr("href")?;
    let href = href.trim();
    (!href.is_empty() && href.len() <= MAX_ADDRESS_BYTES).then(|| href.to_owned())
}

fn holds_word(text: &str, words: &[&str]) -> bool {
    text.split([',', ' ', '\t', '\n'])
        .any(|found| words.iter().any(|word| found.eq_ignore_ascii_case(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(html: &str) -> Vec<String> {
        links(&Document::from(html))
    }

    #[test]
    fn links_stand_as_written_and_in_order() {
        let html = "<a href=' /a '>x</a><nav><a HREF='b?x=1&amp;y=2'>y</a></nav><a name=c>z</a>\
                    <a href='#top'>t</a><map><area href=d></map>";
        assert_eq!(of(html), ["/a", "b?x=1&y=2", "d"]);
    }

    #[test]
    fn what_is_not_to_be_followed_is_not() {
        assert_eq!(
            of("<a href=a rel='external NoFollow'>x</a><a href=b rel=next>y</a>"),
            ["b"]
        );
        assert!(of("<meta name=Robots content='noindex,nofollow'><a href=a>x</a>").is_empty());
        assert!(of("<meta name=robots content=none><a href=a>x</a>").is_empty());
        assert_eq!(
            of("<meta name=robots content=noindex><a href=a>x</a>").len(),
            1
        );
    }

    #[test]
    fn links_that_nobody_sees_are_not_followed() {
        let html = "<p style='display:none'><a href=trap>x</a></p><div hidden><a href=trap>x</a></div>\
                    <noscript><a href=trap>x</a></noscript><a href=seen>y</a>";
        assert_eq!(of(html), ["seen"]);
    }

    #[test]
    fn a_flood_of_links_is_cut() {
        assert_eq!(of(&"<a href=x>y</a>".repeat(5_000)).len(), MAX_LINKS);
        assert!(of(&format!("<a href='{}'>x</a>", "x".repeat(5_000))).is_empty());
    }

    #[test]
    fn the_base_is_read() {
        let document = Document::from("<head><base href=' /x/ '></head>");
        assert_eq!(base(&document).as_deref(), Some("/x/"));
        assert_eq!(base(&Document::from("<p>x")), None);
    }
}
