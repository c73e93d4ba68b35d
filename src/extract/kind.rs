//! What kind of file bytes are.

use memchr::memmem;

use super::{charset, gzip};
use crate::model::ContentKind;

/// How much of a file is looked at for its kind.
const FRONT: usize = 8 * 1024;
/// The compound files in which Office kept documents before 2007, and keeps encrypted ones.
const COMPOUND: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
const ZIP: &[u8] = b"PK\x03\x04";

/// Names of parts that tell packages of Office Open XML apart.
const MAIN_PARTS: [(&[u8], ContentKind); 3] = [
    (b"word/document", ContentKind::Docx),
    (b"ppt/presentation", ContentKind::Pptx),
    (b"xl/workbook", ContentKind::Xlsx),
];
/// What the first entry of a package says that it is.
const MEDIA_TYPES: [(&str, ContentKind); 4] = [
    ("application/vnd.oasis.opendocument.text", ContentKind::Odt),
    (
        "application/vnd.oasis.opendocument.presentation",
        ContentKind::Odp,
    ),
    (
        "application/vnd.oasis.opendocument.spreadsheet",
        ContentKind::Ods,
    ),
    ("application/epub+zip", ContentKind::Epub),
];
/// Declared types of text; packages are known by their bytes.
const DECLARED: [(&str, ContentKind); 24] = [
    ("text/html", ContentKind::Html),
    ("application/xhtml+xml", ContentKind::Html),
    ("text/markdown", ContentKind::Markdown),
    ("text/x-markdown", ContentKind::Markdown),
    ("text/csv", ContentKind::Csv),
    ("text/tab-separated-values", ContentKind::Csv),
    ("application/csv", ContentKind::Csv),
    ("text/rtf", ContentKind::Rtf),
    ("application/rtf", ContentKind::Rtf),
    ("message/rfc822", ContentKind::Mail),
    ("multipart/related", ContentKind::Mail),
    ("application/json", ContentKind::Json),
    ("application/x-ndjson", ContentKind::Json),
    ("application/jsonl", ContentKind::Json),
    ("application/x-ipynb+json", ContentKind::Notebook),
    ("application/xml", ContentKind::Xml),
    ("text/xml", ContentKind::Xml),
    ("text/vtt", ContentKind::Captions),
    ("application/x-subrip", ContentKind::Captions),
    ("text/prs.fallenstein.rst", ContentKind::Rst),
    ("text/x-rst", ContentKind::Rst),
    ("text/asciidoc", ContentKind::AsciiDoc),
    ("text/x-asciidoc", ContentKind::AsciiDoc),
    ("text/org", ContentKind::Org),
];
/// Elements of HTML with which a part of a page begins.
const HTML_PARTS: [&str; 16] = [
    "body", "div", "p", "h1", "h2", "h3", "table", "ul", "ol", "dl", "section", "article", "main",
    "header", "head", "form",
];
/// Beginnings of files that are none of ours, and what they are.
const OTHERS: [(&[u8], &str); 20] = [
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xFF\xD8\xFF", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"BM", "a picture (BMP)"),
    (b"II*\0", "a picture (TIFF)"),
    (b"MM\0*", "a picture (TIFF)"),
    (b"\0\0\x01\0", "a picture (icon)"),
    (b"RIFF", "a picture, sound or film (RIFF)"),
    (b"ID3", "sound (MP3)"),
    (b"OggS", "sound or film (Ogg)"),
    (b"fLaC", "sound (FLAC)"),
    (b"\x1A\x45\xDF\xA3", "a film (Matroska)"),
    (b"PK", "an archive of files; unpack it to have them read"),
    (
        b"7z\xBC\xAF",
        "an archive of files; unpack it to have them read",
    ),
    (b"Rar!", "an archive of files; unpack it to have them read"),
    (b"\x1F\x8B", "packed data of no kind that is read"),
    (b"BZh", "packed data; unpack it to have it read"),
    (b"\x7FELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3\0", "a database (SQLite)"),
];

