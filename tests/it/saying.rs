//! What is said, over all shipped questions: whole, marked, quoted once, of a length that is read.

use serde_json::{Value, json};

use crate::client::{Server, indexed};
use crate::support::{data, run, text};

/// The longest answer, in words.
const LONGEST: usize = 200;

/// The messages of each shipped question, oldest first.
fn conversations() -> Vec<Vec<String>> {
    let files = ["questions.jsonl", "dialogues.jsonl", "near_misses.jsonl"];
    let lines = files.map(|name| std::fs::read_to_string(data(name)).unwrap());
    let rows = lines.iter().flat_map(|lines| lines.lines());
    rows.map(|line| {
        let row: Value = serde_json::from_str(line).unwrap();
        let earlier = row["history"].as_array().cloned().unwrap_or_default();
        let said = earlier.iter().chain([&row["question"]]);
        said.map(|message| message.as_str().unwrap().to_owned())
            .collect()
    })
    .collect()
}

async fn ask(server: &Server, messages: &[String]) -> Value {
    let body = json!({"session_id": "x", "contexts": null, "message_history": messages});
    let (status, reply) = server.post("/generate_summary", Some(body)).await;
    assert_eq!(status, 200, "{reply}");
    reply
}

fn check(messages: &[String], reply: &Value) {
    let said = reply["summary"].as_str().unwrap();
    let citations = reply["citations"].as_array().unwrap();
    let context = format!("{messages:?}\n{said}");
    for (position, citation) in citations.iter().enumerate() {
        let marker = format!("[{}]", position + 1);
        assert_eq!(citation["marker"], position + 1, "{context}");
        assert_eq!(citation["verified"], true, "{context}");
        assert_eq!(said.matches(&marker).count(), 1, "{context}");
        let before = said.split(&marker).next().unwrap().lines().last().unwrap();
        assert!(before.split_whitespace().count() > 0, "{context}");
        let quote = citation["quote"].as_str().unwrap();
        let again = citations
            .iter()
            .filter(|other| other["source"] == citation["source"])
            .filter(|other| other["quote"].as_str().unwrap().contains(quote));
        assert_eq!(again.count(), 1, "{context}");
    }
    assert_eq!(said.matches("**").count() % 2, 0, "{context}");
    assert!(said.split_whitespace().count() <= LONGEST, "{context}");
    let confidence = reply["confidence"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&confidence), "{context}");
    let reason = reply["reason"].as_str().unwrap();
    let answers = matches!(reason, "answered" | "partial");
    assert_eq!(reply["answered"], answers, "{context}");
    assert_eq!(answers, !citations.is_empty(), "{reason} {context}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_said_is_whole_marked_and_quoted_once() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let mut lengths = Vec::new();
    for messages in conversations() {
        let reply = ask(&server, &messages).await;
        if reply["generator"] != "extractive" {
            continue;
        }
        check(&messages, &reply);
        if reply["answered"] == true {
            let said = reply["summary"].as_str().unwrap();
            lengths.push(said.split_whitespace().count());
        }
    }
    let mean = lengths.iter().sum::<usize>() / lengths.len();
    assert!((20..=80).contains(&mean), "{mean}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_part_of_a_question_is_answered_or_named_as_missing() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let both = "What is the usual target depth of mineral wool in a loft? And what does the U-value count?";
    let reply = ask(&server, &[both.to_owned()]).await;
    let said = reply["summary"].as_str().unwrap();
    assert_eq!(reply["reason"], "answered", "{said}");
    assert!(
        said.contains("270 mm") && said.contains("U-value"),
        "{said}"
    );
    check(&[both.to_owned()], &reply);

    let half = "What is the usual target depth of mineral wool in a loft, and which horse won the race last year?";
    let reply = ask(&server, &[half.to_owned()]).await;
    let said = reply["summary"].as_str().unwrap();
    assert_eq!(
        (&reply["reason"], &reply["answered"]),
        (&json!("partial"), &json!(true)),
        "{said}"
    );
    assert!(said.contains("270 mm"), "{said}");
    assert!(
        said.ends_with("The sources do not say: which horse won the race last year?"),
        "{said}"
    );
    check(&[half.to_owned()], &reply);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reason_says_why_there_is_no_answer() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    for (question, reason, words) in [
        ("What does error E-999 mean?", "identifier_missing", "E-999"),
        (
            "Welches Pferd hat im letzten Jahr das große Rennen gewonnen?",
            "other_language",
            "German",
        ),
        (
            "Which horse won the race last year?",
            "not_covered",
            "do not cover",
        ),
        ("hello", "curated", "Hello"),
    ] {
        let reply = ask(&server, &[question.to_owned()]).await;
        assert_eq!(reply["reason"], reason, "{reply}");
        assert!(
            reply["summary"].as_str().unwrap().contains(words),
            "{reply}"
        );
    }
    let arguments = [
        "ask",
        "--index",
        "index",
        "How do I insulate the loft hatch?",
    ];
    let plain = run(folder.path(), &arguments);
    assert!(!text(&plain).contains("**"), "{}", text(&plain));
    let output = run(folder.path(), &[&arguments[..], &["--json"]].concat());
    let reply: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reply["reason"], "answered", "{reply}");
    assert!(reply["confidence"].is_number(), "{reply}");
}
