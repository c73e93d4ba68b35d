//! Modules import downward only. The table is the architecture; change it together with the reason
//! in ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each module and those that it may name with `crate::`.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("runtime", &[]),
    ("codec", &[]),
    ("language", &[]),
    ("extract", &["model", "codec", "language"]),
    ("encoder", &["model"]),
    ("reader", &["model", "encoder"]),
    ("postgres", &["runtime"]),
    ("chunk", &["model", "language"]),
    ("config", &["postgres"]),
    ("telemetry", &["runtime", "config"]),
    ("embed", &["model", "runtime", "encoder"]),
    ("index", &["model", "runtime", "codec", "language"]),
    ("store", &["model", "runtime", "postgres"]),
    ("crawl", &["model", "runtime"]),
    ("snapshot", &["model", "runtime", "codec", "index", "chunk"]),
    // Object stores end here: above, an index is a folder.
    ("objects", &["model", "runtime", "snapshot"]),
    // And so do the tables of a database: above, a generation is a generation.
    (
        "tables",
        &["model", "runtime", "codec", "postgres", "index", "snapshot"],
    ),
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
            "tables",
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
            // `snapshot` looks at what is published.
            "objects",
            "tables",
            // The address of an index's database is read where it is named.
            "postgres",
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

/// What a file imports, as paths from the root of the crate.
mod imports {
    use std::collections::BTreeMap;

    /// The path of a module: `["http", "routes"]`.
    pub(super) type Path = Vec<String>;

    /// The paths of all `use` items of a file, those that it re-exports apart. Of `text` what stands
    /// before its tests is read.
    pub(super) fn of(module: &Path, text: &str) -> (Vec<Path>, Vec<Path>) {
        let (mut used, mut shown) = (Vec::new(), Vec::new());
        let mut rest = text;
        while let Some((head, item, behind)) = next_item(rest) {
            let mut paths = Vec::new();
            expand(&[], item, &mut paths);
            let paths = paths.iter().map(|path| absolute(module, path));
            if head.trim_start().starts_with("pub") {
                let paths: Vec<Path> = paths.collect();
                used.extend(paths.iter().cloned());
                shown.extend(paths);
            } else {
                used.extend(paths);
            }
            rest = behind;
        }
        (used, shown)
    }

    /// What stands before `use` in its line, the item, and what follows it.
    fn next_item(text: &str) -> Option<(&str, &str, &str)> {
        let mut from = 0;
        loop {
            let at = from + text[from..].find("use ")?;
            let head = &text[text[..at].rfind('\n').map_or(0, |line| line + 1)..at];
            let is_item = head.trim().is_empty()
                || (head.trim_start().starts_with("pub") && !head.contains("fn "));
            if is_item {
                let (item, behind) = text[at + 4..].split_once(';')?;
                return Some((head, item, behind));
            }
            from = at + 4;
        }
    }

    /// `a::{b, c::d}` as `a::b` and `a::c::d`.
    fn expand(before: &[String], item: &str, paths: &mut Vec<Path>) {
        let item = item.trim();
        let (head, group) = match item.split_once('{') {
            Some((head, group)) => (head, group.strip_suffix('}')),
            None => (item.split(" as ").next().unwrap_or(item), None),
        };
        let names = head
            .split("::")
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let path: Path = before
            .iter()
            .cloned()
            .chain(names.map(str::to_owned))
            .collect();
        let Some(group) = group else {
            paths.push(path);
            return;
        };
        let mut depth = 0;
        for part in group.split(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            c == ',' && depth == 0
        }) {
            if !part.trim().is_empty() {
                expand(&path, part, paths);
            }
        }
    }

    /// A path from the root. What begins with the name of a package leads nowhere there.
    fn absolute(module: &Path, path: &Path) -> Path {
        let supers = path.iter().take_while(|name| *name == "super").count();
        match path.first().map(String::as_str) {
            Some("crate") => path[1..].to_vec(),
            Some("super") => {
                let above = &module[..module.len().saturating_sub(supers)];
                [above, &path[supers..]].concat()
            }
            Some("self") => [module, &path[1..]].concat(),
            _ => [module.as_slice(), path].concat(),
        }
    }

    /// The file that a path leads to, behind re-exports.
    pub(super) fn target(
        mut path: Path,
        files: &BTreeMap<Path, String>,
        shown: &BTreeMap<Path, BTreeMap<String, Path>>,
    ) -> Option<Path> {
        for _ in 0..8 {
            let length = (1..=path.len())
                .rev()
                .find(|length| files.contains_key(&path[..*length]))?;
            let file = path[..length].to_vec();
            let real = path
                .get(length)
                .and_then(|name| shown.get(&file)?.get(name));
            match real {
                Some(real) if *real != path => path = [real, &path[length + 1..]].concat(),
                Some(_) | None => return Some(file),
            }
        }
        None
    }
}

