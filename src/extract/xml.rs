//! XML: the walk that all readers of XML parts share, and the reader of XML of no other kind.
//!
//! The parser expands no entities but the five of XML itself and character references, so a
//! document cannot grow by its own declarations.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::ExtractError;
use super::builder::{TextBuilder, has_words};
use super::charset::{self, Markup};
use super::limits::{LONG_VALUE, Limits};
use crate::model::extracted::{BlockKind, Extracted};

/// No document that a program writes for people is deeper.
const MAX_DEPTH: usize = 1_000;

/// An element that begins.
pub(super) struct Element<'a> {
    start: &'a BytesStart<'a>,
}

impl Element<'_> {
    /// The name without its prefix.
    pub(super) fn name(&self) -> String {
        self.start.local_name().as_ref().to_owned()
    }

    /// The value of the first attribute with this name, whatever its prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let found = self.start.attributes().flatten();
        let mut found = found.filter(|attribute| attribute.key.local_name().as_ref() == name);
        Some(value_of(&found.next()?))
    }

    /// The value of the first attribute with this name that has a prefix.
    pub(super) fn prefixed(&self, name: &str) -> Option<String> {
        let found = self.start.attributes().flatten();
        let mut found = found.filter(|attribute| {
            attribute.key.prefix().is_some() && attribute.key.local_name().as_ref() == name
        });
        Some(value_of(&found.next()?))
    }

    /// All attributes but declarations of namespaces, as name and value.
    fn attributes(&self) -> Vec<(String, String)> {
        let all = self.start.attributes().flatten();
        all.filter(|attribute| !attribute.key.as_ref().starts_with("xml"))
            .map(|attribute| {
                let name = attribute.key.local_name().as_ref().to_owned();
                (name, value_of(&attribute))
            })
            .collect()
    }
}

fn value_of(attribute: &quick_xml::events::attributes::Attribute<'_>) -> String {
    let raw: &str = attribute.value.as_ref();
    quick_xml::escape::unescape(raw).map_or_else(|_| raw.to_owned(), std::borrow::Cow::into_owned)
}

/// What happens on a walk through a document.
pub(super) trait Visitor {
    /// An element begins.
    fn open(&mut self, element: &Element<'_>);
    /// An element ends; `name` has no prefix.
    fn close(&mut self, name: &str);
    /// Characters between tags.
    fn text(&mut self, text: &str);
    /// Whether the rest would be lost.
    fn is_done(&self) -> bool {
        false
    }
}

/// Walks through a document in order.
pub(super) fn walk(
    xml: &str,
    kind: &'static str,
    visitor: &mut impl Visitor,
) -> Result<(), ExtractError> {
    let mut reader = Reader::from_str(xml);
    let mut depth = 0_usize;
    while !visitor.is_done() {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                depth += 1;
                if depth > MAX_DEPTH {
                    let reason = format!("more than {MAX_DEPTH} nested elements");
                    return Err(ExtractError::OverLimit(reason));
                }
                visitor.open(&Element { start: &start });
            }
            Ok(Event::Empty(start)) => {
                visitor.open(&Element { start: &start });
                visitor.close(start.local_name().as_ref());
            }
            Ok(Event::End(end)) => {
                depth = depth.saturating_sub(1);
                visitor.close(end.local_name().as_ref());
            }
            Ok(Event::Text(text)) => visitor.text(&text),
            Ok(Event::CData(text)) => visitor.text(&text),
            Ok(Event::GeneralRef(reference)) => {
                visitor.text(&referred(
                    &reference,
                    reference.resolve_char_ref().ok().flatten(),
                ));
            }
            Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) => {}
            Ok(Event::Eof) if depth > 0 => {
                return Err(ExtractError::malformed(kind, "it ends in the middle"));
            }
            Ok(Event::Eof) => break,
            Err(error) => return Err(ExtractError::malformed(kind, error)),
        }
    }
    Ok(())
}

fn referred(name: &str, character: Option<char>) -> String {
    if let Some(character) = character {
        return character.to_string();
    }
    quick_xml::escape::resolve_predefined_entity(name)
        .map_or_else(|| format!("&{name};"), str::to_owned)
}

