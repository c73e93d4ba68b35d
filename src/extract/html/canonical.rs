//! The address that a page names as its own.

use dom_query::Document;
use url::Url;

/// Longer addresses are not addresses.
const MAX_ADDRESS_BYTES: usize = 2_048;

/// The canonical link, or failing that the address given to social networks. Relative ones count
/// only if the page has an absolute `<base>`.
pub(super) fn canonical_url(document: &Document) -> Option<String> {
    let link = attribute(document, "link[rel~='canonical' i][href]", "href");
    let shared = || attribute(document, "meta[property='og:url'][content]", "content");
    link.and_then(|href| absolute(document, &href))
        .or_else(|| shared().and_then(|href| absolute(document, &href)))
}

fn attribute(document: &Document, selector: &str, name: &str) -> Option<String> {
    let value = document.try_select(selector)?.attr(name)?;
    let value = value.trim();
    (!value.is_empty() && value.len() <= MAX_ADDRESS_BYTES).then(|| value.to_owned())
}

fn absolute(document: &Document, href: &str) -> Option<String> {
    let mut url = match Url::parse(href) {
        Ok(url) => url,
        Err(_) => Url::parse(&attribute(document, "base[href]", "href")?)
            .ok()?
            .join(href)
            .ok()?,
    };
    url.set_fragment(None);
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    is_web.then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(head: &str) -> Option<String> {
        canonical_url(&Document::from(format!("<head>{head}</head><body>x")))
    }

    #[test]
    fn the_link_comes_before_the_shared_address() {
        let both = "<meta property='og:url' content='https://a.org/b'>\
                    <link rel='Canonical' href=' https://a.org/c#top '>";
        assert_eq!(of(both).as_deref(), Some("https://a.org/c"));
        assert_eq!(
            of("<meta property='og:url' content='https://a.org/b'>").as_deref(),
            Some("https://a.org/b")
        );
    }

    #[test]
    fn only_absolute_web_addresses_count() {
        assert_eq!(of("<link rel=canonical href='/c'>"), None);
        assert_eq!(of("<link rel=canonical href='javascript:alert(1)'>"), None);
        assert_eq!(of("<link rel=canonical href=''>"), None);
        assert_eq!(
            of("<base href='https://a.org/x/'><link rel=canonical href='../c'>").as_deref(),
            Some("https://a.org/c")
        );
    }
}
