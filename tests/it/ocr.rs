//! Scanned pages, read by a program that `ingest` and `extract` start. A script stands in for it: it gets
//! what an OCR program gets, a picture on its standard input.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use lopdf::content::{Content, Operation};
use lopdf::{Document as Pdf, Object, Stream, dictionary};
use serde_json::Value;

use crate::support::{run, text};

/// Two pages, each an image of one grey pixel.
fn scan() -> Vec<u8> {
    let mut pdf = Pdf::with_version("1.5");
    let tree = pdf.new_object_id();
    let image = pdf.add_object(Stream::new(
        dictionary! {
            "Type" => "XObject", "Subtype" => "Image", "Width" => 1, "Height" => 1,
            "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8,
        },
        vec![119],
    ));
    let kids: Vec<Object> = (0..2)
        .map(|_| {
            let placed = [600, 0, 0, 800, 0, 0].map(Object::from).to_vec();
            let operations = vec![
                Operation::new("cm", placed),
                Operation::new("Do", vec![Object::Name(b"Im".to_vec())]),
            ];
            let content = Content { operations }.encode().unwrap();
            let content = pdf.add_object(Stream::new(dictionary! {}, content));
            let page = dictionary! {
                "Type" => "Page", "Parent" => tree, "Contents" => content,
                "Resources" => dictionary! { "XObject" => dictionary! { "Im" => image } },
                "MediaBox" => [0, 0, 600, 800].map(Object::from).to_vec(),
            };
            pdf.add_object(page).into()
        })
        .collect();
    let root = dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => 2 };
    pdf.objects.insert(tree, root.into());
    let catalog = pdf.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    pdf.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    pdf.save_to(&mut bytes).unwrap();
    bytes
}

fn script(folder: &Path, body: &str) -> String {
    let path = folder.join("reader");
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("docs")).unwrap();
    std::fs::write(folder.path().join("docs/scan.pdf"), scan()).unwrap();
    folder
}

/// Says something only if the picture is a grey map whose pixels are those of the page.
const READS: &str = r#"kind=$(head -c 2); grey=$(tail -c 1)
[ "$kind$grey" = "P5w" ] && echo "The valve was closed by hand.""#;

#[test]
fn a_scan_is_read_by_the_program_that_is_named_and_marked() {
    let folder = folder();
    let reader = script(folder.path(), READS);
    let arguments = [
        "extract",
        "--json",
        "--ocr-command",
        &reader,
        "docs/scan.pdf",
    ];
    let output = run(folder.path(), &arguments);
    assert!(output.status.success(), "{}", text(&output));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        read["text"],
        "The valve was closed by hand.\n\nThe valve was closed by hand."
    );
    for (block, page) in read["blocks"].as_array().unwrap().iter().zip(1..) {
        assert_eq!(
            (&block["ocr"], &block["page"]),
            (&true.into(), &page.into())
        );
    }
    assert_eq!(read["warnings"][1], "page 2 was read by OCR");
}

#[test]
fn without_a_program_the_mend_is_named_and_one_that_fails_is() {
    let folder = folder();
    let fails = script(folder.path(), "exit 3");
    for (command, expected) in [("off", "--ocr-command"), (&*fails, "exit status: 3")] {
        let arguments = ["extract", "--ocr-command", command, "docs/scan.pdf"];
        let output = run(folder.path(), &arguments);
        assert!(!output.status.success());
        assert!(text(&output).contains(expected), "{}", text(&output));
    }
}

#[test]
fn an_ingested_scan_is_read_and_read_anew_by_another_program() {
    let folder = folder();
    let reader = script(folder.path(), READS);
    let ingest = |command: &str| {
        let arguments = [
            "ingest",
            "--docs",
            "docs",
            "--index",
            "index",
            "--report",
            "report.json",
            "--ocr-command",
            command,
        ];
        let output = run(folder.path(), &arguments);
        let report = std::fs::read(folder.path().join("report.json")).unwrap();
        let report: Value = serde_json::from_slice(&report).unwrap();
        let mut rows = report["sources"].as_array().unwrap().iter();
        let scan = rows.find(|row| row["source"] == "docs/scan.pdf").unwrap();
        (output.status.code(), scan.clone())
    };
    // Something must be published for there to be a report.
    let note = "# Valves\n\nA valve is closed by hand or by a motor.\n";
    std::fs::write(folder.path().join("docs/valves.md"), note).unwrap();
    let (_, row) = ingest("off");
    assert_eq!(row["status"], "failed");
    let (status, row) = ingest(&reader);
    assert_eq!(
        (status, &row["status"]),
        (Some(0), &"added".into()),
        "{row}"
    );
    assert_eq!(row["warnings"][0], "page 1 was read by OCR");
}
