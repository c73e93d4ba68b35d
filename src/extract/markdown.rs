//! Markdown to blocks.
//!
//! pulldown-cmark reads the syntax; this module decides what stays of it. Emphasis, links and inline
//! code leave their words, pictures their description, raw HTML only its text. A front matter block
//! is dropped, except for its title.

use pulldown_cmark::{
    CodeBlockKind, Event, HeadingLevel, MetadataBlockKind, Options, Parser, Tag, TagEnd,
};

use super::ExtractError;
use super::builder::{TextBuilder, clean_line, has_words, join_cells};
use super::charset::{self, Markup};
use super::text::Limits;
use crate::model::extracted::{BlockKind, Extracted};

/// A parser's work grows faster than the nesting, and no document nests deeper.
const MAX_DEPTH: usize = 256;

/// Reads a Markdown file.
pub fn extract(bytes: &[u8], limits: &Limits) -> Result<Extracted, ExtractError> {
    limits.check_size(bytes)?;
    let (source, warning) = charset::read(bytes, None, Markup::None)?;
    check_depth(&source)?;
    let mut reader = Reader::new(limits.max_text_bytes);
    for event in Parser::new_ext(&source, options()) {
        reader.read(event);
        if reader.builder.is_full() {
            break;
        }
    }
    reader.end_block();
    if reader.builder.is_empty() {
        return Err(ExtractError::NoText(
            "the Markdown file holds no words".to_owned(),
        ));
    }
    let title = reader.front_matter_title.or(reader.first_heading);
    let mut extracted = reader.builder.finish();
    extracted.title = title;
    extracted.warnings.extend(warning);
    Ok(extracted)
}

fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_DEFINITION_LIST
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS
}

/// Refuses quotes and lists that open hundreds of levels in one line.
fn check_depth(source: &str) -> Result<(), ExtractError> {
    let too_deep = source.lines().any(|line| container_marks(line) > MAX_DEPTH);
    if too_deep {
        return Err(ExtractError::OverLimit(format!(
            "more than {MAX_DEPTH} nested quotes or lists"
        )));
    }
    Ok(())
}

/// How many quote or list markers the line begins with.
fn container_marks(line: &str) -> usize {
    let marks = line.bytes().take_while(|byte| {
        matches!(byte, b'>' | b'-' | b'*' | b'+' | b' ' | b'\t' | b'.' | b')')
            || byte.is_ascii_digit()
    });
    let marks: Vec<u8> = marks.collect();
    let quotes = marks.split(|byte| *byte == b'>').count() - 1;
    let items = marks
        .windows(2)
        .filter(|pair| !pair[0].is_ascii_whitespace() && pair[1] == b' ')
        .count();
    quotes.max(items)
}

struct Reader {
    builder: TextBuilder,
    /// The open block's words.
    text: String,
    kind: BlockKind,
    /// The list item's marker that waits for the item's first words.
    marker: Option<String>,
    /// The next number of each open list; `None` for bullets.
    lists: Vec<Option<u64>>,
    cells: Option<Vec<String>>,
    is_in_front_matter: bool,
    front_matter_title: Option<String>,
    first_heading: Option<String>,
}

impl Reader {
    fn new(max_text_bytes: usize) -> Self {
        Self {
            builder: TextBuilder::new(max_text_bytes),
            text: String::new(),
            kind: BlockKind::Paragraph,
            marker: None,
            lists: Vec::new(),
            cells: None,
            is_in_front_matter: false,
            front_matter_title: None,
            first_heading: None,
        }
    }

