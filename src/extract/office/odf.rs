//! `OpenDocument` texts, presentations and workbooks (ISO/IEC 26300): one vocabulary for all three.

use std::collections::HashSet;

use super::super::ExtractError;
use super::super::builder::{TextBuilder, clean_line, has_words, join_cells};
use super::super::limits::Limits;
use super::super::xml::{Element, Visitor};
use super::container::{Container, Properties};
use super::table::Tables;
use crate::model::ContentKind;
use crate::model::extracted::{BlockKind, Extracted};

/// A row that repeats with text in it is written so often at most.
const MAX_REPEATED: u64 = 1_000;
/// Columns of a row, filled or not.
const MAX_COLUMNS: usize = 1_024;

/// Reads an `OpenDocument` file.
pub(in crate::extract) fn extract(
    bytes: &[u8],
    kind: ContentKind,
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    let mut package = Container::open(bytes, kind.as_str())?;
    let mut body = Body::new(TextBuilder::new(limits.max_text_bytes), kind);
    let Some(content) = package.text("content.xml")? else {
        return Err(ExtractError::malformed(
            kind.as_str(),
            "the part content.xml is missing",
        ));
    };
    super::container::walk_text(&content, kind.as_str(), &mut body)?;
    let mut properties = Properties::default();
    package.walk("meta.xml", &mut properties)?;
    if body.builder.is_empty() {
        return Err(ExtractError::NoText("the document has no words".to_owned()));
    }
    let mut extracted = body.builder.finish();
    extracted.title = properties.title().or(body.title);
    extracted.metadata = properties.all;
    Ok(extracted)
}

/// A paragraph or heading that is open; notes and frames nest them.
struct Paragraph {
    text: String,
    /// The level of a heading.
    heading: Option<u8>,
}

/// A sheet that is open.
#[derive(Default)]
struct Sheet {
    name: String,
    /// Whether its name stands above its first row.
    is_named: bool,
    /// Number of the row that is open, from 1.
    row: u64,
    repeated: u64,
    cells: Vec<String>,
    cell: String,
    cell_repeated: usize,
}

struct Body {
    kind: ContentKind,
    builder: TextBuilder,
    is_inside: bool,
    paragraphs: Vec<Paragraph>,
    /// Paragraphs of notes, written behind the paragraph that they belong to.
    notes: Vec<String>,
    note_depth: usize,
    tables: Tables,
    sheet: Option<Sheet>,
    lists: usize,
    item_begins: bool,
    skipped: usize,
    /// Names of styles whose text is struck.
    struck_styles: HashSet<String>,
    style: String,
    spans: Vec<bool>,
    /// Where open links lead, and where their words begin.
    links: Vec<Option<(String, usize)>>,
    slides: usize,
    is_slide_title: bool,
    title: Option<String>,
}

/// Tracked deletions, comments, and what a drawing calls itself.
const SKIPPED: [&str; 6] = [
    "tracked-changes",
    "annotation",
    "note-citation",
    "desc",
    "title",
    "forms",
];

impl Body {
    fn new(builder: TextBuilder, kind: ContentKind) -> Self {
        Self {
            kind,
            builder,
            is_inside: false,
            paragraphs: Vec::new(),
            notes: Vec::new(),
            note_depth: 0,
            tables: Tables::default(),
            sheet: None,
            lists: 0,
            item_begins: false,
            skipped: 0,
            struck_styles: HashSet::new(),
            style: String::new(),
            spans: Vec::new(),
            links: Vec::new(),
            slides: 0,
            is_slide_title: false,
            title: None,
        }
    }

