//! The rest of OpenAI's API: responses, embeddings, models, and what front ends ask besides.

use serde_json::{Value, json};

use crate::client::{Server, answer, indexed};

const QUESTION: &str = "What is the usual target depth of mineral wool in a loft?";

fn events(text: &str) -> Vec<Value> {
    let data = text
        .split("\n\n")
        .filter_map(|block| block.split_once("\ndata: "));
    data.map(|(_, data)| serde_json::from_str(data).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_is_kept_and_gone_on_with() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let path = "/v1/responses";
    let ask = |more: &Value| {
        let mut body = json!({"model": "wattwise", "input": QUESTION, "sources": false});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let (status, first) = server.post(path, Some(ask(&json!({})))).await;
    assert_eq!(
        (status, &first["status"]),
        (200, &json!("completed")),
        "{first}"
    );
    let part = &first["output"][0]["content"][0];
    assert!(part["text"].as_str().unwrap().contains("270 mm"));
    assert_eq!(part["annotations"][0]["type"], "url_citation");
    let id = first["id"].as_str().unwrap();

    let follow = json!({"input": "And why does it matter?", "previous_response_id": id});
    let (_, second) = server.post(path, Some(ask(&follow))).await;
    assert_eq!(second["previous_response_id"], id);
    // Behind the first again: another branch, which knows nothing of the second.
    let (_, third) = server.post(path, Some(ask(&follow))).await;
    let session = |reply: &Value| {
        let id = reply["id"].as_str().unwrap().to_owned();
        id["resp_".len()..].rsplit_once('_').unwrap().0.to_owned()
    };
    assert_eq!(session(&first), session(&second));
    assert_ne!(session(&second), session(&third));
    for (reply, messages) in [(&second, 2), (&third, 2)] {
        let request = server.request(&format!("GET /sessions/{}", session(reply)));
        let (_, kept) = answer(request).await;
        assert_eq!(
            kept["messages"].as_array().unwrap().len(),
            messages,
            "{kept}"
        );
    }
    let unkept = json!({"store": false, "previous_response_id": id});
    let (status, unkept) = server.post(path, Some(ask(&unkept))).await;
    assert_eq!((status, &unkept["store"]), (200, &json!(false)));
    for id in [unkept["id"].as_str().unwrap(), "resp_x", "none"] {
        let body = ask(&json!({"previous_response_id": id}));
        let (status, refused) = server.post(path, Some(body)).await;
        let code = &refused["error"]["code"];
        assert_eq!(
            (status, code),
            (400, &json!("previous_response_not_found")),
            "{id}"
        );
    }
    let (_, cut) = server
        .post(path, Some(ask(&json!({"max_output_tokens": 2}))))
        .await;
    assert_eq!(cut["incomplete_details"]["reason"], "max_output_tokens");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_is_streamed_as_events_in_order() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let messages = json!([{"role": "user", "content": [{"type": "input_text", "text": QUESTION}]}]);
    let body = json!({"model": "wattwise", "input": messages, "stream": true, "instructions": "Be brief."});
    let request = server.request("POST /v1/responses").json(&body);
    let events = events(&request.send().await.unwrap().text().await.unwrap());
    let numbers = events
        .iter()
        .map(|event| event["sequence_number"].as_u64().unwrap());
    assert!(numbers.eq(0..events.len() as u64));
    let of = |name: &str| {
        events
            .iter()
            .filter(|event| event["type"] == name)
            .collect::<Vec<_>>()
    };
    let said: String = of("response.output_text.delta")
        .iter()
        .map(|event| event["delta"].as_str().unwrap())
        .collect();
    let whole = &of("response.completed")[0]["response"];
    assert_eq!(whole["output"][0]["content"][0]["text"], said);
    assert_eq!(of("response.created")[0]["response"]["id"], whole["id"]);
    assert_eq!(whole["not_honoured"], json!(["instructions"]));
    assert!(!of("response.output_text.annotation.added").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_become_the_vectors_that_the_documents_have() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let path = "/v1/embeddings";
    let body = |input: &Value| json!({"model": "wattwise-embedding", "input": input});
    let (status, floats) = server
        .post(path, Some(body(&json!(["loft", "door"]))))
        .await;
    assert_eq!(status, 200, "{floats}");
    let numbers = floats["data"][1]["embedding"].as_array().unwrap();
    let length: f64 = numbers.iter().map(|n| n.as_f64().unwrap().powi(2)).sum();
    assert!((length - 1.0).abs() < 1e-3, "{length}");
    let mut packed = body(&json!("door"));
    packed["encoding_format"] = json!("base64");
    let (_, packed) = server.post(path, Some(packed)).await;
    let text = packed["data"][0]["embedding"].as_str().unwrap();
    assert_eq!(text.len(), (numbers.len() * 4).div_ceil(3) * 4);
    let (_, models) = answer(server.request("GET /v1/models/wattwise-embedding")).await;
    assert_eq!(models["dimensions"], numbers.len());

    let long = "loft ".repeat(2000);
    for (field, value, param) in [
        ("dimensions", json!(8), "dimensions"),
        ("encoding_format", json!("int8"), "encoding_format"),
        ("input", json!([[1, 2]]), "input[0]"),
        ("input", json!(" "), "input[0]"),
        ("input", json!([]), "input"),
        ("input", json!(["loft", long]), "input[1]"),
        ("input", json!("x".repeat(300_000)), "input"),
    ] {
        let mut wrong = body(&json!("loft"));
        wrong[field] = value;
        let (status, refused) = server.post(path, Some(wrong)).await;
        assert_eq!(
            (status, &refused["error"]["param"]),
            (400, &json!(param)),
            "{refused}"
        );
    }
    let mut cut = body(&json!(["loft ".repeat(2000)]));
    cut["truncate"] = json!(true);
    assert_eq!(server.post(path, Some(cut)).await.0, 200);
}

/// Requests of programs about a conversation, in words of our own, each with the field of its form.
#[tokio::test(flavor = "multi_thread")]
async fn what_programs_ask_about_a_conversation_is_no_question() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let path = "/v1/chat/completions";
    let talk = format!("<talk>\nPERSON: {QUESTION}\nBOT: 270 mm.\n</talk>");
    let rows = [
        (
            "Think of a name for the talk below.",
            "{\"title\": \"Bread\"}",
            "depth",
        ),
        (
            "Which keywords describe the talk?",
            "{\"tags\": [\"baking\"]}",
            "oft",
        ),
        (
            "What could the person ask next?",
            "{\"follow_ups\": [\"Why so?\"]}",
            "",
        ),
        (
            "Write web search queries for the talk.",
            "{\"queries\": [\"a\"]}",
            QUESTION,
        ),
    ];
    for (instruction, form, word) in rows {
        let content = format!("{instruction}\nReply as {form} and nothing else.\n{talk}");
        let messages = json!([{"role": "user", "content": content}]);
        let body = json!({"model": "wattwise", "messages": messages});
        let (_, reply) = server.post(path, Some(body)).await;
        let text = reply["choices"][0]["message"]["content"].as_str().unwrap();
        let object: Value =
            serde_json::from_str(text).unwrap_or_else(|_| panic!("{instruction}: {text}"));
        let wanted: Value = serde_json::from_str(form).unwrap();
        let (name, example) = wanted.as_object().unwrap().iter().next().unwrap();
        assert_eq!(object[name].is_array(), example.is_array(), "{text}");
        let first = if example.is_array() {
            &object[name][0]
        } else {
            &object[name]
        };
        assert!(
            first.as_str().is_some_and(|first| first.contains(word)),
            "{text}"
        );
    }
    // What is none of these gets an empty form, and no search.
    let content = format!("Draw a picture of the talk.\n{{\"drawing\": \"a cat\"}}\n{talk}");
    let body = json!({"model": "wattwise", "messages": [{"role": "user", "content": content}]});
    let (_, reply) = server.post(path, Some(body)).await;
    assert_eq!(
        reply["choices"][0]["message"]["content"],
        "{\"drawing\":\"\"}"
    );

    // Behind the conversation itself, and as a schema.
    let messages = json!([
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": "270 mm."},
        {"role": "user", "content": "Write a short title for our conversation, at most four words."},
    ]);
    let body = json!({"model": "wattwise", "messages": messages});
    let (_, reply) = server.post(path, Some(body)).await;
    assert_eq!(
        reply["choices"][0]["message"]["content"],
        "What is the usual target depth of mineral…"
    );
    let schema = json!({"type": "object", "properties": {
        "language": {"type": "string"}, "title": {"type": "string"},
    }});
    let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
    let content = format!("Say the language of this talk and a short title for it.\n\n{talk}");
    let body = json!({"model": "wattwise", "response_format": format,
        "messages": [{"role": "user", "content": content}]});
    let (status, reply) = server.post(path, Some(body)).await;
    assert_eq!(status, 200, "{reply}");
    let object = reply["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(object.contains("\"title\":\"What is"), "{object}");

    // People who talk about titles, tags or transcripts are answered as people.
    for question in [
        "What should I search for to find a good installer?",
        "What is the title of the guide on lofts?",
        "My meter says\nError: E-133\nCode: 7\nWhat does it mean?",
    ] {
        let messages = json!([
            {"role": "system", "content": "You are a helpful assistant. Answer in English."},
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": "270 mm."},
            {"role": "user", "content": question},
        ]);
        let body = json!({"model": "wattwise", "messages": messages});
        let (_, reply) = server.post(path, Some(body)).await;
        let text = reply["choices"][0]["message"]["content"].as_str().unwrap();
        let is_answer =
            !reply["sentences"].as_array().unwrap().is_empty() || reply["answered"] == false;
        assert!(is_answer, "{question}: {text}");
    }
}
