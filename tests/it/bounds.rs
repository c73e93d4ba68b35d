//! What one document may cost a run.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::embedding_server::EmbeddingServer;
use crate::support::{run, text};

const WOOL: &str = "# Loft wool\n\nLay 270 mm of mineral wool over the joists of a cold loft.\n";

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::create_dir_all(folder.join("docs")).unwrap();
    std::fs::write(folder.join("docs").join(name), text).unwrap();
}

fn ingest(folder: &Path, arguments: &[&str], expected_status: i32) -> Value {
    let mut all = vec![
        "ingest",
        "--docs",
        "docs",
        "--index",
        "index",
        "--report",
        "report.json",
    ];
    all.extend(arguments);
    let output = run(folder, &all);
    assert_eq!(
        output.status.code(),
        Some(expected_status),
        "{}",
        text(&output)
    );
    serde_json::from_slice(&std::fs::read(folder.join("report.json")).unwrap()).unwrap()
}

/// Status, reason and chunks of one row.
fn row<'a>(report: &'a Value, source: &str) -> (&'a str, &'a str, u64) {
    let rows = report["sources"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["source"].as_str().unwrap().ends_with(source));
    let row = row.unwrap_or_else(|| panic!("{source} is not in {report:#}"));
    (
        row["status"].as_str().unwrap(),
        row["reason"].as_str().unwrap_or_default(),
        row["chunks"].as_u64().unwrap(),
    )
}

/// More words than a tokenizer can count in a second, in words that are all different.
fn endless() -> String {
    let words =
        (0..1_200_000_u32).map(|number| format!("{:x}", number.wrapping_mul(2_654_435_761)));
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_document_that_cannot_be_split_in_time_keeps_its_last_good_content() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "grows.md", WOOL);
    write(
        folder.path(),
        "stays.md",
        "# Curtains\n\nClose the curtains at dusk.\n",
    );
    ingest(folder.path(), &[], 0);
    write(folder.path(), "grows.md", &endless());
    write(folder.path(), "new.md", &format!("# New\n\n{}", endless()));
    write(
        folder.path(),
        "small.md",
        "# Kettles\n\nBoil what you need.\n",
    );
    let report = ingest(folder.path(), &["--extract-timeout", "1"], 1);
    let (status, reason, chunks) = row(&report, "grows.md");
    assert!(status == "kept_stale" && chunks > 0, "{report:#}");
    assert!(reason.contains("took longer than 1 s"), "{reason}");
    let (status, reason, chunks) = row(&report, "new.md");
    assert!(status == "failed" && chunks == 0, "{report:#}");
    assert!(reason.contains("took longer than 1 s"), "{reason}");
    assert_eq!(row(&report, "small.md").0, "added");
    let answer = text(&run(
        folder.path(),
        &["ask", "--index", "index", "How much wool?"],
    ));
    assert!(answer.contains("270 mm"), "{answer}");
    // Nothing is new the next time, so nothing is published.
    let report = ingest(folder.path(), &["--extract-timeout", "1"], 1);
    assert_eq!(report["published"], false, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_cannot_be_embedded_in_time_keeps_its_last_good_content() {
    let server = EmbeddingServer::start(Duration::ZERO).await;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "changes.md", WOOL);
    let flags = server.flags();
    ingest(folder.path(), &flags, 0);
    write(
        folder.path(),
        "changes.md",
        "# Loft\n\nThe server never answers to molasses.\n",
    );
    write(
        folder.path(),
        "new.md",
        "# New\n\nAnother page about molasses.\n",
    );
    write(
        folder.path(),
        "broken.md",
        "# Broken\n\nThe server refuses brimstone.\n",
    );
    write(
        folder.path(),
        "small.md",
        "# Kettles\n\nBoil what you need.\n",
    );
    let mut arguments = flags.to_vec();
    arguments.extend(["--embed-timeout", "1"]);
    let report = ingest(folder.path(), &arguments, 1);
    let (status, reason, chunks) = row(&report, "changes.md");
    assert!(status == "kept_stale" && chunks == 1, "{report:#}");
    assert!(
        reason.contains("embedding took longer than 1 s"),
        "{reason}"
    );
    assert_eq!(row(&report, "new.md").0, "failed");
    let (status, reason, _) = row(&report, "broken.md");
    assert!(status == "failed" && reason.contains("refused"), "{reason}");
    assert_eq!(row(&report, "small.md").0, "added");
    assert_eq!(report["totals"]["documents"], 2);
}

/// A page whose only string would need a hundred times the memory of a worker.
fn pdf_with_one_string(bytes: usize) -> Vec<u8> {
    let content = format!("BT /F1 12 Tf 72 700 Td ({}) Tj ET", "a".repeat(bytes));
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R\
         /Resources<</Font<</F1 5 0 R>>>>>>"
            .to_owned(),
        format!(
            "<</Length {}>>\nstream\n{content}\nendstream",
            content.len()
        ),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ];
    let mut file = "%PDF-1.7\n".to_owned();
    let mut table = String::new();
    for (number, object) in (1..).zip(&objects) {
        table.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.push_str(&format!("{number} 0 obj\n{object}\nendobj\n"));
    }
    let start = file.len();
    file.push_str(&format!(
        "xref\n0 6\n0000000000 65535 f \n{table}trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n"
    ));
    file.into_bytes()
}

#[test]
fn extract_has_the_limits_of_ingest() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "loft.md", WOOL);
    let bomb = folder.path().join("docs/bomb.pdf");
    std::fs::write(bomb, pdf_with_one_string(20_000_000)).unwrap();
    std::fs::write(folder.path().join("docs/large.txt"), "x ".repeat(1_000_000)).unwrap();
    let extract = |max_size: &str| {
        let mut arguments = vec![
            "extract",
            "docs/bomb.pdf",
            "docs/large.txt",
            "docs",
            "docs/loft.md",
        ];
        arguments.extend(["--extract-timeout", "2", "--extract-memory", "256"]);
        arguments.extend(["--max-size", max_size]);
        let output = run(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        text(&output)
    };
    let said = extract("1");
    assert_eq!(said.matches("more than the limit").count(), 2, "{said}");
    assert!(said.contains("docs: no regular file"), "{said}");
    assert!(said.contains("270 mm"), "the others are shown: {said}");

    // With room for the file it is the worker that ends.
    let said = extract("32");
    assert!(
        said.contains("the worker for extraction ended on this file")
            || said.contains("extraction took longer than 2 s"),
        "{said}"
    );
    assert!(said.contains("270 mm"), "{said}");

    // The file of settings counts too.
    std::fs::write(
        folder.path().join("wattwise.toml"),
        "[ingest]\nmax-size = 1\n",
    )
    .unwrap();
    let said = text(&run(folder.path(), &["extract", "docs/large.txt"]));
    assert!(said.contains("more than the limit of 1048576"), "{said}");
}
