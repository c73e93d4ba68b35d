//! The API key and the places where clients put it.

use std::fmt;

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// A key, held as its hash only.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    hash: blake3::Hash,
}

impl ApiKey {
    /// `None` for a blank key, which would be no protection.
    pub fn new(key: &str) -> Option<Self> {
        let key = key.trim();
        (!key.is_empty()).then(|| Self {
            hash: blake3::hash(key.as_bytes()),
        })
    }

    /// Whether the request carries this key: as `Authorization: <key>`, as a bearer token, as the
    /// user or the password of Basic, or in `X-API-Key`.
    pub(super) fn is_carried_by(&self, headers: &HeaderMap) -> bool {
        let direct = headers
            .get_all("x-api-key")
            .iter()
            .any(|value| self.is(value.as_bytes()));
        direct
            || headers
                .get_all(header::AUTHORIZATION)
                .iter()
                .any(|value| self.is_authorized_by(value.as_bytes()))
    }

    fn is_authorized_by(&self, credentials: &[u8]) -> bool {
        if self.is(credentials) {
            return true;
        }
        let Some(space) = credentials.iter().position(|byte| *byte == b' ') else {
            return false;
        };
        let (scheme, rest) = (&credentials[..space], credentials[space..].trim_ascii());
        if scheme.eq_ignore_ascii_case(b"bearer") {
            return self.is(rest);
        }
        scheme.eq_ignore_ascii_case(b"basic") && self.is_in_basic(rest)
    }

    fn is_in_basic(&self, encoded: &[u8]) -> bool {
        let Ok(pair) = BASE64_STANDARD.decode(encoded) else {
            return false;
        };
        let colon = pair
            .iter()
            .position(|byte| *byte == b':')
            .unwrap_or(pair.len());
        let (user, password) = (&pair[..colon], pair.get(colon + 1..).unwrap_or_default());
        self.is(user) | self.is(password)
    }

    // Comparing two hashes of this type takes the same time wherever they differ.
    fn is(&self, presented: &[u8]) -> bool {
        blake3::hash(presented) == self.hash
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(header: &'static str, value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header, value.parse().unwrap());
        ApiKey::new("sec:ret").unwrap().is_carried_by(&headers)
    }

    #[test]
    fn the_key_is_found_in_each_of_its_places() {
        assert!(accepts("authorization", "sec:ret"));
        assert!(accepts("authorization", "Bearer sec:ret"));
        assert!(accepts("authorization", "bearer   sec:ret"));
        assert!(accepts("x-api-key", "sec:ret"));
        let basic = |pair: &str| format!("Basic {}", BASE64_STANDARD.encode(pair));
        assert!(accepts("authorization", &basic("anyone:sec:ret")));
        let plain = ApiKey::new("secret").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("authorization", basic("secret:").parse().unwrap());
        assert!(plain.is_carried_by(&headers));
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
            assert!(!accepts("authorization", value), "{value:?}");
        }
        assert!(!accepts("cookie", "sec:ret"));
        assert!(!ApiKey::new("k").unwrap().is_carried_by(&HeaderMap::new()));
    }

    #[test]
    fn a_blank_key_is_no_key_and_none_is_shown() {
        assert_eq!(ApiKey::new("  "), None);
        assert_eq!(format!("{:?}", ApiKey::new("secret")), "Some(ApiKey(..))");
    }
}
