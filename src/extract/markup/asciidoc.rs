//! `AsciiDoc`.

use std::collections::HashMap;

use super::super::ExtractError;
use super::super::builder::has_words;
use super::super::limits::Limits;
use super::{Page, linked, without_marks};
use crate::model::Extracted;

/// Names of attributes and the words of a macro are shorter than this, in bytes.
const MAX_NAME: usize = 100;
const MAX_MACRO: usize = 2_000;

/// The beginning of a text, so that a search in it is bounded.
fn near(text: &str, length: usize) -> &str {
    &text[..text.floor_char_boundary(text.len().min(length))]
}

/// Reads a file.
pub(in crate::extract) fn extract(
    bytes: &[u8],
    charset: Option<&str>,
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    let (text, page) = Page::begin(bytes, charset, limits)?;
    let lines: Vec<&str> = text.lines().collect();
    let mut reader = Reader {
        page,
        attributes: HashMap::new(),
        block_attributes: String::new(),
        open_blocks: Vec::new(),
    };
    let mut at = 0;
    while at < lines.len() && !reader.page.builder.is_full() {
        at += reader.step(&lines[at..]);
    }
    reader.page.finish()
}

/// Stands for the beginning of struck text; extraction keeps no such character.
const STRUCK: &str = "\u{E000}";

struct Reader {
    page: Page,
    /// `:name: value`, for `{name}` in the text.
    attributes: HashMap<String, String>,
    /// `[source,rust]` in front of a block.
    block_attributes: String,
    /// Delimiters of the blocks of prose that are open.
    open_blocks: Vec<String>,
}

impl Reader {
    /// Reads one line, or a delimited block; returns how many lines that were.
    fn step(&mut self, lines: &[&str]) -> usize {
        let line = lines[0].trim_end();
        let may_be_title = !self.page.is_open() && self.open_blocks.is_empty();
        if let Some(level) = underlined(lines).filter(|_| may_be_title) {
            let title = self.inline(line);
            self.page.heading(level, &title);
            return 2;
        }
        if let Some(taken) = self.block(line, lines) {
            self.block_attributes.clear();
            return taken;
        }
        if line.is_empty() || line == "+" {
            self.page.end();
        } else if line.starts_with("//") {
        } else if let Some((name, value)) = attribute(line).filter(|_| !self.page.is_open()) {
            self.attributes.insert(name.to_owned(), value.to_owned());
            if !value.is_empty() {
                self.page.metadata.push((name.to_owned(), value.to_owned()));
            }
        } else if line.starts_with('[') && line.ends_with(']') && !line.starts_with("[[") {
            self.page.end();
            line.clone_into(&mut self.block_attributes);
            return 1;
        } else if line.starts_with("[[") || is_macro_without_words(line) {
            self.page.end();
        } else if let Some((level, title)) = heading(line) {
            let title = self.inline(title);
            self.page.heading(level, &title);
        } else if let Some(alt) = block_image(line) {
            self.page.end();
            self.page.line(alt);
            self.page.end();
        } else if let Some(title) = line
            .strip_prefix('.')
            .filter(|rest| rest.starts_with(|c: char| c.is_alphanumeric()))
        {
            self.page.end();
            let title = self.inline(title);
            self.page.line(&title);
            self.page.end();
        } else {
            self.text(line);
        }
        if !line.is_empty() {
            self.block_attributes.clear();
        }
        1
    }

    /// A block between two equal delimiters. Blocks of prose are read line by line.
    fn block(&mut self, line: &str, lines: &[&str]) -> Option<usize> {
        let is_fence = |mark: char| line.len() >= 4 && line.chars().all(|c| c == mark);
        let is_code_fence = line.starts_with("```");
        if line == "--" || is_fence('=') || is_fence('*') || is_fence('_') {
            self.page.end();
            match self.open_blocks.last() {
                Some(open) if open == line => {
                    self.open_blocks.pop();
                }
                _ => self.open_blocks.push(line.to_owned()),
            }
            return Some(1);
        }
        let is_table = matches!(line, "|===" | ",===" | "!===");
        let is_comment = is_fence('/');
        let is_raw = is_fence('+');
        let is_code = is_fence('-') || is_fence('.') || is_code_fence;
        if !(is_table || is_comment || is_raw || is_code) {
            return None;
        }
        let close = if is_code_fence { "```" } else { line };
        let body = lines[1..]
            .iter()
            .take_while(|line| line.trim_end() != close)
            .count();
        let content = &lines[1..=body];
        self.page.end();
        if is_table {
            self.table(content);
        } else if is_code {
            self.page.code(content);
        }
        Some((body + 2).min(lines.len()))
    }

