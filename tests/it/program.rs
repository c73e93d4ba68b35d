//! The program as its users run it: ingest, ask, extract, snapshot, and how each of them fails.

use std::path::Path;

use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::client::indexed;
use crate::support::{data, run, text, wattwise};

/// A folder with a few documents.
fn documents() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let docs = folder.path().join("docs");
    std::fs::create_dir(&docs).unwrap();
    std::fs::write(
        docs.join("loft.md"),
        "# Loft insulation\n\nLay 270 mm of mineral wool across the joists of the loft. It keeps the warmth below.\n\n\
         ## The hatch\n\nGlue foam board on the loft hatch and seal its edge with strip.\n",
    )
    .unwrap();
    std::fs::write(
        docs.join("tariff.txt"),
        "Standing charges\n\nThe standing charge is paid for every day, however much energy is used.\n",
    )
    .unwrap();
    folder
}

fn report(folder: &Path, arguments: &[&str], expected_status: i32) -> Value {
    let mut all = vec!["ingest", "--index", "index", "--report", "report.json"];
    // The pages of these tests are their own.
    all.extend(["--pace", "0", "--retries", "0"]);
    all.extend_from_slice(arguments);
    let output = run(folder, &all);
    assert_eq!(
        output.status.code(),
        Some(expected_status),
        "{}",
        text(&output)
    );
    serde_json::from_slice(&std::fs::read(folder.join("report.json")).unwrap()).unwrap()
}

fn status_of<'a>(report: &'a Value, source: &str) -> &'a str {
    let rows = report["sources"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["source"].as_str().unwrap().ends_with(source));
    row.unwrap_or_else(|| panic!("{source} is not in {report}"))["status"]
        .as_str()
        .unwrap()
}

