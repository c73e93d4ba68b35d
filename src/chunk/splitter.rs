//! Packs blocks into pieces.

use std::ops::Range;

use super::{ChunkParameters, Piece};
use crate::language::{names_columns, sentences};
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
        within: None,
        head: None,
        open: None,
        pieces: Vec::new(),
    };
    let blocks = whole_blocks(text, blocks);
    for (position, block) in blocks.iter().enumerate() {
        let before = position.checked_sub(1).map(|before| &blocks[before]);
        packer.enter(before, block);
        match block.kind {
            BlockKind::Heading(level) => packer.push_heading(level, block),
            BlockKind::Paragraph
            | BlockKind::ListItem
            | BlockKind::TableRow
            | BlockKind::Preformatted => {
                packer.keep_with_next(block, blocks.get(position + 1));
                packer.push_body(block);
            }
        }
    }
    packer.close();
    packer.pieces
}

/// The most bytes that a token stands for. Ordinary text has four or five; a tokenizer also calls a
/// word of a megabyte, or a run of signs that it does not know, one token, and no piece may be that
/// large.
const BYTES_PER_TOKEN: usize = 16;

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
    /// Tokens of its heading path.
    path: usize,
}

/// What stands above a piece and is embedded with it.
struct Lead {
    text: String,
    tokens: usize,
}

/// A heading in force.
struct Heading {
    level: u8,
    lead: Lead,
}

struct Packer<'a> {
    text: &'a str,
    parameters: &'a ChunkParameters,
    count_tokens: &'a dyn Fn(&str) -> usize,
    /// The headings in force, outermost first.
    headings: Vec<Heading>,
    /// The head of the table, or the line that announces the list, that the present block is in.
    within: Option<Lead>,
    /// The head of the table whose first row was the last block.
    head: Option<Lead>,
    open: Option<Open>,
    pieces: Vec<Piece>,
}

/// What is appended at once: a block, or a part of a block that is too long.
struct Unit {
    range: Range<usize>,
    tokens: usize,
    page: Option<u32>,
    sentences: Vec<Range<usize>>,
    is_body: bool,
}

/// Longer heads and lines are not said again.
const LONGEST_LEAD_TOKENS: usize = 40;

