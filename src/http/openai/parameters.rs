//! What a client wishes of the reply: honoured, refused by name, or named in the reply as not honoured.

use serde_json::Value;

use super::schema::{Picked, pick};
use crate::http::validation::{Fields, Problems, Step};

/// Sequences that may end an answer, as in OpenAI's API.
const MOST_STOPS: usize = 4;
/// Names of parameters that a reply lists.
const MOST_NAMED: usize = 32;

/// Which fields a route has.
pub(in crate::http) struct Dialect {
    /// What limits the length, the one that counts first.
    limits: &'static [&'static str],
    /// What is read, or has no bearing on the answer in OpenAI's API either.
    known: &'static [&'static str],
    /// What holds the form of the answer.
    format: &'static str,
}

/// `POST /v1/chat/completions`
pub(in crate::http) const CHAT: Dialect = Dialect {
    limits: &["max_completion_tokens", "max_tokens"],
    known: &[
        "model",
        "messages",
        "stream",
        "stream_options",
        "n",
        "stop",
        "max_tokens",
        "max_completion_tokens",
        "response_format",
        "tools",
        "functions",
        "tool_choice",
        "function_call",
        "sources",
        "user",
        "metadata",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "service_tier",
        "parallel_tool_calls",
    ],
    format: "response_format",
};

/// `POST /v1/responses`
pub(in crate::http) const RESPONSES: Dialect = Dialect {
    limits: &["max_output_tokens"],
    known: &[
        "model",
        "input",
        "stream",
        "stream_options",
        "max_output_tokens",
        "text",
        "tools",
        "tool_choice",
        "sources",
        "user",
        "metadata",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "service_tier",
        "parallel_tool_calls",
        "previous_response_id",
        "store",
        "truncation",
        "max_tool_calls",
    ],
    format: "text",
};

/// Values that ask for nothing but what is done anyway: OpenAI's defaults, and temperature 0, since the
/// same question gets the same answer.
const WITHOUT_EFFECT: [(&str, &str); 14] = [
    ("temperature", "1"),
    ("temperature", "0"),
    ("top_p", "1"),
    ("frequency_penalty", "0"),
    ("presence_penalty", "0"),
    ("logprobs", "false"),
    ("top_logprobs", "0"),
    ("logit_bias", "{}"),
    ("store", "false"),
    ("modalities", "[\"text\"]"),
    ("verbosity", "\"medium\""),
    ("background", "false"),
    ("include", "[]"),
    ("best_of", "1"),
];

/// What the answer is written as.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::http) enum Form {
    /// Markdown.
    Text,
    /// The documented object, or the part of it that a schema asks for.
    Json(Picked),
    /// A schema that the documented object does not fit: the field that it has beyond it.
    Foreign {
        /// The schema.
        schema: Value,
        /// The field, by its path.
        field: String,
    },
}

/// What a client wishes of the reply.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::http) struct Wishes {
    /// Whether the text ends with a list of its sources.
    pub(in crate::http) sources: bool,
    /// The text ends before the first of these.
    pub(in crate::http) stops: Vec<String>,
    /// The most tokens of it.
    pub(in crate::http) most_tokens: Option<usize>,
    /// What it is written as.
    pub(in crate::http) form: Form,
    /// Parameters that have no effect and might be expected to have one.
    pub(in crate::http) ignored: Vec<String>,
}

impl Wishes {
    /// Reads them. `sources` is what the server does where the request does not say.
    pub(in crate::http) fn read(
        fields: &Fields,
        dialect: &Dialect,
        sources: bool,
        problems: &mut Problems,
    ) -> Self {
        let wanted = fields.value("sources");
        let sources = if wanted.is_null() {
            sources
        } else {
            fields.flag("sources", problems)
        };
        let limits: Vec<usize> = dialect
            .limits
            .iter()
            .filter_map(|name| fields.optional_number(name, 1, problems))
            .collect();
        one_choice(fields.value("n"), problems);
        let mut ignored = unknown(fields, dialect);
        tools(fields, &mut ignored, problems);
        Self {
            sources,
            stops: stops(fields.value("stop"), problems),
            most_tokens: limits.first().copied(),
            form: form(fields.value(dialect.format), dialect, problems),
            ignored,
        }
    }
}

/// Where a client does not say how the reply should be: in the tests.
#[cfg(test)]
impl Default for Wishes {
    fn default() -> Self {
        Self {
            sources: true,
            stops: Vec::new(),
            most_tokens: None,
            form: Form::Text,
            ignored: Vec::new(),
        }
    }
}

