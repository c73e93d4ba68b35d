//! The pages for people and what they are made of: files that lie in the program.
//!
//! They are the same for everybody and hold nothing of the documents, so that they need no key; the
//! page asks for one when a call of its own is refused.

use std::sync::LazyLock;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::error::ApiError;
use super::outgoing::SharedBody;

/// What a page may load, and from where: its own files and this server's replies. No string becomes
/// markup or code (Trusted Types).
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Stands in a page for the address of the files it is made of.
const ASSETS: &str = "{assets}";

/// A file of a page.
struct File {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

/// A file of the folder `web`; its name in addresses is the part behind the last slash.
macro_rules! file {
    ($path:literal, $kind:literal) => {
        File {
            name: $path,
            kind: $kind,
            bytes: include_bytes!(concat!("../../web/", $path)),
        }
    };
}

const FILES: [File; 13] = [
    file!("style.css", "text/css; charset=utf-8"),
    file!("status/status.css", "text/css; charset=utf-8"),
    file!("status/status.js", "text/javascript; charset=utf-8"),
    file!("page.css", "text/css; charset=utf-8"),
    file!("icon.svg", "image/svg+xml"),
    file!("theme.js", "text/javascript; charset=utf-8"),
    file!("app.js", "text/javascript; charset=utf-8"),
    file!("api.js", "text/javascript; charset=utf-8"),
    file!("dom.js", "text/javascript; charset=utf-8"),
    file!("markdown.js", "text/javascript; charset=utf-8"),
    file!("thread.js", "text/javascript; charset=utf-8"),
    file!("sessions.js", "text/javascript; charset=utf-8"),
    file!("source.js", "text/javascript; charset=utf-8"),
];

const START: &[u8] = include_bytes!("../../web/index.html");
const STATUS: &[u8] = include_bytes!("../../web/status/index.html");

/// Changes whenever a file does. It is part of the files' addresses, so that a browser may keep them
/// for ever and never mixes those of two programs.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = blake3::Hasher::new();
    for file in &FILES {
        hasher.update(file.name.as_bytes());
        hasher.update(&(file.bytes.len() as u64).to_le_bytes());
        hasher.update(file.bytes);
    }
    hasher.update(START);
    hasher.update(STATUS);
    hasher.finalize().to_hex()[..16].to_owned()
});

static START_PAGE: LazyLock<Bytes> = LazyLock::new(|| with_addresses(START));
static STATUS_PAGE: LazyLock<Bytes> = LazyLock::new(|| with_addresses(STATUS));

/// A page with the addresses of its files filled in.
fn with_addresses(page: &[u8]) -> Bytes {
    let page = String::from_utf8_lossy(page);
    page.replace(ASSETS, &format!("/assets/{}", *VERSION))
        .into()
}

/// `GET /`
pub(super) async fn start(headers: HeaderMap) -> Response {
    page(&headers, &START_PAGE)
}

/// `GET /status`
pub(super) async fn status(headers: HeaderMap) -> Response {
    page(&headers, &STATUS_PAGE)
}

fn page(headers: &HeaderMap, page: &Bytes) -> Response {
    reply(
        headers,
        "text/html; charset=utf-8",
        "no-cache",
        page.clone(),
    )
}

/// `GET /assets/{version}/{file}`
pub(super) async fn asset(
    headers: HeaderMap,
    Path((version, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let named = |file: &&File| file.name.rsplit('/').next() == Some(&name);
    let file = FILES.iter().find(named);
    let file = file
        .filter(|_| version == *VERSION)
        .ok_or(ApiError::NotFound)?;
    let bytes = Bytes::from_static(file.bytes);
    let for_ever = "public, max-age=31536000, immutable";
    Ok(reply(&headers, file.kind, for_ever, bytes))
}

/// The file, or that the client has it already.
fn reply(headers: &HeaderMap, kind: &'static str, keep: &'static str, bytes: Bytes) -> Response {
    let tag = format!("\"{}\"", *VERSION);
    let is_there = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|tags| names(tags, &tag));
    let locks = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, keep),
    ];
    let tag = [(header::ETAG, tag)];
    if is_there {
        return (StatusCode::NOT_MODIFIED, locks, tag).into_response();
    }
    let kind = [(header::CONTENT_TYPE, kind)];
    (Extension(SharedBody), kind, locks, tag, bytes).into_response()
}

/// Whether a list of tags holds this one, compared weakly (RFC 9110, 13.1.2).
fn names(tags: &HeaderValue, tag: &str) -> bool {
    tags.to_str().is_ok_and(|tags| {
        tags.split(',')
            .map(|named| named.trim().trim_start_matches("W/"))
            .any(|named| named == tag || named == "*")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_the_page_names_is_there_and_it_is_small() {
        let all: Vec<(&str, &str)> = FILES
            .iter()
            .map(|file| (file.name, std::str::from_utf8(file.bytes).unwrap()))
            .chain([
                ("index.html", std::str::from_utf8(START).unwrap()),
                ("status/index.html", std::str::from_utf8(STATUS).unwrap()),
            ])
            .collect();
        let mut named = 0;
        for (name, text) in &all {
            for quoted in text.split('"') {
                let wanted = quoted
                    .strip_prefix("./")
                    .or_else(|| quoted.strip_prefix("{assets}/"));
                let Some(wanted) = wanted.filter(|wanted| wanted.contains('.')) else {
                    continue;
                };
                assert!(
                    FILES.iter().any(|file| file.name.ends_with(wanted)),
                    "{name} names {wanted}"
                );
                named += 1;
            }
            // Markup out of strings is what the policy forbids; no browser need find it first.
            for forbidden in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
            ] {
                assert!(!text.contains(forbidden), "{name} uses {forbidden}");
            }
        }
        assert!(named > 10, "{named}");
        let bytes: usize = all.iter().map(|(_, text)| text.len()).sum();
        assert!(bytes < 100_000, "{bytes} bytes");
    }

    #[test]
    fn tags_are_compared_as_a_list() {
        let names = |tags: &'static str| names(&HeaderValue::from_static(tags), "\"a\"");
        assert!(names("\"a\"") && names("\"b\", W/\"a\"") && names("*"));
        assert!(!names("\"b\"") && !names("a"));
    }
}
