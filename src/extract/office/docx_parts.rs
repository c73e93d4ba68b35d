//! What a Word document keeps beside its text: styles and numbering (ECMA-376 part 1, 17.7, 17.9).

use std::collections::HashMap;

use super::super::numerals::roman;
use super::super::xml::{Element, Visitor};

/// Lists nest no deeper in the format.
const LEVELS: usize = 9;

/// What a paragraph's style says about its place in the text.
#[derive(Default, Clone)]
pub(super) struct Style {
    /// 1 to 9.
    pub(super) heading: Option<u8>,
    pub(super) is_title: bool,
    /// The numbering and its level.
    pub(super) list: Option<(String, usize)>,
    based_on: Option<String>,
}

/// Styles by their ids.
#[derive(Default)]
pub(super) struct Styles {
    by_id: HashMap<String, Style>,
    open: Option<(String, Style)>,
}

impl Styles {
    /// The style with what it takes over from those that it is based on.
    pub(super) fn get(&self, id: &str) -> Style {
        let mut style = self.by_id.get(id).cloned().unwrap_or_default();
        let mut base = style.based_on.clone();
        // A chain of styles that comes back to itself ends too.
        for _ in 0..LEVELS {
            let Some(above) = base.as_ref().and_then(|id| self.by_id.get(id)) else {
                break;
            };
            style.heading = style.heading.or(above.heading);
            style.list = style.list.or_else(|| above.list.clone());
            base.clone_from(&above.based_on);
        }
        style
    }
}

impl Visitor for Styles {
    fn open(&mut self, element: &Element<'_>) {
        let name = element.name();
        let value = || element.attribute("val").unwrap_or_default();
        if name == "style" {
            let id = element.attribute("styleId").unwrap_or_default();
            self.open = Some((id, Style::default()));
        }
        let Some((_, style)) = &mut self.open else {
            return;
        };
        match name.as_str() {
            // Built-in styles have these names in every language of the program.
            "name" => {
                let name = value().to_lowercase();
                style.is_title = name == "title";
                let level = name
                    .strip_prefix("heading ")
                    .and_then(|level| level.parse().ok());
                style.heading = style.heading.or(level);
            }
            "basedOn" => style.based_on = Some(value()),
            "outlineLvl" => {
                let level = value().parse::<u8>().ok().filter(|level| *level < 9);
                style.heading = level.map(|level| level + 1).or(style.heading);
            }
            "numId" => style.list.get_or_insert_default().0 = value(),
            "ilvl" => style.list.get_or_insert_default().1 = value().parse().unwrap_or(0),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if name == "style"
            && let Some((id, style)) = self.open.take()
        {
            self.by_id.insert(id, style);
        }
    }

    fn text(&mut self, _: &str) {}
}

/// One level of a numbering.
#[derive(Clone)]
struct Level {
    format: String,
    /// Such as `%1.%2.`.
    text: String,
    start: u32,
}

/// All numberings, and how far each has counted.
#[derive(Default)]
pub(super) struct Numbering {
    templates: HashMap<String, Vec<Level>>,
    template_of: HashMap<String, String>,
    counters: HashMap<String, Vec<u32>>,
    template: Option<String>,
    instance: Option<String>,
}

impl Numbering {
    /// The marker of the next item; `None` if the paragraph is not numbered after all.
    pub(super) fn next(&mut self, id: &str, level: usize) -> Option<String> {
        let template = self.template_of.get(id)?;
        let levels = self.templates.get(template)?;
        let this = levels.get(level)?;
        if this.format == "none" {
            return None;
        }
        if this.format == "bullet" {
            return Some("- ".to_owned());
        }
        // Numberings of one template count on from each other.
        let counters = self.counters.entry(template.clone()).or_default();
        while counters.len() <= level {
            let start = levels.get(counters.len()).map_or(1, |level| level.start);
            counters.push(start.saturating_sub(1));
        }
        counters.truncate(level + 1);
        counters[level] = counters[level].saturating_add(1);
        let mut marker = this.text.clone();
        for (place, count) in counters.iter().enumerate() {
            let format = levels
                .get(place)
                .map_or("decimal", |level| level.format.as_str());
            let count = (*count).max(1);
            marker = marker.replace(&format!("%{}", place + 1), &numeral(count, format));
        }
        Some(format!("{} ", marker.trim()))
    }
}

impl Visitor for Numbering {
    fn open(&mut self, element: &Element<'_>) {
        let value = || element.attribute("val").unwrap_or_default();
        match element.name().as_str() {
            "abstractNum" => self.template = element.attribute("abstractNumId"),
            "num" => self.instance = element.attribute("numId"),
            "abstractNumId" => {
                if let Some(instance) = &self.instance {
                    self.template_of.insert(instance.clone(), value());
                }
            }
            name => {
                let Some(template) = &self.template else {
                    return;
                };
                let levels = self.templates.entry(template.clone()).or_default();
                let is_full = levels.len() >= LEVELS;
                match (name, levels.last_mut()) {
                    ("lvl", _) if !is_full => levels.push(Level {
                        format: "decimal".to_owned(),
                        text: String::new(),
                        start: 1,
                    }),
                    ("start", Some(level)) => level.start = value().parse().unwrap_or(1),
                    ("numFmt", Some(level)) => level.format = value(),
                    ("lvlText", Some(level)) => level.text = value(),
                    _ => {}
                }
            }
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "abstractNum" => self.template = None,
            "num" => self.instance = None,
            _ => {}
        }
    }

    fn text(&mut self, _: &str) {}
}

fn numeral(count: u32, format: &str) -> String {
    match format {
        "lowerLetter" => letters(count),
        "upperLetter" => letters(count).to_uppercase(),
        "lowerRoman" => roman(count % 4000).unwrap_or_default(),
        "upperRoman" => roman(count % 4000).unwrap_or_default().to_uppercase(),
        _ => count.to_string(),
    }
}

/// a to z, then aa to zz, as Word counts.
fn letters(count: u32) -> String {
    let letter = char::from(b'a' + ((count - 1) % 26) as u8);
    let times = (count - 1) / 26 + 1;
    std::iter::repeat_n(letter, times.min(8) as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_word_writes_them() {
        assert_eq!((letters(1), letters(27)), ("a".to_owned(), "aa".to_owned()));
        assert_eq!(
            (roman(4), roman(1999)),
            (Some("iv".to_owned()), Some("mcmxcix".to_owned()))
        );
    }
}
