//! Addresses that hold secrets, that are none, and that lead into private networks.

use std::path::Path;

use serde_json::{Value, json};

use crate::rude_site::{Reply, Request, RudeSite, page, redirect, status, typed};
use crate::support::{run, text};

const QUICK: [&str; 6] = ["--pace", "0", "--retries", "0", "--index", "index"];

fn advice(topic: &str) -> Reply {
    page(
        &format!("<title>{topic}</title>"),
        &format!(
            "<h1>{topic}</h1><p>{topic} use a third of the energy of a home in a cold winter.</p><p><a href='/next?token=s3cret-link'>More</a></p>"
        ),
    )
}

/// Runs ingest; its report, and everything that it said.
fn ingest(folder: &Path, arguments: &[&str], expected_status: i32) -> (Value, String) {
    let mut all = vec!["ingest", "--report", "report.json", "--log-level", "debug"];
    all.extend(QUICK);
    all.extend(arguments);
    let output = run(folder, &all);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(expected_status), "{said}");
    let report = std::fs::read_to_string(folder.join("report.json")).unwrap();
    (serde_json::from_str(&report).unwrap(), said + &report)
}

fn list(folder: &Path, entries: &Value) {
    let list = json!({"energy_saving_resources": entries});
    std::fs::write(folder.join("urls.json"), list.to_string()).unwrap();
}

fn statuses(report: &Value) -> Vec<&str> {
    let rows = report["sources"].as_array().unwrap();
    rows.iter()
        .map(|row| row["status"].as_str().unwrap())
        .collect()
}

/// Answers only who says the password, and only to addresses that are whole.
fn guarded(request: &Request) -> Reply {
    // alice:s3cret-word
    let is_known = request.headers.get("authorization").map(String::as_str)
        == Some("Basic YWxpY2U6czNjcmV0LXdvcmQ=");
    match request.target.as_str() {
        "/robots.txt" => status(404),
        _ if !is_known => status(401),
        "/page?token=s3cret-one&lang=en" => advice("Boilers"),
        "/page?token=s3cret-two&lang=en" => advice("Curtains"),
        "/next?token=s3cret-link" => advice("Kettles"),
        "/moved" => redirect("http://eve:s3cret-else@127.0.0.1:1/"),
        _ => status(404),
    }
}

#[test]
fn secrets_of_addresses_reach_their_site_and_nobody_else() {
    let site = RudeSite::start(guarded);
    let folder = tempfile::tempdir().unwrap();
    let host = site.origin.trim_start_matches("http://");
    let with_user = |rest: &str| format!("http://alice:s3cret-word@{host}{rest}");
    let entries = json!([
        with_user("/page?token=s3cret-one&lang=en"),
        with_user("/page?token=s3cret-two&lang=en"),
        with_user("/moved"),
        "http://alice:s3cret-word@[bad/",
    ]);
    list(folder.path(), &entries);
    let arguments = [
        "--urls",
        "urls.json",
        "--allow-private",
        "127.0.0.1",
        "--depth",
        "1",
    ];
    let (report, said) = ingest(folder.path(), &arguments, 1);
    assert_eq!(
        statuses(&report),
        ["added", "added", "failed", "failed", "added"],
        "{said}"
    );
    assert!(!said.contains("s3cret"), "{said}");
    assert!(
        said.contains("page?token=***-") && said.contains("lang=en"),
        "{said}"
    );

    // The same names on the next run.
    let (report, said) = ingest(folder.path(), &arguments, 1);
    assert_eq!(
        statuses(&report),
        ["unchanged", "unchanged", "failed", "failed", "unchanged"],
        "{said}"
    );

    let asked = run(
        folder.path(),
        &[
            "ask",
            "--index",
            "index",
            "--json",
            "How much of the energy of a home do boilers use?",
        ],
    );
    let asked = text(&asked);
    assert!(
        asked.contains("token=***-") && !asked.contains("s3cret"),
        "{asked}"
    );
    let listed = text(&run(
        folder.path(),
        &["snapshot", "list", "--index", "index", "--json"],
    ));
    assert!(!listed.contains("s3cret"), "{listed}");
    let documents = std::fs::read_dir(folder.path().join("index")).unwrap();
    for generation in documents
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
    {
        for file in std::fs::read_dir(generation).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap_or_default();
            assert!(
                !String::from_utf8_lossy(&bytes).contains("s3cret-word"),
                "{path:?}"
            );
        }
    }
}

