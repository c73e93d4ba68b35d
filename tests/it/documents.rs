//! The documents behind the answers: listed, read in their structure, and as the files they are.

use serde_json::{Value, json};

use crate::client::{Server, answer, indexed};
use crate::support::{run, text};

async fn get(server: &Server, path: &str) -> Value {
    let (status, body) = answer(server.request(&format!("GET {path}"))).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_citation_is_found_in_the_text_of_its_document() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let all = get(&server, "/documents").await;
    assert_eq!((&all["total"], &all["next"]), (&json!(3), &Value::Null));
    let first = get(&server, "/documents?limit=2").await;
    let after = first["next"].as_str().unwrap();
    let second = get(&server, &format!("/documents?limit=2&after={after}")).await;
    assert_eq!(second["documents"][0], all["documents"][2]);
    let pages = get(&server, "/documents?kind=html").await;
    assert_eq!(pages["total"], 1);
    let none = get(&server, "/documents?after=none&date_to=1970-01-01").await;
    assert_eq!(none["documents"], json!([]));

    let question = json!({"message": "What is the usual target depth of mineral wool in a loft?"});
    let (_, reply) = server.post("/chat", Some(question)).await;
    let citation = &reply["citations"][0];
    let (id, start) = (
        citation["document_id"].as_str().unwrap(),
        citation["start"].as_u64().unwrap(),
    );
    let found = get(
        &server,
        &format!("/documents/{id}?start={start}&end={}", citation["end"]),
    )
    .await;
    let quote = citation["quote"].as_str().unwrap();
    let begin = found["start"].as_u64().unwrap();
    let at = usize::try_from(start - begin).unwrap();
    let shown = found["text"].as_str().unwrap();
    assert_eq!(&shown[at..at + quote.len()], quote, "{found}");
    assert_eq!(found["title"], citation["title"]);
    assert!(
        found["heading"]
            .as_str()
            .unwrap()
            .starts_with(citation["title"].as_str().unwrap())
    );
    for block in found["blocks"].as_array().unwrap() {
        let within = |side: &str| block[side].as_u64().unwrap() - begin;
        let range =
            usize::try_from(within("start")).unwrap()..usize::try_from(within("end")).unwrap();
        assert!(!shown[range].trim().is_empty(), "{block}");
    }
    let bounded = get(
        &server,
        &format!("/documents/{id}?start=0&end=1099511627776"),
    )
    .await;
    assert!(bounded["text"].as_str().unwrap().len() < 80 << 10);
    for wrong in [
        "/documents/none",
        "/documents/docs%2Floft-insulation.md",
        "/documents/none/file",
    ] {
        assert_eq!(
            answer(server.request(&format!("GET {wrong}"))).await.0,
            404,
            "{wrong}"
        );
    }
    let behind = answer(server.request(&format!("GET /documents/{id}?start=-1"))).await;
    assert_eq!(behind.0, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_given_as_it_was_read_and_never_another() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let all = get(&server, "/documents").await;
    let file_of = |kind: &str| {
        let found = all["documents"].as_array().unwrap().iter();
        let mut found = found.filter(|document| document["kind"] == kind);
        let document = found.next().unwrap();
        let path = folder.path().join(document["source"].as_str().unwrap());
        (document["file"].as_str().unwrap().to_owned(), path)
    };
    for (kind, content_type, disposition) in [
        ("markdown", "text/plain; charset=utf-8", "inline; "),
        ("html", "application/octet-stream", "attachment; "),
    ] {
        let (file, path) = file_of(kind);
        let response = server.request(&format!("GET {file}")).send().await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), content_type);
        assert!(header("content-disposition").starts_with(disposition));
        assert!(header("content-security-policy").starts_with("sandbox; default-src 'none'"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(response.bytes().await.unwrap(), bytes);
    }
    let (file, path) = file_of("markdown");
    std::fs::write(&path, "not what was read").unwrap();
    let (status, body) = answer(server.request(&format!("GET {file}"))).await;
    assert_eq!(status, 404, "{body}");
    assert!(body["detail"].as_str().unwrap().contains("ingest"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_suggested_stands_in_the_documents() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let found = get(&server, "/suggestions?limit=24").await;
    let suggestions = found["suggestions"].as_array().unwrap();
    assert!(suggestions.len() >= 6, "{found}");
    let mut documents: Vec<&str> = suggestions
        .iter()
        .take(3)
        .map(|topic| topic["document_id"].as_str().unwrap())
        .collect();
    documents.sort_unstable();
    documents.dedup();
    assert_eq!(documents.len(), 3, "one of each to begin with: {found}");
    for topic in suggestions {
        let id = topic["document_id"].as_str().unwrap();
        let whole = get(&server, &format!("/documents/{id}?end=65536")).await;
        let heading = topic["heading"]
            .as_str()
            .unwrap()
            .rsplit(" > ")
            .next()
            .unwrap();
        assert!(whole["text"].as_str().unwrap().contains(heading), "{topic}");
        assert!(
            topic["text"].as_str().unwrap().ends_with(heading),
            "{topic}"
        );
    }
    let chunk = suggestions[0]["chunk_id"].as_str().unwrap();
    let near = get(&server, &format!("/suggestions?limit=4&near={chunk}")).await;
    assert_eq!(
        near["suggestions"][0], suggestions[0],
        "its own comes first"
    );
    assert_eq!(near["suggestions"].as_array().unwrap().len(), 4);
    let unknown = answer(server.request("GET /suggestions?near=none")).await;
    assert_eq!(unknown.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_ask_for_a_key_and_the_page_does_not() {
    let folder = indexed();
    let created = run(
        folder.path(),
        &[
            "keys", "create", "--name", "reader", "--scopes", "retrieve", "--state", "state",
        ],
    );
    assert_eq!(created.status.code(), Some(0), "{}", text(&created));
    let retrieve = String::from_utf8_lossy(&created.stdout).trim().to_owned();
    let server = Server::start(folder.path(), &[]);
    for path in [
        "/documents",
        "/documents/x",
        "/documents/x/file",
        "/suggestions",
    ] {
        let line = format!("GET {path}");
        assert_eq!(answer(server.request(&line)).await.0, 401, "{path}");
        let lesser = server.request(&line).bearer_auth(&retrieve);
        assert_eq!(answer(lesser).await.0, 403, "{path}");
    }
    let page = server.request("GET /").send().await.unwrap();
    assert_eq!(page.status(), 200);
    let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
    let policy = header("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'self';",
        "frame-ancestors 'none'",
        "trusted-types 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    let tag = header("etag");
    let again = server.request("GET /").header("if-none-match", &tag);
    assert_eq!(again.send().await.unwrap().status(), 304);
    let html = page.text().await.unwrap();
    let named = html.split('"').filter(|part| part.starts_with("/assets/"));
    let mut count = 0;
    for path in named {
        let file = server.request(&format!("GET {path}")).send().await.unwrap();
        assert_eq!(file.status(), 200, "{path}");
        assert!(
            file.headers()["cache-control"]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
        let other = path.replace("/assets/", "/assets/0");
        let old = server
            .request(&format!("GET {other}"))
            .send()
            .await
            .unwrap();
        assert_eq!(old.status(), 404, "{other}");
        count += 1;
    }
    assert!(count >= 4, "{html}");
    let posted = server.request("POST /").send().await.unwrap();
    assert_eq!(posted.status(), 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_listed_under_the_name_it_is_given() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let session = server.session().await;
    let ask = format!("/ask?session_id={session}");
    server
        .post(&ask, Some(json!({"message": "How deep?"})))
        .await;
    let named = json!({"session_id": session, "title": "Loft"});
    let (status, body) = server.post("/rename_session", Some(named.clone())).await;
    assert_eq!(status, 200, "{body}");
    let listed = get(&server, "/sessions").await;
    let first = &listed["sessions"][0];
    assert_eq!(
        (&first["title"], &first["opening"]),
        (&json!("Loft"), &json!("How deep?"))
    );
    for (wrong, status) in [
        (json!({"session_id": session}), 422),
        (
            json!({"session_id": session, "title": "x".repeat(401)}),
            422,
        ),
        (json!({"session_id": "none", "title": "x"}), 404),
    ] {
        assert_eq!(server.post("/rename_session", Some(wrong)).await.0, status);
    }
    let foreign = server.request("POST /rename_session").json(&named);
    let foreign = foreign.header("origin", "https://evil.example");
    assert_eq!(answer(foreign).await.0, 403);
}
