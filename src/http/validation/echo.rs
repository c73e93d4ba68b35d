//! What a problem echoes of the input that it is about.

use serde_json::{Map, Value};

/// A problem echoes the input it is about; this bounds the echo.
const MAX_ECHO_BYTES: usize = 8192;

/// Common parsers refuse a reply nested more than 128 deep, this echo and what is around it.
const MAX_ECHO_DEPTH: usize = 100;

/// A copy that is not larger than a reply may be.
pub(in crate::http) fn echo(value: &Value) -> Value {
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
    use serde_json::json;

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
}
