//! The server as its clients meet it, over real sockets: the conversation, durability, reloads.

use serde_json::{Value, json};

use crate::client::{Server, indexed};
use crate::contract;
use crate::support::{run, text, wattwise};

#[tokio::test(flavor = "multi_thread")]
async fn the_five_step_conversation_survives_a_kill() {
    let folder = indexed();
    let mut server = Server::start(folder.path(), &[]);
    let session = server.session().await;
    let question = json!({"message": "What is the usual target depth of mineral wool in a loft?"});
    assert_eq!(
        server
            .post(&format!("/ask?session_id={session}"), Some(question))
            .await
            .0,
        200
    );

    let (status, retrieved) = server
        .post(&format!("/retrieve_contexts?session_id={session}"), None)
        .await;
    assert_eq!(status, 200);
    let contexts = retrieved["contexts"].as_array().unwrap();
    assert_eq!(contexts.len(), 4);
    assert!(
        contexts[0]["metadata"]["source"]
            .as_str()
            .unwrap()
            .ends_with("loft-insulation.md"),
        "{retrieved}"
    );
    let scores: Vec<f64> = contexts
        .iter()
        .map(|context| context["metadata"]["score"].as_f64().unwrap())
        .collect();
    assert!(
        scores.is_sorted_by(|a, b| a >= b)
            && scores.iter().all(|score| (0.0..=1.0).contains(score)),
        "{scores:?}"
    );

    let request = json!({"session_id": session, "contexts": contexts, "message_history": retrieved["message_history"]});
    let (status, summary) = server.post("/generate_summary", Some(request)).await;
    assert_eq!(
        (status, &summary["answered"]),
        (200, &json!(true)),
        "{summary}"
    );
    assert!(
        summary["summary"].as_str().unwrap().contains("270 mm"),
        "{summary}"
    );
    for citation in summary["citations"].as_array().unwrap() {
        assert_eq!(citation["verified"], true);
        let quote = citation["quote"].as_str().unwrap();
        assert!(
            contexts
                .iter()
                .any(|context| context["page_content"].as_str().unwrap().contains(quote)),
            "{quote}"
        );
    }
    let record = json!({"session_id": session, "summary": summary["summary"]});
    assert_eq!(server.post("/save_records", Some(record)).await.0, 200);

    server.kill();
    let server = Server::start(folder.path(), &[]);
    let (status, retrieved) = server
        .post(
            &format!("/retrieve_contexts?session_id={session}&k=2"),
            None,
        )
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        retrieved["message_history"],
        json!(["What is the usual target depth of mineral wool in a loft?"])
    );
    assert_eq!(retrieved["contexts"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_tells_its_length() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let http1 = reqwest::Client::builder().http1_only();
    let http2 = reqwest::Client::builder().http2_prior_knowledge();
    for client in [http1, http2] {
        let client = client.build().unwrap();
        for (path, status) in [("/version", 200), ("/nothing", 404)] {
            let url = format!("{}{path}", server.base_url);
            let head = client.head(&url).send().await.unwrap();
            let get = client.get(&url).send().await.unwrap();
            assert_eq!(get.status().as_u16(), status);
            let told = get.headers()["content-length"].clone();
            assert_eq!(head.headers()["content-length"], told);
            assert_eq!(told, get.bytes().await.unwrap().len().to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn contexts_may_come_back_as_strings_or_not_at_all() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let (_, retrieved) = server
        .post(
            "/retrieve_contexts?message=how%20do%20I%20stop%20draughts",
            None,
        )
        .await;
    let texts: Vec<&Value> = retrieved["contexts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|context| &context["page_content"])
        .collect();
    let request = json!({"session_id": "nobody", "contexts": texts, "message_history": ["how do I stop draughts?"]});
    let (_, from_strings) = server.post("/generate_summary", Some(request)).await;
    assert_eq!(
        from_strings["citations"][0]["verified"], true,
        "strings are found again: {from_strings}"
    );

    let request = json!({"session_id": "nobody", "message_history": ["how do I stop draughts?"]});
    let (_, retrieved_anew) = server.post("/generate_summary", Some(request)).await;
    assert_eq!(retrieved_anew["answered"], true, "{retrieved_anew}");

    let own = "Our caretaker Mr Miller seals every draughty window with brown tape each October.";
    let request = json!({"session_id": "nobody", "contexts": [own], "message_history": ["who seals draughty windows?"]});
    let (_, foreign) = server.post("/generate_summary", Some(request)).await;
    assert_eq!(
        (
            &foreign["citations"][0]["quote"],
            &foreign["citations"][0]["verified"]
        ),
        (&json!(own), &json!(false))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_of_the_original_application_holds() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    contract::replay(&server.base_url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_generation_is_picked_up_and_a_damaged_one_refused() {
    let folder = indexed();
    let server = Server::start(folder.path(), &["--reload-interval", "3600"]);
    let version = || async {
        reqwest::get(format!("{}/version", server.base_url))
            .await
            .unwrap()
            .json::<Value>()
            .await
            .unwrap()
    };
    let before = version().await;

    std::fs::write(
        folder.path().join("docs/kettle.txt"),
        "Descale the kettle with citric acid every second month.",
    )
    .unwrap();
    assert!(
        run(
            folder.path(),
            &["ingest", "--docs", "docs", "--index", "index"]
        )
        .status
        .success()
    );
    server.signal("-HUP");
    let mut after = version().await;
    while after["generation"] == before["generation"] {
        tokio::task::yield_now().await;
        after = version().await;
    }
    let (_, retrieved) = server
        .post(
            "/retrieve_contexts?message=descale%20the%20kettle&k=1",
            None,
        )
        .await;
    assert!(
        retrieved["contexts"][0]["page_content"]
            .as_str()
            .unwrap()
            .contains("citric acid"),
        "{retrieved}"
    );

    std::fs::remove_file(folder.path().join("docs/kettle.txt")).unwrap();
    assert!(
        run(
            folder.path(),
            &["ingest", "--docs", "docs", "--index", "index"]
        )
        .status
        .success()
    );
    let newest = std::fs::read_to_string(folder.path().join("index/CURRENT")).unwrap();
    std::fs::write(
        folder
            .path()
            .join("index")
            .join(newest.trim())
            .join("chunks.bin"),
        "damage",
    )
    .unwrap();
    server.signal("-HUP");
    for _ in 0..50 {
        let (status, _) = server
            .post("/retrieve_contexts?message=kettle&k=1", None)
            .await;
        assert_eq!(status, 200);
    }
    assert_eq!(
        version().await["generation"],
        after["generation"],
        "the one before keeps answering"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_ends_well() {
    let folder = indexed();
    let mut server = Server::start(folder.path(), &[]);
    let session = server.session().await;
    server.signal("-TERM");
    assert!(server.child.wait().unwrap().success());
    let server = Server::start(folder.path(), &[]);
    assert_eq!(
        server
            .post(&format!("/retrieve_contexts?session_id={session}"), None)
            .await
            .0,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_set_nobody_gets_in_without_it() {
    let folder = indexed();
    let mut command = wattwise(
        folder.path(),
        &[
            "serve",
            "--index",
            "index",
            "--bind",
            "127.0.0.1:0",
            "--log-format",
            "json",
        ],
    );
    command.env("AUTH_API_KEY", "0123456789abcdef");
    let server = Server::spawn(command);
    assert_eq!(server.post("/get_session_id", None).await.0, 401);
    let response = reqwest::Client::new()
        .post(format!("{}/get_session_id", server.base_url))
        .bearer_auth("0123456789abcdef")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(
        reqwest::get(format!("{}/healthz", server.base_url))
            .await
            .unwrap()
            .status()
            .as_u16(),
        200
    );
}

#[test]
fn without_a_snapshot_the_server_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(
        folder.path(),
        &["serve", "--index", "index", "--bind", "127.0.0.1:0"],
    );
    assert_eq!(output.status.code(), Some(3));
    assert!(
        text(&output).contains("wattwise ingest"),
        "{}",
        text(&output)
    );
}
