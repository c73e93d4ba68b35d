//! Opening a file: what lopdf says about it, and a document that hayro can draw.
//!
//! The two readers forgive different damage. If hayro cannot open the bytes, lopdf rewrites them;
//! if lopdf cannot describe them, the file is simply without a title.

use hayro_interpret::hayro_syntax::object::{Array, Dict, Name, Object as DrawnObject, Stream};
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use lopdf::{Dictionary, Document, Error, LoadOptions, Object};

use super::title::fit_title;
use super::{Limits, mend, rebuild};
use crate::extract::ExtractError;

/// A stream of deflated bytes grows at most this much.
const MAX_INFLATION: usize = 1_032;

/// An open file.
pub(super) struct Opened {
    /// The document to draw.
    pub(super) pdf: Pdf,
    /// Its title, if fit to show.
    pub(super) title: Option<String>,
}

/// Opens `bytes`, repairing them if needed.
pub(super) fn open(bytes: &[u8], limits: &Limits) -> Result<Opened, ExtractError> {
    let described = Document::load_metadata_mem_with_password(bytes, "");
    let locked = matches!(&described, Err(Error::InvalidPassword));
    let title = described
        .ok()
        .and_then(|metadata| metadata.title)
        .and_then(|title| fit_title(&title));
    match Pdf::new(bytes.to_vec()) {
        Ok(pdf) if !pdf.pages().is_empty() => {
            let pdf = with_mended_fonts(pdf, bytes, limits);
            Ok(Opened { pdf, title })
        }
        Err(LoadPdfError::Decryption(DecryptionError::PasswordProtected)) => {
            Err(ExtractError::Encrypted)
        }
        Err(LoadPdfError::Decryption(_)) if locked => Err(ExtractError::Encrypted),
        Ok(_) | Err(_) => {
            let pdf = repaired(bytes, limits).or_else(|error| {
                let is_damaged = matches!(error, ExtractError::Malformed { .. });
                is_damaged.then(|| rebuilt(bytes)).flatten().ok_or(error)
            })?;
            Ok(Opened { pdf, title })
        }
    }
}

/// The file with a page tree of whatever pages are still in it.
fn rebuilt(bytes: &[u8]) -> Option<Pdf> {
    let pdf = Pdf::new(rebuild::rebuilt(bytes)?).ok()?;
    (!pdf.pages().is_empty()).then_some(pdf)
}

/// A second try for a file that opened without a word to read: it may have been cut off, its last
/// stream without an end. `None` for whole files.
pub(super) fn reopen(bytes: &[u8]) -> Option<Opened> {
    let pdf = rebuild::is_cut(bytes).then(|| rebuilt(bytes))??;
    Some(Opened { pdf, title: None })
}

/// The same file with what its fonts lack, if they lack anything that can be known.
fn with_mended_fonts(pdf: Pdf, bytes: &[u8], limits: &Limits) -> Pdf {
    let pages = pdf.pages().len();
    if !pdf.pages().iter().any(mend::needs_mending) {
        return pdf;
    }
    mend::mended(bytes, limits.max_decompressed_bytes)
        .and_then(|mended| Pdf::new(mended).ok())
        .filter(|mended| mended.pages().len() == pages)
        .unwrap_or(pdf)
}

/// The file as lopdf writes it anew.
fn repaired(bytes: &[u8], limits: &Limits) -> Result<Pdf, ExtractError> {
    let options = LoadOptions {
        password: Some(String::new()),
        max_decompressed_size: Some(limits.max_decompressed_bytes),
        ..LoadOptions::default()
    };
    let mut document =
        Document::load_mem_with_options(bytes, options).map_err(|error| refusal(&error))?;
    if document.is_encrypted() {
        return Err(ExtractError::Encrypted);
    }
    if document.page_iter().next().is_none() {
        return Err(malformed("it has no pages".to_owned()));
    }
    let mut rewritten = Vec::new();
    document
        .save_to(&mut rewritten)
        .map_err(|error| malformed(one_line(&error.to_string())))?;
    match Pdf::new(rewritten) {
        Ok(pdf) if !pdf.pages().is_empty() => Ok(pdf),
        Ok(_) | Err(_) => Err(malformed("its pages cannot be read".to_owned())),
    }
}

fn refusal(error: &Error) -> ExtractError {
    if matches!(error, Error::InvalidPassword) {
        return ExtractError::Encrypted;
    }
    malformed(one_line(&error.to_string()))
}

fn malformed(reason: String) -> ExtractError {
    ExtractError::Malformed {
        kind: "PDF",
        reason,
    }
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the page's drawing instructions stay within `limit` when decompressed.
///
/// hayro decompresses without a bound, so streams that could grow past it are tried out first.
pub(super) fn content_fits(page: &Page<'_>, limit: usize) -> bool {
    let mut room = limit;
    let contents = page.raw();
    if let Some(stream) = contents.get::<Stream<'_>>("Contents") {
        return stream_fits(&stream, &mut room) && forms_fit(page, &mut room);
    }
    let parts = contents.get::<Array<'_>>("Contents");
    parts.is_none_or(|parts| {
        parts
            .iter::<Stream<'_>>()
            .all(|stream| stream_fits(&stream, &mut room))
    }) && forms_fit(page, &mut room)
}

fn forms_fit(page: &Page<'_>, room: &mut usize) -> bool {
    let objects = &page.resources().x_objects;
    objects.keys().take(1_000).all(|name| {
        let Some(stream) = objects.get::<Stream<'_>>(&name) else {
            return true;
        };
        let is_form = stream
            .dict()
            .get::<Name<'_>>("Subtype")
            .is_some_and(|kind| kind.as_ref() == b"Form");
        !is_form || stream_fits(&stream, room)
    })
}

/// Whether the stream fits in `room`, which it then takes up.
fn stream_fits(stream: &Stream<'_>, room: &mut usize) -> bool {
    let filters = filters_of(stream.dict());
    let raw = stream.raw_data();
    let worst = filters
        .iter()
        .fold(raw.len(), |size, _| size.saturating_mul(MAX_INFLATION));
    if worst <= *room / 8 {
        return true;
    }
    let mut dictionary = Dictionary::new();
    dictionary.set(
        "Filter",
        Object::Array(filters.into_iter().map(Object::Name).collect()),
    );
    let copy = lopdf::Stream::new(dictionary, raw.into_owned());
    match copy.decompressed_content_with_limit(*room) {
        Ok(content) => {
            *room = room.saturating_sub(content.len());
            true
        }
        Err(Error::Decompress(lopdf::DecompressError::MemoryLimitExceeded { .. })) => false,
        // Damaged data: hayro salvages what it can, which is less than the whole.
        Err(_) => true,
    }
}

fn filters_of(dict: &Dict<'_>) -> Vec<Vec<u8>> {
    match dict.get::<DrawnObject<'_>>("Filter") {
        Some(DrawnObject::Name(name)) => vec![name.as_ref().to_vec()],
        Some(DrawnObject::Array(names)) => names
            .iter::<Name<'_>>()
            .take(8)
            .map(|name| name.as_ref().to_vec())
            .collect(),
        _ => Vec::new(),
    }
}
