//! Word documents (ECMA-376 part 1, clause 17): paragraphs, headings, lists, tables, notes.

use std::collections::HashMap;

use super::super::ExtractError;
use super::super::builder::{TextBuilder, has_words};
use super::super::limits::Limits;
use super::super::xml::{Element, Visitor};
use super::container::{Container, Relation};
use super::docx_parts::{Numbering, Styles};
use super::table::Tables;
use crate::model::extracted::{BlockKind, Extracted};

/// Reads a Word document. Headers, footers and notes follow the text.
pub(in crate::extract) fn extract(
    bytes: &[u8],
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    let mut package = Container::open(bytes, "docx")?;
    let roots = package.relations("")?;
    let main = roots
        .into_values()
        .find(|relation| relation.kind == "officeDocument");
    let main = main.map_or_else(
        || "word/document.xml".to_owned(),
        |relation| relation.target,
    );
    let relations = package.relations(&main)?;
    let part = |kind: &str| {
        let mut parts: Vec<String> = relations
            .values()
            .filter(|relation| relation.kind == kind)
            .map(|relation| relation.target.clone())
            .collect();
        parts.sort();
        parts
    };
    let mut styles = Styles::default();
    let mut numbering = Numbering::default();
    for name in part("styles") {
        package.walk(&name, &mut styles)?;
    }
    for name in part("numbering") {
        package.walk(&name, &mut numbering)?;
    }
    let later = ["footnotes", "endnotes", "header", "footer"]
        .map(part)
        .concat();
    let mut body = Body::new(
        TextBuilder::new(limits.max_text_bytes),
        styles,
        numbering,
        relations,
    );
    if package.text(&main)?.is_none() {
        return Err(ExtractError::malformed(
            "docx",
            format!("the part {main} is missing"),
        ));
    }
    package.walk(&main, &mut body)?;
    for name in later {
        body.relations = package.relations(&name)?;
        package.walk(&name, &mut body)?;
    }
    let properties = package.properties()?;
    if body.builder.is_empty() {
        return Err(ExtractError::NoText("the document has no words".to_owned()));
    }
    let mut extracted = body.builder.finish();
    extracted.title = properties.title().or(body.title);
    extracted.metadata = properties.all;
    Ok(extracted)
}

/// A paragraph that is open; text boxes nest them.
#[derive(Default)]
struct Paragraph {
    text: String,
    style: String,
    list: Option<(String, usize)>,
    outline: Option<u8>,
    /// What its pictures show, in words.
    pictures: Vec<String>,
}

struct Body {
    builder: TextBuilder,
    styles: Styles,
    numbering: Numbering,
    relations: HashMap<String, Relation>,
    paragraphs: Vec<Paragraph>,
    tables: Tables,
    /// Elements open inside one that is not read: deleted text, a second form of the same drawing.
    skipped: usize,
    in_text: bool,
    is_struck: bool,
    /// Where open links lead, and where their words begin.
    links: Vec<Option<(String, usize)>>,
    title: Option<String>,
}

impl Body {
    fn new(
        builder: TextBuilder,
        styles: Styles,
        numbering: Numbering,
        relations: HashMap<String, Relation>,
    ) -> Self {
        Self {
            builder,
            styles,
            numbering,
            relations,
            paragraphs: Vec::new(),
            tables: Tables::default(),
            skipped: 0,
            in_text: false,
            is_struck: false,
            links: Vec::new(),
            title: None,
        }
    }