/// Tells the kind from the bytes first, then from the declared type, then from the extension of the
/// name: servers mislabel, names lie. `None` is a file of no kind that is read; [`unread`] says what
/// it is.
pub fn sniff(bytes: &[u8], content_type: Option<&str>, name: &str) -> Option<ContentKind> {
    if let Some(front) = gzip::front(bytes, FRONT) {
        let inner = name.trim_end_matches(".gz");
        return sniff_plain(&front, None, inner);
    }
    sniff_plain(bytes, content_type, name)
}

/// What a file is that [`sniff`] does not know.
pub fn unread(bytes: &[u8]) -> &'static str {
    if bytes.is_empty() {
        return "empty";
    }
    if bytes.starts_with(COMPOUND) {
        return "a file of Office before 2007; save it as .docx, .pptx or .xlsx";
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return "a film (MP4)";
    }
    if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return what;
    }
    match charset::front_as_text(&bytes[..bytes.len().min(FRONT)]) {
        Some(_) => "text of a type that is not read",
        None => "binary data of no kind that is read",
    }
}

fn sniff_plain(bytes: &[u8], content_type: Option<&str>, name: &str) -> Option<ContentKind> {
    let extension = extension(name);
    let by_name = extension.and_then(ContentKind::from_extension);
    if bytes.starts_with(ZIP) {
        return package(bytes);
    }
    if bytes.starts_with(COMPOUND) {
        return compound(bytes, by_name);
    }
    // The format allows up to 1,024 bytes of junk in front of the header.
    let head = &bytes[..bytes.len().min(1024)];
    if memmem::find(head, b"%PDF-").is_some() {
        return Some(ContentKind::Pdf);
    }
    if bytes.starts_with(b"{\\rtf") {
        return Some(ContentKind::Rtf);
    }
    let declared = content_type
        .and_then(|text| text.split(';').next())
        .map(|text| text.trim().to_ascii_lowercase());
    // Beginnings that no text has.
    let is_other = |(magic, _): &(&[u8], &str)| !magic.is_ascii() && bytes.starts_with(magic);
    if OTHERS.iter().any(is_other) {
        return None;
    }
    let front = &bytes[..bytes.len().min(FRONT)];
    let Some(text) = charset::front_as_text(front) else {
        // A damaged file of a kind that is no text: its reader says what is wrong with it.
        return by_name.filter(|kind| declared.is_none() && !is_text(*kind));
    };
    let by_name = by_name.filter(|kind| is_text(*kind) || content_type.is_some());
    of_text(&text, declared.as_deref(), by_name, extension)
}

/// The kind of a file that is text, of which `text` is the front.
fn of_text(
    text: &str,
    declared: Option<&str>,
    by_name: Option<ContentKind>,
    extension: Option<&str>,
) -> Option<ContentKind> {
    let from_label = declared.and_then(|declared| {
        let known = DECLARED.iter().find(|(label, _)| *label == declared);
        known.map(|(_, kind)| *kind)
    });
    match declared {
        // A server that knows nothing better says this of Markdown and even of HTML.
        None | Some("" | "text/plain" | "application/octet-stream") => {}
        Some(_) => return from_label.map(|kind| by_content(text, Some(kind)).unwrap_or(kind)),
    }
    if let Some(kind) = by_content(text, by_name) {
        return Some(kind);
    }
    match declared {
        Some("text/plain") => Some(
            by_name
                .filter(|kind| is_text(*kind))
                .unwrap_or(ContentKind::Text),
        ),
        Some(_) => by_name
            .filter(|kind| is_text(*kind))
            .or_else(|| looks_like_html(text).then_some(ContentKind::Html)),
        None => by_name.or_else(|| {
            if looks_like_html(text) {
                Some(ContentKind::Html)
            } else if extension.is_some() {
                // Of text with an unknown extension nothing is known but its lines.
                Some(ContentKind::Lines)
            } else {
                Some(ContentKind::Text)
            }
        }),
    }
}

