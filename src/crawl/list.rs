//! The file that names the pages to fetch.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read};
use std::path::Path;

use serde_json::Value;
use serde_json::error::Category;
use url::Url;

use super::ListError;
use super::scope::normalize;

/// Stands for standard input where a file is expected.
const STANDARD_INPUT: &str = "-";

/// The most bytes of a list: far above a million addresses.
const MOST_BYTES: u64 = 256 << 20;

/// One entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// A page, as it is to be asked for.
    Page(Url),
    /// Something that names no page.
    Unusable {
        /// What stands there. It may hold a password.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads one address a line (blank lines and those that begin with `#` are passed over), a JSON list
/// `[url, …]`, or an object with one such list, `{"pages": [url, …]}`; from standard input for `-`. Addresses are
/// normalized and repeated ones kept once, in the order of the file.
pub fn read_url_list(path: &Path) -> Result<Vec<Listed>, ListError> {
    let text = read(path).map_err(|source| ListError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let entries = parse(&text).map_err(|reason| ListError::Malformed {
        path: path.to_owned(),
        reason,
    })?;
    let mut seen = HashSet::new();
    let entries = entries.into_iter();
    Ok(entries
        .filter(|entry| match entry {
            Listed::Page(url) => seen.insert(url.clone()),
            Listed::Unusable { .. } => true,
        })
        .collect())
}

fn read(path: &Path) -> io::Result<String> {
    let source: Box<dyn Read> = if path == Path::new(STANDARD_INPUT) {
        Box::new(io::stdin().lock())
    } else {
        Box::new(fs_err::File::open(path)?)
    };
    let mut text = String::new();
    source.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

fn parse(text: &str) -> Result<Vec<Listed>, String> {
    let text = text.trim_start_matches('\u{FEFF}').trim();
    let json = |error: serde_json::Error| without_values(&error);
    let values = match text.as_bytes().first() {
        Some(b'{') => {
            let named: BTreeMap<String, Vec<Value>> = serde_json::from_str(text).map_err(json)?;
            let mut lists = named.into_values();
            match (lists.next(), lists.next()) {
                (Some(list), None) => list,
                (None, _) => return Err("its object holds no list".to_owned()),
                (Some(_), Some(_)) => return Err("its object holds several lists".to_owned()),
            }
        }
        Some(b'[') => serde_json::from_str(text).map_err(json)?,
        _ => return lines(text),
    };
    Ok(values.iter().map(read_entry).collect())
}

fn lines(text: &str) -> Result<Vec<Listed>, String> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let entries: Vec<Listed> = lines.map(read_text).collect();
    let is_page = |entry: &Listed| matches!(entry, Listed::Page(_));
    if !entries.is_empty() && !entries.iter().any(is_page) {
        return Err("no line is an http or https address".to_owned());
    }
    Ok(entries)
}

fn read_entry(entry: &Value) -> Listed {
    let Value::String(text) = entry else {
        return Listed::Unusable {
            text: entry.to_string(),
            reason: "not an address: the list holds texts".to_owned(),
        };
    };
    read_text(text)
}

fn read_text(text: &str) -> Listed {
    let reason = match Url::parse(text.trim()) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => return Listed::Page(normalize(url)),
        Ok(_) => "not an http or https address".to_owned(),
        Err(error) => format!("not an address: {error}"),
    };
    Listed::Unusable {
        text: text.to_owned(),
        reason,
    }
}

/// What is wrong with a file, without the value that stands there: it may be an address with a
/// password.
fn without_values(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Data => {
            let said = error.to_string();
            // "invalid type: string \"…\", expected a sequence", "missing field `…`"
            let expected = said.rsplit_once("expected ").map(|(_, rest)| rest);
            expected.map_or(said.clone(), |expected| format!("expected {expected}"))
        }
        Category::Io | Category::Syntax | Category::Eof => {
            format!("no JSON at line {line} column {column}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Listed>, ListError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), text).unwrap();
        read_url_list(file.path())
    }

    #[test]
    fn repeats_and_fragments_go() {
        let entries = read(
            r#"{"pages": ["https://a.example/x#top", "https://a.example/x", "http://b.example"]}"#,
        )
        .unwrap();
        let page = |text: &str| Listed::Page(Url::parse(text).unwrap());
        assert_eq!(
            entries,
            [page("https://a.example/x"), page("http://b.example/")]
        );
    }

    #[test]
    fn a_list_may_be_plain() {
        let page = |text: &str| Listed::Page(Url::parse(text).unwrap());
        let both = [page("https://a.example/"), page("http://b.example/c")];
        for text in [
            r#"["https://a.example", "http://b.example/c", "https://a.example"]"#,
            "\u{FEFF}# Ours\nhttps://a.example\r\n\n  http://b.example/c\n",
        ] {
            assert_eq!(read(text).unwrap(), both);
        }
        assert_eq!(read("\n# nothing yet\n").unwrap(), []);
        assert!(matches!(
            &read("https://a.example\nwords").unwrap()[1],
            Listed::Unusable { text, .. } if text == "words"
        ));
    }

    #[test]
    fn entries_that_are_no_pages_stand_among_those_that_are() {
        let entries = read(
            r#"{"pages": ["nonsense", "file:///etc/passwd", 7, "http://[bad", "http://b.example"]}"#,
        )
        .unwrap();
        let reasons: Vec<&str> = entries
            .iter()
            .filter_map(|entry| match entry {
                Listed::Unusable { reason, .. } => Some(reason.as_str()),
                Listed::Page(_) => None,
            })
            .collect();
        assert_eq!((entries.len(), reasons.len()), (5, 4));
        assert!(reasons[0].contains("relative URL") && reasons[1].contains("http"));
        assert!(reasons[2].contains("texts") && reasons[3].contains("IPv6"));
    }

    #[test]
    fn a_file_that_is_no_list_is_refused_without_what_stands_in_it() {
        let refused = |json: &str| read(json).unwrap_err().to_string();
        assert!(refused("{}").contains("no list"));
        assert!(refused("ftp://a:s3cret@b.example\nwords").contains("no line"));
        assert!(refused(r#"{"a": [], "b": []}"#).contains("several lists"));
        for json in [
            r#"{"pages": "http://a:s3cret@b.example"}"#,
            r#"{"pages": ["http://a:s3cret@b.example""#,
        ] {
            let reason = refused(json);
            assert!(
                !reason.contains("s3cret") && reason.contains("expected"),
                "{reason}"
            );
        }
    }
}
