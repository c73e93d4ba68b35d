//! What the documents claim, as far as the sources can tell.

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The documents for people, without the shipped guides.
fn documents() -> Vec<PathBuf> {
    let mut found = files(&root().join("docs"), "md");
    let names = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "data/README.md",
    ];
    found.extend(names.map(|name| root().join(name)));
    found
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    let mut dead = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap_or_default();
            let place = target.split('#').next().unwrap_or_default();
            if place.is_empty() || place.contains(':') || place.starts_with('/') {
                continue;
            }
            if !document.parent().unwrap().join(place).exists() {
                dead.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

/// A term, then the module that owns it, in the table of ARCHITECTURE.md.
#[test]
fn the_words_of_the_field_lead_to_files_that_are_there() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, table) = text
        .split_once("## Words\n")
        .expect("there is a section Words");
    let table = table.split("\n## ").next().unwrap();
    let rows: Vec<&str> = table
        .lines()
        .filter(|line| line.starts_with("| **"))
        .collect();
    assert!(rows.len() >= 16, "{} rows", rows.len());
    for row in rows {
        let owner = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let paths: Vec<&str> = owner.split('`').skip(1).step_by(2).collect();
        assert!(!paths.is_empty(), "{row}");
        for path in paths {
            let is_there = root().join("src").join(path).exists();
            assert!(is_there, "src/{path} is not there: {row}");
        }
    }
}

/// `wiring` chooses adapters; besides it only commands that keep nothing name the store that forgets.
#[test]
fn adapters_are_named_by_the_wiring_alone() {
    const ADAPTERS: [&str; 9] = [
        "OllamaGenerator",
        "OpenAiGenerator",
        "SqliteStore",
        "PostgresStore",
        "MemoryStore",
        "OllamaEmbedder",
        "OpenAiEmbedder",
        "TransformerEmbedder",
        "NetworkReader",
    ];
    let source = root().join("src");
    for path in files(&source, "rs") {
        let name = path
            .strip_prefix(&source)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let is_at_home = [
            "embed/",
            "generate/",
            "store/",
            "reader/",
            "wiring",
            "fuzzing",
        ]
        .iter()
        .any(|home| name.starts_with(home));
        let is_test = name.contains("test") || name.contains("fixture");
        if is_at_home || is_test {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let is_code = |line: &&str| !line.trim_start().starts_with("//");
        let code: String = code.lines().filter(is_code).collect();
        let named = ADAPTERS.iter().filter(|adapter| code.contains(**adapter));
        for adapter in named {
            let is_forgetful = *adapter == "MemoryStore" && name.starts_with("cli/");
            assert!(is_forgetful, "src/{name} names {adapter}");
        }
    }
}

#[test]
fn every_target_that_the_documents_name_is_in_the_makefile() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for code in text.split('`').skip(1).step_by(2) {
            let Some(targets) = code.strip_prefix("make ") else {
                continue;
            };
            let target = targets.split(' ').next().unwrap();
            let is_name = target.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            let is_there = makefile.contains(&format!("\n{target}:"));
            assert!(
                !is_name || target.is_empty() || is_there,
                "{}: make {target}",
                document.display()
            );
        }
    }
}