/// What text says of itself, whatever its label says.
fn by_content(text: &str, label: Option<ContentKind>) -> Option<ContentKind> {
    let text = text.trim_start_matches('\u{FEFF}').trim_start();
    let is_prose = matches!(
        label,
        None | Some(ContentKind::Text | ContentKind::Html | ContentKind::Xml)
    );
    let root = root_element(text);
    if text.starts_with("WEBVTT") {
        return Some(ContentKind::Captions);
    }
    let is_part = |root: &str| {
        let is_bare = !matches!(label, Some(ContentKind::Html | ContentKind::Xml));
        is_bare && HTML_PARTS.contains(&root) && text.contains(&format!("</{root}>"))
    };
    if is_prose && root.is_some_and(|root| root == "html" || is_part(&root)) {
        return Some(ContentKind::Html);
    }
    if label.is_none() && text.starts_with("#!") {
        return Some(ContentKind::Lines);
    }
    if is_prose && label != Some(ContentKind::Html) && text.starts_with("<?xml") {
        return Some(ContentKind::Xml);
    }
    if matches!(label, None | Some(ContentKind::Json)) && text.starts_with('{') {
        let is_notebook = text.contains("\"cell_type\"") && text.contains("\"cells\"");
        return is_notebook.then_some(ContentKind::Notebook);
    }
    let may_be_mail = matches!(label, None | Some(ContentKind::Text));
    (may_be_mail && has_mail_header(text)).then_some(ContentKind::Mail)
}

/// The name of the first element of markup, after declarations and comments.
fn root_element(text: &str) -> Option<String> {
    let mut rest = text;
    loop {
        rest = rest.trim_start().strip_prefix('<')?;
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->")?.1;
        } else if rest.starts_with(['?', '!']) {
            if rest
                .get(..13)
                .is_some_and(|start| start.eq_ignore_ascii_case("!doctype html"))
            {
                return Some("html".to_owned());
            }
            rest = rest.split_once('>')?.1;
        } else {
            let end = rest.find(|c: char| !c.is_alphanumeric())?;
            return Some(rest[..end].to_ascii_lowercase());
        }
    }
}

/// RFC 5322 wants `From` and `Date` of every message; one more field of the transport tells it from
/// a memo.
fn has_mail_header(text: &str) -> bool {
    let mut found = [false; 3];
    for line in text.lines().take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            continue;
        }
        let Some((name, _)) = line.split_once(':') else {
            return false;
        };
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return false;
        }
        match name.to_ascii_lowercase().as_str() {
            "from" => found[0] = true,
            "date" => found[1] = true,
            "message-id" | "mime-version" | "received" => found[2] = true,
            _ => {}
        }
    }
    found == [true; 3]
}

fn is_text(kind: ContentKind) -> bool {
    !matches!(
        kind,
        ContentKind::Pdf
            | ContentKind::Docx
            | ContentKind::Pptx
            | ContentKind::Xlsx
            | ContentKind::Xls
            | ContentKind::Odt
            | ContentKind::Odp
            | ContentKind::Ods
            | ContentKind::Rtf
            | ContentKind::Epub
    )
}

/// The kind of a zip package: what its first entry says, or the part that comes first.
fn package(bytes: &[u8]) -> Option<ContentKind> {
    let first = &bytes[..bytes.len().min(200)];
    if let Some(at) = memmem::find(first, b"mimetype") {
        let stated = String::from_utf8_lossy(&first[at + 8..]);
        let known = MEDIA_TYPES
            .iter()
            .find(|(media_type, _)| stated.trim_start().starts_with(media_type));
        if let Some((_, kind)) = known {
            return Some(*kind);
        }
    }
    let parts = MAIN_PARTS.iter().filter_map(|(part, kind)| {
        let at = memmem::find(bytes, part)?;
        Some((at, *kind))
    });
    let main = parts.min_by_key(|(at, _)| *at).map(|(_, kind)| kind);
    // A book or a text that was packed without care for the order.
    main.or_else(|| memmem::find(bytes, b"META-INF/container.xml").map(|_| ContentKind::Epub))
}

