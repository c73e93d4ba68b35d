//! The object that an answer is, where a client wants one, and whether it fits a client's JSON schema.

use serde_json::{Map, Value, json};

use super::links::Links;
use crate::assistant::Summary;
use crate::model::Citation;

/// References and alternatives within each other.
const MOST_DEPTH: usize = 16;

/// What a field of ours holds.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Flag,
    Number,
    /// A text or null.
    MaybeText,
    /// A number or null.
    MaybeNumber,
    /// A list of objects.
    List(&'static [(&'static str, Kind)]),
}

const ANSWER: &[(&str, Kind)] = &[
    ("answer", Kind::Text),
    ("answered", Kind::Flag),
    ("citations", Kind::List(CITATION)),
];

const CITATION: &[(&str, Kind)] = &[
    ("marker", Kind::Number),
    ("title", Kind::Text),
    ("url", Kind::Text),
    ("source", Kind::Text),
    ("heading", Kind::Text),
    ("page", Kind::MaybeNumber),
    ("location", Kind::MaybeText),
    ("quote", Kind::Text),
    ("verified", Kind::Flag),
];

/// What a schema takes of our object.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::http) enum Picked {
    /// All of it.
    All,
    /// These fields.
    Fields(Vec<(&'static str, Picked)>),
}

impl Picked {
    fn of(&self, value: Value) -> Value {
        match (self, value) {
            (Self::Fields(_), Value::Array(items)) => {
                items.into_iter().map(|item| self.of(item)).collect()
            }
            (Self::Fields(fields), Value::Object(mut object)) => {
                let taken = fields.iter().map(|(name, picked)| {
                    let value = object.remove(*name).unwrap_or_default();
                    ((*name).to_owned(), picked.of(value))
                });
                Value::Object(taken.collect::<Map<_, _>>())
            }
            (Self::All | Self::Fields(_), value) => value,
        }
    }
}

/// The answer as an object.
pub(in crate::http) fn object(summary: &Summary, links: &Links, picked: &Picked) -> Value {
    let citation = |citation: &Citation| {
        let place = citation.place.as_ref();
        json!({
            "marker": citation.marker,
            "title": place.map_or("", |place| place.title.as_str()),
            "url": place.map_or_else(String::new, |place| links.to(place, &citation.quote)),
            "source": place.map_or("", |place| place.source.as_str()),
            "heading": place.map_or("", |place| place.heading.as_str()),
            "page": place.and_then(|place| place.page),
            "location": place.and_then(|place| place.location.as_deref()),
            "quote": citation.quote,
            "verified": citation.verified,
        })
    };
    let answer = &summary.answer;
    picked.of(json!({
        "answer": answer.text,
        "answered": answer.answered,
        "citations": answer.citations.iter().map(citation).collect::<Vec<_>>(),
    }))
}

/// What `schema` takes of our object, or the path of the field that our object cannot fill.
pub(in crate::http) fn pick(schema: &Value) -> Result<Picked, String> {
    fields(schema, schema, ANSWER, "schema", MOST_DEPTH)
}

fn fields(
    schema: &Value,
    root: &Value,
    ours: &'static [(&'static str, Kind)],
    path: &str,
    depth: usize,
) -> Result<Picked, String> {
    let schema = resolved(schema, root, depth).ok_or_else(|| path.to_owned())?;
    let properties = schema["properties"].as_object();
    let properties =
        properties.filter(|properties| !properties.is_empty() && takes(schema, "object"));
    let properties = properties.ok_or_else(|| path.to_owned())?;
    let mut picked = Vec::new();
    for (name, schema) in properties {
        let path = format!("{path}.{}", &name[..name.floor_char_boundary(80)]);
        let ours = ours.iter().find(|(known, _)| *known == name.as_str());
        let (name, kind) = ours.ok_or_else(|| path.clone())?;
        picked.push((*name, field(schema, root, *kind, &path, depth)?));
    }
    let required = schema["required"].as_array().into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !properties.contains_key(name) {
            return Err(format!("{path}.{}", &name[..name.floor_char_boundary(80)]));
        }
    }
    Ok(Picked::Fields(picked))
}

