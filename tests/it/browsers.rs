//! What a browser makes of the server.

use std::process::Command;

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
