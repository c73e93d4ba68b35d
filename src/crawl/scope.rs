//! Which addresses are the same, and which belong to a site.

use url::Url;

/// Longer addresses are traps or data.
const LONGEST_ADDRESS: usize = 2_048;
/// Deeper paths are traps: relative links that grow by a folder on every page.
const DEEPEST_PATH: usize = 24;

/// Query parameters that say who sent the reader, not what to show.
const TRACKING: &[&str] = &[
    "fbclid",
    "gclid",
    "dclid",
    "gbraid",
    "wbraid",
    "msclkid",
    "yclid",
    "twclid",
    "ttclid",
    "igshid",
    "mc_cid",
    "mc_eid",
    "_ga",
    "_gl",
    "_hsenc",
    "_hsmi",
    "mkt_tok",
    "oly_enc_id",
    "oly_anon_id",
    "vero_id",
    "wickedid",
    "ref_src",
    "srsltid",
];

/// Extensions of files that are never documents. Links to them are not followed.
const NOT_DOCUMENTS: &[&str] = &[
    "jpg", "jpeg", "png", "gif", "svg", "webp", "avif", "ico", "bmp", "tif", "tiff", "css", "js",
    "mjs", "json", "xml", "rss", "atom", "map", "woff", "woff2", "ttf", "otf", "eot", "mp3", "mp4",
    "m4a", "m4v", "webm", "ogg", "ogv", "wav", "avi", "mov", "wmv", "zip", "gz", "tgz", "bz2",
    "xz", "7z", "rar", "tar", "exe", "msi", "dmg", "apk", "iso", "doc", "ppt", "ics",
];

/// The one form of an address: without fragment, default port, dot segments, tracking parameters
/// and empty query. The order of parameters and a trailing slash stay: to some sites they matter.
pub fn normalize(mut url: Url) -> Url {
    url.set_fragment(None);
    if let Some(query) = url.query() {
        let kept: Vec<&str> = query
            .split('&')
            .filter(|pair| !pair.is_empty() && !is_tracking(pair))
            .collect();
        let kept = (!kept.is_empty()).then(|| kept.join("&"));
        url.set_query(kept.as_deref());
    }
    url
}

fn is_tracking(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default();
    let name = name.to_ascii_lowercase();
    name.starts_with("utm_") || TRACKING.contains(&name.as_str())
}

/// Whether `link` is on the site of `page`: the same host and port by the same scheme, or by https
/// where the page came by http. Other hosts, subdomains too, are other sites.
pub fn is_same_site(page: &Url, link: &Url) -> bool {
    let same_host = page.host().is_some() && page.host() == link.host();
    let same_door = page.scheme() == link.scheme() && page.port() == link.port();
    let upgraded = (page.scheme(), page.port()) == ("http", None)
        && (link.scheme(), link.port()) == ("https", None);
    same_host && (same_door || upgraded)
}

/// The links of a page that lead to other documents of its site, each once, in their order. `base`
/// is what the page says that its links are relative to.
pub fn same_site_links(page: &Url, base: Option<&str>, links: &[String]) -> Vec<Url> {
    // What is too long to be followed is not even joined: each join copies the base.
    let is_short = |address: &&str| address.len() <= LONGEST_ADDRESS;
    let base = base.filter(is_short).and_then(|base| page.join(base).ok());
    let base = base.as_ref().unwrap_or(page);
    let own = normalize(page.clone());
    let mut seen = std::collections::HashSet::new();
    links
        .iter()
        .map(|link| link.trim())
        .filter(is_short)
        .filter_map(|link| base.join(link).ok())
        .map(normalize)
        .filter(|link| is_same_site(page, link) && *link != own && may_be_document(link))
        .filter(|link| seen.insert(link.clone()))
        .collect()
}

