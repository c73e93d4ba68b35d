//! Headers of replies: the generation that they were made from, and whether the cache had them.

use axum::http::{HeaderName, HeaderValue};

use super::metrics;
use crate::assistant::answer_cache::CacheStatus;

/// Names the generation that a reply was made from.
pub(super) const SNAPSHOT_ID: HeaderName = HeaderName::from_static("x-snapshot-id");

/// Says whether an answer comes from the cache: `hit`, `miss` or `bypass`.
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// The header that names the generation a reply was made from.
pub(super) fn snapshot_header(generation: &str) -> [(HeaderName, HeaderValue); 1] {
    let value = HeaderValue::from_str(generation).unwrap_or(HeaderValue::from_static("unknown"));
    [(SNAPSHOT_ID, value)]
}

/// The headers of an answer: the generation, and whether the answer comes from the cache, which is
/// counted.
pub(super) fn answer_headers(
    generation: &str,
    cache: CacheStatus,
) -> [(HeaderName, HeaderValue); 2] {
    metrics::cache(cache);
    let [snapshot] = snapshot_header(generation);
    [snapshot, (X_CACHE, HeaderValue::from_static(cache.name()))]
}