    fn read(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.is_in_front_matter => {
                self.front_matter_title = front_matter_title(&text);
            }
            Event::Text(text) | Event::Code(text) => self.text.push_str(&text),
            Event::InlineHtml(html) | Event::Html(html) => self.push_html(&html),
            Event::SoftBreak | Event::HardBreak => self.text.push(' '),
            Event::Rule => self.end_block(),
            Event::InlineMath(math) | Event::DisplayMath(math) => self.text.push_str(&math),
            // A footnote's mark says nothing without the page it stands on; a box is not a word.
            Event::FootnoteReference(_) | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => self.begin(BlockKind::Heading(level_number(*level))),
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
                self.begin(BlockKind::Preformatted);
            }
            Tag::List(first) => {
                self.end_block();
                self.lists.push(*first);
            }
            Tag::Item => {
                let marker = self.next_marker();
                self.begin_item(marker);
            }
            Tag::DefinitionListTitle => self.begin_item("- ".to_owned()),
            Tag::DefinitionListDefinition => self.continue_term(),
            Tag::TableHead | Tag::TableRow => {
                self.begin(BlockKind::TableRow);
                self.cells = Some(Vec::new());
            }
            Tag::MetadataBlock(MetadataBlockKind::YamlStyle | MetadataBlockKind::PlusesStyle) => {
                self.is_in_front_matter = true;
            }
            Tag::Paragraph => self.begin_paragraph(),
            Tag::BlockQuote(_) | Tag::Table(_) | Tag::FootnoteDefinition(_) | Tag::HtmlBlock => {
                self.end_block();
            }
            Tag::DefinitionList
            | Tag::TableCell
            | Tag::Emphasis
            | Tag::Strong
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript
            | Tag::Link { .. }
            | Tag::Image { .. } => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::MetadataBlock(_) => self.is_in_front_matter = false,
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.text);
                self.cells.get_or_insert_default().push(cell);
            }
            TagEnd::TableHead | TagEnd::TableRow => {
                let cells = self.cells.take().unwrap_or_default();
                self.text = join_cells(&cells).unwrap_or_default();
                self.end_block();
            }
            TagEnd::List(_) => {
                self.end_block();
                self.lists.pop();
            }
            TagEnd::Item | TagEnd::DefinitionListDefinition => {
                self.end_block();
                self.marker = None;
            }
            TagEnd::Heading(_)
            | TagEnd::CodeBlock
            | TagEnd::Table
            | TagEnd::HtmlBlock
            | TagEnd::BlockQuote(_)
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList => self.end_block(),
            TagEnd::Paragraph if self.kind != BlockKind::ListItem => self.end_block(),
            TagEnd::Paragraph
            | TagEnd::DefinitionListTitle
            | TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::Link
            | TagEnd::Image => {}
        }
    }

    fn begin(&mut self, kind: BlockKind) {
        self.end_block();
        self.kind = kind;
    }

    fn begin_item(&mut self, marker: String) {
        self.begin(BlockKind::ListItem);
        self.marker = Some(marker);
    }

    /// Paragraphs of one list item run on in one line.
    fn begin_paragraph(&mut self) {
        if self.kind == BlockKind::ListItem {
            self.text.push(' ');
        } else {
            self.begin(BlockKind::Paragraph);
        }
    }

    /// `term: definition` in one line.
    fn continue_term(&mut self) {
        if has_words(&self.text) {
            let is_closed = self.text.ends_with([':', '?', '.', '!']);
            self.text.push_str(if is_closed { " " } else { ": " });
        } else {
            self.begin_item("- ".to_owned());
        }
    }

    fn next_marker(&mut self) -> String {
        match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            Some(None) | None => "- ".to_owned(),
        }
    }

    fn end_block(&mut self) {
        let text = std::mem::take(&mut self.text);
        let kind = std::mem::replace(&mut self.kind, BlockKind::Paragraph);
        if !has_words(&text) {
            return;
        }
        if matches!(kind, BlockKind::Heading(_)) && self.first_heading.is_none() {
            self.first_heading = Some(clean_line(&text));
        }
        match self.marker.take() {
            Some(marker) if kind == BlockKind::ListItem => {
                self.builder
                    .push(kind, &format!("{marker}{}", text.trim_start()), None);
            }
            Some(_) | None => self.builder.push(kind, &text, None),
        }
    }

    /// Keeps the text between tags; a line break is a space.
    fn push_html(&mut self, html: &str) {
        let mut rest = html;
        while let Some((before, tag)) = rest.split_once('<') {
            self.text.push_str(before);
            self.text.push(' ');
            let Some((_, after)) = tag.split_once(if tag.starts_with("!--") { "-->" } else { ">" })
            else {
                return;
            };
            rest = after;
        }
        self.text.push_str(rest);
    }
}

fn level_number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