fn may_be_document(url: &Url) -> bool {
    let path = url.path();
    let name = path.rsplit('/').next().unwrap_or_default();
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase());
    let is_other = extension.is_some_and(|extension| NOT_DOCUMENTS.contains(&extension.as_str()));
    url.as_str().len() <= LONGEST_ADDRESS
        && path.split('/').count() <= DEEPEST_PATH
        && url.username().is_empty()
        && url.password().is_none()
        && !is_other
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn addresses_of_one_page_become_one() {
        for (raw, expected) in [
            ("HTTP://A.Example:80/x/../y/./z#top", "http://a.example/y/z"),
            ("https://a.example:443", "https://a.example/"),
            ("https://a.example/x?", "https://a.example/x"),
            (
                "https://a.example/x?utm_source=mail&b=2&a=1&fbclid=9",
                "https://a.example/x?b=2&a=1",
            ),
            ("https://a.example/x?UTM_Medium=x&&", "https://a.example/x"),
            ("https://a.example/x/", "https://a.example/x/"),
            (
                "https://a.example:8443/x?q=%20",
                "https://a.example:8443/x?q=%20",
            ),
        ] {
            assert_eq!(normalize(url(raw)).as_str(), expected);
        }
    }

    #[test]
    fn a_site_is_one_host_and_may_move_to_https() {
        let page = url("http://a.example/x");
        for (link, is_same) in [
            ("http://a.example/y", true),
            ("https://a.example/y", true),
            ("http://a.example:8080/y", false),
            ("https://a.example:8443/y", false),
            ("http://www.a.example/y", false),
            ("http://b.example/y", false),
            ("ftp://a.example/y", false),
            ("mailto:x@a.example", false),
        ] {
            assert_eq!(is_same_site(&page, &url(link)), is_same, "{link}");
        }
        assert!(!is_same_site(
            &url("https://a.example/"),
            &url("http://a.example/")
        ));
        assert!(is_same_site(
            &url("http://a.example:81/"),
            &url("http://a.example:81/x")
        ));
    }

    #[test]
    fn links_are_resolved_and_sifted() {
        let links = [
            "y",
            "/z?utm_source=x",
            "#top",
            "mailto:a@b.example",
            "javascript:void(0)",
            "y#more",
            "https://other.example/",
            "photo.JPG",
            "guide.pdf",
            "//a.example/w",
            "http://u:p@a.example/",
            "http://[bad",
            "",
        ]
        .map(str::to_owned);
        let found = |base| -> Vec<String> {
            same_site_links(&url("http://a.example/x/page"), base, &links)
                .iter()
                .map(ToString::to_string)
                .collect()
        };
        assert_eq!(
            found(None),
            [
                "http://a.example/x/y",
                "http://a.example/z",
                "http://a.example/x/guide.pdf",
                "http://a.example/w"
            ]
        );
        assert!(found(Some("/base/")).contains(&"http://a.example/base/y".to_owned()));
        assert!(!found(Some("http://b.example/")).contains(&"http://b.example/y".to_owned()));
    }

    #[test]
    fn what_is_too_long_is_not_joined_to_every_link() {
        let links = ["y".to_owned(), "x".repeat(3_000)];
        let base = format!("/{}/", "a".repeat(3_000));
        let found = same_site_links(&url("http://a.example/x/"), Some(&base), &links);
        assert_eq!(found, [url("http://a.example/x/y")]);
    }

    #[test]
    fn endless_paths_are_not_documents() {
        assert!(!may_be_document(&url(&format!(
            "http://a.example/{}",
            "a/".repeat(30)
        ))));
        assert!(!may_be_document(&url(&format!(
            "http://a.example/?x={}",
            "a".repeat(3_000)
        ))));
    }

    proptest! {
        #[test]
        fn normalizing_twice_changes_nothing(tail in "[a-zA-Z0-9/.?&=#%_:é -]{0,60}") {
            if let Ok(url) = Url::parse(&format!("http://a.example/{tail}")) {
                let once = normalize(url);
                prop_assert_eq!(normalize(once.clone()), once.clone());
                prop_assert_eq!(Url::parse(once.as_str()).unwrap(), once);
            }
        }
    }
}
