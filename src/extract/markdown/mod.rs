//! Markdown to blocks.
//!
//! Steps: take off what the file says about itself (`front_matter`), turn extensions of site
//! generators into plain Markdown (`dialects`), read the syntax (pulldown-cmark), and decide here
//! what stays of it. Emphasis and inline code leave their words, a link its words and its address,
//! a picture its description, struck text its marks. HTML is read as a page is (`raw_html`).

mod dialects;
mod front_matter;
mod raw_html;
#[cfg(test)]
mod tests;

use pulldown_cmark::{
    CodeBlockKind, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html,
};

use super::ExtractError;
use super::builder::{TextBuilder, clean_line, has_words, join_cells};
use super::charset::{self, Markup};
use super::limits::Limits;
use super::wrap::is_unspaced;
use crate::model::extracted::{BlockKind, Extracted, Warning};
use raw_html::{Ended, Said};

/// A parser's work grows faster than the nesting, and no document nests deeper.
const MAX_DEPTH: usize = 256;
/// Longer addresses are left out: nobody reads them.
const MAX_ADDRESS: usize = 300;
/// Schemes of addresses that mean the same wherever they are read.
const SCHEMES: [&str; 5] = ["https://", "http://", "ftp://", "mailto:", "tel:"];

/// Reads a Markdown file.
pub fn extract(
    bytes: &[u8],
    charset: Option<&str>,
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    limits.check_size(bytes)?;
    let (source, warning) = charset::read(bytes, charset, Markup::None)?;
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let (fields, source) = front_matter::split(&source);
    let source = dialects::plain(source);
    check_depth(&source)?;
    let mut reader = Reader::new(limits.max_text_bytes, Ended::of(&source));
    if let Some(fields) = &fields {
        fields.write(&mut reader.builder);
    }
    for event in Parser::new_ext(&source, options()) {
        reader.read(event);
        if reader.builder.is_full() {
            break;
        }
    }
    reader.end_table();
    reader.end_block();
    if reader.builder.is_empty() {
        return Err(ExtractError::NoText(
            "the Markdown file holds no words".to_owned(),
        ));
    }
    let named = fields.as_ref().and_then(front_matter::Fields::title);
    let title = named.or(reader.first_heading);
    let mut extracted = reader.builder.finish();
    extracted.title = title;
    extracted.metadata = fields.map_or_else(Vec::new, front_matter::Fields::into_metadata);
    extracted.warnings.extend(reader.warnings);
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
        | Options::ENABLE_WIKILINKS
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

struct Reader<'a> {
    builder: TextBuilder,
    /// The open block's words.
    text: String,
    kind: BlockKind,
    /// The list item's marker that waits for the item's first words.
    marker: Option<String>,
    /// The next number of each open list; `None` for bullets.
    lists: Vec<Option<u64>>,
    cells: Option<Vec<String>>,
    /// Links that are open.
    links: Vec<Link>,
    /// A line break of the source that may be a space.
    has_break: bool,
    /// The open HTML block.
    html: Option<String>,
    /// What has been read since a table of HTML began that is not closed yet.
    table: Vec<Event<'a>>,
    open_tables: isize,
    /// The element inside a paragraph whose content is not text.
    skipped: Option<String>,
    ended: Ended,
    warnings: Vec<Warning>,
    first_heading: Option<String>,
}

/// A link that is open.
struct Link {
    address: Option<String>,
    /// Where its words begin.
    start: usize,
}

impl<'a> Reader<'a> {
    fn new(max_text_bytes: usize, ended: Ended) -> Self {
        Self {
            builder: TextBuilder::new(max_text_bytes),
            text: String::new(),
            kind: BlockKind::Paragraph,
            marker: None,
            lists: Vec::new(),
            cells: None,
            links: Vec::new(),
            has_break: false,
            html: None,
            table: Vec::new(),
            open_tables: 0,
            skipped: None,
            ended,
            warnings: Vec::new(),
            first_heading: None,
        }
    }