/// The same question has one answer here.
fn one_choice(n: &Value, problems: &mut Problems) {
    if !n.is_null() && n.as_u64() != Some(1) {
        let loc = ["body", "n"].map(Step::Name);
        problems.not_one_of(&loc, n, "1: the same question has one answer");
    }
}

fn stops(value: &Value, problems: &mut Problems) -> Vec<String> {
    let list = match value {
        Value::Null => return Vec::new(),
        Value::String(_) => std::slice::from_ref(value),
        Value::Array(list) => list.as_slice(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => &[],
    };
    let texts = list.iter().map(Value::as_str);
    let texts: Option<Vec<&str>> = texts.collect();
    let is_list = value.is_array() || value.is_string();
    let texts = texts.filter(|texts| is_list && texts.len() <= MOST_STOPS);
    let texts = texts.filter(|texts| texts.iter().all(|text| !text.is_empty()));
    if texts.is_none() {
        let loc = ["body", "stop"].map(Step::Name);
        let expected = "a text or up to 4 texts, none of them empty";
        problems.not_one_of(&loc, value, expected);
    }
    let texts = texts.unwrap_or_default().into_iter();
    texts.map(str::to_owned).collect()
}

/// Tools are never called. That is one way to go on where a model may choose, and no way where it must.
fn tools(fields: &Fields, ignored: &mut Vec<String>, problems: &mut Problems) {
    for (list, choice) in [("tools", "tool_choice"), ("functions", "function_call")] {
        let chosen = fields.value(choice);
        let word = chosen.as_str().or(chosen["mode"].as_str());
        if chosen.is_null() || word == Some("auto") {
            let list_of_tools = fields.value(list).as_array();
            if list_of_tools.is_some_and(|tools| !tools.is_empty()) {
                ignored.push(list.to_owned());
            }
        } else if word != Some("none") {
            let loc = [Step::Name("body"), Step::Name(choice)];
            let expected =
                "'none' or 'auto': this model answers from its documents and calls no tools";
            problems.not_one_of(&loc, chosen, expected);
        }
    }
}

/// Fields that are given and have no effect, though they might be expected to have one.
fn unknown(fields: &Fields, dialect: &Dialect) -> Vec<String> {
    let given = fields.entries().filter(|(name, value)| {
        let is_known = dialect.known.contains(&name.as_str());
        !is_known && !value.is_null() && !is_without_effect(name, value)
    });
    given
        .take(MOST_NAMED)
        .map(|(name, _)| name[..name.floor_char_boundary(80)].to_owned())
        .collect()
}

fn is_without_effect(name: &str, value: &Value) -> bool {
    let of_name = WITHOUT_EFFECT.iter().filter(|(known, _)| *known == name);
    of_name
        .filter_map(|(_, plain)| serde_json::from_str::<Value>(plain).ok())
        .any(|plain| plain == *value || (plain.is_number() && plain.as_f64() == value.as_f64()))
}

/// The form of the answer. The Responses API has the schema one level higher than chat completions.
fn form(value: &Value, dialect: &Dialect, problems: &mut Problems) -> Form {
    let format = if dialect.format == "text" {
        &value["format"]
    } else {
        value
    };
    let nested = &format["json_schema"]["schema"];
    let schema = if nested.is_null() {
        &format["schema"]
    } else {
        nested
    };
    match format["type"].as_str() {
        Some("text") => Form::Text,
        None if format.is_null() => Form::Text,
        Some("json_object") => Form::Json(Picked::All),
        Some("json_schema") => match pick(schema) {
            Ok(picked) => Form::Json(picked),
            Err(field) => Form::Foreign {
                schema: schema.clone(),
                field,
            },
        },
        Some(_) | None => {
            let loc = [Step::Name("body"), Step::Name(dialect.format)];
            let expected = "an object with type 'text', 'json_object' or 'json_schema'";
            problems.not_one_of(&loc, value, expected);
            Form::Text
        }
    }
}

/// Refuses a schema that the documented object does not fit.
pub(in crate::http) fn refuse_foreign(form: &Form, dialect: &Dialect) -> Result<(), Problems> {
    let Form::Foreign { field, .. } = form else {
        return Ok(());
    };
    let mut problems = Problems::default();
    let loc = [Step::Name("body"), Step::Name(dialect.format)];
    let expected = format!(
        "a schema whose fields are among answer, answered and citations, as docs/http-api.md has them; \
         {field} cannot be filled"
    );
    problems.not_one_of(&loc, &Value::Null, &expected);
    Err(problems)
}

#[cfg(test)]
mod tests;
