//! Packs blocks into pieces.

use std::ops::Range;

use super::{ChunkParameters, Piece};
use crate::language::sentences;
use crate::model::{Block, BlockKind};

/// See [`split`](super::split).
pub(super) fn split(
    text: &str,
    blocks: &[Block],
    parameters: &ChunkParameters,
    count_tokens: &dyn Fn(&str) -> usize,
) -> Vec<Piece> {
    let mut packer = Packer {
        text,
        parameters,
        count_tokens,
        headings: Vec::new(),
        open: None,
        pieces: Vec::new(),
    };
    for block in &whole_blocks(text, blocks) {
        match block.kind {
            BlockKind::Heading(level) => packer.push_heading(level, block),
            BlockKind::Paragraph
            | BlockKind::ListItem
            | BlockKind::TableRow
            | BlockKind::Preformatted => {
                packer.push_body(block);
            }
        }
    }
    packer.close();
    packer.pieces
}

/// The blocks, with those joined that a page break cuts: nothing but a space lies between them.
fn whole_blocks(text: &str, blocks: &[Block]) -> Vec<Block> {
    let mut whole: Vec<Block> = Vec::with_capacity(blocks.len());
    for block in blocks {
        match whole.last_mut() {
            Some(last)
                if last.kind == block.kind
                    && !text[last.range.end..block.range.start].contains('\n') =>
            {
                last.range.end = block.range.end;
            }
            _ => whole.push(block.clone()),
        }
    }
    whole
}

/// A piece that still grows.
struct Open {
    piece: Piece,
    tokens: usize,
    has_body: bool,
}

struct Packer<'a> {
    text: &'a str,
    parameters: &'a ChunkParameters,
    count_tokens: &'a dyn Fn(&str) -> usize,
    /// The headings in force, with their levels, outermost first.
    headings: Vec<(u8, String)>,
    open: Option<Open>,
    pieces: Vec<Piece>,
}

/// What is appended at once: a block, or a sentence of a block that is too long.
struct Unit {
    range: Range<usize>,
    page: Option<u32>,
    sentences: Vec<Range<usize>>,
    is_body: bool,
}

impl Packer<'_> {
    fn push_heading(&mut self, level: u8, block: &Block) {
        let begins_a_piece = self
            .open
            .as_ref()
            .is_some_and(|open| open.has_body && open.tokens >= self.parameters.min_tokens);
        if begins_a_piece {
            self.close();
        }
        self.headings.retain(|(above, _)| *above < level);
        self.append(Unit {
            range: block.range.clone(),
            page: block.page,
            sentences: Vec::new(),
            is_body: false,
        });
        self.headings
            .push((level, self.text[block.range.clone()].to_owned()));
    }

    fn push_body(&mut self, block: &Block) {
        let whole = &self.text[block.range.clone()];
        let found = match block.kind {
            BlockKind::Paragraph | BlockKind::ListItem => sentences(self.text, block.range.clone()),
            BlockKind::TableRow | BlockKind::Preformatted | BlockKind::Heading(_) => {
                vec![block.range.clone()]
            }
        };
        let cost = (self.count_tokens)(whole);
        // A heading must not stay alone at the end of a piece: then the block is cut to fill it.
        let may_begin_anew = self.open.as_ref().is_none_or(|open| open.has_body);
        if self
            .open
            .as_ref()
            .is_some_and(|open| cost <= self.left_in(open))
            || (may_begin_anew && cost <= self.room())
        {
            self.append(Unit {
                range: block.range.clone(),
                page: block.page,
                sentences: found,
                is_body: true,
            });
            return;
        }
        for sentence in found {
            for part in self.fitting_parts(sentence) {
                self.append(Unit {
                    range: part.clone(),
                    page: block.page,
                    sentences: vec![part],
                    is_body: true,
                });
            }
        }
    }

    /// Cuts a sentence that no piece can hold at its words.
    fn fitting_parts(&self, sentence: Range<usize>) -> Vec<Range<usize>> {
        let room = self.room();
        if (self.count_tokens)(&self.text[sentence.clone()]) <= room {
            return vec![sentence];
        }
        let mut parts: Vec<Range<usize>> = Vec::new();
        let mut tokens = 0;
        for word in words(self.text, sentence) {
            let cost = (self.count_tokens)(&self.text[word.clone()]);
            match parts.last_mut() {
                Some(part) if tokens + cost <= room => {
                    part.end = word.end;
                    tokens += cost;
                }
                _ => {
                    parts.push(word);
                    tokens = cost;
                }
            }
        }
        parts
    }

    /// Tokens for text in a piece that would begin under the present headings.
    fn room(&self) -> usize {
        self.room_under(self.headings.iter().map(|(_, heading)| heading))
    }

    /// Tokens for more text in a piece that is open.
    fn left_in(&self, open: &Open) -> usize {
        self.room_under(open.piece.heading_path.iter())
            .saturating_sub(open.tokens)
    }

    fn room_under<'h>(&self, path: impl Iterator<Item = &'h String>) -> usize {
        let path: usize = path.map(|heading| (self.count_tokens)(heading) + 1).sum();
        // A path so long that it leaves no room is not worth the text it displaces.
        self.parameters
            .max_tokens
            .saturating_sub(path)
            .max(self.parameters.max_tokens / 2)
    }

    fn append(&mut self, unit: Unit) {
        let cost = (self.count_tokens)(&self.text[unit.range.clone()]);
        if self
            .open
            .as_ref()
            .is_some_and(|open| cost > self.left_in(open))
        {
            self.close();
        }
        let heading_path = || {
            self.headings
                .iter()
                .map(|(_, heading)| heading.clone())
                .collect()
        };
        let open = self.open.get_or_insert_with(|| Open {
            piece: Piece {
                range: unit.range.clone(),
                heading_path: heading_path(),
                page: unit.page,
                sentences: Vec::new(),
            },
            tokens: 0,
            has_body: false,
        });
        open.piece.range.end = unit.range.end;
        open.piece.sentences.extend(unit.sentences);
        open.tokens += cost;
        open.has_body |= unit.is_body;
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.pieces.push(open.piece);
        }
    }
}

