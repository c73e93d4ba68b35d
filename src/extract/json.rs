//! JSON and JSON lines to records.
//!
//! An element of the outermost array, a line, or the whole file is a record. Its short values stand
//! in one paragraph as `name: value`, a long text in a paragraph of its own.

use serde_json::Value;

use super::ExtractError;
use super::builder::{TextBuilder, has_words};
use super::charset::{self, Markup};
use super::limits::{LONG_VALUE, Limits};
use crate::model::extracted::{BlockKind, Extracted};

/// Lists of records inside a record are set out one by one down to this depth.
const MAX_SECTIONS: u8 = 4;

/// Reads a JSON file, or one JSON value a line. What is neither is kept line by line.
pub(super) fn extract(
    bytes: &[u8],
    charset: Option<&str>,
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    let (text, warning) = charset::read(bytes, charset, Markup::None)?;
    let Ok(values) = parse(&text) else {
        // JSON with comments, or a file that was cut off: its lines can be read all the same.
        return super::lines::extract(bytes, charset, limits);
    };
    let mut extracted = of_values(&values, limits)?;
    extracted.warnings.extend(warning);
    Ok(extracted)
}

/// Reads a text that may be JSON; `None` if it is not.
pub(super) fn try_text(text: &str, limits: &Limits) -> Option<Extracted> {
    of_values(&parse(text).ok()?, limits).ok()
}

/// The records. The parser refuses more than 128 nested values.
fn parse(text: &str) -> Result<Vec<Value>, serde_json::Error> {
    let whole = match serde_json::from_str(text.trim_start_matches('\u{FEFF}')) {
        Ok(Value::Array(items)) => return Ok(items),
        Ok(value @ Value::Object(_)) => return Ok(vec![value]),
        Ok(other) => return Ok(vec![other]),
        Err(error) => error,
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let values: Vec<Value> = lines.map(serde_json::from_str).collect::<Result<_, _>>()?;
    if values.len() > 1 {
        Ok(values)
    } else {
        Err(whole)
    }
}

fn of_values(values: &[Value], limits: &Limits) -> Result<Extracted, ExtractError> {
    let mut builder = TextBuilder::new(limits.max_text_bytes);
    for (number, value) in (1..).zip(values) {
        if values.len() > 1 {
            builder.at(Some(format!("record {number}")));
        }
        push_record(&mut builder, value, 2);
        if builder.is_full() {
            break;
        }
    }
    if builder.is_empty() {
        return Err(ExtractError::NoText("the JSON holds no words".to_owned()));
    }
    Ok(builder.finish())
}

fn push_record(builder: &mut TextBuilder, value: &Value, level: u8) {
    let mut fields = Vec::new();
    flatten(value, String::new(), level, &mut fields);
    let mut short: Vec<String> = Vec::new();
    for (name, field) in fields {
        match field {
            Field::Value(text) if text.len() <= LONG_VALUE => {
                short.push(named(&name, &text));
            }
            Field::Value(text) => {
                push_short(builder, &mut short);
                builder.push(BlockKind::Paragraph, &named(&name, &text), None);
            }
            Field::Records(items) => {
                push_short(builder, &mut short);
                builder.push(BlockKind::Heading(level), &name, None);
                for item in items {
                    push_record(builder, item, level + 1);
                }
            }
        }
    }
    push_short(builder, &mut short);
}

fn push_short(builder: &mut TextBuilder, short: &mut Vec<String>) {
    let line = std::mem::take(short).join("; ");
    if has_words(&line) {
        builder.push(BlockKind::Paragraph, &line, None);
    }
}

fn named(name: &str, text: &str) -> String {
    if name.is_empty() {
        text.to_owned()
    } else {
        format!("{name}: {text}")
    }
}

enum Field<'a> {
    Value(String),
    Records(&'a [Value]),
}

/// The fields of a record with their paths.
fn flatten<'a>(value: &'a Value, path: String, level: u8, fields: &mut Vec<(String, Field<'a>)>) {
    let below = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                flatten(member, below(name), level, fields);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) && level < 2 + MAX_SECTIONS => {
            fields.push((path, Field::Records(items)));
        }
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().filter_map(scalar).collect();
            if !texts.is_empty() {
                fields.push((path.clone(), Field::Value(texts.join(", "))));
            }
            for item in items
                .iter()
                .filter(|item| item.is_object() || item.is_array())
            {
                flatten(item, path.clone(), level, fields);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            fields.extend(scalar(value).map(|text| (path, Field::Value(text))));
        }
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => (!text.trim().is_empty()).then(|| text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Extracted {
        extract(text.as_bytes(), None, &Limits::default()).unwrap()
    }

    #[test]
    fn records_are_paragraphs_with_the_names_of_their_fields() {
        let list = read(
            r#"[{"q":"How long?","a":"Ninety days."},{"q":"Why?","at":{"city":"Leeds","tags":["x",2]}}]"#,
        );
        assert_eq!(
            list.text,
            "q: How long?; a: Ninety days.\n\nq: Why?; at.city: Leeds; at.tags: x, 2"
        );
        assert_eq!(list.locations[1].name, "record 2");
        assert_eq!(
            read("{\"a\":1}\n{\"a\":2}\n").locations.len(),
            2,
            "JSON lines"
        );
        let whole = read(r#"{"name":"Prices","rows":[{"model":"B-20"},{"model":"B-30"}]}"#);
        assert_eq!(
            whole.text,
            "name: Prices\n\nrows\n\nmodel: B-20\n\nmodel: B-30"
        );
    }

    #[test]
    fn what_is_no_json_is_read_line_by_line_and_depth_is_bounded() {
        assert_eq!(
            read("// note\n{\"port\": 1,}\n").text,
            "// note\n{\"port\": 1,}"
        );
        let deep = "[".repeat(100_000);
        assert_eq!(read(&format!("{deep}x")).blocks.len(), 1);
    }
}
