//! What a document costs to extract, beside the libraries of the field on the same files:
//! `make bench-extraction`, or `cargo bench --bench extraction -- FILES…`.
//!
//! Files are the shipped guides and PDFs, and those that are named. A round goes over all files of a
//! kind; ours and the peers' take turns. A peer that is not installed is not in the table.

// The figures are this program's output.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod table;

use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;

use wattwise::extract::extract;
use wattwise::model::ContentKind;

use table::{Peer, row};

const ROUNDS: usize = 3;
/// Kind, ending, and the modules of the peers.
const KINDS: [(ContentKind, &str, &[&str]); 2] = [
    (ContentKind::Html, "html", &["trafilatura"]),
    (ContentKind::Pdf, "pdf", &["pypdf", "pymupdf"]),
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = std::env::args_os()
        .skip(1)
        .map(PathBuf::from)
        .filter(|path| path.is_file())
        .collect();
    for folder in ["data/guides", "data/pdfs"] {
        for entry in fs_err::read_dir(root.join(folder))? {
            files.push(entry?.path());
        }
    }
    files.sort();
    for (kind, ending, peers) in KINDS {
        let endings = [format!(".{ending}"), format!(".{ending}.gz")];
        let ends = |path: &&PathBuf| {
            let name = path.to_string_lossy();
            endings.iter().any(|ending| name.ends_with(ending))
        };
        let files: Vec<PathBuf> = files.iter().filter(ends).cloned().collect();
        measure(&root, kind, ending, peers, &files)?;
    }
    Ok(())
}

fn measure(
    root: &Path,
    kind: ContentKind,
    ending: &str,
    peers: &[&str],
    files: &[PathBuf],
) -> Result<(), Box<dyn Error>> {
    let mut read = Vec::new();
    for file in files {
        read.push(fs_err::read(file)?);
    }
    let mut ours = Vec::new();
    let mut theirs = vec![Vec::new(); peers.len()];
    for _ in 0..ROUNDS {
        let before = table::cpu_seconds()?;
        for bytes in &read {
            // A damaged file costs something too.
            let _ = black_box(extract(kind, bytes, None));
        }
        ours.push((table::cpu_seconds()? - before) * 1e3 / files.len() as f64);
        for (peer, costs) in peers.iter().zip(&mut theirs) {
            let output = Command::new("python3")
                .arg(root.join("scripts/bench_extraction.py"))
                .arg(peer)
                .args(files)
                .output()?;
            let cost = String::from_utf8(output.stdout)?;
            costs.extend(cost.trim().parse::<f64>());
        }
    }
    let what = format!("a file of {} {ending}, extracted", files.len());
    let own = table::median(&mut ours);
    if theirs.iter().all(Vec::is_empty) {
        row(&what, own, "CPU ms", None, "ratio < 1");
    }
    for (name, mut costs) in peers.iter().zip(theirs) {
        if !costs.is_empty() {
            let cost = table::median(&mut costs);
            row(
                &what,
                own,
                "CPU ms",
                Some(&Peer { name, cost }),
                "ratio < 1",
            );
        }
    }
    Ok(())
}
