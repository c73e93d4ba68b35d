//! Light markup of writers: `reStructuredText`, `AsciiDoc`, Org.
//!
//! Each reader goes through the lines once and writes into one [`Page`]. They read what people
//! write; a construct that is not known stays as its text.

pub(super) mod asciidoc;
pub(super) mod org;
pub(super) mod rst;

use super::ExtractError;
use super::builder::{TextBuilder, clean_line, has_words, join_cells};
use super::charset::{self, Markup};
use super::limits::Limits;
use super::wrap::is_unspaced;
use crate::model::extracted::{BlockKind, Extracted, Warning};

/// How far the end of an emphasis is looked for, in bytes: a sentence or two.
const MAX_SPAN: usize = 600;

/// What is being written: blocks, and the paragraph that is open.
struct Page {
    builder: TextBuilder,
    open: String,
    kind: BlockKind,
    title: Option<String>,
    metadata: Vec<(String, String)>,
    warning: Option<Warning>,
}

impl Page {
    /// Decodes a file: its lines, with line ends unified, and an empty page.
    fn begin(
        bytes: &[u8],
        charset: Option<&str>,
        limits: &Limits,
    ) -> Result<(String, Self), ExtractError> {
        let (text, warning) = charset::read(bytes, charset, Markup::None)?;
        let page = Self {
            builder: TextBuilder::new(limits.max_text_bytes),
            open: String::new(),
            kind: BlockKind::Paragraph,
            title: None,
            metadata: Vec::new(),
            warning,
        };
        let text = text.trim_start_matches('\u{FEFF}');
        Ok((text.replace("\r\n", "\n").replace('\r', "\n"), page))
    }

    fn finish(mut self) -> Result<Extracted, ExtractError> {
        self.end();
        if self.builder.is_empty() {
            return Err(ExtractError::NoText("the file holds no words".to_owned()));
        }
        let mut extracted = self.builder.finish();
        extracted.title = self.title;
        extracted.metadata = self.metadata;
        extracted.warnings.extend(self.warning);
        Ok(extracted)
    }

    /// A line of the open paragraph or item.
    fn line(&mut self, text: &str) {
        let text = text.trim();
        let is_unspaced = self.open.chars().next_back().is_some_and(is_unspaced)
            && text.chars().next().is_some_and(is_unspaced);
        if !self.open.is_empty() && !is_unspaced {
            self.open.push(' ');
        }
        self.open.push_str(text);
    }

    fn end(&mut self) {
        let text = std::mem::take(&mut self.open);
        let kind = std::mem::replace(&mut self.kind, BlockKind::Paragraph);
        if has_words(&text) {
            self.builder.push(kind, &text, None);
        }
    }

    fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    fn heading(&mut self, level: u8, text: &str) {
        self.end();
        self.title.get_or_insert_with(|| clean_line(text));
        self.builder.push(BlockKind::Heading(level), text, None);
    }

    /// Begins a list item.
    fn item(&mut self, marker: &str, text: &str) {
        self.end();
        self.kind = BlockKind::ListItem;
        self.open = format!("{marker} {}", text.trim());
    }

    fn code(&mut self, lines: &[&str]) {
        self.end();
        let lines = dedented(lines);
        self.builder
            .push(BlockKind::Preformatted, &lines.join("\n"), None);
    }

    fn row<S: AsRef<str>>(&mut self, cells: &[S]) {
        self.end();
        if let Some(line) = join_cells(cells) {
            self.builder.push(BlockKind::TableRow, &line, None);
        }
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// The lines without the indentation that they share.
fn dedented<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    let shared = filled.map(|line| indent(line)).min().unwrap_or(0);
    let lines = lines.iter();
    lines
        .map(|line| line.get(shared..).unwrap_or_default())
        .collect()
}

/// `- x`, `* x`, `+ x`, `1. x`, `#. x`, `a) x`: the marker in the house form and the rest.
fn list_item(line: &str) -> Option<(String, &str)> {
    let line = line.trim_start();
    let (mark, rest) = line.split_once([' ', '\t'])?;
    if matches!(mark, "-" | "*" | "+" | "•") {
        return Some(("-".to_owned(), rest));
    }
    let number = mark.strip_suffix(['.', ')'])?;
    let number = number.strip_prefix('(').unwrap_or(number);
    if number == "#" {
        return Some(("-".to_owned(), rest));
    }
    let is_number = !number.is_empty()
        && (number.bytes().all(|b| b.is_ascii_digit()) || number.len() == 1)
        && number.bytes().all(|b| b.is_ascii_alphanumeric());
    is_number.then(|| (format!("{number}."), rest))
}

/// Takes marks of emphasis away: `*word*` is `word` where the marks stand at the edges of words.
/// A pair of marks may leave other marks behind, as for struck text.
fn without_marks(text: &str, marks: &[(&str, &str)]) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let before = text[..at].chars().next_back();
        let opens = before.is_none_or(|c| !c.is_alphanumeric());
        let mark = marks
            .iter()
            .find(|(mark, _)| opens && rest.starts_with(mark));
        let span = mark.and_then(|(mark, left)| {
            let inside = marked(&rest[mark.len()..], mark)?;
            Some((inside, mark.len(), left))
        });
        if let Some((inside, length, left)) = span {
            plain.push_str(left);
            plain.push_str(inside);
            plain.push_str(left);
            at += inside.len() + 2 * length;
        } else {
            let length = rest.chars().next().map_or(1, char::len_utf8);
            plain.push_str(&rest[..length]);
            at += length;
        }
    }
    plain
}

/// What stands before the closing mark, if it is a span of words.
fn marked<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    let near = &text[..text.floor_char_boundary(text.len().min(MAX_SPAN))];
    if near.starts_with(char::is_whitespace) {
        return None;
    }
    near.match_indices(mark)
        .map(|(end, _)| end)
        .take(8)
        .find_map(|end| {
            let inside = &near[..end];
            let after = text[end + mark.len()..].chars().next();
            let closes = !inside.is_empty()
                && !inside.ends_with(char::is_whitespace)
                && after.is_none_or(|c| !c.is_alphanumeric());
            closes.then_some(inside)
        })
}

/// Words and where they lead: `the form (https://…)`. Only addresses that mean the same everywhere
/// are shown.
fn linked(words: &str, address: &str) -> String {
    let address = address.trim_start_matches("mailto:");
    let is_address = address.contains("://") || address.contains('@');
    if words.is_empty() {
        address.to_owned()
    } else if is_address && !words.contains(address) {
        format!("{words} ({address})")
    } else {
        words.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_at_the_edges_of_words_alone() {
        let marks = [("**", ""), ("*", ""), ("+", "~~")];
        assert_eq!(
            without_marks("**Very** *warm*, 2 * 3 * 4, a*b*c +old+", &marks),
            "Very warm, 2 * 3 * 4, a*b*c ~~old~~"
        );
        assert!(without_marks(&"*a ".repeat(100_000), &marks).len() == 300_000);
    }
}