#[test]
fn a_second_run_embeds_only_what_changed_and_forgets_what_is_gone() {
    let folder = documents();
    let docs = folder.path().join("docs");
    let first = report(folder.path(), &["--docs", "docs"], 0);
    assert_eq!(first["totals"]["documents"], 2);
    assert_eq!(first["totals"]["embedded"], first["totals"]["chunks"]);

    let second = report(folder.path(), &["--docs", "docs"], 0);
    assert_eq!(
        (&second["published"], &second["totals"]["embedded"]),
        (&json!(false), &json!(0))
    );
    assert_eq!(second["generation"], first["generation"]);

    std::fs::write(
        docs.join("draught.txt"),
        "Fit brush strip to the letterbox and the door.",
    )
    .unwrap();
    std::fs::remove_file(docs.join("tariff.txt")).unwrap();
    let third = report(folder.path(), &["--docs", "docs"], 0);
    assert_eq!(third["totals"]["embedded"], 1);
    assert_eq!(status_of(&third, "loft.md"), "unchanged");
    assert_eq!(status_of(&third, "draught.txt"), "added");
    assert_eq!(status_of(&third, "tariff.txt"), "removed");
    // The server is left word of each run.
    let last_run = || -> Value {
        let bytes = std::fs::read(folder.path().join("index/last-run.json")).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    assert_eq!(
        (&last_run()["report"], &last_run()["error"]),
        (&third, &json!(null))
    );
    let dry = [
        "ingest",
        "--index",
        "index",
        "--docs",
        "nowhere",
        "--dry-run",
    ];
    assert_ne!(run(folder.path(), &dry).status.code(), Some(0));
    assert_eq!(last_run()["report"], third, "a dry run leaves nothing");
    assert_ne!(run(folder.path(), &dry[..5]).status.code(), Some(0));
    assert!(last_run()["error"].as_str().unwrap().contains("nowhere"));
    assert_eq!(last_run()["report"], json!(null));

    let answer = run(
        folder.path(),
        &[
            "ask",
            "--index",
            "index",
            "--json",
            "Do I pay the standing charge every day?",
        ],
    );
    assert!(
        !text(&answer).contains("however much energy"),
        "removed sources do not answer: {}",
        text(&answer)
    );
}

#[test]
fn every_file_of_a_folder_has_a_row_and_a_citation_names_the_mail() {
    let folder = documents();
    let docs = folder.path().join("docs");
    let write = |name: &str, bytes: &[u8]| std::fs::write(docs.join(name), bytes).unwrap();
    write(
        "prices.csv",
        b"Model,Power kW,Price\nB-20,20,410\nB-30,30,530\n",
    );
    write("photo.png", b"\x89PNG\r\n\x1A\n");
    write(".hidden.md", b"# Hidden\n\nNobody reads this.\n");
    write(
        "tariff.eml",
        b"From: Ann Writer <ann@example.org>\r\nSubject: Night tariff\r\nDate: Fri, 03 May 2024 10:00:00 +0100\r\n\r\nThe night tariff begins at 22:30 on every day of the week.\r\n",
    );
    let report = report(folder.path(), &["--docs", "docs"], 0);
    for (name, status, reason) in [
        ("docs/prices.csv", "added", ""),
        ("docs/tariff.eml", "added", ""),
        ("docs/photo.png", "skipped", "a picture (PNG)"),
        ("docs/.hidden.md", "skipped", "hidden file"),
    ] {
        assert_eq!(status_of(&report, name), status, "{name}");
        let rows = report["sources"].as_array().unwrap();
        let row = rows.iter().find(|row| row["source"] == name).unwrap();
        assert!(
            row["reason"].as_str().unwrap_or_default().contains(reason),
            "{row}"
        );
    }
    let output = run(
        folder.path(),
        &[
            "ask",
            "--index",
            "index",
            "When does the night tariff begin?",
        ],
    );
    assert!(
        text(&output).contains("mail from Ann Writer, 2024-05-03"),
        "{}",
        text(&output)
    );
}

#[test]
fn what_a_heading_asks_its_first_sentence_answers() {
    let folder = indexed();
    let question = "How thick should loft insulation be?";
    let output = run(folder.path(), &["ask", "--index", "index", question]);
    let answer = String::from_utf8_lossy(&output.stdout);
    let first = "The usual target for mineral wool is 270 mm.";
    assert!(answer.contains(first), "{answer}");
    assert!(answer.contains("How thick should it be?"), "{answer}");
}

#[test]
fn ask_quotes_the_source_with_a_verified_citation() {
    let folder = documents();
    report(folder.path(), &["--docs", "docs"], 0);
    let output = run(
        folder.path(),
        &[
            "ask",
            "--index",
            "index",
            "--json",
            "How thick should insulation in the loft be?",
        ],
    );
    let answer: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)));
    assert_eq!(answer["answered"], true);
    assert!(
        answer["answer"].as_str().unwrap().contains("270 mm"),
        "{answer}"
    );
    let citation = &answer["citations"][0];
    assert_eq!(citation["verified"], true);
    assert!(citation["source"].as_str().unwrap().ends_with("loft.md"));
    let original = std::fs::read_to_string(folder.path().join("docs/loft.md")).unwrap();
    assert!(original.contains(citation["quote"].as_str().unwrap()));

    let off_topic = run(
        folder.path(),
        &[
            "ask",
            "--index",
            "index",
            "--json",
            "Who composed the opera Fidelio?",
        ],
    );
    let answer: Value = serde_json::from_slice(&off_topic.stdout).unwrap();
    assert_eq!(
        (
            &answer["answered"],
            answer["citations"].as_array().unwrap().len()
        ),
        (&json!(false), 0),
        "{answer}"
    );
}

#[test]
fn the_shipped_pdfs_are_read_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let pdfs = data("pdfs");
    let report = report(folder.path(), &["--docs", pdfs.to_str().unwrap()], 0);
    assert!(
        report["totals"]["documents"].as_u64().unwrap() >= 3,
        "{report}"
    );
    let output = run(
        folder.path(),
        &[
            "ask",
            "--index",
            "index",
            "--json",
            "What should I check before winter?",
        ],
    );
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        answer["citations"][0]["page"].as_u64().is_some(),
        "{answer}"
    );
}

