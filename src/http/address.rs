//! Addresses: as they are routed, and as the client knows the server.

use axum::http::{HeaderMap, Uri, header};

/// Whether a route's pattern stands for this path; segments in braces stand for any.
pub(super) fn fits(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let is_same = pattern.split('/').all(|wanted| {
        segments.next().is_some_and(|segment| {
            wanted == segment || (wanted.starts_with('{') && !segment.is_empty())
        })
    });
    is_same && segments.next().is_none()
}

/// The address with its path's `%41` escapes undone, as the original application routes it; `None`
/// if nothing changes or the result could not be one of our paths.
pub(super) fn decoded(uri: &Uri) -> Option<Uri> {
    if !uri.path().contains('%') {
        return None;
    }
    let mut rest = uri.path().as_bytes();
    let mut path = Vec::with_capacity(rest.len());
    while let [byte, after @ ..] = rest {
        let escaped = match (byte, after) {
            (b'%', [high, low, ..]) => char::from(*high)
                .to_digit(16)
                .zip(char::from(*low).to_digit(16)),
            _ => None,
        };
        let plain = escaped.and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        path.push(plain.unwrap_or(*byte));
        rest = if plain.is_some() { &after[2..] } else { after };
    }
    let is_ours = path
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/_-.".contains(byte));
    if !is_ours || path == uri.path().as_bytes() {
        return None;
    }
    let path = String::from_utf8(path).ok()?;
    let path_and_query = uri
        .query()
        .map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// The start of an absolute address as the client knows the server; empty, so that the address is
/// relative, where it did not say or said something odd.
pub(super) fn origin(uri: &Uri, headers: &HeaderMap, is_secure: bool) -> String {
    let from_head = || {
        headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
    };
    let host = uri
        .authority()
        .map(axum::http::uri::Authority::as_str)
        .or_else(from_head);
    let is_plain = |host: &&str| {
        !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
    };
    let is_forwarded = headers
        .get("x-forwarded-proto")
        .is_some_and(|scheme| scheme == "https");
    let scheme = if is_secure || is_forwarded {
        "https"
    } else {
        "http"
    };
    host.filter(is_plain)
        .map(|host| format!("{scheme}://{host}"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_in_a_path_are_undone_when_it_may_be_ours() {
        let after = |uri: &str| decoded(&uri.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(after("/a%5Fb?q=%41").as_deref(), Some("/a_b?q=%41"));
        assert_eq!(
            after("http://host/%61sk").as_deref(),
            Some("http://host/ask")
        );
        for unchanged in ["/ask", "/a%20b", "/a%3Fb", "/%zz", "/a%", "/%00", "/%c3%a9"] {
            assert_eq!(after(unchanged), None, "{unchanged}");
        }
    }
}
