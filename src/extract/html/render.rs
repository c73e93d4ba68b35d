//! Flat blocks to the text that a person reads.
//!
//! html2text renders everything that is kept, in one pass: entities, white space, line breaks,
//! superscripts, preformatted text. A mark in front of each block tells the pieces apart again.

use super::super::ExtractError;
use super::super::builder::{TextBuilder, has_words};
use super::super::text::list_item;
use super::flatten::FlatBlock;
use crate::model::extracted::BlockKind;

/// Begins each block in the rendered text. Private use, and taken out of the page's own text.
const MARK: char = '\u{E000}';
/// Wide enough that no line is ever wrapped.
const WIDTH: usize = 1 << 30;

/// Renders `blocks` into `builder`.
pub(super) fn render(blocks: &[FlatBlock], builder: &mut TextBuilder) -> Result<(), ExtractError> {
    let rendered = html2text::config::plain_no_decorate()
        .no_table_borders()
        .link_footnotes(false)
        .no_link_wrapping()
        .unicode_strikeout(false)
        .string_from_read(marked(blocks).as_bytes(), WIDTH)
        .map_err(|error| ExtractError::Malformed {
            kind: "HTML",
            reason: error.to_string(),
        })?;
    let texts = rendered.split(MARK).skip(1);
    for (block, text) in blocks.iter().zip(texts) {
        push(block.kind, text, builder);
    }
    Ok(())
}

fn marked(blocks: &[FlatBlock]) -> String {
    let mut html = String::new();
    for block in blocks {
        let tag = if block.kind == BlockKind::Preformatted {
            "pre"
        } else {
            "p"
        };
        html.push('<');
        html.push_str(tag);
        html.push('>');
        html.push(MARK);
        html.push_str(block.html.trim_matches([' ', '\t']));
        html.push_str("</");
        html.push_str(tag);
        html.push('>');
    }
    html
}

fn push(kind: BlockKind, text: &str, builder: &mut TextBuilder) {
    match kind {
        BlockKind::Paragraph => push_lines(text, builder),
        BlockKind::Heading(_)
        | BlockKind::ListItem
        | BlockKind::TableRow
        | BlockKind::Preformatted => builder.push(kind, text, None),
    }
}

/// A paragraph, of which lines may be list items set with bullets and line breaks, and empty lines
/// may part paragraphs.
fn push_lines(text: &str, builder: &mut TextBuilder) {
    let mut paragraph = String::new();
    for line in text.trim().lines() {
        let item = list_item(line);
        if item.is_some() || line.trim().is_empty() {
            push_paragraph(&mut paragraph, builder);
        }
        if let Some(item) = item {
            builder.push(BlockKind::ListItem, &item, None);
        } else {
            paragraph.push(' ');
            paragraph.push_str(line);
        }
    }
    push_paragraph(&mut paragraph, builder);
}

fn push_paragraph(paragraph: &mut String, builder: &mut TextBuilder) {
    if has_words(paragraph) {
        builder.push(BlockKind::Paragraph, paragraph, None);
    }
    paragraph.clear();
}