    fn push(&mut self, text: &str) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.text.push_str(text);
        }
    }

    fn read_style(&mut self, element: &Element<'_>) {
        match element.name().as_str() {
            "style" => self.style = element.attribute("name").unwrap_or_default(),
            "text-properties" => {
                let line = element.attribute("text-line-through-style");
                if line.is_some_and(|line| line != "none") {
                    self.struck_styles.insert(self.style.clone());
                }
            }
            _ => {}
        }
    }

    fn begin_table(&mut self, element: &Element<'_>) {
        if self.kind == ContentKind::Ods && self.sheet.is_none() {
            self.sheet = Some(Sheet {
                name: element.attribute("name").unwrap_or_default(),
                ..Sheet::default()
            });
        } else {
            self.tables.begin();
        }
    }

    fn begin_cell(&mut self, element: &Element<'_>) {
        let repeated = number(element, "number-columns-repeated");
        if let Some(sheet) = &mut self.sheet {
            sheet.cell.clear();
            sheet.cell_repeated = repeated.min(MAX_COLUMNS as u64) as usize;
        } else {
            self.tables.begin_cell();
        }
    }

    fn end_cell(&mut self) {
        let Some(sheet) = &mut self.sheet else {
            self.tables.end_cell();
            return;
        };
        let cell = std::mem::take(&mut sheet.cell);
        let room = MAX_COLUMNS.saturating_sub(sheet.cells.len());
        let times = sheet.cell_repeated.min(room);
        sheet.cells.extend(std::iter::repeat_n(cell, times));
    }

    fn end_row(&mut self) {
        let Some(sheet) = &mut self.sheet else {
            self.tables.end_row(&mut self.builder);
            return;
        };
        let cells = std::mem::take(&mut sheet.cells);
        if let Some(line) = join_cells(&cells) {
            if !std::mem::replace(&mut sheet.is_named, true) {
                self.builder.at(Some(format!("sheet {}", sheet.name)));
                self.builder.push(BlockKind::Heading(2), &sheet.name, None);
            }
            for row in 0..sheet.repeated.min(MAX_REPEATED) {
                let location = format!("sheet {}, row {}", sheet.name, sheet.row + row);
                self.builder.at(Some(location));
                self.builder.push(BlockKind::TableRow, &line, None);
            }
        }
        sheet.row = sheet.row.saturating_add(sheet.repeated);
    }

    fn end_paragraph(&mut self) {
        let Some(Paragraph { text, heading }) = self.paragraphs.pop() else {
            return;
        };
        let text = text.replace("~~~~", "");
        if !has_words(&text) {
            return;
        }
        if self.note_depth > 0 {
            self.notes.push(text);
            return;
        }
        if let Some(sheet) = &mut self.sheet {
            let separator = if sheet.cell.is_empty() { "" } else { " " };
            sheet.cell.push_str(separator);
            sheet.cell.push_str(&text);
            return;
        }
        if self.tables.is_open() {
            self.tables.add(&text);
            return;
        }
        if let Some(level) = heading.or(self.is_slide_title.then_some(2)) {
            self.title.get_or_insert_with(|| clean_line(&text));
            self.builder.push(BlockKind::Heading(level), &text, None);
        } else if self.lists > 0 {
            let marker = if std::mem::take(&mut self.item_begins) {
                "- "
            } else {
                ""
            };
            self.builder
                .push(BlockKind::ListItem, &format!("{marker}{text}"), None);
        } else {
            self.builder.push(BlockKind::Paragraph, &text, None);
        }
        for note in std::mem::take(&mut self.notes) {
            self.builder.push(BlockKind::Paragraph, &note, None);
        }
    }

    fn end_link(&mut self) {
        let Some(Some((address, start))) = self.links.pop() else {
            return;
        };
        let address = address.trim_start_matches("mailto:");
        let paragraph = self.paragraphs.last();
        let words = paragraph.and_then(|paragraph| paragraph.text.get(start..));
        if !words.is_some_and(|words| words.contains(address)) {
            self.push(&format!(" ({address})"));
        }
    }
}

fn number(element: &Element<'_>, name: &str) -> u64 {
    let value = element.attribute(name).and_then(|value| value.parse().ok());
    value.unwrap_or(1)
}

impl Visitor for Body {
    fn open(&mut self, element: &Element<'_>) {
        let name = element.name();
        if self.skipped > 0 || (self.is_inside && SKIPPED.contains(&name.as_str())) {
            self.skipped += 1;
            return;
        }
        if !self.is_inside {
            self.is_inside = name == "body";
            self.read_style(element);
            return;
        }
        match name.as_str() {
            "p" | "h" => {
                let level = element
                    .attribute("outline-level")
                    .and_then(|level| level.parse().ok());
                self.paragraphs.push(Paragraph {
                    text: String::new(),
                    heading: (name == "h").then(|| level.unwrap_or(1)),
                });
            }
            "span" => {
                let style = element.attribute("style-name").unwrap_or_default();
                self.spans.push(self.struck_styles.contains(&style));
            }
            "s" | "tab" | "line-break" => self.push(" "),
            "a" => {
                let words = self.paragraphs.last();
                let start = words.map_or(0, |paragraph| paragraph.text.len());
                let address = element.attribute("href");
                let address = address.filter(|address| address.contains(':'));
                self.links.push(address.map(|address| (address, start)));
            }
            "list" => self.lists += 1,
            "list-item" => self.item_begins = true,
            "note" => self.note_depth += 1,
            "table" => self.begin_table(element),
            "table-row" => {
                if let Some(sheet) = &mut self.sheet {
                    sheet.row = sheet.row.max(1);
                    sheet.repeated = number(element, "number-rows-repeated");
                }
            }
            "table-cell" | "covered-table-cell" => self.begin_cell(element),
            "page" if self.kind == ContentKind::Odp => {
                self.slides += 1;
                self.builder.at(Some(format!("slide {}", self.slides)));
            }
            "frame" => {
                self.is_slide_title = element
                    .attribute("class")
                    .is_some_and(|class| class == "title");
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        match name {
            "body" => self.is_inside = false,
            "p" | "h" if self.is_inside => self.end_paragraph(),
            "span" => {
                self.spans.pop();
            }
            "a" => self.end_link(),
            "list" => self.lists = self.lists.saturating_sub(1),
            "note" => self.note_depth = self.note_depth.saturating_sub(1),
            "table-cell" | "covered-table-cell" => self.end_cell(),
            "table-row" => self.end_row(),
            "table" if self.tables.is_open() => self.tables.end(),
            "table" => self.sheet = None,
            "frame" => self.is_slide_title = false,
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.skipped > 0 || !self.is_inside {
            return;
        }
        if self.spans.contains(&true) {
            self.push(&format!("~~{text}~~"));
        } else {
            self.push(text);
        }
    }

    fn is_done(&self) -> bool {
        self.builder.is_full()
    }
}
