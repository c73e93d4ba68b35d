//! `Idempotency-Key`: a client's name for a write, so that repeating it repeats no effect.

use axum::http::HeaderName;
use axum::http::request::Parts;

use super::validation::Problems;
use crate::model::Once;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// More characters than this in a name are refused.
const MOST_CHARACTERS: usize = 255;

/// Reads the header; `None` without one, and with a note in `problems` if it cannot be used. What
/// makes two requests the same is their address and the bytes of their body.
pub(super) fn once(head: &Parts, body: &[u8], problems: &mut Problems) -> Option<Once> {
    let mut values = head.headers.get_all(IDEMPOTENCY_KEY).iter();
    let value = values.next()?;
    let is_plain = |key: &&str| {
        (1..=MOST_CHARACTERS).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let key = value.to_str().ok().filter(is_plain);
    let (Some(key), None) = (key, values.next()) else {
        problems.idempotency_key("The header should be one of 1 to 255 visible characters");
        return None;
    };
    let mut hasher = blake3::Hasher::new();
    for part in [
        head.uri.path().as_bytes(),
        head.uri.query().unwrap_or_default().as_bytes(),
        body,
    ] {
        // The length in front keeps the parts apart.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    Some(Once {
        key: key.to_owned(),
        fingerprint: hasher.finalize().into(),
    })
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn of(uri: &str, keys: &[&str], body: &[u8]) -> Result<Option<Once>, ()> {
        let mut request = Request::post(uri);
        for key in keys {
            request = request.header("idempotency-key", *key);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let mut problems = Problems::default();
        let once = once(&head, body, &mut problems);
        if problems == Problems::default() {
            Ok(once)
        } else {
            Err(())
        }
    }

    #[test]
    fn address_and_body_make_a_request_the_same() {
        let first = of("/ask?session_id=1", &["a"], b"{}").unwrap().unwrap();
        let same = of("/ask?session_id=1", &["a"], b"{}").unwrap().unwrap();
        assert_eq!(first, same);
        for (uri, body) in [
            ("/ask?session_id=2", &b"{}"[..]),
            ("/save_records?session_id=1", b"{}"),
            ("/ask?session_id=1", b"{ }"),
        ] {
            let other = of(uri, &["a"], body).unwrap().unwrap();
            assert_ne!(first.fingerprint, other.fingerprint, "{uri}");
        }
        assert_eq!(of("/ask", &[], b""), Ok(None));
    }

    #[test]
    fn odd_names_are_refused() {
        let long = "x".repeat(256);
        for keys in [&[""][..], &["a b"], &["a", "b"], &[long.as_str()]] {
            assert_eq!(of("/ask", keys, b""), Err(()), "{keys:?}");
        }
    }
}
