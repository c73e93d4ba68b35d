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
mod aligned;
mod annotations;
mod characters;
mod contents;
mod direction;
mod formulas;
mod fractions;
mod fragments;
mod frame;
mod furniture;
mod glyph;
mod glyphs;
mod grid;
mod headings;
mod hyphens;
mod ink;
mod labelled;
mod layout;
mod line;
mod lines;
mod markers;
mod mend;
mod open;
mod order;
mod paragraphs;
mod rebuild;
mod recognised;
mod rows;
mod scans;
mod table;
mod tables;
mod title;
mod write;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use recognised::insert_recognised;

use frame::Frame;
use glyph::PageGlyphs;
use glyphs::GlyphReader;
use hyphens::Vocabulary;
use paragraphs::Paragraph;
use table::Table;

use crate::extract::ExtractError;
use crate::model::{Dropped, Extracted, Scanned, Warning};

/// Pages with fewer characters than this and an image are scans.
const MIN_CHARACTERS: usize = 20;

/// Pictures of scans that one reply holds, about.
const MAX_SCAN_BYTES: usize = 48 << 20;

/// How much of a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Pages after this many are left out.
    pub max_pages: u32,
    /// Text after this many bytes is left out.
    pub max_text_bytes: usize,
    /// The first page of which a picture is made if it is a scan; `None` for no pictures.
    pub scans_from: Option<u32>,
    /// The drawing instructions of one page may take this many bytes when decompressed.
    pub max_decompressed_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pages: 5_000,
            max_text_bytes: 32 << 20,
            scans_from: None,
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
    match read(opened, limits) {
        Err(ExtractError::NoText(reason)) => match open::reopen(bytes) {
            Some(opened) => read(opened, limits).map_err(|_| ExtractError::NoText(reason)),
            None => Err(ExtractError::NoText(reason)),
        },
        read => read,
    }
}

fn read(opened: open::Opened, limits: &Limits) -> Result<Extracted, ExtractError> {
    let mut warnings = Vec::new();
    let mut scans = Vec::new();
    let mut pages = read_pages(&opened, limits, &mut warnings, &mut scans);
    let attached = annotations::attachments(opened.pdf.xref(), opened.pdf.pages().iter());
    warnings.extend(attached.into_iter().map(Warning::Attachment));
    let dropped = drop_furniture(&mut pages);
    carry_headers(&mut pages);
    let words = vocabulary_of(&pages);
    let paragraphs = paragraphs_of(pages, &words);
    let written = write::write(&paragraphs, limits.max_text_bytes, &words);
    // Who asks for the scans of later pages has had the first.
    let has_more = limits.scans_from.is_some_and(|from| from > 1);
    if written.text.is_empty() && scans.is_empty() && !has_more {
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
        dropped,
        scans,
        ..Extracted::default()
    })
}

/// One page's lines.
struct PageLines {
    number: u32,
    frames: Vec<Frame>,
    /// What the file itself calls a running head or a page number.
    artifacts: Vec<String>,
    /// What notes say that the page does not show.
    notes: Vec<String>,
}

/// Drops what repeats from page to page and lists it with what the file itself marks so.
fn drop_furniture(pages: &mut [PageLines]) -> Vec<Dropped> {
    let mut marked: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for page in pages.iter_mut() {
        for text in std::mem::take(&mut page.artifacts) {
            marked.entry(text).or_default().push(page.number);
        }
    }
    let numbers: Vec<u32> = pages.iter().map(|page| page.number).collect();
    let mut upright: Vec<&mut Frame> = pages
        .iter_mut()
        .filter_map(|page| page.frames.first_mut())
        .collect();
    let found = furniture::drop_furniture(&mut upright);
    let repeated = found.into_iter().map(|one| Dropped {
        text: one.text,
        pages: one.pages.into_iter().map(|index| numbers[index]).collect(),
    });
    let marked = marked
        .into_iter()
        .map(|(text, pages)| Dropped { text, pages });
    repeated.chain(marked).collect()
}

/// Gives tables that go on from the page before the header row that stands there.
fn carry_headers(pages: &mut [PageLines]) {
    let mut open: Option<(Table, Vec<String>, u32)> = None;
    for page in pages {
        let Some(frame) = page.frames.first_mut() else {
            open = None;
            continue;
        };
        if let Some((above, header, number)) = open.take()
            && let Some(first) = frame.first_table()
            && first.goes_on_from(&above)
        {
            first.header = Some((header, number));
        }
        open = frame.last_table().and_then(|last| {
            let own = last.header_row().map(|row| (row.clone(), page.number));
            let (header, number) = own.or_else(|| last.header.clone())?;
            Some((last.clone(), header, number))
        });
    }
}

fn read_pages(
    opened: &open::Opened,
    limits: &Limits,
    warnings: &mut Vec<Warning>,
    scans: &mut Vec<Scanned>,
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
        let mut glyphs = reader.read(page);
        characters += glyphs.glyphs.len();
        let doubts = doubts(&glyphs, number);
        if doubts.contains(&Warning::PageNeedsOcr(number))
            && limits.scans_from.is_some_and(|from| number >= from)
            && scans.iter().map(|scan| scan.image.len()).sum::<usize>() < MAX_SCAN_BYTES
        {
            let image = reader.picture(page);
            scans.push(Scanned {
                page: number,
                image,
            });
        }
        warnings.extend(doubts);
        let notes = std::mem::take(&mut glyphs.notes);
        let artifacts = layout::texts_of(&std::mem::take(&mut glyphs.artifacts));
        let frames = if is_unreadable(&glyphs) {
            vec![Frame::default()]
        } else {
            layout::frames_of(glyphs)
        };
        read.push(PageLines {
            number,
            frames,
            artifacts,
            notes,
        });
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

/// The paragraphs of all pages; one that a page break cuts is two, and the second says so.
fn paragraphs_of(pages: Vec<PageLines>, words: &Vocabulary) -> Vec<Paragraph> {
    let mut all: Vec<Paragraph> = Vec::new();
    for page in pages {
        let start = all.len();
        all.extend(page_paragraphs(page, words));
        if let (Some(last), Some(next)) = (start.checked_sub(1), all.get(start))
            && paragraphs::continues(&all[last], next)
        {
            all[start].goes_on = true;
        }
    }
    all
}

fn page_paragraphs(page: PageLines, words: &Vocabulary) -> Vec<Paragraph> {
    let notes = page
        .notes
        .iter()
        .map(|text| Paragraph::note(text, page.number));
    let frames = page.frames.into_iter().flat_map(|frame| {
        let pitch = order::usual_pitch(&frame.lines);
        paragraphs::paragraphs_of(order::pieces_of(frame), page.number, pitch, words)
    });
    frames.chain(notes).collect()
}

fn why_no_text(warnings: &[Warning]) -> String {
    let has = |wanted: fn(&Warning) -> bool| warnings.iter().any(wanted);
    if has(|warning| matches!(warning, Warning::PageNeedsOcr(_))) {
        "the pages are images: install tesseract, or name another OCR program with --ocr-command"
            .to_owned()
    } else if has(|warning| matches!(warning, Warning::PageUnreadable(_))) {
        "the fonts do not say which characters their glyphs are; OCR could read it".to_owned()
    } else {
        "the pages are empty".to_owned()
    }
}
