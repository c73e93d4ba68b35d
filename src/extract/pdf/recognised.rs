//! Text that an OCR program has read, put where its page belongs.

use super::hyphens::{Vocabulary, join_line};
use crate::extract::builder::clean_line;
use crate::model::{Block, BlockKind, Extracted, Warning};

/// Puts `text`, the lines of page `page`, into `extracted` and marks the page as read by OCR. A text
/// without words changes nothing.
pub fn insert_recognised(extracted: &mut Extracted, page: u32, text: &str) {
    let paragraphs = paragraphs_of(text);
    if paragraphs.is_empty() {
        return;
    }
    let place = extracted
        .blocks
        .partition_point(|block| block.page.is_none_or(|other| other < page));
    let at = match place.checked_sub(1) {
        Some(before) => extracted.blocks[before].range.end,
        None => 0,
    };
    let mut written = String::new();
    let mut blocks = Vec::new();
    for paragraph in &paragraphs {
        if at > 0 || !written.is_empty() {
            written.push_str("\n\n");
        }
        let start = at + written.len();
        written.push_str(paragraph);
        blocks.push(Block {
            kind: BlockKind::Paragraph,
            range: start..at + written.len(),
            page: Some(page),
        });
    }
    if place == 0 && !extracted.blocks.is_empty() {
        written.push_str("\n\n");
    }
    extracted.text.insert_str(at, &written);
    for block in &mut extracted.blocks[place..] {
        block.range.start += written.len();
        block.range.end += written.len();
    }
    extracted.blocks.splice(place..place, blocks);
    for warning in &mut extracted.warnings {
        if *warning == Warning::PageNeedsOcr(page) {
            *warning = Warning::PageReadByOcr(page);
        }
    }
}

/// Paragraphs are parted by empty lines.
fn paragraphs_of(text: &str) -> Vec<String> {
    let words = Vocabulary::default();
    let mut paragraphs = vec![String::new()];
    for line in text.lines().map(clean_line) {
        match paragraphs.last_mut() {
            Some(last) if !line.is_empty() => join_line(last, &line, &words),
            Some(last) if !last.is_empty() => paragraphs.push(String::new()),
            _ => {}
        }
    }
    paragraphs.retain(|paragraph| paragraph.chars().any(char::is_alphanumeric));
    paragraphs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_was_read_stands_between_its_neighbours() {
        let text = "Before it.\n\nBehind it.";
        let block = |range, page| Block {
            kind: BlockKind::Paragraph,
            range,
            page: Some(page),
        };
        let mut extracted = Extracted {
            text: text.to_owned(),
            blocks: vec![block(0..10, 1), block(12..22, 3)],
            warnings: vec![Warning::PageNeedsOcr(2)],
            ..Extracted::default()
        };
        insert_recognised(
            &mut extracted,
            2,
            "Turn the pump\noff by hand.\n\n \nThen wait.\n\u{c}",
        );
        let read: Vec<(u32, &str)> = extracted
            .blocks
            .iter()
            .map(|block| (block.page.unwrap(), &extracted.text[block.range.clone()]))
            .collect();
        assert_eq!(
            read,
            [
                (1, "Before it."),
                (2, "Turn the pump off by hand."),
                (2, "Then wait."),
                (3, "Behind it."),
            ]
        );
        assert_eq!(extracted.warnings, [Warning::PageReadByOcr(2)]);
        insert_recognised(&mut extracted, 1, " \n");
        assert_eq!(extracted.blocks.len(), 4);
    }

    #[test]
    fn the_first_page_of_nothing_begins_the_text() {
        let mut extracted = Extracted::default();
        insert_recognised(&mut extracted, 2, "Second.");
        insert_recognised(&mut extracted, 1, "First.");
        assert_eq!(extracted.text, "First.\n\nSecond.");
    }
}
