//! Addresses that open a source at a quotation, and the list of them below an answer.

use std::fmt::Write as _;

use axum::extract::Request;

use crate::assistant::is_web;
use crate::http::address::origin;
use crate::http::server::Peer;
use crate::model::{Answer, Citation, Place};

/// Words at either end of a quotation that find it in a page.
const WORDS_AT_ENDS: usize = 5;

/// What this server is called by the client that asked.
#[derive(Debug, Clone, Default)]
pub(in crate::http) struct Links {
    /// `https://host`, or empty where the client did not say.
    origin: String,
}

impl Links {
    /// As a request knows the server.
    pub(in crate::http) fn of(request: &Request) -> Self {
        let peer = request.extensions().get::<Peer>();
        let is_secure = peer.is_some_and(|peer| peer.secure);
        Self {
            origin: origin(request.uri(), request.headers(), is_secure),
        }
    }

    /// The address that opens a source at a quote. On the web: its page, or the quote itself (W3C Text
    /// Fragments). What lies in a folder of the server's, from this server: the file at its page, or the
    /// passage in its place.
    pub(in crate::http) fn to(&self, place: &Place, quote: &str) -> String {
        if !is_web(&place.source) {
            return match place.page {
                Some(page) => format!(
                    "{}/documents/{}/file#page={page}",
                    self.origin, place.document
                ),
                None => format!(
                    "{}/citations/{}?start={}&end={}",
                    self.origin, place.chunk, place.range.start, place.range.end
                ),
            };
        }
        let link = match place.page {
            Some(_) => place.link(),
            None => format!("{}{}", place.source, text_fragment(&place.source, quote)),
        };
        in_brackets(&link)
    }

    /// A list of the sources of an answer, as many as its text has markers, under a heading.
    pub(in crate::http) fn list(&self, answer: &Answer) -> String {
        let mut list = String::new();
        for citation in &answer.citations {
            let Some(place) = &citation.place else {
                continue;
            };
            let heading = if list.is_empty() {
                "\n\n**Sources**\n\n"
            } else {
                "\n"
            };
            // Writing into a string cannot fail.
            let _ = write!(
                list,
                "{heading}{}. [{}]({}){}",
                citation.marker,
                escaped(&place.title),
                self.to(place, &citation.quote),
                within(place)
            );
        }
        list
    }
}

/// Where in the document it stands, in words.
fn within(place: &Place) -> String {
    let heading = place.heading.rsplit(" > ").next().unwrap_or_default();
    let heading = Some(heading).filter(|heading| !heading.is_empty() && *heading != place.title);
    let parts = [
        heading.map(escaped),
        place.pages(),
        place.location.as_deref().map(escaped),
    ];
    let parts = parts.into_iter().flatten();
    parts.fold(String::new(), |text, part| text + ", " + &part)
}

/// A citation of the Responses API: what a marker stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) struct Marked {
    /// First character of the marker in the text.
    pub(in crate::http) start: usize,
    /// One past its last character.
    pub(in crate::http) end: usize,
    /// The document.
    pub(in crate::http) title: String,
    /// Where the quote stands.
    pub(in crate::http) url: String,
}

/// The markers in a text, in order; the list below it has none.
pub(in crate::http) fn marked(text: &str, citations: &[Citation], links: &Links) -> Vec<Marked> {
    let mut found: Vec<(usize, Marked)> = Vec::new();
    for citation in citations {
        let (Some(place), marker) = (&citation.place, format!("[{}]", citation.marker)) else {
            continue;
        };
        for (at, _) in text.match_indices(&marker) {
            let start = text[..at].chars().count();
            let marked = Marked {
                start,
                end: start + marker.len(),
                title: place.title.clone(),
                url: links.to(place, &citation.quote),
            };
            found.push((at, marked));
        }
    }
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, marked)| marked).collect()
}

/// A text that is no markup in Markdown, on one line.
fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !plain.is_empty() {
            plain.push(' ');
        }
        for character in word.chars() {
            if "\\`*_[]<>!#|~".contains(character) {
                plain.push('\\');
            }
            plain.push(character);
        }
    }
    plain
}

