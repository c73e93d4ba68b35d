//! Quotations with their places, each compared with the stored text before it is released.

use std::ops::Range;

use super::brackets::without_markup;
use super::sources::Source;
use crate::generate::extractive::{Passage, Section, Statement};
use crate::model::{Answer, AnswerSentence, Chunk, Citation};
use crate::snapshot::Generation;

/// An answer that is made of statements. Each piece has its marker, those behind `before` other ones,
/// and a piece that the stored text does not bear out is left out.
pub(super) fn compose(
    generation: &Generation,
    sources: &[Source],
    sections: &[Section<'_>],
    statements: &[Statement],
    before: usize,
) -> Answer {
    let mut text = String::new();
    let mut citations: Vec<Citation> = Vec::new();
    let mut sentences = Vec::new();
    for statement in statements {
        let (source, section) = (&sources[statement.section], &sections[statement.section]);
        let mut subject = Some(&statement.subject).filter(|subject| !subject.is_empty());
        for piece in &statement.pieces {
            let Some(quote) = section.text.get(piece.range.clone()) else {
                continue;
            };
            let Some(mut citation) = cite_at(generation, source, quote, &piece.range) else {
                continue;
            };
            citation.marker = u32::try_from(before + citations.len() + 1).unwrap_or(u32::MAX);
            let said = under(subject.take(), piece.text.trim_end());
            let said = without_markup(&said);
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            text.push_str(&format!("{said} [{}]", citation.marker));
            sentences.push(AnswerSentence {
                text: said.replace("**", ""),
                supported: true,
                numbers_verified: true,
                citations: vec![citation.marker],
            });
            citations.push(citation);
        }
    }
    Answer {
        answered: !citations.is_empty(),
        text,
        citations,
        sentences,
    }
}

/// What is said, behind its subject; lines of a list stand below it.
fn under(subject: Option<&String>, said: &str) -> String {
    let Some(subject) = subject else {
        return said.to_owned();
    };
    let colon = if subject.ends_with(|c: char| c.is_ascii_punctuation() && c != ')') {
        ""
    } else {
        ":"
    };
    let is_block = said.starts_with("- ") || said.starts_with("1. ");
    let space = if is_block { "\n\n" } else { " " };
    format!("{subject}{colon}{space}{said}")
}

/// Cites `range` of a passage. A quote from the snapshot is released only if the stored text reads
/// the same, letter for letter.
pub(super) fn cite(
    generation: &Generation,
    source: &Source,
    passage: &Passage,
    range: &Range<usize>,
) -> Option<Citation> {
    let quote = passage.text.get(range.clone())?;
    let shift = source
        .row()
        .map_or(0, |row| generation.chunk(row).range.start);
    cite_at(
        generation,
        source,
        quote,
        &(range.start + shift..range.end + shift),
    )
}

/// Cites `range` of the document that a source is from, where `quote` stands.
fn cite_at(
    generation: &Generation,
    source: &Source,
    quote: &str,
    range: &Range<usize>,
) -> Option<Citation> {
    let Source::Stored { row } = source else {
        return Some(Citation {
            marker: 0,
            place: None,
            quote: quote.to_owned(),
            verified: false,
        });
    };
    let chunk = chunk_at(generation, *row, range.start);
    let stored = generation.records.stored_text(chunk, range.clone())?;
    if stored != quote {
        tracing::error!(chunk.id = %chunk.id, "a quote does not match the stored text and was not released");
        return None;
    }
    Some(Citation {
        marker: 0,
        place: Some(generation.place(chunk, range.clone())),
        quote: stored.to_owned(),
        verified: true,
    })
}

/// The chunk that holds byte `at` of the document that `row` is from. Chunks of a document stand
/// together, in order.
fn chunk_at(generation: &Generation, row: u32, at: usize) -> &Chunk {
    let chunks = generation.records.chunks();
    let document = chunks[row as usize].document;
    let first = chunks.partition_point(|chunk| chunk.document < document);
    let of_document = &chunks[first..];
    let of_document =
        &of_document[..of_document.partition_point(|chunk| chunk.document == document)];
    let behind = of_document.partition_point(|chunk| chunk.range.start <= at);
    &of_document[behind.saturating_sub(1)]
}
