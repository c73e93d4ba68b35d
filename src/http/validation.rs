//! What is wrong with a request, in the list shape that `FastAPI` and pydantic give it.

use std::borrow::Cow;
use std::collections::HashMap;

use axum::http::Uri;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// More problems than this are not listed.
const MAX_PROBLEMS: usize = 50;

/// A problem echoes the input it is about; this bounds the echo.
const MAX_ECHO_BYTES: usize = 8192;

/// Common parsers refuse a reply nested more than 128 deep, this echo and what is around it.
const MAX_ECHO_DEPTH: usize = 100;

/// One step of the way to the faulty input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = LocationStep)]
pub(super) enum Step {
    /// A part of the request or a field.
    Name(&'static str),
    /// An item of a list, or a character of the body.
    Index(usize),
}

/// One entry of the list.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    loc: Vec<Step>,
    msg: Cow<'static, str>,
    input: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<Value>,
}

/// All that is wrong with one request.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    /// The value of `detail` in a 422 reply.
    pub(super) fn to_detail(&self) -> Value {
        serde_json::to_value(&self.0).expect("plain data becomes JSON")
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These, then `others`.
    pub(super) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// The body is not JSON.
    pub(super) fn invalid_json(position: usize, message: &str) -> Self {
        let mut problems = Self::default();
        let loc = [Step::Name("body"), Step::Index(position)];
        problems.push(
            "json_invalid",
            &loc,
            "JSON decode error",
            json!({}),
            Some(json!({"error": message})),
        );
        problems
    }

    /// The name of a repeatable write stands for another write.
    pub(super) fn reused_key() -> Self {
        let mut problems = Self::default();
        problems.idempotency_key("The key was used for another request");
        problems
    }

    /// The header that names a repeatable write cannot be used.
    pub(super) fn idempotency_key(&mut self, message: &'static str) {
        let loc = [Step::Name("header"), Step::Name("Idempotency-Key")];
        self.push("idempotency_key", &loc, message, Value::Null, None);
    }

    /// A text is longer than it may be. It is not echoed: the client knows what it sent.
    pub(super) fn text_too_long(&mut self, loc: &[Step], most_bytes: usize) {
        let message = format!("String should have at most {most_bytes} bytes");
        let ctx = json!({"max_length": most_bytes});
        self.push("string_too_long", loc, message, Value::Null, Some(ctx));
    }

    /// A list has more items than it may.
    pub(super) fn list_too_long(&mut self, loc: &[Step], most: usize, actual: usize) {
        let message = format!("List should have at most {most} items, not {actual}");
        let ctx = json!({"field_type": "List", "max_length": most, "actual_length": actual});
        self.push("too_long", loc, message, Value::Null, Some(ctx));
    }

    /// None of a few values.
    pub(super) fn not_one_of(&mut self, loc: &[Step], input: &Value, expected: &str) {
        let message = format!("Input should be {expected}");
        let ctx = json!({"expected": expected});
        self.push("literal_error", loc, message, echo(input), Some(ctx));
    }

    /// Something required is not there; `within` is what it should be in.
    pub(super) fn missing(&mut self, loc: &[Step], within: &Value) {
        self.push("missing", loc, "Field required", echo(within), None);
    }

    /// A text is wanted.
    pub(super) fn not_text(&mut self, loc: &[Step], input: &Value) {
        self.push(
            "string_type",
            loc,
            "Input should be a valid string",
            echo(input),
            None,
        );
    }

    /// A text with something in it is wanted.
    pub(super) fn blank(&mut self, loc: &[Step], input: &Value) {
        let message = "String should have at least 1 character besides white space";
        let ctx = json!({"min_length": 1});
        self.push("string_too_short", loc, message, echo(input), Some(ctx));
    }

    /// True or false is wanted.
    pub(super) fn not_bool(&mut self, loc: &[Step], input: &Value) {
        self.push(
            "bool_type",
            loc,
            "Input should be a valid boolean",
            echo(input),
            None,
        );
    }

    /// A list is wanted.
    pub(super) fn not_list(&mut self, loc: &[Step], input: &Value) {
        self.push(
            "list_type",
            loc,
            "Input should be a valid list",
            echo(input),
            None,
        );
    }

    /// An object is wanted as the body.
    pub(super) fn not_object(&mut self, input: &Value) {
        let message = "Input should be a valid dictionary or object to extract fields from";
        self.push(
            "model_attributes_type",
            &[Step::Name("body")],
            message,
            echo(input),
            None,
        );
    }

    /// A day is wanted.
    pub(super) fn not_a_day(&mut self, loc: &[Step], input: &Value) {
        let message = "Input should be a valid date in the format YYYY-MM-DD";
        self.push("date_parsing", loc, message, echo(input), None);
    }

    fn not_integer(&mut self, loc: &[Step], input: &Value) {
        let message = "Input should be a valid integer, unable to parse string as an integer";
        self.push("int_parsing", loc, message, echo(input), None);
    }

    fn below(&mut self, loc: &[Step], input: &Value, least: usize) {
        let message = format!("Input should be greater than or equal to {least}");
        self.push(
            "greater_than_equal",
            loc,
            message,
            echo(input),
            Some(json!({"ge": least})),
        );
    }

    fn above(&mut self, loc: &[Step], input: &Value, most: usize) {
        let message = format!("Input should be less than or equal to {most}");
        self.push(
            "less_than_equal",
            loc,
            message,
            echo(input),
            Some(json!({"le": most})),
        );
    }

    fn push(
        &mut self,
        kind: &'static str,
        loc: &[Step],
        msg: impl Into<Cow<'static, str>>,
        input: Value,
        ctx: Option<Value>,
    ) {
        if self.0.len() < MAX_PROBLEMS {
            self.0.push(Problem {
                kind,
                loc: loc.to_vec(),
                msg: msg.into(),
                input,
                ctx,
            });
        }
    }
}

