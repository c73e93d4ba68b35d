//! What is honoured, refused and named.

use serde_json::json;

use super::*;

fn read(body: &Value) -> (Wishes, Value) {
    let mut problems = Problems::default();
    let fields = Fields::new(body.as_object().unwrap().clone());
    let wishes = Wishes::read(&fields, &CHAT, true, &mut problems);
    (wishes, problems.to_detail())
}

#[test]
fn what_has_no_effect_is_named_unless_it_asks_for_none() {
    let (wishes, problems) = read(&json!({
        "model": "x", "temperature": 0.0, "top_p": 1, "presence_penalty": 0, "seed": 7, "user": "u",
        "logit_bias": null, "reasoning_effort": "high", "tools": [{}], "tool_choice": "auto",
    }));
    assert_eq!(problems, json!([]));
    assert_eq!(wishes.ignored, ["seed", "reasoning_effort", "tools"]);
    let none = read(&json!({"tools": [{}], "tool_choice": "none", "temperature": 0.7}));
    assert_eq!(none.0.ignored, ["temperature"]);
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    for (body, field) in [
        (json!({"n": 2}), "n"),
        (
            json!({"tools": [{}], "tool_choice": "required"}),
            "tool_choice",
        ),
        (
            json!({"tool_choice": {"type": "function", "function": {"name": "f"}}}),
            "tool_choice",
        ),
        (json!({"function_call": {"name": "f"}}), "function_call"),
        (json!({"stop": ["a", ""]}), "stop"),
        (json!({"stop": 5}), "stop"),
        (json!({"stop": ["a", "b", "c", "d", "e"]}), "stop"),
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"max_tokens": "ten"}), "max_tokens"),
        (json!({"response_format": "json"}), "response_format"),
        (json!({"sources": "no"}), "sources"),
    ] {
        assert_eq!(read(&body).1[0]["loc"][1], field, "{body}");
    }
}

#[test]
fn limits_and_stops_are_read_in_all_their_forms() {
    let (wishes, _) = read(&json!({"max_tokens": 5, "max_completion_tokens": 9, "stop": "END"}));
    assert_eq!(
        (wishes.most_tokens, wishes.stops),
        (Some(9), vec!["END".to_owned()])
    );
    let schema = json!({"type": "object", "properties": {"price": {"type": "number"}}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
    let (wishes, problems) = read(&json!({"response_format": format}));
    assert_eq!(problems, json!([]));
    let refused = refuse_foreign(&wishes.form, &CHAT).unwrap_err().to_detail();
    assert!(
        refused[0]["msg"].as_str().unwrap().contains("price"),
        "{refused}"
    );
}