    fn read(&mut self, event: Event<'a>) {
        if self.open_tables > 0 {
            self.read_in_table(event);
            return;
        }
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) => self.push_text(&text),
            Event::Html(html) => self.html.get_or_insert_default().push_str(&html),
            Event::InlineHtml(html) => self.push_tag(&html),
            Event::SoftBreak => self.has_break = true,
            Event::HardBreak => self.text.push(' '),
            Event::Rule => self.end_block(),
            Event::InlineMath(math) | Event::DisplayMath(math) => self.push_text(&math),
            Event::TaskListMarker(is_done) => {
                let mark = if is_done { "[x] " } else { "[ ] " };
                self.marker.get_or_insert_default().push_str(mark);
            }
            // A footnote's mark says nothing without the page it stands on.
            Event::FootnoteReference(_) => {}
        }
    }

    /// Rows of a table of HTML may have Markdown and blank lines between them, which for Markdown
    /// end the HTML: the whole table is read at its end.
    fn read_in_table(&mut self, event: Event<'a>) {
        if let Event::Html(html) | Event::InlineHtml(html) = &event {
            self.open_tables += raw_html::open_tables(html);
        }
        self.table.push(event);
        if self.open_tables <= 0 {
            self.end_table();
        }
    }

    fn end_table(&mut self) {
        self.open_tables = 0;
        let mut source = String::new();
        html::push_html(&mut source, std::mem::take(&mut self.table).into_iter());
        if !source.is_empty() {
            self.push_html(&source);
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
            Tag::Paragraph => self.begin_paragraph(),
            Tag::BlockQuote(_) | Tag::Table(_) | Tag::FootnoteDefinition(_) | Tag::HtmlBlock => {
                self.end_block();
            }
            Tag::Strikethrough => self.push_text(STRUCK),
            Tag::Link {
                link_type,
                dest_url,
                ..
            } => self.begin_link(Some(dest_url), *link_type),
            // A picture that is a link says where it leads by its own words.
            Tag::Image { .. } => self.links.iter_mut().for_each(|link| link.address = None),
            Tag::DefinitionList
            | Tag::TableCell
            | Tag::Emphasis
            | Tag::Strong
            | Tag::Superscript
            | Tag::Subscript
            | Tag::MetadataBlock(_) => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
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
            TagEnd::HtmlBlock => self.end_html(),
            TagEnd::Strikethrough => self.text.push_str(STRUCK),
            TagEnd::Link => self.end_link(),
            TagEnd::Heading(_)
            | TagEnd::CodeBlock
            | TagEnd::Table
            | TagEnd::BlockQuote(_)
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList => self.end_block(),
            TagEnd::Paragraph if self.kind != BlockKind::ListItem => self.end_block(),
            TagEnd::Paragraph
            | TagEnd::DefinitionListTitle
            | TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::MetadataBlock(_)
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
        self.links.clear();
        self.has_break = false;
        self.skipped = None;
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

    fn push_text(&mut self, text: &str) {
        if self.skipped.is_some() {
            return;
        }
        if std::mem::take(&mut self.has_break) {
            let is_unspaced = self.text.chars().next_back().is_some_and(is_unspaced)
                && text.chars().next().is_some_and(is_unspaced);
            self.text.push_str(if is_unspaced { "" } else { " " });
        }
        self.text.push_str(text);
    }

    fn begin_link(&mut self, address: Option<&str>, link_type: LinkType) {
        let is_spelt_out = matches!(link_type, LinkType::Autolink | LinkType::Email);
        let is_heading = matches!(self.kind, BlockKind::Heading(_));
        let address = address.filter(|address| {
            !is_spelt_out
                && !is_heading
                && address.len() <= MAX_ADDRESS
                && SCHEMES.iter().any(|scheme| address.starts_with(scheme))
        });
        self.links.push(Link {
            address: address.map(str::to_owned),
            start: self.text.len(),
        });
    }

    /// Puts the address behind the words, unless they are the address.
    fn end_link(&mut self) {
        let Some(Link { address, start }) = self.links.pop() else {
            return;
        };
        let Some(address) = address else {
            return;
        };
        let address = address
            .trim_start_matches("mailto:")
            .trim_start_matches("tel:");
        let words = self.text.get(start..).unwrap_or_default();
        let bare = |text: &str| {
            let text = text
                .trim_start_matches("https://")
                .trim_start_matches("http://");
            text.trim_end_matches('/').to_owned()
        };
        if has_words(words) && !bare(words).contains(&bare(address)) {
            self.text.push_str(&format!(" ({address})"));
        }
    }

    /// A tag inside a paragraph.
    fn push_tag(&mut self, source: &str) {
        let Some(tag) = raw_html::Tag::read(source) else {
            return;
        };
        if let Some(name) = &self.skipped {
            if tag.is_end && tag.is(name) {
                self.skipped = None;
            }
        } else if tag.is_placeholder(&self.ended) {
            self.push_text(source);
        } else if tag.is("script") || tag.is("style") {
            self.skipped = (!tag.is_end).then(|| tag.name.to_owned());
        } else if tag.is("del") || tag.is("s") || tag.is("strike") {
            self.push_text(STRUCK);
        } else if tag.is("img") {
            self.push_text(&tag.attribute("alt").unwrap_or_default());
        } else if tag.is("a") && tag.is_end {
            self.end_link();
        } else if tag.is("a") {
            self.begin_link(tag.attribute("href").as_deref(), LinkType::Inline);
        } else if tag.is("sup") && !tag.is_end && self.text.ends_with(|c: char| c.is_ascii_digit())
        {
            // Ten to the third is not a hundred and three.
            self.push_text("^");
        } else if tag.is_break() {
            self.text.push(' ');
        }
    }

    fn end_html(&mut self) {
        let source = self.html.take().unwrap_or_default();
        let open = raw_html::open_tables(&source);
        if open > 0 {
            self.open_tables = open;
            self.table.push(Event::Html(source.into()));
        } else {
            self.push_html(&source);
        }
    }

    /// Keeps what a block of HTML says.
    fn push_html(&mut self, source: &str) {
        for said in raw_html::read_block(source, &self.ended) {
            match said {
                Said::Blocks(part) => {
                    let first = part.blocks.iter();
                    let mut headings = first.filter(|b| matches!(b.kind, BlockKind::Heading(_)));
                    if let (None, Some(block)) = (&self.first_heading, headings.next()) {
                        self.first_heading = Some(part.text[block.range.clone()].to_owned());
                    }
                    self.warnings.extend(self.builder.append(&part));
                }
                Said::Words(words) if has_words(&words) => {
                    self.builder.push(BlockKind::Paragraph, &words, None);
                }
                Said::Words(_) => {}
            }
        }
    }
}

/// Struck text keeps these marks on either side, so that a price of last year is not today's.
const STRUCK: &str = "~~";

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
