//! List markers: bullets, dashes and numbers at the start of a line.

use super::characters::is_bullet;
use super::line::Line;

/// A list marker at the start of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Marker {
    /// Bytes of it, white space behind it included.
    pub(super) length: usize,
    /// Its number, if it counts.
    pub(super) number: Option<u32>,
    /// Whether it is a dash, which may also stand inside a sentence.
    pub(super) dash: bool,
}

/// The marker that a text begins with.
pub(super) fn marker_of(text: &str) -> Option<Marker> {
    let first = text.chars().next()?;
    let rest = &text[first.len_utf8()..];
    let dash = matches!(first, '–' | '-' | '—');
    if is_bullet(first) || (dash && rest.starts_with(' ')) {
        let length = text.len() - rest.trim_start().len();
        return (length < text.len()).then_some(Marker {
            length,
            number: None,
            dash: !is_bullet(first),
        });
    }
    let body = text.strip_prefix('(').unwrap_or(text);
    let digits = body.bytes().take_while(u8::is_ascii_digit).count();
    let after = &body[digits..];
    let close = after.starts_with(") ") || (after.starts_with(". ") && body.len() == text.len());
    if !close || !(1..=3).contains(&digits) {
        return None;
    }
    let length = text.len() - after.len() + 2;
    let number = body[..digits].parse().ok()?;
    (length < text.len()).then_some(Marker {
        length,
        number: Some(number),
        dash: false,
    })
}

/// Whether a text begins with the name of a part that is not the first: `(b)`.
pub(super) fn names_part(mut text: impl Iterator<Item = char>) -> bool {
    let first = text.find(|&character| character != ' ');
    first == Some('(')
        && text.next().is_some_and(|name| matches!(name, 'b'..='z'))
        && text.next() == Some(')')
}

/// Bullets always start an item; dashes and numbers only if the line before has come to an end,
/// because a sentence may be broken just before `– ` or `12. `.
pub(super) fn starts_item(marker: &Marker, current: &[Line]) -> bool {
    let previous = current.first().and_then(|line| marker_of(&line.text));
    let ended = current
        .last()
        .is_some_and(|line| line.text.ends_with(['.', ':', ';', '!', '?']));
    match marker.number {
        None => !marker.dash || ended || previous.is_some_and(|last| last.dash),
        Some(number) => {
            let counts = previous
                .and_then(|last| last.number)
                .is_some_and(|last| number == last + 1);
            counts || number == 1 || ended
        }
    }
}

/// The text with a marker that looks the same in all files.
pub(super) fn with_plain_marker(text: &str, marker: &Marker) -> String {
    let mut body = text[marker.length..].trim_start();
    // Some producers draw the bullet of the font and one of their own.
    while let Some(Marker {
        length,
        number: None,
        ..
    }) = marker_of(body)
    {
        body = body[length..].trim_start();
    }
    match marker.number {
        Some(number) => format!("{number}. {body}"),
        None => format!("- {body}"),
    }
}
