//! Reading a request's body the way `FastAPI` does.

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use futures::StreamExt;
use serde_json::Value;

use super::error::ApiError;
use super::json::{self, JsonError};
use super::validation::{Fields, Problems, Step};
use super::{ServerLimits, encoding, idempotency};
use crate::model::Once;

/// A body over the limit is read and thrown away up to this many times the limit, so that a client
/// that sends before it listens gets to read the reply.
const DISCARDED_BODIES: usize = 16;

/// Reads a body that must be a JSON object. The outer error ends the request at once, as `FastAPI`
/// does for broken JSON; `None` comes with an entry in `problems`, beside which others are listed.
pub(super) async fn read_fields(
    request: Request,
    limits: &ServerLimits,
    problems: &mut Problems,
) -> Result<Option<Fields>, ApiError> {
    ReadRequest::read(request, limits)
        .await?
        .fields(limits, problems)
}

/// A request whose body has come whole.
pub(super) struct ReadRequest {
    head: Parts,
    bytes: Bytes,
}

impl ReadRequest {
    /// Waits for the body, within the limits of size and time.
    pub(super) async fn read(request: Request, limits: &ServerLimits) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        let max_bytes = limits.max_body_bytes;
        if may_be_refused_unread(&head.headers, &body, max_bytes) {
            return Err(ApiError::BodyTooLarge { max_bytes });
        }
        let bytes = tokio::time::timeout(limits.body_timeout, collect(body, max_bytes))
            .await
            .map_err(|_| ApiError::BodyTooSlow)??;
        Ok(Self { head, bytes })
    }

    /// The body's fields, as [`read_fields`] gives them.
    pub(super) fn fields(
        &self,
        limits: &ServerLimits,
        problems: &mut Problems,
    ) -> Result<Option<Fields>, ApiError> {
        match parse(&self.head.headers, &self.bytes, limits.max_json_depth)? {
            Value::Object(fields) => return Ok(Some(Fields::new(fields))),
            Value::Null => problems.missing(&[Step::Name("body")], &Value::Null),
            other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                problems.not_object(&other);
            }
        }
        Ok(None)
    }

    /// The head's address.
    pub(super) fn uri(&self) -> &Uri {
        &self.head.uri
    }

    /// The mark of a write that the client may repeat.
    pub(super) fn once(&self, problems: &mut Problems) -> Option<Once> {
        idempotency::once(&self.head, &self.bytes, problems)
    }
}

/// A body declared too long need not be waited for if the client asked first, or if it is beyond
/// what would be thrown away.
fn may_be_refused_unread(headers: &HeaderMap, body: &Body, max_bytes: usize) -> bool {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let asked_first = headers.contains_key(header::EXPECT);
    declared > max_bytes && (asked_first || declared > max_bytes.saturating_mul(DISCARDED_BODIES))
}

async fn collect(body: Body, max_bytes: usize) -> Result<Bytes, ApiError> {
    let mut chunks = body.into_data_stream();
    let mut collected = Vec::new();
    let mut length = 0_usize;
    while let Some(chunk) = chunks.next().await {
        // The client has gone or broke the framing; nobody may be there to read the reply.
        let chunk = chunk.map_err(|_| ApiError::UnreadableBody)?;
        length = length.saturating_add(chunk.len());
        if length <= max_bytes {
            collected.extend_from_slice(&chunk);
        } else if length > max_bytes.saturating_mul(DISCARDED_BODIES) {
            break;
        } else {
            collected = Vec::new();
        }
    }
    if length > max_bytes {
        return Err(ApiError::BodyTooLarge { max_bytes });
    }
    Ok(collected.into())
}

/// No body is null; a body of another type than JSON is a text.
fn parse(headers: &HeaderMap, bytes: &[u8], max_depth: usize) -> Result<Value, ApiError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    // A mere label is ignored, as by the original application.
    if headers.contains_key(header::CONTENT_ENCODING) && is_compressed(bytes) {
        return Err(ApiError::CompressedBody);
    }
    if !is_json(headers) {
        return Ok(Value::String(String::from_utf8_lossy(bytes).into_owned()));
    }
    let text = encoding::decode(bytes).ok_or(ApiError::UnreadableBody)?;
    json::parse(&text, max_depth).map_err(|error| match error {
        JsonError::Syntax { position, message } => {
            ApiError::Invalid(Problems::invalid_json(position, message))
        }
        JsonError::OverLimit => ApiError::UnreadableBody,
    })
}

/// Whether the bytes begin as none of the encodings of JSON do.
fn is_compressed(bytes: &[u8]) -> bool {
    let begins_as_text = bytes
        .iter()
        .find(|byte| **byte != 0)
        .is_none_or(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    let has_mark = [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff"]
        .iter()
        .any(|mark| bytes.starts_with(mark));
    !begins_as_text && !has_mark
}

/// No type at all counts as JSON, as does `application/json` and any `application/…+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .map_or(&b""[..], |value| value.as_bytes());
    if value.is_empty() {
        return true;
    }
    let media_type = value
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii()
        .to_ascii_lowercase();
    match media_type.strip_prefix(b"application/") {
        Some(subtype) => {
            !subtype.contains(&b'/') && (subtype == b"json" || subtype.ends_with(b"+json"))
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_known_by_its_type() {
        let is = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            is_json(&headers)
        };
        assert!(is_json(&HeaderMap::new()));
        for value in [
            "",
            "application/json",
            "Application/JSON ; charset=x",
            "application/vnd.api+json",
            "application/+json",
        ] {
            assert!(is(value), "{value}");
        }
        for value in [
            "text/plain",
            "json",
            "text/json",
            "application/jsonx",
            "application/json/x",
            "application",
            ";",
        ] {
            assert!(!is(value), "{value}");
        }
    }

    #[test]
    fn compressed_bodies_are_named() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
        let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0\x43\xbf\xa6\xa3\x02\0\0\0";
        assert!(matches!(
            parse(&headers, gzip, 9),
            Err(ApiError::CompressedBody)
        ));
        assert!(parse(&headers, b" {}", 9).is_ok());
        assert!(parse(&headers, b"\xef\xbb\xbf{}", 9).is_ok());
        assert!(!is_compressed(b"\0{\0}"));
    }

    #[test]
    fn a_body_declared_too_long_is_not_waited_for() {
        let unread = |length: usize, asked_first: bool| {
            let mut headers = HeaderMap::new();
            if asked_first {
                headers.insert(header::EXPECT, "100-continue".parse().unwrap());
            }
            may_be_refused_unread(&headers, &Body::from(vec![0; length]), 100)
        };
        assert!(!unread(100, true));
        assert!(unread(101, true));
        assert!(!unread(1600, false));
        assert!(unread(1601, false));
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_however_it_comes() {
        let chunked = |chunks: usize| {
            let chunk = || Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 10]));
            Body::from_stream(futures::stream::iter((0..chunks).map(move |_| chunk())))
        };
        assert_eq!(collect(chunked(10), 100).await.unwrap().len(), 100);
        for chunks in [11, 500] {
            let refused = collect(chunked(chunks), 100).await;
            assert!(matches!(
                refused,
                Err(ApiError::BodyTooLarge { max_bytes: 100 })
            ));
        }
    }
}