/// The query's parameters; the last of repeated ones counts.
pub(super) struct Query(HashMap<String, String>);

impl Query {
    /// Reads the query of an address as a form: `+` is a space, a bare name has an empty value.
    pub(super) fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default().as_bytes();
        Self(url::form_urlencoded::parse(query).into_owned().collect())
    }

    /// A parameter that may be left out.
    pub(super) fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter that must be there.
    pub(super) fn required(&self, name: &'static str, problems: &mut Problems) -> Option<&str> {
        let value = self.optional(name);
        if value.is_none() {
            problems.missing(&[Step::Name("query"), Step::Name(name)], &Value::Null);
        }
        value
    }

    /// A whole number between `least` and `most`, or `default` if left out.
    pub(super) fn number(
        &self,
        name: &'static str,
        (least, default, most): (usize, usize, usize),
        problems: &mut Problems,
    ) -> Option<usize> {
        let Some(text) = self.optional(name) else {
            return Some(default);
        };
        let (loc, input) = ([Step::Name("query"), Step::Name(name)], Value::from(text));
        match text.trim().parse::<i64>() {
            Err(_) => problems.not_integer(&loc, &input),
            Ok(number) => match usize::try_from(number) {
                Ok(number) if number > most => problems.above(&loc, &input, most),
                Ok(number) if number >= least => return Some(number),
                Ok(_) | Err(_) => problems.below(&loc, &input, least),
            },
        }
        None
    }
}

/// A field cannot be used, and the list of problems says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Noted;

/// The fields of a body that is an object.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn new(fields: Map<String, Value>) -> Self {
        Self(fields)
    }

    /// A text that must be there.
    pub(super) fn text(&self, name: &'static str, problems: &mut Problems) -> Option<String> {
        let loc = [Step::Name("body"), Step::Name(name)];
        match self.0.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => {
                problems.not_text(&loc, other);
                None
            }
            None => {
                problems.missing(&loc, &Value::Object(self.0.clone()));
                None
            }
        }
    }

    /// A text that may be left out or null.
    pub(super) fn optional_text(
        &self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<String> {
        if self.value(name).is_null() {
            return None;
        }
        self.text(name, problems)
    }

    /// True, or false where it is left out or null.
    pub(super) fn flag(&self, name: &'static str, problems: &mut Problems) -> bool {
        match self.value(name) {
            Value::Null => false,
            Value::Bool(flag) => *flag,
            other @ (Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                problems.not_bool(&[Step::Name("body"), Step::Name(name)], other);
                false
            }
        }
    }

    /// A text that must be there and have at most so many bytes.
    pub(super) fn short_text(
        &self,
        name: &'static str,
        most_bytes: usize,
        problems: &mut Problems,
    ) -> Option<String> {
        let text = self.text(name, problems)?;
        if text.len() > most_bytes {
            problems.text_too_long(&[Step::Name("body"), Step::Name(name)], most_bytes);
            return None;
        }
        Some(text)
    }

    /// A whole number of at least `least`, which may be left out or null.
    pub(super) fn optional_number(
        &self,
        name: &'static str,
        least: usize,
        problems: &mut Problems,
    ) -> Option<usize> {
        let (loc, value) = ([Step::Name("body"), Step::Name(name)], self.value(name));
        if value.is_null() {
            return None;
        }
        #[expect(clippy::cast_sign_loss, reason = "it is not negative")]
        let of_float = |number: f64| number as u64;
        // To JSON schema 5.0 is a whole number too.
        let is_whole = |number: &f64| number.fract() == 0.0 && *number >= 0.0;
        let whole = value.as_f64().filter(is_whole).map(of_float);
        let number = value.as_u64().or(whole);
        // The description says int64.
        let number = number.filter(|number| i64::try_from(*number).is_ok());
        let Some(number) = number.and_then(|number| usize::try_from(number).ok()) else {
            problems.not_one_of(&loc, value, "a whole number of 64 bits");
            return None;
        };
        if number < least {
            problems.below(&loc, value, least);
            return None;
        }
        Some(number)
    }

    /// Names and values, in the order in which they came.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }

    /// Any value; null where there is none.
    pub(super) fn value(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    /// Whether a field is not there at all.
    pub(super) fn is_without(&self, name: &str) -> bool {
        !self.0.contains_key(name)
    }

    /// All of them, as they came.
    pub(super) fn object(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// A list that may be left out or null. `read` turns an item into a value or gives `None` where
    /// a text was wanted.
    pub(super) fn optional_list<T>(
        &self,
        name: &'static str,
        problems: &mut Problems,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<Vec<T>>, Noted> {
        let (body, field) = (Step::Name("body"), Step::Name(name));
        let items = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Array(items)) => items,
            Some(other) => {
                problems.not_list(&[body, field], other);
                return Err(Noted);
            }
        };
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match read(item) {
                Some(value) => values.push(value),
                None => problems.not_text(&[body, field, Step::Index(index)], item),
            }
        }
        if values.len() == items.len() {
            Ok(Some(values))
        } else {
            Err(Noted)
        }
    }

    /// What is left after taking away `names`.
    pub(super) fn without(mut self, names: &[&str]) -> Value {
        for name in names {
            self.0.shift_remove(*name);
        }
        Value::Object(self.0)
    }
}

