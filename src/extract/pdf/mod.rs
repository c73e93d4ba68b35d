//! PDF text: pages to headings, paragraphs, list items and table rows.
//!
//! lopdf describes and repairs the file (`open`), hayro draws its pages and so gives positioned
//! characters (`glyphs`). From there everything is our own: lines (`layout`), tables
//! (`tables`), reading order (`order`), paragraphs (`paragraphs`, `hyphens`), what repeats
//! on every page (`furniture`), headings (`headings`). Start reading at [`extract`].
//!
//! Loops are bounded, but a hostile file can still exhaust the stack or the memory inside the
//! libraries: callers feed untrusted bytes in a worker process.

mod accents;
mod characters;
mod contents;
mod direction;
mod formulas;
mod fractions;
mod fragments;
mod furniture;
mod glyphs;
mod headings;
mod hyphens;
mod ink;
mod labelled;
mod layout;
mod line;
mod markers;
mod open;
mod order;
mod paragraphs;
mod rows;
mod tables;
mod title;
mod write;

#[cfg(test)]
mod tests;

use glyphs::{GlyphReader, PageGlyphs};
use hyphens::Vocabulary;
use layout::Frame;

use crate::extract::ExtractError;
use crate::model::{Extracted, Warning};

/// Pages with fewer characters than this and an image are scans.
const MIN_CHARACTERS: usize = 20;

/// How much of a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Pages after this many are left out.
    pub max_pages: u32,
    /// Text after this many bytes is left out.
    pub max_text_bytes: usize,
    /// The drawing instructions of one page may take this many bytes when decompressed.
    pub max_decompressed_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pages: 5_000,
            max_text_bytes: 32 << 20,
            max_decompressed_bytes: 64 << 20,
        }
    }
}

/// The readable text of a PDF file.
///
/// A file that wants a password is [`ExtractError::Encrypted`]; one whose pages hold no readable
/// characters is [`ExtractError::NoText`], with the reason. Pages that are lost are named in the
/// warnings.
pub fn extract(bytes: &[u8], limits: &Limits) -> Result<Extracted, ExtractError> {
    let opened = open::open(bytes, limits)?;
    let mut warnings = Vec::new();
    let mut pages = read_pages(&opened, limits, &mut warnings);
    furniture::drop_furniture(
        &mut pages
            .iter_mut()
            .filter_map(|page| page.frames.first_mut())
            .collect::<Vec<_>>(),
    );
    let words = vocabulary_of(&pages);
    let paragraphs: Vec<_> = pages
        .into_iter()
        .flat_map(|page| page_paragraphs(page, &words))
        .collect();
    let written = write::write(&paragraphs, limits.max_text_bytes);
    if written.text.is_empty() {
        return Err(ExtractError::NoText(why_no_text(&warnings)));
    }
    warnings.extend(
        written
            .cut
            .then(|| Warning::Truncated(format!("{} bytes of text", limits.max_text_bytes))),
    );
    Ok(Extracted {
        title: opened.title,
        text: written.text,
        blocks: written.blocks,
        page_count: Some(count(opened.pdf.pages().len())),
        warnings,
        ..Extracted::default()
    })
}

/// One page's lines.
struct PageLines {
    number: u32,
    frames: Vec<Frame>,
}

fn read_pages(
    opened: &open::Opened,
    limits: &Limits,
    warnings: &mut Vec<Warning>,
) -> Vec<PageLines> {
    let pages = opened.pdf.pages();
    let mut reader = GlyphReader::new(opened.pdf.xref());
    let mut read = Vec::new();
    let mut characters = 0_usize;
    for (index, page) in pages.iter().enumerate() {
        let number = count(index + 1);
        if number > limits.max_pages {
            warnings.push(Warning::Truncated(format!("{} pages", limits.max_pages)));
            break;
        }
        if characters > limits.max_text_bytes {
            warnings.push(Warning::Truncated(format!(
                "{} bytes of text",
                limits.max_text_bytes
            )));
            break;
        }
        if !open::content_fits(page, limits.max_decompressed_bytes) {
            let limit = limits.max_decompressed_bytes;
            warnings.push(Warning::Truncated(format!(
                "{limit} decompressed bytes on page {number}"
            )));
            continue;
        }
        let glyphs = reader.read(page);
        characters += glyphs.glyphs.len();
        warnings.extend(doubts(&glyphs, number));
        let frames = if is_unreadable(&glyphs) {
            Vec::new()
        } else {
            layout::frames_of(&glyphs)
        };
        read.push(PageLines { number, frames });
    }
    read
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Whether most of a page's glyphs say nothing, so that the rest is noise.
fn is_unreadable(page: &PageGlyphs) -> bool {
    page.unmapped > 0 && page.unmapped >= visible(page)
}

fn visible(page: &PageGlyphs) -> usize {
    page.glyphs
        .iter()
        .filter(|glyph| glyph.character != ' ')
        .count()
}

fn doubts(page: &PageGlyphs, number: u32) -> Vec<Warning> {
    let mut doubts = Vec::new();
    if page.truncated {
        doubts.push(Warning::Truncated(format!(
            "too many characters on page {number}"
        )));
    }
    if is_unreadable(page) {
        doubts.push(Warning::PageUnreadable(number));
    } else if page.has_image && visible(page) < MIN_CHARACTERS {
        doubts.push(Warning::PageNeedsOcr(number));
    }
    doubts
}

fn vocabulary_of(pages: &[PageLines]) -> Vocabulary {
    let mut words = Vocabulary::default();
    for frame in pages.iter().flat_map(|page| &page.frames) {
        for line in &frame.lines {
            words.learn(line);
        }
    }
    words
}

fn page_paragraphs(page: PageLines, words: &Vocabulary) -> Vec<paragraphs::Paragraph> {
    page.frames
        .into_iter()
        .flat_map(|frame| {
            let pitch = order::usual_pitch(&frame.lines);
            paragraphs::paragraphs_of(order::pieces_of(frame), page.number, pitch, words)
        })
        .collect()
}

fn why_no_text(warnings: &[Warning]) -> String {
    let has = |wanted: fn(&Warning) -> bool| warnings.iter().any(wanted);
    if has(|warning| matches!(warning, Warning::PageNeedsOcr(_))) {
        "the pages are images and need OCR first".to_owned()
    } else if has(|warning| matches!(warning, Warning::PageUnreadable(_))) {
        "the fonts do not say which characters their glyphs are; OCR could read it".to_owned()
    } else {
        "the pages are empty".to_owned()
    }
}
