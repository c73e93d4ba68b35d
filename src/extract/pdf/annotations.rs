//! What stands on a page beside its drawing instructions: values of form fields, notes, attachments.
//!
//! A value or a note is the page's text whether or not its author's program has drawn it (ISO
//! 32000-1, 12.5.5 and 12.7.3.3). Where the appearance shows it, hayro has drawn it already; else its
//! characters are set here, in its rectangle.

use std::borrow::Cow;

use hayro_interpret::TransformExt;
use hayro_interpret::hayro_syntax::object::{Array, Dict, Name, Object, Rect, String as Text};
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::hayro_syntax::xref::XRef;
use hayro_interpret::kurbo;
use lopdf::StringFormat;

use super::characters::is_right_to_left;
use super::glyph::{Glyph, PageGlyphs};

/// Annotations of one page that are looked at.
const MAX_ANNOTATIONS: usize = 5_000;
/// Characters of one value or note.
const MAX_CHARS: usize = 20_000;
/// Fields and name trees are nested at most this deep.
const MAX_DEPTH: usize = 8;
/// Attachments that are named.
const MAX_ATTACHMENTS: usize = 20;
/// The largest type that a value is set in, points.
const MAX_SIZE: f32 = 11.0;
/// A box to tick is no larger than this, points.
const MAX_BOX: f32 = 40.0;
/// Annotation flags `Hidden` and `NoView` (ISO 32000-1, table 165).
const UNSEEN: u32 = (1 << 1) | (1 << 5);
/// Field flags (tables 226 to 230): `Multiline`, `Password`, `Pushbutton`.
const MULTILINE: u32 = 1 << 12;
const PASSWORD: u32 = 1 << 13;
const PUSH_BUTTON: u32 = 1 << 16;

/// Adds what the annotations of `page` say to what was drawn.
pub(super) fn read_annotations(page: &Page<'_>, drawn: &mut PageGlyphs) {
    let Some(annotations) = page.raw().get::<Array<'_>>("Annots") else {
        return;
    };
    let upright = page.initial_transform(true).to_kurbo();
    for annotation in annotations.iter::<Dict<'_>>().take(MAX_ANNOTATIONS) {
        let unseen = annotation.get::<u32>("F").unwrap_or(0) & UNSEEN != 0;
        let (Some(kind), Some(rect)) = (
            annotation.get::<Name<'_>>("Subtype"),
            annotation.get::<Rect>("Rect"),
        ) else {
            continue;
        };
        if unseen {
            continue;
        }
        let rect = kurbo::Rect::new(rect.x0, rect.y0, rect.x1, rect.y1);
        let area = Area::of(upright.transform_rect_bbox(rect));
        match kind.as_ref() {
            b"Widget" => read_field(&annotation, &area, drawn),
            b"Link" | b"Popup" => {}
            b"FreeText" => {
                let text = text_of(annotation.get("Contents"));
                area.set(&text, true, drawn);
            }
            _ => {
                let text = text_of(annotation.get("Contents"));
                if !text.trim().is_empty() && !area.shows(&text, drawn) {
                    drawn.notes.push(text);
                }
            }
        }
    }
}