    /// Cells begin with `|`. A row has as many cells as the first line, or as `cols` says.
    fn table(&mut self, lines: &[&str]) {
        let mut columns = columns(&self.block_attributes);
        let mut cells: Vec<String> = Vec::new();
        let mut first_line = true;
        for line in lines {
            if line.trim().is_empty() {
                continue;
            }
            let mut parts = line.split('|');
            let before = parts.next().unwrap_or_default();
            if let Some(cell) = cells.last_mut().filter(|_| !before.trim().is_empty()) {
                // `2+|` spans: the number belongs to the next cell.
                if !is_cell_format(before.trim()) {
                    cell.push(' ');
                    cell.push_str(&self.inline(before.trim()));
                }
            }
            for part in parts {
                cells.push(self.inline(part.trim()));
            }
            if first_line {
                columns = columns.or(Some(cells.len()));
                first_line = false;
            }
            let width = columns.unwrap_or(1).max(1);
            while cells.len() > width {
                let row: Vec<String> = cells.drain(..width).collect();
                self.page.row(&row);
            }
        }
        self.page.row(&cells);
    }

    fn text(&mut self, line: &str) {
        if let Some((marker, rest)) = item(line) {
            let rest = self.inline(rest);
            self.page.item(&marker, &rest);
        } else if let Some((term, rest)) = line
            .split_once(":: ")
            .or_else(|| Some((line.strip_suffix("::")?, "")))
        {
            let (term, rest) = (self.inline(term), self.inline(rest));
            self.page.item("-", &format!("{term}: {rest}"));
        } else {
            let named = self.block_attributes.trim_matches(['[', ']']).to_owned();
            let is_admonition = !self.page.is_open()
                && named.len() > 2
                && named.bytes().all(|b| b.is_ascii_uppercase());
            if is_admonition {
                self.page.line(&format!("{named}:"));
            }
            let line = line.strip_suffix(" +").unwrap_or(line);
            let line = self.inline(line);
            self.page.line(&line);
        }
    }

    /// Text without its marks; macros leave their words and their addresses.
    fn inline(&self, text: &str) -> String {
        let text = self.with_attributes(text);
        let text = macros(&text);
        // Struck text is `[.line-through]#words#`.
        let text = text.replace("[.line-through]#", STRUCK);
        let marks = [
            ("**", ""),
            ("__", ""),
            ("``", ""),
            ("*", ""),
            ("_", ""),
            ("`", ""),
            ("+", ""),
            ("##", ""),
            ("#", ""),
        ];
        let mut pieces = text.split(STRUCK);
        let mut plain = without_marks(pieces.next().unwrap_or_default(), &marks);
        for piece in pieces {
            let (struck, rest) = piece.split_once('#').unwrap_or((piece, ""));
            plain.push_str(&format!("~~{struck}~~{}", without_marks(rest, &marks)));
        }
        plain
    }

    fn with_attributes(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let name = near(after, MAX_NAME).split_once('}').map(|(name, _)| name);
            let value = name.and_then(|name| Some((self.attributes.get(name)?, name.len())));
            if let Some((value, length)) = value {
                filled.push_str(value);
                rest = &after[length + 1..];
            } else {
                filled.push('{');
                rest = after;
            }
        }
        filled.push_str(rest);
        filled
    }
}

/// `link:url[words]`, `https://…[words]`, `mailto:a@b[words]`, `xref:id[words]`, `<<id,words>>`,
/// `footnote:[words]`, `kbd:[words]`, `image:file[alt]`.
fn macros(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for (place, piece) in text.split("<<").enumerate() {
        let reference = piece.split_once(">>").filter(|_| place > 0);
        if let Some((inside, tail)) = reference {
            let words = inside.split_once(',').map_or(inside, |(_, words)| words);
            plain.push_str(words.trim());
            plain.push_str(tail);
        } else {
            plain.push_str(if place > 0 { "<<" } else { "" });
            plain.push_str(piece);
        }
    }
    let mut read = String::with_capacity(plain.len());
    let mut rest = plain.as_str();
    while let Some(at) = rest.find('[') {
        let before = &rest[..at];
        let start = before.rfind([' ', '(', '\t']).map_or(0, |place| place + 1);
        let target = &before[start..];
        let after = &rest[at + 1..];
        let inside = near(after, MAX_MACRO).split_once(']');
        let inside = inside.map(|(words, _)| (words, &after[words.len() + 1..]));
        let is_macro = target.contains(':') && !target.ends_with("::") && target.len() > 4;
        let Some((words, tail)) = inside.filter(|_| is_macro) else {
            read.push_str(&rest[..=at]);
            rest = &rest[at + 1..];
            continue;
        };
        read.push_str(&before[..start]);
        let words = words
            .split_once(",window")
            .map_or(words, |(words, _)| words);
        let words = words.trim_end_matches('^').trim_matches('"');
        let address = target.strip_prefix("link:").unwrap_or(target);
        match address.split_once(':') {
            Some(("footnote", _)) => read.push_str(&format!(" ({words})")),
            Some(("xref" | "kbd" | "btn" | "menu" | "image" | "icon", _)) => read.push_str(words),
            _ => read.push_str(&linked(words, address)),
        }
        rest = tail;
    }
    read.push_str(rest);
    read
}

