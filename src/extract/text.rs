//! Plain text to blocks.
//!
//! Plain text has no markup, only habits: blank lines between paragraphs, hard-wrapped lines, list
//! markers, form feeds between pages. This module reads those habits and claims nothing more. A
//! table or JSON under the name of a text is read as what it is.

use super::ExtractError;
use super::builder::{TextBuilder, clean_line, has_words};
use super::charset::{self, Markup};
use super::limits::Limits;
use super::wrap::{Meant, Vocabulary, join, meant_lines, width_of};
use super::{delimited, json};
use crate::model::extracted::{BlockKind, Extracted};

/// A first line longer than this is a paragraph, not a title.
const MAX_TITLE_CHARS: usize = 120;
/// Indentation that makes a block preformatted when every line has it.
const CODE_INDENT: usize = 4;

/// Reads a plain-text file.
pub fn extract(
    bytes: &[u8],
    declared_charset: Option<&str>,
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    limits.check_size(bytes)?;
    let (decoded, warning) = charset::read(bytes, declared_charset, Markup::None)?;
    let decoded = decoded.replace("\r\n", "\n").replace('\r', "\n");
    if decoded.trim_start().starts_with(['{', '['])
        && let Some(extracted) = json::try_text(&decoded, limits)
    {
        return Ok(extracted);
    }
    if let Some(delimiter) = delimited::detect(&decoded) {
        return delimited::extract_text(&decoded, delimiter, warning, limits);
    }
    let words = Vocabulary::of(&decoded);
    let is_paged = decoded.trim_matches('\u{C}').contains('\u{C}');
    let mut builder = TextBuilder::new(limits.max_text_bytes);
    let mut page_count = 0;
    for page_text in decoded
        .trim_end_matches(['\u{C}', '\n', ' '])
        .split('\u{C}')
    {
        page_count += 1;
        let page = is_paged.then_some(page_count);
        for group in groups(page_text) {
            push_group(&mut builder, &group, page, &words);
        }
    }
    if builder.is_empty() {
        return Err(ExtractError::NoText(
            "the file holds nothing but white space".to_owned(),
        ));
    }
    let title = title_of(&decoded);
    let mut extracted = builder.finish();
    extracted.title = title;
    extracted.page_count = is_paged.then_some(page_count);
    extracted.warnings.extend(warning);
    Ok(extracted)
}

/// Runs of lines without a blank line between them.
fn groups(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        let mut group = Vec::new();
        for line in lines.by_ref() {
            if line.trim().is_empty() {
                if !group.is_empty() {
                    return Some(group);
                }
            } else {
                group.push(line);
            }
        }
        (!group.is_empty()).then_some(group)
    })
}

/// Headings with their underlines, then one paragraph, one list or one preformatted block.
fn push_group(
    builder: &mut TextBuilder,
    mut group: &[&str],
    page: Option<u32>,
    words: &Vocabulary<'_>,
) {
    while let Some((heading, rest)) = underlined_heading(group) {
        builder.push(heading, group[0], page);
        group = rest;
    }
    if looks_preformatted(group) {
        builder.push(BlockKind::Preformatted, &group.join("\n"), page);
        return;
    }
    let width = width_of(group);
    let begin = group.iter().position(|line| list_item(line).is_some());
    let (lines, list) = group.split_at(begin.unwrap_or(group.len()));
    push_lines(builder, lines, page, words);
    let mut open: Option<String> = None;
    let mut length = 0;
    for line in list {
        match (list_item(line), &mut open) {
            (Some(item), _) => push_item(builder, open.replace(item), page),
            (None, Some(text)) => join(text, line.trim(), length, width, words),
            (None, None) => {}
        }
        length = line.trim().chars().count();
    }
    push_item(builder, open, page);
}

fn push_item(builder: &mut TextBuilder, item: Option<String>, page: Option<u32>) {
    if let Some(text) = item.filter(|text| has_words(text)) {
        builder.push(BlockKind::ListItem, &text, page);
    }
}

