//! The JSON file that names the pages to fetch.

use std::path::Path;

use serde::Deserialize;
use url::Url;

use super::ListError;
use super::scope::normalize;

#[derive(Deserialize)]
struct UrlList {
    energy_saving_resources: Vec<String>,
}

/// Reads `{"energy_saving_resources": [url, …]}`. Addresses are normalized and repeated ones
/// kept once, in the order of the file.
pub fn read_url_list(path: &Path) -> Result<Vec<Url>, ListError> {
    let malformed = |reason: String| ListError::Malformed {
        path: path.to_owned(),
        reason,
    };
    let json = fs_err::read(path).map_err(|source| ListError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let list: UrlList =
        serde_json::from_slice(&json).map_err(|error| malformed(error.to_string()))?;
    let mut urls = Vec::new();
    for text in list.energy_saving_resources {
        let url =
            Url::parse(text.trim()).map_err(|error| malformed(format!("{text:?}: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(malformed(format!(
                "{text:?} is not an http or https address"
            )));
        }
        let url = normalize(url);
        if !urls.contains(&url) {
            urls.push(url);
        }
    }
    Ok(urls)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Vec<Url>, ListError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), json).unwrap();
        read_url_list(file.path())
    }

    #[test]
    fn repeats_and_fragments_go() {
        let urls =
            read(r#"{"energy_saving_resources": ["https://a.example/x#top", "https://a.example/x", "http://b.example"]}"#)
                .unwrap();
        assert_eq!(
            urls.iter().map(Url::as_str).collect::<Vec<_>>(),
            ["https://a.example/x", "http://b.example/"]
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(
            read("[]")
                .unwrap_err()
                .to_string()
                .contains("energy_saving_resources")
        );
        assert!(
            read(r#"{"energy_saving_resources": ["nonsense"]}"#)
                .unwrap_err()
                .to_string()
                .contains("nonsense")
        );
        assert!(
            read(r#"{"energy_saving_resources": ["file:///etc/passwd"]}"#)
                .unwrap_err()
                .to_string()
                .contains("http")
        );
    }
}
