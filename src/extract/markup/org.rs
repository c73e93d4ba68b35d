//! Org files of Emacs.

use super::super::ExtractError;
use super::super::limits::Limits;
use super::{Page, linked, list_item, without_marks};
use crate::model::Extracted;

/// Reads a file.
pub(in crate::extract) fn extract(
    bytes: &[u8],
    charset: Option<&str>,
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    let (text, mut page) = Page::begin(bytes, charset, limits)?;
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    while at < lines.len() && !page.builder.is_full() {
        at += step(&mut page, &lines[at..]);
    }
    page.finish()
}

/// Reads one line or one block; returns how many lines that were.
fn step(page: &mut Page, lines: &[&str]) -> usize {
    let line = lines[0];
    let trimmed = line.trim();
    if let Some(keyword) = trimmed.strip_prefix("#+") {
        page.end();
        return directive(page, keyword, lines);
    }
    if trimmed.is_empty() {
        page.end();
    } else if let Some((level, title)) = heading(line) {
        let title = inline(title);
        page.heading(level, &title);
    } else if trimmed == ":END:" || trimmed.starts_with("# ") || trimmed == "#" {
    } else if is_drawer(trimmed) {
        page.end();
        let length = lines
            .iter()
            .take(200)
            .position(|line| line.trim() == ":END:");
        return length.map_or(1, |length| length + 1);
    } else if trimmed.starts_with("|-") {
        page.end();
    } else if let Some(row) = trimmed.strip_prefix('|') {
        let cells: Vec<String> = row
            .trim_end_matches('|')
            .split('|')
            .map(|cell| inline(cell.trim()))
            .collect();
        page.row(&cells);
    } else if let Some((marker, rest)) = list_item(line).filter(|_| !line.starts_with('*')) {
        let rest = inline(rest);
        let rest = rest
            .split_once(" :: ")
            .map_or(rest.clone(), |(term, text)| format!("{term}: {text}"));
        page.item(&marker, &rest);
    } else if let Some(code) = trimmed.strip_prefix(": ") {
        page.code(&[code]);
    } else {
        page.line(&inline(trimmed));
    }
    1
}

/// `#+TITLE:` and other settings, and blocks from `#+BEGIN_X` to `#+END_X`.
fn directive(page: &mut Page, keyword: &str, lines: &[&str]) -> usize {
    let upper = keyword.to_uppercase();
    if let Some(kind) = upper.strip_prefix("BEGIN_") {
        let kind = kind.split_whitespace().next().unwrap_or_default();
        // Prose in a block is read line by line, its end passed over as a directive.
        if !matches!(kind, "SRC" | "EXAMPLE" | "COMMENT" | "EXPORT") {
            return 1;
        }
        let close = format!("#+END_{kind}");
        let body = lines[1..]
            .iter()
            .take_while(|line| !line.trim().eq_ignore_ascii_case(&close))
            .count();
        if matches!(kind, "SRC" | "EXAMPLE") {
            page.code(&lines[1..=body]);
        }
        return (body + 2).min(lines.len());
    }
    let Some((name, value)) = keyword.split_once(':') else {
        return 1;
    };
    let value = value.trim();
    match name.to_uppercase().as_str() {
        "TITLE" => page.title = Some(value.to_owned()),
        // What the document says about itself to its readers.
        "AUTHOR" | "DATE" | "DESCRIPTION" | "KEYWORDS" | "FILETAGS" | "SUBTITLE" => {
            page.line(&format!("{}: {}", name.to_lowercase(), inline(value)));
            page.end();
            page.metadata.push((name.to_lowercase(), value.to_owned()));
        }
        "CAPTION" => {
            page.line(&inline(value));
            page.end();
        }
        _ => {}
    }
    1
}

/// `** TODO Title :tag:`; tags at the end are kept as words.
fn heading(line: &str) -> Option<(u8, &str)> {
    let stars = line.bytes().take_while(|b| *b == b'*').count();
    let title = line[stars..].strip_prefix(' ')?.trim();
    (stars > 0 && !title.is_empty()).then(|| (stars.min(6) as u8, title))
}

fn is_drawer(line: &str) -> bool {
    let name = line
        .strip_prefix(':')
        .and_then(|line| line.strip_suffix(':'));
    name.is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
    })
}

/// Text without its marks; `[[address][words]]` leaves both.
fn inline(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("[[") {
        let Some((link, tail)) = after.split_once("]]") else {
            break;
        };
        plain.push_str(before);
        let (address, words) = link.split_once("][").unwrap_or((link, ""));
        plain.push_str(&linked(words, address));
        rest = tail;
    }
    plain.push_str(rest);
    let marks = [
        ("*", ""),
        ("/", ""),
        ("_", ""),
        ("=", ""),
        ("~", ""),
        ("+", "~~"),
    ];
    without_marks(&plain, &marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_org_file_is_read() {
        let file = "#+TITLE: Night tariff\n#+DATE: 2024-05-03\n* TODO Costs\n:PROPERTIES:\n:ID: x\n:END:\nThe /night/ tariff\nis +60+ 48, see [[https://e.org/a][the form]].\n- [ ] one\n- EPC :: paper\n| Model | Price |\n|-------+-------|\n| B-20  | 410   |\n#+begin_src sh\nmeterd --reset\n#+end_src\n# no\n** More\nx";
        let read = extract(file.as_bytes(), None, &Limits::default()).unwrap();
        assert_eq!(read.title.as_deref(), Some("Night tariff"));
        assert_eq!(
            read.text,
            "date: 2024-05-03\n\nTODO Costs\n\nThe night tariff is ~~60~~ 48, see the form (https://e.org/a).\n\n- [ ] one\n- EPC: paper\n\nModel | Price\nB-20 | 410\n\nmeterd --reset\n\nMore\n\nx"
        );
    }

    #[test]
    fn hostile_files_end() {
        for text in [
            "#+begin_src\n".repeat(30_000) + "x",
            ":A:\n".repeat(30_000) + "x",
            "[[".repeat(50_000),
            "*".repeat(100_000) + " a",
        ] {
            let _ = extract(text.as_bytes(), None, &Limits::default());
        }
    }
}
