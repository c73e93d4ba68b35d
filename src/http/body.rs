//! Reading a request's body the way `FastAPI` does.

use axum::body::{Bytes, HttpBody as _};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use serde_json::Value;

use super::error::ApiError;
use super::json::{self, JsonError};
use super::validation::{Fields, Problems, Step};
use super::{ServerLimits, encoding, idempotency};
use crate::model::Once;
use crate::runtime::blocking;

/// Parsing a larger body takes longer than what an async thread may be held.
const LARGE_BODY_BYTES: usize = 64 * 1024;

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
        .await
}

/// A request whose body has come whole.
pub(super) struct ReadRequest {
    head: Parts,
    bytes: Bytes,
}

impl ReadRequest {
    /// Takes the body, which [`super::arrival`] has waited for.
    pub(super) async fn read(request: Request, limits: &ServerLimits) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        let bytes = axum::body::to_bytes(body, limits.max_body_bytes)
            .await
            .map_err(|_| ApiError::UnreadableBody)?;
        Ok(Self { head, bytes })
    }

    /// The body's fields, as [`read_fields`] gives them.
    pub(super) async fn fields(
        &self,
        limits: &ServerLimits,
        problems: &mut Problems,
    ) -> Result<Option<Fields>, ApiError> {
        let depth = limits.max_json_depth;
        let value = if self.bytes.len() > LARGE_BODY_BYTES {
            let (headers, bytes) = (self.head.headers.clone(), self.bytes.clone());
            blocking::run(move || parse(&headers, &bytes, depth)).await?
        } else {
            parse(&self.head.headers, &self.bytes, depth)?
        };
        match value {
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

/// Whether a request has no body, or one that is said to be JSON.
pub(super) fn is_said_to_be_json(request: &Request) -> bool {
    let headers = request.headers();
    let is_typed = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| !value.is_empty());
    request.body().is_end_stream() || (is_typed && is_json(headers))
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
}
