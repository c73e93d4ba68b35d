//! Which chunks a question may be answered from.

use super::{Chunk, ContentKind, Document};

/// Conditions on chunks; all that are given must hold. The default lets everything through.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Filter {
    /// The document's source: exactly this, or below this folder or address.
    pub source: Option<String>,
    /// The host of the document's address, without its port; case does not matter.
    pub host: Option<String>,
    /// What kind of file the document came from.
    pub kind: Option<ContentKind>,
    /// The first page that counts, from 1. Chunks without pages do not pass.
    pub first_page: Option<u32>,
    /// The last page that counts.
    pub last_page: Option<u32>,
    /// The earliest date of the document, in seconds since the Unix epoch.
    pub since: Option<i64>,
    /// The first moment that is too late.
    pub before: Option<i64>,
}

impl Filter {
    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a document passes.
    pub fn admits(&self, document: &Document) -> bool {
        let date = || document.modified_at().unwrap_or(document.fetched_at);
        self.source
            .as_deref()
            .is_none_or(|wanted| lies_in(&document.source, wanted))
            && self.host.as_deref().is_none_or(|wanted| {
                host_of(&document.source).is_some_and(|host| host.eq_ignore_ascii_case(wanted))
            })
            && self.kind.is_none_or(|kind| kind == document.kind)
            && self.since.is_none_or(|since| date() >= since)
            && self.before.is_none_or(|before| date() < before)
    }

    /// Whether a chunk of a document that passes does so too. A chunk counts by the page that it
    /// begins on.
    pub fn admits_chunk(&self, chunk: &Chunk) -> bool {
        (self.first_page.is_none() && self.last_page.is_none())
            || chunk.page.is_some_and(|page| {
                self.first_page.is_none_or(|first| page >= first)
                    && self.last_page.is_none_or(|last| page <= last)
            })
    }
}

fn lies_in(source: &str, wanted: &str) -> bool {
    source
        .strip_prefix(wanted)
        .is_some_and(|rest| rest.is_empty() || wanted.ends_with('/') || rest.starts_with('/'))
}

/// The host in a web address.
fn host_of(source: &str) -> Option<&str> {
    let (_, rest) = source.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    if host.starts_with('[') {
        return host.split_inclusive(']').next();
    }
    host.split(':').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_whole_name_or_a_folder() {
        assert!(lies_in("docs/a.md", "docs/a.md"));
        assert!(lies_in("docs/a.md", "docs") && lies_in("docs/a.md", "docs/"));
        assert!(!lies_in("docs-old/a.md", "docs"));
    }

    #[test]
    fn hosts_are_read_from_addresses_only() {
        assert_eq!(host_of("https://user@Host.org:8080/x"), Some("Host.org"));
        assert_eq!(host_of("http://[::1]:80/x"), Some("[::1]"));
        assert_eq!(host_of("data/guides/host.org.md"), None);
    }
}