/// Pages on loopback. `Connection: close` keeps the tests independent of each other's order.
async fn site() -> MockServer {
    let site = MockServer::start().await;
    let page = |title: &str, body: &str| {
        let html = format!(
            "<!DOCTYPE html><html><head><title>{title}</title></head><body><nav><a href='/'>Home</a></nav>\
             <main><h1>{title}</h1><p>{body}</p></main><footer>Imprint</footer></body></html>"
        );
        ResponseTemplate::new(200).set_body_raw(html, "text/html; charset=utf-8")
    };
    let give = |at: &'static str, response: ResponseTemplate| {
        Mock::given(method("GET"))
            .and(path(at))
            .respond_with(response)
    };
    let boiler = "Lower the flow temperature of a condensing boiler to 60 °C, so that it condenses and wastes less heat.";
    give("/boiler", page("Boilers", boiler)).mount(&site).await;
    give("/copy", page("Boilers", boiler)).mount(&site).await;
    give(
        "/old",
        ResponseTemplate::new(301).insert_header("location", "/kettle"),
    )
    .mount(&site)
    .await;
    give("/kettle", page("Kettles", "Boil only as much water as you need for your cup of tea; every extra litre costs 0.1 kWh."))
        .mount(&site)
        .await;
    give(
        "/loop",
        ResponseTemplate::new(302).insert_header("location", "/loop"),
    )
    .mount(&site)
    .await;
    give("/broken", ResponseTemplate::new(500))
        .mount(&site)
        .await;
    give(
        "/picture",
        ResponseTemplate::new(200).set_body_raw(vec![137, 80, 78, 71, 13], "image/png"),
    )
    .mount(&site)
    .await;
    give(
        "/huge",
        ResponseTemplate::new(200).set_body_raw(vec![b'a'; 3 << 20], "text/plain"),
    )
    .mount(&site)
    .await;
    let latin: Vec<u8> =
        b"Heat the caf\xe9 to 19 \xb0C and no further, whatever the guests may say about it."
            .to_vec();
    give(
        "/latin",
        ResponseTemplate::new(200).set_body_raw(latin, "text/plain; charset=iso-8859-1"),
    )
    .mount(&site)
    .await;
    site
}