/// The sources up to their tests, by the path of their module.
fn modules(source: &Path) -> BTreeMap<imports::Path, String> {
    let mut modules = BTreeMap::new();
    for file in source_files(source) {
        let relative = file.strip_prefix(source).unwrap().with_extension("");
        let mut path: imports::Path = relative
            .iter()
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        if path.last().is_some_and(|name| name == "mod") {
            path.pop();
        }
        let is_test = path
            .last()
            .is_some_and(|name| ["tests", "contract", "fixture", "fuzz"].contains(&name.as_str()));
        if !is_test && path != ["lib"] && path != ["main"] {
            let text = std::fs::read_to_string(&file).unwrap();
            let end = text
                .find("\n#[cfg(test)]\nmod tests {")
                .unwrap_or(text.len());
            modules.insert(path, text[..end].to_owned());
        }
    }
    modules
}

/// Which files each file names in `use`, but for those below its own folder: a file that opens a
/// folder may say what is in it.
fn edges() -> BTreeMap<imports::Path, BTreeSet<imports::Path>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = modules(&source);
    let mut used = BTreeMap::new();
    let mut shown: BTreeMap<imports::Path, BTreeMap<String, imports::Path>> = BTreeMap::new();
    for (module, text) in &files {
        let (paths, through) = imports::of(module, text);
        used.insert(module.clone(), paths);
        let through = through
            .into_iter()
            .filter_map(|path| Some((path.last()?.clone(), path)));
        shown.insert(module.clone(), through.collect());
    }
    let target = |path| imports::target(path, &files, &shown);
    used.into_iter()
        .map(|(module, paths)| {
            let named = paths.into_iter().filter_map(target);
            let named = named.filter(|file| !file.starts_with(&module)).collect();
            (module, named)
        })
        .collect()
}

/// A way from `at` back to `start`, if there is one.
fn circle(
    start: &imports::Path,
    at: &imports::Path,
    edges: &BTreeMap<imports::Path, BTreeSet<imports::Path>>,
    seen: &mut BTreeSet<imports::Path>,
) -> Option<Vec<String>> {
    for next in edges.get(at).into_iter().flatten() {
        if next == start {
            return Some(vec![at.join("/"), start.join("/")]);
        }
        if seen.insert(next.clone())
            && let Some(mut way) = circle(start, next, edges, seen)
        {
            way.insert(0, at.join("/"));
            return Some(way);
        }
    }
    None
}

#[test]
fn files_import_in_no_circle() {
    let edges = edges();
    let count: usize = edges.values().map(BTreeSet::len).sum();
    assert!(count > 500, "the scan finds imports: {count}");
    let mut found = BTreeSet::new();
    let mut told = BTreeSet::new();
    for start in edges.keys() {
        if let Some(way) = circle(start, start, &edges, &mut BTreeSet::new()) {
            let members: BTreeSet<String> = way.iter().cloned().collect();
            if told.is_disjoint(&members) {
                found.insert(way.join(" -> "));
            }
            told.extend(members);
        }
    }
    assert!(
        found.is_empty(),
        "files that import each other in a circle; move what both need into a file of its own:\n{}",
        found.into_iter().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn pages_for_people_name_files_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for page in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        let names = text.split('`');
        for name in names.filter(|name| Path::new(name).extension() == Some("rs".as_ref())) {
            // A task may name a file that is to be written.
            let is_there = root.join(name).is_file() || name == "src/extract/fb2.rs";
            if name.starts_with("src/") || name.starts_with("tests/") {
                assert!(is_there, "{page} names {name}, which is not there");
                count += 1;
            }
        }
    }
    assert!(count > 50, "the pages name files: {count}");
}
