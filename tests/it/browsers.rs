//! What a browser makes of the server.

use std::process::Command;

use serde_json::json;

use crate::client::{Server, answer, indexed};

#[tokio::test(flavor = "multi_thread")]
async fn the_sites_that_flags_name_may_call() {
    let folder = indexed();
    let site = "https://app.example.org";
    let server = Server::start(
        folder.path(),
        &["--cors-origin", "http://localhost:1", site],
    );
    for (origin, allowed) in [(site, true), ("https://evil.example.org", false)] {
        let request = server.request("GET /version").header("origin", origin);
        let response = request.send().await.unwrap();
        let header = response.headers().get("access-control-allow-origin");
        assert_eq!(header.is_some_and(|header| header == origin), allowed);
    }
}

/// The page's policy forbids all but its own files; a real browser must still show it whole.
#[tokio::test(flavor = "multi_thread")]
async fn the_reference_page_works_under_its_policy() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let profile = format!(
        "--user-data-dir={}",
        folder.path().join("profile").display()
    );
    let url = format!("{}/docs", server.base_url);
    let browser = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .args([
            "--enable-logging=stderr",
            "--virtual-time-budget=20000",
            "--dump-dom",
        ])
        .args([&profile, &url])
        .env("HOME", folder.path())
        .output();
    let Ok(output) = browser else {
        eprintln!("skipped: chromium is not installed");
        return;
    };
    let page = String::from_utf8_lossy(&output.stdout);
    let log = String::from_utf8_lossy(&output.stderr);
    for shown in ["/retrieve_contexts", "/generate_summary", "opblock-summary"] {
        assert!(page.contains(shown), "no {shown}: {log}\n{page}");
    }
    assert!(!log.contains("Content Security Policy"), "{log}");
}

/// A page whose name leads to this machine (DNS rebinding) calls the server by that name.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_the_server_answers_only_to_its_own_names() {
    let folder = indexed();
    let server = Server::start(folder.path(), &["--allowed-host", "assistant.home"]);
    for (host, status) in [
        ("evil.example", 421),
        ("localhost:8000", 200),
        ("Assistant.Home:80", 200),
    ] {
        let request = server.request("POST /get_session_id").header("host", host);
        let (found, body) = answer(request).await;
        assert_eq!(found, status, "{host}: {body}");
        if status == 421 {
            let detail = body["detail"].as_str().unwrap();
            assert!(detail.contains("evil.example") && detail.contains("--allowed-host"));
        }
    }
    let health = server
        .request("GET /healthz")
        .header("host", "evil.example");
    assert_eq!(answer(health).await.0, 200);
}

/// A page of any site can make a browser post; without a key nothing else would stop it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_of_another_site_posts_is_refused() {
    let folder = indexed();
    let named = "https://app.example.org";
    let server = Server::start(folder.path(), &["--cors-origin", named]);
    let message = r#"{"message": "written by a page"}"#;
    let evil = [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ];
    let post = |path: &str, headers: &[(&str, &str)]| {
        let mut request = server.request(&format!("POST {path}")).body(message);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request)
    };
    let typed = ("content-type", "application/json");
    for path in ["/chat", "/ask?session_id=x", "/get_session_id", "/feedback"] {
        for marks in [&evil[..], &evil[..1], &evil[1..]] {
            for headers in [marks.to_vec(), [marks, &[typed][..]].concat()] {
                let (status, body) = post(path, &headers).await;
                assert_eq!(status, 403, "{path} {headers:?}: {body}");
                assert!(body["detail"].as_str().unwrap().contains("--cors-origin"));
            }
        }
    }
    let session = server.session().await;
    let ask = format!("/ask?session_id={session}");
    // Without a type a body needs no leave of the browser; the original's routes take it from programs.
    assert_eq!(post(&ask, &[]).await.0, 200);
    assert_eq!(post(&ask, &[("origin", named)]).await.0, 415);
    assert_eq!(post(&ask, &[("origin", named), typed]).await.0, 200);
    assert_eq!(post("/chat", &[]).await.0, 415);
    assert_eq!(
        post("/chat", &[("content-type", "text/plain")]).await.0,
        415
    );
    assert_eq!(post("/chat", &[typed]).await.0, 200);
    // Our own page, and a link to it from elsewhere.
    let own = ("origin", server.base_url.as_str());
    assert_eq!(
        post(&ask, &[own, ("sec-fetch-site", "same-origin")])
            .await
            .0,
        200
    );
    let visit = server
        .request("GET /docs")
        .header("sec-fetch-site", "cross-site")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document");
    assert_eq!(answer(visit).await.0, 200);
}

/// A browser sends the password of Basic by itself, whatever page asks.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_cannot_use_a_password_that_the_browser_knows() {
    let folder = indexed();
    let mut command = crate::support::wattwise(
        folder.path(),
        &["serve", "--index", "index", "--state", "state"],
    );
    command
        .args(["--bind", "127.0.0.1:0", "--log-format", "json"])
        .env("AUTH_API_KEY", "a-key-of-the-operator");
    let server = Server::spawn(command);
    for (origin, status) in [(None, 200), (Some("https://evil.example"), 403)] {
        let mut request = server
            .request("POST /get_session_id")
            .basic_auth("x", Some("a-key-of-the-operator"))
            .body("a=b");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        assert_eq!(answer(request).await.0, status, "{origin:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sources_own_brackets_are_no_citations_and_no_links() {
    let folder = indexed();
    let server = Server::start(folder.path(), &[]);
    let context = "The council pays the grant in May, see [the page](javascript:alert(8)). [7]";
    let request = json!({
        "session_id": "x",
        "contexts": [context],
        "message_history": ["When does the council pay the grant?"],
    });
    let (_, reply) = server.post("/generate_summary", Some(request)).await;
    let summary = reply["summary"].as_str().unwrap();
    let citations = reply["citations"].as_array().unwrap();
    assert!(reply["answered"].as_bool().unwrap(), "{reply}");
    assert!(
        summary.contains("(the page)") && !summary.contains("javascript"),
        "{summary}"
    );
    assert_eq!(summary.matches('[').count(), citations.len(), "{summary}");
    // What is quoted stays as it stands there.
    assert!(context.contains(citations[0]["quote"].as_str().unwrap()));
}
