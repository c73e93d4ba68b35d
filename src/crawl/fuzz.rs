//! What this module reads of foreign sites, for `fuzzing`.

use std::path::Path;

use url::Url;

use super::robots::Robots;
use super::{read_url_list, sitemap};

/// A `robots.txt`, and a question to it.
pub fn robots(bytes: &[u8]) {
    let robots = Robots::parse(bytes, "wattwise");
    let url = Url::parse("https://a.example/a/b.html?c=%2f*$");
    let _ = url.map(|url| robots.allow(&url));
}

/// A sitemap, gzipped or not.
pub fn sitemap(bytes: &[u8]) {
    let _ = sitemap::parse(bytes);
}

/// A list of addresses.
pub fn url_list(path: &Path) {
    let _ = read_url_list(path);
}
