//! What is wrong with a request, in the list shape that `FastAPI` and pydantic give it.

mod echo;
mod fields;
mod query;

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use self::echo::echo;
pub(super) use self::fields::Fields;
pub(super) use self::query::Query;

/// More problems than this are not listed.
const MAX_PROBLEMS: usize = 50;

/// One step of the way to the faulty input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = LocationStep)]
pub(in crate::http) enum Step {
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
pub(in crate::http) struct Problems(Vec<Problem>);

impl Problems {
    /// The value of `detail` in a 422 reply.
    pub(in crate::http) fn to_detail(&self) -> Value {
        serde_json::to_value(&self.0).expect("plain data becomes JSON")
    }

    /// Whether there are none.
    pub(in crate::http) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These, then `others`.
    pub(in crate::http) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// The body is not JSON.
    pub(in crate::http) fn invalid_json(position: usize, message: &str) -> Self {
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
    pub(in crate::http) fn reused_key() -> Self {
        let mut problems = Self::default();
        problems.idempotency_key("The key was used for another request");
        problems
    }

    /// The header that names a repeatable write cannot be used.
    pub(in crate::http) fn idempotency_key(&mut self, message: &'static str) {
        let loc = [Step::Name("header"), Step::Name("Idempotency-Key")];
        self.push("idempotency_key", &loc, message, Value::Null, None);
    }

    /// A text is longer than it may be. It is not echoed: the client knows what it sent.
    pub(in crate::http) fn text_too_long(&mut self, loc: &[Step], most_bytes: usize) {
        let message = format!("String should have at most {most_bytes} bytes");
        let ctx = json!({"max_length": most_bytes});
        self.push("string_too_long", loc, message, Value::Null, Some(ctx));
    }

    /// A list has more items than it may.
    pub(in crate::http) fn list_too_long(&mut self, loc: &[Step], most: usize, actual: usize) {
        let message = format!("List should have at most {most} items, not {actual}");
        let ctx = json!({"field_type": "List", "max_length": most, "actual_length": actual});
        self.push("too_long", loc, message, Value::Null, Some(ctx));
    }

    /// None of a few values.
    pub(in crate::http) fn not_one_of(&mut self, loc: &[Step], input: &Value, expected: &str) {
        let message = format!("Input should be {expected}");
        let ctx = json!({"expected": expected});
        self.push("literal_error", loc, message, echo(input), Some(ctx));
    }

    /// Something required is not there; `within` is what it should be in.
    pub(in crate::http) fn missing(&mut self, loc: &[Step], within: &Value) {
        self.push("missing", loc, "Field required", echo(within), None);
    }

    /// A text is wanted.
    pub(in crate::http) fn not_text(&mut self, loc: &[Step], input: &Value) {
        self.push(
            "string_type",
            loc,
            "Input should be a valid string",
            echo(input),
            None,
        );
    }

    /// A text with something in it is wanted.
    pub(in crate::http) fn blank(&mut self, loc: &[Step], input: &Value) {
        let message = "String should have at least 1 character besides white space";
        let ctx = json!({"min_length": 1});
        self.push("string_too_short", loc, message, echo(input), Some(ctx));
    }

    /// True or false is wanted.
    pub(in crate::http) fn not_bool(&mut self, loc: &[Step], input: &Value) {
        self.push(
            "bool_type",
            loc,
            "Input should be a valid boolean",
            echo(input),
            None,
        );
    }

    /// A list is wanted.
    pub(in crate::http) fn not_list(&mut self, loc: &[Step], input: &Value) {
        self.push(
            "list_type",
            loc,
            "Input should be a valid list",
            echo(input),
            None,
        );
    }

    /// An object is wanted as the body.
    pub(in crate::http) fn not_object(&mut self, input: &Value) {
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
    pub(in crate::http) fn not_a_day(&mut self, loc: &[Step], input: &Value) {
        let message = "Input should be a valid date in the format YYYY-MM-DD";
        self.push("date_parsing", loc, message, echo(input), None);
    }

    pub(super) fn not_integer(&mut self, loc: &[Step], input: &Value) {
        let message = "Input should be a valid integer, unable to parse string as an integer";
        self.push("int_parsing", loc, message, echo(input), None);
    }

    pub(super) fn below(&mut self, loc: &[Step], input: &Value, least: usize) {
        let message = format!("Input should be greater than or equal to {least}");
        self.push(
            "greater_than_equal",
            loc,
            message,
            echo(input),
            Some(json!({"ge": least})),
        );
    }

    pub(super) fn above(&mut self, loc: &[Step], input: &Value, most: usize) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_problems_is_bounded() {
        let mut problems = Problems::default();
        for _ in 0..1000 {
            problems.not_text(&[Step::Name("body")], &Value::Null);
        }
        assert_eq!(problems.to_detail().as_array().unwrap().len(), MAX_PROBLEMS);
    }
}