/// The value of a top-level `title` key, in YAML or TOML.
fn front_matter_title(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once([':', '='])?;
        key.trim_end()
            .eq_ignore_ascii_case("title")
            .then_some(value)
    })?;
    let value = value.trim();
    let unquoted = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(value);
    let title = clean_line(unquoted);
    has_words(&title).then_some(title)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    fn read(source: &str) -> Extracted {
        extract(source.as_bytes(), &Limits::default()).expect("has text")
    }

    #[test]
    fn headings_in_both_spellings_and_unwrapped_paragraphs() {
        let page =
            read("# Warm homes #\n\nA line\nand its rest.\n\nCosts\n-----\n\nLow  \nreally.\n");
        assert_eq!(
            page.text,
            "Warm homes\n\nA line and its rest.\n\nCosts\n\nLow really."
        );
        assert_eq!(page.title.as_deref(), Some("Warm homes"));
        assert_eq!(page.blocks[0].kind, BlockKind::Heading(1));
        assert_eq!(page.blocks[2].kind, BlockKind::Heading(2));
    }

    #[test]
    fn inline_markup_leaves_its_words() {
        let page = read(
            "*Very* **warm** [link](http://x 'y'), `code`, ![a cat](c.png), <b>bold</b><br>x &amp; ~~old~~[^1]\n\n[^1]: Note.",
        );
        assert_eq!(
            page.text,
            "Very warm link, code, a cat, bold x & old\n\nNote."
        );
    }

    #[test]
    fn lists_are_flattened() {
        let page = read("3. three\n   - inner\n\n     more\n4. four\n\n* [ ] todo\n* done\n");
        assert_eq!(page.text, "3. three\n- inner more\n4. four\n- todo\n- done");
        assert!(
            page.blocks
                .iter()
                .all(|block| block.kind == BlockKind::ListItem)
        );
    }

    #[test]
    fn tables_are_rows_without_the_rule() {
        let page = read("| Kind | U |\n|------|---|\n| Loft | `0.16` |\n|  |  |\n");
        assert_eq!(page.text, "Kind | U\nLoft | 0.16");
        assert!(
            page.blocks
                .iter()
                .all(|block| block.kind == BlockKind::TableRow)
        );
    }

    #[test]
    fn code_keeps_its_lines() {
        let page = read("Run:\n\n```sh\nmake\n\n  all\n```\n\n    indented\n");
        assert_eq!(page.text, "Run:\n\nmake\n\n  all\n\nindented");
        assert_eq!(page.blocks[1].kind, BlockKind::Preformatted);
    }

    #[test]
    fn front_matter_is_dropped_and_gives_the_title() {
        for source in [
            "---\nlayout: post\ntitle: \"Warm: homes\"\n---\n\n# Heading\n\nText",
            "+++\ntitle = 'Warm: homes'\n+++\n\n# Heading\n\nText",
        ] {
            let page = read(source);
            assert_eq!(page.title.as_deref(), Some("Warm: homes"));
            assert_eq!(page.text, "Heading\n\nText");
        }
    }

    #[test]
    fn quotes_and_definitions_and_html_blocks() {
        assert_eq!(read("> one\n> two\n").text, "one two");
        assert_eq!(read("EPC\n: A certificate\n").text, "- EPC: A certificate");
        assert_eq!(
            read("<div class='x'>\nInside <!-- no --> it\n</div>\n\nAfter").text,
            "Inside it\n\nAfter"
        );
    }

    #[test]
    fn nothing_to_read_is_an_error() {
        for source in ["", "\n\n", "---\ntitle: x\n---\n", "***", "<!-- only -->"] {
            assert!(
                matches!(
                    extract(source.as_bytes(), &Limits::default()),
                    Err(ExtractError::NoText(_))
                ),
                "{source}"
            );
        }
    }

    #[test]
    fn hostile_files_end_in_time() {
        for source in [
            "> ".repeat(100_000),
            "- ".repeat(100_000),
            "1. ".repeat(100_000),
            "[".repeat(100_000),
            "*a ".repeat(100_000),
            "`a ".repeat(100_000),
            "a | b\n--|--\n".to_owned() + &"x | y\n".repeat(20_000),
            "word ".repeat(400_000),
            "<a ".repeat(50_000),
            "[a](".repeat(50_000),
            (0..300)
                .map(|depth| ["  ".repeat(depth).as_str(), "- x\n"].concat())
                .collect(),
        ] {
            let begun = Instant::now();
            let _ = extract(source.as_bytes(), &Limits::default());
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{} {:?}",
                &source[..8],
                begun.elapsed()
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_read_or_refused(source in "[-#>*_`|:\\[\\]()<>! a1.\n~^é]{0,200}") {
            let _ = extract(source.as_bytes(), &Limits::default());
        }
    }
}
