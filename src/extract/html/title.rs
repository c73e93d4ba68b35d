//! The title that a person would give the page: no site name, no section names.

use dom_query::{Document, NodeRef};

use super::super::builder::{clean_line, has_words};
use crate::language::lists;

/// Longer ones are sentences that somebody put into the wrong place.
const MAX_TITLE_CHARS: usize = 250;
/// A site name has few words; a longer last part belongs to the title.
const MAX_SITE_NAME_WORDS: usize = 4;
const SEPARATORS: &[&str] = &[
    " | ", " - ", " – ", " — ", " :: ", " » ", " « ", " · ", " • ", " / ", " > ", " ~ ",
];

/// Chooses among the headings, the shared title and the document title.
pub(super) fn title(document: &Document) -> Option<String> {
    let named = Named {
        headings: headings(document, "h1"),
        sections: headings(document, "h2"),
        shared: meta(document, "meta[property='og:title']"),
        document: usable(&document.select_single("head > title, title").text()),
        site: meta(document, "meta[property='og:site_name']"),
    };
    named.best()
}

struct Named {
    headings: Vec<String>,
    /// Headings of the second level, one of which may be the page's own under a site's.
    sections: Vec<String>,
    shared: Option<String>,
    document: Option<String>,
    site: Option<String>,
}

impl Named {
    fn best(&self) -> Option<String> {
        let heading = self.heading();
        let shared = self.shared.as_deref().map(|title| self.without_site(title));
        let document = self
            .document
            .as_deref()
            .map(|title| self.without_site(title));
        heading
            .map(str::to_owned)
            .or(shared)
            .or(document)
            .filter(|title| is_worth_showing(title))
    }

    /// The heading that the page's titles confirm, or the only one there is.
    fn heading(&self) -> Option<&str> {
        let titles = [self.shared.as_deref(), self.document.as_deref()];
        let is_confirmed = |heading: &&String| {
            let heading = comparable(heading);
            titles
                .iter()
                .flatten()
                .any(|title| comparable(title).starts_with(&heading))
        };
        let confirmed = self
            .headings
            .iter()
            .filter(|heading| !self.is_site(heading))
            .find(is_confirmed);
        let section = self.sections.iter().find(|heading| {
            let heading = comparable(heading);
            titles
                .iter()
                .flatten()
                .any(|title| comparable(&self.without_site(title)) == heading)
        });
        let only = match self.headings.as_slice() {
            [only] if !self.is_site(only) => Some(only),
            _ => None,
        };
        confirmed.or(section).or(only).map(String::as_str)
    }

    /// Whether the words are the site's name: it says so, or the title ends in them.
    fn is_site(&self, words: &str) -> bool {
        let words = comparable(words);
        let is_named = self
            .site
            .as_deref()
            .is_some_and(|site| comparable(site) == words);
        let ends_title = [&self.shared, &self.document]
            .into_iter()
            .flatten()
            .any(|title| last_separator(title).is_some_and(|(_, tail)| comparable(tail) == words));
        is_named || ends_title
    }

    /// Takes the site's name off either end, or a last part that looks like one.
    fn without_site(&self, title: &str) -> String {
        let Some((head, tail)) = last_separator(title) else {
            return title.to_owned();
        };
        if self.begins_site_name(tail) || looks_like_site_name(head, tail) {
            return head.to_owned();
        }
        match first_separator(title) {
            Some((site, rest)) if self.begins_site_name(site) => rest.to_owned(),
            Some(_) | None => title.to_owned(),
        }
    }

    fn begins_site_name(&self, part: &str) -> bool {
        let part = comparable(part);
        let site = self.site.as_deref().map(comparable);
        !part.is_empty() && site.is_some_and(|site| site.starts_with(&part))
    }
}

fn looks_like_site_name(head: &str, tail: &str) -> bool {
    word_count(tail) <= MAX_SITE_NAME_WORDS && word_count(head) >= word_count(tail)
}