fn url_list(folder: &Path, site: &MockServer, paths: &[&str]) {
    let urls: Vec<String> = paths
        .iter()
        .map(|path| format!("{}{path}", site.uri()))
        .collect();
    std::fs::write(
        folder.join("urls.json"),
        json!({"energy_saving_resources": urls}).to_string(),
    )
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_fetched_and_each_failure_is_named() {
    let site = site().await;
    let folder = tempfile::tempdir().unwrap();
    let paths = [
        "/boiler", "/copy", "/old", "/loop", "/broken", "/picture", "/huge", "/latin", "/absent",
    ];
    url_list(folder.path(), &site, &paths);
    let report = report(
        folder.path(),
        &["--urls", "urls.json", "--allow-private", "--max-size", "1"],
        1,
    );
    for (source, status, reason) in [
        ("/boiler", "added", ""),
        ("/copy", "duplicate", "/boiler"),
        ("/old", "added", ""),
        ("/loop", "failed", "redirects"),
        ("/broken", "failed", "500"),
        ("/picture", "failed", "a picture (PNG)"),
        ("/huge", "failed", "larger than"),
        ("/latin", "added", ""),
        ("/absent", "failed", "404"),
    ] {
        let rows = report["sources"].as_array().unwrap();
        let row = rows
            .iter()
            .find(|row| row["source"].as_str().unwrap().ends_with(source))
            .unwrap();
        assert_eq!(row["status"], status, "{row}");
        assert!(
            row["reason"].as_str().unwrap_or_default().contains(reason),
            "{row}"
        );
    }
    let output = run(
        folder.path(),
        &["ask", "--index", "index", "How warm should the café be?"],
    );
    assert!(text(&output).contains("café to 19 °C"), "{}", text(&output));
    let output = run(
        folder.path(),
        &[
            "ask",
            "--index",
            "index",
            "--json",
            "flow temperature of a condensing boiler",
        ],
    );
    assert!(!text(&output).contains("Imprint"), "{}", text(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_fails_keeps_its_last_content_and_one_that_is_gone_goes() {
    let site = MockServer::start().await;
    let page = |text: &str| {
        ResponseTemplate::new(200)
            .insert_header("etag", "\"v1\"")
            .set_body_raw(text.to_owned(), "text/plain")
    };
    let kettle = "Boil only as much water as you need for your cup of tea.";
    let once = |at: &'static str, response: ResponseTemplate| {
        Mock::given(method("GET"))
            .and(path(at))
            .respond_with(response)
            .up_to_n_times(1)
    };
    once(
        "/same",
        page("Close the curtains at dusk to keep the warmth in."),
    )
    .mount(&site)
    .await;
    once("/fails", page(kettle)).mount(&site).await;
    once(
        "/goes",
        page("Descale the kettle once a month with vinegar."),
    )
    .mount(&site)
    .await;
    let folder = tempfile::tempdir().unwrap();
    url_list(folder.path(), &site, &["/same", "/fails", "/goes"]);
    report(
        folder.path(),
        &["--urls", "urls.json", "--allow-private"],
        0,
    );

    Mock::given(path("/same"))
        .and(header("if-none-match", "\"v1\""))
        .respond_with(ResponseTemplate::new(304))
        .mount(&site)
        .await;
    Mock::given(path("/fails"))
        .respond_with(ResponseTemplate::new(503))
        .mount(&site)
        .await;
    Mock::given(path("/goes"))
        .respond_with(ResponseTemplate::new(410))
        .mount(&site)
        .await;
    let second = report(
        folder.path(),
        &["--urls", "urls.json", "--allow-private"],
        1,
    );
    assert_eq!(status_of(&second, "/same"), "unchanged");
    assert_eq!(status_of(&second, "/fails"), "kept_stale");
    assert_eq!(status_of(&second, "/goes"), "removed");
    assert_eq!(
        (
            &second["totals"]["documents"],
            &second["totals"]["embedded"]
        ),
        (&json!(2), &json!(0))
    );
    let output = run(
        folder.path(),
        &[
            "ask",
            "--index",
            "index",
            "How much water should I boil for a cup of tea?",
        ],
    );
    assert!(text(&output).contains(kettle), "{}", text(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_are_fetched_only_when_allowed() {
    let site = site().await;
    let folder = tempfile::tempdir().unwrap();
    url_list(folder.path(), &site, &["/boiler"]);
    let port = site.address().port();
    let named = json!({"energy_saving_resources": [format!("{}/boiler", site.uri()), format!("http://localhost:{port}/boiler")]});
    std::fs::write(folder.path().join("urls.json"), named.to_string()).unwrap();
    let output = run(
        folder.path(),
        &["ingest", "--urls", "urls.json", "--index", "index"],
    );
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert_eq!(
        text(&output).matches("--allow-private").count(),
        2,
        "{}",
        text(&output)
    );
    assert_eq!(
        site.received_requests().await.unwrap().len(),
        0,
        "nothing was sent"
    );
    assert!(!folder.path().join("index/CURRENT").exists());
}

#[test]
fn mistakes_are_named_with_their_fix() {
    let folder = documents();
    let cases: [(&[&str], i32, &str); 7] = [
        (&["ingest", "--index", "index"], 2, "--urls"),
        (
            &["ingest", "--docs", "missing", "--index", "index"],
            3,
            "missing",
        ),
        (
            &["ingest", "--docs", "docs", "--chunk-tokens", "3"],
            2,
            "--chunk-tokens",
        ),
        (
            &[
                "ingest",
                "--docs",
                "docs",
                "--index",
                "index",
                "--model-dir",
                "nowhere",
            ],
            3,
            "--model-dir",
        ),
        (&["ask", "--index", "empty", "Why?"], 3, "wattwise ingest"),
        (&["serve", "--bind", "0.0.0.0:0"], 2, "AUTH_API_KEY"),
        (&["frobnicate"], 2, "frobnicate"),
    ];
    for (arguments, status, words) in cases {
        let output = run(folder.path(), arguments);
        assert_eq!(
            output.status.code(),
            Some(status),
            "{arguments:?}: {}",
            text(&output)
        );
        assert!(
            text(&output).contains(words),
            "{arguments:?}: {}",
            text(&output)
        );
    }
    std::fs::write(
        folder.path().join("wattwise.toml"),
        "[serve]\nbnid = \"127.0.0.1:1\"\n",
    )
    .unwrap();
    let output = run(folder.path(), &["serve"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("bnid"), "{}", text(&output));
}

#[test]
fn an_empty_result_publishes_nothing_and_says_what_was_tried() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("blank.txt"), "  \n").unwrap();
    std::fs::write(
        folder.path().join("broken.pdf"),
        "%PDF-1.7 and nothing else",
    )
    .unwrap();
    let output = run(
        folder.path(),
        &["ingest", "--docs", ".", "--index", "index"],
    );
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(
        text(&output).contains("blank.txt") && text(&output).contains("broken.pdf"),
        "{}",
        text(&output)
    );
    assert!(!folder.path().join("index/CURRENT").exists());
}

#[test]
fn the_configuration_is_merged_and_printed_without_secrets() {
    let folder = documents();
    std::fs::write(
        folder.path().join("wattwise.toml"),
        "[serve]\nbind = \"127.0.0.1:9\"\nstate = \"from-file\"\n",
    )
    .unwrap();
    let output = wattwise(
        folder.path(),
        &["serve", "--bind", "127.0.0.1:7", "--print-config"],
    )
    .env("AUTH_API_KEY", "0123456789-secret")
    .env("WATTWISE_STATE", "from-environment")
    .output()
    .unwrap();
    let shown = text(&output);
    assert!(
        shown.contains("127.0.0.1:7") && shown.contains("from-environment"),
        "{shown}"
    );
    assert!(
        !shown.contains("secret") && !shown.contains("from-file"),
        "{shown}"
    );
}

#[test]
fn generations_can_be_listed_verified_rolled_back_and_pruned() {
    let folder = documents();
    let first = report(folder.path(), &["--docs", "docs"], 0)["generation"]
        .as_str()
        .unwrap()
        .to_owned();
    std::fs::write(
        folder.path().join("docs/new.txt"),
        "Bleed the radiators in autumn before it gets cold.",
    )
    .unwrap();
    let second = report(folder.path(), &["--docs", "docs"], 0)["generation"]
        .as_str()
        .unwrap()
        .to_owned();

    let snapshot = |arguments: &[&str]| {
        let output = run(
            folder.path(),
            &[&["snapshot", "--index", "index"], arguments].concat(),
        );
        (output.status.code(), text(&output))
    };
    let (_, listed) = snapshot(&["list"]);
    assert!(
        listed.find(&second).unwrap() < listed.find(&first).unwrap(),
        "newest first: {listed}"
    );
    assert_eq!(snapshot(&["verify"]).0, Some(0));
    let (status, said) = snapshot(&["rollback"]);
    assert_eq!(status, Some(0), "{said}");
    let current = || std::fs::read_to_string(folder.path().join("index/CURRENT")).unwrap();
    assert_eq!(current().trim(), first);
    assert_eq!(snapshot(&["rollback"]).0, Some(3), "there is nothing older");
    assert_eq!(snapshot(&["rollback", &second]).0, Some(0));
    assert_eq!(snapshot(&["prune", "--keep", "0"]).0, Some(0));
    assert!(!folder.path().join("index").join(&first).exists());

    let lexical = folder
        .path()
        .join("index")
        .join(&second)
        .join("lexical.bin");
    let mut bytes = std::fs::read(&lexical).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&lexical, bytes).unwrap();
    let (status, said) = snapshot(&["verify"]);
    assert!(status == Some(3) && said.contains("lexical.bin"), "{said}");
}

#[test]
fn extract_shows_what_ingest_would_keep() {
    let folder = documents();
    let output = run(folder.path(), &["extract", "--json", "docs/loft.md"]);
    let extracted: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(extracted["title"], "Loft insulation");
    let whole = extracted["text"].as_str().unwrap();
    let block = &extracted["blocks"][1];
    let range = usize::try_from(block["start"].as_u64().unwrap()).unwrap()
        ..usize::try_from(block["end"].as_u64().unwrap()).unwrap();
    assert!(whole[range].starts_with("Lay 270 mm"));
    assert_eq!(
        run(folder.path(), &["extract", "docs/none.md"])
            .status
            .code(),
        Some(1)
    );
}

#[test]
fn a_dry_run_says_what_would_happen_and_changes_nothing() {
    let folder = documents();
    let dry = report(folder.path(), &["--docs", "docs", "--dry-run"], 0);
    assert_eq!(
        (&dry["would_publish"], &dry["published"], &dry["dry_run"]),
        (&json!(true), &json!(false), &json!(true))
    );
    assert_eq!(dry["totals"]["embedded"], dry["totals"]["chunks"]);
    assert!(!folder.path().join("index").exists(), "nothing is written");

    let first = report(folder.path(), &["--docs", "docs"], 0);
    assert_eq!(first["totals"]["embedded"], dry["totals"]["embedded"]);
    std::fs::write(
        folder.path().join("docs/new.txt"),
        "Bleed the radiators in autumn before it gets cold.",
    )
    .unwrap();
    std::fs::remove_file(folder.path().join("docs/tariff.txt")).unwrap();
    let dry = report(folder.path(), &["--docs", "docs", "--dry-run"], 0);
    assert_eq!(status_of(&dry, "new.txt"), "added");
    assert_eq!(status_of(&dry, "tariff.txt"), "removed");
    assert_eq!(
        (&dry["totals"]["embedded"], &dry["generation"]),
        (&json!(1), &first["generation"])
    );
    let output = run(
        folder.path(),
        &["ingest", "--docs", "docs", "--index", "index", "--dry-run"],
    );
    assert!(
        text(&output).contains("dry run, would publish"),
        "{}",
        text(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_for_too_long_is_given_up() {
    let site = MockServer::start().await;
    for (at, times) in [("/fails", 1), ("/works", 9)] {
        Mock::given(path(at))
            .respond_with(ResponseTemplate::new(200).set_body_raw(
                format!("Boil only as much water as {at} needs for tea."),
                "text/plain",
            ))
            .up_to_n_times(times)
            .mount(&site)
            .await;
    }
    Mock::given(path("/fails"))
        .respond_with(ResponseTemplate::new(503))
        .mount(&site)
        .await;
    let folder = tempfile::tempdir().unwrap();
    url_list(folder.path(), &site, &["/fails", "/works"]);
    let flags = ["--urls", "urls.json", "--allow-private"];
    report(folder.path(), &flags, 0);
    let kept = report(
        folder.path(),
        &[&flags[..], &["--max-stale", "1"]].concat(),
        1,
    );
    assert_eq!(status_of(&kept, "/fails"), "kept_stale");
    assert_eq!(kept["published"], true, "since when it fails is recorded");
    let again = report(folder.path(), &flags, 1);
    assert_eq!(
        (&again["published"], &again["totals"]["embedded"]),
        (&json!(false), &json!(0)),
        "a source that goes on failing changes nothing"
    );
    let gone = report(
        folder.path(),
        &[&flags[..], &["--max-stale", "0"]].concat(),
        1,
    );
    let row = &gone["sources"][0];
    assert_eq!(row["status"], "removed", "{row}");
    let reason = row["reason"].as_str().unwrap();
    assert!(
        reason.contains("failing since 20") && reason.contains("UTC"),
        "{reason}"
    );
    assert_eq!(gone["totals"]["documents"], 1);
}

/// `snapshot list --json`
fn listed(folder: &Path) -> Vec<Value> {
    let output = run(folder, &["snapshot", "list", "--json", "--index", "index"]);
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_generation_that_answers_less_is_kept_unpublished() {
    let folder = documents();
    let questions =
        json!({"question": "How thick should loft insulation be?", "answers": ["270 mm"]});
    std::fs::write(folder.path().join("questions.jsonl"), questions.to_string()).unwrap();
    let gated = [
        "--docs",
        "docs",
        "--gate",
        "questions.jsonl",
        "--gate-shrink",
        "0.9",
    ];
    let first = report(folder.path(), &gated, 0);
    assert_eq!(first["gate"]["passed"], true);
    let live = first["generation"].as_str().unwrap();

    let loft = folder.path().join("docs/loft.md");
    let good = std::fs::read_to_string(&loft).unwrap();
    std::fs::write(&loft, "# Loft insulation\n\nThis page has moved.\n").unwrap();
    let mut refused = Value::Null;
    for _ in 0..2 {
        refused = report(folder.path(), &gated, 3);
        assert_eq!(
            (
                &refused["published"],
                &refused["gate"]["recall_before"],
                &refused["gate"]["recall_after"]
            ),
            (&json!(false), &json!(1.0), &json!(0.0))
        );
    }
    assert_eq!(
        refused["totals"]["embedded"], 0,
        "the second run reuses the work"
    );
    let refused = refused["generation"].as_str().unwrap();
    let states: Vec<(Value, Value)> = listed(folder.path())
        .into_iter()
        .map(|row| (row["generation"].clone(), row["state"].clone()))
        .collect();
    assert_eq!(
        states,
        [
            (json!(refused), json!("refused")),
            (json!(live), json!("live"))
        ],
        "one refused generation is enough"
    );
    let diff = run(
        folder.path(),
        &[
            "snapshot", "diff", live, refused, "--json", "--index", "index",
        ],
    );
    let diff: Value = serde_json::from_slice(&diff.stdout).unwrap();
    assert_eq!(diff["documents"][0]["change"], "changed", "{diff}");
    assert_eq!(diff["documents"].as_array().unwrap().len(), 1);
    assert_eq!(diff["chunks_kept"], 1);

    let tariff = folder.path().join("docs/tariff.txt");
    let kept = std::fs::read_to_string(&tariff).unwrap();
    std::fs::remove_file(&tariff).unwrap();
    let shrunk = report(
        folder.path(),
        &[
            "--docs",
            "docs",
            "--gate",
            "questions.jsonl",
            "--gate-drop",
            "1",
            "--gate-shrink",
            "0",
        ],
        3,
    );
    assert!(
        shrunk["gate"]["summary"]
            .as_str()
            .unwrap()
            .contains("chunks may fall")
    );
    std::fs::write(&tariff, kept).unwrap();
    std::fs::write(&loft, good + "\nWear a mask and gloves while you lay it.\n").unwrap();
    report(folder.path(), &gated, 0);
    assert!(
        listed(folder.path())
            .iter()
            .all(|row| row["state"] != "refused")
    );
    let verified = run(folder.path(), &["snapshot", "verify", "--index", "index"]);
    assert!(
        text(&verified).contains("of its 2 probes"),
        "{}",
        text(&verified)
    );
}
