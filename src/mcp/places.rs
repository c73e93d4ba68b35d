//! Addresses of documents and places in them.

use rmcp::ErrorData;
use rmcp::model::Resource;

use crate::assistant::{Assistant, AssistantError, DocumentInfo, DocumentList};

/// Bytes of a document that are given at a time.
const MOST_TEXT_BYTES: usize = 256 * 1024;
/// What the address of a document begins with.
pub(super) const ADDRESS: &str = "wattwise://documents/";
/// What stands in an address before the byte to begin at.
pub(super) const OFFSET: &str = "?offset=";

/// The address of a document.
pub(super) fn address(id: &str) -> String {
    format!("{ADDRESS}{id}")
}

/// The address of a document from a byte of it on.
pub(super) fn address_from(id: &str, offset: usize) -> String {
    format!("{ADDRESS}{id}{OFFSET}{offset}")
}

/// A document as a resource.
pub(super) fn resource(document: &DocumentInfo) -> Resource {
    Resource::new(address(document.id.as_str()), document.source.clone())
        .with_title(document.title.clone())
        .with_description(format!("{} from {}", document.kind, document.source))
        .with_mime_type("text/plain")
        .with_size(document.length as u64)
}

/// A piece of a document's text.
pub(super) struct Piece {
    pub(super) info: DocumentInfo,
    pub(super) text: String,
    /// Where the next one begins, if there is one.
    pub(super) next: Option<usize>,
}

/// What a document says from a byte of it on, as much as is given at a time.
pub(super) fn piece(
    assistant: &Assistant,
    id: &str,
    offset: usize,
) -> Result<Piece, AssistantError> {
    let end = offset.saturating_add(MOST_TEXT_BYTES);
    let found = assistant.documents.text(id, offset..end)?;
    // It may begin earlier, with the block that the byte stands in.
    let behind = offset
        .saturating_sub(found.range.start)
        .min(found.text.len());
    Ok(Piece {
        text: found.text[found.text.ceil_char_boundary(behind)..].to_owned(),
        next: (found.range.end < found.info.length).then_some(found.range.end),
        info: found.info,
    })
}

/// Behind what the next page of a list begins, if there is one.
pub(super) fn next_cursor(page: &DocumentList) -> Option<String> {
    let last = page.documents.last().filter(|_| page.has_more)?;
    Some(last.id.to_string())
}

/// A place in a text, as it was given out.
pub(super) fn position(cursor: &str) -> Result<usize, ErrorData> {
    cursor.parse().map_err(|_| {
        ErrorData::invalid_params(format!("{cursor:?} is no offset of this server"), None)
    })
}