/// A copy that is not larger than a reply may be.
pub(super) fn echo(value: &Value) -> Value {
    let mut budget = MAX_ECHO_BYTES;
    echo_within(value, MAX_ECHO_DEPTH, &mut budget)
}

fn echo_within(value: &Value, depth: usize, budget: &mut usize) -> Value {
    *budget = budget.saturating_sub(8);
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) => Value::String(cut(text, budget)),
        Value::Array(_) | Value::Object(_) if depth == 0 => Value::Null,
        Value::Array(items) => {
            let mut kept = Vec::new();
            for item in items {
                if *budget == 0 {
                    break;
                }
                kept.push(echo_within(item, depth - 1, budget));
            }
            Value::Array(kept)
        }
        Value::Object(fields) => {
            let mut kept = Map::new();
            for (key, field) in fields {
                if *budget == 0 {
                    break;
                }
                kept.insert(cut(key, budget), echo_within(field, depth - 1, budget));
            }
            Value::Object(kept)
        }
    }
}

fn cut(text: &str, budget: &mut usize) -> String {
    let kept = &text[..text.floor_char_boundary(*budget)];
    *budget -= kept.len();
    if kept.len() == text.len() {
        text.to_owned()
    } else {
        format!("{kept}…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(query: &str) -> Result<usize, Value> {
        let uri: Uri = format!("/x?{query}").parse().unwrap();
        let mut problems = Problems::default();
        Query::of(&uri)
            .number("k", (1, 4, 50), &mut problems)
            .ok_or_else(|| problems.to_detail()[0].clone())
    }

    #[test]
    fn the_last_of_repeated_parameters_counts() {
        let query = Query::of(&"/x?a=1&b&a=2+%C3%A9%ff&c=%".parse().unwrap());
        assert_eq!(query.optional("a"), Some("2 é\u{fffd}"));
        assert_eq!(query.optional("b"), Some(""));
        assert_eq!(query.optional("c"), Some("%"));
        assert_eq!(query.optional("d"), None);
    }

    #[test]
    fn numbers_are_held_to_their_bounds() {
        assert_eq!(number(""), Ok(4));
        assert_eq!(number("k=1"), Ok(1));
        assert_eq!(number("k=50"), Ok(50));
        for (query, kind) in [
            ("k=0", "greater_than_equal"),
            ("k=-7", "greater_than_equal"),
            ("k=51", "less_than_equal"),
            ("k=", "int_parsing"),
            ("k=four", "int_parsing"),
            ("k=4.5", "int_parsing"),
        ] {
            let problem = number(query).unwrap_err();
            assert_eq!(problem["type"], kind, "{query}");
            assert_eq!(problem["loc"], json!(["query", "k"]));
        }
    }

    #[test]
    fn an_echo_is_bounded_whatever_it_echoes() {
        let small = json!({"a": [1, "é", null], "b": {}});
        assert_eq!(echo(&small), small);
        let mut deep = json!(1);
        for _ in 0..800 {
            deep = json!([deep]);
        }
        for large in [
            json!("é".repeat(100_000)),
            json!(vec![0; 15_000]),
            json!({"k".repeat(90_000): 1}),
            deep,
        ] {
            let length = serde_json::to_string(&echo(&large)).unwrap().len();
            assert!(length < 3 * MAX_ECHO_BYTES, "{length}");
        }
    }

    #[test]
    fn the_list_of_problems_is_bounded() {
        let mut problems = Problems::default();
        for _ in 0..1000 {
            problems.not_text(&[Step::Name("body")], &Value::Null);
        }
        assert_eq!(problems.to_detail().as_array().unwrap().len(), MAX_PROBLEMS);
    }
}
