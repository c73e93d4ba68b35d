//! Finds the part of the page that a reader came for.
//!
//! Two opinions are heard. The page may mark its main part itself (`<main>`, `<article>`); and the
//! readability score of `dom_smoothie` finds where the prose is. The marked part is complete, with its
//! tables, lists and notes, but may drag in what the site puts below the text; the scored part is
//! clean, but may have lost pieces that are not prose. So the marked part is taken when the score
//! agrees that nearly all of it is content.

use dom_query::{Document, NodeRef, Selection};
use dom_smoothie::{Config, Readability};

/// The scored part must reach this share (in percent) of the marked part's text.
const AGREEMENT_PERCENT: usize = 80;
/// Less text than this is not a page's main part.
const MIN_CHARS: usize = 200;
/// Longer texts are split before the score reads them.
const LONG_TEXT_BYTES: usize = 16 * 1024;
/// Carries a heading's level through the score, which renames top headings.
pub(super) const LEVEL_ATTRIBUTE: &str = "data-heading-level";

const SCORED: &str = "#readability-page-1";
const MARKED: &[&str] = &["main, [role='main'], [itemprop='articleBody']", "article"];

const DECLARES_ARTICLE: &str = "meta[property='og:type'][content='article' i], meta[property^='article:'], \
     [itemtype$='Article'], [itemtype$='BlogPosting']";

/// A document and where its main content is.
pub(super) struct MainContent {
    document: Document,
    selector: Option<&'static str>,
}

impl MainContent {
    /// The element that holds the content.
    pub(super) fn root(&self) -> NodeRef<'_> {
        let found = self
            .selector
            .and_then(|selector| innermost_unique(&self.document, selector));
        found
            .or_else(|| self.document.body())
            .unwrap_or_else(|| self.document.root())
    }

    /// Everything that is left of the page.
    pub(super) fn whole(document: Document) -> Self {
        Self {
            document,
            selector: None,
        }
    }
}

/// Chooses the main content of a page that was cleared of furniture.
pub(super) fn find(document: Document, form: Form) -> MainContent {
    keep_heading_levels(&document);
    match form {
        Form::Fragment => MainContent::whole(document),
        Form::Article => scored_or_whole(document),
        Form::Page => marked_or_scored(document),
    }
}

/// What kind of page it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A template or an included part: all of it is content.
    Fragment,
    /// News and blog pages say so for social networks. Their marked part is rarely the text alone.
    Article,
    /// Everything else.
    Page,
}

impl Form {
    pub(super) fn of(document: &Document, is_fragment: bool) -> Self {
        if is_fragment {
            Self::Fragment
        } else if document.select_single(DECLARES_ARTICLE).exists() {
            Self::Article
        } else {
            Self::Page
        }
    }
}

fn marked_or_scored(document: Document) -> MainContent {
    let marked = MARKED
        .iter()
        .copied()
        .find(|selector| innermost_unique(&document, selector).is_some());
    let marked_chars = marked
        .and_then(|selector| innermost_unique(&document, selector))
        .map_or(0, |node| unlinked_chars(&node));
    let Some(scored) = scored(&document) else {
        return MainContent {
            document,
            selector: marked,
        };
    };
    let scored_chars = innermost_unique(&scored, SCORED).map_or(0, |node| unlinked_chars(&node));
    let agrees = scored_chars * 100 >= marked_chars * AGREEMENT_PERCENT;
    if marked_chars > 0 && agrees && marked_chars * 100 >= scored_chars * AGREEMENT_PERCENT {
        MainContent {
            document,
            selector: marked,
        }
    } else if scored_chars >= MIN_CHARS || scored_chars * 2 >= body_chars(&document) {
        MainContent {
            document: scored,
            selector: Some(SCORED),
        }
    } else {
        MainContent {
            document,
            selector: marked.filter(|_| marked_chars > 0),
        }
    }
}

fn scored_or_whole(document: Document) -> MainContent {
    match scored(&document) {
        Some(scored) if is_enough(&scored, &document) => MainContent {
            document: scored,
            selector: Some(SCORED),
        },
        Some(_) | None => MainContent::whole(document),
    }
}

fn is_enough(scored: &Document, document: &Document) -> bool {
    let chars = innermost_unique(scored, SCORED).map_or(0, |node| unlinked_chars(&node));
    chars >= MIN_CHARS || chars * 2 >= body_chars(document)
}

