use proptest::prelude::*;
use serde_json::json;

use super::*;

const MAX_DEPTH: usize = 900;

fn parse(text: &str) -> Result<Value, JsonError> {
    super::parse(text, MAX_DEPTH)
}

fn syntax(text: &str) -> (usize, &'static str) {
    match parse(text) {
        Err(JsonError::Syntax { position, message }) => (position, message),
        other => panic!("{text:?} gave {other:?}"),
    }
}

/// Each row was checked against Python 3.11's `json.loads`.
#[test]
fn errors_are_where_python_finds_them() {
    let rows = [
        ("", 0, "Expecting value"),
        (" \t\r\n", 4, "Expecting value"),
        ("hello", 0, "Expecting value"),
        ("nul", 0, "Expecting value"),
        ("-", 0, "Expecting value"),
        ("-x", 0, "Expecting value"),
        ("+1", 0, "Expecting value"),
        (".5", 0, "Expecting value"),
        ("01", 1, "Extra data"),
        ("1.", 1, "Extra data"),
        ("1e", 1, "Extra data"),
        ("1e+", 1, "Extra data"),
        ("{} x", 3, "Extra data"),
        ("\u{c}{}", 0, "Expecting value"),
        ("{", 1, "Expecting property name enclosed in double quotes"),
        (
            "{'a':1}",
            1,
            "Expecting property name enclosed in double quotes",
        ),
        (
            "{\"a\":1,}",
            7,
            "Expecting property name enclosed in double quotes",
        ),
        (
            "{\"a\":1, ",
            8,
            "Expecting property name enclosed in double quotes",
        ),
        ("{\"a\"", 4, "Expecting ':' delimiter"),
        ("{\"a\" 1}", 5, "Expecting ':' delimiter"),
        ("{\"a\":", 5, "Expecting value"),
        ("{\"a\": }", 6, "Expecting value"),
        ("{\"a\":1", 6, "Expecting ',' delimiter"),
        ("{\"a\":1 \"b\":2}", 7, "Expecting ',' delimiter"),
        ("[", 1, "Expecting value"),
        ("[1", 2, "Expecting ',' delimiter"),
        ("[1,", 3, "Expecting value"),
        ("[1,]", 3, "Expecting value"),
        ("[1}", 2, "Expecting ',' delimiter"),
        ("]", 0, "Expecting value"),
        ("\"a", 0, "Unterminated string starting at"),
        ("[\"", 1, "Unterminated string starting at"),
        ("\"a\\", 0, "Unterminated string starting at"),
        ("\"a\nb\"", 2, "Invalid control character at"),
        ("\"a\\x\"", 2, "Invalid \\escape"),
        ("\"\\u12\"", 2, "Invalid \\uXXXX escape"),
        ("\"\\u12g4\"", 2, "Invalid \\uXXXX escape"),
        ("\"\\u1234", 2, "Invalid \\uXXXX escape"),
        ("\"\\ud83d\\u12\"", 8, "Invalid \\uXXXX escape"),
        ("\"\\ud83d\\ude00", 8, "Invalid \\uXXXX escape"),
        ("\"é😀\" x", 5, "Extra data"),
        ("[\"é😀\", \"\\q\"]", 8, "Invalid \\escape"),
    ];
    for (text, position, message) in rows {
        assert_eq!(syntax(text), (position, message), "{text:?}");
    }
}

#[test]
fn what_python_accepts_is_accepted() {
    let rows = [
        (" [ ] ", json!([])),
        ("{\"a\":1,\"b\":2,\"a\":3}", json!({"a": 3, "b": 2})),
        (
            "[NaN,Infinity,-Infinity,1e999]",
            json!([null, null, null, null]),
        ),
        (
            "[-0,0.5,-1.5e-2,18446744073709551615]",
            json!([0, 0.5, -0.015, u64::MAX]),
        ),
        ("100000000000000000000", json!(1e20)),
        ("\"\\ud83d\\ude00 \\/ \\u00e9 \\u0000\"", json!("😀 / é \0")),
        (
            "\"\\ud800 \\ud800\\ud83d\\ude00\\udc00\"",
            json!("\u{fffd} \u{fffd}😀\u{fffd}"),
        ),
        ("\"\u{7f}\u{2028}\"", json!("\u{7f}\u{2028}")),
        ("[[{\"a\":[{}]}],[]]", json!([[{"a": [{}]}], []])),
    ];
    for (text, value) in rows {
        assert_eq!(parse(text), Ok(value), "{text:?}");
    }
}

#[test]
fn limits_are_kept() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(parse(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(parse(&nested(MAX_DEPTH + 1)), Err(JsonError::OverLimit));
    assert_eq!(parse(&nested(100_000)), Err(JsonError::OverLimit));
    assert_eq!(parse(&"{\"a\":".repeat(100_000)), Err(JsonError::OverLimit));
    let list = |values: usize| format!("[{}0]", "0,".repeat(values - 2));
    assert!(parse(&list(MAX_VALUES)).is_ok());
    assert_eq!(parse(&list(MAX_VALUES + 1)), Err(JsonError::OverLimit));
    assert!(parse(&"9".repeat(MAX_INTEGER_DIGITS)).is_ok());
    assert_eq!(
        parse(&"9".repeat(MAX_INTEGER_DIGITS + 1)),
        Err(JsonError::OverLimit)
    );
}

/// Python reads `-0` as the integer 0, `serde_json` as the float -0.0; that is the one difference.
fn unsigned_zeros(value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_f64() == Some(0.0) => json!(0),
        Value::Array(items) => items.into_iter().map(unsigned_zeros).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, field)| (key, unsigned_zeros(field)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

proptest! {
    #[test]
    fn valid_json_reads_as_serde_json_reads_it(text in "[ \\[\\]{}:,0-9a-z\"\\\\.eE+-]{0,24}") {
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            prop_assert_eq!(parse(&text).map(unsigned_zeros), Ok(unsigned_zeros(value)));
        }
    }

    #[test]
    fn any_text_ends_in_a_value_or_a_place_within_it(text in "\\PC{0,40}") {
        if let Err(JsonError::Syntax { position, .. }) = parse(&text) {
            prop_assert!(position <= text.chars().count());
        }
    }
}
