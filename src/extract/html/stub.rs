//! Pages that are no documents: what a server sends in place of one.
//!
//! A challenge for robots, a page that says there is no page, a form that stands in front of the
//! content, a page that only leads on. Each has next to no text of its own; what it is, is read from
//! its structure, and last from a list of titles and scripts that is kept as data.

use dom_query::Document;

use super::element::attribute;

/// A page with more text of its own, in bytes, is a document whatever it is called.
pub(super) const MOST_TEXT: usize = 600;
/// A page that leads on later than this, in seconds, is there to be read.
const LONGEST_WAIT: u32 = 10;
/// What it is, where it shows, and the words, parted by tabs. Titles are in small letters, without signs.
const KNOWN: &str = include_str!("../../../data/html/stubs.tsv");

/// What a page is, if it is no document: a reason for the report.
pub(super) fn what_else(document: &Document, html: &str, own_text: usize) -> Option<String> {
    if own_text > MOST_TEXT {
        return None;
    }
    if let Some(address) = refresh(document) {
        return Some(format!("a page that only leads on to {address}"));
    }
    let known = |place: &str, holds: &dyn Fn(&str) -> bool| {
        let rows = KNOWN.lines().filter_map(|line| {
            let mut fields = line.splitn(3, '\t');
            Some((fields.next()?, fields.next()?, fields.next()?))
        });
        rows.filter(|(_, at, words)| *at == place && holds(words))
            .map(|(kind, _, _)| kind.to_owned())
            .next()
    };
    known("markup", &|words| html.contains(words))
        .or_else(|| reloads(document).then(|| "a challenge for robots".to_owned()))
        .or_else(|| {
            let titles = titles(document);
            known("title", &|words| titles.iter().any(|title| title == words))
        })
        .or_else(|| form(document).map(str::to_owned))
}

/// Where a page leads on by itself, as written: `<meta http-equiv="refresh" content="0; url=/new">`.
pub(super) fn refresh(document: &Document) -> Option<String> {
    refreshes(document).find_map(|content| {
        let (wait, rest) = content.split_once([';', ','])?;
        let wait: u32 = wait.trim().split('.').next()?.parse().ok()?;
        let rest = rest.trim();
        let is_named = rest
            .get(..3)
            .is_some_and(|name| name.eq_ignore_ascii_case("url"));
        let address = if is_named {
            rest[3..].trim_start().strip_prefix('=')?
        } else {
            rest
        };
        let address = address.trim().trim_matches(['"', '\'']).trim();
        (wait <= LONGEST_WAIT && !address.is_empty()).then(|| address.to_owned())
    })
}

/// A page that asks for itself again: it waits for a script to let the visitor in.
fn reloads(document: &Document) -> bool {
    let asks_robots_away = document
        .select("meta[name='robots' i][content*='noindex' i]")
        .exists();
    asks_robots_away && refreshes(document).any(|content| !content.contains('='))
}

fn refreshes(document: &Document) -> impl Iterator<Item = String> {
    document
        .select("meta[http-equiv='refresh' i][content]")
        .nodes()
        .iter()
        .filter_map(|node| node.attr("content"))
        .map(|content| content.trim().to_owned())
        .collect::<Vec<_>>()
        .into_iter()
}

/// The first heading and the parts of the document's title, in small letters.
fn titles(document: &Document) -> Vec<String> {
    let words = |text: &str| {
        let words: Vec<String> = text
            .split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’')
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        words.join(" ").replace('’', "'")
    };
    let title = document.select_single("title").text();
    let heading = document.select_single("h1").text();
    let mut titles: Vec<String> = title.split(['|', '–', '—', '·']).map(words).collect();
    titles.extend(title.split(" - ").map(words));
    titles.extend([words(&title), words(&heading)]);
    titles
}

/// A form that the page is there for: one to log in, or one with a choice to make first.
fn form(document: &Document) -> Option<&'static str> {
    if document.select("input[type='password' i]").exists() {
        return Some("a form to log in");
    }
    let modal =
        document.select("dialog, [role='dialog'], [role='alertdialog'], [aria-modal='true'], form");
    let asks = modal.nodes().iter().any(|node| {
        let buttons = node
            .descendants_it()
            .filter(|node| {
                node.element_ref().is_some_and(|element| {
                    let kind = attribute(&element, "type").unwrap_or_default();
                    &*element.name.local == "button" || kind.eq_ignore_ascii_case("submit")
                })
            })
            .count();
        let all = document
            .body()
            .map_or(0, |body| body.normalized_char_count());
        let fields = ["text", "search", "email"].iter().any(|kind| {
            node.descendants_it().any(|node| {
                node.attr("type")
                    .is_some_and(|value| value.eq_ignore_ascii_case(kind))
            })
        });
        buttons > 1 && !fields && node.normalized_char_count() * 100 >= all * 80
    });
    asks.then_some("a form of consent in front of the content")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(html: &str) -> Option<String> {
        what_else(&Document::from(html), html, 50)
    }

    #[test]
    fn what_stands_in_place_of_a_page_is_told_by_its_structure() {
        let leads = "<meta http-equiv=Refresh content='0; URL=\"/new\"'><p>Moved";
        assert_eq!(
            of(leads).as_deref(),
            Some("a page that only leads on to /new")
        );
        let waits = "<meta name=robots content=noindex,nofollow><meta http-equiv=refresh content=390><p>One moment";
        assert_eq!(of(waits).as_deref(), Some("a challenge for robots"));
        let login = "<form><input name=u><input type=password><button>Go</button></form>";
        assert_eq!(of(login).as_deref(), Some("a form to log in"));
        let consent = "<div role=dialog><p>Your privacy.</p><button>Accept</button><button>Reject</button></div>";
        assert_eq!(
            of(consent).as_deref(),
            Some("a form of consent in front of the content")
        );
    }

    #[test]
    fn known_titles_and_scripts_count_only_on_pages_without_text() {
        let missing = "<title>Page not found | The Trust</title><p>Sorry.";
        assert_eq!(
            of(missing).as_deref(),
            Some("a page that says there is no page")
        );
        let document = Document::from(missing);
        assert_eq!(what_else(&document, missing, MOST_TEXT + 1), None);
        assert_eq!(
            of("<title>What a 404 not found page is for</title><p>x"),
            None
        );
        assert_eq!(of("<title>Loft</title><p>Short, and a page."), None);
    }
}
