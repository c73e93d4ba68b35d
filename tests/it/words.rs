//! Words of a language stand in `src/language` alone, those of the shipped subject in `data/`.

use std::path::{Path, PathBuf};

/// Files whose lists are names of a format, a protocol or of the program itself.
const NAMES: [&str; 30] = [
    "cli/args",
    "crawl/scope.rs",
    "crawl/secrets.rs",
    "extract/html/element.rs",
    "extract/html/flatten.rs",
    "extract/html/guard.rs",
    "extract/html/inline.rs",
    "extract/html/links.rs",
    "extract/html/markup.rs",
    "extract/html/open_elements.rs",
    "extract/html/stub.rs",
    "extract/html/tables.rs",
    "extract/kind.rs",
    "extract/markdown/dialects.rs",
    "extract/markdown/front_matter.rs",
    "extract/markdown/raw_html.rs",
    "extract/markup/asciidoc.rs",
    "extract/markup/rst.rs",
    "extract/office/container.rs",
    "extract/office/docx.rs",
    "extract/office/odf.rs",
    "extract/office/pptx.rs",
    "extract/rtf.rs",
    "http/metrics.rs",
    "http/openai/parameters.rs",
    "http/openai/schema.rs",
    "ingest/report.rs",
    "mcp/tools.rs",
    "model/document.rs",
    "tables/layout.rs",
];

/// This many words beside one another are a list.
const LIST: usize = 3;

/// Words of the subject that the shipped documents are about.
const SUBJECT: [&str; 12] = [
    "attic",
    "boiler",
    "draught",
    "energy",
    "heat pump",
    "heating",
    "insulation",
    "loft",
    "radiator",
    "solar",
    "thermostat",
    "tumble",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// What is compiled into the program: each file by its place in `src`, without its tests.
fn production() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for path in sources(&root) {
        let name = path
            .strip_prefix(&root)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let is_test = ["tests", "contract", "fixture", "golden"]
            .iter()
            .any(|part| name.contains(part));
        if is_test {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        found.push((name, code.to_owned()));
    }
    assert!(found.len() > 300, "the sources are there");
    found
}

/// The longest run of word literals with nothing but commas or bars between them, by its line.
fn lists(code: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut run: Vec<String> = Vec::new();
    let mut start = 0;
    for (number, line) in code.lines().enumerate() {
        let line = line.trim();
        if line.starts_with("//") || line.starts_with("#[") {
            continue;
        }
        let parts: Vec<&str> = line.split('"').collect();
        for (position, part) in parts.iter().enumerate() {
            let is_literal = position % 2 == 1;
            let is_word = |c: char| c.is_ascii_lowercase() || c == ' ' || c == '\'';
            if is_literal && part.len() > 1 && part.chars().all(is_word) {
                if run.is_empty() {
                    start = number + 1;
                }
                run.push((*part).to_owned());
            } else if is_literal || !part.chars().all(|c| " ,|&[".contains(c)) {
                found.push((start, std::mem::take(&mut run)));
            }
        }
    }
    found.push((start, run));
    found.retain(|(_, words)| words.len() >= LIST);
    found
}

#[test]
fn no_list_of_words_stands_outside_of_the_language() {
    let mut wrong = Vec::new();
    for (name, code) in production() {
        let is_named =
            name.starts_with("language/") || NAMES.iter().any(|known| name.starts_with(known));
        if !is_named {
            let listed = lists(&code).into_iter();
            wrong.extend(listed.map(|(line, words)| format!("src/{name}:{line} {words:?}")));
        }
    }
    assert!(
        wrong.is_empty(),
        "words of a language belong into src/language/<language>, names of a format into the table of this test:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn a_list_is_seen_as_one() {
    let code = "const A: [&str; 3] = [\n    \"how much\",\n    \"how many\", \"why\",\n];\nlet b = f(\"one\", \"two\");";
    assert_eq!(lists(code).len(), 1);
    assert_eq!(lists("match x { \"ab\" | \"cd\" | \"ef\" => 1 }").len(), 1);
}

#[test]
fn the_program_names_no_subject() {
    let mut wrong = Vec::new();
    for (name, code) in production() {
        for (number, line) in code.lines().enumerate() {
            let lower = line.to_lowercase();
            let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).collect();
            let plain = format!(" {} ", words.join(" "));
            let found = SUBJECT
                .iter()
                .find(|word| plain.contains(&format!(" {word} ")));
            if let Some(word) = found {
                wrong.push(format!("src/{name}:{} {word:?}", number + 1));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "the subject lies in data/:\n{}",
        wrong.join("\n")
    );
}
