//! What a Markdown file says about itself in front of its text: YAML, TOML or JSON.

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::super::builder::{TextBuilder, clean_line, has_words};
use crate::model::extracted::BlockKind;

/// Longer front matter is no front matter, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// More fields say nothing to a reader.
const MAX_FIELDS: usize = 500;
/// Deeper values say nothing to a reader.
const MAX_DEPTH: usize = 16;

/// The fields of a front matter, in order; nested names are joined by dots, lists by commas.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    fields: Vec<(String, String)>,
    /// Which of them are truth values or bare numbers: settings rather than words.
    settings: Vec<bool>,
}

impl Fields {
    /// The value of `title`.
    pub(super) fn title(&self) -> Option<String> {
        let mut fields = self.fields.iter();
        let (_, title) = fields.find(|(name, _)| name.eq_ignore_ascii_case("title"))?;
        let title = clean_line(title);
        has_words(&title).then_some(title)
    }

    /// All fields, for the document's metadata.
    pub(super) fn into_metadata(self) -> Vec<(String, String)> {
        self.fields
    }

    /// Writes what can be asked for: sentences as they are, other values with their names.
    pub(super) fn write(&self, builder: &mut TextBuilder) {
        let named = self.fields.iter().zip(&self.settings);
        let worded = named.filter(|((name, value), is_setting)| {
            !**is_setting && !name.eq_ignore_ascii_case("title") && has_words(value)
        });
        let mut short = Vec::new();
        for ((name, value), _) in worded {
            let value = clean_line(value);
            if value.contains(' ') && value.ends_with(['.', '!', '?', '。']) {
                builder.push(BlockKind::Paragraph, &value, None);
            } else {
                short.push(format!("{name}: {value}"));
            }
        }
        builder.push(BlockKind::Paragraph, &short.join("; "), None);
    }

    fn add(&mut self, name: String, value: String, is_setting: bool) {
        if let Some(place) = self.fields.iter().rposition(|(known, _)| *known == name) {
            let known = &mut self.fields[place].1;
            known.push_str(", ");
            known.push_str(&value);
            self.settings[place] = false;
        } else if self.fields.len() < MAX_FIELDS {
            self.fields.push((name, value));
            self.settings.push(is_setting);
        }
    }
}

/// Takes the front matter off a file with `\n` line ends.
pub(super) fn split(source: &str) -> (Option<Fields>, &str) {
    let found = fenced(source, "---", &["---", "..."], yaml)
        .or_else(|| fenced(source, "+++", &["+++"], toml_fields))
        .or_else(|| fenced(source, ";;;", &[";;;"], json_fields))
        .or_else(|| bare_json(source));
    found.map_or((None, source), |(fields, rest)| (Some(fields), rest))
}

fn fenced<'a>(
    source: &'a str,
    open: &str,
    close: &[&str],
    read: fn(&str) -> Option<Fields>,
) -> Option<(Fields, &'a str)> {
    let body = source.strip_prefix(open)?;
    let (rest_of_line, body) = body.split_once('\n')?;
    if !rest_of_line.trim().is_empty() {
        return None;
    }
    let mut length = 0;
    for line in body.split_inclusive('\n') {
        if close.contains(&line.trim_end()) {
            let fields = read(&body[..length])?;
            return Some((fields, &body[length + line.len()..]));
        }
        length += line.len();
        if length > MAX_BYTES {
            return None;
        }
    }
    None
}

/// Hugo's JSON: an object in front of the text, its braces on lines of their own.
fn bare_json(source: &str) -> Option<(Fields, &str)> {
    if !source.starts_with("{\n") {
        return None;
    }
    let front = &source[..source.floor_char_boundary(source.len().min(MAX_BYTES))];
    let end = front.find("\n}\n").map(|at| at + 2)?;
    Some((json_fields(&source[..end])?, &source[end..]))
}

fn yaml(text: &str) -> Option<Fields> {
    yaml_fields(text).or_else(|| yaml_lines(text))
}

/// A mapping that is open, with the name whose value comes next, or a list.
struct Level {
    is_mapping: bool,
    name: Option<String>,
}

/// Reads events, not values: an alias is never followed, so nothing grows.
fn yaml_fields(text: &str) -> Option<Fields> {
    let mut fields = Fields::default();
    let mut open: Vec<Level> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.ok()?;
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                let is_mapping = matches!(event, Event::MappingStart(..));
                if (open.is_empty() && !is_mapping) || open.len() >= MAX_DEPTH {
                    return None;
                }
                if let Some(level) = open.last_mut() {
                    level.name.get_or_insert_default();
                }
                open.push(Level {
                    is_mapping,
                    name: None,
                });
            }
            Event::MappingEnd | Event::SequenceEnd => {
                open.pop();
                end_value(&mut open);
            }
            Event::Scalar(value, style, ..) => {
                let level = open.last_mut()?;
                if level.is_mapping && level.name.is_none() {
                    level.name = Some(value.into_owned());
                    continue;
                }
                let is_plain = style == ScalarStyle::Plain;
                let is_empty = is_plain && matches!(&*value, "" | "~" | "null");
                if !is_empty {
                    let is_setting = is_plain && is_setting(&value);
                    fields.add(path(&open), value.into_owned(), is_setting);
                }
                end_value(&mut open);
            }
            Event::Alias(_) => end_value(&mut open),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
    }
    (!fields.fields.is_empty()).then_some(fields)
}