fn scored(document: &Document) -> Option<Document> {
    let config = Config {
        disable_json_ld: true,
        ..Config::default()
    };
    let document = document.clone();
    split_long_texts(&document);
    let mut readability = Readability::with_document(document, None, Some(config)).ok()?;
    readability.parse().ok()?;
    Some(readability.doc)
}

/// The score also writes its result as HTML, in time that grows with the square of a text's length
/// when the text is full of signs to escape.
fn split_long_texts(document: &Document) {
    let root = document.root();
    let texts: Vec<NodeRef<'_>> = root.descendants_it().filter(NodeRef::is_text).collect();
    for node in texts {
        let text = node.text();
        if text.len() <= LONG_TEXT_BYTES {
            continue;
        }
        let mut rest: &str = &text;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(LONG_TEXT_BYTES));
            node.insert_before(&document.tree.new_text(piece));
            rest = after;
        }
        node.remove_from_parent();
    }
}

fn keep_heading_levels(document: &Document) {
    for heading in document.select("h1").nodes() {
        heading.set_attr(LEVEL_ATTRIBUTE, "1");
    }
}

/// The only element that the selector names, or the one inside all others it names.
fn innermost_unique<'a>(document: &'a Document, selector: &str) -> Option<NodeRef<'a>> {
    let found = document.select(selector);
    let innermost = *found.nodes().last()?;
    let is_chain = found
        .nodes()
        .iter()
        .all(|node| node.id == innermost.id || is_inside(&innermost, node));
    is_chain.then_some(innermost)
}

fn is_inside(node: &NodeRef<'_>, outer: &NodeRef<'_>) -> bool {
    node.ancestors_it(None)
        .any(|ancestor| ancestor.id == outer.id)
}

fn body_chars(document: &Document) -> usize {
    document.body().map_or(0, |body| unlinked_chars(&body))
}

/// Characters outside of links, which are what navigation has few of.
fn unlinked_chars(node: &NodeRef<'_>) -> usize {
    let linked: usize = Selection::from(*node)
        .select("a")
        .nodes()
        .iter()
        .map(NodeRef::normalized_char_count)
        .sum();
    node.normalized_char_count().saturating_sub(linked)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROSE: &str = "<p>A heat pump takes heat from the air outside, brings it into the home, and does so even \
                         when it is cold, which surprises many people, as it seems to come from nowhere.</p>";

    fn text_of(html: &str) -> String {
        let document = Document::from(html);
        let form = Form::of(&document, false);
        find(document, form).root().text().to_string()
    }

    #[test]
    fn the_marked_part_is_taken_whole() {
        let html = format!(
            "<body><p>Shell</p><main><div role=main><h1>T</h1>{PROSE}{PROSE}{PROSE}<ul><li>Note</ul></div></main></body>"
        );
        let text = text_of(&html);
        assert!(
            text.contains("Note") && text.contains('T') && !text.contains("Shell"),
            "{text}"
        );
    }

    #[test]
    fn the_score_finds_prose_that_is_not_marked() {
        let links = "<a href=x>Somewhere else</a> ".repeat(20);
        let html = format!(
            "<body><div id=shell>{links}</div><div><div>{PROSE}{PROSE}{PROSE}</div></div></body>"
        );
        let text = text_of(&html);
        assert!(
            text.contains("heat pump") && !text.contains("Somewhere"),
            "{text}"
        );
    }

    #[test]
    fn long_texts_are_split_without_loss() {
        let long = "é&< ".repeat(LONG_TEXT_BYTES);
        let document = Document::from(format!(
            "<p>{}",
            long.replace('&', "&amp;").replace('<', "&lt;")
        ));
        split_long_texts(&document);
        assert_eq!(document.select("p").text().as_ref(), long);
        assert!(document.select("p").nodes()[0].children().len() > 4);
    }

    #[test]
    fn the_form_is_read_from_the_head() {
        let of = |html: &str| Form::of(&Document::from(html), false);
        assert_eq!(
            of("<meta property='og:type' content='Article'>"),
            Form::Article
        );
        assert_eq!(
            of("<meta property='og:type' content='website'>"),
            Form::Page
        );
        assert_eq!(Form::of(&Document::from("x"), true), Form::Fragment);
    }
}