impl Packer<'_> {
    /// What the text there takes of a piece's tokens.
    fn cost(&self, range: &Range<usize>) -> usize {
        let text = &self.text[range.clone()];
        (self.count_tokens)(text).max(text.len().div_ceil(BYTES_PER_TOKEN))
    }

    /// Notes what table or list `block` is in.
    fn enter(&mut self, before: Option<&Block>, block: &Block) {
        let same_run = before.is_some_and(|before| before.kind == block.kind);
        if same_run && matches!(block.kind, BlockKind::TableRow | BlockKind::ListItem) {
            if self.within.is_none() {
                self.within = self.head.take();
            }
            return;
        }
        let head = Some(block).filter(|block| {
            block.kind == BlockKind::TableRow && names_columns(&self.text[block.range.clone()])
        });
        let announcement =
            before.filter(|before| block.kind == BlockKind::ListItem && self.announces(before));
        (self.head, self.within) = (
            head.and_then(|block| self.lead(block)),
            announcement.and_then(|block| self.lead(block)),
        );
    }

    /// What is said again above each piece of a table or list; nothing if it is long.
    fn lead(&self, block: &Block) -> Option<Lead> {
        let tokens = self.cost(&block.range);
        (tokens <= LONGEST_LEAD_TOKENS).then(|| Lead {
            text: self.text[block.range.clone()].to_owned(),
            tokens,
        })
    }

    /// Whether a paragraph only leads to what follows it.
    fn announces(&self, block: &Block) -> bool {
        block.kind == BlockKind::Paragraph && self.text[block.range.clone()].ends_with([':', '?'])
    }

    /// Begins a new piece with a line that announces what would not fit behind it.
    fn keep_with_next(&mut self, block: &Block, next: Option<&Block>) {
        let Some(next) = next.filter(|_| self.announces(block)) else {
            return;
        };
        let cost = self.cost(&block.range) + self.cost(&next.range);
        if cost <= self.room()
            && self
                .open
                .as_ref()
                .is_some_and(|open| open.has_body && cost > self.left_in(open))
        {
            self.close();
        }
    }

    fn push_heading(&mut self, level: u8, block: &Block) {
        let tokens = self.cost(&block.range);
        if tokens > self.parameters.max_tokens / 2 {
            // It would leave no room for what stands under it: it is read as running text.
            let kind = BlockKind::Paragraph;
            return self.push_body(&Block {
                kind,
                ..block.clone()
            });
        }
        let begins_a_piece = self
            .open
            .as_ref()
            .is_some_and(|open| open.has_body && open.tokens >= self.parameters.min_tokens);
        if begins_a_piece {
            self.close();
        }
        self.headings.retain(|above| above.level < level);
        self.append(Unit {
            range: block.range.clone(),
            tokens,
            page: block.page,
            sentences: Vec::new(),
            is_body: false,
        });
        self.headings.push(Heading {
            level,
            lead: Lead {
                text: self.text[block.range.clone()].to_owned(),
                tokens,
            },
        });
    }

    fn push_body(&mut self, block: &Block) {
        let found = match block.kind {
            BlockKind::Paragraph | BlockKind::ListItem => sentences(self.text, block.range.clone()),
            BlockKind::TableRow | BlockKind::Preformatted | BlockKind::Heading(_) => {
                vec![block.range.clone()]
            }
        };
        let tokens = self.cost(&block.range);
        // A heading must not stay alone at the end of a piece: then the block is cut to fill it.
        let may_begin_anew = self.open.as_ref().is_none_or(|open| open.has_body);
        if self
            .open
            .as_ref()
            .is_some_and(|open| tokens <= self.left_in(open))
            || (may_begin_anew && tokens <= self.room())
        {
            self.append(Unit {
                range: block.range.clone(),
                tokens,
                page: block.page,
                sentences: found,
                is_body: true,
            });
            return;
        }
        for sentence in found {
            for (part, tokens) in self.fitting_parts(sentence) {
                self.append(Unit {
                    range: part.clone(),
                    tokens,
                    page: block.page,
                    sentences: vec![part],
                    is_body: true,
                });
            }
        }
    }

    /// Cuts a sentence that no piece can hold at its words.
    fn fitting_parts(&self, sentence: Range<usize>) -> Vec<(Range<usize>, usize)> {
        let room = self.room();
        let tokens = self.cost(&sentence);
        if tokens <= room {
            return vec![(sentence, tokens)];
        }
        let mut parts: Vec<Range<usize>> = Vec::new();
        let mut sum = 0;
        let words = words(self.text, sentence).flat_map(|word| self.fitting_words(word));
        for (word, tokens) in words {
            // Of white space between the words there may be any amount.
            let fits = |part: &Range<usize>| {
                sum + tokens <= room && (word.end - part.start).div_ceil(BYTES_PER_TOKEN) <= room
            };
            match parts.last_mut() {
                Some(part) if fits(part) => {
                    part.end = word.end;
                    sum += tokens;
                }
                _ => {
                    parts.push(word);
                    sum = tokens;
                }
            }
        }
        let with_cost = |part: Range<usize>| (part.clone(), self.cost(&part));
        parts.into_iter().map(with_cost).collect()
    }

    /// Halves a word that no piece can hold until its parts fit: scripts without spaces, encoded
    /// data, rows of dots.
    fn fitting_words(&self, word: Range<usize>) -> Vec<(Range<usize>, usize)> {
        let room = self.room();
        let mut parts = Vec::new();
        let mut waiting = vec![word];
        while let Some(word) = waiting.pop() {
            let middle = self.text.floor_char_boundary(word.start + word.len() / 2);
            let tokens = self.cost(&word);
            if tokens <= room || middle == word.start {
                parts.push((word, tokens));
            } else {
                waiting.push(middle..word.end);
                waiting.push(word.start..middle);
            }
        }
        parts
    }

    /// Tokens for text in a piece that would begin under the present headings.
    fn room(&self) -> usize {
        self.room_under(self.path())
    }

    /// Tokens for more text in a piece that is open.
    fn left_in(&self, open: &Open) -> usize {
        self.room_under(open.path).saturating_sub(open.tokens)
    }

    /// What stands above a piece that would begin here.
    fn leads(&self) -> impl Iterator<Item = &Lead> {
        let headings = self.headings.iter().map(|heading| &heading.lead);
        headings.chain(&self.within)
    }

    /// Tokens of what stands above.
    fn path(&self) -> usize {
        self.leads().map(|lead| lead.tokens + 1).sum()
    }

    fn room_under(&self, path: usize) -> usize {
        // A path so long that it leaves no room is not worth the text it displaces.
        self.parameters
            .max_tokens
            .saturating_sub(path)
            .max(self.parameters.max_tokens / 2)
    }

    fn append(&mut self, unit: Unit) {
        if self.open.as_ref().is_some_and(|open| {
            let bytes = unit.range.end - open.piece.range.start;
            unit.tokens > self.left_in(open)
                || bytes.div_ceil(BYTES_PER_TOKEN) > self.room_under(open.path)
        }) {
            self.close();
        }
        let path = self.path();
        let open = self.open.take();
        let mut open = open.unwrap_or_else(|| Open {
            piece: Piece {
                range: unit.range.clone(),
                heading_path: self.leads().map(|lead| lead.text.clone()).collect(),
                page: unit.page,
                sentences: Vec::new(),
            },
            tokens: 0,
            has_body: false,
            path,
        });
        open.piece.range.end = unit.range.end;
        open.piece.sentences.extend(unit.sentences);
        open.tokens += unit.tokens;
        open.has_body |= unit.is_body;
        self.open = Some(open);
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
    fn sections_are_never_joined() {
        let parts = [
            (BlockKind::Heading(2), "A"),
            (BlockKind::Paragraph, "One two."),
            (BlockKind::Heading(2), "B"),
            (BlockKind::Paragraph, "Three four."),
        ];
        let min_tokens = ChunkParameters::default().min_tokens;
        assert_eq!(pieces_of(&parts, 50, min_tokens).len(), 2);
    }

    #[test]
    fn a_piece_within_a_table_has_its_columns_in_the_path() {
        let rows = [
            (BlockKind::Heading(2), "Motors"),
            (BlockKind::TableRow, "Part | Price"),
            (BlockKind::TableRow, "MX-1 | 10"),
            (BlockKind::TableRow, "MX-2 | 20"),
            (BlockKind::TableRow, "MX-3 | 30"),
        ];
        let pieces = pieces_of(&rows, 10, 0);
        assert_eq!(pieces[0].1, [""; 0]);
        assert!(pieces.len() > 1);
        for piece in &pieces[1..] {
            assert_eq!(piece.1, ["Motors", "Part | Price"], "{pieces:?}");
        }
    }

    #[test]
    fn a_line_that_announces_stays_with_what_it_announces() {
        let list = [
            (BlockKind::Paragraph, "One two three four five six."),
            (BlockKind::Paragraph, "Never store it:"),
            (BlockKind::ListItem, "- in a loft"),
            (BlockKind::ListItem, "- in a bedroom or in the hall"),
        ];
        let pieces = pieces_of(&list, 11, 0);
        assert!(
            pieces[1].0.starts_with("Never store it:\n\n- in a loft"),
            "{pieces:?}"
        );
        assert_eq!(pieces[2].1, ["Never store it:"]);
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

    /// A tokenizer that knows no word of more than eight letters, as those of BERT give up at a
    /// hundred.
    fn count_known_words(text: &str) -> usize {
        let cost = |word: &str| {
            if word.len() > 8 {
                1
            } else {
                word.len().div_ceil(4)
            }
        };
        text.split_whitespace().map(cost).sum()
    }

    #[test]
    fn no_piece_is_larger_than_its_tokens_can_be() {
        let spaces = format!("a{}b", " ".repeat(9_000));
        let word = "é".repeat(50_000);
        for (kind, text) in [
            (BlockKind::Paragraph, word.as_str()),
            (BlockKind::Heading(1), word.as_str()),
            (BlockKind::Preformatted, spaces.as_str()),
            (BlockKind::Paragraph, &"word ".repeat(20_000)),
            (BlockKind::Heading(2), &"word ".repeat(20_000)),
        ] {
            let (text, blocks) = document(&[(kind, text), (BlockKind::Paragraph, "The end.")]);
            let parameters = ChunkParameters {
                max_tokens: 64,
                min_tokens: 16,
                ..ChunkParameters::default()
            };
            let pieces = split(&text, &blocks, &parameters, &count_known_words);
            let longest = pieces.iter().map(|piece| {
                piece.range.len() + piece.heading_path.iter().map(String::len).sum::<usize>()
            });
            assert!(
                longest.max().unwrap() <= 2 * 64 * BYTES_PER_TOKEN,
                "{kind:?}"
            );
            assert!(
                pieces.len() > 1
                    && text[pieces[pieces.len() - 1].range.clone()].ends_with("The end.")
            );
        }
    }

    #[test]
    fn tokens_of_the_headings_are_counted_once() {
        let counted = std::cell::Cell::new(0);
        let count = |text: &str| {
            counted.set(counted.get() + text.len());
            count_words(text)
        };
        let heading = "h".repeat(400);
        let mut parts = vec![(BlockKind::Heading(1), heading.as_str())];
        parts.extend(std::iter::repeat_n(
            (BlockKind::Paragraph, "Some few words."),
            2_000,
        ));
        let (text, blocks) = document(&parts);
        split(&text, &blocks, &ChunkParameters::default(), &count);
        assert!(
            counted.get() < 2 * text.len(),
            "{} of {}",
            counted.get(),
            text.len()
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