#[test]
fn which_parameters_are_masked_is_configured() {
    let site = RudeSite::start(|request| match request.target.as_str() {
        "/robots.txt" => status(404),
        _ => advice("Boilers"),
    });
    let folder = tempfile::tempdir().unwrap();
    list(
        folder.path(),
        &json!([format!("{}/page?token=plain&member=s3cret", site.origin)]),
    );
    let arguments = [
        "--urls",
        "urls.json",
        "--allow-private",
        "--mask-params",
        "member,badge",
    ];
    let (_, said) = ingest(folder.path(), &arguments, 0);
    assert!(
        said.contains("token=plain") && !said.contains("s3cret"),
        "{said}"
    );
    let sitemap = "http://alice:s3cret@a.example/map?token=s3cret";
    let printed = run(
        folder.path(),
        &["ingest", "--sitemap", sitemap, "--print-config"],
    );
    assert!(text(&printed).contains("a.example/map") && !text(&printed).contains("s3cret"));
    let refused = run(
        folder.path(),
        &["ingest", "--sitemap", "http://alice:s3cret@[bad"],
    );
    assert_eq!(refused.status.code(), Some(2));
    assert!(!text(&refused).contains("s3cret"), "{}", text(&refused));
}

#[test]
fn what_is_no_address_is_a_row_and_the_run_goes_on() {
    let site = RudeSite::start(|request| match request.target.as_str() {
        "/robots.txt" => status(404),
        "/sitemap.xml" => typed(
            "application/xml",
            b"<urlset><url><loc>http://[worse</loc></url><url><loc>/mapped</loc></url></urlset>"
                .to_vec(),
        ),
        "/astray" => redirect("http://[worst/"),
        "/mapped" => advice("Curtains"),
        _ => advice("Boilers"),
    });
    let folder = tempfile::tempdir().unwrap();
    let entries = json!([
        "http://[bad",
        7,
        "file:///etc/passwd",
        format!("{}/astray", site.origin),
        format!("{}/good", site.origin)
    ]);
    list(folder.path(), &entries);
    let sitemap = format!("{}/sitemap.xml", site.origin);
    let arguments = [
        "--urls",
        "urls.json",
        "--sitemap",
        &sitemap,
        "--allow-private",
    ];
    let (report, said) = ingest(folder.path(), &arguments, 1);
    let rows = report["sources"].as_array().unwrap();
    let row = |source: &str| {
        let row = rows
            .iter()
            .find(|row| row["source"].as_str().unwrap().ends_with(source));
        let row = row.unwrap_or_else(|| panic!("{source}: {said}"));
        (
            row["status"].as_str().unwrap(),
            row["reason"].as_str().unwrap_or_default(),
        )
    };
    for (source, status, reason) in [
        ("http://[bad", "failed", "not an address"),
        ("7", "failed", "the list holds texts"),
        (
            "file:///etc/passwd",
            "failed",
            "not an http or https address",
        ),
        ("/astray", "failed", "a redirect without a usable address"),
        ("http://[worse", "skipped", "sitemap.xml"),
        ("/good", "added", ""),
        ("/mapped", "added", ""),
    ] {
        let found = row(source);
        assert!(
            found.0 == status && found.1.contains(reason),
            "{source}: {found:?}"
        );
    }
}

#[test]
fn a_private_host_is_allowed_on_the_port_that_is_named() {
    let site = RudeSite::start(|request| match request.target.as_str() {
        "/robots.txt" => status(404),
        _ => advice("Boilers"),
    });
    let other = RudeSite::start(|_| advice("Curtains"));
    let folder = tempfile::tempdir().unwrap();
    list(
        folder.path(),
        &json!([format!("{}/a", site.origin), format!("{}/b", other.origin)]),
    );
    let allowed = site.origin.trim_start_matches("http://");
    let arguments = ["--urls", "urls.json", "--allow-private", allowed];
    let (report, said) = ingest(folder.path(), &arguments, 1);
    assert_eq!(statuses(&report), ["added", "failed"], "{said}");
    let refused = other.origin.trim_start_matches("http://");
    assert!(
        said.contains(&format!("--allow-private {refused}")),
        "{said}"
    );
    assert!(other.asked().is_empty());
}
