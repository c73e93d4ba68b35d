//! `wattwise.example.toml` and docs/configuration.md, written from the tables of the sections.
//!
//! The tests compare; with `WATTWISE_WRITE_REFERENCE=1` they write the files instead (`make reference`).

use std::fmt::Write as _;
use std::path::Path;

use super::{File, KEYS, Key, parse};

/// Columns of the example file.
const WIDTH: usize = 100;

/// What the page of the configuration says before its tables.
const INTRODUCTION: &str = "\
# Configuration

<!-- Written by `make reference` from the tables in src/config. -->

Every key is a flag, an environment variable and a key of `wattwise.toml` (or of the file that `--config` names). A flag
wins over the variable, the variable over the file, the file over the default. Unknown keys are errors, and an error names
the place that its value stands in. `--print-config` prints what is in force, without secrets.

The variable of `--max-body` is `WATTWISE_MAX_BODY`, its key in the file `max-body`, and so for all; where another program
named the variable before, the table has that name. A switch is `--strict` or `--strict=off`. Lists have commas between
their items, in the file they are arrays.

[wattwise.example.toml](../wattwise.example.toml) is a file with all of them. What stands under *Tuning* works like the
rest but is not in `--help`: its defaults were measured, and few will ever change them.
";

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for keys in KEYS {
        let _ = write!(page, "\n## `[{}]`\n", keys[0].section());
        let (tuning, usual): (Vec<&Key>, Vec<&Key>) = keys.iter().partition(|key| key.is_tuning());
        for (title, keys) in [(None, usual), (Some("Tuning"), tuning)] {
            if keys.is_empty() {
                continue;
            }
            if let Some(title) = title {
                let _ = write!(page, "\n### {title}\n");
            }
            page.push_str("\n| flag | default | meaning |\n| --- | --- | --- |\n");
            for key in keys {
                page.push_str(&row(key));
            }
        }
    }
    page
}

fn row(key: &Key) -> String {
    let unit = key
        .unit_text()
        .map(|unit| format!(" {unit}"))
        .unwrap_or_default();
    let variable = key.own_variable().map(|name| format!(" (`{name}`)"));
    let variable = variable.unwrap_or_default();
    let default = key.default_text().unwrap_or_else(|| "–".to_owned());
    format!(
        "| `{}{}`{variable} | {} | {} |\n",
        key.flag(),
        unit.replace('|', "\\|"),
        default.replace('|', "\\|"),
        key.help().replace('|', "\\|"),
    )
}

fn example() -> String {
    let mut file = String::from(
        "# Copy to wattwise.toml and change what you need; docs/configuration.md explains the rules.\n\
         # Lines that begin with \"#: \" show the defaults, lines that begin with \"#= \" an example; remove the\n\
         # mark to set one. Written by `make reference` from the tables in src/config.\n",
    );
    for keys in KEYS {
        let _ = write!(file, "\n[{}]\n", keys[0].section());
        for key in keys {
            for line in wrapped(&key.help()) {
                let _ = writeln!(file, "# {line}");
            }
            let (line, is_default) = key.file_line();
            let _ = writeln!(file, "{} {line}", if is_default { "#:" } else { "#=" });
        }
    }
    file
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].len() + word.len() + 3 > WIDTH {
            lines.push(word.to_owned());
        } else {
            let gap = if lines[last].is_empty() { "" } else { " " };
            let _ = write!(lines[last], "{gap}{word}");
        }
    }
    lines
}

fn compare(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("WATTWISE_WRITE_REFERENCE").is_some() {
        fs_err::write(&path, expected).unwrap();
    }
    let found = fs_err::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{name} is not what src/config says; run `make reference`"
    );
}

#[test]
fn the_page_of_the_configuration_is_what_the_tables_say() {
    compare("docs/configuration.md", &page());
}

#[test]
fn the_example_file_is_what_the_tables_say() {
    compare("wattwise.example.toml", &example());
}

#[test]
fn the_example_file_can_be_used() {
    let set = |marks: &[&str]| -> String {
        let mark = |line: &str| {
            let set = marks.iter().find_map(|mark| line.strip_prefix(mark));
            set.unwrap_or(line).to_owned() + "\n"
        };
        example().lines().map(mark).collect()
    };
    parse(&set(&[])).unwrap();
    let everything = parse(&set(&["#: ", "#= "])).unwrap();
    assert!(everything.serve.cors_origin.is_some() && everything.ingest.pages.is_some());
    // The defaults that it shows are those that hold.
    let shown = parse(&set(&["#: "])).unwrap();
    let (shown, plain) = (
        shown.limits.resolve().unwrap(),
        File::default().limits.resolve().unwrap(),
    );
    assert_eq!(shown, plain);
}