/// Wrapped lines are a paragraph; lines that stand by themselves stay together as they are.
fn push_lines(
    builder: &mut TextBuilder,
    lines: &[&str],
    page: Option<u32>,
    words: &Vocabulary<'_>,
) {
    let is_deeper = |line: &&str| indent(line) > indent(lines[0]) + 1;
    if lines.iter().skip(1).any(is_deeper) {
        // Code, settings, drawings: the indentation says something.
        builder.push(BlockKind::Preformatted, &lines.join("\n"), page);
        return;
    }
    let meant = meant_lines(lines, words);
    let is_prose =
        |line: &Meant| line.was_wrapped || line.text.ends_with(['.', '!', '?', '。', '！', '？']);
    for run in meant.chunk_by(|a, b| !is_prose(a) && !is_prose(b)) {
        match run {
            [line] if has_words(&line.text) => {
                builder.push(BlockKind::Paragraph, &line.text, page);
            }
            [_] => {}
            run => {
                let own: Vec<&str> = run.iter().map(|line| line.text.as_str()).collect();
                builder.push(BlockKind::Preformatted, &own.join("\n"), page);
            }
        }
    }
}

/// Indented code or columns: every line is indented and there is more than one.
fn looks_preformatted(group: &[&str]) -> bool {
    group.len() > 1
        && group
            .iter()
            .all(|line| indent(line) >= CODE_INDENT && list_item(line).is_none())
        && group
            .iter()
            .any(|line| indent(line) != indent(group[0]) || line.trim().contains("  "))
}

fn indent(line: &str) -> usize {
    line.chars()
        .map_while(|c| match c {
            ' ' => Some(1),
            '\t' => Some(CODE_INDENT),
            _ => None,
        })
        .sum()
}

/// The item with a marker in the house form, or `None` for any other line.
pub(super) fn list_item(line: &str) -> Option<String> {
    let line = line.trim();
    let marker = line.chars().next()?;
    if is_bullet(marker) {
        let body = line[marker.len_utf8()..].strip_prefix([' ', '\t', '\u{A0}'])?;
        return has_words(body).then(|| format!("- {}", body.trim()));
    }
    let (number, body) = numbered(line)?;
    has_words(body).then(|| format!("{number}. {}", body.trim()))
}

/// Signs that writers put before list items.
pub(super) fn is_bullet(c: char) -> bool {
    matches!(
        c,
        '-' | '*' | '+' | '•' | '‣' | '◦' | '▪' | '▫' | '●' | '○' | '■' | '–' | '·'
    )
}

/// `12. text` and `12) text`, but not `12.5 kW` or a year that ends a sentence.
fn numbered(line: &str) -> Option<(&str, &str)> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=3).contains(&digits) {
        return None;
    }
    let body = line[digits..]
        .strip_prefix(['.', ')'])?
        .strip_prefix([' ', '\t'])?;
    Some((&line[..digits], body))
}

/// The first line, when it is short and stands alone.
fn title_of(text: &str) -> Option<String> {
    let mut lines = text.trim_start_matches(['\n', '\u{C}', ' ']).lines();
    let first = lines.next()?;
    let second = lines.next();
    let stands_alone = second.is_some_and(|line| line.trim().is_empty() || is_underline(line));
    let ends_a_sentence = first.trim_end().ends_with(['.', ',', ';', ':']);
    let title = clean_line(first);
    let is_title = stands_alone
        && !ends_a_sentence
        && title.chars().count() <= MAX_TITLE_CHARS
        && has_words(&title)
        && list_item(first).is_none();
    is_title.then_some(title)
}

/// A short line over `=====` or `-----`, and the lines after it.
fn underlined_heading<'a, 'b>(group: &'a [&'b str]) -> Option<(BlockKind, &'a [&'b str])> {
    let [title, underline, rest @ ..] = group else {
        return None;
    };
    let is_heading = is_underline(underline)
        && title.chars().count() <= MAX_TITLE_CHARS
        && has_words(title)
        && list_item(title).is_none();
    let level = if underline.trim().starts_with('=') {
        1
    } else {
        2
    };
    is_heading.then_some((BlockKind::Heading(level), rest))
}