fn last_separator(title: &str) -> Option<(&str, &str)> {
    let found = SEPARATORS
        .iter()
        .filter_map(|separator| title.rsplit_once(separator));
    found
        .max_by_key(|(head, _)| head.len())
        .map(|(head, tail)| (head.trim(), tail.trim()))
}

fn first_separator(title: &str) -> Option<(&str, &str)> {
    let found = SEPARATORS
        .iter()
        .filter_map(|separator| title.split_once(separator));
    found
        .min_by_key(|(head, _)| head.len())
        .map(|(head, tail)| (head.trim(), tail.trim()))
}

fn headings(document: &Document, name: &str) -> Vec<String> {
    document
        .select(name)
        .nodes()
        .iter()
        .filter_map(|node| usable(&heading_text(node)))
        .collect()
}

/// A heading's text without the permalink that some generators put into it.
fn heading_text(heading: &NodeRef<'_>) -> String {
    let mut text = String::new();
    for node in heading.descendants_it().filter(NodeRef::is_text) {
        let piece = node.text();
        let is_sign = !has_words(&piece) || matches!(piece.trim(), "🔗" | "⚓");
        if !(is_sign && node.parent().is_some_and(|parent| parent.has_name("a"))) {
            text.push_str(&piece);
        }
    }
    text
}

fn meta(document: &Document, selector: &str) -> Option<String> {
    usable(&document.select_single(selector).attr("content")?)
}

fn usable(raw: &str) -> Option<String> {
    let title = clean_line(raw);
    (has_words(&title) && title.chars().count() <= MAX_TITLE_CHARS).then_some(title)
}

fn is_worth_showing(title: &str) -> bool {
    !lists().layout.page_titles.has(&title.to_lowercase())
}

fn comparable(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn word_count(text: &str) -> usize {
    text.split_whitespace()
        .filter(|word| has_words(word))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(html: &str) -> Option<String> {
        title(&Document::from(html))
    }

    #[test]
    fn the_heading_is_best_when_it_is_the_pages_own() {
        let page = "<title>Curtains — Guide Book</title><h1>Curtains<a href='#c'>¶</a></h1>";
        assert_eq!(of(page).as_deref(), Some("Curtains"));
        let two = "<title>Heat pumps | Site</title><h1>Site</h1><h1>Heat pumps</h1>";
        assert_eq!(of(two).as_deref(), Some("Heat pumps"));
        assert_eq!(of("<h1>Only one</h1>").as_deref(), Some("Only one"));
    }

    #[test]
    fn a_logo_heading_is_not_the_title() {
        let page = "<title>How to save energy - Warm Homes</title><h1>Warm Homes</h1>";
        assert_eq!(of(page).as_deref(), Some("How to save energy"));
    }

    #[test]
    fn the_site_name_is_cut_off_either_end() {
        assert_eq!(
            of("<title>Loft insulation: a guide | The Trust</title>").as_deref(),
            Some("Loft insulation: a guide")
        );
        let named = "<title>The Trust - Loft insulation explained</title><meta property='og:site_name' content='The Trust'>";
        assert_eq!(of(named).as_deref(), Some("Loft insulation explained"));
        assert_eq!(
            of("<title>Draught-proofing your home</title>").as_deref(),
            Some("Draught-proofing your home")
        );
        assert_eq!(
            of("<title>Hot - and what everyone must know about cold homes</title>").as_deref(),
            Some("Hot - and what everyone must know about cold homes")
        );
        assert_eq!(
            of("<title>A - B guide - Site</title>").as_deref(),
            Some("A - B guide")
        );
    }

    #[test]
    fn the_shared_title_comes_before_the_document_title() {
        let page = "<title>x - y</title><meta property='og:title' content='Warm homes &amp; you'>";
        assert_eq!(of(page).as_deref(), Some("Warm homes & you"));
    }

    #[test]
    fn placeholders_and_nothing_are_no_title() {
        assert_eq!(
            of("<title>None - Simple Energy Advice</title><h1>None</h1>"),
            None
        );
        assert_eq!(of("<p>x"), None);
        assert_eq!(of("<title> </title>"), None);
    }
}
