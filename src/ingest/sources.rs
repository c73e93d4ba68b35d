//! What to ingest: addresses from the list, files from the folders.

use std::path::{Path, PathBuf};

use url::Url;

use super::IngestError;
use crate::crawl::read_url_list;
use crate::model::ContentKind;

/// One thing to ingest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A page that the operator named.
    Url(Url),
    /// A page that was found: in a sitemap or behind a link.
    Link(Url),
    File(PathBuf),
}

impl Source {
    /// The address of a page.
    pub(super) fn url(&self) -> Option<&Url> {
        match self {
            Self::Url(url) | Self::Link(url) => Some(url),
            Self::File(_) => None,
        }
    }

    /// The name under which its document is known, on every run.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Url(url) | Self::Link(url) => url.to_string(),
            Self::File(path) => path.to_string_lossy().replace('\\', "/"),
        }
    }
}

/// Folders deeper than this are not entered: a loop of mounts must not end the run.
const DEEPEST_FOLDER: usize = 32;

/// Lists all sources: addresses in the order of the list, then files folder by folder, by name.
pub(super) fn list(urls: Option<&Path>, folders: &[PathBuf]) -> Result<Vec<Source>, IngestError> {
    let mut sources = Vec::new();
    if let Some(path) = urls {
        sources.extend(read_url_list(path)?.into_iter().map(Source::Url));
    }
    for folder in folders {
        let mut files = Vec::new();
        collect_files(folder, 0, &mut files)?;
        files.sort();
        sources.extend(files.into_iter().map(Source::File));
    }
    let mut seen = std::collections::HashSet::new();
    sources.retain(|source| seen.insert(source.name()));
    Ok(sources)
}

/// Files of the kinds we read; hidden names and links to folders are passed over.
fn collect_files(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), IngestError> {
    let failed = |source| IngestError::Folder {
        path: path.to_owned(),
        source,
    };
    if fs_err::metadata(path).map_err(failed)?.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs_err::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() && depth < DEEPEST_FOLDER {
            collect_files(&entry.path(), depth + 1, files)?;
        } else if !kind.is_dir() && is_readable_kind(&entry.path()) && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn is_readable_kind(path: &Path) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .and_then(ContentKind::from_extension)
        .is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_walked_in_order_without_hidden_files() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.md", "a.pdf", ".hidden.md", "picture.png", "deep/c.txt"] {
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "x").unwrap();
        }
        let sources = list(None, &[folder.path().to_owned(), folder.path().to_owned()]).unwrap();
        let names: Vec<String> = sources
            .iter()
            .map(|source| {
                source
                    .name()
                    .strip_prefix(folder.path().to_str().unwrap())
                    .unwrap()
                    .to_owned()
            })
            .collect();
        assert_eq!(names, ["/a.pdf", "/b.md", "/deep/c.txt"]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = list(None, &[PathBuf::from("no/such/folder")]).unwrap_err();
        assert!(error.to_string().contains("no/such/folder"));
    }
}