fn read_field(widget: &Dict<'_>, area: &Area, drawn: &mut PageGlyphs) {
    let flags: u32 = inherited(widget, |dict| dict.get("Ff")).unwrap_or(0);
    let kind = inherited(widget, |dict| dict.get::<Name<'_>>("FT"));
    match kind.as_ref().map(AsRef::as_ref) {
        Some(b"Tx") if flags & PASSWORD == 0 => {
            let value = text_of(inherited(widget, |dict| dict.get("V")));
            area.set(&value, flags & MULTILINE != 0, drawn);
        }
        Some(b"Ch") => area.set(&chosen(widget), true, drawn),
        Some(b"Btn") if flags & PUSH_BUTTON == 0 => tick(widget, area, drawn),
        _ => {}
    }
}

/// What a field or the fields above it say.
fn inherited<'a, T>(field: &Dict<'a>, get: impl Fn(&Dict<'a>) -> Option<T>) -> Option<T> {
    let mut field = field.clone();
    for _ in 0..MAX_DEPTH {
        if let Some(found) = get(&field) {
            return Some(found);
        }
        field = field.get("Parent")?;
    }
    None
}

/// The options that are chosen, as the reader sees them.
fn chosen(widget: &Dict<'_>) -> String {
    let values = match inherited(widget, |dict| dict.get::<Object<'_>>("V")) {
        Some(Object::Array(values)) => values
            .iter::<Object<'_>>()
            .take(100)
            .map(|value| text_of(Some(value)))
            .collect(),
        other => vec![text_of(other)],
    };
    let options: Vec<(String, String)> = inherited(widget, |dict| dict.get::<Array<'_>>("Opt"))
        .map(|options| {
            options
                .iter::<Array<'_>>()
                .take(1_000)
                .filter_map(|pair| {
                    let mut parts = pair.iter::<Object<'_>>();
                    Some((text_of(parts.next()), text_of(Some(parts.next()?))))
                })
                .collect()
        })
        .unwrap_or_default();
    let shown = |value: String| {
        let option = options.iter().find(|(export, _)| *export == value);
        option.map_or(value.clone(), |(_, shown)| shown.clone())
    };
    values.into_iter().map(shown).collect::<Vec<_>>().join("\n")
}

/// Says whether a box is ticked, as Markdown does; of several that are one choice also which.
fn tick(widget: &Dict<'_>, area: &Area, drawn: &mut PageGlyphs) {
    let name = |key: &str| {
        widget
            .get::<Name<'_>>(key)
            .map(|name| name.as_ref().to_vec())
    };
    let value = inherited(widget, |dict| dict.get::<Name<'_>>("V"));
    let states: Vec<Vec<u8>> = widget
        .get::<Dict<'_>>("AP")
        .and_then(|appearance| appearance.get::<Dict<'_>>("N"))
        .map(|states| states.keys().map(|state| state.as_ref().to_vec()).collect())
        .unwrap_or_default();
    let state = name("AS").or_else(|| {
        let value = value?.as_ref().to_vec();
        (states.is_empty() || states.contains(&value)).then_some(value)
    });
    let is_ticked = state.as_deref().is_some_and(|state| state != b"Off");
    if area.bottom - area.top > MAX_BOX || (!is_ticked && drawn.glyphs.is_empty()) {
        return;
    }
    drawn.glyphs.retain(|glyph| !area.holds(glyph));
    let is_one_of_several = !widget.contains_key("T") && widget.contains_key("Parent");
    let choice = state
        .filter(|_| is_ticked && is_one_of_several)
        .map(|state| String::from_utf8_lossy(&state).into_owned())
        .filter(|state| state.chars().any(char::is_alphabetic));
    let mark = if is_ticked { "[x]" } else { "[ ]" };
    let text = match choice {
        Some(choice) => format!("{mark} {choice} "),
        None => format!("{mark} "),
    };
    area.set(&text, false, drawn);
}

/// A rectangle of the page as a reader sees it.
struct Area {
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
}

impl Area {
    fn of(rect: kurbo::Rect) -> Self {
        Self {
            left: rect.x0 as f32,
            right: rect.x1 as f32,
            top: rect.y0 as f32,
            bottom: rect.y1 as f32,
        }
    }

    fn holds(&self, glyph: &Glyph) -> bool {
        let (x, y) = (glyph.x + glyph.advance * 0.5, glyph.y - glyph.size * 0.3);
        (self.left..=self.right).contains(&x) && (self.top..=self.bottom).contains(&y)
    }

    /// Whether the page shows `text` here already.
    fn shows(&self, text: &str, drawn: &PageGlyphs) -> bool {
        let letters = |text: &mut dyn Iterator<Item = char>| -> String {
            text.filter(|character| !character.is_whitespace())
                .collect()
        };
        let here = letters(
            &mut drawn
                .glyphs
                .iter()
                .filter(|glyph| self.holds(glyph))
                .map(|glyph| glyph.character),
        );
        here.contains(&letters(&mut text.chars()))
    }

    /// Sets `text` here, unless the page shows it already.
    fn set(&self, text: &str, wraps: bool, drawn: &mut PageGlyphs) {
        if text.trim().is_empty() || self.shows(text, drawn) {
            return;
        }
        if text.chars().any(is_right_to_left) {
            // Letters on a page stand as they are seen; these stand as they are read.
            drawn.notes.push(text.to_owned());
            return;
        }
        let (baseline, size) = self.line_beside(drawn).unwrap_or_else(|| {
            let height = if wraps {
                MAX_SIZE * 1.4
            } else {
                self.bottom - self.top
            };
            let size = (height * 0.7).clamp(4.0, MAX_SIZE);
            (self.top + height * 0.5 + size * 0.35, size)
        });
        let advance = size * 0.5;
        let room = if wraps {
            self.right - self.left
        } else {
            f32::INFINITY
        };
        let (mut x, mut y) = (self.left, baseline);
        for line in text.lines() {
            for word in line.split_inclusive(' ') {
                if x > self.left
                    && x + word.trim_end().chars().count() as f32 * advance > self.left + room
                {
                    (x, y) = (self.left, y + size * 1.2);
                }
                for character in word.chars() {
                    drawn.glyphs.push(Glyph {
                        character,
                        x,
                        y,
                        advance,
                        size,
                        angle: 0,
                        ink: 0.0,
                    });
                    x += advance;
                }
            }
            (x, y) = (self.left, y + size * 1.2);
        }
    }

    /// Baseline and size of the label that stands to the left, or else to the right.
    fn line_beside(&self, drawn: &PageGlyphs) -> Option<(f32, f32)> {
        let distance = |glyph: &Glyph| {
            let end = glyph.x + glyph.advance;
            if end <= self.left + 1.0 {
                self.left - end
            } else {
                (glyph.x - self.right).max(0.0) * 2.0
            }
        };
        drawn
            .glyphs
            .iter()
            .filter(|glyph| {
                glyph.angle == 0
                    && glyph.character != ' '
                    && (self.top..=self.bottom + glyph.size * 0.3).contains(&glyph.y)
                    && !(glyph.x > self.left && glyph.x < self.right)
            })
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
            .map(|glyph| (glyph.y, glyph.size))
    }
}

/// The text of a string, `PDFDocEncoding` or Unicode; of a name its own.
fn text_of(object: Option<Object<'_>>) -> String {
    let bytes = match object {
        Some(Object::String(text)) => text.as_bytes().to_vec(),
        Some(Object::Name(name)) => name.as_ref().to_vec(),
        Some(Object::Stream(stream)) => stream
            .decoded_data()
            .map(Cow::into_owned)
            .unwrap_or_default(),
        _ => return String::new(),
    };
    let string = lopdf::Object::String(bytes, StringFormat::Literal);
    let text = lopdf::decode_text_string(&string).unwrap_or_default();
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .chars()
        .filter(|&character| character == '\n' || !character.is_control())
        .take(MAX_CHARS)
        .collect()
}

/// The names of the files that are attached to the document or to its pages.
pub(super) fn attachments<'a>(
    xref: &'a XRef,
    pages: impl Iterator<Item = &'a Page<'a>>,
) -> Vec<String> {
    let mut names = Vec::new();
    let tree = xref
        .get::<Dict<'_>>(xref.root_id())
        .and_then(|root| root.get::<Dict<'_>>("Names"))
        .and_then(|names| names.get::<Dict<'_>>("EmbeddedFiles"));
    if let Some(tree) = tree {
        walk_names(&tree, MAX_DEPTH, &mut names);
    }
    for page in pages {
        let annotations = page.raw().get::<Array<'_>>("Annots").into_iter();
        let annotations = annotations.flat_map(|all| all.iter::<Dict<'_>>().take(MAX_ANNOTATIONS));
        for annotation in annotations {
            let kind = annotation.get::<Name<'_>>("Subtype");
            if kind.is_some_and(|kind| kind.as_ref() == b"FileAttachment")
                && let Some(file) = annotation.get::<Object<'_>>("FS")
            {
                names.push(file_name(file));
            }
        }
    }
    names.sort();
    names.dedup();
    names.truncate(MAX_ATTACHMENTS);
    names
}

fn walk_names(node: &Dict<'_>, depth: usize, names: &mut Vec<String>) {
    if depth == 0 || names.len() >= MAX_ATTACHMENTS {
        return;
    }
    if let Some(pairs) = node.get::<Array<'_>>("Names") {
        let mut pairs = pairs.iter::<Object<'_>>().take(MAX_ATTACHMENTS * 2);
        while let (Some(key), Some(file)) = (pairs.next(), pairs.next()) {
            let name = file_name(file);
            names.push(if name.is_empty() {
                text_of(Some(key))
            } else {
                name
            });
        }
    }
    if let Some(kids) = node.get::<Array<'_>>("Kids") {
        for kid in kids.iter::<Dict<'_>>().take(MAX_ATTACHMENTS) {
            walk_names(&kid, depth - 1, names);
        }
    }
}

/// The name in a file specification.
fn file_name(file: Object<'_>) -> String {
    if let Object::Dict(dict) = &file {
        let name = |key: &str| {
            dict.get::<Text<'_>>(key)
                .map(|name| text_of(Some(Object::String(name))))
        };
        return name("UF").or_else(|| name("F")).unwrap_or_default();
    }
    text_of(Some(file))
}
