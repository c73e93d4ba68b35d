//! What to ingest: addresses from the list, files from the folders.

use std::path::{Path, PathBuf};

use url::Url;

use super::IngestError;
use crate::crawl::{Credentials, Listed, Masks, read_url_list};
use crate::model::ContentKind;

/// One thing to ingest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A page that the operator named.
    Url(Page),
    /// A page that was found: in a sitemap or behind a link.
    Link(Page),
    File(PathBuf),
    /// Something in the list that names no page, as it may be shown, and what is wrong with it.
    Unusable(String, String),
}

/// A page of the web.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// Where it is asked for, without user and password.
    pub(super) url: Url,
    /// Its address as it may be shown.
    pub(super) name: String,
}

impl Page {
    pub(super) fn new(url: Url, masks: &Masks) -> Self {
        Self {
            name: masks.shown(&url),
            url,
        }
    }
}

impl Source {
    /// The address of a page.
    pub(super) fn url(&self) -> Option<&Url> {
        match self {
            Self::Url(page) | Self::Link(page) => Some(&page.url),
            Self::File(_) | Self::Unusable(..) => None,
        }
    }

    /// The name under which its document is known, on every run.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Url(page) | Self::Link(page) => page.name.clone(),
            Self::Unusable(name, _) => name.clone(),
            Self::File(path) => path.to_string_lossy().replace('\\', "/"),
        }
    }
}

/// Folders deeper than this are not entered: a loop of mounts must not end the run.
const DEEPEST_FOLDER: usize = 32;

/// Lists all sources: addresses in the order of the list, then files folder by folder, by name.
/// What sites want to be told goes into `credentials`.
pub(super) fn list(
    urls: Option<&Path>,
    folders: &[PathBuf],
    masks: &Masks,
    credentials: &mut Credentials,
) -> Result<Vec<Source>, IngestError> {
    let mut sources = Vec::new();
    if let Some(path) = urls {
        let listed = read_url_list(path)?.into_iter();
        sources.extend(listed.map(|entry| match entry {
            Listed::Page(url) => Source::Url(Page::new(credentials.take(url), masks)),
            Listed::Unusable { text, reason } => Source::Unusable(masks.shown_text(&text), reason),
        }));
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

    fn listed(folders: &[PathBuf]) -> Result<Vec<Source>, IngestError> {
        let masks = Masks::new(&[], [0; 32]);
        list(None, folders, &masks, &mut Credentials::default())
    }

    #[test]
    fn folders_are_walked_in_order_without_hidden_files() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.md", "a.pdf", ".hidden.md", "picture.png", "deep/c.txt"] {
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "x").unwrap();
        }
        let sources = listed(&[folder.path().to_owned(), folder.path().to_owned()]).unwrap();
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
        let error = listed(&[PathBuf::from("no/such/folder")]).unwrap_err();
        assert!(error.to_string().contains("no/such/folder"));
    }
}
