//! A quotation in its place, so that a reader can see what stands around it.

use super::Documents;
use crate::assistant::AssistantError;
use crate::model::{ChunkId, Place};

/// Which quotation, and how much around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurroundingsRequest {
    /// The chunk that a citation names.
    pub chunk: ChunkId,
    /// First byte in the document's stored text; the chunk's if left out.
    pub start: Option<usize>,
    /// One past the last byte; the chunk's if left out.
    pub end: Option<usize>,
    /// Most bytes of the document to show on either side.
    pub around: usize,
}

/// What stands before and after a quotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// The exact words.
    pub quote: String,
    /// Where they stand.
    pub place: Place,
    /// Headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// The text before it.
    pub before: String,
    /// The text after it.
    pub after: String,
    /// The generation that it was read from.
    pub generation: String,
}

impl Documents {
    /// Reads a quotation and what stands around it. [`AssistantError::CitationNotFound`] if the live
    /// generation has no such chunk, or the chunk no such bytes.
    pub fn surroundings(
        &self,
        request: &SurroundingsRequest,
    ) -> Result<Surroundings, AssistantError> {
        let generation = self.0.current();
        let row = generation
            .row_of(&request.chunk)
            .ok_or(AssistantError::CitationNotFound)?;
        let chunk = generation.chunk(row);
        generation.records.have_texts(std::iter::once(row))?;
        let text = generation.records.text(chunk.document);
        let start = request.start.unwrap_or(chunk.range.start);
        let end = request.end.unwrap_or(chunk.range.end);
        // A list or a table that is quoted whole may reach into the chunks behind.
        let is_within = chunk.range.contains(&start) && start < end;
        let quote = text
            .get(start..end)
            .filter(|_| is_within)
            .ok_or(AssistantError::CitationNotFound)?;
        let first = text.ceil_char_boundary(start.saturating_sub(request.around));
        let last = text.floor_char_boundary(end.saturating_add(request.around).min(text.len()));
        Ok(Surroundings {
            quote: quote.to_owned(),
            place: generation.place(chunk, start..end),
            heading_path: chunk.heading_path.clone(),
            before: text[first..start].to_owned(),
            after: text[end..last].to_owned(),
            generation: generation.id().to_string(),
        })
    }
}
