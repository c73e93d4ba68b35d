//! `ingest --notify`: who is told of which runs, how it is signed, and that nothing of it changes a run.

use std::path::Path;
use std::process::Output;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::{data, text, wattwise};

const SECRET: &str = "whsec_c2VjcmV0LXRoYXQtc2lnbnMtd2hhdC1pcy1zZW50";

/// A receiver that answers with each of `statuses` once, then with 200.
async fn receiver(statuses: &[u16]) -> MockServer {
    let server = MockServer::start().await;
    for status in statuses {
        let reply = ResponseTemplate::new(*status)
            .insert_header("retry-after", "0")
            .insert_header("location", "/elsewhere");
        let hook = Mock::given(method("POST")).and(path("/t0ken"));
        let hook = hook.respond_with(reply).up_to_n_times(1);
        hook.mount(&server).await;
    }
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    server
}

fn folder(name: &str, content: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let docs = folder.path().join("docs");
    std::fs::create_dir(&docs).unwrap();
    std::fs::write(docs.join(name), content).unwrap();
    folder
}

fn add_guide(folder: &Path) {
    let guide = data("guides").join("loft-insulation.md");
    std::fs::copy(guide, folder.join("docs/loft.md")).unwrap();
}

async fn ingest(folder: &Path, url: &str, more: &[&str]) -> Output {
    let mut arguments = vec![
        "ingest", "--docs", "docs", "--index", "index", "--notify", url,
    ];
    arguments.extend_from_slice(more);
    let mut command = wattwise(folder, &arguments);
    command.env("WATTWISE_NOTIFY_SECRET", SECRET);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    output.await.unwrap()
}

async fn received(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.unwrap()
}

/// The body, after its signature was checked as a receiver does.
fn verified(request: &Request) -> Value {
    let header = |name: &str| request.headers[name].to_str().unwrap();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    assert!(id.starts_with("msg_") && timestamp.parse::<u64>().is_ok());
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.unwrap()).unwrap();
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(&request.body);
    let signature = header("webhook-signature").strip_prefix("v1,").unwrap();
    let signature = STANDARD.decode(signature).unwrap();
    mac.verify_slice(&signature).unwrap();
    serde_json::from_slice(&request.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_runs_it_is_told_what_needs_a_look() {
    let folder = folder("broken.pdf", b"%PDF-1.7 and no more");
    let server = receiver(&[503]).await;
    let url = format!("{}/t0ken", server.uri());

    // Nothing could be indexed: the run fails, as it does without a receiver.
    let output = ingest(folder.path(), &url, &[]).await;
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let requests = received(&server).await;
    assert_eq!(requests.len(), 2, "the first was told to come again");
    let ids: Vec<_> = requests.iter().map(|r| &r.headers["webhook-id"]).collect();
    assert_eq!(ids[0], ids[1]);
    let told = verified(&requests[1]);
    assert_eq!(told["type"], "ingest.failed");
    assert_eq!(told["data"]["published"], false);
    let reason = told["data"]["text"].as_str().unwrap();
    assert!(reason.contains("broken.pdf"), "{told}");

    // Published, but for one source.
    add_guide(folder.path());
    let output = ingest(folder.path(), &url, &["--quiet"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let told = verified(received(&server).await.last().unwrap());
    assert_eq!(told["type"], "ingest.incomplete");
    let sources = told["data"]["sources"].as_array().unwrap();
    assert_eq!(sources.len(), 1, "{told}");
    assert!(
        sources[0]["source"]
            .as_str()
            .unwrap()
            .ends_with("broken.pdf")
    );
    assert_eq!(told["data"]["totals"]["documents"], 1);

    // All well: told where that is wanted. A dry run publishes nothing and is told nobody.
    std::fs::remove_file(folder.path().join("docs/broken.pdf")).unwrap();
    let count = received(&server).await.len();
    for (more, told) in [
        (&["--dry-run", "--notify-always"][..], 0),
        (&[], 0),
        (&["--notify-always"], 1),
    ] {
        let output = ingest(folder.path(), &url, more).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        assert_eq!(received(&server).await.len(), count + told, "{more:?}");
    }
    let told = verified(received(&server).await.last().unwrap());
    assert_eq!(told["type"], "ingest.completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_does_not_take_it_changes_no_run_and_learns_no_more() {
    let folder = folder("guide.txt", b"Fit a brush strip to the letter box.");
    let server = receiver(&[307]).await;
    let (url, nobody) = (
        format!("{}/t0ken", server.uri()),
        "http://127.0.0.1:1/t0ken",
    );
    for url in [url.as_str(), nobody] {
        // The retries of somebody who is not there take a few seconds.
        let output = ingest(folder.path(), url, &["--quiet", "--notify-always"]).await;
        let said = text(&output);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(
            said.contains("the run was not told of: http://127.0.0.1"),
            "{said}"
        );
        assert!(!said.contains("t0ken") && !said.contains("c2Vj"), "{said}");
    }
    assert_eq!(
        received(&server).await.len(),
        1,
        "a redirect is not followed"
    );

    let output = ingest(folder.path(), &url, &["--print-config"]).await;
    let printed = text(&output);
    assert!(printed.contains("notify = \"http://127.0.0.1"), "{printed}");
    assert!(
        !printed.contains("t0ken") && !printed.contains("c2Vj"),
        "{printed}"
    );
    let output = ingest(folder.path(), "http://93.184.216.34/t0ken", &[]).await;
    let said = text(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("use https") && !said.contains("t0ken"),
        "{said}"
    );
}
