//! The pages that sites list for crawlers (sitemaps.org).
//!
//! A sitemap is read by looking for its `<loc>` elements, not by an XML parser: there is nothing
//! else in it that matters, and nothing in it that a scan could expand, nest or resolve.

use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};
use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use url::Url;

use super::crawler::{Crawler, Visit};
use super::error::FetchError;
use super::fetch::{FetchOutcome, Validators};
use super::scope::{is_same_site, normalize};
use super::secrets::without_credentials;

/// Files read for one run, an index and its parts together.
const MAX_FILES: usize = 100;
/// Bytes of one file after decompression; the protocol allows as many.
const MAX_FILE_BYTES: u64 = 50 * 1024 * 1024;

/// Entries that are no addresses, told for one run.
const MAX_MALFORMED: usize = 20;

/// What the sitemaps of a run name.
#[derive(Debug, Default)]
pub struct Discovered {
    /// Pages, each once, in their order.
    pub pages: Vec<Url>,
    /// Sitemaps that could not be read.
    pub failed: Vec<(Url, FetchError)>,
    /// Entries that are no addresses: the sitemap, what stands there, and what is wrong with it.
    pub malformed: Vec<(Url, String, url::ParseError)>,
}

/// Reads sitemaps, and the sitemaps that they or a `robots.txt` among them name, until `max_pages`
/// pages are known. A sitemap speaks only for its own site.
pub async fn discover(crawler: &Crawler, sitemaps: &[Url], max_pages: usize) -> Discovered {
    let mut discovered = Discovered::default();
    let mut pages = HashSet::new();
    let mut queue: VecDeque<Url> = sitemaps.iter().cloned().collect();
    let mut seen: HashSet<Url> = HashSet::new();
    while let Some(sitemap) = queue.pop_front() {
        if seen.len() >= MAX_FILES || discovered.pages.len() >= max_pages {
            break;
        }
        if !seen.insert(sitemap.clone()) {
            continue;
        }
        let entries = match read(crawler, &sitemap).await {
            Ok(entries) => entries,
            Err(error) => {
                discovered.failed.push((sitemap, error));
                continue;
            }
        };
        for entry in entries.addresses {
            let url = match sitemap.join(&entry) {
                Ok(url) => normalize(without_credentials(url)),
                Err(error) if discovered.malformed.len() < MAX_MALFORMED => {
                    let entry = (sitemap.clone(), entry, error);
                    discovered.malformed.push(entry);
                    continue;
                }
                Err(_) => continue,
            };
            if !is_same_site(&sitemap, &url) {
                continue;
            }
            if entries.are_sitemaps {
                queue.push_back(url);
            } else if discovered.pages.len() < max_pages && pages.insert(url.clone()) {
                discovered.pages.push(url);
            }
        }
    }
    discovered
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entries {
    are_sitemaps: bool,
    addresses: Vec<String>,
}

async fn read(crawler: &Crawler, sitemap: &Url) -> Result<Entries, FetchError> {
    if sitemap.path() == "/robots.txt" {
        let addresses = crawler.sitemaps(sitemap).await?;
        return Ok(Entries {
            are_sitemaps: true,
            addresses,
        });
    }
    let visit = Visit {
        url: sitemap,
        known: &Validators::default(),
        stay_on_site: true,
    };
    match crawler.visit(visit).await? {
        FetchOutcome::Body(fetched) => parse(&fetched.body),
        FetchOutcome::NotModified => Ok(Entries::default()),
    }
}

pub(super) fn parse(body: &[u8]) -> Result<Entries, FetchError> {
    let body = decompress(body)?;
    let text = String::from_utf8_lossy(&body);
    if !text.contains("urlset") && !text.contains("sitemapindex") {
        return parse_lines(&text);
    }
    let mut addresses = Vec::new();
    let mut rest = text.as_ref();
    while let Some(begin) = rest.find("<loc>") {
        rest = &rest[begin + "<loc>".len()..];
        let Some(end) = rest.find("</loc>") else {
            break;
        };
        let address = rest[..end].trim();
        let address = address
            .strip_prefix("<![CDATA[")
            .and_then(|inner| inner.strip_suffix("]]>"))
            .map_or_else(|| unescape(address), Cow::Borrowed);
        addresses.push(address.trim().to_owned());
        rest = &rest[end..];
    }
    Ok(Entries {
        are_sitemaps: text.contains("sitemapindex"),
        addresses,
    })
}

/// The plain form of a sitemap: one address a line.
fn parse_lines(text: &str) -> Result<Entries, FetchError> {
    let addresses: Vec<String> = text
        .trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("http://") || line.starts_with("https://"))
        .map(str::to_owned)
        .collect();
    if addresses.is_empty() {
        return Err(FetchError::NotASitemap);
    }
    Ok(Entries {
        are_sitemaps: false,
        addresses,
    })
}

/// Sitemaps are often files that were compressed once, not by the connection.
fn decompress(body: &[u8]) -> Result<Cow<'_, [u8]>, FetchError> {
    if !body.starts_with(&[0x1f, 0x8b]) {
        return Ok(Cow::Borrowed(body));
    }
    let mut whole = Vec::new();
    MultiGzDecoder::new(body)
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut whole)
        .map_err(|error| FetchError::Broken(error.to_string()))?;
    if whole.len() as u64 > MAX_FILE_BYTES {
        return Err(FetchError::TooLarge(MAX_FILE_BYTES));
    }
    Ok(Cow::Owned(whole))
}

/// The five entities that XML defines by itself.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let plain = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&apos;", "'")
        .replace("&#38;", "&")
        .replace("&amp;", "&");
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn pages_and_parts_are_told_apart() {
        let pages = "<?xml version='1.0'?><urlset><url><loc> https://a.example/x?a=1&amp;b=2 </loc><lastmod>2024</lastmod></url>\
                     <url><loc><![CDATA[https://a.example/y?a&b]]></loc></url></urlset>";
        let entries = parse(pages.as_bytes()).unwrap();
        assert!(!entries.are_sitemaps);
        assert_eq!(
            entries.addresses,
            ["https://a.example/x?a=1&b=2", "https://a.example/y?a&b"]
        );
        assert_eq!(parse(&gzip(pages.as_bytes())).unwrap(), entries);
        let index =
            parse(b"<sitemapindex><sitemap><loc>/part.xml</loc></sitemap></sitemapindex>").unwrap();
        assert!(index.are_sitemaps);
        assert_eq!(index.addresses, ["/part.xml"]);
    }

    #[test]
    fn lines_of_addresses_are_a_sitemap_too() {
        let entries =
            parse(b"\xef\xbb\xbfhttps://a.example/\r\n\r\nhttps://a.example/x\r\n").unwrap();
        assert_eq!(
            entries.addresses,
            ["https://a.example/", "https://a.example/x"]
        );
        assert!(parse(b"<html><body>Not found</body></html>").is_err());
    }

    #[test]
    fn broken_and_boundless_files_end() {
        assert!(
            parse(b"<urlset><loc>https://a.example/")
                .unwrap()
                .addresses
                .is_empty()
        );
        assert!(parse(b"\x1f\x8bnothing").is_err());
        let bomb = gzip(&vec![b' '; 51 * 1024 * 1024]);
        assert!(matches!(parse(&bomb), Err(FetchError::TooLarge(_))));
    }
}