fn is_underline(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 3 && (line.bytes().all(|b| b == b'=') || line.bytes().all(|b| b == b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Extracted {
        extract(text.as_bytes(), None, &Limits::default()).expect("has text")
    }

    #[test]
    fn paragraphs_are_unwrapped_and_the_title_is_found() {
        let extracted = read(
            "Draught proofing\r\n\r\nIt is one of the cheapest\r\nways to save.\r\n\r\nNext.\r\n",
        );
        assert_eq!(extracted.title.as_deref(), Some("Draught proofing"));
        assert_eq!(
            extracted.text,
            "Draught proofing\n\nIt is one of the cheapest ways to save.\n\nNext."
        );
        assert_eq!(extracted.page_count, None);
    }

    #[test]
    fn list_markers_are_recognised_and_wrapped_items_joined() {
        let extracted =
            read("You need:\n• a drill\n  and bits\n* tape\n2) foam\n\n12.5 kW is a lot.\n");
        assert_eq!(
            extracted.text,
            "You need:\n\n- a drill and bits\n- tape\n2. foam\n\n12.5 kW is a lot."
        );
        assert_eq!(extracted.blocks[1].kind, BlockKind::ListItem);
        assert_eq!(extracted.title, None);
    }

    #[test]
    fn form_feeds_are_pages() {
        let extracted = read("one\u{C}two\n\nthree\u{C}");
        assert_eq!(extracted.page_count, Some(2));
        let pages: Vec<_> = extracted.blocks.iter().map(|block| block.page).collect();
        assert_eq!(pages, [Some(1), Some(2), Some(2)]);
    }

    #[test]
    fn indented_columns_stay_as_they_are() {
        let extracted = read("Run:\n\n    make   all\n      -j2\n\ndone");
        assert_eq!(extracted.text, "Run:\n\n    make   all\n      -j2\n\ndone");
    }

    #[test]
    fn lines_with_an_indentation_of_their_own_stay() {
        assert_eq!(
            read("all: x\n\tcc x\n\nend").text,
            "all: x\n    cc x\n\nend"
        );
    }

    #[test]
    fn a_title_must_stand_alone_and_be_no_sentence() {
        assert_eq!(read("First line\nsecond line").title, None);
        assert_eq!(read("This is a sentence.\n\nMore.").title, None);
        let underlined = read("Heading\n=======\nMore.\n\nSub\n---\n\nEnd.");
        assert_eq!(underlined.title.as_deref(), Some("Heading"));
        assert_eq!(underlined.text, "Heading\n\nMore.\n\nSub\n\nEnd.");
        assert_eq!(underlined.blocks[2].kind, BlockKind::Heading(2));
    }

    #[test]
    fn any_number_of_headings_may_stand_together() {
        assert_eq!(read(&"a\n===\n".repeat(200_000)).blocks.len(), 200_000);
    }

    #[test]
    fn tables_and_records_in_a_text_are_read_as_such() {
        assert_eq!(
            read("Model\tPower kW\tPrice\nB-20\t20\t410\n").text,
            "Model | Power kW | Price\nB-20 | 20 | 410"
        );
        assert_eq!(read("Model,Price\nB-20,410\nB-30,530").blocks.len(), 3);
        assert_eq!(read("[{\"q\": \"How long?\"}]").text, "q: How long?");
        let address = read("Ann Writer\n12 High Street\nLeeds\n\nBye, Ann,\nand thanks.");
        assert_eq!(
            address.text,
            "Ann Writer\n12 High Street\nLeeds\n\nBye, Ann, and thanks."
        );
    }

    #[test]
    fn soft_hyphens_at_line_ends_close_up() {
        assert_eq!(read("insu\u{AD}\nlation").text, "insulation");
        assert_eq!(
            read("a long-\nterm plan -\nperhaps").text,
            "a long-term plan - perhaps"
        );
    }

    #[test]
    fn empty_and_oversized_files_are_refused() {
        let limits = Limits {
            max_bytes: 4,
            max_text_bytes: 4,
        };
        assert!(matches!(
            extract(b" \n\x0C\n", None, &limits),
            Err(ExtractError::NoText(_))
        ));
        assert!(matches!(
            extract(b"", None, &limits),
            Err(ExtractError::NoText(_))
        ));
        assert!(matches!(
            extract(b"12345", None, &limits),
            Err(ExtractError::OverLimit(_))
        ));
    }

    #[test]
    fn a_line_of_ten_megabytes_and_a_million_lines_are_read() {
        let line = "word ".repeat(2_000_000);
        let extracted = read(&line);
        assert_eq!(extracted.blocks.len(), 1);
        assert!(extracted.text.len() <= Limits::default().max_text_bytes);
        assert_eq!(read(&"a\n\n".repeat(500_000)).blocks.len(), 500_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = extract(&bytes, None, &Limits::default());
        }
    }
}
