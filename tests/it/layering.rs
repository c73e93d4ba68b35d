//! Modules import downward only. The table is the architecture; change it together with the reason
//! in ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each module and those that it may name with `crate::`.
const MAY_NAME: [(&str, &[&str]); 27] = [
    ("model", &[]),
    ("runtime", &[]),
    ("codec", &[]),
    ("language", &[]),
    ("extract", &["model", "codec", "language"]),
    ("reader", &[]),
    ("postgres", &["runtime"]),
    ("chunk", &["model", "language"]),
    ("config", &["postgres"]),
    ("telemetry", &["runtime", "config"]),
    ("embed", &["model", "runtime"]),
    ("index", &["model", "runtime", "codec", "language"]),
    ("store", &["model", "runtime", "postgres"]),
    ("crawl", &["model", "runtime"]),
    ("snapshot", &["model", "runtime", "codec", "index", "chunk"]),
    // Object stores end here: above, an index is a folder.
    ("objects", &["model", "runtime", "snapshot"]),
    (
        "retrieve",
        &["model", "runtime", "language", "embed", "index", "snapshot"],
    ),
    ("generate", &["model", "runtime", "language", "reader"]),
    (
        "ingest",
        &[
            "model", "runtime", "codec", "language", "crawl", "extract", "chunk", "embed", "index",
            "snapshot",
        ],
    ),
    ("notify", &["runtime", "crawl", "ingest"]),
    (
        "assistant",
        &[
            "model", "runtime", "language", "reader", "embed", "retrieve", "generate", "snapshot",
            "store",
        ],
    ),
    ("evaluate", &["model", "assistant"]),
    ("mcp", &["model", "runtime", "assistant"]),
    ("http", &["model", "runtime", "assistant", "mcp"]),
    // Only in tests and with the feature of the same name.
    (
        "fuzzing",
        &[
            "model", "language", "extract", "crawl", "snapshot", "generate", "http",
        ],
    ),
    (
        "wiring",
        &[
            "model",
            "runtime",
            "config",
            "crawl",
            "chunk",
            "embed",
            "index",
            "generate",
            "ingest",
            "notify",
            "objects",
            "reader",
            "retrieve",
            "snapshot",
            "store",
            "postgres",
            "assistant",
        ],
    ),
    (
        "cli",
        &[
            "model",
            "runtime",
            "config",
            "telemetry",
            "extract",
            // The publish gate holds the embedder that it measures with.
            "embed",
            // The model is probed when the server starts.
            "generate",
            "ingest",
            "notify",
            // Runs publish, and `snapshot` looks at what is published.
            "objects",
            "retrieve",
            "snapshot",
            "store",
            "assistant",
            "evaluate",
            "mcp",
            "http",
            "wiring",
        ],
    ),
];

/// Parts of a test may reach beyond the table: they begin at this line of a file.
const TESTS_BEGIN: &str = "#[cfg(test)]";

fn source_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(source_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The top-level module that a file belongs to.
fn module_of(file: &Path, source: &Path) -> String {
    let relative = file.strip_prefix(source).unwrap();
    relative
        .iter()
        .next()
        .unwrap()
        .to_string_lossy()
        .trim_end_matches(".rs")
        .to_owned()
}

#[test]
fn modules_import_downward_only() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let table: BTreeMap<&str, BTreeSet<&str>> = MAY_NAME
        .iter()
        .map(|(module, names)| (*module, names.iter().copied().collect()))
        .collect();
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for file in source_files(&source) {
        let module = module_of(&file, &source);
        let is_test = file.file_name().is_some_and(|name| {
            ["tests.rs", "contract.rs", "fixture.rs"]
                .iter()
                .any(|test| name == *test)
        });
        if matches!(module.as_str(), "lib" | "main") || is_test {
            continue;
        }
        let allowed = table
            .get(module.as_str())
            .unwrap_or_else(|| panic!("module {module} is not in the table"));
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            if line.trim() == TESTS_BEGIN {
                break;
            }
            for rest in line.split("crate::").skip(1) {
                let named: String = rest
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                seen.insert(named.clone());
                if named != module
                    && table.contains_key(named.as_str())
                    && !allowed.contains(named.as_str())
                {
                    faults.push(format!(
                        "{}:{}: {module} may not name {named}",
                        file.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(seen.len() > 10, "the scan finds imports: {seen:?}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_table_has_no_cycle() {
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    while placed.len() < MAY_NAME.len() {
        let before = placed.len();
        for (module, names) in MAY_NAME {
            if names.iter().all(|name| placed.contains(name)) {
                placed.insert(module);
            }
        }
        assert!(
            placed.len() > before,
            "a cycle among {:?}",
            MAY_NAME.iter().map(|(m, _)| m).collect::<Vec<_>>()
        );
    }
}