fn field(
    schema: &Value,
    root: &Value,
    kind: Kind,
    path: &str,
    depth: usize,
) -> Result<Picked, String> {
    let schema = resolved(schema, root, depth).ok_or_else(|| path.to_owned())?;
    let is_bound = BOUNDS.iter().any(|bound| !schema[*bound].is_null());
    let of = |name| {
        alternatives(schema, root, depth)
            .iter()
            .any(|one| takes(one, name))
    };
    let fits = match kind {
        Kind::Text => of("string"),
        Kind::Flag => of("boolean"),
        Kind::Number => of("integer") || of("number"),
        Kind::MaybeText => of("string") && of("null"),
        Kind::MaybeNumber => (of("integer") || of("number")) && of("null"),
        Kind::List(ours) if takes(schema, "array") && !is_bound => {
            return fields(&schema["items"], root, ours, path, depth - 1);
        }
        Kind::List(_) => false,
    };
    if fits && !is_bound {
        Ok(Picked::All)
    } else {
        Err(path.to_owned())
    }
}

/// What narrows a value in a way that an answer from documents cannot promise.
const BOUNDS: [&str; 12] = [
    "enum",
    "const",
    "pattern",
    "format",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "exclusiveMinimum",
    "multipleOf",
];

/// A schema behind its references into the same document.
fn resolved<'a>(schema: &'a Value, root: &'a Value, depth: usize) -> Option<&'a Value> {
    let mut schema = schema;
    for _ in 0..depth {
        match schema["$ref"].as_str() {
            Some(reference) => schema = root.pointer(reference.strip_prefix('#')?)?,
            None => return Some(schema),
        }
    }
    None
}

/// The schemas of which a value must fit one.
fn alternatives<'a>(schema: &'a Value, root: &'a Value, depth: usize) -> Vec<&'a Value> {
    let all = ["anyOf", "oneOf"].map(|name| schema[name].as_array());
    let all = all.into_iter().flatten().flatten().take(MOST_DEPTH);
    let mut all: Vec<&Value> = all.filter_map(|one| resolved(one, root, depth)).collect();
    if all.is_empty() {
        all.push(schema);
    }
    all
}

fn takes(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::String(kind) => kind == name,
        Value::Array(kinds) => kinds.iter().any(|kind| kind == name),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As pydantic and zod write them.
    #[test]
    fn schemas_of_the_answer_are_taken_in_all_their_forms() {
        let schema = json!({
            "type": "object",
            "$defs": {"Source": {"type": "object", "properties": {
                "url": {"type": "string", "description": "where"},
                "page": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            }}},
            "properties": {
                "citations": {"type": "array", "items": {"$ref": "#/$defs/Source"}},
                "answer": {"type": "string", "title": "Answer"},
            },
            "required": ["answer", "citations"],
            "additionalProperties": false,
        });
        let picked = pick(&schema).unwrap();
        let whole = json!({"answer": "a", "answered": true, "citations": [
            {"marker": 1, "url": "u", "page": null, "quote": "q"},
        ]});
        assert_eq!(
            picked.of(whole).to_string(),
            r#"{"citations":[{"url":"u","page":null}],"answer":"a"}"#
        );
    }

    #[test]
    fn a_field_that_cannot_be_filled_is_named() {
        let object = |name: &str, field: Value| {
            let mut properties = Map::new();
            properties.insert(name.to_owned(), field);
            json!({"type": "object", "properties": properties})
        };
        let list = |item| object("citations", json!({"type": "array", "items": item}));
        for (schema, path) in [
            (Value::Null, "schema"),
            (json!({"type": "object", "properties": {}}), "schema"),
            (object("price", json!({"type": "number"})), "schema.price"),
            (
                object("answer", json!({"type": "integer"})),
                "schema.answer",
            ),
            (
                object("answer", json!({"type": "string", "enum": ["yes", "no"]})),
                "schema.answer",
            ),
            (
                list(object("page", json!({"type": "integer"}))),
                "schema.citations.page",
            ),
            (
                list(object("author", json!({"type": "string"}))),
                "schema.citations.author",
            ),
            (json!({"$ref": "#"}), "schema"),
        ] {
            assert_eq!(pick(&schema), Err(path.to_owned()), "{schema}");
        }
    }
}