    fn push(&mut self, text: &str) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.text.push_str(text);
        }
    }

    fn property(&mut self, name: &str, value: &str) {
        let Some(paragraph) = self.paragraphs.last_mut() else {
            return;
        };
        match name {
            "pStyle" => value.clone_into(&mut paragraph.style),
            "numId" => value.clone_into(&mut paragraph.list.get_or_insert_default().0),
            "ilvl" => paragraph.list.get_or_insert_default().1 = value.parse().unwrap_or(0),
            "outlineLvl" => {
                let level = value.parse::<u8>().ok().filter(|level| *level < 9);
                paragraph.outline = level.map(|level| level + 1);
            }
            _ => {}
        }
    }

    fn end_paragraph(&mut self) {
        let Some(paragraph) = self.paragraphs.pop() else {
            return;
        };
        let mut text = paragraph.text.replace("~~~~", "");
        if !has_words(&text) {
            text = paragraph.pictures.join(" ");
        }
        if !has_words(&text) {
            return;
        }
        let style = self.styles.get(&paragraph.style);
        let list = paragraph.list.or(style.list).filter(|(id, _)| id != "0");
        let marker = list.and_then(|(id, level)| self.numbering.next(&id, level));
        let heading = paragraph
            .outline
            .or(style.heading)
            .or(style.is_title.then_some(1));
        let line = format!("{}{text}", marker.as_deref().unwrap_or_default());
        if self.tables.is_open() {
            self.tables.add(&line);
        } else if let Some(level) = heading {
            let line = line.trim_start_matches("- ");
            if self.title.is_none() && (style.is_title || level == 1) {
                self.title = Some(super::super::builder::clean_line(&text));
            }
            self.builder.push(BlockKind::Heading(level), line, None);
        } else if marker.is_some() {
            self.builder.push(BlockKind::ListItem, &line, None);
        } else {
            self.builder.push(BlockKind::Paragraph, &line, None);
        }
    }

    fn end_link(&mut self) {
        let Some(Some((address, start))) = self.links.pop() else {
            return;
        };
        let address = address
            .trim_start_matches("mailto:")
            .trim_start_matches("tel:");
        let paragraph = self.paragraphs.last();
        let words = paragraph.and_then(|paragraph| paragraph.text.get(start..));
        if !words.is_some_and(|words| words.contains(address)) {
            self.push(&format!(" ({address})"));
        }
    }
}

impl Visitor for Body {
    fn open(&mut self, element: &Element<'_>) {
        let name = element.name();
        if self.skipped > 0 || matches!(name.as_str(), "Fallback" | "del" | "moveFrom") {
            self.skipped += 1;
            return;
        }
        match name.as_str() {
            "p" => self.paragraphs.push(Paragraph::default()),
            "r" => self.is_struck = false,
            "strike" | "dstrike" => {
                let value = element.attribute("val");
                self.is_struck = !matches!(value.as_deref(), Some("0" | "false"));
            }
            "t" => self.in_text = true,
            "tab" | "br" | "cr" => self.push(" "),
            "noBreakHyphen" => self.push("-"),
            "docPr" => {
                let words = element
                    .attribute("descr")
                    .or_else(|| element.attribute("title"));
                if let (Some(paragraph), Some(words)) = (self.paragraphs.last_mut(), words) {
                    paragraph.pictures.push(words);
                }
            }
            "hyperlink" => {
                let relation = element
                    .attribute("id")
                    .and_then(|id| self.relations.get(&id));
                let target = relation.map(|relation| relation.target.clone());
                let words = self.paragraphs.last();
                let start = words.map_or(0, |paragraph| paragraph.text.len());
                let target = target.filter(|target| target.contains(':'));
                self.links.push(target.map(|target| (target, start)));
            }
            "tbl" => self.tables.begin(),
            "tc" => self.tables.begin_cell(),
            "gridSpan" => {
                let columns = element
                    .attribute("val")
                    .and_then(|value| value.parse().ok());
                self.tables.span(columns.unwrap_or(1));
            }
            name => self.property(name, &element.attribute("val").unwrap_or_default()),
        }
    }

    fn close(&mut self, name: &str) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        match name {
            "p" => self.end_paragraph(),
            "t" => self.in_text = false,
            "hyperlink" => self.end_link(),
            "tc" => self.tables.end_cell(),
            "tr" => self.tables.end_row(&mut self.builder),
            "tbl" => self.tables.end(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.skipped > 0 || !self.in_text {
            return;
        }
        if self.is_struck {
            self.push(&format!("~~{text}~~"));
        } else {
            self.push(text);
        }
    }

    fn is_done(&self) -> bool {
        self.builder.is_full()
    }
}
