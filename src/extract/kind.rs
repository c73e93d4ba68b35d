//! What kind of file bytes are.

use crate::model::ContentKind;

/// Tells the kind from the bytes first, then from the declared type, then from the extension of the
/// name: servers mislabel, names lie, a PDF always begins with its magic number.
pub fn sniff(bytes: &[u8], content_type: Option<&str>, name: &str) -> Option<ContentKind> {
    let front = &bytes[..bytes.len().min(1024)];
    // The format allows up to 1,024 bytes of junk in front of the header.
    if front.windows(5).any(|window| window == b"%PDF-") {
        return Some(ContentKind::Pdf);
    }
    let declared = content_type
        .and_then(|text| text.split(';').next())
        .map(|text| text.trim().to_ascii_lowercase());
    let by_name = extension(name).and_then(ContentKind::from_extension);
    match declared.as_deref() {
        Some("text/html" | "application/xhtml+xml") => Some(ContentKind::Html),
        Some("text/markdown" | "text/x-markdown") => Some(ContentKind::Markdown),
        // A server that knows nothing better says this of Markdown and even of HTML.
        Some("text/plain") => by_name.or(Some(ContentKind::Text)),
        // Declared as a PDF, or as nothing, but without a PDF's header.
        None | Some("" | "application/octet-stream") => by_name
            .filter(|kind| *kind != ContentKind::Pdf || content_type.is_none())
            .or_else(|| looks_like_html(front)),
        Some(_) => None,
    }
}

fn extension(name: &str) -> Option<&str> {
    let file = name.rsplit('/').next()?;
    let file = file.split(['?', '#']).next()?;
    file.rsplit_once('.').map(|(_, extension)| extension)
}

fn looks_like_html(front: &[u8]) -> Option<ContentKind> {
    let text = String::from_utf8_lossy(front).to_ascii_lowercase();
    (text.contains("<!doctype html") || text.contains("<html")).then_some(ContentKind::Html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_win_over_labels() {
        assert_eq!(
            sniff(b"%PDF-1.7", Some("text/html"), "a.html"),
            Some(ContentKind::Pdf)
        );
        assert_eq!(
            sniff(b"<p>x", Some("text/html; charset=utf-8"), "a"),
            Some(ContentKind::Html)
        );
        assert_eq!(
            sniff(b"# x", Some("text/plain"), "https://x.example/guide.md?v=1"),
            Some(ContentKind::Markdown)
        );
        assert_eq!(
            sniff(b"x", Some("text/plain"), "https://x.example/"),
            Some(ContentKind::Text)
        );
        assert_eq!(
            sniff(b"<!DOCTYPE html>", None, "https://x.example/"),
            Some(ContentKind::Html)
        );
        assert_eq!(sniff(b"\x89PNG", Some("image/png"), "a.png"), None);
        assert_eq!(
            sniff(b"x", None, "folder/guide.txt"),
            Some(ContentKind::Text)
        );
    }
}
