//! Blocks of a text that comes without any.

use crate::model::{Block, BlockKind};

/// Blocks of a text that has none: each line one, told apart by its signs.
pub fn blocks_of_lines(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let begin = start + (line.len() - line.trim_start().len());
        start += line.len();
        if trimmed.is_empty() {
            continue;
        }
        let kind = if trimmed.starts_with("- ") {
            BlockKind::ListItem
        } else if trimmed.contains(" | ") {
            BlockKind::TableRow
        } else {
            BlockKind::Paragraph
        };
        blocks.push(Block {
            kind,
            range: begin..begin + trimmed.len(),
            page: None,
        });
    }
    blocks
}
