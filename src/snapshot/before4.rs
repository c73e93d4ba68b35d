//! Documents as formats 1 to 3 stored them.

use serde::Deserialize;

use crate::model::{Block, ContentKind, Document, DocumentId};

/// A document without locations and metadata.
#[derive(Deserialize)]
pub(super) struct DocumentBefore4 {
    id: DocumentId,
    source: String,
    title: String,
    kind: ContentKind,
    content_digest: String,
    text_digest: String,
    page_count: Option<u32>,
    blocks: Vec<Block>,
    fetched_at: i64,
    etag: Option<String>,
    last_modified: Option<String>,
    stale_since: Option<i64>,
}

impl From<DocumentBefore4> for Document {
    fn from(old: DocumentBefore4) -> Self {
        Self {
            id: old.id,
            source: old.source,
            title: old.title,
            kind: old.kind,
            content_digest: old.content_digest,
            text_digest: old.text_digest,
            page_count: old.page_count,
            blocks: old.blocks,
            fetched_at: old.fetched_at,
            etag: old.etag,
            last_modified: old.last_modified,
            stale_since: old.stale_since,
            locations: Vec::new(),
            metadata: Vec::new(),
        }
    }
}
