//! The splitter of the tutorial, so that comparisons with it are fair: the behaviour of
//! `RecursiveCharacterTextSplitter(chunk_size=500, chunk_overlap=20)` of langchain-text-splitters,
//! character by character, with ranges instead of copies.
//!
//! It splits at the first of `"\n\n"`, `"\n"`, `" "` that the text has, keeps each separator at the
//! front of what follows it, splits parts that are still too long by the next separator and at last
//! between any two characters, and joins neighbours up to the size. Sizes count Unicode scalar
//! values, as Python's `len` does.

use std::collections::VecDeque;
use std::ops::Range;

use super::Piece;
use crate::language::sentences;
use crate::model::Block;

/// Characters in a chunk.
const SIZE: usize = 500;
/// Characters that neighbours may share.
const OVERLAP: usize = 20;
/// From the coarsest to the finest; after them, between characters.
const SEPARATORS: [&str; 3] = ["\n\n", "\n", " "];

/// Splits a text; headings and blocks play no part but for the page that a piece begins on.
pub(super) fn split(text: &str, blocks: &[Block]) -> Vec<Piece> {
    ranges(text)
        .into_iter()
        .map(|range| Piece {
            heading_path: Vec::new(),
            page: page_at(blocks, range.start),
            sentences: sentences(text, range.clone()),
            range,
        })
        .collect()
}

/// The page of the last block that begins there or before.
fn page_at(blocks: &[Block], position: usize) -> Option<u32> {
    let after = blocks.partition_point(|block| block.range.start <= position);
    blocks.get(after.saturating_sub(1))?.page
}

/// The chunks of a text, in order; neighbours may overlap.
fn ranges(text: &str) -> Vec<Range<usize>> {
    let mut chunks = Vec::new();
    split_part(text, 0..text.len(), &SEPARATORS, &mut chunks);
    chunks
}

fn split_part(text: &str, part: Range<usize>, separators: &[&str], chunks: &mut Vec<Range<usize>>) {
    let found = separators
        .iter()
        .position(|separator| text[part.clone()].contains(separator));
    let (pieces, finer) = match found {
        Some(position) => (
            split_before(text, part, separators[position]),
            Some(&separators[position + 1..]),
        ),
        None => (characters(text, part), None),
    };
    let mut small = Vec::new();
    for piece in pieces {
        if length(text, &piece) < SIZE {
            small.push(piece);
            continue;
        }
        join(text, &small, chunks);
        small.clear();
        match finer {
            Some(finer) => split_part(text, piece, finer, chunks),
            None => chunks.push(piece),
        }
    }
    join(text, &small, chunks);
}

/// Cuts a part in front of every separator.
fn split_before(text: &str, part: Range<usize>, separator: &str) -> Vec<Range<usize>> {
    let mut cuts: Vec<usize> = text[part.clone()]
        .match_indices(separator)
        .map(|(position, _)| part.start + position)
        .collect();
    cuts.insert(0, part.start);
    cuts.push(part.end);
    cuts.windows(2)
        .map(|pair| pair[0]..pair[1])
        .filter(|piece| !piece.is_empty())
        .collect()
}

fn characters(text: &str, part: Range<usize>) -> Vec<Range<usize>> {
    text[part.clone()]
        .char_indices()
        .map(|(position, character)| {
            let start = part.start + position;
            start..start + character.len_utf8()
        })
        .collect()
}

/// Joins neighbouring pieces to chunks that are as long as the size allows; a chunk begins with as
/// many of the last pieces of the one before as the overlap allows.
fn join(text: &str, pieces: &[Range<usize>], chunks: &mut Vec<Range<usize>>) {
    let mut open: VecDeque<(Range<usize>, usize)> = VecDeque::new();
    let mut total = 0;
    for piece in pieces {
        let length = length(text, piece);
        if total + length > SIZE {
            push(text, &open, chunks);
            while total > OVERLAP || (total > 0 && total + length > SIZE) {
                let Some((_, first)) = open.pop_front() else {
                    break;
                };
                total -= first;
            }
        }
        open.push_back((piece.clone(), length));
        total += length;
    }
    push(text, &open, chunks);
}

/// Adds what the pieces span, without the white space around it, unless nothing is left.
fn push(text: &str, open: &VecDeque<(Range<usize>, usize)>, chunks: &mut Vec<Range<usize>>) {
    let (Some((first, _)), Some((last, _))) = (open.front(), open.back()) else {
        return;
    };
    let span = &text[first.start..last.end];
    let trimmed = span.trim_start_matches(is_space);
    let start = last.end - trimmed.len();
    let end = start + trimmed.trim_end_matches(is_space).len();
    if start < end {
        chunks.push(start..end);
    }
}

/// What Python's `str.strip` removes: Unicode white space and the four separators of ASCII.
fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

fn length(text: &str, piece: &Range<usize>) -> usize {
    text[piece.clone()].chars().count()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Golden {
        text: String,
        chunks: Vec<String>,
    }

    /// `golden/langchain.json` was made by `scripts/make_langchain_golden.py`.
    #[test]
    fn chunks_are_those_of_the_original() {
        let golden: Vec<Golden> =
            serde_json::from_str(include_str!("golden/langchain.json")).unwrap();
        assert!(golden.len() >= 100);
        for Golden { text, chunks } in golden {
            let found: Vec<&str> = ranges(&text)
                .into_iter()
                .map(|range| &text[range])
                .collect();
            assert_eq!(found, chunks, "of {text:?}");
        }
    }

    #[test]
    fn pages_and_sentences_are_kept() {
        let text = format!(
            "{}\n\n{}",
            "Insulate the loft well. Then look at the walls. ".repeat(10),
            "Three.".repeat(40)
        );
        let second = text.find("Three").unwrap();
        let block = |range, page| Block {
            kind: crate::model::BlockKind::Paragraph,
            range,
            page: Some(page),
        };
        let blocks = [block(0..second - 2, 1), block(second..text.len(), 2)];
        let pieces = split(&text, &blocks);
        assert_eq!(
            pieces.iter().map(|piece| piece.page).collect::<Vec<_>>(),
            [Some(1), Some(2)]
        );
        assert_eq!(pieces[0].sentences.len(), 20);
    }
}
