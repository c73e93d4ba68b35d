//! Presentations (ECMA-376 part 1, clauses 19 and 21): slide by slide, titles as headings, then the
//! speaker's notes.

use super::super::ExtractError;
use super::super::builder::{TextBuilder, clean_line, has_words};
use super::super::limits::Limits;
use super::super::xml::{Element, Visitor};
use super::container::Container;
use super::table::Tables;
use crate::model::extracted::{BlockKind, Extracted};

/// Reads a presentation in the order in which it is shown.
pub(in crate::extract) fn extract(
    bytes: &[u8],
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    let mut package = Container::open(bytes, "pptx")?;
    let main = "ppt/presentation.xml";
    let mut order = Order::default();
    package.walk(main, &mut order)?;
    let relations = package.relations(main)?;
    let mut builder = TextBuilder::new(limits.max_text_bytes);
    let mut title = None;
    for (number, id) in (1..).zip(&order.ids) {
        let Some(name) = relations.get(id).map(|relation| relation.target.clone()) else {
            continue;
        };
        builder.at(Some(format!("slide {number}")));
        let mut slide = Slide::new(builder, false);
        package.walk(&name, &mut slide)?;
        title = title.or(slide.title);
        builder = slide.builder;
        let mut parts: Vec<(String, String)> = package
            .relations(&name)?
            .into_values()
            .map(|relation| (relation.kind, relation.target))
            .filter(|(kind, _)| matches!(kind.as_str(), "diagramData" | "notesSlide"))
            .collect();
        parts.sort();
        for (kind, name) in parts {
            let mut part = Slide::new(builder, kind == "notesSlide");
            package.walk(&name, &mut part)?;
            builder = part.builder;
        }
    }
    let properties = package.properties()?;
    if builder.is_empty() {
        return Err(ExtractError::NoText("the slides have no words".to_owned()));
    }
    let mut extracted = builder.finish();
    extracted.title = title.or_else(|| properties.title());
    extracted.metadata = properties.all;
    Ok(extracted)
}

/// The slides' relations, in order.
#[derive(Default)]
struct Order {
    ids: Vec<String>,
}

impl Visitor for Order {
    fn open(&mut self, element: &Element<'_>) {
        if element.name() == "sldId" {
            // The relation's id has a prefix; the slide's own id has none.
            self.ids.extend(element.prefixed("id"));
        }
    }

    fn close(&mut self, _: &str) {}

    fn text(&mut self, _: &str) {}
}

struct Slide {
    builder: TextBuilder,
    text: String,
    in_text: bool,
    /// The kind of the shape's place on the slide: `title`, `body`, a number, or none.
    place: Option<String>,
    is_bulleted: bool,
    tables: Tables,
    is_notes: bool,
    title: Option<String>,
}

impl Slide {
    fn new(builder: TextBuilder, is_notes: bool) -> Self {
        Self {
            builder,
            text: String::new(),
            in_text: false,
            place: None,
            is_bulleted: true,
            tables: Tables::default(),
            is_notes,
            title: None,
        }
    }

    fn end_paragraph(&mut self) {
        let text = std::mem::take(&mut self.text);
        let is_bulleted = std::mem::replace(&mut self.is_bulleted, true);
        if !has_words(&text) {
            return;
        }
        if self.tables.is_open() {
            self.tables.add(&text);
            return;
        }
        match self.place.as_deref() {
            // The notes page repeats number, date and picture of its slide.
            Some(place) if self.is_notes && place != "body" => {}
            Some("sldNum" | "dt" | "ftr" | "hdr") => {}
            Some("title" | "ctrTitle") => {
                self.title.get_or_insert_with(|| clean_line(&text));
                self.builder.push(BlockKind::Heading(2), &text, None);
            }
            Some("body" | "") if is_bulleted && !self.is_notes => {
                self.builder
                    .push(BlockKind::ListItem, &format!("- {text}"), None);
            }
            _ => self.builder.push(BlockKind::Paragraph, &text, None),
        }
    }
}

impl Visitor for Slide {
    fn open(&mut self, element: &Element<'_>) {
        match element.name().as_str() {
            "sp" | "graphicFrame" | "pic" => self.place = None,
            "ph" => self.place = Some(element.attribute("type").unwrap_or_default()),
            "p" => self.text.clear(),
            "buNone" => self.is_bulleted = false,
            "t" => self.in_text = true,
            "br" | "tab" => self.text.push(' '),
            "tbl" => self.tables.begin(),
            // The cells that a wide one covers are there too, empty.
            "tc" => self.tables.begin_cell(),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "p" | "pt" => self.end_paragraph(),
            "t" => self.in_text = false,
            "tc" => self.tables.end_cell(),
            "tr" => self.tables.end_row(&mut self.builder),
            "tbl" => self.tables.end(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_text {
            self.text.push_str(text);
        }
    }

    fn is_done(&self) -> bool {
        self.builder.is_full()
    }
}