/// A workbook has a stream of a known name; an encrypted package is of the kind its name says.
fn compound(bytes: &[u8], by_name: Option<ContentKind>) -> Option<ContentKind> {
    let has_stream = |name: &str| {
        let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        memmem::find(bytes, &wide).is_some()
    };
    if has_stream("EncryptedPackage") {
        return by_name
            .filter(|kind| !is_text(*kind))
            .or(Some(ContentKind::Docx));
    }
    let is_other = has_stream("WordDocument") || has_stream("PowerPoint Document");
    (!is_other && (has_stream("Workbook") || has_stream("Book"))).then_some(ContentKind::Xls)
}

fn extension(name: &str) -> Option<&str> {
    let file = name.rsplit('/').next()?;
    let file = file.split(['?', '#']).next()?;
    let (stem, extension) = file.rsplit_once('.')?;
    (!stem.is_empty()).then_some(extension)
}

fn looks_like_html(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("<!doctype html") || text.contains("<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_win_over_labels() {
        for (bytes, declared, name, kind) in [
            (
                &b"%PDF-1.7"[..],
                Some("text/html"),
                "a.html",
                ContentKind::Pdf,
            ),
            (
                b"<p>x",
                Some("text/html; charset=utf-8"),
                "a",
                ContentKind::Html,
            ),
            (
                b"# x",
                Some("text/plain"),
                "https://x.example/guide.md?v=1",
                ContentKind::Markdown,
            ),
            (
                b"x",
                Some("text/plain"),
                "https://x.example/",
                ContentKind::Text,
            ),
            (
                b"<!DOCTYPE html>",
                None,
                "https://x.example/",
                ContentKind::Html,
            ),
            (
                b"<!-- x --><html><p>x",
                Some("text/plain"),
                "https://x.example/a.txt",
                ContentKind::Html,
            ),
            (
                b"<?xml version='1.0'?><html>",
                Some("application/xml"),
                "a",
                ContentKind::Html,
            ),
            (
                b"<?xml version='1.0'?><feed/>",
                Some("text/xml"),
                "a",
                ContentKind::Xml,
            ),
            (b"x", None, "folder/guide.txt", ContentKind::Text),
            (b"x", None, "README", ContentKind::Text),
            (b"<p>a</p> b", None, "a.txt", ContentKind::Html),
            (b"#!/bin/sh", None, "run", ContentKind::Lines),
            (b"x = 1", None, "folder/setup.py", ContentKind::Lines),
            (
                b"plain words",
                None,
                "folder/guide.docx",
                ContentKind::Lines,
            ),
            (b"{\\rtf1 x}", None, "a.doc", ContentKind::Rtf),
            (b"WEBVTT\n", None, "a.txt", ContentKind::Captions),
            (
                b"From: a@b.c\nDate: x\nMIME-Version: 1.0\n\nx",
                None,
                "a.txt",
                ContentKind::Mail,
            ),
            (
                b"PK\x03\x04..word/document.xml..xl/workbook.xml",
                None,
                "a.xlsx",
                ContentKind::Docx,
            ),
        ] {
            assert_eq!(
                sniff(bytes, declared, name),
                Some(kind),
                "{name} {declared:?}"
            );
        }
    }

    #[test]
    fn what_is_not_read_is_told() {
        for (bytes, declared, name, what) in [
            (
                &b"\x89PNG\r\n\x1A\n\0\0\0\0\0\0\0\0\0\0\0"[..],
                Some("image/png"),
                "a.png",
                "a picture (PNG)",
            ),
            (
                b"PK\x03\x04 photos",
                None,
                "a.zip",
                "an archive of files; unpack it to have them read",
            ),
        ] {
            assert_eq!(sniff(bytes, declared, name), None);
            assert_eq!(unread(bytes), what);
        }
        assert_eq!(sniff(b"body {}", Some("text/css"), "a.css"), None);
        assert_eq!(unread(b"body {}"), "text of a type that is not read");
        assert_eq!(sniff(b"x", Some("application/octet-stream"), "a"), None);
    }
}