/// Reads XML without knowing its vocabulary: an element with text of its own between its children
/// is a paragraph, one whose children are all values is a record.
pub(super) fn extract(
    bytes: &[u8],
    charset: Option<&str>,
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    let charset = charset.map(str::to_owned).or_else(|| declared(bytes));
    let (xml, warning) = charset::read(bytes, charset.as_deref(), Markup::None)?;
    let mut outline = Outline {
        builder: TextBuilder::new(limits.max_text_bytes),
        open: Vec::new(),
    };
    walk(&xml, "XML", &mut outline)?;
    if outline.builder.is_empty() {
        return Err(ExtractError::NoText("the XML holds no words".to_owned()));
    }
    let mut extracted = outline.builder.finish();
    extracted.warnings.extend(warning);
    Ok(extracted)
}

/// The charset of the XML declaration.
fn declared(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    let (_, after) = head.split_once("?>").map_or(("", ""), |(first, _)| {
        first.split_once("encoding").unwrap_or(("", ""))
    });
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    Some(value[1..].split_once(quote)?.0.to_owned())
}

/// An element that is open.
struct Node {
    name: String,
    text: String,
    /// Short values of its children and attributes that wait to be written.
    values: Vec<String>,
    has_children: bool,
    is_mixed: bool,
}

struct Outline {
    builder: TextBuilder,
    open: Vec<Node>,
}

impl Outline {
    fn flush(&mut self, at: usize) {
        let values = std::mem::take(&mut self.open[at].values);
        let line = values.join("; ");
        if has_words(&line) {
            self.builder.push(BlockKind::Paragraph, &line, None);
        }
    }
}

impl Visitor for Outline {
    fn open(&mut self, element: &Element<'_>) {
        if let Some(above) = self.open.last_mut() {
            above.has_children = true;
            above.is_mixed |= has_words(&above.text);
        }
        let values = element.attributes().into_iter();
        self.open.push(Node {
            name: element.name(),
            text: String::new(),
            values: values
                .map(|(name, value)| format!("{name}: {value}"))
                .collect(),
            has_children: false,
            is_mixed: false,
        });
    }

    fn close(&mut self, _: &str) {
        let Some(mut node) = self.open.pop() else {
            return;
        };
        let text = node.text.trim();
        // A part of a sentence belongs to the sentence around it.
        if let Some(above) = self.open.iter_mut().rev().find(|above| above.is_mixed) {
            above.text.push_str(text);
            return;
        }
        let above = self.open.len().checked_sub(1);
        if node.has_children || above.is_none() {
            let line = std::mem::take(&mut node.values).join("; ");
            let parts = [line.as_str(), text];
            for part in parts.into_iter().filter(|part| has_words(part)) {
                self.builder.push(BlockKind::Paragraph, part, None);
            }
            return;
        }
        if !text.is_empty() {
            node.values.insert(0, format!("{}: {text}", node.name));
        }
        if let Some(above) = above {
            self.open[above].values.append(&mut node.values);
            if text.len() > LONG_VALUE {
                self.flush(above);
            }
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(node) = self.open.last_mut() {
            node.is_mixed |= node.has_children && has_words(text);
            node.text.push_str(text);
        }
    }

    fn is_done(&self) -> bool {
        self.builder.is_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(xml: &str) -> Result<Extracted, ExtractError> {
        extract(xml.as_bytes(), None, &Limits::default())
    }

    #[test]
    fn records_and_prose_are_told_apart() {
        let feed = "<?xml version='1.0'?><feed><item id='7'><title>Tariff &amp; hours</title><hour>22:30</hour></item><item><title>B</title></item></feed>";
        assert_eq!(
            read(feed).unwrap().text,
            "id: 7; title: Tariff & hours; hour: 22:30\n\ntitle: B"
        );
        let book = "<book><p>Close the <em>curtains</em> at&#160;dusk.</p><p>Then sit.</p></book>";
        assert_eq!(
            read(book).unwrap().text,
            "Close the curtains at dusk.\n\np: Then sit."
        );
    }

    #[test]
    fn hostile_files_are_refused_by_name() {
        let bomb = "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>]><x>&b; word</x>";
        assert_eq!(read(bomb).unwrap().text, "&b; word");
        assert!(matches!(
            read(&"<a>".repeat(100_000)),
            Err(ExtractError::OverLimit(_))
        ));
        assert!(read("<a><b>word").unwrap_err().to_string().contains("XML"));
        assert!(read(&format!("<r>{}</r>", "<a>x</a>".repeat(50_000))).is_ok());
    }
}
