//! The JSON file that names the pages to fetch.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;
use url::Url;

use super::ListError;
use super::scope::normalize;

#[derive(Deserialize)]
struct UrlList {
    energy_saving_resources: Vec<Value>,
}

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

/// Reads `{"energy_saving_resources": [url, …]}`. Addresses are normalized and repeated ones
/// kept once, in the order of the file.
pub fn read_url_list(path: &Path) -> Result<Vec<Listed>, ListError> {
    let json = fs_err::read(path).map_err(|source| ListError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let list: UrlList = serde_json::from_slice(&json).map_err(|error| ListError::Malformed {
        path: path.to_owned(),
        reason: without_values(&error),
    })?;
    let mut seen = HashSet::new();
    let entries = list.energy_saving_resources.iter().map(read_entry);
    Ok(entries
        .filter(|entry| match entry {
            Listed::Page(url) => seen.insert(url.clone()),
            Listed::Unusable { .. } => true,
        })
        .collect())
}

fn read_entry(entry: &Value) -> Listed {
    let Value::String(text) = entry else {
        return Listed::Unusable {
            text: entry.to_string(),
            reason: "not an address: the list holds texts".to_owned(),
        };
    };
    let reason = match Url::parse(text.trim()) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => return Listed::Page(normalize(url)),
        Ok(_) => "not an http or https address".to_owned(),
        Err(error) => format!("not an address: {error}"),
    };
    Listed::Unusable {
        text: text.clone(),
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

    fn read(json: &str) -> Result<Vec<Listed>, ListError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), json).unwrap();
        read_url_list(file.path())
    }

    #[test]
    fn repeats_and_fragments_go() {
        let entries =
            read(r#"{"energy_saving_resources": ["https://a.example/x#top", "https://a.example/x", "http://b.example"]}"#)
                .unwrap();
        let page = |text: &str| Listed::Page(Url::parse(text).unwrap());
        assert_eq!(
            entries,
            [page("https://a.example/x"), page("http://b.example/")]
        );
    }

    #[test]
    fn entries_that_are_no_pages_stand_among_those_that_are() {
        let entries = read(
            r#"{"energy_saving_resources": ["nonsense", "file:///etc/passwd", 7, "http://[bad", "http://b.example"]}"#,
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
        assert!(refused("[]").contains("energy_saving_resources"));
        for json in [
            r#"{"energy_saving_resources": "http://a:s3cret@b.example"}"#,
            r#"{"energy_saving_resources": ["http://a:s3cret@b.example""#,
        ] {
            let reason = refused(json);
            assert!(
                !reason.contains("s3cret") && reason.contains("expected"),
                "{reason}"
            );
        }
    }
}
