//! The places where clients put their key.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// Shows `accept` everything in the request that may be a key, until it takes one: the values of
/// `X-API-Key`, then `Authorization: <key>`, a bearer token, the user or the password of Basic.
pub(super) fn find_key<T>(headers: &HeaderMap, accept: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
    let direct = headers.get_all("x-api-key").iter();
    let authorized = headers.get_all(header::AUTHORIZATION).iter();
    direct
        .map(|value| accept(value.as_bytes()))
        .chain(authorized.map(|value| from_credentials(value.as_bytes(), &accept)))
        .flatten()
        .next()
}

fn from_credentials<T>(credentials: &[u8], accept: &impl Fn(&[u8]) -> Option<T>) -> Option<T> {
    if let Some(found) = accept(credentials) {
        return Some(found);
    }
    let space = credentials.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = (&credentials[..space], credentials[space..].trim_ascii());
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return accept(rest);
    }
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let pair = BASE64_STANDARD.decode(rest).ok()?;
    let colon = pair
        .iter()
        .position(|byte| *byte == b':')
        .unwrap_or(pair.len());
    let (user, password) = (&pair[..colon], pair.get(colon + 1..).unwrap_or_default());
    accept(user).or_else(|| accept(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(key: &str, header: &'static str, value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header, value.parse().unwrap());
        find_key(&headers, |shown| (shown == key.as_bytes()).then_some(())).is_some()
    }

    #[test]
    fn the_key_is_found_in_each_of_its_places() {
        assert!(accepts("sec:ret", "authorization", "sec:ret"));
        assert!(accepts("sec:ret", "authorization", "Bearer sec:ret"));
        assert!(accepts("sec:ret", "authorization", "bearer   sec:ret"));
        assert!(accepts("sec:ret", "x-api-key", "sec:ret"));
        let basic = |pair: &str| format!("Basic {}", BASE64_STANDARD.encode(pair));
        assert!(accepts(
            "sec:ret",
            "authorization",
            &basic("anyone:sec:ret")
        ));
        assert!(accepts("secret", "authorization", &basic("secret:")));
    }

    #[test]
    fn anything_else_is_refused() {
        for value in [
            "",
            "sec",
            "Bearer",
            "Bearer ",
            "Bearer sec",
            "Basic",
            "Basic ???",
            "Basic c2Vj",
            "Token sec:ret",
        ] {
            assert!(!accepts("sec:ret", "authorization", value), "{value:?}");
        }
        assert!(!accepts("sec:ret", "cookie", "sec:ret"));
    }
}
