//! What to ingest: addresses from the list, files from the folders.

use std::path::{Path, PathBuf};

use url::Url;

use super::IngestError;
use super::folders::{self, FolderRules, LeftOut};
use crate::crawl::read_url_list;

/// One thing to ingest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A page that the operator named.
    Url(Url),
    /// A page that was found: in a sitemap or behind a link.
    Link(Url),
    File(PathBuf),
    /// A part of a folder that is not read.
    LeftOut(LeftOut),
}

impl Source {
    /// The address of a page.
    pub(super) fn url(&self) -> Option<&Url> {
        match self {
            Self::Url(url) | Self::Link(url) => Some(url),
            Self::File(_) | Self::LeftOut(_) => None,
        }
    }

    /// The name under which its document is known, on every run.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Url(url) | Self::Link(url) => url.to_string(),
            Self::File(path) | Self::LeftOut(LeftOut { path, .. }) => {
                path.to_string_lossy().replace('\\', "/")
            }
        }
    }
}

/// Lists all sources: addresses in the order of the list, then files folder by folder, by name, and
/// what of the folders is not read.
pub(super) fn list(
    urls: Option<&Path>,
    folders: &[PathBuf],
    index: &Path,
    rules: FolderRules,
) -> Result<Vec<Source>, IngestError> {
    let mut sources = Vec::new();
    if let Some(path) = urls {
        sources.extend(read_url_list(path)?.into_iter().map(Source::Url));
    }
    for folder in folders {
        let listed = folders::list(folder, index, rules).map_err(|source| IngestError::Folder {
            path: folder.to_owned(),
            source,
        })?;
        sources.extend(listed.files.into_iter().map(Source::File));
        sources.extend(listed.left_out.into_iter().map(Source::LeftOut));
    }
    let mut seen = std::collections::HashSet::new();
    sources.retain(|source| seen.insert(source.name()));
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_walked_in_order_and_what_is_not_read_comes_after() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.md", "a.pdf", ".hidden.md", "picture.png", "deep/c.txt"] {
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "x").unwrap();
        }
        let sources = list(
            None,
            &[folder.path().to_owned(), folder.path().to_owned()],
            Path::new("no-index"),
            FolderRules::default(),
        )
        .unwrap();
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
        assert_eq!(
            names,
            [
                "/a.pdf",
                "/b.md",
                "/deep/c.txt",
                "/picture.png",
                "/.hidden.md"
            ]
        );
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = list(
            None,
            &[PathBuf::from("no/such/folder")],
            Path::new("no-index"),
            FolderRules::default(),
        )
        .unwrap_err();
        assert!(error.to_string().contains("no/such/folder"));
    }
}