fn end_value(open: &mut [Level]) {
    if let Some(level) = open.last_mut() {
        level.name = None;
    }
}

fn path(open: &[Level]) -> String {
    let names = open.iter().filter_map(|level| level.name.as_deref());
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    names.join(".")
}

fn is_setting(value: &str) -> bool {
    value.parse::<f64>().is_ok() || matches!(value, "true" | "false" | "yes" | "no" | "on" | "off")
}

/// `name: value` lines, for values that YAML wants in quotes (`title: Filters: the basics`).
fn yaml_lines(text: &str) -> Option<Fields> {
    let mut fields = Fields::default();
    for line in text.lines() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with(['#', ' ', '\t', '-']) {
            continue;
        }
        let (name, value) = line.split_once(':')?;
        let value = value.trim().trim_matches(['"', '\'']);
        if !value.is_empty() {
            fields.add(name.trim().to_owned(), value.to_owned(), is_setting(value));
        }
    }
    (!fields.fields.is_empty()).then_some(fields)
}

fn toml_fields(text: &str) -> Option<Fields> {
    let table: toml::Table = text.parse().ok()?;
    // Dates keep their form as text.
    let value = serde_json::to_value(dates_as_text(toml::Value::Table(table), 0)?).ok()?;
    of_json(&value)
}

fn dates_as_text(value: toml::Value, depth: usize) -> Option<toml::Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    Some(match value {
        toml::Value::Datetime(date) => toml::Value::String(date.to_string()),
        toml::Value::Array(items) => {
            let items = items.into_iter().map(|item| dates_as_text(item, depth + 1));
            toml::Value::Array(items.collect::<Option<_>>()?)
        }
        toml::Value::Table(table) => {
            let members = table
                .into_iter()
                .map(|(name, value)| Some((name, dates_as_text(value, depth + 1)?)));
            toml::Value::Table(members.collect::<Option<_>>()?)
        }
        toml::Value::String(_)
        | toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_) => value,
    })
}

fn json_fields(text: &str) -> Option<Fields> {
    of_json(&serde_json::from_str(text).ok()?)
}

fn of_json(value: &serde_json::Value) -> Option<Fields> {
    let mut fields = Fields::default();
    value.is_object().then(|| flatten(value, "", &mut fields))?;
    (!fields.fields.is_empty()).then_some(fields)
}

fn flatten(value: &serde_json::Value, path: &str, fields: &mut Fields) {
    use serde_json::Value;
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let below = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                flatten(member, &below, fields);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| flatten(item, path, fields)),
        Value::String(text) => fields.add(path.to_owned(), text.clone(), false),
        Value::Bool(_) | Value::Number(_) => fields.add(path.to_owned(), value.to_string(), true),
        Value::Null => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(source: &str) -> Vec<(String, String)> {
        split(source).0.expect("has front matter").into_metadata()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = expected
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
        owned.collect()
    }

    #[test]
    fn every_common_kind_is_read() {
        let expected = pairs(&[
            ("title", "Night tariff"),
            ("date", "2024-05-03"),
            ("tags", "a, b"),
        ]);
        for source in [
            "---\ntitle: >-\n  Night\n  tariff\n# a comment\ndate: 2024-05-03\ntags: [a, b]\n---\nx",
            "---\ntitle: 'Night tariff' # why\ndate: 2024-05-03\ntags:\n  - a\n  - b\nempty:\n...\nx",
            "+++\ntitle = \"Night tariff\"\ndate = 2024-05-03\ntags = [\"a\", \"b\"]\n+++\nx",
            ";;;\n{\"title\": \"Night tariff\", \"date\": \"2024-05-03\", \"tags\": [\"a\", \"b\"]}\n;;;\nx",
            "{\n\"title\": \"Night tariff\", \"date\": \"2024-05-03\", \"tags\": [\"a\", \"b\"]\n}\nx",
        ] {
            let mut found = fields(source);
            // The parser of TOML gives its keys in their order in the alphabet.
            found.sort_by_key(|(name, _)| *name != "title");
            assert_eq!(found, expected, "{source}");
            assert_eq!(split(source).1.trim(), "x");
        }
        assert_eq!(
            fields("---\ntitle: Heating: basics\nx: 1\n---\n")[0].1,
            "Heating: basics"
        );
        assert_eq!(
            fields("---\nauthor:\n  name: Ann\n---\n"),
            pairs(&[("author.name", "Ann")])
        );
    }

    #[test]
    fn a_rule_or_a_bomb_is_no_front_matter() {
        for source in [
            "---\n\nA paragraph between rules.\n\n---\nx",
            "---\nno end",
            "x",
        ] {
            assert_eq!(split(source).0, None, "{source}");
        }
        let bomb = "---\na: &a [x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n---\n";
        assert_eq!(fields(bomb), pairs(&[("a", "x, x")]));
        let deep = format!("---\na: {}\n---\nx", "[".repeat(20_000));
        assert_eq!(
            split(&deep).0.map(|fields| fields.fields.len()),
            Some(1),
            "read as a line"
        );
    }
}