fn heading(line: &str) -> Option<(u8, &str)> {
    let marks = line.bytes().take_while(|b| *b == b'=').count();
    let marks = if marks == 0 {
        line.bytes().take_while(|b| *b == b'#').count()
    } else {
        marks
    };
    let title = line[marks..].strip_prefix(' ')?;
    ((1..=6).contains(&marks) && has_words(title)).then(|| (marks as u8, title.trim()))
}

/// A title over a line of `=`, `-`, `~`, `^` or `+` of its length, give or take two.
fn underlined(lines: &[&str]) -> Option<u8> {
    let [title, under, ..] = lines else {
        return None;
    };
    let (title, under) = (title.trim_end(), under.trim_end());
    let mark = under.chars().next()?;
    let level = "=-~^+".find(mark)? + 1;
    let fits = title.chars().count().abs_diff(under.len()) <= 2 && under.len() >= 2;
    let is_title = title.starts_with(char::is_alphanumeric) || title.starts_with('`');
    (fits && is_title && under.chars().all(|c| c == mark)).then_some(level as u8)
}

fn attribute(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix(':')?.split_once(':')?;
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'!'));
    is_name.then_some((name, value.trim()))
}

fn item(line: &str) -> Option<(String, &str)> {
    let line = line.trim_start();
    let (mark, rest) = line.split_once(' ')?;
    let is_bullet = mark == "-" || mark.bytes().all(|b| b == b'*');
    let is_number = mark.bytes().all(|b| b == b'.');
    let digits = mark
        .strip_suffix('.')
        .filter(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    if let Some(number) = digits {
        Some((format!("{number}."), rest))
    } else {
        (is_bullet || is_number).then(|| ("-".to_owned(), rest))
    }
}

fn is_macro_without_words(line: &str) -> bool {
    line.starts_with("include::")
        || line.starts_with("toc::")
        || matches!(line, "'''" | "<<<" | "---")
        || ["ifdef::", "ifndef::", "ifeval::", "endif::"]
            .iter()
            .any(|mark| line.starts_with(mark))
}

fn block_image(line: &str) -> Option<&str> {
    let (_, alt) = line.strip_prefix("image::")?.split_once('[')?;
    let alt = alt.split([',', ']']).next().unwrap_or_default();
    Some(alt.trim_matches('"'))
}

/// The number of columns of `[cols="1,2*"]`.
fn columns(attributes: &str) -> Option<usize> {
    let (_, cols) = attributes.split_once("cols=")?;
    let cols = cols.trim_start_matches('"').split('"').next()?;
    let cols = if cols.contains('"') {
        cols
    } else {
        cols.split(']').next()?
    };
    let count = cols.split([',', ';']).map(|column| {
        let times = column
            .trim()
            .split_once('*')
            .and_then(|(times, _)| times.parse::<usize>().ok());
        times.unwrap_or(1).min(100)
    });
    Some(count.sum())
}

fn is_cell_format(text: &str) -> bool {
    text.len() <= 6
        && text.ends_with(|c: char| {
            c.is_ascii_alphabetic() || matches!(c, '+' | '*' | '^' | '<' | '>')
        })
        && text.bytes().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'*' | b'^' | b'<' | b'>')
        })
        && (text.len() == 1 || text.contains(['+', '*', '^', '<', '>', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        extract(text.as_bytes(), None, &Limits::default())
            .unwrap()
            .text
    }

    #[test]
    fn headings_blocks_and_lists_are_read() {
        assert_eq!(
            read("Title\n=====\nText.\n\nUnder\n-----\nMore."),
            "Title\n\nText.\n\nUnder\n\nMore."
        );
        assert_eq!(
            read(
                "= Tariff\n:author: Ann\n\nThe *night* tariff of {author}\nbegins at `22:30`.\n\n== Costs\n// no\n* one\n** two\n. three\n\nNOTE: Never cover lamps.\n\n[WARNING]\n====\nHot.\n====\n\n[source,bash]\n----\nmeterd --reset\n----\n\nEPC:: A certificate"
            ),
            "Tariff\n\nThe night tariff of Ann begins at 22:30.\n\nCosts\n\n- one\n- two\n- three\n\nNOTE: Never cover lamps.\n\nHot.\n\nmeterd --reset\n\n- EPC: A certificate"
        );
    }

    #[test]
    fn links_and_tables_are_read() {
        assert_eq!(
            read(
                "See https://e.org/a[the form], xref:c.adoc[costs] and <<x,that>>. [.line-through]#60# 48"
            ),
            "See the form (https://e.org/a), costs and that. ~~60~~ 48"
        );
        assert_eq!(
            read("[cols=\"1,1\"]\n|===\n|Model |Price\n\n|B-20\n|410\n|===\n"),
            "Model | Price\nB-20 | 410"
        );
    }

    #[test]
    fn hostile_files_end() {
        for text in [
            "[".repeat(100_000) + "a",
            "a:b[".repeat(30_000),
            "----\n".repeat(30_001) + "x",
            "|===\n".repeat(30_001) + "x",
            "<<a".repeat(50_000),
            "{a".repeat(50_000),
        ] {
            let _ = extract(text.as_bytes(), None, &Limits::default());
        }
    }
}
