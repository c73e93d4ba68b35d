//! EPUB books: the documents of the spine in order, each a chapter.

use std::collections::HashMap;

use super::super::builder::TextBuilder;
use super::super::limits::Limits;
use super::super::xml::{Element, Visitor};
use super::super::{ExtractError, html};
use super::container::{Container, Properties, resolve};
use crate::model::Extracted;
use crate::model::extracted::{BlockKind, Warning};

/// Reads a book.
pub(in crate::extract) fn extract(
    bytes: &[u8],
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    let mut package = Container::open(bytes, "epub")?;
    if package
        .read("META-INF/encryption.xml")?
        .is_some_and(|part| contains(&part, b"enc/2001/04/xmlenc#aes"))
    {
        return Err(ExtractError::Encrypted);
    }
    let mut root = Root::default();
    package.walk("META-INF/container.xml", &mut root)?;
    let Some(main) = root.path else {
        return Err(ExtractError::malformed(
            "epub",
            "META-INF/container.xml names no book",
        ));
    };
    let mut book = Book::default();
    package.walk(&main, &mut book)?;
    let mut properties = Properties::default();
    package.walk(&main, &mut properties)?;
    let folder = main.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut builder = TextBuilder::new(limits.max_text_bytes);
    let mut warnings = Vec::new();
    for (number, id) in (1..).zip(&book.spine) {
        let Some(name) = book
            .files
            .get(id)
            .map(|file| resolve(folder, &decoded(file)))
        else {
            continue;
        };
        let Some(page) = package.read(&name)? else {
            warnings.push(Warning::LeftOut(format!("the chapter {name} is missing")));
            continue;
        };
        match html::extract(&page, Some("utf-8"), &html::Limits::default()) {
            Ok(chapter) => {
                builder.at(Some(chapter_name(&chapter, number)));
                warnings.extend(builder.append(&chapter));
            }
            // A cover or a page with a picture.
            Err(ExtractError::NoText(_)) => {}
            Err(error) => warnings.push(Warning::LeftOut(format!("the chapter {name}: {error}"))),
        }
        if builder.is_full() {
            break;
        }
    }
    if builder.is_empty() {
        return Err(ExtractError::NoText(
            "the book's chapters have no words".to_owned(),
        ));
    }
    let mut extracted = builder.finish();
    extracted.title = properties.title();
    extracted.metadata = properties.all;
    extracted.warnings.extend(warnings);
    Ok(extracted)
}

/// The chapter's first heading, or its place.
fn chapter_name(chapter: &Extracted, number: usize) -> String {
    let mut blocks = chapter.blocks.iter();
    let heading = blocks.find(|block| matches!(block.kind, BlockKind::Heading(_)));
    heading.map_or_else(
        || format!("part {number}"),
        |block| format!("chapter {}", &chapter.text[block.range.clone()]),
    )
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(bytes, part).is_some()
}

/// `%20` and the like in the name of a part.
fn decoded(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(code) = code.filter(|_| *first == b'%') {
            bytes.push(code);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[derive(Default)]
struct Root {
    path: Option<String>,
}

impl Visitor for Root {
    fn open(&mut self, element: &Element<'_>) {
        if element.name() == "rootfile" && self.path.is_none() {
            self.path = element.attribute("full-path");
        }
    }

    fn close(&mut self, _: &str) {}

    fn text(&mut self, _: &str) {}
}

/// The files of a book by their ids, and the order in which they are read.
#[derive(Default)]
struct Book {
    files: HashMap<String, String>,
    spine: Vec<String>,
}

impl Visitor for Book {
    fn open(&mut self, element: &Element<'_>) {
        match element.name().as_str() {
            "item" => {
                let is_contents = element.attribute("properties").is_some_and(|properties| {
                    properties.split(' ').any(|property| property == "nav")
                });
                if let (Some(id), Some(file)) = (element.attribute("id"), element.attribute("href"))
                    && !is_contents
                {
                    self.files.insert(id, file);
                }
            }
            "itemref" => self.spine.extend(element.attribute("idref")),
            _ => {}
        }
    }

    fn close(&mut self, _: &str) {}

    fn text(&mut self, _: &str) {}
}
