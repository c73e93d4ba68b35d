//! Quotations with their places, each compared with the stored text before it is released.

use std::ops::Range;

use super::sources::Source;
use crate::generate::extractive::{Passage, Quote};
use crate::model::{Answer, AnswerSentence, Citation, Place};
use crate::snapshot::Generation;

/// An answer that is made of quotes.
pub(super) fn compose(
    generation: &Generation,
    sources: &[Source],
    passages: &[Passage],
    quotes: &[Quote],
) -> Answer {
    let mut text = String::new();
    let mut citations: Vec<Citation> = Vec::new();
    let mut sentences = Vec::new();
    let mut after_block = false;
    for quote in quotes {
        let Some(mut citation) = cite(
            generation,
            &sources[quote.passage],
            &passages[quote.passage],
            &quote.range,
        ) else {
            continue;
        };
        citation.marker = u32::try_from(citations.len() + 1).unwrap_or(u32::MAX);
        let said = readable(&citation.quote).trim_end();
        // A list or a table keeps its lines to itself.
        let is_block = is_block(said);
        if !text.is_empty() {
            text.push(if is_block || after_block { '\n' } else { ' ' });
        }
        after_block = is_block;
        text.push_str(&format!("{said} [{}]", citation.marker));
        sentences.push(AnswerSentence {
            text: said.to_owned(),
            supported: true,
            numbers_verified: true,
            citations: vec![citation.marker],
        });
        citations.push(citation);
    }
    Answer {
        answered: !citations.is_empty(),
        text,
        citations,
        sentences,
    }
}

/// Cites `range` of a passage. A quote from the snapshot is released only if the stored text reads
/// the same, letter for letter.
pub(super) fn cite(
    generation: &Generation,
    source: &Source,
    passage: &Passage,
    range: &Range<usize>,
) -> Option<Citation> {
    let quote = passage.text.get(range.clone())?.to_owned();
    match source {
        Source::Foreign { .. } => Some(Citation {
            marker: 0,
            place: None,
            quote,
            verified: false,
        }),
        Source::Stored { row } => {
            let chunk = generation.chunk(*row);
            let document = generation.records.document_of(chunk);
            let stored_range = chunk.range.start + range.start..chunk.range.start + range.end;
            let stored = generation
                .records
                .stored_text(chunk, stored_range.clone())?;
            if stored != quote {
                tracing::error!(chunk.id = %chunk.id, "a quote does not match the stored text and was not released");
                return None;
            }
            let place = Place {
                chunk: chunk.id.clone(),
                document: document.id.clone(),
                source: document.source.clone(),
                title: document.title.clone(),
                page: chunk.page,
                location: document.location_of(&stored_range),
                range: stored_range,
            };
            Some(Citation {
                marker: 0,
                place: Some(place),
                quote,
                verified: true,
            })
        }
    }
}

/// A quote as part of running text: a lone list item goes without the marker that only its own
/// place explains.
fn readable(quote: &str) -> &str {
    if quote.contains('\n') {
        quote
    } else {
        quote.strip_prefix("- ").unwrap_or(quote)
    }
}

fn is_block(quote: &str) -> bool {
    quote.contains('\n') || quote.contains(" | ")
}
