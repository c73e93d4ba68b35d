//! Whether a block is running text.

use super::flatten::FlatBlock;
use crate::model::extracted::BlockKind;

/// Bytes of own text from which a paragraph is prose although it ends in no full stop.
pub(super) const PROSE_BYTES: usize = 140;
/// Shorter sentences may be labels.
const SENTENCE_BYTES: usize = 40;

/// Whether a block is running text: a sentence, or long.
pub(super) fn is_prose(block: &FlatBlock) -> bool {
    let is_text = matches!(block.kind, BlockKind::Paragraph | BlockKind::ListItem);
    let own = block.ink.own();
    is_text && (own >= PROSE_BYTES || (own >= SENTENCE_BYTES && ends_sentence(&block.html)))
}

/// Whether the text ends as a sentence does, in any of the scripts that mark it.
pub(super) fn ends_sentence(html: &str) -> bool {
    let text = html
        .trim_end()
        .trim_end_matches(['"', '”', '’', ')', '\'', '»', '」']);
    text.ends_with(['.', '!', '?', '…', ':', '。', '！', '？', '।', '؟'])
}
