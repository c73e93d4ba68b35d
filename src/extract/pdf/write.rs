//! Paragraphs to the text and blocks that the rest of the program knows.

use super::headings::{body_of, levels_of};
use super::hyphens::{Vocabulary, join_line};
use super::paragraphs::{Form, Paragraph};
use crate::model::{Block, BlockKind};

/// The text, its blocks, and whether a limit cut it.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// The readable text.
    pub(super) text: String,
    /// Its structure.
    pub(super) blocks: Vec<Block>,
    /// Whether paragraphs were left out.
    pub(super) cut: bool,
}

impl Written {
    /// Writes what a page break cut off the paragraph before.
    fn go_on(&mut self, body: &str, kind: BlockKind, page: u32, words: &Vocabulary) {
        join_line(&mut self.text, body, words);
        let range = self.text.len() - body.len()..self.text.len();
        if let Some(last) = self.blocks.last_mut() {
            // A hyphen between the two may be gone.
            last.range.end = last.range.end.min(range.start);
        }
        self.blocks.push(Block {
            kind,
            range,
            page: Some(page),
        });
    }
}

/// Writes paragraphs one after the other until `max_bytes` are full.
pub(super) fn write(paragraphs: &[Paragraph], max_bytes: usize, words: &Vocabulary) -> Written {
    let levels = levels_of(paragraphs, body_of(paragraphs));
    let mut written = Written::default();
    let mut before: Option<BlockKind> = None;
    for (paragraph, level) in paragraphs.iter().zip(levels) {
        let body = tidy(&paragraph.text);
        if body.is_empty() {
            continue;
        }
        if written.text.len() + body.len() + 2 > max_bytes {
            written.cut = true;
            break;
        }
        if let Some(kind) = before.filter(|_| paragraph.goes_on) {
            written.go_on(&body, kind, paragraph.page, words);
            continue;
        }
        let kind = kind_of(paragraph.form, level);
        written
            .text
            .push_str(before.map_or("", |before| separator(before, kind)));
        let start = written.text.len();
        written.text.push_str(&body);
        written.blocks.push(Block {
            kind,
            range: start..written.text.len(),
            page: Some(paragraph.page),
        });
        before = Some(kind);
    }
    written
}

fn kind_of(form: Form, level: Option<u8>) -> BlockKind {
    match (form, level) {
        (Form::Item, _) => BlockKind::ListItem,
        (Form::Row, _) => BlockKind::TableRow,
        (Form::Text, Some(level)) => BlockKind::Heading(level),
        (Form::Text, None) => BlockKind::Paragraph,
    }
}

fn separator(before: BlockKind, kind: BlockKind) -> &'static str {
    match (before, kind) {
        (BlockKind::ListItem, BlockKind::ListItem) | (BlockKind::TableRow, BlockKind::TableRow) => {
            "\n"
        }
        _ => "\n\n",
    }
}

/// Single spaces, no soft hyphens, leaders shortened.
fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if is_leader(word) && tidied.ends_with(|character: char| !character.is_whitespace()) {
            if !tidied.ends_with('…') {
                tidied.push_str(" …");
            }
            continue;
        }
        if !tidied.is_empty() {
            tidied.push(' ');
        }
        tidied.extend(word.chars().filter(|&character| character != '\u{AD}'));
    }
    tidied.trim().to_owned()
}

/// Dots or lines that lead the eye from an entry to its page number.
fn is_leader(word: &str) -> bool {
    word.len() >= 4
        && word
            .chars()
            .all(|character| matches!(character, '.' | '_' | '·' | '…' | '-' | '–'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_tidied() {
        assert_eq!(tidy("  a\u{AD}b   c "), "ab c");
        assert_eq!(tidy("Introduction ........ 3"), "Introduction … 3");
    }

    #[test]
    fn a_byte_limit_cuts_between_paragraphs() {
        let paragraph = Paragraph {
            text: "twelve bytes".to_owned(),
            form: Form::Text,
            size: 10.0,
            weight: None,
            lines: 1,
            page: 1,
            goes_on: false,
        };
        let words = Vocabulary::default();
        let written = write(&[paragraph.clone(), paragraph], 20, &words);
        assert_eq!(written.text, "twelve bytes");
        assert!(written.cut);
    }
}