/// An address that does not end the round brackets of a link.
fn in_brackets(address: &str) -> String {
    let mut written = String::with_capacity(address.len());
    for character in address.chars() {
        match character {
            '(' | ')' | '<' | '>' | '"' | '\\' => push_escape(&mut written, character),
            c if c.is_whitespace() || c.is_control() => push_escape(&mut written, c),
            c => written.push(c),
        }
    }
    written
}

/// `:~:text=` with the first and the last words of a quote, behind the fragment that is there.
fn text_fragment(source: &str, quote: &str) -> String {
    let words: Vec<&str> = quote.split_whitespace().collect();
    if words.is_empty() {
        return String::new();
    }
    let written = |words: &[&str]| {
        let mut written = String::new();
        for character in words.join(" ").chars() {
            if character.is_ascii_alphanumeric() {
                written.push(character);
            } else {
                push_escape(&mut written, character);
            }
        }
        written
    };
    let text = if words.len() <= 2 * WORDS_AT_ENDS {
        written(&words)
    } else {
        let (first, last) = (
            &words[..WORDS_AT_ENDS],
            &words[words.len() - WORDS_AT_ENDS..],
        );
        format!("{},{}", written(first), written(last))
    };
    let mark = if source.contains('#') { "" } else { "#" };
    format!("{mark}:~:text={text}")
}

fn push_escape(written: &mut String, character: char) {
    for byte in character.encode_utf8(&mut [0; 4]).bytes() {
        // Writing into a string cannot fail.
        let _ = write!(written, "%{byte:02X}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChunkId, DocumentId};

    fn place(source: &str, page: Option<u32>) -> Place {
        Place {
            chunk: ChunkId::from_client("c1"),
            document: DocumentId::of_source(source),
            source: source.to_owned(),
            title: "Lofts [2] and *walls*".to_owned(),
            heading: "Lofts > How deep".to_owned(),
            page,
            page_end: page,
            location: None,
            range: 3..9,
        }
    }

    #[test]
    fn links_open_the_source_at_the_quote() {
        let links = Links {
            origin: "https://a.test".to_owned(),
        };
        let to =
            |source: &str, page| links.to(&place(source, page), "It is 270 mm, or more-or-less.");
        assert_eq!(
            to("https://e.test/a.pdf", Some(3)),
            "https://e.test/a.pdf#page=3"
        );
        assert_eq!(
            to("https://e.test/a_(b)", None),
            "https://e.test/a_%28b%29#:~:text=It%20is%20270%20mm%2C%20or%20more%2Dor%2Dless%2E"
        );
        let file = DocumentId::of_source("docs/a.pdf");
        assert_eq!(
            to("docs/a.pdf", Some(3)),
            format!("https://a.test/documents/{file}/file#page=3")
        );
        assert_eq!(
            to("docs/a.md", None),
            "https://a.test/citations/c1?start=3&end=9"
        );
        let long = text_fragment("https://e.test/#s", "1 2 3 4 5 6 7 8 9 10 11");
        assert_eq!(long, ":~:text=1%202%203%204%205,7%208%209%2010%2011");
    }

    #[test]
    fn a_list_and_the_marks_name_each_source() {
        let links = Links::default();
        let citation = Citation {
            marker: 1,
            place: Some(place("docs/a.md", None)),
            quote: "270 mm".to_owned(),
            verified: true,
        };
        let answer = Answer {
            text: "Zoë: 270 mm [1]. Yes [1].".to_owned(),
            answered: true,
            citations: vec![citation],
            sentences: Vec::new(),
        };
        assert_eq!(
            links.list(&answer),
            "\n\n**Sources**\n\n1. [Lofts \\[2\\] and \\*walls\\*](/citations/c1?start=3&end=9), How deep"
        );
        let marks = marked(&answer.text, &answer.citations, &links);
        let places: Vec<_> = marks.iter().map(|mark| (mark.start, mark.end)).collect();
        assert_eq!(places, [(12, 15), (21, 24)]);
    }
}