fn words(text: &str, range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let base = range.start;
    let slice = &text[range];
    slice.split_whitespace().map(move |word| {
        let start = base + (word.as_ptr() as usize - slice.as_ptr() as usize);
        start..start + word.len()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Chunker;
    use super::*;

    fn count_words(text: &str) -> usize {
        text.split_whitespace().count()
    }

    /// Builds text and blocks from (kind, content) pairs, as extraction lays them out.
    fn document(parts: &[(BlockKind, &str)]) -> (String, Vec<Block>) {
        let mut text = String::new();
        let mut blocks = Vec::new();
        for (kind, content) in parts {
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            let start = text.len();
            text.push_str(content);
            blocks.push(Block {
                kind: *kind,
                range: start..text.len(),
                page: None,
            });
        }
        (text, blocks)
    }

    fn pieces_of(
        parts: &[(BlockKind, &str)],
        max_tokens: usize,
        min_tokens: usize,
    ) -> Vec<(String, Vec<String>)> {
        let (text, blocks) = document(parts);
        split(
            &text,
            &blocks,
            &ChunkParameters {
                chunker: Chunker::Structure,
                max_tokens,
                min_tokens,
            },
            &count_words,
        )
        .into_iter()
        .map(|piece| (text[piece.range].to_owned(), piece.heading_path))
        .collect()
    }

    #[test]
    fn a_heading_begins_a_piece_and_names_the_ones_after_it() {
        let pieces = pieces_of(
            &[
                (BlockKind::Heading(1), "Heating"),
                (BlockKind::Heading(2), "Boilers"),
                (
                    BlockKind::Paragraph,
                    "Lower the flow temperature of a boiler to sixty degrees.",
                ),
                (BlockKind::Paragraph, "It condenses more then."),
                (BlockKind::Heading(2), "Radiators"),
                (BlockKind::Paragraph, "Bleed them every year."),
            ],
            14,
            4,
        );
        assert_eq!(pieces.len(), 3);
        assert!(
            pieces[0].0.starts_with("Heating\n\nBoilers\n\nLower"),
            "{pieces:?}"
        );
        assert_eq!(pieces[1].1, ["Heating", "Boilers"]);
        assert_eq!(
            pieces[2],
            (
                "Radiators\n\nBleed them every year.".to_owned(),
                vec!["Heating".to_owned()]
            )
        );
    }

    #[test]
    fn short_sections_are_packed_together() {
        let pieces = pieces_of(
            &[
                (BlockKind::Heading(2), "A"),
                (BlockKind::Paragraph, "One two."),
                (BlockKind::Heading(2), "B"),
                (BlockKind::Paragraph, "Three four."),
            ],
            50,
            10,
        );
        assert_eq!(pieces.len(), 1);
    }

    #[test]
    fn a_long_paragraph_is_cut_between_sentences() {
        let pieces = pieces_of(
            &[(
                BlockKind::Paragraph,
                "Turn down the heat by one degree. Close the curtains at dusk every evening.",
            )],
            8,
            2,
        );
        let texts: Vec<&str> = pieces.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "Turn down the heat by one degree.",
                "Close the curtains at dusk every evening."
            ]
        );
    }

    fn arbitrary_parts() -> impl Strategy<Value = Vec<(BlockKind, String)>> {
        let kind = prop_oneof![
            (1..=4_u8).prop_map(BlockKind::Heading),
            Just(BlockKind::Paragraph),
            Just(BlockKind::ListItem),
            Just(BlockKind::TableRow),
        ];
        let words = proptest::collection::vec("[a-zé°£]{1,8}[.?]?", 1..40)
            .prop_map(|words| words.join(" "));
        proptest::collection::vec((kind, words), 0..20)
    }

    proptest! {
        #[test]
        fn pieces_cover_the_text_in_order_within_the_budget(parts in arbitrary_parts(), max_tokens in 4_usize..60) {
            let borrowed: Vec<(BlockKind, &str)> = parts.iter().map(|(kind, text)| (*kind, text.as_str())).collect();
            let (text, blocks) = document(&borrowed);
            let parameters = ChunkParameters { chunker: Chunker::Structure, max_tokens, min_tokens: max_tokens / 4 };
            let pieces = split(&text, &blocks, &parameters, &count_words);

            let mut covered = 0;
            for piece in &pieces {
                prop_assert!(piece.range.start >= covered, "pieces overlap or are out of order");
                prop_assert!(text[covered..piece.range.start].trim().is_empty(), "text was lost");
                prop_assert!(text.is_char_boundary(piece.range.start) && text.is_char_boundary(piece.range.end));
                covered = piece.range.end;
                let heading_alone = blocks.iter().any(|block| {
                    matches!(block.kind, BlockKind::Heading(_)) && count_words(&text[block.range.clone()]) > max_tokens / 2
                });
                prop_assert!(heading_alone || count_words(&text[piece.range.clone()]) <= max_tokens);
                for sentence in &piece.sentences {
                    prop_assert!(sentence.start >= piece.range.start && sentence.end <= piece.range.end);
                }
            }
            prop_assert!(text[covered..].trim().is_empty(), "the end was lost");
        }
    }
}
